// Where bad records go under the policy `dead-letter`: to the side output, a file or both, and never nowhere.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  BAD_RECORDS,
  BAD_RECORD_SCHEMA,
  BadRecordError,
  defineSchema,
  type FileSourceOptions,
  fileSource,
  jsonFormat,
  OutputTag,
  type PlanError,
  readableSource,
  type Source,
  type StreamExecutionEnvironment,
  t,
  WatermarkStrategy,
} from 'millrace'
import { runJob } from 'millrace/testing'
import { fromErrorRecord, toErrorRecord } from '../../../src/base/errors.ts'
import { scratchFolder, SourceProbe } from './file-probe.ts'

const folder = scratchFolder()
const schema = defineSchema({ id: t.int() })
const path = join(folder, 'a', 'd.jsonl')
mkdirSync(join(folder, 'a'))
writeFileSync(path, Buffer.concat([Buffer.from('{"id":1}\n{"id":"x"}\n'), Buffer.from([0xff, 0x0a]), Buffer.from(`${'y'.repeat(200)}\n{"id":2}\n`)]))

const source = (options: Partial<Omit<FileSourceOptions, 'schema'>> = {}): Source<{ id: number }> =>
  fileSource({ path, format: jsonFormat(), schema, onBadRecord: 'dead-letter', lineBytesMax: 100, ...options })
const linesOf = (file: string): unknown[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown)

describe('deadLetterPath', () => {
  const letters = [
    { file: path, line: 2, offset: 9, reason: 'field "id": expected an integer of 32 bits, found "x" at byte 7', truncated: false, text: '{"id":"x"}' },
    { file: path, line: 3, offset: 20, reason: 'expected JSON, found "\ufffd" at byte 1', truncated: false, base64: '/w==' },
    { file: path, line: 4, offset: 22, reason: 'the line is longer than 100 bytes; its first 100 are kept', truncated: true, text: 'y'.repeat(100) },
  ]

  test.each([1, 1 << 20])('takes bad records as text or base64 with place and reason, blocks of %d bytes', (readBytes) => {
    const deadLetterPath = join(folder, `letters-${readBytes}`, 'bad.jsonl')
    const probe = new SourceProbe(source({ deadLetterPath, readBytes }))
    probe.drain().close()
    expect(probe.rows).toEqual([{ id: 1 }, { id: 2 }])
    expect(linesOf(deadLetterPath)).toEqual(letters)
    expect(probe.context.metrics.badRecords).toBe(3)
  })

  test.each([
    ['é', 1023, 'whole characters only'],
    ['🙂', 1021, 'whole characters only'],
    ['🙂', 1020, 'a character that just fits'],
  ])('keeps the first bytes of a line over the limit: %j behind %d bytes, %s', (character, before) => {
    const bytes = Buffer.from(character)
    const long = Buffer.concat([Buffer.alloc(before, 'x'), bytes, Buffer.alloc(2000, 'y')])
    const file = join(folder, 'long.jsonl')
    writeFileSync(file, Buffer.concat([long, Buffer.from('\n{"id":1}\n')]))
    for (const readBytes of [1, 1000, 1 << 20]) {
      const deadLetterPath = join(folder, `long-${before}-${readBytes}.jsonl`)
      const probe = new SourceProbe(source({ path: file, deadLetterPath, readBytes, lineBytesMax: 2000 }))
      expect(probe.drain().rows).toEqual([{ id: 1 }])
      probe.close()
      const kept = before + bytes.length > 1024 ? before : 1024
      const reason = `the line is longer than 2000 bytes; its first ${kept} are kept`
      expect(linesOf(deadLetterPath)).toEqual([{ file, line: 1, offset: 0, reason, truncated: true, text: long.toString('utf8', 0, kept) }])
    }
  })

  test('gets every letter once beside a side output that refuses, and is appended to', () => {
    const deadLetterPath = join(folder, 'both.jsonl')
    for (const times of [1, 2]) {
      const probe = new SourceProbe(source({ deadLetterPath }))
      probe.sides.refusals = 5
      for (let polls = 0; polls < 10; polls++) probe.poll()
      probe.close()
      expect(probe.sides.letters).toHaveLength(3)
      expect(linesOf(deadLetterPath)).toHaveLength(3 * times)
    }
  })

  test('is a path that can be written, for the policy that writes it', () => {
    expect(() => source({ deadLetterPath: join(path, 'below-a-file') }).enumerate(1)).toThrow(/Cannot write dead letters to ".*below-a-file"/)
    expect(() => source({ deadLetterPath: '' })).toThrow('deadLetterPath must be a path')
    expect(() => source({ onBadRecord: 'skip', deadLetterPath: 'x' })).toThrow("deadLetterPath needs onBadRecord: 'dead-letter'")
    expect(() => readableSource(() => [], { format: jsonFormat(), schema, deadLetterPath: 'x' })).toThrow("deadLetterPath needs onBadRecord: 'dead-letter'")
  })

  test('takes those of a stream', async () => {
    const deadLetterPath = join(folder, 'stream.jsonl')
    const stream = readableSource(() => ['{"id":1}\n{"id"', ':}\n'], { format: jsonFormat(), schema, onBadRecord: 'dead-letter', deadLetterPath })
    const { outputs } = await runJob((env) => void env.from(stream).output('rows'))
    expect(outputs.get('rows')).toEqual([{ id: 1 }])
    expect(linesOf(deadLetterPath)).toMatchObject([{ file: 'stream', line: 2, text: '{"id":}' }])
  })
})

