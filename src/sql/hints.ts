// Hints: which there are, options of a table for one query, and how long the state of joins and groups is kept.

import { suggest } from '../base/suggest.ts'
import { DURATION_EXPECTED, durationMsOf } from '../engine/options.ts'
import type { CatalogTable } from './catalog.ts'
import { type Span, SqlError } from './sql-error.ts'
import type { Hint, HintOption, TableExpression } from './syntax-tree.ts'
import { nodesOf } from './syntax-walk.ts'

const HINTS = ['OPTIONS', 'STATE_TTL', 'LOOKUP', 'BROADCAST', 'SHUFFLE_HASH', 'SHUFFLE_MERGE', 'NEST_LOOP', 'MULTI_JOIN']
/** Whether OPTIONS hints are taken. */
const OPTIONS_KEY = 'table.dynamic-table-options.enabled'

/** @throws {SqlError} `UNKNOWN_HINT` */
export function checkHints(hints: readonly Hint[], text: string): void {
  for (const { name } of hints) {
    if (HINTS.includes(name.text.toUpperCase())) continue
    const near = suggest(name.text.toUpperCase(), HINTS)
    throw new SqlError(
      'UNKNOWN_HINT',
      text,
      name,
      `There is no hint ${name.text}`,
      near === undefined ? `There are ${HINTS.join(', ')}.` : `Did you mean ${near}?`,
    )
  }
}

function isNamed({ name }: Hint, wanted: string): boolean {
  return name.text.toUpperCase() === wanted
}

// ---- OPTIONS ----

/** Tables with the options of hints, by those options: what is said of a table twice is one table. */
const withOptions = new WeakMap<CatalogTable, Map<string, CatalogTable>>()

/**
 * A table with the options that hints say for one query.
 *
 * @throws {SqlError} `INVALID_HINT`
 */
export function hintedTable(table: CatalogTable, hints: readonly Hint[], text: string): CatalogTable {
  const said = hints.filter((hint) => isNamed(hint, 'OPTIONS'))
  if (said.length === 0) return table
  for (const hint of said)
    if (hint.options.length === 0 || hint.arguments.length > 0)
      throw new SqlError('INVALID_HINT', text, hint, 'OPTIONS takes options and their values', "Write OPTIONS('key' = 'value').")
  const options = new Map([...table.options, ...said.flatMap((hint) => hint.options.map(({ key, value }) => [key, value] as const))])
  const known = withOptions.get(table) ?? new Map<string, CatalogTable>()
  withOptions.set(table, known)
  const key = JSON.stringify([...options])
  const hinted = known.get(key) ?? { ...table, options }
  known.set(key, hinted)
  return hinted
}

/** @throws {SqlError} `INVALID_HINT` if a statement changes options of a table, and the session says that none may. */
export function refuseOptions(statement: unknown, options: ReadonlyMap<string, string>, text: string): void {
  if (options.get(OPTIONS_KEY)?.toLowerCase() !== 'false') return
  for (const node of [statement, ...nodesOf(statement)]) {
    const hint = ((node as { readonly hints?: readonly Hint[] }).hints ?? []).find((one) => isNamed(one, 'OPTIONS'))
    if (hint !== undefined)
      throw new SqlError('INVALID_HINT', text, hint, 'OPTIONS hints are switched off', `SET '${OPTIONS_KEY}' = 'true', or alter the table.`)
  }
}

// ---- STATE_TTL ----

/** How long state is kept, in ms; 0: for ever. Undefined: as long as the job's is. */
export type StateTtl = number | undefined

/** A name that a table expression goes by. */
interface InputName {
  readonly alias: string | undefined
  /** Of a table: its name, in front of it what it is in. */
  readonly path: readonly string[]
}

/** The STATE_TTL hints of one SELECT, by the names of its inputs. */
export class StateTtlHints {
  readonly #said = new Map<string, number>()

  /**
   * @param from What they may name.
   * @throws {SqlError} `INVALID_HINT` if a time is none, or an input has not that name.
   */
  constructor(hints: readonly Hint[], from: TableExpression | undefined, text: string) {
    const names = from === undefined ? [] : namesOf(from)
    for (const hint of hints) {
      if (!isNamed(hint, 'STATE_TTL')) continue
      const refuse = (span: Span, message: string, advice: string): SqlError => new SqlError('INVALID_HINT', text, span, message, advice)
      if (hint.options.length === 0 || hint.arguments.length > 0)
        throw refuse(hint, 'STATE_TTL takes names of inputs and times', "Write STATE_TTL('t' = '1 d').")
      const own = new Map<string, number>()
      for (const option of hint.options) {
        const ms = durationMsOf(option.value)
        if (Number.isNaN(ms)) throw refuse(option, `'${option.value}' is no time to keep state`, `Write ${DURATION_EXPECTED}.`)
        if (!names.some((name) => isKeyOf(option, name))) throw refuse(option, `There is no input '${option.key}' in this FROM`, advised(option.key, names))
        own.set(option.key, ms)
      }
      // Of several hints the first one counts, within one the last.
      for (const [key, ms] of own) if (!this.#said.has(key)) this.#said.set(key, ms)
    }
  }

  /** Of an input: joins have no name. */
  of(input: TableExpression): StateTtl {
    const name = nameOf(input)
    if (name === undefined) return undefined
    for (const [key, ms] of this.#said) if (isKeyOf({ key }, name)) return ms
    return undefined
  }

  /** Of both sides of a join; undefined: nothing is said of it. */
  ofJoin(left: TableExpression, right: TableExpression): readonly [StateTtl, StateTtl] | undefined {
    const [one, other] = [this.of(left), this.of(right)]
    return one === undefined && other === undefined ? undefined : [one, other]
  }
}

function isKeyOf({ key }: Pick<HintOption, 'key'>, { alias, path }: InputName): boolean {
  if (alias !== undefined) return key === alias
  return path.some((_, index) => path.slice(index).join('.') === key)
}

function namesOf(from: TableExpression): readonly InputName[] {
  if (from.kind === 'join') return [...namesOf(from.left), ...namesOf(from.right)]
  const name = nameOf(from)
  return name === undefined ? [] : [name]
}

function nameOf(input: TableExpression): InputName | undefined {
  if (input.kind === 'join') return undefined
  const path = input.kind === 'table reference' ? input.name.parts.map(({ text }) => text) : []
  return { alias: input.alias?.text, path }
}

function advised(key: string, names: readonly InputName[]): string {
  const known = names.flatMap(({ alias, path }) => alias ?? path.at(-1) ?? [])
  const near = suggest(key, known)
  if (near !== undefined) return `Did you mean '${near}'?`
  return known.length === 0 ? 'Give the input a name: AS.' : `There ${known.length === 1 ? 'is' : 'are'} ${known.map((name) => `'${name}'`).join(', ')}.`
}
