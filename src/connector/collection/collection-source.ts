// Bounded sources in the program itself: arrays of values or rows. Read by one reader, in order.

import { PlanError } from '../../base/errors.ts'
import { BatchBuilder } from '../../batch/batch-builder.ts'
import type { RecordBatch } from '../../batch/record-batch.ts'
import { isObjectSchema, type Schema } from '../../batch/types.ts'
import type { OperatorContext, SnapshotReader, SnapshotWriter } from '../../operator/operator.ts'
import { compileRowWriter, type RowWriter } from '../../operator/row-code.ts'
import { PollResult, type Source, type SourceReader, type SourceSplit, readSplitStates, writeSplitState } from '../../operator/source.ts'

/** Reads an array. Its position is the number of values read. */
class CollectionReader implements SourceReader {
  readonly retryAtMs = Infinity
  readonly #values: readonly unknown[]
  readonly #builder: BatchBuilder
  readonly #writer: RowWriter
  readonly #rowsMax: number
  #position = 0
  #assigned = false
  #exhausted = false
  #split = 0

  constructor(values: readonly unknown[], schema: Schema, context: OperatorContext) {
    this.#values = values
    this.#rowsMax = context.batchRowsMax
    this.#builder = new BatchBuilder(context.slab, schema, context.batchRowsMax)
    this.#writer = compileRowWriter(schema)
  }

  get batch(): RecordBatch {
    return this.#builder.batch
  }

  poll(): PollResult {
    if (!this.#assigned) return this.#exhausted ? PollResult.FINISHED : PollResult.NEEDS_SPLIT
    const rows = Math.min(this.#rowsMax, this.#values.length - this.#position)
    if (rows === 0) {
      this.#assigned = false
      return this.poll()
    }
    const batch = this.#builder.begin(false, false)
    this.#writer.bind(batch)
    for (let row = 0; row < rows; row++) this.#writer.write(row, this.#values[this.#position + row])
    this.#position += rows
    this.#builder.finish(rows)
    batch.split = this.#split
    return PollResult.BATCH
  }

  assign(_split: SourceSplit, index: number): void {
    this.#assigned = true
    this.#split = index
  }

  noMoreSplits(): void {
    this.#exhausted = true
  }

  snapshot(writer: SnapshotWriter): void {
    if (this.#assigned) writeSplitState(writer, this.#split, new Uint8Array(new Float64Array([this.#position]).buffer))
  }

  restore(reader: SnapshotReader): void {
    readSplitStates(reader, (index, state) => {
      this.#split = index
      this.#position = new Float64Array(state.buffer)[0]!
      this.#assigned = true
    })
  }

  close(): void {
    this.#builder.free()
  }
}

/**
 * A source of the given values, in order, read by one subtask.
 *
 * @throws {PlanError} If `values` is not an array.
 */
export function collectionSource<R>(values: readonly R[], schema: Schema<R>): Source<R> {
  if (!Array.isArray(values)) throw new PlanError('INVALID_COLLECTION', 'Cannot make a source: expected an array of values')
  return {
    name: 'Collection',
    schema,
    bounded: true,
    needsEventLoop: false,
    parallelismMax: 1,
    describe: () => `${values.length} ${isObjectSchema(schema) ? 'values' : 'rows'}`,
    enumerate: () => [{ id: 'collection', payload: null }],
    createReader: (context) => new CollectionReader(values, schema, context),
  }
}
