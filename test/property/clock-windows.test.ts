// Windows of processing time that kernels fold, against the operators that take row after row: whatever the windows and the zone, however far the clock
// goes between two turns of reading, in either backend, and through a crash at any parallelism.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { VirtualClock } from '../../src/base/clock.ts'
import { formatType } from '../../src/batch/types.ts'
import type { JobSnapshot } from '../../src/checkpoint/job-snapshot.ts'
import { folded } from '../fixtures/answers.ts'
import { QueryJob } from '../fixtures/query-job.ts'

const folder = mkdtempSync(join(tmpdir(), 'clock-windows-'))
afterAll(() => rmSync(folder, { recursive: true }))

const MINUTE_MS = 60_000

/** Zones, and an instant near which something happens to their clocks. */
const PLACES = [
  ['UTC', '2026-01-01T00:00:03Z'],
  ['Asia/Kathmandu', '2026-01-01T00:00:03Z'],
  ['Europe/Berlin', '2026-03-29T00:20:00Z'],
  ['Europe/Berlin', '2026-10-25T00:05:00Z'],
  ['America/St_Johns', '2026-11-01T03:40:00Z'],
] as const

const WINDOWS = [
  "TABLE(TUMBLE(TABLE t, DESCRIPTOR(p), INTERVAL '7' MINUTE))",
  "TABLE(TUMBLE(TABLE t, DESCRIPTOR(p), INTERVAL '7' MINUTE, INTERVAL '3' MINUTE))",
  "TABLE(HOP(TABLE t, DESCRIPTOR(p), INTERVAL '4' MINUTE, INTERVAL '12' MINUTE))",
  "TABLE(CUMULATE(TABLE t, DESCRIPTOR(p), INTERVAL '3' MINUTE, INTERVAL '12' MINUTE))",
]
/** Those of GROUP BY: the function, and what it is of. */
const LEGACY = [
  ['TUMBLE', "p, INTERVAL '7' MINUTE"],
  ['HOP', "p, INTERVAL '4' MINUTE, INTERVAL '12' MINUTE"],
  ['HOP', "p, INTERVAL '5' MINUTE, INTERVAL '12' MINUTE"],
  ['HOP', "p, INTERVAL '9' MINUTE, INTERVAL '4' MINUTE"],
] as const
const AGGREGATES = ['COUNT(*)', 'SUM(i)', 'MAX(i)', 'COUNT(DISTINCT i)', 'AVG(i)', 'MIN(s)', 'COUNT(*) FILTER (WHERE i > 0)']

/** The query, and the same with an aggregate that kernels do not compute: all go row by row beside one. */
const queryArbitrary: fc.Arbitrary<readonly [query: string, byRow: string]> = fc
  .record({
    windows: fc.oneof(fc.constantFrom(...WINDOWS), fc.constantFrom(...LEGACY)),
    key: fc.constantFrom('', 'k', 'k, i'),
    aggregates: fc.uniqueArray(fc.constantFrom(...AGGREGATES), { maxLength: 4 }),
    hasTime: fc.boolean(),
  })
  .map(({ windows, key, aggregates, hasTime }) => {
    const isTable = typeof windows === 'string'
    const [name, of] = isTable ? ['', ''] : windows
    const bounds = isTable ? ['window_start', 'window_end', 'window_time'] : ['START', 'END', 'PROCTIME'].map((part) => `${name}_${part}(${of})`)
    const shown = [...(key === '' ? [] : key.split(', ')), ...bounds.slice(0, hasTime ? 3 : 2)]
    const grouped = isTable ? shown : [...(key === '' ? [] : [key]), `${name}(${of})`]
    const columns = [...shown, ...aggregates].map((expression, index) => `${expression} AS c${index}`)
    const from = `FROM ${isTable ? windows : 't'} GROUP BY ${grouped.join(', ')}`
    const names = columns.map((_, index) => `c${index}`).join(', ')
    return [
      `SELECT ${columns.join(', ')} ${from}`,
      `SELECT ${names} FROM (SELECT ${[...columns, 'VAR_POP(i) AS v'].join(', ')} ${from}) WHERE v IS NULL OR v >= 0`,
    ]
  })

interface Run {
  readonly startMs: number
  /** How far the clock goes behind each turn of reading. */
  readonly steps: readonly number[]
  readonly parallelism: number
  /** Behind so many turns the job is thrown away, and goes on from a checkpoint with so many workers; undefined: it is not. */
  readonly crash?: { readonly after: number; readonly parallelism: number }
  readonly isLmdb?: boolean
}

