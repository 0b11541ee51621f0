// How the values of each type are written to PostgreSQL: as arrays of a type of its own, one a column, which the statement unnests. What the table's
// columns must be so that nothing is rounded or cut on the way in.

import type { Column } from '../../batch/column.ts'
import { type Decimal, type Field, isText, type LogicalType } from '../../batch/types.ts'
import { readValue } from '../../batch/values.ts'
import { unsupportedType } from '../transactional/sql-options.ts'
import { dateText, plainText, timestampText, timeText } from '../transactional/sql-text.ts'

/** What `pg` turns into an element of an array. */
export type ArrayElement = string | number | boolean | Buffer | null

/** A column of the table, as the catalog has it. */
export interface TableColumn {
  readonly name: string
  /** As `format_type` prints it: with length, precision and scale. */
  readonly type: string
  /** The type's own name: `int4`, `numeric`. */
  readonly typeName: string
  readonly isEnum: boolean
  /** Length, precision and scale in PostgreSQL's encoding; -1 without. */
  readonly modifier: number
}

/** How a column is written. */
export interface ColumnCodec {
  /** The type of the array's elements. */
  readonly elementType: string
  read(column: Column, row: number): ArrayElement
}

/** Types to which a text is turned explicitly: there is no assignment of text to them. */
const FROM_TEXT = new Set(['uuid', 'json', 'jsonb', 'xml', 'inet', 'cidr', 'macaddr', 'citext', 'interval'])
/** What `numeric(p, s)` and lengths are shifted by in a modifier. */
const MODIFIER_OFFSET = 4

/** @throws {PlanError} `UNSUPPORTED_TYPE` */
export function postgresCodec({ name, type }: Field): ColumnCodec {
  const [elementType, convert] = postgresConversion(name, type)
  return {
    elementType,
    read(column, row) {
      const value = readValue(column, row)
      return value === null ? null : convert(value)
    },
  }
}

/** The type of an array's elements, and what makes them of values that are not NULL. @throws {PlanError} `UNSUPPORTED_TYPE` */
export function postgresConversion(name: string, type: LogicalType): [elementType: string, convert: (value: unknown) => ArrayElement] {
  if (isText(type)) return ['text', (value) => plainText(value as string, name)]
  switch (type.kind) {
    case 'BOOLEAN':
      return ['boolean', (value) => value as boolean]
    case 'TINYINT':
    case 'SMALLINT':
      return ['int2', (value) => value as number]
    case 'INT':
      return ['int4', (value) => value as number]
    case 'BIGINT':
      return ['int8', String]
    case 'FLOAT':
      return ['float4', (value) => value as number]
    case 'DOUBLE':
      return ['float8', (value) => value as number]
    case 'DECIMAL':
      return ['numeric', (value) => (value as Decimal).toString()]
    case 'BINARY':
    case 'VARBINARY':
      return ['bytea', (value) => Buffer.from(value as Uint8Array)]
    case 'DATE':
      return ['date', (value) => withEra(dateText(value as number, name))]
    case 'TIME':
      return ['time', (value) => timeText(value as number, type.precision)]
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ': {
      if (type.precision > 6) throw unsupportedType('PostgreSQL, whose timestamps have microseconds', name, type)
      const zone = type.kind === 'TIMESTAMP' ? '' : '+00'
      return [type.kind === 'TIMESTAMP' ? 'timestamp' : 'timestamptz', (value) => withEra(timestampText(value as number | bigint, type.precision, name), zone)]
    }
    default:
      throw unsupportedType('PostgreSQL', name, type)
  }
}

/** PostgreSQL has no signs of years, and no year 0: the year before 1 is 1 BC. */
function withEra(text: string, zone: string = ''): string {
  const match = /^([+-])(\d{6})(.*)$/.exec(text)
  if (match !== null) return match[1] === '+' ? `${Number(match[2])}${match[3]}${zone}` : `${pad(Number(match[2]) + 1)}${match[3]}${zone} BC`
  return text.startsWith('0000') ? `0001${text.slice(4)}${zone} BC` : text + zone
}

