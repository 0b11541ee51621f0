// Gathers changes that are made one by one into batches with row kinds, and the watermarks between them. Used by one operator on its thread.

import { BatchBuilder } from '../../batch/batch-builder.ts'
import { WATERMARK_MIN } from '../../batch/crossings.ts'
import { type RecordBatch, RowKind } from '../../batch/record-batch.ts'
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
  readonly #context: OperatorContext
  /** Rows for side outputs. */
  readonly #sides: { readonly id: string; readonly rows: ChangeCollector }[] = []
  #output!: Output

  /** @param holdMs How far watermarks stay behind those that they are told. */
  constructor(context: OperatorContext, schema: Schema, holdMs = 0) {
    this.#holdMs = holdMs
    this.#context = context
    this.#builder = new BatchBuilder(context.slab, schema, context.batchRowsMax)
    this.#rowsMax = context.batchRowsMax
  }

  get isFull(): boolean {
    return this.#rows >= this.#rowsMax || this.#sides.some(({ rows }) => rows.isFull)
  }

  /** Whether something has not left yet. */
  get isOpen(): boolean {
    return this.#isOpen
  }

  begin(output: Output): void {
    this.#output = output
    for (const { rows } of this.#sides) rows.begin(output)
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

  /** Adds a row to a side output; nothing happens if nobody reads it. @throws {BadRecordError} as {@link change} */
  side(id: string, schema: Schema, row: readonly Value[]): void {
    if (this.#output.side(id) === undefined) return
    let side = this.#sides.find((one) => one.id === id)
    if (side === undefined) {
      side = { id, rows: new ChangeCollector(this.#context, schema) }
      side.rows.begin(this.#output)
      this.#sides.push(side)
    }
    side.rows.change(RowKind.INSERT, row)
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
    // Side outputs first: the watermarks of the main batch reach their consumers too.
    for (const { id, rows } of this.#sides) {
      if (rows.#rows > 0 && rows.#isOpen && !output.hasCapacity()) return false
      if (!rows.flush(output.side(id)!)) return false
    }
    if (this.#rows > 0 || this.#lastWatermarkMs > WATERMARK_MIN) {
      if (!output.hasCapacity()) return false
      if (this.#rows > 0) output.emit(this.#builder.finish(this.#rows))
      else output.emitWatermark(this.#lastWatermarkMs)
    }
    this.#isOpen = false
    return true
  }

  free(): void {
    for (const { rows } of this.#sides) rows.free()
    this.#builder.free()
  }
}
