// Statements that try what a parser, a binder and generated code can be tried with: those of the cases with parts of them changed, and queries over values
// whose names and texts are hostile.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SCALAR_FUNCTIONS } from '../../src/sql/functions/functions.ts'
import { hostileText, identifier, specialText, stringLiteral } from './hostile-texts.ts'
import type { Draws } from './seeds.ts'

const TESTS = fileURLToPath(new URL('..', import.meta.url))
const TOKEN = /'(?:[^']|'')*'|`(?:[^`]|``)*`|--[^\n]*|\/\*.*?\*\/|\w+|\s+|<=|>=|<>|\|\||=>|[^\s\w]/gs

/** The statements of the cases and of the grammar, in parts. */
function readScripts(): readonly (readonly string[])[] {
  const scripts: string[] = []
  for (const folder of ['answers', 'answers-own', 'nexmark'])
    for (const file of readdirSync(join(TESTS, folder), { recursive: true, encoding: 'utf8' }).sort())
      if (file.endsWith('.sql')) scripts.push(readFileSync(join(TESTS, folder, file), 'utf8').replaceAll('${DATA}', join(TESTS, 'answers/data')))
  for (const line of readFileSync(join(TESTS, 'unit/sql/grammar.jsonl'), 'utf8').trimEnd().split('\n')) scripts.push((JSON.parse(line) as [string])[0])
  return scripts.map((script) => script.match(TOKEN) ?? [])
}

let scripts: readonly (readonly string[])[] | undefined
let words: readonly string[] | undefined

