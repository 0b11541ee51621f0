// The CSV part of a scan plan as the kernel sees it: the constants of ../csv-scan-layout.ts (a test compares them), as byte offsets.

export const CSV_COMMENTS: u32 = 32

export const CSV_MARKS: usize = 192
export const CSV_NULL: usize = 196
export const CSV_NULL_LENGTH: usize = 200
export const CSV_FIELDS: usize = 204
export const CSV_FIELD_COUNT: usize = 208
export const CSV_RECORD_BYTES_MAX: usize = 212
export const CSV_FINAL: usize = 216
export const CSV_NOWHERE: usize = 220
export const CSV_RUN_ROWS: usize = 224
export const CSV_NULL_UNQUOTED: usize = 228
export const CSV_NO_NULL: u32 = 0xffffffff
export const CSV_SCRATCH_BYTES: u32 = 4096

export const ENTRY_OPERATION: usize = 0
export const ENTRY_NODE: usize = 4
export const ENTRY_MEMO_MS: usize = 8
export const ENTRY_MEMO: usize = 16
export const ENTRY_VALUES: usize = 32
export const ENTRY_OFFSETS: usize = 36
export const ENTRY_DATA: usize = 40
export const ENTRY_VALIDITY: usize = 44
export const ENTRY_KIND: usize = 48
export const ENTRY_LENGTH: usize = 52
export const ENTRY_BYTES: usize = 64

export const CSV_SKIP: u32 = 0
export const CSV_TEXT: u32 = 1
export const CSV_INTEGER: u32 = 2
export const CSV_DOUBLE: u32 = 3
export const CSV_TIMESTAMP: u32 = 4
export const CSV_BOOLEAN: u32 = 5
export const CSV_OTHER: u32 = 6
export const CSV_DECIMAL: u32 = 7
export const CSV_BOUNDED_TEXT: u32 = 8
export const CSV_END: u32 = 9
/** A bit for each operation whose values are read in quotes as without. */
export const CSV_MAY_BE_QUOTED: u32 = (1 << CSV_INTEGER) | (1 << CSV_DOUBLE) | (1 << CSV_DECIMAL) | (1 << CSV_TIMESTAMP) | (1 << CSV_BOOLEAN)
