// The harness of the benchmark suite: what a benchmark is, how its variants are measured in fresh processes, medians and verdicts. Runs in the
// parent process (scheduling, judging) and in the measured one (`timed`). Invariant: two variants are compared only if their checks agree.

import { spawn } from 'node:child_process'
import { closeSync, openSync, readSync } from 'node:fs'
import { cpus } from 'node:os'
import type { DataName, DataPaths } from './data.ts'

/** What a variant needs to know. The same in the parent and in the measured process. */
export interface Settings {
  /** Tiny inputs, one round, no bounds: the test that benchmarks still run and still compute what they say. */
  readonly smoke: boolean
  /** The sizes that the figures are promised for, where they take minutes. */
  readonly full: boolean
  readonly data: DataPaths
  /** A folder that is removed after the run. */
  readonly folder: string
}

/** What one measured process found. */
export interface Sample {
  readonly seconds: number
  /** User and system time of all threads of the process, over the same span. */
  readonly cpuSeconds: number
  /** What was computed, in short: equal for all variants that compute the same. */
  readonly check: string
  /** Further figures of this variant, by name. */
  readonly figures: Readonly<Record<string, number>>
}

/** The work of one process: everything that is not to be measured happens outside of {@link timed}. */
export type Variant = (settings: Settings) => Promise<Sample>

export type Bound =
  | { readonly of: 'ratio' | 'value'; readonly least: number }
  | { readonly of: 'ratio' | 'value'; readonly most: number }
  /** Whether the line holds is said by the benchmark itself; `text` is the rule. */
  | { readonly of: 'rule'; readonly text: string; readonly holds: boolean }

/** One printed line. */
export interface Line {
  readonly name: string
  readonly value: number
  readonly unit: string
  /** The baseline's figure in the same unit. */
  readonly baseline: number | null
  readonly ratio: number | null
  readonly bound: Bound | null
  /** `ok`, or what differs. */
  readonly check: string
  /** What the figures are made of: raw values of the rounds, parts. */
  readonly note?: string
}

/** Measures in fresh processes, as a benchmark asks for it. */
export interface Runner {
  readonly settings: Settings
  /** Number of rounds the user asked for, or `usual`; 1 in smoke mode. */
  rounds(usual: number): number
  /** One measured process. */
  measure(variant: string): Promise<Sample>
  /** `rounds` rounds of all variants, their order reversed every other round. */
  interleave<V extends string>(variants: readonly V[], rounds: number): Promise<Record<V, readonly Sample[]>>
}

export interface Benchmark {
  readonly name: string
  /** What is measured, in a few words. */
  readonly title: string
  /** Files it reads. */
  readonly data: readonly DataName[]
  /** Job modules in `bench/jobs` that its processes submit. */
  readonly jobs?: readonly string[]
  readonly variants: Readonly<Record<string, Variant>>
  run(runner: Runner): Promise<readonly Line[]>
}

/** Runs `work` and takes its time. `work` returns what it computed, to be compared later. */
export async function timed<T>(work: () => T | Promise<T>): Promise<{ readonly seconds: number; readonly cpuSeconds: number; readonly result: T }> {
  const cpuBefore = process.cpuUsage()
  const startedMs = performance.now()
  const result = await work()
  const seconds = (performance.now() - startedMs) / 1000
  const cpu = process.cpuUsage(cpuBefore)
  return { seconds, cpuSeconds: (cpu.user + cpu.system) / 1e6, result }
}

export function sample(time: { readonly seconds: number; readonly cpuSeconds: number }, check: unknown, figures: Record<string, number> = {}): Sample {
  return { seconds: time.seconds, cpuSeconds: time.cpuSeconds, check: typeof check === 'string' ? check : JSON.stringify(check), figures }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right)
  const middle = sorted.length >>> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

export function medianOf(samples: readonly Sample[], figure: (sample: Sample) => number = (sample) => sample.seconds): number {
  return median(samples.map(figure))
}

/** `ok` if all samples computed the same, else what they computed. */
export function agreement(...samples: readonly (readonly Sample[])[]): string {
  const checks = [...new Set(samples.flat().map((sample) => sample.check))]
  return checks.length === 1 ? 'ok' : `DIFFERS: ${checks.map((check) => check.slice(0, 200)).join(' | ')}`
}

/** The raw values of the rounds, for notes. */
export function raw(samples: readonly Sample[], figure: (sample: Sample) => number = (sample) => sample.seconds, digits: number = 3): string {
  return samples.map((sample) => figure(sample).toFixed(digits)).join(' ')
}

