// Bindings of the kernels of records.

/**
 * Kernels of records: rows that are kept, each in one piece. `store` is the address of a control block as records-layout.ts draws it, `refs` of u32 references to its
 * records, 0 for none, which reads as NULLs. Fields of JavaScript are left to the caller.
 */
export interface RecordKernels {
  /**
   * Makes a record of each of the rows at logical positions begin..begin + n - 1 of u32 `columns[]`, one a field: u32 `out[n]`. Columns may have dictionaries.
   *
   * @returns How many have found room: with fewer than n the store needs a page first, for the bytes that it says are pending.
   */
  recordsAdd(store: number, columns: number, selection: number, begin: number, n: number, out: number): number
  /** Gives records `refs[n]` back, each named once. */
  recordsFree(store: number, refs: number, n: number): void
  /** Copies records of another store of the same fields into this one, and puts the copies into `refs[n]`. Returns how many have found room. */
  recordsMove(store: number, refs: number, n: number): number
  /** Lists records between two addresses of one page, of a store to which none was given back: u32 `out[max]`. Returns how many. */
  recordsList(from: number, to: number, out: number, max: number): number
  /** Bytes of a field of BYTES of records. */
  recordsLength(store: number, refs: number, n: number, field: number): number
  /** Adds what a nested field of records takes to float64 `totals[]`: rows and bytes of its column and of each below it, a column before its children. */
  recordsCount(store: number, refs: number, n: number, field: number, column: number, totals: number): void
  /** Appends the first `count` fields of records to u32 `columns[count]`, plain ones with room for them, from their row `row` on; 0 leaves a field out. */
  recordsRead(store: number, refs: number, n: number, columns: number, count: number, row: number): void
}
