// Functions that choose among their operands, and tests of NULL and truth.

import { childTypesOf, isText, type LogicalType, withNullability } from '../../batch/types.ts'
import { commonType, isInterval, isNumeric, mergedType } from '../type-rules.ts'
import { compareValues, type Value } from '../value.ts'
import {
  alwaysType,
  BOOLEAN,
  byRule,
  type FunctionTable,
  requiredType,
  type ScalarFunction,
  strictType,
  STRING,
  type TypeRule,
  withoutNull,
} from './scalar-function.ts'

/** The one operand that the call gives back. */
const merged: TypeRule = (operands) => {
  let type = operands.at(0)
  for (const operand of operands.slice(1)) type = type && mergedType(type, operand)
  return type
}

/** NULL only if all operands are. */
const firstOf: TypeRule = (operands) => {
  const type = merged(operands)
  return (
    type &&
    withNullability(
      type,
      operands.every(({ nullable }) => nullable),
    )
  )
}

/** One operand at least has a type. */
function someType(resolve: ScalarFunction['resolve']): ScalarFunction['resolve'] {
  return (site) => (site.operands.every(({ type }) => type === undefined) ? undefined : resolve(site))
}

/** The interpreter looks at the operands one by one. */
const lazily: ScalarFunction['make'] = () => undefined

/** A test that is TRUE or FALSE of every value, NULL too. */
function test(ofBoolean: boolean, holds: (value: Value) => boolean): ScalarFunction {
  const takes = requiredType(alwaysType(BOOLEAN, ({ kind }) => !ofBoolean || kind === 'BOOLEAN'))
  const resolve = byRule(takes, { least: 1, most: 1 }, BOOLEAN)
  return { resolve: ofBoolean ? withoutNull(resolve) : resolve, isStrict: false, make: () => (value) => holds(value) }
}

/** NaN is the greatest of all numbers, and 0 greater than -0. */
function compareReals(left: number, right: number): number {
  if (Number.isNaN(left) || Number.isNaN(right)) return Number(Number.isNaN(left)) - Number(Number.isNaN(right))
  if (left === 0 && right === 0) return Number(Object.is(right, -0)) - Number(Object.is(left, -0))
  return left - right
}

/** The first or last of all operands. Collections have no order, nor have bitmaps. */
function extreme(sign: 1 | -1): ScalarFunction {
  const ordered: TypeRule = (operands) => {
    const type = merged(operands)
    return type && childTypesOf(type).length === 0 && type.kind !== 'BITMAP' ? type : undefined
  }
  return {
    resolve: withoutNull(byRule(strictType(ordered), { least: 1, most: Infinity }, STRING, true)),
    make: ({ type }) => {
      const isReal = type.kind === 'FLOAT' || type.kind === 'DOUBLE'
      const compare = (left: Value, right: Value): number => (isReal ? compareReals(left as number, right as number) : compareValues(left, right))
      return (...values) => values.reduce((left, right) => (compare(left, right) * sign >= 0 ? left : right))
    },
  }
}

/** A first operand that is never NULL is all there is: a text keeps its own length. */
const ifNull: TypeRule = (operands) => {
  const type = firstOf(operands)
  const [first] = operands
  return type && !first.nullable && isBytesOrText(first) ? first : type
}

const isBytesOrText = (type: LogicalType): boolean => isText(type) || type.kind === 'BINARY' || type.kind === 'VARBINARY'

/** Both results are numbers, texts, bytes, or of one kind that has no parts and is no interval: these take the first one's type. */
const chosen: TypeRule = ([condition, left, right]) => {
  if (condition.kind !== 'BOOLEAN' || isInterval(left) || childTypesOf(left).length > 0) return undefined
  const isTimestamp = (type: LogicalType): boolean => type.kind === 'TIMESTAMP' || type.kind === 'TIMESTAMP_LTZ'
  if ((isNumeric(left) && isNumeric(right)) || (isBytesOrText(left) && isBytesOrText(right))) return commonType(left, right)
  return left.kind === right.kind || (isTimestamp(left) && isTimestamp(right)) ? left : undefined
}

export const CONDITIONAL_FUNCTIONS: FunctionTable = {
  COALESCE: { resolve: someType(byRule(firstOf, { least: 1, most: Infinity }, STRING, true)), isStrict: false, make: lazily },
  IFNULL: { resolve: someType(byRule(ifNull, { least: 2, most: 2 }, STRING, true)), isStrict: false, make: lazily },
  /** The binder makes a CASE of it. */
  IF: {
    resolve: withoutNull(({ operands }) => {
      if (operands.length !== 3) return undefined
      const [condition, left, right] = operands.map(({ type }) => type!)
      const type = strictType(chosen)([condition, left, right])
      return type && { type, operandTypes: [condition, type, type] }
    }),
    isStrict: false,
    make: lazily,
  },
  GREATEST: extreme(1),
  LEAST: extreme(-1),
  NOT: {
    resolve: withoutNull(byRule(strictType(alwaysType(BOOLEAN, ({ kind }) => kind === 'BOOLEAN')), { least: 1, most: 1 }, BOOLEAN)),
    make: () => (value) => value !== true,
  },
  'IS NULL': test(false, (value) => value === null),
  'IS NOT NULL': test(false, (value) => value !== null),
  'IS TRUE': test(true, (value) => value === true),
  'IS NOT TRUE': test(true, (value) => value !== true),
  'IS FALSE': test(true, (value) => value === false),
  'IS NOT FALSE': test(true, (value) => value !== false),
  'IS UNKNOWN': test(true, (value) => value === null),
  'IS NOT UNKNOWN': test(true, (value) => value !== null),
}
