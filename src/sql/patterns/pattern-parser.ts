// Reads regular expressions as Java writes them.

import {
  and,
  type CaseRule,
  characterTest,
  type CharacterTest,
  foldedRange,
  isLineEnd,
  letterClass,
  not,
  propertyClass,
  tabled,
  unionOf,
} from './character-classes.ts'
import { type Boundary, type PatternNode, PatternSyntaxError, type PatternTree, PatternUnsupportedError } from './pattern-tree.ts'

/** What `(?imsxdu)` has set. */
interface Flags {
  readonly i: boolean
  readonly d: boolean
  readonly m: boolean
  readonly s: boolean
  readonly u: boolean
  readonly x: boolean
  readonly U: boolean
}

const EMPTY: PatternNode = { kind: 'empty' }
const NO_FLAGS: Flags = { i: false, d: false, m: false, s: false, u: false, x: false, U: false }
const CONTROLS: ReadonlyMap<string, number> = new Map([
  ['t', 9],
  ['n', 10],
  ['r', 13],
  ['f', 12],
  ['a', 7],
  ['e', 27],
])
const BOUNDARIES: ReadonlyMap<string, Boundary> = new Map([
  ['A', 'start of text'],
  ['z', 'end of text'],
  ['b', 'word boundary'],
  ['B', 'no word boundary'],
  ['G', 'end of the last match'],
])
/** Repetitions are written out, so that there is an end to what a pattern may ask for. */
const REPETITION_MOST = 10_000
const SPACES = ' \t\n\v\f\r'

/** @throws {PatternSyntaxError} and {PatternUnsupportedError} */
export function parsePattern(text: string): PatternTree {
  return new PatternParser(text).parse()
}

class PatternParser {
  readonly #points: readonly string[]
  #at = 0
  #flags: Flags = NO_FLAGS
  #groupCount = 0
  readonly #names = new Set<string>()

  constructor(text: string) {
    this.#points = Array.from(text)
  }

