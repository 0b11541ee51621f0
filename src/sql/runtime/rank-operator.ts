// The first rows of an order, of each partition, while rows come and go. After Flink's AppendOnlyTopNFunction and RetractableTopNFunction.

import { RowKind } from '../../batch/record-batch.ts'
import type { DataType, Schema } from '../../batch/types.ts'
import { declarationsOf } from '../../operator/keyed-row-operator.ts'
import type { OperatorDescription } from '../../operator/operator.ts'
import { type KeyedStateBackend, type StateTtlConfig, type ValueState, valueState } from '../../state/state.ts'
import type { RankPlan, SortKey } from '../logical-plan.ts'
import { type Ordering, orderingOf } from '../ordering.ts'
import { keyOf, type Value } from '../value.ts'
import { storedRows } from './row-codec.ts'
import { isAddition, type SessionContext, type SqlInput, SqlOperator } from './sql-operator.ts'

export interface RankSpec {
  readonly input: SqlInput
  readonly outputSchema: Schema
  readonly order: readonly SortKey[]
  readonly from: number
  readonly to: RankPlan['to']
  readonly hasRank: boolean
  /** Whether rows may be taken back: then all have to be kept. */
  readonly retracts: boolean
  /** Columns by which a row's next version replaces it, where a row never goes and its versions only rise in the order; undefined: rows come and go. */
  readonly replacedBy: readonly number[] | undefined
  readonly ttl: StateTtlConfig | undefined
}

/** The rank up to which rows of a partition are asked for, and the rows in their order. */
type Kept = readonly [to: readonly [number], ...rows: (readonly Value[])[]]

/** A partition that the step under way has changed. */
interface Touched {
  readonly rows: (readonly Value[])[]
  readonly to: number
}

export class RankOperator extends SqlOperator {
  readonly #spec: RankSpec
  #ordering!: Ordering
  #partitions!: ValueState<Kept>
  /** By the handles of their keys, which are good until the step ends: then they are written. */
  readonly #touched = new Map<number, Touched>()

  constructor(spec: RankSpec, session: SessionContext) {
    super([spec.input], spec.outputSchema, session)
    this.#spec = spec
  }

  describe(): OperatorDescription {
    return { type: 'rank', states: declarationsOf((backend) => this.#partitionsIn(backend)), hasTimers: false }
  }

  protected override openFunction(): void {
    this.#partitions = this.#partitionsIn(this.backend)
    this.#ordering = orderingOf(this.#spec.order, this.evaluation)
  }

  #partitionsIn(backend: KeyedStateBackend): ValueState<Kept> {
    const { ttl } = this.#spec
    return backend.getState(valueState<Kept>('rows', storedRows as unknown as DataType<Kept>, ttl === undefined ? {} : { ttl }))
  }

  protected override onChange(kind: RowKind, row: readonly Value[]): void {
    const { replacedBy } = this.#spec
    if (replacedBy !== undefined && kind === RowKind.UPDATE_BEFORE) return
    const { rows, to } = this.#partition(row)
    if (replacedBy !== undefined && this.#replace(rows, row, to, replacedBy)) return
    if (isAddition(kind)) this.#add(rows, row, to)
    else this.#takeAway(rows, row, to)
  }

  protected override endStep(): void {
    for (const [handle, { rows, to }] of this.#touched) {
      this.backend.select(handle)
      if (rows.length === 0) this.#partitions.clear()
      else this.#partitions.update([[to], ...rows])
    }
    this.#touched.clear()
  }

  /** The partition of the current key, as it is in this step. */
  #partition(row: readonly Value[]): Touched {
    const handle = this.backend.currentKey
    let touched = this.#touched.get(handle)
    if (touched === undefined) {
      const [[to], ...rows] = this.#partitions.value() ?? [[this.#boundOf(row)]]
      touched = { rows, to }
      this.#touched.set(handle, touched)
    }
    return touched
  }

  /** Up to which rank rows are asked for: of a partition its first row says so. */
  #boundOf(row: readonly Value[]): number {
    const { to } = this.#spec
    return typeof to === 'number' ? to : Number(row[to.column] ?? 0)
  }

