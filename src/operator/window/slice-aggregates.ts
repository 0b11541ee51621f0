// Built-in aggregates that never leave the kernels: what they are, where their accumulators lie, which kernel folds, merges and emits each.

import { PlanError } from '../../base/errors.ts'
import type { Column } from '../../batch/column.ts'
import { type Field, formatType, type LogicalType, physicalKindOf, type Schema } from '../../batch/types.ts'
import type { AggregateKernels } from '../../kernels/aggregate.ts'
import { PhysicalKind } from '../../kernels/column-layout.ts'

/** A built-in aggregate over a column, or over rows (`count` without a column). Made by count(), sum(), … */
export interface BuiltInAggregate<out T = unknown> {
  readonly kind: 'count' | 'countDistinct' | 'sum' | 'min' | 'max' | 'avg' | 'first' | 'last'
  readonly column: string | undefined
  readonly result?: T
}

const aggregate = <T>(kind: BuiltInAggregate['kind'], column?: string): BuiltInAggregate<T> => Object.freeze({ kind, column })

/** Number of rows, or of rows whose column is not NULL. */
export const count = (column?: string): BuiltInAggregate<number> => aggregate('count', column)
/** Number of different values of a column that are not NULL. Every value of a window is kept until it has fired, once for each key. */
export const countDistinct = (column: string): BuiltInAggregate<number> => aggregate('countDistinct', column)
/** Sum of a numeric column: BIGINT for integers (wraps at 64 bits), DOUBLE for floats, DECIMAL(38, s) for decimals; NULL without a value. */
export const sum = (column: string): BuiltInAggregate<number | null> => aggregate('sum', column)
/** Smallest value of a numeric or time column, NaN only if there is nothing else; NULL without a value. */
export const min = (column: string): BuiltInAggregate<number | null> => aggregate('min', column)
/** Largest value of a numeric or time column, NaN if there is one; NULL without a value. */
export const max = (column: string): BuiltInAggregate<number | null> => aggregate('max', column)
/** Mean of a numeric column as DOUBLE; NULL without a value. */
export const avg = (column: string): BuiltInAggregate<number | null> => aggregate('avg', column)
/** First value that is not NULL, in order of arrival. */
export const first = (column: string): BuiltInAggregate<number | null> => aggregate('first', column)
/** Last value that is not NULL, in order of arrival. */
export const last = (column: string): BuiltInAggregate<number | null> => aggregate('last', column)

/** Named aggregates, in the order of the result columns. */
export type Aggregates = Readonly<Record<string, BuiltInAggregate>>

/** The row that named aggregates make. */
export type AggregateRow<A extends Aggregates> = { readonly [N in keyof A]: A[N] extends BuiltInAggregate<infer T> ? T : never }

/** Bytes of the "value was seen" bits in front of the accumulators. */
const FLAGS_BYTES = 8
const FLAGS_MAX = 32

/** One aggregate, bound to the columns of its input and its place in an entry's value area. */
export interface AggregatePlan {
  readonly field: Field
  readonly kind: BuiltInAggregate['kind']
  /** Index of the input column, -1 for `count()`. */
  readonly column: number
  readonly domain: 'integer' | 'float' | 'decimal'
  /** Byte offset in the value area. */
  readonly offset: number
  readonly flag: number
}

/**
 * Binds aggregates to a schema.
 *
 * @throws {PlanError} If a column is unknown, or of a type that the aggregate cannot take.
 */
export function planAggregates(schema: Schema, aggregates: Aggregates): { readonly plans: readonly AggregatePlan[]; readonly valueBytes: number } {
  let offset = FLAGS_BYTES
  const plans = Object.entries(aggregates).map(([name, { kind, column: columnName }], index): AggregatePlan => {
    if (index >= FLAGS_MAX)
      throw new PlanError('TOO_MANY_AGGREGATES', `Cannot compute ${Object.keys(aggregates).length} aggregates at once: at most ${FLAGS_MAX}`)
    const column = columnName === undefined ? -1 : schema.requireIndex(columnName)
    const type: LogicalType = column === -1 ? { kind: 'BIGINT', nullable: false, safeInteger: true } : schema.fields[column].type
    const domain = domainOf(kind, columnName, type)
    const plan: AggregatePlan = { field: { name, type: resultType(kind, type, domain) }, kind, column, domain, offset, flag: 1 << index }
    offset += kind === 'avg' ? (domain === 'decimal' ? 24 : 16) : domain === 'decimal' && kind === 'sum' ? 16 : 8
    return plan
  })
  return { plans, valueBytes: offset }
}

function domainOf(kind: BuiltInAggregate['kind'], name: string | undefined, type: LogicalType): AggregatePlan['domain'] {
  if (kind === 'count') return 'integer'
  const physical = physicalKindOf(type)
  if (kind === 'countDistinct') {
    if (physical <= PhysicalKind.BYTES) return 'integer'
    throw new PlanError('INVALID_AGGREGATE', `Cannot count different values of column "${name}": its type is ${formatType(type)}`)
  }
  const numeric = type.kind !== 'BOOLEAN' && physical <= PhysicalKind.INT64 && physical !== PhysicalKind.BIT
  const summable = ['TINYINT', 'SMALLINT', 'INT', 'BIGINT', 'FLOAT', 'DOUBLE', 'DECIMAL', 'INTERVAL_DAY_TIME', 'INTERVAL_YEAR_MONTH'].includes(type.kind)
  const float = physical === PhysicalKind.FLOAT32 || physical === PhysicalKind.FLOAT64
  const fits = kind === 'sum' || kind === 'avg' ? summable && !(kind === 'avg' && type.kind === 'DECIMAL') : numeric || float
  if (!fits)
    throw new PlanError('INVALID_AGGREGATE', `Cannot compute ${kind} of column "${name}": its type is ${formatType(type)}`, {
      hint: 'Use an AggregateFunction for other types.',
    })
  if (float) return 'float'
  return type.kind === 'DECIMAL' && kind === 'sum' ? 'decimal' : 'integer'
}

