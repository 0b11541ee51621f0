import { describe, expect, it } from 'vitest'
import { PlanError, UserFunctionError } from '../../../../src/base/errors.ts'
import { keyBytesOf } from '../../../../src/base/key-bytes.ts'
import { defineSchema, OBJECT_SCHEMA, Schema, t } from '../../../../src/batch/types.ts'
import {
  CumulativeEventTimeWindows,
  EventTimeSessionWindows,
  GlobalWindows,
  ProcessingTimeSessionWindows,
  SlidingEventTimeWindows,
  TumblingEventTimeWindows,
  TumblingProcessingTimeWindows,
  type WindowAssigner,
} from '../../../../src/operator/window/assigners.ts'
import { countWindows } from '../../../../src/operator/window/count-windows.ts'
import { minutes } from '../../../../src/operator/window/duration.ts'
import { CountEvictor, DeltaEvictor, TimeEvictor } from '../../../../src/operator/window/evictors.ts'
import { GeneralWindowOperator, type GeneralWindowOptions } from '../../../../src/operator/window/general-window-operator.ts'
import {
  ContinuousEventTimeTrigger,
  ContinuousProcessingTimeTrigger,
  CountTrigger,
  DeltaTrigger,
  EventTimeTrigger,
  NeverTrigger,
  ProcessingTimeoutTrigger,
  PurgingTrigger,
  type Trigger,
  TriggerResult,
} from '../../../../src/operator/window/triggers.ts'
import type { ProcessWindowFunction } from '../../../../src/operator/window/window-function.ts'
import { TimeWindow, type Window, type WindowSerializer } from '../../../../src/operator/window/window.ts'
import { mapState, valueState } from '../../../../src/state/state.ts'
import { drive, type Driven, type Step, WAYS } from './drive.ts'

interface Row {
  readonly key: string
  readonly value: number
}

const ROWS = defineSchema({ key: t.string(), value: t.int() }) as Schema
const INPUT = { schema: ROWS, key: { kind: 'columns', columns: [0] } } as const
const LATE = { id: 'late', schema: ROWS }

const sum = { kind: 'reduce', reduce: (left: Row, right: Row): Row => ({ key: left.key, value: left.value + right.value }) } as const
const average = {
  kind: 'aggregate',
  aggregate: {
    createAccumulator: () => ({ sum: 0, count: 0 }),
    add: (row: Row, acc: { sum: number; count: number }) => ({ sum: acc.sum + row.value, count: acc.count + 1 }),
    getResult: (acc: { sum: number; count: number }) => acc.sum / acc.count,
    merge: (left: { sum: number; count: number }, right: { sum: number; count: number }) => ({ sum: left.sum + right.sum, count: left.count + right.count }),
  },
} as const
const list = { kind: 'list' } as const

/** Shows key, window and the values it was given. */
const show: ProcessWindowFunction<Row, string, string, Window> = {
  process(key, context, elements, out) {
    const window = context.window instanceof TimeWindow ? `[${context.window.start},${context.window.end})` : 'global'
    out.collect(`${key} ${window} ${elements.map(({ value }) => value).join('+')}`)
  },
}

const row = (key: string, value: number, at: number): Step => ({ row: { key, value }, at })
const wm = (watermark: number): Step => ({ watermark })
const now = (ms: number): Step => ({ now: ms })
const END = wm(Infinity)

function run(steps: readonly Step[], options: Partial<GeneralWindowOptions>): Driven {
  const create = (): GeneralWindowOperator =>
    new GeneralWindowOperator({
      inputs: [INPUT],
      outputSchema: OBJECT_SCHEMA,
      assigner: TumblingEventTimeWindows.of(10),
      contents: list,
      ...(options.contents === undefined || options.contents.kind === 'list' ? { function: show } : {}),
      ...options,
    })
  const first = drive(create, steps, { schemas: [ROWS], sides: ['late', 'side'] })
  for (const [name, way] of WAYS.slice(1)) {
    const other = drive(create, steps, { schemas: [ROWS], sides: ['late', 'side'], ...way })
    expect({ rows: other.rows, sides: other.sides, late: other.late }, name).toEqual({ rows: first.rows, sides: first.sides, late: first.late })
    expect(other.leakedBytes, name).toBe(0)
  }
  expect(first.leakedBytes).toBe(0)
  return first
}

const out = (driven: Driven): unknown[] => driven.rows.map((emitted) => emitted.row)

