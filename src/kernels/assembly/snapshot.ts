// Entries of tables as the records of a checkpoint: state/snapshot-file.ts draws them. Two passes over the entries in the order in which they lie:
// the first says how many bytes each key group takes, the second writes every record where its group has come to. Layouts as in table.ts.

import { wordPayloadBytes, wordTag } from './key-layout'
import {
  chunkEnd, chunkStart, ENTRY_FLAGS, ENTRY_HASH, ENTRY_KEY, ENTRY_WORD, FLAG_NEW, FORM_VALUE, keyGroup, SEGMENT_CHUNK_COUNT, storedPayload,
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

/** Of a key group: u32 bytes, u32 records, u32 where its next record goes, u32 records written. */
const GROUP_BYTES: usize = 16
const GROUP_RECORDS: usize = 4
const GROUP_NEXT: usize = 8
const GROUP_WRITTEN: usize = 12

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

// @ts-ignore: decorator
@inline function isOlder(entry: usize, since: u32): bool {
  return (load<u32>(entry, ENTRY_FLAGS) & ~FLAG_NEW) < since
}

/**
 * Counts the records of a segment's live entries that changed in epoch `since` or later, by key group: adds to the bytes and records in `groups`, of
 * which the first is the table's `from`-th. The first record of a group has the namespace too.
 */
export function segmentRecordBytes(table: usize, segment: usize, since: u32, namespaceBytes: u32, valueBytes: u32, from: u32, groups: usize): void {
  const entryBytes: usize = load<u32>(table, TABLE_ENTRY_BYTES)
  const first = load<u32>(table, TABLE_FIRST_GROUP) + from
  const chunks = load<u32>(segment, SEGMENT_CHUNK_COUNT)
  for (let chunk: u32 = 0; chunk < chunks; chunk++) {
    const end = chunkEnd(segment, chunk)
    for (let entry = chunkStart(segment, chunk); entry < end; entry += entryBytes) {
      const word = load<u32>(entry, ENTRY_WORD)
      if (word == 0 || isOlder(entry, since)) continue
      const group = groups + <usize>(keyGroup(table, load<u32>(entry, ENTRY_HASH + 4)) - first) * GROUP_BYTES
      const keyBytes = word & 0xffffff
      const records = load<u32>(group, GROUP_RECORDS)
      store<u32>(group, load<u32>(group) + headBytes(keyBytes, valueBytes) + keyBytes + valueBytes + (records == 0 ? namespaceBytes : 0))
      store<u32>(group, records + 1, GROUP_RECORDS)
    }
  }
}

/**
 * Writes the records that {@link segmentRecordBytes} has counted, each where its group's `next` says, which moves on. Up to 7 bytes behind a group's
 * records are written too, and up to 7 behind an entry read. `namespace` is one word, or nothing.
 */
export function segmentWriteRecords(
  table: usize, segment: usize, since: u32, namespace: usize, namespaceBytes: u32, valueOffset: u32, valueBytes: u32, from: u32, groups: usize,
): void {
  const entryBytes: usize = load<u32>(table, TABLE_ENTRY_BYTES)
  const keyBytes = load<u32>(table, TABLE_KEY_BYTES)
  const isValue = load<u32>(table, TABLE_KEY_FORM) == FORM_VALUE
  const first = load<u32>(table, TABLE_FIRST_GROUP) + from
  const chunks = load<u32>(segment, SEGMENT_CHUNK_COUNT)
  for (let chunk: u32 = 0; chunk < chunks; chunk++) {
    const end = chunkEnd(segment, chunk)
    for (let entry = chunkStart(segment, chunk); entry < end; entry += entryBytes) {
      const word = load<u32>(entry, ENTRY_WORD)
      if (word == 0 || isOlder(entry, since)) continue
      const group = groups + <usize>(keyGroup(table, load<u32>(entry, ENTRY_HASH + 4)) - first) * GROUP_BYTES
      let at: usize = load<u32>(group, GROUP_NEXT)
      const isFirst = load<u32>(group, GROUP_WRITTEN) == 0
      at = writeHead(at, namespaceBytes == 0 ? 0 : isFirst ? NAMESPACE_WORD : NAMESPACE_SAME, word & 0xffffff, valueBytes)
      if (isFirst && namespaceBytes != 0) { store<u64>(at, load<u64>(namespace)); at += 8 }
      store<u32>(group, 1, GROUP_WRITTEN)
      const payloadBytes = wordPayloadBytes(word)
      if (isValue) store<u64>(at, load<u64>(entry, ENTRY_KEY))
      else copyWords(at, storedPayload(entry, keyBytes, payloadBytes), payloadBytes)
      at += payloadBytes
      store<u8>(at, <u8>wordTag(word))
      at += 1
      copyWords(at, entry + valueOffset, valueBytes)
      store<u32>(group, <u32>at + valueBytes, GROUP_NEXT)
    }
  }
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
const POOL_EXPIRED_MS: usize = 40

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
@inline function isWanted(record: usize, since: u32): bool {
  return load<u32>(record, RECORD_WORD) != 0 && load<u32>(record, RECORD_FLAGS) >> EPOCH_SHIFT >= since
}

/** Bytes of a record's value in a snapshot; REMOVED if there is none but an earlier checkpoint may have one; 0 if there is nothing to say. */
// @ts-ignore: decorator
@inline function valueBytesOf(pool: usize, record: usize, kind: u32, offset: usize): u32 {
  let bytes: u32 = 0
  if (kind == KIND_TIMER) return load<f64>(record + offset) != 0 ? 16 : 0
  const ttlOffset: usize = load<u32>(pool, POOL_TTL_OFFSET)
  const isPresent = (load<u32>(record + load<u32>(pool, POOL_PRESENCE)) & load<u32>(pool, POOL_MASK)) != 0
  if (!isPresent || (ttlOffset != 0 && load<f64>(record + ttlOffset) <= load<f64>(pool, POOL_EXPIRED_MS)))
    return load<u32>(pool, POOL_SINCE) != 0 && (load<u32>(record, RECORD_FLAGS) & FLAG_SAVED) != 0 ? REMOVED : 0
  if (kind == KIND_WORD) bytes = 8
  else if (kind == KIND_BOOLEAN) bytes = 1
  else if (kind == KIND_TEXT) bytes = 4 + load<u32>(record + offset, 4)
  else if (kind == KIND_BLOB) bytes = load<u32>(record + offset, 4)
  else if (kind == KIND_ANY) bytes = load<u32>(record + offset) == ANY_NUMBER ? 9 : load<u32>(record + offset, 4)
  else bytes = 5 + load<u32>(record + offset, 4)
  return bytes + (ttlOffset != 0 ? 9 : 1)
}

// @ts-ignore: decorator
@inline function groupOf(pool: usize, key: usize, groups: usize): usize {
  return groups + <usize>(load<u32>(key, RECORD_GROUP) - load<u32>(pool, POOL_FIRST_GROUP)) * GROUP_BYTES
}

/**
 * Counts the records of a snapshot that the key or namespace records at start..end-1 make, by key group: adds to the bytes and records in `groups`, of
 * which the first is the pool's first.
 */
export function poolRecordBytes(pool: usize, start: usize, end: usize, groups: usize): void {
  const recordBytes: usize = load<u32>(pool, POOL_RECORD_BYTES)
  const isNamespace = load<u32>(pool, POOL_IS_NAMESPACE) != 0
  const since = load<u32>(pool, POOL_SINCE)
  const kind = load<u32>(pool, POOL_KIND)
  const offset: usize = load<u32>(pool, POOL_OFFSET)
  for (let record = start; record < end; record += recordBytes) {
    if (!isWanted(record, since)) continue
    const bytes = valueBytesOf(pool, record, kind, offset)
    if (bytes == 0) continue
    const key: usize = isNamespace ? <usize>load<u32>(record, RECORD_OWNER) : record
    const group = groupOf(pool, key, groups)
    const keyBytes = load<u32>(key, RECORD_WORD) & 0xffffff
    const value = bytes == REMOVED ? 0 : bytes
    store<u32>(group, load<u32>(group) + headBytes(keyBytes, value) + (isNamespace ? NAMESPACE_BYTES : 0) + keyBytes + value)
    store<u32>(group, load<u32>(group, GROUP_RECORDS) + 1, GROUP_RECORDS)
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

/** Writes the records that {@link poolRecordBytes} has counted, each where its group's `next` says, which moves on. Notes of whom there is a value. */
export function poolWriteRecords(pool: usize, start: usize, end: usize, groups: usize): void {
  const recordBytes: usize = load<u32>(pool, POOL_RECORD_BYTES)
  const isNamespace = load<u32>(pool, POOL_IS_NAMESPACE) != 0
  const since = load<u32>(pool, POOL_SINCE)
  const kind = load<u32>(pool, POOL_KIND)
  const offset: usize = load<u32>(pool, POOL_OFFSET)
  const ttlOffset: usize = load<u32>(pool, POOL_TTL_OFFSET)
  for (let record = start; record < end; record += recordBytes) {
    if (!isWanted(record, since)) continue
    const bytes = valueBytesOf(pool, record, kind, offset)
    if (bytes == 0) continue
    const key: usize = isNamespace ? <usize>load<u32>(record, RECORD_OWNER) : record
    const group = groupOf(pool, key, groups)
    let at: usize = load<u32>(group, GROUP_NEXT)
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
    store<u32>(group, <u32>at, GROUP_NEXT)
  }
}
