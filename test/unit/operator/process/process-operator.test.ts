import { describe, expect, it } from 'vitest'
import { UserFunctionError } from '../../../../src/base/errors.ts'
import { defineSchema, OBJECT_SCHEMA, t } from '../../../../src/batch/types.ts'
import type { BroadcastContext, KeyedProcessFunction, OutputTag, ProcessFunction } from '../../../../src/operator/function.ts'
import type { Operator } from '../../../../src/operator/operator.ts'
import {
  broadcastProcessOperator,
  coProcessOperator,
  keyedBroadcastProcessOperator,
  keyedCoProcessOperator,
  keyedProcessOperator,
  keyedReduceOperator,
  processOperator,
  rollingReduce,
} from '../../../../src/operator/process/process-operators.ts'
import { aggregatingState, listState, mapState, reducingState, valueState } from '../../../../src/state/state.ts'
import { type HarnessStep, runOperatorHarness } from '../../../../src/testing/operator-harness.ts'

const CLICK = defineSchema({ user: t.string(), at: t.safeInt() })
const BY_USER = { schema: CLICK, key: { kind: 'columns', columns: [0] } } as const
const COUNT = defineSchema({ user: t.string(), count: t.int(), at: t.double() })

const click = (user: string, at: number): HarnessStep => ({ row: { user, at }, timestamp: at })

/** Counts a user's clicks until there was none for 10 ms. */
const sessions = (): KeyedProcessFunction<string, { user: string; at: number }, { user: string; count: number; at: number }> => {
  let count: ReturnType<typeof valueState<number>> & object
  return {
    open(context) {
      Object.assign(this, { count: context.getState(valueState('count', t.int())), end: context.getState(valueState('end', t.safeInt())) })
      count = valueState('unused')
    },
    processElement(value, context) {
      const states = this as unknown as { count: { value(): number | null; update(n: number): void }; end: { value(): number | null; update(n: number): void } }
      expect(context.getCurrentKey()).toBe(value.user)
      expect(context.timestamp()).toBe(value.at)
      states.count.update((states.count.value() ?? 0) + 1)
      const end = states.end.value()
      if (end !== null) context.timerService.deleteEventTimeTimer(end)
      states.end.update(value.at + 10)
      context.timerService.registerEventTimeTimer(value.at + 10)
      expect(count).toBeDefined()
    },
    onTimer(_, context, out) {
      const states = this as unknown as { count: { value(): number | null; clear(): void }; end: { clear(): void } }
      expect(context.timeDomain()).toBe('event')
      out.collect({ user: context.getCurrentKey(), count: states.count.value()!, at: context.timestamp() })
      states.count.clear()
      states.end.clear()
    },
  }
}

