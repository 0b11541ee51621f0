// Puts entries of a snapshot back into a table, many at a time. Used while an operator restores; never on the data path.

import { RestoreError } from '../base/errors.ts'
import type { Slab } from '../base/slab.ts'
import { BUFFER_SLACK_BYTES } from '../kernels/column-layout.ts'
import { KeyEncoder } from '../kernels/keys.ts'
import type { Kernels } from '../kernels/kernels.ts'
import type { SegmentTable } from './segment-table.ts'

const ENTRIES_AT_ONCE = 1024

/**
 * Fills one table.
 *
 * @example
 * const restore = new TableRestore(slab, kernels, table, 8)
 * restore.add(keyBytes, value)
 * restore.finish()
 */
export class TableRestore {
  readonly #slab: Slab
  readonly #kernels: Kernels
  readonly #table: SegmentTable
  readonly #encoder: KeyEncoder
  readonly #valueBytes: number
  // What waits to be put in.
  readonly #offsets = new Uint32Array(ENTRIES_AT_ONCE + 1)
  readonly #values: Uint8Array
  #keys = new Uint8Array(ENTRIES_AT_ONCE * 16)
  #count = 0

  /** @param valueBytes How much of each value area is given; 0 for none. */
  constructor(slab: Slab, kernels: Kernels, table: SegmentTable, valueBytes: number) {
    this.#slab = slab
    this.#kernels = kernels
    this.#table = table
    this.#encoder = new KeyEncoder(slab, kernels, table.form, 1)
    this.#valueBytes = valueBytes
    this.#values = new Uint8Array(ENTRIES_AT_ONCE * valueBytes)
  }

  /** Puts an entry in, by canonical key bytes; a key that is there already gets the new value. Bytes are copied. */
  add(key: Uint8Array, value?: Uint8Array): void {
    const at = this.#offsets[this.#count]
    const end = at + key.length
    if (end > this.#keys.length) {
      const grown = new Uint8Array(Math.max(end, this.#keys.length * 2))
      grown.set(this.#keys)
      this.#keys = grown
    }
    for (let index = 0; index < key.length; index++) this.#keys[at + index] = key[index]!
    if (value !== undefined) {
      if (value.length < this.#valueBytes)
        throw new RestoreError('STATE_CHANGED', `Cannot restore an entry of ${value.length} bytes: the operator keeps ${this.#valueBytes} of each`)
      const base = this.#count * this.#valueBytes
      for (let index = 0; index < this.#valueBytes; index++) this.#values[base + index] = value[index]!
    }
    this.#offsets[++this.#count] = end
    if (this.#count === ENTRIES_AT_ONCE) this.flush()
  }

  /** Puts in what waits. Nothing may be added afterwards. */
  finish(): void {
    this.flush()
    this.#encoder.free()
  }

  /** Puts in what waits. */
  flush(): void {
    const n = this.#count
    if (n === 0) return
    const slab = this.#slab
    const valueBytes = n * this.#valueBytes
    const keyBytes = this.#offsets[n]
    // u32 offsets[n + 1] | u32 entries[n] | values | keys
    const bytes = (2 * n + 1) * 4 + valueBytes + keyBytes + BUFFER_SLACK_BYTES
    const offsets = slab.allocate(bytes)
    const entries = offsets + (n + 1) * 4
    const values = entries + n * 4
    const keys = values + valueBytes
    slab.u32.set(this.#offsets.subarray(0, n + 1), offsets >>> 2)
    slab.u8.set(this.#values.subarray(0, valueBytes), values)
    slab.u8.set(this.#keys.subarray(0, keyBytes), keys)
    this.#table.findOrInsert(this.#encoder.encodeCanonical(offsets, keys, n), entries)
    // None is new to whoever asks next.
    this.#table.listNew(entries, n)
    // In order: of a key that comes twice the last value counts.
    if (valueBytes > 0) this.#kernels.entryReadValues(entries, n, this.#table.valueOffset, this.#valueBytes, values)
    slab.free(offsets, bytes)
    this.#count = 0
  }
}
