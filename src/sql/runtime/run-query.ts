// Makes what runs queries on the calling thread.

import type { Clock } from '../../base/clock.ts'
import type { JobSnapshot } from '../../checkpoint/job-snapshot.ts'
import { planJob } from '../../plan/execution-plan.ts'
import type { LogicalGraph } from '../../plan/transformation.ts'
import { LocalExecutor } from '../../runtime/local-executor.ts'
import { type QueryOptions, QueryPlanner } from './query-planner.ts'

/** How queries run. */
export interface RunOptions extends QueryOptions {
  readonly jobName: string
  readonly clock: Clock
  readonly parallelism: number
  /** Of the engine. */
  readonly options: ReadonlyMap<string, string> | undefined
  /** Rows of a batch at most. */
  readonly batchRowsMax: number | undefined
  /** Whether checkpoints will be taken. @default false */
  readonly isCheckpointed?: boolean
  /** The checkpoint to go on from: of the same queries. */
  readonly restore?: JobSnapshot
  log(operatorName: string, subtaskIndex: number, message: string): void
}

/** Makes an executor of one job. @param add Adds its queries and their sinks; called once for each worker, which share nothing. */
export function executorOf(add: (planner: QueryPlanner) => void, options: RunOptions): LocalExecutor {
  const build = (): LogicalGraph => {
    const planner = new QueryPlanner(options)
    add(planner)
    return planner.build()
  }
  const graph = build()
  const plan = planJob(graph, { jobName: options.jobName, parallelism: options.parallelism, maxParallelism: undefined })
  const { clock, log, batchRowsMax, options: given, restore, isCheckpointed = false } = options
  return new LocalExecutor(plan, [graph, ...Array.from({ length: plan.workers - 1 }, build)], {
    clock,
    log,
    isCheckpointed,
    ...(given && { options: given }),
    ...(restore && { restore }),
    ...(batchRowsMax !== undefined && { batchRowsMax }),
  })
}
