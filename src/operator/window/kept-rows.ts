// The rows that one aggregate of one slice keeps whole: the values of min, max, first and last that have no fixed width, and the rows of top-N.
// They are records (state/record-store.ts); accumulators refer to them, in kernels. What loses its place can be read until rows are offered again. Runs on the worker's
// thread.

import { assert } from '../../base/assert.ts'
import { Column } from '../../batch/column.ts'
import { type RecordBatch, readInt64AsNumber, writeInt64 } from '../../batch/record-batch.ts'
import type { Field, LogicalType, Schema } from '../../batch/types.ts'
import { readValue, writeValue } from '../../batch/values.ts'
import type { EntryTails } from '../../state/lmdb-tables.ts'
import { RecordStore } from '../../state/record-store.ts'
import type { SegmentTable } from '../../state/segment-table.ts'
import { type ByteReader, type ByteWriter, type ValueCodec, valueCodecOf } from '../../state/value-codec.ts'
import type { OperatorContext } from '../operator.ts'
import type { AggregatePlan, FoldRows, KeepPlan } from './slice-aggregates.ts'

const COLUMN_ROWS = 64
/** So many bytes at least are free, and more than are in use, where records move together. */
const MOVED_BYTES_MIN = 4096
const SEQUENCE_BYTES = 8
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
  readonly #rows: RecordStore
  /** Rows on their way between records and other forms. */
  #passing: readonly Column[] | undefined
  /** Address of u32 references[capacity] to records that have lost their places. */
  #lost = 0
  #lostCapacity = 0
  #lostCount = 0

  constructor(context: OperatorContext, schema: Schema, plan: AggregatePlan) {
    assert(plan.keep !== undefined, 'an aggregate that keeps no rows')
    this.#context = context
    this.#plan = plan
    this.#keep = plan.keep
    this.#fields = plan.keep.columns.map((column) => schema.fields[column])
    const type: LogicalType = { kind: 'ROW', nullable: false, fields: [...this.#fields, SEQUENCE] }
    this.#codec = valueCodecOf(type, plan.field.name)
    this.#rows = new RecordStore(
      context.slab,
      context.kernels,
      this.#fields.map((field) => field.type),
      SEQUENCE_BYTES,
    )
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
    const refs = slab.allocate(bytes)
    const count = kernels.keepPairs(targets, sources, n, base + this.#plan.offset, entries, refs)
    const columns = this.#readPassing(other.#rows, refs, count)
    const sequences = slab.allocate(Math.max(1, count) * SEQUENCE_BYTES)
    for (let index = 0; index < count; index++) {
      const at = slab.u32[(refs >>> 2) + index] * 8 + RecordStore.ownOffset
      slab.copy(sequences + index * SEQUENCE_BYTES, at, SEQUENCE_BYTES)
    }
    this.#offer(entries, count, base, columns, sequences, 0, 0, 0)
    slab.free(sequences, Math.max(1, count) * SEQUENCE_BYTES)
    slab.free(entries, bytes)
    slab.free(refs, bytes)
  }

  /** Gives room back that records have left, once it is the greater part. */
  settle(table: Entries): void {
    this.#freeLost()
    if (this.#rows.freeBytes < Math.max(MOVED_BYTES_MIN, this.#rows.usedBytes)) return
    const { slab, kernels } = this.#context
    const offset = table.valueOffset + this.#plan.offset
    this.#rows.moveAll((move) =>
      table.forEachEntries((entries, n) => {
        const bytes = n * this.#keep.limit * 4
        const refs = slab.allocate(bytes)
        move(refs, kernels.keepList(entries, n, offset, 0, refs))
        kernels.keepAssign(entries, n, offset, refs)
        slab.free(refs, bytes)
      }),
    )
  }

  /** Writes the results of `entries[n]` to rows `row..row + n - 1` of a column of the plan's type. */
  emit(base: number, entries: number, n: number, column: Column, row: number): void {
    const { slab, kernels } = this.#context
    const { limit } = this.#keep
    const offset = base + this.#plan.offset
    const refs = slab.allocate(n * limit * 4)
    if (this.#plan.kind === 'topN') {
      const [element] = column.children
      const first = slab.i32[(column.offsets >>> 2) + row]
      const count = kernels.keepList(entries, n, offset, 0, refs)
      kernels.keepEnds(entries, n, offset, column.offsets + (row + 1) * 4)
      element.ensureRows(first + count)
      this.#rows.read(refs, count, element.children, first)
    } else {
      kernels.keepList(entries, n, offset, 1, refs)
      this.#rows.read(refs, n, [column], row)
    }
    slab.free(refs, n * limit * 4)
  }

  /**
   * Appends kept rows to columns of their types.
   *
   * @param refs Address of u32 references, as entries have them.
   * @param columns As many of the kept ones as are wanted, from the first on.
   */
  gather(refs: number, n: number, columns: readonly Column[], row: number): void {
    this.#rows.read(refs, n, columns, row)
  }

  /** Lists the rows of entries u32[n], in order, as u32 `out`, which has room for all that they may keep. Returns how many. */
  list(entries: number, n: number, base: number, out: number): number {
    return this.#context.kernels.keepList(entries, n, base + this.#plan.offset, 0, out)
  }

  /** Writes the rows of an entry for a snapshot. */
  save(writer: ByteWriter, entry: number, base: number): void {
    const { slab } = this.#context
    const at = (entry + base + this.#plan.offset) >>> 2
    const count = slab.u32[at]
    const columns = this.#readPassing(this.#rows, (at + 1) * 4, count)
    for (let index = 0; index < count; index++) {
      const row = Object.fromEntries(this.#fields.map(({ name }, field) => [name, readValue(columns[field], index)]))
      row[SEQUENCE.name] = readInt64AsNumber(slab, slab.u32[at + 1 + index] * 8 + RecordStore.ownOffset)
      this.#codec.write(writer, row)
    }
  }

  /**
   * Reads what {@link save} wrote and lets the value area refer to it.
   *
   * @param area Has the value area from word `word` on.
   * @returns The greatest sequence that was read; -1 without rows.
   */
  load(reader: ByteReader, area: Uint32Array, word: number): number {
    const { slab } = this.#context
    let sequence = -1
    const at = word + (this.#plan.offset >>> 2)
    const count = area[at]
    if (count === 0) return sequence
    const columns = this.#clearPassing()
    const sequences: number[] = []
    for (let row = 0; row < count; row++) {
      const values = this.#codec.read(reader) as Record<string, unknown>
      this.#fields.forEach(({ name }, index) => {
        columns[index].ensureRows(row + 1)
        writeValue(columns[index], row, values[name])
      })
      sequences.push(values[SEQUENCE.name] as number)
    }
    const refs = slab.allocate(count * 4)
    this.#rows.add(columns, 0, 0, count, refs)
    sequences.forEach((one, row) => {
      const ref = slab.u32[(refs >>> 2) + row]
      area[at + 1 + row] = ref
      writeInt64(slab, ref * 8 + RecordStore.ownOffset, one)
      sequence = Math.max(sequence, one)
    })
    slab.free(refs, count * 4)
    return sequence
  }

  /** Gives the rows of entries u32[n] away, which are about to go. */
  release(entries: number, n: number, base: number): void {
    if (n === 0) return
    const { slab } = this.#context
    const refs = slab.allocate(n * this.#keep.limit * 4)
    this.#rows.free(refs, this.list(entries, n, base, refs))
    slab.free(refs, n * this.#keep.limit * 4)
  }

  /** How many bytes the rows of entries in memory take. */
  get bytesInUse(): number {
    return this.#rows.usedBytes
  }

  clear(): void {
    this.#lostCount = 0
    this.#rows.clear()
  }

  free(): void {
    this.#rows.close()
    for (const column of this.#passing ?? []) column.free()
    if (this.#lostCapacity > 0) this.#context.slab.free(this.#lost, this.#lostCapacity * 4)
  }

  #readPassing(rows: RecordStore, refs: number, n: number): readonly Column[] {
    const columns = this.#clearPassing()
    rows.read(refs, n, columns, 0)
    return columns
  }

  #clearPassing(): readonly Column[] {
    this.#passing ??= this.#fields.map(({ type }) => Column.allocate(this.#context.slab, type, COLUMN_ROWS))
    for (const column of this.#passing) column.clear()
    return this.#passing
  }

  #freeLost(): void {
    if (this.#lostCount > 0) this.#rows.free(this.#lost, this.#lostCount)
    this.#lostCount = 0
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
    const { limit, order, orderedBy } = this.#keep
    const offset = base + this.#plan.offset
    this.#freeLost()
    if (this.#lostCapacity < n) {
      if (this.#lostCapacity > 0) slab.free(this.#lost, this.#lostCapacity * 4)
      this.#lostCapacity = n
      this.#lost = slab.allocate(n * 4)
    }
    const { descriptor } = sources[orderedBy]
    const { address } = this.#rows
    const lost = this.#lost
    this.#lostCount = kernels.keepRows(entries, n, offset, limit, order, descriptor, sequences, firstSequence, address, orderedBy, selection, begin, lost)
    const rows = slab.allocate(n * 12)
    const places = rows + n * 4
    const refs = places + n * 4
    const count = kernels.keepSettle(entries, n, offset, rows, places)
    this.#rows.add(sources, rows, 0, count, refs)
    kernels.keepBind(places, refs, count, rows, sequences, firstSequence)
    slab.free(rows, n * 12)
  }
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
