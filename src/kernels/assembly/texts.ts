// Functions of texts, a column at a time. A text is a slice: u32 where its bytes start, u32 where they end; a start of 0 is NULL. Slices lie by physical
// row, 8 bytes each, whatever made them: parts of a text are slices of its bytes, and only what has other bytes is written, into an arena:
//
//   0  u32  where the next byte goes
//   4  u32  end of what may be written, behind which there is slack
//   8  u32  set where a kernel stops early: how many bytes it may need for the row; 0: the row is none for kernels, the caller computes it
//
// Kernels look at the rows at logical positions begin..end - 1 of a selection (0: dense). Those that may stop early return where they did, or `end`.

import {
  columnData, columnDictionary, columnFlags, columnIsValid, columnOffsets, columnValidity, columnValues, COLUMN_DICTIONARY, setColumnDataLength,
} from './column'
import { copyShort, NOWHERE, placeOfBytes, rowAt, sameBytes, writeNull, writeValid } from './rows'
import { textHolds } from './select'
import { xxh64 } from './xxh64'

const EQUAL: u32 = 0
const NOT_EQUAL: u32 = 1
const UNKNOWN: u8 = 2

// @ts-ignore: decorator
@inline export function sliceAt(slices: usize, row: u32): usize { return slices + (<usize>row << 3) }

// @ts-ignore: decorator
@inline export function writeSlice(to: usize, start: usize, end: usize): void { store<u64>(to, <u64>start | (<u64>end << 32)) }

// @ts-ignore: decorator
@inline export function stopAt(arena: usize, cursor: usize, needed: u32): void {
  store<u32>(arena, <u32>cursor)
  store<u32>(arena, needed, 8)
}

/** Mask of the bytes of a step of 16 that belong to a text of which `rest` bytes are left. */
// @ts-ignore: decorator
@inline function within(rest: usize): i32 { return rest < 16 ? (1 << <i32>rest) - 1 : 0xffff }

/** Whether all bytes of a text are ASCII. */
// @ts-ignore: decorator
@inline export function isAscii(start: usize, end: usize): bool {
  let high: i32 = 0
  for (let at = start; at < end; at += 16) high |= i8x16.bitmask(v128.load(at)) & within(end - at)
  return high == 0
}

/** Code points of valid UTF-8. */
// @ts-ignore: decorator
@inline function pointsIn(start: usize, end: usize): u32 {
  const continuations = i8x16.splat(-65)
  let points: u32 = 0
  for (let at = start; at < end; at += 16) points += popcnt(i8x16.bitmask(i8x16.gt_s(v128.load(at), continuations)) & within(end - at))
  return points
}

// @ts-ignore: decorator
@inline function isContinuation(byte: u8): bool { return (byte & 0xc0) == 0x80 }

/** Slices of a column of texts. `parent`: the ROW that it is a field of; 0: it is none. */
export function textSlices(column: usize, parent: usize, selection: usize, begin: u32, end: u32, out: usize): void {
  const coded = (columnFlags(column) & COLUMN_DICTIONARY) != 0
  const source = coded ? columnDictionary(column) : column
  const offsets = columnOffsets(source)
  const data = columnData(source)
  for (let position = begin; position < end; position++) {
    const row = rowAt(selection, position)
    const to = sliceAt(out, row)
    if (!columnIsValid(column, row) || (parent != 0 && !columnIsValid(parent, row))) {
      store<u64>(to, 0)
      continue
    }
    const code = coded ? load<u32>(columnValues(column) + (<usize>row << 2)) : row
    if (coded && !columnIsValid(source, code)) {
      store<u64>(to, 0)
      continue
    }
    const at = offsets + (<usize>code << 2)
    // A column of empty texts need not have data.
    const start = max<usize>(data + load<u32>(at), 1)
    writeSlice(to, start, start + load<u32>(at, 4) - load<u32>(at))
  }
}

