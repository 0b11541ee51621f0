// JSON texts as Jackson reads and writes them for Flink: numbers keep their digits, keys are written in order, whatever follows a text is not looked at.

import { Decimal } from '../../batch/types.ts'
import { doubleText } from '../../base/double-text.ts'

/**
 * What a JSON text holds. Whole numbers are bigints; others Decimals, whose scale is negative for `1e3`; numbers are what functions of paths compute. Of
 * equal keys the last one's value counts, where the first one stood.
 */
export type Json = null | boolean | string | bigint | number | Decimal | readonly Json[] | ReadonlyMap<string, Json>

/** A text that is no JSON. */
export class JsonError extends Error {
  override readonly name = 'JsonError'
}

/** The deepest nesting, and the most characters of a number, that Jackson reads. */
const DEPTH_MAX = 1000
const DIGITS_MAX = 1000
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const SPACE = /[ \t\n\r]*/y
const PLAIN = /[^"\\\u0000-\u001f]*/y // eslint-disable-line no-control-regex
const WORDS: readonly (readonly [string, Json])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
]
const ESCAPES: Readonly<Record<string, string>> = { '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }

/** The value at the start of a text. @throws {JsonError} */
export function parseJson(text: string): Json {
  return new JsonReader(text).root()
}

class JsonReader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  root(): Json {
    const value = this.#value(0)
    // A number, or a word, has an end of its own only where no more of it can follow.
    const next = this.#text[this.#at]
    if ((typeof value === 'bigint' || value instanceof Decimal) && next !== undefined && !' \t\n\r'.includes(next)) throw this.#error()
    return value
  }

  #value(depth: number): Json {
    this.#space()
    const first = this.#text[this.#at]
    switch (first) {
      case '{':
        return this.#object(this.#deeper(depth))
      case '[':
        return this.#array(this.#deeper(depth))
      case '"':
        return this.#string()
      default:
        return first === '-' || (first >= '0' && first <= '9') ? this.#number() : this.#word()
    }
  }

  #deeper(depth: number): number {
    if (depth === DEPTH_MAX) throw new JsonError(`JSON is nested deeper than ${DEPTH_MAX}`)
    this.#at++
    return depth + 1
  }

  #object(depth: number): Json {
    const found = new Map<string, Json>()
    this.#space()
    if (this.#accept('}')) return found
    do {
      this.#space()
      if (this.#text[this.#at] !== '"') throw this.#error()
      const key = this.#string()
      this.#space()
      if (!this.#accept(':')) throw this.#error()
      found.set(key, this.#value(depth))
      this.#space()
    } while (this.#accept(','))
    if (!this.#accept('}')) throw this.#error()
    return found
  }

  #array(depth: number): Json {
    const found: Json[] = []
    this.#space()
    if (this.#accept(']')) return found
    do {
      found.push(this.#value(depth))
      this.#space()
    } while (this.#accept(','))
    if (!this.#accept(']')) throw this.#error()
    return found
  }

  #string(): string {
    let text = ''
    this.#at++
    for (;;) {
      text += this.#match(PLAIN)
      if (this.#accept('"')) return wholeText(text)
      if (!this.#accept('\\')) throw this.#error()
      text += this.#escape()
    }
  }

  #escape(): string {
    const letter = this.#text[this.#at++]
    if (letter !== 'u') {
      const escaped = ESCAPES[letter]
      if (escaped === undefined) throw this.#error()
      return escaped
    }
    const digits = this.#text.slice(this.#at, this.#at + 4)
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw this.#error()
    this.#at += 4
    return String.fromCharCode(Number.parseInt(digits, 16))
  }

  #number(): Json {
    const text = this.#match(NUMBER)
    const next = this.#text[this.#at]
    if (text === '' || (next !== undefined && /[0-9.eE]/.test(next))) throw this.#error()
    if (text.replaceAll(/\D/g, '').length > DIGITS_MAX) throw new JsonError(`A number has more than ${DIGITS_MAX} digits`)
    return /[.eE]/.test(text) ? decimalOf(text) : BigInt(text)
  }

  #word(): Json {
    const found = WORDS.find(([word]) => this.#text.startsWith(word, this.#at))
    if (found === undefined) throw this.#error()
    this.#at += found[0].length
    if (/^[\p{L}\p{N}_$]/u.test(this.#text.slice(this.#at, this.#at + 2))) throw this.#error()
    return found[1]
  }

  #space(): void {
    this.#match(SPACE)
  }

  #accept(character: string): boolean {
    if (this.#text[this.#at] !== character) return false
    this.#at++
    return true
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    const text = pattern.exec(this.#text)?.[0] ?? ''
    this.#at += text.length
    return text
  }

  #error(): JsonError {
    const found = this.#at < this.#text.length ? JSON.stringify(this.#text.slice(this.#at, this.#at + 20)) : 'the end'
    return new JsonError(`Cannot read JSON: unexpected ${found} at character ${this.#at + 1}`)
  }
}

/** Halves of pairs are no characters. */
export function wholeText(text: string): string {
  return text.replaceAll(/\p{Surrogate}/gu, '?')
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
export function writeJson(value: Json): string {
  if (typeof value === 'string') return quoteJson(value)
  if (value instanceof Map) {
    const entries = [...(value as ReadonlyMap<string, Json>)].toSorted(([left], [right]) => (left < right ? -1 : 1))
    return `{${entries.map(([key, of]) => `${quoteJson(key)}:${writeJson(of)}`).join(',')}}`
  }
  if (Array.isArray(value)) return `[${(value as readonly Json[]).map(writeJson).join(',')}]`
  return scalarText(value as null | boolean | bigint | number | Decimal)
}

/** Unlike JSON.stringify: control characters in upper case, halves of pairs as they are. */
export function quoteJson(text: string): string {
  // eslint-disable-next-line no-control-regex
  return `"${text.replaceAll(/["\\\u0000-\u001f]/g, (character) => {
    const letter = Object.entries(ESCAPES).find(([, escaped]) => escaped === character)?.[0]
    return `\\${letter ?? `u${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`}`
  })}"`
}
