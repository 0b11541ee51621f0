// Full changes of changes that say what the row of a key has become, and by its key that it has gone: the last row of each key is kept. After Flink's
// ChangelogNormalize.

import { RowKind } from '../../batch/record-batch.ts'
import { declarationsOf } from '../../operator/keyed-row-operator.ts'
import type { OperatorDescription } from '../../operator/operator.ts'
import { type KeyedStateBackend, type StateTtlConfig, type ValueState, valueState } from '../../state/state.ts'
import { keyOf, type Value } from '../value.ts'
import { storedRow } from './row-codec.ts'
import { type SessionContext, type SqlInput, SqlOperator } from './sql-operator.ts'

export interface ChangelogNormalizeSpec {
  readonly input: SqlInput
  readonly ttl: StateTtlConfig | undefined
}

export class ChangelogNormalizeOperator extends SqlOperator {
  readonly #spec: ChangelogNormalizeSpec
  #row!: ValueState<readonly Value[]>

  constructor(spec: ChangelogNormalizeSpec, session: SessionContext) {
    super([spec.input], spec.input.schema, session)
    this.#spec = spec
  }

  describe(): OperatorDescription {
    return { type: 'changelog normalize', states: declarationsOf((backend) => this.#rowIn(backend)), hasTimers: false }
  }

  protected override openFunction(): void {
    this.#row = this.#rowIn(this.backend)
  }

  #rowIn(backend: KeyedStateBackend): ValueState<readonly Value[]> {
    const { ttl } = this.#spec
    return backend.getState(valueState<readonly Value[]>('row', storedRow, ttl === undefined ? {} : { ttl }))
  }

  protected override onChange(kind: RowKind, row: readonly Value[]): void {
    // What a row was is known here.
    if (kind === RowKind.UPDATE_BEFORE) return
    const known = this.#row.value()
    if (kind === RowKind.DELETE) {
      if (known === null) return
      this.#row.clear()
      this.emit(RowKind.DELETE, known)
      return
    }
    if (known === null) this.emit(RowKind.INSERT, row)
    // With a time to live an update tells those behind that the row is still there.
    else if (this.#spec.ttl === undefined && keyOf(known) === keyOf(row)) return
    else {
      this.emit(RowKind.UPDATE_BEFORE, known)
      this.emit(RowKind.UPDATE_AFTER, row)
    }
    this.#row.update(row)
  }
}
