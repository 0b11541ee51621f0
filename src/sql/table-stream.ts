// Tables whose rows a stream of the program brings, and streams of the rows of queries.

import { PlanError } from '../base/errors.ts'
import { type Field, LENGTH_MAX, type LogicalType, Schema, withNullability } from '../batch/types.ts'
import type { Edge } from '../plan/transformation.ts'
import type { BoundExpression } from './bound-expression.ts'
import { callNode } from './call-node.ts'
import type { CatalogColumn, CatalogTable, DefinedColumn, Origin, TableDefinition, TablePath } from './catalog.ts'

/** The column of a stream of changes that says what becomes of the row: `+I`, `-U`, `+U`, `-D`. */
export const ROW_KIND_COLUMN = 'rowKind'
export const ROW_KIND_TYPE: LogicalType = { kind: 'VARCHAR', length: LENGTH_MAX, nullable: false }

/** What brings a table's rows. */
export interface TableStream {
  readonly edges: readonly Omit<Edge, 'input'>[]
  /** Of its records. */
  readonly schema: Schema
  /** Whether its records are changes: they have {@link ROW_KIND_COLUMN}, which is no column of the table. */
  readonly isOfChanges: boolean
  /** Whether these say by the primary key alone what a row has become, and that it has gone. */
  readonly isUpsert: boolean
  /** The time attribute, which watermarks of the stream are about; none of its columns: it is the timestamp of each record. */
  readonly rowtime: string | undefined
}

/** What a program says of a table that a stream brings the rows of. */
export interface StreamTableOptions {
  /** The column that is the time of processing, behind all others. */
  readonly proctime: string | undefined
  readonly primaryKey: readonly string[]
}

const TIMESTAMP_LTZ: LogicalType = { kind: 'TIMESTAMP_LTZ', precision: 3, nullable: false }
/** No text says it. */
const NOWHERE = { start: 0, end: 0 }
const ORIGIN: Origin = { text: '', ...NOWHERE }

/** The columns of a stream that are those of its table, and behind them its timestamps, if they are one. */
export function columnsOfStream({ schema, isOfChanges, rowtime }: Pick<TableStream, 'schema' | 'isOfChanges' | 'rowtime'>): readonly Field[] {
  const columns = schema.fields.filter(({ name }) => !(isOfChanges && name === ROW_KIND_COLUMN))
  return rowtime === undefined || schema.indexOf(rowtime) >= 0 ? columns : [...columns, { name: rowtime, type: TIMESTAMP_LTZ }]
}

/** The table of a stream. */
export function streamTable(path: TablePath, stream: TableStream, { proctime, primaryKey }: StreamTableOptions): CatalogTable {
  const { rowtime } = stream
  const fields = columnsOfStream(stream)
  const columns = fields.map(({ name, type }): CatalogColumn => ({ name, type, computed: undefined, metadataKey: undefined }))
  const defined = fields.map(({ name, type }): DefinedColumn => ({ kind: 'physical', name, type, comment: undefined, origin: ORIGIN }))
  if (proctime !== undefined) {
    const computed: BoundExpression = { kind: 'call', name: 'PROCTIME', operands: [], clauses: [], type: TIMESTAMP_LTZ, ...NOWHERE }
    columns.push({ name: proctime, type: TIMESTAMP_LTZ, computed, metadataKey: undefined })
    defined.push({
      kind: 'computed',
      name: proctime,
      expression: callNode('function', [{ text: 'PROCTIME', ...NOWHERE }], []),
      comment: undefined,
      origin: ORIGIN,
    })
  }
  const definition: TableDefinition = {
    columns: defined,
    primaryKey:
      primaryKey.length === 0
        ? undefined
        : { name: `PK_${primaryKey.join('_')}`, columns: primaryKey.map((name) => ({ name, origin: ORIGIN })), origin: ORIGIN },
    watermark:
      rowtime === undefined ? undefined : { column: rowtime, expression: callNode('function', [{ text: SOURCE_WATERMARK, ...NOWHERE }], []), origin: ORIGIN },
    partitionedBy: [],
    distribution: undefined,
    options: new Map(),
    comment: undefined,
  }
  const watermark = rowtime === undefined ? undefined : { column: rowtime, expression: sourceWatermark(fields.find(({ name }) => name === rowtime)!.type) }
  return { kind: 'table', path, isTemporary: true, definition, columns, primaryKey, watermark, options: new Map(), stream }
}

/** What stands for the watermarks that a stream, or a connector, brings itself. */
export const SOURCE_WATERMARK = 'SOURCE_WATERMARK'

/** The watermark that a stream brings itself. */
export function sourceWatermark(type: LogicalType): BoundExpression {
  return { kind: 'call', name: SOURCE_WATERMARK, operands: [], clauses: [], type: withNullability(type, true), ...NOWHERE }
}

/** The same type with BIGINT as SQL computes with it. */
export function computedType(type: LogicalType): LogicalType {
  switch (type.kind) {
    case 'BIGINT':
      return type.safeInteger ? { ...type, safeInteger: false } : type
    case 'ARRAY':
    case 'MULTISET': {
      const element = computedType(type.element)
      return element === type.element ? type : { ...type, element }
    }
    case 'MAP': {
      const [key, value] = [computedType(type.key), computedType(type.value)]
      return key === type.key && value === type.value ? type : { ...type, key, value }
    }
    case 'ROW': {
      const fields = type.fields.map((field): Field => ({ ...field, type: computedType(field.type) }))
      return fields.every((field, index) => field.type === type.fields[index].type) ? type : { ...type, fields }
    }
    default:
      return type
  }
}

/** The schema of a stream of rows. */
export function schemaOfRows(columns: readonly Field[]): Schema {
  return new Schema(columns.map(({ name, type }) => ({ name, type })))
}

/** The schema of a stream of changes. @throws {PlanError} `DUPLICATE_COLUMN` */
export function schemaOfChanges(columns: readonly Field[]): Schema {
  if (columns.some(({ name }) => name === ROW_KIND_COLUMN))
    throw new PlanError('DUPLICATE_COLUMN', `Cannot make a stream of changes: the table has a column "${ROW_KIND_COLUMN}" itself`, {
      hint: 'Give it another name: AS.',
    })
  return schemaOfRows([{ name: ROW_KIND_COLUMN, type: ROW_KIND_TYPE }, ...columns])
}
