// Binds the expressions of a query that groups rows: what is a key, or made of aggregates and keys, is an expression of the groups.

import { formatType, type LogicalType, withNullability } from '../batch/types.ts'
import type { BoundAggregate, BoundExpression } from './bound-expression.ts'
import { ExpressionBinder, type ScopeColumn } from './expression-binder.ts'
import { AGGREGATE_FUNCTIONS } from './aggregate-types.ts'
import { SqlError, type Span } from './sql-error.ts'
import type { Call, Expression } from './syntax-tree.ts'

/** Those that there are in Flink and not here yet. */
const LATER = /^(?:APPROX_COUNT_DISTINCT|JSON_(?:OBJECT|ARRAY)AGG|PERCENTILE|SINGLE_VALUE|GROUPING(?:_ID)?|GROUP_ID|BITMAP_\w*AGG)$/

/** Whether an expression computes something of several rows. */
export function isAggregate(expression: Expression): expression is Call {
  if (expression.kind !== 'call' || (expression.syntax !== 'function' && expression.syntax !== 'special') || expression.name.length > 1) return false
  const name = expression.name[0].text.toUpperCase()
  return AGGREGATE_FUNCTIONS.has(name) || LATER.test(name)
}

/** Whether there is an aggregate somewhere in an expression, queries within it left out. */
export function hasAggregate(expression: unknown): boolean {
  if (typeof expression !== 'object' || expression === null) return false
  if (Array.isArray(expression)) return expression.some(hasAggregate)
  const node = expression as Expression
  if (node.kind === 'query' || node.kind === 'in query' || node.kind === 'exists' || node.kind === 'over') return false
  return isAggregate(node) || Object.values(node).some(hasAggregate)
}

/** The groups of one SELECT. */
export class AggregateBinder {
  readonly #text: string
  /** Of the rows that are grouped. */
  readonly #rows: ExpressionBinder
  readonly #groups: ExpressionBinder
  readonly #keys: readonly BoundExpression[]
  readonly #keyTexts: readonly string[]
  readonly #aggregates: BoundAggregate[] = []
  readonly #aggregateTexts: string[] = []

  constructor(text: string, columns: readonly ScopeColumn[], keys: readonly Expression[]) {
    this.#text = text
    this.#rows = new ExpressionBinder(text, columns)
    this.#keys = keys.map((key) => this.#rows.bind(key))
    this.#keyTexts = this.#keys.map(textOf)
    this.#groups = new ExpressionBinder(text, [], (expression) => this.#ofGroup(expression))
  }

  get keys(): readonly BoundExpression[] {
    return this.#keys
  }

  /** Those that expressions bound so far have named. */
  get aggregates(): readonly BoundAggregate[] {
    return this.#aggregates
  }

  /** An expression of a group: its columns are the keys, and behind them the aggregates. @throws {SqlError} `NOT_GROUPED` and what ExpressionBinder throws. */
  bind(expression: Expression): BoundExpression {
    return this.#groups.bind(expression)
  }

  #ofGroup(expression: Expression): BoundExpression | undefined {
    if (isAggregate(expression)) return this.#aggregate(expression)
    if (expression.kind === 'literal' || hasAggregate(expression)) return undefined
    const key = this.#keyOf(expression)
    if (key !== undefined) return key
    if (expression.kind === 'reference')
      throw new SqlError(
        'NOT_GROUPED',
        this.#text,
        expression,
        `Column "${expression.parts[expression.parts.length - 1].text}" is not one of the GROUP BY`,
        'Group by it, or aggregate it.',
      )
    return undefined
  }

  /** The key that an expression is. */
  #keyOf(expression: Expression): BoundExpression | undefined {
    if (this.#keys.length === 0) {
      // For the error of a name that there is not.
      if (expression.kind === 'reference') this.#rows.bind(expression)
      return undefined
    }
    let bound: BoundExpression
    try {
      bound = this.#rows.bind(expression)
    } catch (error) {
      if (expression.kind === 'reference' || !(error instanceof SqlError)) throw error
      // Its parts may be bound one by one.
      return undefined
    }
    const index = this.#keyTexts.indexOf(textOf(bound))
    return index < 0 ? undefined : this.#column(index, this.#keys[index].type, expression)
  }

  #aggregate(call: Call): BoundExpression {
    const [{ text: name }] = call.name
    const upper = name.toUpperCase()
    if (LATER.test(upper) || call.withinGroup !== undefined || call.nulls !== undefined || call.clauses.length > 0)
      throw new SqlError('NOT_SUPPORTED', this.#text, call, `Cannot plan this call of ${upper} yet`)
    const [only] = call.operands
    const isCountOfAll = upper === 'COUNT' && call.operands.length === 1 && only.kind === 'star'
    const operands = isCountOfAll ? [] : call.operands.map((operand) => this.#rows.bind(operand))
    const types = operands.map(({ type }) => type)
    const found = operands.length === 0 && !isCountOfAll ? undefined : AGGREGATE_FUNCTIONS.get(upper)!(types)
    // A group has a row at least, unless a filter leaves it none.
    const isNever = this.#keys.length > 0 && call.filter === undefined && types.every(({ nullable }) => !nullable)
    const type = found && (isNever ? withNullability(found, false) : found)
    if (type === undefined) throw new SqlError('WRONG_TYPE', this.#text, call, `${upper} does not take ${types.map(formatType).join(', ') || 'nothing'}`)
    if (operands.length > 1 && upper !== 'COUNT' && upper !== 'LISTAGG') throw new SqlError('WRONG_TYPE', this.#text, call, `${upper} takes one value`)
    const filter = call.filter && this.#rows.bind(call.filter)
    if (filter !== undefined && filter.type.kind !== 'BOOLEAN') throw new SqlError('WRONG_TYPE', this.#text, filter, 'FILTER takes a BOOLEAN')
    const isDistinct = call.quantifier === 'DISTINCT'
    const text = JSON.stringify([upper, operands.map(textOf), isDistinct, filter && textOf(filter)])
    let index = this.#aggregateTexts.indexOf(text)
    if (index < 0) {
      index = this.#aggregates.push({ name: upper, operands, isDistinct, filter, type, start: call.start, end: call.end }) - 1
      this.#aggregateTexts.push(text)
    }
    return this.#column(this.#keys.length + index, type, call)
  }

  #column(index: number, type: LogicalType, { start, end }: Span): BoundExpression {
    return { kind: 'column', index, type, start, end }
  }
}

/** The same for expressions that say the same, wherever they stand. */
function textOf(expression: BoundExpression): string {
  return JSON.stringify(expression, (name, value: unknown) =>
    name === 'start' || name === 'end' ? undefined : typeof value === 'bigint' ? `${value}n` : value,
  )
}
