// Reading dates, times of day and timestamps from text in the forms of SQL and ISO-8601. Which forms are allowed is a set of flags. Results
// lie in globals that are good until the next call.

/** A blank between date and time. */
export const TIME_BLANK: u32 = 1
/** A T between date and time. */
export const TIME_T: u32 = 2
/** `HH:mm` without seconds is allowed. */
export const TIME_SECONDS_OPTIONAL: u32 = 4
/** A final Z must be there. */
export const TIME_Z: u32 = 8
/** A final Z may be there. */
export const TIME_Z_OPTIONAL: u32 = 16
/** A final Z or an offset `+HH:mm` must be there. */
export const TIME_OFFSET: u32 = 32
/** Java's SMART resolution: February 31 is its last day, 24:00:00 the next midnight. */
export const TIME_SMART: u32 = 64
/** A point without digits behind it is allowed. */
export const TIME_EMPTY_FRACTION: u32 = 128
/** The T may be a lower case t. */
export const TIME_LOWER_T: u32 = 256
/** As java.sql.Date reads: month and day of a date may have one digit, the year has no sign, and February 31 is a day in March. */
export const TIME_SQL_DATE: u32 = 512

export const MS_PER_DAY: i64 = 86_400_000
/** JavaScript's limit of dates, in days from the epoch. */
const DAYS_MAX: i32 = 100_000_000

/** Days since 1970-01-01, offset applied. */
let timeDays: i32 = 0
/** Milliseconds of the day; with an offset it may leave 0..86399999. */
let timeMs: i32 = 0
/** Nanoseconds within the millisecond. */
let timeNanos: i32 = 0

// @ts-ignore: decorator
@inline export function parsedDays(): i32 { return timeDays }
// @ts-ignore: decorator
@inline export function parsedMs(): i32 { return timeMs }
// @ts-ignore: decorator
@inline export function parsedNanos(): i32 { return timeNanos }

/** Days from 1970-01-01 to a date of the proleptic Gregorian calendar. */
export function daysFromDate(year: i32, month: i32, day: i32): i32 {
  const y = month <= 2 ? year - 1 : year
  const era = (y >= 0 ? y : y - 399) / 400
  const yearOfEra = y - era * 400
  const dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
  return era * 146097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719468
}

export function daysOfMonth(year: i32, month: i32): i32 {
  if (month == 2) return (year & 3) == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
  return 30 + ((month + (month >> 3)) & 1)
}

// @ts-ignore: decorator
@inline function twoDigits(p: usize): i32 {
  const tens = <u32>load<u8>(p) - 0x30, ones = <u32>load<u8>(p, 1) - 0x30
  return tens > 9 || ones > 9 ? -1 : <i32>(tens * 10 + ones)
}

/** Reads `yyyy-MM-dd` (years beyond four digits need a sign). Returns the position behind it, 0 if there is none. Sets parsedDays. */
export function parseDate(p: usize, end: usize, flags: u32): usize {
  let sign: i32 = 0
  if (p < end) { const character = load<u8>(p); if (character == 0x2d) sign = -1; else if (character == 0x2b) sign = 1 }
  if (sign != 0) p += 1
  let year: i32 = 0
  const yearStart = p
  while (p < end && p - yearStart < 9 && <u32>load<u8>(p) - 0x30 <= 9) { year = year * 10 + <i32>load<u8>(p) - 0x30; p += 1 }
  const yearDigits = p - yearStart
  if (sign != 0 && (flags & TIME_SQL_DATE) != 0) return 0
  if (yearDigits < 4 || (sign == 0 && yearDigits > 4) || (sign > 0 && yearDigits == 4) || (sign < 0 && year == 0)) return 0
  if (sign < 0) year = -year
  let month: i32 = 0
  let day: i32 = 0
  if ((flags & TIME_SQL_DATE) != 0) {
    if (end < p || end - p < 4 || load<u8>(p) != 0x2d) return 0
    const monthDigits: usize = load<u8>(p, 2) == 0x2d ? 1 : 2
    month = monthDigits == 1 ? <i32>load<u8>(p, 1) - 0x30 : twoDigits(p + 1)
    p += 1 + monthDigits
    if (month < 0 || month > 12 || end - p < 2 || load<u8>(p) != 0x2d) return 0
    const dayDigits: usize = end - p >= 3 && <u32>load<u8>(p, 2) - 0x30 <= 9 ? 2 : 1
    day = dayDigits == 1 ? <i32>load<u8>(p, 1) - 0x30 : twoDigits(p + 1)
    p += 1 + dayDigits
  } else {
    if (end < p || end - p < 6 || load<u8>(p) != 0x2d || load<u8>(p, 3) != 0x2d) return 0
    month = twoDigits(p + 1)
    day = twoDigits(p + 4)
    p += 6
  }
  if (month < 1 || month > 12 || day < 1 || day > 31 || abs(year) > 280_000) return 0
  const last = daysOfMonth(year, month)
  if (day > last && (flags & TIME_SQL_DATE) == 0) { if ((flags & TIME_SMART) == 0) return 0; day = last }
  // Days are added last, so that those beyond the month's end are days of the next one.
  const days = daysFromDate(year, month, day)
  if (abs(days) > DAYS_MAX) return 0
  timeDays = days
  return p
}

