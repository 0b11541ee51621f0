// The plain twins of the scatter, gather, selection, sort, keep, dictionary and aggregate kernels, over arrays of values. Oracles of the property tests.

import { KeepOrder } from '../keep.ts'
import { Comparison } from '../select.ts'

/** A value as the twins compare it: integers as bigint, floats as number, text and bytes as bytes. */
export type TwinValue = bigint | number | Uint8Array | null

/** Bytewise order of two byte strings. */
export function compareBytes(left: Uint8Array, right: Uint8Array): number {
  const common = Math.min(left.length, right.length)
  for (let index = 0; index < common; index++) if (left[index] !== right[index]) return left[index] - right[index]
  return left.length - right.length
}

/** Rows grouped by target. */
export function scatterRows(rows: readonly number[], targets: readonly number[], targetCount: number): number[][] {
  const groups: number[][] = Array.from({ length: targetCount }, () => [])
  rows.forEach((row, index) => groups[targets[index]].push(row))
  return groups
}

function indexOfBytes(text: Uint8Array, needle: Uint8Array): number {
  for (let at = 0; at + needle.length <= text.length; at++) if (compareBytes(text.subarray(at, at + needle.length), needle) === 0) return at
  return -1
}

/** Whether a value compares with a constant of its kind; never for NULL. */
export function compares(operation: Comparison, value: TwinValue, constant: TwinValue): boolean {
  if (value === null || constant === null) return false
  if (value instanceof Uint8Array && constant instanceof Uint8Array) {
    if (operation === Comparison.STARTS_WITH) return value.length >= constant.length && compareBytes(value.subarray(0, constant.length), constant) === 0
    if (operation === Comparison.ENDS_WITH)
      return value.length >= constant.length && compareBytes(value.subarray(value.length - constant.length), constant) === 0
    if (operation === Comparison.CONTAINS) return indexOfBytes(value, constant) >= 0
    return compares(operation, compareBytes(value, constant), 0)
  }
  switch (operation) {
    case Comparison.EQUAL:
      return value === constant
    case Comparison.NOT_EQUAL:
      return value !== constant
    case Comparison.LESS:
      return value < constant
    case Comparison.LESS_OR_EQUAL:
      return value <= constant
    case Comparison.GREATER:
      return value > constant
    default:
      return value >= constant
  }
}

/** Rows of either of two ascending lists. */
export function unionRows(left: readonly number[], right: readonly number[]): number[] {
  return [...new Set([...left, ...right])].sort((a, b) => a - b)
}

/** Rows that are not in a list of some of them. */
export function differenceRows(rows: readonly number[], excluded: readonly number[]): number[] {
  const out = new Set(excluded)
  return rows.filter((row) => !out.has(row))
}

/** Rows of a column appended to others; row -1 is NULL. */
export function gatherValues<T>(target: readonly T[], source: readonly T[], rows: readonly number[]): (T | null)[] {
  return [...target, ...rows.map((row) => (row === -1 ? null : source[row]))]
}

/** A dictionary of values by first occurrence. */
export interface TwinDictionary {
  /** The code of each row, 0 for NULL. */
  readonly codes: readonly number[]
  /** The row in which each code occurs first. */
  readonly firsts: readonly number[]
}

/** Encodes keys (any text that is equal for equal ones); null if there are more than `max`. */
export function encodeDictionary(keys: readonly (string | null)[], max: number): TwinDictionary | null {
  const codes = new Map<string, number>()
  const firsts: number[] = []
  const encoded = keys.map((key, row) => {
    if (key === null) return 0
    const code = codes.get(key) ?? firsts.push(row) - 1
    codes.set(key, code)
    return code
  })
  return firsts.length > max ? null : { codes: encoded, firsts }
}

/** SQL's order of two values that are not NULL; NaN is greatest, -0 equals 0. */
export function compareValues(left: TwinValue, right: TwinValue): number {
  if (left instanceof Uint8Array && right instanceof Uint8Array) return compareBytes(left, right)
  if (Number.isNaN(left) || Number.isNaN(right)) return Number(Number.isNaN(left)) - Number(Number.isNaN(right))
  return left! < right! ? -1 : left! > right! ? 1 : 0
}

/** One column to sort by. */
export interface SortColumn {
  readonly values: readonly TwinValue[]
  readonly descending: boolean
  readonly nullsLast: boolean
}

/** Rows in order of several columns, the first one weighing most; stable. */
export function sortRows(rows: readonly number[], columns: readonly SortColumn[]): number[] {
  return rows.toSorted((left, right) => {
    for (const { values, descending, nullsLast } of columns) {
      const [a, b] = [values[left]!, values[right]!]
      if (a === null || b === null) {
        if (a === b) continue
        return (a === null) === nullsLast ? 1 : -1
      }
      const order = compareValues(a, b)
      if (order !== 0) return descending ? -order : order
    }
    return 0
  })
}

/** An order in which only equal bits are equal, as Java's Double.compare: {@link compareValues}, and -0 below 0. */
function compareTotally(left: TwinValue, right: TwinValue): number {
  return compareValues(left, right) || Number(Object.is(right, -0)) - Number(Object.is(left, -0))
}

/** The first `limit` rows, given in the order of their arrival, in a keep order of their values; NULLs are left out. */
export function keepRows(rows: readonly number[], values: readonly TwinValue[], order: KeepOrder, limit: number): number[] {
  const present = rows.filter((row) => values[row] !== null)
  if (order === KeepOrder.LAST || order === KeepOrder.ASCENDING_LATEST) present.reverse()
  if (order === KeepOrder.FIRST || order === KeepOrder.LAST) return present.slice(0, limit)
  return sortRows(present, [{ values, descending: order === KeepOrder.DESCENDING, nullsLast: true }]).slice(0, limit)
}

/** What an aggregate of some values is; null if there are none. Integer sums wrap at 64 bits. */
export function aggregate(name: 'count' | 'sum' | 'min' | 'max' | 'first' | 'last', values: readonly TwinValue[]): TwinValue {
  const present = values.filter((value) => value !== null)
  if (name === 'count') return BigInt(present.length)
  if (present.length === 0) return null
  const [first] = present
  switch (name) {
    case 'sum':
      if (typeof first === 'bigint')
        return BigInt.asIntN(
          64,
          (present as bigint[]).reduce((sum, value) => sum + value, 0n),
        )
      return (present as number[]).reduce((sum, value) => sum + value, 0)
    case 'min':
      return present.toSorted(compareTotally)[0]
    case 'max':
      return present.toSorted(compareTotally).at(-1)!
    case 'first':
      return first
    default:
      return present.at(-1)!
  }
}
