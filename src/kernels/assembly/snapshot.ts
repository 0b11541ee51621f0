// Entries of tables as the records of a checkpoint: state/snapshot-file.ts draws them. They are written in pieces, each by two passes over entries in the
// order in which they lie: the first says how many bytes each key group takes, the second writes every record where its group has come to. What is used
// before its piece comes is written first. Layouts as in table.ts.

import { wordPayloadBytes, wordTag } from './key-layout'
import {
  chunkEnd, chunkStart, ENTRY_FLAGS, ENTRY_HASH, ENTRY_KEY, ENTRY_WORD, FLAG_NEW, FORM_VALUE, keyGroup, routeOf, segmentOfRoute, storedPayload,
  TABLE_ENTRY_BYTES, TABLE_FIRST_GROUP, TABLE_KEY_BYTES, TABLE_KEY_FORM,
} from './table-layout'

/** The head of a record: state/snapshot-file.ts draws it. */
const HEAD_BYTES: usize = 4
const HEAD_KEY_LONG: u32 = 0xfff
const HEAD_VALUE_SHIFT: u32 = 12
const HEAD_VALUE_LONG: u32 = 0xffff
const HEAD_VALUE_REMOVED: u32 = 0xfffe
const HEAD_NAMESPACE_SHIFT: u32 = 28
const NAMESPACE_SAME: u32 = 1
const NAMESPACE_WORD: u32 = 3
const NAMESPACE_PAIR: u32 = 4

/** Stands for the bytes of a value that has gone. */
const REMOVED: u32 = 0xffffffff

/** Of a key group, u32: bytes that were counted, records in its room, where the next one goes, and the end of the room. */
const ROOM_SHIFT: usize = 4
const ROOM_BYTES: usize = 0
const ROOM_RECORDS: usize = 4
const ROOM_NEXT: usize = 8
const ROOM_END: usize = 12
/** What is written behind a record. */
const SLACK_BYTES: u32 = 8

/** Bytes of a record's head, for a value that is there. */
// @ts-ignore: decorator
@inline function headBytes(keyBytes: u32, valueBytes: u32): u32 {
  return <u32>HEAD_BYTES + (keyBytes >= HEAD_KEY_LONG ? 4 : 0) + (valueBytes >= HEAD_VALUE_REMOVED ? 4 : 0)
}

/** Writes a head; `namespace` is its kind. Returns where what follows goes. */
// @ts-ignore: decorator
@inline function writeHead(at: usize, namespace: u32, keyBytes: u32, valueBytes: u32): usize {
  const isLongKey = keyBytes >= HEAD_KEY_LONG
  const isRemoved = valueBytes == REMOVED
  const isLongValue = !isRemoved && valueBytes >= HEAD_VALUE_REMOVED
  const value = isRemoved ? HEAD_VALUE_REMOVED : isLongValue ? HEAD_VALUE_LONG : valueBytes
  store<u32>(at, (isLongKey ? HEAD_KEY_LONG : keyBytes) | value << HEAD_VALUE_SHIFT | namespace << HEAD_NAMESPACE_SHIFT)
  at += HEAD_BYTES
  if (isLongKey) { store<u32>(at, keyBytes); at += 4 }
  if (isLongValue) { store<u32>(at, valueBytes); at += 4 }
  return at
}

/** Copies whole words: up to 7 bytes more than asked for, on both sides. */
// @ts-ignore: decorator
@inline function copyWords(target: usize, source: usize, bytes: usize): void {
  for (let at: usize = 0; at < bytes; at += 8) store<u64>(target + at, load<u64>(source + at))
}

/** What is written of the entries of a table. ../snapshot-layout.ts draws it. */
const ENTRIES_SINCE: usize = 0
const ENTRIES_UNTIL: usize = 4
const ENTRIES_FROM: usize = 8
const ENTRIES_VALUE_OFFSET: usize = 12
const ENTRIES_VALUE_BYTES: usize = 16
const ENTRIES_NAMESPACE_BYTES: usize = 20
const ENTRIES_ROOMS: usize = 24
const ENTRIES_FULL_GROUP: usize = 28
const ENTRIES_FULL_BYTES: usize = 32
const ENTRIES_DONE: usize = 36
const ENTRIES_NAMESPACE: usize = 40

// @ts-ignore: decorator
@inline function epochOf(entry: usize): u32 { return load<u32>(entry, ENTRY_FLAGS) & ~FLAG_NEW }

