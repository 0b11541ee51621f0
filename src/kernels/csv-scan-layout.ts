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

export const CSV_NO_NULL = 0xffff_ffff

// An entry, as u32 indexes: what to do, the node (0 for a field that is not wanted), and the kernel's memo of the last minute.
export const ENTRY_OPERATION = 0
export const ENTRY_NODE = 1
export const ENTRY_BYTES = 64

/** How an entry is read while nothing odd is met; everything else is left to the general way. */
export const CsvRead = { SKIP: 0, TEXT: 1, INTEGER: 2, DOUBLE: 3, TIMESTAMP: 4, BOOLEAN: 5, OTHER: 6, DECIMAL: 7, BOUNDED_TEXT: 8 } as const
