// Reading numbers from text: the JSON and the Java grammar, exact integers, DECIMAL to 38 digits, correctly rounded doubles (Clinger, then
// Eisel-Lemire, then big integers). Results beside the returned position lie in globals that are good until the next call of the same function.

import { POWERS, POWER_MAX, POWER_MIN } from './numbers-powers'

// What scanNumber found. value = mantissa * 10^exponent, exactly unless `numTruncated`.
let numNegative: bool = false
let numMantissa: u64 = 0
let numExponent: i32 = 0
let numTruncated: bool = false
/** Neither point nor exponent was written. */
let numPlain: bool = false
/** The digits as written (a point may lie among them), and the exponent as written. */
let numDigitsStart: usize = 0
let numDigitsEnd: usize = 0
let numWrittenExponent: i32 = 0

// The result of toDecimal: two's complement.
let decimalLow: u64 = 0
let decimalHigh: i64 = 0

export const GRAMMAR_JSON: u32 = 0
/** As Java reads numbers: a plus sign, leading zeros, a bare point. */
export const GRAMMAR_TEXT: u32 = 1

const EXPONENT_LIMIT: i64 = 1_000_000
/** Powers of ten that a double holds exactly. */
export const EXACT_POWERS: usize = memory.data<f64>([1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22], 16)
export const POWERS_U64: usize = memory.data<u64>([
  1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000, 100000000000, 1000000000000, 10000000000000, 100000000000000,
  1000000000000000, 10000000000000000, 100000000000000000, 1000000000000000000, 10000000000000000000,
], 16)

// @ts-ignore: decorator
@inline export function numberIsNegative(): bool { return numNegative }
// @ts-ignore: decorator
@inline export function numberIsPlain(): bool { return numPlain }
// @ts-ignore: decorator
@inline export function numberIsExactInteger(): bool { return numExponent == 0 && !numTruncated || numMantissa == 0 }
// @ts-ignore: decorator
@inline export function numberMantissa(): u64 { return numMantissa }
// @ts-ignore: decorator
@inline export function decimalLowWord(): u64 { return decimalLow }
// @ts-ignore: decorator
@inline export function decimalHighWord(): i64 { return decimalHigh }

/** The high 64 bits of the product. */
export function multiplyHigh(a: u64, b: u64): u64 {
  const aLow = a & 0xffffffff, aHigh = a >> 32, bLow = b & 0xffffffff, bHigh = b >> 32
  const low = aLow * bLow
  const middle = aHigh * bLow + (low >> 32)
  const cross = aLow * bHigh + (middle & 0xffffffff)
  return aHigh * bHigh + (middle >> 32) + (cross >> 32)
}

/** Eight digits, the first in the lowest byte, as a number. The bytes may hold digits (0..9) or their characters. */
// @ts-ignore: decorator
@inline export function eightDigits(word: u64): u64 {
  word &= 0x0f0f0f0f0f0f0f0f
  word = (word * 2561) >> 8
  word = ((word & 0x00ff00ff00ff00ff) * 6553601) >> 16
  return ((word & 0x0000ffff0000ffff) * 42949672960001) >> 32
}

/** Number of digits at `p`, up to 16. */
// @ts-ignore: decorator
@inline export function digitsAt(p: usize): u32 {
  // Digits become the least of the signed bytes.
  return <u32>ctz(i8x16.bitmask(i8x16.gt_s(i8x16.add(v128.load(p), i8x16.splat(0x50)), i8x16.splat(-119))) | 0x10000)
}

// @ts-ignore: decorator
@inline function isDigit(character: u32): bool { return character - 0x30 <= 9 }

/**
 * Reads a number at `p`, at most up to `end` (readable beyond: the scan stops at the first byte that no number has). Returns the position
 * behind it, 0 if there is none. Sets the num* results.
 */
