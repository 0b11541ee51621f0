// Functions that take their time: a step ends behind the first row (or timer) that took a millisecond, and the answers stay the same.
import { expect, test } from 'vitest'
import type { StreamExecutionEnvironment } from '../../src/api/datastream/environment.ts'
import { OutputTag } from '../../src/api/datastream/stream.ts'
import { VirtualClock } from '../../src/base/clock.ts'
import type { Random } from '../../src/base/random.ts'
import { defineSchema, t } from '../../src/batch/types.ts'
import { TumblingEventTimeWindows } from '../../src/operator/window/assigners.ts'
import { runJob } from '../../src/testing/run-job.ts'
import { WatermarkStrategy } from '../../src/time/watermark-strategy.ts'
import { overSeeds, sorted } from './simulation.ts'

const schema = defineSchema({ key: t.string(), value: t.int(), at: t.timestamp(3) })
interface Row {
  readonly key: string
  readonly value: number
  readonly at: number
}
type Program = (env: StreamExecutionEnvironment, rows: readonly Row[], work: () => void) => void

const late = new OutputTag('late', schema)
const byColumn = WatermarkStrategy.forBoundedOutOfOrderness<Row>(20).withTimestampAssigner('at')

/** Each calls `work` in its user functions. */
const programs: Readonly<Record<string, Program>> = {
  'map, filter and flatMap in one loop': (env, rows, work) => {
    env
      .fromCollection(rows, schema)
      .assignTimestampsAndWatermarks(byColumn)
      .map((row) => (work(), row.value))
      .filter((value) => value % 3 !== 0)
      .flatMap((value) => [value, -value])
      .output('out')
  },
  'filter alone': (env, rows, work) => {
    env
      .fromCollection(rows, schema)
      .assignTimestampsAndWatermarks(byColumn)
      .filter((row) => (work(), row.value % 3 !== 0))
      .keyBy('key')
      .window(TumblingEventTimeWindows.of(50))
      .aggregate({ createAccumulator: () => 0, add: (row, sum) => sum + row.value, getResult: (sum) => sum })
      .output('out')
  },
  'filter that all rows pass': (env, rows, work) => {
    env
      .fromCollection(rows, schema)
      .filter(() => (work(), true))
      .map((row) => row.value)
      .output('out')
  },
  'key function': (env, rows, work) => {
    env
      .fromCollection(rows, schema)
      .filter((row) => row.value % 5 !== 0)
      .keyBy((row) => (work(), row.key))
      .reduce((left, right) => ({ ...right, value: left.value + right.value }))
      .map((row) => `${row.key} ${row.value}`)
      .output('out')
  },
  'computed column': (env, rows, work) => {
    env
      .fromCollection(rows, schema)
      .assignTimestampsAndWatermarks(byColumn)
      .withColumn('twice', t.int(), (row) => (work(), row.value * 2))
      .keyBy('key')
      .window(TumblingEventTimeWindows.of(50))
      .reduce((left, right) => ({ ...right, twice: left.twice + right.twice }))
      .map((row) => `${row.key} ${row.twice}`)
      .output('out')
  },
  'timestamp function and late records': (env, rows, work) => {
    const strategy = WatermarkStrategy.forBoundedOutOfOrderness<Row>(5).withTimestampAssigner((row) => (work(), row.at))
    const counts = env
      .fromCollection(rows, schema)
      .assignTimestampsAndWatermarks(strategy)
      .keyBy('key')
      .window(TumblingEventTimeWindows.of(30))
      .sideOutputLateData(late)
      .process({
        process(key, context, elements, out) {
          work()
          out.collect(`${key} ${context.window.start} ${elements.length}`)
        },
      })
    counts.output('out')
    counts
      .getSideOutput(late)
      .map((row) => `${row.key} ${row.at}`)
      .output('late')
  },
  'watermark generator': (env, rows, work) => {
    const strategy = WatermarkStrategy.forGenerator<Row>(() => ({
      onEvent(_, timestampMs) {
        work()
        return timestampMs - 5
      },
    })).withTimestampAssigner('at')
    env
      .fromCollection(rows, schema)
      .assignTimestampsAndWatermarks(strategy)
      .keyBy('key')
      .process({ processElement: (row, context, out) => out.collect(`${row.at} ${context.currentWatermark()}`) })
      .output('out')
  },
  'process function with timers': (env, rows, work) => {
    env
      .fromCollection(rows, schema)
      .assignTimestampsAndWatermarks(byColumn)
      .keyBy('key')
      .process({
        processElement(row, context, out) {
          work()
          context.timerService.registerEventTimeTimer(row.at + 10)
          out.collect(`${row.key} ${row.value}`)
        },
        onTimer(timeMs, context, out) {
          work()
          out.collect(`${context.getCurrentKey()} timer ${timeMs} at ${context.currentWatermark()}`)
        },
      })
      .output('out')
  },
  'windows with many keys': (env, rows, work) => {
    env
      .fromCollection(rows, schema)
      .assignTimestampsAndWatermarks(byColumn)
      .keyBy('value')
      .window(TumblingEventTimeWindows.of(100))
      .process({
        process(key, context, elements, out) {
          work()
          out.collect(`${key} ${context.window.start} ${elements.length}`)
        },
      })
      .output('out')
  },
}

const ROWS = 60

function randomRows(random: Random): Row[] {
  let at = 0
  return Array.from({ length: ROWS }, () => {
    at += random.integer(12)
    return { key: 'abc'[random.integer(3)], value: random.integer(40), at: at - random.integer(15) }
  })
}

/** What each output gets, in a fixed order, and how many steps it took for how many calls of `work`. */
async function runWith(
  program: Program,
  rows: readonly Row[],
  seed: number,
  workMs: () => number,
): Promise<{ outputs: unknown; steps: number; calls: number }> {
  const clock = new VirtualClock()
  let calls = 0
  const work = (): void => {
    calls++
    clock.advanceMs(workMs())
  }
  const { outputs, steps } = await runJob((env) => program(env, rows, work), { clock, seed })
  return { outputs: new Map([...outputs].map(([name, records]) => [name, sorted(records)])), steps, calls }
}

test.each(Object.keys(programs))('%s: slow ones answer like fast ones, one call a step', async (name) => {
  const program = programs[name]
  await overSeeds(20, async (seed, random) => {
    const rows = randomRows(random)
    const fast = await runWith(program, rows, seed, () => 0)
    expect(fast.calls).toBeGreaterThanOrEqual(ROWS / 3)
    const slow = await runWith(program, rows, seed, () => 2)
    expect(slow.outputs).toEqual(fast.outputs)
    // In a step each operator of a chain may make a call: two of them are slow at most.
    expect(slow.steps * 2).toBeGreaterThan(slow.calls)
    expect(fast.steps).toBeLessThan(slow.steps)
    const uneven = await runWith(program, rows, seed, () => random.integer(3) / 3)
    expect(uneven.outputs).toEqual(fast.outputs)
  })()
})
