// Aggregates: the rows of a column folded into the entries of a table, one entry address a row. An accumulator lies at a byte offset in its entry
// and starts as zero. Row `i` of a call is the row at logical position `begin + i`. NULLs are passed over. Accumulators that must know whether
// they have seen a value (sum of a nullable column, min, max, first, last) have a flag: bits `flag` of the u32 at `flagOffset`. A sum of DECIMALs
// that has left the range of 38 digits says so in the same bits of the u32 behind it, and is NULL for good.
//
//   count       int64                        sum of integers    int64, wraps             min, max      int64 or float64, as the column
//   sum of      float64                      sum of DECIMAL     128 bits                 first, last   int64 or float64, as the column
//   floats

import {
  bitIsSet, columnKind, columnNullCount, columnValidity, columnValues, KIND_BIT, KIND_FLOAT32, KIND_FLOAT64, KIND_INT128, KIND_INT16, KIND_INT32, KIND_INT64, KIND_INT8,
} from './column'
import { rowAt, writeNull, writeNumber, writeValid } from './rows'

const SUM: u32 = 0
const MIN: u32 = 1
const MAX: u32 = 2
const FIRST: u32 = 3
const LAST: u32 = 4
const UNSUM: u32 = 5

// @ts-ignore: decorator
@inline function entryAt(entries: usize, row: u32): usize { return load<u32>(entries + (<usize>row << 2)) }

/** Adds 1 to the count of each entry. */
export function aggregateCount(entries: usize, n: u32, offset: usize): void {
  for (let row: u32 = 0; row < n; row++) {
    const at = entryAt(entries, row) + offset
    store<i64>(at, load<i64>(at) + 1)
  }
}

/** Takes 1 from the count of each entry. */
export function aggregateUncount(entries: usize, n: u32, offset: usize): void {
  for (let row: u32 = 0; row < n; row++) {
    const at = entryAt(entries, row) + offset
    store<i64>(at, load<i64>(at) - 1)
  }
}

/** Takes 1 from the count of each entry whose row is not NULL. */
export function aggregateUncountColumn(entries: usize, n: u32, offset: usize, column: usize, selection: usize, begin: u32): void {
  if (columnNullCount(column) == 0) return aggregateUncount(entries, n, offset)
  const validity = columnValidity(column)
  for (let row: u32 = 0; row < n; row++) {
    const at = entryAt(entries, row) + offset
    store<i64>(at, load<i64>(at) - i64(bitIsSet(validity, rowAt(selection, begin + row))))
  }
}

/** Adds 1 to the count of each entry whose row is not NULL. */
export function aggregateCountColumn(entries: usize, n: u32, offset: usize, column: usize, selection: usize, begin: u32): void {
  if (columnNullCount(column) == 0) return aggregateCount(entries, n, offset)
  const validity = columnValidity(column)
  for (let row: u32 = 0; row < n; row++) {
    const at = entryAt(entries, row) + offset
    store<i64>(at, load<i64>(at) + i64(bitIsSet(validity, rowAt(selection, begin + row))))
  }
}

/** Whether a value takes the place of a least or greatest one. Floats as Java's Double.compare: NaN above all, -0 below 0, whatever comes first. */
// @ts-ignore: decorator
@inline function isBetter<T>(operation: u32, value: T, held: T): bool {
  if (isFloat<T>()) {
    const isHeldNaN = held != held
    if (operation == MIN) return value < held || (isHeldNaN && value == value) || (value == held && reinterpret<i64>(value) < reinterpret<i64>(held))
    return value > held || (value != value && !isHeldNaN) || (value == held && reinterpret<i64>(value) > reinterpret<i64>(held))
  }
  return operation == MIN ? value < held : value > held
}

