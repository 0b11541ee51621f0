import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Decimal } from '../../../src/batch/types.ts'
import { CastError } from '../../../src/sql/casts.ts'
import { ExpressionBinder } from '../../../src/sql/expression-binder.ts'
import { interpret } from '../../../src/sql/interpreter.ts'
import { likePattern } from '../../../src/sql/like.ts'
import { parseExpression } from '../../../src/sql/statement-parser.ts'
import type { Value } from '../../../src/sql/value.ts'
import { EVALUATION } from '../../fixtures/evaluation.ts'
import { typeOf } from '../../fixtures/answers.ts'

const COLUMNS = [
  ['i', 'INT', 7],
  ['b', 'BIGINT', 9223372036854775807n],
  ['t', 'TINYINT', -128],
  ['d', 'DOUBLE', 0.1],
  ['f', 'FLOAT', Math.fround(0.1)],
  ['c', 'DECIMAL(5, 2)', new Decimal(-150n, 2)],
  ['s', 'STRING', 'a%b😀'],
  ['n', 'INT', null],
  ['u', 'BOOLEAN', null],
] as const

function compute(text: string): Value {
  const columns = COLUMNS.map(([name, type]) => ({ name, table: 't', type: typeOf(type) }))
  const evaluate = interpret(new ExpressionBinder(text, columns).bind(parseExpression(text)), EVALUATION)
  return evaluate(COLUMNS.map(([, , value]) => value))
}

const shown = (value: Value): string =>
  typeof value === 'bigint' ? `${value}n` : value instanceof Decimal ? `${value.toString()}d` : Object.is(value, -0) ? '-0' : JSON.stringify(value)

describe('values are what Flink computes', () => {
  test.each([
    // Integers wrap, divide toward zero, and keep the dividend's sign.
    ['i / 2', '3'],
    ['-i / 2', '-3'],
    ['-i % 4', '-3'],
    ['b + 1', '-9223372036854775808n'],
    ['CAST(t - CAST(1 AS TINYINT) AS INT)', '127'],
    ['-t', '-128'],
    ['ABS(CAST(-2147483648 AS INT))', '-2147483648'],
    // Floating point.
    ['d + 0.2e0', '0.30000000000000004'],
    ['CAST(f AS DOUBLE)', `${Math.fround(0.1)}`],
    ['d / 0 > 1e308', 'true'],
    // DECIMALs: exact, half up; a quotient is rounded twice.
    ['c * c', '"2.2500"'],
    ['c / 7', '"-0.2142857142857"'],
    ['CAST(1.005 AS DECIMAL(5, 2))', '"1.01"'],
    ['CAST(-1.005 AS DECIMAL(5, 2))', '"-1.01"'],
    ['CAST(1000 AS DECIMAL(3, 0))', 'null'],
    ['FLOOR(c)', '"-2"'],
    ['CEIL(c)', '"-1"'],
    // Three values.
    ['u AND FALSE', 'false'],
    ['u OR TRUE', 'true'],
    ['NOT u', 'null'],
    ['u IS NOT TRUE', 'true'],
    ['n = n', 'null'],
    ['n IS NOT DISTINCT FROM NULL', 'true'],
    ['i BETWEEN n AND 3', 'false'],
    ['i IN (1, n)', 'null'],
    ['i IN (7, n)', 'true'],
    ['COALESCE(n, i, 1 / 0)', '7'],
    ["CASE WHEN u THEN 'x' ELSE 'y' END", '"y"'],
    // Casts.
    ["CAST(' +42 ' AS INT)", '42'],
    ["CAST('3.7' AS INT)", '3'],
    ["TRY_CAST('abc' AS INT)", 'null'],
    ["CAST('1e2' AS DECIMAL(6, 2))", '"100.00"'],
    ['CAST(1e7 AS STRING)', '"1.0E7"'],
    ['CAST(f AS STRING)', '"0.1"'],
    ['CAST(TRUE AS STRING)', '"TRUE"'],
    ["CAST('abcd' AS CHAR(2)) || '|'", '"ab|"'],
    ["CAST('a' AS CHAR(3)) || '|'", '"a  |"'],
    ['CAST(3e9 AS INT)', '2147483647'],
    ['CAST(-1.9 AS INT)', '-1'],
    // Text: by code points.
    ['CHAR_LENGTH(s)', '4'],
    ["s LIKE 'a%'", 'true'],
    ["s LIKE 'a!%b_' ESCAPE '!'", 'true'],
    ["'😀' > '￦'", 'true'],
    ["ARRAY['x', 'y'][2]", '"y"'],
    ["ARRAY['x', 'y'][3]", 'null'],
  ])('%s: %s', (text, expected) => {
    const value = compute(text)
    expect(value instanceof Decimal ? JSON.stringify(value.toString()) : shown(value)).toBe(expected)
  })

  test.each(['i / 0', 'c / 0', 'c % 0'])('%s ends the job', (text) => expect(() => compute(text)).toThrow('Division by zero'))
  test.each(["CAST('abc' AS INT)", "CAST('300' AS TINYINT)", "CAST('maybe' AS BOOLEAN)"])('%s ends the job', (text) =>
    expect(() => compute(text)).toThrow(CastError),
  )
})

describe('LIKE', () => {
  const character = fc.constantFrom('a', 'b', '😀', '\n')
  const text = fc.array(character, { maxLength: 12 }).map((all) => all.join(''))
  const pattern = fc.array(fc.oneof(character, fc.constantFrom('%', '_', '!%', '!_', '!!')), { maxLength: 8 }).map((all) => all.join(''))

  /** Every way to take characters for %. */
  function isLike(points: readonly string[], wanted: readonly string[]): boolean {
    if (wanted.length === 0) return points.length === 0
    const [first, ...rest] = wanted
    if (first === '%') return isLike(points, rest) || (points.length > 0 && isLike(points.slice(1), wanted))
    if (points.length === 0) return false
    const [escaped] = first === '!' ? rest : [undefined]
    if (escaped !== undefined) return points[0] === escaped && isLike(points.slice(1), rest.slice(1))
    return (first === '_' || first === points[0]) && isLike(points.slice(1), rest)
  }

  test('is what trying everything finds', () => {
    fc.assert(
      fc.property(text, pattern, (given, like) => {
        expect(likePattern(like, '!')(given)).toBe(isLike(Array.from(given), Array.from(like)))
      }),
      { numRuns: 2000 },
    )
  })

  test('takes a time that does not explode', () => {
    expect(likePattern('%a'.repeat(30), undefined)('a'.repeat(29) + 'b'.repeat(5000))).toBe(false)
  })

  test('escapes only what stands for something', () => expect(() => likePattern('!a', '!')).toThrow(RangeError))
})
