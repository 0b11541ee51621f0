// The module of every job that is a SQL script: the query of its URL says which one. Each thread reads the script and plans it again.

import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PlanError } from '../base/errors.ts'
import { hashOfFile } from '../engine/job-bundle.ts'
import { FunctionModules } from './function-modules.ts'
import type { JobProgram } from '../plan/job-program.ts'
import { buildScript, readScript } from './runtime/script-job.ts'
import { SQL_SETTINGS } from './session-options.ts'

const { searchParams: query, hash } = new URL(import.meta.url)
const path = fileURLToPath(query.get('script')!)

const program: JobProgram = {
  url: import.meta.url,
  source: '',
  async build(params) {
    const job = await buildScript(readScript(path, params), (params[SQL_SETTINGS] ?? []) as readonly string[], new FunctionModules(dirname(path), hash))
    if (hashOfFile(path) !== query.get('hash'))
      throw new PlanError('JOB_CHANGED', `Cannot run "${path}": the script has changed since the job was started`, { hint: 'Start it again.' })
    return job
  },
}
export default program
