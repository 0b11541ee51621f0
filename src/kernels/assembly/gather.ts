// Gather: rows of one column appended to another of the same type. The target has room for all of it (asserted in the checked build); gatherBytes
// and gatherChildRows say how much the variable-width kinds need. Row `i` of a call is the row at logical position `begin + i`; with `holes`,
// a selection may name the row -1, which is NULL. One call does one level: ../gather.ts walks nested columns.

import {
  bitIsSet, clearBit, columnData, columnDataCapacity, columnDataLength, columnExtra, columnIsValid, columnKind, columnNullCount, columnOffsets, columnRowCapacity,
  columnValidity, columnValues, KIND_BIT, KIND_BYTES, KIND_INT128, KIND_INT16, KIND_INT32, KIND_FLOAT32, KIND_INT8, KIND_LIST, KIND_MAP, KIND_STRUCT,
  KIND_TIMESTAMP_NANOS, setBit, setColumnDataLength, setColumnNullCount,
} from './column'
import { copyShort, rowAt } from './rows'

const HOLE: u32 = 0xffffffff

/** A hole reads row 0, whatever lies there. */
// @ts-ignore: decorator
@inline function sourceRow(selection: usize, position: u32, holes: bool): u32 {
  const row = rowAt(selection, position)
  return holes && row == HOLE ? 0 : row
}

// @ts-ignore: decorator
@inline function gatherFixed<T>(source: usize, target: usize, selection: usize, begin: u32, n: u32, holes: bool): void {
  if (selection == 0) {
    memory.copy(target, source + <usize>begin * sizeof<T>(), <usize>n * sizeof<T>())
    return
  }
  for (let row: u32 = 0; row < n; row++) store<T>(target + <usize>row * sizeof<T>(), load<T>(source + <usize>sourceRow(selection, begin + row, holes) * sizeof<T>()))
}

function gatherValidity(source: usize, target: usize, selection: usize, begin: u32, n: u32, row: u32, holes: bool): void {
  // A field that is NOT NULL in a ROW that is NULL: nobody looks at its value.
  if (columnValidity(target) == 0) return
  if (columnNullCount(source) == 0 && !holes) {
    return
  }
  const sourceBits: usize = columnNullCount(source) == 0 ? 0 : columnValidity(source)
  const bits = columnValidity(target)
  let nulls = columnNullCount(target)
  if (nulls == 0) memory.fill(bits, 255, (columnRowCapacity(target) + 7) >> 3)
  for (let index: u32 = 0; index < n; index++) {
    const from = rowAt(selection, begin + index)
    let isNull: u32 = 0
    if (holes && from == HOLE) isNull = 1
    else if (sourceBits != 0) isNull = 1 - u32(bitIsSet(sourceBits, from))
    const at = bits + ((row + index) >> 3)
    const bit = (row + index) & 7
    store<u8>(at, <u8>((<u32>load<u8>(at) | (<u32>1 << bit)) ^ (isNull << bit)))
    nulls += isNull
  }
  setColumnNullCount(target, nulls)
}

/**
 * Appends n rows to `target` from its row `row` on: validity and values; data and offsets of BYTES; offsets of LIST and MAP, whose children
 * follow with gatherChildren; of STRUCT the validity only.
 */
export function gatherColumn(source: usize, target: usize, selection: usize, begin: u32, n: u32, row: u32, holes: u32): void {
  const kind = columnKind(source)
  const mayHole = holes != 0
  assert(kind == columnKind(target) && row + n <= columnRowCapacity(target))
  gatherValidity(source, target, selection, begin, n, row, mayHole)
  const from = columnValues(source)
  const to = columnValues(target)
  if (kind == KIND_STRUCT) return
  if (kind == KIND_BYTES) return gatherText(source, target, selection, begin, n, row, mayHole)
  if (kind == KIND_LIST || kind == KIND_MAP) return gatherOffsets(source, target, selection, begin, n, row, mayHole)
  if (kind == KIND_BIT) {
    for (let index: u32 = 0; index < n; index++) {
      if (bitIsSet(from, sourceRow(selection, begin + index, mayHole))) setBit(to, row + index)
      else clearBit(to, row + index)
    }
  } else if (kind == KIND_INT8) gatherFixed<u8>(from, to + row, selection, begin, n, mayHole)
  else if (kind == KIND_INT16) gatherFixed<u16>(from, to + (<usize>row << 1), selection, begin, n, mayHole)
  else if (kind == KIND_INT32 || kind == KIND_FLOAT32) gatherFixed<u32>(from, to + (<usize>row << 2), selection, begin, n, mayHole)
  else if (kind == KIND_INT128) gatherFixed<v128>(from, to + (<usize>row << 4), selection, begin, n, mayHole)
  else {
    gatherFixed<u64>(from, to + (<usize>row << 3), selection, begin, n, mayHole)
    if (kind == KIND_TIMESTAMP_NANOS) gatherFixed<u32>(columnExtra(source), columnExtra(target) + (<usize>row << 2), selection, begin, n, mayHole)
  }
}

