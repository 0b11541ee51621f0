// The folder of a job: `job.json`, its checkpoints, and `attempt-N`, which says who runs it. One process owns a job at a time: an attempt is begun
// by creating its file, which only one can, and only once the process of the last one is gone.

import { createHash } from 'node:crypto'
import { statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { threadId } from 'node:worker_threads'
import { syncFolder, writeSynced } from '../base/durable.ts'
import { JobError, MillraceError, PlanError, RestoreError } from '../base/errors.ts'
import { failPoint } from '../base/fail-points.ts'
import { type FileSystem, isDiskFailure, isMissing, nodeFileSystem } from '../base/file-system.ts'
import { makeFolder } from '../base/make-folder.ts'
import type { ProcessIdentity } from '../base/process-identity.ts'
import { isAlive, isForeign, isOwner, isSameOwner, type Owner, thisOwner } from './job-owner.ts'

const ATTEMPT = /^attempt-([1-9]\d{0,14})$/
const JOB_FILE = 'job.json'
/** Leaves room for what is put behind it: file systems allow 255 bytes. */
const NAME_LENGTH_MAX = 200

/** How often a claim begins again because another was faster: more than processes that start together need. */
const TRIES_MAX = 1000

/** How an attempt ended. Only a job that has finished is not started again: `stopped` is one that goes on from its last checkpoint or savepoint. */
export type EndStatus = 'finished' | 'stopped' | 'cancelled' | 'failed'
const END_STATUSES: readonly string[] = ['finished', 'stopped', 'cancelled', 'failed'] satisfies readonly EndStatus[]

/** What `job.json` says. */
interface JobRecord {
  readonly job: string
  readonly status: EndStatus | 'running'
  /** The last checkpoint that was complete; 0: none. */
  readonly checkpoint: number
  /** Path of the savepoint that the job has started from. */
  readonly savepoint: string | undefined
}

/** How a job is claimed. */
export interface ClaimOptions {
  /** Whether what is there is moved aside, for the job to begin anew. */
  readonly fresh?: boolean
  /** Path of the savepoint that the job is to start from, unless it has a checkpoint since it did. */
  readonly savepoint?: string | undefined
  /** An owner of which is known that it runs no more, although it may look so. */
  readonly gone?: Owner | undefined
  /** Whether the calling thread listens on the job's socket. */
  readonly hasSocket?: boolean
  /** The process that starts this one again. */
  readonly supervisorPid?: number | undefined
}

/** A refusal that says who runs the job. Travels as its base class. */
export class JobRunningError extends RestoreError {
  readonly folder: string
  readonly owner: Owner

  constructor(
    jobName: string,
    folder: string,
    owner: Owner,
    problem: string = 'runs it',
    hint: string = 'Stop that process, or give this run another --name.',
  ) {
    const where = isForeign(owner) ? ' of another container' : ''
    super('JOB_RUNNING', `Cannot run job "${jobName}": process ${owner.pid}${where} ${problem}, in "${folder}"`, { hint })
    this.name = RestoreError.name
    this.folder = folder
    this.owner = owner
  }
}

/** Where a job's folder is, and who else there is. */
export interface JobWorld {
  readonly files: FileSystem
  /** Whether whoever began an attempt may still run it. */
  isAlive(owner: Owner): boolean
}

/** This machine. */
const MACHINE: JobWorld = { files: nodeFileSystem, isAlive }

/** The folder of a job that this process owns. */
export class JobDirectory {
  readonly folder: string
  /** Which start of the job this is, from 1 on. */
  readonly attempt: number
  /** Path of the savepoint that the job starts from where it has no checkpoint of its own. */
  readonly savepoint: string | undefined
  readonly #jobName: string
  readonly #files: FileSystem
  readonly #owner: Owner
  #lastCheckpointId: number

  private constructor(
    files: FileSystem,
    folder: string,
    jobName: string,
    attempt: number,
    owner: Owner,
    lastCheckpointId: number,
    savepoint: string | undefined,
  ) {
    this.#files = files
    this.folder = folder
    this.attempt = attempt
    this.savepoint = savepoint
    this.#jobName = jobName
    this.#owner = owner
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
   * @throws {RestoreError} `JOB_RUNNING` while a process runs it; `JOB_FINISHED` if there is nothing left to do and it is not to begin anew;
   *   `JOB_HAS_CHECKPOINTS` if it is to start from a savepoint, and has run without it; `SNAPSHOT_DAMAGED` if one cannot tell, since a file is not as it
   *   was written. {@link PlanError} `INVALID_OPTION` if there can be no such folder. {@link JobError} `JOB_FOLDER_FAILED` if the disk or the system does
   *   not do what it must.
   */
  static claim(root: string, jobName: string, options: ClaimOptions = {}, parts: Partial<JobWorld> = {}): JobDirectory {
    const folder = jobFolderOf(root, jobName)
    const world = { ...MACHINE, ...parts }
    return orDiskFailure(folder, () => JobDirectory.#claim(root, folder, jobName, options, world))
  }

  static #claim(root: string, folder: string, jobName: string, options: ClaimOptions, { files, isAlive: mayRun }: JobWorld): JobDirectory {
    const { fresh = false, savepoint, gone, hasSocket = false, supervisorPid } = options
    const world: JobWorld = { files, isAlive: (owner) => mayRun(owner) && !isSameOwner(owner, gone) }
    makeRoot(root, files)
    failPoint('claim.before')
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const last = lastAttempt(files, folder)
      if (last === 'moved') continue
      if (last !== undefined && world.isAlive(last.owner)) throw new JobRunningError(jobName, folder, last.owner)
      const record = fresh ? undefined : recordOf(files, folder)
      if (record?.status === 'finished')
        throw new RestoreError('JOB_FINISHED', `Cannot run job "${jobName}": it has finished, says "${join(folder, JOB_FILE)}"`, {
          hint: 'Start it anew with --fresh, which moves the old folder aside.',
        })
      if (savepoint !== undefined && record !== undefined && record.savepoint !== savepoint && record.checkpoint > 0)
        throw new RestoreError('JOB_HAS_CHECKPOINTS', `Cannot start job "${jobName}" from a savepoint: it has checkpoints of its own, in "${folder}"`, {
          hint: 'Move them aside with --fresh, or give this run another --name.',
        })
      const isNew = make(files, folder)
      const attempt = (last?.attempt ?? 0) + 1
      const owner = thisOwner(hasSocket, supervisorPid)
      if (!begin(world, folder, attempt, owner)) continue
      if (fresh && !(isNew && attempt === 1)) {
        // Only its owner moves a folder: another process may have begun in it since.
        files.remove(join(moveAside(files, folder), `attempt-${attempt}`))
        continue
      }
      failPoint('claim.attempt-begun')
      const directory = new JobDirectory(files, folder, jobName, attempt, owner, record?.checkpoint ?? 0, savepoint ?? record?.savepoint)
      directory.#setStatus('running')
      failPoint('claim.status-written')
      // The folder's own name, and that of the one moved aside.
      syncFolder(files, root)
      for (const older of attemptsIn(files, folder)) if (older < attempt) files.remove(join(folder, `attempt-${older}`))
      failPoint('claim.done')
      return directory
    }
    throw new RestoreError('SNAPSHOT_DAMAGED', `Cannot run job "${jobName}": files come and go in "${folder}", or it is a link that leads nowhere`)
  }

  /** Ends the attempt. A job that has finished is not started again. @throws {JobError} `JOB_FOLDER_FAILED` */
  release(status: EndStatus): void {
    orDiskFailure(this.folder, () => {
      failPoint('job.ended')
      this.#setStatus(status)
      failPoint('job.status-written')
      replace(this.#files, join(this.folder, `attempt-${this.attempt}`), JSON.stringify({ ...this.#owner, pid: 0 } satisfies Owner))
      failPoint('job.released')
    })
  }

  #setStatus(status: JobRecord['status']): void {
    const record = { format: 1, job: this.#jobName, status, checkpoint: this.#lastCheckpointId, savepoint: this.savepoint }
    replace(this.#files, join(this.folder, JOB_FILE), `${JSON.stringify(record)}\n`)
    syncFolder(this.#files, this.folder)
  }
}

/** Says of what a call to the disk throws where it happened. */
function orDiskFailure<Result>(folder: string, call: () => Result): Result {
  try {
    return call()
  } catch (error) {
    if (error instanceof MillraceError || typeof (error as NodeJS.ErrnoException).code !== 'string') throw error
    throw new JobError('JOB_FOLDER_FAILED', `Cannot keep in "${folder}" how the job stands: ${(error as Error).message}`, {
      cause: error,
      hint: 'With the disk mended, start the job again: it goes on from its newest checkpoint.',
    })
  }
}

/** Makes the folder of all jobs' folders. @throws {PlanError} `INVALID_OPTION` if there can be none. {@link JobError} `JOB_FOLDER_FAILED` */
export function makeRoot(root: string, files: FileSystem = nodeFileSystem): void {
  orDiskFailure(root, () => {
    try {
      makeFolder(root, files, true)
    } catch (error) {
      if (isDiskFailure(error)) throw error
      throw new PlanError('INVALID_OPTION', `Cannot keep checkpoints in "${root}": ${(error as Error).message}`, { cause: error })
    }
  })
}

/** The folder of a job, which need not exist. */
export function jobFolderOf(root: string, jobName: string): string {
  return join(root, folderNameOf(jobName))
}

/** How a job in a folder stands, as a process can see that does not run it. */
export interface JobState {
  readonly job: string
  readonly folder: string
  /** `failed` also of a job whose process has ended without a word. */
  readonly status: EndStatus | 'running'
  /** Of the last start; 0 before the first. */
  readonly attempt: number
  /** The last checkpoint that is complete; 0: none. */
  readonly checkpoint: number
  /** Who runs it; undefined if nobody does. */
  readonly owner: Owner | undefined
  /** The process that will start it again, if it lives; also while nobody runs the job. */
  readonly supervisor: ProcessIdentity | undefined
  /** Since when it stands so: epoch ms. */
  readonly sinceMs: number
}

/**
 * Looks at a job's folder.
 *
 * @returns undefined if it is none.
 * @throws {RestoreError} `SNAPSHOT_DAMAGED` if a file is not as it was written.
 */
export function jobStateIn(folder: string): JobState | undefined {
  const record = recordOf(nodeFileSystem, folder)
  if (record === undefined) return undefined
  // Between two attempts for a moment: then the next look finds one.
  const last = lastAttempt(nodeFileSystem, folder)
  const { attempt, owner } = last === 'moved' || last === undefined ? { attempt: 0, owner: undefined } : last
  const isHeld = owner !== undefined && isAlive(owner)
  const supervisor = owner?.supervisor !== undefined && isAlive({ ...owner, ...owner.supervisor }) ? owner.supervisor : undefined
  return {
    job: record.job,
    folder,
    status: isHeld ? 'running' : record.status === 'running' ? 'failed' : record.status,
    attempt,
    checkpoint: record.checkpoint,
    owner: isHeld ? owner : undefined,
    supervisor,
    sinceMs: (isHeld ? owner.sinceMs : undefined) ?? statSync(join(folder, JOB_FILE)).mtimeMs,
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
function make(files: FileSystem, folder: string): boolean {
  try {
    // Not with those around it: then it would throw if the folder were moved while it looks.
    files.makeFolder(folder)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return false
  }
}

function attemptsIn(files: FileSystem, folder: string): number[] {
  try {
    return files
      .list(folder)
      .flatMap(({ name }) => ATTEMPT.exec(name)?.[1] ?? [])
      .map(Number)
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}

/** Undefined if there is none; `moved` if another process began one while this one looked, or moved the folder. */
function lastAttempt(files: FileSystem, folder: string): { readonly attempt: number; readonly owner: Owner } | 'moved' | undefined {
  const attempt = Math.max(0, ...attemptsIn(files, folder))
  if (attempt === 0) return undefined
  const owner = ownerOf(files, folder, attempt)
  return owner === undefined ? 'moved' : { attempt, owner }
}

/** Undefined if there is no such attempt. */
function ownerOf(files: FileSystem, folder: string, attempt: number): Owner | undefined {
  const path = join(folder, `attempt-${attempt}`)
  let problem: unknown
  try {
    const owner = JSON.parse(textOf(files, path)) as unknown
    if (isOwner(owner)) return owner
    problem = new Error('it names no process')
  } catch (error) {
    if (isMissing(error)) return undefined
    if (isDiskFailure(error)) throw error
    problem = error
  }
  throw new RestoreError('SNAPSHOT_DAMAGED', `Cannot read "${path}", which says who runs the job: ${(problem as Error).message}`, {
    cause: problem,
    hint: 'Remove it if no process runs the job.',
  })
}

/** Creates the file of an attempt, whole or not at all. Returns false, with nothing left of it, if another process was faster. */
function begin(world: JobWorld, folder: string, attempt: number, owner: Owner): boolean {
  const { files } = world
  const content = JSON.stringify(owner)
  const draft = join(folder, `.attempt-${attempt}-${process.pid}-${threadId}`)
  const path = join(folder, `attempt-${attempt}`)
  try {
    writeSynced(files, draft, Buffer.from(content))
    files.link(draft, path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'EEXIST' && code !== 'ENOENT') throw error
    return false
  } finally {
    files.remove(draft)
  }
  // The number is that of a look some time ago. Since then others may have begun, ended and begun again, or moved the folder and made another: whoever
  // of two sees the other gives way, and of two who link before they look one does.
  const attempts = attemptsIn(files, folder)
  const isLast = attempts.every((other) => other <= attempt)
  if (isSameOwner(ownerOf(files, folder, attempt), owner)) {
    if (isLast && attempts.includes(attempt) && attempts.every((other) => other === attempt || !isHeld(world, folder, other))) return true
    files.remove(path)
  }
  return false
}

/** Whether a process runs an attempt, as far as one can tell. */
function isHeld(world: JobWorld, folder: string, attempt: number): boolean {
  const owner = ownerOf(world.files, folder, attempt)
  return owner === undefined || world.isAlive(owner)
}

function recordOf(files: FileSystem, folder: string): JobRecord | undefined {
  const path = join(folder, JOB_FILE)
  let problem: unknown
  try {
    const { job, status, checkpoint, savepoint } = JSON.parse(textOf(files, path)) as Partial<JobRecord>
    const isKnown = (status === 'running' || END_STATUSES.includes(String(status))) && Number.isSafeInteger(checkpoint)
    if (isKnown && (savepoint === undefined || typeof savepoint === 'string'))
      return { job: typeof job === 'string' ? job : basename(folder), status: status!, checkpoint: checkpoint!, savepoint }
    problem = new Error('it does not say how the job stands')
  } catch (error) {
    if (isMissing(error)) return undefined
    if (isDiskFailure(error)) throw error
    problem = error
  }
  throw new RestoreError('SNAPSHOT_DAMAGED', `Cannot read "${path}": ${(problem as Error).message}`, { cause: problem })
}

/** Returns where it is now. */
function moveAside(files: FileSystem, folder: string): string {
  for (let number = 1; ; number++) {
    const aside = `${folder}.old-${number}`
    try {
      files.rename(folder, aside)
      return aside
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST' && code !== 'ENOTDIR') throw error
    }
  }
}

/** Writes a file whole or not at all. */
function replace(files: FileSystem, path: string, content: string): void {
  const draft = `${path}.tmp`
  writeSynced(files, draft, Buffer.from(content))
  files.rename(draft, path)
}

function textOf(files: FileSystem, path: string): string {
  return Buffer.from(files.read(path)).toString()
}
