// The rows that one aggregate of one slice keeps whole: the values of min, max, first and last that have no fixed width, and the rows of top-N.
// They lie in columns; accumulators refer to them, in kernels. What no entry refers to any more is left behind, until half of the rows are
// such and the others move; so is what belongs to an entry that leaves memory. Runs on the worker's thread.

import { assert } from '../../base/assert.ts'
import { Column } from '../../batch/column.ts'
import type { RecordBatch } from '../../batch/record-batch.ts'
import type { Field, LogicalType, Schema } from '../../batch/types.ts'
import { readValue, writeValue } from '../../batch/values.ts'
import { gatherRows } from '../../kernels/gather.ts'
import type { EntryTails } from '../../state/lmdb-tables.ts'
import type { SegmentTable } from '../../state/segment-table.ts'
import { type ByteReader, type ByteWriter, type ValueCodec, valueCodecOf } from '../../state/value-codec.ts'
import type { OperatorContext } from '../operator.ts'
import type { AggregatePlan, FoldRows, KeepPlan } from './slice-aggregates.ts'

const COLUMN_ROWS = 64
/** Fewer rows than this never move; so many do where most of them belong to entries that have left memory. */
const MOVED_ROWS_MIN = 1024
const MOVED_RELEASED_MIN = 64
/** About what a value takes beside its bytes. */
const VALUE_BYTES = 12
const SEQUENCE: Field = { name: '$sequence', type: { kind: 'BIGINT', nullable: false, safeInteger: true } }

/** What accumulators lie in. */
type Entries = Pick<SegmentTable, 'forEachEntries' | 'valueOffset'>

/** The kept rows of one aggregate and one slice (or one window, where slices are merged, or all sessions). */
export class KeptRows {
  readonly #context: OperatorContext
  readonly #plan: AggregatePlan
  readonly #keep: KeepPlan
  readonly #fields: readonly Field[]
  readonly #codec: ValueCodec
  /** The kept columns, behind them the sequences in which the rows arrived. */
  #columns: readonly Column[]
  #rowCount = 0
  /** Rows of entries that have left memory, as far as they lie here still. */
  #releasedCount = 0
  /** With so many rows, those that nothing refers to are dropped. */
  #movedAt = MOVED_ROWS_MIN

  constructor(context: OperatorContext, schema: Schema, plan: AggregatePlan) {
    assert(plan.keep !== undefined, 'an aggregate that keeps no rows')
    this.#context = context
    this.#plan = plan
    this.#keep = plan.keep
    this.#fields = [...plan.keep.columns.map((column) => schema.fields[column]), SEQUENCE]
    const type: LogicalType = { kind: 'ROW', nullable: false, fields: this.#fields }
    this.#codec = valueCodecOf(type, plan.field.name)
    this.#columns = this.#newColumns()
  }

  /** Offers rows to their entries. `firstSequence` + physical row is the order of their arrival; `base` that of the value area in an entry. */
  fold(batch: RecordBatch, { entries, n, selection, begin }: FoldRows, base: number, firstSequence: number): void {
    this.#offer(
      entries,
      n,
      base,
      this.#keep.columns.map((column) => batch.columns[column]),
      0,
      firstSequence,
      selection,
      begin,
    )
  }

