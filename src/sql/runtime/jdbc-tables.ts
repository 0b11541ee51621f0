// Tables of connector 'jdbc': what their options say, under the names of Flink's connector.

import { type Field, formatType, type Schema } from '../../batch/types.ts'
import { jdbcSink, tableParts } from '../../connector/jdbc/jdbc-sink.ts'
import { type JdbcTarget, jdbcTarget } from '../../connector/jdbc/jdbc-target.ts'
import type { LookupCacheOptions } from '../../connector/lookup/lookup-cache.ts'
import type { ScanCondition, ScanQuery, ScanRange } from '../../connector/lookup/scan-table.ts'
import { postgresLookup } from '../../connector/postgres/postgres-lookup.ts'
import { postgresScan } from '../../connector/postgres/postgres-scan.ts'
import { requireSqlite } from '../../connector/sqlite/sqlite-library.ts'
import { sqliteLookup } from '../../connector/sqlite/sqlite-lookup.ts'
import { sqliteScan } from '../../connector/sqlite/sqlite-scan.ts'
import { optionalPackagePath } from '../../connector/transactional/sql-options.ts'
import type { Source } from '../../operator/source.ts'
import type { LiteralValue } from '../bound-expression.ts'
import { literalText } from '../bound-text.ts'
import type { CatalogColumn, CatalogTable } from '../catalog.ts'
import { isNumeric } from '../type-rules.ts'
import { jdbcSource } from './jdbc-source.ts'
import type { LookupTableSpec } from './lookup-join-operator.ts'
import { storedRowReader } from './stored-values.ts'
import type { TableOptions } from './table-options.ts'
import type { TableSink } from './table-sinks.ts'

/** The drivers that a script for Flink may name: who answers to which URL is known without. */
const DRIVERS = ['org.sqlite.JDBC', 'org.postgresql.Driver']
const FLUSH_ROWS_DEFAULT = 100
const FLUSH_INTERVAL_MS_DEFAULT = 1000
const RETRIES_DEFAULT = 3
/** Rows that are read at once, where nobody says how many. */
const FETCH_ROWS_DEFAULT = 1024

/** Of a cache whose size nobody has said. Flink's has no limit then. */
const CACHED_KEYS_DEFAULT = 100_000

/** Where a table is. */
function targetOf(options: TableOptions): { readonly target: JdbcTarget; readonly table: string } {
  options.one('driver', DRIVERS)
  options.duration('connection.max-retry-timeout')
  const url = options.require('url')
  const table = options.require('table-name')
  return { table, target: jdbcTarget(url, options.text('username'), options.text('password')) }
}

/**
 * The sink of a table: rows are replaced and deleted by its primary key, or appended where it has none.
 *
 * @throws {PlanError} `MISSING_OPTION`, `INVALID_OPTION`, `UNKNOWN_OPTION`, `PACKAGE_NOT_FOUND`
 */
export function jdbcTableSink(options: TableOptions, { path, primaryKey }: CatalogTable): TableSink {
  const place = targetOf(options)
  const rowsMax = options.count('sink.buffer-flush.max-rows') ?? FLUSH_ROWS_DEFAULT
  const intervalMs = options.duration('sink.buffer-flush.interval') ?? FLUSH_INTERVAL_MS_DEFAULT
  const retries = options.count('sink.max-retries') ?? RETRIES_DEFAULT
  options.refuseOthers((key) => /^(?:scan|lookup)\./.test(key) || key === 'sink.parallelism')
  // As in Flink, 0 rows or 0 s stand for no such limit.
  const tuning = { triesMax: retries + 1, ...(rowsMax > 0 && { rowsMax }), ...(intervalMs > 0 && { intervalMs }) }
  return {
    sink: jdbcSink({ ...place, keys: primaryKey, tuning }, `write to table "${path[2]}"`),
    isInsertOnly: primaryKey.length === 0,
    changesHint: 'Declare the PRIMARY KEY (...) NOT ENFORCED by which rows are replaced and deleted, or ask for results that come once (windows).',
    isKeyed: primaryKey.length > 0,
  }
}

