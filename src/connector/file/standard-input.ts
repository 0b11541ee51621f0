// Standard input: a file, a pipe, a socket, a terminal, or closed. Runs on the reader's thread, which it never blocks: a pipe may be silent for
// hours, and its thread has commands to obey and other subtasks to step.

import { closeSync, fstatSync, readSync } from 'node:fs'
import { Socket, type SocketConstructorOpts } from 'node:net'
import { isatty, ReadStream } from 'node:tty'
import { reopenPipe } from '../../base/platform.ts'
import type { Slab } from '../../base/slab.ts'
import type { OperatorMetrics } from '../../operator/operator.ts'
import { ConnectorError } from '../../base/errors.ts'
import { type ByteInput, readFailure, WOULD_BLOCK } from './byte-input.ts'

const STANDARD_INPUT = 0
const NAME = 'standard input'
/** As much as a pipe of Linux holds. */
const SLOT_BYTES = 64 << 10
const SLOT_COUNT = 16

/** A process has one standard input: what was looked at on this thread and not read yet, and whether a reader has it. */
const beginning: { bytes: Buffer; hasEnded: boolean; isTaken: boolean } = { bytes: Buffer.alloc(0), hasEnded: false, isTaken: false }

/**
 * Opens standard input. The reader's thread must have an event loop that turns.
 *
 * @param wake Called when a read that said {@link WOULD_BLOCK} is worth another try.
 */
export function openStandardInput(metrics: OperatorMetrics, wake: () => void): ByteInput {
  const { bytes } = beginning
  beginning.isTaken = true
  beginning.bytes = Buffer.alloc(0)
  const input = canBeSilent() ? new PipeInput(STANDARD_INPUT, metrics, wake) : new DescriptorInput(STANDARD_INPUT, metrics)
  return bytes.length === 0 ? input : new SeenInput(bytes, input, metrics)
}

function canBeSilent(): boolean {
  const stat = fstatSync(STANDARD_INPUT)
  return stat.isFIFO() || stat.isSocket() || isatty(STANDARD_INPUT)
}

/**
 * Looks at the first bytes of standard input, `bytesMax` at most; whoever opens it on this thread later reads them too. Blocks until they are there, or
 * the end is, or a writer that has written lines pauses.
 *
 * @throws {ConnectorError} `INPUT_TAKEN` if it has been opened already; `FILE_NOT_READABLE`
 */
export function peekStandardInput(bytesMax: number): { readonly bytes: Uint8Array; readonly isWhole: boolean } {
  if (beginning.isTaken)
    throw new ConnectorError('INPUT_TAKEN', 'Cannot read standard input twice: what was read is gone', {
      hint: 'Write it to a file first, and read that.',
    })
  // A descriptor that answers at once tells a writer that pauses from one that is slow.
  const direct = canBeSilent() && !isatty(STANDARD_INPUT) ? reopenPipe(STANDARD_INPUT) : undefined
  try {
    for (let waits = 0; !beginning.hasEnded && beginning.bytes.length < bytesMax && !hasPaused(beginning.bytes, waits, direct !== undefined);) {
      const piece = Buffer.allocUnsafe(Math.min(SLOT_BYTES, bytesMax - beginning.bytes.length))
      const count = readNow(direct ?? STANDARD_INPUT, piece)
      if (count === WOULD_BLOCK) {
        waits++
        Atomics.wait(PAUSE, 0, 0, PAUSE_MS)
      } else {
        waits = 0
        beginning.hasEnded = count === 0
        beginning.bytes = Buffer.concat([beginning.bytes, piece.subarray(0, count)])
      }
    }
  } finally {
    if (direct !== undefined) closeSync(direct)
  }
  return { bytes: beginning.bytes, isWhole: beginning.hasEnded }
}

/** A header and a row. */
const LINES_SEEN_MIN = 2
const PAUSE = new Int32Array(new SharedArrayBuffer(4))
const PAUSE_MS = 10
/** A writer that writes nothing for so many of them pauses. */
const PAUSES_MAX = 20

/** Whether more would keep the reader waiting, and there is enough. */
function hasPaused(bytes: Buffer, waits: number, answersAtOnce: boolean): boolean {
  if (answersAtOnce && waits < PAUSES_MAX) return false
  let lines = 0
  for (let feed = bytes.indexOf(LINE_FEED); feed >= 0 && lines < LINES_SEEN_MIN; feed = bytes.indexOf(LINE_FEED, feed + 1)) lines++
  return lines >= LINES_SEEN_MIN && canBeSilent()
}

const LINE_FEED = 10

function readNow(file: number, target: Buffer): number {
  try {
    return readSync(file, target, 0, target.length, null)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EAGAIN') return WOULD_BLOCK
    // Closed from the start: there is nothing.
    if (code === 'EOF' || code === 'EBADF') return 0
    throw readFailure(NAME, error)
  }
}

