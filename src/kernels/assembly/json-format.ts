// The JSON-lines writer. One pass over the plan's nodes a row: the text before each value is a ready-made literal, NULL ROWs jump over their
// fields, lists are written by recursion. Invariant: while a row is written, the plan's reserve is free behind `p`, so only texts, binaries
// and list elements ask for room; a row that finds none is taken back.

import {
  COLUMN_DICTIONARY, KIND_BYTES, KIND_INT32, KIND_INT64, TYPE_ARRAY, TYPE_BIGINT, TYPE_CHAR, TYPE_INT, TYPE_INTERVAL_DAY_TIME, TYPE_INTERVAL_YEAR_MONTH, TYPE_ROW, TYPE_TIMESTAMP,
  TYPE_TIMESTAMP_LTZ, TYPE_VARCHAR, bitIsSet, columnChild, columnData, columnDictionary, columnExtra, columnFlags, columnKind, columnNullCount, columnOffsets, columnValidity, columnValues,
} from './column'
import {
  FORMAT_FLAGS, FORMAT_NEXT_ROW, FORMAT_NODES, FORMAT_NODE_COUNT, FORMAT_RESERVE, WRITE_CHILD_COUNT, WRITE_CHILD_INDEX, WRITE_CLOSES, WRITE_CODES, WRITE_COLUMN, WRITE_DATA,
  WRITE_DERIVED, WRITE_EXTRA, WRITE_FLAGS, WRITE_KIND, WRITE_NEXT, WRITE_NODE_BYTES, WRITE_OFFSETS, WRITE_PARENT, WRITE_PREFIX, WRITE_PREFIX_LENGTH, WRITE_TYPE,
  WRITE_VALIDITY, WRITE_VALUES, WRITE_WAY,
} from './json-format-plan'
import { isNotFinite, isQuoted, writeBase64, writeFixed, writeTimestamp } from './json-format-values'
import { writeShortI64 } from './numbers-format'

const WAY_INT64: u32 = 1
const WAY_INT32: u32 = 2
const WAY_TEXT: u32 = 3
const WAY_TIMESTAMP: u32 = 4

let flags: u32 = 0
/** Where texts must end so that the reserve stays free. */
let limit: usize = 0

/** Copies the descriptors' words into the nodes. Used by the CSV writer too. */
export function bindForWriting(plan: usize): void {
  const nodes = <usize>load<u32>(plan, FORMAT_NODES)
  const end = nodes + <usize>load<u32>(plan, FORMAT_NODE_COUNT) * WRITE_NODE_BYTES
  for (let node = nodes; node < end; node += WRITE_NODE_BYTES) {
    if ((load<u32>(node, WRITE_FLAGS) & WRITE_DERIVED) != 0) {
      store<u32>(node, <u32>columnChild(load<u32>(load<u32>(node, WRITE_PARENT), WRITE_COLUMN), load<u32>(node, WRITE_CHILD_INDEX)), WRITE_COLUMN)
    }
    let column = <usize>load<u32>(node, WRITE_COLUMN)
    if (column == 0) continue
    store<u32>(node, columnNullCount(column) == 0 ? 0 : <u32>columnValidity(column), WRITE_VALIDITY)
    if ((columnFlags(column) & COLUMN_DICTIONARY) != 0) {
      store<u32>(node, <u32>columnValues(column), WRITE_CODES)
      column = columnDictionary(column)
    } else store<u32>(node, 0, WRITE_CODES)
    store<u32>(node, columnKind(column), WRITE_KIND)
    store<u32>(node, load<u32>(node, WRITE_CODES) == 0 ? wayOf(load<u8>(node, WRITE_TYPE), columnKind(column)) : 0, WRITE_WAY)
    store<u32>(node, <u32>columnValues(column), WRITE_VALUES)
    store<u32>(node, <u32>columnOffsets(column), WRITE_OFFSETS)
    store<u32>(node, <u32>columnData(column), WRITE_DATA)
    store<u32>(node, <u32>columnExtra(column), WRITE_EXTRA)
  }
}

function wayOf(type: u32, kind: u32): u32 {
  if (type == TYPE_CHAR || type == TYPE_VARCHAR) return WAY_TEXT
  if (type == TYPE_TIMESTAMP || type == TYPE_TIMESTAMP_LTZ) return WAY_TIMESTAMP
  const isInteger = type == TYPE_BIGINT || type == TYPE_INT || type == TYPE_INTERVAL_DAY_TIME || type == TYPE_INTERVAL_YEAR_MONTH
  return isInteger && kind == KIND_INT64 ? WAY_INT64 : isInteger && kind == KIND_INT32 ? WAY_INT32 : 0
}

/** Writes up to `length` bytes, in pieces of 16. */
// @ts-ignore: decorator
@inline export function writeLiteral(p: usize, from: usize, length: usize): usize {
  v128.store(p, v128.load(from))
  for (let at: usize = 16; at < length; at += 16) v128.store(p + at, v128.load(from + at))
  return p + length
}

/**
 * Writes rows as JSON lines to [out, outEnd): rows `begin` to `end`, or, with a selection (u32 row numbers), its entries of these indexes.
 * Returns the bytes written; FORMAT_NEXT_ROW in the plan says where to go on when the buffer was full.
 */
