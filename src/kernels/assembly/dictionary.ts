// Dictionary encoding: equal keys of a batch get equal codes, numbered by first occurrence. The keys are those of a key batch in bytes form.

import { WORD_NULL, wordPayloadBytes } from './key-layout'
import { sameBytes } from './rows'

/**
 * Codes for n keys: int32 codes[n], and int32 firsts[], the row (0..n-1) in which each code occurs first. NULL gets code 0 and no entry. `slots`
 * is u32[slotCount], a power of two above twice `max`. Returns how many codes there are, or -1 as soon as there would be more than `max`.
 */
export function dictionaryEncode(hashes: usize, payloads: usize, words: usize, n: u32, max: u32, slots: usize, slotCount: u32, codes: usize, firsts: usize): i32 {
  assert((slotCount & (slotCount - 1)) == 0 && slotCount > max)
  memory.fill(slots, 0, <usize>slotCount << 2)
  const mask = slotCount - 1
  let count: u32 = 0
  for (let row: u32 = 0; row < n; row++) {
    const word = load<u32>(words + (<usize>row << 2))
    if (word == WORD_NULL) {
      store<u32>(codes + (<usize>row << 2), 0)
      continue
    }
    const hash = load<u64>(hashes + (<usize>row << 3))
    let position = <u32>hash & mask
    for (;;) {
      const code = load<u32>(slots + (<usize>position << 2))
      if (code == 0) {
        if (count == max) return -1
        store<u32>(firsts + (<usize>count << 2), row)
        count++
        store<u32>(slots + (<usize>position << 2), count)
        store<u32>(codes + (<usize>row << 2), count - 1)
        break
      }
      const first = load<u32>(firsts + (<usize>(code - 1) << 2))
      if (
        load<u64>(hashes + (<usize>first << 3)) == hash &&
        load<u32>(words + (<usize>first << 2)) == word &&
        sameBytes(load<u32>(payloads + (<usize>first << 2)), load<u32>(payloads + (<usize>row << 2)), wordPayloadBytes(word))
      ) {
        store<u32>(codes + (<usize>row << 2), code - 1)
        break
      }
      position = (position + 1) & mask
    }
  }
  return count
}
