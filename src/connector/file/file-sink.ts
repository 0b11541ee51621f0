// The file sink: lines into one file, into part files in a folder, to standard output, a named pipe or a character device. Runs on the subtask's
// thread. Invariant: a file has its final name only when it is complete; what is no file is never replaced by one.

import {
  closeSync,
  constants,
  existsSync,
  fdatasyncSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { basename, dirname, extname, join, resolve } from 'node:path'
import { syncFolder } from '../../base/durable.ts'
import { ConnectorError, PlanError, RestoreError } from '../../base/errors.ts'
import { failPoint } from '../../base/fail-points.ts'
import { makeFolder } from '../../base/make-folder.ts'
import { type OptionKeys, refuseUnknownOptions } from '../../base/option-keys.ts'
import { type RecordBatch, RowKind } from '../../batch/record-batch.ts'
import { isObjectSchema, type Schema } from '../../batch/types.ts'
import type { LineEncoder, LineFormat } from '../../format/line-format.ts'
import { BUFFER_SLACK_BYTES } from '../../kernels/column-layout.ts'
import type { OperatorContext, SnapshotReader, SnapshotWriter } from '../../operator/operator.ts'
import type { CommittingSinkWriter, Sink, SinkWriter } from '../../operator/sink.ts'
import { UNION_STATE_PREFIX } from '../../state/state.ts'
import { STANDARD_PATH } from './file-listing.ts'

const BUFFER_BYTES = 512 << 10
/** Written out when this full: the rest is room for one more encoding step. */
const WRITE_BYTES_MIN = 256 << 10
const RECORD_BYTES_MAX = 256 << 20
const STANDARD_OUTPUT = 1

/** Options of {@link fileSink}. */
export interface FileSinkOptions {
  /**
   * A file; a folder, with a slash at its end or existing already: each subtask writes a part file in it; `-` for standard output.
   * A file and standard output have one writer, and so have a named pipe and a character device, which are written straight into. A link stays: what it leads to is written.
   */
  readonly path: string
  readonly format: LineFormat
}

const KEYS: OptionKeys<FileSinkOptions> = { path: true, format: true }

/**
 * Parts that are being written: each goes on in the subtask whose number it has in its name, or in another if there are fewer now; so no subtask makes
 * a part of that name anew.
 */
const PARTS_STATE = `${UNION_STATE_PREFIX}parts`
/**
 * How often the number of subtasks has changed, and what it is: from the first change on it is in the names of parts, since a part of the same number
 * may be complete already.
 */
const GENERATION_STATE = `${UNION_STATE_PREFIX}generation`

interface Generation {
  readonly generation: number
  readonly parallelism: number
}

/** A file being written. */
interface Part {
  readonly path: string
  /** The name it has until it is complete; where it is written straight into, the same. */
  readonly inProgress: string
  /** Standard output, a pipe or a device: it has no positions and is never renamed. */
  readonly isDirect: boolean
  /** -1: not open yet, or no more. */
  file: number
  bytes: number
}

/** A file that is complete and waits for its name. */
type FileCommittable = Pick<Part, 'path' | 'inProgress' | 'bytes'>

/** Bytes on their way to a descriptor; keeps what a full pipe does not take. */
class FileWriter implements CommittingSinkWriter {
  readonly #sink: FileSink
  readonly #context: OperatorContext
  readonly #encoder: LineEncoder
  #parts: Part[] = []
  /** In the names of parts, see {@link GENERATION_STATE}. */
  #generation = 0
  /** Complete, and not handed out to be committed yet. */
  #complete: FileCommittable[] = []
  #buffer: number
  #bufferBytes = BUFFER_BYTES
  /** Buffered bytes: [#from, #to). */
  #from: number
  #to: number

  constructor(sink: FileSink, schema: Schema, context: OperatorContext) {
    this.#sink = sink
    this.#context = context
    this.#encoder = sink.format.createEncoder(schema, context.slab, context.kernels)
    this.#buffer = context.slab.allocate(this.#bufferBytes + BUFFER_SLACK_BYTES)
    this.#from = this.#buffer
    this.#to = this.#buffer
  }

  hasCapacity(): boolean {
    return this.#to - this.#from < WRITE_BYTES_MIN || this.#writeOut()
  }

  write(batch: RecordBatch): boolean {
    refuseChanges(batch)
    const part = this.#part()
    const encoder = this.#encoder
    encoder.bind(batch)
    while (batch.begin < batch.end) {
      if (this.#to - this.#from >= WRITE_BYTES_MIN && !this.#writeOut()) return false
      const { position, end } = encoder.encode(batch.selection, batch.begin, batch.end, this.#to, this.#buffer + this.#bufferBytes)
      part.bytes += end - this.#to
      this.#to = end
      if (position === batch.begin && !this.#makeRoom()) return false
      batch.begin = position
    }
    return true
  }

  flush(): boolean {
    return this.#writeOut()
  }

  finish(): boolean {
    // A file is there even if it holds nothing; a part file is not.
    if (this.#parts.length === 0 && !this.#sink.isFolder) this.#part()
    if (!this.#writeOut()) return false
    for (const { file, isDirect, path, inProgress, bytes } of this.#parts) {
      if (!isDirect) {
        this.#sync(file, inProgress)
        this.#complete.push({ path, inProgress, bytes })
      }
      if (file !== STANDARD_OUTPUT) closeSync(file)
    }
    this.#parts = []
    if (this.#sink.isFolder) this.#removeLeftovers()
    failPoint('file.finished')
    return true
  }

  prepareCommit(): readonly Uint8Array[] {
    const complete = this.#complete
    this.#complete = []
    return complete.map((part) => Buffer.from(JSON.stringify(part)))
  }

  commit(committable: Uint8Array): void {
    const { path, inProgress, bytes } = JSON.parse(Buffer.from(committable).toString()) as FileCommittable
    try {
      failPoint('file.before-rename')
      renameSync(inProgress, path)
      failPoint('file.renamed')
    } catch (error) {
      const isDone = (error as NodeJS.ErrnoException).code === 'ENOENT' && statSync(path, { throwIfNoEntry: false })?.size === bytes
      if (!isDone) throw notWritable(path, error)
    }
    if (this.#context.isCheckpointed) syncFolder(dirname(path))
    failPoint('file.committed')
  }

  /** What a checkpoint speaks of must be there after a loss of power too. */
  #sync(file: number, path: string): void {
    if (!this.#context.isCheckpointed) return
    try {
      failPoint('file.before-sync')
      fdatasyncSync(file)
      failPoint('file.synced')
    } catch (error) {
      throw notWritable(path, error)
    }
  }

  snapshot(writer: SnapshotWriter): void {
    if (this.#parts[0]?.isDirect === true) return
    const { parallelism } = this.#context
    writer.element(GENERATION_STATE, Buffer.from(JSON.stringify({ generation: this.#generation, parallelism } satisfies Generation)))
    while (!this.#writeOut()) {
      // Files always take what they are given.
    }
    for (const { path, inProgress, bytes, file } of this.#parts) {
      this.#sync(file, inProgress)
      writer.element(PARTS_STATE, Buffer.from(JSON.stringify({ path, inProgress, bytes } satisfies FileCommittable)))
    }
  }

  restore(reader: SnapshotReader): void {
    const { subtaskIndex, parallelism } = this.#context
    let isMoved = false
    reader.elements(GENERATION_STATE, (element) => {
      const before = JSON.parse(Buffer.from(element).toString()) as Generation
      this.#generation = Math.max(this.#generation, before.generation)
      if (before.parallelism !== parallelism) isMoved = true
    })
    if (isMoved) this.#generation++
    reader.elements(PARTS_STATE, (element) => {
      const { path, inProgress, bytes } = JSON.parse(Buffer.from(element).toString()) as FileCommittable
      if (Number(PART_IN_PROGRESS.exec(basename(inProgress))?.[1] ?? 0) % parallelism !== subtaskIndex) return
      try {
        const file = openSync(inProgress, 'r+')
        if (statSync(inProgress).size < bytes) throw new Error(`it has fewer than ${bytes} bytes`)
        ftruncateSync(file, bytes)
        failPoint('restore.file-reopened')
        this.#parts.push({ path, inProgress, isDirect: false, bytes, file })
      } catch (error) {
        throw new RestoreError('FILE_CHANGED', `Cannot go on writing "${inProgress}": ${(error as Error).message}`, { cause: error })
      }
    })
  }

  close(): void {
    for (const { file } of this.#parts) if (file !== -1 && file !== STANDARD_OUTPUT) closeSync(file)
    this.#parts = []
    this.#encoder.free()
    this.#context.slab.free(this.#buffer, this.#bufferBytes + BUFFER_SLACK_BYTES)
  }

  /** The part that rows go to; opened with the first row, so that its header is written once. */
  #part(): Part {
    const open = this.#parts[0]
    if (open !== undefined) return open
    const part = this.#sink.isStandard ? directPart(STANDARD_PATH, STANDARD_OUTPUT) : this.#create()
    this.#parts.push(part)
    const { header } = this.#encoder
    this.#context.slab.u8.set(header, this.#to)
    this.#to += header.length
    part.bytes += header.length
    return part
  }

  /** The name that is asked for; a link may lead elsewhere. */
  #name(): string {
    const { path, isFolder, format } = this.#sink
    const generation = this.#generation === 0 ? '' : `-${this.#generation}`
    return isFolder ? join(path, `part-${this.#context.subtaskIndex}${generation}.${format.name}`) : path
  }

  /**
   * Removes parts that a run wrote which failed before a checkpoint spoke of them: other writers may have got those rows since. Their numbers are those
   * whose parts would go on here, see {@link PARTS_STATE}.
   */
  #removeLeftovers(): void {
    const { path, format } = this.#sink
    const { subtaskIndex, parallelism } = this.#context
    const folder = resolve(path)
    if (!existsSync(folder)) return
    const kept = new Set(this.#complete.map(({ inProgress }) => resolve(inProgress)))
    try {
      for (const name of readdirSync(folder)) {
        const file = join(folder, name)
        const number = PART_IN_PROGRESS.exec(name)
        if (number?.[2] === format.name && Number(number[1]) % parallelism === subtaskIndex && !kept.has(file)) rmSync(file, { force: true })
      }
    } catch (error) {
      throw notWritable(path, error)
    }
  }

  #create(): Part {
    const name = this.#name()
    try {
      const stat = statSync(name, { throwIfNoEntry: false })
      if (stat?.isDirectory() === true) throw new Error('it is a folder')
      if (stat?.isFIFO() === true || stat?.isCharacterDevice() === true) return directPart(name, -1)
      if (stat?.isFile() === false)
        throw new ConnectorError('NOT_A_FILE', `Cannot write "${name}": it is ${stat.isSocket() ? 'a socket' : 'a block device'}, not a file`, {
          hint: 'Write to "-" and pipe standard output into it.',
        })
      const path = behindLinks(name)
      makeFolder(dirname(path))
      const inProgress = inProgressOf(path)
      const file = openSync(inProgress, 'w')
      failPoint('file.created')
      return { path, inProgress, isDirect: false, file, bytes: 0 }
    } catch (error) {
      throw notWritable(name, error)
    }
  }

  /** Returns false if the other side does not take everything now. */
  #writeOut(): boolean {
    const part = this.#parts[0]
    if (part?.file === -1 && !openDirectly(part)) return false
    while (this.#from < this.#to) {
      try {
        const count = writeSync(
          part.file,
          this.#context.slab.u8,
          this.#from,
          this.#to - this.#from,
          part.isDirect ? null : part.bytes - (this.#to - this.#from),
        )
        this.#from += count
        this.#context.metrics.bytesWritten += count
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException
        if (code === 'EAGAIN') return false
        if (code === 'EPIPE') {
          const name = this.#sink.isStandard ? 'standard output' : `"${part.path}"`
          throw new ConnectorError('OUTPUT_CLOSED', `Cannot write to ${name}: its reader has gone`, { cause: error })
        }
        throw notWritable(part.inProgress, error)
      }
    }
    this.#from = this.#buffer
    this.#to = this.#buffer
    return true
  }

  /** Not one record fits: empties the buffer, or makes it larger. Returns false if the other side does not take it now. */
  #makeRoom(): boolean {
    if (this.#to > this.#from) return this.#writeOut()
    const { slab } = this.#context
    const bytes = this.#bufferBytes * 2
    if (bytes > RECORD_BYTES_MAX) throw new ConnectorError('RECORD_TOO_LARGE', `Cannot write a record of more than ${this.#bufferBytes} bytes`)
    slab.free(this.#buffer, this.#bufferBytes + BUFFER_SLACK_BYTES)
    this.#buffer = slab.allocate(bytes + BUFFER_SLACK_BYTES)
    this.#bufferBytes = bytes
    this.#from = this.#buffer
    this.#to = this.#buffer
    return true
  }
}

const PART_IN_PROGRESS = /^\.part-(\d+)(?:-\d+)?\.(\w+)\.inprogress$/

/** The name of a file until it is complete. */
function inProgressOf(path: string): string {
  return join(dirname(path), `.${basename(path)}.inprogress`)
}

function directPart(path: string, file: number): Part {
  return { path, inProgress: path, isDirect: true, file, bytes: 0 }
}

/** Opens a pipe or a device without waiting: returns false while nobody reads the pipe. */
function openDirectly(part: Part): boolean {
  try {
    part.file = openSync(part.path, constants.O_WRONLY | constants.O_NONBLOCK)
    return true
  } catch (error) {
    // Devices answer so too, but only those that are not there.
    if ((error as NodeJS.ErrnoException).code === 'ENXIO' && statSync(part.path, { throwIfNoEntry: false })?.isFIFO() === true) return false
    throw notWritable(part.path, error)
  }
}

function notWritable(path: string, error: unknown): ConnectorError {
  if (error instanceof ConnectorError) return error
  return new ConnectorError('FILE_NOT_WRITABLE', `Cannot write "${path}": ${(error as Error).message}`, { cause: error })
}

/** The file that a path of links leads to, whether it exists or not. */
function behindLinks(path: string): string {
  let target = path
  while (lstatSync(target, { throwIfNoEntry: false })?.isSymbolicLink() === true) target = resolve(realpathSync(dirname(target)), readlinkSync(target))
  return target
}

function refuseChanges(batch: RecordBatch): void {
  if (batch.kinds === 0) return
  for (let position = batch.begin; position < batch.end; position++)
    if (batch.kindOf(batch.physicalRow(position)) !== RowKind.INSERT)
      throw new ConnectorError('CHANGELOG_NOT_SUPPORTED', 'Cannot write an update or a deletion to a file: a file of lines holds inserted records only')
}

/** Writes files, as {@link fileSink} describes. */
export class FileSink implements Sink {
  readonly name = 'File'
  readonly needsEventLoop = false
  readonly parallelismMax: number
  readonly path: string
  readonly format: LineFormat
  readonly isStandard: boolean
  readonly isFolder: boolean

  constructor(options: FileSinkOptions) {
    const { path, format } = options
    if (typeof path !== 'string' || path === '' || path.includes('\0'))
      throw new PlanError('INVALID_OPTION', `Cannot make a file sink: path must be a string, not ${JSON.stringify(path)}`)
    if (format?.kind !== 'lines') throw new PlanError('INVALID_OPTION', 'Cannot make a file sink: format must be made by jsonFormat or csvFormat')
    this.path = path
    this.format = format
    this.isStandard = path === STANDARD_PATH
    this.isFolder = !this.isStandard && (path.endsWith('/') || (extname(path) === '' && existsSync(path) && statSync(path).isDirectory()))
    this.parallelismMax = this.isFolder ? Infinity : 1
  }

  describe(): string {
    return `${this.isStandard ? 'standard output' : this.path} as ${this.format.describe()}`
  }

  createWriter(schema: Schema, context: OperatorContext): SinkWriter {
    if (isObjectSchema(schema) && this.format.name !== 'json')
      throw new PlanError('UNSUPPORTED_TYPE', `Cannot write values of JavaScript as ${this.format.name}: the stream has no columns`, {
        hint: 'Declare them with .returns(schema).',
      })
    this.format.check(schema)
    return new FileWriter(this, schema, context)
  }
}

/**
 * A sink that writes records as lines.
 *
 * A file is written under a name that begins with a dot and ends with `.inprogress`, which the file source passes over, and renamed when the
 * input has ended; a file of that name is replaced then. After a failure the file stays under the hidden name: a restored job goes on with
 * it, any other overwrites it. What has been written to standard output, a named pipe or a device stays there. Part files of an earlier run with more writers stay in their folder.
 *
 * @throws {PlanError} `INVALID_OPTION`
 */
export function fileSink(options: FileSinkOptions): FileSink {
  refuseUnknownOptions('make a file sink', options, KEYS)
  return new FileSink(options)
}
