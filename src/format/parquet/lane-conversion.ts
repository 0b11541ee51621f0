// From the values of a Parquet page to the values of a column, as "lanes": the 32-bit words of fixed-width values side by side in an
// Int32Array. One converter is chosen per column and file; it runs once over a dictionary, or over the plain values of a page.
// Invariant: a value that does not fit is reported and leaves zero in its lanes, it is never wrapped or rounded.

import type { SchemaElement } from 'hyparquet'
import { Decimal, formatType, type LogicalType } from '../../batch/types.ts'
import { rawWordsOf, type RawValues } from './page-values.ts'
import { meaningOf } from './parquet-types.ts'

/** Receives the index of a value that does not fit and why. */
export type BadValue = (index: number, reason: string) => void

/** Converts the raw values `from..from + count` into lanes from 0 on. */
export type LaneConverter = (raw: RawValues, from: number, count: number, lanes: Int32Array, bad: BadValue) => void

/** A converter and what it makes. */
export interface LaneConversion {
  /** Words per value in the raw input; 0 for byte strings. */
  readonly rawWords: number
  /** Words per value in the result. */
  readonly laneWords: number
  /** The result is the input: pages may be copied without a look. */
  readonly isIdentity: boolean
  readonly convert: LaneConverter
}

const TWO_32 = 4294967296
const SAFE = Number.MAX_SAFE_INTEGER
const INT_LIMITS: Partial<Record<LogicalType['kind'], number>> = { TINYINT: 2 ** 7, SMALLINT: 2 ** 15, INT: 2 ** 31 }
const JULIAN_EPOCH_DAY = 2_440_588n
const NANOS_PER_DAY = 86_400_000_000_000n

/** The conversion of a leaf to a fixed-width type; the pair has passed `mismatch`. */
export function laneConversion(element: SchemaElement, type: LogicalType): LaneConversion {
  const rawWords = rawWordsOf(element)
  const meaning = meaningOf(element)
  const identity = (laneWords: number): LaneConversion => ({ rawWords, laneWords, isIdentity: true, convert: copyLanes(laneWords) })
  const made = (laneWords: number, convert: LaneConverter): LaneConversion => ({ rawWords, laneWords, isIdentity: false, convert })

  switch (meaning.kind) {
    case 'boolean':
    case 'date':
      return identity(1)
    case 'float':
      return type.kind === 'FLOAT' ? identity(1) : made(2, floatToDouble)
    case 'double':
      return identity(2)
    case 'float16':
      return type.kind === 'FLOAT' ? made(1, halfToFloat) : made(2, halfToDouble)
    case 'integer': {
      const { signed } = meaning
      const limit = INT_LIMITS[type.kind]
      if (limit !== undefined) return rawWords === 1 && signed && type.kind === 'INT' ? identity(1) : made(1, toInt32(rawWords, signed, limit, type))
      if (type.kind === 'BIGINT') {
        if (rawWords === 1) return made(2, widen(signed))
        return signed && !type.safeInteger ? identity(2) : made(2, checkInt64(signed, type))
      }
      if (type.kind === 'DOUBLE') return made(2, toDouble(rawWords, signed))
      return decimalConversion(rawWords, type, 0, (raw, index) => bigOf(raw, index, rawWords, signed))
    }
    case 'decimal': {
      const isSame = type.kind === 'DECIMAL' && type.scale === meaning.scale && type.precision >= meaning.precision && type.precision <= 18
      if (isSame && rawWords === 2) return identity(2)
      if (isSame && rawWords === 1) return made(2, widen(true))
      return decimalConversion(rawWords, type, meaning.scale, (raw, index) => (rawWords === 0 ? bigEndian(raw, index) : bigOf(raw, index, rawWords, true)))
    }
    case 'time':
      return rawWords === 1 ? made(1, timeFromMillis) : made(1, timeFromUnits(1e6 / meaning.unitNanos))
    case 'timestamp':
      return timestampConversion(rawWords, meaning.unitNanos, type)
    default:
      throw new RangeError('byte strings have no lanes')
  }
}

function copyLanes(width: number): LaneConverter {
  return (raw, from, count, lanes) => lanes.set(raw.words.subarray(from * width, (from + count) * width))
}

function floatToDouble(raw: RawValues, from: number, count: number, lanes: Int32Array): void {
  const floats = new Float32Array(raw.words.buffer, raw.words.byteOffset, raw.words.length)
  const doubles = new Float64Array(lanes.buffer, lanes.byteOffset, count)
  for (let index = 0; index < count; index++) doubles[index] = floats[from + index]!
}

function halfAt(raw: RawValues, index: number): number {
  const at = raw.starts[index]
  const half = raw.bytes[at] | (raw.bytes[at + 1] << 8)
  const sign = half >>> 15 === 0 ? 1 : -1
  const exponent = (half >>> 10) & 0x1f
  const fraction = half & 0x3ff
  if (exponent === 0) return sign * 2 ** -14 * (fraction / 1024)
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN
  return sign * 2 ** (exponent - 15) * (1 + fraction / 1024)
}

