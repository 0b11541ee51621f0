// Expressions by tree walking: what stands in where code may not be generated, and the oracle of code that is. Each node is turned into a function of
// the row once. Three-valued: null is NULL, or UNKNOWN.

import { Decimal, type LogicalType } from '../batch/types.ts'
import type { BoundCall, BoundExpression } from './bound-expression.ts'
import { canInterpretCast, CastError, castOf, toDecimal, wrapInteger } from './casts.ts'
import { decimalArithmetic, fitDecimal, rescale } from './decimal-arithmetic.ts'
import { likePattern } from './like.ts'

/**
 * A value: BIGINT is a bigint, the other numbers but DECIMAL are numbers, texts strings, bytes Uint8Array, arrays and rows arrays, maps arrays of pairs.
 */
export type Value = null | boolean | number | bigint | string | Decimal | Uint8Array | readonly Value[]

type Evaluate = (row: readonly Value[]) => Value

/** Computes an expression of a row. @throws {CastError}, {RangeError} for values that end the job */
export function interpret(expression: BoundExpression): Evaluate | undefined {
  switch (expression.kind) {
    case 'literal': {
      const { value, type } = expression
      if (value !== null && TEMPORAL.has(type.kind)) return undefined
      return () => value
    }
    case 'column': {
      const { index } = expression
      return (row) => row[index]
    }
    case 'cast': {
      const operand = interpret(expression.operand)
      const { type, isTry, operand: of } = expression
      if (operand === undefined) return undefined
      if (
        of.type.kind === type.kind &&
        TEMPORAL.has(type.kind) &&
        JSON.stringify({ ...of.type, nullable: true }) === JSON.stringify({ ...type, nullable: true })
      )
        return operand
      if (!canInterpretCast(of.type, type)) return isAlwaysNull(of) ? () => null : undefined
      const cast = castOf(of.type, type)
      return (row) => {
        const value = operand(row)
        if (value === null) return null
        try {
          return cast(value)
        } catch (error) {
          if (isTry && error instanceof CastError) return null
          throw error
        }
      }
    }
    case 'case': {
      const branches = expression.branches.map(({ when, result }) => ({ when: interpret(when), result: interpret(result) }))
      const otherwise = interpret(expression.otherwise)
      if (otherwise === undefined || branches.some(({ when, result }) => when === undefined || result === undefined)) return undefined
      return (row) => {
        for (const { when, result } of branches) if (when!(row) === true) return result!(row)
        return otherwise(row)
      }
    }
    case 'call':
      return interpretCall(expression)
  }
}

const TEMPORAL = new Set(['DATE', 'TIME', 'TIMESTAMP', 'TIMESTAMP_LTZ', 'INTERVAL_YEAR_MONTH', 'INTERVAL_DAY_TIME'])

function isAlwaysNull(expression: BoundExpression): boolean {
  return expression.kind === 'literal' && expression.value === null
}

function interpretCall(call: BoundCall): Evaluate | undefined {
  const operands = call.operands.map(interpret)
  if (operands.includes(undefined)) return undefined
  const known = operands as Evaluate[]
  const lazy = LAZY[call.name]
  if (lazy !== undefined) return lazy(known)
  const make = STRICT[call.name]
  const strict = make?.(call)
  if (strict === undefined) return undefined
  return (row) => {
    const values: Value[] = []
    for (const operand of known) {
      const value = operand(row)
      if (value === null) return null
      values.push(value)
    }
    return strict(values)
  }
}

/** Calls that are not NULL for every NULL among their operands. */
const LAZY: Readonly<Record<string, (operands: readonly Evaluate[]) => Evaluate>> = {
  AND: connective(false),
  OR: connective(true),
  'IS NULL': test((value) => value === null),
  'IS NOT NULL': test((value) => value !== null),
  'IS TRUE': test((value) => value === true),
  'IS NOT TRUE': test((value) => value !== true),
  'IS FALSE': test((value) => value === false),
  'IS NOT FALSE': test((value) => value !== false),
  'IS UNKNOWN': test((value) => value === null),
  'IS NOT UNKNOWN': test((value) => value !== null),
  'IS DISTINCT FROM':
    ([left, right]) =>
    (row) =>
      !isSame(left(row), right(row)),
  'IS NOT DISTINCT FROM':
    ([left, right]) =>
    (row) =>
      isSame(left(row), right(row)),
  COALESCE: firstOf,
  IFNULL: firstOf,
  ROW: (operands) => (row) => operands.map((operand) => operand(row)),
  ARRAY: (operands) => (row) => operands.map((operand) => operand(row)),
}

