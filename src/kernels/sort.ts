// Bindings of the sort kernels.

/** Bytes of scratch memory that sorting `n` rows needs. */
export function sortScratchBytes(n: number): number {
  return n * 20 + 1024 + 64
}

/** Bytes of a part of a sort key: whether it is NULL, and the value. */
export const SORT_KEY_PART_BYTES = 9

/** Sort kernels: lists of physical rows, int32 rows[n], are put in order in place. */
export interface SortKernels {
  /**
   * Orders rows by a column, stably: for several columns call it for the last one first. Flags are 0 or 1; NULLs go where `nullsLast` says,
   * whatever the direction. NaN is the greatest number, -0 equals 0, text and bytes go bytewise. No LIST, MAP, STRUCT or OBJECT.
   * `scratch` has {@link sortScratchBytes}.
   */
  sortRows(column: number, descending: number, nullsLast: number, rows: number, n: number, scratch: number): void
  /**
   * Moves the first `limit` rows in the order of a number column (at most 64 bits) to the front of the list, in order; the rest of the list is
   * then undefined. Rows with NULL are left out. Good for few of many. `scratch` has 12 bytes for each of `limit`, and 64.
   * Returns how many there are.
   */
  sortTop(column: number, descending: number, rows: number, n: number, limit: number, scratch: number): number
  /**
   * Writes a part of the sort keys of rows 0..n - 1 at `out` + row * `stride`: {@link SORT_KEY_PART_BYTES} bytes whose order, bytewise, is that of a column of numbers
   * or times of up to 64 bits. Flags are 0 or 1. NaN is the greatest number, -0 equals 0.
   */
  sortKeyPart(column: number, descending: number, nullsFirst: number, n: number, out: number, stride: number): void
}
