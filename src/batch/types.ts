// Logical types: SQL's, as plain frozen data, and `t`, the builder with which users declare them. One table here says how each type is
// stored (physical kind) and what a user function sees (the TypeScript type parameter of DataType).

import { PlanError } from '../base/errors.ts'
import { PhysicalKind, TypeCode } from '../kernels/column-layout.ts'

/** Longest CHAR, VARCHAR, BINARY and VARBINARY; STRING and BYTES are VARCHAR and VARBINARY of this length. */
export const LENGTH_MAX = 2_147_483_647
export const DECIMAL_PRECISION_MAX = 38

interface Nullability {
  readonly nullable: boolean
}

/** A SQL type. Plain data: structurally comparable, printable, clonable between threads. */
export type LogicalType =
  | (Nullability & {
      readonly kind: 'BOOLEAN' | 'TINYINT' | 'SMALLINT' | 'INT' | 'FLOAT' | 'DOUBLE' | 'DATE' | 'INTERVAL_YEAR_MONTH' | 'INTERVAL_DAY_TIME' | 'OBJECT'
    })
  /** `safeInteger`: a number in user code instead of a bigint; values beyond ±(2^53 - 1) are bad records where they enter. */
  | (Nullability & { readonly kind: 'BIGINT'; readonly safeInteger: boolean })
  | (Nullability & { readonly kind: 'DECIMAL'; readonly precision: number; readonly scale: number })
  /** JSON of whatever shape in the open Variant encoding (variant.ts). */
  | (Nullability & { readonly kind: 'VARIANT' })
  | (Nullability & { readonly kind: 'CHAR' | 'VARCHAR' | 'BINARY' | 'VARBINARY'; readonly length: number })
  /** A set of 32-bit integers, stored as the bytes of a Roaring bitmap. */
  | (Nullability & { readonly kind: 'BITMAP' })
  | (Nullability & { readonly kind: 'TIME' | 'TIMESTAMP' | 'TIMESTAMP_LTZ'; readonly precision: number })
  | (Nullability & { readonly kind: 'ARRAY' | 'MULTISET'; readonly element: LogicalType })
  | (Nullability & { readonly kind: 'MAP'; readonly key: LogicalType; readonly value: LogicalType })
  /** `className`: it is structured, which types of other classes do not meet. Nothing is looked up by the name. */
  | (Nullability & { readonly kind: 'ROW'; readonly fields: readonly Field[]; readonly className?: string })

/** A named column of a schema or a ROW. */
export interface Field {
  readonly name: string
  readonly type: LogicalType
}

/** How the values of a type lie in memory. */
export function physicalKindOf(type: LogicalType): PhysicalKind {
  switch (type.kind) {
    case 'BOOLEAN':
      return PhysicalKind.BIT
    case 'TINYINT':
      return PhysicalKind.INT8
    case 'SMALLINT':
      return PhysicalKind.INT16
    case 'INT':
    case 'DATE':
    case 'TIME':
    case 'INTERVAL_YEAR_MONTH':
      return PhysicalKind.INT32
    case 'BIGINT':
    case 'INTERVAL_DAY_TIME':
      return PhysicalKind.INT64
    case 'FLOAT':
      return PhysicalKind.FLOAT32
    case 'DOUBLE':
      return PhysicalKind.FLOAT64
    case 'DECIMAL':
      return type.precision <= 18 ? PhysicalKind.INT64 : PhysicalKind.INT128
    case 'CHAR':
    case 'VARCHAR':
    case 'BINARY':
    case 'VARBINARY':
    case 'VARIANT':
    case 'BITMAP':
      return PhysicalKind.BYTES
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ':
      return type.precision <= 6 ? PhysicalKind.INT64 : PhysicalKind.TIMESTAMP_NANOS
    case 'ARRAY':
      return PhysicalKind.LIST
    case 'MAP':
    case 'MULTISET':
      return PhysicalKind.MAP
    case 'ROW':
      return PhysicalKind.STRUCT
    case 'OBJECT':
      return PhysicalKind.OBJECT
  }
}

