// The source contract (Flink's new-source words: source, split, enumerator, reader). A source is a description that every thread can make
// again; an enumerator lists and hands out splits; a reader turns one subtask's splits into batches.

import type { RecordBatch } from '../batch/record-batch.ts'
import type { Schema } from '../batch/types.ts'
import type { ElementSnapshotReader } from '../state/state.ts'
import type { OperatorContext, Output, SnapshotReader, SnapshotWriter } from './operator.ts'

/** A part of a source that one reader reads alone. Plain data: travels between threads and into snapshots. */
export interface SourceSplit {
  /** Stable name, for messages and snapshots. */
  readonly id: string
  /** What the reader needs: a path and a byte range, a number range, … Structured-clonable. */
  readonly payload: unknown
}

/** What {@link SourceReader.poll} found. */
export const PollResult = {
  /** A batch was produced: it stays valid until the next `poll`. */
  BATCH: 0,
  /** Nothing now, more may come: poll again after the wake-up or after `retryAtMs`. */
  NOTHING: 1,
  /** No current split: assign one, or say that there are no more. */
  NEEDS_SPLIT: 2,
  /** All splits are read and no more will come. */
  FINISHED: 3,
} as const
export type PollResult = (typeof PollResult)[keyof typeof PollResult]

const SPLITS_STATE = 'splits'
const SPLIT_INDEX_BYTES = 4

/** Writes where a reader stands in a split. `index` is the number with which the split was assigned. */
export function writeSplitState(writer: SnapshotWriter, index: number, state: Uint8Array): void {
  const bytes = new Uint8Array(SPLIT_INDEX_BYTES + state.length)
  new DataView(bytes.buffer).setUint32(0, index, true)
  bytes.set(state, SPLIT_INDEX_BYTES)
  writer.element(SPLITS_STATE, bytes)
}

/** Reads what {@link writeSplitState} wrote. `state` is a copy. */
export function readSplitStates(reader: ElementSnapshotReader, visit: (index: number, state: Uint8Array) => void): void {
  reader.elements(SPLITS_STATE, (bytes) => visit(new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true), bytes.slice(SPLIT_INDEX_BYTES)))
}

/** A snapshot of one split alone. */
export function splitSnapshot(index: number, state: Uint8Array): SnapshotReader {
  return {
    keyed() {},
    elements(name, visit) {
      if (name === SPLITS_STATE) writeSplitState({ keyed() {}, element: (_name, bytes) => visit(bytes) }, index, state)
    },
  }
}

/** A snapshot without its splits. */
export function withoutSplits(snapshot: SnapshotReader): SnapshotReader {
  return {
    keyed: (name, visit) => snapshot.keyed(name, visit),
    elements(name, visit) {
      if (name !== SPLITS_STATE) snapshot.elements(name, visit)
    },
  }
}

/** Reads splits, on the worker's thread. */
export interface SourceReader {
  /** The batch of the last `poll` that said BATCH; its `split` is the index given with the split. */
  readonly batch: RecordBatch
  /** When to poll again after NOTHING, in epoch ms of the context's clock; Infinity = only after `wake`. */
  readonly retryAtMs: number
  /**
   * Produces the next batch.
   *
   * Must return within about a millisecond but for file reads. Reads at most `batchRowsMax` rows.
   * @param sides Where bad records go under the policy `dead-letter`: the side output of that name.
   */
  poll(sides: Output): PollResult
  /** Gives the reader a split; `index` numbers splits in hand-out order (> 0). Called after NEEDS_SPLIT. */
  assign(split: SourceSplit, index: number): void
  /** No split is left: after the current ones `poll` answers FINISHED. */
  noMoreSplits(): void
  /** Writes current splits with exact positions, each by {@link writeSplitState}, and whatever else it holds. */
  snapshot(writer: SnapshotWriter): void
  /**
   * Reads what {@link snapshot} wrote. Splits come one by one, each in a call of its own, to the reader that goes on with them, which answers
   * NEEDS_SPLIT before; what else there is comes in front of the first.
   */
  restore(reader: SnapshotReader): void
  close(): void
}

/** What a source emits beside its records. */
export interface SourceSideOutput {
  readonly schema: Schema
  /** Whether a job in which nothing reads it is refused: its records would be lost without a word. */
  readonly mustBeRead: boolean
}

/**
 * A source of records of type `R`.
 *
 * The object is made on every thread from the same program; only {@link enumerate} runs once, on the coordinator.
 */
export interface Source<out R = unknown> {
  readonly name: string
  readonly schema: Schema<R>
  /** A bounded source ends; a job whose sources are all bounded finishes. */
  readonly bounded: boolean
  /** Whether its reader needs the event loop (sockets, async iterables, push inputs). */
  readonly needsEventLoop: boolean
  /** At most this many readers make sense (1 for collections and standard input); Infinity by default. */
  readonly parallelismMax: number
  /** Whether its batches carry timestamps of their own: the broker's, the generator's. @default false */
  readonly givesTimestamps?: boolean
  /** The name under which the program around the engine pushes records; undefined for every other source. */
  readonly inputName?: string
  /** The side outputs its readers emit to, by id; none by default. */
  readonly sideOutputs?: ReadonlyMap<string, SourceSideOutput>
  /** One line for `explain`. */
  describe(): string
  /**
   * Lists the splits in the order they are handed out. Called once, before the job runs, on the coordinator's thread (may read directories).
   *
   * @throws {ConnectorError} If the input does not exist or cannot be read.
   */
  enumerate(parallelism: number): readonly SourceSplit[]
  createReader(context: OperatorContext): SourceReader
}
