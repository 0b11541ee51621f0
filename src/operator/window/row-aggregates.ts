// The built-in aggregates a record at a time, for windows that are not made of slices: sessions, count and global windows, triggers, evictors,
// lateness. Accumulators are values as user code sees them, in typed states. The answers are those of slice-aggregates.ts. Runs on the worker's
// thread.

import { type KeyValue, keyBytesOf } from '../../base/key-bytes.ts'
import { type DataType, Decimal, DECIMAL_PRECISION_MAX, type Field, type LogicalType, type Schema, withNullability } from '../../batch/types.ts'
import { KeepOrder } from '../../kernels/keep.ts'
import { type KeyedStateBackend, type MapState, mapState, UNION_STATE_PREFIX, type ValueState, valueState } from '../../state/state.ts'
import type { SnapshotReader, SnapshotWriter } from '../operator.ts'
import { addValues, compareSorted, compareValues, sumTypeOf } from '../scalar-aggregates.ts'
import type { AggregatePlan } from './slice-aggregates.ts'
import type { ContentsState } from './window-contents.ts'

type Row = Readonly<Record<string, unknown>>

/** Folds the values of a column, NULLs left out, into an accumulator. All functions may change the accumulators they are given. */
interface Fold {
  /** How the accumulator is stored. */
  readonly type: LogicalType
  create(): unknown
  add(accumulator: unknown, value: unknown): unknown
  merge(left: unknown, right: unknown): unknown
  result(accumulator: unknown): unknown
}

const COUNT: LogicalType = { kind: 'BIGINT', nullable: false, safeInteger: true }
const DECIMAL_LIMIT = 10n ** BigInt(DECIMAL_PRECISION_MAX)

function rowType(fields: Readonly<Record<string, LogicalType>>): LogicalType {
  return { kind: 'ROW', nullable: false, fields: Object.entries(fields).map(([name, type]): Field => ({ name, type })) }
}

const counting: Fold = {
  type: COUNT,
  create: () => 0,
  add: (count) => (count as number) + 1,
  merge: (left, right) => (left as number) + (right as number),
  result: (count) => count,
}

/** What is offered to the aggregates that ask which record came first, also where windows merge: with its number in the order of arrival. */
interface Arrival<T = unknown> {
  readonly sequence: number
  readonly value: T
}

function arrivalType(type: LogicalType): LogicalType {
  return rowType({ sequence: COUNT, value: type })
}

/** Keeps the value that arrived first, or last. */
function choosingByArrival(type: LogicalType, isFirst: boolean): Fold {
  const choose = (held: unknown, offer: unknown): unknown => {
    if (held === null || offer === null) return held ?? offer
    return (offer as Arrival).sequence < (held as Arrival).sequence === isFirst ? offer : held
  }
  return {
    type: withNullability(arrivalType(withNullability(type, false)), true),
    create: () => null,
    add: choose,
    merge: choose,
    result: (held) => (held === null ? null : (held as Arrival).value),
  }
}

/** Keeps one of the values: that which `better` prefers. */
function choosing(type: LogicalType, better: (value: unknown, held: unknown) => boolean): Fold {
  const choose = (held: unknown, value: unknown): unknown => (value !== null && (held === null || better(value, held)) ? value : held)
  return { type: withNullability(type, true), create: () => null, add: choose, merge: choose, result: (held) => held }
}

function summing(type: LogicalType): Fold {
  const add = (left: unknown, right: unknown): unknown => (left === null ? right : right === null ? left : addValues(left, right))
  return { type, create: () => null, add, merge: add, result: (total) => total }
}

/** Of BIGINTs, for their mean: it does not wrap. */
const summingWide: Fold = {
  type: { kind: 'DECIMAL', nullable: true, precision: DECIMAL_PRECISION_MAX, scale: 0 },
  create: () => null,
  add: (total, value) => addWide(total as Decimal | null, BigInt(value as bigint | number)),
  merge: (left, right) => (right === null ? left : addWide(left as Decimal | null, (right as Decimal).unscaled)),
  result: (total) => total,
}

function addWide(total: Decimal | null, value: bigint): Decimal {
  return new Decimal((total?.unscaled ?? 0n) + value, 0)
}

/** A sum of DECIMALs: once it has left the range of 38 digits it is NULL for good. */
interface DecimalSum {
  readonly total: Decimal | null
  readonly isBeyond: boolean
}

