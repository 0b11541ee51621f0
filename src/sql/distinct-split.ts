// Groups with aggregates of different values, in two steps: groups of the same keys and a part of the values, by their hash, which lie with many workers
// however few groups there are; and the groups themselves, which put the parts together. The rows are the same.

import { type LogicalType, physicalKindOf, withNullability } from '../batch/types.ts'
import { PhysicalKind } from '../kernels/column-layout.ts'
import { AggregateParts, callOf, isMergeable, isOfDifferent } from './aggregate-parts.ts'
import { type BoundAggregate, type BoundExpression, textOf } from './bound-expression.ts'
import { INT } from './functions/scalar-function.ts'
import type { AggregatePlan, ExpandPlan, LogicalPlan, PlanColumn } from './logical-plan.ts'
import { columnAt, mapInputs, project } from './plans.ts'

const NOWHERE = { start: 0, end: 0 }

/** A plan whose groups are computed in two steps where they have aggregates of different values. @param buckets How many parts the values are in. */
export function withSplitDistinct(plan: LogicalPlan, buckets: number): LogicalPlan {
  const own = mapInputs(plan, (input) => withSplitDistinct(input, buckets))
  return own.kind === 'aggregate' && canSplit(own) ? split(own, buckets) : own
}

function canSplit({ aggregates, window, ttlMs = 0 }: AggregatePlan): boolean {
  return (
    window === undefined &&
    ttlMs === 0 &&
    aggregates.some(isOfDifferent) &&
    aggregates.every((one) => isMergeable(one) && (!isOfDifferent(one) || hasHash(one.operands[0].type)))
  )
}

function hasHash(type: LogicalType): boolean {
  return type.kind !== 'OBJECT' && physicalKindOf(type) <= PhysicalKind.BYTES
}

/** What is grouped, all of it columns. */
type Grouped = Pick<AggregatePlan, 'input' | 'keys' | 'aggregates'>

function split(plan: AggregatePlan, buckets: number): LogicalPlan {
  const { keys, columns } = plan
  const named = withColumns(plan)
  const values = [...new Set(named.aggregates.filter(isOfDifferent).map(({ operands: [operand] }) => textOf(operand)))]
  const rows = values.length > 1 ? expanded(named, values) : named
  // Of rows that stand for one of several kinds of values the others are NULL.
  const hashed = [...new Map(rows.aggregates.filter(isOfDifferent).map(({ operands: [operand] }) => [textOf(operand), operand])).values()]
  const parts = new AggregateParts(rows.aggregates)
  const isGlobal = keys.length === 0
  const width = keys.length
  const keyColumns = columns.slice(0, width)
  const bucket = bucketOf(hashed, buckets)
  const partial: AggregatePlan = {
    kind: 'aggregate',
    input: rows.input,
    keys: [...rows.keys, bucket],
    aggregates: parts.aggregates,
    window: undefined,
    columns: [...keyColumns, { name: '$bucket', type: bucket.type }, ...parts.aggregates.map(({ type }, index) => ({ name: `$${width + index}`, type }))],
  }
  const merged = parts.merged(width + 1, isGlobal)
  const whole = (resultColumns: readonly PlanColumn[]): AggregatePlan => ({
    ...plan,
    input: partial,
    keys: keyColumns.map(columnAt),
    aggregates: merged,
    columns: resultColumns,
  })
  if (parts.areResults(isGlobal)) return whole(columns)
  const { view, ...unnamed } = whole([...keyColumns, ...merged.map(({ type }, index) => ({ name: `$${width + index}`, type }))])
  const expressions = [...keyColumns.map(columnAt), ...parts.results(width, isGlobal, columns.slice(width))]
  return { ...project(unnamed, expressions, columns), ...(view !== undefined && { view }) }
}

/** The same over rows that have a column for each key, operand and condition: what is computed of a row is computed once. */
function withColumns({ input, keys, aggregates }: AggregatePlan): Grouped {
  const asked = [...keys, ...aggregates.flatMap(({ operands, filter }) => (filter === undefined ? operands : [...operands, filter]))]
  if (asked.every(({ kind }) => kind === 'column')) return { input, keys, aggregates }
  const expressions = [...new Map(asked.map((expression) => [textOf(expression), expression])).values()]
  const texts = expressions.map(textOf)
  const fields = expressions.map((expression, index) => ({
    name: expression.kind === 'column' ? input.columns[expression.index].name : `$${index}`,
    type: expression.type,
  }))
  const placed = (expression: BoundExpression): BoundExpression => columnAt(expression, texts.indexOf(textOf(expression)))
  return {
    input: project(input, expressions, fields),
    keys: keys.map(placed),
    aggregates: aggregates.map((one) => ({ ...one, operands: one.operands.map(placed), filter: one.filter && placed(one.filter) })),
  }
}

const TRUE: BoundExpression = { kind: 'literal', value: true, type: { kind: 'BOOLEAN', nullable: false }, ...NOWHERE }

/**
 * The same over each row as often as there are kinds of values of which different ones count: once it stands for each of them, and beside the first for
 * all other aggregates. What it does not stand for is NULL, which no aggregate heeds.
 *
 * @param values The kinds, as texts of expressions.
 */
function expanded({ input, keys, aggregates }: Grouped, values: readonly string[]): Grouped {
  const copies = new Map<string, { readonly expression: BoundExpression; readonly set: number }>()
  const width = input.columns.length
  const copyOf = (expression: BoundExpression, set: number): BoundExpression => {
    const text = `${set} ${textOf(expression)}`
    if (!copies.has(text)) copies.set(text, { expression, set })
    return columnAt({ type: withNullability(expression.type, true) }, width + [...copies.keys()].indexOf(text))
  }
  const copied = aggregates.map((aggregate): BoundAggregate => {
    const { operands } = aggregate
    const set = isOfDifferent(aggregate) ? values.indexOf(textOf(operands[0])) : 0
    return { ...aggregate, operands: [copyOf(operands[0] ?? TRUE, set)] }
  })
  const own = [...copies.values()]
  const added = own.map(({ expression }, index): PlanColumn => ({ name: `$${index}`, type: withNullability(expression.type, true) }))
  const expand: ExpandPlan = {
    kind: 'expand',
    input,
    keys: own.map(({ expression }) => expression),
    sets: values.map((_, number) => own.map(({ set }) => set === number)),
    columns: [...input.columns, ...added, { name: '$set', type: withNullability(INT, false) }],
  }
  return { input: expand, keys, aggregates: copied }
}

/** In which part a value is; NULL is in one of its own. @param values One of which is not NULL, if any. */
function bucketOf(values: readonly BoundExpression[], buckets: number): BoundExpression {
  const hashes = values.map((value) => callOf('HASH_CODE', [value], withNullability(INT, value.type.nullable)))
  const hash = hashes.length === 1 ? hashes[0] : callOf('COALESCE', hashes, INT)
  const count: BoundExpression = { kind: 'literal', value: buckets, type: withNullability(INT, false), ...NOWHERE }
  return callOf('MOD', [hash, count], hash.type)
}
