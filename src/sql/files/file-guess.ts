// What was found out about a file that stands where a table's name does, in one line.

import { inputName } from '../../connector/file/file-listing.ts'
import type { CatalogTable } from '../catalog.ts'
import { shortTypeText } from '../type-text.ts'

/** So many columns are named. */
const SHOWN_COLUMNS_MAX = 8

/** `flights.csv: CSV, delimiter ";", with a header; id BIGINT, name STRING`. Of a file whose columns are written in itself too. */
export function fileGuessText({ path, options, columns }: CatalogTable): string {
  const shown = columns.slice(0, SHOWN_COLUMNS_MAX).map(({ name, type }) => `${name} ${shortTypeText(type)}`)
  const more = columns.length > shown.length ? `, and ${columns.length - shown.length} more` : ''
  return `${inputName(path[2])}: ${formText(options)}; ${shown.join(', ')}${more}`
}

function formText(options: CatalogTable['options']): string {
  switch (options.get('format')) {
    case 'parquet':
      return 'Parquet'
    case 'json':
      return 'JSON lines'
    default: {
      const quote = options.get('csv.quote-character')
      return [
        `CSV, delimiter ${JSON.stringify(options.get('csv.field-delimiter'))}`,
        ...(quote === undefined ? [] : [`quote ${quote}`]),
        options.get('csv.header') === 'true' ? 'with a header' : 'without a header',
        ...(options.get('csv.allow-comments') === 'true' ? ['with comments'] : []),
      ].join(', ')
    }
  }
}
