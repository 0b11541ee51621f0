// Progress of a running job on standard error: a block of lines drawn in place on a terminal, a line every few seconds into a pipe. Lines of
// operators and of user code go above it. Invariant: whatever else is written, the block has been wiped before.

import type { Clock } from '../base/clock.ts'
import { logText } from '../engine/log-text.ts'
import type { ExecutionPlan } from '../plan/execution-plan.ts'
import { figuresOf, type JobFigures, type ShownMetrics, type TaskFigures } from './job-figures.ts'
import { formatAge, formatBytes, formatDuration, formatMs, formatPercent, formatShort, formatWatermark } from './numbers.ts'
import { styleOf, type Style, type Terminal } from './terminal.ts'

/** Shorter jobs show no progress. */
const FIRST_DRAWING_MS = 400
const PLAIN_INTERVAL_MS = 5000
const DRAWING_INTERVAL_MS = 100
/** Rates are taken over about this time. */
const RATE_SPAN_MS = 1000
const NAME_COLUMNS_MAX = 60
/** Less backpressure than this is how a pipeline works. */
const HELD_PERCENT_MIN = 10

/** How much is shown. */
export type ProgressMode = 'drawn' | 'plain' | 'quiet'

/** Rates from counts: rows a second over the last second or so. */
class Rates {
  readonly #samples: { readonly atMs: number; readonly counts: readonly number[] }[] = []

  /** Rates of `counts` against the oldest sample in the span. */
  next(atMs: number, counts: readonly number[]): number[] {
    const samples = this.#samples
    samples.push({ atMs, counts })
    while (samples.length > 2 && atMs - samples[1].atMs >= RATE_SPAN_MS) samples.shift()
    const first = samples[0]
    const ms = atMs - first.atMs
    return counts.map((count, index) => (ms <= 0 ? 0 : Math.max(0, ((count - (first.counts[index] ?? 0)) * 1000) / ms)))
  }
}

/** What happened in the last second or so. */
interface JobRates {
  /** Rows a second that the sources read, and those that came to sinks. */
  readonly read: number
  readonly written: number
  /** Rows a second of each operator, task by task. */
  readonly rows: readonly number[]
  /** Percent of the time in which each task worked. */
  readonly busy: readonly number[]
  /** Percent of the time in which its outputs held each task back. */
  readonly held: readonly number[]
}

/** Shows how a job gets on. */
export class Progress {
  readonly #terminal: Terminal
  readonly #clock: Clock
  readonly #mode: ProgressMode
  readonly #jobName: string
  readonly #style: Style
  readonly #rates = new Rates()
  readonly #startMs: number
  #plan: ExecutionPlan | undefined
  #shownMs: number
  #drawnLines = 0
  #closed = false

  constructor(terminal: Terminal, clock: Clock, mode: ProgressMode, jobName: string) {
    this.#terminal = terminal
    this.#clock = clock
    this.#mode = mode
    this.#jobName = jobName
    this.#style = styleOf(terminal)
    this.#startMs = clock.monotonicMs()
    this.#shownMs = this.#startMs
  }

  setPlan(plan: ExecutionPlan): void {
    this.#plan = plan
  }

