// CAST from and to dates, times, timestamps and intervals, as Flink casts, its oddities before 1970 too.

import { isText, type LogicalType } from '../batch/types.ts'
import type { EvaluationContext } from './functions/scalar-function.ts'
import { CastError } from './cast-error.ts'
import { dateText, daysOf, isDate, joinTimestamp, lengthOfMonth, MS_PER_DAY, splitTimestamp } from './times.ts'
import { isExact, isInterval } from './type-rules.ts'
import type { Value } from './value.ts'
import { zoneOf } from './zones.ts'

const MS_PER_SECOND = 1000
const MS_PER_MINUTE = 60_000
const MS_PER_HOUR = 3_600_000
const YEAR_MAX = 9999
const TIMESTAMP = /^(\d{4}|\+\d{5,9})-(\d{1,2})-(\d{0,2})(?: (\d{0,2}):(\d{0,2}):(\d{0,2})(?:\.(\d{0,9}))?)?$/

/** A type of timestamps. */
type Stamp = { readonly kind: 'TIMESTAMP' | 'TIMESTAMP_LTZ'; readonly precision: number }

/** What casts values that are not NULL; undefined: neither type is one of these, or there is no such cast. */
export function timeCastOf(from: LogicalType, to: LogicalType, context: EvaluationContext): ((value: Value) => Value) | undefined {
  if (isText(from)) return textCast(to, context)
  if (isText(to)) return textOf(from, context)
  if (isInterval(to)) return from.kind === to.kind || (isExact(from) && from.kind !== 'DECIMAL') ? (value) => Number(value) : undefined
  const zone = zoneOf(context.timeZone)
  switch (from.kind) {
    case 'DATE':
      if (to.kind === 'DATE') return (days) => days
      if (!isStamp(to)) return undefined
      return (days) => joinTimestamp(inZoneOf(to, (days as number) * MS_PER_DAY, zone.toInstant.bind(zone)), 0, to)
    case 'TIME':
      // To no fewer digits it is no cast, also of a TIME that has got more of an interval than its type says.
      if (to.kind === 'TIME') return to.precision >= from.precision ? (time) => time : (time) => cutTime(time as number, to.precision)
      if (!isStamp(to)) return undefined
      return (time) => joinTimestamp(inZoneOf(to, time as number, zone.toInstant.bind(zone)), 0, to)
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ': {
      const isLocal = from.kind === 'TIMESTAMP_LTZ'
      if (to.kind === 'DATE')
        return (stamp) => {
          const { ms } = splitTimestamp(stamp as number)
          return isLocal ? Math.floor(zone.toLocal(ms) / MS_PER_DAY) : zeroed(Math.trunc(ms / MS_PER_DAY))
        }
      if (to.kind === 'TIME')
        return (stamp) => {
          const { ms } = splitTimestamp(stamp as number)
          return cutTime(isLocal ? modulo(zone.toLocal(ms), MS_PER_DAY) : ms % MS_PER_DAY, to.precision)
        }
      if (!isStamp(to)) return undefined
      return (stamp) => {
        const { ms, nanos } = splitTimestamp(stamp as number)
        const shown = from.kind === to.kind ? ms : isLocal ? zone.toLocal(ms) : zone.toInstant(ms)
        return from.precision <= to.precision ? joinTimestamp(shown, nanos, to) : cutTimestamp(shown, nanos, to)
      }
    }
    default:
      return undefined
  }
}

function isStamp(type: LogicalType): type is LogicalType & Stamp {
  return type.kind === 'TIMESTAMP' || type.kind === 'TIMESTAMP_LTZ'
}

function inZoneOf({ kind }: Stamp, ms: number, toInstant: (ms: number) => number): number {
  return kind === 'TIMESTAMP' ? ms : toInstant(ms)
}

