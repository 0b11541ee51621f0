// Functions as a user of `millrace/testing` would run them: each kind under the harness, and one that keeps what no snapshot holds.
import { OBJECT_SCHEMA } from '../../../src/batch/types.ts'
import {
  defineSchema,
  EventTimeSessionWindows,
  type KeyedProcessFunction,
  mapState,
  OutputTag,
  type Schema,
  t,
  TumblingEventTimeWindows,
  type ValueState,
  valueState,
} from 'millrace'
import {
  asyncFunction,
  broadcastProcessFunction,
  coProcessFunction,
  filterFunction,
  flatMapFunction,
  type HarnessStep,
  keyedBroadcastProcessFunction,
  keyedCoProcessFunction,
  keyedProcessFunction,
  mapFunction,
  processFunction,
  Random,
  runAsyncOperatorHarness,
  runOperatorHarness,
  windowFunction,
} from 'millrace/testing'
import { describe, expect, test } from 'vitest'

const schema = defineSchema({ user: t.string(), amount: t.int() })
interface Row {
  readonly user: string
  readonly amount: number
}
const steps: readonly HarnessStep[] = Array.from({ length: 12 }, (_, index) => [
  { row: { user: `u${index % 3}`, amount: index }, timestamp: index * 5 },
  ...(index % 4 === 3 ? [{ watermark: index * 5 - 2 }] : []),
]).flat()
const sorted = (list: readonly unknown[]): unknown[] => list.toSorted((a, b) => (String(a) < String(b) ? -1 : 1))
const values = (result: { readonly rows: readonly { readonly row: unknown }[] }): unknown[] => result.rows.map(({ row }) => row)
const amounts = Array.from({ length: 12 }, (_, amount) => amount)
const total = valueState('total', t.int())

/** Adds up amounts by user, and tells the sum of each at a timer. */
class Totals implements KeyedProcessFunction<string, Row, string> {
  processElement(row: Row, context: Parameters<KeyedProcessFunction<string, Row, string>['processElement']>[1]): void {
    const state = context.getState(total)
    if (state.value() === null) context.timerService.registerEventTimeTimer(50)
    state.update((state.value() ?? 0) + row.amount)
  }

  onTimer(
    timeMs: number,
    context: Parameters<NonNullable<KeyedProcessFunction<string, Row, string>['onTimer']>>[1],
    out: { collect(value: string): void },
  ): void {
    out.collect(`${context.getCurrentKey()} ${timeMs} ${context.getState(total).value()}`)
  }
}

describe('functions of records', () => {
  test('map, filter and flatMap, plain and with a life cycle', () => {
    const doubled = amounts.map((amount) => amount * 2)
    expect(values(runOperatorHarness({ ...mapFunction(schema, () => (row) => row.amount * 2), steps }))).toEqual(doubled)
    expect(values(runOperatorHarness({ ...mapFunction(schema, () => ({ map: (row) => row.amount * 2 })), steps }))).toEqual(doubled)
    const typed = mapFunction(schema, () => (row: Row) => ({ twice: row.amount * 2 }), defineSchema({ twice: t.int() }) as Schema)
    expect(values(runOperatorHarness({ ...typed, steps }))).toEqual(doubled.map((twice) => ({ twice })))
    const even = amounts.filter((amount) => amount % 2 === 0)
    for (const create of [() => (row: Row) => row.amount % 2 === 0, () => ({ filter: (row: Row) => row.amount % 2 === 0 })])
      expect(values(runOperatorHarness({ ...filterFunction(schema, create), steps })).map((row) => (row as Row).amount)).toEqual(even)
    for (const create of [() => (row: Row) => [row.amount, -row.amount], () => ({ flatMap: (row: Row) => [row.amount, -row.amount] })])
      expect(values(runOperatorHarness({ ...flatMapFunction(schema, create), steps }))).toEqual(amounts.flatMap((amount) => [amount, -amount]))
  })

  test('process, with a side output', () => {
    const odd = new OutputTag<number>('odd')
    const { sides } = runOperatorHarness({
      ...processFunction(schema, () => ({ processElement: (row, context) => void (row.amount % 2 === 1 && context.output(odd, row.amount)) })),
      steps,
      sides: ['odd'],
    })
    expect(sides.get('odd')!.flatMap((event) => ('row' in event ? [event.row] : []))).toEqual(amounts.filter((amount) => amount % 2 === 1))
  })
})

