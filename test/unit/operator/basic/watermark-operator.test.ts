import { expect, test } from 'vitest'
import { batchFromObjects, freeBatch } from '../../../../src/batch/batch-rows.ts'
import { defineSchema, type Schema, t } from '../../../../src/batch/types.ts'
import { WatermarkOperator } from '../../../../src/operator/basic/watermark-operator.ts'
import type { Output } from '../../../../src/operator/operator.ts'
import { MemorySnapshot } from '../../../../src/testing/memory-snapshot.ts'
import { WatermarkStrategy } from '../../../../src/time/watermark-strategy.ts'
import { testContext } from '../../connector/file-probe.ts'

const SCHEMA = defineSchema({ at: t.safeInt() }) as Schema
const { spec } = WatermarkStrategy.forBoundedOutOfOrderness<{ readonly at: number }>(9).withTimestampAssigner('at')

test('a snapshot tells how far time has come in each of the splits that are read by turns', () => {
  const context = testContext()
  const watermarks: number[] = []
  const output: Output = {
    hasCapacity: () => true,
    emit: ({ crossings }) => void watermarks.push(...crossings.watermarks.subarray(0, crossings.count)),
    emitWatermark: (watermarkMs) => void watermarks.push(watermarkMs),
    emitStatus: () => {},
    side: () => undefined,
  }
  const open = (): WatermarkOperator => {
    const operator = new WatermarkOperator(SCHEMA, spec, { kind: 'every' })
    operator.open(context)
    return operator
  }
  const feed = (operator: WatermarkOperator, splits: readonly number[], split: number, ...times: number[]): void => {
    const batch = batchFromObjects(
      context.slab,
      SCHEMA,
      times.map((at) => ({ row: { at } })),
    )
    batch.split = split
    batch.openSplits = splits
    expect(operator.processBatch(batch, output)).toBe(true)
    freeBatch(batch)
  }
  const first = open()
  const splits = [1, 2, 3]
  feed(first, splits, 1, 50)
  feed(first, splits, 2, 100)
  expect(watermarks).toEqual([])
  feed(first, splits, 3, 70, 80)
  expect(watermarks.splice(0)).toEqual([40])
  const snapshot = new MemorySnapshot()
  first.snapshot(snapshot)

  const second = open()
  second.restore(snapshot.reader())
  const again = [1, 2, 3]
  // The others stand at 90 and 70: the first moves up to the lower.
  feed(second, again, 1, 65, 200)
  expect(watermarks.splice(0)).toEqual([55, 70])
  // The third has ended: the list says so.
  feed(second, [1, 2], 2, 101)
  expect(watermarks.splice(0)).toEqual([91])
  for (const operator of [first, second]) operator.close()
})
