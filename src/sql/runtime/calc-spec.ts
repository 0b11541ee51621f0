// A filter and a projection, as the operators that do them have it, and what they say where they cannot.

import type { BoundExpression } from '../bound-expression.ts'
import { callsUser, type ExpressionPlace, failureOf } from '../expression-failure.ts'
import type { EvaluationContext } from '../functions/scalar-function.ts'
import { interpret } from '../interpreter.ts'
import type { Value } from '../value.ts'

export interface CalcSpec {
  /** Rows for which it is TRUE pass; undefined: all do. */
  readonly condition: BoundExpression | undefined
  /** Undefined: the columns of the input. */
  readonly expressions: readonly BoundExpression[] | undefined
  /** Said in errors. */
  readonly places: { readonly condition: ExpressionPlace; readonly expressions: ExpressionPlace }
}

/** What went wrong with a row; undefined: nothing, or nobody knows. @param thrown What was thrown when it, or others beside it, were computed. */
export function calcFailure(
  thrown: unknown,
  { condition, expressions = [], places }: CalcSpec,
  row: readonly Value[],
  context: EvaluationContext,
): Error | undefined {
  if (condition !== undefined) {
    const found = failureOf(thrown, condition, row, context, places.condition)
    if (found !== undefined) return found
    if (callsUser(condition) || interpret(condition, context)(row) !== true) return undefined
  }
  for (const expression of expressions) {
    const found = failureOf(thrown, expression, row, context, places.expressions)
    if (found !== undefined) return found
  }
  return undefined
}
