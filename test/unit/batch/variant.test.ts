// VARIANT in bytes: as the open Variant encoding has them, and back.
import { describe, expect, test } from 'vitest'
import { Random } from '../../../src/base/random.ts'
import { BadRecordError } from '../../../src/base/errors.ts'
import { parseVariant, variantElement, variantField, variantText } from '../../../src/batch/variant.ts'

const hex = (json: string): string => Buffer.from(parseVariant(json)).toString('hex')

describe('the bytes of', () => {
  // A dictionary without keys is version 1, no keys, and where the first one would begin.
  test.each([
    ['null', '00'],
    ['true', '04'],
    ['false', '08'],
    ['1', '0c01'],
    ['-129', '107fff'],
    ['32768', '1400800000'],
    ['2147483648', '180000008000000000'],
    ['1e2', '1c0000000000005940'],
    ['1.50', '200296000000'],
    ['-1234567890.1', '2401cbe32320fdffffff'],
    ['9223372036854775808', '280000000000000000800000000000000000'],
    ['"é"', '09c3a9'],
    [`"${'x'.repeat(64)}"`, `4040000000${'78'.repeat(64)}`],
    ['[]', '030000'],
    ['[1,"a"]', '03020002040c010561'],
  ])('%s', (json, bytes) => {
    expect(hex(json)).toBe(`010000${bytes}`)
  })

  test('an object: keys in the order of the text, places in their own', () => {
    expect(hex('{"b":1,"a":null}')).toBe('01020001026261020201000200030c0100')
  })
})

test('what is no JSON is refused', () => {
  for (const json of ['', '{', '01', '{"a":1,"a":2}', '[1,]']) expect(() => parseVariant(json)).toThrow(BadRecordError)
})

test('parts carry the dictionary along', () => {
  const variant = parseVariant('{"a":[{"b":1.5},"x"],"c":{}}')
  const list = variantField(variant, 'a')!
  expect(variantText(list)).toBe('[{"b":1.5},"x"]')
  expect(variantText(variantField(variantElement(list, 0)!, 'b')!)).toBe('1.5')
  expect(variantText(variantElement(list, 1)!)).toBe('"x"')
  expect(variantText(variantField(variant, 'c')!)).toBe('{}')
  expect([variantField(variant, 'd'), variantElement(list, 2), variantElement(list, -1)]).toEqual([null, null, null])
  expect(() => variantField(list, 'a')).toThrow('an array has no field "a"')
  expect(() => variantElement(variant, 0)).toThrow('an object has no elements')
})

/** A random value of JSON. */
function randomJson(random: Random, depth: number): unknown {
  const choice = random.integer(depth === 0 ? 5 : 8)
  const count = random.integer(10) === 0 ? 200 + random.integer(200) : random.integer(6)
  switch (choice) {
    case 0:
      return null
    case 1:
      return random.integer(2) === 0
    case 2:
      return (random.uint32() | 0) >> random.integer(32)
    case 3:
      return random.integer(1e6) / 1024
    case 4:
      return ['', 'a', 'naïve 😀', 'y'.repeat(random.integer(300)), '\u0001"\\'][random.integer(5)]
    case 5:
      return Array.from({ length: count }, () => randomJson(random, depth - 1))
    default:
      return Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${random.integer(500)}é${index}`, randomJson(random, depth - 1)]))
  }
}

test('any value is written and read back, and so is a part of it', () => {
  const random = new Random(7)
  for (let round = 0; round < 200; round++) {
    const value = randomJson(random, 3)
    const variant = parseVariant(JSON.stringify(value))
    expect(JSON.parse(variantText(variant))).toEqual(value)
    if (typeof value !== 'object' || value === null) continue
    const parts = Object.entries(value)
    if (parts.length === 0) continue
    const [key, of] = parts[random.integer(parts.length)]
    const part = Array.isArray(value) ? variantElement(variant, Number(key)) : variantField(variant, key)
    expect(JSON.parse(variantText(part!))).toEqual(of)
  }
})
