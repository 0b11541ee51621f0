// The conversion table of the text scanners in plain TypeScript: from the text of one value to the value. Slow and simple on purpose; the
// oracle of the kernels in property tests. Values: 64-bit integers as bigint, decimals unscaled, TIMESTAMP(7..9) as [ms, nanoseconds within].

import { TypeCode } from '../column-layout.ts'
import { BadReason } from '../json-scan-layout.ts'
import type { ScanField } from '../json-scan.ts'

/** A value as the twins give it. */
export type TwinValue = null | boolean | number | bigint | string | TwinValue[] | { [name: string]: TwinValue }

/** How a value was written. */
export type TokenKind = 'string' | 'number' | 'word' | 'csv'

export interface TwinMode {
  readonly flink: boolean
  readonly isoTimestamps: boolean
}

/** Says that a record is bad, and why. */
export class BadRecord extends Error {
  readonly reason: number
  readonly field: string
  constructor(reason: number, field: string) {
    super(`bad record: reason ${reason} field ${field}`)
    this.reason = reason
    this.field = field
  }
}

const NUMERIC: ReadonlySet<number> = new Set([
  TypeCode.TINYINT,
  TypeCode.SMALLINT,
  TypeCode.INT,
  TypeCode.BIGINT,
  TypeCode.FLOAT,
  TypeCode.DOUBLE,
  TypeCode.DECIMAL,
  TypeCode.INTERVAL_YEAR_MONTH,
  TypeCode.INTERVAL_DAY_TIME,
])

/** Bits of the integer types. */
const INTEGER_BITS: Readonly<Record<number, bigint>> = {
  [TypeCode.TINYINT]: 8n,
  [TypeCode.SMALLINT]: 16n,
  [TypeCode.INT]: 32n,
  [TypeCode.INTERVAL_YEAR_MONTH]: 32n,
  [TypeCode.BIGINT]: 64n,
  [TypeCode.INTERVAL_DAY_TIME]: 64n,
}

/** Converts the text of one value, or throws the reason as a number. */
export function convertTwin(field: ScanField, text: string, kind: TokenKind, mode: TwinMode): TwinValue {
  if (!mode.flink && kind !== 'csv') {
    const wanted = field.type === TypeCode.BOOLEAN ? 'word' : NUMERIC.has(field.type) ? 'number' : 'string'
    if (kind !== wanted) throw BadReason.TYPE_MISMATCH
  }
  switch (field.type) {
    case TypeCode.BOOLEAN:
      if (kind === 'word') return text === 'true'
      if (mode.flink) return trim(text).toLowerCase() === 'true'
      if (!/^(true|false)$/i.test(text)) throw BadReason.INVALID_VALUE
      return text.toLowerCase() === 'true'
    case TypeCode.CHAR:
    case TypeCode.VARCHAR:
      return mode.flink ? text : fitted(field, text)
    case TypeCode.BINARY:
    case TypeCode.VARBINARY:
      if (kind === 'number' || kind === 'word') throw BadReason.TYPE_MISMATCH
      return base64(field, text, mode.flink)
    case TypeCode.FLOAT:
    case TypeCode.DOUBLE:
      return floating(field, text, kind, mode)
    case TypeCode.DECIMAL:
      return decimal(field, text, kind, mode)
    case TypeCode.DATE:
      return date(text, mode.flink && kind === 'csv')
    case TypeCode.TIME:
      return time(field, text, kind, mode)
    case TypeCode.TIMESTAMP:
    case TypeCode.TIMESTAMP_LTZ:
      return timestamp(field, text, kind, mode)
    default:
      return integer(field, text, kind, mode)
  }
}

/** Java's trim: everything up to the blank. */
function trim(text: string): string {
  return text.replace(/^[\0-\x20]+/, '').replace(/[\0-\x20]+$/, '')
}

const NUMBER_TEXT = /^([+-]?)(\d*)(?:(\.)(\d*))?(?:([eE])([+-]?\d+))?$/

interface Parts {
  readonly negative: boolean
  readonly digits: string
  /** value = digits * 10^exponent */
  readonly exponent: number
  readonly plain: boolean
}