/** Folds one value in. `T` is what the accumulator holds. */
// @ts-ignore: decorator
@inline function foldValue<T>(operation: u32, entry: usize, offset: usize, flagOffset: usize, flag: u32, value: T): void {
  const at = entry + offset
  if (operation == SUM) {
    store<T>(at, load<T>(at) + value)
    if (flag != 0) store<u32>(entry + flagOffset, load<u32>(entry + flagOffset) | flag)
    return
  }
  if (operation == UNSUM) {
    store<T>(at, load<T>(at) - value)
    return
  }
  const flags = load<u32>(entry + flagOffset)
  const fresh = (flags & flag) == 0
  const held = load<T>(at)
  if (operation == LAST || fresh || (operation != FIRST && isBetter<T>(operation, value, held))) store<T>(at, value)
  if (fresh) store<u32>(entry + flagOffset, flags | flag)
}

// @ts-ignore: decorator
@inline function foldKind<S, T>(operation: u32, entries: usize, n: u32, offset: usize, flagOffset: usize, flag: u32, column: usize, selection: usize, begin: u32): void {
  const values = columnValues(column)
  if (columnNullCount(column) == 0) {
    for (let row: u32 = 0; row < n; row++) {
      foldValue<T>(operation, entryAt(entries, row), offset, flagOffset, flag, <T>load<S>(values + <usize>rowAt(selection, begin + row) * sizeof<S>()))
    }
    return
  }
  const validity = columnValidity(column)
  for (let row: u32 = 0; row < n; row++) {
    const source = rowAt(selection, begin + row)
    if (bitIsSet(validity, source)) foldValue<T>(operation, entryAt(entries, row), offset, flagOffset, flag, <T>load<S>(values + <usize>source * sizeof<S>()))
  }
}

// @ts-ignore: decorator
@inline function fold(operation: u32, entries: usize, n: u32, offset: usize, flagOffset: usize, flag: u32, column: usize, selection: usize, begin: u32): void {
  const kind = columnKind(column)
  if (kind == KIND_INT64) foldKind<i64, i64>(operation, entries, n, offset, flagOffset, flag, column, selection, begin)
  else if (kind == KIND_INT32) foldKind<i32, i64>(operation, entries, n, offset, flagOffset, flag, column, selection, begin)
  else if (kind == KIND_FLOAT64) foldKind<f64, f64>(operation, entries, n, offset, flagOffset, flag, column, selection, begin)
  else if (kind == KIND_FLOAT32) foldKind<f32, f64>(operation, entries, n, offset, flagOffset, flag, column, selection, begin)
  else if (kind == KIND_INT16) foldKind<i16, i64>(operation, entries, n, offset, flagOffset, flag, column, selection, begin)
  else if (kind == KIND_INT8) foldKind<i8, i64>(operation, entries, n, offset, flagOffset, flag, column, selection, begin)
  else {
    assert(kind == KIND_BIT)
    const values = columnValues(column)
    const nulls = columnNullCount(column) != 0
    for (let row: u32 = 0; row < n; row++) {
      const source = rowAt(selection, begin + row)
      if (nulls && !bitIsSet(columnValidity(column), source)) continue
      foldValue<i64>(operation, entryAt(entries, row), offset, flagOffset, flag, i64(bitIsSet(values, source)))
    }
  }
}

/** Adds numbers; `flag` 0 = nobody asks whether there was one. */
export function aggregateSum(entries: usize, n: u32, offset: usize, flagOffset: usize, flag: u32, column: usize, selection: usize, begin: u32): void {
  fold(SUM, entries, n, offset, flagOffset, flag, column, selection, begin)
}

/** Takes numbers out of a sum. Whether there is one left its count knows. */
export function aggregateUnsum(entries: usize, n: u32, offset: usize, column: usize, selection: usize, begin: u32): void {
  fold(UNSUM, entries, n, offset, 0, 0, column, selection, begin)
}

/** Sets the flag of each entry by whether a count is above 0. */
export function aggregateFlagCounts(entries: usize, n: u32, flagOffset: usize, flag: u32, countOffset: usize): void {
  for (let row: u32 = 0; row < n; row++) {
    const entry = entryAt(entries, row)
    const flags = load<u32>(entry + flagOffset)
    store<u32>(entry + flagOffset, load<i64>(entry + countOffset) > 0 ? flags | flag : flags & ~flag)
  }
}

