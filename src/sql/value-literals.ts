// Values of a program as literals of a syntax tree: what the sql tag is given, and the Table API beside its expressions.

import { Decimal, DECIMAL_PRECISION_MAX, formatType, type LogicalType } from '../batch/types.ts'
import type { Span } from './sql-error.ts'
import type { Expression, IntervalLiteral, Literal } from './syntax-tree.ts'

/** Says why a value is no literal. */
export type RefuseValue = (reason: string, hint?: string) => never

const INT_MAX = 2_147_483_647
const INT_MIN = -2_147_483_648
const BIGINT_BITS = 64
const INTERVAL_DIGITS = 10
const BIGINT: LogicalType = { kind: 'BIGINT', safeInteger: false, nullable: true }
const YEAR_MAX = 9999
const SECOND_DIGITS_MAX = 9

/**
 * A value as the literal that its JavaScript type stands for: whole numbers INT, or BIGINT where they are larger, other numbers DOUBLE, bigints BIGINT,
 * {@link Decimal} DECIMAL, strings CHAR, bytes BINARY, `Date` TIMESTAMP_LTZ(3), arrays ARRAY.
 */
export function literalOf(value: unknown, span: Span, refuse: RefuseValue): Expression {
  const { start, end } = span
  const literal = (type: Literal['type'], text: string): Literal => ({ kind: 'literal', type, text, start, end })
  switch (typeof value) {
    case 'boolean':
      return literal('boolean', value ? 'TRUE' : 'FALSE')
    case 'string':
      if (!value.isWellFormed()) refuse('a half of a surrogate pair is no character')
      return literal('string', value)
    case 'number':
      if (!Number.isFinite(value)) refuse(`${value} is no number that can be written`, "Write CAST('Infinity' AS DOUBLE).")
      return Number.isSafeInteger(value) ? literal('integer', String(value)) : literal('double', value.toExponential().toUpperCase())
    case 'bigint': {
      if (BigInt.asIntN(BIGINT_BITS, value) !== value) refuse(`${value} has more than 64 bits`, 'Use a Decimal.')
      const written = literal('integer', String(value))
      return value > INT_MAX || value < INT_MIN ? written : cast(written, BIGINT)
    }
    case 'object':
      break
    case 'undefined':
      return refuse('undefined is no value', 'Use null for NULL.')
    default:
      return refuse(`a ${typeof value} is no value`)
  }
  if (value === null) return literal('null', 'NULL')
  if (value instanceof Decimal) return decimalOf(value, span, refuse)
  if (value instanceof Uint8Array) return literal('binary', Buffer.from(value).toString('hex'))
  if (value instanceof Date) return timeOf(value.getTime(), 'timestamp_ltz', 3, span, refuse)
  if (Array.isArray(value)) {
    if (value.length === 0) refuse('an array without elements has no type')
    return { kind: 'constructor', of: 'ARRAY', values: value.map((element) => literalOf(element, span, refuse)), start, end }
  }
  return refuse('an object is no value', 'Use its members one by one.')
}

/** A value as a literal of a type, as user code has values of it. */
export function typedLiteral(value: unknown, type: LogicalType, span: Span, refuse: RefuseValue): Expression {
  const { start, end } = span
  const wrong = (): never => refuse(`it is no value of ${formatType(type)}`)
  if (value === null) return cast({ kind: 'literal', type: 'null', text: 'NULL', start, end }, type)
  switch (type.kind) {
    case 'DATE':
      if (typeof value !== 'number' || !Number.isInteger(value)) wrong()
      return { kind: 'literal', type: 'date', text: isoOf((value as number) * 86_400_000, refuse).slice(0, 10), start, end }
    case 'TIME':
      if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value >= 86_400_000) wrong()
      return { kind: 'literal', type: 'time', text: clockText(isoOf(value as number, refuse), type.precision), start, end }
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ':
      if (typeof value !== (type.precision <= 3 ? 'number' : 'bigint')) wrong()
      return timeOf(value as number | bigint, type.kind === 'TIMESTAMP' ? 'timestamp' : 'timestamp_ltz', type.precision, span, refuse)
    case 'INTERVAL_DAY_TIME':
      if (typeof value !== 'number' || !Number.isInteger(value)) wrong()
      return intervalOf(value as number, span)
    case 'INTERVAL_YEAR_MONTH': {
      if (typeof value !== 'number' || !Number.isInteger(value)) wrong()
      const qualifier = { from: 'MONTH', to: undefined, precision: INTERVAL_DIGITS, fraction: undefined, start, end } as const
      return { kind: 'interval', negative: (value as number) < 0, value: String(Math.abs(value as number)), qualifier, start, end }
    }
    case 'ARRAY':
      if (!Array.isArray(value)) wrong()
      if ((value as readonly unknown[]).length === 0) return refuse('there are no arrays without elements yet')
      return {
        kind: 'constructor',
        of: 'ARRAY',
        values: (value as readonly unknown[]).map((element) => typedLiteral(element, type.element, span, refuse)),
        start,
        end,
      }
    default:
      if (!admits(value, type)) wrong()
      return cast(literalOf(value, span, refuse), type)
  }
}

