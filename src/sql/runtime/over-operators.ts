// OVER: what is computed of the rows around each row. In the order of time rows wait for the watermark, and leave once; in another order, or in batch,
// all rows of a partition are kept.

import { RowKind } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import { declarationsOf } from '../../operator/keyed-row-operator.ts'
import type { OperatorDescription } from '../../operator/operator.ts'
import { type KeyedStateBackend, type ListState, listState, type StateTtlConfig, type ValueState, valueState } from '../../state/state.ts'
import type { BoundFrame, BoundOver, SortKey } from '../logical-plan.ts'
import type { TimerDomain } from '../../time/timer-service.ts'
import { type Ordering, orderingOf } from '../ordering.ts'
import { keyOf, type Value } from '../value.ts'
import { Aggregates } from './aggregates/aggregates.ts'
import { stateCollections } from './aggregates/collections.ts'
import type { Accumulator } from './aggregates/fold.ts'
import { OverFunctions } from './over-functions.ts'
import { type NotedRow, notedRow, storedRow } from './row-codec.ts'
import { END_OF_TIME, isAddition, type SessionContext, type SqlInput, SqlOperator } from './sql-operator.ts'

/** Calls with one partition and order. */
export interface OverSpec {
  readonly input: SqlInput
  readonly outputSchema: Schema
  readonly calls: readonly BoundOver[]
  readonly order: readonly SortKey[]
  readonly ttl: StateTtlConfig | undefined
}

/** In the order of event time, from some row or time up to the row itself. */
export interface TimeOverSpec extends OverSpec {
  /** The column of the time; undefined: rows count as they come. */
  readonly time: number | undefined
  readonly frame: BoundFrame
}

/** A row that was computed and still counts, and its time. */
type Past = NotedRow<readonly [timeMs: number]>

/** Computes rows in the order of their time, once the watermark has passed it. */
export class TimeOverOperator extends SqlOperator {
  readonly #spec: TimeOverSpec
  readonly #isBounded: boolean
  #aggregates!: Aggregates
  #rows!: ListState<readonly Value[]>
  #accumulators!: ValueState<readonly Accumulator[]>
  #past!: ListState<Past>
  #lastMs!: ValueState<number>
  #endsMs!: ValueState<number>

  constructor(spec: TimeOverSpec, session: SessionContext) {
    super([spec.input], spec.outputSchema, session)
    this.#spec = spec
    this.#isBounded = spec.frame.from !== undefined
  }

  describe(): OperatorDescription {
    return { type: 'over aggregate', states: declarationsOf((backend) => this.#declare(backend)), declaresMore: true }
  }

  protected override openFunction(): void {
    this.#declare(this.backend)
    this.#aggregates = new Aggregates(this.#spec.calls, this.#isBounded, this.evaluation, stateCollections(this.backend))
  }

  #declare(backend: KeyedStateBackend): void {
    this.#rows = backend.getState(listState('rows', storedRow), 'namespace')
    this.#accumulators = backend.getState(valueState<readonly Accumulator[]>('accumulators'))
    this.#past = backend.getState(listState<Past>('past rows', notedRow()))
    this.#lastMs = backend.getState(valueState<number>('last time'))
    this.#endsMs = backend.getState(valueState<number>('end'))
  }

  protected override onChange(_kind: RowKind, row: readonly Value[]): void {
    const { time } = this.#spec
    if (time === undefined) {
      this.#compute(this.nowMs, [row])
      return
    }
    const timeMs = row[time] as number
    const passedMs = this.#isBounded ? (this.#lastMs.value() ?? 0) : this.watermarkMs
    if (timeMs <= passedMs) {
      this.refuseLate(row, timeMs)
      return
    }
    this.backend.setNamespace(timeMs, 0)
    this.#rows.add(row)
    this.eventTimers.registerInNamespace(timeMs)
    const { frame } = this.#spec
    if (frame.unit === 'RANGE' && frame.from !== undefined) this.#registerEnd(timeMs, -frame.from)
  }

  /** When nothing of the key can count any more, half as late again: then it is as if it had never been there. */
  #registerEnd(timeMs: number, distanceMs: number): void {
    const known = this.#endsMs.value()
    if (known !== null && known >= timeMs + distanceMs + 1) return
    const endsMs = timeMs + Math.floor(distanceMs * 1.5) + 1
    this.#endsMs.update(endsMs)
    this.eventTimers.register(endsMs)
  }

