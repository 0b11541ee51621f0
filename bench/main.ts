// `npm run bench`: measures what the engine promises and prints a line for each promise. Also the program of every measured process.
// `npm run bench -- --help` says how it is used.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type DataName, type DataPaths, writeData } from './data.ts'
import { answerMeasurement, type Benchmark, holds, LINE_HEAD, lineJson, lineText, machineText, newRunner, type Settings } from './harness.ts'
import { checkpoints } from './lines/checkpoints.ts'
import { closures } from './lines/closures.ts'
import { command } from './lines/command.ts'
import { countByKey } from './lines/count-by-key.ts'
import { csv } from './lines/csv.ts'
import { flights } from './lines/flights.ts'
import { jsonLines } from './lines/json-lines.ts'
import { keyedProcess } from './lines/keyed-process.ts'
import { latency } from './lines/latency.ts'
import { pipe } from './lines/pipe.ts'
import { planning } from './lines/planning.ts'
import { recovery } from './lines/recovery.ts'
import { standing } from './lines/standing.ts'
import { stateBackends } from './lines/state-backends.ts'
import { windowCount } from './lines/window-count.ts'

const BENCHMARKS: readonly Benchmark[] = [
  jsonLines,
  csv,
  pipe,
  countByKey,
  windowCount,
  keyedProcess,
  closures,
  latency,
  command,
  flights,
  planning,
  checkpoints,
  recovery,
  standing,
  stateBackends,
]

const USAGE = `Usage: npm run bench -- [NAME ...] [options]

Measures the benchmarks whose name contains one of the NAMEs; all of them without any.

  --only NAME   the same as NAME
  --runs N      rounds of each benchmark
  --smoke       tiny inputs, in one process: only the answers count
  --full        sizes that take minutes and gigabytes of disk: 100 M keys of state
  --json        a line of JSON for each figure
  --list        what there is
  --micro       the engine's parts instead, one by one
  --help        this text
`

const { values: args, names } = commandLine()

const say = (text: string): void => void process.stdout.write(`${text}\n`)

function commandLine() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        only: { type: 'string', multiple: true, default: [] },
        runs: { type: 'string' },
        json: { type: 'boolean', default: false },
        smoke: { type: 'boolean', default: false },
        full: { type: 'boolean', default: false },
        list: { type: 'boolean', default: false },
        micro: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
        measure: { type: 'string' },
        settings: { type: 'string' },
      },
    })
    const names = [...positionals, ...values.only]
    const unknown = names.find((name) => !BENCHMARKS.some((benchmark) => benchmark.name.includes(name)))
    if (unknown !== undefined) refuse(`Cannot measure "${unknown}": there are ${BENCHMARKS.map(({ name }) => name).join(', ')}`)
    if (values.runs !== undefined && !/^[1-9]\d*$/.test(values.runs)) refuse(`Cannot run "${values.runs}" rounds: it must be a positive integer`)
    return { values, names }
  } catch (error) {
    // Node's text goes on with advice that holds for no option of ours.
    refuse(`Cannot read the command line: ${(error as Error).message.split('. ')[0]}`)
  }
}

/** Usage errors end the program at once, without a stack. */
function refuse(message: string): never {
  process.stderr.write(`error: ${message} (--help shows how it is used)\n`)
  process.exit(2)
}

async function runAll(folder: string): Promise<void> {
  const { json, smoke, full } = args
  const wanted = BENCHMARKS.filter(({ name }) => names.length === 0 || names.some((part) => name.includes(part)))
  if (!json) say(`${machineText()}\n\n${LINE_HEAD}`)
  const written: Partial<Record<DataName, string>> = {}
  for (const benchmark of wanted) {
    for (const name of benchmark.data) written[name] ??= writeData(name, folder, smoke)
    await bundleJobs(benchmark.jobs ?? [])
    const data: DataPaths = written
    const settings: Settings = { smoke, full, folder, data }
    const rounds = args.runs === undefined ? undefined : Number(args.runs)
    if (!json && !smoke) process.stderr.write(`… ${benchmark.title}\r`)
    const lines = await benchmark.run(newRunner(benchmark, settings, rounds))
    for (const line of lines) {
      say(json ? lineJson(line, smoke) : lineText(line, smoke))
      if (line.check !== 'ok' || (!smoke && !holds(line))) process.exitCode = 1
    }
    // Large files go as soon as nobody wants them any more.
    for (const name of Object.keys(written) as DataName[])
      if (!wanted.slice(wanted.indexOf(benchmark) + 1).some((later) => later.data.includes(name))) {
        rmSync(written[name]!, { force: true })
        delete written[name]
      }
  }
}

/** Bundles job modules to dist/, beside this program, where every thread can load them. */
async function bundleJobs(names: readonly string[]): Promise<void> {
  if (names.length === 0) return
  const { build } = await import('esbuild')
  await build({
    entryPoints: names.map((name) => ({ in: fileURLToPath(new URL(`../bench/jobs/${name}.ts`, import.meta.url)), out: `run.bench.jobs.${name}` })),
    outdir: dirname(fileURLToPath(import.meta.url)),
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    packages: 'external',
    // Without the paths of tsconfig.json, which would put a copy of the engine's sources into every job.
    tsconfigRaw: '{}',
    logLevel: 'error',
  })
}

function benchmarkNamed(name: string): Benchmark {
  return BENCHMARKS.find((benchmark) => benchmark.name === name)!
}

if (args.measure !== undefined) {
  const [name, variant] = args.measure.split('/') as [string, string]
  await answerMeasurement(benchmarkNamed(name), variant, JSON.parse(args.settings!) as Settings)
  // Nothing is left to wait for; a measured job may have left a port open.
  process.exit()
} else if (args.help) process.stdout.write(USAGE)
else if (args.list) for (const { name, title } of BENCHMARKS) say(`${name.padEnd(24)} ${title}`)
else if (args.micro) await (await import('./micro/engine.ts')).runMicroBenchmarks(args.smoke)
else {
  // Beside the bundle, on the same disk for everybody, and never checked in.
  const parent = join(dirname(fileURLToPath(import.meta.url)), '..', '.bench')
  mkdirSync(parent, { recursive: true })
  const folder = mkdtempSync(join(parent, 'run-'))
  const remove = (): void => rmSync(folder, { recursive: true, force: true })
  process.on('exit', remove)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130))
  await runAll(folder)
}
