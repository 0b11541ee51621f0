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
  /** Lists the entries with routes from..to-1 that were last looked up before an epoch: u32 out[], with room for one more. Returns how many. */
  segmentOlderEntries(table: number, segment: number, from: number, to: number, before: number, out: number): number
  /** Fills the segment's new, empty index. */
  segmentReindex(table: number, segment: number): void
  /** Moves entries of one chunk, from its `from`-th on, to where the directory says now. Returns how many were passed; fewer than all = TABLE_PENDING_*. */
  segmentMove(table: number, source: number, chunk: number, from: number): number
  /** Copies all heap payloads to the segment's fresh heap room. */
  segmentCompactHeap(table: number, segment: number): void
  /** Lists the entries of a segment by key group; counts[g]..counts[g + 1] are those of group first + from + g. See the kernel. */
  segmentEntriesByGroup(table: number, segment: number, from: number, groups: number, counts: number, out: number): void

  /** Adds up the bytes that records of the entries in chunks from..to-1 take, by key group; snapshot-layout.ts draws the block at `written`. */
  segmentRecordBytes(table: number, segment: number, written: number, from: number, to: number): void
  /** Writes those records, where their groups have room. */
  segmentWriteRecords(table: number, segment: number, written: number, from: number, to: number): void
  /** Writes those of the entries that wait, and gives all the epoch that has begun. Returns n, or the row that found no room (ENTRIES_FULL_*). */
  tableKeepRecords(table: number, written: number, entries: number, from: number, n: number): number

  /** {@link segmentRecordBytes} for the key or namespace records at start..end-1; snapshot-layout.ts draws the block at `pool`. */
  poolRecordBytes(pool: number, start: number, end: number): void
  /** Writes those records, where their groups have room. */
  poolWriteRecords(pool: number, start: number, end: number): void
  /** {@link tableKeepRecords} for key or namespace records, and all of u32 pools[count]: the row that found no room has it in one of them (POOL_FULL_*). */
  poolKeepRecords(pools: number, count: number, records: number, from: number, n: number): number

  /** The keys of entries as arrays of a key batch; `words` only in bytes form. The payloads are the table's own. */
  entryKeys(table: number, entries: number, n: number, hashes: number, keys: number, words: number): void
  /** Sum of the canonical key bytes of entries. */
  entryKeyBytes(entries: number, n: number): number
  /** Writes canonical key bytes one after another, and u32 offsets[n + 1] into them. */
  entryWriteKeys(table: number, entries: number, n: number, offsets: number, bytes: number): void
  /** Copies `length` bytes at `offset` of each entry to `out`, one after another. */
  entryWriteValues(entries: number, n: number, offset: number, length: number, out: number): void
  /** The inverse of entryWriteValues. */
  entryReadValues(entries: number, n: number, offset: number, length: number, values: number): void
  /** Sum of the payload bytes of one part of composite keys (`parts` 1: of the keys themselves). */
  entryKeyPartBytes(table: number, entries: number, n: number, part: number, parts: number): number
  /** Writes one part of the keys to rows row..row + n - 1 of a column of the part's type, which has room; no LIST and no STRUCT. */
  entryKeysToColumn(table: number, entries: number, n: number, part: number, parts: number, column: number, row: number): void
}
