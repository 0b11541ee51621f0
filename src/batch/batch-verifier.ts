// Decides whether bytes from outside of this process are a record batch of a given schema before anyone believes them: the decoder and everything
// behind it read what this file let through without looking again. Invariant: no read of this file depends on a value that it has not checked.

import { isUtf8 } from 'node:buffer'
import { RestoreError } from '../base/errors.ts'
import { PhysicalKind, VALUE_BYTES } from '../kernels/column-layout.ts'
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
  HEADER_FORMAT_VERSION,
  HEADER_KINDS,
  HEADER_ROW_COUNT,
  HEADER_SCHEMA_ID,
  HEADER_TIMESTAMPS,
  HEADER_TIMESTAMPS_COLUMN,
  kindWordOf,
  schemaIdOf,
  WIRE_ALIGNMENT_BYTES,
  WIRE_FORMAT_VERSION,
  WIRE_IDENTIFIER,
} from './batch-codec-layout.ts'
import { decodeObjects } from './batch-codec-objects.ts'
import { bitBytes } from './column.ts'
import { Encoding } from './generated/encoding.ts'
import { RowKind } from './record-batch.ts'
import { childTypesOf, isText, physicalKindOf, type LogicalType, type Schema, typeWordOf } from './types.ts'

/** Rows of a batch whose columns need no bytes; every other batch is bounded by its own length. */
const ROWS_WITHOUT_BYTES_MAX = 1 << 24
const COLUMN_HEADER_BYTES = COLUMN_HEADER_WORDS * 4
const DAY_MS = 86_400_000
const NANOS_PER_MS = 1_000_000

export interface VerifyOptions {
  /** Whether strings are checked to be UTF-8, each on its own. @default {true} */
  readonly checkText?: boolean
}

/**
 * Insists that `bytes` are a batch of `schema` as `BatchEncoder` writes it: every offset, length and count lies within the bytes and fits the
 * others, offsets rise, null counts are those of the bits, codes are rows of their dictionary, crossings are in order, object columns decode.
 *
 * What passes decodes to data within the bytes. Whether it is the data that was written is for a checksum to say.
 *
 * @throws {RestoreError} `BATCH_MALFORMED` with the first thing found wrong.
 */
export function verifyBatch(bytes: Uint8Array, schema: Schema, options: VerifyOptions = {}): void {
  new BatchVerifier(bytes, schema, options.checkText ?? true).verify()
}

interface WireColumn {
  readonly path: string
  readonly type: LogicalType
  readonly isTopLevel: boolean
}

function wireColumnsOf(path: string, type: LogicalType, isTopLevel: boolean): WireColumn[] {
  return [{ path, type, isTopLevel }, ...childTypesOf(type).flatMap((child) => wireColumnsOf(`${path}.${child.name}`, child.type, false))]
}

class BatchVerifier {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #schema: Schema
  readonly #checkText: boolean
  /** Columns of the schema, then dictionaries as they are found. */
  readonly #columns: WireColumn[]
  readonly #schemaColumnCount: number
  #table = 0
  #tableBytes = 0
  #vtable = 0
  #vtableBytes = 0
  #body = 0
  #bodyLength = 0
  #firstColumn = 0
  #columnCount = 0
  #nextColumn = 0

