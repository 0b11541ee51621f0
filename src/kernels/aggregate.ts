// Bindings of the aggregate kernels: columns folded into the entries of state tables.

/** Aggregate kernels. `entries` are u32 entry addresses, one a row; `offset` counts bytes from the start of an entry. */
export interface AggregateKernels {
  /** Adds 1 to the int64 at `offset` of each entry. */
  aggregateCount(entries: number, n: number, offset: number): void
}
