// Maps with the same entries may lie in many ways: they are no keys, and nobody takes one for another.
import { expect, test } from 'vitest'
import { runScript } from '../../../src/sql/runtime/run-script.ts'

const MAPS = "(VALUES (1, MAP['x', 1]), (2, MAP['y', 2])) AS t(id, m)"

test.each([
  `SELECT m, COUNT(*) FROM ${MAPS} GROUP BY m`,
  `SELECT DISTINCT m FROM ${MAPS}`,
  `SELECT ARRAY[m], COUNT(*) FROM ${MAPS} GROUP BY ARRAY[m]`,
  `SELECT * FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY m ORDER BY id) AS r FROM ${MAPS}) WHERE r = 1`,
])('%s', (query) => {
  expect(() => runScript(query, { columns() {}, change() {} }, { log() {} })).toThrow(/Cannot tell rows apart by .*no key/)
})

test('what a map says is a key', () => {
  const rows: unknown[] = []
  runScript(`SELECT m['x'], COUNT(*) FROM ${MAPS} GROUP BY m['x']`, { columns() {}, change: (_kind, row) => rows.push(row) }, { log() {} })
  expect(rows).toEqual([
    [1, 1n],
    [null, 1n],
  ])
})