describe('GeneralWindowOperator over tumbling windows', () => {
  const steps = [row('a', 1, 1), row('b', 2, 9), row('a', 3, 5), row('a', 4, 10), wm(8), wm(9), row('a', 5, 12), wm(30)]

  it('reduces: one record a window, once the watermark has reached its last millisecond', () => {
    const driven = run(steps, { contents: sum })
    expect(driven.rows).toEqual([
      { row: { key: 'a', value: 4 }, timestamp: 9, watermark: 8 },
      { row: { key: 'b', value: 2 }, timestamp: 9, watermark: 8 },
      { row: { key: 'a', value: 9 }, timestamp: 19, watermark: 9 },
    ])
  })

  it('aggregates into an accumulator', () => {
    expect(out(run(steps, { contents: average }))).toEqual([2, 2, 4.5])
    const typed = { ...average, type: t.row({ sum: t.double(), count: t.int() }).logical }
    expect(out(run(steps, { contents: typed }))).toEqual([2, 2, 4.5])
  })

  it('hands all records of a window to a process function, in order of arrival', () => {
    expect(out(run(steps, {}))).toEqual(['a [0,10) 1+3', 'b [0,10) 2', 'a [10,20) 4+5'])
  })

  it('hands the reduced record to a process function', () => {
    expect(out(run(steps, { contents: sum, function: show }))).toEqual(['a [0,10) 4', 'b [0,10) 2', 'a [10,20) 9'])
  })

  it('writes records with declared columns', () => {
    const outputSchema = defineSchema({ key: t.string(), value: t.int() }) as Schema
    expect(run(steps, { contents: sum, outputSchema }).rows.map(({ row: emitted }) => emitted)).toEqual([
      { key: 'a', value: 4 },
      { key: 'b', value: 2 },
      { key: 'a', value: 9 },
    ])
  })

  it('lets a reduce function return either of its records', () => {
    const last = { kind: 'reduce', reduce: (_left: Row, right: Row): Row => right } as const
    expect(out(run(steps, { contents: last }))).toEqual([
      { key: 'a', value: 3 },
      { key: 'b', value: 2 },
      { key: 'a', value: 5 },
    ])
  })

  it('groups everything under one key without a key', () => {
    expect(out(run(steps, { inputs: [{ schema: ROWS, key: undefined }] }))).toEqual(['null [0,10) 1+2+3', 'null [10,20) 4+5'])
  })

  it('fires everything at the end of a bounded input', () => {
    expect(out(run([row('a', 1, 1), row('a', 2, 99), END], {}))).toEqual(['a [0,10) 1', 'a [90,100) 2'])
  })

  it('emits nothing for windows that no watermark reaches', () => {
    expect(out(run([row('a', 1, 1), wm(8)], {}))).toEqual([])
  })

  it('fires windows in the order of their ends', () => {
    expect(out(run([row('a', 3, 25), row('a', 2, 15), row('a', 1, 5), END], {}))).toEqual(['a [0,10) 1', 'a [10,20) 2', 'a [20,30) 3'])
  })
})

describe('keys and records of other shapes', () => {
  it('take a key function: a hidden column of canonical key bytes behind the columns of the record', () => {
    const keyed = defineSchema({ key: t.string(), value: t.int(), hidden: t.bytes() }) as Schema
    const steps = [1, 2, 3, 4, 5].map((value): Step => ({ row: { key: 'x', value, hidden: keyBytesOf(value % 2) }, at: value }))
    const create = (): GeneralWindowOperator =>
      new GeneralWindowOperator({
        inputs: [{ schema: ROWS, key: { kind: 'encoded', column: 2 } }],
        outputSchema: OBJECT_SCHEMA,
        assigner: TumblingEventTimeWindows.of(10),
        contents: list,
        function: show,
      })
    for (const [, way] of WAYS) expect(out(drive(create, [...steps, END], { schemas: [keyed], ...way }))).toEqual(['1 [0,10) 1+3+5', '0 [0,10) 2+4'])
  })

  it('take JavaScript values as records, in every kind of contents', () => {
    const values = new Schema([...OBJECT_SCHEMA.fields, { name: 'hidden', type: t.bytes().logical }])
    const steps = ['a1', 'b2', 'a3'].map((text, at): Step => ({ row: { value: { text, nested: [at] }, hidden: keyBytesOf(text[0]) }, at }))
    interface Value {
      readonly text: string
      readonly nested: readonly number[]
    }
    const join: ProcessWindowFunction<Value, string> = {
      process: (_key, _context, elements, collector) => collector.collect(elements.map(({ text, nested }) => text + nested[0]).join()),
    }
    const reduce = (left: Value, right: Value): Value => ({ text: left.text + right.text, nested: [...left.nested, ...right.nested] })
    const results = (parts: Pick<GeneralWindowOptions, 'contents'> & Partial<GeneralWindowOptions>): unknown[] => {
      const create = (): GeneralWindowOperator =>
        new GeneralWindowOperator({
          inputs: [{ schema: OBJECT_SCHEMA, key: { kind: 'encoded', column: 1 } }],
          outputSchema: OBJECT_SCHEMA,
          assigner: TumblingEventTimeWindows.of(10),
          ...parts,
        })
      const drives = WAYS.map(([, way]) => out(drive(create, [...steps, END], { schemas: [values], ...way })))
      for (const driven of drives) expect(driven).toEqual(drives[0])
      return drives[0]
    }
    expect(results({ contents: list, function: join })).toEqual(['a10,a32', 'b21'])
    expect(results({ contents: list, function: join, evictor: CountEvictor.of(1) })).toEqual(['a32', 'b21'])
    expect(results({ contents: { kind: 'reduce', reduce } })).toEqual([
      { text: 'a1a3', nested: [0, 2] },
      { text: 'b2', nested: [1] },
    ])
  })
})

