// The key encoder: rows of a batch to hashes and canonical key bytes (base/key-bytes.ts draws them). Two forms leave here:
//   value    one column of integers, doubles or booleans: an int64 payload a row; the tag follows from hash and payload
//   bytes    everything else: address of the payload (canonical bytes without their tag) and a key word a row
// A key word is (tag << 24) | number of canonical bytes, tag included. Row `i` of a call is the row at logical position `begin + i`.

import {
  bitIsSet, columnChild, columnChildCount, columnData, columnDictionary, columnExtra, columnFlags, columnIsValid, columnKind, columnNullCount, columnOffsets,
  columnScale, columnTypeCode, columnValidity, columnValues, COLUMN_DICTIONARY, KIND_BIT, KIND_BYTES, KIND_FLOAT32, KIND_FLOAT64, KIND_INT128, KIND_INT16,
  KIND_INT32, KIND_INT64, KIND_INT8, KIND_LIST, KIND_STRUCT, KIND_TIMESTAMP_NANOS, TYPE_CHAR, TYPE_DECIMAL, TYPE_VARCHAR,
} from './column'
import {
  HASH_OF_FALSE, HASH_OF_NULL, HASH_OF_TRUE, keyWord, TAG_ARRAY, TAG_BINARY, TAG_BOOLEAN, TAG_COMPOSITE, TAG_DECIMAL, TAG_FLOAT64, TAG_INT64, TAG_NANOS, TAG_NULL,
  TAG_TEXT, wordPayloadBytes, WORD_NULL,
} from './key-layout'
import { rowAt } from './rows'
import { hashTagged, hashValue } from './xxh64'

const CANONICAL_NAN: u64 = 0x7ff8000000000000

// @ts-ignore: decorator
@inline function isIntegral(value: f64): bool { return trunc<f64>(value) == value && value >= -9223372036854775808.0 && value < 9223372036854775808.0 }
// @ts-ignore: decorator
@inline function doubleBits(value: f64): u64 { return value == value ? reinterpret<u64>(value) : CANONICAL_NAN }

// @ts-ignore: decorator
@inline function encodeIntegers<T>(values: usize, selection: usize, begin: u32, n: u32, hashes: usize, keys: usize): void {
  if (selection == 0) {
    values += <usize>begin * sizeof<T>()
    for (let row: u32 = 0; row < n; row++) {
      const value = <u64><i64>load<T>(values + <usize>row * sizeof<T>())
      store<u64>(keys + (<usize>row << 3), value)
      store<u64>(hashes + (<usize>row << 3), hashValue(value, TAG_INT64))
    }
    return
  }
  selection += <usize>begin << 2
  for (let row: u32 = 0; row < n; row++) {
    const value = <u64><i64>load<T>(values + <usize>load<u32>(selection + (<usize>row << 2)) * sizeof<T>())
    store<u64>(keys + (<usize>row << 3), value)
    store<u64>(hashes + (<usize>row << 3), hashValue(value, TAG_INT64))
  }
}

// @ts-ignore: decorator
@inline function encodeDouble(value: f64, row: u32, hashes: usize, keys: usize): void {
  const integral = isIntegral(value)
  const bits = integral ? <u64><i64>value : doubleBits(value)
  store<u64>(keys + (<usize>row << 3), bits)
  store<u64>(hashes + (<usize>row << 3), hashValue(bits, integral ? TAG_INT64 : TAG_FLOAT64))
}

/** Value form: one column of a fixed-width kind. Writes u64 hashes[n] and int64 keys[n]. */
export function keysFromValues(column: usize, selection: usize, begin: u32, n: u32, hashes: usize, keys: usize): void {
  const values = columnValues(column)
  const kind = columnKind(column)
  if (kind == KIND_INT64) encodeIntegers<i64>(values, selection, begin, n, hashes, keys)
  else if (kind == KIND_INT32) encodeIntegers<i32>(values, selection, begin, n, hashes, keys)
  else if (kind == KIND_INT16) encodeIntegers<i16>(values, selection, begin, n, hashes, keys)
  else if (kind == KIND_INT8) encodeIntegers<i8>(values, selection, begin, n, hashes, keys)
  else if (kind == KIND_FLOAT64) {
    for (let row: u32 = 0; row < n; row++) encodeDouble(load<f64>(values + (<usize>rowAt(selection, begin + row) << 3)), row, hashes, keys)
  } else if (kind == KIND_FLOAT32) {
    for (let row: u32 = 0; row < n; row++) encodeDouble(<f64>load<f32>(values + (<usize>rowAt(selection, begin + row) << 2)), row, hashes, keys)
  } else if (kind == KIND_BIT) {
    for (let row: u32 = 0; row < n; row++) {
      const value: u64 = bitIsSet(values, rowAt(selection, begin + row)) ? 1 : 0
      store<u64>(keys + (<usize>row << 3), value)
      store<u64>(hashes + (<usize>row << 3), value == 0 ? HASH_OF_FALSE : HASH_OF_TRUE)
    }
  } else assert(false)
  if (columnNullCount(column) == 0) return
  const validity = columnValidity(column)
  for (let row: u32 = 0; row < n; row++) {
    if (bitIsSet(validity, rowAt(selection, begin + row))) continue
    store<u64>(keys + (<usize>row << 3), 0)
    store<u64>(hashes + (<usize>row << 3), HASH_OF_NULL)
  }
}

