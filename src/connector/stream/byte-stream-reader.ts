// Reads a stream of bytes or text as lines of a format: chunks of any size are copied into the room of a LineStream, which decodes them. Runs on
// a worker whose event loop lives. Invariant: the position is the number of bytes decoded, whatever the chunks were.

import { ConnectorError } from '../../base/errors.ts'
import type { RecordBatch } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import { type BadRecordPolicy, BadRecords } from '../../format/bad-records.ts'
import type { LineFormat } from '../../format/line-format.ts'
import { type LinePosition, LineStream } from '../../format/line-stream.ts'
import type { OperatorContext, Output, SnapshotReader, SnapshotWriter } from '../../operator/operator.ts'
import { PollResult, type SourceReader, type SourceSplit, readSplitStates, writeSplitState } from '../../operator/source.ts'
import { DeadLetterFile } from '../file/dead-letter-file.ts'
import { headerIn } from '../file/split-reader.ts'
import { type StreamFactory, StreamIntake } from './stream-intake.ts'

/** Bytes read ahead of the reader. */
const AHEAD_BYTES = 1 << 20
const STREAM_NAME = 'stream'

/** What to read, and how. */
export interface ByteStreamOptions {
  readonly schema: Schema
  readonly format: LineFormat
  readonly onBadRecord: BadRecordPolicy
  readonly deadLetterPath: string | undefined
  readonly lineBytesMax: number
}

interface Position extends LinePosition {
  readonly split: number
}

/** See the file's head. */
export class ByteStreamReader implements SourceReader {
  retryAtMs = Infinity
  readonly #options: ByteStreamOptions
  readonly #context: OperatorContext
  readonly #intake: StreamIntake
  readonly #bad: BadRecords
  readonly #stream: LineStream
  #split: number | undefined
  #isExhausted = false
  /** The chunk in hand and how much of it has been copied. */
  #chunk: Uint8Array = new Uint8Array()
  #chunkAt = 0
  /** Where to go on after a restore, while the bytes in front of it are passed over. */
  #resume: Position | undefined
  #skipped = 0
  /** The bytes passed over, until they hold the header. */
  #head = new Uint8Array()
  /** The names in it. */
  #columns: readonly string[] | undefined

  constructor(factory: StreamFactory, options: ByteStreamOptions, context: OperatorContext) {
    const { schema, format, onBadRecord, deadLetterPath, lineBytesMax } = options
    this.#options = options
    this.#context = context
    this.#intake = new StreamIntake(factory, AHEAD_BYTES, sizeOfChunk, () => context.wake())
    this.#bad = new BadRecords(onBadRecord, context, deadLetterPath === undefined ? undefined : new DeadLetterFile(deadLetterPath))
    this.#stream = new LineStream(context, schema, format, this.#bad, { lineBytesMax })
  }

  get batch(): RecordBatch {
    return this.#stream.batch
  }

