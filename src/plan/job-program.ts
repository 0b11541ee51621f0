// What a job is to the runtime: a module that every thread imports, and that builds the same graph each time it is asked.

import { PlanError } from '../base/errors.ts'
import { isEngineThread } from '../base/platform.ts'
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
  /** Text of the user's program: tells several jobs of one module apart. */
  readonly source: string
  /** Called once, where the job is started, before threads build it. */
  prepare?(params: Readonly<Record<string, unknown>>): Promise<void>
  /** Runs the user's program. @throws what it throws. */
  build(params: Readonly<Record<string, unknown>>): Promise<BuiltJob>
}

/** Whether a module's default export is a job: checked by shape, since two copies of this package may be loaded. */
export function isJobProgram(value: unknown): value is JobProgram {
  return typeof value === 'object' && value !== null && typeof (value as JobProgram).url === 'string' && typeof (value as JobProgram).build === 'function'
}

/** Jobs that the modules of this thread define. Kept on engine threads only, which import the modules of a limited number of jobs. */
const defined: JobProgram[] = []

/** @internal Called by `defineJob`. */
export function registerProgram(program: JobProgram): void {
  if (isEngineThread()) defined.push(program)
}

/**
 * The job that a module exports.
 *
 * @param url The module's URL, for errors.
 * @param source Text of the program that was submitted, if it is known. A loader may have changed it on the submitting thread, so that only the text
 * of another job of the module proves that the wrong one is exported.
 * @throws {PlanError} `NOT_A_JOB`.
 */
export function jobProgramOf(module: { readonly default?: unknown }, url: string, source: string | undefined): JobProgram {
  const program = module.default
  if (!isJobProgram(program)) {
    const named = Object.entries(module).find(([name, value]) => name !== 'default' && isJobProgram(value))
    const hint = named === undefined ? JOB_MODULE_HINT : `It exports a job as "${named[0]}": export that as default.`
    throw new PlanError('NOT_A_JOB', `Cannot run ${url}: its default export is not made by defineJob`, { hint })
  }
  if (source !== undefined && program.source !== source && defined.some((other) => other.url === program.url && other.source === source))
    throw new PlanError('NOT_A_JOB', `Cannot run ${url}: its default export is another job than the one that was submitted`, {
      hint: 'A module has one job: put each into a module of its own, and keep those apart when they are bundled.',
    })
  return program
}

/** What every complaint about a job's module says. */
export const JOB_MODULE_HINT =
  "The engine's threads import the module that calls defineJob. Write `export default defineJob(import.meta, (env, params) => { ... })` in a module of its own, which a bundler keeps apart; or export the job as default and guard the rest of the file with `if (isMainThread)` of node:worker_threads."
