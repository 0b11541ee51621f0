import { expect, test } from 'vitest'
import { Slab } from '../../../src/base/slab.ts'
import { batchFromObjects, batchToObjects, freeBatch } from '../../../src/batch/batch-rows.ts'
import { RowKind } from '../../../src/batch/record-batch.ts'
import { defineSchema, OBJECT_SCHEMA, t } from '../../../src/batch/types.ts'

const schema = defineSchema({ name: t.string(), delay: t.int().nullable() })

test('batchToObjects() gives back what batchFromObjects() was given', () => {
  const rows = [
    { kind: RowKind.INSERT, timestamp: 5, row: { name: 'a', delay: 1 } },
    { kind: RowKind.DELETE, timestamp: -7, row: { name: 'ü', delay: null } },
  ]
  expect(batchToObjects(batchFromObjects(new Slab(), schema, rows))).toEqual(rows)
})

test('kinds default to INSERT and timestamps to none', () => {
  const batch = batchFromObjects(new Slab(), schema, [{ row: { name: 'a', delay: 1 } }])
  expect([batch.kinds, batch.timestamps, batch.begin, batch.end]).toEqual([0, 0, 0, 1])
  expect(batchToObjects(batch)).toEqual([{ kind: RowKind.INSERT, timestamp: -Infinity, row: { name: 'a', delay: 1 } }])
})

test('rows of an object schema are the values themselves', () => {
  const value = { deep: [1, new Map([['k', 2n]])] }
  expect(batchToObjects(batchFromObjects(new Slab(), OBJECT_SCHEMA, [{ row: value }]))[0].row).toBe(value)
})

test('batchToObjects() applies the selection', () => {
  const slab = new Slab()
  const batch = batchFromObjects(
    slab,
    schema,
    ['a', 'b', 'c'].map((name) => ({ row: { name, delay: null } })),
  )
  batch.selection = slab.allocate(8)
  slab.i32.set([0, 2], batch.selection >>> 2)
  batch.selectedCount = 2
  expect(batchToObjects(batch).map(({ row }) => (row as { name: string }).name)).toEqual(['a', 'c'])
})

test('freeBatch() gives every byte back', () => {
  const slab = new Slab()
  const nested = defineSchema({ list: t.array(t.row({ a: t.string().nullable(), at: t.timestamp(9) })).nullable(), counts: t.multiset(t.int()) })
  const row = { list: Array.from({ length: 100 }, (_, index) => ({ a: 'x'.repeat(index), at: BigInt(index) })), counts: new Map([[1, 2]]) }
  freeBatch(
    batchFromObjects(
      slab,
      nested,
      [{ row, kind: RowKind.DELETE, timestamp: 1 }, { row: { ...row, list: null } }].map((init) => ({ timestamp: 1, ...init })),
    ),
  )
  expect(slab.allocatedBytes).toBe(0)
})
