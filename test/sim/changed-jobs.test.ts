// Jobs that go on, changed, from what another version of them has left: what can follow follows, at any parallelism; anything else is refused before
// it runs, with the reason. What the decision says before the start is what the start does.
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { PlanError, RestoreError } from '../../src/base/errors.ts'
import { JobEnvironment } from '../../src/api/datastream/job.ts'
import type { DataStream } from '../../src/api/datastream/data-stream.ts'
import { type DataType, defineSchema, t } from '../../src/batch/types.ts'
import { assertRestorable, decideRestore, type RestoreDecision } from '../../src/checkpoint/restore-decision.ts'
import { summarize } from '../../src/checkpoint/snapshot-summary.ts'
import { fileSink } from '../../src/connector/file/file-sink.ts'
import { jsonFormat } from '../../src/format/json/json-format.ts'
import type { KeyedProcessFunction } from '../../src/operator/function.ts'
import { EventTimeSessionWindows, SlidingEventTimeWindows, TumblingEventTimeWindows } from '../../src/operator/window/assigners.ts'
import { count, max, sum } from '../../src/operator/window/slice-aggregates.ts'
import { planJob } from '../../src/plan/execution-plan.ts'
import { plannedOperators } from '../../src/runtime/planned-operators.ts'
import { listState, mapState, type StateDescriptor, type StateOptions, valueState } from '../../src/state/state.ts'
import { WatermarkStrategy } from '../../src/time/watermark-strategy.ts'
import { type Program, runToCheckpoint, runToEnd, type StageOptions } from '../fixtures/changed-job.ts'
import { scratchFolder } from '../fixtures/command.ts'
import { sorted } from './simulation.ts'

const SCHEMA = defineSchema({ user: t.string(), shop: t.string(), n: t.int(), at: t.timestamp(3) })
type Row = { readonly user: string; readonly shop: string; readonly n: number; readonly at: number }
const row = (n: number): Row => ({ user: `u${n % 5}`, shop: `s${n % 2}`, n, at: n })
const FIRST = Array.from({ length: 40 }, (_, n) => row(n))
const SECOND = Array.from({ length: 40 }, (_, n) => row(n + 40))
const ordered = WatermarkStrategy.forMonotonousTimestamps<Row>().withTimestampAssigner('at')

/** Keeps something of each key, of whatever shape: what `read` makes of a record and what was kept. */
function keeping<S>(descriptor: StateDescriptor, next: (kept: S | null, record: Row) => S, timers: boolean = false): KeyedProcessFunction<string, Row, string> {
  let state: { value(): S | null; update(value: S): void }
  return {
    open: (context) => void (state = context.getState(descriptor as never)),
    processElement(record, context, out) {
      const kept = next(state.value(), record)
      state.update(kept)
      if (timers) context.timerService.registerEventTimeTimer(1_000_000)
      out.collect(JSON.stringify({ key: context.getCurrentKey(), kept }, (_name, value: unknown) => (typeof value === 'bigint' ? Number(value) : value)))
    },
    ...(timers && { onTimer: () => {} }),
  }
}

const rowsOf = (env: Parameters<Program>[0]): DataStream<Row> => env.input('rows', SCHEMA)
const timedRows = (env: Parameters<Program>[0]): DataStream<Row> => rowsOf(env).uid('rows').assignTimestampsAndWatermarks(ordered).uid('times')

/** A job of one function, keyed by user unless it is said otherwise. */
function withFunction(
  fn: () => KeyedProcessFunction<string, Row, string>,
  uid: string | null = 'keeper',
  key: (rows: DataStream<Row>) => ReturnType<DataStream<Row>['keyBy']> = (rows) => rows.keyBy('user') as never,
): Program {
  return (env) => {
    const kept = key(rowsOf(env).uid('rows')).process(fn())
    if (uid !== null) kept.uid(uid)
    kept.output('results')
  }
}

const sums =
  (type: DataType<unknown> | undefined, options: StateOptions = {}): (() => KeyedProcessFunction<string, Row, string>) =>
  () =>
    keeping<number>(valueState('sum', type, options), (kept, { n }) => (kept ?? 0) + n)
const before = withFunction(sums(t.int()))

