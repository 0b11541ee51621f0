// Selection: the physical rows, among those at logical positions begin..begin + n - 1, for which something holds: int32 out[] in order, and how
// many. A condition on NULL does not hold. AND is a call on the result of another call (as `selection`, begin 0); OR and NOT are set operations
// on lists in ascending order. No branch depends on data: the row is always written, the list grows by 0 or 1. `out` may be `selection`.

import {
  bitIsSet, columnData, columnDictionary, columnExtra, columnFlags, columnKind, columnNullCount, columnOffsets, columnValidity, columnValues, COLUMN_DICTIONARY,
  KIND_BIT, KIND_BYTES, KIND_FLOAT32, KIND_FLOAT64, KIND_INT128, KIND_INT16, KIND_INT32, KIND_INT64, KIND_INT8, KIND_TIMESTAMP_NANOS,
} from './column'
import { compareBytes, NOWHERE, placeOfBytes, rowAt, sameBytes } from './rows'

const EQUAL: u32 = 0
const NOT_EQUAL: u32 = 1
const LESS: u32 = 2
const LESS_OR_EQUAL: u32 = 3
const GREATER: u32 = 4
const GREATER_OR_EQUAL: u32 = 5
const STARTS_WITH: u32 = 6
const ENDS_WITH: u32 = 7
const CONTAINS: u32 = 8

/** Rows whose bit is set (`wanted` 1) or not (0). Bits are by physical row. */
export function selectBits(bits: usize, wanted: u32, selection: usize, begin: u32, n: u32, out: usize): u32 {
  const start = out
  for (let position = begin; position < begin + n; position++) {
    const row = rowAt(selection, position)
    store<u32>(out, row)
    out += <usize>(u32(bitIsSet(bits, row)) == wanted) << 2
  }
  return <u32>((out - start) >> 2)
}

/** Rows whose byte is not 0. Bytes are by physical row. */
export function selectBytes(bytes: usize, selection: usize, begin: u32, n: u32, out: usize): u32 {
  const start = out
  for (let position = begin; position < begin + n; position++) {
    const row = rowAt(selection, position)
    store<u32>(out, row)
    out += <usize>(load<u8>(bytes + row) != 0) << 2
  }
  return <u32>((out - start) >> 2)
}

/** Rows that are NULL (`wanted` 1) or not (0). */
export function selectNull(column: usize, wanted: u32, selection: usize, begin: u32, n: u32, out: usize): u32 {
  if (columnNullCount(column) != 0) return selectBits(columnValidity(column), 1 - wanted, selection, begin, n, out)
  if (wanted != 0) return 0
  for (let index: u32 = 0; index < n; index++) store<u32>(out + (<usize>index << 2), rowAt(selection, begin + index))
  return n
}

// @ts-ignore: decorator
@inline function holds<T>(operation: u32, left: T, right: T): bool {
  if (operation == EQUAL) return left == right
  if (operation == NOT_EQUAL) return left != right
  if (operation == LESS) return left < right
  if (operation == LESS_OR_EQUAL) return left <= right
  if (operation == GREATER) return left > right
  return left >= right
}

/** Values of NULL rows are compared too; the caller takes those rows out again. */
// @ts-ignore: decorator
@inline function selectWith<S, T>(operation: u32, column: usize, constant: T, selection: usize, begin: u32, n: u32, out: usize): u32 {
  const values = columnValues(column)
  const start = out
  if (selection == 0) {
    let at = values + <usize>begin * sizeof<S>()
    for (let row = begin; row < begin + n; row++) {
      store<u32>(out, row)
      out += <usize>holds<T>(operation, <T>load<S>(at), constant) << 2
      at += sizeof<S>()
    }
  } else {
    selection += <usize>begin << 2
    const end = selection + (<usize>n << 2)
    for (; selection < end; selection += 4) {
      const row = load<u32>(selection)
      store<u32>(out, row)
      out += <usize>holds<T>(operation, <T>load<S>(values + <usize>row * sizeof<S>()), constant) << 2
    }
  }
  return <u32>((out - start) >> 2)
}

