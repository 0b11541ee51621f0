// What stands behind `--` on the command line -> the `params` object that the job's program gets. Values stay text: the program knows what they mean.

/** Values by name; `_` holds what has no name. */
export interface JobParams {
  readonly [name: string]: string | boolean | readonly string[]
  readonly _: readonly string[]
}

const NAMED = /^--?([^-=][^=]*)(?:=(.*))?$/s
const NUMBER = /^-\.?\d/

/**
 * Reads a job's own arguments. `--key value` and `--key=value` give a text, `--flag` (nothing or another option behind it) gives `true`,
 * `--no-flag` gives `false`; one dash counts as two; a name given several times gives the array of its values; the rest is `_`, and
 * everything behind a second `--`.
 *
 * @example
 * parseJobArguments(['--input', 'a.csv', '--limit=10', '--verbose', 'x'])
 * // { input: 'a.csv', limit: '10', verbose: 'x', _: [] }: a flag in front of a positional needs --verbose=true
 */
export function parseJobArguments(args: readonly string[]): JobParams {
  const values = new Map<string, string | boolean | readonly string[]>()
  const positionals: string[] = []
  const add = (name: string, value: string | boolean): void => {
    const known = values.get(name)
    // A flag has no value to collect: the last one counts.
    values.set(
      name,
      known === undefined || typeof known === 'boolean' || typeof value === 'boolean' ? value : [...(typeof known === 'string' ? [known] : known), value],
    )
  }
  for (let index = 0; index < args.length; index++) {
    const argument = args[index]
    if (argument === '--') {
      positionals.push(...args.slice(index + 1))
      break
    }
    const match = isValue(argument) ? null : NAMED.exec(argument)
    if (match === null) {
      positionals.push(argument)
      continue
    }
    const [, name, value] = match as unknown as [string, string, string | undefined]
    const next = args[index + 1]
    if (value !== undefined) add(name, value)
    else if (name.startsWith('no-') && name.length > 3) add(name.slice(3), false)
    else if (next !== undefined && isValue(next)) {
      add(name, next)
      index++
    } else add(name, true)
  }
  // fromEntries defines own properties, so that a name like __proto__ is a name.
  return { ...Object.fromEntries(values), _: positionals }
}

/** Whether an argument is no option: text, a lone dash (standard input), or a negative number. */
function isValue(argument: string): boolean {
  return !argument.startsWith('-') || argument === '-' || NUMBER.test(argument)
}
