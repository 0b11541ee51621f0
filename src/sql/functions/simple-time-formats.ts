// Patterns of Java's SimpleDateFormat in its lenient mode, which is what FROM_UNIXTIME, UNIX_TIMESTAMP, CONVERT_TZ and TO_DATE take. Dates before
// October 1582 are those of the Julian calendar.

import { civilOf, daysOf, MS_PER_DAY } from '../times.ts'
import { type Zone, zoneOf } from '../zones.ts'
import { localDayOfWeek, weekOf } from './time-formats.ts'

/** A run of a pattern's letters, or a text. */
type SimplePart = { readonly letter: string; readonly count: number } | { readonly text: string }

const LETTERS = 'GyMdkHmsSEDFwWahKzZYuXL'
const MONTHS = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December']
/** From Sunday. */
const WEEKDAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
/** The first day of the Gregorian calendar. */
const GREGORIAN_FIRST = daysOf(1582, 10, 15)
const patterns = new Map<string, readonly SimplePart[]>()
const PATTERNS_MAX = 1000

/** @throws {RangeError} for what is no pattern */
export function simplePatternOf(pattern: string): readonly SimplePart[] {
  let parts = patterns.get(pattern)
  if (parts === undefined) {
    parts = readSimplePattern(pattern)
    if (patterns.size >= PATTERNS_MAX) patterns.clear()
    patterns.set(pattern, parts)
  }
  return parts
}

function readSimplePattern(pattern: string): readonly SimplePart[] {
  const parts: SimplePart[] = []
  let text = ''
  const flush = (): void => {
    if (text !== '') parts.push({ text })
    text = ''
  }
  for (let at = 0; at < pattern.length; at++) {
    const letter = pattern[at]
    if (letter === "'") {
      if (pattern[at + 1] === "'") {
        text += "'"
        at++
        continue
      }
      let end = at + 1
      for (; pattern[end] !== "'" || pattern[end + 1] === "'"; end++) {
        if (end >= pattern.length) throw new RangeError('Unterminated quote')
        if (pattern[end] === "'") end++
        text += pattern[end]
      }
      at = end
    } else if (/[A-Za-z]/.test(letter)) {
      if (!LETTERS.includes(letter)) throw new RangeError(`Illegal pattern character '${letter}'`)
      flush()
      const start = at
      while (pattern[at + 1] === letter) at++
      parts.push({ letter, count: at - start + 1 })
    } else text += letter
  }
  flush()
  return parts
}

// ---- writing ----

/** An instant as a pattern has it in a zone. */
export function formatSimple(pattern: string, instantMs: number, zone: Zone): string {
  const offsetMs = zone.offsetAt(instantMs)
  const localMs = instantMs + offsetMs
  return simplePatternOf(pattern)
    .map((part) => ('text' in part ? part.text : formatField(part.letter, part.count, localMs, offsetMs, zone)))
    .join('')
}

function formatField(letter: string, count: number, localMs: number, offsetMs: number, zone: Zone): string {
  const days = Math.floor(localMs / MS_PER_DAY)
  const ms = localMs - days * MS_PER_DAY
  const hour = Math.floor(ms / 3_600_000)
  const { year, month, day } = mixedCivilOf(days)
  const padded = (value: number): string => String(value).padStart(count, '0')
  const yearText = (value: number): string => (count === 2 ? String(value % 100).padStart(2, '0') : padded(value))
  switch (letter) {
    case 'G':
      return year > 0 ? 'AD' : 'BC'
    case 'y':
      return yearText(year > 0 ? year : 1 - year)
    case 'Y':
      return yearText(weekOf(days).year)
    case 'M':
    case 'L':
      return count >= 4 ? MONTHS[month - 1] : count === 3 ? MONTHS[month - 1].slice(0, 3) : padded(month)
    case 'd':
      return padded(day)
    case 'H':
      return padded(hour)
    case 'k':
      return padded(hour === 0 ? 24 : hour)
    case 'K':
      return padded(hour % 12)
    case 'h':
      return padded(hour % 12 === 0 ? 12 : hour % 12)
    case 'm':
      return padded(Math.floor(ms / 60_000) % 60)
    case 's':
      return padded(Math.floor(ms / 1000) % 60)
    case 'S':
      return padded(ms % 1000)
    case 'E':
      return WEEKDAYS[localDayOfWeek(days) - 1].slice(0, count >= 4 ? undefined : 3)
    case 'u':
      return padded(((localDayOfWeek(days) + 5) % 7) + 1)
    case 'D':
      return padded(days - mixedDaysOf(year, 1, 1) + 1)
    case 'F':
      return padded(Math.floor((day - 1) / 7) + 1)
    case 'w':
      return padded(weekOf(days).week)
    case 'W':
      return padded(Math.floor((day + localDayOfWeek(days - day + 1) - 2) / 7) + 1)
    case 'a':
      return hour < 12 ? 'AM' : 'PM'
    case 'z':
      return zone.nameAt(localMs - offsetMs, count >= 4)
    default:
      return offsetText(letter, count, offsetMs)
  }
}

