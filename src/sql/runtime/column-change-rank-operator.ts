// The first rows of an order, of each partition, of rows that come and go: all of them are kept, in columns and in order (ranked-rows.ts), so that the next
// one is there when one of the first goes. What a step has changed is told once. What expires, and changes that are told one by one, are RankOperator's.

import { BatchBuilder } from '../../batch/batch-builder.ts'
import type { RecordBatch } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import { type OperatorContext, type OperatorDescription, type Output, type SnapshotReader, TimelessOperator } from '../../operator/operator.ts'
import type { KeyedSnapshotWriter } from '../../state/state.ts'
import { RankChanges } from './rank-changes.ts'
import { orderText } from './row-order.ts'
import { RANKED_ROWS, RankedRows, type RankedRowsSpec } from './ranked-rows.ts'

/** Which rows are asked for. Results are the input's columns, and behind them the rank if it is asked for. */
export interface ColumnChangeRankSpec extends RankedRowsSpec {
  readonly outputSchema: Schema
  /** Ranks from one to another, of which 1 is the first. */
  readonly from: number
  readonly to: number
  readonly hasRank: boolean
}

/** Each row of a step may change all ranks of a partition. */
const ROWS_PER_STEP = 4096

export class ColumnChangeRankOperator extends TimelessOperator {
  readonly crossings = 'cut'
  readonly outputSchema: Schema
  readonly #spec: ColumnChangeRankSpec
  #rows!: RankedRows
  #builder!: BatchBuilder
  #changes!: RankChanges
  /** The first rows of the partitions that a step has touched, before it: where those of each begin, and the rows; and those after it, of one. */
  #starts = new Int32Array(ROWS_PER_STEP + 1)
  #before: Uint32Array
  #beforeCount = 0
  #touchedCount = 0
  readonly #after: Uint32Array

  constructor(spec: ColumnChangeRankSpec) {
    super()
    this.#spec = spec
    this.outputSchema = spec.outputSchema
    this.#before = new Uint32Array(spec.to)
    this.#after = new Uint32Array(spec.to)
  }

  describe(): OperatorDescription {
    const { order, schema, from, to, replaces } = this.#spec
    const traits = { order: orderText(order, schema), ranks: `${from} to ${to}`, rows: replaces ? 'replace each other' : 'come and go' }
    return { type: 'rank of changes by columns', traits, states: [{ schema: RANKED_ROWS }], hasTimers: false }
  }

  override open(context: OperatorContext): void {
    super.open(context)
    this.#rows = new RankedRows(context, this.#spec)
    this.#builder = new BatchBuilder(context.slab, this.outputSchema, context.batchRowsMax)
    this.#changes = new RankChanges(context.slab, { ...this.#spec, updatesFirst: false })
  }

  processBatch(batch: RecordBatch, output: Output): boolean {
    while (batch.begin < batch.end) {
      if (!output.hasCapacity()) return false
      const n = Math.min(batch.end - batch.begin, ROWS_PER_STEP)
      this.#step(batch, batch.begin, n, output)
      batch.begin += n
    }
    return true
  }

  snapshot(writer: KeyedSnapshotWriter): void {
    this.#rows.snapshot(writer)
  }

  restore(reader: SnapshotReader): void {
    this.#rows.restore(reader)
  }

  override close(): void {
    this.#rows?.free()
    this.#builder?.free()
  }

  #step(batch: RecordBatch, begin: number, n: number, output: Output): void {
    const rows = this.#rows
    const { to } = this.#spec
    this.#beforeCount = this.#touchedCount = 0
    rows.take(batch, begin, n, this.#noteFirst)
    this.#changes.clear()
    rows.touched.forEach((partition, index) => {
      const start = this.#starts[index]
      const count = this.#starts[index + 1] - start
      this.#changes.add(this.#before, start, count, this.#after, 0, rows.listFirst(partition, to, this.#after, 0))
    })
    if (this.#changes.count > 0) output.emit(this.#changes.write(this.#builder, (list, count, columns) => rows.gather(list, count, columns, 0)))
    rows.endStep()
  }

  readonly #noteFirst = (partition: number): void => {
    const { to } = this.#spec
    if (this.#before.length < this.#beforeCount + to) {
      const before = new Uint32Array((this.#beforeCount + to) * 2)
      before.set(this.#before)
      this.#before = before
    }
    this.#beforeCount += this.#rows.listFirst(partition, to, this.#before, this.#beforeCount)
    this.#starts[++this.#touchedCount] = this.#beforeCount
  }
}
