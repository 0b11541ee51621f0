// Pairs of rows of one side of a join with those that are kept of the other, made in columns. Used by one operator, on its thread.

import { BatchBuilder } from '../../batch/batch-builder.ts'
import type { RecordBatch } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import { gatherRows } from '../../kernels/gather.ts'
import type { KeyBatch } from '../../kernels/keys.ts'
import type { OperatorContext, Output } from '../../operator/operator.ts'
import { JOIN_ROWS_MAX, type KeptSide } from './kept-side.ts'

/** Pairs that are made at once. */
export const PAIRS_MAX = 4096
/** So often in one call. */
const TURNS_MAX = 16

/** One side of a join of columns. */
export interface ColumnJoinInput {
  readonly schema: Schema
  readonly key: readonly number[]
  /** How many columns go on; behind them lie those that only the key needs. */
  readonly width: number
}

export class JoinPairs {
  readonly #context: OperatorContext
  readonly #widths: readonly number[]
  readonly #pairsMax: number
  readonly #builder: BatchBuilder
  /** Address of int32 rows[JOIN_ROWS_MAX + 1], u32 entries and partners[JOIN_ROWS_MAX], pairs of rows[PAIRS_MAX] and u32 cursor[2]. */
  readonly #scratch: number
  #pending = 0
  #hasPaused = false

  /** @param pairsMax Pairs that are made at once, at most {@link PAIRS_MAX}. */
  constructor(context: OperatorContext, outputSchema: Schema, inputs: readonly ColumnJoinInput[], pairsMax: number) {
    this.#context = context
    this.#widths = inputs.map(({ width }) => width)
    this.#pairsMax = pairsMax
    this.#builder = new BatchBuilder(context.slab, outputSchema, PAIRS_MAX)
    this.#scratch = context.slab.allocate(SCRATCH_BYTES)
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

  /** Address of scratch: u32[JOIN_ROWS_MAX]. */
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
    const { slab, kernels } = this.#context
    const scratch = this.#scratch
    const cursor = (scratch + CURSOR) >>> 2
    const [width] = this.#widths
    this.#hasPaused = false
    for (let turns = 0; slab.u32[cursor] < this.#pending; turns++) {
      // What takes the pairs may drop them all, and never refuse.
      this.#hasPaused = turns === TURNS_MAX
      if (this.#hasPaused || !output.hasCapacity()) return false
      const count = other.pairs(scratch + PARTNERS, this.#pending, scratch, scratch + CURSOR, scratch + PAIRS, scratch + OTHERS, this.#pairsMax)
      if (count === 0) break
      const { columns } = this.#builder.begin(false, false)
      this.#builder.ensureRows(count)
      const [left, right] = [columns.slice(0, width), columns.slice(width)]
      const [own, others] = input === 0 ? [left, right] : [right, left]
      other.gather(scratch + OTHERS, scratch + PAIRS, count, others)
      own.forEach((column, index) => gatherRows(slab, kernels, batch.columns[index], column, scratch + PAIRS, 0, count, 0))
      output.emit(this.#builder.finish(count))
    }
    this.#pending = 0
    return true
  }

  free(): void {
    this.#builder.free()
    this.#context.slab.free(this.#scratch, SCRATCH_BYTES)
  }
}

// Where the parts of the scratch memory begin.
const ENTRIES = (JOIN_ROWS_MAX + 2) * 4
const PARTNERS = ENTRIES + JOIN_ROWS_MAX * 4
const PAIRS = PARTNERS + JOIN_ROWS_MAX * 4
const OTHERS = PAIRS + PAIRS_MAX * 4
const CURSOR = OTHERS + PAIRS_MAX * 4
const SCRATCH_BYTES = CURSOR + 8
