// Kept rows: what an aggregate must hold on to as it is, because it has no fixed width (min, max, first and last of text) or is a row (top-N). Each
// entry has `limit` places, best first:
//
//   offset      u32   number of places taken; bit 31: some rows are pending
//   offset + 4  u32   references[limit]: to records (records.ts), or with bit 31 a pending row, which is still in the source
//
// A fold is keepRows, keepSettle and keepBind: the first refers to rows of the source, the second says which of them become records, the third refers to these. Equal
// rows keep their order of arrival, told by an int64 sequence: of a record its own bytes, of a batch `firstSequence` + row.

import {
  columnData, columnDictionary, columnExtra, columnFlags, columnIsValid, columnKind, columnOffsets, columnValues, COLUMN_DICTIONARY, KIND_BIT, KIND_BYTES, KIND_INT128,
  KIND_TIMESTAMP_NANOS,
} from './column'
import { fieldOffset, RECORD_OWN } from './records'
import { compareBytes, rowAt } from './rows'
import { keyOf, keyOfText } from './sort'

const PENDING: u32 = 0x80000000
// How rows are ordered: the values of KeepOrder.
const DESCENDING: u32 = 1
const FIRST: u32 = 2
/** As ascending, and of equal rows the later one comes first. */
const ASCENDING_LATEST: u32 = 4

// @ts-ignore: decorator
@inline function entryAt(entries: usize, row: u32): usize { return load<u32>(entries + (<usize>row << 2)) }

// @ts-ignore: decorator
@inline function keyOfRow(kind: u32, column: usize, row: u32): u64 {
  return kind == KIND_BYTES ? keyOfText(columnData(column), columnOffsets(column) + (<usize>row << 2)) : keyOf(kind, columnValues(column), row)
}

/** The key of a record's field that lies at `at`. */
// @ts-ignore: decorator
@inline function keyOfRecord(kind: u32, record: usize, at: usize): u64 {
  return kind == KIND_BYTES ? keyOfText(record, at) : kind == KIND_BIT ? <u64>load<u8>(at) : keyOf(kind, at, 0)
}

/** What is left of a row's value behind its key, of numbers. */
// @ts-ignore: decorator
@inline function restOfRow(kind: u32, column: usize, row: u32): u64 {
  if (kind == KIND_INT128) return load<u64>(columnValues(column) + (<usize>row << 4))
  return kind == KIND_TIMESTAMP_NANOS ? load<u32>(columnExtra(column) + (<usize>row << 2)) : 0
}

/** Order of two values whose keys are the same: of a row, and of one or of a record whose field lies at `at`. */
function compareRest(kind: u32, column: usize, row: u32, heldRow: u32, record: usize, at: usize): i32 {
  if (kind == KIND_BYTES) {
    const data = columnData(column)
    const one = columnOffsets(column) + (<usize>row << 2)
    const other = record == 0 ? columnOffsets(column) + (<usize>heldRow << 2) : at
    return compareBytes(data + load<u32>(one), load<u32>(one, 4) - load<u32>(one), (record == 0 ? data : record) + load<u32>(other), load<u32>(other, 4) - load<u32>(other))
  }
  const rest = restOfRow(kind, column, row)
  let held: u64 = 0
  if (record == 0) held = restOfRow(kind, column, heldRow)
  else if (kind == KIND_INT128) held = load<u64>(at)
  else if (kind == KIND_TIMESTAMP_NANOS) held = load<u32>(at, 8)
  return i32(rest > held) - i32(rest < held)
}

// @ts-ignore: decorator
@inline function sequenceOf(sequences: usize, firstSequence: f64, row: u32): i64 {
  return sequences == 0 ? <i64>firstSequence + <i64>row : load<i64>(sequences + (<usize>row << 3))
}

/**
 * Offers rows of a source to the places of their entries: `order` says which come first, by the values of `source`, which records of `store` have in a field. NULLs are
 * passed over. Lists the records that have lost their places: u32 out[n]. Returns how many.
 */
