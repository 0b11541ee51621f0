// GROUP BY of windows that overlap: rows are folded once, into slices of time, and windows are what their slices amount to together.

import { RowKind } from '../../batch/record-batch.ts'
import type { OperatorDescription } from '../../operator/operator.ts'
import type { WindowSpec } from '../logical-plan.ts'
import type { Value } from '../value.ts'
import { Aggregates } from './aggregates/aggregates.ts'
import { heapCollections } from './aggregates/collections.ts'
import type { SessionContext } from './sql-operator.ts'
import { type WindowGroup, WindowGroupsOperator, type WindowGroupsSpec } from './window-groups-operator.ts'

/** The input's rows say which slice they are in: of windows of HOP or CUMULATE, of event time. */
export interface SliceAggregateSpec extends WindowGroupsSpec {
  readonly slice: WindowSpec
  /** Which of the keys are the windows' last instant. */
  readonly times: readonly number[]
}

/** The slices of a window: as long as what HOP and SIZE have in common, or as a step of CUMULATE. */
export function sliceOf(window: WindowSpec): WindowSpec {
  return { ...window, kind: 'TUMBLE', sizeMs: window.kind === 'CUMULATE' ? window.stepMs : divisorOf(window.sizeMs, window.stepMs) }
}

function divisorOf(one: number, other: number): number {
  return other === 0 ? one : divisorOf(other, one % other)
}

export class SliceAggregateOperator extends WindowGroupsOperator {
  readonly #spec: SliceAggregateSpec
  /** Of the window that ends. */
  #whole!: Aggregates

  constructor(spec: SliceAggregateSpec, session: SessionContext) {
    super(spec, session)
    this.#spec = spec
  }

  describe(): OperatorDescription {
    return this.describeAs('slice aggregate')
  }

  protected override openFunction(): void {
    super.openFunction()
    const { aggregates, retracts } = this.#spec
    this.#whole = new Aggregates(aggregates, retracts, this.evaluation, heapCollections)
  }

  protected override onChange(kind: RowKind, row: readonly Value[]): void {
    const { keys, start, end, window } = this.#spec
    const [startMs, endMs] = [row[keys[start]] as number, row[keys[end]] as number]
    // What the step has touched is not late: else timers had ended the step.
    if (window.kind !== 'CUMULATE' && this.isTouched(startMs, endMs)) {
      this.fold(kind, row, startMs, endMs)
      return
    }
    const open = this.clock.windowsAt(startMs).filter(([, windowEndMs]) => this.clock.firesAt(windowEndMs) > this.watermarkMs)
    if (open.length === 0) {
      this.refuseLate(row, Math.max(...this.clock.windowsAt(startMs).map(([, windowEndMs]) => this.clock.firesAt(windowEndMs))))
      return
    }
    // What windows of CUMULATE have said already lies in their first slice.
    const isSaid = window.kind === 'CUMULATE' && open[0][1] > endMs
    const [fromMs, toMs] = isSaid ? [open[0][0], open[0][0] + window.stepMs] : [startMs, endMs]
    if (!this.fold(kind, row, fromMs, toMs)) return
    for (const [windowStartMs, windowEndMs] of open) {
      this.backend.setNamespace(windowStartMs, windowEndMs)
      this.eventTimers.registerInNamespace(this.clock.firesAt(windowEndMs))
    }
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
      const known = this.groups.value()
      if (known === null) continue
      const [[count], ownKeys, ...others] = known
      rowCount += count
      keys = ownKeys
      this.#whole.merge(accumulators, others, this.aggregates.entries())
      // No later window has it.
      if (sliceMs < startMs + window.stepMs) this.clearGroup()
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
      const last = this.groups.value()
      if (last !== null) added = [last, this.aggregates.entries()]
      this.clearGroup()
    }
    this.backend.setNamespace(startMs, startMs + stepMs)
    let first = this.groups.value()
    if (added !== undefined) {
      const [[[rowCount], keys, ...accumulators], entries] = added
      const [[knownCount], , ...known] = first ?? [[0], keys, ...this.aggregates.create()]
      this.aggregates.merge(known, accumulators, entries)
      first = [[knownCount + rowCount], keys, ...known]
      this.groups.update(first)
    }
    if (first !== null) {
      const [[rowCount], keys, ...known] = first
      if (rowCount > 0) this.#emitWindow(keys, startMs, endMs, this.aggregates.results(known))
    }
    if (endMs === startMs + sizeMs) this.clearGroup()
  }

  #emitWindow(keys: readonly Value[], startMs: number, endMs: number, results: readonly Value[]): void {
    const { start, end, times } = this.#spec
    const values = [...keys]
    values[start] = startMs
    values[end] = endMs
    for (const time of times) values[time] = this.clock.timeOf(endMs)
    this.emit(RowKind.INSERT, [...values, ...results])
  }
}
