// One open Parquet file: its footer, its schema, its row groups; and the reader that fills batches from a row group. Runs on the thread of
// the subtask that reads; the footer is read on the coordinator as well, to list the row groups.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import type { FileMetaData } from 'hyparquet'
import { ConnectorError, MillraceError } from '../../base/errors.ts'
import type { Slab } from '../../base/slab.ts'
import { suggest } from '../../base/suggest.ts'
import { RecordBatch } from '../../batch/record-batch.ts'
import { formatType, Schema, type LogicalType } from '../../batch/types.ts'
import { FlatColumnDecoder, type BadField, type ColumnDecoder } from './column-decoder.ts'
import { leavesOf, NestedColumnDecoder } from './nested-decoder.ts'
import { PageReader } from './page-reader.ts'
import { parquetLibrary } from './parquet-library.ts'
import { isFlat, isList, isMap, mismatch, naturalType, schemaTree, type ParquetNode } from './parquet-types.ts'

const FOOTER_BYTES = 8
const MAGIC = 0x31524150
const FOOTER_BYTES_MAX = 1 << 30

/**
 * The schema that a Parquet file brings: every column, its own types, nullable where the file says so.
 *
 * @typeParam R What the program knows about its rows; nothing checks that.
 * @throws {ConnectorError} If the file cannot be opened or its footer is damaged.
 * @example fileSource({ path: 'clicks.parquet', format: parquetFormat(), schema: parquetSchema<Click>('clicks.parquet') })
 */
export function parquetSchema<R = Record<string, unknown>>(path: string): Schema<R> {
  const file = new ParquetFile(path)
  try {
    return file.schema() as Schema<R>
  } finally {
    file.close()
  }
}

/** A Parquet file, open for reading. */
export class ParquetFile {
  readonly path: string
  readonly descriptor: number
  readonly metadata: FileMetaData
  readonly tree: ParquetNode
  /** The leaves in the order of the column chunks. */
  readonly leaves: readonly ParquetNode[]

