// Reads local times by patterns of Java's DateTimeFormatter, as its smart resolver completes and checks them.

import { daysOf, isLeapYear, lengthOfMonth, MS_PER_DAY } from '../times.ts'
import { zoneOf } from '../zones.ts'
import { FIRST_TEXTS, fieldOf, type LocalTime, localDayOfWeek, type NumberPart, type PatternPart, startOfWeekYear, type TimeField } from './time-formats.ts'

const YEAR_BASE = 2000
const DIGITS_MAX = 18
const FIELD_RANGES: Readonly<Partial<Record<TimeField, readonly [least: number, most: number]>>> = {
  'year of era': [1, 999_999_999],
  year: [-999_999_999, 999_999_999],
  month: [1, 12],
  day: [1, 31],
  'day of year': [1, 366],
  'day of week': [1, 7],
  'local day of week': [1, 7],
  week: [1, 53],
  hour: [0, 23],
  'clock hour': [0, 24],
  'half hour': [0, 11],
  'clock half hour': [0, 12],
  minute: [0, 59],
  second: [0, 59],
  nano: [0, 999_999_999],
  'milli of day': [0, 86_399_999],
  'nano of day': [0, 86_399_999_999_999],
}

type Fields = Map<TimeField, number>

/** A local time as milliseconds and the nanoseconds behind them; what the text does not say is that of 1970-01-01 00:00:00. Undefined: the text does not follow the pattern. */
export function parseLocalTime(parts: readonly PatternPart[], text: string): { readonly ms: number; readonly nanos: number } | undefined {
  const fields: Fields = new Map()
  const end = parseParts(parts, text, 0, fields)
  return end === text.length ? resolve(fields) : undefined
}

/** Where what was read ends; -1 if the text does not follow. */
function parseParts(parts: readonly PatternPart[], text: string, start: number, fields: Fields): number {
  let at = start
  for (const part of parts) {
    at = parsePart(part, text, at, fields)
    if (at < 0) return -1
  }
  return at
}

function parsePart(part: PatternPart, text: string, at: number, fields: Fields): number {
  switch (part.kind) {
    case 'literal':
      return text.startsWith(part.text, at) ? at + part.text.length : -1
    case 'optional': {
      const tried: Fields = new Map(fields)
      const end = parseParts(part.parts, text, at, tried)
      if (end < 0) return at
      for (const [field, value] of tried) fields.set(field, value)
      return end
    }
    case 'padded': {
      const end = at + part.width
      if (end > text.length) return -1
      let start = at
      while (start < end && text[start] === ' ') start++
      return parsePart(part.part, text.slice(0, end), start, fields) === end ? end : -1
    }
    case 'zone':
      return parseZone(part.letters, text, at)
    case 'text': {
      // The longest one that is there.
      let found = -1
      for (const [index, one] of part.texts.entries()) if (text.startsWith(one, at) && (found < 0 || one.length > part.texts[found].length)) found = index
      return found >= 0 && put(fields, part.field, found + FIRST_TEXTS[part.field]!) ? at + part.texts[found].length : -1
    }
    default:
      return parseNumber(part, text, at, fields)
  }
}

function parseNumber({ kind, field, least, most, sign, following }: NumberPart, text: string, start: number, fields: Fields): number {
  let at = start
  const said = text[at] === '+' || text[at] === '-' ? text[at] : ''
  if (said === '+' && sign !== 'EXCEEDS') return -1
  if (said === '-' && sign === 'NONE') return -1
  at += said.length
  let end = at
  const limit = Math.min(text.length, at + most + Math.max(following, 0))
  while (end < limit && text[end] >= '0' && text[end] <= '9') end++
  if (end - at < least) return -1
  if (following > 0) end = at + Math.max(least, Math.min(most, end - at - following))
  const digits = text.slice(at, end)
  if (digits.length > DIGITS_MAX) return -1
  const magnitude = Number(kind === 'fraction' ? digits.padEnd(9, '0') : digits)
  if (said === '-' && magnitude === 0) return -1
  if (sign === 'EXCEEDS' && said !== '-' && (said === '+') !== digits.length > least) return -1
  const value = kind === 'reduced' ? YEAR_BASE + magnitude : said === '-' ? -magnitude : magnitude
  return put(fields, field, value) ? end : -1
}

/** Whether a field had no other value. */
function put(fields: Fields, field: TimeField, value: number): boolean {
  const known = fields.get(field)
  fields.set(field, value)
  return known === undefined || known === value
}

/** A zone, which has to be one but says nothing of local times. */
function parseZone(letters: string, text: string, start: number): number {
  const rest = text.slice(start)
  const [letter] = letters
  const pattern = letter === 'V' || letter === 'v' || letter === 'z' ? /^(?:[A-Za-z][A-Za-z0-9~/._+-]+|Z|[+-]\d\d(?::?\d\d)?)/ : OFFSETS[letters]
  const match = (pattern ?? /^GMT(?:[+-]\d{1,2}(?::\d\d)?)?/).exec(rest)
  if (match === null) return -1
  if (letter === 'V' || letter === 'v' || letter === 'z') {
    try {
      zoneOf(match[0])
    } catch {
      return -1
    }
  }
  return start + match[0].length
}

