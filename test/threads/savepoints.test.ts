// Savepoints of running jobs through the engine's handles: what starts from one goes on exactly where it was taken.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type JobHandle, PlanError, RestoreError } from 'millrace'
import { afterAll, describe, expect, test } from 'vitest'
import { failureOf, jobUrl, withEngine } from './jobs.ts'

const engine = withEngine()
const scratch = mkdtempSync(join(tmpdir(), 'millrace-savepoints-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))
let folders = 0
const newFolder = (): string => join(scratch, `folder-${folders++}`)

const COUNT = 6000
const START_MS = Date.UTC(2026, 0, 1)
const input = join(scratch, 'numbers.jsonl')
writeFileSync(
  input,
  Array.from({ length: COUNT }, (_, n) => `${JSON.stringify({ n, at: new Date(START_MS + n).toISOString().slice(0, -1).replace('T', ' ') })}\n`).join(''),
)

/** What the job has written into its files, those in progress not among it. */
function written(output: string): { readonly counts: readonly { n: number; seen: number }[]; readonly seconds: number; readonly inProgress: number } {
  const names = readdirSync(output, { recursive: true, encoding: 'utf8' })
  const lines = (name: string): string[] => (existsSync(join(output, name)) ? readFileSync(join(output, name), 'utf8').split('\n').filter(Boolean) : [])
  const parts = names.filter((name) => /^counts\/part/.test(name))
  return {
    counts: parts.flatMap(lines).map((line) => JSON.parse(line) as { n: number; seen: number }),
    seconds: lines('seconds.jsonl').length,
    inProgress: names.filter((name) => name.endsWith('.inprogress')).length,
  }
}

/** Each number once, and how many of its key had come by then. */
function expectCounts(counts: readonly { n: number; seen: number }[], count: number = COUNT): void {
  expect(counts.map(({ n }) => n).toSorted((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, n) => n))
  const bySeen = counts.toSorted((a, b) => a.seen - b.seen)
  for (let key = 0; key < 10; key++)
    expect(bySeen.filter(({ n }) => n % 10 === key).map(({ seen }) => seen)).toEqual(Array.from({ length: count / 10 }, (_, seen) => seen + 1))
}

/** Resolves once the job has read so many rows. */
async function hasRead(submit: (onMetrics: (metrics: JobHandle['metrics']) => void) => JobHandle, rows: number): Promise<JobHandle> {
  return new Promise((resolve) => {
    const handle: JobHandle = submit(({ tasks }) => {
      if ((tasks[0]?.operators[0]?.rowsOut ?? 0) >= rows) resolve(handle)
    })
    void handle.stopped().then(() => resolve(handle))
  })
}

describe.each([
  ['with checkpoints', true],
  ['without checkpoints', false],
])('a job %s', (_, isCheckpointed) => {
  const optionsOf = (root: string): Record<string, string> => ({
    // So that readers of files cannot read on while what they have read waits.
    'millrace.channel.memory-max': '4 kb',
    ...(isCheckpointed && { 'execution.checkpointing.dir': root, 'execution.checkpointing.interval': '1 h' }),
  })

  test.each([
    [1, 1],
    [2, 3],
    [3, 1],
  ])('that is stopped by a savepoint goes on from it, moved and at another parallelism: %i, then %i', async (before, after) => {
    const output = newFolder()
    mkdirSync(output)
    const params = { input, output, slow: true }
    const handle = await hasRead(
      (onMetrics) => engine().submit(jobUrl('counting'), { params, parallelism: before, options: optionsOf(newFolder()), onMetrics }),
      500,
    )
    const taken = newFolder()
    expect(await handle.stopWithSavepoint(taken)).toBe(taken)
    expect((await handle.result).state).toBe('stopped')
    expect(readdirSync(taken).toSorted()).toEqual(['_metadata', 'state'])
    expect(written(output)).toMatchObject({ counts: [], seconds: 0 })
    const moved = newFolder()
    renameSync(taken, moved)
    const log: string[] = []
    const second = engine().submit(jobUrl('counting'), {
      params: { input, output },
      parallelism: after,
      options: { ...optionsOf(newFolder()), 'execution.savepoint.path': moved },
      onLog: (_operator, _subtask, message) => log.push(message),
    })
    expect((await second.result).state).toBe('finished')
    expect(log.filter((line) => line.startsWith(`Starts from the savepoint in "${moved}"`))).toHaveLength(1)
    const { counts, seconds, inProgress } = written(output)
    expectCounts(counts)
    expect([seconds, inProgress]).toEqual([COUNT / 1000, 0])
    expect(second.metrics.tasks[0].operators[0].rowsOut).toBeLessThan(COUNT)
  })

  test('that is drained fires every window, has finished, and leaves nothing to whoever starts from its savepoint', async () => {
    const output = newFolder()
    mkdirSync(output)
    const params = { input, output, slow: true }
    const handle = await hasRead(
      (onMetrics) => engine().submit(jobUrl('counting'), { params, parallelism: 2, options: optionsOf(newFolder()), onMetrics }),
      500,
    )
    const taken = await handle.stopWithSavepoint(newFolder(), { drain: true })
    expect((await handle.result).state).toBe('finished')
    const { counts, seconds, inProgress } = written(output)
    expect(counts.length).toBeGreaterThanOrEqual(500)
    expect(counts.length).toBeLessThan(COUNT)
    expect(seconds).toBeGreaterThan(0)
    expect(inProgress).toBe(0)
    const options = { ...optionsOf(newFolder()), 'execution.state-recovery.path': taken }
    const second = engine().submit(jobUrl('counting'), { params: { input, output }, parallelism: 2, options })
    expect((await second.result).state).toBe('finished')
    expect(written(output).counts).toHaveLength(counts.length)
  })

  test('goes on behind a savepoint, of which another job can be made', async () => {
    const numbersOf = (from: number, to: number): { n: number; at: number }[] => Array.from({ length: to - from }, (_, n) => ({ n: n + from, at: START_MS }))
    const results: { n: number; seen: number }[][] = []
    const start = (
      options: Record<string, string>,
    ): { handle: JobHandle; push: (from: number, to: number) => Promise<unknown>; got: { n: number; seen: number }[] } => {
      const handle = engine().submit(jobUrl('counting'), { parallelism: 2, options })
      const got: { n: number; seen: number }[] = []
      results.push(got)
      void handle.output<{ n: number; seen: number }>('counts').subscribe((record) => void got.push(record))
      return { handle, got, push: (from, to) => Promise.all(numbersOf(from, to).map((one) => handle.input('numbers').push(one))) }
    }
    const first = start(optionsOf(newFolder()))
    await first.push(0, 100)
    const taken = await first.handle.triggerSavepoint(newFolder())
    await first.push(100, 200)
    await first.handle.input('numbers').end()
    expect((await first.handle.result).state).toBe('finished')
    expectCounts(first.got, 200)
    const second = start({ ...optionsOf(newFolder()), 'execution.state-recovery.path': taken })
    await second.push(100, 150)
    await second.handle.input('numbers').end()
    await second.handle.result
    expect(second.got.map(({ n }) => n).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, n) => n + 100))
    expect(Math.min(...second.got.map(({ seen }) => seen))).toBe(11)
  })
})