/** Why a job cannot be planned. */
async function planError(program: (env: StreamExecutionEnvironment) => void): Promise<[message: string, hint: string | undefined]> {
  const error = await runJob(program).then(
    () => undefined,
    (thrown: PlanError) => thrown,
  )
  return [error?.message ?? '', error?.hint]
}

describe('a plan', () => {
  test('is refused if nobody reads the dead letters', async () => {
    for (const from of [source(), readableSource(() => [], { format: jsonFormat(), schema, onBadRecord: 'dead-letter' })])
      expect(await planError((env) => void env.from(from).output('rows'))).toEqual([
        expect.stringContaining(`nothing reads its side output "bad-records", whose records would be lost`),
        'Read it with getSideOutput(BAD_RECORDS) right behind the source, or give the source a deadLetterPath.',
      ])
  })

  test('is refused if a side output of a source has another name or schema, or does not exist', async () => {
    const reads = (tag: OutputTag<unknown>, options: Partial<Omit<FileSourceOptions, 'schema'>>): ReturnType<typeof planError> =>
      planError((env) => {
        const rows = env.from(source(options))
        rows.output('rows')
        rows.getSideOutput(tag).output('bad')
      })
    const wrong = 'Cannot read side output "bad-record" of source "File": it has no such side output'
    expect(await reads(new OutputTag('bad-record', BAD_RECORD_SCHEMA), {})).toEqual([wrong, 'Did you mean "bad-records"?'])
    expect(await reads(BAD_RECORDS, { onBadRecord: 'skip' })).toEqual([
      expect.stringContaining('it has no such side output'),
      "It has none: one of bad records needs onBadRecord: 'dead-letter'.",
    ])
    expect(await reads(new OutputTag('bad-records', defineSchema({ reason: t.string() })), {})).toEqual([
      expect.stringContaining('Cannot read side output "bad-records" of source "File" as'),
      'Use the tag BAD_RECORDS.',
    ])
  })

  test('finds the side output of a source behind its watermarks too', async () => {
    const { outputs, badRecords } = await runJob((env) => {
      const rows = env.fromSource(
        source(),
        WatermarkStrategy.forBoundedOutOfOrderness<{ id: number }>(5).withTimestampAssigner(({ id }) => id),
      )
      rows.output('rows')
      rows
        .getSideOutput(BAD_RECORDS)
        .map(({ line, reason }) => [line, reason.length > 0])
        .output('bad')
    })
    expect(outputs.get('rows')).toEqual([{ id: 1 }, { id: 2 }])
    expect(outputs.get('bad')).toEqual([
      [2, true],
      [3, true],
      [4, true],
    ])
    expect(badRecords).toBe(3)
  })
})

test('the position of a bad record survives the way between threads', () => {
  const position = { file: 'f', line: 2, column: 7, offset: 9, field: 'id' }
  const error = fromErrorRecord(structuredClone(toErrorRecord(new BadRecordError('BAD_RECORD', 'm', { position }))))
  expect(error).toBeInstanceOf(BadRecordError)
  expect((error as BadRecordError).position).toEqual(position)
})
