// Formats as Java's Formatter reads them, in the ways that PRINTF knows.

import { doubleText } from '../../base/double-text.ts'

/** What is printed: how Java calls its type, and the value. */
export type FormatArgument =
  | null
  | { readonly kind: 'whole'; readonly value: bigint; readonly bits: 8 | 16 | 32 | 64 }
  | { readonly kind: 'approximate'; readonly value: number; readonly round: (value: number) => number }
  | { readonly kind: 'truth'; readonly value: boolean }
  | { readonly kind: 'text'; readonly value: string }

/** A format that cannot be filled with what there is. */
class FormatError extends Error {
  override readonly name = 'FormatError'
}

interface Directive {
  readonly flags: string
  readonly width: number | undefined
  readonly precision: number | undefined
  readonly conversion: string
  readonly isUpper: boolean
}

const DIRECTIVE = /%(\d+\$)?([-#+ 0,(<]*)?(\d+)?(\.\d+)?([tT])?([a-zA-Z%])/y
const UPPER = new Set(['B', 'H', 'S', 'C', 'X', 'E', 'G', 'A'])
const PRECISION_DEFAULT = 6
/** A width that nobody means, and that a row should not take a second for: it is wrong like others that do not fit. */
const WIDTH_MAX = 10_000_000
const MURMUR_SEED = 42

/** Undefined: the format is wrong, or does not fit the arguments. */
export function javaFormat(format: string, operands: readonly FormatArgument[]): string | undefined {
  try {
    return formatted(format, operands)
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

function formatted(format: string, operands: readonly FormatArgument[]): string {
  let text = ''
  let next = 0
  let last = -1
  for (let at = 0; at < format.length;) {
    const percent = format.indexOf('%', at)
    if (percent < 0) return text + format.slice(at)
    text += format.slice(at, percent)
    DIRECTIVE.lastIndex = percent
    const match = DIRECTIVE.exec(format)
    if (match === null) throw new FormatError('unknown conversion')
    at = DIRECTIVE.lastIndex
    const [, index, flags = '', width, precision, time, conversion] = match as readonly (string | undefined)[]
    const isUpper = UPPER.has(conversion!)
    const directive: Directive = {
      flags,
      width: width === undefined ? undefined : Number(width),
      precision: precision === undefined ? undefined : Number(precision.slice(1)),
      conversion: isUpper ? conversion!.toLowerCase() : conversion!,
      isUpper,
    }
    check(directive, time !== undefined)
    if (conversion === 'n') text += '\n'
    else if (conversion === '%') text += justified('%', directive)
    else {
      if (flags.includes('<')) {
        if (last < 0) throw new FormatError('nothing was printed before')
      } else last = index === undefined ? next++ : Number(index.slice(0, -1)) - 1
      const operand = operands[last] as FormatArgument | undefined
      if (operand === undefined) throw new FormatError('there is no such argument')
      const printed = print(directive, operand)
      text += isUpper ? printed.toUpperCase() : printed
    }
  }
  return text
}

// ---- what may stand together ----

const FLAGS_OF: Readonly<Record<string, string>> = {
  n: '',
  '%': '-',
  b: '-',
  h: '-',
  s: '-',
  c: '-',
  d: '-+ 0,(',
  o: '-#0',
  x: '-#0',
  e: '-#+ 0(',
  f: '-#+ 0,(',
  g: '-+ 0,(',
  a: '-#+ 0',
}

function check({ flags, width, precision, conversion }: Directive, isTime: boolean): void {
  const allowed = FLAGS_OF[conversion] as string | undefined
  if (isTime || allowed === undefined) throw new FormatError('unknown conversion')
  const plain = flags.replace('<', '')
  if (new Set(flags).size < flags.length || Array.from(plain).some((flag) => !allowed.includes(flag))) throw new FormatError('wrong flags')
  if ((plain.includes('-') || plain.includes('0')) && width === undefined) throw new FormatError('no width')
  if ((plain.includes('-') && plain.includes('0')) || (plain.includes('+') && plain.includes(' '))) throw new FormatError('wrong flags')
  if (precision !== undefined && 'n%cdox'.includes(conversion)) throw new FormatError('no precision here')
  if (conversion === 'n' && width !== undefined) throw new FormatError('no width here')
  if (width !== undefined && width > WIDTH_MAX) throw new FormatError('too wide')
}

function justified(text: string, { flags, width }: Pick<Directive, 'flags' | 'width'>): string {
  return flags.includes('-') ? text.padEnd(width ?? 0) : text.padStart(width ?? 0)
}

// ---- values ----

function print(directive: Directive, operand: FormatArgument): string {
  const { conversion, precision } = directive
  const general = (text: string): string => justified(precision === undefined ? text : text.slice(0, precision), directive)
  if (conversion === 'b') return general(String(operand !== null && (operand.kind !== 'truth' || operand.value)))
  if (operand === null) return conversion === 's' || conversion === 'h' ? general('null') : justified('null', directive)
  switch (conversion) {
    case 'h':
      return general(hashOf(operand))
    case 's':
      return general(operand.kind === 'approximate' ? doubleText(operand.value, operand.round) : String(operand.value))
    case 'c':
      return justified(characterOf(operand), directive)
    case 'd':
    case 'o':
    case 'x':
      if (operand.kind !== 'whole') throw new FormatError('not a whole number')
      return conversion === 'd' ? decimal(directive, operand.value) : unsigned(directive, operand.value, operand.bits)
    default:
      if (operand.kind !== 'approximate') throw new FormatError('not a floating-point number')
      return approximate(directive, operand.value)
  }
}

/** Of texts, as their bytes are hashed there. */
function hashOf(operand: FormatArgument & object): string {
  if (operand.kind !== 'text') throw new RangeError('PRINTF prints hashes (%h) of texts alone')
  return murmur(Buffer.from(operand.value)).toString(16)
}

/** MurmurHash3 of 32 bits, but that the last bytes are each mixed in as a word. */
function murmur(bytes: Buffer): number {
  let hash = MURMUR_SEED
  const mix = (word: number): void => {
    const mixed = Math.imul(word, 0xcc9e2d51)
    hash ^= Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593)
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0
  }
  const aligned = bytes.length & ~3
  for (let at = 0; at < aligned; at += 4) mix(bytes.readInt32LE(at))
  for (let at = aligned; at < bytes.length; at++) mix(bytes.readInt8(at))
  hash ^= bytes.length
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

function characterOf(operand: FormatArgument & object): string {
  if (operand.kind !== 'whole' || operand.bits === 64 || operand.value < 0n || operand.value > 0x10ffffn) throw new FormatError('not a character')
  return String.fromCodePoint(Number(operand.value))
}

function decimal(directive: Directive, value: bigint): string {
  return signed(directive, String(value < 0n ? -value : value), value < 0n)
}

/** Digits behind their sign, in groups and with zeros in front if these are asked for. */
function signed(directive: Directive, digits: string, isNegative: boolean): string {
  const { flags, width } = directive
  const [front, close] = isNegative ? (flags.includes('(') ? ['(', ')'] : ['-', '']) : [flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '', '']
  let shown = flags.includes(',') ? grouped(digits) : digits
  if (flags.includes('0')) shown = shown.padStart(width! - front.length - close.length, '0')
  return justified(front + shown + close, directive)
}

function grouped(digits: string): string {
  const [whole, ...rest] = digits.split('.')
  return [whole.replaceAll(/\B(?=(?:\d{3})+$)/g, ','), ...rest].join('.')
}

function unsigned(directive: Directive, value: bigint, bits: number): string {
  const { flags, width, conversion } = directive
  const digits = BigInt.asUintN(bits, value).toString(conversion === 'x' ? 16 : 8)
  const mark = flags.includes('#') ? (conversion === 'x' ? '0x' : '0') : ''
  return justified(mark + (flags.includes('0') ? digits.padStart(width! - mark.length, '0') : digits), directive)
}

function approximate(directive: Directive, value: number): string {
  const { flags, conversion } = directive
  if (Number.isNaN(value)) return justified('NaN', directive)
  const isNegative = value < 0 || Object.is(value, -0)
  if (!Number.isFinite(value)) return signed({ ...directive, flags: flags.replace('0', '').replace(',', '') }, 'Infinity', isNegative)
  const size = Math.abs(value)
  if (conversion === 'a') return signed(directive, hexadecimal(size, directive.precision), isNegative)
  const precision = directive.precision ?? PRECISION_DEFAULT
  let digits = conversion === 'f' ? fixed(size, precision) : conversion === 'e' ? scientific(size, precision) : general(size, precision === 0 ? 1 : precision)
  if (precision === 0 && flags.includes('#')) digits = digits.replace(/^\d/, '$&.')
  return signed(directive, digits, isNegative)
}

/** The digits that Java writes a number with, and the place of its point behind the first of them. */
function digitsOf(value: number): { readonly digits: bigint; readonly scale: number } {
  const [, whole, fraction = '', power = '0'] = /^(\d+)(?:\.(\d+))?(?:E(-?\d+))?$/.exec(doubleText(value, Number)) as unknown as readonly (string | undefined)[]
  return { digits: BigInt(whole! + fraction), scale: fraction.length - Number(power) }
}

/** So many digits behind the point, rounded half up. */
function fixed(value: number, places: number): string {
  const { digits, scale } = digitsOf(value)
  const unscaled = scale <= places ? digits * 10n ** BigInt(places - scale) : halfUp(digits, scale - places)
  const text = String(unscaled).padStart(places + 1, '0')
  return places === 0 ? text : `${text.slice(0, -places)}.${text.slice(-places)}`
}

function halfUp(digits: bigint, dropped: number): bigint {
  const unit = 10n ** BigInt(dropped)
  return (digits + unit / 2n) / unit
}

function scientific(value: number, places: number): string {
  const { mantissa, exponent } = rounded(value, places + 1)
  const size = String(Math.abs(exponent)).padStart(2, '0')
  return `${mantissa[0]}${places === 0 ? '' : `.${mantissa.slice(1)}`}e${exponent < 0 ? '-' : '+'}${size}`
}

/** To so many digits that count. */
function rounded(value: number, count: number): { readonly mantissa: string; readonly exponent: number } {
  if (value === 0) return { mantissa: '0'.repeat(count), exponent: 0 }
  const { digits, scale } = digitsOf(value)
  const written = String(digits)
  const exponent = written.length - 1 - scale
  const mantissa = written.length <= count ? written.padEnd(count, '0') : String(halfUp(digits, written.length - count))
  return mantissa.length > count ? { mantissa: mantissa.slice(0, count), exponent: exponent + 1 } : { mantissa, exponent }
}

function general(value: number, count: number): string {
  if (value === 0) return fixed(value, count - 1)
  const { exponent } = rounded(value, count)
  return exponent < -4 || exponent >= count ? scientific(value, count - 1) : fixed(value, count - 1 - exponent)
}

/** `0x1.8p1`: what is there in two's powers. */
function hexadecimal(value: number, precision: number | undefined): string {
  if (precision !== undefined) throw new RangeError('PRINTF does not round hexadecimal numbers (%.na)')
  if (value === 0) return '0x0.0p0'
  const bits = new DataView(new ArrayBuffer(8))
  bits.setFloat64(0, value)
  const power = (bits.getUint16(0) >> 4) & 0x7ff
  const fraction = (bits.getBigUint64(0) & 0xfffffffffffffn).toString(16).padStart(13, '0').replace(/0+$/, '')
  return power === 0 ? `0x0.${fraction}p-1022` : `0x1.${fraction || '0'}p${power - 1023}`
}
