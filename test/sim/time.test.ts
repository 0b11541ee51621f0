import { expect, test } from 'vitest'
import type { DataStream } from '../../src/api/datastream/data-stream.ts'
import { OutputTag } from '../../src/api/datastream/stream.ts'
import type { StreamExecutionEnvironment } from '../../src/api/datastream/environment.ts'
import { VirtualClock } from '../../src/base/clock.ts'
import type { Random } from '../../src/base/random.ts'
import { defineSchema, t } from '../../src/batch/types.ts'
import {
  CumulativeEventTimeWindows,
  SlidingEventTimeWindows,
  TumblingEventTimeWindows,
  TumblingProcessingTimeWindows,
  type WindowAssigner,
} from '../../src/operator/window/assigners.ts'
import { count, sum } from '../../src/operator/window/slice-aggregates.ts'
import type { TimeWindow } from '../../src/operator/window/window.ts'
import type { Sink } from '../../src/operator/sink.ts'
import { WatermarkStrategy } from '../../src/time/watermark-strategy.ts'
import { runJob } from '../../src/testing/run-job.ts'
import { expectSame, pick, runUnder, overSeeds } from './simulation.ts'
import { timedSource } from './timed-source.ts'

const COLUMNS = { id: t.int(), key: t.string(), at: t.safeInt(), amount: t.int() }
const SCHEMA = defineSchema(COLUMNS)
interface Row {
  readonly id: number
  readonly key: string
  readonly at: number
  readonly amount: number
}

/** Rows whose times jump back by up to `disorderMs`, now and then far ahead. */
function rows(random: Random, count: number, disorderMs: number, startMs: number = 0): Row[] {
  let atMs = startMs
  return Array.from({ length: count }, (_, id) => {
    atMs += random.integer(random.integer(15) === 0 ? 60 : 6)
    return { id, key: `k${random.integer(5)}`, at: atMs - random.integer(disorderMs + 1), amount: random.integer(20) - 5 }
  })
}

interface WindowKind {
  readonly name: string
  readonly assigner: () => WindowAssigner<unknown, TimeWindow>
  /** [start, end) of each window that holds a time. */
  windowsOf(atMs: number): [number, number][]
}

const floorTo = (atMs: number, stepMs: number): number => Math.floor(atMs / stepMs) * stepMs
const WINDOWS: readonly WindowKind[] = [
  { name: 'tumbling', assigner: () => TumblingEventTimeWindows.of(10), windowsOf: (at) => [[floorTo(at, 10), floorTo(at, 10) + 10]] },
  {
    name: 'sliding',
    assigner: () => SlidingEventTimeWindows.of(24, 8),
    windowsOf: (at) => [0, 8, 16].map((back) => [floorTo(at, 8) - back, floorTo(at, 8) - back + 24]),
  },
  {
    name: 'cumulative',
    assigner: () => CumulativeEventTimeWindows.of(30, 10),
    windowsOf: (at) => [10, 20, 30].map((end): [number, number] => [floorTo(at, 30), floorTo(at, 30) + end]).filter(([, end]) => end > at),
  },
]

interface Result {
  readonly key: string
  readonly windowStart: number
  readonly windowEnd: number
  readonly rows: number
  readonly total: number
}

/** What windows answer by their definition, and which rows come too late for all of theirs, with the watermark as one split makes it. */
function model(input: readonly Row[], kind: WindowKind, boundMs: number): { results: Result[]; late: number[] } {
  let watermarkMs = -Infinity
  const results = new Map<string, Result>()
  const late: number[] = []
  for (const { id, key, at, amount } of input) {
    const open = kind.windowsOf(at).filter(([, end]) => end - 1 > watermarkMs)
    if (open.length === 0) late.push(id)
    for (const [windowStart, windowEnd] of open) {
      const name = `${key} ${windowStart} ${windowEnd}`
      const before = results.get(name) ?? { key, windowStart, windowEnd, rows: 0, total: 0 }
      results.set(name, { ...before, rows: before.rows + 1, total: before.total + amount })
    }
    watermarkMs = Math.max(watermarkMs, at - boundMs - 1)
  }
  return { results: [...results.values()], late }
}

const strategy = (boundMs: number): WatermarkStrategy<Row> => WatermarkStrategy.forBoundedOutOfOrderness<Row>(boundMs).withTimestampAssigner('at')

