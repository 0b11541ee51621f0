// Operators without state that make any number of changes of each: projections and filters, windows of rows, grouping sets, elements of collections,
// changes of Debezium's records. Watermarks pass through.

import { WATERMARK_MIN } from '../../batch/crossings.ts'
import type { RecordBatch, RowKind } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import { userError } from '../../operator/function.ts'
import { type OperatorContext, type OperatorMetrics, type Output, StatelessOperator } from '../../operator/operator.ts'
import type { EvaluationContext } from '../functions/scalar-function.ts'
import type { Value } from '../value.ts'
import { ChangeCollector } from './change-collector.ts'
import { readRow } from './row-codec.ts'
import type { SessionContext } from './sql-operator.ts'

/** Rows of a step at most. */
const ROWS_PER_STEP = 1024

/** Takes a change that was made. */
export type Emit = (kind: RowKind, row: readonly Value[]) => void

/** Makes changes of a change. */
export type RowMap = (kind: RowKind, row: readonly Value[], emit: Emit) => void

/** Makes what is called for each row, once for each subtask. */
export type RowMapFactory = (context: EvaluationContext, metrics: OperatorMetrics) => RowMap

export class RowMapOperator extends StatelessOperator {
  readonly outputSchema: Schema
  readonly #create: RowMapFactory
  readonly #session: SessionContext
  #collector!: ChangeCollector
  #map!: RowMap
  #emit!: Emit
  #bound: RecordBatch | null = null
  #crossing = 0
  #watermarkMs = WATERMARK_MIN

  constructor(create: RowMapFactory, outputSchema: Schema, session: SessionContext) {
    super()
    this.outputSchema = outputSchema
    this.#create = create
    this.#session = session
  }

  override open(context: OperatorContext): void {
    super.open(context)
    const collector = (this.#collector = new ChangeCollector(context, this.outputSchema))
    this.#emit = (kind, row) => collector.change(kind, row)
    this.#map = this.#create({ ...this.#session, nowMs: () => context.clock.nowMs(), watermarkMs: () => this.#watermarkMs }, context.metrics)
  }

  override processBatch(batch: RecordBatch, output: Output): boolean {
    const collector = this.#collector
    if (!collector.flush(output)) return false
    if (this.#bound !== batch) {
      this.#bound = batch
      this.#crossing = 0
    } else if (batch.begin === batch.end && this.#crossing === batch.crossings.count) return this.#finish()
    if (!output.hasCapacity()) return false
    collector.begin(output)
    try {
      this.#walk(batch)
    } catch (error) {
      throw userError(this.context.operatorName, this.context.subtaskIndex, error)
    }
    if (!collector.flush(output)) return false
    return batch.begin === batch.end && this.#crossing === batch.crossings.count && this.#finish()
  }

  override advance(watermarkMs: number, output: Output): boolean {
    this.#watermarkMs = Math.max(this.#watermarkMs, watermarkMs)
    return this.#collector.flush(output)
  }

  override close(): void {
    this.#collector?.free()
  }

  #finish(): true {
    this.#bound = null
    return true
  }

  #walk(batch: RecordBatch): void {
    const { crossings } = batch
    const collector = this.#collector
    const stop = Math.min(batch.end, batch.begin + ROWS_PER_STEP)
    for (;;) {
      while (this.#crossing < crossings.count) {
        const at = batch.positionOf(crossings.positions[this.#crossing])
        if (at > batch.begin && batch.begin !== batch.end) break
        this.#watermarkMs = Math.max(this.#watermarkMs, crossings.watermarks[this.#crossing])
        collector.watermark(crossings.watermarks[this.#crossing++])
      }
      if (batch.begin === stop || collector.isFull) return
      const physical = batch.physicalRow(batch.begin++)
      this.#map(batch.kindOf(physical), readRow(batch, physical), this.#emit)
    }
  }
}
