// Binds calls with OVER: what is computed of the rows around each row. Their results are columns behind those of the rows.

import { formatType, type LogicalType, withNullability } from '../batch/types.ts'
import { boundAggregate, operandsOf } from './aggregate-calls.ts'
import type { BoundAggregate, BoundExpression } from './bound-expression.ts'
import type { ExpressionBinder } from './expression-binder.ts'
import { deviationOf, isDeviation } from './over-deviations.ts'
import { replaceColumns } from './expressions.ts'
import type { BoundFrame, BoundOver, LogicalPlan, SortKey } from './logical-plan.ts'
import { orderable } from './orderable.ts'
import type { Rows } from './plans.ts'
import { SqlError, type Span } from './sql-error.ts'
import type { Frame, FrameBound, OverCall, Select, WindowSpecification } from './syntax-tree.ts'

/** The places of results until it is known how many columns the rows have. */
const FIRST_PLACE = 1_000_000

const BIGINT: LogicalType = { kind: 'BIGINT', safeInteger: false, nullable: false }
const DOUBLE: LogicalType = { kind: 'DOUBLE', nullable: false }
const RANKS: ReadonlyMap<string, LogicalType> = new Map<string, LogicalType>([
  ['ROW_NUMBER', BIGINT],
  ['RANK', BIGINT],
  ['DENSE_RANK', BIGINT],
  ['NTILE', BIGINT],
  ['PERCENT_RANK', DOUBLE],
  ['CUME_DIST', DOUBLE],
])
const NEIGHBOURS = new Set(['LAG', 'LEAD'])

/** The calls with OVER of one SELECT. */
export class OverBinder {
  readonly #text: string
  readonly #windows: Select['windows']
  #calls: BoundOver[] = []

  constructor(text: string, windows: Select['windows']) {
    this.#text = text
    this.#windows = windows
  }

