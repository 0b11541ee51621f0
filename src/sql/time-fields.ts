// Fields of dates, times, timestamps and intervals, and rounding to them, as Flink computes them: before 1970 often toward 1970 instead of downward.

import type { LogicalType } from '../batch/types.ts'
import { civilOf, daysOf, MS_PER_DAY, splitTimestamp } from './times.ts'
import type { Value } from './value.ts'
import { type Zone } from './zones.ts'

const UNIT_MS: Readonly<Record<string, number>> = { HOUR: 3_600_000, MINUTE: 60_000, SECOND: 1000, MILLISECOND: 1 }
/** The last day of the first week of 1970 that starts on Sunday, which is a Saturday. */
const FIRST_SUNDAY = 3
const DATE_UNITS = new Set(['MILLENNIUM', 'CENTURY', 'DECADE', 'YEAR', 'QUARTER', 'MONTH', 'WEEK', 'DAY', 'DOY', 'DOW', 'ISODOW', 'ISOYEAR', 'EPOCH'])

/** Whether EXTRACT finds a unit in a type. */
export function hasField(unit: string, { kind }: LogicalType): boolean {
  const isClock = UNIT_MS[unit] !== undefined
  switch (kind) {
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ':
      return DATE_UNITS.has(unit) || isClock || unit === 'MICROSECOND' || unit === 'NANOSECOND'
    case 'DATE':
      return DATE_UNITS.has(unit) || isClock
    case 'TIME':
      return isClock
    case 'INTERVAL_YEAR_MONTH':
      return unit === 'MILLENNIUM' || unit === 'CENTURY' || unit === 'YEAR' || unit === 'QUARTER' || unit === 'MONTH'
    case 'INTERVAL_DAY_TIME':
      return unit === 'DAY' || isClock
    default:
      return false
  }
}

/** What EXTRACT gives of a value. @param zone Of instants, whose local time counts. */
export function fieldReader(unit: string, { kind }: LogicalType, zone: Zone): (value: Value) => bigint {
  switch (kind) {
    case 'TIMESTAMP':
      return (value) => {
        const { ms, nanos } = splitTimestamp(value as number)
        return BigInt(timestampField(unit, ms, nanos))
      }
    case 'TIMESTAMP_LTZ':
      return (value) => {
        const { ms, nanos } = splitTimestamp(value as number)
        return BigInt(timestampField(unit, zone.toLocal(ms), nanos))
      }
    case 'DATE':
      return (value) => BigInt(dateField(unit, value as number))
    case 'INTERVAL_YEAR_MONTH':
      return (value) => BigInt(monthsField(unit, value as number))
    default:
      return (value) => BigInt(clockField(unit, value as number))
  }
}

function timestampField(unit: string, ms: number, nanos: number): number {
  if (unit === 'EPOCH') return Math.trunc(ms / 1000)
  if (unit === 'MICROSECOND') return (ms % 1000) * 1000 + Math.floor(nanos / 1000)
  if (unit === 'NANOSECOND') return (ms % 1000) * 1_000_000 + nanos
  return UNIT_MS[unit] === undefined ? dateField(unit, Math.trunc(ms / MS_PER_DAY)) : clockField(unit, ms)
}

/** Of what is beyond whole days, with its sign. */
function clockField(unit: string, ms: number): number {
  switch (unit) {
    case 'DAY':
      return Math.trunc(ms / MS_PER_DAY)
    case 'HOUR':
      return Math.trunc((ms % MS_PER_DAY) / 3_600_000)
    case 'MINUTE':
      return Math.trunc((ms % 3_600_000) / 60_000)
    case 'SECOND':
      return Math.trunc((ms % 60_000) / 1000)
    default:
      return ms % 1000
  }
}

function monthsField(unit: string, months: number): number {
  switch (unit) {
    case 'YEAR':
      return Math.trunc(months / 12)
    case 'QUARTER':
      return Math.trunc(((months % 12) - 1) / 3) + 1
    case 'MONTH':
      return months % 12
    default:
      return Math.trunc(months / (unit === 'CENTURY' ? 1200 : 12_000))
  }
}

function dateField(unit: string, days: number): number {
  const { year, month, day } = civilOf(days)
  switch (unit) {
    case 'MILLENNIUM':
      return Math.floor((year + 999) / 1000)
    case 'CENTURY':
      return Math.floor((year + 99) / 100)
    case 'DECADE':
      return Math.floor(year / 10)
    case 'YEAR':
      return year
    case 'QUARTER':
      return Math.ceil(month / 3)
    case 'MONTH':
      return month
    case 'WEEK':
      return isoWeekOf(days).week
    case 'ISOYEAR':
      return isoWeekOf(days).year
    case 'DAY':
      return day
    case 'DOY':
      return days - daysOf(year, 1, 1) + 1
    case 'DOW':
      return modulo(days - FIRST_SUNDAY, 7) + 1
    case 'ISODOW':
      return modulo(days - FIRST_SUNDAY - 1, 7) + 1
    case 'EPOCH':
      return days * 86_400
    // Flink takes the days for milliseconds.
    default:
      return clockField(unit, days)
  }
}

