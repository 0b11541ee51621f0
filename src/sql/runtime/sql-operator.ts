// What the operators of SQL queries have in common that keep state: they take changes row by row, and make changes.

import type { KeySpec } from '../../batch/key-spec.ts'
import { type RecordBatch, RowKind } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import { KeyedRowOperator } from '../../operator/keyed-row-operator.ts'
import type { Output } from '../../operator/operator.ts'
import type { RowReader } from '../../operator/row-code.ts'
import type { TimerDomain } from '../../time/timer-service.ts'
import type { BoundAggregate } from '../bound-expression.ts'
import { columnsOf } from '../expressions.ts'
import type { EvaluationContext } from '../functions/scalar-function.ts'
import type { Value } from '../value.ts'
import { ChangeCollector } from './change-collector.ts'
import { readColumn, readRow } from './row-codec.ts'

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
  /** By column; none: all are read. */
  readonly #isDeferred: readonly boolean[]
  readonly #change: { kind: RowKind; row: readonly Value[] } = { kind: RowKind.INSERT, row: [] }
  #batch!: RecordBatch
  #row = 0

  constructor(schema: Schema, deferred: ReadonlySet<number>) {
    this.#isDeferred = deferred.size === 0 ? [] : schema.fields.map((_, index) => deferred.has(index))
  }

  bind(batch: RecordBatch): void {
    this.#batch = batch
  }

  seek(row: number): void {
    this.#row = row
  }

  /** The same object each time. */
  record(): Change {
    this.#change.kind = this.#batch.kindOf(this.#row)
    this.#change.row = this.#isDeferred.length === 0 ? readRow(this.#batch, this.#row) : this.#readSome()
    return this.#change
  }

  #readSome(): readonly Value[] {
    const { columns } = this.#batch
    const values: Value[] = []
    for (let index = 0; index < columns.length; index++) values.push(this.#isDeferred[index] ? null : readColumn(columns[index], this.#row))
    return values
  }

  /** A value of the row under way. */
  value(column: number): Value {
    return readColumn(this.#batch.columns[column], this.#row)
  }

  release(): void {}
}

/** Takes rows of one input that come too late. */
export interface LateTarget {
  /** Of the side output. */
  readonly id: string
  readonly schema: Schema
  /** What plans call the operator that finds them. */
  readonly operator: string
  /** The columns of the input that it asks for; behind them stand the operator, the watermark and the lateness. */
  readonly kept: readonly number[]
}

/** Rows of a step at most. */
const ROWS_PER_STEP = 8192

const NO_COLUMNS: ReadonlySet<number> = new Set()

/** Columns that no aggregate looks at. */
export function unreadBy(aggregates: readonly BoundAggregate[], columns: readonly number[]): ReadonlySet<number> {
  const read = new Set<number>()
  for (const { operands, filter } of aggregates) for (const part of filter === undefined ? operands : [...operands, filter]) columnsOf(part, read)
  return new Set(columns.filter((column) => !read.has(column)))
}

/** An operator with keyed state. */
export abstract class SqlOperator extends KeyedRowOperator<never, ChangeCollector> {
  override readonly crossings = 'queue'
  /** How far behind the input's watermark that of the output stays, since rows with earlier times may follow. */
  protected holdMs = 0
  readonly #session: SessionContext
  /** Of the last input. */
  #reader!: ChangeReader
  /** By input. */
  #late: readonly (LateTarget | undefined)[] = []

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

  protected override createReader(schema: Schema): RowReader {
    this.#reader = new ChangeReader(schema, this.#late.length > 0 ? NO_COLUMNS : this.deferred)
    return this.#reader
  }

  /** Columns of the only input that are seldom asked for: rows have NULL there, {@link valueIn} gives the value. */
  protected get deferred(): ReadonlySet<number> {
    return NO_COLUMNS
  }

  /** A value of the row under way, of an operator with one input. */
  protected valueIn(column: number): Value {
    return this.#reader.value(column)
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

  /** Has late rows go to side outputs too, by input. Before it is opened. */
  withLateOutputs(late: readonly (LateTarget | undefined)[]): this {
    this.#late = late
    return this
  }

  /** A row has come too late: what it is of was over when the watermark reached `dueMs`. */
  protected refuseLate(row: readonly Value[], dueMs: number, input = 0): void {
    this.context.metrics.lateRecords++
    const target = this.#late[input]
    if (target === undefined) return
    const { watermarkMs } = this
    const values = [...target.kept.map((column) => row[column]), target.operator, watermarkMs, BigInt(Math.max(0, watermarkMs - dueMs))]
    this.collector.side(target.id, target.schema, values)
  }

  protected emit(kind: RowKind, row: readonly Value[]): void {
    this.collector.change(kind, row)
  }
}
