// Groups of rows that change as rows come and go: which groups a batch touches, which rows count for which aggregate, and which results are no longer
// what they were. `entries` are u32 entry addresses, one a row; row `i` of a call is the row at logical position `begin + i`. What is listed goes to
// u32 outEntries[] and int32 outRows[] (physical rows), side by side; each call returns how many there are.

import {
  bitIsSet, columnData, columnExtra, columnIsValid, columnKind, columnNullCount, columnOffsets, columnValidity, columnValues, KIND_BIT, KIND_BYTES, KIND_FLOAT32,
  KIND_INT128, KIND_INT16, KIND_INT32, KIND_INT8, KIND_TIMESTAMP_NANOS,
} from './column'
import { rowAt, sameBytes } from './rows'

// @ts-ignore: decorator
@inline function entryAt(entries: usize, row: u32): usize { return load<u32>(entries + (<usize>row << 2)) }

/** Lists entries that do not bear a stamp yet, each once, in the order in which they come, and stamps them. */
export function groupsTouch(entries: usize, n: u32, offset: usize, stamp: u32, out: usize): u32 {
  const start = out
  for (let row: u32 = 0; row < n; row++) {
    const entry = entryAt(entries, row)
    const isFresh = load<u32>(entry + offset) != stamp
    store<u32>(entry + offset, stamp)
    store<u32>(out, <u32>entry)
    out += <usize>isFresh << 2
  }
  return <u32>((out - start) >> 2)
}

/** Lists rows whose BOOLEAN is TRUE. */
export function groupsWhere(entries: usize, n: u32, column: usize, selection: usize, begin: u32, outEntries: usize, outRows: usize): u32 {
  assert(columnKind(column) == KIND_BIT)
  const values = columnValues(column)
  const validity: usize = columnNullCount(column) == 0 ? 0 : columnValidity(column)
  let count: usize = 0
  for (let index: u32 = 0; index < n; index++) {
    const row = rowAt(selection, begin + index)
    store<u32>(outEntries + (count << 2), load<u32>(entries + (<usize>index << 2)))
    store<u32>(outRows + (count << 2), row)
    count += <usize>(bitIsSet(values, row) && (validity == 0 || bitIsSet(validity, row)))
  }
  return <u32>count
}

/** Lists rows that are not NULL. */
export function groupsNotNull(entries: usize, n: u32, column: usize, selection: usize, begin: u32, outEntries: usize, outRows: usize): u32 {
  const validity: usize = columnNullCount(column) == 0 ? 0 : columnValidity(column)
  let count: usize = 0
  for (let index: u32 = 0; index < n; index++) {
    const row = rowAt(selection, begin + index)
    store<u32>(outEntries + (count << 2), load<u32>(entries + (<usize>index << 2)))
    store<u32>(outRows + (count << 2), row)
    count += <usize>(validity == 0 || bitIsSet(validity, row))
  }
  return <u32>count
}

/**
 * Counts rows, by u8 kinds of physical rows, in the int64 at `offset` of their groups, in their order: INSERT and UPDATE_AFTER add one, UPDATE_BEFORE and DELETE take one
 * back. What is taken from a group without rows is passed over: nobody knows it. Lists both, and writes how many there are of each to u32 counts[2].
 */
export function groupsCount(
  entries: usize, n: u32, kinds: usize, offset: usize, selection: usize, begin: u32, addedEntries: usize, addedRows: usize, takenEntries: usize, takenRows: usize,
  counts: usize,
): void {
  let added: usize = 0
  let taken: usize = 0
  for (let index: u32 = 0; index < n; index++) {
    const row = rowAt(selection, begin + index)
    const entry = entryAt(entries, index)
    const rows = load<i64>(entry + offset)
    if ((load<u8>(kinds + row) & 1) == 0) {
      store<i64>(entry + offset, rows + 1)
      store<u32>(addedEntries + (added << 2), <u32>entry)
      store<u32>(addedRows + (added << 2), row)
      added++
    } else if (rows > 0) {
      store<i64>(entry + offset, rows - 1)
      store<u32>(takenEntries + (taken << 2), <u32>entry)
      store<u32>(takenRows + (taken << 2), row)
      taken++
    }
  }
  store<u32>(counts, <u32>added)
  store<u32>(counts, <u32>taken, 4)
}

/**
 * Lists rows whose value their group meets for the first time: of entries u32 pairs[n] of (group, value), those without `bit` at `offset`, which gets it.
 * Only rows whose BOOLEAN `filter` is TRUE count, unless it is 0.
 */
export function groupsOfNew(
  entries: usize, pairs: usize, n: u32, offset: usize, bit: u32, filter: usize, selection: usize, begin: u32, outEntries: usize, outRows: usize,
): u32 {
  let count: usize = 0
  for (let index: u32 = 0; index < n; index++) {
    const row = rowAt(selection, begin + index)
    if (filter != 0 && !(bitIsSet(columnValues(filter), row) && columnIsValid(filter, row))) continue
    const at = entryAt(pairs, index) + offset
    const seen = load<u32>(at)
    store<u32>(at, seen | bit)
    store<u32>(outEntries + (count << 2), load<u32>(entries + (<usize>index << 2)))
    store<u32>(outRows + (count << 2), row)
    count += <usize>((seen & bit) == 0)
  }
  return <u32>count
}

// @ts-ignore: decorator
@inline function differs<T>(values: usize, left: u32, right: u32): bool {
  return load<T>(values + <usize>left * sizeof<T>()) != load<T>(values + <usize>right * sizeof<T>())
}

/** Whether two rows of a column differ, bit by bit. */
function differ(column: usize, kind: u32, left: u32, right: u32): bool {
  if (columnNullCount(column) != 0) {
    const isValid = columnIsValid(column, left)
    if (isValid != columnIsValid(column, right)) return true
    if (!isValid) return false
  }
  const values = columnValues(column)
  if (kind == KIND_BIT) return bitIsSet(values, left) != bitIsSet(values, right)
  if (kind == KIND_INT8) return differs<u8>(values, left, right)
  if (kind == KIND_INT16) return differs<u16>(values, left, right)
  if (kind == KIND_INT32 || kind == KIND_FLOAT32) return differs<u32>(values, left, right)
  if (kind == KIND_INT128) return differs<u64>(values, left * 2, right * 2) || differs<u64>(values, left * 2 + 1, right * 2 + 1)
  if (kind == KIND_TIMESTAMP_NANOS) return differs<u64>(values, left, right) || differs<u32>(columnExtra(column), left, right)
  if (kind == KIND_BYTES) {
    const offsets = columnOffsets(column)
    const from = load<u32>(offsets + (<usize>left << 2))
    const other = load<u32>(offsets + (<usize>right << 2))
    const length = load<u32>(offsets + (<usize>left << 2), 4) - from
    if (load<u32>(offsets + (<usize>right << 2), 4) - other != length) return true
    return !sameBytes(columnData(column) + from, columnData(column) + other, length)
  }
  return differs<u64>(values, left, right)
}

/** Sets the bytes u8 flags[n] of pairs of rows, int32 left[n] and right[n], that differ in a column without children. Others stay as they are. */
export function groupsDiffer(column: usize, left: usize, right: usize, n: u32, flags: usize): void {
  const kind = columnKind(column)
  for (let index: u32 = 0; index < n; index++) {
    if (differ(column, kind, load<u32>(left + (<usize>index << 2)), load<u32>(right + (<usize>index << 2)))) store<u8>(flags + index, 1)
  }
}
