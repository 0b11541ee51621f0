// Jobs whose input has late rows. Over one split the answer is the same for every parallelism and every cut into batches, firing for firing. Over
// two inputs who is late depends on which comes first; then the answer is what the definition makes of those that were not. Either way every row
// is in the answer or in the late output, and never in both.
import { expect, test } from 'vitest'
import type { DataStream } from '../../src/api/datastream/data-stream.ts'
import type { StreamExecutionEnvironment } from '../../src/api/datastream/environment.ts'
import type { KeyedStream } from '../../src/api/datastream/keyed-stream.ts'
import { OutputTag } from '../../src/api/datastream/stream.ts'
import type { WindowedStream } from '../../src/api/datastream/windowed-stream.ts'
import type { Random } from '../../src/base/random.ts'
import { defineSchema, t } from '../../src/batch/types.ts'
import type { ProcessContext } from '../../src/operator/function.ts'
import { EventTimeSessionWindows, SlidingEventTimeWindows, TumblingEventTimeWindows } from '../../src/operator/window/assigners.ts'
import { CountEvictor, DeltaEvictor, TimeEvictor } from '../../src/operator/window/evictors.ts'
import { ContinuousEventTimeTrigger, CountTrigger, DeltaTrigger, PurgingTrigger } from '../../src/operator/window/triggers.ts'
import type { TimeWindow, Window } from '../../src/operator/window/window.ts'
import { listState } from '../../src/state/state.ts'
import { WatermarkStrategy } from '../../src/time/watermark-strategy.ts'
import { expectSame, overSeeds, pick, runUnder } from './simulation.ts'

const SCHEMA = defineSchema({ id: t.int(), key: t.string(), at: t.safeInt() })
interface Row {
  readonly id: number
  readonly key: string
  readonly at: number
}

/** Rows whose times jump back by up to 30 ms, now and then ahead. */
function rows(random: Random, count: number): Row[] {
  let atMs = 0
  return Array.from({ length: count }, (_, id) => {
    atMs += random.integer(random.integer(15) === 0 ? 60 : 6)
    return { id, key: `k${random.integer(4)}`, at: atMs - random.integer(31) }
  })
}

/** One split with watermarks. */
function stream(env: StreamExecutionEnvironment, input: readonly Row[], boundMs: number): DataStream<Row> {
  return env.fromCollection(input, SCHEMA).assignTimestampsAndWatermarks(WatermarkStrategy.forBoundedOutOfOrderness<Row>(boundMs).withTimestampAssigner('at'))
}

type Keyed = KeyedStream<Row, string>
type Windows = WindowedStream<Row, string, unknown, TimeWindow>
const tumbling = (keyed: Keyed): Windows => keyed.window(TumblingEventTimeWindows.of(20))
const distance = (from: Row, to: Row): number => Math.abs(to.at - from.at)

/** Windows in which every row that is not late is seen by some firing. */
const SHAPES: Record<string, (keyed: Keyed) => Windows> = {
  sessions: (keyed) => keyed.window(EventTimeSessionWindows.withGap(7)),
  'sessions whose gap depends on the row': (keyed) => keyed.window(EventTimeSessionWindows.withDynamicGap((row) => 3 + (row.id % 9))),
  'sessions that are kept for late rows': (keyed) => keyed.window(EventTimeSessionWindows.withGap(5)).allowedLateness(10),
  'windows that fire again for late rows': (keyed) => tumbling(keyed).allowedLateness(12),
  'sliding windows that fire again for late rows': (keyed) => keyed.window(SlidingEventTimeWindows.of(20, 8)).allowedLateness(5),
  'windows that fire row by row': (keyed) => tumbling(keyed).trigger(CountTrigger.of(1)),
  'windows that fire row by row and forget': (keyed) => tumbling(keyed).trigger(PurgingTrigger.of(CountTrigger.of(1))),
  'windows that fire on the way': (keyed) => tumbling(keyed).trigger(ContinuousEventTimeTrigger.of(6)).allowedLateness(4),
  'windows that evict behind the function': (keyed) => tumbling(keyed).evictor(CountEvictor.of<Row>(1, true)).allowedLateness(8),
  'windows that evict by time': (keyed) => tumbling(keyed).evictor(TimeEvictor.of<Row>(5, true)).allowedLateness(8),
}

/** Windows some of whose rows no firing shows. */
const PARTIAL_SHAPES: Record<string, (keyed: Keyed) => WindowedStream<Row, string, unknown, Window>> = {
  'windows that fire by count': (keyed) => tumbling(keyed).trigger(CountTrigger.of(3)),
  'windows that fire by a change': (keyed) => tumbling(keyed).trigger(DeltaTrigger.of<Row>(4, distance)),
  'windows that evict before the function': (keyed) => tumbling(keyed).evictor(DeltaEvictor.of<Row>(6, distance)),
  'windows of a count of rows': (keyed) => keyed.countWindow(3),
  'windows of a count of rows that slide': (keyed) => keyed.countWindow(4, 2),
}

