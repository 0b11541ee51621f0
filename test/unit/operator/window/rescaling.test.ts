import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../../../../src/base/clock.ts'
import { nodeFileSystem } from '../../../../src/base/file-system.ts'
import { keyBytesOf } from '../../../../src/base/key-bytes.ts'
import { keyGroupOf, subtaskOfKeyGroup } from '../../../../src/base/key-groups.ts'
import { Slab } from '../../../../src/base/slab.ts'
import { batchFromObjects, batchToObjects } from '../../../../src/batch/batch-rows.ts'
import { defineSchema, OBJECT_SCHEMA, type Schema, t } from '../../../../src/batch/types.ts'
import { compileKernels, instantiateKernels } from '../../../../src/kernels/kernels.ts'
import type { OperatorContext, Output } from '../../../../src/operator/operator.ts'
import { EventTimeSessionWindows, TumblingEventTimeWindows, type WindowAssigner } from '../../../../src/operator/window/assigners.ts'
import { GeneralWindowOperator } from '../../../../src/operator/window/general-window-operator.ts'
import type { ProcessWindowFunction } from '../../../../src/operator/window/window-function.ts'
import type { TimeWindow } from '../../../../src/operator/window/window.ts'
import { MemorySnapshot } from '../../../../src/testing/memory-snapshot.ts'

const ROWS = defineSchema({ key: t.string(), value: t.int() }) as Schema
const KEYS = Array.from({ length: 40 }, (_, index) => `key ${index}`)

const show: ProcessWindowFunction<{ value: number }, string, string, TimeWindow> = {
  process: (key, { window }, elements, out) => out.collect(`${key} [${window.start},${window.end}) ${elements.map(({ value }) => value).join()}`),
}

/** One subtask of the operator, with an output that takes everything. */
function subtask(assigner: WindowAssigner<unknown, TimeWindow>, subtaskIndex: number, parallelism: number) {
  const slab = new Slab()
  const emitted: string[] = []
  const output: Output = {
    hasCapacity: () => true,
    emit: (batch) => void emitted.push(...batchToObjects(batch).map(({ row }) => row as string)),
    emitWatermark: () => {},
    emitStatus: () => {},
    side: () => undefined,
  }
  const operator = new GeneralWindowOperator({
    inputs: [{ schema: ROWS, key: { kind: 'columns', columns: [0] } }],
    outputSchema: OBJECT_SCHEMA,
    assigner,
    contents: { kind: 'list' },
    function: show,
  })
  const context: OperatorContext = {
    slab,
    kernels: instantiateKernels(compileKernels(), slab),
    clock: new VirtualClock(),
    operatorName: 'window',
    uid: 'window',
    subtaskIndex,
    parallelism,
    maxParallelism: 128,
    batchRowsMax: 64,
    tableSeed: subtaskIndex,
    isCheckpointed: false,
    files: nodeFileSystem,
    metrics: { lateRecords: 0, badRecords: 0, bytesRead: 0, bytesWritten: 0, counter: () => ({ value: 0 }) },
    program: { send: () => {}, pendingCount: () => 0, receive: () => undefined },
    heldMs: () => 0,
    wake: () => {},
    log: () => {},
    option: () => undefined,
  }
  operator.open(context)
  return {
    operator,
    emitted,
    metrics: context.metrics,
    feed(rows: readonly { key: string; value: number; at: number }[]): void {
      const own = rows.filter(({ key }) => subtaskOfKeyGroup(keyGroupOf(keyBytesOf(key), 128), parallelism, 128) === subtaskIndex)
      const batch = batchFromObjects(
        slab,
        ROWS,
        own.map(({ key, value, at }) => ({ row: { key, value }, timestamp: at })),
      )
      while (!operator.processBatch(batch, output, 0));
    },
    advance(watermarkMs: number): void {
      while (!operator.advance(watermarkMs, output));
    },
  }
}

describe('windows that are restored with another parallelism', () => {
  for (const assigner of [TumblingEventTimeWindows.of(10), EventTimeSessionWindows.withGap(10)])
    it(`fire what they would have fired: ${String(assigner)}`, () => {
      const before = KEYS.map((key, value) => ({ key, value, at: value % 20 }))
      const after = KEYS.map((key, value) => ({ key, value: value + 100, at: (value % 20) + 4 }))
      const single = subtask(assigner, 0, 1)
      single.feed(before)
      single.advance(9)
      single.feed(after)
      single.advance(Infinity)

      const old = [0, 1].map((index) => subtask(assigner, index, 2))
      const snapshot = new MemorySnapshot()
      for (const part of old) {
        part.feed(before)
        part.advance(9)
        part.operator.snapshot(snapshot)
      }
      const fresh = [0, 1, 2].map((index) => subtask(assigner, index, 3))
      fresh.forEach((part, index) => {
        part.operator.restore(snapshot.reader(index, 3))
        part.feed(after)
        part.advance(Infinity)
      })
      const emitted = [...old, ...fresh].flatMap((part) => part.emitted)
      expect(emitted.toSorted()).toEqual(single.emitted.toSorted())
      expect(fresh.reduce((late, { metrics }) => late + metrics.lateRecords, 0)).toBe(single.metrics.lateRecords)
      expect(single.metrics.lateRecords).toBe(assigner instanceof TumblingEventTimeWindows ? 12 : 0)
      for (const { operator } of [single, ...old, ...fresh]) operator.close()
    })
})
