// Routes rows by the user's own partition function. Runs on the producer's thread.

import { PlanError } from '../base/errors.ts'
import type { Slab } from '../base/slab.ts'
import type { RecordBatch } from '../batch/record-batch.ts'
import { type Router, SCATTERED } from './partition.ts'

/** Shows a batch's rows to the partition function: `RowReader` of operator/row-code.ts fits. */
export interface RecordReader {
  bind(batch: RecordBatch): void
  seek(physicalRow: number): void
  record(): unknown
}

/** Calls `partition(record, channelCount)` for every row. */
export class CustomRouter implements Router {
  readonly #slab: Slab
  readonly #partition: (record: never, channelCount: number) => number
  readonly #reader: RecordReader
  readonly #selections: { address: number; capacity: number; count: number }[]

  constructor(slab: Slab, partition: (record: never, channelCount: number) => number, channelCount: number, reader: RecordReader) {
    this.#slab = slab
    this.#partition = partition
    this.#reader = reader
    this.#selections = Array.from({ length: channelCount }, () => ({ address: 0, capacity: 0, count: 0 }))
  }

  /** @throws {PlanError} `INVALID_PARTITION` if the function returns anything but a channel's index. */
  route(batch: RecordBatch): number {
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
      if (selection === undefined) throw new PlanError('INVALID_PARTITION', `Cannot partition a record: the function returned ${channel}, expected an integer in 0..${selections.length - 1}`)
      this.#slab.i32[(selection.address >>> 2) + selection.count++] = row
    }
    return SCATTERED
  }

  selection(channel: number): number {
    return this.#selections[channel]!.address
  }

  selectedCount(channel: number): number {
    return this.#selections[channel]!.count
  }

  #reserve(selection: { address: number; capacity: number; count: number }, rows: number): void {
    selection.count = 0
    if (rows <= selection.capacity) return
    if (selection.capacity > 0) this.#slab.free(selection.address, selection.capacity * 4)
    selection.capacity = rows
    selection.address = this.#slab.allocate(rows * 4)
  }
}
