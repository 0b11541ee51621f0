// The query of a view, with all names written out.

import type { CatalogView } from './catalog.ts'
import { SqlError } from './sql-error.ts'

/** The query of a view, as Flink writes it. @throws {SqlError} `NOT_SUPPORTED` */
export function queryText({ query, text }: CatalogView): string {
  throw new SqlError('NOT_SUPPORTED', text, query.kind === 'select' ? query : { start: query.start, end: query.end }, 'Cannot write the query of a view yet')
}