test(
  'windows over one split answer by definition at every parallelism, and on-time and late rows are the input',
  overSeeds(60, async (seed, random) => {
    const boundMs = random.integer(12)
    const input = rows(random, 1 + random.integer(200), 25)
    const kind = pick(random, WINDOWS)
    const expected = model(input, kind, boundMs)
    const inColumns = random.integer(2) === 0
    const byColumn = random.integer(2) === 0
    for (const parallelism of [1, 2, 4]) {
      const results: Result[] = []
      const late: number[] = []
      const run = await runUnder(seed, parallelism, (env: StreamExecutionEnvironment) => {
        const lateTag = new OutputTag<Row>('late', SCHEMA)
        const stream = env.fromCollection(input, SCHEMA).assignTimestampsAndWatermarks(strategy(boundMs))
        const windows = (byColumn ? stream.keyBy('key') : stream.keyBy((row) => row.key)).window(kind.assigner()).sideOutputLateData(lateTag)
        const answers = inColumns
          ? windows.aggregate({ rows: count(), total: sum('amount') })
          : windows.apply((key, window, records) => {
              const [name] = [key].flat()
              return [
                {
                  key: name,
                  windowStart: window.start,
                  windowEnd: window.end,
                  rows: records.length,
                  total: records.reduce((total, row) => total + row.amount, 0),
                },
              ]
            })
        answers.getSideOutput(lateTag).forEach((row) => late.push(row.id))
        answers.forEach((row) => results.push({ ...(row as object) } as Result))
      })
      const what = `${kind.name} ${inColumns ? 'in columns' : 'general'}, parallelism ${parallelism}`
      const wanted =
        inColumns && !byColumn
          ? expected.results.map(({ windowStart, windowEnd, rows: n, total }) => ({ windowStart, windowEnd, rows: n, total }))
          : expected.results
      const shape = ({ key, windowStart, windowEnd, rows: n, total }: Result): object =>
        inColumns && !byColumn ? { windowStart, windowEnd, rows: n, total } : { key, windowStart, windowEnd, rows: n, total }
      expectSame(results.map(shape), wanted, what)
      expectSame(late, expected.late, `${what}: late rows`)
      expect(run.lateRecords, `${what}: late rows counted`).toBe(expected.late.length)
    }
  }),
)

test(
  'windows over several sources whose disorder stays within the bound lose nothing, whatever overtakes what',
  overSeeds(40, async (seed, random) => {
    const sources = Array.from({ length: 2 + random.integer(2) }, (_, index) => rows(random, random.integer(80), 10, index * 100))
    const kind = pick(random, WINDOWS)
    const wanted = new Map<string, Result>()
    for (const { key, at, amount } of sources.flat())
      for (const [windowStart, windowEnd] of kind.windowsOf(at)) {
        const name = `${key} ${windowStart} ${windowEnd}`
        const before = wanted.get(name) ?? { key, windowStart, windowEnd, rows: 0, total: 0 }
        wanted.set(name, { ...before, rows: before.rows + 1, total: before.total + amount })
      }
    for (const parallelism of [1, 2, 4]) {
      const results: Result[] = []
      const run = await runUnder(seed, parallelism, (env) => {
        const [first, ...others] = sources.map((input) => env.fromCollection(input, SCHEMA).assignTimestampsAndWatermarks(strategy(10)))
        first
          .union(...others)
          .keyBy('key')
          .window(kind.assigner())
          .aggregate({ rows: count(), total: sum('amount') })
          .forEach((row) => results.push({ ...row } as unknown as Result))
      })
      expectSame(results, [...wanted.values()], `${kind.name}, parallelism ${parallelism}`)
      expect(run.lateRecords).toBe(0)
    }
  }),
)

/** Results with the processing time at which they came. */
function timedWindows(
  env: StreamExecutionEnvironment,
  sources: readonly (readonly [string, Parameters<typeof timedSource<Row>>[2], number, number | undefined])[],
  clock: VirtualClock,
  results: [number, number][],
): void {
  const streams = sources.map(([name, arrivals, endMs, idlenessMs]) => {
    const watermarks = WatermarkStrategy.forMonotonousTimestamps<Row>().withTimestampAssigner('at')
    return env
      .from(timedSource<Row>(name, SCHEMA, arrivals, endMs))
      .assignTimestampsAndWatermarks(idlenessMs === undefined ? watermarks : watermarks.withIdleness(idlenessMs))
  })
  const [first, ...others] = streams
  first
    .union(...others)
    .keyBy('key')
    .window(TumblingEventTimeWindows.of(10))
    .aggregate({ rows: count() })
    .forEach((row) => results.push([clock.nowMs(), row.windowEnd]))
}

const at = (atMs: number, id: number = atMs): Row => ({ id, key: 'k', at: atMs, amount: 1 })

