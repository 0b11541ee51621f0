import { isDeepStrictEqual } from 'node:util'
import { ByteBuffer } from 'flatbuffers'
import { expect, test } from 'vitest'
import { AssertionError } from '../../../src/base/assert.ts'
import { Slab } from '../../../src/base/slab.ts'
import { BatchDecoder, BatchEncoder, encodeBatch, encodedBytesMax } from '../../../src/batch/batch-codec.ts'
import { schemaIdOf, WIRE_ALIGNMENT_BYTES, WIRE_FORMAT_VERSION } from '../../../src/batch/batch-codec-layout.ts'
import { batchFromObjects, batchToObjects } from '../../../src/batch/batch-rows.ts'
import { verifyBatch } from '../../../src/batch/batch-verifier.ts'
import { Column } from '../../../src/batch/column.ts'
import type { BodyBuffer } from '../../../src/batch/generated/body-buffer.ts'
import { Encoding } from '../../../src/batch/generated/encoding.ts'
import { RecordBatchHeader } from '../../../src/batch/generated/record-batch-header.ts'
import { RecordBatch, RowKind } from '../../../src/batch/record-batch.ts'
import { Decimal, defineSchema, OBJECT_SCHEMA, type Schema, t } from '../../../src/batch/types.ts'
import { writeValue } from '../../../src/batch/values.ts'
import { PhysicalKind, TypeCode } from '../../../src/kernels/column-layout.ts'

const FRAME_BYTES = 1 << 20

/** A frame in a slab of its own. */
function encoded(
  batch: RecordBatch,
  from: number = 0,
  to: number = batch.logicalCount,
  target: Slab = new Slab(),
): { slab: Slab; address: number; length: number } {
  const address = target.allocate(FRAME_BYTES)
  return { slab: target, address, length: encodeBatch(batch, from, to, target.u8, address) }
}

function through(batch: RecordBatch, from?: number, to?: number): RecordBatch {
  const { slab, address, length } = encoded(batch, from, to)
  return new BatchDecoder(slab, batch.schema).decode(address, length)
}

const numbers = defineSchema({ n: t.int() })
const numbered = (count: number, slab: Slab = new Slab()): RecordBatch =>
  batchFromObjects(
    slab,
    numbers,
    Array.from({ length: count }, (_, n) => ({ timestamp: n, row: { n } })),
  )
const valuesOf = (batch: RecordBatch): unknown[] => batchToObjects(batch).map(({ row }) => row)

function dictionaryBatch(schema: Schema, words: readonly string[], codes: readonly (number | null)[]): RecordBatch {
  const slab = new Slab()
  const dictionary = Column.allocate(slab, t.string().logical, words.length)
  words.forEach((word, row) => writeValue(dictionary, row, word))
  const numbersOf = Column.allocate(slab, t.int().nullable().logical, codes.length)
  codes.forEach((code, row) => writeValue(numbersOf, row, code))
  const column = Column.borrow(slab, schema.fields[0].type)
  column.validity = numbersOf.validity
  column.values = numbersOf.values
  column.nullCount = numbersOf.nullCount
  column.setDictionary(dictionary)
  const batch = new RecordBatch(slab, schema, [column])
  batch.rowCount = codes.length
  batch.rewind()
  return batch
}

