// Gathers changes that are made one by one into batches with row kinds, and the watermarks between them. Used by one operator on its thread.

import { BatchBuilder } from '../../batch/batch-builder.ts'
import { WATERMARK_MIN } from '../../batch/crossings.ts'
import type { RecordBatch, RowKind } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import type { OperatorContext, Output } from '../../operator/operator.ts'
import type { TurnCollector } from '../../operator/keyed-row-operator.ts'
import type { Value } from '../value.ts'
import { writeRow } from './row-codec.ts'

/** What an operator makes in one turn: {@link begin}, then changes and watermarks in their order, then {@link flush} until it says true. */
export class ChangeCollector implements TurnCollector {
  readonly #builder: BatchBuilder
  readonly #rowsMax: number
  #batch!: RecordBatch
  #rows = 0
  #isOpen = false
  #watermarkMs = WATERMARK_MIN
  #lastWatermarkMs = WATERMARK_MIN

  readonly #holdMs: number

  /** @param holdMs How far watermarks stay behind those that they are told. */
  constructor(context: OperatorContext, schema: Schema, holdMs = 0) {
    this.#holdMs = holdMs
    this.#builder = new BatchBuilder(context.slab, schema, context.batchRowsMax)
    this.#rowsMax = context.batchRowsMax
  }

  get isFull(): boolean {
    return this.#rows >= this.#rowsMax
  }

  begin(_output: Output): void {
    this.#batch = this.#builder.begin(false, true)
    this.#rows = 0
    this.#isOpen = true
    this.#lastWatermarkMs = WATERMARK_MIN
  }

  /** @throws {BadRecordError} if a value is not of its column's type. */
  change(kind: RowKind, row: readonly Value[]): void {
    if (this.#rows === this.#builder.rowCapacity) this.#builder.ensureRows(this.#rows + 1)
    const batch = this.#batch
    writeRow(batch.columns, this.#rows, row)
    batch.slab.u8[batch.kinds + this.#rows] = kind
    this.#rows++
  }

  /** Whether a watermark would move that of the output. */
  isAhead(watermarkMs: number): boolean {
    return watermarkMs - this.#holdMs > this.#watermarkMs
  }

  watermark(givenMs: number): void {
    const watermarkMs = givenMs - this.#holdMs
    if (watermarkMs <= this.#watermarkMs) return
    this.#watermarkMs = watermarkMs
    this.#lastWatermarkMs = watermarkMs
    this.#batch.crossings.add(this.#rows, watermarkMs)
  }

  flush(output: Output): boolean {
    if (!this.#isOpen) return true
    if (this.#rows > 0 || this.#lastWatermarkMs > WATERMARK_MIN) {
      if (!output.hasCapacity()) return false
      if (this.#rows > 0) output.emit(this.#builder.finish(this.#rows))
      else output.emitWatermark(this.#lastWatermarkMs)
    }
    this.#isOpen = false
    return true
  }

  free(): void {
    this.#builder.free()
  }
}
