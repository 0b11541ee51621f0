// In which order inner joins are done. All orders give the same rows; they differ in how many rows are made on the way, and are kept.

import { assert } from '../base/assert.ts'
import type { BoundExpression } from './bound-expression.ts'
import type { CatalogTable } from './catalog.ts'
import { and, columnsOf, conjunctsOf, replaceColumns, shifted } from './expressions.ts'
import type { JoinPlan, LogicalPlan } from './logical-plan.ts'
import { columnAt, isOneRow, mapInputs, project, uniqueKeyOf } from './plans.ts'

/** So many inputs have all their orders compared: the work doubles with each. */
const INPUTS_MAX = 12
/** Rows of a table that nothing is known of. */
const USUAL_ROWS = 1e6
/** The share of rows that a condition leaves: of an equality, and of another one. */
const EQUAL_SHARE = 0.1
const OTHER_SHARE = 0.3
/** The share of rows that are left of groups, and of the first rows of partitions. */
const GROUP_SHARE = 0.1
/** Costs are sums of estimates: what is cheaper by less is not. */
const LEAST_GAIN = 0.99

/** How many rows a table has, if that is known. */
export type TableRows = (table: CatalogTable) => number | undefined

/**
 * A plan whose inner joins without bounds make as few rows on their way as can be foreseen: at least, rows are not paired with all others where a
 * condition could pair them with some.
 *
 * @param rowsOf Undefined: whatever their sizes are, inputs stay in the order in which they are written, unless all pairs of two would be made.
 */
export function withOrderedJoins(plan: LogicalPlan, rowsOf: TableRows | undefined): LogicalPlan {
  if (!isPlainJoin(plan)) return mapInputs(plan, (input) => withOrderedJoins(input, rowsOf))
  const chain = new Chain(plan, rowsOf)
  return chain.ordered(plan, new Map(chain.inputs.map((input) => [input, withOrderedJoins(input, rowsOf)])))
}

/** Whether a join's inputs may stand in any order: nobody names it, nothing of it depends on time. */
function isPlainJoin(plan: LogicalPlan): plan is JoinPlan {
  return plan.kind === 'join' && plan.type === 'INNER' && plan.strategy.kind === 'regular' && plan.ttl === undefined && plan.view === undefined
}

/** A set of inputs, a bit for each. */
type Inputs = number

interface Conjunct {
  /** Over the columns of all inputs. */
  readonly condition: BoundExpression
  readonly inputs: Inputs
  /** Of an equality what is compared: the inputs of each side, and how many values there may be. */
  readonly sides: readonly [Inputs, Inputs] | undefined
  readonly values: number
}

interface Order {
  readonly inputs: readonly number[]
  /** The rows of all joins. */
  readonly cost: number
  /** The rows of the last one. */
  readonly rows: number
}

/** Joins that are inputs of each other, taken apart. */
class Chain {
  readonly inputs: LogicalPlan[] = []
  readonly #offsets: number[] = []
  readonly #conditions: BoundExpression[] = []
  readonly #rowsOf: TableRows | undefined
  /** Of {@link #estimate}. */
  #conjuncts: readonly Conjunct[] = []
  #rows: readonly number[] = []
  #width = 0

  constructor(plan: JoinPlan, rowsOf: TableRows | undefined) {
    this.#rowsOf = rowsOf && remembering(rowsOf)
    this.#collect(plan)
  }

