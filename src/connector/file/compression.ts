// How a file is compressed: by its first bytes, its name does not matter.

import { closeSync, readSync } from 'node:fs'
import { openFile } from './byte-input.ts'

const MAGIC: readonly (readonly [name: string, bytes: readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b, 8]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a]],
  ['zip', [0x50, 0x4b, 3, 4]],
  ['parquet', [0x50, 0x41, 0x52, 0x31]],
]

/** How many bytes tell. */
const MAGIC_BYTES = 8

/** The compression that contents with these first bytes have; undefined for none that is known. */
export function compressionIn(start: Uint8Array): string | undefined {
  return MAGIC.find(([, bytes]) => bytes.every((byte, index) => start[index] === byte))?.[0]
}

/** How a file is compressed. */
export function compressionOf(path: string): string | undefined {
  const file = openFile(path)
  try {
    const start = Buffer.alloc(MAGIC_BYTES)
    return compressionIn(start.subarray(0, readSync(file, start, 0, start.length, 0)))
  } finally {
    closeSync(file)
  }
}
