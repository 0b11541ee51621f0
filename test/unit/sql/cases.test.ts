// The cases of test/answers as far as they can be planned: a real Flink's columns, with their types and nullability, and its refusals.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { PlanError } from '../../../src/base/errors.ts'
import { type Field, formatType } from '../../../src/batch/types.ts'
import type { BoundExpression } from '../../../src/sql/bound-expression.ts'
import { jsonOf } from '../../../src/sql/changelog-format.ts'
import { type Evaluate, interpret } from '../../../src/sql/interpreter.ts'
import type { LogicalPlan } from '../../../src/sql/logical-plan.ts'
import { SqlSession, type StatementResult } from '../../../src/sql/session.ts'
import { SqlError } from '../../../src/sql/sql-error.ts'
import { parseScript } from '../../../src/sql/statement-parser.ts'
import type { Value } from '../../../src/sql/value.ts'
import { EVALUATION } from '../../fixtures/evaluation.ts'
import { typeOf } from './answers.ts'

const FOLDER = fileURLToPath(new URL('../../answers', import.meta.url))
const GROUPS = readdirSync(FOLDER, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() && entry.name !== 'data' ? [entry.name] : []))
/** So many are planned with the right columns, or refused as they should be; never fewer than yesterday. */
const AGREED_LEAST = 228

interface Answer {
  readonly changelog: readonly (readonly unknown[])[]
  readonly columns: readonly (readonly [name: string, type: string])[] | null
  readonly error?: string
}

function plan(sql: string): StatementResult | undefined {
  const session = new SqlSession()
  let last: StatementResult | undefined
  for (const statement of parseScript(sql)) last = session.execute(statement, sql)
  return last
}

/** 'agreed', 'computed' with the right rows too, 'later', or what is wrong. */
function judge(sql: string, answer: Answer): string {
  let result: StatementResult | undefined
  try {
    result = plan(sql)
  } catch (error) {
    if (!(error instanceof SqlError)) throw error
    if (error.code === 'NOT_SUPPORTED') return 'later'
    return answer.error === undefined ? `refused: ${error.message}` : 'agreed'
  }
  if (result?.kind === 'rows') return differenceOf(answer, result.rows, result.columns) || 'computed'
  if (result?.kind !== 'query') return 'later'
  const planned = result.plan
  // What fails while it runs, or for its changelog, is planned.
  if (answer.columns === null) return answer.error === undefined ? 'agreed' : 'later'
  const found = planned.columns.map(({ name, type }) => [name, formatType(type)])
  const expected = answer.columns.map(([name, type]) => [name, formatType(typeOf(type))])
  if (JSON.stringify(found) !== JSON.stringify(expected)) return `columns ${JSON.stringify(found)}, not ${JSON.stringify(expected)}`
  let rows: Value[][] | undefined
  try {
    rows = rowsOf(planned)
    // A sink takes no NULL where there is none.
    if (rows?.some((row) => row.some((value, index) => value === null && !planned.columns[index].type.nullable)) === true) throw new RangeError('NULL')
  } catch (error) {
    if (error instanceof PlanError && error.code === 'NOT_SUPPORTED') return 'agreed'
    return answer.error === undefined ? `failed: ${(error as Error).message}` : 'computed'
  }
  if (rows === undefined) return 'agreed'
  const wrong = differenceOf(answer, rows, planned.columns)
  return wrong === '' ? 'computed' : wrong
}

/** The rows of a plan of constants; undefined if it reads tables. Throws what a row throws. */
function rowsOf(node: LogicalPlan): Value[][] | undefined {
  if (node.kind === 'values') return node.rows.map((row) => row.map((cell) => evaluator(cell)([])))
  if (node.kind !== 'project' && node.kind !== 'filter') return undefined
  const evaluate = (node.kind === 'filter' ? [node.condition] : node.expressions).map(evaluator)
  const input = rowsOf(node.input)
  if (input === undefined) return undefined
  const values = input.map((row) => evaluate.map((each) => each(row)))
  return node.kind === 'project' ? values : input.filter((_, index) => values[index][0] === true)
}

function evaluator(expression: BoundExpression): Evaluate {
  return interpret(expression, EVALUATION)
}

/** Numbers to so many digits, as they are compared. */
function canonical(value: unknown, type: string): string {
  if (typeof value === 'number' && /^(?:FLOAT|DOUBLE)/.test(type)) return String(Number(value.toPrecision(type.startsWith('FLOAT') ? 6 : 12)))
  return JSON.stringify(value)
}

function differenceOf(answer: Answer, rows: readonly (readonly Value[])[], columns: readonly Field[]): string {
  const types = columns.map(({ type }) => formatType(type))
  const lineOf = (values: readonly unknown[]): string => values.map((value, index) => canonical(value, types[index])).join(' | ')
  const own = rows.map((row) => lineOf(row.map((value, index) => jsonOf(value, columns[index].type)))).toSorted()
  const theirs = answer.changelog.map(([, ...values]) => lineOf(values)).toSorted()
  const wrong = own.find((line, index) => line !== theirs[index]) ?? (own.length < theirs.length ? 'a row is missing' : undefined)
  return wrong === undefined ? '' : `rows: ${wrong}, not ${theirs.find((line, index) => line !== own[index])}`
}

const agreed: string[] = []
/** Those of them whose rows were computed, and are right. */
const computed: string[] = []
const cases: string[] = []

test.each(GROUPS)('%s: whatever can be planned has the columns that Flink says', (group) => {
  const wrong: string[] = []
  for (const file of readdirSync(join(FOLDER, group))) {
    if (!file.endsWith('.sql')) continue
    const sql = readFileSync(join(FOLDER, group, file), 'utf8').replaceAll('${DATA}', join(FOLDER, 'data'))
    const answer = JSON.parse(readFileSync(join(FOLDER, group, file.replace('.sql', '.json')), 'utf8')) as Answer
    const verdict = judge(sql, answer)
    cases.push(file)
    if (verdict === 'computed') computed.push(file)
    if (verdict === 'agreed' || verdict === 'computed') agreed.push(file)
    else if (verdict !== 'later') wrong.push(`${group}/${file}: ${verdict}`)
  }
  expect(wrong).toEqual([])
})

test('more cases are planned than before', () => {
  process.stdout.write(`  answers: ${agreed.length} of ${cases.length} cases planned as Flink does, ${computed.length} of them computed\n`)
  expect(agreed.length).toBeGreaterThanOrEqual(AGREED_LEAST)
})
