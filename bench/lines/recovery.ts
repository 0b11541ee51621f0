// How soon a job of 1 M keys goes on: from the start of the command behind a SIGKILL to the first result; and how long a savepoint of it takes.

import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Millrace } from 'millrace'
import { type Benchmark, type Line, medianOf, raw, type Runner, sample, type Sample, type Settings, timed } from '../harness.ts'
import { jobUrl } from '../jobs/run-job.ts'
import { ROOT } from './command.ts'

const WORKERS = 2
const KEYS = 1_000_000
const SMOKE_KEYS = 5000
/** So many rows have met nearly all keys. */
const ROWS_PER_KEY = 8
const POLL_MS = 2
/** A key takes one more in a checkpoint (a head of 4, the key's 9, the value's 9): so nearly all are in it. */
const BYTES_PER_KEY = 21

const keysIn = (smoke: boolean): number => (smoke ? SMOKE_KEYS : KEYS)

function paramsOf({ smoke, folder }: Settings): Readonly<Record<string, unknown>> {
  return { rows: 4_000_000_000, keys: keysIn(smoke), isFunction: true, every: 1, result: join(folder, 'recovery'), pauses: join(folder, 'pauses') }
}

/** Waits for something outside. */
async function until(happens: () => boolean): Promise<void> {
  while (!happens()) await sleep(POLL_MS)
}

/** Starts the command, lets it keep all keys in a checkpoint, kills it, and starts it again. */
async function restart(settings: Settings): Promise<Sample> {
  const { smoke, folder } = settings
  const checkpoints = join(folder, 'checkpoints')
  const first = join(folder, 'first')
  rmSync(checkpoints, { recursive: true, force: true })
  rmSync(first, { force: true })
  mkdirSync(folder, { recursive: true })
  const params = Object.entries({ ...paramsOf(settings), first }).flatMap(([name, value]) => [`--${name}`, value])
  const options = [`execution.checkpointing.dir=${checkpoints}`, `execution.checkpointing.interval=${smoke ? 50 : 1000}`, 'restart-strategy.type=none']
  const args = ['run', fileURLToPath(jobUrl('checkpointed')), '--name', 'recovery', '--parallelism', String(WORKERS), '--quiet']
  const start = () =>
    spawn(process.execPath, [join(ROOT, 'dist/cli.js'), ...args, ...options.flatMap((option) => ['--set', option]), '--', ...params], { stdio: 'ignore' })
  const before = start()
  const hasAllKeys = (): boolean => {
    if (before.exitCode !== null) throw new Error(`the job has ended by itself, with code ${before.exitCode}`)
    if (!existsSync(join(checkpoints, 'recovery'))) return false
    return readdirSync(join(checkpoints, 'recovery')).some((name) => {
      const [state, metadata] = [join(checkpoints, 'recovery', name, 'state'), join(checkpoints, 'recovery', name, '_metadata')]
      return existsSync(metadata) && existsSync(state) && statSync(state).size > keysIn(smoke) * BYTES_PER_KEY
    })
  }
  await until(hasAllKeys)
  const ended = new Promise((resolve) => before.on('exit', resolve))
  before.kill('SIGKILL')
  await ended
  rmSync(first, { force: true })
  let again: ReturnType<typeof start> | undefined
  const time = await timed(async () => {
    again = start()
    await until(() => existsSync(first) && readFileSync(first, 'utf8') !== '')
  })
  again!.kill('SIGKILL')
  // A key that comes again was there before.
  const rows = Number(readFileSync(first, 'utf8'))
  return sample(time, rows > 1 ? 'ok' : `the first result counts ${rows} rows of its key: nothing was restored`)
}

/** Takes a savepoint of a running job that holds all keys. */
async function savepoint(settings: Settings): Promise<Sample> {
  const { smoke, folder } = settings
  const path = join(folder, 'savepoint')
  rmSync(path, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  await using engine = await Millrace.start()
  const handle = engine.submit(jobUrl('checkpointed'), { name: 'savepoint', params: paramsOf(settings), parallelism: WORKERS })
  await until(() => handle.metrics.tasks.some(({ rowsOut }) => rowsOut > keysIn(smoke) * ROWS_PER_KEY))
  const time = await timed(() => handle.triggerSavepoint(path))
  const { size } = statSync(join(path, 'state'))
  await handle.cancel()
  return sample(time, size > keysIn(smoke) * BYTES_PER_KEY ? 'ok' : `the savepoint has ${size} bytes`, { megabytes: size / 1e6 })
}

async function run(runner: Runner): Promise<readonly Line[]> {
  const samples = await runner.interleave(['restart', 'savepoint'], runner.rounds(3))
  const line = (name: keyof typeof samples, most: number, note: string): Line => ({
    name,
    value: medianOf(samples[name]),
    unit: 's',
    baseline: null,
    ratio: null,
    bound: { of: 'value', most },
    check: samples[name].find(({ check }) => check !== 'ok')?.check ?? 'ok',
    note,
  })
  return [
    line('restart', 2, `process start to the first result of a job with 1 M keys, behind SIGKILL: ${raw(samples.restart)}`),
    line('savepoint', 3, `of 1 M keys while the job runs: ${raw(samples.savepoint)}; MB: ${raw(samples.savepoint, ({ figures }) => figures['megabytes'], 1)}`),
  ]
}

export const recovery: Benchmark = {
  name: 'recovery',
  title: 'a job of 1 M keys: restart behind SIGKILL, savepoint',
  data: [],
  jobs: ['checkpointed'],
  variants: { restart, savepoint },
  run,
}
