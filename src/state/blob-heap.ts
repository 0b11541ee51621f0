// Blocks of any size for what has no fixed width: long keys, text, encoded values, lists, maps. Small blocks are cut from pages here, large ones
// are the slab's. Runs on the thread that owns the slab. A block's size follows from its length, so that nobody stores it.

import { PAGE_BYTES, type Slab, type SlabUse } from '../base/slab.ts'

const SMALLEST_CLASS = 4
/** Classes below this one are cut from pages; the slab's own blocks start here. */
const SLAB_CLASS = 6

function classOf(bytes: number): number {
  return bytes <= 16 ? SMALLEST_CLASS : 32 - Math.clz32(bytes - 1)
}

/** A heap of blocks of power-of-two sizes. */
export class BlobHeap implements SlabUse {
  readonly #slab: Slab
  readonly #free = new Uint32Array(SLAB_CLASS)
  readonly #pages: number[] = []
  #bytesInUse = 0

  constructor(slab: Slab) {
    this.#slab = slab
  }

  /** What a full slab says of the heap. */
  describeUse(): string {
    return `long keys and values of keyed state in ${this.#bytesInUse} bytes`
  }

  /** Bytes of the blocks that have been allocated and not freed. */
  get bytesInUse(): number {
    return this.#bytesInUse
  }

  /** The size of the block that holds `bytes` bytes. */
  capacityOf(bytes: number): number {
    return 2 ** classOf(bytes)
  }

  /** A block of at least `bytes` bytes, aligned to 16. Contents are undefined. */
  allocate(bytes: number): number {
    const sizeClass = classOf(bytes)
    this.#bytesInUse += 2 ** sizeClass
    if (sizeClass >= SLAB_CLASS) return this.#slab.allocate(2 ** sizeClass, this)
    const free = this.#free[sizeClass]
    if (free !== 0) {
      this.#free[sizeClass] = this.#slab.u32[free >>> 2]!
      return free
    }
    const page = this.#slab.allocate(PAGE_BYTES, this)
    this.#pages.push(page)
    const size = 2 ** sizeClass
    const { u32 } = this.#slab
    for (let address = page + size; address < page + PAGE_BYTES; address += size) u32[address >>> 2] = address + size < page + PAGE_BYTES ? address + size : 0
    this.#free[sizeClass] = page + size
    return page
  }

  /** Gives back a block that was allocated for `bytes` bytes (or any number of the same capacity). */
  free(address: number, bytes: number): void {
    const sizeClass = classOf(bytes)
    this.#bytesInUse -= 2 ** sizeClass
    if (sizeClass >= SLAB_CLASS) {
      this.#slab.free(address, 2 ** sizeClass)
      return
    }
    this.#slab.u32[address >>> 2] = this.#free[sizeClass]!
    this.#free[sizeClass] = address
  }

  /** A block for `bytes` bytes that keeps the first `kept` bytes of one allocated for `oldBytes` (0 = there is none). */
  resize(address: number, oldBytes: number, kept: number, bytes: number): number {
    if (oldBytes > 0 && classOf(oldBytes) === classOf(bytes)) return address
    const moved = this.allocate(bytes)
    if (kept > 0) this.#slab.copy(moved, address, kept)
    if (oldBytes > 0) this.free(address, oldBytes)
    return moved
  }

  /** Gives the pages back; blocks of the slab's sizes must have been freed. */
  close(): void {
    for (const page of this.#pages) this.#slab.free(page, PAGE_BYTES)
    this.#pages.length = 0
    this.#free.fill(0)
  }
}
