// Aggregates
/** Adds 1 to the int64 at `offset` of each entry. */
export function aggregateCount(entries: usize, n: u32, offset: usize): void {
  for (let row: u32 = 0; row < n; row++) {
    const at = <usize>load<u32>(entries + (<usize>row << 2)) + offset
    store<i64>(at, load<i64>(at) + 1)
  }
}
