// Random expressions against a model of a few lines: whole numbers are BigInts that wrap, truth has three values in a table, DECIMALs are fractions of
// powers of ten. Each sample is a text with what the model says of it for a row; the text is parsed, bound and interpreted. A failure prints its seed.

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Decimal, formatType, withNullability } from '../../../src/batch/types.ts'
import { ExpressionBinder } from '../../../src/sql/expression-binder.ts'
import { interpret } from '../../../src/sql/interpreter.ts'
import { parseExpression } from '../../../src/sql/statement-parser.ts'
import type { Value } from '../../../src/sql/value.ts'
import { EVALUATION } from '../../fixtures/evaluation.ts'
import { typeOf } from '../../fixtures/answers.ts'

const RUNS = { numRuns: 2000 }
const WIDTHS = { TINYINT: 8, SMALLINT: 16, INT: 32, BIGINT: 64 } as const
type Kind = keyof typeof WIDTHS
const INT_MIN = -(2n ** 31n)
const KINDS = Object.keys(WIDTHS) as Kind[]

const COLUMNS = [
  ['i', 'INT NOT NULL'],
  ['b', 'BIGINT NOT NULL'],
  ['t', 'TINYINT NOT NULL'],
  ['n', 'INT'],
  ['u', 'BOOLEAN'],
  ['c', 'DECIMAL(5, 2)'],
] as const

interface Row {
  readonly i: bigint
  readonly b: bigint
  readonly t: bigint
  readonly n: bigint | null
  readonly u: boolean | null
  readonly c: bigint | null
}

const ofWidth = (bits: number): fc.Arbitrary<bigint> => {
  const [min, max] = [-(2n ** BigInt(bits - 1)), 2n ** BigInt(bits - 1) - 1n]
  return fc.oneof(fc.bigInt({ min, max }), fc.constantFrom(min, max, 0n, 1n, -1n, 7n))
}
const ROWS: fc.Arbitrary<Row> = fc.record({
  i: ofWidth(32),
  b: ofWidth(64),
  t: ofWidth(8),
  n: fc.option(ofWidth(32), { freq: 2 }),
  u: fc.option(fc.boolean(), { freq: 2 }),
  c: fc.option(fc.bigInt({ min: -99_999n, max: 99_999n }), { freq: 4 }),
})

function compute(text: string, row: Row): { readonly type: string; readonly isNullable: boolean; readonly value: Value } {
  const scope = COLUMNS.map(([name, type]) => ({ name, table: 'x', type: typeOf(type.replace(' NOT NULL', '')) })).map((column, index) => ({
    ...column,
    type: withNullability(column.type, !COLUMNS[index][1].endsWith('NOT NULL')),
  }))
  const bound = new ExpressionBinder(text, scope).bind(parseExpression(text))
  const values = [Number(row.i), row.b, Number(row.t), row.n === null ? null : Number(row.n), row.u, row.c === null ? null : new Decimal(row.c, 2)]
  return { type: formatType(withNullability(bound.type, true)), isNullable: bound.type.nullable, value: interpret(bound, EVALUATION)(values) }
}

/** An expression with what the model says of it. */
interface Sample<T> {
  readonly text: string
  readonly of: (row: Row) => T | null
}

interface WholeSample extends Sample<bigint> {
  readonly kind: Kind
}

const wider = (left: Kind, right: Kind): Kind => (WIDTHS[left] >= WIDTHS[right] ? left : right)
const wrap = (kind: Kind, value: bigint): bigint => BigInt.asIntN(WIDTHS[kind], value)

/** NULL if one of both is. */
function both<A, B, R>(left: Sample<A>, right: Sample<B>, of: (left: A, right: B) => R): (row: Row) => R | null {
  return (row) => {
    const [one, other] = [left.of(row), right.of(row)]
    return one === null || other === null ? null : of(one, other)
  }
}

// ---- the tables of three-valued logic ----

