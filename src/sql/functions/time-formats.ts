// Patterns of Java's DateTimeFormatter with American English texts, which is what DATE_FORMAT and TO_TIMESTAMP take: `yyyy-MM-dd HH:mm:ss`. How they are
// read, and how local times are written by them; time-format-parser.ts parses texts by them.

import { civilOf, daysOf, MS_PER_DAY } from '../times.ts'

/** Fields of a local time that a pattern may name. */
export type TimeField =
  | 'era'
  | 'year'
  | 'year of era'
  | 'week year'
  | 'quarter'
  | 'month'
  | 'week'
  | 'week of month'
  | 'day'
  | 'day of year'
  | 'day of week'
  | 'local day of week'
  | 'aligned day'
  | 'julian day'
  | 'half'
  | 'period'
  | 'hour'
  | 'clock hour'
  | 'half hour'
  | 'clock half hour'
  | 'minute'
  | 'second'
  | 'nano'
  | 'milli of day'
  | 'nano of day'

/** NORMAL: only a minus; EXCEEDS: a plus too where there are more digits than asked for; NONE: no sign. */
type SignStyle = 'NORMAL' | 'EXCEEDS' | 'NONE'

/** Part of a pattern. */
export type PatternPart =
  | { readonly kind: 'literal'; readonly text: string }
  | NumberPart
  | { readonly kind: 'text'; readonly field: TimeField; readonly texts: readonly string[] }
  | { readonly kind: 'optional'; readonly parts: readonly PatternPart[] }
  | { readonly kind: 'zone'; readonly letters: string }
  | { readonly kind: 'padded'; readonly width: number; readonly part: PatternPart }

/** Digits of a number, of the last two of a year, or of a second's fraction. */
export interface NumberPart {
  readonly kind: 'number' | 'reduced' | 'fraction'
  readonly field: TimeField
  readonly least: number
  readonly most: number
  readonly sign: SignStyle
  /** So many digits belong to the numbers that follow without a break. */
  following: number
}

/** What is formatted: a local time. */
export interface LocalTime {
  readonly days: number
  readonly nanosOfDay: number
}

const MONTHS = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December']
/** From Monday. */
const WEEKDAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday']
const QUARTERS = ['1st quarter', '2nd quarter', '3rd quarter', '4th quarter']
const PERIODS = ['midnight', 'in the morning', 'noon', 'in the afternoon', 'in the evening', 'at night']
const NARROW_PERIODS = ['mi', 'in the morning', 'n', 'in the afternoon', 'in the evening', 'at night']
const NANOS_PER_HOUR = 3_600_000_000_000
const NANOS_PER_MINUTE = 60_000_000_000
const NANOS_PER_SECOND = 1_000_000_000
const DIGITS_MAX = 19
const JULIAN_EPOCH = 40_587

/** Texts by the number of letters: 1 to 3, 4, 5. */
function textsOf(full: readonly string[]): (count: number) => readonly string[] {
  return (count) => (count === 4 ? full : full.map((text) => text.slice(0, count === 5 ? 1 : 3)))
}

const ofMonths = textsOf(MONTHS)
const ofWeekdays = textsOf(WEEKDAYS)
/** From Sunday, as the local number of a day counts. */
const ofLocalWeekdays = textsOf([WEEKDAYS[6], ...WEEKDAYS.slice(0, 6)])
const ofQuarters = (count: number): readonly string[] => (count === 4 ? QUARTERS : ['1', '2', '3', '4'].map((digit) => (count === 5 ? digit : `Q${digit}`)))
const ofEras = (count: number): readonly string[] => (count === 4 ? ['Before Christ', 'Anno Domini'] : count === 5 ? ['B', 'A'] : ['BC', 'AD'])

/** The value of the first text of a field. */
export const FIRST_TEXTS: Readonly<Partial<Record<TimeField, number>>> = {
  era: 0,
  half: 0,
  period: 0,
  month: 1,
  quarter: 1,
  'day of week': 1,
  'local day of week': 1,
}

/** A pattern in its parts. @throws {RangeError} for what is none */
export function parsePattern(pattern: string): readonly PatternPart[] {
  return new PatternReader(pattern).read()
}

/** Reads patterns, and tells numbers that stand side by side how many digits are whose. */
class PatternReader {
  readonly #pattern: string
  readonly #open: PatternPart[][] = [[]]
  /** Of the numbers that stand side by side the one that may have any length. */
  #active: NumberPart | undefined
  #padding: number | undefined