describe('late records', () => {
  it('go to the side output, are counted, and change nothing', () => {
    const driven = run([row('a', 1, 1), wm(9), row('a', 2, 9), row('a', 3, 10), row('b', 4, 0), END], { lateOutputs: [LATE] })
    expect(out(driven)).toEqual(['a [0,10) 1', 'a [10,20) 3'])
    expect(driven.sides['late']).toEqual([
      { row: { key: 'a', value: 2 }, timestamp: 9, watermark: 9 },
      { row: { key: 'b', value: 4 }, timestamp: 0, watermark: 9 },
    ])
    expect(driven.late).toBe(2)
  })

  it('are counted without a side output too', () => {
    expect(run([wm(9), row('a', 2, 9), END], {}).late).toBe(1)
  })

  it('still count in the overlapping windows that have not fired', () => {
    // HOP(5 s, 10 s): a row with ts 4 s at watermark 7 s misses [-5, 5) only.
    const driven = run([row('a', 1, 1000), wm(7000), row('a', 2, 4000), END], { assigner: SlidingEventTimeWindows.of(10_000, 5000), lateOutputs: [LATE] })
    expect(out(driven)).toEqual(['a [-5000,5000) 1', 'a [0,10000) 1+2'])
    expect(driven.late).toBe(0)
  })

  it('fire a window again while its allowed lateness lasts', () => {
    const steps = [row('a', 1, 1), wm(12), row('a', 2, 2), row('a', 3, 3), wm(13), row('a', 4, 4), wm(14), row('a', 5, 5), END]
    const driven = run(steps, { allowedLatenessMs: 5, lateOutputs: [LATE] })
    expect(out(driven)).toEqual(['a [0,10) 1', 'a [0,10) 1+2', 'a [0,10) 1+2+3', 'a [0,10) 1+2+3+4'])
    expect(driven.late).toBe(1)
    expect(driven.sides['late'].map(({ row: emitted }) => emitted)).toEqual([{ key: 'a', value: 5 }])
  })

  it('fire a window for the first time when it was empty before', () => {
    expect(out(run([wm(12), row('a', 2, 2), END], { allowedLatenessMs: 5 }))).toEqual(['a [0,10) 2'])
  })

  it('start from nothing after a purging trigger has fired', () => {
    const driven = run([row('a', 1, 1), wm(12), row('a', 2, 2), END], { allowedLatenessMs: 5, trigger: PurgingTrigger.of(EventTimeTrigger.create()) })
    expect(out(driven)).toEqual(['a [0,10) 1', 'a [0,10) 2'])
  })

  it('are those that an assigner gives no window, behind the watermark', () => {
    const driven = run([row('a', 1, 15), wm(20), row('a', 2, 15), row('a', 3, 35)], { assigner: SlidingEventTimeWindows.of(10, 20) })
    expect(driven.late).toBe(1)
  })
})

