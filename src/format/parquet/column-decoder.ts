// Reads one column of one row group into a column of a batch, a batch at a time: definition levels, dictionary codes and plain values go from
// the decompressed page straight into the slab. Strings stay dictionary-encoded as long as the file has them so.
// Invariant: whatever bytes a file holds, codes and offsets written to the slab lie within the buffers they point into.

import { isUtf8 } from 'node:buffer'
import { Column } from '../../batch/column.ts'
import { formatType, isText, LENGTH_MAX, withNullability, type LogicalType } from '../../batch/types.ts'
import type { Slab } from '../../base/slab.ts'
import { BUFFER_SLACK_BYTES, PhysicalKind, VALUE_BYTES } from '../../kernels/column-layout.ts'
import { HybridDecoder } from './hybrid-decoder.ts'
import { laneConversion, type LaneConversion } from './lane-conversion.ts'
import type { PageReader } from './page-reader.ts'
import { laneArray, NO_VALUES, parseValues, readInt32, type RawValues } from './page-values.ts'
import type { ParquetNode } from './parquet-types.ts'

/** Receives the row of the current batch whose value does not fit, and why. The row's value is NULL or zero then. */
export type BadField = (row: number, reason: string) => void

/** Reads a column of the file, whatever its shape. One per column of the schema; {@link open} starts a row group. */
export interface ColumnDecoder {
  readonly column: Column
  open(pages: PageReader | readonly PageReader[], rowCount: number): void
  /** How many of the next `wanted` rows one batch can hold: fewer where the encoding of strings changes. At least 1. */
  available(wanted: number): number
  /** Fills rows 0..`count` - 1 of the column with the next values. */
  read(count: number, bad: BadField): void
  skip(count: number): void
  free(): void
}

/** How the values of the current page lie. */
const PageMode = { NONE: 0, DICTIONARY: 1, PLAIN: 2 } as const
type PageMode = (typeof PageMode)[keyof typeof PageMode]

const NULL_REASON = 'expected a value, found NULL'

/** The decoder of a column that is a plain list of values and NULLs. */
export class FlatColumnDecoder implements ColumnDecoder {
  readonly column: Column
  readonly #slab: Slab
  readonly #type: LogicalType
  readonly #node: ParquetNode
  readonly #batchRowsMax: number
  /** How fixed-width values are converted; undefined for byte strings. */
  readonly #conversion: LaneConversion | undefined
  #pages!: PageReader
  #rowsLeft = 0

  // The current page.
  #mode: PageMode = PageMode.NONE
  #pageRowsLeft = 0
  #hasLevels = false
  readonly #levels = new HybridDecoder()
  readonly #codes = new HybridDecoder()
  #plain: RawValues = NO_VALUES
  #plainAt = 0

  // The dictionary of the row group.
  #dictionary: RawValues = NO_VALUES
  #dictionaryLanes = new Int32Array(0)
  /** Reasons by code, for entries that do not fit the type; empty in almost every file. */
  readonly #badCodes = new Map<number, string>()
  #dictionaryColumn: Column | null = null
  /** Address of int32[batchRowsMax] codes of a string column; 0 = never needed. */
  #codesAddress = 0

  readonly #levelScratch: Int32Array
  readonly #codeScratch: Int32Array
  /** Row of each value in the current stretch. */
  readonly #rowScratch: Int32Array
  #laneScratch = new Int32Array(0)

  constructor(slab: Slab, node: ParquetNode, type: LogicalType, batchRowsMax: number) {
    this.#slab = slab
    this.#type = type
    this.#node = node
    this.#batchRowsMax = batchRowsMax
    this.column = Column.allocate(slab, type, batchRowsMax)
    this.#conversion = this.column.kind === PhysicalKind.BYTES ? undefined : laneConversion(node.element, type)
    this.#levelScratch = new Int32Array(batchRowsMax)
    this.#codeScratch = new Int32Array(batchRowsMax)
    this.#rowScratch = new Int32Array(batchRowsMax)
  }

