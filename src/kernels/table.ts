// Bindings of the table kernels (assembly/table.ts). state/segment-table.ts is who calls them and gives them memory.

/** Table kernels. `table` and `segment` are addresses of the blocks that table-layout.ts draws, `entries` of u32 entry addresses. */
export interface TableKernels {
  /** Entries of keys, inserted where missing: u32 out[from..n-1]. Returns n, or the row that found no room (TABLE_PENDING_*); earlier rows are done. */
  tableFindOrInsert(table: number, hashes: number, keys: number, words: number, from: number, n: number, out: number): number
  /** Entries of keys: u32 out[n], 0 where there is none. */
  tableFind(table: number, hashes: number, keys: number, words: number, n: number, out: number): void
  /** Lists entries with the flag NEW once, in order of the rows, and takes the flag off. Returns how many. */
  tableTakeNew(entries: number, n: number, out: number): number
  /** Removes entries, each live and named once. */
  tableRemove(table: number, entries: number, n: number): void
  /** Lists the live entries of one chunk: u32 out[]. Returns how many. */
  segmentChunkEntries(table: number, segment: number, chunk: number, out: number): number
  /** Fills the segment's new, empty index. */
  segmentReindex(table: number, segment: number): void
  /** Moves entries of one chunk, from its `from`-th on, to where the directory says now. Returns how many were passed; fewer than all = TABLE_PENDING_*. */
  segmentMove(table: number, source: number, chunk: number, from: number): number
  /** Copies all heap payloads to the segment's fresh heap room. */
  segmentCompactHeap(table: number, segment: number): void
}
