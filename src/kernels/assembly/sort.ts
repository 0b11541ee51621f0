// Sort: lists of physical rows, int32 rows[n], ordered in place by one column; stable, so that several columns are several calls, the last column
// first. Numbers and times become u64 keys whose unsigned order is theirs (descending: inverted) and go through a radix sort that passes over
// the bytes that all keys share; text and bytes are merged by their first eight bytes, then compared. NULLs come first or last whatever the
// direction. NaN is greater than every number, -0 equals 0.
//
// `scratch` has room for 20 bytes a row (u64 keys[n], u64 otherKeys[n], u32 otherRows[n]), for 1,024 bytes of counts and 64 of slack.

import {
  bitIsSet, columnData, columnDictionary, columnExtra, columnFlags, columnIsValid, columnKind, columnNullCount, columnOffsets, columnValues, COLUMN_DICTIONARY, KIND_BIT,
  KIND_BYTES, KIND_FLOAT32, KIND_FLOAT64, KIND_INT128, KIND_INT16, KIND_INT32, KIND_INT64, KIND_INT8, KIND_TIMESTAMP_NANOS,
} from './column'
import { compareBytes } from './rows'

const SIGN: u64 = 0x8000000000000000
const DIGITS: u32 = 256
/** Runs of so many rows are sorted by insertion before they are merged, and so are short lists instead of by radix. */
const RUN_ROWS: u32 = 32

// @ts-ignore: decorator
@inline function keyOfDouble(value: f64): u64 {
  if (value != value) return u64.MAX_VALUE
  const bits = reinterpret<u64>(value + 0.0)
  return bits ^ (<u64>(<i64>bits >> 63) | SIGN)
}

/** A number or time as a u64 whose unsigned order is its own; of INT128 and TIMESTAMP_NANOS the upper half. */
// @ts-ignore: decorator
@inline export function keyOf(kind: u32, values: usize, row: u32): u64 {
  if (kind == KIND_INT64 || kind == KIND_TIMESTAMP_NANOS) return load<u64>(values + (<usize>row << 3)) ^ SIGN
  if (kind == KIND_INT32) return <u64><i64>load<i32>(values + (<usize>row << 2)) ^ SIGN
  if (kind == KIND_FLOAT64) return keyOfDouble(load<f64>(values + (<usize>row << 3)))
  if (kind == KIND_FLOAT32) return keyOfDouble(<f64>load<f32>(values + (<usize>row << 2)))
  if (kind == KIND_INT16) return <u64><i64>load<i16>(values + (<usize>row << 1)) ^ SIGN
  if (kind == KIND_INT8) return <u64><i64>load<i8>(values + row) ^ SIGN
  if (kind == KIND_INT128) return load<u64>(values + (<usize>row << 4), 8) ^ SIGN
  assert(kind == KIND_BIT)
  return u64(bitIsSet(values, row))
}

/** Moves the NULL rows to the front or the back, both parts in order. Returns how many are not NULL. */
function partitionNulls(column: usize, nullsLast: bool, rows: usize, n: u32, others: usize): u32 {
  if (columnNullCount(column) == 0) return n
  let valid: u32 = 0
  let nulls: u32 = 0
  for (let index: u32 = 0; index < n; index++) {
    const row = load<u32>(rows + (<usize>index << 2))
    const present = u32(columnIsValid(column, row))
    // The list itself keeps the rows that have a value; it never overtakes the reading.
    store<u32>(rows + (<usize>valid << 2), row)
    store<u32>(others + (<usize>nulls << 2), row)
    valid += present
    nulls += 1 - present
  }
  if (nullsLast) memory.copy(rows + (<usize>valid << 2), others, <usize>nulls << 2)
  else {
    memory.copy(rows + (<usize>nulls << 2), rows, <usize>valid << 2)
    memory.copy(rows, others, <usize>nulls << 2)
  }
  return valid
}

