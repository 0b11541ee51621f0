// Operators that know no changes of a changelog stop at one, rather than count it as a record.
import { expect, test } from 'vitest'
import { batchFromObjects } from '../../../src/batch/batch-rows.ts'
import { RowKind } from '../../../src/batch/record-batch.ts'
import { defineSchema, OBJECT_SCHEMA, type Schema, t } from '../../../src/batch/types.ts'
import { AsyncOperator } from '../../../src/operator/async/async-operator.ts'
import { IntervalJoinOperator } from '../../../src/operator/join/interval-join-operator.ts'
import type { Operator, Output } from '../../../src/operator/operator.ts'
import { keyedProcessOperator, processOperator } from '../../../src/operator/process/process-operators.ts'
import { count } from '../../../src/operator/window/slice-aggregates.ts'
import { SliceWindowOperator } from '../../../src/operator/window/slice-window-operator.ts'
import { testContext } from '../connector/file-probe.ts'

const SCHEMA = defineSchema({ key: t.string() }) as Schema
const BY_KEY = { schema: SCHEMA, key: { kind: 'columns', columns: [0] } } as const
const output: Output = { hasCapacity: () => true, emit: () => {}, emitWatermark: () => {}, emitStatus: () => {}, side: () => undefined }

const OPERATORS: Readonly<Record<string, () => Operator>> = {
  'a window in columns': () =>
    new SliceWindowOperator({
      inputSchema: SCHEMA,
      key: BY_KEY.key,
      windows: { kind: 'tumbling', sizeMs: 10, offsetMs: 0 },
      aggregates: { n: count() },
      lateOutput: undefined,
    }),
  'a process function': () => processOperator(SCHEMA, { processElement() {} }, OBJECT_SCHEMA),
  'a keyed process function': () => keyedProcessOperator(BY_KEY, { processElement() {} }, OBJECT_SCHEMA),
  'an interval join': () =>
    new IntervalJoinOperator({
      left: BY_KEY,
      right: BY_KEY,
      lowerBoundMs: 0,
      upperBoundMs: 1,
      function: { processElement() {} },
      outputSchema: OBJECT_SCHEMA,
    }),
  'an asynchronous call': () => new AsyncOperator(SCHEMA, { asyncInvoke: () => Promise.resolve([]) }, OBJECT_SCHEMA, true, {}),
}

test.each(Object.keys(OPERATORS))('%s takes inserts and refuses a deletion or an update', (name) => {
  const context = testContext()
  const operator = OPERATORS[name]()
  operator.open(context)
  const batchOf = (kind: RowKind) =>
    batchFromObjects(context.slab, SCHEMA, [
      { kind: RowKind.INSERT, timestamp: 1, row: { key: 'a' } },
      { kind, timestamp: 2, row: { key: 'a' } },
    ])
  expect(operator.processBatch(batchOf(RowKind.INSERT), output, 0)).toBe(true)
  for (const kind of [RowKind.DELETE, RowKind.UPDATE_BEFORE, RowKind.UPDATE_AFTER])
    expect(() => operator.processBatch(batchOf(kind), output, 0)).toThrow('an update or a deletion has come to an operator that takes inserted records only')
  operator.close()
})
