// Operators with two inputs, windows over windows, and calls that take their time.
import { expect, test } from 'vitest'
import type { DataStream } from '../../src/api/datastream/data-stream.ts'
import type { StreamExecutionEnvironment } from '../../src/api/datastream/environment.ts'
import { AsyncDataStream } from '../../src/api/datastream/async-data-stream.ts'
import type { Random } from '../../src/base/random.ts'
import { defineSchema, t } from '../../src/batch/types.ts'
import { SlidingEventTimeWindows, TumblingEventTimeWindows } from '../../src/operator/window/assigners.ts'
import { count, sum } from '../../src/operator/window/slice-aggregates.ts'
import { mapState } from '../../src/state/state.ts'
import { WatermarkStrategy } from '../../src/time/watermark-strategy.ts'
import { expectSame, pick, runUnder, overSeeds } from './simulation.ts'

const COLUMNS = { id: t.int(), key: t.int(), at: t.safeInt() }
const SCHEMA = defineSchema(COLUMNS)
interface Row {
  readonly id: number
  readonly key: number
  readonly at: number
}

const DISORDER_MS = 8

function rows(random: Random, count: number): Row[] {
  let atMs = 0
  return Array.from({ length: count }, (_, id) => ({ id, key: random.integer(4), at: (atMs += random.integer(7)) - random.integer(DISORDER_MS) }))
}

const from = (env: StreamExecutionEnvironment, input: readonly Row[]): DataStream<Row> =>
  env.fromCollection(input, SCHEMA).assignTimestampsAndWatermarks(WatermarkStrategy.forBoundedOutOfOrderness<Row>(DISORDER_MS).withTimestampAssigner('at'))

test(
  'joins by window and by interval pair what their definitions pair, at every parallelism',
  overSeeds(40, async (seed, random) => {
    const [left, right] = [rows(random, random.integer(60)), rows(random, random.integer(60))]
    const windowOf = (row: Row): number => Math.floor(row.at / 20)
    const pairs = (matches: (one: Row, other: Row) => boolean): string[] =>
      left.flatMap((one) => right.filter((other) => one.key === other.key && matches(one, other)).map((other) => `${one.id}-${other.id}`))
    for (const parallelism of [1, 2, 4]) {
      const [windowed, between]: [string[], string[]] = [[], []]
      const run = await runUnder(seed, parallelism, (env) => {
        const [one, other] = [from(env, left).keyBy((row) => row.key), from(env, right).keyBy((row) => row.key)]
        one
          .join(other)
          .where((row) => row.key)
          .equalTo((row) => row.key)
          .window(TumblingEventTimeWindows.of(20))
          .apply((first, second) => `${first.id}-${second.id}`)
          .forEach((pair) => windowed.push(pair))
        one
          .intervalJoin(other)
          .between(-5, 10)
          .process<string>({ processElement: (first, second, _context, out) => out.collect(`${first.id}-${second.id}`) })
          .forEach((pair) => between.push(pair))
      })
      expect(run.lateRecords).toBe(0)
      expectSame(
        windowed,
        pairs((one, other) => windowOf(one) === windowOf(other)),
        `window join, parallelism ${parallelism}`,
      )
      expectSame(
        between,
        pairs((one, other) => other.at >= one.at - 5 && other.at <= one.at + 10),
        `interval join, parallelism ${parallelism}`,
      )
    }
  }),
)