// @ts-ignore: decorator
@inline function selectBy<S, T>(operation: u32, column: usize, constant: T, selection: usize, begin: u32, n: u32, out: usize): u32 {
  if (operation == EQUAL) return selectWith<S, T>(EQUAL, column, constant, selection, begin, n, out)
  if (operation == NOT_EQUAL) return selectWith<S, T>(NOT_EQUAL, column, constant, selection, begin, n, out)
  if (operation == LESS) return selectWith<S, T>(LESS, column, constant, selection, begin, n, out)
  if (operation == LESS_OR_EQUAL) return selectWith<S, T>(LESS_OR_EQUAL, column, constant, selection, begin, n, out)
  if (operation == GREATER) return selectWith<S, T>(GREATER, column, constant, selection, begin, n, out)
  return selectWith<S, T>(GREATER_OR_EQUAL, column, constant, selection, begin, n, out)
}

const NANOS_PER_MS: i64 = 1_000_000

/** How the value at `row` of an INT128 or TIMESTAMP_NANOS column (by its epoch nanoseconds) compares with a constant of 64 bits. */
// @ts-ignore: decorator
@inline function compareWide(kind: u32, values: usize, extra: usize, row: u32, constant: i64): i32 {
  if (kind == KIND_INT128) {
    const low = load<u64>(values + (<usize>row << 4))
    const high = load<i64>(values + (<usize>row << 4), 8)
    if (high != constant >> 63) return high < constant >> 63 ? -1 : 1
    return i32(low > <u64>constant) - i32(low < <u64>constant)
  }
  let ms = constant / NANOS_PER_MS
  let nanos = <i32>(constant - ms * NANOS_PER_MS)
  if (nanos < 0) { ms -= 1; nanos += <i32>NANOS_PER_MS }
  const value = load<i64>(values + (<usize>row << 3))
  if (value != ms) return value < ms ? -1 : 1
  const rest = load<i32>(extra + (<usize>row << 2))
  return i32(rest > nanos) - i32(rest < nanos)
}

function selectWide(operation: u32, column: usize, constant: i64, selection: usize, begin: u32, n: u32, out: usize): u32 {
  const kind = columnKind(column)
  const values = columnValues(column)
  const extra = columnExtra(column)
  const start = out
  for (let position = begin; position < begin + n; position++) {
    const row = rowAt(selection, position)
    store<u32>(out, row)
    out += <usize>holds<i32>(operation, compareWide(kind, values, extra, row, constant), 0) << 2
  }
  return <u32>((out - start) >> 2)
}

function selectIntegerOrNull(operation: u32, column: usize, constant: i64, selection: usize, begin: u32, n: u32, out: usize): u32 {
  const kind = columnKind(column)
  if (kind == KIND_INT64) return selectBy<i64, i64>(operation, column, constant, selection, begin, n, out)
  if (kind == KIND_INT32) return selectBy<i32, i64>(operation, column, constant, selection, begin, n, out)
  if (kind == KIND_INT16) return selectBy<i16, i64>(operation, column, constant, selection, begin, n, out)
  if (kind == KIND_INT8) return selectBy<i8, i64>(operation, column, constant, selection, begin, n, out)
  if (kind == KIND_INT128 || kind == KIND_TIMESTAMP_NANOS) return selectWide(operation, column, constant, selection, begin, n, out)
  assert(kind == KIND_BIT)
  const values = columnValues(column)
  const start = out
  for (let position = begin; position < begin + n; position++) {
    const row = rowAt(selection, position)
    store<u32>(out, row)
    out += <usize>holds<i64>(operation, i64(bitIsSet(values, row)), constant) << 2
  }
  return <u32>((out - start) >> 2)
}

/** Takes the NULL rows out of a list. */
// @ts-ignore: decorator
@inline function present(column: usize, rows: usize, n: u32): u32 {
  return columnNullCount(column) == 0 ? n : selectBits(columnValidity(column), 1, rows, 0, n, rows)
}

/** Rows whose integer (any integer kind, BIT as 0 and 1, TIMESTAMP_NANOS as epoch nanoseconds) compares with a constant. */
export function selectInteger(operation: u32, column: usize, constant: i64, selection: usize, begin: u32, n: u32, out: usize): u32 {
  return present(column, out, selectIntegerOrNull(operation, column, constant, selection, begin, n, out))
}

