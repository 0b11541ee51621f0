// A table of PostgreSQL that is asked for the rows of many keys by one statement. All values come as texts.

import type { Field } from '../../batch/types.ts'
import type { LookupReader, LookupTable, StoredRow } from '../lookup/lookup-table.ts'
import { quoted, schemaMismatch } from '../transactional/sql-options.ts'
import { AS_TEXT, type Client, columnsOfTable, type PostgresConnection, PostgresSession, TEXT_SETTINGS_SQL } from './postgres-session.ts'
import { type ArrayElement, castOf, postgresConversion } from './postgres-types.ts'

/** What is asked of which table. */
export interface PostgresLookupOptions {
  readonly connection: PostgresConnection
  readonly table: string
  readonly schemaName: string | undefined
  /** What is answered. */
  readonly columns: readonly Field[]
  /** By what is asked. */
  readonly keys: readonly Field[]
}

/** @throws {PlanError} `UNSUPPORTED_TYPE` */
export function postgresLookup(options: PostgresLookupOptions): LookupTable {
  const { table, schemaName, keys } = options
  const name = schemaName === undefined ? quoted(table) : `${quoted(schemaName)}.${quoted(table)}`
  const target = `table ${name} of PostgreSQL`
  const conversions = keys.map((key) => postgresConversion(key.name, key.type))
  return { target, createReader: () => new PostgresLookupReader(options, name, target, conversions) }
}

class PostgresLookupReader implements LookupReader {
  readonly #options: PostgresLookupOptions
  readonly #name: string
  readonly #target: string
  readonly #conversions: readonly ReturnType<typeof postgresConversion>[]
  readonly #session: PostgresSession
  #sql: string | undefined

  constructor(options: PostgresLookupOptions, name: string, target: string, conversions: readonly ReturnType<typeof postgresConversion>[]) {
    this.#options = options
    this.#name = name
    this.#target = target
    this.#conversions = conversions
    this.#session = new PostgresSession(options.connection, target)
  }

  async lookup(keys: readonly (readonly unknown[])[]): Promise<readonly (readonly StoredRow[])[]> {
    const client = await this.#session.connect((made) => made.query({ text: TEXT_SETTINGS_SQL }))
    this.#sql ??= await this.#makeSql(client)
    const values = this.#conversions.map(([, convert], part): ArrayElement[] => keys.map((key) => convert(key[part])))
    const { rows } = await client.query({ name: 'millrace-lookup', text: this.#sql, values, rowMode: 'array', types: AS_TEXT })
    const found = keys.map((): StoredRow[] => [])
    for (const [place, ...row] of rows) found[Number(place) - 1].push(row as StoredRow)
    return found
  }

  close(): void {
    this.#session.close()
  }

  async #makeSql(client: Client): Promise<string> {
    const { columns, keys } = this.#options
    const own = await columnsOfTable(client, this.#name, this.#target, 'read')
    const known = new Map(own.map((column) => [column.name, column]))
    for (const { name } of [...columns, ...keys])
      if (!known.has(name))
        throw schemaMismatch(this.#target, `it has no column "${name}"`, `Its columns are ${own.map((one) => `"${one.name}"`).join(', ')}.`, 'read')
    const arrays = this.#conversions.map(([elementType], index) => `$${index + 1}::${elementType}[]`)
    const names = keys.map((_, index) => `k${index}`)
    const equal = keys.map(({ name, type }, index) => `t.${quoted(name)} = r.k${index}${castOf(type, known.get(name)!)}`)
    const selected = ['r.place', ...columns.map(({ name }) => `t.${quoted(name)}`)]
    return `SELECT ${selected.join(', ')} FROM UNNEST(${arrays.join(', ')}) WITH ORDINALITY AS r (${[...names, 'place'].join(', ')}) JOIN ${this.#name} AS t ON ${equal.join(' AND ')}`
  }
}