test('the header is a FlatBuffer that the generated code reads', () => {
  const schema = defineSchema({ price: t.decimal(10, 2).nullable(), tags: t.array(t.string()), at: t.timestamp(9), ms: t.timestamp(3) })
  const row = { price: new Decimal(5n, 2), tags: ['x', 'yz'], at: 7n, ms: 1 }
  const batch = batchFromObjects(new Slab(), schema, [{ row, kind: RowKind.DELETE }, { row: { ...row, price: null } }, { row }])
  batch.timestamps = batch.columns[3].values
  batch.crossings.add(1, 5)
  batch.crossings.add(3, Infinity)
  const { slab, address, length } = encoded(batch)

  const bytes = new ByteBuffer(slab.u8.slice(address, address + length))
  expect(RecordBatchHeader.bufferHasIdentifier(bytes)).toBe(true)
  const header = RecordBatchHeader.getRootAsRecordBatchHeader(bytes)
  const buffer = (found: BodyBuffer | null): number[] => [found!.offset() % WIRE_ALIGNMENT_BYTES, found!.length()]
  expect([header.formatVersion(), header.schemaId(), header.rowCount(), header.timestampsColumn(), header.columnsLength()]).toEqual([
    WIRE_FORMAT_VERSION,
    schemaIdOf(schema),
    3,
    4,
    5,
  ])
  expect([header.bodyOffset() % WIRE_ALIGNMENT_BYTES, header.bodyOffset() + header.bodyLength()]).toEqual([0, length])
  expect([header.kinds(), header.timestamps(), header.crossingPositions(), header.crossingWatermarks()].map(buffer)).toEqual([
    [0, 3],
    [0, 0],
    [0, 8],
    [0, 16],
  ])
  const columns = Array.from({ length: 5 }, (_, index) => header.columns(index)!)
  expect(columns.map((column) => [column.kind(), column.encoding(), column.childCount(), column.rowCount(), column.nullCount(), column.dictionary()])).toEqual([
    [PhysicalKind.INT64, Encoding.PLAIN, 0, 3, 1, -1],
    [PhysicalKind.LIST, Encoding.PLAIN, 1, 3, 0, -1],
    [PhysicalKind.BYTES, Encoding.PLAIN, 0, 6, 0, -1],
    [PhysicalKind.TIMESTAMP_NANOS, Encoding.PLAIN, 0, 3, 0, -1],
    [PhysicalKind.INT64, Encoding.PLAIN, 0, 3, 0, -1],
  ])
  expect(columns[0].type()).toBe(TypeCode.DECIMAL | (10 << 8) | (2 << 16))
  expect(
    columns.map((column) => [column.validity(), column.values(), column.offsets(), column.data(), column.extra()].map((found) => buffer(found)[1])),
  ).toEqual([
    [1, 24, 0, 0, 0],
    [0, 0, 16, 0, 0],
    [0, 0, 28, 9, 0],
    [0, 24, 0, 0, 12],
    [0, 24, 0, 0, 0],
  ])
})

test('columns of a decoded batch point into the frame, and the batch is the same object each time', () => {
  const { slab, address, length } = encoded(numbered(10))
  const decoder = new BatchDecoder(slab, numbers)
  const before = slab.allocatedBytes
  const batch = decoder.decode(address, length)
  for (const pointer of [batch.columns[0].values, batch.timestamps]) {
    expect(pointer % WIRE_ALIGNMENT_BYTES).toBe(0)
    expect(pointer > address && pointer < address + length).toBe(true)
  }
  slab.i32[batch.columns[0].values >>> 2] = 42
  expect(valuesOf(batch)[0]).toEqual({ n: 42 })
  expect(decoder.decode(address, length)).toBe(batch)
  expect(slab.allocatedBytes).toBe(before)
})

test('BatchDecoder.free() gives the descriptors back', () => {
  const { slab, address, length } = encoded(dictionaryBatch(defineSchema({ s: t.string() }), ['a'], [0, 0]))
  const before = slab.allocatedBytes
  const decoder = new BatchDecoder(slab, defineSchema({ s: t.string() }))
  decoder.decode(address, length)
  decoder.free()
  expect(slab.allocatedBytes).toBe(before)
})

test('an empty batch carries its crossings', () => {
  const batch = numbered(0)
  batch.crossings.add(0, 77)
  const read = through(batch)
  expect([read.rowCount, read.end, read.crossings.count, read.crossings.watermarks[0]]).toEqual([0, 0, 1, 77])
})

test('when a batch is cut, each crossing travels once, with the row it stands before', () => {
  const batch = numbered(6)
  for (const [position, watermark] of [
    [0, 1],
    [3, 2],
    [4, 3],
    [6, 4],
  ] as const)
    batch.crossings.add(position, watermark)
  const crossingsOf = (from: number, to: number): number[][] => {
    const { crossings } = through(batch, from, to)
    return Array.from({ length: crossings.count }, (_, index) => [crossings.positions[index], crossings.watermarks[index]])
  }
  expect([crossingsOf(0, 3), crossingsOf(3, 6), crossingsOf(4, 4)]).toEqual([
    [[0, 1]],
    [
      [0, 2],
      [1, 3],
      [3, 4],
    ],
    [],
  ])
})

test('crossings between rows that are not selected fall together, and the last holds', () => {
  const batch = numbered(6)
  batch.selection = batch.slab.allocate(64)
  batch.slab.i32.set([1, 5], batch.selection >>> 2)
  batch.selectedCount = 2
  for (const position of [0, 1, 2, 3, 6]) batch.crossings.add(position, position * 10)
  const { crossings } = through(batch)
  expect([[...crossings.positions.subarray(0, crossings.count)], [...crossings.watermarks.subarray(0, crossings.count)]]).toEqual([
    [0, 1, 2],
    [10, 30, 60],
  ])
})

test('a selection of neighbours is copied as a range', () => {
  const batch = numbered(8)
  batch.selection = batch.slab.allocate(64)
  batch.slab.i32.set([3, 4, 5], batch.selection >>> 2)
  batch.selectedCount = 3
  expect(valuesOf(through(batch))).toEqual([{ n: 3 }, { n: 4 }, { n: 5 }])
})