/** With hardly room for anything in memory. */
const LMDB = new Map([
  ['state.backend.type', 'lmdb'],
  ['state.backend.lmdb.cache-size', '1'],
])

/** Runs a query: what is read comes through to the end before the clock goes on. Rows as they are left, in order. */
function linesOf(script: string, { startMs, steps, parallelism, crash, isLmdb = false }: Run): readonly string[] {
  const clock = new VirtualClock(startMs)
  const start = (workers: number, restore?: JobSnapshot): QueryJob =>
    new QueryJob(script, {
      clock,
      parallelism: workers,
      isCheckpointed: crash !== undefined,
      ...(isLmdb && { options: LMDB }),
      ...(restore && { restore }),
    })
  const before: string[][] = []
  let job = start(parallelism)
  const settle = (): void => {
    const others = job.executor.workers.flatMap((worker) => worker.subtasks.filter(({ task }) => task.id !== 0))
    for (let still = 0; still < 2; still++) for (const subtask of others) if (subtask.step()) still = -1
  }
  const gather = (): void => void before.push(...(job.changelog as unknown as string[][]))
  const rowsRead = (): number => job.executor.metrics.read().tasks[0].operators[0].rowsIn
  /** The next files, or what is left to do behind the last. Returns whether there was one. */
  const read = (): boolean => {
    const rows = rowsRead()
    while (!job.executor.hasProcessed && rowsRead() === rows) {
      for (const { subtasks } of job.executor.workers) for (const subtask of subtasks) if (subtask.task.id === 0) subtask.step()
      settle()
    }
    return rowsRead() > rows
  }
  for (let turn = 0; !job.executor.hasProcessed; turn++) {
    const hasRead = read()
    if (turn === crash?.after) {
      // What is read behind the barrier is read again.
      job.executor.startCheckpoint(1)
      let snapshot: JobSnapshot | undefined
      while ((snapshot = job.executor.takeCheckpoint()) === undefined) read()
      job.executor.abandon()
      gather()
      job = start(crash.parallelism, snapshot)
    }
    // How many steps it takes to find that there is nothing more must not matter.
    if (!hasRead) continue
    clock.advanceMs(steps[turn % steps.length])
    settle()
  }
  job.executor.close()
  gather()
  const types = job.columns.map(({ type }) => formatType(type))
  return Array.from(folded(before as never, types), ([line, count]) => `${count} ${line}`).sort()
}

const rowsArbitrary = fc.array(
  fc.record({
    k: fc.constantFrom('a', 'b', 'c', 'a key that is longer than an entry has room for', null),
    i: fc.option(fc.integer({ min: -2, max: 2 })),
    s: fc.constantFrom('x', 'y'.repeat(40)),
  }),
  { minLength: 40, maxLength: 120 },
)

let folders = 0
let seen = 0

test('windows of the machine’s clock are folded as row by row', () => {
  fc.assert(
    fc.property(
      rowsArbitrary,
      queryArbitrary,
      fc.constantFrom(...PLACES),
      fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 6 * MINUTE_MS })), { minLength: 1, maxLength: 20 }),
      fc.integer({ min: 2, max: 6 }),
      fc.record({ after: fc.integer({ min: 1, max: 5 }), parallelism: fc.constantFrom(1, 2, 3) }),
      fc.integer({ min: 0, max: 15 }),
      (rows, [query, byRow], [zone, startText], steps, fileRows, crash, dice) => {
        // What lies in a file is read at once.
        const events = join(folder, String(folders++))
        mkdirSync(events)
        for (let first = 0; first < rows.length; first += fileRows) {
          const lines = rows.slice(first, first + fileRows).map((row) => `${JSON.stringify(row)}\n`)
          writeFileSync(join(events, `${String(first).padStart(3, '0')}.jsonl`), lines.join(''))
        }
        const table = `SET 'table.local-time-zone' = '${zone}';
          CREATE TABLE t (k STRING, i INT, s STRING, p AS PROCTIME()) WITH ('connector' = 'filesystem', 'path' = '${events}', 'format' = 'json');`
        const run: Run = { startMs: Date.parse(startText), steps, parallelism: 1 }
        const expected = linesOf(`${table}\n${byRow}`, run)
        seen += expected.length
        expect(linesOf(`${table}\n${query}`, run)).toEqual(expected)
        const crashed: Run = { ...run, parallelism: 2, crash }
        expect(linesOf(`${table}\n${query}`, { ...crashed, isLmdb: dice === 0 })).toEqual(linesOf(`${table}\n${byRow}`, crashed))
        rmSync(events, { recursive: true })
      },
    ),
    { numRuns: 25 },
  )
  expect(seen).toBeGreaterThan(50)
})
