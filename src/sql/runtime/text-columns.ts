// What kernels compute of texts, for all rows of a loop at once and once a batch, however many expressions ask for it: texts as slices, truths, numbers. Code
// over columns (column-code.ts) reads them as it reads columns. No text becomes a string but where kernels leave a row to the general function: such as
// are not ASCII in UPPER and in patterns.

import { assert } from '../../base/assert.ts'
import type { Slab } from '../../base/slab.ts'
import type { Column } from '../../batch/column.ts'
import type { RecordBatch } from '../../batch/record-batch.ts'
import { isText, LENGTH_MAX } from '../../batch/types.ts'
import { decodeText, writeText } from '../../batch/values.ts'
import { BUFFER_SLACK_BYTES } from '../../kernels/column-layout.ts'
import type { Kernels } from '../../kernels/kernels.ts'
import { Comparison } from '../../kernels/select.ts'
import { ARENA_HEAD_BYTES, LIKE_ANY, LIKE_ONE, SLICE_BYTES } from '../../kernels/texts.ts'
import type { BoundCall, BoundExpression } from '../bound-expression.ts'
import { scalarCodeOf } from '../functions/functions.ts'
import { parsePattern, unitMsOfPattern } from '../functions/time-formats.ts'
import { patternReader } from '../functions/regular-expressions.ts'
import type { EvaluationContext } from '../functions/scalar-function.ts'
import { ANY, ONE, readLike } from '../like.ts'
import { textProgramOf } from '../patterns/text-program.ts'
import type { Value } from '../value.ts'

/** Where a column lies: its place among the input's, or that of a field in it. */
export interface Path {
  readonly column: number
  readonly field: number | undefined
}

/** The column or field that an expression only names. */
export function pathOf(expression: BoundExpression): Path | undefined {
  if (expression.kind === 'column') return { column: expression.index, field: undefined }
  if (expression.kind !== 'call' || expression.name !== 'FIELD') return undefined
  const [of, place] = expression.operands
  return of.kind === 'column' && place.kind === 'literal' && typeof place.value === 'number' ? { column: of.index, field: place.value } : undefined
}

/** Values of rows that kernels compute: slices (two u32), truths (u8: 0, 1, 2 for NULL) or numbers (int32, -1 for NULL), by physical row. */
export interface Derived {
  readonly form: 'text' | 'truth' | 'count'
  /** Its place among all of them, behind those that it is computed of. */
  readonly place: number
  readonly operands: readonly Derived[]
  /** Computes it for rows; undefined: code writes it. */
  compute: ((begin: number, end: number, selection: number) => void) | undefined
  address: number
  /** For which rows it is computed: those at these positions of a selection. */
  selection: number
  begin: number
  end: number
}

/** Where bytes lie that never change. */
interface Slice {
  readonly start: number
  readonly end: number
}

/** Bytes of a row by form. */
const ROW_BYTES = { text: SLICE_BYTES, truth: 1, count: 4 } as const
const BLOCK_BYTES = 65_536
/** Rows of all derived values are kept beside each other: there is an end to it. */
const VALUES_MAX = 64
/** Fewer texts are compared one by one, as others may ask for one of them. */
const AMONG_MIN = 9
/** What a pattern may have to go back to. */
const SCRATCH_BYTES = 65_536
const COUNT_MAX = 2_147_483_647
const SIDES: Readonly<Record<string, number>> = { LEADING: 1, TRAILING: 2, BOTH: 3 }
const COMPARISONS: Readonly<Record<string, readonly [Comparison, flipped: Comparison]>> = {
  '=': [Comparison.EQUAL, Comparison.EQUAL],
  '<>': [Comparison.NOT_EQUAL, Comparison.NOT_EQUAL],
  '<': [Comparison.LESS, Comparison.GREATER],
  '<=': [Comparison.LESS_OR_EQUAL, Comparison.GREATER_OR_EQUAL],
  '>': [Comparison.GREATER, Comparison.LESS],
  '>=': [Comparison.GREATER_OR_EQUAL, Comparison.LESS_OR_EQUAL],
}
// oxlint-disable-next-line no-control-regex
const ASCII = /^[\0-\x7f]*$/

