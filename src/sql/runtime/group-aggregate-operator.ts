// GROUP BY without windows: a result row for each group, which changes with each row of the group. After Flink's GroupAggFunction.

import { nullKeyBytes } from '../../base/key-bytes.ts'
import { RowKind } from '../../batch/record-batch.ts'
import type { DataType, Schema } from '../../batch/types.ts'
import type { OperatorDescription } from '../../operator/operator.ts'
import { declarationsOf } from '../../operator/keyed-row-operator.ts'
import { type KeyedStateBackend, type StateTtlConfig, type ValueState, valueState } from '../../state/state.ts'
import type { BoundAggregate } from '../bound-expression.ts'
import { isSame, type Value } from '../value.ts'
import { Aggregates } from './aggregates/aggregates.ts'
import { stateCollections } from './aggregates/collections.ts'
import type { Accumulator } from './aggregates/fold.ts'
import { storedRows } from './row-codec.ts'
import { END_OF_TIME, isAddition, type SessionContext, type SqlInput, SqlOperator, unreadBy } from './sql-operator.ts'

/** What is grouped, and what is computed. Results are the key's columns and behind them the aggregates. */
export interface GroupAggregateSpec {
  readonly input: SqlInput
  readonly outputSchema: Schema
  readonly aggregates: readonly BoundAggregate[]
  /** Whether the input takes rows back. */
  readonly retracts: boolean
  /** Whether somebody behind needs to know what a row was before it changed. */
  readonly sendsUpdateBefore: boolean
  /** Whether results are given once, when all rows are there: then there is one without rows too, where there are no keys. */
  readonly isFinal: boolean
  /** Whether changes of a group within a step become one. */
  readonly isFolded: boolean
  readonly ttl: StateTtlConfig | undefined
}

/** How many rows a group has, its key, and what is known of them. */
type Group = readonly [rowCount: readonly [number], key: readonly Value[], ...accumulators: Accumulator[]]

/** A group that rows of the step under way have changed. */
interface Touched {
  readonly key: readonly Value[]
  count: number
  accumulators: readonly Accumulator[]
  /** Whether something was said of it. */
  readonly isKnown: boolean
  /** What was said of it last, if somebody asks for that. */
  readonly before: Said | undefined
}

interface Said {
  readonly results: readonly Value[]
  readonly witnesses: readonly Value[]
}

export class GroupAggregateOperator extends SqlOperator {
  readonly #spec: GroupAggregateSpec
  readonly #keys: readonly number[]
  #aggregates!: Aggregates
  #groups!: ValueState<Group>
  /** Whether what was said of a group before makes a difference. */
  #asksBefore = true
  /** By the handles of their keys, which are good until the step ends. */
  readonly #touched = new Map<number, Touched>()

  constructor(spec: GroupAggregateSpec, session: SessionContext) {
    super([spec.input], spec.outputSchema, session)
    this.#spec = spec
    this.#keys = spec.input.key ?? []
  }

  protected override get deferred(): ReadonlySet<number> {
    return unreadBy(this.#spec.aggregates, this.#keys)
  }

  describe(): OperatorDescription {
    return { type: 'group aggregate', states: declarationsOf((backend) => this.#groupsIn(backend)), declaresMore: true }
  }

  protected override openFunction(): void {
    const { aggregates, retracts, ttl } = this.#spec
    this.#groups = this.#groupsIn(this.backend)
    this.#aggregates = new Aggregates(aggregates, retracts, this.evaluation, stateCollections(this.backend, 'key', ttl))
    const { isFinal, sendsUpdateBefore } = this.#spec
    this.#asksBefore = !isFinal && (retracts || sendsUpdateBefore || !this.#aggregates.countsRows)
    if (isFinal && this.#spec.input.key === undefined) {
      this.backend.select(this.backend.resolveKey(nullKeyBytes()))
      this.eventTimers.register(END_OF_TIME)
    }
  }

  protected override onEventTimer(): void {
    const known = this.#groups.value()
    if (known === null && this.#spec.input.key !== undefined) return
    const [, key, ...accumulators] = known ?? [[0], [], ...this.#aggregates.create()]
    this.emit(RowKind.INSERT, [...key, ...this.#aggregates.results(accumulators)])
    this.#groups.clear()
    this.#aggregates.clear()
  }

  #groupsIn(backend: KeyedStateBackend): ValueState<Group> {
    const { ttl } = this.#spec
    return backend.getState(valueState<Group>('groups', storedRows as unknown as DataType<Group>, ttl === undefined ? {} : { ttl }))
  }

  protected override onChange(kind: RowKind, row: readonly Value[]): void {
    const aggregates = this.#aggregates
    const isAdded = isAddition(kind)
    const handle = this.backend.currentKey
    let touched = this.#touched.get(handle)
    if (touched === undefined) {
      const known = this.#groups.value()
      // What is taken from a group that nobody knows: its state has expired, or it never was.
      if (known === null && !isAdded) return
      const accumulators = known === null ? aggregates.create() : (known.slice(2) as Accumulator[])
      touched = {
        key: known?.[1] ?? this.#keys.map((column) => this.valueIn(column)),
        count: known === null ? 0 : known[0][0],
        accumulators,
        isKnown: known !== null,
        before: known === null || !this.#asksBefore ? undefined : this.#said(accumulators),
      }
      this.#touched.set(handle, touched)
    } else if (touched.count === 0 && !isAdded) return
    aggregates.fold(touched.accumulators, row, isAdded ? 1 : -1)
    touched.count += isAdded ? 1 : -1
    if (touched.count === 0) {
      touched.accumulators = aggregates.create()
      aggregates.clear()
    }
    if (!this.#spec.isFolded) this.endStep()
  }

  /** Says of each group that the step has touched what is different. */
  protected override endStep(): void {
    for (const [handle, touched] of this.#touched) {
      this.backend.select(handle)
      this.#show(touched)
    }
    this.#touched.clear()
  }

  #said(accumulators: readonly Accumulator[]): Said {
    const results = this.#aggregates.results(accumulators)
    return { results, witnesses: this.#aggregates.witnesses(accumulators, results) }
  }

  #show({ key, count, accumulators, isKnown, before }: Touched): void {
    const { isFinal, ttl, sendsUpdateBefore } = this.#spec
    if (count === 0) {
      this.#groups.clear()
      if (before !== undefined && !isFinal) this.emit(RowKind.DELETE, [...key, ...before.results])
      return
    }
    this.#groups.update([[count], key, ...accumulators])
    if (isFinal) {
      if (!isKnown) this.eventTimers.register(END_OF_TIME)
      return
    }
    const { results, witnesses } = this.#said(accumulators)
    const after = [...key, ...results]
    if (!isKnown) this.emit(RowKind.INSERT, after)
    // With a time to live an update tells those behind that the group is still there.
    else if (ttl !== undefined || before === undefined || witnesses.some((value, index) => !isSame(value, before.witnesses[index]))) {
      if (sendsUpdateBefore) this.emit(RowKind.UPDATE_BEFORE, [...key, ...before!.results])
      this.emit(RowKind.UPDATE_AFTER, after)
    }
  }
}
