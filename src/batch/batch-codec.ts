// A record batch as bytes (schemas/batch.fbs) and back. The writer puts header and body straight into the frame it was given, in whatever memory
// that lies; the reader points columns into the frame. Invariant: a frame is self-contained and dense, whatever the batch looked like.

import { assert } from '../base/assert.ts'
import type { Slab } from '../base/slab.ts'
import {
  DESCRIPTOR_DATA,
  DESCRIPTOR_DATA_CAPACITY,
  DESCRIPTOR_DATA_LENGTH,
  DESCRIPTOR_EXTRA,
  DESCRIPTOR_NULL_COUNT,
  DESCRIPTOR_OFFSETS,
  DESCRIPTOR_ROW_CAPACITY,
  DESCRIPTOR_VALIDITY,
  DESCRIPTOR_VALUES,
  PhysicalKind,
  VALUE_BYTES,
} from '../kernels/column-layout.ts'
import {
  COLUMN_HEADER_DATA,
  COLUMN_HEADER_DICTIONARY,
  COLUMN_HEADER_EXTRA,
  COLUMN_HEADER_KIND,
  COLUMN_HEADER_NULL_COUNT,
  COLUMN_HEADER_OFFSETS,
  COLUMN_HEADER_ROW_COUNT,
  COLUMN_HEADER_TYPE,
  COLUMN_HEADER_VALIDITY,
  COLUMN_HEADER_VALUES,
  COLUMN_HEADER_WORDS,
  HEADER_BODY_LENGTH,
  HEADER_BODY_OFFSET,
  HEADER_COLUMNS,
  HEADER_CROSSING_POSITIONS,
  HEADER_CROSSING_WATERMARKS,
  HEADER_FIELD_COUNT,
  HEADER_FORMAT_VERSION,
  HEADER_KINDS,
  HEADER_ROW_COUNT,
  HEADER_SCHEMA_ID,
  HEADER_TIMESTAMPS,
  HEADER_TIMESTAMPS_COLUMN,
  flattenTypes,
  headerTemplateOf,
  kindWordOf,
  schemaIdOf,
  WIRE_ALIGNMENT_BYTES,
  WIRE_FORMAT_VERSION,
} from './batch-codec-layout.ts'
import { gatherBytes, gatherHalfWords, gatherLongPairs, gatherLongs, gatherText, gatherWords, popcount, type Views, viewsOf } from './batch-codec-gather.ts'
import { decodeObjects, encodeObjects } from './batch-codec-objects.ts'
import { bitBytes, Column } from './column.ts'
import { Encoding } from './generated/encoding.ts'
import { RecordBatch } from './record-batch.ts'
import { typeWordOf, type Schema } from './types.ts'

/** Up to here a loop over words beats the call of `set` on a view made for it. */
const SMALL_COPY_BYTES = 128

const encoders = new WeakMap<Schema, BatchEncoder>()

/** The encoder of a schema on this thread. */
export function encoderOf(schema: Schema): BatchEncoder {
  let encoder = encoders.get(schema)
  if (encoder === undefined) encoders.set(schema, (encoder = new BatchEncoder(schema)))
  return encoder
}

/** See {@link BatchEncoder.encodedBytesMax}. */
export function encodedBytesMax(batch: RecordBatch, from: number, to: number): number {
  return encoderOf(batch.schema).encodedBytesMax(batch, from, to)
}

/** See {@link BatchEncoder.encode}. */
export function encodeBatch(batch: RecordBatch, from: number, to: number, target: Uint8Array, targetOffset: number): number {
  return encoderOf(batch.schema).encode(batch, from, to, target, targetOffset)
}

/** `bytes` up to the next multiple of the alignment; below 2 GiB. */
function aligned(bytes: number): number {
  return (bytes + WIRE_ALIGNMENT_BYTES - 1) & -WIRE_ALIGNMENT_BYTES
}

/**
 * Writes batches of one schema. Used by one thread; keeps scratch memory, so one encoder serves all channels of a schema.
 *
 * Rows are named by *logical* positions. Pieces `[from, to)` that tile `[0, logicalCount)` carry every watermark crossing once: a piece has those
 * from its first row on and before its end, the last piece also those behind the last row.
 */