test('children that no row names are left out', () => {
  const schema = defineSchema({ list: t.array(t.string()) })
  const batch = batchFromObjects(
    new Slab(),
    schema,
    Array.from({ length: 100 }, () => ({ row: { list: ['x'.repeat(1000)] } })),
  )
  expect(encoded(batch, 50, 51).length).toBeLessThan(2000)
  expect(encodedBytesMax(batch, 50, 51)).toBeLessThan(2000)
})

test('a dictionary travels if it is shorter than its rows, without what no row names; else values do', () => {
  const schema = defineSchema({ s: t.string().nullable() })
  const batch = dictionaryBatch(schema, ['a', 'b', 'never'], [1, null, 0, 1, 1])
  const whole = through(batch)
  expect([whole.columns[0].dictionary?.rowCapacity, valuesOf(whole).map((row) => (row as { s: string }).s)]).toEqual([2, ['b', null, 'a', 'b', 'b']])
  const piece = through(batch, 3, 4)
  expect([piece.columns[0].dictionary, valuesOf(piece)]).toEqual([null, [{ s: 'b' }]])
})

test('one decoder reads plain, dictionary and plain again', () => {
  const schema = defineSchema({ s: t.string().nullable() })
  const slab = new Slab()
  const decoder = new BatchDecoder(slab, schema)
  const batches = [
    batchFromObjects(new Slab(), schema, [{ row: { s: 'p' } }]),
    dictionaryBatch(schema, ['d'], [0, 0]),
    batchFromObjects(new Slab(), schema, [{ row: { s: null } }]),
  ]
  const seen = batches.map((batch) => {
    const { address, length } = encoded(batch, 0, batch.rowCount, slab)
    verifyBatch(slab.u8.slice(address, address + length), schema)
    return valuesOf(decoder.decode(address, length)).map((row) => (row as { s: unknown }).s)
  })
  expect(seen).toEqual([['p'], ['d', 'd'], [null]])
})

test('a decoded batch can be encoded again', () => {
  const schema = defineSchema({ a: t.array(t.string().nullable()), o: t.object(), m: t.map(t.string(), t.int()).nullable(), at: t.timestamp(3) })
  const rows = Array.from({ length: 20 }, (_, index) => ({
    row: { a: ['x', null, `y${index}`], o: { index }, m: index % 3 === 0 ? null : new Map([['k', index]]), at: index },
    timestamp: index,
  }))
  const once = through(batchFromObjects(new Slab(), schema, rows))
  expect(batchToObjects(through(once, 3, 17))).toEqual(rows.slice(3, 17).map((row) => ({ kind: RowKind.INSERT, ...row })))
})

test('objects keep what structured clone keeps, and decimals', () => {
  const cycle: Record<string, unknown> = { name: 'cycle' }
  cycle['self'] = cycle
  const values = [
    { list: [1, 'two', null, undefined] },
    new Map([[{ key: 1 }, new Set([2n ** 70n])]]),
    new Date(86_400_000),
    new Float32Array([1.5]),
    /a+/g,
    new Decimal(-150n, 2),
    'text',
    null,
    5n,
    NaN,
    true,
  ]
  const rows = [...values, cycle]
  const read = valuesOf(
    through(
      batchFromObjects(
        new Slab(),
        OBJECT_SCHEMA,
        rows.map((row) => ({ row })),
      ),
    ),
  )
  expect(read.slice(0, -1)).toEqual(values)
  const copy = read.at(-1) as Record<string, unknown>
  expect([copy['name'], copy['self'] === copy]).toEqual(['cycle', true])
})

class Sealed {
  readonly #secret: number

  constructor(secret: number) {
    this.#secret = secret
  }

  get secret(): number {
    return this.#secret
  }
}

test.each<[string, unknown]>([
  ['the function "later" cannot leave its thread', { later() {} }],
  ['a Promise cannot leave its thread', Promise.resolve(1)],
  ['a WeakMap cannot leave its thread', [new WeakMap()]],
  ['a SharedArrayBuffer cannot leave its thread', new SharedArrayBuffer(8)],
  ['the symbol "s" cannot leave its thread', Symbol('s')],
  ['the function "later" cannot leave its thread', { later() {}, zero: -0 }],
  ['an object of class URL, which has no members of its own, cannot leave its thread', { at: new URL('http://a') }],
  ['an object of class Sealed, which has no members of its own, cannot leave its thread', [new Sealed(1)]],
  ['an object of class Generator, which has no members of its own, cannot leave its thread', new Map([[1, (function* () {})()]])],
])('what cannot leave its thread is refused by name: %s', (reason, value) => {
  const batch = batchFromObjects(new Slab(), defineSchema({ id: t.int(), payload: t.object() }), [
    { row: { id: 1, payload: 'fine' } },
    { row: { id: 2, payload: value } },
  ])
  const refusal = expect.objectContaining({
    code: 'VALUE_NOT_ENCODABLE',
    message: `Cannot encode value 1 of column "payload" for another thread or a snapshot: ${reason}`,
  }) as Error
  expect(() => encodedBytesMax(batch, 0, 2)).toThrow(refusal)
  expect(() => encoded(batch)).toThrow(refusal)
  expect(valuesOf(through(batch, 0, 1))).toEqual([{ id: 1, payload: 'fine' }])
})

