// Rows of columns for all kernels: from logical positions to physical rows, and the one place in which kernels write validity and numbers. The
// bits of a column mean nothing until its null count is above 0; the first NULL fills them.

import {
  bitIsSet, clearBit, columnNullCount, columnRowCapacity, columnValidity, columnValues, KIND_BIT, KIND_FLOAT32, KIND_FLOAT64, KIND_INT16, KIND_INT32, KIND_INT64,
  KIND_INT8, setBit, setColumnNullCount,
} from './column'

/** The physical row at a logical position. */
// @ts-ignore: decorator
@inline export function rowAt(selection: usize, position: u32): u32 {
  return selection == 0 ? position : load<u32>(selection + (<usize>position << 2))
}

/** Marks a row NULL that has not been written since the column was cleared, or holds a value. */
export function writeNull(column: usize, row: u32): void {
  const bits = columnValidity(column)
  assert(bits != 0)
  const nulls = columnNullCount(column)
  if (nulls == 0) memory.fill(bits, 255, (columnRowCapacity(column) + 7) >> 3)
  if (bitIsSet(bits, row)) setColumnNullCount(column, nulls + 1)
  clearBit(bits, row)
}

/** Marks a row as holding a value. */
// @ts-ignore: decorator
@inline export function writeValid(column: usize, row: u32): void {
  if (columnNullCount(column) != 0) setBit(columnValidity(column), row)
}

/** Writes a number to a row of a BIT column or one of any numeric kind. Numbers that do not fit are cut (integers) or saturate (from floats). */
// @ts-ignore: decorator
@inline export function writeNumber<T>(column: usize, kind: u32, row: u32, value: T): void {
  const values = columnValues(column)
  if (kind == KIND_INT64) store<i64>(values + (<usize>row << 3), <i64>value)
  else if (kind == KIND_INT32) store<i32>(values + (<usize>row << 2), <i32>value)
  else if (kind == KIND_FLOAT64) store<f64>(values + (<usize>row << 3), <f64>value)
  else if (kind == KIND_FLOAT32) store<f32>(values + (<usize>row << 2), <f32>value)
  else if (kind == KIND_INT16) store<i16>(values + (<usize>row << 1), <i16>value)
  else if (kind == KIND_INT8) store<i8>(values + row, <i8>value)
  else {
    assert(kind == KIND_BIT)
    const at = values + (row >> 3)
    const bit: u32 = 1 << (row & 7)
    const byte = load<u8>(at) & ~bit
    store<u8>(at, value != 0 ? byte | bit : byte)
  }
}

/** Copies in steps of 16 bytes: up to 15 bytes behind the target are overwritten, up to 15 behind the source read. */
// @ts-ignore: decorator
@inline export function copyShort(target: usize, source: usize, bytes: u32): void {
  const end = target + bytes
  for (; target < end; target += 16, source += 16) v128.store(target, v128.load(source))
}

/** 32 bytes of ones, 32 of zeros: an unaligned load makes the mask for the first `n` bytes. */
// @ts-ignore: decorator
@lazy const ONES_THEN_ZEROS: usize = memory.data<u8>([
  255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
], 64)

export const SHORT_BYTES: u32 = 32

/** Whether up to 32 bytes differ, reading 32 of both sides. */
// @ts-ignore: decorator
@inline export function differShort(left: usize, right: usize, bytes: u32): bool {
  const mask = ONES_THEN_ZEROS + 32 - bytes
  const first = v128.and(v128.xor(v128.load(left), v128.load(right)), v128.load(mask))
  const second = v128.and(v128.xor(v128.load(left, 16), v128.load(right, 16)), v128.load(mask, 16))
  return v128.any_true(v128.or(first, second))
}

/** Whether two runs of bytes are equal; reads up to 32 bytes past both. */
export function sameBytes(left: usize, right: usize, bytes: u32): bool {
  while (bytes > SHORT_BYTES) {
    if (v128.any_true(v128.or(v128.xor(v128.load(left), v128.load(right)), v128.xor(v128.load(left, 16), v128.load(right, 16))))) return false
    left += 32
    right += 32
    bytes -= 32
  }
  return !differShort(left, right, bytes)
}

export const NOWHERE: u32 = 0xffffffff

/** Where the bytes at `needle` begin to stand in those at `text`, for the first time; {@link NOWHERE} if they do not. Both have slack behind them. */
export function placeOfBytes(text: usize, textBytes: u32, needle: usize, needleBytes: u32): u32 {
  if (needleBytes == 0) return 0
  if (needleBytes > textBytes) return NOWHERE
  const firsts = i8x16.splat(load<i8>(needle))
  const lasts = i8x16.splat(load<i8>(needle + needleBytes - 1))
  const starts = textBytes - needleBytes + 1
  // Sixteen starts at a time: where both the first and the last byte fit, the rest is compared.
  for (let at: u32 = 0; at < starts; at += 16) {
    let hits = i8x16.bitmask(v128.and(i8x16.eq(v128.load(text + at), firsts), i8x16.eq(v128.load(text + at + needleBytes - 1), lasts)))
    if (starts - at < 16) hits &= (1 << (starts - at)) - 1
    for (; hits != 0; hits &= hits - 1) {
      const place = at + ctz(hits)
      if (needleBytes <= 2 || sameBytes(text + place, needle, needleBytes)) return place
    }
  }
  return NOWHERE
}

/** Bytewise order: negative, zero or positive. Reads up to 16 bytes past both. */
export function compareBytes(left: usize, leftBytes: u32, right: usize, rightBytes: u32): i32 {
  const common = min<u32>(leftBytes, rightBytes)
  for (let at: u32 = 0; at < common; at += 16) {
    let differing = ~i8x16.bitmask(i8x16.eq(v128.load(left + at), v128.load(right + at))) & 0xffff
    if (common - at < 16) differing &= (1 << (common - at)) - 1
    if (differing != 0) {
      const index = at + ctz(differing)
      return i32(load<u8>(left + index)) - i32(load<u8>(right + index))
    }
  }
  return leftBytes < rightBytes ? -1 : i32(leftBytes > rightBytes)
}
