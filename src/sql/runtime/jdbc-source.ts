// The source of tables of connector 'jdbc': reads a table of a database from one end to the other, in the ranges of its partition column if there is one.
// A position is a number of rows: a restore reads the range again and passes over as many.

import { BatchBuilder } from '../../batch/batch-builder.ts'
import type { RecordBatch } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import type { StoredRow } from '../../connector/lookup/lookup-table.ts'
import type { ScanRange, ScanTable } from '../../connector/lookup/scan-table.ts'
import { StreamIntake } from '../../connector/stream/stream-intake.ts'
import type { OperatorContext, SnapshotReader, SnapshotWriter } from '../../operator/operator.ts'
import { PollResult, readSplitStates, type Source, type SourceReader, type SourceSplit, writeSplitState } from '../../operator/source.ts'
import type { Value } from '../value.ts'
import { writeRow } from './row-codec.ts'

/** What is read. */
export interface JdbcSourceOptions {
  readonly table: ScanTable
  readonly schema: Schema
  readonly rowOf: (row: StoredRow) => readonly Value[]
  /** Undefined: the whole table at once. */
  readonly ranges: readonly ScanRange[] | undefined
  /** As EXPLAIN shows it. */
  readonly description: string
}

/** Where a reader stands. Numbers of 64 bits are texts. */
interface Position {
  readonly range: { readonly column: string; readonly lower: string; readonly upper: string } | null
  readonly rows: number
}

export function jdbcSource({ table, schema, rowOf, ranges, description }: JdbcSourceOptions): Source {
  return {
    name: 'JDBC',
    schema,
    bounded: true,
    needsEventLoop: true,
    parallelismMax: ranges?.length ?? 1,
    describe: () => description,
    enumerate: () =>
      (ranges ?? [undefined]).map((range, index) => ({ id: `range ${index}`, payload: { range: shownRange(range), rows: 0 } satisfies Position })),
    createReader: (context) => new JdbcReader(table, schema, rowOf, context),
  }
}

function shownRange(range: ScanRange | undefined): Position['range'] {
  return range === undefined ? null : { column: range.column, lower: String(range.lower), upper: String(range.upper) }
}

class JdbcReader implements SourceReader {
  readonly retryAtMs = Infinity
  readonly #table: ScanTable
  readonly #rowOf: (row: StoredRow) => readonly Value[]
  readonly #context: OperatorContext
  readonly #builder: BatchBuilder
  #intake: StreamIntake | undefined
  #split = 0
  #range: Position['range'] = null
  /** Rows taken of the range. */
  #rows = 0
  #isExhausted = false

  constructor(table: ScanTable, schema: Schema, rowOf: (row: StoredRow) => readonly Value[], context: OperatorContext) {
    this.#table = table
    this.#rowOf = rowOf
    this.#context = context
    this.#builder = new BatchBuilder(context.slab, schema, context.batchRowsMax)
  }

  get batch(): RecordBatch {
    return this.#builder.batch
  }

  poll(): PollResult {
    const intake = this.#intake
    if (intake === undefined) return this.#isExhausted ? PollResult.FINISHED : PollResult.NEEDS_SPLIT
    if (intake.isDone) {
      this.#intake = undefined
      return this.poll()
    }
    const rows = Math.min(intake.length, this.#context.batchRowsMax)
    if (rows === 0) {
      intake.fill()
      return PollResult.NOTHING
    }
    const batch = this.#builder.begin(false, false)
    for (let row = 0; row < rows; row++) writeRow(batch.columns, row, this.#rowOf(intake.take() as StoredRow))
    this.#rows += rows
    this.#builder.finish(rows)
    batch.split = this.#split
    intake.fill()
    return PollResult.BATCH
  }

  assign(split: SourceSplit, index: number): void {
    this.#begin(split.payload as Position, index)
  }

  noMoreSplits(): void {
    this.#isExhausted = true
  }

  snapshot(writer: SnapshotWriter): void {
    const position: Position = { range: this.#range, rows: this.#rows }
    if (this.#intake !== undefined) writeSplitState(writer, this.#split, Buffer.from(JSON.stringify(position)))
  }

  restore(reader: SnapshotReader): void {
    readSplitStates(reader, (index, state) => this.#begin(JSON.parse(Buffer.from(state).toString()) as Position, index))
  }

  close(): void {
    this.#intake?.close()
    this.#builder.free()
  }

  #begin({ range, rows }: Position, index: number): void {
    this.#split = index
    this.#range = range
    this.#rows = rows
    const wanted = range === null ? undefined : { column: range.column, lower: BigInt(range.lower), upper: BigInt(range.upper) }
    const { batchRowsMax } = this.#context
    this.#intake = new StreamIntake(
      (signal) => this.#table.rows(wanted, rows, signal),
      batchRowsMax,
      () => 1,
      () => this.#context.wake(),
    )
    this.#intake.fill()
  }
}
