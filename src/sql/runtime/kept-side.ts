// The rows of one side of a join, by key: in columns, a block of rows after the other, of which none goes before all do. Owned by one operator, on its thread.

import { keyGroupRangeOf } from '../../base/key-groups.ts'
import { BatchBuilder } from '../../batch/batch-builder.ts'
import { BatchDecoder } from '../../batch/batch-codec.ts'
import { BatchKeys } from '../../batch/batch-keys.ts'
import { Column } from '../../batch/column.ts'
import { RecordBatch } from '../../batch/record-batch.ts'
import { bytesOfBatch, visitStoredBatch } from '../../batch/stored-batch.ts'
import type { Schema } from '../../batch/types.ts'
import { gatherRows } from '../../kernels/gather.ts'
import { ROW_LIST_BYTES } from '../../kernels/join.ts'
import type { KeyBatch } from '../../kernels/keys.ts'
import type { KeyForm } from '../../kernels/table-layout.ts'
import type { OperatorContext, SnapshotReader } from '../../operator/operator.ts'
import { SegmentTable } from '../../state/segment-table.ts'
import type { KeyedSnapshotWriter } from '../../state/state.ts'
import { describeState, type StateSchema } from '../../state/state-schema.ts'

/** Rows of a block: small enough that growing one copies little, and that no column outgrows its offsets. */
const BLOCK_SHIFT = 16
const BLOCK_ROWS = 1 << BLOCK_SHIFT
const COLUMN_ROWS = 64
const NEXT_ROWS_MIN = 1024
/** Rows whose keys are looked at together at most. */
export const JOIN_ROWS_MAX = 4096
/** Rows of a snapshot's record at most. */
const RECORD_ROWS = 4096
const NO_NAMESPACE = new Uint8Array()
/** Of snapshots that no later one was asked to build on. */
const MARKS_MAX = 64

/** A record of a snapshot; records came in the order of their ids. */
export interface StoredRows {
  readonly id: number
  readonly bytes: Uint8Array
}

export function storedRowsOf(key: Uint8Array, value: Uint8Array): StoredRows {
  return { id: new DataView(key.buffer, key.byteOffset, 8).getFloat64(0, true), bytes: value.slice() }
}

export class KeptSide {
  readonly #context: OperatorContext
  readonly #schema: Schema
  readonly #state: StateSchema
  readonly #keys: BatchKeys
  readonly #table: SegmentTable
  readonly #blocks: (readonly Column[])[] = []
  #rowCount = 0
  /** Address of u32[capacity]: see JoinKernels. */
  #next = 0
  #nextCapacity = 0
  /** How many rows there were when epochs began, as far as a snapshot may be asked for what has come since. */
  #marks: { readonly epoch: number; readonly rowCount: number }[] = []
  /** Tells the records of all snapshots apart. */
  #recordId = 0

