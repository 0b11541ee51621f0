// Filters of JSON paths: `@.a > 1 && (@.b == 'x' || !(@.c in [1, 2]))`.

import { Decimal } from '../../batch/types.ts'
import { type Json, numberText, parseJson, writeJson } from './json-text.ts'

/** Whether a value of a document passes. */
export type Filter = (item: Json, root: Json) => boolean

/** What a filter needs of paths. */
interface Path {
  readonly isRelative: boolean
  read(document: Json, root?: Json): Json | undefined
}

/** Undefined: nothing is there. */
type Operand = Json | undefined | RegExp
type Evaluate = (item: Json, root: Json) => Operand
type Failure = new (message: string) => Error
/** Numbers are compared exactly. */
type Exact = bigint | Decimal

const OPERATORS = /\s*(===|!==|==|!=|<=|>=|=~|<|>|[a-zA-Z]+)\s*/y
const PATH_END = new Set([' ', '\t', '\n', ')', '=', '!', '<', '>', '&', '|', ','])

/**
 * Reads a filter.
 *
 * @param parsePath Reads a path inside of it.
 * @param failure What a filter that is none throws, and paths that lead nowhere.
 */
export function parseFilter(text: string, parsePath: (text: string) => Path, failure: Failure): Filter {
  return new FilterReader(text, parsePath, failure).filter()
}

class FilterReader {
  readonly #text: string
  readonly #parsePath: (text: string) => Path
  readonly #failure: Failure
  #at = 0

  constructor(text: string, parsePath: (text: string) => Path, failure: Failure) {
    this.#text = text
    this.#parsePath = parsePath
    this.#failure = failure
  }

  filter(): Filter {
    const filter = this.#or()
    this.#space()
    if (this.#at < this.#text.length) throw this.#error()
    return filter
  }

  #or(): Filter {
    const parts = [this.#and()]
    while (this.#accept('||')) parts.push(this.#and())
    return parts.length === 1 ? parts[0] : (item, root) => parts.some((part) => part(item, root))
  }

  #and(): Filter {
    const parts = [this.#part()]
    while (this.#accept('&&')) parts.push(this.#part())
    return parts.length === 1 ? parts[0] : (item, root) => parts.every((part) => part(item, root))
  }

  #part(): Filter {
    if (this.#accept('!')) {
      const part = this.#part()
      return (item, root) => !part(item, root)
    }
    if (this.#accept('(')) {
      const inner = this.#or()
      if (!this.#accept(')')) throw this.#error()
      return inner
    }
    return this.#comparison()
  }

  #comparison(): Filter {
    this.#space()
    const isPath = this.#text[this.#at] === '@' || this.#text[this.#at] === '$'
    const left = this.#operand()
    OPERATORS.lastIndex = this.#at
    const operator = OPERATORS.exec(this.#text)
    if (operator === null) {
      if (!isPath) throw this.#error()
      return (item, root) => left(item, root) !== undefined
    }
    this.#at = OPERATORS.lastIndex
    const holds = COMPARISONS[operator[1].toLowerCase()]
    if (holds === undefined) throw this.#error()
    const right = this.#operand()
    return (item, root) => holds(left(item, root), right(item, root))
  }

  #operand(): Evaluate {
    this.#space()
    const first = this.#text[this.#at]
    switch (first) {
      case '@':
      case '$':
        return this.#path()
      case "'":
      case '"': {
        const text = this.#match(first === '"' ? /"((?:[^"\\]|\\.)*)"/sy : /'((?:[^'\\]|\\.)*)'/sy)[1].replaceAll(/\\(.)/gs, '$1')
        return () => text
      }
      case '/': {
        const [, source, flags] = this.#match(/\/((?:[^/\\]|\\.)*)\/([a-zA-Z]*)/y)
        const pattern = new RegExp(`^(?:${source})$`, flags.replaceAll(/[^ims]/g, ''))
        return () => pattern
      }
      default: {
        const [word] = this.#match(/true|false|null|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\[[^\]]*\]|\{[^}]*\}/y)
        const value = parseJson(word.replaceAll("'", '"'))
        return () => value
      }
    }
  }

  #path(): Evaluate {
    const start = this.#at
    let depth = 0
    let quote = ''
    for (; this.#at < this.#text.length; this.#at++) {
      const character = this.#text[this.#at]
      if (quote !== '') {
        if (character === '\\') this.#at++
        else if (character === quote) quote = ''
      } else if (depth > 0 && (character === "'" || character === '"')) quote = character
      else if (character === '[' || character === '(') depth++
      else if (depth > 0 && (character === ']' || character === ')')) depth--
      else if (depth === 0 && PATH_END.has(character)) break
    }
    const path = this.#parsePath(this.#text.slice(start, this.#at))
    return (item, root) => {
      try {
        return path.read(path.isRelative ? item : root, root)
      } catch (error) {
        if (error instanceof this.#failure) return undefined
        throw error
      }
    }
  }

  #space(): void {
    while (this.#text[this.#at] === ' ' || this.#text[this.#at] === '\t' || this.#text[this.#at] === '\n') this.#at++
  }

  #accept(symbol: string): boolean {
    this.#space()
    if (!this.#text.startsWith(symbol, this.#at)) return false
    this.#at += symbol.length
    return true
  }

  #match(pattern: RegExp): RegExpExecArray {
    pattern.lastIndex = this.#at
    const match = pattern.exec(this.#text)
    if (match === null) throw this.#error()
    this.#at += match[0].length
    return match
  }

  #error(): Error {
    return new this.#failure(`Cannot read the filter ${JSON.stringify(this.#text)} of a JSON path at character ${this.#at + 1}`)
  }
}

// ---- comparisons ----

type Comparison = (left: Operand, right: Operand) => boolean

const COMPARISONS: Readonly<Record<string, Comparison>> = {
  '==': isEqual,
  '!=': (left, right) => !isEqual(left, right),
  '===': (left, right) => kindOf(left) === kindOf(right) && isEqual(left, right),
  '!==': (left, right) => kindOf(left) !== kindOf(right) || !isEqual(left, right),
  '<': ordered((order) => order < 0),
  '<=': ordered((order) => order <= 0),
  '>': ordered((order) => order > 0),
  '>=': ordered((order) => order >= 0),
  '=~': (left, right) => (right instanceof RegExp ? matches(right, left) : left instanceof RegExp && matches(left, right)),
  in: isIn,
  nin: (left, right) => !isIn(left, right),
  contains: (left, right) => (typeof left === 'string' ? typeof right === 'string' && left.includes(right) : isIn(right, left)),
  size: (left, right) => exactOf(right) !== undefined && lengthOf(left) === Number(right),
  empty: (left, right) => lengthOf(left) !== undefined && (lengthOf(left) === 0) === right,
  all: (left, right) => listOf(right).every((one) => isIn(one, left)),
  subsetof: (left, right) => listOf(left).every((one) => isIn(one, right)),
  anyof: (left, right) => listOf(left).some((one) => isIn(one, right)),
  noneof: (left, right) => !listOf(left).some((one) => isIn(one, right)),
}

function kindOf(value: Operand): string {
  return exactOf(value) !== undefined ? 'number' : value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value
}

/** A number, and a text that says it, are equal. */
function isEqual(left: Operand, right: Operand): boolean {
  if (left === undefined || right === undefined) return false
  const [one, other] = [exactOf(left), exactOf(right)]
  if (one !== undefined) {
    const number = other ?? (typeof right === 'string' ? numberOf(right) : undefined)
    return number !== undefined && compareExact(one, number) === 0
  }
  if (other !== undefined) return typeof left === 'string' && left === textOf(other)
  if (typeof left === 'object' && typeof right === 'object' && left !== null && right !== null && !(left instanceof RegExp) && !(right instanceof RegExp))
    return writeJson(left) === writeJson(right)
  return left === right
}

function ordered(holds: (order: number) => boolean): Comparison {
  return (left, right) => {
    const [one, other] = [exactOf(left), exactOf(right)]
    if (one !== undefined && other !== undefined) return holds(compareExact(one, other))
    return typeof left === 'string' && typeof right === 'string' && holds(left < right ? -1 : left > right ? 1 : 0)
  }
}

function matches(pattern: RegExp, value: Operand): boolean {
  if (Array.isArray(value)) return (value as readonly Json[]).some((one) => matches(pattern, one))
  const exact = exactOf(value)
  return pattern.test(exact !== undefined ? textOf(exact) : typeof value === 'string' || typeof value === 'boolean' ? String(value) : '')
}

function listOf(value: Operand): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : []
}

