// Jobs whose barriers overtake records, at once or after a while, under back pressure: what was in flight is part of the checkpoint, and comes once.
import { expect, test } from 'vitest'
import type { DataStream } from '../../src/api/datastream/data-stream.ts'
import type { StreamExecutionEnvironment } from '../../src/api/datastream/environment.ts'
import { Random } from '../../src/base/random.ts'
import { t } from '../../src/batch/types.ts'
import type { KeyedProcessFunction } from '../../src/operator/function.ts'
import { compileRowReader } from '../../src/operator/row-code.ts'
import type { CommittingSinkWriter, Sink } from '../../src/operator/sink.ts'
import { TumblingEventTimeWindows } from '../../src/operator/window/assigners.ts'
import { count, sum } from '../../src/operator/window/slice-aggregates.ts'
import { valueState, type ValueState } from '../../src/state/state.ts'
import { runJob, type RunJobOptions } from '../../src/testing/run-job.ts'
import { crashAndCompare, type CrashCourse, Delivered, JOBS, ordered, randomInput, RESTORES_MIN } from './crashes.ts'
import { overSeeds, pick, type Row, runUnder, SCHEMA } from './simulation.ts'

/** Unaligned at once or after some steps; rings and batches so small that nearly everything waits. */
function underPressure(random: Random): { readonly options: RunJobOptions; readonly isBlocked: () => boolean } {
  const spells = new Random(random.uint32())
  let left = 0
  return {
    options: {
      stepMs: 1,
      ringBytesMax: pick(random, [512, 1024, 4096]),
      options: {
        'execution.checkpointing.unaligned.enabled': 'true',
        'execution.checkpointing.aligned-checkpoint-timeout': String(pick(random, [0, 0, 1, 20, 200])),
      },
    },
    // Now and then the sink takes nothing for long.
    isBlocked: () => {
      if (left > 0) left--
      else if (spells.integer(20) === 0) left = spells.integer(60)
      return left > 0
    },
  }
}

/** Counts what has come of a key; a timer says only when it was due. */
function counting(): KeyedProcessFunction<string, Row, string> {
  let seen: ValueState<number>
  return {
    open(context) {
      seen = context.getState(valueState('seen', t.int()))
    },
    processElement({ id, key, at }, context, out) {
      seen.update((seen.value() ?? 0) + 1)
      context.timerService.registerEventTimeTimer(at + 10)
      out.collect(`${key} has ${seen.value()} with ${id}`)
    },
    onTimer: (timeMs, context, out) => out.collect(`${context.getCurrentKey()} at ${timeMs}`),
  }
}

/**
 * Windows that overlap cannot move while their subtasks stand at different times; and at another parallelism timers are late for records that were in
 * flight, since what watermarks say of those is told again behind them.
 */
const STAYING = new Set(['windows in columns', 'functions with state and timers'])

/** Jobs of several hops and inputs, beside those that others crash too. */
const WIDER: Readonly<Record<string, (rows: DataStream<Row>, sink: Sink) => void>> = {
  ...JOBS,
  'functions whose timers see no state': (rows, sink) => void rows.keyBy('key').process(counting()).sinkTo(sink),
  'records that pass many exchanges': (rows, sink) =>
    void rows
      .rebalance()
      .map((row) => ({ ...row, at: row.at + 1 }))
      .keyBy((row) => row.id % 7)
      .map((row) => ({ ...row, id: row.id * 2 }))
      .rescale()
      .flatMap((row, out) => {
        for (let copy = 0; copy < 3; copy++) out.collect(`${row.key} ${row.id} ${copy}`)
      })
      .rebalance()
      .sinkTo(sink),
  'a union in front of windows': (rows, sink) =>
    void rows
      .filter((row) => row.id % 3 === 0)
      .rebalance()
      .union(rows.filter((row) => row.id % 3 > 0))
      .keyBy('key')
      .window(TumblingEventTimeWindows.of(20))
      .aggregate({ rows: count(), all: sum('id') })
      .sinkTo(sink),
}

test.each(Object.entries(WIDER))('barriers that overtake lose nothing and double nothing: %s', async (name, define) => {
  let [restores, inFlight] = [0, 0]
  await overSeeds(20, async (seed, random) => {
    const input = randomInput(random)
    const course: CrashCourse = { ...underPressure(random), isMoved: !STAYING.has(name) }
    const run = await crashAndCompare(
      seed,
      random,
      pick(random, [1, 2, 3]),
      (env, sink) => define(env.fromCollection(input, SCHEMA).assignTimestampsAndWatermarks(ordered), sink),
      course,
    )
    restores += run.restores
    inFlight += run.restoresInFlight
  })()
  expect(restores).toBeGreaterThan(RESTORES_MIN / 2)
  expect(inFlight).toBeGreaterThan(RESTORES_MIN / 8)
})

