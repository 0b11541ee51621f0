import { describe, expect, it } from 'vitest'
import { textKeyBytes } from '../../../src/base/key-bytes.ts'
import { hash64 } from '../../../src/base/hash64.ts'
import { keyGroupOf, keyGroupOfHash, keyGroupRangeOf, subtaskOfKeyGroup } from '../../../src/base/key-groups.ts'

describe('key groups', () => {
  it('ranges partition all key groups and agree with the owner, for every parallelism', () => {
    for (const maxParallelism of [1, 2, 7, 128, 129, 1000, 32_767, 32_768]) {
      for (const parallelism of [1, 2, 3, 5, 7, 8, 64, maxParallelism].filter((value) => value <= maxParallelism)) {
        let next = 0
        for (let subtask = 0; subtask < parallelism; subtask++) {
          const { start, end } = keyGroupRangeOf(subtask, parallelism, maxParallelism)
          expect(start).toBe(next)
          for (const group of [start, end]) expect(subtaskOfKeyGroup(group, parallelism, maxParallelism)).toBe(subtask)
          next = end + 1
        }
        expect(next).toBe(maxParallelism)
      }
    }
  })

  it('takes the high half of the hash', () => {
    expect(keyGroupOfHash(0x0000_0081_ffff_ffffn, 128)).toBe(1)
    expect(keyGroupOfHash(0xffff_ffff_0000_0000n, 1000)).toBe(4294967295 % 1000)
    const bytes = textKeyBytes('flights')
    expect(keyGroupOf(bytes, 128)).toBe(Number(hash64(bytes) >> 32n) % 128)
  })
})