/** The type's word of a column descriptor: code, precision (or 0), scale (or 0). */
export function typeWordOf(type: LogicalType): number {
  const precision = 'precision' in type ? type.precision : 0
  const scale = type.kind === 'DECIMAL' ? type.scale : 0
  return TypeCode[type.kind] | (precision << 8) | (scale << 16)
}

/** Whether values are UTF-8 text. */
export function isText(type: LogicalType): type is LogicalType & { readonly kind: 'CHAR' | 'VARCHAR' } {
  return type.kind === 'CHAR' || type.kind === 'VARCHAR'
}

/** Child types in storage order: element, or key and value, or the fields. */
export function childTypesOf(type: LogicalType): readonly Field[] {
  switch (type.kind) {
    case 'ARRAY':
      return [{ name: 'element', type: type.element }]
    case 'MAP':
      return [
        { name: 'key', type: type.key },
        { name: 'value', type: type.value },
      ]
    case 'MULTISET':
      return [
        { name: 'key', type: type.element },
        { name: 'value', type: { kind: 'INT', nullable: false } },
      ]
    case 'ROW':
      return type.fields
    default:
      return []
  }
}

/** Whether a type is a VARIANT, or some part of it is: no format has such values. */
export function holdsVariant(type: LogicalType): boolean {
  return type.kind === 'VARIANT' || childTypesOf(type).some((child) => holdsVariant(child.type))
}

/** The type as SQL writes it: `DECIMAL(10, 2) NOT NULL`, `ROW<a BIGINT, b STRING>`. */
export function formatType(type: LogicalType): string {
  return formatWithoutNullability(type) + (type.nullable ? '' : ' NOT NULL')
}

function formatWithoutNullability(type: LogicalType): string {
  switch (type.kind) {
    case 'DECIMAL':
      return `DECIMAL(${type.precision}, ${type.scale})`
    case 'CHAR':
    case 'BINARY':
      return `${type.kind}(${type.length})`
    case 'VARCHAR':
      return type.length === LENGTH_MAX ? 'STRING' : `VARCHAR(${type.length})`
    case 'VARBINARY':
      return type.length === LENGTH_MAX ? 'BYTES' : `VARBINARY(${type.length})`
    case 'TIME':
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ':
      return `${type.kind}(${type.precision})`
    case 'INTERVAL_YEAR_MONTH':
      return 'INTERVAL YEAR TO MONTH'
    case 'INTERVAL_DAY_TIME':
      return 'INTERVAL DAY TO SECOND(3)'
    case 'ARRAY':
    case 'MULTISET':
      return `${type.kind}<${formatType(type.element)}>`
    case 'MAP':
      return `MAP<${formatType(type.key)}, ${formatType(type.value)}>`
    case 'ROW': {
      const fields = type.fields.map((field) => `${quoteName(field.name)} ${formatType(field.type)}`)
      return type.className === undefined ? `ROW<${fields.join(', ')}>` : `STRUCTURED<${[classText(type.className), ...fields].join(', ')}>`
    }
    default:
      return type.kind
  }
}

/** The name of a structured type's class as types are written. */
export function classText(name: string): string {
  return `'${name.replaceAll("'", "''")}'`
}

function quoteName(name: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? name : `\`${name.replaceAll('`', '``')}\``
}

/** Structural equality, nullability included. */
export function sameType(left: LogicalType, right: LogicalType): boolean {
  return formatType(left) === formatType(right)
}

/** The same type with another nullability. */
export function withNullability(type: LogicalType, nullable: boolean): LogicalType {
  return type.nullable === nullable ? type : Object.freeze({ ...type, nullable })
}

/** An exact decimal number: an unscaled integer and the number of digits behind the point. */
export class Decimal {
  readonly unscaled: bigint
  readonly scale: number

  constructor(unscaled: bigint, scale: number) {
    this.unscaled = unscaled
    this.scale = scale
  }

  /**
   * Reads `-12.340`: optional sign, digits, optional point and digits.
   *
   * @throws {PlanError} If `text` is anything else.
   */
  static parse(text: string): Decimal {
    const match = /^([+-]?)(\d+)(?:\.(\d*))?$/.exec(text)
    if (!match) throw new PlanError('INVALID_DECIMAL', `Cannot read "${text}" as a decimal: expected digits with an optional sign and point`)
    const fraction = match[3] ?? ''
    const magnitude = BigInt(match[2] + fraction)
    return new Decimal(match[1] === '-' ? -magnitude : magnitude, fraction.length)
  }

