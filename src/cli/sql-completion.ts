// What the tab key offers while SQL is typed: words of the language, tables, columns, functions, files, options, helpers.

import { readdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { configOptions } from '../engine/options.ts'
import type { CatalogTable, CatalogView } from '../sql/catalog.ts'
import { SHOWN_FUNCTIONS } from '../sql/flink-functions.ts'
import { RESERVED_WORDS } from '../sql/reserved-words.ts'
import { SQL_KEYS } from '../sql/session-options.ts'
import type { SqlSession } from '../sql/session.ts'

/** Words that are no reserved ones, and begin statements or options all the same. */
const OTHER_WORDS = ['CATALOG', 'COPY', 'DATABASE', 'IF', 'SHOW', 'SUMMARIZE', 'TEMPORARY', 'VIEW']
const WORD = /[\p{L}_$][\p{L}\p{Nd}_$]*$/u
const BEFORE_TABLE = /\b(?:FROM|JOIN|INTO|TABLE|DESCRIBE|DESC|SUMMARIZE|COPY)\s+$|^\\d\s+$/i
/** A file in quotes that are still open, and an option's key. */
const FILE = /(?:\b(?:FROM|JOIN|DESCRIBE|DESC|SUMMARIZE|COPY|TO)\s+|^\\d\s+)'([^']*)$|^\\i\s+'?([^']*)$/i
const OPTION = /\b(?:SET|RESET)\s+'([^']*)$/i
const FILES_MAX = 200
const QUALIFIER = /([\p{L}_$][\p{L}\p{Nd}_$]*)\.$/u

/**
 * What may stand for the word at the end of a line, and that word.
 *
 * @param before The lines of the statement before this one.
 * @param helpers The commands of the console.
 */
export function completions(line: string, before: string, session: SqlSession, helpers: readonly string[]): [string[], string] {
  if (/^\\\w*$/.test(line)) return [helpers.filter((helper) => helper.startsWith(line)), line]
  const option = OPTION.exec(line)?.[1]
  if (option !== undefined) return [optionKeys().filter((key) => key.startsWith(option)), option]
  const [isFile, quoted, bare] = FILE.exec(line) ?? []
  if (isFile !== undefined) return filesLike(quoted ?? bare, quoted === undefined ? '' : "'")
  const word = WORD.exec(line)?.[0] ?? ''
  const front = line.slice(0, line.length - word.length)
  const known = session.catalog.tablesOf(session.catalog.currentCatalog, session.catalog.currentDatabase)
  const names = known.map(({ path }) => path[2])
  const qualifier = QUALIFIER.exec(front)?.[1]
  if (qualifier !== undefined) return [matching(word, columnsOf(known.filter(({ path }) => path[2] === qualifier))), word]
  if (BEFORE_TABLE.test(front)) return [matching(word, names), word]
  const typed = `${before}\n${line}`
  const isInText = typed.split("'").length % 2 === 0
  if (word === '' || isInText) return [[], word]
  const mentioned = known.filter(({ path }) => new RegExp(`\\b${path[2].replaceAll(/\W/g, '\\$&')}\\b`, 'i').test(typed))
  const words = [...RESERVED_WORDS, ...OTHER_WORDS, ...SHOWN_FUNCTIONS].map((one) => (word === word.toLowerCase() ? one.toLowerCase() : one))
  const own = [...names, ...session.catalog.functionNames]
  return [matching(word, [...columnsOf(mentioned.length > 0 ? mentioned : known), ...own, ...words]), word]
}

/** Files and folders that begin with a path. @param close What ends the name of a file. */
function filesLike(path: string, close: string): [string[], string] {
  const folder = path.slice(0, path.lastIndexOf('/') + 1)
  const begun = path.slice(folder.length)
  try {
    const entries = readdirSync(folder === '' ? '.' : dirname(`${folder}.`), { withFileTypes: true })
    const found = entries.filter(({ name }) => name.startsWith(begun) && name.startsWith('.') === begun.startsWith('.')).slice(0, FILES_MAX)
    return [found.map((entry) => folder + entry.name + (entry.isDirectory() ? '/' : close)).toSorted(), path]
  } catch {
    return [[], path]
  }
}

function optionKeys(): string[] {
  return [...SQL_KEYS, ...configOptions().map(({ key }) => key)].toSorted()
}

function columnsOf(tables: readonly (CatalogTable | CatalogView)[]): string[] {
  return tables.flatMap(({ columns }) => columns.map(({ name }) => name))
}

/** Names that begin with a word in whatever case, each once, quoted where they have to be. */
function matching(word: string, names: readonly string[]): string[] {
  const found = names.filter((name) => name.toLowerCase().startsWith(word.toLowerCase()))
  return [...new Set(found.map((name) => (/^[\p{L}_$][\p{L}\p{Nd}_$]*$/u.test(name) ? name : `\`${name.replaceAll('`', '``')}\``)))]
}
