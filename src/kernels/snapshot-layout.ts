// What the kernels that write snapshots are told: of the rooms that records go to, of the entries of a table, of a pool of key or namespace records. All
// u32 words, but for one f64 and the bytes of a namespace. `assembly/snapshot.ts` mirrors the constants and a test compares them.

/** Of each key group: bytes that were counted for it, the records in its room, where the next one goes, and the end of the room. */
export const ROOM_WORDS = 4
export const ROOM_BYTES = 0
export const ROOM_RECORDS = 1
export const ROOM_NEXT = 2
export const ROOM_END = 3
/** Kernels write whole words: so much stays free behind the last record of a room. */
export const ROOM_SLACK_BYTES = 8

/** Entries of a table: those last changed in the epochs since..until-1. */
export const ENTRIES_BLOCK_BYTES = 64
export const ENTRIES_SINCE = 0
export const ENTRIES_UNTIL = 1
/** The route from which on they still wait to be written. */
export const ENTRIES_FROM = 2
export const ENTRIES_VALUE_OFFSET = 3
export const ENTRIES_VALUE_BYTES = 4
/** 0 or 8. */
export const ENTRIES_NAMESPACE_BYTES = 5
/** Address of the rooms. */
export const ENTRIES_ROOMS = 6
/** Which group, counted from the first one, had no room, and for how many bytes. */
export const ENTRIES_FULL_GROUP = 7
export const ENTRIES_FULL_BYTES = 8
/** Of the segment with that route so many chunks, the first ones, wait no more. */
export const ENTRIES_DONE = 9
/** The namespace itself. */
export const ENTRIES_NAMESPACE = 10

/** One state of the records of a pool, which state/key-store.ts draws. */
export const POOL_BYTES = 64
export const POOL_RECORD_BYTES = 0
/** 1: namespace records, whose keys have the key group. */
export const POOL_IS_NAMESPACE = 1
/** A {@link StateKind}. */
export const POOL_KIND = 2
/** Byte offset of the state's slot in a record. */
export const POOL_OFFSET = 3
/** Byte offset of the u32 with its presence bit, and that bit. */
export const POOL_PRESENCE = 4
export const POOL_MASK = 5
/** Byte offset of the time of its last refresh; 0: it has no TTL. */
export const POOL_TTL_OFFSET = 6
/** Epoch from which on records are looked at; 0: all. */
export const POOL_SINCE = 7
export const POOL_FIRST_GROUP = 8
/** Only records that were last used before this epoch. */
export const POOL_UNTIL = 9
/** Index in f64 words: what was refreshed at this time (ms) or before has expired. */
export const POOL_EXPIRED_MS = 5
/** The address from which on records still wait to be written. */
export const POOL_FROM = 12
/** As of entries. */
export const POOL_ROOMS = 13
export const POOL_FULL_GROUP = 14
export const POOL_FULL_BYTES = 15

/** How a value lies in its slot. */
export const StateKind = {
  /** 8 bytes. */
  WORD: 0,
  /** u32, 0 or 1. */
  BOOLEAN: 1,
  /** u32 address, u32 bytes; in snapshots behind a u32 length. */
  TEXT: 2,
  /** u32 address, u32 bytes. */
  BLOB: 3,
  /** u32 tag, u32 bytes, then a number (tag 1) or the u32 address of an encoded value. */
  ANY: 4,
  /** u32 address, u32 bytes, u32 elements. */
  LIST: 5,
  /** A timer: f64 time, 0 for none | 8 bytes | f64 sequence. */
  TIMER: 6,
} as const
export type StateKind = (typeof StateKind)[keyof typeof StateKind]

/** Byte offset of the flags of a record, and one of them: a snapshot may hold a value of it. */
export const RECORD_FLAGS_OFFSET = 24
export const RECORD_FLAG_SAVED = 4
/** The epoch in which a record was last used stands in its flags, so many bits up. */
export const RECORD_EPOCH_SHIFT = 4