/** Cut toward 1970. */
function cutTimestamp(ms: number, nanos: number, type: Stamp): number | bigint {
  if (type.precision > 3) return joinTimestamp(ms, nanos, type)
  const unit = 10 ** (3 - type.precision)
  return zeroed(Math.trunc(ms / unit) * unit)
}

/** @throws {RangeError} for what is not within a day */
function cutTime(ms: number, precision: number): number {
  const unit = precision >= 3 ? 1 : 10 ** (3 - precision)
  const cut = zeroed(Math.trunc(ms / unit) * unit)
  if (cut < 0 || cut >= MS_PER_DAY) throw new RangeError(`There is no time of the day ${ms} ms after midnight`)
  return cut
}

function modulo(value: number, by: number): number {
  return value - Math.floor(value / by) * by
}

/** Without the sign of a zero. */
function zeroed(value: number): number {
  return value === 0 ? 0 : value
}

// ---- text ----

function textCast(to: LogicalType, context: EvaluationContext): ((value: Value) => Value) | undefined {
  const read =
    <T>(parse: (text: string) => T | undefined) =>
    (value: Value): T => {
      const parsed = parse(value as string)
      if (parsed === undefined) throw new CastError(`Cannot cast ${JSON.stringify(value)} to ${to.kind}`)
      return parsed
    }
  switch (to.kind) {
    case 'DATE':
      return read(parseDate)
    case 'TIME':
      return read((text) => {
        const time = parseTime(text)
        return time === undefined ? undefined : cutTime(time, to.precision)
      })
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ': {
      const stamp: Stamp = { kind: to.kind, precision: to.precision }
      return read((text) => parseTimestamp(text, stamp, context))
    }
    default:
      return undefined
  }
}

/** `yyyy[-MM[-dd]]` and, behind a blank, anything; as days. */
export function parseDate(text: string): number | undefined {
  const blank = text.indexOf(' ')
  const [year, month = '1', day = '1', ...rest] = (blank > 0 ? text.slice(0, blank) : text).split('-')
  const last = rest.length === 0 ? day : [day, ...rest].join('-')
  const numbers = [year, month, last].map((part) => part.trim())
  if (!numbers.every((part) => /^\d{1,9}$/.test(part))) return undefined
  const [y, m, d] = numbers.map(Number)
  return y <= YEAR_MAX && isDate(y, m, d) ? daysOf(y, m, d) : undefined
}

/** `HH[:mm[:ss[.f]]]` and an offset, by which Flink moves it, as milliseconds. */
export function parseTime(text: string): number | undefined {
  const match = /^\s*(\d{1,9})\s*(?::\s*(\d{1,9})\s*(?::\s*(\d{1,9})\s*(?:\.([^+-]*))?)?)?(?:([+-])\s*(\d{1,9})\s*(?::\s*(\d{1,9})\s*)?)?$/.exec(text)
  if (match === null) return undefined
  const sign = match[5] === '-' ? -1 : 1
  const [hour, minute, second] = match.slice(1, 4).map((part) => Number(part ?? 0))
  if (hour > 23 || minute > 59 || second > 59) return undefined
  const offset = sign * (Number(match[6] ?? 0) * MS_PER_HOUR + Number(match[7] ?? 0) * MS_PER_MINUTE)
  const time = hour * MS_PER_HOUR + minute * MS_PER_MINUTE + second * MS_PER_SECOND + millisecondsOf((match[4] ?? '').trim()) + offset
  return time < 0 || time >= MS_PER_DAY ? undefined : time
}

/** Of a fraction, rounded by its fourth digit; what is no digit counts as 0. */
function millisecondsOf(fraction: string): number {
  const digit = (at: number): number => (/\d/.test(fraction.charAt(at)) ? Number(fraction[at]) : 0)
  return digit(0) * 100 + digit(1) * 10 + digit(2) + (fraction.charAt(3) >= '5' ? 1 : 0)
}

