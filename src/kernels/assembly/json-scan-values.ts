// From the text of one value to its place in a column: the conversion table with its two columns, `flink` (lenient) and `strict`. Used by the
// JSON and the CSV scanner. Writes the value only; validity bits and row counts are the scanner's.

import {
  KIND_INT16, KIND_INT32, KIND_INT64, KIND_INT8, KIND_TIMESTAMP_NANOS, TYPE_BIGINT, TYPE_BINARY, TYPE_BOOLEAN, TYPE_CHAR, TYPE_DATE, TYPE_DECIMAL, TYPE_DOUBLE, TYPE_FLOAT,
  TYPE_INT, TYPE_INTERVAL_DAY_TIME, TYPE_INTERVAL_YEAR_MONTH, TYPE_SMALLINT, TYPE_TIME, TYPE_TIMESTAMP, TYPE_TIMESTAMP_LTZ, TYPE_TINYINT, TYPE_VARBINARY, TYPE_VARCHAR,
  clearBit, setBit,
} from './column'
import {
  BAD_INEXACT, BAD_INVALID_VALUE, BAD_LENGTH, BAD_OUT_OF_RANGE, BAD_TYPE_MISMATCH, JSON_FLINK, JSON_ISO_TIMESTAMPS, NODE_DATA, NODE_DATA_CAPACITY, NODE_EXTRA, NODE_FLAGS,
  NODE_KIND, NODE_LENGTH, NODE_NULLABLE, NODE_OFFSETS, NODE_SAFE_INTEGER, NODE_TYPE, NODE_VALUES,
} from './json-scan-plan'
import {
  DECIMAL_INEXACT, DECIMAL_OK, GRAMMAR_TEXT, decimalHighWord, decimalLowWord, numberIsNegative, numberIsPlain, numberMantissa, scanNumber, toDecimal, toDouble, toFloat,
  numberIsExactInteger,
} from './numbers'
import {
  MS_PER_DAY, TIME_BLANK, TIME_EMPTY_FRACTION, TIME_LOWER_T, TIME_OFFSET, TIME_SECONDS_OPTIONAL, TIME_SQL_DATE, TIME_SMART, TIME_T, TIME_Z, TIME_Z_OPTIONAL, parseDate,
  parseTime, parseTimestamp, parsedDays, parsedMs, parsedNanos,
} from './timestamps'

/** The text stood in quotes (they are not part of it; escapes are resolved). */
export const TOKEN_STRING: u32 = 0
/** A JSON number; scanNumber has just read it. */
export const TOKEN_NUMBER: u32 = 1
/** `true` or `false`. */
export const TOKEN_WORD: u32 = 2
/** A CSV field. */
export const TOKEN_TEXT: u32 = 3

/** Any result of convertText but these three is a bad-record reason. */
export const CONVERTED: u32 = 0
/** The conversion table asks for NULL, and the column allows it. Nothing is written. */
export const CONVERTED_TO_NULL: u32 = 255
/** The column's data has no room for the padding of CHAR. */
export const FULL_DATA: u32 = 254

/**
 * Writes [a, b) as row `row` of the node's column, of any type but ROW, ARRAY, MAP and (for JSON strings) text. `rest` bytes of input are yet to come
 * for which every column has kept room.
 */