/** Keeps the least value; NaN is above all others. */
export function aggregateMin(entries: usize, n: u32, offset: usize, flagOffset: usize, flag: u32, column: usize, selection: usize, begin: u32): void {
  fold(MIN, entries, n, offset, flagOffset, flag, column, selection, begin)
}

/** Keeps the greatest value; NaN is above all others. */
export function aggregateMax(entries: usize, n: u32, offset: usize, flagOffset: usize, flag: u32, column: usize, selection: usize, begin: u32): void {
  fold(MAX, entries, n, offset, flagOffset, flag, column, selection, begin)
}

/** Keeps the first value that is not NULL. */
export function aggregateFirst(entries: usize, n: u32, offset: usize, flagOffset: usize, flag: u32, column: usize, selection: usize, begin: u32): void {
  fold(FIRST, entries, n, offset, flagOffset, flag, column, selection, begin)
}

/** Keeps the last value that is not NULL. */
export function aggregateLast(entries: usize, n: u32, offset: usize, flagOffset: usize, flag: u32, column: usize, selection: usize, begin: u32): void {
  fold(LAST, entries, n, offset, flagOffset, flag, column, selection, begin)
}

// 10^38: no DECIMAL has so many digits.
const DECIMAL_LIMIT_HIGH: u64 = 0x4b3b4ca85a86c47a
const DECIMAL_LIMIT_LOW: u64 = 0x098a224000000000

// @ts-ignore: decorator
@inline function isBeyondDecimal(low: u64, high: u64): bool {
  return high > DECIMAL_LIMIT_HIGH || (high == DECIMAL_LIMIT_HIGH && low >= DECIMAL_LIMIT_LOW)
}

/** Adds to a 128-bit sum. Two numbers of 38 digits do not come back into range when their sum wraps, so that looking at the result is enough. */
// @ts-ignore: decorator
@inline function addDecimal(entry: usize, offset: usize, flagOffset: usize, flag: u32, low: u64, high: u64): void {
  const at = entry + offset
  const sum = load<u64>(at) + low
  const sumHigh = load<u64>(at, 8) + high + u64(sum < low)
  store<u64>(at, sum)
  store<u64>(at, sumHigh, 8)
  const negative = <i64>sumHigh < 0
  if (isBeyondDecimal(negative ? 0 - sum : sum, negative ? 0 - sumHigh - u64(sum != 0) : sumHigh)) {
    store<u32>(entry + flagOffset, load<u32>(entry + flagOffset, 4) | flag, 4)
  }
}

// @ts-ignore: decorator
@inline function foldDecimal(sign: u64, entries: usize, n: u32, offset: usize, flagOffset: usize, flag: u32, column: usize, selection: usize, begin: u32): void {
  const values = columnValues(column)
  const validity: usize = columnNullCount(column) == 0 ? 0 : columnValidity(column)
  const wide = columnKind(column) == KIND_INT128
  assert(wide || columnKind(column) == KIND_INT64)
  for (let row: u32 = 0; row < n; row++) {
    const source = rowAt(selection, begin + row)
    if (validity != 0 && !bitIsSet(validity, source)) continue
    const entry = entryAt(entries, row)
    let low: u64
    let high: u64
    if (wide) {
      low = load<u64>(values + (<usize>source << 4))
      high = load<u64>(values + (<usize>source << 4), 8)
    } else {
      low = load<u64>(values + (<usize>source << 3))
      high = <u64>(<i64>low >> 63)
    }
    // Two's complement: x ^ -1 is ~x, and -x is ~x + 1.
    const borrow = sign & 1
    low = (low ^ sign) + borrow
    high = (high ^ sign) + u64(borrow != 0 && low == 0)
    addDecimal(entry, offset, flagOffset, flag, low, high)
    store<u32>(entry + flagOffset, load<u32>(entry + flagOffset) | flag)
  }
}

