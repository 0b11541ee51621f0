// Which splits the readers of a restored source go on with. Splits that readers had begun are dealt out anew, to as many readers as there are now,
// with whatever was left in front of the last of them: so each reader gets splits in their order, and time does not run backwards. All behind it
// is handed out as ever.

import { type JobSnapshot, openPart } from '../checkpoint/job-snapshot.ts'
import { readSplitStates } from '../operator/source.ts'
import { takenSplits } from './source-driver.ts'

/** A split by its place in the order from 0, and what its reader wrote of it; undefined if none had begun it. */
export interface DealtSplit {
  readonly place: number
  readonly state: Uint8Array | undefined
}

/** The splits of a restored source. */
export interface RestoredSplits {
  /** For each reader, in order. */
  readonly dealt: readonly (readonly DealtSplit[])[]
  /** Places of those that nobody had and that are still to be handed out. */
  readonly left: readonly number[]
  /** Places of those that were read to their end. */
  readonly finished: readonly number[]
}

/**
 * Deals out what is left.
 *
 * @param readers Those that run: each index is below `parallelism`.
 */
export function restoredSplits(snapshot: JobSnapshot, uid: string, splitCount: number, parallelism: number, readers: readonly number[]): RestoredSplits {
  const states = new Map<number, Uint8Array>()
  const taken = new Set<number>()
  const had = snapshot.operators.find((operator) => operator.uid === uid)?.parallelism ?? 0
  for (let part = 0; part < had; part++) {
    const reader = openPart(snapshot, uid, part)?.reader(NO_KEY_GROUPS)
    if (reader === undefined) continue
    readSplitStates(reader, (index, state) => states.set(index - 1, state))
    for (const place of takenSplits(reader)) taken.add(place)
  }
  const lastBegun = Math.max(-1, ...states.keys())
  const dealt: DealtSplit[][] = Array.from({ length: parallelism }, () => [])
  const left: number[] = []
  const finished: number[] = []
  let turn = 0
  for (let place = 0; place < splitCount; place++) {
    const state = states.get(place)
    if (state === undefined && taken.has(place)) finished.push(place)
    else if (place > lastBegun || readers.length === 0) left.push(place)
    else dealt[readers[turn++ % readers.length]].push({ place, state })
  }
  return { dealt, left, finished }
}

const NO_KEY_GROUPS = { start: 0, end: -1 }
