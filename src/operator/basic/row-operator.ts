// map, filter and flatMap of user functions, any number of them in a row, fused into one generated loop. Runs on the worker's thread.

import { BatchBuilder } from '../../batch/batch-builder.ts'
import { WATERMARK_MIN } from '../../batch/crossings.ts'
import { RecordBatch } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import { userError } from '../function.ts'
import { type Operator, type OperatorContext, type Output, StatelessOperator } from '../operator.ts'
import { compileRowFilter, compileRowLoop, DEV_OPTION, type RowFilter, type RowLoop, type RowStage } from '../row-code.ts'
import { RowPace } from '../row-pace.ts'
import { ViewParts } from './view-parts.ts'

/** Rows of a step at most: user code is slower than kernels. */
const ROWS_PER_STEP = 1024

/** A user function with the name of its operator, for errors. */
export type NamedRowStage = RowStage & { readonly name: string }

/** Runs a chain of user functions over rows. Timestamps, row kinds and crossings pass through. */
export class RowOperator extends StatelessOperator {
  readonly outputSchema: Schema
  readonly #inputSchema: Schema
  readonly #stages: readonly NamedRowStage[]
  #builder!: BatchBuilder
  #loop!: RowLoop
  #pace!: RowPace
  /** The input batch that the target was begun for; null between batches. */
  #bound: RecordBatch | null = null
  #crossing = 0

  constructor(inputSchema: Schema, stages: readonly NamedRowStage[], outputSchema: Schema) {
    super()
    this.#inputSchema = inputSchema
    this.#stages = stages
    this.outputSchema = outputSchema
  }

  override open(context: OperatorContext): void {
    super.open(context)
    this.#builder = new BatchBuilder(context.slab, this.outputSchema, context.batchRowsMax)
    this.#pace = new RowPace(context.clock)
    const isDev = context.option(DEV_OPTION) === 'true'
    this.#loop = compileRowLoop(this.#inputSchema, this.#stages, this.outputSchema, (rows) => this.#builder.ensureRows(rows), isDev)
  }

  override processBatch(batch: RecordBatch, output: Output): boolean {
    if (!output.hasCapacity()) return false
    const loop = this.#loop
    const pace = this.#pace
    pace.begin()
    const { crossings } = batch
    const target = this.#builder.begin(batch.timestamps !== 0, batch.kinds !== 0)
    target.holdsTime = batch.holdsTime
    loop.count = 0
    loop.bind(batch, target)
    if (this.#bound !== batch) {
      this.#bound = batch
      this.#crossing = 0
    }
    const stop = Math.min(batch.end, batch.begin + ROWS_PER_STEP)
    let position = batch.begin
    let lastWatermark = WATERMARK_MIN
    try {
      while (position < stop || this.#crossing < crossings.count) {
        // Crossings in front of the next row hold for it; those behind the last row of this step wait unless the batch ends here.
        let limit = stop
        if (this.#crossing < crossings.count) {
          const at = batch.positionOf(crossings.positions[this.#crossing])
          if (at <= position) {
            lastWatermark = crossings.watermarks[this.#crossing++]!
            target.crossings.add(loop.count, lastWatermark)
            continue
          }
          limit = Math.min(stop, at)
        }
        if (position === stop) break
        const from = position
        const to = Math.min(limit, from + pace.rows)
        position = loop.run(from, to, this.context.batchRowsMax)
        if (position < to) break
        if (pace.isOver(to - from) && position < stop) break
      }
    } catch (error) {
      throw userError(this.#stages[loop.stage].name, this.context.subtaskIndex, error)
    }
    batch.begin = position
    const rows = loop.count
    if (rows > 0) output.emit(this.#builder.finish(rows))
    else if (lastWatermark > WATERMARK_MIN) output.emitWatermark(lastWatermark)
    const done = position === batch.end
    if (done) this.#bound = null
    return done
  }

  override close(): void {
    this.#builder?.free()
  }
}

/** Runs user filters alone: rows are selected, no column is touched. */
export class FilterOperator extends StatelessOperator {
  readonly outputSchema: Schema
  readonly #stages: readonly NamedRowStage[]
  readonly #parts = new ViewParts()
  #filter!: RowFilter
  #pace!: RowPace
  #view!: RecordBatch
  #selection = 0
  #selectionRows = 0

  constructor(schema: Schema, stages: readonly NamedRowStage[]) {
    super()
    this.outputSchema = schema
    this.#stages = stages
  }

  override open(context: OperatorContext): void {
    super.open(context)
    this.#view = new RecordBatch(context.slab, this.outputSchema, [])
    this.#pace = new RowPace(context.clock)
    this.#filter = compileRowFilter(
      this.outputSchema,
      this.#stages.map((stage) => stage.fn as (value: never) => unknown),
      context.option(DEV_OPTION) === 'true',
    )
  }

  override processBatch(batch: RecordBatch, output: Output): boolean {
    if (!output.hasCapacity()) return false
    this.#reserve(batch.end - batch.begin)
    const filter = this.#filter
    const pace = this.#pace
    pace.begin()
    filter.bind(batch)
    const { begin, end } = batch
    let position = begin
    let count = 0
    try {
      while (position < end) {
        const from = position
        position = Math.min(end, from + pace.rows)
        count = filter.run(from, position, this.#selection, count)
        if (pace.isOver(position - from)) break
      }
    } catch (error) {
      throw userError(this.#stages[filter.stage].name, this.context.subtaskIndex, error)
    }
    // Crossings stand at physical rows, which a selection does not move.
    const view = this.#parts.take(batch, position, this.#view)
    if (count === position - begin) output.emit(view)
    else {
      view.selection = this.#selection
      view.selectedCount = count
      view.rewind()
      if (count > 0) output.emit(view)
      else if (view.crossings.count > 0) output.emitWatermark(view.crossings.watermarks[view.crossings.count - 1])
    }
    return position === end
  }

  override close(): void {
    if (this.#selectionRows > 0) this.context.slab.free(this.#selection, this.#selectionRows * 4)
  }

  #reserve(rows: number): void {
    if (rows <= this.#selectionRows) return
    const { slab, batchRowsMax } = this.context
    if (this.#selectionRows > 0) slab.free(this.#selection, this.#selectionRows * 4)
    this.#selectionRows = Math.max(rows, batchRowsMax)
    this.#selection = slab.allocate(this.#selectionRows * 4)
  }
}

/** The operator for a chain of user functions: selects where all are filters, else runs the fused loop. */
export function rowOperator(inputSchema: Schema, stages: readonly NamedRowStage[], outputSchema: Schema): Operator {
  return stages.every((stage) => stage.kind === 'filter') ? new FilterOperator(inputSchema, stages) : new RowOperator(inputSchema, stages, outputSchema)
}
