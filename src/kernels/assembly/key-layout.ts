// Keys as kernels hold them: tags of canonical key bytes (base/key-bytes.ts draws them), key words and the hashes of the keys that are constants.

import { hashValue } from './xxh64'

export const TAG_NULL: u32 = 0
export const TAG_INT64: u32 = 1
export const TAG_FLOAT64: u32 = 2
export const TAG_DECIMAL: u32 = 3
export const TAG_TEXT: u32 = 4
export const TAG_BINARY: u32 = 5
export const TAG_BOOLEAN: u32 = 6
export const TAG_NANOS: u32 = 7
export const TAG_COMPOSITE: u32 = 8
export const TAG_ARRAY: u32 = 9

/** The key word of NULL: no payload, one byte. */
export const WORD_NULL: u32 = 1

/** XXH64 of one zero byte: the canonical bytes of NULL. */
export const HASH_OF_NULL: u64 = 0xe934a84adb052768
/** XXH64 of the canonical bytes of FALSE and of TRUE. */
export const HASH_OF_FALSE: u64 = 0xf36e699c3f6a1ddc
export const HASH_OF_TRUE: u64 = 0x163c4b0caec35809

// @ts-ignore: decorator
@inline export function keyWord(tag: u32, canonicalBytes: u32): u32 { return (tag << 24) | canonicalBytes }
// @ts-ignore: decorator
@inline export function wordTag(word: u32): u32 { return word >> 24 }
/** Bytes of the payload: the canonical bytes without their tag. */
// @ts-ignore: decorator
@inline export function wordPayloadBytes(word: u32): u32 { return (word & 0xffffff) - 1 }

/** The key word of a value form's key, from what is stored of it. `hash` decides between the tags that a payload may stand for. */
export function wordOfValue(value: u64, hash: u64): u32 {
  if (hash == hashValue(value, TAG_INT64)) return keyWord(TAG_INT64, 9)
  if (value == 0 && hash == HASH_OF_NULL) return WORD_NULL
  if (value <= 1 && hash == (value == 0 ? HASH_OF_FALSE : HASH_OF_TRUE)) return keyWord(TAG_BOOLEAN, 2)
  return keyWord(TAG_FLOAT64, 9)
}

