// Records: rows that are kept for long, each in one piece of memory, so that a row costs its own bytes, is found in a cache line or two, and gives its place back when it
// goes. ../records-layout.ts draws the store and its records; a test compares the constants. Row `i` of a call is the row at logical position `begin + i`. References
// are addresses divided by 8; 0 stands for no record, which reads as NULLs.

import {
  bitIsSet, clearBit, columnChild, columnChildCount, columnData, columnDictionary, columnExtra, columnFlags, columnIsValid, columnKind, columnNullCount, columnOffsets,
  columnValidity, columnValues, COLUMN_DICTIONARY, KIND_BIT, KIND_BYTES, KIND_FLOAT32, KIND_INT128, KIND_INT16, KIND_INT32, KIND_INT8, KIND_LIST, KIND_MAP, KIND_OBJECT,
  KIND_STRUCT, KIND_TIMESTAMP_NANOS, setBit, setColumnDataLength,
} from './column'
import { copyShort, rowAt, writeNull, writeValid } from './rows'

export const STORE_NEXT: usize = 0
export const STORE_END: usize = 4
export const STORE_PENDING_BYTES: usize = 8
export const STORE_USED_BYTES: usize = 12
export const STORE_FREE_BYTES: usize = 16
export const STORE_FIELD_COUNT: usize = 20
export const STORE_FIXED_BYTES: usize = 24
export const STORE_NULLS: usize = 28
export const STORE_ENDS: usize = 32
export const STORE_END_COUNT: usize = 36
export const STORE_FREE: usize = 64
export const STORE_SCRATCH: usize = 1472
export const STORE_FIELDS: usize = 2496

export const RECORD_NEXT: usize = 0
export const RECORD_BYTES: usize = 4
export const RECORD_OWN: usize = 8

/** Rows that are written or read at a time: their records stay in the first-level cache from column to column. */
const BLOCK_ROWS: u32 = 256
/** Up to here a record is as long as it must be; longer ones come in four sizes for each power of two. */
const EXACT_BYTES: u32 = 2048
const EXACT_BITS: u32 = 11

// @ts-ignore: decorator
@inline export function recordOf(refs: usize, index: u32): usize { return <usize>load<u32>(refs + (<usize>index << 2)) << 3 }
// @ts-ignore: decorator
@inline export function fieldKind(pool: usize, field: u32): u32 { return load<u32>(pool + STORE_FIELDS + (<usize>field << 3)) }
/** Where a field of fixed width lies in a record; of the others, where its beginning and its end stand, u32 each. */
// @ts-ignore: decorator
@inline export function fieldOffset(pool: usize, field: u32): usize { return load<u32>(pool + STORE_FIELDS + (<usize>field << 3), 4) }

// @ts-ignore: decorator
@inline function isNested(kind: u32): bool { return kind >= KIND_LIST && kind <= KIND_STRUCT }

/** Copies bytes and writes nothing behind them. */
// @ts-ignore: decorator
@inline function copyExactly(target: usize, source: usize, bytes: u32): void {
  if (bytes >= 16) {
    const last = <usize>bytes - 16
    for (let at: usize = 0; at < last; at += 16) v128.store(target + at, v128.load(source + at))
    v128.store(target + last, v128.load(source + last))
  } else if (bytes >= 8) {
    const last = load<u64>(source + <usize>bytes - 8)
    store<u64>(target, load<u64>(source))
    store<u64>(target + <usize>bytes - 8, last)
  } else for (let at: usize = 0; at < <usize>bytes; at++) store<u8>(target + at, load<u8>(source + at))
}

// ---- memory ----

/** The bytes that a record of so many takes. */
// @ts-ignore: decorator
@inline function roomFor(bytes: u32): u32 {
  if (bytes <= EXACT_BYTES) return (bytes + 7) & ~7
  const quarter: u32 = (<u32>1 << (31 - clz(bytes - 1))) >> 2
  return (bytes + quarter - 1) & ~(quarter - 1)
}