function summingDecimals(type: LogicalType): Fold {
  const add = (sum: DecimalSum, value: Decimal | null, isBeyond: boolean): DecimalSum => {
    const total = sum.total === null || value === null ? (sum.total ?? value) : (addValues(sum.total, value) as Decimal)
    const isOut = isBeyond || (total !== null && isOutOfDecimal(total.unscaled))
    return { total: isOut ? null : total, isBeyond: isOut }
  }
  return {
    type: rowType({ total: type, isBeyond: { kind: 'BOOLEAN', nullable: false } }),
    create: (): DecimalSum => ({ total: null, isBeyond: false }),
    add: (sum, value) => add(sum as DecimalSum, value as Decimal, (sum as DecimalSum).isBeyond),
    merge: (left, right) => add(left as DecimalSum, (right as DecimalSum).total, (left as DecimalSum).isBeyond || (right as DecimalSum).isBeyond),
    result: (sum) => (sum as DecimalSum).total,
  }
}

function isOutOfDecimal(unscaled: bigint): boolean {
  return unscaled >= DECIMAL_LIMIT || unscaled <= -DECIMAL_LIMIT
}

interface Mean {
  total: unknown
  count: number
}

/** @param mean The mean of a total that is not NULL. */
function averaging(totals: Fold, mean: (total: unknown, count: number) => unknown): Fold {
  return {
    type: rowType({ total: totals.type, count: COUNT }),
    create: (): Mean => ({ total: totals.create(), count: 0 }),
    add: (accumulator, value) => {
      const { total, count } = accumulator as Mean
      return { total: totals.add(total, value), count: count + 1 }
    },
    merge: (left, right) => ({ total: totals.merge((left as Mean).total, (right as Mean).total), count: (left as Mean).count + (right as Mean).count }),
    result: (accumulator) => {
      const total = totals.result((accumulator as Mean).total)
      return total === null ? null : mean(total, (accumulator as Mean).count)
    },
  }
}

/** total / count with `addedDigits` more digits behind the point, rounded half up; null beyond 38 digits. */
function decimalMean(total: Decimal, count: number, addedDigits: number): Decimal | null {
  const magnitude = (total.unscaled < 0n ? -total.unscaled : total.unscaled) * 10n ** BigInt(addedDigits)
  const divisor = BigInt(count)
  const rounded = (magnitude * 2n + divisor) / (divisor * 2n)
  return isOutOfDecimal(rounded) ? null : new Decimal(total.unscaled < 0n ? -rounded : rounded, total.scale + addedDigits)
}

const DOUBLE_SUM: LogicalType = { kind: 'DOUBLE', nullable: true }

function averagingOf(type: LogicalType, addedDigits: number): Fold {
  if (type.kind === 'DECIMAL') return averaging(summingDecimals(sumTypeOf(type)!), (total, count) => decimalMean(total as Decimal, count, addedDigits))
  if (type.kind === 'BIGINT') return averaging(summingWide, (total, count) => Number((total as Decimal).unscaled) / count)
  return averaging(summing(DOUBLE_SUM), (total, count) => (total as number) / count)
}

/** Whether a value goes before another in the order of a top. */
function precedes(plan: AggregatePlan, value: unknown, held: unknown): boolean {
  const order = compareSorted(value, held)
  return plan.keep!.order === KeepOrder.ASCENDING ? order < 0 : order > 0
}

/** The best rows, best first, those of equal value in order of arrival: a fold of whole rows. */
function ranking(schema: Schema, plan: AggregatePlan): Fold {
  const { limit, columns, orderedBy } = plan.keep!
  const fields = columns.map((column) => schema.fields[column])
  const orderName = fields[orderedBy].name
  const goesBefore = (offer: Arrival<Row>, held: Arrival<Row>): boolean => {
    const value = offer.value[orderName]
    const heldValue = held.value[orderName]
    return offer.sequence < held.sequence ? !precedes(plan, heldValue, value) : precedes(plan, value, heldValue)
  }
  const insert = (rows: readonly Arrival<Row>[], offer: Arrival<Row>): readonly Arrival<Row>[] => {
    let place = rows.length
    while (place > 0 && goesBefore(offer, rows[place - 1])) place--
    return place === limit ? rows : [...rows.slice(0, place), offer, ...rows.slice(place, limit - 1)]
  }
  const { element } = plan.field.type as LogicalType & { readonly kind: 'ARRAY' }
  const names = element.kind === 'ROW' ? element.fields.map(({ name }) => name) : []
  return {
    type: { kind: 'ARRAY', nullable: false, element: arrivalType({ kind: 'ROW', nullable: false, fields }) },
    create: () => [],
    add: (rows, offer) => {
      const { sequence, value } = offer as Arrival<Row>
      return insert(rows as readonly Arrival<Row>[], { sequence, value: Object.fromEntries(fields.map(({ name }) => [name, value[name]])) })
    },
    merge: (left, right) => (right as readonly Arrival<Row>[]).reduce(insert, left as readonly Arrival<Row>[]),
    result: (rows) => (rows as readonly Arrival<Row>[]).map(({ value }) => Object.fromEntries(names.map((name) => [name, value[name]]))),
  }
}

