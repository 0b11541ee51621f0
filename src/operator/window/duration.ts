// Durations as windows, triggers and lateness take them: plain numbers of milliseconds, with helpers that say the unit. Pure.

import { PlanError } from '../../base/errors.ts'

const MS_PER_SECOND = 1000
const MS_PER_MINUTE = 60_000
const MS_PER_HOUR = 3_600_000
const MS_PER_DAY = 86_400_000

/** `count` milliseconds. */
export function milliseconds(count: number): number {
  return count
}

/** `count` seconds in milliseconds. */
export function seconds(count: number): number {
  return count * MS_PER_SECOND
}

/** `count` minutes in milliseconds. */
export function minutes(count: number): number {
  return count * MS_PER_MINUTE
}

/** `count` hours in milliseconds. */
export function hours(count: number): number {
  return count * MS_PER_HOUR
}

/** `count` days of 24 hours in milliseconds. */
export function days(count: number): number {
  return count * MS_PER_DAY
}

/**
 * Checks a duration or an offset.
 *
 * @throws {PlanError} `INVALID_DURATION` if it is not a whole number of milliseconds.
 */
export function requireDurationMs(what: string, value: number): number {
  if (!Number.isSafeInteger(value))
    throw new PlanError('INVALID_DURATION', `Cannot use ${String(value)} as ${what}: it must be a whole number of milliseconds`, {
      hint: 'Write seconds(10), minutes(5) or a number of milliseconds.',
    })
  return value
}
