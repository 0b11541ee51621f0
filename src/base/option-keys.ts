// Refuses misspelt options, which the compiler cannot see where types are stripped. Runs once for each object of options.

import { PlanError } from './errors.ts'
import { suggest } from './suggest.ts'

/** The keys of an interface of options, all of them. */
export type OptionKeys<OPTIONS> = { readonly [K in keyof OPTIONS]-?: unknown }

/**
 * Refuses options that no one reads.
 *
 * @param purpose What cannot be done with them, as in `make a CSV format`.
 * @throws {PlanError} `INVALID_OPTION`
 */
export function refuseUnknownOptions<OPTIONS extends object>(purpose: string, options: OPTIONS, known: OptionKeys<OPTIONS>): void {
  const names = Object.keys(known)
  const list = `Its options are ${names.join(', ')}.`
  // Programs without types may give anything.
  if (typeof options !== 'object' || (options as unknown) === null)
    throw new PlanError('INVALID_OPTION', `Cannot ${purpose}: expected an object of options, not ${JSON.stringify(options)}`, { hint: list })
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(known, name)) continue
    const near = suggest(name, names)
    throw new PlanError('INVALID_OPTION', `Cannot ${purpose}: no option is called "${name}"`, { hint: near === undefined ? list : `Did you mean "${near}"?` })
  }
}
