// What needs all rows of a window at once: joins of windows, and the first rows of each. Results come when the watermark passes the window's end.

import { RowKind } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import { declarationsOf } from '../../operator/keyed-row-operator.ts'
import type { OperatorDescription } from '../../operator/operator.ts'
import { type KeyedStateBackend, type ListState, listState } from '../../state/state.ts'
import type { BoundExpression } from '../bound-expression.ts'
import { type Evaluate, interpret } from '../interpreter.ts'
import type { JoinPlan, RankPlan, SortKey, WindowSpec } from '../logical-plan.ts'
import { type Ordering, orderingOf } from '../ordering.ts'
import { keyOf, type Value } from '../value.ts'
import { storedRow } from './row-codec.ts'
import { isAddition, type SessionContext, type SqlInput, SqlOperator } from './sql-operator.ts'
import { WindowClock } from './window-clock.ts'

const LEFT = 0

/** Keeps the rows of each window, by the column of its end. */
abstract class WindowBufferOperator extends SqlOperator {
  readonly #clock: WindowClock
  readonly #isEvent: boolean
  readonly #ends: readonly number[]
  protected buffers!: readonly ListState<readonly Value[]>[]

  protected constructor(inputs: readonly SqlInput[], ends: readonly number[], window: WindowSpec, outputSchema: Schema, session: SessionContext) {
    super(inputs, outputSchema, session)
    this.#clock = new WindowClock(window, session.timeZone)
    this.#isEvent = window.time === 'event'
    this.#ends = ends
  }

  protected describeAs(type: string): OperatorDescription {
    return { type, states: declarationsOf((backend) => this.#buffersIn(backend)) }
  }

  protected override openFunction(): void {
    this.buffers = this.#buffersIn(this.backend)
  }

  #buffersIn(backend: KeyedStateBackend): readonly ListState<readonly Value[]>[] {
    return this.inputs.map((_, input) => backend.getState(listState(`rows ${input}`, storedRow), 'namespace'))
  }

  protected override onChange(kind: RowKind, row: readonly Value[], input: number): void {
    const endMs = row[this.#ends[input]] as number
    const firesAt = this.#clock.firesAt(endMs)
    if (this.#isEvent && firesAt <= this.watermarkMs) {
      this.refuseLate(row, firesAt, input)
      return
    }
    this.backend.setNamespace(0, endMs)
    const buffer = this.buffers[input]
    if (isAddition(kind)) buffer.add(row)
    else {
      const rows = buffer.get()
      const key = keyOf(row)
      const at = rows.findIndex((one) => keyOf(one) === key)
      if (at >= 0) buffer.update(rows.toSpliced(at, 1))
    }
    if (this.#isEvent) this.eventTimers.registerInNamespace(firesAt)
    else this.processingTimers.registerInNamespace(firesAt)
  }

  protected override onEventTimer(): void {
    this.#end()
  }

  protected override onProcessingTimer(): void {
    this.#end()
  }

  #end(): void {
    this.fire(this.buffers.map((buffer) => buffer.get()))
    for (const buffer of this.buffers) buffer.clear()
  }

  /** The current window has ended with these rows. */
  protected abstract fire(rows: readonly (readonly (readonly Value[])[])[]): void
}

export interface WindowJoinSpec {
  readonly inputs: readonly [SqlInput, SqlInput]
  readonly outputSchema: Schema
  readonly type: JoinPlan['type']
  readonly window: WindowSpec
  /** The columns of the windows' ends. */
  readonly ends: readonly [number, number]
  /** Columns of each input that go on. */
  readonly widths: readonly [number, number]
  /** What must hold of a pair beside the key. */
  readonly condition: BoundExpression | undefined
  readonly refusesNull: readonly boolean[]
}

/** Joins windows with windows. */
export class WindowJoinOperator extends WindowBufferOperator {
  readonly #spec: WindowJoinSpec
  #condition: Evaluate | undefined

  constructor(spec: WindowJoinSpec, session: SessionContext) {
    super(spec.inputs, spec.ends, spec.window, spec.outputSchema, session)
    this.#spec = spec
  }

  describe(): OperatorDescription {
    return this.describeAs('window join')
  }

  protected override openFunction(): void {
    super.openFunction()
    this.#condition = this.#spec.condition && interpret(this.#spec.condition, this.evaluation)
  }

  protected override fire([leftRows, rightRows]: readonly (readonly (readonly Value[])[])[]): void {
    const { type, widths } = this.#spec
    const [left, right] = [leftRows, rightRows].map((rows, input) =>
      rows.map((row) => ({ row: row.slice(0, widths[input]), hasKey: this.#hasKey(row, input), partners: 0 })),
    )
    for (const one of left)
      for (const other of right) {
        if (!one.hasKey || !other.hasKey || (this.#condition !== undefined && this.#condition([...one.row, ...other.row]) !== true)) continue
        one.partners++
        other.partners++
        if (type !== 'SEMI' && type !== 'ANTI') this.emit(RowKind.INSERT, [...one.row, ...other.row])
      }
    const nothing = (input: number): readonly null[] => Array.from({ length: widths[input] }, () => null)
    for (const { row, partners } of left) {
      if (type === 'SEMI' || type === 'ANTI') {
        if (partners > 0 === (type === 'SEMI')) this.emit(RowKind.INSERT, row)
      } else if (partners === 0 && (type === 'LEFT' || type === 'FULL')) this.emit(RowKind.INSERT, [...row, ...nothing(1)])
    }
    if (type === 'RIGHT' || type === 'FULL') for (const { row, partners } of right) if (partners === 0) this.emit(RowKind.INSERT, [...nothing(LEFT), ...row])
  }

  /** Rows with a NULL in their key have no partner. */
  #hasKey(row: readonly Value[], input: number): boolean {
    const key = this.#spec.inputs[input].key ?? []
    return !this.#spec.refusesNull.some((refuses, part) => refuses && row[key[part]] === null)
  }
}

export interface WindowRankSpec {
  readonly input: SqlInput
  readonly outputSchema: Schema
  readonly window: WindowSpec
  readonly end: number
  readonly order: readonly SortKey[]
  readonly from: number
  readonly to: number
  readonly hasRank: RankPlan['hasRank']
}

/** The first rows of windows, in an order. */
export class WindowRankOperator extends WindowBufferOperator {
  readonly #spec: WindowRankSpec
  #ordering!: Ordering

  constructor(spec: WindowRankSpec, session: SessionContext) {
    super([spec.input], [spec.end], spec.window, spec.outputSchema, session)
    this.#spec = spec
  }

  describe(): OperatorDescription {
    return this.describeAs('window rank')
  }

  protected override openFunction(): void {
    super.openFunction()
    this.#ordering = orderingOf(this.#spec.order, this.evaluation)
  }

  protected override fire([rows]: readonly (readonly (readonly Value[])[])[]): void {
    const { from, to, hasRank } = this.#spec
    const sorted = rows.toSorted(this.#ordering)
    for (let rank = from; rank <= Math.min(to, sorted.length); rank++) {
      const row = sorted[rank - 1]
      this.emit(RowKind.INSERT, hasRank ? [...row, BigInt(rank)] : row)
    }
  }
}
