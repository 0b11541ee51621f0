// Batch mode: the rows that changes leave, once all of them are there, in the order that the query asks for.

import { nullKeyBytes } from '../../base/key-bytes.ts'
import { RowKind } from '../../batch/record-batch.ts'
import { t } from '../../batch/types.ts'
import { declarationsOf } from '../../operator/keyed-row-operator.ts'
import type { OperatorDescription } from '../../operator/operator.ts'
import { type KeyedStateBackend, type MapState, mapState } from '../../state/state.ts'
import type { SortKey } from '../logical-plan.ts'
import { orderingOf } from '../ordering.ts'
import { keyOf, type Value } from '../value.ts'
import { type NotedRow, notedRow } from './row-codec.ts'
import { END_OF_TIME, isAddition, type SessionContext, type SqlInput, SqlOperator } from './sql-operator.ts'

type Kept = NotedRow<readonly [count: number]>

export class FinalRowsOperator extends SqlOperator {
  readonly #order: readonly SortKey[]
  #rows!: MapState<string, Kept>

  constructor(input: SqlInput, order: readonly SortKey[], session: SessionContext) {
    super([input], input.schema, session)
    this.#order = order
  }

  describe(): OperatorDescription {
    return { type: 'final rows', states: declarationsOf((backend) => this.#rowsIn(backend)) }
  }

  protected override openFunction(): void {
    this.#rows = this.#rowsIn(this.backend)
    this.backend.select(this.backend.resolveKey(nullKeyBytes()))
    this.eventTimers.register(END_OF_TIME)
  }

  #rowsIn(backend: KeyedStateBackend): MapState<string, Kept> {
    return backend.getState(mapState<string, Kept>('rows', t.string(), notedRow()))
  }

  protected override onChange(kind: RowKind, row: readonly Value[]): void {
    const key = keyOf(row)
    const count = (this.#rows.get(key)?.[0][0] ?? 0) + (isAddition(kind) ? 1 : -1)
    if (count === 0) this.#rows.remove(key)
    else this.#rows.put(key, [[count], row])
  }

  protected override onEventTimer(): void {
    const rows = this.#rows.values().flatMap(([[count], row]) => Array.from({ length: count }, () => row))
    const ordered = this.#order.length === 0 ? rows : rows.toSorted(orderingOf(this.#order, this.evaluation))
    for (const row of ordered) this.emit(RowKind.INSERT, row)
    this.#rows.clear()
  }
}
