// JSON paths as Jayway's JsonPath takes them for Flink, oddities included: `$.a['b'][0,1][1:3][*]..c[?(@.d > 1)].length()`.

import type { Decimal } from '../../batch/types.ts'
import { type Filter, parseFilter } from './json-filter.ts'
import { type Json, parseJson, scalarText } from './json-text.ts'

/** A path that is none, or leads nowhere. */
export class JsonPathError extends Error {
  override readonly name = 'JsonPathError'
}

type JsonMap = ReadonlyMap<string, Json>

type Step =
  | { readonly kind: 'properties'; readonly names: readonly string[] }
  | { readonly kind: 'indexes'; readonly indexes: readonly number[] }
  | { readonly kind: 'slice'; readonly from: number | undefined; readonly to: number | undefined }
  | { readonly kind: 'wildcard' }
  | { readonly kind: 'filter'; readonly filter: Filter }
  | { readonly kind: 'scan' }
  | { readonly kind: 'function'; readonly name: string; readonly parameters: readonly (JsonPath | { readonly value: Json })[] }

/** A path that is read. */
export class JsonPath {
  readonly #steps: readonly Step[]
  /** Whether each step, and all before it, lead to one value at most. */
  readonly #isDefinite: readonly boolean[]
  /** Whether it starts at what a filter looks at, rather than at the whole. */
  readonly isRelative: boolean

  constructor(steps: readonly Step[], isRelative: boolean) {
    this.#steps = steps
    this.isRelative = isRelative
    let isDefinite = true
    this.#isDefinite = steps.map((step, index) => (isDefinite &&= isStepDefinite(step, index === steps.length - 1)))
  }

  /**
   * The value that a definite path leads to; of others an array of all.
   *
   * @param lax Whether a path that leads nowhere is not worth an error.
   * @returns Undefined: there is none, and lax. @throws {JsonPathError}
   */
  read(document: Json, root: Json = document, lax = false): Json | undefined {
    const results: Json[] = []
    this.#walk(0, document, { root, lax, results })
    if (!(this.#isDefinite.at(-1) ?? true)) return results
    if (results.length === 0 && !lax) throw new JsonPathError('The JSON path leads nowhere')
    return results.at(-1)
  }

  #walk(at: number, model: Json, walk: Walk): void {
    if (at === this.#steps.length) {
      walk.results.push(model)
      return
    }
    const step = this.#steps[at]
    const upstream = at === 0 || this.#isDefinite[at - 1]
    const isRequired = upstream && !walk.lax
    const next = (value: Json): void => this.#walk(at + 1, value, walk)
    switch (step.kind) {
      case 'properties':
        return this.#properties(step.names, at, model, walk)
      case 'indexes':
      case 'slice':
        if (!Array.isArray(model)) {
          if (isRequired) throw new JsonPathError('The JSON path looks for an element of what is no array')
          return
        }
        for (const index of step.kind === 'indexes' ? step.indexes : rangeOf(step, model.length)) elementAt(model, index, next)
        return
      case 'wildcard':
        for (const value of childrenOf(model)) ignoring(() => next(value))
        return
      case 'filter':
        if (model instanceof Map) {
          if (step.filter(model, walk.root)) next(model)
        } else if (Array.isArray(model)) {
          for (const element of model as readonly Json[]) if (step.filter(element, walk.root)) next(element)
        } else if (upstream) throw new JsonPathError('The JSON path filters what is neither an array nor an object')
        return
      case 'scan':
        return this.#scan(at + 1, model, walk)
      case 'function':
        return next(callFunction(step.name, step.parameters, model, walk.root))
    }
  }

  #properties(names: readonly string[], at: number, model: Json, walk: Walk): void {
    const upstream = at === 0 || this.#isDefinite[at - 1]
    if (!(model instanceof Map)) {
      if (upstream && !walk.lax) throw new JsonPathError(`The JSON path looks for "${names[0]}" in what is no object`)
      return
    }
    const object = model as JsonMap
    const isLast = at === this.#steps.length - 1
    if (names.length > 1 && isLast) {
      walk.results.push(new Map(names.flatMap((name) => (object.has(name) ? [[name, object.get(name)!] as const] : []))))
      return
    }
    for (const name of names) {
      const value = object.get(name)
      if (value !== undefined) this.#walk(at + 1, value, walk)
      else if (!isLast && upstream && names.length === 1 && !walk.lax) throw new JsonPathError(`There is no "${name}" on the JSON path`)
    }
  }