  constructor(bytes: Uint8Array, schema: Schema, checkText: boolean) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#schema = schema
    this.#checkText = checkText
    this.#columns = schema.fields.flatMap(({ name, type }) => wireColumnsOf(name, type, true))
    this.#schemaColumnCount = this.#columns.length
  }

  verify(): void {
    this.#verifyTable()
    const rowCount = this.#scalar(HEADER_ROW_COUNT, 0)
    this.#verifyBody()
    this.#verifyColumnVector()
    this.#verifyKinds(rowCount)
    while (this.#nextColumn < this.#schemaColumnCount) this.#verifyColumn(rowCount)
    const { length } = this.#columns
    if (length !== this.#columnCount) this.#refuse(`it has ${this.#columnCount} columns, ${length} are in use`)
    if (rowCount > Math.max(ROWS_WITHOUT_BYTES_MAX, this.#bodyLength * 8)) this.#refuse(`${rowCount} rows without bytes`)
    this.#verifyTimestamps(rowCount)
    this.#verifyCrossings(rowCount)
  }

  #refuse(reason: string): never {
    throw new RestoreError('BATCH_MALFORMED', `Cannot read ${this.#bytes.length} bytes as a record batch of ${this.#schema.toString()}: ${reason}`)
  }

  #verifyTable(): void {
    const view = this.#view
    const { length } = this.#bytes
    if (length < 8) this.#refuse('it ends before its header')
    if (view.getUint32(4, true) !== WIRE_IDENTIFIER) this.#refuse('it does not begin with MRRB')
    const table = view.getUint32(0, true)
    if (table % 4 !== 0 || table < 8 || table > length - 4) this.#refuse(`its table cannot be at ${table}`)
    const vtable = table - view.getInt32(table, true)
    if (vtable % 2 !== 0 || vtable < 8 || vtable > length - 4) this.#refuse(`its vtable cannot be at ${vtable}`)
    const vtableBytes = view.getUint16(vtable, true)
    const tableBytes = view.getUint16(vtable + 2, true)
    if (vtableBytes % 2 !== 0 || vtableBytes < 4 || vtable + vtableBytes > length) this.#refuse(`its vtable cannot have ${vtableBytes} bytes`)
    if (tableBytes < 4 || table + tableBytes > length) this.#refuse(`its table cannot have ${tableBytes} bytes`)
    this.#table = table
    this.#tableBytes = tableBytes
    this.#vtable = vtable
    this.#vtableBytes = vtableBytes
    const version = this.#field(HEADER_FORMAT_VERSION, 2)
    if (version === 0) this.#refuse('it has no format version')
    const found = view.getUint16(version, true)
    if (found !== WIRE_FORMAT_VERSION) this.#refuse(`its format version is ${found}, known is ${WIRE_FORMAT_VERSION}`)
    const id = this.#scalar(HEADER_SCHEMA_ID, 0)
    if (id !== schemaIdOf(this.#schema)) this.#refuse(`its schema id is ${id}, expected ${schemaIdOf(this.#schema)}`)
  }

  /** Where a field of `bytes` bytes stands, or 0 if the writer left it out. */
  #field(index: number, bytes: number): number {
    const entry = 4 + index * 2
    if (entry + 2 > this.#vtableBytes) return 0
    const offset = this.#view.getUint16(this.#vtable + entry, true)
    if (offset === 0) return 0
    if (offset < 4 || offset + bytes > this.#tableBytes || offset % Math.min(4, bytes) !== 0) this.#refuse(`field ${index} cannot be at ${offset} of its table`)
    return this.#table + offset
  }

  #scalar(index: number, missing: number): number {
    const at = this.#field(index, 4)
    return at === 0 ? missing : this.#view.getUint32(at, true)
  }

  #verifyBody(): void {
    const { length } = this.#bytes
    const body = this.#scalar(HEADER_BODY_OFFSET, 0)
    const bodyLength = this.#scalar(HEADER_BODY_LENGTH, 0)
    if (body % WIRE_ALIGNMENT_BYTES !== 0 || body > length) this.#refuse(`its body cannot be at ${body}`)
    if (bodyLength > length - body) this.#refuse(`its body of ${bodyLength} bytes ends behind it`)
    if (Math.max(this.#table + this.#tableBytes, this.#vtable + this.#vtableBytes) > body) this.#refuse('its header reaches into its body')
    this.#body = body
    this.#bodyLength = bodyLength
  }

  #verifyColumnVector(): void {
    const field = this.#field(HEADER_COLUMNS, 4)
    if (field === 0) this.#refuse('it has no columns')
    const vector = field + this.#view.getUint32(field, true)
    if (vector % 4 !== 0 || vector > this.#body - 4) this.#refuse(`its columns cannot be at ${vector}`)
    const count = this.#view.getUint32(vector, true)
    if (count < this.#schemaColumnCount || count > this.#schemaColumnCount * 2) this.#refuse(`it has ${count} columns, expected ${this.#schemaColumnCount}`)
    if (count * COLUMN_HEADER_BYTES > this.#body - vector - 4) this.#refuse(`its ${count} columns reach into its body`)
    this.#firstColumn = vector + 4
    this.#columnCount = count
  }

  /** The start of a buffer noted at a byte of the header, which must have exactly `bytes` bytes; an absent one starts at 0. */
  #buffer(at: number, bytes: number, what: string): number {
    const offset = this.#view.getUint32(at, true)
    const length = this.#view.getUint32(at + 4, true)
    if (length !== bytes) this.#refuse(`${what} have ${length} bytes, expected ${bytes}`)
    if (offset % WIRE_ALIGNMENT_BYTES !== 0 || offset + length > this.#bodyLength || (length === 0 && offset !== 0))
      this.#refuse(`${what} cannot be at ${offset}`)
    return this.#body + offset
  }

  #lengthOf(at: number): number {
    return this.#view.getUint32(at + 4, true)
  }

  #verifyKinds(rowCount: number): void {
    const field = this.#field(HEADER_KINDS, 8)
    if (field === 0 || this.#lengthOf(field) === 0) return
    const at = this.#buffer(field, rowCount, 'row kinds')
    for (let row = 0; row < rowCount; row++) if (this.#bytes[at + row] > RowKind.DELETE) this.#refuse(`row ${row} has kind ${this.#bytes[at + row]}`)
  }

  /** Runs behind the columns, whose kinds are known to be right by then. */
  #verifyTimestamps(rowCount: number): void {
    const field = this.#field(HEADER_TIMESTAMPS, 8)
    const hasOwn = field !== 0 && this.#lengthOf(field) > 0
    if (hasOwn) this.#buffer(field, rowCount * 8, 'timestamps')
    const index = this.#scalar(HEADER_TIMESTAMPS_COLUMN, -1) | 0
    if (index === -1) return
    if (index < 0 || index >= this.#schemaColumnCount) this.#refuse(`its timestamps cannot be column ${index}`)
    const { path, type, isTopLevel } = this.#columns[index]
    const isPlain = this.#columnWord(index, COLUMN_HEADER_DICTIONARY) === 0xffff_ffff
    if (hasOwn || !isTopLevel || physicalKindOf(type) !== PhysicalKind.INT64 || !isPlain) this.#refuse(`its timestamps cannot be column "${path}"`)
  }

  #verifyCrossings(rowCount: number): void {
    const positions = this.#field(HEADER_CROSSING_POSITIONS, 8)
    const watermarks = this.#field(HEADER_CROSSING_WATERMARKS, 8)
    const bytes = positions === 0 ? 0 : this.#lengthOf(positions)
    if (bytes % 4 !== 0) this.#refuse(`crossings have ${bytes} bytes of positions`)
    if (bytes === 0) {
      if (watermarks !== 0 && this.#lengthOf(watermarks) !== 0) this.#refuse('it has watermarks without positions')
      return
    }
    if (watermarks === 0) this.#refuse('it has positions without watermarks')
    const positionsAt = this.#buffer(positions, bytes, 'positions of crossings')
    const watermarksAt = this.#buffer(watermarks, bytes * 2, 'watermarks of crossings')
    let position = -1
    let watermark = -Infinity
    for (let index = 0; index < bytes / 4; index++) {
      const nextPosition = this.#view.getInt32(positionsAt + index * 4, true)
      const nextWatermark = this.#view.getFloat64(watermarksAt + index * 8, true)
      if (nextPosition <= position || nextPosition > rowCount) this.#refuse(`crossing ${index} stands at row ${nextPosition} behind ${position} of ${rowCount}`)
      if (!(nextWatermark >= watermark)) this.#refuse(`crossing ${index} moves the watermark from ${watermark} to ${nextWatermark}`)
      position = nextPosition
      watermark = nextWatermark
    }
  }

  #columnWord(index: number, word: number): number {
    return this.#view.getUint32(this.#firstColumn + index * COLUMN_HEADER_BYTES + word * 4, true)
  }

  /** Verifies the next column of the schema, which must have `rowCount` rows, and its children. */
  #verifyColumn(rowCount: number): void {
    const index = this.#nextColumn++
    const { type, path, isTopLevel } = this.#columns[index]
    const encoding = (this.#columnWord(index, COLUMN_HEADER_KIND) >>> 8) & 0xff
    if (encoding !== Encoding.DICTIONARY) {
      this.#verifyPlain(index, rowCount)
      return
    }
    const kind = physicalKindOf(type)
    if (!isTopLevel || kind === PhysicalKind.OBJECT || childTypesOf(type).length > 0) this.#refuse(`column "${path}" cannot have a dictionary`)
    this.#verifyHead(index, Encoding.DICTIONARY, rowCount)
    // Dictionaries follow in the order of the columns that name them.
    const dictionary = this.#columns.length
    if (this.#columnWord(index, COLUMN_HEADER_DICTIONARY) !== dictionary || dictionary >= this.#columnCount)
      this.#refuse(`column "${path}" names a wrong dictionary`)
    this.#columns.push({ path: `${path}.dictionary`, type: { ...type, nullable: true }, isTopLevel: false })
    this.#verifyPlain(dictionary, this.#columnWord(dictionary, COLUMN_HEADER_ROW_COUNT))
    const dictionaryRows = this.#columnWord(dictionary, COLUMN_HEADER_ROW_COUNT)

    const validity = this.#verifyValidity(index, rowCount)
    const codes = this.#columnBuffer(index, COLUMN_HEADER_VALUES, rowCount * 4, 'codes')
    for (let row = 0; row < rowCount; row++) {
      const code = this.#view.getUint32(codes + row * 4, true)
      const isNull = validity !== 0 && !this.#isSet(validity, row)
      if (isNull ? code !== 0 : code >= dictionaryRows) this.#refuse(`column "${path}" has code ${code} at row ${row}, its dictionary ${dictionaryRows} rows`)
    }
    this.#absent(index, COLUMN_HEADER_OFFSETS, COLUMN_HEADER_DATA, COLUMN_HEADER_EXTRA)
  }

  /** What every column header says: type, kind, encoding, children, rows. */
  #verifyHead(index: number, encoding: Encoding, rowCount: number): void {
    const { type, path } = this.#columns[index]
    if (this.#columnWord(index, COLUMN_HEADER_TYPE) !== typeWordOf(type))
      this.#refuse(`column "${path}" has type word ${this.#columnWord(index, COLUMN_HEADER_TYPE)}, expected ${typeWordOf(type)}`)
    const kind = this.#columnWord(index, COLUMN_HEADER_KIND)
    if (kind !== kindWordOf(type, encoding)) this.#refuse(`column "${path}" has kind word ${kind}, expected ${kindWordOf(type, encoding)}`)
    const rows = this.#columnWord(index, COLUMN_HEADER_ROW_COUNT)
    if (rows !== rowCount) this.#refuse(`column "${path}" has ${rows} rows, expected ${rowCount}`)
  }

  #verifyPlain(index: number, rowCount: number): void {
    const { type, path } = this.#columns[index]
    const kind = physicalKindOf(type)
    this.#verifyHead(index, Encoding.PLAIN, rowCount)
    if (this.#columnWord(index, COLUMN_HEADER_DICTIONARY) !== 0xffff_ffff) this.#refuse(`column "${path}" names a dictionary without codes`)
    if (kind === PhysicalKind.OBJECT) {
      this.#verifyObjects(index, rowCount)
      return
    }
    const validity = this.#verifyValidity(index, rowCount)
    const valueBytes = kind === PhysicalKind.BIT ? bitBytes(rowCount) : rowCount * VALUE_BYTES[kind]
    const values = this.#columnBuffer(index, COLUMN_HEADER_VALUES, valueBytes, 'values')
    if (type.kind === 'TIME') this.#verifyRange(path, values, rowCount, validity, DAY_MS)
    if (kind === PhysicalKind.TIMESTAMP_NANOS)
      this.#verifyRange(path, this.#columnBuffer(index, COLUMN_HEADER_EXTRA, rowCount * 4, 'nanoseconds'), rowCount, validity, NANOS_PER_MS)
    else this.#absent(index, COLUMN_HEADER_EXTRA)
    switch (kind) {
      case PhysicalKind.BYTES: {
        const offsets = this.#columnBuffer(index, COLUMN_HEADER_OFFSETS, (rowCount + 1) * 4, 'offsets')
        const length = this.#verifyOffsets(path, offsets, rowCount)
        const data = this.#columnBuffer(index, COLUMN_HEADER_DATA, length, 'data')
        if (isText(type) && this.#checkText) this.#verifyText(path, offsets, rowCount, data, length)
        return
      }
      case PhysicalKind.LIST:
      case PhysicalKind.MAP: {
        this.#absent(index, COLUMN_HEADER_DATA)
        const offsets = this.#columnBuffer(index, COLUMN_HEADER_OFFSETS, (rowCount + 1) * 4, 'offsets')
        const length = this.#verifyOffsets(path, offsets, rowCount)
        if (length > Math.max(ROWS_WITHOUT_BYTES_MAX, this.#bodyLength * 8)) this.#refuse(`column "${path}" has ${length} children without bytes`)
        for (let child = 0; child < childTypesOf(type).length; child++) this.#verifyColumn(length)
        return
      }
      case PhysicalKind.STRUCT:
        this.#absent(index, COLUMN_HEADER_OFFSETS, COLUMN_HEADER_DATA)
        for (let child = 0; child < childTypesOf(type).length; child++) this.#verifyColumn(rowCount)
        return
      default:
        this.#absent(index, COLUMN_HEADER_OFFSETS, COLUMN_HEADER_DATA)
    }
  }

  #columnBuffer(index: number, word: number, bytes: number, what: string): number {
    return this.#buffer(this.#firstColumn + index * COLUMN_HEADER_BYTES + word * 4, bytes, `column "${this.#columns[index].path}": its ${what}`)
  }

  #absent(index: number, ...words: readonly number[]): void {
    for (const word of words) this.#columnBuffer(index, word, 0, 'absent buffers')
  }

  /** The address of the validity bits, or 0 without NULLs. */
  #verifyValidity(index: number, rowCount: number): number {
    const nullCount = this.#columnWord(index, COLUMN_HEADER_NULL_COUNT)
    const { path, type } = this.#columns[index]
    if (nullCount === 0) {
      this.#absent(index, COLUMN_HEADER_VALIDITY)
      return 0
    }
    if (!type.nullable) this.#refuse(`column "${path}" has ${nullCount} NULLs and is NOT NULL`)
    const at = this.#columnBuffer(index, COLUMN_HEADER_VALIDITY, bitBytes(rowCount), 'validity bits')
    let set = 0
    for (let row = 0; row < bitBytes(rowCount) * 8; row++) {
      if (!this.#isSet(at, row)) continue
      if (row >= rowCount) this.#refuse(`column "${path}" has a validity bit behind its last row`)
      set++
    }
    if (rowCount - set !== nullCount) this.#refuse(`column "${path}" has ${rowCount - set} NULLs, its header says ${nullCount}`)
    return at
  }

  #isSet(at: number, row: number): boolean {
    return (this.#bytes[at + (row >>> 3)] & (1 << (row & 7))) !== 0
  }

  /** Returns the last offset. */
  #verifyOffsets(path: string, at: number, rowCount: number): number {
    let previous = this.#view.getInt32(at, true)
    if (previous !== 0) this.#refuse(`column "${path}" begins at offset ${previous}`)
    for (let row = 1; row <= rowCount; row++) {
      const offset = this.#view.getInt32(at + row * 4, true)
      if (offset < previous) this.#refuse(`column "${path}": its offsets fall from ${previous} to ${offset} at row ${row}`)
      previous = offset
    }
    return previous
  }

  #verifyRange(path: string, at: number, rowCount: number, validity: number, bound: number): void {
    for (let row = 0; row < rowCount; row++) {
      const value = this.#view.getUint32(at + row * 4, true)
      if (value >= bound && (validity === 0 || this.#isSet(validity, row)))
        this.#refuse(`column "${path}" has ${value} at row ${row}, below ${bound} is allowed`)
    }
  }

  #verifyText(path: string, offsets: number, rowCount: number, data: number, length: number): void {
    if (length === 0) return
    if (!isUtf8(this.#bytes.subarray(data, data + length))) this.#refuse(`column "${path}" is not UTF-8`)
    for (let row = 0; row < rowCount; row++) {
      const start = this.#view.getInt32(offsets + row * 4, true)
      // The whole is UTF-8, so a row is, if it begins with a character and the next one does.
      if (start < length && (this.#bytes[data + start] & 0xc0) === 0x80) this.#refuse(`column "${path}" cuts a character at row ${row}`)
    }
  }

  #verifyObjects(index: number, rowCount: number): void {
    const { path } = this.#columns[index]
    if (this.#columnWord(index, COLUMN_HEADER_NULL_COUNT) !== 0) this.#refuse(`column "${path}" counts NULLs in objects`)
    this.#absent(index, COLUMN_HEADER_VALIDITY, COLUMN_HEADER_VALUES, COLUMN_HEADER_OFFSETS, COLUMN_HEADER_EXTRA)
    const word = COLUMN_HEADER_DATA
    const length = this.#columnWord(index, word + 1)
    const at = this.#columnBuffer(index, word, length, 'objects')
    let found: number | undefined
    try {
      const values: unknown = length === 0 ? [] : decodeObjects(this.#bytes.slice(at, at + length))
      if (Array.isArray(values)) found = values.length
    } catch (error) {
      this.#refuse(`column "${path}" cannot be decoded: ${(error as Error).message}`)
    }
    if (found !== rowCount) this.#refuse(`column "${path}" holds ${found ?? 'no'} objects, expected ${rowCount}`)
  }
}