describe('functions of keys', () => {
  const expected = ['u0 50 18', 'u1 50 22', 'u2 50 26']

  test.each([
    ['a column', 'user'],
    ['columns', ['user']],
    ['a function', (row: Row) => row.user],
  ] as const)('process by %s', (_by, key) => {
    const result = runOperatorHarness({ ...keyedProcessFunction({ schema, key }, () => new Totals() as never), steps, keyOf: (row: string) => row.slice(0, 2) })
    expect(sorted(values(result))).toEqual(expected)
  })

  test('a function that keeps records itself is found out', () => {
    const forgetful = (): KeyedProcessFunction<string, Row, number> => {
      let seen = 0
      return { processElement: (_row, _context, out) => out.collect(++seen) }
    }
    expect(() => runOperatorHarness({ ...keyedProcessFunction({ schema, key: 'user' }, forgetful), steps })).toThrow(
      expect.objectContaining({ code: 'HARNESS_MISMATCH', message: expect.stringContaining('restored') as string }),
    )
  })

  test('two inputs, with and without keys', () => {
    const both = steps.flatMap((step, index): HarnessStep[] =>
      'row' in step ? [step, { row: { user: `u${index % 2}`, amount: 100 }, timestamp: step.timestamp!, input: 1 }] : [step],
    )
    const plain = coProcessFunction(schema, schema, () => ({
      processElement1: (row, _context, out) => out.collect(row.amount),
      processElement2: (row, _context, out) => out.collect(-row.amount),
    }))
    expect(values(runOperatorHarness({ ...plain, steps: both }))).toEqual(amounts.flatMap((amount) => [amount, -100]))
    const count = (row: Row, context: { getState(descriptor: typeof total): ValueState<number> }, out: { collect(value: string): void }): void => {
      const state = context.getState(total)
      state.update((state.value() ?? 0) + 1)
      out.collect(`${row.user} ${state.value()}`)
    }
    const keyed = keyedCoProcessFunction({ schema, key: 'user' }, { schema, key: (row: Row) => row.user }, () => ({
      processElement1: count,
      processElement2: count,
    }))
    const { rows } = runOperatorHarness({ ...keyed, steps: both, keyOf: (row: string) => row.slice(0, 2) })
    expect(rows).toHaveLength(24)
  })

  test('broadcast, with and without keys', () => {
    const rules = mapState('rules', t.string(), t.int())
    const rule = { schema: defineSchema({ user: t.string(), factor: t.int() }), states: [rules] }
    const mixed: HarnessStep[] = [{ row: { user: 'u1', factor: 10 }, timestamp: 0, input: 1 }, ...steps]
    const create = () => ({
      processElement(
        row: Row,
        context: { getBroadcastState(descriptor: typeof rules): { get(key: string): number | null } },
        out: { collect(value: number): void },
      ) {
        out.collect(row.amount * (context.getBroadcastState(rules).get(row.user) ?? 1))
      },
      processBroadcastElement(
        record: { user: string; factor: number },
        context: { getBroadcastState(descriptor: typeof rules): { put(key: string, value: number): void } },
      ) {
        context.getBroadcastState(rules).put(record.user, record.factor)
      },
    })
    const expectedAmounts = amounts.map((amount) => (amount % 3 === 1 ? amount * 10 : amount))
    expect(values(runOperatorHarness({ ...broadcastProcessFunction(schema, rule, create), steps: mixed }))).toEqual(expectedAmounts)
    expect(values(runOperatorHarness({ ...keyedBroadcastProcessFunction({ schema, key: 'user' }, rule, create), steps: mixed }))).toEqual(expectedAmounts)
  })

  test('windows, with late records counted and sent aside', () => {
    const late = new OutputTag('late', schema)
    const withLate: HarnessStep[] = [...steps, { row: { user: 'u0', amount: 99 }, timestamp: 1 }]
    const sums = windowFunction({ schema, key: 'user' }, { assigner: TumblingEventTimeWindows.of(30), lateOutput: late }, () => ({
      process: (key, context, elements, out) => out.collect(`${String(key)} ${context.window.start} ${elements.reduce((sum, { amount }) => sum + amount, 0)}`),
    }))
    const keyOf = (row: string | Row): string => (typeof row === 'string' ? row.slice(0, 2) : row.user)
    const { rows, sides, lateRecords } = runOperatorHarness({ ...sums, steps: withLate, sides: ['late'], keyOf })
    expect(sorted(values({ rows }))).toEqual(['u0 0 3', 'u0 30 15', 'u1 0 5', 'u1 30 17', 'u2 0 7', 'u2 30 19'])
    expect(sides.get('late')!.flatMap((event) => ('row' in event ? [event.row] : []))).toEqual([{ user: 'u0', amount: 99 }])
    expect(lateRecords).toBe(1)
    const sessions = windowFunction({ schema, key: (row: Row) => row.user }, { assigner: EventTimeSessionWindows.withGap(100) }, () => ({
      process: (_key, _context, elements, out) => out.collect(elements.length),
    }))
    expect(values(runOperatorHarness({ ...sessions, steps, keyOf: () => 0 }))).toEqual([4, 4, 4])
  })
})

describe('asynchronous functions', () => {
  /** Answers after some turns of the event loop. */
  const lookUp = (seed: number) => () => {
    const random = new Random(seed)
    return {
      async asyncInvoke(row: Row) {
        for (let turns = random.integer(4); turns > 0; turns--) await new Promise(setImmediate)
        return [row.amount * 2]
      },
    }
  }

  test.each([true, false])('answer every record, however they are run (ordered: %s)', async (ordered) => {
    const keyOf = ordered ? undefined : (row: number): number => row
    const result = await runAsyncOperatorHarness({ ...asyncFunction(schema, lookUp(1), { ordered, capacity: 3 }), steps, ...(keyOf && { keyOf }) })
    const doubled = amounts.map((amount) => amount * 2)
    expect(ordered ? values(result) : values(result).toSorted((a, b) => Number(a) - Number(b))).toEqual(doubled)
  })

  test('one that never answers is stuck, and one whose answers depend on the run is found out', async () => {
    let calls = 0
    const counting = asyncFunction(schema, () => ({ asyncInvoke: async () => [++calls] }))
    await expect(runAsyncOperatorHarness({ ...counting, steps })).rejects.toMatchObject({ code: 'HARNESS_MISMATCH' })
    const silent = asyncFunction(schema, () => ({ asyncInvoke: () => new Promise<never>(() => {}) }), { timeoutMs: 1000 })
    await expect(runAsyncOperatorHarness({ ...silent, steps })).rejects.toMatchObject({ code: 'ASYNC_TIMEOUT' })
  })
})

test('what has no columns is run as values', () => {
  const result = runOperatorHarness({ ...mapFunction(OBJECT_SCHEMA as Schema<number>, () => (value) => value + 1), steps: [{ row: 1 }, { row: 2 }] })
  expect(values(result)).toEqual([2, 3])
})
