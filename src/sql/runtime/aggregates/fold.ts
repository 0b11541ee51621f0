// The contract of what computes an aggregate: folds values into an accumulator, takes them out again, and says what they amount to.

import { keyOf, type Value } from '../../value.ts'

/** What an aggregate knows of a group, as a list of plain values, so that it can be state: changed in place, written as it is. */
export type Accumulator = unknown[]

/** Values of a group, and how often they are there. */
export type Entry = readonly [values: readonly Value[], count: number]

/** Values of a group by what tells them apart: what `MapState` is for a key. What grows with the group lies here. */
export interface Collection {
  get(key: string): Entry | null
  put(key: string, entry: Entry): void
  remove(key: string): unknown
  values(): readonly Entry[]
  clear(): void
}

/** A collection that is no state: of what is computed at once. */
export class HeapCollection implements Collection {
  readonly #entries = new Map<string, Entry>()

  get(key: string): Entry | null {
    return this.#entries.get(key) ?? null
  }

  put(key: string, entry: Entry): void {
    this.#entries.set(key, entry)
  }

  remove(key: string): void {
    this.#entries.delete(key)
  }

  values(): readonly Entry[] {
    return [...this.#entries.values()]
  }

  clear(): void {
    this.#entries.clear()
  }
}

/** The code of one aggregate over operands that are given by place. */
export interface Fold {
  create(): Accumulator
  /** @param sign 1: the values are added; -1: they are taken out. */
  fold(accumulator: Accumulator, values: readonly Value[], sign: 1 | -1): void
  result(accumulator: Accumulator): Value
  /** What must not change for the result to count as the same. @default the result */
  witness?(accumulator: Accumulator): Value
  /** Adds what another one of the same aggregate knows: of a part of a window. @param entries What that one keeps in its collection. */
  merge(accumulator: Accumulator, other: Accumulator, entries: readonly Entry[]): void
  /** What it keeps beside accumulators. */
  readonly collection?: Collection
}

/** Counts values more or less often. Returns how often they are there now; what was taken out before it came counts below zero. */
export function bump(collection: Collection, values: readonly Value[], change: number): number {
  const key = values.map(keyOf).join('|')
  const left = (collection.get(key)?.[1] ?? 0) + change
  if (left === 0) collection.remove(key)
  else collection.put(key, [values, left])
  return left
}
