import * as arrow from 'apache-arrow'
import { expect, test } from 'vitest'
import { Slab } from '../../../src/base/slab.ts'
import { toArrow } from '../../../src/batch/arrow.ts'
import { batchFromObjects } from '../../../src/batch/batch-rows.ts'
import { Column } from '../../../src/batch/column.ts'
import { RecordBatch } from '../../../src/batch/record-batch.ts'
import { type DataType, Decimal, defineSchema, OBJECT_SCHEMA, t } from '../../../src/batch/types.ts'
import { writeValue } from '../../../src/batch/values.ts'

/** The values of a single column behind Arrow's eyes: first to Arrow, then to Arrow's own file format and back. */
function throughArrow(type: DataType<unknown>, values: readonly unknown[]): arrow.Vector {
  const batch = batchFromObjects(
    new Slab(),
    defineSchema({ c: type }),
    values.map((c) => ({ row: { c } })),
  )
  const table = new arrow.Table([toArrow(arrow, batch).batch])
  return arrow.tableFromIPC(arrow.tableToIPC(table)).getChild('c')!
}

test.each<[string, DataType<unknown>, readonly unknown[], readonly unknown[]]>([
  ['BOOLEAN', t.boolean(), [true, false, true], [true, false, true]],
  ['TINYINT', t.tinyint(), [-128, 127], [-128, 127]],
  ['SMALLINT', t.smallint(), [-32768, 32767], [-32768, 32767]],
  ['INT', t.int(), [-5, 2147483647], [-5, 2147483647]],
  ['BIGINT', t.bigint(), [-(2n ** 63n), 5n], [-(2n ** 63n), 5n]],
  ['FLOAT', t.float(), [1.5, -0.25], [1.5, -0.25]],
  ['DOUBLE', t.double(), [0.1, Infinity], [0.1, Infinity]],
  ['STRING', t.string(), ['', 'naïve', '日本語'], ['', 'naïve', '日本語']],
  ['BITMAP', t.bitmap(), [new Uint8Array([1, 255])], [new Uint8Array([1, 255])]],
  ['BYTES', t.bytes(), [new Uint8Array([1, 255]), new Uint8Array()], [new Uint8Array([1, 255]), new Uint8Array()]],
  ['TIME', t.time(3), [0, 86_399_999], [0, 86_399_999]],
  ['TIMESTAMP(3)', t.timestamp(3), [-5, 1_700_000_000_123], [-5, 1_700_000_000_123]],
  ['INTERVAL DAY TO SECOND', t.intervalMs(), [-1, 90_000], [-1n, 90_000n]],
  ['INT with NULLs', t.int().nullable(), [null, 7, null], [null, 7, null]],
  ['STRING with NULLs', t.string().nullable(), ['a', null, 'b'], ['a', null, 'b']],
])('an Arrow column of %s has the same values', (_name, type, values, expected) => {
  expect([...throughArrow(type, values)]).toEqual(expected)
})

test('timestamps, dates, decimals and months keep every digit', () => {
  expect([...throughArrow(t.timestamp(6), [1_700_000_000_123_456_000n, -1000n]).data[0].values]).toEqual([1_700_000_000_123_456n, -1n])
  expect([...throughArrow(t.timestampLtz(9).nullable(), [1_700_000_000_123_456_789n, null, -1n]).data[0].values]).toEqual([1_700_000_000_123_456_789n, 0n, -1n])
  expect([...throughArrow(t.date(), [-1, 19_000]).data[0].values]).toEqual([-1, 19_000])
  expect([...throughArrow(t.intervalMonths(), [14, -3]).data[0].values]).toEqual([14, -3])
  for (const precision of [18, 38]) {
    const values = throughArrow(t.decimal(precision, 2), [new Decimal(-12345n, 2), new Decimal(10n ** 17n, 2)]).data[0].values as Uint32Array
    const wide = new BigUint64Array(values.slice().buffer)
    expect([BigInt.asIntN(128, wide[0] | (wide[1] << 64n)), BigInt.asIntN(128, wide[2] | (wide[3] << 64n))]).toEqual([-12345n, 10n ** 17n])
  }
})

test('types carry precision, scale and time zone', () => {
  expect(throughArrow(t.decimal(18, 4), []).type).toMatchObject({ scale: 4, precision: 18, bitWidth: 128 })
  expect(throughArrow(t.timestampLtz(3), []).type).toMatchObject({ timezone: 'UTC' })
  expect(throughArrow(t.timestamp(9), []).type).toMatchObject({ timezone: null, unit: arrow.TimeUnit.NANOSECOND })
})

