// Tables and streams in one job, on threads: the same answers at every parallelism, and after a failure.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { collect, jobUrl, withEngine } from './jobs.ts'

const engine = withEngine()
const scratch = mkdtempSync(join(tmpdir(), 'millrace-tables-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

const COUNT = 6000
const input = join(scratch, 'numbers.jsonl')
const times = Array.from({ length: COUNT }, (_, n) => n - ((n * 31) % 40))
const two = (number: number, digits = 2): string => String(number).padStart(digits, '0')
writeFileSync(
  input,
  times.map((at, n) => `{"n":${n},"at":"1970-01-01 00:00:${two(Math.floor(Math.max(at, 0) / 1000))}.${two(Math.max(at, 0) % 1000, 3)}"}\n`).join(''),
)

interface Window {
  readonly start: string
  readonly time: string
  readonly numbers: number
  readonly total: number
}

const linesOf = (path: string): unknown[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as unknown)

/** All windows, by their beginnings, computed row by row. */
function expectedWindows(): unknown[] {
  const windows = new Map<number, { numbers: number; total: number }>()
  times.forEach((at, n) => {
    if (n % 2 !== 0) return
    const start = Math.floor(Math.max(at, 0) / 1000) * 1000
    const window = windows.get(start) ?? { numbers: 0, total: 0 }
    windows.set(start, { numbers: window.numbers + 1, total: window.total + n })
  })
  return [...windows].map(([start, window]) => ({
    start: `1970-01-01 00:00:${two(start / 1000)}.000`,
    time: `1970-01-01 00:00:${two(start / 1000)}.999`,
    ...window,
  }))
}

async function run(name: string, parallelism: number, params: Record<string, string>, options: Record<string, string> = {}) {
  const output = join(scratch, name)
  const handle = engine().submit(jobUrl('tables'), { parallelism, name, params: { input, output, ...params }, options, onLog() {} })
  const totals = collect(handle.output<{ readonly rowKind: string; readonly digits: bigint; readonly numbers: bigint }>('totals'))
  const { state } = await handle.result
  const windows = (linesOf(join(output, 'windows.jsonl')) as Window[]).toSorted((left, right) => (left.start < right.start ? -1 : 1))
  const digits = readdirSync(join(output, 'digits')).flatMap((file) => linesOf(join(output, 'digits', file)))
  return { state, windows, digits, totals: await totals, restarts: handle.restartCount }
}

const byDigit = (rows: readonly unknown[]): unknown[] => (rows as { readonly digit: number }[]).toSorted((left, right) => left.digit - right.digit)
const DIGITS = Array.from({ length: 10 }, (_, digit) => ({
  digit,
  numbers: COUNT / 10,
  total: (COUNT / 10) * digit + (10 * (COUNT / 10) * (COUNT / 10 - 1)) / 2,
}))

test.each([1, 2])('windows, changes and INSERTs are right with parallelism %i', async (parallelism) => {
  const { state, windows, digits, totals } = await run(`plain-${parallelism}`, parallelism, {})
  expect(state).toBe('finished')
  expect(windows).toEqual(expectedWindows())
  expect(byDigit(digits)).toEqual(DIGITS)
  expect(totals.at(-1)).toEqual({ rowKind: '+U', digits: 10n, numbers: BigInt(COUNT) })
})

test.each([1, 2])('a job that fails on the way writes each row once, with parallelism %i', async (parallelism) => {
  const mark = join(scratch, `mark-${parallelism}`)
  const { state, windows, digits, restarts } = await run(
    `failing-${parallelism}`,
    parallelism,
    { mark },
    {
      'execution.checkpointing.dir': join(scratch, 'state'),
      'execution.checkpointing.interval': '10 ms',
      'restart-strategy.type': 'fixed-delay',
      'restart-strategy.fixed-delay.attempts': '3',
      'restart-strategy.fixed-delay.delay': '1 ms',
    },
  )
  expect(existsSync(mark)).toBe(true)
  expect({ state, restarts }).toEqual({ state: 'finished', restarts: 1 })
  expect(windows).toEqual(expectedWindows())
  expect(byDigit(digits)).toEqual(DIGITS)
})
