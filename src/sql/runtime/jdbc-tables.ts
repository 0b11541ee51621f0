// Tables of connector 'jdbc': what their options say, under the names of Flink's connector.

import type { Field } from '../../batch/types.ts'
import { jdbcSink, tableParts } from '../../connector/jdbc/jdbc-sink.ts'
import { type JdbcTarget, jdbcTarget } from '../../connector/jdbc/jdbc-target.ts'
import type { LookupCacheOptions } from '../../connector/lookup/lookup-cache.ts'
import { postgresLookup } from '../../connector/postgres/postgres-lookup.ts'
import { requireSqlite } from '../../connector/sqlite/sqlite-library.ts'
import { sqliteLookup } from '../../connector/sqlite/sqlite-lookup.ts'
import { optionalPackagePath } from '../../connector/transactional/sql-options.ts'
import type { CatalogTable } from '../catalog.ts'
import type { LookupTableSpec } from './lookup-join-operator.ts'
import { storedRowReader } from './stored-values.ts'
import type { TableOptions } from './table-options.ts'
import type { TableSink } from './table-sinks.ts'

/** The drivers that a script for Flink may name: who answers to which URL is known without. */
const DRIVERS = ['org.sqlite.JDBC', 'org.postgresql.Driver']
const FLUSH_ROWS_DEFAULT = 100
const FLUSH_INTERVAL_MS_DEFAULT = 1000
const RETRIES_DEFAULT = 3

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
  for (const { name, type } of columns)
    if (!isStored(type.kind)) options.fail('UNSUPPORTED_TYPE', `column "${name}" is ${type.kind}, which no column of a database is`, 'Leave the column out.')
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

function isStored(kind: string): boolean {
  return !['ARRAY', 'MAP', 'MULTISET', 'ROW', 'OBJECT', 'INTERVAL_YEAR_MONTH', 'INTERVAL_DAY_TIME'].includes(kind)
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
