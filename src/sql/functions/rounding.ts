// ROUND and TRUNCATE.

import { Decimal, DECIMAL_PRECISION_MAX, type LogicalType, withNullability } from '../../batch/types.ts'
import { toDecimal, wrapInteger } from '../casts.ts'
import { fitDecimal, rescale } from '../decimal-arithmetic.ts'
import { isNumeric } from '../type-rules.ts'
import type { Value } from '../value.ts'
import type { FunctionTable, ScalarFunction } from './scalar-function.ts'

/** So many digits behind the point TRUNCATE leaves of a FLOAT or DOUBLE at most, and so many it has room for. */
const REAL_SHAPE = { precision: DECIMAL_PRECISION_MAX, scale: 18 }
/** No number has a digit so far from the point. */
const DIGITS_LIMIT = 400

/** Cuts a number to so many digits behind the point, negative in front of it: its scale is that, and never negative. */
type Cut = (value: Decimal, digits: number) => Decimal

const roundHalfUp: Cut = (value, digits) => (digits >= 0 ? rescale(value, digits) : raised(rescaleBy(value, -digits, rescale), -digits))

const truncate: Cut = (value, digits) => (digits >= 0 ? cutTo(value, digits) : raised(rescaleBy(value, -digits, cutTo), -digits))

function cutTo({ unscaled, scale }: Decimal, to: number): Decimal {
  return to >= scale ? new Decimal(unscaled * 10n ** BigInt(to - scale), to) : new Decimal(unscaled / 10n ** BigInt(scale - to), to)
}

/** Tens, hundreds, …: how many of them there are. */
function rescaleBy({ unscaled, scale }: Decimal, places: number, to: (value: Decimal, scale: number) => Decimal): Decimal {
  return to(new Decimal(unscaled, scale + places), 0)
}

function raised({ unscaled }: Decimal, places: number): Decimal {
  return new Decimal(unscaled * 10n ** BigInt(places), 0)
}

/**
 * The type of ROUND and TRUNCATE.
 *
 * @param digits Digits behind the point that stay, negative in front of it; undefined if they are not written there.
 */
export function roundType(operand: LogicalType, digits: number | undefined): LogicalType | undefined {
  if (operand.kind !== 'DECIMAL') return isNumeric(operand) ? operand : undefined
  const { precision, scale } = operand
  if (digits === undefined || digits >= scale) return operand
  // A carry may need one more.
  if (digits >= 0) return { ...operand, precision: 1 + precision - scale + digits, scale: digits }
  return { ...operand, precision: Math.min(DECIMAL_PRECISION_MAX, 1 + precision - scale), scale: 0 }
}

/**
 * A DECIMAL with another scale than its type has, where the digits are computed: its digits then stand at the scale of the type as soon as it is
 * written anywhere, as it does in Flink.
 */
function cutDecimal(value: Decimal, digits: number, precision: number, cut: Cut): Decimal | null {
  if (digits >= value.scale) return value
  const scale = Math.max(0, digits)
  return fitDecimal(cut(value, digits), { precision: Math.min(DECIMAL_PRECISION_MAX, 1 + precision - value.scale + scale), scale })
}

/** @param inDecimal Whether a FLOAT or DOUBLE goes through a DECIMAL first. */
function rounding(cut: Cut, inDecimal: boolean): ScalarFunction {
  const cutReal = (value: number, digits: number): number => {
    if (!inDecimal) return cut(toDecimal(value), digits).toNumber()
    const decimal = fitDecimal(toDecimal(value), REAL_SHAPE)
    if (decimal === null) throw new RangeError(`Cannot truncate ${value}: it has too many digits`)
    return digits >= REAL_SHAPE.scale ? decimal.toNumber() : cut(decimal, digits).toNumber()
  }
  return {
    resolve({ operands: [operand, digits, ...rest] }) {
      if (operand?.type === undefined || rest.length > 0 || (digits !== undefined && !/^(?:TINY|SMALL|)INT$/.test(digits.type?.kind ?? ''))) return undefined
      const written = digits === undefined ? 0 : digits.literal
      const type = roundType(operand.type, typeof written === 'number' ? written : undefined)
      return type && { type: withNullability(type, operand.type.nullable || digits?.type?.nullable === true) }
    },
    make({ operands: [{ type }] }) {
      const limited = (digits: Value): number => Math.max(-DIGITS_LIMIT, Math.min(DIGITS_LIMIT, (digits ?? 0) as number))
      switch (type.kind) {
        case 'DECIMAL':
          return (value, digits = 0) => cutDecimal(value as Decimal, limited(digits), type.precision, cut)
        case 'FLOAT':
        case 'DOUBLE': {
          const round = type.kind === 'FLOAT' ? Math.fround : Number
          return (value, digits = 0) => round(cutReal(value as number, limited(digits)))
        }
        default:
          return (value, digits = 0) => {
            const places = limited(digits)
            return places >= 0 ? value : wrapInteger(cut(new Decimal(BigInt(value as number), 0), places).unscaled, type.kind)
          }
      }
    },
  }
}

export const ROUNDING_FUNCTIONS: FunctionTable = {
  ROUND: rounding(roundHalfUp, false),
  TRUNCATE: rounding(truncate, true),
}
