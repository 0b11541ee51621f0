// Keyed state that kernels write as records of a snapshot, in pieces between which the worker goes on: what changes before its piece has come is written
// first, so that the records are those of the barrier. Each key group has a room that its records fill, and another one behind that. Runs on the
// worker's thread.

import type { Slab } from '../base/slab.ts'
import * as layout from '../kernels/snapshot-layout.ts'

/** What changes in this epoch is never reached: all that there is is wanted. */
export const EPOCH_END = 0xffffffff
/** The first room of a group for what is written before its piece. */
const KEPT_BYTES_MIN = 1024
/** A room that is to last is up to twice as large as the one before it, and no larger than this: what is left of it lies idle. */
const ROOM_BYTES_MAX = 64 * 1024

/** Entries, or records, for which there must be room at once. */
export const STEP_ENTRIES = 16_384

/** Who takes the records. */
export interface RecordTarget {
  /** Gives rooms in the slab, each of so many bytes; undefined if it has not so much. */
  stage(sizes: readonly number[]): readonly number[] | undefined
  /**
   * Takes what was laid down so far out of the slab, having {@link RecordPieces.closeRooms} called of all that is being written, and gives rooms there.
   *
   * @throws {StateError} `SLAB_FULL`
   */
  restage(sizes: readonly number[]): readonly number[]
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
  /**
   * Writes about so many of them. Returns how many it has looked at. Not called once it is done.
   *
   * @throws {StateError} `SLAB_FULL` if there is not even room for {@link STEP_ENTRIES} of them.
   */
  write(entries: number): number
  /** Hands over the rooms as far as they are filled; what comes goes into others. May be called once it is done, too. */
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
  /** Of the last room of each group: its bytes, without the slack. */
  readonly #bytes: Uint32Array

  /** @param first The first of `groups` key groups. */
  constructor(slab: Slab, first: number, groups: number, target: RecordTarget) {
    this.#slab = slab
    this.#first = first
    this.#groups = groups
    this.#target = target
    this.#starts = new Uint32Array(groups)
    this.#bytes = new Uint32Array(groups)
    this.address = slab.allocateZeroed(groups * layout.ROOM_WORDS * 4)
  }

  /**
   * Makes room for what was counted, and has kernels count anew.
   *
   * @param pieces About so many pieces like this one are left, which may use it too.
   * @throws {StateError} `SLAB_FULL`
   */
  makeRoom(pieces: number): void {
    const needed = (group: number): number => this.#slab.u32[this.#wordOf(group) + layout.ROOM_BYTES]
    const counted = Array.from({ length: this.#groups }, (_, group) => group).filter((group) => needed(group) > 0)
    const lacking = counted.filter((group) => this.#lacks(group, needed(group)))
    const lasting = (group: number): number => this.#lasting(group, needed(group), needed(group) * pieces)
    // Without that much room what was laid down leaves the slab, and with it all rooms there are.
    if (lacking.length > 0 && !this.#open(lacking, lasting)) this.#reopen(counted, needed)
    const { u32 } = this.#slab
    for (const group of counted) u32[this.#wordOf(group) + layout.ROOM_BYTES] = 0
  }

  /** Makes room for one record of `bytes` bytes, and for more that are written before their piece. Returns whether the slab had it. */
  makeRoomIn(group: number, bytes: number): boolean {
    return this.#open([group], () => this.#lasting(group, bytes, Math.max(KEPT_BYTES_MIN, this.#bytes[group] * 2)))
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

  /** Bytes of a room for `bytes` bytes which is to last until there are `wanted`. */
  #lasting(group: number, bytes: number, wanted: number): number {
    return Math.max(bytes, Math.min(Math.ceil(wanted), Math.max(KEPT_BYTES_MIN, this.#bytes[group] * 2), ROOM_BYTES_MAX))
  }

  /** Opens rooms for groups. Returns whether the slab had so much. */
  #open(groups: readonly number[], bytesOf: (group: number) => number): boolean {
    const sizes = groups.map((group) => bytesOf(group) + layout.ROOM_SLACK_BYTES)
    const rooms = this.#target.stage(sizes)
    if (rooms === undefined) return false
    for (const group of groups) this.#close(group)
    this.#use(groups, sizes, rooms)
    return true
  }

  #reopen(groups: readonly number[], bytesOf: (group: number) => number): void {
    const sizes = groups.map((group) => bytesOf(group) + layout.ROOM_SLACK_BYTES)
    this.#use(groups, sizes, this.#target.restage(sizes))
  }

  #use(groups: readonly number[], sizes: readonly number[], rooms: readonly number[]): void {
    const { u32 } = this.#slab
    groups.forEach((group, index) => {
      const word = this.#wordOf(group)
      this.#bytes[group] = sizes[index] - layout.ROOM_SLACK_BYTES
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
