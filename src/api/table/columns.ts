// What callbacks of the Table API are given for a table: an object with an expression for each column.

import { PlanError } from '../../base/errors.ts'
import { suggest } from '../../base/suggest.ts'
import type { Field } from '../../batch/types.ts'
import { Expression, ExpressionScope, isValue, OrderExpression } from './expression.ts'
import type { Columns } from './expression-types.ts'

/**
 * The columns of a table as members of an object. Another member is an error that names the nearest.
 *
 * @param table What they are named with in the query, where that has to be said.
 * @param further Expressions that have names of their own.
 */
export function columnsOf<R>(
  fields: readonly Field[],
  scope: ExpressionScope,
  table: string | undefined,
  further: ReadonlyMap<string, Expression> = new Map(),
): Columns<R> {
  const target = Object.create(null) as Record<string, Expression>
  for (const { name, type } of fields)
    Object.defineProperty(target, name, {
      enumerable: true,
      configurable: true,
      // A condition that is looked at as a value is found out: it is made anew each time.
      get: () => new Expression((text) => text.column(name, table), [], { scope, isCondition: type.kind === 'BOOLEAN' }),
    })
  for (const [name, expression] of further) Object.defineProperty(target, name, { enumerable: true, configurable: true, value: expression })
  return new Proxy(target, {
    get(own, name) {
      if (typeof name === 'symbol' || name in own) return own[name as string]
      // Asked by promises, and by those who print.
      if (name === 'then' || name === 'toJSON') return undefined
      const near = suggest(name, Object.keys(own))
      throw new PlanError('UNKNOWN_COLUMN', `There is no column "${name}" in the table`, {
        hint: near === undefined ? `It has ${Object.keys(own).join(', ')}.` : `Did you mean ${near}?`,
      })
    },
  }) as unknown as Columns<R>
}

/** Calls a function of the program with columns. @throws {PlanError} `EXPRESSION_UNUSED`, and what it throws */
export function called<Result>(method: string, given: (scope: ExpressionScope) => Result): Result {
  const scope = new ExpressionScope()
  const result = given(scope)
  if (typeof result === 'object' && result !== null && !(result instanceof Expression)) for (const one of Object.values(result)) used(one, scope)
  else used(result, scope)
  scope.end(method)
  return result
}

function used(result: unknown, scope: ExpressionScope): void {
  scope.use(result instanceof OrderExpression ? result.expression : result)
}

/** The condition that a function of the program returned. @throws {PlanError} `WRONG_EXPRESSION` */
export function conditionOf(result: unknown, method: string): Expression {
  if (result instanceof Expression) return result
  throw new PlanError(
    'WRONG_EXPRESSION',
    `Cannot plan ${method}(): its function returned ${describe(result)}, and a condition is an expression of the columns`,
    {
      hint: 'Compare columns with their methods, as in (bid) => bid.price.gt(100): ===, ! and && give values of JavaScript.',
    },
  )
}

/** The named expressions that a function of the program returned. @throws {PlanError} `WRONG_EXPRESSION` */
export function selectionOf(result: unknown, method: string): readonly (readonly [name: string, expression: unknown])[] {
  if (typeof result !== 'object' || result === null || Array.isArray(result) || result instanceof Expression)
    throw new PlanError('WRONG_EXPRESSION', `Cannot plan ${method}(): its function returned ${describe(result)}, and it names each column`, {
      hint: 'Return an object: (bid) => ({ auction: bid.auction, cents: bid.price.times(100) }).',
    })
  const entries = Object.entries(result)
  if (entries.length === 0) throw new PlanError('WRONG_EXPRESSION', `Cannot plan ${method}(): its function returned an object without columns`)
  for (const [name, value] of entries)
    if (value === undefined || !(value instanceof Expression || isValue(value)))
      throw new PlanError('WRONG_EXPRESSION', `Cannot plan ${method}(): column "${name}" is ${describe(value)}, which is no expression and no value`)
  return entries
}

/** The expressions that a function of the program returned: one, or a list. @throws {PlanError} `WRONG_EXPRESSION` */
export function expressionsOf<One extends Expression | OrderExpression>(result: unknown, method: string): readonly One[] {
  const list: readonly unknown[] = Array.isArray(result) ? result : [result]
  for (const one of list)
    if (!(one instanceof Expression || one instanceof OrderExpression))
      throw new PlanError('WRONG_EXPRESSION', `Cannot plan ${method}(): its function returned ${describe(one)}, and it takes expressions of the columns`)
  return list as readonly One[]
}

/** @throws {PlanError} `WRONG_EXPRESSION` if it is something else. */
export function expressionOf(value: unknown, method: string): Expression {
  return expressionsOf<Expression>(value, method)[0]
}

function describe(value: unknown): string {
  if (value === null || value === undefined || typeof value === 'boolean' || typeof value === 'number') return String(value)
  if (value instanceof Expression) return 'one expression'
  return Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