const UNKNOWN = null
const AND = new Map<string, boolean | null>([
  ['true true', true],
  ['true false', false],
  ['true null', UNKNOWN],
  ['false true', false],
  ['false false', false],
  ['false null', false],
  ['null true', UNKNOWN],
  ['null false', false],
  ['null null', UNKNOWN],
])
const OR = new Map<string, boolean | null>([
  ['true true', true],
  ['true false', true],
  ['true null', true],
  ['false true', true],
  ['false false', false],
  ['false null', UNKNOWN],
  ['null true', true],
  ['null false', UNKNOWN],
  ['null null', UNKNOWN],
])
const NOT = new Map<boolean | null, boolean | null>([
  [true, false],
  [false, true],
  [null, UNKNOWN],
])

function connected(table: ReadonlyMap<string, boolean | null>, left: boolean | null, right: boolean | null): boolean | null {
  return table.get(`${left} ${right}`)!
}

// ---- whole numbers and truth, which need each other ----

const ORDERS: Readonly<Record<string, (left: bigint, right: bigint) => boolean>> = {
  '=': (left, right) => left === right,
  '<>': (left, right) => left !== right,
  '<': (left, right) => left < right,
  '<=': (left, right) => left <= right,
  '>': (left, right) => left > right,
  '>=': (left, right) => left >= right,
}

function binary(operator: string, left: WholeSample, right: WholeSample): WholeSample {
  const kind = wider(left.kind, right.kind)
  const code = { '+': (a: bigint, b: bigint) => a + b, '-': (a: bigint, b: bigint) => a - b, '*': (a: bigint, b: bigint) => a * b }[operator]!
  return { kind, text: `(${left.text} ${operator} ${right.text})`, of: both(left, right, (one, other) => wrap(kind, code(one, other))) }
}

/** Divided toward zero, and the remainder, whose type is the divisor's. */
function divided(operator: '/' | '%', left: WholeSample, divisor: bigint, kind: Kind): WholeSample {
  const result = operator === '/' ? wider(left.kind, kind) : kind
  const right = `CAST(${divisor} AS ${kind})`
  return {
    kind: result,
    text: `(${left.text} ${operator} ${right})`,
    of: (row) => {
      const value = left.of(row)
      return value === null ? null : wrap(result, operator === '/' ? value / divisor : value % divisor)
    },
  }
}

function chosen(condition: Sample<boolean>, left: WholeSample, right: WholeSample, form: 'IF' | 'CASE'): WholeSample {
  const text = form === 'IF' ? `IF(${condition.text}, ${left.text}, ${right.text})` : `CASE WHEN ${condition.text} THEN ${left.text} ELSE ${right.text} END`
  return { kind: wider(left.kind, right.kind), text, of: (row) => (condition.of(row) === true ? left.of(row) : right.of(row)) }
}

/** What changes nothing. */
const IDENTITIES: readonly ((sample: WholeSample) => string)[] = [
  ({ text, kind }) => `CAST(CAST(${text} AS STRING) AS ${kind})`,
  ({ text, kind }) => `CAST(CAST(${text} AS DECIMAL(38, 5)) AS ${kind})`,
  ({ text, kind }) => `CAST(CAST(${text} AS CHAR(30)) AS ${kind})`,
  ({ text }) => `(-(-${text}))`,
  ({ text }) => `COALESCE(${text}, ${text})`,
  ({ text }) => `ROUND(FLOOR(${text}), 2)`,
  ({ text }) => `GREATEST(${text}, ${text})`,
  ({ text }) => `NULLIF(${text}, ${text} + 1)`,
]