/** What was looked at, then the rest. */
class SeenInput implements ByteInput {
  readonly #rest: ByteInput
  readonly #metrics: OperatorMetrics
  #seen: Buffer

  constructor(seen: Buffer, rest: ByteInput, metrics: OperatorMetrics) {
    this.#seen = seen
    this.#rest = rest
    this.#metrics = metrics
  }

  get failure(): ConnectorError | undefined {
    return this.#rest.failure
  }

  read(slab: Slab, address: number, length: number): number {
    if (this.#seen.length === 0) return this.#rest.read(slab, address, length)
    const count = Math.min(length, this.#seen.length)
    slab.u8.set(this.#seen.subarray(0, count), address)
    this.#seen = this.#seen.subarray(count)
    this.#metrics.bytesRead += count
    return count
  }

  close(): void {
    this.#rest.close()
  }
}

/** A file or a device without positions. */
class DescriptorInput implements ByteInput {
  readonly #file: number
  readonly #metrics: OperatorMetrics

  constructor(file: number, metrics: OperatorMetrics) {
    this.#file = file
    this.#metrics = metrics
  }

  read(slab: Slab, address: number, length: number): number {
    try {
      const count = readSync(this.#file, slab.u8, address, length, null)
      this.#metrics.bytesRead += count
      return count
    } catch (error) {
      throw readFailure(NAME, error)
    }
  }

  close(): void {}
}

/**
 * A pipe, a socket or a terminal. The event loop takes in what comes while the pipe is empty for its reader: that is how the reader learns of
 * it. What is there already is read straight into the slab where that cannot block. With every slot full the rest stays in the pipe, which
 * holds its writer back.
 */
export class PipeInput implements ByteInput {
  readonly #socket: Socket
  readonly #metrics: OperatorMetrics
  /** A descriptor that answers at once, where there is one. */
  readonly #direct: number | undefined
  readonly #slots = Buffer.allocUnsafeSlow(SLOT_COUNT * SLOT_BYTES)
  readonly #counts = new Int32Array(SLOT_COUNT)
  /** The first slot that is not taken and the next one to fill, both only growing; #at bytes of the former are taken. */
  #head = 0
  #tail = 0
  #at = 0
  #hasEnded = false
  #failure: Error | undefined

  constructor(file: number, metrics: OperatorMetrics, wake: () => void) {
    this.#metrics = metrics
    // The types of Node know this option for connections only.
    const onread = {
      buffer: () => this.#slot(this.#tail),
      callback: (count: number) => {
        this.#counts[this.#tail++ % SLOT_COUNT] = count
        wake()
        return this.#tail - this.#head < SLOT_COUNT
      },
    }
    const end = (failure?: Error): void => {
      this.#hasEnded = true
      this.#failure = failure
      wake()
    }
    if (isatty(file)) this.#socket = new ReadStream(file, { ...{ onread } } as SocketConstructorOpts)
    else {
      // A socket makes its descriptor answer at once, which everybody sees who shares it: so it gets its own where it can.
      this.#direct = reopenPipe(file)
      this.#socket = new Socket({ fd: this.#direct ?? file, readable: true, writable: false, ...{ onread } })
    }
    this.#socket.on('end', () => end()).on('error', end)
    this.#socket.resume()
  }

  read(slab: Slab, address: number, length: number): number {
    if (this.#head === this.#tail) {
      if (this.#failure !== undefined) throw readFailure(NAME, this.#failure)
      return this.#hasEnded ? 0 : this.#readDirectly(slab, address, length)
    }
    const left = this.#counts[this.#head % SLOT_COUNT] - this.#at
    const count = Math.min(length, left)
    slab.u8.set(this.#slot(this.#head).subarray(this.#at, this.#at + count), address)
    this.#at += count
    this.#metrics.bytesRead += count
    if (count === left) {
      this.#head++
      this.#at = 0
      this.#socket.resume()
    }
    return count
  }

  close(): void {
    this.#socket.destroy()
  }

  #slot(position: number): Buffer {
    const start = (position % SLOT_COUNT) * SLOT_BYTES
    return this.#slots.subarray(start, start + SLOT_BYTES)
  }

  /** The end and failures are left for the socket to find. */
  #readDirectly(slab: Slab, address: number, length: number): number {
    if (this.#direct === undefined || this.#socket.destroyed) return WOULD_BLOCK
    try {
      const count = readSync(this.#direct, slab.u8, address, length, null)
      this.#metrics.bytesRead += count
      return count || WOULD_BLOCK
    } catch {
      return WOULD_BLOCK
    }
  }
}