/** Takes a row and then none, until a checkpoint is complete that was taken meanwhile. */
function waitingSink(taken: unknown[]): Sink {
  return {
    name: 'Waiting',
    needsEventLoop: false,
    parallelismMax: 1,
    describe: () => 'a sink that waits for a checkpoint',
    createWriter: (schema): CommittingSinkWriter => {
      const reader = compileRowReader(schema)
      let [count, isOpen] = [0, false]
      const isBlocked = (): boolean => count > 0 && !isOpen
      return {
        hasCapacity: () => !isBlocked(),
        write: (batch) => {
          reader.bind(batch)
          for (; batch.begin < batch.end && !isBlocked(); batch.begin++, count++) {
            reader.seek(batch.physicalRow(batch.begin))
            taken.push((reader.record() as Row).id)
          }
          reader.release()
          return batch.begin === batch.end
        },
        // It keeps nothing that would have to leave in front of a barrier.
        flush: () => true,
        finish: () => true,
        prepareCommit: () => (isBlocked() ? [Uint8Array.of(1)] : []),
        commit: () => void (isOpen = true),
        snapshot: () => {},
        restore: () => {},
        close: () => {},
      }
    },
  }
}

test.each([1, 2])('a checkpoint is complete while a sink takes nothing and all else has ended, parallelism %i', async (parallelism) => {
  const input = Array.from({ length: 300 }, (_, id) => ({ id, key: `k${id % 5}`, at: id }))
  const run = (options: RunJobOptions['options'] = {}): Promise<unknown[]> => {
    const taken: unknown[] = []
    const define = (env: StreamExecutionEnvironment): void => {
      const rows = env.fromCollection(input, SCHEMA)
      rows
        .filter((row) => row.id % 2 === 0)
        .union(rows.filter((row) => row.id % 2 === 1))
        .keyBy('key')
        .filter(() => true)
        .sinkTo(waitingSink(taken))
    }
    return runJob(define, { parallelism, seed: 1, batchRowsMax: 50, checkpointSteps: 500, stepMs: 1, options }).then(() => taken)
  }
  const taken = await run({ 'execution.checkpointing.unaligned.enabled': 'true' })
  expect(taken.toSorted((left, right) => Number(left) - Number(right))).toEqual(input.map(({ id }) => id))
  // Aligned it never is.
  if (parallelism === 1) await expect(run()).rejects.toMatchObject({ code: 'STUCK' })
})

test('with AT_LEAST_ONCE nothing is lost in a crash, and something may come twice', async () => {
  let twice = 0
  await overSeeds(40, async (seed, random) => {
    const input = randomInput(random)
    const define = (env: StreamExecutionEnvironment, sink: Sink): void => {
      const rows = env.fromCollection(input, SCHEMA)
      rows
        .rebalance()
        .union(rows.filter((row) => row.id % 2 === 0).rescale())
        .keyBy('key')
        .process(counting())
        .sinkTo(sink)
    }
    const expected = new Delivered()
    const { steps } = await runUnder(seed, 3, (env) => define(env, expected.sink))
    const delivered = new Delivered()
    await runUnder(seed, 3, (env) => define(env, delivered.sink), {
      ringBytesMax: 512,
      checkpointSteps: 1 + random.integer(Math.ceil(steps / 6)),
      crashSteps: [random.integer(steps)],
      options: { 'execution.checkpointing.mode': 'AT_LEAST_ONCE' },
    })
    const keys = (rows: readonly unknown[]): string[] => rows.map((row) => String(row).replace(/has \d+ /, ''))
    const [left, right] = [keys(delivered.rows), keys(expected.rows)]
    expect(new Set(left)).toEqual(new Set(right))
    expect(left.length).toBeGreaterThanOrEqual(right.length)
    if (left.length > right.length) twice++
  })()
  expect(twice).toBeGreaterThan(process.env['SIM_SEED'] === undefined ? 0 : -1)
})

test.each<[string, (rows: DataStream<Row>) => DataStream<Row>]>([
  ['broadcast', (rows) => rows.broadcast()],
  ['custom', (rows) => rows.partitionCustom((row, count) => row.id % count)],
])('records in flight do not move where nobody can say whose they are: %s', async (_name, partition) => {
  let [refusals, inFlight] = [0, 0]
  await overSeeds(20, async (seed, random) => {
    const input = randomInput(random)
    const pressure = underPressure(random)
    const define = (env: StreamExecutionEnvironment, sink: Sink): void => {
      partition(env.fromCollection(input, SCHEMA))
        .map((row) => `${row.id}`)
        .sinkTo(sink)
    }
    const stays = await crashAndCompare(seed, new Random(seed), 3, define, { ...pressure, isMoved: false })
    inFlight += stays.restoresInFlight
    const course = { checkpointSteps: 20, crashSteps: [60 + random.integer(200)], crashParallelism: [2], ...pressure.options }
    try {
      await runUnder(seed, 3, (env) => define(env, new Delivered(pressure.isBlocked).sink), course)
    } catch (error) {
      expect(error).toMatchObject({ code: 'IN_FLIGHT_NOT_RESTORED' })
      refusals++
    }
  })()
  expect(inFlight).toBeGreaterThan(process.env['SIM_SEED'] === undefined ? 3 : -1)
  expect(refusals).toBeGreaterThan(process.env['SIM_SEED'] === undefined ? 3 : -1)
})
