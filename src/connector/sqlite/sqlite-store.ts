// A SQLite database as a store with transactions. The library works on the calling thread; between two pieces of work the thread gets a turn.

import type { Database, Statement } from 'node-sqlite3-wasm'
import { ConnectorError } from '../../base/errors.ts'
import { type RecordBatch, RowKind } from '../../batch/record-batch.ts'
import { formatType, type Schema } from '../../batch/types.ts'
import { MARKERS_DDL } from '../transactional/commit-markers.ts'
import { quoted, schemaMismatch, tableNotFound } from '../transactional/sql-options.ts'
import type { SqlValue, Transaction, TransactionalStore } from '../transactional/transactional-store.ts'
import { sqliteLibrary } from './sqlite-library.ts'
import { affinityOf, keptBy, sqliteReader, type ValueReader } from './sqlite-values.ts'

/** Rows between two turns of the event loop: about a millisecond. */
const ROWS_PER_TURN = 256
/** How often the lock of the database is asked for, and how long in all. */
const LOCK_PAUSE_MS = 10
const LOCK_MS_MAX = 60_000

interface ColumnInfo {
  readonly name: string
  readonly type: string
  readonly notnull: number
  readonly dflt_value: string | null
  readonly pk: number
  readonly hidden: number
}

/** See the file's head. */
export class SqliteStore implements TransactionalStore {
  readonly target: string
  readonly lockClause = ''
  readonly #path: string
  readonly #table: string
  readonly #schema: Schema
  /** Indexes of the key columns; none: rows are appended. */
  readonly #keys: readonly number[]
  readonly #readers: readonly ValueReader[]
  #database: Database | undefined
  #insert: Statement | undefined
  #delete: Statement | undefined
  #isClosed = false

  /** @throws {PlanError} `UNSUPPORTED_TYPE` */
  constructor(path: string, table: string, schema: Schema, keys: readonly number[]) {
    this.target = `table "${table}" of SQLite database "${path}"`
    this.#path = path
    this.#table = table
    this.#schema = schema
    this.#keys = keys
    this.#readers = schema.fields.map(sqliteReader)
  }

  async open(): Promise<void> {
    const { Database } = sqliteLibrary()
    try {
      this.#database = new Database(this.#path, { fileMustExist: true })
    } catch (error) {
      throw new ConnectorError('STORE_FAILED', `Cannot open SQLite database "${this.#path}"`, {
        hint: 'Create it, with its tables, before the job starts.',
        cause: error,
      })
    }
    await this.#locked(() => this.#check())
  }

