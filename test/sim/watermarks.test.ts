// Where time comes from: each kind of watermark strategy in whole jobs, under a virtual clock.
import { describe, expect, test } from 'vitest'
import { AsyncDataStream } from '../../src/api/datastream/async-data-stream.ts'
import type { DataStream } from '../../src/api/datastream/data-stream.ts'
import { VirtualClock } from '../../src/base/clock.ts'
import { defineSchema, t } from '../../src/batch/types.ts'
import { nexmarkSource } from '../../src/connector/nexmark/nexmark-source.ts'
import { TumblingEventTimeWindows } from '../../src/operator/window/assigners.ts'
import { count } from '../../src/operator/window/slice-aggregates.ts'
import { runJob, type RunJobOptions } from '../../src/testing/run-job.ts'
import { WatermarkStrategy } from '../../src/time/watermark-strategy.ts'
import { overSeeds, pick, runUnder } from './simulation.ts'
import { type Arrival, timedSource } from './timed-source.ts'

const COLUMNS = { id: t.int(), at: t.safeInt() }
const SCHEMA = defineSchema(COLUMNS)
interface Row {
  readonly id: number
  readonly at: number
}
const row = (at: number, id: number = at): Row => ({ id, at })

interface Result {
  /** Processing time at which it came. */
  readonly nowMs: number
  readonly windowEnd: number
  readonly rows: number
}

/** Counts of tumbling windows of 10 ms. */
async function windowsOf(
  arrivals: readonly Arrival<Row>[],
  endMs: number,
  strategy: WatermarkStrategy<Row>,
  options: RunJobOptions = {},
): Promise<{ readonly results: Result[]; readonly late: number }> {
  const clock = new VirtualClock()
  const results: Result[] = []
  const run = await runJob(
    (env) => {
      env
        .from(timedSource('timed', SCHEMA, arrivals, endMs))
        .assignTimestampsAndWatermarks(strategy)
        .windowAll(TumblingEventTimeWindows.of(10))
        .aggregate({ rows: count() })
        .forEach(({ windowEnd, rows }) => results.push({ nowMs: clock.nowMs(), windowEnd, rows }))
    },
    { seed: 1, clock, ...options },
  )
  return { results, late: run.lateRecords }
}

describe('a generator that follows the clock', () => {
  const once = [{ atMs: 0, records: [row(3), row(15)] }]
  const behind = (asked: number[] = []): WatermarkStrategy<Row> =>
    WatermarkStrategy.forGenerator<Row>(() => ({
      onEvent: () => undefined,
      onPeriodicEmit(nowMs) {
        asked.push(nowMs)
        return nowMs - 100
      },
    })).withTimestampAssigner('at')

  test('moves a stream that is silent, as often as the interval says', async () => {
    for (const [interval, first, second] of [
      [undefined, 200, 200],
      ['50', 150, 150],
      ['10', 110, 120],
    ] as const) {
      const options = interval === undefined ? {} : { options: { 'pipeline.auto-watermark-interval': interval } }
      const { results } = await windowsOf(once, 10_000, behind(), options)
      expect(results).toEqual([
        { nowMs: first, windowEnd: 10, rows: 1 },
        { nowMs: second, windowEnd: 20, rows: 1 },
      ])
    }
  })

  test('is not asked at an interval of 0, nor while the stream is idle', async () => {
    const never: number[] = []
    const { results } = await windowsOf(once, 10_000, behind(never), { options: { 'pipeline.auto-watermark-interval': '0' } })
    expect(never).toEqual([])
    expect(results.map(({ nowMs }) => nowMs)).toEqual([10_000, 10_000])
    const asked: number[] = []
    await windowsOf([...once, { atMs: 5000, records: [row(6000)] }], 10_000, behind(asked).withIdleness(1000))
    expect(asked.filter((nowMs) => nowMs > 1000 && nowMs < 5000)).toEqual([])
    expect(asked.filter((nowMs) => nowMs > 5000 && nowMs <= 6000).length).toBeGreaterThan(3)
  })

  test('is asked before there is a record', async () => {
    const { late } = await windowsOf([{ atMs: 1000, records: [row(600), row(950)] }], 2000, behind())
    // By 1000 the watermark is 700 at least.
    expect(late).toBe(1)
  })

  test('fails the job with what it throws', async () => {
    const failing = WatermarkStrategy.forGenerator<Row>(() => ({
      onEvent: () => undefined,
      onPeriodicEmit() {
        throw new Error('no clock')
      },
    })).withTimestampAssigner('at')
    await expect(windowsOf(once, 1000, failing)).rejects.toThrow('no clock')
  })
})

