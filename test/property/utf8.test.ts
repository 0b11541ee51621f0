import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { Slab } from '../../src/base/slab.ts'
import { compileKernels, instantiateKernels } from '../../src/kernels/kernels.ts'
import { utf8CheckTwin } from '../../src/kernels/twin/utf8.ts'
import { UTF8_VALID } from '../../src/kernels/utf8.ts'

const slab = new Slab(1 << 24)
const kernels = instantiateKernels(compileKernels(), slab)
const at = slab.allocate(32_768)

function check(bytes: Uint8Array): number {
  slab.u8.fill(0x80, at, at + 32_768)
  slab.u8.set(bytes, at)
  return kernels.utf8Check(at, bytes.length)
}

test('utf8Check accepts every scalar value and refuses every surrogate', () => {
  const wrong: number[] = []
  for (let point = 0; point <= 0x10ffff; point += point < 0x11000 ? 1 : 37) {
    const surrogate = point >= 0xd800 && point <= 0xdfff
    const bytes = surrogate ? Uint8Array.of(0xe0 | (point >> 12), 0x80 | ((point >> 6) & 63), 0x80 | (point & 63)) : Buffer.from(String.fromCodePoint(point))
    if (check(bytes) !== (surrogate ? 0 : UTF8_VALID)) wrong.push(point)
  }
  expect(wrong).toEqual([])
})

test('utf8Check finds the first bad byte as its twin does', () => {
  const piece = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 80 }).map((text) => Buffer.from(text)),
    fc.string({ unit: 'grapheme-ascii', maxLength: 200 }).map((text) => Buffer.from(text)),
    fc
      .constantFrom(
        [0xc0, 0x80],
        [0xe0, 0x9f, 0xbf],
        [0xed, 0xa0, 0x80],
        [0xf0, 0x8f, 0xbf, 0xbf],
        [0xf4, 0x90, 0x80, 0x80],
        [0xf5],
        [0x80],
        [0xe2, 0x82],
        [0xff],
        [0xc3],
      )
      .map((bytes) => Buffer.from(bytes)),
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), fc.nat(5000), (pieces, filler) => {
      const bytes = Buffer.concat([Buffer.alloc(filler, 0x61), ...pieces])
      expect(check(bytes)).toBe(utf8CheckTwin(bytes))
    }),
    { numRuns: 1000 },
  )
})
