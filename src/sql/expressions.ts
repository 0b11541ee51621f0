// What planning asks of expressions: which columns they name, what they are made of, the same over other columns.

import { type LogicalType, sameType, withNullability } from '../batch/types.ts'
import type { BoundCall, BoundExpression } from './bound-expression.ts'

/** The same expression with other parts. */
export function mapParts(expression: BoundExpression, map: (part: BoundExpression) => BoundExpression): BoundExpression {
  switch (expression.kind) {
    case 'literal':
    case 'column':
      return expression
    case 'cast':
      return { ...expression, operand: map(expression.operand) }
    case 'call':
      return {
        ...expression,
        operands: expression.operands.map(map),
        clauses: expression.clauses.map((clause) => ({ ...clause, value: clause.value && map(clause.value) })),
      }
    case 'case':
      return {
        ...expression,
        branches: expression.branches.map(({ when, result }) => ({ when: map(when), result: map(result) })),
        otherwise: map(expression.otherwise),
      }
  }
}

/** The columns that an expression names. */
export function columnsOf(expression: BoundExpression, found: Set<number> = new Set()): ReadonlySet<number> {
  if (expression.kind === 'column') found.add(expression.index)
  mapParts(expression, (part) => {
    columnsOf(part, found)
    return part
  })
  return found
}

/** The same over columns that stand elsewhere. */
export function replaceColumns(
  expression: BoundExpression,
  replace: (column: BoundExpression & { readonly kind: 'column' }) => BoundExpression,
): BoundExpression {
  return expression.kind === 'column' ? replace(expression) : mapParts(expression, (part) => replaceColumns(part, replace))
}

/** The same where all columns stand so many places further. */
export function shifted(expression: BoundExpression, by: number): BoundExpression {
  return replaceColumns(expression, (column) => ({ ...column, index: column.index + by }))
}

/** What must all be TRUE for a condition to be. */
export function conjunctsOf(condition: BoundExpression | undefined): readonly BoundExpression[] {
  if (condition === undefined) return []
  if (condition.kind === 'call' && condition.name === 'AND') return condition.operands.flatMap(conjunctsOf)
  return [condition]
}

/** Both conditions. */
export function and(left: BoundExpression, right: BoundExpression): BoundExpression {
  return connected('AND', left, right)
}

/** A condition that is TRUE too where one of some values is NULL. */
export function orNull(condition: BoundExpression, values: readonly BoundExpression[]): BoundExpression {
  return values
    .filter(({ type }) => type.nullable)
    .reduce((left, value) => {
      const { start, end } = value
      const isNull: BoundExpression = { kind: 'call', name: 'IS NULL', operands: [value], clauses: [], type: { kind: 'BOOLEAN', nullable: false }, start, end }
      return connected('OR', left, isNull)
    }, condition)
}

function connected(name: string, left: BoundExpression, right: BoundExpression): BoundExpression {
  const { start, end } = left
  const type = { kind: 'BOOLEAN', nullable: left.type.nullable || right.type.nullable } as const
  return { kind: 'call', name, operands: [left, right], clauses: [], type, start, end }
}

/** Whether a function is called somewhere in an expression. */
export function hasCall(expression: BoundExpression, name: string): boolean {
  return someCall(expression, (call) => call.name === name)
}

/** Whether some call in an expression is such. */
export function someCall(expression: BoundExpression, isSuch: (call: BoundCall) => boolean): boolean {
  if (expression.kind === 'call' && isSuch(expression)) return true
  let isFound = false
  mapParts(expression, (part) => {
    isFound ||= someCall(part, isSuch)
    return part
  })
  return isFound
}

/** The same in a type that nobody has asked for; as it is if it has that type. */
export function implicitCast(expression: BoundExpression, wanted: LogicalType): BoundExpression {
  const type = withNullability(wanted, expression.type.nullable)
  if (sameType(type, expression.type)) return expression
  const { start, end } = expression
  return { kind: 'cast', operand: expression, type, isTry: false, isImplicit: true, start, end }
}
