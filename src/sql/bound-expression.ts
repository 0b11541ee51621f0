// Expressions whose names were looked up and whose types are known: what the binder makes and what is planned, interpreted and compiled.

import type { Decimal, LogicalType } from '../batch/types.ts'
import type { Span } from './sql-error.ts'
import type { UserCall } from './user-function-calls.ts'

/** A value as expressions compute with it (value.ts). */
export type LiteralValue = null | boolean | number | bigint | string | Decimal | Uint8Array

/** An expression of some columns. Its span is where it stands in the text. */
export type BoundExpression = BoundLiteral | BoundColumn | BoundCall | BoundCast | BoundCase

interface Typed extends Span {
  readonly type: LogicalType
}

export interface BoundLiteral extends Typed {
  readonly kind: 'literal'
  readonly value: LiteralValue
}

/** A column of the input, by its place. */
export interface BoundColumn extends Typed {
  readonly kind: 'column'
  readonly index: number
}

/** An operator or function. */
export interface BoundCall extends Typed {
  readonly kind: 'call'
  /** In upper case: `+`, `AND`, `IS NULL`, `UPPER`. */
  readonly name: string
  /** Words of the function's grammar among them are texts: `YEAR`, `BOTH`. */
  readonly operands: readonly BoundExpression[]
  /** What stands behind the operands: `NULL ON EMPTY`, `DEFAULT 1 ON ERROR`, `RETURNING INT`. */
  readonly clauses: readonly BoundClause[]
  /** Of a function that a user has written. */
  readonly user?: UserCall
}

/** Part of a call with a grammar of its own. */
export interface BoundClause {
  readonly words: string
  /** `RETURNING`. */
  readonly type: LogicalType | undefined
  /** `DEFAULT`. */
  readonly value: BoundExpression | undefined
}

export interface BoundCast extends Typed {
  readonly kind: 'cast'
  readonly operand: BoundExpression
  /** Whether a value that cannot be cast is NULL. */
  readonly isTry: boolean
  /** Whether nobody has asked for it: two types had to meet. */
  readonly isImplicit: boolean
}

/** The result of the first branch whose condition is TRUE. All results have the expression's type. */
export interface BoundCase extends Typed {
  readonly kind: 'case'
  readonly branches: readonly { readonly when: BoundExpression; readonly result: BoundExpression }[]
  readonly otherwise: BoundExpression
}

/** What is computed of the rows of a group. */
export interface BoundAggregate extends Typed {
  /** In upper case. */
  readonly name: string
  /** None: COUNT(*). */
  readonly operands: readonly BoundExpression[]
  /** Whether of equal values one counts. */
  readonly isDistinct: boolean
  /** The rows for which it is TRUE count. */
  readonly filter: BoundExpression | undefined
  /** Whether `IGNORE NULLS` was said. */
  readonly ignoresNull: boolean
  /** Of a function that a user has written. */
  readonly user?: UserCall
}

/** The same for expressions that say the same, wherever they stand. */
export function textOf(expression: BoundExpression): string {
  return JSON.stringify(expression, (name, value: unknown) =>
    name === 'start' || name === 'end' ? undefined : typeof value === 'bigint' ? `${value}n` : value,
  )
}
