// Which type comes of two: of operators, and of places where values of several types meet. As a real Flink 2.3 answers for every pair
// (test/unit/sql/type-rules.json), odd as some are. Undefined: refused.

import { childTypesOf, DECIMAL_PRECISION_MAX, LENGTH_MAX, type LogicalType, sameType, withNullability } from '../batch/types.ts'

type Numeric = LogicalType & { readonly kind: 'TINYINT' | 'SMALLINT' | 'INT' | 'BIGINT' | 'FLOAT' | 'DOUBLE' | 'DECIMAL' }
type Decimal = { readonly precision: number; readonly scale: number }

export type ArithmeticOperator = '+' | '-' | '*' | '/' | '%'

const INTEGERS = ['TINYINT', 'SMALLINT', 'INT', 'BIGINT'] as const
/** Digits of the integers, where they meet decimals. */
const INTEGER_DIGITS: Readonly<Record<string, number>> = { TINYINT: 3, SMALLINT: 5, INT: 10, BIGINT: 19 }
/** Where a result has more digits than there are, so many stay behind the point, if it has them. */
const SCALE_LEAST = 6

/** The type of an arithmetic expression. */
export function arithmeticType(operator: ArithmeticOperator, left: LogicalType, right: LogicalType): LogicalType | undefined {
  const nullable = left.nullable || right.nullable
  if (isNumeric(left) && isNumeric(right)) return numericResult(operator, left, right, nullable)
  if (operator === '+' || operator === '-') {
    if (isDateTime(left) && isInterval(right)) return { ...left, nullable }
    if (operator === '+' && isInterval(left) && isDateTime(right)) return { ...right, nullable }
    if (isInterval(left) && left.kind === right.kind) return { ...left, nullable }
  }
  if (operator === '*' && isInterval(left) && isExact(right)) return { ...left, nullable }
  if (operator === '*' && isExact(left) && isInterval(right)) return { ...right, nullable }
  if (operator === '/' && isInterval(left) && isExact(right)) return { ...left, nullable }
  return undefined
}

function numericResult(operator: ArithmeticOperator, left: Numeric, right: Numeric, nullable: boolean): LogicalType | undefined {
  const approximate = approximateOf(left, right)
  if (approximate !== undefined) return operator === '%' ? undefined : { kind: approximate, nullable }
  if (operator === '%') return remainder(left, right, nullable)
  if (left.kind !== 'DECIMAL' && right.kind !== 'DECIMAL') return { ...wider(left, right), nullable }
  const [one, other] = [decimalOf(left), decimalOf(right)]
  const wholeDigits = Math.max(one.precision - one.scale, other.precision - other.scale)
  switch (operator) {
    case '*':
      return limited(one.precision + other.precision + 1, one.scale + other.scale, nullable)
    case '/': {
      const scale = Math.max(SCALE_LEAST, one.scale + other.precision + 1)
      return limited(one.precision - one.scale + other.scale + scale, scale, nullable)
    }
    default: {
      const scale = Math.max(one.scale, other.scale)
      return limited(wholeDigits + scale + 1, scale, nullable)
    }
  }
}

/** Whole numbers leave a whole number of the second one's type. */
function remainder(left: Numeric, right: Numeric, nullable: boolean): LogicalType {
  const [one, other] = [decimalOf(left), decimalOf(right)]
  if (one.scale === 0 && other.scale === 0) return { ...right, nullable }
  const scale = Math.max(one.scale, other.scale)
  return limited(Math.min(one.precision - one.scale, other.precision - other.scale) + scale, scale, nullable)
}

/** A DECIMAL of so many digits; where there are not so many, those in front of the point stay. */
function limited(precision: number, scale: number, nullable: boolean): LogicalType {
  if (precision <= DECIMAL_PRECISION_MAX) return { kind: 'DECIMAL', precision, scale, nullable }
  const wholeDigits = precision - scale
  return { kind: 'DECIMAL', precision: DECIMAL_PRECISION_MAX, scale: Math.max(DECIMAL_PRECISION_MAX - wholeDigits, Math.min(scale, SCALE_LEAST)), nullable }
}

/** The type of `left || right`. */
export function concatenationType(left: LogicalType, right: LogicalType): LogicalType | undefined {
  const nullable = left.nullable || right.nullable
  if (left.kind === 'ARRAY' && right.kind === 'ARRAY') return commonType(left, right)
  for (const [fixed, varying] of [
    ['CHAR', 'VARCHAR'],
    ['BINARY', 'VARBINARY'],
  ] as const) {
    if ((left.kind !== fixed && left.kind !== varying) || (right.kind !== fixed && right.kind !== varying)) continue
    const kind = left.kind === fixed && right.kind === fixed ? fixed : varying
    return { kind, length: Math.min(LENGTH_MAX, left.length + right.length), nullable }
  }
  return undefined
}

