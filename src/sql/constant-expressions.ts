// Expressions that name no column, and what Flink's planner makes of some of them before anything runs.

import { type LogicalType, withNullability } from '../batch/types.ts'
import type { BoundExpression } from './bound-expression.ts'
import { STRING } from './functions/scalar-function.ts'

/** Whether all that an expression is made of are literals. */
export function isConstant(expression: BoundExpression): boolean {
  if (expression.kind === 'call') return expression.operands.every(isConstant)
  return expression.kind === 'literal' || (expression.kind === 'cast' && isConstant(expression.operand))
}

/**
 * What is cast in place of a constant FLOAT that becomes another number: the planner knows constants by their decimal digits, so that of 0.1 no other
 * digits come to light, and of a literal not even the width of a FLOAT is left.
 */
export function exactOperand(operand: BoundExpression, to: LogicalType): BoundExpression {
  if (operand.type.kind !== 'FLOAT' || !isConstant(operand)) return operand
  if (operand.kind === 'cast' && operand.operand.kind === 'literal' && typeof operand.operand.value !== 'string') return operand.operand
  if (to.kind !== 'DOUBLE' && to.kind !== 'DECIMAL') return operand
  const { start, end, type } = operand
  return { kind: 'cast', operand, isTry: false, isImplicit: true, type: withNullability(STRING, type.nullable), start, end }
}
