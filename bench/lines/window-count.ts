// A window count over Nexmark JSON: the whole engine on one worker against a hand-written loop, and on two workers against one.

import { join } from 'node:path'
import { Millrace } from 'millrace'
import { rowsOf } from '../data.ts'
import { agreement, type Benchmark, type Line, medianOf, raw, type Runner, sample, type Sample, type Settings, timed } from '../harness.ts'
import { mixIn, takeResult, type Totals } from '../jobs/check-sink.ts'
import { runJobOn } from '../jobs/run-job.ts'
import { forEachLine } from '../lines-of-text.ts'
import { TimeReader } from '../nexmark-q0.ts'

const WINDOW_MS = 10_000

/**
 * Four passes: jobs of one engine, the later ones on the threads of the first. The second one counts, the first and the fourth are printed beside.
 * `seconds` are those of the whole job; the pass alone is from when the first worker's operators were open to when the last had everything: what is left is planning.
 */
async function onWorkers({ data, folder }: Settings, workers: number): Promise<Sample> {
  await using engine = await Millrace.start()
  const result = join(folder, `window-count-${workers}`)
  const pass = async (): Promise<{ seconds: number; cpuSeconds: number; totals: Totals; passSeconds: number }> => {
    const time = await timed(() => runJobOn(engine, 'window-count', { path: data['nexmark-4m'], result }, workers))
    return { ...time, ...takeResult(result) }
  }
  const first = await pass()
  const second = await pass()
  // By the fourth V8 has compiled what it is going to compile, for which it takes a quarter of two cores in the second.
  await pass()
  const fourth = await pass()
  return sample(second, second.totals, {
    firstSeconds: first.seconds,
    firstPassSeconds: first.passSeconds,
    passSeconds: second.passSeconds,
    fourthPassSeconds: fourth.passSeconds,
  })
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
  const figure = (variant: keyof typeof samples, name: string): number => medianOf(samples[variant], ({ figures }) => figures[name])
  const passes = (variant: keyof typeof samples): string => raw(samples[variant], ({ figures }) => figures['passSeconds'])
  const cpu = (variant: keyof typeof samples): string => raw(samples[variant], ({ cpuSeconds }) => cpuSeconds)
  const value = events / medianOf(samples.one)
  const baseline = events / medianOf(samples.hand)
  const [one, two] = [events / figure('one', 'passSeconds'), events / figure('two', 'passSeconds')]
  const firstRatio = figure('one', 'firstPassSeconds') / figure('two', 'firstPassSeconds')
  const fourthRatio = figure('one', 'fourthPassSeconds') / figure('two', 'fourthPassSeconds')
  return [
    {
      name: 'window-count',
      value,
      unit: 'M events/s',
      baseline,
      ratio: value / baseline,
      bound: { of: 'ratio', least: 12 },
      check: agreement(samples.one, samples.hand),
      note: `s: ${raw(samples.one)}, the pass alone ${passes('one')}, a job on fresh threads ${raw(samples.one, ({ figures }) => figures['firstSeconds'])}; by hand: ${raw(samples.hand)}`,
    },
    {
      name: 'two-workers',
      value: two,
      unit: 'M events/s',
      baseline: one,
      ratio: two / one,
      bound: { of: 'ratio', least: 1.5 },
      check: agreement(samples.one, samples.two),
      note:
        `passes: ${passes('two')}, on one worker ${passes('one')}; first pass ${figure('two', 'firstPassSeconds').toFixed(3)} s, ${firstRatio.toFixed(2)}x; ` +
        `fourth pass ${figure('two', 'fourthPassSeconds').toFixed(3)} s, ${fourthRatio.toFixed(2)}x; ` +
        `whole jobs: ${raw(samples.two)}, ${(medianOf(samples.one) / medianOf(samples.two)).toFixed(2)}x; processor s: ${cpu('two')}, of one worker ${cpu('one')}`,
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
