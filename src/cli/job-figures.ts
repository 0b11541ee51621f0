// From the metrics of a job and its plan to the figures that progress and summary show: rows per operator, in and out of tasks and job.

import type { ExecutionPlan, PlanTask } from '../plan/execution-plan.ts'
import type { JobMetrics, TaskMetrics } from '../runtime/thread-messages.ts'

/** What is shown of a job's metrics. */
export interface ShownMetrics extends Pick<JobMetrics, 'runningMs' | 'slabBytes'> {
  readonly tasks: readonly ShownTask[]
}

type ShownTask = Pick<TaskMetrics, 'task' | 'operators' | 'rowsIn' | 'lateRecords' | 'badRecords' | 'watermarkMs' | 'busyMs' | 'backpressuredMs' | 'ended'>

/** Rows of one operator: those that left it, of a sink those that came. */
export interface OperatorFigures {
  readonly name: string
  readonly rows: number
}

/** One task, summed over its subtasks. */
export interface TaskFigures {
  readonly name: string
  readonly operators: readonly OperatorFigures[]
  readonly rowsIn: number
  readonly rowsOut: number
  readonly lateRecords: number
  readonly badRecords: number
  readonly watermarkMs: number
  readonly parallelism: number
  /** Summed over the subtasks. */
  readonly busyMs: number
  readonly backpressuredMs: number
  readonly hasEnded: boolean
}

/** A whole job. */
export interface JobFigures {
  readonly runningMs: number
  /** Rows that the sources read. */
  readonly rowsRead: number
  /** Rows that came to sinks. */
  readonly rowsWritten: number
  readonly tasks: readonly TaskFigures[]
  readonly slabBytes: number
}

/** Without a plan (the job failed while it was planned) all counts are zero. */
export function figuresOf(metrics: ShownMetrics, plan: ExecutionPlan | undefined): JobFigures {
  const tasks =
    plan === undefined ? [] : metrics.tasks.map((task, index) => ({ planned: plan.tasks[index], task, rows: operatorRows(plan.tasks[index], task) }))
  let rowsRead = 0
  let rowsWritten = 0
  const figures = tasks.map(({ planned, task, rows }): TaskFigures => {
    if (planned.operators[0].kind === 'source') rowsRead += task.rowsIn
    let rowsOut = 0
    planned.operators.forEach((operator, index) => {
      if (operator.kind === 'sink') rowsWritten += rows[index]
      // Ends of the chain: nothing in it reads them.
      if (planned.operators.every((other) => other.chainedTo !== operator.id)) rowsOut += rows[index]
    })
    return {
      name: task.task,
      operators: planned.operators.map(({ name }, index) => ({ name, rows: rows[index] })),
      rowsIn: task.rowsIn,
      rowsOut,
      lateRecords: task.lateRecords,
      badRecords: task.badRecords,
      // Zero is what a task shows that has not begun.
      watermarkMs: task.watermarkMs === 0 && task.rowsIn === 0 ? -Infinity : task.watermarkMs,
      parallelism: planned.parallelism,
      busyMs: task.busyMs,
      backpressuredMs: task.backpressuredMs,
      hasEnded: task.ended,
    }
  })
  return { runningMs: metrics.runningMs, rowsRead, rowsWritten, tasks: figures, slabBytes: metrics.slabBytes }
}

function operatorRows(planned: PlanTask, task: ShownTask): number[] {
  return planned.operators.map((operator, index) => {
    if (operator.kind !== 'sink') return task.operators[index].rowsOut
    const producer = planned.operators.findIndex(({ id }) => id === operator.chainedTo)
    // What a side output carried is not counted on its own.
    return producer < 0 ? task.rowsIn : operator.chainedSide === undefined ? task.operators[producer].rowsOut : 0
  })
}
