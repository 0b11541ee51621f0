// Reading numbered rows: what generators have in common. A split is a range of row numbers, a reader fills batches from its ranges. Runs on
// the worker that owns the slab. Invariant: a reader's position is the number of the next row, exact between any two polls.

import { Column } from '../../batch/column.ts'
import { RecordBatch } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import type { OperatorContext, Output, SnapshotReader, SnapshotWriter } from '../../operator/operator.ts'
import { PollResult, type SourceReader, type SourceSplit, readSplitStates, writeSplitState } from '../../operator/source.ts'

/** Row numbers `first` .. `first + block - 1`, then the same `stride` further on, and so on, all below `end`. */
export interface RowRange {
  readonly first: number
  readonly end: number
  readonly block: number
  readonly stride: number
}

/** Rows in one split of a bounded range: 16 MiB or so of a usual row. */
const SPLIT_ROWS = 32_768
const SPLITS_MAX = 65_536
const ENDLESS = Number.MAX_SAFE_INTEGER

/**
 * Cuts 0 .. `rowCount` - 1 into splits, in order and small, so that readers stay close to each other. An endless range becomes one split a
 * reader, which take blocks in turn.
 */
export function rangeSplits(rowCount: number, parallelism: number): readonly SourceSplit[] {
  if (rowCount === Infinity) {
    return Array.from({ length: parallelism }, (_, reader) => {
      const range: RowRange = { first: reader * SPLIT_ROWS, end: ENDLESS, block: SPLIT_ROWS, stride: parallelism * SPLIT_ROWS }
      return { id: `every ${parallelism} from ${reader}`, payload: range }
    })
  }
  const rows = Math.max(SPLIT_ROWS, Math.ceil(rowCount / SPLITS_MAX))
  return Array.from({ length: Math.ceil(rowCount / rows) }, (_, index) => {
    const first = index * rows
    const end = Math.min(rowCount, first + rows)
    const range: RowRange = { first, end, block: rows, stride: rows }
    return { id: `${first}..${end - 1}`, payload: range }
  })
}

/** How a reader makes rows, and when. */
export interface RangeGenerator {
  /** Replaces the rows of `batch` by those numbered `first` .. `first + count - 1` and returns how many there are (some numbers may have no row). */
  generate(first: number, count: number, batch: RecordBatch, nowMs: number): number
  /** Row numbers a second that all readers together may pass; Infinity = no pace. */
  readonly rowsPerSecond: number
  /** Whether the reader stays after its last row. */
  readonly keepAlive: boolean
  /** Wall-clock time in epoch ms at which the reader ends, wherever it is; Infinity = never. */
  readonly stopAtMs: number
  close(): void
}

interface Position extends RowRange {
  next: number
  blockEnd: number
  readonly index: number
}

/** Numbers without a row that one poll passes over at most, in batches. */
const EMPTY_BATCHES_MAX = 16

/** Reads ranges of numbered rows. */
export class RangeReader implements SourceReader {
  readonly batch: RecordBatch
  retryAtMs = Infinity
  readonly #context: OperatorContext
  readonly #generator: RangeGenerator
  readonly #rowsPerMs: number
  readonly #positions: Position[] = []
  #noMoreSplits = false
  #startedMs = -1
  #passed = 0

  constructor(context: OperatorContext, schema: Schema, generator: RangeGenerator) {
    this.#context = context
    this.#generator = generator
    this.#rowsPerMs = generator.rowsPerSecond / 1000 / context.parallelism
    const columns = schema.fields.map(({ type }) => Column.allocate(context.slab, type, context.batchRowsMax))
    this.batch = new RecordBatch(context.slab, schema, columns)
  }

  poll(_sides: Output): PollResult {
    const { clock, batchRowsMax } = this.#context
    const nowMs = clock.nowMs()
    if (nowMs >= this.#generator.stopAtMs) return PollResult.FINISHED
    for (let attempt = 0; attempt < EMPTY_BATCHES_MAX; attempt++) {
      const position = this.#current()
      if (position === undefined) return this.#withoutSplit()
      // An endless range never ends, so all are taken before the first is read on.
      if (position.end === ENDLESS && !this.#noMoreSplits) return PollResult.NEEDS_SPLIT
      const due = this.#due(nowMs)
      if (due === 0) return PollResult.NOTHING
      const first = position.next
      const count = Math.min(batchRowsMax, due, position.blockEnd - first)
      const rows = this.#generator.generate(first, count, this.batch, nowMs)
      this.#passed += count
      position.next += count
      if (position.next === position.blockEnd) {
        position.next += position.stride - position.block
        position.blockEnd = Math.min(position.end, position.next + position.block)
        // After a restore with fewer readers one reads several endless ranges: in turn, or the others would never come.
        this.#positions.push(this.#positions.shift()!)
      }
      if (rows === 0) continue
      this.batch.split = position.index
      return PollResult.BATCH
    }
    this.retryAtMs = nowMs
    return PollResult.NOTHING
  }

  assign(split: SourceSplit, index: number): void {
    const range = split.payload as RowRange
    this.#positions.push({ ...range, next: range.first, blockEnd: Math.min(range.end, range.first + range.block), index })
  }

  noMoreSplits(): void {
    this.#noMoreSplits = true
  }

  snapshot(writer: SnapshotWriter): void {
    for (const position of this.#positions) writeSplitState(writer, position.index, new TextEncoder().encode(JSON.stringify(position)))
  }

  restore(reader: SnapshotReader): void {
    readSplitStates(reader, (_index, state) => this.#positions.push(JSON.parse(new TextDecoder().decode(state)) as Position))
  }

  close(): void {
    for (const column of this.batch.columns) column.free()
    this.#generator.close()
  }

  #current(): Position | undefined {
    while (this.#positions.length > 0 && this.#positions[0].next >= this.#positions[0].end) this.#positions.shift()
    return this.#positions[0]
  }

  #withoutSplit(): PollResult {
    if (!this.#noMoreSplits) return PollResult.NEEDS_SPLIT
    if (!this.#generator.keepAlive) return PollResult.FINISHED
    this.retryAtMs = this.#generator.stopAtMs
    return PollResult.NOTHING
  }

  /** How many row numbers the pace allows now; without any, sets when to come back. */
  #due(nowMs: number): number {
    if (this.#rowsPerMs === Infinity) return Infinity
    const monotonicMs = this.#context.clock.monotonicMs()
    if (this.#startedMs < 0) this.#startedMs = monotonicMs
    const due = Math.floor((monotonicMs - this.#startedMs) * this.#rowsPerMs) + 1 - this.#passed
    if (due > 0) return due
    this.retryAtMs = Math.min(this.#generator.stopAtMs, nowMs + Math.max(1, Math.ceil(this.#startedMs + this.#passed / this.#rowsPerMs - monotonicMs)))
    return 0
  }
}
