// About how many rows a table has: good enough to tell a large one from a small one.

import { listFiles } from '../../connector/file/file-listing.ts'
import type { CatalogTable } from '../catalog.ts'

/** Bytes of a row as they lie in files. */
const ROW_BYTES = 100
const PARQUET_ROW_BYTES = 20
/** What compression makes of them. */
const COMPRESSED_SHARE = 0.2

/** About how many rows a table has; undefined if its options do not say, or its files cannot be looked at. */
export function tableRows({ options }: CatalogTable): number | undefined {
  switch (options.get('connector')) {
    case 'filesystem':
      return rowsOfFiles(options.get('path'), options.get('format') === 'parquet' ? PARQUET_ROW_BYTES : ROW_BYTES)
    case 'datagen':
      return countIn(options.get('number-of-rows'))
    case 'nexmark':
      return countIn(options.get('events.num'))
    default:
      return undefined
  }
}

/** Without a number, or with 0 for Nexmark's, rows never end. */
function countIn(text: string | undefined): number | undefined {
  const count = Number(text)
  return count > 0 ? count : undefined
}

function rowsOfFiles(path: string | undefined, rowBytes: number): number | undefined {
  if (path === undefined) return undefined
  try {
    const files = listFiles([path.replace(/^file:\/\//, '')])
    return files.reduce((rows, file) => rows + file.size / (file.path.endsWith('.gz') ? rowBytes * COMPRESSED_SHARE : rowBytes), 0)
  } catch {
    // Whoever reads the table says what is wrong with its path.
    return undefined
  }
}
