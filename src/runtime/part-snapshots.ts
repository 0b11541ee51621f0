// Has the parts of a worker write what a checkpoint keeps of them, and remembers what each has written so far, so that the next time its changes
// will do. Runs on the worker's thread.

import type { Slab } from '../base/slab.ts'
import { BarrierKind } from '../batch/generated/barrier-kind.ts'
import type { PartSnapshot } from '../checkpoint/job-snapshot.ts'
import type { CheckpointBarrier } from '../exchange/control-element.ts'
import { SnapshotFileWriter } from '../state/snapshot-file.ts'
import { SnapshotStaging } from '../state/snapshot-staging.ts'
import type { SnapshotPart } from './subtask.ts'

/** So many files with changes follow one with everything at most: a restore reads them all, and each keeps a folder. */
const CHANGES_MAX = 32

/** What a checkpoint holds of a part. */
interface Chain {
  readonly checkpointId: number
  readonly wholeBytes: number
  readonly changedBytes: number
  readonly changes: number
}

/** Writes the snapshots of one worker. */
export class PartSnapshots {
  readonly #staging: SnapshotStaging
  readonly #isIncremental: boolean
  /** What is in the staging. */
  #checkpointId = 0
  #completeId = 0
  /** Of the checkpoint that is under way, and of the last one that is complete. */
  readonly #written = new Map<string, Chain>()
  readonly #complete = new Map<string, Chain>()

  /** @param isIncremental Whether parts may write their changes only. */
  constructor(slab: Slab, isIncremental: boolean) {
    this.#staging = new SnapshotStaging(slab)
    this.#isIncremental = isIncremental
  }

  /**
   * Has a part write.
   *
   * @returns What may lie in the worker's slab until this checkpoint is complete, or the next one begins.
   */
  take(id: string, part: SnapshotPart, { checkpointId, kind }: CheckpointBarrier): PartSnapshot {
    if (this.#checkpointId < checkpointId) {
      this.#checkpointId = checkpointId
      this.#staging.clear()
    }
    // A barrier of a checkpoint that was given up may reach a part when others have written for the next one already.
    const staging = this.#checkpointId === checkpointId ? this.#staging : undefined
    const isCheckpoint = kind === BarrierKind.CHECKPOINT || kind === BarrierKind.UNALIGNED_CHECKPOINT
    const chain = this.#isIncremental && isCheckpoint ? this.#complete.get(id) : undefined
    // Once the changes come to half of it, the whole is written again.
    const base = chain !== undefined && chain.changes < CHANGES_MAX && chain.changedBytes * 2 <= chain.wholeBytes ? chain : undefined
    const since = base === undefined ? 0 : base.checkpointId + 1
    const writer = new SnapshotFileWriter({ ...(staging && { staging }), since, nextEpoch: this.#isIncremental ? checkpointId + 1 : 0 })
    part.snapshot(writer)
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
    if (checkpointId === this.#checkpointId) this.#staging.clear()
    for (const [id, chain] of this.#written) if (chain.checkpointId === checkpointId) this.#complete.set(id, chain)
  }
}
