// The schema of Parquet files that are written: the elements of each column, and what its values are for the library that writes them. As Flink's format
// has them, but for timestamps, which are INT64 and not INT96, and decimals of up to 18 digits, which are integers.

import type { SchemaElement } from 'hyparquet'
import { PlanError } from '../../base/errors.ts'
import { type Decimal, type Field, formatType, type LogicalType, type Schema } from '../../batch/types.ts'

/** Makes the library's value of one that is not NULL. */
export type ToParquet = (value: unknown) => unknown

/** The columns of a file. */
export interface ParquetElements {
  /** The root, then each column, its parts behind it. */
  readonly elements: readonly SchemaElement[]
  /** By column. */
  readonly converters: readonly ToParquet[]
}

/** @throws {PlanError} `UNSUPPORTED_TYPE` */
export function parquetElements({ fields }: Schema): ParquetElements {
  const elements: SchemaElement[] = [{ name: 'schema', num_children: fields.length }]
  const converters = fields.map((field) => addField(elements, field, field.name))
  return { elements, converters }
}

type Shape = Omit<SchemaElement, 'name' | 'repetition_type'>

const same: ToParquet = (value) => value
const INT64_DIGITS_MAX = 18
const INT32_DIGITS_MAX = 9

/** @param column The whole column, for errors. */
function addField(elements: SchemaElement[], { name, type }: Field, column: string): ToParquet {
  const repetition = { name, repetition_type: type.nullable ? ('OPTIONAL' as const) : ('REQUIRED' as const) }
  const leaf = (shape: Shape, convert: ToParquet = same): ToParquet => {
    elements.push({ ...shape, ...repetition })
    return convert
  }
  switch (type.kind) {
    case 'BOOLEAN':
      return leaf({ type: 'BOOLEAN' })
    case 'TINYINT':
    case 'SMALLINT': {
      const bitWidth = type.kind === 'TINYINT' ? 8 : 16
      return leaf({ type: 'INT32', converted_type: `INT_${bitWidth}`, logical_type: { type: 'INTEGER', bitWidth, isSigned: true } })
    }
    case 'INT':
      return leaf({ type: 'INT32' })
    case 'BIGINT':
      return leaf({ type: 'INT64' }, (value) => BigInt(value as number | bigint))
    case 'FLOAT':
      return leaf({ type: 'FLOAT' })
    case 'DOUBLE':
      return leaf({ type: 'DOUBLE' })
    case 'DECIMAL': {
      const { precision, scale } = type
      const shape = { converted_type: 'DECIMAL', precision, scale } as const
      const unscaled: ToParquet = (value) => (value as Decimal).unscaled
      if (precision <= INT32_DIGITS_MAX) return leaf({ ...shape, type: 'INT32' }, unscaled)
      if (precision <= INT64_DIGITS_MAX) return leaf({ ...shape, type: 'INT64' }, unscaled)
      return leaf({ ...shape, type: 'FIXED_LEN_BYTE_ARRAY', type_length: bytesOf(precision) }, unscaled)
    }
    case 'CHAR':
    case 'VARCHAR':
      return leaf({ type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } })
    case 'BINARY':
    case 'VARBINARY':
      return leaf({ type: 'BYTE_ARRAY' })
    case 'DATE':
      return leaf({ type: 'INT32', converted_type: 'DATE', logical_type: { type: 'DATE' } })
    case 'TIME':
      return leaf({ type: 'INT32', converted_type: 'TIME_MILLIS', logical_type: { type: 'TIME', isAdjustedToUTC: false, unit: 'MILLIS' } })
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ':
      return leaf(...timestampShape(type.precision, type.kind === 'TIMESTAMP_LTZ'))
    case 'ARRAY': {
      elements.push(
        { ...repetition, num_children: 1, converted_type: 'LIST', logical_type: { type: 'LIST' } },
        { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
      )
      const element = addField(elements, { name: 'element', type: type.element }, column)
      return element === same ? same : (value) => (value as readonly unknown[]).map((one) => (one === null ? null : element(one)))
    }
    case 'MAP':
    case 'MULTISET': {
      const [keyType, valueType]: readonly LogicalType[] = type.kind === 'MAP' ? [type.key, type.value] : [type.element, { kind: 'INT', nullable: false }]
      elements.push(
        { ...repetition, num_children: 1, converted_type: 'MAP', logical_type: { type: 'MAP' } },
        { name: 'key_value', repetition_type: 'REPEATED', num_children: 2 },
      )
      // Keys are never NULL in Parquet: one that is fails when it is written.
      const key = addField(elements, { name: 'key', type: { ...keyType, nullable: false } }, column)
      const of = addField(elements, { name: 'value', type: valueType }, column)
      return (value) => Array.from(value as ReadonlyMap<unknown, unknown>, ([one, other]) => ({ key: key(one), value: other === null ? null : of(other) }))
    }
    case 'ROW': {
      elements.push({ ...repetition, num_children: type.fields.length })
      const converters = type.fields.map((field) => [field.name, addField(elements, field, column)] as const)
      return (value) => {
        const row = value as Readonly<Record<string, unknown>>
        return Object.fromEntries(converters.map(([field, convert]) => [field, row[field] === null ? null : convert(row[field])]))
      }
    }
    default:
      throw new PlanError('UNSUPPORTED_TYPE', `Cannot write column "${column}" as Parquet: it is ${formatType(type)}`)
  }
}

/** The least bytes that hold so many digits. */
function bytesOf(precision: number): number {
  const limit = 10n ** BigInt(precision)
  let bytes = 1
  while (1n << BigInt(bytes * 8 - 1) < limit) bytes++
  return bytes
}

/** Up to precision 3 values are milliseconds, beyond they are nanoseconds as a bigint. */
function timestampShape(precision: number, isAdjustedToUTC: boolean): [shape: Shape, convert: ToParquet] {
  const unit = precision <= 3 ? 'MILLIS' : precision <= 6 ? 'MICROS' : 'NANOS'
  const logical_type = { type: 'TIMESTAMP', isAdjustedToUTC, unit } as const
  switch (unit) {
    case 'MILLIS':
      return [{ type: 'INT64', logical_type }, (value) => BigInt(value as number)]
    case 'MICROS':
      return [{ type: 'INT64', logical_type }, (value) => (value as bigint) / 1000n]
    default:
      return [{ type: 'INT64', logical_type }, same]
  }
}
