import { describe, expect, test } from 'vitest'
import { formatType } from '../../../src/batch/types.ts'
import type { LogicalPlan } from '../../../src/sql/logical-plan.ts'
import { SqlSession } from '../../../src/sql/session.ts'
import { SqlError } from '../../../src/sql/sql-error.ts'
import { parseScript } from '../../../src/sql/statement-parser.ts'

/** Runs a script; returns the plan of its last statement. */
function plan(text: string): LogicalPlan | undefined {
  const session = new SqlSession()
  let last: LogicalPlan | undefined
  for (const statement of parseScript(text)) {
    const result = session.execute(statement, text)
    last = result.kind === 'query' ? result.plan : undefined
  }
  return last
}

const columnsOf = (text: string): string[] => plan(text)!.columns.map(({ name, type }) => `${name} ${formatType(type)}`)
const T = "CREATE TABLE t (a INT, b STRING NOT NULL, r ROW<x INT, y STRING>) WITH ('connector' = 'x');\n"

describe('columns of queries', () => {
  test.each([
    ['SELECT 1 AS n, 2', ['n INT NOT NULL', 'EXPR$1 INT NOT NULL']],
    [`${T}SELECT *, a FROM t`, ['a INT', 'b STRING NOT NULL', 'r ROW<x INT, y STRING>', 'a0 INT']],
    [`${T}SELECT t.r.y, r.x AS z, t.r.* FROM t`, ['y STRING', 'z INT', 'x INT', 'y0 STRING']],
    [`${T}SELECT u.a FROM t AS u (a, c, d)`, ['a INT']],
    [`${T}SELECT COUNT(*), SUM(a) AS s, MAX(b) FROM t`, ['EXPR$0 BIGINT NOT NULL', 's INT', 'EXPR$2 STRING']],
    [`${T}SELECT b, MAX(b) AS m, a + 1 AS n FROM t GROUP BY b, a + 1 HAVING COUNT(*) > 1`, ['b STRING NOT NULL', 'm STRING NOT NULL', 'n INT']],
    [`${T}CREATE VIEW v (c) AS SELECT a FROM t; DROP TABLE IF EXISTS nothing; SELECT c FROM v`, ['c INT']],
    ['WITH w AS (SELECT 1 AS a), x (b) AS (SELECT a FROM w) SELECT * FROM x', ['b INT NOT NULL']],
    ["SELECT * FROM (VALUES (1, NULL), (2.5, 'ab')) AS v (n, s)", ['n DECIMAL(11, 1) NOT NULL', 's CHAR(2)']],
    [`${T}SELECT DISTINCT b FROM t`, ['b STRING NOT NULL']],
    [`${T}SELECT x.b, y.b FROM t AS x LEFT JOIN t AS y ON x.a = y.a`, ['b STRING NOT NULL', 'b0 STRING']],
    [`${T}SELECT x.b, y.b FROM t AS x, t AS y WHERE x.a = y.a`, ['b STRING NOT NULL', 'b0 STRING NOT NULL']],
    [`${T}SELECT * FROM (SELECT b FROM t) FULL JOIN (SELECT a FROM t) ON b = 'x'`, ['b STRING', 'a INT']],
    [`${T}SELECT a FROM t INTERSECT SELECT 1`, ['a INT']],
    [`${T}SELECT a, b FROM t ORDER BY b DESC LIMIT 3`, ['a INT', 'b STRING NOT NULL']],
    ['SELECT 1 AS a UNION ALL SELECT CAST(2 AS BIGINT)', ['a BIGINT NOT NULL']],
  ])('%s', (text, columns) => expect(columnsOf(text)).toEqual(columns))

  test('aggregates that say the same are one', () => {
    const project = plan(`${T}SELECT SUM(a) + SUM(a), SUM(t.a) FROM t HAVING SUM(a) > 1`)
    expect(project).toMatchObject({ kind: 'project', input: { kind: 'filter', input: { kind: 'aggregate', aggregates: [{ name: 'SUM' }] } } })
  })
})

describe('what cannot be planned is refused where it stands', () => {
  test.each([
    ['SELECT * FROM nope', 'UNKNOWN_TABLE', 1, 15],
    ['SELECT * FROM x.t', 'UNKNOWN_DATABASE', 1, 15],
    ['SELECT *', 'UNKNOWN_COLUMN', 1, 8],
    [`${T}SELECT a, COUNT(*) FROM t`, 'NOT_GROUPED', 2, 8],
    [`${T}SELECT a + 1 FROM t GROUP BY b`, 'NOT_GROUPED', 2, 8],
    [`${T}SELECT * FROM t GROUP BY b`, 'NOT_GROUPED', 2, 8],
    [`${T}SELECT SUM(b) FROM t`, 'WRONG_TYPE', 2, 8],
    [`${T}SELECT nope FROM t GROUP BY b`, 'UNKNOWN_COLUMN', 2, 8],
    [`${T}SELECT a FROM t WHERE a`, 'WRONG_TYPE', 2, 23],
    [`${T}SELECT r.z FROM t`, 'UNKNOWN_COLUMN', 2, 10],
    [`${T}${T}`, 'TABLE_EXISTS', 2, 14],
    ['CREATE TABLE t (a INT, a INT)', 'DUPLICATE_COLUMN', 1, 24],
    ['CREATE TABLE t (a INT, PRIMARY KEY (b) NOT ENFORCED)', 'UNKNOWN_COLUMN', 1, 37],
    ['DROP TABLE t', 'UNKNOWN_TABLE', 1, 12],
    ['CREATE VIEW v AS SELECT 1 AS a; DROP TABLE v', 'WRONG_KIND', 1, 44],
    ['CREATE VIEW v (a, b) AS SELECT 1', 'WRONG_COLUMN_COUNT', 1, 16],
    ['SELECT 1 UNION ALL SELECT 1, 2', 'WRONG_COLUMN_COUNT', 1, 20],
    ["SELECT 1 UNION ALL SELECT 'a'", 'WRONG_TYPE', 1, 20],
    [`${T}SELECT * FROM t JOIN t AS u ON 1`, 'WRONG_TYPE', 2, 32],
    [`${T}SELECT a FROM t JOIN t AS u ON TRUE`, 'AMBIGUOUS_COLUMN', 2, 8],
    ['VALUES (1, 2), (3)', 'WRONG_COLUMN_COUNT', 1, 17],
  ])('%s', (text, code, line, column) => {
    const refused = (): unknown => plan(text)
    expect(refused).toThrow(SqlError)
    expect(refused).toThrow(expect.objectContaining({ code, position: { line, column } }))
  })

  test('near tables are told', () => expect(() => plan(`${T}SELECT * FROM tt`)).toThrow(expect.objectContaining({ hint: 'Did you mean t?' })))
})
