// Exactly once, on real processes: jobs of every kind are killed (SIGKILL) at any instant, while they start, process, write a checkpoint, commit or
// end, and started again with the same command, some at another parallelism, until they have finished; the engine, the process around it, or both. Goal: the result is that of a run that nobody killed, record by record;
// records of a key keep their order where the job keeps it; no file stays under its hidden name; a job that has finished is not run again.
// Method: a seed decides how often and when; most kills come at any instant of the usual time, the others when something happens in the
// folder of the checkpoints or of the results. The seed decides what is drawn, not how fast the machine is: a failure may need several runs.
//
//   CRASH_KILLS   kills in all, spread over the cases; 180 if it is not set
//   CRASH_SEED    repeats the draws of a run; each run has one of its own otherwise, which is printed

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { root, scratchFolder } from '../fixtures/command.ts'
import { dice } from '../fixtures/dice.ts'
import { hasPostgres, postgresServer } from '../fixtures/postgres.ts'
import { type Backend, CrashRun, differenceOf, ended, isFinishedAlready, missingFromComplete, OVERTAKING, recordLines, writeLines } from './harness.ts'
import { postgresTables, type RunTables, sqliteTables } from './tables.ts'

const KILLS = Number(process.env['CRASH_KILLS'] ?? 180)
const SEED = Number(process.env['CRASH_SEED'] ?? crypto.getRandomValues(new Uint32Array(1))[0])
const INPUT_SEED = 20_261
const PARALLELISMS = [1, 2, 3]
/** Kills between one beginning and one end: later ones find little left to do. */
const KILLS_MAX = 6
const CANARY_ROUNDS_MAX = 40

const folder = scratchFolder()
const path = (name: string): string => join(folder, name)
const postgres = postgresServer()
const flights = join(root, 'node_modules/vega-datasets/data/flights-3m.parquet')

/** Jobs, by name, with the parallelism at which each runs. */
const JOBS: readonly {
  readonly name: string
  readonly job: string
  readonly params: Readonly<Record<string, string>>
  readonly parallelism: readonly number[]
  /** Whether each start has another parallelism: where neither the order of records nor the names of files say how many subtasks wrote them. */
  readonly isMoved?: boolean
  readonly backend?: Backend
  /** Makes the tables of a run, if it writes to some. */
  readonly tables?: (folder: string) => RunTables | Promise<RunTables>
  readonly settings?: readonly string[]
}[] = [
  { name: 'windows', job: 'windows', params: { in: path('many.jsonl') }, parallelism: [1, 2, 3], isMoved: true },
  { name: 'states and timers', job: 'process', params: { in: path('some.jsonl') }, parallelism: [1, 2, 3] },
  { name: 'timers over several splits', job: 'timers', params: { in: path('some.jsonl') }, parallelism: [1, 2, 3], isMoved: true },
  { name: 'states and timers, outside of memory', job: 'process', params: { in: path('some.jsonl') }, parallelism: [2], backend: 'lmdb' },
  { name: 'states of many keys, outside of memory', job: 'counts', params: { in: path('some.jsonl') }, parallelism: [1, 2], isMoved: true, backend: 'lmdb' },
  { name: 'sessions, outside of memory', job: 'sessions', params: { in: path('some.jsonl') }, parallelism: [2], isMoved: true, backend: 'lmdb' },
  {
    name: 'windows of many keys, outside of memory',
    job: 'wide-windows',
    params: { in: path('some.jsonl') },
    parallelism: [1, 2],
    isMoved: true,
    backend: 'lmdb',
  },
  { name: 'an interval join', job: 'join', params: { in: path('some.jsonl'), right: path('right.jsonl') }, parallelism: [1, 2, 3], isMoved: true },
  { name: 'sessions and a window over all of them', job: 'sessions', params: { in: path('some.jsonl') }, parallelism: [1, 2, 3], isMoved: true },
  { name: 'windows over a file that is compressed', job: 'windows', params: { in: path('many.jsonl.gz') }, parallelism: [2] },
  { name: 'windows over a folder of files', job: 'windows', params: { in: path('folder') }, parallelism: [1, 3], isMoved: true },
  { name: 'states and timers over a file that is compressed', job: 'process', params: { in: path('some.jsonl.gz') }, parallelism: [2] },
  { name: 'readers with sinks of their own', job: 'copy', params: { in: path('folder') }, parallelism: [2, 3] },
  { name: 'partitions in parts', job: 'partitions', params: { in: path('some.jsonl') }, parallelism: [1, 2, 3], isMoved: true },
  {
    name: 'a join whose records barriers overtake',
    job: 'join',
    params: { in: path('some.jsonl'), right: path('right.jsonl') },
    parallelism: [2],
    isMoved: true,
    settings: OVERTAKING,
  },
  { name: 'windows whose records barriers overtake', job: 'windows', params: { in: path('many.jsonl') }, parallelism: [2, 3], settings: OVERTAKING },
  { name: 'windows over row groups', job: 'flights', params: { in: flights }, parallelism: [2], isMoved: true },
  { name: 'windows to tables of SQLite', job: 'windows-tables', params: { in: path('fewer.jsonl') }, parallelism: [2], isMoved: true, tables: sqliteTables },
  { name: 'states and timers to a table of SQLite', job: 'process-tables', params: { in: path('few.jsonl') }, parallelism: [2], tables: sqliteTables },
  ...(hasPostgres
    ? [
        {
          name: 'windows to tables of PostgreSQL',
          job: 'windows-tables',
          params: { in: path('fewer.jsonl') },
          parallelism: [1, 2],
          isMoved: true,
          tables: () => postgresTables(postgres),
        },
        {
          name: 'states and timers to a table of PostgreSQL',
          job: 'process-tables',
          params: { in: path('few.jsonl') },
          parallelism: [1, 3],
          tables: () => postgresTables(postgres),
        },
      ]
    : []),
]
const CASES = JOBS.flatMap(({ parallelism, ...job }) => parallelism.map((one) => ({ ...job, parallelism: one })))
const KILLS_PER_CASE = Math.ceil(KILLS / CASES.length)

