// Rows once for each of some sets of keys, as views: a batch goes on once for each set, its keys beside it as they are, or a column of NULLs where the set
// does not have them, and behind them the number of the set. Between two movements of time all sets are told before the next one.

import { Column, bitBytes } from '../../batch/column.ts'
import { RecordBatch } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import { PhysicalKind, VALUE_BYTES } from '../../kernels/column-layout.ts'
import { ViewParts } from '../../operator/basic/view-parts.ts'
import { type OperatorContext, type Output, StatelessOperator } from '../../operator/operator.ts'

/** What an {@link ExpandOperator} does. */
export interface ExpandSpec {
  /** So many columns of the input go on. */
  readonly width: number
  /** Which columns of the input are the keys. */
  readonly keys: readonly number[]
  /** Which keys each set has. */
  readonly sets: readonly (readonly boolean[])[]
}

export class ExpandOperator extends StatelessOperator {
  readonly outputSchema: Schema
  readonly #spec: ExpandSpec
  readonly #parts = new ViewParts()
  #view!: RecordBatch
  /** By key: NULLs in its place. */
  #nulls: readonly Column[] = []
  /** By set: its number. */
  #numbers: readonly Column[] = []
  /** The batch that has been begun; null between batches. */
  #bound: RecordBatch | null = null
  /** The first of its crossings that may lie behind the part under way. */
  #crossing = 0
  /** The set that comes next of the part under way, and where that ends. */
  #set = 0
  #end = 0

  constructor(spec: ExpandSpec, outputSchema: Schema) {
    super()
    this.#spec = spec
    this.outputSchema = outputSchema
  }

  override open(context: OperatorContext): void {
    super.open(context)
    const { slab, batchRowsMax } = context
    const { width, keys, sets } = this.#spec
    const { fields } = this.outputSchema
    this.#view = new RecordBatch(slab, this.outputSchema, [])
    this.#nulls = keys.map((_, index) => Column.allocate(slab, fields[width + index].type, batchRowsMax))
    this.#numbers = sets.map(() => Column.allocate(slab, fields[width + keys.length].type, batchRowsMax))
    for (const column of this.#nulls) blank(column)
    this.#numbers.forEach(number)
  }

  override processBatch(batch: RecordBatch, output: Output): boolean {
    const { sets } = this.#spec
    if (this.#bound !== batch) {
      if (!output.hasCapacity()) return false
      this.#begin(batch)
    }
    for (;;) {
      // Without rows there is only time to be told.
      if (this.#end === batch.begin) this.#set = sets.length - 1
      for (; this.#set < sets.length; this.#set++) {
        if (!output.hasCapacity()) return false
        const isLast = this.#set === sets.length - 1
        const view = isLast ? this.#parts.take(batch, this.#end, this.#view) : this.#view.viewOf(batch)
        view.end = this.#end
        this.#emit(view, batch, output)
      }
      if (batch.begin === batch.end) break
      this.#nextPart(batch, false)
    }
    this.#bound = null
    return true
  }

  override close(): void {
    for (const column of [...this.#nulls, ...this.#numbers]) column.free()
  }

  #begin(batch: RecordBatch): void {
    this.#bound = batch
    this.#crossing = 0
    for (const column of this.#nulls) {
      if (batch.rowCount > column.rowCapacity) {
        column.ensureRows(batch.rowCount)
        blank(column)
      }
      if (column.kind === PhysicalKind.OBJECT) while (column.objects.length < batch.rowCount) column.objects.push(null)
      column.nullCount = batch.rowCount
    }
    if (this.#numbers.some((column) => batch.rowCount > column.rowCapacity)) {
      for (const column of this.#numbers) column.ensureRows(batch.rowCount)
      this.#numbers.forEach(number)
    }
    this.#nextPart(batch, true)
  }

  /** The rows up to where time moves on; none if it does in front of the first one. */
  #nextPart(batch: RecordBatch, isFirst: boolean): void {
    const { crossings, begin, end } = batch
    this.#set = 0
    for (; this.#crossing < crossings.count; this.#crossing++) {
      this.#end = Math.max(begin, batch.positionOf(crossings.positions[this.#crossing]))
      if (this.#end > begin || isFirst) return
    }
    this.#end = end
  }

  #emit(view: RecordBatch, batch: RecordBatch, output: Output): void {
    const { crossings } = view
    if (view.begin === view.end) {
      if (crossings.count > 0) output.emitWatermark(crossings.watermarks[crossings.count - 1])
      return
    }
    const { width, keys, sets } = this.#spec
    const set = sets[this.#set]
    const { columns } = batch
    view.columns = [...columns.slice(0, width), ...keys.map((column, index) => (set[index] ? columns[column] : this.#nulls[index])), this.#numbers[this.#set]]
    output.emit(view)
  }
}

/** Makes all rows NULL, of which every reader of their bytes finds nothing. */
function blank(column: Column): void {
  const { slab, rowCapacity, kind } = column
  if (kind === PhysicalKind.OBJECT) return
  const valueBytes = kind === PhysicalKind.BIT ? bitBytes(rowCapacity) : rowCapacity * VALUE_BYTES[kind]
  if (column.validity !== 0) slab.fill(column.validity, 0, bitBytes(rowCapacity))
  if (column.values !== 0) slab.fill(column.values, 0, valueBytes)
  if (column.extra !== 0) slab.fill(column.extra, 0, rowCapacity * 4)
  if (column.offsets !== 0) slab.fill(column.offsets, 0, (rowCapacity + 1) * 4)
  if (kind === PhysicalKind.STRUCT) for (const child of column.children) blank(child)
}

/** Makes all rows say the same. */
function number(column: Column, value: number): void {
  const { i32 } = column.slab
  const begin = column.values >>> 2
  for (let at = begin, end = begin + column.rowCapacity; at < end; at++) i32[at] = value
}
