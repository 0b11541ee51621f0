// Partitioners at run time: which rows of a batch go to which channel. Hash routing runs in a kernel; the others decide once per batch, but
// for the user's own function. Runs on the producer's thread.

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

/** Sends whole batches to channels in turn (rebalance, rescale), to one (global, forward), or to all (broadcast). */
export class BatchRouter implements Router {
  readonly #channelCount: number
  readonly #mode: 'turn' | 'first' | 'every'
  #next: number

  /** @param start Where the turn starts: the subtask's index, so that subtasks do not all begin with channel 0. */
  constructor(mode: 'turn' | 'first' | 'every', channelCount: number, start: number = 0) {
    this.#mode = mode
    this.#channelCount = channelCount
    this.#next = start % channelCount
  }

  route(_batch: RecordBatch): number {
    if (this.#mode === 'first') return 0
    if (this.#mode === 'every') return EVERY_CHANNEL
    const channel = this.#next
    this.#next = channel + 1 === this.#channelCount ? 0 : channel + 1
    return channel
  }

  selection(_channel: number): number {
    return 0
  }

  selectedCount(_channel: number): number {
    return 0
  }
}
