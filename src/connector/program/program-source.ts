// A named input: records that the program around the engine pushes. Runs on the worker's thread; one reader.

import { BatchBuilder } from '../../batch/batch-builder.ts'
import type { RecordBatch } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import type { OperatorContext } from '../../operator/operator.ts'
import { compileRowWriter, type RowWriter } from '../../operator/row-code.ts'
import { PollResult, type Source, type SourceReader } from '../../operator/source.ts'

class ProgramReader implements SourceReader {
  readonly retryAtMs = Infinity
  readonly #input: string
  readonly #context: OperatorContext
  readonly #builder: BatchBuilder
  readonly #writer: RowWriter
  /** Pushed records that did not fit the last batch. */
  #rest: readonly unknown[] = []
  #ended = false

  constructor(input: string, schema: Schema, context: OperatorContext) {
    this.#input = input
    this.#context = context
    this.#builder = new BatchBuilder(context.slab, schema, context.batchRowsMax)
    this.#writer = compileRowWriter(schema)
  }

  get batch(): RecordBatch {
    return this.#builder.batch
  }

  poll(): PollResult {
    if (this.#rest.length === 0) {
      if (this.#ended) return PollResult.FINISHED
      const received = this.#context.program.receive(this.#input)
      if (received === undefined) return PollResult.NOTHING
      if (received === 'ended') {
        this.#ended = true
        return PollResult.FINISHED
      }
      this.#rest = received
    }
    const rows = Math.min(this.#rest.length, this.#context.batchRowsMax)
    const batch = this.#builder.begin(false, false)
    this.#writer.bind(batch)
    for (let row = 0; row < rows; row++) this.#writer.write(row, this.#rest[row])
    this.#rest = rows === this.#rest.length ? [] : this.#rest.slice(rows)
    this.#builder.finish(rows)
    return PollResult.BATCH
  }

  assign(): void {}

  noMoreSplits(): void {
    this.#ended = true
  }

  /** Nothing of it: what is left of a list is lost with its job, which the program is told. */
  snapshot(): void {
    this.#context.program.noteSnapshot?.(this.#input, this.#rest.length === 0)
  }

  restore(): void {}

  close(): void {
    this.#builder.free()
  }
}

/** A source of what the program around the engine pushes to `input`; it ends when the program closes the input. */
export function programSource<R>(input: string, schema: Schema<R>): Source<R> {
  return {
    name: `Input ${input}`,
    schema,
    bounded: false,
    needsEventLoop: false,
    parallelismMax: 1,
    inputName: input,
    describe: () => `pushed by the program as "${input}"`,
    enumerate: () => [],
    createReader: (context) => new ProgramReader(input, schema, context),
  }
}
