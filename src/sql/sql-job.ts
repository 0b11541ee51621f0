// The module of every job that is a SQL script: the query of its URL says which one. Each thread reads the script and plans it again.

import { fileURLToPath } from 'node:url'
import { PlanError } from '../base/errors.ts'
import { hashOfFile } from '../engine/job-bundle.ts'
import type { JobProgram } from '../plan/job-program.ts'
import { buildScript, readScript } from './runtime/script-job.ts'
import { SQL_SETTINGS } from './session-options.ts'

const query = new URL(import.meta.url).searchParams
const path = fileURLToPath(query.get('script')!)

const program: JobProgram = {
  url: import.meta.url,
  source: '',
  async build(params) {
    const job = buildScript(readScript(path, params), (params[SQL_SETTINGS] ?? []) as readonly string[])
    if (hashOfFile(path) !== query.get('hash'))
      throw new PlanError('JOB_CHANGED', `Cannot run "${path}": the script has changed since the job was started`, { hint: 'Start it again.' })
    return job
  },
}
export default program
