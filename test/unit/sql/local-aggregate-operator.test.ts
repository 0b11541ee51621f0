// The first of two phases of aggregates, batch by batch: which rows become one, and which batches pass as they are.
import { expect, test } from 'vitest'
import { batchFromObjects, batchToObjects, freeBatch } from '../../../src/batch/batch-rows.ts'
import { defineSchema, t } from '../../../src/batch/types.ts'
import type { Output } from '../../../src/operator/operator.ts'
import type { AlignedWindows } from '../../../src/operator/window/slices.ts'
import type { BoundAggregate } from '../../../src/sql/bound-expression.ts'
import { columnAt } from '../../../src/sql/plans.ts'
import { planColumnAggregates } from '../../../src/sql/runtime/column-aggregates.ts'
import { LocalAggregateOperator } from '../../../src/sql/runtime/local-aggregate-operator.ts'
import { testContext } from '../connector/file-probe.ts'

const SCHEMA = defineSchema({ key: t.string(), time: t.timestamp(), count: t.bigint(), total: t.bigint().nullable(), most: t.int().nullable() })
type Row = readonly [key: string, time: number, count: bigint, total: bigint | null, most: number | null]

function planOf() {
  const aggregate = (name: string, column: number): BoundAggregate => {
    const { type } = SCHEMA.fields[column]
    return { name, operands: [columnAt({ type }, column)], isDistinct: false, filter: undefined, ignoresNull: false, type, start: 0, end: 0 }
  }
  const aggregates = [aggregate('MIN', 1), aggregate('SUM', 2), aggregate('SUM', 3), aggregate('MAX', 4)]
  return planColumnAggregates(aggregates, (expression) => (expression.kind === 'column' ? expression.index : -1), SCHEMA.fields.slice(1), false)
}

/** What becomes of batches, each behind a watermark. */
function run(batches: readonly { readonly rows: readonly Row[]; readonly watermarkMs?: number }[], windows?: AlignedWindows, parallelism = 2): Row[][] {
  const context = { ...testContext(), parallelism }
  const { slab } = context
  const bytesBefore = slab.allocatedBytes
  const operator = new LocalAggregateOperator({
    schema: SCHEMA,
    key: [0],
    plan: planOf(),
    windows: windows && { of: windows, timeColumn: 1 },
  })
  operator.open(context)
  const results: Row[][] = []
  const output: Output = {
    hasCapacity: () => true,
    emit: (emitted) => void results.push(batchToObjects(emitted).map(({ row }) => Object.values(row as object) as unknown as Row)),
    emitWatermark() {},
    emitStatus() {},
    side: () => undefined,
  }
  for (const { rows, watermarkMs } of batches) {
    if (watermarkMs !== undefined) operator.advance(watermarkMs)
    const batch = batchFromObjects(
      slab,
      SCHEMA,
      rows.map(([key, time, count, total, most]) => ({ row: { key, time, count, total, most } })),
    )
    expect(operator.processBatch(batch, output)).toBe(true)
    expect(batch.begin).toBe(batch.end)
    freeBatch(batch)
  }
  operator.close()
  expect(slab.allocatedBytes).toBe(bytesBefore)
  return results
}

/** So many rows of two keys, a millisecond from each other. */
function rowsFrom(timeMs: number, n = 10): readonly Row[] {
  return Array.from({ length: n }, (_, index) => [
    index % 2 === 0 ? 'even' : 'odd',
    timeMs + index,
    1n,
    index < 2 ? null : BigInt(index),
    index < 2 ? null : index,
  ])
}

const TEN: AlignedWindows = { kind: 'tumbling', sizeMs: 10, offsetMs: 0 }

test('rows of a batch that are of one group become one', () => {
  expect(run([{ rows: rowsFrom(100) }, { rows: rowsFrom(200) }])).toEqual([
    [
      ['even', 100, 5n, 20n, 8],
      ['odd', 101, 5n, 24n, 9],
    ],
    [
      ['even', 200, 5n, 20n, 8],
      ['odd', 201, 5n, 24n, 9],
    ],
  ])
})

test('what no row of a group has is NULL', () => {
  const rows = rowsFrom(100).map(([key, time, count]): Row => [key, time, count, null, null])
  expect(run([{ rows }])).toEqual([
    [
      ['even', 100, 5n, null, null],
      ['odd', 101, 5n, null, null],
    ],
  ])
})

test('a batch in which few rows are of the same group passes as it is, and so do some behind it', () => {
  const different = rowsFrom(100).map(([, ...rest], index): Row => [`key ${index}`, ...rest])
  expect(run([{ rows: different }, { rows: rowsFrom(200) }])).toEqual([different, rowsFrom(200)])
})

test('few rows pass as they are, and so do all where one subtask has all groups', () => {
  expect(run([{ rows: rowsFrom(100, 4) }])).toEqual([rowsFrom(100, 4)])
  expect(run([{ rows: rowsFrom(100) }], undefined, 1)).toEqual([rowsFrom(100)])
})

test('rows of one slice become one; rows of several, and those that may be late, pass as they are', () => {
  const merged = (timeMs: number): readonly Row[] => [
    ['even', timeMs, 5n, 20n, 8],
    ['odd', timeMs + 1, 5n, 24n, 9],
  ]
  const batches = [
    { rows: rowsFrom(100) },
    { rows: rowsFrom(105) },
    { rows: rowsFrom(110), watermarkMs: 108 },
    { rows: rowsFrom(100), watermarkMs: 109 },
    { rows: rowsFrom(110) },
  ]
  expect(run(batches, TEN)).toEqual([merged(100), rowsFrom(105), merged(110), rowsFrom(100), merged(110)])
})