export function convertText(node: usize, row: u32, a: usize, b: usize, token: u32, flags: u32, rest: usize): u32 {
  const type: u32 = load<u8>(node, NODE_TYPE)
  const flink = (flags & JSON_FLINK) != 0
  if (!flink) {
    const wanted: u32 = type == TYPE_BOOLEAN ? TOKEN_WORD : isNumeric(type) ? TOKEN_NUMBER : TOKEN_STRING
    if (token != wanted && token != TOKEN_TEXT) return BAD_TYPE_MISMATCH
  }
  switch (type) {
    case TYPE_BOOLEAN: return convertBoolean(node, row, a, b, token, flink)
    case TYPE_TINYINT: case TYPE_SMALLINT: case TYPE_INT: case TYPE_BIGINT: case TYPE_INTERVAL_YEAR_MONTH: case TYPE_INTERVAL_DAY_TIME:
      return convertInteger(node, row, a, b, token, flink)
    case TYPE_FLOAT: case TYPE_DOUBLE: return convertFloating(node, row, a, b, token, flink)
    case TYPE_DECIMAL: return convertDecimal(node, row, a, b, token, flink)
    case TYPE_CHAR: case TYPE_VARCHAR: {
      const out = <usize>load<u32>(node, NODE_DATA) + load<u32>(<usize>load<u32>(node, NODE_OFFSETS) + (<usize>row << 2))
      memory.copy(out, a, b - a)
      return closeBytes(node, row, out + (b - a), rest)
    }
    case TYPE_BINARY: case TYPE_VARBINARY: return token == TOKEN_NUMBER || token == TOKEN_WORD ? BAD_TYPE_MISMATCH : convertBase64(node, row, a, b, flink)
    case TYPE_DATE: return convertDate(node, row, a, b, token, flink)
    case TYPE_TIME: return convertTime(node, row, a, b, token, flink)
    case TYPE_TIMESTAMP: case TYPE_TIMESTAMP_LTZ: return convertTimestamp(node, row, a, b, token, flags)
    default: return BAD_TYPE_MISMATCH
  }
}

/**
 * Ends row `row` of a column of bytes at `end`: judges the length that its type declares, pads CHAR with blanks, writes the offset. Padding leaves room
 * for `rest` bytes behind it.
 */
export function closeBytes(node: usize, row: u32, end: usize, rest: usize): u32 {
  const offsets = <usize>load<u32>(node, NODE_OFFSETS) + (<usize>row << 2)
  const data = <usize>load<u32>(node, NODE_DATA)
  const length = load<u32>(node, NODE_LENGTH)
  if (length != 0) {
    const type: u32 = load<u8>(node, NODE_TYPE)
    const start = data + <usize>load<u32>(offsets)
    let units = <u32>(end - start)
    // There are no more characters than bytes.
    if (type == TYPE_CHAR || (type == TYPE_VARCHAR && units > length)) units = characterCount(start, end)
    if (units > length || (type == TYPE_BINARY && units != length)) return BAD_LENGTH
    if (type == TYPE_CHAR) {
      const padding = length - units
      if (<u64>(end - data) + <u64>padding + <u64>rest > <u64>load<u32>(node, NODE_DATA_CAPACITY)) return FULL_DATA
      memory.fill(end, 0x20, padding)
      end += padding
    }
  }
  store<u32>(offsets, <u32>(end - data), 4)
  return CONVERTED
}

/** Characters of the UTF-8 text [p, end). */
function characterCount(p: usize, end: usize): u32 {
  let count: u32 = 0
  for (; p < end; p++) count += u32((load<u8>(p) & 0xc0) != 0x80)
  return count
}

function isNumeric(type: u32): bool {
  return (type >= TYPE_TINYINT && type <= TYPE_DECIMAL) || type == TYPE_INTERVAL_YEAR_MONTH || type == TYPE_INTERVAL_DAY_TIME
}

/** The first byte of [a, b) above a blank: Java's trim. */
export function trimStart(a: usize, b: usize): usize {
  while (a < b && load<u8>(a) <= 0x20) a += 1
  return a
}

function trimEnd(a: usize, b: usize): usize {
  while (b > a && load<u8>(b - 1) <= 0x20) b -= 1
  return b
}

function isWord(a: usize, b: usize, word: u64, length: usize): bool {
  if (b - a != length) return false
  for (let at: usize = 0; at < length; at++) if ((load<u8>(a + at) | 0x20) != <u8>(word >> (<u64>at << 3))) return false
  return true
}

function convertBoolean(node: usize, row: u32, a: usize, b: usize, token: u32, flink: bool): u32 {
  let value: bool
  if (token == TOKEN_WORD) value = load<u8>(a) == 0x74
  else {
    // As Java's parseBoolean: what is not "true" is false. Strict CSV insists on one of the two words.
    if (flink) { a = trimStart(a, b); b = trimEnd(a, b) }
    value = isWord(a, b, 0x65757274, 4)
    if (!flink && !value && !isWord(a, b, 0x65736c6166, 5)) return BAD_INVALID_VALUE
  }
  const bits = <usize>load<u32>(node, NODE_VALUES)
  if (value) setBit(bits, row)
  else clearBit(bits, row)
  return CONVERTED
}

