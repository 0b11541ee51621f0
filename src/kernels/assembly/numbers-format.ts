// Writing numbers as text: integers by SWAR, DECIMAL exactly, doubles and floats as the shortest digits that read back (Schubfach, after
// R. Giulietti), laid out as JavaScript prints them. Each writer returns the position behind its text and may write 32 bytes past it.

import { POWERS_U64, multiplyHigh } from './numbers'
import { POWERS, POWER_MIN } from './numbers-powers'

/** Eight digits as bytes 0..9, the first in the lowest byte. */
// @ts-ignore: decorator
@inline function spreadDigits(value: u32): u64 {
  const high = value / 10000
  const merged = <u64>high | (<u64>(value - high * 10000) << 32)
  const top = ((merged * 10486) >> 20) & 0x0000007f0000007f
  const hundreds = ((merged - 100 * top) << 16) + top
  const tens = ((hundreds * 103) >> 10) & 0x000f000f000f000f
  return ((hundreds - 10 * tens) << 8) + tens
}

/** Writes exactly eight digits. */
// @ts-ignore: decorator
@inline function writeEight(p: usize, value: u32): usize {
  store<u64>(p, spreadDigits(value) | 0x3030303030303030)
  return p + 8
}

/** Writes a value below 10^8. How long it is does not wait for its digits, so that what follows need not wait for them. */
// @ts-ignore: decorator
@inline function writeSmall(p: usize, value: u32): usize {
  const guess = ((32 - clz(value | 1)) * 1233) >> 12
  const length = guess + u32(value >= load<u32>(POWERS_U64 + (<usize>guess << 3))) + u32(value == 0)
  store<u64>(p, (spreadDigits(value) | 0x3030303030303030) >> (64 - (<u64>length << 3)))
  return p + <usize>length
}

/** As {@link writeI64}, for a loop whose values are mostly short. */
// @ts-ignore: decorator
@inline export function writeShortI64(p: usize, value: i64): usize {
  return <u64>value < 100000000 ? writeSmall(p, <u32>value) : writeI64(p, value)
}

export function writeU64(p: usize, value: u64): usize {
  if (value < 100000000) return writeSmall(p, <u32>value)
  const high = value / 100000000
  const low = <u32>(value - high * 100000000)
  if (high < 100000000) return writeEight(writeSmall(p, <u32>high), low)
  const top = high / 100000000
  return writeEight(writeEight(writeSmall(p, <u32>top), <u32>(high - top * 100000000)), low)
}

export function writeI64(p: usize, value: i64): usize {
  if (value >= 0) return writeU64(p, <u64>value)
  store<u8>(p, 0x2d)
  return writeU64(p + 1, 0 - <u64>value)
}

/** Writes the unscaled integer with `scale` digits behind the point. */
export function writeDecimal(p: usize, low: u64, high: i64, scale: u32): usize {
  if (high < 0) {
    store<u8>(p, 0x2d)
    p += 1
    low = ~low + 1
    high = ~high + (low == 0 ? 1 : 0)
  }
  // At most 38 digits: two parts below 10^19.
  let upper: u64 = 0
  let lower: u64 = low
  if (high != 0 || low >= 10000000000000000000) {
    // Long division of 128 bits by 10^19, a bit at a time.
    let rest: u64 = 0
    upper = 0
    let h = <u64>high
    for (let bit = 0; bit < 128; bit++) {
      const carry = rest >> 63
      rest = (rest << 1) | (h >> 63)
      h = (h << 1) | (low >> 63)
      low <<= 1
      upper <<= 1
      if (carry != 0 || rest >= 10000000000000000000) { rest -= 10000000000000000000; upper |= 1 }
    }
    lower = rest
  }
  const start = p
  if (upper != 0) {
    p = writeU64(p, upper)
    const top = lower / 10000000000000000
    const middle = lower - top * 10000000000000000
    const high8 = middle / 100000000
    // Three, eight and eight digits.
    store<u8>(p, <u8>(0x30 + top / 100))
    store<u8>(p, <u8>(0x30 + (top / 10) % 10), 1)
    store<u8>(p, <u8>(0x30 + top % 10), 2)
    p = writeEight(writeEight(p + 3, <u32>high8), <u32>(middle - high8 * 100000000))
  } else p = writeU64(p, lower)
  if (scale == 0) return p
  let digits = <u32>(p - start)
  if (digits <= scale) {
    // 0.00123
    const zeros = scale + 1 - digits
    memory.copy(start + <usize>zeros, start, digits)
    memory.fill(start, 0x30, zeros)
    p += <usize>zeros
    digits += zeros
  }
  const point = start + <usize>(digits - scale)
  memory.copy(point + 1, point, scale)
  store<u8>(point, 0x2e)
  return p + 1
}

