// ORDER BY a time attribute: rows wait until the watermark has passed them, and leave in their order.

import { RowKind } from '../../batch/record-batch.ts'
import { declarationsOf } from '../../operator/keyed-row-operator.ts'
import type { OperatorDescription } from '../../operator/operator.ts'
import { type KeyedStateBackend, type ListState, listState, type ValueState, valueState } from '../../state/state.ts'
import type { SortKey } from '../logical-plan.ts'
import { type Ordering, orderingOf } from '../ordering.ts'
import type { Value } from '../value.ts'
import { storedRow } from './row-codec.ts'
import { type SessionContext, type SqlInput, SqlOperator } from './sql-operator.ts'

export interface TimeSortSpec {
  readonly input: SqlInput
  readonly time: number
  /** Behind the time. */
  readonly order: readonly SortKey[]
}

export class TimeSortOperator extends SqlOperator {
  readonly #spec: TimeSortSpec
  #ordering!: Ordering
  #rows!: ListState<readonly Value[]>
  #sentMs!: ValueState<number>

  constructor(spec: TimeSortSpec, session: SessionContext) {
    super([spec.input], spec.input.schema, session)
    this.#spec = spec
  }

  describe(): OperatorDescription {
    return { type: 'sort by time', states: declarationsOf((backend) => this.#declare(backend)) }
  }

  protected override openFunction(): void {
    this.#declare(this.backend)
    this.#ordering = orderingOf(this.#spec.order, this.evaluation)
  }

  #declare(backend: KeyedStateBackend): void {
    this.#rows = backend.getState(listState('rows', storedRow), 'namespace')
    this.#sentMs = backend.getState(valueState<number>('sent'))
  }

  protected override onChange(_kind: RowKind, row: readonly Value[]): void {
    const timeMs = row[this.#spec.time] as number
    if (timeMs <= (this.#sentMs.value() ?? -Infinity)) {
      this.refuseLate(row, timeMs)
      return
    }
    this.backend.setNamespace(timeMs, 0)
    this.#rows.add(row)
    this.eventTimers.registerInNamespace(timeMs)
  }

  protected override onEventTimer(): void {
    for (const row of this.#rows.get().toSorted(this.#ordering)) this.emit(RowKind.INSERT, row)
    this.#sentMs.update(this.backend.namespaceFirst)
    this.#rows.clear()
  }
}
