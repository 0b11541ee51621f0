// Bindings of the join kernels.

/** Bytes of an entry's list of rows: its first and its last. */
export const ROW_LIST_BYTES = 8

/**
 * Join kernels: the rows of each key are a list. Entries are those of a table, with {@link ROW_LIST_BYTES} at `offset`, zero for no rows; u32 `next` has a place for
 * each row.
 */
export interface JoinKernels {
  /** Appends rows firstRow..firstRow + n - 1 to the lists of u32 `entries[n]`. */
  joinAppend(entries: number, n: number, offset: number, firstRow: number, next: number): void
  /**
   * Lists the pairs of int32 `rows[n]` with the rows of u32 `entries[n]` (0: there is none), as int32 `outOwn` and `outOther`, `max` at most, from u32 `cursor[2]` on,
   * which begins as zeros and has n in front when all are listed. Returns how many.
   */
  joinPairs(entries: number, n: number, offset: number, next: number, rows: number, cursor: number, outOwn: number, outOther: number, max: number): number
}
