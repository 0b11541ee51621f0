// State tables: a directory of segments of entries, found by key. ../table-layout.ts draws the control block, the segments and the entries; a
// test compares the constants. Runs on the thread that owns the slab. Kernels never allocate: when a segment has no room they say which and
// why, TypeScript gives it room, and the call goes on from the row it stopped at. Entries move only when a segment is split.

import { wordOfValue, wordPayloadBytes } from './key-layout'
import { differShort, sameBytes, SHORT_BYTES } from './rows'
import {
  chunkEnd, chunkStart, ENTRY_FLAGS, ENTRY_HASH, ENTRY_KEY, ENTRY_WORD, FLAG_NEW, FORM_BYTES, FORM_VALUE, GROW_ENTRIES, GROW_HEAP, GROW_INDEX, routeOf,
  SEGMENT_CHUNK_COUNT, SEGMENT_COUNT, SEGMENT_END, SEGMENT_FREE, SEGMENT_HEAP_DEAD, SEGMENT_HEAP_END, SEGMENT_HEAP_NEXT, SEGMENT_INDEX, SEGMENT_LIMIT,
  SEGMENT_NEXT, SEGMENT_SLOTS, storedPayload, TABLE_DEPTH, TABLE_DIRECTORY, TABLE_ENTRY_BYTES, TABLE_ENTRY_COUNT, TABLE_EPOCH, TABLE_EPOCH_NEW, TABLE_INSERTED,
  TABLE_KEY_BYTES, TABLE_KEY_FORM, TABLE_PENDING_BYTES, TABLE_PENDING_REASON, TABLE_PENDING_SEGMENT, TABLE_ROUTE_SHIFT, TABLE_SCRATCH, TABLE_SLOT_MULTIPLIER,
} from './table-layout'

/** Rows looked up side by side, so that their cache misses overlap. The scratch of a table holds two u32 a row, and 64 bytes. */
const BLOCK_ROWS: u32 = 256
const SMALL_BYTES_MAX: u64 = 524288
const INDEX_BYTES_PER_ENTRY: u32 = 16
const SLOTS_AT_ONCE: u32 = 4

// @ts-ignore: decorator
@inline function segmentOf(table: usize, high: u32): usize {
  const directory: usize = load<u32>(table, TABLE_DIRECTORY)
  if (load<u32>(table, TABLE_DEPTH) == 0) return load<u32>(directory)
  return load<u32>(directory + (<usize>(routeOf(table, high) >> load<u32>(table, TABLE_ROUTE_SHIFT)) << 2))
}
/** What a slot keeps of the hash. The slot's position knows other bits of it. */
// @ts-ignore: decorator
@inline function tagOf(low: u32, high: u32): u32 { return low ^ high }

/**
 * Where the probe sequence of a hash begins: at the first of four slots that lie on one cache line and are read at once. Entries stand in the
 * first slot that was free from there on.
 */
// @ts-ignore: decorator
@inline function homeOf(low: u32, multiplier: u32, slots: u32): u32 {
  return <u32>((<u64>(low * multiplier) * <u64>(slots / SLOTS_AT_ONCE)) >> 32) * SLOTS_AT_ONCE
}

/** Which of the four slots is the first free one: 0 to 3, or 4. */
// @ts-ignore: decorator
@inline function firstFree(slot: usize): u32 {
  const entries = i32x4.shuffle(v128.load(slot), v128.load(slot, 16), 1, 3, 5, 7)
  return <u32>ctz(i32x4.bitmask(i32x4.eq(entries, i32x4.splat(0))) | 16)
}

/** The entry that one of the first four slots of a probe sequence suggests, or 0. The greatest address stands for all whose tag fits. */
// @ts-ignore: decorator
@inline function suggested(slot: usize, tag: u32): u32 {
  const tags = i32x4.splat(tag)
  const first = v128.load(slot)
  const second = v128.load(slot, 16)
  const chosen = i32x4.max_u(v128.and(i64x2.shl(i32x4.eq(first, tags), 32), first), v128.and(i64x2.shl(i32x4.eq(second, tags), 32), second))
  return max<u32>(i32x4.extract_lane(chosen, 1), i32x4.extract_lane(chosen, 3))
}