  constructor(pattern: string) {
    this.#pattern = pattern
  }

  read(): readonly PatternPart[] {
    const pattern = this.#pattern
    for (let at = 0; at < pattern.length; at++) {
      const letter = pattern[at]
      if (/[A-Za-z]/.test(letter)) {
        const start = at
        while (pattern[at + 1] === letter) at++
        const count = at - start + 1
        if (letter === 'p') this.#padding = count
        else this.#field(letter, count)
      } else if (letter === "'") at = this.#quoted(at)
      else if (letter === '[') {
        this.#active = undefined
        this.#open.push([])
      } else if (letter === ']') this.#close()
      else if (letter === '{' || letter === '}' || letter === '#') throw new RangeError(`Pattern includes reserved character: '${letter}'`)
      else this.#append({ kind: 'literal', text: letter })
    }
    if (this.#padding !== undefined) throw new RangeError(`Pad letter 'p' must be followed by valid pad pattern: ${pattern}`)
    while (this.#open.length > 1) this.#close()
    return this.#open[0]
  }

  /** A text in quotes; gives back where it ends. */
  #quoted(start: number): number {
    let text = ''
    for (let at = start + 1; at < this.#pattern.length; at++) {
      if (this.#pattern[at] !== "'") text += this.#pattern[at]
      else if (this.#pattern[at + 1] === "'") {
        text += "'"
        at++
      } else {
        this.#append({ kind: 'literal', text: text === '' ? "'" : text })
        return at
      }
    }
    throw new RangeError(`Pattern ends with an incomplete string literal: ${this.#pattern}`)
  }

  #close(): void {
    if (this.#open.length === 1) throw new RangeError('Pattern invalid as it contains ] without previous [')
    const parts = this.#open.pop()!
    this.#active = undefined
    if (parts.length > 0) this.#append({ kind: 'optional', parts })
  }

  #append(part: PatternPart): void {
    const width = this.#padding
    this.#padding = undefined
    this.#active = undefined
    this.#open.at(-1)!.push(width === undefined ? part : { kind: 'padded', width, part })
  }

  /** A number, which may stand beside others. */
  #number(field: TimeField, least: number, most: number, sign: SignStyle, kind: NumberPart['kind'] = 'number'): void {
    const part: NumberPart = { kind, field, least, most, sign, following: 0 }
    const active = this.#active
    this.#append(part)
    if (active !== undefined && least === most && sign === 'NONE') {
      active.following += most
      part.following = -1
      this.#active = active
    } else {
      if (active !== undefined) active.following = -1
      this.#active = part
    }
  }

