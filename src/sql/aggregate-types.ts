// Which type an aggregate has, by the types of its operands, as a real Flink 2.3 says (test/unit/sql/type-rules.json).

import { DECIMAL_PRECISION_MAX, isText } from '../batch/types.ts'
import { alwaysType, BIGINT, nullableType, requiredType, sameType, strictType, type TypeRule } from './functions/scalar-function.ts'
import { isNumeric } from './type-rules.ts'

/** Digits behind the point that a mean has at least. */
const MEAN_SCALE_LEAST = 6

/** A DECIMAL gets all digits, and so many behind the point at least. */
const widened =
  (scaleLeast: number): TypeRule =>
  ([operand]) => {
    if (operand.kind !== 'DECIMAL') return isNumeric(operand) ? operand : undefined
    return { ...operand, precision: DECIMAL_PRECISION_MAX, scale: Math.max(operand.scale, scaleLeast) }
  }

const deviation = nullableType(widened(MEAN_SCALE_LEAST))

/** By upper-case name. */
export const AGGREGATE_FUNCTIONS: ReadonlyMap<string, TypeRule> = new Map<string, TypeRule>([
  ['COUNT', requiredType(alwaysType(BIGINT, () => true))],
  ['SUM', nullableType(widened(0))],
  ['AVG', nullableType(widened(MEAN_SCALE_LEAST))],
  ['STDDEV_POP', deviation],
  ['STDDEV_SAMP', deviation],
  ['STDDEV', deviation],
  ['VAR_POP', deviation],
  ['VAR_SAMP', deviation],
  ['VARIANCE', deviation],
  ['MIN', nullableType(sameType(() => true))],
  ['MAX', nullableType(sameType(() => true))],
  ['FIRST_VALUE', nullableType(sameType(() => true))],
  ['LAST_VALUE', nullableType(sameType(() => true))],
  // Not NULL either where there is nothing to aggregate, as far as its type says.
  ['LISTAGG', strictType(sameType(isText))],
  ['COLLECT', ([element]) => ({ kind: 'MULTISET', element, nullable: false })],
  ['ARRAY_AGG', ([element]) => ({ kind: 'ARRAY', element, nullable: true })],
])
