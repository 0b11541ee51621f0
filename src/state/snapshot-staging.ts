// Room in the slab where kernels lay down the records of a checkpoint, which the coordinator's thread reads there while the pipeline runs on. Runs on
// the worker's thread. Invariant: what was given out is not given out again before `clear`.

import { MillraceError } from '../base/errors.ts'
import { Slab, type SlabUse } from '../base/slab.ts'

const BLOCK_BYTES = 1 << 20
/** So much stays for the next checkpoint; a large state must not take twice its size for ever. */
const KEPT_BYTES = 16 << 20

/** Room for one checkpoint at a time. */
export class SnapshotStaging implements SlabUse {
  readonly #slab: Slab
  readonly #blocks: { readonly address: number; readonly bytes: number; used: number }[] = []

  constructor(slab: Slab) {
    this.#slab = slab
  }

  /**
   * Takes `bytes` bytes, on a word's boundary; contents are undefined.
   *
   * @returns The address; undefined if the slab has no room, which need not fail a job that has done without so far.
   */
  take(bytes: number): number | undefined {
    try {
      return this.takeOrThrow(bytes)
    } catch (error) {
      if (error instanceof MillraceError && error.code === 'SLAB_FULL') return undefined
      throw error
    }
  }

  /** {@link take}. @throws {StateError} `SLAB_FULL` */
  takeOrThrow(bytes: number): number {
    const size = (bytes + 7) & ~7
    let block = this.#blocks.find(({ bytes: room, used }) => used + size <= room)
    if (block === undefined) {
      const room = Slab.blockBytes(Math.max(BLOCK_BYTES, size))
      block = { address: this.#slab.allocate(room, this), bytes: room, used: 0 }
      this.#blocks.push(block)
    }
    block.used += size
    return block.address + block.used - size
  }

  /** What a full slab says of it. */
  describeUse(): string {
    return `the records of a checkpoint, beside ${this.#blocks.reduce((sum, { bytes }) => sum + bytes, 0)} bytes of them`
  }

  /** Takes back what was given out: it has been read, or nobody will. */
  clear(): void {
    let kept = 0
    for (const block of this.#blocks.splice(0)) {
      block.used = 0
      if (kept + block.bytes > KEPT_BYTES) this.#slab.free(block.address, block.bytes)
      else {
        this.#blocks.push(block)
        kept += block.bytes
      }
    }
  }

  /** Gives all memory back. */
  free(): void {
    for (const { address, bytes } of this.#blocks.splice(0)) this.#slab.free(address, bytes)
  }
}
