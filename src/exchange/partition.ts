// Partitioners at run time: which rows of a batch go to which channel. Hash routing runs in a kernel; the others decide once per batch, but
// for the user's own function. Runs on the producer's thread.

import type { Slab } from '../base/slab.ts'
import type { RecordBatch } from '../batch/record-batch.ts'

/** Routes the pending rows of one batch. */
export interface Router {
  /**
   * Splits the rows `batch.begin..batch.end`.
   *
   * @returns the one channel that gets the whole range; `EVERY_CHANNEL` if all of them get it; `SCATTERED` if each channel gets its
   * selection, to be read from {@link selection} and {@link selectedCount} until the next call.
   */
  route(batch: RecordBatch): number
  /** Address of the int32 physical rows for a channel, ascending. */
  selection(channel: number): number
  selectedCount(channel: number): number
}

export const SCATTERED = -1
export const EVERY_CHANNEL = -2

/** Sends whole batches to one channel (global, forward) or to all (broadcast). */
export class BatchRouter implements Router {
  readonly #target: number

  constructor(mode: 'first' | 'every') {
    this.#target = mode === 'first' ? 0 : EVERY_CHANNEL
  }

  route(_batch: RecordBatch): number {
    return this.#target
  }

  selection(_channel: number): number {
    return 0
  }

  selectedCount(_channel: number): number {
    return 0
  }
}

/**
 * Deals rows out evenly (rebalance, rescale): a batch is cut into as many pieces of neighbouring rows as there are channels, and whoever got a row
 * less is first in the next turn. A few rows reach as many subtasks as many do.
 */
export class TurnRouter implements Router {
  readonly #slab: Slab
  readonly #channelCount: number
  #next: number
  /** The batch at hand: address of its rows, their number, and the channel of the first piece. */
  #rows = 0
  #count = 0
  #first = 0
  /** int32 0, 1, 2, ...: the rows of a batch without a selection. */
  #identity = 0
  #identityRows = 0

  /** @param start Where the turn starts: the subtask's index, so that subtasks do not all begin with channel 0. */
  constructor(slab: Slab, channelCount: number, start: number) {
    this.#slab = slab
    this.#channelCount = channelCount
    this.#next = start % channelCount
  }

  route(batch: RecordBatch): number {
    this.#count = batch.end - batch.begin
    this.#rows = (batch.selection === 0 ? this.#identityOf(batch.rowCount) : batch.selection) + batch.begin * 4
    this.#first = this.#next
    this.#next = (this.#next + this.#count) % this.#channelCount
    return SCATTERED
  }

  selection(channel: number): number {
    const piece = this.#pieceOf(channel)
    const extra = this.#count % this.#channelCount
    return this.#rows + (piece * Math.floor(this.#count / this.#channelCount) + Math.min(piece, extra)) * 4
  }

  selectedCount(channel: number): number {
    return Math.floor(this.#count / this.#channelCount) + (this.#pieceOf(channel) < this.#count % this.#channelCount ? 1 : 0)
  }

  #pieceOf(channel: number): number {
    return (channel - this.#first + this.#channelCount) % this.#channelCount
  }

  #identityOf(rows: number): number {
    if (rows > this.#identityRows) {
      if (this.#identityRows > 0) this.#slab.free(this.#identity, this.#identityRows * 4)
      this.#identityRows = Math.max(1024, rows)
      this.#identity = this.#slab.allocate(this.#identityRows * 4)
      const { i32 } = this.#slab
      for (let row = 0; row < this.#identityRows; row++) i32[(this.#identity >>> 2) + row] = row
    }
    return this.#identity
  }
}
