// Bindings of the aggregate kernels: columns folded into the entries of state tables.

/**
 * Aggregate kernels.
 *
 * `entries` is the address of u32 entry addresses, one a row (what `SegmentTable.findOrInsert` wrote). Accumulators lie `offset` bytes behind
 * the start of an entry, 8-byte aligned, and start as zero: int64 for counts, integer sums, min, max, first and last of integer and BIT
 * columns; float64 for those of FLOAT and DOUBLE columns; 16 bytes for sums of DECIMAL, and of BIGINT for their mean. NULLs are passed over. Bit `flag` of the u32 at
 * `flagOffset` says whether a value was seen; sums of numbers may pass flag 0 when nobody asks. The same bit of the u32 behind it says that a
 * sum of DECIMALs has left the range of 38 digits, which makes it NULL for good. Row `i` is the row at logical position `begin + i`,
 * through int32 `selection` unless it is 0.
 */
export interface AggregateKernels {
  /** Adds 1 for each row. */
  aggregateCount(entries: number, n: number, offset: number): void
  /** Adds 1 for each row that is not NULL. */
  aggregateCountColumn(entries: number, n: number, offset: number, column: number, selection: number, begin: number): void
  /** Takes 1 out for each row; so does the next for each that is not NULL: rows that are taken back. */
  aggregateUncount(entries: number, n: number, offset: number): void
  aggregateUncountColumn(entries: number, n: number, offset: number, column: number, selection: number, begin: number): void
  aggregateSum(entries: number, n: number, offset: number, flagOffset: number, flag: number, column: number, selection: number, begin: number): void
  aggregateSumDecimal(entries: number, n: number, offset: number, flagOffset: number, flag: number, column: number, selection: number, begin: number): void
  /** Takes numbers out of a sum, whose flag stays as it is: see {@link aggregateFlagCounts}. */
  aggregateUnsum(entries: number, n: number, offset: number, column: number, selection: number, begin: number): void
  aggregateUnsumDecimal(entries: number, n: number, offset: number, flagOffset: number, flag: number, column: number, selection: number, begin: number): void
  /** Sets a flag where the int64 count at `countOffset` is above 0, else clears it. */
  aggregateFlagCounts(entries: number, n: number, flagOffset: number, flag: number, countOffset: number): void
  aggregateMin(entries: number, n: number, offset: number, flagOffset: number, flag: number, column: number, selection: number, begin: number): void
  aggregateMax(entries: number, n: number, offset: number, flagOffset: number, flag: number, column: number, selection: number, begin: number): void
  aggregateFirst(entries: number, n: number, offset: number, flagOffset: number, flag: number, column: number, selection: number, begin: number): void
  aggregateLast(entries: number, n: number, offset: number, flagOffset: number, flag: number, column: number, selection: number, begin: number): void

  /** Counts and int64 sums of `sources[n]` into `targets[n]` (slices into windows); so do the others below. A source whose flag is not set changes nothing. */
  aggregateMergeSum(targets: number, sources: number, n: number, offset: number, flagOffset: number, flag: number): void
  aggregateMergeSumFloat(targets: number, sources: number, n: number, offset: number, flagOffset: number, flag: number): void
  aggregateMergeSumDecimal(targets: number, sources: number, n: number, offset: number, flagOffset: number, flag: number): void
  aggregateMergeMin(targets: number, sources: number, n: number, offset: number, flagOffset: number, flag: number): void
  aggregateMergeMinFloat(targets: number, sources: number, n: number, offset: number, flagOffset: number, flag: number): void
  aggregateMergeMax(targets: number, sources: number, n: number, offset: number, flagOffset: number, flag: number): void
  aggregateMergeMaxFloat(targets: number, sources: number, n: number, offset: number, flagOffset: number, flag: number): void

  /** Writes int64 accumulators to rows row..row + n - 1 of a column (BIT, integer or float kinds); NULL where the flag is not set (flag 0: never). */
  aggregateToColumn(entries: number, n: number, offset: number, flagOffset: number, flag: number, column: number, row: number): void
  aggregateToColumnFloat(entries: number, n: number, offset: number, flagOffset: number, flag: number, column: number, row: number): void
  /** 128-bit accumulators to an INT128 column. */
  aggregateToColumnDecimal(entries: number, n: number, offset: number, flagOffset: number, flag: number, column: number, row: number): void
  /** Writes sum / count, NULL where the count is 0. `float`: 1 if the sum is a float64. Into integer columns the quotient is truncated. */
  aggregateAverageToColumn(entries: number, n: number, sumOffset: number, float: number, countOffset: number, column: number, row: number): void
  /** Writes 128-bit sums / count to a FLOAT64 column, NULL where the count is 0. The sum is rounded once, then the quotient. */
  aggregateWideAverageToColumn(entries: number, n: number, sumOffset: number, countOffset: number, column: number, row: number): void
  /** Writes sums of DECIMAL / count to an INT128 column with `digits` more digits behind the point, rounded half up; NULL beyond 38 digits. */
  aggregateAverageToColumnDecimal(
    entries: number,
    n: number,
    sumOffset: number,
    flagOffset: number,
    flag: number,
    countOffset: number,
    digits: number,
    column: number,
    row: number,
  ): void
  /** Zeroes `bytes` bytes from `offset` of each entry. */
  aggregateReset(entries: number, n: number, offset: number, bytes: number): void
}
