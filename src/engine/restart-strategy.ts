// When a job that has failed is started again: Flink's restart strategies, and what a process asks that starts it again itself. Pure, but for the time
// that is given.

import { hasCode, PlanError, RestoreError } from '../base/errors.ts'
import type { Random } from '../base/random.ts'

/** Asked once at each failure. */
export interface RestartStrategy {
  /** How long to wait before the job is started again, in ms; undefined: not again. `nowMs` is monotonic. */
  onFailure(nowMs: number): number | undefined
  /** What is told when it gives up. */
  readonly description: string
}

const KEY = 'restart-strategy'
const CHECKPOINT_DIR = 'execution.checkpointing.dir'
/** Texts of Flink's that mean the same. */
const TYPES: Readonly<Record<string, string>> = {
  none: 'none',
  off: 'none',
  disable: 'none',
  'fixed-delay': 'fixed-delay',
  fixeddelay: 'fixed-delay',
  'failure-rate': 'failure-rate',
  failurerate: 'failure-rate',
  'exponential-delay': 'exponential-delay',
  exponentialdelay: 'exponential-delay',
}

/** The names of the strategies, for messages and the registry of options. */
export const RESTART_STRATEGY_TYPES: readonly string[] = Object.keys(TYPES)

/**
 * The strategy that the options name; undefined if there is none: without checkpoints, where a job would begin anew, or if they say so.
 *
 * @param random Spreads the delays of `exponential-delay`.
 */
export function restartStrategyOf(options: ReadonlyMap<string, string>, random: Random): RestartStrategy | undefined {
  const type = TYPES[options.get(`${KEY}.type`) ?? (options.has(CHECKPOINT_DIR) ? 'exponential-delay' : 'none')]
  const number = (key: string, otherwise: number): number => Number(options.get(`${KEY}.${type}.${key}`) ?? otherwise)
  switch (type) {
    case 'fixed-delay':
      return fixedDelay(number('attempts', 1), number('delay', 1000))
    case 'failure-rate':
      return failureRate(number('max-failures-per-interval', 1), number('failure-rate-interval', 60_000), number('delay', 1000))
    case 'exponential-delay':
      return exponentialDelay(
        {
          initialMs: number('initial-backoff', 1000),
          maxMs: number('max-backoff', 60_000),
          multiplier: number('backoff-multiplier', 1.5),
          jitter: number('jitter-factor', 0.1),
          resetMs: number('reset-backoff-threshold', 3_600_000),
          attempts: number('attempts-before-reset-backoff', Infinity),
        },
        random,
      )
    default:
      return undefined
  }
}

function fixedDelay(attempts: number, delayMs: number): RestartStrategy {
  let failures = 0
  return {
    onFailure: () => (++failures > attempts ? undefined : delayMs),
    description: `${KEY}.fixed-delay.attempts is ${attempts}`,
  }
}

function failureRate(failuresMax: number, intervalMs: number, delayMs: number): RestartStrategy {
  const failures: number[] = []
  return {
    onFailure(nowMs) {
      failures.push(nowMs)
      while (failures[0] <= nowMs - intervalMs) failures.shift()
      return failures.length > failuresMax ? undefined : delayMs
    },
    description: `more than ${failuresMax} failures in ${intervalMs} ms`,
  }
}

interface Backoff {
  readonly initialMs: number
  readonly maxMs: number
  readonly multiplier: number
  /** The part of a delay by which it may be longer or shorter. */
  readonly jitter: number
  /** A job that has run for so long begins with the first delay again. */
  readonly resetMs: number
  /** Starts in a row at most. */
  readonly attempts: number
}

function exponentialDelay({ initialMs, maxMs, multiplier, jitter, resetMs, attempts }: Backoff, random: Random): RestartStrategy {
  let backoffMs = initialMs
  let failures = 0
  let lastMs = -Infinity
  return {
    onFailure(nowMs) {
      const isFirst = nowMs - lastMs >= resetMs + backoffMs
      failures = isFirst ? 1 : failures + 1
      backoffMs = isFirst ? initialMs : Math.min(maxMs, backoffMs * multiplier)
      lastMs = nowMs
      return failures > attempts ? undefined : Math.round(backoffMs * (1 + jitter * (random.next() * 2 - 1)))
    },
    description: `${KEY}.exponential-delay.attempts-before-reset-backoff is ${attempts}`,
  }
}

/** Why a job is not started again. */
export interface RestartRefusal {
  /** A clause. */
  readonly reason: string
  /** Whether its options have said that it would be: then the log says why not. */
  readonly isUnexpected: boolean
}

/** A thread that the system holds, inside of a call, may still write what the next attempt would. */
export const THREADS_STAY: RestartRefusal = {
  reason: 'a thread of it has not ended, and may still write; only the end of the process ends it',
  isUnexpected: true,
}

/** Whether another start could end otherwise: what refuses a program, an option or a checkpoint would refuse it again, and who reads no more is gone. */
export function mayEndOtherwise(error: unknown): boolean {
  return !(error instanceof PlanError || error instanceof RestoreError || hasCode(error, 'OUTPUT_CLOSED'))
}

/** Whether a job fails in the same way each time that it goes on: sources read the same record again, and nothing else would help it. */
export function failsAgain(error: unknown): boolean {
  return hasCode(error, 'NULL_TIMESTAMP')
}

/** Decides for one job, in the process that runs it. */
export class Restarts {
  readonly #random: Random
  #options: ReadonlyMap<string, string> = new Map()
  #strategy: RestartStrategy | undefined
  #isConfigured = false

  /** @param random As for {@link restartStrategyOf}. */
  constructor(random: Random) {
    this.#random = random
  }

  /** Called at each start, once the options are known: those of the first one count, so that the strategy sees all failures. */
  configure(options: ReadonlyMap<string, string>): void {
    if (this.#isConfigured) return
    this.#isConfigured = true
    this.#options = options
    this.#strategy = restartStrategyOf(options, this.#random)
  }

  /**
   * Why the job cannot be started again, whatever its strategy says; undefined if it can.
   *
   * @param inputs Names of those that the program feeds.
   * @param error What it has failed with.
   */
  refusal(inputs: readonly string[], error: unknown): RestartRefusal | undefined {
    if (this.#strategy === undefined) {
      const reason = this.#options.has(`${KEY}.type`) ? `${KEY}.type is ${this.#options.get(`${KEY}.type`)}` : `${CHECKPOINT_DIR} is not set`
      return { reason, isUnexpected: false }
    }
    if (failsAgain(error)) return { reason: 'the record that it has failed with would come again', isUnexpected: true }
    if (inputs.length === 0) return undefined
    const names = [...new Set(inputs)].map((name) => `"${name}"`).join(', ')
    return {
      reason: `what was pushed to ${names} behind its last checkpoint is lost, and only the program has it; submit the job and push it again`,
      isUnexpected: true,
    }
  }

  /** Asks the strategy, once at each failure. */
  onFailure(nowMs: number): { readonly delayMs: number } | RestartRefusal {
    const delayMs = this.#strategy?.onFailure(nowMs)
    return delayMs === undefined ? { reason: this.#strategy?.description ?? `${KEY}.type is none`, isUnexpected: true } : { delayMs }
  }
}