/** `+0130`; with X `+01`, `+0130`, `+01:30` or `Z`. */
function offsetText(letter: string, count: number, offsetMs: number): string {
  const minutes = Math.floor(Math.abs(offsetMs) / 60_000)
  const sign = offsetMs < 0 ? '-' : '+'
  const [hour, minute] = [Math.floor(minutes / 60), minutes % 60].map((value) => String(value).padStart(2, '0'))
  if (letter === 'X') {
    if (count > 3) throw new RangeError(`invalid ISO 8601 format: length=${count}`)
    if (offsetMs === 0) return 'Z'
    if (count === 1) return `${sign}${hour}`
    if (count === 3) return `${sign}${hour}:${minute}`
  }
  return `${sign}${hour}${minute}`
}

/** The day of a date, in the calendar of its time. */
function mixedDaysOf(year: number, month: number, day: number): number {
  const shifted = year * 12 + month - 1
  const [y, m] = [Math.floor(shifted / 12), (((shifted % 12) + 12) % 12) + 1]
  const days = daysOf(y, m, 1) + day - 1
  if (days >= GREGORIAN_FIRST) return days
  // In the Julian calendar each fourth year has its leap day.
  const later = m > 2 ? y : y - 1
  const leapDays = Math.floor(later / 100) - Math.floor(later / 400) - 2
  return days + leapDays
}

function mixedCivilOf(days: number): { readonly year: number; readonly month: number; readonly day: number } {
  if (days >= GREGORIAN_FIRST) return civilOf(days)
  let guess = civilOf(days)
  // Julian dates are behind or ahead by some days, and a leap day may lie between.
  for (const shift of [0, 1, -1]) {
    const later = guess.month > 2 ? guess.year : guess.year - 1
    guess = civilOf(days - (Math.floor(later / 100) - Math.floor(later / 400) - 2) + shift)
    if (mixedDaysOf(guess.year, guess.month, guess.day) === days) break
  }
  return guess
}

// ---- reading ----

/** What a text says of an instant. */
interface Said {
  readonly numbers: Map<string, number>
  offsetMs: number | undefined
}

/**
 * The instant of a text that begins as the pattern has it, in a zone; what it does not say is that of 1970-01-01 00:00:00, and what is too much is carried.
 *
 * @param nowMs Years of two digits are not more than 80 years before it and 20 after. @returns Undefined if the text does not follow.
 */
export function parseSimple(pattern: string, text: string, zone: Zone, nowMs: number): number | undefined {
  const said: Said = { numbers: new Map(), offsetMs: undefined }
  const parts = simplePatternOf(pattern)
  let at = 0
  for (const [index, part] of parts.entries()) {
    if ('text' in part) {
      if (!text.startsWith(part.text, at)) return undefined
      at += part.text.length
      continue
    }
    const next = parts.at(index + 1)
    const isAbutting = next !== undefined && !('text' in next) && isNumeric(next)
    at = readField(part, isAbutting, text, at, said, nowMs)
    if (at < 0) return undefined
  }
  if (at === 0) return undefined
  return instantOf(said, zone)
}

function isNumeric({ letter, count }: { readonly letter: string; readonly count: number }): boolean {
  return letter === 'M' || letter === 'L' ? count <= 2 : !'GEazZX'.includes(letter)
}

/** Where the field ends; -1 if there is none. */
function readField(
  part: { readonly letter: string; readonly count: number },
  isAbutting: boolean,
  text: string,
  start: number,
  said: Said,
  nowMs: number,
): number {
  const { letter, count } = part
  let at = start
  while (text[at] === ' ' || text[at] === '\t') at++
  if (at >= text.length) return -1
  if (!isNumeric(part)) return readText(letter, text, at, said)
  const match = /^-?\d+/.exec(text.slice(at, isAbutting ? start + count : undefined))
  if (match === null || (isAbutting && start + count > text.length)) return -1
  let value = Number(match[0])
  if ((letter === 'y' || letter === 'Y') && count <= 2 && /^\d\d$/.test(match[0])) {
    const first = civilOf(Math.floor(nowMs / MS_PER_DAY)).year - 80
    value += Math.floor(first / 100) * 100 + (value < first % 100 ? 100 : 0)
  }
  said.numbers.set(letter, value)
  return at + match[0].length
}

