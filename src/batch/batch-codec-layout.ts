// Where things stand in the header of a record batch (schemas/batch.fbs). For one schema the header is always laid out alike, so a template
// made once with the generated code is patched in place for each batch. Invariant: a patched template is a valid FlatBuffer.

import { Builder } from 'flatbuffers'
import { BodyBuffer } from './generated/body-buffer.ts'
import { ColumnHeader } from './generated/column-header.ts'
import { Encoding } from './generated/encoding.ts'
import { RecordBatchHeader } from './generated/record-batch-header.ts'
import { childTypesOf, physicalKindOf, typeWordOf, type LogicalType, type Schema } from './types.ts'

/** Version of the wire form. Another one is refused. */
export const WIRE_FORMAT_VERSION = 1
/** "MRRB" as a little-endian word, behind the root offset. */
export const WIRE_IDENTIFIER = 0x4252_524d
/** Frames, and the buffers in them, begin at multiples of this. */
export const WIRE_ALIGNMENT_BYTES = 64

// Fields of the header's table: their index in its vtable.
export const HEADER_FORMAT_VERSION = 0
export const HEADER_SCHEMA_ID = 1
export const HEADER_ROW_COUNT = 2
export const HEADER_BODY_OFFSET = 3
export const HEADER_BODY_LENGTH = 4
export const HEADER_KINDS = 5
export const HEADER_TIMESTAMPS = 6
export const HEADER_TIMESTAMPS_COLUMN = 7
export const HEADER_CROSSING_POSITIONS = 8
export const HEADER_CROSSING_WATERMARKS = 9
export const HEADER_COLUMNS = 10
export const HEADER_FIELD_COUNT = 11

// Words of a ColumnHeader. A buffer is two words: offset, length.
export const COLUMN_HEADER_WORDS = 16
export const COLUMN_HEADER_TYPE = 0
/** Physical kind in bits 0-7, encoding in bits 8-15, number of children in bits 16-31. */
export const COLUMN_HEADER_KIND = 1
export const COLUMN_HEADER_ROW_COUNT = 2
export const COLUMN_HEADER_NULL_COUNT = 3
export const COLUMN_HEADER_DICTIONARY = 4
export const COLUMN_HEADER_VALIDITY = 5
export const COLUMN_HEADER_VALUES = 7
export const COLUMN_HEADER_OFFSETS = 9
export const COLUMN_HEADER_DATA = 11
export const COLUMN_HEADER_EXTRA = 13

/** A type and those below it as the wire lists them: depth first, a type before its children. */
export function flattenTypes(type: LogicalType): LogicalType[] {
  return [type, ...childTypesOf(type).flatMap((child) => flattenTypes(child.type))]
}

/** FNV-1a of the schema's text: tells schemas apart, not a defence. */
export function schemaIdOf(schema: Schema): number {
  let hash = 0x811c9dc5
  for (const byte of new TextEncoder().encode(schema.toString())) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash >>> 0
}

/** The second word of a column's header. */
export function kindWordOf(type: LogicalType, encoding: Encoding): number {
  return physicalKindOf(type) | (encoding << 8) | (childTypesOf(type).length << 16)
}

/** The header of an empty batch of one schema, and the words at which its fields stand. */
export interface HeaderTemplate {
  readonly words: Int32Array
  /** Word of each field of the table by {@link HEADER_FORMAT_VERSION} and so on; for the columns that of the first ColumnHeader. */
  readonly fields: readonly number[]
}

export function headerTemplateOf(schema: Schema): HeaderTemplate {
  const types = schema.fields.flatMap(({ type }) => flattenTypes(type))
  const builder = new Builder(1024)
  // Fields at their default are written too, so that each has a place to be patched.
  builder.forceDefaults(true)
  RecordBatchHeader.startColumnsVector(builder, types.length)
  for (const type of types.toReversed()) {
    const word = kindWordOf(type, Encoding.PLAIN)
    ColumnHeader.createColumnHeader(builder, typeWordOf(type), word & 0xff, Encoding.PLAIN, word >>> 16, 0, 0, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
  }
  const columns = builder.endVector()
  RecordBatchHeader.startRecordBatchHeader(builder)
  RecordBatchHeader.addFormatVersion(builder, WIRE_FORMAT_VERSION)
  RecordBatchHeader.addSchemaId(builder, schemaIdOf(schema) | 0)
  RecordBatchHeader.addRowCount(builder, 0)
  RecordBatchHeader.addBodyOffset(builder, 0)
  RecordBatchHeader.addBodyLength(builder, 0)
  RecordBatchHeader.addKinds(builder, BodyBuffer.createBodyBuffer(builder, 0, 0))
  RecordBatchHeader.addTimestamps(builder, BodyBuffer.createBodyBuffer(builder, 0, 0))
  RecordBatchHeader.addTimestampsColumn(builder, -1)
  RecordBatchHeader.addCrossingPositions(builder, BodyBuffer.createBodyBuffer(builder, 0, 0))
  RecordBatchHeader.addCrossingWatermarks(builder, BodyBuffer.createBodyBuffer(builder, 0, 0))
  RecordBatchHeader.addColumns(builder, columns)
  RecordBatchHeader.finishRecordBatchHeaderBuffer(builder, RecordBatchHeader.endRecordBatchHeader(builder))

  // The vector was built first, so it stands last, and dictionaries can be appended to it.
  const bytes = builder.asUint8Array().slice()
  const view = new DataView(bytes.buffer)
  const table = view.getUint32(0, true)
  const vtable = table - view.getInt32(table, true)
  const fields = Array.from({ length: HEADER_FIELD_COUNT }, (_, index) => (table + view.getUint16(vtable + 4 + 2 * index, true)) >>> 2)
  const vector = fields[HEADER_COLUMNS]
  fields[HEADER_COLUMNS] = vector + (view.getUint32(vector * 4, true) >>> 2) + 1
  return { words: new Int32Array(bytes.buffer), fields }
}
