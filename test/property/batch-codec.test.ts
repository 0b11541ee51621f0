// Goal: whatever a batch looks like (types, NULLs, selection, dictionaries, kinds, timestamps, crossings) and wherever it is cut, the frames that
// are written into another slab read as the same rows, within the announced size. Method: random batches from a seed against batchToObjects().

import { assert, integer, property } from 'fast-check'
import { expect, test } from 'vitest'
import { Random } from '../../src/base/random.ts'
import { Slab } from '../../src/base/slab.ts'
import { BatchDecoder, encodeBatch, encodedBytesMax } from '../../src/batch/batch-codec.ts'
import { batchToObjects } from '../../src/batch/batch-rows.ts'
import type { RecordBatch } from '../../src/batch/record-batch.ts'
import { randomBatch, randomSchema } from './batch-arbitrary.ts'

/** What stands between rows: every row and every movement of the watermark, in order. */
function transcript(batch: RecordBatch): unknown[] {
  const { positions, watermarks, count } = batch.crossings
  const elements: unknown[] = []
  let crossing = 0
  const rows = batchToObjects(batch)
  for (let position = 0; position <= rows.length; position++) {
    let watermark: number | undefined
    for (; crossing < count && batch.positionOf(positions[crossing]) === position; crossing++) watermark = watermarks[crossing]!
    if (watermark !== undefined) elements.push({ watermark })
    if (position < rows.length) elements.push(rows[position])
  }
  return elements
}

test('a batch cut into frames and read again has the same rows and watermarks', () => {
  assert(
    property(integer(), (seed) => {
      const random = new Random(seed)
      const source = new Slab()
      const target = new Slab()
      const schema = randomSchema(random)
      const decoder = new BatchDecoder(target, schema)
      for (let repetition = 0; repetition < 3; repetition++) {
        const { batch } = randomBatch(random, source, schema, 100)
        const expected = transcript(batch)
        const actual: unknown[] = []
        const total = batch.logicalCount
        let from = 0
        do {
          const to = random.integer(3) === 0 ? total : Math.min(total, from + 1 + random.integer(40))
          const announced = random.integer(2) === 0 ? encodedBytesMax(batch, from, to) : Infinity
          const bytes = announced === Infinity ? 1 << 20 : announced
          const frame = target.allocate(bytes)
          const written = encodeBatch(batch, from, to, target.u8, frame)
          expect(written % 64).toBe(0)
          expect(written).toBeLessThanOrEqual(announced)
          const read = decoder.decode(frame, written)
          expect([read.begin, read.end, read.rowCount]).toEqual([0, to - from, to - from])
          actual.push(...transcript(read))
          target.free(frame, bytes)
          from = to
        } while (from < total)
        expect(actual).toEqual(expected)
      }
    }),
    { numRuns: 300 },
  )
})