function readText(letter: string, text: string, at: number, said: Said): number {
  if (letter === 'z' || letter === 'Z' || letter === 'X') return readZone(letter, text, at, said)
  const texts = letter === 'E' ? WEEKDAYS : letter === 'a' ? ['AM', 'PM'] : letter === 'G' ? ['BC', 'AD'] : MONTHS
  const rest = text.slice(at).toLowerCase()
  let [found, length] = [-1, 0]
  for (const [index, one] of texts.entries())
    for (const form of [one, one.slice(0, 3)]) if (form.length > length && rest.startsWith(form.toLowerCase())) [found, length] = [index, form.length]
  if (found < 0) return -1
  said.numbers.set(letter, letter === 'M' || letter === 'L' ? found + 1 : found)
  return at + length
}

function readZone(letter: string, text: string, at: number, said: Said): number {
  const rest = text.slice(at)
  const match = /^(?:GMT|UTC)?([+-])(\d\d?):?(\d\d)?/.exec(rest) ?? (letter === 'X' ? /^Z/ : /^(?:UTC|GMT|Z)/).exec(rest)
  if (match === null) return -1
  const [, sign, hours = '0', minutes = '0'] = match
  said.offsetMs = (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000
  return at + match[0].length
}

function instantOf({ numbers, offsetMs }: Said, zone: Zone): number {
  const of = (letter: string): number | undefined => numbers.get(letter)
  const ofEra = of('y') ?? 1970
  const year = of('G') === 0 ? 1 - ofEra : ofEra
  const month = of('M') ?? of('L')
  const dayOfYear = of('D')
  const days =
    month === undefined && of('d') === undefined && dayOfYear !== undefined ? mixedDaysOf(year, 1, dayOfYear) : mixedDaysOf(year, month ?? 1, of('d') ?? 1)
  const half = of('a')
  const ofHalf = of('K') ?? hourOf(of('h'), 12)
  const hour = of('H') ?? hourOf(of('k'), 24) ?? (ofHalf ?? 0) + (half ?? 0) * 12
  const localMs = days * MS_PER_DAY + ((hour * 60 + (of('m') ?? 0)) * 60 + (of('s') ?? 0)) * 1000 + (of('S') ?? 0)
  return offsetMs === undefined ? zone.toInstant(localMs, true) : localMs - offsetMs
}

/** An hour that counts from 1: the last one is the first. */
function hourOf(value: number | undefined, last: number): number | undefined {
  return value === last ? 0 : value
}

/** Short names of zones that Java knows; GMT and what none knows are UTC. */
const SHORT_ZONES: Readonly<Record<string, string>> = {
  ACT: 'Australia/Darwin',
  AET: 'Australia/Sydney',
  AGT: 'America/Argentina/Buenos_Aires',
  ART: 'Africa/Cairo',
  AST: 'America/Anchorage',
  BET: 'America/Sao_Paulo',
  BST: 'Asia/Dhaka',
  CAT: 'Africa/Harare',
  CNT: 'America/St_Johns',
  CST: 'America/Chicago',
  CTT: 'Asia/Shanghai',
  EAT: 'Africa/Addis_Ababa',
  ECT: 'Europe/Paris',
  EST: '-05:00',
  HST: '-10:00',
  IET: 'America/Indiana/Indianapolis',
  IST: 'Asia/Kolkata',
  JST: 'Asia/Tokyo',
  MIT: 'Pacific/Apia',
  MST: '-07:00',
  NET: 'Asia/Yerevan',
  NST: 'Pacific/Auckland',
  PLT: 'Asia/Karachi',
  PNT: 'America/Phoenix',
  PRT: 'America/Puerto_Rico',
  PST: 'America/Los_Angeles',
  SST: 'Pacific/Guadalcanal',
  VST: 'Asia/Ho_Chi_Minh',
}

/** A zone as Java's TimeZone finds it: UTC if there is none of that name. */
export function lenientZoneOf(name: string): Zone {
  if (/^[+-]/.test(name) || (/[+-]/.test(name) && /^(?:UTC|UT)/.test(name))) return zoneOf('UTC')
  try {
    return zoneOf(SHORT_ZONES[name] ?? name)
  } catch {
    return zoneOf('UTC')
  }
}
