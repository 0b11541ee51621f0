// `npm run bench:nexmark`: the queries of Nexmark, each in a process of its own, from a file of JSON lines and from the generator. Also the program of
// every measured process. `npm run bench:nexmark -- --help` says how it is used.

import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { machineText, measureInProcess, readThrough, type Sample, tellMeasurement } from '../harness.ts'
import { commonOptions, countOf, eventCounts, queriesNamed, refuse, shortCount } from './command-line.ts'
import { measureQuery, type Measurement, sumQuery } from './measured-query.ts'
import { eventsFile, ON_THE_CLOCK } from './queries.ts'

const USAGE = `Usage: npm run bench:nexmark -- [options]

Runs the queries of Nexmark and prints a line for each, and the geometric mean of them all.

  --events N,...      how many events: 1M,4M unless given
  --queries Q,...     some of them, as q0,q5
  --sources S,...     file, generator; both unless given
  --parallelism N     workers; as many as cores, at most 2, unless given
  --runs N            passes behind the first one, the best of which counts; 2 unless given
  --no-check          rows are not compared
  --smoke             few events, in one process: only the rows count
  --json              a line of JSON for each measurement
  --help              this text
`

const SMOKE_EVENTS = 10_000
const SOURCES = ['file', 'generator'] as const

/** How many rows a query keeps until its end: those that its joins have taken, or those of its result. Others keep what cannot be told as rows. */
const KEPT: Readonly<Record<string, 'joined' | 'result'>> = {
  q3: 'joined',
  q4: 'joined',
  q6: 'joined',
  q9: 'joined',
  q17: 'result',
  q18: 'result',
  q19: 'result',
  q20: 'joined',
}

const say = (text: string): void => void process.stdout.write(`${text}\n`)

const options = commandLine()

function commandLine() {
  try {
    const { values } = parseArgs({
      options: {
        ...commonOptions,
        sources: { type: 'string', default: SOURCES.join() },
        parallelism: { type: 'string', default: String(Math.min(2, availableParallelism())) },
        'no-check': { type: 'boolean', default: false },
        smoke: { type: 'boolean', default: false },
      },
    })
    const sources = SOURCES.filter((source) => values.sources.split(',').includes(source))
    if (sources.length !== values.sources.split(',').length) refuse(`Cannot read from "${values.sources}": there are ${SOURCES.join(' and ')}`)
    return {
      ...values,
      sources,
      events: values.smoke ? [SMOKE_EVENTS] : eventCounts(values.events),
      queries: queriesNamed(values.queries),
      parallelism: countOf('parallelism', values.parallelism),
      warmPasses: values.smoke ? 0 : countOf('runs', values.runs),
    }
  } catch (error) {
    return refuse(`Cannot read the command line: ${(error as Error).message.split('. ')[0]}`)
  }
}

/** One printed line. */
interface Figures {
  readonly query: string
  readonly source: string
  readonly events: number
  readonly seconds: number
  readonly eventsPerSecond: number
  readonly cpuSeconds: number
  readonly coldSeconds: number
  readonly wholeSeconds: number
  readonly wholeCpuSeconds: number
  readonly peakBytes: number
  readonly slabPeakBytes: number
  readonly bytesPerKeptRow: number | undefined
  readonly changes: number
  readonly rows: number | undefined
  /** `ok`, `-` if nothing was compared, or what is wrong. */
  readonly check: string
}

const HEAD = [
  'query   from       M events/s  seconds      cpu     cold    whole  its cpu  peak MB  B/kept row      changes         rows  check',
  '-----   ----       ----------  -------  -------  -------  -------  -------  -------  ----------  -----------  -----------  -----',
].join('\n')

function lineOf(figures: Figures): string {
  const { query, source, seconds, cpuSeconds, coldSeconds, wholeSeconds, wholeCpuSeconds, peakBytes, bytesPerKeptRow, changes, rows, check } = figures
  const cells = [
    query.padEnd(7),
    source.padEnd(10),
    (figures.eventsPerSecond / 1e6).toFixed(3).padStart(10),
    ...[seconds, cpuSeconds, coldSeconds, wholeSeconds, wholeCpuSeconds].map((value) => value.toFixed(3).padStart(8)),
    (peakBytes / 1e6).toFixed(0).padStart(8),
    (bytesPerKeptRow?.toFixed(0) ?? '').padStart(11),
    String(changes).padStart(12),
    String(rows ?? '').padStart(12),
    ` ${check}`,
  ]
  return cells.join(' ')
}

const measured = (what: 'run' | 'sum', measurement: Measurement): Promise<Sample> => {
  if (measurement.source === 'file') readThrough(eventsFile(measurement.events))
  if (options.smoke) return what === 'run' ? measureQuery(measurement) : sumQuery(measurement)
  return measureInProcess(what, measurement)
}

