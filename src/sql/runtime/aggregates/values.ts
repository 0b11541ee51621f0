// Aggregates that pick one of the values, or keep them all.

import type { BoundAggregate } from '../../bound-expression.ts'
import { compareValues, keyOf, type Value } from '../../value.ts'
import type { Counts } from './collections.ts'
import type { Accumulator, Fold } from './fold.ts'

/** MIN (-1) or MAX (1) of what is never taken out. */
export function extreme(sign: 1 | -1): Fold {
  const take = (accumulator: Accumulator, value: Value): void => {
    const known = accumulator[0] as Value
    if (known === null || compareValues(value, known) * sign > 0) accumulator[0] = value
  }
  return {
    create: () => [null],
    fold: (accumulator, [value]) => take(accumulator, value),
    result: ([value]) => value as Value,
    merge(accumulator, [other]) {
      if (other !== null) take(accumulator, other as Value)
    },
  }
}

/** MIN or MAX of what may be taken out again: all values are kept, and looked through when the extreme one goes. */
export function extremeOfKept(sign: 1 | -1, kept: Counts): Fold {
  const { fold: take, ...rest } = extreme(sign)
  return {
    ...rest,
    kept,
    fold(accumulator, [value], change) {
      const left = kept.add([value], change)
      if (left > 0) {
        if (change === 1) take(accumulator, [value], 1)
        return
      }
      const known = accumulator[0] as Value
      if (known === null || compareValues(known, value) !== 0) return
      accumulator[0] = null
      for (const [values, times] of kept.entries()) if (times > 0) take(accumulator, values, 1)
    },
    merge(accumulator, _other, entries) {
      for (const [values, times] of entries) if (kept.add(values, times) > 0) take(accumulator, values, 1)
    },
  }
}

/** MIN or MAX of what is replaced at once by something further out. */
export function extremeOfReplaced(sign: 1 | -1): Fold {
  const inner = extreme(sign)
  return { ...inner, fold: (accumulator, values, change) => (change === 1 ? inner.fold(accumulator, values, 1) : undefined) }
}

/** The first or last value by arrival. Values are kept in a list where they may be taken out. */
export function positional(isLast: boolean, retracts: boolean): Fold {
  if (retracts) return listed((values) => (values.length === 0 ? null : values[isLast ? values.length - 1 : 0]))
  const take = (accumulator: Accumulator, value: Value): void => {
    if (isLast || accumulator[0] === null) accumulator[0] = value
  }
  return {
    create: () => [null],
    fold: (accumulator, [value]) => take(accumulator, value),
    result: ([value]) => value as Value,
    merge(accumulator, [other]) {
      if (other !== null) take(accumulator, other as Value)
    },
  }
}

/** Keeps all values in the order in which they came. */
export function listed(result: (values: readonly Value[], separator: Value) => Value): Fold {
  return {
    create: () => [[], null],
    fold(accumulator, [value, separator], sign) {
      const values = accumulator[0] as Value[]
      if (sign === 1) values.push(value)
      else {
        const key = keyOf(value)
        const at = values.findIndex((one) => keyOf(one) === key)
        if (at >= 0) values.splice(at, 1)
      }
      if (separator !== undefined) accumulator[1] = separator
    },
    result: ([values, separator]) => result(values as readonly Value[], separator as Value),
    merge(accumulator, [values, separator]) {
      ;(accumulator[0] as Value[]).push(...(values as readonly Value[]))
      if (separator !== null) accumulator[1] = separator
    },
  }
}

/** COLLECT: how often each value is there. */
export function multiset(): Fold {
  return listed((values) => {
    const pairs = new Map<string, [Value, number]>()
    for (const value of values) {
      const pair = pairs.get(keyOf(value))
      if (pair === undefined) pairs.set(keyOf(value), [value, 1])
      else pair[1]++
    }
    return [...pairs.values()]
  })
}

/** The only value of a group. */
export function single(): Fold {
  return listed((values) => {
    if (values.length > 1) throw new RangeError('A subquery that stands for a value has more than one row')
    return values.length === 0 ? null : values[0]
  })
}

/** The value so many rows before the last one. */
export function lag({ operands }: BoundAggregate): Fold {
  const [, distance] = operands
  const steps = distance?.kind === 'literal' ? Number(distance.value) : 1
  return {
    create: () => [[], null],
    fold(accumulator, [value, , otherwise]) {
      const values = accumulator[0] as Value[]
      values.push(value)
      if (values.length > steps + 1) values.shift()
      accumulator[1] = otherwise ?? null
    },
    result: ([values, otherwise]) => {
      const known = values as readonly Value[]
      return known.length > steps ? known[known.length - 1 - steps] : (otherwise as Value)
    },
    merge() {
      throw new RangeError('Only OVER knows rows before a row')
    },
  }
}

/** Each value counts once, however often it is there. */
export function distinct(inner: Fold, kept: Counts): Fold {
  return {
    ...inner,
    kept,
    fold(accumulator, values, sign) {
      const left = kept.add(values, sign)
      if (left === (sign === 1 ? 1 : 0)) inner.fold(accumulator, values, sign)
    },
    merge(accumulator, _other, entries) {
      for (const [values, times] of entries) if (kept.add(values, times) === times) inner.fold(accumulator, values, 1)
    },
  }
}

/** Values that aggregates.ts has found to count for the first time. @param bit What tells in a value's number that it has counted. */
export function distinctInSet(inner: Fold, counts: Counts, bit: number): Fold {
  return {
    ...inner,
    kept: { entries: () => counts.entries().filter(([, bits]) => (bits & bit) !== 0), clear: () => counts.clear() },
    merge(accumulator, _other, entries) {
      for (const [values] of entries) {
        const bits = counts.get(values)
        if ((bits & bit) !== 0) continue
        counts.set(values, bits | bit)
        inner.fold(accumulator, values, 1)
      }
    },
  }
}

/** How many different whole numbers there are, in 32 bits. */
export function cardinality(kept: Counts): Fold {
  return {
    create: () => [0],
    kept,
    fold(accumulator, values, sign) {
      const left = kept.add(values, sign)
      if (left === (sign === 1 ? 1 : 0)) accumulator[0] = (accumulator[0] as number) + sign
    },
    result: ([counted]) => (counted === 0 ? null : BigInt(counted as number)),
    merge(accumulator, _other, entries) {
      for (const [values, times] of entries) if (kept.add(values, times) === times) accumulator[0] = (accumulator[0] as number) + 1
    },
  }
}
