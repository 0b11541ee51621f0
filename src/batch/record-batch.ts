// The unit of exchange: columnar rows of one schema. A batch belongs to whoever filled it; everyone else may read it until the call returns.

import { assert } from '../base/assert.ts'
import type { Slab } from '../base/slab.ts'
import type { Column } from './column.ts'
import { Crossings } from './crossings.ts'
import type { Schema } from './types.ts'

/** Row kinds of a changelog, one byte a row, with Flink's values. */
export const RowKind = { INSERT: 0, UPDATE_BEFORE: 1, UPDATE_AFTER: 2, DELETE: 3 } as const
export type RowKind = (typeof RowKind)[keyof typeof RowKind]

/** How row kinds are written: `+I`, `-U`, `+U`, `-D`. */
export const ROW_KIND_TEXT: readonly string[] = ['+I', '-U', '+U', '-D']

/**
 * Rows of one schema in columns.
 *
 * Physical rows are 0..`rowCount` - 1. Without a selection every physical row is a row of the batch, in order; with one, the rows are
 * `selection[0..selectedCount)`, ascending physical indexes. `begin` and `end` bound the rows that a consumer is to process now, counted
 * in *logical* positions (through the selection if there is one); the consumer moves `begin` as it goes, so that it can be called again.
 */
export class RecordBatch {
  readonly slab: Slab
  readonly schema: Schema
  /** One column a field of the schema. A view on another batch takes over that batch's columns. */
  columns: readonly Column[]
  rowCount = 0
  /** Address of u8[rowCount] row kinds; 0 = all INSERT. */
  kinds = 0
  /** Address of int64[rowCount] event timestamps in epoch ms; 0 = records carry none. May be the values of one of the columns. */
  timestamps = 0
  /** Address of int32[selectedCount]; 0 = dense. */
  selection = 0
  selectedCount = 0
  begin = 0
  end = 0
  /** The source split that the rows come from, as its reader numbers them; watermarks are generated per split. 0 behind the source. */
  split = 0
  /** All splits that the reader reads by turns, that of this batch among them; undefined if it reads one after the other. */
  openSplits: readonly number[] | undefined = undefined
  /** Records that are still to come may be earlier than all of these, however far they are apart: no watermark is made of them. False behind an exchange. */
  holdsTime = false
  /** Watermark movements, at physical positions. */
  readonly crossings = new Crossings()

  constructor(slab: Slab, schema: Schema, columns: readonly Column[]) {
    this.slab = slab
    this.schema = schema
    this.columns = columns
  }

  /**
   * Makes this batch show the pending rows of another: same columns, kinds, timestamps, selection and range; crossings are not taken over.
   * Operators that change only the selection or the crossings emit such a view, since a batch may have other consumers.
   */
  viewOf(other: RecordBatch): this {
    this.columns = other.columns
    this.rowCount = other.rowCount
    this.kinds = other.kinds
    this.timestamps = other.timestamps
    this.selection = other.selection
    this.selectedCount = other.selectedCount
    this.begin = other.begin
    this.end = other.end
    this.split = other.split
    this.openSplits = other.openSplits
    this.holdsTime = other.holdsTime
    this.crossings.clear()
    return this
  }

  /** Number of rows, selection applied. */
  get logicalCount(): number {
    return this.selection === 0 ? this.rowCount : this.selectedCount
  }

  /** The physical index of the row at logical position `position`. */
  physicalRow(position: number): number {
    return this.selection === 0 ? position : this.slab.i32[(this.selection >>> 2) + position]
  }

  /** The logical position of the first row whose physical index is at least `physical`. */
  positionOf(physical: number): number {
    if (this.selection === 0) return Math.min(physical, this.rowCount)
    const i32 = this.slab.i32
    const base = this.selection >>> 2
    let low = 0
    let high = this.selectedCount
    while (low < high) {
      const middle = (low + high) >>> 1
      if (i32[base + middle] < physical) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Makes all rows pending: `begin` 0, `end` the row count. */
  rewind(): void {
    this.begin = 0
    this.end = this.logicalCount
  }

  /** The kind of a physical row. */
  kindOf(row: number): RowKind {
    return (this.kinds === 0 ? RowKind.INSERT : this.slab.u8[this.kinds + row]) as RowKind
  }

  /** The event timestamp of a physical row in epoch ms, or -Infinity without timestamps. */
  timestampOf(row: number): number {
    return this.timestamps === 0 ? -Infinity : readInt64AsNumber(this.slab, this.timestamps + row * 8)
  }
}

/** For operators that know no changes: no source makes any so far, and a planner that plans them must keep them away. */
export function assertInserts(batch: RecordBatch): void {
  if (batch.kinds === 0) return
  for (let position = batch.begin; position < batch.end; position++)
    assert(batch.kindOf(batch.physicalRow(position)) === RowKind.INSERT, 'an update or a deletion has come to an operator that takes inserted records only')
}

/** An int64 as a double: exact within ±2^53, no BigInt made. */
export function readInt64AsNumber(slab: Slab, address: number): number {
  const at = address >>> 2
  return slab.i32[at + 1] * 4294967296 + slab.u32[at]
}

/** Writes an integral double as an int64. `value` must lie within ±2^63. */
export function writeInt64(slab: Slab, address: number, value: number): void {
  const at = address >>> 2
  const high = Math.floor(value / 4294967296)
  slab.i32[at + 1] = high
  slab.u32[at] = value - high * 4294967296
}
