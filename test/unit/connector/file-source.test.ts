// The file source on JSON lines: what a file is, where lines begin and end, which errors say what. Other formats go through the same code.
import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { defineSchema, t } from '../../../src/batch/types.ts'
import { type FileSourceOptions, fileSource } from '../../../src/connector/file/file-source.ts'
import { expandBraces, globPaths, matchesName } from '../../../src/connector/file/file-listing.ts'
import { jsonFormat } from '../../../src/format/json/json-format.ts'
import { parquetFormat } from '../../../src/format/parquet/parquet-format.ts'
import { PollResult } from '../../../src/operator/source.ts'
import { readAll, scratchFolder, SourceProbe } from './file-probe.ts'

const folder = scratchFolder()
const schema = defineSchema({ id: t.int(), text: t.string().nullable() })

let files = 0
function fileWith(content: string | Uint8Array, name: string = `file-${files++}.json`): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

function read(path: string | readonly string[], options: Partial<FileSourceOptions> = {}): unknown[] {
  return readAll(fileSource({ path, format: jsonFormat(), schema, ...options })).map(({ id }) => id)
}

const lines = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, index) => `{"id":${from + index},"text":"line ${from + index}"}\n`).join('')
const ids = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index)

describe('lines', () => {
  test.each([
    ['an empty file', '', []],
    ['nothing but a byte order mark', '\ufeff', []],
    ['nothing but line feeds', '\n\n\r\n', []],
    ['a byte order mark before the first line', '\ufeff{"id":1}\n{"id":2}\n', [1, 2]],
    ['no final line feed', '{"id":1}\n{"id":2}', [1, 2]],
    ['carriage returns', '{"id":1}\r\n{"id":2}\r\n', [1, 2]],
    ['a carriage return at the very end', '{"id":1}\r\n{"id":2}\r', [1, 2]],
    ['blank lines between', '{"id":1}\n\n  \n{"id":2}\n\n', [1, 2]],
    ['blanks around', '  {"id":1}  \n\t{ "id" : 2 }\t\n', [1, 2]],
  ])('%s', (_, content, expected) => {
    const path = fileWith(content)
    for (const readBytes of [1, 2, 3, 7, 1 << 20]) for (const splitBytes of [1, 5, 1 << 20]) expect(read(path, { readBytes, splitBytes })).toEqual(expected)
  })

  test('are read once each, in order, whatever the size of splits, blocks and batches', () => {
    const path = fileWith(lines(0, 200))
    for (const splitBytes of [17, 100, 999, 1 << 20])
      for (const readBytes of [10, 64, 333, 1 << 20])
        for (const batchRowsMax of [1, 13, 1000])
          expect(readAll(fileSource({ path, format: jsonFormat(), schema, splitBytes, readBytes }), batchRowsMax).map(({ id }) => id)).toEqual(ids(0, 200))
  })

  test('strings of many sizes make batches grow, not break', () => {
    const long = Array.from({ length: 60 }, (_, index) => JSON.stringify({ id: index, text: 'é'.repeat((index * 7919) % 40_000) }))
    const rows = readAll(fileSource({ path: fileWith(long.join('\n')), format: jsonFormat(), schema, readBytes: 50_000 }), 16)
    expect(rows.map((row) => JSON.stringify(row))).toEqual(long)
  })

  test('a long list in the first record makes no room for text', () => {
    const texts = Array.from({ length: 20 }, (_, index) => `text${index}`)
    const wide = defineSchema({ ...Object.fromEntries(texts.map((name) => [name, t.string()])), tags: t.array(t.string()) })
    const record = JSON.stringify({ ...Object.fromEntries(texts.map((name) => [name, name])), tags: Array.from({ length: 100_000 }, (_, index) => `${index}`) })
    const path = fileWith(`${record}\n${record}\n`)
    const probe = new SourceProbe(fileSource({ path, format: jsonFormat(), schema: wide, readBytes: 1 << 20 }))
    expect(probe.poll()).toBe(PollResult.BATCH)
    // Two blocks, a batch whose texts have room for one record each (a power of two), and the list.
    expect(probe.context.slab.allocatedBytes).toBeLessThan(2 * (1 << 20) + 30 * (1 << 21))
    probe.close()
  })

  test('batches grow over the borders of blocks', () => {
    const probe = new SourceProbe(fileSource({ path: fileWith(lines(0, 1000)), format: jsonFormat(), schema, readBytes: 100 }), { batchRowsMax: 400 })
    probe.poll()
    expect(probe.reader.batch.rowCount).toBeGreaterThanOrEqual(200)
    probe.close()
  })

  test('the split of a batch is the number it was handed out with', () => {
    const probe = new SourceProbe(fileSource({ path: fileWith(lines(0, 100)), format: jsonFormat(), schema, splitBytes: 700 }))
    const seen: number[] = []
    while (probe.poll() === PollResult.BATCH) seen.push(probe.reader.batch.split)
    expect(seen).toEqual(probe.splits.map((_, index) => index + 1))
    probe.close()
  })

  test('what is appended after the listing is not read', () => {
    const path = fileWith(lines(0, 3))
    const source = fileSource({ path, format: jsonFormat(), schema })
    const probe = new SourceProbe(source)
    writeFileSync(path, lines(3, 5), { flag: 'a' })
    expect(probe.drain().rows.map(({ id }) => id)).toEqual([0, 1, 2])
    probe.close()
  })

  test('a file that is cut while it is read is an error', () => {
    const path = fileWith(lines(0, 100))
    const probe = new SourceProbe(fileSource({ path, format: jsonFormat(), schema, readBytes: 100 }))
    writeFileSync(path, lines(0, 3))
    expect(() => probe.drain()).toThrow(/it was cut while it was read, to less than \d+ bytes/)
    probe.close()
  })

  test('UTF-16 is refused by name', () => {
    for (const content of [Buffer.from('\ufeff{"id":1}\n', 'utf16le'), Buffer.from([0xfe, 0xff, 0, 0x7b])])
      expect(() => read(fileWith(content))).toThrow('it is UTF-16 text')
  })
})