  /** Takes a step from every value below, outer ones first. */
  #scan(at: number, model: Json, walk: Walk): void {
    if (isContainer(model) && mayStep(this.#steps[at], model, walk)) this.#walk(at, model, walk)
    for (const value of childrenOf(model)) this.#scan(at, value, walk)
  }
}

interface Walk {
  readonly root: Json
  readonly lax: boolean
  readonly results: Json[]
}

function isStepDefinite(step: Step, isLast: boolean): boolean {
  switch (step.kind) {
    case 'properties':
      return step.names.length === 1 || isLast
    case 'indexes':
      return step.indexes.length === 1
    case 'function':
      return true
    default:
      return false
  }
}

function mayStep(step: Step, model: Json, walk: Walk): boolean {
  switch (step.kind) {
    case 'properties':
      return model instanceof Map && (step.names.length > 1 || model.has(step.names[0]))
    case 'indexes':
    case 'slice':
      return Array.isArray(model)
    case 'wildcard':
      return true
    case 'filter':
      return step.filter(model, walk.root)
    default:
      return false
  }
}

function childrenOf(model: Json): Iterable<Json> {
  if (Array.isArray(model)) return model as readonly Json[]
  return model instanceof Map ? (model as JsonMap).values() : []
}

function ignoring(code: () => void): void {
  try {
    code()
  } catch (error) {
    if (!(error instanceof JsonPathError)) throw error
  }
}

function elementAt(array: readonly Json[], index: number, next: (value: Json) => void): void {
  const element = array.at(index)
  if (element !== undefined && index < array.length) next(element)
}

/** What is written in front of zero counts from the end only where one side is open. */
function rangeOf({ from, to }: { readonly from: number | undefined; readonly to: number | undefined }, length: number): readonly number[] {
  const first = to === undefined && from! < 0 ? Math.max(0, length + from!) : (from ?? 0)
  const end = from === undefined && to! < 0 ? length + to! : Math.min(length, to ?? length)
  return Array.from({ length: Math.max(0, end - first) }, (_, index) => first + index)
}

// ---- functions ----

function callFunction(name: string, parameters: readonly (JsonPath | { readonly value: Json })[], model: Json, root: Json): Json {
  const given = parameters.map((parameter) => (parameter instanceof JsonPath ? (parameter.read(root) ?? null) : parameter.value))
  switch (name) {
    case 'length':
    case 'size':
      return lengthOf(given.length > 0 ? given[0] : model)
    case 'keys':
      return model instanceof Map ? [...(model as JsonMap).keys()] : null
    case 'append':
      return Array.isArray(model) ? [...(model as readonly Json[]), ...given] : model
    case 'concat':
      return textsOf(model, given).join('')
    case 'first':
      return sequenceElement(model, 0)
    case 'last':
      return sequenceElement(model, -1)
    case 'index':
      return sequenceElement(model, Number(given[0]))
    default:
      return aggregate(name, [...numbersOf(model), ...given.flatMap((value) => (Array.isArray(value) ? numbersOf(value) : numbersOf([value])))])
  }
}

function lengthOf(model: Json): Json {
  return Array.isArray(model) ? BigInt(model.length) : model instanceof Map ? BigInt(model.size) : null
}

function sequenceElement(model: Json, index: number): Json {
  const element = Array.isArray(model) ? (model as readonly Json[]).at(index) : undefined
  if (element === undefined || index >= (model as readonly Json[]).length) throw new JsonPathError('There is no such element')
  return element
}

function textsOf(model: Json, given: readonly Json[]): readonly string[] {
  const own = Array.isArray(model) ? (model as readonly Json[]).filter((element) => typeof element === 'string') : []
  const others = given
    .flatMap((value) => (Array.isArray(value) ? (value as readonly Json[]) : [value]))
    .filter((value) => value !== null && !isContainer(value))
  return [...own, ...others.map((value) => scalarText(value as string | bigint | number | boolean | Decimal))]
}

function isContainer(value: Json): boolean {
  return Array.isArray(value) || value instanceof Map
}

function numbersOf(model: Json): readonly number[] {
  if (!Array.isArray(model)) return []
  const numbers = (model as readonly Json[]).filter((value) => value !== null && typeof value !== 'string' && typeof value !== 'boolean' && !isContainer(value))
  return numbers.map((value) => Number(scalarText(value as number | bigint | Decimal)))
}

function aggregate(name: string, numbers: readonly number[]): number {
  if (numbers.length === 0) throw new JsonPathError(`There are no numbers for ${name}()`)
  const sum = numbers.reduce((left, right) => left + right, 0)
  switch (name) {
    case 'min':
      return Math.min(...numbers)
    case 'max':
      return Math.max(...numbers)
    case 'sum':
      return sum
    case 'avg':
      return sum / numbers.length
    default: {
      const squares = numbers.reduce((left, right) => left + right * right, 0)
      return Math.sqrt(squares / numbers.length - (sum * sum) / numbers.length / numbers.length)
    }
  }
}

// ---- reading paths ----

const LENGTHS = new Set(['length', 'size'])
const FUNCTIONS = new Set([...LENGTHS, 'keys', 'append', 'concat', 'first', 'last', 'index', 'min', 'max', 'sum', 'avg', 'stddev'])

/** Reads a path. @throws {JsonPathError} */
export function parseJsonPath(text: string): JsonPath {
  const path = (text.startsWith('$') || text.startsWith('@') ? text : `$.${text}`).trim()
  if (path.endsWith('.')) throw new JsonPathError('A JSON path does not end with a point')
  return new PathReader(path).path()
}

class PathReader {
  readonly #text: string
  readonly #steps: Step[] = []
  #at = 1

