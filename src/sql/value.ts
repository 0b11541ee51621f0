// Values as expressions compute with them, row by row: how they are ordered, and when two are the same.

import { Decimal } from '../batch/types.ts'

/**
 * A value; null is NULL, or UNKNOWN.
 *
 * | type | value |
 * |---|---|
 * | BOOLEAN | boolean |
 * | TINYINT, SMALLINT, INT, FLOAT, DOUBLE | number; a FLOAT is rounded to one |
 * | BIGINT | bigint |
 * | DECIMAL | {@link Decimal} at the scale of its type |
 * | CHAR, VARCHAR | string |
 * | BINARY, VARBINARY | Uint8Array |
 * | VARIANT | Uint8Array: see batch/variant.ts |
 * | BITMAP | Uint8Array: of a Roaring bitmap, the same for the same values |
 * | DATE | number: days since 1970-01-01 |
 * | TIME | number: milliseconds of the day |
 * | TIMESTAMP, TIMESTAMP_LTZ of precision 0 to 3 | number: milliseconds since 1970-01-01, without a zone or in UTC |
 * | of precision 4 to 9 | bigint: nanoseconds since then |
 * | INTERVAL | number: months, or milliseconds |
 * | ARRAY, ROW | array of values |
 * | MAP, MULTISET | array of pairs: key and value, element and count; each key once, in the order of insertion |
 */
export type Value = null | boolean | number | bigint | string | Decimal | Uint8Array | readonly Value[]

/** Negative, zero or positive: of two values of one type, neither of them null. */
export function compareValues(left: Value, right: Value): number {
  if (left instanceof Decimal) return left.compare(right as Decimal)
  if (typeof left === 'string') return compareTexts(left, right as string)
  if (left instanceof Uint8Array) return Buffer.compare(left, right as Uint8Array)
  if (Array.isArray(left)) return compareLists(left, right as readonly Value[])
  return left! < right! ? -1 : left! > right! ? 1 : 0
}

function compareLists(left: readonly Value[], right: readonly Value[]): number {
  for (let index = 0; index < left.length && index < right.length; index++) {
    const [one, other] = [left[index], right[index]]
    const order = one === null || other === null ? Number(one !== null) - Number(other !== null) : compareValues(one, other)
    if (order !== 0) return order
  }
  return left.length - right.length
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

/** Whether two values of one type are the same, as DISTINCT and GROUP BY see it: NULL is NULL, NaN is NaN, -0 is 0. */
export function isSame(left: Value, right: Value): boolean {
  if (left === null || right === null) return left === right
  if (typeof left === 'number') return left === right || (left !== left && right !== right)
  if (typeof left === 'object') return keyOf(left) === keyOf(right)
  return left === right
}

/** A text that two values of one type share if they are the same: the key of a JavaScript Map. */
export function keyOf(value: Value): string {
  if (value === null) return 'n'
  if (typeof value === 'string') return `s${value.length}:${value}`
  if (typeof value === 'number') return `d${value === 0 ? 0 : value}`
  if (value instanceof Decimal) return `m${value.toString()}`
  if (value instanceof Uint8Array) return `x${Buffer.from(value).toString('hex')}`
  if (Array.isArray(value)) return `[${(value as readonly Value[]).map(keyOf).join(',')}]`
  return `${typeof value === 'bigint' ? 'i' : 'b'}${value as bigint | boolean}`
}
