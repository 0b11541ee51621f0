// A row group of a Parquet file as a split: batches from its columns, bad fields dealt with row by row.

import { BUFFER_SLACK_BYTES } from '../../kernels/column-layout.ts'
import type { RecordBatch } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import type { BadRecords } from '../../format/bad-records.ts'
import { ParquetFile, RowGroupReader } from '../../format/parquet/parquet-file.ts'
import type { OperatorContext } from '../../operator/operator.ts'
import { type FileSplit, nameOf, SplitResult, type SplitPosition, type SplitReader } from './split-reader.ts'

/** The Parquet file that a reader has open: its splits usually follow each other in one file. */
export class OpenParquetFile {
  readonly path: string
  readonly rows: RowGroupReader
  readonly #file: ParquetFile

  constructor(path: string, schema: Schema, context: OperatorContext) {
    this.path = path
    this.#file = new ParquetFile(path)
    try {
      this.rows = new RowGroupReader(this.#file, schema, context.slab, context.batchRowsMax, (bytes) => (context.metrics.bytesRead += bytes))
    } catch (error) {
      this.#file.close()
      throw error
    }
  }

  close(): void {
    this.rows.free()
    this.#file.close()
  }
}

interface BadField {
  readonly column: number
  readonly row: number
  readonly reason: string
}

/** Reads one row group. */
export class RowGroupSplitReader implements SplitReader {
  readonly #split: FileSplit
  readonly #rows: RowGroupReader
  readonly #schema: Schema
  readonly #context: OperatorContext
  readonly #bad: BadRecords
  readonly #badFields: BadField[] = []
  readonly #takeNote: (column: number, row: number, reason: string) => void
  #selection = 0

  constructor(split: FileSplit, position: SplitPosition | null, file: OpenParquetFile, schema: Schema, context: OperatorContext, bad: BadRecords) {
    this.#split = split
    this.#rows = file.rows
    this.#schema = schema
    this.#context = context
    this.#bad = bad
    this.#takeNote = (column, row, reason) => this.#badFields.push({ column, row, reason })
    file.rows.open(split.rowGroup, position?.row ?? 0)
  }

  get batch(): RecordBatch {
    return this.#rows.batch
  }

  get position(): SplitPosition {
    return { offset: 0, lines: undefined, isSkipping: false, row: this.#rows.row, identity: null }
  }

  poll(): SplitResult {
    for (;;) {
      this.#badFields.length = 0
      if (this.#rows.next(this.#takeNote) === 0) return SplitResult.DONE
      if (this.#badFields.length > 0) this.#removeBadRows()
      if (this.batch.end > 0) return SplitResult.ROWS
      if (this.#bad.isFull) return SplitResult.NOTHING
    }
  }

  close(): void {
    if (this.#selection !== 0) this.#context.slab.free(this.#selection, this.#selectionBytes)
    this.#selection = 0
  }

  get #selectionBytes(): number {
    return this.#context.batchRowsMax * 4 + BUFFER_SLACK_BYTES
  }

  /** Rows with a bad field leave by a selection; under `null` only those whose column does not admit NULL. */
  #removeBadRows(): void {
    const { batch } = this
    const removed = new Set<number>()
    this.#badFields.sort((left, right) => left.row - right.row || left.column - right.column)
    for (const { column, row, reason } of this.#badFields) {
      if (removed.has(row)) continue
      const target = batch.columns[column]
      if (this.#bad.policy === 'null' && target.type.nullable) {
        target.setNull(row)
        this.#bad.countNulled(1)
        continue
      }
      const { name } = this.#schema.fields[column]
      this.#bad.reject({ file: nameOf(this.#split), words: this.#rows.placeOf(row) }, { where: `column "${name}": `, reason, field: name }, null)
      removed.add(row)
    }
    if (removed.size === 0) return
    const { slab } = this.#context
    if (this.#selection === 0) this.#selection = slab.allocate(this.#selectionBytes)
    let count = 0
    for (let row = 0; row < batch.rowCount; row++) if (!removed.has(row)) slab.i32[(this.#selection >>> 2) + count++] = row
    batch.selection = this.#selection
    batch.selectedCount = count
    batch.rewind()
  }
}
