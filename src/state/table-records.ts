// The entries of a table as records of a snapshot, some chunks of a segment at a time. Entries that are about to change before their chunk has come are
// written first: they are told by their epoch, segments that are done by their routes, and chunks of the one in hand by where they lie. Runs on the
// worker's thread.

import type { Slab } from '../base/slab.ts'
import * as layout from '../kernels/snapshot-layout.ts'
import { ENTRY_FLAGS_OFFSET } from '../kernels/table-layout.ts'
import type { TableKernels } from '../kernels/table.ts'
import { type RecordPieces, RecordRooms, type RecordTarget, STEP_ENTRIES } from './record-rooms.ts'

/** Of an entry's flags, that which is no epoch. */
const FLAG_NEW = 0x80000000

/** What is written of a table. */
export interface WrittenEntries {
  /** 0 or 8 bytes. */
  readonly namespace: Uint8Array
  readonly valueOffset: number
  /** How much of the value area is written. */
  readonly valueBytes: number
  readonly since: number
  readonly until: number
}

/** Where the entries are. */
export interface WrittenTable {
  readonly slab: Slab
  /** Of its control block. */
  readonly address: number
  /** Behind the last route. */
  readonly routeEnd: number
  /** The segment that holds a route: its address, how many entries its chunks have room for, the last one as far as it is used, and its last route. */
  segmentOf(route: number): { readonly address: number; readonly chunks: readonly number[]; readonly lastRoute: number }
}

/** Entries that are being written. */
export class TableRecords implements RecordPieces {
  readonly #table: WrittenTable
  readonly #kernels: TableKernels
  readonly #rooms: RecordRooms
  readonly #block: number
  readonly #until: number
  readonly #onEnd: () => void
  /** The first route of the segment in hand, and how many of its chunks are done. */
  #from = 0
  #done = 0
  #isDone = false

  /**
   * @param firstGroup The first of the table's `groups` key groups.
   * @param onEnd Called once, when nothing waits any more.
   */
  constructor(
    table: WrittenTable,
    kernels: TableKernels,
    firstGroup: number,
    groups: number,
    entries: WrittenEntries,
    target: RecordTarget,
    onEnd: () => void,
  ) {
    const { slab } = table
    this.#table = table
    this.#kernels = kernels
    this.#onEnd = onEnd
    this.#until = entries.until
    this.#rooms = new RecordRooms(slab, firstGroup, groups, target)
    this.#block = slab.allocateZeroed(layout.ENTRIES_BLOCK_BYTES)
    const { u32 } = slab
    const word = this.#block >>> 2
    u32[word + layout.ENTRIES_SINCE] = entries.since
    u32[word + layout.ENTRIES_UNTIL] = entries.until
    u32[word + layout.ENTRIES_VALUE_OFFSET] = entries.valueOffset
    u32[word + layout.ENTRIES_VALUE_BYTES] = entries.valueBytes
    u32[word + layout.ENTRIES_NAMESPACE_BYTES] = entries.namespace.length
    u32[word + layout.ENTRIES_ROOMS] = this.#rooms.address
    slab.u8.set(entries.namespace, this.#block + layout.ENTRIES_NAMESPACE * 4)
  }

  get isDone(): boolean {
    return this.#isDone
  }

  write(entries: number): number {
    let looked = 0
    // Nothing is left of a table whose last segment was written before it was divided.
    while (this.#from < this.#table.routeEnd && looked < entries) looked += this.#writeChunks(entries - looked)
    if (this.#from >= this.#table.routeEnd) {
      this.#rooms.close()
      this.giveUp()
    }
    return looked
  }

  /** Writes chunks of one segment. Returns how many entries they have room for. */
  #writeChunks(entries: number): number {
    const table = this.#table
    const kernels = this.#kernels
    const { address, chunks, lastRoute } = table.segmentOf(this.#from)
    const first = this.#done
    const most = Math.min(entries, STEP_ENTRIES)
    let looked = 0
    let end = first
    while (end < chunks.length && looked < most) looked += chunks[end++]
    if (looked > 0) {
      let left = 0
      for (let chunk = first; chunk < chunks.length; chunk++) left += chunks[chunk]
      kernels.segmentRecordBytes(table.address, address, this.#block, first, end)
      this.#rooms.makeRoom(left / looked)
      kernels.segmentWriteRecords(table.address, address, this.#block, first, end)
    }
    if (end === chunks.length) {
      this.#from = lastRoute + 1
      end = 0
    }
    this.#done = end
    const { u32 } = table.slab
    u32[(this.#block >>> 2) + layout.ENTRIES_FROM] = this.#from
    u32[(this.#block >>> 2) + layout.ENTRIES_DONE] = end
    return looked
  }

  /** Writes what is left of a segment of which something is written: its entries are about to move. */
  finishSegment(route: number): void {
    while (this.#done > 0 && route === this.#from) this.#writeChunks(Infinity)
  }

  /**
   * Writes those of the entries u32[n] that wait: they are about to change. All of them get the epoch that has begun. Without room for them all that waits
   * is written.
   *
   * @throws {StateError} `SLAB_FULL`
   */
  keep(entries: number, n: number): void {
    const { slab, address } = this.#table
    const word = this.#block >>> 2
    let row = 0
    while ((row = this.#kernels.tableKeepRecords(address, this.#block, entries, row, n)) < n) {
      if (this.#rooms.makeRoomIn(slab.u32[word + layout.ENTRIES_FULL_GROUP], slab.u32[word + layout.ENTRIES_FULL_BYTES])) continue
      this.finish()
      this.#setEpoch(entries, row, n)
      return
    }
  }

  #setEpoch(entries: number, from: number, n: number): void {
    const { u32 } = this.#table.slab
    for (let row = from; row < n; row++) {
      const flags = (u32[(entries >>> 2) + row] + ENTRY_FLAGS_OFFSET) >>> 2
      u32[flags] = (u32[flags] & FLAG_NEW) | this.#until
    }
  }

  /** Writes all that waits. */
  finish(): void {
    while (!this.#isDone) this.write(Infinity)
  }

  closeRooms(): void {
    if (!this.#isDone) this.#rooms.close()
  }

  giveUp(): void {
    if (this.#isDone) return
    this.#isDone = true
    this.#rooms.free()
    this.#table.slab.free(this.#block, layout.ENTRIES_BLOCK_BYTES)
    this.#onEnd()
  }
}