test.each([1, 2])('when a source falls silent, then windows wait for it until it is idle, with parallelism %i', async (parallelism) => {
  const silent = [{ atMs: 0, records: [at(1)] }]
  const steady = Array.from({ length: 20 }, (_, index) => ({ atMs: index * 100, records: [at(index * 10)] }))
  for (const idlenessMs of [undefined, 500]) {
    const clock = new VirtualClock()
    const results: [number, number][] = []
    await runJob(
      (env) =>
        timedWindows(
          env,
          [
            ['silent', silent, 10_000, idlenessMs],
            ['steady', steady, 5000, undefined],
          ],
          clock,
          results,
        ),
      { parallelism, seed: 1, clock },
    )
    expect(results.map(([, end]) => end)).toEqual(Array.from({ length: 20 }, (_, index) => index * 10 + 10))
    // The first window ends at 10: the steady source passes that at 100.
    if (idlenessMs === undefined) expect(results[0][0]).toBe(10_000)
    else {
      expect(results[0][0]).toBe(500)
      expect(results[10][0]).toBe(1100)
    }
  }
})

test('when a source wakes up from idleness behind the others, then its records are late only where time has passed', async () => {
  const clock = new VirtualClock()
  const results: [number, number][] = []
  const sleeper = [
    { atMs: 0, records: [at(1)] },
    { atMs: 1000, records: [at(25, 100), at(115, 101)] },
  ]
  const steady = Array.from({ length: 20 }, (_, index) => ({ atMs: index * 100, records: [at(index * 10)] }))
  const run = await runJob(
    (env) =>
      timedWindows(
        env,
        [
          ['sleeper', sleeper, 3000, 300],
          ['steady', steady, 3000, undefined],
        ],
        clock,
        results,
      ),
    { seed: 3, clock },
  )
  expect(run.lateRecords).toBe(1)
})

test('when one source has ended and the other is idle, then time stands still until that one goes on', async () => {
  const bounded = [{ atMs: 0, records: [at(1), at(12)] }]
  const sleeper = [
    { atMs: 0, records: [at(2)] },
    { atMs: 2000, records: [at(30), at(41)] },
  ]
  for (const parallelism of [1, 2])
    for (const endMs of [50, 1000]) {
      const clock = new VirtualClock()
      const results: [number, number][] = []
      const run = await runJob(
        (env) =>
          timedWindows(
            env,
            [
              ['bounded', bounded, endMs, undefined],
              ['sleeper', sleeper, 3000, 300],
            ],
            clock,
            results,
          ),
        { parallelism, seed: 5, clock },
      )
      expect(run.lateRecords, `parallelism ${parallelism}, end at ${endMs}`).toBe(0)
      expect(results.map(([, end]) => end)).toEqual([10, 20, 40, 50])
    }
})

/** A sink that takes nothing until an instant. */
function stallingSink(clock: VirtualClock, untilMs: number, take: (row: Row) => void): Sink {
  return {
    name: 'Stalling',
    needsEventLoop: false,
    parallelismMax: 1,
    describe: () => `nothing before ${untilMs}`,
    createWriter: (schema) => ({
      hasCapacity: () => clock.nowMs() >= untilMs,
      write(batch) {
        for (; batch.begin < batch.end; batch.begin++) take(batch.columns.length as never)
        return schema !== undefined
      },
      flush: () => true,
      finish: () => clock.nowMs() >= untilMs,
      snapshot() {},
      restore() {},
      close() {},
    }),
  }
}

test('a source that is held back by a full channel does not count as idle', async () => {
  // Both sources fill their channels and stand for much longer than the idleness timeout; then one has older records than the other.
  const clock = new VirtualClock()
  const slow = Array.from({ length: 200 }, (_, index) => at(index))
  const quick = Array.from({ length: 200 }, (_, index) => at(index * 10))
  let taken = 0
  const run = await runJob(
    (env) => {
      const watermarks = (): WatermarkStrategy<Row> => WatermarkStrategy.forMonotonousTimestamps<Row>().withTimestampAssigner('at').withIdleness(50)
      env
        .fromCollection(slow, SCHEMA)
        .assignTimestampsAndWatermarks(watermarks())
        .union(env.fromCollection(quick, SCHEMA).assignTimestampsAndWatermarks(watermarks()))
        .keyBy('key')
        .window(TumblingEventTimeWindows.of(10))
        .aggregate({ rows: count() })
        .sinkTo(stallingSink(clock, 10_000, () => taken++))
      // Something else that makes time pass.
      env
        .from(
          timedSource<Row>(
            'clock',
            SCHEMA,
            Array.from({ length: 100 }, (_, index) => ({ atMs: index * 200, records: [at(index)] })),
            20_000,
          ),
        )
        .forEach(() => {})
    },
    { seed: 7, clock, batchRowsMax: 4, ringBytesMax: 2048, stepMs: 1 },
  )
  expect(taken).toBe(200)
  expect(run.lateRecords).toBe(0)
})