  /** @param firedMs Of the timer: a later end may have its own, however far the watermark is. */
  #end(firedMs: number): void {
    const endsMs = this.#endsMs.value()
    if (endsMs === null || endsMs > firedMs) return
    this.#endsMs.clear()
    this.#past.clear()
    this.#accumulators.clear()
    this.#lastMs.clear()
    this.#aggregates.clear()
  }

  protected override onEventTimer(timers: TimerDomain): void {
    if (!timers.firedInNamespace) {
      this.#end(timers.firedMs)
      return
    }
    const timeMs = this.backend.namespaceFirst
    const rows = this.#rows.get()
    this.#rows.clear()
    this.#compute(timeMs, rows)
    if (this.#isBounded) this.#lastMs.update(timeMs)
  }

  /** Computes rows of one time. */
  #compute(timeMs: number, rows: readonly (readonly Value[])[]): void {
    const { frame } = this.#spec
    const aggregates = this.#aggregates
    const accumulators = this.#accumulators.value() ?? aggregates.create()
    const past = this.#isBounded ? [...this.#past.get()] : []
    const add = (row: readonly Value[]): void => {
      aggregates.fold(accumulators, row, 1)
      if (this.#isBounded) past.push([[timeMs], row])
    }
    const drop = (): void => aggregates.fold(accumulators, past.shift()![1], -1)
    if (frame.unit === 'RANGE') {
      if (this.#isBounded) while (past.length > 0 && past[0][0][0] < timeMs + frame.from!) drop()
      // Rows of one time see each other.
      for (const row of rows) add(row)
      for (const row of rows) this.emit(RowKind.INSERT, [...row, ...aggregates.results(accumulators)])
    } else
      for (const row of rows) {
        if (this.#isBounded) while (past.length > -frame.from!) drop()
        add(row)
        this.emit(RowKind.INSERT, [...row, ...aggregates.results(accumulators)])
      }
    this.#accumulators.update(accumulators)
    if (this.#isBounded) this.#past.update(past)
  }
}

/** The rows of a partition in their order, and what was said of each. */
type Partition = readonly (readonly [row: readonly Value[], results: readonly Value[]])[]

/** Computes all rows of a partition anew with each change, and says what is different. */
export class ChangingOverOperator extends SqlOperator {
  readonly #spec: OverSpec
  #ordering!: Ordering
  #functions!: OverFunctions
  #partitions!: ValueState<Partition>

  constructor(spec: OverSpec, session: SessionContext) {
    super([spec.input], spec.outputSchema, session)
    this.#spec = spec
  }

  describe(): OperatorDescription {
    return { type: 'over aggregate of changes', states: declarationsOf((backend) => this.#partitionsIn(backend)), hasTimers: false }
  }

  protected override openFunction(): void {
    this.#partitions = this.#partitionsIn(this.backend)
    this.#ordering = orderingOf(this.#spec.order, this.evaluation)
    this.#functions = new OverFunctions(this.#spec.calls, this.#ordering, this.evaluation)
  }

  #partitionsIn(backend: KeyedStateBackend): ValueState<Partition> {
    const { ttl } = this.#spec
    return backend.getState(valueState<Partition>('rows', undefined, ttl === undefined ? {} : { ttl }))
  }

  protected override onChange(kind: RowKind, row: readonly Value[]): void {
    const before = this.#partitions.value() ?? []
    const isAdded = isAddition(kind)
    let place = before.length
    if (isAdded) while (place > 0 && this.#ordering(before[place - 1][0], row) > 0) place--
    else {
      const key = keyOf(row)
      place = before.findIndex(([one]) => keyOf(one) === key)
      if (place < 0) return
    }
    const rows = before.map(([one]) => one)
    const next = isAdded ? rows.toSpliced(place, 0, row) : rows.toSpliced(place, 1)
    const results = this.#functions.compute(next)
    const after: Partition = next.map((one, index) => [one, results[index]])
    if (after.length === 0) this.#partitions.clear()
    else this.#partitions.update(after)
    if (!isAdded) this.emit(RowKind.DELETE, [...row, ...before[place][1]])
    // What stands elsewhere now was somewhere before.
    for (const [index, [one, own]] of after.entries()) {
      if (isAdded && index === place) {
        this.emit(kind, [...one, ...own])
        continue
      }
      const was = before[isAdded ? (index < place ? index : index - 1) : index < place ? index : index + 1][1]
      if (keyOf(was) === keyOf(own)) continue
      this.emit(RowKind.UPDATE_BEFORE, [...one, ...was])
      this.emit(RowKind.UPDATE_AFTER, [...one, ...own])
    }
  }
}

/** Computes partitions once, when all of their rows are there: in batch. */
export class FinalOverOperator extends SqlOperator {
  readonly #spec: OverSpec
  #ordering!: Ordering
  #functions!: OverFunctions
  #rows!: ListState<readonly Value[]>

  constructor(spec: OverSpec, session: SessionContext) {
    super([spec.input], spec.outputSchema, session)
    this.#spec = spec
  }

  describe(): OperatorDescription {
    return { type: 'over aggregate in batch', states: declarationsOf((backend) => this.#rowsIn(backend)) }
  }

  protected override openFunction(): void {
    this.#rows = this.#rowsIn(this.backend)
    this.#ordering = orderingOf(this.#spec.order, this.evaluation)
    this.#functions = new OverFunctions(this.#spec.calls, this.#ordering, this.evaluation)
  }

  #rowsIn(backend: KeyedStateBackend): ListState<readonly Value[]> {
    return backend.getState(listState('rows', storedRow))
  }

  protected override onChange(kind: RowKind, row: readonly Value[]): void {
    if (isAddition(kind)) this.#rows.add(row)
    else {
      const rows = this.#rows.get()
      const key = keyOf(row)
      const at = rows.findIndex((one) => keyOf(one) === key)
      if (at >= 0) this.#rows.update(rows.toSpliced(at, 1))
    }
    this.eventTimers.register(END_OF_TIME)
  }

  protected override onEventTimer(): void {
    const rows = this.#rows.get().toSorted(this.#ordering)
    const results = this.#functions.compute(rows)
    for (const [index, row] of rows.entries()) this.emit(RowKind.INSERT, [...row, ...results[index]])
    this.#rows.clear()
  }
}
