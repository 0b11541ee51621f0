// A PostgreSQL database as a store with transactions, over one connection.

import { ConnectorError } from '../../base/errors.ts'
import { type RecordBatch, RowKind } from '../../batch/record-batch.ts'
import { formatType, type Schema } from '../../batch/types.ts'
import { MARKERS_DDL } from '../transactional/commit-markers.ts'
import { quoted, schemaMismatch } from '../transactional/sql-options.ts'
import type { SqlValue, Transaction, TransactionalStore } from '../transactional/transactional-store.ts'
import { type Client, columnsOfTable, isTransient, type PostgresConnection, PostgresSession } from './postgres-session.ts'
import { type ArrayElement, castOf, type ColumnCodec, mismatch, postgresCodec } from './postgres-types.ts'

/** Rows of one statement: as many, or as long, as there need be for the way to the server not to matter. */
const STATEMENT_ROWS_MAX = 2048
const STATEMENT_CHARACTERS_MAX = 1 << 20

/** Unique indexes over all rows of the table: their columns. */
const UNIQUE_SQL = `
  SELECT array_to_json(array_agg(a.attname)) AS columns
  FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)
  WHERE i.indrelid = to_regclass($1) AND i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indimmediate GROUP BY i.indexrelid`

interface Statement {
  readonly name: string
  readonly text: string
  readonly values: readonly ArrayElement[][]
}

/** See the file's head. */
export class PostgresStore implements TransactionalStore {
  readonly target: string
  readonly lockClause = 'FOR UPDATE'
  readonly #session: PostgresSession
  readonly #table: string
  readonly #schema: Schema
  /** Indexes of the key columns; none: rows are appended. */
  readonly #keys: readonly number[]
  readonly #codecs: readonly ColumnCodec[]
  /** Columns of texts and bytes: the others are short. */
  readonly #long: readonly number[]
  #insertSql = ''
  #deleteSql = ''

  /** @throws {PlanError} `UNSUPPORTED_TYPE` */
  constructor(connection: string | PostgresConnection | undefined, table: string, schemaName: string | undefined, schema: Schema, keys: readonly number[]) {
    this.#table = schemaName === undefined ? quoted(table) : `${quoted(schemaName)}.${quoted(table)}`
    this.target = `table ${this.#table} of PostgreSQL`
    this.#session = new PostgresSession(connection, this.target)
    this.#schema = schema
    this.#keys = keys
    this.#codecs = schema.fields.map(postgresCodec)
    this.#long = [...this.#codecs.keys()].filter((index) => ['text', 'bytea'].includes(this.#codecs[index].elementType))
  }

  async open(): Promise<void> {
    const client = await this.#session.connect()
    try {
      await client.query({ text: MARKERS_DDL })
    } catch (error) {
      const { code } = error as { code?: string }
      // Another subtask was making it at the same time: it is there now.
      if (code !== '23505' && code !== '42P07') {
        if (code !== '42501' && code !== '3F000') throw error
        throw new ConnectorError('STORE_FAILED', `Cannot make the table of commit markers beside ${this.target}: ${(error as Error).message}`, {
          hint: `Have it made: ${MARKERS_DDL.replace('IF NOT EXISTS ', '')}`,
          cause: error,
        })
      }
    }
    await this.#check(client)
  }

