// Joins of rows that are kept: the records (records.ts) of a key are a list, which the key's entry begins. An entry has, `offset` bytes behind its start, u32 references
// to the first and the last of them, 0 for none.

import { RECORD_NEXT, recordOf } from './records'

// @ts-ignore: decorator
@inline function entryAt(entries: usize, row: u32): usize { return load<u32>(entries + (<usize>row << 2)) }

/** Appends records u32 refs[n] to the lists of their entries. */
export function joinAppend(entries: usize, n: u32, offset: usize, refs: usize): void {
  for (let index: u32 = 0; index < n; index++) {
    const at = entryAt(entries, index) + offset
    const ref = load<u32>(refs + (<usize>index << 2))
    const last = <usize>load<u32>(at, 4) << 3
    if (last == 0) store<u32>(at, ref)
    else store<u32>(last, ref, RECORD_NEXT)
    store<u32>(at, ref, 4)
  }
}

/**
 * Lists pairs: of row `rows[i]` and each record of entries[i], 0 for none, as int32 outOwn[] and u32 outOther[], `max` at most. Goes on where `cursor` stands (u32 index,
 * u32 the record, 0 for the first), and leaves it there: at n when all are listed. Returns how many there are.
 */
export function joinPairs(entries: usize, n: u32, offset: usize, rows: usize, cursor: usize, outOwn: usize, outOther: usize, max: u32): u32 {
  let index = load<u32>(cursor)
  let ref = load<u32>(cursor, 4)
  let count: u32 = 0
  for (; index < n; index++) {
    const entry = entryAt(entries, index)
    if (ref == 0 && entry != 0) ref = load<u32>(entry + offset)
    for (; ref != 0; ref = load<u32>(<usize>ref << 3, RECORD_NEXT)) {
      if (count == max) {
        store<u32>(cursor, index)
        store<u32>(cursor, ref, 4)
        return count
      }
      store<u32>(outOwn + (<usize>count << 2), load<u32>(rows + (<usize>index << 2)))
      store<u32>(outOther + (<usize>count << 2), ref)
      count++
    }
  }
  store<u32>(cursor, n)
  store<u32>(cursor, 0, 4)
  return count
}

/**
 * Numbers the different ones of refs[n], in the order in which they come: int32 codes[n] and u32 out[]. `scratch` has room for u32 pairs[slots], a power of two and at
 * least 2 * n. Returns how many there are.
 */
export function joinDistinct(refs: usize, n: u32, codes: usize, out: usize, scratch: usize, slots: u32): u32 {
  memory.fill(scratch, 0, <usize>slots << 3)
  const shift = clz(slots) + 1
  let count: u32 = 0
  for (let index: u32 = 0; index < n; index++) {
    const ref = load<u32>(refs + (<usize>index << 2))
    let slot = (ref * 0x9e3779b1) >> shift
    for (;;) {
      const known = load<u32>(scratch + (<usize>slot << 3))
      if (known == ref) break
      if (known == 0) {
        store<u32>(scratch + (<usize>slot << 3), ref)
        store<u32>(scratch + (<usize>slot << 3), count, 4)
        store<u32>(out + (<usize>(count++) << 2), ref)
        break
      }
      slot = (slot + 1) & (slots - 1)
    }
    store<u32>(codes + (<usize>index << 2), load<u32>(scratch + (<usize>slot << 3), 4))
  }
  return count
}
