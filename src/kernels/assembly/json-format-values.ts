// Values as text, shared by the JSON and the CSV writer: everything but text itself. Each writer returns the position behind what it wrote and
// may write 64 bytes past it.

import {
  KIND_INT128, KIND_INT16, KIND_INT32, KIND_INT64, KIND_TIMESTAMP_NANOS, TYPE_BOOLEAN, TYPE_DATE, TYPE_DECIMAL, TYPE_DOUBLE, TYPE_FLOAT, TYPE_TIME, TYPE_TIMESTAMP,
  TYPE_TIMESTAMP_LTZ, bitIsSet,
} from './column'
import { FORMAT_ISO_TIMESTAMPS, FORMAT_TRIMMED_FRACTION, WRITE_EXTRA, WRITE_KIND, WRITE_MEMO_MINUTE, WRITE_MEMO_TEXT, WRITE_TYPE, WRITE_VALUES } from './json-format-plan'
import { writeDecimal, writeDouble, writeFloat, writeI64, writeU64 } from './numbers-format'

/** Longest text of any value written here. */
export const VALUE_TEXT_MAX: usize = 48

/** Whether the value's text needs quotes in JSON. */
export function isQuoted(type: u32): bool {
  return type == TYPE_DATE || type == TYPE_TIME || type == TYPE_TIMESTAMP || type == TYPE_TIMESTAMP_LTZ
}

/** Writes a value of a type without variable length, without quotes. */
export function writeFixed(p: usize, node: usize, row: u32, flags: u32): usize {
  const values = <usize>load<u32>(node, WRITE_VALUES)
  const kind = load<u32>(node, WRITE_KIND)
  switch (<u32>load<u8>(node, WRITE_TYPE)) {
    case TYPE_BOOLEAN: {
      if (bitIsSet(values, row)) { store<u32>(p, 0x65757274); return p + 4 }
      store<u64>(p, 0x65736c6166)
      return p + 5
    }
    case TYPE_DECIMAL: {
      const scale: u32 = load<u8>(node, WRITE_TYPE + 2)
      if (kind == KIND_INT128) return writeDecimal(p, load<u64>(values + (<usize>row << 4)), load<i64>(values + (<usize>row << 4), 8), scale)
      const value = load<i64>(values + (<usize>row << 3))
      return scale == 0 ? writeI64(p, value) : writeDecimal(p, <u64>value, value >> 63, scale)
    }
    case TYPE_FLOAT: {
      const value = load<f32>(values + (<usize>row << 2))
      return isFinite(value) ? writeFloat(p, value) : writeNotFinite(p, <f64>value)
    }
    case TYPE_DOUBLE: {
      const value = load<f64>(values + (<usize>row << 3))
      return isFinite(value) ? writeDouble(p, value) : writeNotFinite(p, value)
    }
    case TYPE_DATE: return writeDate(p, load<i32>(values + (<usize>row << 2)))
    case TYPE_TIME: {
      const ms = load<i32>(values + (<usize>row << 2))
      const minutes = <u32>ms / 60000
      p = writePair(p, minutes / 60)
      store<u8>(p, 0x3a)
      p = writePair(p + 1, minutes % 60)
      const rest = <u32>ms - minutes * 60000
      return writeSeconds(p, rest / 1000, (rest % 1000) * 1000000, load<u8>(node, WRITE_TYPE + 1), flags)
    }
    case TYPE_TIMESTAMP: case TYPE_TIMESTAMP_LTZ: return writeTimestamp(p, node, row, flags)
    default: {
      if (kind == KIND_INT64) return writeI64(p, load<i64>(values + (<usize>row << 3)))
      if (kind == KIND_INT32) return writeI64(p, <i64>load<i32>(values + (<usize>row << 2)))
      if (kind == KIND_INT16) return writeI64(p, <i64>load<i16>(values + (<usize>row << 1)))
      return writeI64(p, <i64>load<i8>(values + <usize>row))
    }
  }
}

/** Whether the value is a NaN or an infinity, which JSON has no number for. */
export function isNotFinite(node: usize, row: u32): bool {
  const type: u32 = load<u8>(node, WRITE_TYPE)
  const values = <usize>load<u32>(node, WRITE_VALUES)
  if (type == TYPE_DOUBLE) return !isFinite(load<f64>(values + (<usize>row << 3)))
  return type == TYPE_FLOAT && !isFinite(load<f32>(values + (<usize>row << 2)))
}

function writeNotFinite(p: usize, value: f64): usize {
  if (value != value) { store<u32>(p, 0x4e614e); return p + 3 }
  if (value < 0) { store<u8>(p, 0x2d); p += 1 }
  store<u64>(p, 0x7974696e69666e49)
  return p + 8
}

// @ts-ignore: decorator
@inline function writePair(p: usize, value: u32): usize {
  store<u16>(p, <u16>(0x3030 + value / 10 + ((value % 10) << 8)))
  return p + 2
}

/** `yyyy-MM-dd`; years beyond four digits with a sign, as ISO-8601 has it. */
export function writeDate(p: usize, days: i32): usize {
  // From days to a date of the proleptic Gregorian calendar, in eras of 400 years that begin on March 1.
  const shifted = days + 719468
  const era = (shifted >= 0 ? shifted : shifted - 146096) / 146097
  const dayOfEra = shifted - era * 146097
  const yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365
  const dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
  const shiftedMonth = (5 * dayOfYear + 2) / 153
  const day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  if (year < 0) { store<u8>(p, 0x2d); p += 1 }
  else if (year > 9999) { store<u8>(p, 0x2b); p += 1 }
  const magnitude = <u32>abs(year)
  if (magnitude > 9999) p = writeU64(p, magnitude)
  else p = writePair(writePair(p, magnitude / 100), magnitude % 100)
  store<u8>(p, 0x2d)
  p = writePair(p + 1, <u32>month)
  store<u8>(p, 0x2d)
  return writePair(p + 1, <u32>day)
}

