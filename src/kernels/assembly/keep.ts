// Kept rows: what an aggregate must hold on to as it is, because it has no fixed width (min, max, first and last of text) or is a row (top-N). Each
// entry has `limit` places, best first:
//
//   offset      u32   number of places taken; bit 31: some rows are pending
//   offset + 4  u32   references[limit]: row + 1 of the kept columns, or with bit 31 a pending row, which is still in the source
//
// A fold is keepRows and keepSettle: the first refers to rows of the source, the second says which of them are to be copied, and where to. Equal
// rows keep their order of arrival, told by an int64 sequence: of kept rows a column, of a batch `firstSequence` + row.

import {
  columnData, columnDictionary, columnExtra, columnFlags, columnIsValid, columnKind, columnOffsets, columnValues, COLUMN_DICTIONARY, KIND_BYTES, KIND_INT128,
  KIND_TIMESTAMP_NANOS,
} from './column'
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

/** Order of two rows whose keys are the same. */
function compareRest(kind: u32, left: usize, leftRow: u32, right: usize, rightRow: u32): i32 {
  if (kind == KIND_BYTES) {
    const a = columnOffsets(left) + (<usize>leftRow << 2)
    const b = columnOffsets(right) + (<usize>rightRow << 2)
    return compareBytes(columnData(left) + load<u32>(a), load<u32>(a, 4) - load<u32>(a), columnData(right) + load<u32>(b), load<u32>(b, 4) - load<u32>(b))
  }
  let a: u64 = 0
  let b: u64 = 0
  if (kind == KIND_INT128) {
    a = load<u64>(columnValues(left) + (<usize>leftRow << 4))
    b = load<u64>(columnValues(right) + (<usize>rightRow << 4))
  } else if (kind == KIND_TIMESTAMP_NANOS) {
    a = load<u32>(columnExtra(left) + (<usize>leftRow << 2))
    b = load<u32>(columnExtra(right) + (<usize>rightRow << 2))
  }
  return i32(a > b) - i32(a < b)
}

// @ts-ignore: decorator
@inline function sequenceOf(sequences: usize, firstSequence: f64, row: u32): i64 {
  return sequences == 0 ? <i64>firstSequence + <i64>row : load<i64>(sequences + (<usize>row << 3))
}

/**
 * Offers rows of a source to the places of their entries: `order` says which come first, by the values of `source`. NULLs are passed over. The
 * columns are those of the value by which rows are ordered, in the source and among the kept rows.
 */
export function keepRows(
  entries: usize, n: u32, offset: usize, limit: u32, order: u32, source: usize, sequences: usize, firstSequence: f64, kept: usize, keptSequences: usize,
  selection: usize, begin: u32,
): void {
  const codes: usize = (columnFlags(source) & COLUMN_DICTIONARY) != 0 ? columnValues(source) : 0
  const values = codes != 0 ? columnDictionary(source) : source
  const kind = columnKind(values)
  const flip: u64 = order == DESCENDING ? u64.MAX_VALUE : 0
  const isByValue = order < FIRST || order == ASCENDING_LATEST
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
      const pending = (reference & PENDING) != 0
      const heldRow = pending ? reference & ~PENDING : reference - 1
      const heldSequence = pending ? sequenceOf(sequences, firstSequence, heldRow) : load<i64>(keptSequences + (<usize>heldRow << 3))
      let before = order == FIRST ? sequence < heldSequence : sequence > heldSequence
      if (isByValue) {
        const column = pending ? values : kept
        const heldValue = pending && codes != 0 ? load<u32>(codes + (<usize>heldRow << 2)) : heldRow
        const heldKey = keyOfRow(kind, column, heldValue) ^ flip
        if (key != heldKey) before = key < heldKey
        else {
          const rest = compareRest(kind, values, valueRow, column, heldValue)
          before = rest == 0 ? (sequence < heldSequence) == (order != ASCENDING_LATEST) : (rest < 0) == (order != DESCENDING)
        }
      }
      if (!before) break
    }
    if (place == limit) continue
    const last = min<u32>(count, limit - 1)
    const at = head + 4 + (<usize>place << 2)
    memory.copy(at + 4, at, <usize>(last - place) << 2)
    store<u32>(at, PENDING | row)
    store<u32>(head, PENDING | (last + 1))
  }
}

/**
 * Gives the pending rows of entries their places behind `keptCount` kept ones: lists the rows to be copied there, in order, as int32 `out`, with
 * their sequences behind those of the kept ones. An entry may be named several times. Returns how many there are: at most `n`.
 */
export function keepSettle(
  entries: usize, n: u32, offset: usize, keptCount: u32, out: usize, sequences: usize, firstSequence: f64, keptSequences: usize,
): u32 {
  let copied: u32 = 0
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
      const row = reference & ~PENDING
      store<u32>(out + (<usize>copied << 2), row)
      store<i64>(keptSequences + (<usize>(keptCount + copied) << 3), sequenceOf(sequences, firstSequence, row))
      copied++
      store<u32>(at, keptCount + copied)
    }
  }
  return copied
}

/** Lists the kept rows of entries, in order, as int32 `out`; an entry without any is one -1 if `holes` is 1. Returns how many were written. */
export function keepList(entries: usize, n: u32, offset: usize, holes: u32, out: usize): u32 {
  let listed: u32 = 0
  for (let index: u32 = 0; index < n; index++) {
    const head = entryAt(entries, index) + offset
    const count = load<u32>(head)
    if (count == 0 && holes != 0) store<i32>(out + (<usize>(listed++) << 2), -1)
    for (let place: u32 = 1; place <= count; place++) store<u32>(out + (<usize>(listed++) << 2), load<u32>(head + (<usize>place << 2)) - 1)
  }
  return listed
}

/** Writes where the kept rows of each entry end in that list, as the offsets of a LIST column: `ends[n]`, behind the offset at `ends - 4`. */
export function keepEnds(entries: usize, n: u32, offset: usize, ends: usize): void {
  let end = load<u32>(ends - 4)
  for (let index: u32 = 0; index < n; index++) {
    end += load<u32>(entryAt(entries, index) + offset)
    store<u32>(ends + (<usize>index << 2), end)
  }
}

/** {@link keepList} that also numbers the rows anew, as they are listed, behind `keptCount` others. */
export function keepMove(entries: usize, n: u32, offset: usize, keptCount: u32, out: usize): u32 {
  const listed = keepList(entries, n, offset, 0, out)
  let row = keptCount
  for (let index: u32 = 0; index < n; index++) {
    const head = entryAt(entries, index) + offset
    const count = load<u32>(head)
    for (let place: u32 = 1; place <= count; place++) store<u32>(head + (<usize>place << 2), ++row)
  }
  return listed
}

/** {@link keepList} with the entry of `targets` beside each row of `sources`: what keepRows takes to merge entries. */
export function keepPairs(targets: usize, sources: usize, n: u32, offset: usize, outTargets: usize, out: usize): u32 {
  let listed: u32 = 0
  for (let index: u32 = 0; index < n; index++) {
    const count = load<u32>(entryAt(sources, index) + offset)
    for (let place: u32 = 0; place < count; place++) store<u32>(outTargets + (<usize>(listed++) << 2), entryAt(targets, index))
  }
  keepList(sources, n, offset, 0, out)
  return listed
}