describe('which files', () => {
  const tree = join(folder, 'tree')
  for (const path of ['a', 'a/deep', 'a/.hidden', 'b', 'empty']) mkdirSync(join(tree, path), { recursive: true })
  for (const [path, id] of [
    ['a/2.json', 2],
    ['a/10.json', 10],
    ['a/1.txt', 1],
    ['a/deep/3.json', 3],
    ['a/.hidden/4.json', 4],
    ['b/5.json', 5],
    ['b/.6.json', 6],
    ['b/_7.json', 7],
    ['b/[x].json', 8],
  ] as const)
    writeFileSync(join(tree, path), `{"id":${id}}\n`)
  symlinkSync(join(tree, 'a'), join(tree, 'b/link'))
  symlinkSync(join(tree, 'b/5.json'), join(tree, 'linked.json'))

  test.each([
    ['a', [1, 10, 2]],
    ['a/*.json', [10, 2]],
    ['a/?.json', [2]],
    ['a/**/*.json', [10, 2, 3]],
    ['**/*.json', [10, 2, 3, 5, 8, 5]],
    ['{b,a}/*.json', [10, 2, 5, 8]],
    ['a/[0-9].*', [1, 2]],
    ['a/[!0-9]*/*.json', [3]],
    ['b/.*.json', [6]],
    ['b/[x].json', [8]],
    ['linked.json', [5]],
    ['b/link/2.json', [2]],
  ])('%s', (path, expected) => {
    expect(read(join(tree, path))).toEqual(expected)
  })

  test('several paths are read in their order, each file once', () => {
    expect(read([join(tree, 'b/5.json'), join(tree, 'a'), join(tree, 'a/2.json')])).toEqual([5, 1, 10, 2])
  })

  test.each([
    ['nothing/there.json', /Cannot read ".*nothing\/there.json": there is no such file or folder/],
    ['a/1.txt/x', /there is no such file or folder/],
    ['empty', /Cannot read ".*empty": the folder holds no files/],
    ['*.csv', /Cannot read ".*\*\.csv": no file matches/],
    ['a/de*', /no file matches/],
  ])('%s is an error', (path, message) => {
    expect(() => read(join(tree, path))).toThrow(message)
  })

  test('a relative path that is not there says where it begins', () => {
    const hint = `Relative paths begin in the working directory, ${process.cwd()}.`
    for (const path of ['no-such-file.json', 'no-such-*.json'])
      expect(() => read(path)).toThrow(expect.objectContaining({ code: 'FILE_NOT_FOUND', hint }) as Error)
    expect(() => read(join(tree, 'none'))).toThrow(expect.objectContaining({ code: 'FILE_NOT_FOUND', hint: undefined }) as Error)
  })

  test('a named pipe and a device are not files', () => {
    const pipe = join(folder, 'pipe')
    execFileSync('mkfifo', [pipe])
    expect(() => read(pipe)).toThrow(/it is a named pipe, not a file/)
    expect(() => read('/dev/null')).toThrow('Cannot read "/dev/null": it is a device, not a file')
  })

  test('a file that goes between listing and reading is an error', () => {
    const probe = new SourceProbe(fileSource({ path: fileWith('{"id":1}\n'), format: jsonFormat(), schema }), {
      splits: [{ id: 'x', payload: { path: join(folder, 'gone.json'), kind: 'lines', start: 0, end: 5, size: 5, rowGroup: 0 } }],
    })
    expect(() => probe.poll()).toThrow(/Cannot read ".*gone.json": it is gone/)
    probe.close()
  })

  test('splits are about as long as asked for, and leave no crumbs', () => {
    const path = fileWith('x'.repeat(1000))
    const bounds = (splitBytes: number): number[][] =>
      fileSource({ path, format: jsonFormat(), schema, splitBytes })
        .enumerate()
        .map(({ payload }) => [(payload as { start: number }).start, (payload as { end: number }).end])
    expect(bounds(400)).toEqual([
      [0, 400],
      [400, 800],
      [800, 1000],
    ])
    expect(bounds(450)).toEqual([
      [0, 450],
      [450, 1000],
    ])
    expect(bounds(5000)).toEqual([[0, 1000]])
  })

  test('patterns: braces, sets and stars', () => {
    expect(expandBraces('a{b,c{d,e}}f{,g}')).toEqual(['abf', 'abfg', 'acdf', 'acdfg', 'acef', 'acefg'])
    expect(expandBraces('a{b}c{')).toEqual(['a{b}c{'])
    expect(() => expandBraces('{a,b}'.repeat(12))).toThrow('its braces stand for more than 1024 patterns')
    expect(matchesName('*a*b*', 'xxaxxbxx')).toBe(true)
    expect(matchesName('*a*b', 'xxaxxbx')).toBe(false)
    expect(matchesName('[]a]', ']')).toBe(true)
    expect(matchesName('[^a-c]', 'b')).toBe(false)
    expect(matchesName('[', '[')).toBe(true)
    expect(matchesName('*', '.x')).toBe(false)
    // Linear where a regular expression would take years.
    expect(matchesName('*a'.repeat(30), 'a'.repeat(29))).toBe(false)
    expect(globPaths(join(tree, 'a/*'))).toHaveLength(3)
  })
})

