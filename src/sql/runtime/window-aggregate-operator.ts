// GROUP BY of windows: rows say which window they are in, and the results of a window come when the watermark passes its end.

import { RowKind } from '../../batch/record-batch.ts'
import type { OperatorDescription } from '../../operator/operator.ts'
import type { Value } from '../value.ts'
import type { SessionContext } from './sql-operator.ts'
import { WindowGroupsOperator, type WindowGroupsSpec } from './window-groups-operator.ts'

export interface WindowAggregateSpec extends WindowGroupsSpec {
  /** Whether its rows were given their windows by the clock just before, and are in others if these end before they come here. */
  readonly followsClock: boolean
}

export class WindowAggregateOperator extends WindowGroupsOperator {
  readonly #spec: WindowAggregateSpec

  constructor(spec: WindowAggregateSpec, session: SessionContext) {
    super(spec, session)
    this.#spec = spec
  }

  describe(): OperatorDescription {
    return this.describeAs('window aggregate')
  }

  protected override onChange(kind: RowKind, row: readonly Value[]): void {
    const { keys, start, end, window, followsClock } = this.#spec
    const [startMs, endMs] = [row[keys[start]] as number, row[keys[end]] as number]
    const firesAt = this.clock.firesAt(endMs)
    if (window.time === 'event' && firesAt <= this.watermarkMs) this.refuseLate(row, firesAt)
    else if (followsClock && firesAt <= this.nowMs) for (const [from, to] of this.#windowsNow(startMs, endMs)) this.#add(kind, row, from, to)
    else this.#add(kind, row, startMs, endMs)
  }

  /** Where a row is now whose window is over: it was on its way. Of HOP windows each has one that takes its place, of CUMULATE the longest has all. */
  #windowsNow(startMs: number, endMs: number): readonly (readonly [startMs: number, endMs: number])[] {
    const { kind, sizeMs } = this.#spec.window
    const windows = this.clock.windowsOf(this.nowMs)
    if (kind === 'CUMULATE') return endMs - startMs === sizeMs ? windows : []
    return windows.filter(([from]) => (from - startMs) % sizeMs === 0)
  }

  #add(kind: RowKind, row: readonly Value[], startMs: number, endMs: number): void {
    const { window } = this.#spec
    if (!this.fold(kind, row, startMs, endMs)) return
    const firesAt = this.clock.firesAt(endMs)
    if (window.time === 'event') this.eventTimers.registerInNamespace(firesAt)
    else this.processingTimers.registerInNamespace(firesAt)
  }

  protected override onEventTimer(): void {
    this.#fire()
  }

  protected override onProcessingTimer(): void {
    this.#fire()
  }

  #fire(): void {
    const [[count], keys, ...accumulators] = this.groups.value() ?? [[0], []]
    // A window whose rows were all taken back says nothing.
    if (count > 0) this.emit(RowKind.INSERT, [...keys, ...this.aggregates.results(accumulators)])
    this.clearGroup()
  }
}
