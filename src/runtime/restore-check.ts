// Whether a job can go on from a checkpoint: decided before anything runs.

import { RestoreError } from '../base/errors.ts'
import { type JobSnapshot, partId } from '../checkpoint/job-snapshot.ts'
import type { ExecutionPlan, PlanOperator } from '../plan/execution-plan.ts'
import { SnapshotFile } from '../state/snapshot-file.ts'

/**
 * Refuses a checkpoint that does not fit a plan. Operators that the checkpoint does not know begin empty.
 *
 * @throws {RestoreError} `STATE_NOT_RESTORED` if an operator with state is gone; `MAX_PARALLELISM_CHANGED`.
 */
export function assertRestorable(plan: ExecutionPlan, snapshot: JobSnapshot): void {
  const planned = new Map<string, PlanOperator>()
  for (const { operators } of plan.tasks) for (const operator of operators) planned.set(operator.uid, operator)
  const checkpoint = `checkpoint ${snapshot.checkpointId}`
  for (const { uid, name, parallelism, maxParallelism } of snapshot.operators) {
    if (!hasState(snapshot, uid, parallelism)) continue
    const operator = planned.get(uid)
    if (operator === undefined)
      throw new RestoreError('STATE_NOT_RESTORED', `Cannot restore ${checkpoint}: it holds state of "${name}" (uid "${uid}"), which the job does not have`, {
        hint: 'Give operators a uid that stays, or begin anew with --fresh.',
      })
    if (operator.maxParallelism !== maxParallelism)
      throw new RestoreError(
        'MAX_PARALLELISM_CHANGED',
        `Cannot restore ${checkpoint}: "${name}" has ${operator.maxParallelism} key groups, and its state has ${maxParallelism}`,
        { hint: `Set pipeline.max-parallelism to ${maxParallelism}.` },
      )
  }
}

function hasState(snapshot: JobSnapshot, uid: string, parallelism: number): boolean {
  for (let subtask = 0; subtask < parallelism; subtask++) {
    const id = partId(uid, subtask)
    const file = snapshot.files.get(id)
    if (file !== undefined && !SnapshotFile.open(file, id).isEmpty) return true
  }
  return false
}