export function formatJson(plan: usize, selection: usize, begin: u32, end: u32, out: usize, outEnd: usize): u32 {
  bindForWriting(plan)
  flags = load<u32>(plan, FORMAT_FLAGS)
  const reserve = <usize>load<u32>(plan, FORMAT_RESERVE)
  const nodes = <usize>load<u32>(plan, FORMAT_NODES)
  const nodesEnd = nodes + <usize>load<u32>(plan, FORMAT_NODE_COUNT) * WRITE_NODE_BYTES
  let p = out
  let index = begin
  if (outEnd - out > reserve) {
    limit = outEnd - reserve
    for (; index < end; index++) {
      if (p > limit) break
      const behind = writeRow(p, nodes, nodesEnd, selection == 0 ? index : load<u32>(selection + (<usize>index << 2)))
      if (behind == 0) break
      p = behind
    }
  }
  store<u32>(plan, index, FORMAT_NEXT_ROW)
  return <u32>(p - out)
}

function writeRow(p: usize, nodes: usize, nodesEnd: usize, row: u32): usize {
  // Node 0 is the record; its fields follow.
  let node = nodes + WRITE_NODE_BYTES
  if (node == nodesEnd) { store<u16>(p, 0x7d7b); p += 2 }
  while (node != 0 && node < nodesEnd) {
    p = writeLiteral(p, load<u32>(node, WRITE_PREFIX), load<u32>(node, WRITE_PREFIX_LENGTH))
    const validity = <usize>load<u32>(node, WRITE_VALIDITY)
    if (validity != 0 && !bitIsSet(validity, row)) {
      store<u32>(p, 0x6c6c756e)
      p += 4
    } else {
      const way = load<u32>(node, WRITE_WAY)
      if (way == WAY_INT64) p = writeShortI64(p, load<i64>(<usize>load<u32>(node, WRITE_VALUES) + (<usize>row << 3)))
      else if (way == WAY_TEXT) {
        const offsets = <usize>load<u32>(node, WRITE_OFFSETS) + (<usize>row << 2)
        const from = load<u32>(offsets)
        p = writeText(p, <usize>load<u32>(node, WRITE_DATA) + <usize>from, <usize>(load<u32>(offsets, 4) - from))
        if (p == 0) return 0
      } else if (way == WAY_TIMESTAMP) {
        store<u8>(p, 0x22)
        p = writeTimestamp(p + 1, node, row, flags)
        store<u8>(p, 0x22)
        p += 1
      } else if (way == WAY_INT32) p = writeShortI64(p, <i64>load<i32>(<usize>load<u32>(node, WRITE_VALUES) + (<usize>row << 2)))
      else if (<u32>load<u8>(node, WRITE_TYPE) == TYPE_ROW) {
        if (load<u32>(node, WRITE_CHILD_COUNT) != 0) { node += WRITE_NODE_BYTES; continue }
        store<u16>(p, 0x7d7b)
        p += 2
      } else {
        p = writeValue(p, node, row)
        if (p == 0) return 0
      }
    }
    for (let closes = load<u32>(node, WRITE_CLOSES); closes != 0; closes--) { store<u8>(p, 0x7d); p += 1 }
    node = <usize>load<u32>(node, WRITE_NEXT)
  }
  store<u8>(p, 0x0a)
  return p + 1
}

/** Writes a value that is not NULL and not a row-level ROW. Returns 0 if there is no room. */
function writeValue(p: usize, node: usize, row: u32): usize {
  const codes = <usize>load<u32>(node, WRITE_CODES)
  if (codes != 0) row = load<u32>(codes + (<usize>row << 2))
  const type: u32 = load<u8>(node, WRITE_TYPE)
  if (load<u32>(node, WRITE_KIND) == KIND_BYTES) {
    const offsets = <usize>load<u32>(node, WRITE_OFFSETS) + (<usize>row << 2)
    const from = load<u32>(offsets)
    const length = <usize>(load<u32>(offsets, 4) - from)
    const data = <usize>load<u32>(node, WRITE_DATA) + <usize>from
    if (type == TYPE_CHAR || type == TYPE_VARCHAR) return writeText(p, data, length)
    if (!hasRoom(p, <u64>length * 4 / 3 + 6)) return 0
    store<u8>(p, 0x22)
    p = writeBase64(p + 1, data, length)
    store<u8>(p, 0x22)
    return p + 1
  }
  if (type >= TYPE_ARRAY) return type == TYPE_ROW ? writeObject(p, node, row) : type == TYPE_ARRAY ? writeList(p, node, row) : writeMap(p, node, row)
  if (isQuoted(type) || isNotFinite(node, row)) {
    store<u8>(p, 0x22)
    p = writeFixed(p + 1, node, row, flags)
    store<u8>(p, 0x22)
    return p + 1
  }
  return writeFixed(p, node, row, flags)
}

// @ts-ignore: decorator
@inline function hasRoom(p: usize, bytes: u64): bool { return <u64>p + bytes <= <u64>limit }

