// Plain lines of text: one column that holds the whole line. CSV with a delimiter that text does not hold.

import { csvFormat, type CsvFormat } from './csv-format.ts'

/** Start of heading: a control character that is not text. */
const NO_DELIMITER = '\u0001'

/**
 * Lines as they are: for schemas of one STRING column.
 *
 * @example
 * fileSource({ path: 'words.txt', format: textFormat(), schema: defineSchema({ line: t.string() }) })
 */
export function textFormat(): CsvFormat {
  return csvFormat({ header: false, delimiter: NO_DELIMITER, quote: '', nullLiteral: null, lineFeedsInQuotes: false })
}
