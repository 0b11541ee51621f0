// The inner join of rows that only come, without bounds in time: both sides are kept as records (kept-side.ts), and pairs are made as columns, of those pairs only for
// which the rest of the condition holds. Rows that expire or are taken back, and other joins, are those of join-operator.ts. Runs on the worker's thread.

import type { RecordBatch } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import { type OperatorContext, type OperatorDescription, type Output, type SnapshotReader, TimelessOperator } from '../../operator/operator.ts'
import type { KeyedSnapshotWriter } from '../../state/state.ts'
import type { StateSchema } from '../../state/state-schema.ts'
import { type ColumnJoinSpec, JoinPairs, PAIRS_MAX } from './join-pairs.ts'
import { JOIN_ROWS_MAX, KeptSide } from './kept-side.ts'
import type { SessionContext } from './sql-operator.ts'

const STATES: readonly [StateSchema, StateSchema] = [
  { name: 'left', kind: 'rows' },
  { name: 'right', kind: 'rows' },
]

export class ColumnJoinOperator extends TimelessOperator {
  readonly crossings = 'cut'
  readonly outputSchema: Schema
  readonly #spec: ColumnJoinSpec
  readonly #session: SessionContext
  readonly #pairsMax: number
  #sides!: readonly [KeptSide, KeptSide]
  #pairs!: JoinPairs
  /** Rows of the batch that the step under way has kept. */
  #taken = 0

  /** @param pairsMax Pairs that are made at once, at most {@link PAIRS_MAX}. */
  constructor(spec: ColumnJoinSpec, session: SessionContext, pairsMax: number = PAIRS_MAX) {
    super()
    this.#spec = spec
    this.#session = session
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
    this.#pairs = new JoinPairs(context, this.#spec, this.#session, this.#pairsMax)
  }

  /** Whether the last call has ended because it had made pairs enough. */
  get hasPaused(): boolean {
    return this.#pairs.hasPaused
  }

  processBatch(batch: RecordBatch, output: Output, input: number): boolean {
    while (batch.begin < batch.end) {
      if (this.#taken === 0) this.#take(batch, input)
      if (this.#pairs.isPending && !this.#pairs.emit(batch, output, input, this.#sides[1 - input])) return false
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
    this.#pairs?.free()
  }

  /** Keeps some rows, and finds their partners. */
  #take(batch: RecordBatch, input: number): void {
    const { inputs, refusesNull } = this.#spec
    const pairs = this.#pairs
    this.#taken = Math.min(batch.end - batch.begin, JOIN_ROWS_MAX)
    const n = pairs.list(batch, batch.begin, this.#taken, inputs[input].key, refusesNull)
    if (n === 0) return
    const own = this.#sides[input]
    const keys = own.keysOf(batch, pairs.rows, n)
    pairs.begin(keys, n, this.#sides[1 - input])
    own.add(batch, pairs.rows, n, keys, pairs.entries)
  }
}