function isIn(value: Operand, list: Operand): boolean {
  return listOf(list).some((one) => isEqual(value, one))
}

function lengthOf(value: Operand): number | undefined {
  if (typeof value === 'string') return value.length
  return Array.isArray(value) ? value.length : value instanceof Map ? value.size : undefined
}

// ---- numbers ----

function exactOf(value: Operand): Exact | undefined {
  if (typeof value === 'bigint' || value instanceof Decimal) return value
  return typeof value === 'number' ? numberOf(String(value)) : undefined
}

function numberOf(text: string): Exact | undefined {
  if (!/^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text)) return undefined
  return parseJson(text) as Exact
}

function textOf(value: Exact): string {
  return typeof value === 'bigint' ? `${value}` : numberText(value)
}

function compareExact(left: Exact, right: Exact): number {
  const [one, other] = [decimalOf(left), decimalOf(right)]
  const order = signOf(one) - signOf(other)
  if (order !== 0 || one.unscaled === 0n) return order
  // Numbers of another magnitude are not written out: their exponents may be huge.
  const magnitude = powerOf(one) - powerOf(other)
  if (magnitude !== 0) return magnitude * signOf(one)
  return one.compare(other)
}

function decimalOf(value: Exact): Decimal {
  return typeof value === 'bigint' ? new Decimal(value, 0) : value
}

function signOf({ unscaled }: Decimal): number {
  return unscaled === 0n ? 0 : unscaled < 0n ? -1 : 1
}

/** The exponent of the first digit. */
function powerOf({ unscaled, scale }: Decimal): number {
  return `${unscaled < 0n ? -unscaled : unscaled}`.length - scale
}