  /** The place behind all rows that are not behind a row; @param isFirst The place of the first one that is not in front of it. */
  #placeOf(rows: readonly (readonly Value[])[], row: readonly Value[], isFirst = false): number {
    let [low, high] = [0, rows.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      const order = this.#ordering(rows[middle], row)
      if (order < 0 || (order === 0 && !isFirst)) low = middle + 1
      else high = middle
    }
    return low
  }

  #add(rows: (readonly Value[])[], row: readonly Value[], to: number): void {
    const place = this.#placeOf(rows, row)
    const { retracts } = this.#spec
    if (place >= to && !retracts) return
    rows.splice(place, 0, row)
    const count = rows.length
    const last = !retracts && count > to ? rows.pop() : undefined
    if (place < to)
      this.#show(
        (at) => (at < place ? rows[at] : at + 1 < rows.length ? rows[at + 1] : last),
        count - 1,
        (at) => rows[at],
        count,
        place,
        to,
      )
  }

  #takeAway(rows: (readonly Value[])[], row: readonly Value[], to: number): void {
    const place = this.#find(rows, row)
    if (place < 0) return
    rows.splice(place, 1)
    const { length } = rows
    if (place < to)
      this.#show(
        (at) => (at < place ? rows[at] : at === place ? row : rows[at - 1]),
        length + 1,
        (at) => rows[at],
        length,
        place,
        to,
      )
  }

  /** Where a row is: among those that the order does not tell apart. */
  #find(rows: readonly (readonly Value[])[], row: readonly Value[]): number {
    const key = keyOf(row)
    for (let at = this.#placeOf(rows, row, true); at < rows.length && this.#ordering(rows[at], row) === 0; at++) if (keyOf(rows[at]) === key) return at
    return -1
  }

  /** Puts a row in the place of its last version, if that is kept. */
  #replace(rows: (readonly Value[])[], row: readonly Value[], to: number, key: readonly number[]): boolean {
    const own = keyOf(key.map((column) => row[column]))
    const was = rows.findIndex((one) => keyOf(key.map((column) => one[column])) === own)
    if (was < 0) return false
    const before = rows.slice(0, Math.max(to, was + 1))
    rows.splice(was, 1)
    const place = Math.min(was, this.#placeOf(rows, row))
    rows.splice(place, 0, row)
    const { from, hasRank } = this.#spec
    const change = (old: readonly Value[], next: readonly Value[]): void => {
      this.emit(RowKind.UPDATE_BEFORE, old)
      this.emit(RowKind.UPDATE_AFTER, next)
    }
    if (hasRank || from > 1)
      for (let at = Math.max(place, from - 1); at <= Math.min(was, to - 1); at++) change(this.#result(before[at], at), this.#result(rows[at], at))
    else if (was < to) change(before[was], row)
    else if (place < to) {
      this.emit(RowKind.DELETE, before[to - 1])
      this.emit(RowKind.INSERT, row)
    }
    return true
  }

  /** Says what has changed from a place on, where one row has come or gone. */
  #show(
    before: (at: number) => readonly Value[] | undefined,
    beforeCount: number,
    after: (at: number) => readonly Value[] | undefined,
    afterCount: number,
    place: number,
    to: number,
  ): void {
    const { from, hasRank, retracts } = this.#spec
    if (hasRank || from > 1) {
      const last = Math.min(to, Math.max(beforeCount, afterCount))
      for (let at = Math.max(place, from - 1); at < last; at++) {
        const was = at < beforeCount ? this.#result(before(at)!, at) : undefined
        const is = at < afterCount ? this.#result(after(at)!, at) : undefined
        if (was === undefined) this.emit(RowKind.INSERT, is!)
        else if (is === undefined) this.emit(RowKind.DELETE, was)
        else {
          this.emit(RowKind.UPDATE_BEFORE, was)
          this.emit(RowKind.UPDATE_AFTER, is)
        }
      }
      return
    }
    const isAdded = afterCount > beforeCount
    if (to === 1 && !retracts && beforeCount > 0) {
      this.emit(RowKind.UPDATE_BEFORE, before(0)!)
      this.emit(RowKind.UPDATE_AFTER, after(0)!)
      return
    }
    // One row goes, of those that are shown, and one comes.
    if (isAdded ? beforeCount >= to : true) this.emit(RowKind.DELETE, isAdded ? before(to - 1)! : before(place)!)
    if (isAdded ? true : afterCount >= to) this.emit(RowKind.INSERT, isAdded ? after(place)! : after(to - 1)!)
  }

  #result(row: readonly Value[], place: number): readonly Value[] {
    return this.#spec.hasRank ? [...row, BigInt(place + 1)] : row
  }
}
