// Built-in aggregates that never leave the kernels: what they are, where their accumulators lie, which kernel folds, merges and emits each.

import { BadRecordError, PlanError } from '../../base/errors.ts'
import { type OptionKeys, refuseUnknownOptions } from '../../base/option-keys.ts'
import type { Column } from '../../batch/column.ts'
import {
  type Decimal,
  DECIMAL_PRECISION_MAX,
  type Field,
  formatType,
  type LogicalType,
  physicalKindOf,
  type Schema,
  withNullability,
} from '../../batch/types.ts'
import type { AggregateKernels } from '../../kernels/aggregate.ts'
import { PhysicalKind } from '../../kernels/column-layout.ts'
import { KeepOrder, keptRowsBytes } from '../../kernels/keep.ts'
import { Comparison, type SelectKernels } from '../../kernels/select.ts'
import { isOrdered, sumTypeOf } from '../scalar-aggregates.ts'

/** What a built-in aggregate computes. */
export type AggregateKind = 'count' | 'countDistinct' | 'sum' | 'min' | 'max' | 'avg' | 'first' | 'last' | 'topN'

/**
 * A built-in aggregate over a column, or over rows (`count` without a column). Made by count(), sum(), …
 *
 * @typeParam K What it computes. @typeParam C The column. @typeParam P The columns of the rows that topN keeps; undefined = all.
 */
export interface BuiltInAggregate<
  out K extends AggregateKind = AggregateKind,
  out C extends string | undefined = string | undefined,
  out P extends string | undefined = string | undefined,
> {
  readonly kind: K
  readonly column: C
  /** Of topN: how many rows, from which end, and what of them. */
  readonly top?: { readonly limit: number; readonly order: TopOrder; readonly columns: readonly P[] | undefined }
}

/** Which rows are the top: those with the greatest values, or those with the least. */
export type TopOrder = 'descending' | 'ascending'

/** What topN may be told. */
export interface TopOptions<P extends string = string> {
  /** @default 'descending' */
  readonly order?: TopOrder
  /** The columns of the rows that are kept. @default all */
  readonly columns?: readonly P[]
}

const TOP_KEYS: OptionKeys<TopOptions> = { order: true, columns: true }

/** Each entry of a table has so many places. */
const TOP_LIMIT_MAX = 1000

const aggregate = <K extends AggregateKind, C extends string | undefined>(kind: K, column: C): BuiltInAggregate<K, C> => Object.freeze({ kind, column })

/** Number of rows, or of rows whose column is not NULL. */
export function count(): BuiltInAggregate<'count', undefined>
export function count<C extends string>(column: C): BuiltInAggregate<'count', C>
export function count(column?: string): BuiltInAggregate<'count'> {
  return aggregate('count', column)
}
/** Number of different values of a column that are not NULL. Every value of a window is kept until it has fired, once for each key. */
export const countDistinct = <C extends string>(column: C): BuiltInAggregate<'countDistinct', C> => aggregate('countDistinct', column)
/**
 * Sum of a numeric column; NULL without a value. Integers give BIGINT: a bigint where the column is one (it wraps at 64 bits), else a number, and a
 * sum beyond ±(2^53 - 1) fails the job. Floats give DOUBLE, DECIMAL(p, s) gives DECIMAL(38, s), NULL beyond 38 digits.
 */