function writeNullable(p: usize, node: usize, row: u32): usize {
  const validity = <usize>load<u32>(node, WRITE_VALIDITY)
  if (validity == 0 || bitIsSet(validity, row)) return writeValue(p, node, row)
  store<u32>(p, 0x6c6c756e)
  return p + 4
}

/** A ROW inside a list. Its fields' literals count in the reserve once; it asks for them again for each element. */
function writeObject(p: usize, node: usize, row: u32): usize {
  const count = load<u32>(node, WRITE_CHILD_COUNT)
  if (count == 0) { store<u16>(p, 0x7d7b); return p + 2 }
  let child = node + WRITE_NODE_BYTES
  for (let index: u32 = 0; index < count; index++) {
    if (p > limit) return 0
    p = writeLiteral(p, load<u32>(child, WRITE_PREFIX), load<u32>(child, WRITE_PREFIX_LENGTH))
    p = writeNullable(p, child, row)
    if (p == 0) return 0
    child = <usize>load<u32>(child, WRITE_NEXT)
  }
  store<u8>(p, 0x7d)
  return p + 1
}

function writeList(p: usize, node: usize, row: u32): usize {
  const element = node + WRITE_NODE_BYTES
  const offsets = <usize>load<u32>(node, WRITE_OFFSETS) + (<usize>row << 2)
  const end = load<u32>(offsets, 4)
  store<u8>(p, 0x5b)
  p += 1
  const first = load<u32>(offsets)
  for (let index = first; index < end; index++) {
    if (index != first) { store<u8>(p, 0x2c); p += 1 }
    if (p > limit) return 0
    p = writeNullable(p, element, index)
    if (p == 0) return 0
  }
  store<u8>(p, 0x5d)
  return p + 1
}

function writeMap(p: usize, node: usize, row: u32): usize {
  const key = node + WRITE_NODE_BYTES
  const value = <usize>load<u32>(key, WRITE_NEXT)
  const offsets = <usize>load<u32>(node, WRITE_OFFSETS) + (<usize>row << 2)
  const end = load<u32>(offsets, 4)
  store<u8>(p, 0x7b)
  p += 1
  const first = load<u32>(offsets)
  for (let index = first; index < end; index++) {
    if (index != first) { store<u8>(p, 0x2c); p += 1 }
    if (p > limit) return 0
    p = writeNullable(p, key, index)
    if (p == 0) return 0
    store<u8>(p, 0x3a)
    p = writeNullable(p + 1, value, index)
    if (p == 0) return 0
  }
  store<u8>(p, 0x7d)
  return p + 1
}

// @ts-ignore: decorator
@inline function hexDigit(value: u32): u8 { return <u8>(value < 10 ? 0x30 + value : 0x57 + value) }

/** Writes text in quotes, escaped as JSON.stringify does. */
function writeText(p: usize, from: usize, length: usize): usize {
  // Six bytes a byte at worst; when that does not fit it is counted out.
  if (!hasRoom(p, <u64>length * 6 + 2) && !hasRoom(p, escapedLength(from, length) + 2)) return 0
  store<u8>(p, 0x22)
  p += 1
  const end = from + length
  while (from < end) {
    const a = v128.load(from), b = v128.load(from, 16)
    v128.store(p, a)
    v128.store(p, b, 16)
    let stops = i8x16.bitmask(stopsOf(a)) | (i8x16.bitmask(stopsOf(b)) << 16)
    const left = end - from
    if (left < 32) stops &= (1 << <i32>left) - 1
    if (stops == 0) {
      if (left <= 32) { p += left; break }
      p += 32
      from += 32
      continue
    }
    const clean = <usize>ctz(stops)
    p += clean
    from += clean
    const character = <u32>load<u8>(from)
    from += 1
    store<u8>(p, 0x5c)
    let short: u32 = 0
    switch (character) {
      case 0x22: case 0x5c: short = character; break
      case 8: short = 0x62; break
      case 9: short = 0x74; break
      case 10: short = 0x6e; break
      case 12: short = 0x66; break
      case 13: short = 0x72; break
      default: break
    }
    if (short != 0) { store<u8>(p, <u8>short, 1); p += 2; continue }
    store<u32>(p, 0x30307500 | 0x5c)
    store<u8>(p, hexDigit(character >> 4), 4)
    store<u8>(p, hexDigit(character & 15), 5)
    p += 6
  }
  store<u8>(p, 0x22)
  return p + 1
}

// @ts-ignore: decorator
@inline function stopsOf(bytes: v128): v128 {
  return v128.or(v128.or(i8x16.eq(bytes, i8x16.splat(0x22)), i8x16.eq(bytes, i8x16.splat(0x5c))), i8x16.le_u(bytes, i8x16.splat(0x1f)))
}

function escapedLength(from: usize, length: usize): u64 {
  let bytes: u64 = <u64>length
  for (let end = from + length; from < end; from++) {
    const character = <u32>load<u8>(from)
    if (character == 0x22 || character == 0x5c) bytes += 1
    else if (character < 0x20) bytes += character == 8 || character == 9 || character == 10 || character == 12 || character == 13 ? 1 : 5
  }
  return bytes
}
