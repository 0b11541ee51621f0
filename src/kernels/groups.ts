// Bindings of the kernels of groups that change as rows come and go.

/**
 * Group kernels.
 *
 * `entries` is the address of u32 entry addresses, one a row, as {@link import('./aggregate.ts').AggregateKernels} takes them; row `i` is the row at
 * logical position `begin + i`, through int32 `selection` unless it is 0. Rows are listed as u32 `outEntries` and int32 physical `outRows`, which have
 * room for n; the other aggregate kernels take both, with `outRows` as the selection. Each returns how many there are.
 */
export interface GroupKernels {
  /** Lists entries whose u32 at `offset` is not `stamp`, each once, in order, and writes it. */
  groupsTouch(entries: number, n: number, offset: number, stamp: number, out: number): number
  /** Rows whose BOOLEAN column is TRUE. */
  groupsWhere(entries: number, n: number, column: number, selection: number, begin: number, outEntries: number, outRows: number): number
  /** Rows whose column is not NULL. */
  groupsNotNull(entries: number, n: number, column: number, selection: number, begin: number, outEntries: number, outRows: number): number
  /**
   * Counts rows, by u8 `kinds` of physical rows, in the int64 at `offset` of their groups, one after the other; what is taken from a group without rows is passed over.
   * Lists those that are added and those that are taken back, and writes how many there are of each to u32 `counts[2]`.
   */
  groupsCount(
    entries: number,
    n: number,
    kinds: number,
    offset: number,
    selection: number,
    begin: number,
    addedEntries: number,
    addedRows: number,
    takenEntries: number,
    takenRows: number,
    counts: number,
  ): void
  /** Rows whose u32 at `offset` of `pairs[n]` lacks `bit`, which is set; only those whose BOOLEAN column `filter` is TRUE, unless it is 0. */
  groupsOfNew(
    entries: number,
    pairs: number,
    n: number,
    offset: number,
    bit: number,
    filter: number,
    selection: number,
    begin: number,
    outEntries: number,
    outRows: number,
  ): number
  /** Sets u8 `flags[n]` where physical rows int32 `left[n]` and `right[n]` of a column differ, bit by bit; others stay. No LIST, MAP, STRUCT, OBJECT. */
  groupsDiffer(column: number, left: number, right: number, n: number, flags: number): void
}