test('ingestion time is when a record comes in, whatever it says of itself', async () => {
  const arrivals = [
    { atMs: 3, records: [row(900), row(1)] },
    { atMs: 14, records: [row(2)] },
    { atMs: 29, records: [row(3)] },
  ]
  const { results, late } = await windowsOf(arrivals, 100, WatermarkStrategy.forIngestionTime<Row>())
  expect(late).toBe(0)
  expect(results).toEqual([
    { nowMs: 14, windowEnd: 10, rows: 2 },
    { nowMs: 29, windowEnd: 20, rows: 1 },
    { nowMs: 100, windowEnd: 30, rows: 1 },
  ])
})

test('without watermarks time stands still until the end, and nothing is late', async () => {
  const arrivals = [
    { atMs: 0, records: [row(500), row(3)] },
    { atMs: 50, records: [row(1), row(12)] },
  ]
  const { results, late } = await windowsOf(arrivals, 100, WatermarkStrategy.noWatermarks<Row>().withTimestampAssigner('at'))
  expect(late).toBe(0)
  expect(results).toEqual([
    { nowMs: 100, windowEnd: 10, rows: 2 },
    { nowMs: 100, windowEnd: 20, rows: 1 },
    { nowMs: 100, windowEnd: 510, rows: 1 },
  ])
})

describe('the timestamps that records have', () => {
  test('are those of a source that gives them', async () => {
    const bids = nexmarkSource({ eventCount: 3000, eventRate: 1000, table: 'bid' })
    const windows = async (strategy: WatermarkStrategy<unknown>): Promise<unknown[]> => {
      const results: unknown[] = []
      await runJob((env) => {
        env
          .from(bids)
          .assignTimestampsAndWatermarks(strategy)
          .windowAll(TumblingEventTimeWindows.of(500))
          .aggregate({ rows: count() })
          .forEach((result) => results.push({ ...result }))
      })
      return results
    }
    const own = await windows(WatermarkStrategy.forMonotonousTimestamps<unknown>())
    expect(own.length).toBeGreaterThan(3)
    expect(own).toEqual(
      await windows(WatermarkStrategy.forMonotonousTimestamps<unknown>().withTimestampAssigner((bid) => (bid as { readonly dateTime: number }).dateTime)),
    )
  })

  test('are those of an earlier strategy, or of windows', async () => {
    const ends: number[] = []
    await runJob((env) => {
      const stream = env
        .fromCollection([row(1), row(12), row(25)], SCHEMA)
        .assignTimestampsAndWatermarks(WatermarkStrategy.forMonotonousTimestamps<Row>().withTimestampAssigner('at'))
      stream
        .assignTimestampsAndWatermarks(WatermarkStrategy.forBoundedOutOfOrderness<Row>(5))
        .windowAll(TumblingEventTimeWindows.of(10))
        .aggregate({ rows: count() })
        .assignTimestampsAndWatermarks(WatermarkStrategy.forMonotonousTimestamps())
        .windowAll(TumblingEventTimeWindows.of(20))
        .aggregate({ windows: count() })
        .forEach(({ windowEnd, windows }) => ends.push(windowEnd, windows))
    })
    expect(ends).toEqual([20, 2, 40, 1])
  })

  const strategy = WatermarkStrategy.forMonotonousTimestamps<Row>()
  const REFUSED: Record<string, (stream: DataStream<Row>) => DataStream<Row>> = {
    'a source': (stream) => stream,
    'a function': (stream) => stream.map((record) => ({ ...record })).returns(COLUMNS),
    'a union with timestamps in one stream only': (stream) => stream.union(stream.assignTimestampsAndWatermarks(strategy.withTimestampAssigner('at'))),
  }
  test.each(Object.keys(REFUSED))('are refused where there are none: %s', async (name) => {
    const job = runJob((env) => {
      REFUSED[name](env.fromCollection([row(1)], SCHEMA))
        .assignTimestampsAndWatermarks(strategy)
        .print()
    })
    await expect(job).rejects.toThrow('have no timestamps')
    await expect(job).rejects.toMatchObject({ code: 'NO_TIMESTAMP' })
  })
})