/** AND and OR: one operand of `deciding` decides, whatever the other is; else one that is NULL makes it NULL. */
function connective(deciding: boolean): (operands: readonly Evaluate[]) => Evaluate {
  return ([left, right]) =>
    (row) => {
      const one = left(row)
      if (one === deciding) return deciding
      const other = right(row)
      return other === deciding ? deciding : one === null || other === null ? null : !deciding
    }
}

function test(holds: (value: Value) => boolean): (operands: readonly Evaluate[]) => Evaluate {
  return ([operand]) =>
    (row) =>
      holds(operand(row))
}

function firstOf(operands: readonly Evaluate[]): Evaluate {
  return (row) => {
    for (const operand of operands) {
      const value = operand(row)
      if (value !== null) return value
    }
    return null
  }
}

function isSame(left: Value, right: Value): boolean {
  return left === null || right === null ? left === right : compareValues(left, right) === 0
}

type Strict = (values: readonly Value[]) => Value

/** Calls that are NULL if an operand is. Undefined: not for these types. */
const STRICT: Readonly<Record<string, (call: BoundCall) => Strict | undefined>> = {
  '+': arithmetic,
  '-': arithmetic,
  '*': arithmetic,
  '/': arithmetic,
  '%': arithmetic,
  'PREFIX +':
    () =>
    ([value]) =>
      value,
  'PREFIX -':
    ({ type }) =>
    ([value]) =>
      negated(value, type),
  '||': ({ type }) => (isTextual(type) ? ([left, right]) => (left as string) + (right as string) : undefined),
  '=': comparison((order) => order === 0),
  '<>': comparison((order) => order !== 0),
  '<': comparison((order) => order < 0),
  '<=': comparison((order) => order <= 0),
  '>': comparison((order) => order > 0),
  '>=': comparison((order) => order >= 0),
  NOT:
    () =>
    ([value]) =>
      value !== true,
  LIKE: like,
  ABS:
    ({ type }) =>
    ([value]) =>
      compareValues(value, zeroOf(value)) < 0 ? negated(value, type) : value,
  SIGN:
    ({ type }) =>
    ([value]) =>
      signOf(value, type),
  FLOOR:
    ({ type }) =>
    ([value]) =>
      whole(value, type, Math.floor, -1n),
  CEIL:
    ({ type }) =>
    ([value]) =>
      whole(value, type, Math.ceil, 1n),
  CEILING:
    ({ type }) =>
    ([value]) =>
      whole(value, type, Math.ceil, 1n),
  SQRT:
    () =>
    ([value]) =>
      Math.sqrt(Number(value instanceof Decimal ? value.toNumber() : value)),
  UPPER:
    () =>
    ([value]) =>
      (value as string).toUpperCase(),
  LOWER:
    () =>
    ([value]) =>
      (value as string).toLowerCase(),
  CHAR_LENGTH:
    () =>
    ([value]) =>
      Array.from(value as string).length,
  CHARACTER_LENGTH:
    () =>
    ([value]) =>
      Array.from(value as string).length,
  CONCAT: () => (values) => values.join(''),
  GREATEST: () => (values) => values.reduce((left, right) => (compareValues(left, right) >= 0 ? left : right)),
  LEAST: () => (values) => values.reduce((left, right) => (compareValues(left, right) <= 0 ? left : right)),
  CARDINALITY:
    () =>
    ([value]) =>
      (value as readonly Value[]).length,
  ITEM: ({ operands: [of] }) => (of.type.kind === 'ARRAY' ? ([array, index]) => (array as readonly Value[])[Number(index) - 1] ?? null : undefined),
  FIELD:
    () =>
    ([row, index]) =>
      (row as readonly Value[])[index as number],
}

/** Most patterns are constants, and are read once. */
function like({ operands }: BoundCall): Strict {
  let last: { readonly pattern: Value; readonly escape: Value | undefined; readonly matches: (text: string) => boolean } | undefined
  return ([text, pattern, escape]) => {
    if (last === undefined || last.pattern !== pattern || last.escape !== escape)
      last = { pattern, escape, matches: likePattern(pattern as string, operands.length > 2 ? (escape as string) : undefined) }
    return last.matches(text as string)
  }
}

function isTextual({ kind }: LogicalType): boolean {
  return kind === 'CHAR' || kind === 'VARCHAR'
}

function comparison(holds: (order: number) => boolean): (call: BoundCall) => Strict | undefined {
  return ({ operands: [{ type }] }) => {
    if (type.kind === 'ROW' || type.kind === 'MAP' || type.kind === 'MULTISET' || type.kind === 'ARRAY') return undefined
    return ([left, right]) => {
      // NaN is equal to nothing, and neither less nor greater.
      if (Number.isNaN(left) || Number.isNaN(right)) return holds(Number.NaN)
      return holds(compareValues(left, right))
    }
  }
}

