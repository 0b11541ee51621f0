// A checkpoint under way: collects what the parts of a job write until every one of them has, or has ended. Runs where the job is coordinated.

import type { ExecutionPlan } from '../plan/execution-plan.ts'
import { SnapshotFileWriter } from '../state/snapshot-file.ts'
import { type JobSnapshot, partId } from '../checkpoint/job-snapshot.ts'
import type { SnapshotPart, Subtask } from './subtask.ts'

/** What a subtask that has ended leaves to every checkpoint from then on. */
export interface EndedSubtask {
  /** The {@link partId} of the head of its chain. */
  readonly head: string
  /** Files by {@link partId}: of the head, and of sinks that wait to commit. */
  readonly files: ReadonlyMap<string, Uint8Array>
  /** Whether sinks wait to commit. */
  readonly isWaiting: boolean
}

/** Has a part write its file. */
export function fileOf(part: SnapshotPart): Uint8Array {
  const writer = new SnapshotFileWriter()
  part.snapshot(writer)
  return writer.finish()
}

/** Takes down what a subtask that has just ended leaves. */
export function endedSubtaskOf(subtask: Subtask): EndedSubtask {
  const files = new Map<string, Uint8Array>()
  for (const [uid, part] of subtask.endedParts()) files.set(partId(uid, subtask.index), fileOf(part))
  return { head: partId(subtask.task.operators[0].uid, subtask.index), files, isWaiting: subtask.hasPendingCommits }
}

/** Collects one checkpoint. */
export class PendingCheckpoint {
  readonly checkpointId: number
  readonly #plan: ExecutionPlan
  readonly #files = new Map<string, Uint8Array>()
  readonly #ended = new Set<string>()

  constructor(plan: ExecutionPlan, checkpointId: number) {
    this.#plan = plan
    this.checkpointId = checkpointId
  }

  /** A barrier has reached a part. @param hadEnded Whether it had ended before the job was restored. */
  acknowledge(part: string, file: Uint8Array, hadEnded: boolean): void {
    this.#files.set(part, file)
    if (hadEnded) this.#ended.add(part)
  }

  /**
   * What the checkpoint holds, once nothing is missing.
   *
   * @param endedSubtasks Those that have ended so far, by their heads.
   */
  complete(endedSubtasks: ReadonlyMap<string, EndedSubtask>): Omit<JobSnapshot, 'splits'> | undefined {
    const files = new Map<string, Uint8Array>()
    const ended = new Set(this.#ended)
    for (const { operators, parallelism } of this.#plan.tasks)
      for (let index = 0; index < parallelism; index++) {
        const parts = operators.map(({ uid }) => partId(uid, index))
        if (parts.every((part) => this.#files.has(part))) {
          for (const part of parts) files.set(part, this.#files.get(part)!)
          continue
        }
        // Its barrier will not come: what it has at its end is what it has at the barrier.
        const left = endedSubtasks.get(parts[0])
        if (left === undefined) return undefined
        for (const part of parts) ended.add(part)
        for (const [part, file] of left.files) files.set(part, file)
      }
    const operators = this.#plan.tasks.flatMap(({ operators: chain, parallelism }) =>
      chain.map(({ uid, name, maxParallelism }) => ({ uid, name, parallelism, maxParallelism })),
    )
    return { checkpointId: this.checkpointId, operators, files, ended }
  }
}