/** Firings by key in order, and the ids of late rows in order of the split. */
async function firings(
  seed: number,
  parallelism: number,
  input: readonly Row[],
  boundMs: number,
  shape: (keyed: Keyed) => WindowedStream<Row, string, unknown, Window>,
): Promise<{ readonly byKey: Record<string, string[]>; readonly seen: Set<number>; readonly late: number[]; readonly counted: number }> {
  const byKey: Record<string, string[]> = {}
  const seen = new Set<number>()
  const late: number[] = []
  const run = await runUnder(seed, parallelism, (env) => {
    const tag = new OutputTag<Row>('late', SCHEMA)
    const results = shape(stream(env, input, boundMs).keyBy((row) => row.key))
      .sideOutputLateData(tag)
      .apply((key, window, elements) => [{ key, window: String(window.maxTimestamp()), ids: elements.map(({ id }) => id) }])
    results.getSideOutput(tag).forEach((row) => late.push(row.id))
    results.forEach(({ key, window, ids }) => {
      ;(byKey[key] ??= []).push(`${window}: ${ids.join()}`)
      for (const id of ids) seen.add(id)
    })
  })
  return { byKey, seen, late: late.toSorted((left, right) => left - right), counted: run.lateRecords }
}

test.each(Object.keys({ ...SHAPES, ...PARTIAL_SHAPES }))('%s fire alike at every parallelism and for every cut', (name) =>
  overSeeds(6, async (seed, random) => {
    const input = rows(random, 1 + random.integer(150))
    const boundMs = random.integer(10)
    const shape = (SHAPES[name] ?? PARTIAL_SHAPES[name]) as (keyed: Keyed) => WindowedStream<Row, string, unknown, Window>
    const first = await firings(seed, 1, input, boundMs, shape)
    expect(first.counted).toBe(first.late.length)
    if (name in SHAPES)
      expectSame(
        [...first.seen, ...first.late],
        input.map(({ id }) => id),
        'on-time and late rows',
      )
    for (const [cut, parallelism] of [
      [1, 1],
      [2, 2],
      [3, 4],
    ]) {
      const other = await firings(seed + cut * 7919, parallelism, input, boundMs, shape)
      expect(other.byKey, `parallelism ${parallelism}`).toEqual(first.byKey)
      expect(other.late, `parallelism ${parallelism}`).toEqual(first.late)
    }
  })(),
)

/** Who was late on either side, and what was made of the others. */
interface Meeting {
  readonly lateLeft: Set<number>
  readonly lateRight: Set<number>
  readonly results: string[]
}

async function meet(
  seed: number,
  parallelism: number,
  inputs: readonly [readonly Row[], readonly Row[]],
  boundMs: number,
  job: (left: Keyed, right: Keyed, lateLeft: OutputTag<Row>, lateRight: OutputTag<Row>) => DataStream<string>,
): Promise<Meeting> {
  const meeting: Meeting = { lateLeft: new Set(), lateRight: new Set(), results: [] }
  let late = 0
  await runUnder(seed, parallelism, (env) => {
    const [lateLeft, lateRight] = [new OutputTag<Row>('left', SCHEMA), new OutputTag<Row>('right', SCHEMA)]
    const [left, right] = inputs.map((input) => stream(env, input, boundMs).keyBy((row) => row.key))
    const results = job(left, right, lateLeft, lateRight)
    results.forEach((result) => meeting.results.push(result))
    const collect = (tag: OutputTag<Row>, ids: Set<number>): void => {
      results.getSideOutput(tag).forEach((row) => {
        late++
        ids.add(row.id)
      })
    }
    collect(lateLeft, meeting.lateLeft)
    collect(lateRight, meeting.lateRight)
  })
  expect(late, 'each row is late once at most').toBe(meeting.lateLeft.size + meeting.lateRight.size)
  return meeting
}

const windowOf = ({ at }: Row): number => Math.floor(at / 20)

