// What stands for sources and operators that had ended when the checkpoint was taken that a job goes on from: they bring their ends and nothing else.

import { assert } from '../base/assert.ts'
import type { RecordBatch } from '../batch/record-batch.ts'
import type { Schema } from '../batch/types.ts'
import { type Operator, type OperatorContext, type SnapshotReader, StatelessOperator } from '../operator/operator.ts'
import { PollResult, type SourceReader } from '../operator/source.ts'
import type { KeyedSnapshotWriter } from '../state/state.ts'

/** A reader that has read everything. */
export const endedReader: SourceReader = {
  get batch(): RecordBatch {
    throw new Error('a reader that had ended has no batch')
  },
  retryAtMs: Infinity,
  poll: () => PollResult.FINISHED,
  assign() {},
  noMoreSplits() {},
  snapshot() {},
  restore() {},
  close() {},
}

/** An operator that has processed everything. What stands in front of it had ended too, so that no record comes. */
export class EndedOperator extends StatelessOperator {
  readonly hadEnded = true
  readonly outputSchema: Schema

  constructor(outputSchema: Schema) {
    super()
    this.outputSchema = outputSchema
  }

  override processBatch(batch: RecordBatch): boolean {
    assert(batch.begin === batch.end, 'a record for an operator that had ended')
    return true
  }
}

/** A sink that had ended, with something left to commit: it is closed once that is done. */
export class EndedSinkOperator extends EndedOperator {
  #sink: Operator | undefined

  constructor(sink: Operator) {
    super(sink.outputSchema)
    this.#sink = sink
  }

  override open(context: OperatorContext): void {
    super.open(context)
    this.#sink!.open(context)
  }

  override restore(reader: SnapshotReader): void {
    this.#sink!.restore(reader)
    if (!this.hasPendingCommits) this.close()
  }

  get hasPendingCommits(): boolean {
    return this.#sink?.hasPendingCommits === true
  }

  checkCommits(): void {
    this.#sink?.checkCommits?.()
  }

  override nextProcessingTimeMs(): number {
    return this.#sink?.nextProcessingTimeMs() ?? Infinity
  }

  override fireTimers(): boolean {
    this.checkCommits()
    return true
  }

  override snapshot(writer: KeyedSnapshotWriter): void {
    if (this.hasPendingCommits) this.#sink!.snapshot(writer)
  }

  override close(): void {
    this.#sink?.close()
    this.#sink = undefined
  }
}
