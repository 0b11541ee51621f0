// The catalogue of bad input, for what lies around the lines: files, compression, Parquet pages and streams; every case under every policy that
// it can have. Each says which rows come, whether an error ends them, how many records are bad, and what is counted.
import { execFileSync } from 'node:child_process'
import { chmodSync, closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { afterAll, describe, expect, test } from 'vitest'
import { defineSchema, t } from '../../../src/batch/types.ts'
import { type FileSourceOptions, fileSource } from '../../../src/connector/file/file-source.ts'
import { readableSource } from '../../../src/connector/stream/stream-source.ts'
import { BAD_RECORD_POLICIES, type BadRecordPolicy } from '../../../src/format/bad-records.ts'
import { csvFormat } from '../../../src/format/csv/csv-format.ts'
import { jsonFormat } from '../../../src/format/json/json-format.ts'
import type { LineFormat } from '../../../src/format/line-format.ts'
import { parquetFormat } from '../../../src/format/parquet/parquet-format.ts'
import { PollResult } from '../../../src/operator/source.ts'
import { scratchFolder, SourceProbe } from './file-probe.ts'

const folder = scratchFolder()
const schema = defineSchema({ id: t.int() })
const line = (id: number): string => `{"id":${id}}\n`
const lines = (from: number, to: number): string => ids(from, to).map(line).join('')
const ids = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index)
let made = 0
const fresh = (): string => join(folder, `case-${made++}`)
function write(content: string | Uint8Array, suffix: string = ''): string {
  const path = fresh() + suffix
  writeFileSync(path, content)
  return path
}

/** What a case leads to. */
interface Outcome {
  /** The ids of the rows, in order, those before an error included. */
  readonly rows: readonly number[]
  /** The error under every policy. */
  readonly error?: RegExp
  /** The error under `fail` alone; the other policies read on, or end here. */
  readonly failure?: RegExp
  /** Bad records where they do not fail. */
  readonly bad?: number
  /** Counters where nothing fails. */
  readonly counters?: Readonly<Record<string, number>>
}

interface Case extends Outcome {
  readonly name: string
  /** Makes the files; the answer is the path to read. */
  readonly make: () => string | readonly string[]
  readonly format?: LineFormat
  readonly options?: Partial<FileSourceOptions<typeof schema>>
  /** Done to the files when the first row has come. */
  readonly meanwhile?: (path: string) => void
}

const members = (...parts: readonly string[]): Buffer => Buffer.concat(parts.map((part) => gzipSync(part)))
/** Random enough to lie in many deflate blocks. */
const many = lines(0, 30_000)
const spoiled = (bytes: Buffer, at: number): Buffer => {
  const copy = Buffer.from(bytes)
  copy[at < 0 ? copy.length + at : at] ^= 0x55
  return copy
}
function fifo(): string {
  const path = fresh()
  execFileSync('mkfifo', [path])
  return path
}
function sparse(): string {
  const path = write(line(1))
  const file = openSync(path, 'r+')
  ftruncateSync(file, 300_000)
  closeSync(file)
  writeFileSync(path, `\n${line(2)}`, { flag: 'a' })
  return path
}
function inFolder(fill: (path: string) => void): string {
  const path = fresh()
  mkdirSync(path)
  fill(path)
  return path
}

