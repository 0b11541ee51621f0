// Notices a coordinator's thread that stands still: its event loop answers nothing. Runs on the main thread; in a supervisor, for its child's main thread.
// Invariant: what keeps the watching thread itself, or stops the whole process, is not taken for it: only silence at one look after the other counts, and
// each look lets messages come in first.

import { TICK_MS_IDLE } from '../runtime/coordinator-ticks.ts'

/** A long stop of this thread or process makes one of them late, not all. */
const LOOKS = 4

/** Watches one job's coordinator. */
export class CoordinatorWatch {
  readonly #ask: () => void
  readonly #onSilence: (timeoutMs: number) => void
  #timeoutMs: number
  #timer: NodeJS.Timeout | undefined
  #silentLooks = 0
  #hasEnded = false

  /**
   * @param timeoutMs How long it may be silent.
   * @param ask Sends it something that it answers. Hardly ever called while a job runs: the ticks of that are heard.
   * @param onSilence Called once.
   */
  constructor(timeoutMs: number, ask: () => void, onSilence: (timeoutMs: number) => void) {
    this.#timeoutMs = timeoutMs
    this.#ask = ask
    this.#onSilence = onSilence
  }

  /** The coordinator has said something. From the first time on it is watched: starting a thread may take its time. */
  heard(): void {
    this.#silentLooks = 0
    if (this.#timer === undefined) this.#rest()
  }

  /** The job's program may have set another timeout. */
  setTimeoutMs(timeoutMs: number): void {
    this.#timeoutMs = timeoutMs
    clearTimeout(this.#timer)
    this.#rest()
  }

  /** Looks whether anything was heard since the last look. */
  look(): void {
    if (this.#hasEnded) return
    this.#silentLooks++
    if (this.#silentLooks > LOOKS) {
      this.end()
      this.#onSilence(this.#timeoutMs)
      return
    }
    if (this.#silentLooks > 1) this.#ask()
    this.#rest()
  }

  /** Nothing more is expected. */
  end(): void {
    this.#hasEnded = true
    clearTimeout(this.#timer)
  }

  #rest(): void {
    if (this.#hasEnded) return
    this.#timer = setTimeout(() => this.look(), (this.#timeoutMs + TICK_MS_IDLE) / LOOKS).unref()
  }
}
