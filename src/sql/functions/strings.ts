// Functions that make texts of texts. Lengths and places count code points, but with padding and OVERLAY, which count UTF-16 units.

import { isText, LENGTH_MAX, type LogicalType } from '../../batch/types.ts'
import type { BoundCall } from '../bound-expression.ts'
import type { Value } from '../value.ts'
import { bySignature, type FunctionTable, INT, type ScalarCode, type ScalarFunction, STRING } from './scalar-function.ts'
import { INTEGER, isIntegerType, pointCount, SMALL_INTEGER, TEXT, wellFormed, withoutBareNull } from './texts.ts'

/** A function of texts that takes no bare NULL. */
function ofTexts(
  parameters: Parameters<typeof bySignature>[0],
  result: Parameters<typeof bySignature>[1],
  code: ScalarCode,
  nullability: Parameters<typeof bySignature>[2] = 'strict',
  required = parameters.length,
): ScalarFunction {
  return { resolve: withoutBareNull(bySignature(parameters, result, nullability, required)), make: () => code }
}

const first = ([type]: readonly LogicalType[]): LogicalType => type
/** A text of any length up to that of the first operand. */
const firstVarying = ([type]: readonly LogicalType[]): LogicalType => ({ ...type, kind: 'VARCHAR' }) as LogicalType

// ---- letters ----

/** Letters and digits are those of ASCII: all others stand between words. */
function capitalized(text: string): string {
  return text.replaceAll(/[A-Za-z0-9]+/g, (word) => word[0].toUpperCase() + word.slice(1).toLowerCase())
}

// ---- parts ----

/** From the n-th code point on, from 1; a negative place counts from the end. */
function substring(value: Value, start: Value, count?: Value): string | null {
  const text = value as string
  const from = start as number
  const length = (count ?? LENGTH_MAX) as number
  if (length < 0) return null
  const points = Array.from(text)
  const at = from > 0 ? from - 1 : from === 0 ? 0 : points.length + from
  return at < 0 ? '' : points.slice(at, at + length).join('')
}

function left(text: Value, count: Value): string {
  return (count as number) <= 0
    ? ''
    : Array.from(text as string)
        .slice(0, count as number)
        .join('')
}

function right(text: Value, count: Value): string {
  return (count as number) <= 0
    ? ''
    : Array.from(text as string)
        .slice(-(count as number))
        .join('')
}

// ---- both ends ----

type Side = 'BOTH' | 'LEADING' | 'TRAILING'

/** Without the characters at its ends that are in a set. */
function trimmed(side: Side, text: string, characters: string): string {
  const points = Array.from(text)
  const set = new Set(Array.from(characters))
  let start = 0
  let end = points.length
  if (side !== 'TRAILING') while (start < end && set.has(points[start])) start++
  if (side !== 'LEADING') while (end > start && set.has(points[end - 1])) end--
  return points.slice(start, end).join('')
}

function trim(side: Side): ScalarFunction {
  return ofTexts([TEXT, TEXT], firstVarying, (text, characters) => trimmed(side, text as string, (characters ?? ' ') as string), 'strict', 1)
}

/** `TRIM(BOTH 'x' FROM s)`: the side is a word of its grammar. */
const TRIM: ScalarFunction = {
  resolve: withoutBareNull(({ operands: [, characters, text, ...rest] }) => {
    if (rest.length > 0 || characters?.type === undefined || text?.type === undefined || !isText(characters.type) || !isText(text.type)) return undefined
    return { type: { ...text.type, kind: 'VARCHAR', nullable: text.type.nullable || characters.type.nullable } }
  }),
  make: () => (side, characters, text) => trimmed(side as Side, text as string, characters as string),
}

/** NULL for a length below zero and for nothing to pad with. */
function pad(isLeft: boolean): ScalarCode {
  return (value, length, filler) => {
    const [text, width, padding] = [value as string, length as number, filler as string]
    if (width < 0 || padding === '') return null
    const padded = isLeft ? text.padStart(width, padding) : text.padEnd(width, padding)
    return wellFormed(padded.slice(0, width))
  }
}

// ---- replacement ----

