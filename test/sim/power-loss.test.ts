// A job that takes checkpoints and writes files, on a disk that loses power at any instant. Goal: whatever of the things that were not synced is found
// when power returns, no checkpoint is lost of which sinks were told, what is restored is what was written, and the job, run again, ends with each
// record once. Method: behind every call to the disk some images are drawn of what it may hold (testing/virtual-disk.ts): blocks of 4096 bytes,
// lengths and names of files by themselves, each as synced last or as at any time since. That the images are hard enough is shown by canaries: syncs
// that are left out must be missed.
//
//   POWER_IMAGES   images in all; 400 if it is not set
//   SIM_SEED       one seed alone; each failure names its own
import { afterAll, expect, test } from 'vitest'
import { RestoreError } from '../../src/base/errors.ts'
import { FILE_CALLS, type FileCalls, type FileSystem } from '../../src/base/file-system.ts'
import { Random } from '../../src/base/random.ts'
import { CheckpointStore } from '../../src/checkpoint/checkpoint-store.ts'
import { JobDirectory } from '../../src/checkpoint/job-directory.ts'
import { LocalCheckpointStorage } from '../../src/checkpoint/local-storage.ts'
import { asyncCallsOf } from '../../src/testing/io-errors.ts'
import { runJob, type RunJobOptions } from '../../src/testing/run-job.ts'
import { VirtualDisk } from '../../src/testing/virtual-disk.ts'
import { CHECKPOINTS, diskJob, durable, JOB_FOLDER, RESULTS, resultsOn } from './disk-job.ts'
import { overSeeds, pick } from './simulation.ts'

const IMAGES = Number(process.env['POWER_IMAGES'] ?? 400)
const SEEDS = 8
/** Of so many images one is run to its end. */
const RUNS_SHARE = 8
const CANARY_SEEDS_MAX = 20
const READING = new Set(['read', 'list', 'stat', 'behindLinks', 'close'])

const all = { images: 0, restores: 0, runs: 0 }
afterAll(() => process.stdout.write(`  ${all.images} images, ${all.restores} with a checkpoint, ${all.runs} run to the end\n`))

/** What was found when power returned, and what is known of the time when it went. */
interface Image {
  readonly disk: VirtualDisk
  /** The last checkpoint of which sinks had been told, or were about to be. */
  readonly noted: number
  readonly at: string
}

/** A disk that tells of each call; `isSynced` says which syncs it makes, by path. */
function observed(disk: VirtualDisk, isSynced: (path: string) => boolean, look: (call: string, args: readonly unknown[]) => void): FileSystem {
  const paths = new Map<number, string>()
  const run = (call: keyof FileCalls, args: unknown[]): unknown => {
    if (call === 'sync' && !isSynced(paths.get(args[0] as number)!)) return undefined
    const result = (disk[call] as (...given: unknown[]) => unknown)(...args)
    if (call === 'open') paths.set(result as number, args[0] as string)
    return result
  }
  const call = (name: keyof FileCalls, args: unknown[]): unknown => {
    const result = run(name, args)
    look(name, args)
    return result
  }
  const calls = Object.fromEntries(FILE_CALLS.map((name) => [name, (...args: unknown[]) => call(name, args)])) as unknown as FileCalls
  return { ...calls, async: asyncCallsOf(calls) }
}

/** Runs the job, which loses power now and then. Returns images of the disk, and the files of its checkpoints as they were published. */
async function imagesOf(
  random: Random,
  count: number,
  options: RunJobOptions,
  isSynced: (path: string) => boolean,
): Promise<{ readonly images: readonly Image[]; readonly saved: ReadonlyMap<string, Buffer> }> {
  const course = async (look: (disk: VirtualDisk, call: string, args: readonly unknown[]) => void): Promise<number> => {
    const disk = new VirtualDisk()
    const { diskCalls } = await runJob(diskJob, { ...options, disk: observed(disk, isSynced, (call, args) => look(disk, call, args)) })
    return diskCalls
  }
  const calls = await course(() => {})
  const images: Image[] = []
  const saved = new Map<string, Buffer>()
  let [call, noted, noting] = [0, 0, 0]
  await course((disk, name, args) => {
    call++
    const path = String(args[1])
    if (name === 'rename' && path === `${JOB_FOLDER}/job.json`)
      noting = (JSON.parse(Buffer.from(disk.read(path)).toString()) as { checkpoint: number }).checkpoint
    if (name === 'sync') noted = noting
    if (name === 'rename' && path.endsWith('/_metadata'))
      for (const file of ['_metadata', 'state'].map((one) => path.replace('_metadata', one)))
        // One without state has no file of it.
        if (disk.stat(file) !== undefined) saved.set(file, Buffer.from(disk.read(file)))
    if (READING.has(name)) return
    // Not all calls change something.
    for (let left = (count * 1.5) / calls; random.next() < left; left--)
      images.push({ disk: disk.powerLoss(random), noted, at: `behind call ${call} of ${calls} (${name} ${String(args[0])})` })
  })
  return { images, saved }
}