/**
 * The passes over a block of a big table before the entries are compared. Each does one thing to every row and no branch depends on data, so
 * that the cache misses of many rows run side by side: find the slots, fetch the slots, choose the entries, fetch the entries.
 */
// @ts-ignore: decorator
@inline function fetch(table: usize, hashes: usize, start: u32, end: u32, scratch: usize): void {
  const multiplier = load<u32>(table, TABLE_SLOT_MULTIPLIER)
  const directory: usize = load<u32>(table, TABLE_DIRECTORY)
  const routeShift = load<u32>(table, TABLE_ROUTE_SHIFT)
  const depth = load<u32>(table, TABLE_DEPTH)
  const slotsEnd = scratch + (<usize>(end - start) << 2)
  let hashAt = hashes + (<usize>start << 3)
  for (let at = scratch; at < slotsEnd; at += 4) {
    const hash = load<u64>(hashAt)
    const segment: usize = load<u32>(directory + (depth == 0 ? 0 : <usize>(routeOf(table, <u32>(hash >> 32)) >> routeShift) << 2))
    store<u32>(at, load<u32>(segment, SEGMENT_INDEX) + (homeOf(<u32>hash, multiplier, load<u32>(segment, SEGMENT_SLOTS)) << 3))
    hashAt += 8
  }
  let touched: u32 = 0
  for (let at = scratch; at < slotsEnd; at += 4) touched += load<u32>(<usize>load<u32>(at))
  hashAt = hashes + (<usize>start << 3)
  for (let at = scratch; at < slotsEnd; at += 4) {
    const hash = load<u64>(hashAt)
    store<u32>(at, suggested(load<u32>(at), tagOf(<u32>hash, <u32>(hash >> 32))))
    hashAt += 8
  }
  // Both ends: an entry may lie on two cache lines.
  const last: usize = load<u32>(table, TABLE_ENTRY_BYTES) - 4
  for (let at = scratch; at < slotsEnd; at += 4) {
    const entry: usize = load<u32>(at)
    touched += load<u32>(entry) + load<u32>(entry + last)
  }
  // Stored, so that no compiler may leave the touching out.
  store<u32>(slotsEnd, touched)
}

// @ts-ignore: decorator
@inline function holdsValue(entry: usize, hash: u64, value: u64): bool {
  return load<u64>(entry, ENTRY_HASH) == hash && load<u64>(entry, ENTRY_KEY) == value
}
/** Whether an entry is not that of a key in bytes form. The hash need not be compared: the bytes decide. */
// @ts-ignore: decorator
@inline function differsInBytes(entry: usize, keyBytes: u32, payload: usize, word: u32): bool {
  if (load<u32>(entry, ENTRY_WORD) != word) return true
  const bytes = wordPayloadBytes(word)
  return bytes <= min<u32>(keyBytes, SHORT_BYTES) ? differShort(entry + ENTRY_KEY, payload, bytes) : !sameBytes(storedPayload(entry, keyBytes, bytes), payload, bytes)
}

/** The entry of a key, or 0. `key` is the value, or the payload's address. */
// @ts-ignore: decorator
@inline function probe(form: u32, keyBytes: u32, segment: usize, multiplier: u32, hash: u64, key: u64, word: u32): usize {
  const low = <u32>hash
  const tag = tagOf(low, <u32>(hash >> 32))
  const index: usize = load<u32>(segment, SEGMENT_INDEX)
  const slots = load<u32>(segment, SEGMENT_SLOTS)
  const mask = slots - 1
  let position = homeOf(low, multiplier, slots)
  for (;;) {
    const slot = load<u64>(index + (<usize>position << 3))
    const entry = <usize>(slot >> 32)
    if (entry == 0) return 0
    if (<u32>slot == tag && (form == FORM_VALUE ? holdsValue(entry, hash, key) : !differsInBytes(entry, keyBytes, <usize>key, word))) return entry
    position = (position + 1) & mask
  }
  return 0
}

