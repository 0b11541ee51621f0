import { isDeepStrictEqual } from 'node:util'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Decimal, t } from '../../../src/batch/types.ts'
import { ByteReader, ByteWriter, valueCodecOf } from '../../../src/state/value-codec.ts'

const reader = new ByteReader()
const writer = new ByteWriter()

function roundTrip(codec: ReturnType<typeof valueCodecOf>, value: unknown): unknown {
  writer.at = 0
  codec.write(writer, value)
  const bytes = writer.copy()
  const read = codec.read(reader.load(bytes, 0, bytes.length))
  expect(reader.at).toBe(bytes.length)
  return read
}

describe('valueCodecOf() without a type', () => {
  it('gives back any plain value', () => {
    const codec = valueCodecOf(undefined, 's')
    fc.assert(
      fc.property(fc.anything({ withBigInt: true, withNullPrototype: false, withSparseArray: false, maxDepth: 4 }), (value) => {
        expect(roundTrip(codec, value)).toEqual(value)
      }),
    )
  })

  it('keeps a zero its sign beside a bigint of more than 64 bits', () => {
    const codec = valueCodecOf(undefined, 's')
    for (const bigint of [2n ** 63n, -(2n ** 63n) - 1n, 10n ** 400n]) expect(roundTrip(codec, [bigint, -0])).toStrictEqual([bigint, -0])
  })

  it('keeps a member named __proto__', () => {
    const hidden = JSON.parse('{"a":[{"__proto__":1}]}') as unknown
    expect(isDeepStrictEqual(roundTrip(valueCodecOf(undefined, 's'), hidden), hidden)).toBe(true)
  })

  it('names the state and the class of an object whose content is hidden', () => {
    expect(() => roundTrip(valueCodecOf(undefined, 's'), { at: new URL('http://a') })).toThrow(
      expect.objectContaining({
        code: 'VALUE_NOT_ENCODABLE',
        message: 'Cannot store a value in state "s": an object of class URL, which has no members of its own, cannot leave its thread',
      }) as Error,
    )
  })

  it('gives back what only structured clone knows', () => {
    const codec = valueCodecOf(undefined, 's')
    const cycle: { self?: unknown; n: number } = { n: 1 }
    cycle.self = cycle
    const read = roundTrip(codec, cycle) as typeof cycle
    expect(read.self).toBe(read)
    for (const value of [
      new Map([[{ a: 1 }, new Set([1n])]]),
      { at: new Date(5), big: 2n ** 70n },
      [new Uint8Array([1, 2])],
      { d: new Decimal(5n, 1) },
      { text: '\ud800' },
    ])
      expect(roundTrip(codec, value)).toEqual(value)
  })

  it('keeps more shapes apart than it remembers', () => {
    const codec = valueCodecOf(undefined, 's')
    for (let round = 0; round < 3; round++)
      for (let n = 0; n < 40; n++) {
        const value = Object.fromEntries(Array.from({ length: n % 7 }, (_, index) => [`key ${n} ${index}`, index]))
        expect(roundTrip(codec, { value, list: [value, { n }] })).toEqual({ value, list: [value, { n }] })
      }
  })
})

describe('valueCodecOf() with a type', () => {
  it('cuts timestamps to their precision and keeps decimals at their scale', () => {
    expect(roundTrip(valueCodecOf(t.timestamp(6).logical, 's'), -1n)).toBe(-1000n)
    expect(roundTrip(valueCodecOf(t.timestamp(9).logical, 's'), 2n ** 70n)).toBe(2n ** 70n)
    expect(roundTrip(valueCodecOf(t.decimal(10, 3).logical, 's'), new Decimal(15n, 1))).toEqual(new Decimal(1500n, 3))
    expect(() => roundTrip(valueCodecOf(t.decimal(3, 1).logical, 's'), new Decimal(1000n, 0))).toThrow(/more than 3 digits/)
  })

  it('holds texts, bytes and times to their declared length and precision', () => {
    expect(roundTrip(valueCodecOf(t.char(3).logical, 's'), 'a')).toBe('a  ')
    expect(roundTrip(valueCodecOf(t.time(0).logical, 's'), 1_999)).toBe(1_000)
    expect(roundTrip(valueCodecOf(t.timestamp(1).logical, 's'), -1)).toBe(-100)
    expect(() => roundTrip(valueCodecOf(t.varchar(2).logical, 's'), 'abc')).toThrow(
      'Cannot store "abc" as VARCHAR(2) NOT NULL in state "s": it has 3 characters',
    )
    expect(() => roundTrip(valueCodecOf(t.binary(2).logical, 's'), new Uint8Array(1))).toThrow(/it has 1 byte$/)
  })

  it('refuses NULL where the type does, and lone surrogates', () => {
    expect(() => roundTrip(valueCodecOf(t.row({ a: t.int() }).logical, 's'), {})).toThrow(/Cannot store undefined as INT NOT NULL in state "s"/)
    expect(() => roundTrip(valueCodecOf(t.string().logical, 's'), 'a\udfff')).toThrow(/lone surrogate/)
    expect(roundTrip(valueCodecOf(t.row({ a: t.int().nullable() }).logical, 's'), {})).toEqual({ a: null })
  })
})
