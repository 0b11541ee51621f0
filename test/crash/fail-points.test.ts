// Exactly once, at each step of the protocols: jobs of several kinds end, as by SIGKILL, at every place that src/base/fail-points.ts names, also while they
// are restored; started again they finish, and the result is that of a run that nobody ended.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { root, scratchFolder } from '../fixtures/command.ts'
import { hasPostgres, postgresServer } from '../fixtures/postgres.ts'
import { CrashRun, differenceOf, ended, missingFromComplete, OVERTAKING, recordLines, type Written, writeLines } from './harness.ts'
import { postgresTables, type RunTables, sqliteTables } from './tables.ts'

const folder = scratchFolder()
const path = (name: string): string => join(folder, name)

/** The names, read from the source: the built package does not export them. */
const NAMES = [...readFileSync(join(root, 'src/base/fail-points.ts'), 'utf8').matchAll(/^ {2}'([\w.-]+)',$/gm)].map(([, name]) => name)

const postgres = postgresServer()
/** Each job runs once, undisturbed. */
const HOOK_MS_MAX = 300_000

interface Job {
  readonly name: string
  readonly job: string
  readonly params: Readonly<Record<string, string>>
  readonly parallelism: number
  readonly settings?: readonly string[]
  readonly tables?: (folder: string) => RunTables | Promise<RunTables>
}

const JOBS: readonly Job[] = [
  { name: 'windows', job: 'windows', params: { in: path('records.jsonl') }, parallelism: 2 },
  { name: 'process', job: 'process', params: { in: path('records.jsonl') }, parallelism: 2 },
  { name: 'join', job: 'join', params: { in: path('records.jsonl'), right: path('right.jsonl') }, parallelism: 1 },
  { name: 'partitions', job: 'partitions', params: { in: path('right.jsonl') }, parallelism: 2 },
]
/** They end where rows are committed, and where the restored ones are: the other places see no difference. */
const TABLE_JOBS: readonly Job[] = [
  { name: 'sqlite', job: 'windows-tables', params: { in: path('few.jsonl') }, parallelism: 2, tables: sqliteTables },
  ...(hasPostgres
    ? [{ name: 'postgres', job: 'process-tables', params: { in: path('few.jsonl') }, parallelism: 2, tables: () => postgresTables(postgres) }]
    : []),
]
/** A job that takes long enough to be taken over. */
const LONG: Job = { name: 'long', job: 'windows', params: { in: path('many.jsonl'), slow: 'true' }, parallelism: 2 }
const isOfTables = (point: string): boolean => /^transaction\.|^restore\.(?:sink|writers)|^sink\.|^operator\.prepared$|^subtask\./.test(point)

/** Places that only barriers come to that overtake records. */
const OVERTAKEN = new Set([
  'restore.in-flight',
  'checkpoint.overtaking',
  'worker.overtakes',
  'gate.overtaken',
  'gate.channel-collected',
  'gate.all-collected',
  'checkpoint.in-flight-taken',
])
const OVERTAKING_JOBS: readonly Job[] = [
  { ...JOBS[0], settings: OVERTAKING },
  { ...JOBS[2], parallelism: 2, settings: OVERTAKING },
  { ...JOBS[0], parallelism: 3, settings: OVERTAKING },
]
const jobsOf = (point: string): readonly Job[] => {
  if (OVERTAKEN.has(point)) return OVERTAKING_JOBS
  // A fast job may end before it has more checkpoints than are retained.
  if (point.startsWith('prune.')) return [...JOBS, LONG]
  return isOfTables(point) ? [...JOBS, ...TABLE_JOBS] : JOBS
}

const expected = new Map<string, Written>()
const newRun = async ({ job, tables, ...settings }: Job, name: string): Promise<CrashRun> =>
  new CrashRun({ path: join('test/crash/jobs', `${job}.mjs`), ...settings }, path(name), await tables?.(path(`${name}-tables`)))

const NOTHING_WRONG = { lost: 0, duplicated: 0, outOfOrder: 0, inProgress: 0 }

/** Steps that a job takes only if it is asked to, or another process runs it. */
const isAsked = (name: string): boolean => name.startsWith('savepoint.') || name === 'worker.before-end'
const isTakeOver = (name: string): boolean => name.startsWith('take-over.')
const isFromSavepoint = (name: string): boolean => name === 'restore.savepoint-read'

beforeAll(async () => {
  writeLines(path('records.jsonl'), recordLines(7, 60_000, 40))
  writeLines(path('many.jsonl'), recordLines(9, 250_000, 40))
  // Enough for several commits: rows of tables cost more than lines of files.
  writeLines(path('few.jsonl'), recordLines(9, 20_000, 40))
  writeLines(path('right.jsonl'), recordLines(8, 30_000, 40))
  for (const job of [...JOBS, ...TABLE_JOBS, LONG]) {
    const run = await newRun(job, `undisturbed-${job.name}`)
    await run.finish()
    expected.set(job.name, await run.written())
  }
}, HOOK_MS_MAX)

