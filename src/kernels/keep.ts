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
 * An accumulator of {@link keptRowsBytes} lies `offset` bytes behind the start of each entry, starts as zero, and refers to rows of kept
 * columns. Rows arrive in the order of int64 sequences: kept rows have a column of them; so has a source that `sequences` is not 0 for, else
 * its row `r` has `firstSequence + r`. A fold is {@link keepRows}, then {@link keepSettle} with the same entries and source, then a gather of
 * the rows it lists to the end of the kept columns.
 */
export interface KeepKernels {
  /**
   * Offers the rows at logical positions begin..begin + n - 1 of a source to `entries[n]`. NULLs of `source` are passed over; `kept` is the column
   * of its values among the kept rows. NaN is the greatest number, -0 equals 0, text and bytes go bytewise; types without an order are for
   * FIRST and LAST only.
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
    kept: number,
    keptSequences: number,
    selection: number,
    begin: number,
  ): void
  /** Lists the rows that must now be appended to `keptCount` kept ones: int32 `out[n]`; writes their sequences. Returns how many. */
  keepSettle(
    entries: number,
    n: number,
    offset: number,
    keptCount: number,
    out: number,
    sequences: number,
    firstSequence: number,
    keptSequences: number,
  ): number
  /** Lists the kept rows of `entries[n]`, best first, to int32 `out` (room for n * limit). `holes` 1: -1 for an entry without any. Returns how many. */
  keepList(entries: number, n: number, offset: number, holes: number, out: number): number
  /** The offsets of a LIST column over {@link keepList}: u32 `ends[n]`, going on from the offset in front of it. */
  keepEnds(entries: number, n: number, offset: number, ends: number): void
  /** {@link keepList}, after which the entries refer to the listed rows in a copy of them that stands behind `keptCount` others. */
  keepMove(entries: number, n: number, offset: number, keptCount: number, out: number): number
  /** Lists the kept rows of `sources[n]` with the entry of `targets[n]` beside each: a merge offers them with {@link keepRows}. Returns how many. */
  keepPairs(targets: number, sources: number, n: number, offset: number, outTargets: number, out: number): number
}