test(
  'an interval join pairs all rows of both sides that are not late',
  overSeeds(15, async (seed, random) => {
    const inputs = [rows(random, random.integer(90)), rows(random, random.integer(90))] as const
    const boundMs = pick(random, [3, 10, 31])
    const [lower, upper] = [-random.integer(12), random.integer(8)]
    for (const parallelism of [1, 2, 4]) {
      const { lateLeft, lateRight, results } = await meet(seed, parallelism, inputs, boundMs, (left, right, leftTag, rightTag) =>
        left
          .intervalJoin(right)
          .between(lower, upper)
          .sideOutputLeftLateData(leftTag)
          .sideOutputRightLateData(rightTag)
          .process<string>({ processElement: (one, other, _context, out) => out.collect(`${one.id} ${other.id}`) }),
      )
      if (boundMs === 31) expect(lateLeft.size + lateRight.size).toBe(0)
      const pairs = inputs[0].flatMap((left) =>
        inputs[1].flatMap((right) => {
          const apart = right.at - left.at
          const meets = left.key === right.key && apart >= lower && apart <= upper && !lateLeft.has(left.id) && !lateRight.has(right.id)
          return meets ? [{ pair: `${left.id} ${right.id}`, isAtEdge: apart === lower || apart === upper }] : []
        }),
      )
      const made = new Set(results)
      expect(made.size).toBe(results.length)
      // A partner that comes at the very watermark that ends the other's wait may find it gone.
      const missed = pairs.filter(({ pair, isAtEdge }) => !made.has(pair) && !(isAtEdge && lateLeft.size + lateRight.size > 0))
      expect(missed, `parallelism ${parallelism}`).toEqual([])
      expect(results.filter((pair) => !pairs.some((other) => other.pair === pair))).toEqual([])
    }
  }),
)

test(
  'a window join pairs all rows of a window that are not late',
  overSeeds(15, async (seed, random) => {
    const inputs = [rows(random, random.integer(90)), rows(random, random.integer(90))] as const
    const boundMs = pick(random, [3, 10, 31])
    for (const parallelism of [1, 2, 4]) {
      const { lateLeft, lateRight, results } = await meet(seed, parallelism, inputs, boundMs, (left, right, leftTag, rightTag) =>
        left
          .join(right)
          .where((row) => row.key)
          .equalTo((row) => row.key)
          .window(TumblingEventTimeWindows.of(20))
          .sideOutputLeftLateData(leftTag)
          .sideOutputRightLateData(rightTag)
          .apply((one, other) => `${one.id} ${other.id}`),
      )
      if (boundMs === 31) expect(lateLeft.size + lateRight.size).toBe(0)
      const [lefts, rights] = [inputs[0].filter(({ id }) => !lateLeft.has(id)), inputs[1].filter(({ id }) => !lateRight.has(id))]
      const pairs = lefts.flatMap((left) =>
        rights.filter((right) => right.key === left.key && windowOf(right) === windowOf(left)).map((right) => `${left.id} ${right.id}`),
      )
      expect(results.length).toBe(pairs.length)
      expectSame(results, pairs, `parallelism ${parallelism}`)
    }
  }),
)

test(
  'a function of two keyed streams meets every row on time or late, and its timers see all that came before',
  overSeeds(15, async (seed, random) => {
    const inputs = [rows(random, random.integer(90)), rows(random, random.integer(90))] as const
    const boundMs = pick(random, [3, 10, 31])
    for (const parallelism of [1, 2, 4]) {
      const { lateLeft, lateRight, results } = await meet(seed, parallelism, inputs, boundMs, (left, right, leftTag, rightTag) => {
        const waiting = listState('waiting', t.string())
        const take =
          (side: string, tag: OutputTag<Row>) =>
          (
            row: Row,
            context: ProcessContext & {
              getState(descriptor: typeof waiting): { add(value: string): void }
              timerService: { registerEventTimeTimer(timeMs: number): void }
            },
          ): void => {
            if (windowOf(row) * 20 + 19 <= context.currentWatermark()) {
              context.output(tag, { ...row })
              return
            }
            context.getState(waiting).add(`${windowOf(row)} ${side}${row.id}`)
            context.timerService.registerEventTimeTimer(windowOf(row) * 20 + 19)
          }
        return left.connect(right).process<string>({
          processElement1: take('left', leftTag),
          processElement2: take('right', rightTag),
          onTimer(timeMs, context, out) {
            const state = context.getState(waiting)
            const due = (text: string): boolean => Number(text.split(' ')[0]) * 20 + 19 <= timeMs
            for (const text of state.get().filter(due)) out.collect(text)
            state.update(state.get().filter((text) => !due(text)))
          },
        })
      })
      if (boundMs === 31) expect(lateLeft.size + lateRight.size).toBe(0)
      const expected = [
        ...inputs[0].filter(({ id }) => !lateLeft.has(id)).map((row) => `${windowOf(row)} left${row.id}`),
        ...inputs[1].filter(({ id }) => !lateRight.has(id)).map((row) => `${windowOf(row)} right${row.id}`),
      ]
      expect(results.length).toBe(expected.length)
      expectSame(results, expected, `parallelism ${parallelism}`)
    }
  }),
)
