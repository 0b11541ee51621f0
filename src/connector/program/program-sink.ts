// A named output: records leave the engine as plain values for the program around it. Runs on the worker's thread.

import type { RecordBatch } from '../../batch/record-batch.ts'
import { isObjectSchema, type Schema } from '../../batch/types.ts'
import type { OperatorContext } from '../../operator/operator.ts'
import { compileRowReader, type RowReader } from '../../operator/row-code.ts'
import type { Sink, SinkWriter } from '../../operator/sink.ts'

/** Records the program may be behind before the stream is held back. */
const PENDING_MAX = 65_536

class ProgramWriter implements SinkWriter {
  readonly #output: string
  readonly #context: OperatorContext
  readonly #reader: RowReader
  readonly #rows: boolean

  constructor(output: string, schema: Schema, context: OperatorContext) {
    this.#output = output
    this.#context = context
    this.#reader = compileRowReader(schema)
    this.#rows = !isObjectSchema(schema)
  }

  hasCapacity(): boolean {
    return this.#context.program.pendingCount(this.#output) < PENDING_MAX
  }

  write(batch: RecordBatch): boolean {
    const reader = this.#reader
    const records: unknown[] = []
    reader.bind(batch)
    for (; batch.begin < batch.end; batch.begin++) {
      reader.seek(batch.physicalRow(batch.begin))
      const record = reader.record()
      records.push(this.#rows ? { ...(record as object) } : record)
    }
    this.#context.program.send(this.#output, records)
    return true
  }

  flush(): boolean {
    return true
  }

  finish(): boolean {
    return true
  }

  snapshot(): void {}

  restore(): void {}

  close(): void {}
}

/** A sink that the program around the engine reads under `output`. Delivers at least once. */
export function programSink(output: string): Sink {
  return {
    name: `Output ${output}`,
    needsEventLoop: false,
    parallelismMax: Infinity,
    outputName: output,
    describe: () => `to the program as "${output}"`,
    createWriter: (schema, context) => new ProgramWriter(output, schema, context),
  }
}