describe('session windows', () => {
  const sessions = EventTimeSessionWindows.withGap(10)

  it('hold records that are at most a gap apart, the gap included', () => {
    expect(out(run([row('a', 1, 0), row('a', 2, 10), row('a', 3, 21), END], { assigner: sessions }))).toEqual(['a [0,20) 1+2', 'a [21,31) 3'])
  })

  it('merge when a record bridges them', () => {
    expect(out(run([row('a', 1, 0), row('a', 2, 16), row('a', 3, 40), row('a', 4, 8), END], { assigner: sessions }))).toEqual(['a [0,26) 1+2+4', 'a [40,50) 3'])
    expect(out(run([row('a', 1, 0), row('a', 2, 16), row('b', 9, 8), row('a', 4, 8), END], { assigner: sessions, contents: sum }))).toEqual([
      { key: 'b', value: 9 },
      { key: 'a', value: 7 },
    ])
    expect(out(run([row('a', 1, 0), row('a', 2, 16), row('a', 6, 8), END], { assigner: sessions, contents: average }))).toEqual([3])
  })

  it('keep a late record that touches an open session, and drop one that does not', () => {
    const driven = run([row('a', 1, 20), wm(25), row('a', 2, 11), row('a', 3, 5), END], { assigner: sessions, lateOutputs: [LATE] })
    // 11 opens [11, 21), which the watermark has passed, but it joins [20, 30); 5 opens [5, 15), which then touches nothing at 11: it overlaps [11, 30).
    expect(out(driven)).toEqual(['a [5,30) 1+2+3'])
    expect(run([row('a', 1, 20), wm(25), row('a', 3, 5), END], { assigner: sessions }).late).toBe(1)
  })

  it('fire again for late records within the allowed lateness', () => {
    const driven = run([row('a', 1, 0), wm(12), row('a', 2, 5), wm(30), row('a', 3, 1), END], { assigner: sessions, allowedLatenessMs: 5 })
    expect(out(driven)).toEqual(['a [0,10) 1', 'a [0,15) 1+2'])
    expect(driven.late).toBe(1)
  })

  it('take their gap from the record', () => {
    const assigner = EventTimeSessionWindows.withDynamicGap(({ value }: Row) => value)
    expect(out(run([row('a', 5, 0), row('a', 20, 4), row('a', 3, 24), row('a', 3, 30), END], { assigner }))).toEqual(['a [0,27) 5+20+3', 'a [30,33) 3'])
  })

  it('that are swallowed whole by a record keep their records', () => {
    const assigner = EventTimeSessionWindows.withDynamicGap(({ value }: Row) => value)
    expect(out(run([row('a', 2, 10), row('a', 3, 20), row('a', 100, 0), row('a', 1, 50), END], { assigner }))).toEqual(['a [0,100) 2+3+100+1'])
  })

  it('count with a count trigger over merges', () => {
    expect(out(run([row('a', 1, 0), row('a', 2, 16), row('a', 3, 8), row('a', 4, 9), END], { assigner: sessions, trigger: CountTrigger.of(3) }))).toEqual([
      'a [0,26) 1+2+3',
    ])
  })

  it('leave nothing behind: timers and trigger state of merged windows are gone', () => {
    const touched = valueState('touched', t.int())
    let timers = 0
    const trigger: Trigger<Row, TimeWindow> = {
      onElement(_element, _timestamp, window, context) {
        context.getPartitionedState(touched).update(1)
        context.registerEventTimeTimer(window.maxTimestamp())
        return TriggerResult.CONTINUE
      },
      onEventTime(time, window) {
        timers++
        return time === window.maxTimestamp() ? TriggerResult.FIRE : TriggerResult.CONTINUE
      },
      onProcessingTime: () => TriggerResult.CONTINUE,
      onMerge: (window, context) => context.registerEventTimeTimer(window.maxTimestamp()),
      clear(window, context) {
        context.getPartitionedState(touched).clear()
        context.deleteEventTimeTimer(window.maxTimestamp())
      },
    }
    const create = (): GeneralWindowOperator =>
      new GeneralWindowOperator({
        inputs: [INPUT],
        outputSchema: OBJECT_SCHEMA,
        assigner: sessions,
        trigger,
        contents: list,
        function: show,
        allowedLatenessMs: 3,
      })
    const driven = drive(create, [row('a', 1, 0), row('a', 2, 16), row('a', 3, 8), row('a', 4, 20), END], { schemas: [ROWS] })
    expect(out(driven)).toEqual(['a [0,30) 1+2+3+4'])
    expect(driven.held).toBe(0)
    // The end of the session and, three milliseconds later, the end of its lateness: no timer of the sessions it grew from.
    expect(timers).toBe(2)
  })

  it('refuse triggers and aggregates that cannot merge, and per-window state', () => {
    expect(() => run([], { assigner: sessions, trigger: DeltaTrigger.of(1, () => 1) })).toThrow(PlanError)
    const { merge: _, ...aggregate } = average.aggregate
    expect(() => run([], { assigner: sessions, contents: { kind: 'aggregate', aggregate } })).toThrow('has no merge')
    const stateful: ProcessWindowFunction<Row, string> = { process: (_key, context) => void context.windowState.getState(valueState('x')) }
    expect(() => run([row('a', 1, 1), END], { assigner: sessions, function: stateful })).toThrow(UserFunctionError)
  })

  it('close with the clock in processing time', () => {
    const driven = run([now(5), row('a', 1, 0), now(10), row('a', 2, 0), now(19), row('b', 3, 0), now(20), row('a', 4, 0), now(100)], {
      assigner: ProcessingTimeSessionWindows.withGap(10),
    })
    expect(out(driven)).toEqual(['a [5,20) 1+2', 'b [19,29) 3', 'a [20,30) 4'])
  })
})

