// The hint LOOKUP: how a table is asked for the rows of a join. Its options are Flink's, with Flink's rules.

import { DURATION_EXPECTED, durationMsOf } from '../engine/options.ts'
import { suggest } from '../base/suggest.ts'
import { SqlError, type Span } from './sql-error.ts'
import type { Hint } from './syntax-tree.ts'

/** What a hint says of one lookup; what it leaves open is left to the session. */
export interface LookupHint {
  /** Keys that are asked for at once. */
  readonly capacity: number | undefined
  readonly timeoutMs: number | undefined
  /** A key without rows is asked for again. */
  readonly retry: { readonly attempts: number; readonly delayMs: number } | undefined
}

/** Hints of one SELECT, by the table that they name. */
export class LookupHints {
  readonly #text: string
  readonly #hints = new Map<string, { readonly hint: LookupHint; readonly span: Span; isUsed: boolean }>()

  /** @throws {SqlError} `INVALID_HINT` */
  constructor(hints: readonly Hint[], text: string) {
    this.#text = text
    for (const hint of hints) {
      if (hint.name.text.toUpperCase() !== 'LOOKUP') continue
      const { table, ...read } = readHint(hint, text)
      // Of several for one table the first holds.
      if (!this.#hints.has(table)) this.#hints.set(table, { hint: read, span: hint, isUsed: false })
    }
  }

  /** What is said of a table, by its alias or its name. */
  of(names: readonly string[]): LookupHint | undefined {
    for (const name of names) {
      const found = this.#hints.get(name)
      if (found === undefined) continue
      found.isUsed = true
      return found.hint
    }
    return undefined
  }

  /** @throws {SqlError} `INVALID_HINT` for a hint of a table that is not looked up. */
  checkUse(): void {
    for (const [table, { span, isUsed }] of this.#hints)
      if (!isUsed)
        throw new SqlError(
          'INVALID_HINT',
          this.#text,
          span,
          `No table "${table}" is looked up here`,
          'Write the alias, or the name where there is none, of the table in FOR SYSTEM_TIME AS OF.',
        )
  }
}

const OPTIONS = ['table', 'async', 'output-mode', 'capacity', 'timeout', 'retry-predicate', 'retry-strategy', 'fixed-delay', 'max-attempts', 'shuffle'] as const
const RETRY_OPTIONS = ['retry-predicate', 'retry-strategy', 'fixed-delay', 'max-attempts'] as const
const CHOICES: Readonly<Record<string, readonly string[]>> = {
  async: ['true', 'false'],
  shuffle: ['true', 'false'],
  'output-mode': ['ordered', 'allow_unordered'],
  'retry-predicate': ['lookup_miss'],
  'retry-strategy': ['fixed_delay'],
}

function readHint(hint: Hint, text: string): LookupHint & { readonly table: string } {
  const options = new Map(hint.options.map(({ key, value }) => [key.toLowerCase(), value]))
  const refuse = (message: string, advice: string): never => {
    throw new SqlError('INVALID_HINT', text, hint, message, advice)
  }
  for (const [key, value] of options) {
    if (!(OPTIONS as readonly string[]).includes(key)) {
      const near = suggest(key, OPTIONS)
      refuse(`LOOKUP has no option '${key}'`, near === undefined ? `Its options are ${OPTIONS.join(', ')}.` : `Did you mean '${near}'?`)
    }
    const choices = CHOICES[key]
    if (choices !== undefined && !choices.includes(value.toLowerCase())) refuse(`'${key}' is '${value}'`, `It is one of ${choices.join(', ')}.`)
  }
  const count = (key: string): number | undefined => {
    const value = options.get(key)
    if (value !== undefined && !/^[1-9]\d{0,8}$/.test(value)) refuse(`'${key}' is '${value}'`, 'Write a whole number of at least 1.')
    return value === undefined ? undefined : Number(value)
  }
  const duration = (key: string): number | undefined => {
    const value = options.get(key)
    const ms = value === undefined ? undefined : durationMsOf(value)
    if (ms !== undefined && !(ms > 0)) refuse(`'${key}' is '${value}'`, `Write ${DURATION_EXPECTED}.`)
    return ms
  }
  const table = options.get('table') ?? refuse('LOOKUP names no table', "Write LOOKUP('table' = '...').")
  const given = RETRY_OPTIONS.filter((key) => options.has(key))
  if (given.length > 0 && given.length < RETRY_OPTIONS.length)
    refuse(
      `LOOKUP has ${given.map((key) => `'${key}'`).join(', ')} without the other options of a retry`,
      `Write all of ${RETRY_OPTIONS.join(', ')}, or none of them.`,
    )
  const [delayMs, attempts] = [duration('fixed-delay'), count('max-attempts')]
  return {
    table,
    capacity: count('capacity'),
    timeoutMs: duration('timeout'),
    retry: delayMs === undefined || attempts === undefined ? undefined : { delayMs, attempts },
  }
}
