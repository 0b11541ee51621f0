// The window operators and the interval join under the harness that ships: every way the engine may run them, over one seeded stream with disorder,
// late records, three keys and both times.
import { describe, expect, it } from 'vitest'
import { Random } from '../../../../src/base/random.ts'
import { defineSchema, OBJECT_SCHEMA, Schema, t } from '../../../../src/batch/types.ts'
import { IntervalJoinOperator } from '../../../../src/operator/join/interval-join-operator.ts'
import type { Operator } from '../../../../src/operator/operator.ts'
import {
  CumulativeEventTimeWindows,
  EventTimeSessionWindows,
  ProcessingTimeSessionWindows,
  SlidingEventTimeWindows,
  SlidingProcessingTimeWindows,
  TumblingEventTimeWindows,
} from '../../../../src/operator/window/assigners.ts'
import { CoGroupOperator, coGroupOfJoin } from '../../../../src/operator/window/co-group-operator.ts'
import { countWindows } from '../../../../src/operator/window/count-windows.ts'
import { TimeEvictor } from '../../../../src/operator/window/evictors.ts'
import { GeneralWindowOperator, type GeneralWindowOptions } from '../../../../src/operator/window/general-window-operator.ts'
import { avg, count as countRows, countDistinct, last, planAggregates, sum as sumOf, topN } from '../../../../src/operator/window/slice-aggregates.ts'
import { SliceWindowOperator } from '../../../../src/operator/window/slice-window-operator.ts'
import { TopRowsOperator } from '../../../../src/operator/window/top-rows-operator.ts'
import { ContinuousEventTimeTrigger, ContinuousProcessingTimeTrigger, CountTrigger, PurgingTrigger } from '../../../../src/operator/window/triggers.ts'
import type { ProcessWindowFunction } from '../../../../src/operator/window/window-function.ts'
import { type HarnessStep, runOperatorHarness } from '../../../../src/testing/operator-harness.ts'

interface Row {
  readonly key: string
  readonly value: number
}

const ROWS = defineSchema({ key: t.string(), value: t.int() }) as Schema
const KEY = { kind: 'columns', columns: [0] } as const
const LATE = { id: 'late', schema: ROWS }

const show: ProcessWindowFunction<Row, string> = {
  process: (key, context, elements, out) =>
    out.collect(`${key as string} ${context.window.maxTimestamp()} ${context.currentWatermark()}: ${elements.map(({ value }) => value).join()}`),
}
const sum = { kind: 'reduce', reduce: (left: Row, right: Row): Row => ({ key: left.key, value: left.value + right.value }) } as const
const count = {
  kind: 'aggregate',
  aggregate: { createAccumulator: () => 0, add: (_: Row, n: number) => n + 1, getResult: (n: number) => n, merge: (a: number, b: number) => a + b },
  type: t.int().logical,
} as const
const list = { kind: 'list' } as const
const aggregates = {
  rows: countRows(),
  different: countDistinct('value'),
  total: sumOf('value'),
  mean: avg('value'),
  latest: last('value'),
  top: topN(2, 'value', { order: 'ascending' }),
}
const builtIn = { kind: 'builtIn', plans: planAggregates(ROWS, aggregates, false).plans } as const

function stream(inputs: number): HarnessStep[] {
  const random = new Random(11)
  const steps: HarnessStep[] = []
  let time = 100
  let clock = 0
  for (let index = 0; index < 60; index++) {
    time += random.integer(4)
    const timestamp = Math.max(0, time - random.integer(random.integer(6) === 0 ? 40 : 6))
    steps.push({ row: { key: 'abc'[random.integer(3)], value: index }, timestamp, input: random.integer(inputs) })
    if (random.integer(4) === 0) steps.push({ watermark: time - 6 })
    if (random.integer(8) === 0) steps.push({ processingTime: (clock += random.integer(9)) })
  }
  return steps
}

