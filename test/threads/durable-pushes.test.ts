// Pushes that wait for a checkpoint: once one resolves, no end of the job loses its record.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type JobHandle, Millrace, PlanError } from 'millrace'
import { afterAll, expect, test } from 'vitest'
import { collect, failureOf, jobUrl, withEngine } from './jobs.ts'

const engine = withEngine()
const scratch = mkdtempSync(join(tmpdir(), 'millrace-pushes-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))
const newFolder = (): string => mkdtempSync(join(scratch, 'state-'))

const DURABLE = { until: 'checkpoint' } as const
const SELDOM = { 'execution.checkpointing.interval': '1 h' }
const OFTEN = { 'execution.checkpointing.interval': '10' }
const optionsOf = (folder: string, more: Record<string, string>): Record<string, string> => ({ 'execution.checkpointing.dir': folder, ...more })

interface Count {
  readonly n: number
  readonly seen: number
}

/** A job that counts what is pushed, by the last digit. */
function counting(folder: string, more: Record<string, string>): { readonly handle: JobHandle; readonly counts: Count[]; push(n: number): Promise<void> } {
  const handle = engine().submit(jobUrl('counting'), { parallelism: 2, options: optionsOf(folder, more) })
  const counts: Count[] = []
  handle
    .output<Count>('counts')
    .subscribe((count) => void counts.push(count))
    .catch(() => {})
  return { handle, counts, push: (n) => handle.input('numbers').push({ n, at: 0 }, DURABLE) }
}

test('resolve when a savepoint that holds them is there, and not before; what came behind waits for the next', async () => {
  const { handle, push } = counting(newFolder(), SELDOM)
  const kept: number[] = []
  const pushKept = (n: number): Promise<unknown> => push(n).then(() => kept.push(n))
  const first = pushKept(1)
  // Accepted behind the first one.
  await handle.input('numbers').push({ n: 2, at: 0 })
  expect(kept).toEqual([])
  await handle.triggerSavepoint(join(newFolder(), 'savepoint'))
  await first
  const second = pushKept(3)
  await handle.input('numbers').push({ n: 4, at: 0 })
  expect(kept).toEqual([1])
  await handle.stopWithSavepoint(join(newFolder(), 'savepoint'))
  await second
})

test.each([
  ['aligned', {}],
  ['unaligned', { 'execution.checkpointing.unaligned.enabled': 'true', 'millrace.channel.memory-max': '4 kb' }],
])('of many records resolve while the job runs, and its next start has counted them: %s', async (_, settings) => {
  const folder = newFolder()
  const { handle, push } = counting(folder, { ...OFTEN, ...settings })
  // More than a batch in one message, then messages of their own.
  await Promise.all(Array.from({ length: 20_000 }, (_, n) => push(n)))
  const later = Array.from({ length: 50 }, async (_, n) => {
    for (let turn = 0; turn < n; turn++) await new Promise(setImmediate)
    await push(20_000 + n)
  })
  await Promise.all(later)
  await handle.cancel()
  const next = counting(folder, { ...OFTEN, ...settings })
  await Promise.all(Array.from({ length: 10 }, (_, n) => next.push(n)))
  await next.handle.input('numbers').end()
  await next.handle.result
  expect(next.counts.map(({ seen }) => seen)).toEqual(Array.from({ length: 10 }, () => 20_050 / 10 + 1))
})

test('resolve when their input has ended and others go on, and when the job has finished', async () => {
  const handle = engine().submit(jobUrl('values'), { parallelism: 1, options: optionsOf(newFolder(), OFTEN) })
  for (const name of ['values', 'prices']) void collect(handle.output(name))
  const value = handle.input('values').push(1, DURABLE)
  await handle.input('values').end()
  await value
  await handle.cancel()

  const finishing = counting(newFolder(), SELDOM)
  const last = finishing.push(1)
  await finishing.handle.input('numbers').end()
  await last
  expect((await finishing.handle.result).state).toBe('finished')
})

test('reject with what failed the job, and when it is cancelled or stopped before', async () => {
  const failing = engine().submit(jobUrl('echo'), { params: { fail: 2 }, parallelism: 1, options: optionsOf(newFolder(), SELDOM), onLog: () => {} })
  const input = failing.input<number>('numbers')
  const pushed = failureOf(input.push(1, DURABLE))
  await input.push(2)
  expect(await pushed).toMatchObject({ code: 'USER_FUNCTION_FAILED' })
  for (const end of ['cancel', 'stop'] as const) {
    const { handle, push } = counting(newFolder(), SELDOM)
    const lost = failureOf(push(1))
    await handle.input('numbers').push({ n: 2, at: 0 })
    await handle[end]()
    expect(await lost).toMatchObject({ code: 'JOB_ENDED' })
  }
})

test('are refused where no checkpoint is taken, and with options that mean nothing', async () => {
  const handle = engine().submit(jobUrl('echo'), { parallelism: 1 })
  const input = handle.input<number>('numbers')
  const error = await failureOf(input.push(1, DURABLE))
  expect(error).toBeInstanceOf(PlanError)
  expect(error).toMatchObject({ code: 'INVALID_OPTION', hint: expect.stringContaining('execution.checkpointing.dir') as string })
  for (const options of [{ until: 'later' }, { untl: 'checkpoint' }])
    expect(await failureOf(input.push(1, options as never))).toMatchObject({ code: 'INVALID_OPTION' })
  await handle.cancel()

  const env = Millrace.local()
  env.input<number>('numbers').output('numbers')
  await using local = env.executeAsync()
  expect(await failureOf(local.input('numbers').push(1, DURABLE))).toMatchObject({ code: 'INVALID_OPTION' })
})