const encoder = new TextEncoder()

/** The derived values of one operator. */
export class TextColumns {
  /** Where the last text of {@link put} ends. */
  putEnd = 0
  readonly #slab: Slab
  readonly #kernels: Kernels
  readonly #context: EvaluationContext
  readonly #values: Derived[] = []
  /** By what they are computed of and how: what says the same is computed once. */
  readonly #known = new Map<string, Derived>()
  readonly #seen = new Map<BoundExpression, Derived | undefined>()
  readonly #constants = new Map<string, Slice>()
  /** What is given back in the end: addresses with their bytes. */
  readonly #blocks: (readonly [address: number, bytes: number])[] = []
  readonly #arena: number
  readonly #arenaBlocks: (readonly [address: number, bytes: number])[] = []
  #scratch = 0
  #rows = 0
  #columns: readonly Column[] = []
  #rowCount = 0

  constructor(slab: Slab, kernels: Kernels, context: EvaluationContext) {
    this.#slab = slab
    this.#kernels = kernels
    this.#context = context
    this.#arena = this.#keep(ARENA_HEAD_BYTES)
  }

  // ---- when planning ----

  /** What stands for an expression: a call that kernels compute. Undefined: there is none. */
  of(expression: BoundExpression): Derived | undefined {
    const call = uncast(expression)
    if (call.kind !== 'call' || call.name === 'FIELD') return undefined
    if (!this.#seen.has(call)) this.#seen.set(call, this.#values.length < VALUES_MAX ? this.#call(call) : undefined)
    return this.#seen.get(call)
  }

  /** The slices of a text: of a call that kernels compute, or of a column. */
  text(expression: BoundExpression): Derived | undefined {
    if (!isText(expression.type)) return undefined
    const text = uncast(expression)
    const path = pathOf(text)
    if (path === undefined) return this.of(text)
    return this.#derive(`column ${path.column} ${path.field}`, 'text', [], (value) => (begin, end, selection) => {
      const whole = this.#columns[path.column]
      const column = path.field === undefined ? whole : whole.children[path.field]
      this.#kernels.textSlices(column.descriptor, path.field === undefined ? 0 : whole.descriptor, selection, begin, end, value.address)
    })
  }

  /** Slices that code writes. */
  written(): Derived {
    return this.#derive(`written ${this.#values.length}`, 'text', [], undefined)
  }

  /** The slice of a text that never changes. */
  constant(text: string): Slice {
    let found = this.#constants.get(text)
    if (found === undefined) {
      const start = this.#bytes(encoder.encode(text))
      found = { start, end: start + Buffer.byteLength(text) }
      this.#constants.set(text, found)
    }
    return found
  }

  /** Values with all that they are computed of, in the order in which that is done. */
  withOperands(values: Iterable<Derived>): readonly Derived[] {
    const all = new Set<Derived>()
    const add = (value: Derived): void => {
      if (all.has(value)) return
      value.operands.forEach(add)
      all.add(value)
    }
    for (const value of values) add(value)
    return [...all].filter(({ compute }) => compute !== undefined)
  }

  // ---- when running ----

  /** Turns to a batch: nothing is computed of it yet. */
  bind(batch: RecordBatch): void {
    this.#columns = batch.columns
    this.#rowCount = batch.rowCount
    for (const value of this.#values) value.end = -1
    this.#clearArena()
    if (batch.rowCount <= this.#rows) return
    const rows = Math.max(batch.rowCount, this.#rows * 2)
    for (const value of this.#values) {
      const bytes = ROW_BYTES[value.form]
      if (this.#rows > 0) this.#slab.free(value.address, this.#rows * bytes + BUFFER_SLACK_BYTES)
      value.address = this.#slab.allocate(rows * bytes + BUFFER_SLACK_BYTES)
    }
    this.#rows = rows
  }

  /** Computes values, in their order, for the rows at some positions, unless they are. */
  run(values: readonly Derived[], begin: number, end: number, selection: number): void {
    for (const value of values) {
      if (value.selection === selection && value.begin <= begin && value.end >= end) continue
      value.compute!(begin, end, selection)
      value.selection = selection
      value.begin = begin
      value.end = end
    }
  }

  /** A list of rows is about to be written. */
  forget(list: number): void {
    for (const value of this.#values) if (value.selection === list) value.end = -1
  }

  /** A list names some of the rows at the positions of another, or of itself as it was: what is computed of those is of its own. */
  narrow(list: number, count: number, begin: number, end: number, selection: number): void {
    for (const value of this.#values) {
      if (value.selection !== selection || value.begin > begin || value.end < end) continue
      value.selection = list
      value.begin = 0
      value.end = count
    }
  }

  /** Writes slices to a cleared column. */
  write(value: Derived, begin: number, end: number, selection: number, target: Column): void {
    target.ensureData(this.#kernels.textBytes(value.address, selection, begin, end))
    const wrong = this.#kernels.textColumn(value.address, selection, begin, end, target.descriptor, this.#rowCount)
    assert(wrong === 0, 'NULL in a column that is declared NOT NULL')
  }

  /** Keeps a text until the next batch. @returns where it starts; {@link putEnd} says where it ends */
  put(text: string): number {
    const { u32 } = this.#slab
    const head = this.#arena >>> 2
    const needed = text.length * 3
    if (this.#arenaBlocks.length === 0 || u32[head] + needed > u32[head + 1]) this.#more(needed)
    const start = u32[head]
    const { u8 } = this.#slab
    const bytes = writeText(u8, start, text)
    // Halves of pairs become what stands for them in UTF-8.
    this.putEnd = start + (bytes < 0 ? writeText(u8, start, text.toWellFormed()) : bytes)
    u32[head] = this.putEnd
    return start
  }

  /** Gives all memory back. */
  free(): void {
    if (this.#rows > 0) for (const { address, form } of this.#values) this.#slab.free(address, this.#rows * ROW_BYTES[form] + BUFFER_SLACK_BYTES)
    for (const [address, bytes] of [...this.#blocks, ...this.#arenaBlocks]) this.#slab.free(address, bytes)
  }

  // ---- memory ----

  #keep(bytes: number): number {
    const address = this.#slab.allocate(bytes + BUFFER_SLACK_BYTES)
    this.#blocks.push([address, bytes + BUFFER_SLACK_BYTES])
    return address
  }

  #bytes(bytes: Uint8Array): number {
    const address = this.#keep(bytes.length)
    this.#slab.u8.set(bytes, address)
    return address
  }

  /** All texts of the last batch go; one block stays, as large as that batch has needed. */
  #clearArena(): void {
    const blocks = this.#arenaBlocks
    if (blocks.length > 1) {
      const total = blocks.reduce((sum, [, bytes]) => sum + bytes, 0)
      for (const [address, bytes] of blocks.splice(0)) this.#slab.free(address, bytes)
      this.#more(total)
      return
    }
    if (blocks.length > 0) this.#fill(...blocks[0])
  }

  /** A block with room for so many bytes. */
  #more(bytes: number): void {
    const block = Math.max(BLOCK_BYTES, bytes + BUFFER_SLACK_BYTES)
    const address = this.#slab.allocate(block)
    this.#arenaBlocks.push([address, block])
    this.#fill(address, block)
  }

  #fill(address: number, bytes: number): void {
    const { u32 } = this.#slab
    u32[this.#arena >>> 2] = address
    u32[(this.#arena >>> 2) + 1] = address + bytes - BUFFER_SLACK_BYTES
  }

  // ---- what kernels compute ----

  /** What is known by a key, or is made. */
  #derive(
    key: string,
    form: Derived['form'],
    operands: readonly Derived[],
    compute: ((value: Derived) => (begin: number, end: number, selection: number) => void) | undefined,
  ): Derived {
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const value: Derived = { form, place: this.#values.length, operands, compute: undefined, address: 0, selection: 0, begin: 0, end: -1 }
    value.compute = compute?.(value)
    this.#values.push(value)
    this.#known.set(key, value)
    return value
  }

  #call(call: BoundCall): Derived | undefined {
    const { name, operands } = call
    const [first, second] = operands
    switch (name) {
      case 'LOWER':
        return this.#cased(call, 65)
      case 'UPPER':
        return this.#cased(call, 97)
      case 'SPLIT_INDEX':
        return this.#split(operands)
      case 'SUBSTRING':
      case 'SUBSTR':
      case 'LEFT':
      case 'RIGHT':
        return this.#part(call)
      case 'TRIM':
        return this.#trimmed(operands[2], second, SIDES[literalText(first) ?? ''])
      case 'LTRIM':
        return this.#trimmed(first, second, SIDES.LEADING)
      case 'RTRIM':
        return this.#trimmed(first, second, SIDES.TRAILING)
      case 'BTRIM':
        return this.#trimmed(first, second, SIDES.BOTH)
      case 'REPLACE':
        return this.#replaced(operands)
      case '||':
      case 'CONCAT':
        return isText(call.type) ? this.#joined(operands) : undefined
      case 'REGEXP':
      case 'REGEXP_EXTRACT':
      case 'REGEXP_SUBSTR':
        return this.#matched(call)
      case 'CHAR_LENGTH':
      case 'CHARACTER_LENGTH': {
        const text = this.text(first)
        if (text === undefined) return undefined
        return this.#derive(`length ${text.place}`, 'count', [text], (value) => (begin, end, selection) => {
          this.#kernels.textLength(text.address, selection, begin, end, value.address)
        })
      }
      case 'DATE_FORMAT':
        return this.#formatted(call)
      case 'POSITION':
      case 'LOCATE':
        return operands.length === 2 ? this.#placed(second, first) : undefined
      case 'INSTR':
        return operands.length === 2 ? this.#placed(first, second) : undefined
      case 'STARTSWITH':
        return this.#compared(Comparison.STARTS_WITH, first, literalText(second))
      case 'ENDSWITH':
        return this.#compared(Comparison.ENDS_WITH, first, literalText(second))
      case 'LIKE':
        return this.#alike(operands)
      case 'OR':
        return this.#among(call)
      default:
        return COMPARISONS[name] === undefined ? undefined : this.#comparison(call)
    }
  }

  /** Times that follow each other mostly have the same text: it is written once. */
  #formatted(call: BoundCall): Derived | undefined {
    const [time] = call.operands
    const path = pathOf(time)
    const pattern = literalText(call.operands[1])
    if (path === undefined || pattern === undefined || time.type.kind !== 'TIMESTAMP' || time.type.precision > 3) return undefined
    const unitMs = unitMsOf(pattern)
    if (unitMs === undefined) return undefined
    const format = scalarCodeOf(call)!.make(call, this.#context)!
    return this.#derive(`format ${path.column} ${path.field} ${pattern}`, 'text', [], (value) => (begin, end, selection) => {
      const { address } = value
      const whole = this.#columns[path.column]
      const column = path.field === undefined ? whole : whole.children[path.field]
      const hasNulls = column.nullCount !== 0 || whole.nullCount !== 0
      let { i32, u32 } = this.#slab
      let [firstMs, lastMs, textStart, textEnd] = [Infinity, -Infinity, 0, 0]
      for (let position = begin; position < end; position++) {
        const row = selection === 0 ? position : i32[(selection >>> 2) + position]
        const at = (address >>> 2) + row * 2
        if (hasNulls && (isMissing(column, row) || isMissing(whole, row))) {
          u32[at] = 0
          u32[at + 1] = 0
          continue
        }
        const from = (column.values >>> 2) + row * 2
        const ms = i32[from + 1] * 4294967296 + u32[from]
        if (!(ms >= firstMs && ms <= lastMs)) {
          textStart = this.put(format(ms, pattern) as string)
          textEnd = this.putEnd
          firstMs = Math.floor(ms / unitMs) * unitMs
          lastMs = firstMs + unitMs - 1
          ;({ i32, u32 } = this.#slab)
        }
        u32[at] = textStart
        u32[at + 1] = textEnd
      }
    })
  }

  #cased(call: BoundCall, firstLetter: number): Derived | undefined {
    const text = this.text(call.operands[0])
    if (text === undefined) return undefined
    const code = this.#generic(call)
    return this.#derive(`case ${text.place} ${firstLetter}`, 'text', [text], (value) => (begin, end, selection) => {
      const step = (at: number): number => this.#kernels.textCase(text.address, firstLetter, selection, at, end, this.#arena, value.address)
      this.#each(step, begin, end, selection, (row) => this.#setText(value, row, code(this.#read(text, row))))
    })
  }

  #split([of, delimiter, index]: readonly BoundExpression[]): Derived | undefined {
    const text = this.text(of)
    const code = literalNumber(delimiter)
    const by = code === undefined ? literalText(delimiter) : code >= 1 && code <= 255 ? String.fromCharCode(code) : undefined
    const place = literalNumber(index)
    if (text === undefined || by === undefined || by === '' || place === undefined || place < 0) return undefined
    const { start, end: stop } = this.constant(by)
    return this.#derive(`split ${text.place} ${start} ${place}`, 'text', [text], (value) => (begin, end, selection) => {
      this.#kernels.textSplit(text.address, start, stop - start, place, selection, begin, end, value.address)
    })
  }

  #part({ name, operands }: BoundCall): Derived | undefined {
    const text = this.text(operands[0])
    const place = literalNumber(operands[1])
    const length = operands.length > 2 ? literalNumber(operands[2]) : COUNT_MAX
    if (text === undefined || place === undefined || length === undefined || length < 0) return undefined
    const isSide = name === 'LEFT' || name === 'RIGHT'
    const from = isSide ? (name === 'RIGHT' && place > 0 ? -place : 0) : place > 0 ? place - 1 : place
    const count = isSide ? Math.max(place, 0) : length
    return this.#derive(`part ${text.place} ${from} ${count} ${isSide}`, 'text', [text], (value) => (begin, end, selection) => {
      this.#kernels.textPart(text.address, from, count, Number(isSide), selection, begin, end, value.address)
    })
  }

  #trimmed(of: BoundExpression, characters: BoundExpression | undefined, sides: number | undefined): Derived | undefined {
    const text = this.text(of)
    const set = characters === undefined ? ' ' : literalText(characters)
    if (text === undefined || sides === undefined || set === undefined || !ASCII.test(set)) return undefined
    return this.#derive(`trim ${text.place} ${sides} ${set}`, 'text', [text], (value) => {
      const table = new Uint8Array(256)
      for (let at = 0; at < set.length; at++) table[set.charCodeAt(at)] = 1
      const address = this.#bytes(table)
      return (begin, end, selection) => this.#kernels.textTrim(text.address, address, sides, selection, begin, end, value.address)
    })
  }

  #replaced([of, wanted, other]: readonly BoundExpression[]): Derived | undefined {
    const text = this.text(of)
    const [from, to] = [literalText(wanted), literalText(other)]
    if (text === undefined || from === undefined || from === '' || to === undefined) return undefined
    const [one, another] = [this.constant(from), this.constant(to)]
    return this.#derive(`replace ${text.place} ${one.start} ${another.start}`, 'text', [text], (value) => (begin, end, selection) => {
      const step = (at: number): number =>
        this.#kernels.textReplace(
          ...([text.address, one.start, one.end - one.start, another.start, another.end - another.start] as const),
          ...([selection, at, end, this.#arena, value.address] as const),
        )
      this.#each(step, begin, end, selection, unexpected)
    })
  }

  #joined(operands: readonly BoundExpression[]): Derived | undefined {
    const sides = operands.map((operand) => {
      const text = literalText(operand)
      return text === undefined ? this.text(operand) : this.constant(text)
    })
    if (operands.every(({ kind }) => kind === 'literal') || sides.includes(undefined) || this.#values.length + sides.length > VALUES_MAX) return undefined
    const joined = (sides as readonly (Derived | Slice)[]).reduce((left, right) => {
      const key = [left, right].map((side) => (isDerived(side) ? `#${side.place}` : side.start)).join(' ')
      return this.#derive(`concat ${key}`, 'text', [left, right].filter(isDerived), (value) => (begin, end, selection) => {
        const [one, other] = [sideOf(left), sideOf(right)]
        const step = (at: number): number => this.#kernels.textConcat(...one, ...other, selection, at, end, this.#arena, value.address)
        this.#each(step, begin, end, selection, unexpected)
      })
    })
    return isDerived(joined) ? joined : undefined
  }

  #matched(call: BoundCall): Derived | undefined {
    const { name, operands } = call
    const text = this.text(operands[0])
    const pattern = literalText(operands[1])
    if (text === undefined || pattern === undefined || pattern === '') return undefined
    const isTruth = name === 'REGEXP'
    const group = isTruth ? -1 : operands.length > 2 ? literalNumber(operands[2]) : 0
    const read = patternReader()(pattern)
    if (read === undefined || group === undefined || group > read.groupCount || (group < 0 && !isTruth)) return undefined
    const bytes = textProgramOf(read)
    if (bytes === undefined) return undefined
    if (this.#scratch === 0) this.#scratch = this.#keep(SCRATCH_BYTES)
    const code = this.#generic(call)
    return this.#derive(`match ${text.place} ${group} ${pattern}`, isTruth ? 'truth' : 'text', [text], (value) => {
      const program = this.#bytes(bytes)
      return (begin, end, selection) => {
        const step = (at: number): number =>
          this.#kernels.textMatch(text.address, program, group, selection, at, end, this.#scratch, SCRATCH_BYTES, this.#arena, value.address)
        this.#each(step, begin, end, selection, (row) => {
          const found = code(this.#read(text, row))
          if (isTruth) this.#slab.u8[value.address + row] = Number(found)
          else this.#setText(value, row, found)
        })
      }
    })
  }

  #placed(of: BoundExpression, part: BoundExpression): Derived | undefined {
    const text = this.text(of)
    const needle = literalText(part)
    if (text === undefined || needle === undefined) return undefined
    const { start, end: stop } = this.constant(needle)
    return this.#derive(`place ${text.place} ${start}`, 'count', [text], (value) => (begin, end, selection) => {
      this.#kernels.textPlace(text.address, start, stop - start, selection, begin, end, value.address)
    })
  }

  #compared(operation: Comparison, of: BoundExpression, constant: string | undefined): Derived | undefined {
    const text = constant === undefined ? undefined : this.text(of)
    if (text === undefined) return undefined
    const { start, end: stop } = this.constant(constant!)
    return this.#derive(`compare ${text.place} ${operation} ${start}`, 'truth', [text], (value) => (begin, end, selection) => {
      this.#kernels.textCompare(operation, text.address, start, stop - start, selection, begin, end, value.address)
    })
  }

  #comparison({ name, operands: [left, right] }: BoundCall): Derived | undefined {
    if (!isText(left.type) || !isText(right.type)) return undefined
    const [operation, flipped] = COMPARISONS[name]
    if (right.kind === 'literal') return this.#compared(operation, left, literalText(right))
    if (left.kind === 'literal') return this.#compared(flipped, right, literalText(left))
    const [one, other] = [this.text(left), this.text(right)]
    if (one === undefined || other === undefined) return undefined
    return this.#derive(`compare ${one.place} ${operation} #${other.place}`, 'truth', [one, other], (value) => (begin, end, selection) => {
      this.#kernels.textCompareBoth(operation, one.address, other.address, selection, begin, end, value.address)
    })
  }

  #alike([of, pattern, escape]: readonly BoundExpression[]): Derived | undefined {
    const [like, escaped] = [literalText(pattern), escape === undefined ? '' : literalText(escape)]
    if (like === undefined || escaped === undefined) return undefined
    const wanted = likeOf(like, escape === undefined ? undefined : escaped)
    if (wanted === undefined) return undefined
    const isPlain = (parts: readonly number[]): boolean => parts.every((part) => part !== ANY && part !== ONE)
    const plain = (parts: readonly number[]): string => String.fromCodePoint(...parts)
    const [begins, ends] = [wanted.at(-1) === ANY, wanted[0] === ANY]
    if (isPlain(wanted)) return this.#compared(Comparison.EQUAL, of, plain(wanted))
    if (begins && isPlain(wanted.slice(0, -1))) return this.#compared(Comparison.STARTS_WITH, of, plain(wanted.slice(0, -1)))
    if (ends && isPlain(wanted.slice(1))) return this.#compared(Comparison.ENDS_WITH, of, plain(wanted.slice(1)))
    if (begins && ends && wanted.length > 1 && isPlain(wanted.slice(1, -1))) return this.#compared(Comparison.CONTAINS, of, plain(wanted.slice(1, -1)))
    const text = this.text(of)
    if (text === undefined) return undefined
    const units = wanted.flatMap((part) => (part === ANY ? [LIKE_ANY] : part === ONE ? [LIKE_ONE] : Array.from(encoder.encode(String.fromCodePoint(part)))))
    return this.#derive(`like ${text.place} ${units.join()}`, 'truth', [text], (value) => {
      const address = this.#bytes(new Uint8Array(Uint16Array.from(units).buffer))
      return (begin, end, selection) => this.#kernels.textLike(text.address, address, units.length, selection, begin, end, value.address)
    })
  }

  /** Whether one text is among many: what IN is made of, a chain of OR. */
  #among(chain: BoundCall): Derived | undefined {
    let of: Derived | undefined
    const among = new Set<string>()
    const add = (expression: BoundExpression): boolean => {
      if (expression.kind !== 'call' || expression.name !== '=') return false
      const [left, right] = expression.operands
      const literal = literalText(right)
      if (literal === undefined) return false
      // The last one is asked first: a chain of other things ends there.
      of ??= this.text(left)
      if (of === undefined || of !== this.text(left)) return false
      among.add(literal)
      return true
    }
    let rest: BoundExpression = chain
    while (rest.kind === 'call' && rest.name === 'OR') {
      if (!add(rest.operands[1])) return undefined
      rest = rest.operands[0]
    }
    if (!add(rest) || among.size < AMONG_MIN) return undefined
    const text = of!
    const values = [...among]
    return this.#derive(`among ${text.place} ${JSON.stringify(values)}`, 'truth', [text], (value) => {
      const slots = 2 ** Math.ceil(Math.log2(values.length * 2))
      const table = this.#table(values, slots)
      return (begin, end, selection) => this.#kernels.textAmong(text.address, table, slots - 1, selection, begin, end, value.address)
    })
  }

  /** Texts where the kernel looks for them: at their hash, or behind it. */
  #table(texts: readonly string[], slots: number): number {
    const table = this.#bytes(new Uint8Array(slots * SLICE_BYTES))
    for (const text of texts) {
      const { start, end } = this.constant(text)
      const { u32 } = this.#slab
      let slot = Number(BigInt.asUintN(32, this.#kernels.hash64(start, end - start, 0n))) & (slots - 1)
      while (u32[(table >>> 2) + slot * 2] !== 0) slot = (slot + 1) & (slots - 1)
      u32[(table >>> 2) + slot * 2] = start
      u32[(table >>> 2) + slot * 2 + 1] = end
    }
    return table
  }

  // ---- rows that kernels leave ----

  /** Calls a kernel until it is through. @param slow What computes a row that is none for it. */
  #each(step: (begin: number) => number, begin: number, end: number, selection: number, slow: (row: number) => void): void {
    if (this.#arenaBlocks.length === 0) this.#more(0)
    let at = begin
    while ((at = step(at)) < end) {
      const { u32, i32 } = this.#slab
      const needed = u32[(this.#arena >>> 2) + 2]
      if (needed > 0) this.#more(needed)
      else {
        slow(selection === 0 ? at : i32[(selection >>> 2) + at])
        at++
      }
    }
  }

  /** The function of a call whose other operands are literals. */
  #generic(call: BoundCall): (text: string) => Value {
    const code = scalarCodeOf(call)!.make(call, this.#context)!
    const others = call.operands.slice(1).map((operand) => (operand.kind === 'literal' ? operand.value : null))
    return (text) => code(text, ...others)
  }

  #read({ address }: Derived, row: number): string {
    const { u8, u32 } = this.#slab
    const at = (address >>> 2) + row * 2
    return decodeText(u8, u32[at], u32[at + 1])
  }

  #setText({ address }: Derived, row: number, text: Value): void {
    const start = text === null ? 0 : this.put(text as string)
    const { u32 } = this.#slab
    const at = (address >>> 2) + row * 2
    u32[at] = start
    u32[at + 1] = text === null ? 0 : this.putEnd
  }
}

