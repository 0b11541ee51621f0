// The sink that writes to a table of a SQLite database, each row exactly once.

import { PlanError } from '../../base/errors.ts'
import { type OptionKeys, refuseUnknownOptions } from '../../base/option-keys.ts'
import type { Sink } from '../../operator/sink.ts'
import { checkName, checkTableOptions, keyIndexes } from '../transactional/sql-options.ts'
import { TransactionalWriter } from '../transactional/transactional-writer.ts'
import { requireSqlite } from './sqlite-library.ts'
import { SqliteStore } from './sqlite-store.ts'

/** Options of {@link sqliteSink}. */
export interface SqliteSinkOptions {
  /** The database file. It must exist. */
  readonly path: string
  /** The table that rows go to. It must exist, with a column for each column of the stream, whatever their order. */
  readonly table: string
  /**
   * The columns by which rows are replaced and deleted: a PRIMARY KEY or UNIQUE constraint of the table has exactly these. Without keys rows are appended,
   * and a stream with updates or deletions is an error.
   */
  readonly keys?: readonly string[]
}

const KEYS: OptionKeys<SqliteSinkOptions> = { path: true, table: true, keys: true }
const PURPOSE = 'make a SQLite sink'

/**
 * A sink that writes rows to a table of a SQLite database, through the package `node-sqlite3-wasm` (an optional peer: `npm install node-sqlite3-wasm`).
 *
 * With checkpoints each row is written exactly once: the rows between two checkpoints are in the checkpoint, and one transaction writes them once it is
 * complete, together with a marker in the table `millrace_commits`. Without checkpoints rows are committed while the job runs, about every 100 ms; what a
 * job that fails has committed stays.
 *
 * | column of the stream | is written as | declare the table's column as |
 * |---|---|---|
 * | BOOLEAN | 0 or 1 | BOOLEAN, INTEGER |
 * | TINYINT, SMALLINT, INT, BIGINT | integer | INTEGER, BIGINT |
 * | FLOAT, DOUBLE | real; NaN is an error | REAL, DOUBLE |
 * | DECIMAL | text with all digits | TEXT |
 * | CHAR, VARCHAR, STRING | text; U+0000 is an error | TEXT |
 * | BINARY, VARBINARY, BYTES | blob | BLOB |
 * | DATE, TIME(p) | text: `2026-01-31`, `10:00:00.000` | DATE, TIME, TEXT |
 * | TIMESTAMP(p), TIMESTAMP_LTZ(p) | text: `2026-01-31 10:00:00.000`, the latter with a `Z`; years 0 to 9999 | TIMESTAMP, DATETIME, TEXT |
 *
 * Other types are refused, and so are columns whose affinity would change a value. One subtask writes.
 *
 * While the job runs only programs that use `node-sqlite3-wasm` may open the file: it keeps others out by a file of its own, which other libraries of SQLite do
 * not look at.
 *
 * @throws {PlanError} `INVALID_OPTION`; `PACKAGE_NOT_FOUND`
 * @example
 * counts.sinkTo(sqliteSink({ path: 'results.db', table: 'page_views', keys: ['page', 'windowStart'] }))
 */
export function sqliteSink(options: SqliteSinkOptions): Sink {
  refuseUnknownOptions(PURPOSE, options, KEYS)
  checkTableOptions(PURPOSE, options)
  const { path, table, keys = [] } = options
  checkName(PURPOSE, 'path', path)
  if (path === ':memory:') throw new PlanError('INVALID_OPTION', `Cannot ${PURPOSE}: nobody else could read a database in memory`)
  requireSqlite(PURPOSE)
  return {
    name: 'SQLite',
    needsEventLoop: true,
    parallelismMax: 1,
    describe: () => `${keys.length > 0 ? 'upserts' : 'rows'} to table "${table}" of ${path}`,
    createWriter(schema, context) {
      const store = new SqliteStore(path, table, schema, keyIndexes(schema, keys))
      return new TransactionalWriter(schema, context, { store, hasKeys: keys.length > 0 })
    },
  }
}
