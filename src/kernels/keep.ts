// Bindings of the kernels of kept rows: values and rows that aggregates hold on to as they are.

/** Which rows an entry keeps. Equal ones: the earlier first, but for ASCENDING_LATEST. */
export const KeepOrder = { ASCENDING: 0, DESCENDING: 1, FIRST: 2, LAST: 3, ASCENDING_LATEST: 4 } as const
export type KeepOrder = (typeof KeepOrder)[keyof typeof KeepOrder]

/** Bytes of an accumulator that keeps up to `limit` rows, a multiple of 8. */
export function keptRowsBytes(limit: number): number {
  return ((limit + 1) * 4 + 7) & ~7
}

/**
 * Kernels of kept rows.
 *
 * An accumulator of {@link keptRowsBytes} lies `offset` bytes behind the start of each entry, starts as zero, and refers to records of a store (RecordKernels) whose own
 * bytes are an int64: their sequence. Rows arrive in the order of their sequences: those of a source are int64 `sequences`, or where that is 0 `firstSequence` + row. A
 * fold is {@link keepRows}, then {@link keepSettle} with the same entries, then records of the rows that it lists, and {@link keepBind}.
 */
export interface KeepKernels {
  /**
   * Offers the rows at logical positions begin..begin + n - 1 of a source to `entries[n]`. NULLs of `source` are passed over; `field` of `store` has its values. NaN is
   * the greatest number, -0 equals 0, text and bytes go bytewise; types without an order are for FIRST and LAST only.
   *
   * @returns How many records have lost their places: u32 `out[n]`.
   */
  keepRows(
    entries: number,
    n: number,
    offset: number,
    limit: number,
    order: KeepOrder,
    source: number,
    sequences: number,
    firstSequence: number,
    store: number,
    field: number,
    selection: number,
    begin: number,
    out: number,
  ): number
  /** Lists the rows that must now become records, int32 `out[n]`, and what is to refer to them, u32 `places[n]`. Returns how many. */
  keepSettle(entries: number, n: number, offset: number, out: number, places: number): number
  /** Refers to the records u32 `refs[n]` of `rows[n]` from `places[n]`, and writes their sequences. */
  keepBind(places: number, refs: number, n: number, rows: number, sequences: number, firstSequence: number): void
  /** Lists the records of `entries[n]`, best first, to u32 `out` (room for n * limit). `holes` 1: 0 for an entry without any. Returns how many. */
  keepList(entries: number, n: number, offset: number, holes: number, out: number): number
  /** The offsets of a LIST column over {@link keepList}: u32 `ends[n]`, going on from the offset in front of it. */
  keepEnds(entries: number, n: number, offset: number, ends: number): void
  /** Refers to the records that a {@link keepList} without holes names now. */
  keepAssign(entries: number, n: number, offset: number, refs: number): void
  /** Lists the records of `sources[n]` with the entry of `targets[n]` beside each: a merge offers them with {@link keepRows}. Returns how many. */
  keepPairs(targets: number, sources: number, n: number, offset: number, outTargets: number, out: number): number
}
