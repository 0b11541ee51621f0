// file -> filter -> project -> JSON file: a job on one worker against Node's streams, readline and JSON.

import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream, createWriteStream, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { rowsOf } from '../data.ts'
import { agreement, type Benchmark, type Line, medianOf, raw, type Runner, sample, type Sample, type Settings, timed } from '../harness.ts'
import { PRICE_MIN } from '../jobs/pipe.ts'
import { runJob } from '../jobs/run-job.ts'

/** The file's hash; the file goes. */
function takeHash(path: string): string {
  const hash = createHash('md5').update(readFileSync(path)).digest('hex')
  rmSync(path)
  return hash
}

async function onOneWorker({ data, folder }: Settings): Promise<Sample> {
  const target = join(folder, 'pipe-out.jsonl')
  const time = await timed(() => runJob('pipe', { path: data['nexmark-4m'], target }))
  return sample(time, takeHash(target), { runningSeconds: time.result.metrics.runningMs / 1000 })
}

interface Event {
  readonly bid: { readonly auction: number; readonly bidder: number; readonly price: number; readonly dateTime: string; readonly extra: string } | null
}

async function withStreams({ data, folder }: Settings): Promise<Sample> {
  const target = join(folder, 'pipe-streams.jsonl')
  const time = await timed(async () => {
    const out = createWriteStream(target)
    for await (const line of createInterface({ input: createReadStream(data['nexmark-4m']!), crlfDelay: Infinity })) {
      const { bid } = JSON.parse(line) as Event
      if (bid === null || bid.price < PRICE_MIN) continue
      const { auction, bidder, price, dateTime, extra } = bid
      if (!out.write(`${JSON.stringify({ auction, bidder, price, dateTime, extra })}\n`)) await once(out, 'drain')
    }
    out.end()
    await once(out, 'finish')
  })
  return sample(time, takeHash(target))
}

async function run(runner: Runner): Promise<readonly Line[]> {
  const samples = await runner.interleave(['worker', 'streams'], runner.rounds(3))
  const events = rowsOf('nexmark-4m', runner.settings.smoke) / 1e6
  const value = events / medianOf(samples.worker)
  const baseline = events / medianOf(samples.streams)
  return [
    {
      name: 'pipe',
      value,
      unit: 'M events/s',
      baseline,
      ratio: value / baseline,
      bound: { of: 'ratio', least: 12 },
      check: agreement(samples.worker, samples.streams),
      note: `s: ${raw(samples.worker)}, workers alone ${raw(samples.worker, (one) => one.figures['runningSeconds'])}; streams: ${raw(samples.streams)}`,
    },
  ]
}

export const pipe: Benchmark = {
  name: 'pipe',
  title: 'file, filter, project, JSON file: a job against Node streams, readline and JSON',
  data: ['nexmark-4m'],
  jobs: ['pipe'],
  variants: { worker: onOneWorker, streams: withStreams },
  run,
}