/** `:ss` and the fraction. */
function writeSeconds(p: usize, second: u32, nanos: u32, precision: u32, flags: u32): usize {
  store<u8>(p, 0x3a)
  p = writePair(p + 1, second)
  if ((flags & FORMAT_TRIMMED_FRACTION) == 0) {
    if (precision == 0) return p
  } else {
    if (nanos == 0) return p
    precision = 9
  }
  store<u8>(p, 0x2e)
  p += 1
  let rest = nanos
  let unit: u32 = 100000000
  for (let digit: u32 = 0; digit < precision; digit++) {
    const value = rest / unit
    store<u8>(p, <u8>(0x30 + value))
    rest -= value * unit
    unit /= 10
    p += 1
    if (rest == 0 && (flags & FORMAT_TRIMMED_FRACTION) != 0) return p
  }
  return p
}

/** Without quotes. */
export function writeTimestamp(p: usize, node: usize, row: u32, flags: u32): usize {
  const precision: u32 = load<u8>(node, WRITE_TYPE + 1)
  const value = load<i64>(<usize>load<u32>(node, WRITE_VALUES) + (<usize>row << 3))
  let ms = value
  let nanos: u32 = 0
  if (load<u32>(node, WRITE_KIND) == KIND_TIMESTAMP_NANOS) nanos = load<u32>(<usize>load<u32>(node, WRITE_EXTRA) + (<usize>row << 2))
  else if (precision > 3) {
    ms = value / 1000
    let micros = value - ms * 1000
    if (micros < 0) { micros += 1000; ms -= 1 }
    nanos = <u32>micros * 1000
  }
  let minute = load<i64>(node, WRITE_MEMO_MINUTE)
  let rest = ms - minute * 60000
  if (<u64>rest >= 60000 || load<u8>(node, WRITE_MEMO_TEXT) == 0) {
    minute = ms / 60000
    rest = ms - minute * 60000
    if (rest < 0) { rest += 60000; minute -= 1 }
    let day = minute / 1440
    let ofDay = minute - day * 1440
    if (ofDay < 0) { ofDay += 1440; day -= 1 }
    const start = p
    p = writeDate(p, <i32>day)
    store<u8>(p, (flags & FORMAT_ISO_TIMESTAMPS) != 0 ? 0x54 : 0x20)
    p = writePair(p + 1, <u32>ofDay / 60)
    store<u8>(p, 0x3a)
    p = writePair(p + 1, <u32>ofDay % 60)
    // Only the common length is remembered.
    if (p - start == 16) {
      v128.store(node, v128.load(start), WRITE_MEMO_TEXT)
      store<i64>(node, minute, WRITE_MEMO_MINUTE)
    }
  } else {
    v128.store(p, v128.load(node, WRITE_MEMO_TEXT))
    p += 16
  }
  const millis = <u32>rest
  const second = millis / 1000
  const ms3 = millis - second * 1000
  if (precision == 3 && (flags & FORMAT_TRIMMED_FRACTION) == 0) {
    store<u8>(p, 0x3a)
    writePair(p + 1, second)
    store<u8>(p, 0x2e, 3)
    store<u8>(p, <u8>(0x30 + ms3 / 100), 4)
    writePair(p + 5, ms3 % 100)
    p += 7
  } else p = writeSeconds(p, second, ms3 * 1000000 + nanos, precision, flags)
  if (<u32>load<u8>(node, WRITE_TYPE) == TYPE_TIMESTAMP_LTZ) { store<u8>(p, 0x5a); p += 1 }
  return p
}

// @ts-ignore: decorator
@inline function base64Digit(value: u32): u8 {
  return <u8>(value < 26 ? 0x41 + value : value < 52 ? 0x61 - 26 + value : value < 62 ? 0x30 - 52 + value : value == 62 ? 0x2b : 0x2f)
}

/** Writes bytes as base64 with padding: four characters for each three bytes begun. */
export function writeBase64(p: usize, from: usize, length: usize): usize {
  const end = from + length
  for (; from + 3 <= end; from += 3) {
    const bits = (<u32>load<u8>(from) << 16) | (<u32>load<u8>(from, 1) << 8) | <u32>load<u8>(from, 2)
    store<u8>(p, base64Digit(bits >> 18))
    store<u8>(p, base64Digit((bits >> 12) & 63), 1)
    store<u8>(p, base64Digit((bits >> 6) & 63), 2)
    store<u8>(p, base64Digit(bits & 63), 3)
    p += 4
  }
  if (from == end) return p
  const two = end - from == 2
  const bits = (<u32>load<u8>(from) << 16) | (two ? <u32>load<u8>(from, 1) << 8 : 0)
  store<u8>(p, base64Digit(bits >> 18))
  store<u8>(p, base64Digit((bits >> 12) & 63), 1)
  store<u8>(p, two ? base64Digit((bits >> 6) & 63) : 0x3d, 2)
  store<u8>(p, 0x3d, 3)
  return p + 4
}
