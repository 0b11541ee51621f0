import type { JobHandle, JobMetrics } from 'millrace'
import { describe, expect, test } from 'vitest'
import { collect, jobUrl, withEngine } from './jobs.ts'

const engine = withEngine()

/** Submits a job and hands out its ticks of metrics, one after the other. */
function submit(job: string, params: Readonly<Record<string, unknown>>, options: Readonly<Record<string, string>> = {}) {
  const waiting: ((metrics: JobMetrics) => void)[] = []
  const handle: JobHandle = engine().submit(jobUrl(job), {
    params,
    options,
    parallelism: 2,
    onMetrics: (metrics) => waiting.splice(0).forEach((resolve) => resolve(metrics)),
  })
  const tick = (): Promise<JobMetrics> => new Promise((resolve) => waiting.push(resolve))
  /** The first tick that holds. */
  const until = async (holds: (metrics: JobMetrics) => boolean): Promise<JobMetrics> => {
    for (;;) {
      const metrics = await tick()
      if (holds(metrics)) return metrics
    }
  }
  return { handle, tick, until }
}

const subtasksOf = ({ tasks }: JobMetrics) => tasks.flatMap(({ subtasks }) => subtasks)
const operatorOf = ({ tasks }: JobMetrics, name: string) => tasks.flatMap(({ operators }) => operators).find((operator) => operator.name === name)!

/** How each subtask that did not end spent the time between two ticks, in shares of it. */
function sharesBetween(before: JobMetrics, after: JobMetrics) {
  const wallMs = after.runningMs - before.runningMs
  return subtasksOf(after).flatMap(({ busyMs, idleMs, backpressuredMs, ended }, index) => {
    if (ended) return []
    const then = subtasksOf(before)[index]
    return [{ busy: (busyMs - then.busyMs) / wallMs, idle: (idleMs - then.idleMs) / wallMs, held: (backpressuredMs - then.backpressuredMs) / wallMs }]
  })
}

describe('time', () => {
  test('of a job that gets a little now and then is idle, and adds up to the time that has passed', async () => {
    const { handle, tick, until } = submit('measured', {})
    const numbers = handle.input<{ from: number; count: number }>('numbers')
    const reading = collect(handle.output('numbers'))
    await numbers.push({ from: 0, count: 1 })
    const before = await until((metrics) => operatorOf(metrics, 'Keep').rowsIn === 1)
    let after = before
    for (let from = 1; from < 8; from++) {
      await numbers.push({ from, count: 1 })
      after = await tick()
    }
    const shares = sharesBetween(before, after)
    expect(shares.length).toBeGreaterThanOrEqual(3)
    for (const { busy, idle, held } of shares) {
      expect(busy + idle + held).toBeGreaterThan(0.75)
      expect(busy + idle + held).toBeLessThan(1.25)
      expect(idle).toBeGreaterThan(0.8)
    }
    await numbers.end()
    await reading
  })

  test('of a subtask that works is busy; of those in front of it, once channels are full, backpressured', async () => {
    const { handle, tick, until } = submit('measured', { burnMs: 2 }, { 'millrace.batch.rows-max': '64' })
    await handle.input('numbers').push({ from: 0, count: 1_000_000 })
    const before = await until(({ tasks }) => tasks.some(({ backpressured }) => backpressured))
    let after = before
    for (let ticks = 0; ticks < 8; ticks++) after = await tick()
    const shares = sharesBetween(before, after)
    for (const { busy, idle, held } of shares) {
      expect(busy + idle + held).toBeGreaterThan(0.75)
      expect(busy + idle + held).toBeLessThan(1.25)
    }
    // Two workers keep state and burn time; whoever feeds them shares a thread with one of the two.
    expect(shares.filter(({ busy }) => busy > 0.5).length).toBe(2)
    expect(Math.max(...shares.map(({ held }) => held))).toBeGreaterThan(0.5)
    const keep = after.tasks.at(-1)!
    const channels = keep.subtasks.flatMap((subtask) => subtask.channels)
    expect(channels.reduce((sum, { backlogBytes }) => sum + backlogBytes, 0)).toBe(keep.backlogBytes)
    expect(keep.backlogBytes).toBeGreaterThan(10_000)
    for (const { backlogBytes, capacityBytes } of channels) expect(backlogBytes).toBeLessThanOrEqual(capacityBytes)
    await handle.cancel()
    expect((await handle.result).metrics).toBe(handle.metrics)
  })
})