function convertInteger(node: usize, row: u32, a: usize, b: usize, token: u32, flink: bool): u32 {
  const kind = load<u32>(node, NODE_KIND)
  if (token != TOKEN_NUMBER) {
    if (token == TOKEN_WORD) return BAD_INVALID_VALUE
    if (flink) { a = trimStart(a, b); b = trimEnd(a, b) }
    if (a == b || scanNumber(a, b, GRAMMAR_TEXT) != b || (flink && !numberIsPlain())) return BAD_INVALID_VALUE
  }
  const negative = numberIsNegative()
  let magnitude: u64
  if (numberIsPlain()) {
    if (!numberIsExactInteger()) return BAD_OUT_OF_RANGE
    magnitude = numberMantissa()
  } else if (flink) {
    // As Jackson: INT and BIGINT cut a fraction off, the smaller types refuse it.
    if (kind < KIND_INT32) return BAD_INVALID_VALUE
    const value = toDouble()
    const limit = kind == KIND_INT32 ? 2147483647.0 : 9223372036854775807.0
    if (value > limit || value < (kind == KIND_INT32 ? -2147483648.0 : -9223372036854775808.0)) return BAD_OUT_OF_RANGE
    const whole = i64_trunc_sat(value)
    magnitude = negative ? ~(<u64>whole) + 1 : <u64>whole
  } else {
    const status = toDecimal(38, 0, false)
    if (status != DECIMAL_OK) return status == DECIMAL_INEXACT ? BAD_INEXACT : BAD_OUT_OF_RANGE
    const low = decimalLowWord(), high = decimalHighWord()
    if (high != (negative && low != 0 ? -1 : 0)) return BAD_OUT_OF_RANGE
    magnitude = negative ? ~low + 1 : low
  }
  const values = <usize>load<u32>(node, NODE_VALUES)
  const limit: u64 = kind == KIND_INT8 ? 0x7f : kind == KIND_INT16 ? 0x7fff : kind == KIND_INT32 ? 0x7fffffff : 0x7fffffffffffffff
  if (magnitude > limit + (negative ? 1 : 0)) return BAD_OUT_OF_RANGE
  if ((load<u32>(node, NODE_FLAGS) & NODE_SAFE_INTEGER) != 0 && magnitude > 9007199254740991) return BAD_OUT_OF_RANGE
  const value = negative ? ~magnitude + 1 : magnitude
  if (kind == KIND_INT64) store<u64>(values + (<usize>row << 3), value)
  else if (kind == KIND_INT32) store<u32>(values + (<usize>row << 2), <u32>value)
  else if (kind == KIND_INT16) store<u16>(values + (<usize>row << 1), <u16>value)
  else store<u8>(values + row, <u8>value)
  return CONVERTED
}

function i64_trunc_sat(value: f64): i64 {
  if (value >= 9223372036854775807.0) return i64.MAX_VALUE
  return <i64>value
}

function convertFloating(node: usize, row: u32, a: usize, b: usize, token: u32, flink: bool): u32 {
  const isFloat = load<u8>(node, NODE_TYPE) == TYPE_FLOAT
  let value: f64
  if (token == TOKEN_NUMBER) value = isFloat ? <f64>toFloat() : toDouble()
  else {
    if (token == TOKEN_WORD) return BAD_INVALID_VALUE
    a = trimStart(a, b)
    b = trimEnd(a, b)
    if (a == b) return BAD_INVALID_VALUE
    let behind = scanNumber(a, b, GRAMMAR_TEXT)
    if (behind != 0) {
      // Java's suffixes of float and double literals.
      if (flink && behind + 1 == b) { const suffix = load<u8>(behind) | 0x20; if (suffix == 0x64 || suffix == 0x66) behind += 1 }
      if (behind != b) return BAD_INVALID_VALUE
      value = isFloat ? <f64>toFloat() : toDouble()
    } else {
      const sign = load<u8>(a)
      if (sign == 0x2d || sign == 0x2b) a += 1
      if (b - a == 3 && load<u8>(a) == 0x4e && load<u8>(a, 1) == 0x61 && load<u8>(a, 2) == 0x4e) value = NaN
      else if (b - a == 8 && load<u64>(a) == 0x7974696e69666e49) value = sign == 0x2d ? -Infinity : Infinity
      else return BAD_INVALID_VALUE
      return storeFloating(node, row, value)
    }
  }
  if (!flink && abs(value) == Infinity) return BAD_OUT_OF_RANGE
  return storeFloating(node, row, value)
}

