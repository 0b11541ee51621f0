// The JSON scan plan: how a schema is described to the kernel `scanJson`, where it says what it did, and what it has learned. The one
// drawing of it; `assembly/json-scan-plan.ts` mirrors the constants and a test compares them. A plan belongs to one thread.
//
//   plan     header (256 bytes, below) | nodes (128 bytes each) | names | look-up tables | scratch | null deviations | shapes
//   node     one column, nested field, list element, map key or map value, in depth-first order; parents stand before their children.
//            Node 0 is the record itself: a ROW without a column.
//   shape    a record layout seen before: its steps (a literal to compare, then a value to read) and, for each node, whether it is present.
//
// A *row-level* node has one value a record: everything outside ARRAY, MAP and MULTISET. The others have as many rows as their list has
// elements, and their positions follow from the offsets of the list. So a record that turns out bad leaves nothing behind: the next one
// starts at the same row and the same offsets.

/** Conversions of Flink's JSON format instead of strict ones. */
export const JSON_FLINK = 1
/** A missing member is a bad record even if its column is nullable. */
export const JSON_FAIL_ON_MISSING = 2
/** A member that the schema does not have is a bad record. */
export const JSON_REJECT_UNKNOWN = 4
/** A value that cannot be converted becomes NULL if its column (or the nearest ROW, ARRAY or MAP around it) is nullable. */
export const JSON_NULL_ON_ERROR = 8
/** Flink mode only: timestamps in ISO-8601 form instead of SQL's. */
export const JSON_ISO_TIMESTAMPS = 16

// Words of the header, as u32 indexes. 0-14 are written once by TypeScript, the rest belongs to the kernel.
export const PLAN_FLAGS = 0
export const PLAN_NODES = 1
export const PLAN_NODE_COUNT = 2
export const PLAN_SCRATCH = 3
export const PLAN_SCRATCH_BYTES = 4
export const PLAN_DEVIATIONS = 5
export const PLAN_DEVIATIONS_MAX = 6
export const PLAN_SHAPES = 7
export const PLAN_SHAPE_BYTES = 8
export const PLAN_SHAPES_MAX = 9
export const PLAN_STEPS_MAX = 10
export const PLAN_SHAPE_COUNT = 16
export const PLAN_SHAPE_CURRENT = 17
export const PLAN_LEARN_CREDIT = 18
export const PLAN_DEVIATION_COUNT = 19
export const PLAN_OBJECT_STAMP = 20

// The result block.
/** Rows written by the call. */
export const RESULT_ROWS = 32
/** Bytes consumed, whole lines only; the bad record's line is not among them. */
export const RESULT_CONSUMED = 33
export const RESULT_STATUS = 34
/** For a bad record: why. */
export const RESULT_REASON = 35
/** For a bad record: where its line begins, relative to `input`. */
export const RESULT_LINE_START = 36
/** For a bad record: the end of its line, its line feed included. Call again with `input` advanced by this much. */
export const RESULT_LINE_END = 37
/** For a bad record: where the problem lies, relative to `input`. */
export const RESULT_PROBLEM = 38
/** For a bad record: the node that it concerns; 0 is the record. */
export const RESULT_NODE = 39
// Counters, added to by each call.
/** Records that no learned shape matched. */
export const RESULT_SLOW_ROWS = 40
/** Members that stood twice in an object. */
export const RESULT_DUPLICATE_KEYS = 41
/** Values that became NULL because they could not be converted. */
export const RESULT_NULLED_VALUES = 42
/** Line feeds among the bytes consumed by the call. */
export const RESULT_LINES = 43
export const HEADER_BYTES = 256

/** What a call ended with. */
export const ScanStatus = {
  /** Every complete line is consumed. */
  DONE: 0,
  /** `maxRows` rows are written (or no further record fits into them); lines may be left. */
  ROWS_FULL: 1,
  /** The next line is a bad record: see the reason; it has left no trace. */
  BAD_RECORD: 2,
  /** There is no complete line. */
  NEED_MORE: 3,
  /** The next record needs more data bytes, or more rows of a list's elements, than a column has left. */
  DATA_FULL: 4,
} as const
export type ScanStatus = (typeof ScanStatus)[keyof typeof ScanStatus]