  #plain(field: TimeField, letter: string, count: number): void {
    if (count > 2) throw tooMany(letter)
    if (count === 1) this.#number(field, 1, DIGITS_MAX, 'NORMAL')
    else this.#number(field, 2, 2, 'NONE')
  }

  #year(field: TimeField, count: number): void {
    if (count === 2) this.#number(field, 2, 2, 'NONE', 'reduced')
    else this.#number(field, count, DIGITS_MAX, count < 4 ? 'NORMAL' : 'EXCEEDS')
  }

  #text(field: TimeField, letter: string, count: number, texts: (count: number) => readonly string[]): void {
    if (count > 5) throw tooMany(letter)
    this.#append({ kind: 'text', field, texts: texts(count) })
  }

  #field(letter: string, count: number): void {
    switch (letter) {
      case 'u':
        return this.#year('year', count)
      case 'y':
        return this.#year('year of era', count)
      case 'Y':
        return this.#year('week year', count)
      case 'M':
      case 'L':
        return count <= 2 ? this.#plain('month', letter, count) : this.#text('month', letter, count, ofMonths)
      case 'Q':
      case 'q':
        return count <= 2 ? this.#plain('quarter', letter, count) : this.#text('quarter', letter, count, ofQuarters)
      case 'e':
      case 'c':
        if (letter === 'c' && count === 2) throw new RangeError('Invalid pattern "cc"')
        return count <= 2 ? this.#plain('local day of week', letter, count) : this.#text('local day of week', letter, count, ofLocalWeekdays)
      case 'E':
        return this.#text('day of week', letter, count, ofWeekdays)
      case 'G':
        return this.#text('era', letter, count, ofEras)
      case 'a':
        if (count > 1) throw tooMany(letter)
        return this.#text('half', letter, count, () => ['AM', 'PM'])
      case 'B':
        if (count !== 1 && count !== 4 && count !== 5) throw new RangeError('Wrong number of pattern letters: B')
        return this.#text('period', letter, count, () => (count === 5 ? NARROW_PERIODS : PERIODS))
      case 'w':
        if (count > 2) throw tooMany(letter)
        return this.#number('week', count, 2, 'NONE')
      case 'W':
      case 'F':
        if (count > 1) throw tooMany(letter)
        return letter === 'W' ? this.#number('week of month', 1, 2, 'NONE') : this.#number('aligned day', 1, DIGITS_MAX, 'NORMAL')
      case 'D':
        if (count > 3) throw tooMany(letter)
        return count === 1 ? this.#number('day of year', 1, DIGITS_MAX, 'NORMAL') : this.#number('day of year', count, 3, 'NONE')
      case 'S':
        if (count > 9) throw new RangeError(`Minimum width must be from 0 to 9 inclusive but was ${count}`)
        return this.#number('nano', count, count, 'NONE', 'fraction')
      case 'A':
      case 'n':
      case 'N':
        return this.#number(letter === 'A' ? 'milli of day' : letter === 'n' ? 'nano' : 'nano of day', count, DIGITS_MAX, 'NONE')
      case 'g':
        return this.#number('julian day', count, DIGITS_MAX, 'NORMAL')
      case 'V':
      case 'v':
      case 'z':
      case 'O':
      case 'X':
      case 'x':
      case 'Z':
        return this.#zone(letter, count)
      default: {
        const field = PLAIN_FIELDS[letter]
        if (field === undefined) throw new RangeError(`Unknown pattern letter: ${letter}`)
        return this.#plain(field, letter, count)
      }
    }
  }

  #zone(letter: string, count: number): void {
    const isFit = letter === 'V' ? count === 2 : letter === 'v' || letter === 'O' ? count === 1 || count === 4 : count <= (letter === 'z' ? 4 : 5)
    if (!isFit) throw letter === 'V' ? new RangeError(`Pattern letter count must be 2: ${letter}`) : tooMany(letter)
    this.#append({ kind: 'zone', letters: letter.repeat(count) })
  }
}

/** Those of one or two digits. */
const PLAIN_FIELDS: Readonly<Record<string, TimeField>> = {
  d: 'day',
  H: 'hour',
  k: 'clock hour',
  K: 'half hour',
  h: 'clock half hour',
  m: 'minute',
  s: 'second',
}

function tooMany(letter: string): RangeError {
  return new RangeError(`Too many pattern letters: ${letter}`)
}

// ---- what is formatted ----

/** A local time as a pattern has it. @throws {RangeError} for a pattern that asks for a zone */
export function formatLocalTime(parts: readonly PatternPart[], time: LocalTime): string {
  let text = ''
  for (const part of parts) text += formatPart(part, time)
  return text
}

/** Local times that have the same text share what is left when they are divided by this, in ms, and rounded down; 0: any two may differ. */
export function unitMsOfPattern(parts: readonly PatternPart[]): number {
  return Math.min(...parts.map(unitMsOfPart), MS_PER_DAY)
}

function unitMsOfPart(part: PatternPart): number {
  switch (part.kind) {
    case 'literal':
    case 'zone':
      return MS_PER_DAY
    case 'optional':
      return unitMsOfPattern(part.parts)
    case 'padded':
      return unitMsOfPart(part.part)
    default:
      return UNITS_MS[part.field] ?? MS_PER_DAY
  }
}

/** How long fields of the time of the day stay the same. */
const UNITS_MS: Partial<Readonly<Record<TimeField, number>>> = {
  hour: 3_600_000,
  'clock hour': 3_600_000,
  'half hour': 3_600_000,
  'clock half hour': 3_600_000,
  half: 3_600_000,
  // Some periods begin behind an hour.
  period: 60_000,
  minute: 60_000,
  second: 1000,
  nano: 0,
  'milli of day': 0,
  'nano of day': 0,
}

function formatPart(part: PatternPart, time: LocalTime): string {
  switch (part.kind) {
    case 'literal':
      return part.text
    case 'optional':
      return formatOptional(part.parts, time)
    case 'padded': {
      const text = formatPart(part.part, time)
      if (text.length > part.width) throw new RangeError(`Cannot print as output of ${text.length} characters exceeds pad width of ${part.width}`)
      return text.padStart(part.width)
    }
    case 'zone':
      throw new RangeError(`There is no zone to format by ${part.letters}`)
    case 'text':
      return part.texts[fieldOf(part.field, time) - FIRST_TEXTS[part.field]!]
    default:
      return formatNumber(part, time)
  }
}