describe("the bids of Flink's documentation", () => {
  const BIDS = defineSchema({ item: t.string(), price: t.double() }) as Schema
  const at = (time: string): number => Date.parse(`2020-04-15T${time}:00Z`)
  const total: ProcessWindowFunction<{ price: number }, string, string, TimeWindow> = {
    process(key, { window }, elements, collector) {
      const clock = (ms: number): string => new Date(ms).toISOString().slice(11, 16)
      collector.collect(`${key ?? ''}[${clock(window.start)}, ${clock(window.end)}) ${elements.reduce((value, { price }) => value + price, 0)}`)
    },
  }
  const bids: readonly Step[] = [
    ['08:05', 4, 'C'],
    ['08:07', 2, 'A'],
    ['08:09', 5, 'D'],
    ['08:11', 3, 'B'],
    ['08:13', 1, 'E'],
    ['08:17', 6, 'F'],
  ].map(([time, price, item]) => ({ row: { item, price }, at: at(time as string) }))
  const results = (assigner: WindowAssigner<never, Window>, steps: readonly Step[], keyed: boolean): unknown[] =>
    out(
      drive(
        () =>
          new GeneralWindowOperator({
            inputs: [{ schema: BIDS, key: keyed ? { kind: 'columns', columns: [0] } : undefined }],
            outputSchema: OBJECT_SCHEMA,
            assigner,
            contents: list,
            function: total,
          }),
        [...steps, END],
        { schemas: [BIDS] },
      ),
    )

  it('TUMBLE of 10 minutes', () => {
    expect(results(TumblingEventTimeWindows.of(minutes(10)), bids, false)).toEqual(['[08:00, 08:10) 11', '[08:10, 08:20) 10'])
  })

  it('HOP of 10 minutes every 5', () => {
    expect(results(SlidingEventTimeWindows.of(minutes(10), minutes(5)), bids, false)).toEqual([
      '[08:00, 08:10) 11',
      '[08:05, 08:15) 15',
      '[08:10, 08:20) 10',
      '[08:15, 08:25) 6',
    ])
  })

  it('CUMULATE to 10 minutes in steps of 2', () => {
    expect(results(CumulativeEventTimeWindows.of(minutes(10), minutes(2)), bids, false)).toEqual([
      '[08:00, 08:06) 4',
      '[08:00, 08:08) 6',
      '[08:00, 08:10) 11',
      '[08:10, 08:12) 3',
      '[08:10, 08:14) 4',
      '[08:10, 08:16) 4',
      '[08:10, 08:18) 10',
      '[08:10, 08:20) 10',
    ])
  })

  it('SESSION of 5 minutes, by item and not', () => {
    const session: readonly Step[] = [
      ['08:07', 4, 'A'],
      ['08:06', 2, 'A'],
      ['08:09', 5, 'B'],
      ['08:08', 3, 'A'],
      ['08:17', 1, 'B'],
    ].map(([time, price, item]) => ({ row: { item, price }, at: at(time as string) }))
    expect(results(EventTimeSessionWindows.withGap(minutes(5)), session, true)).toEqual(['A[08:06, 08:13) 9', 'B[08:09, 08:14) 5', 'B[08:17, 08:22) 1'])
    expect(results(EventTimeSessionWindows.withGap(minutes(5)), session, false)).toEqual(['[08:06, 08:14) 14', '[08:17, 08:22) 1'])
  })
})