/** Whether the first four slots tell that a hash has no entry: one of them is free, and none has its tag. */
// @ts-ignore: decorator
@inline function isAbsent(segment: usize, multiplier: u32, hash: u64): bool {
  const slot = <usize>load<u32>(segment, SEGMENT_INDEX) + (<usize>homeOf(<u32>hash, multiplier, load<u32>(segment, SEGMENT_SLOTS)) << 3)
  return (firstFree(slot) != SLOTS_AT_ONCE) & (suggested(slot, tagOf(<u32>hash, <u32>(hash >> 32))) == 0)
}

// @ts-ignore: decorator
@inline function occupy(segment: usize, multiplier: u32, hash: u64, entry: usize): void {
  const low = <u32>hash
  const index: usize = load<u32>(segment, SEGMENT_INDEX)
  const slots = load<u32>(segment, SEGMENT_SLOTS)
  let position = homeOf(low, multiplier, slots)
  const free = firstFree(index + (<usize>position << 3))
  position += free
  if (free == SLOTS_AT_ONCE) {
    const mask = slots - 1
    position &= mask
    while (load<u32>(index + (<usize>position << 3), 4) != 0) position = (position + 1) & mask
  }
  store<u64>(index + (<usize>position << 3), (<u64>entry << 32) | <u64>tagOf(low, <u32>(hash >> 32)))
}

function refuse(table: usize, segment: usize, reason: u32, bytes: u32): usize {
  store<u32>(table, <u32>segment, TABLE_PENDING_SEGMENT)
  store<u32>(table, reason, TABLE_PENDING_REASON)
  store<u32>(table, bytes, TABLE_PENDING_BYTES)
  return 0
}

/** A fresh zeroed entry, counted, or 0 if the segment lacks room for it. */
function takeEntry(table: usize, segment: usize, heapBytes: u32): usize {
  const count = load<u32>(segment, SEGMENT_COUNT)
  if (count >= load<u32>(segment, SEGMENT_LIMIT)) return refuse(table, segment, GROW_INDEX, 0)
  if (heapBytes > load<u32>(segment, SEGMENT_HEAP_END) - load<u32>(segment, SEGMENT_HEAP_NEXT)) return refuse(table, segment, GROW_HEAP, heapBytes)
  let entry: usize = load<u32>(segment, SEGMENT_FREE)
  if (entry != 0) store<u32>(segment, load<u32>(entry), SEGMENT_FREE)
  else {
    entry = load<u32>(segment, SEGMENT_NEXT)
    if (entry == load<u32>(segment, SEGMENT_END)) return refuse(table, segment, GROW_ENTRIES, 0)
    store<u32>(segment, <u32>entry + load<u32>(table, TABLE_ENTRY_BYTES), SEGMENT_NEXT)
  }
  store<u32>(segment, count + 1, SEGMENT_COUNT)
  store<u32>(table, load<u32>(table, TABLE_ENTRY_COUNT) + 1, TABLE_ENTRY_COUNT)
  store<u32>(table, load<u32>(table, TABLE_INSERTED) + 1, TABLE_INSERTED)
  return entry
}

// @ts-ignore: decorator
@inline function heapBytesOf(bytes: u32, keyBytes: u32): u32 { return bytes <= keyBytes ? 0 : (bytes + 7) & ~7 }

/** Puts a payload into a fresh entry or the segment's heap, where there is room for it. */
function storePayload(segment: usize, entry: usize, keyBytes: u32, payload: usize, bytes: u32): void {
  if (bytes <= keyBytes) {
    memory.copy(entry + ENTRY_KEY, payload, bytes)
    return
  }
  const heap: usize = load<u32>(segment, SEGMENT_HEAP_NEXT)
  memory.copy(heap, payload, bytes)
  store<u32>(segment, <u32>heap + heapBytesOf(bytes, keyBytes), SEGMENT_HEAP_NEXT)
  store<u32>(entry, <u32>heap, ENTRY_KEY)
}

