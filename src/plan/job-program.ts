// What a job is to the runtime: a module that every thread imports, and that builds the same graph each time it is asked.

import type { LogicalGraph } from './transformation.ts'

const MAX_PARALLELISM_OPTION = 'pipeline.max-parallelism'

/** What a program built. */
export interface BuiltJob {
  readonly graph: LogicalGraph
  readonly parallelism: number | undefined
  readonly maxParallelism: number | undefined
  readonly options: ReadonlyMap<string, string>
}

/** The max parallelism of a job: what it is started with, what its program sets, or the option of the program; undefined = the planner's default. */
export function maxParallelismOf(built: Pick<BuiltJob, 'maxParallelism' | 'options'>, requested?: ReadonlyMap<string, string>): number | undefined {
  const option = requested?.get(MAX_PARALLELISM_OPTION)
  if (option !== undefined) return Number(option)
  const own = built.options.get(MAX_PARALLELISM_OPTION)
  return built.maxParallelism ?? (own === undefined ? undefined : Number(own))
}

/** The default export of a job module. */
export interface JobProgram {
  /** URL of the module that exports it. */
  readonly url: string
  /** Runs the user's program. @throws what it throws. */
  build(params: Readonly<Record<string, unknown>>): Promise<BuiltJob>
}

/** Whether a module's default export is a job: checked by shape, since two copies of this package may be loaded. */
export function isJobProgram(value: unknown): value is JobProgram {
  return typeof value === 'object' && value !== null && typeof (value as JobProgram).url === 'string' && typeof (value as JobProgram).build === 'function'
}