describe('options', () => {
  const make = (options: object) => () => fileSource({ path: 'x', format: jsonFormat(), schema, ...options })

  test.each([
    [{ path: [] }, 'path names no file'],
    [{ path: [1] }, 'path must be a string or a list of strings, not 1'],
    [{ path: undefined }, 'path must be a string or a list of strings, not undefined'],
    [{ path: 7 }, 'path must be a string or a list of strings, not 7'],
    [{ splitBytes: 0 }, 'splitBytes=0 must be a positive integer'],
    [{ lineBytesMax: 1.5 }, 'lineBytesMax=1.5 must be an integer'],
    [{ onBadRecord: 'ignore' }, 'onBadRecord must be one of fail, skip, null, dead-letter, not "ignore"'],
    [{ timeOrder: 'random' }, 'timeOrder must be sequence or none'],
    [{ format: 'json' }, 'format must be made by jsonFormat'],
    [{ schema: {} }, 'schema must be made by defineSchema'],
    [{ schema: defineSchema({ o: t.object() }) }, 'values of JavaScript have no JSON form'],
    [{ format: parquetFormat(), follow: true }, 'Parquet needs whole files'],
    [{ path: '-', follow: true }, 'standard input cannot be followed'],
  ])('%j is refused', (options, message) => {
    expect(make(options)).toThrow(message)
  })

  test('describe tells what is read', () => {
    expect(fileSource({ path: ['a', 'b'], format: jsonFormat(), schema, follow: true }).describe()).toBe('a, b as JSON lines, strict, followed')
    expect(fileSource({ path: '-', format: jsonFormat(), schema })).toMatchObject({ bounded: true, parallelismMax: 1, options: { timeOrder: 'sequence' } })
  })
})

