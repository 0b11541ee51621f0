// The pages of one column chunk, one after the other, decompressed. Reads the file in pieces, keeps one page; runs on the reader's thread.

import { readSync } from 'node:fs'
import type { ColumnMetaData, PageHeader } from 'hyparquet'
import { ConnectorError } from '../../base/errors.ts'
import { PAGE_BYTES_MAX, parquetLibrary } from './parquet-library.ts'

/** Read at once: most column chunks come whole. */
const READ_BYTES_MIN = 1 << 20
/** A header larger than this is damage: it holds two values of statistics. */
const HEADER_BYTES_MAX = 16 << 20

/** Pages of one column chunk in file order. {@link peek} looks at the next header; {@link take} returns its page and moves on. */
export class PageReader {
  readonly chunk: ColumnMetaData
  readonly #file: number
  readonly #what: string
  readonly #countRead: (bytes: number) => void
  /** File position of the next byte: the next page's header, or its payload while {@link #header} is set. */
  #position: number
  readonly #end: number
  #header: PageHeader | undefined
  /** File bytes from {@link #blockStart} on. */
  #block = new Uint8Array(0)
  #blockStart = 0
  #blockLength = 0

  /**
   * @param what Names the file, row group and column in errors.
   * @param countRead Called with the number of bytes read from the file, each time.
   */
  constructor(file: number, chunk: ColumnMetaData, what: string, countRead: (bytes: number) => void) {
    this.#countRead = countRead
    this.#file = file
    this.chunk = chunk
    this.#what = what
    const dataStart = Number(chunk.data_page_offset)
    const dictionaryStart = Number(chunk.dictionary_page_offset ?? 0)
    this.#position = dictionaryStart > 0 ? Math.min(dictionaryStart, dataStart) : dataStart
    this.#end = this.#position + Number(chunk.total_compressed_size)
    if (!(this.#position >= 0 && this.#end >= this.#position && Number.isSafeInteger(this.#end))) this.fail('the footer says that it lies outside of the file')
  }

  /** The header of the next page, or undefined behind the last one. Index pages are passed over. */
  peek(): PageHeader | undefined {
    while (this.#header === undefined && this.#position < this.#end) {
      const header = this.#readHeader()
      this.#check(header)
      if (header.type === 'INDEX_PAGE') this.#position += header.compressed_page_size
      else this.#header = header
    }
    return this.#header
  }

  /** The bytes of the page that {@link peek} announced, decompressed; level bytes of a version 2 page come first, as they are in the file. */
  take(): Uint8Array {
    const header = this.#header!
    const { compressed_page_size: packed, uncompressed_page_size: plain } = header
    const payload = this.#load(packed)
    this.#position += packed
    this.#header = undefined
    try {
      const v2 = header.data_page_header_v2
      if (v2 === undefined) return parquetLibrary().decompress(this.chunk.codec, payload, plain)
      const levels = v2.definition_levels_byte_length + v2.repetition_levels_byte_length
      if (!(levels >= 0 && levels <= packed && levels <= plain)) throw new RangeError(`a page has ${levels} bytes of levels`)
      if (v2.is_compressed === false || this.chunk.codec === 'UNCOMPRESSED') return payload.slice()
      const page = new Uint8Array(plain)
      page.set(payload.subarray(0, levels))
      page.set(parquetLibrary().decompress(this.chunk.codec, payload.subarray(levels), plain - levels), levels)
      return page
    } catch (error) {
      return this.fail(error instanceof Error ? error.message : String(error), error)
    }
  }

  /** Passes over the page that {@link peek} announced without reading it. */
  skip(): void {
    this.#position += this.#header!.compressed_page_size
    this.#header = undefined
  }

  fail(reason: string, cause?: unknown): never {
    throw new ConnectorError('DAMAGED_FILE', `Cannot read ${this.#what}: ${reason}`, cause === undefined ? {} : { cause })
  }

  /** Damaged headers parse as well as whole ones: counts must be counts. */
  #check({
    type,
    compressed_page_size: packed,
    uncompressed_page_size: plain,
    data_page_header: v1,
    data_page_header_v2: v2,
    dictionary_page_header: dictionary,
  }: PageHeader): void {
    const counts = [packed, plain]
    if (type === 'DICTIONARY_PAGE') counts.push(dictionary?.num_values ?? -1)
    else if (type === 'DATA_PAGE') counts.push(v1?.num_values ?? -1)
    else if (type === 'DATA_PAGE_V2')
      counts.push(
        v2?.num_values ?? -1,
        v2?.num_nulls ?? -1,
        v2?.num_rows ?? -1,
        v2?.definition_levels_byte_length ?? -1,
        v2?.repetition_levels_byte_length ?? -1,
      )
    else if (type !== 'INDEX_PAGE') this.fail(`a page is of the unknown type ${String(type)}`)
    if (!counts.every((count) => Number.isInteger(count) && count >= 0 && count <= PAGE_BYTES_MAX)) this.fail('a page header is damaged')
    if (v1 !== undefined && v2 !== undefined) this.fail('a page header is damaged')
  }

  #readHeader(): PageHeader {
    for (let wanted = Math.min(READ_BYTES_MIN, this.#end - this.#position); ; wanted = Math.min(wanted * 4, this.#end - this.#position)) {
      const bytes = this.#load(wanted)
      const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 }
      try {
        const header = parquetLibrary().parsePageHeader(reader)
        this.#position += reader.offset
        return header
      } catch (error) {
        if (wanted >= Math.min(HEADER_BYTES_MAX, this.#end - this.#position)) this.fail('a page header is damaged', error)
      }
    }
  }

  /** The `length` bytes at the position; valid until the next call. */
  #load(length: number): Uint8Array {
    const start = this.#position
    if (length < 0 || start + length > this.#end) this.fail('a page reaches past the end of its column')
    if (start < this.#blockStart || start + length > this.#blockStart + this.#blockLength) {
      const wanted = Math.min(Math.max(length, READ_BYTES_MIN), this.#end - start)
      if (wanted > this.#block.length) this.#block = new Uint8Array(wanted)
      this.#blockStart = start
      this.#blockLength = 0
      while (this.#blockLength < wanted) {
        const read = readSync(this.#file, this.#block, this.#blockLength, wanted - this.#blockLength, start + this.#blockLength)
        if (read === 0) this.fail('the file ends early')
        this.#blockLength += read
        this.#countRead(read)
      }
    }
    return this.#block.subarray(start - this.#blockStart, start - this.#blockStart + length)
  }
}
