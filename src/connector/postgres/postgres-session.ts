// The connection to a PostgreSQL database: made when it is needed and made again when it is lost. And what the catalog says of a table.

import type * as Postgres from 'pg'
import { ConnectorError } from '../../base/errors.ts'
import { optionalPackage, tableNotFound } from '../transactional/sql-options.ts'
import type { TableColumn } from './postgres-types.ts'

const CONNECT_MS_MAX = 10_000
/** A transaction that waits for its process for so long (it may have been stopped) is ended by the server, so that its locks are free. */
const IDLE_MS_MAX = 60_000

/** Where the database is. */
export interface PostgresConnection {
  readonly host?: string
  readonly port?: number
  readonly user?: string
  readonly database?: string
  /** Or a function that is asked for it each time a connection is made. */
  readonly password?: string | (() => string | Promise<string>)
  /** `true`, or options of Node's TLS. @default false */
  readonly ssl?: boolean | object
}

/** What of {@link Postgres} is used. */
export interface Client {
  connect(): Promise<unknown>
  query(config: Query): Promise<{ readonly rows: Record<string, unknown>[] }>
  query(config: Query & { readonly rowMode: 'array' }): Promise<{ readonly rows: readonly (readonly unknown[])[] }>
  on(event: 'error' | 'end', listener: () => void): unknown
  end(): Promise<void>
}

interface Query {
  readonly text: string
  readonly values?: readonly unknown[]
  readonly name?: string
  /** How values are read from their texts. */
  readonly types?: { getTypeParser(): (text: string) => unknown }
}

/** So that texts of times, bytes and numbers have one form. */
export const TEXT_SETTINGS_SQL = "SET TIME ZONE 'UTC'; SET datestyle = 'ISO, YMD'; SET bytea_output = 'hex'; SET extra_float_digits = 1"
/** Values as the texts that they come as. */
export const AS_TEXT = {
  getTypeParser:
    () =>
    (text: string): string =>
      text,
}

/** Errors of the server that another try may not have. */
const TRANSIENT_STATES = /^(?:08|40001|40P01|53|55P03|57P0[1-3]|25P03)/
/** Errors of the connection, by Node's codes and `pg`'s messages. */
const TRANSIENT_CODES = new Set(['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'EPIPE', 'EHOSTUNREACH', 'ENETUNREACH', 'EAI_AGAIN', 'ENOENT'])
const TRANSIENT_MESSAGE = /^(?:Connection terminated|Client has encountered a connection error|Client was closed|timeout expired)/

/** Whether it may help to try again: the connection was lost, another transaction was in the way. */
export function isTransient(error: unknown): boolean {
  const { code = '', message } = error as { code?: unknown; message: string }
  return typeof code === 'string' && (TRANSIENT_STATES.test(code) || TRANSIENT_CODES.has(code) || TRANSIENT_MESSAGE.test(message))
}

/** See the file's head. */
export class PostgresSession {
  readonly #connection: string | PostgresConnection | undefined
  readonly #target: string
  #client: Client | undefined
  #isClosed = false

  /** @param target What it is made for, for errors. */
  constructor(connection: string | PostgresConnection | undefined, target: string) {
    this.#connection = connection
    this.#target = target
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** @param prepare Called with a connection that was made. */
  async connect(prepare?: (client: Client) => Promise<unknown>): Promise<Client> {
    if (this.#isClosed) throw new Error('the connection was closed')
    if (this.#client !== undefined) return this.#client
    const { Client } = optionalPackage('pg', 'connect to PostgreSQL') as typeof Postgres
    const connection = this.#connection
    let client: Client
    try {
      client = new Client({
        ...(typeof connection === 'string' ? { connectionString: connection } : connection),
        application_name: 'millrace',
        keepAlive: true,
        connectionTimeoutMillis: CONNECT_MS_MAX,
        idle_in_transaction_session_timeout: IDLE_MS_MAX,
      })
    } catch {
      // What it says may quote the text, and the password in it.
      throw new ConnectorError('STORE_FAILED', `Cannot connect to PostgreSQL for ${this.#target}: the connection string is not one`, {
        hint: 'Write it as postgres://user:password@host:port/database, with special characters as %XX.',
      })
    }
    // Without a listener the loss of a connection that nobody is using would end the process.
    client.on('error', () => this.drop(client))
    client.on('end', () => this.drop(client))
    this.#client = client
    try {
      await client.connect()
      await prepare?.(client)
    } catch (error) {
      this.drop(client)
      throw error
    }
    return client
  }

  /** Gives a connection up, if it is still the one in use. */
  drop(client: Client): void {
    if (this.#client !== client) return
    this.#client = undefined
    client.end().catch(() => {})
  }

  close(): void {
    this.#isClosed = true
    if (this.#client !== undefined) this.drop(this.#client)
  }
}

const TABLE_SQL = `
  SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, t.typname AS "typeName", t.typtype = 'e' AS "isEnum", a.atttypmod AS modifier,
    a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AND a.attgenerated = '' AS "isRequired", a.attgenerated <> '' OR a.attidentity = 'a' AS "isGenerated"
  FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
  WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`

/** A column of a table, and what writers have to know of it. */
export interface CatalogColumn extends TableColumn {
  readonly isRequired: boolean
  readonly isGenerated: boolean
}

/**
 * The columns of a table, by its quoted name.
 *
 * @throws {ConnectorError} `TABLE_NOT_FOUND`
 */
export async function columnsOfTable(client: Client, table: string, target: string, purpose: 'write to' | 'read'): Promise<readonly CatalogColumn[]> {
  const columns = (await client.query({ text: TABLE_SQL, values: [table] })).rows as unknown as readonly CatalogColumn[]
  if (columns.length > 0) return columns
  const { rows } = await client.query({
    text: "SELECT tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY tablename LIMIT 20",
  })
  throw tableNotFound(
    target,
    rows.map(({ tablename }) => String(tablename)),
    purpose,
  )
}
