// Queries that stand for values, or are asked whether they have some row: where they may be part of any expression. Each becomes a join, whose columns say
// what the query has for a row.

import { type LogicalType, withNullability } from '../batch/types.ts'
import type { BoundAggregate, BoundExpression } from './bound-expression.ts'
import { decorrelated, type Decorrelated, type Domain, grouped, namesOuter, overBoth, withOuter } from './decorrelation.ts'
import type { ScopeColumn } from './expression-binder.ts'
import { and, conjunctsOf, mapParts, replaceColumns } from './expressions.ts'
import type { LogicalPlan } from './logical-plan.ts'
import { columnAt, distinct, isOneRow, project, type Rows } from './plans.ts'
import { SqlError, type Span } from './sql-error.ts'
import type { Exists, Expression, InQuery, Quantified, Query, QueryExpression } from './syntax-tree.ts'

export type SubqueryExpression = QueryExpression | Exists | InQuery | Quantified

export function isSubquery(expression: Expression): expression is SubqueryExpression {
  if (expression.kind === 'quantified') return !Array.isArray(expression.values)
  return expression.kind === 'query' || expression.kind === 'exists' || expression.kind === 'in query'
}

/** A subquery whose type is known: joined to rows once these are. */
export interface BoundSubquery extends Span {
  readonly type: LogicalType
  /** @param place Where a column of the rows around the subquery stands now. @param moved An operand that was bound before, over the columns now. */
  attach(rows: Rows, place: (column: number) => number, moved: (operand: BoundExpression) => BoundExpression): BoundExpression
}

/** What a subquery needs of what is around it. */
export interface Around {
  readonly text: string
  /** Columns that it may name. */
  readonly columns: readonly ScopeColumn[]
  query(query: Query, outer: readonly ScopeColumn[]): LogicalPlan
  operand(expression: Expression): BoundExpression
  compare(operator: string, left: BoundExpression, right: BoundExpression, span: Span): BoundExpression
}

const BIGINT: LogicalType = { kind: 'BIGINT', safeInteger: false, nullable: false }
const BOOLEAN: LogicalType = { kind: 'BOOLEAN', nullable: false }
/** What must hold of no row for a condition to hold of all. */
const OPPOSITE: Readonly<Record<string, string>> = { '=': '<>', '<>': '=', '<': '>=', '<=': '>', '>': '<=', '>=': '<' }

/** @throws {SqlError} `WRONG_COLUMN_COUNT`, `NOT_SUPPORTED` and what binding queries and operands throws. */
export function bindSubquery(expression: SubqueryExpression, around: Around): BoundSubquery {
  switch (expression.kind) {
    case 'query':
      return scalar(expression, around)
    case 'exists':
      return exists(expression, around)
    case 'in query': {
      const { query, operand, not } = expression
      return some({ query, operand, operator: '=', isNot: not, span: expression }, around)
    }
    case 'quantified': {
      const { values, operand, operator, quantifier } = expression
      const isAll = quantifier === 'ALL'
      const own = operator === '!=' ? '<>' : operator
      return some({ query: values as Query, operand, operator: isAll ? OPPOSITE[own] : own, isNot: isAll, span: expression }, around)
    }
  }
}

function spanOf({ start, end }: Span): Span {
  return { start, end }
}

function refusal(text: string, span: Span): SqlError {
  return new SqlError('NOT_SUPPORTED', text, span, 'Cannot plan this correlated subquery yet')
}

function call(name: string, operands: readonly BoundExpression[], type: LogicalType, span: Span): BoundExpression {
  return { kind: 'call', name, operands, clauses: [], type, ...spanOf(span) }
}

function literal(value: bigint | boolean | null, type: LogicalType, span: Span): BoundExpression {
  return { kind: 'literal', value, type: withNullability(type, value === null), ...spanOf(span) }
}

function aggregateOf(name: string, operands: readonly BoundExpression[], type: LogicalType, span: Span): BoundAggregate {
  return { name, operands, isDistinct: false, filter: undefined, ignoresNull: false, type, ...spanOf(span) }
}

/** The plan of a subquery whose columns around it stand at places of the rows. */
function taken(plan: LogicalPlan, rows: Rows, place: (column: number) => number, refuse: () => SqlError): Decorrelated {
  const found = decorrelated(plan, domainOf(rows, place))
  if (found === undefined) throw refuse()
  return { ...found, conditions: found.conditions.map((condition) => withOuter(condition, place)) }
}

