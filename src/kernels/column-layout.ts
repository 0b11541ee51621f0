// The column descriptor: how a column in a slab is described to kernels. The one drawing of it; `assembly/column.ts` mirrors the constants
// and a test compares them. A descriptor is 64 bytes of u32 words at a 64-byte aligned address; every address is a byte address in the slab.
//
//   word  meaning
//    0    physical kind (PhysicalKind)
//    1    flags (COLUMN_DICTIONARY)
//    2    validity   bits, 1 = value present, least significant bit first; 0 = the column has no validity buffer
//    3    values     fixed-width values, or bits for BIT, or int32 dictionary codes if COLUMN_DICTIONARY
//    4    offsets    int32[rows + 1] into data (BYTES) or into the child's rows (LIST, MAP)
//    5    data       bytes of BYTES
//    6    data capacity in bytes
//    7    data length in bytes (kept by whoever writes the column)
//    8    extra      int32 nanoseconds within the millisecond (TIMESTAMP_NANOS)
//    9    null count; 0 means that no row is NULL and that the validity bits hold nothing
//   10    children   address of u32[child count]: descriptors of LIST (1: element), MAP (2: key, value), STRUCT (one a field)
//   11    child count
//   12    dictionary descriptor (the values that codes point into), 0 = none
//   13    logical type code (TypeCode) in bits 0-7, precision or length in bits 8-15 (0-38), scale in bits 16-23
//   14    row capacity: how many rows the fixed-width buffers can hold
//   15    reserved, 0

/** How the values of a column lie in memory. Arrow's layouts, but for TIMESTAMP_NANOS and the 64-bit DECIMAL inside INT64. */
export const PhysicalKind = {
  BIT: 0,
  INT8: 1,
  INT16: 2,
  INT32: 3,
  INT64: 4,
  FLOAT32: 5,
  FLOAT64: 6,
  /** Two's complement, little endian, 16 bytes. */
  INT128: 7,
  /** int64 epoch milliseconds beside int32 nanoseconds within the millisecond (0..999,999). */
  TIMESTAMP_NANOS: 8,
  BYTES: 9,
  LIST: 10,
  MAP: 11,
  STRUCT: 12,
  /** Values of JavaScript in an array on the heap of one thread. Never seen by a kernel. */
  OBJECT: 13,
} as const
export type PhysicalKind = (typeof PhysicalKind)[keyof typeof PhysicalKind]

/** Bytes of one value by physical kind; 0 for BIT (bits) and for kinds without fixed-width values. */
export const VALUE_BYTES: readonly number[] = [0, 1, 2, 4, 8, 4, 8, 16, 8, 0, 0, 0, 0, 0]

export const DESCRIPTOR_BYTES = 64
export const DESCRIPTOR_KIND = 0
export const DESCRIPTOR_FLAGS = 1
export const DESCRIPTOR_VALIDITY = 2
export const DESCRIPTOR_VALUES = 3
export const DESCRIPTOR_OFFSETS = 4
export const DESCRIPTOR_DATA = 5
export const DESCRIPTOR_DATA_CAPACITY = 6
export const DESCRIPTOR_DATA_LENGTH = 7
export const DESCRIPTOR_EXTRA = 8
export const DESCRIPTOR_NULL_COUNT = 9
export const DESCRIPTOR_CHILDREN = 10
export const DESCRIPTOR_CHILD_COUNT = 11
export const DESCRIPTOR_DICTIONARY = 12
export const DESCRIPTOR_TYPE = 13
export const DESCRIPTOR_ROW_CAPACITY = 14

/** Flag: `values` holds int32 codes into the column that `dictionary` describes. */
export const COLUMN_DICTIONARY = 1

/** Kernels may read this many bytes past the end of any buffer they are given, and write that many past the end of one they fill. */
export const BUFFER_SLACK_BYTES = 64

/** Codes of the logical types, as kernels see them. Frozen: they appear in snapshots and on the wire. */
export const TypeCode = {
  BOOLEAN: 1,
  TINYINT: 2,
  SMALLINT: 3,
  INT: 4,
  BIGINT: 5,
  FLOAT: 6,
  DOUBLE: 7,
  DECIMAL: 8,
  CHAR: 9,
  VARCHAR: 10,
  BINARY: 11,
  VARBINARY: 12,
  DATE: 13,
  TIME: 14,
  TIMESTAMP: 15,
  TIMESTAMP_LTZ: 16,
  INTERVAL_YEAR_MONTH: 17,
  INTERVAL_DAY_TIME: 18,
  ARRAY: 19,
  MAP: 20,
  MULTISET: 21,
  ROW: 22,
  OBJECT: 23,
  BITMAP: 24,
  VARIANT: 25,
} as const
export type TypeCode = (typeof TypeCode)[keyof typeof TypeCode]
