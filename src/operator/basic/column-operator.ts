// Adds a column that a user function computes from each row; the other columns pass untouched. Runs on the worker's thread.

import { PlanError } from '../../base/errors.ts'
import { BatchBuilder } from '../../batch/batch-builder.ts'
import { RecordBatch } from '../../batch/record-batch.ts'
import { formatType, type LogicalType, physicalKindOf, Schema } from '../../batch/types.ts'
import { PhysicalKind } from '../../kernels/column-layout.ts'
import { userError } from '../function.ts'
import { type OperatorContext, type Output, StatelessOperator } from '../operator.ts'
import { type ColumnLoop, compileColumnLoop, DEV_OPTION } from '../row-code.ts'
import { RowPace } from '../row-pace.ts'
import { ViewParts } from './view-parts.ts'

/**
 * The schema with one column more, or with that column replaced.
 *
 * @throws {PlanError} `INVALID_COLUMN` for types of variable width, whose values can only be appended in order.
 */
export function schemaWithColumn(schema: Schema, name: string, type: LogicalType): Schema {
  if (physicalKindOf(type) > PhysicalKind.TIMESTAMP_NANOS)
    throw new PlanError('INVALID_COLUMN', `Cannot compute column "${name}" of type ${formatType(type)}: withColumn takes types of fixed width`, {
      hint: 'Use map(...).returns(...) for strings and nested types.',
    })
  return new Schema([...schema.fields.filter((field) => field.name !== name), { name, type }])
}

/** Emits views of its input with the computed column behind the others. */
export class ColumnOperator extends StatelessOperator {
  readonly outputSchema: Schema
  readonly #inputSchema: Schema
  readonly #kept: readonly number[]
  readonly #fn: (row: never) => unknown
  readonly #columnSchema: Schema
  readonly #parts = new ViewParts()
  #loop!: ColumnLoop
  #pace!: RowPace
  #builder!: BatchBuilder
  #view!: RecordBatch

  constructor(inputSchema: Schema, name: string, type: LogicalType, fn: (row: never) => unknown) {
    super()
    this.#inputSchema = inputSchema
    this.outputSchema = schemaWithColumn(inputSchema, name, type)
    this.#kept = this.outputSchema.fields.slice(0, -1).map((field) => inputSchema.indexOf(field.name))
    this.#columnSchema = new Schema([{ name, type }])
    this.#fn = fn
  }

  override open(context: OperatorContext): void {
    super.open(context)
    this.#loop = compileColumnLoop(this.#inputSchema, this.#fn, this.#columnSchema, context.option(DEV_OPTION) === 'true')
    this.#pace = new RowPace(context.clock)
    this.#builder = new BatchBuilder(context.slab, this.#columnSchema, context.batchRowsMax)
    this.#view = new RecordBatch(context.slab, this.outputSchema, [])
  }

  override processBatch(batch: RecordBatch, output: Output): boolean {
    if (!output.hasCapacity()) return false
    const target = this.#builder.begin(false, false)
    this.#builder.ensureRows(batch.rowCount)
    const pace = this.#pace
    pace.begin()
    this.#loop.bind(batch, target)
    let position = batch.begin
    try {
      while (position < batch.end) {
        const from = position
        position = Math.min(batch.end, from + pace.rows)
        this.#loop.run(from, position)
        if (pace.isOver(position - from)) break
      }
    } catch (error) {
      throw userError(this.context.operatorName, this.context.subtaskIndex, error)
    }
    const view = this.#parts.take(batch, position, this.#view)
    view.columns = [...this.#kept.map((index) => batch.columns[index]), target.columns[0]]
    output.emit(view)
    return position === batch.end
  }

  override close(): void {
    this.#builder?.free()
  }
}
