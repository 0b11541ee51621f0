// A user's KeyedProcessFunction with a value state and a timer a key, 10 K keys, one worker.

import { join } from 'node:path'
import { type Benchmark, type Line, medianOf, raw, type Runner, sample, type Sample, type Settings, timed } from '../harness.ts'
import { mixIn, takeResult, type Totals } from '../jobs/check-sink.ts'
import { BASE_MS, keyOf } from '../jobs/generated-source.ts'
import { TIMER_MS } from '../jobs/keyed-process.ts'
import { runJob } from '../jobs/run-job.ts'

const KEYS = 10_000
const ROWS_PER_MS = 100

const rowsIn = (smoke: boolean): number => (smoke ? 200_000 : 20_000_000)

/** What the function's results must be: a timer fires once a later row has moved the watermark to it. */
function expected(rows: number): Totals {
  const totals: Totals = { rows: 0, hash: 0, sum: 0 }
  const counts = new Int32Array(KEYS)
  const timers = new Float64Array(KEYS).fill(Infinity)
  const fire = (key: number): void => {
    totals.rows++
    totals.hash = (totals.hash + mixIn(mixIn(mixIn(0, key), timers[key]), counts[key])) >>> 0
    totals.sum += counts[key]
    counts[key] = 0
    timers[key] = Infinity
  }
  let watermark = -Infinity
  for (let row = 0; row < rows; row++) {
    const key = keyOf(row, KEYS)
    const atMs = BASE_MS + Math.floor(row / ROWS_PER_MS)
    if (timers[key] <= watermark) fire(key)
    if (timers[key] === Infinity) timers[key] = atMs + TIMER_MS
    counts[key]++
    watermark = atMs - 1
  }
  for (let key = 0; key < KEYS; key++) if (counts[key] > 0) fire(key)
  return totals
}

async function process({ smoke, folder }: Settings): Promise<Sample> {
  const result = join(folder, 'keyed-process')
  const rows = rowsIn(smoke)
  const time = await timed(() => runJob('keyed-process', { rows, keys: KEYS, rowsPerMs: ROWS_PER_MS, result }))
  const { totals } = takeResult(result)
  const same = JSON.stringify(totals) === JSON.stringify(expected(rows))
  return sample(time, same ? 'ok' : `${JSON.stringify(totals)}, not ${JSON.stringify(expected(rows))}`, {
    runningSeconds: time.result.metrics.runningMs / 1000,
  })
}

async function run(runner: Runner): Promise<readonly Line[]> {
  const { one } = await runner.interleave(['one'], runner.rounds(3))
  return [
    {
      name: 'keyed-process',
      value: rowsIn(runner.settings.smoke) / 1e6 / medianOf(one),
      unit: 'M rows/s',
      baseline: null,
      ratio: null,
      bound: { of: 'value', least: 4 },
      check: one.find(({ check }) => check !== 'ok')?.check ?? 'ok',
      note: `s: ${raw(one)}, workers alone ${raw(one, ({ figures }) => figures['runningSeconds'])}`,
    },
  ]
}

export const keyedProcess: Benchmark = {
  name: 'keyed-process',
  title: 'a user function with state and a timer for each of 10 K keys',
  data: [],
  jobs: ['keyed-process'],
  variants: { one: process },
  run,
}
