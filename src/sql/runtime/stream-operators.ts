// Between streams of a program and the relations of queries: views of batches on which columns, timestamps and row kinds are where the other side expects
// them. Each is used by one subtask on its thread.

import { Column } from '../../batch/column.ts'
import { readInt64AsNumber, RecordBatch, ROW_KIND_TEXT, RowKind } from '../../batch/record-batch.ts'
import { type LogicalType, type Schema } from '../../batch/types.ts'
import { BadRecordError } from '../../base/errors.ts'
import { BUFFER_SLACK_BYTES } from '../../kernels/column-layout.ts'
import { type OperatorContext, type Output, StatelessOperator } from '../../operator/operator.ts'
import { computedType, ROW_KIND_TYPE } from '../table-stream.ts'

const KIND_BYTES = 2
/** The two letters of each kind, as one number. */
const KIND_CODES = ROW_KIND_TEXT.map((text) => codeOf(text.charCodeAt(0), text.charCodeAt(1)))

function codeOf(first: number, second: number): number {
  return (first << 8) | second
}

/** The values of columns under another type of the same layout. */
class Retyped {
  readonly column: Column

  constructor(context: OperatorContext, type: LogicalType) {
    this.column = Column.borrow(context.slab, type)
  }

  of(source: Column): Column {
    point(this.column, source)
    return this.column
  }
}

function point(target: Column, source: Column): void {
  target.validity = source.validity
  target.values = source.values
  target.offsets = source.offsets
  target.data = source.data
  target.dataLength = source.dataLength
  target.extra = source.extra
  target.nullCount = source.nullCount
  target.rowCapacity = source.rowCapacity
  target.setDictionary(source.dictionary)
  for (const [index, child] of target.children.entries()) point(child, source.children[index])
}

/** What a {@link FromStreamOperator} makes of a stream. */
export interface FromStreamSpec {
  readonly outputSchema: Schema
  /** Which column of the stream each column is, with its type there; undefined: the timestamp of each record. */
  readonly origins: readonly ({ readonly column: number; readonly type: LogicalType } | undefined)[]
  /** The column that holds row kinds. */
  readonly kinds: number | undefined
}

/** Makes rows of a table of records of a stream. */
export class FromStreamOperator extends StatelessOperator {
  readonly outputSchema: Schema
  readonly #spec: FromStreamSpec
  #columns!: readonly (Retyped | undefined)[]
  #view!: RecordBatch
  #kinds = 0
  #kindRows = 0

  constructor(spec: FromStreamSpec) {
    super()
    this.outputSchema = spec.outputSchema
    this.#spec = spec
  }

  override open(context: OperatorContext): void {
    super.open(context)
    this.#view = new RecordBatch(context.slab, this.outputSchema, [])
    this.#columns = this.#spec.origins.map((origin, index) => {
      const { type } = this.outputSchema.fields[index]
      return origin === undefined || computedType(origin.type) !== origin.type ? new Retyped(context, type) : undefined
    })
  }

  override processBatch(batch: RecordBatch, output: Output): boolean {
    if (!output.hasCapacity()) return false
    const view = this.#view.viewOf(batch)
    view.columns = this.#spec.origins.map((origin, index) => {
      const retyped = this.#columns[index]
      if (origin === undefined) return this.#timestamps(batch, retyped!.column)
      return retyped === undefined ? batch.columns[origin.column] : retyped.of(batch.columns[origin.column])
    })
    view.kinds = this.#spec.kinds === undefined ? 0 : this.#readKinds(batch, batch.columns[this.#spec.kinds])
    view.crossings.copyFrom(batch.crossings)
    batch.begin = batch.end
    output.emit(view)
    return true
  }

  override close(): void {
    for (const retyped of this.#columns ?? []) retyped?.column.free()
    if (this.#kinds !== 0) this.context.slab.free(this.#kinds, this.#kindRows + BUFFER_SLACK_BYTES)
  }

  #timestamps(batch: RecordBatch, column: Column): Column {
    if (batch.timestamps === 0)
      throw new BadRecordError('NO_TIMESTAMP', `Cannot read a table in "${this.context.operatorName}": the records of its stream have no timestamps`)
    column.values = batch.timestamps
    column.nullCount = 0
    return column
  }

  #readKinds(batch: RecordBatch, column: Column): number {
    const { slab } = this.context
    if (batch.rowCount > this.#kindRows) {
      if (this.#kinds !== 0) slab.free(this.#kinds, this.#kindRows + BUFFER_SLACK_BYTES)
      this.#kindRows = Math.max(batch.rowCount, this.context.batchRowsMax)
      this.#kinds = slab.allocate(this.#kindRows + BUFFER_SLACK_BYTES)
    }
    const { u8, i32 } = slab
    const { dictionary } = column
    const { offsets, data } = dictionary ?? column
    for (let position = batch.begin; position < batch.end; position++) {
      const row = batch.physicalRow(position)
      const at = (offsets >>> 2) + (dictionary === null ? row : i32[(column.values >>> 2) + row])
      const start = data + i32[at]
      const isPair = column.isValid(row) && i32[at + 1] - i32[at] === KIND_BYTES
      const kind = isPair ? KIND_CODES.indexOf(codeOf(u8[start], u8[start + 1])) : -1
      if (kind < 0) this.#refuseKind()
      u8[this.#kinds + row] = kind
    }
    return this.#kinds
  }

  #refuseKind(): never {
    throw new BadRecordError('BAD_CHANGE', `Cannot read a change in "${this.context.operatorName}": its rowKind is none of ${ROW_KIND_TEXT.join(', ')}`)
  }
}

