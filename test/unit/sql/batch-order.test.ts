// In batch mode a query's rows come in its order, whether or not the columns of that order are among them.
import { expect, test } from 'vitest'
import { runScript } from '../../../src/sql/runtime/run-script.ts'

const ROWS = '(VALUES (1, 9), (2, 3), (3, 7), (4, 8)) AS t(a, b)'

test.each<readonly [query: string, expected: readonly unknown[]]>([
  [`SELECT a FROM ${ROWS} ORDER BY b`, [2, 3, 4, 1]],
  [`SELECT a + 1 FROM ${ROWS} ORDER BY b + 1 DESC`, [2, 5, 4, 3]],
  [`SELECT a FROM ${ROWS} ORDER BY b DESC LIMIT 3`, [1, 4, 3]],
  [`SELECT a FROM ${ROWS} ORDER BY b LIMIT 2 OFFSET 1`, [3, 4]],
  [`SELECT x FROM (SELECT a AS x FROM ${ROWS} ORDER BY b LIMIT 2)`, [2, 3]],
  [`SELECT SUM(a) FROM ${ROWS} GROUP BY b ORDER BY MAX(b) DESC`, [1, 4, 3, 2]],
  [`SELECT a FROM ${ROWS} ORDER BY b / 4, a DESC`, [2, 3, 4, 1]],
])('%s', (query, expected) => {
  const rows: unknown[] = []
  runScript(`SET 'execution.runtime-mode' = 'batch'; ${query}`, { columns() {}, change: (_kind, row) => rows.push(...row) }, { log() {} })
  expect(rows).toEqual(expected)
})