function parts(text: string): Parts {
  const match = NUMBER_TEXT.exec(text)
  if (!match || (match[2] === '' && (match[4] ?? '') === '')) throw BadReason.INVALID_VALUE
  const fraction = match[4] ?? ''
  return {
    negative: match[1] === '-',
    digits: (match[2] + fraction).replace(/^0+/, ''),
    exponent: Math.max(-1e7, Math.min(1e7, Number(match[6] ?? 0))) - fraction.length,
    plain: match[3] === undefined && match[5] === undefined,
  }
}

/** The number scaled by 10^scale as an integer; rounded half up away from zero, or refused, where digits are lost. */
function scaled(number: Parts, scale: number, round: boolean): bigint {
  if (number.digits === '') return 0n
  const shift = number.exponent + scale
  if (number.digits.length + shift > 38) throw BadReason.OUT_OF_RANGE
  if (shift >= 0) return BigInt(number.digits + '0'.repeat(shift))
  const kept = number.digits.slice(0, Math.max(0, number.digits.length + shift))
  const lost = number.digits.padStart(-shift, '0').slice(shift)
  if (!round && /[1-9]/.test(lost)) throw BadReason.INEXACT
  return BigInt(kept === '' ? 0 : kept) + (lost[0] >= '5' ? 1n : 0n)
}

function integer(field: ScanField, text: string, kind: TokenKind, mode: TwinMode): TwinValue {
  const bits = INTEGER_BITS[field.type]
  if (kind === 'word') throw BadReason.INVALID_VALUE
  if (kind !== 'number' && mode.flink) text = trim(text)
  const number = parts(text)
  if (kind !== 'number' && mode.flink && !number.plain) throw BadReason.INVALID_VALUE
  let value: bigint
  if (number.plain) value = BigInt(number.digits === '' ? 0 : number.digits)
  else if (mode.flink) {
    if (bits < 32n) throw BadReason.INVALID_VALUE
    const double = Number(text)
    if (Math.abs(double) > 2 ** 63) throw BadReason.OUT_OF_RANGE
    if (bits === 32n && (double > 2 ** 31 - 1 || double < -(2 ** 31))) throw BadReason.OUT_OF_RANGE
    value = BigInt(Math.trunc(Math.abs(double)))
    // Java's cast of 2^63 to long.
    if (!number.negative && value === 2n ** 63n) value -= 1n
  } else value = scaled(number, 0, false)
  if (number.negative) value = -value
  if (BigInt.asIntN(Number(bits), value) !== value) throw BadReason.OUT_OF_RANGE
  if (field.safeInteger && (value > 2n ** 53n - 1n || value < -(2n ** 53n) + 1n)) throw BadReason.OUT_OF_RANGE
  return bits === 64n ? value : Number(value)
}

function floating(field: ScanField, text: string, kind: TokenKind, mode: TwinMode): TwinValue {
  let value: number
  if (kind === 'number') value = Number(text)
  else {
    if (kind === 'word') throw BadReason.INVALID_VALUE
    text = trim(text)
    const special = /^([+-]?)(NaN|Infinity)$/.exec(text)
    if (special) return special[2] === 'NaN' ? NaN : special[1] === '-' ? -Infinity : Infinity
    if (mode.flink) text = text.replace(/(?<=[\d.])[dDfF]$/, '')
    parts(text)
    value = Number(text)
  }
  if (field.type === TypeCode.FLOAT) value = nearestFloat(text, value)
  if (!mode.flink && Math.abs(value) === Infinity) throw BadReason.OUT_OF_RANGE
  return value
}