const { whole, truth } = fc.letrec<{ whole: WholeSample; truth: Sample<boolean> }>((tie) => {
  // A sign in front of a literal belongs to it, so that -(-2147483648) is a BIGINT.
  const literal = fc.constantFrom(...KINDS).chain((kind) =>
    ofWidth(WIDTHS[kind]).map((value): WholeSample => ({
      kind,
      text: kind === 'INT' && value > INT_MIN ? `(${value})` : `CAST('${value}' AS ${kind})`,
      of: () => value,
    })),
  )
  const column = fc.constantFrom<WholeSample>(
    { kind: 'INT', text: 'i', of: ({ i }) => i },
    { kind: 'BIGINT', text: 'b', of: ({ b }) => b },
    { kind: 'TINYINT', text: 't', of: ({ t }) => t },
    { kind: 'INT', text: 'n', of: ({ n }) => n },
  )
  const number = tie('whole')
  const condition = tie('truth')
  const test = fc.constantFrom('IS NULL', 'IS NOT NULL')
  return {
    whole: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      column,
      literal,
      fc.tuple(fc.constantFrom('+', '-', '*'), number, number).map(([operator, left, right]) => binary(operator, left, right)),
      fc
        .tuple(
          fc.constantFrom('/', '%'),
          number,
          fc.constantFrom(...KINDS),
          fc.bigInt({ min: -128n, max: 127n }).filter((value) => value !== 0n),
        )
        .map(([operator, left, kind, divisor]) => divided(operator, left, divisor, kind)),
      number.map((one): WholeSample => ({ kind: one.kind, text: `(-${one.text})`, of: (row) => negated(one, row) })),
      number.map((one): WholeSample => ({
        kind: one.kind,
        text: `ABS(${one.text})`,
        of: (row) => ((one.of(row) ?? 0n) < 0n ? negated(one, row) : one.of(row)),
      })),
      fc
        .tuple(number, fc.constantFrom(...KINDS))
        .map(([one, kind]): WholeSample => ({ kind, text: `CAST(${one.text} AS ${kind})`, of: (row) => cast(one, kind, row) })),
      fc.tuple(condition, number, number, fc.constantFrom('IF', 'CASE')).map(([when, left, right, form]) => chosen(when, left, right, form)),
      fc.tuple(number, number).map(([left, right]): WholeSample => ({
        kind: wider(left.kind, right.kind),
        text: `COALESCE(${left.text}, ${right.text})`,
        of: (row) => left.of(row) ?? right.of(row),
      })),
      fc.tuple(number, fc.constantFrom(...IDENTITIES)).map(([one, identity]): WholeSample => ({ kind: one.kind, text: identity(one), of: one.of })),
    ),
    truth: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom<Sample<boolean>>(
        { text: 'u', of: ({ u }) => u },
        { text: 'TRUE', of: () => true },
        { text: 'FALSE', of: () => false },
        { text: 'UNKNOWN', of: () => null },
      ),
      fc
        .tuple(fc.constantFrom(...Object.keys(ORDERS)), number, number)
        .map(([order, left, right]): Sample<boolean> => ({ text: `(${left.text} ${order} ${right.text})`, of: both(left, right, ORDERS[order]) })),
      fc.tuple(number, number, number).map(([value, low, high]): Sample<boolean> => ({
        text: `(${value.text} BETWEEN ${low.text} AND ${high.text})`,
        of: (row) => connected(AND, both(value, low, ORDERS['>='])(row), both(value, high, ORDERS['<='])(row)),
      })),
      fc.tuple(number, number, number).map(([value, one, other]): Sample<boolean> => ({
        // What is listed is cast to the type of what is looked for.
        text: `(${value.text} IN (CAST(${one.text} AS ${value.kind}), CAST(${other.text} AS ${value.kind})))`,
        of: (row) => connected(OR, both(value, castTo(one, value.kind), ORDERS['='])(row), both(value, castTo(other, value.kind), ORDERS['='])(row)),
      })),
      fc
        .tuple(number, number)
        .map(([left, right]): Sample<boolean> => ({ text: `(${left.text} IS DISTINCT FROM ${right.text})`, of: (row) => left.of(row) !== right.of(row) })),
      fc.tuple(number, test).map(([one, is]): Sample<boolean> => ({ text: `(${one.text} ${is})`, of: (row) => (one.of(row) === null) === (is === 'IS NULL') })),
      fc
        .tuple(condition, condition)
        .map(([left, right]): Sample<boolean> => ({ text: `(${left.text} AND ${right.text})`, of: (row) => connected(AND, left.of(row), right.of(row)) })),
      fc
        .tuple(condition, condition)
        .map(([left, right]): Sample<boolean> => ({ text: `(${left.text} OR ${right.text})`, of: (row) => connected(OR, left.of(row), right.of(row)) })),
      condition.map((one): Sample<boolean> => ({ text: `(NOT ${one.text})`, of: (row) => NOT.get(one.of(row))! })),
      fc.tuple(condition, fc.constantFrom(true, false, null), fc.boolean()).map(([one, is, isNot]): Sample<boolean> => ({
        text: `(${one.text} IS ${isNot ? 'NOT ' : ''}${is === null ? 'UNKNOWN' : String(is).toUpperCase()})`,
        of: (row) => (one.of(row) === is) !== isNot,
      })),
      condition.map((one): Sample<boolean> => ({ text: `CAST(CAST(${one.text} AS STRING) AS BOOLEAN)`, of: one.of })),
      condition.map((one): Sample<boolean> => ({ text: `CAST(CAST(${one.text} AS INT) AS BOOLEAN)`, of: one.of })),
    ),
  }
})

