// A window operator whose one aggregate is a top, so that its results are the rows of the top and their ranks instead of an array. The rows are
// views on what the window operator emits. Runs on the worker's thread.

import type { KeyedSnapshotWriter } from '../../state/state.ts'
import { PlanError } from '../../base/errors.ts'
import { Column } from '../../batch/column.ts'
import { RecordBatch, writeInt64 } from '../../batch/record-batch.ts'
import { type LogicalType, Schema } from '../../batch/types.ts'
import type { Operator, OperatorContext, OperatorDescription, Output, SnapshotReader } from '../operator.ts'

/** Name of the column behind those of the records: 1 for the best. */
export const RANK = 'rank'
const RANK_TYPE: LogicalType = { kind: 'BIGINT', nullable: false, safeInteger: true }

/** The records with their rank. @throws {PlanError} `DUPLICATE_COLUMN` if they have such a column. */
export function topRowsSchema(schema: Schema): Schema {
  if (schema.indexOf(RANK) !== -1)
    throw new PlanError('DUPLICATE_COLUMN', `Cannot rank records that have a column "${RANK}": the result has a column of that name for the place in the top`, {
      hint: 'Leave it out with select(...) before the windows, or rename it with map(...).returns(...).',
    })
  return new Schema([...schema.fields, { name: RANK, type: RANK_TYPE }])
}

/** Passes everything on to the window operator; its output goes through {@link RowsOutput}. */
export class TopRowsOperator implements Operator {
  readonly outputSchema: Schema
  readonly #windows: Operator
  readonly #limit: number
  #rows!: RowsOutput

  /** @param windows Gives the rows of a top, at most `limit` of them, in its last column. */
  constructor(windows: Operator, schema: Schema, limit: number) {
    this.#windows = windows
    this.#limit = limit
    this.outputSchema = topRowsSchema(schema)
  }

  get crossings(): Operator['crossings'] {
    return this.#windows.crossings
  }

  describe(): OperatorDescription | undefined {
    return this.#windows.describe?.()
  }

  open(context: OperatorContext): void {
    this.#rows = new RowsOutput(context, this.outputSchema)
    this.#windows.open({ ...context, batchRowsMax: Math.max(1, Math.floor(context.batchRowsMax / this.#limit)) })
  }

  processBatch(batch: RecordBatch, output: Output, input: number): boolean {
    return this.#windows.processBatch(batch, this.#rows.to(output), input)
  }

  nextCutMs(): number {
    return this.#windows.nextCutMs()
  }

  advance(watermarkMs: number, output: Output): boolean {
    return this.#windows.advance(watermarkMs, this.#rows.to(output))
  }

  nextProcessingTimeMs(): number {
    return this.#windows.nextProcessingTimeMs()
  }

  fireTimers(upToMs: number, output: Output): boolean {
    return this.#windows.fireTimers(upToMs, this.#rows.to(output))
  }

  endInput(output: Output, input: number): boolean {
    return this.#windows.endInput(this.#rows.to(output), input)
  }

  snapshot(writer: KeyedSnapshotWriter): void {
    this.#windows.snapshot(writer)
  }

  restore(reader: SnapshotReader): void {
    this.#windows.restore(reader)
  }

  close(): void {
    this.#windows.close()
    this.#rows?.free()
  }
}

/** Takes batches of tops and sends their rows on. */
class RowsOutput implements Output {
  readonly #view: RecordBatch
  readonly #ranks: Column
  /** Event timestamps, as the values of a column. */
  readonly #timestamps: Column
  #output!: Output

  constructor({ slab, batchRowsMax }: OperatorContext, schema: Schema) {
    this.#view = new RecordBatch(slab, schema, [])
    this.#ranks = Column.allocate(slab, RANK_TYPE, batchRowsMax)
    this.#timestamps = Column.allocate(slab, RANK_TYPE, batchRowsMax)
  }

  to(output: Output): this {
    this.#output = output
    return this
  }

  hasCapacity(): boolean {
    return this.#output.hasCapacity()
  }

  emit(batch: RecordBatch): void {
    const { slab } = batch
    const list = batch.columns[batch.columns.length - 1]
    const [row] = list.children
    const ends = (list.offsets >>> 2) + 1
    const rowCount = slab.i32[ends + batch.rowCount - 1]
    this.#ranks.ensureRows(rowCount)
    this.#timestamps.ensureRows(rowCount)
    const ranks = this.#ranks.values
    const timestamps = this.#timestamps.values
    for (let window = 0, at = 0; window < batch.rowCount; window++) {
      const timestamp = batch.timestamps + window * 8
      for (let rank = 1; at < slab.i32[ends + window]; rank++, at++) {
        writeInt64(slab, ranks + at * 8, rank)
        slab.copy(timestamps + at * 8, timestamp, 8)
      }
    }
    const view = this.#view
    view.columns = [...row.children, this.#ranks]
    view.rowCount = rowCount
    view.timestamps = timestamps
    view.crossings.clear()
    const { count, positions, watermarks } = batch.crossings
    for (let index = 0; index < count; index++) view.crossings.add(slab.i32[ends + positions[index] - 1], watermarks[index])
    view.rewind()
    if (rowCount > 0) this.#output.emit(view)
    else if (count > 0) this.#output.emitWatermark(watermarks[count - 1])
  }

  emitWatermark(watermarkMs: number): void {
    this.#output.emitWatermark(watermarkMs)
  }

  emitStatus(idle: boolean): void {
    this.#output.emitStatus(idle)
  }

  side(id: string): Output | undefined {
    return this.#output.side(id)
  }

  free(): void {
    this.#ranks.free()
    this.#timestamps.free()
  }
}