test('nested columns become lists, maps and structs', () => {
  expect([...throughArrow(t.array(t.int().nullable()).nullable(), [[1, null, 3], null, []])].map((list) => list && [...(list as Iterable<unknown>)])).toEqual([
    [1, null, 3],
    null,
    [],
  ])
  const rows = [...throughArrow(t.row({ a: t.int(), b: t.string().nullable() }).nullable(), [{ a: 1, b: 'x' }, null, { a: 2, b: null }])]
  expect(rows.map((row) => row && (row as { toJSON(): unknown }).toJSON())).toEqual([{ a: 1, b: 'x' }, null, { a: 2, b: null }])
  const maps = [...throughArrow(t.map(t.string(), t.array(t.double())), [new Map([['k', [1.5]]]), new Map()])]
  expect(maps.map((map) => [...(map as Iterable<[string, Iterable<number>]>)].map(([key, list]) => [key, [...list]]))).toEqual([[['k', [1.5]]], []])
  const bags = [...throughArrow(t.multiset(t.string()), [new Map([['a', 2]])])]
  expect([...(bags[0] as Iterable<unknown>)]).toEqual([['a', 2]])
})

test('columns of fixed width and strings are views on the memory of the batch, not copies', () => {
  const slab = new Slab()
  const schema = defineSchema({ n: t.double(), s: t.string(), m: t.timestamp(3) })
  const batch = batchFromObjects(slab, schema, [{ row: { n: 1, s: 'a', m: 2 } }])
  const { data } = toArrow(arrow, batch).batch
  expect(data.children.map(({ values }) => (values as Uint8Array).buffer === slab.memory.buffer)).toEqual([true, true, true])
  slab.f64[batch.columns[0].values >>> 3] = 42
  expect(data.children[0].values[0]).toBe(42)
})

test('a batch with a selection is gathered', () => {
  const slab = new Slab()
  const batch = batchFromObjects(
    slab,
    defineSchema({ s: t.string() }),
    ['a', 'b', 'c'].map((s) => ({ row: { s } })),
  )
  batch.selection = slab.allocate(64)
  slab.i32.set([0, 2], batch.selection >>> 2)
  batch.selectedCount = 2
  batch.rewind()
  expect([...toArrow(arrow, batch).batch.getChild('s')!]).toEqual(['a', 'c'])
})

test('pending rows are gathered into memory that is given back, columns behind the schema stay behind', () => {
  const slab = new Slab()
  const schema = defineSchema({ n: t.int(), key: t.bytes() })
  const batch = batchFromObjects(
    slab,
    schema,
    [1, 2, 3].map((n) => ({ row: { n, key: new Uint8Array(n) } })),
  )
  batch.begin = 1
  const before = slab.allocatedBytes
  const loan = toArrow(arrow, batch, defineSchema({ n: t.int() }))
  expect(loan.batch.schema.fields.map(({ name }) => name)).toEqual(['n'])
  expect([...loan.batch.getChild('n')!]).toEqual([2, 3])
  loan.release()
  expect(slab.allocatedBytes).toBe(before)
})

test('a dictionary-encoded column becomes an Arrow dictionary', () => {
  const slab = new Slab()
  const schema = defineSchema({ s: t.string().nullable() })
  const codes = Column.allocate(slab, t.int().nullable().logical, 3)
  const dictionary = Column.allocate(slab, t.string().logical, 8)
  ;['x', 'y'].forEach((value, row) => writeValue(dictionary, row, value))
  ;[1, null, 0].forEach((value, row) => writeValue(codes, row, value))
  const column = Column.borrow(slab, schema.fields[0].type)
  column.validity = codes.validity
  column.values = codes.values
  column.nullCount = 1
  column.setDictionary(dictionary)
  const batch = new RecordBatch(slab, schema, [column])
  batch.rowCount = 3
  batch.rewind()
  const vector = toArrow(arrow, batch).batch.getChild('s')!
  expect(arrow.DataType.isDictionary(vector.type)).toBe(true)
  expect([...vector]).toEqual(['y', null, 'x'])
})

test('a batch without rows has its columns', () => {
  const batch = batchFromObjects(new Slab(), defineSchema({ s: t.string(), l: t.array(t.int()) }), [])
  const made = toArrow(arrow, batch).batch
  expect([made.numRows, made.schema.fields.map(({ name }) => name)]).toEqual([0, ['s', 'l']])
})

test('what Arrow cannot hold is refused', () => {
  const objects = batchFromObjects(new Slab(), OBJECT_SCHEMA, [{ row: {} }])
  expect(() => toArrow(arrow, objects).batch).toThrow(expect.objectContaining({ code: 'NO_ARROW_TYPE' }) as Error)
  const late = batchFromObjects(new Slab(), defineSchema({ at: t.timestamp(9) }), [{ row: { at: 2n ** 64n } }])
  expect(() => toArrow(arrow, late).batch).toThrow(expect.objectContaining({ code: 'VALUE_OUT_OF_TYPE' }) as Error)
})