// @ts-ignore: decorator
@inline function insert(form: u32, keyBytes: u32, table: usize, segment: usize, multiplier: u32, hash: u64, key: u64, word: u32): usize {
  const bytes: u32 = form == FORM_VALUE ? 0 : wordPayloadBytes(word)
  const entry = takeEntry(table, segment, heapBytesOf(bytes, keyBytes))
  if (entry == 0) return 0
  store<u64>(entry, hash, ENTRY_HASH)
  store<u32>(entry, FLAG_NEW | load<u32>(table, TABLE_EPOCH_NEW), ENTRY_FLAGS)
  store<u32>(entry, word, ENTRY_WORD)
  if (form == FORM_VALUE) store<u64>(entry, key, ENTRY_KEY)
  else storePayload(segment, entry, keyBytes, <usize>key, bytes)
  occupy(segment, multiplier, hash, entry)
  return entry
}

/** The rows whose first suggestion was wrong, one by one. Returns `end`, or the row that found no room. */
// @ts-ignore: decorator
@inline function resolveMisses(form: u32, inserting: bool, table: usize, hashes: usize, keys: usize, words: usize, misses: usize, missesEnd: usize, end: u32, out: usize): u32 {
  const keyBytes = load<u32>(table, TABLE_KEY_BYTES)
  const multiplier = load<u32>(table, TABLE_SLOT_MULTIPLIER)
  for (let at = misses; at < missesEnd; at += 4) {
    const row = load<u32>(at)
    const hash = load<u64>(hashes + (<usize>row << 3))
    const key = form == FORM_VALUE ? load<u64>(keys + (<usize>row << 3)) : <u64>load<u32>(keys + (<usize>row << 2))
    const word: u32 = form == FORM_VALUE ? 0 : load<u32>(words + (<usize>row << 2))
    const segment = segmentOf(table, <u32>(hash >> 32))
    let entry: usize = isAbsent(segment, multiplier, hash) ? 0 : probe(form, keyBytes, segment, multiplier, hash, key, word)
    if (inserting && entry == 0) {
      entry = insert(form, keyBytes, table, segment, multiplier, hash, key, form == FORM_VALUE ? wordOfValue(key, hash) : word)
      if (entry == 0) return row
    }
    store<u32>(out + (<usize>row << 2), <u32>entry)
  }
  return end
}

/** Whether the entry suggested for a row is none, or another key's. */
// @ts-ignore: decorator
@inline function misses(form: u32, keyBytes: u32, entry: usize, hashes: usize, keys: usize, words: usize, row: u32): bool {
  if (form == FORM_VALUE)
    return (load<u64>(entry, ENTRY_HASH) != load<u64>(hashes + (<usize>row << 3))) | (load<u64>(entry, ENTRY_KEY) != load<u64>(keys + (<usize>row << 3))) | (entry == 0)
  return entry == 0 || differsInBytes(entry, keyBytes, load<u32>(keys + (<usize>row << 2)), load<u32>(words + (<usize>row << 2)))
}

/** One block of rows of a big table. */
// @ts-ignore: decorator
@inline function lookUpBig(form: u32, inserting: bool, table: usize, hashes: usize, keys: usize, words: usize, start: u32, end: u32, scratch: usize, out: usize): u32 {
  fetch(table, hashes, start, end, scratch)
  const keyBytes = load<u32>(table, TABLE_KEY_BYTES)
  let suggestion = scratch
  const missedRows = scratch + BLOCK_ROWS * 4
  let missed = missedRows
  for (let row = start; row < end; row++) {
    const entry = load<u32>(suggestion)
    suggestion += 4
    store<u32>(out + (<usize>row << 2), entry)
    store<u32>(missed, row)
    missed += <usize>misses(form, keyBytes, entry, hashes, keys, words, row) << 2
  }
  return resolveMisses(form, inserting, table, hashes, keys, words, missedRows, missed, end, out)
}