/** Stable radix sort of u64 keys[n] with their rows; the result is in `keys` and `rows`. `counts` has room for 1,024 bytes. */
function radixSort(keys: usize, rows: usize, n: u32, otherKeys: usize, otherRows: usize, counts: usize): void {
  if (n <= RUN_ROWS) return insertionSort(keys, rows, n)
  // Bits in which keys differ: the bytes without any need no pass.
  let some: u64 = 0
  let all: u64 = u64.MAX_VALUE
  for (let index: u32 = 0; index < n; index++) {
    const key = load<u64>(keys + (<usize>index << 3))
    some |= key
    all &= key
  }
  const differing = some ^ all
  let fromKeys = keys
  let fromRows = rows
  let toKeys = otherKeys
  let toRows = otherRows
  for (let shift: u64 = 0; shift < 64; shift += 8) {
    if (((differing >> shift) & 255) == 0) continue
    memory.fill(counts, 0, DIGITS << 2)
    for (let index: u32 = 0; index < n; index++) {
      const at = counts + (<usize>((load<u64>(fromKeys + (<usize>index << 3)) >> shift) & 255) << 2)
      store<u32>(at, load<u32>(at) + 1)
    }
    let sum: u32 = 0
    for (let digit: u32 = 0; digit < DIGITS; digit++) {
      const at = counts + (<usize>digit << 2)
      const count = load<u32>(at)
      store<u32>(at, sum)
      sum += count
    }
    for (let index: u32 = 0; index < n; index++) {
      const key = load<u64>(fromKeys + (<usize>index << 3))
      const at = counts + (<usize>((key >> shift) & 255) << 2)
      const position = load<u32>(at)
      store<u32>(at, position + 1)
      store<u64>(toKeys + (<usize>position << 3), key)
      store<u32>(toRows + (<usize>position << 2), load<u32>(fromRows + (<usize>index << 2)))
    }
    const sortedKeys = toKeys
    const sortedRows = toRows
    toKeys = fromKeys
    toRows = fromRows
    fromKeys = sortedKeys
    fromRows = sortedRows
  }
  if (fromRows != rows) memory.copy(rows, fromRows, <usize>n << 2)
}

function insertionSort(keys: usize, rows: usize, n: u32): void {
  for (let index: u32 = 1; index < n; index++) {
    const key = load<u64>(keys + (<usize>index << 3))
    const row = load<u32>(rows + (<usize>index << 2))
    let at = index
    for (; at > 0 && load<u64>(keys + (<usize>(at - 1) << 3)) > key; at--) {
      store<u64>(keys + (<usize>at << 3), load<u64>(keys + (<usize>(at - 1) << 3)))
      store<u32>(rows + (<usize>at << 2), load<u32>(rows + (<usize>(at - 1) << 2)))
    }
    store<u64>(keys + (<usize>at << 3), key)
    store<u32>(rows + (<usize>at << 2), row)
  }
}

/** Sorts rows[n] by a column; `descending` and `nullsLast` are 0 or 1. */
export function sortRows(column: usize, descending: u32, nullsLast: u32, rows: usize, n: u32, scratch: usize): void {
  const keys = scratch
  const otherKeys = keys + (<usize>n << 3)
  const otherRows = otherKeys + (<usize>n << 3)
  const counts = otherRows + (<usize>n << 2)
  const valid = partitionNulls(column, nullsLast != 0, rows, n, otherRows)
  const list = nullsLast != 0 ? rows : rows + (<usize>(n - valid) << 2)
  const flip: u64 = descending != 0 ? u64.MAX_VALUE : 0
  const coded = (columnFlags(column) & COLUMN_DICTIONARY) != 0
  const kind = columnKind(coded ? columnDictionary(column) : column)
  const values = columnValues(column)
  if (kind == KIND_BYTES) return sortText(column, coded, descending != 0, list, valid, keys, otherKeys, otherRows)
  assert(!coded)
  if (kind == KIND_INT128) {
    for (let index: u32 = 0; index < valid; index++) store<u64>(keys + (<usize>index << 3), load<u64>(values + (<usize>load<u32>(list + (<usize>index << 2)) << 4)) ^ flip)
    radixSort(keys, list, valid, otherKeys, otherRows, counts)
  } else if (kind == KIND_TIMESTAMP_NANOS) {
    const extra = columnExtra(column)
    for (let index: u32 = 0; index < valid; index++) store<u64>(keys + (<usize>index << 3), <u64>load<u32>(extra + (<usize>load<u32>(list + (<usize>index << 2)) << 2)) ^ flip)
    radixSort(keys, list, valid, otherKeys, otherRows, counts)
  }
  for (let index: u32 = 0; index < valid; index++) store<u64>(keys + (<usize>index << 3), keyOf(kind, values, load<u32>(list + (<usize>index << 2))) ^ flip)
  radixSort(keys, list, valid, otherKeys, otherRows, counts)
}

