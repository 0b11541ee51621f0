// The first rows of an order, of each partition, while rows come and go. After Flink's AppendOnlyTopNFunction and RetractableTopNFunction.

import { RowKind } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import { declarationsOf } from '../../operator/keyed-row-operator.ts'
import type { OperatorDescription } from '../../operator/operator.ts'
import { type KeyedStateBackend, type StateTtlConfig, type ValueState, valueState } from '../../state/state.ts'
import type { RankPlan, SortKey } from '../logical-plan.ts'
import { type Ordering, orderingOf } from '../ordering.ts'
import { keyOf, type Value } from '../value.ts'
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

/** The rows of a partition in their order, and the rank up to which they are asked for. */
type Kept = readonly [rows: readonly (readonly Value[])[], to: number]

export class RankOperator extends SqlOperator {
  readonly #spec: RankSpec
  #ordering!: Ordering
  #partitions!: ValueState<Kept>

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
    return backend.getState(valueState<Kept>('rows', undefined, ttl === undefined ? {} : { ttl }))
  }

  protected override onChange(kind: RowKind, row: readonly Value[]): void {
    const { replacedBy } = this.#spec
    if (replacedBy !== undefined && kind === RowKind.UPDATE_BEFORE) return
    const [rows, to] = this.#partitions.value() ?? [[], this.#boundOf(row)]
    if (replacedBy !== undefined && this.#replace(rows, row, to, replacedBy)) return
    if (isAddition(kind)) this.#add(rows, row, to)
    else this.#takeAway(rows, row, to)
  }

  /** Puts a row in the place of its last version, if that is kept. */
  #replace(rows: readonly (readonly Value[])[], row: readonly Value[], to: number, key: readonly number[]): boolean {
    const own = keyOf(key.map((column) => row[column]))
    const was = rows.findIndex((one) => keyOf(key.map((column) => one[column])) === own)
    if (was < 0) return false
    const others = rows.toSpliced(was, 1)
    let place = was
    while (place > 0 && this.#ordering(others[place - 1], row) > 0) place--
    const next = others.toSpliced(place, 0, row)
    this.#partitions.update([next, to])
    const { from, hasRank } = this.#spec
    const change = (before: readonly Value[], after: readonly Value[]): void => {
      this.emit(RowKind.UPDATE_BEFORE, before)
      this.emit(RowKind.UPDATE_AFTER, after)
    }
    if (hasRank || from > 1)
      for (let at = Math.max(place, from - 1); at <= Math.min(was, to - 1); at++) change(this.#result(rows[at], at), this.#result(next[at], at))
    else if (was < to) change(rows[was], row)
    else if (place < to) {
      this.emit(RowKind.DELETE, rows[to - 1])
      this.emit(RowKind.INSERT, row)
    }
    return true
  }

  /** Up to which rank rows are asked for: of a partition its first row says so. */
  #boundOf(row: readonly Value[]): number {
    const { to } = this.#spec
    return typeof to === 'number' ? to : Number(row[to.column] ?? 0)
  }

  #add(rows: readonly (readonly Value[])[], row: readonly Value[], to: number): void {
    let place = rows.length
    while (place > 0 && this.#ordering(rows[place - 1], row) > 0) place--
    const { retracts } = this.#spec
    if (place >= to && !retracts) return
    const all = rows.toSpliced(place, 0, row)
    this.#partitions.update([retracts ? all : all.slice(0, to), to])
    if (place < to) this.#show(rows, all, place, to)
  }

  #takeAway(rows: readonly (readonly Value[])[], row: readonly Value[], to: number): void {
    const key = keyOf(row)
    const place = rows.findIndex((one) => keyOf(one) === key)
    if (place < 0) return
    const left = rows.toSpliced(place, 1)
    if (left.length === 0) this.#partitions.clear()
    else this.#partitions.update([left, to])
    if (place < to) this.#show(rows, left, place, to)
  }

  /** Says what has changed from a place on. */
  #show(before: readonly (readonly Value[])[], after: readonly (readonly Value[])[], place: number, to: number): void {
    const { from, hasRank } = this.#spec
    const first = Math.max(place, from - 1)
    if (hasRank || from > 1) {
      const last = Math.max(Math.min(before.length, to), Math.min(after.length, to))
      for (let at = first; at < last; at++) {
        const was = at < before.length ? this.#result(before[at], at) : undefined
        const is = at < after.length ? this.#result(after[at], at) : undefined
        if (was === undefined) this.emit(RowKind.INSERT, is!)
        else if (is === undefined) this.emit(RowKind.DELETE, was)
        else {
          this.emit(RowKind.UPDATE_BEFORE, was)
          this.emit(RowKind.UPDATE_AFTER, is)
        }
      }
      return
    }
    const isAdded = after.length > before.length
    if (to === 1 && !this.#spec.retracts && before.length > 0) {
      this.emit(RowKind.UPDATE_BEFORE, before[0])
      this.emit(RowKind.UPDATE_AFTER, after[0])
      return
    }
    // One row goes, of those that are shown, and one comes.
    const goes = isAdded ? before.at(to - 1) : before[place]
    const comes = isAdded ? after[place] : after.at(to - 1)
    if (goes !== undefined && before.length >= (isAdded ? to : place + 1)) this.emit(RowKind.DELETE, goes)
    if (comes !== undefined && after.length >= (isAdded ? place + 1 : to)) this.emit(RowKind.INSERT, comes)
  }

  #result(row: readonly Value[], place: number): readonly Value[] {
    return this.#spec.hasRank ? [...row, BigInt(place + 1)] : row
  }
}