describe('triggers', () => {
  const many = [row('a', 1, 1), row('a', 2, 2), row('b', 3, 3), row('a', 4, 4), row('a', 5, 5), END]

  it('CountTrigger fires at every n records and keeps them', () => {
    expect(out(run(many, { trigger: CountTrigger.of(2) }))).toEqual(['a [0,10) 1+2', 'a [0,10) 1+2+4+5'])
  })

  it('PurgingTrigger clears what has fired', () => {
    expect(out(run(many, { trigger: PurgingTrigger.of(CountTrigger.of(2)) }))).toEqual(['a [0,10) 1+2', 'a [0,10) 4+5'])
  })

  it('count windows tumble, or slide over the last records', () => {
    expect(out(run(many, { ...countWindows(2) }))).toEqual(['a global 1+2', 'a global 4+5'])
    expect(out(run(many, { ...countWindows(3, 1) }))).toEqual(['a global 1', 'a global 1+2', 'b global 3', 'a global 1+2+4', 'a global 2+4+5'])
    expect(out(run(many, { ...countWindows(3, 2), contents: sum }))).toEqual([
      { key: 'a', value: 3 },
      { key: 'a', value: 11 },
    ])
  })

  it('give results of global windows the last timestamp there is', () => {
    expect(run(many.slice(0, 2), countWindows(2)).rows[0].timestamp).toBe(2 ** 63)
  })

  it('global windows never fire by themselves', () => {
    expect(out(run(many, { assigner: GlobalWindows.create() }))).toEqual([])
  })

  it('global windows with the end-of-stream trigger fire when the input has ended', () => {
    expect(out(run(many, { assigner: GlobalWindows.createWithEndOfStreamTrigger() }))).toEqual(['a global 1+2+4+5', 'b global 3'])
  })

  it('ContinuousEventTimeTrigger fires at every interval and at the end', () => {
    const steps = [row('a', 1, 1), wm(3), row('a', 2, 4), wm(4), row('a', 3, 7), wm(6), wm(9), wm(20)]
    expect(
      run(steps, { assigner: TumblingEventTimeWindows.of(10), trigger: ContinuousEventTimeTrigger.of(2) }).rows.map(({ row: emitted, watermark }) => [
        emitted,
        watermark,
      ]),
    ).toEqual([
      ['a [0,10) 1', -Infinity],
      ['a [0,10) 1+2', 3],
      ['a [0,10) 1+2+3', 4],
      ['a [0,10) 1+2+3', 6],
      ['a [0,10) 1+2+3', 6],
    ])
  })

  it('ContinuousProcessingTimeTrigger fires by the clock', () => {
    const steps = [now(1), row('a', 1, 1), now(9), row('a', 2, 2), now(10), now(15), row('a', 3, 3), now(20)]
    expect(out(run(steps, { assigner: GlobalWindows.create(), trigger: ContinuousProcessingTimeTrigger.of(10) }))).toEqual(['a global 1+2', 'a global 1+2+3'])
  })

  it('ProcessingTimeoutTrigger fires as its trigger says, or when the first record has waited long enough', () => {
    const windows = { assigner: GlobalWindows.create() }
    const steps = [now(1), row('a', 1, 1), now(5), row('a', 2, 2), now(11), row('a', 3, 3), now(12), row('a', 4, 4), row('a', 5, 5), now(100)]
    expect(out(run(steps, { ...windows, trigger: ProcessingTimeoutTrigger.of(PurgingTrigger.of(CountTrigger.of(3)), 10) }))).toEqual([
      'a global 1+2',
      'a global 1+2+3+4+5',
    ])
    // What the nested trigger has counted stays if a timeout does not clear it.
    expect(out(run(steps, { ...windows, trigger: ProcessingTimeoutTrigger.of(CountTrigger.of(3), 10, false, false) }))).toEqual([
      'a global 1+2',
      'a global 1+2+3',
      'a global 1+2+3+4+5',
    ])
  })

  it('ProcessingTimeoutTrigger may wait from the last record on', () => {
    const steps = [now(1), row('a', 1, 1), now(8), row('a', 2, 2), now(11), now(17), row('a', 3, 3), now(27), now(50)]
    const trigger = ProcessingTimeoutTrigger.of(NeverTrigger.create(), 10, true)
    expect(out(run(steps, { assigner: GlobalWindows.create(), trigger }))).toEqual(['a global 1+2+3'])
    expect(() => ProcessingTimeoutTrigger.of(NeverTrigger.create(), 0)).toThrow(expect.objectContaining({ code: 'INVALID_TRIGGER' }))
  })

  it('DeltaTrigger fires when a record is far from the last one that fired', () => {
    const steps = [row('a', 1, 1), row('a', 3, 2), row('a', 5, 3), row('a', 6, 4), row('a', 9, 5)]
    expect(out(run(steps, { assigner: GlobalWindows.create(), trigger: DeltaTrigger.of(3, (from: Row, to: Row) => to.value - from.value) }))).toEqual([
      'a global 1+3+5',
      'a global 1+3+5+6+9',
    ])
  })

  it('may be custom, with state, timers of both times and purging without firing', () => {
    const seen: string[] = []
    const last = valueState('last', t.int())
    const trigger: Trigger<Row, TimeWindow> = {
      onElement(element, _timestamp, window, context) {
        const state = context.getPartitionedState(last)
        const before = state.value()
        state.update(element.value)
        context.registerEventTimeTimer(window.start + 3)
        return element.value === 0 ? TriggerResult.PURGE : before !== null && before > element.value ? TriggerResult.FIRE : TriggerResult.CONTINUE
      },
      onEventTime: (time, window) => (time === window.start + 3 ? TriggerResult.FIRE_AND_PURGE : TriggerResult.CONTINUE),
      onProcessingTime: () => TriggerResult.CONTINUE,
      canMerge: () => false,
      clear: (window, context) => {
        seen.push(String(window))
        context.getPartitionedState(last).clear()
      },
    }
    expect(out(run([row('a', 5, 1), row('a', 4, 2), wm(3), row('a', 6, 4), row('a', 0, 4), row('a', 7, 5), wm(5), END], { trigger }))).toEqual([
      'a [0,10) 5+4',
      'a [0,10) 5+4',
      'a [0,10) 7',
    ])
    expect(new Set(seen)).toEqual(new Set(['TimeWindow{start=0, end=10}']))
  })
})

