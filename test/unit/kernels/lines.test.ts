import { describe, expect, test } from 'vitest'
import { Slab } from '../../../src/base/slab.ts'
import { compileKernels, instantiateKernels } from '../../../src/kernels/kernels.ts'
import { countByteInBytes } from '../../../src/kernels/lines.ts'

describe('countByte', () => {
  const slab = new Slab()
  const kernels = instantiateKernels(compileKernels(), slab)
  const block = slab.allocate(10_000)

  test('counts as its twin does, at every alignment and length', () => {
    for (let at = 0; at < 10_000; at++) slab.u8[block + at] = (at * 7919) % 13
    for (const length of [0, 1, 15, 16, 17, 31, 255 * 16, 255 * 16 + 1, 9000])
      for (let start = 0; start < 18; start++)
        expect(kernels.countByte(block + start, block + start + length, 5)).toBe(countByteInBytes(slab.u8, block + start, block + start + length, 5))
  })

  test('counts more than a lane can hold, and bytes above 127', () => {
    slab.u8.fill(200, block, block + 10_000)
    expect(kernels.countByte(block, block + 10_000, 200)).toBe(10_000)
    expect(kernels.countByte(block, block + 10_000, 10)).toBe(0)
  })
})
