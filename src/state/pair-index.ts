// Finds records by (owner, two numbers): namespaces by key and bounds, timers by key and time. Open addressing over record addresses; what is
// compared lies in the records. Runs on the thread that owns the slab.

import type { Slab, SlabUse } from '../base/slab.ts'

const SLOTS_MIN = 64

/** Where the records keep what they are found by: byte offsets of u32 owner and f64 first and second. */
export interface PairOffsets {
  readonly owner: number
  readonly first: number
  readonly second: number
}

function hashOf(owner: number, first: number, second: number): number {
  // Numbers beyond 32 bits count with both halves; infinities as 0.
  let hash = Math.imul(owner >>> 3, 0x9e3779b1) ^ Math.imul(first | 0, 0x85ebca6b) ^ Math.imul((first * 2.3283064365386963e-10) | 0, 0xc2b2ae35)
  hash ^= Math.imul((second | 0) ^ ((second * 2.3283064365386963e-10) | 0), 0x27d4eb2f)
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return (hash ^ (hash >>> 13)) >>> 0
}

/** A set of records, found by owner and two numbers. */
export class PairIndex implements SlabUse {
  readonly #slab: Slab
  readonly #owner: number
  readonly #first: number
  readonly #second: number
  #slots = 0
  #mask = 0
  #count = 0

  constructor(slab: Slab, offsets: PairOffsets) {
    this.#slab = slab
    this.#owner = offsets.owner
    this.#first = offsets.first
    this.#second = offsets.second
  }

  get count(): number {
    return this.#count
  }

  /** What a full slab says of the index. */
  describeUse(): string {
    return `an index of ${this.#count} records of keyed state`
  }

  /** The record, or 0. */
  find(owner: number, first: number, second: number): number {
    if (this.#count === 0) return 0
    const { u32, f64 } = this.#slab
    const base = this.#slots >>> 2
    const mask = this.#mask
    for (let slot = hashOf(owner, first, second) & mask; ; slot = (slot + 1) & mask) {
      const record = u32[base + slot]
      if (record === 0) return 0
      if (u32[(record + this.#owner) >>> 2] === owner && f64[(record + this.#first) >>> 3] === first && f64[(record + this.#second) >>> 3] === second)
        return record
    }
  }

  /** Adds a record whose fields are set and that is not in yet. */
  add(record: number): void {
    if ((this.#count + 1) * 8 > (this.#mask + 1) * 5) this.#grow()
    this.#count++
    this.#place(record)
  }

  /** Takes a record out. */
  remove(record: number): void {
    const { u32 } = this.#slab
    const base = this.#slots >>> 2
    const mask = this.#mask
    let hole = this.#homeOf(record)
    while (u32[base + hole] !== record) hole = (hole + 1) & mask
    this.#count--
    // Later records of the run move back, so that no probe sequence is cut.
    for (let slot = (hole + 1) & mask; ; slot = (slot + 1) & mask) {
      const other = u32[base + slot]
      if (other === 0) break
      if (((slot - this.#homeOf(other)) & mask) < ((slot - hole) & mask)) continue
      u32[base + hole] = other
      hole = slot
    }
    u32[base + hole] = 0
  }

  close(): void {
    if (this.#slots !== 0) this.#slab.free(this.#slots, (this.#mask + 1) * 4)
    this.#slots = this.#mask = this.#count = 0
  }

  #homeOf(record: number): number {
    const { u32, f64 } = this.#slab
    return hashOf(u32[(record + this.#owner) >>> 2], f64[(record + this.#first) >>> 3], f64[(record + this.#second) >>> 3]) & this.#mask
  }

  #place(record: number): void {
    const { u32 } = this.#slab
    const base = this.#slots >>> 2
    let slot = this.#homeOf(record)
    while (u32[base + slot] !== 0) slot = (slot + 1) & this.#mask
    u32[base + slot] = record
  }

  #grow(): void {
    const old = this.#slots
    const oldCount = old === 0 ? 0 : this.#mask + 1
    const slots = Math.max(SLOTS_MIN, oldCount * 2)
    this.#slots = this.#slab.allocateZeroed(slots * 4, this)
    this.#mask = slots - 1
    const { u32 } = this.#slab
    for (let slot = 0; slot < oldCount; slot++) {
      const record = u32[(old >>> 2) + slot]
      if (record !== 0) this.#place(record)
    }
    if (old !== 0) this.#slab.free(old, oldCount * 4)
  }
}
