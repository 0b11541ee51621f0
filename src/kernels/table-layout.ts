// How state tables lie in a slab. The one drawing of it; `assembly/table-layout.ts` mirrors the constants and a test compares them. All words u32.
//
// A table is a control block (this file's TABLE_*), a directory (u32 segment address[2^depth]) and segments. A key's route is
// (key group - first group) * 2^16 + the top 16 bits of its hash; the route's top `depth` bits index the directory.
//
//   segment          index: u32 pairs {tag, entry address}[slots], open addressing, linear probe; address 0 = empty slot
//                    chunks: blocks of entries, first come first filled; entries are never moved but by a split
//                    heap: payloads of keys that do not fit their entry
//   entry            u64 hash | u32 flags | u32 key word | key area | value area, zero when inserted
//   key word         (tag << 24) | canonical key bytes, tag included; 0 = the entry is free (and links to the next free one)
//   key area         value form: int64. Bytes form: `keyBytes` bytes: the payload if it fits, else its heap address

/** How keys come to a table: see `assembly/keys.ts`. */
export const KeyForm = { VALUE: 0, BYTES: 1 } as const
export type KeyForm = (typeof KeyForm)[keyof typeof KeyForm]

export const TABLE_BYTES = 128
export const TABLE_KEY_FORM = 0
export const TABLE_ENTRY_BYTES = 1
/** Width of the key area: 8 in value form. */
export const TABLE_KEY_BYTES = 2
export const TABLE_FIRST_GROUP = 3
export const TABLE_MAX_PARALLELISM = 4
/** maxParallelism - 1 if that is a power of two, else 0xffffffff. */
export const TABLE_GROUP_MASK = 5
/** Route bits less depth. */
export const TABLE_ROUTE_SHIFT = 6
export const TABLE_DEPTH = 7
export const TABLE_DIRECTORY = 8
/** Odd; differs from job to job, is never stored: nobody can choose keys that collide. */
export const TABLE_SLOT_MULTIPLIER = 9
/** Why the last call stopped: the segment, a GROW_* reason, and the heap bytes it needs. */
export const TABLE_PENDING_SEGMENT = 10
export const TABLE_PENDING_REASON = 11
export const TABLE_PENDING_BYTES = 12
/** Entries inserted since the caller last set this to 0. */
export const TABLE_INSERTED = 13
export const TABLE_ENTRY_COUNT = 14
export const TABLE_SCRATCH = 15
export const TABLE_SCRATCH_BYTES = 2048 + 64
/** The epoch that entries get which are looked up to be changed: that of the next checkpoint. 0: entries keep none. */
export const TABLE_EPOCH = 16
/** The epoch of entries that are inserted, where TABLE_EPOCH is 0. */
export const TABLE_EPOCH_NEW = 17

export const SEGMENT_BYTES = 512
export const SEGMENT_INDEX = 0
/** Number of slots, a power of two. */
export const SEGMENT_SLOTS = 1
export const SEGMENT_COUNT = 2
/** How many entries it may hold before its index grows or it is split. */
export const SEGMENT_LIMIT = 3
/** Where the next fresh entry goes, and the end of the last chunk. */
export const SEGMENT_NEXT = 4
export const SEGMENT_END = 5
/** First free entry, 0 = none. */
export const SEGMENT_FREE = 6
export const SEGMENT_HEAP_NEXT = 7
export const SEGMENT_HEAP_END = 8
/** Heap bytes of removed keys. */
export const SEGMENT_HEAP_DEAD = 9
export const SEGMENT_CHUNK_COUNT = 12
/** {first entry, end of the last entry} for each chunk. */
export const SEGMENT_CHUNKS = 16
export const SEGMENT_CHUNKS_MAX = (SEGMENT_BYTES / 4 - SEGMENT_CHUNKS) / 2

export const ENTRY_HASH_OFFSET = 0
export const ENTRY_FLAGS_OFFSET = 8
export const ENTRY_WORD_OFFSET = 12
export const ENTRY_KEY_OFFSET = 16

/** Flag: inserted and not yet reported to the caller. The other 31 bits are the epoch of the last change. */
export const ENTRY_FLAG_NEW = 0x80000000

export const GROW_INDEX = 1
export const GROW_ENTRIES = 2
export const GROW_HEAP = 3

/** Kernels may read this far past an entry. */
export const CHUNK_SLACK_BYTES = 64
/** A segment of this many entries is split when one more comes. */
export const SEGMENT_ENTRIES_MAX = 65_536