export function keepRows(
  entries: usize, n: u32, offset: usize, limit: u32, order: u32, source: usize, sequences: usize, firstSequence: f64, recordStore: usize, field: u32, selection: usize,
  begin: u32, out: usize,
): u32 {
  const codes: usize = (columnFlags(source) & COLUMN_DICTIONARY) != 0 ? columnValues(source) : 0
  const values = codes != 0 ? columnDictionary(source) : source
  const kind = columnKind(values)
  const flip: u64 = order == DESCENDING ? u64.MAX_VALUE : 0
  const isByValue = order < FIRST || order == ASCENDING_LATEST
  const fieldAt = fieldOffset(recordStore, field)
  let lost: u32 = 0
  for (let index: u32 = 0; index < n; index++) {
    const row = rowAt(selection, begin + index)
    if (!columnIsValid(source, row)) continue
    const head = entryAt(entries, index) + offset
    const count = load<u32>(head) & ~PENDING
    const sequence = sequenceOf(sequences, firstSequence, row)
    const valueRow = codes == 0 ? row : load<u32>(codes + (<usize>row << 2))
    const key: u64 = isByValue ? keyOfRow(kind, values, valueRow) ^ flip : 0
    let place = count
    for (; place > 0; place--) {
      const reference = load<u32>(head + (<usize>place << 2))
      const heldRow = reference & ~PENDING
      const record: usize = (reference & PENDING) != 0 ? 0 : <usize>reference << 3
      const heldSequence = record == 0 ? sequenceOf(sequences, firstSequence, heldRow) : load<i64>(record, RECORD_OWN)
      let before = order == FIRST ? sequence < heldSequence : sequence > heldSequence
      if (isByValue) {
        const heldValue = record == 0 && codes != 0 ? load<u32>(codes + (<usize>heldRow << 2)) : heldRow
        const heldKey = (record == 0 ? keyOfRow(kind, values, heldValue) : keyOfRecord(kind, record, record + fieldAt)) ^ flip
        if (key != heldKey) before = key < heldKey
        else {
          const rest = compareRest(kind, values, valueRow, heldValue, record, record + fieldAt)
          before = rest == 0 ? (sequence < heldSequence) == (order != ASCENDING_LATEST) : (rest < 0) == (order != DESCENDING)
        }
      }
      if (!before) break
    }
    if (place == limit) continue
    const last = min<u32>(count, limit - 1)
    if (count == limit) {
      const reference = load<u32>(head + (<usize>limit << 2))
      if ((reference & PENDING) == 0) store<u32>(out + (<usize>(lost++) << 2), reference)
    }
    const at = head + 4 + (<usize>place << 2)
    memory.copy(at + 4, at, <usize>(last - place) << 2)
    store<u32>(at, PENDING | row)
    store<u32>(head, PENDING | (last + 1))
  }
  return lost
}

/** Lists the pending rows of entries, int32 out[], and the addresses of their references, u32 places[]. An entry may be named several times. Returns how many: at most `n`. */
export function keepSettle(entries: usize, n: u32, offset: usize, out: usize, places: usize): u32 {
  let listed: u32 = 0
  for (let index: u32 = 0; index < n; index++) {
    const head = entryAt(entries, index) + offset
    const word = load<u32>(head)
    if ((word & PENDING) == 0) continue
    const count = word & ~PENDING
    store<u32>(head, count)
    for (let place: u32 = 1; place <= count; place++) {
      const at = head + (<usize>place << 2)
      const reference = load<u32>(at)
      if ((reference & PENDING) == 0) continue
      store<u32>(out + (<usize>listed << 2), reference & ~PENDING)
      store<u32>(places + (<usize>(listed++) << 2), <u32>at)
    }
  }
  return listed
}

/** Refers to records u32 refs[n] of int32 rows[n] from places[n], and writes their sequences. */
export function keepBind(places: usize, refs: usize, n: u32, rows: usize, sequences: usize, firstSequence: f64): void {
  for (let index: u32 = 0; index < n; index++) {
    const ref = load<u32>(refs + (<usize>index << 2))
    store<u32>(load<u32>(places + (<usize>index << 2)), ref)
    store<i64>(<usize>ref << 3, sequenceOf(sequences, firstSequence, load<u32>(rows + (<usize>index << 2))), RECORD_OWN)
  }
}

/** Lists the records of entries, in order, as u32 `out`; an entry without any is one 0 if `holes` is 1. Returns how many were written. */
export function keepList(entries: usize, n: u32, offset: usize, holes: u32, out: usize): u32 {
  let listed: u32 = 0
  for (let index: u32 = 0; index < n; index++) {
    const head = entryAt(entries, index) + offset
    const count = load<u32>(head)
    if (count == 0 && holes != 0) store<u32>(out + (<usize>(listed++) << 2), 0)
    for (let place: u32 = 1; place <= count; place++) store<u32>(out + (<usize>(listed++) << 2), load<u32>(head + (<usize>place << 2)))
  }
  return listed
}

/** Writes where the records of each entry end in that list, as the offsets of a LIST column: `ends[n]`, behind the offset at `ends - 4`. */
export function keepEnds(entries: usize, n: u32, offset: usize, ends: usize): void {
  let end = load<u32>(ends - 4)
  for (let index: u32 = 0; index < n; index++) {
    end += load<u32>(entryAt(entries, index) + offset)
    store<u32>(ends + (<usize>index << 2), end)
  }
}

/** Refers to the records that a {@link keepList} without holes now names. */
export function keepAssign(entries: usize, n: u32, offset: usize, refs: usize): void {
  for (let index: u32 = 0; index < n; index++) {
    const head = entryAt(entries, index) + offset
    const bytes = <usize>load<u32>(head) << 2
    memory.copy(head + 4, refs, bytes)
    refs += bytes
  }
}

/** {@link keepList} with the entry of `targets` beside each record of `sources`: what keepRows takes to merge entries. */
export function keepPairs(targets: usize, sources: usize, n: u32, offset: usize, outTargets: usize, out: usize): u32 {
  let listed: u32 = 0
  for (let index: u32 = 0; index < n; index++) {
    const count = load<u32>(entryAt(sources, index) + offset)
    for (let place: u32 = 0; place < count; place++) store<u32>(outTargets + (<usize>(listed++) << 2), entryAt(targets, index))
  }
  keepList(sources, n, offset, 0, out)
  return listed
}
