// Parquet against files that another implementation wrote (test/fixtures/files/parquet/make.py): every type, encoding, page version and codec.
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { ConnectorError, PlanError } from '../../../src/base/errors.ts'
import { Slab } from '../../../src/base/slab.ts'
import { batchToObjects } from '../../../src/batch/batch-rows.ts'
import { Decimal, defineSchema, t, type Schema } from '../../../src/batch/types.ts'
import { HybridDecoder } from '../../../src/format/parquet/hybrid-decoder.ts'
import { ParquetFile, parquetSchema, RowGroupReader } from '../../../src/format/parquet/parquet-file.ts'

const folder = 'test/fixtures/files/parquet'

/** All rows from `rowGroup`, `row` on, and the bad fields as `column@row: reason`. */
function readAll(path: string, schema: Schema, batchRowsMax: number, rowGroup = 0, row = 0): { rows: Record<string, unknown>[]; bad: string[]; slab: Slab } {
  const slab = new Slab()
  const file = new ParquetFile(path)
  const reader = new RowGroupReader(file, schema, slab, batchRowsMax)
  const rows: Record<string, unknown>[] = []
  const bad: string[] = []
  for (let group = rowGroup; group < file.rowGroupCount; group++) {
    reader.open(group, group === rowGroup ? row : 0)
    for (;;) {
      const count = reader.next((column, at, reason) => bad.push(`${schema.fields[column].name}@${reader.placeOf(at)}: ${reason}`))
      if (count === 0) break
      rows.push(...batchToObjects(reader.batch).map((each) => each.row as Record<string, unknown>))
    }
  }
  reader.free()
  file.close()
  if (slab.allocatedBytes !== 0) throw new Error(`${slab.allocatedBytes} bytes are left in the slab`)
  return { rows, bad, slab }
}

/** A value in the form in which the expectations were written. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return value > 2n ** 53n || value < -(2n ** 53n) ? value.toString() : Number(value)
  if (value instanceof Decimal) return value.toString()
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (value instanceof Map) return [...value].map(([key, item]) => [key, plain(item)])
  if (Array.isArray(value)) return value.map(plain)
  if (value !== null && typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]))
  return value
}

const NANOS: Record<string, bigint> = { ts_ms: 1_000_000n, ts_us: 1n, ts_utc: 1_000_000n }

/** The expectations give timestamps in nanoseconds; columns up to milliseconds give those. */
function comparable(row: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => {
      if (name in NANOS && value !== null) return [name, String(BigInt(value as number | bigint) * NANOS[name])]
      if (name === 'u64' && value !== null) return [name, plain(BigInt((value as Decimal).toString()))]
      return [name, plain(value)]
    }),
  )
}

const flat = JSON.parse(readFileSync(`${folder}/flat.json`, 'utf8')) as Record<string, unknown>[]
const flatFiles = [
  'flat-plain-v1',
  'flat-dictionary-v1-snappy',
  'flat-dictionary-v2-zstd',
  'flat-fallback-gzip',
  'flat-delta-v2-brotli',
  'flat-delta-v1-lz4',
].map((name) => `${folder}/${name}.parquet`)

