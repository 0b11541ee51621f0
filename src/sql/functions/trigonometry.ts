// Functions of real numbers: angles, powers and logarithms. All compute in DOUBLE.

import { Decimal, type LogicalType } from '../../batch/types.ts'
import { isNumeric } from '../type-rules.ts'
import type { Value } from '../value.ts'
import { alwaysType, type Arity, byRule, DOUBLE, type FunctionTable, type ScalarFunction, strictType, type TypeRule, withoutNull } from './scalar-function.ts'

// As Java multiplies, so that all digits agree.
const DEGREES_PER_RADIAN = 57.29577951308232
const RADIANS_PER_DEGREE = 0.017453292519943295

/** The value of a number. */
export function doubleOf(value: Value): number {
  return value instanceof Decimal ? value.toNumber() : Number(value)
}

function real(code: (...operands: number[]) => number, { least, most }: Arity, rule: TypeRule = alwaysType(DOUBLE, isNumeric)): ScalarFunction {
  return {
    resolve: withoutNull(byRule(strictType(rule), { least, most }, DOUBLE)),
    make:
      () =>
      (...operands) =>
        code(...operands.map(doubleOf)),
  }
}

const ofOne = (code: (value: number) => number): ScalarFunction => real(code, { least: 1, most: 1 })

function constant(value: number): ScalarFunction {
  return { resolve: ({ operands }) => (operands.length === 0 ? { type: { ...DOUBLE, nullable: false } } : undefined), make: () => () => value }
}

/** Flink has no ATAN2 of a DECIMAL with any other number. */
const coordinates: TypeRule = ([y, x]: readonly LogicalType[]) =>
  isNumeric(y) && isNumeric(x) && (y.kind === 'DECIMAL') === (x.kind === 'DECIMAL') ? DOUBLE : undefined

export const REAL_FUNCTIONS: FunctionTable = {
  SIN: ofOne(Math.sin),
  COS: ofOne(Math.cos),
  TAN: ofOne(Math.tan),
  COT: ofOne((value) => 1 / Math.tan(value)),
  ASIN: ofOne(Math.asin),
  ACOS: ofOne(Math.acos),
  ATAN: ofOne(Math.atan),
  ATAN2: real(Math.atan2, { least: 2, most: 2 }, coordinates),
  SINH: ofOne(Math.sinh),
  COSH: ofOne(Math.cosh),
  TANH: ofOne(Math.tanh),
  DEGREES: ofOne((value) => value * DEGREES_PER_RADIAN),
  RADIANS: ofOne((value) => value * RADIANS_PER_DEGREE),
  PI: constant(Math.PI),
  E: constant(Math.E),
  /** What Java's `pow(x, 0.5)` is, of zero and infinity too. */
  SQRT: ofOne((value) => (value === -Infinity ? Infinity : Math.sqrt(value) + 0)),
  EXP: ofOne(Math.exp),
  POWER: real((base, exponent) => base ** exponent, { least: 2, most: 2 }),
  LN: ofOne(Math.log),
  LOG10: ofOne(Math.log10),
  LOG2: ofOne((value) => Math.log(value) / Math.log(2)),
  /** With two operands the base stands first. */
  LOG: real((...operands) => (operands.length === 1 ? Math.log(operands[0]) : Math.log(operands[1]) / Math.log(operands[0])), { least: 1, most: 2 }),
}
