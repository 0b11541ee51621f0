// The one operator contract. Operators see batches, watermarks and timers; no thread, no ring, no channel. The driver (runtime/) calls them
// on the worker that owns the subtask, never re-entered.

import type { Clock } from '../base/clock.ts'
import type { FileSystem } from '../base/file-system.ts'
import type { Slab } from '../base/slab.ts'
import type { RecordBatch } from '../batch/record-batch.ts'
import type { Schema } from '../batch/types.ts'
import type { Kernels } from '../kernels/kernels.ts'
import type { KeyedSnapshotWriter } from '../state/state.ts'
import type { StateDeclaration } from '../state/state-schema.ts'

/**
 * Where an operator sends what it makes. One output may feed several consumers; each sees everything.
 *
 * A batch handed to {@link emit} must stay unchanged until {@link hasCapacity} says true again: a consumer may still be reading it. It may be a
 * view on the operator's input batch: the driver keeps that until the output is free.
 */
export interface Output {
  /** Whether the next {@link emit} or {@link emitWatermark} will be taken. False means: return `false` from the current call and wait to be called again. */
  hasCapacity(): boolean
  /** Sends the rows `begin..end` of a batch and the crossings between them. Call only while {@link hasCapacity} is true. */
  emit(batch: RecordBatch): void
  /** Sends a watermark behind everything emitted so far; one that does not advance is dropped. Call only while {@link hasCapacity} is true. */
  emitWatermark(watermarkMs: number): void
  /** Says that this stream is idle (nobody waits for its watermark) or active again. Only operators that generate watermarks call it. */
  emitStatus(idle: boolean): void
  /** The side output with this id, or undefined when nothing consumes it: then its records need not be made. */
  side(id: string): Output | undefined
}

/** What an operator gets when its subtask starts. */
export interface OperatorContext {
  readonly slab: Slab
  readonly kernels: Kernels
  readonly clock: Clock
  /** Where sinks write files. */
  readonly files: FileSystem
  /** Shown in errors, logs and metrics. */
  readonly operatorName: string
  /** Stable identity for snapshots. */
  readonly uid: string
  readonly subtaskIndex: number
  readonly parallelism: number
  readonly maxParallelism: number
  /** Rows an output batch should hold at most; smaller while the pipeline is nearly idle. */
  readonly batchRowsMax: number
  /** Differs from job to job and is never stored: state tables mix it into their slots. */
  readonly tableSeed: number
  readonly metrics: OperatorMetrics
  readonly program: ProgramEdge
  /** For how many ms of processing time, altogether, watermark alignment has kept the input back: idleness does not count them. */
  heldMs(): number
  /** Makes the worker's loop look again: called from callbacks of the event loop that brought something. */
  wake(): void
  /** Whether the job takes checkpoints: then a sink that commits waits for them. */
  readonly isCheckpointed: boolean
  /** A line for the operator's log, with its name and subtask: standard error, never standard output. */
  log(message: string): void
  /** The job's configuration value, as plain text, or undefined. */
  option(key: string): string | undefined
}

/**
 * The way between operators and the program around the engine: named inputs that the program pushes to, named outputs that it reads.
 * Records cross it as plain JavaScript values, copied if the subtask runs on another thread.
 */
export interface ProgramEdge {
  /** Sends records out. They are counted as pending until the program has taken them. */
  send(output: string, records: readonly unknown[]): void
  /** Records of an output that the program has not taken yet, over all subtasks. */
  pendingCount(output: string): number
  /** Takes what the program has pushed to an input: a list of records, `'ended'` behind the last, undefined if there is nothing now. */
  receive(input: string): readonly unknown[] | 'ended' | undefined
  /**
   * A snapshot of the source of an input is written. Left out where nobody waits for checkpoints.
   *
   * @param isWhole Whether the source has emitted all that it has received; else all but some of the last list.
   */
  noteSnapshot?(input: string, isWhole: boolean): void
}