/** The list of free records that one of so many bytes, as {@link roomFor} has them, belongs to. */
function listOf(bytes: u32): u32 {
  if (bytes <= EXACT_BYTES) return bytes >> 3
  const power: u32 = 31 - clz(bytes - 1)
  return (EXACT_BYTES >> 3) + ((power - EXACT_BITS) << 2) + ((bytes - (<u32>1 << power)) >> (power - 2))
}

/** A free record of so many bytes, or of an eighth more at most; 0: there is none. */
function takeFree(pool: usize, bytes: u32): usize {
  const list = listOf(bytes)
  const last = bytes <= EXACT_BYTES ? min<u32>(list + (list >> 3), EXACT_BYTES >> 3) : list
  for (let at = list; at <= last; at++) {
    const head = pool + STORE_FREE + (<usize>at << 2)
    const record = <usize>load<u32>(head) << 3
    if (record == 0) continue
    store<u32>(head, load<u32>(record, RECORD_NEXT))
    const taken = load<u32>(record, RECORD_BYTES)
    store<u32>(pool, load<u32>(pool, STORE_FREE_BYTES) - taken, STORE_FREE_BYTES)
    store<u32>(pool, load<u32>(pool, STORE_USED_BYTES) + taken, STORE_USED_BYTES)
    return record
  }
  return 0
}

/** Room for a record, its header written; 0: the store needs another page for it. */
// @ts-ignore: decorator
@inline function take(pool: usize, wanted: u32): usize {
  const bytes = roomFor(wanted)
  let record: usize = load<u32>(pool, STORE_FREE_BYTES) == 0 ? 0 : takeFree(pool, bytes)
  if (record == 0) {
    record = load<u32>(pool, STORE_NEXT)
    if (load<u32>(pool, STORE_END) - <u32>record < bytes) {
      store<u32>(pool, bytes, STORE_PENDING_BYTES)
      return 0
    }
    store<u32>(pool, <u32>record + bytes, STORE_NEXT)
    store<u32>(pool, load<u32>(pool, STORE_USED_BYTES) + bytes, STORE_USED_BYTES)
    store<u32>(record, bytes, RECORD_BYTES)
  }
  store<u32>(record, 0, RECORD_NEXT)
  return record
}

/** Gives records u32 refs[n] back, each of which is named once. */
export function recordsFree(pool: usize, refs: usize, n: u32): void {
  let freed: u32 = 0
  for (let index: u32 = 0; index < n; index++) {
    const record = recordOf(refs, index)
    const bytes = load<u32>(record, RECORD_BYTES)
    const head = pool + STORE_FREE + (<usize>listOf(bytes) << 2)
    store<u32>(record, load<u32>(head), RECORD_NEXT)
    store<u32>(head, <u32>(record >> 3))
    freed += bytes
  }
  store<u32>(pool, load<u32>(pool, STORE_FREE_BYTES) + freed, STORE_FREE_BYTES)
  store<u32>(pool, load<u32>(pool, STORE_USED_BYTES) - freed, STORE_USED_BYTES)
}

/** Copies records u32 refs[n] into the room of another store of the same fields, and names the copies in their places. Returns how many have found room. */
export function recordsMove(pool: usize, refs: usize, n: u32): u32 {
  for (let index: u32 = 0; index < n; index++) {
    const old = recordOf(refs, index)
    const record = take(pool, load<u32>(old, RECORD_BYTES))
    if (record == 0) return index
    const bytes = load<u32>(record, RECORD_BYTES)
    memory.copy(record, old, load<u32>(old, RECORD_BYTES))
    store<u32>(record, bytes, RECORD_BYTES)
    store<u32>(refs + (<usize>index << 2), <u32>(record >> 3))
  }
  return n
}

/** Lists the records that lie one behind the other from one address to another, of a store that none was given back to: u32 out[max]. Returns how many. */
export function recordsList(from: usize, to: usize, out: usize, max: u32): u32 {
  let count: u32 = 0
  for (; from < to && count < max; count++) {
    store<u32>(out + (<usize>count << 2), <u32>(from >> 3))
    from += load<u32>(from, RECORD_BYTES)
  }
  return count
}

// ---- nested values: a byte for whether there is one, then of BYTES u32 length and the bytes, of LIST and MAP u32 count and the elements, of STRUCT its fields ----

