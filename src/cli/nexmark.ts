// `millrace nexmark`: the events of the Nexmark benchmark as JSON lines, in a file or on standard output.

import { ConnectorError, PlanError } from '../base/errors.ts'
import { systemClock } from '../base/clock.ts'
import { writeNexmarkFile } from '../connector/nexmark/nexmark-file.ts'
import { ExitCode } from './error-text.ts'
import { formatBytes, formatCount, formatDuration } from './numbers.ts'
import type { Terminal } from './terminal.ts'

const STANDARD_OUTPUT = 1

/** What the command line says. */
export interface NexmarkCommandOptions {
  readonly events: number
  readonly eps: number
  readonly disorder: number
  readonly seed: number
  readonly out: string
  readonly quiet?: boolean
}

/** Writes the events. @throws {PlanError} If an option is out of range. @throws {ConnectorError} If the file cannot be written. */
export function nexmarkCommand({ events, eps, disorder, seed, out, quiet }: NexmarkCommandOptions, terminal: Terminal): number {
  if (events === 0) throw new PlanError('INVALID_ARGUMENT', 'Cannot write 0 events: --events must be at least 1')
  const startMs = systemClock.monotonicMs()
  let summary
  try {
    summary = writeNexmarkFile(out === '-' ? STANDARD_OUTPUT : out, { eventCount: events, eventRate: eps, disorderMs: disorder, seed })
  } catch (error) {
    // A reader of the pipe that has seen enough is no failure.
    if (out === '-' && error instanceof ConnectorError && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'EPIPE') return ExitCode.OK
    throw error
  }
  const ms = systemClock.monotonicMs() - startMs
  if (quiet !== true)
    terminal.say(`${formatCount(summary.events)} events, ${formatBytes(summary.bytes)} in ${formatDuration(ms)}${out === '-' ? '' : `: ${out}`}\n`)
  return ExitCode.OK
}
