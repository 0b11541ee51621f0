// States of the records of a pool as records of a snapshot, some chunks of the pool at a time. Records that are about to be used before their chunk has come
// are written first, with all of their states: they are told by their epoch, and chunks that are done by their addresses. Runs on the worker's thread.

import type { Slab } from '../base/slab.ts'
import * as layout from '../kernels/snapshot-layout.ts'
import type { TableKernels } from '../kernels/table.ts'
import type { RecordPool } from './record-pool.ts'
import { type RecordPieces, RecordRooms, type RecordTarget, STEP_ENTRIES } from './record-rooms.ts'

/** What is written of a pool. */
export interface WrittenRecords {
  readonly isNamespace: boolean
  /** A {@link layout.StateKind}, where its slot lies, and where what says that there is a value. */
  readonly kind: layout.StateKind
  readonly offset: number
  readonly presence: number
  readonly mask: number
  readonly ttlOffset: number
  readonly expiredMs: number
  readonly since: number
  readonly until: number
}

interface Range {
  readonly start: number
  readonly end: number
}

/** One state of the records of a pool that is being written. */
export class PoolRecords implements RecordPieces {
  readonly slab: Slab
  /** Of what kernels are told. */
  readonly block: number
  readonly #kernels: TableKernels
  readonly #rooms: RecordRooms
  readonly #recordBytes: number
  readonly #onEnd: (pieces: PoolRecords) => void
  /** Those that there are now, by address; where those begin that are left, and how many bytes they are. */
  readonly #chunks: readonly Range[]
  #next = 0
  #from: number
  #left: number
  #isDone = false

  /**
   * @param pool With at least one record.
   * @param firstGroup The first of `groups` key groups that records may have.
   * @param onEnd Called once, when nothing waits any more.
   */
  constructor(
    slab: Slab,
    kernels: TableKernels,
    pool: RecordPool,
    firstGroup: number,
    groups: number,
    records: WrittenRecords,
    target: RecordTarget,
    onEnd: (pieces: PoolRecords) => void,
  ) {
    this.slab = slab
    this.#kernels = kernels
    this.#onEnd = onEnd
    this.#recordBytes = pool.recordBytes
    const chunks: Range[] = []
    pool.forEachChunk((start, end) => start < end && chunks.push({ start, end }))
    this.#chunks = chunks.sort((left, right) => left.start - right.start)
    this.#from = this.#chunks[0].start
    this.#left = chunks.reduce((sum, { start, end }) => sum + (end - start), 0)
    this.#rooms = new RecordRooms(slab, firstGroup, groups, target)
    this.block = slab.allocateZeroed(layout.POOL_BYTES)
    const word = this.block >>> 2
    const { u32 } = slab
    u32[word + layout.POOL_RECORD_BYTES] = pool.recordBytes
    u32[word + layout.POOL_IS_NAMESPACE] = records.isNamespace ? 1 : 0
    u32[word + layout.POOL_KIND] = records.kind
    u32[word + layout.POOL_OFFSET] = records.offset
    u32[word + layout.POOL_PRESENCE] = records.presence
    u32[word + layout.POOL_MASK] = records.mask
    u32[word + layout.POOL_TTL_OFFSET] = records.ttlOffset
    u32[word + layout.POOL_SINCE] = records.since
    u32[word + layout.POOL_UNTIL] = records.until
    u32[word + layout.POOL_FIRST_GROUP] = firstGroup
    u32[word + layout.POOL_ROOMS] = this.#rooms.address
    slab.f64[(this.block >>> 3) + layout.POOL_EXPIRED_MS] = records.expiredMs
  }

  get isDone(): boolean {
    return this.#isDone
  }

  write(entries: number): number {
    let looked = 0
    while (this.#left > 0 && looked < entries) looked += this.#writeNext(Math.min(entries - looked, STEP_ENTRIES))
    if (this.#left === 0) {
      this.#rooms.close()
      this.giveUp()
    }
    return looked
  }

  #writeNext(entries: number): number {
    const ranges = this.#take(entries)
    const bytes = ranges.reduce((sum, { start, end }) => sum + (end - start), 0)
    for (const { start, end } of ranges) this.#kernels.poolRecordBytes(this.block, start, end)
    this.#rooms.makeRoom(this.#left / bytes)
    for (const { start, end } of ranges) this.#kernels.poolWriteRecords(this.block, start, end)
    this.#left -= bytes
    this.slab.u32[(this.block >>> 2) + layout.POOL_FROM] = this.#from
    return bytes / this.#recordBytes
  }