const all = { kills: 0, restores: 0, rounds: 0 }

beforeAll(() => {
  const many = recordLines(INPUT_SEED, 600_000, 80)
  const some = recordLines(INPUT_SEED + 1, 160_000, 60)
  writeLines(path('many.jsonl'), many)
  writeLines(path('many.jsonl.gz'), many)
  writeLines(path('some.jsonl'), some)
  writeLines(path('some.jsonl.gz'), some)
  // A round over tables should not take longer than one over files.
  writeLines(path('fewer.jsonl'), many.slice(0, 150_000))
  writeLines(path('few.jsonl'), some.slice(0, 60_000))
  writeLines(path('right.jsonl'), recordLines(INPUT_SEED + 2, 80_000, 60))
  mkdirSync(path('folder'))
  for (let file = 0; file < 7; file++)
    writeLines(join(path('folder'), `records-${file}.jsonl`), many.slice((file * many.length) / 7, ((file + 1) * many.length) / 7))
})

afterAll(() => {
  process.stdout.write(`  seed ${SEED}: ${all.kills} kills, ${all.restores} starts from a checkpoint, ${all.rounds} jobs that finished\n`)
})

test.concurrent.each(CASES.map((one, index) => ({ ...one, index })))(
  'a job that is killed at any instant answers as one that is not: $name, parallelism $parallelism',
  async ({ job, params, parallelism, isMoved = false, tables, settings = [], index, backend = 'memory' }) => {
    const random = dice((SEED + index * 7919) >>> 0)
    const description = { path: join('test/crash/jobs', `${job}.mjs`), parallelism, params, settings, backend }
    const newRun = async (name: string): Promise<CrashRun> => new CrashRun(description, path(name), await tables?.(path(`${name}-tables`)))
    const undisturbed = await newRun(`undisturbed-${index}`)
    const startMs = performance.now()
    await undisturbed.finish()
    const usualMs = performance.now() - startMs
    const expected = await undisturbed.written()
    const records = [...expected.values()].flat(2).length
    expect(records).toBeGreaterThan(1000)
    undisturbed.remove()

    let kills = 0
    let restores = 0
    let rounds = 0
    while (kills < KILLS_PER_CASE) {
      const run = await newRun(`round-${index}-${rounds++}`)
      const signals: string[] = []
      for (let most = Math.min(KILLS_PER_CASE - kills, 1 + random(KILLS_MAX)), isFinished = false; !isFinished;) {
        const outcome = most-- > 0 ? await run.crash(random, usualMs, isMoved ? PARALLELISMS : [parallelism]) : { ...(await run.finish()), kills: 0 }
        const { signal, stderr } = outcome
        const from = /Goes on from checkpoint (\d+)/.exec(stderr)?.[1]
        if (from !== undefined) restores++
        kills += outcome.kills
        signals.push(`${signal ?? 'finished'}, from checkpoint ${from ?? 'none'}`)
        isFinished = signal === null
        expect(await missingFromComplete(run, expected), `CRASH_SEED=${SEED}, round ${rounds}: ${signals.join('; ')}`).toEqual([])
      }
      const { difference, examples } = await differenceOf(run, expected)
      const course = [`CRASH_SEED=${SEED}, round ${rounds}: ${signals.join('; ')}`, ...examples].join('\n')
      expect(difference, course).toEqual({ lost: 0, duplicated: 0, outOfOrder: 0, inProgress: 0 })
      const again = await ended(run.start())
      expect(isFinishedAlready(again), `${course}\nand then ${again.status}: ${again.stderr}`).toBe(true)
      run.remove()
    }
    process.stdout.write(
      `  ${records} records, ${(usualMs / 1000).toFixed(1)} s undisturbed; ${kills} kills, ${restores} starts from a checkpoint, ${rounds} jobs that finished\n`,
    )
    all.kills += kills
    all.restores += restores
    all.rounds += rounds
  },
)

test('a job that forgets what it has counted is found out', async () => {
  const random = dice(SEED)
  const description = { path: 'test/crash/jobs/canary.mjs', parallelism: 2, params: { in: path('some.jsonl') } }
  const undisturbed = new CrashRun(description, path('undisturbed-canary'))
  const startMs = performance.now()
  await undisturbed.finish()
  const usualMs = performance.now() - startMs
  const expected = await undisturbed.written()
  let found = 0
  // A round without a restore, or with one that finds nothing left to do, shows nothing.
  for (let round = 0; round < CANARY_ROUNDS_MAX && found === 0; round++) {
    const run = new CrashRun(description, path(`canary-${round}`))
    const crash = await run.crash(random, usualMs, [2])
    const { stderr } = crash.signal === null ? crash : await run.finish()
    const { difference } = await differenceOf(run, expected)
    expect(difference, stderr).toMatchObject(/Goes on/.test(stderr) ? { inProgress: 0 } : { lost: 0, duplicated: 0, outOfOrder: 0, inProgress: 0 })
    found += difference.lost + difference.duplicated + difference.outOfOrder
  }
  expect(found).toBeGreaterThan(0)
})

test('jobs are killed as often as they should be, and many go on from a checkpoint', () => {
  expect(all.kills).toBeGreaterThanOrEqual(KILLS)
  // Not all of them: a kill may come before the first checkpoint, which is no restore, or a job may be killed once for all its life.
  expect(all.restores).toBeGreaterThan(KILLS / 3)
})
