// Gives whole batches to a user function: columns as typed arrays, no row objects. Runs on the worker's thread.

import { PlanError } from '../../base/errors.ts'
import { type ArrowLoan, type ArrowModule, toArrow } from '../../batch/arrow.ts'
import type { Column } from '../../batch/column.ts'
import type { RecordBatch } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import { readValue } from '../../batch/values.ts'
import { PhysicalKind } from '../../kernels/column-layout.ts'
import { type Collector, type OutputTag, refusePromise, type RuntimeContext, userError } from '../function.ts'
import { type OperatorContext, type Output, StatelessOperator } from '../operator.ts'
import { runtimeContextOf } from '../runtime-context.ts'
import { RowCollector } from '../window/row-collector.ts'

/** The values of one column of a batch, raw. Views are good until the function returns. */
export interface ColumnView {
  /**
   * Fixed-width values by physical row: Int8Array for TINYINT, Int16Array, Int32Array (INT, DATE, TIME), BigInt64Array (BIGINT, TIMESTAMP,
   * DECIMAL up to 18 digits, unscaled), Float32Array, Float64Array; Uint8Array of bits for BOOLEAN; Int32Array of codes where the column is
   * dictionary-encoded; undefined for other kinds: use {@link value}.
   */
  readonly values: Int8Array | Int16Array | Int32Array | BigInt64Array | Float32Array | Float64Array | Uint8Array | undefined
  /** Offsets into {@link data}, one more than there are rows: text, bytes. */
  readonly offsets: Int32Array | undefined
  readonly data: Uint8Array | undefined
  readonly nullCount: number
  isValid(row: number): boolean
  /** The value at a physical row, as row objects show it. */
  value(row: number): unknown
}

/** What `toArrow` needs of the module `apache-arrow` (an optional peer): `import * as arrow from 'apache-arrow'` is one. */
export interface ArrowLibrary<B = unknown> {
  readonly RecordBatch: { readonly prototype: B }
}

/** A batch as a batch function sees it. Valid until the function returns. */
export interface ColumnBatch {
  /** Number of physical rows: the length of the columns. */
  readonly rowCount: number
  /** The physical rows that belong to the batch, ascending. */
  readonly rows: Int32Array
  /** @throws {PlanError} If there is no such column. */
  column(name: string): ColumnView
  /** Event timestamp of a physical row in epoch ms; -Infinity without timestamps. */
  timestamp(row: number): number
  /**
   * The rows of the batch as a record batch of Apache Arrow, which shares memory with the columns: valid until the function returns, never to be
   * written. To keep it or send it, copy it: `arrow.tableToIPC(new arrow.Table([batch.toArrow(arrow)]))`.
   *
   * @param arrow The module, as the program imports it: `import * as arrow from 'apache-arrow'`.
   * @throws {PlanError} `INVALID_ARGUMENT` if that is something else, `NO_ARROW_TYPE` for columns of JavaScript objects.
   * @throws {BadRecordError} `VALUE_OUT_OF_TYPE` for a TIMESTAMP(7..9) outside the years 1677 to 2262.
   */
  toArrow<B>(arrow: ArrowLibrary<B>): B
}

/** Given with each batch. Valid only until the function returns. */
export interface BatchContext extends RuntimeContext {
  /** Sends a record to a side output. It gets the timestamp of the results: that of the batch's last row. */
  output<T>(tag: OutputTag<T>, value: T): void
}

/** A function of whole batches. How records are cut into batches is the engine's choice: results must not depend on it. */
export type BatchFunction<OUT> = (batch: ColumnBatch, out: Collector<OUT>, context: BatchContext) => void

/** Calls a {@link BatchFunction}. Results carry the timestamp of the batch's last row; crossings stand behind them. */
export class BatchOperator extends StatelessOperator {
  readonly outputSchema: Schema
  readonly #inputSchema: Schema
  readonly #fn: BatchFunction<unknown>
  #collector!: RowCollector<unknown>
  #batchContext!: BatchContext
  /** The batch whose results wait for the output. */
  #called: RecordBatch | null = null

  constructor(inputSchema: Schema, fn: BatchFunction<never>, outputSchema: Schema) {
    super()
    this.#inputSchema = inputSchema
    this.#fn = fn
    this.outputSchema = outputSchema
  }

