// Tables of connector 'filesystem' as they are read: what comes from the records, what from the folders of partitions, and what is known of each file.

import { ConnectorError } from '../../base/errors.ts'
import { suggest } from '../../base/suggest.ts'
import { type Field, formatType, type LogicalType, Schema, withNullability } from '../../batch/types.ts'
import { type FileColumn, type FileFacts, filesWithColumns } from '../../connector/file/file-columns.ts'
import { listFiles } from '../../connector/file/file-listing.ts'
import { FileSource, type FileSourceOptions, fileSource } from '../../connector/file/file-source.ts'
import { monitoredFiles } from '../../connector/file/monitored-files.ts'
import { partitionFiles, type Partitions } from '../../connector/file/partition-listing.ts'
import { DEFAULT_PARTITION } from '../../connector/file/partition-path.ts'
import type { Source } from '../../operator/source.ts'
import { CastError, castOf } from '../casts.ts'
import type { CatalogColumn, CatalogTable } from '../catalog.ts'
import { type EvaluationContext, STRING } from '../functions/scalar-function.ts'
import { SqlError } from '../sql-error.ts'
import type { Value } from '../value.ts'
import type { TableOptions } from './table-options.ts'

const TEXT: LogicalType = withNullability(STRING, false)
/** What is known of each file, by the keys of metadata columns. */
const FILE_METADATA: Readonly<Record<string, { readonly type: LogicalType; readonly of: (file: FileFacts) => Value }>> = {
  'file.path': { type: TEXT, of: ({ path }) => path },
  'file.name': { type: TEXT, of: ({ name }) => name },
  'file.size': { type: { kind: 'BIGINT', safeInteger: false, nullable: false }, of: ({ size }) => BigInt(size) },
  'file.modification-time': { type: { kind: 'TIMESTAMP_LTZ', precision: 3, nullable: false }, of: ({ modificationMs }) => modificationMs },
}

/** Types whose values folders are named after. */
const PARTITION_KINDS = new Set<LogicalType['kind']>([
  ...([
    'CHAR',
    'VARCHAR',
    'BOOLEAN',
    'TINYINT',
    'SMALLINT',
    'INT',
    'BIGINT',
    'FLOAT',
    'DOUBLE',
    'DECIMAL',
    'DATE',
    'TIME',
    'TIMESTAMP',
    'TIMESTAMP_LTZ',
  ] as const),
])

/** The columns of a table that are not in its records. */
export function isOfFile({ name, metadataKey }: CatalogColumn, { definition }: CatalogTable): boolean {
  return metadataKey !== undefined || definition.partitionedBy.some((one) => one.name === name)
}

/** Decides by the values of the partition columns, in the order of PARTITIONED BY, whether a partition is read. */
export type PartitionFilter = (values: readonly Value[]) => boolean

/** What reads a table's files. */
export interface FileTableOptions {
  readonly columns: readonly CatalogColumn[]
  /** As they lie in batches. */
  readonly schema: Schema
  readonly timeZone: string
  /** Undefined: all partitions are read. */
  readonly filter: PartitionFilter | undefined
}

/**
 * The source of a table of files.
 *
 * @param files Its options, for a given schema of its records.
 * @throws {SqlError} `UNKNOWN_METADATA`, `WRONG_TYPE`
 */
export function fileTableSource(
  table: CatalogTable,
  options: TableOptions,
  { columns, schema, timeZone, filter }: FileTableOptions,
  files: (recordSchema: Schema) => FileSourceOptions,
): Source {
  const context = contextOf(timeZone)
  // Whether it is asked for or not, what no file has is wrong.
  for (const column of table.columns) if (column.metadataKey !== undefined) metadataOf(table, column, column.metadataKey, context)
  const partitions = partitionsOf(table, options, context, filter)
  const intervalMs = options.duration('source.monitor-interval')
  if (intervalMs === 0) options.fail('INVALID_OPTION', "'source.monitor-interval' is 0", 'Write how often the folder is looked at, or leave it out.')
  const isPlain = partitions === undefined && !columns.some((column) => isOfFile(column, table))
  const fileOptions = isPlain ? files(schema) : undefined
  const monitored = (source: Source, given: FileSourceOptions): Source => {
    if (intervalMs === undefined) return source
    const list = (): readonly string[] => (partitions === undefined ? listFiles([options.path()]).map(({ path }) => path) : partitionFiles(partitions))
    return monitoredFiles({ files: source, list, splitsOf: (path) => new FileSource({ ...given, path }).enumerate(), intervalMs })
  }
  if (fileOptions !== undefined) return monitored(fileSource(fileOptions), fileOptions)
  const fields: Field[] = []
  const made = columns.map((column, index): FileColumn => {
    const { name, type, metadataKey } = column
    if (metadataKey !== undefined) return metadataOf(table, column, metadataKey, context)
    const place = table.definition.partitionedBy.findIndex((one) => one.name === name)
    if (place >= 0) {
      const read = partitionReader(name, type, context)
      return ({ partition }) => read(partition[place])
    }
    return fields.push(schema.fields[index]) - 1
  })
  if (fields.length === 0) {
    // Records have one column at least.
    const first = table.columns.find((column) => column.computed === undefined && !isOfFile(column, table))
    if (first === undefined)
      options.fail('INVALID_PARTITION', 'all its columns are partitions or metadata, and none is left for the files', 'Add a column that files hold.')
    fields.push({ name: first.name, type: withNullability(first.type, true) })
  }
  const given = files(new Schema(fields))
  return monitored(filesWithColumns({ files: given, schema, columns: made, partitions }), given)
}

