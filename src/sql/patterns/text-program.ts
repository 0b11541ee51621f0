// A pattern for the kernel that looks for it in bytes of ASCII texts: the same instructions, with what one of many steps can be done at once.

import { PATTERN_HEAD_WORDS, PATTERN_OP_WORDS, TextOp } from '../../kernels/texts.ts'
import type { CharacterTest } from './character-classes.ts'
import type { Pattern } from './pattern.ts'
import { Op, type PatternProgram } from './pattern-program.ts'
import type { Boundary } from './pattern-tree.ts'

const ASCII_LENGTH = 128
const TABLE_BYTES = 256
const BOUNDARIES: Partial<Readonly<Record<Boundary, TextOp>>> = {
  'start of text': TextOp.START,
  'end of text': TextOp.END,
  'word boundary': TextOp.WORD_EDGE,
  'no word boundary': TextOp.NO_WORD_EDGE,
}
/** Longer ones would be searched for no faster, and have their steps counted for every text. */
const INSTRUCTIONS_MAX = 2000

/** The program, as kernels/texts.ts draws it, for an address that is a multiple of 4; undefined: it asks for what the kernel does not know. */
export function textProgramOf({ program }: Pattern): Uint8Array | undefined {
  return program.ops.length > INSTRUCTIONS_MAX ? undefined : new TextProgramWriter(program).write()
}

class TextProgramWriter {
  readonly #program: PatternProgram
  /** Behind the instructions. */
  readonly #tail: number[] = []
  readonly #tailAt: number
  /** Places of tables, by what is in them. */
  readonly #tables = new Map<string, number>()
  /** Instructions that others go to. */
  readonly #targets = new Set<number>()

  constructor(program: PatternProgram) {
    this.#program = program
    this.#tailAt = (PATTERN_HEAD_WORDS + program.ops.length * PATTERN_OP_WORDS) * 4
    for (const [at, op] of program.ops.entries()) {
      if (op === Op.SPLIT || op === Op.JUMP) this.#targets.add(program.xs[at])
      if (op === Op.SPLIT || op === Op.CHECK) this.#targets.add(program.ys[at])
    }
  }

  write(): Uint8Array | undefined {
    const { ops, slotCount, first, required } = this.#program
    const words: number[] = []
    for (const at of ops.keys()) {
      const instruction = this.#instruction(at)
      if (instruction === undefined) return undefined
      words.push(...instruction)
    }
    const firsts = first === undefined ? [] : Array.from({ length: ASCII_LENGTH }, (_, code) => code).filter((code) => first.test(code))
    const requiredBytes = Array.from(Buffer.from(required.isWellFormed() ? required : ''))
    const head = [
      ...[ops.length, slotCount, Number(first === undefined), Number(first?.mayBeAtStart ?? false), this.#table((code) => firsts.includes(code))],
      ...[firsts.length === 1 ? firsts[0] : TABLE_BYTES, this.#bytes(requiredBytes), requiredBytes.length],
    ]
    const program = new Uint8Array(this.#tailAt + this.#tail.length)
    program.set(new Uint8Array(Uint32Array.from([...head, ...words]).buffer))
    program.set(this.#tail, this.#tailAt)
    return program
  }

  /** Undefined: there is none that does this. */
  #instruction(at: number): readonly number[] | undefined {
    const { ops, xs, ys, boundaries } = this.#program
    const [x, y] = [xs[at], ys[at]]
    switch (ops[at]) {
      case Op.CHARACTER: {
        const text = this.#charactersFrom(at)
        if (text.length > 1) return [TextOp.BYTES, this.#bytes(text), text.length]
        return x < ASCII_LENGTH ? [TextOp.BYTE, x, 0] : [TextOp.CLASS, this.#table(() => false), 0]
      }
      case Op.CLASS:
        return [TextOp.CLASS, this.#table(this.#testAt(at)!), 0]
      case Op.SPLIT:
        return this.#run(at) ?? [TextOp.SPLIT, x, y]
      case Op.JUMP:
        return [TextOp.JUMP, x, 0]
      case Op.SAVE:
        return [TextOp.SAVE, x, 0]
      case Op.CHECK:
        return [TextOp.CHECK, x, y]
      case Op.BOUNDARY: {
        const op = BOUNDARIES[boundaries[x]]
        return op === undefined ? undefined : [op, 0, 0]
      }
      case Op.MATCH:
        return [TextOp.MATCH, 0, 0]
      default:
        return undefined
    }
  }

  /** ASCII characters that follow one another, and that nobody goes into. */
  #charactersFrom(at: number): readonly number[] {
    const { ops, xs } = this.#program
    const text: number[] = []
    for (let next = at; ops[next] === Op.CHARACTER && xs[next] < ASCII_LENGTH && (next === at || !this.#targets.has(next)); next++) text.push(xs[next])
    return text
  }

  /** A loop over one character that takes as many as it can. */
  #run(at: number): readonly number[] | undefined {
    const { ops, xs, ys } = this.#program
    const test = this.#testAt(at + 1)
    if (test === undefined || xs[at] !== at + 1 || ops[at + 2] !== Op.JUMP || xs[at + 2] !== at || this.#targets.has(at + 2)) return undefined
    return [this.#excludes(ys[at], test) ? TextOp.LAST_RUN : TextOp.RUN, this.#table(test), ys[at]]
  }

  /** Whether what stands at an instruction cannot go on where a character of a set stands. */
  #excludes(at: number, test: CharacterTest): boolean {
    const { ops, xs, boundaries } = this.#program
    switch (ops[at]) {
      case Op.SAVE:
        return this.#excludes(at + 1, test)
      case Op.JUMP:
        return xs[at] > at && this.#excludes(xs[at], test)
      case Op.MATCH:
        // A match with more of them is taken first, and is one.
        return true
      case Op.BOUNDARY:
        return boundaries[xs[at]] === 'end of text'
      default: {
        const next = this.#testAt(at)
        return next !== undefined && Array.from({ length: ASCII_LENGTH }, (_, code) => code).every((code) => !(test(code) && next(code)))
      }
    }
  }

  /** What an instruction takes one character for. */
  #testAt(at: number): CharacterTest | undefined {
    const { ops, xs, tests } = this.#program
    if (ops[at] === Op.CHARACTER) return (code) => code === xs[at]
    return ops[at] === Op.CLASS ? tests[xs[at]] : undefined
  }

  #table(test: CharacterTest): number {
    const table = Array.from({ length: TABLE_BYTES }, (_, code) => Number(code < ASCII_LENGTH && test(code)))
    const key = table.join('')
    const place = this.#tables.get(key) ?? this.#bytes(table)
    this.#tables.set(key, place)
    return place
  }

  #bytes(bytes: readonly number[]): number {
    return this.#tailAt + this.#tail.push(...bytes) - bytes.length
  }
}
