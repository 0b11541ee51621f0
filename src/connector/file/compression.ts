// How an input is compressed: by its first bytes, its name does not matter.

import { closeSync, readSync } from 'node:fs'
import { ConnectorError } from '../../base/errors.ts'
import type { Slab } from '../../base/slab.ts'
import type { OperatorContext } from '../../operator/operator.ts'
import { type ByteInput, FAILED, openFile, WOULD_BLOCK } from './byte-input.ts'
import { GzipInput } from './gzip-input.ts'

const MAGIC: readonly (readonly [name: string, bytes: readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b, 8]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a]],
  ['zip', [0x50, 0x4b, 3, 4]],
  ['parquet', [0x50, 0x41, 0x52, 0x31]],
  ['UTF-16', [0xff, 0xfe]],
  ['UTF-16', [0xfe, 0xff]],
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

/** @throws {ConnectorError} `UNSUPPORTED_ENCODING`, unless lines can be read from what is compressed so. */
export function refuseUnlessGzip(name: string, compression: string | undefined): void {
  if (compression === undefined || compression === 'gzip') return
  if (compression === 'parquet')
    throw new ConnectorError('UNSUPPORTED_ENCODING', `Cannot read "${name}" line by line: it is a Parquet file`, {
      hint: 'Read it with `format: parquetFormat()`.',
    })
  if (compression === 'UTF-16')
    throw new ConnectorError('UNSUPPORTED_ENCODING', `Cannot read "${name}": it is UTF-16 text`, {
      hint: 'Convert it to UTF-8 first: iconv -f UTF-16 -t UTF-8.',
    })
  throw new ConnectorError('UNSUPPORTED_ENCODING', `Cannot read "${name}": it is compressed with ${compression}; only gzip is supported`)
}

/**
 * The contents of an input whose first bytes cannot be looked at beforehand: decompressed if they are those of gzip. Waits only while what has
 * come could be the beginning of something compressed.
 */
export class SniffedInput implements ByteInput {
  readonly #raw: ByteInput
  readonly #name: string
  readonly #context: OperatorContext
  readonly #start = new Uint8Array(MAGIC_BYTES)
  /** Bytes of the start that have come, and that have been given on. */
  #length = 0
  #given = 0
  #contents: ByteInput | undefined

  constructor(raw: ByteInput, name: string, context: OperatorContext) {
    this.#raw = raw
    this.#name = name
    this.#context = context
  }

  get failure(): ConnectorError | undefined {
    return this.#contents?.failure
  }

  get isComplete(): boolean {
    return this.#contents?.isComplete === true
  }

  /** @throws {ConnectorError} `UNSUPPORTED_ENCODING` */
  read(slab: Slab, address: number, length: number): number {
    while (this.#contents === undefined) {
      const count = this.#raw.read(slab, address, Math.min(length, MAGIC_BYTES - this.#length))
      if (count === WOULD_BLOCK || count === FAILED) return count
      this.#start.set(slab.u8.subarray(address, address + count), this.#length)
      this.#length += count
      if (count === 0 || !isUndecided(this.#start.subarray(0, this.#length))) this.#contents = this.#decide()
    }
    return this.#contents.read(slab, address, length)
  }

  close(): void {
    if (this.#contents === undefined) this.#raw.close()
    else this.#contents.close()
  }

  #decide(): ByteInput {
    const compression = compressionIn(this.#start.subarray(0, this.#length))
    refuseUnlessGzip(this.#name, compression)
    const whole: ByteInput = { read: (slab, address, length) => this.#readWhole(slab, address, length), close: () => this.#raw.close() }
    return compression === 'gzip' ? new GzipInput(whole, this.#name, this.#context, 0) : whole
  }

  /** The start, then the rest. */
  #readWhole(slab: Slab, address: number, length: number): number {
    if (this.#given === this.#length) return this.#raw.read(slab, address, length)
    const count = Math.min(length, this.#length - this.#given)
    slab.u8.set(this.#start.subarray(this.#given, this.#given + count), address)
    this.#given += count
    return count
  }
}

/** Whether more bytes could make these the first of something compressed. */
function isUndecided(start: Uint8Array): boolean {
  return MAGIC.some(([, bytes]) => start.length < bytes.length && start.every((byte, index) => byte === bytes[index]))
}