/** Bytes of data (BYTES) or rows of children (LIST, MAP) that n rows have. */
export function gatherLength(source: usize, selection: usize, begin: u32, n: u32, holes: u32): f64 {
  const offsets = columnOffsets(source)
  if (selection == 0) return <f64>(load<u32>(offsets + (<usize>(begin + n) << 2)) - load<u32>(offsets + (<usize>begin << 2)))
  let length: u64 = 0
  for (let row: u32 = 0; row < n; row++) {
    const from = rowAt(selection, begin + row)
    if (holes != 0 && from == HOLE) continue
    const at = offsets + (<usize>from << 2)
    length += load<u32>(at, 4) - load<u32>(at)
  }
  return <f64>length
}

function gatherText(source: usize, target: usize, selection: usize, begin: u32, n: u32, row: u32, holes: bool): void {
  const offsets = columnOffsets(source)
  const data = columnData(source)
  const targetOffsets = columnOffsets(target) + (<usize>row << 2)
  const targetData = columnData(target)
  let end = load<u32>(targetOffsets)
  if (selection == 0) {
    const first = offsets + (<usize>begin << 2)
    const start = load<u32>(first)
    const shift = end - start
    for (let index: u32 = 1; index <= n; index++) store<u32>(targetOffsets + (<usize>index << 2), load<u32>(first + (<usize>index << 2)) + shift)
    const bytes = load<u32>(first + (<usize>n << 2)) - start
    assert(end + bytes <= columnDataCapacity(target))
    memory.copy(targetData + end, data + start, bytes)
    setColumnDataLength(target, end + bytes)
    return
  }
  for (let index: u32 = 0; index < n; index++) {
    const from = rowAt(selection, begin + index)
    if (!(holes && from == HOLE)) {
      const at = offsets + (<usize>from << 2)
      const start = load<u32>(at)
      const bytes = load<u32>(at, 4) - start
      assert(end + bytes <= columnDataCapacity(target))
      copyShort(targetData + end, data + start, bytes)
      end += bytes
    }
    store<u32>(targetOffsets + (<usize>index << 2), end, 4)
  }
  setColumnDataLength(target, end)
}

function gatherOffsets(source: usize, target: usize, selection: usize, begin: u32, n: u32, row: u32, holes: bool): void {
  const offsets = columnOffsets(source)
  const targetOffsets = columnOffsets(target) + (<usize>row << 2)
  let end = load<u32>(targetOffsets)
  for (let index: u32 = 0; index < n; index++) {
    const from = rowAt(selection, begin + index)
    if (!(holes && from == HOLE)) {
      const at = offsets + (<usize>from << 2)
      end += load<u32>(at, 4) - load<u32>(at)
    }
    store<u32>(targetOffsets + (<usize>index << 2), end, 4)
  }
}

/** Lists the child rows of n rows of a LIST or MAP column: int32 out[], gatherLength() of them. */
export function gatherChildren(source: usize, selection: usize, begin: u32, n: u32, holes: u32, out: usize): void {
  const offsets = columnOffsets(source)
  for (let row: u32 = 0; row < n; row++) {
    const from = rowAt(selection, begin + row)
    if (holes != 0 && from == HOLE) continue
    const at = offsets + (<usize>from << 2)
    for (let child = load<u32>(at); child < load<u32>(at, 4); child++) {
      store<u32>(out, child)
      out += 4
    }
  }
}

/** The dictionary rows behind n rows of a dictionary-encoded column: int32 out[n], -1 for NULL. */
export function gatherCodes(source: usize, selection: usize, begin: u32, n: u32, holes: u32, out: usize): void {
  const codes = columnValues(source)
  for (let row: u32 = 0; row < n; row++) {
    const from = rowAt(selection, begin + row)
    const isNull = (holes != 0 && from == HOLE) || !columnIsValid(source, from)
    store<u32>(out + (<usize>row << 2), isNull ? HOLE : load<u32>(codes + (<usize>from << 2)))
  }
}
