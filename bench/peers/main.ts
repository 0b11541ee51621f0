// `npm run bench:peers`: Nexmark's queries here, on a real Flink and on DuckDB, from the same file, by turns, with the ratios. Also the program of the
// measured processes in Node. `npm run bench:peers -- --help` says how it is used.

import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { machineText, measureInProcess, readThrough, type Sample, tellMeasurement } from '../harness.ts'
import { commonOptions, countOf, eventCounts, queriesNamed, refuse, shortCount } from '../nexmark/command-line.ts'
import { measureQuery, type Measurement, sumQuery } from '../nexmark/measured-query.ts'
import { eventsFile } from '../nexmark/queries.ts'
import { duckdbQuery, measureDuckdb, sumDuckdb } from './duckdb.ts'
import { installFlink, measureFlink } from './flink.ts'

const USAGE = `Usage: npm run bench:peers -- [options]

Runs the queries of Nexmark here, on Flink 2.3 and on DuckDB, by turns, from one file of JSON lines, and prints how many times as fast they are here.

  --events N,...      how many events: 1M,4M unless given
  --queries Q,...     some of them, as q0,q5
  --peers P,...       flink, duckdb; both unless given. Flink is installed into .bench/kept, unless FLINK_HOME names one
  --parallelism N     workers, slots, threads; as many as cores, at most 2, unless given
  --runs N            passes behind the first one of each process, the best of which counts; 2 unless given
  --no-check          rows are not compared with DuckDB's
  --json              a line of JSON for each query
  --help              this text
`

const PEERS = ['flink', 'duckdb'] as const
type Peer = (typeof PEERS)[number]
type Side = 'ours' | Peer

/** Of these the rows are the same in some columns only: where two are equal in the order, either may stand for both. */
const SETTLED: Readonly<Record<string, readonly string[]>> = {
  q9: ['rows', 'column0', 'column12'],
  q18: ['rows', 'column0', 'column1', 'column5'],
  q19: ['rows', 'column0', 'column2', 'column7'],
}

/** What has to be reached, by query; the others only have to be above the least. */
const DUCKDB_LEAST: Readonly<Record<string, number>> = { q0: 2, q1: 2, q2: 2, q14: 3, q21: 3, q22: 3 }
const FLINK_LEAST = 6
const MEAN_LEAST: Readonly<Record<Peer, number>> = { flink: 20, duckdb: 1.5 }

const say = (text: string): void => void process.stdout.write(`${text}\n`)

const options = commandLine()

function commandLine() {
  try {
    const { values } = parseArgs({
      options: {
        ...commonOptions,
        peers: { type: 'string', default: PEERS.join() },
        parallelism: { type: 'string', default: String(Math.min(2, availableParallelism())) },
        'no-check': { type: 'boolean', default: false },
      },
    })
    const peers = PEERS.filter((peer) => values.peers.split(',').includes(peer))
    if (peers.length !== values.peers.split(',').length) refuse(`Cannot compare with "${values.peers}": there are ${PEERS.join(' and ')}`)
    return {
      ...values,
      peers,
      events: eventCounts(values.events),
      queries: queriesNamed(values.queries),
      parallelism: countOf('parallelism', values.parallelism),
      warmPasses: countOf('runs', values.runs),
    }
  } catch (error) {
    return refuse(`Cannot read the command line: ${(error as Error).message.split('. ')[0]}`)
  }
}

/** What measures a peer; undefined with a word on it where it cannot be had. */
async function measureOf(peer: Peer): Promise<((measurement: Measurement) => Promise<Sample>) | undefined> {
  if (peer === 'flink') {
    const flink = installFlink()
    if ('lib' in flink) return (measurement) => measureFlink(flink.lib, measurement)
    process.stderr.write(`Flink is left out: ${flink.missing}\n`)
    return undefined
  }
  try {
    await import('@duckdb/node-api')
    return (measurement) => measureInProcess('duckdb', measurement)
  } catch (error) {
    process.stderr.write(`DuckDB is left out: ${(error as Error).message.split('\n')[0]}\n`)
    return undefined
  }
}

interface Result {
  readonly query: string
  readonly samples: Readonly<Partial<Record<Side, Sample | Error>>>
  /** `ok`, `-` if nothing was compared, or what is wrong. */
  readonly check: string
}

const secondsOf = (sample: Sample | Error | undefined): number => (sample === undefined || sample instanceof Error ? Number.NaN : sample.seconds)
const ratioOf = ({ samples }: Result, peer: Peer): number => secondsOf(samples[peer]) / secondsOf(samples.ours)

async function attempt(work: () => Promise<Sample>): Promise<Sample | Error> {
  try {
    return await work()
  } catch (error) {
    return error as Error
  }
}

