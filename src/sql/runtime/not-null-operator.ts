// In front of a table: refuses NULL in columns that admit none, and gives columns the table's names. Copies nothing.

import { BadRecordError } from '../../base/errors.ts'
import { RecordBatch } from '../../batch/record-batch.ts'
import type { Field, Schema } from '../../batch/types.ts'
import { type Output, type OperatorContext, StatelessOperator } from '../../operator/operator.ts'

export class NotNullOperator extends StatelessOperator {
  readonly outputSchema: Schema
  readonly #columns: readonly Field[]
  readonly #of: string
  readonly #required: readonly number[]
  #view!: RecordBatch

  /** @param of What has the columns, for the error. */
  constructor(columns: readonly Field[], schema: Schema, of: string) {
    super()
    this.outputSchema = schema
    this.#columns = columns
    this.#of = of
    this.#required = columns.flatMap(({ type }, index) => (type.nullable ? [] : [index]))
  }

  override open(context: OperatorContext): void {
    super.open(context)
    this.#view = new RecordBatch(context.slab, this.outputSchema, [])
  }

  override processBatch(batch: RecordBatch, output: Output): boolean {
    if (!output.hasCapacity()) return false
    for (const index of this.#required) if (batch.columns[index].nullCount > 0) this.#check(batch, index)
    const view = this.#view.viewOf(batch)
    view.crossings.copyFrom(batch.crossings)
    batch.begin = batch.end
    output.emit(view)
    return true
  }

  #check(batch: RecordBatch, index: number): void {
    const column = batch.columns[index]
    for (let position = batch.begin; position < batch.end; position++)
      if (!column.isValid(batch.physicalRow(position)))
        throw new BadRecordError('NULL_VALUE', `Column "${this.#columns[index].name}" of ${this.#of} admits no NULL, and a row has one`)
  }
}
