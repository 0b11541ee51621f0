// `millrace explain`: prints what a job would run as. Runs the job's program, and nothing of the job.

import type { JobModule } from '../engine/job-bundle.ts'
import { formatPlan } from '../plan/execution-plan.ts'
import { exchangeRingBytes } from '../runtime/control-layout.ts'
import { ExitCode } from './error-text.ts'
import { jobNameOf } from './job-name.ts'
import { readJobSettings } from './job-settings.ts'
import { planLocally } from './local-job.ts'
import { type RunOptions, tellError } from './run.ts'
import { locateSyntaxError } from './syntax-error.ts'
import type { Terminal } from './terminal.ts'

/** Prints the plan on standard output. */
export async function explainCommand(job: string, options: RunOptions, jobArguments: readonly string[], terminal: Terminal): Promise<number> {
  const { options: values, params } = readJobSettings(job, options.set, jobArguments)
  const settings: Record<string, string> = Object.fromEntries(values)
  const parallelism = options.parallelism ?? (settings['parallelism.default'] === undefined ? undefined : Number(settings['parallelism.default']))
  const name = options.name ?? settings['pipeline.name'] ?? (await jobNameOf(job, params))
  let module: JobModule | undefined
  try {
    const { plan, built } = await planLocally(job, name, parallelism, settings, params, (found) => (module = found))
    terminal.print(
      options.json === true ? `${JSON.stringify(plan, undefined, 2)}\n` : `${formatPlan(plan, built.graph, (exchange) => exchangeRingBytes(plan, exchange))}\n`,
    )
    return ExitCode.OK
  } catch (error) {
    tellError(await locateSyntaxError(error, module), { isJson: options.json === true, isVerbose: options.verbose === true }, module, terminal)
    return ExitCode.USAGE
  }
}
