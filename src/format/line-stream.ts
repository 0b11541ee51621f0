// Bytes in, rows out: cuts a stream of bytes into whole lines and has them decoded into a batch. Whoever reads (a file, a socket, a Node
// stream) puts bytes into the room that this offers; carried lines, byte order marks, headers, lines that are too long, the last line without
// a line feed and bad records are dealt with here. Runs on the reader's thread.
//
//   buffer   | room for a carried line | block | slack |
//                            [at ... end)  bytes not decoded yet: they end where the block does, so that a block is always read to one place

import { ConnectorError } from '../base/errors.ts'
import type { Slab } from '../base/slab.ts'
import { BatchBuilder } from '../batch/batch-builder.ts'
import type { Column } from '../batch/column.ts'
import type { RecordBatch } from '../batch/record-batch.ts'
import type { Schema } from '../batch/types.ts'
import { BUFFER_SLACK_BYTES, PhysicalKind } from '../kernels/column-layout.ts'
import { BadReason, ScanStatus } from '../kernels/json-scan-layout.ts'
import type { ScanResult } from '../kernels/json-scan.ts'
import type { Kernels } from '../kernels/kernels.ts'
import type { OperatorContext } from '../operator/operator.ts'
import { explainBadLine } from './bad-reason.ts'
import type { BadRecordPlace, BadRecords } from './bad-records.ts'
import type { LineDecoder, LineFormat } from './line-format.ts'

const LINE_FEED = 10
const CARRIAGE_RETURN = 13
const BOM = [0xef, 0xbb, 0xbf] as const
const BLOCK_BYTES = 1 << 20
/** Bytes of a line over the limit that are kept. */
const LONG_LINE_BYTES_KEPT = 1024
/** Largest data buffer that a string column is grown to for one batch; fuller than that, the batch is cut. */
const DATA_BYTES_MAX = 64 << 20

/** Options of a stream of lines. */
export interface LineStreamOptions {
  /** Longer lines, their ends not counted, are bad records, of which only the beginning is kept. */
  readonly lineBytesMax: number
  /** Bytes read at once. */
  readonly blockBytes?: number
}

/** Where a stream begins, and how far it goes. */
export interface LineStart {
  /** Named in messages. */
  readonly file: string
  /** Offset of the first byte that will come. */
  readonly offset: number
  /** Line feeds before it; undefined if nobody has counted: then `countLines` is asked when a message needs it. */
  readonly linesBefore: number | undefined
  countLines?(): number
  /** The stream may begin within a line: it starts behind the next line feed. */
  readonly seeksLine: boolean
  /** As {@link seeksLine}, where a stream goes on within such a line, or in one that was too long and has been counted already. */
  readonly isSkipping?: boolean
  /** Lines that begin behind this offset belong to the next split. */
  readonly endOffset: number
  /** The header of the file, where the stream does not begin with it. */
  readonly fileColumns?: readonly string[] | undefined
}

/** How far a stream has been read: what a snapshot needs to go on. */
export interface LinePosition {
  /** Offset of the first byte that is not decoded. */
  readonly offset: number
  /** Line feeds before it, undefined if unknown. */
  readonly lines: number | undefined
  /** The offset lies within a line whose rest is to be passed over: it is too long and counted, or belongs to the split in front. */
  readonly isSkipping: boolean
}

/**
 * Decodes a stream of bytes.
 *
 * Protocol: {@link open}; then, until {@link isDone}: {@link decode}, which fills the batch; when it answers 0 rows and {@link needsInput} is
 * true, put bytes at {@link inputAddress} (at most {@link inputRoom}) and call {@link accept}, or {@link endInput} if there are no more.
 */
export class LineStream {
  readonly #slab: Slab
  readonly #kernels: Kernels
  readonly #schema: Schema
  readonly #format: LineFormat
  readonly #bad: BadRecords
  readonly #context: OperatorContext
  readonly #builder: BatchBuilder
  readonly #lineBytesMax: number
  readonly #blockBytes: number
  readonly #buffer: number
  readonly #bufferBytes: number
  /** Where blocks are read to. */
  readonly #blockAt: number
  #decoder: LineDecoder | undefined
  #decoderColumns: string | undefined
  #nulledSeen = 0
  #duplicatesSeen = 0