describe('KeyedProcessFunction', () => {
  it('keeps state and moves timers for each key', () => {
    const { rows } = runOperatorHarness({
      create: () => keyedProcessOperator(BY_USER, sessions(), COUNT),
      inputs: [{ schema: CLICK }],
      steps: [
        click('ann', 1),
        click('bob', 2),
        click('ann', 5),
        { watermark: 11 },
        click('cem', 12),
        { watermark: 12 },
        click('ann', 13),
        click('bob', 30),
        { watermark: 30 },
        click('ann', 31),
      ],
    })
    expect(rows).toEqual([
      { row: { user: 'bob', count: 1, at: 12 }, kind: 0, timestamp: 12 },
      { row: { user: 'cem', count: 1, at: 22 }, kind: 0, timestamp: 22 },
      { row: { user: 'ann', count: 3, at: 23 }, kind: 0, timestamp: 23 },
      { row: { user: 'bob', count: 1, at: 40 }, kind: 0, timestamp: 40 },
      { row: { user: 'ann', count: 1, at: 41 }, kind: 0, timestamp: 41 },
    ])
  })

  it('fires thousands of timers through an output that refuses', () => {
    const { rows } = runOperatorHarness({
      create: () =>
        keyedProcessOperator<string, { user: string; at: number }, number>(
          BY_USER,
          {
            processElement(value, context) {
              for (let n = 0; n < 100; n++) context.timerService.registerEventTimeTimer(value.at + n)
            },
            onTimer(timeMs, context, out) {
              out.collect(timeMs)
              if (timeMs % 7 === 0) out.collect(-timeMs)
              if (timeMs === 60) context.timerService.registerEventTimeTimer(5)
            },
          },
          OBJECT_SCHEMA,
        ),
      inputs: [{ schema: CLICK }],
      steps: [click('ann', 1), click('bob', 50), { watermark: 70 }, click('ann', 71)],
      randomRuns: 2,
    })
    expect(rows.length).toBeGreaterThan(250)
    const positive = rows.map(({ row }) => row as number).filter((row) => row > 0)
    expect(positive.filter((row) => row !== 5)).toEqual(positive.filter((row) => row !== 5).sort((left, right) => left - right))
  })

  it('holds every kind of state through every way of running', () => {
    const { rows } = runOperatorHarness({
      create: () =>
        keyedProcessOperator<number, { key: number; word: string }, unknown>(
          { schema: defineSchema({ key: t.int(), word: t.string() }), key: { kind: 'columns', columns: [0] } },
          {
            processElement(value, context, out) {
              const list = context.getState(listState('list', t.string()))
              const map = context.getState(mapState('map', t.string(), t.int()))
              const longest = context.getState(reducingState<string>('longest', (left, right) => (right.length > left.length ? right : left)))
              const total = context.getState(
                aggregatingState('total', {
                  createAccumulator: () => ({ n: 0 }),
                  add: (word: string, sum) => ({ n: sum.n + word.length }),
                  getResult: (sum) => sum.n,
                }),
              )
              const any = context.getState(valueState<{ words: string[] }>('any'))
              list.add(value.word)
              map.put(value.word, (map.get(value.word) ?? 0) + 1)
              longest.add(value.word)
              total.add(value.word)
              any.update({ words: [...(any.value()?.words ?? []), value.word].slice(-2) })
              out.collect([context.getCurrentKey(), list.get(), map.entries(), longest.get(), total.get(), any.value()])
              if (list.get().length === 3) for (const state of [list, map, longest, total, any]) state.clear()
            },
          },
          OBJECT_SCHEMA,
        ),
      inputs: [{ schema: defineSchema({ key: t.int(), word: t.string() }) }],
      steps: ['to', 'be', 'or', 'not', 'to', 'be', 'that', 'is', 'the'].map((word, index) => ({ row: { key: index % 2, word }, timestamp: index })),
    })
    expect(rows.map(({ row }) => row)).toEqual([
      [0, ['to'], [['to', 1]], 'to', 2, { words: ['to'] }],
      [1, ['be'], [['be', 1]], 'be', 2, { words: ['be'] }],
      [
        0,
        ['to', 'or'],
        [
          ['to', 1],
          ['or', 1],
        ],
        'to',
        4,
        { words: ['to', 'or'] },
      ],
      [
        1,
        ['be', 'not'],
        [
          ['be', 1],
          ['not', 1],
        ],
        'not',
        5,
        { words: ['be', 'not'] },
      ],
      [
        0,
        ['to', 'or', 'to'],
        [
          ['to', 2],
          ['or', 1],
        ],
        'to',
        6,
        { words: ['or', 'to'] },
      ],
      [
        1,
        ['be', 'not', 'be'],
        [
          ['be', 2],
          ['not', 1],
        ],
        'not',
        7,
        { words: ['not', 'be'] },
      ],
      [0, ['that'], [['that', 1]], 'that', 4, { words: ['that'] }],
      [1, ['is'], [['is', 1]], 'is', 2, { words: ['is'] }],
      [
        0,
        ['that', 'the'],
        [
          ['that', 1],
          ['the', 1],
        ],
        'that',
        7,
        { words: ['that', 'the'] },
      ],
    ])
  })

  it('fires processing-time timers, whose records carry no timestamp', () => {
    const { rows } = runOperatorHarness({
      create: () =>
        keyedProcessOperator<string, { user: string; at: number }, string>(
          BY_USER,
          {
            processElement(_, context) {
              context.timerService.registerProcessingTimeTimer(context.currentProcessingTime() + 10)
            },
            onTimer(timeMs, context, out) {
              out.collect(`${context.getCurrentKey()} ${timeMs} ${context.timeDomain()} ${context.timestamp()}`)
            },
          },
          OBJECT_SCHEMA,
        ),
      inputs: [{ schema: CLICK }],
      steps: [
        { processingTime: 100 },
        click('ann', 1),
        click('ann', 2),
        { processingTime: 105 },
        click('bob', 3),
        { processingTime: 112 },
        { processingTime: 200 },
      ],
      startMs: 50,
    })
    expect(rows.map(({ row }) => row)).toEqual(['ann 110 processing -Infinity', 'bob 115 processing -Infinity'])
  })

  it('expires state by processing time', () => {
    const { rows } = runOperatorHarness({
      create: () =>
        keyedProcessOperator<string, { user: string; at: number }, number>(
          BY_USER,
          {
            processElement(_, context, out) {
              const count = context.getState(valueState('count', t.int(), { ttl: { ttlMs: 10 } }))
              count.update((count.value() ?? 0) + 1)
              out.collect(count.value()!)
            },
          },
          OBJECT_SCHEMA,
        ),
      inputs: [{ schema: CLICK }],
      steps: [click('a', 1), { processingTime: 5 }, click('a', 2), { processingTime: 14 }, click('a', 3), { processingTime: 24 }, click('a', 4)],
    })
    expect(rows.map(({ row }) => row)).toEqual([1, 2, 3, 1])
  })

  it('sends records to side outputs at the right watermark', () => {
    const late: OutputTag<{ user: string; at: number }> = { id: 'late', schema: CLICK }
    const { rows, sides } = runOperatorHarness({
      create: () =>
        keyedProcessOperator<string, { user: string; at: number }, { user: string; at: number }>(
          BY_USER,
          {
            processElement(value, context, out) {
              if (context.timestamp() <= context.currentWatermark()) context.output(late, value)
              else out.collect(value)
              context.output({ id: 'nobody reads this', schema: CLICK }, value)
            },
          },
          CLICK,
        ),
      inputs: [{ schema: CLICK }],
      steps: [click('a', 5), { watermark: 4 }, click('a', 4), click('a', 6), { watermark: 6 }, click('b', 6), { watermark: 7 }, click('b', 8)],
      sides: ['late'],
    })
    expect(rows.map(({ timestamp }) => timestamp)).toEqual([5, 6, 8])
    expect(sides.get('late')).toEqual([
      { watermark: 4 },
      { row: { user: 'a', at: 4 }, kind: 0, timestamp: 4 },
      { watermark: 6 },
      { row: { user: 'b', at: 6 }, kind: 0, timestamp: 6 },
      { watermark: 7 },
      { watermark: Infinity },
    ])
  })

  it('knows the keys of a key function and of several columns', () => {
    const run = (key: Parameters<typeof keyedProcessOperator>[0]['key'], selector?: (row: never) => never): unknown[] =>
      runOperatorHarness({
        create: () =>
          keyedProcessOperator<unknown, unknown, unknown>(
            { schema: CLICK, key },
            { processElement: (_, context, out) => out.collect(context.getCurrentKey()) },
            OBJECT_SCHEMA,
          ),
        inputs: [{ schema: CLICK, ...(selector && { key: selector }) }],
        steps: [click('ann', 1), click('bob', 2)],
      }).rows.map(({ row }) => row)
    expect(run({ kind: 'columns', columns: [0, 1] })).toEqual([
      ['ann', 1],
      ['bob', 2],
    ])
    expect(run({ kind: 'encoded', column: 2 }, (({ user, at }: { user: string; at: number }) => [user, at / 4]) as never)).toEqual([
      ['ann', 0.25],
      ['bob', 0.5],
    ])
    expect(run({ kind: 'columns', columns: [1] })).toEqual([1, 2])
  })

  it('wraps what user code throws, with the operator and the user lines', () => {
    const create = () =>
      processOperator(
        CLICK,
        {
          processElement: () => {
            throw new TypeError('no such thing')
          },
        },
        OBJECT_SCHEMA,
      )
    const run = (): unknown => runOperatorHarness({ create, inputs: [{ schema: CLICK }], steps: [click('a', 1)] })
    expect(run).toThrow(UserFunctionError)
    expect(run).toThrow('Function of operator "operator" (subtask 0) threw TypeError: no such thing')
    let caught: unknown
    try {
      run()
    } catch (error) {
      caught = error
    }
    expect(((caught as Error).cause as Error).stack).toContain('process-operator.test.ts')
  })

  it('refuses a timer without a time and a record that is no row', () => {
    const run =
      (fn: KeyedProcessFunction<string, unknown, unknown>, output = OBJECT_SCHEMA as typeof CLICK | typeof OBJECT_SCHEMA) =>
      () =>
        runOperatorHarness({ create: () => keyedProcessOperator(BY_USER, fn, output), inputs: [{ schema: CLICK }], steps: [click('a', 1)] })
    expect(run({ processElement: (_, context) => context.timerService.registerEventTimeTimer(Number.NaN), onTimer() {} })).toThrow(
      /Cannot use NaN as the time of a timer/,
    )
    expect(run({ processElement: (_, _context, out) => out.collect(5) }, CLICK)).toThrow(/must collect an object with the declared columns/)
  })
})