describe('evictors', () => {
  it('see all records at each firing and leave what they keep', () => {
    const steps = [row('a', 1, 1), row('a', 2, 7), row('a', 3, 8), END]
    expect(out(run(steps, { evictor: CountEvictor.of(2) }))).toEqual(['a [0,10) 2+3'])
    expect(out(run(steps, { evictor: TimeEvictor.of(3) }))).toEqual(['a [0,10) 2+3'])
    expect(out(run(steps, { evictor: DeltaEvictor.of(2, (from: Row, to: Row) => to.value - from.value) }))).toEqual(['a [0,10) 2+3'])
    expect(out(run(steps, { evictor: CountEvictor.of(2), contents: sum, function: show }))).toEqual(['a [0,10) 5'])
    expect(out(run(steps, { evictor: CountEvictor.of(2), contents: average }))).toEqual([2.5])
  })

  it('evict from state, so that the next firing does not see what is gone', () => {
    const steps = [row('a', 1, 1), row('a', 2, 2), row('a', 3, 3), row('a', 4, 4)]
    expect(out(run(steps, { trigger: CountTrigger.of(2), evictor: CountEvictor.of(1, true) }))).toEqual(['a [0,10) 1+2', 'a [0,10) 2+3+4'])
  })

  it('work with sessions and keep timestamps through merges', () => {
    const steps = [row('a', 1, 0), row('a', 2, 16), row('a', 3, 8), END]
    expect(out(run(steps, { assigner: EventTimeSessionWindows.withGap(10), evictor: TimeEvictor.of(9) }))).toEqual(['a [0,26) 2+3'])
  })
})

describe('processing-time windows', () => {
  it('fire by the clock, and no record is late', () => {
    const driven = run([now(3), row('a', 1, 100), wm(1000), row('b', 2, 0), now(9), now(10), row('a', 3, 0), now(25)], {
      assigner: TumblingProcessingTimeWindows.of(10),
    })
    expect(driven.rows.map(({ row: emitted, timestamp }) => [emitted, timestamp])).toEqual([
      ['a [0,10) 1', 9],
      ['b [0,10) 2', 9],
      ['a [10,20) 3', 19],
    ])
    expect(driven.late).toBe(0)
  })
})

