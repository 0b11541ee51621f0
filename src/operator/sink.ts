// The sink contract: the end of a chain, and what sinks that commit with the checkpoints add to it.

import type { RecordBatch } from '../batch/record-batch.ts'
import type { Schema } from '../batch/types.ts'
import type { OperatorContext, SnapshotReader, SnapshotWriter } from './operator.ts'

/** Writes one subtask's records, on the worker's thread. */
export interface SinkWriter {
  /** Writes the rows `batch.begin..batch.end`, moving `begin`. Returns false if it cannot take more now; it is then called again. */
  write(batch: RecordBatch): boolean
  /** Whether more can be taken now: false while an edge (stream, socket) is full. */
  hasCapacity(): boolean
  /** Pushes what is buffered out: called when the input pauses and at least each flush interval. Returns false to be called again. */
  flush(): boolean
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
 */
export interface CommittingSinkWriter extends SinkWriter {
  /** Makes what is complete durable. Returns what {@link commit} needs of each piece: plain bytes, for another writer in another process too. */
  prepareCommit(): readonly Uint8Array[]
  /**
   * Shows what was prepared to everybody, durably. After a restore each writer is called for all that any writer had prepared, whether it was committed
   * or not: what was is left alone, by writers on other threads at the same time too.
   */
  commit(committable: Uint8Array): void
}

/** Whether a writer commits in two phases. */
export function isCommitting(writer: SinkWriter): writer is CommittingSinkWriter {
  return 'prepareCommit' in writer
}

/** A sink: made on every thread from the same program. */
export interface Sink {
  readonly name: string
  /** Whether its writer needs the event loop. */
  readonly needsEventLoop: boolean
  /** At most this many writers make sense; Infinity by default. */
  readonly parallelismMax: number
  /** The name under which the program around the engine reads what is written here; undefined for every other sink. */
  readonly outputName?: string
  describe(): string
  createWriter(schema: Schema, context: OperatorContext): SinkWriter
}
