// Roaring bitmaps against sets of numbers, and their bytes against those of the Java library that a real Flink 2.3 writes them with.

import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RoaringBitmap } from '../../src/base/roaring-bitmap.ts'

/** Values near each other, far from each other, and stretches of them, in few chunks. */
const values = fc
  .array(
    fc
      .tuple(fc.constantFrom(0, 1, 2, 3, 0x7fff, 0x8000, 0xffff), fc.nat(0xffff), fc.constantFrom(1, 1, 2, 3, 40, 5000), fc.constantFrom(1, 1, 2, 5))
      .map(([key, low, count, step]) => Array.from({ length: count }, (_, index) => ((key << 16) | Math.min(0xffff, low + index * step)) >> 0)),
    { maxLength: 12 },
  )
  .map((parts) => parts.flat())

/** In the order of bitmaps. */
const sorted = (set: Iterable<number>): number[] => [...set].toSorted((left, right) => (left >>> 0) - (right >>> 0))

const numbers = (bitmap: RoaringBitmap): number[] => Array.from(bitmap.toArray())

const md5 = (bytes: Uint8Array | string): string => createHash('md5').update(bytes).digest('hex')

/** What `value` gives for the numbers from 1. */
const counted = (count: number, value: (number: number) => number): RoaringBitmap =>
  RoaringBitmap.of(Array.from({ length: count }, (_, index) => value(index + 1)))

describe('RoaringBitmap', () => {
  test('writes lists, bits and runs as Java does', () => {
    expect(md5(counted(4096, (number) => number * 3).toBytes())).toBe('73aea8bf110a2cfbab03ee9c7011582f')
    expect(md5(counted(20_000, (number) => number * 7).toBytes())).toBe('9add2fecf5feef64ad6bb7b2b0ef9d74')
    const runs = '3b3003000f0000feff0100ffff0200ffff0300400d250000002b000000310000003700000001000100feff01000000ffff01000000ffff01000000400d'
    expect(Buffer.from(counted(200_000, (number) => number).toBytes()).toString('hex')).toBe(runs)
    const [a, b] = [counted(60_000, (number) => number * 3), counted(60_000, (number) => Math.imul(number, number))]
    const c = counted(60_000, (number) => Math.trunc(number / 1000) * 5000 + (number % 1000))
    expect([a.and(b), a.or(b), a.xor(b), a.andNot(b), a.and(c), c.andNot(b)].map((bitmap) => md5(bitmap.toBytes()))).toEqual([
      '6e0dd7a85dfe7649e986b0f0233f0739',
      'b121b398d65cee81f94af3605356c7ce',
      'bbb4fe6de4c88f9f4e26552be3493175',
      '4418f849fc6885b7d2d6818f1bf78bf0',
      '71483f2cc077e2617244776d3eb0563e',
      '8b7dcb334e30d7c5382b65478c21dd22',
    ])
  })

  test('ends a long text as Java does', () => {
    const text = counted(120_000, (number) => number).toString()
    expect([text.length, text.slice(-20), md5(text)]).toEqual([524_297, '231,89232,89233,...}', '133ec1033acf394d9a6c625a611f2d7a'])
  })

  test.each([
    ['', 'they end after 0'],
    ['3a3000000100', 'they end after 6'],
    ['00112233445566778899', 'they begin with no mark of one'],
    ['3a300000ffffff7f', 'there are no 2147483647 chunks'],
    ['3a300000010000000000020010000000030002000100', 'their values are in no order'],
    ['3a300000020000000100000000000000180000001a00000001000200', 'their chunks are in no order'],
    ['3b3000000100000300020002000500ffff', 'they end after 17'],
    ['3b30000001000003000100feff0500', 'one of their runs ends behind its chunk'],
  ])('refuses %s: %s', (hex, reason) => {
    expect(() => RoaringBitmap.fromBytes(Buffer.from(hex, 'hex'))).toThrow(`These bytes are no Roaring bitmap: ${reason}`)
  })

  test('holds what a set holds, there and back through bytes', () => {
    fc.assert(
      fc.property(values, (given) => {
        const bitmap = RoaringBitmap.of(given)
        const expected = sorted(new Set(given))
        expect(numbers(bitmap)).toEqual(expected)
        expect(bitmap.cardinality).toBe(expected.length)
        const bytes = bitmap.toBytes()
        const read = RoaringBitmap.fromBytes(bytes)
        expect(numbers(read)).toEqual(expected)
        expect(read.toBytes()).toEqual(bytes)
        if (expected.length < 1000) expect(bitmap.toString()).toBe(`{${expected.map((value) => value >>> 0).join(',')}}`)
      }),
      { numRuns: 50 },
    )
  })

  test('combines as sets do, and equal sets have equal bytes', () => {
    fc.assert(
      fc.property(values, values, (one, other) => {
        const [left, right] = [new Set(one), new Set(other)]
        const [ours, theirs] = [RoaringBitmap.of(one), RoaringBitmap.of(other)]
        const where = (takes: (value: number) => boolean): ReadonlySet<number> => new Set([...left, ...right].filter(takes))
        const wanted: readonly (readonly [RoaringBitmap, ReadonlySet<number>])[] = [
          [ours.and(theirs), where((value) => left.has(value) && right.has(value))],
          [ours.or(theirs), where(() => true)],
          [ours.xor(theirs), where((value) => left.has(value) !== right.has(value))],
          [ours.andNot(theirs), where((value) => !right.has(value))],
        ]
        for (const [found, expected] of wanted) {
          const list = sorted(expected)
          expect(numbers(found)).toEqual(list)
          expect(found.toBytes()).toEqual(RoaringBitmap.of(list).toBytes())
        }
        expect(numbers(ours)).toEqual(sorted(left))
      }),
      { numRuns: 50 },
    )
  })
})
