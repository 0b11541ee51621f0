// A SQLite database as a store with transactions. Between two pieces of work the thread gets a turn.

import type { Statement } from 'node-sqlite3-wasm'
import { type RecordBatch, RowKind } from '../../batch/record-batch.ts'
import { formatType, type Schema } from '../../batch/types.ts'
import { MARKERS_DDL } from '../transactional/commit-markers.ts'
import { quoted, schemaMismatch } from '../transactional/sql-options.ts'
import type { SqlValue, Transaction, TransactionalStore } from '../transactional/transactional-store.ts'
import { SqliteFile } from './sqlite-file.ts'
import { affinityOf, keptBy, sqliteReader, type ValueReader } from './sqlite-values.ts'

/** Rows between two turns of the event loop: about a millisecond. */
const ROWS_PER_TURN = 256
/** See the file's head. */
export class SqliteStore implements TransactionalStore {
  readonly target: string
  readonly lockClause = ''
  readonly #file: SqliteFile
  readonly #table: string
  readonly #schema: Schema
  /** Indexes of the key columns; none: rows are appended. */
  readonly #keys: readonly number[]
  readonly #readers: readonly ValueReader[]
  #insert: Statement | undefined
  #delete: Statement | undefined

  /** @throws {PlanError} `UNSUPPORTED_TYPE` */
  constructor(path: string, table: string, schema: Schema, keys: readonly number[]) {
    this.target = `table "${table}" of SQLite database "${path}"`
    this.#file = new SqliteFile(path, this.target, 'write to')
    this.#table = table
    this.#schema = schema
    this.#keys = keys
    this.#readers = schema.fields.map(sqliteReader)
  }

  async open(): Promise<void> {
    this.#file.open()
    await this.#file.locked(() => this.#check())
  }

  async transaction(work: (transaction: Transaction) => Promise<void>): Promise<void> {
    const database = this.#file.database
    await this.#file.locked(() => database.exec('BEGIN IMMEDIATE'))
    try {
      await work({ query: (sql, values) => Promise.resolve(this.#query(sql, values)), write: (batch) => this.#write(batch) })
      this.#file.database.exec('COMMIT')
    } catch (error) {
      if (!this.#file.isClosed && database.inTransaction) database.exec('ROLLBACK')
      throw error
    }
  }

  /** The lock is waited for where it is taken. */
  isTransient(): boolean {
    return false
  }

  close(): void {
    for (const statement of [this.#insert, this.#delete])
      try {
        statement?.finalize()
      } catch {
        // It says once more what its last run failed with.
      }
    this.#file.close()
  }

  #query(sql: string, values: readonly SqlValue[]): Record<string, unknown>[] {
    return this.#file.database.all(sql, [...values])
  }

  /** Compares the table with the schema and prepares the statements. */
  #check(): void {
    const database = this.#file.database
    const { fields } = this.#schema
    const columns = this.#file.columnsOf(this.#table)
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
      if (this.#file.isClosed) throw new Error('the database was closed')
      statement!.run(rows[index])
      if (index % ROWS_PER_TURN === ROWS_PER_TURN - 1) await new Promise(setImmediate)
    }
  }
}