/** The float nearest to the number of a text, whose nearest double is `value`. */
function nearestFloat(text: string, value: number): number {
  const near = Math.fround(value)
  const other = 2 * value - near
  if (near === value || Math.abs(value) === Infinity || Math.fround(other) !== other) return near
  // The double lies in the middle of two floats: the digits decide, for which the next double on their side stands.
  const { digits, exponent } = parts(text)
  const [bits] = new BigInt64Array(Float64Array.of(Math.abs(value)).buffer)
  const power = Math.max(0, Number(bits >> 52n) - 1) - 1074
  const mantissa = (bits & ((1n << 52n) - 1n)) | (bits >> 52n === 0n ? 0n : 1n << 52n)
  const written = BigInt(digits) * 10n ** BigInt(Math.max(0, exponent)) * 2n ** BigInt(Math.max(0, -power))
  const read = mantissa * 2n ** BigInt(Math.max(0, power)) * 10n ** BigInt(Math.max(0, -exponent))
  const [decided] = new Float64Array(BigInt64Array.of(bits + (written > read ? 1n : written < read ? -1n : 0n)).buffer)
  return Math.fround(Math.sign(value) * decided)
}

/** Thrown in place of a reason: the table says NULL. */
export const CONVERTS_TO_NULL = -1

function decimal(field: ScanField, text: string, kind: TokenKind, mode: TwinMode): TwinValue {
  if (kind === 'word') throw BadReason.INVALID_VALUE
  // Of all numbers only Flink's DECIMAL of CSV takes no blanks.
  if (kind !== 'number' && kind !== 'csv' && mode.flink) text = trim(text)
  const number = parts(text)
  const overflow = mode.flink && field.nullable ? CONVERTS_TO_NULL : BadReason.OUT_OF_RANGE
  let value: bigint
  try {
    value = scaled(number, field.scale!, mode.flink)
  } catch (reason) {
    throw reason === BadReason.OUT_OF_RANGE ? overflow : reason
  }
  if (value >= 10n ** BigInt(field.precision!)) throw overflow
  return number.negative ? -value : value
}

/** Text as CHAR and VARCHAR hold it. */
function fitted(field: ScanField, text: string): string {
  if (field.length === undefined) return text
  const missing = field.length - Array.from(text).length
  if (missing < 0) throw BadReason.LENGTH
  return field.type === TypeCode.CHAR ? text + ' '.repeat(missing) : text
}

function base64(field: ScanField, text: string, flink: boolean): string {
  const group = /[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=/
  // Flink takes blanks between groups of four, not within them, and groups behind a padded one.
  const whole = flink ? `(?:[\\0-\\x20]*(?:${group.source}))*[\\0-\\x20]*` : `(?:[A-Za-z0-9+/]{4})*(?:${group.source})?`
  if (!new RegExp(`^${whole}$`).test(text)) throw BadReason.INVALID_VALUE
  const bytes = Buffer.concat(Array.from(text.matchAll(new RegExp(group, 'g')), ([each]) => Buffer.from(each, 'base64')))
  if (!flink && field.length !== undefined && (bytes.length > field.length || (field.type === TypeCode.BINARY && bytes.length < field.length)))
    throw BadReason.LENGTH
  return bytes.toString('hex')
}

const DAY_MS = 86_400_000

/** What becomes of the days beyond a month's end. */
type MonthEnd = 'refuse' | 'clamp' | 'roll'

function days(year: string, month: string, day: string, monthEnd: MonthEnd): number {
  const y = Number(year)
  const m = Number(month)
  let d = Number(day)
  if ((y === 0 && year.startsWith('-')) || m < 1 || m > 12 || d < 1 || d > 31 || Math.abs(y) > 280_000) throw BadReason.INVALID_VALUE
  const leap = (y % 4 === 0 && y % 100 !== 0) || y % 400 === 0
  const last = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][m - 1]
  if (d > last && monthEnd === 'refuse') throw BadReason.INVALID_VALUE
  if (monthEnd === 'clamp') d = Math.min(d, last)
  // Within 400 years of 2000 and back by whole cycles: Date has no year below 100 in its constructor and ends at ±271,821.
  const cycles = Math.floor((y - 2000) / 400)
  const result = Date.UTC(y - cycles * 400, m - 1, d) / DAY_MS + cycles * 146_097
  if (Math.abs(result) > 100_000_000) throw BadReason.INVALID_VALUE
  return result
}

const DATE = '(\\d{4}|\\+\\d{5,9}|-\\d{4,9})-(\\d\\d)-(\\d\\d)'