function negated(one: WholeSample, row: Row): bigint | null {
  const value = one.of(row)
  return value === null ? null : wrap(one.kind, -value)
}

function cast(one: WholeSample, kind: Kind, row: Row): bigint | null {
  const value = one.of(row)
  return value === null ? null : wrap(kind, value)
}

function castTo(one: WholeSample, kind: Kind): WholeSample {
  return { kind, text: one.text, of: (row) => cast(one, kind, row) }
}

// ---- DECIMALs ----

/** A fraction of a power of ten in a type of so many digits. */
interface DecimalSample {
  readonly text: string
  readonly precision: number
  readonly scale: number
  readonly of: (row: Row) => bigint | null
}

const ten = (exponent: number): bigint => 10n ** BigInt(exponent)

/** In a type; NULL where it has no room. What is rounded is away from zero in the middle. */
function fitted(unscaled: bigint, from: number, { precision, scale }: { readonly precision: number; readonly scale: number }): bigint | null {
  const magnitude = unscaled < 0n ? -unscaled : unscaled
  const rounded = scale >= from ? magnitude * ten(scale - from) : (magnitude + ten(from - scale) / 2n) / ten(from - scale)
  return rounded >= ten(precision) ? null : unscaled < 0n ? -rounded : rounded
}

function limited(precision: number, scale: number): { readonly precision: number; readonly scale: number } {
  return precision <= 38 ? { precision, scale } : { precision: 38, scale: Math.max(38 - (precision - scale), Math.min(scale, 6)) }
}

function decimalBinary(operator: '+' | '-' | '*', left: DecimalSample, right: DecimalSample): DecimalSample {
  const scale = Math.max(left.scale, right.scale)
  const shape =
    operator === '*'
      ? limited(left.precision + right.precision + 1, left.scale + right.scale)
      : limited(Math.max(left.precision - left.scale, right.precision - right.scale) + scale + 1, scale)
  return {
    ...shape,
    text: `(${left.text} ${operator} ${right.text})`,
    of: (row) => {
      const [one, other] = [left.of(row), right.of(row)]
      if (one === null || other === null) return null
      if (operator === '*') return fitted(one * other, left.scale + right.scale, shape)
      const [a, b] = [one * ten(scale - left.scale), other * ten(scale - right.scale)]
      return fitted(operator === '+' ? a + b : a - b, scale, shape)
    },
  }
}

