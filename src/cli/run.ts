// `millrace run`: finds the job's module, hands it to an engine, shows how it gets on, tells how it ended. The main thread runs none of the job,
// except with --inspect.

import { existsSync } from 'node:fs'
import { systemClock } from '../base/clock.ts'
import { hasCode } from '../base/errors.ts'
import { Engine, type JobHandle } from '../engine/engine.ts'
import { type JobModule, jobPath, resolveJobModule } from '../engine/job-bundle.ts'
import { failsAgain } from '../engine/restart-strategy.ts'
import type { ExecutionPlan } from '../plan/execution-plan.ts'
import { engineFolders, errorText, ExitCode, exitCodeOf, FAILED_BEFORE_RUNNING, FAILED_FOR_GOOD } from './error-text.ts'
import { Interruption } from './interruption.ts'
import type { JobParams } from './job-arguments.ts'
import { figuresOf } from './job-figures.ts'
import { isScript, jobNameOf } from './job-name.ts'
import { readJobSettings } from './job-settings.ts'
import { Progress, type ProgressMode } from './progress.ts'
import { summaryJson, summaryText } from './summary.ts'
import { isStartedAgain, isSupervised } from './supervisor.ts'
import { locateSyntaxError } from './syntax-error.ts'
import { divertStreams, styleOf, type Terminal } from './terminal.ts'

/** What the command line says about a run. */
export interface RunOptions {
  readonly parallelism?: number
  readonly set?: readonly string[]
  readonly name?: string
  readonly watch?: boolean
  readonly fresh?: boolean
  readonly fromSavepoint?: string
  readonly takeOver?: boolean
  /** State of operators that the job does not have is dropped. */
  readonly allowNonRestoredState?: boolean
  readonly dev?: boolean
  /** `true`, or where the inspector listens. */
  readonly inspect?: boolean | string
  readonly quiet?: boolean
  readonly json?: boolean
  readonly verbose?: boolean
}

/** The option that --allow-non-restored-state sets. */
export const ALLOW_NON_RESTORED = 'execution.state-recovery.ignore-unclaimed-state'

/** Everything about a run that does not change while it is watched. */
export interface RunSettings {
  readonly job: string
  readonly name: string
  readonly parallelism: number | undefined
  readonly options: Readonly<Record<string, string>>
  readonly params: JobParams
  /** Whether what earlier runs have kept is moved aside. */
  readonly fresh: boolean
  /** Whether a process that runs the job is told to end. */
  readonly takesOver: boolean
  readonly progress: ProgressMode
  readonly isJson: boolean
  readonly isVerbose: boolean
}

/** Runs a job. Resolves with the exit code; errors of the job are told here. @throws {PlanError} If an option is wrong. */
export async function runCommand(job: string, options: RunOptions, jobArguments: readonly string[], terminal: Terminal): Promise<number> {
  const settings = await runSettings(job, options, jobArguments, terminal)
  if (isScript(job) && existsSync(jobPath(job)) && !isStartedAgain)
    await (await import('../sql/runtime/script-job.ts')).writePlans(jobPath(job), settings.params)
  if (options.inspect !== undefined && options.inspect !== false) return (await import('./inspect.ts')).runInspected(settings, options.inspect, terminal)
  const interruption = new Interruption(terminal)
  if (options.watch === true) return (await import('./watch.ts')).watchJob(settings, interruption, terminal)
  return runOnce(settings, await resolveJobModule(job), interruption, terminal)
}

async function runSettings(job: string, options: RunOptions, jobArguments: readonly string[], terminal: Terminal): Promise<RunSettings> {
  const { options: values, params, notes } = readJobSettings(job, options.set, jobArguments)
  if (options.quiet !== true) for (const note of notes) terminal.say(`note: ${note}\n`)
  if (options.allowNonRestoredState === true) values.set(ALLOW_NON_RESTORED, 'true')
  if (options.dev === true) values.set('millrace.dev', 'true')
  if (options.fromSavepoint !== undefined) values.set('execution.state-recovery.path', options.fromSavepoint)
  const parallelism = options.parallelism ?? (values.has('parallelism.default') ? Number(values.get('parallelism.default')) : undefined)
  return {
    job,
    name: options.name ?? values.get('pipeline.name') ?? (await jobNameOf(job, params)),
    parallelism,
    options: Object.fromEntries(values),
    params,
    progress: options.quiet === true || options.json === true ? 'quiet' : terminal.isInteractive ? 'drawn' : 'plain',
    fresh: options.fresh === true,
    takesOver: options.takeOver === true,
    isJson: options.json === true,
    isVerbose: options.verbose === true,
  }
}