  /** Exact, with all digits of the scale: `new Decimal(1200n, 3)` is `1.200`. */
  toString(): string {
    const negative = this.unscaled < 0n
    const digits = (negative ? -this.unscaled : this.unscaled).toString().padStart(this.scale + 1, '0')
    const point = digits.length - this.scale
    return (negative ? '-' : '') + digits.slice(0, point) + (this.scale > 0 ? `.${digits.slice(point)}` : '')
  }

  toJSON(): string {
    return this.toString()
  }

  /** The nearest double. */
  toNumber(): number {
    return Number(this.toString())
  }

  /** Numeric comparison: negative, zero or positive; scales may differ. */
  compare(other: Decimal): number {
    const scale = Math.max(this.scale, other.scale)
    const left = this.unscaled * 10n ** BigInt(scale - this.scale)
    const right = other.unscaled * 10n ** BigInt(scale - other.scale)
    return left < right ? -1 : left > right ? 1 : 0
  }
}

declare const valueType: unique symbol

/** A declared type whose values are `T` in user code. Made by {@link t}. */
export interface DataType<out T> {
  readonly logical: LogicalType
  /** The same type, admitting NULL (which is `null` in user code, never undefined). */
  nullable(): DataType<T | null>
  readonly [valueType]?: T
}

/** The values of a declared type in user code. */
export type ValueOf<D> = D extends DataType<infer T> ? T : never

/** The row type of a set of declared columns. */
export type RowOf<C extends Record<string, DataType<unknown>>> = { readonly [K in keyof C]: ValueOf<C[K]> }

function dataType<T>(logical: LogicalType): DataType<T> {
  return Object.freeze({ logical: Object.freeze(logical), nullable: () => dataType<T | null>(withNullability(logical, true)) })
}

function bounded(name: string, value: number, min: number, max: number): number {
  if (!Number.isInteger(value) || value < min || value > max)
    throw new PlanError('INVALID_TYPE', `Cannot declare ${name} ${value}: it must be an integer in ${min}..${max}`)
  return value
}

/**
 * Declares column types. Every type refuses NULL unless `.nullable()` is called.
 *
 * | declared | in SQL | in user code |
 * |---|---|---|
 * | `t.boolean()` | BOOLEAN | boolean |
 * | `t.tinyint()`, `smallint()`, `int()`, `float()`, `double()` | the same | number |
 * | `t.bigint()` | BIGINT | bigint |
 * | `t.safeInt()` | BIGINT | number within ±(2^53 - 1) |
 * | `t.decimal(p, s)` | DECIMAL(p, s) | {@link Decimal} |
 * | `t.string()`, `char(n)`, `varchar(n)` | STRING, ... | string |
 * | `t.bytes()`, `binary(n)`, `varbinary(n)` | BYTES, ... | Uint8Array (a copy) |
 * | `t.variant()` | VARIANT | Uint8Array (a copy): `parseVariant` and `variantText` make it of JSON, and JSON of it |
 * | `t.bitmap()` | BITMAP | Uint8Array (a copy): a Roaring bitmap in its portable format |
 * | `t.date()` | DATE | days since 1970-01-01 |
 * | `t.time(p)` | TIME(p) | milliseconds of the day |
 * | `t.timestamp(p)`, `timestampLtz(p)`, p <= 3 | TIMESTAMP(p) | epoch milliseconds as number |
 * | the same, p 4..9 | | epoch nanoseconds as bigint |
 * | `t.intervalMonths()`, `intervalMs()` | INTERVAL | months or milliseconds as number |
 * | `t.array(e)`, `map(k, v)`, `multiset(e)`, `row({...})` | ARRAY, MAP, MULTISET, ROW | readonly array, ReadonlyMap, ReadonlyMap to counts, object |
 * | `t.rowOf(schema)` | ROW | the schema's row |
 * | `t.object<T>()` | - | any value that structured clone takes, which refuses functions and promises; objects that hide what they hold (`URL`) are refused too |
 *
 * Declared lengths count characters (code points) or bytes: what is longer is refused, CHAR is padded with blanks, BINARY must have its length. Times
 * are cut to their precision.
 *
 * @example
 * const schema = defineSchema({ carrier: t.string(), delay: t.int().nullable(), at: t.timestamp(3) })
 */
