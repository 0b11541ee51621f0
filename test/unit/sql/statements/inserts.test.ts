import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { formatType } from '../../../../src/batch/types.ts'
import { canAssign } from '../../../../src/sql/implicit-casts.ts'
import type { InsertPlan } from '../../../../src/sql/insert-binder.ts'
import { SqlSession } from '../../../../src/sql/session.ts'
import { parseScript } from '../../../../src/sql/statement-parser.ts'
import { typeOf } from '../../../fixtures/answers.ts'

const TABLES = `
CREATE TABLE s (a INT, b BIGINT NOT NULL, c STRING, d AS a + 1, m INT METADATA VIRTUAL, e DOUBLE) WITH ('connector'='x');
CREATE TABLE q (a INT, b BIGINT NOT NULL, c STRING, e DOUBLE) WITH ('connector'='x');
CREATE TABLE p (a INT, b BIGINT, c STRING, dt STRING, hr INT) PARTITIONED BY (dt, hr) WITH ('connector'='x');
`

function inserts(sql: string): readonly InsertPlan[] {
  const session = new SqlSession()
  const text = TABLES + sql
  const results = parseScript(text).map((statement) => session.execute(statement, text))
  const last = results[results.length - 1]
  if (last.kind !== 'insert') throw new Error(last.kind)
  return last.inserts
}

/** The columns of the plan, each as it is made: `a`, `(BIGINT) a`, `NULL`. */
function made({ plan }: InsertPlan): string[] {
  if (plan.kind !== 'project') return plan.columns.map(({ name }) => name)
  const { input } = plan
  const shown = (expression: (typeof plan.expressions)[number]): string => {
    if (expression.kind === 'column') return input.columns[expression.index].name
    if (expression.kind === 'cast') return `(${formatType(expression.type)}) ${shown(expression.operand)}`
    return expression.kind === 'literal' ? (expression.value === null ? 'NULL' : String(expression.value)) : expression.kind
  }
  return plan.expressions.map(shown)
}

describe('values go into the columns that are meant', () => {
  test.each([
    ['INSERT INTO s SELECT a, b, c, e FROM q', ['a', 'b', 'c', 'e']],
    ['INSERT INTO s SELECT a, a, c, a FROM q', ['a', '(BIGINT) a0', 'c', '(DOUBLE) a1']],
    ['INSERT INTO s (c, b) SELECT c, b FROM q', ['NULL', 'b', 'c', 'NULL']],
    ['INSERT INTO s (b) SELECT a FROM q', ['NULL', '(BIGINT) a', 'NULL', 'NULL']],
    ["INSERT INTO p PARTITION (hr = '1', dt = '2020') SELECT a, b, c FROM q", ['a', 'b', 'c', '(STRING NOT NULL) 2020', '(INT NOT NULL) 1']],
    ['INSERT INTO p PARTITION (dt = 2020) SELECT a, b, c, 7 FROM q', ['a', 'b', 'c', '(STRING NOT NULL) 2020', 'EXPR$3']],
    ["INSERT INTO p PARTITION (dt = 'x') (hr, c) SELECT a, c FROM q", ['NULL', 'NULL', 'c', '(STRING NOT NULL) x', 'a']],
  ])('%s', (sql, expected) => expect(inserts(sql).flatMap(made)).toEqual(expected))

  test('columns that were named are told, for sinks that leave the others as they are', () => {
    const [all] = inserts('INSERT INTO s SELECT * FROM q')
    const [some] = inserts('INSERT INTO s (c, b) SELECT c, b FROM q')
    expect([all.columns, some.columns]).toEqual([undefined, ['c', 'b']])
  })

  test('a statement set is several inserts', () => {
    const set = inserts('EXECUTE STATEMENT SET BEGIN INSERT INTO s SELECT * FROM q; INSERT OVERWRITE p SELECT a, b, c, c, a FROM q; END')
    expect(set.map(({ table, isOverwrite }) => [table.path[2], isOverwrite])).toEqual([
      ['s', false],
      ['p', true],
    ])
  })

  test('a hint changes the options of the table for this insert', () => {
    const [insert] = inserts("INSERT INTO s /*+ OPTIONS('k'='v', 'connector'='y') */ SELECT * FROM q")
    expect([...insert.table.options]).toEqual([
      ['connector', 'y'],
      ['k', 'v'],
    ])
  })

  test('a table that is made from a query is filled by name', () => {
    const [insert] = inserts("CREATE TABLE n (c VARCHAR(10), x INT, k AS b) WITH ('connector'='x') AS SELECT a, b, c FROM q")
    expect(insert.plan.columns.map(({ name }) => name)).toEqual(['x', 'a', 'b', 'c'])
    expect(made(insert)).toEqual(['NULL', 'a', 'b', '(VARCHAR(10)) c'])
  })
})

describe('types that go into each other without a CAST', () => {
  /** For each type, into which of all it goes: 1 or 0; ? is what could not be asked. */
  const { types, into } = JSON.parse(readFileSync(new URL('assignable.json', import.meta.url), 'utf8')) as {
    readonly types: readonly string[]
    readonly into: readonly string[]
  }
  test.each(types.map((type, index) => [type, into[index]] as const))('%s', (type, expected) => {
    const from = typeOf(type)
    const own = types.map((to, index) => (expected[index] === '?' ? '?' : canAssign(from, typeOf(to)) ? '1' : '0'))
    expect(own.join('')).toBe(expected)
  })
})
