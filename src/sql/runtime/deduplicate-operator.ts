// The first or the last row of each key by time: ROW_NUMBER in the order of a time attribute, of which the first is asked for.

import { RowKind } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import { declarationsOf } from '../../operator/keyed-row-operator.ts'
import type { OperatorDescription } from '../../operator/operator.ts'
import { type KeyedStateBackend, type StateTtlConfig, type ValueState, valueState } from '../../state/state.ts'
import { keyOf, type Value } from '../value.ts'
import { type NotedRow, notedRow } from './row-codec.ts'
import { type SessionContext, type SqlInput, SqlOperator } from './sql-operator.ts'

export interface DeduplicateSpec {
  readonly input: SqlInput
  readonly outputSchema: Schema
  readonly keeps: 'first' | 'last'
  /** The column of event time; undefined: rows count as they come. */
  readonly time: number | undefined
  /** Columns of the time of the machine: two rows that differ in these alone are the same. */
  readonly ignored: readonly number[]
  readonly ttl: StateTtlConfig | undefined
}

/** The row of a key, and whether it has been sent. */
type Kept = NotedRow<readonly [isSent: boolean]>

export class DeduplicateOperator extends SqlOperator {
  readonly #spec: DeduplicateSpec
  #kept!: ValueState<Kept>

  constructor(spec: DeduplicateSpec, session: SessionContext) {
    super([spec.input], spec.outputSchema, session)
    this.#spec = spec
  }

  describe(): OperatorDescription {
    return { type: 'deduplicate', traits: { keeps: this.#spec.keeps }, states: declarationsOf((backend) => this.#keptIn(backend)) }
  }

  protected override openFunction(): void {
    this.#kept = this.#keptIn(this.backend)
  }

  #keptIn(backend: KeyedStateBackend): ValueState<Kept> {
    const { ttl } = this.#spec
    return backend.getState(valueState<Kept>('row', notedRow(), ttl === undefined ? {} : { ttl }))
  }

  protected override onChange(_kind: RowKind, row: readonly Value[]): void {
    const { keeps, time } = this.#spec
    const [notes, known] = this.#kept.value() ?? [null, null]
    if (keeps === 'last') {
      if (known !== null && time !== undefined && (known[time] as number) > (row[time] as number)) return
      if (known === null) this.emit(RowKind.INSERT, row)
      // With a time to live an update tells those behind that the row is still there.
      else if (time === undefined && this.#spec.ttl === undefined && this.#isSame(known, row)) return
      else {
        this.emit(RowKind.UPDATE_BEFORE, known)
        this.emit(RowKind.UPDATE_AFTER, row)
      }
      this.#kept.update([[true], row])
      return
    }
    if (notes?.[0] === true) return
    if (time === undefined) {
      this.emit(RowKind.INSERT, row)
      this.#kept.update([[true], row])
      return
    }
    // An earlier one may come as long as the watermark has not passed.
    const timeMs = row[time] as number
    if (timeMs <= this.watermarkMs) {
      this.refuseLate(row, timeMs)
      return
    }
    if (known !== null && (known[time] as number) <= timeMs) return
    this.#kept.update([[false], row])
    this.eventTimers.register(timeMs)
  }

  #isSame(one: readonly Value[], other: readonly Value[]): boolean {
    const { ignored } = this.#spec
    const compared = (row: readonly Value[]): string => keyOf(row.filter((_, index) => !ignored.includes(index)))
    return compared(one) === compared(other)
  }

  protected override onEventTimer(): void {
    const known = this.#kept.value()
    if (known === null) return
    const [[isSent], row] = known
    if (isSent || (row[this.#spec.time!] as number) > this.watermarkMs) return
    this.emit(RowKind.INSERT, row)
    this.#kept.update([[true], row])
  }
}
