// Subqueries that name columns of the rows around them: the conditions that do so are taken out of them, and become conditions of a join. Where that is
// not possible (a group, or a value, is of each row around it) the subquery is computed for all the values that the rows around it have.

import type { Field } from '../batch/types.ts'
import type { BoundExpression } from './bound-expression.ts'
import { and, columnsOf, conjunctsOf, replaceColumns } from './expressions.ts'
import type { AggregatePlan, JoinPlan, LogicalPlan, SortPlan } from './logical-plan.ts'
import { columnAt, freeName, project } from './plans.ts'

/** A subquery without the conditions in it that name columns around it. */
export interface Decorrelated {
  /** Its columns, and behind them those that the conditions name. */
  readonly plan: LogicalPlan
  /** Over the columns of the plan; columns around it count down from -1. */
  readonly conditions: readonly BoundExpression[]
}

/** The values that some columns around a subquery have, each combination once; columns count down from -1. */
export interface Domain {
  (columns: readonly number[]): LogicalPlan
  /** Whether the first rows for each of the rows around may be asked for. */
  readonly takesFirst?: boolean
}

const NOWHERE = { start: 0, end: 0 }

export function namesOuter(expression: BoundExpression): boolean {
  return [...columnsOf(expression)].some((column) => column < 0)
}

function hasOuter(plan: LogicalPlan): boolean {
  const found = (expressions: readonly (BoundExpression | undefined)[]): boolean => expressions.some((one) => one !== undefined && namesOuter(one))
  switch (plan.kind) {
    case 'scan':
      return false
    case 'late rows':
      return false
    case 'values':
      return plan.rows.some(found)
    case 'project':
      return found(plan.expressions) || hasOuter(plan.input)
    case 'filter':
      return found([plan.condition]) || hasOuter(plan.input)
    case 'aggregate':
      return found([...plan.keys, ...plan.aggregates.flatMap(({ operands, filter }) => [...operands, filter])]) || hasOuter(plan.input)
    case 'join':
      return found([plan.condition]) || hasOuter(plan.left) || hasOuter(plan.right)
    case 'set operation':
      return hasOuter(plan.left) || hasOuter(plan.right)
    case 'unnest':
      return found([plan.collection, plan.condition]) || hasOuter(plan.input)
    default:
      return hasOuter(plan.input)
  }
}

/** Takes conditions out of a subquery that name columns around it; undefined: they stand where they cannot be taken out. */
export function decorrelated(plan: LogicalPlan, domain: Domain): Decorrelated | undefined {
  if (!hasOuter(plan)) return { plan, conditions: [] }
  switch (plan.kind) {
    case 'filter': {
      const inner = decorrelated(plan.input, domain)
      if (inner === undefined) return undefined
      const conjuncts = conjunctsOf(plan.condition)
      const own = conjuncts.filter((conjunct) => !namesOuter(conjunct))
      const input = inner.plan
      return {
        plan: own.length === 0 ? input : { kind: 'filter', input, condition: own.reduce(and), columns: input.columns },
        conditions: [...inner.conditions, ...conjuncts.filter(namesOuter)],
      }
    }
    case 'project': {
      const inner = decorrelated(plan.input, domain)
      if (inner === undefined) return undefined
      const { plan: input, conditions, placed } = plan.expressions.some(namesOuter) ? beside(inner, plan.expressions, domain) : { ...inner, placed: same }
      return carried(input, plan.expressions.map(placed), plan.columns, conditions)
    }
    case 'aggregate': {
      const inner = decorrelated(plan.input, domain)
      return inner && plan.window === undefined ? grouped(inner, plan, domain) : undefined
    }
    case 'join':
      return joined(plan, domain)
    case 'sort':
      return domain.takesFirst === true ? first(plan, domain) : undefined
    default:
      return undefined
  }
}

function same(expression: BoundExpression): BoundExpression {
  return expression
}

/** A projection that carries along what conditions name. */
function carried(input: LogicalPlan, given: readonly BoundExpression[], names: readonly Field[], conditions: readonly BoundExpression[]): Decorrelated {
  const expressions = [...given]
  const columns: Field[] = [...names]
  const moved = conditions.map((condition) =>
    replaceColumns(condition, (column) => {
      if (column.index < 0) return column
      const known = expressions.findIndex((expression) => expression.kind === 'column' && expression.index === column.index)
      const index = known >= 0 ? known : expressions.push(column) - 1
      if (known < 0) columns.push({ name: freeName('$', columns), type: column.type })
      return { ...column, index }
    }),
  )
  return { plan: project(input, expressions, columns), conditions: moved }
}

