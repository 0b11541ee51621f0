// Walking over JSON text: white space, strings (checked, skipped, copied), any value (skipped, or copied as text). Positions are addresses; 0
// says that the text is bad, and `badReason`, `badAt` say why. No walk leaves its line: a line feed ends every string, number and blank.

import { GRAMMAR_JSON, scanNumber } from './numbers'
import { BAD_CONTROL_CHARACTER, BAD_INVALID_ESCAPE, BAD_INVALID_UTF8, BAD_LONE_SURROGATE, BAD_SYNTAX, BAD_TOO_DEEP, DEPTH_MAX } from './json-scan-plan'
import { utf8FirstBad, utf8IsValid, utf8Sequence } from './utf8'

let reason: u32 = 0
let at: usize = 0
let node: usize = 0
/** End of the readable lines. */
let limit: usize = 0
/** Strings as Flink takes them: control characters may stand in them, and half of a surrogate pair is read as a question mark. */
let lenient: bool = false
/** The last string walked over had an escape. */
let escaped: bool = false
/** Where the last copy ended. */
let outEnd: usize = 0

// @ts-ignore: decorator
@inline export function badReason(): u32 { return reason }
// @ts-ignore: decorator
@inline export function badAt(): usize { return at }
// @ts-ignore: decorator
@inline export function badNode(): usize { return node }
// @ts-ignore: decorator
@inline export function textLimit(): usize { return limit }
// @ts-ignore: decorator
@inline export function hadEscape(): bool { return escaped }
// @ts-ignore: decorator
@inline export function copyEnd(): usize { return outEnd }

export function beginText(end: usize, isLenient: bool): void {
  limit = end
  lenient = isLenient
  reason = 0
}

export function bad(why: u32, where: usize): usize {
  reason = why
  at = where
  node = 0
  return 0
}

export function badValue(why: u32, where: usize, subject: usize): usize {
  reason = why
  at = where
  node = subject
  return 0
}

// @ts-ignore: decorator
@inline export function skipBlanks(p: usize): usize {
  while (true) {
    const character = load<u8>(p)
    if (character > 0x20 || (character != 0x20 && character != 0x09 && character != 0x0d)) return p
    p += 1
  }
}

/** Quote, backslash, control character or non-ASCII byte in each lane. */
// @ts-ignore: decorator
@inline export function stopsOfString(bytes: v128): v128 {
  return v128.or(
    v128.or(i8x16.eq(bytes, i8x16.splat(0x22)), i8x16.eq(bytes, i8x16.splat(0x5c))),
    i8x16.lt_s(bytes, i8x16.splat(0x20)),
  )
}

/** Quote, backslash or control character; other bytes, ASCII or not, do not stop. */
// @ts-ignore: decorator
@inline function stopsOfText(bytes: v128): v128 {
  return v128.or(
    v128.or(i8x16.eq(bytes, i8x16.splat(0x22)), i8x16.eq(bytes, i8x16.splat(0x5c))),
    i8x16.le_u(bytes, i8x16.splat(0x1f)),
  )
}

/** Walks over a string whose first byte behind the quote is at `p`; checks all of it. Returns the position behind the closing quote. */
export function skipString(p: usize): usize {
  escaped = false
  while (true) {
    const stops = i8x16.bitmask(stopsOfString(v128.load(p)))
    if (stops == 0) { p += 16; continue }
    p += <usize>ctz(stops)
    const character = <u32>load<u8>(p)
    if (character == 0x22) return p + 1
    if (character == 0x5c) {
      escaped = true
      p = checkEscape(p)
      if (p == 0) return 0
    } else if (character >= 0x80) {
      p = skipNonAscii(p)
      if (p == 0) return 0
    } else {
      if (character == 0x0a) return bad(BAD_SYNTAX, p)
      if (!lenient) return bad(BAD_CONTROL_CHARACTER, p)
      p += 1
    }
  }
}