/** Each character of the first set becomes the one at its place in the second; without one there it goes. A NULL for a set is an empty one. */
function translate(text: Value, from: Value, to: Value): string | null {
  if (text === null) return null
  if (from === null || from === '') return text as string
  const targets = Array.from((to ?? '') as string)
  const map = new Map<string, string>()
  for (const [index, point] of Array.from(from as string).entries()) if (!map.has(point)) map.set(point, targets[index] ?? '')
  return Array.from(text as string, (point) => map.get(point) ?? point).join('')
}

/** NULL only if the text is: what NULL stands for elsewhere is nothing. */
function translation(resolve: (site: Parameters<ScalarFunction['resolve']>[0]) => ReturnType<ScalarFunction['resolve']>): ScalarFunction {
  return { resolve, isStrict: false, make: () => translate }
}

const translationTypes: ScalarFunction['resolve'] = (site) => {
  const found = bySignature([TEXT, TEXT, TEXT], STRING)(site)
  return found && { ...found, type: { ...STRING, nullable: found.operandTypes![0].nullable } }
}

/** Counts UTF-16 units. A place outside of the text changes nothing; without a length that of the new part is taken. */
function overlay(value: Value, replacement: Value, start: Value, count: Value | undefined): string {
  const [text, part, from] = [value as string, replacement as string, Number(start)]
  if (from <= 0 || from > text.length) return text
  const length = count === undefined ? part.length : Number(BigInt.asIntN(32, BigInt(count as number)))
  const rest = from + length <= text.length && length > 0 ? text.slice(from - 1 + length) : ''
  return wellFormed(text.slice(0, from - 1) + part + rest)
}

function overlayType([text, part]: readonly LogicalType[]): LogicalType {
  const length = (text as LogicalType & { length: number }).length + (part as LogicalType & { length: number }).length
  return { kind: 'VARCHAR', length: Math.min(LENGTH_MAX, length), nullable: true }
}

// ---- single characters ----

/** The first byte of UTF-8, with its sign. */
function ascii(text: Value): number {
  const code = (text as string).codePointAt(0)
  return code === undefined ? 0 : Buffer.from(String.fromCodePoint(code)).readInt8(0)
}

function chr(value: Value): string {
  const code = BigInt(value as number)
  return code < 0n ? '' : String.fromCharCode(Number(code & 0xffn))
}

function concatWithSeparator(separator: Value, ...texts: Value[]): string | null {
  return separator === null ? null : texts.filter((text) => text !== null).join(separator as string)
}

// ---- tests ----

/** What is said of a text by looking at it, and of a number by its type alone: a NULL among them too. */
function kindTest(ofText: (text: string) => boolean, ofNumber: (type: LogicalType) => boolean | undefined): ScalarFunction {
  return {
    resolve: withoutBareNull(({ operands: [operand, ...rest] }) => {
      if (operand?.type === undefined || rest.length > 0 || (!isText(operand.type) && ofNumber(operand.type) === undefined)) return undefined
      return { type: { kind: 'BOOLEAN', nullable: false } }
    }),
    isStrict: false,
    make: ({ operands: [{ type }] }: BoundCall) => {
      const said = ofNumber(type)
      return (value) => said ?? (value !== null && ofText(value as string))
    },
  }
}

const isNumber = ({ kind }: LogicalType): boolean => /^(?:TINYINT|SMALLINT|INT|BIGINT|FLOAT|DOUBLE|DECIMAL)$/.test(kind)
const whenNumber =
  (test: (type: LogicalType) => boolean) =>
  (type: LogicalType): boolean | undefined =>
    isNumber(type) ? test(type) : undefined

/** What Java reads as a number: digits of any script for whole ones. */
const WHOLE = /^[+-]?\p{Nd}+$/u
const APPROXIMATE = /^[+-]?(?:NaN|Infinity|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[dDfF]?|0[xX](?:[\dA-Fa-f]+\.?|[\dA-Fa-f]*\.[\dA-Fa-f]+)[pP][+-]?\d+[dDfF]?)$/

