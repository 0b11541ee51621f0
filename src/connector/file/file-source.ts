// The file source: files, folders, globs and standard input in any format, cut into splits that readers take in file order. Listing runs once
// on the coordinator's thread, readers on the workers.

import { LINE_BYTES_MAX_DEFAULT, LINE_BYTES_MAX_LIMIT } from '../../base/memory-budget.ts'
import { PlanError, RestoreError } from '../../base/errors.ts'
import { type OptionKeys, refuseUnknownOptions } from '../../base/option-keys.ts'
import type { RecordBatch } from '../../batch/record-batch.ts'
import { type RowOfSchema, Schema } from '../../batch/types.ts'
import { BAD_RECORD_POLICIES, badRecordOutputs, type BadRecordPolicy, BadRecords } from '../../format/bad-records.ts'
import type { LineFormat } from '../../format/line-format.ts'
import { LineStream } from '../../format/line-stream.ts'
import { ParquetFile } from '../../format/parquet/parquet-file.ts'
import type { ParquetFormat } from '../../format/parquet/parquet-format.ts'
import type { OperatorContext, Output, SnapshotReader, SnapshotWriter } from '../../operator/operator.ts'
import { PollResult, type Source, type SourceReader, type SourceSideOutput, type SourceSplit, readSplitStates, writeSplitState } from '../../operator/source.ts'
import { FileInput } from './byte-input.ts'
import { compressionOf, refuseUnlessGzip, SniffedInput } from './compression.ts'
import { checkDeadLetters, DeadLetterFile } from './dead-letter-file.ts'
import { hasFingerprint, identityOf } from './file-identity.ts'
import { GzipInput } from './gzip-input.ts'
import { inputName, listFiles, STANDARD_PATH } from './file-listing.ts'
import { OpenParquetFile, RowGroupSplitReader } from './row-group-split-reader.ts'
import { openStandardInput } from './standard-input.ts'
import { countLines, type FileSplit, headerIn, LineSplitReader, readHeader, type SplitPosition, type SplitReader, SplitResult } from './split-reader.ts'
import { refuseToFollow, TailReader } from './tail-reader.ts'

const SPLIT_BYTES_DEFAULT = 8 << 20
/** What is read is decoded from the second-level cache: a block of 1 MiB and its columns do not stay there (5 % of a scan). */
const READ_BYTES_DEFAULT = 1 << 18
const POLL_INTERVAL_MS_DEFAULT = 100
/** An end that is not known. Splits are plain data that must survive JSON, so it is not Infinity. */
const UNBOUNDED = Number.MAX_SAFE_INTEGER

/** Options of {@link fileSource}. */
export interface FileSourceOptions<S extends Schema = Schema> {
  /** A file, a folder (the files in it, by name), a glob (`*`, `**`, `?`, `[a-z]`, `{a,b}`), `-` for standard input; or a list of these. What is compressed with gzip is decompressed. */
  readonly path: string | readonly string[]
  readonly format: LineFormat | ParquetFormat
  readonly schema: S
  /**
   * Bytes of a split of a file of lines: what one reader takes at a time.
   * @default 8 MiB
   */
  readonly splitBytes?: number
  /**
   * What happens to records that cannot be read.
   * @default 'fail'
   */
  readonly onBadRecord?: BadRecordPolicy
  /**
   * A file to which bad records are appended under the policy `dead-letter`, one JSON object a line: `file`, `line`, `offset`, `reason`,
   * `truncated`, and the record as `text`, or as `base64` where it is not UTF-8. After a restore letters may stand in it twice.
   */
  readonly deadLetterPath?: string
  /**
   * Longer lines, their ends not counted, are bad records; a dead letter holds their first bytes, up to 1 KiB, and is marked as `truncated`. A record
   * of several lines that is longer is bad as one whose quote is not closed: reading goes on behind its first line. Formats without lines (Parquet)
   * have no such limit. At most 256 MiB.
   * @default 1 MiB
   */
  readonly lineBytesMax?: number
  /**
   * Bytes read at once, and decoded at once.
   * @default 256 KiB
   */
  readonly readBytes?: number
  /**
   * How event time passes from one file to the next: `sequence`, file after file, in the order of `path` and by name; `none`, files overlap, and
   * there is no watermark before every file has been opened: a reader makes none of what it reads in front of the last file.
   * @default 'sequence'
   */
  readonly timeOrder?: 'sequence' | 'none'
  /**
   * Wait for more at the end of a file; go on through rotation and truncation. The source never ends.
   * @default false
   */
  readonly follow?: boolean
  /**
   * How often a followed file is looked at while it does not grow, in milliseconds.
   * @default 100
   */
  readonly pollIntervalMs?: number
}

