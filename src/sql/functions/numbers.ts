// Functions of numbers.

import { Decimal, DECIMAL_PRECISION_MAX, type LogicalType, withNullability } from '../../batch/types.ts'
import { fitDecimal, rescale } from '../decimal-arithmetic.ts'
import { isInterval, isNumeric } from '../type-rules.ts'
import { compareValues, type Value } from '../value.ts'
import { alwaysType, byRule, DOUBLE, type FunctionTable, INT, sameType, type ScalarFunction, strictType, type TypeRule } from './scalar-function.ts'
import { negated } from './operators.ts'

const ONE = { least: 1, most: 1 }

/** A DECIMAL loses what is behind the point. */
const wholeNumber: TypeRule = ([operand]) => {
  if (operand.kind === 'DECIMAL') return { ...operand, scale: 0 }
  return isNumeric(operand) || isInterval(operand) ? operand : undefined
}

/**
 * The type of ROUND.
 *
 * @param digits Digits behind the point that stay; negative in front of it.
 */
export function roundType(operand: LogicalType, digits: number): LogicalType | undefined {
  if (operand.kind !== 'DECIMAL') return isNumeric(operand) ? operand : undefined
  const { precision, scale } = operand
  if (digits >= scale) return operand
  // A carry may need one more.
  if (digits >= 0) return { ...operand, precision: 1 + precision - scale + digits, scale: digits }
  return { ...operand, precision: Math.min(DECIMAL_PRECISION_MAX, 1 + precision - scale), scale: 0 }
}

function zeroOf(value: Value): Value {
  return typeof value === 'bigint' ? 0n : value instanceof Decimal ? new Decimal(0n, 0) : 0
}

function signOf(value: Value, type: LogicalType): Value {
  const sign = compareValues(value, zeroOf(value))
  if (type.kind === 'DECIMAL') return fitDecimal(new Decimal(BigInt(sign), 0), type)
  if (typeof value === 'bigint') return BigInt(sign)
  return sign === 0 || Number.isNaN(value) ? value : sign
}

/** Without what is behind the point. @param step What is added to a cut DECIMAL that is not whole. */
function whole(round: (value: number) => number, step: bigint): ScalarFunction {
  return {
    resolve: byRule(strictType(wholeNumber), ONE, INT),
    make:
      ({ type }) =>
      (value) => {
        if (value instanceof Decimal) {
          const cut = new Decimal(value.unscaled / 10n ** BigInt(value.scale), 0)
          const isExact = rescale(cut, value.scale).unscaled === value.unscaled
          const isBeyond = value.unscaled < 0n === step < 0n
          return fitDecimal(isExact || !isBeyond ? cut : new Decimal(cut.unscaled + step, 0), type as LogicalType & { kind: 'DECIMAL' })
        }
        return typeof value === 'number' ? round(value) : value
      },
  }
}

export const NUMBER_FUNCTIONS: FunctionTable = {
  ABS: {
    resolve: byRule(strictType(sameType((type) => isNumeric(type) || isInterval(type))), ONE, INT),
    make:
      ({ type }) =>
      (value) =>
        compareValues(value, zeroOf(value)) < 0 ? negated(value, type) : value,
  },
  SIGN: {
    resolve: byRule(strictType(sameType(isNumeric)), ONE, INT),
    make:
      ({ type }) =>
      (value) =>
        signOf(value, type),
  },
  FLOOR: whole(Math.floor, -1n),
  CEIL: whole(Math.ceil, 1n),
  CEILING: whole(Math.ceil, 1n),
  SQRT: {
    resolve: byRule(strictType(alwaysType(DOUBLE, isNumeric)), ONE, INT),
    make: () => (value) => Math.sqrt(Number(value instanceof Decimal ? value.toNumber() : value)),
  },
  ROUND: {
    resolve({ operands: [operand, digits, ...rest] }) {
      const of = operand?.type ?? INT
      const to = digits === undefined ? withNullability(INT, false) : (digits.type ?? INT)
      const type = rest.length > 0 || to.kind !== 'INT' ? undefined : roundType(of, typeof digits?.literal === 'number' ? digits.literal : 0)
      return type && { type: withNullability(type, of.nullable || to.nullable), operandTypes: digits === undefined ? [of] : [of, to] }
    },
    // Not there yet.
    make: () => undefined,
  },
}
