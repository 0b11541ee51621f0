// The contract of tables of stores that are read from one end to the other: by a query for the rows of a range, of which the columns are asked for that
// somebody wants, and rows are left out that nobody does.

import type { Field } from '../../batch/types.ts'
import type { StoredRow } from './lookup-table.ts'

/** Rows whose column lies between two numbers, both of which count; rows without a number are in no range. */
export interface ScanRange {
  readonly column: string
  readonly lower: bigint
  readonly upper: bigint
}

/** How a column compares with a value. */
export const SCAN_OPERATORS = ['=', '<>', '<', '<=', '>', '>=', 'IS NULL', 'IS NOT NULL'] as const
export type ScanOperator = (typeof SCAN_OPERATORS)[number]

/** What rows that are wanted fulfil. */
export interface ScanCondition {
  readonly column: Field
  readonly operator: ScanOperator
  /** Of the column's type, as the engine has it, and not NULL; undefined where the operator says it all. */
  readonly value: unknown
}

/** What is read of which table. */
export interface ScanQuery {
  readonly table: string
  readonly columns: readonly Field[]
  /** Rows may be left out that fulfil no list wholly; the engine looks at the others once more. Empty: all rows are read. */
  readonly wanted: readonly (readonly ScanCondition[])[]
  /** Rows that are asked for at once. */
  readonly fetchRows: number
}

/** A table that can be read. */
export interface ScanTable {
  /** Shown in errors: without secrets. */
  readonly target: string
  /**
   * The rows of a range; undefined: of the whole table. In the same order each time, as long as no row of the table changes.
   *
   * @param skipped So many are passed over: they were read before.
   * @param signal Aborts when no more are wanted.
   * @throws {ConnectorError} `TABLE_NOT_FOUND`, `SCHEMA_MISMATCH`, `STORE_FAILED`
   */
  rows(range: ScanRange | undefined, skipped: number, signal: AbortSignal): AsyncIterable<StoredRow>
}

/**
 * Which rows are asked for, in SQL.
 *
 * @param compare A condition in SQL; undefined: the store may see it otherwise than the engine, and it is not asked.
 */
export function wantedSql(wanted: ScanQuery['wanted'], compare: (condition: ScanCondition) => string | undefined): string | undefined {
  const lists = wanted.map((conditions) => conditions.flatMap((condition) => compare(condition) ?? []))
  if (lists.length === 0 || lists.some((conditions) => conditions.length === 0)) return undefined
  return lists.map((conditions) => `(${conditions.join(' AND ')})`).join(' OR ')
}
