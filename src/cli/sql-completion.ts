// What the tab key offers while SQL is typed: words of the language, tables, columns, helpers.

import type { CatalogTable, CatalogView } from '../sql/catalog.ts'
import { SHOWN_FUNCTIONS } from '../sql/flink-functions.ts'
import { RESERVED_WORDS } from '../sql/reserved-words.ts'
import type { SqlSession } from '../sql/session.ts'

/** Words that are no reserved ones, and begin statements or options all the same. */
const OTHER_WORDS = ['CATALOG', 'DATABASE', 'IF', 'SHOW', 'TEMPORARY', 'VIEW']
const WORD = /[\p{L}_$][\p{L}\p{Nd}_$]*$/u
const BEFORE_TABLE = /\b(?:FROM|JOIN|INTO|TABLE|DESCRIBE|DESC)\s+$|^\\d\s+$/i
const QUALIFIER = /([\p{L}_$][\p{L}\p{Nd}_$]*)\.$/u

/**
 * What may stand for the word at the end of a line, and that word.
 *
 * @param before The lines of the statement before this one.
 * @param helpers The commands of the console.
 */
export function completions(line: string, before: string, session: SqlSession, helpers: readonly string[]): [string[], string] {
  if (/^\\\w*$/.test(line)) return [helpers.filter((helper) => helper.startsWith(line)), line]
  const word = WORD.exec(line)?.[0] ?? ''
  const front = line.slice(0, line.length - word.length)
  const known = session.catalog.tablesOf(session.catalog.currentCatalog, session.catalog.currentDatabase)
  const names = known.map(({ path }) => path[2])
  const qualifier = QUALIFIER.exec(front)?.[1]
  if (qualifier !== undefined) return [matching(word, columnsOf(known.filter(({ path }) => path[2] === qualifier))), word]
  if (BEFORE_TABLE.test(front)) return [matching(word, names), word]
  if (word === '') return [[], word]
  const typed = `${before}\n${line}`
  const mentioned = known.filter(({ path }) => new RegExp(`\\b${path[2].replaceAll(/\W/g, '\\$&')}\\b`, 'i').test(typed))
  const words = [...RESERVED_WORDS, ...OTHER_WORDS, ...SHOWN_FUNCTIONS].map((one) => (word === word.toLowerCase() ? one.toLowerCase() : one))
  return [matching(word, [...columnsOf(mentioned.length > 0 ? mentioned : known), ...names, ...words]), word]
}

function columnsOf(tables: readonly (CatalogTable | CatalogView)[]): string[] {
  return tables.flatMap(({ columns }) => columns.map(({ name }) => name))
}

/** Names that begin with a word in whatever case, each once, quoted where they have to be. */
function matching(word: string, names: readonly string[]): string[] {
  const found = names.filter((name) => name.toLowerCase().startsWith(word.toLowerCase()))
  return [...new Set(found.map((name) => (/^[\p{L}_$][\p{L}\p{Nd}_$]*$/u.test(name) ? name : `\`${name.replaceAll('`', '``')}\``)))]
}
