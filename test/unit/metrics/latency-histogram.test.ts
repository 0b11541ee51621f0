import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bucketOf, forEachLatency, LATENCY_BUCKETS, recordLatency, valueOf } from '../../../src/metrics/latency-histogram.ts'

test('buckets rise with their values and tell them within 1/32', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 36 - 1 }), (micros) => {
      const bucket = bucketOf(micros)
      expect(bucket).toBeGreaterThanOrEqual(0)
      expect(bucket).toBeLessThan(LATENCY_BUCKETS)
      expect(Math.abs(valueOf(bucket) - micros)).toBeLessThanOrEqual(micros / 32)
      expect(bucketOf(micros + 1)).toBeGreaterThanOrEqual(bucket)
    }),
  )
})

test('what was recorded is told once, values out of range at the ends', () => {
  const buckets = new Int32Array(LATENCY_BUCKETS)
  for (const micros of [3, 3, 1000, -5, 1e15]) recordLatency(buckets, micros)
  const seen: [number, number][] = []
  forEachLatency(buckets, (micros, count) => seen.push([micros, count]))
  expect(seen.map(([, count]) => count)).toEqual([1, 2, 1, 1])
  expect(seen[0][0]).toBe(0)
  expect(seen[2][0]).toBeCloseTo(1000, -2)
})
