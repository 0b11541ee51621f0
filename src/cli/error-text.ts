// An error as the command tells it: what went wrong, what to do, and the user's own lines. The engine's lines only when asked for.

import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { MillraceError, PlanError, RestoreError } from '../base/errors.ts'
import { packageRoot } from '../base/platform.ts'
import type { Style } from './terminal.ts'

/** What the command's exit code means. From 128 on it is what shells show for programs that die of a signal. */
export const ExitCode = { OK: 0, JOB_FAILED: 1, USAGE: 2, RESTORE_REFUSED: 3, INTERRUPTED: 130, OUTPUT_CLOSED: 141, TERMINATED: 143 } as const

/** What a supervised child exits with if its job has failed before any worker ran; nobody else sees it. */
export const FAILED_BEFORE_RUNNING = 4
/** What it exits with if the job would fail in the same way each time that it is started again. */
export const FAILED_FOR_GOOD = 5

/** The exit code for an error; what fails before anything ran is the program's or the command line's fault. */
export function exitCodeOf(error: unknown, hasRun: boolean): number {
  if (error instanceof RestoreError) return ExitCode.RESTORE_REFUSED
  return error instanceof PlanError || !hasRun ? ExitCode.USAGE : ExitCode.JOB_FAILED
}

/** How an error is told. */
export interface ErrorTextOptions {
  /** All lines of every stack. */
  readonly isVerbose: boolean
  /** Paths below it are shown relative to it. */
  readonly folder: string
  /** Where the engine's own files lie: their lines are left out. */
  readonly engineFolders: readonly string[]
  readonly style: Style
  /** Texts to show instead of others: the job's file for the bundle made from it. */
  readonly names?: ReadonlyMap<string, string>
}

/** Folders of the engine's code: what runs, and the sources that its maps name. */
export function engineFolders(): readonly string[] {
  return ['dist', 'src'].map((name) => join(packageRoot(), name) + sep)
}

const CAUSES_MAX = 8
const FRAMES_MAX = 12
const ENGINE_PACKAGES = ['piscina', 'esbuild', 'commander'].map((name) => `${sep}node_modules${sep}${name}${sep}`)

/** Several lines, the last one ended. */
export function errorText(error: unknown, options: ErrorTextOptions): string {
  const { style } = options
  const lines: string[] = []
  let current: unknown = error
  let told = ''
  for (let depth = 0; current !== undefined && depth < CAUSES_MAX; depth++) {
    // A message that ends with that of its cause has told it: what is left are the cause's lines.
    if (depth === 0 || !told.endsWith(messageOf(current))) lines.push(`${depth === 0 ? style.red('error') : 'caused by'}${titleOf(current, depth)}`)
    told = messageOf(current)
    if (current instanceof MillraceError && current.hint !== undefined) lines.push(`  ${style.bold('hint')}: ${current.hint}`)
    if (current instanceof Error) lines.push(...framesOf(current, options).map((frame) => style.dim(frame)))
    current = current instanceof Error ? current.cause : undefined
  }
  let text = `${lines.join('\n')}\n`
  for (const [from, to] of options.names ?? []) text = text.replaceAll(from, to)
  return text
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}

function titleOf(thrown: unknown, depth: number): string {
  if (!(thrown instanceof Error)) return `: ${String(thrown)}`
  const { code } = thrown as { code?: unknown }
  const label = thrown instanceof MillraceError ? (depth === 0 ? '' : ` ${thrown.name}`) : ` ${thrown.name}`
  return `${label}${typeof code === 'string' ? ` [${code}]` : ''}: ${thrown.message}`
}

const FRAME = /^\s+at (?:(.*) \()?(.*?)(:\d+:\d+)\)?$/

function framesOf(error: Error, { isVerbose, folder, engineFolders }: ErrorTextOptions): string[] {
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))
  if (isVerbose) return frames
  const own: string[] = []
  for (const frame of frames) {
    const match = FRAME.exec(frame)
    if (match === null || own.length === FRAMES_MAX) continue
    const [, name, location, position] = match as unknown as [string, string | undefined, string, string]
    if (!/^(file:|\/|[A-Za-z]:\\)/.test(location) || location.includes('/node:')) continue
    const path = location.startsWith('file:') ? fileURLToPath(location.replace(/[?#].*$/, '')) : location
    if (engineFolders.some((engine) => path.startsWith(engine)) || ENGINE_PACKAGES.some((part) => path.includes(part))) continue
    const near = relative(folder, path)
    const shown = near.startsWith('..') ? path : near
    own.push(name === undefined ? `    at ${shown}${position}` : `    at ${name} (${shown}${position})`)
  }
  return own
}
