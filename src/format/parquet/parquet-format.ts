// Parquet as a format of files: columns by name, row groups as splits; and how files are written. A description.

import { PlanError } from '../../base/errors.ts'
import { type OptionKeys, refuseUnknownOptions } from '../../base/option-keys.ts'
import type { Schema } from '../../batch/types.ts'
import { parquetElements } from './parquet-elements.ts'

/** How pages are compressed where files are written. */
export type ParquetCompression = 'UNCOMPRESSED' | 'SNAPPY' | 'GZIP' | 'BROTLI'

export const PARQUET_COMPRESSIONS: readonly ParquetCompression[] = ['UNCOMPRESSED', 'SNAPPY', 'GZIP', 'BROTLI']

/** How Parquet files are written. */
export interface ParquetOptions {
  /** @default 'SNAPPY' */
  readonly compression?: ParquetCompression
}

const KEYS: OptionKeys<ParquetOptions> = { compression: true }

/** Parquet files, as {@link parquetFormat} describes them. */
export interface ParquetFormat {
  readonly kind: 'parquet'
  readonly name: 'parquet'
  readonly compression: ParquetCompression
  describe(): string
  /** @throws {PlanError} `UNSUPPORTED_TYPE` for columns that are not written. */
  check(schema: Schema): void
}

/**
 * Parquet. Of files that are read the columns that the schema names are taken, in any order, and converted where that loses nothing. Written are all types
 * but `any`: times of a day with milliseconds, timestamps as 64-bit integers with milli-, micro- or nanoseconds, as their precision asks; intervals are
 * refused.
 *
 * @throws {PlanError} `INVALID_OPTION`
 */
export function parquetFormat(options: ParquetOptions = {}): ParquetFormat {
  refuseUnknownOptions('make a Parquet format', options, KEYS)
  const { compression = 'SNAPPY' } = options
  if (!PARQUET_COMPRESSIONS.includes(compression))
    throw new PlanError('INVALID_OPTION', `Cannot make a Parquet format: compression is ${JSON.stringify(compression)}`, {
      hint: `It is one of ${PARQUET_COMPRESSIONS.join(', ')}.`,
    })
  return {
    kind: 'parquet',
    name: 'parquet',
    compression,
    describe: () => 'Parquet',
    check: (schema) => void parquetElements(schema),
  }
}
