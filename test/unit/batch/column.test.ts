import { expect, test } from 'vitest'
import { AssertionError } from '../../../src/base/assert.ts'
import { Slab } from '../../../src/base/slab.ts'
import { bitBytes, Column } from '../../../src/batch/column.ts'
import { type DataType, t } from '../../../src/batch/types.ts'
import { readValue, writeValue } from '../../../src/batch/values.ts'
import {
  COLUMN_DICTIONARY,
  DESCRIPTOR_BYTES,
  DESCRIPTOR_CHILD_COUNT,
  DESCRIPTOR_CHILDREN,
  DESCRIPTOR_DICTIONARY,
  DESCRIPTOR_FLAGS,
  DESCRIPTOR_KIND,
  PhysicalKind,
} from '../../../src/kernels/column-layout.ts'

const allocate = (type: DataType<unknown>, rows: number, slab: Slab = new Slab()): Column => Column.allocate(slab, type.logical, rows)

test('a column is described in the slab as kernels see it', () => {
  const slab = new Slab()
  const column = allocate(t.map(t.string(), t.int().nullable()), 4, slab)
  const word = column.descriptor >>> 2
  expect(column.descriptor % DESCRIPTOR_BYTES).toBe(0)
  expect([slab.u32[word + DESCRIPTOR_KIND], slab.u32[word + DESCRIPTOR_CHILD_COUNT]]).toEqual([PhysicalKind.MAP, 2])
  const list = slab.u32[word + DESCRIPTOR_CHILDREN] >>> 2
  expect([slab.u32[list], slab.u32[list + 1]]).toEqual(column.children.map(({ descriptor }) => descriptor))
  expect(column.children.map(({ validity }) => validity !== 0)).toEqual([false, true])
})

test('buffers begin on cache lines', () => {
  const column = allocate(t.timestamp(9).nullable(), 3)
  expect([column.validity, column.values, column.extra].map((address) => [address > 0, address % 64])).toEqual([
    [true, 0],
    [true, 0],
    [true, 0],
  ])
})

test('the first NULL makes all other rows valid, later ones are counted once', () => {
  const column = allocate(t.int().nullable(), 20)
  column.slab.u8.fill(0, column.validity, column.validity + 3)
  expect(column.isValid(5)).toBe(true)
  column.setNull(5)
  column.setNull(5)
  column.setNull(17)
  expect(column.nullCount).toBe(2)
  expect(Array.from({ length: 20 }, (_, row) => row).filter((row) => !column.isValid(row))).toEqual([5, 17])
})

test('NULL in a column that is NOT NULL is a bug', () => {
  expect(() => allocate(t.int(), 4).setNull(0)).toThrow(AssertionError)
})

test('ensureRows() keeps values, NULLs and offsets, and gives the old buffers back', () => {
  for (const type of [
    t.boolean(),
    t.tinyint(),
    t.smallint(),
    t.int(),
    t.double(),
    t.decimal(30, 2),
    t.timestamp(9),
    t.string(),
    t.array(t.int()),
    t.row({ a: t.string().nullable() }),
  ]) {
    const slab = new Slab()
    const column = Column.allocate(slab, type.nullable().logical, 3)
    writeValue(column, 0, null)
    column.ensureRows(100)
    expect(column.rowCapacity).toBeGreaterThanOrEqual(100)
    for (const child of type.logical.kind === 'ROW' ? column.children : []) expect(child.rowCapacity).toBeGreaterThanOrEqual(100)
    expect([0, 1, 99].map((row) => column.isValid(row))).toEqual([false, true, true])
    column.free()
    expect(slab.allocatedBytes).toBe(0)
  }
})

test('ensureRows() and ensureData() keep what was written', () => {
  const column = allocate(t.string().nullable(), 2)
  const values = ['one', null, ...Array.from({ length: 500 }, (_, row) => 'x'.repeat(row % 70))]
  values.forEach((value, row) => {
    column.ensureRows(row + 1)
    writeValue(column, row, value)
  })
  expect(values.map((_, row) => readValue(column, row))).toEqual(values)
  expect(column.nullCount).toBe(1)
  expect(column.dataLength).toBeLessThanOrEqual(column.dataCapacity)
})

test('a column of no rows grows and is given back without a rest', () => {
  for (const type of [t.string().nullable(), t.timestamp(9).nullable(), t.array(t.int().nullable()).nullable()]) {
    const slab = new Slab()
    const column = Column.allocate(slab, type.logical, 0)
    column.ensureRows(10)
    column.free()
    expect(slab.allocatedBytes).toBe(0)
  }
})

test('clear() forgets rows and keeps buffers', () => {
  const column = allocate(t.array(t.string().nullable()).nullable(), 4)
  writeValue(column, 0, ['a', null])
  writeValue(column, 1, null)
  const { values, offsets } = column
  column.clear()
  expect([column.nullCount, column.children[0].nullCount, column.children[0].dataLength, column.values, column.offsets]).toEqual([0, 0, 0, values, offsets])
  writeValue(column, 0, ['b'])
  expect(readValue(column, 0)).toEqual(['b'])
  const objects = allocate(t.object(), 4)
  writeValue(objects, 0, { a: 1 })
  objects.clear()
  expect(objects.objects).toEqual([])
})

test('a dictionary is read through codes, and taken off again', () => {
  const slab = new Slab()
  const dictionary = allocate(t.string(), 2, slab)
  writeValue(dictionary, 0, 'zero')
  writeValue(dictionary, 1, 'one')
  const column = Column.borrow(slab, t.string().logical)
  column.values = slab.allocate(64)
  slab.i32.set([1, 0, 1], column.values >>> 2)
  column.setDictionary(dictionary)
  expect([0, 1, 2].map((row) => readValue(column, row))).toEqual(['one', 'zero', 'one'])
  const word = column.descriptor >>> 2
  expect([slab.u32[word + DESCRIPTOR_FLAGS], slab.u32[word + DESCRIPTOR_DICTIONARY]]).toEqual([COLUMN_DICTIONARY, dictionary.descriptor])
  column.setDictionary(null)
  expect([slab.u32[word + DESCRIPTOR_FLAGS], slab.u32[word + DESCRIPTOR_DICTIONARY]]).toEqual([0, 0])
})

test('a borrowed column cannot grow and frees nothing of others', () => {
  const slab = new Slab()
  const column = Column.borrow(slab, t.string().logical)
  expect(() => column.ensureData(1)).toThrow(AssertionError)
  expect(() => column.ensureRows(1)).toThrow(AssertionError)
  column.values = slab.allocate(64)
  column.free()
  expect(slab.allocatedBytes).toBe(64)
})

test('bitBytes() rounds up', () => {
  expect([0, 1, 8, 9].map(bitBytes)).toEqual([0, 1, 1, 2])
})
