// Regular expressions of Java's syntax, in a time that grows with the text and no faster: ways that have led nowhere are not tried again. What cannot
// be done so, references to groups, is refused.

import { isWordPart } from './character-classes.ts'
import { parsePattern } from './pattern-parser.ts'
import { compilePattern, Op, type PatternProgram } from './pattern-program.ts'
import type { Boundary } from './pattern-tree.ts'

/** Where a match and its groups start and end, two places each; -1 for a group that takes no part. */
export type Match = readonly number[]

/** Steps for each character before what fails is noted: most texts need none of it. */
const STEPS_FREE = 8
const isMark = /^\p{Mn}/u

export class Pattern {
  readonly groupCount: number
  readonly program: PatternProgram
  /** What every match begins with. */
  readonly #prefix: string

  /** @throws {PatternSyntaxError} and {PatternUnsupportedError} */
  constructor(text: string) {
    this.program = compilePattern(parsePattern(text))
    this.groupCount = this.program.groupCount
    this.#prefix = prefixOf(this.program)
  }

  /** Whether the pattern stands for all of the text. */
  matches(text: string): boolean {
    return new Search(this.program, text, 0, true).run(0) !== undefined
  }

  /** The first match at `from` or behind it. @param lastEnd Where the match before it ended: what `\G` means. */
  find(text: string, from = 0, lastEnd = from): Match | undefined {
    let start = this.#candidate(text, from)
    if (start < 0 || text.indexOf(this.program.required, start) < 0) return undefined
    const search = new Search(this.program, text, lastEnd, false)
    for (; start >= 0; start = this.#candidate(text, start + 1)) {
      const match = search.run(start)
      if (match !== undefined) return match
    }
    return undefined
  }

  /** One match after the other; behind an empty one they go on a UTF-16 unit later. */
  *findAll(text: string): Generator<Match> {
    let from = 0
    let lastEnd = 0
    while (from <= text.length) {
      const match = this.find(text, from, lastEnd)
      if (match === undefined) return
      yield match
      lastEnd = match[1]
      from = match[1] === match[0] ? match[1] + 1 : match[1]
    }
  }

  /** The next place, from one on, where a match may start; -1: there is none. */
  #candidate(text: string, from: number): number {
    if (this.#prefix !== '') return text.indexOf(this.#prefix, from)
    const { first } = this.program
    if (from > text.length) return -1
    if (first === undefined || (from === 0 && first.mayBeAtStart)) return from
    for (let at = from; at < text.length; at++) if (first.test(text.codePointAt(at)!)) return at
    return -1
  }
}

function prefixOf({ ops, xs }: PatternProgram): string {
  let prefix = ''
  for (const [at, op] of ops.entries())
    if (op === Op.CHARACTER) prefix += String.fromCodePoint(xs[at])
    else if (op !== Op.SAVE) break
  return prefix
}

/** Looks through one text; what it has learned of places holds for all starts. */
class Search {
  readonly #program: PatternProgram
  readonly #text: string
  readonly #lastEnd: number
  readonly #isWhole: boolean
  readonly #slots: number[]
  /** What to go back to, in pairs: a place and the instruction there, or what a slot held and the slot's number, negated. */
  readonly #stack: number[] = []
  #steps: number
  /** A bit for each SPLIT and place that was tried. */
  #tried: Uint32Array | undefined
  #end = 0

  constructor(program: PatternProgram, text: string, lastEnd: number, isWhole: boolean) {
    this.#program = program
    this.#text = text
    this.#lastEnd = lastEnd
    this.#isWhole = isWhole
    this.#slots = Array.from<number>({ length: program.slotCount }).fill(-1)
    this.#steps = STEPS_FREE * (text.length + program.ops.length)
  }

  run(start: number): Match | undefined {
    if (!this.#walk(0, start, this.#isWhole ? this.#text.length : -1)) return undefined
    const match = this.#slots.slice(0, 2 * (this.#program.groupCount + 1))
    match[0] = start
    match[1] = this.#end
    return match
  }

  /** Follows instructions to a MATCH. What is not taken is as it was before. @param endAt Where it has to be; -1: anywhere. */
  #walk(startAt: number, startPlace: number, endAt: number): boolean {
    const { ops, xs, ys, tests, boundaries } = this.#program
    const text = this.#text
    const { length } = text
    const slots = this.#slots
    const stack = this.#stack
    const base = stack.length
    let at = startAt
    let place = startPlace
    for (;;) {
      const x = xs[at]
      let goesOn = true
      switch (ops[at]) {
        case Op.CHARACTER:
          goesOn = place < length && text.codePointAt(place) === x
          place += x > 0xffff ? 2 : 1
          at++
          break
        case Op.CLASS: {
          const code = place < length ? text.codePointAt(place)! : -1
          goesOn = code >= 0 && tests[x](code)
          place += code > 0xffff ? 2 : 1
          at++
          break
        }
        case Op.SPLIT:
          goesOn = this.#isNew(at, place)
          if (!goesOn) break
          stack.push(place, ys[at])
          at = x
          break
        case Op.JUMP:
          at = x
          break
        case Op.SAVE:
          stack.push(slots[x], ~x)
          slots[x] = place
          at++
          break
        case Op.CHECK:
          at = slots[x] === place ? ys[at] : at + 1
          break
        case Op.BOUNDARY:
          goesOn = this.#isAt(boundaries[x], place)
          at++
          break
        case Op.ATOMIC:
          goesOn = this.#walk(at + 1, place, -1)
          place = this.#end
          at = x
          break
        case Op.LOOK:
          goesOn = this.#look(at, place)
          at = x
          break
        default:
          goesOn = endAt < 0 || endAt === place
          if (!goesOn) break
          this.#end = place
          this.#settle(base)
          return true
      }
      while (!goesOn) {
        if (stack.length === base) return false
        const back = stack.pop()!
        const kept = stack.pop()!
        if (back < 0) slots[~back] = kept
        else {
          at = back
          place = kept
          goesOn = true
        }
      }
    }
  }