export const sum = <C extends string>(column: C): BuiltInAggregate<'sum', C> => aggregate('sum', column)
/** Smallest value of a column that has an order: numbers (NaN last), times, booleans (false first), text (bytewise); NULL without a value. */
export const min = <C extends string>(column: C): BuiltInAggregate<'min', C> => aggregate('min', column)
/** Largest value of a column that has an order; NULL without a value. */
export const max = <C extends string>(column: C): BuiltInAggregate<'max', C> => aggregate('max', column)
/** Mean of a numeric column: DOUBLE, of DECIMAL(p, s) DECIMAL(38, max(6, s)); NULL without a value. */
export const avg = <C extends string>(column: C): BuiltInAggregate<'avg', C> => aggregate('avg', column)
/** First value that is not NULL, in order of arrival. */
export const first = <C extends string>(column: C): BuiltInAggregate<'first', C> => aggregate('first', column)
/** Last value that is not NULL, in order of arrival. */
export const last = <C extends string>(column: C): BuiltInAggregate<'last', C> => aggregate('last', column)
/**
 * The `limit` rows with the greatest values of a column (or the least, with `order: 'ascending'`), best first, as an array; equal ones in order of
 * arrival, NULLs left out.
 *
 * @example
 * flights.keyBy('origin').window(TumblingEventTimeWindows.of(days(1))).aggregate({ worst: topN(3, 'delay', { columns: ['date', 'delay'] }) })
 * @throws {PlanError} `INVALID_AGGREGATE` if `limit` is not an integer in 1..1000; `INVALID_OPTION`.
 */
export function topN<C extends string>(limit: number, column: C, options?: { readonly order?: TopOrder }): BuiltInAggregate<'topN', C, undefined>
export function topN<C extends string, const P extends string>(limit: number, column: C, options: TopOptions<P>): BuiltInAggregate<'topN', C, P>
export function topN(limit: number, column: string, options: TopOptions = {}): BuiltInAggregate<'topN'> {
  refuseUnknownOptions('keep the top rows', options, TOP_KEYS)
  const { order = 'descending', columns } = options
  if (!Number.isInteger(limit) || limit < 1 || limit > TOP_LIMIT_MAX)
    throw new PlanError('INVALID_AGGREGATE', `Cannot keep the top ${limit} rows: the number must be an integer in 1..${TOP_LIMIT_MAX}`)
  return Object.freeze({ kind: 'topN', column, top: Object.freeze({ limit, order, columns }) })
}

/** Named aggregates, in the order of the result columns. */
export type Aggregates = Readonly<Record<string, BuiltInAggregate>>

/** The columns of a row whose values are `T`, NULL aside. */
export type ColumnOf<R, T> = { [C in keyof R & string]: NonNullable<R[C]> extends T ? C : never }[keyof R & string]
/** What has sums and means. */
export type Summable = number | bigint | Decimal
/** What has an order. */
export type Ordered = Summable | string | boolean
/** What can be told apart: anything but ROW, ARRAY, MAP and objects. */
export type Comparable = Ordered | Uint8Array

/** An aggregate that fits rows of type `R`: a wrong column, or one of a wrong type, is a compile error. */
export type AggregateOf<R> =
  | BuiltInAggregate<'count', undefined>
  | BuiltInAggregate<'count' | 'first' | 'last', keyof R & string>
  | BuiltInAggregate<'countDistinct', ColumnOf<R, Comparable>>
  | BuiltInAggregate<'sum' | 'avg', ColumnOf<R, Summable>>
  | BuiltInAggregate<'min' | 'max', ColumnOf<R, Ordered>>
  | BuiltInAggregate<'topN', ColumnOf<R, Ordered>, undefined>
  | BuiltInAggregate<'topN', ColumnOf<R, Ordered>, keyof R & string>

/** Named aggregates over records of type `R`; where `Columns` is `never` they have none, and all that can be told is how many there are. */
export type AggregatesOn<R, Columns> = [Columns] extends [never] ? Readonly<Record<string, BuiltInAggregate<'count', undefined>>> : AggregatesOf<R>

/** Named aggregates over rows of type `R`. */
export type AggregatesOf<R> = Readonly<Record<string, AggregateOf<R>>>

/** What an aggregate makes of rows of type `R`. */
export type AggregateResult<R, A> = A extends { readonly kind: 'count' | 'countDistinct' }
  ? number
  : A extends BuiltInAggregate<'topN', string, infer P>
    ? readonly ([P] extends [keyof R] ? Pick<R, P> : R)[]
    : A extends { readonly kind: infer K; readonly column: infer C extends keyof R }
      ? (K extends 'avg' ? (NonNullable<R[C]> extends Decimal ? Decimal : number) : NonNullable<R[C]>) | null
      : never

