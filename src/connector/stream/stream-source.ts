// Sources that read async iterables, Node Readable streams and web ReadableStreams: objects as records, or bytes in a format of lines. One
// reader, on a thread whose event loop lives. Positions count what was taken: a restore makes the stream again and passes over as much.

import { PlanError } from '../../base/errors.ts'
import { LINE_BYTES_MAX_DEFAULT, LINE_BYTES_MAX_LIMIT } from '../../base/memory-budget.ts'
import { type OptionKeys, refuseUnknownOptions } from '../../base/option-keys.ts'
import { BatchBuilder } from '../../batch/batch-builder.ts'
import type { RecordBatch } from '../../batch/record-batch.ts'
import { OBJECT_SCHEMA, type Schema } from '../../batch/types.ts'
import { BAD_RECORD_POLICIES, badRecordOutputs, type BadRecordPolicy } from '../../format/bad-records.ts'
import type { LineFormat } from '../../format/line-format.ts'
import type { OperatorContext, SnapshotReader, SnapshotWriter } from '../../operator/operator.ts'
import { compileRowWriter, type RowWriter } from '../../operator/row-code.ts'
import { PollResult, type Source, type SourceReader, type SourceSplit, readSplitStates, writeSplitState } from '../../operator/source.ts'
import { checkDeadLetters, DeadLetterFile } from '../file/dead-letter-file.ts'
import { ByteStreamReader } from './byte-stream-reader.ts'
import { type StreamFactory, StreamIntake } from './stream-intake.ts'

/** Options of {@link readableSource}. */
export interface ReadableSourceOptions<S extends Schema = Schema> {
  /** How the stream's bytes hold records. Without it the stream is one of objects. */
  readonly format?: LineFormat
  /** The columns of the records. Without it records are values of any kind, which only streams of objects have. */
  readonly schema?: S
  /**
   * What happens to records that cannot be read; only with a format.
   * @default 'fail'
   */
  readonly onBadRecord?: BadRecordPolicy
  /** A file to which bad records are appended under the policy `dead-letter`, as {@link FileSourceOptions.deadLetterPath}. */
  readonly deadLetterPath?: string
  /**
   * Longer lines, their ends not counted, are bad records, as {@link FileSourceOptions.lineBytesMax}; only with a format. At most 256 MiB.
   * @default 1 MiB
   */
  readonly lineBytesMax?: number
}

const KEYS: OptionKeys<ReadableSourceOptions> = { format: true, schema: true, onBadRecord: true, deadLetterPath: true, lineBytesMax: true }

/** Reads a stream of values. */
class ValueStreamReader implements SourceReader {
  readonly retryAtMs = Infinity
  readonly #intake: StreamIntake
  readonly #builder: BatchBuilder
  readonly #writer: RowWriter
  readonly #context: OperatorContext
  #split: number | undefined
  #isExhausted = false
  /** Values taken. */
  #position = 0
  /** Values still to be passed over after a restore. */
  #toSkip = 0

