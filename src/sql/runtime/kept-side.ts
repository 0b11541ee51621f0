// The rows of one side of a join, by key: records (state/record-store.ts), none of which goes before all do. Owned by one operator, on its thread.

import { keyGroupRangeOf } from '../../base/key-groups.ts'
import { BatchBuilder } from '../../batch/batch-builder.ts'
import { BatchDecoder } from '../../batch/batch-codec.ts'
import { BatchKeys } from '../../batch/batch-keys.ts'
import type { Column } from '../../batch/column.ts'
import type { RecordBatch } from '../../batch/record-batch.ts'
import { bytesOfBatch, visitStoredBatch } from '../../batch/stored-batch.ts'
import type { Schema } from '../../batch/types.ts'
import { RECORD_LIST_BYTES } from '../../kernels/join.ts'
import type { KeyBatch } from '../../kernels/keys.ts'
import type { KeyForm } from '../../kernels/table-layout.ts'
import type { OperatorContext, SnapshotReader } from '../../operator/operator.ts'
import { FIRST_RECORD, RecordStore, type StorePosition } from '../../state/record-store.ts'
import { SegmentTable } from '../../state/segment-table.ts'
import type { KeyedSnapshotWriter } from '../../state/state.ts'
import { describeState, type StateSchema } from '../../state/state-schema.ts'

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
  readonly #rows: RecordStore
  /** Where rows that came later begin, by epoch, as far as a snapshot may be asked for what has come since. */
  #marks: { readonly epoch: number; readonly position: StorePosition }[] = []
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
      valueBytes: RECORD_LIST_BYTES,
      maxParallelism,
      firstGroup: start,
      lastGroup: end,
      slotSeed: tableSeed,
    })
    this.#rows = new RecordStore(
      slab,
      kernels,
      schema.fields.map(({ type }) => type),
    )
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

  /** Keeps int32 `rows[n]` of a batch. @param scratch Two of u32[n]. */
  add(batch: RecordBatch, rows: number, n: number, keys: KeyBatch, scratch: number): void {
    const refs = scratch + n * 4
    this.#table.findOrInsert(keys, scratch)
    this.#rows.add(batch.columns, rows, 0, n, refs)
    this.#context.kernels.joinAppend(scratch, n, this.#table.valueOffset, refs)
  }

  /** Lists pairs of rows of the other side with those of entries here: see JoinKernels. */
  pairs(entries: number, n: number, rows: number, cursor: number, outOther: number, outOwn: number, max: number): number {
    return this.#context.kernels.joinPairs(entries, n, this.#table.valueOffset, rows, cursor, outOther, outOwn, max)
  }

  /**
   * Appends kept rows, u32 `refs[n]` as {@link pairs} lists them, to columns.
   *
   * @param columns As many of the kept ones as are wanted, from the first on; undefined for those that are not.
   */
  read(refs: number, n: number, columns: readonly (Column | undefined)[], row: number): void {
    this.#rows.read(refs, n, columns, row)
  }

  /** Whether no rows are kept. */
  get isEmpty(): boolean {
    return this.#rows.usedBytes === 0
  }

  /**
   * Has a builder make a batch of rows behind a position, in the order in which they came, JOIN_ROWS_MAX at most.
   *
   * @returns The batch, without rows at the end, and the place behind its rows.
   */
  part(since: StorePosition, builder: BatchBuilder): { readonly batch: RecordBatch; readonly behind: StorePosition } {
    const { slab } = this.#context
    const refs = slab.allocate(JOIN_ROWS_MAX * 4)
    const { n, behind } = this.#rows.list(since, refs, JOIN_ROWS_MAX)
    const batch = this.#build(builder, refs, n)
    slab.free(refs, JOIN_ROWS_MAX * 4)
    return { batch, behind }
  }

  #build(builder: BatchBuilder, refs: number, n: number): RecordBatch {
    const { columns } = builder.begin(false, false)
    builder.ensureRows(n)
    this.read(refs, n, columns, 0)
    return builder.finish(n)
  }

  /** Forgets all rows. */
  clear(): void {
    this.#table.clear()
    this.#rows.clear()
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
    const mark = isChange ? this.#marks.find(({ epoch }) => epoch === writer.since) : undefined
    // A savepoint asks for no changes, and the next checkpoint for those since the one before.
    const marks = writer.since > 0 ? this.#marks.filter(({ epoch }) => epoch >= writer.since) : this.#marks
    this.#marks = [...marks.slice(-MARKS_MAX), { epoch: writer.nextEpoch, position: this.#rows.position }]
    const builder = new BatchBuilder(slab, this.#schema, RECORD_ROWS)
    const refs = slab.allocate(RECORD_ROWS * 8)
    const ofGroup = refs + RECORD_ROWS * 4
    const byGroup = new Map<number, number[]>()
    const write = (keyGroup: number, list: readonly number[]): void => {
      slab.u32.set(list, ofGroup >>> 2)
      const bytes = bytesOfBatch(this.#build(builder, ofGroup, list.length))
      writer.keyed(name, keyGroup, namespace, new Uint8Array(new Float64Array([this.#recordId++]).buffer), bytes)
    }
    for (let since = mark?.position ?? FIRST_RECORD; ;) {
      const { n, behind } = this.#rows.list(since, refs, RECORD_ROWS)
      if (n === 0) break
      const { hashes } = this.#keys.encode(this.#build(builder, refs, n), 0, 0, n)
      const groups = Array.from({ length: n }, (_, index) => slab.u32[((hashes + 4) >>> 2) + index * 2] % maxParallelism)
      groups.forEach((keyGroup, index) => {
        let list = byGroup.get(keyGroup)
        if (list === undefined) byGroup.set(keyGroup, (list = []))
        list.push(slab.u32[(refs >>> 2) + index])
        if (list.length < RECORD_ROWS) return
        write(keyGroup, list)
        list.length = 0
      })
      since = behind
    }
    for (const [keyGroup, list] of byGroup) if (list.length > 0) write(keyGroup, list)
    slab.free(refs, RECORD_ROWS * 8)
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
        const rows = slab.allocate(n * 12)
        for (let row = 0; row < n; row++) slab.u32[(rows >>> 2) + row] = row
        this.add(batch, rows, n, this.keysOf(batch, rows, n), rows + n * 4)
        slab.free(rows, n * 12)
      })
    }
    decoder.free()
  }

  free(): void {
    this.#table.free()
    this.#keys.free()
    this.#rows.close()
  }
}