function storeFloating(node: usize, row: u32, value: f64): u32 {
  const values = <usize>load<u32>(node, NODE_VALUES)
  if (load<u8>(node, NODE_TYPE) == TYPE_FLOAT) store<f32>(values + (<usize>row << 2), <f32>value)
  else store<f64>(values + (<usize>row << 3), value)
  return CONVERTED
}

function convertDecimal(node: usize, row: u32, a: usize, b: usize, token: u32, flink: bool): u32 {
  if (token != TOKEN_NUMBER) {
    if (token == TOKEN_WORD) return BAD_INVALID_VALUE
    // Of all numbers only Flink's DECIMAL of CSV takes no blanks.
    if (flink && token != TOKEN_TEXT) { a = trimStart(a, b); b = trimEnd(a, b) }
    if (a == b || scanNumber(a, b, GRAMMAR_TEXT) != b) return BAD_INVALID_VALUE
  }
  const status = toDecimal(load<u8>(node, NODE_TYPE + 1), load<u8>(node, NODE_TYPE + 2), flink)
  if (status == DECIMAL_INEXACT) return BAD_INEXACT
  // Flink gives NULL for what does not fit.
  if (status != DECIMAL_OK) return flink && (load<u32>(node, NODE_FLAGS) & NODE_NULLABLE) != 0 ? CONVERTED_TO_NULL : BAD_OUT_OF_RANGE
  const values = <usize>load<u32>(node, NODE_VALUES)
  if (load<u32>(node, NODE_KIND) == KIND_INT64) store<u64>(values + (<usize>row << 3), decimalLowWord())
  else {
    store<u64>(values + (<usize>row << 4), decimalLowWord())
    store<i64>(values + (<usize>row << 4), decimalHighWord(), 8)
  }
  return CONVERTED
}

// @ts-ignore: decorator
@inline function base64Value(character: u32): u32 {
  if (character - 0x41 < 26) return character - 0x41
  if (character - 0x61 < 26) return character - 0x61 + 26
  if (character - 0x30 < 10) return character - 0x30 + 52
  return character == 0x2b ? 62 : character == 0x2f ? 63 : 255
}

/** Groups of four. Flink's decoder takes blanks between them, and goes on behind a padded one; strictly a padded one is the last. */
function convertBase64(node: usize, row: u32, a: usize, b: usize, flink: bool): u32 {
  let out = <usize>load<u32>(node, NODE_DATA) + load<u32>(<usize>load<u32>(node, NODE_OFFSETS) + (<usize>row << 2))
  let bits: u32 = 0
  let count: u32 = 0
  let padding: u32 = 0
  for (; a < b; a++) {
    const character = <u32>load<u8>(a)
    if (flink && character <= 0x20 && count == 0) continue
    if (character == 0x3d) {
      padding += 1
      if (count < 2) return BAD_INVALID_VALUE
      if (count + padding < 4) continue
      if (!flink && a + 1 < b) return BAD_INVALID_VALUE
      if (count == 2) { store<u8>(out, <u8>(bits >> 4)); out += 1 }
      else { store<u8>(out, <u8>(bits >> 10)); store<u8>(out, <u8>(bits >> 2), 1); out += 2 }
      bits = 0
      count = 0
      padding = 0
      continue
    }
    const value = base64Value(character)
    if (value == 255 || padding != 0) return BAD_INVALID_VALUE
    bits = (bits << 6) | value
    count += 1
    if (count == 4) {
      store<u8>(out, <u8>(bits >> 16))
      store<u8>(out, <u8>(bits >> 8), 1)
      store<u8>(out, <u8>bits, 2)
      out += 3
      bits = 0
      count = 0
    }
  }
  return count == 0 ? closeBytes(node, row, out, 0) : BAD_INVALID_VALUE
}

