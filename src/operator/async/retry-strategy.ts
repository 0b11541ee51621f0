// When an asynchronous call is tried again: Flink's AsyncRetryStrategy.

import { PlanError } from '../../base/errors.ts'

/** Which outcomes call for another try. */
export interface RetryPredicates<in OUT> {
  /** Whether these results are none yet. @default never */
  ifResult?(results: readonly OUT[]): boolean
  /** Whether a call that failed so may succeed later. @default always */
  ifException?(error: unknown): boolean
}

/** Decides whether and when a call is tried again. The last outcome counts where it is not: its results go out, its error fails the job. */
export interface AsyncRetryStrategy<in OUT> extends RetryPredicates<OUT> {
  /** Whether another try may follow `tries` of them, at least one. */
  canRetry(tries: number): boolean
  /** The pause in front of it, in ms. */
  backoffMs(tries: number): number
}

/**
 * The usual strategies.
 *
 * @example
 * const retry = AsyncRetryStrategies.exponentialBackoff(5, 100, 10_000, 2, { ifResult: (results) => results.length === 0 })
 */
export const AsyncRetryStrategies = {
  /**
   * `retries` more tries at most, `delayMs` milliseconds apart.
   *
   * @throws {PlanError} If a number is negative, or `retries` no integer.
   */
  fixedDelay<OUT>(retries: number, delayMs: number, predicates: RetryPredicates<OUT> = {}): AsyncRetryStrategy<OUT> {
    return strategy({ retries, delayMs }, predicates, () => delayMs)
  },

  /**
   * `retries` more tries at most: the first after `initialDelayMs` milliseconds, each further pause `multiplier` times as long, `maxDelayMs` at most.
   *
   * @throws {PlanError} If a number is negative, or `retries` no integer.
   */
  exponentialBackoff<OUT>(
    retries: number,
    initialDelayMs: number,
    maxDelayMs: number,
    multiplier: number,
    predicates: RetryPredicates<OUT> = {},
  ): AsyncRetryStrategy<OUT> {
    return strategy({ retries, initialDelayMs, maxDelayMs, multiplier }, predicates, (tries) =>
      Math.min(maxDelayMs, initialDelayMs * multiplier ** (tries - 1)),
    )
  },
} as const

function strategy<OUT>(
  numbers: { readonly retries: number; readonly [name: string]: number },
  predicates: RetryPredicates<OUT>,
  backoffMs: (tries: number) => number,
): AsyncRetryStrategy<OUT> {
  const { retries } = numbers
  for (const [name, value] of Object.entries(numbers))
    if (!(Number.isFinite(value) && value >= 0))
      throw new PlanError('INVALID_ASYNC_OPTIONS', `Cannot retry asynchronous calls with ${name}=${value}: it must be a finite number of at least 0`)
  if (!Number.isInteger(retries)) throw new PlanError('INVALID_ASYNC_OPTIONS', `Cannot retry asynchronous calls with retries=${retries}: it must be an integer`)
  return { ...predicates, canRetry: (tries) => tries <= retries, backoffMs }
}
