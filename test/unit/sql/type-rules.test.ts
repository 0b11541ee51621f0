import { describe, expect, test } from 'vitest'
import { formatType, type LogicalType } from '../../../src/batch/types.ts'
import { AGGREGATE_FUNCTIONS } from '../../../src/sql/aggregate-types.ts'
import { SCALAR_FUNCTIONS } from '../../../src/sql/functions/functions.ts'
import { roundType } from '../../../src/sql/functions/rounding.ts'
import {
  arithmeticType,
  type ArithmeticOperator,
  canCast,
  canCompare,
  canEqual,
  commonType,
  concatenationType,
  isNumeric,
  mergedType,
} from '../../../src/sql/type-rules.ts'
import { typeOf } from '../../fixtures/answers.ts'
import { ANSWERS, TYPES } from './answers.ts'

/** Compares a rule with the answers, pair by pair. @param skip Pairs of which nothing is said. */
function differences(
  operator: string,
  rule: (left: LogicalType, right: LogicalType) => LogicalType | undefined,
  skip: (left: LogicalType, right: LogicalType) => boolean = () => false,
): string[] {
  const wrong: string[] = []
  for (const [row, left] of TYPES.entries())
    for (const [column, right] of TYPES.entries()) {
      if (skip(left, right)) continue
      const said = ANSWERS.results[ANSWERS.binary[operator][row][column]]
      const expected = said === '' ? 'refused' : formatType(typeOf(said))
      const own = rule(left, right)
      const found = own === undefined ? 'refused' : formatType(own)
      if (found !== expected) wrong.push(`${formatType(left)}, ${formatType(right)}: ${found}, not ${expected}`)
    }
  return wrong
}

function scalarRule(name: string): ((operands: readonly LogicalType[]) => LogicalType | undefined) | undefined {
  const scalar = SCALAR_FUNCTIONS.get(name)
  return scalar && ((operands) => scalar.resolve({ operands: operands.map((type) => ({ type, literal: undefined })), clauses: [] })?.type)
}

const isInterval = ({ kind }: LogicalType): boolean => kind.startsWith('INTERVAL')
const isTime = ({ kind }: LogicalType): boolean => /^(?:DATE|TIME)/.test(kind)

describe('the type of two is what a real Flink says', () => {
  // Columns that are intervals are no use to Flink where literals are: they are asked for in the cases of queries.
  test.each<ArithmeticOperator>(['+', '-', '*', '/', '%'])('%s', (operator) => {
    const areIntervals = (left: LogicalType, right: LogicalType): boolean => (isInterval(left) && !isTime(right)) || (isInterval(right) && !isTime(left))
    expect(differences(`%s ${operator} %s`, (left, right) => arithmeticType(operator, left, right), areIntervals)).toEqual([])
  })

  test('||', () => expect(differences('%s || %s', concatenationType)).toEqual([]))

  test.each(['CASE WHEN TRUE THEN %s ELSE %s END', 'UNION'])('%s', (operator) => {
    // Flink plans CASE and UNION of a number with a time, and of ARRAY with MULTISET, and then fails to make code of them.
    const isOdd = (left: LogicalType, right: LogicalType): boolean =>
      isInterval(left) ||
      isInterval(right) ||
      (isTime(left) && isNumeric(right)) ||
      (isTime(right) && isNumeric(left)) ||
      (left.kind !== right.kind && ['ARRAY', 'MULTISET'].includes(left.kind) && ['ARRAY', 'MULTISET'].includes(right.kind))
    expect(differences(operator, commonType, isOdd)).toEqual([])
  })

  // COALESCE takes an interval with a number for a number, and then fails to make code of it.
  test.each(['COALESCE(%s, %s)', 'GREATEST(%s, %s)'])('%s', (operator) =>
    expect(differences(operator, mergedType, (left, right) => isInterval(left) && isNumeric(right))).toEqual([]),
  )

  test.each([
    ['CAST', canCast],
    ['%s = %s', canEqual],
    ['%s < %s', canCompare],
  ])('which it takes: %s', (operator, rule) => {
    const accepted = Object.entries(ANSWERS.accepted[operator])
    const names = accepted.map(([name]) => name)
    const own = accepted.map(([name]) => [name, names.filter((other) => rule(typeOf(name), typeOf(other)))])
    expect(own).toEqual(accepted)
  })

  // COUNT and its like, of one operand; MAP, CONCAT and IFNULL of the same one twice.
  const oneOf = (name: string): ((operands: readonly LogicalType[]) => LogicalType | undefined) | undefined =>
    name === 'ROUND' ? ([operand]) => roundType(operand, 1) : (scalarRule(name) ?? AGGREGATE_FUNCTIONS.get(name))
  const functions = Object.keys(ANSWERS.unary).flatMap((expression) => {
    const name = /^([A-Z_]+)\(%s(?:, (?:%s|1))?\)$|^%s (IS .*)$|^(NOT) %s$/
      .exec(expression)
      ?.slice(1)
      .find((group) => group !== undefined)
    return name === undefined || oneOf(name) === undefined ? [] : [{ expression, name }]
  })
  test.each(functions)('$expression', ({ expression, name }) => {
    const wrong: string[] = []
    for (const [place, type] of TYPES.entries()) {
      const said = ANSWERS.results[ANSWERS.unary[expression][place]]
      const expected = said === '' ? 'refused' : formatType(typeOf(said))
      const own = oneOf(name)!(expression.includes('%s, %s') ? [type, type] : [type])
      const found = own === undefined ? 'refused' : formatType(own)
      if (found !== expected) wrong.push(`${formatType(type)}: ${found}, not ${expected}`)
    }
    expect(wrong).toEqual([])
  })

  test('most functions of the answers have a rule', () => expect(functions.length).toBeGreaterThan(24))

  test('a result takes NULL if one of both does', () => {
    const [int, required] = [typeOf('INT'), typeOf('INT NOT NULL')]
    for (const rule of [commonType, (left: LogicalType, right: LogicalType) => arithmeticType('+', left, right)])
      expect([rule(required, required), rule(int, required), rule(required, int)].map((type) => type?.nullable)).toEqual([false, true, true])
  })
})