const CASES: readonly Case[] = [
  { name: 'gzip of many members, some empty', make: () => write(members(lines(0, 5), '', lines(5, 9), '', '')), rows: ids(0, 9) },
  { name: 'gzip whose members cut a line', make: () => write(members('{"id"', ':0}\n{', '"id":1', '}')), rows: [0, 1] },
  { name: 'gzip of nothing', make: () => write(gzipSync('')), rows: [] },
  { name: 'gzip with zeros behind it', make: () => write(Buffer.concat([gzipSync(lines(0, 3)), Buffer.alloc(5000)])), rows: ids(0, 3) },
  {
    name: 'gzip cut in its trailer',
    make: () => write(gzipSync(lines(0, 3)).subarray(0, -2)),
    rows: ids(0, 3),
    failure: /it ends early/,
    counters: { damagedFiles: 1 },
  },
  {
    name: 'gzip cut in a second header',
    make: () => write(members(lines(0, 3), 'x').subarray(0, -24)),
    rows: ids(0, 3),
    failure: /it ends early/,
    counters: { damagedFiles: 1 },
  },
  {
    name: 'gzip cut behind a whole line',
    make: () => write(Buffer.concat([gzipSync(lines(0, 3)), gzipSync(`{"id":3}\n{"id":4`).subarray(0, -3)])),
    rows: ids(0, 4),
    failure: /it ends early/,
    bad: 1,
    counters: { damagedFiles: 1 },
  },
  {
    name: 'gzip followed by garbage',
    make: () => write(Buffer.concat([gzipSync(lines(0, 3)), Buffer.from('garbage')])),
    rows: ids(0, 3),
    failure: /something that is not gzip follows/,
    counters: { damagedFiles: 1 },
  },
  {
    name: 'gzip without a last line feed, followed by garbage',
    make: () => write(Buffer.concat([gzipSync(lines(0, 3).trimEnd()), Buffer.from('garbage')])),
    rows: ids(0, 3),
    failure: /something that is not gzip follows/,
    counters: { damagedFiles: 1 },
  },
  {
    name: 'gzip that ends within a record, followed by garbage',
    make: () => write(Buffer.concat([gzipSync(`${lines(0, 3)}{"id"`), Buffer.from('garbage')])),
    rows: ids(0, 3),
    failure: /something that is not gzip follows|expected JSON/,
    bad: 1,
    counters: { damagedFiles: 1 },
  },
  {
    name: 'gzip with a wrong checksum',
    make: () => write(spoiled(gzipSync(lines(0, 3)), -7)),
    rows: ids(0, 3),
    failure: /the checksum is wrong/,
    counters: { damagedFiles: 1 },
  },
  {
    name: 'gzip with a wrong length',
    make: () => write(spoiled(gzipSync(lines(0, 3)), -1)),
    rows: ids(0, 3),
    failure: /the checksum is wrong/,
    counters: { damagedFiles: 1 },
  },
  {
    name: 'gzip of an unknown method',
    make: () => write(Buffer.concat([gzipSync(lines(0, 3)), spoiled(gzipSync('x'), 2)])),
    rows: ids(0, 3),
    failure: /a gzip header is damaged/,
    counters: { damagedFiles: 1 },
  },
  { name: 'gzip under a plain name', make: () => write(gzipSync(lines(0, 3)), '.jsonl'), rows: ids(0, 3) },
  { name: 'plain lines under the name of gzip', make: () => write(lines(0, 3), '.jsonl.gz'), rows: ids(0, 3) },
  { name: 'zip', make: () => write(Buffer.from([0x50, 0x4b, 3, 4, 0, 0])), rows: [], error: /compressed with zip; only gzip is supported/ },
  { name: 'xz', make: () => write(Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0])), rows: [], error: /compressed with xz; only gzip is supported/ },

  { name: 'an empty file', make: () => write(''), rows: [] },
  { name: 'only a byte order mark', make: () => write('\ufeff'), rows: [] },
  { name: 'half of a byte order mark', make: () => write(Buffer.from([0xef, 0xbb])), rows: [], failure: /line 1: expected JSON/, bad: 1 },
  { name: 'only line ends', make: () => write('\n\r\n\n'), rows: [] },
  { name: 'a byte order mark in the second file too', make: () => [write(`\ufeff${line(0)}`), write(`\ufeff${line(1)}`)], rows: [0, 1] },
  { name: 'UTF-16', make: () => write(Buffer.from(`\ufeff${line(0)}`, 'utf16le')), rows: [], error: /it is UTF-16 text/ },
  { name: 'no final line feed', make: () => write(line(0) + line(1).trim()), rows: [0, 1] },
  { name: 'a missing file', make: fresh, rows: [], error: /there is no such file or folder/ },
  { name: 'a path through a file', make: () => join(write(line(0)), 'below'), rows: [], error: /there is no such file or folder/ },
  { name: 'a folder', make: () => inFolder((path) => [1, 0].forEach((id) => writeFileSync(join(path, `f${id}`), line(id)))), rows: [0, 1] },
  { name: 'a folder with another in it', make: () => inFolder((path) => (mkdirSync(join(path, 'sub')), writeFileSync(join(path, 'f'), line(0)))), rows: [0] },
  { name: 'an empty folder', make: () => inFolder(() => {}), rows: [], error: /the folder holds no files/ },
  { name: 'a glob without matches', make: () => join(folder, 'nothing-*'), rows: [], error: /no file matches/ },
  { name: 'a named pipe', make: fifo, rows: [], error: /it is a named pipe, not a file/ },
  { name: 'a device', make: () => '/dev/null', rows: [], error: /it is a device, not a file/ },
  { name: 'a dangling link', make: () => ((path) => (symlinkSync('nowhere', path), path))(fresh()), rows: [], error: /there is no such file or folder/ },
  { name: 'a link to itself', make: () => ((path) => (symlinkSync(path, path), path))(fresh()), rows: [], error: /Cannot read ".*": / },
  {
    name: 'a sparse file: its hole is one line of NUL bytes',
    make: sparse,
    rows: [1, 2],
    failure: /line 2: expected JSON, found "(\\x00)+…" at byte 1/,
    bad: 1,
  },
  { name: 'a change time that went back', make: () => ((path) => (utimesSync(path, 0, 0), path))(write(lines(0, 3))), rows: ids(0, 3) },
  { name: 'the same file under two names, once', make: () => ((path) => [path, path])(write(line(0))), rows: [0] },
  { name: 'a file deleted while it is read', make: () => write(many), rows: ids(0, 30_000), meanwhile: rmSync },
  { name: 'a file renamed while it is read', make: () => write(many), rows: ids(0, 30_000), meanwhile: (path) => renameSync(path, `${path}.old`) },
  {
    name: 'a file that grows while it is read: what was there at first is read',
    make: () => write(many),
    rows: ids(0, 30_000),
    meanwhile: (path) => writeFileSync(path, line(7), { flag: 'a' }),
  },
  {
    name: 'a link moved while its file is read',
    make: () => ((path) => (symlinkSync(write(many), path), path))(fresh()),
    rows: ids(0, 30_000),
    meanwhile: (path) => (symlinkSync(write(lines(5, 9)), `${path}.new`), renameSync(`${path}.new`, path)),
  },

  {
    name: 'CSV: an unclosed quote',
    make: () => write('id\n0\n"1\n2\n'),
    format: csvFormat(),
    rows: [0, 2],
    failure: /line 3: found a quote that is not closed/,
    bad: 1,
  },
  {
    name: 'CSV: 100,000 columns, one of them wanted',
    make: () =>
      write(
        `${ids(0, 100_000)
          .map((index) => (index === 99_999 ? 'id' : `c${index}`))
          .join(',')}\n${'0,'.repeat(99_999)}7\n${'0,'.repeat(99_999)}8\n`,
      ),
    format: csvFormat(),
    rows: [7, 8],
  },
  {
    name: 'CSV: 100,000 fields in a record of two columns',
    make: () => write(`id,x\n0,x\n${'1,'.repeat(100_000)}\n2,x\n`),
    format: csvFormat(),
    rows: [0, 2],
    failure: /line 3: expected 2 columns, found more/,
    bad: 1,
  },
  {
    name: 'CSV: a header that does not name the column',
    make: () => write('no\n1\n'),
    format: csvFormat(),
    rows: [],
    error: /its header names no such column/,
  },
  {
    name: 'CSV: a header that is too long',
    make: () => write(`${'x'.repeat(3000)}\n1\n`),
    format: csvFormat(),
    options: { lineBytesMax: 2000 },
    rows: [],
    error: /it is longer than 2000 bytes/,
  },
  {
    name: 'lines longer than allowed, one after the other',
    make: () => write(`${line(0)}${`${'x'.repeat(500)}\n`.repeat(3)}${line(1)}`),
    options: { lineBytesMax: 100 },
    rows: [0, 1],
    failure: /longer than 100 bytes/,
    bad: 3,
  },
]

