// GROUP BY of windows that overlap: rows are folded once, into slices of time, and windows are what their slices amount to together.

import { RowKind } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import { declarationsOf } from '../../operator/keyed-row-operator.ts'
import type { OperatorDescription } from '../../operator/operator.ts'
import { type KeyedStateBackend, type ValueState, valueState } from '../../state/state.ts'
import type { BoundAggregate } from '../bound-expression.ts'
import type { WindowSpec } from '../logical-plan.ts'
import type { Value } from '../value.ts'
import { Aggregates } from './aggregates/aggregates.ts'
import { HeapCollection } from './aggregates/fold.ts'
import { collectionState } from './group-aggregate-operator.ts'
import { isAddition, type SessionContext, type SqlInput, SqlOperator } from './sql-operator.ts'
import { TouchedWindows, type WindowGroup } from './touched-windows.ts'
import { WindowClock } from './window-clock.ts'

/** The input's rows say which slice they are in; its key are the keys without the windows' columns. Results are the keys, then the aggregates. */
export interface SliceAggregateSpec {
  readonly input: SqlInput
  readonly outputSchema: Schema
  /** HOP or CUMULATE, of event time. */
  readonly window: WindowSpec
  readonly slice: WindowSpec
  /** The columns of the input that are keys, windows' columns among them. */
  readonly keys: readonly number[]
  /** Which of the keys are the windows' beginning, end and last instant. */
  readonly start: number
  readonly end: number
  readonly times: readonly number[]
  readonly aggregates: readonly BoundAggregate[]
  readonly retracts: boolean
}

/** The slices of a window: as long as what HOP and SIZE have in common, or as a step of CUMULATE. */
export function sliceOf(window: WindowSpec): WindowSpec {
  return { ...window, kind: 'TUMBLE', sizeMs: window.kind === 'CUMULATE' ? window.stepMs : divisorOf(window.sizeMs, window.stepMs) }
}

function divisorOf(one: number, other: number): number {
  return other === 0 ? one : divisorOf(other, one % other)
}

export class SliceAggregateOperator extends SqlOperator {
  readonly #spec: SliceAggregateSpec
  readonly #clock: WindowClock
  /** Of the current slice. */
  #aggregates!: Aggregates
  /** Of the window that ends. */
  #whole!: Aggregates
  #groups!: ValueState<WindowGroup>
  readonly #touched = new TouchedWindows()

  constructor(spec: SliceAggregateSpec, session: SessionContext) {
    super([spec.input], spec.outputSchema, session)
    this.#spec = spec
    this.#clock = new WindowClock(spec.window, session.timeZone)
  }

