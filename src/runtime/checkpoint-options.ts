// What the configuration says of checkpoints.

import { PlanError } from '../base/errors.ts'

const INTERVAL = 'execution.checkpointing.interval'
const DIRECTORY = 'execution.checkpointing.dir'
const INTERVAL_MS_DEFAULT = 10_000
const TIMEOUT_MS_DEFAULT = 600_000
const RETAINED_DEFAULT = 3

/** How a job takes checkpoints, and where they are kept. */
export interface CheckpointOptions {
  /** Folder of all jobs' folders. */
  readonly directory: string
  /** From the beginning of one checkpoint to that of the next. */
  readonly intervalMs: number
  /** From the end of one checkpoint to the beginning of the next, at least. */
  readonly minPauseMs: number
  /** How long a checkpoint may wait for its parts. */
  readonly timeoutMs: number
  /** How many in a row may fail without failing the job. */
  readonly tolerableFailures: number
  /** How many complete ones are kept. */
  readonly retained: number
}

/** Refuses checkpoints for a job on the calling thread, which takes none. @throws {PlanError} `INVALID_LOCAL_JOB` */
export function refuseCheckpoints(options: ReadonlyMap<string, string>): void {
  if (!options.has(DIRECTORY) && !options.has(INTERVAL)) return
  throw new PlanError('INVALID_LOCAL_JOB', 'Cannot take checkpoints: the job runs on the calling thread', {
    hint: `Leave out ${DIRECTORY} and ${INTERVAL}, or submit the job's module to an engine.`,
  })
}

/**
 * Reads the options; undefined for a job without checkpoints.
 *
 * @throws {PlanError} `INVALID_OPTION` for an interval without a directory: nothing would be kept.
 */
export function checkpointOptionsOf(options: ReadonlyMap<string, string>): CheckpointOptions | undefined {
  const directory = options.get(DIRECTORY)
  if (directory === undefined) {
    if (options.has(INTERVAL))
      throw new PlanError('INVALID_OPTION', `Cannot take checkpoints: ${INTERVAL} is set, and nothing says where they are kept`, {
        hint: `Set ${DIRECTORY} to a folder.`,
      })
    return undefined
  }
  const number = (key: string, otherwise: number): number => Number(options.get(`execution.checkpointing.${key}`) ?? otherwise)
  return {
    directory,
    intervalMs: number('interval', INTERVAL_MS_DEFAULT),
    minPauseMs: number('min-pause', 0),
    timeoutMs: number('timeout', TIMEOUT_MS_DEFAULT),
    tolerableFailures: number('tolerable-failed-checkpoints', 0),
    retained: number('num-retained', RETAINED_DEFAULT),
  }
}
