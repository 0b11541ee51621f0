// What leaves and enters a table by entry: keys back into columns, canonical key bytes and value bytes for snapshots and merges, entries by key
// group. All take u32 entries[n]; none changes a table's structure. Layouts as in table.ts.

import {
  columnData, columnDataCapacity, columnExtra, columnKind, columnOffsets, columnRowCapacity, columnValues, KIND_BIT, KIND_BYTES, KIND_FLOAT32,
  KIND_FLOAT64, KIND_INT128, KIND_INT16, KIND_INT32, KIND_INT64, KIND_INT8, KIND_TIMESTAMP_NANOS, setColumnDataLength,
} from './column'
import { TAG_FLOAT64, TAG_NULL, wordPayloadBytes, wordTag } from './key-layout'
import { writeNull, writeNumber, writeValid } from './rows'
import {
  chunkEnd, chunkStart, ENTRY_HASH, ENTRY_KEY, ENTRY_WORD, FORM_VALUE, keyGroup, SEGMENT_CHUNK_COUNT, storedPayload, TABLE_ENTRY_BYTES, TABLE_FIRST_GROUP,
  TABLE_KEY_BYTES, TABLE_KEY_FORM,
} from './table-layout'

// @ts-ignore: decorator
@inline function entryAt(entries: usize, row: u32): usize { return load<u32>(entries + (<usize>row << 2)) }

/** Bytes of the payload as it lies in the table: a BOOLEAN's one byte lies in eight. */
// @ts-ignore: decorator
@inline function payloadOf(table: usize, entry: usize): usize {
  return load<u32>(table, TABLE_KEY_FORM) == FORM_VALUE
    ? entry + ENTRY_KEY
    : storedPayload(entry, load<u32>(table, TABLE_KEY_BYTES), wordPayloadBytes(load<u32>(entry, ENTRY_WORD)))
}

/** The keys of entries as a key batch of the table's form: u64 hashes[n], keys (int64 or u32 payloads) and, in bytes form, u32 words[n]. */
export function entryKeys(table: usize, entries: usize, n: u32, hashes: usize, keys: usize, words: usize): void {
  const value = load<u32>(table, TABLE_KEY_FORM) == FORM_VALUE
  for (let row: u32 = 0; row < n; row++) {
    const entry = entryAt(entries, row)
    store<u64>(hashes + (<usize>row << 3), load<u64>(entry, ENTRY_HASH))
    if (value) store<u64>(keys + (<usize>row << 3), load<u64>(entry, ENTRY_KEY))
    else {
      store<u32>(keys + (<usize>row << 2), <u32>payloadOf(table, entry))
      store<u32>(words + (<usize>row << 2), load<u32>(entry, ENTRY_WORD))
    }
  }
}

/** Sum of the canonical key bytes of entries. */
export function entryKeyBytes(entries: usize, n: u32): f64 {
  let bytes: u64 = 0
  for (let row: u32 = 0; row < n; row++) bytes += load<u32>(entryAt(entries, row), ENTRY_WORD) & 0xffffff
  return <f64>bytes
}

/** Writes the canonical bytes of entries one after another, and u32 offsets[n + 1] into them. */
export function entryWriteKeys(table: usize, entries: usize, n: u32, offsets: usize, bytes: usize): void {
  let at: u32 = 0
  store<u32>(offsets, 0)
  for (let row: u32 = 0; row < n; row++) {
    const entry = entryAt(entries, row)
    const word = load<u32>(entry, ENTRY_WORD)
    const length = wordPayloadBytes(word)
    memory.copy(bytes + at, payloadOf(table, entry), length)
    store<u8>(bytes + at + length, <u8>wordTag(word))
    at += length + 1
    store<u32>(offsets + (<usize>row << 2), at, 4)
  }
}

/** Copies `length` bytes at `offset` of each entry to out, one after another. */
export function entryWriteValues(entries: usize, n: u32, offset: usize, length: u32, out: usize): void {
  for (let row: u32 = 0; row < n; row++) {
    memory.copy(out, entryAt(entries, row) + offset, length)
    out += length
  }
}

/** The inverse of {@link entryWriteValues}. */
export function entryReadValues(entries: usize, n: u32, offset: usize, length: u32, values: usize): void {
  for (let row: u32 = 0; row < n; row++) {
    memory.copy(entryAt(entries, row) + offset, values, length)
    values += length
  }
}

/**
 * Lists the live entries of a segment by key group: u32 out[]. `counts` is u32[groups + 1] for the `groups` groups from the table's first group
 * plus `from` on, which hold all of them; afterwards counts[g] is where group g's entries begin and counts[groups] how many there are.
 */