  /** The records that come next, about so many. */
  #take(entries: number): Range[] {
    const taken: Range[] = []
    for (let left = Math.ceil(entries) * this.#recordBytes; left > 0 && this.#next < this.#chunks.length;) {
      const { end } = this.#chunks[this.#next]
      const to = Math.min(end, this.#from + left)
      taken.push({ start: this.#from, end: to })
      left -= to - this.#from
      this.#from = to
      if (to === end) this.#from = this.#chunks[++this.#next]?.start ?? to
    }
    return taken
  }

  /** Makes the room that was missing, if it was. Returns whether the slab had it. */
  makeRoom(): boolean {
    const word = this.block >>> 2
    const { u32 } = this.slab
    const bytes = u32[word + layout.POOL_FULL_BYTES]
    u32[word + layout.POOL_FULL_BYTES] = 0
    return bytes === 0 || this.#rooms.makeRoomIn(u32[word + layout.POOL_FULL_GROUP], bytes)
  }

  closeRooms(): void {
    if (!this.#isDone) this.#rooms.close()
  }

  giveUp(): void {
    if (this.#isDone) return
    this.#isDone = true
    this.#rooms.free()
    this.slab.free(this.block, layout.POOL_BYTES)
    this.#onEnd(this)
  }
}

/** The states of one pool some of whose records wait. */
export class WaitingRecords {
  readonly #slab: Slab
  readonly #kernels: TableKernels
  readonly #pieces: PoolRecords[] = []
  /** Address of the u32 blocks of the pieces, and how many bytes are taken for it. */
  #list = 0
  #listBytes = 0

  constructor(slab: Slab, kernels: TableKernels) {
    this.#slab = slab
    this.#kernels = kernels
  }

  get isEmpty(): boolean {
    return this.#pieces.length === 0
  }

  add(pieces: PoolRecords): void {
    this.#pieces.push(pieces)
    this.#writeList()
  }

  remove(pieces: PoolRecords): void {
    const index = this.#pieces.indexOf(pieces)
    if (index < 0) return
    this.#pieces.splice(index, 1)
    this.#writeList()
  }

  /**
   * Writes those of the records u32[n] that wait: they are about to be used. All of them get the epoch that has begun. Without room for them all that waits
   * is written.
   *
   * @throws {StateError} `SLAB_FULL`
   */
  keep(records: number, n: number): void {
    const { u32 } = this.#slab
    const until = u32[(this.#pieces[0].block >>> 2) + layout.POOL_UNTIL]
    let row = 0
    while ((row = this.#kernels.poolKeepRecords(this.#list, this.#pieces.length, records, row, n)) < n) {
      if (this.#pieces.every((pieces) => pieces.makeRoom())) continue
      this.finish()
      for (; row < n; row++) {
        const flags = (u32[(records >>> 2) + row] + layout.RECORD_FLAGS_OFFSET) >>> 2
        u32[flags] = (u32[flags] & ((1 << layout.RECORD_EPOCH_SHIFT) - 1)) | (until << layout.RECORD_EPOCH_SHIFT)
      }
    }
  }

  /** Writes all that waits. */
  finish(): void {
    for (const pieces of [...this.#pieces]) while (!pieces.isDone) pieces.write(Infinity)
  }

  /** Gives the list back. Nothing waits any more. */
  free(): void {
    if (this.#listBytes > 0) this.#slab.free(this.#list, this.#listBytes)
    this.#listBytes = 0
  }

  /** Takes no memory where there are fewer: a full slab has none, and what waits is then written. */
  #writeList(): void {
    const bytes = this.#pieces.length * 4
    if (bytes > this.#listBytes) {
      this.free()
      this.#list = this.#slab.allocate(bytes)
      this.#listBytes = bytes
    }
    this.#pieces.forEach(({ block }, index) => (this.#slab.u32[(this.#list >>> 2) + index] = block))
  }
}
