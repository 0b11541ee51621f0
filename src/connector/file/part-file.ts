// A file that is being written: its buffer in the slab, its descriptor, where it stands. Runs on the subtask's thread.

import { constants, openSync, statSync } from 'node:fs'
import { ConnectorError } from '../../base/errors.ts'
import { failPoint } from '../../base/fail-points.ts'
import { type FileSystem, nodeFileSystem } from '../../base/file-system.ts'
import { BUFFER_SLACK_BYTES } from '../../kernels/column-layout.ts'
import type { OperatorContext } from '../../operator/operator.ts'
import { type FileCommittable, notWritable } from './file-committer.ts'
import type { PartPool } from './part-pool.ts'

export const RECORD_BYTES_MAX = 256 << 20
export const STANDARD_OUTPUT = 1
/** Of a part that is alone: records are encoded into it. */
const OWN_BUFFER_BYTES = 512 << 10
/** Of one of many, into which records are copied: it begins with the least, and gets the most before it is written out. */
const SHARED_BUFFER_BYTES_MIN = 256
const SHARED_BUFFER_BYTES_MAX = 64 << 10

/** What is known of a file before it is opened. */
export interface PartFileInit extends FileCommittable {
  /** Standard output, a pipe or a device: it has no positions and is never renamed. */
  readonly isDirect: boolean
  /** In epoch ms: when it was begun, and when something was written last. */
  readonly createdMs: number
  readonly updatedMs: number
}

/**
 * A file being written. One that is alone has a buffer into which records are encoded; one of many has none but while it holds something, and records
 * are copied into it: see {@link PartPool}.
 * Invariant: buffer ≤ #from ≤ to ≤ buffer + size of the buffer; the file holds `bytes` - (to - #from) bytes.
 */
export class PartFile {
  readonly path: string
  readonly inProgress: string
  readonly partition: string
  readonly isDirect: boolean
  readonly createdMs: number
  updatedMs: number
  /** When it was used last, in a count of the writer's. */
  used = 0
  /** With what is in the buffer. */
  bytes: number
  /** Where the next record goes. */
  to = 0
  readonly #context: OperatorContext
  readonly #files: FileSystem
  /** Undefined: it is alone. */
  readonly #pool: PartPool | undefined
  #file: number
  #buffer = 0
  #bufferBytes = 0
  #from = 0
  /** Whether something was written since it was synced. */
  #isDirty = true

  /** @param file Its descriptor, -1 if it is not open yet. */
  constructor(init: PartFileInit, file: number, pool: PartPool | undefined, context: OperatorContext) {
    this.path = init.path
    this.inProgress = init.inProgress
    this.partition = init.partition
    this.isDirect = init.isDirect
    this.createdMs = init.createdMs
    this.updatedMs = init.updatedMs
    this.bytes = init.bytes
    this.#file = -1
    this.#pool = pool
    this.#context = context
    // Pipes, devices and standard output are the machine's, wherever files are.
    this.#files = init.isDirect ? nodeFileSystem : context.files
    if (file !== -1) this.#opened(file)
    if (pool === undefined) this.#allocate(OWN_BUFFER_BYTES)
  }

  /** Whether the buffer should be written out before more comes: the rest is room for one more encoding step. */
  get isFull(): boolean {
    return this.to - this.#from >= this.#bufferBytes >>> 1
  }

  get isEmpty(): boolean {
    return this.to === this.#from
  }

  /** End of the buffer. */
  get end(): number {
    return this.#buffer + this.#bufferBytes
  }

  /** Records were encoded up to `to`. */
  advance(to: number): void {
    this.bytes += to - this.to
    this.to = to
  }

  /** Copies bytes of the slab: into the buffer of a part of many, or past it if they are as many. */
  append(address: number, bytes: number): void {
    const pending = this.to - this.#from
    if (bytes > this.end - this.to) {
      if (pending + bytes > SHARED_BUFFER_BYTES_MAX) this.writeOut()
      if (bytes > SHARED_BUFFER_BYTES_MAX) {
        this.bytes += bytes
        for (let at = address; at < address + bytes;) at += this.#write(at, address + bytes)
        return
      }
      if (bytes > this.end - this.to) this.#enlarge(this.to - this.#from + bytes)
    }
    this.#context.slab.copy(this.to, address, bytes)
    this.advance(this.to + bytes)
  }

