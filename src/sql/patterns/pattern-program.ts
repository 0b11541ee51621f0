// A pattern as instructions: what the matcher runs.

import { type CharacterTest, tabled, unionOf } from './character-classes.ts'
import { type Boundary, type PatternNode, PatternSyntaxError, type PatternTree, PatternUnsupportedError } from './pattern-tree.ts'

export const Op = {
  CHARACTER: 0,
  CLASS: 1,
  /** Goes to `x`, and if that leads nowhere, to `y`. */
  SPLIT: 2,
  JUMP: 3,
  /** Keeps the place in a slot: start or end of a group, or where a round of a loop began. */
  SAVE: 4,
  /** Goes to `y` if the round that began where the slot `x` says has taken nothing. */
  CHECK: 5,
  BOUNDARY: 6,
  /** What stands behind it, up to MATCH, is done once; then on at `x`. */
  ATOMIC: 7,
  LOOK: 8,
  MATCH: 9,
} as const

type Operation = (typeof Op)[keyof typeof Op]

interface Instruction {
  readonly op: Operation
  x: number
  y: number
}

export interface FirstCharacters {
  readonly test: CharacterTest
  /** Whether at the start of the text others will do. */
  readonly mayBeAtStart: boolean
}

export interface Look {
  readonly isBehind: boolean
  readonly isNegative: boolean
  /** Of what stands before the place. */
  readonly lengthLeast: number
  readonly lengthMost: number
}

export interface PatternProgram {
  /** The instructions: what each does, and with what. */
  readonly ops: Uint8Array
  readonly xs: Int32Array
  readonly ys: Int32Array
  readonly tests: readonly CharacterTest[]
  readonly boundaries: readonly Boundary[]
  readonly looks: readonly Look[]
  readonly groupCount: number
  readonly slotCount: number
  /** With which characters a match begins; undefined: with any, or none. */
  readonly first: FirstCharacters | undefined
  /** What stands in every match; empty: nothing is known to. */
  readonly required: string
  /** How many SPLITs there are; each has its number in `splitNumbers`. */
  readonly splitCount: number
  readonly splitNumbers: Int32Array
}

/** Repetitions are written out: there has to be an end to it. */
const INSTRUCTIONS_MOST = 50_000

/** @throws {PatternUnsupportedError} if it is too long, {PatternSyntaxError} if something that is looked back at may have any length */
export function compilePattern(tree: PatternTree): PatternProgram {
  return new PatternCompiler(tree.groupCount).compile(tree.root)
}

class PatternCompiler {
  readonly #instructions: Instruction[] = []
  readonly #tests: CharacterTest[] = []
  readonly #boundaries: Boundary[] = []
  readonly #looks: Look[] = []
  readonly #groupCount: number
  #slotCount: number

  constructor(groupCount: number) {
    this.#groupCount = groupCount
    this.#slotCount = 2 * (groupCount + 1)
  }

  compile(root: PatternNode): PatternProgram {
    this.#emit(root)
    this.#add(Op.MATCH)
    const splitNumbers = new Int32Array(this.#instructions.length)
    let splitCount = 0
    for (const [at, { op }] of this.#instructions.entries()) if (op === Op.SPLIT) splitNumbers[at] = splitCount++
    return {
      ops: Uint8Array.from(this.#instructions, ({ op }) => op),
      xs: Int32Array.from(this.#instructions, ({ x }) => x),
      ys: Int32Array.from(this.#instructions, ({ y }) => y),
      tests: this.#tests,
      boundaries: this.#boundaries,
      looks: this.#looks,
      groupCount: this.#groupCount,
      slotCount: this.#slotCount,
      first: firstOf(root),
      required: requiredOf(root),
      splitCount,
      splitNumbers,
    }
  }

  #add(op: Operation, x = 0, y = 0): Instruction {
    if (this.#instructions.length >= INSTRUCTIONS_MOST) throw new PatternUnsupportedError('Patterns of this size are not supported')
    const instruction = { op, x, y }
    this.#instructions.push(instruction)
    return instruction
  }

  get #here(): number {
    return this.#instructions.length
  }

  #emit(node: PatternNode): void {
    switch (node.kind) {
      case 'empty':
        return
      case 'character':
        this.#add(Op.CHARACTER, node.code)
        return
      case 'class':
        this.#add(Op.CLASS, this.#tests.push(node.test) - 1)
        return
      case 'boundary':
        this.#add(Op.BOUNDARY, this.#boundaries.push(node.at) - 1)
        return
      case 'sequence':
        for (const part of node.parts) this.#emit(part)
        return
      case 'choice':
        this.#choice(node.of)
        return
      case 'group':
        this.#add(Op.SAVE, 2 * node.number)
        this.#emit(node.of)
        this.#add(Op.SAVE, 2 * node.number + 1)
        return
      case 'repeat':
        if (node.mode === 'possessive') this.#emit({ kind: 'atomic', of: { ...node, mode: 'greedy' } })
        else this.#repeat(node)
        return
      case 'atomic':
        this.#inner(this.#add(Op.ATOMIC), node.of)
        return
      case 'look': {
        const [lengthLeast, lengthMost] = node.isBehind ? lengthsOf(node.of) : [0, 0]
        if (node.isBehind && !isObvious(node.of)) throw new PatternSyntaxError('Look-behind group does not have an obvious maximum length')
        this.#inner(this.#add(Op.LOOK, 0, this.#looks.push({ ...node, lengthLeast, lengthMost }) - 1), node.of)
      }
    }
  }

  #inner(start: Instruction, of: PatternNode): void {
    this.#emit(of)
    this.#add(Op.MATCH)
    start.x = this.#here
  }

  #choice(of: readonly PatternNode[]): void {
    const ends: Instruction[] = []
    for (const [index, one] of of.entries()) {
      const split = index < of.length - 1 ? this.#add(Op.SPLIT, this.#here + 1) : undefined
      this.#emit(one)
      if (split === undefined) break
      ends.push(this.#add(Op.JUMP))
      split.y = this.#here
    }
    for (const end of ends) end.x = this.#here
  }

  #repeat({ of, least, most, mode }: PatternNode & { kind: 'repeat' }): void {
    for (let round = 0; round < least; round++) this.#emit(of)
    const isLazy = mode === 'lazy'
    if (most === Infinity) this.#loop(of, isLazy)
    else {
      const splits: Instruction[] = []
      for (let round = least; round < most; round++) {
        splits.push(this.#split(isLazy))
        this.#emit(of)
      }
      for (const split of splits) this.#exit(split, isLazy)
    }
  }

  #loop(of: PatternNode, isLazy: boolean): void {
    const start = this.#here
    const split = this.#split(isLazy)
    const mark = lengthsOf(of)[0] === 0 ? this.#slotCount++ : undefined
    if (mark !== undefined) this.#add(Op.SAVE, mark)
    this.#emit(of)
    const check = mark === undefined ? undefined : this.#add(Op.CHECK, mark)
    this.#add(Op.JUMP, start)
    if (check !== undefined) check.y = this.#here
    this.#exit(split, isLazy)
  }

  /** Goes on to what stands behind it first, or last. */
  #split(isLazy: boolean): Instruction {
    const next = this.#here + 1
    return this.#add(Op.SPLIT, isLazy ? 0 : next, isLazy ? next : 0)
  }

