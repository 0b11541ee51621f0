// The CSV writer (RFC 4180 with an optional escape character). Texts are copied while looking for what must be quoted; only then the field is
// written again, in quotes. Invariant: while a row is written, the plan's reserve is free behind `p`, so only texts, binaries and array
// elements ask for room; a row that finds none is taken back.

import { KIND_BYTES, TYPE_ARRAY, TYPE_CHAR, TYPE_VARCHAR, bitIsSet } from './column'
import { bindForWriting, writeLiteral } from './json-format'
import {
  FORMAT_CAREFUL, FORMAT_FLAGS, FORMAT_MARKS, FORMAT_NEXT_ROW, FORMAT_NODES, FORMAT_NODE_COUNT, FORMAT_NULL, FORMAT_NULL_LENGTH, FORMAT_QUOTE_ALL, FORMAT_REFUSE, FORMAT_REFUSED, FORMAT_REFUSED_NULL,
  FORMAT_REFUSE_NULL, FORMAT_RESERVE, WRITE_CODES,
  WRITE_DATA, WRITE_KIND, WRITE_NEXT, WRITE_NODE_BYTES, WRITE_OFFSETS, WRITE_TYPE, WRITE_VALIDITY,
} from './json-format-plan'
import { writeBase64, writeFixed } from './json-format-values'

let flags: u32 = 0
let limit: usize = 0
let delimiter: u32 = 0
let quote: u32 = 0
let escape: u32 = 0
let elementDelimiter: u32 = 0
let nullText: usize = 0
let nullLength: usize = 0
/** Values that nothing can protect are refused. */
let refuses: bool = false
/** Values that would be read as NULL are refused. */
let refusesNull: bool = false
/** Whether a value was refused for that. */
let refusedNull: bool = false
/** The node whose value was refused, 0 if none was. */
let refused: usize = 0
/** Where the row at hand begins. */
let rowStart: usize = 0

/**
 * Writes rows as CSV records to [out, outEnd): rows `begin` to `end`, or, with a selection (u32 row numbers), its entries of these indexes.
 * Returns the bytes written; FORMAT_NEXT_ROW in the plan says where to go on when the buffer was full.
 */
export function formatCsv(plan: usize, selection: usize, begin: u32, end: u32, out: usize, outEnd: usize): u32 {
  bindForWriting(plan)
  flags = load<u32>(plan, FORMAT_FLAGS)
  delimiter = load<u8>(plan, FORMAT_MARKS)
  quote = load<u8>(plan, FORMAT_MARKS + 1)
  escape = load<u8>(plan, FORMAT_MARKS + 2)
  elementDelimiter = load<u8>(plan, FORMAT_MARKS + 3)
  nullText = <usize>load<u32>(plan, FORMAT_NULL)
  nullLength = <usize>load<u32>(plan, FORMAT_NULL_LENGTH)
  refuses = (flags & FORMAT_REFUSE) != 0 && quote == 0 && escape == 0
  refusesNull = (flags & FORMAT_REFUSE_NULL) != 0 && quote == 0
  refused = 0
  refusedNull = false
  const reserve = <usize>load<u32>(plan, FORMAT_RESERVE)
  const nodes = <usize>load<u32>(plan, FORMAT_NODES)
  let p = out
  let index = begin
  if (outEnd - out > reserve) {
    limit = outEnd - reserve
    for (; index < end; index++) {
      if (p > limit) break
      const behind = writeRecord(p, nodes, load<u32>(plan, FORMAT_NODE_COUNT), selection == 0 ? index : load<u32>(selection + (<usize>index << 2)))
      if (behind == 0) break
      p = behind
    }
  }
  store<u32>(plan, index, FORMAT_NEXT_ROW)
  store<u32>(plan, refused == 0 ? 0 : <u32>((refused - nodes) / WRITE_NODE_BYTES), FORMAT_REFUSED)
  store<u32>(plan, refusedNull ? 1 : 0, FORMAT_REFUSED_NULL)
  return <u32>(p - out)
}

