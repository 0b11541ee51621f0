// What rows can be ordered by.

import { formatType, withNullability } from '../batch/types.ts'
import type { BoundExpression } from './bound-expression.ts'
import { SqlError } from './sql-error.ts'

/** The same expression. @throws {SqlError} `WRONG_TYPE` if its values have no order. */
export function orderable(key: BoundExpression, text: string): BoundExpression {
  if (key.type.kind !== 'VARIANT') return key
  const hint = 'Order by a text of it, JSON_STRING(...), or by what is in it, as a number: CAST(JSON_STRING(...) AS INT).'
  throw new SqlError('WRONG_TYPE', text, key, `Values of type ${formatType(withNullability(key.type, true))} have no order`, hint)
}
