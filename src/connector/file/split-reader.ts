// One split of a file being read: the common form of line splits, tailed files and row groups, and the first of them.

import { closeSync, readSync } from 'node:fs'
import type { ConnectorError } from '../../base/errors.ts'
import type { RecordBatch } from '../../batch/record-batch.ts'
import type { BadRecords } from '../../format/bad-records.ts'
import type { LineFormat } from '../../format/line-format.ts'
import type { LinePosition, LineStream } from '../../format/line-stream.ts'
import type { OperatorContext } from '../../operator/operator.ts'
import { type ByteInput, FAILED, openFile, WOULD_BLOCK } from './byte-input.ts'
import type { FileIdentity } from './file-identity.ts'
import { inputName } from './file-listing.ts'
import { GzipInput, type GzipMember } from './gzip-input.ts'

/** What a split of a file source carries: plain data. */
export interface FileSplit {
  readonly path: string
  /** `lines`: bytes `start` to `end` of a file; `gzip`: a whole compressed file; `stdin`; `tail`: a file that is followed; `rows`: a row group. */
  readonly kind: 'lines' | 'gzip' | 'stdin' | 'tail' | 'rows'
  readonly start: number
  readonly end: number
  /** Size of the file when it was listed; what is appended later is not read. */
  readonly size: number
  readonly rowGroup: number
  /** Whether files come behind this one. */
  readonly hasNextFile: boolean
}

/** How far a split has been read. Plain data, in snapshots. */
export interface SplitPosition extends LinePosition {
  /** Rows emitted from the split; for row groups the next row. */
  readonly row: number
  /** Which file it was. */
  readonly identity: FileIdentity | null
  /** The gzip member that holds the offset. */
  readonly member?: GzipMember
}

/** What {@link SplitReader.poll} found. */
export const SplitResult = { ROWS: 0, NOTHING: 1, DONE: 2 } as const
export type SplitResult = (typeof SplitResult)[keyof typeof SplitResult]

/** Reads one split. */
export interface SplitReader {
  readonly batch: RecordBatch
  /** Reads until a batch is there. NOTHING: ask again later, or after the bad records have been flushed. */
  poll(): SplitResult
  readonly position: SplitPosition
  close(): void
}

/** Fills the batch of a stream from an input until it is at least half full, the input ends or pauses. */
export function fillFrom(stream: LineStream, input: ByteInput, context: OperatorContext, bad: BadRecords): SplitResult {
  const enough = context.batchRowsMax / 2
  let rows = stream.decode()
  for (;;) {
    if (rows >= enough || bad.isFull) break
    if (stream.isDone) {
      if (rows > 0) return SplitResult.ROWS
      if (input.failure !== undefined) reportDamage(input.failure, context, bad)
      return SplitResult.DONE
    }
    if (stream.needsInput) {
      stream.prepareInput()
      const count = input.read(context.slab, stream.inputAddress, stream.inputRoom)
      if (count === WOULD_BLOCK) break
      if (count === FAILED) {
        // The rows before the damage leave first.
        if (rows > 0) break
        if (input.isComplete === true) stream.endInput()
        else if (bad.policy === 'fail') throw input.failure!
        else stream.abandon('the file is damaged behind this record')
      } else if (count === 0) stream.endInput()
      else stream.accept(count)
    }
    const before = rows
    rows = stream.decodeOn()
    // Nothing came of it and nothing is missing: the batch is full in another sense.
    if (rows === before && rows > 0 && !stream.needsInput && !stream.isDone) break
  }
  return rows > 0 ? SplitResult.ROWS : SplitResult.NOTHING
}

/** What damage leads to once everything before it has left. */
function reportDamage(failure: ConnectorError, context: OperatorContext, bad: BadRecords): void {
  if (bad.policy === 'fail') throw failure
  context.log(failure.message)
  context.metrics.counter('damagedFiles').value++
}

/** Reads a part of a file of lines, or all of an input without positions. */
export class LineSplitReader implements SplitReader {
  readonly #stream: LineStream
  readonly #input: ByteInput
  readonly #context: OperatorContext
  readonly #bad: BadRecords
  readonly #identity: FileIdentity | null
  #row: number

  constructor(stream: LineStream, input: ByteInput, context: OperatorContext, bad: BadRecords, identity: FileIdentity | null, row: number) {
    this.#stream = stream
    this.#input = input
    this.#context = context
    this.#bad = bad
    this.#identity = identity
    this.#row = row
  }

  get batch(): RecordBatch {
    return this.#stream.batch
  }

  get position(): SplitPosition {
    const { position } = this.#stream
    const input = this.#input
    return { ...position, row: this.#row, identity: this.#identity, ...(input instanceof GzipInput && { member: input.memberOf(position.offset) }) }
  }

  poll(): SplitResult {
    const result = fillFrom(this.#stream, this.#input, this.#context, this.#bad)
    if (result === SplitResult.ROWS) this.#row += this.batch.rowCount
    return result
  }

  close(): void {
    this.#input.close()
  }
}

const HEADER_BLOCK_BYTES = 65_536
const LINE_FEED = 10

/** The column names in the header of a file, for a split that begins behind it. */
export function readHeader(path: string, format: LineFormat, lineBytesMax: number): readonly string[] | undefined {
  if (!format.header) return undefined
  const file = openFile(path)
  try {
    let bytes = Buffer.alloc(0)
    while (bytes.length <= lineBytesMax) {
      const block = Buffer.alloc(HEADER_BLOCK_BYTES)
      const count = readSync(file, block, 0, block.length, bytes.length)
      bytes = Buffer.concat([bytes, block.subarray(0, count)])
      const columns = headerIn(bytes, format, count === 0)
      if (columns !== undefined || count === 0) return columns
    }
    return undefined
  } finally {
    closeSync(file)
  }
}

/** The column names in the header of a file that begins with these bytes; undefined if they do not hold all of it. */
export function headerIn(bytes: Uint8Array, format: LineFormat, isFinal: boolean): readonly string[] | undefined {
  const start = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0
  return format.parseHeader(bytes.subarray(start), isFinal)?.columns
}

/** Line feeds before an offset: asked only when a message needs a line number. */
export function countLines(path: string, offset: number): number {
  const file = openFile(path)
  const block = Buffer.alloc(1 << 20)
  let lines = 0
  for (let at = 0; at < offset;) {
    const count = readSync(file, block, 0, Math.min(block.length, offset - at), at)
    if (count === 0) break
    for (let index = block.indexOf(LINE_FEED); index !== -1 && index < count; index = block.indexOf(LINE_FEED, index + 1)) lines++
    at += count
  }
  closeSync(file)
  return lines
}

/** How a split's file is called in messages. */
export function nameOf(split: FileSplit): string {
  return inputName(split.path)
}