/** Different values by their canonical bytes. */
const distinguishing: Fold = {
  type: COUNT,
  create: () => new Set<string>(),
  add: (values, value) => (values as Set<string>).add(Buffer.from(keyBytesOf(value as KeyValue)).toString('latin1')),
  merge: (left, right) => new Set([...(left as Set<string>), ...(right as Set<string>)]),
  result: (values) => (values as Set<string>).size,
}

function foldOf(schema: Schema, plan: AggregatePlan): Fold {
  const type = plan.column === -1 ? COUNT : schema.fields[plan.column].type
  switch (plan.kind) {
    case 'count':
      return counting
    case 'countDistinct':
      return distinguishing
    case 'sum':
      return type.kind === 'DECIMAL' ? summingDecimals(plan.field.type) : summing(plan.field.type)
    case 'avg':
      return averagingOf(type, plan.addedDigits)
    case 'min':
      return choosing(type, (value, held) => compareValues(value, held) < 0)
    case 'max':
      return choosing(type, (value, held) => compareValues(value, held) > 0)
    case 'first':
      return choosingByArrival(type, true)
    case 'last':
      return choosingByArrival(type, false)
    case 'topN':
      return ranking(schema, plan)
  }
}

/** One aggregate with the column it reads. */
interface RowAggregate {
  readonly plan: AggregatePlan
  readonly fold: Fold
  /** The column's name; undefined where every record counts. */
  readonly column: string | undefined
}

function rowAggregatesOf(schema: Schema, plans: readonly AggregatePlan[]): readonly RowAggregate[] {
  return plans.map((plan) => ({ plan, fold: foldOf(schema, plan), column: plan.column === -1 ? undefined : schema.fields[plan.column].name }))
}

/** What a record, number `sequence` in the order of arrival, gives to an aggregate: the value of its column, the whole record for a top; null for nothing. */
function offered({ plan, column }: RowAggregate, row: Row, sequence: number): unknown {
  if (column === undefined) return row
  const value = row[column]
  if (value === null) return null
  switch (plan.kind) {
    case 'topN':
      return { sequence, value: row } satisfies Arrival
    case 'first':
    case 'last':
      return { sequence, value } satisfies Arrival
    default:
      return value
  }
}

/** The aggregates of some records at once. */
export function aggregateRows(schema: Schema, plans: readonly AggregatePlan[], rows: readonly unknown[]): Row {
  const results = rowAggregatesOf(schema, plans).map((aggregate) => {
    let accumulator = aggregate.fold.create()
    for (const [sequence, row] of rows.entries()) {
      const value = offered(aggregate, row as Row, sequence)
      if (value !== null) accumulator = aggregate.fold.add(accumulator, value)
    }
    return [aggregate.plan.field.name, aggregate.fold.result(accumulator)]
  })
  return Object.fromEntries(results) as Row
}

/** A state whose type is one of SQL's. */
function typed(type: LogicalType): DataType<never> {
  return { logical: type } as DataType<never>
}

const STATE_NAME = 'window-contents'
/** How many records have come: all parts' numbers go to all, so that what comes after a restore is behind all that came before. */
const SEQUENCE_STATE = `${UNION_STATE_PREFIX}${STATE_NAME} sequence`

/** What {@link AggregatedRows.take} moves: the accumulators, the rows of each top, the values of each countDistinct. */
interface TakenRows {
  readonly accumulators: Record<string, unknown>
  readonly tops: readonly (readonly Arrival<Row>[] | null)[]
  readonly values: readonly (readonly unknown[])[]
}

/**
 * The accumulators of a window: small ones together in one row; the rows of a top apart, read only for a record that reaches it; different values
 * in a map. {@link get} returns one row of results.
 */
export class AggregatedRows implements ContentsState {
  readonly #aggregates: readonly RowAggregate[]
  readonly #accumulators: ValueState<Record<string, unknown>>
  readonly #tops = new Map<RowAggregate, ValueState<readonly Arrival<Row>[]>>()
  readonly #values = new Map<RowAggregate, MapState<unknown, boolean>>()
  /** Number of the next record in the order of arrival. */
  #sequence = 0