test('a processing-time window fires once its last millisecond is over, whatever comes in that one', async () => {
  const arrivals = [
    { atMs: 0, records: [at(1)] },
    { atMs: 999, records: [at(2), at(3), at(4), at(5)] },
    { atMs: 1000, records: [at(6)] },
  ]
  for (let seed = 1; seed < 10; seed++) {
    const seen: [number, number][] = []
    await runJob(
      (env) => {
        env
          .from(timedSource<Row>('timed', SCHEMA, arrivals, 5000))
          .keyBy('key')
          .window(TumblingProcessingTimeWindows.of(1000))
          .apply((_key, window, records) => [[window.end, records.length] as const])
          .forEach((result) => seen.push([...result]))
      },
      { parallelism: 2, seed, clock: new VirtualClock(), batchRowsMax: 1 },
    )
    expect(seen).toEqual([
      [1000, 5],
      [2000, 1],
    ])
  }
})

test('processing-time windows follow the virtual clock', async () => {
  const clock = new VirtualClock()
  const arrivals = Array.from({ length: 30 }, (_, index) => ({ atMs: index * 70, records: [at(index), at(index)] }))
  const seen: [number, number, number][] = []
  await runJob(
    (env) => {
      env
        .from(timedSource<Row>('timed', SCHEMA, arrivals, 5000))
        .keyBy((row) => row.key)
        .window(TumblingProcessingTimeWindows.of(1000))
        .apply((_key, window, records) => [[window.start, window.end, records.length] as const])
        .forEach(([start, end, n]) => seen.push([clock.nowMs() >= end ? start : Number.NaN, end, n]))
    },
    { parallelism: 2, seed: 9, clock },
  )
  const wanted = [0, 1000, 2000].map((start) => [start, start + 1000, arrivals.filter(({ atMs }) => floorTo(atMs, 1000) === start).length * 2])
  expect(seen).toEqual(wanted)
})

test(
  'equal seeds take equal steps',
  overSeeds(20, async (seed, random) => {
    const input = rows(random, 100, 20)
    const traces: string[][] = []
    for (let run = 0; run < 2; run++) {
      const trace: string[] = []
      const { steps } = await runUnder(seed, 1 + (seed % 4), (env) => {
        const tag = new OutputTag<Row>('late', SCHEMA)
        const answers = env
          .fromCollection(input, SCHEMA)
          .assignTimestampsAndWatermarks(strategy(3))
          .filter((row) => row.id % 7 !== 0)
          .rebalance()
          .map((row) => ({ ...row }))
          .returns(COLUMNS)
          .keyBy('key')
          .window(SlidingEventTimeWindows.of(20, 10))
          .sideOutputLateData(tag)
          .aggregate({ rows: count() })
        answers.forEach((row) => trace.push(`${row.key} ${row.windowEnd} ${row.rows}`))
        answers.getSideOutput(tag).forEach((row) => trace.push(`late ${row.id}`))
      })
      traces.push([...trace, `${steps} steps`])
    }
    expect(traces[0]).toEqual(traces[1])
    expect(traces[0].length).toBeGreaterThan(1)
  }),
)

test(
  'a source that is held back for others is not idle: what it brings later is not late',
  overSeeds(6, async (seed) => {
    const fastTimes = Array.from({ length: 100 }, (_, row) => row * 10)
    const slow = [
      { atMs: 0, records: [{ id: 1000, key: 'slow', at: 0, amount: 1 }] },
      { atMs: 500, records: [{ id: 1001, key: 'slow', at: 2000, amount: 1 }] },
    ]
    const program = (env: StreamExecutionEnvironment): void => {
      const strategy = WatermarkStrategy.forMonotonousTimestamps<Row>().withTimestampAssigner('at').withWatermarkAlignment('both', 50)
      const schema = defineSchema(COLUMNS)
      const fast = fastTimes.map((at, id) => ({ id, key: 'fast', at, amount: 1 }))
      env
        .fromSource(timedSource('fast', schema, [{ atMs: 0, records: fast }], 0), strategy.withIdleness(10))
        .union(env.fromSource(timedSource('slow', schema, slow, 500), strategy))
        .keyBy('key')
        .window(TumblingEventTimeWindows.of(100))
        .aggregate({ rows: count() })
        .output('windows')
    }
    const { outputs, lateRecords } = await runUnder(seed, 2, program, { batchRowsMax: 2 })
    expect(lateRecords).toBe(0)
    expect(outputs.get('windows')!.length).toBe(12)
  }),
)

