// Finds what CREATE FUNCTION has named: calls of a statement are marked with the function that they call, before anything of it is bound.

import { suggest } from '../base/suggest.ts'
import { type Catalog, meant } from './catalog.ts'
import { FLINK_FUNCTIONS } from './flink-functions.ts'
import { isLateRows } from './late-rows.ts'
import { SqlError } from './sql-error.ts'
import type { Call, Statement } from './syntax-tree.ts'

/**
 * The same statement, in which calls say which function of a user they are of. Functions that are built in come before those of a database.
 *
 * @throws {SqlError} `NOT_SUPPORTED` for functions in other languages; `UNKNOWN_FUNCTION` for what is nearly one.
 */
export function withFunctions<S extends Statement>(statement: S, catalog: Catalog, text: string): S {
  if (!catalog.hasFunctions) return statement
  const mark = (tree: unknown): unknown => {
    if (typeof tree !== 'object' || tree === null) return tree
    if (Array.isArray(tree)) return tree.map(mark)
    const marked = Object.fromEntries(Object.entries(tree).map(([key, value]) => [key, mark(value)]))
    const { kind, syntax } = tree as Partial<Call>
    return kind === 'call' && syntax === 'function' ? { ...marked, ...functionOf(tree as Call, catalog, text) } : marked
  }
  return mark(statement) as S
}

/** The function of a call, and its whole name, under which views show it wherever they are read. */
function functionOf(call: Call, catalog: Catalog, text: string): Pick<Call, 'name' | 'user'> {
  const name = call.name.map((part) => part.text)
  const isBuiltIn = name.length === 1 && (FLINK_FUNCTIONS.has(name[0].toUpperCase()) || isLateRows(call))
  const own = catalog.findFunction(name)
  if (own === undefined || (isBuiltIn && !own.isSystem)) {
    const near = isBuiltIn ? undefined : suggest(name.at(-1)!.toLowerCase(), catalog.functionNames)
    if (near !== undefined) throw new SqlError('UNKNOWN_FUNCTION', text, call.name[0], `There is no function ${name.join('.')}`, meant(near))
    return { name: call.name }
  }
  const { definition, language, className, name: shown } = own.found
  if (definition === undefined)
    throw new SqlError(
      'NOT_SUPPORTED',
      text,
      call,
      `Cannot call ${name.join('.')}: it is ${className}, in ${language}`,
      'Write it in TypeScript: CREATE FUNCTION ... LANGUAGE TYPESCRIPT.',
    )
  const { start, end } = call.name.at(-1)!
  return { name: own.path.map((part) => ({ text: part, start, end })), user: () => ({ name: shown, definition, path: own.path }) }
}