  describe(): OperatorDescription {
    return { type: 'slice aggregate', states: declarationsOf((backend) => this.#groupsIn(backend)), declaresMore: true }
  }

  protected override openFunction(): void {
    this.#groups = this.#groupsIn(this.backend)
    const { aggregates, retracts } = this.#spec
    this.#aggregates = new Aggregates(aggregates, retracts, this.evaluation, (name) => collectionState(this.backend, name, {}, 'namespace'))
    this.#whole = new Aggregates(aggregates, retracts, this.evaluation, () => new HeapCollection())
  }

  #groupsIn(backend: KeyedStateBackend): ValueState<WindowGroup> {
    return backend.getState(valueState<WindowGroup>('slices'), 'namespace')
  }

  protected override onChange(kind: RowKind, row: readonly Value[]): void {
    const { keys, start, end, window } = this.#spec
    const values = keys.map((column) => row[column])
    const [startMs, endMs] = [values[start] as number, values[end] as number]
    const open = this.#clock.windowsAt(startMs).filter(([, windowEndMs]) => this.#clock.firesAt(windowEndMs) > this.watermarkMs)
    if (open.length === 0) this.context.metrics.lateRecords++
    // What windows of CUMULATE have said already lies in their first slice.
    else if (window.kind === 'CUMULATE' && open[0][1] > endMs) this.#add(kind, row, values, open[0][0], open[0][0] + window.stepMs, open)
    else this.#add(kind, row, values, startMs, endMs, open)
  }

  #add(kind: RowKind, row: readonly Value[], values: readonly Value[], startMs: number, endMs: number, open: readonly (readonly [number, number])[]): void {
    const sign = isAddition(kind) ? 1 : -1
    let touched = this.#touched.find(this.backend, startMs, endMs)
    if (touched === undefined || this.#aggregates.hasCollections) this.backend.setNamespace(startMs, endMs)
    const isFirst = touched === undefined
    let isNew = false
    if (touched === undefined) {
      const known = this.#groups.value()
      if (known === null && sign === -1) return
      isNew = known === null
      const [count, keys, accumulators] = known ?? [0, values, this.#aggregates.create()]
      touched = { startMs, endMs, count, keys, accumulators }
    }
    this.#aggregates.fold(touched.accumulators, row, sign)
    touched.count += sign
    if (isFirst) this.#touched.add(this.backend, touched)
    if (!isNew) return
    for (const [windowStartMs, windowEndMs] of open) {
      this.backend.setNamespace(windowStartMs, windowEndMs)
      this.eventTimers.registerInNamespace(this.#clock.firesAt(windowEndMs))
    }
  }

  protected override endStep(): void {
    this.#touched.write(this.backend, this.#groups)
  }

  protected override onEventTimer(): void {
    const { namespaceFirst: startMs, namespaceSecond: endMs } = this.backend
    if (this.#spec.window.kind === 'CUMULATE') this.#fireCumulate(startMs, endMs)
    else this.#fireHop(startMs, endMs)
  }

  #fireHop(startMs: number, endMs: number): void {
    const { window, slice } = this.#spec
    const slices: number[] = []
    for (let sliceMs = startMs; sliceMs < endMs; sliceMs += slice.sizeMs) slices.push(sliceMs)
    const accumulators = this.#whole.create()
    let rowCount = 0
    let keys: readonly Value[] = []
    // Flink goes from the latest slice to the first one, and in windows of GROUP BY the other way.
    for (const sliceMs of window.isLegacy ? slices : slices.toReversed()) {
      this.backend.setNamespace(sliceMs, sliceMs + slice.sizeMs)
      const known = this.#groups.value()
      if (known === null) continue
      rowCount += known[0]
      keys = known[1]
      this.#whole.merge(accumulators, known[2], this.#aggregates.entries())
      // No later window has it.
      if (sliceMs < startMs + window.stepMs) this.#clear()
    }
    if (rowCount > 0) this.#emitWindow(keys, startMs, endMs, this.#whole.results(accumulators))
    this.#whole.clear()
  }

  /** The first slice takes in the one that ends now. */
  #fireCumulate(startMs: number, endMs: number): void {
    const { sizeMs, stepMs } = this.#spec.window
    let added: readonly [WindowGroup, ReturnType<Aggregates['entries']>] | undefined
    if (endMs > startMs + stepMs) {
      this.backend.setNamespace(endMs - stepMs, endMs)
      const last = this.#groups.value()
      if (last !== null) added = [last, this.#aggregates.entries()]
      this.#clear()
    }
    this.backend.setNamespace(startMs, startMs + stepMs)
    let first = this.#groups.value()
    if (added !== undefined) {
      const [[rowCount, keys, accumulators], entries] = added
      const [knownCount, , known] = first ?? [0, keys, this.#aggregates.create()]
      this.#aggregates.merge(known, accumulators, entries)
      first = [knownCount + rowCount, keys, known]
      this.#groups.update(first)
    }
    if (first !== null && first[0] > 0) this.#emitWindow(first[1], startMs, endMs, this.#aggregates.results(first[2]))
    if (endMs === startMs + sizeMs) this.#clear()
  }

  #clear(): void {
    this.#groups.clear()
    this.#aggregates.clear()
  }

  #emitWindow(keys: readonly Value[], startMs: number, endMs: number, results: readonly Value[]): void {
    const { start, end, times } = this.#spec
    const values = [...keys]
    values[start] = startMs
    values[end] = endMs
    for (const time of times) values[time] = this.#clock.timeOf(endMs)
    this.emit(RowKind.INSERT, [...values, ...results])
  }
}
