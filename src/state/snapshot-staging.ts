// Room in the slab where kernels lay down the records of a checkpoint, which the coordinator's thread reads there while the pipeline runs on. Runs on
// the worker's thread. Invariant: what was given out is not given out again before `clear`.

import { MillraceError } from '../base/errors.ts'
import { Slab, type SlabUse } from '../base/slab.ts'

/** Blocks of one owner grow up to this. */
const BLOCK_BYTES_MIN = 64 << 10
const BLOCK_BYTES_MAX = 1 << 20
/** So much stays for the next checkpoint; a large state must not take twice its size for ever. */
const KEPT_BYTES = 16 << 20

interface Block {
  readonly address: number
  readonly bytes: number
  used: number
  /** Undefined while it is free. */
  owner: object | undefined
}

/** Room for one checkpoint at a time. Those who write it, one for each part, have blocks of their own. */
export class SnapshotStaging implements SlabUse {
  readonly #slab: Slab
  readonly #blocks: Block[] = []

  constructor(slab: Slab) {
    this.#slab = slab
  }

  /**
   * Takes `bytes` bytes, on a word's boundary; contents are undefined.
   *
   * @param owner Who may take them back.
   * @returns The address; undefined if the slab has no room, which need not fail a job that has done without so far.
   */
  take(bytes: number, owner: object): number | undefined {
    try {
      return this.takeOrThrow(bytes, owner)
    } catch (error) {
      if (isFull(error)) return undefined
      throw error
    }
  }

  /** {@link take}. @throws {StateError} `SLAB_FULL` */
  takeOrThrow(bytes: number, owner: object): number {
    const size = (bytes + 7) & ~7
    let block = this.#blocks.find((candidate) => candidate.owner === owner && candidate.used + size <= candidate.bytes) ?? this.#smallestFree(size)
    if (block === undefined) {
      const own = this.#blocks.reduce((sum, candidate) => (candidate.owner === owner ? sum + candidate.bytes : sum), BLOCK_BYTES_MIN)
      block = this.#newBlock(Slab.blockBytes(Math.max(size, Math.min(BLOCK_BYTES_MAX, own))), size, owner)
      this.#blocks.push(block)
    }
    block.owner = owner
    block.used += size
    return block.address + block.used - size
  }

  /** A block of `bytes` bytes, or of half of them and so on as long as they are enough. */
  #newBlock(bytes: number, size: number, owner: object): Block {
    try {
      return { address: this.#slab.allocate(bytes, this), bytes, used: 0, owner }
    } catch (error) {
      if (!isFull(error) || bytes / 2 < size) throw error
      return this.#newBlock(bytes / 2, size, owner)
    }
  }

  #smallestFree(size: number): Block | undefined {
    let smallest: Block | undefined
    for (const block of this.#blocks) if (block.owner === undefined && block.bytes >= size && block.bytes < (smallest?.bytes ?? Infinity)) smallest = block
    return smallest
  }

  /** What a full slab says of it. */
  describeUse(): string {
    return `the records of a checkpoint, beside ${this.#blocks.reduce((sum, { bytes }) => sum + bytes, 0)} bytes of them`
  }

  /** Takes back what was given out, to one owner or to all: it has been read, or nobody will. */
  clear(owner?: object): void {
    let kept = 0
    for (const block of this.#blocks.splice(0)) {
      const isBack = owner === undefined || block.owner === owner
      if (isBack) {
        block.used = 0
        block.owner = undefined
      }
      if (isBack && kept + block.bytes > KEPT_BYTES) this.#slab.free(block.address, block.bytes)
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

function isFull(error: unknown): boolean {
  return error instanceof MillraceError && error.code === 'SLAB_FULL'
}