// @ts-ignore: decorator
@inline function roomOfEntry(table: usize, entry: usize, first: u32, rooms: usize): usize {
  return rooms + (<usize>(keyGroup(table, load<u32>(entry, ENTRY_HASH + 4)) - first) << ROOM_SHIFT)
}

/**
 * Counts the records of those live entries in chunks from..to-1 of a segment whose epoch is wanted: adds to the bytes of their groups. The first record
 * of a group may have the namespace too.
 */
export function segmentRecordBytes(table: usize, segment: usize, written: usize, from: u32, to: u32): void {
  const entryBytes: usize = load<u32>(table, TABLE_ENTRY_BYTES)
  const first = load<u32>(table, TABLE_FIRST_GROUP)
  const since = load<u32>(written, ENTRIES_SINCE)
  const epochs = load<u32>(written, ENTRIES_UNTIL) - since
  const rooms: usize = load<u32>(written, ENTRIES_ROOMS)
  const valueBytes = load<u32>(written, ENTRIES_VALUE_BYTES)
  const namespaceBytes = load<u32>(written, ENTRIES_NAMESPACE_BYTES)
  for (let chunk = from; chunk < to; chunk++) {
    const end = chunkEnd(segment, chunk)
    for (let entry = chunkStart(segment, chunk); entry < end; entry += entryBytes) {
      const word = load<u32>(entry, ENTRY_WORD)
      if (word == 0 || epochOf(entry) - since >= epochs) continue
      const room = roomOfEntry(table, entry, first, rooms)
      const keyBytes = word & 0xffffff
      const bytes = load<u32>(room, ROOM_BYTES)
      store<u32>(room, bytes + headBytes(keyBytes, valueBytes) + keyBytes + valueBytes + (bytes == 0 ? namespaceBytes : 0), ROOM_BYTES)
    }
  }
}

/** Writes the record of an entry into a room that has room for it. */
// @ts-ignore: decorator
@inline function writeEntry(
  entry: usize, word: u32, isValue: bool, keyBytes: u32, valueOffset: u32, valueBytes: u32, namespace: usize, namespaceBytes: u32, room: usize,
): void {
  let at: usize = load<u32>(room, ROOM_NEXT)
  const records = load<u32>(room, ROOM_RECORDS)
  at = writeHead(at, namespaceBytes == 0 ? 0 : records == 0 ? NAMESPACE_WORD : NAMESPACE_SAME, word & 0xffffff, valueBytes)
  if (records == 0 && namespaceBytes != 0) { store<u64>(at, load<u64>(namespace)); at += 8 }
  store<u32>(room, records + 1, ROOM_RECORDS)
  const payloadBytes = wordPayloadBytes(word)
  if (isValue) store<u64>(at, load<u64>(entry, ENTRY_KEY))
  else copyWords(at, storedPayload(entry, keyBytes, payloadBytes), payloadBytes)
  at += payloadBytes
  store<u8>(at, <u8>wordTag(word))
  at += 1
  copyWords(at, entry + valueOffset, valueBytes)
  store<u32>(room, <u32>at + valueBytes, ROOM_NEXT)
}

/**
 * Writes the records that {@link segmentRecordBytes} has counted, each where its group has come to, for which there is room. Up to 7 bytes behind a group's
 * records are written too, and up to 7 behind an entry read.
 */
export function segmentWriteRecords(table: usize, segment: usize, written: usize, from: u32, to: u32): void {
  const entryBytes: usize = load<u32>(table, TABLE_ENTRY_BYTES)
  const keyBytes = load<u32>(table, TABLE_KEY_BYTES)
  const isValue = load<u32>(table, TABLE_KEY_FORM) == FORM_VALUE
  const first = load<u32>(table, TABLE_FIRST_GROUP)
  const since = load<u32>(written, ENTRIES_SINCE)
  const epochs = load<u32>(written, ENTRIES_UNTIL) - since
  const rooms: usize = load<u32>(written, ENTRIES_ROOMS)
  const valueOffset = load<u32>(written, ENTRIES_VALUE_OFFSET)
  const valueBytes = load<u32>(written, ENTRIES_VALUE_BYTES)
  const namespaceBytes = load<u32>(written, ENTRIES_NAMESPACE_BYTES)
  for (let chunk = from; chunk < to; chunk++) {
    const end = chunkEnd(segment, chunk)
    for (let entry = chunkStart(segment, chunk); entry < end; entry += entryBytes) {
      const word = load<u32>(entry, ENTRY_WORD)
      if (word == 0 || epochOf(entry) - since >= epochs) continue
      const room = roomOfEntry(table, entry, first, rooms)
      writeEntry(entry, word, isValue, keyBytes, valueOffset, valueBytes, written + ENTRIES_NAMESPACE, namespaceBytes, room)
    }
  }
}

