// `defineJob`: how a module says that it is a job.

import type { BuiltJob, JobProgram } from '../../plan/job-program.ts'
import { StreamExecutionEnvironment } from './environment.ts'

/**
 * Defines a job: the default export of its module. The planner and each worker import the module and run the program again, so it must build
 * the same graph each time; what varies comes in `params`.
 *
 * @example
 * export default defineJob(import.meta, (env, params) => {
 *   env.fromElements('to', 'be', 'or', 'not', 'to', 'be').keyBy((word) => word.length).reduce((left, right) => `${left} ${right}`).output('words')
 * })
 */
export function defineJob(
  meta: { readonly url: string },
  program: (env: StreamExecutionEnvironment, params: Readonly<Record<string, unknown>>) => void | Promise<void>,
): JobProgram {
  return Object.freeze({
    url: meta.url,
    async build(params: Readonly<Record<string, unknown>>): Promise<BuiltJob> {
      const env = new StreamExecutionEnvironment()
      await program(env, params)
      return { graph: env.graph, ...env.settings }
    },
  })
}
