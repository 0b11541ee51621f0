// The beginning of a file's contents, for those who look at it before anything is read.

import { closeSync, readSync } from 'node:fs'
import { constants, gunzipSync } from 'node:zlib'
import { ConnectorError } from '../../base/errors.ts'
import { openFile, readFailure } from './byte-input.ts'
import { compressionIn, refuseUnlessGzip } from './compression.ts'
import { inputName, STANDARD_PATH } from './file-listing.ts'
import { peekStandardInput } from './standard-input.ts'

/** What {@link readHead} has read. */
export interface FileHead {
  /** Without a byte order mark. */
  readonly bytes: Uint8Array
  /** Whether nothing stands behind them. */
  readonly isWhole: boolean
}

/** Gzip makes a thousand bytes of one at most: of so many read, 64 MiB. */
const COMPRESSED_BYTES_MAX = 64 << 10

/**
 * The first bytes of a file, at most `bytesMax`, decompressed.
 *
 * @throws {ConnectorError} `FILE_NOT_FOUND`, `FILE_NOT_READABLE`, `UNSUPPORTED_ENCODING`, `DAMAGED_FILE`
 */
export function readHead(path: string, bytesMax: number): FileHead {
  const file = openFile(path)
  try {
    const buffer = Buffer.alloc(bytesMax)
    const count = fill(path, file, buffer)
    return headOf(path, { bytes: buffer.subarray(0, count), isWhole: count < bytesMax }, bytesMax)
  } finally {
    closeSync(file)
  }
}

/**
 * The same of standard input, whose readers on this thread get them all the same.
 *
 * @throws {ConnectorError} `INPUT_TAKEN`, `FILE_NOT_READABLE`, `UNSUPPORTED_ENCODING`, `DAMAGED_FILE`
 */
export function readStandardHead(bytesMax: number): FileHead {
  return headOf(STANDARD_PATH, peekStandardInput(bytesMax), bytesMax)
}

function headOf(path: string, { bytes: raw, isWhole }: FileHead, bytesMax: number): FileHead {
  const compression = compressionIn(raw)
  refuseUnlessGzip(inputName(path), compression)
  if (compression === undefined) return { bytes: withoutMark(raw), isWhole }
  const compressed = raw.subarray(0, COMPRESSED_BYTES_MAX)
  const contents = decompressed(inputName(path), compressed)
  return { bytes: withoutMark(contents.subarray(0, bytesMax)), isWhole: compressed.length === raw.length && isWhole && contents.length <= bytesMax }
}

function fill(path: string, file: number, buffer: Uint8Array): number {
  let filled = 0
  try {
    for (let count = 1; count > 0 && filled < buffer.length; filled += count) count = readSync(file, buffer, filled, buffer.length - filled, filled)
  } catch (error) {
    throw readFailure(path, error)
  }
  return filled
}

function decompressed(path: string, bytes: Uint8Array): Uint8Array {
  try {
    // What is cut off in the middle gives what stands in front of the cut.
    return gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH })
  } catch (error) {
    throw new ConnectorError('DAMAGED_FILE', `Cannot read "${path}": its compression is damaged`, { cause: error })
  }
}

function withoutMark(bytes: Uint8Array): Uint8Array {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes
}