// What shortest* found: value = shortDigits * 10^shortExponent.
let shortDigits: u64 = 0
let shortExponent: i32 = 0

// @ts-ignore: decorator
@inline function roundToOdd(high: u64, low: u64, factor: u64): u64 {
  const x = multiplyHigh(low, factor)
  const y = high * factor
  const sum = y + x
  return (multiplyHigh(high, factor) + (sum < y ? 1 : 0)) | (sum > 1 ? 1 : 0)
}

/** The shortest digits of c * 2^q between its neighbours' midpoints. */
function shortest(c: u64, q: i32, lowerIsCloser: bool): void {
  const odd: u64 = c & 1
  const closer: u64 = lowerIsCloser ? 1 : 0
  const k = (q * 1262611 - (lowerIsCloser ? 524031 : 0)) >> 22
  const h = <u64>(q + ((-k * 1741647) >> 19) + 1)
  const power = POWERS + (<usize>(-k - POWER_MIN) << 4)
  let high = load<u64>(power), low = load<u64>(power, 8)
  // The table rounds down; here the power must not be below the true one.
  if (k > 0 || k < -55) { low += 1; if (low == 0) high += 1 }
  const lower = roundToOdd(high, low, (4 * c - 2 + closer) << h) + odd
  const middle = roundToOdd(high, low, (4 * c) << h)
  const upper = roundToOdd(high, low, (4 * c + 2) << h) - odd
  const s = middle >> 2
  if (s >= 10) {
    const tenth = s / 10
    const below = lower <= 40 * tenth, above = 40 * tenth + 40 <= upper
    if (below != above) { shortDigits = tenth + (above ? 1 : 0); shortExponent = k + 1; return }
  }
  const below = lower <= 4 * s, above = 4 * s + 4 <= upper
  if (below != above) shortDigits = s + (above ? 1 : 0)
  else {
    const half = 4 * s + 2
    shortDigits = s + (middle > half || (middle == half && (s & 1) != 0) ? 1 : 0)
  }
  shortExponent = k
}

/** Writes a finite double as JavaScript prints it, but for -0, which keeps its sign. */
export function writeDouble(p: usize, value: f64): usize {
  const bits = reinterpret<u64>(value)
  if (bits >> 63 != 0) { store<u8>(p, 0x2d); p += 1 }
  const magnitude = abs(value)
  if (magnitude < 9007199254740992) {
    const whole = <u64>magnitude
    if (<f64>whole == magnitude) return writeU64(p, whole)
  }
  const fraction = bits & 0x000fffffffffffff
  const field = <i32>(bits >> 52) & 0x7ff
  shortest(field == 0 ? fraction : fraction | 0x0010000000000000, (field == 0 ? 1 : field) - 1075, fraction == 0 && field > 1)
  return writeShortest(p)
}

/** Writes a finite float: the shortest digits that read back as the same float. */
export function writeFloat(p: usize, value: f32): usize {
  const bits = reinterpret<u32>(value)
  if (bits >> 31 != 0) { store<u8>(p, 0x2d); p += 1 }
  const magnitude = abs(value)
  if (magnitude < 16777216) {
    const whole = <u64>magnitude
    if (<f32>whole == magnitude) return writeU64(p, whole)
  }
  const fraction = bits & 0x007fffff
  const field = <i32>(bits >> 23) & 0xff
  shortest(<u64>(field == 0 ? fraction : fraction | 0x00800000), (field == 0 ? 1 : field) - 150, fraction == 0 && field > 1)
  return writeShortest(p)
}

function writeShortest(p: usize): usize {
  let digits = shortDigits
  let exponent = shortExponent
  while (digits % 10 == 0) { digits /= 10; exponent += 1 }
  const start = p
  p = writeU64(p, digits)
  const count = <i32>(p - start)
  // The point stands behind `point` digits.
  const point = count + exponent
  if (exponent >= 0 && point <= 21) {
    memory.fill(p, 0x30, exponent)
    return p + <usize>exponent
  }
  if (point > 0 && point <= 21) {
    memory.copy(start + <usize>point + 1, start + <usize>point, count - point)
    store<u8>(start + <usize>point, 0x2e)
    return p + 1
  }
  if (point > -6 && point <= 0) {
    const zeros = 2 - point
    memory.copy(start + <usize>zeros, start, count)
    memory.fill(start, 0x30, zeros)
    store<u8>(start, 0x2e, 1)
    return p + <usize>zeros
  }
  if (count > 1) {
    memory.copy(start + 2, start + 1, count - 1)
    store<u8>(start, 0x2e, 1)
    p += 1
  }
  store<u8>(p, 0x65)
  const power = point - 1
  store<u8>(p, power < 0 ? 0x2d : 0x2b, 1)
  return writeU64(p + 2, <u64>abs(power))
}