// @ts-ignore: decorator
@inline function widthOf(kind: u32): u32 {
  if (kind == KIND_BIT || kind == KIND_INT8) return 1
  if (kind == KIND_INT16) return 2
  if (kind == KIND_INT32 || kind == KIND_FLOAT32) return 4
  if (kind == KIND_INT128) return 16
  return kind == KIND_TIMESTAMP_NANOS ? 12 : 8
}

function nestedBytes(column: usize, row: u32): u32 {
  if (!columnIsValid(column, row)) return 1
  if ((columnFlags(column) & COLUMN_DICTIONARY) != 0) return nestedBytes(columnDictionary(column), load<u32>(columnValues(column) + (<usize>row << 2)))
  return 1 + presentBytes(column, row)
}

/** Bytes of a value that is there, without those that say so. */
function presentBytes(column: usize, row: u32): u32 {
  const kind = columnKind(column)
  if (kind < KIND_BYTES) return widthOf(kind)
  let bytes: u32 = 4
  const children = columnChildCount(column)
  if (kind == KIND_STRUCT) {
    bytes = 0
    for (let child: u32 = 0; child < children; child++) bytes += nestedBytes(columnChild(column, child), row)
    return bytes
  }
  const at = columnOffsets(column) + (<usize>row << 2)
  const first = load<u32>(at)
  const end = load<u32>(at, 4)
  if (kind == KIND_BYTES) return 4 + end - first
  for (let element = first; element < end; element++) {
    for (let child: u32 = 0; child < children; child++) bytes += nestedBytes(columnChild(column, child), element)
  }
  return bytes
}

function writeNested(column: usize, row: u32, at: usize): usize {
  if (!columnIsValid(column, row)) {
    store<u8>(at, 0)
    return at + 1
  }
  if ((columnFlags(column) & COLUMN_DICTIONARY) != 0) return writeNested(columnDictionary(column), load<u32>(columnValues(column) + (<usize>row << 2)), at)
  store<u8>(at, 1)
  return writePresent(column, row, at + 1)
}

function writePresent(column: usize, row: u32, at: usize): usize {
  const kind = columnKind(column)
  const values = columnValues(column)
  if (kind < KIND_BYTES) {
    if (kind == KIND_BIT) store<u8>(at, u8(bitIsSet(values, row)))
    else if (kind == KIND_INT8) store<u8>(at, load<u8>(values + row))
    else if (kind == KIND_INT16) store<u16>(at, load<u16>(values + (<usize>row << 1)))
    else if (kind == KIND_INT32 || kind == KIND_FLOAT32) store<u32>(at, load<u32>(values + (<usize>row << 2)))
    else if (kind == KIND_INT128) v128.store(at, v128.load(values + (<usize>row << 4)))
    else {
      store<u64>(at, load<u64>(values + (<usize>row << 3)))
      if (kind == KIND_TIMESTAMP_NANOS) store<u32>(at, load<u32>(columnExtra(column) + (<usize>row << 2)), 8)
    }
    return at + widthOf(kind)
  }
  const children = columnChildCount(column)
  if (kind == KIND_STRUCT) {
    for (let child: u32 = 0; child < children; child++) at = writeNested(columnChild(column, child), row, at)
    return at
  }
  const offset = columnOffsets(column) + (<usize>row << 2)
  const first = load<u32>(offset)
  const end = load<u32>(offset, 4)
  store<u32>(at, end - first)
  at += 4
  if (kind == KIND_BYTES) {
    copyExactly(at, columnData(column) + first, end - first)
    return at + (end - first)
  }
  for (let element = first; element < end; element++) {
    for (let child: u32 = 0; child < children; child++) at = writeNested(columnChild(column, child), element, at)
  }
  return at
}

/** Appends a value to a column that has room for it. Returns where the next one begins. */
function readNested(column: usize, row: u32, at: usize): usize {
  if (load<u8>(at) == 0) {
    skipRow(column, row)
    if (columnValidity(column) != 0) writeNull(column, row)
    return at + 1
  }
  writeValid(column, row)
  return readPresent(column, row, at + 1)
}