/** Runs a source by hand, with something done to its files after the first row. */
function outcomeOf(each: Case, policy: BadRecordPolicy, readBytes: number): { rows: unknown[]; error: string | undefined; probe: SourceProbe | undefined } {
  let probe: SourceProbe | undefined
  let error: string | undefined
  try {
    const path = each.make()
    probe = new SourceProbe(fileSource({ path, format: each.format ?? jsonFormat(), schema, onBadRecord: policy, readBytes, ...each.options }), {
      batchRowsMax: 512,
    })
    if (each.meanwhile !== undefined) {
      while (probe.rows.length === 0) probe.poll()
      each.meanwhile(path as string)
    }
    probe.drain()
  } catch (thrown) {
    error = (thrown as Error).message
  }
  probe?.close()
  return { rows: probe?.rows.map(({ id }) => id) ?? [], error, probe }
}

describe.each(BAD_RECORD_POLICIES)('policy %s', (policy) => {
  test.each(CASES.map((each) => [each.name, each] as const))('%s', (_name, each) => {
    for (const readBytes of [1000, 1 << 20]) {
      const { rows, error, probe } = outcomeOf(each, policy, readBytes)
      const expected = each.error ?? (policy === 'fail' ? each.failure : undefined)
      if (expected === undefined) {
        expect({ error, rows }).toEqual({ error: undefined, rows: each.rows })
        expect(probe!.context.metrics.badRecords).toBe(each.bad ?? 0)
        expect(Object.fromEntries([...probe!.context.counters].map(([name, { value }]) => [name, value]))).toEqual(each.counters ?? {})
        expect(probe!.sides.letters).toHaveLength(policy === 'dead-letter' ? (each.bad ?? 0) : 0)
      } else {
        expect(error).toMatch(expected)
        // A batch that has begun when the error comes does not leave.
        expect(rows).toEqual(each.rows.slice(0, rows.length))
      }
      if (probe !== undefined) expect(probe.context.slab.allocatedBytes).toBe(0)
    }
  })
})