  /** Forgets what could have been tried, and keeps what slots held: whoever asked may have to go back. */
  #settle(base: number): void {
    const stack = this.#stack
    let kept = base
    for (let at = base; at < stack.length; at += 2) {
      if (stack[at + 1] >= 0) continue
      stack[kept++] = stack[at]
      stack[kept++] = stack[at + 1]
    }
    stack.length = kept
  }

  /** Gives slots back what they held. */
  #restore(base: number): void {
    while (this.#stack.length > base) {
      const back = this.#stack.pop()!
      const kept = this.#stack.pop()!
      if (back < 0) this.#slots[~back] = kept
    }
  }

  /** Whether a SPLIT was not tried here before: it is now. */
  #isNew(at: number, place: number): boolean {
    if (this.#steps-- > 0) return true
    const { splitCount, splitNumbers } = this.#program
    this.#tried ??= new Uint32Array(Math.ceil((splitCount * (this.#text.length + 1)) / 32))
    const bit = splitNumbers[at] * (this.#text.length + 1) + place
    const mask = 1 << (bit & 31)
    const word = Math.floor(bit / 32)
    if ((this.#tried[word] & mask) !== 0) return false
    this.#tried[word] |= mask
    return true
  }

  /** Whether a look sees what it wants. Only what it has seen stays in slots. */
  #look(at: number, place: number): boolean {
    const { isBehind, isNegative, lengthLeast, lengthMost } = this.#program.looks[this.#program.ys[at]]
    const base = this.#stack.length
    let isSeen = false
    if (isBehind) {
      // What fails to end here may yet end elsewhere: what is noted is noted for this place only.
      const [tried, steps] = [this.#tried, this.#steps]
      this.#tried = undefined
      for (let start = place - lengthLeast; !isSeen && start >= Math.max(0, place - lengthMost); start--) isSeen = this.#walk(at + 1, start, place)
      this.#tried = tried
      this.#steps = steps
    } else isSeen = this.#walk(at + 1, place, -1)
    if (isNegative) this.#restore(base)
    return isSeen !== isNegative
  }

  #isAt(boundary: Boundary, place: number): boolean {
    const text = this.#text
    const { length } = text
    switch (boundary) {
      case 'start of text':
        return place === 0
      case 'end of text':
        return place === length
      case 'end of the last match':
        return place === this.#lastEnd
      case 'start of line':
        if (place === length) return false
        return place === 0 || (isLineEndUnit(text, place - 1) && !(text[place - 1] === '\r' && text[place] === '\n'))
      case 'start of line, which a line feed ends':
        return place < length && (place === 0 || text[place - 1] === '\n')
      case 'end of line':
        return place === length || isBeforeLineEnd(text, place)
      case 'end of line, which a line feed ends':
        return place === length || text[place] === '\n'
      case 'end of text or of its last line':
        if (place === length) return true
        return isBeforeLineEnd(text, place) && (place === length - 1 || (place === length - 2 && text.endsWith('\r\n')))
      case 'end of text or of its last line, which a line feed ends':
        return place === length || (place === length - 1 && text[place] === '\n')
      case 'word boundary':
        return isInWord(text, place, true) !== isInWord(text, place, false)
      case 'no word boundary':
        return isInWord(text, place, true) === isInWord(text, place, false)
    }
  }
}

function isLineEndUnit(text: string, place: number): boolean {
  return '\n\r\u0085\u2028\u2029'.includes(text[place])
}

/** Nothing stands between a carriage return and its line feed. */
function isBeforeLineEnd(text: string, place: number): boolean {
  return isLineEndUnit(text, place) && !(text[place] === '\n' && text[place - 1] === '\r')
}

/** Whether a word's character stands before a place, or behind it. A mark belongs to what it stands upon. */
function isInWord(text: string, place: number, isBefore: boolean): boolean {
  let start = isBefore ? startBefore(text, place) : place
  if (start < 0 || start >= text.length) return false
  const code = text.codePointAt(start)!
  if (isWordPart(code)) return true
  for (let isOnMark = isMark.test(String.fromCodePoint(code)); isOnMark;) {
    start = startBefore(text, start)
    if (start < 0) return false
    const base = text.codePointAt(start)!
    if (base !== 95 && isWordPart(base)) return true
    isOnMark = isMark.test(String.fromCodePoint(base))
  }
  return false
}

function startBefore(text: string, place: number): number {
  const isPair = place >= 2 && text.codePointAt(place - 2)! > 0xffff
  return place - (isPair ? 2 : 1)
}
