// Lines: counting them, for messages and positions, at memory speed, so that they cost nothing where nobody asks; and taking them as they are.

import { columnData, columnDataCapacity, columnOffsets, columnRowCapacity } from './column'

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

/**
 * Writes the whole lines of [input, inputEnd), without their line ends, into a column of bytes from row `firstRow` on: at most `maxRows`, as
 * many as fit. Returns the position behind the last one. The column's length and its validity are the caller's.
 */
export function scanLines(column: usize, input: usize, inputEnd: usize, firstRow: u32, maxRows: u32): usize {
  const data = columnData(column)
  const outEnd = data + <usize>columnDataCapacity(column)
  const rowEnd = min(firstRow + maxRows, columnRowCapacity(column))
  let offsets = columnOffsets(column) + (<usize>firstRow << 2)
  if (firstRow == 0) store<u32>(offsets, 0)
  let line = data + <usize>load<u32>(offsets)
  const feeds = i8x16.splat(0x0a)
  for (let row = firstRow; row < rowEnd; row++) {
    let p = input
    let out = line
    let stops = 0
    while (p < inputEnd && out <= outEnd) {
      const bytes = v128.load(p)
      v128.store(out, bytes)
      stops = i8x16.bitmask(i8x16.eq(bytes, feeds))
      if (stops != 0) break
      p += 16
      out += 16
    }
    if (stops == 0) break
    p += <usize>ctz(stops)
    out += <usize>ctz(stops)
    if (p >= inputEnd || out > outEnd) break
    if (out > line && load<u8>(out - 1) == 0x0d) out -= 1
    offsets += 4
    store<u32>(offsets, <u32>(out - data))
    line = out
    input = p + 1
  }
  return input
}
