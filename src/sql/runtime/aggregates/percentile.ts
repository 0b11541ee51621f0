// PERCENTILE: the value below which some fraction of all values lies, between two of them in proportion.

import { Decimal } from '../../../batch/types.ts'
import type { Value } from '../../value.ts'
import type { Counts, Entry } from './collections.ts'
import type { Fold } from './fold.ts'

function doubleOf(value: Value): number {
  return value instanceof Decimal ? value.toNumber() : Number(value)
}

/** How often a value counts; nothing at or below zero. */
function timesOf(frequency: Value | undefined): number {
  return frequency === undefined ? 1 : Math.max(0, Number(frequency))
}

/** @throws {RangeError} if one is no fraction. */
function fractionsOf(given: Value): readonly number[] {
  const fractions = (Array.isArray(given) ? (given as readonly Value[]) : [given]).map(doubleOf)
  const wrong = fractions.find((fraction) => !(fraction >= 0 && fraction <= 1))
  if (wrong !== undefined) throw new RangeError(`PERCENTILE takes fractions from 0 to 1, and ${wrong} is none`)
  return fractions
}

/** The fractions are those of the first row. Values are kept with how often each is there. */
export function percentile(isArray: boolean, kept: Counts): Fold {
  return {
    create: () => [null],
    kept,
    fold(accumulator, [value, fractions, frequency], sign) {
      accumulator[0] ??= fractionsOf(fractions)
      const times = timesOf(frequency)
      if (value !== null && times > 0) kept.add([doubleOf(value)], sign * times)
    },
    result([fractions]) {
      const found = fractions === null ? undefined : valuesAt(kept.entries(), fractions as readonly number[])
      return found === undefined ? null : isArray ? found : found[0]
    },
    merge(accumulator, [fractions], entries) {
      accumulator[0] ??= fractions
      for (const [values, times] of entries) kept.add(values, times)
    },
  }
}

/** Undefined: there are no values. */
function valuesAt(entries: readonly Entry[], fractions: readonly number[]): readonly number[] | undefined {
  const sorted = entries.map(([[value], times]) => ({ value: value as number, times })).toSorted((left, right) => left.value - right.value)
  const total = sorted.reduce((sum, { times }) => sum + times, 0)
  if (total <= 0) return undefined
  return fractions.map((fraction) => {
    // Counted from 1.
    const position = fraction * (total - 1) + 1
    const [below, above] = [Math.floor(position), Math.ceil(position)]
    let index = 0
    let reached = sorted[0].times
    while (reached < below) reached += sorted[++index].times
    const { value } = sorted[index]
    return reached >= above ? value : (above - position) * value + (position - below) * sorted[index + 1].value
  })
}
