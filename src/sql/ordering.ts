// The order of ORDER BY, as a comparison of rows.

import type { EvaluationContext } from './functions/scalar-function.ts'
import { interpret } from './interpreter.ts'
import type { SortKey } from './logical-plan.ts'
import { compareValues, type Value } from './value.ts'

/** Negative, zero or positive: of two rows. */
export type Ordering = (left: readonly Value[], right: readonly Value[]) => number

/** The order of some keys, the first one first. */
export function orderingOf(keys: readonly SortKey[], context: EvaluationContext): Ordering {
  const parts = keys.map(({ expression, descending, nullsFirst }) => ({ evaluate: interpret(expression, context), sign: descending ? -1 : 1, nullsFirst }))
  return (left, right) => {
    for (const { evaluate, sign, nullsFirst } of parts) {
      const [one, other] = [evaluate(left), evaluate(right)]
      if (one === null && other === null) continue
      if (one === null || other === null) return (one === null) === nullsFirst ? -1 : 1
      const order = compareValues(one, other) * sign
      if (order !== 0) return order
    }
    return 0
  }
}
