// Makes what runs queries on the calling thread.

import type { Clock } from '../../base/clock.ts'
import type { JobSnapshot } from '../../checkpoint/job-snapshot.ts'
import { type ExecutionPlan, planJob } from '../../plan/execution-plan.ts'
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

/** A job that is planned, and nothing of it runs. */
export interface PlannedJob {
  /** Has the graph, and knows of each transformation what it is for. */
  readonly planner: QueryPlanner
  readonly plan: ExecutionPlan
}

/** Plans one job. @param add Adds its queries and their sinks. @throws {PlanError} */
export function plannedJob(add: (planner: QueryPlanner) => void, options: RunOptions): PlannedJob {
  const { jobName, parallelism } = options
  const planner = built(add, options)
  return { planner, plan: planJob(planner.graph, { jobName, parallelism, maxParallelism: undefined }) }
}

function built(add: (planner: QueryPlanner) => void, options: QueryOptions): QueryPlanner {
  const planner = new QueryPlanner(options)
  add(planner)
  planner.build()
  return planner
}

/** Makes an executor of one job. @param add Adds its queries and their sinks; called once for each worker, which share nothing. */
export function executorOf(add: (planner: QueryPlanner) => void, options: RunOptions): LocalExecutor {
  const { planner, plan } = plannedJob(add, options)
  const { clock, log, batchRowsMax, options: given, restore, isCheckpointed = false } = options
  return new LocalExecutor(plan, [planner.graph, ...Array.from({ length: plan.workers - 1 }, () => built(add, options).graph)], {
    clock,
    log,
    isCheckpointed,
    ...(given && { options: given }),
    ...(restore && { restore }),
    ...(batchRowsMax !== undefined && { batchRowsMax }),
  })
}