/** Walks from a non-ASCII byte to the next quote, backslash or control character, and checks the bytes between. */
function skipNonAscii(p: usize): usize {
  const start = p
  while (true) {
    const stops = i8x16.bitmask(stopsOfText(v128.load(p)))
    if (stops == 0) { p += 16; continue }
    p += <usize>ctz(stops)
    break
  }
  // Short runs are quicker byte by byte.
  if (p - start < 16 || !utf8IsValid(start, p)) {
    const firstBad = utf8FirstBad(start, p)
    if (firstBad != p) return bad(BAD_INVALID_UTF8, firstBad)
  }
  return p
}

function hexDigits(p: usize): i32 {
  let value: i32 = 0
  for (let digit: usize = 0; digit < 4; digit++) {
    const character = <u32>load<u8>(p + digit)
    if (character - 0x30 < 10) value = (value << 4) | <i32>(character - 0x30)
    else if ((character | 0x20) - 0x61 < 6) value = (value << 4) | <i32>((character | 0x20) - 0x61 + 10)
    else return -1
  }
  return value
}

function loneSurrogate(p: usize): usize {
  if (!lenient) return bad(BAD_LONE_SURROGATE, p)
  codePoint = 0x3f
  return p + 6
}

/** Checks the escape whose backslash is at `p`. Returns the position behind it; sets `codePoint`. */
let codePoint: u32 = 0
function checkEscape(p: usize): usize {
  const character = <u32>load<u8>(p, 1)
  switch (character) {
    case 0x22: case 0x5c: case 0x2f: codePoint = character; return p + 2
    case 0x62: codePoint = 8; return p + 2
    case 0x66: codePoint = 12; return p + 2
    case 0x6e: codePoint = 10; return p + 2
    case 0x72: codePoint = 13; return p + 2
    case 0x74: codePoint = 9; return p + 2
    case 0x75: {
      const unit = hexDigits(p + 2)
      if (unit < 0) return bad(BAD_INVALID_ESCAPE, p)
      if ((unit & 0xf800) != 0xd800) { codePoint = unit; return p + 6 }
      if (unit >= 0xdc00 || load<u8>(p, 6) != 0x5c || load<u8>(p, 7) != 0x75) return loneSurrogate(p)
      const low = hexDigits(p + 8)
      if (low < 0) return bad(BAD_INVALID_ESCAPE, p + 6)
      if ((low & 0xfc00) != 0xdc00) return loneSurrogate(p)
      codePoint = <u32>(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00))
      return p + 12
    }
    default: return bad(BAD_INVALID_ESCAPE, p)
  }
}

/** Writes a code point as UTF-8; returns the position behind it. */
// @ts-ignore: decorator
@inline function putCodePoint(out: usize, point: u32): usize {
  if (point < 0x80) { store<u8>(out, <u8>point); return out + 1 }
  if (point < 0x800) { store<u8>(out, <u8>(0xc0 | (point >> 6))); store<u8>(out, <u8>(0x80 | (point & 63)), 1); return out + 2 }
  if (point < 0x10000) {
    store<u8>(out, <u8>(0xe0 | (point >> 12)))
    store<u8>(out, <u8>(0x80 | ((point >> 6) & 63)), 1)
    store<u8>(out, <u8>(0x80 | (point & 63)), 2)
    return out + 3
  }
  store<u8>(out, <u8>(0xf0 | (point >> 18)))
  store<u8>(out, <u8>(0x80 | ((point >> 12) & 63)), 1)
  store<u8>(out, <u8>(0x80 | ((point >> 6) & 63)), 2)
  store<u8>(out, <u8>(0x80 | (point & 63)), 3)
  return out + 4
}

