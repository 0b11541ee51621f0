// Joins rows of two sides whose times lie within bounds of each other. A row is kept as long as a partner may come; of outer sides it then leaves
// alone. After Flink's TimeIntervalJoin.

import { RowKind } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import { declarationsOf } from '../../operator/keyed-row-operator.ts'
import type { OperatorDescription } from '../../operator/operator.ts'
import { type KeyedStateBackend, type ListState, listState } from '../../state/state.ts'
import type { BoundExpression } from '../bound-expression.ts'
import { type Evaluate, interpret } from '../interpreter.ts'
import type { Value } from '../value.ts'
import { type NotedRow, notedRow } from './row-codec.ts'
import { type SessionContext, type SqlInput, SqlOperator } from './sql-operator.ts'

export interface IntervalJoinSpec {
  readonly inputs: readonly [SqlInput, SqlInput]
  readonly outputSchema: Schema
  readonly type: 'INNER' | 'LEFT' | 'RIGHT' | 'FULL'
  /** The columns of the time, by input. */
  readonly times: readonly [number, number]
  /** right time in [left time + lower, left time + upper]. */
  readonly lowerMs: number
  readonly upperMs: number
  readonly time: 'event' | 'processing'
  readonly widths: readonly [number, number]
  /** The whole condition beside the key. */
  readonly condition: BoundExpression | undefined
  readonly refusesNull: readonly boolean[]
}

/** A row that waits: its time, and whether it has met a partner. */
type Waiting = NotedRow<readonly [timeMs: number, hasMet: boolean]>

const LEFT = 0

export class IntervalJoinOperator extends SqlOperator {
  readonly #spec: IntervalJoinSpec
  /** How far in front of, and behind, a row of each side its partners lie. */
  readonly #before: readonly [number, number]
  readonly #behind: readonly [number, number]
  readonly #isOuter: readonly [boolean, boolean]
  #condition: Evaluate | undefined
  #sides!: readonly [ListState<Waiting>, ListState<Waiting>]

  constructor(spec: IntervalJoinSpec, session: SessionContext) {
    super(spec.inputs, spec.outputSchema, session)
    this.#spec = spec
    const { lowerMs, upperMs, type, time } = spec
    this.#before = [-lowerMs, upperMs]
    this.#behind = [upperMs, -lowerMs]
    this.#isOuter = [type === 'LEFT' || type === 'FULL', type === 'RIGHT' || type === 'FULL']
    // Pairs come as late as the later of the two.
    if (time === 'event') this.holdMs = Math.max(0, -lowerMs, upperMs)
  }

  describe(): OperatorDescription {
    const { lowerMs, upperMs } = this.#spec
    return { type: 'interval join', traits: { bounds: `${lowerMs} ms to ${upperMs} ms` }, states: declarationsOf((backend) => this.#sidesIn(backend)) }
  }

  protected override openFunction(): void {
    this.#sides = this.#sidesIn(this.backend)
    this.#condition = this.#spec.condition && interpret(this.#spec.condition, this.evaluation)
  }

  #sidesIn(backend: KeyedStateBackend): readonly [ListState<Waiting>, ListState<Waiting>] {
    return [backend.getState(listState<Waiting>('left rows', notedRow())), backend.getState(listState<Waiting>('right rows', notedRow()))]
  }

  protected override onChange(_kind: RowKind, whole: readonly Value[], input: number): void {
    const { times, widths, refusesNull, inputs, time } = this.#spec
    const row = whole.length === widths[input] ? whole : whole.slice(0, widths[input])
    const key = inputs[input].key ?? []
    const hasKey = !refusesNull.some((refuses, part) => refuses && whole[key[part]] === null)
    const nowMs = this.#nowMs()
    const timeMs = time === 'event' ? (row[times[input]] as number) : nowMs
    const other = this.#sides[1 - input]
    const kept = other.get()
    const waiting = this.#unexpired(kept, 1 - input, nowMs)
    let hasMet = false
    let isChanged = waiting !== kept
    const met = waiting.map((one): Waiting => {
      const [[otherMs, hasMetBefore], partner] = one
      if (!hasKey || otherMs < timeMs - this.#before[input] || otherMs > timeMs + this.#behind[input]) return one
      const pair = input === LEFT ? [...row, ...partner] : [...partner, ...row]
      if (this.#condition !== undefined && this.#condition(pair) !== true) return one
      this.emit(RowKind.INSERT, pair)
      hasMet = true
      // Nobody asks of rows that do not leave alone.
      if (hasMetBefore || !this.#isOuter[1 - input]) return one
      isChanged = true
      return [[otherMs, true], partner]
    })
    if (isChanged) replace(other, met)
    // Partners may come until time has passed the last of them.
    if (nowMs < timeMs + this.#behind[input]) {
      this.#sides[input].add([[timeMs, hasMet], row])
      this.#register(timeMs + this.#behind[input] + 1)
    } else if (!hasMet && this.#isOuter[input]) this.#emitAlone(row, input)
  }

  #nowMs(): number {
    return this.#spec.time === 'event' ? Math.max(this.watermarkMs, 0) : this.nowMs
  }

  #register(timeMs: number): void {
    if (this.#spec.time === 'event') this.eventTimers.register(timeMs)
    else this.processingTimers.register(timeMs)
  }

  protected override onEventTimer(): void {
    for (const input of [0, 1]) this.#expire(input, this.#nowMs())
  }

  protected override onProcessingTimer(): void {
    for (const input of [0, 1]) this.#expire(input, this.#nowMs())
  }

  #expire(input: number, nowMs: number): void {
    const side = this.#sides[input]
    const waiting = side.get()
    const left = this.#unexpired(waiting, input, nowMs)
    if (left !== waiting) replace(side, left)
  }

  /** The rows of a side to which a partner may still come; the others leave. */
  #unexpired(waiting: readonly Waiting[], input: number, nowMs: number): readonly Waiting[] {
    const isOver = ([[timeMs]]: Waiting): boolean => timeMs + this.#behind[input] + 1 <= nowMs
    if (!waiting.some(isOver)) return waiting
    if (this.#isOuter[input]) for (const one of waiting) if (isOver(one) && !one[0][1]) this.#emitAlone(one[1], input)
    return waiting.filter((one) => !isOver(one))
  }

  #emitAlone(row: readonly Value[], input: number): void {
    const nothing = Array.from({ length: this.#spec.widths[1 - input] }, () => null)
    this.emit(RowKind.INSERT, input === LEFT ? [...row, ...nothing] : [...nothing, ...row])
  }
}

function replace(side: ListState<Waiting>, rows: readonly Waiting[]): void {
  if (rows.length === 0) side.clear()
  else side.update(rows)
}