/** Rows whose FLOAT or DOUBLE compares with a constant, as IEEE 754 compares. */
export function selectFloat(operation: u32, column: usize, constant: f64, selection: usize, begin: u32, n: u32, out: usize): u32 {
  const wide = columnKind(column) == KIND_FLOAT64
  assert(wide || columnKind(column) == KIND_FLOAT32)
  const count = wide
    ? selectBy<f64, f64>(operation, column, constant, selection, begin, n, out)
    : selectBy<f32, f64>(operation, column, constant, selection, begin, n, out)
  return present(column, out, count)
}

/** Whether bytes compare with others. */
// @ts-ignore: decorator
@inline export function textHolds(operation: u32, text: usize, bytes: u32, constant: usize, constantBytes: u32): bool {
  if (operation <= NOT_EQUAL) return (bytes == constantBytes && sameBytes(text, constant, bytes)) == (operation == EQUAL)
  if (operation == STARTS_WITH) return bytes >= constantBytes && sameBytes(text, constant, constantBytes)
  if (operation == ENDS_WITH) return bytes >= constantBytes && sameBytes(text + bytes - constantBytes, constant, constantBytes)
  if (operation == CONTAINS) return placeOfBytes(text, bytes, constant, constantBytes) != NOWHERE
  return holds<i32>(operation, compareBytes(text, bytes, constant, constantBytes), 0)
}

/** Rows whose bytes compare with a constant, bytewise. The constant has slack behind it like any buffer. */
export function selectText(operation: u32, column: usize, constant: usize, constantBytes: u32, selection: usize, begin: u32, n: u32, out: usize): u32 {
  const coded = (columnFlags(column) & COLUMN_DICTIONARY) != 0
  const source = coded ? columnDictionary(column) : column
  assert(columnKind(source) == KIND_BYTES)
  const offsets = columnOffsets(source)
  const data = columnData(source)
  const validity: usize = columnNullCount(column) == 0 ? 0 : columnValidity(column)
  const start = out
  for (let position = begin; position < begin + n; position++) {
    const row = rowAt(selection, position)
    if (validity != 0 && !bitIsSet(validity, row)) continue
    const at = offsets + (<usize>(coded ? load<u32>(columnValues(column) + (<usize>row << 2)) : row) << 2)
    const text = load<u32>(at)
    store<u32>(out, row)
    out += <usize>textHolds(operation, data + text, load<u32>(at, 4) - text, constant, constantBytes) << 2
  }
  return <u32>((out - start) >> 2)
}

/** Rows of either of two ascending lists. */
export function selectUnion(left: usize, leftCount: u32, right: usize, rightCount: u32, out: usize): u32 {
  const start = out
  const leftEnd = left + (<usize>leftCount << 2)
  const rightEnd = right + (<usize>rightCount << 2)
  while (left < leftEnd && right < rightEnd) {
    const a = load<u32>(left)
    const b = load<u32>(right)
    store<u32>(out, min<u32>(a, b))
    out += 4
    left += <usize>(a <= b) << 2
    right += <usize>(b <= a) << 2
  }
  for (; left < leftEnd; left += 4, out += 4) store<u32>(out, load<u32>(left))
  for (; right < rightEnd; right += 4, out += 4) store<u32>(out, load<u32>(right))
  return <u32>((out - start) >> 2)
}

/** Rows at logical positions begin..begin + n - 1 that are not in an ascending list of some of them: NOT, where NULL counts as false. */
export function selectDifference(selection: usize, begin: u32, n: u32, excluded: usize, excludedCount: u32, out: usize): u32 {
  const start = out
  const excludedEnd = excluded + (<usize>excludedCount << 2)
  for (let position = begin; position < begin + n; position++) {
    const row = rowAt(selection, position)
    const skip = excluded < excludedEnd && load<u32>(excluded) == row
    store<u32>(out, row)
    excluded += <usize>skip << 2
    out += <usize>!skip << 2
  }
  return <u32>((out - start) >> 2)
}
