// Whole jobs on real threads, as users run them. Goal: nothing pushed waits for the end of a park, no element is lost or moved whatever the size of
// channels and batches, and a command comes through at any moment. Method: many rounds under conditions that a seed draws; answers are compared
// with those of the calling thread. A wake-up that is lost shows as a push that takes as long as a park.

import { type Engine, Millrace } from 'millrace'
import { runJob } from 'millrace/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { dice } from '../fixtures/dice.ts'

const TEST_TIMEOUT_MS = 240_000
/** A push that takes so long was not heard when it came: far below the length of a park, far above what a busy machine takes. */
const PUSH_MS_MAX = 500

const SEED = 20_202
let engine: Engine
beforeAll(async () => void (engine = await Millrace.start()))
afterAll(() => engine.close())

const own = (name: string): URL => new URL(`jobs/${name}.mjs`, import.meta.url)
const shared = (name: string): URL => new URL(`../threads/jobs/${name}.mjs`, import.meta.url)

async function collect<R>(records: AsyncIterable<R>): Promise<R[]> {
  const list: R[] = []
  for await (const record of records) list.push(record)
  return list
}

const text = (records: readonly unknown[]): string[] => records.map((record) => JSON.stringify(record)).sort()

/** A result of the job `elements`, and a row that came behind its window. */
interface ElementWindow {
  readonly bucket: number
  readonly windowStart: number
  readonly windowEnd: number
  readonly rows: number
  readonly length: number
}
type Late = Pick<ElementWindow, 'bucket' | 'length'> & { readonly id: number }

/** The windows as they would be had nothing been late. */
function withLate(windows: readonly ElementWindow[], late: readonly Late[]): ElementWindow[] {
  const whole = new Map(windows.map((window) => [`${window.bucket} ${window.windowStart}`, window]))
  for (const { id, bucket, length } of late) {
    const windowStart = id - (id % 1000)
    const key = `${bucket} ${windowStart}`
    const window = whole.get(key) ?? { bucket, windowStart, windowEnd: windowStart + 1000, rows: 0, length: 0 }
    whole.set(key, { ...window, rows: window.rows + 1, length: window.length + length })
  }
  return [...whole.values()]
}

describe('records pushed one by one', () => {
  test.each([
    { job: 'echo', parallelism: 1 },
    { job: 'echo', parallelism: 2 },
    { job: 'awaited', parallelism: 1 },
  ])(
    'are taken at once, none at the end of a park: $job, parallelism $parallelism',
    async ({ job, parallelism }) => {
      const count = 6000
      const handle = engine.submit(shared(job), { parallelism })
      const doubled = collect(handle.output<number>('doubled'))
      const input = handle.input<number>('numbers')
      await input.push(0)
      const times = new Float64Array(count)
      for (let number = 1; number < count; number++) {
        const startMs = performance.now()
        await input.push(number)
        times[number] = performance.now() - startMs
      }
      await input.end()
      await handle.result
      times.sort()
      process.stdout.write(
        `  p50 ${times[count >> 1].toFixed(3)} ms, p99 ${times[Math.floor(count * 0.99)].toFixed(3)} ms, most ${times[count - 1].toFixed(1)} ms\n`,
      )
      expect(times.filter((ms) => ms >= PUSH_MS_MAX)).toHaveLength(0)
      expect((await doubled).sort((left, right) => left - right)).toEqual(Array.from({ length: count }, (_, number) => number * 2))
    },
    TEST_TIMEOUT_MS,
  )
})

describe('channels', () => {
  test(
    'carry every element, whatever their size and that of batches',
    async () => {
      const rows = 6000
      const { default: job } = (await import(own('elements').href)) as { default: Parameters<typeof runJob>[0] }
      const local = await runJob(job, { params: { rows } })
      const [windows, hundreds] = ['windows', 'hundreds'].map((name) => text(local.outputs.get(name)!))
      expect([windows.length, hundreds.length]).toEqual([97 * (rows / 1000), rows / 100])
      const random = dice(SEED)
      for (let round = 0; round < 16; round++) {
        const parallelism = 1 + random(4)
        const options = {
          'millrace.channel.memory-max': String(512 * 2 ** random(4)),
          'millrace.batch.rows-max': String([1, 3, 16, 64][random(4)]),
          'metrics.latency.interval': random(2) === 0 ? '1 ms' : '0 ms',
        }
        const handle = engine.submit(own('elements'), { params: { rows }, parallelism, options })
        const [inTime, late, rest] = await Promise.all([
          collect(handle.output<ElementWindow>('windows')),
          collect(handle.output<Late>('late')),
          collect(handle.output('hundreds')),
        ])
        expect((await handle.result).state).toBe('finished')
        const conditions = JSON.stringify({ round, parallelism, ...options })
        expect(text(withLate(inTime, late)), conditions).toEqual(windows)
        expect(text(rest), conditions).toEqual(hundreds)
      }
    },
    TEST_TIMEOUT_MS,
  )
})

describe('commands', () => {
  test(
    'come through at any moment: stop lets everything arrive, cancel ends at once',
    async () => {
      const random = dice(SEED + 1)
      for (let round = 0; round < 40; round++) {
        const parallelism = 1 + random(3)
        const options = { 'millrace.channel.memory-max': String(512 * 2 ** random(6)), 'millrace.batch.rows-max': String([2, 64, 1024][random(3)]) }
        const handle = engine.submit(own('endless'), { parallelism, options })
        const input = handle.input<number>('numbers')
        const pushed: Promise<void>[] = []
        for (let push = random(20); push > 0; push--) pushed.push(input.push(push).catch(() => {}))
        await new Promise((resolve) => setTimeout(resolve, random(2) === 0 ? random(20) : 300 + random(300)))
        const startMs = performance.now()
        const conditions = JSON.stringify({ round, parallelism, ...options })
        if (random(2) === 0) {
          await handle.cancel()
          expect((await handle.result).state, conditions).toBe('cancelled')
        } else {
          const { state, metrics } = await handle.stop()
          const rowsOf = (name: string): number => {
            const task = metrics.tasks.find(({ operators }) => operators.some((operator) => operator.name === name))!
            return name === 'End' ? task.rowsIn : task.operators.find((operator) => operator.name === name)!.rowsOut
          }
          expect(state, conditions).toBe('finished')
          expect([rowsOf('Keys'), parallelism > 1 ? rowsOf('End') : rowsOf('Rows')], conditions).toEqual([rowsOf('Rows'), rowsOf('Rows')])
        }
        await Promise.all(pushed)
        expect(performance.now() - startMs, conditions).toBeLessThan(5000)
      }
    },
    TEST_TIMEOUT_MS,
  )
})
