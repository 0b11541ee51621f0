// Bindings of the sort kernels.

/** Bytes of scratch memory that sorting `n` rows needs. */
export function sortScratchBytes(n: number): number {
  return n * 20 + 1024 + 64
}

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
}
