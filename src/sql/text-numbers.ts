// Numbers and truth values that CAST reads from text, as Flink reads them, odd as some of it is. A text that holds none: undefined.

import { Decimal } from '../batch/types.ts'
import { type DecimalShape, fitDecimal } from './decimal-arithmetic.ts'

/** So many digits, and so long a text, Flink reads into 64 bits. */
const SHORT_LENGTH = 18
/** An exponent at which its reader stops to count. */
const EXPONENT_STOP = 40
/** Beyond it every DECIMAL is too large, or zero. */
const EXPONENT_LIMIT = 10_000
const TRUE_TEXTS = new Set(['t', 'true', 'y', 'yes', '1'])
const FALSE_TEXTS = new Set(['f', 'false', 'n', 'no', '0'])

/** In any case, but not with blanks around it. */
export function booleanOf(text: string): boolean | undefined {
  const lower = text.toLowerCase()
  return TRUE_TEXTS.has(lower) ? true : FALSE_TEXTS.has(lower) ? false : undefined
}

/** What stands behind the point is read and does not count; a point alone is 0. Blanks may stand around it, tabs may not. */
export function integerOf(text: string, bits: number): bigint | undefined {
  const match = /^ *([+-]?)(\d*)(\.\d*)? *$/.exec(text)
  if (match === null || (match[2] === '' && match[3] === undefined)) return undefined
  const whole = BigInt(match[2]) * (match[1] === '-' ? -1n : 1n)
  return BigInt.asIntN(bits, whole) === whole ? whole : undefined
}

/** As Java's `Double.parseDouble`: with `d` or `f` behind it, and in base 16 too. */
export function doubleOf(text: string): number | undefined {
  // Java takes all control characters for blanks.
  // oxlint-disable-next-line no-control-regex
  const trimmed = text.replaceAll(/^[\0- ]+|[\0- ]+$/g, '')
  const word = /^([+-]?)(NaN|Infinity)$/.exec(trimmed)
  if (word !== null) return word[2] === 'NaN' ? Number.NaN : word[1] === '-' ? -Infinity : Infinity
  if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[dDfF]?$/.test(trimmed)) return Number(trimmed.replace(/[dDfF]$/, ''))
  const hex = /^([+-]?)0[xX]([\da-fA-F]*)\.?([\da-fA-F]*)[pP]([+-]?\d+)[dDfF]?$/.exec(trimmed)
  if (hex === null || hex[2] + hex[3] === '') return undefined
  return (hex[1] === '-' ? -1 : 1) * Number(`0x${hex[2]}${hex[3]}`) * 2 ** (Number(hex[4]) - 4 * hex[3].length)
}

/** A DECIMAL of a type. Undefined too if it has no room for the digits. */
export function decimalOf(text: string, shape: DecimalShape): Decimal | undefined {
  return shape.precision > SHORT_LENGTH || Buffer.byteLength(text) > SHORT_LENGTH ? longDecimal(text, shape) : shortDecimal(text, shape)
}

/**
 * One byte that is no digit is overlooked behind the digits, and behind those of an exponent, whatever it is: `x` is 0, `1x` is 1. All digits count for
 * the precision, zeros in front too; what becomes longer by rounding is not looked at again.
 */
function shortDecimal(text: string, { precision, scale }: DecimalShape): Decimal | undefined {
  const bytes = Buffer.from(text).toString('latin1')
  const [head, sign, significand] = /^[ \n\t]*([+-]?)([\d.]*)/.exec(bytes)!
  const [whole, fraction = '', ...more] = significand.split('.')
  if (more.length > 0 || (head === bytes && significand === '')) return undefined
  let rest = bytes.slice(head.length + 1)
  let exponent = 0
  if (rest !== '' && /[eE]/.test(bytes[head.length])) {
    const [power, minus, digits] = /^([+-]?)(\d*)/.exec(rest)!
    if (power === rest && digits === '') return undefined
    exponent = exponentOf(digits) * (minus === '-' ? -1 : 1)
    rest = rest.slice(power.length + 1)
  }
  const shift = exponent - fraction.length + scale
  const isReadable = /^[ \n\t]*$/.test(rest) && shift >= -SHORT_LENGTH && whole.length + fraction.length + shift <= precision
  if (!isReadable) return undefined
  const magnitude = BigInt(whole + fraction)
  const unscaled = shift < 0 ? (magnitude + 5n * 10n ** BigInt(-shift - 1)) / 10n ** BigInt(-shift) : magnitude * 10n ** BigInt(shift)
  return new Decimal(sign === '-' ? -unscaled : unscaled, scale)
}

function exponentOf(digits: string): number {
  let exponent = 0
  for (const digit of digits) if (exponent < EXPONENT_STOP) exponent = exponent * 10 + Number(digit)
  return exponent
}

/** As Java's BigDecimal reads it: with the digits of all scripts. */
function longDecimal(text: string, shape: DecimalShape): Decimal | undefined {
  const plain = text.replaceAll(/^[ \n\t]+|[ \n\t]+$/g, '').replaceAll(/\p{Nd}/gu, asciiDigit)
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/.exec(plain)
  if (match === null) return undefined
  const [, sign, whole, fraction = '', exponent = '0'] = match
  if (whole + fraction === '') return undefined
  const magnitude = BigInt(whole + fraction)
  const places = fraction.length - Number(exponent)
  if (magnitude === 0n || places > EXPONENT_LIMIT) return fitDecimal(new Decimal(0n, 0), shape) ?? undefined
  if (places < -EXPONENT_LIMIT) return undefined
  const unscaled = sign === '-' ? -magnitude : magnitude
  return fitDecimal(places >= 0 ? new Decimal(unscaled, places) : new Decimal(unscaled * 10n ** BigInt(-places), 0), shape) ?? undefined
}

/** The digits of a script stand together, from its zero on; those of Java's characters are one unit. */
function asciiDigit(digit: string): string {
  if (digit.length > 1) return digit
  let zero = digit.charCodeAt(0)
  while (/\p{Nd}/u.test(String.fromCharCode(zero - 1))) zero--
  return `${(digit.charCodeAt(0) - zero) % 10}`
}
