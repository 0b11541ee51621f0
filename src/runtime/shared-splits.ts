// Hands out the splits of one source to its readers, on any thread: a shared counter, and the rule that nobody runs more than two splits
// beyond those that all readers together have at hand from the slowest on, so that watermarks of different readers stay close.

import type { SourceSplit } from '../operator/source.ts'
import type { AssignedSplit, SplitAssigner } from './source-driver.ts'

/** Progress of a reader that has not begun or waits for its next split: it may be the only one that can go on, so it holds nobody back. */
const WAITING = 0
/** Progress of a reader that has no split left. */
const FINISHED = 0x7fffffff

/** A {@link SplitAssigner} over words in worker 0's slab. */
export class SharedSplits implements SplitAssigner {
  readonly #words: Int32Array
  readonly #counter: number
  readonly #progress: number
  readonly #readers: number
  readonly #splits: readonly SourceSplit[]
  /** Of a restored job, the splits that are still to be handed out, by their places: all others were dealt out, or read. */
  readonly #left: readonly number[] | undefined
  /** Readers of this thread that have got their first split. */
  readonly #begun = new Set<number>()

  /**
   * @param counter Word index of the counter; `progress` of the first reader's word, `readers` of them. All zero at first.
   * @param left Of a restored job: places of the splits that are to be handed out.
   */
  constructor(words: Int32Array, counter: number, progress: number, readers: number, splits: readonly SourceSplit[], left?: readonly number[]) {
    this.#words = words
    this.#counter = counter
    this.#progress = progress
    this.#readers = readers
    this.#splits = splits
    this.#left = left
  }

  next(reader: number): AssignedSplit | 'wait' | undefined {
    const words = this.#words
    const left = this.#left
    // Each reader begins with the split of its own number, so that which readers have nothing to do is known before anybody runs.
    if (!this.#begun.has(reader)) {
      this.#begun.add(reader)
      if (reader >= this.#splits.length) return this.#finish(reader)
      if (left === undefined) return this.take(reader, reader)
    }
    // As in take(). It has read what it had.
    Atomics.store(words, this.#progress + reader, WAITING)
    for (;;) {
      // Pairs with the compareExchange below in other readers; publishes nothing but itself. The first splits are not counted.
      const counted = Atomics.load(words, this.#counter)
      const taken = left === undefined ? counted + this.#readers : (left[counted] ?? this.#splits.length)
      if (taken >= this.#splits.length) return this.#finish(reader)
      if (taken > this.#slowest() + this.#readers) return 'wait'
      if (Atomics.compareExchange(words, this.#counter, counted, counted + 1) === counted) return this.take(reader, taken)
    }
  }

  /** Notes that a reader reads the split at this place. */
  take(reader: number, split: number): AssignedSplit {
    // Pairs with the loads in slowest(); the splits themselves are every thread's own copy, so nothing is published with it.
    Atomics.store(this.#words, this.#progress + reader, split + 1)
    return { split: this.#splits[split], index: split + 1 }
  }

  #finish(reader: number): undefined {
    // As in take().
    Atomics.store(this.#words, this.#progress + reader, FINISHED)
    return undefined
  }

  /** The least index, from 1 on, of a split that is being read. */
  #slowest(): number {
    let slowest = FINISHED - this.#readers
    for (let reader = 0; reader < this.#readers; reader++) {
      // A hint: a stale value only makes this reader wait once more.
      const at = Atomics.load(this.#words, this.#progress + reader)
      if (at !== WAITING && at < slowest) slowest = at
    }
    return slowest
  }
}