  override open(context: OperatorContext): void {
    super.open(context)
    const collector = (this.#collector = new RowCollector(context, this.outputSchema))
    this.#batchContext = { ...runtimeContextOf(context), output: (tag, value) => collector.collectTagged(tag, value) }
  }

  override processBatch(batch: RecordBatch, output: Output): boolean {
    const collector = this.#collector
    if (this.#called !== batch) {
      if (!output.hasCapacity()) return false
      collector.begin(output)
      if (batch.begin < batch.end) {
        collector.timestampMs = batch.timestampOf(batch.physicalRow(batch.end - 1))
        const loans: ArrowLoan[] = []
        try {
          refusePromise(this.#fn(viewOf(batch, this.#inputSchema, loans), collector, this.#batchContext))
        } catch (error) {
          throw userError(this.context.operatorName, this.context.subtaskIndex, error)
        } finally {
          for (const loan of loans) loan.release()
        }
      }
      const { crossings } = batch
      if (crossings.count > 0) collector.watermark(crossings.watermarks[crossings.count - 1])
      this.#called = batch
    }
    if (!collector.flush(output)) return false
    this.#called = null
    batch.begin = batch.end
    return true
  }

  override close(): void {
    this.#collector?.free()
  }
}

/** @param loans Takes the Arrow batches that are asked for. */
function viewOf(batch: RecordBatch, schema: Schema, loans: ArrowLoan[]): ColumnBatch {
  const { slab, begin, end } = batch
  const rows =
    batch.selection === 0
      ? Int32Array.from({ length: end - begin }, (_, index) => begin + index)
      : slab.i32.subarray((batch.selection >>> 2) + begin, (batch.selection >>> 2) + end)
  return {
    rowCount: batch.rowCount,
    rows,
    column: (name) => columnView(batch.columns[schema.requireIndex(name)], batch.rowCount),
    timestamp: (row) => batch.timestampOf(row),
    toArrow<B>(arrow: ArrowLibrary<B>): B {
      requireArrow(arrow)
      const loan = toArrow(arrow as unknown as ArrowModule, batch, schema)
      loans.push(loan)
      return loan.batch as B
    },
  }
}

function requireArrow(arrow: unknown): void {
  if (typeof (arrow as Partial<ArrowModule> | undefined)?.makeData !== 'function')
    throw new PlanError('INVALID_ARGUMENT', 'Cannot make an Arrow batch: toArrow() takes the module "apache-arrow"', {
      hint: "npm install apache-arrow, then batch.toArrow(arrow) with `import * as arrow from 'apache-arrow'`.",
    })
}

function columnView(column: Column, rowCount: number): ColumnView {
  const { slab } = column
  const offsets = column.offsets === 0 ? undefined : slab.i32.subarray(column.offsets >>> 2, (column.offsets >>> 2) + rowCount + 1)
  return {
    values: valuesOf(column, rowCount),
    offsets,
    data: column.kind === PhysicalKind.BYTES && offsets !== undefined ? slab.u8.subarray(column.data, column.data + offsets[rowCount]) : undefined,
    nullCount: column.nullCount,
    isValid: (row) => column.isValid(row),
    value: (row) => readValue(column, row),
  }
}

function valuesOf(column: Column, rowCount: number): ColumnView['values'] {
  const { slab, values } = column
  const part = <T>(array: { subarray(from: number, to: number): T }, shift: number): T => array.subarray(values >>> shift, (values >>> shift) + rowCount)
  if (column.dictionary !== null) return part(slab.i32, 2)
  switch (column.kind) {
    case PhysicalKind.BIT:
      return slab.u8.subarray(values, values + ((rowCount + 7) >>> 3))
    case PhysicalKind.INT8:
      return part(slab.i8, 0)
    case PhysicalKind.INT16:
      return part(slab.i16, 1)
    case PhysicalKind.INT32:
      return part(slab.i32, 2)
    case PhysicalKind.INT64:
    case PhysicalKind.TIMESTAMP_NANOS:
      return part(slab.i64, 3)
    case PhysicalKind.FLOAT32:
      return part(slab.f32, 2)
    case PhysicalKind.FLOAT64:
      return part(slab.f64, 3)
    default:
      return undefined
  }
}