test('counters of user functions are in the metrics of a running job and in its result, summed over the workers', async () => {
  const { handle, until } = submit('measured', {})
  const reading = collect(handle.output('numbers'))
  await handle.input('numbers').push({ from: 0, count: 1001 })
  const running = await until((metrics) => operatorOf(metrics, 'Keep').rowsIn === 1001)
  expect(operatorOf(running, 'Keep').counters).toEqual({ opened: 2, even: 501, odd: 500 })
  await handle.input('numbers').end()
  await reading
  const { metrics } = await handle.result
  expect(operatorOf(metrics, 'Keep').counters).toEqual({ opened: 2, even: 501, odd: 500 })
  expect(metrics.tasks.every(({ ended }) => ended)).toBe(true)
})

test('memory is that of every worker, whichever tasks it has and whether they still run', async () => {
  const { handle, until } = submit('measured', {}, { 'millrace.worker.memory-max': '256 mb' })
  const reading = collect(handle.output('numbers'))
  // The first task, of one subtask, has ended then.
  const before = await until(({ tasks }) => tasks.some(({ ended }) => ended) && tasks.some(({ subtasks }) => subtasks.length === 2))
  await handle.input('numbers').push({ from: 0, count: 50_000 })
  const after = await until((metrics) => operatorOf(metrics, 'Keep').rowsIn === 50_000)
  after.workers.forEach(({ slabBytes, slabBytesPeak, slabBytesMax }, index) => {
    expect(slabBytes).toBeGreaterThan(before.workers[index].slabBytes + 25_000 * 20)
    expect(slabBytesPeak).toBeGreaterThanOrEqual(slabBytes)
    expect(slabBytesMax).toBe(256 << 20)
  })
  expect(after.slabBytes).toBe(after.workers[0].slabBytes + after.workers[1].slabBytes)
  await handle.input('numbers').end()
  await reading
  const { metrics } = await handle.result
  expect(metrics.slabBytes).toBeLessThan(after.slabBytes / 2)
  expect(metrics.workers.every(({ slabBytesPeak }, index) => slabBytesPeak >= after.workers[index].slabBytes)).toBe(true)
})

test('pauses of garbage collection are counted on each worker, also those that a short job never comes to report', async () => {
  const { handle } = submit('measured', { garbage: 100 })
  const reading = collect(handle.output('numbers'))
  // Some 80 MB on each worker: several times what the youngest generation holds.
  await handle.input('numbers').push({ from: 0, count: 200 })
  await handle.input('numbers').end()
  await reading
  const { gc, workers } = (await handle.result).metrics
  for (const { gc: own } of workers) {
    expect(own.count).toBeGreaterThan(0)
    expect(own.maxMs).toBeGreaterThan(0)
    expect(own.totalMs).toBeGreaterThanOrEqual(own.maxMs)
    expect(own.totalMs).toBeLessThanOrEqual(own.maxMs * own.count)
  }
  expect(gc.count).toBe(workers[0].gc.count + workers[1].gc.count)
  expect(gc.maxMs).toBe(Math.max(workers[0].gc.maxMs, workers[1].gc.maxMs))
})

test('latency is measured from source to sink across threads', async () => {
  const { handle, until } = submit('measured', {}, { 'metrics.latency.interval': '10 ms' })
  const reading = collect(handle.output('numbers'))
  const running = await until(({ latency }) => (latency?.count ?? 0) > 20)
  await handle.input('numbers').end()
  await reading
  const { metrics } = await handle.result
  const sinks = metrics.tasks.flatMap(({ operators }) => operators.flatMap(({ latency }) => (latency === undefined ? [] : [latency])))
  expect(sinks.reduce((sum, { count }) => sum + count, 0)).toBe(metrics.latency!.count)
  const { count, p50Ms, p99Ms, p999Ms, maxMs } = metrics.latency!
  expect(count).toBeGreaterThanOrEqual(running.latency!.count)
  expect(p50Ms).toBeGreaterThan(0)
  expect([p50Ms, p99Ms, p999Ms, maxMs]).toEqual([p50Ms, p99Ms, p999Ms, maxMs].toSorted((left, right) => left - right))
  expect(maxMs).toBeLessThan(metrics.runningMs)
})
