// Which type an aggregate has, by the types of its operands, as a real Flink 2.3 says (test/unit/sql/type-rules.json).

import { DECIMAL_PRECISION_MAX, isText, type LogicalType, withNullability } from '../batch/types.ts'
import { BITMAP_TYPE } from './functions/bitmaps.ts'
import { jsonConverter } from './functions/json-values.ts'
import { alwaysType, BIGINT, DOUBLE, nullableType, requiredType, sameType, strictType, type TypeRule } from './functions/scalar-function.ts'
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

/** How long the texts of JSON_OBJECTAGG and JSON_ARRAYAGG are, as far as their types say. */
const JSON_TEXT: LogicalType = { kind: 'VARCHAR', length: 2000, nullable: false }

function isJsonValue(type: LogicalType): boolean {
  return jsonConverter(type) !== undefined
}

/** A fraction, or an array of some, may follow a number, and behind it how often that counts. */
const percentileType: TypeRule = ([value, fraction, frequency]) => {
  if (!isNumeric(value) || fraction === undefined || fraction.nullable) return undefined
  if (frequency !== undefined && !INTEGERS.has(frequency.kind)) return undefined
  if (isNumeric(fraction)) return DOUBLE
  const isOfFractions = fraction.kind === 'ARRAY' && isNumeric(fraction.element) && !fraction.element.nullable
  return isOfFractions ? { kind: 'ARRAY', element: withNullability(DOUBLE, true), nullable: true } : undefined
}

/** Of what APPROX_COUNT_DISTINCT makes no hash. */
const NOT_HASHED = new Set(['BOOLEAN', 'BINARY', 'VARBINARY', 'VARIANT', 'BITMAP', 'ARRAY', 'MAP', 'MULTISET', 'ROW'])

const INTEGERS = new Set(['TINYINT', 'SMALLINT', 'INT', 'BIGINT'])

const isBitmap = ({ kind }: LogicalType): boolean => kind === 'BITMAP'

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
  ['APPROX_COUNT_DISTINCT', requiredType(alwaysType(BIGINT, ({ kind }) => !NOT_HASHED.has(kind)))],
  ['PERCENTILE', percentileType],
  ['JSON_ARRAYAGG', ([element]) => (isJsonValue(element) ? JSON_TEXT : undefined)],
  ['JSON_OBJECTAGG', ([key, value]) => (isText(key) && isJsonValue(value) ? JSON_TEXT : undefined)],
  ['SINGLE_VALUE', nullableType(sameType(() => true))],
  ['BITMAP_BUILD_CARDINALITY_AGG', ([value]) => (INTEGERS.has(value.kind) && value.kind !== 'BIGINT' ? BIGINT : undefined)],
  ['BITMAP_BUILD_AGG', ([value]) => (INTEGERS.has(value.kind) && value.kind !== 'BIGINT' ? BITMAP_TYPE : undefined)],
  ...['AND', 'OR', 'XOR'].flatMap((by): [string, TypeRule][] => [
    [`BITMAP_${by}_AGG`, alwaysType(BITMAP_TYPE, isBitmap)],
    [`BITMAP_${by}_CARDINALITY_AGG`, alwaysType(BIGINT, isBitmap)],
  ]),
  ['ARRAY_AGG', ([element]) => ({ kind: 'ARRAY', element, nullable: true })],
])