const { decimal } = fc.letrec<{ decimal: DecimalSample }>((tie) => ({
  decimal: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constant<DecimalSample>({ text: 'c', precision: 5, scale: 2, of: ({ c }) => c }),
    fc.tuple(fc.bigInt({ min: 1n, max: 10n ** 17n - 1n }), fc.nat(8)).map(([unscaled, scale]): DecimalSample => {
      const text = new Decimal(unscaled, scale).toString()
      return { text: scale === 0 ? `${text}.` : text, precision: text.replace('.', '').length, scale, of: () => unscaled }
    }),
    fc.tuple(fc.constantFrom('+', '-', '*'), tie('decimal'), tie('decimal')).map(([operator, left, right]) => decimalBinary(operator, left, right)),
    fc.tuple(tie('decimal'), fc.integer({ min: 1, max: 38 }), fc.nat(20)).map(([one, precision, behind]): DecimalSample => {
      const shape = { precision, scale: Math.min(precision, behind) }
      return {
        ...shape,
        text: `CAST(${one.text} AS DECIMAL(${shape.precision}, ${shape.scale}))`,
        of: (row) => {
          const value = one.of(row)
          return value === null ? null : fitted(value, one.scale, shape)
        },
      }
    }),
    tie('decimal').map((one): DecimalSample => ({ ...one, text: `(-${one.text})`, of: (row) => opposite(one.of(row)) })),
  ),
}))

function opposite(value: bigint | null): bigint | null {
  return value === null ? null : -value
}

describe('random expressions are what a model says', () => {
  test('whole numbers: value, type, and no NULL where there may be none', () => {
    fc.assert(
      fc.property(whole, ROWS, ({ text, kind, of }, row) => {
        const { type, isNullable, value } = compute(text, row)
        expect(type).toBe(kind)
        expect(value === null ? null : BigInt(value as number)).toBe(of(row))
        expect(typeof value).toBe(value === null ? 'object' : kind === 'BIGINT' ? 'bigint' : 'number')
        expect(value !== null || isNullable).toBe(true)
      }),
      RUNS,
    )
  })

  test('truth', () => {
    fc.assert(
      fc.property(truth, ROWS, ({ text, of }, row) => {
        const { type, isNullable, value } = compute(text, row)
        expect(type).toBe('BOOLEAN')
        expect(value).toBe(of(row))
        expect(value !== null || isNullable).toBe(true)
      }),
      RUNS,
    )
  })

  test('DECIMALs', () => {
    fc.assert(
      fc.property(decimal, ROWS, ({ text, precision, scale, of }, row) => {
        const { type, value } = compute(text, row)
        expect(type).toBe(`DECIMAL(${precision}, ${scale})`)
        const unscaled = of(row)
        expect(value === null ? null : (value as Decimal).toString()).toBe(unscaled === null ? null : new Decimal(unscaled, scale).toString())
      }),
      RUNS,
    )
  })

  test('what is divided and multiplied again, with the remainder, is itself', () => {
    fc.assert(
      fc.property(
        whole,
        ROWS,
        ofWidth(32).filter((divisor) => divisor !== 0n),
        ({ text, of }, row, divisor) => {
          const [x, y] = [`CAST(${text} AS BIGINT)`, `CAST('${divisor}' AS BIGINT)`]
          const { value } = compute(`${x} / ${y} * ${y} + ${x} % ${y}`, row)
          expect(value).toBe(of(row))
        },
      ),
      RUNS,
    )
  })

  test('a division by zero ends the job', () => {
    fc.assert(
      fc.property(whole, ROWS, fc.constantFrom('/', '%'), ({ text, of }, row, operator) => {
        if (of(row) === null) expect(compute(`${text} ${operator} (i - i)`, row).value).toBe(null)
        else expect(() => compute(`${text} ${operator} (i - i)`, row)).toThrow('Division by zero')
      }),
      RUNS,
    )
  })
})