  #start!: LineStart
  #at: number
  #end: number
  /** File offset of the byte at #at. */
  #offset = 0
  /** Line feeds passed since the start. */
  #lines = 0
  /** Nothing of the file has been looked at: a byte order mark may come. */
  #isFileStart = false
  #awaitsHeader = false
  /** Bytes of a header that have been looked through for a line feed. */
  #headerSearched = 0
  #isSkipping = false
  /** Whether the line that is passed over counts as part of this stream (too long) or of the one before (a split's beginning). */
  #seeksLine = false
  #inputEnded = false
  /** A line feed was added behind the last byte. */
  #isClosed = false
  #needsInput = true
  #batchRows = 0

  constructor(context: OperatorContext, schema: Schema, format: LineFormat, bad: BadRecords, options: LineStreamOptions) {
    this.#context = context
    this.#slab = context.slab
    this.#kernels = context.kernels
    this.#schema = schema
    this.#format = format
    this.#bad = bad
    this.#lineBytesMax = options.lineBytesMax
    this.#blockBytes = options.blockBytes ?? BLOCK_BYTES
    const carry = Math.ceil((options.lineBytesMax + 2) / 64) * 64
    this.#bufferBytes = carry + this.#blockBytes + 1 + BUFFER_SLACK_BYTES
    this.#buffer = context.slab.allocate(this.#bufferBytes)
    this.#blockAt = this.#buffer + carry
    this.#at = this.#blockAt
    this.#end = this.#blockAt
    this.#builder = new BatchBuilder(context.slab, schema, context.batchRowsMax)
  }

  /** The rows of the last {@link decode}. */
  get batch(): RecordBatch {
    return this.#builder.batch
  }

  /** Whether nothing more can be decoded without {@link accept} or {@link endInput}. */
  get needsInput(): boolean {
    return this.#needsInput && !this.#inputEnded
  }

  /** Whether every line of the stream has been decoded. */
  get isDone(): boolean {
    return this.#inputEnded && this.#at === this.#end
  }

  get inputAddress(): number {
    return this.#end
  }

  get inputRoom(): number {
    return this.#blockAt + this.#blockBytes - this.#end
  }