describe('RowGroupReader', () => {
  test.each(flatFiles)('reads every flat type of %s, whatever the batch size', (path) => {
    const schema = parquetSchema(path)
    for (const batchRowsMax of [1, 7, 64, 1000]) {
      const { rows, bad } = readAll(path, schema, batchRowsMax)
      expect(bad).toEqual([])
      expect(rows.map(comparable)).toEqual(flat)
    }
  })

  test.each(flatFiles)('reads %s from any row on', (path) => {
    const file = new ParquetFile(path)
    const schema = new ParquetFile(path).schema()
    const counts = Array.from({ length: file.rowGroupCount }, (_, group) => file.rowCountOf(group))
    let before = 0
    for (let group = 0; group < counts.length; group++) {
      for (let row = 0; row <= counts[group]; row += 3) expect(readAll(path, schema, 5, group, row).rows.map(comparable)).toEqual(flat.slice(before + row))
      before += counts[group]
    }
    file.close()
  })

  test('keeps strings dictionary-encoded while the file has them so', () => {
    const slab = new Slab()
    const file = new ParquetFile(`${folder}/flat-dictionary-v1-snappy.parquet`)
    const reader = new RowGroupReader(file, defineSchema({ s: t.string().nullable(), sparse: t.string().nullable() }), slab, 64)
    reader.open(0, 0)
    expect(reader.next(() => expect.unreachable())).toBe(25)
    const [strings, sparse] = reader.batch.columns
    expect(strings.dictionary!.isValid(0)).toBe(true)
    expect(strings.nullCount).toBe(3)
    // All NULL: codes point at an entry all the same.
    expect(sparse.nullCount).toBe(25)
    reader.open(1, 0)
    const before = strings.dictionary
    reader.next(() => expect.unreachable())
    expect(strings.dictionary).not.toBe(before)
    reader.free()
    file.close()
  })

  test('reads lists, maps and structs to any depth', () => {
    const path = `${folder}/nested.parquet`
    const nested = JSON.parse(readFileSync(`${folder}/nested.json`, 'utf8'))
    const schema = parquetSchema(path)
    expect(schema.toString()).toBe(
      '(id BIGINT, tags ARRAY<STRING>, point ROW<x DOUBLE, y ROW<deep INT, list ARRAY<INT>>>, props MAP<STRING NOT NULL, BIGINT>, matrix ARRAY<ARRAY<SMALLINT>>)',
    )
    for (const batchRowsMax of [1, 4, 100]) expect(readAll(path, schema, batchRowsMax).rows.map(plain)).toEqual(nested)
    expect(readAll(path, schema, 4, 1, 7).rows.map(plain)).toEqual(nested.slice(17))
  })

  test('reads columns in the order of the schema, only those, and to declared types', () => {
    const { rows, bad } = readAll(
      `${folder}/flat-plain-v1.parquet`,
      defineSchema({
        i64: t.decimal(20, 1).nullable(),
        i8: t.int().nullable(),
        f32: t.double().nullable(),
        u32: t.safeInt().nullable(),
        dec9: t.decimal(20, 3).nullable(),
        s: t.bytes().nullable(),
      }),
      8,
    )
    expect(bad).toEqual([])
    expect(plain(rows[1])).toEqual({ i64: '-8700000000000003567.0', i8: -116, f32: -1.875, u32: 71000000, dec9: '-39.730', s: '6131' })
  })

  test('reads nanoseconds and the old INT96', () => {
    expect(readAll(`${folder}/nanos.parquet`, parquetSchema(`${folder}/nanos.parquet`), 9).rows.map((row) => row.n)).toEqual([
      0n,
      1n,
      -1n,
      10n ** 18n + 7n,
      null,
    ])
    const path = `${folder}/int96.parquet`
    expect(readAll(path, parquetSchema(path), 9).rows.map((row) => row.n)).toEqual([0n, 1000n, -1000n, 10n ** 18n + 7000n, null])
    expect(readAll(path, defineSchema({ n: t.timestamp(6).nullable() }), 9).rows.map((row) => row.n)).toEqual([0n, 1000n, -1000n, 10n ** 18n + 7000n, null])
  })

  test.each([
    ['i32', t.tinyint(), 'i32@row group 1, row 1: expected a value in -128..127 for TINYINT, found -2137037010'],
    ['i64', t.safeInt(), 'i64@row group 1, row 1: expected an integer within ±(2^53 - 1), found -9000000000000003690'],
    ['i64', t.double(), 'i64@row group 1, row 1: expected an integer that a double holds exactly, found -9000000000000003690'],
    ['u64', t.bigint(), 'u64@row group 2, row 7: expected an integer within 64 bits with a sign, found 9300000000000000000'],
    [
      'ts_us',
      t.timestamp(3),
      'ts_us@row group 1, row 1: expected a timestamp with at most 3 digits of the second that fits 64 bits, found -315521754321099000 ns since 1970',
    ],
    [
      'ts_ms',
      t.timestamp(0),
      'ts_ms@row group 1, row 1: expected a timestamp with at most 0 digits of the second that fits 64 bits, found -59750000000 ns since 1970',
    ],
    ['dec18', t.decimal(18, 3), 'dec18@row group 1, row 2: expected a DECIMAL(18, 3), found -358024688129.0029'],
    ['raw', t.string(), 'raw@row group 1, row 1: expected UTF-8 text, found other bytes'],
    ['s', t.varchar(3), 's@row group 1, row 3: expected VARCHAR(3), found 6 characters'],
    ['fixed', t.binary(3), 'fixed@row group 1, row 1: expected BINARY(3), found 4 bytes'],
  ] as const)('%s as a type that is too small gives bad fields: %#', (name, type, first) => {
    for (const path of flatFiles.slice(0, 2)) {
      const schema = defineSchema({ [name]: type.nullable() })
      const { bad, rows } = readAll(path, schema, 10)
      expect(bad[0]).toBe(first)
      expect(rows).toHaveLength(60)
    }
  })

  test('CHAR is padded with blanks, on pages of every encoding', () => {
    const texts = readAll(`${folder}/flat-plain-v1.parquet`, defineSchema({ s: t.string().nullable() }), 10).rows.map(({ s }) => s as string | null)
    const length = (text: string): number => Array.from(text).length
    const longest = Math.max(...texts.map((text) => length(text ?? '')))
    for (const path of flatFiles) {
      const { rows, bad } = readAll(path, defineSchema({ s: t.char(longest + 2).nullable() }), 10)
      expect(bad).toEqual([])
      expect(rows.map(({ s }) => s)).toEqual(texts.map((text) => (text === null ? null : text + ' '.repeat(longest + 2 - length(text)))))
    }
  })

  test('a NULL in a column that is NOT NULL is a bad field', () => {
    const { bad } = readAll(`${folder}/flat-plain-v1.parquet`, defineSchema({ i32: t.int(), s: t.string() }), 10)
    expect(bad).toHaveLength(16)
    expect(bad[0]).toBe('i32@row group 1, row 7: expected a value, found NULL')
  })

  test('an unknown column and a column of another kind are refused with what the file has', () => {
    const read = (schema: Schema) => () => readAll(`${folder}/flat-plain-v1.parquet`, schema, 10)
    expect(read(defineSchema({ nope: t.int() }))).toThrow(/Cannot read column "nope" of ".*": the file has no such column, known columns are "b", "i8"/)
    expect(read(defineSchema({ s: t.int() }))).toThrow('the file has text values, which cannot be read as INT NOT NULL')
    expect(read(defineSchema({ f64: t.float().nullable() }))).toThrow('the file has double values, which cannot be read as FLOAT')
    expect(() => readAll(`${folder}/nested.parquet`, defineSchema({ point: t.row({ z: t.int() }) }), 10)).toThrow('there is no field "z"')
  })
})

