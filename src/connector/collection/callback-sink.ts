// Sinks in the program itself: a function called with every record. On the calling thread, or on each worker with its own copy of the program.

import type { RecordBatch } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import { refusePromise, userError } from '../../operator/function.ts'
import type { OperatorContext } from '../../operator/operator.ts'
import { compileRowReader, DEV_OPTION, type RowReader } from '../../operator/row-code.ts'
import { RowPace } from '../../operator/row-pace.ts'
import type { Sink, SinkWriter } from '../../operator/sink.ts'

class CallbackWriter implements SinkWriter {
  readonly #callback: (record: unknown) => unknown
  readonly #reader: RowReader
  readonly #context: OperatorContext
  readonly #pace: RowPace

  constructor(callback: (record: unknown) => unknown, schema: Schema, context: OperatorContext) {
    this.#callback = callback
    this.#reader = compileRowReader(schema, context.option(DEV_OPTION) === 'true')
    this.#context = context
    this.#pace = new RowPace(context.clock)
  }

  hasCapacity(): boolean {
    return true
  }

  write(batch: RecordBatch): boolean {
    const reader = this.#reader
    const pace = this.#pace
    pace.begin()
    reader.bind(batch)
    try {
      while (batch.begin < batch.end) {
        reader.seek(batch.physicalRow(batch.begin++))
        refusePromise(this.#callback(reader.record()))
        if (pace.tick()) break
      }
      reader.release()
    } catch (error) {
      throw userError(this.#context.operatorName, this.#context.subtaskIndex, error)
    }
    return batch.begin === batch.end
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

/**
 * A sink that calls `callback` with every record, on the thread of the subtask. The record is valid until the callback returns; keep
 * `record.toObject()`.
 */
export function callbackSink<R>(callback: (record: R) => void): Sink {
  return {
    name: 'Callback',
    needsEventLoop: false,
    parallelismMax: Infinity,
    describe: () => 'a function',
    createWriter: (schema, context) => new CallbackWriter(callback as (record: unknown) => unknown, schema, context),
  }
}
