// The main job, `millrace run` of it from start to exit, against a loop over the rows that hyparquet makes.

import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { agreement, type Benchmark, type Line, medianOf, raw, type Runner, sample, type Sample, type Settings, timed } from '../harness.ts'
import { execute, ROOT } from './command.ts'

const HOUR_MS = 3_600_000
const FLIGHTS = join(ROOT, 'node_modules/vega-datasets/data/flights-3m.parquet')

interface Hour {
  readonly flights: number
  readonly meanDelay: number
  readonly shareLate: number
}

/** Airport-hours, flights, minutes late, flights more than 15 minutes late. */
function checkOf(lines: string): string {
  const totals = [0, 0, 0, 0]
  for (const line of lines.split('\n')) {
    if (line === '') continue
    const { flights, meanDelay, shareLate } = JSON.parse(line) as Hour
    totals[0]++
    totals[1] += flights
    totals[2] += Math.round(meanDelay * flights)
    totals[3] += Math.round(shareLate * flights)
  }
  return totals.join(' ')
}

async function command({ folder }: Settings): Promise<Sample> {
  const own = mkdtempSync(join(folder, 'flights-'))
  const file = join(own, 'airport-hours.jsonl')
  const job = [join(ROOT, 'dist/cli.js'), 'run', join(ROOT, 'examples/flights/flights.ts'), '--', '--out', file]
  const time = await timed(() => execute(job, own))
  const { status, output } = time.result
  if (status !== 0) return sample(time, `exit code ${status}: ${output}`)
  return sample(time, checkOf(readFileSync(file, 'utf8')))
}

/** One object a row, a Map of airport-hours, the same file without the airports' names. */
async function byHand({ folder }: Settings): Promise<Sample> {
  const file = join(folder, 'flights-by-hand.jsonl')
  const time = await timed(async () => {
    const rows = await parquetReadObjects({ file: await asyncBufferFromFile(FLIGHTS), compressors, columns: ['date', 'delay', 'origin'] })
    const hours = new Map<string, { origin: string; windowStart: number; flights: number; delay: number; late: number }>()
    for (const { date, delay, origin } of rows as { date: Date; delay: bigint; origin: string }[]) {
      const windowStart = Math.floor(date.getTime() / HOUR_MS) * HOUR_MS
      const key = `${origin} ${windowStart}`
      let hour = hours.get(key)
      if (hour === undefined) hours.set(key, (hour = { origin, windowStart, flights: 0, delay: 0, late: 0 }))
      hour.flights++
      hour.delay += Number(delay)
      if (delay > 15n) hour.late++
    }
    const lines: string[] = []
    for (const { origin, windowStart, flights, delay, late } of hours.values())
      lines.push(JSON.stringify({ origin, windowStart, flights, meanDelay: delay / flights, shareLate: late / flights }))
    writeFileSync(file, lines.join('\n'))
  })
  return sample(time, checkOf(readFileSync(file, 'utf8')))
}

async function run(runner: Runner): Promise<readonly Line[]> {
  const samples = await runner.interleave(['command', 'hand'], runner.rounds(3))
  const value = medianOf(samples.command)
  const baseline = medianOf(samples.hand)
  return [
    {
      name: 'flights',
      value,
      unit: 's',
      baseline,
      ratio: value / baseline,
      bound: { of: 'value', most: 4 },
      check: agreement(samples.command, samples.hand),
      note: `s: ${raw(samples.command)}; by hand: ${raw(samples.hand)}`,
    },
  ]
}

export const flights: Benchmark = {
  name: 'flights',
  title: 'the main job: millrace run of three million flights, start to exit',
  data: [],
  variants: { command, hand: byHand },
  run,
}