test.each<[string, unknown]>([
  ['the sign of a zero', { n: -0, list: [0, -0] }],
  ['a lone surrogate', ['\ud800', { '\udc00': 1 }]],
  ['a boxed boolean', { flag: Object(true) as unknown }],
  ['holes', Object.assign(Array.from({ length: 2 }), { length: 4 })],
  ['the index of a match', /b/.exec('abc')],
  ['members that are called like those of Object', JSON.parse('{"__proto__":{"toJSON":1},"constructor":2,"__keys__":[3]}')],
  ['a regular expression', /a+/giu],
  ['a buffer', new Uint16Array([1, 2]).buffer],
])('an object column keeps %s', (_, value) => {
  const [found] = valuesOf(through(batchFromObjects(new Slab(), OBJECT_SCHEMA, [{ row: value }])))
  expect(isDeepStrictEqual(found, structuredClone(value))).toBe(true)
})

test('decimals stay decimals beside what only structured clone carries', () => {
  const price = new Decimal(1250n, 2)
  const row = { zero: -0, prices: new Map([[price, { price, large: new Decimal(10n ** 30n, 0) }]]) }
  const [found] = valuesOf(through(batchFromObjects(new Slab(), OBJECT_SCHEMA, [{ row }])))
  expect(found).toStrictEqual(row)
  const [[key, item]] = [...(found as typeof row).prices]
  expect(item.price).toBe(key)
})

test('an object of a class comes as its own members', () => {
  class Point {
    readonly x = 1

    toJSON(): string {
      return 'text'
    }
  }
  const rows = [{ row: new Point() }, { row: Object.assign(new Sealed(1), { name: 'a' }) }]
  expect(valuesOf(through(batchFromObjects(new Slab(), OBJECT_SCHEMA, rows)))).toStrictEqual([{ x: 1 }, { name: 'a' }])
})

test('encode() writes the objects of its call, not those that encodedBytesMax() saw', () => {
  const batch = batchFromObjects(new Slab(), OBJECT_SCHEMA, [{ row: { a: 1 } }, { row: { a: 2 } }])
  encodedBytesMax(batch, 0, 2)
  batch.columns[0].objects[1] = { a: 3 }
  expect(valuesOf(through(batch))).toEqual([{ a: 1 }, { a: 3 }])
})

test('frames can lie above 2 GiB and in memory that grew', () => {
  const slab = new Slab()
  slab.allocate(2 ** 31)
  const batch = numbered(1000, slab)
  expect(batch.columns[0].values).toBeGreaterThan(2 ** 31)
  batch.selection = slab.allocate(8192)
  for (let index = 0; index < 500; index++) slab.i32[(batch.selection >>> 2) + index] = index * 2
  batch.selectedCount = 500
  const target = new Slab()
  const encoder = new BatchEncoder(numbers)
  const low = target.allocate(FRAME_BYTES)
  const length = encoder.encode(batch, 7, 500, target.u8, low)
  target.allocate(2 ** 31)
  const high = target.allocate(FRAME_BYTES)
  expect(high).toBeGreaterThan(2 ** 31)
  const decoder = new BatchDecoder(target, numbers)
  expect(decoder.decode(high, encoder.encode(batch, 1, 400, target.u8, high)).timestampOf(398)).toBe(798)
  expect(valuesOf(decoder.decode(low, length)).at(-1)).toEqual({ n: 998 })
})

test('frames that are not where or what they should be are bugs', () => {
  const batch = numbered(3)
  const { slab, address, length } = encoded(batch)
  const decoder = new BatchDecoder(slab, numbers)
  expect(() => encodeBatch(batch, 0, 4, slab.u8, address)).toThrow(AssertionError)
  expect(() => encodeBatch(batch, 2, 1, slab.u8, address)).toThrow(AssertionError)
  expect(() => encodeBatch(batch, 0, 3, slab.u8, address + 8)).toThrow(AssertionError)
  expect(() => decoder.decode(address + 8, length)).toThrow(AssertionError)
  expect(() => decoder.decode(address, length - 64)).toThrow(AssertionError)
  expect(() => new BatchDecoder(slab, defineSchema({ other: t.int() })).decode(address, length)).toThrow('a frame has another schema than its channel')
})