  /** Offers the rows of another slice's entries to those of this one, side by side. It may be the same slice, where none is a target and a source. */
  merge(other: KeptRows, base: number, targets: number, sources: number, n: number): void {
    const { slab, kernels } = this.#context
    const bytes = n * this.#keep.limit * 4
    const entries = slab.allocate(bytes)
    const rows = slab.allocate(bytes)
    const count = kernels.keepPairs(targets, sources, n, base + this.#plan.offset, entries, rows)
    // What is read must not move.
    this.#sequences.ensureRows(this.#rowCount + count)
    this.#offer(entries, count, base, other.#columns, other.#sequences.values, 0, rows, 0)
    slab.free(entries, bytes)
    slab.free(rows, bytes)
  }

  /** Drops what no entry of the slice's table refers to, once it is the greater part. */
  settle(table: Entries): void {
    if (this.#rowCount < (this.#releasedCount * 2 > this.#rowCount ? MOVED_RELEASED_MIN : this.#movedAt)) return
    const { slab, kernels } = this.#context
    const old = this.#columns
    this.#columns = this.#newColumns()
    this.#rowCount = this.#releasedCount = 0
    table.forEachEntries((entries, n) => {
      const bytes = n * this.#keep.limit * 4
      const rows = slab.allocate(bytes)
      const count = kernels.keepMove(entries, n, table.valueOffset + this.#plan.offset, this.#rowCount, rows)
      this.#columns.forEach((column, index) => gatherRows(slab, kernels, old[index], column, rows, 0, count, this.#rowCount))
      this.#rowCount += count
      slab.free(rows, bytes)
    })
    for (const column of old) column.free()
    this.#movedAt = Math.max(MOVED_ROWS_MIN, this.#rowCount * 2)
  }

  /** Writes the results of `entries[n]` to rows `row..row + n - 1` of a column of the plan's type. */
  emit(base: number, entries: number, n: number, column: Column, row: number): void {
    const { slab, kernels } = this.#context
    const { limit } = this.#keep
    const offset = base + this.#plan.offset
    const rows = slab.allocate(n * limit * 4)
    if (this.#plan.kind === 'topN') {
      const [element] = column.children
      const first = slab.i32[(column.offsets >>> 2) + row]
      const count = kernels.keepList(entries, n, offset, 0, rows)
      kernels.keepEnds(entries, n, offset, column.offsets + (row + 1) * 4)
      element.ensureRows(first + count)
      element.children.forEach((child, index) => gatherRows(slab, kernels, this.#columns[index], child, rows, 0, count, first))
    } else {
      kernels.keepList(entries, n, offset, 1, rows)
      gatherRows(slab, kernels, this.#columns[0], column, rows, 0, n, row, true)
    }
    slab.free(rows, n * limit * 4)
  }

  /**
   * Appends kept rows to columns of their types.
   *
   * @param rows Address of int32 rows, as entries refer to them.
   * @param columns As many of the kept ones as are wanted, from the first on.
   */
  gather(rows: number, n: number, columns: readonly Column[], row: number): void {
    const { slab, kernels } = this.#context
    columns.forEach((column, index) => gatherRows(slab, kernels, this.#columns[index], column, rows, 0, n, row))
  }

  /** Lists the rows of entries u32[n], in order, as int32 `out`, which has room for all that they may keep. Returns how many. */
  list(entries: number, n: number, base: number, out: number): number {
    return this.#context.kernels.keepList(entries, n, base + this.#plan.offset, 0, out)
  }

  /** Writes the rows of an entry for a snapshot. */
  save(writer: ByteWriter, entry: number, base: number): void {
    const { slab } = this.#context
    const at = (entry + base + this.#plan.offset) >>> 2
    for (let place = 1; place <= slab.u32[at]; place++) {
      const row = slab.u32[at + place] - 1
      this.#codec.write(writer, Object.fromEntries(this.#fields.map(({ name }, index) => [name, readValue(this.#columns[index], row)])))
    }
  }

  /**
   * Reads what {@link save} wrote and lets the value area refer to it.
   *
   * @param area Has the value area from word `word` on.
   * @returns The greatest sequence that was read; -1 without rows.
   */
  load(reader: ByteReader, area: Uint32Array, word: number): number {
    let sequence = -1
    const at = word + (this.#plan.offset >>> 2)
    const count = area[at]
    for (let place = 1; place <= count; place++) {
      const row = this.#rowCount++
      const values = this.#codec.read(reader) as Record<string, unknown>
      this.#fields.forEach(({ name }, index) => {
        this.#columns[index].ensureRows(row + 1)
        writeValue(this.#columns[index], row, values[name])
      })
      area[at + place] = row + 1
      sequence = Math.max(sequence, values[SEQUENCE.name] as number)
    }
    return sequence
  }

  /** Notes that entries u32[n] are about to go: what they keep is left behind. */
  release(entries: number, n: number, base: number): void {
    const { u32 } = this.#context.slab
    const offset = base + this.#plan.offset
    for (let at = entries >>> 2, end = at + n; at < end; at++) this.#releasedCount += u32[(u32[at] + offset) >>> 2]
  }

  /** About how many bytes the rows of entries in memory take. */
  get bytesInUse(): number {
    if (this.#rowCount === 0) return 0
    const bytes = this.#columns.reduce((sum, column) => sum + bytesOf(column, this.#rowCount), 0)
    return (bytes * (this.#rowCount - this.#releasedCount)) / this.#rowCount
  }

  clear(): void {
    this.free()
    this.#columns = this.#newColumns()
    this.#rowCount = this.#releasedCount = 0
    this.#movedAt = MOVED_ROWS_MIN
  }

  free(): void {
    for (const column of this.#columns) column.free()
  }

  get #sequences(): Column {
    return this.#columns[this.#columns.length - 1]
  }

  #newColumns(): readonly Column[] {
    return this.#fields.map(({ type }) => Column.allocate(this.#context.slab, type, COLUMN_ROWS))
  }

  #offer(
    entries: number,
    n: number,
    base: number,
    sources: readonly Column[],
    sequences: number,
    firstSequence: number,
    selection: number,
    begin: number,
  ): void {
    if (n === 0) return
    const { slab, kernels } = this.#context
    const { limit, order, orderedBy, columns } = this.#keep
    const offset = base + this.#plan.offset
    const kept = this.#columns[orderedBy].descriptor
    this.#sequences.ensureRows(this.#rowCount + n)
    const keptSequences = this.#sequences.values
    kernels.keepRows(entries, n, offset, limit, order, sources[orderedBy].descriptor, sequences, firstSequence, kept, keptSequences, selection, begin)
    const rows = slab.allocate(n * 4)
    const count = kernels.keepSettle(entries, n, offset, this.#rowCount, rows, sequences, firstSequence, keptSequences)
    for (let index = 0; index < columns.length; index++) gatherRows(slab, kernels, sources[index], this.#columns[index], rows, 0, count, this.#rowCount)
    this.#rowCount += count
    slab.free(rows, n * 4)
  }
}

function bytesOf({ dataLength, children }: Column, rows: number): number {
  return children.reduce((sum, child) => sum + bytesOf(child, rows), rows * VALUE_BYTES + dataLength)
}

/** The rows that entries of a table keep, as what leaves memory with them. */
export function tailsOf({ valueOffset, slab }: SegmentTable, kept: readonly KeptRows[]): EntryTails {
  return {
    get bytesInUse() {
      return kept.reduce((sum, { bytesInUse }) => sum + bytesInUse, 0)
    },
    save: (entry, writer) => kept.forEach((rows) => rows.save(writer, entry, valueOffset)),
    load: (entry, reader) => kept.forEach((rows) => rows.load(reader, slab.u32, (entry + valueOffset) >>> 2)),
    release: (entries, n) => kept.forEach((rows) => rows.release(entries, n, valueOffset)),
  }
}
