// Every benchmark still runs and still computes what it says: the suite in smoke mode, tiny inputs, no bounds. Runs the benchmarks as the
// command does, on the built package.
import { execFile } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

async function bench(...args: readonly string[]): Promise<string> {
  return (await promisify(execFile)(process.execPath, ['.scripts/run.mjs', 'bench/main.ts', '--smoke', ...args], { cwd: root })).stdout
}

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
  const lines = (await bench('--json'))
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

test('without --json it prints the machine, and a table of the same lines', async () => {
  expect(await bench('csv')).toMatch(/^[^\n]+\n\n[^\n]+\ncsv /)
})