/** Counters every operator may bump: plain additions, which everybody sees at once. */
export interface OperatorMetrics {
  lateRecords: number
  badRecords: number
  /** Bytes that a source has read from outside, as they lie there (compressed ones compressed). */
  bytesRead: number
  /** Bytes that a sink has written to the outside. */
  bytesWritten: number
  /** The user counter of this name; made on first use. */
  counter(name: string): { value: number }
}

/**
 * Writes one operator's state. State is keyed (by key group), or belongs to the subtask as a list of elements that a restore deals out
 * among the new subtasks. Bytes are copied before the call returns.
 */
export interface SnapshotWriter {
  /** One entry of a keyed state; `key` are canonical key bytes, `namespace` is empty or names e.g. a window. */
  keyed(state: string, keyGroup: number, namespace: Uint8Array, key: Uint8Array, value: Uint8Array): void
  /** One element of a list state of the subtask. */
  element(state: string, value: Uint8Array): void
}

/** Reads what {@link SnapshotWriter} wrote: only entries of the subtask's key groups, in any order. Bytes are views: `slice()` what is to be kept. */
export interface SnapshotReader {
  keyed(state: string, visit: (keyGroup: number, namespace: Uint8Array, key: Uint8Array, value: Uint8Array) => void): void
  elements(state: string, visit: (value: Uint8Array) => void): void
}

/** What an operator is and keeps, as far as that is known before it is opened. */
export interface OperatorDescription {
  /** In words: "process function". An operator goes on only from the state of one of the same type. */
  readonly type: string
  /** What its state means beside the types, by names that a person knows. It goes on only from state with the same ones. */
  readonly traits?: Readonly<Record<string, string>>
  /** States that it will declare. */
  readonly states?: readonly StateDeclaration[]
  /** Whether its functions may declare further ones when they run. @default false */
  readonly declaresMore?: boolean
  /** Whether keys may have timers. @default true */
  readonly hasTimers?: boolean
}

/**
 * A unit of the data path.
 *
 * Every method that returns a boolean answers "done?": `false` means that the output refused, or that the call has taken long enough; the driver
 * calls the same method with the same arguments again, before any other method, once the output has capacity. What was emitted must not be
 * emitted again: keep a cursor.
 * Methods return within about a millisecond and never block. A batch is valid until the call that returns `true`.
 *
 * Calls come in this order: {@link open}, {@link restore} if there is something to restore, then batches, watermarks, timers and snapshots
 * in the order of the stream, {@link endInput} once per input, {@link close}. After a failure only {@link close} is called.
 *
 * @example A filter in columns: see operator/basic/filter-operator.ts.
 */
export interface Operator {
  /**
   * How the operator meets watermark crossings inside a batch.
   *
   * - `carry`: it gets whole batches and passes the crossings on, in the batches it emits (row-wise operators), or walks them itself
   *   (operators for which every millisecond matters). It calls `output.emitWatermark` for crossings that no emitted batch carries.
   * - `queue`: as `carry`, and watermarks between batches are the operator's to pass on too: {@link advance} takes them (operators whose results
   *   come later than their input does, or that make watermarks of their own).
   * - `cut`: the driver splits the batch where a crossing reaches {@link nextCutMs}, calls {@link advance} there, and forwards the watermark.
   */
  readonly crossings: 'carry' | 'queue' | 'cut'
  /** The schema of what it emits. */
  readonly outputSchema: Schema

  /** What it is, for checkpoints; operators without state have nothing to say. Called where the job is planned, on an instance that is never opened. */
  describe?(): OperatorDescription | undefined

  open(context: OperatorContext): void

  /**
   * Consumes the rows `batch.begin..batch.end` of one input; moves `batch.begin` as far as it got.
   *
   * @param input Index of the input: 0, or 1 for the second of a two-input operator.
   * @returns `true` when `begin` has reached `end`.
   * @throws {UserFunctionError} If user code threw: the job fails.
   */
  processBatch(batch: RecordBatch, output: Output, input: number): boolean

  /** The smallest watermark that would change anything: fire, expire, or make a record late. Only for `crossings: 'cut'`. */
  nextCutMs(): number

