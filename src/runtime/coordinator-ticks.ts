// How often a job's coordinator looks and tells, and how long anything may stand still. Also for the main thread, which watches the coordinator.

/** Between two ticks of a job. */
export const TICK_MS = 200
/** While no row moves, ticks are this far apart: each one wakes the coordinator's thread and the main thread. */
export const TICK_MS_IDLE = 1000
const HANG_TIMEOUT_MS_DEFAULT = 180_000
const ANSWER_TIMEOUT_MS_DEFAULT = 10_000

/** A worker whose loop stands still for so long, in the middle of a step, counts as hung; so does a coordinator that says nothing. */
export function hangTimeoutMsOf(options: ReadonlyMap<string, string>): number {
  return Number(options.get('millrace.worker.hang-timeout') ?? HANG_TIMEOUT_MS_DEFAULT)
}

/** How long the process that runs a job may take to answer another start of it, before it counts as hung. */
export function answerTimeoutMsOf(options: ReadonlyMap<string, string>): number {
  return Number(options.get('millrace.job.answer-timeout') ?? ANSWER_TIMEOUT_MS_DEFAULT)
}
