// The process around a run that is to survive its failures: starts the engine as a child, and again when it fails or is killed, from its newest
// checkpoint. Invariant: no user code, no engine and no native code here, so that nothing but a signal can end it.

import { type ChildProcess, spawn } from 'node:child_process'
import { systemClock } from '../base/clock.ts'
import { freshSeed, Random } from '../base/random.ts'
import { CoordinatorWatch } from '../engine/coordinator-watch.ts'
import { parseSetting } from '../engine/options.ts'
import { type RestartStrategy, restartStrategyOf } from '../engine/restart-strategy.ts'
import { hangTimeoutMsOf } from '../runtime/coordinator-ticks.ts'
import { jobPath } from '../engine/job-bundle.ts'
import { isSqlOption } from '../sql/session-options.ts'
import { ExitCode, FAILED_BEFORE_RUNNING, FAILED_FOR_GOOD } from './error-text.ts'
import { parseJobArguments } from './job-arguments.ts'
import { isScript } from './job-name.ts'
import type { RunOptions } from './run.ts'
import type { Terminal } from './terminal.ts'

/**
 * Set for the child, to how many were started before it; it counts only together with a channel to the parent, since whatever the child starts has it
 * too.
 */
const MARK = 'MILLRACE_SUPERVISED'
const SIGNALS = ['SIGINT', 'SIGTERM'] as const
/** The child says so often that its main thread runs. */
const HEARTBEAT_MS = 1000
/** How long a child may take to end once it has begun to: a thread that a call of the system holds would keep it for ever. */
const EXIT_MS_MAX = 5000

/** Supervisor -> child: a signal has come. */
interface SignalMessage {
  readonly signal: (typeof SIGNALS)[number]
}

/** Child -> supervisor: it lives, or it ends with this code. */
type ChildMessage = 'alive' | { readonly exitCode: number }

/** Whether this process is a supervisor's child. */
export const isSupervised: boolean = process.env[MARK] !== undefined && process.connected
/** Whether it goes on with what another child has begun. */
export const isStartedAgain: boolean = isSupervised && Number(process.env[MARK]) > 0
delete process.env[MARK]

/**
 * In the child: signals come from the supervisor alone (a terminal sends them to both), and the child does not outlive it.
 *
 * @param interrupt Called with each signal.
 */
export function obeySupervisor(interrupt: (signal: (typeof SIGNALS)[number]) => void): void {
  // A listener keeps the signal from ending the process.
  for (const signal of SIGNALS) process.on(signal, () => {})
  process.on('message', (message) => interrupt((message as SignalMessage).signal))
  // At once: an attempt without a supervisor may not commit another thing.
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
  process.channel?.unref()
  const say = (message: ChildMessage): void => void process.send?.(message)
  setInterval(() => say('alive'), HEARTBEAT_MS).unref()
  process.on('exit', (exitCode) => say({ exitCode }))
}

/** What the command line says that matters here. */
export type SupervisedOptions = Pick<RunOptions, 'set' | 'watch' | 'inspect' | 'quiet' | 'json'>

/**
 * Supervises the run, if it is to be started again when it fails. Resolves with the exit code; undefined if the run is this process's own. What a script
 * sets counts where the command line does not say it.
 *
 * @throws {PlanError} If a setting is wrong.
 */
export async function superviseRun(job: string, options: SupervisedOptions, jobArguments: readonly string[], terminal: Terminal): Promise<number | undefined> {
  if (isSupervised || options.watch === true || (options.inspect !== undefined && options.inspect !== false)) return undefined
  // Those of SQL say nothing about starting again; the child judges them.
  const settings = (options.set ?? []).filter((setting) => !isSqlOption(setting.split('=', 1)[0].trim()))
  const given = settings.map(parseSetting).map(({ key, value }) => [key, value] as const)
  const values = new Map([...(isScript(job) ? await scriptSettings(job, jobArguments) : []), ...given])
  const strategy = restartStrategyOf(values, new Random(freshSeed()))
  if (strategy === undefined) return undefined
  const say = (text: string): void => {
    if (options.quiet !== true && options.json !== true) terminal.say(text)
  }
  return supervise(strategy, hangTimeoutMsOf(values), say)
}

