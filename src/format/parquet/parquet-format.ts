// Parquet as a format of the file source: columns by name, row groups as splits. A description.

/** Parquet files, as {@link parquetFormat} describes them. */
export interface ParquetFormat {
  readonly kind: 'parquet'
  readonly name: 'parquet'
  describe(): string
}

const PARQUET: ParquetFormat = { kind: 'parquet', name: 'parquet', describe: () => 'Parquet' }

/** Parquet: the columns that the schema names are read, in any order, and converted where that loses nothing. */
export function parquetFormat(): ParquetFormat {
  return PARQUET
}