/** Why a record is bad. From TYPE_MISMATCH on, only a value is: `JSON_NULL_ON_ERROR` forgives those. */
export const BadReason = {
  /** Not JSON. */
  SYNTAX: 1,
  /** The line is JSON, but no object. */
  NOT_AN_OBJECT: 2,
  /** Something stands behind the object. */
  TRAILING_DATA: 3,
  /** Nested deeper than {@link DEPTH_MAX}. */
  TOO_DEEP: 4,
  INVALID_UTF8: 5,
  /** A control character in a string. */
  CONTROL_CHARACTER: 6,
  INVALID_ESCAPE: 7,
  LONE_SURROGATE: 8,
  /** A member that the schema does not have. */
  UNKNOWN_FIELD: 9,
  /** More equal keys in one map than the kernel keeps track of. */
  TOO_MANY_DUPLICATES: 10,
  /** CSV: more or fewer fields than columns. */
  FIELD_COUNT: 11,
  /** CSV: a quote where none may stand, or text behind a closing quote. */
  QUOTE: 12,
  TYPE_MISMATCH: 16,
  OUT_OF_RANGE: 17,
  /** Digits would be lost: 1.5 for an INT, too many decimals for a DECIMAL. */
  INEXACT: 18,
  /** A text that is no number, date, base64, ... */
  INVALID_VALUE: 19,
  MISSING_FIELD: 20,
  NULL_NOT_ALLOWED: 21,
  /** More characters or bytes than the type declares; for BINARY fewer too. */
  LENGTH: 22,
} as const
export type BadReason = (typeof BadReason)[keyof typeof BadReason]

/** Deepest nesting of objects and arrays in a record. */
export const DEPTH_MAX = 128
/** Longest name of a field, in bytes. */
export const NAME_BYTES_MAX = 4096
/** Bytes of a MAP node's filter. */
export const MAP_FILTER_BYTES = 65_536
/** Most equal keys dropped from one record's maps. */
export const MAP_DUPLICATES_MAX = 256

// Words of a node, as u32 indexes.
/** Type code in bits 0-7, precision in bits 8-15, scale in bits 16-23: the descriptor's type word. */
export const NODE_TYPE = 0
export const NODE_FLAGS = 1
/** Descriptor, 0 = none. Taken from the parent's descriptor at each call if `NODE_DERIVED`. */
export const NODE_COLUMN = 2
export const NODE_PARENT = 3
export const NODE_CHILD_INDEX = 4
export const NODE_FIRST_CHILD = 5
export const NODE_CHILD_COUNT = 6
export const NODE_NEXT_SIBLING = 7
export const NODE_NAME = 8
export const NODE_NAME_LENGTH = 9
/** Open addressing table of u32 node addresses by hash of the name, for ROWs. */
export const NODE_TABLE = 10
export const NODE_TABLE_MASK = 11
export const NODE_INDEX = 12
// Of the kernel, good for one call: copies of the descriptor's words, the rows at the start, whether the present row has a value, a stamp.
export const NODE_VALUES = 13
export const NODE_VALIDITY = 14
export const NODE_OFFSETS = 15
export const NODE_DATA = 16
export const NODE_DATA_CAPACITY = 17
export const NODE_EXTRA = 18
export const NODE_ROW_CAPACITY = 19
export const NODE_ROWS = 20
export const NODE_STATE = 21
export const NODE_STAMP = 22
export const NODE_KIND = 23
/** Bits by hash of the keys of the map at hand, for MAP and MULTISET. */
export const NODE_FILTER = 24
/** Characters (CHAR, VARCHAR) or bytes (BINARY, VARBINARY) that the type declares, 0 = as many as there are. */
export const NODE_LENGTH = 25
export const NODE_BYTES = 128

export const NODE_NULLABLE = 1
/** BIGINT within ±(2^53 - 1). */
export const NODE_SAFE_INTEGER = 2
/** The descriptor is the parent's child number `NODE_CHILD_INDEX`. */
export const NODE_DERIVED = 4
export const NODE_ROW_LEVEL = 8
/** The name can be compared with the raw bytes of a key: no quote, backslash or control character in it. */
export const NODE_PLAIN_NAME = 16

/** FNV-1a over the bytes of a name, in 32 bits. */
export function hashName(name: Uint8Array): number {
  let hash = 0x811c9dc5
  for (const byte of name) hash = Math.imul(hash ^ byte, 0x01000193)
  return (hash ^ (hash >>> 15)) >>> 0
}