/** `sql`: as java.sql.Date reads. */
function date(text: string, sql: boolean): number {
  const match = (sql ? /^(\d{4})-(\d\d?)-(\d\d?)$/ : new RegExp(`^${DATE}$`)).exec(text)
  if (!match) throw BadReason.INVALID_VALUE
  return days(match[1], match[2], match[3], sql ? 'roll' : 'refuse')
}

interface TimeRules {
  readonly secondsOptional: boolean
  readonly emptyFraction: boolean
  readonly smart: boolean
}

function nanosOfDay(hour: string, minute: string, second: string | undefined, fraction: string | undefined, rules: TimeRules): bigint {
  if (second === undefined && !rules.secondsOptional) throw BadReason.INVALID_VALUE
  if (fraction === '' && !rules.emptyFraction) throw BadReason.INVALID_VALUE
  if (Number(hour) > 24 || Number(minute) > 59 || Number(second ?? 0) > 59) throw BadReason.INVALID_VALUE
  const nanos = BigInt(Number(hour) * 3600 + Number(minute) * 60 + Number(second ?? 0)) * 1_000_000_000n + BigInt((fraction ?? '').padEnd(9, '0'))
  if (nanos >= 86_400_000_000_000n && !(rules.smart && nanos === 86_400_000_000_000n)) throw BadReason.INVALID_VALUE
  return nanos
}

const TIME = '(\\d\\d):(\\d\\d)(?::(\\d\\d)(?:\\.(\\d{0,9}))?)?'

function time(field: ScanField, text: string, kind: TokenKind, mode: TwinMode): number {
  const match = new RegExp(`^${TIME}$`).exec(text)
  if (!match) throw BadReason.INVALID_VALUE
  const json = mode.flink && kind !== 'csv'
  const nanos = nanosOfDay(match[1], match[2], match[3], match[4], { secondsOptional: !json, emptyFraction: mode.flink, smart: json })
  const ms = Number(nanos / 1_000_000n) % DAY_MS
  const unit = json ? 1 : 10 ** (3 - Math.min(3, field.precision ?? 0))
  return ms - (ms % unit)
}

function timestamp(field: ScanField, text: string, kind: TokenKind, mode: TwinMode): TwinValue {
  if (mode.flink && kind === 'csv') text = trim(text)
  const zoned = field.type === TypeCode.TIMESTAMP_LTZ
  const iso = mode.flink && mode.isoTimestamps && kind !== 'csv'
  const separator = mode.flink ? (iso ? (zoned ? 'T' : '[Tt]') : mode.isoTimestamps ? '[ T]' : ' ') : '[ T]'
  const zone = mode.flink ? (zoned ? '(Z)' : '()') : zoned ? '(Z|[+-]\\d\\d:\\d\\d)' : '(Z?)'
  const match = new RegExp(`^${DATE}${separator}${TIME}${zone}$`).exec(text)
  if (!match) throw BadReason.INVALID_VALUE
  const smart = mode.flink && (!iso || zoned)
  const day = days(match[1], match[2], match[3], smart ? 'clamp' : 'refuse')
  const ofDay = nanosOfDay(match[4], match[5], match[6], match[7], { secondsOptional: !mode.flink || iso, emptyFraction: mode.flink, smart })
  let nanos = BigInt(day) * 86_400_000_000_000n + ofDay
  const offset = /^([+-])(\d\d):(\d\d)$/.exec(match[8])
  if (offset) {
    if (Number(offset[2]) > 18 || Number(offset[3]) > 59) throw BadReason.INVALID_VALUE
    nanos -= BigInt(Number(`${offset[1]}1`) * (Number(offset[2]) * 60 + Number(offset[3]))) * 60_000_000_000n
  }
  const precision = field.precision ?? 0
  const digits = mode.flink ? (precision <= 3 ? 3 : precision <= 6 ? 6 : 9) : precision
  const unit = 10n ** BigInt(9 - digits)
  nanos -= ((nanos % unit) + unit) % unit
  if (precision <= 3) return nanos / 1_000_000n
  if (precision <= 6) return nanos / 1000n
  const within = ((nanos % 1_000_000n) + 1_000_000n) % 1_000_000n
  return [(nanos - within) / 1_000_000n, Number(within)]
}
