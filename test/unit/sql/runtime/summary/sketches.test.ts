// The sketches of SUMMARIZE against what they stand for: all values, kept and sorted.
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Random } from '../../../../../src/base/random.ts'
import { DistinctSketch } from '../../../../../src/sql/runtime/summary/distinct-sketch.ts'
import { QuantileSketch } from '../../../../../src/sql/runtime/summary/quantile-sketch.ts'

/** Between two neighbours by the line. */
function exactQuantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right)
  const place = share * (sorted.length - 1)
  const [low, high] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]]
  return low === high ? low : low + (high - low) * (place - Math.floor(place))
}

function sketchOf(values: Iterable<number>): QuantileSketch {
  const sketch = new QuantileSketch()
  for (const value of values) sketch.add(value)
  return sketch
}

describe('QuantileSketch', () => {
  test('is exact as long as it keeps all numbers', () =>
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -1e9, max: 1e9 }), { minLength: 1, maxLength: 200 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (values, share) => {
          expect(sketchOf(values).quantile(share)).toBeCloseTo(exactQuantile(values, share), 3)
        },
      ),
    ))

  const random = new Random(7)
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next())
  test.each<readonly [what: string, make: (index: number) => number]>([
    ['uniform', () => random.next()],
    ['ascending', (index) => index],
    ['descending', (index) => -index],
    ['normal', normal],
    ['with a long tail', () => Math.exp(3 * normal())],
    ['of few values', () => Math.floor(5 * random.next())],
    ['of two far apart', (index) => (index % 3 === 0 ? 1e12 : index)],
  ])('of many numbers, %s, it is off by less than half a percent of the ranks', (_, make) => {
    const values = Array.from({ length: 100_000 }, (__, index) => make(index))
    const sketch = sketchOf(values)
    const sorted = Float64Array.from(values).sort()
    for (const share of [0, 0.01, 0.25, 0.5, 0.75, 0.99, 1]) {
      const answer = sketch.quantile(share)!
      const below = sorted.findLastIndex((value) => value < answer) + 1
      const upTo = sorted.findLastIndex((value) => value <= answer) + 1
      const rank = share * (values.length - 1)
      expect(below - rank, `${share}: too high`).toBeLessThan(0.005 * values.length)
      expect(rank - upTo, `${share}: too low`).toBeLessThan(0.005 * values.length)
    }
  })

  test('has nothing to say of nothing, and passes NaN over', () => {
    expect(sketchOf([]).quantile(0.5)).toBe(undefined)
    expect(sketchOf([NaN, 3, NaN]).quantile(0.5)).toBe(3)
  })
})

describe('DistinctSketch', () => {
  test.each([0, 1, 2, 10, 97, 1000, 20_000, 50_000, 300_000])('counts %i different hashes, each several times', (count) => {
    const sketch = new DistinctSketch()
    const random = new Random(count)
    const halves = Array.from({ length: count }, () => [random.uint32(), random.uint32()] as const)
    for (let turn = 0; turn < 3; turn++) for (const [high, low] of halves) sketch.add(high, low)
    expect(Math.abs(sketch.count - count)).toBeLessThanOrEqual(count <= 100 ? 1 : 0.03 * count)
  })
})