/** The first eight bytes of a text as a u64 whose unsigned order is theirs. `at` is the address of its two offsets. */
// @ts-ignore: decorator
@inline export function keyOfText(data: usize, at: usize): u64 {
  const bytes = load<u32>(at, 4) - load<u32>(at)
  const key = bswap<u64>(load<u64>(data + load<u32>(at)))
  if (bytes >= 8) return key
  return bytes == 0 ? 0 : key & (u64.MAX_VALUE << (<u64>(8 - bytes) << 3))
}

// @ts-ignore: decorator
@inline function textRow(column: usize, coded: bool, row: u32): usize {
  return columnOffsets(coded ? columnDictionary(column) : column) + (<usize>(coded ? load<u32>(columnValues(column) + (<usize>row << 2)) : row) << 2)
}

/** Order of two rows whose first eight bytes are the same. */
function compareText(column: usize, coded: bool, left: u32, right: u32): i32 {
  const data = columnData(coded ? columnDictionary(column) : column)
  const a = textRow(column, coded, left)
  const b = textRow(column, coded, right)
  return compareBytes(data + load<u32>(a), load<u32>(a, 4) - load<u32>(a), data + load<u32>(b), load<u32>(b, 4) - load<u32>(b))
}

// @ts-ignore: decorator
@inline function textAfter(column: usize, coded: bool, descending: bool, leftKey: u64, left: u32, rightKey: u64, right: u32): bool {
  if (leftKey != rightKey) return leftKey > rightKey
  const order = compareText(column, coded, left, right)
  return descending ? order < 0 : order > 0
}

function sortText(column: usize, coded: bool, descending: bool, rows: usize, n: u32, keys: usize, otherKeys: usize, otherRows: usize): void {
  const data = columnData(coded ? columnDictionary(column) : column)
  const flip: u64 = descending ? u64.MAX_VALUE : 0
  for (let index: u32 = 0; index < n; index++) {
    store<u64>(keys + (<usize>index << 3), keyOfText(data, textRow(column, coded, load<u32>(rows + (<usize>index << 2)))) ^ flip)
  }
  for (let start: u32 = 0; start < n; start += RUN_ROWS) {
    const end = min<u32>(start + RUN_ROWS, n)
    for (let index = start + 1; index < end; index++) {
      const key = load<u64>(keys + (<usize>index << 3))
      const row = load<u32>(rows + (<usize>index << 2))
      let at = index
      for (; at > start && textAfter(column, coded, descending, load<u64>(keys + (<usize>(at - 1) << 3)), load<u32>(rows + (<usize>(at - 1) << 2)), key, row); at--) {
        store<u64>(keys + (<usize>at << 3), load<u64>(keys + (<usize>(at - 1) << 3)))
        store<u32>(rows + (<usize>at << 2), load<u32>(rows + (<usize>(at - 1) << 2)))
      }
      store<u64>(keys + (<usize>at << 3), key)
      store<u32>(rows + (<usize>at << 2), row)
    }
  }
  let fromKeys = keys
  let fromRows = rows
  let toKeys = otherKeys
  let toRows = otherRows
  for (let width = RUN_ROWS; width < n; width <<= 1) {
    for (let start: u32 = 0; start < n; start += width << 1) {
      const middle = min<u32>(start + width, n)
      mergeText(column, coded, descending, start, middle, min<u32>(middle + width, n), fromKeys, fromRows, toKeys, toRows)
    }
    const sortedKeys = toKeys
    const sortedRows = toRows
    toKeys = fromKeys
    toRows = fromRows
    fromKeys = sortedKeys
    fromRows = sortedRows
  }
  if (fromRows != rows) memory.copy(rows, fromRows, <usize>n << 2)
}