  /** Called with each tick of the metrics. */
  update(metrics: ShownMetrics): void {
    if (this.#mode === 'quiet' || this.#closed || this.#plan === undefined) return
    const nowMs = this.#clock.monotonicMs()
    const figures = figuresOf(metrics, this.#plan)
    // Sampled at each tick, whether it is shown or not: rates are of the last second.
    const rates = this.#ratesOf(figures)
    if (this.#mode === 'plain') {
      if (nowMs - this.#shownMs < PLAIN_INTERVAL_MS) return
      this.#shownMs = nowMs
      this.#terminal.say(`${plainLine(this.#jobName, figures, rates, this.#clock.nowMs())}\n`)
    } else {
      if (nowMs - this.#startMs < FIRST_DRAWING_MS || (this.#drawnLines > 0 && nowMs - this.#shownMs < DRAWING_INTERVAL_MS)) return
      this.#shownMs = nowMs
      this.#draw(figures, rates)
    }
  }

  /** A line of an operator or of user code. It may hold several lines. */
  log(operatorName: string, subtaskIndex: number, message: string): void {
    this.say(logText(operatorName, subtaskIndex, message, this.#style.dim))
  }

  /** Any text above the progress. It must end with a line feed. */
  say(text: string): void {
    this.clear()
    this.#terminal.say(text)
  }

  /** Wipes what is drawn; the next tick draws again. */
  clear(): void {
    if (this.#drawnLines === 0) return
    this.#terminal.say(wipe(this.#drawnLines))
    this.#drawnLines = 0
  }

  /** Wipes what is drawn, for good. */
  close(): void {
    this.clear()
    this.#closed = true
  }

  #ratesOf({ runningMs, rowsRead, rowsWritten, tasks }: JobFigures): JobRates {
    const rows = tasks.flatMap((task) => task.operators.map((operator) => operator.rows))
    const times = [...tasks.map((task) => task.busyMs), ...tasks.map((task) => task.backpressuredMs)]
    const [read, written, ...rates] = this.#rates.next(runningMs, [rowsRead, rowsWritten, ...rows, ...times])
    // Milliseconds in a second of so many subtasks -> percent.
    const share = (first: number): number[] => tasks.map((task, index) => Math.min(100, rates[first + index] / 10 / task.parallelism))
    return { read, written, rows: rates.slice(0, rows.length), busy: share(rows.length), held: share(rows.length + tasks.length) }
  }

  #draw(figures: JobFigures, rates: JobRates): void {
    const { columns, rows } = this.#terminal
    const block = blockOf(this.#jobName, figures, rates, this.#clock.nowMs(), this.#style, columns)
    const shown = linesWithin(block, rows - 1).map((line) => cut(line, columns))
    this.#terminal.say(`${wipe(this.#drawnLines)}${shown.join('\n')}\n`)
    this.#drawnLines = shown.length
  }
}

function wipe(lines: number): string {
  return lines === 0 ? '' : `\u001b[${lines}A\r\u001b[J`
}

function plainLine(jobName: string, figures: JobFigures, rates: JobRates, nowMs: number): string {
  const watermark = watermarkText(Math.min(...figures.tasks.filter((task) => !task.hasEnded).map((task) => task.watermarkMs)), nowMs)
  const held = figures.tasks.flatMap(({ name }, index) => (rates.held[index] < HELD_PERCENT_MIN ? [] : [`${name} (${formatPercent(rates.held[index])})`]))
  const parts = [
    `${jobName}: ${formatDuration(figures.runningMs)}, ${formatShort(figures.rowsRead)} rows read (${formatShort(rates.read)}/s)`,
    `${formatShort(figures.rowsWritten)} written (${formatShort(rates.written)}/s)`,
    ...(watermark === undefined ? [] : [watermark]),
    ...checkpointText(figures),
    ...(held.length === 0 ? [] : [`backpressure at ${held.join('; ')}`]),
  ]
  return parts.join(', ')
}

/** What is drawn: lines about the job, and one for each operator. */
interface Block {
  readonly head: readonly string[]
  readonly operators: readonly { readonly line: string; readonly isEnd: boolean }[]
}

function blockOf(jobName: string, figures: JobFigures, rates: JobRates, nowMs: number, style: Style, columns: number): Block {
  const nameColumns = Math.min(
    NAME_COLUMNS_MAX,
    Math.max(...figures.tasks.flatMap((task) => task.operators.map(({ name }) => name.length))),
    Math.max(12, columns - 30),
  )
  const rows = `${formatShort(figures.rowsRead)} rows read, ${formatShort(rates.read)}/s  ${formatShort(figures.rowsWritten)} written, ${formatShort(rates.written)}/s`
  const head = [
    `${style.bold(jobName)}  ${formatDuration(figures.runningMs)}  ${rows}  ${style.dim(formatBytes(figures.slabBytes))}`,
    ...checkpointText(figures).map((text) => `  ${text}`),
  ]
  let next = 0
  const operators = figures.tasks.flatMap((task, taskIndex) =>
    task.operators.map(({ name, kind, rows }, index) => {
      const label = `${index === 0 ? '  ' : '   '}${name.length > nameColumns ? `${name.slice(0, nameColumns - 1)}…` : name}`.padEnd(nameColumns + 4)
      const figure = `${formatShort(rates.rows[next++])}/s`.padStart(10) + formatShort(rows).padStart(9)
      // What holds for the whole task stands on its first line.
      const state = index > 0 ? '' : taskState(task, rates.busy[taskIndex], rates.held[taskIndex], nowMs, style)
      return { line: `${label}${figure}${state}`, isEnd: kind !== 'operator' }
    }),
  )
  return { head, operators }
}

/** A block higher than the window could not be wiped: of many operators sources and sinks say most. */
function linesWithin({ head, operators }: Block, linesMax: number): string[] {
  if (head.length + operators.length <= linesMax) return [...head, ...operators.map(({ line }) => line)]
  const room = Math.max(0, linesMax - head.length - 1)
  const ends = operators.filter(({ isEnd }) => isEnd)
  const left = ends.length <= room ? ends : operators.slice(0, room)
  return [...head.slice(0, Math.max(1, linesMax - 1)), ...left.map(({ line }) => line), `  ... ${operators.length - left.length} more`]
}

function taskState(task: TaskFigures, busy: number, held: number, nowMs: number, style: Style): string {
  if (task.hasEnded) return '  ended'
  const watermark = watermarkText(task.watermarkMs, nowMs)
  return [
    `  busy ${formatPercent(busy).padStart(5)}`,
    ...(watermark === undefined ? [] : [watermark]),
    ...(held < HELD_PERCENT_MIN ? [] : [style.yellow(`backpressured ${formatPercent(held)}`)]),
  ].join('  ')
}

/** A watermark, and how far it is behind the clock. */
function watermarkText(watermarkMs: number, nowMs: number): string | undefined {
  const time = formatWatermark(watermarkMs)
  if (time === undefined) return undefined
  return watermarkMs > nowMs ? `watermark ${time}` : `watermark ${time} (lag ${formatAge(nowMs - watermarkMs)})`
}

function checkpointText({ lastCheckpoint }: JobFigures): string[] {
  if (lastCheckpoint === undefined) return []
  const { checkpointId, ageMs, durationMs } = lastCheckpoint
  return [`checkpoint ${checkpointId} ${formatAge(ageMs)} ago, took ${formatMs(durationMs)}`]
}

// oxlint-disable-next-line no-control-regex -- escape codes take no room
const ESCAPE = /\u001b\[\d+m/g

/** Cuts a line to the width of the terminal; escape codes take no room, and a cut line loses them. */
function cut(line: string, columns: number): string {
  const text = line.replace(ESCAPE, '')
  return text.length < columns ? line : text.slice(0, Math.max(0, columns - 1))
}