const cases: Record<string, Omit<GeneralWindowOptions, 'inputs' | 'outputSchema'>> = {
  'tumbling, reduce': { assigner: TumblingEventTimeWindows.of(10), contents: sum },
  'tumbling, aggregate and process, lateness': { assigner: TumblingEventTimeWindows.of(10, 3), contents: list, function: show, allowedLatenessMs: 5 },
  'sliding, aggregate': { assigner: SlidingEventTimeWindows.of(12, 4), contents: count },
  'cumulative, list': { assigner: CumulativeEventTimeWindows.of(12, 4), contents: list, function: show },
  'sessions, list': { assigner: EventTimeSessionWindows.withGap(4), contents: list, function: show, allowedLatenessMs: 3 },
  'sessions, continuous trigger': { assigner: EventTimeSessionWindows.withGap(4), contents: count, trigger: ContinuousEventTimeTrigger.of(3) },
  'sessions, purging count trigger, reduce': { assigner: EventTimeSessionWindows.withGap(6), contents: sum, trigger: PurgingTrigger.of(CountTrigger.of(3)) },
  'sessions, evictor': { assigner: EventTimeSessionWindows.withGap(6), contents: list, function: show, evictor: TimeEvictor.of(4) },
  'processing-time sessions': { assigner: ProcessingTimeSessionWindows.withGap(4), contents: list, function: show },
  'processing-time sliding, continuous trigger': {
    assigner: SlidingProcessingTimeWindows.of(12, 6),
    contents: list,
    function: show,
    trigger: ContinuousProcessingTimeTrigger.of(4),
  },
  'count windows': { ...countWindows(3), contents: list, function: show },
  'sliding count windows': { ...countWindows(4, 2), contents: sum },
  'sessions, built-in aggregates, lateness': { assigner: EventTimeSessionWindows.withGap(4), contents: builtIn, allowedLatenessMs: 3 },
  'sliding count windows, built-in aggregates': { ...countWindows(4, 2), contents: builtIn },
}

describe('the operator harness', () => {
  for (const [name, options] of Object.entries(cases))
    it(`agrees with itself over windows: ${name}`, () => {
      const create = (): Operator =>
        new GeneralWindowOperator({ inputs: [{ schema: ROWS, key: KEY }], outputSchema: OBJECT_SCHEMA, lateOutputs: [LATE], ...options })
      const { rows } = runOperatorHarness({ create, inputs: [{ schema: ROWS }], steps: stream(1), sides: ['late'] })
      expect(rows.length).toBeGreaterThan(5)
    })

  it('agrees with itself over the rows of a top, of either window operator', () => {
    const top = { top: topN(2, 'value') }
    const columnar = {
      inputSchema: ROWS,
      key: KEY,
      windows: { kind: 'sliding', sizeMs: 12, slideMs: 4, offsetMs: 0 },
      aggregates: top,
      lateOutput: 'late',
    } as const
    const contents = { kind: 'builtIn', plans: planAggregates(ROWS, top, false).plans } as const
    const outputSchema = new Schema(contents.plans.map(({ field }) => field))
    const inputs = [{ schema: ROWS, key: KEY }]
    for (const windows of [
      () => new SliceWindowOperator(columnar),
      () => new GeneralWindowOperator({ inputs, outputSchema, lateOutputs: [LATE], assigner: EventTimeSessionWindows.withGap(4), contents }),
    ]) {
      const create = (): Operator => new TopRowsOperator(windows(), ROWS, 2)
      const { rows } = runOperatorHarness({ create, inputs: [{ schema: ROWS }], steps: stream(1), sides: ['late'], keyOf: ({ key }: Row) => key })
      expect(rows.length).toBeGreaterThan(5)
    }
  })

  it('agrees with itself over coGroup and window join', () => {
    for (const assigner of [TumblingEventTimeWindows.of(20), EventTimeSessionWindows.withGap(5)]) {
      const create = (): Operator =>
        new CoGroupOperator({
          left: { schema: ROWS, key: KEY },
          right: { schema: ROWS, key: KEY },
          outputSchema: OBJECT_SCHEMA,
          assigner,
          function: coGroupOfJoin((left: Row, right: Row) => `${left.key} ${left.value} ${right.value}`),
          lateLeftOutput: LATE,
          lateRightOutput: LATE,
        })
      expect(runOperatorHarness({ create, inputs: [{ schema: ROWS }, { schema: ROWS }], steps: stream(2), sides: ['late'] }).rows.length).toBeGreaterThan(5)
    }
  })

  it('agrees with itself over an interval join', () => {
    const create = (): Operator =>
      new IntervalJoinOperator({
        left: { schema: ROWS, key: KEY },
        right: { schema: ROWS, key: KEY },
        outputSchema: OBJECT_SCHEMA,
        lowerBoundMs: -5,
        upperBoundMs: 7,
        function: { processElement: (left: Row, right: Row, context, out) => out.collect([left.key, left.value, right.value, context.timestamp()]) },
        lateLeftOutput: LATE,
        lateRightOutput: LATE,
      })
    expect(runOperatorHarness({ create, inputs: [{ schema: ROWS }, { schema: ROWS }], steps: stream(2), sides: ['late'] }).rows.length).toBeGreaterThan(5)
  })
})
