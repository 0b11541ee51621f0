// Tables of connector 'jdbc': what their options say, under the names of Flink's connector.

import { jdbcSink } from '../../connector/jdbc/jdbc-sink.ts'
import { type JdbcTarget, jdbcTarget } from '../../connector/jdbc/jdbc-target.ts'
import type { CatalogTable } from '../catalog.ts'
import type { TableOptions } from './table-options.ts'
import type { TableSink } from './table-sinks.ts'

/** The drivers that a script for Flink may name: who answers to which URL is known without. */
const DRIVERS = ['org.sqlite.JDBC', 'org.postgresql.Driver']
const FLUSH_ROWS_DEFAULT = 100
const FLUSH_INTERVAL_MS_DEFAULT = 1000
const RETRIES_DEFAULT = 3

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
