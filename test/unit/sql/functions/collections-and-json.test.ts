// Collections and JSON: what a real Flink 2.3 answered for each of the expressions of collections-and-json.jsonl, over the rows below.

import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { PlanError } from '../../../../src/base/errors.ts'
import { formatType } from '../../../../src/batch/types.ts'
import { CastError } from '../../../../src/sql/casts.ts'
import { jsonOf } from '../../../../src/sql/changelog-format.ts'
import { ExpressionBinder, type ScopeColumn } from '../../../../src/sql/expression-binder.ts'
import { interpret } from '../../../../src/sql/interpreter.ts'
import { SqlError } from '../../../../src/sql/sql-error.ts'
import { parseExpression } from '../../../../src/sql/statement-parser.ts'
import type { Value } from '../../../../src/sql/value.ts'
import { EVALUATION } from '../../../fixtures/evaluation.ts'
import { typeOf } from '../../../fixtures/answers.ts'

interface Answer {
  /** Of which of {@link SOURCES} it was asked. */
  readonly of: string
  readonly sql: string
  /** Flink refuses it, or its job ends. */
  readonly error?: string
  readonly type?: string
  /** For each row. */
  readonly values?: readonly unknown[]
}

interface Source {
  readonly columns: readonly ScopeColumn[]
  readonly rows: readonly (readonly Value[])[]
}

const DOCUMENT = String.raw`'{"a":1,"b":{"c":[1,2,{"d":"x"}]},"s":"str","n":null,"t":true,"f":1.50,"e":"","arr":[3,1,2],"o":[{"k":1,"v":"p"},{"k":2,"v":"q"},{"v":"r"}],"a.b":5,"x y":6,"big":12345678901234567890,"exp":1e3,"neg":-0,"nd":-0.0,"emoji":"😀"}'`

/** Columns, and their values in each row. */
const SOURCES: Readonly<Record<string, Source>> = {
  constants: source([['x', 'INT NOT NULL', '1']]),
  collections: source([
    ['an', 'ARRAY<INT>', 'ARRAY[1, 2, 2, CAST(NULL AS INT)]', 'NULL'],
    ['ar', 'ARRAY<INT NOT NULL> NOT NULL', 'ARRAY[1, 2, 3]', 'ARRAY[4]'],
    ['ac', 'ARRAY<VARCHAR(2) NOT NULL> NOT NULL', "ARRAY['a', 'bc']", "ARRAY['d', 'e']"],
    ['sn', 'ARRAY<STRING>', "ARRAY[CAST('x' AS STRING), CAST(NULL AS STRING)]", 'NULL'],
    ['i', 'INT', '2', 'NULL'],
    ['b', 'BIGINT', '3000000000', 'NULL'],
    ['s', 'STRING', "'s'", 'NULL'],
    ['mn', 'MAP<CHAR(1), INT>', "MAP['k', 1, 'l', 2]", 'NULL'],
    ['mr', 'MAP<INT NOT NULL, VARCHAR(2) NOT NULL> NOT NULL', "MAP[1, 'x', 2, 'yy']", "MAP[3, 'x', 2, 'z']"],
  ]),
  document: source([['j', 'STRING NOT NULL', DOCUMENT]]),
  rows: source([
    ['r', 'ROW<EXPR$0 INT NOT NULL, EXPR$1 INT> NOT NULL', 'ROW(1, CAST(NULL AS INT))'],
    ['r2', 'ROW<EXPR$0 INT NOT NULL, EXPR$1 INT> NOT NULL', 'ROW(1, CAST(NULL AS INT))'],
    ['q', 'ROW<EXPR$0 INT NOT NULL, EXPR$1 INT NOT NULL> NOT NULL', 'ROW(1, 2)'],
    ['a', 'ARRAY<INT NOT NULL> NOT NULL', 'ARRAY[1, 2]'],
    ['m', 'MAP<CHAR(1) NOT NULL, INT NOT NULL> NOT NULL', "MAP['a', 1]"],
  ]),
}

function source(columns: readonly (readonly [name: string, type: string, ...values: string[]])[]): Source {
  const values = columns.map(([, , ...texts]) =>
    texts.map((text) => (text === 'NULL' ? null : interpret(new ExpressionBinder(text, []).bind(parseExpression(text)), EVALUATION)([]))),
  )
  return {
    columns: columns.map(([name, type]) => ({ name, table: 't', type: typeOf(type) })),
    rows: values[0].map((_, row) => values.map((column) => column[row])),
  }
}

function compute(sql: string, { columns, rows }: Source): { readonly type: string; readonly values: readonly unknown[] } {
  const bound = new ExpressionBinder(sql, columns).bind(parseExpression(sql))
  const evaluate = interpret(bound, EVALUATION)
  return { type: formatType(bound.type), values: rows.map((row) => jsonOf(evaluate(row), bound.type)) }
}

const ANSWERS = readFileSync(new URL('collections-and-json.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Answer)

describe.each(Object.keys(SOURCES))('of %s', (of) => {
  const asked = ANSWERS.filter((answer) => answer.of === of)

  test('types and values are what Flink says', () => {
    const wrong = asked.flatMap(({ sql, error, type, values }) => {
      if (error !== undefined) return []
      const own = JSON.stringify(compute(sql, SOURCES[of]))
      const expected = JSON.stringify({ type: formatType(typeOf(type!)), values })
      return own === expected ? [] : [`${sql}: ${own}, not ${expected}`]
    })
    expect(wrong).toEqual([])
  })

  test('what Flink refuses, or fails at, ends here too', () => {
    const taken = asked.flatMap(({ sql, error }) => {
      if (error === undefined) return []
      try {
        return [`${sql}: ${JSON.stringify(compute(sql, SOURCES[of]))}, not ${error}`]
      } catch (thrown) {
        return [SqlError, PlanError, CastError, RangeError].some((kind) => thrown instanceof kind) ? [] : [`${sql}: ${String(thrown)}`]
      }
    })
    expect(taken).toEqual([])
  })
})

// Flink comes without the library that these need, and ends the job.
test.each([
  ['$.o[?(@.k)].v', '["p","q"]'],
  ['$.o[?(!@.k)].v', '["r"]'],
  ["$.o[?(@.v in ['p','q'])].k", '[1,2]'],
  ['$.o[?(@.k nin [1])].v', '["q","r"]'],
  ['$.b[?(@.length() size 3)]', '[]'],
  ['$.[?(@.arr contains 3)].s', '["str"]'],
])('a filter of a JSON path: %s', (path, expected) => {
  const sql = `JSON_QUERY(j, '${path.replaceAll("'", "''")}')`
  expect(compute(sql, SOURCES['document']).values).toEqual([expected])
})

// What is not there is NULL, whatever the type of what is. Flink has -1, '' or FALSE there if that refuses NULL, and only in the result itself.
test.each(['MAP[1, 2][3]', "ARRAY['a'][5]", "MAP['a', 1]['b'] + 1"])('%s is NULL', (sql) => {
  expect(compute(sql, SOURCES['constants']).values).toEqual([null])
})

test('exponents of any size take no time', () => {
  const numbers = '[1e999999999, 1e-999999999, 5]'
  expect(compute(`JSON_QUERY('${numbers}', '$[?(@ > 1)]')`, SOURCES['constants']).values).toEqual(['[1E+999999999,5]'])
  expect(compute(`JSON_VALUE('${numbers}', '$[0]')`, SOURCES['constants']).values).toEqual(['1E+999999999'])
})