describe('a savepoint', () => {
  test('is refused while another is taken, where something is, and of a job that has ended; the job goes on', async () => {
    const handle = engine().submit(jobUrl('counting'), { parallelism: 2 })
    const taken = newFolder()
    const [first, second] = await Promise.allSettled([handle.triggerSavepoint(taken), handle.triggerSavepoint(newFolder())])
    expect(first.status).toBe('fulfilled')
    expect((second as PromiseRejectedResult).reason).toMatchObject({ name: 'JobError', code: 'SAVEPOINT_IN_PROGRESS' })
    for (const action of [() => handle.triggerSavepoint(taken), () => handle.stopWithSavepoint(taken), () => handle.stopWithSavepoint(join(taken, 'state'))]) {
      const error = await failureOf(action())
      expect(error).toBeInstanceOf(PlanError)
      expect(error).toMatchObject({ code: 'SAVEPOINT_EXISTS', message: expect.stringContaining(taken) as string })
    }
    expect(await failureOf(handle.triggerSavepoint(''))).toMatchObject({ code: 'INVALID_ARGUMENT' })
    mkdirSync(newFolder())
    const empty = join(scratch, `folder-${folders - 1}`)
    expect(await handle.triggerSavepoint(empty)).toBe(empty)
    await handle.input('numbers').push({ n: 1, at: START_MS })
    await handle.cancel()
    expect(await failureOf(handle.triggerSavepoint(newFolder()))).toMatchObject({ code: 'JOB_ENDED' })
  })

  test('that cannot be kept stops nothing: sources read on', async () => {
    const handle = engine().submit(jobUrl('counting'), { parallelism: 2 })
    const got: unknown[] = []
    void handle.output('counts').subscribe((record) => void got.push(record))
    const file = newFolder()
    writeFileSync(file, '')
    expect(await failureOf(handle.stopWithSavepoint('/proc/savepoint'))).toMatchObject({ code: 'SAVEPOINT_FAILED' })
    expect(await failureOf(handle.stopWithSavepoint(join(file, 'below')))).toMatchObject({ code: 'SAVEPOINT_EXISTS' })
    await handle.input('numbers').push({ n: 1, at: START_MS })
    await handle.input('numbers').end()
    expect((await handle.result).state).toBe('finished')
    expect(got).toMatchObject([{ n: 1, seen: 1 }])
  })

  test('that is damaged, or not there, is refused', async () => {
    const handle = engine().submit(jobUrl('counting'), { parallelism: 1 })
    const taken = await handle.stopWithSavepoint(newFolder())
    const start = (path: string): Promise<Error> =>
      failureOf(engine().submit(jobUrl('counting'), { parallelism: 1, options: { 'execution.state-recovery.path': path } }).result)
    const missing = await start(join(taken, 'nothing'))
    expect(missing).toBeInstanceOf(RestoreError)
    expect(missing).toMatchObject({ code: 'NO_SAVEPOINT' })
    const metadata = readFileSync(join(taken, '_metadata'))
    metadata[metadata.length - 5] ^= 1
    writeFileSync(join(taken, '_metadata'), metadata)
    expect(await start(taken)).toMatchObject({ code: 'SNAPSHOT_DAMAGED' })
  })

  test('starts a job once: one that has taken a checkpoint since goes on from that, and one that has others is refused', async () => {
    const root = newFolder()
    const options = (path?: string): Record<string, string> => ({
      'execution.checkpointing.dir': root,
      'execution.checkpointing.interval': '1 h',
      ...(path !== undefined && { 'execution.state-recovery.path': path }),
    })
    const first = engine().submit(jobUrl('counting'), { parallelism: 1, options: options() })
    await first.input('numbers').push({ n: 1, at: START_MS })
    const taken = await first.stopWithSavepoint(newFolder())
    expect(await failureOf(engine().submit(jobUrl('counting'), { parallelism: 1, options: options(taken) }).result)).toMatchObject({
      code: 'JOB_HAS_CHECKPOINTS',
    })
    const log: string[] = []
    const submit = (fresh: boolean): JobHandle =>
      engine().submit(jobUrl('counting'), { parallelism: 1, fresh, options: options(taken), onLog: (_operator, _subtask, message) => log.push(message) })
    const second = submit(true)
    const later = await second.stopWithSavepoint(newFolder())
    const third = submit(false)
    await third.input('numbers').push({ n: 2, at: START_MS })
    await third.cancel()
    expect(log.map((line) => line.replace(/ of 20.*| in ".*/, ''))).toEqual([
      'Starts from the savepoint',
      expect.stringMatching(/^Goes on from checkpoint \d+$/),
    ])
    expect(existsSync(join(later, '_metadata'))).toBe(true)
  })
})
