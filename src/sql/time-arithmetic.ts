// Dates, times and timestamps plus and minus intervals, and intervals among themselves.

import type { LogicalType } from '../batch/types.ts'
import { addMonths, MS_PER_DAY, splitTimestamp } from './times.ts'
import { isExact, isInterval } from './type-rules.ts'
import type { Value } from './value.ts'

const NANOS_PER_MS = 1_000_000n
const INT_LIMIT = 2_147_483_648

/** What computes a `+`, `-` or `*` with an interval; undefined: none of the operands is one, or it is not computed. */
export function intervalArithmetic(operator: string, left: LogicalType, right: LogicalType): ((left: Value, right: Value) => Value) | undefined {
  if (isInterval(left) && isInterval(right)) {
    const sign = operator === '-' ? -1 : 1
    return (one, other) => checked((one as number) + sign * (other as number), left)
  }
  if (operator === '/') return undefined
  if (operator === '*') {
    const [interval, factor] = isInterval(left) ? [left, right] : [right, left]
    // What has a type need not be computed: Flink does not divide intervals, and multiplies them by whole numbers only.
    if (!isInterval(interval) || !isExact(factor) || factor.kind === 'DECIMAL') return undefined
    return (one, other) => checked(Number(one) * Number(other), interval)
  }
  if (isInterval(left)) return (interval, time) => addInterval(time, right, interval as number, left)
  if (isInterval(right)) {
    const sign = operator === '-' ? -1 : 1
    return (time, interval) => addInterval(time, left, sign * (interval as number), right)
  }
  return undefined
}

/** A date, time or timestamp some months or milliseconds later. @throws {RangeError} if no column holds it. */
export function addInterval(time: Value, { kind }: LogicalType, amount: number, interval: LogicalType): Value {
  if (interval.kind === 'INTERVAL_YEAR_MONTH') {
    if (kind === 'DATE') return dateIn(addMonths(time as number, amount))
    if (kind === 'TIME') return time
    return shifted(time, (ms) => {
      const days = Math.floor(ms / MS_PER_DAY)
      return addMonths(days, amount) * MS_PER_DAY + ms - days * MS_PER_DAY
    })
  }
  // Hours of a DATE are lost unless they make whole days.
  if (kind === 'DATE') return dateIn((time as number) + Math.trunc(amount / MS_PER_DAY))
  if (kind === 'TIME') return ((time as number) + MS_PER_DAY + (amount % MS_PER_DAY)) % MS_PER_DAY
  return shifted(time, (ms) => ms + amount)
}

/** A timestamp whose milliseconds change, while what is behind them stays. */
function shifted(time: Value, change: (ms: number) => number): Value {
  if (typeof time === 'number') return instantIn(change(time))
  const { ms, nanos } = splitTimestamp(time as bigint)
  return BigInt(instantIn(change(ms))) * NANOS_PER_MS + BigInt(nanos)
}

/** Days as 32 bits hold them. @throws {RangeError} */
function dateIn(days: number): number {
  if (days < -INT_LIMIT || days >= INT_LIMIT) throw new RangeError('The date is out of range')
  return days
}

/** Milliseconds that a number holds exactly: what a column has of them, microseconds too, 64 bits hold then. @throws {RangeError} */
export function instantIn(ms: number): number {
  if (!Number.isSafeInteger(ms)) throw new RangeError('The timestamp is out of range')
  return ms
}

/** Months wrap as an INT does. @throws {RangeError} */
function checked(value: number, { kind }: LogicalType): number {
  if (kind === 'INTERVAL_DAY_TIME' && !Number.isSafeInteger(value)) throw new RangeError('The interval is out of range')
  if (kind !== 'INTERVAL_YEAR_MONTH' || (value >= -INT_LIMIT && value < INT_LIMIT)) return value === 0 ? 0 : value
  return Number(BigInt.asIntN(32, BigInt(value)))
}