function isDecimalText(text: string): boolean {
  // Java's trim takes whatever lies below the blank.
  if (APPROXIMATE.test(text.replaceAll(/^[\0- ]+|[\0- ]+$/g, ''))) return true
  return WHOLE.test(text) && fitsBigint(text)
}

function fitsBigint(text: string): boolean {
  const digits = text.replaceAll(/\p{Nd}/gu, (digit) => String(digitOf(digit)))
  return BigInt.asIntN(64, BigInt(digits.replace('+', ''))) === BigInt(digits.replace('+', ''))
}

/** Each script's ten digits follow one another. */
function digitOf(digit: string): number {
  const code = digit.codePointAt(0)!
  let zero = code
  while (zero > 0 && code - zero < 9 && /^\p{Nd}$/u.test(String.fromCodePoint(zero - 1))) zero--
  return code - zero
}

export const STRING_FUNCTIONS: FunctionTable = {
  UPPER: ofTexts([TEXT], first, (text) => (text as string).toUpperCase()),
  LOWER: ofTexts([TEXT], first, (text) => (text as string).toLowerCase()),
  INITCAP: ofTexts([TEXT], first, (text) => capitalized(text as string)),
  CHAR_LENGTH: ofTexts([TEXT], INT, (text) => pointCount(text as string)),
  CHARACTER_LENGTH: ofTexts([TEXT], INT, (text) => pointCount(text as string)),
  CONCAT: {
    resolve: withoutBareNull(bySignature([TEXT], STRING, 'strict', 1, true)),
    make:
      () =>
      (...texts) =>
        texts.join(''),
  },
  CONCAT_WS: { resolve: withoutBareNull(bySignature([TEXT], STRING, 'strict', 1, true)), isStrict: false, make: () => concatWithSeparator },
  SUBSTRING: ofTexts([TEXT, SMALL_INTEGER, SMALL_INTEGER], firstVarying, substring, 'nullable', 2),
  SUBSTR: ofTexts([TEXT, SMALL_INTEGER, SMALL_INTEGER], firstVarying, substring, 'nullable', 2),
  LEFT: ofTexts([TEXT, SMALL_INTEGER], firstVarying, left, 'nullable'),
  RIGHT: ofTexts([TEXT, SMALL_INTEGER], firstVarying, right, 'nullable'),
  LPAD: ofTexts([TEXT, SMALL_INTEGER, TEXT], STRING, pad(true)),
  RPAD: ofTexts([TEXT, SMALL_INTEGER, TEXT], STRING, pad(false)),
  TRIM,
  LTRIM: trim('LEADING'),
  RTRIM: trim('TRAILING'),
  BTRIM: {
    resolve: bySignature([TEXT, TEXT], STRING, 'strict', 1),
    make:
      () =>
      (text, characters = ' ') =>
        trimmed('BOTH', text as string, characters as string),
  },
  REPEAT: ofTexts([TEXT, SMALL_INTEGER], STRING, (text, count) => (text as string).repeat(Math.max(0, count as number))),
  REVERSE: ofTexts(
    [TEXT],
    STRING,
    (text) =>
      Array.from(text as string)
        .toReversed()
        .join(''),
    'nullable',
  ),
  REPLACE: ofTexts([TEXT, TEXT, TEXT], STRING, (text, from, to) => wellFormed((text as string).replaceAll(from as string, () => to as string))),
  TRANSLATE: translation(withoutBareNull(translationTypes)),
  TRANSLATE3: translation(translationTypes),
  OVERLAY: ofTexts([TEXT, TEXT, INTEGER, INTEGER], overlayType, overlay, 'strict', 3),
  ASCII: ofTexts([TEXT], INT, ascii),
  CHR: ofTexts([INTEGER], STRING, chr, 'nullable'),
  IS_ALPHA: kindTest(
    (text) => /^\p{L}+$/u.test(text) && pointCount(text) === text.length,
    whenNumber(() => false),
  ),
  IS_DIGIT: kindTest((text) => /^\p{Nd}+$/u.test(text) && pointCount(text) === text.length, whenNumber(isIntegerType)),
  IS_DECIMAL: kindTest(
    isDecimalText,
    whenNumber(({ kind }) => kind !== 'DECIMAL'),
  ),
}
