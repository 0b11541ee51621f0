// Sessions: rows of a partition that follow each other within a gap. Its rows come, with its bounds, when the watermark passes its end.

import { RowKind } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import { declarationsOf } from '../../operator/keyed-row-operator.ts'
import type { OperatorDescription } from '../../operator/operator.ts'
import { type KeyedStateBackend, type ValueState, valueState } from '../../state/state.ts'
import type { WindowSpec } from '../logical-plan.ts'
import { keyOf, type Value } from '../value.ts'
import { isAddition, type SessionContext, type SqlInput, SqlOperator } from './sql-operator.ts'
import { WindowClock } from './window-clock.ts'

export interface SessionSpec {
  readonly input: SqlInput
  readonly outputSchema: Schema
  readonly window: WindowSpec
  /** The column that says when. */
  readonly time: number
}

/** An open session: its bounds in local time, and its rows in the order of their arrival. */
interface Session {
  readonly startMs: number
  readonly endMs: number
  readonly rows: readonly (readonly Value[])[]
}

export class SessionOperator extends SqlOperator {
  readonly #spec: SessionSpec
  readonly #clock: WindowClock
  #sessions!: ValueState<readonly Session[]>

  constructor(spec: SessionSpec, session: SessionContext) {
    super([spec.input], spec.outputSchema, session)
    this.#spec = spec
    this.#clock = new WindowClock(spec.window, session.timeZone)
  }

  describe(): OperatorDescription {
    return { type: 'session windows', states: declarationsOf((backend) => this.#sessionsIn(backend)) }
  }

  protected override openFunction(): void {
    this.#sessions = this.#sessionsIn(this.backend)
  }

  #sessionsIn(backend: KeyedStateBackend): ValueState<readonly Session[]> {
    return backend.getState(valueState<readonly Session[]>('sessions'))
  }

  protected override onChange(kind: RowKind, row: readonly Value[]): void {
    const { time, window } = this.#spec
    const isEvent = window.time === 'event'
    const given = isEvent ? row[time] : this.nowMs
    if (given === null) {
      this.context.metrics.lateRecords++
      return
    }
    if (!isAddition(kind)) return this.#takeBack(row)
    const localMs = this.#clock.localOf(given as number)
    let merged: Session = { startMs: localMs, endMs: localMs + window.sizeMs, rows: [row] }
    const apart: Session[] = []
    const open = this.#sessions.value() ?? []
    for (const session of open) {
      if (session.startMs > merged.endMs || session.endMs < merged.startMs) apart.push(session)
      else
        merged = {
          startMs: Math.min(session.startMs, merged.startMs),
          endMs: Math.max(session.endMs, merged.endMs),
          rows: [...session.rows, ...merged.rows],
        }
    }
    const firesAt = this.#firesAt(merged)
    if (isEvent && firesAt <= this.watermarkMs) {
      this.context.metrics.lateRecords++
      return
    }
    this.#sessions.update([...apart, merged])
    if (isEvent) this.eventTimers.register(firesAt)
    else this.processingTimers.register(firesAt)
  }

  /** A row that is taken back leaves its session; the session stays as long as it was. */
  #takeBack(row: readonly Value[]): void {
    const key = keyOf(row)
    let isFound = false
    const sessions = (this.#sessions.value() ?? []).map((session) => {
      const at = isFound ? -1 : session.rows.findIndex((one) => keyOf(one) === key)
      if (at < 0) return session
      isFound = true
      return { ...session, rows: session.rows.toSpliced(at, 1) }
    })
    if (isFound) this.#sessions.update(sessions)
  }

  #firesAt({ endMs }: Session): number {
    return this.#spec.window.time === 'event' ? this.#clock.firesAt(endMs) : endMs - 1
  }

  protected override onEventTimer(): void {
    this.#fire(this.watermarkMs)
  }

  protected override onProcessingTimer(): void {
    this.#fire(this.nowMs)
  }

  #fire(upToMs: number): void {
    const open = this.#sessions.value() ?? []
    const left = open.filter((session) => this.#firesAt(session) > upToMs)
    if (left.length === open.length) return
    for (const session of open) {
      if (this.#firesAt(session) > upToMs) continue
      const { startMs, endMs } = session
      const timeMs = this.#spec.window.time === 'event' ? this.#clock.timeOf(endMs) : endMs - 1
      for (const row of session.rows) this.emit(RowKind.INSERT, [...row, startMs, endMs, timeMs])
    }
    if (left.length === 0) this.#sessions.clear()
    else this.#sessions.update(left)
  }
}
