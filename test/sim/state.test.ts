import { expect, test } from 'vitest'
import { StreamExecutionEnvironment } from '../../src/api/datastream/environment.ts'
import { t } from '../../src/batch/types.ts'
import type { KeyedProcessFunction } from '../../src/operator/function.ts'
import { valueState, type ValueState } from '../../src/state/state.ts'
import { WatermarkStrategy } from '../../src/time/watermark-strategy.ts'
import { runJob } from '../../src/testing/run-job.ts'
import { expectSame, overSeeds, pick, type Row, runUnder, SCHEMA } from './simulation.ts'

/** Counts the records of each key; a timer 10 ms behind each record tells how many there were by then. */
function counter(): KeyedProcessFunction<string, Row, string> {
  let seen: ValueState<number>
  return {
    open: (context) => void (seen = context.getState(valueState('seen', t.int()))),
    processElement(row, context, out) {
      seen.update((seen.value() ?? 0) + 1)
      context.timerService.registerEventTimeTimer(row.at + 10)
      out.collect(`${row.key} has ${seen.value()} with ${row.id}`)
    },
    onTimer: (timeMs, context, out) => out.collect(`${context.getCurrentKey()} had ${seen.value()} at ${timeMs}`),
  }
}

/** The answers when records come in order and each time passes before the next one. */
function model(input: readonly Row[]): string[] {
  const answers: string[] = []
  const counts = new Map<string, number>()
  const timers = new Map<string, Set<number>>()
  const pass = (watermarkMs: number): void => {
    for (const [key, times] of timers)
      for (const timeMs of [...times].sort((a, b) => a - b)) {
        if (timeMs > watermarkMs) continue
        times.delete(timeMs)
        answers.push(`${key} had ${counts.get(key)} at ${timeMs}`)
      }
  }
  for (const { id, key, at } of input) {
    counts.set(key, (counts.get(key) ?? 0) + 1)
    answers.push(`${key} has ${counts.get(key)} with ${id}`)
    timers.set(key, (timers.get(key) ?? new Set()).add(at + 10))
    pass(at - 1)
  }
  pass(Infinity)
  return answers
}

test(
  'functions with state and timers answer alike at every parallelism',
  overSeeds(40, async (seed, random) => {
    let atMs = 0
    const input = Array.from({ length: 1 + random.integer(150) }, (_, id) => ({ id, key: `k${random.integer(6)}`, at: (atMs += random.integer(7)) }))
    const byColumn = random.integer(2) === 0
    const define = (env: StreamExecutionEnvironment, answers: string[] | undefined, sums: number[]): void => {
      const stream = env
        .fromCollection(input, SCHEMA)
        .assignTimestampsAndWatermarks(WatermarkStrategy.forMonotonousTimestamps<Row>().withTimestampAssigner('at'))
      const keyed = byColumn ? stream.keyBy('key') : stream.keyBy((row) => row.key)
      if (answers !== undefined) keyed.process(counter()).forEach((answer) => answers.push(answer))
      keyed.sum('id').forEach((row) => sums.push(row.id))
    }
    const running = new Map<string, number>()
    const wanted = input.map(({ id, key }) => {
      running.set(key, (running.get(key) ?? 0) + id)
      return running.get(key)!
    })
    const parallelism = pick(random, [1, 2, 4])
    const [answers, sums]: [string[], number[]] = [[], []]
    await runUnder(seed, parallelism, (env) => define(env, answers, sums))
    expect(answers.length).toBeGreaterThanOrEqual(input.length)
    expectSame(answers, model(input), `parallelism ${parallelism}`)
    expectSame(sums, wanted, `sums, parallelism ${parallelism}`)
    // One environment for all subtasks, as on the calling thread: our own functions keep nothing in the graph.
    const env = new StreamExecutionEnvironment()
    sums.length = 0
    define(env, undefined, sums)
    await runJob(env, { parallelism, seed, batchRowsMax: 5 })
    expectSame(sums, wanted, `sums, parallelism ${parallelism}, one environment`)
  }),
)
