// The Nexmark kernels against their twin, under any options, cuts into batches and readers.
import * as fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import { Slab } from '../../src/base/slab.ts'
import { batchToObjects } from '../../src/batch/batch-rows.ts'
import { Column } from '../../src/batch/column.ts'
import { RecordBatch } from '../../src/batch/record-batch.ts'
import { NexmarkGenerator } from '../../src/connector/nexmark/nexmark-generator.ts'
import { NEXMARK_EVENTS } from '../../src/connector/nexmark/nexmark-layout.ts'
import type { NexmarkOptions } from '../../src/connector/nexmark/nexmark-options.ts'
import { NexmarkReference, nexmarkJsonLine } from '../../src/connector/nexmark/nexmark-reference.ts'
import { compileKernels, instantiateKernels, type Kernels } from '../../src/kernels/kernels.ts'

let slab: Slab
let kernels: Kernels
let batch: RecordBatch
beforeAll(() => {
  slab = new Slab()
  kernels = instantiateKernels(compileKernels(), slab)
  batch = new RecordBatch(
    slab,
    NEXMARK_EVENTS,
    NEXMARK_EVENTS.fields.map(({ type }) => Column.allocate(slab, type, 8)),
  )
})

const options: fc.Arbitrary<NexmarkOptions> = fc.record({
  eventRate: fc.oneof(fc.constantFrom(100, 10_000, 10_000_000, 0.5), fc.integer({ min: 1, max: 1_000_000 })),
  disorderMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 20_000 })),
  eventCount: fc.constantFrom(0, 40_000),
  seed: fc.maxSafeInteger(),
  baseTimeMs: fc.integer({ min: 0, max: 4_000_000_000_000 }),
  personProportion: fc.integer({ min: 1, max: 5 }),
  auctionProportion: fc.integer({ min: 1, max: 9 }),
  bidProportion: fc.integer({ min: 0, max: 60 }),
  personSizeAvg: fc.integer({ min: 0, max: 300 }),
  auctionSizeAvg: fc.integer({ min: 0, max: 700 }),
  bidSizeAvg: fc.integer({ min: 0, max: 200 }),
  hotAuctionRatio: fc.integer({ min: 1, max: 5 }),
  hotBidderRatio: fc.integer({ min: 1, max: 5 }),
  hotSellerRatio: fc.integer({ min: 1, max: 5 }),
  bidderOffset: fc.constantFrom(1000, 2000),
})

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]))
}

test('NexmarkGenerator makes the events of NexmarkReference, as columns and as lines', () => {
  fc.assert(
    fc.property(options, fc.integer({ min: 0, max: 39_900 }), fc.integer({ min: 0, max: 100 }), (settings, first, count) => {
      const generator = new NexmarkGenerator(slab, kernels, settings)
      const reference = new NexmarkReference(settings)
      const expected = Array.from({ length: count }, (_, index) => reference.eventAt(first + index))
      generator.generateColumns(first, count, batch)
      expect(batchToObjects(batch).map(({ row }) => plain(row))).toEqual(expected)
      const bytes = count * generator.lineBytesMax + 64
      const target = slab.allocate(bytes)
      const written = generator.generateJsonLines(first, count, target)
      expect(Buffer.from(slab.u8.slice(target, target + written)).toString()).toBe(expected.map((event) => `${nexmarkJsonLine(event)}\n`).join(''))
      expect(written).toBeLessThanOrEqual(count * generator.lineBytesMax)
      slab.free(target, bytes)
      generator.close()
    }),
    { numRuns: 60 },
  )
})

test('far out in the stream the events are still those of the reference', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 8_999_999_999_000 }), fc.constantFrom(0, 5000), (first, disorderMs) => {
      const generator = new NexmarkGenerator(slab, kernels, { eventRate: 1_000_000, disorderMs })
      const reference = new NexmarkReference({ eventRate: 1_000_000, disorderMs })
      generator.generateColumns(first, 20, batch)
      expect(batchToObjects(batch).map(({ row }) => plain(row))).toEqual(Array.from({ length: 20 }, (_, index) => reference.eventAt(first + index)))
      generator.close()
    }),
    { numRuns: 30 },
  )
})

test('the same events come whatever the cuts into batches', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 12 }), fc.constantFrom(0, 40), (cuts, disorderMs) => {
      const generator = new NexmarkGenerator(slab, kernels, { disorderMs })
      const count = cuts.reduce((sum, cut) => sum + cut, 0)
      const pieces = cuts.flatMap((cut, index) => {
        generator.generateColumns(
          cuts.slice(0, index).reduce((sum, before) => sum + before, 0),
          cut,
          batch,
        )
        return batchToObjects(batch)
      })
      generator.generateColumns(0, count, batch)
      expect(pieces).toEqual(batchToObjects(batch))
      generator.close()
    }),
    { numRuns: 40 },
  )
})

test('under any disorder every event comes once and lags at most that far behind', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 3000 }),
      fc.integer({ min: 0, max: 700 }),
      fc.constantFrom(100, 333, 1000, 7777),
      (eventCount, disorderMs, eventRate) => {
        const reference = new NexmarkReference({ eventCount, disorderMs, eventRate })
        const numbers = Array.from({ length: eventCount }, (_, position) => reference.eventNumber(position))
        let newest = -Infinity
        for (const number of numbers) {
          newest = Math.max(newest, reference.timeOf(number))
          expect(newest - reference.timeOf(number)).toBeLessThanOrEqual(disorderMs)
        }
        expect(new Set(numbers).size).toBe(eventCount)
        expect(Math.max(...numbers)).toBe(eventCount - 1)
      },
    ),
    { numRuns: 60 },
  )
})