function halfToFloat(raw: RawValues, from: number, count: number, lanes: Int32Array): void {
  const floats = new Float32Array(lanes.buffer, lanes.byteOffset, count)
  for (let index = 0; index < count; index++) floats[index] = halfAt(raw, from + index)
}

function halfToDouble(raw: RawValues, from: number, count: number, lanes: Int32Array): void {
  const doubles = new Float64Array(lanes.buffer, lanes.byteOffset, count)
  for (let index = 0; index < count; index++) doubles[index] = halfAt(raw, from + index)
}

/** The integer at `index` as a double: exact within ±2^53, otherwise only its size is right. */
function numberOf(raw: RawValues, index: number, rawWords: number, signed: boolean): number {
  const { words } = raw
  if (rawWords === 1) return signed ? words[index] : words[index] >>> 0
  const high = words[index * 2 + 1]
  return (signed ? high : high >>> 0) * TWO_32 + (words[index * 2] >>> 0)
}

function bigOf(raw: RawValues, index: number, rawWords: number, signed: boolean): bigint {
  const { words } = raw
  if (rawWords === 1) return BigInt(signed ? words[index] : words[index] >>> 0)
  const high = words[index * 2 + 1]
  return (BigInt(signed ? high : high >>> 0) << 32n) | BigInt(words[index * 2] >>> 0)
}

function bigEndian(raw: RawValues, index: number): bigint {
  const start = raw.starts[index]
  const end = raw.ends[index]
  let value = 0n
  for (let at = start; at < end; at++) value = (value << 8n) | BigInt(raw.bytes[at])
  return end > start ? BigInt.asIntN((end - start) * 8, value) : 0n
}

function toInt32(rawWords: number, signed: boolean, limit: number, type: LogicalType): LaneConverter {
  return (raw, from, count, lanes, bad) => {
    for (let index = 0; index < count; index++) {
      const value = numberOf(raw, from + index, rawWords, signed)
      const fits = value >= -limit && value < limit
      lanes[index] = fits ? value : 0
      if (!fits) bad(index, `expected a value in ${-limit}..${limit - 1} for ${formatType(type)}, found ${bigOf(raw, from + index, rawWords, signed)}`)
    }
  }
}

function widen(signed: boolean): LaneConverter {
  return (raw, from, count, lanes) => {
    for (let index = 0; index < count; index++) {
      const value = raw.words[from + index]
      lanes[index * 2] = value
      lanes[index * 2 + 1] = signed ? value >> 31 : 0
    }
  }
}

function checkInt64(signed: boolean, type: LogicalType): LaneConverter {
  const isSafe = type.kind === 'BIGINT' && type.safeInteger
  return (raw, from, count, lanes, bad) => {
    for (let index = 0; index < count; index++) {
      const at = (from + index) * 2
      const value = numberOf(raw, from + index, 2, signed)
      const fits = isSafe ? value >= -SAFE && value <= SAFE : raw.words[at + 1] >= 0
      lanes[index * 2] = fits ? raw.words[at] : 0
      lanes[index * 2 + 1] = fits ? raw.words[at + 1] : 0
      if (!fits) bad(index, `expected an integer within ${isSafe ? '±(2^53 - 1)' : '64 bits with a sign'}, found ${bigOf(raw, from + index, 2, signed)}`)
    }
  }
}

function toDouble(rawWords: number, signed: boolean): LaneConverter {
  return (raw, from, count, lanes, bad) => {
    const doubles = new Float64Array(lanes.buffer, lanes.byteOffset, count)
    for (let index = 0; index < count; index++) {
      const value = numberOf(raw, from + index, rawWords, signed)
      const fits = value >= -SAFE && value <= SAFE
      doubles[index] = fits ? value : 0
      if (!fits) bad(index, `expected an integer that a double holds exactly, found ${bigOf(raw, from + index, rawWords, signed)}`)
    }
  }
}

function decimalConversion(rawWords: number, type: LogicalType, fileScale: number, read: (raw: RawValues, index: number) => bigint): LaneConversion {
  const { precision, scale } = type.kind === 'DECIMAL' ? type : { precision: 0, scale: 0 }
  const laneWords = precision <= 18 ? 2 : 4
  const limit = 10n ** BigInt(precision)
  const factor = 10n ** BigInt(Math.abs(scale - fileScale))
  const convert: LaneConverter = (raw, from, count, lanes, bad) => {
    for (let index = 0; index < count; index++) {
      const value = read(raw, from + index)
      const isExact = scale >= fileScale || value % factor === 0n
      let unscaled = scale >= fileScale ? value * factor : value / factor
      if (!isExact || unscaled >= limit || unscaled <= -limit) {
        bad(index, `expected a ${formatType(type)}, found ${new Decimal(value, fileScale).toString()}`)
        unscaled = 0n
      }
      for (let word = 0; word < laneWords; word++) lanes[index * laneWords + word] = Number(BigInt.asIntN(32, unscaled >> BigInt(word * 32)))
    }
  }
  return { rawWords, laneWords, isIdentity: false, convert }
}

