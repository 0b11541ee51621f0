// Groups with aggregates of different values, in two steps: groups of the same keys and a part of the values, by their hash, which lie with many workers
// however few groups there are; and the groups themselves, which put the parts together. The rows are the same.

import { type LogicalType, physicalKindOf, withNullability } from '../batch/types.ts'
import { PhysicalKind } from '../kernels/column-layout.ts'
import { type BoundAggregate, type BoundExpression, textOf } from './bound-expression.ts'
import { BIGINT, INT } from './functions/scalar-function.ts'
import type { AggregatePlan, ExpandPlan, LogicalPlan, PlanColumn } from './logical-plan.ts'
import { columnAt, mapInputs, project } from './plans.ts'

const NOWHERE = { start: 0, end: 0 }

/** What puts the results of parts together, by what they are results of. */
const MERGED_BY: Readonly<Record<string, string>> = { COUNT: 'SUM', SUM: 'SUM', MIN: 'MIN', MAX: 'MAX' }

const INTEGERS: ReadonlySet<LogicalType['kind']> = new Set(['TINYINT', 'SMALLINT', 'INT', 'BIGINT'])
/** No sum of values of so many digits has more than a DECIMAL can have. */
const ADDED_DIGITS_MAX = 19

/** A plan whose groups are computed in two steps where they have aggregates of different values. @param buckets How many parts the values are in. */
export function withSplitDistinct(plan: LogicalPlan, buckets: number): LogicalPlan {
  const own = mapInputs(plan, (input) => withSplitDistinct(input, buckets))
  return own.kind === 'aggregate' && canSplit(own) ? split(own, buckets) : own
}

function canSplit({ aggregates, window, ttlMs = 0 }: AggregatePlan): boolean {
  return window === undefined && ttlMs === 0 && aggregates.some(isOfDifferent) && aggregates.every(isMergeable)
}

/** Whether it matters that equal values count once. */
function isOfDifferent({ name, isDistinct }: BoundAggregate): boolean {
  return isDistinct && name !== 'MIN' && name !== 'MAX'
}

/** Whether the result follows from those of parts, to the last digit, in whatever order they change. */
function isMergeable(aggregate: BoundAggregate): boolean {
  const { name, operands, user } = aggregate
  if (user !== undefined) return false
  const [operand] = operands
  if (isOfDifferent(aggregate) && !hasHash(operand.type)) return false
  switch (name) {
    case 'COUNT':
    case 'MIN':
    case 'MAX':
      return true
    case 'SUM':
    case 'AVG':
      return INTEGERS.has(operand.type.kind) || (operand.type.kind === 'DECIMAL' && operand.type.precision <= ADDED_DIGITS_MAX)
    default:
      return false
  }
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
  const parts = new Parts()
  const isGlobal = keys.length === 0
  const width = keys.length
  const results = rows.aggregates.map((aggregate) => parts.add(aggregate))
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
  const merged = parts.aggregates.map(({ name, type }, index): BoundAggregate => ({
    name: MERGED_BY[name],
    operands: [columnAt({ type }, width + 1 + index)],
    isDistinct: false,
    filter: undefined,
    ignoresNull: false,
    type: withNullability(type, isGlobal || type.nullable),
    ...NOWHERE,
  }))
  const whole = (resultColumns: readonly PlanColumn[]): AggregatePlan => ({
    ...plan,
    input: partial,
    keys: keyColumns.map(columnAt),
    aggregates: merged,
    columns: resultColumns,
  })
  const isSame = !isGlobal && results.length === merged.length && results.every((result, index) => result.kind === 'part' && result.part === index)
  if (isSame) return whole(columns)
  const { view, ...unnamed } = whole([...keyColumns, ...merged.map(({ type }, index) => ({ name: `$${width + index}`, type }))])
  const partAt = (part: number): BoundExpression => columnAt(merged[part], width + part)
  const expressions = results.map((result, index): BoundExpression => {
    const { type } = columns[width + index]
    if (result.kind === 'mean') return meanOf(partAt(result.total), partAt(result.count), type)
    const { name } = parts.aggregates[result.part]
    return isGlobal && name === 'COUNT' ? call('COALESCE', [partAt(result.part), ZERO], type) : partAt(result.part)
  })
  return { ...project(unnamed, [...keyColumns.map(columnAt), ...expressions], columns), ...(view !== undefined && { view }) }
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
  const hashes = values.map((value) => call('HASH_CODE', [value], withNullability(INT, value.type.nullable)))
  const hash = hashes.length === 1 ? hashes[0] : call('COALESCE', hashes, INT)
  const count: BoundExpression = { kind: 'literal', value: buckets, type: withNullability(INT, false), ...NOWHERE }
  return call('MOD', [hash, count], hash.type)
}

/** Where a result is found among those of the parts. */
type Result = { readonly kind: 'part'; readonly part: number } | { readonly kind: 'mean'; readonly total: number; readonly count: number }

/** The aggregates of the parts, each once. */
class Parts {
  readonly aggregates: BoundAggregate[] = []
  readonly #texts: string[] = []

  /** What makes up an aggregate. */
  add(aggregate: BoundAggregate): Result {
    const { name, operands } = aggregate
    if (name !== 'AVG') return { kind: 'part', part: this.#part({ ...aggregate, isDistinct: isOfDifferent(aggregate) }) }
    // Sums of means have room for more than those of SUM.
    const wide = operands.map((operand) => (INTEGERS.has(operand.type.kind) ? castTo(operand, BIGINT) : operand))
    const [{ type: addedType }] = wide
    const sumType = addedType.kind === 'DECIMAL' ? { ...addedType, precision: 38 } : addedType
    const total = this.#part({ ...aggregate, name: 'SUM', operands: wide, type: sumType })
    // Different values are kept once for both.
    const count = this.#part({ ...aggregate, name: 'COUNT', operands: aggregate.isDistinct ? wide : operands, type: BIGINT })
    return { kind: 'mean', total, count }
  }

  #part(aggregate: BoundAggregate): number {
    const { name, operands, isDistinct, filter, type } = aggregate
    const text = JSON.stringify([name, operands.map(textOf), isDistinct, filter && textOf(filter)])
    const known = this.#texts.indexOf(text)
    if (known >= 0) return known
    this.#texts.push(text)
    return this.aggregates.push({ ...aggregate, type: withNullability(type, name !== 'COUNT') }) - 1
  }
}

const ZERO: BoundExpression = { kind: 'literal', value: 0n, type: withNullability(BIGINT, false), ...NOWHERE }

/** As AVG computes it: of whole numbers a whole one. */
function meanOf(total: BoundExpression, count: BoundExpression, type: LogicalType): BoundExpression {
  const mean = call('/', [total, count], type.kind === 'DECIMAL' ? type : withNullability(BIGINT, type.nullable))
  return castTo(mean, type)
}

function castTo(operand: BoundExpression, type: LogicalType): BoundExpression {
  if (operand.type.kind === type.kind) return operand
  return { kind: 'cast', operand, type: withNullability(type, operand.type.nullable), isTry: false, isImplicit: true, ...NOWHERE }
}

function call(name: string, operands: readonly BoundExpression[], type: LogicalType): BoundExpression {
  return { kind: 'call', name, operands, clauses: [], type, ...NOWHERE }
}