export class BatchEncoder {
  readonly #header: Int32Array
  readonly #headerView: Int32Array
  readonly #fields: readonly number[]
  readonly #columnCount: number
  readonly #names: readonly string[]
  /** Where the top-level columns stand among all columns. */
  readonly #wireIndexes: readonly number[]
  /** Rows of the dictionary that goes along, by top-level column; 0 = the column is written plain. */
  readonly #dictionaryRows: Int32Array
  /** Gather lists by depth: the selection, then what lists below it name. */
  readonly #lists: Int32Array[] = []
  #depth = 0
  /** Word of the header of the column that is written now. */
  #word = 0
  #columnName = ''
  /** Whether the gather list holds a -1, that is, a NULL of the codes it was made from. */
  #hasAbsent = false
  #views: Views = viewsOf(new ArrayBuffer(8))
  /** Byte address of the body in the target's buffer; the end of what is written of it. */
  #body = 0
  #bodyLength = 0
  /** What {@link encodedBytesMax} already encoded, for the {@link encode} that follows: values of one column each, and their bytes. */
  #packed: { readonly values: readonly unknown[]; readonly bytes: Uint8Array }[] = []

  constructor(schema: Schema) {
    const { words, fields } = headerTemplateOf(schema)
    const columnWord = fields[HEADER_COLUMNS]
    this.#columnCount = words[columnWord - 1]!
    this.#fields = fields
    this.#names = schema.fields.map(({ name }) => name)
    let wireIndex = 0
    this.#wireIndexes = schema.fields.map(({ type }) => (wireIndex += flattenTypes(type).length) - flattenTypes(type).length)
    this.#dictionaryRows = new Int32Array(schema.fields.length)
    // Every top-level column may bring one dictionary, whose header is appended.
    this.#header = new Int32Array(words.length + schema.fields.length * COLUMN_HEADER_WORDS)
    this.#header.set(words)
    this.#headerView = this.#header.subarray(0, words.length)
  }

  /**
   * An upper bound of what {@link encode} writes for the same rows; exact but for alignment and children of selected lists. Object columns are
   * encoded here and kept for the next `encode`.
   *
   * @throws {StateError} `VALUE_NOT_ENCODABLE`, see {@link encode}.
   */
  encodedBytesMax(batch: RecordBatch, from: number, to: number): number {
    const count = to - from
    assert(from >= 0 && count >= 0 && to <= batch.logicalCount, 'rows to encode lie outside of the batch')
    this.#packed.length = 0
    const list = this.#listOf(batch, from, to)
    const start = list === null && count > 0 ? batch.physicalRow(from) : 0
    let headerBytes = this.#headerView.length * 4
    let bytes = 0
    if (batch.kinds !== 0) bytes += aligned(count)
    if (batch.timestamps !== 0) bytes += aligned(count * 8)
    bytes += aligned(batch.crossings.count * 8) + aligned(batch.crossings.count * 4)
    const { columns } = batch
    for (let index = 0; index < columns.length; index++) {
      const column = columns[index]
      this.#columnName = this.#names[index]!
      const dictionaryRows = column.dictionary === null ? 0 : this.#usedDictionaryRows(column, start, count, list)
      if (dictionaryRows > 0) {
        headerBytes += COLUMN_HEADER_WORDS * 4
        bytes += aligned(bitBytes(count)) + aligned(count * 4) + this.#bytesMax(column.dictionary!, 0, dictionaryRows, null)
      } else bytes += this.#bytesMax(column, start, count, list)
    }
    this.#depth = 0
    return aligned(headerBytes) + bytes
  }