/** Bytes of all these texts. */
export function textBytes(slices: usize, selection: usize, begin: u32, end: u32): f64 {
  let bytes: u64 = 0
  for (let position = begin; position < end; position++) {
    const from = sliceAt(slices, rowAt(selection, position))
    bytes += load<u32>(from, 4) - load<u32>(from)
  }
  return <f64>bytes
}

/**
 * Writes texts to a column that was cleared, of `rowCount` rows, with room for all bytes. Rows that are not selected are empty. Returns how many are NULL
 * though the column does not admit it; they are empty too.
 */
export function textColumn(slices: usize, selection: usize, begin: u32, end: u32, target: usize, rowCount: u32): u32 {
  const offsets = columnOffsets(target)
  const data = columnData(target)
  let at: u32 = 0
  let next: u32 = 0
  const admitsNull = columnValidity(target) != 0
  let wrong: u32 = 0
  for (let position = begin; position < end; position++) {
    const row = rowAt(selection, position)
    for (; next <= row; next++) store<u32>(offsets + (<usize>next << 2), at)
    const from = sliceAt(slices, row)
    const start = load<u32>(from)
    if (start == 0) {
      if (admitsNull) writeNull(target, row)
      else wrong++
    } else {
      const bytes = load<u32>(from, 4) - start
      writeValid(target, row)
      copyShort(data + at, start, bytes)
      at += bytes
    }
  }
  for (; next <= rowCount; next++) store<u32>(offsets + (<usize>next << 2), at)
  setColumnDataLength(target, at)
  return wrong
}

/** The part behind the `index`-th delimiter, up to the next one. NULL without one, and of an empty text. */
export function textSplit(slices: usize, delimiter: usize, delimiterBytes: u32, index: u32, selection: usize, begin: u32, end: u32, out: usize): void {
  const firsts = i8x16.splat(load<i8>(delimiter))
  for (let position = begin; position < end; position++) {
    const row = rowAt(selection, position)
    const from = sliceAt(slices, row)
    const to = sliceAt(out, row)
    const start: usize = load<u32>(from)
    const stop: usize = load<u32>(from, 4)
    let part = start
    let last = stop
    let left = index
    if (delimiterBytes == 1) {
      for (let at = start; at < stop; at += 16) {
        let hits = i8x16.bitmask(i8x16.eq(v128.load(at), firsts)) & within(stop - at)
        if (left > 0) {
          const count: u32 = popcnt(hits)
          if (count < left) {
            left -= count
            continue
          }
          for (; left > 1; left--) hits &= hits - 1
          part = at + ctz(hits) + 1
          hits &= hits - 1
          left = 0
        }
        if (hits != 0) {
          last = at + ctz(hits)
          break
        }
      }
    } else {
      for (; left > 0; left--) {
        const place = placeOfBytes(part, <u32>(stop - part), delimiter, delimiterBytes)
        if (place == NOWHERE) break
        part += place + delimiterBytes
      }
      if (left == 0) {
        const place = placeOfBytes(part, <u32>(stop - part), delimiter, delimiterBytes)
        if (place != NOWHERE) last = part + place
      }
    }
    if (start == stop || left > 0) store<u64>(to, 0)
    else writeSlice(to, part, last)
  }
}