function pad(year: number): string {
  return String(year).padStart(4, '0')
}

/** What keeps values of a type as they are: names of the table's types. */
function keptBy(type: LogicalType): readonly string[] {
  switch (type.kind) {
    case 'BOOLEAN':
      return ['bool']
    case 'TINYINT':
    case 'SMALLINT':
      return ['int2', 'int4', 'int8', 'numeric']
    case 'INT':
      return ['int4', 'int8', 'numeric']
    case 'BIGINT':
      return ['int8', 'numeric']
    case 'FLOAT':
      return ['float4', 'float8']
    case 'DOUBLE':
      return ['float8']
    case 'DECIMAL':
      return ['numeric']
    case 'BINARY':
    case 'VARBINARY':
      return ['bytea']
    case 'DATE':
      return ['date']
    case 'TIME':
      return ['time']
    case 'TIMESTAMP':
      return ['timestamp']
    case 'TIMESTAMP_LTZ':
      return ['timestamptz']
    default:
      return ['text', 'varchar', 'bpchar', ...FROM_TEXT]
  }
}

/** Why a column of the table cannot hold values of a type as they are; undefined if it can. A text that is too long is refused by PostgreSQL itself. */
export function mismatch(type: LogicalType, column: TableColumn): string | undefined {
  const allowed = keptBy(type)
  if (!allowed.includes(column.typeName) && !(column.isEnum && isText(type))) return `it must be ${allowed.join(', ')}`
  if (column.modifier < 0) return undefined
  if (column.typeName === 'numeric') {
    const scale = (column.modifier - MODIFIER_OFFSET) & 0x7ff
    const digits = (((column.modifier - MODIFIER_OFFSET) >>> 16) & 0xffff) - scale
    const [precision, ownScale] = type.kind === 'DECIMAL' ? [type.precision, type.scale] : [INTEGER_DIGITS[type.kind] ?? 0, 0]
    if (scale < ownScale || digits < precision - ownScale)
      return `it must have room for ${precision - ownScale} digits in front of the point and ${ownScale} behind it`
  }
  if ((type.kind === 'TIMESTAMP' || type.kind === 'TIMESTAMP_LTZ' || type.kind === 'TIME') && column.modifier < type.precision)
    return `it must have at least ${type.precision} digits of a second`
  return undefined
}

/** Whether values of a column, read as a type, are what they are there: nothing of them is rounded or cut, so that PostgreSQL compares as the engine does. */
export function comparesAlike(type: LogicalType, { typeName, modifier }: TableColumn): boolean {
  switch (type.kind) {
    case 'TINYINT':
    case 'SMALLINT':
    case 'INT':
    case 'BIGINT':
      return typeName === 'int2' || typeName === 'int4' || typeName === 'int8'
    case 'DOUBLE':
      return typeName === 'float8'
    case 'DECIMAL':
      return typeName === 'numeric' && modifier >= 0 && ((modifier - MODIFIER_OFFSET) & 0x7ff) <= type.scale
    case 'VARCHAR':
      return typeName === 'text' || typeName === 'varchar'
    case 'DATE':
      return typeName === 'date'
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ':
      return typeName === (type.kind === 'TIMESTAMP' ? 'timestamp' : 'timestamptz') && type.precision <= 6 && (modifier < 0 ? 6 : modifier) <= type.precision
    default:
      return false
  }
}

const INTEGER_DIGITS: Readonly<Record<string, number>> = { TINYINT: 3, SMALLINT: 5, INT: 10, BIGINT: 19 }

/** The explicit cast that a value of a type needs on its way into the column; empty if assignment does it. */
export function castOf(type: LogicalType, column: TableColumn): string {
  return isText(type) && (column.isEnum || FROM_TEXT.has(column.typeName)) ? `::${column.type}` : ''
}