const KEYS: OptionKeys<FileSourceOptions> = {
  path: true,
  format: true,
  schema: true,
  splitBytes: true,
  onBadRecord: true,
  deadLetterPath: true,
  lineBytesMax: true,
  readBytes: true,
  timeOrder: true,
  follow: true,
  pollIntervalMs: true,
}

interface ActiveSplit {
  readonly split: SourceSplit
  readonly index: number
  readonly reader: SplitReader
  /** Of a split of lines. */
  readonly stream: LineStream | undefined
}

/** Reads the splits of one subtask. */
class FileReader implements SourceReader {
  retryAtMs = Infinity
  readonly #source: FileSource
  readonly #context: OperatorContext
  readonly #bad: BadRecords
  /** Shared by the splits that are read one after the other: it has learned their shape. */
  #stream: LineStream | undefined
  #parquet: OpenParquetFile | undefined
  readonly #active: ActiveSplit[] = []
  /** Those of followed files, which are read by turns; the same list until one comes or goes. */
  #openSplits: readonly number[] | undefined
  /** Which of the active splits is polled next. */
  #turn = 0
  #batch: RecordBatch | undefined
  #isExhausted = false

  constructor(source: FileSource, context: OperatorContext) {
    this.#source = source
    this.#context = context
    const { onBadRecord, deadLetterPath } = source.options
    this.#bad = new BadRecords(onBadRecord, context, deadLetterPath === undefined ? undefined : new DeadLetterFile(deadLetterPath))
  }

  get batch(): RecordBatch {
    return this.#batch!
  }