  /**
   * Writes rows `[from, to)` at `target[targetOffset]`, selection applied, and returns the bytes written, a multiple of 64. `targetOffset` is a
   * multiple of 64 in the target's buffer, and there is room for {@link encodedBytesMax} bytes.
   *
   * @throws {StateError} `VALUE_NOT_ENCODABLE` if an object column holds a function, a promise or another value that cannot leave its thread.
   */
  encode(batch: RecordBatch, from: number, to: number, target: Uint8Array, targetOffset: number): number {
    const count = to - from
    const frame = target.byteOffset + targetOffset
    assert(from >= 0 && count >= 0 && to <= batch.logicalCount, 'rows to encode lie outside of the batch')
    assert((frame & (WIRE_ALIGNMENT_BYTES - 1)) === 0, 'a frame must begin at a multiple of 64 bytes')
    if (target.buffer !== this.#views.u8.buffer) this.#views = viewsOf(target.buffer)
    const header = this.#header
    const fields = this.#fields
    const { columns } = batch
    const list = this.#listOf(batch, from, to)
    const start = list === null && count > 0 ? batch.physicalRow(from) : 0

    let dictionaries = 0
    for (let index = 0; index < columns.length; index++) {
      if (columns[index].dictionary === null) continue
      const rows = this.#usedDictionaryRows(columns[index], start, count, list)
      this.#dictionaryRows[index] = rows
      if (rows > 0) dictionaries++
    }
    const firstWord = fields[HEADER_COLUMNS]
    const headerWords = firstWord + (this.#columnCount + dictionaries) * COLUMN_HEADER_WORDS
    const bodyOffset = aligned(headerWords * 4)
    this.#body = frame + bodyOffset
    this.#bodyLength = 0

    this.#rowsOfBatch(batch, start, count, list, from, to)
    this.#word = firstWord
    let dictionaryIndex = this.#columnCount
    for (let index = 0; index < columns.length; index++) {
      const column = columns[index]
      this.#columnName = this.#names[index]!
      if (column.dictionary === null) this.#column(column, start, count, list)
      else if (this.#dictionaryRows[index] === 0) this.#plainOfCodes(column, start, count, list)
      else this.#dictionaryColumn(column, start, count, list, dictionaryIndex++, this.#dictionaryRows[index])
    }
    this.#depth = 0
    this.#packed.length = 0

    header[firstWord - 1] = this.#columnCount + dictionaries
    header[fields[HEADER_ROW_COUNT]] = count
    header[fields[HEADER_BODY_OFFSET]] = bodyOffset
    header[fields[HEADER_BODY_LENGTH]] = this.#bodyLength
    this.#views.i32.set(dictionaries === 0 ? this.#headerView : header.subarray(0, headerWords), frame >>> 2)
    return bodyOffset + this.#bodyLength
  }

  /** The physical rows to gather, or null if they are a range. */
  #listOf(batch: RecordBatch, from: number, to: number): Int32Array | null {
    this.#depth = 0
    const count = to - from
    if (batch.selection === 0 || count === 0) return null
    const { i32 } = batch.slab
    const at = (batch.selection >>> 2) + from
    if (i32[at + count - 1] - i32[at] === count - 1) return null
    const list = this.#takeList(count)
    for (let index = 0; index < count; index++) list[index] = i32[at + index]!
    return list
  }

  #takeList(count: number): Int32Array {
    const depth = this.#depth++
    let list = this.#lists[depth]
    if (list === undefined || list.length < count) this.#lists[depth] = list = new Int32Array(Math.max(64, 2 ** (32 - Math.clz32(count))))
    return list
  }

  /** How many leading rows of its dictionary the rows name, or 0 if writing them plain is shorter. */
  #usedDictionaryRows(column: Column, start: number, count: number, list: Int32Array | null): number {
    const { i32 } = column.slab
    const codes = column.values >>> 2
    const allValid = column.nullCount === 0
    let last = -1
    for (let index = 0; index < count; index++) {
      const row = list === null ? start + index : list[index]
      const code = i32[codes + row]
      if (code > last && (allValid || column.isValid(row))) {
        last = code
        if (last >= count) return 0
      }
    }
    return last + 1
  }

