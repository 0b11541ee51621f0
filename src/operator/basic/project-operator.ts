// Passes some of the columns on, in another order. Copies nothing.

import { RecordBatch } from '../../batch/record-batch.ts'
import { Schema } from '../../batch/types.ts'
import { type OperatorContext, type Output, StatelessOperator } from '../operator.ts'

/** The schema of these columns. @throws {PlanError} If one is unknown. */
export function projectedSchemaOf(schema: Schema, columns: readonly string[]): Schema {
  return new Schema(columns.map((column) => schema.fields[schema.requireIndex(column)]))
}

/** Emits views of its input with the columns at `indexes`. */
export class ProjectOperator extends StatelessOperator {
  readonly outputSchema: Schema
  readonly #indexes: readonly number[]
  #view!: RecordBatch

  constructor(outputSchema: Schema, indexes: readonly number[]) {
    super()
    this.outputSchema = outputSchema
    this.#indexes = indexes
  }

  override open(context: OperatorContext): void {
    super.open(context)
    this.#view = new RecordBatch(context.slab, this.outputSchema, [])
  }

  override processBatch(batch: RecordBatch, output: Output): boolean {
    if (!output.hasCapacity()) return false
    const view = this.#view.viewOf(batch)
    view.columns = this.#indexes.map((index) => batch.columns[index])
    view.crossings.copyFrom(batch.crossings)
    batch.begin = batch.end
    output.emit(view)
    return true
  }
}
