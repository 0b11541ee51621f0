// Has the parts of a worker write what a checkpoint keeps of them, and remembers what each has written so far, so that the next time its changes
// will do. Runs on the worker's thread.

import type { Slab } from '../base/slab.ts'
import { BarrierKind } from '../batch/generated/barrier-kind.ts'
import type { PartSnapshot } from '../checkpoint/job-snapshot.ts'
import type { CheckpointBarrier } from '../exchange/control-element.ts'
import { SnapshotFileWriter } from '../state/snapshot-file.ts'
import { SnapshotStaging } from '../state/snapshot-staging.ts'
import type { SnapshotPart } from './subtask.ts'

/** So many entries are written between two batches: some hundred microseconds. */
const PIECE_ENTRIES = 16_384
/** So many files with changes follow one with everything at most: a restore reads them all, and each keeps a folder. */
const CHANGES_MAX = 32

/** What a checkpoint holds of a part. */
interface Chain {
  readonly checkpointId: number
  readonly wholeBytes: number
  readonly changedBytes: number
  readonly changes: number
}

/** What a part is still to write of what it was at a barrier. */
export interface WaitingSnapshot {
  /** Writes some of it. Returns whether that was all, or it is not wanted any more. */
  writeOn(): boolean
  /** It is not wanted any more. */
  giveUp(): void
}

/** A part that has not written everything. */
interface WaitingPart {
  readonly writer: SnapshotFileWriter
  /** Called behind the last of it. */
  readonly end: () => void
}

/** Writes the snapshots of one worker. */
export class PartSnapshots {
  readonly #staging: SnapshotStaging
  readonly #isIncremental: boolean
  /** What is in the staging, and whether that is a savepoint. */
  #checkpointId = 0
  #isSavepoint = false
  #completeId = 0
  /** Of the checkpoint that is under way, and of the last one that is complete. */
  readonly #written = new Map<string, Chain>()
  readonly #complete = new Map<string, Chain>()
  readonly #pieceEntries: number
  readonly #waiting = new Set<WaitingPart>()

  /**
   * @param isIncremental Whether parts may write their changes only.
   * @param pieceEntries How many entries a part writes at once, about. Tests have few.
   */
  constructor(slab: Slab, isIncremental: boolean, pieceEntries: number = PIECE_ENTRIES) {
    this.#staging = new SnapshotStaging(slab)
    this.#isIncremental = isIncremental
    this.#pieceEntries = pieceEntries
  }

  /**
   * Has a part write.
   *
   * @param taken Called when all is written, unless it is not wanted any more. What it gets may lie in the worker's slab until this checkpoint is
   *   complete, or the next one begins.
   * @returns What is still to be written; undefined if `taken` was called.
   */
  take(id: string, part: SnapshotPart, { checkpointId, kind }: CheckpointBarrier, taken: (snapshot: PartSnapshot) => void): WaitingSnapshot | undefined {
    const isCheckpoint = kind === BarrierKind.CHECKPOINT || kind === BarrierKind.UNALIGNED_CHECKPOINT
    if (this.#checkpointId < checkpointId) {
      this.#checkpointId = checkpointId
      this.#isSavepoint = !isCheckpoint
      for (const waiting of [...this.#waiting]) this.#giveUp(waiting)
      this.#staging.clear()
    }
    // A barrier of a checkpoint that was given up may reach a part when others have written for the next one already.
    const staging = this.#checkpointId === checkpointId ? this.#staging : undefined
    const chain = this.#isIncremental && isCheckpoint ? this.#complete.get(id) : undefined
    // Once the changes come to half of it, the whole is written again.
    const base = chain !== undefined && chain.changes < CHANGES_MAX && chain.changedBytes * 2 <= chain.wholeBytes ? chain : undefined
    const since = base === undefined ? 0 : base.checkpointId + 1
    const writer = new SnapshotFileWriter({
      ...(staging && { staging }),
      since,
      nextEpoch: this.#isIncremental ? checkpointId + 1 : 0,
      pieceEntries: this.#pieceEntries,
    })
    try {
      part.snapshot(writer)
    } catch (error) {
      writer.giveUp()
      throw error
    }
    const end = (): void => taken(this.#end(id, checkpointId, writer, base))
    if (!writer.isWaiting) {
      end()
      return undefined
    }
    const waiting = { writer, end }
    this.#waiting.add(waiting)
    return { writeOn: () => this.#writeOn(waiting), giveUp: () => this.#giveUp(waiting) }
  }

  #writeOn(waiting: WaitingPart): boolean {
    if (!this.#waiting.has(waiting)) return true
    const { writer, end } = waiting
    writer.writeOn()
    if (writer.isWaiting) return false
    this.#waiting.delete(waiting)
    end()
    return true
  }

  #giveUp(waiting: WaitingPart): void {
    if (this.#waiting.delete(waiting)) waiting.writer.giveUp()
  }

  #end(id: string, checkpointId: number, writer: SnapshotFileWriter, base: Chain | undefined): PartSnapshot {
    const sections = writer.sections()
    const bytes = sections.reduce((sum, section) => sum + section.bytes.length, 0)
    if (base === undefined || !writer.isIncremental) {
      this.#written.set(id, { checkpointId, wholeBytes: bytes, changedBytes: 0, changes: 0 })
      return { sections, base: 0 }
    }
    const { wholeBytes, changedBytes, changes } = base
    this.#written.set(id, { checkpointId, wholeBytes, changedBytes: changedBytes + bytes, changes: changes + 1 })
    return { sections, base: base.checkpointId }
  }

  /** A checkpoint is complete: the next may build on it. May be said again. */
  complete(checkpointId: number): void {
    if (checkpointId === this.#completeId) return
    this.#completeId = checkpointId
    // The checkpoint that a savepoint is of is complete before it is written to its own folder.
    if (checkpointId === this.#checkpointId && !this.#isSavepoint) this.#staging.clear()
    for (const [id, chain] of this.#written) if (chain.checkpointId === checkpointId) this.#complete.set(id, chain)
  }
}