  parse(): PatternTree {
    const root = this.#choice()
    if (this.#at < this.#points.length) throw new PatternSyntaxError("Unmatched closing ')'")
    return { root, groupCount: this.#groupCount }
  }

  /** The next character that counts; '' at the end. */
  #peek(): string {
    if (this.#flags.x) this.#skipComments()
    return this.#points[this.#at] ?? ''
  }

  #skipComments(): void {
    for (;;) {
      const point = this.#points[this.#at]
      if (point === undefined) return
      if (point === '#') while (this.#at < this.#points.length && !isLineEnd(this.#points[this.#at].codePointAt(0)!)) this.#at++
      else if (SPACES.includes(point)) this.#at++
      else return
    }
  }

  #accept(text: string): boolean {
    if (this.#peek() === '' || !text.split('').every((point, index) => this.#points[this.#at + index] === point)) return false
    this.#at += text.length
    return true
  }

  #rule(): CaseRule {
    return this.#flags.i ? (this.#flags.u ? 'unicode' : 'ascii') : 'exact'
  }

  // ---- what stands outside of classes ----

  #choice(): PatternNode {
    const of = [this.#sequence()]
    while (this.#accept('|')) of.push(this.#sequence())
    return of.length === 1 ? of[0] : { kind: 'choice', of }
  }

  #sequence(): PatternNode {
    const parts: PatternNode[] = []
    for (let point = this.#peek(); point !== '' && point !== '|' && point !== ')'; point = this.#peek()) {
      if ('*+?'.includes(point)) throw new PatternSyntaxError(`Dangling meta character '${point}'`)
      if (this.#accept('\\Q')) parts.push(...this.#quoted())
      else parts.push(this.#repeated(point === '{' ? EMPTY : this.#atom()))
    }
    return parts.length === 0 ? EMPTY : parts.length === 1 ? parts[0] : { kind: 'sequence', parts }
  }

  /** What stands before `\E`; the last character of it may be repeated. */
  #quoted(): readonly PatternNode[] {
    const parts: PatternNode[] = []
    while (this.#at < this.#points.length) {
      if (this.#points[this.#at] === '\\' && this.#points[this.#at + 1] === 'E') {
        this.#at += 2
        break
      }
      parts.push(this.#character(this.#points[this.#at++].codePointAt(0)!))
    }
    const last = parts.pop()
    return last === undefined ? [] : [...parts, this.#repeated(last)]
  }

  #repeated(of: PatternNode): PatternNode {
    const [least, most] = this.#bounds() ?? [undefined, 0]
    if (least === undefined) return of
    const mode = this.#accept('?') ? 'lazy' : this.#accept('+') ? 'possessive' : 'greedy'
    const repeated: PatternNode = { kind: 'repeat', of, least, most, mode }
    const next = this.#peek()
    if (next !== '' && '*+?'.includes(next)) throw new PatternSyntaxError(`Dangling meta character '${next}'`)
    return next === '{' ? this.#repeated(repeated) : repeated
  }

  #bounds(): readonly [least: number, most: number] | undefined {
    if (this.#accept('*')) return [0, Infinity]
    if (this.#accept('+')) return [1, Infinity]
    if (this.#accept('?')) return [0, 1]
    if (!this.#accept('{')) return undefined
    const least = this.#number()
    if (least === undefined) throw new PatternSyntaxError('Illegal repetition')
    const most = this.#accept(',') ? (this.#number() ?? Infinity) : least
    if (!this.#accept('}')) throw new PatternSyntaxError('Unclosed counted closure')
    if (most < least) throw new PatternSyntaxError('Illegal repetition range')
    if (least > REPETITION_MOST || (most > REPETITION_MOST && most < Infinity))
      throw new PatternUnsupportedError(`A repetition of more than ${REPETITION_MOST} is not supported in patterns`)
    return [least, most]
  }

  #number(): number | undefined {
    let digits = ''
    while (/^[0-9]$/.test(this.#peek())) digits += this.#points[this.#at++]
    return digits === '' ? undefined : Number(digits)
  }

  #atom(): PatternNode {
    const point = this.#peek()
    switch (point) {
      case '(':
        return this.#group()
      case '[':
        this.#at++
        return this.#classNode(this.#class(true))
      case '.':
        this.#at++
        return this.#any()
      case '^':
        this.#at++
        return boundary(this.#flags.m ? (this.#flags.d ? 'start of line, which a line feed ends' : 'start of line') : 'start of text')
      case '$':
        this.#at++
        return boundary(this.#end())
      case '\\':
        this.#at++
        return this.#escaped()
      default:
        this.#at++
        return this.#character(point.codePointAt(0)!)
    }
  }

  #end(): Boundary {
    const { m, d } = this.#flags
    if (m) return d ? 'end of line, which a line feed ends' : 'end of line'
    return d ? 'end of text or of its last line, which a line feed ends' : 'end of text or of its last line'
  }

  #any(): PatternNode {
    if (this.#flags.s) return { kind: 'class', test: () => true }
    return { kind: 'class', test: this.#flags.d ? (code) => code !== 10 : not(tabled(isLineEnd)) }
  }

  #character(code: number): PatternNode {
    const rule = this.#rule()
    return rule === 'exact' ? { kind: 'character', code } : { kind: 'class', test: tabled(characterTest(code, rule)) }
  }

  #classNode(test: CharacterTest): PatternNode {
    return { kind: 'class', test: tabled(test) }
  }

  // ---- groups ----

  #group(): PatternNode {
    this.#at++
    const before = this.#flags
    if (!this.#accept('?')) return this.#closed(before, (of) => ({ kind: 'group', number: ++this.#groupCount, of: of() }))
    if (this.#accept(':')) return this.#closed(before, (of) => of())
    if (this.#accept('>')) return this.#closed(before, (of) => ({ kind: 'atomic', of: of() }))
    for (const [sign, isBehind, isNegative] of [
      ['=', false, false],
      ['!', false, true],
      ['<=', true, false],
      ['<!', true, true],
    ] as const)
      if (this.#accept(sign)) return this.#closed(before, (of) => ({ kind: 'look', of: of(), isBehind, isNegative }))
    if (this.#accept('<')) {
      this.#name()
      return this.#closed(before, (of) => ({ kind: 'group', number: ++this.#groupCount, of: of() }))
    }
    this.#setFlags()
    if (this.#accept(')')) return this.#afterFlags()
    if (!this.#accept(':')) throw new PatternSyntaxError('Unknown inline modifier')
    return this.#closed(before, (of) => of())
  }

  /** What stands between here and the group's end; flags that were set there end with it. */
  #closed(before: Flags, make: (of: () => PatternNode) => PatternNode): PatternNode {
    const made = make(() => this.#choice())
    if (!this.#accept(')')) throw new PatternSyntaxError('Unclosed group')
    this.#flags = before
    return made
  }

  /** `(?i)` is nothing that can be repeated. */
  #afterFlags(): PatternNode {
    const next = this.#peek()
    if (next !== '' && '*+?'.includes(next)) throw new PatternSyntaxError(`Dangling meta character '${next}'`)
    return EMPTY
  }

  #name(): void {
    let name = ''
    while (this.#peek() !== '>' && this.#peek() !== '') name += this.#points[this.#at++]
    if (!/^[A-Za-z][A-Za-z0-9]*$/.test(name) || !this.#accept('>')) throw new PatternSyntaxError('A group has a name of letters and digits')
    if (this.#names.has(name)) throw new PatternSyntaxError(`The group <${name}> is there twice`)
    this.#names.add(name)
  }

  #setFlags(): void {
    let to = true
    for (;;) {
      const point = this.#points[this.#at] ?? ''
      if (point === '-' && to) to = false
      else if (point !== '' && 'idmsuxU'.includes(point)) {
        this.#flags = { ...this.#flags, [point]: to, ...(point === 'U' ? { u: to } : {}) }
      } else return
      this.#at++
    }
  }

  // ---- what stands behind a backslash ----

  #escaped(): PatternNode {
    const point = this.#points[this.#at] ?? ''
    const at = BOUNDARIES.get(point)
    if (at !== undefined) {
      this.#at++
      if (at === 'word boundary' && this.#accept('{')) throw new PatternUnsupportedError('\\b{g} is not supported in patterns')
      return boundary(at)
    }
    switch (point) {
      case 'Z':
        this.#at++
        return boundary(this.#flags.d ? 'end of text or of its last line, which a line feed ends' : 'end of text or of its last line')
      case 'R': {
        this.#at++
        const pair: PatternNode = { kind: 'sequence', parts: [13, 10].map((code) => ({ kind: 'character', code }) as const) }
        return { kind: 'choice', of: [pair, { kind: 'class', test: letterClass('v', false)! }] }
      }
      case 'X':
        throw new PatternUnsupportedError('\\X is not supported in patterns')
      case 'k':
        throw new PatternUnsupportedError('References to groups (\\k<name>) are not supported in patterns')
      default:
    }
    if (/^[1-9]$/.test(point)) throw new PatternUnsupportedError(`References to groups (\\${point}) are not supported in patterns`)
    const test = this.#namedClass()
    return test === undefined ? this.#character(this.#code()) : this.#classNode(test)
  }

  /** Of `\d`, `\p{L}` and their like, which stands in classes too; undefined: something else stands there. */
  #namedClass(): CharacterTest | undefined {
    const point = this.#points[this.#at] ?? ''
    if (point !== 'p' && point !== 'P') {
      const test = point === '' || !'dDwWsShHvV'.includes(point) ? undefined : letterClass(point, this.#flags.U)
      if (test !== undefined) this.#at++
      return test
    }
    this.#at++
    let name = this.#points[this.#at++] ?? ''
    if (name === '{') {
      const end = this.#points.indexOf('}', this.#at)
      if (end < 0) throw new PatternSyntaxError('Unclosed character family')
      name = this.#points.slice(this.#at, end).join('')
      this.#at = end + 1
      if (name === '') throw new PatternSyntaxError('Empty character family')
    }
    const test = propertyClass(name, this.#rule())
    return point === 'P' ? not(test) : test
  }

  /** The code point of an escape. */
  #code(): number {
    const point = this.#points[this.#at++] ?? ''
    const control = CONTROLS.get(point)
    if (control !== undefined) return control
    switch (point) {
      case '0':
        return this.#octal()
      case 'x':
        if (this.#points[this.#at] === '{') {
          const end = this.#points.indexOf('}', this.#at)
          const code = end < 0 ? Number.NaN : hexOf(this.#points.slice(this.#at + 1, end).join(''))
          if (!(code <= 0x10ffff)) throw new PatternSyntaxError('Illegal hexadecimal escape sequence')
          this.#at = end + 1
          return code
        }
        return this.#hex(2)
      case 'u': {
        const high = this.#hex(4)
        if (high < 0xd800 || high > 0xdbff || this.#points[this.#at] !== '\\' || this.#points[this.#at + 1] !== 'u') return high
        const low = hexOf(this.#points.slice(this.#at + 2, this.#at + 6).join(''))
        if (!(low >= 0xdc00 && low <= 0xdfff)) return high
        this.#at += 6
        return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)
      }
      case 'c': {
        const letter = this.#points[this.#at++]
        if (letter === undefined) throw new PatternSyntaxError('Illegal control escape sequence')
        return letter.codePointAt(0)! ^ 64
      }
      case 'N':
        throw new PatternUnsupportedError('Names of characters (\\N{…}) are not supported in patterns')
      default:
        if (point === '' || /^[A-Za-z]$/.test(point)) throw new PatternSyntaxError('Illegal or unsupported escape sequence')
        return point.codePointAt(0)!
    }
  }

  #octal(): number {
    const digits = /^(?:[0-3][0-7]{0,2}|[4-7][0-7]?)/.exec(this.#points.slice(this.#at, this.#at + 3).join(''))?.[0]
    if (digits === undefined) throw new PatternSyntaxError('Illegal octal escape sequence')
    this.#at += digits.length
    return Number.parseInt(digits, 8)
  }

  #hex(length: number): number {
    const code = hexOf(this.#points.slice(this.#at, this.#at + length).join(''), length)
    if (Number.isNaN(code)) throw new PatternSyntaxError('Illegal hexadecimal escape sequence')
    this.#at += length
    return code
  }

  // ---- classes ----

  /** Behind `[`, or behind `&&`. @param isWhole Whether the bracket behind it is its own. */
  #class(isWhole: boolean): CharacterTest {
    const isNegative = isWhole && this.#accept('^')
    let found: CharacterTest | undefined
    let members: CharacterTest[] = []
    const gathered = (): CharacterTest | undefined => {
      if (members.length > 0) found = unionOf(found === undefined ? members : [found, ...members])
      members = []
      return found
    }
    for (;;) {
      const point = this.#peek()
      if (point === '') throw new PatternSyntaxError('Unclosed character class')
      if (point === ']' && (found !== undefined || members.length > 0)) {
        if (isWhole) this.#at++
        const test = gathered()!
        return isNegative ? not(test) : test
      }
      if (this.#accept('&&')) {
        const right = this.#intersected()
        const left = gathered()
        if (left === undefined && right === undefined) throw new PatternSyntaxError('Bad class syntax')
        found = left === undefined ? right : right === undefined ? left : and(left, right)
      } else members.push(this.#member())
    }
  }

  /** What stands behind `&&`. */
  #intersected(): CharacterTest | undefined {
    const tests: CharacterTest[] = []
    for (let point = this.#peek(); point !== ']' && point !== '&' && point !== ''; point = this.#peek())
      if (this.#accept('[')) tests.push(this.#class(true))
      else tests.push(this.#class(false))
    return tests.length === 0 ? undefined : unionOf(tests)
  }

  #member(): CharacterTest {
    if (this.#accept('[')) return this.#class(true)
    if (this.#accept('\\Q')) {
      const tests: CharacterTest[] = []
      while (!this.#accept('\\E') && this.#at < this.#points.length) tests.push(characterTest(this.#points[this.#at++].codePointAt(0)!, this.#rule()))
      return unionOf(tests)
    }
    if (this.#peek() === '\\') {
      this.#at++
      const test = this.#namedClass()
      if (test !== undefined) return test
      return this.#range(this.#classCode())
    }
    return this.#range(this.#points[this.#at++].codePointAt(0)!)
  }

  #range(from: number): CharacterTest {
    const next = this.#points[this.#at + 1]
    if (this.#peek() !== '-' || next === ']' || next === '[' || next === undefined) return characterTest(from, this.#rule())
    this.#at++
    const point = this.#peek()
    this.#at++
    const to = point === '\\' ? this.#classCode() : point.codePointAt(0)!
    if (to < from) throw new PatternSyntaxError('Illegal character range')
    return foldedRange(from, to, this.#rule())
  }

  /** In classes sets end no range, and nothing stands between characters. */
  #classCode(): number {
    const point = this.#points[this.#at] ?? ''
    if (point !== '' && 'dDwWsShHvVpP'.includes(point)) throw new PatternSyntaxError('Illegal character range')
    return this.#code()
  }
}

function boundary(at: Boundary): PatternNode {
  return { kind: 'boundary', at }
}

function hexOf(digits: string, length = digits.length): number {
  return digits.length === length && /^[0-9A-Fa-f]+$/.test(digits) ? Number.parseInt(digits, 16) : Number.NaN
}
