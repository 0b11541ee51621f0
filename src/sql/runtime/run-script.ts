// Runs the statements of a script on the calling thread, one after the other, and says what the last one answers.

import { type Clock, systemClock } from '../../base/clock.ts'
import { PlanError } from '../../base/errors.ts'
import type { Field } from '../../batch/types.ts'
import { RowKind, ROW_KIND_TEXT } from '../../batch/record-batch.ts'
import { jsonOf } from '../changelog-format.ts'
import type { LocalExecutor } from '../../runtime/local-executor.ts'
import { type Rows, SqlSession, type StatementResult } from '../session.ts'
import { type EvaluationContext, STRING } from '../functions/scalar-function.ts'
import { parseScript } from '../statement-parser.ts'
import type { LogicalPlan } from '../logical-plan.ts'
import type { Value } from '../value.ts'
import { changeSink } from './change-sink.ts'
import { type InsertJob, insertJobOf } from './compiled-plans.ts'
import { explainText } from './explain-text.ts'
import { addInserts, queryOptions, readsRowByRow, type SessionSettings } from './query-options.ts'
import type { QueryOptions, QueryPlanner } from './query-planner.ts'
import { type CopyJob, copyJob } from './copy.ts'
import { executorOf, plannedJob, type RunOptions } from './run-query.ts'
import { type SummaryJob, summaryJob } from './summary/summarize.ts'

/** Takes the answer of a statement: its columns, then its changes. */
export interface ResultTarget {
  columns(columns: readonly Field[]): void
  change(kind: RowKind, row: readonly Value[]): void
}

/** How a script runs. */
export interface ScriptOptions {
  readonly clock?: Clock
  /** Default: 1. */
  readonly parallelism?: number | undefined
  /** Options of the engine. */
  readonly options?: ReadonlyMap<string, string>
  /** What was said before the script. @default nothing */
  readonly session?: SqlSession
  log(operatorName: string, subtaskIndex: number, message: string): void
}

/**
 * Runs a script. What its last statement answers goes to `target`.
 *
 * @throws {SqlError} if a statement is wrong; {@link PlanError}; what a job fails with.
 */
export function runScript(text: string, target: ResultTarget, options: ScriptOptions): void {
  const session = options.session ?? new SqlSession()
  if (asksForBatch(text)) session.options.set('execution.runtime-mode', 'batch')
  let last: StatementResult | undefined
  for (const statement of parseScript(text)) {
    last = session.execute(statement, text)
    const job = insertJobOf(last, session)
    if (job !== undefined) insertJob(job, options).runToEnd()
    else if (last.kind === 'copy') toEnd(copyOf(last, session, options))
  }
  if (last?.kind === 'rows' || last?.kind === 'explain' || last?.kind === 'summarize') {
    const { columns, rows } =
      last.kind === 'rows' ? last : last.kind === 'explain' ? explainedRows(last, session, options) : summary(last.plan, session, options)
    target.columns(columns)
    for (const row of rows) target.change(RowKind.INSERT, row)
  } else if (last?.kind === 'query') {
    target.columns(last.plan.columns)
    queryJob(last.plan, session, (kind, row) => target.change(kind, row), options).executor.runToEnd()
  }
}

function summary(plan: LogicalPlan, session: SqlSession, options: ScriptOptions): Rows {
  const { executor, answer } = summaryOf(plan, session, options)
  executor.runToEnd()
  return answer()
}

function toEnd({ executor, discard }: CopyJob): void {
  try {
    executor.runToEnd()
  } catch (error) {
    discard()
    throw error
  }
}

/** What runs SUMMARIZE. @throws {PlanError} */
export function summaryOf(plan: LogicalPlan, session: SqlSession, options: ScriptOptions): SummaryJob {
  return summaryJob(plan, runOptionsOf(session, options, 'summarize', queryOptions(session, [plan])), evaluationContext(session))
}

/** What runs COPY. @throws {PlanError} */
export function copyOf(result: StatementResult & { readonly kind: 'copy' }, session: SqlSession, options: ScriptOptions): CopyJob {
  return copyJob(result, runOptionsOf(session, options, 'copy', queryOptions(session, [result.plan])))
}

/** What runs INSERTs together. @throws {PlanError} */
export function insertJob({ inserts, query, settings }: InsertJob, options: ScriptOptions): LocalExecutor {
  return executorOf((planner) => addInserts(planner, inserts), runOptionsOf(settings, options, 'insert', query))
}

/** A query that is ready to run. */
export interface QueryJob {
  readonly executor: LocalExecutor
  /** Whether rows are only added to its result, never changed nor taken away. */
  readonly isInsertOnly: boolean
}

/** What runs a query and calls `take` with each change of its result. @throws {PlanError} */
export function queryJob(plan: LogicalPlan, session: SqlSession, take: (kind: RowKind, row: readonly Value[]) => void, options: ScriptOptions): QueryJob {
  const { columns } = plan
  let isInsertOnly = false
  const sink = changeSink((kind, row) => {
    const missing = row.findIndex((value, index) => value === null && !columns[index].type.nullable)
    if (missing >= 0) throw new PlanError('NULL_VALUE', `Column "${columns[missing].name}" is NULL, and its type admits none`)
    take(kind, row)
  })
  const run = runOptionsOf(session, options, 'query', queryOptions(session, [plan]))
  const executor = executorOf((planner) => planner.addSink(plan, sink, (isOnly) => (isInsertOnly = isOnly)), run)
  return { executor, isInsertOnly }
}

/**
 * What EXPLAIN answers: one text, in a column `result`. The job is planned as it would be run, and nothing of it starts.
 *
 * @throws {PlanError} What cannot be planned.
 */
export function explainedRows({ of, details }: StatementResult & { readonly kind: 'explain' }, session: SqlSession, options: ScriptOptions): Rows {
  const ignore = (): void => {}
  const inserts = insertJobOf(of, session)
  const add = (planner: QueryPlanner): void => {
    if (inserts !== undefined) addInserts(planner, inserts.inserts)
    else if (of.kind === 'query') planner.addSink(of.plan, changeSink(ignore))
  }
  const query = inserts?.query ?? queryOptions(session, of.kind === 'query' ? [of.plan] : [])
  const job = plannedJob(add, runOptionsOf(inserts?.settings ?? session, options, of.kind, query))
  const text = explainText(of.kind === 'query' ? [of.plan] : inserts!.inserts, job, details)
  return { columns: [{ name: 'result', type: STRING }], rows: [[text]] }
}

function runOptionsOf(
  settings: SessionSettings,
  { log, clock = systemClock, parallelism = 1, options }: ScriptOptions,
  jobName: string,
  query: QueryOptions,
): RunOptions {
  const batchRowsMax = readsRowByRow(settings) ? 1 : undefined
  return { ...query, log, clock, jobName, parallelism, options, batchRowsMax }
}

/** Whether a comment at the head of a script asks for batch mode: `-- mode: batch`. */
export function asksForBatch(text: string): boolean {
  return text.split('\n', HEAD_LINES).some((line) => /^\s*--\s*mode:\s*batch\s*$/i.test(line))
}

const HEAD_LINES = 9

/** What expressions that no row is part of compute with. */
export function evaluationContext(session: SqlSession): EvaluationContext {
  return { ...queryOptions(session, []).session, nowMs: () => systemClock.nowMs(), watermarkMs: () => -Infinity }
}

/** A change as `--format changelog` prints it. */
export function changeText(kind: RowKind, row: readonly Value[], columns: readonly Field[]): readonly unknown[] {
  return [ROW_KIND_TEXT[kind], ...row.map((value, index) => jsonOf(value, columns[index].type))]
}