  async transaction(work: (transaction: Transaction) => Promise<void>): Promise<void> {
    const database = this.#open
    await this.#locked(() => database.exec('BEGIN IMMEDIATE'))
    try {
      await work({ query: (sql, values) => Promise.resolve(this.#query(sql, values)), write: (batch) => this.#write(batch) })
      this.#open.exec('COMMIT')
    } catch (error) {
      if (!this.#isClosed && database.inTransaction) database.exec('ROLLBACK')
      throw error
    }
  }

  /** The lock is waited for where it is taken. */
  isTransient(): boolean {
    return false
  }

  close(): void {
    this.#isClosed = true
    for (const statement of [this.#insert, this.#delete])
      try {
        statement?.finalize()
      } catch {
        // It says once more what its last run failed with.
      }
    // Rolls back what is open.
    this.#database?.close()
    this.#database = undefined
  }

  get #open(): Database {
    if (this.#database === undefined) throw new Error('the database was closed')
    return this.#database
  }

  /** Does something that takes the lock of the database, once nobody else has it. */
  async #locked(step: () => void): Promise<void> {
    for (let waitedMs = 0; ; waitedMs += LOCK_PAUSE_MS)
      try {
        step()
        return
      } catch (error) {
        if ((error as Error).message !== 'database is locked' || this.#isClosed) throw error
        if (waitedMs >= LOCK_MS_MAX)
          throw new ConnectorError('STORE_FAILED', `Cannot write to ${this.target}: another program has had it locked for ${LOCK_MS_MAX / 1000} s`, {
            hint: `If none uses it, one was killed: remove "${this.#path}.lock" and "${this.#path}.lock-breaking".`,
            cause: error,
          })
        await new Promise((resolve) => setTimeout(resolve, LOCK_PAUSE_MS))
      }
  }

  #query(sql: string, values: readonly SqlValue[]): Record<string, unknown>[] {
    return this.#open.all(sql, [...values])
  }

  /** Compares the table with the schema and prepares the statements. */
  #check(): void {
    const database = this.#open
    const { fields } = this.#schema
    const columns = database.all('SELECT * FROM pragma_table_xinfo($1)', [this.#table]) as unknown as readonly ColumnInfo[]
    if (columns.length === 0)
      throw tableNotFound(
        this.target,
        database.all("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name").map(({ name }) => name as string),
      )
    const known = new Map(columns.map((column) => [column.name.toLowerCase(), column]))
    for (const { name, type } of fields) {
      const column = known.get(name.toLowerCase())
      if (column === undefined)
        throw schemaMismatch(this.target, `it has no column "${name}"`, `Its columns are ${columns.map((one) => `"${one.name}"`).join(', ')}.`)
      if (column.hidden >= 2) throw schemaMismatch(this.target, `column "${name}" is generated`, 'Leave it out with select().')
      const affinity = affinityOf(column.type)
      const allowed = keptBy(type)
      if (!allowed.includes(affinity))
        throw schemaMismatch(
          this.target,
          `column "${name}" is declared ${column.type === '' ? 'without a type' : column.type}, which has affinity ${affinity} and would change values of ${formatType(type)}`,
          `Declare it with affinity ${allowed.join(', ')}.`,
        )
    }
    const given = new Set(fields.map(({ name }) => name.toLowerCase()))
    // An INTEGER PRIMARY KEY is numbered by SQLite.
    const missing = columns.find(
      ({ name, notnull, dflt_value: defaultValue, pk, hidden }) =>
        notnull === 1 && defaultValue === null && pk === 0 && hidden < 2 && !given.has(name.toLowerCase()),
    )
    if (missing !== undefined)
      throw schemaMismatch(
        this.target,
        `its column "${missing.name}" is NOT NULL, has no default, and the rows do not have it`,
        'Add the column to the rows, or give it a default.',
      )
    database.exec(MARKERS_DDL)
    try {
      this.#insert = database.prepare(this.#insertSql())
      if (this.#keys.length > 0)
        this.#delete = database.prepare(
          `DELETE FROM ${quoted(this.#table)} WHERE ${this.#keyNames()
            .map((key) => `${key} = ?`)
            .join(' AND ')}`,
        )
    } catch (error) {
      if (this.#keys.length > 0 && (error as Error).message.includes('ON CONFLICT'))
        throw schemaMismatch(
          this.target,
          'no PRIMARY KEY or UNIQUE constraint has exactly the columns of the keys',
          `Add UNIQUE (${this.#keyNames().join(', ')}) to the table.`,
        )
      throw error
    }
  }

  #keyNames(): string[] {
    return this.#keys.map((index) => quoted(this.#schema.fields[index].name))
  }

  #insertSql(): string {
    const names = this.#schema.fields.map(({ name }) => quoted(name))
    const insert = `INSERT INTO ${quoted(this.#table)} (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`
    if (this.#keys.length === 0) return insert
    const others = names.filter((_, index) => !this.#keys.includes(index))
    const action = others.length === 0 ? 'NOTHING' : `UPDATE SET ${others.map((name) => `${name} = excluded.${name}`).join(', ')}`
    return `${insert} ON CONFLICT (${this.#keyNames().join(', ')}) DO ${action}`
  }

  async #write(batch: RecordBatch): Promise<void> {
    // The batch is gone after the first turn, so its values are taken at once.
    const rows: SqlValue[][] = []
    const isDeletion: boolean[] = []
    for (let position = batch.begin; position < batch.end; position++) {
      const row = batch.physicalRow(position)
      const kind = batch.kindOf(row)
      const deletes = kind === RowKind.DELETE || kind === RowKind.UPDATE_BEFORE
      isDeletion.push(deletes)
      rows.push(
        deletes ? this.#keys.map((key) => this.#readers[key](batch.columns[key], row)) : this.#readers.map((read, index) => read(batch.columns[index], row)),
      )
    }
    for (let index = 0; index < rows.length; index++) {
      const statement = isDeletion[index] === true ? this.#delete : this.#insert
      if (this.#isClosed) throw new Error('the database was closed')
      statement!.run(rows[index])
      if (index % ROWS_PER_TURN === ROWS_PER_TURN - 1) await new Promise(setImmediate)
    }
  }
}
