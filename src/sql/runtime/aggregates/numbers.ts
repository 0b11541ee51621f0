// Aggregates of numbers: COUNT, SUM, AVG, and how far values lie apart.

import { Decimal, type LogicalType } from '../../../batch/types.ts'
import { toDecimal, wrapInteger } from '../../casts.ts'
import { decimalArithmetic } from '../../decimal-arithmetic.ts'
import type { Value } from '../../value.ts'
import type { Fold } from './fold.ts'

type DecimalType = LogicalType & { readonly kind: 'DECIMAL' }

/** Adds or subtracts in the arithmetic of a type; null: a DECIMAL has grown too large. Sums of whole numbers are numbers of JavaScript while they fit. */
function adder(type: LogicalType): (sum: Value, value: Value, sign: 1 | -1) => Value {
  switch (type.kind) {
    case 'TINYINT':
    case 'SMALLINT':
    case 'INT':
      return (sum, value, sign) => wrapInteger(BigInt((sum as number) + sign * (value as number)), type.kind)
    case 'BIGINT':
      return (sum, value, sign) => {
        if (typeof sum === 'number') {
          const number = Number(value)
          const total = sum + sign * number
          if (Number.isSafeInteger(number) && Number.isSafeInteger(total)) return total
        }
        return wrapInteger(BigInt(sum as number) + BigInt(sign) * BigInt(value as number), 'BIGINT')
      }
    case 'FLOAT':
      return (sum, value, sign) => Math.fround((sum as number) + sign * (value as number))
    case 'DECIMAL':
      return (sum, value, sign) => (sum === null || value === null ? null : decimalArithmetic(sign === 1 ? '+' : '-', toDecimal(sum), toDecimal(value), type))
    default:
      return (sum, value, sign) => (sum as number) + sign * (value as number)
  }
}

function zeroOf(type: LogicalType): Value {
  return type.kind === 'DECIMAL' ? new Decimal(0n, type.scale) : 0
}

export function count(): Fold {
  return {
    create: () => [0],
    fold(accumulator, _values, sign) {
      accumulator[0] = (accumulator[0] as number) + sign
    },
    result: ([total]) => BigInt(total as number),
    merge(accumulator, [other]) {
      accumulator[0] = (accumulator[0] as number) + (other as number)
    },
  }
}

/** @param ofNothing What no values amount to. */
export function sum(type: LogicalType, ofNothing: null | 0 = null): Fold {
  const add = adder(type)
  const toValue = (total: Value): Value => (type.kind === 'BIGINT' ? BigInt(total as number) : total)
  return {
    create: () => [zeroOf(type), 0],
    fold(accumulator, [value], sign) {
      accumulator[0] = add(accumulator[0] as Value, value, sign)
      accumulator[1] = (accumulator[1] as number) + sign
    },
    result: ([total, counted]) => (counted === 0 && ofNothing === null ? null : toValue(total as Value)),
    merge(accumulator, [total, counted]) {
      accumulator[0] = add(accumulator[0] as Value, total as Value, 1)
      accumulator[1] = (accumulator[1] as number) + (counted as number)
    },
  }
}

/** The mean: of whole numbers a whole one. */
export function mean(operand: LogicalType, type: LogicalType): Fold {
  const total: LogicalType =
    operand.kind === 'DECIMAL'
      ? { kind: 'DECIMAL', precision: 38, scale: operand.scale, nullable: true }
      : operand.kind === 'FLOAT' || operand.kind === 'DOUBLE'
        ? { kind: 'DOUBLE', nullable: true }
        : { kind: 'BIGINT', safeInteger: false, nullable: true }
  return {
    ...sum(total),
    result([summed, counted]) {
      if (counted === 0 || summed === null) return null
      if (summed instanceof Decimal) return decimalArithmetic('/', summed, new Decimal(BigInt(counted as number), 0), type as DecimalType)
      if (total.kind === 'BIGINT') return wrapInteger(BigInt(summed as number) / BigInt(counted as number), type.kind)
      const value = (summed as number) / (counted as number)
      return type.kind === 'FLOAT' ? Math.fround(value) : value
    },
    witness: ([summed, counted]) => [summed as Value, counted as number],
  }
}

/** What is known of values that lie apart: how many they are, their mean, and the sum of the squares of what lies between it and each. */
type Deviations = [count: number, mean: number, squares: number]

/** The variance or standard deviation as Flink computes it: of DOUBLEs, by Welford's method, then cast to the type of the operand. */
export function deviation(name: string, type: LogicalType, cast: (value: Value) => Value): Fold {
  const ofSample = name !== 'VAR_POP' && name !== 'STDDEV_POP'
  const isRoot = name.startsWith('STDDEV')
  const toDouble = (value: Value): number => (value instanceof Decimal ? value.toNumber() : Number(value))
  // The NULL of a single row becomes -1 where no row is NULL: Flink's type says that there is none.
  const nothing = type.nullable || type.kind === 'DECIMAL' ? null : type.kind === 'BIGINT' ? -1n : -1
  return {
    create: () => [0, 0, 0],
    fold(accumulator, [value], sign) {
      const known = accumulator as Deviations
      known[0] += sign
      if (known[0] <= 0) {
        if (known[0] === 0 && sign === -1) known[1] = known[2] = 0
        return
      }
      const double = toDouble(value)
      const before = double - known[1]
      known[1] += (sign * before) / known[0]
      known[2] += sign * before * (double - known[1])
    },
    result(accumulator) {
      const [counted, , squares] = accumulator as Deviations
      if (counted <= 0 || squares < 0) return null
      if (ofSample && counted === 1) return nothing
      const variance = squares / (ofSample ? counted - 1 : counted)
      return cast(isRoot ? Math.sqrt(variance) : variance)
    },
    witness(accumulator) {
      const [counted, , squares] = accumulator as Deviations
      return [counted, squares]
    },
    merge(accumulator, other) {
      const known = accumulator as Deviations
      const [otherCount, otherMean, otherSquares] = other as Deviations
      if (otherCount <= 0) known[0] += otherCount
      else if (known[0] === 0) known.splice(0, 3, otherCount, otherMean, otherSquares)
      else {
        const counted = known[0] + otherCount
        const apart = otherMean - known[1]
        known[2] = known[2] + otherSquares + ((known[0] * otherCount) / counted) * apart * apart
        known[1] += (otherCount / counted) * apart
        known[0] = counted
      }
    },
  }
}