/** Letters in the other case: `first` is the first of those that change, A or a. Stops at a text that is not ASCII. */
export function textCase(slices: usize, first: u32, selection: usize, begin: u32, end: u32, arena: usize, out: usize): u32 {
  let cursor: usize = load<u32>(arena)
  const limit: usize = load<u32>(arena, 4)
  const firsts = i8x16.splat(<i8>first)
  const letters = i8x16.splat(26)
  const bit = i8x16.splat(0x20)
  for (let position = begin; position < end; position++) {
    const row = rowAt(selection, position)
    const from = sliceAt(slices, row)
    const start: usize = load<u32>(from)
    const stop: usize = load<u32>(from, 4)
    const bytes = <u32>(stop - start)
    if (cursor + bytes > limit) {
      stopAt(arena, cursor, bytes)
      return position
    }
    let high: i32 = 0
    for (let at: u32 = 0; at < bytes; at += 16) {
      const chunk = v128.load(start + at)
      high |= i8x16.bitmask(chunk) & within(<usize>(bytes - at))
      v128.store(cursor + at, v128.xor(chunk, v128.and(i8x16.lt_u(i8x16.sub(chunk, firsts), letters), bit)))
    }
    if (high != 0) {
      stopAt(arena, cursor, 0)
      return position
    }
    if (start == 0) store<u64>(sliceAt(out, row), 0)
    else writeSlice(sliceAt(out, row), cursor, cursor + bytes)
    cursor += bytes
  }
  store<u32>(arena, <u32>cursor)
  return end
}

/** Every appearance of some bytes, of which there is one at least, as others. */
export function textReplace(
  slices: usize, wanted: usize, wantedBytes: u32, other: usize, otherBytes: u32, selection: usize, begin: u32, end: u32, arena: usize, out: usize,
): u32 {
  let cursor: usize = load<u32>(arena)
  const limit: usize = load<u32>(arena, 4)
  for (let position = begin; position < end; position++) {
    const row = rowAt(selection, position)
    const from = sliceAt(slices, row)
    const to = sliceAt(out, row)
    let start: usize = load<u32>(from)
    const stop: usize = load<u32>(from, 4)
    const bytes = <u32>(stop - start)
    let place = placeOfBytes(start, bytes, wanted, wantedBytes)
    if (place == NOWHERE) {
      store<u64>(to, load<u64>(from))
      continue
    }
    const needed = otherBytes <= wantedBytes ? <u64>bytes : <u64>(bytes / wantedBytes) * otherBytes + bytes
    if (<u64>cursor + needed > <u64>limit) {
      stopAt(arena, cursor, <u32>min<u64>(needed, u32.MAX_VALUE))
      return position
    }
    const first = cursor
    do {
      copyShort(cursor, start, place)
      cursor += place
      copyShort(cursor, other, otherBytes)
      cursor += otherBytes
      start += place + wantedBytes
      place = placeOfBytes(start, <u32>(stop - start), wanted, wantedBytes)
    } while (place != NOWHERE)
    copyShort(cursor, start, <u32>(stop - start))
    cursor += stop - start
    writeSlice(to, first, cursor)
  }
  store<u32>(arena, <u32>cursor)
  return end
}

/** One text behind the other. Of a side whose slices are 0 each row has the constant. */
export function textConcat(
  left: usize, leftStart: usize, leftEnd: usize, right: usize, rightStart: usize, rightEnd: usize, selection: usize, begin: u32, end: u32, arena: usize, out: usize,
): u32 {
  let cursor: usize = load<u32>(arena)
  const limit: usize = load<u32>(arena, 4)
  for (let position = begin; position < end; position++) {
    const row = rowAt(selection, position)
    const to = sliceAt(out, row)
    if (left != 0) {
      leftStart = load<u32>(sliceAt(left, row))
      leftEnd = load<u32>(sliceAt(left, row), 4)
    }
    if (right != 0) {
      rightStart = load<u32>(sliceAt(right, row))
      rightEnd = load<u32>(sliceAt(right, row), 4)
    }
    if (leftStart == 0 || rightStart == 0) {
      store<u64>(to, 0)
      continue
    }
    const needed = <u64>(leftEnd - leftStart) + <u64>(rightEnd - rightStart)
    if (<u64>cursor + needed > <u64>limit) {
      stopAt(arena, cursor, <u32>min<u64>(needed, u32.MAX_VALUE))
      return position
    }
    const first = cursor
    copyShort(cursor, leftStart, <u32>(leftEnd - leftStart))
    cursor += leftEnd - leftStart
    copyShort(cursor, rightStart, <u32>(rightEnd - rightStart))
    cursor += rightEnd - rightStart
    writeSlice(to, first, cursor)
  }
  store<u32>(arena, <u32>cursor)
  return end
}

