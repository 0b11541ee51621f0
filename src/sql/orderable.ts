// What rows can be ordered by.

import { formatType, withNullability } from '../batch/types.ts'
import type { BoundExpression } from './bound-expression.ts'
import { SqlError } from './sql-error.ts'

/** What to do instead, of types whose values have no order. */
const HINTS: Readonly<Record<string, string>> = {
  BITMAP: 'Order by how many values there are, BITMAP_CARDINALITY(...), or by a text of them, BITMAP_TO_STRING(...).',
  VARIANT: 'Order by a text of it, JSON_STRING(...), or by what is in it, as a number: CAST(JSON_STRING(...) AS INT).',
}

/** The same expression. @throws {SqlError} `WRONG_TYPE` if its values have no order. */
export function orderable(key: BoundExpression, text: string): BoundExpression {
  const hint = HINTS[key.type.kind]
  if (hint === undefined) return key
  throw new SqlError('WRONG_TYPE', text, key, `Values of type ${formatType(withNullability(key.type, true))} have no order`, hint)
}