function writeRecord(p: usize, nodes: usize, count: u32, row: u32): usize {
  rowStart = p
  let first = true
  // Node 0 is the record; an array's element is skipped by the array's `next`.
  for (let node: usize = count > 1 ? nodes + WRITE_NODE_BYTES : 0; node != 0; node = <usize>load<u32>(node, WRITE_NEXT)) {
    if (!first) { store<u8>(p, <u8>delimiter); p += 1 }
    first = false
    const validity = <usize>load<u32>(node, WRITE_VALIDITY)
    if (validity != 0 && !bitIsSet(validity, row)) { p = writeLiteral(p, nullText, nullLength); continue }
    p = writeField(p, node, row)
    if (p == 0) return 0
  }
  store<u8>(p, 0x0a)
  return p + 1
}

function writeField(p: usize, node: usize, row: u32): usize {
  const type: u32 = load<u8>(node, WRITE_TYPE)
  if (type == TYPE_CHAR || type == TYPE_VARCHAR) {
    const at = rowOf(node, row)
    const offsets = <usize>load<u32>(node, WRITE_OFFSETS) + (<usize>at << 2)
    const from = load<u32>(offsets)
    const behind = writeText(p, <usize>load<u32>(node, WRITE_DATA) + <usize>from, <usize>(load<u32>(offsets, 4) - from))
    if (refuses && behind != 0 && hasSpecial(p, behind)) return refuse(node)
    return refusesNull && behind != 0 && isNullText(p, behind - p) ? refuseNull(node) : behind
  }
  const start = p
  if (type == TYPE_ARRAY) {
    const element = node + WRITE_NODE_BYTES
    const offsets = <usize>load<u32>(node, WRITE_OFFSETS) + (<usize>row << 2)
    const first = load<u32>(offsets), end = load<u32>(offsets, 4)
    for (let index = first; index < end; index++) {
      if (index != first) { store<u8>(p, <u8>elementDelimiter); p += 1 }
      if (p > limit) return 0
      const validity = <usize>load<u32>(element, WRITE_VALIDITY)
      if (validity != 0 && !bitIsSet(validity, index)) p = writeLiteral(p, nullText, nullLength)
      else p = writeRaw(p, element, index)
      if (p == 0) return 0
    }
  } else {
    p = writeRaw(p, node, row)
    if (p == 0 || ((flags & FORMAT_CAREFUL) == 0 && load<u32>(node, WRITE_KIND) != KIND_BYTES)) return p
  }
  if (refusesNull && isNullText(start, p - start)) return refuseNull(node)
  if (refuses) return hasSpecial(start, p) ? refuse(node) : p
  if (!mustQuote(start, start, p)) return p
  // Written without quotes first: moved out of the way and written again.
  const length = p - start
  if (!hasRoom(start, <u64>length * 3 + 2)) return 0
  const copy = start + length * 2 + 2
  memory.copy(copy, start, length)
  return writeQuoted(start, copy, length)
}

// @ts-ignore: decorator
@inline function rowOf(node: usize, row: u32): u32 {
  const codes = <usize>load<u32>(node, WRITE_CODES)
  return codes == 0 ? row : load<u32>(codes + (<usize>row << 2))
}

// @ts-ignore: decorator
@inline function hasRoom(p: usize, bytes: u64): bool { return <u64>p + bytes <= <u64>limit }

/** Writes a value without quotes. Returns 0 if there is no room. */
function writeRaw(p: usize, node: usize, row: u32): usize {
  row = rowOf(node, row)
  if (load<u32>(node, WRITE_KIND) != KIND_BYTES) return writeFixed(p, node, row, flags)
  const type: u32 = load<u8>(node, WRITE_TYPE)
  const offsets = <usize>load<u32>(node, WRITE_OFFSETS) + (<usize>row << 2)
  const from = <usize>load<u32>(node, WRITE_DATA) + <usize>load<u32>(offsets)
  const length = <usize>(load<u32>(offsets, 4) - load<u32>(offsets))
  if (type != TYPE_CHAR && type != TYPE_VARCHAR) return hasRoom(p, <u64>length * 4 / 3 + 4) ? writeBase64(p, from, length) : 0
  if (!hasRoom(p, <u64>length)) return 0
  memory.copy(p, from, length)
  return p + length
}

