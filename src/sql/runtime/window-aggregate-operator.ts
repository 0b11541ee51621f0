// GROUP BY of windows: rows say which window they are in, and the results of a window come when the watermark passes its end.

import { RowKind } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import { declarationsOf } from '../../operator/keyed-row-operator.ts'
import type { OperatorDescription } from '../../operator/operator.ts'
import { type KeyedStateBackend, type ValueState, valueState } from '../../state/state.ts'
import type { BoundAggregate } from '../bound-expression.ts'
import type { WindowSpec } from '../logical-plan.ts'
import type { Value } from '../value.ts'
import { Aggregates } from './aggregates/aggregates.ts'
import { collectionState } from './group-aggregate-operator.ts'
import { isAddition, type SessionContext, type SqlInput, SqlOperator } from './sql-operator.ts'
import { TouchedWindows, type WindowGroup } from './touched-windows.ts'
import { WindowClock } from './window-clock.ts'

/** The input's key are the keys without the windows' columns. Results are the keys in their order, then the aggregates. */
export interface WindowAggregateSpec {
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
  /** Whether its rows were given their windows by the clock just before, and are in others if these end before they come here. */
  readonly followsClock: boolean
}

export class WindowAggregateOperator extends SqlOperator {
  readonly #spec: WindowAggregateSpec
  readonly #clock: WindowClock
  #aggregates!: Aggregates
  #groups!: ValueState<WindowGroup>
  readonly #touched = new TouchedWindows()

  constructor(spec: WindowAggregateSpec, session: SessionContext) {
    super([spec.input], spec.outputSchema, session)
    this.#spec = spec
    this.#clock = new WindowClock(spec.window, session.timeZone)
  }

  describe(): OperatorDescription {
    return { type: 'window aggregate', states: declarationsOf((backend) => this.#groupsIn(backend)), declaresMore: true }
  }

  protected override openFunction(): void {
    this.#groups = this.#groupsIn(this.backend)
    const { aggregates, retracts } = this.#spec
    this.#aggregates = new Aggregates(aggregates, retracts, this.evaluation, (name) => collectionState(this.backend, name, {}, 'namespace'))
  }

  #groupsIn(backend: KeyedStateBackend): ValueState<WindowGroup> {
    return backend.getState(valueState<WindowGroup>('windows'), 'namespace')
  }

  protected override onChange(kind: RowKind, row: readonly Value[]): void {
    const { keys, start, end, window, followsClock } = this.#spec
    const values = keys.map((column) => row[column])
    const [startMs, endMs] = [values[start] as number, values[end] as number]
    const firesAt = this.#clock.firesAt(endMs)
    if (window.time === 'event' && firesAt <= this.watermarkMs) this.context.metrics.lateRecords++
    else if (followsClock && firesAt <= this.nowMs) for (const [from, to] of this.#windowsNow(startMs, endMs)) this.#add(kind, row, values, from, to)
    else this.#add(kind, row, values, startMs, endMs)
  }

  /** Where a row is now whose window is over: it was on its way. Of HOP windows each has one that takes its place, of CUMULATE the longest has all. */
  #windowsNow(startMs: number, endMs: number): readonly (readonly [startMs: number, endMs: number])[] {
    const { kind, sizeMs } = this.#spec.window
    const windows = this.#clock.windowsOf(this.nowMs)
    if (kind === 'CUMULATE') return endMs - startMs === sizeMs ? windows : []
    return windows.filter(([from]) => (from - startMs) % sizeMs === 0)
  }

  #add(kind: RowKind, row: readonly Value[], given: readonly Value[], startMs: number, endMs: number): void {
    const { start, end, window } = this.#spec
    const sign = isAddition(kind) ? 1 : -1
    let touched = this.#touched.find(this.backend, startMs, endMs)
    if (touched === undefined || this.#aggregates.hasCollections) this.backend.setNamespace(startMs, endMs)
    const isFirst = touched === undefined
    let isNew = false
    if (touched === undefined) {
      const known = this.#groups.value()
      if (known === null && sign === -1) return
      isNew = known === null
      const [count, keys, accumulators] = known ?? [0, given.with(start, startMs).with(end, endMs), this.#aggregates.create()]
      touched = { startMs, endMs, count, keys, accumulators }
    }
    this.#aggregates.fold(touched.accumulators, row, sign)
    touched.count += sign
    if (isFirst) this.#touched.add(this.backend, touched)
    if (!isNew) return
    const firesAt = this.#clock.firesAt(endMs)
    if (window.time === 'event') this.eventTimers.registerInNamespace(firesAt)
    else this.processingTimers.registerInNamespace(firesAt)
  }

  protected override endStep(): void {
    this.#touched.write(this.backend, this.#groups)
  }

  protected override onEventTimer(): void {
    this.#fire()
  }

  protected override onProcessingTimer(): void {
    this.#fire()
  }

  #fire(): void {
    const known = this.#groups.value()
    // A window whose rows were all taken back says nothing.
    if (known !== null && known[0] > 0) this.emit(RowKind.INSERT, [...known[1], ...this.#aggregates.results(known[2])])
    this.#groups.clear()
    this.#aggregates.clear()
  }
}
