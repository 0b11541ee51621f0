// A file that is followed: it grows, is renamed and begun anew (rotation), or is truncated. Polls its state instead of watching, which works
// on every file system; runs on the reader's thread.
//
//   at the end of the file          and then                                     what happens
//   the path names the same file    nothing                                      wait
//                                   it is shorter than what has been read        truncated: begin again at 0, counted
//                                   it begins with other bytes                   truncated and written again: the same
//   the path names another file     the old one has more                         read it to its end first
//                                   the old one has no more                      its last line ends; go on with the new one at 0
//   the path names nothing          -                                            keep the old one, wait
//
// Loss is possible in one case: what was written to a file between our last look and its truncation (copytruncate).

import { closeSync, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ConnectorError } from '../../base/errors.ts'
import type { Slab } from '../../base/slab.ts'
import type { RecordBatch } from '../../batch/record-batch.ts'
import type { BadRecords } from '../../format/bad-records.ts'
import type { LineFormat } from '../../format/line-format.ts'
import type { LineStream } from '../../format/line-stream.ts'
import type { OperatorContext } from '../../operator/operator.ts'
import { type ByteInput, openFile, WOULD_BLOCK } from './byte-input.ts'
import { type FileIdentity, hasFingerprint, identityOf, isSameInode, isShortFingerprint } from './file-identity.ts'
import { type FileSplit, fillFrom, nameOf, readHeader, SplitResult, type SplitPosition, type SplitReader } from './split-reader.ts'

/** Reads a file without end. */
export class TailReader implements SplitReader, ByteInput {
  readonly #split: FileSplit
  readonly #stream: LineStream
  readonly #format: LineFormat
  readonly #context: OperatorContext
  readonly #bad: BadRecords
  readonly #lineBytesMax: number
  #file = -1
  #identity: FileIdentity | null = null
  /** Where the next byte is read. */
  #offset = 0
  #row = 0
  /** The path names another file now; this one is read to its end. */
  #isRotated = false

  constructor(
    split: FileSplit,
    position: SplitPosition | null,
    stream: LineStream,
    format: LineFormat,
    context: OperatorContext,
    bad: BadRecords,
    lineBytesMax: number,
  ) {
    this.#split = split
    this.#stream = stream
    this.#format = format
    this.#context = context
    this.#bad = bad
    this.#lineBytesMax = lineBytesMax
    if (position === null || position.identity === null) this.#begin(openFile(split.path))
    else this.#resume(position, position.identity)
  }

  get batch(): RecordBatch {
    return this.#stream.batch
  }

  get position(): SplitPosition {
    return { ...this.#stream.position, row: this.#row, identity: this.#identity }
  }

  poll(): SplitResult {
    for (;;) {
      const result = fillFrom(this.#stream, this, this.#context, this.#bad)
      if (result === SplitResult.ROWS) this.#row += this.batch.rowCount
      if (result !== SplitResult.DONE) return result
      // The old file has ended; the path names another one.
      const next = this.#open()
      if (next === undefined) return SplitResult.NOTHING
      closeSync(this.#file)
      this.#begin(next)
    }
  }

  read(slab: Slab, address: number, length: number): number {
    for (;;) {
      this.#lookForTruncation()
      const count = readSync(this.#file, slab.u8, address, length, this.#offset)
      if (count > 0) {
        this.#offset += count
        this.#context.metrics.bytesRead += count
        this.#extendFingerprint()
        return count
      }
      if (this.#isRotated) return 0
      const now = statSync(this.#split.path, { bigint: true, throwIfNoEntry: false })
      if (now === undefined || this.#identity === null || isSameInode(this.#identity, now.dev, now.ino)) return WOULD_BLOCK
      // Its writer may have added to the old file before it took the new one: look once more.
      this.#isRotated = true
    }
  }

  close(): void {
    if (this.#file !== -1) closeSync(this.#file)
    this.#file = -1
  }

  #begin(file: number): void {
    this.#file = file
    this.#identity = identityOf(file)
    this.#restartAt0()
    this.#isRotated = false
  }

  #restartAt0(): void {
    this.#offset = 0
    this.#stream.open({ file: nameOf(this.#split), offset: 0, linesBefore: 0, seeksLine: false, endOffset: Infinity })
  }

  #open(): number | undefined {
    try {
      return openSync(this.#split.path, 'r')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw new ConnectorError('FILE_NOT_READABLE', `Cannot read "${this.#split.path}": ${(error as Error).message}`, { cause: error })
    }
  }

  #lookForTruncation(): void {
    const { size } = fstatSync(this.#file)
    const wasRead = this.#offset
    const isCut = size < wasRead || (size > wasRead && wasRead > 0 && this.#identity !== null && !hasFingerprint(this.#file, this.#identity))
    if (!isCut) return
    this.#context.metrics.counter('truncatedFiles').value++
    this.#context.log(`"${this.#split.path}" was truncated after ${wasRead} bytes had been read: reading it from its start`)
    this.#identity = identityOf(this.#file)
    this.#restartAt0()
    // What the stream carried belonged to the old contents; its caller must ask for room again.
    this.#stream.prepareInput()
  }

  #extendFingerprint(): void {
    if (this.#identity !== null && isShortFingerprint(this.#identity)) this.#identity = identityOf(this.#file)
  }

  /** Goes on where a snapshot left off, in the same file even if it has been renamed since. */
  #resume(position: SplitPosition, identity: FileIdentity): void {
    const file = this.#findAgain(identity, position.offset)
    if (file === undefined) {
      this.#context.metrics.counter('lostFiles').value++
      this.#context.log(`"${this.#split.path}" is not the file that was read before, which is gone: reading it from its start`)
      this.#begin(openFile(this.#split.path))
      return
    }
    this.#file = file
    this.#identity = identity
    this.#extendFingerprint()
    this.#offset = position.offset
    this.#row = position.row
    this.#stream.open({
      file: nameOf(this.#split),
      offset: position.offset,
      linesBefore: position.lines,
      seeksLine: false,
      isSkipping: position.isSkipping,
      endOffset: Infinity,
      fileColumns: position.offset === 0 ? undefined : readHeader(this.#split.path, this.#format, this.#lineBytesMax),
    })
  }

  #findAgain(identity: FileIdentity, offset: number): number | undefined {
    const { path } = this.#split
    const folder = dirname(path)
    let names: string[]
    try {
      names = readdirSync(folder)
    } catch {
      names = []
    }
    for (const candidate of [path, ...names.map((name) => join(folder, name))]) {
      try {
        const stat = statSync(candidate, { bigint: true })
        if (!stat.isFile() || !isSameInode(identity, stat.dev, stat.ino) || stat.size < BigInt(offset)) continue
        const file = openSync(candidate, 'r')
        if (hasFingerprint(file, identity)) return file
        closeSync(file)
      } catch {
        // Gone in the meantime, or not ours to read: not the file we look for.
      }
    }
    return undefined
  }
}
