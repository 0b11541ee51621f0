// Runs a job of the built command, kills it without warning, starts it again, until it has finished; then looks at what it has written.
import { type FSWatcher, mkdirSync, readdirSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { Command, type Outcome } from '../fixtures/command.ts'
import { dice } from '../fixtures/dice.ts'

const CHECKPOINT_INTERVAL_MS = 50
/** A run that takes so long hangs: several times the longest on a machine that others use too. */
const RUN_MS_MAX = 60_000
const EXAMPLES_MAX = 6
/** What stands under a hidden name until it is complete. */
const IN_PROGRESS = /\.inprogress$/

/** A job of the tests. */
export interface CrashJob {
  /** Path of the module. */
  readonly path: string
  readonly parallelism: number
  readonly params: Readonly<Record<string, string>>
}

/** Records by key, numbered from 0 in each key, in the order of time, at even milliseconds: the same for the same seed. */
export function recordLines(seed: number, count: number, keys: number): string[] {
  const random = dice(seed)
  const next = new Map<string, number>()
  let atMs = Date.UTC(2026, 0, 1)
  return Array.from({ length: count }, () => {
    const key = `key-${random(keys)}`
    const seq = next.get(key) ?? 0
    next.set(key, seq + 1)
    if (random(4) === 0) atMs += 2 * random(3)
    return `${JSON.stringify({ key, seq, at: new Date(atMs).toISOString().slice(0, -1).replace('T', ' '), amount: random(1000), pad: 'x'.repeat(random(60)) })}\n`
  })
}

/** Writes lines into a file; into one that is compressed, if its name says so. */
export function writeLines(path: string, lines: readonly string[]): void {
  const text = lines.join('')
  writeFileSync(path, path.endsWith('.gz') ? gzipSync(text, { level: 1 }) : text)
}

/** The records that a job has written, by sink: a folder of part files, or a file. */
export type Written = ReadonlyMap<string, readonly (readonly string[])[]>

/** What is wrong with a result, beside one that is right. */
export interface Difference {
  /** Records that are not there, or too few times. */
  lost: number
  /** Records that are there too often, or should not be there at all. */
  duplicated: number
  /** Numbered records of a key that stand behind one of a greater number, or in another file than those before. */
  outOfOrder: number
  /** Files that never got their names. */
  inProgress: number
}

/** One folder: the job's results, and its checkpoints. */
export class CrashRun {
  readonly #job: CrashJob
  readonly #folder: string
  readonly #results: string
  readonly #checkpoints: string
  /** Whether the last run was. */
  #wasKilled = false

  constructor(job: CrashJob, folder: string) {
    this.#job = job
    this.#folder = folder
    this.#results = join(folder, 'results')
    this.#checkpoints = join(folder, 'checkpoints', 'job')
    // There before the job runs, so that they can be watched.
    mkdirSync(this.#results, { recursive: true })
    mkdirSync(this.#checkpoints, { recursive: true })
  }

  /**
   * @param isSupervised Whether the engine has a process around it that starts it again.
   * @param failPoint Where it ends: `name:k`, see src/base/fail-points.ts.
   */
  start(isSupervised: boolean = true, parallelism: number = this.#job.parallelism, failPoint?: string): Command {
    const { path, params } = this.#job
    const args = Object.entries({ ...params, out: this.#results }).flatMap(([name, value]) => [`--${name}`, value])
    const options = [
      `execution.checkpointing.dir=${join(this.#folder, 'checkpoints')}`,
      `execution.checkpointing.interval=${CHECKPOINT_INTERVAL_MS}`,
      isSupervised ? 'restart-strategy.exponential-delay.initial-backoff=10' : 'restart-strategy.type=none',
    ]
    const settings = ['--name', 'job', '--parallelism', String(parallelism), '--quiet', ...options.flatMap((option) => ['--set', option])]
    return new Command(['run', path, ...settings, '--', ...args], failPoint === undefined ? {} : { env: { FAILPOINT: failPoint } })
  }

  /** Runs the job until it comes to a fail point. Returns how it ended: there, or by itself if it never came there. */
  async failAt(failPoint: string, parallelism: number): Promise<Outcome> {
    return this.#expectRegular(await ended(this.start(false, parallelism, failPoint)))
  }

  /** Runs the job to its end. @throws if it does not get there. */
  async finish(): Promise<Outcome> {
    return this.#expectRegular(await ended(this.start()))
  }

  /** A run ends by a kill or with 0. Only one that followed a kill may find that the killed one had done everything but to end. */
  #expectRegular(outcome: Outcome): Outcome {
    const { status, signal, stderr } = outcome
    const isDone = status === 0 || (this.#wasKilled && isFinishedAlready(outcome))
    this.#wasKilled = signal === 'SIGKILL'
    if (isDone || this.#wasKilled) return outcome
    throw new Error(`The job ended with ${signal ?? status}:\n${stderr}`)
  }

  /**
   * Starts the job and kills it at an instant that chance decides: the engine, the process around it, or both. Returns how it ended: by the kill or,
   * if that came too late or the engine was started again, by itself; and how many processes were killed.
   *
   * @param parallelisms One of them is drawn.
   */
  async crash(random: (bound: number) => number, usualMs: number, parallelisms: readonly number[]): Promise<Outcome & { readonly kills: number }> {
    const isSupervised = random(2) === 0
    const command = this.start(isSupervised, parallelisms[random(parallelisms.length)])
    const victims = random(3)
    let kills = 0
    const kill = (): void => {
      const engine = isSupervised ? this.#engine() : undefined
      if (victims > 0 && engine !== undefined && killed(engine)) kills++
      if ((victims !== 1 || engine === undefined) && command.child.kill('SIGKILL')) kills++
    }
    const timers: NodeJS.Timeout[] = []
    const watchers: FSWatcher[] = []
    /** Kills soon after `count` things have happened in a folder whose names match. */
    const killAt = (folder: string, names: RegExp, count: number): void => {
      const delayMs = random(12)
      let left = count
      watchers.push(watch(folder, (_event, name) => void (name !== null && names.test(name) && --left === 0 && timers.push(setTimeout(kill, delayMs)))))
    }
    const kind = random(10)
    // While a checkpoint is written, published, or what was prepared for it is committed.
    if (kind < 3) killAt(this.#checkpoints, /^chk-/, 1 + random(5))
    // When results get their names, and until the job's folder says that it has finished.
    else if (kind < 4) for (const folder of [this.#results, ...subfolders(this.#results)]) killAt(folder, /^[^.]/, 1)
    else timers.push(setTimeout(kill, random(Math.ceil(usualMs * 1.1))))
    try {
      return { ...this.#expectRegular(await ended(command)), kills }
    } finally {
      for (const timer of timers) clearTimeout(timer)
      for (const watcher of watchers) watcher.close()
    }
  }

  /** The process that runs the job now; undefined while there is none. */
  #engine(): number | undefined {
    const attempt = Math.max(0, ...readdirSync(this.#checkpoints).flatMap((name) => Number(/^attempt-(\d+)$/.exec(name)?.[1] ?? 0)))
    if (attempt === 0) return undefined
    const { pid } = JSON.parse(readFileSync(join(this.#checkpoints, `attempt-${attempt}`), 'utf8')) as { pid: number }
    return pid === 0 ? undefined : pid
  }

  /** What the job has written: by sink, the records of each file. */
  written(): Written {
    const entries = readdirSync(this.#results, { withFileTypes: true }).filter(({ name }) => !IN_PROGRESS.test(name))
    return new Map(
      entries.map((entry) => {
        const path = join(this.#results, entry.name)
        const files = entry.isDirectory() ? readdirSync(path).flatMap((name) => (IN_PROGRESS.test(name) ? [] : [join(path, name)])) : [path]
        return [entry.name, files.map(recordsIn)]
      }),
    )
  }

  inProgress(): number {
    return readdirSync(this.#results, { recursive: true, encoding: 'utf8' }).filter((name) => IN_PROGRESS.test(name)).length
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true })
  }
}

/** Compares what a job has written with what it should have. The examples are some of the records that are there too often or too rarely. */
export function differenceOf(run: CrashRun, expected: Written): { readonly difference: Difference; readonly examples: readonly string[] } {
  const written = run.written()
  const examples: string[] = []
  const difference = { lost: 0, duplicated: 0, outOfOrder: 0, inProgress: run.inProgress() }
  for (const sink of new Set([...written.keys(), ...expected.keys()])) {
    const surplus = new Map<string, number>()
    for (const record of expected.get(sink)?.flat() ?? []) surplus.set(record, (surplus.get(record) ?? 0) - 1)
    for (const record of written.get(sink)?.flat() ?? []) surplus.set(record, (surplus.get(record) ?? 0) + 1)
    for (const [record, count] of surplus) {
      if (count !== 0 && examples.length < EXAMPLES_MAX) examples.push(`${sink} ${count > 0 ? '+' : ''}${count} x ${record}`)
      if (count > 0) difference.duplicated += count
      else difference.lost -= count
    }
    difference.outOfOrder += outOfOrder(written.get(sink) ?? [])
  }
  return { difference, examples }
}

/** Counts numbered records that are not where they should be; others have no order. */
function outOfOrder(files: readonly (readonly string[])[]): number {
  const places = new Map<string, { readonly file: number; number: number }>()
  let count = 0
  for (const [file, records] of files.entries())
    for (const record of records) {
      if (!record.includes('"number":')) continue
      const { key, number } = JSON.parse(record) as { key: string; number: number }
      const place = places.get(key)
      if (place === undefined) places.set(key, { file, number })
      else if (place.file !== file || number < place.number) count++
      else place.number = number
    }
  return count
}

/** Kills a process. Returns false if it has ended already. */
function killed(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL')
  } catch {
    return false
  }
}

/** The lines of a file, without the header of a CSV file. */
function recordsIn(path: string): readonly string[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .slice(path.endsWith('.csv') ? 1 : 0, -1)
}

function subfolders(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [join(folder, entry.name)] : []))
}

/** Waits for the end of a command. One that hangs is killed, and told by what it has said. */
export async function ended(command: Command): Promise<Outcome> {
  let isHung = false
  const timer = setTimeout(() => {
    isHung = true
    command.child.kill('SIGKILL')
  }, RUN_MS_MAX)
  const outcome = await command.ended
  clearTimeout(timer)
  if (isHung) throw new Error(`The job has not ended after ${RUN_MS_MAX} ms:\n${outcome.stderr}`)
  return outcome
}

/** Whether a start was refused because nothing is left to do. */
export function isFinishedAlready({ status, stderr }: Outcome): boolean {
  return status === 3 && stderr.includes('JOB_FINISHED')
}