describe('many files', () => {
  test('a glob of 10,000 is read in the order of the names', () => {
    const path = inFolder((into) => ids(0, 10_000).forEach((id) => writeFileSync(join(into, `f${String(id).padStart(5, '0')}.jsonl`), line(id))))
    const probe = new SourceProbe(fileSource({ path: join(path, '*.jsonl'), format: jsonFormat(), schema, readBytes: 1000 }), { batchRowsMax: 64 })
    expect(probe.drain().rows.map(({ id }) => id)).toEqual(ids(0, 10_000))
    probe.close()
    expect(probe.context.slab.allocatedBytes).toBe(0)
  })
})

describe('permission', () => {
  // The superuser may read everything: an ordinary user has to try.
  const isSuperuser = process.getuid?.() === 0
  const drop = (): void => void (isSuperuser && process.seteuid!(65_534))
  const regain = (): void => void (isSuperuser && process.seteuid!(0))
  afterAll(regain)

  test.each(BAD_RECORD_POLICIES)('refused from the start, or lost before a split is opened: policy %s', (onBadRecord) => {
    const path = write(lines(0, 3))
    chmodSync(path, 0)
    chmodSync(folder, 0o755)
    const source = fileSource({ path, format: jsonFormat(), schema, onBadRecord })
    const splits = ((): SourceProbe['splits'] => {
      chmodSync(path, 0o644)
      return source.enumerate()
    })()
    chmodSync(path, 0)
    drop()
    try {
      expect(() => source.enumerate()).toThrow(`Cannot read "${path}": permission denied`)
      const probe = new SourceProbe(source, { splits })
      expect(() => probe.drain()).toThrow(`Cannot read "${path}": permission denied`)
      probe.close()
    } finally {
      regain()
    }
  })
})