  /** @throws {ConnectorError} If the file cannot be opened or its footer is damaged. */
  constructor(path: string) {
    this.path = path
    try {
      this.descriptor = openSync(path, 'r')
    } catch (error) {
      throw new ConnectorError('FILE_NOT_READABLE', `Cannot open "${path}": ${error instanceof Error ? error.message : String(error)}`, { cause: error })
    }
    try {
      this.metadata = parquetLibrary().parseMetadata(this.#readFooter())
      this.tree = schemaTree(this.metadata.schema)
      this.leaves = leavesOf(this.tree)
      checkRowGroups(this.metadata)
    } catch (error) {
      closeSync(this.descriptor)
      if (error instanceof MillraceError) throw error
      throw new ConnectorError('DAMAGED_FILE', `Cannot read the footer of "${path}": ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      })
    }
  }

  get rowGroupCount(): number {
    return this.metadata.row_groups.length
  }

  rowCountOf(rowGroup: number): number {
    return Number(this.metadata.row_groups[rowGroup].num_rows)
  }

  schema(): Schema {
    return new Schema(this.tree.children.map((node) => ({ name: node.element.name, type: Object.freeze(naturalType(node)) })))
  }

  close(): void {
    closeSync(this.descriptor)
  }

  #readFooter(): Uint8Array {
    const { size } = fstatSync(this.descriptor)
    const tail = this.#readAt(Math.max(0, size - FOOTER_BYTES), Math.min(size, FOOTER_BYTES))
    const view = new DataView(tail.buffer)
    if (tail.length < FOOTER_BYTES || view.getUint32(4, true) !== MAGIC) throw new RangeError('it does not end as a Parquet file does')
    const length = view.getUint32(0, true) + FOOTER_BYTES
    if (length > size || length > FOOTER_BYTES_MAX) throw new RangeError(`its footer claims ${length} bytes of ${size}`)
    return this.#readAt(size - length, length)
  }

  #readAt(position: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    let done = 0
    while (done < length) {
      const read = readSync(this.descriptor, bytes, done, length - done, position + done)
      if (read === 0) throw new RangeError('the file ends early')
      done += read
    }
    return bytes
  }
}

/**
 * Fills batches from one row group after the other, with the columns that the schema names.
 *
 * The batch's buffers are used again for every batch; a string dictionary lives as long as its row group is read.
 */
export class RowGroupReader {
  readonly batch: RecordBatch
  readonly #file: ParquetFile
  readonly #decoders: ColumnDecoder[] = []
  readonly #nodes: ParquetNode[] = []
  readonly #batchRowsMax: number
  readonly #countRead: (bytes: number) => void
  #rowGroup = -1
  #rowCount = 0
  #row = 0

  /**
   * @param countRead Called with the number of bytes read from the file, each time.
   * @throws {ConnectorError} `SCHEMA_MISMATCH` if the file has no such column, or one of another kind.
   */
  constructor(file: ParquetFile, schema: Schema, slab: Slab, batchRowsMax: number, countRead: (bytes: number) => void = () => {}) {
    this.#countRead = countRead
    this.#file = file
    this.#batchRowsMax = batchRowsMax
    // Everything is checked before anything is allocated.
    for (const { name, type } of schema.fields) this.#nodes.push(this.#nodeFor(name, type))
    schema.fields.forEach(({ type }, index) => {
      const node = this.#nodes[index]
      this.#decoders.push(isFlat(node) ? new FlatColumnDecoder(slab, node, type, batchRowsMax) : new NestedColumnDecoder(slab, node, type, batchRowsMax))
    })
    this.batch = new RecordBatch(
      slab,
      schema,
      this.#decoders.map((decoder) => decoder.column),
    )
  }

  /** The next row to be read within the row group. */
  get row(): number {
    return this.#row
  }

  get rowsLeft(): number {
    return this.#rowCount - this.#row
  }

  /** Starts a row group at `row`. */
  open(rowGroup: number, row: number): void {
    const file = this.#file
    this.#rowGroup = rowGroup
    this.#rowCount = file.rowCountOf(rowGroup)
    this.#row = Math.min(row, this.#rowCount)
    const { columns } = file.metadata.row_groups[rowGroup]
    this.#decoders.forEach((decoder, index) => {
      const node = this.#nodes[index]
      const pages = leavesOf(node).map((leaf) => {
        const chunk = columns[file.leaves.indexOf(leaf)]
        const what = `column "${leaf.path.join('.')}" of "${file.path}", row group ${rowGroup + 1}`
        if (chunk?.meta_data === undefined) throw new ConnectorError('DAMAGED_FILE', `Cannot read ${what}: the footer does not describe it`)
        return new PageReader(file.descriptor, chunk.meta_data, what, this.#countRead)
      })
      decoder.open(decoder instanceof FlatColumnDecoder ? pages[0] : pages, this.#rowCount)
      if (this.#row > 0) decoder.skip(this.#row)
    })
  }

  /**
   * Fills {@link batch} with the next rows.
   *
   * @param bad Called once per field that does not fit; the row stays in the batch with NULL or zero there.
   * @returns The number of rows, 0 at the end of the row group.
   */
  next(bad: (column: number, row: number, reason: string) => void): number {
    const { batch } = this
    let count = Math.min(this.#batchRowsMax, this.#rowCount - this.#row)
    if (count > 0) {
      for (const decoder of this.#decoders) count = Math.min(count, decoder.available(count))
      this.#decoders.forEach((decoder, index) => {
        const badField: BadField = (row, reason) => bad(index, row, reason)
        decoder.read(count, badField)
      })
      this.#row += count
    }
    batch.rowCount = count
    batch.selection = 0
    batch.selectedCount = 0
    batch.crossings.clear()
    batch.rewind()
    return count
  }

  /** Where the last batch's row `row` stands, for messages. */
  placeOf(row: number): string {
    return `row group ${this.#rowGroup + 1}, row ${this.#row - this.batch.rowCount + row + 1}`
  }

  free(): void {
    for (const decoder of this.#decoders) decoder.free()
    this.#decoders.length = 0
  }

  #nodeFor(name: string, type: LogicalType): ParquetNode {
    const { tree, path } = this.#file
    const node = tree.children.find((child) => child.element.name === name)
    if (node === undefined) {
      const known = tree.children.map((child) => `"${child.element.name}"`).join(', ')
      const near = suggest(
        name,
        tree.children.map((child) => child.element.name),
      )
      throw new ConnectorError('SCHEMA_MISMATCH', `Cannot read column "${name}" of "${path}": the file has no such column, known columns are ${known}`, {
        ...(near !== undefined && { hint: `Did you mean "${near}"?` }),
      })
    }
    const reason = nodeMismatch(node, type)
    if (reason !== undefined) throw new ConnectorError('SCHEMA_MISMATCH', `Cannot read column "${name}" of "${path}": ${reason}`)
    return node
  }
}

/** A damaged footer parses as well as a whole one: counts must be counts. */
function checkRowGroups({ row_groups: groups }: FileMetaData): void {
  if (!Array.isArray(groups)) throw new RangeError('it lists no row groups')
  groups.forEach(({ num_rows: rows, columns }, index) => {
    if (!(Number(rows) >= 0 && Number.isSafeInteger(Number(rows)) && Array.isArray(columns)))
      throw new RangeError(`it describes row group ${index + 1} in part only`)
  })
}

/** Why a node cannot be read as `type`, nested types included. */
function nodeMismatch(node: ParquetNode, type: LogicalType): string | undefined {
  if (isFlat(node)) return mismatch(node.element, type)
  const natural = naturalType(node)
  const reason = kindMismatch(natural, type)
  return reason === undefined
    ? undefined
    : `the file has ${formatType(natural)}, which cannot be read as ${formatType(type)}${isList(node) || isMap(node) ? '' : reason}`
}

function kindMismatch(file: LogicalType, wanted: LogicalType): string | undefined {
  if (file.kind === 'ARRAY') return wanted.kind === 'ARRAY' ? kindMismatch(file.element, wanted.element) : ''
  if (file.kind === 'MAP') return wanted.kind === 'MAP' ? (kindMismatch(file.key, wanted.key) ?? kindMismatch(file.value, wanted.value)) : ''
  if (file.kind === 'ROW') {
    if (wanted.kind !== 'ROW') return ''
    for (const field of wanted.fields) {
      const own = file.fields.find(({ name }) => name === field.name)
      if (own === undefined) return `: there is no field "${field.name}"`
      const reason = kindMismatch(own.type, field.type)
      if (reason !== undefined) return reason
    }
    return undefined
  }
  return ['ARRAY', 'MAP', 'ROW', 'MULTISET', 'OBJECT'].includes(wanted.kind) ? '' : undefined
}