describe('damage', () => {
  test('every cut and many flipped bytes end in a ConnectorError or in rows, never in anything else', async () => {
    const { mkdtempSync, rmSync, writeFileSync } = await import('node:fs')
    const { tmpdir } = await import('node:os')
    const scratch = mkdtempSync(`${tmpdir()}/millrace-`)
    try {
      for (const path of [...flatFiles, `${folder}/nested.parquet`]) {
        const bytes = readFileSync(path)
        const schema = parquetSchema(path)
        const others: string[] = []
        let refused = 0
        for (let round = 0; round < 60; round++) {
          const damaged = Buffer.from(bytes)
          // A fixed walk over the file, so that a failure can be had again.
          const at = (round * 7919) % bytes.length
          damaged[at] ^= 1 << (round % 8)
          damaged[(at * 31) % bytes.length] ^= 0xff
          const file = `${scratch}/damaged.parquet`
          writeFileSync(file, round % 10 === 0 ? bytes.subarray(0, at) : damaged)
          try {
            readAll(file, schema, 16)
          } catch (error) {
            if (error instanceof ConnectorError || error instanceof PlanError) refused++
            else others.push(`round ${round}: ${String(error)}`)
          }
        }
        expect(others).toEqual([])
        expect(refused).toBeGreaterThan(10)
      }
    } finally {
      rmSync(scratch, { recursive: true })
    }
  })
})

describe('HybridDecoder', () => {
  test('reads runs and packed groups of every width in any steps', () => {
    for (let width = 0; width <= 32; width++) {
      const limit = 2 ** width
      const value = (index: number): number => Math.floor(((index * 2654435761) % 4294967296) % limit)
      // One run of five equal values, then two packed groups of eight, then a long run.
      const expected = [...Array<number>(5).fill(value(3)), ...Array.from({ length: 16 }, (_, index) => value(index)), ...Array<number>(300).fill(value(9))]
      const bytes: number[] = []
      const run = (count: number, of: number): void => {
        for (let header = count * 2; ; header >>>= 7) {
          bytes.push(header > 127 ? (header & 127) | 128 : header)
          if (header <= 127) break
        }
        for (let index = 0; index < Math.ceil(width / 8); index++) bytes.push(Math.floor(of / 2 ** (index * 8)) & 255)
      }
      run(5, value(3))
      bytes.push((2 << 1) | 1)
      const bits = expected.slice(5, 21).flatMap((each) => Array.from({ length: width }, (_, bit) => Math.floor(each / 2 ** bit) % 2))
      for (let at = 0; at < bits.length; at += 8) bytes.push(bits.slice(at, at + 8).reduce((sum, bit, index) => sum + bit * 2 ** index, 0))
      run(300, value(9))
      for (const step of [1, 3, 8, 321]) {
        const decoder = new HybridDecoder()
        decoder.reset(Uint8Array.from(bytes), 0, bytes.length, width)
        const out = new Int32Array(321)
        for (let at = 0; at < 321; at += step) decoder.read(out, at, Math.min(step, 321 - at))
        expect([...out].map((each) => each >>> 0)).toEqual(width === 0 ? Array(321).fill(0) : expected)
      }
      const decoder = new HybridDecoder()
      decoder.reset(Uint8Array.from(bytes), 0, bytes.length, Math.max(1, width))
      expect(() => decoder.read(new Int32Array(10_000), 0, 10_000)).toThrow(RangeError)
    }
  })
})