/** A script of the cases in which some parts are others. */
export function changedScript(draws: Draws): string {
  scripts ??= readScripts()
  words ??= [...new Set(scripts.flat().filter((part) => !/^\s/.test(part)))]
  const parts = [...draws.pick(scripts)]
  // Changes that leave the sentence as it is, so that more than the parser sees it.
  if (draws.once(2)) {
    for (const kind of [/^'/, /^`/, /^[a-z_]\w*$/]) if (draws.once(2)) rename(draws, parts, kind)
    return parts.join('')
  }
  for (let changes = 1 + draws.integer(3); changes > 0; changes--) {
    const at = draws.integer(Math.max(1, parts.length))
    const other = draws.pick(scripts)
    draws.pick([
      () => void (parts[at] = changedPart(draws, parts[at] ?? '')),
      () => void (parts[at] = changedPart(draws, parts[at] ?? '')),
      () => void (parts[at] = draws.pick(words!)),
      () => void parts.splice(at, 1 + draws.integer(3)),
      () => void parts.splice(at, 0, parts[draws.integer(parts.length)] ?? ''),
      () => void parts.splice(at, 0, ...other.slice(draws.integer(other.length)).slice(0, 1 + draws.integer(12))),
      () => void (parts.length = at),
    ])()
  }
  return parts.join('')
}

/** Gives one of the texts or names of a kind another content, wherever it stands. */
function rename(draws: Draws, parts: string[], kind: RegExp): void {
  const of = parts.filter((part) => kind.test(part))
  if (of.length === 0) return
  const old = draws.pick(of)
  const text = draws.once(4) ? specialText(draws) : hostileText(draws)
  for (const [at, part] of parts.entries()) if (part === old) parts[at] = old.startsWith("'") ? stringLiteral(text) : identifier(text || 'x')
}

/** Another one of the same kind, where it has one. */
function changedPart(draws: Draws, part: string): string {
  if (part.startsWith("'")) return stringLiteral(draws.once(2) ? hostileText(draws) : specialText(draws))
  if (part.startsWith('--')) return `-- ${hostileText(draws)}`
  if (/^\d+$/.test(part))
    return draws.pick(['0', '-1', '1', '00', '2147483648', '9223372036854775808', '1e400', '0.', '1e', '99999999999999999999999999999999999999999', '1.5'])
  if (/^[`a-z_]/i.test(part)) return draws.once(3) ? identifier(hostileText(draws)) : draws.pick(words!)
  return draws.pick([
    '(',
    ')',
    ',',
    '.',
    ';',
    '*',
    '[',
    ']',
    '<',
    '>',
    '=',
    '=>',
    '||',
    '?',
    '@',
    '#',
    '$',
    '{',
    '}',
    '!',
    '~',
    '^',
    '&',
    '|',
    '\\',
    '"',
    "'",
    '`',
    ':',
  ])
}

const TYPES = [
  'INT',
  'BIGINT',
  'DOUBLE',
  'STRING',
  'DECIMAL(10, 2)',
  'BOOLEAN',
  'DATE',
  'TIMESTAMP(3)',
  'CHAR(3)',
  'BYTES',
  'ARRAY<STRING>',
  'MAP<STRING, INT>',
]
const FUNCTIONS = [...SCALAR_FUNCTIONS.keys()]
const OF_TEXTS = [
  'UPPER',
  'LOWER',
  'REVERSE',
  'TRIM',
  'MD5',
  'TO_BASE64',
  'JSON_QUOTE',
  'JSON_UNQUOTE',
  'URL_ENCODE',
  'URL_DECODE',
  'INITCAP',
  'UNHEX',
  'ASCII',
]
const AGGREGATES = ['COUNT', 'SUM', 'MIN', 'MAX', 'AVG', 'FIRST_VALUE', 'LAST_VALUE', 'LISTAGG', 'COLLECT', 'ARRAY_AGG', 'JSON_ARRAYAGG', 'STDDEV_POP']

/** A query over values whose columns, tables and texts have hostile names, and which mostly runs. */
export function hostileQuery(draws: Draws): string {
  const names = [...new Set(draws.list(1, 4, () => hostileText(draws)))].filter((name) => name !== '')
  const [table, alias] = [hostileText(draws) || 't', hostileText(draws) || 'a']
  if (names.length === 0) names.push('c')
  const value = (): string =>
    draws.pick([
      () => stringLiteral(hostileText(draws)),
      () => stringLiteral(specialText(draws)),
      () => stringLiteral(String(draws.integer(9))),
      () => 'CAST(NULL AS STRING)',
    ])()
  const column = (): string => identifier(draws.pick(names))
  const expression = (depth: number): string => {
    const sub = (): string => (depth > 2 ? (draws.once(2) ? column() : value()) : expression(depth + 1))
    return draws.pick([
      column,
      column,
      value,
      () => (draws.once(4) ? `${draws.pick(FUNCTIONS)}(${draws.list(0, 4, sub).join(', ')})` : `${draws.pick(OF_TEXTS)}(${sub()})`),
      () => `(${sub()} ${draws.pick(['=', '<>', '<', '||', '||', 'IS DISTINCT FROM', 'LIKE', 'SIMILAR TO', 'NOT LIKE'])} ${sub()})`,
      () => `(${sub()} || ${sub()})`,
      () => `(${sub()} LIKE ${value()} ESCAPE ${value()})`,
      () => `CAST(${sub()} AS ${draws.pick(TYPES)})`,
      () => `TRY_CAST(${sub()} AS ${draws.pick(TYPES)})`,
      () => `CASE WHEN ${sub()} = ${sub()} THEN ${sub()} ELSE ${sub()} END`,
      () => `COALESCE(${sub()}, ${sub()})`,
      () => `(${sub()} IN (${draws.list(1, 3, value).join(', ')}))`,
      () => `REGEXP_EXTRACT(${sub()}, ${value()}, ${draws.integer(3)})`,
      () => `REGEXP_REPLACE(${sub()}, ${value()}, ${value()})`,
      () => `JSON_VALUE(${sub()}, ${value()})`,
      () => `JSON_QUERY(${sub()}, ${value()} WITH WRAPPER)`,
      () => `JSON_OBJECT(KEY ${value()} VALUE ${sub()})`,
      () => `DATE_FORMAT(${sub()}, ${value()})`,
      () => `TO_TIMESTAMP(${sub()}, ${value()})`,
      () => `PRINTF(${value()}, ${sub()})`,
      () => `MAP[${value()}, ${sub()}][${sub()}]`,
      () => `CAST(ROW(${sub()}, ${sub()}) AS STRING)`,
      () => `SPLIT_INDEX(${sub()}, ${value()}, ${draws.integer(3)})`,
    ])()
  }
  const aliased = (text: string): string => (draws.once(2) ? `${text} AS ${identifier(hostileText(draws) || 'x')}` : text)
  const rows = draws.list(1, 3, () => `(${names.map(value).join(', ')})`).join(', ')
  const source = `(VALUES ${rows}) AS ${identifier(table)}(${names.map(identifier).join(', ')})`
  const query = draws.pick([
    () => `SELECT ${draws.list(1, 3, () => aliased(expression(0))).join(', ')} FROM ${source}`,
    () => `SELECT * FROM ${source} WHERE CAST(${expression(1)} AS STRING) ${draws.pick(['=', '<>', 'LIKE'])} ${expression(1)}`,
    () => `SELECT ${column()}, ${draws.pick(AGGREGATES)}(${expression(1)}) FROM ${source} GROUP BY ${column()}`,
    () => `SELECT ${identifier(alias)}.${column()} FROM (SELECT * FROM ${source}) AS ${identifier(alias)}`,
    () => `WITH ${identifier(alias)} AS (SELECT * FROM ${source}) SELECT ${expression(0)} FROM ${identifier(alias)}`,
    () => `SELECT DISTINCT ${expression(0)} FROM ${source} ORDER BY ${column()} LIMIT 2`,
    () => `SELECT l.*, r.* FROM ${source} AS l JOIN ${source} AS r ON l.${column()} = r.${column()}`,
  ])()
  if (draws.once(6)) return `CREATE VIEW ${identifier(alias)} AS ${query};\nSELECT * FROM ${identifier(alias)};`
  return draws.once(8) ? `/* ${hostileText(draws)} */ ${query} -- ${hostileText(draws)}` : query
}

/** Queries in each of which something is there very often. */
export function deepQueries(depth: number): readonly string[] {
  return [
    `SELECT ${'('.repeat(depth)}1${')'.repeat(depth)}`,
    `SELECT ${'- '.repeat(depth)}1`,
    `SELECT ${'NOT '.repeat(depth)}TRUE`,
    `SELECT ${'1 + '.repeat(depth)}1`,
    `SELECT TRUE${' AND TRUE'.repeat(depth)}`,
    `SELECT ${'CASE WHEN TRUE THEN '.repeat(depth)}1${' END'.repeat(depth)}`,
    `SELECT ${'ABS('.repeat(depth)}1${')'.repeat(depth)}`,
    `SELECT ${'ARRAY['.repeat(depth)}1${']'.repeat(depth)}`,
    `SELECT CAST(NULL AS ${'ARRAY<'.repeat(depth)}INT${'>'.repeat(depth)})`,
    `SELECT 1 IN (${'1, '.repeat(depth)}2)`,
    `SELECT CASE a${' WHEN 1 THEN 2'.repeat(depth)} END FROM (VALUES (1)) AS t(a)`,
    `SELECT COALESCE(${'a, '.repeat(depth)}1) FROM (VALUES (1)) AS t(a)`,
    `SELECT CONCAT(${'a, '.repeat(depth)}a) FROM (VALUES ('b')) AS t(a)`,
    `SELECT ${'1, '.repeat(depth)}2`,
    `SELECT 1${' UNION ALL SELECT 1'.repeat(Math.min(depth, 500))}`,
    `${'SELECT * FROM ('.repeat(Math.min(depth, 500))}SELECT 1${')'.repeat(Math.min(depth, 500))}`,
    '/* '.repeat(depth),
    `SELECT '${'\\'.repeat(depth)}`,
    `VALUES ${'(1), '.repeat(depth)}(2)`,
  ]
}