// @ts-ignore: decorator
@inline function stopsOf(bytes: v128): v128 {
  return v128.or(
    v128.or(i8x16.eq(bytes, i8x16.splat(<i8>delimiter)), i8x16.eq(bytes, i8x16.splat(<i8>(quote == 0 ? 0x0a : quote)))),
    v128.or(v128.or(i8x16.eq(bytes, i8x16.splat(0x0a)), i8x16.eq(bytes, i8x16.splat(0x0d))), i8x16.eq(bytes, i8x16.splat(<i8>(escape == 0 ? 0x0a : escape)))),
  )
}

function writeText(p: usize, from: usize, length: usize): usize {
  if (!hasRoom(p, <u64>length * 2 + 2) && !hasRoom(p, quotedLength(from, length))) return 0
  let odd = (flags & FORMAT_QUOTE_ALL) != 0
  if (!odd) {
    for (let at: usize = 0; at < length; at += 16) {
      const bytes = v128.load(from + at)
      v128.store(p + at, bytes)
      let stops = i8x16.bitmask(stopsOf(bytes))
      const left = length - at
      if (left < 16) stops &= (1 << <i32>left) - 1
      if (stops != 0) { odd = true; break }
    }
    if (!odd) odd = isMistakable(p, from, length)
  }
  if (!odd || (quote == 0 && escape == 0)) {
    if (odd) memory.copy(p, from, length)
    return p + length
  }
  return writeQuoted(p, from, length)
}

/** A text that would be read as something else: NULL, a comment, or a blank line. */
function isMistakable(p: usize, from: usize, length: usize): bool {
  if (p == rowStart && (length == 0 || load<u8>(from) == 0x23)) return true
  return isNullText(from, length)
}

function isNullText(from: usize, length: usize): bool {
  if (length != nullLength) return false
  for (let at: usize = 0; at < length; at++) if (load<u8>(from + at) != load<u8>(nullText + at)) return false
  return true
}

function mustQuote(p: usize, from: usize, end: usize): bool {
  if (quote == 0 && escape == 0) return false
  return isMistakable(p, from, end - from) || hasSpecial(from, end)
}

function hasSpecial(from: usize, end: usize): bool {
  for (; from < end; from++) {
    const character = <u32>load<u8>(from)
    if (character == delimiter || character == 0x0a || character == 0x0d || (quote != 0 && character == quote) || (escape != 0 && character == escape)) return true
  }
  return false
}

function refuse(node: usize): usize {
  refused = node
  return 0
}

function refuseNull(node: usize): usize {
  refusedNull = true
  return refuse(node)
}

/** Writes text in quotes; where there is no quote character, with escapes alone. */
function writeQuoted(p: usize, from: usize, length: usize): usize {
  if (quote != 0) { store<u8>(p, <u8>quote); p += 1 }
  for (const end = from + length; from < end; from++) {
    const character = <u32>load<u8>(from)
    if (quote != 0 && character == quote) { store<u8>(p, <u8>(escape == 0 ? quote : escape)); p += 1 }
    else if (escape != 0 && (character == escape || (quote == 0 && (character == delimiter || character == 0x0a || character == 0x0d)))) { store<u8>(p, <u8>escape); p += 1 }
    store<u8>(p, <u8>character)
    p += 1
  }
  if (quote != 0) { store<u8>(p, <u8>quote); p += 1 }
  return p
}

function quotedLength(from: usize, length: usize): u64 {
  let bytes: u64 = <u64>length + 2
  for (const end = from + length; from < end; from++) {
    const character = <u32>load<u8>(from)
    if ((quote != 0 && character == quote) || (escape != 0 && (character == escape || quote == 0))) bytes += 1
  }
  return bytes
}
