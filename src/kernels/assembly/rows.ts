// Rows of columns for all kernels: from logical positions to physical rows, and the one place in which kernels write validity and numbers. The
// bits of a column mean nothing until its null count is above 0; the first NULL fills them.

import {
  bitIsSet, clearBit, columnNullCount, columnRowCapacity, columnValidity, columnValues, KIND_BIT, KIND_FLOAT32, KIND_FLOAT64, KIND_INT16, KIND_INT32, KIND_INT64,
  KIND_INT8, setBit, setColumnNullCount,
} from './column'

/** The physical row at a logical position. */
// @ts-ignore: decorator
@inline export function rowAt(selection: usize, position: u32): u32 {
  return selection == 0 ? position : load<u32>(selection + (<usize>position << 2))
}

/** Marks a row NULL that has not been written since the column was cleared, or holds a value. */
export function writeNull(column: usize, row: u32): void {
  const bits = columnValidity(column)
  assert(bits != 0)
  const nulls = columnNullCount(column)
  if (nulls == 0) memory.fill(bits, 255, (columnRowCapacity(column) + 7) >> 3)
  if (bitIsSet(bits, row)) setColumnNullCount(column, nulls + 1)
  clearBit(bits, row)
}

/** Marks a row as holding a value. */
// @ts-ignore: decorator
@inline export function writeValid(column: usize, row: u32): void {
  if (columnNullCount(column) != 0) setBit(columnValidity(column), row)
}

/** Writes a number to a row of a BIT column or one of any numeric kind. Numbers that do not fit are cut (integers) or saturate (from floats). */
// @ts-ignore: decorator
@inline export function writeNumber<T>(column: usize, kind: u32, row: u32, value: T): void {
  const values = columnValues(column)
  if (kind == KIND_INT64) store<i64>(values + (<usize>row << 3), <i64>value)
  else if (kind == KIND_INT32) store<i32>(values + (<usize>row << 2), <i32>value)
  else if (kind == KIND_FLOAT64) store<f64>(values + (<usize>row << 3), <f64>value)
  else if (kind == KIND_FLOAT32) store<f32>(values + (<usize>row << 2), <f32>value)
  else if (kind == KIND_INT16) store<i16>(values + (<usize>row << 1), <i16>value)
  else if (kind == KIND_INT8) store<i8>(values + row, <i8>value)
  else {
    assert(kind == KIND_BIT)
    const at = values + (row >> 3)
    const bit: u32 = 1 << (row & 7)
    const byte = load<u8>(at) & ~bit
    store<u8>(at, value != 0 ? byte | bit : byte)
  }
}