/** So many milliseconds. */
export function intervalOf(ms: number, { start, end }: Span): IntervalLiteral {
  const magnitude = Math.abs(ms)
  const text = `${Math.floor(magnitude / 1000)}.${String(magnitude % 1000).padStart(3, '0')}`
  const qualifier = { from: 'SECOND', to: undefined, precision: INTERVAL_DIGITS, fraction: 3, start, end } as const
  return { kind: 'interval', negative: ms < 0, value: text, qualifier, start, end }
}

/** Whether user code has such values of a type; numbers and decimals are cast to each other. */
function admits(value: unknown, { kind }: LogicalType): boolean {
  switch (kind) {
    case 'BOOLEAN':
      return typeof value === 'boolean'
    case 'CHAR':
    case 'VARCHAR':
      return typeof value === 'string'
    case 'BINARY':
    case 'VARBINARY':
    case 'BITMAP':
      return value instanceof Uint8Array
    case 'TINYINT':
    case 'SMALLINT':
    case 'INT':
    case 'BIGINT':
      return typeof value === 'bigint' || Number.isInteger(value)
    case 'FLOAT':
    case 'DOUBLE':
    case 'DECIMAL':
      return typeof value === 'bigint' || typeof value === 'number' || value instanceof Decimal
    default:
      return false
  }
}

function cast(operand: Expression, type: LogicalType): Expression {
  const { start, end } = operand
  return { kind: 'cast', isTry: false, operand, type: { kind: 'type', type, saysNullable: false, start, end }, start, end }
}

/** Its own digits are those of its type; more than a literal may have are read from a text. */
function decimalOf(value: Decimal, { start, end }: Span, refuse: RefuseValue): Expression {
  const text = value.toString()
  const precision = text.replaceAll(/\D/g, '').length
  if (precision > DECIMAL_PRECISION_MAX) refuse(`${text} has more than ${DECIMAL_PRECISION_MAX} digits`)
  if (BigInt.asIntN(BIGINT_BITS, value.unscaled) === value.unscaled) return { kind: 'literal', type: 'decimal', text, start, end }
  return cast({ kind: 'literal', type: 'string', text, start, end }, { kind: 'DECIMAL', precision, scale: value.scale, nullable: true })
}

/** @param value Milliseconds up to a precision of 3, then nanoseconds. */
function timeOf(value: number | bigint, type: 'timestamp' | 'timestamp_ltz', precision: number, { start, end }: Span, refuse: RefuseValue): Literal {
  const nanos = typeof value === 'bigint' ? BigInt.asIntN(BIGINT_BITS, ((value % 1_000_000n) + 1_000_000n) % 1_000_000n) : 0n
  const ms = typeof value === 'bigint' ? Number((value - nanos) / 1_000_000n) : value
  const iso = isoOf(ms, refuse)
  const text = `${iso.slice(0, 10)} ${clockText(iso, precision, String(nanos).padStart(6, '0'))}`
  return { kind: 'literal', type, text, start, end }
}

function clockText(iso: string, precision: number, nanos = '000000'): string {
  const fraction = (iso.slice(20, 23) + nanos).slice(0, Math.min(precision, SECOND_DIGITS_MAX))
  return iso.slice(11, 19) + (fraction === '' ? '' : `.${fraction}`)
}

function isoOf(ms: number, refuse: RefuseValue): string {
  const date = new Date(ms)
  const year = date.getUTCFullYear()
  if (!(year >= 1 && year <= YEAR_MAX)) refuse(`the literals of times are of the years 1 to ${YEAR_MAX}`)
  return date.toISOString()
}
