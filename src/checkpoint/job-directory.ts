// The folder of a job: `job.json`, its checkpoints, and `attempt-N`, which says who runs it. One process owns a job at a time: an attempt is begun
// by creating its file, which only one can, and only once the process of the last one is gone.

import { createHash } from 'node:crypto'
import { linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { threadId } from 'node:worker_threads'
import { syncFolder } from '../base/durable.ts'
import { PlanError, RestoreError } from '../base/errors.ts'
import { failPoint } from '../base/fail-points.ts'
import { makeFolder } from '../base/make-folder.ts'

const ATTEMPT = /^attempt-([1-9]\d{0,14})$/
const JOB_FILE = 'job.json'
/** Leaves room for what is put behind it: file systems allow 255 bytes. */
const NAME_LENGTH_MAX = 200

/** How often a claim begins again because another was faster: more than processes that start together need. */
const TRIES_MAX = 1000

type JobStatus = 'running' | 'finished'

/** What `job.json` says. */
interface JobRecord {
  readonly status: JobStatus
  /** The last checkpoint that was complete; 0: none. */
  readonly checkpoint: number
}

/** Who runs an attempt. */
interface Owner {
  /** 0: nobody any more. */
  readonly pid: number
  /** When that process began, as the system counts: a number that was given again is another process. Undefined where the system does not say. */
  readonly started: string | undefined
  /** One process may run jobs in several threads. */
  readonly thread?: number
}

/** The folder of a job that this process owns. */
export class JobDirectory {
  readonly folder: string
  /** Which start of the job this is, from 1 on. */
  readonly attempt: number
  readonly #jobName: string
  #lastCheckpointId: number

  private constructor(folder: string, jobName: string, attempt: number, lastCheckpointId: number) {
    this.folder = folder
    this.attempt = attempt
    this.#jobName = jobName
    this.#lastCheckpointId = lastCheckpointId
  }

  /** The last checkpoint of which it was noted that it is complete: by that one can tell that it has gone. 0: none. */
  get lastCheckpointId(): number {
    return this.#lastCheckpointId
  }

  /** Notes that a checkpoint is complete, before anything is committed for it. */
  noteCheckpoint(checkpointId: number): void {
    this.#lastCheckpointId = checkpointId
    this.#setStatus('running')
  }

  /**
   * Makes the calling process the job's owner.
   *
   * @param root Folder of all jobs: made if it is not there.
   * @param fresh Whether what is there is moved aside, for the job to begin anew.
   * @throws {RestoreError} `JOB_RUNNING` while a process runs it; `JOB_FINISHED` if there is nothing left to do and `fresh` is false;
   *   `SNAPSHOT_DAMAGED` if one cannot tell, since a file is not as it was written. {@link PlanError} `INVALID_OPTION` if there can be no such folder.
   */
  static claim(root: string, jobName: string, fresh: boolean): JobDirectory {
    const folder = join(root, folderNameOf(jobName))
    try {
      makeFolder(root)
    } catch (error) {
      throw new PlanError('INVALID_OPTION', `Cannot keep checkpoints in "${root}": ${(error as Error).message}`, { cause: error })
    }
    failPoint('claim.before')
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const last = lastAttempt(folder)
      if (last === 'moved') continue
      if (last !== undefined && isAlive(last.owner))
        throw new RestoreError('JOB_RUNNING', `Cannot run job "${jobName}": process ${last.owner.pid} runs it, in "${folder}"`, {
          hint: 'Stop that process, or give this run another --name.',
        })
      const record = fresh ? undefined : recordOf(folder)
      if (record?.status === 'finished')
        throw new RestoreError('JOB_FINISHED', `Cannot run job "${jobName}": it has finished, says "${join(folder, JOB_FILE)}"`, {
          hint: 'Start it anew with --fresh, which moves the old folder aside.',
        })
      const isNew = make(folder)
      const attempt = (last?.attempt ?? 0) + 1
      if (!begin(folder, attempt)) continue
      if (fresh && !(isNew && attempt === 1)) {
        // Only its owner moves a folder: another process may have begun in it since.
        rmSync(join(moveAside(folder), `attempt-${attempt}`), { force: true })
        continue
      }
      failPoint('claim.attempt-begun')
      const directory = new JobDirectory(folder, jobName, attempt, record?.checkpoint ?? 0)
      directory.#setStatus('running')
      failPoint('claim.status-written')
      // The folder's own name, and that of the one moved aside.
      syncFolder(root)
      for (const older of attemptsIn(folder)) if (older < attempt) rmSync(join(folder, `attempt-${older}`), { force: true })
      failPoint('claim.done')
      return directory
    }
    throw new RestoreError('SNAPSHOT_DAMAGED', `Cannot run job "${jobName}": files come and go in "${folder}", or it is a link that leads nowhere`)
  }

  /** Ends the attempt. A job that has finished is not started again. */
  release(hasFinished: boolean): void {
    if (hasFinished) {
      failPoint('job.finished')
      this.#setStatus('finished')
      failPoint('job.status-written')
    }
    replace(join(this.folder, `attempt-${this.attempt}`), JSON.stringify({ pid: 0 } satisfies Partial<Owner>))
    failPoint('job.released')
  }

  #setStatus(status: JobStatus): void {
    replace(join(this.folder, JOB_FILE), `${JSON.stringify({ format: 1, job: this.#jobName, status, checkpoint: this.#lastCheckpointId })}\n`)
    syncFolder(this.folder)
  }
}

