// How far a statement is that shows no rows while it runs: one line on a terminal, drawn over, and gone when it ends.

import type { LocalExecutor } from '../runtime/local-executor.ts'
import { figuresOf } from './job-figures.ts'
import { formatCount, formatShort } from './numbers.ts'
import type { Terminal } from './terminal.ts'

/** Statements that end sooner show nothing. */
const FIRST_DRAWING_MS = 500
const DRAWING_INTERVAL_MS = 200

/** Runs a job, and shows how far it is if there is a terminal. */
export async function runShown(executor: LocalExecutor, terminal: Terminal, signal: AbortSignal): Promise<void> {
  if (!terminal.isInteractive) return executor.run(signal)
  let isDrawn = false
  const draw = (): void => {
    const { rowsRead, rowsWritten, runningMs } = figuresOf(executor.metrics.read(), executor.plan)
    const rate = formatShort((rowsRead * 1000) / runningMs)
    isDrawn = true
    terminal.say(`\r\u001b[K${formatCount(rowsRead)} rows read, ${formatCount(rowsWritten)} written, ${rate} rows/s; Ctrl-C ends it`)
  }
  let timer = setTimeout(() => {
    draw()
    timer = setInterval(draw, DRAWING_INTERVAL_MS)
  }, FIRST_DRAWING_MS)
  try {
    await executor.run(signal)
  } finally {
    clearTimeout(timer)
    if (isDrawn) terminal.say('\r\u001b[K')
  }
}
