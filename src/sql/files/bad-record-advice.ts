// What to do about a record that cannot be read, in words of SQL: those of the source are of the program's API.

import { BadRecordError } from '../../base/errors.ts'
import type { CatalogTable } from '../catalog.ts'
import { TYPED_RECORDS } from './csv-columns.ts'

/**
 * The error with other advice; other errors as they are.
 *
 * @param files Those that the statement has named in the place of tables.
 */
export function withSqlAdvice(error: unknown, files: readonly CatalogTable[]): unknown {
  if (!(error instanceof BadRecordError) || error.hint?.includes('onBadRecord') !== true) return error
  const { code, message, position } = error
  const [file] = files
  const hint = /: expected UTF-8 text, found other bytes/.test(message)
    ? 'The file is not UTF-8: convert it first, iconv -f LATIN1 -t UTF-8 for one from western Europe.'
    : /: the line is longer than /.test(message)
      ? 'SQL reads no longer lines; fileSource has the option lineBytesMax. A quote that is not closed makes lines long, too.'
      : file === undefined
        ? "Correct the data or the column's type; the option 'json.ignore-parse-errors' or 'csv.ignore-parse-errors' = 'true' has such fields be NULL."
        : `Columns and types are those of the first ${TYPED_RECORDS} records. SHOW CREATE TABLE '${file.path[2]}' prints the statement to change: with another type, or '${file.options.get('format')!}.ignore-parse-errors' = 'true', which has such fields be NULL.`
  return new BadRecordError(code, message, { cause: error.cause, hint, ...(position && { position }) })
}
