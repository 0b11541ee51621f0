// What the operators of SQL queries have in common that keep state: they take changes row by row, and make changes.

import type { KeySpec } from '../../batch/key-spec.ts'
import { type RecordBatch, RowKind } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import { KeyedRowOperator } from '../../operator/keyed-row-operator.ts'
import type { Output } from '../../operator/operator.ts'
import type { RowReader } from '../../operator/row-code.ts'
import type { TimerDomain } from '../../time/timer-service.ts'
import type { EvaluationContext } from '../functions/scalar-function.ts'
import type { Value } from '../value.ts'
import { ChangeCollector } from './change-collector.ts'
import { readRow } from './row-codec.ts'

/** One input of an operator. */
export interface SqlInput {
  readonly schema: Schema
  /** The columns of the key; undefined: all rows have the same one. */
  readonly key: readonly number[] | undefined
}

/** What queries are told by their session. */
export type SessionContext = Pick<EvaluationContext, 'timeZone' | 'currentCatalog' | 'currentDatabase'>

/** A time behind all rows: timers at it fire at the end of the input. */
export const END_OF_TIME = Number.MAX_SAFE_INTEGER

/** A change: what a row is for, and its values. */
export interface Change {
  readonly kind: RowKind
  readonly row: readonly Value[]
}

/** Whether a change adds a row, or takes one away. */
export function isAddition(kind: RowKind): boolean {
  return kind === RowKind.INSERT || kind === RowKind.UPDATE_AFTER
}

/** Reads changes. */
class ChangeReader implements RowReader {
  #batch!: RecordBatch
  #row = 0

  bind(batch: RecordBatch): void {
    this.#batch = batch
  }

  seek(row: number): void {
    this.#row = row
  }

  record(): Change {
    return { kind: this.#batch.kindOf(this.#row), row: readRow(this.#batch, this.#row) }
  }

  release(): void {}
}

/** Rows of a step at most. */
const ROWS_PER_STEP = 8192

/** An operator with keyed state. */
export abstract class SqlOperator extends KeyedRowOperator<never, ChangeCollector> {
  override readonly crossings = 'queue'
  /** How far behind the input's watermark that of the output stays, since rows with earlier times may follow. */
  protected holdMs = 0
  readonly #session: SessionContext

  protected constructor(inputs: readonly SqlInput[], outputSchema: Schema, session: SessionContext) {
    super(
      inputs.map(({ schema, key }) => ({ schema, key: key && ({ kind: 'columns', columns: key } satisfies KeySpec) })),
      outputSchema,
    )
    this.#session = session
  }

  /** What expressions of this operator are computed with. */
  protected get evaluation(): EvaluationContext {
    return { ...this.#session, nowMs: () => this.nowMs, watermarkMs: () => this.watermarkMs }
  }

  protected override get rowsPerStep(): number {
    return ROWS_PER_STEP
  }

  protected override createCollector(): ChangeCollector {
    return new ChangeCollector(this.context, this.outputSchema, this.holdMs)
  }

  /** Between batches too watermarks are passed on here. */
  override advance(watermarkMs: number, output: Output): boolean {
    if (!super.advance(watermarkMs, output)) return false
    const { collector } = this
    if (!collector.isAhead(watermarkMs)) return true
    if (!output.hasCapacity()) return false
    collector.begin(output)
    collector.watermark(watermarkMs)
    return collector.flush(output)
  }

  protected override createReader(): RowReader {
    return new ChangeReader()
  }

  protected override get takesChanges(): boolean {
    return true
  }

  protected override onRow(row: unknown, _timestampMs: number, input: number): void {
    const { kind, row: values } = row as Change
    this.onChange(kind, values, input)
  }

  /** A change of the current key has come. */
  protected abstract onChange(kind: RowKind, row: readonly Value[], input: number): void

  protected override onEventTimer(_timers: TimerDomain): void {}

  protected override onProcessingTimer(): void {}

  protected emit(kind: RowKind, row: readonly Value[]): void {
    this.collector.change(kind, row)
  }
}
