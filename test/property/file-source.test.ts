// The file source against the obvious reader: split at line feeds, parse each line. Any content, any cuts, any restarts give the same rows.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import * as fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { defineSchema, t } from '../../src/batch/types.ts'
import { fileSource } from '../../src/connector/file/file-source.ts'
import { csvFormat } from '../../src/format/csv/csv-format.ts'
import { jsonFormat } from '../../src/format/json/json-format.ts'
import type { LineFormat } from '../../src/format/line-format.ts'
import { textFormat } from '../../src/format/text-format.ts'
import { PollResult } from '../../src/operator/source.ts'
import { SourceProbe } from '../unit/connector/file-probe.ts'

const folder = mkdtempSync(join(tmpdir(), 'millrace-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const path = join(folder, 'data')
const schema = defineSchema({ id: t.int(), text: t.string().nullable() })

/** A piece of a file: its bytes, and what it holds: a row, a bad record or nothing. */
interface Piece {
  readonly text: string
  readonly row?: { readonly id: number; readonly text: string | null }
  readonly isBad?: boolean
}

const text = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 30 }), fc.string({ unit: 'binary-ascii', maxLength: 10 }), fc.constant('x'.repeat(300)))
const id = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
const ending = fc.constantFrom('\n', '\r\n')
const blank: fc.Arbitrary<Piece> = ending.map((end) => ({ text: end }))

const jsonPiece: fc.Arbitrary<Piece> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(id, text, ending, fc.boolean())
      .map(([id, text, end, hasText]) => ({ text: JSON.stringify(hasText ? { id, text } : { id }) + end, row: { id, text: hasText ? text : null } })),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom('{', 'garbage', '{"id":1.5}', '{"id":1}x', '[]', 'x'.repeat(700)), ending)
      .map(([bad, end]) => ({ text: bad + end, isBad: true })),
  },
  { weight: 1, arbitrary: blank },
)

/** What CSV makes of a text: quoted if it must be. */
const csvText = (text: string): string => (/[",\n\r]/.test(text) || text === '' ? `"${text.replaceAll('"', '""')}"` : text)
const csvPiece: fc.Arbitrary<Piece> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(id, text, ending, fc.boolean())
      .map(([id, text, end, hasText]) => ({ text: `${id},${hasText ? csvText(text) : ''}${end}`, row: { id, text: hasText ? text : null } })),
  },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom('x,y', '1,2,3', '1', '1,a"b'), ending).map(([bad, end]) => ({ text: bad + end, isBad: true })) },
  { weight: 1, arbitrary: blank },
)

interface Cuts {
  readonly splitBytes: number
  readonly readBytes: number
  readonly batchRowsMax: number
  /** After how many polls to restart from a snapshot, again and again. */
  readonly restartAfter: number
  readonly gzip: boolean
  readonly hasEnd: boolean
  readonly hasMark: boolean
}

const cuts: fc.Arbitrary<Cuts> = fc.record({
  splitBytes: fc.integer({ min: 1, max: 600 }),
  readBytes: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 41, max: 5000 })),
  batchRowsMax: fc.oneof(fc.integer({ min: 1, max: 8 }), fc.constant(256)),
  restartAfter: fc.integer({ min: 1, max: 6 }),
  gzip: fc.boolean(),
  hasEnd: fc.boolean(),
  hasMark: fc.boolean(),
})

const LINE_BYTES_MAX = 650

/** What the source made of the pieces, beside what it should have. */
function readCut(
  pieces: readonly Piece[],
  format: LineFormat,
  header: string,
  { splitBytes, readBytes, batchRowsMax, restartAfter, gzip, hasEnd, hasMark }: Cuts,
): { readonly actual: unknown; readonly expected: unknown } {
  const content = (hasMark ? '\ufeff' : '') + header + pieces.map((piece) => piece.text).join('')
  const whole = hasEnd ? content : content.replace(/\r?\n$/, '')
  const bytes = Buffer.from(whole)
  const middle = Math.floor(bytes.length / 2)
  writeFileSync(path, gzip ? Buffer.concat([gzipSync(bytes.subarray(0, middle)), gzipSync(bytes.subarray(middle))]) : bytes)
  const source = fileSource({ path, format, schema, splitBytes, readBytes, onBadRecord: 'dead-letter', lineBytesMax: LINE_BYTES_MAX })

  const rows: unknown[] = []
  const letters: Record<string, unknown>[] = []
  let probe = new SourceProbe(source, { batchRowsMax })
  let polls = 0
  let bytesLeft = 0
  for (;;) {
    const result = probe.poll()
    if (result === PollResult.FINISHED) break
    if (++polls % restartAfter !== 0) continue
    const { next, splits } = probe
    const snapshot = probe.snapshot()
    rows.push(...probe.rows)
    letters.push(...probe.sides.letters)
    probe.close()
    bytesLeft += probe.context.slab.allocatedBytes
    probe = new SourceProbe(source, { batchRowsMax, snapshot, next, splits })
  }
  rows.push(...probe.rows)
  letters.push(...probe.sides.letters)
  probe.close()

  // Each letter names its line and its first byte; of long ones the beginning is kept.
  let line = whole.length === 0 ? 1 : header.split('\n').length
  let offset = Buffer.byteLength((hasMark ? '\ufeff' : '') + header)
  const bad: unknown[] = []
  for (const piece of pieces) {
    const bare = piece.text.replace(/\r?\n$/, '')
    if (piece.isBad === true) bad.push({ raw: Uint8Array.from(Buffer.from(bare.slice(0, LINE_BYTES_MAX))), file: path, line, offset })
    line += piece.text.split('\n').length - 1
    offset += Buffer.byteLength(piece.text)
  }
  return {
    actual: { rows, bad: letters.map(({ raw, file, line, offset }) => ({ raw, file, line, offset })), bytesLeft },
    expected: { rows: pieces.flatMap(({ row }) => row ?? []), bad, bytesLeft: 0 },
  }
}

