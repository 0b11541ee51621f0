// Sleeping and waking: one doorbell per worker. The worker that owns it parks; every thread may ring. Invariant: a worker sleeps only after it has
// declared so and then found all its rings empty and no new mail; so whoever stores work first and rings afterwards cannot be missed.
//
//   sleeper (a round, then park)                waker (ring, post)
//   0  load(mail): seen; steps                  1  store(tail | head | …)      the work: the caller's, before ring() or post()
//   1  store(state, PARKED)                     1b add(mail, 1)                post() only
//   2  mail ≠ seen or hasWork()?                2  load(state) = AWAKE? -> done
//      -> store(state, AWAKE), go               3  compareExchange(state, PARKED -> AWAKE) lost? -> done: another one notifies
//   3  wait(state, PARKED, timeout)             4  notify(state)
//   4  store(state, AWAKE)
//
// ring() is for work that the sleeper's hasWork() sees: a frame, credit. It leaves no trace at an awake owner, so that publishing a frame to a
// busy consumer costs one load. post() is for all other work (a message at a port, a command, what a callback brought): the count of mail is its
// trace. An owner that was told of such work in the middle of a round, behind the place where it would have looked, runs another round.
//
// One word serves as flag and as what is waited on: a waker changes it before it notifies, so a wait that begins too late returns at once.
// test/sim/ring-model.test.ts runs through all interleavings; without step 0, 1b or 2 it finds the lost wake-up.

import { assert } from '../base/assert.ts'

/** Bytes of a doorbell, and what its address is a multiple of: it shares no pair of cache lines with anything. */
export const DOORBELL_BYTES = 128

const STATE = 0
const PARK_COUNT = 1
const LATE_WAKE_COUNT = 2
const MAIL = 3
const DOORBELL_WORDS = 4

const AWAKE = 0
const PARKED = 1

/** Longest park unless told otherwise: a wake-up that were lost would cost so much and be counted, not hang the job. Idle workers wake so often. */
export const PARK_TIMEOUT_MS_MAX = 1000

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
  #mailSeen = 0

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
   * `hasWork()` true. If there is no such thing, {@link post} is the call.
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
   * {@link ring} for work that the owner's `hasWork()` does not see: until the owner's next {@link takeMail} it will not sleep. Any thread may call
   * it, the owner from a callback too.
   *
   * @returns whether this call woke the owner.
   */
  post(): boolean {
    // First half of a Dekker pair with park(): we count, then look at the state; the owner declares sleep, then looks at the count. The count also
    // publishes what the caller stored or sent above this line: pairs with Atomics.load(MAIL) in takeMail(), after which the owner looks for it.
    Atomics.add(this.#words, MAIL, 1)
    return this.ring()
  }

  /** Takes note of all mail so far. Called by the owner at the start of each round, before it looks at anything that {@link post} announces. */
  takeMail(): void {
    // Pairs with Atomics.add(MAIL) in post(): what was posted before it, the round that follows finds; what comes later keeps the owner awake.
    this.#mailSeen = Atomics.load(this.#words, MAIL)
  }

  /** Whether {@link post} was called since the owner took its mail. One load; the owner's own. */
  hasMail(): boolean {
    // Pairs with Atomics.add(MAIL) in post(); below the store in park() it is the other half of that Dekker pair. Wraps like the count does.
    return Atomics.load(this.#words, MAIL) !== this.#mailSeen
  }

  /**
   * Blocks the calling thread, the owner's, until somebody rings or the timeout ends. Returns at once if there is mail or `hasWork()`.
   * Such a thread has no event loop meanwhile: no timers, sockets or promises. Not for the main thread.
   *
   * @param hasWork Called once on the way in and once after a timeout. Must look with `Atomics` at everything that wakers store before a `ring()` and
   * at nothing that becomes true without one, like a time: that belongs into the timeout.
   * @returns whether the thread slept.
   */
  park(hasWork: () => boolean, timeoutMs: number): boolean {
    if (!this.tryPark(hasWork)) return false
    // Pairs with Atomics.notify in ring(). Returns `not-equal` if a waker came between the check and here.
    const outcome = Atomics.wait(this.#words, STATE, PARKED, Math.min(timeoutMs, this.#timeoutMsMax))
    this.unpark(outcome === 'timed-out', hasWork)
    return true
  }

  /**
   * {@link park} up to its wait: for the others the owner sleeps from here on, until {@link unpark}. Where many workers share a thread, whoever steps
   * them keeps the time.
   *
   * @returns false if there is mail or work: then the owner is awake.
   */
  tryPark(hasWork: () => boolean): boolean {
    const words = this.#words
    // Declares sleep: pairs with Atomics.load(STATE) in ring(). Publishes no plain writes; what counts is that both checks come after it.
    Atomics.store(words, STATE, PARKED)
    if (this.hasMail() || hasWork()) {
      // Takes it back. A waker that was quicker has already set AWAKE and notifies nobody.
      Atomics.store(words, STATE, AWAKE)
      return false
    }
    words[PARK_COUNT]++
    return true
  }

  /** {@link park} behind its wait. @param isTimedOut Whether the wait ended by itself. */
  unpark(isTimedOut: boolean, hasWork: () => boolean): void {
    const words = this.#words
    // Pairs with the compareExchange in ring(): PARKED still here after a timeout means that nobody has rung.
    const before = Atomics.exchange(words, STATE, AWAKE)
    if (isTimedOut && before === PARKED && (this.hasMail() || hasWork())) words[LATE_WAKE_COUNT]++
  }

  /**
   * {@link park} for a worker that needs its event loop: resolves when somebody rings or the timeout ends, and the loop runs meanwhile. A ref'd
   * timer keeps the thread alive, because a pending `waitAsync` does not; {@link close} gives it up. One call at a time.
   * Callbacks on this thread that bring work (a socket, a message) end the park by `post()`.
   *
   * @returns whether the thread slept.
   */
  async parkAsync(hasWork: () => boolean, timeoutMs: number): Promise<boolean> {
    assert(this.#pending === undefined, 'doorbell is already waited on')
    if (!this.tryPark(hasWork)) return false
    this.#keepAlive ??= setInterval(() => {}, 2 ** 31 - 1)
    // As in park(): pairs with Atomics.notify in ring().
    const waiting = waitAsync(this.#words, STATE, PARKED, Math.min(timeoutMs, this.#timeoutMsMax))
    if (!waiting.async) {
      this.unpark(waiting.value === 'timed-out', hasWork)
      return true
    }
    this.#pending = waiting.value as Promise<string>
    const outcome = await this.#pending
    this.#pending = undefined
    this.unpark(outcome === 'timed-out', hasWork)
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

  /** How often the owner slept to the end of its timeout although there was work or mail: 0 unless a waker forgot to ring. */
  get lateWakeCount(): number {
    return this.#words[LATE_WAKE_COUNT]
  }

  /** Gives up the timer that keeps the event loop alive. */
  close(): void {
    clearInterval(this.#keepAlive)
    this.#keepAlive = undefined
  }
}
