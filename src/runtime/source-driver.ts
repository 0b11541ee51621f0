// Drives one source reader: polls it, asks for splits, hands its batches to the chain, ends the stream. Runs on the worker's thread.

import { WATERMARK_MAX } from '../batch/crossings.ts'
import { failPoint } from '../base/fail-points.ts'
import { BarrierKind } from '../batch/generated/barrier-kind.ts'
import type { CheckpointBarrier, LatencyMarker } from '../exchange/control-element.ts'
import type { SnapshotReader, SnapshotWriter } from '../operator/operator.ts'
import { PollResult, type SourceReader, type SourceSplit, splitSnapshot, writeSplitState } from '../operator/source.ts'
import { UNION_STATE_PREFIX } from '../state/state.ts'
import { endedReader } from './ended-operator.ts'
import type { OutputCollector } from './output-collector.ts'
import type { DealtSplit } from './restored-splits.ts'

/** A split with its place in the hand-out order, which starts at 1. */
export interface AssignedSplit {
  readonly split: SourceSplit
  readonly index: number
}

/** Hands out the splits of one source, in order. Shared by all its readers. */
export interface SplitAssigner {
  /** The next split for this reader; `'wait'` if it must not run ahead of the slowest; undefined when none is left. */
  next(reader: number): AssignedSplit | 'wait' | undefined
  /** Notes that a reader goes on with the split at this place, which was dealt to it. */
  take(reader: number, place: number): AssignedSplit
}

/** How long a reader that is ahead of the others waits before it asks again. */
const SPLIT_RETRY_MS = 1

/** Which splits a reader has been given: what a restore must not hand out again. */
const TAKEN_STATE = `${UNION_STATE_PREFIX}taken splits`

/** Writes {@link TAKEN_STATE} of one reader. */
export function writeTakenSplits(writer: SnapshotWriter, taken: readonly number[]): void {
  if (taken.length > 0) writer.element(TAKEN_STATE, new Uint8Array(Int32Array.from(taken).buffer))
}

/** Reads what {@link writeTakenSplits} wrote. */
export function takenSplits(snapshot: SnapshotReader | undefined): readonly number[] {
  const taken: number[] = []
  snapshot?.elements(TAKEN_STATE, (bytes) => {
    for (const place of new Int32Array(bytes.slice().buffer)) taken.push(place)
  })
  return taken
}

const Phase = { READING: 0, WATERMARK: 1, END: 2, DONE: 3 } as const
type Phase = (typeof Phase)[keyof typeof Phase]

/** The head of a chain that starts with a source. */
export class SourceDriver {
  readonly reader: SourceReader
  readonly #readerIndex: number
  readonly #output: OutputCollector
  readonly #splits: SplitAssigner
  readonly #snapshotHook: (part: SourceDriver, barrier: CheckpointBarrier) => void
  #phase: Phase = Phase.READING
  /** Cancelled with savepoint or drained: no more polls. */
  #stopped = false
  /** Behind the barrier of a savepoint that stops the job: nothing follows it, unless the savepoint fails. */
  #isSuspended = false
  #waitsForOthers = false
  /** Which splits the reader has been given, by their places in the order from 0. */
  readonly taken: number[] = []
  /** In order: each goes out, even if its checkpoint has been given up, so that channels of several sources bring the same ones. */
  readonly #barriers: CheckpointBarrier[] = []
  /** Number of the last barrier that was sent. */
  barrierId = -1
  #overtakes = false
  /** Set by the subtask while the source must not run ahead of others of its alignment group. */
  isHeld = false
  rowsOut = 0

  /** Of a restored job, the splits that this reader goes on with, in order. */
  readonly #dealt: DealtSplit[]

  /**
   * @param snapshotHook Called when a barrier is about to leave, between two batches.
   * @param dealt Of a restored job: the splits that this reader goes on with, in order; `finished` those it is to remember as read.
   * @param restoredBarrier Of a job restored with batches in flight: sent before anything is read.
   */
  constructor(
    reader: SourceReader,
    readerIndex: number,
    output: OutputCollector,
    splits: SplitAssigner,
    snapshotHook: (part: SourceDriver, barrier: CheckpointBarrier) => void,
    dealt: readonly DealtSplit[] = [],
    finished: readonly number[] = [],
    restoredBarrier?: CheckpointBarrier,
  ) {
    if (restoredBarrier !== undefined) this.#barriers.push(restoredBarrier)
    this.#dealt = [...dealt]
    this.taken.push(...finished)
    this.#snapshotHook = snapshotHook
    this.reader = reader
    this.#readerIndex = readerIndex
    this.#output = output
    this.#splits = splits
  }

