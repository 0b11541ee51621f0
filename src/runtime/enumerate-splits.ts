// Asks every source of a job for its splits, once, before anything runs; a restored job goes on with those that it had.

import type { JobSnapshot } from '../checkpoint/job-snapshot.ts'
import type { SourceSplit } from '../operator/source.ts'
import type { ExecutionPlan } from '../plan/execution-plan.ts'
import type { LogicalGraph } from '../plan/transformation.ts'

/** Lists the splits of every source: by task id. @param restore The checkpoint that the job goes on from. */
export function enumerateSplits(plan: ExecutionPlan, graph: LogicalGraph, restore?: JobSnapshot): Map<number, readonly SourceSplit[]> {
  const splits = new Map<number, readonly SourceSplit[]>()
  for (const task of plan.tasks) {
    const { body } = graph.transformations[task.operators[0].id]
    if (body.kind === 'source') splits.set(task.id, restore?.splits.get(task.operators[0].uid) ?? body.source.enumerate(task.parallelism))
  }
  return splits
}

/** The splits as a checkpoint holds them: by the uid of the source. */
export function splitsByUid(plan: ExecutionPlan, splits: ReadonlyMap<number, readonly SourceSplit[]>): JobSnapshot['splits'] {
  return new Map([...splits].map(([task, of]) => [plan.tasks[task].operators[0].uid, of]))
}