  constructor(factory: StreamFactory, schema: Schema, context: OperatorContext) {
    this.#context = context
    this.#intake = new StreamIntake(
      factory,
      context.batchRowsMax,
      () => 1,
      () => context.wake(),
    )
    this.#builder = new BatchBuilder(context.slab, schema, context.batchRowsMax)
    this.#writer = compileRowWriter(schema)
  }

  get batch(): RecordBatch {
    return this.#builder.batch
  }

  poll(): PollResult {
    if (this.#split === undefined) return this.#isExhausted ? PollResult.FINISHED : PollResult.NEEDS_SPLIT
    const intake = this.#intake
    for (; this.#toSkip > 0 && intake.length > 0; this.#toSkip--) intake.take()
    if (intake.isDone) {
      this.#split = undefined
      return this.poll()
    }
    const rows = Math.min(intake.length, this.#context.batchRowsMax)
    if (rows === 0) {
      intake.fill()
      return PollResult.NOTHING
    }
    const batch = this.#builder.begin(false, false)
    this.#writer.bind(batch)
    for (let row = 0; row < rows; row++) this.#writer.write(row, intake.take())
    this.#position += rows
    this.#builder.finish(rows)
    batch.split = this.#split
    intake.fill()
    return PollResult.BATCH
  }

  assign(_split: SourceSplit, index: number): void {
    this.#split = index
    this.#intake.fill()
  }

  noMoreSplits(): void {
    this.#isExhausted = true
  }

  snapshot(writer: SnapshotWriter): void {
    if (this.#split !== undefined) writeSplitState(writer, this.#split, new Uint8Array(new Float64Array([this.#position]).buffer))
  }

  restore(reader: SnapshotReader): void {
    readSplitStates(reader, (index, state) => {
      this.#split = index
      this.#position = new Float64Array(state.buffer)[0]!
      this.#toSkip = this.#position
    })
  }

  close(): void {
    this.#intake.close()
    this.#builder.free()
  }
}

/**
 * A source of the values of an async iterable (or Node or web stream of objects), read by one subtask; with a schema they are rows in columns.
 * The iterable is asked for values only a batch ahead. It may end or go on for ever.
 *
 * After a restore the factory is called again and the values that were read before are passed over: an iterable that cannot give the same
 * values again loses as many.
 *
 * @example env.from(asyncIterableSource((signal) => on(emitter, 'order', { signal })))
 */
export function asyncIterableSource<R>(factory: StreamFactory<R>, schema: Schema<R> = OBJECT_SCHEMA as Schema<R>): Source<R> {
  requireFactory(factory, 'a source')
  return {
    name: 'Async iterable',
    schema,
    bounded: false,
    needsEventLoop: true,
    parallelismMax: 1,
    describe: () => 'an async iterable',
    enumerate: () => [{ id: 'stream', payload: null }],
    createReader: (context) => new ValueStreamReader(factory, schema, context),
  }
}

/**
 * A source that reads a Node Readable or a web ReadableStream: of objects, or, with a format, of bytes or text in chunks of any size.
 * Otherwise as {@link asyncIterableSource}.
 *
 * @throws {PlanError} If the format cannot hold the schema, or an option is wrong.
 * @example env.from(readableSource(() => createReadStream('bids.jsonl'), { format: jsonFormat(), schema }))
 */
export function readableSource<R>(factory: StreamFactory<unknown>, options: ReadableSourceOptions<Schema<R>> = {}): Source<R> {
  requireFactory(factory, 'a source')
  refuseUnknownOptions<ReadableSourceOptions>('make a source', options, KEYS)
  const { format, onBadRecord = 'fail', deadLetterPath, lineBytesMax = LINE_BYTES_MAX_DEFAULT } = options
  const schema = options.schema ?? (OBJECT_SCHEMA as Schema<R>)
  if (format === undefined) return { ...asyncIterableSource(factory as StreamFactory<R>, schema), name: 'Readable', describe: () => 'a stream of objects' }
  if (format.kind !== 'lines') throw new PlanError('INVALID_OPTION', 'Cannot make a source: format must be made by jsonFormat, csvFormat or textFormat')
  if (options.schema === undefined) throw new PlanError('INVALID_OPTION', 'Cannot make a source: a stream of bytes needs a schema')
  if (!BAD_RECORD_POLICIES.includes(onBadRecord))
    throw new PlanError(
      'INVALID_OPTION',
      `Cannot make a source: onBadRecord must be one of ${BAD_RECORD_POLICIES.join(', ')}, not ${JSON.stringify(onBadRecord)}`,
    )
  if (!(Number.isInteger(lineBytesMax) && lineBytesMax > 0 && lineBytesMax <= LINE_BYTES_MAX_LIMIT))
    throw new PlanError('INVALID_OPTION', `Cannot make a source: lineBytesMax=${lineBytesMax} must be an integer in 1..${LINE_BYTES_MAX_LIMIT}`)
  checkDeadLetters(onBadRecord, deadLetterPath, (reason) => {
    throw new PlanError('INVALID_OPTION', `Cannot make a source: ${reason}`)
  })
  format.check(schema)
  return {
    name: 'Readable',
    schema,
    bounded: false,
    needsEventLoop: true,
    parallelismMax: 1,
    sideOutputs: badRecordOutputs(onBadRecord, deadLetterPath),
    describe: () => `a stream of bytes as ${format.describe()}`,
    enumerate() {
      if (deadLetterPath !== undefined) DeadLetterFile.check(deadLetterPath)
      return [{ id: 'stream', payload: null }]
    },
    createReader: (context) => new ByteStreamReader(factory, { schema, format, onBadRecord, deadLetterPath, lineBytesMax }, context),
  }
}

/** @throws {PlanError} If it is not a function. */
export function requireFactory(factory: unknown, what: string): void {
  if (typeof factory !== 'function')
    throw new PlanError('INVALID_OPTION', `Cannot make ${what}: expected a function that returns a stream`, {
      hint: 'A stream can be used once; the function makes it where and when the job runs.',
    })
}