/** The values of columns of the rows, each once. */
export function domainOf({ plan }: Pick<Rows, 'plan'>, place: (column: number) => number = (column) => column): Domain {
  return (columns) => {
    const expressions = columns.map((column) => columnAt(plan.columns[place(-1 - column)], place(-1 - column)))
    const names = expressions.map(({ type }, index) => ({ name: `$${index}`, type }))
    return distinct(project(plan, expressions, names))
  }
}

/** Joins rows with what there is for each of them, or NULLs. Returns the first column of it. @param isNeeded Leaves rows out for which there is nothing. */
function beside(rows: Rows, { plan, conditions }: Decorrelated, isNeeded = false): number {
  const width = rows.plan.columns.length
  const condition = conditions.length === 0 ? undefined : conditions.map((one) => overBoth(one, width)).reduce(and)
  const added = plan.columns.map(({ name, type }) => ({ name, type: withNullability(type, true) }))
  const columns = [...rows.plan.columns, ...added]
  rows.plan = { kind: 'join', type: isNeeded ? 'INNER' : 'LEFT', left: rows.plan, right: plan, condition, strategy: { kind: 'regular' }, columns }
  return width
}

// ---- values ----

function scalar({ query, ...span }: QueryExpression, around: Around): BoundSubquery {
  const shown = around.query(query, around.columns)
  if (shown.columns.length !== 1)
    throw new SqlError('WRONG_COLUMN_COUNT', around.text, query, `A query that stands for a value has one column, and this has ${shown.columns.length}`)
  const type = withNullability(shown.columns[0].type, true)
  const single = aggregateOf('SINGLE_VALUE', [columnAt(shown.columns[0], 0)], type, span)
  const checked: LogicalPlan = { kind: 'aggregate', input: shown, keys: [], aggregates: [single], window: undefined, columns: [{ name: 'EXPR$0', type }] }
  return {
    type,
    ...spanOf(span),
    attach(rows, place) {
      const sub = taken(isOneRow(shown) ? shown : checked, rows, place, () => refusal(around.text, query))
      const none = sub.conditions.length > 0 ? ofNothing(shown) : undefined
      if (none === undefined) return { kind: 'column', index: beside(rows, sub), type, ...spanOf(span) }
      const marked = withMark(sub.plan)
      const index = beside(rows, { ...sub, plan: marked })
      const mark: BoundExpression = { kind: 'column', index: index + marked.columns.length - 1, type: withNullability(BOOLEAN, true), ...spanOf(span) }
      const found: BoundExpression = { kind: 'column', index, type, ...spanOf(span) }
      return { kind: 'case', branches: [{ when: call('IS NULL', [mark], BOOLEAN, span), result: none }], otherwise: found, type, ...spanOf(span) }
    },
  }
}

/** A plan with a column that says that there is a row. */
function withMark(plan: LogicalPlan): LogicalPlan {
  const mark = literal(true, BOOLEAN, { start: 0, end: 0 })
  return project(plan, [...plan.columns.map(columnAt), mark], [...plan.columns, { name: '$mark', type: BOOLEAN }])
}

/** What a query over no rows says that has one row nevertheless; undefined: NULL. */
function ofNothing(plan: LogicalPlan): BoundExpression | undefined {
  if (plan.kind !== 'project' || plan.input.kind !== 'aggregate' || plan.input.keys.length > 0) return undefined
  const { aggregates } = plan.input
  const [expression] = plan.expressions
  if (expression.kind === 'column' && aggregates[expression.index]?.name !== 'COUNT') return undefined
  return replaceColumns(expression, (column) => literal(aggregates[column.index]?.name === 'COUNT' ? 0n : null, column.type, column))
}

// ---- truth ----

