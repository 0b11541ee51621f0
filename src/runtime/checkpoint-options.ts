// What the configuration says of checkpoints.

import { resolve } from 'node:path'
import { PlanError } from '../base/errors.ts'

const INTERVAL = 'execution.checkpointing.interval'
/** Folder of all jobs' folders. */
export const CHECKPOINT_DIR_OPTION = 'execution.checkpointing.dir'
const INCREMENTAL = 'execution.checkpointing.incremental'
const SAVEPOINT = 'execution.state-recovery.path'
const IGNORE_UNCLAIMED = 'execution.state-recovery.ignore-unclaimed-state'
const MODE = 'execution.checkpointing.mode'
const UNALIGNED = 'execution.checkpointing.unaligned.enabled'
const ALIGNED_TIMEOUT = 'execution.checkpointing.aligned-checkpoint-timeout'
const INTERVAL_MS_DEFAULT = 10_000
const TIMEOUT_MS_DEFAULT = 600_000
const RETAINED_DEFAULT = 3

/** What a checkpoint says of a record: with `AT_LEAST_ONCE` no channel is held, so that one that came behind the barrier may be in it, and come again. */
export const CheckpointingMode = { EXACTLY_ONCE: 'EXACTLY_ONCE', AT_LEAST_ONCE: 'AT_LEAST_ONCE' } as const
export type CheckpointingMode = (typeof CheckpointingMode)[keyof typeof CheckpointingMode]

/** The mode of a job: an option of its own, since every gate asks. */
export function checkpointingModeOf(options: ReadonlyMap<string, string>): CheckpointingMode {
  return (options.get(MODE) ?? CheckpointingMode.EXACTLY_ONCE) as CheckpointingMode
}

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
  /** How long after its beginning a checkpoint does without alignment; undefined: never. */
  readonly alignedTimeoutMs: number | undefined
  /** How many in a row may fail without failing the job. */
  readonly tolerableFailures: number
  /** How many complete ones are kept. */
  readonly retained: number
  /** Whether one may hold, of what can tell, only what changed since the one before. */
  readonly isIncremental: boolean
}

/** Whether checkpoints may hold only what changed. */
export function isIncremental(options: ReadonlyMap<string, string>): boolean {
  return options.get(INCREMENTAL) !== 'false'
}

/** How long a savepoint, or a checkpoint, may wait for its parts, in ms. */
export function checkpointTimeoutMsOf(options: ReadonlyMap<string, string>): number {
  return Number(options.get('execution.checkpointing.timeout') ?? TIMEOUT_MS_DEFAULT)
}

/** The savepoint that a job is to start from; undefined if it is to start from none. */
export function savepointOf(options: ReadonlyMap<string, string>): string | undefined {
  const path = options.get(SAVEPOINT)
  return path && resolve(path)
}

/** Whether state of operators that the job does not have may be dropped. */
export function allowsNonRestoredState(options: ReadonlyMap<string, string>): boolean {
  return options.get(IGNORE_UNCLAIMED) === 'true'
}

/** Refuses checkpoints for a job on the calling thread, which takes none. @throws {PlanError} `INVALID_LOCAL_JOB` */
export function refuseCheckpoints(options: ReadonlyMap<string, string>): void {
  if (options.has(SAVEPOINT))
    throw new PlanError('INVALID_LOCAL_JOB', 'Cannot start from a savepoint: the job runs on the calling thread', {
      hint: `Leave out ${SAVEPOINT}, or submit the job's module to an engine.`,
    })
  if (!options.has(CHECKPOINT_DIR_OPTION) && !options.has(INTERVAL)) return
  throw new PlanError('INVALID_LOCAL_JOB', 'Cannot take checkpoints: the job runs on the calling thread', {
    hint: `Leave out ${CHECKPOINT_DIR_OPTION} and ${INTERVAL}, or submit the job's module to an engine.`,
  })
}

/**
 * How long after its beginning a checkpoint does without alignment; undefined: never.
 *
 * @throws {PlanError} `INVALID_OPTION` for a timeout without its switch, and where nothing is aligned.
 */
export function alignedTimeoutMsOf(options: ReadonlyMap<string, string>): number | undefined {
  const timeout = options.get(ALIGNED_TIMEOUT)
  if (options.get(UNALIGNED) !== 'true') {
    if (timeout === undefined) return undefined
    throw new PlanError('INVALID_OPTION', `Cannot take unaligned checkpoints: ${ALIGNED_TIMEOUT} is set, and ${UNALIGNED} is not true`, {
      hint: `Set ${UNALIGNED} to true, or leave out ${ALIGNED_TIMEOUT}.`,
    })
  }
  if (checkpointingModeOf(options) === CheckpointingMode.AT_LEAST_ONCE)
    throw new PlanError('INVALID_OPTION', `Cannot take unaligned checkpoints: with ${MODE} AT_LEAST_ONCE nothing is aligned`, {
      hint: `Leave out ${UNALIGNED}, or ${MODE}.`,
    })
  return Number(timeout ?? 0)
}

/**
 * Reads the options; undefined for a job without checkpoints.
 *
 * @throws {PlanError} `INVALID_OPTION` for an interval without a directory: nothing would be kept; as {@link alignedTimeoutMsOf}.
 */
export function checkpointOptionsOf(options: ReadonlyMap<string, string>): CheckpointOptions | undefined {
  const directory = options.get(CHECKPOINT_DIR_OPTION)
  if (directory === undefined) {
    if (options.has(INTERVAL))
      throw new PlanError('INVALID_OPTION', `Cannot take checkpoints: ${INTERVAL} is set, and nothing says where they are kept`, {
        hint: `Set ${CHECKPOINT_DIR_OPTION} to a folder.`,
      })
    return undefined
  }
  const number = (key: string, otherwise: number): number => Number(options.get(`execution.checkpointing.${key}`) ?? otherwise)
  return {
    directory,
    intervalMs: number('interval', INTERVAL_MS_DEFAULT),
    minPauseMs: number('min-pause', 0),
    timeoutMs: checkpointTimeoutMsOf(options),
    alignedTimeoutMs: alignedTimeoutMsOf(options),
    tolerableFailures: number('tolerable-failed-checkpoints', 0),
    retained: number('num-retained', RETAINED_DEFAULT),
    isIncremental: isIncremental(options),
  }
}