function readPresent(column: usize, row: u32, at: usize): usize {
  const kind = columnKind(column)
  const values = columnValues(column)
  if (kind < KIND_BYTES) {
    if (kind == KIND_BIT) {
      if (load<u8>(at) != 0) setBit(values, row)
      else clearBit(values, row)
    } else if (kind == KIND_INT8) store<u8>(values + row, load<u8>(at))
    else if (kind == KIND_INT16) store<u16>(values + (<usize>row << 1), load<u16>(at))
    else if (kind == KIND_INT32 || kind == KIND_FLOAT32) store<u32>(values + (<usize>row << 2), load<u32>(at))
    else if (kind == KIND_INT128) v128.store(values + (<usize>row << 4), v128.load(at))
    else {
      store<u64>(values + (<usize>row << 3), load<u64>(at))
      if (kind == KIND_TIMESTAMP_NANOS) store<u32>(columnExtra(column) + (<usize>row << 2), load<u32>(at, 8))
    }
    return at + widthOf(kind)
  }
  const children = columnChildCount(column)
  if (kind == KIND_STRUCT) {
    for (let child: u32 = 0; child < children; child++) at = readNested(columnChild(column, child), row, at)
    return at
  }
  const offset = columnOffsets(column) + (<usize>row << 2)
  const first = load<u32>(offset)
  const count = load<u32>(at)
  at += 4
  store<u32>(offset, first + count, 4)
  if (kind == KIND_BYTES) {
    copyShort(columnData(column) + first, at, count)
    setColumnDataLength(column, first + count)
    return at + count
  }
  for (let element: u32 = 0; element < count; element++) {
    for (let child: u32 = 0; child < children; child++) at = readNested(columnChild(column, child), first + element, at)
  }
  return at
}

/** A row without a value has no bytes and no elements. */
function skipRow(column: usize, row: u32): void {
  const kind = columnKind(column)
  if (kind == KIND_BYTES || kind == KIND_LIST || kind == KIND_MAP) {
    const offset = columnOffsets(column) + (<usize>row << 2)
    store<u32>(offset, load<u32>(offset), 4)
  } else if (kind == KIND_STRUCT) {
    const children = columnChildCount(column)
    for (let child: u32 = 0; child < children; child++) {
      skipRow(columnChild(column, child), row)
      if (columnValidity(columnChild(column, child)) != 0) writeNull(columnChild(column, child), row)
    }
  }
}

/** Adds what a nested value takes, rows and bytes of its column and of all below it, to f64 totals[] at `node`. Returns where the value ends; `nodes` those of its column. */
function countNested(column: usize, at: usize, totals: usize): usize {
  store<f64>(totals, load<f64>(totals) + 1)
  return load<u8>(at) == 0 ? at + 1 : countPresent(column, at + 1, totals)
}

function countPresent(column: usize, at: usize, totals: usize): usize {
  const kind = columnKind(column)
  if (kind < KIND_BYTES) return at + widthOf(kind)
  const children = columnChildCount(column)
  let count: u32 = 1
  if (kind != KIND_STRUCT) {
    count = load<u32>(at)
    at += 4
    if (kind == KIND_BYTES) {
      store<f64>(totals, load<f64>(totals, 8) + <f64>count, 8)
      return at + count
    }
  }
  for (let element: u32 = 0; element < count; element++) {
    let below = totals + 16
    for (let child: u32 = 0; child < children; child++) {
      at = countNested(columnChild(column, child), at, below)
      below += <usize>nodesOf(columnChild(column, child)) << 4
    }
  }
  return at
}

/** How many columns there are in one and below it. */
function nodesOf(column: usize): u32 {
  let nodes: u32 = 1
  for (let child: u32 = 0; child < columnChildCount(column); child++) nodes += nodesOf(columnChild(column, child))
  return nodes
}

// ---- writing ----

/** Where a row's value stands. The code of a row that is NULL says nothing: any other value will do. */
// @ts-ignore: decorator
@inline function sourceRow(column: usize, codes: usize, row: u32): u32 {
  if (codes == 0) return row
  return columnIsValid(column, row) ? load<u32>(codes + (<usize>row << 2)) : 0
}