export const t = {
  boolean: (): DataType<boolean> => dataType({ kind: 'BOOLEAN', nullable: false }),
  tinyint: (): DataType<number> => dataType({ kind: 'TINYINT', nullable: false }),
  smallint: (): DataType<number> => dataType({ kind: 'SMALLINT', nullable: false }),
  int: (): DataType<number> => dataType({ kind: 'INT', nullable: false }),
  bigint: (): DataType<bigint> => dataType({ kind: 'BIGINT', nullable: false, safeInteger: false }),
  safeInt: (): DataType<number> => dataType({ kind: 'BIGINT', nullable: false, safeInteger: true }),
  float: (): DataType<number> => dataType({ kind: 'FLOAT', nullable: false }),
  double: (): DataType<number> => dataType({ kind: 'DOUBLE', nullable: false }),
  decimal: (precision: number, scale: number = 0): DataType<Decimal> =>
    dataType({
      kind: 'DECIMAL',
      nullable: false,
      precision: bounded('a decimal precision of', precision, 1, DECIMAL_PRECISION_MAX),
      scale: bounded('a decimal scale of', scale, 0, precision),
    }),
  char: (length: number): DataType<string> => dataType({ kind: 'CHAR', nullable: false, length: bounded('a CHAR length of', length, 1, LENGTH_MAX) }),
  varchar: (length: number): DataType<string> => dataType({ kind: 'VARCHAR', nullable: false, length: bounded('a VARCHAR length of', length, 1, LENGTH_MAX) }),
  string: (): DataType<string> => dataType({ kind: 'VARCHAR', nullable: false, length: LENGTH_MAX }),
  binary: (length: number): DataType<Uint8Array> => dataType({ kind: 'BINARY', nullable: false, length: bounded('a BINARY length of', length, 1, LENGTH_MAX) }),
  varbinary: (length: number): DataType<Uint8Array> =>
    dataType({ kind: 'VARBINARY', nullable: false, length: bounded('a VARBINARY length of', length, 1, LENGTH_MAX) }),
  bytes: (): DataType<Uint8Array> => dataType({ kind: 'VARBINARY', nullable: false, length: LENGTH_MAX }),
  variant: (): DataType<Uint8Array> => dataType({ kind: 'VARIANT', nullable: false }),
  /**
   * A set of 32-bit integers, in bytes that every Roaring library reads and writes. Sets are compared by these: give them as short as they can be, as
   * `runOptimize()` of such libraries makes them; `BITMAP_FROM_BYTES` does so itself.
   */
  bitmap: (): DataType<Uint8Array> => dataType({ kind: 'BITMAP', nullable: false }),
  date: (): DataType<number> => dataType({ kind: 'DATE', nullable: false }),
  time: (precision: number = 0): DataType<number> => dataType({ kind: 'TIME', nullable: false, precision: bounded('a TIME precision of', precision, 0, 3) }),
  timestamp: <P extends number = 3>(precision: P = 3 as P): DataType<P extends 0 | 1 | 2 | 3 ? number : bigint> =>
    dataType({ kind: 'TIMESTAMP', nullable: false, precision: bounded('a TIMESTAMP precision of', precision, 0, 9) }),
  timestampLtz: <P extends number = 3>(precision: P = 3 as P): DataType<P extends 0 | 1 | 2 | 3 ? number : bigint> =>
    dataType({ kind: 'TIMESTAMP_LTZ', nullable: false, precision: bounded('a TIMESTAMP_LTZ precision of', precision, 0, 9) }),
  intervalMonths: (): DataType<number> => dataType({ kind: 'INTERVAL_YEAR_MONTH', nullable: false }),
  intervalMs: (): DataType<number> => dataType({ kind: 'INTERVAL_DAY_TIME', nullable: false }),
  array: <T>(element: DataType<T>): DataType<readonly T[]> => dataType({ kind: 'ARRAY', nullable: false, element: element.logical }),
  map: <K, V>(key: DataType<K>, value: DataType<V>): DataType<ReadonlyMap<K, V>> =>
    dataType({ kind: 'MAP', nullable: false, key: key.logical, value: value.logical }),
  multiset: <T>(element: DataType<T>): DataType<ReadonlyMap<T, number>> => dataType({ kind: 'MULTISET', nullable: false, element: element.logical }),
  row: <C extends Record<string, DataType<unknown>>>(columns: C): DataType<RowOf<C>> => dataType({ kind: 'ROW', nullable: false, fields: fieldsOf(columns) }),
  /** The ROW of a schema's columns. */
  rowOf: <R>(schema: Schema<R>): DataType<R> => dataType({ kind: 'ROW', nullable: false, fields: schema.fields }),
  /**
   * Any value that structured clone takes. Between threads and in state it comes back as structured clone gives it: objects of a class as plain ones,
   * without its methods. Decimals stay decimals; functions, promises and objects that have no members of their own (`URL`) are refused there.
   */
  object: <T = unknown>(): DataType<T> => dataType({ kind: 'OBJECT', nullable: true }),
} as const

