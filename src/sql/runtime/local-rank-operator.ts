// What of a batch may be among the first rows of an order, of each partition: in front of the exchange behind which ranks are told, so that rows which others of their
// batch outrank are not sent. Keeps nothing from batch to batch. Runs on the worker's thread.

import { BatchKeys } from '../../batch/batch-keys.ts'
import { RecordBatch } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import { KeepOrder, keptRowsBytes } from '../../kernels/keep.ts'
import { emitSelected, ViewParts } from '../../operator/basic/view-parts.ts'
import { type OperatorContext, type Output, StatelessOperator } from '../../operator/operator.ts'
import { SegmentTable } from '../../state/segment-table.ts'
import type { ColumnRankSpec } from './column-rank-operator.ts'
import type { ColumnOrder } from './row-order.ts'
import { SortKeys } from './sort-keys.ts'

/** Fewer rows are sent as they are. */
const ROWS_MIN = 64
/** Where more than this part of a batch may be among the first, so many batches are sent as they are before it is tried again. */
const USELESS_SHARE = 7 / 8
const USELESS_BATCHES = 32

export class LocalRankOperator extends StatelessOperator {
  readonly outputSchema: Schema
  readonly #spec: Pick<ColumnRankSpec, 'schema' | 'key' | 'order' | 'to' | 'latestFirst'>
  readonly #parts = new ViewParts()
  #keys!: BatchKeys
  #table!: SegmentTable
  #sortKeys!: SortKeys
  #view!: RecordBatch
  #isFirst = new Uint8Array()
  /** How many batches are sent as they are. */
  #skipped = 0
  /** Address of u32 entries, int32 rows, addresses of places, and int32 selected rows, [capacity] each. */
  #scratch = 0
  #scratchRows = 0

  constructor(spec: {
    readonly schema: Schema
    readonly key: readonly number[]
    readonly order: readonly ColumnOrder[]
    readonly to: number
    readonly latestFirst: boolean
  }) {
    super()
    this.#spec = spec
    this.outputSchema = spec.schema
  }

  override open(context: OperatorContext): void {
    const { slab, kernels, maxParallelism, tableSeed, batchRowsMax } = context
    const { schema, key, order, to } = this.#spec
    super.open(context)
    this.#keys = new BatchKeys(slab, kernels, schema, { kind: 'columns', columns: key })
    this.#table = new SegmentTable(slab, kernels, { form: this.#keys.form, valueBytes: keptRowsBytes(to), maxParallelism, slotSeed: tableSeed })
    this.#sortKeys = new SortKeys(slab, kernels, order, batchRowsMax)
    this.#view = new RecordBatch(slab, schema, [])
  }

  processBatch(batch: RecordBatch, output: Output): boolean {
    if (!output.hasCapacity()) return false
    const { begin, end, selection } = batch
    const n = end - begin
    const isTried = n >= ROWS_MIN && this.#skipped === 0
    if (this.#skipped > 0) this.#skipped--
    const count = isTried ? this.#select(batch, selection, begin, n) : n
    if (isTried && count > n * USELESS_SHARE) this.#skipped = USELESS_BATCHES
    const view = this.#parts.take(batch, end, this.#view)
    view.columns = batch.columns
    if (count < n) emitSelected(view, this.#scratch + this.#scratchRows * 12, count, output)
    else output.emit(view)
    return true
  }

  override close(): void {
    this.#keys?.free()
    this.#table?.free()
    this.#sortKeys?.free()
    if (this.#scratchRows > 0) this.context.slab.free(this.#scratch, this.#scratchRows * 16)
  }

  /** Lists the rows that are among the first of their batch, in their order. Returns how many. */
  #select(batch: RecordBatch, selection: number, begin: number, n: number): number {
    const { slab, kernels } = this.context
    const { to, latestFirst } = this.#spec
    const table = this.#table
    this.#reserve(n)
    const entries = this.#scratch
    const rows = entries + this.#scratchRows * 4
    const places = rows + this.#scratchRows * 4
    table.clear(table.entryCount)
    table.findOrInsert(this.#keys.encode(batch, selection, begin, n), entries)
    const keys = this.#sortKeys.write(batch).descriptor
    const order = latestFirst ? KeepOrder.ASCENDING_LATEST : KeepOrder.ASCENDING
    // No records: all rows are those of the batch.
    kernels.keepRows(entries, n, table.valueOffset, to, order, keys, 0, 0, 0, 0, selection, begin, rows)
    const count = kernels.keepSettle(entries, n, table.valueOffset, rows, places)
    if (count === n) return n
    const { i32 } = slab
    if (this.#isFirst.length < batch.rowCount) this.#isFirst = new Uint8Array(batch.rowCount)
    const isFirst = this.#isFirst
    for (let at = rows >>> 2, last = at + count; at < last; at++) isFirst[i32[at]] = 1
    let selected = (places >>> 2) + this.#scratchRows
    for (let position = begin; position < begin + n; position++) {
      const row = batch.physicalRow(position)
      if (isFirst[row] === 0) continue
      isFirst[row] = 0
      i32[selected++] = row
    }
    return count
  }

  #reserve(rows: number): void {
    if (rows <= this.#scratchRows) return
    const { slab } = this.context
    if (this.#scratchRows > 0) slab.free(this.#scratch, this.#scratchRows * 16)
    this.#scratchRows = rows
    this.#scratch = slab.allocate(rows * 16)
  }
}