/** The row that named aggregates make of rows of type `R`. */
export type AggregateRow<R, A> = { readonly [N in keyof A]: AggregateResult<R, A[N]> }

/** Bytes of the bits in front of the accumulators: "a value was seen", and "the sum has left the range of DECIMAL". */
const FLAGS_BYTES = 8
const FLAGS_MAX = 32
/** Digits behind the point that a mean of DECIMALs has at least. */
const AVERAGE_SCALE_MIN = 6
const SAFE_INTEGER_MAX = BigInt(Number.MAX_SAFE_INTEGER)

/** What an aggregate keeps whole, because it has no fixed width or is a row: see kept-rows.ts. */
export interface KeepPlan {
  readonly limit: number
  readonly order: KeepOrder
  /** Indexes of the input columns that are kept: those of the result, and the one that orders the rows if it is not among them. */
  readonly columns: readonly number[]
  /** Which of them orders the rows. */
  readonly orderedBy: number
}

/** One aggregate, bound to the columns of its input and its place in an entry's value area. */
export interface AggregatePlan {
  readonly field: Field
  readonly kind: AggregateKind
  /** Index of the input column, -1 for `count()`. */
  readonly column: number
  /** What the accumulator is: 64 bits, or with `decimal` 128: of means of BIGINT too, whose sums would leave 64 bits. */
  readonly domain: 'integer' | 'float' | 'decimal' | 'kept'
  /** Only in the domain `kept`. */
  readonly keep?: KeepPlan
  /** Digits behind the point that a mean of DECIMALs has more than its column. */
  readonly addedDigits: number
  /** Byte offset in the value area. */
  readonly offset: number
  readonly flag: number
}

/** Aggregates in words, without the names of their results, which state does not have: "count(), sum(price INT)". */
export function formatAggregates(schema: Schema, plans: readonly AggregatePlan[]): string {
  const columnText = (column: number): string => `${schema.fields[column].name} ${formatType(schema.fields[column].type)}`
  return plans
    .map(({ kind, column, keep }) => {
      const kept =
        kind === 'topN' && keep !== undefined
          ? [`${keep.limit} ${keep.order === KeepOrder.ASCENDING ? 'least' : 'greatest'} of ${keep.columns.map(columnText).join(' ')}`]
          : []
      return `${kind}(${[...(column === -1 ? [] : [columnText(column)]), ...kept].join(', ')})`
    })
    .join(', ')
}

/**
 * Binds aggregates to a schema.
 *
 * @param merges Whether accumulators are merged (slices into windows): then the order of arrival must be kept with what is first or last.
 * @throws {PlanError} If a column is unknown, or of a type that the aggregate cannot take.
 */
export function planAggregates(
  schema: Schema,
  aggregates: Aggregates,
  merges: boolean,
): { readonly plans: readonly AggregatePlan[]; readonly valueBytes: number } {
  let offset = FLAGS_BYTES
  const plans = Object.entries(aggregates).map(([name, spec], index): AggregatePlan => {
    if (index >= FLAGS_MAX)
      throw new PlanError('TOO_MANY_AGGREGATES', `Cannot compute ${Object.keys(aggregates).length} aggregates at once: at most ${FLAGS_MAX}`)
    const { kind, column: columnName } = spec
    const column = columnName === undefined ? -1 : schema.requireIndex(columnName)
    const type: LogicalType = column === -1 ? { kind: 'BIGINT', nullable: false, safeInteger: true } : schema.fields[column].type
    if (!fits(kind, type))
      throw new PlanError('INVALID_AGGREGATE', `Cannot compute ${kind} of column "${columnName}": its type is ${formatType(type)}`, {
        hint: 'Use an AggregateFunction for other types.',
      })
    const keep = keepPlanOf(schema, spec, column, type, merges)
    const domain = keep === undefined ? domainOf(kind, type) : 'kept'
    const field = { name, type: resultType(kind, type, topFields(schema, spec)) }
    const addedDigits = type.kind === 'DECIMAL' ? averageScaleOf(type.scale) - type.scale : 0
    const plan: AggregatePlan = { field, kind, column, domain, ...(keep && { keep }), addedDigits, offset, flag: 1 << index }
    offset += accumulatorBytes(plan)
    return plan
  })
  return { plans, valueBytes: offset }
}

