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
  readonly #program: PatternProgram
  /** What every match begins with. */
  readonly #prefix: string

  /** @throws {PatternSyntaxError} and {PatternUnsupportedError} */
  constructor(text: string) {
    this.#program = compilePattern(parsePattern(text))
    this.groupCount = this.#program.groupCount
    this.#prefix = prefixOf(this.#program)
  }

  /** Whether the pattern stands for all of the text. */
  matches(text: string): boolean {
    return new Search(this.#program, text, 0, true).run(0) !== undefined
  }

  /** The first match at `from` or behind it. @param lastEnd Where the match before it ended: what `\G` means. */
  find(text: string, from = 0, lastEnd = from): Match | undefined {
    const search = new Search(this.#program, text, lastEnd, false)
    if (this.#program.isAnchored) return from === 0 ? search.run(0) : undefined
    for (let start = this.#candidate(text, from); start >= 0; start = this.#candidate(text, start + 1)) {
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

  #candidate(text: string, from: number): number {
    if (this.#prefix !== '') return text.indexOf(this.#prefix, from)
    return from <= text.length ? from : -1
  }
}

function prefixOf({ instructions }: PatternProgram): string {
  let prefix = ''
  for (const { op, x } of instructions)
    if (op === Op.CHARACTER) prefix += String.fromCodePoint(x)
    else if (op !== Op.SAVE) break
  return prefix
}

/** Looks through one text; what it has learned of places holds for all starts. */
class Search {
  readonly #program: PatternProgram
  readonly #text: string
  readonly #lastEnd: number
  readonly #isWhole: boolean
  #steps: number
  /** A bit for each SPLIT and place that was tried. */
  #tried: Uint32Array | undefined
  #end = 0

  constructor(program: PatternProgram, text: string, lastEnd: number, isWhole: boolean) {
    this.#program = program
    this.#text = text
    this.#lastEnd = lastEnd
    this.#isWhole = isWhole
    this.#steps = STEPS_FREE * (text.length + program.instructions.length)
  }

  run(start: number): Match | undefined {
    const slots = this.#walk(0, start, Array.from<number>({ length: this.#program.slotCount }).fill(-1), this.#isWhole ? this.#text.length : undefined)
    if (slots === undefined) return undefined
    const match = slots.slice(0, 2 * (this.#program.groupCount + 1))
    match[0] = start
    match[1] = this.#end
    return match
  }

  /** Follows instructions to a MATCH. @param endAt Where it has to be, if not anywhere. */
  #walk(startAt: number, startPlace: number, startSlots: readonly number[], endAt: number | undefined): readonly number[] | undefined {
    const { instructions, tests, boundaries } = this.#program
    const text = this.#text
    const { length } = text
    const waitingAt: number[] = []
    const waitingPlaces: number[] = []
    const waitingSlots: (readonly number[])[] = []
    let at = startAt
    let place = startPlace
    let slots = startSlots
    for (;;) {
      const { op, x, y } = instructions[at]
      let goesOn = true
      switch (op) {
        case Op.CHARACTER:
        case Op.CLASS: {
          const code = place < length ? text.codePointAt(place)! : -1
          goesOn = code >= 0 && (op === Op.CHARACTER ? code === x : tests[x](code))
          place += code > 0xffff ? 2 : 1
          at++
          break
        }
        case Op.SPLIT:
          goesOn = this.#isNew(at, place)
          if (!goesOn) break
          waitingAt.push(y)
          waitingPlaces.push(place)
          waitingSlots.push(slots)
          at = x
          break
        case Op.JUMP:
          at = x
          break
        case Op.SAVE:
          slots = slots.with(x, place)
          at++
          break
        case Op.CHECK:
          at = slots[x] === place ? y : at + 1
          break
        case Op.BOUNDARY:
          goesOn = this.#isAt(boundaries[x], place)
          at++
          break
        case Op.ATOMIC: {
          const inner = this.#walk(at + 1, place, slots, undefined)
          goesOn = inner !== undefined
          if (inner === undefined) break
          slots = inner
          place = this.#end
          at = x
          break
        }
        case Op.LOOK: {
          const inner = this.#look(at, y, place, slots)
          goesOn = inner !== undefined
          if (inner === undefined) break
          slots = inner
          at = x
          break
        }
        case Op.MATCH:
          goesOn = endAt === undefined || endAt === place
          if (!goesOn) break
          this.#end = place
          return slots
      }
      if (goesOn) continue
      const next = waitingAt.pop()
      if (next === undefined) return undefined
      at = next
      place = waitingPlaces.pop()!
      slots = waitingSlots.pop()!
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

  /** The slots behind a look, if it sees what it wants. */
  #look(at: number, number: number, place: number, slots: readonly number[]): readonly number[] | undefined {
    const { isBehind, isNegative, lengthLeast, lengthMost } = this.#program.looks[number]
    if (!isBehind) {
      const seen = this.#walk(at + 1, place, slots, undefined)
      return isNegative ? (seen === undefined ? slots : undefined) : seen
    }
    // What fails to end here may yet end elsewhere: what is noted is noted for this place only.
    const [tried, steps] = [this.#tried, this.#steps]
    this.#tried = undefined
    let seen: readonly number[] | undefined
    for (let start = place - lengthLeast; seen === undefined && start >= Math.max(0, place - lengthMost); start--)
      seen = this.#walk(at + 1, start, slots, place)
    this.#tried = tried
    this.#steps = steps
    return isNegative ? (seen === undefined ? slots : undefined) : seen
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
