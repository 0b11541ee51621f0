// `millrace list`, `cancel`, `stop`: what one can see and ask of jobs that other processes run, by their folders. Loads nothing of the engine.

import { existsSync, readdirSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../base/clock.ts'
import { JobError, PlanError } from '../base/errors.ts'
import { isProcessAlive } from '../base/process-identity.ts'
import { suggest } from '../base/suggest.ts'
import { jobFolderOf, type JobState, jobStateIn } from '../checkpoint/job-directory.ts'
import { isForeign } from '../checkpoint/job-owner.ts'
import { askOwner, NoAnswerError } from '../runtime/control-client.ts'
import type { ControlRequest, ControlResults } from '../runtime/control-protocol.ts'
import { ExitCode } from './error-text.ts'
import { styleOf, type Terminal } from './terminal.ts'

/** Where jobs are looked for. */
export interface JobsOptions {
  /** Folder of the jobs' folders: `execution.checkpointing.dir`. */
  readonly dir?: string
}

/** How a job is stopped. */
export interface StopOptions extends JobsOptions {
  readonly savepoint?: string
  readonly drain?: boolean
}

/** How long the process of a job may take to say that it lives. */
const ANSWER_MS_MAX = 10_000
/** How long a supervisor that waits to start its job again may take to end. */
const SUPERVISOR_MS_MAX = 10_000
const RETRY_MS = 20

/** A job that failed, and whose supervisor will start it again, is neither running nor over. */
type ShownStatus = JobState['status'] | 'restarting'

/** Lists the jobs below a folder on standard output. @throws {PlanError} `INVALID_ARGUMENT` if there is no such folder. */
export function listCommand({ dir, json = false }: JobsOptions & { readonly json?: boolean }, terminal: Terminal): number {
  if (dir === undefined)
    throw new PlanError('INVALID_ARGUMENT', 'Cannot list jobs: nothing says where they are', { hint: 'Give --dir the folder of execution.checkpointing.dir.' })
  if (!existsSync(dir)) throw new PlanError('INVALID_ARGUMENT', `Cannot list the jobs in "${dir}": there is no such folder`)
  const states = jobsIn(dir).flatMap((folder) => stateOrNote(folder, terminal))
  if (json)
    terminal.print(
      `${JSON.stringify(
        states.map((state) => ({
          name: state.job,
          status: shownStatus(state),
          attempt: state.attempt,
          checkpoint: state.checkpoint || null,
          pid: state.owner?.pid ?? null,
          since: new Date(state.sinceMs).toISOString(),
          folder: resolve(state.folder),
        })),
        undefined,
        2,
      )}\n`,
    )
  else if (states.length === 0) terminal.say(`There are no jobs in "${dir}"\n`)
  else terminal.print(table(states, terminal))
  return ExitCode.OK
}

/** Cancels a job. @throws {JobError} `JOB_NOT_RUNNING`, and what the job's process says. */
export async function cancelCommand(job: string, options: JobsOptions, terminal: Terminal): Promise<number> {
  const state = stateOf(job, options, 'cancel')
  if (state.owner === undefined && shownStatus(state) === 'restarting') {
    await endSupervisor(state)
    terminal.say(`${state.job} was cancelled, and is not started again\n`)
    return ExitCode.OK
  }
  const { status } = await ask(state, { command: 'cancel' }, 'cancel')
  if (status === 'failed') throw new JobError('JOB_FAILED', `Cannot cancel job "${state.job}": it has failed meanwhile`)
  terminal.say(status === 'cancelled' ? `${state.job} was cancelled\n` : `${state.job} had ended by then: it is ${status}\n`)
  return ExitCode.OK
}

/** Stops a job behind a savepoint, whose path goes to standard output, or behind a last checkpoint. @throws as {@link cancelCommand}. */
export async function stopCommand(job: string, { savepoint, drain = false, ...options }: StopOptions, terminal: Terminal): Promise<number> {
  const state = stateOf(job, options, 'stop')
  const request = { command: 'stop', drain, ...(savepoint !== undefined && { savepoint: resolve(savepoint) }) } as const
  const { status, checkpoint, savepoint: taken } = await ask(state, request, 'stop')
  if (status === 'failed' || status === 'cancelled') throw new JobError('JOB_FAILED', `Cannot stop job "${state.job}": it is ${status} meanwhile`)
  terminal.say(`${state.job} ${status === 'finished' ? 'has finished' : 'was stopped'} behind checkpoint ${checkpoint}\n`)
  if (taken !== undefined) terminal.print(`${taken}\n`)
  return ExitCode.OK
}

/**
 * Asks the process that runs a job.
 *
 * @param verb What could not be done, for messages.
 * @throws {JobError} `JOB_NOT_RUNNING`, `JOB_NOT_ANSWERING`; and what the process says.
 */
export async function ask<Request extends ControlRequest>(state: JobState, request: Request, verb: string): Promise<ControlResults[Request['command']]> {
  const { owner, folder, job } = state
  const refused = (code: string, problem: string, hint: string): JobError => new JobError(code, `Cannot ${verb} job "${job}": ${problem}`, { hint })
  if (owner === undefined) {
    const isRestarting = shownStatus(state) === 'restarting'
    throw refused(
      'JOB_NOT_RUNNING',
      isRestarting ? 'it has failed, and is about to be started again' : `it is not running: ${state.status}`,
      isRestarting ? 'Try again when it runs, or cancel it.' : '`millrace list` shows how jobs stand.',
    )
  }
  const hint = `If process ${owner.pid} hangs, start the job again: that ends it, and goes on from the newest checkpoint.`
  try {
    await askOwner(folder, { command: 'status' }, ANSWER_MS_MAX)
    return await askOwner(folder, request, Infinity)
  } catch (error) {
    if (!(error instanceof NoAnswerError)) throw error
    if (error.reason !== 'closed') throw refused('JOB_NOT_ANSWERING', `process ${owner.pid} runs it, and does not answer`, hint)
    throw refused('JOB_NOT_ANSWERING', `process ${owner.pid} has ended without an answer`, '`millrace list` shows how jobs stand.')
  }
}

/**
 * Finds a job: by its name below `--dir`, else by the path of its folder.
 *
 * @throws {PlanError} `JOB_NOT_FOUND`
 */
export function stateOf(job: string, { dir }: JobsOptions, verb: string): JobState {
  const folder = dir === undefined ? job : jobFolderOf(dir, job)
  const state = jobStateIn(folder)
  if (state !== undefined) return state
  const near =
    dir !== undefined && existsSync(dir)
      ? suggest(
          job,
          jobsIn(dir).map((one) => basename(one)),
        )
      : undefined
  const elsewhere = 'Name the folder of the job, or give --dir the folder of execution.checkpointing.dir.'
  throw new PlanError('JOB_NOT_FOUND', `Cannot ${verb} job "${job}": there is no "${join(folder, 'job.json')}"`, {
    hint: near === undefined ? elsewhere : `Did you mean "${near}"?`,
  })
}

/** Folders that may be those of jobs, also such as were moved aside. */
function jobsIn(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map(({ name }) => join(dir, name))
    .toSorted()
}

/** One job whose files are damaged must not hide the others. */
function stateOrNote(folder: string, terminal: Terminal): JobState[] {
  try {
    const state = jobStateIn(folder)
    return state === undefined ? [] : [state]
  } catch (error) {
    terminal.say(`note: ${(error as Error).message}\n`)
    return []
  }
}

function shownStatus({ status, supervisor }: JobState): ShownStatus {
  return status === 'failed' && supervisor !== undefined ? 'restarting' : status
}

/** Ends the process that waits to start a job again. */
async function endSupervisor({ job, owner, supervisor }: JobState): Promise<void> {
  const refuse = (problem: string): never => {
    throw new JobError('JOB_NOT_ANSWERING', `Cannot cancel job "${job}": process ${supervisor!.pid}, which will start it again, ${problem}`)
  }
  if (owner !== undefined && isForeign(owner)) refuse('is of another container')
  process.kill(supervisor!.pid, 'SIGTERM')
  for (const startMs = systemClock.monotonicMs(); isProcessAlive(supervisor!); await sleep(RETRY_MS))
    if (systemClock.monotonicMs() - startMs > SUPERVISOR_MS_MAX) refuse('does not end')
}

function table(states: readonly JobState[], terminal: Terminal): string {
  const rows = states.map((state) => [
    state.folder.includes('.old-') ? `${state.job} (${basename(state.folder)})` : state.job,
    shownStatus(state),
    String(state.attempt),
    state.checkpoint === 0 ? '-' : String(state.checkpoint),
    String(state.owner?.pid ?? '-'),
    new Date(state.sinceMs).toISOString().replace(/\.\d+Z$/, 'Z'),
  ])
  const titles = ['name', 'status', 'attempt', 'checkpoint', 'pid', 'since']
  const widths = titles.map((title, index) => Math.max(title.length, ...rows.map((row) => row[index].length)))
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, index) => cell.padEnd(widths[index]))
      .join('  ')
      .trimEnd()
  return `${styleOf(terminal, 'print').dim(line(titles))}\n${rows.map((row) => `${line(row)}\n`).join('')}`
}