function mergeText(
  column: usize, coded: bool, descending: bool, start: u32, middle: u32, end: u32, fromKeys: usize, fromRows: usize, toKeys: usize, toRows: usize,
): void {
  let left = start
  let right = middle
  for (let index = start; index < end; index++) {
    let taken = left
    if (left == middle) taken = right++
    else if (
      right < end &&
      textAfter(
        column, coded, descending, load<u64>(fromKeys + (<usize>left << 3)), load<u32>(fromRows + (<usize>left << 2)), load<u64>(fromKeys + (<usize>right << 3)),
        load<u32>(fromRows + (<usize>right << 2)),
      )
    ) taken = right++
    else left++
    store<u64>(toKeys + (<usize>index << 3), load<u64>(fromKeys + (<usize>taken << 3)))
    store<u32>(toRows + (<usize>index << 2), load<u32>(fromRows + (<usize>taken << 2)))
  }
}

/**
 * The first `limit` of rows[n] in the order of a number column of at most 64 bits, NULLs last: they are moved to the front of the list, in order;
 * what lies behind them is undefined. For few of many: each row costs a comparison with the worst one kept. `scratch`: 12 bytes for each
 * kept row and 64. Returns how many there are: `limit`, or fewer if fewer rows have a value.
 */
export function sortTop(column: usize, descending: u32, rows: usize, n: u32, limit: u32, scratch: usize): u32 {
  const kind = columnKind(column)
  const values = columnValues(column)
  const flip: u64 = descending != 0 ? u64.MAX_VALUE : 0
  const keys = scratch
  const kept = scratch + (<usize>limit << 3)
  let count: u32 = 0
  if (limit == 0) return 0
  for (let index: u32 = 0; index < n; index++) {
    const row = load<u32>(rows + (<usize>index << 2))
    if (!columnIsValid(column, row)) continue
    const key = keyOf(kind, values, row) ^ flip
    if (count == limit) {
      if (key >= load<u64>(keys + (<usize>(limit - 1) << 3))) continue
      count--
    }
    let at = count
    for (; at > 0 && load<u64>(keys + (<usize>(at - 1) << 3)) > key; at--) {
      store<u64>(keys + (<usize>at << 3), load<u64>(keys + (<usize>(at - 1) << 3)))
      store<u32>(kept + (<usize>at << 2), load<u32>(kept + (<usize>(at - 1) << 2)))
    }
    store<u64>(keys + (<usize>at << 3), key)
    store<u32>(kept + (<usize>at << 2), row)
    count++
  }
  memory.copy(rows, kept, <usize>count << 2)
  return count
}

/**
 * Writes a part of the sort keys of rows 0..n - 1 at out + row * stride: bytes whose order is that of a column of numbers or times of up to 64 bits, NULLs first or
 * last.
 */
export function sortKeyPart(column: usize, descending: u32, nullsFirst: u32, n: u32, out: usize, stride: usize): void {
  const kind = columnKind(column)
  const values = columnValues(column)
  const flip: u64 = descending != 0 ? u64.MAX_VALUE : 0
  for (let row: u32 = 0; row < n; row++) {
    if (columnIsValid(column, row)) {
      store<u8>(out, 1)
      store<u64>(out, bswap<u64>(keyOf(kind, values, row) ^ flip), 1)
    } else {
      store<u8>(out, nullsFirst != 0 ? 0 : 2)
      store<u64>(out, 0, 1)
    }
    out += stride
  }
}