/** Rows of a query counted for each of the rows around it: a column for each count. */
function counts(rows: Rows, given: Decorrelated, counted: readonly (readonly BoundExpression[])[], span: Span, isNeeded = false): readonly BoundExpression[] {
  const sub = withOwnConditions(given)
  const aggregates = counted.map((operands) => aggregateOf('COUNT', operands, BIGINT, span))
  const columns = aggregates.map((_, index) => ({ name: `$count${index}`, type: BIGINT }))
  const made: Decorrelated =
    sub.conditions.length === 0
      ? { plan: { kind: 'aggregate', input: sub.plan, keys: [], aggregates, window: undefined, columns }, conditions: [] }
      : grouped(sub, { keys: [], aggregates, columns }, domainOf(rows))
  const first = beside(rows, made, isNeeded)
  return aggregates.map((_, index) => {
    const column: BoundExpression = { kind: 'column', index: first + index, type: withNullability(BIGINT, true), ...spanOf(span) }
    return call('COALESCE', [column, literal(0n, BIGINT, span)], BIGINT, span)
  })
}

/** What names nothing around a query is a filter of its rows. */
function withOwnConditions({ plan, conditions }: Decorrelated): Decorrelated {
  const own = conditions.filter((condition) => !namesOuter(condition))
  if (own.length === 0) return { plan, conditions }
  return { plan: { kind: 'filter', input: plan, condition: own.reduce(and), columns: plan.columns }, conditions: conditions.filter(namesOuter) }
}

function isAny(count: BoundExpression, span: Span): BoundExpression {
  return call('>', [count, literal(0n, BIGINT, span)], BOOLEAN, span)
}

function exists({ query, ...span }: Exists, around: Around): BoundSubquery {
  const shown = around.query(query, around.columns)
  return {
    type: BOOLEAN,
    ...spanOf(span),
    attach(rows, place) {
      if (isOneRow(shown)) return literal(true, BOOLEAN, span)
      // What is selected is no concern.
      const plan = shown.kind === 'project' ? shown.input : shown
      const sub = taken(plan, rows, place, () => refusal(around.text, query))
      return isAny(counts(rows, sub, [[]], span)[0], span)
    },
  }
}

interface Some {
  readonly query: Query
  readonly operand: Expression
  readonly operator: string
  readonly isNot: boolean
  readonly span: Span
}

/** Whether some value of a query compares to an operand; unknown where NULL could be the one. */
function some({ query, operand, operator, isNot, span }: Some, around: Around): BoundSubquery {
  const shown = around.query(query, around.columns)
  const bound = around.operand(operand)
  const operands = bound.kind === 'call' && bound.name === 'ROW' ? bound.operands : [bound]
  if (shown.columns.length !== operands.length)
    throw new SqlError('WRONG_COLUMN_COUNT', around.text, span, `The query has ${shown.columns.length} columns where ${operands.length} are compared`)
  const compared = (values: readonly BoundExpression[]): BoundExpression =>
    values.map((value, index) => around.compare(operator, value, columnAt(shown.columns[index], index), span)).reduce(and)
  const { type } = compared(operands)
  return {
    type,
    ...spanOf(span),
    attach(rows, place, moved) {
      const values = operands.map(moved)
      const sub = taken(shown, rows, place, () => refusal(around.text, span))
      const condition = compared(values.map(asOuter))
      const [matches] = counts(rows, { ...sub, conditions: [...sub.conditions, ...conjunctsOf(condition)] }, [[]], span)
      const isFound = isAny(matches, span)
      let found = isFound
      if (type.nullable) {
        const known = shown.columns.map((column, index) => columnAt(column, index))
        // Flink looks for how many there are where there is a count at all.
        const [all, complete] = counts(rows, sub, [[], known], span, sub.conditions.length === 0)
        const isNull = (value: BoundExpression): BoundExpression => call('IS NULL', [value], BOOLEAN, span)
        const unknown = [call('<>', [all, complete], BOOLEAN, span), ...values.filter((value) => value.type.nullable).map(isNull)]
        found = {
          kind: 'case',
          branches: [
            { when: isFound, result: literal(true, BOOLEAN, span) },
            { when: call('=', [all, literal(0n, BIGINT, span)], BOOLEAN, span), result: literal(false, BOOLEAN, span) },
            { when: unknown.reduce((left, right) => call('OR', [left, right], BOOLEAN, span)), result: literal(null, BOOLEAN, span) },
          ],
          otherwise: literal(false, BOOLEAN, span),
          type,
          ...spanOf(span),
        }
      }
      return isNot ? call('NOT', [found], type, span) : found
    },
  }
}

/** An expression over the rows around a subquery, as the subquery names it. */
function asOuter(expression: BoundExpression): BoundExpression {
  return expression.kind === 'column' ? { ...expression, index: -1 - expression.index } : mapParts(expression, asOuter)
}
