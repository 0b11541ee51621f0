// The bids of a stream of Nexmark events, as flat rows: the events that are bids are selected, the fields of the nested row become columns.
// Nothing is copied. Done in columns by an operator of its own: a projection of nested fields that the API does not have yet.

import type { DataStream } from 'millrace'
import { RecordBatch } from '../../src/batch/record-batch.ts'
import { type RowOfSchema, Schema } from '../../src/batch/types.ts'
import { type OperatorContext, type Output, StatelessOperator } from '../../src/operator/operator.ts'

class NestedRowOperator extends StatelessOperator {
  readonly outputSchema: Schema
  readonly #column: number
  #view!: RecordBatch
  #selection = 0

  constructor(schema: Schema, column: number) {
    super()
    this.outputSchema = schema
    this.#column = column
  }

  override open(context: OperatorContext): void {
    super.open(context)
    this.#view = new RecordBatch(context.slab, this.outputSchema, [])
    this.#selection = context.slab.allocate(context.batchRowsMax * 4)
  }

  override processBatch(batch: RecordBatch, output: Output): boolean {
    if (!output.hasCapacity()) return false
    const column = batch.columns[this.#column]
    const view = this.#view.viewOf(batch)
    view.columns = column.children
    view.crossings.copyFrom(batch.crossings)
    if (column.nullCount > 0) {
      view.selectedCount = this.context.kernels.selectNull(column.descriptor, 0, batch.selection, batch.begin, batch.end - batch.begin, this.#selection)
      view.selection = this.#selection
      view.rewind()
    }
    batch.begin = batch.end
    output.emit(view)
    return true
  }
}

/** Rows whose ROW column `name` is not NULL, with its fields as columns. */
export function unnest<R, S extends Schema>(stream: DataStream<R>, name: keyof R & string, nested: S): DataStream<RowOfSchema<S>> {
  const column = stream.schema.requireIndex(name)
  // A nullable field of the nested row is NULL only where the row is, and those rows are left out.
  const schema = new Schema(nested.fields) as S
  const create = (): NestedRowOperator => new NestedRowOperator(schema, column)
  return stream.operator(`Nested(${name})`, { kind: 'operator', watermarks: { kind: 'none' }, needsEventLoop: false, create }, schema) as DataStream<
    RowOfSchema<S>
  >
}