/** The week from Monday that a day is in, and the year that has its Thursday. */
function isoWeekOf(days: number): { readonly year: number; readonly week: number } {
  const thursday = days - modulo(days - FIRST_SUNDAY - 1, 7) + 3
  const { year } = civilOf(thursday)
  return { year, week: Math.floor((thursday - daysOf(year, 1, 1)) / 7) + 1 }
}

// ---- rounding ----

const ROUNDING_UNITS = new Set(['MILLENNIUM', 'CENTURY', 'DECADE', 'YEAR', 'QUARTER', 'MONTH', 'WEEK', 'DAY', 'HOUR', 'MINUTE', 'SECOND', 'MILLISECOND'])

/** Whether FLOOR and CEIL round to a unit. */
export function isRoundingUnit(unit: string): boolean {
  return ROUNDING_UNITS.has(unit)
}

/** What rounds a value down, or up, to a unit. @param zone Of instants, whose local time counts. */
export function rounding(unit: string, isUp: boolean, type: LogicalType, zone: Zone): (value: Value) => Value {
  switch (type.kind) {
    case 'DATE':
      return (value) => roundedDate(unit, isUp, value as number)
    case 'TIME':
      return (value) => {
        const rounded = roundedClock(unit, isUp, value as number)
        if (rounded >= MS_PER_DAY) throw new RangeError('A time of the day ends before 24:00:00')
        return rounded
      }
    default: {
      const isLocal = type.kind === 'TIMESTAMP_LTZ'
      return (value) => {
        const { ms, nanos } = splitTimestamp(value as number)
        const offsetMs = isLocal ? zone.offsetAt(ms) : 0
        const rounded = roundedTimestamp(unit, isUp, ms + offsetMs, nanos) - offsetMs
        return typeof value === 'bigint' ? BigInt(rounded) * 1_000_000n : rounded
      }
    }
  }
}

function roundedTimestamp(unit: string, isUp: boolean, ms: number, nanos: number): number {
  if (unit === 'MILLISECOND') return isUp && nanos > 0 ? ms + 1 : ms
  const unitMs = unit === 'DAY' ? MS_PER_DAY : UNIT_MS[unit]
  if (unitMs !== undefined) return (isUp ? Math.ceil(ms / unitMs) : Math.floor(ms / unitMs)) * unitMs
  return roundedDate(unit, isUp, Math.trunc(ms / MS_PER_DAY)) * MS_PER_DAY
}

function roundedClock(unit: string, isUp: boolean, ms: number): number {
  const unitMs = UNIT_MS[unit]
  if (unitMs === undefined) return ms
  return (isUp ? Math.ceil(ms / unitMs) : Math.floor(ms / unitMs)) * unitMs
}

function roundedDate(unit: string, isUp: boolean, days: number): number {
  const { year, month, day } = civilOf(days)
  const isFirst = day === 1
  const step = isUp ? 1 : 0
  switch (unit) {
    case 'MILLENNIUM':
      return daysOf(1000 * (Math.floor((year - 1) / 1000) + step) + 1, 1, 1)
    case 'CENTURY':
      return daysOf(100 * (Math.floor((year - 1) / 100) + step) + 1, 1, 1)
    case 'DECADE':
      return daysOf(10 * (Math.floor(year / 10) + step), 1, 1)
    case 'YEAR':
      return daysOf(isFirst && month === 1 ? year : year + step, 1, 1)
    case 'QUARTER': {
      const first = Math.floor((month - 1) / 3) * 3 + 1
      return isFirst && month === first ? days : firstOf(year, first + 3 * step)
    }
    case 'MONTH':
      return isFirst ? days : firstOf(year, month + step)
    case 'WEEK': {
      const beyond = modulo(days - FIRST_SUNDAY, 7)
      return beyond === 0 ? days : days - beyond + 7 * step
    }
    default:
      return days + (unit === 'DAY' ? step : 0)
  }
}

/** The first of a month, which may be the next year's. */
function firstOf(year: number, month: number): number {
  return month > 12 ? daysOf(year + 1, month - 12, 1) : daysOf(year, month, 1)
}

function modulo(value: number, by: number): number {
  return ((value % by) + by) % by
}
