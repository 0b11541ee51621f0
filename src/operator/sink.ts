// The sink contract: the end of a chain, and what sinks that commit with the checkpoints add to it.

import { ConnectorError } from '../base/errors.ts'
import { type RecordBatch, RowKind } from '../batch/record-batch.ts'
import { defineSchema, type Schema, t } from '../batch/types.ts'
import type { OperatorContext, SnapshotReader, SnapshotWriter } from './operator.ts'

/** Writes one subtask's records, on the worker's thread. */
export interface SinkWriter {
  /**
   * Writes the rows `batch.begin..batch.end`, moving `begin`. Returns false if it cannot take more now; it is then called again with the rows that are
   * left, perhaps in another batch. {@link snapshot} may come in between: rows in front of `begin` are the writer's, the others are not.
   */
  write(batch: RecordBatch): boolean
  /** Whether more can be taken now: false while an edge (stream, socket) is full. */
  hasCapacity(): boolean
  /** Pushes what is buffered out: called when the input pauses and at least each flush interval. Returns false to be called again. */
  flush(): boolean
  /** Event time has reached `watermarkMs` for whatever has been written. */
  writeWatermark?(watermarkMs: number): void
  /** When {@link onProcessingTime} is to be called next: epoch ms; Infinity if never. */
  nextProcessingTimeMs?(): number
  /** Processing time has come to {@link nextProcessingTimeMs}: do what is due at `nowMs`, and say a later instant from then on. */
  onProcessingTime?(nowMs: number): void
  /** The input ended: complete the output (rename files, end streams). Returns false to be called again. */
  finish(): boolean
  snapshot(writer: SnapshotWriter): void
  restore(reader: SnapshotReader): void
  /** Releases resources; after a failure without {@link finish}. Rows written so far count as written. */
  close(): void
}

/**
 * A writer whose output is seen only once a checkpoint that covers it is complete: in two phases. What is prepared and not committed is part of the
 * checkpoint, so that a restore commits it; what was written behind the checkpoint comes again and must not be seen twice.
 *
 * Calls come in this order: rows, {@link prepareCommit}, {@link SinkWriter.snapshot}, then {@link commit} once the checkpoint is complete, while
 * further rows come; behind {@link SinkWriter.finish} once more. In a job without checkpoints both follow `finish` at once.
 *
 * Commits come one after the other, in the order in which they were prepared, those of a restored checkpoint first: the next one when the promise of the
 * last is settled. A rejection fails the job, and its next start commits again. While two checkpoints wait, no more rows come.
 */
export interface CommittingSinkWriter extends SinkWriter {
  /** Makes what is complete durable. Returns what {@link commit} needs, piece by piece: plain bytes, for another writer in another process too. */
  prepareCommit(): readonly Uint8Array[]
  /**
   * Shows what was prepared to everybody, durably. After a restore each writer is called for all that any writer had prepared, whether it was committed
   * or not: what was is left alone, by writers on other threads at the same time too.
   *
   * @returns A promise if it takes the event loop: the sink then has {@link Sink.needsEventLoop}. {@link SinkWriter.close} may come before it is settled.
   */
  commit(committable: Uint8Array): void | Promise<void>
  /** All pieces of a checkpoint are committed: what they have in common is made durable, once for all of them. */
  endCommits?(): void
  /**
   * Whether a job without checkpoints commits with each flush, and whenever the writer has no capacity, instead of once at its end: for output that
   * others see while the job runs.
   */
  readonly commitsOnFlush?: boolean
}

/**
 * For sinks that take inserted records only.
 *
 * @param purpose What cannot be done, and why: `to a file: a file of lines holds inserted records only`.
 * @throws {ConnectorError} `CHANGELOG_NOT_SUPPORTED` if a pending row is an update or a deletion.
 */
export function refuseChanges(batch: RecordBatch, purpose: string, hint?: string): void {
  if (batch.kinds === 0) return
  for (let position = batch.begin; position < batch.end; position++)
    if (batch.kindOf(batch.physicalRow(position)) !== RowKind.INSERT)
      throw new ConnectorError('CHANGELOG_NOT_SUPPORTED', `Cannot write an update or a deletion ${purpose}`, hint === undefined ? {} : { hint })
}

/** Whether a writer commits in two phases. */
export function isCommitting(writer: SinkWriter): writer is CommittingSinkWriter {
  return 'prepareCommit' in writer
}

/** What writers send to the committer of a sink that has one. */
export const COMMITTABLE_SCHEMA = defineSchema({ committable: t.bytes() })

/** A sink: made on every thread from the same program. */
export interface Sink {
  readonly name: string
  /** Whether its writer needs the event loop. */
  readonly needsEventLoop: boolean
  /** At most this many writers make sense; Infinity by default. */
  readonly parallelismMax: number
  /** The name under which the program around the engine reads what is written here; undefined for every other sink. */
  readonly outputName?: string
  /**
   * What commits for all writers together, if something can only be decided over all of them: a sink of {@link COMMITTABLE_SCHEMA} with one writer, in a
   * stage of its own behind this one. It gets what its writers have prepared in front of the barrier, and the least of their watermarks, so that at a
   * checkpoint it knows of all of them up to there. Undefined: each writer commits what it has prepared.
   */
  readonly committer?: Sink
  /** The folder in which its writers make files, which sinks of one job may have in common. */
  readonly folder?: string | undefined
  /** Whether they have: the planner says so before writers are made. @default false */
  isShared?: boolean
  describe(): string
  createWriter(schema: Schema, context: OperatorContext): SinkWriter
}