function convertDate(node: usize, row: u32, a: usize, b: usize, token: u32, flink: bool): u32 {
  if (parseDate(a, b, token == TOKEN_TEXT && flink ? TIME_SQL_DATE : 0) != b) return BAD_INVALID_VALUE
  store<i32>(<usize>load<u32>(node, NODE_VALUES) + (<usize>row << 2), parsedDays())
  return CONVERTED
}

function convertTime(node: usize, row: u32, a: usize, b: usize, token: u32, flink: bool): u32 {
  // Flink's JSON keeps milliseconds whatever the precision says; its CSV and the strict table do not.
  const json = flink && token != TOKEN_TEXT
  if (parseTime(a, b, json ? TIME_SMART | TIME_EMPTY_FRACTION : TIME_SECONDS_OPTIONAL | (flink ? TIME_EMPTY_FRACTION : 0)) != b) return BAD_INVALID_VALUE
  let ms = parsedMs()
  if (ms == <i32>MS_PER_DAY) ms = 0
  if (!json) {
    const precision = load<u8>(node, NODE_TYPE + 1)
    const unit: i32 = precision == 0 ? 1000 : precision == 1 ? 100 : precision == 2 ? 10 : 1
    ms -= ms % unit
  }
  store<i32>(<usize>load<u32>(node, NODE_VALUES) + (<usize>row << 2), ms)
  return CONVERTED
}

/** The forms of a timestamp that the flags and the type allow. */
export function timestampForms(zoned: bool, csv: bool, flags: u32): u32 {
  if ((flags & JSON_FLINK) == 0) return TIME_BLANK | TIME_T | TIME_SECONDS_OPTIONAL | (zoned ? TIME_OFFSET : TIME_Z_OPTIONAL)
  if (csv && (flags & JSON_ISO_TIMESTAMPS) != 0) return TIME_BLANK | TIME_T | TIME_SMART | TIME_EMPTY_FRACTION | (zoned ? TIME_Z : 0)
  if ((flags & JSON_ISO_TIMESTAMPS) == 0) return TIME_BLANK | TIME_SMART | TIME_EMPTY_FRACTION | (zoned ? TIME_Z : 0)
  return TIME_T | TIME_SECONDS_OPTIONAL | TIME_EMPTY_FRACTION | (zoned ? TIME_Z | TIME_SMART : TIME_LOWER_T)
}

function convertTimestamp(node: usize, row: u32, a: usize, b: usize, token: u32, flags: u32): u32 {
  const flink = (flags & JSON_FLINK) != 0
  const csv = token == TOKEN_TEXT
  if (csv && flink) { a = trimStart(a, b); b = trimEnd(a, b) }
  if (!parseTimestamp(a, b, timestampForms(load<u8>(node, NODE_TYPE) == TYPE_TIMESTAMP_LTZ, csv, flags))) return BAD_INVALID_VALUE
  const precision: u32 = load<u8>(node, NODE_TYPE + 1)
  let ms = <i64>parsedDays() * MS_PER_DAY + <i64>parsedMs()
  let nanos = parsedNanos()
  // The strict table cuts at the precision, Flink's where the storage ends.
  if (!flink) {
    if (precision < 3) {
      const unit: i64 = precision == 0 ? 1000 : precision == 1 ? 100 : 10
      ms -= ((ms % unit) + unit) % unit
    } else if (precision == 4 || precision == 7 || precision == 8 || precision == 5) {
      const unit: i32 = precision == 4 ? 100_000 : precision == 5 ? 10_000 : precision == 7 ? 100 : 10
      nanos -= nanos % unit
    }
  }
  const values = <usize>load<u32>(node, NODE_VALUES)
  if (load<u32>(node, NODE_KIND) == KIND_TIMESTAMP_NANOS) {
    store<i64>(values + (<usize>row << 3), ms)
    store<i32>(<usize>load<u32>(node, NODE_EXTRA) + (<usize>row << 2), nanos)
  } else store<i64>(values + (<usize>row << 3), precision <= 3 ? ms : ms * 1000 + nanos / 1000)
  return CONVERTED
}
