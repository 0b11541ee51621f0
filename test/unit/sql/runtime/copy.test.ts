// COPY … TO: what is written, that it is written wholly or not at all, and what is refused.
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { runScript } from '../../../../src/sql/runtime/run-script.ts'
import { scratchFolder } from '../../connector/file-probe.ts'

const folder = scratchFolder()
const at = (name: string): string => join(folder, name)

function execute(sql: string): readonly (readonly unknown[])[] {
  const rows: (readonly unknown[])[] = []
  runScript(sql, { columns() {}, change: (_, row) => void rows.push(row) }, { log() {} })
  return rows
}

const ROWS = `(VALUES (1, 'x', 1.5E0), (2, 'a;"b"', CAST(NULL AS DOUBLE)), (3, '', 2E0)) AS t (a, b, c)`
const TABLE = `CREATE VIEW t AS SELECT * FROM ${ROWS}; `

describe('what is written', () => {
  test.each<readonly [to: string, options: string, text: string]>([
    ['plain.csv', '', 'a,b,c\n1,x,1.5\n2,"a;""b""",\n3,"",2\n'],
    ['plain.tsv', '', 'a\tb\tc\n1\tx\t1.5\n2\t"a;""b"""\t\n3\t""\t2\n'],
    ['options.csv', "(DELIMITER ';', HEADER FALSE, NULL 'NA')", '1;x;1.5\n2;"a;""b""";NA\n3;;2\n'],
    ['words.txt', "WITH (FORMAT csv, HEADER, SEP '|', FORCE_QUOTE *)", 'a|b|c\n1|"x"|1.5\n2|"a;""b"""|\n3|""|2\n'],
    ['quotes.csv', "(QUOTE '''', ESCAPE '\\', delim '\\t')", 'a\tb\tc\n1\tx\t1.5\n2\ta;"b"\t\n3\t\'\'\t2\n'],
    ['rows.json', '', '{"a":1,"b":"x","c":1.5}\n{"a":2,"b":"a;\\"b\\"","c":null}\n{"a":3,"b":"","c":2}\n'],
    ['rows.jsonl', '(FORMAT json)', '{"a":1,"b":"x","c":1.5}\n{"a":2,"b":"a;\\"b\\"","c":null}\n{"a":3,"b":"","c":2}\n'],
  ])('%s %s', (name, options, text) => {
    execute(`${TABLE} COPY t TO '${at(name)}' ${options}`)
    expect(readFileSync(at(name), 'utf8')).toBe(text)
  })

  test('a query, with or without parentheses, and a file that stands for its rows', () => {
    execute(`COPY (SELECT 1 AS a) TO '${at('one.csv')}'; COPY SELECT 2 AS a TO '${at('two.csv')}'; COPY '${at('one.csv')}' TO '${at('three.jsonl')}'`)
    expect(['one.csv', 'two.csv', 'three.jsonl'].map((name) => readFileSync(at(name), 'utf8'))).toEqual(['a\n1\n', 'a\n2\n', '{"a":1}\n'])
  })

  test('what is written is read back', () => {
    execute(`${TABLE} COPY t TO '${at('again.csv')}'`)
    expect(execute(`SELECT * FROM '${at('again.csv')}'`)).toEqual(execute(`SELECT CAST(a AS BIGINT), b, c FROM ${ROWS}`))
  })

  test('a file of that name is replaced, behind a link too', () => {
    writeFileSync(at('target.csv'), 'old')
    symlinkSync(at('target.csv'), at('link.csv'))
    execute(`COPY (SELECT 1 AS a) TO '${at('link.csv')}'`)
    expect(readFileSync(at('target.csv'), 'utf8')).toBe('a\n1\n')
  })

  test('the last rows of groups, where files are read', () => {
    writeFileSync(at('groups.csv'), 'k,v\na,1\nb,2\na,3\n')
    execute(`COPY (SELECT k, SUM(v) AS s FROM '${at('groups.csv')}' GROUP BY k ORDER BY k) TO '${at('sums.csv')}'`)
    expect(readFileSync(at('sums.csv'), 'utf8')).toBe('k,s\na,4\nb,2\n')
  })
})

test('a copy that fails leaves the file as it was, and nothing else', () => {
  writeFileSync(at('bad.csv'), `a\n${'1\n'.repeat(5000)}x\n`)
  mkdirSync(at('kept'))
  writeFileSync(at('kept/out.csv'), 'old')
  expect(() => execute(`COPY '${at('bad.csv')}' TO '${at('kept/out.csv')}'`)).toThrow(/bad\.csv/)
  expect(readdirSync(at('kept'))).toEqual(['out.csv'])
  expect(readFileSync(at('kept/out.csv'), 'utf8')).toBe('old')
})

const COUNTS = "CREATE TABLE s (k STRING) WITH ('connector' = 'filesystem', 'format' = 'json', 'path' = 'x'); COPY (SELECT k, COUNT(*) AS c FROM s GROUP BY k)"

describe('what is refused', () => {
  test.each<readonly [sql: string, message: string, hint: string]>([
    [`${COUNTS} TO '${at('no.csv')}'`, 'a file keeps them, line 1, column ', "SET 'execution.runtime-mode' = 'batch'"],
    ["COPY (SELECT 1 AS a) TO 'no.xls'", 'Cannot tell the format of "no.xls"', '(FORMAT csv)'],
    ["COPY (SELECT 1 AS a) TO 'no.csv.gz'", 'Cannot write compressed files', 'gzip'],
    ["COPY (SELECT 1 AS a) TO 'no.csv' (FORMAT cvs)", 'There is no format "cvs"', 'csv'],
    ["COPY (SELECT 1 AS a) TO 'no.csv' (DELIMTER ';')", 'COPY has no option DELIMTER', 'Did you mean DELIMITER?'],
    ["COPY (SELECT 1 AS a) TO 'no.csv' (HEADER maybe)", 'HEADER is "maybe"', 'true or false'],
    ["COPY (SELECT 1 AS a) TO 'no.csv' (DELIMITER ';;')", 'DELIMITER is ";;"', 'one character'],
    ["COPY (SELECT 1 AS a) TO 'no.csv' (HEADER, HEADER)", 'HEADER is given twice', ''],
    ["COPY (SELECT 1 AS a) TO 'no.json' (HEADER)", 'HEADER is an option of CSV, and json is written', ''],
    ["COPY (SELECT 1 AS a) TO 'no.csv' (PARTITION_BY (a, b))", 'COPY has no option PARTITION_BY', 'PARTITIONED BY'],
    [`COPY (SELECT 1 AS a) TO '${folder}' (FORMAT csv)`, 'it is a folder', 'INSERT INTO'],
    ["COPY t FROM 'x.csv'", 'COPY writes files, it does not read them', 'INSERT INTO t SELECT'],
    ["COPY t (a) TO 'x.csv'", 'COPY takes a whole table, or a query', 'SELECT a, b FROM t'],
    ["COPY (SELECT MAP[1, 2] AS a) TO 'no.csv'", 'only plain values and arrays of them have a CSV form', ''],
  ])('%s', (sql, message, hint) => {
    const said = { message: expect.stringContaining(message) as string, ...(hint !== '' && { hint: expect.stringContaining(hint) as string }) }
    expect(() => execute(sql)).toThrow(expect.objectContaining(said))
    expect(existsSync('no.csv') || existsSync(at('no.csv'))).toBe(false)
  })
})
