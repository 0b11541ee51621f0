// Hands out the splits of one source to its readers, on any thread: a shared counter, and the rule that nobody runs more than two splits
// ahead of the slowest, so that watermarks of different readers stay close.

import type { SourceSplit } from '../operator/source.ts'
import type { AssignedSplit, SplitAssigner } from './source-driver.ts'

const AHEAD_MAX = 2
/** Progress of a reader that has no split left. */
const FINISHED = 0x7fffffff

/** A {@link SplitAssigner} over words in worker 0's slab. */
export class SharedSplits implements SplitAssigner {
  readonly #words: Int32Array
  readonly #counter: number
  readonly #progress: number
  readonly #readers: number
  readonly #splits: readonly SourceSplit[]
  /** Readers of this thread that have got their first split. */
  readonly #begun = new Set<number>()

  /** @param counter Word index of the counter; `progress` of the first reader's word, `readers` of them. All zero at first. */
  constructor(words: Int32Array, counter: number, progress: number, readers: number, splits: readonly SourceSplit[]) {
    this.#words = words
    this.#counter = counter
    this.#progress = progress
    this.#readers = readers
    this.#splits = splits
  }

  next(reader: number): AssignedSplit | 'wait' | undefined {
    const words = this.#words
    // Each reader begins with the split of its own number, so that which readers have nothing to do is known before anybody runs.
    if (!this.#begun.has(reader)) {
      this.#begun.add(reader)
      return reader < this.#splits.length ? this.#take(reader, reader) : this.#finish(reader)
    }
    for (;;) {
      // Pairs with the compareExchange below in other readers; publishes nothing but itself. The first splits are not counted.
      const counted = Atomics.load(words, this.#counter)
      const taken = counted + this.#readers
      if (taken >= this.#splits.length) return this.#finish(reader)
      if (taken > this.#slowest(reader) + AHEAD_MAX) return 'wait'
      if (Atomics.compareExchange(words, this.#counter, counted, counted + 1) === counted) return this.#take(reader, taken)
    }
  }

  #take(reader: number, split: number): AssignedSplit {
    // Pairs with the loads in slowest(); the splits themselves are every thread's own copy, so nothing is published with it.
    Atomics.store(this.#words, this.#progress + reader, split + 1)
    return { split: this.#splits[split], index: split + 1 }
  }

  #finish(reader: number): undefined {
    // As in take().
    Atomics.store(this.#words, this.#progress + reader, FINISHED)
    return undefined
  }

  /** The least index that another reader is at. A reader that has not begun does not hold others back: it may have nothing to do. */
  #slowest(reader: number): number {
    let slowest = FINISHED - AHEAD_MAX
    for (let other = 0; other < this.#readers; other++) {
      // A hint: a stale value only makes this reader wait once more.
      const at = Atomics.load(this.#words, this.#progress + other)
      if (other !== reader && at > 0 && at < slowest) slowest = at
    }
    return slowest
  }
}
