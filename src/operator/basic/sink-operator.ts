// The operator at the end of a chain: hands rows to a sink's writer and flushes it when the input pauses. Runs on the worker's thread.

import type { RecordBatch } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import { type OperatorContext, type Output, type SnapshotReader, type SnapshotWriter, StatelessOperator } from '../operator.ts'
import type { Sink, SinkWriter } from '../sink.ts'

/** How long rows may wait in a writer's buffer, in ms of processing time. */
const FLUSH_INTERVAL_MS = 100

/** Drives one {@link SinkWriter}. */
export class SinkOperator extends StatelessOperator {
  readonly outputSchema: Schema
  readonly #sink: Sink
  #writer!: SinkWriter
  /** When what was written must be flushed; Infinity while nothing waits. */
  #flushAtMs = Infinity

  constructor(sink: Sink, schema: Schema) {
    super()
    this.#sink = sink
    this.outputSchema = schema
  }

  override open(context: OperatorContext): void {
    super.open(context)
    this.#writer = this.#sink.createWriter(this.outputSchema, context)
  }

  override processBatch(batch: RecordBatch, output: Output): boolean {
    if (batch.begin < batch.end) {
      if (this.#flushAtMs === Infinity) this.#flushAtMs = this.context.clock.nowMs() + FLUSH_INTERVAL_MS
      if (!this.#writer.hasCapacity() || !this.#writer.write(batch)) return false
    }
    const { crossings } = batch
    if (crossings.count > 0) output.emitWatermark(crossings.watermarks[crossings.count - 1])
    return true
  }

  override nextProcessingTimeMs(): number {
    return this.#flushAtMs
  }

  override fireTimers(): boolean {
    if (!this.#writer.flush()) return false
    this.#flushAtMs = Infinity
    return true
  }

  override endInput(): boolean {
    return this.#writer.finish()
  }

  override snapshot(writer: SnapshotWriter): void {
    this.#writer.snapshot(writer)
  }

  override restore(reader: SnapshotReader): void {
    this.#writer.restore(reader)
  }

  override close(): void {
    this.#writer?.close()
  }
}
