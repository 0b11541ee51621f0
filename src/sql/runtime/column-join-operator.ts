// The inner join of rows that only come, without bounds in time: both sides are kept in columns (kept-side.ts), and pairs are made of columns. What must hold of a
// pair beside its key is for a filter behind it. Rows that expire or are taken back, and other joins, are those of join-operator.ts. Runs on the worker's thread.

import { BatchBuilder } from '../../batch/batch-builder.ts'
import type { RecordBatch } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import { gatherRows } from '../../kernels/gather.ts'
import { type OperatorContext, type OperatorDescription, type Output, type SnapshotReader, TimelessOperator } from '../../operator/operator.ts'
import type { KeyedSnapshotWriter } from '../../state/state.ts'
import type { StateSchema } from '../../state/state-schema.ts'
import { KeptSide } from './kept-side.ts'

/** A join of two inputs with keys of the same types. */
export interface ColumnJoinSpec {
  readonly inputs: readonly [ColumnJoinInput, ColumnJoinInput]
  readonly outputSchema: Schema
  /** Whether keys of which a part is NULL are equal to none: for each part of the key. */
  readonly refusesNull: readonly boolean[]
}

interface ColumnJoinInput {
  readonly schema: Schema
  readonly key: readonly number[]
  /** How many columns go on; behind them lie those that only the key needs. */
  readonly width: number
}

const ROWS_PER_STEP = 4096
/** Pairs that are made at once. */
const PAIRS_MAX = 4096
/** So often in one call. */
const TURNS_MAX = 16
const STATES: readonly [StateSchema, StateSchema] = [
  { name: 'left', kind: 'rows' },
  { name: 'right', kind: 'rows' },
]

export class ColumnJoinOperator extends TimelessOperator {
  readonly crossings = 'cut'
  readonly outputSchema: Schema
  readonly #spec: ColumnJoinSpec
  readonly #pairsMax: number
  #sides!: readonly [KeptSide, KeptSide]
  #builder!: BatchBuilder
  /** Address of int32 rows[ROWS_PER_STEP + 1], u32 entries and partners[ROWS_PER_STEP] of the step under way, pairs of rows[PAIRS_MAX] and u32 cursor[2]. */
  #scratch = 0
  /** Rows of the batch that the step under way has kept, and how many of them may have partners, whose pairs are not all made yet. */
  #taken = 0
  #pending = 0
  #hasPaused = false

  /** @param pairsMax Pairs that are made at once, at most {@link PAIRS_MAX}. */
  constructor(spec: ColumnJoinSpec, pairsMax: number = PAIRS_MAX) {
    super()
    this.#spec = spec
    this.#pairsMax = pairsMax
    this.outputSchema = spec.outputSchema
  }

  describe(): OperatorDescription {
    return { type: 'join by columns', states: STATES.map((schema) => ({ schema })), hasTimers: false }
  }

  override open(context: OperatorContext): void {
    const [left, right] = this.#spec.inputs
    super.open(context)
    this.#sides = [new KeptSide(context, left.schema, left.key, STATES[0]), new KeptSide(context, right.schema, right.key, STATES[1])]
    this.#builder = new BatchBuilder(context.slab, this.outputSchema, PAIRS_MAX)
    this.#scratch = context.slab.allocate(SCRATCH_BYTES)
  }

  /** Whether the last call has ended because it had made pairs enough. */
  get hasPaused(): boolean {
    return this.#hasPaused
  }

  processBatch(batch: RecordBatch, output: Output, input: number): boolean {
    while (batch.begin < batch.end) {
      if (this.#taken === 0) this.#take(batch, input)
      if (this.#pending > 0 && !this.#emitPairs(batch, output, input)) return false
      // Only now: of a batch without rows nobody asks again.
      batch.begin += this.#taken
      this.#taken = 0
    }
    return true
  }

  snapshot(writer: KeyedSnapshotWriter): void {
    for (const side of this.#sides) side.snapshot(writer)
  }

  restore(reader: SnapshotReader): void {
    for (const side of this.#sides) side.restore(reader)
  }

  override close(): void {
    for (const side of this.#sides ?? []) side.free()
    this.#builder?.free()
    if (this.#scratch > 0) this.context.slab.free(this.#scratch, SCRATCH_BYTES)
  }

  /** Keeps some rows, and finds their partners. */
  #take(batch: RecordBatch, input: number): void {
    const { slab, kernels } = this.context
    const { key } = this.#spec.inputs[input]
    const { begin, selection } = batch
    let n = Math.min(batch.end - begin, ROWS_PER_STEP)
    this.#taken = n
    const rows = this.#scratch
    // Nothing is equal to NULL, so such rows have no pair, ever.
    let isListed = false
    this.#spec.refusesNull.forEach((refuses, part) => {
      if (!refuses) return
      n = kernels.selectNull(batch.columns[key[part]].descriptor, 0, isListed ? rows : selection, isListed ? 0 : begin, n, rows)
      isListed = true
    })
    if (!isListed) for (let index = 0; index < n; index++) slab.u32[(rows >>> 2) + index] = batch.physicalRow(begin + index)
    if (n === 0) return
    const own = this.#sides[input]
    const keys = own.keysOf(batch, rows, n)
    this.#sides[1 - input].find(keys, this.#scratch + PARTNERS)
    own.add(batch, rows, n, keys, this.#scratch + ENTRIES)
    slab.u32[(this.#scratch + CURSOR) >>> 2] = 0
    slab.u32[(this.#scratch + CURSOR + 4) >>> 2] = 0
    this.#pending = n
  }

  /** Makes pairs of the rows under way. False: the output refused. */
  #emitPairs(batch: RecordBatch, output: Output, input: number): boolean {
    const { slab, kernels } = this.context
    const scratch = this.#scratch
    const { inputs } = this.#spec
    const other = this.#sides[1 - input]
    const cursor = (scratch + CURSOR) >>> 2
    this.#hasPaused = false
    for (let turns = 0; slab.u32[cursor] < this.#pending; turns++) {
      // What takes the pairs may drop them all, and never refuse.
      this.#hasPaused = turns === TURNS_MAX
      if (this.#hasPaused || !output.hasCapacity()) return false
      const count = other.pairs(scratch + PARTNERS, this.#pending, scratch, scratch + CURSOR, scratch + PAIRS, scratch + OTHERS, this.#pairsMax)
      if (count === 0) break
      const { columns } = this.#builder.begin(false, false)
      this.#builder.ensureRows(count)
      const [left, right] = [columns.slice(0, inputs[0].width), columns.slice(inputs[0].width)]
      const [own, others] = input === 0 ? [left, right] : [right, left]
      other.gather(scratch + OTHERS, scratch + PAIRS, count, others)
      own.forEach((column, index) => gatherRows(slab, kernels, batch.columns[index], column, scratch + PAIRS, 0, count, 0))
      output.emit(this.#builder.finish(count))
    }
    this.#pending = 0
    return true
  }
}

// Where the parts of the scratch memory begin.
const ENTRIES = (ROWS_PER_STEP + 2) * 4
const PARTNERS = ENTRIES + ROWS_PER_STEP * 4
const PAIRS = PARTNERS + ROWS_PER_STEP * 4
const OTHERS = PAIRS + PAIRS_MAX * 4
const CURSOR = OTHERS + PAIRS_MAX * 4
const SCRATCH_BYTES = CURSOR + 8
