// Rows of a table whose key is not that of the query: several rows of the query may have one key, of which the table shows one. After Flink's
// SinkUpsertMaterializer.

import { BadRecordError } from '../../base/errors.ts'
import { RowKind } from '../../batch/record-batch.ts'
import { declarationsOf } from '../../operator/keyed-row-operator.ts'
import type { OperatorDescription } from '../../operator/operator.ts'
import { type KeyedStateBackend, type StateTtlConfig, type ValueState, valueState } from '../../state/state.ts'
import { keyOf, type Value } from '../value.ts'
import { isAddition, type SessionContext, type SqlInput, SqlOperator } from './sql-operator.ts'

export interface UpsertMaterializeSpec {
  readonly input: SqlInput
  /** What becomes of a second row of a key: it is not shown, it fails the job, or it is shown until it goes. */
  readonly onConflict: 'NOTHING' | 'ERROR' | 'DEDUPLICATE'
  readonly ttl: StateTtlConfig | undefined
}

type Rows = readonly (readonly Value[])[]

export class UpsertMaterializeOperator extends SqlOperator {
  readonly #spec: UpsertMaterializeSpec
  #rows!: ValueState<Rows>

  constructor(spec: UpsertMaterializeSpec, session: SessionContext) {
    super([spec.input], spec.input.schema, session)
    this.#spec = spec
  }

  describe(): OperatorDescription {
    return { type: 'upsert materialize', states: declarationsOf((backend) => this.#rowsIn(backend)), hasTimers: false }
  }

  protected override openFunction(): void {
    this.#rows = this.#rowsIn(this.backend)
  }

  #rowsIn(backend: KeyedStateBackend): ValueState<Rows> {
    const { ttl } = this.#spec
    return backend.getState(valueState<Rows>('rows', undefined, ttl === undefined ? {} : { ttl }))
  }

  protected override onChange(kind: RowKind, row: readonly Value[]): void {
    const rows = this.#rows.value() ?? []
    if (isAddition(kind)) this.#add(rows, row)
    else this.#takeAway(rows, row)
  }

  #add(rows: Rows, row: readonly Value[]): void {
    const { onConflict, input } = this.#spec
    if (rows.length > 0 && onConflict === 'ERROR') {
      const key = input.key!.map((column) => String(row[column]))
      throw new BadRecordError('KEY_CONFLICT', `Two rows have the primary key ${key.join(', ')}`, {
        hint: 'Write ON CONFLICT DO NOTHING to keep the first one.',
      })
    }
    this.#rows.update([...rows, row])
    if (rows.length === 0) this.emit(RowKind.INSERT, row)
    else if (onConflict === 'DEDUPLICATE') this.emit(RowKind.UPDATE_AFTER, row)
  }

  #takeAway(rows: Rows, row: readonly Value[]): void {
    const key = keyOf(row)
    const place = rows.findIndex((one) => keyOf(one) === key)
    if (place < 0) return
    const left = rows.toSpliced(place, 1)
    if (left.length === 0) this.#rows.clear()
    else this.#rows.update(left)
    const shown = this.#spec.onConflict === 'NOTHING' ? 0 : rows.length - 1
    if (place !== shown) return
    if (left.length === 0) this.emit(RowKind.DELETE, row)
    else this.emit(RowKind.UPDATE_AFTER, left[this.#spec.onConflict === 'NOTHING' ? 0 : left.length - 1])
  }
}