function accumulatorBytes({ kind, domain, keep }: AggregatePlan): number {
  if (keep !== undefined) return keptRowsBytes(keep.limit)
  return (domain === 'decimal' ? 16 : 8) + (kind === 'avg' ? 8 : 0)
}

function fits(kind: AggregateKind, type: LogicalType): boolean {
  switch (kind) {
    case 'count':
      return true
    case 'countDistinct':
      return physicalKindOf(type) <= PhysicalKind.BYTES
    case 'sum':
    case 'avg':
      return sumTypeOf(type) !== undefined
    case 'min':
    case 'max':
    case 'topN':
      return isOrdered(type)
    case 'first':
    case 'last':
      return type.kind !== 'OBJECT'
  }
}

function domainOf(kind: AggregateKind, type: LogicalType): AggregatePlan['domain'] {
  if (kind === 'count' || kind === 'countDistinct') return 'integer'
  if (type.kind === 'FLOAT' || type.kind === 'DOUBLE') return 'float'
  if (type.kind === 'BIGINT' && kind === 'avg') return 'decimal'
  return type.kind === 'DECIMAL' && (kind === 'sum' || kind === 'avg') ? 'decimal' : 'integer'
}

const KEEP_ORDERS = { min: KeepOrder.ASCENDING, max: KeepOrder.DESCENDING, first: KeepOrder.FIRST, last: KeepOrder.LAST } as const

function keepPlanOf(schema: Schema, { kind, top }: BuiltInAggregate, column: number, type: LogicalType, merges: boolean): KeepPlan | undefined {
  if (top !== undefined) {
    const columns = top.columns?.map((name) => schema.requireIndex(name!)) ?? schema.fields.map((_, index) => index)
    const orderedBy = columns.indexOf(column)
    return {
      limit: top.limit,
      order: top.order === 'ascending' ? KeepOrder.ASCENDING : KeepOrder.DESCENDING,
      columns: orderedBy === -1 ? [...columns, column] : columns,
      orderedBy: orderedBy === -1 ? columns.length : orderedBy,
    }
  }
  if (kind !== 'min' && kind !== 'max' && kind !== 'first' && kind !== 'last') return undefined
  const isFixed = physicalKindOf(type) < PhysicalKind.INT128
  if (isFixed && !(merges && (kind === 'first' || kind === 'last'))) return undefined
  return { limit: 1, order: KEEP_ORDERS[kind], columns: [column], orderedBy: 0 }
}

function averageScaleOf(scale: number): number {
  return Math.max(AVERAGE_SCALE_MIN, scale)
}

function topFields(schema: Schema, { top }: BuiltInAggregate): readonly Field[] {
  return top?.columns?.map((name) => schema.fields[schema.requireIndex(name!)]) ?? schema.fields
}

