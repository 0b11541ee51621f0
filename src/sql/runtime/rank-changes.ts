// What is told of the first rows of a partition, where other rows were the first before: which rows, as what, and their ranks. Used by one thread.

import type { Slab } from '../../base/slab.ts'
import type { BatchBuilder } from '../../batch/batch-builder.ts'
import type { Column } from '../../batch/column.ts'
import { type RecordBatch, RowKind, writeInt64 } from '../../batch/record-batch.ts'

/** Which rows are asked for, and how changes are told. */
export interface RankChangesSpec {
  /** Ranks from one to another, of which 1 is the first. */
  readonly from: number
  readonly to: number
  /** Whether what is told of a row is its rank too, so that it changes with that. */
  readonly hasRank: boolean
  /** Whether the only row that is asked for is told to be another one: else it goes, and the other one comes. */
  readonly updatesFirst: boolean
}

const ROWS_MIN = 64
/** Beyond so many rows a set finds them faster. */
const SEARCHED_MAX = 64

/** A list of rows to be told. */
export class RankChanges {
  readonly #slab: Slab
  readonly #spec: RankChangesSpec
  /** Each with its kind, and its rank counted from 0. */
  #rows = new Int32Array(ROWS_MIN)
  #kinds = new Uint8Array(ROWS_MIN)
  #places = new Int32Array(ROWS_MIN)
  #count = 0

  constructor(slab: Slab, spec: RankChangesSpec) {
    this.#slab = slab
    this.#spec = spec
  }

  /** How many rows are told. */
  get count(): number {
    return this.#count
  }

  clear(): void {
    this.#count = 0
  }

  /** Adds what has become of a partition: its first rows were those of one list, and are those of another, none more than asked for. */
  add(before: ArrayLike<number>, start: number, beforeCount: number, after: ArrayLike<number>, afterStart: number, afterCount: number): void {
    const { from, to, hasRank, updatesFirst } = this.#spec
    this.#reserve(beforeCount + afterCount)
    if (hasRank || from > 1 || (to === 1 && updatesFirst)) {
      for (let place = from - 1; place < Math.max(beforeCount, afterCount); place++) {
        const [was, is] = [before[start + place], after[afterStart + place]]
        if (place >= beforeCount) this.#tell(RowKind.INSERT, is, place)
        else if (place >= afterCount) this.#tell(RowKind.DELETE, was, place)
        else if (was !== is) {
          this.#tell(RowKind.UPDATE_BEFORE, was, place)
          this.#tell(RowKind.UPDATE_AFTER, is, place)
        }
      }
      return
    }
    // What is only among the first rows has gone, what is only among the others has come.
    this.#tellMissing(RowKind.DELETE, before, start, beforeCount, after, afterStart, afterCount)
    this.#tellMissing(RowKind.INSERT, after, afterStart, afterCount, before, start, beforeCount)
  }

  /**
   * Writes what is told: the columns of the rows, behind them the rank if it is asked for.
   *
   * @param gather Appends rows, int32[n], to columns.
   */
  write(builder: BatchBuilder, gather: (rows: number, n: number, columns: readonly Column[]) => void): RecordBatch {
    const slab = this.#slab
    const count = this.#count
    const { hasRank } = this.#spec
    const out = builder.begin(false, true)
    builder.ensureRows(count)
    const list = slab.allocate(count * 4)
    slab.i32.set(this.#rows.subarray(0, count), list >>> 2)
    slab.u8.set(this.#kinds.subarray(0, count), out.kinds)
    gather(list, count, hasRank ? out.columns.slice(0, -1) : out.columns)
    slab.free(list, count * 4)
    if (hasRank) {
      const { values } = out.columns[out.columns.length - 1]
      for (let row = 0; row < count; row++) writeInt64(slab, values + row * 8, this.#places[row] + 1)
    }
    return builder.finish(count)
  }

  /** Tells the rows of a list that are not in another one. */
  #tellMissing(kind: RowKind, rows: ArrayLike<number>, start: number, count: number, others: ArrayLike<number>, otherStart: number, otherCount: number): void {
    const set = otherCount > SEARCHED_MAX ? new Set<number>() : undefined
    if (set !== undefined) for (let place = 0; place < otherCount; place++) set.add(others[otherStart + place])
    for (let place = 0; place < count; place++) {
      const row = rows[start + place]
      let isThere = false
      if (set !== undefined) isThere = set.has(row)
      else for (let other = 0; other < otherCount && !isThere; other++) isThere = others[otherStart + other] === row
      if (!isThere) this.#tell(kind, row, place)
    }
  }

  #tell(kind: RowKind, row: number, place: number): void {
    this.#rows[this.#count] = row
    this.#kinds[this.#count] = kind
    this.#places[this.#count++] = place
  }

  #reserve(more: number): void {
    const rows = this.#count + more
    if (rows <= this.#rows.length) return
    const [oldRows, oldKinds, oldPlaces] = [this.#rows, this.#kinds, this.#places]
    const capacity = Math.max(rows, oldRows.length * 2)
    this.#rows = new Int32Array(capacity)
    this.#kinds = new Uint8Array(capacity)
    this.#places = new Int32Array(capacity)
    this.#rows.set(oldRows)
    this.#kinds.set(oldKinds)
    this.#places.set(oldPlaces)
  }
}
