// Errors of the disk in a job that takes checkpoints, crashes once, and writes files: each call to the disk fails in turn, once or from there on.
// Goal: the run ends with the right result, or with an error that has a code and that the restart strategies answer by a new start; that one, on a disk
// that works, ends with the right result, which survives a loss of power. Nothing hangs: a job that waits for nothing fails as stuck.
//
//   IO_ERRORS   `all`: each call; some of them if it is not set
//   IO_CALL     the number of one call, to replay a failure
import { afterAll, expect, test } from 'vitest'
import { JobError, MillraceError, PlanError, RestoreError } from '../../src/base/errors.ts'
import { Random } from '../../src/base/random.ts'
import type { IoError } from '../../src/testing/io-errors.ts'
import { runJob, type RunJobOptions } from '../../src/testing/run-job.ts'
import { VirtualDisk } from '../../src/testing/virtual-disk.ts'
import { CHECKPOINTS, diskJob, durable, resultsOn } from './disk-job.ts'

/** Of so many calls one fails. */
const SHARE = process.env['IO_ERRORS'] === 'all' ? 1 : 12
const ONLY = process.env['IO_CALL'] === undefined ? undefined : Number(process.env['IO_CALL'])
const RUN: RunJobOptions = { checkpointDir: CHECKPOINTS, checkpointSteps: 6, crashSteps: [25], batchRowsMax: 16, seed: 1 }
const TOLERANT = { 'execution.checkpointing.tolerable-failed-checkpoints': '3' }

const all = { runs: 0, right: 0, failures: new Map<string, number>() }
afterAll(() => {
  const failures = [...all.failures].map(([code, count]) => `${count} x ${code}`).join(', ')
  process.stdout.write(`  ${all.runs} runs with errors: ${all.right} right at once, ${failures}\n`)
})

/** What a failure may say: the disk has failed, and the next start may go better. Wrong options and refused snapshots are not started again. */
function codeOf(error: unknown): string {
  if (error instanceof MillraceError && !(error instanceof PlanError) && !(error instanceof RestoreError)) return error.code
  throw error
}

/** Runs the job with an error; then again, if it has failed. Returns how often the error came. */
async function runWith(options: RunJobOptions, error: IoError, right: readonly string[]): Promise<number> {
  const disk = new VirtualDisk()
  let failures = Infinity
  try {
    const run = await runJob(diskJob, { ...options, disk, ioErrors: [error] })
    failures = run.ioFailures
    if (failures > 0) all.right++
  } catch (thrown) {
    const code = codeOf(thrown)
    all.failures.set(code, (all.failures.get(code) ?? 0) + 1)
    await goOn(disk, options)
  }
  expect(resultsOn(disk)).toEqual(right)
  expect(resultsOn(durable(disk))).toEqual(right)
  if (failures > 0) all.runs++
  return failures
}

async function goOn(disk: VirtualDisk, { parallelism }: RunJobOptions): Promise<void> {
  try {
    await runJob(diskJob, { ...RUN, crashSteps: [], ...(parallelism !== undefined && { parallelism }), disk })
  } catch (error) {
    // It had done everything but to say so.
    if (!(error instanceof RestoreError) || error.code !== 'JOB_FINISHED') throw error
  }
}

const CASES: readonly { readonly name: string; readonly error: Omit<IoError, 'at'>; readonly options?: RunJobOptions }[] = [
  { name: 'a call that fails once', error: { code: 'EIO' } },
  { name: 'a call that fails once, when it has done what it should', error: { code: 'EIO', isDone: true } },
  { name: 'all calls from one on', error: { code: 'EIO', times: Infinity } },
  { name: 'a disk that is full from one write on', error: { code: 'ENOSPC', times: Infinity, calls: ['write', 'makeFolder', 'link'] } },
  { name: 'a process that may open no more files, for a while', error: { code: 'EMFILE', times: 3, calls: ['open', 'read', 'list'] } },
  { name: 'a sync that fails once', error: { code: 'EIO', calls: ['sync'] } },
  { name: 'syncs that fail from one on', error: { code: 'EIO', times: Infinity, calls: ['sync'] } },
  { name: 'a call that fails once, where checkpoints may fail', error: { code: 'EIO' }, options: { options: TOLERANT } },
  {
    name: 'a disk that is full for some writes, where checkpoints may fail',
    error: { code: 'ENOSPC', times: 3, calls: ['write'] },
    options: { options: TOLERANT },
  },
  { name: 'a call that fails once, on two workers', error: { code: 'EIO' }, options: { parallelism: 2, checkpointSteps: 15, crashSteps: [100] } },
]

