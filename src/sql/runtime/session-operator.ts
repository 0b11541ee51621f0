// Sessions: rows of a partition that follow each other within a gap. Its rows come, with its bounds, when the watermark passes its end.

import { RowKind } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import { declarationsOf } from '../../operator/keyed-row-operator.ts'
import type { OperatorDescription } from '../../operator/operator.ts'
import { type KeyedStateBackend, type ListState, listState, type ValueState, valueState } from '../../state/state.ts'
import type { WindowSpec } from '../logical-plan.ts'
import { keyOf, type Value } from '../value.ts'
import { storedRow } from './row-codec.ts'
import { isAddition, type SessionContext, type SqlInput, SqlOperator } from './sql-operator.ts'
import { WindowClock } from './window-clock.ts'

export interface SessionSpec {
  readonly input: SqlInput
  readonly outputSchema: Schema
  readonly window: WindowSpec
  /** The column that says when. */
  readonly time: number
  /** Whether groups of the sessions follow: then rows are in the order in which Flink puts parts of groups together. */
  readonly isAggregated: boolean
}

/** An open session: its bounds in local time, and the namespace of its rows: its bounds when it began. No other has the same, since the two would merge. */
interface Session {
  readonly startMs: number
  readonly endMs: number
  readonly home: readonly [startMs: number, endMs: number]
}

export class SessionOperator extends SqlOperator {
  readonly #spec: SessionSpec
  readonly #clock: WindowClock
  #sessions!: ValueState<readonly Session[]>
  /** Those of a session, in the order of their arrival: a list of its own, to which a row is added without writing the others again. */
  #rows!: ListState<readonly Value[]>

  constructor(spec: SessionSpec, session: SessionContext) {
    super([spec.input], spec.outputSchema, session)
    this.#spec = spec
    this.#clock = new WindowClock(spec.window, session.timeZone)
  }

  describe(): OperatorDescription {
    return { type: 'session windows', states: declarationsOf((backend) => [this.#sessionsIn(backend), this.#rowsIn(backend)]) }
  }

  protected override openFunction(): void {
    this.#sessions = this.#sessionsIn(this.backend)
    this.#rows = this.#rowsIn(this.backend)
  }

  #sessionsIn(backend: KeyedStateBackend): ValueState<readonly Session[]> {
    return backend.getState(valueState<readonly Session[]>('sessions'))
  }

  #rowsIn(backend: KeyedStateBackend): ListState<readonly Value[]> {
    return backend.getState(listState('rows', storedRow), 'namespace')
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
    const own = [localMs, localMs + window.sizeMs] as const
    let merged: Session = { startMs: own[0], endMs: own[1], home: own }
    const met: Session[] = []
    const apart: Session[] = []
    for (const session of this.#sessions.value() ?? []) {
      if (session.startMs > merged.endMs || session.endMs < merged.startMs) apart.push(session)
      else {
        met.push(session)
        merged = { ...merged, startMs: Math.min(session.startMs, merged.startMs), endMs: Math.max(session.endMs, merged.endMs) }
      }
    }
    const joined = this.#spec.isAggregated && met.length > 1 ? ordered(met, localMs) : met
    if (joined.length > 0) merged = { ...merged, home: joined[0].home }
    const firesAt = this.#firesAt(merged)
    if (isEvent && firesAt <= this.watermarkMs) {
      this.refuseLate(row, firesAt)
      return
    }
    this.#move(joined.slice(1), merged)
    this.backend.setNamespace(...merged.home)
    this.#rows.add(row)
    const [first] = joined
    if (joined.length === 1 && first.startMs === merged.startMs && first.endMs === merged.endMs) return
    this.#sessions.update([...apart, merged])
    if (isEvent) this.eventTimers.register(firesAt)
    else this.processingTimers.register(firesAt)
  }

  /** Gives the rows of sessions to another. */
  #move(sessions: readonly Session[], to: Session): void {
    for (const { home } of sessions) {
      this.backend.setNamespace(...home)
      const rows = this.#rows.get()
      this.#rows.clear()
      this.backend.setNamespace(...to.home)
      this.#rows.addAll(rows)
    }
  }

  /** A row that is taken back leaves its session; the session stays as long as it was. */
  #takeBack(row: readonly Value[]): void {
    const key = keyOf(row)
    for (const { home } of this.#sessions.value() ?? []) {
      this.backend.setNamespace(...home)
      const rows = this.#rows.get()
      const at = rows.findIndex((one) => keyOf(one) === key)
      if (at >= 0) return this.#rows.update(rows.toSpliced(at, 1))
    }
  }

  #firesAt({ endMs }: Session): number {
    return this.#clock.firesAt(endMs)
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
      const { startMs, endMs, home } = session
      const timeMs = this.#clock.timeOf(endMs)
      this.backend.setNamespace(...home)
      for (const row of this.#rows.get()) this.emit(RowKind.INSERT, [...row, startMs, endMs, timeMs])
      this.#rows.clear()
    }
    if (left.length === 0) this.#sessions.clear()
    else this.#sessions.update(left)
  }
}

/** Sessions that a row joins. Flink keeps windows that merge in a set of Java, and takes them as these happen to lie there. */
function ordered(sessions: readonly Session[], localMs: number): readonly Session[] {
  // The one behind the row goes into the set first.
  const isBefore = ({ startMs }: Session): number => Number(startMs < localMs)
  return sessions.toSorted((left, right) => bucketOf(left) - bucketOf(right) || isBefore(left) - isBefore(right))
}

/** Where a window lies in a set of Java with room for 16. */
function bucketOf({ startMs, endMs }: Session): number {
  const odd = BigInt.asIntN(32, (BigInt(endMs) << 1n) + 1n)
  // The inverse of an odd number, by Newton's method.
  let inverse = odd * odd * odd
  for (let step = 0; step < 3; step++) inverse = BigInt.asIntN(32, inverse * (2n - odd * inverse))
  const hash = Number(BigInt.asIntN(32, BigInt(startMs) + inverse))
  return (hash ^ (hash >>> 16)) & 15
}