describe('window functions', () => {
  it('see their time, keep state of the window and of the key, and write to side outputs', () => {
    const calls = valueState('calls', t.int())
    const SIDE = { id: 'side', schema: OBJECT_SCHEMA }
    const counting: ProcessWindowFunction<Row, string, string, TimeWindow> = {
      process(key, context, elements, collector) {
        const [ofWindow, ofKey] = [context.windowState.getState(calls), context.globalState.getState(calls)]
        ofWindow.update((ofWindow.value() ?? 0) + 1)
        ofKey.update((ofKey.value() ?? 0) + 1)
        collector.collect(`${key} ${elements.length} window ${ofWindow.value()} key ${ofKey.value()} wm ${context.currentWatermark()}`)
        context.output(SIDE, context.window.start)
      },
      clear: (context) => context.windowState.getState(calls).clear(),
    }
    const driven = run([row('a', 1, 1), wm(9), row('a', 2, 2), row('a', 3, 12), wm(20)], { function: counting, allowedLatenessMs: 5 })
    expect(out(driven)).toEqual(['a 1 window 1 key 1 wm 9', 'a 2 window 2 key 2 wm 9', 'a 1 window 1 key 3 wm 20'])
    expect(driven.sides['side'].map(({ row: value, timestamp }) => [value, timestamp])).toEqual([
      [0, 9],
      [0, 9],
      [10, 19],
    ])
  })

  it('may emit any number of records', () => {
    const each: ProcessWindowFunction<Row, number> = {
      process(_key, _context, elements, collector) {
        for (const { value } of elements) for (let n = 0; n < value; n++) collector.collect(value)
      },
    }
    expect(out(run([row('a', 3, 1), row('a', 0, 2), row('a', 2, 3), END], { function: each }))).toEqual([3, 3, 3, 2, 2])
  })

  it('open before the first record and close once, with states declared in open', () => {
    const log: string[] = []
    const seen = mapState('seen', t.string(), t.int())
    const fn: ProcessWindowFunction<Row, string> = {
      open(context) {
        context.getState(seen)
        log.push(`open ${context.operatorName} ${context.subtaskIndex}`)
      },
      process: (_key, context, elements) => context.globalState.getState(seen).put('n', elements.length),
      close: () => void log.push('close'),
    }
    drive(
      () =>
        new GeneralWindowOperator({ inputs: [INPUT], outputSchema: OBJECT_SCHEMA, assigner: TumblingEventTimeWindows.of(10), contents: list, function: fn }),
      [row('a', 1, 1), END],
      { schemas: [ROWS] },
    )
    expect(log).toEqual(['open window 0', 'close'])
  })

  it('that throw fail the operator with their own error as cause', () => {
    const thrown = new RangeError('no')
    const fn: ProcessWindowFunction<Row, string> = {
      process() {
        throw thrown
      },
    }
    expect(() => run([row('a', 1, 1), END], { function: fn })).toThrow(expect.objectContaining({ code: 'USER_FUNCTION_FAILED', cause: thrown }))
  })
})

describe('custom assigners', () => {
  it('bring windows and a serializer of their own', () => {
    class Bucket implements Window {
      readonly id: number
      constructor(id: number) {
        this.id = id
      }
      maxTimestamp(): number {
        return this.id * 100 + 99
      }
    }
    const serializer: WindowSerializer<Bucket> = { first: ({ id }) => id, second: () => -1, deserialize: (id) => new Bucket(id) }
    const assigner: WindowAssigner<Row, Bucket> = {
      assignWindows: ({ value }) => (value < 0 ? [] : [new Bucket(value % 2)]),
      getDefaultTrigger: () => EventTimeTrigger.create(),
      getWindowSerializer: () => serializer,
      isEventTime: () => true,
    }
    const fn: ProcessWindowFunction<Row, string, string, Bucket> = {
      process: (key, { window }, elements, collector) => collector.collect(`${key} bucket ${window.id}: ${elements.length}`),
    }
    const driven = run([row('a', 1, 1), row('a', 2, 2), row('a', 3, 3), row('a', -1, 4), wm(99), END], { assigner, function: fn })
    expect(out(driven)).toEqual(['a bucket 0: 1', 'a bucket 1: 2'])
    expect(driven.late).toBe(0)
  })
})

describe('the parts of a window', () => {
  it('are checked before the job runs', () => {
    expect(() => run([], { allowedLatenessMs: -1 })).toThrow('cannot be negative')
    expect(() => new GeneralWindowOperator({ inputs: [INPUT], outputSchema: OBJECT_SCHEMA, assigner: GlobalWindows.create(), contents: list })).toThrow(
      PlanError,
    )
    expect(() => CountTrigger.of(0)).toThrow(PlanError)
    expect(() => ContinuousEventTimeTrigger.of(0)).toThrow(PlanError)
  })
})
