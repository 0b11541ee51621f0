// Runs a job of the built command, kills it without warning, starts it again, until it has finished; then looks at what it has written.
import { type FSWatcher, mkdirSync, readdirSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { basename, join, relative } from 'node:path'
import { gzipSync } from 'node:zlib'
import { Command, type Outcome } from '../fixtures/command.ts'
import { dice } from '../fixtures/dice.ts'
import type { RunTables } from './tables.ts'

const CHECKPOINT_INTERVAL_MS = 50
/** A run that takes so long hangs: several times the longest on a machine that others use too. */
const RUN_MS_MAX = 60_000
const EXAMPLES_MAX = 6
const SUCCESS = '_SUCCESS'
/** What stands under a hidden name until it is complete. */
const IN_PROGRESS = /\.inprogress$/

/** A job of the tests. */
export interface CrashJob {
  /** Path of the module. */
  readonly path: string
  readonly parallelism: number
  readonly params: Readonly<Record<string, string>>
  /** Options beside those of every run: `key=value`. */
  readonly settings?: readonly string[]
  /** Where its keyed state is. With lmdb nothing that may leave memory stays there. @default 'memory' */
  readonly backend?: Backend
}

export type Backend = 'memory' | 'lmdb'

/** Barriers that overtake records at once. */
export const OVERTAKING = ['execution.checkpointing.unaligned.enabled=true', 'execution.checkpointing.aligned-checkpoint-timeout=0']

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
  readonly #tables: RunTables | undefined
  /** Whether the last run may have done everything, and could not say so. */
  #mayBeDone = false

  /** @param tables Where the job writes to, if not into files. */
  constructor(job: CrashJob, folder: string, tables?: RunTables) {
    this.#job = job
    this.#tables = tables
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
   * @param flags More of the command line.
   */
  start(
    isSupervised: boolean = true,
    parallelism: number = this.#job.parallelism,
    failPoint?: string,
    backend: Backend = this.#job.backend ?? 'memory',
    flags: readonly string[] = [],
  ): Command {
    const { path, params, settings: own = [] } = this.#job
    const args = Object.entries({ ...params, ...this.#tables?.params, out: this.#results }).flatMap(([name, value]) => [`--${name}`, value])
    const options = [
      `execution.checkpointing.dir=${join(this.#folder, 'checkpoints')}`,
      `execution.checkpointing.interval=${CHECKPOINT_INTERVAL_MS}`,
      `state.backend.type=${backend}`,
      `state.backend.lmdb.dir=${join(this.#folder, 'state')}`,
      'state.backend.lmdb.cache-size=1mb',
      'millrace.job.answer-timeout=1000',
      isSupervised ? 'restart-strategy.exponential-delay.initial-backoff=10' : 'restart-strategy.type=none',
      // The last one counts.
      ...own,
    ]
    const settings = ['--name', 'job', '--parallelism', String(parallelism), '--quiet', ...flags, ...options.flatMap((option) => ['--set', option])]
    return new Command(['run', path, ...settings, '--', ...args], failPoint === undefined ? {} : { env: { FAILPOINT: failPoint } })
  }

  /** Runs the job until it comes to a fail point. Returns how it ended: there, or by itself if it never came there. */
  async failAt(failPoint: string, parallelism: number, backend?: Backend): Promise<Outcome> {
    return this.#expectRegular(await ended(this.start(false, parallelism, failPoint, backend)))
  }

  /** A folder beside those of the job. */
  path(name: string): string {
    return join(this.#folder, name)
  }

  /** Asks the process that a command has started, once it listens. Resolves with what it answers; empty if it ends without an answer. */
  async ask(command: Command, request: object): Promise<string> {
    while (command.child.exitCode === null && command.child.signalCode === null) {
      const answer = await askOnce(join(this.#checkpoints, 'control.sock'), request)
      if (answer !== undefined) return answer
    }
    return ''
  }

  /** Resolves with the process that runs the job, once one listens for it; undefined if the command ends before. */
  async listening(command: Command): Promise<number | undefined> {
    const answer = await this.ask(command, { command: 'status' })
    return answer === '' ? undefined : (JSON.parse(answer) as { result: { pid: number } }).result.pid
  }

  /** Runs the job to its end. @throws if it does not get there. */
  async finish(parallelism?: number, backend?: Backend): Promise<Outcome> {
    return this.#expectRegular(await ended(this.start(true, parallelism, undefined, backend)))
  }

  /**
   * Has the job stopped behind a savepoint, and waits for its end. Resolves with how it ended: at the fail point that it was started with, stopped, or, if
   * that was asked too late, finished.
   */
  async stop(command: Command, savepoint: string): Promise<Outcome> {
    await this.ask(command, { command: 'stop', savepoint })
    const outcome = this.#expectRegular(await ended(command))
    this.#mayBeDone = true
    return outcome
  }

  /** A run ends by a kill or with 0. Only one that followed a kill or a stop may find that the one before had done everything. */
  #expectRegular(outcome: Outcome): Outcome {
    const { status, signal, stderr } = outcome
    const wasKilled = signal === 'SIGKILL'
    const isDone = status === 0 || (this.#mayBeDone && isFinishedAlready(outcome))
    this.#mayBeDone = wasKilled
    if (isDone || wasKilled) return outcome
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
    // While rows are written: each transaction has a journal.
    else if (kind < 5 && this.#tables?.folder !== undefined) killAt(this.#tables.folder, /-journal$/, 1 + random(20))
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

  /** Whether it writes to tables. */
  get hasTables(): boolean {
    return this.#tables !== undefined
  }

  /** What the job has written: by sink, the records of each file. */
  async written(): Promise<Written> {
    if (this.#tables !== undefined) return this.#tables.read()
    const entries = readdirSync(this.#results, { withFileTypes: true }).filter(({ name }) => !IN_PROGRESS.test(name))
    return new Map(
      entries.map((entry) => {
        const path = join(this.#results, entry.name)
        if (!entry.isDirectory()) return [entry.name, [recordsIn(path)]]
        const files = readdirSync(path, { recursive: true, withFileTypes: true }).filter((file) => file.isFile() && !IN_PROGRESS.test(file.name))
        return [entry.name, files.map((file) => recordsIn(join(file.parentPath, file.name), relative(path, file.parentPath)))]
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
export async function differenceOf(run: CrashRun, expected: Written): Promise<{ readonly difference: Difference; readonly examples: readonly string[] }> {
  const written = await run.written()
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

/** Undefined if nobody listens. */
function askOnce(path: string, request: object): Promise<string | undefined> {
  return new Promise((resolve) => {
    let answer = ''
    const socket = createConnection(path, () => socket.write(`${JSON.stringify({ v: 1, id: 1, ...request })}\n`))
    socket.on('data', (chunk) => {
      answer += chunk.toString()
      if (answer.endsWith('\n')) socket.destroy()
    })
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ENOENT' || error.code === 'ECONNREFUSED' ? undefined : answer))
    socket.on('close', () => resolve(answer))
  })
}

/** Kills a process. Returns false if it has ended already. */
function killed(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL')
  } catch {
    return false
  }
}

/** The lines of a file, without the header of a CSV file, behind the folder of their partition if there is one. A success file is one record. */
function recordsIn(path: string, partition: string = ''): readonly string[] {
  if (basename(path) === SUCCESS) return [`${partition}/ ${SUCCESS}`]
  const records = readFileSync(path, 'utf8')
    .split('\n')
    .slice(path.endsWith('.csv') ? 1 : 0, -1)
  return partition === '' ? records : records.map((record) => `${partition}/ ${record}`)
}

/** Records of partitions that are said to be complete and are not there: of a run that may have ended anywhere. */
export async function missingFromComplete(run: CrashRun, expected: Written): Promise<readonly string[]> {
  // There are partitions of folders only; and a database that was locked by a process that was killed is opened by the next start, not by us.
  if (run.hasTables) return []
  // What is said first: the process that was killed may still be ending.
  const complete = new Set([...(await run.written()).values()].flat(2).filter((record) => record.endsWith(`/ ${SUCCESS}`)))
  const written = new Set([...(await run.written()).values()].flat(2))
  return [...expected.values()].flat(2).filter((record) => complete.has(record.replace(/\/ .*$/, `/ ${SUCCESS}`)) && !written.has(record))
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