/**
 * A table as it is asked for rows.
 *
 * @param columns What is answered.
 * @param keys By what is asked.
 * @throws {PlanError} `MISSING_OPTION`, `INVALID_OPTION`, `UNKNOWN_OPTION`, `PACKAGE_NOT_FOUND`, `UNSUPPORTED_TYPE`
 */
export function jdbcLookupTable(options: TableOptions, { path }: CatalogTable, columns: readonly Field[], keys: readonly Field[]): LookupTableSpec {
  const { target, table } = targetOf(options)
  const retriesMax = options.count('lookup.max-retries') ?? RETRIES_DEFAULT
  const cache = cacheOf(options)
  options.refuseOthers((key) => /^(?:scan|sink)\./.test(key))
  refuseUnstored(options, columns)
  const [schemaName, name] = tableParts(table, target)
  const purpose = `look rows up in table "${path[2]}"`
  if (target.kind === 'sqlite') requireSqlite(purpose)
  else optionalPackagePath('pg', purpose)
  const asked =
    target.kind === 'sqlite'
      ? sqliteLookup({ path: target.path, table: name, columns, keys })
      : postgresLookup({ connection: target.connection, schemaName, table: name, columns, keys })
  return { table: asked, cache, retriesMax, rowOf: storedRowReader(columns, asked.target) }
}

/**
 * The source of a table, which ends when the table does.
 *
 * @param columns What is read.
 * @param wanted What must hold of rows that somebody looks at: all of one of these lists; empty: all rows are.
 * @throws {PlanError} `MISSING_OPTION`, `INVALID_OPTION`, `UNKNOWN_OPTION`, `PACKAGE_NOT_FOUND`, `UNSUPPORTED_TYPE`
 */
export function jdbcTableSource(
  options: TableOptions,
  { path, columns: all }: CatalogTable,
  columns: readonly Field[],
  schema: Schema,
  wanted: ScanQuery['wanted'],
): Source {
  const { target, table } = targetOf(options)
  const ranges = rangesOf(options, all)
  const fetchRows = options.count('scan.fetch-size') ?? 0
  options.flag('scan.auto-commit')
  options.refuseOthers((key) => /^(?:lookup|sink)\./.test(key) || key === 'scan.parallelism')
  refuseUnstored(options, columns)
  const [schemaName, name] = tableParts(table, target)
  const purpose = `read table "${path[2]}"`
  if (target.kind === 'sqlite') requireSqlite(purpose)
  else optionalPackagePath('pg', purpose)
  const query: ScanQuery = { table: name, columns, wanted, fetchRows: fetchRows === 0 ? FETCH_ROWS_DEFAULT : fetchRows }
  const scanned = target.kind === 'sqlite' ? sqliteScan(target.path, query) : postgresScan(target.connection, schemaName, query)
  const where = wanted.length === 0 ? '' : `, where ${wanted.map((conditions) => conditions.map(conditionText).join(' AND ')).join(' OR ')}`
  const parts = ranges === undefined ? '' : `, ${ranges.length} ranges of ${ranges[0].column}`
  return jdbcSource({ table: scanned, schema, rowOf: storedRowReader(columns, scanned.target), ranges, description: `${scanned.target}${parts}${where}` })
}

function conditionText({ column: { name, type }, operator, value }: ScanCondition): string {
  return value === undefined ? `${name} ${operator}` : `${name} ${operator} ${literalText({ value: value as LiteralValue, type })}`
}

const PARTITION_KEYS = ['column', 'num', 'lower-bound', 'upper-bound'].map((key) => `scan.partition.${key}`)