/** Whether DuckDB's rows are as many, and the same in sum. */
async function checkOf(measurement: Measurement, isThere: boolean): Promise<string> {
  if (!isThere || options['no-check']) return '-'
  const [ours, theirs] = await Promise.all([attempt(() => measureInProcess('sum', measurement)), attempt(() => measureInProcess('duckdb-sum', measurement))])
  for (const sum of [ours, theirs]) if (sum instanceof Error) return `FAILED: ${sum.message}`
  const of = (sum: Sample): string =>
    Object.entries(sum.figures)
      .flatMap(([name, value]) => ((SETTLED[measurement.query]?.includes(name) ?? (name === 'rows' || name.startsWith('column'))) ? [`${name} ${value}`] : []))
      .join(', ')
  const [own, other] = [of(ours as Sample), of(theirs as Sample)]
  return own === other ? 'ok' : `DIFFERS: ${own} | ${other}`
}

const HEAD =
  'query      ours s    cpu   MB   flink s    cpu   MB   ratio  duckdb s    cpu   MB   ratio  check\n' +
  '-----      ------  -----  ---   -------  -----  ---   -----  --------  -----  ---   -----  -----'

function lineOf(result: Result): string {
  const { query, samples, check } = result
  const side = (sample: Sample | Error | undefined): string => {
    if (sample === undefined) return ''.padStart(22)
    if (sample instanceof Error) return 'FAILED'.padStart(22)
    const { seconds, cpuSeconds, figures } = sample
    return `${seconds.toFixed(3).padStart(10)} ${cpuSeconds.toFixed(2).padStart(6)} ${(figures['peakBytes'] / 1e6).toFixed(0).padStart(4)}`
  }
  const ratio = (peer: Peer): string => {
    const value = ratioOf(result, peer)
    return Number.isNaN(value) ? ''.padStart(7) : `${value.toFixed(2)}x`.padStart(7)
  }
  return `${query.padEnd(7)}${side(samples.ours)}${side(samples.flink)} ${ratio('flink')}${side(samples.duckdb)} ${ratio('duckdb')}  ${check}`
}

async function runSize(events: number, measures: ReadonlyMap<Side, (measurement: Measurement) => Promise<Sample>>): Promise<void> {
  const { parallelism, warmPasses } = options
  const path = eventsFile(events)
  if (!options.json) say(`${machineText()}\n${shortCount(events)} events, parallelism ${parallelism}\n\n${HEAD}`)
  const results: Result[] = []
  for (const [turn, query] of options.queries.entries()) {
    const measurement: Measurement = { query, source: 'file', events, parallelism, warmPasses }
    const sides = [...measures.keys()].filter((side) => side !== 'duckdb' || duckdbQuery(query) !== undefined)
    const samples: Partial<Record<Side, Sample | Error>> = {}
    for (const side of turn % 2 === 0 ? sides : sides.toReversed()) {
      readThrough(path)
      samples[side] = await attempt(() => measures.get(side)!(measurement))
    }
    const result: Result = { query, samples, check: await checkOf(measurement, sides.includes('duckdb')) }
    results.push(result)
    if (options.json) say(JSON.stringify({ events, ...result, ratios: Object.fromEntries(options.peers.map((peer) => [peer, ratioOf(result, peer)])) }))
    else {
      say(lineOf(result))
      for (const [side, sample] of Object.entries(samples)) if (sample instanceof Error) say(`        ${side}: ${sample.message.slice(0, 300)}`)
    }
    if (samples.ours instanceof Error || !['ok', '-'].includes(result.check)) process.exitCode = 1
  }
  for (const peer of options.peers) {
    const ratios = results.map((result) => [result.query, ratioOf(result, peer)] as const).filter(([, ratio]) => !Number.isNaN(ratio))
    if (ratios.length === 0) continue
    const mean = Math.exp(ratios.reduce((sum, [, ratio]) => sum + Math.log(ratio), 0) / ratios.length)
    const least = (query: string): number => (peer === 'flink' ? FLINK_LEAST : (DUCKDB_LEAST[query] ?? 0))
    const missed = ratios.filter(([query, ratio]) => ratio < least(query)).map(([query, ratio]) => `${query} ${ratio.toFixed(2)}x of ${least(query)}x`)
    if (options.json) say(JSON.stringify({ events, peer, mean, of: ratios.length, missed }))
    else
      say(
        `${peer}: ${mean.toFixed(2)}x in the geometric mean of ${ratios.length}, wanted ${MEAN_LEAST[peer]}x${missed.length === 0 ? '' : `; below their least: ${missed.join(', ')}`}`,
      )
  }
}

async function runAll(): Promise<void> {
  const measures = new Map<Side, (measurement: Measurement) => Promise<Sample>>([['ours', (measurement) => measureInProcess('run', measurement)]])
  for (const peer of options.peers) {
    const measure = await measureOf(peer)
    if (measure !== undefined) measures.set(peer, measure)
  }
  for (const events of options.events) await runSize(events, measures)
}

if (options.measure !== undefined) {
  const measurement = JSON.parse(options.settings!) as Measurement
  const work = { run: measureQuery, sum: sumQuery, duckdb: measureDuckdb, 'duckdb-sum': sumDuckdb }[options.measure]!
  tellMeasurement(await work(measurement))
  process.exit()
} else if (options.help) process.stdout.write(USAGE)
else await runAll()
