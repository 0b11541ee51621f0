// Metrics of whole jobs on one thread: what the slots hold is known exactly, since the test decides who steps and what time it is.
import { mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { StreamExecutionEnvironment } from '../../src/api/datastream/environment.ts'
import { VirtualClock } from '../../src/base/clock.ts'
import { defineSchema, type Schema, t } from '../../src/batch/types.ts'
import { fileSink } from '../../src/connector/file/file-sink.ts'
import { fileSource } from '../../src/connector/file/file-source.ts'
import { jsonFormat } from '../../src/format/json/json-format.ts'
import { parquetSchema } from '../../src/format/parquet/parquet-file.ts'
import { parquetFormat } from '../../src/format/parquet/parquet-format.ts'
import { type OutputTag, type ProcessFunction } from '../../src/operator/function.ts'
import { planJob } from '../../src/plan/execution-plan.ts'
import { LocalExecutor } from '../../src/runtime/local-executor.ts'
import type { SubtaskMetrics, TaskMetrics } from '../../src/runtime/thread-messages.ts'
import { runJob } from '../../src/testing/run-job.ts'
import { WatermarkStrategy } from '../../src/time/watermark-strategy.ts'

const RING_BYTES = 2048

/** A job that is stepped by hand; its inputs bring what was put into `pushed`. */
function standing(parallelism: number, program: (env: StreamExecutionEnvironment, clock: VirtualClock) => void) {
  const clock = new VirtualClock(5000)
  const env = new StreamExecutionEnvironment()
  program(env, clock)
  const plan = planJob(env.graph, { jobName: 'standing', parallelism, maxParallelism: undefined })
  const pushed: unknown[][] = []
  const executor = new LocalExecutor(plan, env.graph, {
    clock,
    ringBytesMax: RING_BYTES,
    program: { send: () => {}, pendingCount: () => 0, receive: () => pushed.shift() },
    log: () => {},
  })
  const tasks = (): readonly TaskMetrics[] => executor.metrics.read().tasks
  const times = ({ busyMs, idleMs, backpressuredMs }: SubtaskMetrics | TaskMetrics) => ({ busyMs, idleMs, backpressuredMs })
  return { clock, executor, pushed, tasks, times, subtasks: executor.workers.flatMap((worker) => worker.subtasks) }
}

const operatorOf = (tasks: readonly TaskMetrics[], name: string) => tasks.flatMap(({ operators }) => operators).find((operator) => operator.name === name)!

describe('time', () => {
  test('passes as busy in steps and as idle between them, and what still lasts counts', () => {
    const seen: unknown[] = []
    const { clock, executor, pushed, tasks, times } = standing(1, (env, clock) =>
      env.input<number>('rows').forEach((ms) => {
        clock.advanceMs(ms)
        seen.push(times(tasks()[0]))
      }),
    )
    executor.step()
    clock.advanceMs(100)
    executor.step()
    pushed.push([30], [5])
    executor.step()
    clock.advanceMs(1)
    executor.step()
    // Read from within the steps, then while the subtask sleeps.
    expect(seen).toEqual([
      { busyMs: 30, idleMs: 100, backpressuredMs: 0 },
      { busyMs: 35, idleMs: 101, backpressuredMs: 0 },
    ])
    clock.advanceMs(1000)
    expect(times(tasks()[0])).toEqual({ busyMs: 35, idleMs: 1101, backpressuredMs: 0 })
    executor.close()
  })

  test('of a subtask is not that of others on its thread', () => {
    const { executor, pushed, tasks, times } = standing(1, (env, clock) => {
      env
        .input<number>('rows')
        .map((ms) => clock.advanceMs(ms))
        .startNewChain()
        .forEach(() => {})
      env.fromElements(1).forEach(() => clock.advanceMs(7))
    })
    pushed.push([40])
    for (let step = 0; step < 10; step++) executor.step()
    const [input, slow, elements] = tasks()
    expect(times(input)).toEqual({ busyMs: 0, idleMs: 47, backpressuredMs: 0 })
    expect(times(slow)).toEqual({ busyMs: 40, idleMs: 7, backpressuredMs: 0 })
    // Its one row came after the others' turn of that round; then it ended, and time passes no more.
    expect(elements.ended).toBe(true)
    expect(times(elements)).toEqual({ busyMs: 7, idleMs: 40, backpressuredMs: 0 })
    executor.close()
  })

  test('passes as backpressured while a channel is full, until there is room', () => {
    const { clock, executor, pushed, tasks, times, subtasks } = standing(1, (env) =>
      env
        .input<string>('rows')
        .map((row) => row)
        .startNewChain()
        .forEach(() => {}),
    )
    const [source, sink] = subtasks
    pushed.push(Array.from({ length: 2000 }, (_, index) => `row ${index}`))
    while (source.step());
    clock.advanceMs(50)
    source.step()
    const [full, waiting] = tasks()
    expect(full.backpressured).toBe(true)
    expect(times(full)).toEqual({ busyMs: 0, idleMs: 0, backpressuredMs: 50 })
    expect(waiting.backlogBytes).toBeGreaterThan(RING_BYTES / 4)
    expect(waiting.backlogBytes).toBeLessThanOrEqual(RING_BYTES)
    expect(waiting.subtasks[0].channels).toEqual([
      {
        fromTask: full.task,
        fromSubtask: 0,
        input: 0,
        watermarkMs: -Infinity,
        status: 'active',
        backlogBytes: waiting.backlogBytes,
        capacityBytes: RING_BYTES,
      },
    ])
    for (let round = 0; round < 1000; round++) {
      sink.step()
      source.step()
    }
    clock.advanceMs(9)
    const [drained, done] = tasks()
    expect(drained.backpressured).toBe(false)
    expect(times(drained)).toEqual({ busyMs: 0, idleMs: 9, backpressuredMs: 50 })
    expect([done.backlogBytes, done.rowsIn]).toEqual([0, 2000])
    executor.close()
  })

  test('passes as backpressured while a sink takes nothing', () => {
    let room = true
    const { clock, executor, pushed, tasks, times } = standing(1, (env) =>
      env.input('rows').sinkTo({
        name: 'Moody',
        needsEventLoop: false,
        parallelismMax: 1,
        describe: () => '',
        createWriter: () => ({
          hasCapacity: () => room,
          write: (batch) => ((batch.begin = batch.end), true),
          flush: () => true,
          finish: () => true,
          snapshot() {},
          restore() {},
          close() {},
        }),
      }),
    )
    room = false
    pushed.push([1])
    for (let step = 0; step < 3; step++) executor.step()
    clock.advanceMs(20)
    expect(times(tasks()[0])).toEqual({ busyMs: 0, idleMs: 0, backpressuredMs: 20 })
    room = true
    for (let step = 0; step < 3; step++) executor.step()
    clock.advanceMs(3)
    expect(times(tasks()[0])).toEqual({ busyMs: 0, idleMs: 3, backpressuredMs: 20 })
    executor.close()
  })
})

describe('rows and bytes', () => {
  test('are counted for each operator, and what is sent is what arrives', async () => {
    const { metrics } = await runJob(
      (env) => {
        const rows = env.fromCollection(Array.from({ length: 100 }, (_, id) => id))
        rows
          .process<number>({ processElement: (id, _, out) => void (id % 4 === 0 && out.collect(id)) })
          .name('Quarter')
          .keyBy((id) => id)
          .process<number>({
            processElement(id, _, out) {
              out.collect(id)
              out.collect(id)
            },
          })
          .name('Double')
          .forEach(() => {})
          .name('End')
      },
      { parallelism: 2, seed: 7, ringBytesMax: RING_BYTES },
    )
    const rowsOf = (name: string): number[] => [operatorOf(metrics.tasks, name).rowsIn, operatorOf(metrics.tasks, name).rowsOut]
    expect([rowsOf('Quarter'), rowsOf('Double'), rowsOf('End')]).toEqual([
      [100, 25],
      [25, 50],
      [50, 0],
    ])
    const last = metrics.tasks.at(-1)!
    const before = metrics.tasks.at(-2)!
    expect([last.rowsIn, last.rowsOut]).toEqual([25, 50])
    expect(last.bytesIn).toBeGreaterThan(25)
    expect(last.bytesIn).toBe(before.bytesOut)
    expect(last.bytesOut).toBe(0)
  })

  test('that a sink takes from a side output are counted', async () => {
    const odd: OutputTag<number> = { id: 'odd', schema: defineSchema({ id: t.int() }) as never }
    const split: ProcessFunction<number, number> = { processElement: (id, context) => void (id % 2 === 1 && context.output(odd, { id } as never)) }
    const { metrics } = await runJob((env) => {
      const main = env.fromElements(1, 2, 3).process(split)
      main.forEach(() => {}).name('Main')
      main
        .getSideOutput(odd)
        .forEach(() => {})
        .name('Odd')
    })
    expect([operatorOf(metrics.tasks, 'Main').rowsIn, operatorOf(metrics.tasks, 'Odd').rowsIn, metrics.tasks[0].rowsOut]).toEqual([0, 2, 2])
  })

  test('at the edges of the job are those of the files, and connectors show what they count', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-metrics-'))
    const [input, output] = [join(folder, 'in.jsonl'), join(folder, 'out.jsonl')]
    writeFileSync(input, '{"id":1,"size":2}\n{"id":2,"size":"large"}\n{"id":3,"id":4,"size":5}\n{"id":"none"}\n')
    const schema = defineSchema({ id: t.int(), size: t.int().nullable() })
    const { metrics, badRecords } = await runJob(
      (env) =>
        void env.from(fileSource({ path: input, format: jsonFormat(), schema, onBadRecord: 'null' })).sinkTo(fileSink({ path: output, format: jsonFormat() })),
    )
    const [source, sink] = metrics.tasks[0].operators
    expect(source.bytesIn).toBe(statSync(input).size)
    expect(sink.bytesOut).toBe(statSync(output).size)
    expect([sink.rowsIn, badRecords]).toEqual([readFileSync(output, 'utf8').trim().split('\n').length, 1])
    expect(source.counters).toEqual({ nulledValues: 1, duplicateKeys: 1 })
    expect([metrics.tasks[0].bytesIn, metrics.tasks[0].bytesOut]).toEqual([source.bytesIn, sink.bytesOut])
  })

  test('read from a compressed file are those that lie there', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'millrace-metrics-')), 'in.jsonl.gz')
    writeFileSync(path, gzipSync(Array.from({ length: 1000 }, (_, id) => `{"id":${id}}\n`).join('')))
    const { metrics } = await runJob(
      (env) => void env.from(fileSource({ path, format: jsonFormat(), schema: defineSchema({ id: t.int() }) })).forEach(() => {}),
    )
    expect([metrics.tasks[0].rowsIn, metrics.tasks[0].bytesIn]).toEqual([1000, statSync(path).size])
  })

  test('read from a Parquet file are those of the columns that are read', async () => {
    const path = fileURLToPath(new URL('../fixtures/files/parquet/flat-dictionary-v1-snappy.parquet', import.meta.url))
    const bytesRead = async (schema: Schema): Promise<number> =>
      (await runJob((env) => void env.from(fileSource({ path, format: parquetFormat(), schema })).forEach(() => {}))).metrics.tasks[0].bytesIn
    const all = await bytesRead(parquetSchema(path))
    const one = await bytesRead(defineSchema({ s: t.string().nullable() }))
    expect(one).toBeGreaterThan(0)
    expect(all).toBeGreaterThan(one)
    expect(all).toBeLessThan(statSync(path).size)
  })

  test('are right in a chain of two hundred operators', async () => {
    const { metrics, plan } = await runJob((env) => {
      let stream = env.fromElements(1, 2, 3)
      for (let index = 0; index < 200; index++) stream = stream.process({ processElement: (value, _, out) => out.collect(value) })
      stream.forEach(() => {})
    })
    expect(plan.tasks.length).toBe(1)
    expect(metrics.tasks[0].operators.map(({ rowsIn }) => rowsIn)).toEqual(Array.from({ length: 202 }, () => 3))
    expect(metrics.gc).toEqual({ count: 0, totalMs: 0, maxMs: 0 })
    expect(metrics.slabBytes).toBe(0)
    expect(metrics.workers[0].slabBytesPeak).toBeGreaterThan(0)
  })
})