async function runSize(events: number): Promise<readonly Figures[]> {
  const { sources, parallelism, warmPasses } = options
  const all: Figures[] = []
  /** What a process takes that keeps nothing, by source. */
  const plainBytes = new Map<string, number>()
  for (const query of options.queries) {
    const of = (source: (typeof SOURCES)[number]): Measurement => ({ query, source, events, parallelism, warmPasses })
    const sums = options['no-check'] ? [] : await Promise.all(sources.map((source) => attempt(() => measured('sum', of(source)))))
    for (const [index, source] of sources.entries()) {
      const keeps = KEPT[query]
      if (keeps !== undefined && !plainBytes.has(source))
        plainBytes.set(source, (await measured('run', { ...of(source), query: 'q0', warmPasses: 0 })).figures['peakBytes'])
      const run = await attempt(() => measured('run', of(source)))
      if (run instanceof Error) {
        say(options.json ? JSON.stringify({ query, source, events, check: run.message }) : `${query.padEnd(7)} ${source.padEnd(10)} FAILED: ${run.message}`)
        process.exitCode = 1
        continue
      }
      const { figures, seconds, cpuSeconds } = run
      const sum = sums[index]
      const rows = sum === undefined || sum instanceof Error ? undefined : sum.figures['rows']
      const keptRows = keeps === undefined ? undefined : keeps === 'joined' ? figures['joinedRows'] : rows
      const line: Figures = {
        query,
        source,
        events,
        seconds,
        eventsPerSecond: events / seconds,
        cpuSeconds,
        coldSeconds: figures['coldSeconds'],
        wholeSeconds: figures['wholeSeconds'],
        wholeCpuSeconds: figures['wholeCpuSeconds'],
        peakBytes: figures['peakBytes'],
        slabPeakBytes: figures['slabPeakBytes'],
        bytesPerKeptRow: keptRows === undefined || options.smoke ? undefined : (figures['peakBytes'] - plainBytes.get(source)!) / keptRows,
        changes: figures['changes'],
        rows,
        check: checkOf(query, figures['changes'], sums),
      }
      all.push(line)
      say(options.json ? JSON.stringify(line) : lineOf(line))
      if (line.check !== 'ok' && line.check !== '-') process.exitCode = 1
    }
  }
  return all
}

async function attempt<T>(work: () => Promise<T>): Promise<T | Error> {
  try {
    return await work()
  } catch (error) {
    return error as Error
  }
}

/** What is wrong with the rows: they are the same from all sources, and where they are only added, as many as came to the sink. */
function checkOf(query: string, changes: number, sums: readonly (Sample | Error)[]): string {
  if (sums.length === 0) return '-'
  const failed = sums.find((sum) => sum instanceof Error)
  if (failed !== undefined) return `FAILED: ${failed.message}`
  const [first, ...others] = sums as readonly Sample[]
  if (query === ON_THE_CLOCK) return 'ok'
  const other = others.find(({ check }) => check !== first.check)
  if (other !== undefined) return `DIFFERS: ${first.check}, ${other.check}`
  if (!/^\d+ rows /.test(first.check)) return `DIFFERS: ${first.check}`
  if (first.figures['isInsertOnly'] === 1 && first.figures['rows'] !== changes) return `DIFFERS: ${first.figures['rows']} rows, ${changes} came to the sink`
  return 'ok'
}

function meansOf(all: readonly Figures[]): string {
  return options.sources
    .map((source) => {
      const own = all.filter((figures) => figures.source === source)
      const mean = (figure: (figures: Figures) => number): number => Math.exp(own.reduce((sum, figures) => sum + Math.log(figure(figures)), 0) / own.length)
      const cells = [
        'mean'.padEnd(7),
        source.padEnd(10),
        (mean(({ eventsPerSecond }) => eventsPerSecond) / 1e6).toFixed(3).padStart(10),
        ...(['seconds', 'cpuSeconds', 'coldSeconds', 'wholeSeconds', 'wholeCpuSeconds'] as const).map((name) =>
          mean((figures) => figures[name])
            .toFixed(3)
            .padStart(8),
        ),
        (mean(({ peakBytes }) => peakBytes) / 1e6).toFixed(0).padStart(8),
      ]
      return `${cells.join(' ')}  geometric, of ${own.length}`
    })
    .join('\n')
}

async function runAll(): Promise<void> {
  for (const events of options.events) {
    if (options.sources.includes('file')) eventsFile(events)
    if (!options.json) say(`${machineText()}\n${shortCount(events)} events, ${options.parallelism} workers\n\n${HEAD}`)
    const all = await runSize(events)
    if (!options.json && all.length > 1) say(`${meansOf(all)}\n`)
  }
}

if (options.measure !== undefined) {
  const measurement = JSON.parse(options.settings!) as Measurement
  tellMeasurement(await (options.measure === 'run' ? measureQuery(measurement) : sumQuery(measurement)))
  process.exit()
} else if (options.help) process.stdout.write(USAGE)
else await runAll()