/** Copies a string to `out`, escapes resolved. Returns the position behind the closing quote; `copyEnd()` is the end of the copy. */
export function copyString(p: usize, out: usize): usize {
  while (true) {
    const bytes = v128.load(p)
    v128.store(out, bytes)
    const stops = i8x16.bitmask(stopsOfString(bytes))
    if (stops == 0) { p += 16; out += 16; continue }
    const clean = <usize>ctz(stops)
    p += clean
    out += clean
    const character = <u32>load<u8>(p)
    if (character == 0x22) { outEnd = out; return p + 1 }
    if (character == 0x5c) {
      p = checkEscape(p)
      if (p == 0) return 0
      out = putCodePoint(out, codePoint)
    } else if (character >= 0x80) {
      const behind = skipNonAscii(p)
      if (behind == 0) return 0
      memory.copy(out, p, behind - p)
      out += behind - p
      p = behind
    } else {
      if (character == 0x0a) return bad(BAD_SYNTAX, p)
      if (!lenient) return bad(BAD_CONTROL_CHARACTER, p)
      store<u8>(out, <u8>character)
      out += 1
      p += 1
    }
  }
}

/** As copyString, into a place of `capacity` bytes: what does not fit is checked and dropped, and `copyEnd()` lies behind the place then. */
export function copyStringBounded(p: usize, out: usize, capacity: usize): usize {
  const outLimit = out + capacity
  while (true) {
    const character = <u32>load<u8>(p)
    if (character == 0x22) { outEnd = out; return p + 1 }
    if (character == 0x5c) {
      p = checkEscape(p)
      if (p == 0) return 0
      if (out + 4 <= outLimit) out = putCodePoint(out, codePoint)
      else out = outLimit + 1
    } else if (character >= 0x20 || (lenient && character != 0x0a)) {
      let length: usize = 1
      if (character >= 0x80) { length = utf8Sequence(p); if (length == 0) return bad(BAD_INVALID_UTF8, p) }
      if (out + length <= outLimit) { for (let byte: usize = 0; byte < length; byte++) store<u8>(out + byte, load<u8>(p + byte)); out += length } else out = outLimit + 1
      p += length
    } else return bad(character == 0x0a ? BAD_SYNTAX : BAD_CONTROL_CHARACTER, p)
  }
}

/** Walks over any value at `p`, which lies inside `depth` objects and arrays. Returns the position behind it. */
export function skipValue(p: usize, depth: u32): usize {
  const character = <u32>load<u8>(p)
  switch (character) {
    case 0x22: return skipString(p + 1)
    case 0x7b: case 0x5b: return skipContainer(p, depth)
    case 0x74: return load<u32>(p) == 0x65757274 ? p + 4 : bad(BAD_SYNTAX, p)
    case 0x66: return load<u32>(p, 1) == 0x65736c61 ? p + 5 : bad(BAD_SYNTAX, p)
    case 0x6e: return load<u32>(p) == 0x6c6c756e ? p + 4 : bad(BAD_SYNTAX, p)
    default: {
      if (character != 0x2d && character - 0x30 > 9) return bad(BAD_SYNTAX, p)
      const behind = scanNumber(p, limit, GRAMMAR_JSON)
      return behind == 0 ? bad(BAD_SYNTAX, p) : behind
    }
  }
}

function skipContainer(p: usize, depth: u32): usize {
  if (depth >= DEPTH_MAX) return bad(BAD_TOO_DEEP, p)
  const object = load<u8>(p) == 0x7b
  const close: u8 = object ? 0x7d : 0x5d
  p = skipBlanks(p + 1)
  if (load<u8>(p) == close) return p + 1
  while (true) {
    if (object) {
      if (load<u8>(p) != 0x22) return bad(BAD_SYNTAX, p)
      p = skipString(p + 1)
      if (p == 0) return 0
      p = skipBlanks(p)
      if (load<u8>(p) != 0x3a) return bad(BAD_SYNTAX, p)
      p = skipBlanks(p + 1)
    }
    p = skipValue(p, depth + 1)
    if (p == 0) return 0
    p = skipBlanks(p)
    const character = load<u8>(p)
    if (character == close) return p + 1
    if (character != 0x2c) return bad(BAD_SYNTAX, p)
    p = skipBlanks(p + 1)
  }
}

