// Key groups: the atomic units of keyed state. A key's group never changes; subtasks own contiguous ranges of groups, by Flink's formulas, so
// that a restart with another parallelism moves whole groups. Frozen.

import { assert } from './assert.ts'
import { PlanError } from './errors.ts'
import { hash64 } from './hash64.ts'
import { availableCores } from './platform.ts'

export const MAX_PARALLELISM_DEFAULT = 128
export const MAX_PARALLELISM_LIMIT = 32_768
/** Workers that a job may have on any machine, however few its cores. */
const WORKERS_LIMIT_LEAST = 64
const WORKERS_LIMIT_PER_CORE = 4

/**
 * Refuses a number of workers that no job can have on this machine: each is a thread with heap and memory of its own, so thousands would take all
 * memory before the first record.
 *
 * @throws {PlanError} `INVALID_PARALLELISM`
 */
export function checkParallelism(jobName: string, parallelism: number): void {
  const workersMax = Math.max(WORKERS_LIMIT_LEAST, WORKERS_LIMIT_PER_CORE * availableCores())
  if (!Number.isInteger(parallelism) || parallelism < 1 || parallelism > workersMax)
    throw new PlanError(
      'INVALID_PARALLELISM',
      `Cannot run job "${jobName}" with a parallelism of ${parallelism}: it must be an integer in 1..${workersMax} on this machine, since each worker is a thread with memory of its own`,
      { hint: 'Set it with --parallelism, or setParallelism(...) in the program; more workers than cores gain nothing.' },
    )
}

/** Key groups of one subtask, both ends inclusive; empty if `end` < `start`. */
export interface KeyGroupRange {
  readonly start: number
  readonly end: number
}

/** The key group of a hash of canonical key bytes with seed 0: its high 32 bits modulo the maximum parallelism. */
export function keyGroupOfHash(hash: bigint, maxParallelism: number): number {
  return Number(hash >> 32n) % maxParallelism
}

/** The key group of canonical key bytes. */
export function keyGroupOf(keyBytes: Uint8Array, maxParallelism: number): number {
  return keyGroupOfHash(hash64(keyBytes), maxParallelism)
}

/** The subtask that owns a key group. */
export function subtaskOfKeyGroup(keyGroup: number, parallelism: number, maxParallelism: number): number {
  return Math.floor((keyGroup * parallelism) / maxParallelism)
}

/** The key groups that a subtask owns. */
export function keyGroupRangeOf(subtaskIndex: number, parallelism: number, maxParallelism: number): KeyGroupRange {
  assert(
    subtaskIndex >= 0 && subtaskIndex < parallelism && parallelism <= maxParallelism && maxParallelism <= MAX_PARALLELISM_LIMIT,
    'key group range out of bounds',
  )
  return {
    start: Math.floor((subtaskIndex * maxParallelism + parallelism - 1) / parallelism),
    end: Math.floor(((subtaskIndex + 1) * maxParallelism - 1) / parallelism),
  }
}