/** Whether an entry lies in the first chunks of the segment that is being written, which are done. */
// @ts-ignore: decorator
@inline function isDone(table: usize, written: usize, entry: usize): bool {
  const done = load<u32>(written, ENTRIES_DONE)
  if (done == 0) return false
  const segment = segmentOfRoute(table, load<u32>(written, ENTRIES_FROM))
  for (let chunk: u32 = 0; chunk < done; chunk++) if (entry >= chunkStart(segment, chunk) && entry < chunkEnd(segment, chunk)) return true
  return false
}

/**
 * Writes the records of those entries u32[n], from the `from`-th on, that wait to be written, before they change, and gives all of them the epoch that
 * has begun. Returns n, or the row whose group has no room: ENTRIES_FULL_GROUP says which, and ENTRIES_FULL_BYTES how much it needs.
 */
export function tableKeepRecords(table: usize, written: usize, entries: usize, from: u32, n: u32): u32 {
  const keyBytes = load<u32>(table, TABLE_KEY_BYTES)
  const isValue = load<u32>(table, TABLE_KEY_FORM) == FORM_VALUE
  const first = load<u32>(table, TABLE_FIRST_GROUP)
  const since = load<u32>(written, ENTRIES_SINCE)
  const until = load<u32>(written, ENTRIES_UNTIL)
  const waitsFrom = load<u32>(written, ENTRIES_FROM)
  const rooms: usize = load<u32>(written, ENTRIES_ROOMS)
  const valueOffset = load<u32>(written, ENTRIES_VALUE_OFFSET)
  const valueBytes = load<u32>(written, ENTRIES_VALUE_BYTES)
  const namespaceBytes = load<u32>(written, ENTRIES_NAMESPACE_BYTES)
  for (let row = from; row < n; row++) {
    const entry: usize = load<u32>(entries + (<usize>row << 2))
    const flags = load<u32>(entry, ENTRY_FLAGS)
    const epoch = flags & ~FLAG_NEW
    if (epoch >= until) continue
    if (epoch >= since && routeOf(table, load<u32>(entry, ENTRY_HASH + 4)) >= waitsFrom && !isDone(table, written, entry)) {
      const word = load<u32>(entry, ENTRY_WORD)
      const room = roomOfEntry(table, entry, first, rooms)
      const bytes = headBytes(word & 0xffffff, valueBytes) + namespaceBytes + (word & 0xffffff) + valueBytes
      if (load<u32>(room, ROOM_NEXT) + bytes + SLACK_BYTES > load<u32>(room, ROOM_END)) {
        store<u32>(written, <u32>(room - rooms) >> ROOM_SHIFT, ENTRIES_FULL_GROUP)
        store<u32>(written, bytes, ENTRIES_FULL_BYTES)
        return row
      }
      writeEntry(entry, word, isValue, keyBytes, valueOffset, valueBytes, written + ENTRIES_NAMESPACE, namespaceBytes, room)
    }
    store<u32>(entry, (flags & FLAG_NEW) | until, ENTRY_FLAGS)
  }
  return n
}

/** What is written of the records of a pool: one state of keys or of namespaces. ../snapshot-layout.ts draws it. */
const POOL_RECORD_BYTES: usize = 0
const POOL_IS_NAMESPACE: usize = 4
const POOL_KIND: usize = 8
const POOL_OFFSET: usize = 12
const POOL_PRESENCE: usize = 16
const POOL_MASK: usize = 20
const POOL_TTL_OFFSET: usize = 24
const POOL_SINCE: usize = 28
const POOL_FIRST_GROUP: usize = 32
const POOL_UNTIL: usize = 36
const POOL_EXPIRED_MS: usize = 40
const POOL_FROM: usize = 48
const POOL_ROOMS: usize = 52
const POOL_FULL_GROUP: usize = 56
const POOL_FULL_BYTES: usize = 60