function fieldsOf(columns: Record<string, DataType<unknown>>): readonly Field[] {
  return Object.freeze(Object.entries(columns).map(([name, type]) => Object.freeze({ name, type: type.logical })))
}

/** The ordered, named columns of a stream. `R` is the row as user code sees it. */
export class Schema<out R = unknown> {
  readonly fields: readonly Field[]
  declare readonly [valueType]?: R
  readonly #indexes: ReadonlyMap<string, number>

  /** @throws {PlanError} `DUPLICATE_COLUMN` if two fields have one name. */
  constructor(fields: readonly Field[]) {
    this.fields = Object.freeze([...fields])
    this.#indexes = new Map(fields.map((field, index) => [field.name, index]))
    if (this.#indexes.size !== fields.length) {
      const duplicate = fields.find((field, index) => this.#indexes.get(field.name) !== index)!
      throw new PlanError('DUPLICATE_COLUMN', `Cannot make a schema: column "${duplicate.name}" is declared twice`)
    }
  }

  /** The index of a column, or -1. */
  indexOf(name: string): number {
    return this.#indexes.get(name) ?? -1
  }

  /** @throws {PlanError} `UNKNOWN_COLUMN` with the known names if there is no such column. */
  requireIndex(name: string): number {
    const index = this.indexOf(name)
    if (index === -1)
      throw new PlanError('UNKNOWN_COLUMN', `Cannot find column "${name}": known columns are ${this.fields.map((field) => `"${field.name}"`).join(', ')}`)
    return index
  }

  toString(): string {
    return `(${this.fields.map((field) => `${quoteName(field.name)} ${formatType(field.type)}`).join(', ')})`
  }
}

/** The row type of a schema. */
export type RowOfSchema<S> = S extends Schema<infer R> ? R : never

/**
 * Declares a schema; the row type follows from it.
 *
 * @example
 * const bids = defineSchema({ auction: t.safeInt(), price: t.safeInt(), channel: t.string() })
 */
export function defineSchema<C extends Record<string, DataType<unknown>>>(columns: C): Schema<RowOf<C>> {
  return new Schema(fieldsOf(columns))
}

/** Name of the only column of streams whose records are JavaScript values. */
export const VALUE_COLUMN = 'value'

/** The schema of a stream whose records are JavaScript values: one object column. */
export const OBJECT_SCHEMA: Schema<unknown> = new Schema([{ name: VALUE_COLUMN, type: Object.freeze({ kind: 'OBJECT', nullable: true }) }])

/** Whether records of the schema are JavaScript values rather than columns. */
export function isObjectSchema(schema: Schema): boolean {
  return schema.fields.length === 1 && schema.fields[0].type.kind === 'OBJECT' && schema.fields[0].name === VALUE_COLUMN
}