/** What a script sets of the engine. Nothing of a script that cannot be read: the child tells why. */
async function scriptSettings(job: string, jobArguments: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const { engineSettingsOf, readScript } = await import('../sql/script-text.ts')
  try {
    return engineSettingsOf(readScript(jobPath(job), parseJobArguments(jobArguments)))
  } catch {
    return new Map()
  }
}

/** Runs the same command line in children until one ends for good. */
async function supervise(strategy: RestartStrategy, hangTimeoutMs: number, say: (text: string) => void): Promise<number> {
  let child: ChildProcess | undefined
  let interruptedBy: (typeof SIGNALS)[number] | undefined
  let endPause: (() => void) | undefined
  for (const signal of SIGNALS)
    process.on(signal, () => {
      if (interruptedBy !== undefined) {
        child?.kill('SIGKILL')
        process.kill(process.pid, 'SIGKILL')
      }
      interruptedBy = signal
      endPause?.()
      if (child?.connected === true) child.send({ signal } satisfies SignalMessage)
    })
  let args = process.argv.slice(1)
  let hasRun = false
  for (let started = 0; ; started++) {
    const env = { ...process.env, [MARK]: String(started) }
    child = spawn(process.execPath, [...process.execArgv, ...args], { stdio: ['inherit', 'inherit', 'inherit', 'ipc'], env })
    const { code, signal } = await endOf(child, hangTimeoutMs)
    // What cannot even start will not the next time: a file that is not there, a folder that cannot be written.
    if (code === FAILED_BEFORE_RUNNING && !hasRun) return ExitCode.JOB_FAILED
    if (code === FAILED_FOR_GOOD) {
      say('The job has failed, and is not started again: the record that it has failed with would come again\n')
      return ExitCode.JOB_FAILED
    }
    if (code !== null && code !== ExitCode.JOB_FAILED && code !== FAILED_BEFORE_RUNNING) return code
    hasRun = true
    const interrupted = (): number => (interruptedBy === 'SIGTERM' ? ExitCode.TERMINATED : ExitCode.INTERRUPTED)
    if (interruptedBy !== undefined) return interrupted()
    const what = signal === null ? 'The job has failed' : `The engine was ended by ${signal}`
    const delayMs = strategy.onFailure(systemClock.monotonicMs())
    if (delayMs === undefined) {
      say(`${what}, and is not started again: ${strategy.description}\n`)
      return ExitCode.JOB_FAILED
    }
    say(`${what}; starting it again in ${(delayMs / 1000).toFixed(1)} s\n`)
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, delayMs)
      endPause = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    endPause = undefined
    if (interruptedBy !== undefined) return interrupted()
    // What the first start has begun is gone on with.
    args = withoutFirst(args)
  }
}

/** Waits for the child's end; kills it if it says nothing for too long, or does not end when it should: then its code is the one that it has told. */
function endOf(child: ChildProcess, hangTimeoutMs: number): Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }> {
  return new Promise((resolve, reject) => {
    // Silence of the child, not a stop of this process: a look hears what has come meanwhile.
    const watch = new CoordinatorWatch(
      hangTimeoutMs,
      () => {},
      () => child.kill('SIGKILL'),
    )
    let told: number | null = null
    let exitTimer: NodeJS.Timeout | undefined
    watch.heard()
    child.on('message', (message: ChildMessage) => {
      watch.heard()
      if (message === 'alive') return
      exitTimer = setTimeout(() => {
        told = message.exitCode
        child.kill('SIGKILL')
      }, EXIT_MS_MAX)
    })
    child.on('error', reject)
    child.on('exit', (code, signal) => {
      watch.end()
      clearTimeout(exitTimer)
      resolve(told === null ? { code, signal } : { code: told, signal: null })
    })
  })
}

/** What holds for the first start alone. */
const FIRST_FLAGS = new Set(['--fresh', '--take-over'])

function withoutFirst(args: readonly string[]): string[] {
  const end = args.indexOf('--')
  return args.filter((argument, index) => !FIRST_FLAGS.has(argument) || (end !== -1 && index > end))
}
