// The commands of the console that are no SQL: those of psql, and those of DuckDB's shell that mean the same. Nothing is done here.

import { suggest } from '../base/suggest.ts'

/** What a helper asks for. */
export type HelperAction =
  | { readonly kind: 'leave' }
  | { readonly kind: 'help' }
  | { readonly kind: 'run'; readonly sql: string }
  /** The statements of a file. */
  | { readonly kind: 'file'; readonly path: string }
  /** Undefined: the other way round. */
  | { readonly kind: 'expanded'; readonly expansion: Expansion | undefined }
  | { readonly kind: 'timing'; readonly isOn: boolean | undefined }
  | { readonly kind: 'refused'; readonly message: string; readonly hint: string }

/** Whether rows are shown as lines, a column each; `auto`: where a table would be wider than the terminal. */
export type Expansion = 'on' | 'off' | 'auto'

export const HELPERS = ['\\d', '\\dt', '\\dv', '\\df', '\\l', '\\i', '\\x', '\\timing', '\\q', '\\?']

export const HELP = `Statements end with a semicolon, and may take several lines.
  \\d                list tables and views, as \\dt does
  \\d TABLE          list the columns of a table, a view or a file in quotes
  \\dv               list views
  \\df [PATTERN]     list functions: \\df json*
  \\l                list databases
  \\i FILE           run the statements of a file
  \\x [on|off|auto]  show each row as lines, a column each; auto: where tables are too wide
  \\timing [on|off]  tell how long statements take
  \\?                this help
  \\q                leave, as quit, exit and Ctrl-D do
Ctrl-C drops what is typed, or ends the query that runs. The tab key completes names, words, options and files.
SELECT * FROM 'file.csv', DESCRIBE 'file.csv' and SUMMARIZE 'file.csv' look at files, COPY (query) TO 'file.csv' writes one.
`

/** The helpers that DuckDB's users know by other names. */
const DOT_COMMANDS: Readonly<Record<string, string>> = {
  '.help': '\\?',
  '.quit': '\\q',
  '.exit': '\\q',
  '.tables': '\\dt',
  '.databases': '\\l',
  '.read': '\\i',
  '.timer': '\\timing',
}
const DOT_HINTS: Readonly<Record<string, string>> = {
  '.mode': 'Start with --format table, csv, json or changelog; \\x shows each row as lines.',
  '.output': "COPY (query) TO 'file.csv' writes a result to a file.",
  '.once': "COPY (query) TO 'file.csv' writes a result to a file.",
  '.import': "SELECT * FROM 'file.csv' reads a file as it is.",
  '.open': 'There is no database to open: tables are files and streams.',
}

/** What a line asks for; undefined: it is SQL. */
export function helperOf(line: string): HelperAction | undefined {
  const [word = '', ...given] = line.trim().replace(/;$/, '').split(/\s+/)
  const helper = DOT_COMMANDS[word.toLowerCase()] ?? word
  const isAlone = given.length === 0
  if (/^(?:quit|exit)$/i.test(helper) && isAlone) return { kind: 'leave' }
  if (/^help$/i.test(helper) && isAlone) return { kind: 'help' }
  if (word.toLowerCase() === '.schema') return isAlone ? { kind: 'run', sql: 'SHOW TABLES' } : { kind: 'run', sql: `SHOW CREATE TABLE ${given.join(' ')}` }
  switch (helper) {
    case '\\q':
      return { kind: 'leave' }
    case '\\?':
      return { kind: 'help' }
    case '\\d':
    case '\\dt':
      return { kind: 'run', sql: isAlone ? 'SHOW TABLES' : `DESCRIBE ${given.join(' ')}` }
    case '\\dv':
      return { kind: 'run', sql: 'SHOW VIEWS' }
    case '\\l':
      return { kind: 'run', sql: 'SHOW DATABASES' }
    case '\\df':
      return { kind: 'run', sql: isAlone ? 'SHOW FUNCTIONS' : `SHOW FUNCTIONS ILIKE '${patternOf(given.join(' '))}'` }
    case '\\i':
      return isAlone
        ? { kind: 'refused', message: '\\i takes the name of a file', hint: 'Write \\i script.sql.' }
        : { kind: 'file', path: given.join(' ').replace(/^'(.*)'$/, '$1') }
    case '\\x':
      return expanded(given)
    case '\\timing':
      return timing(given)
  }
  if (helper.startsWith('\\')) return { kind: 'refused', message: `There is no helper "${helper}"`, hint: nearest(helper) }
  if (/^\.[a-z]+$/i.test(helper))
    return { kind: 'refused', message: `There is no command "${helper}"`, hint: DOT_HINTS[helper.toLowerCase()] ?? '\\? lists what there is.' }
  return undefined
}

function expanded([given]: readonly string[]): HelperAction {
  const word = given?.toLowerCase()
  if (word === undefined || word === 'on' || word === 'off' || word === 'auto') return { kind: 'expanded', expansion: word }
  return { kind: 'refused', message: `\\x is "${given}"`, hint: 'Write \\x on, \\x off or \\x auto.' }
}

function timing([given]: readonly string[]): HelperAction {
  const word = given?.toLowerCase()
  if (word === undefined || word === 'on' || word === 'off') return { kind: 'timing', isOn: word === undefined ? undefined : word === 'on' }
  return { kind: 'refused', message: `\\timing is "${given}"`, hint: 'Write \\timing on or \\timing off.' }
}

/** As psql: `*` stands for any characters, `?` for one; what has neither is the beginning. */
function patternOf(given: string): string {
  const like = given.replaceAll("'", "''").replaceAll('_', '\\_').replaceAll('*', '%').replaceAll('?', '_')
  return like.includes('%') || given.includes('?') ? like : `${like}%`
}

function nearest(helper: string): string {
  const near = suggest(helper, HELPERS)
  return near === undefined ? `There are ${HELPERS.join(', ')}.` : `Did you mean ${near}?`
}