const stage = (rows: readonly Row[], rest: Partial<StageOptions> = {}): StageOptions => ({ rows: { rows, rules: [] }, ...rest })

function decisionOf(program: Program, from: Program, rest: Partial<StageOptions> = {}, allowsNonRestored: boolean = false): RestoreDecision {
  const { snapshot } = runToCheckpoint(from, stage(FIRST))
  const env = new JobEnvironment()
  program(env)
  const plan = planJob(env.graph, { jobName: 'test', parallelism: rest.parallelism ?? 1, maxParallelism: rest.maxParallelism })
  return decideRestore(summarize(snapshot), plannedOperators(plan, env.graph), allowsNonRestored)
}

/** Runs the first version on the first rows and the second on the others, at each parallelism. */
function resultsOf(from: Program, to: Program): readonly (readonly unknown[])[] {
  return [1, 2, 3].flatMap((had) => {
    const { snapshot } = runToCheckpoint(from, stage(FIRST, { parallelism: had }))
    return [1, 2, 3].map((has) => runToEnd(to, stage(SECOND, { parallelism: has, restore: snapshot })))
  })
}

describe('a job whose state can follow goes on, at any parallelism', () => {
  const pair = { n: t.int(), last: t.int() }
  const counting = (type: DataType<unknown>, make: (kept: Record<string, never> | null, record: Row) => unknown, options: StateOptions = {}) =>
    withFunction(() => keeping(valueState('pair', type, options), make as never))
  const pairs = counting(t.row(pair), (kept, { n }) => ({ n: ((kept?.['n'] as number | undefined) ?? 0) + 1, last: n }))

  /** What the last version must say: for each key how many records there were, whatever has become of the rest. */
  const told = (field: string): string[] => sorted(SECOND.map(({ user, n }) => JSON.stringify({ key: user, [field]: Math.floor(n / 5) + 1 })))
  const only = (results: readonly unknown[], field: string): string[] =>
    sorted(
      results.map((result) => {
        const { key, kept } = JSON.parse(result as string) as { key: string; kept: Record<string, unknown> }
        return JSON.stringify({ key, [field]: kept[field] })
      }),
    )

  test.each<[string, string, Program]>([
    ['as it was', 'n', pairs],
    [
      'a column more',
      'n',
      counting(t.row({ ...pair, shop: t.string().nullable() }), (kept, { n, shop }) => ({ n: ((kept?.['n'] as number | undefined) ?? 0) + 1, last: n, shop })),
    ],
    ['a column less', 'n', counting(t.row({ n: t.int() }), (kept) => ({ n: ((kept?.['n'] as number | undefined) ?? 0) + 1 }))],
    ['a wider column', 'n', counting(t.row({ ...pair, n: t.bigint() }), (kept, { n }) => ({ n: ((kept?.['n'] as bigint | undefined) ?? 0n) + 1n, last: n }))],
    [
      'a renamed column',
      'times',
      counting(t.row({ times: t.int(), last: t.int() }), (kept, { n }) => ({ times: ((kept?.['times'] as number | undefined) ?? 0) + 1, last: n }), {
        renamed: { n: 'times' },
      }),
    ],
    [
      "a column in another one's place",
      'n',
      counting(t.row({ n: t.int(), first: t.int() }), (kept, { n }) => ({ n: ((kept?.['n'] as number | undefined) ?? 0) + 1, first: n }), {
        dropped: ['last'],
        defaults: { first: -1 },
      }),
    ],
    ['a TTL', 'n', counting(t.row(pair), (kept, { n }) => ({ n: ((kept?.['n'] as number | undefined) ?? 0) + 1, last: n }), { ttl: { ttlMs: 1000 } })],
  ])('%s', (_name, field, program) => {
    for (const results of resultsOf(pairs, program)) expect(only(results, field)).toEqual(told(field))
  })

  test('a state that is declared at a record only', () => {
    const late: KeyedProcessFunction<string, Row, string> = {
      processElement(record, context, out) {
        const sum = context.getState(valueState('sum', t.bigint()))
        sum.update((sum.value() ?? 0n) + BigInt(record.n))
        out.collect(`${context.getCurrentKey()} ${sum.value()}`)
      },
    }
    const expected = sorted(
      SECOND.map(({ user, n }) => `${user} ${[...FIRST, ...SECOND].filter((one) => one.user === user && one.n <= n).reduce((all, one) => all + one.n, 0)}`),
    )
    for (const results of resultsOf(
      before,
      withFunction(() => ({ ...late })),
    ))
      expect(sorted(results)).toEqual(expected)
  })

  test('operators that are new beside it, and another name of the job', () => {
    const more: Program = (env) => {
      before(env)
      rowsOf(env).keyBy('shop').process(sums(t.int())()).uid('more').output('others')
    }
    expect(decisionOf(more, before).operators.map(({ uid, verdict }) => [uid, verdict])).toEqual(
      expect.arrayContaining([
        ['keeper', 'keep'],
        ['more', 'new'],
      ]),
    )
  })

  test('a sink that writes into another folder, which is said', () => {
    const folder = scratchFolder()
    const into =
      (path: string): Program =>
      (env) => {
        rowsOf(env)
          .uid('rows')
          .sinkTo(fileSink({ path: join(folder, path), format: jsonFormat() }))
          .uid('files')
      }
    const [was, is] = [join(folder, 'old'), join(folder, 'new')]
    expect(decisionOf(into('new/'), into('old/')).operators).toContainEqual(
      expect.objectContaining({
        uid: 'files',
        verdict: 'keep',
        reason: `files that it had begun are completed in "${was}", and further ones are written into "${is}"`,
      }),
    )
    expect(decisionOf(into('old/'), into('old')).operators).toContainEqual(expect.objectContaining({ uid: 'files', verdict: 'keep', reason: 'as it was' }))
  })

  test('windows whose records have a column more', () => {
    const windows =
      (schema: typeof SCHEMA, size: number): Program =>
      (env) => {
        const rows = (env.input('rows', schema) as unknown as DataStream<Row>).uid('rows').assignTimestampsAndWatermarks(ordered).uid('times')
        rows
          .keyBy('user')
          .window(TumblingEventTimeWindows.of(size))
          .apply((key, _window, records) => [`${key} ${records.reduce((all, { n }) => all + n, 0)}`])
          .uid('windows')
          .output('results')
      }
    const wider = defineSchema({ user: t.string(), shop: t.string(), n: t.int(), at: t.timestamp(3), note: t.string().nullable() }) as unknown as typeof SCHEMA
    const expected = ['u0', 'u1', 'u2', 'u3', 'u4'].map(
      (user) => `${user} ${[...FIRST, ...SECOND].filter((one) => one.user === user).reduce((all, { n }) => all + n, 0)}`,
    )
    for (const results of resultsOf(windows(SCHEMA, 1000), windows(wider, 1000))) expect(sorted(results)).toEqual(sorted(expected))
    expect(decisionOf(windows(wider, 1000), windows(SCHEMA, 1000)).operators.find(({ uid }) => uid === 'windows')).toMatchObject({
      verdict: 'migrate',
      states: expect.arrayContaining([expect.objectContaining({ verdict: 'migrate', reason: 'column "note" is new: NULL' })]),
    })
  })
})

