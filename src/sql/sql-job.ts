// The module of every job that is SQL: the query of its URL says which script, or holds the statements. Each thread reads them and plans them again.

import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PlanError } from '../base/errors.ts'
import { hashOfFile } from '../engine/job-bundle.ts'
import { FunctionModules } from './function-modules.ts'
import type { BuiltJob, JobProgram } from '../plan/job-program.ts'
import { buildScript, buildStatements, writePlans } from './runtime/script-job.ts'
import { readScript } from './script-text.ts'
import { SQL_SETTINGS } from './session-options.ts'
import { statementsOf } from './statements-url.ts'

const url = new URL(import.meta.url)
const statements = statementsOf(url)

function pathOfScript(): string {
  return fileURLToPath(url.searchParams.get('script')!)
}

async function scriptJob(params: Readonly<Record<string, unknown>>): Promise<BuiltJob> {
  const path = pathOfScript()
  const job = await buildScript(readScript(path, params), (params[SQL_SETTINGS] ?? []) as readonly string[], new FunctionModules(dirname(path), url.hash))
  if (hashOfFile(path) !== url.searchParams.get('hash'))
    throw new PlanError('JOB_CHANGED', `Cannot run "${path}": the script has changed since the job was started`, { hint: 'Start it again.' })
  return job
}

const program: JobProgram = {
  url: import.meta.url,
  source: '',
  ...(statements === undefined && { prepare: (params) => writePlans(pathOfScript(), params) }),
  build: (params) => (statements === undefined ? scriptJob(params) : buildStatements(statements)),
}
export default program