// @ts-ignore: decorator
@inline function tagOfBytes(column: usize): u32 {
  const code = columnTypeCode(column)
  return code == TYPE_VARCHAR || code == TYPE_CHAR ? TAG_TEXT : TAG_BINARY
}

// @ts-ignore: decorator
@inline function encodeBytes(column: usize, tag: u32, sourceRow: u32, row: u32, hashes: usize, payloads: usize, words: usize): void {
  encodeText(columnOffsets(column), columnData(column), tag, sourceRow, row, hashes, payloads, words)
}

// @ts-ignore: decorator
@inline function encodeText(offsets: usize, data: usize, tag: u32, sourceRow: u32, row: u32, hashes: usize, payloads: usize, words: usize): void {
  const at = offsets + (<usize>sourceRow << 2)
  const start = load<u32>(at)
  const length = load<u32>(at, 4) - start
  const payload = data + start
  store<u32>(payloads + (<usize>row << 2), <u32>payload)
  store<u32>(words + (<usize>row << 2), keyWord(tag, length + 1))
  store<u64>(hashes + (<usize>row << 3), hashTagged(payload, length, tag))
}

/** Texts one behind the other. */
// @ts-ignore: decorator
@inline function encodeTexts(offsets: usize, data: usize, tag: u32, n: u32, hashes: usize, payloads: usize, words: usize): void {
  let start = load<u32>(offsets)
  const payloadsEnd = payloads + (<usize>n << 2)
  for (; payloads != payloadsEnd; payloads += 4) {
    offsets += 4
    const end = load<u32>(offsets)
    const payload = data + start
    store<u32>(payloads, <u32>payload)
    store<u32>(words, keyWord(tag, end - start + 1))
    store<u64>(hashes, hashTagged(payload, end - start, tag))
    words += 4
    hashes += 8
    start = end
  }
}

/** One more than the greatest dictionary code among the rows that are not NULL. */
export function keysCodeBound(column: usize, selection: usize, begin: u32, n: u32): u32 {
  const codes = columnValues(column)
  let bound: u32 = 0
  for (let row: u32 = 0; row < n; row++) {
    const source = rowAt(selection, begin + row)
    if (columnIsValid(column, source)) bound = max<u32>(bound, load<u32>(codes + (<usize>source << 2)) + 1)
  }
  return bound
}

/**
 * Bytes form of one BYTES column, in place: the payloads are the column's own bytes. Of a dictionary-encoded column each entry that occurs is
 * hashed once; then `scratch` has room for 16 bytes an entry and `entries` is the bound of the codes. With `entries` 0 each row is hashed.
 */
export function keysFromBytes(column: usize, selection: usize, begin: u32, n: u32, hashes: usize, payloads: usize, words: usize, scratch: usize, entries: u32): void {
  const coded = (columnFlags(column) & COLUMN_DICTIONARY) != 0
  const source = coded ? columnDictionary(column) : column
  const codes = columnValues(column)
  const tag = tagOfBytes(source)
  if (!coded && columnNullCount(column) == 0) {
    // The common case, with nothing to look up a row.
    const offsets = columnOffsets(column)
    const data = columnData(column)
    if (selection == 0) encodeTexts(offsets + (<usize>begin << 2), data, tag, n, hashes, payloads, words)
    else for (let row: u32 = 0; row < n; row++) encodeText(offsets, data, tag, rowAt(selection, begin + row), row, hashes, payloads, words)
    return
  }
  const scratchPayloads = scratch + (<usize>entries << 3)
  const scratchWords = scratchPayloads + (<usize>entries << 2)
  memory.fill(scratchWords, 0, <usize>entries << 2)
  for (let row: u32 = 0; row < n; row++) {
    const at = rowAt(selection, begin + row)
    if (!columnIsValid(column, at)) {
      store<u64>(hashes + (<usize>row << 3), HASH_OF_NULL)
      store<u32>(payloads + (<usize>row << 2), 0)
      store<u32>(words + (<usize>row << 2), WORD_NULL)
    } else if (!coded) encodeBytes(source, tag, at, row, hashes, payloads, words)
    else {
      const code = load<u32>(codes + (<usize>at << 2))
      if (entries == 0) {
        encodeBytes(source, tag, code, row, hashes, payloads, words)
        continue
      }
      assert(code < entries)
      if (load<u32>(scratchWords + (<usize>code << 2)) == 0) encodeBytes(source, tag, code, code, scratch, scratchPayloads, scratchWords)
      store<u64>(hashes + (<usize>row << 3), load<u64>(scratch + (<usize>code << 3)))
      store<u32>(payloads + (<usize>row << 2), load<u32>(scratchPayloads + (<usize>code << 2)))
      store<u32>(words + (<usize>row << 2), load<u32>(scratchWords + (<usize>code << 2)))
    }
  }
}

