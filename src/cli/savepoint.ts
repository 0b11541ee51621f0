// `millrace savepoint create`: has the process that runs a job take a savepoint.

import { resolve } from 'node:path'
import { ask, type JobsOptions, stateOf } from './control.ts'
import { ExitCode } from './error-text.ts'
import type { Terminal } from './terminal.ts'

/** Takes a savepoint, whose path goes to standard output. The job goes on. @throws as other commands to jobs do. */
export async function createSavepointCommand(job: string, folder: string, options: JobsOptions, terminal: Terminal): Promise<number> {
  const state = stateOf(job, options, 'take a savepoint of')
  const { savepoint } = await ask(state, { command: 'savepoint', directory: resolve(folder) }, 'take a savepoint of')
  terminal.print(`${savepoint}\n`)
  return ExitCode.OK
}
