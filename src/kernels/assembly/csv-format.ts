// The CSV writer (RFC 4180 with an optional escape character). Texts are copied while looking for what must be quoted; only then the field is
// written again, in quotes. Invariant: while a row is written, the plan's reserve is free behind `p`, so only texts, binaries and array
// elements ask for room; a row that finds none is taken back.

import { KIND_BYTES, TYPE_ARRAY, TYPE_CHAR, TYPE_VARCHAR, bitIsSet } from './column'
import { CSV_SCRATCH_BYTES } from './csv-scan-plan'
import { bindForWriting, writeLiteral } from './json-format'
import {
  FORMAT_CAREFUL, FORMAT_COMMENTS, FORMAT_FLAGS, FORMAT_FLINK, FORMAT_MARKS, FORMAT_NEXT_ROW, FORMAT_NODES, FORMAT_NODE_COUNT, FORMAT_NO_HEADER, FORMAT_NO_NULL, FORMAT_NULL,
  FORMAT_NULL_ELEMENTS, FORMAT_NULL_LENGTH, FORMAT_ONE_LINE, FORMAT_QUOTE_ALL, FORMAT_REFUSAL, FORMAT_REFUSE, FORMAT_REFUSED, FORMAT_RESERVE, REFUSAL_BLANK_LINE, REFUSAL_BROKEN,
  REFUSAL_BYTE_ORDER_MARK, REFUSAL_COMMENT, REFUSAL_ELEMENT_DELIMITER, REFUSAL_ELEMENT_NULL_TEXT, REFUSAL_EMPTY_ELEMENT, REFUSAL_LINE_FEED, REFUSAL_LONG, REFUSAL_NULL, REFUSAL_NULL_ELEMENT,
  REFUSAL_NULL_TEXT, REFUSAL_NULL_TEXT_QUOTED, WRITE_CODES, WRITE_DATA, WRITE_FLAGS, WRITE_KIND, WRITE_NEXT, WRITE_NODE_BYTES, WRITE_NULLABLE, WRITE_OFFSETS, WRITE_TYPE, WRITE_VALIDITY,
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
/** Values are refused that neither quote nor escape can protect, if there may be such. */
let refuses: bool = false
/** So are elements of arrays, values too long for the reader, and NULL where nothing stands for it. */
let isStrict: bool = false
/** The node whose value was refused, 0 if none was. */
let refused: usize = 0
/** Why it was. */
let refusal: u32 = 0
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
  isStrict = (flags & FORMAT_REFUSE) != 0 && (flags & FORMAT_FLINK) == 0
  refuses = (flags & FORMAT_REFUSE) != 0 && (quote == 0 || (flags & FORMAT_ONE_LINE) != 0 || (!isStrict && nullLength != 0))
  refused = 0
  refusal = 0
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
  store<u32>(plan, refusal, FORMAT_REFUSAL)
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
    if (validity != 0 && !bitIsSet(validity, row)) {
      if (isStrict && (flags & FORMAT_NO_NULL) != 0) return refuse(node, REFUSAL_NULL)
      p = writeLiteral(p, nullText, nullLength)
      continue
    }
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
    return writeText(p, node, <usize>load<u32>(node, WRITE_DATA) + <usize>from, <usize>(load<u32>(offsets, 4) - from))
  }
  const start = p
  if (type == TYPE_ARRAY) {
    const element = node + WRITE_NODE_BYTES
    const offsets = <usize>load<u32>(node, WRITE_OFFSETS) + (<usize>row << 2)
    const first = load<u32>(offsets), end = load<u32>(offsets, 4)
    const elementType: u32 = load<u8>(element, WRITE_TYPE)
    const mayHoldDelimiter = isStrict && (elementType == TYPE_CHAR || elementType == TYPE_VARCHAR)
    const mayBeNullText = isStrict && nullLength != 0
    for (let index = first; index < end; index++) {
      if (index != first) { store<u8>(p, <u8>elementDelimiter); p += 1 }
      if (p > limit) return 0
      const validity = <usize>load<u32>(element, WRITE_VALIDITY)
      if (validity != 0 && !bitIsSet(validity, index)) {
        if (isStrict && (flags & FORMAT_NULL_ELEMENTS) == 0) return refuse(node, REFUSAL_NULL_ELEMENT)
        p = writeLiteral(p, nullText, nullLength)
        continue
      }
      const at = p
      p = writeRaw(p, element, index)
      if (p == 0) return 0
      if (mayBeNullText && isNullText(at, p - at)) return refuse(node, REFUSAL_ELEMENT_NULL_TEXT)
      if (mayHoldDelimiter && holds(at, p, elementDelimiter)) return refuse(node, REFUSAL_ELEMENT_DELIMITER)
    }
    if (isStrict && p == start && end - first == 1) return refuse(node, REFUSAL_EMPTY_ELEMENT)
  } else {
    p = writeRaw(p, node, row)
    if (p == 0 || ((flags & FORMAT_CAREFUL) == 0 && load<u32>(node, WRITE_KIND) != KIND_BYTES)) return p
  }
  const length = p - start
  if (!isMistakable(start, start, length) && !hasSpecial(start, p)) return p
  if (quote == 0 && escape == 0) return writeProtected(start, node, start, length)
  // Written without quotes first: moved out of the way and written again.
  if (!hasRoom(start, <u64>length * 3 + 2)) return 0
  const copy = start + length * 2 + 2
  memory.copy(copy, start, length)
  const behind = writeProtected(start, node, copy, length)
  if (isStrict && behind > start + <usize>CSV_SCRATCH_BYTES && behind - start - (quote == 0 ? 0 : 2) > max(length, <usize>CSV_SCRATCH_BYTES)) return refuse(node, REFUSAL_LONG)
  return behind
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

