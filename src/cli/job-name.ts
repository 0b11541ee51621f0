// The name of a job that was not given one.

import { basename, dirname } from 'node:path'
import { jobPath } from '../engine/job-bundle.ts'
import type { JobParams } from './job-arguments.ts'

/** Whether a job is a SQL script. */
export function isScript(job: string): boolean {
  return /\.sql$/i.test(job)
}

/** The name that a SQL script sets, or the file's name without its extension. */
export async function jobNameOf(job: string, params: JobParams): Promise<string> {
  const own = isScript(job) ? await scriptName(job, params) : undefined
  return own ?? (basename(job).replace(/\.(?:[cm]?[jt]sx?|sql)$/i, '') || 'job')
}

async function scriptName(job: string, params: JobParams): Promise<string | undefined> {
  const { planScript } = await import('../sql/runtime/script-job.ts')
  const { readScript } = await import('../sql/script-text.ts')
  const { FunctionModules } = await import('../sql/function-modules.ts')
  try {
    const path = jobPath(job)
    const { options } = await planScript(readScript(path, params), [], new FunctionModules(dirname(path)))
    return options.get('pipeline.name')
  } catch {
    // The run tells what is wrong.
    return undefined
  }
}
