// What the kernels that write snapshots are told of a pool of key or namespace records: u32 words, but for one f64. `assembly/snapshot.ts` mirrors the
// constants and a test compares them. The records themselves are drawn in state/key-store.ts.

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
/** Index in f64 words: what was refreshed at this time (ms) or before has expired. */
export const POOL_EXPIRED_MS = 5

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

/** Flag of a record: a snapshot may hold a value of it. */
export const RECORD_FLAG_SAVED = 4
/** The epoch in which a record was last used stands in its flags, so many bits up. */
export const RECORD_EPOCH_SHIFT = 4
