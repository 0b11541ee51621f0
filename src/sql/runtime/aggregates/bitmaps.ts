// Aggregates of bitmaps: one built of integers, or what many have in common, together, or an odd number of times.

import { RoaringBitmap } from '../../../base/roaring-bitmap.ts'
import type { Value } from '../../value.ts'
import type { Counts } from './collections.ts'
import type { Accumulator, Fold } from './fold.ts'

/** So many integers wait at least before they are put into a bitmap, so that this costs little for each. */
const WAITING_MIN = 256

type Combine = (left: RoaringBitmap, right: RoaringBitmap) => RoaringBitmap

const AND: Combine = (left, right) => left.and(right)
const OR: Combine = (left, right) => left.or(right)
const XOR: Combine = (left, right) => left.xor(right)

const read = (bytes: Value): RoaringBitmap => RoaringBitmap.fromBytes(bytes as Uint8Array)

/** The bytes of a bitmap, or how many values it has. */
const shownBy = (isCardinality: boolean) => (bitmap: RoaringBitmap) => (isCardinality ? BigInt(bitmap.cardinality) : bitmap.toBytes())

/** BITMAP_BUILD_AGG. @param kept How often each integer is there, where they may be taken out. */
export function built(kept: Counts | undefined): Fold {
  return kept === undefined ? builtOnce() : builtOfKept(kept)
}

/** The accumulator: the bytes of a bitmap, and integers that are not yet in it. */
function builtOnce(): Fold {
  const settle = (accumulator: Accumulator): Value => {
    const waiting = accumulator[1] as number[]
    if (waiting.length > 0) {
      const [known] = accumulator
      const added = RoaringBitmap.of(waiting)
      accumulator[0] = (known === null ? added : read(known as Value).or(added)).toBytes()
      accumulator[1] = []
    }
    return accumulator[0] as Value
  }
  return {
    create: () => [null, []],
    fold(accumulator, [value]) {
      const [known, waiting] = accumulator as [Uint8Array | null, number[]]
      if (waiting.push(value as number) >= Math.max(WAITING_MIN, (known?.length ?? 0) >> 3)) settle(accumulator)
    },
    result: settle,
    merge(accumulator, other) {
      const [known, added] = [settle(accumulator), settle(other)]
      if (added !== null) accumulator[0] = known === null ? added : read(known).or(read(added)).toBytes()
    },
  }
}

function builtOfKept(kept: Counts): Fold {
  return {
    create: () => [],
    kept,
    fold: (_accumulator, values, change) => void kept.add(values, change),
    result: () => {
      const entries = kept.entries().filter(([, times]) => times > 0)
      return entries.length === 0 ? null : RoaringBitmap.of(entries.map(([[value]]) => value as number)).toBytes()
    },
    merge(_accumulator, _other, entries) {
      for (const [values, times] of entries) kept.add(values, times)
    },
  }
}

/** BITMAP_AND_AGG, BITMAP_OR_AGG, BITMAP_XOR_AGG and those of how many values these have. @param kept How often each value is there, where bitmaps may be taken out. */
export function combined(name: string, retracts: boolean, kept: () => Counts): Fold {
  const shown = shownBy(name.includes('CARDINALITY'))
  if (name.startsWith('BITMAP_XOR')) return retracts ? toggled(shown) : combinedOnce(XOR, shown)
  const isAnd = name.startsWith('BITMAP_AND')
  if (!retracts) return combinedOnce(isAnd ? AND : OR, shown)
  return combinedOfKept(isAnd ? (times, bitmaps) => times === bitmaps : (times) => times > 0, shown, kept())
}

function combinedOnce(combine: Combine, shown: (bitmap: RoaringBitmap) => Value): Fold {
  const take = (accumulator: Accumulator, bytes: Value): void => {
    const [known] = accumulator
    accumulator[0] = known === null ? bytes : combine(read(known as Value), read(bytes)).toBytes()
  }
  return {
    create: () => [null],
    fold: (accumulator, [bytes]) => take(accumulator, bytes),
    result: ([bytes]) => (bytes === null ? null : shown(read(bytes as Value))),
    merge(accumulator, [bytes]) {
      if (bytes !== null) take(accumulator, bytes as Value)
    },
  }
}

/** What is taken out is put in once more. The accumulator: the bytes, and how many bitmaps there are. */
function toggled(shown: (bitmap: RoaringBitmap) => Value): Fold {
  const toggle = (accumulator: Accumulator, bytes: Value, change: number): void => {
    const [known, bitmaps] = accumulator
    accumulator[0] =
      known === null
        ? bytes
        : read(known as Value)
            .xor(read(bytes))
            .toBytes()
    accumulator[1] = (bitmaps as number) + change
  }
  return {
    create: () => [null, 0],
    fold: (accumulator, [bytes], change) => toggle(accumulator, bytes, change),
    result: ([bytes, bitmaps]) => ((bitmaps as number) > 0 ? shown(read(bytes as Value)) : null),
    merge(accumulator, [bytes, bitmaps]) {
      if (bytes !== null) toggle(accumulator, bytes as Value, bitmaps as number)
    },
  }
}

/** Values that are in so many of the bitmaps as is wanted. The accumulator: how many of these there are. */
function combinedOfKept(isWanted: (times: number, bitmaps: number) => boolean, shown: (bitmap: RoaringBitmap) => Value, kept: Counts): Fold {
  return {
    create: () => [0],
    kept,
    fold(accumulator, [bytes], change) {
      accumulator[0] = (accumulator[0] as number) + change
      for (const value of read(bytes).toArray()) kept.add([value], change)
    },
    result([bitmaps]) {
      if ((bitmaps as number) <= 0) return null
      const entries = kept.entries().filter(([, times]) => isWanted(times, bitmaps as number))
      return shown(RoaringBitmap.of(entries.map(([[value]]) => value as number)))
    },
    merge(accumulator, [bitmaps], entries) {
      accumulator[0] = (accumulator[0] as number) + (bitmaps as number)
      for (const [values, times] of entries) kept.add(values, times)
    },
  }
}
