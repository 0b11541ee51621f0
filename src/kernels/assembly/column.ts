// The column descriptor as kernels see it: the constants of ../column-layout.ts (a test compares them) and accessors that cost one load or
// store. Runs on whatever thread calls a kernel. A descriptor is addressed by its first byte and never moves.

export const KIND_BIT: u32 = 0
export const KIND_INT8: u32 = 1
export const KIND_INT16: u32 = 2
export const KIND_INT32: u32 = 3
export const KIND_INT64: u32 = 4
export const KIND_FLOAT32: u32 = 5
export const KIND_FLOAT64: u32 = 6
export const KIND_INT128: u32 = 7
export const KIND_TIMESTAMP_NANOS: u32 = 8
export const KIND_BYTES: u32 = 9
export const KIND_LIST: u32 = 10
export const KIND_MAP: u32 = 11
export const KIND_STRUCT: u32 = 12
export const KIND_OBJECT: u32 = 13

export const DESCRIPTOR_BYTES: usize = 64
export const COLUMN_DICTIONARY: u32 = 1
export const BUFFER_SLACK_BYTES: usize = 64

export const TYPE_BOOLEAN: u32 = 1
export const TYPE_TINYINT: u32 = 2
export const TYPE_SMALLINT: u32 = 3
export const TYPE_INT: u32 = 4
export const TYPE_BIGINT: u32 = 5
export const TYPE_FLOAT: u32 = 6
export const TYPE_DOUBLE: u32 = 7
export const TYPE_DECIMAL: u32 = 8
export const TYPE_CHAR: u32 = 9
export const TYPE_VARCHAR: u32 = 10
export const TYPE_BINARY: u32 = 11
export const TYPE_VARBINARY: u32 = 12
export const TYPE_DATE: u32 = 13
export const TYPE_TIME: u32 = 14
export const TYPE_TIMESTAMP: u32 = 15
export const TYPE_TIMESTAMP_LTZ: u32 = 16
export const TYPE_INTERVAL_YEAR_MONTH: u32 = 17
export const TYPE_INTERVAL_DAY_TIME: u32 = 18
export const TYPE_ARRAY: u32 = 19
export const TYPE_MAP: u32 = 20
export const TYPE_MULTISET: u32 = 21
export const TYPE_ROW: u32 = 22
export const TYPE_OBJECT: u32 = 23
export const TYPE_BITMAP: u32 = 24
export const TYPE_VARIANT: u32 = 25

// @ts-ignore: decorator
@inline export function columnKind(column: usize): u32 { return load<u32>(column, 0) }
// @ts-ignore: decorator
@inline export function columnFlags(column: usize): u32 { return load<u32>(column, 4) }
// @ts-ignore: decorator
@inline export function columnValidity(column: usize): usize { return load<u32>(column, 8) }
// @ts-ignore: decorator
@inline export function columnValues(column: usize): usize { return load<u32>(column, 12) }
// @ts-ignore: decorator
@inline export function columnOffsets(column: usize): usize { return load<u32>(column, 16) }
// @ts-ignore: decorator
@inline export function columnData(column: usize): usize { return load<u32>(column, 20) }
// @ts-ignore: decorator
@inline export function columnDataCapacity(column: usize): u32 { return load<u32>(column, 24) }
// @ts-ignore: decorator
@inline export function columnDataLength(column: usize): u32 { return load<u32>(column, 28) }
// @ts-ignore: decorator
@inline export function columnExtra(column: usize): usize { return load<u32>(column, 32) }
// @ts-ignore: decorator
@inline export function columnNullCount(column: usize): u32 { return load<u32>(column, 36) }
// @ts-ignore: decorator
@inline export function columnChild(column: usize, index: u32): usize { return load<u32>(<usize>load<u32>(column, 40) + (<usize>index << 2)) }
// @ts-ignore: decorator
@inline export function columnChildCount(column: usize): u32 { return load<u32>(column, 44) }
// @ts-ignore: decorator
@inline export function columnDictionary(column: usize): usize { return load<u32>(column, 48) }
// @ts-ignore: decorator
@inline export function columnTypeCode(column: usize): u32 { return load<u8>(column, 52) }
// @ts-ignore: decorator
@inline export function columnPrecision(column: usize): u32 { return load<u8>(column, 53) }
// @ts-ignore: decorator
@inline export function columnScale(column: usize): u32 { return load<u8>(column, 54) }
// @ts-ignore: decorator
@inline export function columnRowCapacity(column: usize): u32 { return load<u32>(column, 56) }

// @ts-ignore: decorator
@inline export function setColumnDataLength(column: usize, bytes: u32): void { store<u32>(column, bytes, 28) }
// @ts-ignore: decorator
@inline export function setColumnNullCount(column: usize, count: u32): void { store<u32>(column, count, 36) }

/** Whether the row's value is present. Honours the rule that a null count of 0 means bits that hold nothing. */
// @ts-ignore: decorator
@inline export function columnIsValid(column: usize, row: u32): bool {
  return columnNullCount(column) == 0 || ((load<u8>(columnValidity(column) + (row >> 3)) >> <u8>(row & 7)) & 1) != 0
}
// @ts-ignore: decorator
@inline export function bitIsSet(bits: usize, index: u32): bool { return ((load<u8>(bits + (index >> 3)) >> <u8>(index & 7)) & 1) != 0 }
// @ts-ignore: decorator
@inline export function setBit(bits: usize, index: u32): void {
  const at = bits + (index >> 3)
  store<u8>(at, load<u8>(at) | (<u8>1 << <u8>(index & 7)))
}
// @ts-ignore: decorator
@inline export function clearBit(bits: usize, index: u32): void {
  const at = bits + (index >> 3)
  store<u8>(at, load<u8>(at) & ~(<u8>1 << <u8>(index & 7)))
}
