// Puts entries of a snapshot back into a table. Used while an operator restores; never on the data path.

import type { Slab } from '../base/slab.ts'
import { KeyEncoder, type KeyKernels } from '../kernels/keys.ts'
import type { SegmentTable } from './segment-table.ts'

/** Entries read from a snapshot: canonical key bytes and the value area of each. */
export interface SnapshotEntries {
  readonly keys: Uint8Array[]
  readonly values: Uint8Array[]
}

/** Inserts all entries; a key that is there already gets the new value. */
export function restoreEntries(slab: Slab, kernels: KeyKernels, table: SegmentTable, { keys, values }: SnapshotEntries): void {
  const n = keys.length
  if (n === 0) return
  const dataBytes = keys.reduce((sum, key) => sum + key.length, 0)
  const bytes = (n + 1) * 4 + n * 4 + dataBytes
  const offsets = slab.allocate(bytes)
  const out = offsets + (n + 1) * 4
  const data = out + n * 4
  let at = 0
  keys.forEach((key, index) => {
    slab.u32[(offsets >>> 2) + index] = at
    slab.u8.set(key, data + at)
    at += key.length
  })
  slab.u32[(offsets >>> 2) + n] = at
  const encoder = new KeyEncoder(slab, kernels, table.form, 1)
  table.findOrInsert(encoder.encodeCanonical(offsets, data, n), out)
  values.forEach((value, index) => slab.u8.set(value, slab.u32[(out >>> 2) + index] + table.valueOffset))
  encoder.free()
  slab.free(offsets, bytes)
}
