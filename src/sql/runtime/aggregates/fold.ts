// The contract of what computes an aggregate: folds values into an accumulator, takes them out again, and says what they amount to.

import type { Value } from '../../value.ts'
import type { Entry } from './collections.ts'

/** What an aggregate knows of a group, as a list of plain values, so that it can be state: changed in place, written as it is. */
export type Accumulator = unknown[]

/** What an aggregate keeps of the current group beside its accumulator. */
export interface Kept {
  entries(): readonly Entry[]
  clear(): void
}

/** The code of one aggregate over operands that are given by place. */
export interface Fold {
  create(): Accumulator
  /** @param sign 1: the values are added; -1: they are taken out. */
  fold(accumulator: Accumulator, values: readonly Value[], sign: 1 | -1): void
  result(accumulator: Accumulator): Value
  /** What must not change for the result to count as the same. @default the result */
  witness?(accumulator: Accumulator): Value
  /** Adds what another one of the same aggregate knows: of a part of a window. @param entries What that one keeps beside its accumulator. */
  merge(accumulator: Accumulator, other: Accumulator, entries: readonly Entry[]): void
  readonly kept?: Kept
}
