// JSON texts as Jackson reads them for Flink: numbers keep their digits, and keys that stand twice are seen.

/** A text that is no JSON. */
export class JsonError extends Error {
  override readonly name = 'JsonError'
}

/** The deepest nesting, and the most characters of a number, that Jackson reads. */
const DEPTH_MAX = 1000
const DIGITS_MAX = 1000
const MINUS = 0x2d
const DIGIT_0 = 0x30
const DIGIT_9 = 0x39
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const SPACE = /[ \t\n\r]*/y
const PLAIN = /[^"\\\u0000-\u001f]*/y // eslint-disable-line no-control-regex
const WORDS: readonly (readonly [string, null | boolean])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
]
const ESCAPES: Readonly<Record<string, string>> = { '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }

/** What is made of the parts of a JSON text: of the innermost first, of a key before its value. */
export interface JsonMaker<Made, Key> {
  word(word: null | boolean): Made
  /** @param text What {@link NUMBER} admits. */
  number(text: string): Made
  text(text: string): Made
  array(elements: readonly Made[]): Made
  key(name: string): Key
  object(members: readonly (readonly [key: Key, value: Made])[]): Made
}

/** What a maker makes of the value at the start of a text; whatever follows it is not looked at. @throws {JsonError} */
export function makeOfJson<Made, Key>(text: string, maker: JsonMaker<Made, Key>): Made {
  return new JsonReader(text, maker).root()
}

class JsonReader<Made, Key> {
  readonly #text: string
  readonly #maker: JsonMaker<Made, Key>
  #at = 0

  constructor(text: string, maker: JsonMaker<Made, Key>) {
    this.#text = text
    this.#maker = maker
  }

  root(): Made {
    this.#space()
    const first = this.#text.charCodeAt(this.#at)
    const value = this.#value(0)
    // A number, or a word, has an end of its own only where no more of it can follow.
    const next = this.#text[this.#at]
    const isNumber = first === MINUS || (first >= DIGIT_0 && first <= DIGIT_9)
    if (isNumber && next !== undefined && !' \t\n\r'.includes(next)) throw this.#error()
    return value
  }

  #value(depth: number): Made {
    this.#space()
    const first = this.#text[this.#at]
    switch (first) {
      case '{':
        return this.#object(this.#deeper(depth))
      case '[':
        return this.#array(this.#deeper(depth))
      case '"':
        return this.#maker.text(this.#string())
      default:
        return first === '-' || (first >= '0' && first <= '9') ? this.#number() : this.#word()
    }
  }

  #deeper(depth: number): number {
    if (depth === DEPTH_MAX) throw new JsonError(`JSON is nested deeper than ${DEPTH_MAX}`)
    this.#at++
    return depth + 1
  }

  #object(depth: number): Made {
    const found: [Key, Made][] = []
    this.#space()
    if (this.#accept('}')) return this.#maker.object(found)
    do {
      this.#space()
      if (this.#text[this.#at] !== '"') throw this.#error()
      const key = this.#maker.key(this.#string())
      this.#space()
      if (!this.#accept(':')) throw this.#error()
      found.push([key, this.#value(depth)])
      this.#space()
    } while (this.#accept(','))
    if (!this.#accept('}')) throw this.#error()
    return this.#maker.object(found)
  }

  #array(depth: number): Made {
    const found: Made[] = []
    this.#space()
    if (this.#accept(']')) return this.#maker.array(found)
    do {
      found.push(this.#value(depth))
      this.#space()
    } while (this.#accept(','))
    if (!this.#accept(']')) throw this.#error()
    return this.#maker.array(found)
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

  #number(): Made {
    const text = this.#match(NUMBER)
    const next = this.#text[this.#at]
    if (text === '' || (next !== undefined && /[0-9.eE]/.test(next))) throw this.#error()
    if (text.replaceAll(/\D/g, '').length > DIGITS_MAX) throw new JsonError(`A number has more than ${DIGITS_MAX} digits`)
    return this.#maker.number(text)
  }

  #word(): Made {
    const found = WORDS.find(([word]) => this.#text.startsWith(word, this.#at))
    if (found === undefined) throw this.#error()
    this.#at += found[0].length
    if (/^[\p{L}\p{N}_$]/u.test(this.#text.slice(this.#at, this.#at + 2))) throw this.#error()
    return this.#maker.word(found[1])
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