function timeFromMillis(raw: RawValues, from: number, count: number, lanes: Int32Array, bad: BadValue): void {
  for (let index = 0; index < count; index++) {
    const value = raw.words[from + index]
    const fits = value >= 0 && value < 86_400_000
    lanes[index] = fits ? value : 0
    if (!fits) bad(index, `expected a time of the day, found ${value} ms`)
  }
}

function timeFromUnits(unitsPerMs: number): LaneConverter {
  return (raw, from, count, lanes, bad) => {
    for (let index = 0; index < count; index++) {
      const value = numberOf(raw, from + index, 2, true)
      const ms = Math.floor(value / unitsPerMs)
      const fits = ms >= 0 && ms < 86_400_000 && ms * unitsPerMs === value
      lanes[index] = fits ? ms : 0
      if (!fits) bad(index, `expected a time of the day in whole milliseconds, found ${value} units of ${1e6 / unitsPerMs} ns`)
    }
  }
}

function timestampConversion(rawWords: number, unitNanos: number, type: LogicalType): LaneConversion {
  const precision = type.kind === 'TIMESTAMP' || type.kind === 'TIMESTAMP_LTZ' ? type.precision : 3
  const storedNanos = precision <= 3 ? 1e6 : precision <= 6 ? 1e3 : 1
  /** The declared precision in nanoseconds: finer digits than these make a bad record. */
  const grainNanos = 10 ** (9 - precision)
  const laneWords = precision <= 6 ? 2 : 3
  if (rawWords === 2 && precision <= 6 && unitNanos === storedNanos && grainNanos === storedNanos)
    return { rawWords, laneWords, isIdentity: true, convert: copyLanes(2) }

  const reason = (nanos: bigint): string =>
    `expected a timestamp with at most ${precision} digits of the second that fits 64 bits, found ${nanos} ns since 1970`
  const exactly: LaneConverter = (raw, from, count, lanes, bad) => {
    for (let index = 0; index < count; index++) {
      const nanos = rawWords === 3 ? int96Nanos(raw.words, from + index) : bigOf(raw, from + index, 2, true) * BigInt(unitNanos)
      const wholeMs = floorDivide(nanos, 1_000_000n)
      let stored = precision <= 6 ? floorDivide(nanos, BigInt(storedNanos)) : wholeMs
      let rest = precision <= 6 ? 0 : Number(nanos - wholeMs * 1_000_000n)
      if (nanos % BigInt(grainNanos) !== 0n || BigInt.asIntN(64, stored) !== stored) {
        bad(index, reason(nanos))
        stored = 0n
        rest = 0
      }
      lanes[index * laneWords] = Number(BigInt.asIntN(32, stored))
      lanes[index * laneWords + 1] = Number(BigInt.asIntN(32, stored >> 32n))
      if (laneWords === 3) lanes[index * 3 + 2] = rest
    }
  }
  if (rawWords !== 2 || precision > 3 || unitNanos > 1e6) return { rawWords, laneWords, isIdentity: false, convert: exactly }

  // To milliseconds through doubles: exact within ±2^53 units, which is most of what exists.
  const unitsPerMs = 1e6 / unitNanos
  const unitsPerGrain = grainNanos / unitNanos
  const convert: LaneConverter = (raw, from, count, lanes, bad) => {
    for (let index = 0; index < count; index++) {
      const value = numberOf(raw, from + index, 2, true)
      const ms = Math.floor(value / unitsPerMs)
      if (value > SAFE || value < -SAFE || Math.floor(value / unitsPerGrain) * unitsPerGrain !== value) {
        exactly(raw, from + index, 1, lanes.subarray(index * 2), (_, why) => bad(index, why))
        continue
      }
      const high = Math.floor(ms / TWO_32)
      lanes[index * 2] = ms - high * TWO_32
      lanes[index * 2 + 1] = high
    }
  }
  return { rawWords, laneWords, isIdentity: false, convert }
}

/** INT96, the timestamp of old Impala and Spark files: nanoseconds of the day, then the Julian day. */
function int96Nanos(words: Int32Array, index: number): bigint {
  const nanosOfDay = (BigInt(words[index * 3 + 1] >>> 0) << 32n) | BigInt(words[index * 3] >>> 0)
  return (BigInt(words[index * 3 + 2]) - JULIAN_EPOCH_DAY) * NANOS_PER_DAY + nanosOfDay
}

function floorDivide(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor
  return value < 0n && quotient * divisor !== value ? quotient - 1n : quotient
}
