// `${NAME}` in a script: the value of an environment variable.

import { SqlError } from './sql-error.ts'

/** Comments, as they are; what stands in quotes; and variables outside of them. */
const PARTS = /(--[^\n]*|\/\*(?!\+)[^]*?\*\/)|'(?:[^']|'')*'|`[^`]*`|\$?\$\{[^}\n]*\}/g
/** A variable, or with one more `$` the characters themselves. */
const VARIABLE = /(\$?)\$\{([^}\n]*)\}/g
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/

/**
 * Fills variables in, but not in comments. Values are taken as they are: they may be parts of texts, names or whole clauses.
 *
 * @throws {SqlError} `UNKNOWN_VARIABLE`, with its place, for a name that the environment does not have.
 */
export function fillVariables(text: string, environment: Readonly<Record<string, string | undefined>>): string {
  if (!text.includes('${')) return text
  return text.replaceAll(PARTS, (part: string, comment: string | undefined, partStart: number) => {
    if (comment !== undefined) return part
    return part.replaceAll(VARIABLE, (variable: string, dollar: string, name: string, start: number) => {
      if (dollar !== '') return variable.slice(1)
      const value = NAME.test(name) ? environment[name] : undefined
      if (value !== undefined) return value
      const span = { start: partStart + start, end: partStart + start + variable.length }
      throw new SqlError(
        'UNKNOWN_VARIABLE',
        text,
        span,
        `There is no environment variable "${name}"`,
        `Set it, or write $${variable} for the characters themselves.`,
      )
    })
  })
}