  /** Event time has reached `watermarkMs` on all inputs: fire what is due. The driver forwards the watermark afterwards, unless crossings is `queue`. */
  advance(watermarkMs: number, output: Output): boolean

  /** The stream is about to become idle: sends what is still under way, since nobody waits for an idle stream. For operators that have such. */
  settle?(output: Output): boolean

  /** Earliest processing-time timer, in epoch ms; Infinity without one. */
  nextProcessingTimeMs(): number

  /** Processing time has reached `upToMs`: fire what is due. */
  fireTimers(upToMs: number, output: Output): boolean

  /** The input will bring nothing more. A final watermark of +Infinity has been given to {@link advance} before the last input's end. */
  endInput(output: Output, input: number): boolean

  /** Whether the last call returned `false` because its time was over: it wants to be called again soon, although nothing else may have moved. */
  readonly hasPaused?: boolean

  /**
   * A checkpoint's barrier has come: gives away what it keeps and will not write as state. {@link prepareCommit} and {@link snapshot} follow.
   *
   * @returns `false` to be called again, as other methods.
   */
  prepareSnapshotPreBarrier?(): boolean

  /**
   * For operators that refuse although their output has room (a sink whose edge is full, calls in flight): gives up the batch or timer that was
   * refused, so that a barrier can overtake what is left of it. Rows in front of `begin` have been taken and are in the next {@link snapshot}; the others
   * come again, in another batch. Called between two calls of any other method.
   *
   * @returns false if it cannot be left now: then the barrier waits.
   */
  leaveBatch?(): boolean

  /**
   * A checkpoint's barrier has come: makes ready what is to be committed once the checkpoint is complete. {@link snapshot} follows.
   *
   * @returns `false` to be called again, as other methods.
   */
  prepareCommit?(checkpointId: number, output: Output): boolean

  /** Writes all state. Called between two elements of the stream, never inside a batch. */
  snapshot(writer: KeyedSnapshotWriter): void

  /** A checkpoint is complete, and survives everything: commits what was made ready for it. Called between two calls of any other method. */
  notifyCheckpointComplete?(checkpointId: number): void

  /** Whether something waits for a checkpoint to be committed, or is being committed. An operator whose input has ended stays open until then. */
  readonly hasPendingCommits?: boolean

  /** Whether something is being committed, or could not be: of what waits, what a checkpoint that is complete covers. */
  readonly isCommitting?: boolean

  /** Called at each step behind the end of the input, and behind a savepoint that stops the job, until nothing is left to be committed. @throws what a commit failed with. */
  checkCommits?(): void

  /** Reads state into a fresh instance. */
  restore(reader: SnapshotReader): void

  /** Gives memory back and calls the user's `close`. Called exactly once, also after a failure. */
  close(): void
}

/** What operators do alike that time does not change: no timers, nothing when it passes, nothing at the end. */
export abstract class TimelessOperator implements Operator {
  abstract readonly crossings: Operator['crossings']
  abstract readonly outputSchema: Schema
  protected context!: OperatorContext

  open(context: OperatorContext): void {
    this.context = context
  }

  abstract processBatch(batch: RecordBatch, output: Output, input: number): boolean

  nextCutMs(): number {
    return Infinity
  }

  advance(_watermarkMs: number, _output: Output): boolean {
    return true
  }

  nextProcessingTimeMs(): number {
    return Infinity
  }

  fireTimers(_upToMs: number, _output: Output): boolean {
    return true
  }

  endInput(_output: Output, _input: number): boolean {
    return true
  }

  abstract snapshot(writer: KeyedSnapshotWriter): void

  abstract restore(reader: SnapshotReader): void

  close(): void {}
}

/** The parts most operators do alike: as {@link TimelessOperator}, and no state. */
export abstract class StatelessOperator extends TimelessOperator {
  override readonly crossings: Operator['crossings'] = 'carry'

  snapshot(_writer: SnapshotWriter): void {}

  restore(_reader: SnapshotReader): void {}
}