  constructor(backend: KeyedStateBackend, schema: Schema, plans: readonly AggregatePlan[]) {
    this.#aggregates = rowAggregatesOf(schema, plans)
    // Of a top: the value that a record must precede, once all places are taken. Of different values: how many there are.
    const types = this.#aggregates.map(({ plan, fold }) => [
      plan.field.name,
      plan.kind === 'topN' ? withNullability(schema.fields[plan.column].type, true) : fold.type,
    ])
    const descriptor = valueState<Record<string, unknown>>(STATE_NAME, typed(rowType(Object.fromEntries(types) as Record<string, LogicalType>)))
    this.#accumulators = backend.getState(descriptor, 'namespace')
    for (const aggregate of this.#aggregates) {
      const { plan, fold } = aggregate
      const name = `${STATE_NAME}-${plan.field.name}`
      if (plan.kind === 'topN') this.#tops.set(aggregate, backend.getState(valueState<readonly Arrival<Row>[]>(name, typed(fold.type)), 'namespace'))
      if (plan.kind === 'countDistinct') {
        const type = withNullability(schema.fields[plan.column].type, false)
        this.#values.set(aggregate, backend.getState(mapState<unknown, boolean>(name, typed(type), typed({ kind: 'BOOLEAN', nullable: false })), 'namespace'))
      }
    }
  }

  add(row: unknown): void {
    const accumulators = this.#read()
    const sequence = this.#sequence++
    for (const aggregate of this.#aggregates) {
      const value = offered(aggregate, row as Row, sequence)
      if (value === null) continue
      const { name } = aggregate.plan.field
      if (aggregate.plan.kind === 'topN') accumulators[name] = this.#rank(aggregate, accumulators[name], value as Arrival<Row>)
      else if (aggregate.plan.kind === 'countDistinct') accumulators[name] = this.#distinguish(aggregate, accumulators[name] as number, value)
      else accumulators[name] = aggregate.fold.add(accumulators[name], value)
    }
    this.#accumulators.update(accumulators)
  }

  get(): readonly unknown[] | null {
    const accumulators = this.#accumulators.value()
    if (accumulators === null) return null
    const results = this.#aggregates.map((aggregate) => {
      const { plan, fold } = aggregate
      const held = accumulators[plan.field.name]
      if (plan.kind === 'countDistinct') return [plan.field.name, held]
      return [plan.field.name, fold.result(plan.kind === 'topN' ? (this.#tops.get(aggregate)!.value() ?? []) : held)]
    })
    return [Object.fromEntries(results)]
  }

  clear(): void {
    this.#accumulators.clear()
    for (const state of this.#tops.values()) state.clear()
    for (const state of this.#values.values()) state.clear()
  }

  take(): unknown {
    const accumulators = this.#accumulators.value()
    const taken: TakenRows | null = accumulators && {
      accumulators,
      tops: [...this.#tops.values()].map((state) => state.value()),
      values: [...this.#values.values()].map((state) => state.keys()),
    }
    this.clear()
    return taken
  }

  put(taken: unknown): void {
    const { accumulators: others, tops, values } = taken as TakenRows
    const accumulators = this.#read()
    let top = 0
    let set = 0
    for (const aggregate of this.#aggregates) {
      const { name } = aggregate.plan.field
      if (aggregate.plan.kind === 'topN') accumulators[name] = this.#setTop(aggregate, (rows) => aggregate.fold.merge(rows, tops[top++] ?? []))
      else if (aggregate.plan.kind === 'countDistinct')
        for (const value of values[set++]) accumulators[name] = this.#distinguish(aggregate, accumulators[name] as number, value)
      else accumulators[name] = aggregate.fold.merge(accumulators[name], others[name])
    }
    this.#accumulators.update(accumulators)
  }

  snapshot(writer: SnapshotWriter): void {
    writer.element(SEQUENCE_STATE, new Uint8Array(new Float64Array([this.#sequence]).buffer))
  }

  restore(reader: SnapshotReader): void {
    reader.elements(SEQUENCE_STATE, (bytes) => {
      this.#sequence = Math.max(this.#sequence, new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0, true))
    })
  }

  #read(): Record<string, unknown> {
    const held = this.#accumulators.value()
    if (held !== null) return { ...held }
    const fresh = this.#aggregates.map(({ plan, fold }) => [plan.field.name, plan.kind === 'topN' ? null : plan.kind === 'countDistinct' ? 0 : fold.create()])
    return Object.fromEntries(fresh) as Record<string, unknown>
  }

  /** Offers a record to a top. Returns the value that the next one must precede. */
  #rank(aggregate: RowAggregate, last: unknown, offer: Arrival<Row>): unknown {
    const { plan, fold, column } = aggregate
    if (last !== null && !precedes(plan, offer.value[column!], last)) return last
    return this.#setTop(aggregate, (rows) => fold.add(rows, offer))
  }

  /** Changes the rows of a top. Returns the value that the next one must precede. */
  #setTop(aggregate: RowAggregate, change: (rows: readonly Arrival<Row>[]) => unknown): unknown {
    const state = this.#tops.get(aggregate)!
    const rows = change(state.value() ?? []) as readonly Arrival<Row>[]
    state.update(rows)
    return rows.length < aggregate.plan.keep!.limit ? null : rows[rows.length - 1].value[aggregate.column!]
  }

  /** Notes a value. Returns how many there are. */
  #distinguish(aggregate: RowAggregate, count: number, value: unknown): number {
    const state = this.#values.get(aggregate)!
    if (state.has(value)) return count
    state.put(value, true)
    return count + 1
  }
}