  #exit(split: Instruction, isLazy: boolean): void {
    if (isLazy) split.x = this.#here
    else split.y = this.#here
  }
}

/** Whether Java sees how long it may be: of what has no end it does only for single characters. */
function isObvious(node: PatternNode): boolean {
  switch (node.kind) {
    case 'sequence':
      return node.parts.every(isObvious)
    case 'choice':
      return node.of.every(isObvious)
    case 'group':
    case 'atomic':
      return isObvious(node.of)
    case 'repeat':
      if (node.most < Infinity) return isObvious(node.of)
      return node.least < 2 && node.mode === 'greedy' && (node.of.kind === 'character' || node.of.kind === 'class')
    default:
      return true
  }
}

/** Undefined: it need not begin with a character. */
function firstOf(node: PatternNode): FirstCharacters | undefined {
  switch (node.kind) {
    case 'character':
      return { test: (code) => code === node.code, mayBeAtStart: false }
    case 'class':
      return { test: node.test, mayBeAtStart: false }
    case 'boundary':
      return node.at === 'start of text' ? { test: () => false, mayBeAtStart: true } : undefined
    case 'sequence':
      return firstOf(node.parts[0])
    case 'choice': {
      const firsts = node.of.map(firstOf)
      if (!firsts.every((first) => first !== undefined)) return undefined
      return { test: tabled(unionOf(firsts.map(({ test }) => test))), mayBeAtStart: firsts.some(({ mayBeAtStart }) => mayBeAtStart) }
    }
    case 'group':
    case 'atomic':
      return firstOf(node.of)
    case 'repeat':
      return node.least > 0 ? firstOf(node.of) : undefined
    default:
      return undefined
  }
}

/** The longest text that is known to stand in every match. */
function requiredOf(node: PatternNode): string {
  switch (node.kind) {
    case 'character':
      return String.fromCodePoint(node.code)
    case 'sequence': {
      let longest = ''
      let run = ''
      for (const part of node.parts) {
        run = part.kind === 'character' ? run + String.fromCodePoint(part.code) : ''
        const found = run === '' ? requiredOf(part) : run
        if (found.length > longest.length) longest = found
      }
      return longest
    }
    case 'group':
    case 'atomic':
      return requiredOf(node.of)
    case 'repeat':
      return node.least > 0 ? requiredOf(node.of) : ''
    default:
      return ''
  }
}

/** How many UTF-16 units a node may take. */
function lengthsOf(node: PatternNode): readonly [least: number, most: number] {
  switch (node.kind) {
    case 'character':
      return node.code > 0xffff ? [2, 2] : [1, 1]
    case 'class':
      return [1, 2]
    case 'sequence':
      return node.parts.map(lengthsOf).reduce(([least, most], [one, other]) => [least + one, most + other], [0, 0])
    case 'choice': {
      const lengths = node.of.map(lengthsOf)
      return [Math.min(...lengths.map(([least]) => least)), Math.max(...lengths.map(([, most]) => most))]
    }
    case 'group':
    case 'atomic':
      return lengthsOf(node.of)
    case 'repeat': {
      const [least, most] = lengthsOf(node.of)
      return [least * node.least, most === 0 ? 0 : most * node.most]
    }
    default:
      return [0, 0]
  }
}
