// Which aggregates of SQL are folded in kernels, and how their accumulators lie in an entry. What is not here is folded row by row
// (aggregates/aggregates.ts).

import { type Field, type LogicalType, physicalKindOf } from '../../batch/types.ts'
import { KeepOrder, keptRowsBytes } from '../../kernels/keep.ts'
import { PhysicalKind } from '../../kernels/column-layout.ts'
import { isOrdered } from '../../operator/scalar-aggregates.ts'
import type { PlannedAggregates } from '../../operator/window/slice-window-operator.ts'
import type { AggregateKind, AggregatePlan } from '../../operator/window/slice-aggregates.ts'
import { type BoundAggregate, type BoundExpression, textOf } from '../bound-expression.ts'

/** One aggregate: what is folded, and which rows. */
export interface ColumnAggregate {
  readonly plan: AggregatePlan
  /** The BOOLEAN column of its FILTER; -1 without one. */
  readonly filter: number
  readonly isDistinct: boolean
  /** Of a sum or mean that values are taken out of again: where their number lies; else -1. */
  readonly countOffset: number
}

/** The aggregates of an operator, and the value area of its entries. */
export interface ColumnAggregatePlan {
  readonly aggregates: readonly ColumnAggregate[]
  /** Byte offset of the int64 number of rows. */
  readonly rowCountOffset: number
  /** Bytes of the value area that are state. */
  readonly valueBytes: number
}

/** Bytes of the bits in front of the accumulators: see {@link AggregatePlan}. */
const FLAGS_BYTES = 8
/** Bits of a u32. */
const AGGREGATES_MAX = 32

const KINDS: Readonly<Record<string, AggregateKind>> = {
  COUNT: 'count',
  SUM: 'sum',
  AVG: 'avg',
  MIN: 'min',
  MAX: 'max',
  'MIN OF REPLACED': 'min',
  'MAX OF REPLACED': 'max',
  FIRST_VALUE: 'first',
  LAST_VALUE: 'last',
}
const KEEP_ORDERS = { min: KeepOrder.ASCENDING, max: KeepOrder.DESCENDING, first: KeepOrder.FIRST, last: KeepOrder.LAST } as const
type KeptKind = keyof typeof KEEP_ORDERS

/** What kernels add up as SQL does: INT in 32 bits, BIGINT in 64, DECIMAL in 38 digits. FLOAT is added up in FLOAT there, and in DOUBLE here. */
const ADDED: ReadonlySet<LogicalType['kind']> = new Set(['TINYINT', 'SMALLINT', 'INT', 'BIGINT', 'DOUBLE', 'DECIMAL'])

/** What a batch adds is added before what it takes back is taken: sums that never were must do no harm. */
const COMMUTES: ReadonlySet<LogicalType['kind']> = new Set(['TINYINT', 'SMALLINT', 'INT', 'BIGINT'])

/** @param retracts Whether rows are taken back. */
function isFolded({ name, operands, isDistinct }: BoundAggregate, retracts: boolean): boolean {
  const kind = Object.hasOwn(KINDS, name) ? KINDS[name] : undefined
  if (kind === undefined || operands.length > 1 || (retracts && isDistinct)) return false
  const [operand] = operands
  if (operand === undefined) return kind === 'count' && !isDistinct
  const { type } = operand
  if (type.kind === 'OBJECT' || physicalKindOf(type) > PhysicalKind.BYTES) return false
  switch (kind) {
    case 'count':
      return true
    case 'sum':
      return ADDED.has(type.kind) && (!retracts || COMMUTES.has(type.kind))
    case 'avg':
      return retracts ? COMMUTES.has(type.kind) : ADDED.has(type.kind) || type.kind === 'FLOAT'
    case 'min':
    case 'max':
      return (!retracts || name.endsWith(' OF REPLACED')) && isOrdered(type)
    default:
      return !retracts
  }
}

/** Whether all of them are folded in kernels. */
export function areFolded(aggregates: readonly BoundAggregate[], retracts: boolean): boolean {
  return aggregates.length <= AGGREGATES_MAX && aggregates.every((aggregate) => isFolded(aggregate, retracts))
}

