// The first of two phases of aggregates: rows of a batch that are of one group become one, in front of the exchange behind which groups are told. Rows come as the
// parts that they are alone (aggregate-parts.ts), and leave in the same columns, so that a batch in which few are of the same group passes as it is. Keeps
// nothing from batch to batch. Runs on the worker's thread.

import { BatchBuilder } from '../../batch/batch-builder.ts'
import { BatchKeys } from '../../batch/batch-keys.ts'
import { WATERMARK_MIN } from '../../batch/crossings.ts'
import { readInt64AsNumber, RecordBatch } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import { type OperatorContext, type Output, StatelessOperator } from '../../operator/operator.ts'
import { emit, fold } from '../../operator/window/slice-aggregates.ts'
import { type AlignedWindows, lastWindowEndMs, nextFiringMs, sliceEndMs, sliceStartMs } from '../../operator/window/slices.ts'
import { SegmentTable } from '../../state/segment-table.ts'
import type { ColumnAggregatePlan } from './column-aggregates.ts'

/** What is put together: rows of equal keys, which come first among the columns, in the order of the aggregates behind them. */
export interface LocalAggregateSpec {
  readonly schema: Schema
  readonly key: readonly number[]
  /** Of all columns but the key's. */
  readonly plan: ColumnAggregatePlan
  /** Only rows of one slice of windows are put together, and none that may be late: these are counted one by one. Undefined: there are no windows. */
  readonly windows: { readonly of: AlignedWindows; readonly timeColumn: number } | undefined
}

/** Fewer rows are sent as they are. */
const ROWS_MIN = 8
/** Where a batch has more groups than this part of its rows, so many batches are sent as they are before it is tried again. */
const USELESS_SHARE = 1 / 2
const USELESS_BATCHES = 32
const STAMP_BYTES = 8

/** See the file's head. */
export class LocalAggregateOperator extends StatelessOperator {
  override readonly crossings = 'cut'
  readonly outputSchema: Schema
  readonly #spec: LocalAggregateSpec
  #keys!: BatchKeys
  #table!: SegmentTable
  #builder!: BatchBuilder
  #view!: RecordBatch
  #watermarkMs = WATERMARK_MIN
  #stamp = 0
  /** How many batches are sent as they are. */
  #skipped = 0
  /** Address of u32 entries of rows, and of groups, [capacity] each. */
  #scratch = 0
  #scratchRows = 0

  constructor(spec: LocalAggregateSpec) {
    super()
    this.#spec = spec
    this.outputSchema = spec.schema
  }

  override open(context: OperatorContext): void {
    const { slab, kernels, maxParallelism, tableSeed, batchRowsMax } = context
    const { schema, key, plan } = this.#spec
    super.open(context)
    this.#keys = new BatchKeys(slab, kernels, schema, { kind: 'columns', columns: key })
    this.#table = new SegmentTable(slab, kernels, { form: this.#keys.form, valueBytes: plan.valueBytes + STAMP_BYTES, maxParallelism, slotSeed: tableSeed })
    this.#builder = new BatchBuilder(slab, schema, batchRowsMax)
    this.#view = new RecordBatch(slab, schema, [])
  }

  override nextCutMs(): number {
    const { windows } = this.#spec
    if (windows === undefined) return Infinity
    return this.#watermarkMs === WATERMARK_MIN ? WATERMARK_MIN : nextFiringMs(windows.of, this.#watermarkMs)
  }

  override advance(watermarkMs: number): boolean {
    this.#watermarkMs = watermarkMs
    return true
  }

  processBatch(batch: RecordBatch, output: Output): boolean {
    if (!output.hasCapacity()) return false
    const { begin, end } = batch
    const isTried = end - begin >= ROWS_MIN && this.#skipped === 0 && this.context.parallelism > 1 && this.#isOfOneSlice(batch)
    if (this.#skipped > 0) this.#skipped--
    const isWhole = isTried && this.#fold(batch, output)
    if (!isWhole) {
      const view = this.#view.viewOf(batch)
      // Those that are put together have none.
      view.timestamps = 0
      output.emit(view)
    }
    batch.begin = end
    return true
  }

  override close(): void {
    this.#keys?.free()
    this.#table?.free()
    this.#builder?.free()
    if (this.#scratchRows > 0) this.context.slab.free(this.#scratch, this.#scratchRows * 8)
  }

  #isOfOneSlice(batch: RecordBatch): boolean {
    const { windows } = this.#spec
    if (windows === undefined) return true
    const { slab, kernels } = this.context
    const { selection, begin, end } = batch
    const times = batch.columns[windows.timeColumn].values
    const startMs = sliceStartMs(windows.of, readInt64AsNumber(slab, times + batch.physicalRow(begin) * 8))
    if (lastWindowEndMs(windows.of, startMs) - 1 <= this.#watermarkMs) return false
    return kernels.timesWithin(times, selection, begin, end - begin, startMs, sliceEndMs(windows.of, startMs)) === 1
  }

  /** Sends a row for each group. Returns false, and sends nothing, if there are too many. */
  #fold(batch: RecordBatch, output: Output): boolean {
    const { kernels } = this.context
    const { key, plan } = this.#spec
    const { begin, end, selection, columns } = batch
    const n = end - begin
    this.#reserve(n)
    const entries = this.#scratch
    const groups = entries + this.#scratchRows * 4
    const table = this.#table
    table.clear(table.entryCount)
    table.findOrInsert(this.#keys.encode(batch, selection, begin, n), entries)
    if (table.entryCount > n * USELESS_SHARE) {
      this.#skipped = USELESS_BATCHES
      return false
    }
    const { valueOffset } = table
    this.#stamp = (this.#stamp + 1) >>> 0 || 1
    const count = kernels.groupsTouch(entries, n, valueOffset + plan.valueBytes, this.#stamp, groups)
    for (const { plan: one } of plan.aggregates) fold(kernels, one, valueOffset, columns, { entries, n, selection, begin })
    const out = this.#builder.begin(false, false)
    this.#builder.ensureRows(count)
    table.keysToColumns(groups, count, out.columns.slice(0, key.length), 0)
    plan.aggregates.forEach(({ plan: one }, index) => emit(kernels, one, valueOffset, groups, count, out.columns[key.length + index], 0))
    output.emit(this.#builder.finish(count))
    return true
  }

  #reserve(rows: number): void {
    if (rows <= this.#scratchRows) return
    const { slab } = this.context
    if (this.#scratchRows > 0) slab.free(this.#scratch, this.#scratchRows * 8)
    this.#scratchRows = rows
    this.#scratch = slab.allocate(rows * 8)
  }
}