  poll(sides: Output): PollResult {
    this.retryAtMs = Infinity
    if (!this.#bad.flush(sides)) {
      this.retryAtMs = this.#context.clock.nowMs()
      return PollResult.NOTHING
    }
    if (this.#split === undefined) return this.#isExhausted ? PollResult.FINISHED : PollResult.NEEDS_SPLIT
    if (this.#resume !== undefined && !this.#skip(this.#resume)) {
      this.#intake.fill()
      return PollResult.NOTHING
    }
    const rows = this.#decode()
    this.#intake.fill()
    if (rows > 0) {
      this.batch.split = this.#split
      this.#bad.flush(sides)
      return PollResult.BATCH
    }
    if (this.#bad.isPending) return this.poll(sides)
    if (!this.#stream.isDone) return PollResult.NOTHING
    this.#split = undefined
    return this.poll(sides)
  }

  assign(_split: SourceSplit, index: number): void {
    this.#split = index
    this.#stream.open({ file: STREAM_NAME, offset: 0, linesBefore: 0, seeksLine: false, endOffset: Infinity })
    this.#intake.fill()
  }

  noMoreSplits(): void {
    this.#isExhausted = true
  }

  snapshot(writer: SnapshotWriter): void {
    if (this.#split !== undefined) {
      const position: Position = this.#resume ?? { ...this.#stream.position, split: this.#split }
      writeSplitState(writer, this.#split, Buffer.from(JSON.stringify(position)))
    }
    this.#bad.snapshot(writer)
  }

  restore(reader: SnapshotReader): void {
    readSplitStates(reader, (_index, state) => {
      this.#resume = JSON.parse(Buffer.from(state).toString()) as Position
      this.#split = this.#resume.split
    })
    this.#bad.restore(reader)
  }

  close(): void {
    this.#intake.close()
    this.#stream.free()
    this.#bad.free()
  }

  /** Fills the batch from what has come. Returns the number of rows. */
  #decode(): number {
    const stream = this.#stream
    const enough = this.#context.batchRowsMax / 2
    let rows = stream.decode()
    while (rows < enough && !this.#bad.isFull && !stream.isDone) {
      if (stream.needsInput && !this.#feed()) break
      const before = rows
      rows = stream.decodeOn()
      // Nothing came of it and nothing is missing: the batch is full in another sense.
      if (rows === before && rows > 0 && !stream.needsInput && !stream.isDone) break
    }
    return rows
  }

  /** Gives the decoder bytes, or the end. Returns false if neither has come. */
  #feed(): boolean {
    const stream = this.#stream
    if (!this.#nextChunk()) {
      if (!this.#intake.isDone) return false
      stream.endInput()
      return true
    }
    stream.prepareInput()
    const count = Math.min(this.#chunk.length - this.#chunkAt, stream.inputRoom)
    this.#context.slab.u8.set(this.#chunk.subarray(this.#chunkAt, this.#chunkAt + count), stream.inputAddress)
    this.#chunkAt += count
    stream.accept(count)
    return true
  }

  /** Makes sure that a chunk with bytes left is in hand. */
  #nextChunk(): boolean {
    while (this.#chunkAt === this.#chunk.length) {
      if (this.#intake.length === 0) return false
      this.#chunk = bytesOf(this.#intake.take())
      this.#context.metrics.bytesRead += this.#chunk.length
      this.#chunkAt = 0
    }
    return true
  }

  /** Passes over what had been read before the restore, keeping a header. Returns false until all of it has come. */
  #skip(resume: Position): boolean {
    const { format } = this.#options
    while (this.#skipped < resume.offset && this.#nextChunk()) {
      const count = Math.min(this.#chunk.length - this.#chunkAt, resume.offset - this.#skipped)
      const bytes = this.#chunk.subarray(this.#chunkAt, this.#chunkAt + count)
      if (format.header && this.#columns === undefined) {
        this.#head = Buffer.concat([this.#head, bytes])
        this.#columns = headerIn(this.#head, format, false)
      }
      this.#chunkAt += count
      this.#skipped += count
    }
    if (this.#skipped < resume.offset) {
      if (!this.#intake.isDone) return false
      throw new ConnectorError('STREAM_CHANGED', `Cannot go on reading stream: it ended behind ${this.#skipped} bytes, ${resume.offset} had been read before`)
    }
    this.#stream.open({
      file: STREAM_NAME,
      offset: resume.offset,
      linesBefore: resume.lines,
      seeksLine: false,
      isSkipping: resume.isSkipping,
      endOffset: Infinity,
      fileColumns: this.#columns,
    })
    this.#resume = undefined
    return true
  }
}

function sizeOfChunk(chunk: unknown): number {
  return typeof chunk === 'string' ? chunk.length : ArrayBuffer.isView(chunk) || chunk instanceof ArrayBuffer ? Math.max(1, chunk.byteLength) : 1
}

function bytesOf(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk
  if (typeof chunk === 'string') return Buffer.from(chunk)
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk)
  throw new ConnectorError('INVALID_CHUNK', `Cannot read stream: expected bytes or text, got ${chunk === null ? 'null' : typeof chunk}`, {
    hint: 'Leave out format to read a stream of objects.',
  })
}