/** The rows of a subquery beside the values around it that its conditions, and some expressions, name: then these can be computed. */
function beside(
  { plan, conditions }: Decorrelated,
  expressions: readonly BoundExpression[],
  domain: Domain,
): Decorrelated & { readonly placed: (expression: BoundExpression) => BoundExpression } {
  const outer = [...new Set([...conditions, ...expressions].flatMap((one) => [...columnsOf(one)].filter((column) => column < 0)))].toSorted((a, b) => b - a)
  const values = domain(outer)
  const width = plan.columns.length
  const placed = (expression: BoundExpression): BoundExpression =>
    replaceColumns(expression, (column) => (column.index < 0 ? { ...column, index: width + outer.indexOf(column.index) } : column))
  const condition = conditions.length === 0 ? undefined : conditions.map(placed).reduce(and)
  const columns = [...plan.columns.map(({ name, type }) => ({ name, type })), ...values.columns]
  const both: JoinPlan = { kind: 'join', type: 'INNER', left: plan, right: values, condition, strategy: { kind: 'regular' }, columns }
  const equal = values.columns.map((column, index): BoundExpression => ({
    kind: 'call',
    name: 'IS NOT DISTINCT FROM',
    operands: [columnAt(column, width + index), columnAt(column, outer[index])],
    clauses: [],
    type: { kind: 'BOOLEAN', nullable: false },
    ...NOWHERE,
  }))
  return { plan: both, conditions: equal, placed }
}

/** A condition that an expression of the subquery equals one of the rows around it. */
interface Equality {
  readonly condition: BoundExpression & { readonly kind: 'call' }
  readonly own: BoundExpression
  readonly other: BoundExpression
}

function equalityOf(condition: BoundExpression): Equality | undefined {
  if (condition.kind !== 'call' || (condition.name !== '=' && condition.name !== 'IS NOT DISTINCT FROM')) return undefined
  const own = condition.operands.find((operand) => !namesOuter(operand))
  const other = condition.operands.find(namesOuter)
  if (own === undefined || other === undefined || [...columnsOf(other)].some((column) => column >= 0)) return undefined
  return { condition, own, other }
}

/** Rows with the expressions by which they belong to rows around them, and the conditions over these. */
function partitioned(
  inner: Decorrelated,
  expressions: readonly BoundExpression[],
  domain: Domain,
): { readonly plan: LogicalPlan; readonly equalities: readonly Equality[]; readonly placed: (expression: BoundExpression) => BoundExpression } {
  const found = inner.conditions.map(equalityOf)
  // Of what is made of columns around it only the values that there are are asked for, as in Flink.
  const isPlain = (equality: Equality | undefined): equality is Equality => equality?.other.kind === 'column'
  if (found.every(isPlain) && !expressions.some(namesOuter)) return { plan: inner.plan, equalities: found, placed: same }
  const { plan, conditions, placed } = beside(inner, expressions, domain)
  return { plan, equalities: conditions.map((condition) => equalityOf(condition)!), placed }
}

/** Groups of each value that can be asked for. */
export function grouped(inner: Decorrelated, plan: Pick<AggregatePlan, 'keys' | 'aggregates' | 'columns'>, domain: Domain): Decorrelated {
  const { keys, aggregates } = plan
  const operands = aggregates.flatMap(({ operands: own, filter }) => (filter === undefined ? own : [...own, filter]))
  const { plan: input, equalities, placed } = partitioned(inner, [...keys, ...operands], domain)
  const added = equalities.map(({ own }) => own)
  const count = keys.length
  const aggregate: LogicalPlan = {
    kind: 'aggregate',
    input,
    window: undefined,
    keys: [...keys.map(placed), ...added],
    aggregates: aggregates.map((one) => ({ ...one, operands: one.operands.map(placed), filter: one.filter && placed(one.filter) })),
    columns: [...plan.columns.slice(0, count), ...added.map(({ type }, index) => ({ name: `$${index}`, type })), ...plan.columns.slice(count)],
  }
  // The values by which rows belong together stand behind everything else.
  const order = [...plan.columns.map((_, index) => (index < count ? index : index + added.length)), ...added.map((_, index) => count + index)]
  const columns = order.map((index) => aggregate.columns[index])
  const expressions = order.map((index) => columnAt(aggregate.columns[index], index))
  return { plan: project(aggregate, expressions, columns), conditions: equalities.map((one, index) => asked(one, plan.columns.length + index)) }
}

