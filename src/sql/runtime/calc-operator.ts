// A filter and a projection, column by column: the filter selects rows, columns that are only named pass untouched, the others are computed beside them.
// Kinds, watermarks and everything else of a batch pass through.

import { Column } from '../../batch/column.ts'
import { RecordBatch } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import { userError } from '../../operator/function.ts'
import { emitSelected, ViewParts } from '../../operator/basic/view-parts.ts'
import { type OperatorContext, type Output, StatelessOperator } from '../../operator/operator.ts'
import type { EvaluationContext } from '../functions/scalar-function.ts'
import { calcFailure, type CalcSpec } from './calc-spec.ts'
import { asksForWatermark, canCompute, type ColumnProgram, compileColumns } from './column-code.ts'
import { readRow } from './row-codec.ts'
import type { SessionContext } from './sql-operator.ts'
import { pathOf } from './text-columns.ts'

/** Whether a filter and a projection can be done column by column. */
export function isColumnar({ condition, expressions = [] }: Omit<CalcSpec, 'places'>): boolean {
  const all = condition === undefined ? expressions : [condition, ...expressions]
  return !all.some(asksForWatermark) && expressions.every((expression) => pathOf(expression) !== undefined || canCompute(expression.type))
}

/** Where a column of the output comes from: it is one of the input, a field of one, or is computed. */
type Origin = { readonly column: number; readonly field: number | undefined } | { readonly computed: number }

export class CalcOperator extends StatelessOperator {
  readonly outputSchema: Schema
  readonly #spec: CalcSpec
  readonly #input: Schema
  readonly #session: SessionContext
  readonly #origins: readonly Origin[]
  readonly #computed: readonly number[]
  readonly #parts = new ViewParts()
  #program: ColumnProgram | undefined
  #evaluation!: EvaluationContext
  #targets: readonly Column[] = []
  #view!: RecordBatch
  #selection = 0
  #selectionRows = 0

  constructor(spec: CalcSpec, input: Schema, outputSchema: Schema, session: SessionContext) {
    super()
    this.#spec = spec
    this.#input = input
    this.outputSchema = outputSchema
    this.#session = session
    const computed: number[] = []
    this.#origins = outputSchema.fields.map((_, index): Origin => {
      const expression = spec.expressions?.[index]
      if (expression === undefined) return { column: index, field: undefined }
      return pathOf(expression) ?? { computed: computed.push(index) - 1 }
    })
    this.#computed = computed
  }

  override open(context: OperatorContext): void {
    super.open(context)
    const evaluation = (this.#evaluation = { ...this.#session, nowMs: () => context.clock.nowMs(), watermarkMs: () => -Infinity })
    const { condition, expressions = [] } = this.#spec
    const computed = this.#computed.map((index) => expressions[index])
    this.#program = compileColumns(this.#input, condition, computed, evaluation, context.slab, context.kernels)
    this.#targets = this.#computed.map((index) => Column.allocate(context.slab, this.outputSchema.fields[index].type, context.batchRowsMax))
    this.#view = new RecordBatch(context.slab, this.outputSchema, [])
  }

  override processBatch(batch: RecordBatch, output: Output): boolean {
    if (!output.hasCapacity()) return false
    const program = this.#program!
    const { begin, end } = batch
    let selection = batch.selection
    let first = begin
    let last = end
    if (this.#spec.condition !== undefined) this.#reserve(end - begin)
    for (const target of this.#targets) {
      target.clear()
      target.ensureRows(batch.rowCount)
    }
    try {
      // Behind all that may move memory.
      program.bind(batch)
      if (this.#spec.condition !== undefined) {
        last = program.filter(begin, end, selection, this.#selection)
        first = 0
        selection = this.#selection
      }
      if (first < last) for (const [index, target] of this.#targets.entries()) program.compute(index, first, last, selection, target)
    } catch (error) {
      throw userError(this.context.operatorName, this.context.subtaskIndex, this.#explained(error, batch))
    }
    const view = this.#parts.take(batch, end, this.#view)
    const { columns } = batch
    view.columns = this.#origins.map((origin) => {
      if ('computed' in origin) return this.#targets[origin.computed]
      return origin.field === undefined ? columns[origin.column] : columns[origin.column].children[origin.field]
    })
    if (this.#spec.condition !== undefined && last < end - begin) emitSelected(view, selection, last, output)
    else output.emit(view)
    return true
  }

  override close(): void {
    this.#program?.free()
    for (const target of this.#targets) target.free()
    if (this.#selectionRows > 0) this.context.slab.free(this.#selection, this.#selectionRows * 4)
  }

  /** What went wrong in which row: only that is computed again. */
  #explained(error: unknown, batch: RecordBatch): unknown {
    for (let index = batch.begin; index < batch.end; index++) {
      const found = calcFailure(error, this.#spec, readRow(batch, batch.physicalRow(index)), this.#evaluation)
      if (found !== undefined) return found
    }
    return error
  }

  #reserve(rows: number): void {
    if (rows <= this.#selectionRows) return
    const { slab, batchRowsMax } = this.context
    if (this.#selectionRows > 0) slab.free(this.#selection, this.#selectionRows * 4)
    this.#selectionRows = Math.max(rows, batchRowsMax)
    this.#selection = slab.allocate(this.#selectionRows * 4)
  }
}