  /** The dictionary's row of each row, -1 for NULL. */
  #codes(column: Column, start: number, count: number, list: Int32Array | null): Int32Array {
    const dictionary = column.dictionary!
    assert(dictionary.dictionary === null && dictionary.children.length === 0 && dictionary.kind !== PhysicalKind.OBJECT, 'a dictionary holds plain values')
    const target = this.#takeList(count)
    const { i32 } = column.slab
    const codes = column.values >>> 2
    const allValid = column.nullCount === 0
    for (let index = 0; index < count; index++) {
      const row = list === null ? start + index : list[index]
      target[index] = allValid || column.isValid(row) ? i32[codes + row] : -1
    }
    return target
  }

  #bytesMax(column: Column, start: number, count: number, list: Int32Array | null): number {
    const { slab, kind } = column
    if (column.dictionary !== null) return aligned(bitBytes(count)) + this.#bytesMax(column.dictionary, 0, count, this.#codes(column, start, count, list))
    if (kind === PhysicalKind.OBJECT) return aligned(this.#pack(column, start, count, list).length)
    let bytes = column.nullCount > 0 ? aligned(bitBytes(count)) : 0
    bytes += aligned(kind === PhysicalKind.BIT ? bitBytes(count) : count * VALUE_BYTES[kind])
    if (kind === PhysicalKind.TIMESTAMP_NANOS) bytes += aligned(count * 4)
    if (column.offsets !== 0) {
      const { i32 } = slab
      const at = column.offsets >>> 2
      bytes += aligned((count + 1) * 4)
      if (kind === PhysicalKind.BYTES && list !== null) {
        let data = 0
        for (let index = 0; index < count; index++) if (list[index] >= 0) data += i32[at + list[index] + 1] - i32[at + list[index]]
        bytes += aligned(data)
      } else if (count > 0) {
        const first = i32[at + (list === null ? start : list[0])]
        const last = i32[at + (list === null ? start + count : list[count - 1] + 1)]
        if (kind === PhysicalKind.BYTES) bytes += aligned(last - first)
        else for (const child of column.children) bytes += this.#bytesMax(child, first, last - first, null)
      } else for (const child of column.children) bytes += this.#bytesMax(child, 0, 0, null)
    } else if (kind === PhysicalKind.STRUCT) for (const child of column.children) bytes += this.#bytesMax(child, start, count, list)
    return bytes
  }

  /** Takes room in the body and notes it at a header's word; returns the byte address. */
  #reserve(word: number, bytes: number): number {
    const offset = this.#bodyLength
    this.#header[word] = bytes === 0 ? 0 : offset
    this.#header[word + 1] = bytes
    this.#bodyLength = aligned(offset + bytes)
    return this.#body + offset
  }

  #clear(word: number): void {
    this.#header[word] = 0
    this.#header[word + 1] = 0
  }

  /** Kinds, timestamps, crossings. */
  #rowsOfBatch(batch: RecordBatch, start: number, count: number, list: Int32Array | null, from: number, to: number): void {
    const fields = this.#fields
    const header = this.#header
    if (batch.kinds === 0) this.#clear(fields[HEADER_KINDS])
    else this.#fixed(batch.slab, batch.kinds, 1, fields[HEADER_KINDS], start, count, list)

    let timestampsColumn = -1
    if (batch.timestamps !== 0) {
      const { columns } = batch
      for (let index = 0; index < columns.length; index++) {
        const column = columns[index]
        if (column.kind === PhysicalKind.INT64 && column.values === batch.timestamps && column.dictionary === null) timestampsColumn = this.#wireIndexes[index]!
      }
    }
    header[fields[HEADER_TIMESTAMPS_COLUMN]] = timestampsColumn
    if (batch.timestamps === 0 || timestampsColumn >= 0) this.#clear(fields[HEADER_TIMESTAMPS])
    else this.#fixed(batch.slab, batch.timestamps, 8, fields[HEADER_TIMESTAMPS], start, count, list)

    if (batch.crossings.count === 0) {
      this.#clear(fields[HEADER_CROSSING_POSITIONS])
      this.#clear(fields[HEADER_CROSSING_WATERMARKS])
    } else this.#crossings(batch, from, to)
  }

  #crossings(batch: RecordBatch, from: number, to: number): void {
    const { positions, watermarks, count } = batch.crossings
    const isLast = to === batch.logicalCount
    // Crossings between unselected rows fall together; the last one of a position is the highest.
    let first = 0
    while (first < count && batch.positionOf(positions[first]) < from) first++
    let end = first
    let distinct = 0
    let previous = -1
    for (; end < count; end++) {
      const position = batch.positionOf(positions[end])
      if (position > to || (position === to && !isLast)) break
      if (position !== previous) distinct++
      previous = position
    }
    const { f64, i32 } = this.#views
    let watermarkAt = (this.#reserve(this.#fields[HEADER_CROSSING_WATERMARKS], distinct * 8) >>> 3) - 1
    let positionAt = (this.#reserve(this.#fields[HEADER_CROSSING_POSITIONS], distinct * 4) >>> 2) - 1
    previous = -1
    for (let index = first; index < end; index++) {
      const position = batch.positionOf(positions[index])
      if (position !== previous) {
        watermarkAt++
        i32[++positionAt] = position - from
        previous = position
      }
      f64[watermarkAt] = watermarks[index]!
    }
  }

  /** Codes, then the dictionary's rows under a header of their own. */
  #dictionaryColumn(column: Column, start: number, count: number, list: Int32Array | null, dictionaryIndex: number, dictionaryRows: number): void {
    const header = this.#header
    const word = this.#word
    const dictionary = column.dictionary!
    assert(dictionary.dictionary === null && dictionary.children.length === 0 && dictionary.kind !== PhysicalKind.OBJECT, 'a dictionary holds plain values')
    header[word + COLUMN_HEADER_KIND] = kindWordOf(column.type, Encoding.DICTIONARY)
    header[word + COLUMN_HEADER_ROW_COUNT] = count
    header[word + COLUMN_HEADER_DICTIONARY] = dictionaryIndex
    this.#clear(word + COLUMN_HEADER_OFFSETS)
    this.#clear(word + COLUMN_HEADER_DATA)
    this.#clear(word + COLUMN_HEADER_EXTRA)
    this.#validity(column, word, start, count, list)
    const codes = this.#fixed(column.slab, column.values, 4, word + COLUMN_HEADER_VALUES, start, count, list) >>> 2
    if (header[word + COLUMN_HEADER_NULL_COUNT] > 0) {
      // What stands under a NULL need not be a code.
      const { i32 } = this.#views
      for (let index = 0; index < count; index++) if (!column.isValid(list === null ? start + index : list[index])) i32[codes + index] = 0
    }
    this.#word = this.#fields[HEADER_COLUMNS] + dictionaryIndex * COLUMN_HEADER_WORDS
    header.fill(0, this.#word, this.#word + COLUMN_HEADER_WORDS)
    header[this.#word + COLUMN_HEADER_TYPE] = typeWordOf(column.type)
    this.#column(dictionary, 0, dictionaryRows, null)
    this.#word = word + COLUMN_HEADER_WORDS
  }

  #plainOfCodes(column: Column, start: number, count: number, list: Int32Array | null): void {
    const depth = this.#depth
    this.#hasAbsent = column.nullCount > 0
    this.#column(column.dictionary!, 0, count, this.#codes(column, start, count, list))
    this.#hasAbsent = false
    this.#depth = depth
  }

  /** Writes a column and its children, of rows `[start, start + count)` or of those in `list`, where -1 is NULL. */
  #column(column: Column, start: number, count: number, list: Int32Array | null): void {
    if (column.dictionary !== null) {
      // Only top-level columns keep their dictionaries.
      this.#plainOfCodes(column, start, count, list)
      return
    }
    const { slab, kind } = column
    const header = this.#header
    const word = this.#word
    this.#word += COLUMN_HEADER_WORDS
    header[word + COLUMN_HEADER_KIND] = kind | (column.children.length << 16)
    header[word + COLUMN_HEADER_ROW_COUNT] = count
    header[word + COLUMN_HEADER_DICTIONARY] = -1
    if (kind === PhysicalKind.OBJECT) {
      const bytes = this.#pack(column, start, count, list)
      this.#views.u8.set(bytes, this.#reserve(word + COLUMN_HEADER_DATA, bytes.length))
      return
    }
    this.#validity(column, word, start, count, list)
    switch (kind) {
      case PhysicalKind.BIT:
        if (count === 0) this.#clear(word + COLUMN_HEADER_VALUES)
        else this.#bits(slab, column.values, this.#reserve(word + COLUMN_HEADER_VALUES, bitBytes(count)), start, count, list)
        return
      case PhysicalKind.BYTES:
        this.#clear(word + COLUMN_HEADER_VALUES)
        this.#bytes(column, word, start, count, list)
        return
      case PhysicalKind.LIST:
      case PhysicalKind.MAP:
        this.#nested(column, word, start, count, list)
        return
      case PhysicalKind.STRUCT:
        for (const child of column.children) this.#column(child, start, count, list)
        return
      default:
        this.#fixed(slab, column.values, VALUE_BYTES[kind], word + COLUMN_HEADER_VALUES, start, count, list)
        if (kind === PhysicalKind.TIMESTAMP_NANOS) this.#fixed(slab, column.extra, 4, word + COLUMN_HEADER_EXTRA, start, count, list)
    }
  }

  #pack(column: Column, start: number, count: number, list: Int32Array | null): Uint8Array {
    const { objects } = column
    const values: unknown[] = []
    for (let index = 0; index < count; index++) values.push(objects[list === null ? start + index : list[index]] ?? null)
    const known = this.#packed.find((packed) => packed.values.length === count && packed.values.every((value, index) => Object.is(value, values[index])))
    if (known !== undefined) return known.bytes
    const bytes = encodeObjects(values, this.#columnName).slice()
    this.#packed.push({ values, bytes })
    return bytes
  }

  /** Validity bits, if any row is NULL, and the null count. */
  #validity(column: Column, word: number, start: number, count: number, list: Int32Array | null): void {
    const { slab } = column
    const header = this.#header
    const hasBits = column.nullCount > 0
    let valid = count
    if (hasBits || this.#hasAbsent) {
      const before = this.#bodyLength
      const address = this.#reserve(word + COLUMN_HEADER_VALIDITY, bitBytes(count))
      if (hasBits) valid = this.#bits(slab, column.validity, address, start, count, list)
      else valid = this.#presentBits(address, count, list!)
      if (valid < count) {
        header[word + COLUMN_HEADER_NULL_COUNT] = count - valid
        return
      }
      this.#bodyLength = before
    }
    header[word + COLUMN_HEADER_NULL_COUNT] = 0
    this.#clear(word + COLUMN_HEADER_VALIDITY)
  }

  /** Bits of a column without NULLs under a gather list that may hold -1. Returns how many are set. */
  #presentBits(address: number, count: number, list: Int32Array): number {
    const { u8 } = this.#views
    let set = 0
    u8.fill(0, address, address + bitBytes(count))
    for (let index = 0; index < count; index++) {
      if (list[index] < 0) continue
      u8[address + (index >>> 3)] = u8[address + (index >>> 3)] | (1 << (index & 7))
      set++
    }
    return set
  }

  /** Copies bits so that they begin at a byte; those behind the last are 0. Returns how many are set. */
  #bits(slab: Slab, source: number, target: number, start: number, count: number, list: Int32Array | null): number {
    let set = 0
    if (list !== null) {
      const from = slab.u8
      const { u8 } = this.#views
      for (let base = 0; base < count; base += 8) {
        const end = Math.min(8, count - base)
        let byte = 0
        for (let bit = 0; bit < end; bit++) {
          const row = list[base + bit]
          if (row >= 0) byte |= ((from[source + (row >>> 3)] >>> (row & 7)) & 1) << bit
        }
        u8[target + (base >>> 3)] = byte
        set += popcount(byte)
      }
      return set
    }
    const from = slab.u32
    const { i32 } = this.#views
    // Word by word; both sides have slack behind their last byte.
    const firstBit = (source & 3) * 8 + start
    const shift = firstBit & 31
    let at = (source >>> 2) + (firstBit >>> 5)
    let to = target >>> 2
    for (let left = count; left > 0; left -= 32) {
      let word = shift === 0 ? from[at] : (from[at] >>> shift) | (from[at + 1] << (32 - shift))
      if (left < 32) word &= (1 << left) - 1
      i32[to++] = word
      set += popcount(word)
      at++
    }
    return set
  }

  /** Copies values of `width` bytes; returns the byte address of the first. */
  #fixed(slab: Slab, source: number, width: number, word: number, start: number, count: number, list: Int32Array | null): number {
    const address = this.#reserve(word, count * width)
    if (list === null) {
      this.#copy(slab, source + start * width, address, count * width)
      return address
    }
    const views = this.#views
    // NULL (-1) copies row 0's place, which every buffer has and which means nothing.
    if (this.#hasAbsent) for (let index = 0; index < count; index++) list[index] = Math.max(0, list[index])
    if (width === 1) gatherBytes(slab.u8, source, views.u8, address, count, list)
    else if (width === 2) gatherHalfWords(slab.i16, source >>> 1, views.i16, address >>> 1, count, list)
    else if (width === 4) gatherWords(slab.i32, source >>> 2, views.i32, address >>> 2, count, list)
    else if (width === 8) gatherLongs(slab.i64, source >>> 3, views.i64, address >>> 3, count, list)
    else gatherLongPairs(slab.i64, source >>> 3, views.i64, address >>> 3, count, list)
    return address
  }

  #copy(slab: Slab, source: number, target: number, bytes: number): void {
    // Shared memory is moved byte by byte unless both sides stand alike to 8 bytes, which a loop over words then beats.
    if (((source | target) & 3) === 0 && (bytes <= SMALL_COPY_BYTES || ((source ^ target) & 7) !== 0)) {
      // Up to three bytes more than asked for: slack on one side, padding on the other.
      const from = slab.i32
      const { i32 } = this.#views
      const end = (source + bytes + 3) >>> 2
      for (let at = source >>> 2, to = target >>> 2; at < end; at++, to++) i32[to] = from[at]!
      return
    }
    this.#views.u8.set(slab.u8.subarray(source, source + bytes), target)
  }

  #bytes(column: Column, word: number, start: number, count: number, list: Int32Array | null): void {
    const { slab } = column
    if (list === null) {
      const first = this.#rebasedOffsets(column, word, start, count)
      const bytes = slab.i32[(column.offsets >>> 2) + start + count] - first
      this.#copy(slab, column.data + first, this.#reserve(word + COLUMN_HEADER_DATA, bytes), bytes)
      return
    }
    const offsets = this.#reserve(word + COLUMN_HEADER_OFFSETS, (count + 1) * 4)
    const length = gatherText(viewsOf(slab.u8.buffer), column.offsets, column.data, this.#views, offsets, this.#body + this.#bodyLength, count, list)
    this.#reserve(word + COLUMN_HEADER_DATA, length)
  }

  /** Writes the offsets of a range so that they begin at 0; returns what was taken off them. */
  #rebasedOffsets(column: Column, word: number, start: number, count: number): number {
    const { slab } = column
    const at = (column.offsets >>> 2) + start
    const first = slab.i32[at]
    const address = this.#reserve(word + COLUMN_HEADER_OFFSETS, (count + 1) * 4)
    if (first === 0) this.#copy(slab, at * 4, address, (count + 1) * 4)
    else {
      const from = slab.i32
      const { i32 } = this.#views
      const to = address >>> 2
      for (let index = 0; index <= count; index++) i32[to + index] = from[at + index] - first
    }
    return first
  }

  #nested(column: Column, word: number, start: number, count: number, list: Int32Array | null): void {
    const from = column.slab.i32
    const at = column.offsets >>> 2
    if (list === null) {
      const first = this.#rebasedOffsets(column, word, start, count)
      const children = from[at + start + count] - first
      for (const child of column.children) this.#column(child, first, children, null)
      return
    }
    const { i32 } = this.#views
    const to = this.#reserve(word + COLUMN_HEADER_OFFSETS, (count + 1) * 4) >>> 2
    let children = 0
    i32[to] = 0
    for (let index = 0; index < count; index++) {
      children += from[at + list[index] + 1] - from[at + list[index]]
      i32[to + index + 1] = children
    }
    const depth = this.#depth
    const rows = this.#takeList(children)
    let filled = 0
    for (let index = 0; index < count; index++) {
      const end = from[at + list[index] + 1]
      for (let row = from[at + list[index]]; row < end; row++) rows[filled++] = row
    }
    for (const child of column.children) this.#column(child, 0, children, rows)
    this.#depth = depth
  }
}

