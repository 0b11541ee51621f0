// The text of a script, before anything of it is planned: its variables, and what it sets of the engine.

import { readFileSync } from 'node:fs'
import { PlanError } from '../base/errors.ts'
import { parseOption } from '../engine/options.ts'
import { fillVariables } from './script-variables.ts'
import { isSqlOption, SQL_SETTINGS } from './session-options.ts'
import { parseScript } from './statement-parser.ts'

/**
 * Reads a script, and fills its variables in.
 *
 * @param params Values by name, which come before those of the environment.
 * @throws {SqlError} `UNKNOWN_VARIABLE`; {@link PlanError} `INVALID_ARGUMENT` for a parameter that is none of its variables.
 */
export function readScript(path: string, params: Readonly<Record<string, unknown>>): string {
  const text = readFileSync(path, 'utf8')
  const values: Record<string, string> = {}
  for (const [name, value] of Object.entries(params)) {
    if (name === SQL_SETTINGS || (name === '_' && Array.isArray(value) && value.length === 0)) continue
    const argument = name === '_' ? String(Array.isArray(value) ? value[0] : value) : `--${name}`
    if (typeof value !== 'string' || !text.includes(`\${${name}}`))
      throw new PlanError('INVALID_ARGUMENT', `Cannot give the script "${path}" the argument "${argument}"`, {
        hint:
          name === '_' || !text.includes(`\${${name}}`)
            ? 'Arguments are `-- --NAME VALUE`, for ${NAME} in the script.'
            : 'It stands for a text: write it once, with a value.',
      })
    values[name] = value
  }
  return fillVariables(text, { ...process.env, ...values })
}

/**
 * Options of the engine that a script sets in front of what it runs, canonical. What is wrong with it is not told here, but by whoever plans it.
 */
export function engineSettingsOf(text: string): ReadonlyMap<string, string> {
  const settings = new Map<string, string>()
  for (const statement of parseScript(text)) {
    if (statement.kind === 'insert' || statement.kind === 'statement set' || statement.kind === 'execute plan') break
    if (statement.kind === 'compile plan' || (statement.kind === 'create table' && statement.query !== undefined)) break
    if (statement.kind === 'reset' && statement.key === undefined) settings.clear()
    else if (statement.kind === 'reset') settings.delete(statement.key!)
    if (statement.kind !== 'set' || statement.key === undefined || statement.value === undefined || isSqlOption(statement.key)) continue
    const { key, value, note } = parseOption(statement.key, statement.value)
    if (note === undefined) settings.set(key, value)
  }
  return settings
}