// @ts-ignore: decorator
@inline function encodeCanonical(payload: usize, length: u32, row: u32, hashes: usize, payloads: usize, words: usize): void {
  assert(length > 0 && length <= 0xffffff)
  const tag = <u32>load<u8>(payload + length - 1)
  store<u32>(payloads + (<usize>row << 2), <u32>payload)
  store<u32>(words + (<usize>row << 2), keyWord(tag, length))
  store<u64>(hashes + (<usize>row << 3), hashTagged(payload, length - 1, tag))
}

/** Canonical bytes of one value, tag included. */
function canonicalBytes(column: usize, row: u32): u32 {
  if (!columnIsValid(column, row)) return 1
  if ((columnFlags(column) & COLUMN_DICTIONARY) != 0) return canonicalBytes(columnDictionary(column), load<u32>(columnValues(column) + (<usize>row << 2)))
  const kind = columnKind(column)
  if (kind == KIND_BYTES) {
    const at = columnOffsets(column) + (<usize>row << 2)
    return load<u32>(at, 4) - load<u32>(at) + 1
  }
  if (kind == KIND_BIT) return 2
  if (kind == KIND_INT128 || columnTypeCode(column) == TYPE_DECIMAL) return 18
  if (kind == KIND_TIMESTAMP_NANOS) return 13
  if (kind == KIND_STRUCT) {
    let bytes: u32 = 1
    const children = columnChildCount(column)
    for (let child: u32 = 0; child < children; child++) bytes += 4 + canonicalBytes(columnChild(column, child), row)
    return bytes
  }
  if (kind == KIND_LIST) {
    const at = columnOffsets(column) + (<usize>row << 2)
    const element = columnChild(column, 0)
    let bytes: u32 = 1
    for (let index = load<u32>(at); index < load<u32>(at, 4); index++) bytes += 4 + canonicalBytes(element, index)
    return bytes
  }
  return 9
}

