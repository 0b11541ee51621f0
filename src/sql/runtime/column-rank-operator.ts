// The first rows of an order, of each partition, of rows that only come: partitions lie in a table, whose entries refer to the rows that they keep
// (column-groups.ts), and the order is that of the bytes of a sort key. What a batch has changed is told once. Other orders, rows that are taken back, and
// what expires are RankOperator's and DeduplicateOperator's.

import { BatchBuilder } from '../../batch/batch-builder.ts'
import { RecordBatch } from '../../batch/record-batch.ts'
import { physicalKindOf, Schema } from '../../batch/types.ts'
import { PhysicalKind } from '../../kernels/column-layout.ts'
import { KeepOrder, keptRowsBytes } from '../../kernels/keep.ts'
import { type OperatorContext, type OperatorDescription, type Output, type SnapshotReader, TimelessOperator } from '../../operator/operator.ts'
import type { KeyedSnapshotWriter } from '../../state/state.ts'
import { ColumnGroups, type ColumnGroupsSpec, groupStatesOf } from './column-groups.ts'
import { RankChanges } from './rank-changes.ts'
import { type ColumnOrder, orderText } from './row-order.ts'
import { SORT_KEY, SortKeys } from './sort-keys.ts'

/** Which rows are asked for. Results are the input's columns, and behind them the rank if it is asked for. */
export interface ColumnRankSpec {
  readonly schema: Schema
  /** The columns of the partition. */
  readonly key: readonly number[]
  readonly outputSchema: Schema
  readonly order: readonly ColumnOrder[]
  /** Ranks from one to another, of which 1 is the first. */
  readonly from: number
  readonly to: number
  readonly hasRank: boolean
  /** Whether of rows that the order does not tell apart the later one comes first. */
  readonly latestFirst: boolean
}

/** An entry has so many places. */
const RANKS_MAX = 64
/** What a batch changes at least is told together: each of its rows may change all ranks. */
const ROWS_PER_STEP_OF_RANKS = 2048

/** Whether rows can be ranked by columns, as few as are asked for. */
export function isRanked(order: readonly ColumnOrder[], schema: Schema, to: number): boolean {
  // Numbers and times of up to 64 bits.
  return to <= RANKS_MAX && order.every(({ column }) => physicalKindOf(schema.fields[column].type) < PhysicalKind.INT128)
}

export class ColumnRankOperator extends TimelessOperator {
  readonly crossings = 'cut'
  readonly outputSchema: Schema
  readonly #spec: ColumnRankSpec
  readonly #groupsSpec: ColumnGroupsSpec
  #groups!: ColumnGroups
  #builder!: BatchBuilder
  #view!: RecordBatch
  #sortKeys!: SortKeys
  #hasPaused = false
  /** Rows that touched partitions kept before the step, one partition behind the other: where each begins, and the rows. */
  #starts = new Int32Array()
  #kept = new Int32Array()
  #changes!: RankChanges
  /** Rows that a partition keeps after the step. */
  readonly #after: Int32Array

