// Rows in windows that do not overlap: each gets the bounds of its window and the window's last instant as further columns, beside the others, which pass
// untouched. Windows that overlap, and those that clocks on the wall show, are row-maps.ts's.

import { Column } from '../../batch/column.ts'
import { readInt64AsNumber, RecordBatch, writeInt64 } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import { emitSelected, ViewParts } from '../../operator/basic/view-parts.ts'
import { type OperatorContext, type Output, StatelessOperator } from '../../operator/operator.ts'

/** What windows a {@link TumbleOperator} makes. */
export interface TumbleSpec {
  readonly sizeMs: number
  readonly offsetMs: number
  /** The column that says when. Rows without a time are in no window: they are counted as late. */
  readonly time: number
}

export class TumbleOperator extends StatelessOperator {
  readonly outputSchema: Schema
  readonly #spec: TumbleSpec
  readonly #parts = new ViewParts()
  #view!: RecordBatch
  /** Start, end, and last instant. */
  #bounds: readonly Column[] = []
  #selection = 0
  #selectionRows = 0

  /** @param outputSchema The columns of the input, and three for the window. */
  constructor(spec: TumbleSpec, outputSchema: Schema) {
    super()
    this.#spec = spec
    this.outputSchema = outputSchema
  }

  override open(context: OperatorContext): void {
    super.open(context)
    const { slab, batchRowsMax } = context
    this.#view = new RecordBatch(slab, this.outputSchema, [])
    this.#bounds = this.outputSchema.fields.slice(-3).map(({ type }) => Column.allocate(slab, type, batchRowsMax))
  }

  override processBatch(batch: RecordBatch, output: Output): boolean {
    if (!output.hasCapacity()) return false
    const { slab, kernels, metrics } = this.context
    const { begin, end } = batch
    const time = batch.columns[this.#spec.time]
    for (const column of this.#bounds) {
      column.clear()
      column.ensureRows(batch.rowCount)
    }
    let { selection } = batch
    let [first, last] = [begin, end]
    if (time.nullCount > 0) {
      this.#reserve(end - begin + 1)
      last = kernels.selectNull(time.descriptor, 0, selection, begin, end - begin, this.#selection)
      first = 0
      selection = this.#selection
      metrics.lateRecords += end - begin - last
    }
    const { i32 } = slab
    for (let position = first; position < last; position++) this.#place(time.values, selection === 0 ? position : i32[(selection >>> 2) + position])
    const view = this.#parts.take(batch, end, this.#view)
    view.columns = [...batch.columns, ...this.#bounds]
    if (time.nullCount > 0 && last < end - begin) emitSelected(view, selection, last, output)
    else output.emit(view)
    return true
  }

  override close(): void {
    for (const column of this.#bounds) column.free()
    if (this.#selectionRows > 0) this.context.slab.free(this.#selection, this.#selectionRows * 4)
  }

  /** Writes the window of a row. */
  #place(times: number, row: number): void {
    const { slab } = this.context
    const { sizeMs, offsetMs } = this.#spec
    const [start, end, last] = this.#bounds
    const startMs = Math.floor((readInt64AsNumber(slab, times + row * 8) - offsetMs) / sizeMs) * sizeMs + offsetMs
    writeInt64(slab, start.values + row * 8, startMs)
    writeInt64(slab, end.values + row * 8, startMs + sizeMs)
    writeInt64(slab, last.values + row * 8, startMs + sizeMs - 1)
  }

  #reserve(rows: number): void {
    if (rows <= this.#selectionRows) return
    const { slab } = this.context
    if (this.#selectionRows > 0) slab.free(this.#selection, this.#selectionRows * 4)
    this.#selectionRows = rows
    this.#selection = slab.allocate(rows * 4)
  }
}
