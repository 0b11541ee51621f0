// A window count over Nexmark JSON: the whole engine on one worker against a hand-written loop, and on two workers against one.

import { join } from 'node:path'
import { rowsOf } from '../data.ts'
import { agreement, type Benchmark, type Line, medianOf, raw, type Runner, sample, type Sample, type Settings, timed } from '../harness.ts'
import { mixIn, takeTotals, type Totals } from '../jobs/check-sink.ts'
import { runJob } from '../jobs/run-job.ts'
import { forEachLine } from '../lines-of-text.ts'
import { TimeReader } from '../nexmark-q0.ts'

const WINDOW_MS = 10_000

/** One pass that is printed beside, one that counts: workers, their compiled code and their memory are new in each. */
async function onWorkers({ data, folder }: Settings, workers: number): Promise<Sample> {
  const result = join(folder, `window-count-${workers}`)
  const pass = async (): Promise<{ seconds: number; cpuSeconds: number; totals: Totals; runningMs: number }> => {
    const { result: job, ...time } = await timed(() => runJob('window-count', { path: data['nexmark-4m'], result }, workers))
    return { ...time, totals: takeTotals(result), runningMs: job.metrics.runningMs }
  }
  const first = await pass()
  const second = await pass()
  return sample(second, second.totals, { firstSeconds: first.seconds, runningSeconds: second.runningMs / 1000 })
}

interface Event {
  readonly bid: { readonly bidder: number; readonly dateTime: string } | null
}

async function byHand({ data }: Settings): Promise<Sample> {
  const time = await timed(() => {
    const totals: Totals = { rows: 0, hash: 0, sum: 0 }
    const windows = new Map<number, Map<number, number>>()
    const times = new TimeReader()
    const fire = (start: number, counts: Map<number, number>): void => {
      for (const [bidder, bids] of counts) {
        totals.rows++
        totals.hash = (totals.hash + mixIn(mixIn(mixIn(0, bidder), start), bids)) >>> 0
        totals.sum += bids
      }
    }
    let watermark = -Infinity
    forEachLine(data['nexmark-4m']!, (line) => {
      const { bid } = JSON.parse(line) as Event
      if (bid === null) return
      const atMs = times.read(bid.dateTime)
      const start = atMs - (atMs % WINDOW_MS)
      let counts = windows.get(start)
      if (counts === undefined) windows.set(start, (counts = new Map<number, number>()))
      counts.set(bid.bidder, (counts.get(bid.bidder) ?? 0) + 1)
      if (atMs - 1 <= watermark) return
      watermark = atMs - 1
      for (const [open, openCounts] of windows)
        if (open + WINDOW_MS - 1 <= watermark) {
          fire(open, openCounts)
          windows.delete(open)
        }
    })
    for (const [start, counts] of windows) fire(start, counts)
    return totals
  })
  return sample(time, time.result)
}

async function run(runner: Runner): Promise<readonly Line[]> {
  const samples = await runner.interleave(['one', 'two', 'hand'], runner.rounds(3))
  const events = rowsOf('nexmark-4m', runner.settings.smoke) / 1e6
  const rate = (variant: keyof typeof samples): number => events / medianOf(samples[variant])
  const running = (one: Sample): number => one.figures['runningSeconds']!
  const cpu = (one: Sample): number => one.cpuSeconds
  const first = (variant: keyof typeof samples): number => medianOf(samples[variant], (one) => one.figures['firstSeconds']!)
  return [
    {
      name: 'window-count',
      value: rate('one'),
      unit: 'M events/s',
      baseline: rate('hand'),
      ratio: rate('one') / rate('hand'),
      bound: { of: 'ratio', least: 12 },
      check: agreement(samples.one, samples.hand),
      note: `s: ${raw(samples.one)}, workers alone ${raw(samples.one, running)}; by hand: ${raw(samples.hand)}`,
    },
    {
      name: 'two-workers',
      value: rate('two'),
      unit: 'M events/s',
      baseline: rate('one'),
      ratio: rate('two') / rate('one'),
      bound: { of: 'ratio', least: 1.5 },
      check: agreement(samples.one, samples.two),
      note: `s: ${raw(samples.two)}, workers alone ${raw(samples.two, running)}, ${(medianOf(samples.one, running) / medianOf(samples.two, running)).toFixed(2)}x; processor s: ${raw(samples.two, cpu)}, of one ${raw(samples.one, cpu)}; first pass: two workers ${first('two').toFixed(3)} s, one ${first('one').toFixed(3)} s, ${(first('one') / first('two')).toFixed(2)}x`,
    },
  ]
}

export const windowCount: Benchmark = {
  name: 'window-count',
  title: 'count by key in 10 s windows over Nexmark JSON: one worker against a hand-written loop, two against one',
  data: ['nexmark-4m'],
  jobs: ['window-count'],
  variants: { one: (settings) => onWorkers(settings, 1), two: (settings) => onWorkers(settings, 2), hand: byHand },
  run,
}
