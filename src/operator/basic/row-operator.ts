// map, filter and flatMap of user functions, any number of them in a row, fused into one generated loop. Runs on the worker's thread.

import { BatchBuilder } from '../../batch/batch-builder.ts'
import { WATERMARK_MIN } from '../../batch/crossings.ts'
import type { RecordBatch } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import { userError } from '../function.ts'
import { type OperatorContext, type Output, StatelessOperator } from '../operator.ts'
import { compileRowLoop, type RowLoop, type RowStage } from '../row-code.ts'

/** Rows between two looks at the clock of the worker's loop: user code is slower than kernels. */
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
    this.#loop = compileRowLoop(this.#inputSchema, this.#stages, this.outputSchema, (rows) => this.#builder.ensureRows(rows))
  }

  override processBatch(batch: RecordBatch, output: Output): boolean {
    if (!output.hasCapacity()) return false
    const loop = this.#loop
    const { crossings } = batch
    const target = this.#builder.begin(batch.timestamps !== 0, batch.kinds !== 0)
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
          const at = batch.positionOf(crossings.positions[this.#crossing]!)
          if (at <= position) {
            lastWatermark = crossings.watermarks[this.#crossing++]!
            target.crossings.add(loop.count, lastWatermark)
            continue
          }
          limit = Math.min(stop, at)
        }
        if (position === stop) break
        position = loop.run(position, limit, this.context.batchRowsMax)
        if (position < limit) break
      }
    } catch (error) {
      throw userError(this.#stages[loop.stage]!.name, this.context.subtaskIndex, error)
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
