import { expect, test } from 'vitest'
import { Slab } from '../../../src/base/slab.ts'
import { batchFromObjects } from '../../../src/batch/batch-rows.ts'
import { readInt64AsNumber, ROW_KIND_TEXT, RowKind, writeInt64 } from '../../../src/batch/record-batch.ts'
import { defineSchema, t } from '../../../src/batch/types.ts'

const schema = defineSchema({ n: t.int() })

function selected(rows: readonly number[]): ReturnType<typeof batchFromObjects> {
  const slab = new Slab()
  const batch = batchFromObjects(
    slab,
    schema,
    Array.from({ length: 10 }, (_, n) => ({ row: { n } })),
  )
  batch.selection = slab.allocate(64)
  slab.i32.set(rows, batch.selection >>> 2)
  batch.selectedCount = rows.length
  return batch
}

test('RecordBatch.positionOf() of a dense batch is the row itself, its end for rows behind it', () => {
  const batch = batchFromObjects(new Slab(), schema, [{ row: { n: 1 } }, { row: { n: 2 } }])
  expect([0, 1, 2, 3].map((row) => batch.positionOf(row))).toEqual([0, 1, 2, 2])
})

test('RecordBatch.positionOf() finds the first selected row at or behind a physical one', () => {
  const batch = selected([1, 4, 5, 9])
  expect(Array.from({ length: 11 }, (_, row) => batch.positionOf(row))).toEqual([0, 0, 1, 1, 1, 2, 3, 3, 3, 3, 4])
  expect(selected([]).positionOf(5)).toBe(0)
})

test('logicalCount, physicalRow() and rewind() go through the selection', () => {
  const batch = selected([1, 4, 5, 9])
  batch.rewind()
  expect([batch.logicalCount, batch.begin, batch.end, batch.physicalRow(2)]).toEqual([4, 0, 4, 5])
  batch.selection = 0
  batch.rewind()
  expect([batch.logicalCount, batch.end, batch.physicalRow(2)]).toEqual([10, 10, 2])
})

test('kinds and timestamps of a batch without them are INSERT and -Infinity', () => {
  const batch = batchFromObjects(new Slab(), schema, [{ row: { n: 1 } }])
  expect([batch.kindOf(0), batch.timestampOf(0)]).toEqual([RowKind.INSERT, -Infinity])
  expect(Object.values(RowKind).map((kind) => ROW_KIND_TEXT[kind])).toEqual(['+I', '-U', '+U', '-D'])
})

test('int64 and number agree within 2^53', () => {
  const slab = new Slab()
  const at = slab.allocate(64)
  for (const value of [0, 1, -1, 4294967295, 4294967296, -4294967296, -4294967297, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]) {
    writeInt64(slab, at, value)
    expect([slab.i64[at >>> 3], readInt64AsNumber(slab, at)]).toEqual([BigInt(value), value])
  }
})