test('there are enough of them', () => {
  expect(NAMES.length).toBeGreaterThanOrEqual(40)
  expect(new Set(NAMES).size).toBe(NAMES.length)
})

test.concurrent.each(NAMES.filter(isAsked))(
  'a job that ends at %s, while it is stopped behind a savepoint, goes on and answers as one that does not',
  async (name) => {
    let reached = 0
    for (const job of JOBS) {
      const run = await newRun(job, `${name}-${job.name}`)
      const { signal } = await run.stop(run.start(false, job.parallelism, name), run.path('savepoint'))
      if (signal === 'SIGKILL') reached++
      await run.finish()
      const { difference, examples } = await differenceOf(run, expected.get(job.name)!)
      expect(difference, [job.name, ...examples].join('\n')).toEqual(NOTHING_WRONG)
      run.remove()
    }
    expect(reached, 'no job came there').toBeGreaterThan(0)
  },
)

test.each(NAMES.filter(isFromSavepoint))('a job that ends at %s starts from its savepoint again', async (name) => {
  for (const job of JOBS) {
    const run = await newRun(job, `${name}-${job.name}`)
    const command = run.start(false)
    const answer = await run.ask(command, { command: 'stop', savepoint: run.path('savepoint') })
    expect([(await ended(command)).status, answer]).toEqual([0, expect.stringContaining('"status":"stopped"') as string])
    const fromSavepoint = ['--fresh', '--from-savepoint', run.path('savepoint')]
    expect((await ended(run.start(false, 3, name, undefined, fromSavepoint))).signal).toBe('SIGKILL')
    // The folder knows where the job starts from.
    const { status, stderr } = await ended(run.start())
    expect([status, stderr]).toEqual([0, expect.stringContaining('Starts from the savepoint') as string])
    const { difference, examples } = await differenceOf(run, expected.get(job.name)!)
    expect({ ...difference, outOfOrder: 0 }, [job.name, ...examples].join('\n')).toEqual(NOTHING_WRONG)
    run.remove()
  }
})

test.each(NAMES.filter(isTakeOver))('a process that ends at %s leaves the job to whoever comes next', async (name) => {
  const isZombie = /kill|ended/.test(name)
  const run = await newRun(LONG, name)
  const first = run.start(false)
  const pid = await run.listening(first)
  if (isZombie) process.kill(pid!, 'SIGSTOP')
  const second = await ended(run.start(false, 2, name, undefined, isZombie ? [] : ['--take-over']))
  expect(second.signal, second.stderr).toBe('SIGKILL')
  // One that was not told to end yet ends by itself.
  const { status } = isZombie ? { status: 1 } : await ended(first)
  if (status !== 0) await ended(run.start())
  const { difference, examples } = await differenceOf(run, expected.get('long')!)
  expect(difference, examples.join('\n')).toEqual(NOTHING_WRONG)
  expect(isZombie && (await ended(first)).signal !== 'SIGKILL').toBe(false)
  run.remove()
})

test.concurrent.each(NAMES.filter((one) => !isAsked(one) && !isTakeOver(one) && !isFromSavepoint(one)))(
  'a job that ends at %s goes on and answers as one that does not',
  async (name) => {
    let reached = 0
    for (const job of jobsOf(name)) {
      // Files know nothing of transactions.
      if (job.tables === undefined && /^transaction\.|writers/.test(name)) continue
      const run = await newRun(job, `${name}-${job.name}`)
      // What is restored needs a checkpoint; what happens once happens the first time.
      if (name.startsWith('restore.sink')) await run.failAt('sink.before-commit', job.parallelism)
      // There is something to tidy up once there are folders.
      else if (name.startsWith('restore.') || name === 'file.tidied') await run.failAt('checkpoint.told:2', job.parallelism)
      const again = name.startsWith('checkpoint.') || name.startsWith('storage.') || name.startsWith('prune.') ? [1, 3] : [1]
      let isFinished = false
      for (const time of again) {
        if (isFinished) break
        const { signal } = await run.failAt(`${name}:${time}`, job.parallelism)
        if (signal === null) isFinished = true
        else reached++
        expect(await missingFromComplete(run, expected.get(job.name)!)).toEqual([])
      }
      if (!isFinished) await run.finish()
      const { difference, examples } = await differenceOf(run, expected.get(job.name)!)
      expect(difference, [job.name, ...examples].join('\n')).toEqual(NOTHING_WRONG)
      run.remove()
    }
    expect(reached, 'no job came there').toBeGreaterThan(0)
  },
)
