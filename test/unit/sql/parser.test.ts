import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Random } from '../../../src/base/random.ts'
import { SqlError } from '../../../src/sql/sql-error.ts'
import { parseExpression, parseScript } from '../../../src/sql/statement-parser.ts'

/** Statements, each with what the parser of a real Flink 2.3 writes for it, every parenthesis and default spelled out; null where it refuses them. */
const GRAMMAR = readFileSync(new URL('grammar.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as readonly [string, string | null])

/** A tree without the places of its nodes. */
function shape(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(shape)
  if (typeof node !== 'object' || node === null) return node
  return Object.fromEntries(Object.entries(node).flatMap(([key, value]) => (key === 'start' || key === 'end' || key === 'span' ? [] : [[key, shape(value)]])))
}

const parsed = (text: string): unknown => shape(parseScript(text))

function errorOf(text: string): SqlError {
  try {
    parseScript(text)
  } catch (error) {
    if (error instanceof SqlError) return error
    throw error
  }
  throw new Error(`"${text}" was read`)
}

describe('the parser', () => {
  test.each(GRAMMAR.filter(([, canonical]) => canonical !== null))('reads as Flink does: %s', (sql, canonical) => {
    expect(parsed(sql)).toEqual(parsed(canonical!))
  })

  test.each(GRAMMAR.filter(([, canonical]) => canonical === null))('refuses as Flink does: %s', (sql) => {
    expect(errorOf(sql).code).toMatch(/^(?:SYNTAX_ERROR|UNSUPPORTED_STATEMENT|UNSUPPORTED_TYPE)$/)
  })

  test('there are enough of both', () => {
    expect(GRAMMAR.length).toBeGreaterThan(500)
    expect(GRAMMAR.filter(([, canonical]) => canonical === null).length).toBeGreaterThan(40)
  })

  test.each<[string, string, string | undefined]>([
    ['SELEC 1', 'Expected a statement, found "SELEC", line 1, column 1\n  SELEC 1\n  ^^^^^', 'Did you mean SELECT?'],
    ['SELECT a,\n  b,\nFROM t', 'Expected a column in front of FROM, line 3, column 1\n  FROM t\n  ^^^^', 'Name one, or take the comma away.'],
    ['SELECT 1 AS value', 'found the reserved word VALUE, line 1, column 13', 'Quote it to use it as a name: `value`.'],
    ['SELECT "a"', 'Double quotes are no quotes here, line 1, column 8', "Write names in backticks (`name`) and strings in single quotes ('text')."],
    ['SELECT a != b', 'There is no operator !=, line 1, column 10', 'Write <>.'],
    ['SELECT a::INT', 'There is no operator ::, line 1, column 9', 'Write CAST(value AS type).'],
    ["SELECT 'abc", 'A string is never closed, line 1, column 8', "Close it with '; inside of it ' is written twice."],
    ["SELECT 'a' 'b'", 'Two strings on a line are not one, line 1, column 12', 'Put || between them, or a line break.'],
    ['SELECT 1 /* a', 'A comment is never closed, line 1, column 10', 'Close it with */.'],
    ['CREATE TABLE t (a STRNG)', 'There is no type "STRNG", line 1, column 19', 'Did you mean STRING?'],
    ['CREATE TABLE t (a DECIMAL(39, 2))', 'A DECIMAL has 1 to 38 digits, not 39, line 1, column 19', undefined],
    ["CREATE TABLE t (a INT) WITH (connector = 'x')", 'Options stand in quotes, key and value, line 1, column 30', "Write WITH ('connector' = '...')."],
    ['SELECT a FROM t LIMIT 2, 5', 'LIMIT takes one number, line 1, column 24', 'Write LIMIT count OFFSET start.'],
    ['SELECT EXTRACT(DAI FROM a)', 'Expected a unit of time (YEAR, QUARTER, MONTH, WEEK, DAY, HOUR, MINUTE, SECOND, …), found "DAI"', 'Did you mean DAY?'],
    ['SELECT a FROM t WHERE (b = 1', 'Expected ")", found the end, line 1, column 29', undefined],
    ['DELETE FROM t', 'DELETE changes what a sink holds, which sinks here cannot', undefined],
    ['SELECT 1 €', 'Cannot read "€", line 1, column 10\n  SELECT 1 €\n           ^', undefined],
    ['\tSELECT\t1 x y', 'line 1, column 13\n  \tSELECT\t1 x y\n  \t      \t    ^', 'Is a comma missing in front of it?'],
  ])('says where and what: %s', (sql, message, hint) => {
    const error = errorOf(sql)
    expect(error.message).toContain(message)
    expect(error.hint).toBe(hint)
  })

  test('of a long line the part around the error is shown', () => {
    const { message, position } = errorOf(`SELECT ${Array.from({ length: 200 }, (_, n) => `column${n}`).join(', ')}, FROM t`)
    const [, line, caret] = message.split('\n')
    expect(line.slice(caret.indexOf('^'))).toMatch(/^FROM t$/)
    expect(caret.length).toBeLessThan(100)
    expect(position.line).toBe(1)
  })

  test('strings on lines of their own are one', () => {
    expect(parsed("SELECT 'a'\n  'b' -- and\n 'c'")).toEqual(parsed("SELECT 'abc'"))
  })

  test('each node knows its place', () => {
    const text = 'SELECT a, SUM(b + 1) AS s FROM t'
    const [statement] = parseScript(text)
    if (statement?.kind !== 'query' || statement.query.kind !== 'select') throw new Error('no query')
    const [first, second] = statement.query.items
    expect(text.slice(first.expression.start, first.expression.end)).toBe('a')
    expect(text.slice(second.expression.start, second.expression.end)).toBe('SUM(b + 1)')
    expect(text.slice(statement.span.start, statement.span.end)).toBe(text)
    expect(parseExpression('1 + 2')).toMatchObject({ start: 0, end: 5 })
  })

  test('nesting that would take the stack is refused', () => {
    for (const deep of [
      `SELECT ${'('.repeat(100_000)}1${')'.repeat(100_000)}`,
      `SELECT ${'NOT '.repeat(100_000)}a`,
      'SELECT * FROM ('.repeat(100_000),
      `SELECT CAST(a AS ${'ARRAY<'.repeat(100_000)}`,
      `SELECT ${'a + '.repeat(50_000)}a`,
      `SELECT TRUE${' AND a'.repeat(50_000)}`,
      `SELECT a${'[1]'.repeat(50_000)}`,
      `SELECT 1${' UNION ALL SELECT 1'.repeat(50_000)}`,
      `SELECT * FROM a${', a'.repeat(50_000)}`,
      `SELECT * FROM a${' JOIN a'.repeat(50_000)}`,
    ])
      expect(errorOf(deep).code).toBe('QUERY_TOO_DEEP')
    expect(() => parseScript(`SELECT ${'a + '.repeat(900)}a`)).not.toThrow()
  })

  test('whatever is done to a text, it is read or refused with a place in it, at once', () => {
    const pieces = [
      '(',
      ')',
      "'",
      '`',
      '"',
      '/*',
      '*/',
      '--',
      '\n',
      ';',
      ',',
      '.',
      '::',
      '\\',
      '\0',
      '😀',
      'SELECT',
      'FROM',
      'NULL',
      '1e',
      '0x',
      "x'",
      "U&'",
      '/*+',
    ]
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const random = new Random(seed)
        let [text] = GRAMMAR[random.integer(GRAMMAR.length)]
        for (let times = 1 + random.integer(3); times > 0; times--) {
          const at = random.integer(text.length + 1)
          const cut = random.integer(4) === 0 ? random.integer(10) : 0
          text = text.slice(0, at) + (random.integer(4) === 0 ? '' : pieces[random.integer(pieces.length)]) + text.slice(at + cut)
        }
        try {
          parseScript(text)
        } catch (error) {
          expect(error).toBeInstanceOf(SqlError)
          const { line, column } = (error as SqlError).position
          const lines = text.split('\n')
          expect(line).toBeLessThanOrEqual(lines.length)
          expect(column).toBeLessThanOrEqual(lines[line - 1].length + 1)
        }
      }),
      { numRuns: 5000 },
    )
  })
})
