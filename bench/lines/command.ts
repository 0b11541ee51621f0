// `millrace run` of a job of ten rows, process start to exit, against `node -e 0`: time, and the peak memory of all its processes together.

import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Benchmark, type Line, medianOf, raw, type Runner, sample, type Sample, type Settings, timed } from '../harness.ts'

/** The repository, seen from the bundle in dist/. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url))
const SQUARES = Array.from({ length: 10 }, (_, index) => String((index + 1) ** 2))
const MEMORY_POLL_MS = 4

/** Runs a program and returns how it went. `visit` is called again and again while it runs. */
export async function execute(args: readonly string[], cache: string, visit?: (pid: number) => void): Promise<{ output: string; status: number | null }> {
  // A cache of its own: a TypeScript job is bundled as on its first run.
  const env = { ...process.env, NODE_OPTIONS: '', TMPDIR: cache, XDG_CACHE_HOME: cache }
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'], env })
  let output = ''
  let errors = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  const polling = visit === undefined ? undefined : setInterval(() => visit(child.pid!), MEMORY_POLL_MS)
  const status = await new Promise<number | null>((resolve) => child.on('close', resolve))
  clearInterval(polling)
  return { output: status === 0 ? output : errors, status }
}

const jobArgs = (file: string): string[] => [join(ROOT, 'dist/cli.js'), 'run', join(ROOT, 'bench/jobs', file)]

/** Whether the job printed its ten squares, however it decorates them. */
function checkOf({ output, status }: { output: string; status: number | null }): string {
  if (status !== 0) return `exit code ${status}: ${output}`
  const numbers = output
    .split('\n')
    .map((line) => /(\d+)\D*$/.exec(line)?.[1])
    .filter((text) => text !== undefined)
  return JSON.stringify(numbers) === JSON.stringify(SQUARES) ? 'ok' : `printed ${output}`
}

async function start(args: readonly string[], { folder }: Settings, check: (end: { output: string; status: number | null }) => string): Promise<Sample> {
  const time = await timed(() => execute(args, mkdtempSync(join(folder, 'cache-'))))
  return sample(time, check(time.result))
}

/** A process and those it started, each at the most it ever held. */
async function memory(file: string, { folder }: Settings): Promise<Sample> {
  const peaks = new Map<number, number>()
  const visit = (pid: number): void => {
    try {
      const kilobytes = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
      peaks.set(pid, Math.max(peaks.get(pid) ?? 0, kilobytes))
      for (const task of readdirSync(`/proc/${pid}/task`))
        for (const child of readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean)) visit(Number(child))
    } catch {
      // It has ended, or this is no Linux: there is nothing to read.
    }
  }
  const time = await timed(() => execute(jobArgs(file), mkdtempSync(join(folder, 'cache-')), visit))
  return sample(time, checkOf(time.result), { megabytes: [...peaks.values()].reduce((sum, kilobytes) => sum + kilobytes, 0) / 1024, processes: peaks.size })
}

async function run(runner: Runner): Promise<readonly Line[]> {
  const samples = await runner.interleave(['node', 'js', 'ts'], runner.rounds(9))
  const peaks = await runner.interleave(['js-memory', 'ts-memory'], runner.rounds(3))
  const checkOfAll = (all: readonly Sample[]): string => all.find(({ check }) => check !== 'ok')?.check ?? 'ok'
  const time = (name: string, variant: 'js' | 'ts', most: number): Line => ({
    name,
    value: medianOf(samples[variant]),
    unit: 's',
    baseline: medianOf(samples.node),
    ratio: medianOf(samples[variant]) / medianOf(samples.node),
    bound: { of: 'value', most },
    check: checkOfAll(samples[variant]),
    note: `s: ${raw(samples[variant])}; node: ${raw(samples.node)}`,
  })
  const peak = (name: string, variant: 'js-memory' | 'ts-memory'): Line => ({
    name,
    value: medianOf(peaks[variant], ({ figures }) => figures['megabytes']),
    unit: 'MiB',
    baseline: null,
    ratio: null,
    bound: { of: 'value', most: 160 },
    check: checkOfAll(peaks[variant]),
    note: `${peaks[variant][0].figures['processes']} processes`,
  })
  return [time('command.js', 'js', 0.5), time('command.ts', 'ts', 0.65), peak('command.js.memory', 'js-memory'), peak('command.ts.memory', 'ts-memory')]
}

export const command: Benchmark = {
  name: 'command',
  title: 'millrace run of a job of ten rows, start to exit',
  data: [],
  variants: {
    node: (settings) => start(['-e', '0'], settings, () => 'ok'),
    js: (settings) => start(jobArgs('ten-rows.js'), settings, checkOf),
    ts: (settings) => start(jobArgs('ten-rows-typed.ts'), settings, checkOf),
    'js-memory': (settings) => memory('ten-rows.js', settings),
    'ts-memory': (settings) => memory('ten-rows-typed.ts', settings),
  },
  run,
}