// @ts-ignore: decorator
@inline function addFixed<T>(column: usize, source: usize, codes: usize, offset: usize, selection: usize, begin: u32, n: u32, refs: usize): void {
  for (let index: u32 = 0; index < n; index++) {
    const row = sourceRow(column, codes, rowAt(selection, begin + index))
    store<T>(recordOf(refs, index) + offset, load<T>(source + <usize>row * sizeof<T>()))
  }
}

// @ts-ignore: decorator
@inline function isPresent(column: usize, values: usize, codes: usize, row: u32): bool {
  return columnIsValid(column, row) && (codes == 0 || columnIsValid(values, load<u32>(codes + (<usize>row << 2))))
}

/** Adds the lengths of a column's values to u32 sizes[n]. */
function addLengths(column: usize, selection: usize, begin: u32, n: u32, sizes: usize): void {
  const codes: usize = (columnFlags(column) & COLUMN_DICTIONARY) != 0 ? columnValues(column) : 0
  const values = codes != 0 ? columnDictionary(column) : column
  const offsets = columnOffsets(values)
  const mayBeNull = columnNullCount(column) != 0 || columnNullCount(values) != 0
  const nested = isNested(columnKind(values))
  for (let index: u32 = 0; index < n; index++) {
    const row = rowAt(selection, begin + index)
    if (mayBeNull && !isPresent(column, values, codes, row)) continue
    const at = sizes + (<usize>index << 2)
    if (nested) {
      store<u32>(at, load<u32>(at) + presentBytes(values, row))
      continue
    }
    const offset = offsets + (<usize>(codes == 0 ? row : load<u32>(codes + (<usize>row << 2))) << 2)
    store<u32>(at, load<u32>(at) + load<u32>(offset, 4) - load<u32>(offset))
  }
}

/** Writes values without fixed width behind what u32 cursors[n] say is written of each record. */
function addLong(column: usize, offset: usize, selection: usize, begin: u32, n: u32, refs: usize, cursors: usize): void {
  const codes: usize = (columnFlags(column) & COLUMN_DICTIONARY) != 0 ? columnValues(column) : 0
  const values = codes != 0 ? columnDictionary(column) : column
  const offsets = columnOffsets(values)
  const data = columnData(values)
  const mayBeNull = columnNullCount(column) != 0 || columnNullCount(values) != 0
  const nested = isNested(columnKind(values))
  for (let index: u32 = 0; index < n; index++) {
    const row = rowAt(selection, begin + index)
    const record = recordOf(refs, index)
    const cursor = cursors + (<usize>index << 2)
    let end = load<u32>(cursor)
    if (!mayBeNull || isPresent(column, values, codes, row)) {
      if (nested) end = <u32>(writePresent(values, row, record + end) - record)
      else {
        const at = offsets + (<usize>(codes == 0 ? row : load<u32>(codes + (<usize>row << 2))) << 2)
        const start = load<u32>(at)
        const bytes = load<u32>(at, 4) - start
        copyExactly(record + end, data + start, bytes)
        end += bytes
      }
    }
    store<u32>(record + offset, end, 4)
    store<u32>(cursor, end)
  }
}

/** Writes the values of a column of fixed width. */
function addColumn(kind: u32, column: usize, offset: usize, selection: usize, begin: u32, n: u32, refs: usize): void {
  const codes: usize = (columnFlags(column) & COLUMN_DICTIONARY) != 0 ? columnValues(column) : 0
  const source = codes != 0 ? columnDictionary(column) : column
  const values = columnValues(source)
  if (kind == KIND_BIT) {
    for (let index: u32 = 0; index < n; index++) {
      store<u8>(recordOf(refs, index) + offset, u8(bitIsSet(values, sourceRow(column, codes, rowAt(selection, begin + index)))))
    }
  } else if (kind == KIND_INT8) addFixed<u8>(column, values, codes, offset, selection, begin, n, refs)
  else if (kind == KIND_INT16) addFixed<u16>(column, values, codes, offset, selection, begin, n, refs)
  else if (kind == KIND_INT32 || kind == KIND_FLOAT32) addFixed<u32>(column, values, codes, offset, selection, begin, n, refs)
  else if (kind == KIND_INT128) addFixed<v128>(column, values, codes, offset, selection, begin, n, refs)
  else {
    addFixed<u64>(column, values, codes, offset, selection, begin, n, refs)
    if (kind == KIND_TIMESTAMP_NANOS) addFixed<u32>(column, columnExtra(source), codes, offset + 8, selection, begin, n, refs)
  }
}

