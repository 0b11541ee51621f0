// What aggregates of windows have in common: a group for each key and window, which rows are folded into. A step reads each group that it touches once,
// and writes it when it ends or before timers fire.

import type { RowKind } from '../../batch/record-batch.ts'
import type { DataType, Schema } from '../../batch/types.ts'
import { declarationsOf } from '../../operator/keyed-row-operator.ts'
import type { OperatorDescription } from '../../operator/operator.ts'
import { type KeyedStateBackend, type ValueState, valueState } from '../../state/state.ts'
import type { BoundAggregate } from '../bound-expression.ts'
import type { WindowSpec } from '../logical-plan.ts'
import type { Value } from '../value.ts'
import { Aggregates } from './aggregates/aggregates.ts'
import { stateCollections } from './aggregates/collections.ts'
import type { Accumulator } from './aggregates/fold.ts'
import { storedRows } from './row-codec.ts'
import { isAddition, type SessionContext, type SqlInput, SqlOperator, unreadBy } from './sql-operator.ts'
import { WindowClock } from './window-clock.ts'

/** The input's rows say which window they are in; its key are the keys without the windows' columns. Results are the keys, then the aggregates. */
export interface WindowGroupsSpec {
  readonly input: SqlInput
  readonly outputSchema: Schema
  readonly window: WindowSpec
  /** The columns of the input that are keys, windows' columns among them. */
  readonly keys: readonly number[]
  /** Which of the keys are the windows' beginning and end. */
  readonly start: number
  readonly end: number
  readonly aggregates: readonly BoundAggregate[]
  readonly retracts: boolean
}

/** How many rows a window has, its keys, and what is known of its rows. */
export type WindowGroup = readonly [rowCount: readonly [number], keys: readonly Value[], ...accumulators: Accumulator[]]

/** A {@link WindowGroup} that the step under way has changed. */
interface TouchedGroup {
  readonly startMs: number
  readonly endMs: number
  readonly keys: readonly Value[]
  readonly accumulators: readonly Accumulator[]
  count: number
}

export abstract class WindowGroupsOperator extends SqlOperator {
  protected readonly clock: WindowClock
  /** Of the current group. */
  protected aggregates!: Aggregates
  protected groups!: ValueState<WindowGroup>
  readonly #spec: WindowGroupsSpec
  /** By the handles of the groups' keys, which are good until the step ends. */
  readonly #touched = new Map<number, TouchedGroup[]>()

  protected constructor(spec: WindowGroupsSpec, session: SessionContext) {
    super([spec.input], spec.outputSchema, session)
    this.#spec = spec
    this.clock = new WindowClock(spec.window, session.timeZone)
  }

  protected override get deferred(): ReadonlySet<number> {
    const { aggregates, keys, start, end } = this.#spec
    return unreadBy(
      aggregates,
      keys.filter((column) => column !== keys[start] && column !== keys[end]),
    )
  }

  protected describeAs(type: string): OperatorDescription {
    return { type, states: declarationsOf((backend) => this.#groupsIn(backend)), declaresMore: true }
  }

  protected override openFunction(): void {
    this.groups = this.#groupsIn(this.backend)
    const { aggregates, retracts } = this.#spec
    this.aggregates = new Aggregates(aggregates, retracts, this.evaluation, stateCollections(this.backend, 'namespace'))
  }

  #groupsIn(backend: KeyedStateBackend): ValueState<WindowGroup> {
    return backend.getState(valueState<WindowGroup>('windows', storedRows as unknown as DataType<WindowGroup>), 'namespace')
  }

  /** Whether the step has touched a window of the current key. */
  protected isTouched(startMs: number, endMs: number): boolean {
    return this.#find(startMs, endMs) !== undefined
  }

  #find(startMs: number, endMs: number): TouchedGroup | undefined {
    const groups = this.#touched.get(this.backend.currentKey)
    if (groups !== undefined) for (const group of groups) if (group.startMs === startMs && group.endMs === endMs) return group
    return undefined
  }

  /**
   * Folds the row under way into a window of its key.
   *
   * @returns Whether the window is new: then its timers are to be registered.
   */
  protected fold(kind: RowKind, row: readonly Value[], startMs: number, endMs: number): boolean {
    const sign = isAddition(kind) ? 1 : -1
    let group = this.#find(startMs, endMs)
    // Collections show the current window.
    if (group === undefined || this.aggregates.hasCollections) this.backend.setNamespace(startMs, endMs)
    let isNew = false
    if (group === undefined) {
      const known = this.groups.value()
      if (known === null && sign === -1) return false
      isNew = known === null
      const [[count], ownKeys, ...accumulators] = known ?? [[0], this.#keysOf(startMs, endMs), ...this.aggregates.create()]
      group = { startMs, endMs, count, keys: ownKeys, accumulators }
      const others = this.#touched.get(this.backend.currentKey)
      if (others === undefined) this.#touched.set(this.backend.currentKey, [group])
      else others.push(group)
    }
    this.aggregates.fold(group.accumulators, row, sign)
    group.count += sign
    return isNew
  }

  #keysOf(startMs: number, endMs: number): readonly Value[] {
    const { keys, start, end } = this.#spec
    return keys.map((column, index) => (index === start ? startMs : index === end ? endMs : this.valueIn(column)))
  }

  protected override endStep(): void {
    for (const [handle, groups] of this.#touched) {
      this.backend.select(handle)
      for (const { startMs, endMs, count, keys, accumulators } of groups) {
        this.backend.setNamespace(startMs, endMs)
        this.groups.update([[count], keys, ...accumulators])
      }
    }
    this.#touched.clear()
  }

  /** Forgets the current window. */
  protected clearGroup(): void {
    this.groups.clear()
    this.aggregates.clear()
  }
}