const tumbling =
  (size: number): Program =>
  (env) =>
    void timedRows(env)
      .keyBy('user')
      .window(TumblingEventTimeWindows.of(size))
      .aggregate({ all: sum('n') })
      .uid('windows')
      .output('results')
const sessions =
  (gap: number): Program =>
  (env) =>
    void timedRows(env)
      .keyBy('user')
      .window(EventTimeSessionWindows.withGap(gap))
      .reduce((left) => left)
      .uid('windows')
      .output('results')
const joined =
  (upper: number): Program =>
  (env) => {
    const rows = timedRows(env)
    rows
      .keyBy('user')
      .intervalJoin(rows.keyBy('user'))
      .between(-5, upper)
      .process({ processElement: () => {} })
      .uid('join')
      .output('results')
  }
const RULE = defineSchema({ id: t.string(), limit: t.int() })
const broadcast =
  (type: DataType<unknown>, keyType: DataType<unknown> = t.string()): Program =>
  (env) => {
    const rules = mapState('rules', keyType, type)
    rowsOf(env)
      .uid('rows')
      .connect(
        env
          .input('rules', RULE)
          .uid('rules')
          .broadcast(rules as never) as never,
      )
      .process({
        processElement: () => {},
        processBroadcastElement: (rule: { id: string; limit: number }, context: { getBroadcastState(d: unknown): { put(k: unknown, v: unknown): void } }) =>
          context.getBroadcastState(rules).put(rule.id, rule.limit),
      })
      .uid('rules-join')
      .output('results')
  }
