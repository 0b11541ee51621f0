// `millrace nexmark`: the events of the Nexmark benchmark as JSON lines, in a file or on standard output.

import { ConnectorError, PlanError } from '../base/errors.ts'
import { systemClock } from '../base/clock.ts'
import { writeNexmarkFile } from '../connector/nexmark/nexmark-file.ts'
import { NEXMARK_EVENTS_MAX } from '../connector/nexmark/nexmark-options.ts'
import { ExitCode } from './error-text.ts'
import { formatBytes, formatCount, formatDuration } from './numbers.ts'
import type { Terminal } from './terminal.ts'

const STANDARD_OUTPUT = 1

/** The generator's names for what the flags say. */
const FLAGS: Readonly<Record<string, string>> = { eventCount: '--events', eventRate: '--eps', disorderMs: '--disorder', seed: '--seed' }

/** What the command line says. */
export interface NexmarkCommandOptions {
  /** Must be there: the command line does not require it, so that it can say what is wrong with a mistyped one. */
  readonly events?: number
  readonly eps: number
  readonly disorder: number
  readonly seed: number
  readonly out: string
  readonly quiet?: boolean
}

/** Writes the events. @throws {PlanError} If an option is out of range. @throws {ConnectorError} If the file cannot be written. */
export function nexmarkCommand({ events, eps, disorder, seed, out, quiet }: NexmarkCommandOptions, terminal: Terminal): number {
  if (events === undefined) throw new PlanError('INVALID_ARGUMENT', 'Cannot write events: --events <count> says how many')
  // The generator knows 0 as well, for events without end: a file has one.
  if (!Number.isSafeInteger(events) || events < 1 || events > NEXMARK_EVENTS_MAX)
    throw new PlanError('INVALID_OPTION', `Cannot generate Nexmark events with --events ${events}: it must be an integer in 1..${NEXMARK_EVENTS_MAX}`)
  const startMs = systemClock.monotonicMs()
  let summary
  try {
    summary = writeNexmarkFile(out === '-' ? STANDARD_OUTPUT : out, { eventCount: events, eventRate: eps, disorderMs: disorder, seed })
  } catch (error) {
    if (out === '-' && error instanceof ConnectorError && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'EPIPE') return ExitCode.OUTPUT_CLOSED
    if (!(error instanceof PlanError)) throw error
    throw new PlanError(
      error.code,
      error.message.replace(/\b(\w+) = /, (text, name: string) => (name in FLAGS ? `${FLAGS[name]} ` : text)),
    )
  }
  const ms = systemClock.monotonicMs() - startMs
  if (quiet !== true)
    terminal.say(`${formatCount(summary.events)} events, ${formatBytes(summary.bytes)} in ${formatDuration(ms)}${out === '-' ? '' : `: ${out}`}\n`)
  return ExitCode.OK
}
