// The reference view of a batch: its rows as plain objects, and a batch out of such rows. Slow and obviously right, so that tests of everything
// columnar can say what they mean. Never on a data path.

import type { Slab } from '../base/slab.ts'
import { BUFFER_SLACK_BYTES } from '../kernels/column-layout.ts'
import { Column } from './column.ts'
import { RecordBatch, RowKind, writeInt64 } from './record-batch.ts'
import { isObjectSchema, type Schema } from './types.ts'
import { readValue, writeValue } from './values.ts'

/** One row of a batch as plain data. */
export interface BatchRow {
  readonly kind: RowKind
  /** Event timestamp in epoch ms; -Infinity if the batch carries none. */
  readonly timestamp: number
  /** Column names to values; for a schema of JavaScript values ({@link isObjectSchema}) the value itself. */
  readonly row: unknown
}

/** What {@link batchFromObjects} takes: `kind` is INSERT unless given; `timestamp` is given in all rows or in none. */
export interface BatchRowInit {
  readonly kind?: RowKind
  readonly timestamp?: number
  readonly row: unknown
}

/** All rows of the batch, selection applied, `begin` and `end` ignored. */
export function batchToObjects(batch: RecordBatch): BatchRow[] {
  const { columns } = batch
  const { fields } = batch.schema
  const isObject = isObjectSchema(batch.schema)
  return Array.from({ length: batch.logicalCount }, (_, position) => {
    const row = batch.physicalRow(position)
    return {
      kind: batch.kindOf(row),
      timestamp: batch.timestampOf(row),
      row: isObject ? readValue(columns[0], row) : Object.fromEntries(fields.map((field, index) => [field.name, readValue(columns[index], row)])),
    }
  })
}

/**
 * A dense batch with columns of its own that holds `rows`, all pending. Kinds exist if any row is not an INSERT, timestamps if the first row has one.
 * Give it back with {@link freeBatch}.
 *
 * @throws {BadRecordError} `VALUE_OUT_OF_TYPE` if a value does not fit its column.
 */
export function batchFromObjects(slab: Slab, schema: Schema, rows: readonly BatchRowInit[]): RecordBatch {
  const capacity = Math.max(1, rows.length)
  const columns = schema.fields.map((field) => Column.allocate(slab, field.type, capacity))
  const batch = new RecordBatch(slab, schema, columns)
  const isObject = isObjectSchema(schema)
  batch.rowCount = rows.length
  if (rows.some(({ kind }) => kind !== undefined && kind !== RowKind.INSERT)) batch.kinds = slab.allocate(capacity + BUFFER_SLACK_BYTES)
  if (rows[0]?.timestamp !== undefined) batch.timestamps = slab.allocate(capacity * 8 + BUFFER_SLACK_BYTES)
  rows.forEach(({ kind, timestamp, row }, index) => {
    columns.forEach((column, at) => writeValue(column, index, isObject ? row : (row as Record<string, unknown>)[schema.fields[at].name]))
    if (batch.kinds !== 0) slab.u8[batch.kinds + index] = kind ?? RowKind.INSERT
    if (batch.timestamps !== 0) writeInt64(slab, batch.timestamps + index * 8, timestamp!)
  })
  batch.rewind()
  return batch
}

/** Gives back what {@link batchFromObjects} took. The batch must not be used afterwards. */
export function freeBatch(batch: RecordBatch): void {
  const { slab } = batch
  const capacity = Math.max(1, batch.rowCount)
  const isColumn = batch.columns.some(({ values }) => values !== 0 && values === batch.timestamps)
  for (const column of batch.columns) column.free()
  if (batch.kinds !== 0) slab.free(batch.kinds, capacity + BUFFER_SLACK_BYTES)
  if (batch.timestamps !== 0 && !isColumn) slab.free(batch.timestamps, capacity * 8 + BUFFER_SLACK_BYTES)
}
