import { describe, expect, test } from 'vitest'
import { SqlSession, type StatementResult } from '../../../../src/sql/session.ts'
import { parseScript } from '../../../../src/sql/statement-parser.ts'

function run(session: SqlSession, sql: string): StatementResult {
  const results = parseScript(sql).map((statement) => session.execute(statement, sql))
  return results[results.length - 1]
}

const namesOf = (result: StatementResult): string[] => (result.kind === 'query' ? result.plan.columns.map(({ name }) => name) : [])

describe('views stay what they were', () => {
  test('whatever database is in use', () => {
    const session = new SqlSession()
    run(session, "CREATE TABLE t (a INT) WITH ('connector'='x'); CREATE VIEW v AS WITH w AS (SELECT * FROM t) SELECT * FROM w")
    const query = run(session, 'CREATE DATABASE d; USE d; CREATE TABLE t (b INT); SELECT * FROM default_database.v')
    expect(namesOf(query)).toEqual(['a'])
  })

  test('when tables get columns', () => {
    const session = new SqlSession()
    run(session, "CREATE TABLE t (a INT, b INT) WITH ('connector'='x'); CREATE VIEW v AS SELECT *, 1 FROM t")
    expect(namesOf(run(session, 'ALTER TABLE t ADD c INT FIRST; SELECT * FROM v'))).toEqual(['a', 'b', 'EXPR$2'])
  })

  test('a temporary one hides the other of its name', () => {
    const session = new SqlSession()
    expect(namesOf(run(session, 'CREATE VIEW v AS SELECT 1 AS a; CREATE TEMPORARY VIEW v AS SELECT 1 AS b; SELECT * FROM v'))).toEqual(['b'])
    expect(namesOf(run(session, 'DROP TEMPORARY VIEW v; SELECT * FROM v'))).toEqual(['a'])
  })
})

test('columns are named with the whole path of their table', () => {
  const sql = "CREATE TABLE t (a ROW<b INT>) WITH ('connector'='x'); SELECT default_catalog.default_database.t.a.b, default_database.t.*, t.a FROM t"
  expect(namesOf(run(new SqlSession(), sql))).toEqual(['b', 'a', 'a0'])
})

test('options are said, shown and taken back', () => {
  const session = new SqlSession()
  const all = run(session, "SET 'b' = '1'; SET 'a' = '2'; SET")
  expect(all).toMatchObject({
    kind: 'rows',
    rows: [
      ['a', '2'],
      ['b', '1'],
    ],
  })
  run(session, "RESET 'b'")
  expect([...session.options]).toEqual([['a', '2']])
  run(session, 'RESET')
  expect(session.options.size).toBe(0)
})

test('functions are listed by their names in lower case, those of the system in every database', () => {
  const session = new SqlSession()
  run(session, "CREATE FUNCTION Abc AS 'x' LANGUAGE PYTHON; CREATE TEMPORARY FUNCTION t AS 'y'; CREATE TEMPORARY SYSTEM FUNCTION s AS 'z'; CREATE DATABASE d")
  expect(run(session, 'SHOW USER FUNCTIONS')).toMatchObject({ rows: [['abc'], ['s'], ['t']] })
  expect(run(session, 'SHOW USER FUNCTIONS FROM d')).toMatchObject({ rows: [['s']] })
  expect(run(session, 'DESCRIBE FUNCTION t')).toMatchObject({
    rows: [
      ['is system function', 'false'],
      ['is temporary', 'true'],
    ],
  })
})

test('a database is described with its comment, and with EXTENDED its options', () => {
  const session = new SqlSession()
  const rows = run(session, "CREATE DATABASE d COMMENT 'c' WITH ('k'='v'); ALTER DATABASE d SET ('l'='w'); DESCRIBE DATABASE EXTENDED d")
  expect(rows).toMatchObject({
    rows: [
      ['name', 'd'],
      ['comment', 'c'],
      ['option:k', 'v'],
      ['option:l', 'w'],
    ],
  })
})

test('a query is described by its columns', () => {
  expect(run(new SqlSession(), "DESCRIBE SELECT 1 AS a, CAST(NULL AS STRING) AS b UNION ALL SELECT 2, 'x'")).toMatchObject({
    kind: 'rows',
    rows: [
      ['a', 'INT', false, null, null, null],
      ['b', 'STRING', true, null, null, null],
    ],
  })
})