describe('the other process functions', () => {
  it('ProcessFunction gives each record zero, one or many', () => {
    const fn: ProcessFunction<{ user: string; at: number }, { user: string; at: number }> = {
      processElement(value, context, out) {
        for (let n = 0; n < value.at; n++) out.collect({ user: `${value.user}${n}`, at: context.timestamp() })
      },
    }
    const { rows } = runOperatorHarness({
      create: () => processOperator(CLICK, fn, CLICK),
      inputs: [{ schema: CLICK }],
      steps: [click('a', 2), click('b', 0), { watermark: 1 }, click('c', 5000)],
      randomRuns: 1,
    })
    expect(rows).toHaveLength(5002)
    expect(rows[1]).toEqual({ row: { user: 'a1', at: 2 }, kind: 0, timestamp: 2 })
  })

  it('CoProcessFunction sees two streams', () => {
    const { rows } = runOperatorHarness({
      create: () =>
        coProcessOperator<{ user: string }, unknown, unknown>(
          [CLICK, OBJECT_SCHEMA],
          { processElement1: (value, _, out) => out.collect(value.user), processElement2: (value, _, out) => out.collect(value) },
          OBJECT_SCHEMA,
        ),
      inputs: [{ schema: CLICK }, { schema: OBJECT_SCHEMA }],
      steps: [click('a', 1), { row: 7, input: 1, timestamp: 2 }, { row: 8, input: 1, timestamp: 3 }, click('b', 4)],
    })
    expect(rows.map(({ row }) => row)).toEqual(['a', 7, 8, 'b'])
  })

  it('KeyedCoProcessFunction shares state and timers between two streams', () => {
    const prices = defineSchema({ price: t.double(), user: t.string() })
    const { rows } = runOperatorHarness({
      create: () =>
        keyedCoProcessOperator<string, { user: string; at: number }, { price: number; user: string }, unknown>(
          [BY_USER, { schema: prices, key: { kind: 'columns', columns: [1] } }],
          {
            processElement1(value, context) {
              context.getState(listState('clicks', t.safeInt())).add(value.at)
              context.timerService.registerEventTimeTimer(10)
            },
            processElement2(value, context) {
              context.getState(valueState('price', t.double())).update(value.price)
              context.timerService.registerEventTimeTimer(10)
            },
            onTimer(_, context, out) {
              out.collect([
                context.getCurrentKey(),
                context.getState(valueState('price', t.double())).value(),
                context.getState(listState('clicks', t.safeInt())).get(),
              ])
            },
          },
          OBJECT_SCHEMA,
        ),
      inputs: [{ schema: CLICK }, { schema: prices }],
      steps: [
        click('a', 1),
        { row: { price: 0.5, user: 'a' }, input: 1, timestamp: 2 },
        { row: { price: 1.5, user: 'b' }, input: 1, timestamp: 2 },
        click('a', 3),
        click('c', 4),
        { watermark: 10 },
        click('d', 11),
      ],
    })
    expect(rows.map(({ row }) => row)).toEqual([
      ['a', 0.5, [1, 3]],
      ['b', 1.5, []],
      ['c', null, [4]],
      ['d', null, [11]],
    ])
  })

  it.each(['processElement', 'processBroadcastElement'] as const)('broadcast state that was not declared is refused in %s', (method) => {
    const declared = mapState('rules', t.string(), t.int())
    const other = mapState('others', t.string(), t.int())
    const create = (): Operator =>
      broadcastProcessOperator(
        [CLICK, CLICK],
        [declared],
        {
          processElement: (_value, context) => void (method === 'processElement' && context.getBroadcastState(other)),
          processBroadcastElement: (_value, context) => void (method === 'processBroadcastElement' && context.getBroadcastState(other)),
        },
        OBJECT_SCHEMA,
      )
    const steps = [click('a', 1), { row: { user: 'a', at: 3 }, input: 1, timestamp: 1 }]
    expect(() => runOperatorHarness({ create, inputs: [{ schema: CLICK }, { schema: CLICK }], steps })).toThrow(
      'Cannot use broadcast state "others": declared are "rules"',
    )
  })

  it('broadcast state can only be read on the other side, also in onTimer', () => {
    const rules = mapState('rules', t.string(), t.int())
    const seen = new Set<string>()
    const look = (context: object): void => {
      const state = (context as BroadcastContext).getBroadcastState(rules)
      for (const name of ['put', 'putAll', 'remove', 'clear']) if (name in state) seen.add(name)
      expect(state.get('a')).toBe(3)
    }
    const { rows } = runOperatorHarness({
      create: () =>
        keyedBroadcastProcessOperator<string, { user: string; at: number }, { user: string; at: number }, string>(
          BY_USER,
          CLICK,
          [rules],
          {
            processElement(value, context) {
              look(context)
              context.timerService.registerEventTimeTimer(value.at)
            },
            onTimer(_timeMs, context, out) {
              look(context)
              out.collect(context.getCurrentKey())
            },
            processBroadcastElement: (value, context) => context.getBroadcastState(rules).put(value.user, value.at),
          },
          OBJECT_SCHEMA,
        ),
      inputs: [{ schema: CLICK }, { schema: CLICK }],
      steps: [{ row: { user: 'a', at: 3 }, input: 1, timestamp: 1 }, click('b', 5), { watermark: 10 }],
    })
    expect(rows.map(({ row }) => row)).toEqual(['b'])
    expect([...seen]).toEqual([])
  })

  it('broadcast functions join records with broadcast state', () => {
    const rules = mapState('rules', t.string(), t.int())
    const steps: HarnessStep[] = [
      click('a', 1),
      { row: { user: 'a', at: 3 }, input: 1, timestamp: 1 },
      click('a', 2),
      click('a', 4),
      { row: { user: 'b', at: 1 }, input: 1, timestamp: 4 },
      { row: { user: 'a', at: 5 }, input: 1, timestamp: 4 },
      click('a', 6),
      click('b', 7),
    ]
    const inputs = [{ schema: CLICK }, { schema: CLICK }]
    const plain = runOperatorHarness({
      create: () =>
        broadcastProcessOperator<{ user: string; at: number }, { user: string; at: number }, unknown>(
          [CLICK, CLICK],
          [rules],
          {
            processElement: (value, context, out) => out.collect([value.user, context.getBroadcastState(rules).get(value.user)]),
            processBroadcastElement: (value, context) => context.getBroadcastState(rules).put(value.user, value.at),
          },
          OBJECT_SCHEMA,
        ),
      inputs,
      steps,
    })
    expect(plain.rows.map(({ row }) => row)).toEqual([
      ['a', null],
      ['a', 3],
      ['a', 3],
      ['a', 5],
      ['b', 1],
    ])
    const count = valueState('count', t.int())
    const keyed = runOperatorHarness({
      create: () =>
        keyedBroadcastProcessOperator<string, { user: string; at: number }, { user: string; at: number }, unknown>(
          BY_USER,
          CLICK,
          [rules],
          {
            processElement(_, context, out) {
              const state = context.getState(count)
              state.update((state.value() ?? 0) + 1)
              out.collect([context.getCurrentKey(), state.value(), context.getBroadcastState(rules).keys()])
            },
            processBroadcastElement(value, context, out) {
              context.getBroadcastState(rules).put(value.user, value.at)
              context.applyToKeyedState(count, (key, state) => {
                out.collect([key, state.value(), 'applied'])
                if (value.user === 'b') state.clear()
              })
            },
          },
          OBJECT_SCHEMA,
        ),
      inputs,
      steps,
    })
    expect(keyed.rows.map(({ row }) => row)).toEqual([
      ['a', 1, []],
      ['a', 1, 'applied'],
      ['a', 2, ['a']],
      ['a', 3, ['a']],
      ['a', 3, 'applied'],
      ['a', 1, ['a', 'b']],
      ['b', 1, ['a', 'b']],
    ])
  })

  it.each([
    [
      [1, NaN, -1, 0, -0],
      [1, 1, -1, -1, -1],
      [1, NaN, NaN, NaN, NaN],
    ],
    [
      [NaN, 0, -0, 0],
      [NaN, 0, -0, -0],
      [NaN, NaN, NaN, NaN],
    ],
    [
      [-0, 0],
      [-0, -0],
      [-0, 0],
    ],
  ])('rolling min and max of %j take NaN for the greatest and -0 for less than 0', (values, least, greatest) => {
    const schema = defineSchema({ user: t.string(), value: t.double() })
    const run = (aggregate: 'min' | 'max'): unknown[] =>
      runOperatorHarness({
        create: () => keyedReduceOperator({ schema, key: { kind: 'columns', columns: [0] } }, rollingReduce(schema, 'value', aggregate) as never),
        inputs: [{ schema }],
        steps: values.map((value) => ({ row: { user: 'a', value } })),
      }).rows.map(({ row }) => (row as { value: number }).value)
    expect(run('min')).toEqual(least)
    expect(run('max')).toEqual(greatest)
  })

  it('rolling reductions emit the reduction of all records so far', () => {
    const run = (reduce: Parameters<typeof keyedReduceOperator>[1]): unknown[] =>
      runOperatorHarness({
        create: () => keyedReduceOperator(BY_USER, reduce),
        inputs: [{ schema: CLICK }],
        steps: [{ row: { user: 'a', at: 5 } }, { row: { user: 'b', at: 1 } }, { row: { user: 'a', at: 3 } }, { row: { user: 'a', at: 4 } }],
      }).rows.map(({ row }) => Object.values(row as object).join(' '))
    expect(run(((left: { user: string; at: number }, right: { at: number }) => ({ user: left.user, at: left.at * 10 + right.at })) as never)).toEqual([
      'a 5',
      'b 1',
      'a 53',
      'a 534',
    ])
    expect(run(rollingReduce(CLICK, 'at', 'sum') as never)).toEqual(['a 5', 'b 1', 'a 8', 'a 12'])
    expect(run(rollingReduce(CLICK, 'at', 'min') as never)).toEqual(['a 5', 'b 1', 'a 3', 'a 3'])
    expect(run(rollingReduce(CLICK, 'at', 'maxBy') as never)).toEqual(['a 5', 'b 1', 'a 5', 'a 5'])
    expect(() => rollingReduce(CLICK, 'user', 'sum')).toThrow(/Cannot aggregate column "user": STRING NOT NULL has no such aggregate/)
  })
})
