// Makes the bytes of Parquet files: rows are gathered by column, and become a row group when there are enough of them. Used by one thread.

import { createRequire } from 'node:module'
import zlib from 'node:zlib'
import type { SchemaElement } from 'hyparquet'
import type * as WriterModule from 'hyparquet-writer'
import type { RecordBatch } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import { readValue } from '../../batch/values.ts'
import { type ParquetElements, parquetElements } from './parquet-elements.ts'
import type { ParquetFormat } from './parquet-format.ts'

/** Rows of a group at most, and bytes of its texts: what is gathered lies on the heap. */
const GROUP_ROWS_MAX = 65_536
const GROUP_BYTES_MAX = 16 << 20
const VALUE_BYTES = 8

type Library = Pick<typeof WriterModule, 'ParquetWriter' | 'ByteWriter'>

let library: Library | undefined

/** The package, loaded when the first file is written. */
function writerLibrary(): Library {
  return (library ??= createRequire(import.meta.url)('hyparquet-writer') as Library)
}

const COMPRESSORS = {
  GZIP: (input: Uint8Array): Uint8Array => zlib.gzipSync(input),
  BROTLI: (input: Uint8Array): Uint8Array => zlib.brotliCompressSync(input, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 4 } }),
}

/** The files of one schema. */
export class ParquetEncoder {
  readonly #columns: ParquetElements
  readonly #names: readonly string[]
  readonly #format: ParquetFormat

  /** @throws {PlanError} `UNSUPPORTED_TYPE` */
  constructor(schema: Schema, format: ParquetFormat) {
    this.#columns = parquetElements(schema)
    this.#names = schema.fields.map(({ name }) => name)
    this.#format = format
  }

  /** Begins a file. */
  begin(): ParquetFileEncoder {
    return new ParquetFileEncoder(this.#columns, this.#names, this.#format)
  }
}

/** One file: its bytes are to be written one behind the other. */
export class ParquetFileEncoder {
  readonly #columns: ParquetElements
  readonly #names: readonly string[]
  readonly #bytes: WriterModule.ByteWriter
  readonly #writer: WriterModule.ParquetWriter
  #values: unknown[][]
  #rows = 0
  #size = 0

  constructor(columns: ParquetElements, names: readonly string[], format: ParquetFormat) {
    const { ByteWriter, ParquetWriter } = writerLibrary()
    this.#columns = columns
    this.#names = names
    this.#bytes = new ByteWriter()
    this.#writer = new ParquetWriter({
      writer: this.#bytes,
      schema: columns.elements as SchemaElement[],
      codec: format.compression,
      compressors: COMPRESSORS,
      createdBy: 'millrace',
    })
    this.#values = names.map(() => [])
  }

  /** How many bytes are gathered, about. */
  get pendingBytes(): number {
    return this.#size
  }

  /** Whether what is gathered makes a row group. */
  get isFull(): boolean {
    return this.#rows >= GROUP_ROWS_MAX || this.#size >= GROUP_BYTES_MAX
  }

  /** Gathers the row at a physical place. */
  add({ columns }: Pick<RecordBatch, 'columns'>, row: number): void {
    const { converters } = this.#columns
    for (let index = 0; index < converters.length; index++) {
      const value = readValue(columns[index], row)
      this.#size += VALUE_BYTES + (typeof value === 'string' || value instanceof Uint8Array ? value.length : 0)
      this.#values[index].push(value === null ? null : converters[index](value))
    }
    this.#rows++
  }

  /** The bytes of a row group of what is gathered. */
  takeGroup(): Uint8Array {
    if (this.#rows > 0)
      void this.#writer.write({ columnData: this.#names.map((name, index) => ({ name, data: this.#values[index] })), rowGroupSize: this.#rows })
    this.#values = this.#names.map(() => [])
    this.#rows = 0
    this.#size = 0
    return this.#take()
  }

  /** The last bytes, with the footer. */
  finish(): Uint8Array {
    const group = this.takeGroup()
    void this.#writer.finish()
    return Buffer.concat([group, this.#take()])
  }

  #take(): Uint8Array {
    const bytes = this.#bytes.getBytes().slice()
    // What was taken stays counted: offsets go on.
    this.#bytes.index = 0
    return bytes
  }
}
