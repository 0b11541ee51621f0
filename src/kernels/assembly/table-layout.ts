// State tables as kernels see them: the constants of ../table-layout.ts (a test compares them), in bytes, and what every table kernel reads.

export const TABLE_KEY_FORM: usize = 0
export const TABLE_ENTRY_BYTES: usize = 4
export const TABLE_KEY_BYTES: usize = 8
export const TABLE_FIRST_GROUP: usize = 12
export const TABLE_MAX_PARALLELISM: usize = 16
export const TABLE_GROUP_MASK: usize = 20
export const TABLE_ROUTE_SHIFT: usize = 24
export const TABLE_DEPTH: usize = 28
export const TABLE_DIRECTORY: usize = 32
export const TABLE_SLOT_MULTIPLIER: usize = 36
export const TABLE_PENDING_SEGMENT: usize = 40
export const TABLE_PENDING_REASON: usize = 44
export const TABLE_PENDING_BYTES: usize = 48
export const TABLE_INSERTED: usize = 52
export const TABLE_ENTRY_COUNT: usize = 56
export const TABLE_SCRATCH: usize = 60
export const TABLE_EPOCH: usize = 64
export const TABLE_EPOCH_NEW: usize = 68

export const SEGMENT_INDEX: usize = 0
export const SEGMENT_SLOTS: usize = 4
export const SEGMENT_COUNT: usize = 8
export const SEGMENT_LIMIT: usize = 12
export const SEGMENT_NEXT: usize = 16
export const SEGMENT_END: usize = 20
export const SEGMENT_FREE: usize = 24
export const SEGMENT_HEAP_NEXT: usize = 28
export const SEGMENT_HEAP_END: usize = 32
export const SEGMENT_HEAP_DEAD: usize = 36
export const SEGMENT_CHUNK_COUNT: usize = 48
export const SEGMENT_CHUNKS: usize = 64

export const ENTRY_HASH: usize = 0
export const ENTRY_FLAGS: usize = 8
export const ENTRY_WORD: usize = 12
export const ENTRY_KEY: usize = 16
export const FLAG_NEW: u32 = 0x80000000

export const FORM_VALUE: u32 = 0
export const FORM_BYTES: u32 = 1

export const GROW_INDEX: u32 = 1
export const GROW_ENTRIES: u32 = 2
export const GROW_HEAP: u32 = 3

const NO_GROUP_MASK: u32 = 0xffffffff

// @ts-ignore: decorator
@inline export function keyGroup(table: usize, high: u32): u32 {
  const mask = load<u32>(table, TABLE_GROUP_MASK)
  return mask != NO_GROUP_MASK ? high & mask : high % load<u32>(table, TABLE_MAX_PARALLELISM)
}
/** Key group, then 16 more bits: what the directory goes by. */
// @ts-ignore: decorator
@inline export function routeOf(table: usize, high: u32): u32 {
  return ((keyGroup(table, high) - load<u32>(table, TABLE_FIRST_GROUP)) << 16) | (high >> 16)
}
// @ts-ignore: decorator
@inline export function segmentOfRoute(table: usize, route: u32): usize {
  const directory: usize = load<u32>(table, TABLE_DIRECTORY)
  return load<u32>(directory + (load<u32>(table, TABLE_DEPTH) == 0 ? 0 : <usize>(route >> load<u32>(table, TABLE_ROUTE_SHIFT)) << 2))
}
// @ts-ignore: decorator
@inline export function storedPayload(entry: usize, keyBytes: u32, bytes: u32): usize {
  return bytes <= keyBytes ? entry + ENTRY_KEY : <usize>load<u32>(entry, ENTRY_KEY)
}
// @ts-ignore: decorator
@inline export function chunkStart(segment: usize, chunk: u32): usize { return load<u32>(segment + SEGMENT_CHUNKS + (<usize>chunk << 3)) }
/** End of the used part of a chunk: the last one is filled up to `next`. */
// @ts-ignore: decorator
@inline export function chunkEnd(segment: usize, chunk: u32): usize {
  return chunk + 1 == load<u32>(segment, SEGMENT_CHUNK_COUNT) ? load<u32>(segment, SEGMENT_NEXT) : load<u32>(segment + SEGMENT_CHUNKS + (<usize>chunk << 3), 4)
}
