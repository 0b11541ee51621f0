// Tables that jobs of the crash tests write to, in a database of each kind, and what they hold afterwards.
import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { PostgresServer } from '../fixtures/postgres.ts'
import { sqliteQuery } from '../fixtures/sqlite.ts'
import type { Written } from './harness.ts'

/** Tables of one run. */
export interface RunTables {
  /** For the job. */
  readonly params: Readonly<Record<string, string>>
  /** The folder in which something happens when rows are written, if there is one. */
  readonly folder?: string
  read(): Promise<Written>
}

/** Those of the jobs, with the columns that say in which order rows came. SQLite takes a bigint column for a number as it is. */
const TABLES = {
  tumbling: 'key text, "windowStart" timestamp, "windowEnd" timestamp, records bigint, total bigint, least integer, most integer, mean double precision',
  sliding: 'key text, "windowStart" timestamp, "windowEnd" timestamp, records bigint, total bigint, most integer, PRIMARY KEY (key, "windowStart")',
  numbered: 'key text, seq integer, number integer, fired integer',
}
const NAMES = Object.keys(TABLES) as readonly (keyof typeof TABLES)[]

/** What {@link Written} says of a table: one list of records, in the order in which they were written. */
function written(rowsOf: Readonly<Record<string, readonly Record<string, unknown>[]>>): Written {
  return new Map(Object.entries(rowsOf).map(([name, rows]) => [name, [rows.map((row) => JSON.stringify({ ...row, place: undefined }))]]))
}

export function sqliteTables(folder: string): RunTables {
  mkdirSync(folder, { recursive: true })
  const database = join(folder, 'rows.db')
  for (const name of NAMES) sqliteQuery(database, `CREATE TABLE ${name} (${TABLES[name]})`)
  return {
    params: { store: 'sqlite', database },
    folder,
    read: () => Promise.resolve(written(Object.fromEntries(NAMES.map((name) => [name, sqliteQuery(database, `SELECT * FROM ${name} ORDER BY rowid`)])))),
  }
}

export async function postgresTables(server: PostgresServer): Promise<RunTables> {
  const schemaName = `run_${randomUUID().replaceAll('-', '')}`
  await server.query(`CREATE SCHEMA ${schemaName}`)
  for (const name of NAMES) await server.query(`CREATE TABLE ${schemaName}.${name} (place bigserial, ${TABLES[name]})`)
  return {
    params: { store: 'postgres', database: server.connection.host, schemaName },
    async read() {
      const rows = []
      for (const name of NAMES) rows.push([name, await server.query(`SELECT * FROM ${schemaName}.${name} ORDER BY place`)])
      return written(Object.fromEntries(rows) as Record<string, Record<string, unknown>[]>)
    },
  }
}
