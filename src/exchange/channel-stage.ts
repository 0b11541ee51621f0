// Rows of one channel that wait for company: batches too small for a frame of their own are gathered here, watermarks among them, until they are
// many or their consumer runs out of work. Runs on the producer's thread. Invariant: what is staged stands before everything sent later.

import type { Slab } from '../base/slab.ts'
import { BatchBuilder } from '../batch/batch-builder.ts'
import type { RecordBatch } from '../batch/record-batch.ts'
import type { Schema } from '../batch/types.ts'
import { PhysicalKind } from '../kernels/column-layout.ts'
import { type GatherKernels, gatherRows } from '../kernels/gather.ts'

/** A frame of so many rows spreads its own cost well enough: nobody waits for more. */
export const STAGE_ROWS_MAX = 2048
/** Long texts make a frame sooner. */
const STAGE_BYTES_MAX = 64 << 10

/** Gathers the small batches of one channel. Its memory comes with the first of them. */
export class ChannelStage {
  readonly #slab: Slab
  readonly #kernels: GatherKernels
  readonly #schema: Schema
  #builder: BatchBuilder | undefined
  #rows = 0

  constructor(slab: Slab, kernels: GatherKernels, schema: Schema) {
    this.#slab = slab
    this.#kernels = kernels
    this.#schema = schema
  }

  /** Rows that wait. */
  get rowCount(): number {
    return this.#rows
  }

  /** The rows that wait as one batch: dense, all pending, with the crossings among and behind them. Unchanged until {@link clear}. */
  get batch(): RecordBatch {
    return this.#builder!.finish(this.#rows)
  }

  /**
   * Appends the pending rows of a batch and its crossings.
   *
   * @returns false if they do not go together with what waits: send that first.
   */
  tryAppend(view: RecordBatch): boolean {
    const count = view.end - view.begin
    if (this.#rows + count > STAGE_ROWS_MAX) return false
    const builder = (this.#builder ??= new BatchBuilder(this.#slab, this.#schema, STAGE_ROWS_MAX))
    const { batch } = builder
    const timestampsColumn = timestampsColumnOf(view)
    if (this.#rows === 0) {
      builder.begin(view.timestamps !== 0 && timestampsColumn === -1, view.kinds !== 0)
      if (timestampsColumn !== -1) batch.timestamps = batch.columns[timestampsColumn].values
    } else if (
      (batch.kinds === 0) !== (view.kinds === 0) ||
      (batch.timestamps === 0) !== (view.timestamps === 0) ||
      timestampsColumnOf(batch) !== timestampsColumn ||
      this.#dataBytes() > STAGE_BYTES_MAX
    )
      return false
    view.columns.forEach((column, index) => gatherRows(this.#slab, this.#kernels, column, batch.columns[index], view.selection, view.begin, count, this.#rows))
    this.#copyPerRow(view, batch, timestampsColumn === -1)
    const { crossings } = view
    for (let index = 0; index < crossings.count; index++)
      batch.crossings.add(this.#rows + view.positionOf(crossings.positions[index]) - view.begin, crossings.watermarks[index])
    this.#rows += count
    return true
  }

  /** The watermark moved behind the rows that wait. */
  addWatermark(watermarkMs: number): void {
    this.#builder!.batch.crossings.add(this.#rows, watermarkMs)
  }

  /** Everything was sent. */
  clear(): void {
    this.#rows = 0
  }

  /** Gives the memory back. */
  free(): void {
    this.#builder?.free()
    this.#builder = undefined
    this.#rows = 0
  }

  #copyPerRow(view: RecordBatch, batch: RecordBatch, withTimestamps: boolean): void {
    const { u8, i32 } = this.#slab
    const hasTimestamps = withTimestamps && view.timestamps !== 0
    if (view.kinds === 0 && !hasTimestamps) return
    for (let position = view.begin, row = this.#rows; position < view.end; position++, row++) {
      const from = view.physicalRow(position)
      if (view.kinds !== 0) u8[batch.kinds + row] = u8[view.kinds + from]!
      if (!hasTimestamps) continue
      i32[(batch.timestamps >>> 2) + row * 2] = i32[(view.timestamps >>> 2) + from * 2]!
      i32[(batch.timestamps >>> 2) + row * 2 + 1] = i32[(view.timestamps >>> 2) + from * 2 + 1]!
    }
  }

  #dataBytes(): number {
    let bytes = 0
    for (const column of this.#builder!.batch.columns) if (column.kind === PhysicalKind.BYTES) bytes += column.dataLength
    return bytes
  }
}

/** The column whose values are the batch's timestamps, or -1. */
function timestampsColumnOf({ timestamps, columns }: RecordBatch): number {
  if (timestamps === 0) return -1
  return columns.findIndex((column) => column.kind === PhysicalKind.INT64 && column.dictionary === null && column.values === timestamps)
}