/** Negative, zero or positive: of two values of one type. */
export function compareValues(left: Value, right: Value): number {
  if (left instanceof Decimal) return left.compare(toDecimal(right))
  if (right instanceof Decimal) return toDecimal(left).compare(right)
  if (typeof left === 'string') return compareTexts(left, right as string)
  if (left instanceof Uint8Array) return Buffer.compare(left, right as Uint8Array)
  return left! < right! ? -1 : left! > right! ? 1 : 0
}

/** By code points. */
function compareTexts(left: string, right: string): number {
  if (left === right) return 0
  let at = 0
  while (at < left.length && at < right.length && left.charCodeAt(at) === right.charCodeAt(at)) at++
  if (at === left.length || at === right.length) return left.length - right.length
  const [one, other] = [left.charCodeAt(at), right.charCodeAt(at)]
  // Halves of pairs stand for what lies behind all others.
  const rank = (unit: number): number => (unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit)
  return rank(one) - rank(other)
}

function arithmetic({ name, type, operands: [left, right] }: BoundCall): Strict | undefined {
  switch (type.kind) {
    case 'TINYINT':
    case 'SMALLINT':
    case 'INT':
    case 'BIGINT': {
      if ([left, right].some((operand) => operand.type.kind === 'DECIMAL')) {
        const shape = { precision: 38, scale: 0 }
        return ([one, other]) => {
          const result = decimalArithmetic(name, toDecimal(one), toDecimal(other), shape)
          return result && wrapInteger(result.unscaled, type.kind)
        }
      }
      return ([one, other]) => wrapInteger(integerArithmetic(name, BigInt(one as number), BigInt(other as number)), type.kind)
    }
    case 'FLOAT':
    case 'DOUBLE': {
      const round = type.kind === 'FLOAT' ? Math.fround : Number
      return ([one, other]) => round(doubleArithmetic(name, numberOf(one), numberOf(other)))
    }
    case 'DECIMAL':
      return ([one, other]) => decimalArithmetic(name, toDecimal(one), toDecimal(other), type)
    default:
      return undefined
  }
}

function numberOf(value: Value): number {
  return value instanceof Decimal ? value.toNumber() : Number(value)
}

function integerArithmetic(operator: string, left: bigint, right: bigint): bigint {
  switch (operator) {
    case '+':
      return left + right
    case '-':
      return left - right
    case '*':
      return left * right
    default:
      if (right === 0n) throw new RangeError('Division by zero')
      return operator === '/' ? left / right : left % right
  }
}

function doubleArithmetic(operator: string, left: number, right: number): number {
  switch (operator) {
    case '+':
      return left + right
    case '-':
      return left - right
    case '*':
      return left * right
    default:
      return operator === '/' ? left / right : left % right
  }
}

function negated(value: Value, type: LogicalType): Value {
  if (value instanceof Decimal) return new Decimal(-value.unscaled, value.scale)
  if (typeof value === 'bigint') return wrapInteger(-value, 'BIGINT')
  return type.kind === 'FLOAT' || type.kind === 'DOUBLE' ? -(value as number) : wrapInteger(-BigInt(value as number), type.kind)
}

function zeroOf(value: Value): Value {
  return typeof value === 'bigint' ? 0n : value instanceof Decimal ? new Decimal(0n, 0) : 0
}

function signOf(value: Value, type: LogicalType): Value {
  const sign = compareValues(value, zeroOf(value))
  if (type.kind === 'DECIMAL') return fitDecimal(new Decimal(BigInt(sign), 0), type)
  if (typeof value === 'bigint') return BigInt(sign)
  return sign === 0 || Number.isNaN(value) ? value : sign
}

/** Without what is behind the point. @param step What is added to a cut DECIMAL that is not whole. */
function whole(value: Value, type: LogicalType, round: (value: number) => number, step: bigint): Value {
  if (value instanceof Decimal) {
    const cut = new Decimal(value.unscaled / 10n ** BigInt(value.scale), 0)
    const isExact = rescale(cut, value.scale).unscaled === value.unscaled
    const isBeyond = value.unscaled < 0n === step < 0n
    return fitDecimal(isExact || !isBeyond ? cut : new Decimal(cut.unscaled + step, 0), type as LogicalType & { kind: 'DECIMAL' })
  }
  return typeof value === 'number' ? round(value) : value
}