function resultType(kind: AggregateKind, type: LogicalType, rowFields: readonly Field[]): LogicalType {
  switch (kind) {
    case 'count':
    case 'countDistinct':
      return { kind: 'BIGINT', nullable: false, safeInteger: true }
    case 'avg':
      if (type.kind !== 'DECIMAL') return { kind: 'DOUBLE', nullable: true }
      return { kind: 'DECIMAL', nullable: true, precision: DECIMAL_PRECISION_MAX, scale: averageScaleOf(type.scale) }
    case 'sum':
      return sumTypeOf(type)!
    case 'topN':
      return { kind: 'ARRAY', nullable: false, element: { kind: 'ROW', nullable: false, fields: rowFields } }
    default:
      return withNullability(type, true)
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
  // What is kept, and different values, lie in a memory of their own: see kept-rows.ts and distinct-values.ts.
  if (plan.domain === 'kept' || plan.kind === 'countDistinct') return
  switch (plan.kind) {
    case 'count':
      kernels.aggregateCountColumn(entries, n, at, column, selection, begin)
      return
    case 'sum':
      if (plan.domain === 'decimal') kernels.aggregateSumDecimal(entries, n, at, base, plan.flag, column, selection, begin)
      else kernels.aggregateSum(entries, n, at, base, plan.flag, column, selection, begin)
      return
    case 'avg':
      if (plan.domain === 'decimal') kernels.aggregateSumDecimal(entries, n, at, base, plan.flag, column, selection, begin)
      else kernels.aggregateSum(entries, n, at, base, 0, column, selection, begin)
      kernels.aggregateCountColumn(entries, n, at + averageCountOffset(plan), column, selection, begin)
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
    case 'count':
      kernels.aggregateMergeSum(targets, sources, n, at, base, 0)
      return
    case 'avg':
      if (plan.domain === 'decimal') kernels.aggregateMergeSumDecimal(targets, sources, n, at, base, flag)
      else if (plan.domain === 'float') kernels.aggregateMergeSumFloat(targets, sources, n, at, base, 0)
      else kernels.aggregateMergeSum(targets, sources, n, at, base, 0)
      kernels.aggregateMergeSum(targets, sources, n, at + averageCountOffset(plan), base, 0)
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
  }
}

/** The count of a mean lies behind its sum. */
function averageCountOffset(plan: AggregatePlan): number {
  return plan.domain === 'decimal' ? 16 : 8
}

/**
 * Writes the results of `entries[n]` to rows `row..row + n - 1` of a column of the plan's type.
 *
 * @throws {BadRecordError} `VALUE_OUT_OF_TYPE` if a sum that is a number in user code is none that a number holds.
 */
export function emit(
  kernels: AggregateKernels & SelectKernels,
  plan: AggregatePlan,
  base: number,
  entries: number,
  n: number,
  column: Column,
  row: number,
): void {
  const at = base + plan.offset
  const { descriptor } = column
  if (plan.kind === 'avg' && plan.domain === 'decimal' && plan.field.type.kind === 'DOUBLE')
    kernels.aggregateWideAverageToColumn(entries, n, at, at + averageCountOffset(plan), descriptor, row)
  else if (plan.kind === 'avg' && plan.domain === 'decimal')
    kernels.aggregateAverageToColumnDecimal(entries, n, at, base, plan.flag, at + averageCountOffset(plan), plan.addedDigits, descriptor, row)
  else if (plan.kind === 'avg')
    kernels.aggregateAverageToColumn(entries, n, at, plan.domain === 'float' ? 1 : 0, at + averageCountOffset(plan), descriptor, row)
  else if (plan.domain === 'decimal') kernels.aggregateToColumnDecimal(entries, n, at, base, plan.flag, descriptor, row)
  else if (plan.domain === 'float') kernels.aggregateToColumnFloat(entries, n, at, base, plan.flag, descriptor, row)
  else {
    kernels.aggregateToColumn(entries, n, at, base, plan.kind === 'count' || plan.kind === 'countDistinct' ? 0 : plan.flag, descriptor, row)
    const { type } = plan.field
    if (plan.kind === 'sum' && type.kind === 'BIGINT' && type.safeInteger) requireSafe(kernels, plan, column, row, n)
  }
}

function requireSafe(kernels: SelectKernels, plan: AggregatePlan, column: Column, row: number, n: number): void {
  const { slab } = column
  const rows = slab.allocate((n + 1) * 4)
  const beyond =
    kernels.selectInteger(Comparison.GREATER, column.descriptor, SAFE_INTEGER_MAX, 0, row, n, rows) ||
    kernels.selectInteger(Comparison.LESS, column.descriptor, -SAFE_INTEGER_MAX, 0, row, n, rows)
  const value = beyond > 0 ? slab.i64[(column.values >>> 3) + slab.i32[rows >>> 2]] : 0n
  slab.free(rows, (n + 1) * 4)
  if (beyond > 0)
    throw new BadRecordError('VALUE_OUT_OF_TYPE', `Cannot give the sum "${plan.field.name}" as a number: ${value} is beyond ±(2^53 - 1)`, {
      hint: 'Declare the column as t.bigint().',
    })
}
