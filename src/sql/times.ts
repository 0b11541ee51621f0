// Dates, times, timestamps and intervals as texts and numbers (value.ts says which): what literals, casts, functions and formats share.

import type { LogicalType } from '../batch/types.ts'

/** What matters of a timestamp's type: digits of a second's fraction. */
export type TimestampType = Pick<LogicalType & { readonly kind: 'TIMESTAMP' }, 'precision'>

const MS_PER_SECOND = 1000
const MS_PER_MINUTE = 60_000
const MS_PER_HOUR = 3_600_000
export const MS_PER_DAY = 86_400_000
const NANOS_PER_MS = 1_000_000n

/** Whole milliseconds, towards the past, and the nanoseconds behind them. */
export function splitTimestamp(value: number | bigint): { readonly ms: number; readonly nanos: number } {
  if (typeof value === 'number') return { ms: value, nanos: 0 }
  const nanos = ((value % NANOS_PER_MS) + NANOS_PER_MS) % NANOS_PER_MS
  return { ms: Number((value - nanos) / NANOS_PER_MS), nanos: Number(nanos) }
}

/** The value of a type with milliseconds and nanoseconds, cut to its precision towards the past. */
export function joinTimestamp(ms: number, nanos: number, { precision }: TimestampType): number | bigint {
  if (precision <= 3) {
    const unit = 10 ** (3 - precision)
    return Math.floor(ms / unit) * unit
  }
  const unit = 10 ** (9 - precision)
  return BigInt(ms) * NANOS_PER_MS + BigInt(Math.floor(nanos / unit) * unit)
}

/** `yyyy-MM-dd` */
export function dateText(days: number): string {
  const { year, month, day } = civilOf(days)
  return `${yearText(year)}-${two(month)}-${two(day)}`
}

function yearText(year: number): string {
  return year < 0 ? `-${String(-year).padStart(4, '0')}` : year > 9999 ? `+${year}` : String(year).padStart(4, '0')
}

/** `HH:mm[:ss[.fff]]`, as Java prints a LocalTime: seconds are left out where they are 0. */
export function timeText(ms: number): string {
  const seconds = Math.floor(ms / MS_PER_SECOND) % 60
  const text = `${two(Math.floor(ms / MS_PER_HOUR))}:${two(Math.floor(ms / MS_PER_MINUTE) % 60)}`
  if (ms % MS_PER_MINUTE === 0) return text
  const fraction = ms % MS_PER_SECOND
  return `${text}:${two(seconds)}${fraction === 0 ? '' : `.${String(fraction).padStart(3, '0')}`}`
}

/** `yyyy-MM-dd HH:mm:ss[.f]` without zeros at the end; years before the first are those before Christ. */
export function timestampText(value: number | bigint): string {
  const { ms, nanos } = splitTimestamp(value)
  const days = Math.floor(ms / MS_PER_DAY)
  const rest = ms - days * MS_PER_DAY
  const clock = `${two(Math.floor(rest / MS_PER_HOUR))}:${two(Math.floor(rest / MS_PER_MINUTE) % 60)}:${two(Math.floor(rest / MS_PER_SECOND) % 60)}`
  const { year, month, day } = civilOf(days)
  const date = `${yearText(year > 0 ? year : 1 - year)}-${two(month)}-${two(day)}`
  return `${date} ${clock}${fractionText((rest % MS_PER_SECOND) * 1_000_000 + nanos)}`
}

function fractionText(nanos: number): string {
  return nanos === 0 ? '' : `.${String(nanos).padStart(9, '0').replace(/0+$/, '')}`
}

/** As Java prints a Duration: `PT1H2.5S`. */
export function durationText(ms: number): string {
  if (ms === 0) return 'PT0S'
  const hours = Math.trunc(ms / MS_PER_HOUR)
  const minutes = Math.trunc((ms % MS_PER_HOUR) / MS_PER_MINUTE)
  const rest = ms % MS_PER_MINUTE
  const magnitude = Math.abs(rest)
  const seconds = `${rest < 0 ? '-' : ''}${Math.floor(magnitude / MS_PER_SECOND)}${fractionText((magnitude % MS_PER_SECOND) * 1_000_000)}S`
  return `PT${hours === 0 ? '' : `${hours}H`}${minutes === 0 ? '' : `${minutes}M`}${rest === 0 ? '' : seconds}`
}

/** As Java prints a Period of months: `P14M`. */
export function periodText(months: number): string {
  return months === 0 ? 'P0D' : `P${months}M`
}

/** Whether there is such a day; month and day from 1. */
export function isDate(year: number, month: number, day: number): boolean {
  return month >= 1 && month <= 12 && day >= 1 && day <= lengthOfMonth(year, month)
}

/** The number of its days; the month from 1. */
export function lengthOfMonth(year: number, month: number): number {
  if (month !== 2) return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
  return isLeapYear(year) ? 29 : 28
}

export function isLeapYear(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
}

/** The same day some months later, or the last day of a shorter month. */
export function addMonths(days: number, months: number): number {
  const { year, month, day } = civilOf(days)
  const total = year * 12 + month - 1 + months
  const later = Math.floor(total / 12)
  const monthOfLater = total - later * 12 + 1
  return daysOf(later, monthOfLater, Math.min(day, lengthOfMonth(later, monthOfLater)))
}

/** The date of a day in the proleptic Gregorian calendar; month and day from 1. After Howard Hinnant's `civil_from_days`. */
export function civilOf(days: number): { readonly year: number; readonly month: number; readonly day: number } {
  const shifted = days + 719_468
  const era = Math.floor(shifted / 146_097)
  const dayOfEra = shifted - era * 146_097
  const yearOfEra = Math.floor((dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365)
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153)
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day: dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1 }
}

/** The day of a date: the reverse of {@link civilOf}. */
export function daysOf(year: number, month: number, day: number): number {
  const shiftedYear = month <= 2 ? year - 1 : year
  const era = Math.floor(shiftedYear / 400)
  const yearOfEra = shiftedYear - era * 400
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146_097 + dayOfEra - 719_468
}

function two(value: number): string {
  return value < 10 ? `0${value}` : String(value)
}
