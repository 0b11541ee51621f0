// Expressions by tree walking: what stands in where code may not be generated, and the oracle of code that is. Each node is turned into a function of
// the row once. Three-valued: null is NULL, or UNKNOWN.

import { PlanError } from '../base/errors.ts'
import { Decimal, formatType } from '../batch/types.ts'
import type { BoundCall, BoundCast, BoundExpression } from './bound-expression.ts'
import { CastError, castOf } from './casts.ts'
import { scalarCodeOf } from './functions/functions.ts'
import type { EvaluationContext } from './functions/scalar-function.ts'
import type { Value } from './value.ts'

/** Computes an expression of a row. Throws {@link CastError} and RangeError for values that end the job. */
export type Evaluate = (row: readonly Value[]) => Value

/** Makes an expression a function of the row. @throws {PlanError} `NOT_SUPPORTED` */
export function interpret(expression: BoundExpression, context: EvaluationContext): Evaluate {
  switch (expression.kind) {
    case 'literal': {
      const { value } = expression
      return () => value
    }
    case 'column': {
      const { index } = expression
      return (row) => row[index]
    }
    case 'cast':
      return interpretCast(expression, context)
    case 'case': {
      const branches = expression.branches.map(({ when, result }) => ({ when: interpret(when, context), result: interpret(result, context) }))
      const otherwise = interpret(expression.otherwise, context)
      return (row) => {
        for (const { when, result } of branches) if (when(row) === true) return result(row)
        return otherwise(row)
      }
    }
    case 'call':
      return interpretCall(expression, context)
  }
}

/** The same for a column of rows: the digits of a DECIMAL then stand at the scale of its type, whatever scale they were computed at. */
export function interpretColumn(expression: BoundExpression, context: EvaluationContext): Evaluate {
  const evaluate = interpret(expression, context)
  if (expression.type.kind !== 'DECIMAL') return evaluate
  const { scale } = expression.type
  return (row) => {
    const value = evaluate(row)
    return value instanceof Decimal && value.scale !== scale ? new Decimal(value.unscaled, scale) : value
  }
}

function interpretCast({ operand, type, isTry }: BoundCast, context: EvaluationContext): Evaluate {
  if (operand.kind === 'literal' && operand.value === null) return () => null
  const evaluate = interpret(operand, context)
  const cast = castOf(operand.type, type, context)
  if (cast === undefined) throw new PlanError('NOT_SUPPORTED', `Cannot cast ${formatType(operand.type)} to ${formatType(type)} yet`)
  return (row) => {
    const value = evaluate(row)
    if (value === null) return null
    try {
      return cast(value)
    } catch (error) {
      if (isTry && error instanceof CastError) return null
      throw error
    }
  }
}

function interpretCall(call: BoundCall, context: EvaluationContext): Evaluate {
  const operands = call.operands.map((operand) => interpret(operand, context))
  if (call.name === 'AND' || call.name === 'OR') return connective(call.name === 'OR', operands)
  if (call.name === 'COALESCE' || call.name === 'IFNULL')
    return (row) => {
      for (const operand of operands) {
        const value = operand(row)
        if (value !== null) return value
      }
      return null
    }
  const scalar = scalarCodeOf(call)
  const code = scalar?.make(call, context)
  if (code === undefined) throw new PlanError('NOT_SUPPORTED', `Cannot compute ${call.name} yet`)
  const isStrict = scalar!.isStrict !== false
  const [first, second] = operands
  if (operands.length === 1)
    return (row) => {
      const value = first(row)
      return isStrict && value === null ? null : code(value)
    }
  if (operands.length === 2)
    return (row) => {
      const left = first(row)
      if (isStrict && left === null) return null
      const right = second(row)
      return isStrict && right === null ? null : code(left, right)
    }
  return (row) => {
    const values: Value[] = []
    for (const operand of operands) {
      const value = operand(row)
      if (isStrict && value === null) return null
      values.push(value)
    }
    return code(...values)
  }
}

/** AND and OR: one operand of `deciding` decides, whatever the other is; else one that is NULL makes it NULL. */
function connective(deciding: boolean, [left, right]: readonly Evaluate[]): Evaluate {
  return (row) => {
    const one = left(row)
    if (one === deciding) return deciding
    const other = right(row)
    return other === deciding ? deciding : one === null || other === null ? null : !deciding
  }
}
