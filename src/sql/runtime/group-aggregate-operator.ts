// GROUP BY without windows: a result row for each group, which changes with each row of the group. After Flink's GroupAggFunction.

import { nullKeyBytes } from '../../base/key-bytes.ts'
import { RowKind } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import type { OperatorDescription } from '../../operator/operator.ts'
import { declarationsOf } from '../../operator/keyed-row-operator.ts'
import { type KeyedStateBackend, type StateTtlConfig, type ValueState, valueState } from '../../state/state.ts'
import type { BoundAggregate } from '../bound-expression.ts'
import type { Value } from '../value.ts'
import { Aggregates } from './aggregates/aggregates.ts'
import { stateCollections } from './aggregates/collections.ts'
import type { Accumulator } from './aggregates/fold.ts'
import { END_OF_TIME, isAddition, type SessionContext, type SqlInput, SqlOperator } from './sql-operator.ts'

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

/** How many rows a group has, and what is known of them. */
type Group = readonly [rowCount: number, accumulators: readonly Accumulator[], key: readonly Value[]]

/** A group that rows of the step under way have changed. */
interface Touched {
  readonly key: readonly Value[]
  count: number
  accumulators: readonly Accumulator[]
  /** What was said of it last; undefined: nothing. */
  readonly before: readonly Value[] | undefined
  readonly witness: string
}

export class GroupAggregateOperator extends SqlOperator {
  readonly #spec: GroupAggregateSpec
  readonly #keys: readonly number[]
  #aggregates!: Aggregates
  #groups!: ValueState<Group>
  /** By the handles of their keys, which are good until the step ends. */
  readonly #touched = new Map<number, Touched>()

  constructor(spec: GroupAggregateSpec, session: SessionContext) {
    super([spec.input], spec.outputSchema, session)
    this.#spec = spec
    this.#keys = spec.input.key ?? []
  }

  describe(): OperatorDescription {
    return { type: 'group aggregate', states: declarationsOf((backend) => this.#groupsIn(backend)), declaresMore: true }
  }

  protected override openFunction(): void {
    const { aggregates, retracts, ttl } = this.#spec
    this.#groups = this.#groupsIn(this.backend)
    this.#aggregates = new Aggregates(aggregates, retracts, this.evaluation, stateCollections(this.backend, 'key', ttl))
    if (this.#spec.isFinal && this.#spec.input.key === undefined) {
      this.backend.select(this.backend.resolveKey(nullKeyBytes()))
      this.eventTimers.register(END_OF_TIME)
    }
  }

  protected override onEventTimer(): void {
    const known = this.#groups.value()
    if (known === null && this.#spec.input.key !== undefined) return
    const [, accumulators, key] = known ?? [0, this.#aggregates.create(), []]
    this.emit(RowKind.INSERT, [...key, ...this.#aggregates.results(accumulators)])
    this.#groups.clear()
    this.#aggregates.clear()
  }

  #groupsIn(backend: KeyedStateBackend): ValueState<Group> {
    const { ttl } = this.#spec
    return backend.getState(valueState<Group>('groups', undefined, ttl === undefined ? {} : { ttl }))
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
      touched = {
        key: this.#keys.map((column) => row[column]),
        count: known === null ? 0 : known[0],
        accumulators: known === null ? aggregates.create() : known[1],
        before: known === null ? undefined : aggregates.results(known[1]),
        witness: known === null ? '' : aggregates.witness(known[1]),
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

  #show({ key, count, accumulators, before, witness }: Touched): void {
    const aggregates = this.#aggregates
    const { isFinal, ttl, sendsUpdateBefore } = this.#spec
    if (count === 0) {
      this.#groups.clear()
      if (before !== undefined && !isFinal) this.emit(RowKind.DELETE, [...key, ...before])
      return
    }
    this.#groups.update([count, accumulators, key])
    if (isFinal) {
      if (before === undefined) this.eventTimers.register(END_OF_TIME)
      return
    }
    const after = [...key, ...aggregates.results(accumulators)]
    if (before === undefined) this.emit(RowKind.INSERT, after)
    // With a time to live an update tells those behind that the group is still there.
    else if (ttl !== undefined || witness !== aggregates.witness(accumulators)) {
      if (sendsUpdateBefore) this.emit(RowKind.UPDATE_BEFORE, [...key, ...before])
      this.emit(RowKind.UPDATE_AFTER, after)
    }
  }
}
