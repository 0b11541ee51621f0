// Sleeping and waking: one doorbell word per worker. The worker that owns it parks; every thread may ring. Invariant: a worker sleeps only after
// it has declared so and then found all its rings empty; so whoever stores work first and rings afterwards cannot be missed.
//
//   sleeper (park)                              waker (ring)
//   1  store(state, PARKED)                     1  store(tail | head | …)      the work: the caller's, before ring()
//   2  hasWork()? -> store(state, AWAKE), go    2  load(state) = AWAKE? -> done
//   3  wait(state, PARKED, timeout)             3  compareExchange(state, PARKED -> AWAKE) lost? -> done: another one notifies
//   4  store(state, AWAKE)                      4  notify(state)
//
// One word serves as flag and as what is waited on: a waker changes it before it notifies, so a wait that begins too late returns at once.
// test/sim/ring-model.test.ts runs through all interleavings; without step 2 it finds the lost wake-up.

import { assert } from '../base/assert.ts'

/** Bytes of a doorbell, and what its address is a multiple of: it shares no pair of cache lines with anything. */
export const DOORBELL_BYTES = 128

const STATE = 0
const PARK_COUNT = 1
const LATE_WAKE_COUNT = 2
const DOORBELL_WORDS = 3

const AWAKE = 0
const PARKED = 1

/** Longest park unless told otherwise: a wake-up that were lost would cost so much and be counted, not hang the job. */
export const PARK_TIMEOUT_MS_MAX = 200

interface WaitAsyncResult {
  readonly async: boolean
  readonly value: string | Promise<string>
}

// Node 20 has it; the library of ES2023 does not declare it.
const { waitAsync } = Atomics as unknown as { waitAsync(words: Int32Array, index: number, value: number, timeoutMs: number): WaitAsyncResult }

/** The word on which one worker sleeps, in its own memory. Zeroed memory is a doorbell whose owner is awake. */
export class Doorbell {
  readonly #words: Int32Array
  readonly #timeoutMsMax: number
  #keepAlive: ReturnType<typeof setInterval> | undefined
  #pending: Promise<string> | undefined

  /**
   * @param byteOffset A multiple of `DOORBELL_BYTES`, zeroed once by the memory's owner.
   * @param timeoutMsMax A longer park is cut to this; counts for the owner's object only.
   */
  constructor(buffer: ArrayBufferLike, byteOffset: number, timeoutMsMax: number = PARK_TIMEOUT_MS_MAX) {
    assert(byteOffset % DOORBELL_BYTES === 0, 'doorbell is not aligned')
    this.#timeoutMsMax = timeoutMsMax
    this.#words = new Int32Array(buffer, byteOffset, DOORBELL_WORDS)
  }

  /**
   * Wakes the owner if it is parked or about to park; otherwise one load. Any thread may call it, the owner from a callback too.
   *
   * A ring that finds the owner awake leaves no trace: before it, the caller must have stored, with `Atomics`, something that makes the owner's
   * `hasWork()` true.
   *
   * @returns whether this call woke the owner.
   */
  ring(): boolean {
    const words = this.#words
    // Second half of the Dekker pair with park(): the caller's Atomics.store of its work stands above, the owner's hasWork() stands below its store.
    if (Atomics.load(words, STATE) === AWAKE) return false
    // Pairs with the stores in park(): of several wakers one wins and notifies. If the owner woke by itself, it checks its rings before it parks again.
    if (Atomics.compareExchange(words, STATE, PARKED, AWAKE) !== PARKED) return false
    // Pairs with Atomics.wait and waitAsync on the same word. All waiters: a dying thread may swallow a single notification.
    Atomics.notify(words, STATE)
    return true
  }

  /**
   * Blocks the calling thread, the owner's, until somebody rings or the timeout ends. Returns at once if `hasWork()`.
   * Such a thread has no event loop meanwhile: no timers, sockets or promises. Not for the main thread.
   *
   * @param hasWork Called once on the way in and once after a timeout. Must look with `Atomics` at everything that wakers store and at nothing that
   * becomes true without a ring, like a time: that belongs into the timeout.
   * @returns whether the thread slept.
   */
  park(hasWork: () => boolean, timeoutMs: number): boolean {
    const words = this.#words
    // Declares sleep: pairs with Atomics.load(STATE) in ring(). Publishes no plain writes; what counts is that hasWork() comes after it.
    Atomics.store(words, STATE, PARKED)
    if (hasWork()) {
      // Takes it back. A waker that was quicker has already set AWAKE and notifies nobody.
      Atomics.store(words, STATE, AWAKE)
      return false
    }
    words[PARK_COUNT]++
    // Pairs with Atomics.notify in ring(). Returns `not-equal` if a waker came between the check and here.
    const outcome = Atomics.wait(words, STATE, PARKED, Math.min(timeoutMs, this.#timeoutMsMax))
    this.#wakeUp(outcome, hasWork)
    return true
  }

  /**
   * {@link park} for a worker that needs its event loop: resolves when somebody rings or the timeout ends, and the loop runs meanwhile. A ref'd
   * timer keeps the thread alive, because a pending `waitAsync` does not; {@link close} gives it up. One call at a time.
   * Callbacks on this thread that bring work (a socket, a message) end the park by `ring()`.
   *
   * @returns whether the thread slept.
   */
  async parkAsync(hasWork: () => boolean, timeoutMs: number): Promise<boolean> {
    assert(this.#pending === undefined, 'doorbell is already waited on')
    const words = this.#words
    // As in park(): pairs with Atomics.load(STATE) in ring().
    Atomics.store(words, STATE, PARKED)
    if (hasWork()) {
      Atomics.store(words, STATE, AWAKE)
      return false
    }
    words[PARK_COUNT]++
    this.#keepAlive ??= setInterval(() => {}, 2 ** 31 - 1)
    // As in park(): pairs with Atomics.notify in ring().
    const waiting = waitAsync(words, STATE, PARKED, Math.min(timeoutMs, this.#timeoutMsMax))
    if (!waiting.async) {
      this.#wakeUp(waiting.value as string, hasWork)
      return true
    }
    this.#pending = waiting.value as Promise<string>
    const outcome = await this.#pending
    this.#pending = undefined
    this.#wakeUp(outcome, hasWork)
    return true
  }

  /** Whether the owner sleeps now or is about to. Callable by every thread; true only ever for a moment. */
  isParked(): boolean {
    // A hint: orders nothing, publishes nothing.
    return Atomics.load(this.#words, STATE) === PARKED
  }

  /** How often the owner slept. */
  get parkCount(): number {
    return this.#words[PARK_COUNT]
  }

  /** How often the owner slept to the end of its timeout although there was work: 0 unless a waker forgot to ring. */
  get lateWakeCount(): number {
    return this.#words[LATE_WAKE_COUNT]
  }

  /** Gives up the timer that keeps the event loop alive. */
  close(): void {
    clearInterval(this.#keepAlive)
    this.#keepAlive = undefined
  }

  #wakeUp(outcome: string, hasWork: () => boolean): void {
    const words = this.#words
    // Pairs with the compareExchange in ring(): PARKED still here after a timeout means that nobody has rung.
    const before = Atomics.exchange(words, STATE, AWAKE)
    if (outcome === 'timed-out' && before === PARKED && hasWork()) words[LATE_WAKE_COUNT]++
  }
}
