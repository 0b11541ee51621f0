// What a format of lines is: how a schema's records are read from lines of text and written as such. Formats are plain descriptions that every
// thread can make again; decoders and encoders are made from them on the thread that uses them.

import { PlanError } from '../base/errors.ts'
import type { Slab } from '../base/slab.ts'
import type { RecordBatch } from '../batch/record-batch.ts'
import { childTypesOf, formatType, holdsVariant, type LogicalType, type Schema } from '../batch/types.ts'
import type { ScanResult } from '../kernels/json-scan.ts'
import type { Kernels } from '../kernels/kernels.ts'

/** What becomes of bytes that are not UTF-8: their record is bad, or U+FFFD stands for them. */
export type Utf8Option = 'strict' | 'replace'

/** The option with its default. @throws {PlanError} `INVALID_OPTION` */
export function checkUtf8Option(what: string, utf8: Utf8Option = 'strict'): Utf8Option {
  if (utf8 !== 'strict' && utf8 !== 'replace')
    throw new PlanError('INVALID_OPTION', `Cannot make ${what} format: utf8 is "strict" or "replace", not "${String(utf8)}"`)
  return utf8
}

/** @throws {PlanError} `UNSUPPORTED_TYPE` if there are variants in a column: as in Flink no format has a form of them. */
export function refuseVariant(name: string, type: LogicalType, format: string): void {
  if (!holdsVariant(type)) return
  throw new PlanError('UNSUPPORTED_TYPE', `Cannot read or write column "${name}" as ${format}: it is ${formatType(type)}`, {
    hint: 'Make the column a STRING: PARSE_JSON makes a VARIANT of it, and JSON_STRING a text of a VARIANT.',
  })
}

/** @throws {PlanError} `UNSUPPORTED_TYPE` if there are bitmaps in a column: as in Flink no format has a form of them. */
export function refuseBitmap(name: string, type: LogicalType, format: string): void {
  if (!holdsBitmap(type)) return
  throw new PlanError('UNSUPPORTED_TYPE', `Cannot read or write column "${name}" as ${format}: it is ${formatType(type)}`, {
    hint: 'Make the column BYTES: BITMAP_FROM_BYTES makes a bitmap of it, and BITMAP_TO_BYTES the bytes of a bitmap.',
  })
}

function holdsBitmap(type: LogicalType): boolean {
  return type.kind === 'BITMAP' || childTypesOf(type).some((child) => holdsBitmap(child.type))
}

/** The record that names a file's columns. */
export interface FileHeader {
  readonly columns: readonly string[]
  /** Bytes from the beginning of the file to the record's end: what is passed over before it is among them. */
  readonly bytes: number
}

/** A format whose records are lines of text (or, with quotes, a few lines). */
export interface LineFormat {
  readonly kind: 'lines'
  readonly name: string
  /** Whether the first record of a file names its columns instead of holding a record. */
  readonly header: boolean
  /** Whether a record may hold line feeds: then only a reader from the very start knows where records begin, and files have one split. */
  readonly spansLines: boolean
  /** What a column's position is called in messages: CSV counts columns, JSON names fields. */
  readonly fieldWord: 'column' | 'field'
  /** What ends a field, where there are such. */
  readonly delimiter: string | undefined
  /** Whether records with bytes that are not UTF-8 are mended. */
  readonly utf8: Utf8Option
  /** One line for `explain`. */
  describe(): string
  /** @throws {PlanError} If the schema has types that the format cannot hold. */
  check(schema: Schema): void
  /**
   * Reads the header at the beginning of a file, whose byte order mark has been passed.
   *
   * @param isFinal The file ends behind these bytes.
   * @returns undefined if its end is not among them.
   * @throws {ConnectorError} `DAMAGED_FILE` if it is no record.
   */
  parseHeader(bytes: Uint8Array, isFinal: boolean): FileHeader | undefined
  /**
   * @param nullOnError Values that cannot be converted become NULL where the schema allows it.
   * @param fileColumns The names in the file's header, if it has one.
   * @param recordBytesMax Longer records are bad.
   * @throws {ConnectorError} `SCHEMA_MISMATCH` if the header lacks a column.
   */
  createDecoder(
    schema: Schema,
    slab: Slab,
    kernels: Kernels,
    nullOnError: boolean,
    fileColumns: readonly string[] | undefined,
    recordBytesMax: number,
  ): LineDecoder
  createEncoder(schema: Schema, slab: Slab, kernels: Kernels): LineEncoder
}

/** Reads lines into the columns of a batch. Learns as it goes, so one decoder serves one input after the other, never two at a time. */
export interface LineDecoder {
  /** Names the batch to fill. Call again when its columns have moved. */
  bind(batch: RecordBatch): void
  /**
   * Reads whole lines of [input, inputEnd) into rows from `firstRow` on, at most `maxRows`. 64 bytes past `inputEnd` must be readable.
   * The answer is overwritten by the next call.
   *
   * @param isFinal Nothing will come behind `inputEnd`: a record that is not complete is bad.
   */
  decode(input: number, inputEnd: number, firstRow: number, maxRows: number, isFinal: boolean): ScanResult
  /** The columns of a line in their order; empty if fields are found by their names. */
  readonly columns: readonly string[]
  /** Values that became NULL because they could not be converted, since the decoder was made. */
  readonly nulledValues: number
  /** Members that stood twice in an object, since the decoder was made. */
  readonly duplicateKeys: number
  free(): void
}

/** What {@link LineEncoder.encode} did. */
export interface EncodeResult {
  /** Logical position behind the last record written. */
  position: number
  /** First byte behind what was written. */
  end: number
}

/** Writes records as lines. */
export interface LineEncoder {
  /** The bytes of a header line with its line feed; empty without one. */
  readonly header: Uint8Array
  /** Names the batch to write. Call for every batch. */
  bind(batch: RecordBatch): void
  /**
   * Writes the records `begin..end` (logical positions, through `selection` if that is not 0) to [target, targetEnd): as many whole ones as
   * fit. The answer is overwritten by the next call. `position` stays at `begin` if not one record fits: the caller makes more room.
   *
   * @throws {ConnectorError} `UNWRITABLE_VALUE` if the format has no form for a value.
   */
  encode(selection: number, begin: number, end: number, target: number, targetEnd: number): EncodeResult
  free(): void
}
