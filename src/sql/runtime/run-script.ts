// Runs the statements of a script on the calling thread, one after the other, and says what the last one answers.

import { type Clock, systemClock } from '../../base/clock.ts'
import { PlanError } from '../../base/errors.ts'
import { DURATION_EXPECTED, durationMsOf } from '../../engine/options.ts'
import type { Field } from '../../batch/types.ts'
import { RowKind, ROW_KIND_TEXT } from '../../batch/record-batch.ts'
import { jsonOf } from '../changelog-format.ts'
import type { LocalExecutor } from '../../runtime/local-executor.ts'
import { type Rows, SqlSession, type StatementResult } from '../session.ts'
import { type EvaluationContext, STRING } from '../functions/scalar-function.ts'
import { parseScript } from '../statement-parser.ts'
import type { LogicalPlan } from '../logical-plan.ts'
import type { Value } from '../value.ts'
import type { InsertPlan } from '../insert-binder.ts'
import { isFilePath } from '../files/file-name.ts'
import { scansOf } from '../plans.ts'
import { changeSink } from './change-sink.ts'
import { explainText } from './explain-text.ts'
import type { QueryOptions, QueryPlanner } from './query-planner.ts'
import { type CopyJob, copyJob } from './copy.ts'
import { executorOf, plannedJob, type RunOptions } from './run-query.ts'
import { LOOKUP_DEFAULTS, type LookupOptions } from './lookup-tables.ts'
import { type SummaryJob, summaryJob } from './summary/summarize.ts'
import type { EmitOptions } from './window-plans.ts'

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
    if (last.kind === 'insert') insertJob(last.inserts, session, options).runToEnd()
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
  return summaryJob(plan, runOptionsOf(session, options, 'summarize', [plan]), evaluationContext(session))
}

/** What runs COPY. @throws {PlanError} */
export function copyOf(result: StatementResult & { readonly kind: 'copy' }, session: SqlSession, options: ScriptOptions): CopyJob {
  return copyJob(result, runOptionsOf(session, options, 'copy', [result.plan]))
}

/** What runs INSERTs together. @throws {PlanError} */
export function insertJob(inserts: readonly InsertPlan[], session: SqlSession, options: ScriptOptions): LocalExecutor {
  return executorOf((planner) => addInserts(planner, inserts), runOptionsOf(session, options, 'insert', plansOf(inserts)))
}

export function plansOf(inserts: readonly InsertPlan[]): readonly LogicalPlan[] {
  return inserts.map(({ plan }) => plan)
}

function addInserts(planner: QueryPlanner, inserts: readonly InsertPlan[]): void {
  for (const insert of inserts) planner.addInsert(insert)
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
  const executor = executorOf((planner) => planner.addSink(plan, sink, (isOnly) => (isInsertOnly = isOnly)), runOptionsOf(session, options, 'query', [plan]))
  return { executor, isInsertOnly }
}

/**
 * What EXPLAIN answers: one text, in a column `result`. The job is planned as it would be run, and nothing of it starts.
 *
 * @throws {PlanError} What cannot be planned.
 */
export function explainedRows({ of, details }: StatementResult & { readonly kind: 'explain' }, session: SqlSession, options: ScriptOptions): Rows {
  const ignore = (): void => {}
  const add = (planner: QueryPlanner): void => {
    if (of.kind === 'insert') addInserts(planner, of.inserts)
    else planner.addSink(of.plan, changeSink(ignore))
  }
  const job = plannedJob(add, runOptionsOf(session, options, of.kind, of.kind === 'insert' ? plansOf(of.inserts) : [of.plan]))
  return { columns: [{ name: 'result', type: STRING }], rows: [[explainText(of, job, details)]] }
}

function runOptionsOf(
  session: SqlSession,
  { log, clock = systemClock, parallelism = 1, options }: ScriptOptions,
  jobName: string,
  plans: readonly LogicalPlan[],
): RunOptions {
  const batchRowsMax = readsRowByRow(session) ? 1 : undefined
  return { ...queryOptions(session, plans), log, clock, jobName, parallelism, options, batchRowsMax }
}

