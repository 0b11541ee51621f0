// The two packages behind the Parquet format, loaded when the first Parquet file is opened: they cost 50 ms that other jobs must not pay.
// hyparquet reads the footer and page headers; decompression is Node's own where it has the codec. Pages are decoded here: assembling rows of
// JavaScript values took 60 % of a run, and a damaged run length ended the process in hyparquet.

import { createRequire } from 'node:module'
import zlib from 'node:zlib'
import type { CompressionCodec, FileMetaData, PageHeader } from 'hyparquet'
import type * as ColumnModule from 'hyparquet/src/column.js'
import type * as MetadataModule from 'hyparquet/src/metadata.js'
import type * as CompressorsModule from 'hyparquet-compressors'

/** Largest page that is decompressed: a header that claims more is taken for damage, not obeyed. */
export const PAGE_BYTES_MAX = 1 << 28

type Decompress = (input: Uint8Array, outputBytes: number) => Uint8Array

/** What the Parquet format uses of its packages. */
export interface ParquetLibrary {
  parseMetadata(footer: Uint8Array): FileMetaData
  /** Reads one page header at `reader.offset` and moves it behind. Throws if the view ends too early. */
  parsePageHeader(reader: { view: DataView; offset: number }): PageHeader
  /** Returns exactly `outputBytes` bytes. Throws if the input is damaged or the codec unknown. */
  decompress(codec: CompressionCodec, input: Uint8Array, outputBytes: number): Uint8Array
}

let library: ParquetLibrary | undefined

/** Loads the packages on first use, without a promise: `require` loads modules since Node 20.19. */
export function parquetLibrary(): ParquetLibrary {
  library ??= loadLibrary()
  return library
}

function loadLibrary(): ParquetLibrary {
  const require = createRequire(import.meta.url)
  const { parquetMetadata } = require('hyparquet/src/metadata.js') as typeof MetadataModule
  const { parquetHeader } = require('hyparquet/src/column.js') as typeof ColumnModule
  const { compressors } = require('hyparquet-compressors') as typeof CompressorsModule
  const options = (outputBytes: number): { maxOutputLength: number } => ({ maxOutputLength: Math.max(1, outputBytes) })
  const natively: Partial<Record<CompressionCodec, Decompress>> = {
    GZIP: (input, outputBytes) => zlib.gunzipSync(input, options(outputBytes)),
    BROTLI: (input, outputBytes) => zlib.brotliDecompressSync(input, options(outputBytes)),
  }
  // Node has Zstandard since 22.15.
  const zstd = (zlib as { zstdDecompressSync?: (input: Uint8Array, options: { maxOutputLength: number }) => Uint8Array }).zstdDecompressSync
  if (zstd !== undefined) natively.ZSTD = (input, outputBytes) => zstd(input, options(outputBytes))
  return {
    parseMetadata: (footer) => parquetMetadata(footer, { geoparquet: false }),
    parsePageHeader: parquetHeader,
    decompress(codec, input, outputBytes) {
      if (codec === 'UNCOMPRESSED') return input.slice()
      if (outputBytes === 0) return new Uint8Array(0)
      const decompress = natively[codec] ?? compressors[codec]
      if (decompress === undefined) throw new Error(`compression ${codec} is not supported`)
      const output = decompress(input, outputBytes)
      if (output.length !== outputBytes) throw new Error(`a page has ${output.length} bytes and its header says ${outputBytes}`)
      return output
    },
  }
}