export function holds(line: Line): boolean {
  const { bound } = line
  if (bound === null) return true
  if (bound.of === 'rule') return bound.holds
  const figure = bound.of === 'ratio' ? line.ratio : line.value
  if (figure === null) return false
  return 'least' in bound ? figure >= bound.least : figure <= bound.most
}

/** Starts one measured process: this program again, told what to measure, and how. */
export async function measureInProcess(what: string, settings: unknown): Promise<Sample> {
  const child = spawn(process.execPath, [process.argv[1], '--measure', what, '--settings', JSON.stringify(settings)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  const [status, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) => child.on('close', (...end) => resolve(end)))
  const answer = output.split('\n').find((line) => line.startsWith(ANSWER))
  if (status !== 0 || answer === undefined) throw new Error(`${what} ended with ${signal ?? status} and said: ${output}`)
  return JSON.parse(answer.slice(ANSWER.length)) as Sample
}

/** Makes sure that a file lies in the page cache: disks are not what is measured, and some machines take cached pages away. */
export function readThrough(path: string): void {
  const file = openSync(path, 'r')
  const block = new Uint8Array(READ_BYTES)
  while (readSync(file, block) > 0);
  closeSync(file)
}

const READ_BYTES = 1 << 20
const ANSWER = 'measured: '

/** The other side of a measured process. */
export async function answerMeasurement(benchmark: Benchmark, variant: string, settings: Settings): Promise<void> {
  tellMeasurement(await benchmark.variants[variant](settings))
}

/** What {@link measureInProcess} waits for. */
export function tellMeasurement(result: Sample): void {
  process.stdout.write(`${ANSWER}${JSON.stringify(result)}\n`)
}

export function newRunner(benchmark: Benchmark, settings: Settings, rounds: number | undefined): Runner {
  const measure = (variant: string): Promise<Sample> => {
    // In smoke mode time means nothing, so a process for each variant would only cost some.
    if (settings.smoke) return benchmark.variants[variant](settings)
    for (const name of benchmark.data) readThrough(settings.data[name]!)
    return measureInProcess(`${benchmark.name}/${variant}`, settings)
  }
  return {
    settings,
    measure,
    rounds: (usual) => (settings.smoke ? 1 : (rounds ?? usual)),
    async interleave<V extends string>(variants: readonly V[], count: number): Promise<Record<V, readonly Sample[]>> {
      const samples = Object.fromEntries(variants.map((variant) => [variant, [] as Sample[]])) as Record<V, Sample[]>
      for (let round = 0; round < count; round++)
        for (const variant of round % 2 === 0 ? variants : variants.toReversed()) samples[variant].push(await measure(variant))
      return samples
    },
  }
}

function boundText(bound: Bound | null): string {
  if (bound === null) return ''
  if (bound.of === 'rule') return bound.text
  const mark = bound.of === 'ratio' ? 'x' : ''
  return 'least' in bound ? `>= ${bound.least}${mark}` : `<= ${bound.most}${mark}`
}

/** One JSON object. */
export function lineJson(line: Line, smoke: boolean): string {
  const { bound } = line
  return JSON.stringify({
    ...line,
    bound: bound === null || bound.of === 'rule' ? null : 'least' in bound ? bound.least : bound.most,
    boundText: boundText(bound),
    ...(!smoke && { holds: holds(line) }),
  })
}

function figure(value: number): string {
  const size = Math.abs(value)
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3)
}

export const LINE_HEAD = `${'measurement'.padEnd(34)} ${'figure'.padStart(9)} ${'unit'.padEnd(10)} ${'baseline'.padStart(9)} ${'ratio'.padStart(7)}  ${'bound'.padEnd(24)} verdict`

/** One line of text. */
export function lineText(line: Line, smoke: boolean): string {
  const verdict = line.check !== 'ok' ? `WRONG ${line.check}` : line.bound === null || smoke ? 'ok' : holds(line) ? 'holds' : 'MISSED'
  return [
    `${line.name.padEnd(34)} ${figure(line.value).padStart(9)} ${line.unit.padEnd(10)} ${(line.baseline === null ? '' : figure(line.baseline)).padStart(9)}`,
    `${(line.ratio === null ? '' : `${figure(line.ratio)}x`).padStart(7)}  ${boundText(line.bound).padEnd(24)} ${verdict}`,
    ...(line.note === undefined ? [] : [`\n    ${line.note}`]),
  ].join(' ')
}

/** What the figures were measured on. */
export function machineText(): string {
  return `Node ${process.versions.node}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown processor'}`
}
