// Expressions that cannot be computed of a row while a job runs: errors say which part of them, of what values, and where it was written.
import { describe, expect, test } from 'vitest'
import { MillraceError } from '../../../src/base/errors.ts'
import { Decimal, type LogicalType, t } from '../../../src/batch/types.ts'
import { CastError } from '../../../src/sql/casts.ts'
import { ExpressionBinder } from '../../../src/sql/expression-binder.ts'
import { failureOf } from '../../../src/sql/expression-failure.ts'
import { parseExpression } from '../../../src/sql/statement-parser.ts'
import { scalarFunction } from '../../../src/sql/user-functions.ts'
import type { Value } from '../../../src/sql/value.ts'
import { queryJob, runScript } from '../../../src/sql/runtime/run-script.ts'
import { SqlSession } from '../../../src/sql/session.ts'
import { parseScript } from '../../../src/sql/statement-parser.ts'
import { EVALUATION } from '../../fixtures/evaluation.ts'

const ROWS = "CREATE VIEW r AS SELECT * FROM (VALUES (4, '7'), (2, 'x'), (0, '0')) AS v (a, b);\n"

function failureOfScript(script: string): MillraceError {
  try {
    runScript(ROWS + script, { columns() {}, change() {} }, { log() {} })
  } catch (error) {
    if (error instanceof MillraceError) return error
    throw error
  }
  throw new Error(`Not failed: ${script}`)
}

describe('a job tells', () => {
  test.each([
    ['SELECT 10 / a FROM r', '(10 / a) of a = 0: Division by zero, line 2, column 8\n  SELECT 10 / a FROM r\n         ^^^^^^'],
    [
      'SELECT a,\n  CAST(b AS INT) + 1\nFROM r',
      'CAST(b AS INT) of b = \'x\': Cannot cast "x" to INT, line 3, column 3\n    CAST(b AS INT) + 1\n    ^^^^^^^^^^^^^^',
    ],
    ['SELECT a FROM r WHERE a > 0 AND CAST(b AS INT) > 1', 'CAST(b AS INT) of b = \'x\': Cannot cast "x" to INT, line 2, column 33'],
    ['SELECT 1 / (a - 2) FROM r WHERE a < 3', '(1 / (a - 2)) of (a - 2) = 0: Division by zero, line 2, column 8'],
    ['SELECT ARRAY[8 / a] FROM r', '(8 / a) of a = 0: Division by zero, line 2, column 14'],
    ['SELECT b, SUM(8 / a) FROM r GROUP BY b', '(8 / a) of a = 0: Division by zero, line 2, column 15'],
    ['CREATE VIEW q AS SELECT MOD(8, a) AS m FROM r;\nSELECT m FROM q WHERE m > -1', 'MOD(8, a) of a = 0: Division by zero, line 2, column 25'],
    ["SELECT CAST('x' || b AS DATE) FROM r", "CAST(('x' || b) AS DATE) of ('x' || b) = 'x7': Cannot cast \"x7\" to DATE, line 2, column 8"],
    ['VALUES (1), (1 / 0)', '(1 / 0): Division by zero, line 2, column 14'],
    ["SELECT TIMESTAMPADD(YEAR, 2000000000, TIMESTAMP '2026-01-01 00:00:00') FROM r", 'The timestamp is out of range, line 2, column 8'],
    ["SELECT TIMESTAMPADD(DAY, 2147483647 + a - a, DATE '2026-01-01') FROM r", 'The date is out of range, line 2, column 8'],
    ["SELECT DATE '2026-01-01' + a * INTERVAL '90000000' DAY(8) FROM r", 'The interval is out of range, line 2, column 28'],
  ])('%s', (script, message) => {
    const failure = failureOfScript(script)
    expect(failure).toMatchObject({ code: 'EXPRESSION_FAILED', message: expect.stringContaining(message) as string })
    expect(failure.message).toMatch(/^Cannot compute /)
  })

  test('nothing of functions that users have written, which are not called again', () => {
    let calls = 0
    const session = new SqlSession()
    const definition = scalarFunction({ arguments: [t.int()], returns: t.int(), eval: (a) => (calls++, a) })
    session.createTemporaryFunction('same', definition)
    const script = 'SELECT 10 / same(a) FROM (VALUES (1), (0)) AS v (a)'
    const [statement] = parseScript(script)
    const result = session.execute(statement, script)
    if (result.kind !== 'query') throw new Error('unreachable')
    const { executor } = queryJob(result.plan, session, () => {}, { log() {} })
    expect(() => executor.runToEnd()).toThrow(/threw RangeError: Division by zero/)
    expect(calls).toBe(2)
  })
})

describe('of an expression', () => {
  const columns: readonly { readonly name: string; readonly table: undefined; readonly type: LogicalType }[] = [
    { name: 'a', table: undefined, type: { kind: 'INT', nullable: true } },
    { name: 'd', table: undefined, type: { kind: 'DECIMAL', precision: 10, scale: 2, nullable: true } },
    { name: 's', table: undefined, type: { kind: 'VARCHAR', length: 2_147_483_647, nullable: true } },
  ]
  const place = { names: ['a', 'd', 's'], text: undefined }
  const told = (text: string, row: readonly Value[]): string | undefined => {
    const bound = new ExpressionBinder(text, columns).bind(parseExpression(text))
    return failureOf(new CastError('what was thrown'), bound, row, EVALUATION, place)?.message
  }

  test.each<readonly [text: string, row: readonly Value[], message: string | RegExp | undefined]>([
    // Only what is computed fails.
    ['CASE WHEN a = 0 THEN 0 ELSE 10 / a END', [0, null, null], undefined],
    ['CASE WHEN a = 0 THEN 1 / a ELSE CAST(s AS INT) END', [0, null, 'x'], 'Cannot compute (1 / a) of a = 0: Division by zero'],
    ['CASE WHEN 1 / a = 1 THEN 1 END', [0, null, null], 'Cannot compute (1 / a) of a = 0: Division by zero'],
    ['a <> 0 AND 1 / a > 0', [0, null, null], undefined],
    ['COALESCE(a, CAST(s AS INT))', [1, null, 'x'], undefined],
    ['COALESCE(a, CAST(s AS INT))', [null, null, 'x'], 'Cannot compute CAST(s AS INT) of s = \'x\': Cannot cast "x" to INT'],
    ['TRY_CAST(s AS INT)', [null, null, 'x'], undefined],
    ['d / a', [0, Decimal.parse('1.50'), null], /^Cannot compute \(d \/ a\) of d = 1\.50, a = 0: /],
    ['CAST(s AS INT)', [null, null, 'y'.repeat(1000)], /^Cannot compute CAST\(s AS INT\) of s = 'y{199}…: /],
  ])('%s', (text, row, message) => {
    if (message instanceof RegExp) expect(told(text, row)).toMatch(message)
    else expect(told(text, row)).toBe(message)
  })
})
