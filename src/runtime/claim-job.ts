// Makes this process the owner of a job's folder, also against one that hangs: whoever runs the job is asked over its socket; one that answers keeps
// the job, one that is silent is ended and waited for. Runs on the coordinator's thread. Invariant: nobody is killed that has answered, and nothing begins
// before the one that was killed can write no more.

import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../base/clock.ts'
import { failPoint } from '../base/fail-points.ts'
import { isProcessAlive } from '../base/process-identity.ts'
import { type ClaimOptions, JobDirectory, JobRunningError, makeRoot } from '../checkpoint/job-directory.ts'
import { isForeign, isSameOwner, type Owner, thisOwner } from '../checkpoint/job-owner.ts'
import { askOwner, NoAnswerError } from './control-client.ts'
import { type ControlHandlers, ControlServer } from './control-server.ts'

/** An engine whose supervisor has just been killed is about to end: it is given a moment. */
const ENDING_MS_MAX = 2000
const RETRY_MS = 20
/** How long a job that was told to end for another start may take, and a process that was killed. */
const YIELD_MS_MAX = 30_000
const KILL_MS_MAX = 30_000

/** How a job is claimed. */
export interface ClaimJobOptions extends Pick<ClaimOptions, 'fresh' | 'savepoint' | 'supervisorPid'> {
  /** Whether an owner that answers is told to end too, without a savepoint. */
  readonly takeOver: boolean
  /** Threads of this process that may write, whether they answer or not. */
  readonly liveThreads?: readonly number[]
  /** A thread of this process of which is known that it has ended. */
  readonly endedThread?: number
  /** How long an owner may take to answer. */
  readonly answerTimeoutMs: number
  readonly handlers: ControlHandlers
  log(message: string): void
}

/** A folder that is this process's, and its socket, where there can be one. */
export interface ClaimedJob {
  readonly directory: JobDirectory
  readonly control: ControlServer | undefined
}

/**
 * Claims a job's folder and listens in it.
 *
 * @throws {RestoreError} `JOB_RUNNING` if its owner answers, or cannot be asked or ended; and as {@link JobDirectory.claim}.
 */
export async function claimJob(root: string, jobName: string, options: ClaimJobOptions): Promise<ClaimedJob> {
  makeRoot(root)
  const control = await listen(root, options)
  try {
    const directory = await claimAsking(root, jobName, options, control !== undefined)
    try {
      control?.show(directory.folder)
    } catch (error) {
      directory.release('failed')
      throw error
    }
    return { directory, control }
  } catch (error) {
    control?.close()
    throw error
  }
}

/** Where the file system knows no sockets, the job runs without one. */
async function listen(root: string, { handlers, log }: ClaimJobOptions): Promise<ControlServer | undefined> {
  try {
    return await ControlServer.listen(root, handlers)
  } catch (error) {
    log(`Cannot listen for other commands in "${root}", which this job will not hear: ${(error as Error).message}`)
    return undefined
  }
}

async function claimAsking(root: string, jobName: string, options: ClaimJobOptions, hasSocket: boolean): Promise<JobDirectory> {
  const { fresh, savepoint, supervisorPid, log } = options
  const claim = { ...(fresh !== undefined && { fresh }), savepoint, supervisorPid, hasSocket }
  const startMs = systemClock.monotonicMs()
  /** Since when nobody listens for the owner. */
  let deafSinceMs: number | undefined
  let gone = options.endedThread === undefined ? undefined : ownThread(options.endedThread)
  for (;;) {
    try {
      return JobDirectory.claim(root, jobName, { ...claim, gone })
    } catch (error) {
      if (!(error instanceof JobRunningError)) throw error
      const nowMs = systemClock.monotonicMs()
      const { owner } = error
      const answer = owner.socket === true ? await askToYield(error, options) : 'answered'
      if (answer === 'refused') deafSinceMs ??= nowMs
      else deafSinceMs = undefined
      // An owner listens before it says so: one that nobody listens for is about to end, or hangs on its way.
      const isDeaf = deafSinceMs !== undefined && nowMs - deafSinceMs > options.answerTimeoutMs
      if (answer === 'silent' || isDeaf || (answer === 'refused' && isForeign(owner))) {
        if (isLive(owner, options))
          throw new JobRunningError(
            jobName,
            error.folder,
            owner,
            'has ended it, but for a thread that does not end',
            'Only the end of that process ends the thread.',
          )
        if (answer === 'silent' || !isOutOfReach(owner)) await end(error, jobName, log)
        else gone = owner
      } else if (answer !== 'refused' && nowMs - startMs > ENDING_MS_MAX) throw error
      else await sleep(RETRY_MS)
    }
  }
}

/** A thread of this process as owner. */
function ownThread(thread: number): Owner {
  return { ...thisOwner(false, undefined), thread }
}

/** Whether it is a thread of this process that has not ended. */
function isLive(owner: Owner, { liveThreads = [] }: ClaimJobOptions): boolean {
  return liveThreads.some((thread) => isSameOwner(owner, ownThread(thread)))
}

/** Another container's, or this very process: its other thread, if nobody listens any more, has ended. */
function isOutOfReach(owner: Owner): boolean {
  return owner.pid === process.pid || isForeign(owner)
}

/** Asks the owner how it is, and to end if that is wanted. */
async function askToYield({ folder }: JobRunningError, { takeOver, answerTimeoutMs, log }: ClaimJobOptions): Promise<'answered' | 'refused' | 'silent'> {
  try {
    const { pid } = await askOwner(folder, { command: 'status' }, answerTimeoutMs)
    if (!takeOver) return 'answered'
    log(`Process ${pid} runs the job: it is told to end`)
    failPoint('take-over.before-ask')
    await askOwner(folder, { command: 'cancel' }, YIELD_MS_MAX)
    failPoint('take-over.asked')
    return 'answered'
  } catch (error) {
    if (!(error instanceof NoAnswerError)) throw error
    // A connection that ends is that of a process that does.
    return error.reason === 'closed' ? 'answered' : error.reason
  }
}

/** Ends an owner that hangs, with the process that would start it again first, and waits until it can write no more. */
async function end(running: JobRunningError, jobName: string, log: (message: string) => void): Promise<void> {
  const { owner, folder } = running
  const refuse = (problem: string): never => {
    throw new JobRunningError(jobName, folder, owner, problem, 'End it by hand, and start the job again.')
  }
  if (isOutOfReach(owner)) refuse('does not answer')
  log(`Process ${owner.pid} runs the job and does not answer: it is killed`)
  failPoint('take-over.before-kill')
  const victims = owner.supervisor === undefined ? [owner] : [owner.supervisor, owner]
  try {
    for (const victim of victims) if (isProcessAlive(victim)) process.kill(victim.pid, 'SIGKILL')
  } catch (error) {
    // It may have ended just now.
    if ((error as NodeJS.ErrnoException).code === 'EPERM') refuse('does not answer, and belongs to another user')
  }
  failPoint('take-over.killed')
  for (const startMs = systemClock.monotonicMs(); victims.some(isProcessAlive); await sleep(RETRY_MS))
    if (systemClock.monotonicMs() - startMs > KILL_MS_MAX) refuse('was killed, and has not ended: the system holds it')
  failPoint('take-over.ended')
}
