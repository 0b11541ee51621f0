// What values of tables of connector 'jdbc' are in the engine: texts, numbers and bytes as the store gives them, read as the column's type says.

import { ConnectorError } from '../../base/errors.ts'
import { type Field, formatType, type LogicalType, withNullability } from '../../batch/types.ts'
import type { StoredRow, StoredValue } from '../../connector/lookup/lookup-table.ts'
import { castOf } from '../casts.ts'
import type { EvaluationContext } from '../functions/scalar-function.ts'
import { STRING } from '../functions/scalar-function.ts'
import type { Value } from '../value.ts'

/** Times are texts in UTC. */
const UTC: EvaluationContext = { timeZone: 'UTC', currentCatalog: '', currentDatabase: '', nowMs: () => 0, watermarkMs: () => -Infinity }

type Read = (stored: string | number | bigint | Uint8Array) => Value

/**
 * Makes what reads rows of columns.
 *
 * @param target The table, for errors.
 * @returns a function that throws {ConnectorError} `UNREADABLE_VALUE`.
 */
export function storedRowReader(columns: readonly Field[], target: string): (row: StoredRow) => readonly Value[] {
  const readers = columns.map(({ type }) => readerOf(type))
  const unreadable = (index: number, stored: StoredValue): ConnectorError => {
    const { name, type } = columns[index]
    const shown = stored instanceof Uint8Array ? 'bytes' : JSON.stringify(String(stored))
    return new ConnectorError('UNREADABLE_VALUE', `Cannot read column "${name}" of ${target}: ${shown} is no ${formatType(withNullability(type, true))}`, {
      hint: 'Declare the column with the type that it has there.',
    })
  }
  return (row) => {
    const values: Value[] = []
    for (let index = 0; index < readers.length; index++) {
      const stored = row[index]
      if (stored === null) values.push(null)
      else
        try {
          values.push(readers[index](stored))
        } catch {
          throw unreadable(index, stored)
        }
    }
    return values
  }
}

function readerOf(type: LogicalType): Read {
  const cast = castOf(STRING, type, UTC)!
  const fromText = (stored: string | number | bigint | Uint8Array): Value => {
    if (stored instanceof Uint8Array) throw new TypeError('bytes')
    const value = cast(String(stored).trim())
    if (value === null) throw new TypeError('NULL')
    return value
  }
  switch (type.kind) {
    case 'CHAR':
    case 'VARCHAR':
      return (stored) => cast(stored instanceof Uint8Array ? Buffer.from(stored).toString() : String(stored))
    case 'BINARY':
    case 'VARBINARY':
      return (stored) => {
        if (stored instanceof Uint8Array) return stored
        const text = String(stored)
        return text.startsWith('\\x') ? Buffer.from(text.slice(2), 'hex') : Buffer.from(text)
      }
    case 'FLOAT':
    case 'DOUBLE':
      return (stored) => (typeof stored === 'number' ? (type.kind === 'FLOAT' ? Math.fround(stored) : stored) : fromText(stored))
    case 'TIMESTAMP_LTZ': {
      // An instant, whose zone is said by +00, or by Z.
      const local = castOf(STRING, { ...type, kind: 'TIMESTAMP' }, UTC)!
      return (stored) => {
        const value = local(String(stored).replace(/(?:\+00|Z)$/, ''))
        if (value === null) throw new TypeError('NULL')
        return value
      }
    }
    default:
      return fromText
  }
}