export function scanNumber(p: usize, end: usize, grammar: u32): usize {
  let negative = false
  if (p < end) {
    const sign = load<u8>(p)
    if (sign == 0x2d) { negative = true; p += 1 } else if (sign == 0x2b && grammar == GRAMMAR_TEXT) p += 1
  }
  const digitsStart = p
  let mantissa: u64 = 0
  let kept = 0
  let dropped: i32 = 0
  let truncated = false
  while (p < end && isDigit(load<u8>(p))) {
    const digit = <u64>load<u8>(p) - 0x30
    if (kept < 19) { mantissa = mantissa * 10 + digit; if (mantissa != 0) kept += 1 } else { dropped += 1; truncated = truncated || digit != 0 }
    p += 1
  }
  const integerDigits = p - digitsStart
  if (grammar == GRAMMAR_JSON && (integerDigits == 0 || (integerDigits > 1 && load<u8>(digitsStart) == 0x30))) return 0
  let fractionDigits: usize = 0
  let fractionKept: i32 = 0
  let plain = true
  if (p < end && load<u8>(p) == 0x2e) {
    plain = false
    p += 1
    const fractionStart = p
    while (p < end && isDigit(load<u8>(p))) {
      const digit = <u64>load<u8>(p) - 0x30
      if (kept < 19) { mantissa = mantissa * 10 + digit; fractionKept += 1; if (mantissa != 0) kept += 1 } else truncated = truncated || digit != 0
      p += 1
    }
    fractionDigits = p - fractionStart
    if (grammar == GRAMMAR_JSON && fractionDigits == 0) return 0
  }
  if (integerDigits + fractionDigits == 0) return 0
  numDigitsEnd = p
  let written: i64 = 0
  if (p < end && (load<u8>(p) | 0x20) == 0x65) {
    plain = false
    p += 1
    let down = false
    if (p < end) { const sign = load<u8>(p); if (sign == 0x2d) { down = true; p += 1 } else if (sign == 0x2b) p += 1 }
    const exponentStart = p
    while (p < end && isDigit(load<u8>(p))) {
      if (written < EXPONENT_LIMIT) written = written * 10 + <i64>load<u8>(p) - 0x30
      p += 1
    }
    if (p == exponentStart) return 0
    if (down) written = -written
  }
  numNegative = negative
  numMantissa = mantissa
  numExponent = <i32>max<i64>(-2 * EXPONENT_LIMIT, min<i64>(2 * EXPONENT_LIMIT, written + dropped - fractionKept))
  numTruncated = truncated
  numPlain = plain
  numDigitsStart = digitsStart
  numWrittenExponent = <i32>max<i64>(-EXPONENT_LIMIT, min<i64>(EXPONENT_LIMIT, written))
  return p
}

/** The scanned number as a double, correctly rounded; an infinity if it is too large. */
export function toDouble(): f64 {
  const magnitude = magnitudeToDouble()
  return numNegative ? -magnitude : magnitude
}

/** The scanned number as a float, rounded once: where the nearest double lies in the middle of two floats, the digits decide. */
export function toFloat(): f32 {
  const magnitude = magnitudeToDouble()
  const near = <f32>magnitude
  let bits = reinterpret<u64>(magnitude)
  if (<f64>near != magnitude && magnitude != Infinity) {
    const other = magnitude + (magnitude - <f64>near)
    if (<f64><f32>other == other) bits += <u64><i64>compareWithDouble(bits, 0)
  }
  const value = <f32>reinterpret<f64>(bits)
  return numNegative ? -value : value
}

function magnitudeToDouble(): f64 {
  const mantissa = numMantissa
  const exponent = numExponent
  if (mantissa == 0) return 0
  if (!numTruncated && mantissa <= 9007199254740992 && exponent >= -22 && exponent <= 22) {
    const power = load<f64>(EXACT_POWERS + (<usize>abs(exponent) << 3))
    // Signed: the processor has no other conversion.
    return exponent < 0 ? <f64><i64>mantissa / power : <f64><i64>mantissa * power
  }
  // Nineteen digits or fewer: below 1e-342 * 1e19 lies half the smallest double.
  if (exponent < POWER_MIN) return 0
  if (exponent > 308) return Infinity
  const low = eiselLemire(mantissa, exponent)
  if (low >= 0 && (!numTruncated || eiselLemire(mantissa + 1, exponent) == low)) return reinterpret<f64>(low)
  return bigToDouble()
}

/** The bits of the nearest double, or -1 if 128 bits of the power do not settle it (or it is subnormal or infinite). */
function eiselLemire(mantissa: u64, exponent: i32): i64 {
  const zeros = <i32>clz(mantissa)
  mantissa <<= <u64>zeros
  const power = POWERS + (<usize>(exponent - POWER_MIN) << 4)
  const powerHigh = load<u64>(power)
  let binary = ((217706 * exponent) >> 16) + 64 + 1023 - zeros
  let high = multiplyHigh(mantissa, powerHigh)
  let low = mantissa * powerHigh
  if ((high & 0x1ff) == 0x1ff && low + mantissa < mantissa) {
    const powerLow = load<u64>(power, 8)
    const nextHigh = multiplyHigh(mantissa, powerLow)
    const nextLow = mantissa * powerLow
    const merged = low + nextHigh
    const mergedHigh = merged < low ? high + 1 : high
    if ((mergedHigh & 0x1ff) == 0x1ff && merged + 1 == 0 && nextLow + mantissa < mantissa) return -1
    high = mergedHigh
    low = merged
  }
  const top = <i32>(high >> 63)
  let bits = high >> (<u64>top + 9)
  binary -= 1 ^ top
  if (low == 0 && (high & 0x1ff) == 0 && (bits & 3) == 1) return -1
  bits += bits & 1
  bits >>= 1
  if (bits >> 53 > 0) { bits >>= 1; binary += 1 }
  if (binary < 1 || binary >= 0x7ff) return -1
  return <i64>((<u64>binary << 52) | (bits & 0x000fffffffffffff))
}

