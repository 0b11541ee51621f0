// How a run ended, for people and for programs. Goes to standard error: standard output belongs to the job.

import type { JobFigures } from './job-figures.ts'
import { formatCount, formatDuration, formatShort } from './numbers.ts'
import { type Style } from './terminal.ts'

const TASK_COLUMNS_MAX = 72

/** A run that did not fail. */
export interface RunSummary {
  readonly job: string
  readonly state: 'finished' | 'cancelled'
  readonly figures: JobFigures
}

/** A few lines; columns that would be all zero are left out. */
export function summaryText({ job, state, figures }: RunSummary, style: Style): string {
  const { runningMs, rowsRead, rowsWritten, tasks } = figures
  const rate = runningMs > 0 ? `, ${formatShort((rowsRead * 1000) / runningMs)} rows/s` : ''
  const head = `${style.bold(job)} ${state === 'finished' ? 'finished' : style.yellow('was cancelled')} in ${formatDuration(runningMs)}: ${formatCount(rowsRead)} rows read, ${formatCount(rowsWritten)} written${rate}`
  if (tasks.length === 0) return `${head}\n`
  const columns: readonly { readonly title: string; value(task: JobFigures['tasks'][number]): number }[] = [
    { title: 'rows in', value: (task) => task.rowsIn },
    { title: 'rows out', value: (task) => task.rowsOut },
    ...(tasks.some((task) => task.lateRecords > 0) ? [{ title: 'late', value: (task: JobFigures['tasks'][number]) => task.lateRecords }] : []),
    ...(tasks.some((task) => task.badRecords > 0) ? [{ title: 'bad', value: (task: JobFigures['tasks'][number]) => task.badRecords }] : []),
  ]
  const cells = tasks.map((task) => columns.map(({ value }) => formatCount(value(task))))
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
  ]
  return `${lines.join('\n')}\n`
}

/** One line of JSON. */
export function summaryJson({ job, state, figures }: RunSummary): string {
  const { runningMs, rowsRead, rowsWritten, tasks } = figures
  const seconds = Math.round(runningMs) / 1000
  return `${JSON.stringify({
    job,
    state,
    seconds,
    rowsRead,
    rowsWritten,
    rowsPerSecond: runningMs > 0 ? Math.round((rowsRead * 1000) / runningMs) : 0,
    tasks: tasks.map(({ name, rowsIn, rowsOut, lateRecords, badRecords, operators }) => ({ name, rowsIn, rowsOut, lateRecords, badRecords, operators })),
  })}\n`
}
