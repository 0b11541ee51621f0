// VARIANT where Flink says nothing: refusals with their places and what to write, how values are shown, and where Flink 2.3 fails and there are answers here.
import { expect, test } from 'vitest'
import { MillraceError } from '../../../src/base/errors.ts'
import type { Field } from '../../../src/batch/types.ts'
import { printedValue } from '../../../src/connector/print-sink.ts'
import { jsonText, textWriter } from '../../../src/cli/sql-values.ts'
import { parseVariant } from '../../../src/batch/variant.ts'
import type { EvaluationContext } from '../../../src/sql/functions/scalar-function.ts'
import { changeText, runScript } from '../../../src/sql/runtime/run-script.ts'

function rowsOf(sql: string): readonly unknown[] {
  let columns: readonly Field[] = []
  const changes: unknown[] = []
  runScript(sql, { columns: (given) => (columns = given), change: (kind, row) => changes.push(changeText(kind, row, columns).slice(1)) }, { log() {} })
  return changes
}

const FILE = "'connector' = 'filesystem', 'path' = 'x'"

test.each([
  ["SELECT CAST(PARSE_JSON('1') AS INT) AS a", 'Cannot cast VARIANT to INT', 'Write CAST(JSON_STRING(...) AS INT).'],
  ["SELECT CAST(PARSE_JSON('1') AS STRING) AS a", 'Cannot cast VARIANT to STRING', 'JSON_STRING makes a text of it.'],
  ['SELECT CAST(1 AS VARIANT) AS a', 'Cannot cast INT to VARIANT', 'PARSE_JSON makes a VARIANT of a text.'],
  ["SELECT PARSE_JSON('{') AS a", "Cannot compute PARSE_JSON('{')", 'TRY_PARSE_JSON gives NULL in its place.'],
  ['SELECT PARSE_JSON(\'{"a":1,"a":2}\') AS a', 'Key "a" stands twice in an object', 'TRY_PARSE_JSON gives NULL in its place.'],
  ["SELECT PARSE_JSON('[1]')['a'] AS a", 'an array has no field "a"', undefined],
  ["SELECT PARSE_JSON('1')[1] AS a", 'a number has no elements', undefined],
  ["SELECT PARSE_JSON('1')[TRUE] AS a", '[ ] does not take VARIANT, BOOLEAN', 'CAST what does not fit.'],
  ["SELECT a FROM (VALUES (PARSE_JSON('1'))) AS t(a) ORDER BY a", 'Values of type VARIANT have no order', 'Order by a text of it'],
  [`CREATE TABLE t (v VARIANT) WITH (${FILE}, 'format' = 'json'); SELECT * FROM t`, 'column "v" as JSON: it is VARIANT', 'Make the column a STRING'],
  [
    `CREATE TABLE t (v ARRAY<VARIANT>) WITH (${FILE}, 'format' = 'csv'); SELECT * FROM t`,
    'column "v" as CSV: it is ARRAY<VARIANT>',
    'Make the column a STRING',
  ],
  ["CREATE TABLE t (v VARIANT) WITH ('connector' = 'datagen'); SELECT * FROM t", 'datagen makes no values of type VARIANT', undefined],
  ["CREATE TABLE t (v VARIANT) WITH ('connector' = 'blackhole'); INSERT INTO t VALUES ('1')", 'Column "v" is VARIANT', 'PARSE_JSON makes a VARIANT of a text.'],
])('%s is refused', (sql, message, hint) => {
  const error = ((): unknown => {
    try {
      return rowsOf(sql)
    } catch (thrown) {
      return thrown
    }
  })() as MillraceError
  expect(error).toBeInstanceOf(MillraceError)
  expect(error.message).toContain(message)
  if (hint === undefined) expect(error.hint).toBeUndefined()
  else expect(error.hint).toContain(hint)
})

test.each([
  [
    "SELECT v, COUNT(*) AS n FROM (VALUES (PARSE_JSON('[1]')), (PARSE_JSON(' [ 1 ] ')), (TRY_PARSE_JSON('['))) AS t(v) GROUP BY v",
    [
      ['[1]', 2],
      [null, 1],
    ],
  ],
  ["SELECT CASE WHEN a = 1 THEN PARSE_JSON('1') ELSE TRY_PARSE_JSON('x') END AS v FROM (VALUES (1), (2)) AS t(a)", [['1'], [null]]],
  ["SELECT PARSE_JSON('1') = TRY_PARSE_JSON('1') AS a, PARSE_JSON('1') = PARSE_JSON('1.0') AS b", [[true, false]]],
  ["SELECT PARSE_JSON('{\"a\":1,\"b\":2}')[k] AS v FROM (VALUES ('a'), ('b')) AS t(k)", [['1'], ['2']]],
  ["SELECT CAST(ROW(PARSE_JSON('[1]'), 'x') AS STRING) AS a, ARRAY[PARSE_JSON('[1]')][1][1] AS b", [['([1], x)', '1']]],
])('%s has an answer', (sql, rows) => {
  expect(rowsOf(`SET 'execution.runtime-mode' = 'batch';\n${sql}`)).toEqual(rows)
})

test('values are shown as the JSON that they are', () => {
  const type = { kind: 'VARIANT', nullable: true } as const
  const value = parseVariant('{"b":[1.50,"x"],"a":null}')
  const text = '{"a":null,"b":[1.5,"x"]}'
  expect(textWriter(type, {} as EvaluationContext)(value)).toBe(text)
  expect(jsonText(value, type)).toBe(text)
  expect(jsonText([value], { kind: 'ARRAY', element: type, nullable: true })).toBe(`[${text}]`)
  expect(printedValue(value, type)).toBe(text)
})
