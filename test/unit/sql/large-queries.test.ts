// Queries in which something is there very often, and others that fuzzing has found to be answered wrongly or without an error of ours.

import { describe, expect, test } from 'vitest'
import { MillraceError } from '../../../src/base/errors.ts'
import { RowKind } from '../../../src/batch/record-batch.ts'
import { runScript } from '../../../src/sql/runtime/run-script.ts'
import type { Value } from '../../../src/sql/value.ts'

/** The rows that a script's last statement answers. */
function rowsOf(script: string): readonly (readonly Value[])[] {
  const rows: (readonly Value[])[] = []
  runScript(script, { columns() {}, change: (_, row) => rows.push(row) }, { log() {} })
  return rows
}

function codeOf(script: string): string {
  try {
    rowsOf(script)
  } catch (error) {
    if (error instanceof MillraceError) return error.code
    throw error
  }
  return 'answered'
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index)
const FROM = 'FROM (VALUES (3), (5000)) AS t(a)'

describe('as many as there are', () => {
  test('values of a list', () => {
    expect(rowsOf(`SELECT a IN (${numbers(5000).join(', ')}), a NOT IN (${numbers(3000).join(', ')}) ${FROM}`)).toEqual([
      [true, false],
      [false, true],
    ])
  })

  test('branches of CASE', () => {
    const branches = numbers(3000).map((number) => `WHEN ${number} THEN ${number + 1}`)
    expect(rowsOf(`SELECT CASE a ${branches.join(' ')} END ${FROM}`)).toEqual([[4], [null]])
  })

  test('operands of COALESCE', () => {
    expect(rowsOf(`SELECT COALESCE(${'NULLIF(a, a), '.repeat(2000)}a) ${FROM}`)).toEqual([[3], [5000]])
  })
})

describe('bounds of ranks', () => {
  const ranked = (condition: string): string =>
    `SELECT a FROM (SELECT a, ROW_NUMBER() OVER (ORDER BY a) AS rn FROM (VALUES (1), (2), (3)) AS t(a)) AS r WHERE ${condition}`

  test('are whole numbers', () => {
    expect(rowsOf(ranked('rn <= 2'))).toEqual([[1], [2]])
    expect(['rn = 1e400', 'rn < 1.5e0', 'rn = 1.5e0'].map((condition) => codeOf(ranked(condition)))).toEqual([
      'OVER_FUNCTION',
      'OVER_FUNCTION',
      'OVER_FUNCTION',
    ])
  })

  test('stand beside others that are none', () => {
    expect(rowsOf(ranked('rn <= 2 AND rn < 1.5e0'))).toEqual([[1]])
  })
})

test('the peers of a row are the same in all columns of the order', () => {
  const rows = rowsOf(`SET 'execution.runtime-mode' = 'batch';
    SELECT a, b, COUNT(*) OVER (ORDER BY a, b RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS up, COUNT(*) OVER (ORDER BY a, b) AS up_too,
      COUNT(*) OVER (ORDER BY a, b RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS down
    FROM (VALUES (1, 1), (1, 2), (1, 2), (2, 1)) AS t(a, b)`)
  expect(rows).toEqual([
    [1, 1, 1n, 1n, 4n],
    [1, 2, 3n, 3n, 3n],
    [1, 2, 3n, 3n, 3n],
    [2, 1, 4n, 4n, 1n],
  ])
})

describe('the first rows of rows that change', () => {
  const GROUPS = 'SELECT k, COUNT(*) AS c FROM (VALUES (1), (1), (1), (2)) AS t(k) GROUP BY k'
  const BY_ROW = "SET 'table.exec.mini-batch.enabled' = 'false';"
  const finalRows = (script: string): readonly string[] => {
    const rows = new Map<string, number>()
    const take = (kind: RowKind, row: readonly Value[]): void => {
      const line = row.map(String).join(' ')
      rows.set(line, (rows.get(line) ?? 0) + (kind === RowKind.INSERT || kind === RowKind.UPDATE_AFTER ? 1 : -1))
    }
    runScript(script, { columns() {}, change: take }, { log() {} })
    return [...rows].flatMap(([line, times]) => (times === 0 ? [] : [line])).sort()
  }

  test('know of a row that a filter takes away', () => {
    for (const order of ['c DESC', 'k']) expect(finalRows(`${BY_ROW} SELECT * FROM (${GROUPS}) AS g WHERE c < 3 ORDER BY ${order} LIMIT 2`)).toEqual(['2 1'])
    expect(finalRows(`${BY_ROW} SELECT * FROM (${GROUPS}) AS g ORDER BY c DESC LIMIT 2`)).toEqual(['1 3', '2 1'])
  })

  test('know of a row of DISTINCT that goes', () => {
    const script = `SELECT * FROM (SELECT DISTINCT (SELECT MAX(z) FROM (VALUES (1), (2), (3)) AS a(z)) AS m, k FROM (VALUES (5), (6), (5)) AS b(k)) AS d
      ORDER BY m, k LIMIT 4`
    expect(finalRows(script)).toEqual(['3 5', '3 6'])
    expect(finalRows(`${BY_ROW} ${script}`)).toEqual(['3 5', '3 6'])
  })
})

test('a value of VALUES that cannot be computed is told as an expression of a row is', () => {
  expect(codeOf("SELECT a FROM (VALUES (CAST('x' AS INT))) AS t(a)")).toBe('EXPRESSION_FAILED')
})

test('MINUS_DATE, which only the parser writes, is refused with other operands than three', () => {
  expect(['MINUS_DATE()', "MINUS_DATE(DATE '2024-01-01')"].map((call) => codeOf(`SELECT ${call}`))).toEqual(['WRONG_TYPE', 'WRONG_TYPE'])
})
