// Tables of the crash tests as the ends of their jobs.
import { postgresSink, sqliteSink } from 'millrace'

/** @param keys Of a table whose rows are replaced; undefined if they are appended. */
export function tableSink({ store, database, schemaName }, table, keys) {
  const options = { table, ...(keys && { keys }) }
  return store === 'sqlite'
    ? sqliteSink({ ...options, path: database })
    : postgresSink({ ...options, schemaName, connection: { host: database, user: 'millrace', database: 'postgres' } })
}
