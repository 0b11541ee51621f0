// DECIMALs as Flink computes with them: exact, then rounded half up to the scale of the result; NULL where it has no room for the digits.

import { Decimal, DECIMAL_PRECISION_MAX } from '../batch/types.ts'

/** Precision and scale of a result. */
export interface DecimalShape {
  readonly precision: number
  readonly scale: number
}

/** A power of ten. */
function ten(exponent: number): bigint {
  return 10n ** BigInt(exponent)
}

/** `dividend / divisor`, rounded half up (away from zero). */
function divideHalfUp(dividend: bigint, divisor: bigint): bigint {
  const isNegative = dividend < 0n !== divisor < 0n
  const [numerator, denominator] = [dividend < 0n ? -dividend : dividend, divisor < 0n ? -divisor : divisor]
  const quotient = (numerator * 2n + denominator) / (denominator * 2n)
  return isNegative ? -quotient : quotient
}

/** The value with another scale, rounded half up. */
export function rescale({ unscaled, scale }: Decimal, to: number): Decimal {
  if (to >= scale) return new Decimal(unscaled * ten(to - scale), to)
  return new Decimal(divideHalfUp(unscaled, ten(scale - to)), to)
}

/** The value in a type; null if it has more digits. */
export function fitDecimal(value: Decimal, { precision, scale }: DecimalShape): Decimal | null {
  const fitted = rescale(value, scale)
  const magnitude = fitted.unscaled < 0n ? -fitted.unscaled : fitted.unscaled
  return magnitude < ten(precision) ? fitted : null
}

/** `+ - * / %`, in the type of the result. @throws {RangeError} if it divides by zero. */
export function decimalArithmetic(operator: string, left: Decimal, right: Decimal, shape: DecimalShape): Decimal | null {
  const scale = Math.max(left.scale, right.scale)
  const [one, other] = [left.unscaled * ten(scale - left.scale), right.unscaled * ten(scale - right.scale)]
  switch (operator) {
    case '+':
      return fitDecimal(new Decimal(one + other, scale), shape)
    case '-':
      return fitDecimal(new Decimal(one - other, scale), shape)
    case '*':
      return fitDecimal(new Decimal(left.unscaled * right.unscaled, left.scale + right.scale), shape)
    case '%':
      if (other === 0n) throw new RangeError('Division by zero')
      return fitDecimal(new Decimal(one % other, scale), shape)
    default:
      if (other === 0n) throw new RangeError('Division by zero')
      return fitDecimal(quotientOf(one, other), shape)
  }
}

/** A quotient of 38 significant digits, rounded half up: it is rounded once more to its type. */
function quotientOf(dividend: bigint, divisor: bigint): Decimal {
  if (dividend === 0n) return new Decimal(0n, 0)
  const digits = (value: bigint): number => `${value < 0n ? -value : value}`.length
  // The first guess may give a digit too many.
  let scale = DECIMAL_PRECISION_MAX - (digits(dividend) - digits(divisor))
  for (;;) {
    const quotient = scale >= 0 ? divideHalfUp(dividend * ten(scale), divisor) : divideHalfUp(dividend, divisor * ten(-scale))
    if (digits(quotient) <= DECIMAL_PRECISION_MAX) return scale >= 0 ? new Decimal(quotient, scale) : new Decimal(quotient * ten(-scale), 0)
    scale--
  }
}

/** The shortest decimal that reads back as a double. */
export function decimalOfDouble(value: number): Decimal {
  const [mantissa, power] = value.toExponential().split('e') as [string, string]
  const { unscaled, scale } = Decimal.parse(mantissa)
  const places = scale - Number(power)
  return places >= 0 ? new Decimal(unscaled, places) : new Decimal(unscaled * ten(-places), 0)
}
