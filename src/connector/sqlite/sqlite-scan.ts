// A table of a SQLite database that is read from one end to the other: so many rows at once, each time under a lock of its own, so that others can write
// in between.

import { ConnectorError } from '../../base/errors.ts'
import { isText } from '../../batch/types.ts'
import type { StoredRow } from '../lookup/lookup-table.ts'
import { type ScanCondition, type ScanQuery, type ScanRange, type ScanTable, wantedSql } from '../lookup/scan-table.ts'
import { quoted, schemaMismatch } from '../transactional/sql-options.ts'
import type { SqlValue } from '../transactional/transactional-store.ts'
import { type ColumnInfo, SqliteFile } from './sqlite-file.ts'
import { affinityOf, keptBy, sqliteConversion } from './sqlite-values.ts'

/** What SQLite calls the number of a row, unless a column has that name. */
const ROW_NUMBERS = ['rowid', '_rowid_', 'oid']

export function sqliteScan(path: string, query: ScanQuery): ScanTable {
  const target = `table "${query.table}" of SQLite database "${path}"`
  return { target, rows: (range, skipped, signal) => rowsOf(path, target, query, range, skipped, signal) }
}

async function* rowsOf(
  path: string,
  target: string,
  query: ScanQuery,
  range: ScanRange | undefined,
  skipped: number,
  signal: AbortSignal,
): AsyncGenerator<StoredRow> {
  const file = new SqliteFile(path, target, 'read')
  try {
    file.open()
    const { fetchRows } = query
    let select!: Select
    await file.locked(() => (select = selectOf(file, target, query, range)))
    let after: SqlValue | undefined
    for (let at = skipped; !signal.aborted;) {
      let rows: (readonly SqlValue[])[] = []
      const isBehind = after !== undefined
      const values = isBehind ? [...select.values, after!, fetchRows, 0] : [...select.values, fetchRows, at]
      const sql = isBehind ? select.behind : select.from
      await file.locked(() => (rows = file.database.all(sql, values).map((row) => Object.values(row) as SqlValue[])))
      for (const row of rows) yield row.slice(0, query.columns.length) as StoredRow
      if (rows.length < fetchRows) return
      at += rows.length
      if (select.isNumbered) after = rows[rows.length - 1][query.columns.length]
    }
  } catch (error) {
    if (error instanceof ConnectorError) throw error
    throw new ConnectorError('STORE_FAILED', `Cannot read ${target}: ${(error as Error).message}`, { cause: error })
  } finally {
    file.close()
  }
}

interface Select {
  /** From a number of rows on. */
  readonly from: string
  /** Behind a row. */
  readonly behind: string
  readonly values: readonly SqlValue[]
  /** Whether rows have a number, by which the next ones are found. */
  readonly isNumbered: boolean
}

function selectOf(file: SqliteFile, target: string, { table, columns, wanted }: ScanQuery, range: ScanRange | undefined): Select {
  const own = file.columnsOf(table)
  const known = new Map(own.map((column) => [column.name.toLowerCase(), column]))
  for (const name of [...columns.map((column) => column.name), ...(range === undefined ? [] : [range.column])])
    if (!known.has(name.toLowerCase()))
      throw schemaMismatch(target, `it has no column "${name}"`, `Its columns are ${own.map((one) => `"${one.name}"`).join(', ')}.`, 'read')
  const number = numberOf(file, table, known)
  const values: SqlValue[] = []
  const conditions: string[] = []
  const rest = wantedSql(wanted, (condition) => comparedIn(condition, known.get(condition.column.name.toLowerCase())!, values))
  if (rest === undefined) values.length = 0
  else conditions.push(`(${rest})`)
  if (range !== undefined) {
    conditions.push(`${quoted(range.column)} BETWEEN ? AND ?`)
    values.push(range.lower, range.upper)
  }
  // Names of their own keep the columns in their order.
  const selected = [...columns.map(({ name }, index) => `${quoted(name)} AS c${index}`), ...(number === undefined ? ['0 AS place'] : [`${number} AS place`])]
  const select = (own: readonly string[]): string => {
    const where = own.length === 0 ? '' : ` WHERE ${own.join(' AND ')}`
    return `SELECT ${selected.join(', ')} FROM ${quoted(table)}${where}${number === undefined ? '' : ` ORDER BY ${number}`} LIMIT ? OFFSET ?`
  }
  return { from: select(conditions), behind: select([...conditions, `${number} > ?`]), values, isNumbered: number !== undefined }
}

/** What the rows of a table are numbered by: those of a view are not, nor are those of a table without numbers. */
function numberOf(file: SqliteFile, table: string, known: ReadonlyMap<string, ColumnInfo>): string | undefined {
  const name = ROW_NUMBERS.find((one) => !known.has(one))
  const [found] = file.database.all('SELECT type, wr FROM pragma_table_list($1)', [table])
  return name !== undefined && found?.type === 'table' && found.wr === 0 ? name : undefined
}

/** A condition in SQL, whose value is added to the others; undefined where SQLite may see it otherwise: its columns hold values of any type. */
function comparedIn({ column: { name, type }, operator, value }: ScanCondition, column: ColumnInfo, values: SqlValue[]): string | undefined {
  if (operator === 'IS NULL' || operator === 'IS NOT NULL') return `${quoted(name)} ${operator}`
  const isInteger = type.kind === 'TINYINT' || type.kind === 'SMALLINT' || type.kind === 'INT' || type.kind === 'BIGINT'
  if (!isInteger && type.kind !== 'DOUBLE' && !(isText(type) && operator === '=')) return undefined
  const affinity = affinityOf(column.type)
  if (affinity === 'BLOB' || !keptBy(type).includes(affinity)) return undefined
  values.push(sqliteConversion(name, type)(value))
  return `${quoted(name)} ${operator} ?`
}
