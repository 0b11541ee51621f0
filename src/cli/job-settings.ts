// What the command line says to a job: options of the engine, and what its program or script gets.

import { parseSetting } from '../engine/options.ts'
import { parseSqlSetting, SQL_SETTINGS } from '../sql/session-options.ts'
import { type JobParams, parseJobArguments } from './job-arguments.ts'
import { isScript } from './job-name.ts'

/** Options and params of a job. */
export interface JobSettings {
  /** Of the engine, canonical. */
  readonly options: Map<string, string>
  readonly params: JobParams
  /** Why some options have no effect. */
  readonly notes: readonly string[]
}

/**
 * Reads `--set` and what stands behind `--`. A script gets the options of SQL among its params.
 *
 * @throws {PlanError} if an option is wrong.
 */
export function readJobSettings(job: string, set: readonly string[] = [], jobArguments: readonly string[] = []): JobSettings {
  const options = new Map<string, string>()
  const notes: string[] = []
  const settings: string[] = []
  for (const setting of set) {
    if (isScript(job) && parseSqlSetting(setting) !== undefined) settings.push(setting)
    else {
      const { key, value, note } = parseSetting(setting)
      if (note === undefined) options.set(key, value)
      else notes.push(note)
    }
  }
  return { options, params: { ...parseJobArguments(jobArguments), ...(settings.length > 0 && { [SQL_SETTINGS]: settings }) }, notes }
}