/**
 * One source waits, rows in hand, for another that is far behind in event time and silent for longer than the idleness timeout. Meanwhile
 * neither may count as idle but the silent one, and what the first has read must stay within the drift.
 */
test.each([
  { name: 'chained', parallelism: 1, before: (stream: DataStream<Row>) => stream },
  { name: 'chained', parallelism: 2, before: (stream: DataStream<Row>) => stream },
  {
    name: 'behind an exchange',
    parallelism: 2,
    before: (stream: DataStream<Row>) =>
      stream
        .rebalance()
        .map((row) => ({ ...row }))
        .returns(COLUMNS),
  },
])('a source that alignment holds back does not become idle, with generators $name, parallelism $parallelism', async ({ parallelism, before }) =>
  overSeeds(10, async (seed) => {
    const clock = new VirtualClock()
    const [driftMs, aheadMs, releaseMs] = [50, 5, 1000]
    const quick = Array.from({ length: 200 }, (_, index) => ({ ...at(index * aheadMs), key: 'quick' }))
    const slow = Array.from({ length: 10 }, (_, index) => ({ atMs: index * 90, records: [at(0, index)] }))
    let early = 0
    const results: Result[] = []
    const watermarks = WatermarkStrategy.forMonotonousTimestamps<Row>().withTimestampAssigner('at').withWatermarkAlignment('group', driftMs)
    const run = await runUnder(
      seed,
      parallelism,
      (env) => {
        const first = before(env.from(timedSource('quick', SCHEMA, [{ atMs: 0, records: quick }], releaseMs)))
          .assignTimestampsAndWatermarks(watermarks.withIdleness(200))
          .map((row) => {
            if (clock.nowMs() < releaseMs) early++
            return { ...row }
          })
          .returns(COLUMNS)
        const second = before(
          env.from(timedSource('slow', SCHEMA, [...slow, { atMs: releaseMs, records: [at(2000)] }], releaseMs)),
        ).assignTimestampsAndWatermarks(watermarks)
        first
          .union(second)
          .keyBy('key')
          .window(TumblingEventTimeWindows.of(10))
          .aggregate({ rows: count() })
          .forEach((row) => results.push({ ...row } as unknown as Result))
      },
      { clock, batchRowsMax: 1 + (seed % 4), ringBytesMax: 1024 },
    )
    expect(run.lateRecords).toBe(0)
    expect(results.reduce((total, row) => total + row.rows, 0)).toBe(quick.length + slow.length + 1)
    // What was under way when the limit was reached comes on top.
    expect(early).toBeGreaterThan(driftMs / aheadMs)
    expect(early).toBeLessThan(100)
  })(),
)

test('a source of an alignment group runs ahead by the drift and the batch that passes it, never by another one', () =>
  overSeeds(12, async (seed) => {
    const clock = new VirtualClock()
    const [driftMs, releaseMs] = [20, 1000]
    const batchRowsMax = 1 + ((seed * 7) % 50)
    // A record a millisecond; the other source stands at 0 until it is released.
    const quick = Array.from({ length: 200 }, (_, index) => ({ ...at(index), key: 'quick' }))
    const slow = [
      { atMs: 0, records: [at(0)] },
      { atMs: releaseMs, records: [at(2000)] },
    ]
    let aheadMs = 0
    const watermarks = strategy(0).withWatermarkAlignment('group', driftMs)
    await runUnder(
      seed,
      1,
      (env) => {
        const first = env.fromSource(timedSource('quick', SCHEMA, [{ atMs: 0, records: quick }], releaseMs), watermarks)
        first.forEach((row) => {
          if (clock.nowMs() < releaseMs) aheadMs = Math.max(aheadMs, row.at)
        })
        env.fromSource(timedSource('slow', SCHEMA, slow, releaseMs), watermarks).forEach(() => {})
      },
      { clock, batchRowsMax },
    )
    expect(aheadMs).toBeGreaterThan(driftMs)
    expect(aheadMs).toBeLessThanOrEqual(driftMs + batchRowsMax)
  })())

test('two alignment groups behind one source are refused', async () => {
  await expect(
    runJob((env) => {
      const source = env.fromCollection([at(1)], SCHEMA).name('Orders')
      for (const group of ['a', 'b'])
        source
          .map((row) => ({ ...row }))
          .returns(COLUMNS)
          .assignTimestampsAndWatermarks(strategy(0).withWatermarkAlignment(group, 10))
          .print()
    }),
  ).rejects.toThrow('Cannot align "Orders": it feeds the alignment groups "a" and "b"')
})
