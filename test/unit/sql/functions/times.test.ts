// Dates, times, timestamps and intervals: what a real Flink 2.3 answers, its types and refusals too (times.jsonl).

import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PlanError } from '../../../../src/base/errors.ts'
import { formatType, type LogicalType, withNullability } from '../../../../src/batch/types.ts'
import { jsonOf } from '../../../../src/sql/changelog-format.ts'
import { ExpressionBinder } from '../../../../src/sql/expression-binder.ts'
import type { EvaluationContext } from '../../../../src/sql/functions/scalar-function.ts'
import { interpret } from '../../../../src/sql/interpreter.ts'
import { parseExpression } from '../../../../src/sql/statement-parser.ts'
import { formatLocalTime, localTimeOf, parsePattern, unitMsOfPattern } from '../../../../src/sql/functions/time-formats.ts'
import { civilOf, daysOf, MS_PER_DAY } from '../../../../src/sql/times.ts'
import type { Value } from '../../../../src/sql/value.ts'
import { zoneOf } from '../../../../src/sql/zones.ts'
import { EVALUATION } from '../../../fixtures/evaluation.ts'
import { typeOf } from '../../../fixtures/answers.ts'

/** A zone and the rows of which Flink was asked: for each column an expression in each row. */
interface Question {
  readonly zone: string
  readonly columns: Readonly<Record<string, readonly string[]>>
  /** An expression with its type and its values, row by row; or where it fails. */
  readonly answers: (readonly [expression: string, typeOrPhase: string, values?: readonly unknown[]])[]
}

const QUESTIONS = questionsOf(readFileSync(new URL('times.jsonl', import.meta.url), 'utf8'))

function questionsOf(text: string): readonly Question[] {
  const questions: Question[] = []
  for (const line of text.trim().split('\n')) {
    const read = JSON.parse(line) as Omit<Question, 'answers'> | Question['answers'][number]
    if ('zone' in read) questions.push({ ...read, answers: [] })
    else questions.at(-1)!.answers.push(read)
  }
  return questions
}

function contextOf(timeZone: string): EvaluationContext {
  return { ...EVALUATION, timeZone }
}

interface Table {
  readonly columns: readonly { readonly name: string; readonly table: string; readonly type: LogicalType }[]
  readonly rows: readonly (readonly Value[])[]
}

function tableOf({ columns, zone }: Question): Table {
  const made = Object.entries(columns).map(([name, texts]) => {
    const bound = texts.map((text) => new ExpressionBinder(text, []).bind(parseExpression(text)))
    // A text has the length of the longest one.
    const [{ type }] = bound.toSorted((left, right) => lengthOf(right.type) - lengthOf(left.type))
    const nullable = bound.some((one) => one.type.nullable)
    return { name, table: 't', type: withNullability(type, nullable), values: bound.map((one) => interpret(one, contextOf(zone))([])) }
  })
  const count = made.at(0)?.values.length ?? 1
  return { columns: made, rows: Array.from({ length: count }, (_, row) => made.map(({ values }) => values[row])) }
}

function lengthOf(type: LogicalType): number {
  return 'length' in type ? type.length : 0
}

describe('Flink answers', () => {
  test.each(QUESTIONS.map((question) => [question.zone, Object.keys(question.columns).join(', '), question] as const))(
    'in %s of %s',
    (_zone, _names, question) => {
      const table = tableOf(question)
      const wrong: string[] = []
      for (const [expression, typeOrPhase, values] of question.answers) {
        const found = answerOf(expression, table, question.zone)
        const expected = values === undefined ? typeOrPhase : `${formatType(typeOf(typeOrPhase))}: ${JSON.stringify(values)}`
        if (found !== expected) wrong.push(`${expression}: ${found}, not ${expected}`)
      }
      expect(wrong).toEqual([])
    },
  )
})

/** Its type and values, or 'planning' and 'running' where it fails. */
function answerOf(expression: string, { columns, rows }: Table, zone: string): string {
  let evaluate
  let bound
  try {
    bound = new ExpressionBinder(expression, columns).bind(parseExpression(expression))
    evaluate = interpret(bound, contextOf(zone))
  } catch (error) {
    if (error instanceof PlanError) return 'planning'
    throw error
  }
  const { type } = bound
  try {
    return `${formatType(type)}: ${JSON.stringify(rows.map((row) => jsonOf(evaluate(row), type)))}`
  } catch {
    return 'running'
  }
}

