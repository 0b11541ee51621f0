// Computes the key of each record with the user's function and appends it as a column of canonical key bytes. Runs on the producer's thread,
// so that the exchange behind it routes bytes and the consumer never calls the function again.

import { PlanError } from '../../base/errors.ts'
import { keyBytesOf, type KeyValue } from '../../base/key-bytes.ts'
import { Column } from '../../batch/column.ts'
import { RecordBatch } from '../../batch/record-batch.ts'
import { type Field, LENGTH_MAX, Schema } from '../../batch/types.ts'
import { refusePromise, userError } from '../function.ts'
import { type OperatorContext, type Output, StatelessOperator } from '../operator.ts'
import { compileRowReader, DEV_OPTION, type RowReader } from '../row-code.ts'
import { RowPace } from '../row-pace.ts'
import { ViewParts } from './view-parts.ts'

/** Name of the column that holds the key; row objects do not show it. */
export const KEY_COLUMN = '$key'

/** The schema with the key column behind it. */
export function keyedSchemaOf(schema: Schema): Schema {
  const key: Field = { name: KEY_COLUMN, type: { kind: 'VARBINARY', nullable: false, length: LENGTH_MAX } }
  return new Schema([...schema.fields.filter((field) => field.name !== KEY_COLUMN), key])
}

/** Appends the key column. Keys that were seen lately are not encoded again. */
export class KeyOperator extends StatelessOperator {
  readonly outputSchema: Schema
  readonly #inputSchema: Schema
  readonly #selector: (record: unknown) => unknown
  readonly #memo = new Map<unknown, Uint8Array>()
  readonly #parts = new ViewParts()
  #reader!: RowReader
  #pace!: RowPace
  #view!: RecordBatch
  #key!: Column
  #rows = 0

  constructor(inputSchema: Schema, selector: (record: unknown) => unknown) {
    super()
    this.#inputSchema = inputSchema
    this.outputSchema = keyedSchemaOf(inputSchema)
    this.#selector = selector
  }

  override open(context: OperatorContext): void {
    super.open(context)
    this.#reader = compileRowReader(this.#inputSchema, context.option(DEV_OPTION) === 'true')
    this.#pace = new RowPace(context.clock)
    this.#view = new RecordBatch(context.slab, this.outputSchema, [])
    this.#rows = context.batchRowsMax
    this.#key = Column.allocate(context.slab, this.outputSchema.fields[this.outputSchema.fields.length - 1].type, this.#rows)
  }

  override processBatch(batch: RecordBatch, output: Output): boolean {
    if (!output.hasCapacity()) return false
    const reader = this.#reader
    const selector = this.#selector
    const key = this.#key
    const pace = this.#pace
    pace.begin()
    key.clear()
    key.ensureRows(batch.rowCount)
    const { slab } = this.context
    const offsets = key.offsets >>> 2
    reader.bind(batch)
    let end = 0
    let next = 0
    let position = batch.begin
    try {
      while (position < batch.end) {
        const row = batch.physicalRow(position++)
        reader.seek(row)
        const bytes = this.#encode(selector(reader.record()))
        // Rows that the selection leaves out, and those of other parts, have empty keys; offsets stay monotone.
        for (; next <= row; next++) slab.i32[offsets + next] = end
        key.ensureData(bytes.length)
        slab.u8.set(bytes, key.data + end)
        end += bytes.length
        key.dataLength = end
        if (pace.tick()) break
      }
      reader.release()
    } catch (error) {
      throw userError(this.context.operatorName, this.context.subtaskIndex, error)
    }
    for (; next <= batch.rowCount; next++) slab.i32[offsets + next] = end
    const view = this.#parts.take(batch, position, this.#view)
    view.columns = [...batch.columns.slice(0, this.outputSchema.fields.length - 1), key]
    output.emit(view)
    return position === batch.end
  }

  override close(): void {
    this.#key?.free()
  }

  #encode(value: unknown): Uint8Array {
    const known = this.#memo.get(value)
    if (known !== undefined) return known
    if (value === undefined)
      throw new PlanError('INVALID_KEY', `Cannot use undefined as a key in operator "${this.context.operatorName}"`, {
        hint: 'Return null for "no key": all such records are one group.',
      })
    refusePromise(value)
    const bytes = keyBytesOf(value as KeyValue)
    if (typeof value !== 'object') {
      if (this.#memo.size >= MEMO_MAX) this.#memo.clear()
      this.#memo.set(value, bytes)
    }
    return bytes
  }
}

const MEMO_MAX = 16_384
