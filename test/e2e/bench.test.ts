// Every benchmark still runs and still computes what it says: the suite in smoke mode, tiny inputs, no bounds. Runs the benchmarks as the
// command does, on the built package.
import { execFile, spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

interface Line {
  readonly name: string
  readonly value: number
  readonly unit: string
  readonly baseline: number | null
  readonly ratio: number | null
  readonly bound: number | null
  readonly check: string
}

/** The lines of the table that the suite promises; more may be printed beside them. */
const PROMISED = [
  ...['json-lines', 'json-lines.throughput', 'json-lines.kernel', 'csv', 'pipe', 'count-int64', 'count-string', 'window-count', 'two-workers', 'keyed-process'],
  ...['closures', 'latency.p50', 'latency.p99', 'latency.p999', 'command.js', 'command.ts', 'command.js.memory', 'command.ts.memory'],
  ...['metrics', 'metrics.garbage', 'idle-job', 'flat-memory'],
]

test('npm run bench -- --smoke --json prints every promised line, each with an answer that was checked, and leaves no file behind', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['.scripts/run.mjs', 'bench/main.ts', '--smoke', '--json'], { cwd: root })
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)
  expect(lines.map(({ name }) => name)).toEqual(expect.arrayContaining(PROMISED))
  expect(lines.filter(({ check }) => check !== 'ok').map(({ name, check }) => `${name}: ${check}`)).toEqual([])
  for (const line of lines) {
    expect(line, line.name).toMatchObject({ unit: expect.any(String) as string })
    expect(Number.isFinite(line.value), `${line.name} has a figure`).toBe(true)
    for (const key of ['baseline', 'ratio', 'bound'] as const) expect(line, line.name).toHaveProperty(key)
  }
  const folder = `${root}/.bench`
  // Another run of the suite may be going on: only folders of runs that have ended count, and this one has.
  // `bench:nexmark` keeps its files.
  if (existsSync(folder)) expect(readdirSync(folder).filter((name) => name !== 'kept' && !name.startsWith('run-'))).toEqual([])
  // Every line starts jobs, some of them processes: half a minute on two cores that do nothing else.
}, 300_000)

describe('the command line of npm run bench', () => {
  const bench = (...args: readonly string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['.scripts/run.mjs', 'bench/main.ts', ...args], { cwd: root, encoding: 'utf8' })
    return { status, stdout, stderr }
  }

  test('--help says how it is used', () => {
    const { status, stdout, stderr } = bench('--help')
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toMatch(/^Usage: npm run bench -- \[NAME \.\.\.\] \[options\]\n/)
  })

  test('takes names with and without --only', () => {
    const { status, stdout } = bench('csv', '--only', 'pipe', '--smoke', '--json')
    expect(status).toBe(0)
    expect(stdout.match(/"name":"[^"]*"/g)).toEqual(['"name":"csv"', '"name":"pipe"'])
  })

  test.each([
    [['nope'], 'error: Cannot measure "nope": there are json-lines, '],
    [['csv', '--only', 'nope'], 'error: Cannot measure "nope": '],
    [['--fast'], "error: Cannot read the command line: Unknown option '--fast' ("],
    [['--runs', 'many'], 'error: Cannot run "many" rounds: '],
    [['--runs'], "error: Cannot read the command line: Option '--runs <value>' argument missing ("],
  ])('refuses %j in one line, with 2', (args, text) => {
    const { status, stdout, stderr } = bench(...args)
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toMatch(/^[^\n]+\n$/)
    expect(stderr.startsWith(text)).toBe(true)
  })
})

describe('npm run bench:nexmark', () => {
  const bench = (...args: readonly string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['.scripts/run.mjs', 'bench/nexmark/main.ts', ...args], { cwd: root, encoding: 'utf8' })
    return { status, stdout, stderr }
  }

  test('prints figures of each query from the file and from the generator, and finds the rows that Flink gives', () => {
    const { status, stdout, stderr } = bench('--smoke', '--json', '--queries', 'q0,q4,q18')
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(lines.map(({ query, source, check }) => `${String(query)} ${String(source)} ${String(check)}`)).toEqual(
      ['q0', 'q4', 'q18'].flatMap((query) => [`${query} file ok`, `${query} generator ok`]),
    )
    for (const line of lines)
      for (const key of ['eventsPerSecond', 'cpuSeconds', 'coldSeconds', 'wholeSeconds', 'peakBytes']) expect(line[key]).toBeGreaterThan(0)
  })

  test.each([
    [['--queries', 'q0,q99'], 'error: Cannot run "q99": there are q0, q1, '],
    [['--events', '1G'], 'error: Cannot make "1G" events: '],
    [['--sources', 'kafka'], 'error: Cannot read from "kafka": '],
  ])('refuses %j in one line, with 2', (args, text) => {
    const { status, stdout, stderr } = bench(...args)
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr.startsWith(text)).toBe(true)
  })
})