  constructor(text: string) {
    this.#text = text
  }

  path(): JsonPath {
    if (this.#text.length > 1 && this.#text[1] !== '.' && this.#text[1] !== '[') throw this.#error()
    // One character more than the last step is not looked at.
    while (this.#at < this.#text.length && (this.#at < this.#text.length - 1 || this.#steps.length === 0 || this.#text[this.#at] === '*')) this.#step()
    const steps = this.#steps
    const isRelative = this.#text.startsWith('@')
    const last = steps.at(-1)
    if (last?.kind === 'scan') throw this.#error()
    // What is found below is the parameter of the function: its elements, where they are counted.
    const found: readonly Step[] = [...steps.slice(0, -1), ...(last?.kind === 'function' && LENGTHS.has(last.name) ? [{ kind: 'wildcard' } as const] : [])]
    if (last?.kind === 'function' && steps[0].kind === 'scan') return new JsonPath([{ ...last, parameters: [new JsonPath(found, isRelative)] }], isRelative)
    return new JsonPath(steps, isRelative)
  }

  #step(): void {
    switch (this.#text[this.#at]) {
      case '.':
        this.#at++
        if (this.#text[this.#at] === '.') {
          this.#at++
          this.#steps.push({ kind: 'scan' })
        }
        if (this.#text[this.#at] === '.') throw this.#error()
        return this.#step()
      case '[':
        this.#bracket()
        return
      case '*':
        this.#at++
        this.#steps.push({ kind: 'wildcard' })
        return
      default:
        this.#word()
    }
  }

  /** A property, or a function. */
  #word(): void {
    const word = /[^ .[(]*/y
    word.lastIndex = this.#at
    const name = word.exec(this.#text)![0]
    const end = this.#at + name.length
    if (name === '' || this.#text[end] === ' ') throw this.#error()
    this.#at = end
    if (this.#text[end] !== '(') {
      this.#steps.push({ kind: 'properties', names: [name] })
      return
    }
    const close = closingOf(this.#text, end)
    if (close < 0 || !FUNCTIONS.has(name)) throw this.#error()
    this.#steps.push({ kind: 'function', name, parameters: parametersOf(this.#text.slice(end + 1, close)) })
    this.#at = close + 1
    if (this.#at < this.#text.length) throw this.#error()
  }

  #bracket(): void {
    const rest = this.#text.slice(this.#at)
    const names = /^\[\s*(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")(?:\s*,\s*(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"))*\s*\]/s.exec(rest)
    if (names !== null) {
      const quoted = names[0].match(/'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"/gs)!
      return this.#take(names[0], { kind: 'properties', names: quoted.map((name) => unescape(name.slice(1, -1))) })
    }
    const wildcard = /^\[\s*\*\s*\]/.exec(rest)
    if (wildcard !== null) return this.#take(wildcard[0], { kind: 'wildcard' })
    const indexes = /^\[([-0-9:, ]+)\]/.exec(rest)
    if (indexes !== null) return this.#take(indexes[0], indexes[1].includes(':') ? this.#slice(indexes[1].trim()) : this.#indexes(indexes[1].trim()))
    const filter = /^\[\s*\?\s*\(/.exec(rest)
    if (filter === null) throw this.#error()
    const close = closingOf(rest, filter[0].length - 1)
    const end = close < 0 ? null : /^\s*\]/.exec(rest.slice(close + 1))
    if (end === null) throw this.#error()
    const whole = rest.slice(0, close + 1 + end[0].length)
    this.#take(whole, { kind: 'filter', filter: parseFilter(rest.slice(filter[0].length, close), parseJsonPath, JsonPathError) })
  }

  #take(text: string, step: Step): void {
    this.#steps.push(step)
    this.#at += text.length
  }

  #slice(text: string): Step {
    const [from, to] = text.split(':')
    if (!/^[-0-9:]*$/.test(text) || (from === '' && to === '')) throw this.#error()
    return { kind: 'slice', from: from === '' ? undefined : this.#integer(from), to: to === '' ? undefined : this.#integer(to) }
  }

  #indexes(text: string): Step {
    return {
      kind: 'indexes',
      indexes: text
        .replace(/(?:\s*,)+$/, '')
        .split(/\s*,\s*/)
        .map((index) => this.#integer(index)),
    }
  }

  #integer(text: string): number {
    if (!/^-?\d+$/.test(text)) throw this.#error()
    return Number(text)
  }

  #error(): JsonPathError {
    return new JsonPathError(`Cannot read the JSON path ${JSON.stringify(this.#text)} at character ${this.#at + 1}`)
  }
}

/** Where a parenthesis that opens is closed; what is quoted, or a pattern, is not looked into. -1: nowhere. */
function closingOf(text: string, open: number): number {
  let depth = 0
  for (let at = open; at < text.length; at++) {
    const character = text[at]
    if (character === '(') depth++
    else if (character === ')' && --depth === 0) return at
    else if (character === '"' || character === "'" || character === '/') {
      at = quotedEnd(text, at)
      if (at < 0) return -1
    }
  }
  return -1
}

/** Where a quoted text, or a pattern, ends. -1: nowhere. */
function quotedEnd(text: string, open: number): number {
  for (let at = open + 1; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === text[open]) return at
  }
  return -1
}

function parametersOf(text: string): readonly (JsonPath | { readonly value: Json })[] {
  if (text.trim() === '') return []
  const parts: string[] = ['']
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if (character === '"') {
      const end = quotedEnd(text, at)
      parts[parts.length - 1] += text.slice(at, end < 0 ? undefined : end + 1)
      at = end < 0 ? text.length : end
      continue
    }
    if ('([{'.includes(character)) depth++
    else if (')]}'.includes(character)) depth--
    if (character === ',' && depth === 0) parts.push('')
    else parts[parts.length - 1] += character
  }
  return parts.map((part) => part.trim()).map((part) => (/^[$@]/.test(part) ? parseJsonPath(part) : { value: parseJson(part) }))
}

/** Characters behind a backslash stand for themselves, but for those that are no letters. */
export function unescape(text: string): string {
  return text.replaceAll(/\\(?:u([0-9a-fA-F]{4})|(.))/gs, (_, code: string | undefined, letter: string | undefined) => {
    if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16))
    return { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }[letter!] ?? letter!
  })
}