test(
  'windows over the results of windows lose nothing',
  overSeeds(30, async (seed, random) => {
    const input = rows(random, 1 + random.integer(150))
    const minutes = new Map<string, { windowEnd: number; parts: number; total: number }>()
    const small = new Map<string, number>()
    for (const { key, at } of input) {
      const end = Math.floor(at / 10) * 10 + 10
      small.set(`${key} ${end}`, (small.get(`${key} ${end}`) ?? 0) + 1)
    }
    for (const [name, total] of small) {
      const end = Number(name.split(' ')[1])
      for (const later of [0, 20, 40]) {
        const windowEnd = Math.floor((end - 1) / 20) * 20 + 20 + later
        const before = minutes.get(String(windowEnd)) ?? { windowEnd, parts: 0, total: 0 }
        minutes.set(String(windowEnd), { windowEnd, parts: before.parts + 1, total: before.total + total })
      }
    }
    for (const parallelism of [1, 2, 4]) {
      const results: unknown[] = []
      const run = await runUnder(seed, parallelism, (env) => {
        from(env, input)
          .keyBy('key')
          .window(TumblingEventTimeWindows.of(10))
          .aggregate({ n: count() })
          .map((row) => ({ all: 0, n: row.n }))
          .returns({ all: t.int(), n: t.safeInt() })
          .keyBy('all')
          .window(SlidingEventTimeWindows.of(60, 20))
          .aggregate({ parts: count(), total: sum('n') })
          .forEach(({ windowEnd, parts, total }) => results.push({ windowEnd, parts, total }))
      })
      expect(run.lateRecords).toBe(0)
      expectSame(results, [...minutes.values()], `parallelism ${parallelism}`)
    }
  }),
)

test(
  'broadcast rules reach every subtask',
  overSeeds(30, async (seed, random) => {
    const input = rows(random, random.integer(100))
    const rules = Array.from({ length: 6 }, (_, key) => key)
    const parallelism = pick(random, [1, 2, 4])
    const seen: string[] = []
    let builds = 0
    await runUnder(seed, parallelism, (env) => {
      const at = builds++
      const descriptor = mapState<number, number>('rules')
      const broadcast = env.fromCollection(rules).broadcast(descriptor)
      from(env, input)
        .keyBy('key')
        .connect(broadcast)
        .process<string>({
          processElement: (row, _context, out) => out.collect(`row ${row.id}`),
          processBroadcastElement(rule, context, out) {
            context.getBroadcastState(descriptor).put(rule, at)
            out.collect(`rule ${rule} at ${at}`)
          },
        })
        .forEach((text) => seen.push(text))
    })
    const everywhere = rules.flatMap((rule) => Array.from({ length: parallelism }, (_, at) => `rule ${rule} at ${at}`))
    expect(seen.length).toBe(input.length + everywhere.length)
    expectSame(seen, [...input.map(({ id }) => `row ${id}`), ...everywhere], `parallelism ${parallelism}`)
  }),
)

test(
  'asynchronous calls answer each record once, in order where that was asked',
  overSeeds(20, async (seed, random) => {
    const input = rows(random, 1 + random.integer(60))
    const delays = input.map(() => random.integer(4))
    const ordered: number[] = []
    const unordered: number[] = []
    const windows: unknown[] = []
    const answer = async (row: Row): Promise<number> => {
      for (let turn = 0; turn < delays[row.id]; turn++) await new Promise(setImmediate)
      return row.id
    }
    const run = await runUnder(seed, pick(random, [1, 2]), (env) => {
      AsyncDataStream.orderedWait(from(env, input), answer, { capacity: 3 })
        .setParallelism(1)
        .forEach((id) => ordered.push(id))
        .setParallelism(1)
      const answers = AsyncDataStream.unorderedWait(from(env, input), answer, { capacity: 5 })
      answers.forEach((id) => unordered.push(id))
      answers
        .map((id) => ({ id }))
        .returns({ id: t.int() })
        .keyBy((row) => row.id % 2)
        .window(TumblingEventTimeWindows.of(20))
        .aggregate({ n: count() })
        .forEach((row) => windows.push(row.n))
    })
    expect(ordered).toEqual(input.map(({ id }) => id))
    expectSame(
      unordered,
      input.map(({ id }) => id),
      'unordered',
    )
    // Nothing overtakes the watermark that it came before.
    expect(run.lateRecords).toBe(0)
    expect(windows.reduce((total: number, n) => total + (n as number), 0)).toBe(input.length)
  }),
)