function resultType(kind: BuiltInAggregate['kind'], type: LogicalType, domain: AggregatePlan['domain']): LogicalType {
  switch (kind) {
    case 'count':
    case 'countDistinct':
      return { kind: 'BIGINT', nullable: false, safeInteger: true }
    case 'avg':
      return { kind: 'DOUBLE', nullable: true }
    case 'sum':
      if (domain === 'float') return { kind: 'DOUBLE', nullable: true }
      return type.kind === 'DECIMAL'
        ? { kind: 'DECIMAL', nullable: true, precision: 38, scale: type.scale }
        : { kind: 'BIGINT', nullable: true, safeInteger: true }
    default:
      return { ...type, nullable: true }
  }
}

/** Rows folded into entries: u32 `entries[n]`, the entry of each row at logical position `begin + i`. */
export interface FoldRows {
  readonly entries: number
  readonly n: number
  readonly selection: number
  readonly begin: number
}

/** Folds rows into their entries. `base` is the byte offset of the value area in an entry. */
export function fold(kernels: AggregateKernels, plan: AggregatePlan, base: number, columns: readonly Column[], rows: FoldRows): void {
  const { entries, n, selection, begin } = rows
  const at = base + plan.offset
  if (plan.column === -1) {
    kernels.aggregateCount(entries, n, at)
    return
  }
  const column = columns[plan.column].descriptor
  switch (plan.kind) {
    case 'countDistinct':
      // Its values lie in tables of their own: see distinct-values.ts.
      return
    case 'count':
      kernels.aggregateCountColumn(entries, n, at, column, selection, begin)
      return
    case 'sum':
      if (plan.domain === 'decimal') kernels.aggregateSumDecimal(entries, n, at, base, plan.flag, column, selection, begin)
      else kernels.aggregateSum(entries, n, at, base, plan.flag, column, selection, begin)
      return
    case 'avg':
      kernels.aggregateSum(entries, n, at, base, 0, column, selection, begin)
      kernels.aggregateCountColumn(entries, n, at + 8, column, selection, begin)
      return
    case 'min':
      kernels.aggregateMin(entries, n, at, base, plan.flag, column, selection, begin)
      return
    case 'max':
      kernels.aggregateMax(entries, n, at, base, plan.flag, column, selection, begin)
      return
    case 'first':
      kernels.aggregateFirst(entries, n, at, base, plan.flag, column, selection, begin)
      return
    case 'last':
      kernels.aggregateLast(entries, n, at, base, plan.flag, column, selection, begin)
      return
  }
}

/** Merges accumulators of `sources[n]` into those of `targets[n]`, both in entries of one layout. */
export function merge(kernels: AggregateKernels, plan: AggregatePlan, base: number, targets: number, sources: number, n: number): void {
  const at = base + plan.offset
  const { flag } = plan
  switch (plan.kind) {
    case 'countDistinct':
      return
    case 'count':
      kernels.aggregateMergeSum(targets, sources, n, at, base, 0)
      return
    case 'avg':
      if (plan.domain === 'float') kernels.aggregateMergeSumFloat(targets, sources, n, at, base, 0)
      else kernels.aggregateMergeSum(targets, sources, n, at, base, 0)
      kernels.aggregateMergeSum(targets, sources, n, at + 8, base, 0)
      return
    case 'sum':
      if (plan.domain === 'decimal') kernels.aggregateMergeSumDecimal(targets, sources, n, at, base, flag)
      else if (plan.domain === 'float') kernels.aggregateMergeSumFloat(targets, sources, n, at, base, flag)
      else kernels.aggregateMergeSum(targets, sources, n, at, base, flag)
      return
    case 'min':
      if (plan.domain === 'float') kernels.aggregateMergeMinFloat(targets, sources, n, at, base, flag)
      else kernels.aggregateMergeMin(targets, sources, n, at, base, flag)
      return
    case 'max':
      if (plan.domain === 'float') kernels.aggregateMergeMaxFloat(targets, sources, n, at, base, flag)
      else kernels.aggregateMergeMax(targets, sources, n, at, base, flag)
      return
    case 'first':
      kernels.aggregateMergeFirst(targets, sources, n, at, base, flag)
      return
    case 'last':
      kernels.aggregateMergeLast(targets, sources, n, at, base, flag)
      return
  }
}

/** Writes the results of `entries[n]` to rows `row..row + n - 1` of a column of the plan's type. */
export function emit(kernels: AggregateKernels, plan: AggregatePlan, base: number, entries: number, n: number, column: Column, row: number): void {
  const at = base + plan.offset
  if (plan.kind === 'avg') kernels.aggregateAverageToColumn(entries, n, at, plan.domain === 'float' ? 1 : 0, at + 8, column.descriptor, row)
  else if (plan.domain === 'decimal') kernels.aggregateToColumnDecimal(entries, n, at, base, plan.flag, column.descriptor, row)
  else if (plan.domain === 'float') kernels.aggregateToColumnFloat(entries, n, at, base, plan.flag, column.descriptor, row)
  else kernels.aggregateToColumn(entries, n, at, base, plan.kind === 'count' || plan.kind === 'countDistinct' ? 0 : plan.flag, column.descriptor, row)
}
