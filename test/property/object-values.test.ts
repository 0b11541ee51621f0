// Object columns and state without a declared type, held against structured clone itself: whatever a value holds, it comes back as structured clone
// would give it.

import { inspect, isDeepStrictEqual } from 'node:util'
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { decodeObjects, encodeObjects } from '../../src/batch/batch-codec-objects.ts'
import { ByteReader, ByteWriter, valueCodecOf } from '../../src/state/value-codec.ts'

const codec = valueCodecOf(undefined, 's')
const writer = new ByteWriter()
const reader = new ByteReader()

function throughState(value: unknown): unknown {
  writer.at = 0
  codec.write(writer, value)
  const bytes = writer.copy()
  return codec.read(reader.load(bytes, 0, bytes.length))
}

const throughColumn = (values: readonly unknown[]): unknown[] => decodeObjects(encodeObjects(values, 'c').slice())

/** What came instead, or nothing. */
function difference(found: unknown, value: unknown): string {
  const expected: unknown = structuredClone(value)
  return isDeepStrictEqual(found, expected) ? '' : `${inspect(found, { depth: 9 })} came instead of ${inspect(expected, { depth: 9 })}`
}

const oddNames = fc.constantFrom('__proto__', '__keys__', 'constructor', 'toJSON', 'hasOwnProperty', 'then', '0', '-1', '\ud800')
const anyText = fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 6 }).map((units) => String.fromCharCode(...units))
const values = fc.anything({
  withBigInt: true,
  withMap: true,
  withSet: true,
  withTypedArray: true,
  withSparseArray: true,
  withBoxedValues: true,
  withNullPrototype: true,
  maxDepth: 4,
  key: fc.oneof(anyText, fc.string(), oddNames),
  values: [
    fc.constantFrom(-0, undefined, null, true),
    anyText,
    fc.string({ minLength: 60, maxLength: 80 }),
    fc.double(),
    fc.integer(),
    fc.bigInt(),
    fc.date({ noInvalidDate: true }),
  ],
})

it('any values come back as structured clone gives them', () => {
  fc.assert(
    fc.property(fc.array(values, { maxLength: 4 }), (list) => {
      expect(difference(throughColumn(list), list)).toBe('')
      for (const value of list) expect(difference(throughState(value), value)).toBe('')
    }),
    { numRuns: 1_000 },
  )
})

it('what is one object in a value stays one', () => {
  fc.assert(
    fc.property(values, fc.integer({ min: 1, max: 40 }), (value, count) => {
      const shared = { value }
      const list = Array.from({ length: count }, (_, index) => ({ index, shared }))
      for (const found of [throughColumn([list])[0], throughState(list)] as (typeof list)[]) {
        expect(difference(found, list)).toBe('')
        for (const { shared: one } of found) expect(one).toBe(found[0].shared)
      }
    }),
    { numRuns: 200 },
  )
})