/** Marks the fields that are NULL. */
function addNulls(column: usize, field: u32, nulls: usize, selection: usize, begin: u32, n: u32, refs: usize): void {
  const codes: usize = (columnFlags(column) & COLUMN_DICTIONARY) != 0 ? columnValues(column) : 0
  const values = codes != 0 ? columnDictionary(column) : column
  if (columnNullCount(column) == 0 && columnNullCount(values) == 0) return
  for (let index: u32 = 0; index < n; index++) {
    if (!isPresent(column, values, codes, rowAt(selection, begin + index))) setBit(recordOf(refs, index) + nulls, field)
  }
}

/**
 * Makes a record of each of n rows of u32 columns[]: u32 out[n]. Fields of JavaScript are left out. Returns how many found room: fewer than n if the store needs a page
 * first, for as many bytes as it says are pending.
 */
export function recordsAdd(pool: usize, columns: usize, selection: usize, begin: u32, n: u32, out: usize): u32 {
  const fields = load<u32>(pool, STORE_FIELD_COUNT)
  const fixedBytes = load<u32>(pool, STORE_FIXED_BYTES)
  const nulls: usize = load<u32>(pool, STORE_NULLS)
  const nullBytes = (fields + 7) >> 3
  const ends: usize = load<u32>(pool, STORE_ENDS)
  const hasEnds = load<u32>(pool, STORE_END_COUNT) != 0
  const scratch = pool + STORE_SCRATCH
  let done: u32 = 0
  while (done < n) {
    const wanted = min<u32>(n - done, BLOCK_ROWS)
    const from = begin + done
    const refs = out + (<usize>done << 2)
    for (let index: u32 = 0; index < wanted; index++) store<u32>(scratch + (<usize>index << 2), fixedBytes)
    if (hasEnds) {
      for (let field: u32 = 0; field < fields; field++) {
        const kind = fieldKind(pool, field)
        if (kind == KIND_BYTES || isNested(kind)) addLengths(load<u32>(columns + (<usize>field << 2)), selection, from, wanted, scratch)
      }
    }
    let taken: u32 = 0
    for (; taken < wanted; taken++) {
      const record = take(pool, load<u32>(scratch + (<usize>taken << 2)))
      if (record == 0) break
      store<u32>(refs + (<usize>taken << 2), <u32>(record >> 3))
      for (let at: u32 = 0; at < nullBytes; at++) store<u8>(record + nulls + at, 0)
      if (hasEnds) store<u32>(record + ends, fixedBytes)
      store<u32>(scratch + (<usize>taken << 2), fixedBytes)
    }
    for (let field: u32 = 0; field < fields; field++) {
      const kind = fieldKind(pool, field)
      if (kind == KIND_OBJECT) continue
      const column: usize = load<u32>(columns + (<usize>field << 2))
      const offset = fieldOffset(pool, field)
      addNulls(column, field, nulls, selection, from, taken, refs)
      if (kind == KIND_BYTES || isNested(kind)) addLong(column, offset, selection, from, taken, refs, scratch)
      else addColumn(kind, column, offset, selection, from, taken, refs)
    }
    done += taken
    if (taken < wanted) return done
  }
  return done
}

// ---- reading ----

/** Adds the bytes of a field of BYTES of records u32 refs[n]. */
export function recordsLength(pool: usize, refs: usize, n: u32, field: u32): f64 {
  const offset = fieldOffset(pool, field)
  let bytes: u64 = 0
  for (let index: u32 = 0; index < n; index++) {
    const record = recordOf(refs, index)
    if (record != 0) bytes += load<u32>(record + offset, 4) - load<u32>(record + offset)
  }
  return <f64>bytes
}

