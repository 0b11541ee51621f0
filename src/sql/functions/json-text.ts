// JSON texts as Jackson reads and writes them for Flink: numbers keep their digits, keys are written in order, whatever follows a text is not looked at.

import { Decimal } from '../../batch/types.ts'
import { doubleText } from '../../base/double-text.ts'
import { quoteJson } from '../../base/json-quote.ts'
import { type JsonMaker, makeOfJson } from '../../base/json-reader.ts'

/**
 * What a JSON text holds. Whole numbers are bigints; others Decimals, whose scale is negative for `1e3`; numbers are what functions of paths compute. Of
 * equal keys the last one's value counts, where the first one stood.
 */
export type Json = null | boolean | string | bigint | number | Decimal | readonly Json[] | ReadonlyMap<string, Json>

/** JSON that was written before, and stands in a text as it is. */
export class WrittenJson {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** What can be written. */
export type JsonToWrite = Json | WrittenJson | readonly JsonToWrite[] | ReadonlyMap<string, JsonToWrite>

const JSON_VALUES: JsonMaker<Json, string> = {
  word: (word) => word,
  number: (text) => (/[.eE]/.test(text) ? decimalOf(text) : BigInt(text)),
  text: (text) => text,
  array: (elements) => elements,
  key: (name) => name,
  object: (members) => new Map(members),
}

/** The value at the start of a text. @throws {JsonError} */
export function parseJson(text: string): Json {
  return makeOfJson(text, JSON_VALUES)
}

function decimalOf(text: string): Decimal {
  const [mantissa, power] = text.split(/[eE]/) as [string, string?]
  const { unscaled, scale } = Decimal.parse(mantissa)
  return new Decimal(unscaled, scale - Number(power ?? 0))
}

/** The exact decimal number that Java's BigDecimal makes of a double: the digits that Double.toString shows. */
export function decimalOfText(value: number): Decimal {
  return decimalOf(doubleText(value, Number))
}

/** As Java's BigDecimal prints itself: `1.50`, `1E+3`, `0E-7`. */
export function numberText({ unscaled, scale }: Decimal): string {
  const sign = unscaled < 0n ? '-' : ''
  const digits = `${unscaled < 0n ? -unscaled : unscaled}`
  const power = digits.length - 1 - scale
  if (scale >= 0 && power >= -6) return new Decimal(unscaled, scale).toString()
  const mantissa = digits.length > 1 ? `${digits[0]}.${digits.slice(1)}` : digits
  return `${sign}${mantissa}${power === 0 ? '' : `E${power > 0 ? '+' : ''}${power}`}`
}

/** A value that is neither an array nor an object, as text: strings without quotes. */
export function scalarText(value: null | boolean | string | bigint | number | Decimal): string {
  return value instanceof Decimal ? numberText(value) : typeof value === 'number' ? doubleText(value, Number) : String(value)
}

/** The text of a value, its keys in order. */
export function writeJson(value: JsonToWrite): string {
  if (typeof value === 'string') return quoteJson(value)
  if (value instanceof WrittenJson) return value.text
  if (value instanceof Map) {
    const entries = [...(value as ReadonlyMap<string, JsonToWrite>)].toSorted(([left], [right]) => (left < right ? -1 : 1))
    return `{${entries.map(([key, of]) => `${quoteJson(key)}:${writeJson(of)}`).join(',')}}`
  }
  if (Array.isArray(value)) return `[${(value as readonly JsonToWrite[]).map(writeJson).join(',')}]`
  return scalarText(value as null | boolean | bigint | number | Decimal)
}