const KIND_WORD: u32 = 0
const KIND_BOOLEAN: u32 = 1
const KIND_TEXT: u32 = 2
const KIND_BLOB: u32 = 3
const KIND_ANY: u32 = 4
const KIND_LIST: u32 = 5
const KIND_TIMER: u32 = 6

/** Of a record: state/key-store.ts draws it. */
const RECORD_WORD: usize = 0
const RECORD_GROUP: usize = 4
const RECORD_PAYLOAD: usize = 8
const RECORD_FLAGS: usize = 24
const RECORD_OWNER: usize = 4
const RECORD_FIRST: usize = 8
const RECORD_SECOND: usize = 32
const INLINE_PAYLOAD_BYTES: u32 = 8
const FLAG_SAVED: u32 = 4
const EPOCH_SHIFT: u32 = 4
const NAMESPACE_BYTES: u32 = 16
const ANY_NUMBER: u32 = 1
/** How state/value-codec.ts begins a number. */
const TAG_OF_NUMBER: u8 = 1
/** How time/timer-queue.ts keeps times. */
const TIMER_BIAS: f64 = 4503599627370496
const TIMER_MAX: f64 = 9007199254740991

/** Whether a record is to be looked at. */
// @ts-ignore: decorator
@inline function isWanted(record: usize, flags: u32, since: u32, epochs: u32): bool {
  return load<u32>(record, RECORD_WORD) != 0 && (flags >> EPOCH_SHIFT) - since < epochs
}

/**
 * Bytes of a record's value in a snapshot; REMOVED if there is none but an earlier checkpoint may have one; 0 if there is nothing to say. `flags` are those
 * of the record: once one of its states is written they say something else.
 */
// @ts-ignore: decorator
@inline function valueBytesOf(pool: usize, record: usize, flags: u32, kind: u32, offset: usize): u32 {
  let bytes: u32 = 0
  if (kind == KIND_TIMER) return load<f64>(record + offset) != 0 ? 16 : 0
  const ttlOffset: usize = load<u32>(pool, POOL_TTL_OFFSET)
  const isPresent = (load<u32>(record + load<u32>(pool, POOL_PRESENCE)) & load<u32>(pool, POOL_MASK)) != 0
  if (!isPresent || (ttlOffset != 0 && load<f64>(record + ttlOffset) <= load<f64>(pool, POOL_EXPIRED_MS)))
    return load<u32>(pool, POOL_SINCE) != 0 && (flags & FLAG_SAVED) != 0 ? REMOVED : 0
  if (kind == KIND_WORD) bytes = 8
  else if (kind == KIND_BOOLEAN) bytes = 1
  else if (kind == KIND_TEXT) bytes = 4 + load<u32>(record + offset, 4)
  else if (kind == KIND_BLOB) bytes = load<u32>(record + offset, 4)
  else if (kind == KIND_ANY) bytes = load<u32>(record + offset) == ANY_NUMBER ? 9 : load<u32>(record + offset, 4)
  else bytes = 5 + load<u32>(record + offset, 4)
  return bytes + (ttlOffset != 0 ? 9 : 1)
}

// @ts-ignore: decorator
@inline function roomOfKey(pool: usize, key: usize): usize {
  return <usize>load<u32>(pool, POOL_ROOMS) + (<usize>(load<u32>(key, RECORD_GROUP) - load<u32>(pool, POOL_FIRST_GROUP)) << ROOM_SHIFT)
}

/** What a record of a snapshot takes whose value takes `bytes`. */
// @ts-ignore: decorator
@inline function poolBytesOf(key: usize, isNamespace: bool, bytes: u32): u32 {
  const keyBytes = load<u32>(key, RECORD_WORD) & 0xffffff
  const value = bytes == REMOVED ? 0 : bytes
  return headBytes(keyBytes, value) + (isNamespace ? NAMESPACE_BYTES : 0) + keyBytes + value
}

/** Counts the records of a snapshot that the key or namespace records at start..end-1 make: adds to the bytes of their groups. */
export function poolRecordBytes(pool: usize, start: usize, end: usize): void {
  const recordBytes: usize = load<u32>(pool, POOL_RECORD_BYTES)
  const isNamespace = load<u32>(pool, POOL_IS_NAMESPACE) != 0
  const since = load<u32>(pool, POOL_SINCE)
  const epochs = load<u32>(pool, POOL_UNTIL) - since
  const kind = load<u32>(pool, POOL_KIND)
  const offset: usize = load<u32>(pool, POOL_OFFSET)
  for (let record = start; record < end; record += recordBytes) {
    const flags = load<u32>(record, RECORD_FLAGS)
    if (!isWanted(record, flags, since, epochs)) continue
    const bytes = valueBytesOf(pool, record, flags, kind, offset)
    if (bytes == 0) continue
    const key: usize = isNamespace ? <usize>load<u32>(record, RECORD_OWNER) : record
    const room = roomOfKey(pool, key)
    store<u32>(room, load<u32>(room, ROOM_BYTES) + poolBytesOf(key, isNamespace, bytes), ROOM_BYTES)
  }
}

