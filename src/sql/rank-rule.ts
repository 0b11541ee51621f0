// Finds queries for the first rows of an order: a filter on ROW_NUMBER, RANK or DENSE_RANK keeps only so many rows of each partition, and needs to
// know no others.

import type { BoundExpression } from './bound-expression.ts'
import { and, columnsOf, conjunctsOf, replaceColumns } from './expressions.ts'
import type { LogicalPlan, OverPlan, RankPlan } from './logical-plan.ts'
import { mapInputs, project } from './plans.ts'

const RANKS = new Set(['ROW_NUMBER', 'RANK', 'DENSE_RANK'])

/** A plan in which such filters are relations of their own. @param used Columns that somebody asks for; undefined: all of them. */
export function withRanks(plan: LogicalPlan, used?: ReadonlySet<number>): LogicalPlan {
  switch (plan.kind) {
    case 'project': {
      const needed = new Set(plan.expressions.filter((_, index) => used === undefined || used.has(index)).flatMap((expression) => [...columnsOf(expression)]))
      return { ...plan, input: withRanks(plan.input, needed) }
    }
    case 'filter':
      return rankOf(plan, used) ?? { ...plan, input: withRanks(plan.input, used === undefined ? undefined : new Set([...used, ...columnsOf(plan.condition)])) }
    case 'join': {
      const width = plan.left.columns.length
      const needed = used && [...used, ...(plan.condition === undefined ? [] : columnsOf(plan.condition))]
      const left = needed && new Set(needed.filter((column) => column < width))
      const right = needed && new Set(needed.filter((column) => column >= width).map((column) => column - width))
      return { ...plan, left: withRanks(plan.left, left), right: withRanks(plan.right, right) }
    }
    case 'aggregate': {
      const operands = plan.aggregates.flatMap(({ operands: own, filter }) => (filter === undefined ? own : [...own, filter]))
      return { ...plan, input: withRanks(plan.input, new Set([...plan.keys, ...operands].flatMap((expression) => [...columnsOf(expression)]))) }
    }
    default:
      return mapInputs(plan, (input) => withRanks(input))
  }
}

interface Bounds {
  readonly from: number
  readonly to: RankPlan['to'] | undefined
  readonly rest: readonly BoundExpression[]
}

function rankOf(plan: LogicalPlan & { readonly kind: 'filter' }, used: ReadonlySet<number> | undefined): LogicalPlan | undefined {
  // The columns of the filter, as expressions of the relation with OVER.
  const found = overBelow(plan.input)
  if (found === undefined) return undefined
  const { over, expressions } = found
  const [call] = over.calls
  if (over.calls.length !== 1 || !RANKS.has(call.name)) return undefined
  const width = over.input.columns.length
  const conjuncts = conjunctsOf(replaceColumns(plan.condition, (column) => expressions[column.index]))
  const { from, to, rest } = boundsOf(conjuncts, width)
  if (to === undefined) return undefined
  const needed = new Set([
    ...expressions.filter((_, index) => used === undefined || used.has(index)).flatMap((expression) => [...columnsOf(expression)]),
    ...rest.flatMap((condition) => [...columnsOf(condition)]),
  ])
  // Where one rank is asked for it is known.
  const isConstant = typeof to === 'number' && to === from
  const hasRank = needed.has(width) && !isConstant
  const { partition, order, type } = call
  const input = withRanks(over.input)
  const columns = hasRank ? over.columns : over.input.columns
  const rank: LogicalPlan = {
    kind: 'rank',
    input,
    partition,
    order,
    function: call.name as RankPlan['function'],
    from,
    to,
    hasRank,
    columns,
    ...(over.origin && { origin: over.origin }),
  }
  const known: BoundExpression = {
    kind: 'literal',
    value: isConstant ? BigInt(to) : null,
    type: isConstant ? type : { ...type, nullable: true },
    start: 0,
    end: 0,
  }
  const placed = (expression: BoundExpression): BoundExpression => replaceColumns(expression, (column) => (column.index === width && !hasRank ? known : column))
  const kept: LogicalPlan = rest.length === 0 ? rank : { kind: 'filter', input: rank, condition: rest.map(placed).reduce(and), columns: rank.columns }
  return project(kept, expressions.map(placed), plan.columns)
}

/** The relation with OVER below projections of it, and the columns above it as expressions of its own. */
function overBelow(plan: LogicalPlan): { readonly over: OverPlan; readonly expressions: readonly BoundExpression[] } | undefined {
  if (plan.kind === 'over') return { over: plan, expressions: plan.columns.map(({ type }, index) => ({ kind: 'column', index, type, start: 0, end: 0 })) }
  if (plan.kind !== 'project') return undefined
  const below = overBelow(plan.input)
  return (
    below && { over: below.over, expressions: plan.expressions.map((expression) => replaceColumns(expression, (column) => below.expressions[column.index])) }
  )
}

/** What conditions say of the rank, which stands in a column. */
function boundsOf(conjuncts: readonly BoundExpression[], rank: number): Bounds {
  let from = 1
  let to: RankPlan['to'] | undefined
  const rest: BoundExpression[] = []
  for (const conjunct of conjuncts) {
    const said = comparisonOf(conjunct, rank)
    if (said === undefined) {
      rest.push(conjunct)
      continue
    }
    const { operator, bound } = said
    if (typeof bound !== 'number') {
      if (operator !== '<=' || to !== undefined) rest.push(conjunct)
      else to = bound
      continue
    }
    const most = operator === '<=' || operator === '=' ? bound : operator === '<' ? bound - 1 : undefined
    const least = operator === '>=' || operator === '=' ? bound : operator === '>' ? bound + 1 : undefined
    if (least !== undefined) from = Math.max(from, least)
    if (most !== undefined) to = typeof to === 'number' ? Math.min(to, most) : most
  }
  return { from, to, rest }
}

const SWAPPED: Readonly<Record<string, string>> = { '<': '>', '<=': '>=', '>': '<', '>=': '<=', '=': '=' }

function comparisonOf(
  conjunct: BoundExpression,
  rank: number,
): { readonly operator: string; readonly bound: number | { readonly column: number } } | undefined {
  if (conjunct.kind !== 'call' || SWAPPED[conjunct.name] === undefined) return undefined
  const [one, other] = conjunct.operands.map(withoutCast)
  const isRank = (expression: BoundExpression): boolean => expression.kind === 'column' && expression.index === rank
  const boundOf = (expression: BoundExpression): number | { readonly column: number } | undefined => {
    if (expression.kind === 'literal') {
      const value = typeof expression.value === 'bigint' ? Number(expression.value) : expression.value
      return typeof value === 'number' && Number.isSafeInteger(value) ? value : undefined
    }
    return expression.kind === 'column' && expression.index !== rank ? { column: expression.index } : undefined
  }
  if (isRank(one)) {
    const bound = boundOf(other)
    return bound === undefined ? undefined : { operator: conjunct.name, bound }
  }
  if (!isRank(other)) return undefined
  const bound = boundOf(one)
  return bound === undefined ? undefined : { operator: SWAPPED[conjunct.name], bound }
}

function withoutCast(expression: BoundExpression): BoundExpression {
  return expression.kind === 'cast' && expression.isImplicit ? withoutCast(expression.operand) : expression
}
