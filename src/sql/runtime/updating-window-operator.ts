// GROUP BY of windows whose results come before they end too, and change after: as often as asked for.

import { RowKind } from '../../batch/record-batch.ts'
import { declarationsOf } from '../../operator/keyed-row-operator.ts'
import type { OperatorDescription } from '../../operator/operator.ts'
import { type KeyedStateBackend, type ValueState, valueState } from '../../state/state.ts'
import { keyOf, type Value } from '../value.ts'
import { Aggregates } from './aggregates/aggregates.ts'
import { stateCollections } from './aggregates/collections.ts'
import type { Accumulator } from './aggregates/fold.ts'
import { isAddition, type SessionContext, SqlOperator } from './sql-operator.ts'
import type { WindowAggregateSpec } from './window-aggregate-operator.ts'
import { WindowClock } from './window-clock.ts'
import type { EmitOptions } from './window-plans.ts'

export interface UpdatingWindowSpec extends Omit<WindowAggregateSpec, 'followsClock'> {
  readonly emit: EmitOptions
}

/** A window: its rows, and what it has said. */
interface Group {
  readonly rowCount: number
  readonly keys: readonly Value[]
  readonly accumulators: readonly Accumulator[]
  readonly said: readonly Value[] | null
  /** Whether its end has passed. */
  readonly isOver: boolean
  /** When it will say what it has, by the machine's clock. */
  readonly nextMs: number | null
}

export class UpdatingWindowOperator extends SqlOperator {
  readonly #spec: UpdatingWindowSpec
  readonly #clock: WindowClock
  #aggregates!: Aggregates
  #groups!: ValueState<Group>

  constructor(spec: UpdatingWindowSpec, session: SessionContext) {
    super([spec.input], spec.outputSchema, session)
    this.#spec = spec
    this.#clock = new WindowClock(spec.window, session.timeZone)
  }

  describe(): OperatorDescription {
    return { type: 'window aggregate with updates', states: declarationsOf((backend) => this.#groupsIn(backend)), declaresMore: true }
  }

  protected override openFunction(): void {
    this.#groups = this.#groupsIn(this.backend)
    const { aggregates, retracts } = this.#spec
    this.#aggregates = new Aggregates(aggregates, retracts, this.evaluation, stateCollections(this.backend, 'namespace'))
  }

  #groupsIn(backend: KeyedStateBackend): ValueState<Group> {
    return backend.getState(valueState<Group>('windows'), 'namespace')
  }

  get #isEvent(): boolean {
    return this.#spec.window.time === 'event'
  }

  /** When a window ends, and when it is forgotten. */
  #timesOf(endMs: number): readonly [firesAt: number, forgottenAt: number] {
    const { latenessMs } = this.#spec.emit
    return [this.#clock.firesAt(endMs), latenessMs === 0 ? this.#clock.firesAt(endMs) : this.#clock.firesAt(endMs + latenessMs)]
  }

  protected override onChange(kind: RowKind, row: readonly Value[]): void {
    const { keys, start, end, emit } = this.#spec
    const values = keys.map((column) => row[column])
    const [startMs, endMs] = [values[start] as number, values[end] as number]
    const [firesAt, forgottenAt] = this.#timesOf(endMs)
    if (this.#isEvent && forgottenAt <= this.watermarkMs) {
      this.refuseLate(row, forgottenAt)
      return
    }
    this.backend.setNamespace(startMs, endMs)
    const isAdded = isAddition(kind)
    const known = this.#groups.value()
    if (known === null && !isAdded) return
    const group = known ?? { rowCount: 0, keys: values, accumulators: this.#aggregates.create(), said: null, isOver: false, nextMs: null }
    this.#aggregates.fold(group.accumulators, row, isAdded ? 1 : -1)
    const isPast = this.#isEvent && firesAt <= this.watermarkMs
    const delayMs = group.isOver ? emit.lateMs : emit.earlyMs
    // The first row of a window that is over shows it.
    const saysNow = isPast && !group.isOver ? true : delayMs === 0
    const next: Group = {
      ...group,
      rowCount: group.rowCount + (isAdded ? 1 : -1),
      isOver: isPast || group.isOver,
      nextMs: saysNow || delayMs === undefined ? group.nextMs : (group.nextMs ?? this.nowMs + delayMs),
    }
    if (known === null)
      for (const timeMs of new Set([firesAt, forgottenAt]))
        if (this.#isEvent) this.eventTimers.registerInNamespace(timeMs)
        else this.processingTimers.registerInNamespace(timeMs)
    if (next.nextMs !== null && group.nextMs === null) this.processingTimers.registerInNamespace(next.nextMs)
    this.#groups.update(saysNow ? this.#say(next) : next)
  }

  protected override onEventTimer(): void {
    const [firesAt, forgottenAt] = this.#timesOf(this.backend.namespaceSecond)
    const group = this.#groups.value()
    if (group === null) return
    const said = firesAt <= this.watermarkMs && !group.isOver ? this.#say({ ...group, isOver: true, nextMs: null }) : group
    if (forgottenAt <= this.watermarkMs) this.#forget()
    else this.#groups.update(said)
  }

  protected override onProcessingTimer(): void {
    const group = this.#groups.value()
    if (group === null) return
    if (!this.#isEvent && this.#clock.firesAt(this.backend.namespaceSecond) <= this.nowMs) {
      this.#say(group)
      this.#forget()
      return
    }
    const delayMs = group.isOver ? this.#spec.emit.lateMs : this.#spec.emit.earlyMs
    if (group.nextMs === null || group.nextMs > this.nowMs || delayMs === undefined) return
    const nextMs = group.nextMs + delayMs
    this.processingTimers.registerInNamespace(nextMs)
    this.#groups.update(this.#say({ ...group, nextMs }))
  }

  /** Says what a window has, unless it has said that already. */
  #say(group: Group): Group {
    const { rowCount, keys, accumulators, said } = group
    if (rowCount === 0) {
      if (said !== null) this.emit(RowKind.DELETE, said)
      return { ...group, said: null }
    }
    const now = [...keys, ...this.#aggregates.results(accumulators)]
    if (said === null) this.emit(RowKind.INSERT, now)
    else if (keyOf(said) === keyOf(now)) return group
    else {
      this.emit(RowKind.UPDATE_BEFORE, said)
      this.emit(RowKind.UPDATE_AFTER, now)
    }
    return { ...group, said: now }
  }

  #forget(): void {
    this.#groups.clear()
    this.#aggregates.clear()
  }
}
