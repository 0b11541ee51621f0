// Counting line feeds: line numbers for messages and positions, at memory speed, so that they cost nothing where nobody asks.

/** How often `byte` occurs in [at, end). */
export function countByte(at: usize, end: usize, byte: u32): u32 {
  const wanted = i8x16.splat(<i8>byte)
  let count: u32 = 0
  // Lanes count to 255 at most before they are summed up.
  while (at + 16 <= end) {
    let lanes = i8x16.splat(0)
    const stop = min<usize>(end - ((end - at) & 15), at + 255 * 16)
    while (at < stop) {
      lanes = i8x16.sub(lanes, i8x16.eq(v128.load(at), wanted))
      at += 16
    }
    const pairs = i16x8.extadd_pairwise_i8x16_u(lanes)
    const fours = i32x4.extadd_pairwise_i16x8_u(pairs)
    count += <u32>(i32x4.extract_lane(fours, 0) + i32x4.extract_lane(fours, 1) + i32x4.extract_lane(fours, 2) + i32x4.extract_lane(fours, 3))
  }
  while (at < end) {
    count += <u32>(load<u8>(at) == <u8>byte)
    at += 1
  }
  return count
}
