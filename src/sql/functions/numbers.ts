// Functions of numbers that are no real functions.

import { Decimal, type LogicalType } from '../../batch/types.ts'
import { fitDecimal, rescale } from '../decimal-arithmetic.ts'
import { arithmeticType, isExact, isInterval, isNumeric } from '../type-rules.ts'
import { compareValues, type Value } from '../value.ts'
import { negated, OPERATORS } from './operators.ts'
import {
  alwaysType,
  byRule,
  type FunctionTable,
  INT,
  sameType,
  type ScalarFunction,
  strictType,
  STRING,
  type TypeRule,
  withoutNull,
} from './scalar-function.ts'

const ONE = { least: 1, most: 1 }

/** A DECIMAL loses what is behind the point. */
const wholeNumber: TypeRule = ([operand]) => {
  if (operand.kind === 'DECIMAL') return { ...operand, scale: 0 }
  return isNumeric(operand) || isInterval(operand) ? operand : undefined
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
    resolve: withoutNull(byRule(strictType(wholeNumber), ONE, INT)),
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

/** The value without its sign; the least integer has no other. */
const magnitude: ScalarFunction['make'] = ({ type }) =>
  type.kind === 'FLOAT' || type.kind === 'DOUBLE'
    ? (value) => Math.abs(value as number)
    : (value) => (compareValues(value, zeroOf(value)) < 0 ? negated(value, type) : value)

/** In two's complement of 64 bits. */
function binaryText(value: Value): string {
  return BigInt.asUintN(64, BigInt(value as number)).toString(2)
}

export const NUMBER_FUNCTIONS: FunctionTable = {
  ABS: { resolve: withoutNull(byRule(strictType(sameType((type) => isNumeric(type) || isInterval(type))), ONE, INT)), make: magnitude },
  SIGN: {
    resolve: withoutNull(byRule(strictType(sameType(isNumeric)), ONE, INT)),
    make:
      ({ type }) =>
      (value) =>
        signOf(value, type),
  },
  FLOOR: whole(Math.floor, -1n),
  CEIL: whole(Math.ceil, 1n),
  CEILING: whole(Math.ceil, 1n),
  MOD: {
    resolve: withoutNull(
      byRule(([left, right]) => (isExact(left) && isExact(right) ? arithmeticType('%', left, right) : undefined), { least: 2, most: 2 }, INT),
    ),
    make: (call, context) => OPERATORS['%'].make({ ...call, name: '%' }, context),
  },
  BIN: { resolve: withoutNull(byRule(strictType(alwaysType(STRING, (type) => isExact(type) && type.kind !== 'DECIMAL')), ONE, INT)), make: () => binaryText },
}
