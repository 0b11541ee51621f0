import initXxhash from 'xxhash-wasm'
import { describe, expect, it } from 'vitest'
import { hash64 } from '../../../src/base/hash64.ts'
import { Random } from '../../../src/base/random.ts'

describe('hash64', () => {
  it('is XXH64 for every length up to 200 and several seeds', async () => {
    const xxhash = await initXxhash()
    const random = new Random(1)
    for (let length = 0; length <= 200; length++) {
      const bytes = Uint8Array.from({ length }, () => random.integer(256))
      for (const seed of [0n, 1n, 0x9e3779b97f4a7c15n]) expect(hash64(bytes, seed)).toBe(xxhash.h64Raw(bytes, seed))
    }
  })

  it('reads a view at any offset', async () => {
    const xxhash = await initXxhash()
    const bytes = Uint8Array.from({ length: 100 }, (_, index) => index * 7)
    expect(hash64(bytes.subarray(3, 77))).toBe(xxhash.h64Raw(bytes.slice(3, 77)))
  })
})