// Big integers for the rare rest: count of limbs, then limbs of 32 bits, least significant first.
const BIG_LIMBS: u32 = 420
const BIG_A: usize = memory.data(1696, 16)
const BIG_B: usize = memory.data(1696, 16)
const BIG_DIGITS_MAX: i32 = 800

function bigSet(big: usize, value: u64): void {
  store<u32>(big, value == 0 ? 0 : value >> 32 == 0 ? 1 : 2)
  store<u64>(big, value, 4)
}

function bigMultiplyAdd(big: usize, factor: u32, addend: u32): void {
  const count = load<u32>(big)
  let carry: u64 = addend
  let at = big + 4
  for (let limb: u32 = 0; limb < count; limb++, at += 4) {
    carry += <u64>load<u32>(at) * <u64>factor
    store<u32>(at, <u32>carry)
    carry >>= 32
  }
  if (carry != 0) { assert(count < BIG_LIMBS); store<u32>(at, <u32>carry); store<u32>(big, count + 1) }
}

function bigMultiplyPowerOfFive(big: usize, power: i32): void {
  for (; power >= 13; power -= 13) bigMultiplyAdd(big, 1220703125, 0)
  for (; power > 0; power -= 1) bigMultiplyAdd(big, 5, 0)
}

function bigShiftLeft(big: usize, bits: i32): void {
  for (; bits >= 31; bits -= 31) bigMultiplyAdd(big, 0x80000000, 0)
  if (bits > 0) bigMultiplyAdd(big, <u32>1 << <u32>bits, 0)
}

function bigCompare(a: usize, b: usize): i32 {
  const countA = load<u32>(a), countB = load<u32>(b)
  if (countA != countB) return countA > countB ? 1 : -1
  for (let limb = <i32>countA; limb > 0; limb--) {
    const wordA = load<u32>(a + (<usize>limb << 2)), wordB = load<u32>(b + (<usize>limb << 2))
    if (wordA != wordB) return wordA > wordB ? 1 : -1
  }
  return 0
}

/** Compares the scanned magnitude with the midpoint above the double of these bits. */
function compareWithMidpoint(bits: u64): i32 { return compareWithDouble(bits, 1) }

/** Compares the scanned magnitude with the double of these bits, and halves of its last place above. */
function compareWithDouble(bits: u64, halves: u64): i32 {
  const field = <i32>(bits >> 52)
  const mantissa = (bits & 0x000fffffffffffff) | (field == 0 ? 0 : 0x0010000000000000)
  const binary = (field == 0 ? 1 : field) - 1075
  bigSet(BIG_A, 0)
  let digits = 0
  let exponent = numWrittenExponent
  let sticky = false
  let fraction = false
  for (let p = numDigitsStart; p < numDigitsEnd; p++) {
    const character = <u32>load<u8>(p)
    if (character == 0x2e) { fraction = true; continue }
    const digit = character - 0x30
    if (digits < BIG_DIGITS_MAX) {
      bigMultiplyAdd(BIG_A, 10, digit)
      if (load<u32>(BIG_A) == 0 && digit != 0) bigSet(BIG_A, digit)
      if (load<u32>(BIG_A) != 0) digits += 1
      if (fraction) exponent -= 1
    } else {
      sticky = sticky || digit != 0
      if (!fraction) exponent += 1
    }
  }
  bigSet(BIG_B, (mantissa << 1) + halves)
  let shift = binary - 1 - exponent
  if (exponent >= 0) bigMultiplyPowerOfFive(BIG_A, exponent)
  else bigMultiplyPowerOfFive(BIG_B, -exponent)
  if (shift >= 0) bigShiftLeft(BIG_B, shift)
  else bigShiftLeft(BIG_A, -shift)
  const order = bigCompare(BIG_A, BIG_B)
  return order == 0 && sticky ? 1 : order
}