/** Empty where what is asked for is not there. */
function formatOptional(parts: readonly PatternPart[], time: LocalTime): string {
  return parts.some(({ kind }) => kind === 'zone') ? '' : formatLocalTime(parts, time)
}

function formatNumber({ kind, field, least, sign }: NumberPart, time: LocalTime): string {
  const value = fieldOf(field, time)
  if (kind === 'fraction') return String(value).padStart(9, '0').slice(0, least)
  if (kind === 'reduced') return String(Math.abs(value) % 100).padStart(2, '0')
  const digits = String(Math.abs(value)).padStart(least, '0')
  if (value < 0) return `-${digits}`
  return sign === 'EXCEEDS' && digits.length > least ? `+${digits}` : digits
}

/** The value of a field. Weeks start on Sunday, and the first one has the first of January. */
export function fieldOf(field: TimeField, { days, nanosOfDay }: LocalTime): number {
  const hour = Math.floor(nanosOfDay / NANOS_PER_HOUR)
  switch (field) {
    case 'hour':
      return hour
    case 'clock hour':
      return hour === 0 ? 24 : hour
    case 'half hour':
      return hour % 12
    case 'clock half hour':
      return hour % 12 === 0 ? 12 : hour % 12
    case 'half':
      return hour < 12 ? 0 : 1
    case 'period':
      return periodOf(nanosOfDay)
    case 'minute':
      return Math.floor(nanosOfDay / NANOS_PER_MINUTE) % 60
    case 'second':
      return Math.floor(nanosOfDay / NANOS_PER_SECOND) % 60
    case 'nano':
      return nanosOfDay % NANOS_PER_SECOND
    case 'milli of day':
      return Math.floor(nanosOfDay / 1_000_000)
    case 'nano of day':
      return nanosOfDay
    default:
      return dateFieldOf(field, days)
  }
}

function dateFieldOf(field: TimeField, days: number): number {
  const { year, month, day } = civilOf(days)
  switch (field) {
    case 'era':
      return year > 0 ? 1 : 0
    case 'year':
      return year
    case 'year of era':
      return year > 0 ? year : 1 - year
    case 'week year':
      return weekOf(days).year
    case 'week':
      return weekOf(days).week
    case 'week of month':
      return Math.floor((day + localDayOfWeek(daysOf(year, month, 1)) - 2) / 7) + 1
    case 'quarter':
      return Math.ceil(month / 3)
    case 'month':
      return month
    case 'day':
      return day
    case 'day of year':
      return days - daysOf(year, 1, 1) + 1
    case 'day of week':
      return ((localDayOfWeek(days) + 5) % 7) + 1
    case 'local day of week':
      return localDayOfWeek(days)
    case 'aligned day':
      return ((day - 1) % 7) + 1
    default:
      return days + JULIAN_EPOCH
  }
}

/** 1 is Sunday. */
export function localDayOfWeek(days: number): number {
  return ((((days + 4) % 7) + 7) % 7) + 1
}

/** The week of a day that weeks from Sunday have, and whose year it is. */
export function weekOf(days: number): { readonly year: number; readonly week: number } {
  const { year } = civilOf(days)
  const next = startOfWeekYear(year + 1)
  if (days >= next) return { year: year + 1, week: 1 }
  return { year, week: Math.floor((days - startOfWeekYear(year)) / 7) + 1 }
}

/** The Sunday of the week of the first of January. */
export function startOfWeekYear(year: number): number {
  const first = daysOf(year, 1, 1)
  return first - localDayOfWeek(first) + 1
}

/** By the place of its text. */
function periodOf(nanosOfDay: number): number {
  if (nanosOfDay < NANOS_PER_MINUTE) return 0
  const hour = Math.floor(nanosOfDay / NANOS_PER_HOUR)
  if (hour === 12 && nanosOfDay < 12 * NANOS_PER_HOUR + NANOS_PER_MINUTE) return 2
  return hour < 6 || hour >= 21 ? 5 : hour < 12 ? 1 : hour < 18 ? 3 : 4
}

/** A local time out of milliseconds and the nanoseconds behind them. */
export function localTimeOf(ms: number, nanos: number): LocalTime {
  const days = Math.floor(ms / MS_PER_DAY)
  return { days, nanosOfDay: (ms - days * MS_PER_DAY) * 1_000_000 + nanos }
}
