// Times and texts as SQL stores take them.

import { ConnectorError } from '../../base/errors.ts'

const MS_PER_DAY = 86_400_000
const NANOS_PER_MS = 1_000_000n
/** Of a Date. */
const DAYS_MAX = 100_000_000
const DATE_LENGTH = 10

/** For a value that a store cannot hold. */
export function unwritable(column: string, reason: string): ConnectorError {
  return new ConnectorError('UNWRITABLE_VALUE', `Cannot write a value of column "${column}": ${reason}`)
}

/** A date with the sign and digits of its year that ISO 8601 gives it: `2026-01-31`, `+012026-01-31`, `-000001-01-31`. */
export function dateText(days: number, column: string): string {
  if (Math.abs(days) > DAYS_MAX) throw unwritable(column, `the date ${days} days from 1970-01-01 is out of range`)
  const iso = new Date(days * MS_PER_DAY).toISOString()
  return iso.slice(0, iso.indexOf('T'))
}

/** `HH:MM:SS`, and as many digits of its fraction as the precision says. */
export function timeText(msOfDay: number, precision: number): string {
  return cut(new Date(msOfDay).toISOString().slice(DATE_LENGTH + 1, -1), precision)
}

/**
 * `YYYY-MM-DD HH:MM:SS`, and as many digits of its fraction as the precision says.
 *
 * @param value Epoch milliseconds up to precision 3, epoch nanoseconds as a bigint beyond.
 */
export function timestampText(value: number | bigint, precision: number, column: string): string {
  if (typeof value === 'number') {
    const days = Math.floor(value / MS_PER_DAY)
    return `${dateText(days, column)} ${timeText(value - days * MS_PER_DAY, precision)}`
  }
  const rest = ((value % NANOS_PER_MS) + NANOS_PER_MS) % NANOS_PER_MS
  const text = timestampText(Number((value - rest) / NANOS_PER_MS), 3, column)
  return cut(text + String(rest).padStart(6, '0'), precision)
}

/** A text without the character that ends texts in C, and so in stores. */
export function plainText(text: string, column: string): string {
  if (text.includes('\0')) throw unwritable(column, 'the text holds the character U+0000, which the store cannot keep')
  return text
}

/** Cuts the fraction of a time to so many digits; without any the point goes too. */
function cut(text: string, digits: number): string {
  const point = text.indexOf('.')
  return text.slice(0, digits === 0 ? point : point + 1 + digits)
}
