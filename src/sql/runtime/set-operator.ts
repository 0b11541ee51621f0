// INTERSECT and EXCEPT: counts, for each row, how often it is on either side, and keeps in the result as many as the operation leaves.

import { RowKind } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import { declarationsOf } from '../../operator/keyed-row-operator.ts'
import type { OperatorDescription } from '../../operator/operator.ts'
import { type KeyedStateBackend, type StateTtlConfig, type ValueState, valueState } from '../../state/state.ts'
import type { Value } from '../value.ts'
import { isAddition, type SessionContext, type SqlInput, SqlOperator } from './sql-operator.ts'

/** The key of both inputs is the whole row. */
export interface SetSpec {
  readonly inputs: readonly [SqlInput, SqlInput]
  readonly outputSchema: Schema
  readonly operator: 'INTERSECT' | 'EXCEPT'
  readonly all: boolean
  readonly ttl: StateTtlConfig | undefined
}

type Counts = readonly [left: number, right: number]

export class SetOperator extends SqlOperator {
  readonly #spec: SetSpec
  #counts!: ValueState<Counts>

  constructor(spec: SetSpec, session: SessionContext) {
    super(spec.inputs, spec.outputSchema, session)
    this.#spec = spec
  }

  describe(): OperatorDescription {
    const { operator, all } = this.#spec
    return { type: 'set operation', traits: { operator, all: String(all) }, states: declarationsOf((backend) => this.#countsIn(backend)), hasTimers: false }
  }

  protected override openFunction(): void {
    this.#counts = this.#countsIn(this.backend)
  }

  #countsIn(backend: KeyedStateBackend): ValueState<Counts> {
    const { ttl } = this.#spec
    return backend.getState(valueState<Counts>('counts', undefined, ttl === undefined ? {} : { ttl }))
  }

  protected override onChange(kind: RowKind, row: readonly Value[], input: number): void {
    const [left, right] = this.#counts.value() ?? [0, 0]
    const change = isAddition(kind) ? 1 : -1
    const next: Counts = input === 0 ? [left + change, right] : [left, right + change]
    const isKnown = left !== 0 || right !== 0
    const isGone = next[0] === 0 && next[1] === 0
    if (isGone) this.#counts.clear()
    else this.#counts.update(next)
    const before = this.#resultOf(left, right)
    const after = this.#resultOf(...next)
    if (this.#spec.all) {
      // Flink counts in an aggregate, whose every change takes all copies of the row back and brings them again.
      this.#repeat(isGone ? RowKind.DELETE : RowKind.UPDATE_BEFORE, row, before)
      this.#repeat(isKnown ? RowKind.UPDATE_AFTER : RowKind.INSERT, row, after)
    } else if (after !== before) this.emit(after > before ? RowKind.INSERT : RowKind.DELETE, row)
  }

  #repeat(kind: RowKind, row: readonly Value[], times: number): void {
    for (let time = 0; time < times; time++) this.emit(kind, row)
  }

  /** How often a row is in the result. */
  #resultOf(left: number, right: number): number {
    const { operator, all } = this.#spec
    if (operator === 'INTERSECT') return all ? Math.max(0, Math.min(left, right)) : Number(left > 0 && right > 0)
    return all ? Math.max(0, left - Math.max(0, right)) : Number(left > 0 && right <= 0)
  }
}