describe('fileSource', () => {
  test('reads the same rows and bad records of JSON lines, whatever the cuts and restarts', () => {
    fc.assert(
      fc.property(fc.array(jsonPiece, { maxLength: 40 }), cuts, (pieces, cuts) => {
        const { actual, expected } = readCut(pieces, jsonFormat(), '', cuts)
        expect(actual).toEqual(expected)
      }),
      { numRuns: 300 },
    )
  })

  test('reads the same rows and bad records of CSV, whatever the cuts and restarts', () => {
    fc.assert(
      fc.property(fc.array(csvPiece, { maxLength: 40 }), cuts, (pieces, cuts) => {
        const { actual, expected } = readCut(pieces, csvFormat(), 'id,text\n', cuts)
        expect(actual).toEqual(expected)
      }),
      { numRuns: 300 },
    )
  })
})

/** Everything that a source says about a file: rows, letters, counts. */
function readBlocks(content: Uint8Array, format: LineFormat, readBytes: number, batchRowsMax: number): unknown {
  writeFileSync(path, content)
  const probe = new SourceProbe(fileSource({ path, format, schema: lineSchema, readBytes, onBadRecord: 'dead-letter', lineBytesMax: 12 }), { batchRowsMax })
  probe.drain().close()
  const { metrics, counters } = probe.context
  return { rows: probe.rows, letters: probe.sides.letters, bad: metrics.badRecords, counters: [...counters].map(([name, { value }]) => [name, value]) }
}
const lineSchema = defineSchema({ line: t.string() })

describe('the limit of a record and the end of one do not depend on blocks', () => {
  const piece = fc.constantFrom('"', '""', ',', '\n', '\r\n', '\r', 'a', 'bcd', '"x\ny"', '"1234567890\n', 'ü', ' ')
  const blocks = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constant(1 << 16))
  const formats: readonly (readonly [string, LineFormat])[] = [
    ['CSV', csvFormat({ header: false })],
    ['CSV with a delimiter that does not occur', csvFormat({ header: false, delimiter: '|' })],
    ['CSV with an escape', csvFormat({ header: false, escape: 'a' })],
    ['CSV as Flink reads it', csvFormat({ header: false, conversion: 'flink' })],
    ['text', textFormat()],
    ['mended text', textFormat({ utf8: 'replace' })],
    ['mended CSV', csvFormat({ header: false, utf8: 'replace' })],
  ]

  test.each(formats)('%s', (_name, format) => {
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 30 }),
        fc.array(fc.nat(60), { maxLength: 2 }),
        blocks,
        fc.integer({ min: 1, max: 9 }),
        (pieces, spoiled, readBytes, rows) => {
          const content = Buffer.from(pieces.join(''))
          for (const at of spoiled) if (at < content.length && content[at] > 13) content[at] = 0xff
          expect(readBlocks(content, format, readBytes, rows)).toEqual(readBlocks(content, format, 1 << 20, 1024))
        },
      ),
      { numRuns: 400 },
    )
  })
})

test('text keeps every line as it is', () => {
  const piece = fc.constantFrom('\n', '\r\n', '\r', 'a', '"', ',', '\u0001', '\u0000', 'ü', '🙂', ' ', 'x'.repeat(20))
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 9 }), (pieces, readBytes, batchRowsMax) => {
      const content = pieces.join('')
      writeFileSync(path, content)
      const probe = new SourceProbe(fileSource({ path, format: textFormat(), schema: lineSchema, readBytes }), { batchRowsMax })
      const lines = content.split('\n').map((line) => line.replace(/\r$/, ''))
      if (content === '' || content.endsWith('\n')) lines.pop()
      expect(probe.drain().rows.map(({ line }) => line)).toEqual(lines)
      probe.close()
    }),
    { numRuns: 400 },
  )
})