/** Copies exactly `bytes` bytes. */
// @ts-ignore: decorator
@inline function copyBytes(target: usize, source: usize, bytes: usize): void {
  let at: usize = 0
  for (; at + 8 <= bytes; at += 8) store<u64>(target + at, load<u64>(source + at))
  for (; at < bytes; at++) store<u8>(target + at, load<u8>(source + at))
}

/** Writes a value, which is there, at `at`. */
// @ts-ignore: decorator
@inline function writeValue(record: usize, kind: u32, offset: usize, at: usize): void {
  const slot = record + offset
  if (kind == KIND_WORD) store<u64>(at, load<u64>(slot))
  else if (kind == KIND_BOOLEAN) store<u8>(at, load<u8>(slot))
  else if (kind == KIND_TEXT) {
    store<u32>(at, load<u32>(slot, 4))
    copyBytes(at + 4, load<u32>(slot), load<u32>(slot, 4))
  } else if (kind == KIND_BLOB) copyBytes(at, load<u32>(slot), load<u32>(slot, 4))
  else if (kind == KIND_ANY) {
    if (load<u32>(slot) == ANY_NUMBER) {
      store<u8>(at, TAG_OF_NUMBER)
      store<u64>(at + 1, load<u64>(slot, 8))
    } else copyBytes(at, load<u32>(slot, 8), load<u32>(slot, 4))
  } else {
    // A list whose elements have no ages.
    store<u8>(at, 0)
    store<u32>(at + 1, load<u32>(slot, 8))
    copyBytes(at + 5, load<u32>(slot), load<u32>(slot, 4))
  }
}

/** Writes what a record makes, whose value takes `bytes` bytes, into a room that has room for it, and notes that there is a value. */
// @ts-ignore: decorator
@inline function writeRecord(
  record: usize, key: usize, isNamespace: bool, kind: u32, offset: usize, ttlOffset: usize, bytes: u32, room: usize,
): void {
  let at: usize = load<u32>(room, ROOM_NEXT)
  const word = load<u32>(key, RECORD_WORD)
  at = writeHead(at, isNamespace ? NAMESPACE_PAIR : 0, word & 0xffffff, bytes)
  if (isNamespace) {
    store<u64>(at, load<u64>(record, RECORD_FIRST))
    store<u64>(at, load<u64>(record, RECORD_SECOND), 8)
    at += NAMESPACE_BYTES
  }
  const payloadBytes = wordPayloadBytes(word)
  copyBytes(at, payloadBytes <= INLINE_PAYLOAD_BYTES ? key + RECORD_PAYLOAD : <usize>load<u32>(key, RECORD_PAYLOAD), payloadBytes)
  at += payloadBytes
  store<u8>(at, <u8>wordTag(word))
  at += 1
  if (bytes != REMOVED) {
    let value = at
    if (kind == KIND_TIMER) {
      const time = load<f64>(record + offset)
      store<f64>(value, time == TIMER_MAX ? Infinity : time == 1 ? -Infinity : time - TIMER_BIAS)
      store<u64>(value, load<u64>(record + offset, 16), 8)
    } else {
      store<u8>(value, ttlOffset != 0 ? 1 : 0)
      value += 1
      if (ttlOffset != 0) {
        store<u64>(value, load<u64>(record + ttlOffset))
        value += 8
      }
      writeValue(record, kind, offset, value)
      store<u32>(record, load<u32>(record, RECORD_FLAGS) | FLAG_SAVED, RECORD_FLAGS)
    }
    at += bytes
  }
  store<u32>(room, load<u32>(room, ROOM_RECORDS) + 1, ROOM_RECORDS)
  store<u32>(room, <u32>at, ROOM_NEXT)
}