const lists =
  (role: 'getListState' | 'getUnionListState'): Program =>
  (env) =>
    void rowsOf(env)
      .uid('rows')
      .process({
        open: (context) => context[role](listState('all', t.int())).add(7),
        processElement: () => {},
      })
      .uid('lists')
      .output('results')

/** How it was; what it is now; the code; what the message says; what else is set. */
const INCOMPATIBLE: [string, Program, Program, string, string, Partial<StageOptions>?][] = [
  [
    'the type of the key',
    before,
    withFunction(sums(t.int()), 'keeper', (rows) => rows.keyBy('n') as never),
    'OPERATOR_CHANGED',
    'was keyed by user STRING NOT NULL when the snapshot was taken, and is by n INT NOT NULL now',
  ],
  [
    'a column less of the key',
    withFunction(sums(t.int()), 'keeper', (rows) => rows.keyBy('user', 'shop') as never),
    before,
    'OPERATOR_CHANGED',
    'was keyed by user STRING NOT NULL, shop STRING NOT NULL',
  ],
  [
    'the order of the key',
    withFunction(sums(t.int()), 'keeper', (rows) => rows.keyBy('user', 'shop') as never),
    withFunction(sums(t.int()), 'keeper', (rows) => rows.keyBy('shop', 'user') as never),
    'OPERATOR_CHANGED',
    'the order of the columns is part of the key',
  ],
  [
    'no key any more',
    before,
    (env) =>
      void rowsOf(env)
        .uid('rows')
        .process({ processElement: () => {} })
        .uid('keeper')
        .output('results'),
    'OPERATOR_CHANGED',
    'has no key now',
  ],
  [
    'a narrower value',
    withFunction(() => keeping<bigint>(valueState('sum', t.bigint()), () => 1n)),
    before,
    'STATE_CHANGED',
    'its type is BIGINT in the snapshot, and INT in the job: values may be lost',
  ],
  [
    'another type of value',
    before,
    withFunction(() => keeping<string>(valueState('sum', t.string()), () => '')),
    'STATE_CHANGED',
    'its type is INT in the snapshot, and STRING in the job',
  ],
  [
    'another kind of state',
    before,
    withFunction(() => ({ open: (context) => void context.getState(listState('sum', t.int())), processElement: () => {} })),
    'STATE_CHANGED',
    'it is value state of INT NOT NULL in the snapshot, and list state of INT NOT NULL in the job',
  ],
  [
    'a TTL on a map in the place of a value',
    before,
    withFunction(() => ({ open: (context) => void context.getState(mapState('sum', t.int(), t.int(), { ttl: { ttlMs: 5 } })), processElement: () => {} })),
    'STATE_CHANGED',
    'map state by INT NOT NULL of INT NOT NULL with a TTL of 5 ms',
  ],
  [
    'a renamed column without a mapping',
    withFunction(() => keeping(valueState('pair', t.row({ a: t.int() })), () => ({ a: 1 }))),
    withFunction(() => keeping(valueState('pair', t.row({ b: t.int().nullable() })), () => ({ b: 1 }))),
    'STATE_CHANGED',
    'column "a" has gone and "b" has come',
  ],
  [
    'an operator that is gone',
    before,
    (env) => void rowsOf(env).uid('rows').output('results'),
    'STATE_NOT_RESTORED',
    'it holds state of "KeyedProcess" (uid "keeper"), which the job does not have',
  ],
  ['an operator under another uid', before, withFunction(sums(t.int()), 'renamed'), 'STATE_NOT_RESTORED', '(uid "keeper")'],
  [
    'an operator of another kind under a uid',
    before,
    (env) => void timedRows(env).keyBy('user').window(TumblingEventTimeWindows.of(10)).aggregate({ all: count() }).uid('keeper').output('results'),
    'OPERATOR_CHANGED',
    'was of the kind "process function" when the snapshot was taken, and is "aligned windows" now',
  ],
  ['max parallelism', before, before, 'MAX_PARALLELISM_CHANGED', 'has 64 key groups, and its state has 128', { maxParallelism: 64 }],
  [
    'the size of windows',
    tumbling(1000),
    tumbling(2000),
    'OPERATOR_CHANGED',
    'had other windows when the snapshot was taken: tumbling, 1000 ms, and now tumbling, 2000 ms',
  ],
  [
    'the kind of windows',
    tumbling(1000),
    (env) =>
      void timedRows(env)
        .keyBy('user')
        .window(SlidingEventTimeWindows.of(1000, 500))
        .aggregate({ all: sum('n') })
        .uid('windows')
        .output('results'),
    'OPERATOR_CHANGED',
    'tumbling, 1000 ms, and now sliding, 1000 ms every 500 ms',
  ],
  [
    'aggregates',
    tumbling(1000),
    (env) =>
      void timedRows(env)
        .keyBy('user')
        .window(TumblingEventTimeWindows.of(1000))
        .aggregate({ all: max('n') })
        .uid('windows')
        .output('results'),
    'OPERATOR_CHANGED',
    'had other aggregates when the snapshot was taken: sum(n INT NOT NULL), and now max(n INT NOT NULL)',
  ],
  ['the gap of sessions', sessions(1000), sessions(500), 'OPERATOR_CHANGED', 'EventTimeSessionWindows(1000)'],
  ['the bounds of a join', joined(5), joined(50), 'OPERATOR_CHANGED', 'had other bounds when the snapshot was taken: -5 ms to 5 ms, and now -5 ms to 50 ms'],
  [
    'timers of a function that has none any more',
    withFunction(() => keeping<number>(valueState('sum', t.int()), () => 1, true)),
    before,
    'STATE_CHANGED',
    'there are 5 timers, and the function has no onTimer any more',
  ],
  ['the values of a broadcast state', broadcast(t.int()), broadcast(t.string()), 'STATE_CHANGED', 'state "rules" of'],
  [
    'the keys of a broadcast state',
    broadcast(t.int()),
    broadcast(t.int(), t.int()),
    'STATE_CHANGED',
    'the keys of the broadcast map are STRING NOT NULL in the snapshot, and INT NOT NULL in the job',
  ],
  [
    'a list that becomes a union list',
    lists('getListState'),
    lists('getUnionListState'),
    'STATE_CHANGED',
    'it is operator list state of INT NOT NULL in the snapshot, and union list state of INT NOT NULL in the job',
  ],
  [
    'another source under a uid',
    (env) => void env.fromCollection(FIRST, SCHEMA).uid('source').keyBy('user').process(sums(t.int())()).uid('keeper').output('results'),
    (env) => void env.fromSequence(0, 9).uid('source').output('results'),
    'OPERATOR_CHANGED',
    'was of the kind "Collection source" when the snapshot was taken, and is "Sequence source" now',
  ],
  ['another job altogether', tumbling(1000), before, 'STATE_NOT_RESTORED', 'and 1 more'],
]