/** Adds what a nested field of records u32 refs[n] takes: f64 (rows, bytes) of its column and each below it, in their order, to totals[]. */
export function recordsCount(pool: usize, refs: usize, n: u32, field: u32, column: usize, totals: usize): void {
  const offset = fieldOffset(pool, field)
  const nulls: usize = load<u32>(pool, STORE_NULLS)
  for (let index: u32 = 0; index < n; index++) {
    const record = recordOf(refs, index)
    if (record != 0 && !bitIsSet(record + nulls, field)) countPresent(column, record + load<u32>(record + offset), totals)
  }
}

// @ts-ignore: decorator
@inline function readFixed<T>(refs: usize, n: u32, offset: usize, target: usize): void {
  for (let index: u32 = 0; index < n; index++) store<T>(target + <usize>index * sizeof<T>(), load<T>(recordOf(refs, index) + offset))
}

function readBytes(refs: usize, n: u32, offset: usize, column: usize, row: u32): void {
  const offsets = columnOffsets(column) + (<usize>row << 2)
  const data = columnData(column)
  let end = load<u32>(offsets)
  for (let index: u32 = 0; index < n; index++) {
    const record = recordOf(refs, index)
    if (record != 0) {
      const start = load<u32>(record + offset)
      const bytes = load<u32>(record + offset, 4) - start
      copyShort(data + end, record + start, bytes)
      end += bytes
    }
    store<u32>(offsets + (<usize>index << 2), end, 4)
  }
  setColumnDataLength(column, end)
}

/** Says which rows are NULL, those of no record too. */
function readNulls(field: u32, nulls: usize, refs: usize, n: u32, column: usize, row: u32): void {
  const bit: u8 = 1 << <u8>(field & 7)
  const at = nulls + (field >> 3)
  for (let index: u32 = 0; index < n; index++) {
    const record = recordOf(refs, index)
    if (record == 0 || (load<u8>(record + at) & bit) != 0) writeNull(column, row + index)
    else writeValid(column, row + index)
  }
}

/**
 * Appends the first `count` fields of records u32 refs[n] to columns u32 columns[count], which have room for them, from their row `row` on. Fields whose column is 0,
 * and those of JavaScript, are left out.
 */
export function recordsRead(pool: usize, refs: usize, n: u32, columns: usize, count: u32, row: u32): void {
  const nulls: usize = load<u32>(pool, STORE_NULLS)
  for (let done: u32 = 0; done < n; done += BLOCK_ROWS) {
    const rows = min<u32>(n - done, BLOCK_ROWS)
    const from = refs + (<usize>done << 2)
    const at = row + done
    for (let field: u32 = 0; field < count; field++) {
      const kind = fieldKind(pool, field)
      const column: usize = load<u32>(columns + (<usize>field << 2))
      if (column == 0 || kind == KIND_OBJECT) continue
      const offset = fieldOffset(pool, field)
      const values = columnValues(column)
      if (kind == KIND_BYTES) readBytes(from, rows, offset, column, at)
      else if (isNested(kind)) {
        for (let index: u32 = 0; index < rows; index++) {
          const record = recordOf(from, index)
          if (record == 0 || bitIsSet(record + nulls, field)) skipRow(column, at + index)
          else readPresent(column, at + index, record + load<u32>(record + offset))
        }
      } else if (kind == KIND_BIT) {
        for (let index: u32 = 0; index < rows; index++) {
          if (load<u8>(recordOf(from, index) + offset) != 0) setBit(values, at + index)
          else clearBit(values, at + index)
        }
      } else if (kind == KIND_INT8) readFixed<u8>(from, rows, offset, values + at)
      else if (kind == KIND_INT16) readFixed<u16>(from, rows, offset, values + (<usize>at << 1))
      else if (kind == KIND_INT32 || kind == KIND_FLOAT32) readFixed<u32>(from, rows, offset, values + (<usize>at << 2))
      else if (kind == KIND_INT128) readFixed<v128>(from, rows, offset, values + (<usize>at << 4))
      else {
        readFixed<u64>(from, rows, offset, values + (<usize>at << 3))
        if (kind == KIND_TIMESTAMP_NANOS) readFixed<u32>(from, rows, offset + 8, columnExtra(column) + (<usize>at << 2))
      }
      if (columnValidity(column) != 0) readNulls(field, nulls, from, rows, column, at)
    }
  }
}