describe('counters', () => {
  /** Counts rows by what they are, each name with its first row. */
  const byName: ProcessFunction<string, string> = { processElement: (row, context) => void context.metrics.counter(row).value++ }

  test('are shown by the names users gave, summed over subtasks that made them in different orders', async () => {
    const rows = ['a', 'b', 'a', '__proto__', 'c', 'a']
    const { metrics } = await runJob(
      (env) =>
        void env
          .fromCollection([...rows, ...rows.toReversed(), ...rows])
          .rebalance()
          .process(byName)
          .name('Count')
          .setParallelism(3)
          .forEach(() => {}),
      { parallelism: 3, batchRowsMax: 1 },
    )
    const { counters } = operatorOf(metrics.tasks, 'Count')
    expect(
      Object.keys(counters)
        .toSorted()
        .map((name) => [name, counters[name]]),
    ).toEqual([
      ['__proto__', 3],
      ['a', 9],
      ['b', 3],
      ['c', 3],
    ])
  })

  test('belong to their operator', async () => {
    const seen = (value: number): ProcessFunction<string, string> => ({
      open: (context) => void (context.metrics.counter('seen').value += value),
      processElement: (row, _, out) => out.collect(row),
    })
    const { metrics } = await runJob(
      (env) =>
        void env
          .fromElements('a')
          .process(seen(1))
          .name('First')
          .process(seen(20))
          .name('Second')
          .forEach(() => {}),
    )
    expect(['First', 'Second'].map((name) => operatorOf(metrics.tasks, name).counters)).toEqual([{ seen: 1 }, { seen: 20 }])
  })

  test('beyond the bound are counted together, and the log says so once', async () => {
    const names = Array.from({ length: 70 }, (_, index) => `n${index}`)
    const { metrics, log } = await runJob(
      (env) =>
        void env
          .fromCollection([...names, ...names])
          .process(byName)
          .name('Count')
          .forEach(() => {}),
    )
    const { counters } = operatorOf(metrics.tasks, 'Count')
    expect(counters).toEqual({ ...Object.fromEntries(names.slice(0, 64).map((name) => [name, 2])), others: 12 })
    expect(log).toEqual(['Count 0: counter "n64" and those that follow are counted together, as "others": an operator has 64 counters of its own'])
  })
})