function writeText(p: usize, node: usize, from: usize, length: usize): usize {
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
  return odd ? writeProtected(p, node, from, length) : p + length
}

/** A text that would be read as something else: NULL, a comment, a blank line, or a byte order mark. */
function isMistakable(p: usize, from: usize, length: usize): bool {
  if (p == rowStart && (length == 0 || load<u8>(from) == 0x23 || isByteOrderMark(from, length))) return true
  return isNullText(from, length)
}

/** Whether the text begins with one. */
function isByteOrderMark(from: usize, length: usize): bool { return length >= 3 && (load<u32>(from) & 0xffffff) == 0xbfbbef }

/** Why a record that begins with the text would be read as something else, unless it is a blank line; 0 if it would not. */
function startRefusal(from: usize, length: usize): u32 {
  if (length == 0) return 0
  if ((flags & FORMAT_COMMENTS) != 0 && load<u8>(from) == 0x23) return REFUSAL_COMMENT
  return (flags & FORMAT_NO_HEADER) != 0 && isByteOrderMark(from, length) ? REFUSAL_BYTE_ORDER_MARK : 0
}

function isNullText(from: usize, length: usize): bool {
  if (length != nullLength) return false
  for (let at: usize = 0; at < length; at++) if (load<u8>(from + at) != load<u8>(nullText + at)) return false
  return true
}

function hasSpecial(from: usize, end: usize): bool {
  for (; from < end; from++) {
    const character = <u32>load<u8>(from)
    if (character == delimiter || character == 0x0a || character == 0x0d || (quote != 0 && character == quote) || (escape != 0 && character == escape)) return true
  }
  return false
}

/** Whether [from, end) has the byte. */
function holds(from: usize, end: usize, byte: u32): bool {
  const bytes = i8x16.splat(<i8>byte)
  for (; from < end; from += 16) {
    const found = i8x16.bitmask(i8x16.eq(v128.load(from), bytes))
    if (found != 0) return from + <usize>ctz(found) < end
  }
  return false
}

function refuse(node: usize, why: u32): usize {
  refused = node
  refusal = why
  return 0
}

/** Writes a text that needs quotes or escapes, as far as there are such. Returns 0 if it is refused. */
function writeProtected(p: usize, node: usize, from: usize, length: usize): usize {
  let behind = p + length
  if (quote != 0 || escape != 0) behind = writeQuoted(p, from, length)
  else memory.copy(p, from, length)
  if (!refuses) return behind
  const why = refusalOf(p, behind, node, from, length)
  return why == 0 ? behind : refuse(node, why)
}

/** Why the text, written to [p, behind), would not be read back; 0 if it would. */
function refusalOf(p: usize, behind: usize, node: usize, from: usize, length: usize): u32 {
  if (quote == 0 && escape == 0 && hasSpecial(from, from + length)) return REFUSAL_BROKEN
  if ((flags & FORMAT_ONE_LINE) != 0 && holds(from, from + length, 0x0a)) return REFUSAL_LINE_FEED
  const type: u32 = load<u8>(node, WRITE_TYPE)
  const isText = type == TYPE_CHAR || type == TYPE_VARCHAR
  // A text whose column takes no NULL is read as what it is.
  const takesNull = (flags & FORMAT_NO_NULL) == 0 && (!isText || (load<u32>(node, WRITE_FLAGS) & WRITE_NULLABLE) != 0)
  if (quote == 0) {
    if (takesNull && isNullText(p, behind - p)) return REFUSAL_NULL_TEXT
    if (p == rowStart && length == 0 && load<u32>(node, WRITE_NEXT) == 0) return REFUSAL_BLANK_LINE
    if (p == rowStart && escape == 0) return startRefusal(from, length)
  } else if (takesNull && !isStrict && nullLength != 0 && type != TYPE_ARRAY && isNullText(p + 1, behind - p - 2)) return REFUSAL_NULL_TEXT_QUOTED
  return 0
}

/** Writes text in quotes; where there is no quote character, with escapes alone. */
function writeQuoted(p: usize, from: usize, length: usize): usize {
  if (quote != 0) { store<u8>(p, <u8>quote); p += 1 }
  else if (p == rowStart && startRefusal(from, length) != 0) { store<u8>(p, <u8>escape); p += 1 }
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
