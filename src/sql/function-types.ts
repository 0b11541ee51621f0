// Which type a call of a function has, by the types of its operands, as a real Flink 2.3 says (test/unit/sql/type-rules.json).

import { DECIMAL_PRECISION_MAX, isText, LENGTH_MAX, type LogicalType, withNullability } from '../batch/types.ts'
import { isExact, isInterval, isNumeric, mergedType } from './type-rules.ts'

/** The type of a call. Undefined: the function does not take such operands. */
export type TypeRule = (operands: readonly LogicalType[]) => LogicalType | undefined

const STRING: LogicalType = { kind: 'VARCHAR', length: LENGTH_MAX, nullable: true }
const INT: LogicalType = { kind: 'INT', nullable: true }
const BIGINT: LogicalType = { kind: 'BIGINT', safeInteger: false, nullable: true }
const DOUBLE: LogicalType = { kind: 'DOUBLE', nullable: true }
const BOOLEAN: LogicalType = { kind: 'BOOLEAN', nullable: true }
/** Digits behind the point that a mean has at least. */
const MEAN_SCALE_LEAST = 6

/** NULL if an operand is. */
const strict =
  (rule: TypeRule): TypeRule =>
  (operands) => {
    const type = rule(operands)
    return (
      type &&
      withNullability(
        type,
        operands.some(({ nullable }) => nullable),
      )
    )
  }

const never =
  (rule: TypeRule): TypeRule =>
  (operands) => {
    const type = rule(operands)
    return type && withNullability(type, false)
  }

/** A function of one operand (and others that do not matter) that keeps the type of those it takes. */
const same =
  (takes: (type: LogicalType) => boolean): TypeRule =>
  ([operand]) =>
    takes(operand) ? operand : undefined

/** A function with one result type for all that it takes. */
const always =
  (result: LogicalType, takes: (type: LogicalType) => boolean): TypeRule =>
  (operands) =>
    operands.every(takes) ? result : undefined

const any = (): boolean => true
const isInteger = (type: LogicalType): boolean => isExact(type) && type.kind !== 'DECIMAL'
const isCollection = ({ kind }: LogicalType): boolean => kind === 'ARRAY' || kind === 'MAP' || kind === 'MULTISET'
const isBoolean = ({ kind }: LogicalType): boolean => kind === 'BOOLEAN'

/** A DECIMAL loses what is behind the point. */
const wholeNumber: TypeRule = ([operand]) => {
  if (operand.kind === 'DECIMAL') return { ...operand, scale: 0 }
  return isNumeric(operand) || isInterval(operand) ? operand : undefined
}

/** The one operand that the call gives back. */
const merged: TypeRule = (operands) => {
  let type: LogicalType | undefined = operands[0]
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

/**
 * The type of ROUND.
 *
 * @param digits Digits behind the point that stay; negative in front of it.
 */
export function roundType(operand: LogicalType, digits: number): LogicalType | undefined {
  if (operand.kind !== 'DECIMAL') return isNumeric(operand) ? operand : undefined
  const { precision, scale } = operand
  if (digits >= scale) return operand
  // A carry may need one more.
  if (digits >= 0) return { ...operand, precision: 1 + precision - scale + digits, scale: digits }
  return { ...operand, precision: Math.min(DECIMAL_PRECISION_MAX, 1 + precision - scale), scale: 0 }
}

/** By upper-case name. ROUND is apart: {@link roundType}. */
export const SCALAR_FUNCTIONS: ReadonlyMap<string, TypeRule> = new Map<string, TypeRule>([
  ['ABS', strict(same((type) => isNumeric(type) || isInterval(type)))],
  ['FLOOR', strict(wholeNumber)],
  ['CEIL', strict(wholeNumber)],
  ['CEILING', strict(wholeNumber)],
  ['SIGN', strict(same(isNumeric))],
  ['SQRT', strict(always(DOUBLE, isNumeric))],
  ['UPPER', strict(same(isText))],
  ['LOWER', strict(same(isText))],
  ['CHAR_LENGTH', strict(always(INT, isText))],
  ['CHARACTER_LENGTH', strict(always(INT, isText))],
  ['CONCAT', strict(always(STRING, isText))],
  ['HEX', strict(always(STRING, (type) => isInteger(type) || isText(type)))],
  ['CARDINALITY', strict(always(INT, isCollection))],
  ['TYPEOF', always(STRING, any)],
  ['COALESCE', firstOf],
  ['IFNULL', firstOf],
  ['GREATEST', strict(merged)],
  ['LEAST', strict(merged)],
  ['IS TRUE', never(always(BOOLEAN, isBoolean))],
  ['IS NOT TRUE', never(always(BOOLEAN, isBoolean))],
  ['IS FALSE', never(always(BOOLEAN, isBoolean))],
  ['IS NOT FALSE', never(always(BOOLEAN, isBoolean))],
  ['IS UNKNOWN', never(always(BOOLEAN, isBoolean))],
  ['IS NOT UNKNOWN', never(always(BOOLEAN, isBoolean))],
  ['IS NULL', never(always(BOOLEAN, any))],
  ['IS NOT NULL', never(always(BOOLEAN, any))],
  ['NOT', strict(always(BOOLEAN, isBoolean))],
])

/** NULL where there is nothing to aggregate. */
const nullable =
  (rule: TypeRule): TypeRule =>
  (operands) => {
    const type = rule(operands)
    return type && withNullability(type, true)
  }

/** A DECIMAL gets all digits, and so many behind the point at least. */
const widened =
  (scaleLeast: number): TypeRule =>
  ([operand]) => {
    if (operand.kind !== 'DECIMAL') return isNumeric(operand) ? operand : undefined
    return { ...operand, precision: DECIMAL_PRECISION_MAX, scale: Math.max(operand.scale, scaleLeast) }
  }

const deviation = nullable(widened(MEAN_SCALE_LEAST))

/** By upper-case name. */
export const AGGREGATE_FUNCTIONS: ReadonlyMap<string, TypeRule> = new Map<string, TypeRule>([
  ['COUNT', never(always(BIGINT, any))],
  ['SUM', nullable(widened(0))],
  ['AVG', nullable(widened(MEAN_SCALE_LEAST))],
  ['STDDEV_POP', deviation],
  ['STDDEV_SAMP', deviation],
  ['STDDEV', deviation],
  ['VAR_POP', deviation],
  ['VAR_SAMP', deviation],
  ['VARIANCE', deviation],
  ['MIN', nullable(same(any))],
  ['MAX', nullable(same(any))],
  ['FIRST_VALUE', nullable(same(any))],
  ['LAST_VALUE', nullable(same(any))],
  // Not NULL either where there is nothing to aggregate, as far as its type says.
  ['LISTAGG', strict(same(isText))],
  ['COLLECT', ([element]) => ({ kind: 'MULTISET', element, nullable: false })],
  ['ARRAY_AGG', ([element]) => ({ kind: 'ARRAY', element, nullable: true })],
])
