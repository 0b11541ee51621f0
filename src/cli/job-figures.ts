// From the metrics of a job and its plan to the figures that progress and summary show: rows per operator, in and out of tasks and job.

import type { ExecutionPlan, PlanOperator, PlanTask } from '../plan/execution-plan.ts'
import type { JobMetrics, OperatorTotals, TaskMetrics } from '../runtime/thread-messages.ts'

/** What is shown of a job's metrics. */
export interface ShownMetrics extends Pick<JobMetrics, 'runningMs' | 'slabBytes' | 'latency' | 'gc' | 'lastCheckpoint'> {
  readonly tasks: readonly ShownTask[]
}

export type ShownOperator = Pick<OperatorTotals, 'name' | 'rowsIn' | 'rowsOut' | 'counters'>

interface ShownTask extends Pick<
  TaskMetrics,
  'task' | 'rowsIn' | 'rowsOut' | 'bytesIn' | 'bytesOut' | 'lateRecords' | 'badRecords' | 'watermarkMs' | 'busyMs' | 'idleMs' | 'backpressuredMs' | 'ended'
> {
  readonly operators: readonly ShownOperator[]
}

/** One operator. */
export interface OperatorFigures {
  readonly name: string
  readonly kind: PlanOperator['kind']
  /** Rows that left it, of a sink those that came. */
  readonly rows: number
  readonly counters: Readonly<Record<string, number>>
}

/** One task, summed over its subtasks. */
export interface TaskFigures {
  readonly name: string
  readonly operators: readonly OperatorFigures[]
  readonly rowsIn: number
  readonly rowsOut: number
  readonly bytesIn: number
  readonly bytesOut: number
  readonly lateRecords: number
  readonly badRecords: number
  readonly watermarkMs: number
  readonly parallelism: number
  /** Summed over the subtasks. */
  readonly busyMs: number
  readonly idleMs: number
  readonly backpressuredMs: number
  readonly hasEnded: boolean
}

/** A whole job. */
export interface JobFigures extends Pick<JobMetrics, 'runningMs' | 'slabBytes' | 'latency' | 'gc' | 'lastCheckpoint'> {
  /** Rows that the sources read. */
  readonly rowsRead: number
  /** Rows that came to sinks. */
  readonly rowsWritten: number
  readonly tasks: readonly TaskFigures[]
}

/** Without a plan (the job failed while it was planned) all counts are zero. */
export function figuresOf(metrics: ShownMetrics, plan: ExecutionPlan | undefined): JobFigures {
  const { runningMs, slabBytes, latency, gc, lastCheckpoint } = metrics
  let rowsRead = 0
  let rowsWritten = 0
  const figuresOfTask = ({ task, operators, ended, ...counts }: ShownTask, planned: PlanTask): TaskFigures => {
    if (planned.operators[0].kind === 'source') rowsRead += counts.rowsIn
    const figures = operators.map(({ name, rowsIn, rowsOut, counters }, index): OperatorFigures => {
      const { kind } = planned.operators[index]
      if (kind === 'sink') rowsWritten += rowsIn
      return { name, kind, rows: kind === 'sink' ? rowsIn : rowsOut, counters }
    })
    return { ...counts, name: task, operators: figures, parallelism: planned.parallelism, hasEnded: ended }
  }
  const tasks = plan === undefined ? [] : metrics.tasks.map((task, index) => figuresOfTask(task, plan.tasks[index]))
  return { runningMs, rowsRead, rowsWritten, tasks, slabBytes, latency, gc, lastCheckpoint }
}
