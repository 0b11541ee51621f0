// Splits the rows of a batch by partition: the keys of all rows are encoded and looked up in kernels, and a text is made once for each partition.
// Runs on the subtask's thread.

import type { Slab } from '../../base/slab.ts'
import { BatchKeys } from '../../batch/batch-keys.ts'
import type { RecordBatch } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import { readValue } from '../../batch/values.ts'
import type { OperatorContext } from '../../operator/operator.ts'
import { SegmentTable } from '../../state/segment-table.ts'
import { printedValue } from '../print-sink.ts'
import { partitionPath } from './partition-path.ts'

/** So many rows are split at once. */
export const SPLIT_ROWS_MAX = 8192
/** With more partitions than this it forgets them all, and learns those that come again. */
const KNOWN_MAX = 65_536

/** Groups rows by the folder that they belong to. Results are valid until the next call. */
export class Partitioner {
  readonly #context: OperatorContext
  readonly #names: readonly string[]
  readonly #defaultName: string
  readonly #columns: readonly number[]
  readonly #schema: Schema
  readonly #keys: BatchKeys
  #table: SegmentTable
  /** By the number that the entry of a key holds, less one. */
  #paths: string[] = []
  /** By the same number: in which split it was seen last, and as which of its groups. */
  #splits: number[] = []
  #groups: number[] = []
  #split = 0
  /** u32 entries[SPLIT_ROWS_MAX], u16 groups of rows[SPLIT_ROWS_MAX], u32 starts[SPLIT_ROWS_MAX + 1], int32 rows[SPLIT_ROWS_MAX]. */
  readonly #entries: number
  readonly #targets: number
  readonly #starts: number
  readonly #rows: number
  /** Numbers of the partitions of the split, by group. */
  readonly #found: number[] = []

  constructor(context: OperatorContext, schema: Schema, columns: readonly string[], defaultName: string) {
    const { slab, kernels } = context
    this.#context = context
    this.#schema = schema
    this.#names = columns
    this.#defaultName = defaultName
    this.#columns = columns.map((column) => schema.requireIndex(column))
    this.#keys = new BatchKeys(slab, kernels, schema, { kind: 'columns', columns: this.#columns })
    this.#table = this.#newTable()
    this.#entries = slab.allocate(SPLIT_ROWS_MAX * 4)
    this.#targets = slab.allocate(SPLIT_ROWS_MAX * 2)
    this.#starts = slab.allocate((SPLIT_ROWS_MAX + 1) * 4)
    this.#rows = slab.allocate(SPLIT_ROWS_MAX * 4)
  }

  /** Groups the `n` rows from logical position `begin` on, at most {@link SPLIT_ROWS_MAX}. Returns how many groups there are. */
  split(batch: RecordBatch, begin: number, n: number): number {
    if (this.#paths.length > KNOWN_MAX) this.#forget()
    const { slab, kernels } = this.#context
    this.#table.findOrInsert(this.#keys.encode(batch, batch.selection, begin, n), this.#entries)
    this.#split++
    this.#found.length = 0
    const { u16, u32 } = slab
    const entries = this.#entries >>> 2
    const targets = this.#targets >>> 1
    let last = 0
    let group = 0
    for (let row = 0; row < n; row++) {
      const entry = u32[entries + row]
      if (entry !== last) {
        last = entry
        group = this.#groupOf(slab, entry, batch, begin + row)
      }
      u16[targets + row] = group
    }
    const count = this.#found.length
    if (count > 1) kernels.scatterRows(this.#targets, n, count, batch.selection, begin, this.#starts, this.#rows)
    return count
  }

  /** The folder of a group. */
  pathOf(group: number): string {
    return this.#paths[this.#found[group]]
  }

  /** Of several groups: address of the int32 physical rows of one, in their order. */
  rowsOf(group: number): number {
    return this.#rows + this.#context.slab.u32[(this.#starts >>> 2) + group] * 4
  }

  /** Of several groups: how many rows one has. */
  countOf(group: number): number {
    const at = (this.#starts >>> 2) + group
    return this.#context.slab.u32[at + 1] - this.#context.slab.u32[at]
  }

  free(): void {
    const { slab } = this.#context
    this.#keys.free()
    this.#table.free()
    slab.free(this.#entries, SPLIT_ROWS_MAX * 4)
    slab.free(this.#targets, SPLIT_ROWS_MAX * 2)
    slab.free(this.#starts, (SPLIT_ROWS_MAX + 1) * 4)
    slab.free(this.#rows, SPLIT_ROWS_MAX * 4)
  }

  #groupOf(slab: Slab, entry: number, batch: RecordBatch, position: number): number {
    const at = (entry + this.#table.valueOffset) >>> 2
    let number = slab.u32[at] - 1
    if (number === -1) {
      number = this.#paths.length
      this.#paths.push(this.#pathOfRow(batch, batch.physicalRow(position)))
      this.#splits.push(0)
      this.#groups.push(0)
      slab.u32[at] = number + 1
    }
    if (this.#splits[number] !== this.#split) {
      this.#splits[number] = this.#split
      this.#groups[number] = this.#found.push(number) - 1
    }
    return this.#groups[number]
  }

  #pathOfRow(batch: RecordBatch, row: number): string {
    const values = this.#columns.map((column) => {
      const value = readValue(batch.columns[column], row)
      return value === null ? undefined : printedValue(value, this.#schema.fields[column].type)
    })
    return partitionPath(this.#names, values, this.#defaultName)
  }

  #newTable(): SegmentTable {
    const { slab, kernels, maxParallelism, tableSeed } = this.#context
    return new SegmentTable(slab, kernels, { form: this.#keys.form, valueBytes: 4, maxParallelism, slotSeed: tableSeed })
  }

  #forget(): void {
    this.#table.free()
    this.#table = this.#newTable()
    this.#paths = []
    this.#splits = []
    this.#groups = []
  }
}