describe('splits that are read by turns', () => {
  const monotonous = WatermarkStrategy.forMonotonousTimestamps<Row>().withTimestampAssigner('at')

  test(
    'have a watermark each: the slowest counts, and nothing is late whatever comes first',
    overSeeds(40, async (seed, random) => {
      const rows = [1, 2, 3].flatMap((split) => {
        let at = random.integer(200)
        return Array.from({ length: random.integer(40) }, () => ({ split, at: (at += random.integer(9)), nowMs: random.integer(1000) }))
      })
      // In order within a split, any order between them.
      const times = rows.map(({ nowMs }) => nowMs).toSorted((left, right) => left - right)
      const left = [1, 2, 3].map((split) => rows.filter((one) => one.split === split))
      const arrivals = times.map((atMs): Arrival<Row> => {
        const queue = pick(
          random,
          left.filter((list) => list.length > 0),
        )
        const { split, at } = queue.shift()!
        return { atMs, split, records: [row(at)] }
      })
      const { results, late } = await windowsOf(arrivals, 2000, monotonous, { seed, batchRowsMax: 2 })
      expect(late).toBe(0)
      const wanted = new Map<number, number>()
      for (const { at } of rows) wanted.set(Math.floor(at / 10) * 10 + 10, (wanted.get(Math.floor(at / 10) * 10 + 10) ?? 0) + 1)
      expect(results.map(({ windowEnd, rows: n }) => [windowEnd, n])).toEqual([...wanted].toSorted(([one], [other]) => one - other))
      // A window fires when the last of the splits that have rows has passed it.
      const splits = new Set(arrivals.map(({ split }) => split))
      for (const { windowEnd, nowMs } of results) {
        const passed = [...splits].map((split) => arrivals.find((one) => one.split === split && one.records[0].at >= windowEnd)?.atMs ?? 2000)
        expect(nowMs).toBe(Math.max(...passed))
      }
    }),
  )

  test('become idle one by one', async () => {
    const arrivals: Arrival<Row>[] = [
      { atMs: 0, split: 1, records: [row(1)] },
      { atMs: 0, split: 2, records: [row(2)] },
      ...Array.from({ length: 10 }, (_, index) => ({ atMs: 100 + index * 100, split: 1, records: [row(10 + index * 10)] })),
      // Behind where time has come to without it, then ahead.
      { atMs: 1050, split: 2, records: [row(30), row(205)] },
      { atMs: 1100, split: 1, records: [row(150)] },
    ]
    const { results, late } = await windowsOf(arrivals, 5000, monotonous.withIdleness(300))
    // Until 300 the second split holds the first window back.
    expect(results.slice(0, 3).map(({ nowMs, windowEnd }) => [nowMs, windowEnd])).toEqual([
      [300, 10],
      [300, 20],
      [300, 30],
    ])
    expect(late).toBe(1)
    expect(results.find(({ windowEnd }) => windowEnd === 110)!.nowMs).toBe(1100)
  })

  test('are asked one by one for watermarks that follow the clock', async () => {
    let generators = 0
    const strategy = WatermarkStrategy.forGenerator<Row>(() => {
      const lagMs = generators++ === 2 ? 100 : 10
      return { onEvent: () => undefined, onPeriodicEmit: (nowMs) => nowMs - lagMs }
    }).withTimestampAssigner('at')
    const arrivals = [1, 2].map((split): Arrival<Row> => ({ atMs: 5, split, records: [row(5)] }))
    const { results } = await windowsOf(arrivals, 5000, strategy, { options: { 'pipeline.auto-watermark-interval': '10' } })
    expect(results).toEqual([{ nowMs: 110, windowEnd: 10, rows: 2 }])
  })
})

test(
  'a later strategy replaces the watermarks of an earlier one, on whatever way they come',
  overSeeds(20, async (seed, random) => {
    const input = Array.from({ length: 60 }, (_, id) => row(id * 3 - random.integer(10), id))
    const late = new Set<number>()
    let watermarkMs = -Infinity
    const kept = input.filter(({ id }) => id % 4 !== 0)
    for (const { id, at } of kept) {
      if (Math.floor(at / 10) * 10 + 9 <= watermarkMs) late.add(id)
      watermarkMs = Math.max(watermarkMs, at - 3)
    }
    // One subtask each, so that records stay in order.
    const keep = (stream: DataStream<Row>): DataStream<Row> => stream.filter(({ id }) => id % 4 !== 0).setParallelism(1)
    const between: ((stream: DataStream<Row>) => DataStream<Row>)[] = [
      keep,
      (stream) => keep(stream).disableChaining(),
      (stream) =>
        AsyncDataStream.orderedWait(keep(stream), async (record) => record)
          .setParallelism(1)
          .returns(COLUMNS),
    ]
    for (const parallelism of [1, 2])
      for (const pass of between) {
        let rows = 0
        const run = await runUnder(seed, parallelism, (env) => {
          // The first strategy's watermarks are far ahead: were one to come through, records would be late.
          const first = WatermarkStrategy.forGenerator<Row>(() => ({ onEvent: (_record, at) => at + 1000 })).withTimestampAssigner('at')
          pass(env.fromCollection(input, SCHEMA).assignTimestampsAndWatermarks(first))
            .assignTimestampsAndWatermarks(WatermarkStrategy.forBoundedOutOfOrderness<Row>(2).withTimestampAssigner('at'))
            .windowAll(TumblingEventTimeWindows.of(10))
            .aggregate({ rows: count() })
            .forEach((result) => (rows += result.rows))
        })
        expect(run.lateRecords).toBe(late.size)
        expect(rows).toBe(kept.length - late.size)
      }
  }),
)
