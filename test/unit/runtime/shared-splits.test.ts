import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SharedSplits } from '../../../src/runtime/shared-splits.ts'
import type { SourceSplit } from '../../../src/operator/source.ts'

const COUNTER = 0
const PROGRESS = 1

const splitsOf = (count: number): SourceSplit[] => Array.from({ length: count }, (_, place) => ({ id: `s${place}`, payload: place }))

/** One of several readers, which asks when it has read what it has. */
class Reader {
  /** Places of the splits it has been given, in turn. */
  readonly taken: number[]
  hasEnded = false
  isReading = false
  readonly #splits: SharedSplits
  readonly #index: number

  constructor(splits: SharedSplits, index: number, taken: readonly number[] = []) {
    this.#splits = splits
    this.#index = index
    this.taken = [...taken]
  }

  /** Returns whether anything came of it. */
  step(): boolean {
    if (this.hasEnded) return false
    if (this.isReading) {
      this.isReading = false
      return true
    }
    const next = this.#splits.next(this.#index)
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

test('after a restore what no reader had is given again, never to one that is behind it', () => {
  fc.assert(
    fc.property(course, ({ readers: count, splits, order, cut }) => {
      const shared = new SharedSplits(new Int32Array(PROGRESS + count), COUNTER, PROGRESS, count, splitsOf(splits))
      const readers = Array.from({ length: count }, (_, index) => new Reader(shared, index))
      // Barriers reach readers one after the other; one that had ended is not there any more.
      const snapshots = readers.map(({ taken, hasEnded }) => ({ taken: [...taken], hasEnded }))
      run(readers, order, (step) =>
        readers.forEach(({ taken, hasEnded }, index) => {
          if (step === cut[index]) snapshots[index] = { taken: [...taken], hasEnded }
        }),
      )
      const restored = new SharedSplits(
        new Int32Array(PROGRESS + count),
        COUNTER,
        PROGRESS,
        count,
        splitsOf(splits),
        snapshots.map(({ taken }) => taken),
      )
      const again = snapshots.map(({ taken }, index) => new Reader(restored, index, taken))
      snapshots.forEach(({ hasEnded }, index) => void (again[index].hasEnded = hasEnded))
      run(again, order.toReversed())
      expect(again.flatMap(({ taken }) => taken).sort((left, right) => left - right)).toEqual([...splitsOf(splits).keys()])
      for (const { taken } of again) expect(rising(taken)).toBe(true)
    }),
    { numRuns: 2000 },
  )
})