/** Adds unscaled decimals, INT64 or INT128, in 128 bits. */
export function aggregateSumDecimal(entries: usize, n: u32, offset: usize, flagOffset: usize, flag: u32, column: usize, selection: usize, begin: u32): void {
  foldDecimal(0, entries, n, offset, flagOffset, flag, column, selection, begin)
}

/** Takes decimals out of a sum. */
export function aggregateUnsumDecimal(entries: usize, n: u32, offset: usize, flagOffset: usize, flag: u32, column: usize, selection: usize, begin: u32): void {
  foldDecimal(u64.MAX_VALUE, entries, n, offset, flagOffset, flag, column, selection, begin)
}

// @ts-ignore: decorator
@inline function merge<T>(operation: u32, targets: usize, sources: usize, n: u32, offset: usize, flagOffset: usize, flag: u32): void {
  for (let row: u32 = 0; row < n; row++) {
    const source = entryAt(sources, row)
    if (flag != 0 && (load<u32>(source + flagOffset) & flag) == 0) continue
    foldValue<T>(operation, entryAt(targets, row), offset, flagOffset, flag, load<T>(source + offset))
  }
}

/** Folds the accumulators of source entries into those of target entries (slices into windows): counts and int64 sums. */
export function aggregateMergeSum(targets: usize, sources: usize, n: u32, offset: usize, flagOffset: usize, flag: u32): void {
  merge<i64>(SUM, targets, sources, n, offset, flagOffset, flag)
}

/** {@link aggregateMergeSum} for float64 sums. */
export function aggregateMergeSumFloat(targets: usize, sources: usize, n: u32, offset: usize, flagOffset: usize, flag: u32): void {
  merge<f64>(SUM, targets, sources, n, offset, flagOffset, flag)
}

/** {@link aggregateMergeSum} for 128-bit sums. */
export function aggregateMergeSumDecimal(targets: usize, sources: usize, n: u32, offset: usize, flagOffset: usize, flag: u32): void {
  for (let row: u32 = 0; row < n; row++) {
    const source = entryAt(sources, row)
    const target = entryAt(targets, row)
    addDecimal(target, offset, flagOffset, flag, load<u64>(source + offset), load<u64>(source + offset, 8))
    store<u64>(target + flagOffset, load<u64>(target + flagOffset) | (load<u64>(source + flagOffset) & (<u64>flag << 32 | flag)))
  }
}

export function aggregateMergeMin(targets: usize, sources: usize, n: u32, offset: usize, flagOffset: usize, flag: u32): void {
  merge<i64>(MIN, targets, sources, n, offset, flagOffset, flag)
}
export function aggregateMergeMinFloat(targets: usize, sources: usize, n: u32, offset: usize, flagOffset: usize, flag: u32): void {
  merge<f64>(MIN, targets, sources, n, offset, flagOffset, flag)
}
export function aggregateMergeMax(targets: usize, sources: usize, n: u32, offset: usize, flagOffset: usize, flag: u32): void {
  merge<i64>(MAX, targets, sources, n, offset, flagOffset, flag)
}
export function aggregateMergeMaxFloat(targets: usize, sources: usize, n: u32, offset: usize, flagOffset: usize, flag: u32): void {
  merge<f64>(MAX, targets, sources, n, offset, flagOffset, flag)
}

// @ts-ignore: decorator
@inline function toColumn<T>(entries: usize, n: u32, offset: usize, flagOffset: usize, flag: u32, column: usize, row: u32): void {
  const kind = columnKind(column)
  for (let index: u32 = 0; index < n; index++) {
    const entry = entryAt(entries, index)
    const target = row + index
    if (flag != 0 && (load<u32>(entry + flagOffset) & flag) == 0) {
      writeNull(column, target)
      continue
    }
    writeValid(column, target)
    writeNumber<T>(column, kind, target, load<T>(entry + offset))
  }
}