  /** Writes what the reader holds, what it has not come to yet of the splits that were dealt to it, and which splits it has been given. */
  snapshot(writer: SnapshotWriter): void {
    this.reader.snapshot(writer)
    for (const { place, state } of this.#dealt) if (state !== undefined) writeSplitState(writer, place + 1, state)
    writeTakenSplits(writer, this.taken)
  }

  /** A checkpoint begins: its barrier goes out behind what has been read so far. */
  offerBarrier(barrier: CheckpointBarrier): void {
    this.#barriers.push(barrier)
  }

  /** A barrier overtakes what is in flight: it takes the place of those that wait, and goes also behind the end, which others have yet to hear of. */
  overtake(barrier: CheckpointBarrier): void {
    if (barrier.checkpointId <= this.barrierId) return
    this.#barriers.splice(0, Infinity, barrier)
    this.#overtakes = true
  }

  /** Sends the barrier that waits, if the output takes it. */
  sendBarrier(): boolean {
    const barrier = this.#barriers[0]
    if (barrier === undefined || (this.#phase === Phase.DONE && !this.#overtakes) || !this.#output.hasCapacity()) return false
    this.#barriers.shift()
    this.barrierId = barrier.checkpointId
    this.#overtakes = false
    failPoint('source.before-snapshot')
    if (barrier.kind !== BarrierKind.RESTORED) this.#snapshotHook(this, barrier)
    failPoint('source.snapshot')
    this.#output.emitBarrier(barrier)
    failPoint('source.barrier-sent')
    if (barrier.kind === BarrierKind.STOP_WITH_SAVEPOINT) this.#isSuspended = true
    return true
  }

  /** Goes on behind a savepoint that should have stopped the job, and failed. */
  resume(): void {
    this.#isSuspended = false
  }

  get hasEnded(): boolean {
    return this.#phase === Phase.DONE
  }

  /** Whether it has ended, or had before the job was restored: as its {@link snapshot} says it. */
  get hadEnded(): boolean {
    return this.reader === endedReader || this.#phase === Phase.DONE
  }

  /** When to step again if the last step found nothing; epoch ms, Infinity = when woken. */
  retryAtMs(nowMs: number): number {
    if (this.#phase !== Phase.READING || this.#isSuspended) return Infinity
    return this.#waitsForOthers || this.isHeld ? nowMs + SPLIT_RETRY_MS : this.reader.retryAtMs
  }

  /** Ends the stream as if the input had ended. */
  stop(): void {
    this.#stopped = true
  }

  /** Sends a latency marker behind what was read so far, if the output takes one. */
  sendMarker(marker: LatencyMarker): boolean {
    if (this.#phase !== Phase.READING || this.#isSuspended || !this.#output.hasCapacity()) return false
    this.#output.emitMarker(marker)
    return true
  }

  /** Produces at most one batch. Returns whether anything happened. */
  step(): boolean {
    const output = this.#output
    if (this.#phase === Phase.DONE || this.#isSuspended || this.#barriers[0]?.kind === BarrierKind.RESTORED || !output.hasCapacity()) return false
    switch (this.#phase) {
      case Phase.READING:
        return this.#poll()
      case Phase.WATERMARK:
        // A bounded stream ends with the end of time: everything that waits for event time fires.
        output.emitWatermark(WATERMARK_MAX)
        this.#phase = Phase.END
        return true
      case Phase.END:
        output.emitEnd()
        this.#phase = Phase.DONE
        return true
    }
  }

  #poll(): boolean {
    const { reader } = this
    if (this.#stopped) {
      this.#phase = Phase.WATERMARK
      return true
    }
    switch (reader.poll(this.#output)) {
      case PollResult.BATCH:
        this.rowsOut += reader.batch.end - reader.batch.begin
        this.#output.emit(reader.batch)
        return true
      case PollResult.NOTHING:
        return false
      case PollResult.NEEDS_SPLIT: {
        const dealt = this.#dealt.shift()
        if (dealt !== undefined) {
          const { split, index } = this.#splits.take(this.#readerIndex, dealt.place)
          this.taken.push(dealt.place)
          if (dealt.state === undefined) reader.assign(split, index)
          else {
            reader.restore(splitSnapshot(index, dealt.state))
            failPoint('restore.split')
          }
          return true
        }
        const next = this.#splits.next(this.#readerIndex)
        this.#waitsForOthers = next === 'wait'
        if (next === 'wait') return false
        if (next === undefined) reader.noMoreSplits()
        else {
          this.taken.push(next.index - 1)
          reader.assign(next.split, next.index)
        }
        return true
      }
      case PollResult.FINISHED:
        this.#phase = Phase.WATERMARK
        return true
    }
  }
}
