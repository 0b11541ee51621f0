// The sink of tables of connector 'jdbc': rows of a table of SQLite or PostgreSQL, each exactly once where the job takes checkpoints.

import type { Schema } from '../../batch/types.ts'
import type { Sink } from '../../operator/sink.ts'
import { PostgresStore } from '../postgres/postgres-store.ts'
import { requireSqlite } from '../sqlite/sqlite-library.ts'
import { SqliteStore } from '../sqlite/sqlite-store.ts'
import { optionalPackagePath } from '../transactional/sql-options.ts'
import { type CommitTuning, TransactionalWriter } from '../transactional/transactional-writer.ts'
import type { JdbcTarget } from './jdbc-target.ts'

/** Which rows go where, and how. */
export interface JdbcSinkOptions {
  readonly target: JdbcTarget
  /** `table` or `schema.table`. */
  readonly table: string
  /** By which rows are replaced and deleted, none of them ever NULL; empty: rows are appended. */
  readonly keys: readonly string[]
  readonly tuning: CommitTuning
}

/** The schema and the name of a table; the former undefined where nothing says it. */
export function tableParts(table: string, target: JdbcTarget): readonly [schemaName: string | undefined, name: string] {
  const point = target.kind === 'postgresql' ? table.indexOf('.') : -1
  if (point > 0) return [table.slice(0, point), table.slice(point + 1)]
  return [target.kind === 'postgresql' ? target.schemaName : undefined, table]
}

/**
 * Makes the sink.
 *
 * @param purpose What cannot be done without the database's package.
 * @throws {PlanError} `PACKAGE_NOT_FOUND`
 */
export function jdbcSink({ target, table, keys, tuning }: JdbcSinkOptions, purpose: string): Sink {
  const hasKeys = keys.length > 0
  const what = hasKeys ? 'upserts' : 'rows'
  const [schemaName, name] = tableParts(table, target)
  const places = (schema: Schema): number[] => keys.map((key) => schema.requireIndex(key))
  if (target.kind === 'sqlite') {
    requireSqlite(purpose)
    return {
      name: 'SQLite',
      needsEventLoop: true,
      parallelismMax: 1,
      describe: () => `${what} to table "${table}" of ${target.path}`,
      createWriter: (schema, context) =>
        new TransactionalWriter(schema, context, { store: new SqliteStore(target.path, name, schema, places(schema)), hasKeys, tuning }),
    }
  }
  optionalPackagePath('pg', purpose)
  return {
    name: 'PostgreSQL',
    needsEventLoop: true,
    parallelismMax: Infinity,
    describe: () => `${what} to table "${table}" of PostgreSQL`,
    createWriter: (schema, context) =>
      new TransactionalWriter(schema, context, {
        store: new PostgresStore(target.connection, name, schemaName, schema, places(schema)),
        hasKeys,
        tuning,
      }),
  }
}