/**
 * Reads batches of one schema out of frames in its own slab. Made once a channel and used by the slab's thread. The batch it returns is the same
 * object each time, and its columns point into the frame: it is valid until the frame is released or the next {@link decode}.
 *
 * Frames are believed: what comes from outside of the process goes through `verifyBatch` first.
 */
export class BatchDecoder {
  readonly slab: Slab
  readonly batch: RecordBatch
  readonly #schemaId: number
  /** All columns as the wire lists them. */
  readonly #columns: readonly Column[]
  /** Columns for the dictionaries of top-level columns, made when first needed; by the column's index on the wire. */
  readonly #dictionaries: (Column | undefined)[] = []
  readonly #fields = new Int32Array(HEADER_FIELD_COUNT)

  constructor(slab: Slab, schema: Schema) {
    this.slab = slab
    const columns = schema.fields.map((field) => Column.borrow(slab, field.type))
    this.batch = new RecordBatch(slab, schema, columns)
    const flat: Column[] = []
    const visit = (column: Column): void => {
      flat.push(column)
      column.children.forEach(visit)
    }
    columns.forEach(visit)
    this.#columns = flat
    this.#schemaId = schemaIdOf(schema)
  }

  /** The batch in the frame at `address`, a multiple of 64, of at most `length` bytes. All rows are pending. */
  decode(address: number, length: number): RecordBatch {
    const { batch, slab } = this
    const { u32, u16 } = slab
    const fields = this.#fields
    assert((address & (WIRE_ALIGNMENT_BYTES - 1)) === 0, 'a frame must begin at a multiple of 64 bytes')
    const table = address + u32[address >>> 2]
    const vtable = (table - u32[table >>> 2]) >>> 0
    const vtableBytes = u16[vtable >>> 1]
    for (let field = 0; field < HEADER_FIELD_COUNT; field++) {
      const offset = 4 + field * 2 < vtableBytes ? u16[(vtable + 4 + field * 2) >>> 1] : 0
      // A field that a writer left out reads as a word at address 0, which is never written: 0.
      fields[field] = offset === 0 ? 0 : (table + offset) >>> 2
    }
    assert(u16[(table + u16[(vtable + 4 + HEADER_FORMAT_VERSION * 2) >>> 1]) >>> 1] === WIRE_FORMAT_VERSION, 'a frame has another format version')
    assert(u32[fields[HEADER_SCHEMA_ID]] === this.#schemaId, 'a frame has another schema than its channel')
    const body = address + u32[fields[HEADER_BODY_OFFSET]]
    assert(body + u32[fields[HEADER_BODY_LENGTH]] <= address + length, 'a frame is shorter than its batch')

    batch.rowCount = u32[fields[HEADER_ROW_COUNT]]!
    batch.selection = 0
    batch.selectedCount = 0
    batch.begin = 0
    batch.end = batch.rowCount
    batch.kinds = u32[fields[HEADER_KINDS] + 1] === 0 ? 0 : body + u32[fields[HEADER_KINDS]]
    batch.timestamps = u32[fields[HEADER_TIMESTAMPS] + 1] === 0 ? 0 : body + u32[fields[HEADER_TIMESTAMPS]]
    this.#crossings(body)

    const first = fields[HEADER_COLUMNS] + (u32[fields[HEADER_COLUMNS]] >>> 2) + 1
    const columns = this.#columns
    for (let index = 0; index < columns.length; index++) {
      const word = first + index * COLUMN_HEADER_WORDS
      this.#column(columns[index], word, body)
      const dictionary = slab.i32[word + COLUMN_HEADER_DICTIONARY]
      if (dictionary >= 0) this.#dictionary(index, first + dictionary * COLUMN_HEADER_WORDS, body)
      else if (columns[index].dictionary !== null) columns[index].setDictionary(null)
    }
    const timestampsColumn = slab.i32[fields[HEADER_TIMESTAMPS_COLUMN]]
    if (fields[HEADER_TIMESTAMPS_COLUMN] !== 0 && timestampsColumn >= 0) batch.timestamps = columns[timestampsColumn].values
    return batch
  }

  /** Gives the descriptors back to the slab. */
  free(): void {
    for (const column of this.batch.columns) column.free()
    for (const column of this.#dictionaries) column?.free()
  }

  #crossings(body: number): void {
    const { slab } = this
    const { crossings } = this.batch
    crossings.clear()
    const positions = this.#fields[HEADER_CROSSING_POSITIONS]
    const count = slab.u32[positions + 1] >>> 2
    if (count === 0) return
    const positionsAt = (body + slab.u32[positions]) >>> 2
    const watermarksAt = (body + slab.u32[this.#fields[HEADER_CROSSING_WATERMARKS]]) >>> 3
    for (let index = 0; index < count; index++) crossings.add(slab.i32[positionsAt + index], slab.f64[watermarksAt + index])
  }

  #column(column: Column, word: number, body: number): void {
    const { u32 } = this.slab
    const to = column.descriptor >>> 2
    u32[to + DESCRIPTOR_ROW_CAPACITY] = u32[word + COLUMN_HEADER_ROW_COUNT]!
    u32[to + DESCRIPTOR_NULL_COUNT] = u32[word + COLUMN_HEADER_NULL_COUNT]!
    u32[to + DESCRIPTOR_VALIDITY] = u32[word + COLUMN_HEADER_VALIDITY + 1] === 0 ? 0 : body + u32[word + COLUMN_HEADER_VALIDITY]
    u32[to + DESCRIPTOR_VALUES] = u32[word + COLUMN_HEADER_VALUES + 1] === 0 ? 0 : body + u32[word + COLUMN_HEADER_VALUES]
    u32[to + DESCRIPTOR_OFFSETS] = u32[word + COLUMN_HEADER_OFFSETS + 1] === 0 ? 0 : body + u32[word + COLUMN_HEADER_OFFSETS]
    u32[to + DESCRIPTOR_EXTRA] = u32[word + COLUMN_HEADER_EXTRA + 1] === 0 ? 0 : body + u32[word + COLUMN_HEADER_EXTRA]
    const dataLength = u32[word + COLUMN_HEADER_DATA + 1]
    const data = dataLength === 0 ? 0 : body + u32[word + COLUMN_HEADER_DATA]
    if (column.kind === PhysicalKind.OBJECT) {
      column.objects = dataLength === 0 ? [] : decodeObjects(this.slab.u8.slice(data, data + dataLength))
      return
    }
    u32[to + DESCRIPTOR_DATA] = data
    u32[to + DESCRIPTOR_DATA_LENGTH] = dataLength
    u32[to + DESCRIPTOR_DATA_CAPACITY] = dataLength
  }

  #dictionary(index: number, word: number, body: number): void {
    const column = this.#columns[index]
    const dictionary = (this.#dictionaries[index] ??= Column.borrow(this.slab, column.type))
    this.#column(dictionary, word, body)
    if (column.dictionary !== dictionary) column.setDictionary(dictionary)
  }
}