/** Where `count` code points behind a place are over, at most `stop`. */
// @ts-ignore: decorator
@inline function behind(at: usize, stop: usize, count: u32): usize {
  while (count > 0 && at < stop) {
    if (count >= 16 && stop - at >= 16 && i8x16.bitmask(v128.load(at)) == 0) {
      at += 16
      count -= 16
      continue
    }
    at++
    while (at < stop && isContinuation(load<u8>(at))) at++
    count--
  }
  return at
}

/**
 * Up to `count` code points from the `start`-th on, from 0; a negative one counts from the end. A text with fewer before its end gives nothing, or from its
 * start on if `clamp` is 1.
 */
export function textPart(slices: usize, start: i32, count: u32, clamp: u32, selection: usize, begin: u32, end: u32, out: usize): void {
  for (let position = begin; position < end; position++) {
    const row = rowAt(selection, position)
    const from = sliceAt(slices, row)
    const to = sliceAt(out, row)
    const first: usize = load<u32>(from)
    const stop: usize = load<u32>(from, 4)
    if (first == 0) {
      store<u64>(to, 0)
      continue
    }
    let at = first
    if (start >= 0) at = behind(first, stop, <u32>start)
    else {
      let back = <u32>-start
      at = stop
      while (back > 0 && at > first) {
        at--
        while (at > first && isContinuation(load<u8>(at))) at--
        back--
      }
      if (back > 0 && clamp == 0) {
        writeSlice(to, first, first)
        continue
      }
    }
    writeSlice(to, at, behind(at, stop, count))
  }
}

/** Without the bytes at its ends for which a table of 256 is not 0. `sides`: 1 the start, 2 the end, 3 both. */
export function textTrim(slices: usize, table: usize, sides: u32, selection: usize, begin: u32, end: u32, out: usize): void {
  for (let position = begin; position < end; position++) {
    const row = rowAt(selection, position)
    const from = sliceAt(slices, row)
    let start: usize = load<u32>(from)
    let stop: usize = load<u32>(from, 4)
    if ((sides & 1) != 0) while (start < stop && load<u8>(table + load<u8>(start)) != 0) start++
    if ((sides & 2) != 0) while (start < stop && load<u8>(table + load<u8>(stop - 1)) != 0) stop--
    writeSlice(sliceAt(out, row), start, stop)
  }
}

/** How many code points a text has: int32 out[row]; -1 for NULL. */
export function textLength(slices: usize, selection: usize, begin: u32, end: u32, out: usize): void {
  for (let position = begin; position < end; position++) {
    const row = rowAt(selection, position)
    const from = sliceAt(slices, row)
    const start: usize = load<u32>(from)
    store<i32>(out + (<usize>row << 2), start == 0 ? -1 : pointsIn(start, load<u32>(from, 4)))
  }
}

/** Where some bytes stand for the first time, in code points from 1: int32 out[row]; 0 if they do not, -1 for NULL. */
export function textPlace(slices: usize, needle: usize, needleBytes: u32, selection: usize, begin: u32, end: u32, out: usize): void {
  for (let position = begin; position < end; position++) {
    const row = rowAt(selection, position)
    const from = sliceAt(slices, row)
    const start: usize = load<u32>(from)
    let found: i32 = -1
    if (start != 0) {
      const place = placeOfBytes(start, load<u32>(from, 4) - <u32>start, needle, needleBytes)
      found = place == NOWHERE ? 0 : pointsIn(start, start + place) + 1
    }
    store<i32>(out + (<usize>row << 2), found)
  }
}