  open(pages: PageReader, rowCount: number): void {
    this.#pages = pages
    this.#rowsLeft = rowCount
    this.#mode = PageMode.NONE
    this.#pageRowsLeft = 0
    this.#dictionary = NO_VALUES
    this.#badCodes.clear()
    this.column.setDictionary(null)
    this.#dictionaryColumn?.free()
    this.#dictionaryColumn = null
  }

  available(wanted: number): number {
    if (this.#conversion !== undefined) return wanted
    while (this.#pageRowsLeft === 0) this.#nextPage()
    if (this.#pageRowsLeft >= wanted) return wanted
    const next = this.#pages.peek()
    if (next === undefined || modeOf(next) !== this.#mode) return this.#pageRowsLeft
    return Math.min(wanted, this.#pageRowsLeft + rowsOf(next))
  }

  read(count: number, bad: BadField): void {
    const { column } = this
    column.clear()
    let row = 0
    while (row < count) {
      while (this.#pageRowsLeft === 0) this.#nextPage()
      const take = Math.min(this.#pageRowsLeft, count - row)
      try {
        this.#readStretch(row, take, bad)
      } catch (error) {
        // Typed arrays and decoders throw RangeError where a damaged page leads out of it; everything else is a bug.
        if (error instanceof RangeError) this.#pages.fail(error.message, error)
        throw error
      }
      this.#pageRowsLeft -= take
      row += take
    }
    this.#rowsLeft -= count
  }

  skip(count: number): void {
    let left = count
    while (left > 0) {
      if (this.#pageRowsLeft === 0) {
        const header = this.#peekData()
        if (rowsOf(header) <= left) {
          left -= rowsOf(header)
          this.#rowsLeft -= rowsOf(header)
          this.#pages.skip()
          continue
        }
        this.#nextPage()
      }
      const take = Math.min(this.#pageRowsLeft, left, this.#batchRowsMax)
      const values = this.#hasLevels ? this.#readLevels(0, take, false) : take
      if (this.#mode === PageMode.DICTIONARY) this.#codes.skip(values)
      else this.#plainAt += values
      this.#pageRowsLeft -= take
      this.#rowsLeft -= take
      left -= take
    }
  }

  free(): void {
    this.#useCodes(false)
    this.column.free()
    this.#dictionaryColumn?.free()
    if (this.#codesAddress !== 0) this.#slab.free(this.#codesAddress, this.#codesBytes)
  }

  get #codesBytes(): number {
    return this.#batchRowsMax * 4 + BUFFER_SLACK_BYTES
  }

  /** The header of the next data page; a dictionary page before it is taken in. */
  #peekData(): NonNullable<ReturnType<PageReader['peek']>> {
    for (;;) {
      const header = this.#pages.peek()
      if (header === undefined) return this.#pages.fail(`the column ends ${this.#rowsLeft} rows early`)
      if (header.type !== 'DICTIONARY_PAGE') {
        return header
      }
      try {
        this.#openDictionary(header.dictionary_page_header?.num_values ?? 0, this.#pages.take())
      } catch (error) {
        if (error instanceof RangeError) this.#pages.fail(error.message, error)
        throw error
      }
    }
  }

  #openDictionary(count: number, page: Uint8Array): void {
    this.#dictionary = parseValues(this.#node.element, 'PLAIN', page, 0, count)
    this.#badCodes.clear()
    if (this.#conversion !== undefined) {
      const words = Math.max(1, count) * this.#conversion.laneWords
      if (this.#dictionaryLanes.length < words) this.#dictionaryLanes = laneArray(words * 2)
      this.#conversion.convert(this.#dictionary, 0, count, this.#dictionaryLanes, (code, reason) => this.#badCodes.set(code, reason))
      return
    }
    this.#dictionaryColumn?.free()
    // At least one entry, so that the code 0 under a NULL always points at something.
    const entries = Column.allocate(this.#slab, withNullability(this.#type, false), Math.max(1, count))
    this.#dictionaryColumn = entries
    this.#slab.i32[(entries.offsets >>> 2) + 1] = 0
    this.#appendStrings(entries, this.#dictionary, 0, count, null, (code, reason) => this.#badCodes.set(code, reason))
  }

  #nextPage(): void {
    const header = this.#peekData()
    const v1 = header.data_page_header
    const v2 = header.data_page_header_v2
    const rows = rowsOf(header)
    if (!(rows >= 0 && rows <= this.#rowsLeft)) this.#pages.fail(`a page claims ${rows} rows where ${this.#rowsLeft} are left`)
    const encoding = (v1 ?? v2)!.encoding
    const mode = modeOf(header)
    const isNullable = this.#node.definitionLevel > 0
    try {
      const page = this.#pages.take()
      let at = 0
      this.#hasLevels = isNullable
      if (v1 !== undefined && isNullable) {
        if (v1.definition_level_encoding === 'BIT_PACKED') throw new RangeError('definition levels are packed in the deprecated way')
        const length = readInt32(page, 0)
        if (!(length >= 0 && 4 + length <= page.length)) throw new RangeError(`definition levels claim ${length} bytes`)
        this.#levels.reset(page, 4, 4 + length, 1)
        at = 4 + length
      }
      if (v2 !== undefined) {
        const { definition_levels_byte_length: length, repetition_levels_byte_length: before } = v2
        this.#hasLevels = isNullable && v2.num_nulls > 0
        if (this.#hasLevels) this.#levels.reset(page, before, before + length, 1)
        at = before + length
      }
      this.#plain = NO_VALUES
      this.#plainAt = 0
      if (mode === PageMode.DICTIONARY) {
        // A page without values has no width byte either.
        if (at < page.length) this.#codes.reset(page, at + 1, page.length, page[at])
        else this.#codes.reset(page, at, at, 1)
      } else {
        const values = v2 !== undefined ? v2.num_values - v2.num_nulls : this.#hasLevels ? this.#countValues(page, at, rows) : rows
        this.#plain = parseValues(this.#node.element, encoding, page, at, values)
      }
    } catch (error) {
      if (error instanceof RangeError) this.#pages.fail(error.message, error)
      throw error
    }
    this.#mode = mode
    this.#pageRowsLeft = rows
  }

  /** Values in a version 1 page: its header counts NULLs too. Reads the levels ahead with a decoder of its own. */
  #countValues(page: Uint8Array, end: number, rows: number): number {
    const ahead = new HybridDecoder()
    ahead.reset(page, 4, end, 1)
    const scratch = this.#levelScratch
    let values = 0
    for (let left = rows; left > 0;) {
      const take = Math.min(left, scratch.length)
      ahead.read(scratch, 0, take)
      for (let index = 0; index < take; index++) values += scratch[index]
      left -= take
    }
    return values
  }

  /** Reads `count` definition levels for the rows from `row` on. Returns how many rows have a value; marks the others NULL if `mark`. */
  #readLevels(row: number, count: number, mark: boolean): number {
    if (this.#levels.repeats(1, count)) {
      this.#levels.skip(count)
      return count
    }
    const levels = this.#levelScratch
    this.#levels.read(levels, 0, count)
    const rows = this.#rowScratch
    let values = 0
    for (let index = 0; index < count; index++) {
      rows[values] = row + index
      values += levels[index]
    }
    if (mark && values < count && this.#type.nullable) for (let index = 0; index < count; index++) if (levels[index] === 0) this.column.setNull(row + index)
    return values
  }

  #readStretch(row: number, count: number, bad: BadField): void {
    const values = this.#hasLevels ? this.#readLevels(row, count, true) : count
    const rows = values < count ? this.#rowScratch : null
    if (this.#conversion === undefined) this.#readStrings(row, count, values, rows, bad)
    else this.#readLanes(this.#conversion, row, count, values, rows, bad)
    if (rows !== null && !this.#type.nullable) this.#reportNulls(row, count, bad)
  }

  #reportNulls(row: number, count: number, bad: BadField): void {
    for (let index = 0; index < count; index++) if (this.#levelScratch[index] === 0) bad(row + index, NULL_REASON)
  }

  #readLanes(conversion: LaneConversion, row: number, count: number, values: number, rows: Int32Array | null, bad: BadField): void {
    const { column } = this
    const codes = this.#codeScratch
    let lanes: Int32Array
    if (this.#mode === PageMode.DICTIONARY) {
      this.#readCodes(codes, 0, values)
      lanes = this.#dictionaryLanes
      if (this.#badCodes.size > 0) for (let index = 0; index < values; index++) this.#reportCode(codes[index], rows === null ? row + index : rows[index], bad)
    } else {
      if (this.#plainAt + values > this.#plain.count) throw new RangeError('a page has fewer values than its levels say')
      const words = values * conversion.laneWords
      if (this.#laneScratch.length < words) this.#laneScratch = laneArray(this.#batchRowsMax * conversion.laneWords)
      lanes = this.#laneScratch
      conversion.convert(this.#plain, this.#plainAt, values, lanes, (index, reason) => bad(rows === null ? row + index : rows[index], reason))
      this.#plainAt += values
      if (rows === null && VALUE_BYTES[column.kind] === conversion.laneWords * 4) {
        this.#slab.i32.set(lanes.subarray(0, words), (column.values >>> 2) + row * conversion.laneWords)
        return
      }
      for (let index = 0; index < values; index++) codes[index] = index
    }
    // Gaps read as zero, so that the same file gives the same bytes.
    if (rows !== null) this.#clearValues(row, count)
    placeLanes(this.#slab, column, lanes, codes, rows, row, values)
  }

  #clearValues(row: number, count: number): void {
    const { column } = this
    const width = VALUE_BYTES[column.kind]
    if (width > 0) this.#slab.fill(column.values + row * width, 0, count * width)
    if (column.kind === PhysicalKind.TIMESTAMP_NANOS) this.#slab.fill(column.extra + row * 4, 0, count * 4)
  }

  #readCodes(target: Int32Array, from: number, count: number): void {
    this.#codes.read(target, from, count)
    const limit = this.#dictionary.count
    let over = 0
    for (let index = from; index < from + count; index++) over |= target[index] >= limit || target[index] < 0 ? 1 : 0
    if (over !== 0) throw new RangeError(`a dictionary code is not below ${limit}`)
  }

  #reportCode(code: number, row: number, bad: BadField): void {
    const reason = this.#badCodes.get(code)
    if (reason !== undefined) bad(row, reason)
  }

  #readStrings(row: number, count: number, values: number, rows: Int32Array | null, bad: BadField): void {
    const { column } = this
    const slab = this.#slab
    if (this.#mode === PageMode.DICTIONARY) {
      this.#useCodes(true)
      const at = (this.#codesAddress >>> 2) + row
      if (rows === null) this.#readCodes(slab.i32, at, count)
      else {
        this.#readCodes(this.#codeScratch, 0, values)
        slab.fill(at * 4, 0, count * 4)
        for (let index = 0; index < values; index++) slab.i32[at + rows[index] - row] = this.#codeScratch[index]!
      }
      if (this.#badCodes.size > 0)
        for (let index = 0; index < count; index++) if (column.isValid(row + index)) this.#reportCode(slab.i32[at + index], row + index, bad)
      return
    }
    this.#useCodes(false)
    if (this.#plainAt + values > this.#plain.count) throw new RangeError('a page has fewer values than its levels say')
    if (rows === null) this.#appendStrings(column, this.#plain, this.#plainAt, values, row, (index, reason) => bad(row + index, reason))
    else {
      let done = 0
      for (let index = 0; index < count; index++) {
        const hasValue = this.#levelScratch[index] !== 0
        this.#appendStrings(column, this.#plain, this.#plainAt + done, hasValue ? 1 : 0, row + index, (_, reason) => bad(row + index, reason))
        if (hasValue) done++
        else slab.i32[(column.offsets >>> 2) + row + index + 1] = column.dataLength
      }
    }
    this.#plainAt += values
  }

  /** Points the column's values at codes, or takes them away again. */
  #useCodes(use: boolean): void {
    const { column } = this
    if (use && this.#codesAddress === 0) this.#codesAddress = this.#slab.allocate(this.#codesBytes)
    const wanted = use ? this.#dictionaryColumn : null
    if (column.dictionary === wanted) return
    column.setDictionary(wanted)
    column.values = use ? this.#codesAddress : 0
  }

  /** Appends `count` byte strings to `target` from row `row` (null: 0) on, with their checks. What does not fit becomes empty. */
  #appendStrings(target: Column, raw: RawValues, from: number, count: number, row: number | null, bad: BadField): void {
    if (count === 0) return
    const { starts, ends, bytes } = raw
    let total = 0
    for (let index = from; index < from + count; index++) total += ends[index] - starts[index]
    target.ensureData(total)
    const { u8, i32 } = this.#slab
    const offsets = (target.offsets >>> 2) + (row ?? 0) + 1
    const base = target.data
    let length = target.dataLength
    const first = length
    for (let index = 0; index < count; index++) {
      const start = starts[from + index]
      const end = ends[from + index]
      if (end - start > COPY_BYTES_MIN) u8.set(bytes.subarray(start, end), base + length)
      else for (let at = start, to = base + length; at < end; at++, to++) u8[to] = bytes[at]!
      length += end - start
      i32[offsets + index] = length
    }
    target.dataLength = length
    const type = this.#type
    const isUnbounded = (type.kind === 'VARCHAR' || type.kind === 'VARBINARY') && type.length === LENGTH_MAX
    if (isUnbounded && (!isText(type) || isAllText(u8, i32, base, first, length, offsets, count))) return
    this.#checkStrings(target, offsets, first, count, bad)
  }

  /** The slow look at each string: UTF-8, and the length that CHAR, VARCHAR, BINARY and VARBINARY declare. Packs those that fit together. */
  #checkStrings(target: Column, offsets: number, first: number, count: number, bad: BadField): void {
    const slab = this.#slab
    const type = this.#type
    const limit = 'length' in type ? type.length : LENGTH_MAX
    const read = slab.u8.subarray(target.data + first, target.data + target.dataLength)
    // Padded strings may come to lie where others have not been read yet.
    const source = type.kind === 'CHAR' ? read.slice() : read
    let start = 0
    target.dataLength = first
    for (let index = 0; index < count; index++) {
      const end = slab.i32[offsets + index] - first
      const bytes = source.subarray(start, end)
      const units = isText(type) ? codePoints(bytes) : bytes.length
      if (isText(type) && !isUtf8(bytes)) bad(index, 'expected UTF-8 text, found other bytes')
      else if (units > limit || (type.kind === 'BINARY' && units !== limit))
        bad(index, `expected ${formatType(type)}, found ${units} ${isText(type) ? 'characters' : 'bytes'}`)
      else {
        const padding = type.kind === 'CHAR' ? limit - units : 0
        target.ensureData(bytes.length + padding)
        const at = target.data + target.dataLength
        slab.u8.set(bytes, at)
        slab.fill(at + bytes.length, BLANK, padding)
        target.dataLength += bytes.length + padding
      }
      slab.i32[offsets + index] = target.dataLength
      start = end
    }
  }
}

/** What CHAR is padded with. */
const BLANK = 0x20

/** Strings longer than this are copied by `set`, which costs a view; shorter ones byte by byte. */
const COPY_BYTES_MIN = 48

function isAllText(u8: Uint8Array, i32: Int32Array, base: number, first: number, length: number, offsets: number, count: number): boolean {
  if (!isUtf8(u8.subarray(base + first, base + length))) return false
  // Together they are UTF-8; alone each is, if none begins in the middle of a character.
  for (let index = 0; index < count; index++) {
    const end = i32[offsets + index]
    if (end < length && (u8[base + end] & 0xc0) === 0x80) return false
  }
  return true
}

function codePoints(bytes: Uint8Array): number {
  let count = 0
  for (let index = 0; index < bytes.length; index++) if ((bytes[index] & 0xc0) !== 0x80) count++
  return count
}

function rowsOf(header: { data_page_header?: { num_values: number } | undefined; data_page_header_v2?: { num_rows: number } | undefined }): number {
  return header.data_page_header?.num_values ?? header.data_page_header_v2!.num_rows
}

function modeOf(header: { data_page_header?: { encoding: string } | undefined; data_page_header_v2?: { encoding: string } | undefined }): PageMode {
  const encoding = (header.data_page_header ?? header.data_page_header_v2)?.encoding
  return encoding === 'RLE_DICTIONARY' || encoding === 'PLAIN_DICTIONARY' ? PageMode.DICTIONARY : PageMode.PLAIN
}

/** Writes `lanes[codes[i]]` to row `rows[i]`, or to `row + i` without gaps. */
function placeLanes(slab: Slab, column: Column, lanes: Int32Array, codes: Int32Array, rows: Int32Array | null, row: number, count: number): void {
  const { i32, i16, i8, u8 } = slab
  const base = column.values >>> 2
  switch (column.kind) {
    case PhysicalKind.INT64:
    case PhysicalKind.FLOAT64:
      if (rows === null) {
        let to = base + row * 2
        for (let index = 0; index < count; index++, to += 2) {
          const from = codes[index] * 2
          i32[to] = lanes[from]!
          i32[to + 1] = lanes[from + 1]!
        }
      } else
        for (let index = 0; index < count; index++) {
          const from = codes[index] * 2
          const to = base + rows[index] * 2
          i32[to] = lanes[from]!
          i32[to + 1] = lanes[from + 1]!
        }
      return
    case PhysicalKind.INT32:
    case PhysicalKind.FLOAT32:
      for (let index = 0; index < count; index++) i32[base + (rows === null ? row + index : rows[index])] = lanes[codes[index]]!
      return
    case PhysicalKind.INT16:
      for (let index = 0; index < count; index++) i16[(column.values >>> 1) + (rows === null ? row + index : rows[index])] = lanes[codes[index]]!
      return
    case PhysicalKind.INT8:
      for (let index = 0; index < count; index++) i8[column.values + (rows === null ? row + index : rows[index])] = lanes[codes[index]]!
      return
    case PhysicalKind.BIT:
      for (let index = 0; index < count; index++) {
        const target = rows === null ? row + index : rows[index]
        const at = column.values + (target >>> 3)
        const bit = 1 << (target & 7)
        u8[at] = lanes[codes[index]] !== 0 ? u8[at] | bit : u8[at] & ~bit
      }
      return
    case PhysicalKind.INT128:
      for (let index = 0; index < count; index++)
        for (let word = 0; word < 4; word++) i32[base + (rows === null ? row + index : rows[index]) * 4 + word] = lanes[codes[index] * 4 + word]!
      return
    case PhysicalKind.TIMESTAMP_NANOS:
      for (let index = 0; index < count; index++) {
        const target = rows === null ? row + index : rows[index]
        const from = codes[index] * 3
        i32[base + target * 2] = lanes[from]!
        i32[base + target * 2 + 1] = lanes[from + 1]!
        i32[(column.extra >>> 2) + target] = lanes[from + 2]!
      }
  }
}
