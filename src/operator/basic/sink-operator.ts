// The operator at the end of a chain: hands rows to a sink's writer, flushes it when the input pauses, and has it commit when a checkpoint is
// complete, or sends what is to be committed to the sink's committer. Runs on the worker's thread.

import { failPoint } from '../../base/fail-points.ts'
import { batchFromObjects, freeBatch } from '../../batch/batch-rows.ts'
import type { RecordBatch } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import { UNION_STATE_PREFIX } from '../../state/state.ts'
import { type OperatorContext, type Output, type SnapshotReader, type SnapshotWriter, StatelessOperator } from '../operator.ts'
import { COMMITTABLE_SCHEMA, isCommitting, type Sink, type SinkWriter } from '../sink.ts'

/** How long rows may wait in a writer's buffer, in ms of processing time. */
const FLUSH_INTERVAL_MS = 100
/** So many committables at most go to a committer at once. */
const SENT_ROWS_MAX = 512

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

/** The checkpoint of what a restored one holds as prepared: it is complete. */
const RESTORED = -1
/** So many complete checkpoints whose commits take their time hold the input back: what waits is in every checkpoint, so it must not pile up. */
const WAITING_MAX = 2

/** What was prepared for one checkpoint. */
interface Prepared {
  readonly checkpointId: number
  readonly committables: readonly Uint8Array[]
  /** How many of them are committed. */
  committed: number
}

/** Drives one {@link SinkWriter}. */
export class SinkOperator extends StatelessOperator {
  readonly outputSchema: Schema
  readonly #sink: Sink
  readonly #inputSchema: Schema
  #writer!: SinkWriter
  /** When what was written must be flushed; Infinity while nothing waits. */
  #flushAtMs = Infinity
  /** In the order of the checkpoints that they wait for. */
  #pending: Prepared[] = []
  #lastCheckpointId = 0
  /** Prepared, and on its way to the committer; undefined between two barriers. */
  #unsent: Uint8Array[] | undefined
  /** Sent last: whoever reads it may still do so. */
  #sent: RecordBatch | undefined
  /** The greatest checkpoint that is complete. */
  #completeId = RESTORED
  /** Whether a commit is under way on the event loop. */
  #isCommitting = false
  /** Whether the writer has finished, and whether what it has prepared then has left too. */
  #isWritten = false
  #hasFinished = false
  #isClosed = false
  /** What a commit failed with. */
  #failure: { readonly error: unknown } | undefined

  /** @param schema Of the rows that it writes. */
  constructor(sink: Sink, schema: Schema) {
    super()
    this.#sink = sink
    this.outputSchema = sink.committer === undefined ? schema : COMMITTABLE_SCHEMA
    this.#inputSchema = schema
  }

  override open(context: OperatorContext): void {
    super.open(context)
    this.#writer = this.#sink.createWriter(this.#inputSchema, context)
  }