  /** Returns false if the other side does not take everything now: never of a file. */
  writeOut(): boolean {
    if (this.#file === -1 && this.isDirect && !this.#openDirectly()) return false
    while (this.#from < this.to) {
      const count = this.#write(this.#from, this.to)
      if (count === 0) return false
      this.#from += count
    }
    this.#from = this.#buffer
    this.to = this.#buffer
    return true
  }

  /** Makes room for a record that does not fit in the empty buffer. @throws {ConnectorError} `RECORD_TOO_LARGE` */
  grow(): void {
    const bytes = this.#bufferBytes * 2
    if (bytes > RECORD_BYTES_MAX) throw recordTooLarge(this.#bufferBytes)
    this.#free()
    this.#allocate(bytes)
  }

  /** Makes durable what has been written, not its name: what a checkpoint speaks of must be there after a loss of power too. */
  sync(): void {
    if (!this.#context.isCheckpointed || !this.#isDirty) return
    try {
      this.#open()
      failPoint('file.before-sync')
      this.#files.sync(this.#file)
      failPoint('file.synced')
    } catch (error) {
      throw notWritable(this.inProgress, error)
    }
    this.#isDirty = false
  }

  /** Writes everything out and gives buffer and descriptor back; a file only. */
  park(): void {
    this.writeOut()
    this.close()
  }

  /** Gives the descriptor back, until it is needed again; a file only. */
  closeFile(): void {
    const file = this.#file
    this.#file = -1
    this.#pool?.closed(this)
    if (file === -1 || file === STANDARD_OUTPUT) return
    try {
      this.#files.close(file)
    } catch (error) {
      throw notWritable(this.inProgress, error)
    }
  }

  /** Gives buffer and descriptor back. What is in the buffer is lost. */
  close(): void {
    this.#free()
    this.closeFile()
  }

  /** Writes some of [from, to), which is the end of what is to be written. Returns how much; 0 if the other side takes nothing now. */
  #write(from: number, to: number): number {
    try {
      this.#open()
      const count = this.#files.write(this.#file, this.#context.slab.u8, from, to - from, this.isDirect ? null : this.bytes - (to - from))
      this.#isDirty = true
      this.#context.metrics.bytesWritten += count
      return count
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EAGAIN' && this.isDirect) return 0
      if (code === 'EPIPE') {
        const name = this.#file === STANDARD_OUTPUT ? 'standard output' : `"${this.path}"`
        throw new ConnectorError('OUTPUT_CLOSED', `Cannot write to ${name}: its reader has gone`, { cause: error })
      }
      throw notWritable(this.inProgress, error)
    }
  }

  #open(): void {
    if (this.#file === -1 && !this.isDirect) this.#opened(this.#files.open(this.inProgress, 'r+'))
  }

  #opened(file: number): void {
    this.#file = file
    this.#pool?.opened(this)
  }

  /** Opens a pipe or a device without waiting: returns false while nobody reads the pipe. */
  #openDirectly(): boolean {
    try {
      this.#file = openSync(this.path, constants.O_WRONLY | constants.O_NONBLOCK)
      return true
    } catch (error) {
      // Devices answer so too, but only those that are not there.
      if ((error as NodeJS.ErrnoException).code === 'ENXIO' && statSync(this.path, { throwIfNoEntry: false })?.isFIFO() === true) return false
      throw notWritable(this.path, error)
    }
  }

  /** A larger buffer, with what is in this one. */
  #enlarge(bytesMin: number): void {
    const { slab } = this.#context
    const [from, to] = [this.#from, this.to]
    const [buffer, bufferBytes] = [this.#buffer, this.#bufferBytes]
    let bytes = SHARED_BUFFER_BYTES_MIN
    while (bytes < bytesMin) bytes *= 2
    this.#pool?.buffered(this, bytes - bufferBytes)
    this.#allocate(bytes)
    if (to > from) slab.copy(this.to, from, to - from)
    this.to += to - from
    if (buffer !== 0) slab.free(buffer, this.#blockBytes(bufferBytes))
  }

  #allocate(bytes: number): void {
    this.#buffer = this.#context.slab.allocate(this.#blockBytes(bytes))
    this.#bufferBytes = bytes
    this.#from = this.#buffer
    this.to = this.#buffer
  }

  #free(): void {
    if (this.#buffer === 0) return
    this.#context.slab.free(this.#buffer, this.#blockBytes(this.#bufferBytes))
    this.#pool?.unbuffered(this, this.#bufferBytes)
    this.#buffer = 0
    this.#bufferBytes = 0
    this.#from = 0
    this.to = 0
  }

  /** Only what is encoded into needs more than it holds. */
  #blockBytes(bytes: number): number {
    return this.#pool === undefined ? bytes + BUFFER_SLACK_BYTES : bytes
  }
}

export function recordTooLarge(bytes: number): ConnectorError {
  return new ConnectorError('RECORD_TOO_LARGE', `Cannot write a record of more than ${bytes} bytes`)
}