  async transaction(work: (transaction: Transaction) => Promise<void>): Promise<void> {
    const client = await this.#session.connect()
    try {
      await client.query({ text: 'BEGIN' })
      await work({
        query: async (sql, values: readonly SqlValue[]) => (await client.query({ text: sql, values })).rows,
        write: (batch) => this.#write(client, batch),
      })
      await client.query({ text: 'COMMIT' })
    } catch (error) {
      // After a loss of the connection there is nothing to roll back, and no way to.
      if (!this.#session.isClosed && !isTransient(error)) await client.query({ text: 'ROLLBACK' }).catch(() => this.#session.drop(client))
      else this.#session.drop(client)
      throw error
    }
  }

  isTransient(error: unknown): boolean {
    return isTransient(error)
  }

  close(): void {
    this.#session.close()
  }

  /** Compares the table with the schema and makes the statements. */
  async #check(client: Client): Promise<void> {
    const { fields } = this.#schema
    const columns = await columnsOfTable(client, this.#table, this.target, 'write to')
    const known = new Map(columns.map((column) => [column.name, column]))
    const casts = fields.map(({ name, type }) => {
      const column = known.get(name)
      if (column === undefined)
        throw schemaMismatch(this.target, `it has no column "${name}"`, `Its columns are ${columns.map((one) => `"${one.name}"`).join(', ')}.`)
      if (column.isGenerated) throw schemaMismatch(this.target, `column "${name}" is generated`, 'Leave it out with select().')
      const reason = mismatch(type, column)
      if (reason !== undefined)
        throw schemaMismatch(
          this.target,
          `column "${name}" is ${column.type}, and the rows have ${formatType(type)}`,
          `To keep every value as it is, ${reason}.`,
        )
      return castOf(type, column)
    })
    const given = new Set(fields.map(({ name }) => name))
    const missing = columns.find(({ name, isRequired }) => isRequired && !given.has(name))
    if (missing !== undefined)
      throw schemaMismatch(
        this.target,
        `its column "${missing.name}" is NOT NULL, has no default, and the rows do not have it`,
        'Add the column to the rows, or give it a default.',
      )
    const keys = this.#keys.map((index) => fields[index].name)
    if (keys.length > 0) {
      const { rows } = await client.query({ text: UNIQUE_SQL, values: [this.#table] })
      const isUnique = rows.some(
        ({ columns: unique }) => (unique as string[]).length === keys.length && keys.every((key) => (unique as string[]).includes(key)),
      )
      if (!isUnique)
        throw schemaMismatch(
          this.target,
          'no PRIMARY KEY or UNIQUE constraint has exactly the columns of the keys',
          `Add UNIQUE (${keys.map(quoted).join(', ')}) to the table.`,
        )
    }
    this.#makeStatements(casts)
  }

  #makeStatements(casts: readonly string[]): void {
    const { fields } = this.#schema
    const names = fields.map(({ name }) => quoted(name))
    const arrays = (indexes: readonly number[]): string => indexes.map((index, at) => `$${at + 1}::${this.#codecs[index].elementType}[]`).join(', ')
    const all = names.map((_, index) => index)
    const values = all.map((index) => `r.${names[index]}${casts[index]}`).join(', ')
    const insert = `INSERT INTO ${this.#table} (${names.join(', ')}) SELECT ${values} FROM UNNEST(${arrays(all)}) AS r (${names.join(', ')})`
    if (this.#keys.length === 0) {
      this.#insertSql = insert
      return
    }
    const keys = this.#keys.map((index) => names[index])
    const others = names.filter((_, index) => !this.#keys.includes(index))
    const action = others.length === 0 ? 'NOTHING' : `UPDATE SET ${others.map((name) => `${name} = excluded.${name}`).join(', ')}`
    this.#insertSql = `${insert} ON CONFLICT (${keys.join(', ')}) DO ${action}`
    const equal = this.#keys.map((index) => `t.${names[index]} = r.${names[index]}${casts[index]}`).join(' AND ')
    this.#deleteSql = `DELETE FROM ${this.#table} AS t USING UNNEST(${arrays(this.#keys)}) AS r (${keys.join(', ')}) WHERE ${equal}`
  }

  async #write(client: Client, batch: RecordBatch): Promise<void> {
    // The batch is gone once a query is under way, so its values are taken at once.
    const statements = [...this.#statements(batch)]
    for (const statement of statements) await client.query(statement)
  }

  *#statements(batch: RecordBatch): Generator<Statement> {
    for (let position = batch.begin; position < batch.end;) {
      const rows: ArrayElement[][] = []
      const deletions: boolean[] = []
      let characters = 0
      for (; position < batch.end && rows.length < STATEMENT_ROWS_MAX && characters < STATEMENT_CHARACTERS_MAX; position++) {
        const row = batch.physicalRow(position)
        const kind = batch.kindOf(row)
        const values = this.#codecs.map((codec, index) => codec.read(batch.columns[index], row))
        for (const index of this.#long) characters += (values[index] as string | Buffer | null)?.length ?? 0
        rows.push(values)
        deletions.push(kind === RowKind.DELETE || kind === RowKind.UPDATE_BEFORE)
      }
      yield* this.#keys.length === 0 ? [this.#insert(rows)] : this.#changes(rows, deletions)
    }
  }

  /** Of the rows of one key the last says what becomes of it: a statement must not come upon a row twice. */
  *#changes(rows: readonly ArrayElement[][], deletions: readonly boolean[]): Generator<Statement> {
    const last = new Map<string, number>()
    rows.forEach((row, index) => {
      // U+0000 is in no value.
      const key = this.#keys.map((at) => (row[at] instanceof Buffer ? row[at].toString('hex') : String(row[at]))).join('\0')
      last.set(key, index)
    })
    const kept = [...last.values()]
    const deleted = kept.filter((index) => deletions[index])
    if (deleted.length > 0) yield { name: 'millrace-delete', text: this.#deleteSql, values: this.#keys.map((at) => deleted.map((index) => rows[index][at])) }
    const written = kept.filter((index) => deletions[index] !== true).map((index) => rows[index])
    if (written.length > 0) yield this.#insert(written)
  }

  #insert(rows: readonly ArrayElement[][]): Statement {
    return { name: 'millrace-insert', text: this.#insertSql, values: this.#codecs.map((_, at) => rows.map((row) => row[at])) }
  }
}