/** Writes int64 accumulators to rows row..row + n - 1 of a column of any integer kind, float or BIT; NULL where the flag is not set. */
export function aggregateToColumn(entries: usize, n: u32, offset: usize, flagOffset: usize, flag: u32, column: usize, row: u32): void {
  toColumn<i64>(entries, n, offset, flagOffset, flag, column, row)
}

/** {@link aggregateToColumn} for float64 accumulators. */
export function aggregateToColumnFloat(entries: usize, n: u32, offset: usize, flagOffset: usize, flag: u32, column: usize, row: u32): void {
  toColumn<f64>(entries, n, offset, flagOffset, flag, column, row)
}

/** Whether a sum of DECIMALs has a value: it has seen one and stayed in range. */
// @ts-ignore: decorator
@inline function hasDecimal(entry: usize, flagOffset: usize, flag: u32): bool {
  return (load<u32>(entry + flagOffset) & flag) != 0 && (load<u32>(entry + flagOffset, 4) & flag) == 0
}

/** {@link aggregateToColumn} for 128-bit accumulators, to INT128. */
export function aggregateToColumnDecimal(entries: usize, n: u32, offset: usize, flagOffset: usize, flag: u32, column: usize, row: u32): void {
  const values = columnValues(column)
  assert(columnKind(column) == KIND_INT128)
  for (let index: u32 = 0; index < n; index++) {
    const entry = entryAt(entries, index)
    const target = row + index
    if (!hasDecimal(entry, flagOffset, flag)) {
      writeNull(column, target)
      continue
    }
    writeValid(column, target)
    store<u64>(values + (<usize>target << 4), load<u64>(entry + offset))
    store<u64>(values + (<usize>target << 4), load<u64>(entry + offset, 8), 8)
  }
}

let quotientLow: u64 = 0
let quotientHigh: u64 = 0

/** Divides 128 bits by a count, bit by bit: to quotientHigh, quotientLow. Returns the rest. */
function divide(low: u64, high: u64, count: u64): u64 {
  let rest: u64 = 0
  quotientHigh = 0
  quotientLow = 0
  for (let bit = 0; bit < 128; bit++) {
    rest = (rest << 1) | (high >> 63)
    high = (high << 1) | (low >> 63)
    low <<= 1
    const fits = u64(rest >= count)
    if (fits != 0) rest -= count
    quotientHigh = (quotientHigh << 1) | (quotientLow >> 63)
    quotientLow = (quotientLow << 1) | fits
  }
  return rest
}

/**
 * Writes 128-bit sums / counts to INT128, with `digits` more digits behind the point than the sums have, rounded half up. NULL without a value and
 * beyond 38 digits.
 */
export function aggregateAverageToColumnDecimal(
  entries: usize, n: u32, sumOffset: usize, flagOffset: usize, flag: u32, countOffset: usize, digits: u32, column: usize, row: u32,
): void {
  const values = columnValues(column)
  assert(columnKind(column) == KIND_INT128)
  for (let index: u32 = 0; index < n; index++) {
    const entry = entryAt(entries, index)
    const target = row + index
    const at = values + (<usize>target << 4)
    if (!hasDecimal(entry, flagOffset, flag)) {
      writeNull(column, target)
      continue
    }
    const count = load<u64>(entry + countOffset)
    const sumLow = load<u64>(entry + sumOffset)
    const sumHigh = load<u64>(entry + sumOffset, 8)
    const negative = <i64>sumHigh < 0
    let rest = divide(negative ? 0 - sumLow : sumLow, negative ? 0 - sumHigh - u64(sumLow != 0) : sumHigh, count)
    let low = quotientLow
    let high = quotientHigh
    let beyond = false
    for (let digit: u32 = 0; digit < digits; digit++) {
      // rest < count, so that its next digit needs no more than 68 bits.
      rest = divide(rest * 10, mulHigh10(rest), count)
      const carry = mulHigh10(low)
      low *= 10
      beyond = beyond || mulHigh10(high) != 0
      high = high * 10 + carry
      low += quotientLow
      high += u64(low < quotientLow)
      beyond = beyond || isBeyondDecimal(low, high)
    }
    if (rest >= count - rest) {
      low++
      high += u64(low == 0)
    }
    if (beyond || isBeyondDecimal(low, high)) {
      writeNull(column, target)
      continue
    }
    writeValid(column, target)
    store<u64>(at, negative ? 0 - low : low)
    store<u64>(at, negative ? 0 - high - u64(low != 0) : high, 8)
  }
}

