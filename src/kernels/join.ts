// Bindings of the join kernels.

/** Bytes of an entry's list of records: its first and its last. */
export const RECORD_LIST_BYTES = 8

/**
 * Join kernels: the records of each key are a list. Entries are those of a table, with {@link RECORD_LIST_BYTES} at `offset`, zero for no records; references to
 * records are those of {@link RecordKernels}.
 */
export interface JoinKernels {
  /** Appends records u32 `refs[n]` to the lists of u32 `entries[n]`. */
  joinAppend(entries: number, n: number, offset: number, refs: number): void
  /**
   * Lists the pairs of int32 `rows[n]` with the records of u32 `entries[n]` (0: there is none), as int32 `outOwn` and u32 `outOther`, `max` at most, from u32 `cursor[2]`
   * on, which begins as zeros and has n in front when all are listed. Returns how many.
   */
  joinPairs(entries: number, n: number, offset: number, rows: number, cursor: number, outOwn: number, outOther: number, max: number): number
  /**
   * Numbers the different ones of u32 `refs[n]`, none of which is 0, in the order in which they come: int32 `codes[n]`, and the references u32 `out`. `scratch` has 8
   * bytes for each of `slots`, a power of two and at least 2n. Returns how many there are.
   */
  joinDistinct(refs: number, n: number, codes: number, out: number, scratch: number, slots: number): number
}