describe('Parquet', () => {
  const sample = fileURLToPath(new URL('../../fixtures/files/parquet/flat-dictionary-v1-snappy.parquet', import.meta.url))
  const wide = defineSchema({ req: t.int(), i32: t.int().nullable() })

  test.each(BAD_RECORD_POLICIES)('damaged pages and a cut file end the job with the file and the place, policy %s', (onBadRecord) => {
    const bytes = readFileSync(sample)
    const footer = bytes.length - 8 - bytes.readUInt32LE(bytes.length - 8)
    const damage: readonly (readonly [string, Buffer])[] = [
      ['its pages', Buffer.concat([bytes.subarray(0, 4), Buffer.alloc(footer - 4, 0xff), bytes.subarray(footer)])],
      ['no footer', bytes.subarray(0, -8)],
      ['a footer of zeros', Buffer.concat([bytes.subarray(0, -200), Buffer.alloc(192), bytes.subarray(-8)])],
      ['nothing but the magic', Buffer.from('PAR1PAR1')],
    ]
    for (const [what, content] of damage) {
      const path = write(content, '.parquet')
      const read = (): void => {
        const probe = new SourceProbe(fileSource({ path, format: parquetFormat(), schema: wide, onBadRecord }))
        try {
          probe.drain()
        } finally {
          probe.close()
          expect(probe.context.slab.allocatedBytes, what).toBe(0)
        }
      }
      expect(read, what).toThrow(path)
    }
  })
})

describe('a stream of bytes', () => {
  const nullable = defineSchema({ id: t.int(), v: t.int().nullable() })
  const contents: readonly (readonly [LineFormat, string])[] = [
    [jsonFormat(), '{"id":1,"v":1}\n{"id":2,"v":"x"}\n{"id":"x","v":3}\n{"id":4\n{"id":5,"v":1.5}\n{"id":6}'],
    [csvFormat(), 'id,v\n1,1\n2,x\nx,3\n4\n5,1.5\n6,'],
  ]

  test.each(BAD_RECORD_POLICIES.filter((policy) => policy !== 'fail'))('policy %s does what it does for files, however chunks are cut', async (onBadRecord) => {
    for (const [format, content] of contents)
      for (const bytes of [1, 7, 1000]) {
        const chunks = Array.from({ length: Math.ceil(content.length / bytes) }, (_, index) => content.slice(index * bytes, (index + 1) * bytes))
        const probe = new SourceProbe(readableSource(() => chunks, { format, schema: nullable, onBadRecord }))
        for (;;) {
          const result = probe.poll()
          if (result === PollResult.FINISHED) break
          if (result === PollResult.NOTHING) await new Promise(setImmediate)
        }
        probe.close()
        const forgiven = onBadRecord === 'null'
        // A missing last field of CSV is a value that can be NULL.
        const isShort = forgiven && format.name === 'csv'
        expect(probe.rows.map(({ id, v }) => [id, v])).toEqual([
          [1, 1],
          ...(forgiven ? [[2, null]] : []),
          ...(isShort ? [[4, null]] : []),
          ...(forgiven ? [[5, null]] : []),
          [6, null],
        ])
        expect(probe.context.metrics.badRecords).toBe(isShort ? 1 : forgiven ? 2 : 4)
        expect(probe.context.counters.get('nulledValues')?.value ?? 0).toBe(forgiven ? 2 : 0)
        expect(probe.sides.letters).toHaveLength(onBadRecord === 'dead-letter' ? 4 : 0)
        expect(probe.context.slab.allocatedBytes).toBe(0)
      }
  })
})

test('the catalogue of files is as large as promised', () => {
  expect(CASES.length * BAD_RECORD_POLICIES.length).toBeGreaterThan(150)
})
