// Why an expression cannot be computed of a row: which part of it, of what values, and where that was written. Found out by computing it again, part by
// part, so that rows of which it can be computed cost nothing.

import { MillraceError, UserFunctionError } from '../base/errors.ts'
import { Decimal } from '../batch/types.ts'
import { isRefusal } from '../batch/variant.ts'
import type { BoundExpression } from './bound-expression.ts'
import { boundText, type ColumnNames, literalText } from './bound-text.ts'
import { CastError } from './cast-error.ts'
import { jsonOf } from './changelog-format.ts'
import { someCall } from './expressions.ts'
import type { EvaluationContext } from './functions/scalar-function.ts'
import { interpret } from './interpreter.ts'
import { located } from './sql-error.ts'
import type { Value } from './value.ts'

/** What expressions are about. */
export interface ExpressionPlace {
  /** Of their columns. */
  readonly names: ColumnNames
  /** In which their places are; undefined: in none that is known. */
  readonly text: string | undefined
}

/** So much of an expression, or of a value, is shown. */
const SHOWN_MAX = 200

/**
 * What went wrong, for an error that was thrown when an expression was computed of a row.
 *
 * @returns Undefined if it can be computed of the row, or the error says what it is about. Functions of users, which could do something else when they
 * are called again, are not: nothing is found out of what calls them.
 */
export function failureOf(
  thrown: unknown,
  expression: BoundExpression,
  row: readonly Value[],
  context: EvaluationContext,
  { names, text }: ExpressionPlace,
): UserFunctionError | undefined {
  if (thrown instanceof MillraceError || !(thrown instanceof CastError || thrown instanceof RangeError) || callsUser(expression)) return undefined
  const found = failingPart(expression, row, context)
  if (found === undefined) return undefined
  const { part, error } = found
  const given = operandsOf(part)
    .filter(({ kind }) => kind !== 'literal')
    .map((operand) => `${cut(boundText(operand, names))} = ${shown(operand, row, context)}`)
  const message = `Cannot compute ${cut(boundText(part, names))}${given.length === 0 ? '' : ` of ${given.join(', ')}`}: ${error.message}`
  // Parts that nobody has written stand nowhere.
  const isWritten = text !== undefined && part.end > part.start
  const hint = adviceOn(error)
  return new UserFunctionError('EXPRESSION_FAILED', isWritten ? located(message, text, part) : message, { cause: thrown, ...(hint !== undefined && { hint }) })
}

/** What to write so that there is a value; undefined: nothing will help. */
export function adviceOn(error: unknown): string | undefined {
  if (error instanceof CastError) return 'TRY_CAST gives NULL in its place.'
  if (error instanceof RangeError && isRefusal(error.cause)) return 'TRY_PARSE_JSON gives NULL in its place.'
  const divides = error instanceof RangeError && error.message === 'Division by zero'
  return divides ? 'A divisor of NULLIF(divisor, 0) gives NULL in its place.' : undefined
}

/** Whether an expression calls functions that users have written. */
export function callsUser(expression: BoundExpression): boolean {
  return someCall(expression, ({ user }) => user !== undefined)
}

interface Failure {
  readonly part: BoundExpression
  readonly error: Error
}

/** The innermost part that cannot be computed; undefined: all of it can. */
function failingPart(expression: BoundExpression, row: readonly Value[], context: EvaluationContext): Failure | undefined {
  try {
    interpret(expression, context)(row)
    return undefined
  } catch (error) {
    for (const part of computedParts(expression, row, context)) {
      const found = failingPart(part, row, context)
      if (found !== undefined) return found
    }
    return { part: expression, error: error as Error }
  }
}

/** The parts of an expression in the order in which they are computed, as long as all in front can be. */
function* computedParts(expression: BoundExpression, row: readonly Value[], context: EvaluationContext): Generator<BoundExpression> {
  if (expression.kind !== 'case') {
    yield* operandsOf(expression)
    return
  }
  for (const { when, result } of expression.branches) {
    yield when
    if (interpret(when, context)(row) !== true) continue
    yield result
    return
  }
  yield expression.otherwise
}

function operandsOf(expression: BoundExpression): readonly BoundExpression[] {
  if (expression.kind === 'cast') return [expression.operand]
  return expression.kind === 'call' ? expression.operands : []
}

function shown(operand: BoundExpression, row: readonly Value[], context: EvaluationContext): string {
  const { type } = operand
  const value = interpret(operand, context)(row)
  // Bytes and collections as JSON has them.
  const text = typeof value === 'object' && value !== null && !(value instanceof Decimal) ? JSON.stringify(jsonOf(value, type)) : literalText({ value, type })
  return cut(text)
}

function cut(text: string): string {
  return text.length <= SHOWN_MAX ? text : `${text.slice(0, SHOWN_MAX)}…`
}
