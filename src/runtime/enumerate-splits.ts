// Asks every source of a job for its splits, once, before anything runs.

import type { SourceSplit } from '../operator/source.ts'
import type { ExecutionPlan } from '../plan/execution-plan.ts'
import type { LogicalGraph } from '../plan/transformation.ts'

/** Lists the splits of every source: by task id. */
export function enumerateSplits(plan: ExecutionPlan, graph: LogicalGraph): Map<number, readonly SourceSplit[]> {
  const splits = new Map<number, readonly SourceSplit[]>()
  for (const task of plan.tasks) {
    const { body } = graph.transformations[task.operators[0].id]
    if (body.kind === 'source') splits.set(task.id, body.source.enumerate(task.parallelism))
  }
  return splits
}
