// What sum, min and max mean for single values as user code sees them: the rolling aggregates of keyed streams and the windows that keep one
// accumulator at a time share it. The kernels mean the same. Pure.

import { BadRecordError } from '../base/errors.ts'
import { Decimal, DECIMAL_PRECISION_MAX, type LogicalType } from '../batch/types.ts'

/** The type of sums of a type, NULL admitted; undefined if there are none. Of what fits a number in user code it is a number again. */
export function sumTypeOf(type: LogicalType): LogicalType | undefined {
  switch (type.kind) {
    case 'TINYINT':
    case 'SMALLINT':
    case 'INT':
    case 'INTERVAL_DAY_TIME':
    case 'INTERVAL_YEAR_MONTH':
      return { kind: 'BIGINT', nullable: true, safeInteger: true }
    case 'BIGINT':
      return { ...type, nullable: true }
    case 'FLOAT':
    case 'DOUBLE':
      return { kind: 'DOUBLE', nullable: true }
    case 'DECIMAL':
      return { kind: 'DECIMAL', nullable: true, precision: DECIMAL_PRECISION_MAX, scale: type.scale }
    default:
      return undefined
  }
}

/** Adds two values of a type that has sums: bigints wrap at 64 bits, as Flink's BIGINT does. */
export function addValues(left: unknown, right: unknown): unknown {
  if (typeof left === 'number' && typeof right === 'number') return left + right
  if (typeof left === 'bigint' && typeof right === 'bigint') return BigInt.asIntN(64, left + right)
  if (left instanceof Decimal && right instanceof Decimal) {
    const scale = Math.max(left.scale, right.scale)
    return new Decimal(unscaledAt(left, scale) + unscaledAt(right, scale), scale)
  }
  throw new BadRecordError('VALUE_OUT_OF_TYPE', `Cannot add values of type ${typeof left} and ${typeof right}: a sum needs numbers, bigints or Decimals alike`)
}

function unscaledAt({ unscaled, scale }: Decimal, wanted: number): bigint {
  return scale === wanted ? unscaled : unscaled * 10n ** BigInt(wanted - scale)
}

/** Whether min and max know which of two values of a type is less. */
export function isOrdered(type: LogicalType): boolean {
  switch (type.kind) {
    case 'ARRAY':
    case 'MAP':
    case 'MULTISET':
    case 'ROW':
    case 'OBJECT':
    case 'BINARY':
    case 'VARBINARY':
    case 'VARIANT':
    case 'BITMAP':
      return false
    default:
      return true
  }
}

/**
 * Order of two values of an ordered type: numbers as Java's Double.compare (NaN above all, -0 below 0), bigints, booleans and Decimals by value;
 * text by code points, which is the order of its bytes.
 */
export function compareValues(left: unknown, right: unknown): number {
  if (left instanceof Decimal) return left.compare(right as Decimal)
  if (typeof left === 'string' && typeof right === 'string') return compareText(left, right)
  if ((left as number) < (right as number)) return -1
  if ((left as number) > (right as number)) return 1
  return rankOf(left) - rankOf(right)
}

/** Tells apart what < and > do not. */
function rankOf(value: unknown): number {
  return Number.isNaN(value) ? 1 : Object.is(value, -0) ? -1 : 0
}

function compareText(left: string, right: string): number {
  const length = Math.min(left.length, right.length)
  for (let index = 0; index < length; index++) {
    const a = left.charCodeAt(index)
    const b = right.charCodeAt(index)
    if (a === b) continue
    // Surrogates stand for code points beyond all others of 16 bits.
    const isHighA = a >= 0xd800 && a <= 0xdfff
    const isHighB = b >= 0xd800 && b <= 0xdfff
    return isHighA === isHighB ? a - b : isHighA ? 1 : -1
  }
  return left.length - right.length
}

/** {@link compareValues} as rows are sorted: -0 equals 0. */
export function compareSorted(left: unknown, right: unknown): number {
  return left === right ? 0 : compareValues(left, right)
}
