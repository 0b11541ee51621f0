// What a job costs that stands there: an idle one, the metrics of a step, and memory over a long run.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Millrace } from 'millrace'
import { StreamExecutionEnvironment } from '../../src/api/datastream/environment.ts'
import { type Clock, systemClock, VirtualClock } from '../../src/base/clock.ts'
import { planJob } from '../../src/plan/execution-plan.ts'
import { LocalExecutor } from '../../src/runtime/local-executor.ts'
import { type Benchmark, type Line, medianOf, raw, type Runner, sample, type Sample, type Settings, timed } from '../harness.ts'
import { takeResult } from '../jobs/check-sink.ts'
import { jobUrl } from '../jobs/run-job.ts'

const KEYS = 10_000

async function idleJob({ smoke, folder }: Settings): Promise<Sample> {
  const path = join(folder, 'idle.jsonl')
  writeFileSync(path, '{"user":"a","at":"2026-01-01 00:00:00.000"}\n')
  await using engine = await Millrace.start()
  const handle = engine.submit(jobUrl('idle'), { params: { path }, parallelism: 2 })
  // Until the code of the timers and polls is compiled: that is not what standing costs.
  await sleep(smoke ? 300 : 15_000)
  const read = handle.metrics.tasks.some(({ rowsIn }) => rowsIn === 1)
  const time = await timed(() => sleep(smoke ? 100 : 10_000))
  await handle.cancel()
  return sample(time, read || smoke ? 'ok' : 'the first row was not read', { percent: (time.cpuSeconds / time.seconds) * 100 })
}

/**
 * A step of a subtask that finds nothing to do publishes all of its metrics, as each step does: its cost is more than that of the metrics alone.
 * Garbage is what the heap grows by over so few steps that most rounds see no collection, which would hide it. A read of the machine's clock
 * is a number on the heap; so that this does not count, time stands still meanwhile.
 */
async function metrics({ smoke }: Settings): Promise<Sample> {
  const nanos: number[] = []
  const stepsTimed = stepsOf(systemClock)
  const steps = smoke ? 1000 : 200_000
  for (let round = 0; round < 5; round++) stepsTimed(steps)
  let time = await timed(() => stepsTimed(steps))
  for (let round = 0; round < 9; round++) {
    time = await timed(() => stepsTimed(steps))
    nanos.push((time.seconds * 1e9) / steps)
  }
  const bytes: number[] = []
  const stepsWeighed = stepsOf(new VirtualClock(Date.UTC(2026, 0, 1)))
  const stepsWithoutGc = steps / 20
  for (let round = 0; round < 100; round++) stepsWeighed(stepsWithoutGc)
  for (let round = 0; round < 9; round++) {
    const heapBefore = process.memoryUsage().heapUsed
    stepsWeighed(stepsWithoutGc)
    bytes.push(Math.max(0, process.memoryUsage().heapUsed - heapBefore) / stepsWithoutGc)
  }
  const middle = (values: number[]): number => values.toSorted((left, right) => left - right)[values.length >> 1]
  return sample(time, 'ok', { nanos: middle(nanos), bytes: middle(bytes) })
}

/** Takes so many steps of the one subtask of a job that stands. */
function stepsOf(clock: Clock): (count: number) => void {
  const env = new StreamExecutionEnvironment()
  env
    .input('rows')
    .map((value) => value)
    .keyBy((value) => String(value))
    .forEach(() => {})
  const plan = planJob(env.graph, { jobName: 'metrics', parallelism: 1, maxParallelism: undefined })
  const program = { send: () => {}, pendingCount: () => 0, receive: () => undefined }
  const [subtask] = new LocalExecutor(plan, env.graph, { clock, program, log: () => {} }).workers[0].subtasks
  return (count) => {
    for (let step = 0; step < count; step++) subtask.step()
  }
}

async function longRun({ smoke, folder }: Settings): Promise<Sample> {
  const rows = smoke ? 200_000 : 50_000_000
  const result = join(folder, 'flat-memory')
  const residents: number[] = []
  const polling = setInterval(() => residents.push(process.memoryUsage.rss()), smoke ? 10 : 250)
  const time = await timed(async () => {
    await using engine = await Millrace.start()
    await engine.submit(jobUrl('keyed-process'), { params: { rows, keys: KEYS, rowsPerMs: 100, result }, parallelism: 1 }).result
  })
  clearInterval(polling)
  const { totals } = takeResult(result)
  // A fifth of the run to warm up; what threads give back at their end does not count.
  const steady = residents.slice(Math.ceil(residents.length / 5), -1)
  const first = steady[0] ?? 1
  const most = Math.max(first, ...steady)
  return sample(time, totals.sum === rows ? 'ok' : `${totals.sum} rows were counted of ${rows}`, { growth: most / first, megabytes: most / 2 ** 20 })
}

async function run(runner: Runner): Promise<readonly Line[]> {
  const samples = await runner.interleave(['metrics', 'idle', 'memory'], runner.rounds(1))
  const at = (variant: keyof typeof samples, name: string): number => medianOf(samples[variant], ({ figures }) => figures[name])
  const check = (variant: keyof typeof samples): string => samples[variant].find((one) => one.check !== 'ok')?.check ?? 'ok'
  const line = (name: string, variant: keyof typeof samples, figure: string, unit: string, most: number, note: string): Line => ({
    name,
    value: at(variant, figure),
    unit,
    baseline: null,
    ratio: null,
    bound: { of: 'value', most },
    check: check(variant),
    note,
  })
  return [
    line('metrics', 'metrics', 'nanos', 'ns/step', 1000, 'a whole step that finds nothing to do, metrics published: an upper bound'),
    line('metrics.garbage', 'metrics', 'bytes', 'bytes/step', 1, 'heap growth a step, reads of the clock not counted'),
    line('idle-job', 'idle', 'percent', '% of a core', 1, 'two workers, a followed file, an open window, an input of the program; all threads of the process'),
    line(
      'flat-memory',
      'memory',
      'growth',
      'x',
      1.1,
      `50 M rows, 10 K keys: most over first after warm-up; at most ${at('memory', 'megabytes').toFixed(0)} MiB; ${raw(samples.memory, ({ seconds }) => seconds, 1)} s`,
    ),
  ]
}

export const standing: Benchmark = {
  name: 'standing',
  title: 'metrics, an idle job, memory over 50 M rows',
  data: [],
  jobs: ['idle', 'keyed-process'],
  variants: { metrics, idle: idleJob, memory: longRun },
  run,
}