/** The upper half of ten times a number. */
// @ts-ignore: decorator
@inline function mulHigh10(value: u64): u64 {
  return (((value & 0xffffffff) * 10 >> 32) + (value >> 32) * 10) >> 32
}

/** Writes sum / count: of int64 sums (`float` 0) truncated for integer columns, as doubles for float ones; NULL where the count is 0. */
export function aggregateAverageToColumn(entries: usize, n: u32, sumOffset: usize, float: u32, countOffset: usize, column: usize, row: u32): void {
  const kind = columnKind(column)
  const floatColumn = kind == KIND_FLOAT64 || kind == KIND_FLOAT32
  for (let index: u32 = 0; index < n; index++) {
    const entry = entryAt(entries, index)
    const target = row + index
    const count = load<i64>(entry + countOffset)
    if (count == 0) {
      writeNull(column, target)
      continue
    }
    writeValid(column, target)
    if (float != 0) writeNumber<f64>(column, kind, target, load<f64>(entry + sumOffset) / <f64>count)
    else if (floatColumn) writeNumber<f64>(column, kind, target, <f64>load<i64>(entry + sumOffset) / <f64>count)
    else writeNumber<i64>(column, kind, target, load<i64>(entry + sumOffset) / count)
  }
}

/** A 128-bit integer as the nearest double. */
// @ts-ignore: decorator
@inline function wideToDouble(low: u64, high: u64): f64 {
  const negative = <i64>high < 0
  const magnitudeLow = negative ? 0 - low : low
  const magnitudeHigh = negative ? 0 - high - u64(low != 0) : high
  let magnitude: f64
  if (magnitudeHigh == 0) magnitude = <f64>magnitudeLow
  else {
    // The 64 bits in front, with the last one set for whatever is cut off: a double has 53, so that rounding goes as for the whole number.
    const shift = 64 - clz(magnitudeHigh)
    const front = shift == 64 ? magnitudeHigh : (magnitudeHigh << (64 - shift)) | (magnitudeLow >> shift)
    const cut = shift == 64 ? magnitudeLow : magnitudeLow << (64 - shift)
    magnitude = <f64>(front | u64(cut != 0)) * reinterpret<f64>((1023 + shift) << 52)
  }
  return negative ? -magnitude : magnitude
}

/** Writes 128-bit sums / counts to FLOAT64; NULL where the count is 0. */
export function aggregateWideAverageToColumn(entries: usize, n: u32, sumOffset: usize, countOffset: usize, column: usize, row: u32): void {
  const values = columnValues(column)
  assert(columnKind(column) == KIND_FLOAT64)
  for (let index: u32 = 0; index < n; index++) {
    const entry = entryAt(entries, index)
    const target = row + index
    const count = load<i64>(entry + countOffset)
    if (count == 0) {
      writeNull(column, target)
      continue
    }
    writeValid(column, target)
    store<f64>(values + (<usize>target << 3), wideToDouble(load<u64>(entry + sumOffset), load<u64>(entry + sumOffset, 8)) / <f64>count)
  }
}

/** Zeroes bytes offset..offset + bytes - 1 of each entry. */
export function aggregateReset(entries: usize, n: u32, offset: usize, bytes: u32): void {
  for (let row: u32 = 0; row < n; row++) memory.fill(entryAt(entries, row) + offset, 0, bytes)
}