function contextOf(timeZone: string): EvaluationContext {
  return { timeZone, currentCatalog: '', currentDatabase: '', nowMs: () => 0, watermarkMs: () => -Infinity }
}

function metadataOf(table: CatalogTable, { name, type }: CatalogColumn, key: string, context: EvaluationContext): FileColumn {
  const metadata = Object.hasOwn(FILE_METADATA, key) ? FILE_METADATA[key] : undefined
  const { origin } = table.definition.columns.find((one) => one.name === name)!
  const known = Object.keys(FILE_METADATA)
  if (metadata === undefined) {
    const near = suggest(key, known)
    throw new SqlError(
      'UNKNOWN_METADATA',
      origin.text,
      origin,
      `Tables of files have no metadata "${key}"`,
      near === undefined ? `There are ${known.join(', ')}.` : `Did you mean METADATA FROM '${near}'?`,
    )
  }
  const cast = castOf(metadata.type, type, context)
  if (cast === undefined)
    throw new SqlError('WRONG_TYPE', origin.text, origin, `Metadata "${key}" is ${formatType(metadata.type)}, which cannot be cast to ${formatType(type)}`)
  return (file) => {
    const value = unless(() => cast(metadata.of(file)))
    if (value === null)
      throw new ConnectorError('UNREADABLE_VALUE', `Cannot read column "${name}": ${key} of "${file.path}" is no ${formatType(withNullability(type, true))}`)
    return value
  }
}

function partitionsOf(table: CatalogTable, options: TableOptions, context: EvaluationContext, filter: PartitionFilter | undefined): Partitions | undefined {
  const defaultName = options.text('partition.default-name') ?? DEFAULT_PARTITION
  const columns = table.definition.partitionedBy.map(({ name }) => name)
  if (columns.length === 0) return undefined
  const readers = columns.map((name) => {
    const column = table.columns.find((one) => one.name === name)!
    const { origin } = table.definition.partitionedBy.find((one) => one.name === name)!
    if (!PARTITION_KINDS.has(column.type.kind))
      throw new SqlError('WRONG_TYPE', origin.text, origin, `No folder is named after ${formatType(column.type)}, and the table is partitioned by "${name}"`)
    return partitionReader(name, column.type, context)
  })
  return {
    folder: options.path(),
    columns,
    defaultName,
    keeps: (texts) => filter === undefined || filter(texts.map((text, index) => readers[index](text))),
  }
}

/** Reads what a folder says. */
function partitionReader(name: string, type: LogicalType, context: EvaluationContext): (text: string | undefined) => Value {
  const isTime = type.kind === 'TIMESTAMP' || type.kind === 'TIMESTAMP_LTZ'
  const cast = castOf(STRING, type, context)!
  const castInstant = castOf(STRING, type, contextOf('UTC'))!
  return (text) => {
    if (text === undefined) return null
    // As sinks name folders: 2026-01-31T10:00, an instant with a Z.
    const given = isTime ? text.replace('T', ' ').replace(/^(\S+ \d\d:\d\d)(Z?)$/, '$1:00$2') : text
    const value = unless(() => (given.endsWith('Z') && isTime ? castInstant(given.slice(0, -1)) : cast(given)))
    if (value === null)
      throw new ConnectorError('UNREADABLE_VALUE', `Cannot read the partition "${name}=${text}": "${text}" is no ${formatType(withNullability(type, true))}`)
    return value
  }
}

/** NULL where a value cannot be cast. */
function unless(cast: () => Value): Value {
  try {
    return cast()
  } catch (error) {
    if (error instanceof CastError) return null
    throw error
  }
}
