// A SQLite database that is open: its lock, for which others are waited, and what it says of its tables. The library works on the calling thread.

import type { Database } from 'node-sqlite3-wasm'
import { ConnectorError } from '../../base/errors.ts'
import { tableNotFound } from '../transactional/sql-options.ts'
import { sqliteLibrary } from './sqlite-library.ts'

/** How often the lock of the database is asked for, and how long in all. */
const LOCK_PAUSE_MS = 10
const LOCK_MS_MAX = 60_000

/** A column, as `pragma_table_xinfo` has it. */
export interface ColumnInfo {
  readonly name: string
  readonly type: string
  readonly notnull: number
  readonly dflt_value: string | null
  readonly pk: number
  readonly hidden: number
}

/** See the file's head. */
export class SqliteFile {
  readonly #path: string
  readonly #target: string
  readonly #purpose: 'write to' | 'read'
  #database: Database | undefined
  #isClosed = false

  /** @param target What it is opened for, for errors, and why. */
  constructor(path: string, target: string, purpose: 'write to' | 'read') {
    this.#path = path
    this.#target = target
    this.#purpose = purpose
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  get database(): Database {
    if (this.#database === undefined) throw new Error('the database was closed')
    return this.#database
  }

  /** @throws {ConnectorError} `STORE_FAILED` */
  open(): void {
    const { Database } = sqliteLibrary()
    try {
      this.#database = new Database(this.#path, { fileMustExist: true })
    } catch (error) {
      throw new ConnectorError('STORE_FAILED', `Cannot open SQLite database "${this.#path}"`, {
        hint: 'Create it, with its tables, before the job starts.',
        cause: error,
      })
    }
  }

  /** Does something that takes the lock of the database, once nobody else has it. @throws {ConnectorError} `STORE_FAILED` */
  async locked(step: () => void): Promise<void> {
    for (let waitedMs = 0; ; waitedMs += LOCK_PAUSE_MS)
      try {
        step()
        return
      } catch (error) {
        if ((error as Error).message !== 'database is locked' || this.#isClosed) throw error
        if (waitedMs >= LOCK_MS_MAX)
          throw new ConnectorError('STORE_FAILED', `Cannot ${this.#purpose} ${this.#target}: another program has had it locked for ${LOCK_MS_MAX / 1000} s`, {
            hint: `If none uses it, one was killed: remove "${this.#path}.lock" and "${this.#path}.lock-breaking".`,
            cause: error,
          })
        await new Promise((resolve) => setTimeout(resolve, LOCK_PAUSE_MS))
      }
  }

  /** @throws {ConnectorError} `TABLE_NOT_FOUND` */
  columnsOf(table: string): readonly ColumnInfo[] {
    const { database } = this
    const columns = database.all('SELECT * FROM pragma_table_xinfo($1)', [table]) as unknown as readonly ColumnInfo[]
    if (columns.length > 0) return columns
    const known = database.all("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name")
    throw tableNotFound(
      this.#target,
      known.map(({ name }) => name as string),
      this.#purpose,
    )
  }

  /** Rolls back what is open. */
  close(): void {
    this.#isClosed = true
    this.#database?.close()
    this.#database = undefined
  }
}