describe('channels', () => {
  test('show their watermarks, and which of them hold time back', () => {
    const strategy = WatermarkStrategy.forMonotonousTimestamps<{ at: number }>().withTimestampAssigner('at').withIdleness(1000)
    const schema = defineSchema({ at: t.safeInt() })
    const { clock, executor, pushed, tasks } = standing(1, (env) => {
      const left = env.input('left', schema).assignTimestampsAndWatermarks(strategy)
      const right = env
        .fromCollection([{ at: 70 }], schema)
        .assignTimestampsAndWatermarks(strategy)
        .name('Right')
      left
        .union(right)
        .map((row) => row)
        .forEach(() => {})
    })
    const settle = (): void => {
      for (let step = 0; step < 10; step++) executor.step()
    }
    const channels = () =>
      tasks()
        .at(-1)!
        .subtasks[0].channels.map(({ watermarkMs, status }) => [status, watermarkMs])
    expect(channels()).toEqual([
      ['active', -Infinity],
      ['active', -Infinity],
    ])
    pushed.push([{ at: 41 }])
    settle()
    expect(channels()).toEqual([
      ['active', 40],
      ['ended', Infinity],
    ])
    expect(tasks().at(-1)!.watermarkMs).toBe(40)
    clock.advanceMs(1001)
    settle()
    expect(channels()[0]).toEqual(['idle', 40])
    executor.close()
  })
})

