// The sink that writes to a table of a PostgreSQL database, each row exactly once.

import { PlanError } from '../../base/errors.ts'
import { type OptionKeys, refuseUnknownOptions } from '../../base/option-keys.ts'
import type { Sink } from '../../operator/sink.ts'
import { checkName, checkTableOptions, keyIndexes, optionalPackagePath } from '../transactional/sql-options.ts'
import { TransactionalWriter } from '../transactional/transactional-writer.ts'
import type { PostgresConnection } from './postgres-session.ts'
import { PostgresStore } from './postgres-store.ts'

/** Options of {@link postgresSink}. */
export interface PostgresSinkOptions {
  /**
   * Where the database is: `postgres://user:password@host:port/database`, or its parts. What is left out is taken from the environment, as `psql` does:
   * PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE, and the file `.pgpass`. It is in no checkpoint, plan or error.
   */
  readonly connection?: string | PostgresConnection | undefined
  /** The table that rows go to. It must exist, with a column for each column of the stream, whatever their order. */
  readonly table: string
  /** The database schema of the table. @default the first one in the `search_path` that has it */
  readonly schemaName?: string
  /**
   * The columns by which rows are replaced and deleted: a PRIMARY KEY or UNIQUE constraint of the table has exactly these. Without keys rows are appended,
   * and a stream with updates or deletions is an error.
   */
  readonly keys?: readonly string[]
}

const KEYS: OptionKeys<PostgresSinkOptions> = { connection: true, table: true, schemaName: true, keys: true }
const CONNECTION_KEYS: OptionKeys<PostgresConnection> = { host: true, port: true, user: true, database: true, password: true, ssl: true }
const PURPOSE = 'make a PostgreSQL sink'

/**
 * A sink that writes rows to a table of a PostgreSQL database, through the package `pg` (an optional peer: `npm install pg`).
 *
 * With checkpoints each row is written exactly once: the rows between two checkpoints are in the checkpoint, and one transaction writes them once it is
 * complete, together with a marker in the table `millrace_commits`. Without checkpoints rows are committed while the job runs, about every 100 ms; what a
 * job that fails has committed stays.
 *
 * | column of the stream | table's column |
 * |---|---|
 * | BOOLEAN | boolean |
 * | TINYINT, SMALLINT / INT / BIGINT | smallint / integer / bigint, or a wider one, or numeric |
 * | FLOAT / DOUBLE | real / double precision |
 * | DECIMAL(p, s) | numeric, or one with room for its digits |
 * | CHAR, VARCHAR, STRING | text, varchar(n), char(n); also uuid, json, jsonb, xml, inet, cidr, macaddr, citext, interval, an enum; U+0000 is an error |
 * | BINARY, VARBINARY, BYTES | bytea |
 * | DATE, TIME(p) | date, time |
 * | TIMESTAMP(p) / TIMESTAMP_LTZ(p), p up to 6 | timestamp / timestamp with time zone |
 *
 * Other types are refused, and so are columns of the table that would round or cut a value. With several subtasks and keys, give the stream a
 * `keyBy` of those keys, so that the rows of a key stay in order.
 *
 * A connection that is lost, and a transaction that was in the way of another, is tried again for about three seconds; then the job fails, and its next start
 * commits from the checkpoint.
 *
 * @throws {PlanError} `INVALID_OPTION`; `PACKAGE_NOT_FOUND`
 * @example
 * counts.sinkTo(postgresSink({ connection: process.env.DATABASE_URL, table: 'page_views', keys: ['page', 'windowStart'] }))
 */
export function postgresSink(options: PostgresSinkOptions): Sink {
  refuseUnknownOptions(PURPOSE, options, KEYS)
  checkTableOptions(PURPOSE, options)
  const { connection, table, schemaName, keys = [] } = options
  if (schemaName !== undefined) checkName(PURPOSE, 'schemaName', schemaName)
  if (typeof connection === 'object') refuseUnknownOptions(PURPOSE, connection, CONNECTION_KEYS)
  else if (connection !== undefined && typeof connection !== 'string')
    throw new PlanError('INVALID_OPTION', `Cannot ${PURPOSE}: connection must be a text or an object`)
  optionalPackagePath('pg', PURPOSE)
  return {
    name: 'PostgreSQL',
    needsEventLoop: true,
    parallelismMax: Infinity,
    describe: () => `${keys.length > 0 ? 'upserts' : 'rows'} to table "${table}" of PostgreSQL`,
    createWriter(schema, context) {
      const store = new PostgresStore(connection, table, schemaName, schema, keyIndexes(schema, keys))
      return new TransactionalWriter(schema, context, { store, hasKeys: keys.length > 0 })
    },
  }
}
