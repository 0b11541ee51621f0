// The folder of a job: `job.json`, its checkpoints, and `attempt-N`, which says who runs it. One process owns a job at a time: an attempt is begun
// by creating its file, which only one can, and only once the process of the last one is gone.

import { linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { syncFolder } from '../base/durable.ts'
import { RestoreError } from '../base/errors.ts'

const ATTEMPT = /^attempt-(\d+)$/
const JOB_FILE = 'job.json'

/** Who runs an attempt. */
interface Owner {
  /** 0: nobody any more. */
  readonly pid: number
  /** When that process began, as the system counts: a number that was given again is another process. Undefined where the system does not say. */
  readonly started: string | undefined
}

/** The folder of a job that this process owns. */
export class JobDirectory {
  readonly folder: string
  /** Which start of the job this is, from 1 on. */
  readonly attempt: number
  readonly #jobName: string

  private constructor(folder: string, jobName: string, attempt: number) {
    this.folder = folder
    this.attempt = attempt
    this.#jobName = jobName
  }

  /**
   * Makes the calling process the job's owner.
   *
   * @param root Folder of all jobs: made if it is not there.
   * @param fresh Whether what is there is moved aside, for the job to begin anew.
   * @throws {RestoreError} `JOB_RUNNING` while a process runs it; `JOB_FINISHED` if there is nothing left to do and `fresh` is false.
   */
  static claim(root: string, jobName: string, fresh: boolean): JobDirectory {
    const folder = join(root, folderNameOf(jobName))
    for (;;) {
      const last = lastAttempt(folder)
      if (last !== undefined && isAlive(last.owner))
        throw new RestoreError('JOB_RUNNING', `Cannot run job "${jobName}": process ${last.owner.pid} runs it, in "${folder}"`, {
          hint: 'Stop that process, or give this run another --name.',
        })
      if (fresh) moveAside(folder)
      else if (statusOf(folder) === 'finished')
        throw new RestoreError('JOB_FINISHED', `Cannot run job "${jobName}": it has finished, says "${join(folder, JOB_FILE)}"`, {
          hint: 'Start it anew with --fresh, which moves the old folder aside.',
        })
      mkdirSync(folder, { recursive: true })
      const attempt = fresh ? 1 : (last?.attempt ?? 0) + 1
      if (!begin(folder, attempt)) continue
      const directory = new JobDirectory(folder, jobName, attempt)
      directory.#setStatus('running')
      for (const older of attemptsIn(folder)) if (older < attempt) rmSync(join(folder, `attempt-${older}`), { force: true })
      return directory
    }
  }

  /** Ends the attempt. A job that has finished is not started again. */
  release(hasFinished: boolean): void {
    if (hasFinished) this.#setStatus('finished')
    replace(join(this.folder, `attempt-${this.attempt}`), JSON.stringify({ pid: 0 } satisfies Partial<Owner>))
  }

  #setStatus(status: 'running' | 'finished'): void {
    replace(join(this.folder, JOB_FILE), `${JSON.stringify({ format: 1, job: this.#jobName, status })}\n`)
    syncFolder(this.folder)
  }
}

/** A name that is a folder's in every file system, different for different jobs. */
function folderNameOf(jobName: string): string {
  return jobName.replaceAll(/[^\w.-]|^\.+/g, (part) => [...Buffer.from(part)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''))
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

function lastAttempt(folder: string): { readonly attempt: number; readonly owner: Owner } | undefined {
  const attempt = Math.max(0, ...attemptsIn(folder))
  if (attempt === 0) return undefined
  return { attempt, owner: JSON.parse(readFileSync(join(folder, `attempt-${attempt}`), 'utf8')) as Owner }
}

/** Creates the file of an attempt, whole or not at all. Returns false if another process was faster. */
function begin(folder: string, attempt: number): boolean {
  const owner: Owner = { pid: process.pid, started: startOf(process.pid) }
  const draft = join(folder, `.attempt-${attempt}-${process.pid}`)
  writeFileSync(draft, JSON.stringify(owner))
  try {
    linkSync(draft, join(folder, `attempt-${attempt}`))
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return false
  } finally {
    rmSync(draft, { force: true })
  }
}

function isAlive({ pid, started }: Owner): boolean {
  if (pid === 0) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  const now = startOf(pid)
  return started === undefined || now === undefined || started === now
}

/** When a process began, in ticks since the machine did; undefined where the system does not say. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The command's name, in parentheses, may hold anything.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined
  }
}

function statusOf(folder: string): string | undefined {
  try {
    return (JSON.parse(readFileSync(join(folder, JOB_FILE), 'utf8')) as { status?: string }).status
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new RestoreError('SNAPSHOT_DAMAGED', `Cannot read "${join(folder, JOB_FILE)}": ${(error as Error).message}`, { cause: error })
  }
}

function moveAside(folder: string): void {
  for (let number = 1; ; number++) {
    try {
      // Onto an empty folder the system would rename.
      mkdirSync(dirname(folder), { recursive: true })
      if (attemptsIn(`${folder}.old-${number}`).length > 0) continue
      renameSync(folder, `${folder}.old-${number}`)
      return
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ENOENT') return
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error
    }
  }
}

/** Writes a file whole or not at all. */
function replace(path: string, content: string): void {
  const draft = `${path}.tmp`
  writeFileSync(draft, content, { flush: true })
  renameSync(draft, path)
}