/** A text without casts that leave it as it is. */
export function uncast(expression: BoundExpression): BoundExpression {
  if (expression.kind !== 'cast') return expression
  const { type, operand } = expression
  const from = operand.type
  if (type.kind !== 'VARCHAR' || !isText(from)) return expression
  // Functions may make more characters than their types say.
  const isSame = type.length === LENGTH_MAX || (type.length >= from.length && (operand.kind === 'literal' || pathOf(operand) !== undefined))
  return isSame ? uncast(operand) : expression
}

function isDerived(side: Derived | Slice): side is Derived {
  return 'form' in side
}

/** As the kernel takes it: slices of rows, or the slice of all. */
function sideOf(side: Derived | Slice): readonly [slices: number, start: number, end: number] {
  return isDerived(side) ? [side.address, 0, 0] : [0, side.start, side.end]
}

function unexpected(): never {
  throw new Error('unreachable')
}

function isMissing({ slab, validity, nullCount }: Column, row: number): boolean {
  return nullCount !== 0 && ((slab.u8[validity + (row >>> 3)] >>> (row & 7)) & 1) === 0
}

/** Within how many ms times have the same text; undefined: what is wrong with the pattern is said when a time is written. */
function unitMsOf(pattern: string): number | undefined {
  try {
    return Math.max(1, unitMsOfPattern(parsePattern(pattern)))
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

/** A literal text that has bytes of its own in UTF-8. */
function literalText(expression: BoundExpression | undefined): string | undefined {
  return expression?.kind === 'literal' && typeof expression.value === 'string' && expression.value.isWellFormed() ? expression.value : undefined
}

function literalNumber(expression: BoundExpression | undefined): number | undefined {
  return expression?.kind === 'literal' && typeof expression.value === 'number' && Number.isInteger(expression.value) ? expression.value : undefined
}

/** Undefined: what is wrong with it is said when a text is compared with it. */
function likeOf(pattern: string, escape: string | undefined): readonly number[] | undefined {
  try {
    return readLike(pattern, escape)
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}
