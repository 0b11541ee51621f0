import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type JobSnapshot, partId } from '../../../src/checkpoint/job-snapshot.ts'
import { type SourceSplit, writeSplitState } from '../../../src/operator/source.ts'
import { type DealtSplit, restoredSplits } from '../../../src/runtime/restored-splits.ts'
import { SharedSplits } from '../../../src/runtime/shared-splits.ts'
import { writeTakenSplits } from '../../../src/runtime/source-driver.ts'
import { SnapshotFileWriter } from '../../../src/state/snapshot-file.ts'

const COUNTER = 0
const PROGRESS = 1

const splitsOf = (count: number): SourceSplit[] => Array.from({ length: count }, (_, place) => ({ id: `s${place}`, payload: place }))

/** One of several readers, which asks when it has read what it has. */
class Reader {
  /** Places of the splits it has been given, in turn. */
  readonly taken: number[] = []
  hasEnded = false
  isReading = false
  readonly #splits: SharedSplits
  readonly #index: number

  readonly #dealt: DealtSplit[]

  /** @param dealt The splits it goes on with after a restore. */
  constructor(splits: SharedSplits, index: number, dealt: readonly DealtSplit[] = []) {
    this.#splits = splits
    this.#index = index
    this.#dealt = [...dealt]
  }

  /** Returns whether anything came of it. */
  step(): boolean {
    if (this.hasEnded) return false
    if (this.isReading) {
      this.isReading = false
      return true
    }
    const dealt = this.#dealt.shift()
    const next = dealt === undefined ? this.#splits.next(this.#index) : this.#splits.take(this.#index, dealt.place)
    if (next === 'wait') return false
    if (next === undefined) this.hasEnded = true
    else {
      expect(next.split.payload).toBe(next.index - 1)
      this.taken.push(next.index - 1)
      this.isReading = true
    }
    return true
  }
}

const course = fc.record({
  readers: fc.integer({ min: 1, max: 5 }),
  splits: fc.nat(20),
  order: fc.array(fc.nat(4), { maxLength: 80 }),
  cut: fc.array(fc.nat(80), { minLength: 5, maxLength: 5 }),
})

/** Lets readers step in this order, then in turn to the end; `after` is called behind each step. */
function run(readers: readonly Reader[], order: readonly number[], after: (step: number) => void = () => {}): void {
  order.forEach((index, step) => {
    readers[index % readers.length].step()
    after(step)
  })
  while (readers.some(({ hasEnded }) => !hasEnded)) {
    const moved = readers.map((reader) => reader.step())
    expect(moved, 'all wait for each other').toContain(true)
  }
}

const rising = (places: readonly number[]): boolean => places.every((place, index) => index === 0 || place > places[index - 1])

test('each split is given once, in order, however readers come and go, and nobody waits for ever', () => {
  fc.assert(
    fc.property(course, ({ readers: count, splits, order }) => {
      const shared = new SharedSplits(new Int32Array(PROGRESS + count), COUNTER, PROGRESS, count, splitsOf(splits))
      const readers = Array.from({ length: count }, (_, index) => new Reader(shared, index))
      run(readers, order, () => {
        const reading = readers.filter(({ isReading }) => isReading).map(({ taken }) => taken.at(-1)!)
        // The first splits are everybody's own, and one may begin late.
        const ahead = reading.filter((place) => place >= count)
        if (ahead.length > 1) expect(Math.max(...ahead) - Math.min(...ahead)).toBeLessThanOrEqual(count + 1)
      })
      expect(readers.flatMap(({ taken }) => taken).sort((left, right) => left - right)).toEqual([...splitsOf(splits).keys()])
      for (const { taken } of readers) expect(rising(taken)).toBe(true)
    }),
    { numRuns: 2000 },
  )
})

test('after a restore, at any parallelism, what was not read to its end is given once, to each reader in order', () => {
  fc.assert(
    fc.property(course, fc.integer({ min: 1, max: 6 }), ({ readers: count, splits, order, cut }, now) => {
      const shared = new SharedSplits(new Int32Array(PROGRESS + count), COUNTER, PROGRESS, count, splitsOf(splits))
      const readers = Array.from({ length: count }, (_, index) => new Reader(shared, index))
      const snapshotOf = ({ taken, hasEnded, isReading }: Reader) => ({ taken: [...taken], hasEnded, reads: isReading ? taken.at(-1) : undefined })
      // Barriers reach readers one after the other; one that had ended is not there any more.
      const parts = readers.map(snapshotOf)
      run(readers, order, (step) =>
        readers.forEach((reader, index) => {
          if (step === cut[index]) parts[index] = snapshotOf(reader)
        }),
      )
      const runs = Array.from({ length: now }, (_, index) => index).filter((index) => now !== count || !parts[index].hasEnded)
      const { dealt, left, finished } = restoredSplits(jobSnapshot(parts), 'source', splits, now, runs)
      const unread = [...splitsOf(splits).keys()].filter((place) => parts.every(({ taken, reads }) => !taken.includes(place) || reads === place))
      expect([...finished, ...unread].sort((one, other) => one - other)).toEqual([...splitsOf(splits).keys()])
      for (const one of dealt.flat()) expect(one.state).toEqual(parts.some(({ reads }) => reads === one.place) ? Uint8Array.of(one.place) : undefined)
      const restored = new SharedSplits(new Int32Array(PROGRESS + now), COUNTER, PROGRESS, now, splitsOf(splits), left)
      const again = dealt.map((own, index) => new Reader(restored, index, own))
      again.forEach((reader, index) => void (reader.hasEnded = !runs.includes(index)))
      run(again, order.toReversed())
      // With all readers ended nothing is left to be read.
      if (runs.length === 0) expect(unread).toEqual([])
      expect(again.flatMap(({ taken }) => taken).sort((one, other) => one - other)).toEqual(unread)
      for (const { taken } of again) expect(rising(taken)).toBe(true)
    }),
    { numRuns: 2000 },
  )
})

/** A snapshot of a source's readers: each with the splits that it was given, and the state of the one it was reading. */
function jobSnapshot(parts: readonly { readonly taken: readonly number[]; readonly reads: number | undefined }[]): JobSnapshot {
  const files = parts.map(({ taken, reads }, index): [string, readonly Uint8Array[]] => {
    const writer = new SnapshotFileWriter()
    if (reads !== undefined) writeSplitState(writer, reads + 1, Uint8Array.of(reads))
    writeTakenSplits(writer, taken)
    return [partId('source', index), [writer.finish()]]
  })
  const operators = [{ uid: 'source', name: 'Source', parallelism: parts.length, maxParallelism: 128, signature: { type: 'File source' } }]
  return { checkpointId: 1, operators, splits: new Map(), files: new Map(files), inFlight: new Map(), ended: new Set() }
}