  /** The column of a call's results. @throws {SqlError} */
  bind(over: OverCall, binder: Pick<ExpressionBinder, 'bind'>): BoundExpression {
    const { call, window, ...span } = over
    const specification = this.#specification(window)
    const partition = specification.partitionBy.map((expression) => binder.bind(expression))
    const order = specification.orderBy.map(({ expression, descending, nulls }): SortKey => ({
      expression: orderable(binder.bind(expression), this.#text),
      descending,
      nullsFirst: nulls === undefined ? !descending : nulls === 'FIRST',
    }))
    // What a user has named is none of those that are known by name.
    const name = call.user === undefined ? call.name[0].text.toUpperCase() : ''
    const operands = operandsOf(this.#text, call, (operand) => binder.bind(operand))
    if (call.filter !== undefined)
      throw this.#error('AGGREGATE_CLAUSE', call, 'A call with FILTER takes no OVER', 'Write CASE WHEN ... THEN ... END into the call.')
    const computed = this.#computed(name, operands, call)
    if (isDeviation(name)) return binder.bind(deviationOf(over, computed.type))
    const bound: BoundOver = { ...computed, partition, order, frame: this.#frame(specification.frame, name, order, binder), start: span.start, end: span.end }
    const { type } = bound
    const textOf = ({ start: _start, end: _end, ...call }: BoundOver): string =>
      JSON.stringify(call, (key, value: unknown) => (key === 'start' || key === 'end' ? undefined : typeof value === 'bigint' ? `${value}n` : value))
    const known = this.#calls.findIndex((one) => textOf(one) === textOf(bound))
    const index = FIRST_PLACE + (known >= 0 ? known : this.#calls.push(bound) - 1)
    return { kind: 'column', index, type, start: span.start, end: span.end }
  }

  /** Columns that calls name have found other places. */
  move(column: (column: BoundExpression & { readonly kind: 'column' }) => BoundExpression): void {
    const moved = (expression: BoundExpression): BoundExpression => replaceColumns(expression, column)
    this.#calls = this.#calls.map((call) => ({
      ...call,
      operands: call.operands.map(moved),
      filter: call.filter && moved(call.filter),
      partition: call.partition.map(moved),
      order: call.order.map((key) => ({ ...key, expression: moved(key.expression) })),
    }))
  }

  /** Puts the results behind the columns of the rows. Returns what puts the right places into expressions that name them. */
  place(rows: Rows): (expression: BoundExpression) => BoundExpression {
    const width = rows.plan.columns.length
    if (this.#calls.length > 0) {
      const calls = this.#calls
      const added = calls.map(({ type }, index) => ({ name: `$over${index}`, type }))
      const [{ start, end }] = calls
      const origin = { text: this.#text, start, end }
      const plan: LogicalPlan = { kind: 'over', input: rows.plan, calls, columns: [...rows.plan.columns, ...added], origin }
      rows.plan = plan
    }
    return (expression) =>
      replaceColumns(expression, (column) => (column.index >= FIRST_PLACE ? { ...column, index: width + column.index - FIRST_PLACE } : column))
  }

  #computed(name: string, operands: readonly BoundExpression[], call: OverCall['call']): BoundAggregate {
    const rank = RANKS.get(name)
    if (rank === undefined && !NEIGHBOURS.has(name)) {
      if (name.startsWith('JSON_')) throw this.#error('AGGREGATE_CLAUSE', call, `${name} takes no OVER`, 'Group by the partition instead.')
      // The row itself is among those that count.
      return boundAggregate(this.#text, call, operands, undefined, true)
    }
    const types = operands.map(({ type }) => type)
    const [least, most] = rank === undefined ? [1, 3] : name === 'NTILE' ? [1, 1] : [0, 0]
    if (operands.length < least || operands.length > most)
      throw this.#error('WRONG_TYPE', call, `${name} does not take ${types.map(formatType).join(', ') || 'nothing'}`)
    // Without a default a row may have no neighbour.
    const type = rank ?? (operands.length === 3 ? withNullability(types[0], types[2].nullable) : withNullability(types[0], true))
    const { start, end } = call
    return { name, operands, isDistinct: call.quantifier === 'DISTINCT', filter: undefined, ignoresNull: call.nulls === 'IGNORE', type, start, end }
  }

  #specification(window: OverCall['window']): WindowSpecification {
    if (!('text' in window)) {
      if (window.base === undefined) return window
      const base = this.#specification(window.base)
      return { ...base, orderBy: window.orderBy.length > 0 ? window.orderBy : base.orderBy, frame: window.frame ?? base.frame }
    }
    const found = this.#windows.find(({ name }) => name.text === window.text)
    if (found === undefined) throw this.#error('UNKNOWN_WINDOW', window, `There is no window "${window.text}"`, 'Define it: WINDOW w AS (...).')
    return this.#specification(found.window)
  }

  #frame(frame: Frame | undefined, name: string, order: readonly SortKey[], binder: Pick<ExpressionBinder, 'bind'>): BoundFrame {
    // Without a frame: all up to the row and its peers; all where there is no order.
    if (frame === undefined) return { unit: name === 'ROW_NUMBER' ? 'ROWS' : 'RANGE', from: undefined, to: order.length === 0 ? undefined : 0 }
    return { unit: frame.unit, from: this.#bound(frame.from, binder), to: frame.to === undefined ? 0 : this.#bound(frame.to, binder) }
  }

  #bound(bound: FrameBound, binder: Pick<ExpressionBinder, 'bind'>): number | undefined {
    if (bound.kind === 'CURRENT ROW') return 0
    if (bound.kind === 'UNBOUNDED PRECEDING' || bound.kind === 'UNBOUNDED FOLLOWING') return undefined
    const { value } = bound as FrameBound & { readonly kind: 'PRECEDING' | 'FOLLOWING' }
    const distance = binder.bind(value)
    if (distance.kind !== 'literal' || (typeof distance.value !== 'number' && typeof distance.value !== 'bigint') || Number(distance.value) < 0)
      throw this.#error('WRONG_TYPE', value, 'A bound of a frame is a constant of 0 or more')
    return bound.kind === 'PRECEDING' ? -Number(distance.value) : Number(distance.value)
  }

  #error(code: string, span: Span, message: string, hint?: string): SqlError {
    return new SqlError(code, this.#text, span, message, hint)
  }
}
