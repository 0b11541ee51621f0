// SUMMARIZE: one pass over the rows of a query, whose answer is a row for each of its columns.

import type { RecordBatch } from '../../../batch/record-batch.ts'
import { Decimal, type Field, type Schema } from '../../../batch/types.ts'
import type { OperatorContext } from '../../../operator/operator.ts'
import { refuseChanges, type Sink, type SinkWriter } from '../../../operator/sink.ts'
import type { LocalExecutor } from '../../../runtime/local-executor.ts'
import { BIGINT, type EvaluationContext, STRING } from '../../functions/scalar-function.ts'
import type { LogicalPlan } from '../../logical-plan.ts'
import type { Rows } from '../../session.ts'
import { shortTypeText } from '../../type-text.ts'
import type { Value } from '../../value.ts'
import { executorOf, type RunOptions } from '../run-query.ts'
import { ColumnSummary } from './column-summary.ts'

const COLUMNS: readonly Field[] = [
  ...['column_name', 'column_type', 'min', 'max'].map((name) => ({ name, type: STRING })),
  { name: 'approx_unique', type: BIGINT },
  ...['avg', 'std', 'q25', 'q50', 'q75'].map((name) => ({ name, type: STRING })),
  { name: 'count', type: BIGINT },
  { name: 'null_percentage', type: { kind: 'DECIMAL', precision: 9, scale: 2, nullable: true } },
]

/** A summary that is ready to be made. */
export interface SummaryJob {
  readonly executor: LocalExecutor
  /** What SUMMARIZE answers, of the rows that have come. */
  answer(): Rows
}

/**
 * What runs SUMMARIZE. The query runs in batch mode: what is summed up is what stays of it.
 *
 * @throws {PlanError} What cannot be planned.
 */
export function summaryJob(plan: LogicalPlan, options: RunOptions, context: EvaluationContext): SummaryJob {
  const sink = new SummarySink(plan.columns)
  const executor = executorOf((planner) => planner.addSink(plan, sink), { ...options, isBatch: true })
  return { executor, answer: () => ({ columns: COLUMNS, rows: sink.rows(context) }) }
}

class SummarySink implements Sink {
  readonly name = 'Summarize'
  readonly needsEventLoop = false
  readonly parallelismMax = 1
  readonly #fields: readonly Field[]
  #summaries: readonly ColumnSummary[] = []
  #rowCount = 0

  constructor(fields: readonly Field[]) {
    this.#fields = fields
  }

  describe(): string {
    return 'the summary'
  }

  createWriter(schema: Schema, { slab, kernels }: OperatorContext): SinkWriter {
    this.#summaries = schema.fields.map(({ type }, index) => new ColumnSummary(index, type, { slab, kernels, schema }))
    return {
      hasCapacity: () => true,
      write: (batch) => this.#write(batch),
      flush: () => true,
      finish: () => true,
      snapshot() {},
      restore() {},
      close: () => this.#summaries.forEach((summary) => summary.free()),
    }
  }

  rows(context: EvaluationContext): readonly (readonly Value[])[] {
    return this.#summaries.map((summary, index): Value[] => {
      const { min, max, avg, std, quantiles } = summary.texts(context)
      const { name, type } = this.#fields[index]
      const { distinct } = summary
      const share = this.#rowCount === 0 ? null : new Decimal(BigInt(Math.round((10_000 * summary.nulls) / this.#rowCount)), 2)
      // There are no more different values than values.
      const unique = distinct === undefined ? null : BigInt(Math.min(distinct, this.#rowCount - summary.nulls))
      return [name, shortTypeText(type), min, max, unique, avg, std, ...quantiles, BigInt(this.#rowCount), share]
    })
  }

  #write(batch: RecordBatch): boolean {
    refuseChanges(batch, 'into a summary')
    for (const summary of this.#summaries) summary.add(batch, batch.begin, batch.end)
    this.#rowCount += batch.end - batch.begin
    batch.begin = batch.end
    return true
  }
}