export function segmentEntriesByGroup(table: usize, segment: usize, from: u32, groups: u32, counts: usize, out: usize): void {
  const entryBytes: usize = load<u32>(table, TABLE_ENTRY_BYTES)
  const chunks = load<u32>(segment, SEGMENT_CHUNK_COUNT)
  const first = load<u32>(table, TABLE_FIRST_GROUP) + from
  memory.fill(counts, 0, (<usize>groups + 1) << 2)
  for (let chunk: u32 = 0; chunk < chunks; chunk++) {
    const end = chunkEnd(segment, chunk)
    for (let entry = chunkStart(segment, chunk); entry < end; entry += entryBytes) {
      if (load<u32>(entry, ENTRY_WORD) == 0) continue
      const group = keyGroup(table, load<u32>(entry, ENTRY_HASH + 4)) - first
      assert(group < groups)
      const at = counts + (<usize>group << 2)
      store<u32>(at, load<u32>(at) + 1)
    }
  }
  // counts[g] becomes the end of group g's list; filled from behind, it ends up as its beginning.
  let sum: u32 = 0
  for (let group: u32 = 0; group <= groups; group++) {
    const at = counts + (<usize>group << 2)
    sum += load<u32>(at)
    store<u32>(at, sum)
  }
  for (let chunk = chunks; chunk-- > 0; ) {
    const start = chunkStart(segment, chunk)
    for (let entry = chunkEnd(segment, chunk); entry > start; ) {
      entry -= entryBytes
      if (load<u32>(entry, ENTRY_WORD) == 0) continue
      const at = counts + (<usize>(keyGroup(table, load<u32>(entry, ENTRY_HASH + 4)) - first) << 2)
      const position = load<u32>(at) - 1
      store<u32>(at, position)
      store<u32>(out + (<usize>position << 2), <u32>entry)
    }
  }
}

/** The `part`-th part of a composite's payload: address of its u32 length. */
// @ts-ignore: decorator
@inline function partAt(payload: usize, part: u32): usize {
  for (; part > 0; part--) payload += 4 + <usize>load<u32>(payload)
  return payload
}

/** Sum of the payload bytes of one part (of `parts`) of the keys of entries: what a BYTES column needs room for. */
export function entryKeyPartBytes(table: usize, entries: usize, n: u32, part: u32, parts: u32): f64 {
  let bytes: u64 = 0
  for (let row: u32 = 0; row < n; row++) {
    const entry = entryAt(entries, row)
    bytes += parts == 1 ? wordPayloadBytes(load<u32>(entry, ENTRY_WORD)) : load<u32>(partAt(payloadOf(table, entry), part)) - 1
  }
  return <f64>bytes
}

/** Writes one part (of `parts`) of the keys of entries to rows row..row + n - 1 of a column of the part's type; no LIST, no STRUCT. */
export function entryKeysToColumn(table: usize, entries: usize, n: u32, part: u32, parts: u32, column: usize, row: u32): void {
  for (let index: u32 = 0; index < n; index++) {
    const entry = entryAt(entries, index)
    let payload = payloadOf(table, entry)
    let tag: u32
    let bytes: u32
    if (parts == 1) {
      const word = load<u32>(entry, ENTRY_WORD)
      tag = wordTag(word)
      bytes = wordPayloadBytes(word)
    } else {
      payload = partAt(payload, part)
      bytes = load<u32>(payload) - 1
      payload += 4
      tag = load<u8>(payload + bytes)
    }
    writeKeyPart(column, row + index, payload, bytes, tag)
  }
}

function writeKeyPart(column: usize, row: u32, payload: usize, bytes: u32, tag: u32): void {
  const kind = columnKind(column)
  const values = columnValues(column)
  assert(row < columnRowCapacity(column))
  if (kind == KIND_BYTES) {
    const offset = columnOffsets(column) + (<usize>row << 2)
    const start = load<u32>(offset)
    store<u32>(offset, start + bytes, 4)
    assert(start + bytes <= columnDataCapacity(column))
    setColumnDataLength(column, start + bytes)
    memory.copy(columnData(column) + start, payload, bytes)
  }
  if (tag == TAG_NULL) return writeNull(column, row)
  writeValid(column, row)
  if (kind == KIND_BYTES) return
  if (kind == KIND_INT128) {
    store<u64>(values + (<usize>row << 4), load<u64>(payload))
    store<u64>(values + (<usize>row << 4), load<u64>(payload, 8), 8)
  } else if (kind == KIND_TIMESTAMP_NANOS) {
    store<u64>(values + (<usize>row << 3), load<u64>(payload))
    store<u32>(columnExtra(column) + (<usize>row << 2), load<u32>(payload, 8))
  } else if (kind == KIND_FLOAT64 || kind == KIND_FLOAT32) {
    writeNumber<f64>(column, kind, row, tag == TAG_FLOAT64 ? load<f64>(payload) : <f64>load<i64>(payload))
  } else if (kind == KIND_BIT) writeNumber<i64>(column, kind, row, load<u8>(payload))
  else {
    assert(kind == KIND_INT64 || kind == KIND_INT32 || kind == KIND_INT16 || kind == KIND_INT8)
    writeNumber<i64>(column, kind, row, load<i64>(payload))
  }
}