/** What a {@link ToStreamOperator} makes of rows. */
export interface ToStreamSpec {
  readonly outputSchema: Schema
  /** The column whose times are the timestamps of the records. */
  readonly rowtime: number | undefined
  /** Whether the first column says the kind of each row. */
  readonly hasKinds: boolean
}

/** Makes records of a stream of the rows of a query. */
export class ToStreamOperator extends StatelessOperator {
  readonly outputSchema: Schema
  readonly #spec: ToStreamSpec
  #view!: RecordBatch
  /** Those whose whole numbers are numbers in user code. */
  #safe!: readonly (Retyped | undefined)[]
  #kinds: Column | undefined

  constructor(spec: ToStreamSpec) {
    super()
    this.outputSchema = spec.outputSchema
    this.#spec = spec
  }

  override open(context: OperatorContext): void {
    super.open(context)
    const { fields } = this.outputSchema
    const own = this.#spec.hasKinds ? fields.slice(1) : fields
    this.#view = new RecordBatch(context.slab, this.outputSchema, [])
    this.#safe = own.map(({ type }) => (computedType(type) === type ? undefined : new Retyped(context, type)))
    if (this.#spec.hasKinds) this.#kinds = Column.allocate(context.slab, ROW_KIND_TYPE, context.batchRowsMax)
  }

  override processBatch(batch: RecordBatch, output: Output): boolean {
    if (!output.hasCapacity()) return false
    const view = this.#view.viewOf(batch)
    const columns = batch.columns.map((column, index) => {
      const retyped = this.#safe[index]
      if (retyped === undefined) return column
      if (column.type.kind === 'BIGINT') this.#checkRange(batch, index)
      return retyped.of(column)
    })
    view.columns = this.#kinds === undefined ? columns : [this.#writeKinds(batch, this.#kinds), ...columns]
    view.kinds = 0
    if (this.#spec.rowtime !== undefined) view.timestamps = this.#timestampsOf(batch, batch.columns[this.#spec.rowtime])
    view.crossings.copyFrom(batch.crossings)
    batch.begin = batch.end
    output.emit(view)
    return true
  }

  override close(): void {
    for (const retyped of this.#safe ?? []) retyped?.column.free()
    this.#kinds?.free()
  }

  #writeKinds(batch: RecordBatch, column: Column): Column {
    const { rowCount } = batch
    const { slab } = this.context
    column.clear()
    column.ensureRows(rowCount)
    column.ensureData(rowCount * KIND_BYTES)
    const { u8, i32 } = slab
    const offsets = column.offsets >>> 2
    for (let row = 0; row < rowCount; row++) {
      const code = KIND_CODES[batch.kinds === 0 ? RowKind.INSERT : u8[batch.kinds + row] & 3]
      const at = column.data + row * KIND_BYTES
      u8[at] = code >>> 8
      u8[at + 1] = code & 0xff
      i32[offsets + row + 1] = (row + 1) * KIND_BYTES
    }
    column.dataLength = rowCount * KIND_BYTES
    return column
  }

  #timestampsOf(batch: RecordBatch, column: Column): number {
    if (column.nullCount > 0)
      for (let position = batch.begin; position < batch.end; position++)
        if (!column.isValid(batch.physicalRow(position)))
          throw new BadRecordError('NULL_TIMESTAMP', `Cannot make a record in "${this.context.operatorName}": its time attribute is NULL`)
    return column.values
  }

  /** @throws {BadRecordError} `VALUE_OUT_OF_TYPE` for what a number would not hold exactly. */
  #checkRange(batch: RecordBatch, index: number): void {
    const column = batch.columns[index]
    const { slab } = this.context
    for (let position = batch.begin; position < batch.end; position++) {
      const row = batch.physicalRow(position)
      if (!column.isValid(row) || Number.isSafeInteger(readInt64AsNumber(slab, column.values + row * 8))) continue
      const name = this.outputSchema.fields[this.#spec.hasKinds ? index + 1 : index].name
      throw new BadRecordError('VALUE_OUT_OF_TYPE', `Cannot make a record in "${this.context.operatorName}": "${name}" is beyond what a number holds exactly`, {
        hint: 'CAST the column to a BIGINT of its own: cast(t.bigint()).',
      })
    }
  }
}
