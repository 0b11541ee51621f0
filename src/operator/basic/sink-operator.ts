// The operator at the end of a chain: hands rows to a sink's writer, flushes it when the input pauses, and has it commit when a checkpoint is
// complete. Runs on the worker's thread.

import { failPoint } from '../../base/fail-points.ts'
import type { RecordBatch } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import { UNION_STATE_PREFIX } from '../../state/state.ts'
import { type OperatorContext, type Output, type SnapshotReader, type SnapshotWriter, StatelessOperator } from '../operator.ts'
import { isCommitting, type Sink, type SinkWriter } from '../sink.ts'

/** How long rows may wait in a writer's buffer, in ms of processing time. */
const FLUSH_INTERVAL_MS = 100

/**
 * What is prepared and not committed, a piece an element. After a restore every writer commits all of it, which is as good as once: so that what a
 * writer finds afterwards (files of other writers, say) is either committed or nobody's.
 */
const COMMITTABLES = `${UNION_STATE_PREFIX}committables`

/** Whether something was waiting to be committed when the sink wrote its state. */
export function holdsCommittables(reader: SnapshotReader): boolean {
  let holds = false
  reader.elements(COMMITTABLES, () => (holds = true))
  return holds
}

/** Drives one {@link SinkWriter}. */
export class SinkOperator extends StatelessOperator {
  readonly outputSchema: Schema
  readonly #sink: Sink
  #writer!: SinkWriter
  /** When what was written must be flushed; Infinity while nothing waits. */
  #flushAtMs = Infinity
  /** Prepared, in the order of the checkpoints that they wait for. */
  #pending: { readonly checkpointId: number; readonly committables: readonly Uint8Array[] }[] = []
  #lastCheckpointId = 0

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
    if (!this.#writer.finish()) return false
    // No further barrier comes: any checkpoint that is complete after those whose barriers came covers the end.
    this.prepareCommit(this.#lastCheckpointId + 1)
    if (!this.context.isCheckpointed) this.notifyCheckpointComplete(Infinity)
    return true
  }

  prepareCommit(checkpointId: number): void {
    this.#lastCheckpointId = checkpointId
    if (!isCommitting(this.#writer)) return
    const committables = this.#writer.prepareCommit()
    if (committables.length > 0) this.#pending.push({ checkpointId, committables })
  }

  notifyCheckpointComplete(checkpointId: number): void {
    if (!isCommitting(this.#writer)) return
    for (let first = this.#pending[0]; first !== undefined && first.checkpointId <= checkpointId; first = this.#pending[0]) {
      failPoint('sink.before-commit')
      for (const committable of first.committables) this.#writer.commit(committable)
      this.#pending.shift()
      failPoint('sink.committed')
    }
  }

  get hasPendingCommits(): boolean {
    return this.#pending.length > 0
  }

  override snapshot(writer: SnapshotWriter): void {
    this.#writer.snapshot(writer)
    for (const { committables } of this.#pending) for (const committable of committables) writer.element(COMMITTABLES, committable)
  }

  override restore(reader: SnapshotReader): void {
    this.#writer.restore(reader)
    // The checkpoint is complete, so they may be seen; whether they were already nobody knows.
    const writer = this.#writer
    if (!isCommitting(writer)) return
    reader.elements(COMMITTABLES, (committable) => {
      failPoint('restore.sink-before-commit')
      writer.commit(committable)
      failPoint('restore.sink-committed')
    })
  }

  override close(): void {
    this.#writer?.close()
  }
}