test('the last checkpoint is told with its age, and none before there is one', () => {
  const { clock, executor } = standing(1, (env) => env.input<string>('rows').forEach(() => {}))
  const { metrics } = executor
  expect(metrics.read().lastCheckpoint).toBeUndefined()
  metrics.noteCheckpoint(2, 40)
  metrics.noteCheckpoint(3, 12.5)
  clock.advanceMs(400)
  expect(metrics.read().lastCheckpoint).toEqual({ checkpointId: 3, durationMs: 12.5, ageMs: 400 })
  executor.close()
})

describe('latency', () => {
  test('is that of each sink: none behind a call, some behind a channel', async () => {
    const { metrics } = await runJob(
      (env) => {
        const rows = env.fromCollection(Array.from({ length: 200 }, (_, id) => id))
        rows
          .forEach(() => {})
          .name('Near')
          .setParallelism(1)
        rows
          .rebalance()
          .forEach(() => {})
          .name('Far')
      },
      { parallelism: 2, seed: 3, batchRowsMax: 4, stepMs: 5, options: { 'metrics.latency.interval': '10' } },
    )
    const [near, far] = ['Near', 'Far'].map((name) => operatorOf(metrics.tasks, name).latency!)
    expect(near.count).toBeGreaterThan(3)
    expect(near.maxMs).toBeLessThan(0.01)
    expect(far.count).toBeGreaterThan(near.count)
    expect(far.p50Ms).toBeGreaterThanOrEqual(5)
    expect(far.maxMs).toBeLessThan(1000)
    expect(metrics.latency!.count).toBe(near.count + far.count)
    expect(metrics.latency!.maxMs).toBe(far.maxMs)
  })

  test('is not among the metrics unless it is asked for', async () => {
    const { metrics } = await runJob((env) => void env.fromElements(1).forEach(() => {}))
    expect([metrics.latency, metrics.tasks[0].operators.map(({ latency }) => latency)]).toEqual([undefined, [undefined, undefined]])
  })
})