/** One block of rows of a table of one segment that lies in the cache: everything in one pass. */
// @ts-ignore: decorator
@inline function lookUpSmall(form: u32, inserting: bool, table: usize, hashes: usize, keys: usize, words: usize, start: u32, end: u32, scratch: usize, out: usize): u32 {
  const keyBytes = load<u32>(table, TABLE_KEY_BYTES)
  const multiplier = load<u32>(table, TABLE_SLOT_MULTIPLIER)
  const segment: usize = load<u32>(load<u32>(table, TABLE_DIRECTORY))
  const index: usize = load<u32>(segment, SEGMENT_INDEX)
  const slots = load<u32>(segment, SEGMENT_SLOTS)
  let missed = scratch
  for (let row = start; row < end; row++) {
    const hash = load<u64>(hashes + (<usize>row << 3))
    const low = <u32>hash
    const entry = suggested(index + (<usize>homeOf(low, multiplier, slots) << 3), tagOf(low, <u32>(hash >> 32)))
    store<u32>(out + (<usize>row << 2), entry)
    store<u32>(missed, row)
    missed += <usize>misses(form, keyBytes, entry, hashes, keys, words, row) << 2
  }
  return resolveMisses(form, inserting, table, hashes, keys, words, scratch, missed, end, out)
}

/** Whether a table no longer lies in the second-level cache. */
// @ts-ignore: decorator
@inline function isBig(table: usize): bool {
  return load<u32>(table, TABLE_DEPTH) != 0 || <u64>load<u32>(table, TABLE_ENTRY_COUNT) * (load<u32>(table, TABLE_ENTRY_BYTES) + INDEX_BYTES_PER_ENTRY) > SMALL_BYTES_MAX
}

/** Writes down when entries were last changed: those of rows start..end-1. */
// @ts-ignore: decorator
@inline function noteEpoch(epoch: u32, start: u32, end: u32, out: usize): void {
  for (let row = start; row < end; row++) {
    const entry: usize = load<u32>(out + (<usize>row << 2))
    store<u32>(entry, (load<u32>(entry, ENTRY_FLAGS) & FLAG_NEW) | epoch, ENTRY_FLAGS)
  }
}

// @ts-ignore: decorator
@inline function lookUp(form: u32, inserting: bool, table: usize, hashes: usize, keys: usize, words: usize, from: u32, n: u32, out: usize): u32 {
  const scratch: usize = load<u32>(table, TABLE_SCRATCH)
  const epoch: u32 = inserting ? load<u32>(table, TABLE_EPOCH) : 0
  for (let start = from; start < n; start += BLOCK_ROWS) {
    const end = min<u32>(start + BLOCK_ROWS, n)
    const done = isBig(table)
      ? lookUpBig(form, inserting, table, hashes, keys, words, start, end, scratch, out)
      : lookUpSmall(form, inserting, table, hashes, keys, words, start, end, scratch, out)
    if (epoch != 0) noteEpoch(epoch, start, done, out)
    if (done != end) return done
  }
  return n
}

/**
 * Finds the entry of each row's key, inserting those that are missing: u32 out[row] for rows from..n-1. `keys` is int64[n] (value form; `words`
 * is 0) or the payloads u32[n] (bytes form). New entries carry the flag NEW and zeroed values. Returns n, or the row at which a segment
 * must grow; the rows before it are done.
 */
export function tableFindOrInsert(table: usize, hashes: usize, keys: usize, words: usize, from: u32, n: u32, out: usize): u32 {
  return load<u32>(table, TABLE_KEY_FORM) == FORM_VALUE
    ? lookUp(FORM_VALUE, true, table, hashes, keys, 0, from, n, out)
    : lookUp(FORM_BYTES, true, table, hashes, keys, words, from, n, out)
}

/** {@link tableFindOrInsert} without insertion: 0 where a key has no entry. */
export function tableFind(table: usize, hashes: usize, keys: usize, words: usize, n: u32, out: usize): void {
  if (load<u32>(table, TABLE_KEY_FORM) == FORM_VALUE) lookUp(FORM_VALUE, false, table, hashes, keys, 0, 0, n, out)
  else lookUp(FORM_BYTES, false, table, hashes, keys, words, 0, n, out)
}