/** Writes the records that {@link poolRecordBytes} has counted, each where its group has come to, for which there is room. */
export function poolWriteRecords(pool: usize, start: usize, end: usize): void {
  const recordBytes: usize = load<u32>(pool, POOL_RECORD_BYTES)
  const isNamespace = load<u32>(pool, POOL_IS_NAMESPACE) != 0
  const since = load<u32>(pool, POOL_SINCE)
  const epochs = load<u32>(pool, POOL_UNTIL) - since
  const kind = load<u32>(pool, POOL_KIND)
  const offset: usize = load<u32>(pool, POOL_OFFSET)
  const ttlOffset: usize = load<u32>(pool, POOL_TTL_OFFSET)
  for (let record = start; record < end; record += recordBytes) {
    const flags = load<u32>(record, RECORD_FLAGS)
    if (!isWanted(record, flags, since, epochs)) continue
    const bytes = valueBytesOf(pool, record, flags, kind, offset)
    if (bytes == 0) continue
    const key: usize = isNamespace ? <usize>load<u32>(record, RECORD_OWNER) : record
    writeRecord(record, key, isNamespace, kind, offset, ttlOffset, bytes, roomOfKey(pool, key))
  }
}

/**
 * Writes what those of the records u32[n], from the `from`-th on, make that wait to be written, before they change, for each of u32 `pools[count]`, the
 * states of one pool, and gives all of them the epoch that has begun. Returns n, or the row for which one has no room: POOL_FULL_GROUP says in
 * which group, and POOL_FULL_BYTES how much it needs.
 */
export function poolKeepRecords(pools: usize, count: u32, records: usize, from: u32, n: u32): u32 {
  const poolsEnd = pools + (<usize>count << 2)
  const until = load<u32>(load<u32>(pools), POOL_UNTIL)
  for (let row = from; row < n; row++) {
    const record: usize = load<u32>(records + (<usize>row << 2))
    const flags = load<u32>(record, RECORD_FLAGS)
    if (flags >> EPOCH_SHIFT >= until) continue
    // Room for all of them, or for none.
    for (let at = pools; at < poolsEnd; at += 4) {
      const pool: usize = load<u32>(at)
      const needed = keptBytesOf(pool, record, flags)
      if (needed == 0) continue
      const room = roomOfKey(pool, keyOf(pool, record))
      if (load<u32>(room, ROOM_NEXT) + needed + SLACK_BYTES <= load<u32>(room, ROOM_END)) continue
      store<u32>(pool, <u32>(room - load<u32>(pool, POOL_ROOMS)) >> ROOM_SHIFT, POOL_FULL_GROUP)
      store<u32>(pool, needed, POOL_FULL_BYTES)
      return row
    }
    for (let at = pools; at < poolsEnd; at += 4) {
      const pool: usize = load<u32>(at)
      if (keptBytesOf(pool, record, flags) == 0) continue
      const kind = load<u32>(pool, POOL_KIND)
      const offset: usize = load<u32>(pool, POOL_OFFSET)
      const key = keyOf(pool, record)
      const bytes = valueBytesOf(pool, record, flags, kind, offset)
      writeRecord(record, key, load<u32>(pool, POOL_IS_NAMESPACE) != 0, kind, offset, load<u32>(pool, POOL_TTL_OFFSET), bytes, roomOfKey(pool, key))
    }
    store<u32>(record, (load<u32>(record, RECORD_FLAGS) & ((1 << EPOCH_SHIFT) - 1)) | until << EPOCH_SHIFT, RECORD_FLAGS)
  }
  return n
}

// @ts-ignore: decorator
@inline function keyOf(pool: usize, record: usize): usize {
  return load<u32>(pool, POOL_IS_NAMESPACE) != 0 ? <usize>load<u32>(record, RECORD_OWNER) : record
}

/** What a record that waits makes of one state: bytes, 0 for nothing. */
function keptBytesOf(pool: usize, record: usize, flags: u32): u32 {
  const since = load<u32>(pool, POOL_SINCE)
  if (record < <usize>load<u32>(pool, POOL_FROM) || !isWanted(record, flags, since, load<u32>(pool, POOL_UNTIL) - since)) return 0
  const bytes = valueBytesOf(pool, record, flags, load<u32>(pool, POOL_KIND), load<u32>(pool, POOL_OFFSET))
  return bytes == 0 ? 0 : poolBytesOf(keyOf(pool, record), load<u32>(pool, POOL_IS_NAMESPACE) != 0, bytes)
}
