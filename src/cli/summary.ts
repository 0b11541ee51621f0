// How a run ended, for people and for programs. Goes to standard error: standard output belongs to the job.

import type { JobFigures } from './job-figures.ts'
import { formatCount, formatDuration, formatMs, formatPercent, formatShort } from './numbers.ts'
import { type Style } from './terminal.ts'

const TASK_COLUMNS_MAX = 72

/** A run that did not fail. */
export interface RunSummary {
  readonly job: string
  readonly state: 'finished' | 'cancelled' | 'stopped'
  readonly figures: JobFigures
}

type Task = JobFigures['tasks'][number]

/** A column of the table of tasks. */
interface Column {
  readonly title: string
  value(task: Task): number
  /** How a value is written. */
  readonly format: (value: number) => string
  /** Shown even if it is zero for every task. */
  readonly isConstant?: boolean
}

const COLUMNS: readonly Column[] = [
  { title: 'rows in', value: ({ rowsIn }) => rowsIn, format: formatCount, isConstant: true },
  { title: 'rows out', value: ({ rowsOut }) => rowsOut, format: formatCount, isConstant: true },
  { title: 'late', value: ({ lateRecords }) => lateRecords, format: formatCount },
  { title: 'bad', value: ({ badRecords }) => badRecords, format: formatCount },
  { title: 'busy', value: (task) => shareOfTime(task, task.busyMs), format: formatPercent },
  { title: 'backpressured', value: (task) => shareOfTime(task, task.backpressuredMs), format: formatPercent },
]

/** A few lines; columns that would be all zero are left out. */
export function summaryText({ job, state, figures }: RunSummary, style: Style): string {
  const { runningMs, rowsRead, rowsWritten, tasks, latency } = figures
  const rate = runningMs > 0 ? `, ${formatShort((rowsRead * 1000) / runningMs)} rows/s` : ''
  const head = `${style.bold(job)} ${state === 'finished' ? 'finished' : style.yellow(`was ${state}`)} in ${formatDuration(runningMs)}: ${formatCount(rowsRead)} rows read, ${formatCount(rowsWritten)} written${rate}`
  if (tasks.length === 0) return `${head}\n`
  const columns = COLUMNS.filter(({ isConstant, value }) => isConstant === true || tasks.some((task) => Math.round(value(task)) > 0))
  const cells = tasks.map((task) => columns.map(({ value, format }) => format(value(task))))
  const widths = columns.map(({ title }, index) => Math.max(title.length, ...cells.map((row) => row[index].length)))
  const names = tasks.map(({ name }) => (name.length > TASK_COLUMNS_MAX ? `${name.slice(0, TASK_COLUMNS_MAX - 1)}…` : name))
  const nameWidth = Math.max('task'.length, ...names.map((name) => name.length))
  const row = (name: string, values: readonly string[]): string =>
    `  ${name.padEnd(nameWidth)}${values.map((value, index) => `  ${value.padStart(widths[index])}`).join('')}`
  const lines = [
    head,
    style.dim(
      row(
        'task',
        columns.map(({ title }) => title),
      ),
    ),
    ...names.map((name, index) => row(name, cells[index])),
    ...sinkLines(tasks),
    ...tasks.flatMap(({ operators }) => operators.flatMap(counterLine)),
    ...(latency === undefined
      ? []
      : [`  latency: ${formatMs(latency.p50Ms)} in half of ${formatCount(latency.count)} cases, at most ${formatMs(latency.maxMs)}`]),
  ]
  return `${lines.join('\n')}\n`
}

/** What came to each sink, where there are several: a task may have more than one, and its name is cut. */
function sinkLines(tasks: readonly Task[]): string[] {
  const sinks = tasks.flatMap(({ operators }) => operators.filter(({ kind }) => kind === 'sink'))
  return sinks.length < 2 ? [] : sinks.map(({ name, rows }) => `  ${name}: ${formatCount(rows)} written`)
}

/** What an operator's functions have counted. */
function counterLine({ name, counters }: Task['operators'][number]): string[] {
  const counts = Object.entries(counters).filter(([, count]) => count !== 0)
  return counts.length === 0 ? [] : [`  ${name}: ${counts.map(([counter, count]) => `${counter} ${formatCount(count)}`).join(', ')}`]
}

/** Percent of the life of a task's subtasks. */
function shareOfTime({ busyMs, idleMs, backpressuredMs }: Task, ms: number): number {
  const all = busyMs + idleMs + backpressuredMs
  return all > 0 ? (ms * 100) / all : 0
}

/** One line of JSON. */
export function summaryJson({ job, state, figures }: RunSummary): string {
  const { runningMs, rowsRead, rowsWritten, tasks, latency, gc } = figures
  const seconds = Math.round(runningMs) / 1000
  return `${JSON.stringify({
    job,
    state,
    seconds,
    rowsRead,
    rowsWritten,
    rowsPerSecond: runningMs > 0 ? Math.round((rowsRead * 1000) / runningMs) : 0,
    latency,
    gc,
    tasks: tasks.map((task) => ({
      name: task.name,
      rowsIn: task.rowsIn,
      rowsOut: task.rowsOut,
      bytesIn: task.bytesIn,
      bytesOut: task.bytesOut,
      lateRecords: task.lateRecords,
      badRecords: task.badRecords,
      busyMs: Math.round(task.busyMs),
      idleMs: Math.round(task.idleMs),
      backpressuredMs: Math.round(task.backpressuredMs),
      operators: task.operators,
    })),
  })}\n`
}