/** The type that takes values of both: the branches of CASE, rows of VALUES, inputs of a set operation. */
export function commonType(left: LogicalType, right: LogicalType): LogicalType | undefined {
  const nullable = left.nullable || right.nullable
  if (isNumeric(left) && isNumeric(right)) {
    const approximate = approximateOf(left, right)
    if (approximate !== undefined) return { kind: approximate, nullable }
    return left.kind === 'DECIMAL' || right.kind === 'DECIMAL' ? commonDecimal(left, right, nullable) : { ...wider(left, right), nullable }
  }
  switch (left.kind) {
    case 'CHAR':
    case 'VARCHAR':
      if (right.kind !== 'CHAR' && right.kind !== 'VARCHAR') return undefined
      return {
        kind: left.kind === 'CHAR' && right.kind === 'CHAR' && left.length === right.length ? 'CHAR' : 'VARCHAR',
        length: Math.max(left.length, right.length),
        nullable,
      }
    case 'BINARY':
    case 'VARBINARY':
      if (right.kind !== 'BINARY' && right.kind !== 'VARBINARY') return undefined
      return {
        kind: left.kind === 'BINARY' && right.kind === 'BINARY' && left.length === right.length ? 'BINARY' : 'VARBINARY',
        length: Math.max(left.length, right.length),
        nullable,
      }
    case 'TIME':
      return right.kind === 'TIME' ? { kind: 'TIME', precision: Math.max(left.precision, right.precision), nullable } : undefined
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ': {
      if (right.kind !== 'TIMESTAMP' && right.kind !== 'TIMESTAMP_LTZ') return undefined
      // Of a timestamp and an instant the second one's kind counts, unless both are as precise.
      const kind = left.precision === right.precision ? left.kind : right.kind
      return { kind, precision: Math.max(left.precision, right.precision), nullable }
    }
    case 'ARRAY':
    case 'MULTISET': {
      const element = right.kind === left.kind ? commonType(left.element, right.element) : undefined
      return element && { kind: left.kind, element, nullable }
    }
    case 'MAP': {
      if (right.kind !== 'MAP') return undefined
      const [key, value] = [commonType(left.key, right.key), commonType(left.value, right.value)]
      return key && value && { kind: 'MAP', key, value, nullable }
    }
    case 'ROW': {
      if (right.kind !== 'ROW' || right.fields.length !== left.fields.length) return undefined
      if (isStructured(left) || isStructured(right)) return isSameStructured(left, right) ? withNullability(left, nullable) : undefined
      const types = left.fields.map(({ type }, index) => commonType(type, right.fields[index].type))
      if (types.includes(undefined)) return undefined
      return { kind: 'ROW', fields: left.fields.map(({ name }, index) => ({ name, type: types[index]! })), nullable }
    }
    default:
      return left.kind === right.kind ? { ...left, nullable } : undefined
  }
}

/** The type that a function answers with which gives one of its operands back: COALESCE, GREATEST and their like. Not always that of CASE. */
export function mergedType(left: LogicalType, right: LogicalType): LogicalType | undefined {
  const nullable = left.nullable || right.nullable
  if (isNumeric(left) && isNumeric(right)) {
    if (left.kind === 'DOUBLE' || right.kind === 'DOUBLE' || (left.kind === 'FLOAT' && right.kind === 'DECIMAL')) return { kind: 'DOUBLE', nullable }
    if (left.kind === 'FLOAT' || right.kind === 'FLOAT') return { kind: 'FLOAT', nullable }
  }
  const [timestamp, other] = isTimestamp(left) ? [left, right] : [right, left]
  if (isTimestamp(timestamp)) {
    // What has no place for the date, or for the time, leaves it out.
    if (timestamp.kind === 'TIMESTAMP' && (other.kind === 'DATE' || other.kind === 'TIME')) return { ...other, nullable }
    if (isTimestamp(other)) {
      const kind = timestamp.kind === other.kind ? timestamp.kind : 'TIMESTAMP_LTZ'
      return { kind, precision: Math.max(timestamp.precision, other.precision), nullable }
    }
  }
  return commonType(left, right)
}

/** Whether CAST makes the one out of the other; a value may still be refused. */
export function canCast(from: LogicalType, to: LogicalType): boolean {
  const family = familyOf(from)
  const target = familyOf(to)
  // JSON_STRING makes a text of it.
  if (family === 'variant' || target === 'variant') return false
  if (target === 'text') return true
  switch (family) {
    case 'boolean':
      return target === 'boolean' || target === 'number'
    case 'number':
      return target === 'boolean' || target === 'number' || (isInterval(to) && INTEGERS.includes(from.kind as 'INT'))
    case 'text':
      return ['boolean', 'number', 'binary', 'date', 'time', 'timestamp'].includes(target)
    case 'date':
    case 'time':
      return target === family || target === 'timestamp'
    case 'timestamp':
      return target === 'timestamp' || target === 'date' || target === 'time'
    case 'bitmap':
      return target === 'bitmap' || (to.kind === 'VARBINARY' && to.length === LENGTH_MAX)
    default:
      // Within a collection a VARIANT stays what it is.
      return family === target && childrenAre(from, to, (child, of) => (child.kind === 'VARIANT' && of.kind === 'VARIANT') || canCast(child, of))
  }
}

