// Routes rows by the user's own partition function. Runs on the producer's thread.

import { inspect } from 'node:util'
import { MillraceError, UserFunctionError } from '../base/errors.ts'
import type { Slab } from '../base/slab.ts'
import type { RecordBatch } from '../batch/record-batch.ts'
import { type Router, SCATTERED } from './partition.ts'

/** Shows a batch's rows to the partition function: `RowReader` of operator/row-code.ts fits. */
export interface RecordReader {
  bind(batch: RecordBatch): void
  seek(physicalRow: number): void
  record(): unknown
  release(): void
}

/** Calls `partition(record, channelCount)` for every row. */
export class CustomRouter implements Router {
  readonly #slab: Slab
  readonly #partition: (record: never, channelCount: number) => number
  readonly #operatorName: string
  readonly #reader: RecordReader
  readonly #selections: { address: number; capacity: number; count: number }[]

  /** @param operatorName Who gets the records, for errors. */
  constructor(slab: Slab, partition: (record: never, channelCount: number) => number, channelCount: number, reader: RecordReader, operatorName: string) {
    this.#slab = slab
    this.#partition = partition
    this.#reader = reader
    this.#operatorName = operatorName
    this.#selections = Array.from({ length: channelCount }, () => ({ address: 0, capacity: 0, count: 0 }))
  }

  /**
   * @throws {UserFunctionError} If the function throws; `PARTITION_OUT_OF_RANGE` if it returns anything but a channel's index.
   */
  route(batch: RecordBatch): number {
    try {
      return this.#route(batch)
    } catch (thrown) {
      if (thrown instanceof MillraceError) throw thrown
      const text = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown)
      throw new UserFunctionError('USER_FUNCTION_FAILED', `Partition function in front of operator "${this.#operatorName}" threw ${text}`, { cause: thrown })
    }
  }

  #route(batch: RecordBatch): number {
    const selections = this.#selections
    const rows = batch.end - batch.begin
    for (const selection of selections) this.#reserve(selection, rows)
    const reader = this.#reader
    reader.bind(batch)
    const partition = this.#partition as (record: unknown, channelCount: number) => number
    for (let position = batch.begin; position < batch.end; position++) {
      const row = batch.physicalRow(position)
      reader.seek(row)
      const channel = partition(reader.record(), selections.length)
      const selection = selections[channel]
      if (selection === undefined || typeof channel !== 'number')
        throw new UserFunctionError(
          'PARTITION_OUT_OF_RANGE',
          `Partition function in front of operator "${this.#operatorName}" returned ${inspect(channel)}, expected an integer in 0..${selections.length - 1}`,
          { hint: 'Its second argument is the number of partitions: return the remainder of a number by it.' },
        )
      this.#slab.i32[(selection.address >>> 2) + selection.count++] = row
    }
    reader.release()
    return SCATTERED
  }

  selection(channel: number): number {
    return this.#selections[channel].address
  }

  selectedCount(channel: number): number {
    return this.#selections[channel].count
  }

  #reserve(selection: { address: number; capacity: number; count: number }, rows: number): void {
    selection.count = 0
    if (rows <= selection.capacity) return
    if (selection.capacity > 0) this.#slab.free(selection.address, selection.capacity * 4)
    selection.capacity = rows
    selection.address = this.#slab.allocate(rows * 4)
  }
}