describe('Parquet', () => {
  const path = 'test/fixtures/files/parquet/flat-plain-v1.parquet'

  test('row groups are splits', () => {
    const source = fileSource({ path, format: parquetFormat(), schema: defineSchema({ req: t.int() }) })
    expect(source.enumerate().map(({ id }) => id)).toEqual([`${path}#1`, `${path}#2`, `${path}#3`])
    expect(readAll(source, 7).map(({ req }) => req)).toEqual(ids(0, 60))
  })

  test('several files of different shape', () => {
    const schema = defineSchema({ req: t.int() })
    expect(readAll(fileSource({ path: 'test/fixtures/files/parquet/flat-*.parquet', format: parquetFormat(), schema }))).toHaveLength(360)
  })

  test.each([
    ['fail', 0, 0, 0],
    ['skip', 52, 8, 0],
    ['null', 52, 8, 0],
    ['dead-letter', 52, 8, 8],
  ] as const)('a NULL in a column that is NOT NULL, policy %s', (onBadRecord, rows, bad, letters) => {
    const probe = new SourceProbe(fileSource({ path, format: parquetFormat(), schema: defineSchema({ req: t.int(), i32: t.int() }), onBadRecord }), {
      batchRowsMax: 10,
    })
    let message = ''
    try {
      probe.drain()
    } catch (error) {
      message = (error as Error).message
    }
    expect(message).toBe(onBadRecord === 'fail' ? `Cannot read record: ${path} row group 1, row 7, column "i32": expected a value, found NULL` : '')
    expect(probe.rows).toHaveLength(rows)
    expect(probe.context.metrics.badRecords).toBe(bad)
    expect(probe.sides.letters).toHaveLength(letters)
    probe.close()
    expect(probe.context.slab.allocatedBytes).toBe(0)
  })

  test('a value that does not fit becomes NULL under the policy null', () => {
    const probe = new SourceProbe(
      fileSource({ path, format: parquetFormat(), schema: defineSchema({ req: t.int(), i32: t.tinyint().nullable() }), onBadRecord: 'null' }),
    )
    probe.drain()
    expect(probe.rows.filter(({ i32 }) => i32 !== null)).toEqual([{ req: 30, i32: 0 }])
    expect([probe.context.metrics.badRecords, probe.context.counters.get('nulledValues')!.value]).toEqual([0, 51])
    probe.close()
  })

  test('a snapshot at any batch, restored, gives the rest exactly once', () => {
    const source = fileSource({ path, format: parquetFormat(), schema: defineSchema({ req: t.int(), s: t.string().nullable() }) })
    for (let polls = 0; polls < 9; polls++) {
      const first = new SourceProbe(source, { batchRowsMax: 9 })
      for (let poll = 0; poll < polls; poll++) first.poll()
      const second = new SourceProbe(source, { batchRowsMax: 5, snapshot: first.snapshot(), next: first.next })
      expect([...first.rows, ...second.drain().rows].map(({ req }) => req)).toEqual(ids(0, 60))
      first.close()
      second.close()
    }
  })
})
