// What a worker does when a round of its loop found no work: spin a few microseconds, then park. One instance per worker, used by its thread only.
// Invariant: nothing here runs while there is work.

import type { Clock } from '../base/clock.ts'
import type { Doorbell } from './parking.ts'

/** Spinning between reads of the clock: a read costs as much as several checks for work. */
const CHECKS_PER_CLOCK_READ = 8

/** With a core for each thread a short spin catches the answer of a busy peer and is soon given up. */
const SPIN_MICROS_SHARED = 5

/** With cores to spare spinning takes nothing from anybody. */
const SPIN_MICROS_SPARE = 50

/**
 * How long to spin before parking, in microseconds.
 *
 * Threads beyond the cores: 0, the spinner would hold the core its peer needs. As many: {@link SPIN_MICROS_SHARED}; with every core spinning
 * nothing is left for the compiler and the collector of V8. Fewer: {@link SPIN_MICROS_SPARE}.
 *
 * @param runnableThreadCount Threads that want a core now, the caller included.
 */
export function spinMicrosFor(runnableThreadCount: number, coreCount: number): number {
  if (runnableThreadCount > coreCount) return 0
  return runnableThreadCount === coreCount ? SPIN_MICROS_SHARED : SPIN_MICROS_SPARE
}

export interface IdleStrategyOptions {
  readonly clock: Clock
  /** Microseconds to spin before parking; 0 parks at once. See {@link spinMicrosFor}. */
  readonly spinMicros: number
}

/**
 * ```ts
 * const strategy = new IdleStrategy(doorbell, { clock, spinMicros: spinMicrosFor(workerCount, coreCount) })
 * for (;;) {
 *   doorbell.takeMail()
 *   if (stepAll() === 0) strategy.idle(hasWork, nextTimerMs - clock.nowMs())
 * }
 * ```
 * `hasWork` is made once, not per call: some ring has a frame (`hasFrame()`), some refused claim has its credit (`isCreditGranted()`). See
 * {@link Doorbell.park} for what it may look at; what it does not see is announced by {@link Doorbell.post}.
 */
export class IdleStrategy {
  /** May be changed at any time, as threads start and end. */
  spinMicros: number
  readonly #doorbell: Doorbell
  readonly #clock: Clock

  constructor(doorbell: Doorbell, options: IdleStrategyOptions) {
    this.#doorbell = doorbell
    this.#clock = options.clock
    this.spinMicros = options.spinMicros
  }

  /**
   * Returns when there is work or mail, somebody rings or the timeout ends: spins, then blocks the thread. Called by the owner of the doorbell after a round
   * without work; the caller runs another round whatever the reason.
   *
   * @returns whether the thread slept: the caller's clock is stale and its event loop had a pause.
   */
  idle(hasWork: () => boolean, timeoutMs: number): boolean {
    if (timeoutMs <= 0 || this.#spin(hasWork)) return false
    return this.#doorbell.park(hasWork, timeoutMs)
  }

  /** {@link idle} for a worker that needs its event loop, which runs while it sleeps. */
  async idleAsync(hasWork: () => boolean, timeoutMs: number): Promise<boolean> {
    if (timeoutMs <= 0 || this.#spin(hasWork)) return false
    return this.#doorbell.parkAsync(hasWork, timeoutMs)
  }

  #spin(hasWork: () => boolean): boolean {
    if (this.spinMicros === 0) return false
    const clock = this.#clock
    const doorbell = this.#doorbell
    const endMs = clock.monotonicMs() + this.spinMicros / 1000
    do {
      for (let check = 0; check < CHECKS_PER_CLOCK_READ; check++) if (doorbell.hasMail() || hasWork()) return true
    } while (clock.monotonicMs() < endMs)
    return false
  }
}
