// The sources of tables: which connector and format a table's options ask for.

import { suggest } from '../../base/suggest.ts'
import type { Field, LogicalType, Schema } from '../../batch/types.ts'
import { datagenTableOptions, resolveDatagenOptions } from '../../connector/datagen/datagen-options.ts'
import { datagenSource } from '../../connector/datagen/datagen-source.ts'
import type { ScanQuery } from '../../connector/lookup/scan-table.ts'
import { nexmarkSource } from '../../connector/nexmark/nexmark-source.ts'
import { nexmarkTableOptions } from '../../connector/nexmark/nexmark-options.ts'
import type { LineFormat } from '../../format/line-format.ts'
import type { ParquetFormat } from '../../format/parquet/parquet-format.ts'
import type { Source } from '../../operator/source.ts'
import type { CatalogTable } from '../catalog.ts'
import { SqlError } from '../sql-error.ts'
import { type FileTableOptions, fileTableSource, isOfFile } from './file-tables.ts'
import { jdbcTableSource } from './jdbc-tables.ts'
import { CONNECTORS, csvTable, FORMATS, jsonTable, parquetTable, TableOptions } from './table-options.ts'

/** A table's source, and what its records are. */
export interface TableSource {
  readonly source: Source
  /** `debezium`: records are changes, with what a row was and what it is. */
  readonly envelope: 'none' | 'debezium'
}

/** Whether a table's source finds columns by their names, so that it may leave out what nobody asks for. */
export function readsByName({ options }: CatalogTable): boolean {
  if (options.get('connector') === 'nexmark' || options.get('connector') === 'jdbc') return true
  if (options.get('connector') !== 'filesystem') return false
  switch (options.get('format')) {
    case 'json':
      return options.get('json.fail-on-missing-field') !== 'true'
    case 'csv':
      return options.get('csv.header')?.toLowerCase() === 'true'
    default:
      return options.get('format') === 'parquet'
  }
}

/** What is read of a table. */
export interface TableRead extends FileTableOptions {
  readonly makeSchema: (fields: readonly Field[]) => Schema
  /** What must hold of rows that somebody looks at, as far as stores can tell: all of one of these lists. Empty: all rows are looked at. */
  readonly wanted: ScanQuery['wanted']
}

/**
 * The source of a table.
 *
 * @throws {PlanError} `MISSING_OPTION`, `INVALID_OPTION`, `UNKNOWN_OPTION`, and what the connector throws; {@link SqlError} `UNKNOWN_METADATA`.
 */
export function tableSource(table: CatalogTable, read: TableRead): TableSource {
  const options = new TableOptions(table, 'read')
  const connector = options.require('connector')
  const { columns, schema, makeSchema } = read
  if (connector !== 'filesystem') refuseMetadata(table, connector)
  switch (connector) {
    case 'filesystem':
      return fileTable(table, options, read)
    case 'datagen':
      return { source: datagenTable(table, schema, makeSchema), envelope: 'none' }
    case 'nexmark':
      return { source: nexmarkSource({ ...nexmarkTableOptions(Object.fromEntries(table.options)), schema }), envelope: 'none' }
    case 'print':
    case 'blackhole':
      return options.fail('NOT_A_SOURCE', `connector '${connector}' only takes rows`, 'Read another table, or INSERT INTO this one.')
    case 'jdbc':
      return { source: jdbcTableSource(options, table, columns, schema, read.wanted), envelope: 'none' }
    default: {
      const near = suggest(connector, CONNECTORS)
      return options.fail(
        'UNKNOWN_CONNECTOR',
        `there is no connector '${connector}'`,
        near === undefined ? `There are ${CONNECTORS.join(', ')}.` : `Did you mean '${near}'?`,
      )
    }
  }
}

function refuseMetadata({ definition }: CatalogTable, connector: string): void {
  const column = definition.columns.find(({ kind }) => kind === 'metadata')
  if (column === undefined) return
  const { text } = column.origin
  throw new SqlError('UNKNOWN_METADATA', text, column.origin, `Tables of connector '${connector}' have no metadata`, 'Leave the column out.')
}

/** Columns that are NOT NULL where they are defined may be NULL as they are stored: the options are held against the former. */
function datagenTable({ columns, options }: CatalogTable, schema: Schema, makeSchema: (fields: readonly Field[]) => Schema): Source {
  const defined = makeSchema(columns.flatMap(({ name, type, computed, metadataKey }) => ((computed ?? metadataKey) === undefined ? [{ name, type }] : [])))
  const given = datagenTableOptions(defined, Object.fromEntries(options))
  resolveDatagenOptions(defined, given)
  return datagenSource(schema, given)
}

function fileTable(table: CatalogTable, options: TableOptions, read: TableRead): TableSource {
  const path = options.path()
  const name = options.require('format')
  if (!FORMATS.includes(name)) {
    const near = suggest(name, FORMATS)
    options.fail('UNKNOWN_FORMAT', `there is no format '${name}'`, near === undefined ? `There are ${FORMATS.join(', ')}.` : `Did you mean '${near}'?`)
  }
  for (const key of ['scan.watermark.emit.strategy', 'scan.watermark.alignment.group', 'scan.watermark.idle-timeout']) options.text(key)
  const { format, ignoresErrors } = formatNamed(name, options)
  const isDebezium = name === 'debezium-json'
  if (isDebezium && read.columns.some((column) => isOfFile(column, table)))
    options.fail('NOT_SUPPORTED', 'changes have neither partitions nor metadata of their files', 'Leave these columns out.')
  const source = fileTableSource(table, options, isDebezium ? { ...read, columns: [], schema: envelopeOf(options, read) } : read, (recordSchema) => ({
    path,
    format,
    schema: recordSchema,
    onBadRecord: ignoresErrors ? 'null' : 'fail',
  }))
  // Of formats many options are no concern of readers.
  options.refuseOthers((key) => /^(?:sink|partition|compaction)\.|^auto-compaction$|^source\.report-statistics$/.test(key))
  return { source, envelope: isDebezium ? 'debezium' : 'none' }
}

function formatNamed(name: string, options: TableOptions): { readonly format: LineFormat | ParquetFormat; readonly ignoresErrors: boolean } {
  switch (name) {
    case 'parquet':
      return { format: parquetTable(options), ignoresErrors: false }
    case 'csv':
      return csvTable(options)
    default:
      return jsonTable(options, name)
  }
}

/** What is read of changes: with their schema they are its payload. */
function envelopeOf(options: TableOptions, { schema, makeSchema }: TableRead): Schema {
  const envelope = debeziumEnvelope(schema, makeSchema)
  if (!options.flag('debezium-json.schema-include')) return envelope
  return makeSchema([{ name: 'payload', type: { kind: 'ROW', fields: envelope.fields, nullable: true } }])
}

/** Debezium's records of changes to rows of a schema. */
export function debeziumEnvelope(schema: Schema, makeSchema: (fields: readonly Field[]) => Schema): Schema {
  const row: LogicalType = { kind: 'ROW', fields: schema.fields, nullable: true }
  return makeSchema([
    { name: 'before', type: row },
    { name: 'after', type: row },
    { name: 'op', type: { kind: 'VARCHAR', length: 2_147_483_647, nullable: true } },
  ])
}