  override processBatch(batch: RecordBatch, output: Output): boolean {
    if (batch.begin < batch.end) {
      this.checkCommits()
      if (this.#isBehind()) return false
      if (this.#flushAtMs === Infinity) this.#flushAtMs = this.context.clock.nowMs() + FLUSH_INTERVAL_MS
      if (!this.#writer.hasCapacity() || !this.#writer.write(batch)) {
        this.#commitFlushed()
        return false
      }
    }
    const { crossings } = batch
    if (crossings.count === 0) return true
    if (!output.hasCapacity()) return false
    const watermarkMs = crossings.watermarks[crossings.count - 1]
    this.#writer.writeWatermark?.(watermarkMs)
    output.emitWatermark(watermarkMs)
    return true
  }

  override advance(watermarkMs: number): boolean {
    this.#writer.writeWatermark?.(watermarkMs)
    return true
  }

  override nextProcessingTimeMs(): number {
    return this.#failure === undefined ? Math.min(this.#flushAtMs, this.#writer.nextProcessingTimeMs?.() ?? Infinity) : -Infinity
  }

  override fireTimers(): boolean {
    this.checkCommits()
    if (!this.#writer.flush()) return false
    // While the last flush is being committed, what is written meanwhile waits for the next.
    this.#flushAtMs = this.#commitFlushed() ? Infinity : this.context.clock.nowMs() + FLUSH_INTERVAL_MS
    this.#writer.onProcessingTime?.(this.context.clock.nowMs())
    return true
  }

  override endInput(output: Output): boolean {
    this.checkCommits()
    if (!this.#hasFinished) {
      if (!this.#isWritten && !this.#writer.finish()) return false
      this.#isWritten = true
      // No further barrier comes: any checkpoint that is complete after those whose barriers came covers the end.
      if (!this.prepareCommit(this.#lastCheckpointId + 1, output)) return false
      this.#hasFinished = true
      if (!this.context.isCheckpointed) this.notifyCheckpointComplete(Infinity)
    }
    return this.context.isCheckpointed || !this.hasPendingCommits
  }

  /** Rows in front of `begin` are the writer's. */
  leaveBatch(): boolean {
    return true
  }

  /** What went into a pipe or to a program in front of the barrier does not come again: it must have left. */
  prepareSnapshotPreBarrier(): boolean {
    if (!this.#writer.flush()) return false
    this.#flushAtMs = Infinity
    return true
  }

  prepareCommit(checkpointId: number, output: Output): boolean {
    if (!isCommitting(this.#writer)) return true
    if (this.#sink.committer !== undefined) {
      this.#unsent ??= [...this.#writer.prepareCommit()]
      if (!this.#send(this.#unsent, output)) return false
      this.#unsent = undefined
    } else {
      const committables = this.#writer.prepareCommit()
      if (committables.length > 0) this.#pending.push({ checkpointId, committables, committed: 0 })
    }
    this.#lastCheckpointId = checkpointId
    return true
  }

  /** Sends to the committer what it is to commit. Returns false if the output refuses. */
  #send(unsent: Uint8Array[], output: Output): boolean {
    while (unsent.length > 0) {
      if (!output.hasCapacity()) return false
      this.#freeSent()
      const rows = unsent.splice(0, SENT_ROWS_MAX)
      this.#sent = batchFromObjects(
        this.context.slab,
        COMMITTABLE_SCHEMA,
        rows.map((committable) => ({ row: { committable } })),
      )
      output.emit(this.#sent)
      failPoint('sink.committables-sent')
    }
    return true
  }

  #freeSent(): void {
    if (this.#sent !== undefined) freeBatch(this.#sent)
    this.#sent = undefined
  }

  notifyCheckpointComplete(checkpointId: number): void {
    this.#completeId = Math.max(this.#completeId, checkpointId)
    this.#commitComplete()
  }

  get hasPendingCommits(): boolean {
    return this.#pending.length > 0
  }

  get isCommitting(): boolean {
    return this.#pending.length > 0 && this.#pending[0].checkpointId <= this.#completeId
  }

  /** @throws what a commit failed with. */
  checkCommits(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }

  override snapshot(writer: SnapshotWriter): void {
    this.#writer.snapshot(writer)
    for (const { committables, committed } of this.#pending) for (const committable of committables.slice(committed)) writer.element(COMMITTABLES, committable)
  }

  override restore(reader: SnapshotReader): void {
    this.#writer.restore(reader)
    // The checkpoint is complete, so they may be seen; whether they were already nobody knows.
    if (!isCommitting(this.#writer)) return
    const restored: Uint8Array[] = []
    const seen = new Set<string>()
    // Several writers may have been at the same commits when the checkpoint was taken.
    reader.elements(COMMITTABLES, (committable) => {
      const text = Buffer.from(committable).toString('latin1')
      if (!seen.has(text)) restored.push(committable.slice())
      seen.add(text)
    })
    if (restored.length > 0) this.#pending.push({ checkpointId: RESTORED, committables: restored, committed: 0 })
    this.#commitComplete()
  }

  override close(): void {
    this.#isClosed = true
    this.#freeSent()
    this.#writer?.close()
  }

  /** Without checkpoints: commits what was flushed. Returns false if the last flush is still being committed. */
  #commitFlushed(): boolean {
    if (this.context.isCheckpointed || !isCommitting(this.#writer) || this.#writer.commitsOnFlush !== true) return true
    if (this.hasPendingCommits) return false
    // A sink with a committer does not commit itself.
    if (this.#sink.committer !== undefined) return true
    const committables = this.#writer.prepareCommit()
    this.#lastCheckpointId++
    if (committables.length > 0) this.#pending.push({ checkpointId: this.#lastCheckpointId, committables, committed: 0 })
    this.notifyCheckpointComplete(this.#lastCheckpointId)
    return true
  }

  #isBehind(): boolean {
    return this.#pending.length >= WAITING_MAX && this.#pending[WAITING_MAX - 1].checkpointId <= this.#completeId
  }

  /** Commits what may be seen, in order, until nothing is left or a commit takes its time. */
  #commitComplete(): void {
    const writer = this.#writer
    if (!isCommitting(writer) || this.#isCommitting) return
    for (let first = this.#pending[0]; first !== undefined && first.checkpointId <= this.#completeId; first = this.#pending[0]) {
      const isRestored = first.checkpointId === RESTORED
      while (first.committed < first.committables.length) {
        if (first.committed === 0) {
          if (isRestored) failPoint('restore.sink-before-commit')
          else failPoint('sink.before-commit')
        }
        const commit = writer.commit(first.committables[first.committed])
        if (commit !== undefined) {
          this.#isCommitting = true
          void this.#await(commit, first)
          return
        }
        first.committed++
      }
      writer.endCommits?.()
      this.#pending.shift()
      if (isRestored) failPoint('restore.sink-committed')
      else failPoint('sink.committed')
    }
  }

  /** Goes on behind a commit, on the event loop between two steps; the next step hears what went wrong. */
  async #await(commit: Promise<void>, prepared: Prepared): Promise<void> {
    try {
      await commit
      this.#isCommitting = false
      if (this.#isClosed) return
      prepared.committed++
      this.#commitComplete()
    } catch (error) {
      this.#failure = { error }
    }
    if (!this.#isClosed) this.context.wake()
  }
}
