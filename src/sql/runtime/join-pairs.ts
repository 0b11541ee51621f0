// Pairs of rows of one side of a join with those that are kept of the other, made in columns. Used by one operator, on its thread.

import { BatchBuilder } from '../../batch/batch-builder.ts'
import { Column } from '../../batch/column.ts'
import { RecordBatch } from '../../batch/record-batch.ts'
import { physicalKindOf, type Schema } from '../../batch/types.ts'
import { PhysicalKind } from '../../kernels/column-layout.ts'
import { gatherRows } from '../../kernels/gather.ts'
import type { KeyBatch } from '../../kernels/keys.ts'
import { userError } from '../../operator/function.ts'
import type { OperatorContext, Output } from '../../operator/operator.ts'
import type { BoundExpression } from '../bound-expression.ts'
import { columnsOf } from '../expressions.ts'
import { type ColumnProgram, compileColumns } from './column-code.ts'
import { JOIN_ROWS_MAX, type KeptSide } from './kept-side.ts'
import type { SessionContext } from './sql-operator.ts'

/** Pairs that are made at once. */
export const PAIRS_MAX = 4096
/** So often in one call. */
const TURNS_MAX = 16
/** Rows that a dictionary has room for at first. */
const COLUMN_ROWS = 64
/** A kept row that so many pairs of a batch share, on an average, gives its texts once. */
const PAIRS_PER_CODE = 2

/** One side of a join of columns. */
export interface ColumnJoinInput {
  readonly schema: Schema
  readonly key: readonly number[]
  /** How many columns go on; behind them lie those that only the key needs. */
  readonly width: number
}

/** A join of two inputs with keys of the same types. */
export interface ColumnJoinSpec {
  readonly inputs: readonly [ColumnJoinInput, ColumnJoinInput]
  readonly outputSchema: Schema
  /** Whether keys of which a part is NULL are equal to none: for each part of the key. */
  readonly refusesNull: readonly boolean[]
  /** What must hold of a pair beside the key, over the columns of the output, without the watermark; undefined: nothing. */
  readonly condition: BoundExpression | undefined
}

/** A column of texts that are told once each, and the column of their codes. */
interface CodedColumn {
  readonly dictionary: Column
  readonly coded: Column
}

export class JoinPairs {
  readonly #context: OperatorContext
  readonly #spec: ColumnJoinSpec
  readonly #pairsMax: number
  readonly #builder: BatchBuilder
  readonly #view: RecordBatch
  readonly #program: ColumnProgram | undefined
  readonly #ofCondition: ReadonlySet<number>
  /** By column of the output: what it is if it is coded. Made when first needed. */
  readonly #coded: (CodedColumn | undefined)[] = []
  /** Address of what lies at the offsets below: lists of the rows under way, and of the pairs that are made. */
  readonly #scratch: number
  #pending = 0
  #hasPaused = false

  /** @param pairsMax Pairs that are made at once, at most {@link PAIRS_MAX}. */
  constructor(context: OperatorContext, spec: ColumnJoinSpec, session: SessionContext, pairsMax: number) {
    const { slab, kernels, clock } = context
    const { outputSchema, condition } = spec
    this.#context = context
    this.#spec = spec
    this.#pairsMax = pairsMax
    this.#builder = new BatchBuilder(slab, outputSchema, PAIRS_MAX)
    this.#view = new RecordBatch(slab, outputSchema, [])
    this.#ofCondition = condition === undefined ? new Set() : columnsOf(condition)
    const evaluation = { ...session, nowMs: () => clock.nowMs(), watermarkMs: () => -Infinity }
    if (condition !== undefined) this.#program = compileColumns(outputSchema, condition, [], evaluation, slab, kernels)
    this.#scratch = slab.allocate(SCRATCH_BYTES)
  }

  /** Whether there are rows whose pairs are not all made yet. */
  get isPending(): boolean {
    return this.#pending > 0
  }

  /** Whether the last {@link emit} has ended because it had made pairs enough. */
  get hasPaused(): boolean {
    return this.#hasPaused
  }

