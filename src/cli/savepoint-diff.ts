// `millrace savepoint diff`: what would become of a savepoint in a job, without starting it. The decision is that of the restore itself.

import { resolve } from 'node:path'
import { decideRestore, type RestoreDecision, type RestoreVerdict } from '../checkpoint/restore-decision.ts'
import { readSavepoint } from '../checkpoint/savepoint.ts'
import { summarize } from '../checkpoint/snapshot-summary.ts'
import type { JobModule } from '../engine/job-bundle.ts'
import { allowsNonRestoredState } from '../runtime/checkpoint-options.ts'
import { inFlightRefusals } from '../runtime/in-flight.ts'
import { plannedOperators } from '../runtime/planned-operators.ts'
import { ExitCode, exitCodeOf } from './error-text.ts'
import { jobNameOf } from './job-name.ts'
import { readJobSettings } from './job-settings.ts'
import { planLocally } from './local-job.ts'
import { ALLOW_NON_RESTORED, type RunOptions, tellError } from './run.ts'
import { locateSyntaxError } from './syntax-error.ts'
import { tableText } from './table.ts'
import { styleOf, type Terminal } from './terminal.ts'

/** Compares. Resolves with 0 if the job can start from the savepoint, with 1 if it cannot. */
export async function diffSavepointCommand(
  folder: string,
  job: string,
  options: RunOptions,
  jobArguments: readonly string[],
  terminal: Terminal,
): Promise<number> {
  const { options: values, params } = readJobSettings(job, options.set, jobArguments)
  const settings: Record<string, string> = Object.fromEntries(values)
  if (options.allowNonRestoredState === true) settings[ALLOW_NON_RESTORED] = 'true'
  const parallelism = options.parallelism ?? (settings['parallelism.default'] === undefined ? undefined : Number(settings['parallelism.default']))
  const name = options.name ?? settings['pipeline.name'] ?? (await jobNameOf(job, params))
  let module: JobModule | undefined
  try {
    const { snapshot } = await readSavepoint(resolve(folder))
    const { plan, built } = await planLocally(job, name, parallelism, settings, params, (found) => (module = found))
    const allows = allowsNonRestoredState(new Map([...built.options, ...Object.entries(settings)]))
    const decision = decideRestore(summarize(snapshot), plannedOperators(plan, built.graph), allows, inFlightRefusals(plan, built.graph, snapshot))
    terminal.print(options.json === true ? `${JSON.stringify(decision, undefined, 2)}\n` : decisionText(decision, terminal))
    return decision.canStart ? ExitCode.OK : ExitCode.JOB_FAILED
  } catch (error) {
    tellError(await locateSyntaxError(error, module), { isJson: options.json === true, isVerbose: options.verbose === true }, module, terminal)
    return exitCodeOf(error, false)
  }
}

function decisionText({ operators, canStart }: RestoreDecision, terminal: Terminal): string {
  const style = styleOf(terminal, 'print')
  const mark = (verdict: RestoreVerdict): string => (verdict === 'refuse' ? style.red(verdict) : verdict)
  const rows = operators.flatMap(({ uid, name, verdict, reason, states }) => [
    [mark(verdict), name === uid ? uid : `${name} (uid ${uid})`, '', reason],
    ...states.map((state) => [`  ${mark(state.verdict)}`, `  ${state.name}`, state.schema ?? '', state.reason]),
  ])
  const end = canStart ? 'The job can start from it.' : 'The job cannot start from it.'
  return `${operators.length === 0 ? '' : `${tableText([['', 'OPERATOR AND STATE', 'IN THE SAVEPOINT', 'WHY'], ...rows])}\n`}${end}\n`
}