function isBatch({ options }: SqlSession, plans: readonly LogicalPlan[]): boolean {
  const mode = options.get('execution.runtime-mode')?.toLowerCase() ?? 'automatic'
  return mode === 'automatic' ? readsFilesOnly(plans) : mode === 'batch'
}

/** Whether the queries name files where others name tables, and nothing else that could go on for ever. */
function readsFilesOnly(plans: readonly LogicalPlan[]): boolean {
  const scans = plans.flatMap(scansOf)
  return scans.length > 0 && scans.every(({ table }) => isFilePath(table.path))
}

/** Whether each row is a batch of its own, so that no change of a group is left out: inputs are read by turns then, row by row. */
export function readsRowByRow({ options }: SqlSession): boolean {
  return options.get('table.exec.mini-batch.enabled') === 'false'
}

/** Whether a comment at the head of a script asks for batch mode: `-- mode: batch`. */
export function asksForBatch(text: string): boolean {
  return text.split('\n', HEAD_LINES).some((line) => /^\s*--\s*mode:\s*batch\s*$/i.test(line))
}

const HEAD_LINES = 9

/** What a session has set of how queries run. @param plans Those that run together. */
export function queryOptions(session: SqlSession, plans: readonly LogicalPlan[]): QueryOptions {
  const ttl = durationMs(session.options.get('table.exec.state.ttl') ?? '0')
  return {
    session: {
      timeZone: session.options.get('table.local-time-zone') ?? 'UTC',
      currentCatalog: session.catalog.currentCatalog,
      currentDatabase: session.catalog.currentDatabase,
    },
    ttl: ttl === 0 ? undefined : { ttlMs: ttl },
    isFolded: session.options.get('table.exec.mini-batch.enabled') !== 'false',
    materializes: session.options.get('table.exec.sink.upsert-materialize')?.toUpperCase() !== 'NONE',
    isBatch: isBatch(session, plans),
    foldsDeduplicate:
      session.options.get('table.exec.deduplicate.mini-batch.compact-changes-enabled') === 'true' || !session.options.has('table.exec.mini-batch.enabled'),
    isInMemory: session.options.get('state.backend.type') !== 'lmdb',
    emit: emitOptions(session, ttl),
    lookup: lookupOptions(session),
  }
}

/** What expressions that no row is part of compute with. */
export function evaluationContext(session: SqlSession): EvaluationContext {
  return { ...queryOptions(session, []).session, nowMs: () => systemClock.nowMs(), watermarkMs: () => -Infinity }
}

function lookupOptions({ options }: SqlSession): LookupOptions {
  const capacity = options.get('table.exec.async-lookup.buffer-capacity') ?? String(LOOKUP_DEFAULTS.capacity)
  if (!/^[1-9]\d{0,8}$/.test(capacity))
    throw new PlanError('INVALID_OPTION', `Cannot look rows up with a capacity of "${capacity}": expected a number of at least 1`)
  const timeout = options.get('table.exec.async-lookup.timeout')
  return { capacity: Number(capacity), timeoutMs: timeout === undefined ? LOOKUP_DEFAULTS.timeoutMs : durationMs(timeout) }
}

function emitOptions({ options }: SqlSession, ttlMs: number): EmitOptions {
  const delayMs = (when: 'early' | 'late'): number | undefined => {
    if (options.get(`table.exec.emit.${when}-fire.enabled`)?.toLowerCase() !== 'true') return undefined
    const delay = options.get(`table.exec.emit.${when}-fire.delay`)
    return delay === undefined ? Number.NaN : durationMs(delay)
  }
  const lateness = options.get('table.exec.emit.allow-lateness')
  return { earlyMs: delayMs('early'), lateMs: delayMs('late'), latenessMs: lateness === undefined ? ttlMs : durationMs(lateness) }
}

function durationMs(text: string): number {
  const ms = durationMsOf(text)
  if (Number.isNaN(ms)) throw new PlanError('INVALID_OPTION', `Cannot read "${text}": expected ${DURATION_EXPECTED}`)
  return ms
}

/** A change as `--format changelog` prints it. */
export function changeText(kind: RowKind, row: readonly Value[], columns: readonly Field[]): readonly unknown[] {
  return [ROW_KIND_TEXT[kind], ...row.map((value, index) => jsonOf(value, columns[index].type))]
}
