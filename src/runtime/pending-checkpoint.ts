// A checkpoint under way: collects what the parts of a job write until every one of them has, or has ended. Runs where the job is coordinated.

import { type CapturedCheckpoint, partId, type PartSnapshot } from '../checkpoint/job-snapshot.ts'
import type { ExecutionPlan } from '../plan/execution-plan.ts'
import { SnapshotFileWriter } from '../state/snapshot-file.ts'
import type { OperatorSignature } from '../checkpoint/operator-signature.ts'
import type { Subtask } from './subtask.ts'

/** What a subtask that has ended leaves to every checkpoint from then on. */
export interface EndedSubtask {
  /** The {@link partId} of the head of its chain. */
  readonly head: string
  /** By {@link partId}: of the head, of sinks that wait to commit, and of all others in a job that is drained for a savepoint. */
  readonly parts: ReadonlyMap<string, PartSnapshot>
  /** Whether sinks wait to commit. */
  readonly isWaiting: boolean
}

/** What a barrier has overtaken in front of a part: a file of state, nothing, or `'follows'` if it is still being collected. */
export type InFlight = Uint8Array | 'follows' | undefined

/** Takes down what a subtask that has just ended leaves. @param keepsState All of its state, for a savepoint. */
export function endedSubtaskOf(subtask: Subtask, keepsState: boolean = false): EndedSubtask {
  const parts = new Map<string, PartSnapshot>()
  for (const [uid, part] of subtask.endedParts(keepsState)) {
    const writer = new SnapshotFileWriter()
    part.snapshot(writer)
    parts.set(partId(uid, subtask.index), { sections: writer.sections(), base: 0 })
  }
  return { head: partId(subtask.task.operators[0].uid, subtask.index), parts, isWaiting: subtask.hasPendingCommits }
}

/** Collects one checkpoint. */
export class PendingCheckpoint {
  readonly checkpointId: number
  readonly #plan: ExecutionPlan
  readonly #signatures: ReadonlyMap<string, OperatorSignature>
  readonly #parts = new Map<string, PartSnapshot>()
  readonly #inFlight = new Map<string, Uint8Array | 'follows'>()
  readonly #ended = new Set<string>()

  /** @param signatures Of all operators, by uid. */
  constructor(plan: ExecutionPlan, signatures: ReadonlyMap<string, OperatorSignature>, checkpointId: number) {
    this.#plan = plan
    this.#signatures = signatures
    this.checkpointId = checkpointId
  }

  /** A barrier has reached a part. @param hadEnded Whether it has ended, or had before the job was restored. */
  acknowledge(id: string, part: PartSnapshot, hadEnded: boolean, inFlight: InFlight): void {
    this.#parts.set(id, part)
    if (hadEnded) this.#ended.add(id)
    if (inFlight !== undefined) this.#inFlight.set(id, inFlight)
  }

  /** What follows an acknowledgement has been collected; undefined if it was nothing. */
  takeInFlight(id: string, file: Uint8Array | undefined): void {
    if (file === undefined) this.#inFlight.delete(id)
    else this.#inFlight.set(id, file)
  }

  /**
   * What the checkpoint holds, once nothing is missing.
   *
   * @param endedSubtasks Those that have ended so far, by their heads.
   */
  complete(endedSubtasks: ReadonlyMap<string, EndedSubtask>): Omit<CapturedCheckpoint, 'splits'> | undefined {
    const parts = new Map<string, PartSnapshot>()
    const inFlight = new Map<string, Uint8Array>()
    const ended = new Set(this.#ended)
    for (const { operators, parallelism } of this.#plan.tasks)
      for (let index = 0; index < parallelism; index++) {
        const ids = operators.map(({ uid }) => partId(uid, index))
        if (ids.every((id) => this.#parts.has(id))) {
          for (const id of ids) {
            parts.set(id, this.#parts.get(id)!)
            const overtaken = this.#inFlight.get(id)
            if (overtaken === 'follows') return undefined
            if (overtaken !== undefined) inFlight.set(id, overtaken)
          }
          continue
        }
        // Its barrier will not come: what it has at its end is what it has at the barrier.
        const left = endedSubtasks.get(ids[0])
        if (left === undefined) return undefined
        for (const id of ids) ended.add(id)
        for (const [id, part] of left.parts) parts.set(id, part)
      }
    const operators = this.#plan.tasks.flatMap(({ operators: chain, parallelism }) =>
      chain.map(({ uid, name, maxParallelism }) => ({ uid, name, parallelism, maxParallelism, signature: this.#signatures.get(uid)! })),
    )
    return { checkpointId: this.checkpointId, operators, parts, inFlight, ended }
  }
}