/** An equality whose own side is a column now. */
function asked({ condition, own, other }: Equality, index: number): BoundExpression {
  return { ...condition, operands: [columnAt(own, index), other] }
}

function joined(plan: JoinPlan, domain: Domain): Decorrelated | undefined {
  const { type, condition } = plan
  if (type === 'RIGHT' || type === 'FULL' || plan.strategy.kind !== 'regular') return undefined
  const given = conjunctsOf(condition)
  if (type !== 'INNER' && hasOuter(plan.right)) return undefined
  const [own, right] = [decorrelated(plan.left, domain), decorrelated(plan.right, domain)]
  if (own === undefined || right === undefined) return undefined
  // Where rows are only looked for, what stands around has to be there already.
  const left = type !== 'INNER' && given.some(namesOuter) ? beside(own, given, domain) : { ...own, placed: same }
  const [leftWidth, rightWidth] = [plan.left.columns.length, plan.right.columns.length]
  const wide = left.plan.columns.length
  const isSemi = type === 'SEMI' || type === 'ANTI'
  const moved = (expression: BoundExpression): BoundExpression =>
    replaceColumns(expression, (column) => (column.index >= leftWidth ? { ...column, index: column.index + wide - leftWidth } : column))
  const conjuncts = given.map((conjunct) => left.placed(moved(conjunct)))
  const kept = conjuncts.filter((conjunct) => !namesOuter(conjunct))
  const rightColumns = right.plan.columns.map((column) => (type === 'LEFT' ? { ...column, type: { ...column.type, nullable: true } } : column))
  const made: LogicalPlan = {
    ...plan,
    left: left.plan,
    right: right.plan,
    condition: kept.length === 0 ? undefined : kept.reduce(and),
    columns: isSemi ? left.plan.columns : [...left.plan.columns, ...rightColumns],
  }
  const conditions = [
    ...left.conditions,
    ...right.conditions.map((one) => replaceColumns(one, (column) => (column.index < 0 ? column : { ...column, index: column.index + wide }))),
    ...conjuncts.filter(namesOuter),
  ]
  if (wide === leftWidth && (isSemi || right.plan.columns.length === rightWidth)) return { plan: made, conditions }
  const places = plan.columns.map((_, index) => (index < leftWidth ? index : index - leftWidth + wide))
  return carried(
    made,
    places.map((place, index) => columnAt(plan.columns[index], place)),
    plan.columns,
    conditions,
  )
}

/** The first rows of each value that there is. */
function first({ input, keys, offset, fetch }: SortPlan, domain: Domain): Decorrelated | undefined {
  const inner = decorrelated(input, domain)
  if (inner === undefined || fetch === undefined) return undefined
  const equalities = inner.conditions.map(equalityOf)
  if (!equalities.every((equality) => equality !== undefined) || keys.some(({ expression }) => namesOuter(expression))) return undefined
  const rank: LogicalPlan = {
    kind: 'rank',
    input: inner.plan,
    partition: equalities.map(({ own }) => own),
    order: keys,
    function: 'ROW_NUMBER',
    from: offset + 1,
    to: offset + fetch,
    hasRank: false,
    columns: inner.plan.columns,
  }
  // Flink takes the partitions themselves, that of NULL too.
  const conditions = equalities.map(({ condition }) => ({ ...condition, name: 'IS NOT DISTINCT FROM', type: { kind: 'BOOLEAN', nullable: false } as const }))
  return { plan: rank, conditions }
}

/** The same where columns around the subquery stand elsewhere. */
export function withOuter(expression: BoundExpression, place: (column: number) => number): BoundExpression {
  return replaceColumns(expression, (column) => (column.index < 0 ? { ...column, index: -1 - place(-1 - column.index) } : column))
}

/** A condition over the columns of the rows and, behind these, of the subquery. @param count How many columns the rows have; others stand around them. */
export function overBoth(condition: BoundExpression, width: number, count = Infinity): BoundExpression {
  const placeOf = (outer: number): number => (outer < count ? outer : -1 - (outer - count))
  return replaceColumns(condition, ({ index, ...column }) => ({ ...column, index: index < 0 ? placeOf(-1 - index) : width + index }))
}