const OFFSETS: Readonly<Record<string, RegExp>> = {
  X: /^(?:Z|[+-]\d\d(?:\d\d)?)/,
  XX: /^(?:Z|[+-]\d{4})/,
  XXX: /^(?:Z|[+-]\d\d:\d\d)/,
  XXXX: /^(?:Z|[+-]\d{4}(?:\d\d)?)/,
  XXXXX: /^(?:Z|[+-]\d\d:\d\d(?::\d\d)?)/,
  x: /^[+-]\d\d(?:\d\d)?/,
  xx: /^[+-]\d{4}/,
  xxx: /^[+-]\d\d:\d\d/,
  xxxx: /^[+-]\d{4}(?:\d\d)?/,
  xxxxx: /^[+-]\d\d:\d\d(?::\d\d)?/,
  Z: /^[+-]\d{4}/,
  ZZ: /^[+-]\d{4}/,
  ZZZ: /^[+-]\d{4}/,
  ZZZZZ: /^(?:Z|[+-]\d\d:\d\d(?::\d\d)?)/,
}

// ---- what the fields say together ----

function resolve(fields: Fields): { readonly ms: number; readonly nanos: number } | undefined {
  const time = timeOf(fields)
  for (const [field, value] of fields) {
    const range = FIELD_RANGES[field]
    if (range !== undefined && (value < range[0] || value > range[1])) return undefined
  }
  const date = dateOf(fields)
  if (time === undefined || date === undefined) return undefined
  const days = date.days + (date.isWhole ? time.days : 0)
  const ms = days * MS_PER_DAY + Math.floor(time.nanosOfDay / 1_000_000)
  return { ms, nanos: time.nanosOfDay % 1_000_000 }
}

/** The days are those beyond midnight: of 24:00:00. Removes the hour where it is used up. */
function timeOf(fields: Fields): LocalTime | undefined {
  const nanoOfDay = fields.get('nano of day') ?? (fields.has('milli of day') ? fields.get('milli of day')! * 1_000_000 : undefined)
  if (nanoOfDay !== undefined) return { days: 0, nanosOfDay: nanoOfDay }
  const [minute, second, nano] = [fields.get('minute'), fields.get('second'), fields.get('nano')]
  const rest = ((minute ?? 0) * 60 + (second ?? 0)) * 1_000_000_000 + (nano ?? 0)
  const hour = hourOf(fields)
  if (hour === 24 && rest === 0 && fields.has('hour')) {
    fields.delete('hour')
    return { days: 1, nanosOfDay: 0 }
  }
  return { days: 0, nanosOfDay: hour * 3_600_000_000_000 + rest }
}

/** What no hour says is midnight; half a day needs its half. */
function hourOf(fields: Fields): number {
  const hour = fields.get('hour')
  if (hour !== undefined) return hour
  const clock = fields.get('clock hour')
  if (clock !== undefined) return clock % 24
  const half = fields.get('half')
  const ofHalf = fields.get('half hour') ?? fields.get('clock half hour')
  return half === undefined || ofHalf === undefined ? 0 : half * 12 + (ofHalf % 12)
}

/** A day, and whether the fields name one, not only parts of it. Undefined: they contradict each other. */
function dateOf(fields: Fields): { readonly days: number; readonly isWhole: boolean } | undefined {
  const year = yearOf(fields)
  const whole = wholeDateOf(fields, year)
  if (whole === 'wrong') return undefined
  if (whole !== undefined) {
    const isSame = CROSS_CHECKED.every((field) => !fields.has(field) || fieldOf(field, { days: whole, nanosOfDay: 0 }) === fields.get(field))
    return isSame ? { days: whole, isWhole: true } : undefined
  }
  const [y, month, day] = [year ?? 1970, fields.get('month') ?? 1, fields.get('day') ?? 1]
  return day > lengthOfMonth(y, month) ? undefined : { days: daysOf(y, month, day), isWhole: false }
}

const CROSS_CHECKED: readonly TimeField[] = [
  'month',
  'day of year',
  'day of week',
  'local day of week',
  'quarter',
  'week',
  'week year',
  'aligned day',
  'week of month',
  'julian day',
]

function yearOf(fields: Fields): number | undefined {
  const ofEra = fields.get('year of era')
  if (ofEra === undefined) return fields.get('year')
  return fields.get('era') === 0 ? 1 - ofEra : ofEra
}

function wholeDateOf(fields: Fields, year: number | undefined): number | 'wrong' | undefined {
  const [month, day, dayOfYear, julian] = (['month', 'day', 'day of year', 'julian day'] as const).map((field) => fields.get(field))
  if (julian !== undefined) return julian - 40_587
  // A day that its month lacks is the month's last one.
  if (year !== undefined && month !== undefined && day !== undefined) return daysOf(year, month, Math.min(day, lengthOfMonth(year, month)))
  if (year !== undefined && dayOfYear !== undefined) return dayOfYear === 366 && !isLeapYear(year) ? 'wrong' : daysOf(year, 1, 1) + dayOfYear - 1
  const [weekYear, week] = [fields.get('week year'), fields.get('week')]
  const named = fields.get('day of week')
  const dayOfWeek = fields.get('local day of week') ?? (named === undefined ? undefined : (named % 7) + 1)
  if (weekYear === undefined || week === undefined || dayOfWeek === undefined) return undefined
  const days = startOfWeekYear(weekYear) + (week - 1) * 7 + dayOfWeek - 1
  return localDayOfWeek(days) === dayOfWeek ? days : 'wrong'
}