  get position(): LinePosition {
    const before = this.#start.linesBefore
    const isDrained = this.#isClosed && this.#at === this.#end
    // A header that has not come whole is read again.
    if (this.#awaitsHeader) return { offset: 0, lines: 0, isSkipping: false }
    return {
      offset: this.#offset - (isDrained ? 1 : 0),
      lines: before === undefined ? undefined : before + this.#lines - (isDrained ? 1 : 0),
      isSkipping: this.#isSkipping || this.#seeksLine,
    }
  }

  /** Starts a stream; what was left of the one before is forgotten. */
  open(start: LineStart): void {
    this.#start = start
    this.#at = this.#blockAt
    this.#end = this.#blockAt
    this.#offset = start.offset
    this.#lines = 0
    this.#isFileStart = start.offset === 0
    this.#isSkipping = start.isSkipping === true
    this.#seeksLine = start.seeksLine
    this.#awaitsHeader = start.offset === 0 && this.#format.header
    this.#headerSearched = 0
    // A snapshot may lie behind the last line of its split: that line crossed the split's end.
    this.#inputEnded = !start.seeksLine && start.offset > start.endOffset
    this.#isClosed = false
    this.#needsInput = true
    if (!this.#awaitsHeader) this.#useDecoder(start.fileColumns)
  }

  /** Moves what is carried before the block, so that a whole block can be read. Call before {@link inputAddress} is used. */
  prepareInput(): void {
    const length = this.#end - this.#at
    if (this.#end === this.#blockAt) return
    // A carried line longer than the room would have been refused.
    this.#slab.copy(this.#blockAt - length, this.#at, length)
    this.#at = this.#blockAt - length
    this.#end = this.#blockAt
  }

  /** `count` bytes were put at {@link inputAddress}. */
  accept(count: number): void {
    this.#end += count
    this.#needsInput = false
    this.#cutAtSplitEnd()
    this.#passStart()
  }

  /** No more bytes will come: the last line ends here, with or without a line feed. */
  endInput(): void {
    if (this.#inputEnded) return
    this.#inputEnded = true
    this.#needsInput = false
    this.#passStart()
    if (this.#at === this.#end) return
    if (this.#slab.u8[this.#end - 1] === LINE_FEED) return
    this.#slab.u8[this.#end++] = LINE_FEED
    this.#isClosed = true
    this.#passStart()
  }

  /** The rest of the stream is lost: a record that has begun is bad, and nothing follows. */
  abandon(reason: string): void {
    if (this.#inputEnded) return
    this.#inputEnded = true
    if (this.#at < this.#end && !this.#isSkipping) this.#bad.reject(this.#place(), { where: '', reason }, this.#slab.u8.subarray(this.#at, this.#end))
    this.#advance(this.#end - this.#at)
  }

  /**
   * Decodes buffered lines into the batch, from its first row on.
   *
   * @returns The number of rows. 0 with {@link needsInput}: give it more. Bad records have been dealt with.
   * @throws {BadRecordError} Under the policy `fail`.
   */
  decode(): number {
    this.#builder.begin(false, false)
    this.#batchRows = 0
    this.#decodeMore()
    return this.#finish()
  }

  /** Adds to the batch of the last {@link decode} what has been accepted since: batches grow over the borders of blocks. */
  decodeOn(): number {
    this.#decodeMore()
    return this.#finish()
  }

  free(): void {
    this.#decoder?.free()
    this.#builder.free()
    this.#slab.free(this.#buffer, this.#bufferBytes)
  }

  #finish(): number {
    this.#builder.finish(this.#batchRows)
    const decoder = this.#decoder
    if (decoder !== undefined) {
      this.#bad.countNulled(decoder.nulledValues - this.#nulledSeen)
      this.#nulledSeen = decoder.nulledValues
      if (decoder.duplicateKeys > this.#duplicatesSeen) this.#context.metrics.counter('duplicateKeys').value += decoder.duplicateKeys - this.#duplicatesSeen
      this.#duplicatesSeen = decoder.duplicateKeys
    }
    return this.#batchRows
  }

  #decodeMore(): void {
    const rowsMax = this.#context.batchRowsMax
    const decoder = this.#decoder
    if (decoder === undefined || this.#at === this.#end || this.#isSkipping || this.#seeksLine) {
      this.#needsInput = true
      return
    }
    decoder.bind(this.batch)
    while (this.#batchRows < rowsMax) {
      const end = this.#endOfFittingLines()
      const result = decoder.decode(this.#at, end, this.#batchRows, rowsMax - this.#batchRows, this.#inputEnded)
      this.#batchRows += result.rows
      if (result.status === ScanStatus.BAD_RECORD) {
        if (result.reason === BadReason.INVALID_UTF8 && this.#format.utf8 === 'replace') {
          this.#advance(result.lineStart)
          if (this.#batchRows === rowsMax || !this.#decodeMended(decoder, result.lineEnd - result.lineStart)) return
          continue
        }
        this.#rejectLine(result)
        if (this.#bad.isFull) return
        continue
      }
      this.#advance(result.consumed, result.lines)
      if (result.status === ScanStatus.ROWS_FULL) return
      if (result.status === ScanStatus.DATA_FULL) {
        if (!this.#makeRoom()) return
        decoder.bind(this.batch)
        continue
      }
      if (end < this.#end && this.#at === end) {
        // A carriage return at the very end may belong to the line's end.
        if (!this.#isTooLong(this.#end)) break
        this.#rejectLongLine()
        if (this.#bad.isFull) return
        if (this.#isSkipping || this.#at === this.#end) break
        continue
      }
      if (this.#at === this.#end) break
      // What is left is the beginning of a record, whose first line has been read if it holds line feeds.
      if (!this.#inputEnded && !this.#isTooLong(this.#end)) break
      const feed = this.#find(LINE_FEED, this.#at)
      if (feed === -1 || this.#isTooLong(feed)) this.#rejectLongLine()
      else this.#rejectLine({ ...result, reason: BadReason.QUOTE, field: '', lineStart: 0, lineEnd: feed + 1 - this.#at, problem: 0 })
      if (this.#bad.isFull) return
      if (this.#isSkipping) break
    }
    this.#needsInput = this.#batchRows < rowsMax
  }

  /** The end of the buffered lines of which each is short enough. */
  #endOfFittingLines(): number {
    if (this.#end - this.#at <= this.#lineBytesMax) return this.#end
    const { u8 } = this.#slab
    let at = this.#at
    while (this.#end - at > this.#lineBytesMax) {
      // The last line feed that ends a line of at most the maximum.
      const feed = u8.subarray(at, at + this.#lineBytesMax + 1).lastIndexOf(LINE_FEED)
      if (feed !== -1) {
        at += feed + 1
        continue
      }
      const behind = at + this.#lineBytesMax
      if (u8[behind] !== CARRIAGE_RETURN || behind + 1 === this.#end || u8[behind + 1] !== LINE_FEED) return at
      at = behind + 2
    }
    return this.#end
  }

  /** Whether the line at hand, or what has come of it, is too long if it goes on to `end`. */
  #isTooLong(end: number): boolean {
    const hasReturn = end > this.#at && this.#slab.u8[end - 1] === CARRIAGE_RETURN
    return end - this.#at - (hasReturn ? 1 : 0) > this.#lineBytesMax
  }

  /** @param lines Line feeds among these bytes, where they have been counted already. */
  #advance(bytes: number, lines?: number): void {
    if (bytes === 0) return
    this.#lines += lines ?? this.#kernels.countByte(this.#at, this.#at + bytes, LINE_FEED)
    this.#at += bytes
    this.#offset += bytes
  }

  #place(): BadRecordPlace {
    const start = this.#start
    const lines = this.#lines
    return {
      file: start.file,
      offset: this.#offset,
      line: () => (start.linesBefore ?? start.countLines?.() ?? 0) + lines + 1,
    }
  }

  #rejectLine(result: ScanResult): void {
    const base = this.#at
    this.#advance(result.lineStart)
    const line = this.#slab.u8.subarray(base + result.lineStart, base + result.lineEnd - 1)
    const reason = explainBadLine(result, line, this.#schema, this.#format, this.#decoder?.columns ?? [])
    const hasReturn = line[line.length - 1] === CARRIAGE_RETURN
    this.#bad.reject(this.#place(), reason, hasReturn ? line.subarray(0, -1) : line)
    this.#advance(result.lineEnd - result.lineStart)
  }

  /** Decodes the record at hand with U+FFFD for what is not UTF-8. Returns false if the batch is better cut here. */
  #decodeMended(decoder: LineDecoder, bytes: number): boolean {
    const slab = this.#slab
    // Copied: decoders of text take no views on shared memory.
    const mended = Buffer.from(Buffer.from(slab.u8.slice(this.#at, this.#at + bytes)).toString())
    const room = mended.length + BUFFER_SLACK_BYTES
    const copy = slab.allocate(room)
    try {
      slab.u8.set(mended, copy)
      let result = decoder.decode(copy, copy + mended.length, this.#batchRows, 1, true)
      for (; result.status === ScanStatus.DATA_FULL; result = decoder.decode(copy, copy + mended.length, this.#batchRows, 1, true)) {
        if (!this.#makeRoom()) return false
        decoder.bind(this.batch)
      }
      if (result.status === ScanStatus.BAD_RECORD) this.#rejectMended(result, mended, bytes)
      else this.#context.metrics.counter('replacedRecords').value++
      this.#batchRows += result.rows
      this.#advance(bytes)
      return true
    } finally {
      slab.free(copy, room)
    }
  }

  /** Bad for another reason than its bytes, which are kept as they are; the place of the problem is that in the mended record. */
  #rejectMended(result: ScanResult, mended: Uint8Array, bytes: number): void {
    const reason = explainBadLine(result, mended.subarray(0, mended.length - 1), this.#schema, this.#format, this.#decoder?.columns ?? [])
    this.#bad.reject(this.#place(), reason, this.#slab.u8.subarray(this.#at, this.#at + bytes - 1))
  }

  /** Passes over the line at hand, which is longer than allowed; its end may not have been read. */
  #rejectLongLine(): void {
    // As many whatever the blocks are: more than the limit is here.
    const start = this.#slab.u8.subarray(this.#at, this.#at + Math.min(this.#lineBytesMax, LONG_LINE_BYTES_KEPT))
    const kept = start.subarray(0, endOfCharacters(start))
    const mark = this.#bad.policy === 'dead-letter' ? `; its first ${kept.length} are kept` : ''
    this.#bad.reject(this.#place(), { where: '', reason: `the line is longer than ${this.#lineBytesMax} bytes${mark}` }, kept, true)
    this.#isSkipping = true
    this.#passStart()
  }

  /** Deals with what must come before records: a byte order mark, the rest of a line, a header. */
  #passStart(): void {
    if (this.#isFileStart && !this.#passMark()) return
    if (this.#isSkipping || this.#seeksLine) this.#passLine()
    if (this.#awaitsHeader && !this.#isSkipping) this.#passHeader()
  }

  /** Returns false while too few bytes are there to tell. */
  #passMark(): boolean {
    const { u8 } = this.#slab
    const length = this.#end - this.#at
    if (length < BOM.length && !this.#inputEnded) {
      this.#needsInput = true
      return false
    }
    this.#isFileStart = false
    const [first, second, third] = [u8[this.#at], u8[this.#at + 1], u8[this.#at + 2]]
    if (length >= 2 && ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)))
      throw new ConnectorError('UNSUPPORTED_ENCODING', `Cannot read "${this.#start.file}": it is UTF-16 text`, { hint: 'Convert it to UTF-8 first.' })
    if (length >= BOM.length && first === BOM[0] && second === BOM[1] && third === BOM[2]) this.#advance(BOM.length)
    return true
  }

  #passLine(): void {
    const feed = this.#find(LINE_FEED, this.#at)
    if (feed === -1) {
      this.#advance(this.#end - this.#at)
      this.#needsInput = true
      return
    }
    this.#advance(feed + 1 - this.#at)
    this.#isSkipping = false
    this.#seeksLine = false
  }

  #passHeader(): void {
    const length = this.#end - this.#at
    // Parsing begins anew each time, so it waits for what may end the header.
    const mayBeWhole = this.#inputEnded || this.#find(LINE_FEED, this.#at + this.#headerSearched) !== -1
    this.#headerSearched = length
    const header = mayBeWhole ? this.#named(() => this.#format.parseHeader(this.#slab.u8.slice(this.#at, this.#end), this.#inputEnded)) : undefined
    // Two for its line end.
    if ((header?.bytes ?? length) > this.#lineBytesMax + 2)
      throw new ConnectorError('DAMAGED_FILE', `Cannot read the header of "${this.#start.file}": it is longer than ${this.#lineBytesMax} bytes`)
    if (header === undefined) {
      if (this.#inputEnded) this.#advance(length)
      else this.#needsInput = true
      return
    }
    this.#awaitsHeader = false
    this.#useDecoder(header.columns)
    this.#advance(header.bytes)
  }

  /** Does something of which errors speak of the file. */
  #named<T>(act: () => T): T {
    try {
      return act()
    } catch (error) {
      if (error instanceof ConnectorError)
        throw new ConnectorError(error.code, error.message.replace('the file', `"${this.#start.file}"`), error.hint === undefined ? {} : { hint: error.hint })
      throw error
    }
  }

  #useDecoder(fileColumns: readonly string[] | undefined): void {
    const key = fileColumns === undefined ? '' : JSON.stringify(fileColumns)
    if (this.#decoder !== undefined && this.#decoderColumns === key) return
    this.#decoder?.free()
    this.#decoder = undefined
    this.#nulledSeen = 0
    this.#duplicatesSeen = 0
    this.#decoder = this.#named(() =>
      this.#format.createDecoder(this.#schema, this.#slab, this.#kernels, this.#bad.policy === 'null', fileColumns, this.#lineBytesMax),
    )
    this.#decoderColumns = key
  }

  /** Drops what lies behind the split's last line. That line begins at or before the split's end and runs to the next line feed. */
  #cutAtSplitEnd(): void {
    const bytes = this.#end - this.#at
    if (this.#offset + bytes <= this.#start.endOffset) return
    const from = Math.max(this.#at, this.#at + (this.#start.endOffset - this.#offset))
    const feed = this.#find(LINE_FEED, from)
    if (feed === -1) return
    this.#end = feed + 1
    this.#inputEnded = true
  }

  #find(byte: number, from: number): number {
    const index = this.#slab.u8.subarray(from, this.#end).indexOf(byte)
    return index === -1 ? -1 : from + index
  }

  /** Makes room for more strings or list elements in the batch. Returns false if the batch is better cut here. */
  #makeRoom(): boolean {
    const rows = this.#batchRows
    if (rows > 0) return this.#grow(rows, 0)
    // What has room for the whole line that does not fit is doubled only if everything has.
    const feed = this.#find(LINE_FEED, this.#at)
    return this.#grow(rows, (feed === -1 ? this.#end : feed) - this.#at) || this.#grow(rows, Infinity)
  }

  #grow(rows: number, recordBytesMax: number): boolean {
    let grown = false
    for (const column of this.batch.columns) grown = growColumn(column, rows, recordBytesMax) || grown
    return grown
  }
}

/** Where the last character of a text that may be cut within it begins; the text's end if it is whole, or no UTF-8. */
function endOfCharacters(text: Uint8Array): number {
  let first = text.length - 1
  while (first > 0 && first > text.length - 4 && (text[first] & 0xc0) === 0x80) first--
  const lead = text[first]
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1
  return first + length > text.length ? first : text.length
}

/**
 * Doubles what is more than half full, or pads its values; without rows, what has not got room for the bytes of one record.
 *
 * @param rows Those that the column holds.
 * @param recordBytesMax How long the record is at most that the batch cannot take, if it is the first; else 0. Infinity: double everything.
 */
function growColumn(column: Column, rows: number, recordBytesMax: number): boolean {
  let grown = false
  const mayBeFull = column.type.kind === 'CHAR' || (rows === 0 ? column.dataCapacity < recordBytesMax : column.dataLength * 2 > column.dataCapacity)
  if (column.kind === PhysicalKind.BYTES && column.dataCapacity < DATA_BYTES_MAX && mayBeFull) {
    column.ensureData(Math.max(column.dataCapacity * 2 - column.dataLength, recordBytesMax === Infinity ? 0 : recordBytesMax))
    grown = true
  }
  const isList = column.kind === PhysicalKind.LIST || column.kind === PhysicalKind.MAP
  // Elements are counted by the offsets; their columns only know how many they could hold.
  const childRows = isList ? column.slab.i32[(column.offsets >>> 2) + rows] : rows
  for (const child of column.children) {
    if (isList && (rows === 0 ? child.rowCapacity < recordBytesMax : childRows * 2 > child.rowCapacity)) {
      child.ensureRows(child.rowCapacity * 2)
      grown = true
    }
    grown = growColumn(child, childRows, recordBytesMax) || grown
  }
  return grown
}
