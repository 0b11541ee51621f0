// Joins rows with the version of another table's row that holds at their time. A row waits until the watermark has passed its time; of each key the
// versions are kept that rows may still ask for. After Flink's TemporalRowTimeJoinOperator.

import { RowKind } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import { declarationsOf } from '../../operator/keyed-row-operator.ts'
import type { OperatorDescription } from '../../operator/operator.ts'
import { type KeyedStateBackend, type ListState, listState } from '../../state/state.ts'
import type { BoundExpression } from '../bound-expression.ts'
import { type Evaluate, interpret } from '../interpreter.ts'
import type { Value } from '../value.ts'
import { type NotedRow, notedRow } from './row-codec.ts'
import { isAddition, type SessionContext, type SqlInput, SqlOperator } from './sql-operator.ts'

export interface TemporalJoinSpec {
  readonly inputs: readonly [SqlInput, SqlInput]
  readonly outputSchema: Schema
  readonly type: 'INNER' | 'LEFT'
  readonly leftTime: number
  readonly rightTime: number
  readonly widths: readonly [number, number]
  readonly condition: BoundExpression | undefined
}

/** A row and what it was for. */
type Waiting = NotedRow<readonly [kind: RowKind]>

export class TemporalJoinOperator extends SqlOperator {
  readonly #spec: TemporalJoinSpec
  #condition: Evaluate | undefined
  #waiting!: ListState<Waiting>
  #versions!: ListState<Waiting>

  constructor(spec: TemporalJoinSpec, session: SessionContext) {
    super(spec.inputs, spec.outputSchema, session)
    this.#spec = spec
  }

  describe(): OperatorDescription {
    return { type: 'temporal join', states: declarationsOf((backend) => this.#declare(backend)) }
  }

  protected override openFunction(): void {
    this.#declare(this.backend)
    this.#condition = this.#spec.condition && interpret(this.#spec.condition, this.evaluation)
  }

  #declare(backend: KeyedStateBackend): void {
    this.#waiting = backend.getState(listState<Waiting>('waiting rows', notedRow()))
    this.#versions = backend.getState(listState<Waiting>('versions', notedRow()))
  }

  protected override onChange(kind: RowKind, whole: readonly Value[], input: number): void {
    const { widths, leftTime, rightTime } = this.#spec
    const row = whole.slice(0, widths[input])
    if (input === 0) {
      this.#waiting.add([[kind], row])
      this.eventTimers.register(row[leftTime] as number)
      return
    }
    // What a row was before says nothing that the row after it does not.
    if (kind === RowKind.UPDATE_BEFORE) return
    const timeMs = row[rightTime] as number
    const versions = this.#versions.get().filter(([, other]) => other[rightTime] !== timeMs)
    this.#versions.update([...versions, [[kind], row] as const].toSorted(([, one], [, other]) => (one[rightTime] as number) - (other[rightTime] as number)))
    this.eventTimers.register(timeMs)
  }

  protected override onEventTimer(): void {
    const { leftTime, rightTime } = this.#spec
    const upToMs = this.watermarkMs
    const versions = this.#versions.get()
    const waiting = this.#waiting.get()
    const due = waiting.filter(([, row]) => (row[leftTime] as number) <= upToMs)
    for (const [[kind], row] of due) {
      const version = versions.findLast(([, other]) => (other[rightTime] as number) <= (row[leftTime] as number))
      this.#emitPair(kind, row, version)
    }
    if (due.length > 0) {
      const left = waiting.filter(([, row]) => (row[leftTime] as number) > upToMs)
      if (left.length === 0) this.#waiting.clear()
      else this.#waiting.update(left)
    }
    // Of the versions that have begun the last one still holds.
    const last = versions.findLastIndex(([, row]) => (row[rightTime] as number) <= upToMs)
    if (last > 0) this.#versions.update(versions.slice(last))
  }

  #emitPair(kind: RowKind, row: readonly Value[], version: Waiting | undefined): void {
    if (version !== undefined && isAddition(version[0][0])) {
      const pair = [...row, ...version[1]]
      if (this.#condition === undefined || this.#condition(pair) === true) return this.emit(kind, pair)
    }
    if (this.#spec.type === 'LEFT') this.emit(kind, [...row, ...Array.from({ length: this.#spec.widths[1] }, () => null)])
  }
}
