// The values that aggregates of different ones have seen: tables of (key, value) pairs, beside those of accumulators. For countDistinct of windows
// counting happens when a window fires: pairs are dealt to the entries of their keys, in kernels. Runs on the worker's thread.
// Invariant: the key of each pair is in the table of accumulators too.

import { BatchKeys } from '../../batch/batch-keys.ts'
import { Column } from '../../batch/column.ts'
import type { KeySpec } from '../../batch/key-spec.ts'
import type { RecordBatch } from '../../batch/record-batch.ts'
import type { LogicalType, Schema } from '../../batch/types.ts'
import { type KeyBatch, KeyEncoder } from '../../kernels/keys.ts'
import type { KeyForm } from '../../kernels/table-layout.ts'
import { SegmentTable } from '../../state/segment-table.ts'
import { TableRestore } from '../../state/table-restore.ts'
import type { OperatorContext, SnapshotWriter } from '../operator.ts'

const COLUMN_ROWS = 1024
const CANONICAL_KEY: LogicalType = { kind: 'VARBINARY', nullable: false, length: 0 }
const NO_VALUE = new Uint8Array()

/** Serves the aggregates of one operator that are over the different values of one column. */
export class DistinctValues {
  readonly column: number
  readonly #valueBytes: number
  readonly #context: OperatorContext
  readonly #key: KeySpec
  readonly #pairs: BatchKeys
  readonly #groups: KeyEncoder
  /** The parts of pairs, read back: the key's columns, then the value's. */
  readonly #columns: readonly Column[]
  readonly #groupDescriptors: readonly number[]
  /** Address of u32 rows or entries. */
  #list = 0
  #listRows = 0

  /**
   * @param groupForm Form of the keys in the tables of accumulators.
   * @param valueBytes What is known of each pair.
   */
  constructor(context: OperatorContext, schema: Schema, key: KeySpec, groupForm: KeyForm, column: number, valueBytes = 0) {
    const { slab, kernels } = context
    const columns = key.kind === 'encoded' ? [key.column] : key.columns
    this.column = column
    this.#valueBytes = valueBytes
    this.#context = context
    this.#key = key
    this.#pairs = new BatchKeys(slab, kernels, schema, { kind: 'columns', columns: [...columns, column] })
    this.#groups = new KeyEncoder(slab, kernels, groupForm, columns.length)
    this.#columns = [...columns, column].map((part) => Column.allocate(slab, schema.fields[part]?.type ?? CANONICAL_KEY, COLUMN_ROWS))
    this.#groupDescriptors = this.#columns.slice(0, -1).map((column) => column.descriptor)
  }

  /** A table of pairs. Pairs hash anywhere, whatever the key groups of their keys. */
  newTable(expectedEntries: number): SegmentTable {
    const { slab, kernels, maxParallelism, tableSeed } = this.#context
    return new SegmentTable(slab, kernels, { form: this.#pairs.form, valueBytes: this.#valueBytes, maxParallelism, slotSeed: tableSeed, expectedEntries })
  }

  /**
   * Finds the pairs of rows none of whose values is NULL, or makes them.
   *
   * @returns Address of their u32 entries, valid until the next call.
   */
  find(pairs: SegmentTable, batch: RecordBatch, selection: number, begin: number, n: number): number {
    this.#reserve(n)
    pairs.findOrInsert(this.#pairs.encode(batch, selection, begin, n), this.#list)
    return this.#list
  }

  /** Adds the values of rows, as `SegmentTable.findOrInsert` takes them, to a slice's pairs. */
  insert(pairs: SegmentTable, batch: RecordBatch, selection: number, begin: number, n: number): void {
    this.#reserve(n + 1)
    const column = batch.columns[this.column]
    if (column.nullCount === 0) {
      pairs.findOrInsert(this.#pairs.encode(batch, selection, begin, n), this.#list)
      return
    }
    const { slab, kernels } = this.#context
    const rows = slab.allocate((n + 1) * 4)
    const count = kernels.selectNull(column.descriptor, 0, selection, begin, n, rows)
    if (count > 0) pairs.findOrInsert(this.#pairs.encode(batch, rows, 0, count), this.#list)
    slab.free(rows, (n + 1) * 4)
  }

  /** Sets the accumulators of keys, all of whose pairs there are, to the number of their values: of entries u32[n], so far behind the value area. */
  count(pairs: SegmentTable, groups: SegmentTable, accumulator: number, keys: number, keyCount: number): void {
    const { kernels } = this.#context
    const offset = groups.valueOffset + accumulator
    kernels.aggregateReset(keys, keyCount, offset, 8)
    pairs.forEachEntries((entries, n) => kernels.aggregateCount(this.#groupsOf(pairs, entries, n, groups), n, offset))
  }

  /** Writes the pairs of a slice under the key groups of their keys. */
  snapshot(writer: SnapshotWriter, state: string, namespace: Uint8Array, pairs: SegmentTable): void {
    const { slab, maxParallelism } = this.#context
    pairs.forEachEntries((entries, n) => {
      const owners = this.ownersOf(pairs, entries, n)
      for (let index = 0; index < n; index++) {
        const entry = slab.u32[(entries >>> 2) + index]
        const at = entry + pairs.valueOffset
        const value = this.#valueBytes === 0 ? NO_VALUE : slab.u8.subarray(at, at + this.#valueBytes)
        writer.keyed(state, slab.u32[((owners + 4) >>> 2) + index * 2] % maxParallelism, namespace, pairs.keyBytesOf(entry), value)
      }
    })
  }

  /** What puts pairs back that {@link snapshot} has written. */
  restore(pairs: SegmentTable): TableRestore {
    return new TableRestore(this.#context.slab, this.#context.kernels, pairs, this.#valueBytes)
  }

  free(): void {
    this.#pairs.free()
    this.#groups.free()
    for (const column of this.#columns) column.free()
    if (this.#listRows > 0) this.#context.slab.free(this.#list, this.#listRows * 4)
  }

  /** Address of the hashes of the keys of `n` pairs: u64[n], valid until the next call. */
  ownersOf(pairs: SegmentTable, entries: number, n: number): number {
    return this.#keysOf(pairs, entries, n).hashes
  }

  /** The entries of the keys of `n` pairs: u32 entries, valid until the next call. */
  #groupsOf(pairs: SegmentTable, entries: number, n: number, groups: SegmentTable): number {
    this.#reserve(n)
    groups.find(this.#keysOf(pairs, entries, n), this.#list)
    return this.#list
  }

  /** The keys of `n` pairs, valid until the next call. */
  #keysOf(pairs: SegmentTable, entries: number, n: number): KeyBatch {
    for (const column of this.#columns) column.clear()
    pairs.keysToColumns(entries, n, this.#columns, 0)
    return this.#key.kind === 'encoded'
      ? this.#groups.encodeCanonicalColumn(this.#groupDescriptors[0], 0, 0, n)
      : this.#groups.encode(this.#groupDescriptors, 0, 0, n)
  }

  #reserve(rows: number): void {
    if (rows <= this.#listRows) return
    const { slab } = this.#context
    if (this.#listRows > 0) slab.free(this.#list, this.#listRows * 4)
    this.#listRows = Math.max(rows, COLUMN_ROWS)
    this.#list = slab.allocate(this.#listRows * 4)
  }
}
