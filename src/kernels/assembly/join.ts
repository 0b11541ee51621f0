// Joins of rows that are kept: the rows of a key are a list, which the key's entry begins. An entry has, `offset` bytes behind its start, u32 first and last: one
// more than the row, 0 for none; u32 next[] has the row behind each.

// @ts-ignore: decorator
@inline function entryAt(entries: usize, row: u32): usize { return load<u32>(entries + (<usize>row << 2)) }

/** Appends rows firstRow..firstRow + n - 1 to the lists of their entries. */
export function joinAppend(entries: usize, n: u32, offset: usize, firstRow: u32, next: usize): void {
  for (let index: u32 = 0; index < n; index++) {
    const at = entryAt(entries, index) + offset
    const row = firstRow + index + 1
    const last = load<u32>(at, 4)
    if (last == 0) store<u32>(at, row)
    else store<u32>(next + (<usize>(last - 1) << 2), row)
    store<u32>(at, row, 4)
    store<u32>(next + (<usize>(row - 1) << 2), 0)
  }
}

/**
 * Lists pairs: of row `rows[i]` and each row of entries[i], 0 for none, as int32 outOwn[] and outOther[], `max` at most. Goes on where `cursor` stands (u32 index, u32
 * one more than the row, 0 for the first), and leaves it there: at n when all are listed. Returns how many there are.
 */
export function joinPairs(entries: usize, n: u32, offset: usize, next: usize, rows: usize, cursor: usize, outOwn: usize, outOther: usize, max: u32): u32 {
  let index = load<u32>(cursor)
  let row = load<u32>(cursor, 4)
  let count: u32 = 0
  for (; index < n; index++) {
    const entry = entryAt(entries, index)
    if (row == 0 && entry != 0) row = load<u32>(entry + offset)
    for (; row != 0; row = load<u32>(next + (<usize>(row - 1) << 2))) {
      if (count == max) {
        store<u32>(cursor, index)
        store<u32>(cursor, row, 4)
        return count
      }
      store<u32>(outOwn + (<usize>count << 2), load<u32>(rows + (<usize>index << 2)))
      store<u32>(outOther + (<usize>count << 2), row - 1)
      count++
    }
  }
  store<u32>(cursor, n)
  store<u32>(cursor, 0, 4)
  return count
}
