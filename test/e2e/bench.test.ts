// The command lines of the benchmarks, and what `bench:nexmark` says of its queries. That every benchmark runs is in test/bench.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

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