/** A name that is a folder's in every file system, different for different jobs, and none that {@link moveAside} gives. */
function folderNameOf(jobName: string): string {
  const name = jobName.replaceAll(/[^\w.-]|^\.+|\.(?=old-\d+$)/gu, (part) =>
    [...Buffer.from(part)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''),
  )
  // A percent sign without digits, and a tilde, stand in no other name.
  if (name === '') return '%'
  return name.length <= NAME_LENGTH_MAX ? name : `${name.slice(0, NAME_LENGTH_MAX)}~${createHash('sha256').update(jobName).digest('hex').slice(0, 32)}`
}

/** Returns whether the folder was not there. */
function make(folder: string): boolean {
  try {
    // Not with those around it: then it would throw if the folder were moved while it looks.
    mkdirSync(folder)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return false
  }
}

function attemptsIn(folder: string): number[] {
  try {
    return readdirSync(folder)
      .flatMap((name) => ATTEMPT.exec(name)?.[1] ?? [])
      .map(Number)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** Undefined if there is none; `moved` if another process began one while this one looked, or moved the folder. */
function lastAttempt(folder: string): { readonly attempt: number; readonly owner: Owner } | 'moved' | undefined {
  const attempt = Math.max(0, ...attemptsIn(folder))
  if (attempt === 0) return undefined
  const owner = ownerOf(folder, attempt)
  return owner === undefined ? 'moved' : { attempt, owner }
}

/** Undefined if there is no such attempt. */
function ownerOf(folder: string, attempt: number): Owner | undefined {
  const path = join(folder, `attempt-${attempt}`)
  let problem: unknown
  try {
    const owner = JSON.parse(readFileSync(path, 'utf8')) as Owner | null
    if (owner !== null && (owner.pid | 0) === owner.pid && owner.pid >= 0 && (owner.started === undefined || typeof owner.started === 'string')) return owner
    problem = new Error('it names no process')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    problem = error
  }
  throw new RestoreError('SNAPSHOT_DAMAGED', `Cannot read "${path}", which says who runs the job: ${(problem as Error).message}`, {
    cause: problem,
    hint: 'Remove it if no process runs the job.',
  })
}

/** Creates the file of an attempt, whole or not at all. Returns false, with nothing left of it, if another process was faster. */
function begin(folder: string, attempt: number): boolean {
  const owner: Owner = { pid: process.pid, started: startOf(process.pid), thread: threadId }
  const content = JSON.stringify(owner)
  const draft = join(folder, `.attempt-${attempt}-${process.pid}-${threadId}`)
  const path = join(folder, `attempt-${attempt}`)
  try {
    writeFileSync(draft, content, { flush: true })
    linkSync(draft, path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'EEXIST' && code !== 'ENOENT') throw error
    return false
  } finally {
    rmSync(draft, { force: true })
  }
  // The number is that of a look some time ago. Since then others may have begun, ended and begun again, or moved the folder and made another: whoever
  // of two sees the other gives way, and of two who link before they look one does.
  const attempts = attemptsIn(folder)
  const isMine = (one: Owner | undefined): boolean => one?.pid === owner.pid && one.started === owner.started && one.thread === owner.thread
  const isLast = attempts.every((other) => other <= attempt)
  if (isMine(ownerOf(folder, attempt))) {
    if (isLast && attempts.includes(attempt) && attempts.every((other) => other === attempt || !isHeld(folder, other))) return true
    rmSync(path, { force: true })
  }
  return false
}

/** Whether a process runs an attempt, as far as one can tell. */
function isHeld(folder: string, attempt: number): boolean {
  const owner = ownerOf(folder, attempt)
  return owner === undefined || isAlive(owner)
}

function isAlive({ pid, started }: Owner): boolean {
  if (pid === 0) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  const now = startOf(pid)
  return now !== 'ended' && (started === undefined || now === undefined || started === now)
}

/** When a process began, in ticks since the machine did; `ended` if only its parent has yet to ask after it; undefined where the system does not say. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The command's name, in parentheses, may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // The state is that of the first thread: others may still be writing.
    return (fields[0] === 'Z' || fields[0] === 'X') && Number(fields[17]) <= 1 ? 'ended' : fields[19]
  } catch {
    return undefined
  }
}

function recordOf(folder: string): JobRecord | undefined {
  const path = join(folder, JOB_FILE)
  let problem: unknown
  try {
    const { status, checkpoint } = JSON.parse(readFileSync(path, 'utf8')) as Partial<JobRecord>
    if ((status === 'running' || status === 'finished') && Number.isSafeInteger(checkpoint)) return { status, checkpoint: checkpoint! }
    problem = new Error('it does not say how the job stands')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    problem = error
  }
  throw new RestoreError('SNAPSHOT_DAMAGED', `Cannot read "${path}": ${(problem as Error).message}`, { cause: problem })
}

/** Returns where it is now. */
function moveAside(folder: string): string {
  for (let number = 1; ; number++) {
    const aside = `${folder}.old-${number}`
    try {
      renameSync(folder, aside)
      return aside
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST' && code !== 'ENOTDIR') throw error
    }
  }
}

/** Writes a file whole or not at all. */
function replace(path: string, content: string): void {
  const draft = `${path}.tmp`
  writeFileSync(draft, content, { flush: true })
  renameSync(draft, path)
}
