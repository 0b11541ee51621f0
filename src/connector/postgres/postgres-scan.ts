// A table of PostgreSQL that is read from one end to the other by a cursor, in a transaction that sees the table as it was when the reading began. All
// values come as texts.

import { ConnectorError } from '../../base/errors.ts'
import { isText } from '../../batch/types.ts'
import type { StoredRow } from '../lookup/lookup-table.ts'
import { type ScanCondition, type ScanQuery, type ScanRange, type ScanTable, wantedSql } from '../lookup/scan-table.ts'
import { quoted, schemaMismatch } from '../transactional/sql-options.ts'
import { AS_TEXT, type CatalogColumn, type Client, columnsOfTable, type PostgresConnection, PostgresSession, TEXT_SETTINGS_SQL } from './postgres-session.ts'
import { comparesAlike, postgresConversion } from './postgres-types.ts'

/** Rows come in the same order each time, and the server waits for who has no room for more. */
const SETTINGS_SQL = `${TEXT_SETTINGS_SQL}; SET synchronize_seqscans = off; SET idle_in_transaction_session_timeout = 0`

export function postgresScan(connection: PostgresConnection, schemaName: string | undefined, query: ScanQuery): ScanTable {
  const name = schemaName === undefined ? quoted(query.table) : `${quoted(schemaName)}.${quoted(query.table)}`
  const target = `table ${name} of PostgreSQL`
  return { target, rows: (range, skipped, signal) => rowsOf(connection, name, target, query, range, skipped, signal) }
}

async function* rowsOf(
  connection: PostgresConnection,
  name: string,
  target: string,
  query: ScanQuery,
  range: ScanRange | undefined,
  skipped: number,
  signal: AbortSignal,
): AsyncGenerator<StoredRow> {
  const session = new PostgresSession(connection, target)
  try {
    const client = await session.connect((made) => made.query({ text: SETTINGS_SQL }))
    const { text, values } = await selectOf(client, name, target, query, range)
    await client.query({ text: 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY' })
    await client.query({ text: `DECLARE scan NO SCROLL CURSOR FOR ${text}`, values })
    if (skipped > 0) await client.query({ text: `MOVE FORWARD ${skipped} FROM scan` })
    while (!signal.aborted) {
      const { rows } = await client.query({ text: `FETCH FORWARD ${query.fetchRows} FROM scan`, rowMode: 'array', types: AS_TEXT })
      for (const row of rows) yield row as StoredRow
      if (rows.length < query.fetchRows) return
    }
  } catch (error) {
    if (error instanceof ConnectorError) throw error
    throw new ConnectorError('STORE_FAILED', `Cannot read ${target}: ${(error as Error).message}`, { cause: error })
  } finally {
    session.close()
  }
}

async function selectOf(
  client: Client,
  name: string,
  target: string,
  { columns, wanted }: ScanQuery,
  range: ScanRange | undefined,
): Promise<{ readonly text: string; readonly values: readonly unknown[] }> {
  const own = await columnsOfTable(client, name, target, 'read')
  const known = new Map(own.map((column) => [column.name, column]))
  for (const column of [...columns.map((one) => one.name), ...(range === undefined ? [] : [range.column])])
    if (!known.has(column))
      throw schemaMismatch(target, `it has no column "${column}"`, `Its columns are ${own.map((one) => `"${one.name}"`).join(', ')}.`, 'read')
  const values: unknown[] = []
  const conditions: string[] = []
  const rest = wantedSql(wanted, (condition) => comparedIn(condition, known.get(condition.column.name)!, values))
  if (rest === undefined) values.length = 0
  else conditions.push(`(${rest})`)
  if (range !== undefined)
    conditions.push(`${quoted(range.column)} BETWEEN $${values.push(String(range.lower))}::numeric AND $${values.push(String(range.upper))}::numeric`)
  const selected = columns.map((column) => quoted(column.name)).join(', ')
  return { text: `SELECT ${selected} FROM ${name}${conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`}`, values }
}

/** A condition in SQL, whose value is added to the others; undefined where PostgreSQL may see it otherwise. */
function comparedIn({ column: { name, type }, operator, value }: ScanCondition, column: CatalogColumn, values: unknown[]): string | undefined {
  if (operator === 'IS NULL' || operator === 'IS NOT NULL') return `${quoted(name)} ${operator}`
  // Texts have the order of a collation there.
  if ((isText(type) && operator !== '=') || !comparesAlike(type, column)) return undefined
  const [elementType, convert] = postgresConversion(name, type)
  return `${quoted(name)} ${operator} $${values.push(convert(value))}::${elementType}`
}
