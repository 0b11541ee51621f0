// Literals of dates, times, timestamps and intervals, as Flink reads them: more strictly than casts do. Undefined: the text is none.

import type { IntervalQualifier, IntervalUnit } from './syntax-tree.ts'
import { daysOf, isDate, MS_PER_DAY } from './times.ts'

/** A value with the digits of a second's fraction that are written. */
export interface TimeLiteral {
  readonly value: number | bigint
  readonly precision: number
}

// Blanks may stand in front of each number.
const DATE = /^[ \t]*(\d{1,9})-[ \t]*(\d{1,9})-[ \t]*(\d{1,9})$/
const TIME = /^[ \t]*(\d{1,9}):[ \t]*(\d{1,9}):[ \t]*(\d{1,9})(?:\.(\d*))?$/
const TIMESTAMP = /^([^:]*\d) (.*)$/
const YEAR_MAX = 9999
const TIMESTAMP_PRECISION_MAX = 9
const TIME_PRECISION_MAX = 3

/** `yyyy-MM-dd`, as days. */
export function parseDateLiteral(text: string): number | undefined {
  const match = DATE.exec(text)
  if (match === null) return undefined
  const [year, month, day] = match.slice(1).map(Number)
  return year >= 1 && year <= YEAR_MAX && isDate(year, month, day) ? daysOf(year, month, day) : undefined
}

/** `HH:mm:ss[.f]` */
export function parseTimeLiteral(text: string): TimeLiteral | undefined {
  const clock = clockOf(text, TIME_PRECISION_MAX)
  return clock && { value: clock.ms + Math.floor(clock.nanos / 1_000_000), precision: clock.precision }
}

/** `yyyy-MM-dd[ HH:mm:ss[.f]]` */
export function parseTimestampLiteral(text: string): TimeLiteral | undefined {
  const parts = TIMESTAMP.exec(text)
  const days = parseDateLiteral(parts === null ? text : parts[1])
  const clock = parts === null ? { ms: 0, nanos: 0, precision: 0 } : clockOf(parts[2], TIMESTAMP_PRECISION_MAX)
  if (days === undefined || clock === undefined) return undefined
  const { ms, nanos, precision } = clock
  const whole = days * MS_PER_DAY + ms
  return { value: precision <= 3 ? whole + nanos / 1_000_000 : BigInt(whole) * 1_000_000n + BigInt(nanos), precision }
}

function clockOf(text: string, precisionMax: number): { readonly ms: number; readonly nanos: number; readonly precision: number } | undefined {
  const match = TIME.exec(text)
  if (match === null) return undefined
  const [hour, minute, second] = match.slice(1, 4).map(Number)
  if (hour > 23 || minute > 59 || second > 59) return undefined
  const fraction = (match[4] ?? '').slice(0, precisionMax)
  return { ms: ((hour * 60 + minute) * 60 + second) * 1000, nanos: Number(fraction.padEnd(9, '0')), precision: fraction.length }
}

// ---- intervals ----

/** What the parts of an interval are worth, in months or milliseconds. */
export const UNIT_VALUES: Readonly<Partial<Record<IntervalUnit, number>>> = {
  YEAR: 12,
  QUARTER: 3,
  MONTH: 1,
  WEEK: 7 * MS_PER_DAY,
  DAY: MS_PER_DAY,
  HOUR: 3_600_000,
  MINUTE: 60_000,
  SECOND: 1000,
}
/** How parts follow each other: what stands in front of one, and how many of it the one before has. */
const NEXT_UNITS: Readonly<Partial<Record<IntervalUnit, { readonly unit: IntervalUnit; readonly separator: string; readonly count: number }>>> = {
  YEAR: { unit: 'MONTH', separator: '-', count: 12 },
  DAY: { unit: 'HOUR', separator: ' ', count: 24 },
  HOUR: { unit: 'MINUTE', separator: ':', count: 60 },
  MINUTE: { unit: 'SECOND', separator: ':', count: 60 },
}
const INTERVAL_PRECISION_DEFAULT = 2
const INTERVAL_PRECISION_MAX = 10
const INTERVAL_FRACTION_DEFAULT = 6
const INTERVAL_FRACTION_MAX = 9

/** Why a qualifier or a text is wrong, or the value: months or milliseconds. */
export type IntervalResult = number | { readonly wrong: 'qualifier' | 'format' | 'precision'; readonly message: string }

/** The value of `INTERVAL 'text' qualifier`. */
export function parseIntervalLiteral(text: string, negative: boolean, qualifier: IntervalQualifier): IntervalResult {
  const said = checkQualifier(qualifier)
  if (said !== undefined) return { wrong: 'qualifier', message: said }
  const trimmed = text.trim()
  const isNegated = trimmed.startsWith('-') !== negative
  const value = magnitudeOf(trimmed.replace(/^[+-]/, ''), qualifier)
  if (typeof value !== 'number') return value
  return isNegated && value !== 0 ? -value : value
}

function magnitudeOf(text: string, qualifier: IntervalQualifier): IntervalResult {
  const { from, to, precision = INTERVAL_PRECISION_DEFAULT, fraction = INTERVAL_FRACTION_DEFAULT } = qualifier
  const isWrong: IntervalResult = { wrong: 'format', message: `'${text}' is no interval of ${from}${to === undefined ? '' : ` TO ${to}`}` }
  const last = to ?? from
  let pattern = '^(\\d+)'
  const units: { readonly unit: IntervalUnit; readonly count: number }[] = [{ unit: from, count: Infinity }]
  while (units.at(-1)!.unit !== last) {
    const next = NEXT_UNITS[units.at(-1)!.unit]!
    pattern += `${next.separator}(\\d{1,2})`
    units.push(next)
  }
  if (last === 'SECOND') pattern += `(?:\\.(\\d{1,${fraction}}))?`
  const match = new RegExp(`${pattern}$`).exec(text)
  if (match === null) return isWrong
  if (BigInt(match[1]) >= 10n ** BigInt(precision)) return { wrong: 'precision', message: `${match[1]} has more digits than ${from}(${precision}) takes` }
  let total = last === 'SECOND' ? Math.floor(Number((match[units.length + 1] ?? '').padEnd(9, '0')) / 1_000_000) : 0
  for (const [index, { unit, count }] of units.entries()) {
    const amount = Number(match[index + 1])
    if (amount >= count) return isWrong
    total += amount * UNIT_VALUES[unit]!
  }
  return total
}

/** What is wrong with a qualifier. */
function checkQualifier({ from, to, precision, fraction }: IntervalQualifier): string | undefined {
  if (UNIT_VALUES[from] === undefined) return `There are no intervals of ${from}`
  if (precision !== undefined && (precision < 1 || precision > INTERVAL_PRECISION_MAX))
    return `An interval has 1 to ${INTERVAL_PRECISION_MAX} digits, not ${precision}`
  if (fraction !== undefined && (fraction < 1 || fraction > INTERVAL_FRACTION_MAX))
    return `A second has 1 to ${INTERVAL_FRACTION_MAX} digits behind its point here, not ${fraction}`
  if (to === undefined) return undefined
  let unit: IntervalUnit | undefined = from
  while (unit !== undefined && unit !== to) unit = NEXT_UNITS[unit]?.unit
  return unit === undefined || from === to ? `There are no intervals of ${from} TO ${to}` : undefined
}
