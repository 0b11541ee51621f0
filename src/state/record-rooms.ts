// Keyed state that kernels write as records of a snapshot, in pieces between which the worker goes on: what changes before its piece has come is written
// first, so that the records are those of the barrier. Each key group has a room that its records fill, and another one behind that. Runs on the
// worker's thread.

import type { Slab } from '../base/slab.ts'
import * as layout from '../kernels/snapshot-layout.ts'

/** What changes in this epoch is never reached: all that there is is wanted. */
export const EPOCH_END = 0xffffffff
/** Rooms for what is written before its piece: the first of a group, and the largest. Each is twice as large as the one before. */
const KEPT_BYTES_MIN = 8192
const KEPT_BYTES_MAX = 256 * 1024
/** A room that is to last for several pieces: at most so large. */
const BYTES_MAX = (1 << 20) - layout.ROOM_SLACK_BYTES

/** Who takes the records. */
export interface RecordTarget {
  /**
   * Gives rooms in the slab, each of so many bytes. May have {@link RecordPieces.closeRooms} called before it returns.
   *
   * @throws {StateError} `SLAB_FULL`
   */
  stage(sizes: readonly number[]): readonly number[]
  /** Called when a room is full, or there are no more for it: perhaps several times for a key group. */
  visit(keyGroup: number, records: number, address: number, bytes: number): void
}

/** Keyed state that kernels write: state/snapshot-file.ts draws the records. */
export interface RecordSource {
  readonly slab: Slab
  /** Whether what is about to change can be written first, so that the rest may wait. */
  readonly mayWait: boolean
  /**
   * Begins to write the entries as they are now.
   *
   * @param since Those that changed in this epoch or later; 0: all of them.
   * @param until The epoch that begins now: what is used from now on gets it. {@link EPOCH_END}: everything is written before anything is used.
   */
  begin(since: number, until: number, target: RecordTarget): RecordPieces
}

/** Entries that are being written. */
export interface RecordPieces {
  readonly isDone: boolean
  /** Writes about so many of them. Returns how many it has looked at. Not called once it is done. */
  write(entries: number): number
  /** Hands over the rooms as far as they are filled; what comes goes into others. */
  closeRooms(): void
  /** The rest need not be written. */
  giveUp(): void
}

/** Nothing to write. */
export const NO_RECORDS: RecordPieces = { isDone: true, write: () => 0, closeRooms() {}, giveUp() {} }

/** The rooms of the key groups of one source. */
export class RecordRooms {
  /** Of the block that kernels get. */
  readonly address: number
  readonly #slab: Slab
  readonly #first: number
  readonly #groups: number
  readonly #target: RecordTarget
  readonly #starts: Uint32Array
  readonly #keptBytes: Uint32Array

  /** @param first The first of `groups` key groups. */
  constructor(slab: Slab, first: number, groups: number, target: RecordTarget) {
    this.#slab = slab
    this.#first = first
    this.#groups = groups
    this.#target = target
    this.#starts = new Uint32Array(groups)
    this.#keptBytes = new Uint32Array(groups)
    this.address = slab.allocateZeroed(groups * layout.ROOM_WORDS * 4)
  }

  /**
   * Makes room for what was counted, and has kernels count anew.
   *
   * @param pieces About so many pieces like this one are left, which may use it too.
   */
  makeRoom(pieces: number): void {
    for (;;) {
      const lacking: number[] = []
      const { u32 } = this.#slab
      for (let group = 0; group < this.#groups; group++) {
        const bytes = u32[this.#wordOf(group) + layout.ROOM_BYTES]
        if (bytes > 0 && this.#lacks(group, bytes)) lacking.push(group)
      }
      if (lacking.length === 0) break
      // Groups do not fill up alike.
      const more = pieces > 1 ? pieces + pieces / 8 : 1
      this.#open(lacking, (group) => {
        const bytes = u32[this.#wordOf(group) + layout.ROOM_BYTES]
        return Math.max(bytes, Math.min(BYTES_MAX, Math.ceil(bytes * more)))
      })
    }
    const { u32 } = this.#slab
    for (let group = 0; group < this.#groups; group++) u32[this.#wordOf(group) + layout.ROOM_BYTES] = 0
  }

  /** Makes room for one record of `bytes` bytes, and for more that are written before their piece. */
  makeRoomIn(group: number, bytes: number): void {
    while (this.#lacks(group, bytes)) {
      const kept = Math.min(KEPT_BYTES_MAX, Math.max(KEPT_BYTES_MIN, this.#keptBytes[group] * 2))
      this.#keptBytes[group] = kept
      this.#open([group], () => Math.max(bytes, kept))
    }
  }

  /** Hands over what the rooms hold. */
  close(): void {
    for (let group = 0; group < this.#groups; group++) this.#close(group)
  }

  free(): void {
    this.#slab.free(this.address, this.#groups * layout.ROOM_WORDS * 4)
  }

  #wordOf(group: number): number {
    return (this.address >>> 2) + group * layout.ROOM_WORDS
  }

  #lacks(group: number, bytes: number): boolean {
    const { u32 } = this.#slab
    const word = this.#wordOf(group)
    return u32[word + layout.ROOM_NEXT] + bytes + layout.ROOM_SLACK_BYTES > u32[word + layout.ROOM_END]
  }

  #open(groups: readonly number[], bytesOf: (group: number) => number): void {
    for (const group of groups) this.#close(group)
    const sizes = groups.map((group) => bytesOf(group) + layout.ROOM_SLACK_BYTES)
    const rooms = this.#target.stage(sizes)
    const { u32 } = this.#slab
    groups.forEach((group, index) => {
      const word = this.#wordOf(group)
      this.#starts[group] = u32[word + layout.ROOM_NEXT] = rooms[index]!
      u32[word + layout.ROOM_END] = rooms[index] + sizes[index]
    })
  }

  #close(group: number): void {
    const { u32 } = this.#slab
    const word = this.#wordOf(group)
    const [records, next, start] = [u32[word + layout.ROOM_RECORDS], u32[word + layout.ROOM_NEXT], this.#starts[group]]
    u32[word + layout.ROOM_RECORDS] = u32[word + layout.ROOM_NEXT] = u32[word + layout.ROOM_END] = 0
    if (records > 0) this.#target.visit(this.#first + group, records, start, next - start)
  }
}