/** The ranges in which a table is read, as Flink cuts them: as many as are asked for, of about the same width. Rows outside are not read. */
function rangesOf(options: TableOptions, columns: readonly CatalogColumn[]): readonly ScanRange[] | undefined {
  const given = PARTITION_KEYS.map((key) => options.text(key))
  if (given.every((text) => text === undefined)) return undefined
  const missing = given.indexOf(undefined)
  if (missing >= 0)
    options.fail('MISSING_OPTION', `'${PARTITION_KEYS[missing]}' is missing`, `${PARTITION_KEYS.map((key) => `'${key}'`).join(', ')} are said together.`)
  const [name, , ...bounds] = given as string[]
  const column = columns.find((one) => one.name === name)
  if (column === undefined) options.fail('INVALID_OPTION', `'${PARTITION_KEYS[0]}' is '${name}', which is no column`, 'Name a column of numbers.')
  if (!isNumeric(column.type))
    options.fail('INVALID_OPTION', `'${PARTITION_KEYS[0]}' is '${name}', which is ${formatType(column.type)}`, 'Name a column of numbers.')
  const count = options.count(PARTITION_KEYS[1])!
  if (count === 0) options.fail('INVALID_OPTION', `'${PARTITION_KEYS[1]}' is 0`, 'Write how many ranges there are, or leave the partitions out.')
  const [lower, upper] = bounds.map((text, index) => {
    if (!/^[+-]?\d{1,18}$/.test(text.trim())) options.fail('INVALID_OPTION', `'${PARTITION_KEYS[index + 2]}' is '${text}'`, 'Write a whole number.')
    return BigInt(text.trim())
  })
  if (lower > upper)
    options.fail('INVALID_OPTION', `'${PARTITION_KEYS[2]}' is ${lower}, beyond '${PARTITION_KEYS[3]}', ${upper}`, 'Write the lower bound first.')
  const width = upper - lower + 1n
  const ranges = BigInt(count) < width ? BigInt(count) : width
  const step = (width + ranges - 1n) / ranges
  const wide = width - (step - 1n) * ranges
  const found: ScanRange[] = []
  for (let start = lower; found.length < Number(ranges);) {
    const end = start + step - (BigInt(found.length) >= wide ? 2n : 1n)
    found.push({ column: name, lower: start, upper: end })
    start = end + 1n
  }
  return found
}

function refuseUnstored(options: TableOptions, columns: readonly Field[]): void {
  for (const { name, type } of columns)
    if (!isStored(type.kind)) options.fail('UNSUPPORTED_TYPE', `column "${name}" is ${type.kind}, which no column of a database is`, 'Leave the column out.')
}

function isStored(kind: string): boolean {
  return !['ARRAY', 'MAP', 'MULTISET', 'ROW', 'OBJECT', 'VARIANT', 'BITMAP', 'INTERVAL_YEAR_MONTH', 'INTERVAL_DAY_TIME'].includes(kind)
}

/** Flink's cache of single keys, and its older names. */
function cacheOf(options: TableOptions): LookupCacheOptions | undefined {
  const kind = options.one('lookup.cache', ['NONE', 'PARTIAL'])
  const keysMax = options.count('lookup.partial-cache.max-rows') ?? options.count('lookup.cache.max-rows')
  const expireAfterWriteMs = options.duration('lookup.partial-cache.expire-after-write') ?? options.duration('lookup.cache.ttl')
  const expireAfterAccessMs = options.duration('lookup.partial-cache.expire-after-access')
  const missing =
    options.text('lookup.partial-cache.cache-missing-key') === undefined ? 'lookup.cache.caching-missing-key' : 'lookup.partial-cache.cache-missing-key'
  const cachesMissing = options.text(missing) === undefined || options.flag(missing)
  const isOld = options.text('lookup.cache.max-rows') !== undefined && options.text('lookup.cache.ttl') !== undefined
  if (kind === 'NONE' || (kind === undefined && !isOld)) return undefined
  return {
    keysMax: keysMax ?? CACHED_KEYS_DEFAULT,
    expireAfterWriteMs: expireAfterWriteMs ?? Infinity,
    expireAfterAccessMs: expireAfterAccessMs ?? Infinity,
    cachesMissing,
  }
}