/** `yyyy-M-d[ H:m:s[.f]]`; a day that its month lacks is the month's last one, and 24:00:00 the next day. */
export function parseTimestamp(text: string, to: Stamp, context: EvaluationContext): number | bigint | undefined {
  const match = TIMESTAMP.exec(text)
  if (match === null) return undefined
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part, index) => Number(part || (index === 2 ? 1 : 0)))
  const nanos = Number((match[7] ?? '').padEnd(9, '0'))
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > 31 || minute > 59 || second > 59) return undefined
  if (hour > 23 && (hour > 24 || minute > 0 || second > 0 || nanos > 0)) return undefined
  const days = daysOf(year, month, Math.min(day, lengthOfMonth(year, month)))
  const ms = days * MS_PER_DAY + hour * MS_PER_HOUR + minute * MS_PER_MINUTE + second * MS_PER_SECOND + Math.floor(nanos / 1_000_000)
  return joinTimestamp(to.kind === 'TIMESTAMP' ? ms : zoneOf(context.timeZone).toInstant(ms), nanos % 1_000_000, to)
}

/** As text, with as many digits of a second's fraction as the type has. */
function textOf(from: LogicalType, context: EvaluationContext): ((value: Value) => string) | undefined {
  switch (from.kind) {
    case 'DATE':
      return (value) => plainDateText(value as number)
    case 'TIME':
      return (value) => timeText(value as number, from.precision)
    case 'TIMESTAMP':
      return (value) => stampText(value as number | bigint, from.precision)
    case 'TIMESTAMP_LTZ': {
      const zone = zoneOf(context.timeZone)
      return (value) => {
        const { ms, nanos } = splitTimestamp(value as number | bigint)
        return stampText(BigInt(zone.toLocal(ms)) * 1_000_000n + BigInt(nanos), from.precision)
      }
    }
    case 'INTERVAL_YEAR_MONTH':
      return (value) => monthsText(value as number)
    case 'INTERVAL_DAY_TIME':
      return (value) => secondsText(value as number)
    default:
      return undefined
  }
}

/** Without the plus of long years. */
function plainDateText(days: number): string {
  return dateText(days).replace('+', '')
}

/** `yyyy-MM-dd HH:mm:ss[.f]` with so many digits. */
export function stampText(value: number | bigint, precision: number): string {
  const { ms, nanos } = splitTimestamp(value)
  const days = Math.floor(ms / MS_PER_DAY)
  return `${plainDateText(days)} ${clockText(ms - days * MS_PER_DAY, nanos, precision)}`
}

function clockText(ms: number, nanos: number, precision: number): string {
  const fraction = digits((ms % MS_PER_SECOND) * 1_000_000 + nanos, 9).slice(0, precision)
  return `${wholeClockText(ms)}${fraction === '' ? '' : `.${fraction}`}`
}

/** Of a TIME: without zeros at the end of the fraction, but for one. */
function timeText(ms: number, precision: number): string {
  if (precision === 0) return wholeClockText(ms)
  const fraction = digits(ms % MS_PER_SECOND, 3).slice(0, precision)
  return `${wholeClockText(ms)}.${fraction.replace(/0+$/, '') || '0'}`
}

function wholeClockText(ms: number): string {
  const seconds = Math.floor(ms / MS_PER_SECOND)
  return `${digits(Math.floor(seconds / 3600), 2)}:${digits(Math.floor(seconds / 60) % 60, 2)}:${digits(seconds % 60, 2)}`
}

/** `+1-02` */
function monthsText(months: number): string {
  const all = Math.abs(months)
  return `${months < 0 ? '-' : '+'}${Math.floor(all / 12)}-${digits(all % 12, 2)}`
}

/** `+1 02:03:04.567` */
function secondsText(ms: number): string {
  const all = Math.abs(ms)
  const days = Math.floor(all / MS_PER_DAY)
  return `${ms < 0 ? '-' : '+'}${days} ${clockText(all - days * MS_PER_DAY, 0, 3)}`
}

function digits(value: number, count: number): string {
  return String(value).padStart(count, '0')
}
