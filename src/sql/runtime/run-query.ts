// Makes what runs queries on the calling thread.

import type { Clock } from '../../base/clock.ts'
import { planJob } from '../../plan/execution-plan.ts'
import { LocalExecutor } from '../../runtime/local-executor.ts'
import { type QueryOptions, QueryPlanner } from './query-planner.ts'

/** How queries run. */
export interface RunOptions extends QueryOptions {
  readonly jobName: string
  readonly clock: Clock
  readonly parallelism: number
  /** Rows of a batch at most. */
  readonly batchRowsMax: number | undefined
  log(operatorName: string, subtaskIndex: number, message: string): void
}

/** Makes an executor of one job. @param add Adds its queries and their sinks. */
export function executorOf(add: (planner: QueryPlanner) => void, options: RunOptions): LocalExecutor {
  const planner = new QueryPlanner(options)
  add(planner)
  const plan = planJob(planner.graph, { jobName: options.jobName, parallelism: options.parallelism, maxParallelism: undefined })
  const { clock, log, batchRowsMax } = options
  return new LocalExecutor(plan, planner.graph, { clock, log, ...(batchRowsMax !== undefined && { batchRowsMax }) })
}
