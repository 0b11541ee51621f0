// How the values of each type are written to SQLite, and which columns can keep them: a column there has no type but an affinity, which may change
// what is put into it ('007' becomes 7 in a NUMERIC column). Such columns are refused.

import type { Column } from '../../batch/column.ts'
import { type Decimal, type Field, isText, type LogicalType } from '../../batch/types.ts'
import { readValue } from '../../batch/values.ts'
import { unsupportedType } from '../transactional/sql-options.ts'
import { dateText, plainText, timestampText, timeText, unwritable } from '../transactional/sql-text.ts'
import type { SqlValue } from '../transactional/transactional-store.ts'

/** Makes the parameter of a column's row. */
export type ValueReader = (column: Column, row: number) => SqlValue

/** See "Type Affinity" of SQLite's documentation. */
export type Affinity = 'INTEGER' | 'TEXT' | 'BLOB' | 'REAL' | 'NUMERIC'

/** The affinity that SQLite gives to a column of a declared type. */
export function affinityOf(declared: string): Affinity {
  const type = declared.toUpperCase()
  if (type.includes('INT')) return 'INTEGER'
  if (type.includes('CHAR') || type.includes('CLOB') || type.includes('TEXT')) return 'TEXT'
  if (type === '' || type.includes('BLOB')) return 'BLOB'
  if (type.includes('REAL') || type.includes('FLOA') || type.includes('DOUB')) return 'REAL'
  return 'NUMERIC'
}

/** The affinities under which a column keeps the values of a type as they are. */
export function keptBy(type: LogicalType): readonly Affinity[] {
  switch (type.kind) {
    case 'BOOLEAN':
    case 'BIGINT':
      return ['INTEGER', 'NUMERIC', 'BLOB']
    case 'TINYINT':
    case 'SMALLINT':
    case 'INT':
      return ['INTEGER', 'NUMERIC', 'REAL', 'BLOB']
    case 'FLOAT':
    case 'DOUBLE':
      return ['REAL', 'NUMERIC', 'BLOB']
    case 'DATE':
    case 'TIME':
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ':
      // None of them looks like a number.
      return ['TEXT', 'NUMERIC', 'BLOB']
    case 'BINARY':
    case 'VARBINARY':
      return ['BLOB']
    default:
      return ['TEXT', 'BLOB']
  }
}

/** Years of which the texts have their order, and which SQLite's own functions read. */
function shortYear(text: string, column: string): string {
  if (text.startsWith('+') || text.startsWith('-')) throw unwritable(column, `the year of ${text} does not lie in 0000..9999`)
  return text
}

/** @throws {PlanError} `UNSUPPORTED_TYPE` */
export function sqliteReader({ name, type }: Field): ValueReader {
  const read = sqliteConversion(name, type)
  return (column, row) => {
    const value = readValue(column, row)
    return value === null ? null : read(value)
  }
}

/** What makes parameters of values that are not NULL. @throws {PlanError} `UNSUPPORTED_TYPE` */
export function sqliteConversion(name: string, type: LogicalType): (value: unknown) => SqlValue {
  if (isText(type)) return (value) => plainText(value as string, name)
  switch (type.kind) {
    case 'BOOLEAN':
      return (value) => (value === true ? 1 : 0)
    case 'TINYINT':
    case 'SMALLINT':
    case 'INT':
    case 'BIGINT':
    case 'BINARY':
    case 'VARBINARY':
      return (value) => value as SqlValue
    case 'FLOAT':
    case 'DOUBLE':
      return (value) => {
        if (Number.isNaN(value)) throw unwritable(name, 'SQLite has no NaN')
        return value as number
      }
    case 'DECIMAL':
      return (value) => (value as Decimal).toString()
    case 'DATE':
      return (value) => shortYear(dateText(value as number, name), name)
    case 'TIME':
      return (value) => timeText(value as number, type.precision)
    case 'TIMESTAMP':
      return (value) => shortYear(timestampText(value as number | bigint, type.precision, name), name)
    case 'TIMESTAMP_LTZ':
      return (value) => `${shortYear(timestampText(value as number | bigint, type.precision, name), name)}Z`
    default:
      throw unsupportedType('SQLite', name, type)
  }
}
