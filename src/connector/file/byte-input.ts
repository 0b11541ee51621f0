// Where a reader's bytes come from: a file, or whatever standard-input.ts finds. Files are read straight into the slab, without the event loop.

import { closeSync, openSync, readSync } from 'node:fs'
import { ConnectorError } from '../../base/errors.ts'
import type { Slab } from '../../base/slab.ts'
import type { OperatorMetrics } from '../../operator/operator.ts'

/** What {@link ByteInput.read} answers instead of a count: nothing yet, ask again later. */
export const WOULD_BLOCK = -1

/** What {@link ByteInput.read} answers when the rest cannot be read: see {@link ByteInput.failure}. */
export const FAILED = -2

/** A stream of bytes that is asked for more. */
export interface ByteInput {
  /**
   * Reads at most `length` bytes into the slab.
   *
   * @returns How many, 0 at the end, {@link WOULD_BLOCK}, {@link FAILED} again and again once everything before the damage has been given.
   * @throws {ConnectorError} If reading fails.
   */
  read(slab: Slab, address: number, length: number): number
  /** Why the rest of the contents is lost. */
  readonly failure?: ConnectorError | undefined
  /** Whether the damage lies behind the contents, all of which have been given: their last line ends where they do. */
  readonly isComplete?: boolean
  close(): void
}

/** Opens a file for reading. */
export function openFile(path: string): number {
  try {
    return openSync(path, 'r')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') throw new ConnectorError('FILE_NOT_FOUND', `Cannot read "${path}": it is gone`, { cause: error })
    throw new ConnectorError('FILE_NOT_READABLE', `Cannot read "${path}": ${code === 'EACCES' ? 'permission denied' : (error as Error).message}`, {
      cause: error,
    })
  }
}

/** The error that a failed read becomes. */
export function readFailure(path: string, error: unknown): ConnectorError {
  return new ConnectorError('FILE_NOT_READABLE', `Cannot read "${path}": ${(error as Error).message}`, { cause: error })
}

/** A regular file from an offset on, up to a limit. */
export class FileInput implements ByteInput {
  readonly path: string
  readonly file: number
  readonly #limit: number
  readonly #metrics: OperatorMetrics
  #offset: number

  /** @param limit Bytes behind this offset are not read: the file may be growing. Ending before it is an error. */
  constructor(path: string, offset: number, limit: number, metrics: OperatorMetrics) {
    this.#metrics = metrics
    this.path = path
    this.file = openFile(path)
    this.#offset = offset
    this.#limit = limit
  }

  read(slab: Slab, address: number, length: number): number {
    const wanted = Math.min(length, this.#limit - this.#offset)
    if (wanted <= 0) return 0
    let count: number
    try {
      count = readSync(this.file, slab.u8, address, wanted, this.#offset)
    } catch (error) {
      throw readFailure(this.path, error)
    }
    if (count === 0)
      throw new ConnectorError('FILE_CHANGED', `Cannot read "${this.path}": it was cut while it was read, to less than ${this.#limit} bytes`, {
        hint: 'Use follow: true for files that are truncated and written again.',
      })
    this.#offset += count
    this.#metrics.bytesRead += count
    return count
  }

  close(): void {
    closeSync(this.file)
  }
}