/** What is wrong after a loss of power, over many instants of one course of the job: nothing, it should be. */
async function problemsOf(seed: number, random: Random, count: number, isSynced: (path: string) => boolean = () => true): Promise<string[]> {
  const parallelism = pick(random, [1, 1, 2])
  const options: RunJobOptions = {
    parallelism,
    seed,
    checkpointDir: CHECKPOINTS,
    checkpointSteps: 1 + random.integer(12),
    batchRowsMax: pick(random, [5, 16, 40]),
  }
  const expected = new VirtualDisk()
  const { steps } = await runJob(diskJob, { ...options, disk: expected })
  const right = resultsOn(expected).join('\n')
  const crashes = random.integer(2) === 0 ? {} : { crashSteps: [random.integer(steps), random.integer(steps)] }
  const { images, saved } = await imagesOf(random, count, { ...options, ...crashes }, isSynced)
  const problems: string[] = []
  for (const [index, { disk, noted, at }] of images.entries()) {
    all.images++
    try {
      const found = await restoreDecision(durable(disk))
      if (found === 'finished') {
        if (resultsOn(disk).join('\n') !== right) problems.push(`${at}: it has finished, and its results are not there`)
        continue
      }
      if (found.id < noted) problems.push(`${at}: checkpoint ${noted} is lost, ${found.id} is taken`)
      if (found.id > 0) {
        all.restores++
        for (const file of ['_metadata', 'state'].map((one) => `${JOB_FOLDER}/chk-${found.id}/${one}`))
          if (saved.get(file)?.equals(disk.read(file)) === false) problems.push(`${at}: ${file} is not what was written`)
      }
      if (index % RUNS_SHARE !== 0) continue
      all.runs++
      await runJob(diskJob, { parallelism, checkpointDir: CHECKPOINTS, checkpointSteps: 50, disk })
      if (resultsOn(disk).join('\n') !== right) problems.push(`${at}: the result is wrong`)
      if (resultsOn(durable(disk)).join('\n') !== right) problems.push(`${at}: the result does not survive the next loss of power`)
    } catch (error) {
      problems.push(`${at}: ${String(error)}`)
    }
  }
  return problems.map((problem) => `seed ${seed}, ${problem}`)
}

/** What a start of the job finds. */
async function restoreDecision(disk: VirtualDisk): Promise<{ readonly id: number } | 'finished'> {
  try {
    const directory = JobDirectory.claim(CHECKPOINTS, 'test', {}, { files: disk, isAlive: () => false })
    const found = await new CheckpointStore(new LocalCheckpointStorage(directory.folder, disk), 3).newest(directory.lastCheckpointId)
    return { id: found?.snapshot.checkpointId ?? 0 }
  } catch (error) {
    if (error instanceof RestoreError && error.code === 'JOB_FINISHED') return 'finished'
    throw error
  }
}

test(
  'no checkpoint is lost, none is restored wrongly, and the job ends with each record once, whenever power is lost',
  overSeeds(SEEDS, async (seed, random) => {
    expect(await problemsOf(seed, random, IMAGES / SEEDS)).toEqual([])
  }),
)

const CANARIES: readonly { readonly name: string; readonly isSynced: (path: string) => boolean }[] = [
  { name: 'the state of a checkpoint is not synced', isSynced: (path) => !path.endsWith('/state') },
  { name: 'the metadata of a checkpoint is not synced', isSynced: (path) => !path.includes('_metadata') },
  { name: 'the folder of a checkpoint is not synced', isSynced: (path) => !/\/chk-\d+$/.test(path) },
  { name: 'the folder of the job is not synced', isSynced: (path) => path !== JOB_FOLDER },
  { name: 'the folder around all that is made is not synced', isSynced: (path) => path !== '/' },
  { name: 'files in progress are not synced', isSynced: (path) => !path.endsWith('.inprogress') },
  { name: 'the names of files in progress are not synced', isSynced: (path) => !path.startsWith(RESULTS) || path.endsWith('.inprogress') },
]

test.each(CANARIES)('it is found out if $name', async ({ isSynced }) => {
  let found: string[] = []
  for (let seed = 1; seed <= CANARY_SEEDS_MAX && found.length === 0; seed++) found = await problemsOf(seed, new Random(seed), 40, isSynced)
  expect(found).not.toEqual([])
})
