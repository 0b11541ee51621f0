import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Decimal, type LogicalType } from '../../../../src/batch/types.ts'
import type { BoundExpression } from '../../../../src/sql/bound-expression.ts'
import { jsonOf } from '../../../../src/sql/changelog-format.ts'
import { ExpressionBinder } from '../../../../src/sql/expression-binder.ts'
import { javaFormat } from '../../../../src/sql/functions/java-format.ts'
import { shownTypeText } from '../../../../src/sql/type-text.ts'
import { interpret } from '../../../../src/sql/interpreter.ts'
import { Pattern } from '../../../../src/sql/patterns/pattern.ts'
import { SqlError } from '../../../../src/sql/sql-error.ts'
import { parseExpression } from '../../../../src/sql/statement-parser.ts'
import type { Value } from '../../../../src/sql/value.ts'
import { EVALUATION } from '../../../fixtures/evaluation.ts'
import { typeOf } from '../../../fixtures/answers.ts'

/** The row of which Flink was asked; what a type text cannot say stands behind. */
const COLUMNS: readonly (readonly [name: string, type: LogicalType | string, value: Value])[] = [
  ['s', 'STRING', 'aXb'],
  ['sn', 'STRING NOT NULL', 'aXb'],
  ['c', 'CHAR(3)', 'abc'],
  ['cn', 'CHAR(3) NOT NULL', 'abc'],
  ['v', 'VARCHAR(5)', 'abc'],
  ['vn', 'VARCHAR(5) NOT NULL', 'abc'],
  ['i', 'INT', 2],
  ['bi', 'BIGINT', 2n],
  ['ti', 'TINYINT', 2],
  ['si', 'SMALLINT', 2],
  ['d', 'DOUBLE', 2],
  ['f', 'FLOAT', 2],
  ['dc', 'DECIMAL(5, 2)', new Decimal(200n, 2)],
  ['bo', 'BOOLEAN', true],
  ['byt', 'BYTES', Buffer.from('ab')],
  ['b2', 'BINARY(2)', Buffer.from('ab')],
  ['da', 'DATE', 19_724],
  ['tm', 'TIME', 36_000_000],
  ['ts', 'TIMESTAMP(0)', Date.UTC(2024, 0, 2, 3, 4, 5)],
  ['ar', 'ARRAY<CHAR(1) NOT NULL>', ['p', 'q']],
  ['ro', 'ROW<EXPR$0 INT NOT NULL, EXPR$1 INT NOT NULL>', [1, 2]],
  ['ma', 'MAP<CHAR(1) NOT NULL, INT NOT NULL>', [['p', 1]]],
  ['ns', 'STRING', null],
  ['ni', 'INT', null],
  ['iv', { kind: 'INTERVAL_DAY_TIME', nullable: true }, 86_400_000],
]
const SCOPE = COLUMNS.map(([name, type]) => ({ name, table: 't', type: typeof type === 'string' ? typeOf(type) : type }))
const ROW = COLUMNS.map(([, , value]) => value)

type Answer = readonly [text: string, type: string, value?: unknown]

function bind(text: string): BoundExpression {
  return new ExpressionBinder(text, SCOPE).bind(parseExpression(text))
}

function compute(text: string): Value {
  return interpret(bind(text), EVALUATION)(ROW)
}

/** The type and the value, `refused`, or `fails`. */
function answer(text: string, isFailureAnswer: boolean): readonly unknown[] {
  let bound: BoundExpression
  try {
    bound = bind(text)
  } catch (error) {
    if (!(error instanceof SqlError)) throw error
    return [isFailureAnswer ? 'fails' : 'refused']
  }
  try {
    return [shownTypeText(bound.type, false), jsonOf(interpret(bound, EVALUATION)(ROW), bound.type)]
  } catch (error) {
    return isFailureAnswer ? ['fails'] : [String(error)]
  }
}

// Each line is what a real Flink 2.3 says of an expression over the row: its type and its value, `refused`, or `fails` where a job does.
const ANSWERS = readFileSync(new URL('strings.jsonl', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Answer)

describe('functions of texts', () => {
  test.each(ANSWERS.map(([text, ...expected]) => ({ text, expected })))('$text', ({ text, expected }) => {
    expect(JSON.stringify(answer(text, expected[0] === 'fails'))).toBe(JSON.stringify(expected))
  })

  test('a UUID is another one each time', () => {
    expect(compute('UUID()')).toMatch(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
    expect(compute('UUID()')).not.toBe(compute('UUID()'))
  })
})

describe('patterns that cannot be done', () => {
  test.each([
    ["REGEXP('aa', '(a)\\1')", 'References to groups (\\1)'],
    ["REGEXP_EXTRACT('aa', '(?<x>a)\\k<x>')", 'References to groups (\\k<name>)'],
    ["REGEXP_COUNT('a', '\\X')", '\\X'],
    ["REGEXP_REPLACE('a', '\\b{g}', 'x')", '\\b{g}'],
    ["REGEXP_INSTR('a', '\\p{InGreek}')", '\\p{InGreek}'],
    ["REGEXP('a', 'a{10001}')", 'more than 10000'],
  ])('%s is refused while planning', (text, named) => {
    expect(() => bind(text)).toThrow(SqlError)
    expect(() => bind(text)).toThrow(named)
  })

  test('end the job where only the row tells them', () => {
    expect(() => compute(String.raw`REGEXP('aa', s || '(a)\1')`)).toThrow(RangeError)
  })
})

describe('matching', () => {
  test('takes a time that does not explode', () => {
    const text = 'a'.repeat(5000)
    expect(new Pattern('(a+)+b').find(text)).toBeUndefined()
    expect(new Pattern('(a|a)*b').find(text)).toBeUndefined()
    expect(new Pattern('(a?){50}a{50}b').find(text)).toBeUndefined()
    expect(new Pattern('(?:(?>a*)a*)*b').find(text)).toBeUndefined()
    expect(new Pattern('^(([a-z])+.)+[A-Z]([a-z])+$').matches(text)).toBe(false)
  })

  /** Patterns that mean the same in JavaScript. */
  const atom = fc.constantFrom('a', 'b', '.', '[ab]', '[^b]', '(?:ab)', '(a)', '(b|ab)', '(?=a)', '(?!b)', 'é', '😀', '^', '$')
  const repeated = fc.tuple(atom, fc.constantFrom('', '', '*', '+?', '?', '{1,2}')).map(([one, times]) => (/^(?:[$^]|\(\?[=!])/.test(one) ? one : one + times))
  const pattern = fc
    .array(fc.array(repeated, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 2 })
    .map((all) => all.map((one) => one.join('')).join('|'))
  const text = fc.array(fc.constantFrom('a', 'b', 'é', '😀'), { maxLength: 10 }).map((all) => all.join(''))

  test('finds what JavaScript finds', () => {
    fc.assert(
      fc.property(pattern, text, (of, within) => {
        const found = new RegExp(of, 'u').exec(within)
        const match = new Pattern(of).find(within)
        expect(match && [match[0], within.slice(match[0], match[1])]).toEqual(found === null ? undefined : [found.index, found[0]])
      }),
      { numRuns: 3000 },
    )
  })
})

test('widths that nobody means are wrong formats', () => {
  expect(javaFormat('%-4s|', [{ kind: 'text', value: 'x' }])).toBe('x   |')
  expect(javaFormat('%-99999999s', [{ kind: 'text', value: 'x' }])).toBeUndefined()
})
