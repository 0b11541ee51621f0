// Hashes: equal values have one, in whatever form they come; texts the one of Java.
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { Slab } from '../../../../src/base/slab.ts'
import { Column } from '../../../../src/batch/column.ts'
import { Decimal, type LogicalType } from '../../../../src/batch/types.ts'
import { writeValue } from '../../../../src/batch/values.ts'
import { hashOfNumber, hashOfTextAt, hashOfValue } from '../../../../src/sql/functions/hash-codes.ts'

const STRING: LogicalType = { kind: 'VARCHAR', length: 1000, nullable: true }

test('texts', () => {
  expect(hashOfValue('')).toBe(0)
  expect(hashOfValue('hello')).toBe(99162322)
  // The least INT has no counterpart.
  expect(hashOfValue('polygenelubricants')).toBe(-2147483648)
  expect(hashOfValue('ab')).toBe(97 * 31 + 98)
})

test('texts in columns', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.string(), fc.string({ unit: 'grapheme' })), { minLength: 1, maxLength: 8 }), (texts) => {
      const slab = new Slab()
      const column = Column.allocate(slab, STRING, texts.length)
      texts.forEach((text, row) => writeValue(column, row, text))
      const codes = Column.allocate(slab, STRING, texts.length)
      texts.forEach((_, row) => (slab.i32[(codes.values >>> 2) + row] = texts.length - 1 - row))
      codes.setDictionary(column)
      expect(texts.map((_, row) => hashOfTextAt(column, row))).toEqual(texts.map(hashOfValue))
      expect(texts.map((_, row) => hashOfTextAt(codes, row))).toEqual(texts.toReversed().map(hashOfValue))
    }),
  )
})

test('whole numbers in every form', () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), (value) => {
      expect(hashOfValue(BigInt(value))).toBe(hashOfNumber(value))
      expect(hashOfValue(new Decimal(BigInt(value), 2))).toBe(hashOfNumber(value))
    }),
  )
  expect(hashOfNumber(-0)).toBe(hashOfNumber(0))
})

test('other values', () => {
  expect(hashOfNumber(Number.NaN)).toBe(hashOfValue(Number.NaN))
  expect(hashOfNumber(0.5)).not.toBe(hashOfNumber(0.25))
  expect(hashOfValue(new Uint8Array([1, 2]))).not.toBe(hashOfValue(new Uint8Array([2, 1])))
  expect(hashOfValue(true)).not.toBe(hashOfValue(false))
})
