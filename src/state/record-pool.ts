// Fixed-width records in slab blocks, used again when freed. Runs on the thread that owns the slab. Invariant: a record never moves, so that its
// address may stand for it; its first word is 0 exactly while it is free (the second then links to the next free one).

import { assert } from '../base/assert.ts'
import { Slab, type SlabUse } from '../base/slab.ts'

const CHUNK_BYTES_MIN = 4096
const CHUNK_BYTES_MAX = 256 * 1024

/** A pool of records of one width. */
export class RecordPool implements SlabUse {
  readonly #slab: Slab
  readonly #recordBytes: number
  readonly #chunks: { readonly address: number; readonly bytes: number; readonly end: number }[] = []
  #next = 0
  #end = 0
  #free = 0
  #count = 0

  /** @param recordBytes A multiple of 8, at least 8. */
  constructor(slab: Slab, recordBytes: number) {
    assert(recordBytes % 8 === 0 && recordBytes >= 8, 'record width is not a multiple of 8')
    this.#slab = slab
    this.#recordBytes = recordBytes
  }

  /** What a full slab says of the pool. */
  describeUse(): string {
    return `${this.#count} records of keyed state`
  }

  /** Records in use. */
  get count(): number {
    return this.#count
  }

  /** A zeroed record. The caller sets its first word. */
  allocate(): number {
    let address = this.#free
    this.#count++
    if (address !== 0) {
      const at = address >>> 2
      this.#free = this.#slab.u32[at + 1]!
      this.#slab.u32[at + 1] = 0
      return address
    }
    if (this.#next === this.#end) this.#addChunk()
    address = this.#next
    this.#next += this.#recordBytes
    return address
  }

  free(address: number): void {
    const { u32 } = this.#slab
    this.#slab.fill(address, 0, this.#recordBytes)
    u32[(address >>> 2) + 1] = this.#free
    this.#free = address
    this.#count--
  }

  /** Bytes of a record. */
  get recordBytes(): number {
    return this.#recordBytes
  }

  /** Visits the runs of records, those that are free among them: from the first to behind the last. */
  forEachChunk(visit: (start: number, end: number) => void): void {
    for (const chunk of this.#chunks) visit(chunk.address, chunk === this.#chunks.at(-1) ? this.#next : chunk.end)
  }

  /** Visits the records in use, in memory order. The visitor may free the record it was given. */
  forEach(visit: (address: number) => void): void {
    this.forEachChunk((start, end) => {
      for (let address = start; address < end; address += this.#recordBytes) if (this.#slab.u32[address >>> 2] !== 0) visit(address)
    })
  }

  /**
   * Visits up to `steps` places of the pool, free ones included, behind `cursor` (0 = from the start), and goes round.
   *
   * @returns The cursor of the next call.
   */
  sweep(cursor: number, steps: number, visit: (address: number) => void): number {
    if (this.#chunks.length === 0) return 0
    let chunkIndex = Math.max(
      0,
      this.#chunks.findIndex((chunk) => cursor >= chunk.address && cursor <= chunk.end),
    )
    let address = cursor === 0 ? this.#chunks[0].address : cursor
    for (let step = 0; step < steps; step++) {
      const last = chunkIndex === this.#chunks.length - 1
      if (address >= (last ? this.#next : this.#chunks[chunkIndex].end)) {
        if (last) return 0
        address = this.#chunks[++chunkIndex].address
      }
      if (this.#slab.u32[address >>> 2] !== 0) visit(address)
      address += this.#recordBytes
    }
    return address
  }

  /** Gives all memory back. */
  close(): void {
    for (const { address, bytes } of this.#chunks) this.#slab.free(address, bytes)
    this.#chunks.length = 0
    this.#next = this.#end = this.#free = this.#count = 0
  }

  #addChunk(): void {
    const total = this.#chunks.reduce((sum, chunk) => sum + chunk.bytes, 0)
    const bytes = Slab.blockBytes(Math.max(this.#recordBytes * 8, Math.min(CHUNK_BYTES_MAX, Math.max(CHUNK_BYTES_MIN, total))))
    const address = this.#slab.allocateZeroed(bytes, this)
    this.#next = address
    this.#end = address + Math.floor(bytes / this.#recordBytes) * this.#recordBytes
    this.#chunks.push({ address, bytes, end: this.#end })
  }
}