/** Copies the object or array at `p` as compact text: no blanks, escapes only where they must be. Returns the position behind it. */
export function copyValueText(p: usize, out: usize, depth: u32): usize {
  const character = <u32>load<u8>(p)
  if (character == 0x22) return copyStringText(p, out)
  if (character != 0x7b && character != 0x5b) {
    const behind = skipValue(p, depth)
    if (behind == 0) return 0
    memory.copy(out, p, behind - p)
    outEnd = out + (behind - p)
    return behind
  }
  if (depth >= DEPTH_MAX) return bad(BAD_TOO_DEEP, p)
  const object = character == 0x7b
  const close: u8 = object ? 0x7d : 0x5d
  store<u8>(out, <u8>character)
  out += 1
  p = skipBlanks(p + 1)
  if (load<u8>(p) == close) { store<u8>(out, close); outEnd = out + 1; return p + 1 }
  while (true) {
    if (object) {
      if (load<u8>(p) != 0x22) return bad(BAD_SYNTAX, p)
      p = copyStringText(p, out)
      if (p == 0) return 0
      out = outEnd
      p = skipBlanks(p)
      if (load<u8>(p) != 0x3a) return bad(BAD_SYNTAX, p)
      store<u8>(out, 0x3a)
      out += 1
      p = skipBlanks(p + 1)
    }
    p = copyValueText(p, out, depth + 1)
    if (p == 0) return 0
    out = outEnd
    p = skipBlanks(p)
    const next = load<u8>(p)
    if (next != close && next != 0x2c) return bad(BAD_SYNTAX, p)
    store<u8>(out, next)
    out += 1
    if (next == close) { outEnd = out; return p + 1 }
    p = skipBlanks(p + 1)
  }
}

// @ts-ignore: decorator
@inline function hexDigit(value: u32): u8 { return <u8>(value < 10 ? 0x30 + value : 0x37 + value) }

/** Copies a string with its quotes; escapes are written anew, so that they never grow. */
function copyStringText(p: usize, out: usize): usize {
  store<u8>(out, 0x22)
  out += 1
  p += 1
  while (true) {
    let point = <u32>load<u8>(p)
    if (point == 0x22) { store<u8>(out, 0x22); outEnd = out + 1; return p + 1 }
    if (point >= 0x80) {
      const length = <usize>utf8Sequence(p)
      if (length == 0) return bad(BAD_INVALID_UTF8, p)
      for (let byte: usize = 0; byte < length; byte++) store<u8>(out + byte, load<u8>(p + byte))
      p += length
      out += length
      continue
    }
    if (point == 0x5c) {
      p = checkEscape(p)
      if (p == 0) return 0
      point = codePoint
    } else {
      if (point == 0x0a) return bad(BAD_SYNTAX, p)
      if (point < 0x20 && !lenient) return bad(BAD_CONTROL_CHARACTER, p)
      p += 1
    }
    if (point >= 0x20 && point != 0x22 && point != 0x5c) { out = putCodePoint(out, point); continue }
    let short: u8 = 0
    switch (point) {
      case 0x22: case 0x5c: short = <u8>point; break
      case 8: short = 0x62; break
      case 12: short = 0x66; break
      case 10: short = 0x6e; break
      case 13: short = 0x72; break
      case 9: short = 0x74; break
      default: break
    }
    store<u8>(out, 0x5c)
    if (short != 0) { store<u8>(out, short, 1); out += 2; continue }
    store<u8>(out, 0x75, 1)
    store<u8>(out, 0x30, 2)
    store<u8>(out, 0x30, 3)
    store<u8>(out, hexDigit(point >> 4), 4)
    store<u8>(out, hexDigit(point & 15), 5)
    out += 6
  }
}
