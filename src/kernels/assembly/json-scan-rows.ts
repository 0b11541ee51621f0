// Between a scan plan and the columns of a batch: what every scanner does before and after its rows. Copies descriptors into nodes, marks
// rows as present, measures room, and writes back lengths and null counts. The same for JSON and CSV.

import {
  KIND_BYTES, TYPE_ARRAY, TYPE_MAP, TYPE_MULTISET, bitIsSet, columnChild, columnData, columnDataCapacity, columnExtra, columnKind, columnNullCount, columnOffsets,
  columnRowCapacity, columnValidity, columnValues, setColumnDataLength, setColumnNullCount,
} from './column'
import {
  NODE_BYTES, NODE_CHILD_INDEX, NODE_COLUMN, NODE_DATA, NODE_DATA_CAPACITY, NODE_DERIVED, NODE_EXTRA, NODE_FLAGS, NODE_KIND, NODE_NULLABLE, NODE_OFFSETS, NODE_PARENT,
  NODE_ROWS, NODE_ROW_CAPACITY, NODE_ROW_LEVEL, NODE_STAMP, NODE_TYPE, NODE_VALIDITY, NODE_VALUES, PLAN_NODES, PLAN_NODE_COUNT, RESULT_CONSUMED, RESULT_LINES, RESULT_ROWS,
  RESULT_STATUS,
} from './json-scan-plan'

/** The position behind the last line feed of [p, end), or `p`. */
export function lastLineEnd(p: usize, end: usize): usize {
  while (end > p) {
    if (load<u8>(end - 1) == 0x0a) return end
    end -= 1
  }
  return p
}

/** Copies what the descriptors say into the nodes. Returns the rows that the record's columns can hold. */
export function bind(plan: usize, firstRow: u32): u32 {
  const nodes = <usize>load<u32>(plan, PLAN_NODES)
  const count = load<u32>(plan, PLAN_NODE_COUNT)
  let capacity: u32 = u32.MAX_VALUE
  store<u32>(nodes, firstRow, NODE_ROWS)
  for (let index: u32 = 1; index < count; index++) {
    const node = nodes + <usize>index * NODE_BYTES
    const parent = <usize>load<u32>(node, NODE_PARENT)
    const parentType: u32 = load<u8>(parent, NODE_TYPE)
    const nodeFlags = load<u32>(node, NODE_FLAGS)
    if ((nodeFlags & NODE_DERIVED) != 0) store<u32>(node, <u32>columnChild(load<u32>(parent, NODE_COLUMN), load<u32>(node, NODE_CHILD_INDEX)), NODE_COLUMN)
    let rows = load<u32>(parent, NODE_ROWS)
    if (parentType == TYPE_ARRAY || parentType == TYPE_MAP || parentType == TYPE_MULTISET) {
      const parentOffsets = <usize>load<u32>(parent, NODE_OFFSETS)
      rows = load<u32>(parentOffsets + (<usize>rows << 2))
    }
    store<u32>(node, rows, NODE_ROWS)
    const column = <usize>load<u32>(node, NODE_COLUMN)
    if (column == 0) continue
    assert((column & 63) == 0)
    store<u32>(node, columnKind(column), NODE_KIND)
    store<u32>(node, <u32>columnValues(column), NODE_VALUES)
    store<u32>(node, <u32>columnValidity(column), NODE_VALIDITY)
    store<u32>(node, <u32>columnOffsets(column), NODE_OFFSETS)
    store<u32>(node, <u32>columnData(column), NODE_DATA)
    store<u32>(node, columnDataCapacity(column), NODE_DATA_CAPACITY)
    store<u32>(node, <u32>columnExtra(column), NODE_EXTRA)
    store<u32>(node, columnRowCapacity(column), NODE_ROW_CAPACITY)
    if (rows == 0) {
      // The column begins anew, whatever it held before.
      setColumnNullCount(column, 0)
      setColumnDataLength(column, 0)
      if (columnOffsets(column) != 0) store<u32>(columnOffsets(column), 0)
    }
    assert((nodeFlags & NODE_NULLABLE) == 0 || columnValidity(column) != 0)
    if ((nodeFlags & NODE_ROW_LEVEL) != 0) capacity = min(capacity, columnRowCapacity(column))
  }
  return capacity
}

/** Marks the rows to come as present, and earlier ones too where the bits held nothing. */
export function openValidity(plan: usize, rowLimit: u32): void {
  const nodes = <usize>load<u32>(plan, PLAN_NODES)
  const count = load<u32>(plan, PLAN_NODE_COUNT)
  for (let index: u32 = 1; index < count; index++) {
    const node = nodes + <usize>index * NODE_BYTES
    const validity = <usize>load<u32>(node, NODE_VALIDITY)
    const column = <usize>load<u32>(node, NODE_COLUMN)
    if (validity == 0 || column == 0) continue
    const from: u32 = columnNullCount(column) == 0 ? 0 : load<u32>(node, NODE_ROWS)
    setBits(validity, from, (load<u32>(node, NODE_FLAGS) & NODE_ROW_LEVEL) != 0 ? rowLimit : load<u32>(node, NODE_ROWS))
  }
}

