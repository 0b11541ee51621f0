// How long a step may stay in user code: it looks at the clock after every few rows, few where functions are slow, many where they are fast.
// Used by one operator on its thread.

import type { Clock } from '../base/clock.ts'

/** A step ends at the first look behind this time. */
const STEP_MS = 1
/** Rows between two looks at most: a look costs as much as ten rows of a fast function. A function that turns slow is noticed after so many. */
const ROWS_MAX = 256

/**
 * The pace of one kind of calls of user code: rows, or timers. What is fast for one may be slow for the other.
 *
 * A step calls {@link begin}; then, where rows go by in loops of their own, takes {@link rows} at a time and asks {@link isOver} behind them;
 * where they are walked one by one, asks {@link tick} behind each.
 */
export class RowPace {
  readonly #clock: Clock
  #rows = 1
  #left = 1
  #sinceMs = 0
  #untilMs = 0
  #isOver = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Rows to take until the next look at the clock; at least 1. */
  get rows(): number {
    return this.#rows
  }

  /** Whether the step that began last has ended because its time was over. */
  get hasEnded(): boolean {
    return this.#isOver
  }

  /** Begins a step. Returns when, for another pace in the same step. */
  begin(nowMs: number = this.#clock.monotonicMs()): number {
    this.#isOver = false
    this.#left = this.#rows
    this.#sinceMs = nowMs
    this.#untilMs = nowMs + STEP_MS
    return nowMs
  }

  /** Looks at the clock, `rows` rows after the last look. True: the step should end. */
  isOver(rows: number): boolean {
    const nowMs = this.#clock.monotonicMs()
    const elapsedMs = nowMs - this.#sinceMs
    this.#sinceMs = nowMs
    if (elapsedMs > STEP_MS) this.#rows = Math.max(1, Math.floor((rows * STEP_MS) / elapsedMs))
    // Twice as many would still be far from the end.
    else if (elapsedMs * 4 < STEP_MS) this.#rows = Math.min(ROWS_MAX, this.#rows * 2)
    this.#left = this.#rows
    return (this.#isOver = nowMs >= this.#untilMs)
  }

  /** Counts one row, and looks at the clock when it is time to. True: the step should end. */
  tick(): boolean {
    return --this.#left <= 0 && this.isOver(this.#rows)
  }
}
