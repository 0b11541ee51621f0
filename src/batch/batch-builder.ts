// An output batch that an operator fills again and again: columns, timestamps and row kinds with memory of their own. Used by one thread.

import type { Slab } from '../base/slab.ts'
import { BUFFER_SLACK_BYTES } from '../kernels/column-layout.ts'
import { Column } from './column.ts'
import { RecordBatch } from './record-batch.ts'
import type { Schema } from './types.ts'

const TIMESTAMP_BYTES = 8

/**
 * Owns one {@link RecordBatch} and its memory. {@link begin} empties it; the operator writes columns up to a row count and calls
 * {@link finish}. The batch may be emitted then and must not be touched until the output has capacity again.
 */
export class BatchBuilder {
  readonly batch: RecordBatch
  readonly #slab: Slab
  #timestamps = 0
  #kinds = 0
  #rowCapacity: number

  constructor(slab: Slab, schema: Schema, rowCapacity: number) {
    this.#slab = slab
    this.#rowCapacity = rowCapacity
    this.batch = new RecordBatch(
      slab,
      schema,
      schema.fields.map((field) => Column.allocate(slab, field.type, rowCapacity)),
    )
  }

  /** Rows that fit without {@link ensureRows}. */
  get rowCapacity(): number {
    return this.#rowCapacity
  }

  /**
   * Empties the batch and says which of the two optional per-row buffers it will have.
   */
  begin(withTimestamps: boolean, withKinds: boolean): RecordBatch {
    const { batch } = this
    for (const column of batch.columns) column.clear()
    batch.crossings.clear()
    batch.rowCount = 0
    batch.selection = 0
    batch.split = 0
    batch.openSplits = undefined
    batch.holdsTime = false
    if (withTimestamps && this.#timestamps === 0) this.#timestamps = this.#slab.allocate(this.#rowCapacity * TIMESTAMP_BYTES + BUFFER_SLACK_BYTES)
    if (withKinds && this.#kinds === 0) this.#kinds = this.#slab.allocate(this.#rowCapacity + BUFFER_SLACK_BYTES)
    batch.timestamps = withTimestamps ? this.#timestamps : 0
    batch.kinds = withKinds ? this.#kinds : 0
    return batch
  }

  /** Makes room for `rows` rows in all, keeping what is there. Addresses may change. */
  ensureRows(rows: number): void {
    if (rows <= this.#rowCapacity) return
    const { batch } = this
    const capacity = Math.max(rows, this.#rowCapacity * 2)
    for (const column of batch.columns) column.ensureRows(capacity)
    this.#timestamps = this.#moved(this.#timestamps, TIMESTAMP_BYTES, capacity)
    this.#kinds = this.#moved(this.#kinds, 1, capacity)
    if (batch.timestamps !== 0) batch.timestamps = this.#timestamps
    if (batch.kinds !== 0) batch.kinds = this.#kinds
    this.#rowCapacity = capacity
  }

  /** Sets the row count and makes all rows pending. */
  finish(rowCount: number): RecordBatch {
    this.batch.rowCount = rowCount
    this.batch.rewind()
    return this.batch
  }

  /** Gives the memory back. */
  free(): void {
    for (const column of this.batch.columns) column.free()
    if (this.#timestamps !== 0) this.#slab.free(this.#timestamps, this.#rowCapacity * TIMESTAMP_BYTES + BUFFER_SLACK_BYTES)
    if (this.#kinds !== 0) this.#slab.free(this.#kinds, this.#rowCapacity + BUFFER_SLACK_BYTES)
  }

  #moved(address: number, bytesPerRow: number, capacity: number): number {
    if (address === 0) return 0
    const bytes = this.#rowCapacity * bytesPerRow
    const moved = this.#slab.allocate(capacity * bytesPerRow + BUFFER_SLACK_BYTES)
    this.#slab.copy(moved, address, bytes)
    this.#slab.free(address, bytes + BUFFER_SLACK_BYTES)
    return moved
  }
}