/** Writes the canonical bytes of one value; returns the address behind them. */
function writeCanonical(column: usize, row: u32, at: usize): usize {
  if (!columnIsValid(column, row)) {
    store<u8>(at, TAG_NULL)
    return at + 1
  }
  const values = columnValues(column)
  if ((columnFlags(column) & COLUMN_DICTIONARY) != 0) return writeCanonical(columnDictionary(column), load<u32>(values + (<usize>row << 2)), at)
  const kind = columnKind(column)
  if (kind == KIND_BYTES) {
    const offset = columnOffsets(column) + (<usize>row << 2)
    const start = load<u32>(offset)
    const length = load<u32>(offset, 4) - start
    memory.copy(at, columnData(column) + start, length)
    store<u8>(at + length, <u8>tagOfBytes(column))
    return at + length + 1
  }
  if (kind == KIND_INT128 || columnTypeCode(column) == TYPE_DECIMAL) {
    if (kind == KIND_INT128) {
      const value = values + (<usize>row << 4)
      store<u64>(at, load<u64>(value))
      store<u64>(at, load<u64>(value, 8), 8)
    } else {
      const value = load<i64>(values + (<usize>row << 3))
      store<i64>(at, value)
      store<i64>(at, value >> 63, 8)
    }
    store<u8>(at, <u8>columnScale(column), 16)
    store<u8>(at, <u8>TAG_DECIMAL, 17)
    return at + 18
  }
  if (kind == KIND_TIMESTAMP_NANOS) {
    store<u64>(at, load<u64>(values + (<usize>row << 3)))
    store<u32>(at, load<u32>(columnExtra(column) + (<usize>row << 2)), 8)
    store<u8>(at, <u8>TAG_NANOS, 12)
    return at + 13
  }
  if (kind == KIND_BIT) {
    store<u8>(at, bitIsSet(values, row) ? 1 : 0)
    store<u8>(at, <u8>TAG_BOOLEAN, 1)
    return at + 2
  }
  if (kind == KIND_STRUCT) {
    const children = columnChildCount(column)
    for (let child: u32 = 0; child < children; child++) at = writePart(columnChild(column, child), row, at)
    store<u8>(at, <u8>TAG_COMPOSITE)
    return at + 1
  }
  if (kind == KIND_LIST) {
    const offset = columnOffsets(column) + (<usize>row << 2)
    const element = columnChild(column, 0)
    for (let index = load<u32>(offset); index < load<u32>(offset, 4); index++) at = writePart(element, index, at)
    store<u8>(at, <u8>TAG_ARRAY)
    return at + 1
  }
  let value: u64
  let tag: u32 = TAG_INT64
  if (kind == KIND_INT64) value = load<u64>(values + (<usize>row << 3))
  else if (kind == KIND_INT32) value = <u64><i64>load<i32>(values + (<usize>row << 2))
  else if (kind == KIND_INT16) value = <u64><i64>load<i16>(values + (<usize>row << 1))
  else if (kind == KIND_INT8) value = <u64><i64>load<i8>(values + row)
  else {
    assert(kind == KIND_FLOAT64 || kind == KIND_FLOAT32)
    const double = kind == KIND_FLOAT64 ? load<f64>(values + (<usize>row << 3)) : <f64>load<f32>(values + (<usize>row << 2))
    if (isIntegral(double)) value = <u64><i64>double
    else {
      value = doubleBits(double)
      tag = TAG_FLOAT64
    }
  }
  store<u64>(at, value)
  store<u8>(at, <u8>tag, 8)
  return at + 9
}

function writePart(column: usize, row: u32, at: usize): usize {
  const end = writeCanonical(column, row, at + 4)
  store<u32>(at, <u32>(end - at) - 4)
  return end
}

/** Bytes that {@link keysFromColumns} needs for its payloads. `columns` is the address of u32[columnCount] descriptors. */
export function keysMeasure(columns: usize, columnCount: u32, selection: usize, begin: u32, n: u32): f64 {
  let bytes: u64 = 0
  for (let index: u32 = 0; index < columnCount; index++) {
    const column: usize = load<u32>(columns + (<usize>index << 2))
    for (let row: u32 = 0; row < n; row++) bytes += canonicalBytes(column, rowAt(selection, begin + row))
  }
  return <f64>(bytes + <u64>n * (<u64>columnCount * 4 + 1))
}

/** Bytes form of any columns: one column as itself, several as a composite. Writes the canonical bytes one after another to `bytes`. */
export function keysFromColumns(columns: usize, columnCount: u32, selection: usize, begin: u32, n: u32, hashes: usize, payloads: usize, words: usize, bytes: usize): void {
  let at = bytes
  for (let row: u32 = 0; row < n; row++) {
    const source = rowAt(selection, begin + row)
    const start = at
    if (columnCount == 1) at = writeCanonical(load<u32>(columns), source, at)
    else {
      for (let index: u32 = 0; index < columnCount; index++) at = writePart(load<u32>(columns + (<usize>index << 2)), source, at)
      store<u8>(at++, <u8>TAG_COMPOSITE)
    }
    encodeCanonical(start, <u32>(at - start), row, hashes, payloads, words)
  }
}

/** Bytes form of canonical bytes that lie at offsets u32[n + 1] into `data`: restore, and keys that user code returned. */
export function keysFromCanonical(offsets: usize, data: usize, n: u32, hashes: usize, payloads: usize, words: usize): void {
  for (let row: u32 = 0; row < n; row++) {
    const start = load<u32>(offsets + (<usize>row << 2))
    encodeCanonical(data + start, load<u32>(offsets + (<usize>row << 2), 4) - start, row, hashes, payloads, words)
  }
}

/** Turns a bytes form whose keys are all of the value tags (or NULL) into the value form: int64 keys[n]. */
export function keysToValues(payloads: usize, words: usize, n: u32, keys: usize): void {
  for (let row: u32 = 0; row < n; row++) {
    const word = load<u32>(words + (<usize>row << 2))
    const payload: usize = load<u32>(payloads + (<usize>row << 2))
    const bytes = wordPayloadBytes(word)
    store<u64>(keys + (<usize>row << 3), bytes == 8 ? load<u64>(payload) : bytes == 1 ? <u64>load<u8>(payload) : 0)
  }
}
