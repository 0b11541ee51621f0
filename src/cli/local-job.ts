// A job's module on the calling thread: for `explain`, which runs nothing, and for `run --inspect`.

import { availableCores } from '../base/platform.ts'
import { type JobModule, resolveJobModule } from '../engine/job-bundle.ts'
import { type ExecutionPlan, planJob } from '../plan/execution-plan.ts'
import { type BuiltJob, jobProgramOf, maxParallelismOf } from '../plan/job-program.ts'
import type { JobParams } from './job-arguments.ts'

/** A job that was planned here. */
export interface LocalJob {
  readonly module: JobModule
  readonly built: BuiltJob
  readonly plan: ExecutionPlan
}

/** User code writes to standard error: standard output belongs to results. Colours and formats stay Node's. */
function divertConsole(): void {
  console.log = console.info = console.debug = console.error
}

/**
 * Imports and plans a job.
 *
 * @throws {PlanError} If it is no job or cannot be planned; and whatever the module or its program throws.
 */
export async function planLocally(
  job: string,
  name: string,
  parallelism: number | undefined,
  options: Readonly<Record<string, string>>,
  params: JobParams,
  tell: (module: JobModule) => void,
): Promise<LocalJob> {
  const module = await resolveJobModule(job)
  tell(module)
  process.setSourceMapsEnabled(true)
  divertConsole()
  const built = await jobProgramOf((await import(module.url)) as object, module.path, undefined).build(params)
  const plan = planJob(built.graph, {
    jobName: name,
    parallelism: parallelism ?? built.parallelism ?? availableCores(),
    maxParallelism: maxParallelismOf(built, new Map(Object.entries(options))),
  })
  return { module, built, plan }
}