  poll(sides: Output): PollResult {
    this.retryAtMs = Infinity
    for (;;) {
      if (!this.#bad.flush(sides)) return this.#waitMs(0)
      // A followed file never ends, so all splits are taken before the first is waited for.
      if (!this.#isExhausted && (this.#active.length === 0 || this.#source.options.follow)) return PollResult.NEEDS_SPLIT
      if (this.#active.length === 0) return PollResult.FINISHED
      for (let tried = 0; tried < this.#active.length; tried++) {
        const active = this.#active[this.#turn % this.#active.length]
        const result = active.reader.poll()
        if (result === SplitResult.ROWS) {
          this.#batch = active.reader.batch
          this.#batch.split = active.index
          this.#batch.openSplits = this.#openSplits
          this.#batch.holdsTime = this.#source.holdsTime(active.split)
          this.#bad.flush(sides)
          return PollResult.BATCH
        }
        if (result === SplitResult.DONE) {
          this.#end(active)
          break
        }
        this.#turn++
        if (this.#bad.isPending) break
        if (tried === this.#active.length - 1) return this.#waitMs(this.#source.options.follow ? this.#source.options.pollIntervalMs : Infinity)
      }
    }
  }

  assign(split: SourceSplit, index: number): void {
    this.#open(split, index, null)
  }

  noMoreSplits(): void {
    this.#isExhausted = true
  }

  snapshot(writer: SnapshotWriter): void {
    for (const { split, index, reader } of this.#active) writeSplitState(writer, index, Buffer.from(JSON.stringify({ split, position: reader.position })))
    this.#bad.snapshot(writer)
  }

  restore(reader: SnapshotReader): void {
    readSplitStates(reader, (index, state) => {
      const { split, position } = JSON.parse(Buffer.from(state).toString()) as { split: SourceSplit; position: SplitPosition }
      this.#open(split, index, position)
    })
    this.#bad.restore(reader)
  }

  close(): void {
    for (const { reader, stream } of this.#active) {
      reader.close()
      if (stream !== this.#stream) stream?.free()
    }
    this.#active.length = 0
    this.#stream?.free()
    this.#stream = undefined
    this.#parquet?.close()
    this.#parquet = undefined
    this.#bad.free()
  }

  #waitMs(intervalMs: number): PollResult {
    this.retryAtMs = this.#context.clock.nowMs() + intervalMs
    return PollResult.NOTHING
  }

  #end(active: ActiveSplit): void {
    active.reader.close()
    if (active.stream !== this.#stream) active.stream?.free()
    this.#active.splice(this.#active.indexOf(active), 1)
    this.#listOpenSplits()
  }

  #listOpenSplits(): void {
    if (this.#source.options.follow) this.#openSplits = this.#active.map(({ index }) => index)
  }

  #open(split: SourceSplit, index: number, position: SplitPosition | null): void {
    const payload = split.payload as FileSplit
    if (payload.kind === 'rows') {
      if (this.#parquet?.path !== payload.path) {
        this.#parquet?.close()
        this.#parquet = undefined
        this.#parquet = new OpenParquetFile(payload.path, this.#source.schema, this.#context)
      }
      const reader = new RowGroupSplitReader(payload, position, this.#parquet, this.#source.schema, this.#context, this.#bad)
      this.#active.push({ split, index, reader, stream: undefined })
      return
    }
    const stream = this.#streamForSplit()
    this.#active.push({ split, index, reader: this.#openLines(payload, position, stream), stream })
    this.#listOpenSplits()
  }

  /** The shared stream, or one more while it is in use (followed files, several restored splits). */
  #streamForSplit(): LineStream {
    const { lineBytesMax, format, readBytes } = this.#source.options
    const make = (): LineStream => new LineStream(this.#context, this.#source.schema, format as LineFormat, this.#bad, { lineBytesMax, blockBytes: readBytes })
    this.#stream ??= make()
    return this.#active.some(({ stream }) => stream === this.#stream) ? make() : this.#stream
  }

  #openLines(split: FileSplit, position: SplitPosition | null, stream: LineStream): SplitReader {
    const { lineBytesMax } = this.#source.options
    const format = this.#source.options.format as LineFormat
    const file = inputName(split.path)
    if (split.kind === 'tail') return new TailReader(split, position, stream, format, this.#context, this.#bad, lineBytesMax)
    const offset = position?.offset ?? split.start
    const linesBefore = position === null ? (offset === 0 ? 0 : undefined) : position.lines
    if (split.kind === 'stdin') {
      if (position !== null && offset > 0) throw new RestoreError('NOT_RESTORABLE', 'Cannot go on reading standard input: what was read from it is gone')
      stream.open({ file, offset: 0, linesBefore: 0, seeksLine: false, endOffset: Infinity })
      const raw = openStandardInput(this.#context.metrics, () => this.#context.wake())
      return new LineSplitReader(stream, new SniffedInput(raw, file, this.#context), this.#context, this.#bad, null, 0)
    }
    const isGzip = split.kind === 'gzip'
    const from = isGzip ? (position?.member?.fileOffset ?? 0) : offset
    const raw = new FileInput(split.path, from, split.size, this.#context.metrics)
    const input = isGzip ? new GzipInput(raw, split.path, this.#context, offset, position?.member) : raw
    try {
      const identity = identityOf(raw.file, split.size)
      if (position !== null && position.identity !== null && !hasFingerprint(raw.file, position.identity))
        throw new RestoreError('FILE_CHANGED', `Cannot go on reading "${split.path}": it is not the file that the snapshot was made with`)
      stream.open({
        file,
        offset,
        linesBefore,
        countLines: () => countLines(split.path, offset),
        seeksLine: position === null && offset > 0,
        isSkipping: position?.isSkipping === true,
        endOffset: split.end,
        fileColumns: offset === 0 || !format.header ? undefined : isGzip ? this.#gzipHeader(split, format) : readHeader(split.path, format, lineBytesMax),
      })
      return new LineSplitReader(stream, input, this.#context, this.#bad, identity, position?.row ?? 0)
    } catch (error) {
      input.close()
      throw error
    }
  }

  /** The column names in the header of compressed contents. */
  #gzipHeader({ path, size }: FileSplit, format: LineFormat): readonly string[] | undefined {
    const { lineBytesMax } = this.#source.options
    const { slab } = this.#context
    const room = lineBytesMax + 4
    const buffer = slab.allocate(room)
    const input = new GzipInput(new FileInput(path, 0, size, this.#context.metrics), path, this.#context, 0)
    let length = 0
    for (let count = 1; count > 0 && length < room;) {
      count = input.read(slab, buffer + length, room - length)
      length += Math.max(0, count)
    }
    input.close()
    const bytes = slab.u8.slice(buffer, buffer + length)
    slab.free(buffer, room)
    return headerIn(bytes, format, length < room)
  }
}

/** Reads files, as {@link fileSource} describes. */
export class FileSource<R = unknown> implements Source<R> {
  readonly name = 'File'
  readonly schema: Schema<R>
  readonly bounded: boolean
  readonly needsEventLoop: boolean
  readonly parallelismMax: number
  readonly sideOutputs: ReadonlyMap<string, SourceSideOutput>
  readonly options: Required<Omit<FileSourceOptions, 'deadLetterPath'>> & { readonly deadLetterPath: string | undefined }
  readonly #paths: readonly string[]

  constructor(options: FileSourceOptions<Schema<R>>) {
    const { path, format, schema } = options
    // Anything else is refused by the checks below.
    this.#paths = Array.isArray(path) ? (path as readonly string[]) : [path as string]
    this.options = {
      path,
      format,
      schema,
      splitBytes: options.splitBytes ?? SPLIT_BYTES_DEFAULT,
      onBadRecord: options.onBadRecord ?? 'fail',
      deadLetterPath: options.deadLetterPath,
      lineBytesMax: options.lineBytesMax ?? LINE_BYTES_MAX_DEFAULT,
      readBytes: options.readBytes ?? READ_BYTES_DEFAULT,
      timeOrder: options.timeOrder ?? 'sequence',
      follow: options.follow ?? false,
      pollIntervalMs: options.pollIntervalMs ?? POLL_INTERVAL_MS_DEFAULT,
    }
    this.schema = schema
    this.bounded = !this.options.follow
    this.needsEventLoop = this.#paths.includes(STANDARD_PATH)
    this.parallelismMax = this.#paths.includes(STANDARD_PATH) ? 1 : Infinity
    this.#check()
    this.sideOutputs = badRecordOutputs(this.options.onBadRecord, this.options.deadLetterPath)
  }

  /** Whether rows of later files may be earlier than any of this split. Followed files are all opened before the first is read. */
  holdsTime(split: SourceSplit): boolean {
    return this.options.timeOrder === 'none' && !this.options.follow && (split.payload as FileSplit).hasNextFile
  }

  describe(): string {
    const { format, follow } = this.options
    return `${this.#paths.join(', ')} as ${format.describe()}${follow ? ', followed' : ''}`
  }

  enumerate(): readonly SourceSplit[] {
    if (this.options.deadLetterPath !== undefined) DeadLetterFile.check(this.options.deadLetterPath)
    const splits: SourceSplit[] = []
    const seen = new Set<string>()
    for (const path of this.#paths) {
      if (path === STANDARD_PATH) splits.push(splitOf({ path, kind: 'stdin', start: 0, end: UNBOUNDED, size: UNBOUNDED, rowGroup: 0, hasNextFile: false }))
      else
        for (const file of listFiles([path])) {
          if (!seen.has(file.path)) splits.push(...this.#splitsOf(file.path, file.size))
          seen.add(file.path)
        }
    }
    const last = (splits.at(-1)?.payload as FileSplit | undefined)?.path
    return splits.map(({ id, payload }) => ({ id, payload: { ...(payload as FileSplit), hasNextFile: (payload as FileSplit).path !== last } }))
  }

  createReader(context: OperatorContext): SourceReader {
    return new FileReader(this, context)
  }

  #splitsOf(path: string, size: number): SourceSplit[] {
    const { format, follow, splitBytes } = this.options
    if (format.kind === 'parquet') {
      const file = new ParquetFile(path)
      const splits = Array.from({ length: file.rowGroupCount }, (_, rowGroup) =>
        splitOf({ path, kind: 'rows', start: 0, end: 0, size, rowGroup, hasNextFile: false }),
      )
      file.close()
      return splits
    }
    const compression = compressionOf(path)
    if (follow) {
      if (compression !== undefined) refuseToFollow(path, compression)
      return [splitOf({ path, kind: 'tail', start: 0, end: UNBOUNDED, size, rowGroup: 0, hasNextFile: false })]
    }
    if (compression === 'gzip') return [splitOf({ path, kind: 'gzip', start: 0, end: UNBOUNDED, size, rowGroup: 0, hasNextFile: false })]
    refuseUnlessGzip(path, compression)
    if (format.spansLines) return [splitOf({ path, kind: 'lines', start: 0, end: size, size, rowGroup: 0, hasNextFile: false })]
    // The last split takes up to half a split more, so that no crumbs are left.
    const count = Math.max(1, Math.round(size / splitBytes))
    return Array.from({ length: count }, (_, index) =>
      splitOf({
        path,
        kind: 'lines',
        start: index * splitBytes,
        end: index === count - 1 ? size : (index + 1) * splitBytes,
        size,
        rowGroup: 0,
        hasNextFile: false,
      }),
    )
  }

  #check(): void {
    const { format, schema, splitBytes, readBytes, onBadRecord, deadLetterPath, lineBytesMax, timeOrder, follow, pollIntervalMs } = this.options
    const refuse = (reason: string): never => {
      throw new PlanError('INVALID_OPTION', `Cannot make a file source: ${reason}`)
    }
    if (this.#paths.length === 0) refuse('path names no file')
    for (const path of this.#paths)
      if (typeof path !== 'string' || path.includes('\0')) refuse(`path must be a string or a list of strings, not ${JSON.stringify(path)}`)
    if (!(schema instanceof Schema)) refuse('schema must be made by defineSchema or parquetSchema')
    if (format?.kind !== 'lines' && format?.kind !== 'parquet') refuse('format must be made by jsonFormat, csvFormat, textFormat or parquetFormat')
    if (!(Number.isInteger(splitBytes) && splitBytes > 0)) refuse(`splitBytes=${splitBytes} must be a positive integer`)
    if (!(Number.isInteger(readBytes) && readBytes > 0 && readBytes <= 1 << 28)) refuse(`readBytes=${readBytes} must be an integer in 1..${1 << 28}`)
    if (!(Number.isInteger(lineBytesMax) && lineBytesMax > 0 && lineBytesMax <= LINE_BYTES_MAX_LIMIT))
      refuse(`lineBytesMax=${lineBytesMax} must be an integer in 1..${LINE_BYTES_MAX_LIMIT}`)
    if (!(pollIntervalMs >= 1)) refuse(`pollIntervalMs=${pollIntervalMs} must be at least 1`)
    if (!BAD_RECORD_POLICIES.includes(onBadRecord)) refuse(`onBadRecord must be one of ${BAD_RECORD_POLICIES.join(', ')}, not ${JSON.stringify(onBadRecord)}`)
    checkDeadLetters(onBadRecord, deadLetterPath, refuse)
    if (timeOrder !== 'sequence' && timeOrder !== 'none') refuse(`timeOrder must be sequence or none, not ${JSON.stringify(timeOrder)}`)
    if (format.kind === 'lines') format.check(schema)
    else if (follow || this.#paths.includes(STANDARD_PATH)) refuse('Parquet needs whole files: it cannot be followed or read from standard input')
    if (follow && this.#paths.includes(STANDARD_PATH)) refuse('standard input cannot be followed: it ends when its writer ends')
  }
}

function splitOf(payload: FileSplit): SourceSplit {
  const { path, kind, start, end, rowGroup } = payload
  const part = kind === 'rows' ? `#${rowGroup + 1}` : kind === 'lines' ? `#${start}-${end}` : ''
  return { id: path + part, payload }
}

/**
 * A source of records from files.
 *
 * Files of lines are cut into splits of about `splitBytes`, Parquet files into their row groups; readers take them in the order of the files.
 * Rows keep their order within a split.
 *
 * @throws {PlanError} `INVALID_OPTION`, or if the format cannot hold the schema. Files are looked at when the job starts.
 */
export function fileSource<S extends Schema>(options: FileSourceOptions<S>): FileSource<RowOfSchema<S>> {
  refuseUnknownOptions<FileSourceOptions>('make a file source', options, KEYS)
  return new FileSource(options as unknown as FileSourceOptions<Schema<RowOfSchema<S>>>)
}