  /** Looks at the sizes of tables, which may have to be asked for. */
  #estimate(): void {
    this.#rows = this.inputs.map((input) => estimatedRows(input, this.#rowsOf))
    this.#conjuncts = this.#conditions.map((condition) => this.#conjunctOf(condition))
  }

  #collect(plan: LogicalPlan): void {
    if (!isPlainJoin(plan)) {
      this.inputs.push(plan)
      this.#offsets.push(this.#width)
      this.#width += plan.columns.length
      return
    }
    const offset = this.#width
    this.#collect(plan.left)
    this.#collect(plan.right)
    for (const conjunct of conjunctsOf(plan.condition)) this.#conditions.push(shifted(conjunct, offset))
  }

  #inputOf(column: number): number {
    return this.#offsets.findLastIndex((offset) => offset <= column)
  }

  #inputsOf(expression: BoundExpression): Inputs {
    let inputs = 0
    for (const column of columnsOf(expression)) inputs |= 1 << this.#inputOf(column)
    return inputs
  }

  #conjunctOf(condition: BoundExpression): Conjunct {
    const inputs = this.#inputsOf(condition)
    if (condition.kind === 'call' && (condition.name === '=' || condition.name === 'IS NOT DISTINCT FROM')) {
      const [one, other] = condition.operands.map((operand) => this.#inputsOf(operand))
      if (one !== 0 && other !== 0 && (one & other) === 0) return { condition, inputs, sides: [one, other], values: this.#valuesOf(condition.operands) }
    }
    return { condition, inputs, sides: undefined, values: 1 }
  }

  /** How many values the sides of an equality have: as many as rows that one of them tells apart, or as the smaller relation has. */
  #valuesOf(operands: readonly BoundExpression[]): number {
    const counts = operands.map((operand) => {
      const input = this.#inputOf(Math.max(...columnsOf(operand)))
      const plan = this.inputs[input]
      const unique = operand.kind === 'column' ? uniqueKeyOf(plan) : undefined
      const isUnique = unique?.length === 1 && unique[0] === (operand as { readonly index: number }).index - this.#offsets[input]
      return { isUnique, rows: estimatedRows(unfiltered(plan), this.#rowsOf) }
    })
    const unique = counts.filter(({ isUnique }) => isUnique)
    return Math.max(1, Math.min(...(unique.length > 0 ? unique : counts).map(({ rows }) => rows)))
  }

  /** The join of a set of inputs with further ones, of which there are that many rows. */
  #joinedRows(left: Inputs, leftRows: number, right: Inputs, rightRows: number): number {
    const pairs = leftRows * rightRows
    const isBetween = ([one, other]: readonly [Inputs, Inputs]): boolean =>
      ((one & ~left) === 0 && (other & ~right) === 0) || ((one & ~right) === 0 && (other & ~left) === 0)
    const values = this.#conjuncts.flatMap((conjunct) => (conjunct.sides !== undefined && isBetween(conjunct.sides) ? [conjunct.values] : []))
    return values.length === 0 ? pairs : pairs / Math.max(...values)
  }

  /** What joins cost as they are written. @param first The number of their first input. */
  #written(plan: LogicalPlan, first: number): { readonly inputs: Inputs; readonly rows: number; readonly cost: number } {
    if (!isPlainJoin(plan)) return { inputs: 1 << first, rows: this.#rows[first], cost: 0 }
    const left = this.#written(plan.left, first)
    const right = this.#written(plan.right, 32 - Math.clz32(left.inputs))
    const rows = this.#joinedRows(left.inputs, left.rows, right.inputs, right.rows)
    return { inputs: left.inputs | right.inputs, rows, cost: left.cost + right.cost + rows }
  }

  /** The cheapest order, each input joined with all in front of it; of several the one that is nearest to what is written. */
  #cheapest(): Order {
    const count = this.inputs.length
    const best: (Order | undefined)[] = []
    for (let input = 0; input < count; input++) best[1 << input] = { inputs: [input], cost: 0, rows: this.#rows[input] }
    for (let set = 1; set < 1 << count; set++) {
      for (let last = count - 1; last >= 0; last--) {
        const others = best[set & ~(1 << last)]
        if ((set & (1 << last)) === 0 || others === undefined) continue
        const rows = this.#joinedRows(set & ~(1 << last), others.rows, 1 << last, this.#rows[last])
        const cost = others.cost + rows
        const known = best[set]
        if (known === undefined || cost < known.cost) best[set] = { inputs: [...others.inputs, last], cost, rows }
      }
    }
    return best[(1 << count) - 1]!
  }

  /** The joins in their best order. @param made What the inputs are by now. */
  ordered(plan: JoinPlan, made: ReadonlyMap<LogicalPlan, LogicalPlan>): LogicalPlan {
    const asWritten = (one: LogicalPlan): LogicalPlan =>
      isPlainJoin(one) ? { ...one, left: asWritten(one.left), right: asWritten(one.right) } : made.get(one)!
    const count = this.inputs.length
    if (count < 3 || count > INPUTS_MAX) return asWritten(plan)
    this.#estimate()
    const { inputs, cost } = this.#cheapest()
    return cost < this.#written(plan, 0).cost * LEAST_GAIN ? this.#inOrder(plan, inputs, made) : asWritten(plan)
  }

  #inOrder(plan: JoinPlan, order: readonly number[], made: ReadonlyMap<LogicalPlan, LogicalPlan>): LogicalPlan {
    // Where each column stands once all are joined.
    const places: number[] = []
    let width = 0
    for (const input of order) for (let column = 0; column < this.inputs[input].columns.length; column++) places[this.#offsets[input] + column] = width++
    const left = new Set(this.#conjuncts)
    let joined: LogicalPlan | undefined
    let known: Inputs = 0
    for (const input of order) {
      const right = made.get(this.inputs[input])!
      known |= 1 << input
      if (joined === undefined) {
        joined = right
        continue
      }
      const own = [...left].filter(({ inputs }) => (inputs & ~known) === 0)
      for (const conjunct of own) left.delete(conjunct)
      const condition = own.map(({ condition: one }) => replaceColumns(one, (column) => ({ ...column, index: places[column.index] })))
      const columns = [...joined.columns, ...right.columns].map(({ name, type }) => ({ name, type }))
      joined = { ...plan, left: joined, right, condition: condition.length === 0 ? undefined : condition.reduce(and), columns }
    }
    assert(left.size === 0, 'a condition of no inputs')
    return project(
      joined!,
      plan.columns.map((column, index) => columnAt(column, places[index])),
      plan.columns,
    )
  }
}

/** The same, asked once for each table. */
function remembering(rowsOf: TableRows): TableRows {
  const known = new Map<CatalogTable, number | undefined>()
  return (table) => {
    if (!known.has(table)) known.set(table, rowsOf(table))
    return known.get(table)
  }
}

/** The relation that a relation's rows are some of. */
function unfiltered(plan: LogicalPlan): LogicalPlan {
  return plan.kind === 'filter' || plan.kind === 'project' ? unfiltered(plan.input) : plan
}

/** About how many rows a relation has. @param rowsOf Undefined: sizes do not count, only whether there is one row. */
function estimatedRows(plan: LogicalPlan, rowsOf: TableRows | undefined): number {
  if (isOneRow(plan)) return 1
  if (rowsOf === undefined) return USUAL_ROWS
  switch (plan.kind) {
    case 'scan':
      return rowsOf(plan.table) ?? USUAL_ROWS
    case 'values':
      return plan.rows.length
    case 'filter': {
      const share = conjunctsOf(plan.condition).reduce((product, one) => product * (one.kind === 'call' && one.name === '=' ? EQUAL_SHARE : OTHER_SHARE), 1)
      return Math.max(1, estimatedRows(plan.input, rowsOf) * share)
    }
    case 'aggregate':
    case 'rank':
      return Math.max(1, estimatedRows(plan.input, rowsOf) * GROUP_SHARE)
    case 'sort':
      return Math.min(plan.fetch ?? Infinity, estimatedRows(plan.input, rowsOf))
    case 'join':
      return Math.max(estimatedRows(plan.left, rowsOf), estimatedRows(plan.right, rowsOf))
    case 'set operation':
      return estimatedRows(plan.left, rowsOf) + estimatedRows(plan.right, rowsOf)
    case 'late rows':
      return USUAL_ROWS
    default:
      return estimatedRows(plan.input, rowsOf)
  }
}
