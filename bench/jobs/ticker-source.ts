// Rows that fall due by a schedule made beforehand, whatever becomes of the rows before them (an open loop): row n of a reader is due n / rate
// after the start. A row carries when it was due, so that its latency counts from there and not from when it was made.

import { Column } from '../../src/batch/column.ts'
import { RecordBatch } from '../../src/batch/record-batch.ts'
import { defineSchema, t } from '../../src/batch/types.ts'
import type { OperatorContext } from '../../src/operator/operator.ts'
import { PollResult, type Source, type SourceReader, type SourceSplit } from '../../src/operator/source.ts'

export const TICK = defineSchema({ key: t.int(), dueMs: t.double() })

class TickerReader implements SourceReader {
  readonly batch: RecordBatch
  retryAtMs = Infinity
  readonly #context: OperatorContext
  readonly #rowsPerMs: number
  readonly #rows: number
  #startMs = -1
  #row = 0
  #isAssigned = false
  #isExhausted = false

  constructor(context: OperatorContext, rowsPerMs: number, rows: number) {
    this.#context = context
    this.#rowsPerMs = rowsPerMs
    this.#rows = rows
    this.batch = new RecordBatch(
      context.slab,
      TICK,
      TICK.fields.map(({ type }) => Column.allocate(context.slab, type, context.batchRowsMax)),
    )
  }

  poll(): PollResult {
    if (!this.#isAssigned && !this.#isExhausted) return PollResult.NEEDS_SPLIT
    const { clock, slab, batchRowsMax, subtaskIndex } = this.#context
    const nowMs = clock.monotonicMs()
    if (this.#startMs < 0) this.#startMs = nowMs
    if (this.#row === this.#rows) return PollResult.FINISHED
    const due = Math.min(this.#rows, Math.floor((nowMs - this.#startMs) * this.#rowsPerMs) + 1)
    const count = Math.min(batchRowsMax, due - this.#row)
    if (count === 0) {
      // The wall clock counts whole milliseconds: what is asked for is a distance from it.
      this.retryAtMs = clock.nowMs() + (this.#startMs + this.#row / this.#rowsPerMs - nowMs)
      return PollResult.NOTHING
    }
    const [key, dueMs] = this.batch.columns.map(({ values }) => values) as [number, number]
    for (let index = 0; index < count; index++) {
      const row = this.#row + index
      slab.i32[(key >>> 2) + index] = Math.imul(row * 2 + subtaskIndex, 0x9e3779b1) >>> 8
      slab.f64[(dueMs >>> 3) + index] = this.#startMs + row / this.#rowsPerMs
    }
    this.#row += count
    this.batch.rowCount = count
    this.batch.rewind()
    return PollResult.BATCH
  }

  assign(): void {
    this.#isAssigned = true
  }

  noMoreSplits(): void {
    this.#isExhausted = true
  }

  snapshot(): void {}

  restore(): void {}

  close(): void {
    for (const column of this.batch.columns) column.free()
  }
}

export class TickerSource implements Source<{ key: number; dueMs: number }> {
  readonly name = 'ticker'
  readonly schema = TICK
  readonly bounded = true
  readonly needsEventLoop = false
  readonly parallelismMax = Infinity
  readonly #rowsPerMs: number
  readonly #seconds: number

  /** @param rowsPerSecond Of all readers together. */
  constructor(rowsPerSecond: number, seconds: number) {
    this.#rowsPerMs = rowsPerSecond / 1000
    this.#seconds = seconds
  }

  describe(): string {
    return `${this.#rowsPerMs * 1000} rows a second`
  }

  enumerate(parallelism: number): readonly SourceSplit[] {
    return Array.from({ length: parallelism }, (_, index) => ({ id: `ticker ${index}`, payload: null }))
  }

  createReader(context: OperatorContext): SourceReader {
    const rowsPerMs = this.#rowsPerMs / context.parallelism
    return new TickerReader(context, rowsPerMs, Math.round(this.#seconds * 1000 * rowsPerMs))
  }
}
