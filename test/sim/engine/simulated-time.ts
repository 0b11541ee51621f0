// Time as a queue of events: whoever is to do something later puts it in, and time jumps from one event to the next. Beside it a trace of all that
// was decided: the same seed gives the same one.
import { createHash } from 'node:crypto'
import type { Clock, Timers } from '../../../src/base/clock.ts'

const WALL_MS_FIRST = Date.UTC(2026, 0, 1)
/** Lines of the trace that go into its hash together. */
const LINES_MAX = 500
/** Those that are shown with a failure. */
const LINES_SHOWN = 60

interface Event {
  readonly atMs: number
  readonly order: number
  run: (() => void) | undefined
}

/** The clock and the timers of a simulation. */
export class SimulatedTime implements Clock, Timers {
  /** A heap: no event comes before its parent. */
  readonly #queue: Event[] = []
  readonly #hash = createHash('sha256')
  #lines: string[] = []
  #lastLines: readonly string[] = []
  #monotonicMs = 0
  #order = 0
  #steps = 0
  /** What the machine's clock is ahead of the simulation's beginning by more than time has passed. */
  aheadMs = 0

  /** How many events have run. */
  get steps(): number {
    return this.#steps
  }

  nowMs(): number {
    return Math.floor(WALL_MS_FIRST + this.aheadMs + this.#monotonicMs)
  }

  monotonicMs(): number {
    return this.#monotonicMs
  }

  after(delayMs: number, callback: () => void): () => void {
    const event: Event = { atMs: this.#monotonicMs + Math.max(0, delayMs), order: this.#order++, run: callback }
    this.#push(event)
    return () => (event.run = undefined)
  }

  /** Runs the next event. Returns false if there is none. */
  runNext(): boolean {
    for (let event = this.#pop(); event !== undefined; event = this.#pop()) {
      const { run } = event
      if (run === undefined) continue
      event.run = undefined
      this.#monotonicMs = event.atMs
      this.#steps++
      run()
      return true
    }
    return false
  }

  /** Notes what has been decided or done. */
  trace(text: string): void {
    if (this.#lines.push(`${Math.round(this.#monotonicMs * 1000)} us: ${text}\n`) === LINES_MAX) this.#hashLines()
  }

  /** The end of the trace so far. */
  get tail(): string {
    return [...this.#lastLines, ...this.#lines].slice(-LINES_SHOWN).join('')
  }

  /** Stands for all that was traced. Nothing can be traced behind it. */
  digest(): string {
    this.#hashLines()
    return this.#hash.digest('hex')
  }

  #hashLines(): void {
    this.#hash.update(this.#lines.join(''))
    this.#lastLines = this.#lines
    this.#lines = []
  }

  #push(event: Event): void {
    const queue = this.#queue
    let at = queue.push(event) - 1
    for (let parent = (at - 1) >> 1; at > 0 && isBefore(event, queue[parent]); parent = (at - 1) >> 1) {
      queue[at] = queue[parent]
      at = parent
    }
    queue[at] = event
  }

  #pop(): Event | undefined {
    const queue = this.#queue
    const first = queue[0]
    const last = queue.pop()
    if (last === undefined || last === first) return last
    let at = 0
    for (;;) {
      let child = at * 2 + 1
      if (child >= queue.length) break
      if (child + 1 < queue.length && isBefore(queue[child + 1], queue[child])) child++
      if (!isBefore(queue[child], last)) break
      queue[at] = queue[child]
      at = child
    }
    queue[at] = last
    return first
  }
}

function isBefore(left: Event, right: Event): boolean {
  return left.atMs < right.atMs || (left.atMs === right.atMs && left.order < right.order)
}
