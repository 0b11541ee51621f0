// Keys that a column already holds as canonical bytes (what a key function returned): hashed where they lie.

import { columnData, columnOffsets } from './column'
import { keyWord } from './key-layout'
import { rowAt } from './rows'
import { hashTagged } from './xxh64'

/** Bytes form of the rows at logical positions `begin..begin + n - 1` of a BYTES column of canonical key bytes. */
export function keysFromCanonicalColumn(column: usize, selection: usize, begin: u32, n: u32, hashes: usize, payloads: usize, words: usize): void {
  const offsets = columnOffsets(column)
  const data = columnData(column)
  for (let index: u32 = 0; index < n; index++) {
    const at = offsets + (<usize>rowAt(selection, begin + index) << 2)
    const start = load<u32>(at)
    const bytes = load<u32>(at, 4) - start
    assert(bytes > 0)
    const payload = data + start
    const tag = <u32>load<u8>(payload + bytes - 1)
    store<u64>(hashes + (<usize>index << 3), hashTagged(payload, bytes - 1, tag))
    store<u32>(payloads + (<usize>index << 2), <u32>payload)
    store<u32>(words + (<usize>index << 2), keyWord(tag, bytes))
  }
}
