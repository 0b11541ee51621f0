// Columns that are the same in all rows of a file: what is known of the file, and what its folders say. Put between those that are read from it.

import { statSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { Column } from '../../batch/column.ts'
import { RecordBatch } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import { writeValue } from '../../batch/values.ts'
import type { OperatorContext, Output, SnapshotReader, SnapshotWriter } from '../../operator/operator.ts'
import { PollResult, type Source, type SourceReader, type SourceSideOutput, type SourceSplit, readSplitStates } from '../../operator/source.ts'
import { type FileSourceOptions, FileSource } from './file-source.ts'
import { type Partitions, partitionFiles, partitionTexts } from './partition-listing.ts'
import type { FileSplit } from './split-reader.ts'

/** A file that rows come from. */
export interface FileFacts {
  /** From the root on. */
  readonly path: string
  readonly name: string
  readonly size: number
  readonly modificationMs: number
  /** Texts of its partition, undefined for NULL; none without partitions. */
  readonly partition: readonly (string | undefined)[]
}

/** A column of the rows: one that is read, by its place in the file's schema, or what is made of each file. @throws from the function whatever ends the job. */
export type FileColumn = number | ((file: FileFacts) => unknown)

/** See {@link filesWithColumns}. */
export interface FileColumnsOptions {
  readonly files: FileSourceOptions
  /** Of the rows. */
  readonly schema: Schema
  readonly columns: readonly FileColumn[]
  readonly partitions: Partitions | undefined
}

/** Reads files, and adds columns to their rows. */
class FileColumnsSource implements Source {
  readonly name = 'File'
  readonly schema: Schema
  readonly bounded: boolean
  readonly needsEventLoop: boolean
  readonly parallelismMax: number
  readonly sideOutputs: ReadonlyMap<string, SourceSideOutput>
  readonly #options: FileColumnsOptions
  readonly #files: FileSource

  constructor(options: FileColumnsOptions) {
    this.#options = options
    this.#files = new FileSource(options.files)
    this.schema = options.schema
    this.bounded = this.#files.bounded
    this.needsEventLoop = this.#files.needsEventLoop
    this.parallelismMax = this.#files.parallelismMax
    this.sideOutputs = this.#files.sideOutputs
  }

  describe(): string {
    const { partitions } = this.#options
    return `${this.#files.describe()}${partitions === undefined ? '' : `, partitions by ${partitions.columns.join(', ')}`}`
  }

  enumerate(): readonly SourceSplit[] {
    const { files, partitions } = this.#options
    if (partitions === undefined) return this.#files.enumerate()
    const path = partitionFiles(partitions)
    return path.length === 0 ? [] : new FileSource({ ...files, path }).enumerate()
  }

  createReader(context: OperatorContext): SourceReader {
    return new FileColumnsReader(this.#options, this.#files.createReader(context), context)
  }
}

class FileColumnsReader implements SourceReader {
  readonly #options: FileColumnsOptions
  readonly #reader: SourceReader
  readonly #view: RecordBatch
  /** The columns of files, by their places among the rows'. */
  readonly #added: readonly { readonly place: number; readonly of: (file: FileFacts) => unknown; readonly column: Column }[]
  /** Files of splits, by index. */
  readonly #paths = new Map<number, FileSplit>()
  /** What the added columns are filled with, and how far. */
  #path: string | undefined
  #rows = 0
  #values: readonly unknown[] = []

  constructor(options: FileColumnsOptions, reader: SourceReader, context: OperatorContext) {
    const { slab } = context
    this.#options = options
    this.#reader = reader
    this.#view = new RecordBatch(slab, options.schema, [])
    this.#added = options.columns.flatMap((of, place) =>
      typeof of === 'number' ? [] : [{ place, of, column: Column.allocate(slab, options.schema.fields[place].type, context.batchRowsMax) }],
    )
  }

  get batch(): RecordBatch {
    return this.#view
  }

  get retryAtMs(): number {
    return this.#reader.retryAtMs
  }

  poll(sides: Output): PollResult {
    const result = this.#reader.poll(sides)
    if (result === PollResult.BATCH) this.#widen(this.#reader.batch)
    return result
  }

  assign(split: SourceSplit, index: number): void {
    this.#paths.set(index, split.payload as FileSplit)
    this.#reader.assign(split, index)
  }

  noMoreSplits(): void {
    this.#reader.noMoreSplits()
  }

  snapshot(writer: SnapshotWriter): void {
    this.#reader.snapshot(writer)
  }

  restore(reader: SnapshotReader): void {
    readSplitStates(reader, (index, state) => {
      const { split } = JSON.parse(Buffer.from(state).toString()) as { readonly split: SourceSplit }
      this.#paths.set(index, split.payload as FileSplit)
    })
    this.#reader.restore(reader)
  }

  close(): void {
    for (const { column } of this.#added) column.free()
    this.#reader.close()
  }

  #widen(batch: RecordBatch): void {
    const { columns } = this.#options
    const split = this.#paths.get(batch.split)!
    if (split.path !== this.#path) this.#begin(split)
    this.#fill(batch.rowCount)
    const view = this.#view.viewOf(batch)
    const widened = columns.map((of) => (typeof of === 'number' ? batch.columns[of] : undefined))
    for (const { place, column } of this.#added) widened[place] = column
    view.columns = widened as Column[]
    view.crossings.copyFrom(batch.crossings)
  }

  #begin({ path, size }: FileSplit): void {
    const { partitions } = this.#options
    const file: FileFacts = {
      path: resolve(path),
      name: basename(path),
      size,
      modificationMs: Math.trunc(statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0),
      partition: partitions === undefined ? [] : partitionTexts(partitions, path),
    }
    this.#values = this.#added.map(({ of }) => of(file))
    this.#path = path
    this.#rows = 0
    for (const { column } of this.#added) column.clear()
  }

  #fill(rows: number): void {
    for (const [index, { column }] of this.#added.entries()) {
      column.ensureRows(Math.max(1, rows))
      for (let row = this.#rows; row < rows; row++) writeValue(column, row, this.#values[index])
    }
    this.#rows = Math.max(this.#rows, rows)
  }
}

/**
 * A source of files whose rows have columns of their files too.
 *
 * @throws {PlanError} as `fileSource`.
 */
export function filesWithColumns(options: FileColumnsOptions): Source {
  return new FileColumnsSource(options)
}
