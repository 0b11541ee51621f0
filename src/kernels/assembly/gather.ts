// Rows from columns to columns: append the rows that a selection names, all physical kinds, nested ones included. The destination has room (its
// descriptor's capacities are checked in the checked build); `gatherBytes` and `gatherChildRows` say how much is needed. Also the one place
// in which kernels write validity: bits mean nothing until the null count is above 0, the first NULL fills them.

import {
  bitIsSet, clearBit, columnChild, columnChildCount, columnData, columnDataCapacity, columnDataLength, columnDictionary, columnExtra, columnFlags, columnKind,
  columnNullCount, columnOffsets, columnRowCapacity, columnValidity, columnValues, COLUMN_DICTIONARY, KIND_BIT, KIND_BYTES, KIND_FLOAT32, KIND_FLOAT64, KIND_INT128,
  KIND_INT16, KIND_INT32, KIND_INT64, KIND_INT8, KIND_LIST, KIND_MAP, KIND_STRUCT, KIND_TIMESTAMP_NANOS, setBit, setColumnDataLength, setColumnNullCount,
} from './column'
import { rowAt } from './keys'

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