/** Reads `HH:mm:ss.f`. Returns the position behind it, 0 if there is none. Sets parsedMs, parsedNanos; 24:00:00 leaves a whole day of ms. */
export function parseTime(p: usize, end: usize, flags: u32): usize {
  if (end < p || end - p < 5 || load<u8>(p, 2) != 0x3a) return 0
  const hour = twoDigits(p), minute = twoDigits(p + 3)
  if (hour < 0 || hour > 24 || minute < 0 || minute > 59) return 0
  p += 5
  let second: i32 = 0
  let nanos: i32 = 0
  if (p < end && load<u8>(p) == 0x3a) {
    if (end - p < 3) return 0
    second = twoDigits(p + 1)
    if (second < 0 || second > 59) return 0
    p += 3
    if (p < end && load<u8>(p) == 0x2e) {
      p += 1
      const start = p
      let unit: i32 = 100_000_000
      while (p < end && unit > 0 && <u32>load<u8>(p) - 0x30 <= 9) { nanos += (<i32>load<u8>(p) - 0x30) * unit; unit /= 10; p += 1 }
      if (p == start && (flags & TIME_EMPTY_FRACTION) == 0) return 0
    }
  } else if ((flags & TIME_SECONDS_OPTIONAL) == 0) return 0
  if (hour == 24 && ((flags & TIME_SMART) == 0 || minute != 0 || second != 0 || nanos != 0)) return 0
  const ms = nanos / 1_000_000
  timeMs = ((hour * 60 + minute) * 60 + second) * 1000 + ms
  timeNanos = nanos - ms * 1_000_000
  return p
}

/** Reads a timestamp in one of the allowed forms, the whole of [p, end). Returns whether it could. Sets parsedDays, parsedMs, parsedNanos. */
export function parseTimestamp(p: usize, end: usize, flags: u32): bool {
  p = parseDate(p, end, flags)
  if (p == 0 || p >= end) return false
  const separator = load<u8>(p)
  if (!(separator == 0x20 && (flags & TIME_BLANK) != 0) && !(separator == 0x54 && (flags & TIME_T) != 0) && !(separator == 0x74 && (flags & TIME_LOWER_T) != 0)) return false
  p = parseTime(p + 1, end, flags)
  if (p == 0) return false
  if (p == end) return (flags & (TIME_Z | TIME_OFFSET)) == 0
  const zone = load<u8>(p)
  if (zone == 0x5a) return p + 1 == end && (flags & (TIME_Z | TIME_Z_OPTIONAL | TIME_OFFSET)) != 0
  if ((flags & TIME_OFFSET) == 0 || (zone != 0x2b && zone != 0x2d) || end - p != 6 || load<u8>(p, 3) != 0x3a) return false
  const hours = twoDigits(p + 1), minutes = twoDigits(p + 4)
  if (hours < 0 || hours > 18 || minutes < 0 || minutes > 59) return false
  const offset = (hours * 60 + minutes) * 60_000
  timeMs += zone == 0x2d ? offset : -offset
  return true
}
