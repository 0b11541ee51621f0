// Binds the expressions of a query that groups rows: what is a key, or made of aggregates and keys, is an expression of the groups.

import { type LogicalType, withNullability } from '../batch/types.ts'
import { type BoundAggregate, type BoundExpression, textOf } from './bound-expression.ts'
import { boundAggregate, isAggregateName, operandsOf } from './aggregate-calls.ts'
import { ExpressionBinder, type ScopeColumn } from './expression-binder.ts'
import { SqlError, type Span } from './sql-error.ts'
import type { Call, Expression } from './syntax-tree.ts'

const GROUPING = /^(?:GROUPING(?:_ID)?|GROUP_ID)$/i

/** Whether an expression computes something of several rows. */
export function isAggregate(expression: Expression): expression is Call {
  if (expression.kind === 'call' && expression.user !== undefined) return expression.user().definition.kind === 'aggregate'
  if (expression.kind !== 'call' || (expression.syntax !== 'function' && expression.syntax !== 'special') || expression.name.length > 1) return false
  return isAggregateName(expression.name[0].text.toUpperCase())
}

/** Whether there is an aggregate somewhere in an expression, queries within it left out. */
export function hasAggregate(expression: unknown): boolean {
  if (typeof expression !== 'object' || expression === null) return false
  if (Array.isArray(expression)) return expression.some(hasAggregate)
  const node = expression as Expression
  if (node.kind === 'query' || node.kind === 'exists' || node.kind === 'over') return false
  if (node.kind === 'in query') return hasAggregate(node.operand)
  return isAggregate(node) || Object.values(node).some(hasAggregate)
}

/** What a SELECT says of its groups beside the keys. */
export interface Grouping {
  /** Columns around a subquery. */
  readonly outer: readonly ScopeColumn[]
  /** Whether a key is NULL in some grouping set, by key. */
  readonly isLeftOut: readonly boolean[]
  /** Whether there may be a group without rows. */
  readonly isGlobal: boolean
  /** Columns of windows, which stand behind the keys. */
  readonly windowKeyCount: number
  /** Asked first for each expression. */
  replace(expression: Expression, groups: Pick<ExpressionBinder, 'bind'>): BoundExpression | undefined
  /** GROUPING of some keys, by their places. */
  grouping(keys: readonly number[]): BoundExpression
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
  #notGrouped: SqlError | undefined

  readonly #grouping: Grouping
  /** How many columns of groups stand in front of the aggregates. */
  readonly #keyCount: number

  constructor(text: string, columns: readonly ScopeColumn[], keys: readonly Expression[], grouping: Grouping) {
    this.#text = text
    this.#grouping = grouping
    this.#rows = new ExpressionBinder(text, columns, undefined, grouping.outer)
    this.#keys = keys.map((key) => this.#rows.bind(key))
    this.#keyTexts = this.#keys.map(textOf)
    this.#keyCount = keys.length + grouping.windowKeyCount
    this.#groups = new ExpressionBinder(text, [], (expression) => this.#ofGroup(expression), grouping.outer)
  }

  get keys(): readonly BoundExpression[] {
    return this.#keys
  }

  /** Those that expressions bound so far have named. */
  get aggregates(): readonly BoundAggregate[] {
    return this.#aggregates
  }

  /** An expression of a group: its columns are the keys, and behind them the aggregates. @throws {SqlError} what ExpressionBinder throws. */
  bind(expression: Expression): BoundExpression {
    try {
      return this.#groups.bind(expression)
    } catch (error) {
      // What is only not there yet is told last.
      if (error instanceof SqlError && error.code === 'NOT_SUPPORTED') this.checkGrouped()
      throw error
    }
  }

  /** Once all expressions are bound. @throws {SqlError} `NOT_GROUPED` if one names a column that is no key. */
  checkGrouped(): void {
    if (this.#notGrouped !== undefined) throw this.#notGrouped
  }

  #ofGroup(expression: Expression): BoundExpression | undefined {
    const replaced = this.#grouping.replace(expression, this)
    if (replaced !== undefined) return replaced
    if (expression.kind === 'call' && expression.name.length === 1 && GROUPING.test(expression.name[0].text)) return this.#groupingOf(expression)
    if (isAggregate(expression)) return this.#aggregate(expression)
    if (expression.kind === 'literal' || hasAggregate(expression)) return undefined
    const key = this.#keyOf(expression)
    if (key !== undefined) return key
    if (expression.kind !== 'reference') return undefined
    // A name that there is not is told first, wherever it stands: {@link checkGrouped} tells this.
    const column = this.#rows.bind(expression)
    this.#notGrouped ??= new SqlError(
      'NOT_GROUPED',
      this.#text,
      expression,
      `Column "${expression.parts[expression.parts.length - 1].text}" is not one of the GROUP BY`,
      'Group by it, or aggregate it.',
    )
    return column
  }

  /** The key that an expression is. */
  #keyOf(expression: Expression): BoundExpression | undefined {
    if (this.#keys.length === 0) return undefined
    let bound: BoundExpression
    try {
      bound = this.#rows.bind(expression)
    } catch (error) {
      if (expression.kind === 'reference' || !(error instanceof SqlError)) throw error
      // Its parts may be bound one by one.
      return undefined
    }
    const index = this.#keyTexts.indexOf(textOf(bound))
    if (index < 0) return undefined
    const { type } = this.#keys[index]
    return this.#column(index, this.#grouping.isLeftOut[index] ? withNullability(type, true) : type, expression)
  }

  #groupingOf(call: Call): BoundExpression {
    const places = call.operands.map((operand) => {
      const index = this.#keyTexts.indexOf(textOf(this.#rows.bind(operand)))
      if (index < 0) throw new SqlError('NOT_GROUPED', this.#text, operand, 'GROUPING takes what stands in GROUP BY')
      return index
    })
    return this.#grouping.grouping(places)
  }

  #aggregate(call: Call): BoundExpression {
    const nested = call.operands.find(hasAggregate)
    if (nested !== undefined)
      throw new SqlError('NESTED_AGGREGATE', this.#text, nested, 'An aggregate cannot be of aggregates', 'Aggregate in a subquery first.')
    const operands = operandsOf(this.#text, call, (operand) => this.#rows.bind(operand))
    const filter = call.filter && this.#rows.bind(call.filter)
    // A group has a row at least, unless a filter leaves it none.
    const plain = boundAggregate(this.#text, call, operands, filter, !this.#grouping.isGlobal)
    const bound = plain.name === 'APPROX_COUNT_DISTINCT' ? { ...plain, isDistinct: true } : plain
    const { name, isDistinct, ignoresNull, user } = bound
    const text = JSON.stringify([name, bound.operands.map(textOf), isDistinct, ignoresNull, filter && textOf(filter), user])
    let index = user?.isDeterministic === false ? -1 : this.#aggregateTexts.indexOf(text)
    if (index < 0) {
      index = this.#aggregates.push(bound) - 1
      this.#aggregateTexts.push(text)
    }
    return this.#column(this.#keyCount + index, bound.type, call)
  }

  #column(index: number, type: LogicalType, { start, end }: Span): BoundExpression {
    return { kind: 'column', index, type, start, end }
  }
}
