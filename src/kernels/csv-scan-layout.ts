// What the CSV scan plan has beside the JSON scan plan's header, nodes and result block (json-scan-layout.ts): marks, the text of NULL, and
// one entry for each field of a record, in file order. `assembly/csv-scan-plan.ts` mirrors the constants and a test compares them.

/** Flag: lines that begin with # are comments. */
export const CSV_COMMENTS = 32

// Words of the header, as u32 indexes.
/** Delimiter, quote (0 = none), escape (0 = none: a quote is doubled), array element delimiter: one a byte, lowest first. */
export const CSV_MARKS = 48
export const CSV_NULL = 49
/** 0xffffffff if no text stands for NULL. */
export const CSV_NULL_LENGTH = 50
export const CSV_FIELDS = 51
export const CSV_FIELD_COUNT = 52
/** Longest record. A quote that is not closed within it is bad, and the next line is read as a record again. */
export const CSV_RECORD_BYTES_MAX = 53
/** 1 if the input ends the file: an open quote is bad then and not a matter of more bytes. */
export const CSV_FINAL = 54
/** Always 0. */
export const CSV_NOWHERE = 55
/** Of the kernel: how many records it matches before it checks that they are UTF-8. */
export const CSV_RUN_ROWS = 56
/** 1 if an unquoted field may be the text of NULL. */
export const CSV_NULL_UNQUOTED = 57

export const CSV_NO_NULL = 0xffff_ffff
/** Values that are no texts are read from so much room where something in them is escaped. */
export const CSV_SCRATCH_BYTES = 4096

// An entry, as u32 indexes: what to do, the node (0 for a field that is not wanted), the kernel's memo of the last minute, and copies of what the
// node says of the batch at hand. Behind the last one comes one of the operation END.
export const ENTRY_OPERATION = 0
export const ENTRY_NODE = 1
export const ENTRY_MEMO_MS = 2
export const ENTRY_MEMO = 4
export const ENTRY_VALUES = 8
export const ENTRY_OFFSETS = 9
export const ENTRY_DATA = 10
/** 0 if the column takes no NULL. */
export const ENTRY_VALIDITY = 11
export const ENTRY_KIND = 12
export const ENTRY_LENGTH = 13
export const ENTRY_BYTES = 64

/** How an entry is read while nothing odd is met. OTHER is always odd, END is behind the last field. */
export const CsvRead = { SKIP: 0, TEXT: 1, INTEGER: 2, DOUBLE: 3, TIMESTAMP: 4, BOOLEAN: 5, OTHER: 6, DECIMAL: 7, BOUNDED_TEXT: 8, END: 9 } as const