/** Lists each entry among entries[n] that carries the flag NEW once, in order, and takes the flag off. Returns how many. */
export function tableTakeNew(entries: usize, n: u32, out: usize): u32 {
  let count: u32 = 0
  for (let row: u32 = 0; row < n; row++) {
    const entry: usize = load<u32>(entries + (<usize>row << 2))
    const flags = load<u32>(entry, ENTRY_FLAGS)
    store<u32>(out + (<usize>count << 2), <u32>entry)
    count += flags >> 31
    store<u32>(entry, flags & ~FLAG_NEW, ENTRY_FLAGS)
  }
  return count
}

/** Removes entries[n], each live and named once. Their memory is used again by later insertions. */
export function tableRemove(table: usize, entries: usize, n: u32): void {
  const multiplier = load<u32>(table, TABLE_SLOT_MULTIPLIER)
  const entryBytes = load<u32>(table, TABLE_ENTRY_BYTES)
  const keyBytes = load<u32>(table, TABLE_KEY_BYTES)
  const value = load<u32>(table, TABLE_KEY_FORM) == FORM_VALUE
  for (let row: u32 = 0; row < n; row++) {
    const entry: usize = load<u32>(entries + (<usize>row << 2))
    const hash = load<u64>(entry, ENTRY_HASH)
    const segment = segmentOf(table, <u32>(hash >> 32))
    const word = load<u32>(entry, ENTRY_WORD)
    assert(word != 0)
    vacate(segment, multiplier, hash, entry)
    if (!value) {
      const dead = heapBytesOf(wordPayloadBytes(word), keyBytes)
      store<u32>(segment, load<u32>(segment, SEGMENT_HEAP_DEAD) + dead, SEGMENT_HEAP_DEAD)
    }
    memory.fill(entry, 0, entryBytes)
    store<u32>(entry, load<u32>(segment, SEGMENT_FREE))
    store<u32>(segment, <u32>entry, SEGMENT_FREE)
    store<u32>(segment, load<u32>(segment, SEGMENT_COUNT) - 1, SEGMENT_COUNT)
  }
  store<u32>(table, load<u32>(table, TABLE_ENTRY_COUNT) - n, TABLE_ENTRY_COUNT)
}

/** Empties the slot of an entry and moves later ones of its run back, so that no probe sequence is cut. */
function vacate(segment: usize, multiplier: u32, hash: u64, entry: usize): void {
  const index: usize = load<u32>(segment, SEGMENT_INDEX)
  const slots = load<u32>(segment, SEGMENT_SLOTS)
  const mask = slots - 1
  let hole = homeOf(<u32>hash, multiplier, slots)
  while (load<u32>(index + (<usize>hole << 3), 4) != <u32>entry) hole = (hole + 1) & mask
  let at = hole
  for (;;) {
    at = (at + 1) & mask
    const slot = load<u64>(index + (<usize>at << 3))
    const other = <usize>(slot >> 32)
    if (other == 0) break
    const home = homeOf(load<u32>(other, ENTRY_HASH), multiplier, slots)
    // It may move into the hole unless its home lies behind the hole on the way to it.
    if (((at - home) & mask) < ((at - hole) & mask)) continue
    store<u64>(index + (<usize>hole << 3), slot)
    hole = at
  }
  store<u64>(index + (<usize>hole << 3), 0)
}

/** Lists the live entries of one chunk in memory order: u32 out[]. Returns how many. */
export function segmentChunkEntries(table: usize, segment: usize, chunk: u32, out: usize): u32 {
  const entryBytes: usize = load<u32>(table, TABLE_ENTRY_BYTES)
  const end = chunkEnd(segment, chunk)
  let count: u32 = 0
  for (let entry = chunkStart(segment, chunk); entry < end; entry += entryBytes) {
    store<u32>(out + (<usize>count << 2), <u32>entry)
    count += u32(load<u32>(entry, ENTRY_WORD) != 0)
  }
  return count
}

/**
 * Lists the live entries of a segment whose routes are from..to-1 and that were last looked up before an epoch: u32 out[], with room for all entries and one
 * more. Returns how many.
 */