  /** @param state Names its rows in snapshots. @param key The columns of the key. */
  constructor(context: OperatorContext, schema: Schema, key: readonly number[], state: StateSchema) {
    const { slab, kernels, subtaskIndex, parallelism, maxParallelism, tableSeed } = context
    this.#context = context
    this.#schema = schema
    this.#state = state
    this.#keys = new BatchKeys(slab, kernels, schema, { kind: 'columns', columns: key })
    const { start, end } = keyGroupRangeOf(subtaskIndex, parallelism, maxParallelism)
    this.#table = new SegmentTable(slab, kernels, {
      form: this.#keys.form,
      valueBytes: ROW_LIST_BYTES,
      maxParallelism,
      firstGroup: start,
      lastGroup: end,
      slotSeed: tableSeed,
    })
  }

  /** How keys lie: two sides of a join have one form. */
  get form(): KeyForm {
    return this.#keys.form
  }

  /** The keys of int32 `rows[n]` of a batch. Valid until the next call. */
  keysOf(batch: RecordBatch, rows: number, n: number): KeyBatch {
    return this.#keys.encode(batch, rows, 0, n)
  }

  /** Finds the entries of keys: u32 `out`, 0 where there are no rows. */
  find(keys: KeyBatch, out: number): void {
    this.#table.find(keys, out)
  }

  /** Keeps int32 `rows[n]` of a batch. @param entries Scratch: u32[n]. */
  add(batch: RecordBatch, rows: number, n: number, keys: KeyBatch, entries: number): void {
    const { slab, kernels } = this.#context
    this.#table.findOrInsert(keys, entries)
    this.#reserveNext(this.#rowCount + n)
    kernels.joinAppend(entries, n, this.#table.valueOffset, this.#rowCount, this.#next)
    for (let done = 0; done < n;) {
      const row = this.#rowCount & (BLOCK_ROWS - 1)
      const count = Math.min(n - done, BLOCK_ROWS - row)
      if (this.#blocks.length === this.#rowCount >>> BLOCK_SHIFT)
        this.#blocks.push(this.#schema.fields.map(({ type }) => Column.allocate(slab, type, COLUMN_ROWS)))
      const block = this.#blocks[this.#blocks.length - 1]
      block.forEach((column, index) => gatherRows(slab, kernels, batch.columns[index], column, rows, done, count, row))
      this.#rowCount += count
      done += count
    }
  }

  /** Lists pairs of rows of the other side with those of entries here: see JoinKernels. */
  pairs(entries: number, n: number, rows: number, cursor: number, outOther: number, outOwn: number, max: number): number {
    return this.#context.kernels.joinPairs(entries, n, this.#table.valueOffset, this.#next, rows, cursor, outOther, outOwn, max)
  }

  /**
   * Appends int32 `rows[n]` of those kept to columns, in an order that has rows of a block together, and brings `others[n]`, which belong to them, in that order.
   *
   * @param columns As many of the kept ones as are wanted, from the first on.
   */
  gather(rows: number, others: number, n: number, columns: readonly Column[]): void {
    const { slab, kernels } = this.#context
    const counts = this.#byBlock(rows, others, n)
    let begin = 0
    counts.forEach((count, block) => {
      if (count === 0) return
      columns.forEach((column, index) => gatherRows(slab, kernels, this.#blocks[block][index], column, rows, begin, count, begin))
      begin += count
    })
  }

  /** Orders pairs by the block of their kept row, and has rows count from its beginning. Returns how many each block has. */
  #byBlock(rows: number, others: number, n: number): number[] {
    const { u32 } = this.#context.slab
    const [at, beside] = [rows >>> 2, others >>> 2]
    const counts = this.#blocks.map(() => 0)
    if (counts.length <= 1) return counts.length === 0 ? counts : [n]
    for (let index = 0; index < n; index++) counts[u32[at + index] >>> BLOCK_SHIFT]++
    const places = counts.map(() => 0)
    for (let block = 1; block < places.length; block++) places[block] = places[block - 1] + counts[block - 1]
    const [old, oldBeside] = [u32.slice(at, at + n), u32.slice(beside, beside + n)]
    for (let index = 0; index < n; index++) {
      const place = places[old[index] >>> BLOCK_SHIFT]++
      u32[at + place] = old[index] & (BLOCK_ROWS - 1)
      u32[beside + place] = oldBeside[index]
    }
    return counts
  }

  /** How many rows are kept. */
  get rowCount(): number {
    return this.#rowCount
  }

  /** The rows from `first` on that lie together, JOIN_ROWS_MAX at most: in a batch, from a physical row on. */
  part(first: number): { readonly batch: RecordBatch; readonly begin: number; readonly n: number } {
    const batch = new RecordBatch(this.#context.slab, this.#schema, this.#blocks[first >>> BLOCK_SHIFT])
    const begin = first & (BLOCK_ROWS - 1)
    const n = Math.min(this.#rowCount - first, BLOCK_ROWS - begin, JOIN_ROWS_MAX)
    batch.rowCount = begin + n
    return { batch, begin, n }
  }

  /** Forgets all rows. */
  clear(): void {
    this.#table.clear()
    for (const block of this.#blocks.splice(1)) for (const column of block) column.free()
    for (const column of this.#blocks[0] ?? []) column.clear()
    this.#rowCount = 0
    this.#marks = []
    this.#recordId = 0
  }

  /** Whether it can tell a snapshot what has come since an epoch began. */
  knows(epoch: number): boolean {
    return this.#marks.some((mark) => mark.epoch === epoch)
  }

  /** Writes the rows that have come since the snapshot that is asked for, or all. */
  snapshot(writer: KeyedSnapshotWriter): void {
    describeState(writer, this.#state)
    // Who does not know what there was then writes all.
    this.snapshotIn(writer, NO_NAMESPACE, this.knows(writer.since) && writer.changes(this.#state.name))
  }

  /** Writes rows, each record those of one key group. @param isChange Whether those that have come since the snapshot that is asked for are enough. */
  snapshotIn(writer: KeyedSnapshotWriter, namespace: Uint8Array, isChange: boolean): void {
    const { slab, maxParallelism } = this.#context
    const { name } = this.#state
    const since = (isChange ? this.#marks.find(({ epoch }) => epoch === writer.since)?.rowCount : undefined) ?? 0
    // A savepoint asks for no changes, and the next checkpoint for those since the one before.
    const marks = writer.since > 0 ? this.#marks.filter(({ epoch }) => epoch >= writer.since) : this.#marks
    this.#marks = [...marks.slice(-MARKS_MAX), { epoch: writer.nextEpoch, rowCount: this.#rowCount }]
    const builder = new BatchBuilder(slab, this.#schema, RECORD_ROWS)
    const rows = slab.allocate(RECORD_ROWS * 8)
    const others = rows + RECORD_ROWS * 4
    const byGroup = new Map<number, number[]>()
    const write = (keyGroup: number, list: readonly number[]): void => {
      slab.u32.set(list, rows >>> 2)
      const batch = builder.begin(false, false)
      builder.ensureRows(list.length)
      this.gather(rows, others, list.length, batch.columns)
      builder.finish(list.length)
      writer.keyed(name, keyGroup, namespace, new Uint8Array(new Float64Array([this.#recordId++]).buffer), bytesOfBatch(batch))
    }
    for (let first = since; first < this.#rowCount;) {
      const { batch, begin, n } = this.part(first)
      const { hashes } = this.#keys.encode(batch, 0, begin, n)
      for (let index = 0; index < n; index++) {
        const keyGroup = slab.u32[((hashes + 4) >>> 2) + index * 2] % maxParallelism
        let list = byGroup.get(keyGroup)
        if (list === undefined) byGroup.set(keyGroup, (list = []))
        list.push(first + index)
        if (list.length < RECORD_ROWS) continue
        write(keyGroup, list)
        list.length = 0
      }
      first += n
    }
    for (const [keyGroup, list] of byGroup) if (list.length > 0) write(keyGroup, list)
    slab.free(rows, RECORD_ROWS * 8)
    builder.free()
  }

  restore(reader: SnapshotReader): void {
    const records: StoredRows[] = []
    reader.keyed(this.#state.name, (_keyGroup, _namespace, key, value) => records.push(storedRowsOf(key, value)))
    this.restoreFrom(records)
  }

  restoreFrom(records: readonly StoredRows[]): void {
    const { slab } = this.#context
    const decoder = new BatchDecoder(slab, this.#schema)
    // The rows of a key in the order in which they came.
    for (const { id, bytes } of records.toSorted((one, other) => one.id - other.id)) {
      this.#recordId = Math.max(this.#recordId, id + 1)
      visitStoredBatch(slab, decoder, bytes, (batch) => {
        const n = batch.rowCount
        const rows = slab.allocate(n * 8)
        for (let row = 0; row < n; row++) slab.u32[(rows >>> 2) + row] = row
        this.add(batch, rows, n, this.keysOf(batch, rows, n), rows + n * 4)
        slab.free(rows, n * 8)
      })
    }
    decoder.free()
  }

  free(): void {
    this.#table.free()
    this.#keys.free()
    for (const block of this.#blocks) for (const column of block) column.free()
    if (this.#nextCapacity > 0) this.#context.slab.free(this.#next, this.#nextCapacity * 4)
  }

  #reserveNext(rows: number): void {
    if (rows <= this.#nextCapacity) return
    const { slab } = this.#context
    const capacity = Math.max(rows, this.#nextCapacity * 2, NEXT_ROWS_MIN)
    const next = slab.allocate(capacity * 4)
    if (this.#nextCapacity > 0) {
      slab.copy(next, this.#next, this.#rowCount * 4)
      slab.free(this.#next, this.#nextCapacity * 4)
    }
    this.#next = next
    this.#nextCapacity = capacity
  }
}