/** A sink in a plan's text that writes to the terminal. */
const PRINTS = /: standard (?:output|error)\b/

/** Runs a job to its end, once. Resolves with the exit code. */
export async function runOnce(
  settings: RunSettings,
  module: JobModule,
  interruption: Interruption,
  terminal: Terminal,
  signal: AbortSignal = interruption.signal,
): Promise<number> {
  const progress = new Progress(terminal, systemClock, settings.progress, settings.name)
  interruption.say = (text) => progress.say(text)
  // Standard output belongs to sinks, which write to it without this stream.
  const restoreStreams = divertStreams((text) => progress.say(text))
  // One job: nobody waits for its threads, and whatever starts it again is a process.
  const engine = new Engine({ keepsThreads: false, restarts: false, supervisorPid: isSupervised ? process.ppid : undefined })
  let plan: ExecutionPlan | undefined
  let handle: JobHandle | undefined
  try {
    handle = engine.submit(module.url, {
      name: settings.name,
      params: settings.params,
      ...(settings.parallelism !== undefined && { parallelism: settings.parallelism }),
      options: settings.options,
      fresh: settings.fresh,
      takeOver: settings.takesOver,
      signal,
      onMetrics: (metrics) => progress.update(metrics),
      onLog: (operatorName, subtaskIndex, message) => progress.log(operatorName, subtaskIndex, message),
    })
    void notePlan(handle, (made, text) => {
      plan = made
      // Rows that a sink prints on the same screen would be drawn over: then there are only the rows.
      if (settings.progress !== 'drawn' || !process.stdout.isTTY || !PRINTS.test(text)) progress.setPlan(made)
    })
    const { state, metrics } = await handle.result
    progress.close()
    const summary = { job: settings.name, state, figures: figuresOf(metrics, plan) }
    if (settings.isJson) terminal.say(summaryJson(summary))
    else if (settings.progress !== 'quiet') terminal.say(summaryText(summary, styleOf(terminal)))
    return state === 'cancelled' ? interruption.exitCode : ExitCode.OK
  } catch (error) {
    progress.close()
    // As programs that die of a broken pipe: `| head` hears nothing.
    if (hasCode(error, 'OUTPUT_CLOSED')) return ExitCode.OUTPUT_CLOSED
    // The child before this one was killed when it had done everything but to end.
    if (isStartedAgain && hasCode(error, 'JOB_FINISHED')) return ExitCode.OK
    tellError(await locateSyntaxError(error, module), settings, module, terminal)
    const code = exitCodeOf(error, plan !== undefined)
    if (code === ExitCode.JOB_FAILED && isSupervised && failsAgain(error)) return FAILED_FOR_GOOD
    return code === ExitCode.JOB_FAILED && isSupervised && handle?.hasStarted !== true ? FAILED_BEFORE_RUNNING : code
  } finally {
    restoreStreams()
  }
}

/** Calls back once the job is planned; never, if it fails before: its result says so. */
async function notePlan(handle: JobHandle, note: (plan: ExecutionPlan, text: string) => void): Promise<void> {
  try {
    const { plan, text } = await handle.plan()
    note(plan, text)
  } catch {
    // Told by the result.
  }
}

/** Tells an error of a job. */
export function tellError(error: unknown, settings: Pick<RunSettings, 'isJson' | 'isVerbose'>, module: JobModule | undefined, terminal: Terminal): void {
  if (settings.isJson) {
    const { name, message, code, hint } = error as Partial<Error & { code: string; hint: string }>
    terminal.say(`${JSON.stringify({ state: 'failed', error: { name, code, message: message ?? String(error), hint } })}\n`)
    return
  }
  terminal.say(
    errorText(error, {
      isVerbose: settings.isVerbose,
      folder: process.cwd(),
      engineFolders: engineFolders(),
      style: styleOf(terminal),
      ...(module !== undefined && module.isBundled && { names: new Map([[module.url, module.path]]) }),
    }),
  )
}