function bigToDouble(): f64 {
  // A guess good to a few units in the last place, then a walk by exact comparisons.
  let guess = <f64>numMantissa
  let exponent = numExponent
  for (; exponent >= 22; exponent -= 22) guess *= 1e22
  if (exponent > 0) guess *= load<f64>(EXACT_POWERS + (<usize>exponent << 3))
  // Downwards in two steps at the end, so that a subnormal loses no more than it must.
  for (; exponent <= -22; exponent += 22) guess /= 1e22
  if (exponent < 0) guess /= load<f64>(EXACT_POWERS + (<usize>(-exponent) << 3))
  let bits = reinterpret<u64>(guess)
  if (bits >= 0x7ff0000000000000) bits = 0x7fefffffffffffff
  while (true) {
    const order = compareWithMidpoint(bits)
    if (order > 0 || (order == 0 && (bits & 1) != 0)) {
      bits += 1
      if (bits >= 0x7ff0000000000000) return Infinity
      continue
    }
    if (bits == 0) return 0
    const below = compareWithMidpoint(bits - 1)
    if (below > 0 || (below == 0 && (bits & 1) == 0)) return reinterpret<f64>(bits)
    bits -= 1
  }
}

export const DECIMAL_OK: u32 = 0
export const DECIMAL_OVERFLOW: u32 = 1
/** Digits behind the scale would be lost (only when rounding is not allowed). */
export const DECIMAL_INEXACT: u32 = 2

/** The scanned number as an unscaled integer of the given scale, rounded half up where `round` allows it. Sets the decimal* results. */
export function toDecimal(precision: u32, scale: u32, round: bool): u32 {
  const shift = <i64>numExponent + scale
  let low: u64 = 0
  let high: u64 = 0
  if (!numTruncated && numMantissa < 1000000000000000000 && shift >= -18 && shift <= 0) {
    // At most 18 digits: one division at most.
    const power = load<u64>(POWERS_U64 + (<usize>(-shift) << 3))
    low = numMantissa / power
    const rest = numMantissa - low * power
    if (rest != 0) {
      if (!round) return DECIMAL_INEXACT
      if (rest >= power - rest) low += 1
    }
  } else if (!numTruncated && shift > 0 && shift <= 18 && numMantissa < load<u64>(POWERS_U64 + (<usize>(18 - shift) << 3))) {
    low = numMantissa * load<u64>(POWERS_U64 + (<usize>shift << 3))
  } else if (numMantissa != 0) {
    const status = decimalFromDigits(scale, round)
    if (status != DECIMAL_OK) return status
    low = decimalLow
    high = <u64>decimalHigh
  }
  // |value| < 10^precision
  let limitLow: u64 = load<u64>(POWERS_U64 + (<usize>min<u32>(precision, 19) << 3))
  let limitHigh: u64 = 0
  for (let power: u32 = 19; power < precision; power++) {
    limitHigh = limitHigh * 10 + multiplyHigh(limitLow, 10)
    limitLow *= 10
  }
  if (high > limitHigh || (high == limitHigh && low >= limitLow)) return DECIMAL_OVERFLOW
  if (numNegative) {
    low = ~low + 1
    high = ~high + (low == 0 ? 1 : 0)
  }
  decimalLow = low
  decimalHigh = <i64>high
  return DECIMAL_OK
}

function decimalFromDigits(scale: u32, round: bool): u32 {
  // Positions count significant digits from 0; `point` of them stand before the scaled point.
  let significant: i64 = 0
  let integers: i64 = 0
  let fraction = false
  let started = false
  let leadingFractionZeros: i64 = 0
  for (let p = numDigitsStart; p < numDigitsEnd; p++) {
    const character = <u32>load<u8>(p)
    if (character == 0x2e) { fraction = true; continue }
    if (!started && character == 0x30) { if (fraction) leadingFractionZeros += 1; continue }
    started = true
    significant += 1
    if (!fraction) integers += 1
  }
  const point = (integers > 0 ? integers : -leadingFractionZeros) + <i64>numWrittenExponent + scale
  if (point > 38) return DECIMAL_OVERFLOW
  let low: u64 = 0
  let high: u64 = 0
  let position: i64 = 0
  let roundUp = false
  let inexact = false
  started = false
  for (let p = numDigitsStart; p < numDigitsEnd; p++) {
    const character = <u32>load<u8>(p)
    if (character == 0x2e || (!started && character == 0x30)) continue
    started = true
    const digit = <u64>character - 0x30
    if (position < point) {
      high = high * 10 + multiplyHigh(low, 10)
      low *= 10
      low += digit
      if (low < digit) high += 1
    } else {
      if (position == point) roundUp = digit >= 5
      inexact = inexact || digit != 0
    }
    position += 1
  }
  for (; position < point; position++) {
    high = high * 10 + multiplyHigh(low, 10)
    low *= 10
  }
  if (inexact && !round) return DECIMAL_INEXACT
  if (roundUp) {
    low += 1
    if (low == 0) high += 1
  }
  decimalLow = low
  decimalHigh = <i64>high
  return DECIMAL_OK
}