/** Whether all of them are folded in kernels into as many bytes as they are in a column: nothing is kept whole, and sums are of integers. */
export function areFixed(aggregates: readonly BoundAggregate[]): boolean {
  const isFixed = ({ name, operands: [operand] }: BoundAggregate): boolean =>
    name === 'COUNT' || (name === 'SUM' ? COMMUTES.has(operand.type.kind) : physicalKindOf(operand.type) < PhysicalKind.INT128)
  return areFolded(aggregates, false) && aggregates.every(isFixed)
}

/** Whether all of them are folded in kernels where slices are put together: of different values they can only be counted. */
export function areFoldedInWindows(aggregates: readonly BoundAggregate[]): boolean {
  const isOfAll = ({ name, isDistinct, filter }: BoundAggregate): boolean => !isDistinct || (name === 'COUNT' && filter === undefined)
  return areFolded(aggregates, false) && aggregates.every(isOfAll)
}

/** Whether all of them are folded in kernels where sessions become one: which values are different is not known of these. */
export function areFoldedInSessions(aggregates: readonly BoundAggregate[]): boolean {
  return areFolded(aggregates, false) && aggregates.every(({ isDistinct }) => !isDistinct)
}

/** The columns that are folded: expressions that come behind those that are given, and where each stands. */
export function foldedColumns(aggregates: readonly BoundAggregate[], given: readonly BoundExpression[]): ReadonlyMap<string, BoundExpression> {
  const columns = new Map(given.map((expression) => [textOf(expression), expression]))
  for (const { operands, filter } of aggregates)
    for (const expression of filter === undefined ? operands : [...operands, filter])
      if (!columns.has(textOf(expression))) columns.set(textOf(expression), expression)
  return columns
}

/**
 * Lays out accumulators.
 *
 * @param placeOf The column of an expression.
 * @param fields Of the results.
 */
export function planColumnAggregates(
  aggregates: readonly BoundAggregate[],
  placeOf: (expression: BoundExpression) => number,
  fields: readonly Field[],
  retracts: boolean,
): ColumnAggregatePlan {
  const rowCountOffset = FLAGS_BYTES
  let offset = rowCountOffset + 8
  const planned = aggregates.map(({ name, operands: [operand], filter, isDistinct }, index): ColumnAggregate => {
    const kind = KINDS[name]
    const field = fields[index]
    const column = operand === undefined ? -1 : placeOf(operand)
    const isKept = kind in KEEP_ORDERS && physicalKindOf(operand.type) >= PhysicalKind.INT128
    const hasCount = kind === 'avg' || (kind === 'sum' && retracts)
    const plan: AggregatePlan = {
      field,
      kind,
      column,
      domain: isKept ? 'kept' : kind === 'count' ? 'integer' : domainOf(kind, operand.type),
      ...(isKept && { keep: { limit: 1, order: KEEP_ORDERS[kind as KeptKind], columns: [column], orderedBy: 0 } }),
      addedDigits: kind === 'avg' && operand.type.kind === 'DECIMAL' && field.type.kind === 'DECIMAL' ? field.type.scale - operand.type.scale : 0,
      offset,
      flag: 1 << index,
    }
    const sumBytes = isKept ? keptRowsBytes(1) : plan.domain === 'decimal' ? 16 : 8
    const countOffset = hasCount && retracts ? offset + sumBytes : -1
    offset += sumBytes + (hasCount ? 8 : 0)
    return { plan, filter: filter === undefined ? -1 : placeOf(filter), isDistinct, countOffset }
  })
  return { aggregates: planned, rowCountOffset, valueBytes: offset }
}

/** The same for windows. */
export function planWindowAggregates(
  aggregates: readonly BoundAggregate[],
  placeOf: (expression: BoundExpression) => number,
  fields: readonly Field[],
): Omit<PlannedAggregates, 'resultSchema'> {
  const { aggregates: planned, valueBytes } = planColumnAggregates(aggregates, placeOf, fields, false)
  return {
    plans: planned.map(({ plan, isDistinct }) => (isDistinct ? { ...plan, kind: 'countDistinct' } : plan)),
    valueBytes,
    filters: planned.map(({ filter }) => filter),
  }
}

function domainOf(kind: AggregateKind, type: LogicalType): AggregatePlan['domain'] {
  if (type.kind === 'FLOAT' || type.kind === 'DOUBLE') return 'float'
  return type.kind === 'DECIMAL' && (kind === 'sum' || kind === 'avg') ? 'decimal' : 'integer'
}
