// UTF-8 validation: 16 bytes at a time by table look-up (Keiser and Lemire), 64 bytes a turn while all is ASCII. Well formed means what
// Unicode says: no overlong form, no surrogate, nothing above U+10FFFF.

/** Length in bytes of the well-formed sequence of two to four bytes at `p`, 0 if there is none. Reads up to 4 bytes. */
export function utf8Sequence(p: usize): u32 {
  const first = <u32>load<u8>(p), second = <u32>load<u8>(p, 1)
  if (first < 0xc2) return 0
  if (first < 0xe0) return (second & 0xc0) == 0x80 ? 2 : 0
  const third = <u32>load<u8>(p, 2)
  if (first < 0xf0) {
    if ((second & 0xc0) != 0x80 || (third & 0xc0) != 0x80) return 0
    if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f)) return 0
    return 3
  }
  if (first > 0xf4 || (second & 0xc0) != 0x80 || (third & 0xc0) != 0x80 || (load<u8>(p, 3) & 0xc0) != 0x80) return 0
  if ((first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f)) return 0
  return 4
}

/** The first byte of [p, end) that no well-formed sequence covers; `end` if there is none. A sequence must end before `end`. */
export function utf8FirstBad(p: usize, end: usize): usize {
  while (p < end) {
    if (load<u8>(p) < 0x80) { p += 1; continue }
    const length = <usize>utf8Sequence(p)
    if (length == 0 || length > end - p) return p
    p += length
  }
  return end
}

const TOO_SHORT: i8 = 1
const TOO_LONG: i8 = 2
const OVERLONG_3: i8 = 4
const SURROGATE: i8 = 16
const OVERLONG_2: i8 = 32
const TWO_CONTS: i8 = -128
const TOO_LARGE: i8 = 8
const TOO_LARGE_1000: i8 = 64
const OVERLONG_4: i8 = 64
const CARRY: i8 = TOO_SHORT | TOO_LONG | TWO_CONTS

/** Whether [p, end) is well-formed UTF-8. Reads up to 63 bytes past `end`. */
export function utf8IsValid(p: usize, end: usize): bool {
  let previous = i8x16.splat(0)
  let error = i8x16.splat(0)
  let incomplete = i8x16.splat(0)
  const high1 = i8x16(
    TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG,
    TWO_CONTS, TWO_CONTS, TWO_CONTS, TWO_CONTS,
    TOO_SHORT | OVERLONG_2, TOO_SHORT, TOO_SHORT | OVERLONG_3 | SURROGATE, TOO_SHORT | TOO_LARGE | TOO_LARGE_1000 | OVERLONG_4,
  )
  const low1 = i8x16(
    CARRY | OVERLONG_3 | OVERLONG_2 | OVERLONG_4, CARRY | OVERLONG_2, CARRY, CARRY, CARRY | TOO_LARGE,
    CARRY | TOO_LARGE | TOO_LARGE_1000, CARRY | TOO_LARGE | TOO_LARGE_1000, CARRY | TOO_LARGE | TOO_LARGE_1000, CARRY | TOO_LARGE | TOO_LARGE_1000,
    CARRY | TOO_LARGE | TOO_LARGE_1000, CARRY | TOO_LARGE | TOO_LARGE_1000, CARRY | TOO_LARGE | TOO_LARGE_1000, CARRY | TOO_LARGE | TOO_LARGE_1000,
    CARRY | TOO_LARGE | TOO_LARGE_1000 | SURROGATE, CARRY | TOO_LARGE | TOO_LARGE_1000, CARRY | TOO_LARGE | TOO_LARGE_1000,
  )
  const high2 = i8x16(
    TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT,
    TOO_LONG | OVERLONG_2 | TWO_CONTS | OVERLONG_3 | TOO_LARGE_1000 | OVERLONG_4, TOO_LONG | OVERLONG_2 | TWO_CONTS | OVERLONG_3 | TOO_LARGE,
    TOO_LONG | OVERLONG_2 | TWO_CONTS | SURROGATE | TOO_LARGE, TOO_LONG | OVERLONG_2 | TWO_CONTS | SURROGATE | TOO_LARGE,
    TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT,
  )
  const nibble = i8x16.splat(15)
  while (p < end) {
    if (end - p >= 64) {
      const all = v128.or(v128.or(v128.load(p), v128.load(p, 16)), v128.or(v128.load(p, 32), v128.load(p, 48)))
      if (i8x16.bitmask(all) == 0) {
        error = v128.or(error, incomplete)
        incomplete = i8x16.splat(0)
        previous = i8x16.splat(0)
        p += 64
        continue
      }
    }
    let input = v128.load(p)
    const left = end - p
    if (left < 16) input = v128.and(input, i8x16.lt_u(i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), i8x16.splat(<i8>left)))
    const before1 = v128.shuffle<u8>(previous, input, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30)
    const special = v128.and(
      v128.and(v128.swizzle(high1, i8x16.shr_u(before1, 4)), v128.swizzle(low1, v128.and(before1, nibble))),
      v128.swizzle(high2, i8x16.shr_u(input, 4)),
    )
    const before2 = v128.shuffle<u8>(previous, input, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29)
    const before3 = v128.shuffle<u8>(previous, input, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28)
    const third = i8x16.sub_sat_u(before2, i8x16.splat(0x60))
    const fourth = i8x16.sub_sat_u(before3, i8x16.splat(0x70))
    const must = v128.and(v128.or(third, fourth), i8x16.splat(-128))
    error = v128.or(error, v128.xor(must, special))
    incomplete = i8x16.sub_sat_u(input, i8x16(-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -17, -33, -65))
    previous = input
    p += 16
  }
  return !v128.any_true(v128.or(error, incomplete))
}

/** The offset of the first byte that is not part of well-formed UTF-8, or -1. Text that ends inside a sequence is bad at its first byte. */
export function utf8Check(address: usize, length: u32): i32 {
  const end = address + length
  const blockBytes: usize = 4096
  let p = address
  // By blocks cut at character boundaries, so that an error is looked for in one block only.
  while (p < end) {
    let cut = end - p > blockBytes ? p + blockBytes : end
    if (cut != end) for (let back = 0; back < 3 && (load<u8>(cut) & 0xc0) == 0x80; back++) cut -= 1
    if (!utf8IsValid(p, cut)) {
      const bad = utf8FirstBad(p, cut)
      if (bad != cut) return <i32>(bad - address)
    }
    p = cut
  }
  return -1
}
