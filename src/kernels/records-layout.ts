// How stores of records lie in a slab. The one drawing of it; `assembly/records.ts` mirrors the constants and a test compares them. All words u32.
//
// A store is a control block (this file's STORE_*) and pages, one of which is being filled. Where a reference to a record is meant, it is its address divided by 8.
//
//   record       u32 next | u32 bytes | own bytes | u32 slots of values of JavaScript | values of fixed width | u32 ends | bits | bytes and nested values
//   next         the next record of a list of its owner, or of a list of free records; 0 = none
//   bytes        how long the record is, all included; a multiple of 8
//   own bytes    the owner's, as many as the store was made for
//   ends         where each value without fixed width ends, from the record's beginning, in front of them where the first one begins
//   bits         one a field, 1 = NULL

export const STORE_BYTES = 2496
/** Where the next record goes, and the end of the page. */
export const STORE_NEXT = 0
export const STORE_END = 1
/** Bytes of the record that the last call had no room for. */
export const STORE_PENDING_BYTES = 2
/** Bytes of records in use, and of those given back. */
export const STORE_USED_BYTES = 3
export const STORE_FREE_BYTES = 4
export const STORE_FIELD_COUNT = 5
/** Bytes in front of the first value without fixed width. */
export const STORE_FIXED_BYTES = 6
/** Byte offsets in a record: of the bits, and of the ends, of which there are so many. */
export const STORE_NULLS = 7
export const STORE_ENDS = 8
export const STORE_END_COUNT = 9
/** Free records: the first of each list. */
export const STORE_FREE = 16
/** For a call: 256 words. */
export const STORE_SCRATCH = 368
/** Behind the control block {kind, byte offset} of each field: of its value, or of its two ends. */
export const STORE_FIELDS = 624

/** Byte offsets in a record. */
export const RECORD_NEXT = 0
export const RECORD_BYTES = 4
export const RECORD_OWN = 8

/** Kernels may read and write so far behind the last record of a page. */
export const RECORD_PAGE_SLACK_BYTES = 64
