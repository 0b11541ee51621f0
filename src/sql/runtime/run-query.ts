// Runs a query on the calling thread.

import { type Clock, systemClock } from '../../base/clock.ts'
import { type RowKind } from '../../batch/record-batch.ts'
import { planJob } from '../../plan/execution-plan.ts'
import { LocalExecutor } from '../../runtime/local-executor.ts'
import type { LogicalPlan } from '../logical-plan.ts'
import type { Value } from '../value.ts'
import { changeSink } from './change-sink.ts'
import { type QueryOptions, QueryPlanner } from './query-planner.ts'

/** How a query runs. */
export interface RunOptions extends QueryOptions {
  readonly jobName: string
  readonly clock?: Clock
  /** Rows of a batch at most. */
  readonly batchRowsMax?: number | undefined
  log(operatorName: string, subtaskIndex: number, message: string): void
}

/** Makes what runs a query, and calls `take` with each change of its result. */
export function queryExecutor(plan: LogicalPlan, options: RunOptions, take: (kind: RowKind, row: readonly Value[]) => void): LocalExecutor {
  const planner = new QueryPlanner(options)
  planner.addSink(plan, changeSink(take))
  const execution = planJob(planner.graph, { jobName: options.jobName, parallelism: 1, maxParallelism: undefined })
  return new LocalExecutor(execution, planner.graph, {
    clock: options.clock ?? systemClock,
    log: options.log,
    ...(options.batchRowsMax !== undefined && { batchRowsMax: options.batchRowsMax }),
  })
}