describe('a job whose state cannot follow is refused before it runs, with the reason', () => {
  test.each<[string, Program, Program, string, string, Partial<StageOptions>?]>(INCOMPATIBLE)('%s', (_name, from, to, code, reason, rest) => {
    const { snapshot } = runToCheckpoint(from, { rows: { rows: FIRST.slice(0, 10), rules: [{ id: 'a', limit: 1 }] } })
    let thrown: unknown
    try {
      runToEnd(to, stage(SECOND, { ...rest, restore: snapshot }))
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeInstanceOf(RestoreError)
    const { code: actual, message, hint } = thrown as RestoreError
    expect(actual).toBe(code)
    expect(message).toContain(reason)
    expect(hint).toMatch(/\w/)
    // What was said before the start: the same, or that a function will declare it.
    const env = new JobEnvironment()
    to(env)
    const plan = planJob(env.graph, { jobName: 'test', parallelism: 1, maxParallelism: rest?.maxParallelism })
    const decision = decideRestore(summarize(snapshot), plannedOperators(plan, env.graph), false)
    const told = decision.operators.flatMap(({ verdict, states, reason: own }) => [{ verdict, reason: own }, ...states])
    const matching = told.filter(
      (one) =>
        one.verdict === (decision.canStart ? 'pending' : 'refuse') && (decision.canStart || code === 'STATE_NOT_RESTORED' || message.includes(one.reason)),
    )
    expect(matching).not.toEqual([])
  })

  test('two operators of one uid', () => {
    const twice: Program = (env) => {
      before(env)
      rowsOf(env).keyBy('shop').process(sums(t.int())()).uid('keeper').output('others')
    }
    expect(() => runToEnd(twice, stage(SECOND))).toThrow(expect.objectContaining({ constructor: PlanError, code: 'DUPLICATE_UID' }))
  })

  test('state of an operator that is gone is dropped where that is allowed, and does not come back', () => {
    const { snapshot } = runToCheckpoint(before, stage(FIRST))
    const options = new Map([['execution.state-recovery.ignore-unclaimed-state', 'true']])
    const without: Program = (env) => void rowsOf(env).uid('rows').select('n').output('results')
    const next = runToCheckpoint(without, stage(SECOND, { restore: snapshot, options }))
    expect(next.results).toEqual(SECOND.map(({ n }) => ({ n })))
    const results = runToEnd(before, stage(SECOND.slice(0, 1), { restore: next.snapshot }))
    expect(results).toEqual(['{"key":"u0","kept":40}'])
  })

  test('the advice names the operator that has most likely taken its place', () => {
    const unnamed = withFunction(sums(t.int()), null)
    const shifted: Program = (env) =>
      void (
        rowsOf(env)
          .uid('rows')
          .map((one) => one)
          .returns(SCHEMA) as unknown as DataStream<Row>
      )
        .keyBy('user')
        .process(sums(t.int())())
        .output('results')
    const { snapshot } = runToCheckpoint(unnamed, stage(FIRST))
    expect(() => runToEnd(shifted, stage(SECOND, { restore: snapshot }))).toThrow(
      expect.objectContaining({
        code: 'STATE_NOT_RESTORED',
        hint: expect.stringContaining(`If "KeyedProcess" is what it has become, call .uid('KeyedProcess#1') on it`),
      }),
    )
  })
})

describe('records in flight that cannot go on', () => {
  const inFlight = (uid: string) =>
    new Map([[uid, { reason: 'has records on their way to it, and runs fused with other functions now', hint: 'Take a savepoint.' }]])
  const rows: Program = (env) => void rowsOf(env).uid('rows').select('n').uid('columns').output('results')
  const without: Program = (env) => void rowsOf(env).uid('rows').output('results')

  test.each<[string, Program, Program, string, boolean, boolean]>([
    ['of an operator with state', before, before, 'keeper', false, false],
    ['of an operator with state, whatever may be dropped', before, before, 'keeper', true, false],
    ['of an operator without state', rows, rows, 'columns', false, false],
    ['of an operator without state that is gone', rows, without, 'columns', false, false],
    ['of an operator without state that is gone, which is allowed', rows, without, 'columns', true, true],
    ['of an operator with state that is gone, which is allowed', before, without, 'keeper', true, true],
  ])('%s', (_, from, to, uid, allows, canStart) => {
    const { snapshot } = runToCheckpoint(from, stage(FIRST))
    const env = new JobEnvironment()
    to(env)
    const planned = plannedOperators(planJob(env.graph, { jobName: 'test', parallelism: 1, maxParallelism: undefined }), env.graph)
    const decision = decideRestore(summarize(snapshot), planned, allows, inFlight(uid))
    expect(decision.canStart).toBe(canStart)
    expect(decision.operators.find((operator) => operator.uid === uid)?.verdict).toBe(canStart ? 'drop' : 'refuse')
    const start = (): unknown => assertRestorable('checkpoint 1', summarize(snapshot), planned, allows, inFlight(uid))
    if (canStart) expect(start()).toEqual(decision)
    else expect(start).toThrow(expect.objectContaining({ constructor: RestoreError, code: 'IN_FLIGHT_NOT_RESTORED', hint: 'Take a savepoint.' }))
  })
})