export function segmentOlderEntries(table: usize, segment: usize, from: u32, to: u32, before: u32, out: usize): u32 {
  const entryBytes: usize = load<u32>(table, TABLE_ENTRY_BYTES)
  const chunks = load<u32>(segment, SEGMENT_CHUNK_COUNT)
  const width = to - from
  let count: u32 = 0
  for (let chunk: u32 = 0; chunk < chunks; chunk++) {
    const end = chunkEnd(segment, chunk)
    for (let entry = chunkStart(segment, chunk); entry < end; entry += entryBytes) {
      store<u32>(out + (<usize>count << 2), <u32>entry)
      const isOlder = (load<u32>(entry, ENTRY_FLAGS) & ~FLAG_NEW) < before
      const isThere = routeOf(table, load<u32>(entry, ENTRY_HASH + 4)) - from < width
      count += u32(isOlder & isThere & (load<u32>(entry, ENTRY_WORD) != 0))
    }
  }
  return count
}

/** Fills an empty index (the segment already points at it) with all entries of the segment. */
export function segmentReindex(table: usize, segment: usize): void {
  const multiplier = load<u32>(table, TABLE_SLOT_MULTIPLIER)
  const entryBytes: usize = load<u32>(table, TABLE_ENTRY_BYTES)
  const chunks = load<u32>(segment, SEGMENT_CHUNK_COUNT)
  for (let chunk: u32 = 0; chunk < chunks; chunk++) {
    const end = chunkEnd(segment, chunk)
    for (let entry = chunkStart(segment, chunk); entry < end; entry += entryBytes) {
      if (load<u32>(entry, ENTRY_WORD) != 0) occupy(segment, multiplier, load<u64>(entry, ENTRY_HASH), entry)
    }
  }
}

/** Moves the entries of one chunk of `source`, from the `from`-th slot of the chunk on, into the segments that the directory names. */
export function segmentMove(table: usize, source: usize, chunk: u32, from: u32): u32 {
  const multiplier = load<u32>(table, TABLE_SLOT_MULTIPLIER)
  const entryBytes: usize = load<u32>(table, TABLE_ENTRY_BYTES)
  const keyBytes = load<u32>(table, TABLE_KEY_BYTES)
  const value = load<u32>(table, TABLE_KEY_FORM) == FORM_VALUE
  const end = chunkEnd(source, chunk)
  let entry = chunkStart(source, chunk) + <usize>from * entryBytes
  for (; entry < end; entry += entryBytes) {
    const word = load<u32>(entry, ENTRY_WORD)
    if (word != 0) {
      const hash = load<u64>(entry, ENTRY_HASH)
      const segment = segmentOf(table, <u32>(hash >> 32))
      const bytes: u32 = value ? 0 : wordPayloadBytes(word)
      const target = takeEntry(table, segment, heapBytesOf(bytes, keyBytes))
      if (target == 0) return from
      for (let at: usize = 0; at < entryBytes; at += 8) store<u64>(target + at, load<u64>(entry + at))
      if (bytes > keyBytes) storePayload(segment, target, keyBytes, load<u32>(entry, ENTRY_KEY), bytes)
      occupy(segment, multiplier, hash, target)
    }
    from++
  }
  return from
}

/** Copies the payloads in a segment's heap into the room behind `heapNext`, which is enough, and lets the entries point there. */
export function segmentCompactHeap(table: usize, segment: usize): void {
  const entryBytes: usize = load<u32>(table, TABLE_ENTRY_BYTES)
  const keyBytes = load<u32>(table, TABLE_KEY_BYTES)
  const chunks = load<u32>(segment, SEGMENT_CHUNK_COUNT)
  for (let chunk: u32 = 0; chunk < chunks; chunk++) {
    const end = chunkEnd(segment, chunk)
    for (let entry = chunkStart(segment, chunk); entry < end; entry += entryBytes) {
      const word = load<u32>(entry, ENTRY_WORD)
      if (word == 0) continue
      const bytes = wordPayloadBytes(word)
      if (bytes > keyBytes) storePayload(segment, entry, keyBytes, load<u32>(entry, ENTRY_KEY), bytes)
    }
  }
}

