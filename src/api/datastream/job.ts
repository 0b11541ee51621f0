// `defineJob`: how a module says that it is a job.

import { PlanError } from '../../base/errors.ts'
import { type BuiltJob, type JobProgram, registerProgram } from '../../plan/job-program.ts'
import { StreamExecutionEnvironment } from './environment.ts'

/** The environment of a job's program, which only defines streams: what Flink's programs end with says so. */
export class JobEnvironment extends StreamExecutionEnvironment {
  execute(): never {
    throw new PlanError('INVALID_EXECUTE', 'Cannot execute the job here: its program only defines streams', {
      hint: 'Leave the call out: `millrace run` or engine.submit(job) executes what the program defined. Millrace.local() has an environment with execute().',
    })
  }

  executeAsync(): never {
    return this.execute()
  }
}

/**
 * Defines a job: the default export of its module. The planner and each worker import the module and run the program again, so it must build
 * the same graph each time; what varies comes in `params`. What else stands in the module runs on each of those threads too: guard it with
 * `if (isMainThread)` of node:worker_threads if it starts the engine.
 *
 * @throws {PlanError} `NOT_A_JOB` if the module has no URL, as in a CommonJS bundle, or an argument is missing.
 * @example
 * export default defineJob(import.meta, (env, params) => {
 *   env.fromElements('to', 'be', 'or', 'not', 'to', 'be').keyBy((word) => word.length).reduce((left, right) => `${left} ${right}`).output('words')
 * })
 */
export function defineJob(
  meta: { readonly url: string },
  program: (env: StreamExecutionEnvironment, params: Readonly<Record<string, unknown>>) => void | Promise<void>,
): JobProgram {
  if (typeof program !== 'function')
    throw new PlanError('NOT_A_JOB', 'Cannot define a job: expected import.meta, then its program', {
      hint: 'Write `export default defineJob(import.meta, (env, params) => { ... })`.',
    })
  if (typeof (meta as { readonly url?: unknown } | null | undefined)?.url !== 'string')
    throw new PlanError('NOT_A_JOB', 'Cannot define a job: its module has no import.meta.url', {
      hint: "Bundle it as an ES module (esbuild: --format=esm): the engine's threads import it by its URL.",
    })
  const job: JobProgram = Object.freeze({
    url: meta.url,
    source: String(program),
    async build(params: Readonly<Record<string, unknown>>): Promise<BuiltJob> {
      const env = new JobEnvironment()
      await program(env, params)
      return { graph: env.wholeGraph(), ...env.settings }
    },
  })
  registerProgram(job)
  return job
}