test.each(CASES)('the result is right, or the job fails with a code and goes on: $name', async ({ error, options = {} }) => {
  const course = { ...RUN, ...options }
  const undisturbed = new VirtualDisk()
  const { checkpoints, restores } = await runJob(diskJob, { ...course, disk: undisturbed })
  expect(checkpoints).toBeGreaterThanOrEqual(3)
  expect(restores).toBe(1)
  const right = resultsOn(undisturbed)
  const [first, step] = ONLY === undefined ? [1 + new Random(error.code.length + right.length).integer(SHARE), SHARE] : [ONLY, Infinity]
  // Until no call is left that could fail.
  for (let [at, failures] = [first, 1]; failures > 0 && at < Infinity; at += step) {
    try {
      failures = await runWith(course, { ...error, at }, right)
    } catch (thrown) {
      if (thrown instanceof Error) thrown.message = `IO_CALL=${at}: ${thrown.message}`
      throw thrown
    }
  }
})

test('a disk that is full, however early, fails the job with a code; once it is freed the job goes on', async () => {
  const undisturbed = new VirtualDisk()
  await runJob(diskJob, { ...RUN, disk: undisturbed })
  const right = resultsOn(undisturbed)
  const codes = new Set<string>()
  for (let part = 1; part <= 12; part++) {
    const disk = new VirtualDisk({ capacityBytes: Math.floor((undisturbed.usedBytes * part) / 14) })
    // Also twice in a row.
    for (let time = 0; time < 2; time++)
      await expect(runJob(diskJob, { ...RUN, disk }).catch((error: unknown) => codes.add(codeOf(error)))).resolves.toBe(codes)
    disk.capacityBytes = Infinity
    await goOn(disk, RUN)
    expect(resultsOn(disk)).toEqual(right)
  }
  expect([...codes].toSorted()).toEqual(['CHECKPOINT_FAILED', 'FILE_NOT_WRITABLE', 'JOB_FOLDER_FAILED'])
})

test('as many checkpoints in a row may fail as the option says, and no more', async () => {
  const options = { 'execution.checkpointing.tolerable-failed-checkpoints': '2' }
  const run = async (times: number): Promise<readonly string[]> => {
    // The first call of each checkpoint, and no other, makes a folder by a promise.
    const disk = new VirtualDisk()
    const { log } = await runJob(diskJob, {
      ...RUN,
      crashSteps: [],
      options,
      disk,
      ioErrors: [{ code: 'ENOSPC', calls: ['makeFolder'], at: FOLDERS + 1, times }],
    })
    return log
  }
  const folders = new VirtualDisk()
  await runJob(diskJob, { ...RUN, disk: folders })
  expect((await run(2)).filter((line) => line.includes('Cannot keep checkpoint'))).toHaveLength(2)
  await expect(run(3)).rejects.toThrow(expect.objectContaining({ constructor: JobError, code: 'CHECKPOINT_FAILED' }))
})

test('a checkpoint that is kept and cannot be noted does not keep the next ones from building on the one before', async () => {
  const options = { 'execution.checkpointing.tolerable-failed-checkpoints': '1' }
  const disk = new VirtualDisk()
  // Renamed are: what the job's folder says, a checkpoint's metadata, the note of it; so the fifth is the note of the second one.
  const { log, ioFailures } = await runJob(diskJob, { ...RUN, crashSteps: [], options, disk, ioErrors: [{ code: 'EIO', calls: ['rename'], at: 5 }] })
  expect(ioFailures).toBe(1)
  expect(log.filter((line) => line.includes('Cannot keep checkpoint'))).toEqual([expect.stringMatching(/checkpoint 2 .*job\.json/)])
  const undisturbed = new VirtualDisk()
  await runJob(diskJob, { ...RUN, disk: undisturbed })
  expect(resultsOn(disk)).toEqual(resultsOn(undisturbed))
})

/** Folders that are made before the first of a checkpoint: /data, checkpoints, test; results, numbered. */
const FOLDERS = 5