  constructor(spec: ColumnRankSpec) {
    super()
    const { schema, key, to, latestFirst } = spec
    const width = schema.fields.length
    this.#spec = spec
    this.#after = new Int32Array(to)
    this.outputSchema = spec.outputSchema
    this.#groupsSpec = {
      schema: new Schema([...schema.fields, { name: '$order', type: SORT_KEY }]),
      key,
      keepsRows: true,
      plan: {
        rowCountOffset: 8,
        valueBytes: 16 + keptRowsBytes(to),
        aggregates: [
          {
            plan: {
              field: { name: '$rows', type: SORT_KEY },
              kind: 'topN',
              column: width,
              domain: 'kept',
              keep: {
                limit: to,
                order: latestFirst ? KeepOrder.ASCENDING_LATEST : KeepOrder.ASCENDING,
                columns: [...Array.from({ length: width + 1 }).keys()],
                orderedBy: width,
              },
              addedDigits: 0,
              offset: 16,
              flag: 1,
            },
            filter: -1,
            isDistinct: false,
            countOffset: -1,
          },
        ],
      },
    }
  }

  describe(): OperatorDescription {
    const { order, to, latestFirst, schema } = this.#spec
    const traits = { order: [orderText(order, schema), ...(latestFirst ? ['the latest'] : [])].join(', '), rows: `${to}` }
    return { type: 'rank by columns', traits, states: groupStatesOf(this.#groupsSpec), hasTimers: false }
  }

  override open(context: OperatorContext): void {
    const { slab, kernels, batchRowsMax } = context
    super.open(context)
    this.#groups = new ColumnGroups(context, this.#groupsSpec)
    this.#builder = new BatchBuilder(slab, this.outputSchema, batchRowsMax)
    this.#view = new RecordBatch(slab, this.#groupsSpec.schema, [])
    this.#changes = new RankChanges(slab, { ...this.#spec, updatesFirst: true })
    this.#sortKeys = new SortKeys(slab, kernels, this.#spec.order, batchRowsMax)
  }

  /** Whether the last call has ended because reading and writing had taken long enough. */
  get hasPaused(): boolean {
    return this.#hasPaused
  }

  processBatch(batch: RecordBatch, output: Output): boolean {
    const groups = this.#groups
    const rowsMax = this.#spec.to === 1 ? groups.rowsPerStep : Math.min(groups.rowsPerStep, ROWS_PER_STEP_OF_RANKS)
    this.#hasPaused = false
    if (batch.begin === batch.end) return true
    const view = this.#view.viewOf(batch)
    view.columns = [...batch.columns, this.#sortKeys.write(batch)]
    while (batch.begin < batch.end) {
      if (this.#hasPaused || !output.hasCapacity()) return false
      const { begin } = batch
      const n = Math.min(batch.end - begin, rowsMax)
      this.#fold(view, begin, n, output)
      batch.begin = begin + n
      groups.makeRoom()
      this.#hasPaused = groups.isCached && batch.begin < batch.end
    }
    groups.endBatch(batch)
    return true
  }

  snapshot(writer: KeyedSnapshotWriter): void {
    this.#groups.snapshot(writer)
  }

  restore(reader: SnapshotReader): void {
    this.#groups.restore(reader)
  }

  override close(): void {
    this.#groups?.free()
    this.#builder?.free()
    this.#sortKeys?.free()
  }

  #fold(batch: RecordBatch, begin: number, n: number, output: Output): void {
    const groups = this.#groups
    groups.find(batch, begin, n)
    const { touched, count } = groups.touch(n)
    this.#noteKept(touched, count)
    groups.fold(batch, begin, n)
    this.#tell(touched, count)
    if (this.#changes.count > 0) output.emit(this.#changes.write(this.#builder, (rows, of, columns) => groups.gather(rows, of, columns, 0)))
  }

  #noteKept(touched: number, count: number): void {
    const { u32 } = this.context.slab
    if (this.#starts.length <= count) {
      this.#starts = new Int32Array(count + 1)
      this.#kept = new Int32Array(count * this.#spec.to)
    }
    let at = 0
    for (let index = 0; index < count; index++) {
      const places = this.#groups.placesOf(u32[(touched >>> 2) + index])
      this.#starts[index] = at
      for (let place = 1, end = u32[places]; place <= end; place++) this.#kept[at++] = u32[places + place]
    }
    this.#starts[count] = at
  }

  /** Lists the rows that are told. */
  #tell(touched: number, count: number): void {
    const { u32 } = this.context.slab
    this.#changes.clear()
    for (let index = 0; index < count; index++) {
      const places = this.#groups.placesOf(u32[(touched >>> 2) + index])
      const after = u32[places]
      for (let place = 0; place < after; place++) this.#after[place] = u32[places + 1 + place]
      const start = this.#starts[index]
      this.#changes.add(this.#kept, start, this.#starts[index + 1] - start, this.#after, 0, after)
    }
  }
}
