// A file that is followed: it grows, is renamed and begun anew (rotation), or is truncated. Polls its state instead of watching, which works
// on every file system; runs on the reader's thread.
//
//   at the end of the file          and then                                     what happens
//   the path names the same file    nothing                                      wait
//                                   it is shorter than what has been read        truncated: begin again at 0, counted (`truncatedFiles`)
//                                   it was changed, and its first bytes or       truncated and written again, to whatever size: the same
//                                   those last read are others
//   the path names another file     the old one has more                         read it to its end first
//   (renamed, a link moved)         the old one has no more                      its last line ends; go on with the new one at 0
//                                   files of the name, and more, were made       rotated more than once: they are not read, counted
//                                   in between                                   (`lostFiles`) and named in the log
//   the path names nothing          -                                            keep the old one, wait
//
// What can be lost: what was written between our last look and a truncation (copytruncate); files rotated away between two looks, uncounted if
// they have been given other names or compressed, if the file system does not tell when a file was made, or if the old file was truncated between
// the same two looks and written to after they were made (they could be copies of what was read). What goes unseen: contents that begin
// with the same 1,024 bytes and have the same 1,024 in front of our place, or that come within the file system's clock tick of our last look and
// have the same size, until they grow. After a restore only the first 1,024 bytes and the inode tell.

import { closeSync, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { ConnectorError } from '../../base/errors.ts'
import type { Slab } from '../../base/slab.ts'
import type { RecordBatch } from '../../batch/record-batch.ts'
import type { BadRecords } from '../../format/bad-records.ts'
import type { LineFormat } from '../../format/line-format.ts'
import type { LineStream } from '../../format/line-stream.ts'
import type { OperatorContext } from '../../operator/operator.ts'
import { type ByteInput, openFile, WOULD_BLOCK } from './byte-input.ts'
import { compressionIn, compressionOf } from './compression.ts'
import { type FileIdentity, hasFingerprint, identityOf, isSameInode, isShortFingerprint } from './file-identity.ts'
import { type FileSplit, fillFrom, nameOf, readHeader, SplitResult, type SplitPosition, type SplitReader } from './split-reader.ts'

/** Bytes in front of our place that are compared when the file has changed. */
const RECENT_BYTES = 1024

/** @throws {ConnectorError} `UNSUPPORTED_ENCODING` */
export function refuseToFollow(path: string, compression: string): never {
  throw new ConnectorError('UNSUPPORTED_ENCODING', `Cannot follow "${path}": it is compressed with ${compression}`, {
    hint: 'Compressed files do not grow: read it without follow.',
  })
}

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
  /** The bytes in front of it: the last #recentLength of these. */
  readonly #recent = Buffer.alloc(RECENT_BYTES)
  #recentLength = 0
  /** When the file changed last, as of our last look. */
  #changedNs = 0n
  #row = 0
  /** The path named this file when the file system's clock stood here, or later: what was made until then did not follow it. */
  #namedNs = 0n
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
      this.#reportBetween(next)
      closeSync(this.#file)
      this.#begin(next)
    }
  }

  read(slab: Slab, address: number, length: number): number {
    for (;;) {
      this.#lookForTruncation()
      const count = readSync(this.#file, slab.u8, address, length, this.#offset)
      if (count > 0) {
        const bytes = slab.u8.subarray(address, address + count)
        if (this.#offset === 0) this.#refuseCompressed(bytes)
        this.#offset += count
        this.#context.metrics.bytesRead += count
        this.#remember(bytes)
        this.#extendFingerprint()
        return count
      }
      if (this.#isRotated) return 0
      const now = statSync(this.#split.path, { bigint: true, throwIfNoEntry: false })
      if (now === undefined || this.#identity === null) return WOULD_BLOCK
      if (isSameInode(this.#identity, now.dev, now.ino)) {
        this.#namedNs = now.ctimeNs
        return WOULD_BLOCK
      }
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
    this.#namedNs = 0n
    this.#restartAt0()
    this.#isRotated = false
  }

  #restartAt0(): void {
    this.#offset = 0
    this.#recentLength = 0
    this.#changedNs = 0n
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
    const { size, ctimeNs } = fstatSync(this.#file, { bigint: true })
    const wasRead = this.#offset
    // Growth may fall into one tick of the file system's clock with our last look.
    const isChanged = ctimeNs !== this.#changedNs || size > wasRead
    this.#changedNs = ctimeNs
    const isOther = isChanged && wasRead > 0 && this.#identity !== null && !(hasFingerprint(this.#file, this.#identity) && this.#isRecent())
    if (size >= wasRead && !isOther) return
    this.#context.metrics.counter('truncatedFiles').value++
    this.#context.log(`"${this.#split.path}" was truncated after ${wasRead} bytes had been read: reading it from its start`)
    this.#identity = identityOf(this.#file)
    // A copy that was made before the truncation holds what was read, and is no file that followed this one.
    this.#namedNs = ctimeNs
    this.#restartAt0()
    // What the stream carried belonged to the old contents; its caller must ask for room again.
    this.#stream.prepareInput()
  }

  /** Whether what was read last still stands in front of our place. */
  #isRecent(): boolean {
    const length = this.#recentLength
    const now = Buffer.alloc(length)
    return readSync(this.#file, now, 0, length, this.#offset - length) === length && now.equals(this.#recent.subarray(RECENT_BYTES - length))
  }

  #remember(bytes: Uint8Array): void {
    const recent = this.#recent
    const kept = Math.min(RECENT_BYTES, bytes.length)
    recent.copyWithin(0, kept)
    recent.set(bytes.subarray(bytes.length - kept), RECENT_BYTES - kept)
    this.#recentLength = Math.min(RECENT_BYTES, this.#recentLength + kept)
  }

  #refuseCompressed(start: Uint8Array): void {
    const compression = compressionIn(start)
    if (compression !== undefined) refuseToFollow(this.#split.path, compression)
  }

  /** Counts files that had the path's name after the file at hand and before the next one. */
  #reportBetween(next: number): void {
    const old = fstatSync(this.#file, { bigint: true })
    const { ino, birthtimeNs } = fstatSync(next, { bigint: true })
    const namedNs = old.birthtimeNs > this.#namedNs ? old.birthtimeNs : this.#namedNs
    const folder = dirname(this.#split.path)
    const beginning = basename(this.#split.path)
    for (const name of readdirSync(folder)) {
      if (!name.startsWith(beginning) || name === beginning) continue
      const path = join(folder, name)
      const stat = statSync(path, { bigint: true, throwIfNoEntry: false })
      if (stat?.isFile() !== true || stat.ino === old.ino || stat.ino === ino || stat.size === 0n) continue
      if (stat.birthtimeNs <= namedNs || stat.birthtimeNs > birthtimeNs || compressionOf(path) !== undefined) continue
      this.#context.metrics.counter('lostFiles').value++
      this.#context.log(`"${this.#split.path}" was rotated more than once since it was last looked at: "${path}" is not read`)
    }
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
