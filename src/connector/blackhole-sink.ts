// A sink that takes records and forgets them: for measuring what comes before it.

import type { RecordBatch } from '../batch/record-batch.ts'
import type { OperatorContext } from '../operator/operator.ts'
import type { Sink, SinkWriter } from '../operator/sink.ts'

class BlackholeWriter implements SinkWriter {
  readonly #counter: { value: number }

  constructor(context: OperatorContext) {
    this.#counter = context.metrics.counter('recordsForgotten')
  }

  write(batch: RecordBatch): boolean {
    this.#counter.value += batch.end - batch.begin
    batch.begin = batch.end
    return true
  }

  hasCapacity(): boolean {
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

/** A sink that counts records (counter `recordsForgotten`) and keeps none. */
export function blackholeSink(): Sink {
  return {
    name: 'Blackhole',
    needsEventLoop: false,
    parallelismMax: Infinity,
    describe: () => 'nothing is kept',
    createWriter: (_schema, context) => new BlackholeWriter(context),
  }
}
