// Time as interfaces, so that a whole job runs under a virtual clock. The only file that reads the machine's clocks.

/** A source of processing time. All engine code takes one; none reads the machine's clock. */
export interface Clock {
  /** Wall-clock time in epoch milliseconds. May jump when the machine's clock is set. */
  nowMs(): number
  /** Monotonic time in milliseconds with a fraction; comparable between the threads of one process. Never jumps. */
  monotonicMs(): number
}

/** Read once: each read of the property is a number on the heap. */
const { timeOrigin } = performance

/** The machine's clocks. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  // timeOrigin differs between threads; the sum does not.
  monotonicMs: () => timeOrigin + performance.now(),
}

/** Calls back later, on the thread of the caller. A job's coordinator takes one, so that it runs under virtual time too. */
export interface Timers {
  /**
   * Calls `callback` once, when `delayMs` or a little more of monotonic time have passed; never before the caller has returned.
   *
   * @returns what takes it back; after the call it does nothing.
   */
  after(delayMs: number, callback: () => void): () => void
}

/** The machine's timers. They keep the thread alive. */
export const systemTimers: Timers = {
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs)
    return () => clearTimeout(timer)
  },
}

/** A clock that moves only when told to. */
export class VirtualClock implements Clock {
  #nowMs: number

  constructor(startMs: number = 0) {
    this.#nowMs = startMs
  }

  nowMs(): number {
    return this.#nowMs
  }

  monotonicMs(): number {
    return this.#nowMs
  }

  /** Moves time forward (or, to test clock jumps, to any instant). */
  setMs(nowMs: number): void {
    this.#nowMs = nowMs
  }

  /** Moves time forward by `deltaMs`. */
  advanceMs(deltaMs: number): void {
    this.#nowMs += deltaMs
  }
}
