// How late rows come through a hash exchange between two workers, counted from when they were due; and how late a thread that does nothing but
// read the clock sees the same schedule: what is left is the machine's.

import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { build, decodeFromCompressedBase64, type Histogram } from 'hdr-histogram-js'
import { agreement, type Benchmark, type Line, medianOf, type Runner, sample, type Sample, type Settings, timed } from '../harness.ts'
import { takeFiles } from '../jobs/check-sink.ts'
import { UNITS_MAX, UNITS_PER_MS } from '../jobs/latency.ts'
import { runJob } from '../jobs/run-job.ts'

const ROWS_PER_SECOND = 100_000
const WORKERS = 2

const secondsIn = (smoke: boolean): number => (smoke ? 0.2 : 30)
const warmupIn = (smoke: boolean): number => (smoke ? 0.1 : 10)

function percentiles(histogram: Histogram): Record<string, number> {
  const at = (percentile: number): number => histogram.getValueAtPercentile(percentile) / UNITS_PER_MS
  return { p50: at(50), p99: at(99), p999: at(99.9), p9999: at(99.99), max: histogram.maxValue / UNITS_PER_MS }
}

async function exchange({ smoke, folder }: Settings): Promise<Sample> {
  const seconds = secondsIn(smoke)
  const warmupSeconds = warmupIn(smoke)
  const result = join(folder, 'latency')
  const time = await timed(() => runJob('latency', { rowsPerSecond: ROWS_PER_SECOND, seconds, warmupSeconds, result }, WORKERS))
  const total = build({ lowestDiscernibleValue: 1, highestTrackableValue: UNITS_MAX, numberOfSignificantValueDigits: 3 })
  let rows = 0
  for (const text of takeFiles(result)) {
    const part = JSON.parse(text) as { rows: number; histogram: string }
    rows += part.rows
    total.add(decodeFromCompressedBase64(part.histogram))
  }
  const wanted = Math.round(ROWS_PER_SECOND * (seconds + warmupSeconds))
  return sample(time, Math.abs(rows - wanted) < WORKERS ? 'ok' : `${rows} rows came of ${wanted}`, {
    ...percentiles(total),
    cores: time.cpuSeconds / time.seconds,
  })
}

/** Reads the clock, and nothing else; rows fall due meanwhile. As text: a thread of its own without a file. */
const CLOCK_READER = `
const { parentPort, workerData } = require('node:worker_threads')
const { seconds, rowsPerMs, unitsPerMs, bucketsMax } = workerData
const buckets = new Uint32Array(bucketsMax + 1)
const start = performance.now()
let row = 0
for (let now = start; now - start < seconds * 1000; now = performance.now())
  for (; start + row / rowsPerMs <= now; row++) buckets[Math.min(bucketsMax, Math.max(1, Math.round((now - start - row / rowsPerMs) * unitsPerMs)))]++
parentPort.postMessage(buckets)
`

async function clock({ smoke }: Settings): Promise<Sample> {
  const total = build({ lowestDiscernibleValue: 1, highestTrackableValue: UNITS_MAX, numberOfSignificantValueDigits: 3 })
  const time = await timed(() =>
    Promise.all(
      Array.from({ length: WORKERS }, async () => {
        const workerData = { seconds: secondsIn(smoke) / 2, rowsPerMs: ROWS_PER_SECOND / 1000 / WORKERS, unitsPerMs: UNITS_PER_MS, bucketsMax: UNITS_MAX / 10 }
        const worker = new Worker(CLOCK_READER, { eval: true, workerData })
        const buckets = await new Promise<Uint32Array>((resolve, reject) => worker.once('message', resolve).once('error', reject))
        for (let value = 1; value < buckets.length; value++) if (buckets[value] > 0) total.recordValueWithCount(value, buckets[value])
      }),
    ),
  )
  return sample(time, 'ok', percentiles(total))
}

async function run(runner: Runner): Promise<readonly Line[]> {
  const samples = await runner.interleave(['clock', 'exchange'], runner.rounds(1))
  const at = (variant: keyof typeof samples, name: string): number => medianOf(samples[variant], ({ figures }) => figures[name])
  const check = agreement(samples.exchange, samples.clock)
  const line = (name: string, percentile: string, bound: Line['bound'], note?: string): Line => ({
    name,
    value: at('exchange', percentile),
    unit: 'ms',
    baseline: at('clock', percentile),
    ratio: at('exchange', percentile) / at('clock', percentile),
    bound,
    check,
    ...(note !== undefined && { note }),
  })
  const tail = at('exchange', 'p999')
  const isTailGood = tail <= 10 || tail <= 2 * at('clock', 'p999')
  return [
    line('latency.p50', 'p50', { of: 'value', most: 0.15 }),
    line('latency.p99', 'p99', { of: 'value', most: 2 }),
    line(
      'latency.p999',
      'p999',
      { of: 'rule', text: '<= 10 or <= 2x', holds: isTailGood },
      `p99.99 ${at('exchange', 'p9999').toFixed(2)} ms, max ${at('exchange', 'max').toFixed(2)}; ${at('exchange', 'cores').toFixed(2)} cores used; the clock's max ${at('clock', 'max').toFixed(2)}`,
    ),
  ]
}

export const latency: Benchmark = {
  name: 'latency',
  title: 'rows through a 2 x 2 hash exchange at 100,000 rows/s, counted from when they were due',
  data: [],
  jobs: ['latency'],
  variants: { exchange, clock },
  run,
}