describe('the current time', () => {
  test.each([
    ['CURRENT_DATE', 'DATE NOT NULL', '2024-05-17'],
    ['CURRENT_TIME', 'TIME(0) NOT NULL', '19:30:15.123'],
    ['LOCALTIME', 'TIME(0) NOT NULL', '19:30:15.123'],
    ['CURRENT_TIMESTAMP', 'TIMESTAMP_LTZ(3) NOT NULL', '2024-05-17 10:30:15.123Z'],
    ['CURRENT_TIMESTAMP()', 'TIMESTAMP_LTZ(3) NOT NULL', '2024-05-17 10:30:15.123Z'],
    ['NOW()', 'TIMESTAMP_LTZ(3) NOT NULL', '2024-05-17 10:30:15.123Z'],
    ['CURRENT_ROW_TIMESTAMP()', 'TIMESTAMP_LTZ(3) NOT NULL', '2024-05-17 10:30:15.123Z'],
    ['PROCTIME()', 'TIMESTAMP_LTZ(3) NOT NULL', '2024-05-17 10:30:15.123Z'],
    ['LOCALTIMESTAMP', 'TIMESTAMP(3) NOT NULL', '2024-05-17 19:30:15.123'],
    ['UNIX_TIMESTAMP()', 'BIGINT NOT NULL', 1_715_941_815],
  ])('%s is that of the session’s zone', (expression, type, expected) => {
    expect(answerOf(expression, { columns: [], rows: [[]] }, 'Asia/Tokyo')).toBe(`${formatType(typeOf(type))}: ${JSON.stringify([expected])}`)
  })
})

describe('zones', () => {
  const names = ['UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata', 'America/Sao_Paulo', '+05:30']

  test('the local time of an instant is what the platform says', () => {
    fc.assert(
      fc.property(fc.constantFrom(...names.slice(0, -1)), fc.integer({ min: -2_000_000_000, max: 4_000_000_000 }), (name, seconds) => {
        const local = new Date(zoneOf(name).toLocal(seconds * 1000))
        const said = new Intl.DateTimeFormat('sv-SE', { timeZone: name, dateStyle: 'short', timeStyle: 'medium' }).format(seconds * 1000)
        expect(local.toISOString().slice(0, 19).replace('T', ' ')).toBe(said)
      }),
      { numRuns: 500 },
    )
  })

  test('an instant is found again, unless its local time comes twice', () => {
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.integer({ min: -2_000_000_000, max: 4_000_000_000 }), (name, seconds) => {
        const zone = zoneOf(name)
        const local = zone.toLocal(seconds * 1000)
        expect([zone.toInstant(local), zone.toInstant(local, true)]).toContain(seconds * 1000)
      }),
    )
  })

  test('a name of no zone is refused', () => expect(() => zoneOf('Nowhere/Zone')).toThrow(RangeError))
})

test('dates are those of the proleptic Gregorian calendar', () => {
  fc.assert(
    fc.property(fc.integer({ min: -800_000, max: 4_000_000 }), (days) => {
      const { year, month, day } = civilOf(days)
      expect(daysOf(year, month, day)).toBe(days)
      const date = new Date(days * 86_400_000)
      expect([year, month, day]).toEqual([date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()])
    }),
  )
})

test('local times of one unit of a pattern have one text', () => {
  const patterns = ['yyyy-MM-dd', 'HH', 'hh a', 'kK', 'B', 'HH:mm', "yyyy 'at' HH:mm:ss", 'mm:ss.SSS', 'A', 'n', "[yyyy]['x'mm]", 'ppH', 'D e w', 'q', 'N']
  fc.assert(
    fc.property(
      fc.constantFrom(...patterns),
      fc.integer({ min: -4e12, max: 4e12 }),
      fc.integer({ min: 0, max: MS_PER_DAY - 1 }),
      fc.integer({ min: 0, max: 999_999 }),
      (pattern, ms, apartMs, nanos) => {
        const parts = parsePattern(pattern)
        const unitMs = unitMsOfPattern(parts)
        if (unitMs === 0) return
        const startMs = Math.floor(ms / unitMs) * unitMs
        const text = formatLocalTime(parts, localTimeOf(startMs, 0))
        expect(formatLocalTime(parts, localTimeOf(startMs + (apartMs % unitMs), nanos))).toBe(text)
      },
    ),
  )
})