/** How a text compares with a constant: u8 out[row], 2 for NULL. The constant has slack behind it. */
export function textCompare(operation: u32, slices: usize, constant: usize, constantBytes: u32, selection: usize, begin: u32, end: u32, out: usize): void {
  const isEquality = operation <= NOT_EQUAL
  for (let position = begin; position < end; position++) {
    const row = rowAt(selection, position)
    const from = sliceAt(slices, row)
    const start: usize = load<u32>(from)
    const bytes = load<u32>(from, 4) - <u32>start
    let truth = UNKNOWN
    if (start != 0) {
      truth = isEquality
        ? <u8>((bytes == constantBytes && sameBytes(start, constant, bytes)) == (operation == EQUAL))
        : <u8>textHolds(operation, start, bytes, constant, constantBytes)
    }
    store<u8>(out + row, truth)
  }
}

/** How two texts compare: u8 out[row], 2 where one is NULL. */
export function textCompareBoth(operation: u32, left: usize, right: usize, selection: usize, begin: u32, end: u32, out: usize): void {
  for (let position = begin; position < end; position++) {
    const row = rowAt(selection, position)
    const one = sliceAt(left, row)
    const other = sliceAt(right, row)
    const start: usize = load<u32>(one)
    const otherStart: usize = load<u32>(other)
    let truth = UNKNOWN
    if (start != 0 && otherStart != 0)
      truth = <u8>textHolds(operation, start, load<u32>(one, 4) - <u32>start, otherStart, load<u32>(other, 4) - <u32>otherStart)
    store<u8>(out + row, truth)
  }
}

const ANY: u16 = 256
const ONE: u16 = 257

/** Only the last % is ever tried again: what an earlier one has found need not be longer. */
function isLike(at: usize, stop: usize, wanted: usize, wantedStop: usize): bool {
  let lastAny: usize = 0
  let lastAt: usize = 0
  while (at < stop) {
    const expected: u16 = wanted < wantedStop ? load<u16>(wanted) : u16.MAX_VALUE
    if (expected == ANY) {
      wanted += 2
      lastAny = wanted
      lastAt = at
    } else if (expected == ONE) {
      wanted += 2
      at = behind(at, stop, 1)
    } else if (expected == <u16>load<u8>(at)) {
      wanted += 2
      at++
    } else if (lastAny != 0) {
      wanted = lastAny
      lastAt = behind(lastAt, stop, 1)
      at = lastAt
    } else return false
  }
  while (wanted < wantedStop && load<u16>(wanted) == ANY) wanted += 2
  return wanted == wantedStop
}

/** Whether a whole text is like a pattern of u16: bytes, 256 for any of them, 257 for one code point. u8 out[row], 2 for NULL. */
export function textLike(slices: usize, pattern: usize, patternLength: u32, selection: usize, begin: u32, end: u32, out: usize): void {
  const patternStop = pattern + (<usize>patternLength << 1)
  for (let position = begin; position < end; position++) {
    const row = rowAt(selection, position)
    const from = sliceAt(slices, row)
    const start: usize = load<u32>(from)
    store<u8>(out + row, start == 0 ? UNKNOWN : <u8>isLike(start, load<u32>(from, 4), pattern, patternStop))
  }
}

/** Whether a text is one of a table of slices, `mask` + 1 of them, each at its hash or behind it: u8 out[row], 2 for NULL. */
export function textAmong(slices: usize, table: usize, mask: u32, selection: usize, begin: u32, end: u32, out: usize): void {
  for (let position = begin; position < end; position++) {
    const row = rowAt(selection, position)
    const from = sliceAt(slices, row)
    const start: usize = load<u32>(from)
    let truth = UNKNOWN
    if (start != 0) {
      const bytes = load<u32>(from, 4) - <u32>start
      truth = 0
      for (let slot = <u32>xxh64(start, bytes, 0) & mask; load<u32>(sliceAt(table, slot)) != 0; slot = (slot + 1) & mask) {
        const other: usize = load<u32>(sliceAt(table, slot))
        if (load<u32>(sliceAt(table, slot), 4) - <u32>other == bytes && sameBytes(start, other, bytes)) {
          truth = 1
          break
        }
      }
    }
    store<u8>(out + row, truth)
  }
}