  /** Address of room for int32 rows[JOIN_ROWS_MAX + 1]: those whose pairs are made. */
  get rows(): number {
    return this.#scratch
  }

  /** Address of scratch: two of u32[JOIN_ROWS_MAX]. */
  get entries(): number {
    return this.#scratch + ENTRIES
  }

  /**
   * Lists, in {@link rows}, the rows at logical positions begin..begin + n - 1 that may have partners: nothing is equal to a NULL, in columns of the key that refuse it.
   *
   * @returns how many.
   */
  list(batch: RecordBatch, begin: number, n: number, key: readonly number[], refusesNull: readonly boolean[]): number {
    const { slab, kernels } = this.#context
    const { rows } = this
    let count = n
    let isListed = false
    refusesNull.forEach((refuses, part) => {
      if (!refuses) return
      count = kernels.selectNull(batch.columns[key[part]].descriptor, 0, isListed ? rows : batch.selection, isListed ? 0 : begin, count, rows)
      isListed = true
    })
    if (!isListed) for (let index = 0; index < n; index++) slab.u32[(rows >>> 2) + index] = batch.physicalRow(begin + index)
    return count
  }

  /** Begins to make the pairs of the `n` listed rows, with these keys, and what is kept now. */
  begin(keys: KeyBatch, n: number, other: KeptSide): void {
    const { slab } = this.#context
    other.find(keys, this.#scratch + PARTNERS)
    slab.u32[(this.#scratch + CURSOR) >>> 2] = 0
    slab.u32[(this.#scratch + CURSOR + 4) >>> 2] = 0
    this.#pending = n
  }

  /**
   * Makes pairs of the rows under way.
   *
   * @param batch Has the rows, of this input.
   * @returns false: the output refused, or there were pairs enough for one call.
   */
  emit(batch: RecordBatch, output: Output, input: number, other: KeptSide): boolean {
    const { slab } = this.#context
    const scratch = this.#scratch
    const cursor = (scratch + CURSOR) >>> 2
    this.#hasPaused = false
    for (let turns = 0; slab.u32[cursor] < this.#pending; turns++) {
      // What takes the pairs may drop them all, and never refuse.
      this.#hasPaused = turns === TURNS_MAX
      if (this.#hasPaused || !output.hasCapacity()) return false
      let count = other.pairs(scratch + PARTNERS, this.#pending, scratch, scratch + CURSOR, scratch + PAIRS, scratch + OTHERS, this.#pairsMax)
      if (count === 0) break
      if (this.#program !== undefined) count = this.#passing(this.#program, batch, input, other, count)
      if (count > 0) output.emit(this.#pairs(batch, input, other, count))
    }
    this.#pending = 0
    return true
  }

  free(): void {
    this.#program?.free()
    this.#builder.free()
    for (const column of this.#coded) {
      column?.coded.free()
      column?.dictionary.free()
    }
    this.#context.slab.free(this.#scratch, SCRATCH_BYTES)
  }

  /** Leaves of the pairs those for which the condition holds. Returns how many. */
  #passing(program: ColumnProgram, batch: RecordBatch, input: number, other: KeptSide, count: number): number {
    const scratch = this.#scratch
    this.#write(batch, input, other, count, (column) => this.#ofCondition.has(column))
    let passing: number
    try {
      program.bind(this.#builder.finish(count))
      passing = program.filter(0, count, 0, scratch + CODES)
    } catch (error) {
      throw userError(this.#context.operatorName, this.#context.subtaskIndex, error)
    }
    const { u32 } = this.#context.slab
    const [own, others, passed] = [(scratch + PAIRS) >>> 2, (scratch + OTHERS) >>> 2, (scratch + CODES) >>> 2]
    for (let index = 0; index < passing; index++) {
      u32[own + index] = u32[own + u32[passed + index]]
      u32[others + index] = u32[others + u32[passed + index]]
    }
    return passing
  }

  /** The pairs as a batch. Texts of kept rows that many of them share are told once. */
  #pairs(batch: RecordBatch, input: number, other: KeptSide, count: number): RecordBatch {
    const { slab, kernels } = this.#context
    const scratch = this.#scratch
    const { inputs } = this.#spec
    const first = input === 0 ? inputs[0].width : 0
    const end = first + inputs[1 - input].width
    const { fields } = this.#spec.outputSchema
    const isText = (column: number): boolean => column >= first && column < end && physicalKindOf(fields[column].type) === PhysicalKind.BYTES
    const hasText = fields.some((_, column) => isText(column))
    const different = hasText ? kernels.joinDistinct(scratch + OTHERS, count, scratch + CODES, scratch + DIFFERENT, scratch + SLOTS, SLOT_COUNT) : count
    const isCoded = different * PAIRS_PER_CODE <= count
    this.#write(batch, input, other, count, (column) => !isCoded || !isText(column))
    const made = this.#builder.finish(count)
    if (!isCoded) return made
    const dictionaries = fields.map((_, column) => (isText(column) ? this.#codedAt(column).dictionary : undefined))
    for (const dictionary of dictionaries) dictionary?.clear()
    other.read(scratch + DIFFERENT, different, dictionaries.slice(first, end), 0)
    const view = this.#view.viewOf(made)
    view.columns = made.columns.map((column, index) => {
      const dictionary = dictionaries[index]
      if (dictionary === undefined) return column
      // A code is of a value.
      if (dictionary.nullCount > 0) {
        gatherRows(slab, kernels, dictionary, column, scratch + CODES, 0, count, 0)
        return column
      }
      const { coded } = this.#codedAt(index)
      coded.values = scratch + CODES
      coded.rowCapacity = count
      return coded
    })
    return view
  }

  #codedAt(column: number): CodedColumn {
    const { slab } = this.#context
    const { type } = this.#spec.outputSchema.fields[column]
    let made = this.#coded[column]
    if (made === undefined) {
      made = { dictionary: Column.allocate(slab, type, COLUMN_ROWS), coded: Column.borrow(slab, type) }
      made.coded.setDictionary(made.dictionary)
      this.#coded[column] = made
    }
    return made
  }

  /** Writes some columns of the pairs. */
  #write(batch: RecordBatch, input: number, other: KeptSide, count: number, isWanted: (column: number) => boolean): void {
    const { slab, kernels } = this.#context
    const { inputs } = this.#spec
    const { columns } = this.#builder.begin(false, false)
    this.#builder.ensureRows(count)
    const wanted = columns.map((column, index) => (isWanted(index) ? column : undefined))
    const [left, right] = [wanted.slice(0, inputs[0].width), wanted.slice(inputs[0].width)]
    const [own, others] = input === 0 ? [left, right] : [right, left]
    other.read(this.#scratch + OTHERS, count, others, 0)
    own.forEach((column, index) => {
      if (column !== undefined) gatherRows(slab, kernels, batch.columns[index], column, this.#scratch + PAIRS, 0, count, 0)
    })
  }
}

// Where the parts of the scratch memory begin: int32 rows[JOIN_ROWS_MAX + 1] of the step under way, u32 their entries and kept records, u32 their partners' entries; of
// pairs int32 own rows, u32 kept records, int32 codes of these or what the condition lets pass, and u32 the different ones; u32 cursor[2] of the step; slots.
const ENTRIES = (JOIN_ROWS_MAX + 2) * 4
const PARTNERS = ENTRIES + JOIN_ROWS_MAX * 8
const PAIRS = PARTNERS + JOIN_ROWS_MAX * 4
const OTHERS = PAIRS + PAIRS_MAX * 4
const CODES = OTHERS + PAIRS_MAX * 4
const DIFFERENT = CODES + PAIRS_MAX * 4
const CURSOR = DIFFERENT + PAIRS_MAX * 4
const SLOTS = CURSOR + 8
const SLOT_COUNT = PAIRS_MAX * 2
const SCRATCH_BYTES = SLOTS + SLOT_COUNT * 8
