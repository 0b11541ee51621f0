// GROUP BY without windows: a result row for each group, which changes with each row of the group. After Flink's GroupAggFunction.

import { nullKeyBytes } from '../../base/key-bytes.ts'
import { RowKind } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import type { OperatorDescription } from '../../operator/operator.ts'
import { declarationsOf } from '../../operator/keyed-row-operator.ts'
import { type KeyedStateBackend, mapState, type StateTtlConfig, type ValueState, valueState } from '../../state/state.ts'
import type { BoundAggregate } from '../bound-expression.ts'
import type { Value } from '../value.ts'
import { type Accumulator, Aggregates, type Collection } from './aggregates/aggregates.ts'
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
  readonly ttl: StateTtlConfig | undefined
}

/** How many rows a group has, and what is known of them. */
type Group = readonly [rowCount: number, accumulators: readonly Accumulator[], key: readonly Value[]]

export class GroupAggregateOperator extends SqlOperator {
  readonly #spec: GroupAggregateSpec
  readonly #keys: readonly number[]
  #aggregates!: Aggregates
  #groups!: ValueState<Group>

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
    const options = ttl === undefined ? {} : { ttl }
    this.#aggregates = new Aggregates(aggregates, retracts, this.evaluation, (name) => collectionState(this.backend, name, options))
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
    const known = this.#groups.value()
    // What is taken from a group that nobody knows: its state has expired, or it never was.
    if (known === null && !isAdded) return
    const [rowCount, accumulators] = known ?? [0, aggregates.create()]
    const key = this.#keys.map((column) => row[column])
    if (this.#spec.isFinal) {
      const left = rowCount + (isAdded ? 1 : -1)
      aggregates.fold(accumulators, row, isAdded ? 1 : -1)
      if (left === 0) {
        this.#groups.clear()
        aggregates.clear()
      } else this.#groups.update([left, accumulators, key])
      if (known === null) this.eventTimers.register(END_OF_TIME)
      return
    }
    const before = known === null ? undefined : aggregates.results(accumulators)
    const witness = known === null ? '' : aggregates.witness(accumulators)
    const count = rowCount + (isAdded ? 1 : -1)
    aggregates.fold(accumulators, row, isAdded ? 1 : -1)
    if (count === 0) {
      this.#groups.clear()
      aggregates.clear()
      this.emit(RowKind.DELETE, [...key, ...before!])
      return
    }
    this.#groups.update([count, accumulators, key])
    const after = [...key, ...aggregates.results(accumulators)]
    if (before === undefined) this.emit(RowKind.INSERT, after)
    // With a time to live an update tells those behind that the group is still there.
    else if (this.#spec.ttl !== undefined || witness !== aggregates.witness(accumulators)) {
      if (this.#spec.sendsUpdateBefore) this.emit(RowKind.UPDATE_BEFORE, [...key, ...before])
      this.emit(RowKind.UPDATE_AFTER, after)
    }
  }
}

/** A collection of the current group that is state. */
export function collectionState(
  backend: KeyedStateBackend,
  name: string,
  options: { readonly ttl?: StateTtlConfig } = {},
  scope: 'key' | 'namespace' = 'key',
): Collection {
  return backend.getState(mapState<string, readonly [readonly Value[], number]>(name, undefined, undefined, options), scope)
}
