// The sink that writes to a Node Writable or a web WritableStream: records as objects, or as bytes in a format of lines. A full stream holds the
// job back. Runs on a worker whose event loop lives.

import { ConnectorError, PlanError } from '../../base/errors.ts'
import { type OptionKeys, refuseUnknownOptions } from '../../base/option-keys.ts'
import type { RecordBatch } from '../../batch/record-batch.ts'
import { isObjectSchema, type Schema } from '../../batch/types.ts'
import type { LineEncoder, LineFormat } from '../../format/line-format.ts'
import { BUFFER_SLACK_BYTES } from '../../kernels/column-layout.ts'
import type { OperatorContext } from '../../operator/operator.ts'
import { compileRowReader, type RowReader } from '../../operator/row-code.ts'
import { refuseChanges, type Sink, type SinkWriter } from '../../operator/sink.ts'
import { requireFactory } from './stream-source.ts'
import { type OutputFactory, StreamTarget } from './stream-target.ts'

const BUFFER_BYTES = 128 << 10
/** Handed to the stream when this full: the rest is room for one more encoding step. */
const WRITE_BYTES_MIN = 64 << 10
/** Longer records are not written. */
const RECORD_BYTES_MAX = 16 << 20

/** Options of {@link writableSink}. */
export interface WritableSinkOptions {
  /** How records become bytes. Without it the stream gets each record as an object. */
  readonly format?: LineFormat
  /**
   * Whether the stream is ended with the input, and destroyed when the job fails. Set it to false for streams that others use too, such as
   * `process.stdout`.
   * @default true
   */
  readonly end?: boolean
}

const KEYS: OptionKeys<WritableSinkOptions> = { format: true, end: true }

/** Gives a stream the records as they are. */
class ObjectWriter implements SinkWriter {
  readonly #target: StreamTarget
  readonly #reader: RowReader
  readonly #rows: boolean

  constructor(factory: OutputFactory, options: WritableSinkOptions, schema: Schema, context: OperatorContext) {
    this.#reader = compileRowReader(schema)
    this.#rows = !isObjectSchema(schema)
    this.#target = new StreamTarget(factory, options.end !== false, () => context.wake())
  }

  hasCapacity(): boolean {
    return this.#target.hasCapacity()
  }

  write(batch: RecordBatch): boolean {
    refuseChanges(batch, 'to a stream: it takes inserted records only')
    const reader = this.#reader
    reader.bind(batch)
    for (; batch.begin < batch.end; batch.begin++) {
      if (!this.#target.hasCapacity()) return false
      reader.seek(batch.physicalRow(batch.begin))
      const record = reader.record()
      this.#target.write(this.#rows ? { ...(record as object) } : record)
    }
    return true
  }

  flush(): boolean {
    return true
  }

  finish(): boolean {
    return this.#target.end()
  }

  snapshot(): void {}

  restore(): void {}

  close(): void {
    this.#target.close()
  }
}

/** Gives a stream chunks of lines. */
class LineWriter implements SinkWriter {
  readonly #context: OperatorContext
  readonly #target: StreamTarget
  readonly #encoder: LineEncoder
  #buffer: number
  #bufferBytes = BUFFER_BYTES
  /** Bytes in the buffer. */
  #length = 0

  constructor(factory: OutputFactory, format: LineFormat, options: WritableSinkOptions, schema: Schema, context: OperatorContext) {
    this.#context = context
    this.#encoder = format.createEncoder(schema, context.slab, context.kernels)
    this.#buffer = context.slab.allocate(this.#bufferBytes + BUFFER_SLACK_BYTES)
    const { header } = this.#encoder
    context.slab.u8.set(header, this.#buffer)
    this.#length = header.length
    this.#target = new StreamTarget(factory, options.end !== false, () => context.wake())
  }

  hasCapacity(): boolean {
    return this.#target.hasCapacity()
  }

  write(batch: RecordBatch): boolean {
    refuseChanges(batch, 'to a stream: it takes inserted records only')
    const encoder = this.#encoder
    encoder.bind(batch)
    while (batch.begin < batch.end) {
      if (!this.#target.hasCapacity()) return false
      const { position, end } = encoder.encode(batch.selection, batch.begin, batch.end, this.#buffer + this.#length, this.#buffer + this.#bufferBytes)
      this.#length = end - this.#buffer
      if (position === batch.begin) {
        if (this.#length === 0) this.#grow()
        else this.#push()
      }
      batch.begin = position
      if (this.#length >= WRITE_BYTES_MIN) this.#push()
    }
    return true
  }

  flush(): boolean {
    if (this.#length === 0) return true
    if (!this.#target.hasCapacity()) return false
    this.#push()
    return true
  }

  finish(): boolean {
    return this.flush() && this.#target.end()
  }

  /** What is buffered belongs to the records in front of the snapshot: the stream has to keep it, full or not. */
  snapshot(): void {
    if (this.#target.isOpen) this.#push()
  }

  restore(): void {}

  close(): void {
    this.#target.close()
    this.#encoder.free()
    this.#context.slab.free(this.#buffer, this.#bufferBytes + BUFFER_SLACK_BYTES)
  }

  #push(): void {
    if (this.#length === 0) return
    this.#target.write(Buffer.from(this.#context.slab.u8.slice(this.#buffer, this.#buffer + this.#length)))
    this.#context.metrics.bytesWritten += this.#length
    this.#length = 0
  }

  /** Not one record fits into the empty buffer. */
  #grow(): void {
    const { slab } = this.#context
    const bytes = this.#bufferBytes * 2
    // A record of the largest size may be several times as long when it is written out.
    if (bytes > RECORD_BYTES_MAX) throw new ConnectorError('RECORD_TOO_LARGE', `Cannot write a record of more than ${this.#bufferBytes} bytes`)
    slab.free(this.#buffer, this.#bufferBytes + BUFFER_SLACK_BYTES)
    this.#buffer = slab.allocate(bytes + BUFFER_SLACK_BYTES)
    this.#bufferBytes = bytes
  }
}

/**
 * A sink that writes records to a Node Writable or a web WritableStream, made by `factory` when the job starts: as lines of the format, or as
 * objects. One subtask writes. A restored job makes a new stream and goes on behind what the snapshot knew as written.
 *
 * @throws {PlanError} `INVALID_OPTION`
 * @example alerts.sinkTo(writableSink(() => response, { format: jsonFormat() }))
 */
export function writableSink(factory: OutputFactory, options: WritableSinkOptions = {}): Sink {
  requireFactory(factory, 'a sink')
  refuseUnknownOptions('make a sink', options, KEYS)
  const { format } = options
  if (format !== undefined && format.kind !== 'lines')
    throw new PlanError('INVALID_OPTION', 'Cannot make a sink: format must be made by jsonFormat or csvFormat')
  return {
    name: 'Writable',
    needsEventLoop: true,
    parallelismMax: 1,
    describe: () => (format === undefined ? 'objects to a stream' : `${format.describe()} to a stream`),
    createWriter(schema, context) {
      if (format === undefined) return new ObjectWriter(factory, options, schema, context)
      if (isObjectSchema(schema) && format.name !== 'json')
        throw new PlanError('UNSUPPORTED_TYPE', `Cannot write values of JavaScript as ${format.name}: the stream has no columns`, {
          hint: 'Declare them with .returns(schema).',
        })
      format.check(schema)
      return new LineWriter(factory, format, options, schema, context)
    },
  }
}