export function setBits(bits: usize, begin: u32, end: u32): void {
  if (begin >= end) return
  const firstByte = bits + (begin >> 3), lastByte = bits + (end >> 3)
  const firstMask = <u8>(<u32>0xff << (begin & 7)), lastMask = <u8>((<u32>1 << (end & 7)) - 1)
  if (firstByte == lastByte) { store<u8>(firstByte, load<u8>(firstByte) | (firstMask & lastMask)); return }
  store<u8>(firstByte, load<u8>(firstByte) | firstMask)
  memory.fill(firstByte + 1, 0xff, lastByte - firstByte - 1)
  if (lastMask != 0) store<u8>(lastByte, load<u8>(lastByte) | lastMask)
}

export function clearBits(bits: usize, begin: u32, end: u32): void {
  const firstByte = bits + (begin >> 3), lastByte = bits + (end >> 3)
  const firstMask = <u8>(<u32>0xff << (begin & 7)), lastMask = <u8>((<u32>1 << (end & 7)) - 1)
  if (firstByte == lastByte) { store<u8>(firstByte, load<u8>(firstByte) & ~(firstMask & lastMask)); return }
  store<u8>(firstByte, load<u8>(firstByte) & ~firstMask)
  memory.fill(firstByte + 1, 0, lastByte - firstByte - 1)
  if (lastMask != 0) store<u8>(lastByte, load<u8>(lastByte) & ~lastMask)
}

function countBits(bits: usize, begin: u32, end: u32): u32 {
  let count: u32 = 0
  while (begin < end && (begin & 7) != 0) { count += bitIsSet(bits, begin) ? 1 : 0; begin += 1 }
  while (begin + 64 <= end) { count += <u32>popcnt(load<u64>(bits + (begin >> 3))); begin += 64 }
  while (begin < end) { count += bitIsSet(bits, begin) ? 1 : 0; begin += 1 }
  return count
}

/** The least free data bytes of all columns of bytes. */
export function bytesOfRoom(plan: usize, row: u32): u32 {
  const nodes = <usize>load<u32>(plan, PLAN_NODES)
  const count = load<u32>(plan, PLAN_NODE_COUNT)
  let room: u32 = u32.MAX_VALUE
  store<u32>(nodes, row, NODE_ROWS)
  for (let index: u32 = 1; index < count; index++) {
    const node = nodes + <usize>index * NODE_BYTES
    const rows = rowsNow(node)
    if (load<u32>(node, NODE_COLUMN) == 0 || load<u32>(node, NODE_KIND) != KIND_BYTES) continue
    room = min(room, load<u32>(node, NODE_DATA_CAPACITY) - load<u32>(<usize>load<u32>(node, NODE_OFFSETS) + (<usize>rows << 2)))
  }
  return room
}

/** The committed rows of a node, by its parent's; kept in the node for its children, so call in node order. */
function rowsNow(node: usize): u32 {
  const parent = <usize>load<u32>(node, NODE_PARENT)
  const kind: u32 = load<u8>(parent, NODE_TYPE)
  let rows = load<u32>(parent, NODE_ROWS)
  if (kind == TYPE_ARRAY || kind == TYPE_MAP || kind == TYPE_MULTISET) rows = load<u32>(<usize>load<u32>(parent, NODE_OFFSETS) + (<usize>rows << 2))
  store<u32>(node, rows, NODE_ROWS)
  return rows
}

/** Writes lengths and null counts to the descriptors and the answer to the result block. */
export function finish(plan: usize, input: usize, p: usize, firstRow: u32, row: u32, lines: u32, status: u32): u32 {
  store<u32>(plan, row - firstRow, RESULT_ROWS)
  store<u32>(plan, <u32>(p - input), RESULT_CONSUMED)
  store<u32>(plan, lines, RESULT_LINES)
  store<u32>(plan, status, RESULT_STATUS)
  if (row == firstRow) return 0
  const nodes = <usize>load<u32>(plan, PLAN_NODES)
  const count = load<u32>(plan, PLAN_NODE_COUNT)
  // Two walks in node order: the rows before (by the offsets at firstRow) and the rows now.
  store<u32>(nodes, firstRow, NODE_ROWS)
  for (let index: u32 = 1; index < count; index++) {
    const node = nodes + <usize>index * NODE_BYTES
    store<u32>(node, rowsNow(node), NODE_STAMP)
  }
  store<u32>(nodes, row, NODE_ROWS)
  for (let index: u32 = 1; index < count; index++) {
    const node = nodes + <usize>index * NODE_BYTES
    const rows = rowsNow(node)
    const before = load<u32>(node, NODE_STAMP)
    store<u32>(node, 0, NODE_STAMP)
    const column = <usize>load<u32>(node, NODE_COLUMN)
    if (column == 0) continue
    if (load<u32>(node, NODE_KIND) == KIND_BYTES) setColumnDataLength(column, load<u32>(<usize>load<u32>(node, NODE_OFFSETS) + (<usize>rows << 2)))
    const validity = <usize>load<u32>(node, NODE_VALIDITY)
    if (validity != 0) setColumnNullCount(column, columnNullCount(column) + (rows - before) - countBits(validity, before, rows))
  }
  return row - firstRow
}
