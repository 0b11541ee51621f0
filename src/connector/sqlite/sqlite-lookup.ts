// A table of a SQLite database that is asked for the rows of many keys: by one statement, key after key, within one transaction that reads.

import type { Statement } from 'node-sqlite3-wasm'
import type { Field } from '../../batch/types.ts'
import type { LookupReader, LookupTable, StoredRow } from '../lookup/lookup-table.ts'
import { quoted, schemaMismatch } from '../transactional/sql-options.ts'
import type { SqlValue } from '../transactional/transactional-store.ts'
import { SqliteFile } from './sqlite-file.ts'
import { sqliteConversion } from './sqlite-values.ts'

/** Keys between two turns of the event loop: about a millisecond. */
const KEYS_PER_TURN = 64

/** What is asked of which table. */
export interface SqliteLookupOptions {
  readonly path: string
  readonly table: string
  /** What is answered. */
  readonly columns: readonly Field[]
  /** By what is asked. */
  readonly keys: readonly Field[]
}

/** @throws {PlanError} `UNSUPPORTED_TYPE` */
export function sqliteLookup(options: SqliteLookupOptions): LookupTable {
  const { path, table, keys } = options
  const target = `table "${table}" of SQLite database "${path}"`
  const conversions = keys.map((key) => sqliteConversion(key.name, key.type))
  return { target, createReader: () => new SqliteLookupReader(options, target, conversions) }
}

class SqliteLookupReader implements LookupReader {
  readonly #options: SqliteLookupOptions
  readonly #target: string
  readonly #conversions: readonly ((value: unknown) => SqlValue)[]
  readonly #file: SqliteFile
  #select: Statement | undefined

  constructor(options: SqliteLookupOptions, target: string, conversions: readonly ((value: unknown) => SqlValue)[]) {
    this.#options = options
    this.#target = target
    this.#conversions = conversions
    this.#file = new SqliteFile(options.path, target, 'read')
  }

  async lookup(keys: readonly (readonly unknown[])[]): Promise<readonly (readonly StoredRow[])[]> {
    if (this.#select === undefined) {
      this.#file.open()
      await this.#file.locked(() => this.#prepare())
    }
    const found: (readonly StoredRow[])[] = []
    for (let at = 0; at < keys.length; at += KEYS_PER_TURN) {
      const some = keys.slice(at, at + KEYS_PER_TURN).map((key) => this.#conversions.map((convert, part) => convert(key[part])))
      let rows: (readonly StoredRow[])[] = []
      await this.#file.locked(() => (rows = this.#read(some)))
      for (const one of rows) found.push(one)
      if (at + KEYS_PER_TURN < keys.length) await new Promise(setImmediate)
    }
    return found
  }

  close(): void {
    try {
      this.#select?.finalize()
    } catch {
      // It says once more what its last run failed with.
    }
    this.#file.close()
  }

  #read(keys: readonly SqlValue[][]): (readonly StoredRow[])[] {
    const { database } = this.#file
    database.exec('BEGIN')
    try {
      return keys.map((key) => this.#select!.all(key).map((row) => Object.values(row) as StoredRow))
    } finally {
      database.exec('ROLLBACK')
    }
  }

  #prepare(): void {
    const { table, columns, keys } = this.#options
    const own = this.#file.columnsOf(table)
    const known = new Set(own.map(({ name }) => name.toLowerCase()))
    for (const { name } of [...columns, ...keys])
      if (!known.has(name.toLowerCase()))
        throw schemaMismatch(this.#target, `it has no column "${name}"`, `Its columns are ${own.map((one) => `"${one.name}"`).join(', ')}.`, 'read')
    // Names of their own keep the columns in their order.
    const selected = columns.map(({ name }, index) => `${quoted(name)} AS c${index}`)
    const equal = keys.map(({ name }) => `${quoted(name)} = ?`)
    this.#select = this.#file.database.prepare(`SELECT ${selected.join(', ')} FROM ${quoted(table)} WHERE ${equal.join(' AND ')}`)
  }
}