/** Whether `=` and `<>` take both. */
export function canEqual(left: LogicalType, right: LogicalType): boolean {
  if (isStructured(left) || isStructured(right)) return isSameStructured(left, right)
  const [one, other] = [familyOf(left), familyOf(right)]
  if (one === other) return childrenAre(left, right, (child, of) => canEqual(child, of) || canCast(child, of))
  // Text is cast to what it is compared with.
  const beside = one === 'text' ? other : other === 'text' ? one : undefined
  return beside !== undefined && ['boolean', 'date', 'time', 'timestamp', 'months', 'seconds'].includes(beside)
}

/** Whether `<` and its like take both. */
export function canCompare(left: LogicalType, right: LogicalType): boolean {
  if (isStructured(left) || isStructured(right)) return false
  const [one, other] = [familyOf(left), familyOf(right)]
  if (one === 'variant') return false
  if (one === 'bitmap') return false
  if (one === other) return childrenAre(left, right, (child, of) => familyOf(child) === familyOf(of))
  return canEqual(left, right) || (one === 'text' && other === 'number') || (one === 'number' && other === 'text')
}

function isStructured(type: LogicalType): boolean {
  return type.kind === 'ROW' && type.className !== undefined
}

/** Structured types meet if they are the same, whether or not the object itself may be NULL. */
function isSameStructured(left: LogicalType, right: LogicalType): boolean {
  return sameType(withNullability(left, true), withNullability(right, true))
}

/** Types whose values can be told from one another by one rule; of others their kind. */
function familyOf(type: LogicalType): string {
  if (isNumeric(type)) return 'number'
  switch (type.kind) {
    case 'CHAR':
    case 'VARCHAR':
      return 'text'
    case 'BINARY':
    case 'VARBINARY':
      return 'binary'
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ':
      return 'timestamp'
    case 'INTERVAL_YEAR_MONTH':
      return 'months'
    case 'INTERVAL_DAY_TIME':
      return 'seconds'
    default:
      return type.kind.toLowerCase()
  }
}

/** Whether a rule holds of what two types of one family are made of. */
function childrenAre(left: LogicalType, right: LogicalType, rule: (left: LogicalType, right: LogicalType) => boolean): boolean {
  const [children, others] = [childTypesOf(left), childTypesOf(right)]
  return children.length === others.length && children.every(({ type }, index) => rule(type, others[index].type))
}

function commonDecimal(left: Numeric, right: Numeric, nullable: boolean): LogicalType {
  const [one, other] = [decimalOf(left), decimalOf(right)]
  const scale = Math.max(one.scale, other.scale)
  const wholeDigits = Math.max(one.precision - one.scale, other.precision - other.scale)
  return { kind: 'DECIMAL', precision: Math.min(DECIMAL_PRECISION_MAX, wholeDigits + scale), scale, nullable }
}

/** FLOAT or DOUBLE if one of both is: with a DECIMAL a DOUBLE; of both kinds the first. */
function approximateOf(left: Numeric, right: Numeric): 'FLOAT' | 'DOUBLE' | undefined {
  const [first, second] = [left, right].filter(({ kind }) => kind === 'FLOAT' || kind === 'DOUBLE')
  if (first === undefined) return undefined
  if (second === undefined && (left.kind === 'DECIMAL' || right.kind === 'DECIMAL')) return 'DOUBLE'
  return first.kind as 'FLOAT' | 'DOUBLE'
}

function wider(left: Numeric, right: Numeric): Numeric {
  return INTEGERS.indexOf(left.kind as 'INT') >= INTEGERS.indexOf(right.kind as 'INT') ? left : right
}

function decimalOf(type: Numeric): Decimal {
  return type.kind === 'DECIMAL' ? type : { precision: INTEGER_DIGITS[type.kind], scale: 0 }
}

export function isExact(type: LogicalType): type is Numeric {
  return type.kind === 'DECIMAL' || INTEGERS.includes(type.kind as 'INT')
}

export function isNumeric(type: LogicalType): type is Numeric {
  return isExact(type) || type.kind === 'FLOAT' || type.kind === 'DOUBLE'
}

export function isInterval({ kind }: LogicalType): boolean {
  return kind === 'INTERVAL_YEAR_MONTH' || kind === 'INTERVAL_DAY_TIME'
}

/** Dates, times, timestamps and intervals. */
export function isTemporal(type: LogicalType): boolean {
  return isDateTime(type) || isInterval(type)
}

function isTimestamp(type: LogicalType): type is LogicalType & { readonly kind: 'TIMESTAMP' | 'TIMESTAMP_LTZ' } {
  return type.kind === 'TIMESTAMP' || type.kind === 'TIMESTAMP_LTZ'
}

function isDateTime({ kind }: LogicalType): boolean {
  return kind === 'DATE' || kind === 'TIME' || kind === 'TIMESTAMP' || kind === 'TIMESTAMP_LTZ'
}
