// A script as a job: its INSERTs, what it sets, and the graph of it.

import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { hasCode, PlanError } from '../../base/errors.ts'
import { programSink } from '../../connector/program/program-sink.ts'
import { parseOption } from '../../engine/options.ts'
import type { BuiltJob } from '../../plan/job-program.ts'
import { FunctionModules } from '../function-modules.ts'
import { addSink } from '../../plan/sink-transformation.ts'
import type { Edge } from '../../plan/transformation.ts'
import type { LogicalPlan } from '../logical-plan.ts'
import { readScript } from '../script-text.ts'
import { SqlSession, type StatementResult } from '../session.ts'
import { checkSqlOption, isSqlOption, parseSqlSetting, SQL_SETTINGS } from '../session-options.ts'
import { type Span, SqlError } from '../sql-error.ts'
import { parseScript } from '../statement-parser.ts'
import type { Statements } from '../statements-url.ts'
import type { Statement } from '../syntax-tree.ts'
import { schemaOfChanges } from '../table-stream.ts'
import { type InsertJob, startedJobOf, writePlan } from './compiled-plans.ts'
import { addInserts, queryOptions, readsRowByRow } from './query-options.ts'
import { QueryPlanner } from './query-planner.ts'
import { asksForBatch } from './run-script.ts'

/** The output of the job of a query, which the program reads. */
const RESULT_OUTPUT = 'result'

/** What a script runs as one job. */
export interface ScriptJob extends Pick<InsertJob, 'inserts' | 'query'> {
  /** A query whose changes the program reads. */
  readonly result: LogicalPlan | undefined
  /** Options of the engine that it sets in front of its INSERT. */
  readonly options: ReadonlyMap<string, string>
}

/**
 * Reads the statements of a script that is to run as a job.
 *
 * @param settings Options of SQL, `key=value`, that come before what the script sets.
 * @param modules Those that its functions come from.
 * @param program Of statements of a program: what it has put into them. It reads what a query answers.
 * @param writesPlans Whether COMPILE AND EXECUTE PLAN writes its file: once for each start of a job, not in each of its threads.
 * @throws {SqlError} if a statement is wrong, or answers rows, which a job has nobody for (`NOT_A_JOB`), or is a second INSERT (`SEVERAL_JOBS`);
 * {@link PlanError} `NOT_A_JOB` if there is no INSERT.
 */
export async function planScript(
  text: string,
  settings: readonly string[],
  modules: FunctionModules,
  program?: Pick<Statements, 'parameters'>,
  writesPlans: boolean = false,
): Promise<ScriptJob> {
  const session = new SqlSession(undefined, modules)
  const given = settings.map(parseSqlSetting).filter((setting) => setting !== undefined)
  if (asksForBatch(text)) session.options.set('execution.runtime-mode', 'batch')
  let job: ScriptJob | undefined
  const statements = parseScript(text, program?.parameters)
  await session.load(statements)
  for (const statement of statements) {
    checkSetting(statement, text)
    const result = session.execute(statement, text)
    if (program === undefined || result.kind !== 'query') refuseRows(result, statement, text, program !== undefined)
    if (result.kind !== 'insert' && result.kind !== 'compile plan' && result.kind !== 'execute plan' && result.kind !== 'query') continue
    if (job !== undefined)
      throw new SqlError(
        'SEVERAL_JOBS',
        text,
        spanOf(statement),
        `A script that is run is one job, and another ${job.result === undefined ? 'INSERT' : 'query'} stands in front of this ${result.kind === 'query' ? 'query' : 'INSERT'}`,
        'Write EXECUTE STATEMENT SET BEGIN ... END around them; `millrace sql -f` runs them one after the other.',
      )
    for (const { key, value } of given) session.options.set(key, value)
    if (writesPlans && result.kind === 'compile plan') writePlan(result, session)
    job = startedJob(result, session)
  }
  if (job === undefined)
    throw new PlanError('NOT_A_JOB', 'Cannot run the script as a job: it has no INSERT', {
      hint: 'Write INSERT INTO a table, or run the script with `millrace sql -f`.',
    })
  return job
}

function startedJob(result: StatementResult, session: SqlSession): ScriptJob {
  if (result.kind === 'query')
    return { inserts: [], result: result.plan, query: queryOptions(session, [result.plan]), options: engineOptions(session, readsRowByRow(session)) }
  const { inserts, query, settings } = startedJobOf(result, session)!
  return { inserts, result: undefined, query, options: engineOptions(session, readsRowByRow(settings)) }
}

/**
 * Writes the plan of COMPILE AND EXECUTE PLAN, if a script has that.
 *
 * @throws {SqlError} `FILE_NOT_WRITABLE`. What else is wrong with the script is told by whoever runs it.
 */
export async function writePlans(path: string, params: Readonly<Record<string, unknown>>): Promise<void> {
  if (!/\bCOMPILE\b/i.test(readFileSync(path, 'utf8'))) return
  try {
    await planScript(readScript(path, params), (params[SQL_SETTINGS] ?? []) as readonly string[], new FunctionModules(dirname(path)), undefined, true)
  } catch (error) {
    if (hasCode(error, 'FILE_NOT_WRITABLE')) throw error
  }
}

/** Makes the job of a script. @throws as {@link planScript}, and what cannot be planned. */
export async function buildScript(text: string, settings: readonly string[], modules: FunctionModules): Promise<BuiltJob> {
  return built(await planScript(text, settings, modules))
}

/** Makes the job of statements of a program, whose functions come from modules as seen from the working directory. @throws as {@link planScript}, and what cannot be planned. */
export async function buildStatements(statements: Statements): Promise<BuiltJob> {
  return built(await planScript(statements.text, [], new FunctionModules(), statements))
}

function built({ inserts, result, query, options }: ScriptJob): BuiltJob {
  const planner = new QueryPlanner(query)
  addInserts(planner, inserts)
  if (result !== undefined) {
    const outputSchema = schemaOfChanges(result.columns)
    planner.addStream(result, { outputSchema, rowtime: undefined, hasKinds: true }, (from) => {
      const edge: Edge = { from, side: undefined, partitioner: { kind: 'forward' }, input: 0, schema: outputSchema }
      addSink(planner.graph, programSink(RESULT_OUTPUT), [edge], outputSchema)
    })
  }
  planner.build()
  const parallelism = options.get('parallelism.default')
  return { graph: planner.graph, parallelism: parallelism === undefined ? undefined : Number(parallelism), maxParallelism: undefined, options }
}

function spanOf(statement: Statement): Span {
  return statement.kind === 'query' ? statement.span : statement
}

/** Whoever starts a job hears of an option that is none. @throws {SqlError} `UNKNOWN_OPTION`, `UNSUPPORTED_OPTION`, `INVALID_OPTION` */
export function checkSetting(statement: Statement, text: string): void {
  if (statement.kind !== 'set' || statement.key === undefined || statement.value === undefined) return
  const { key, value } = statement
  try {
    if (isSqlOption(key)) checkSqlOption(key, value)
    else parseOption(key, value)
  } catch (error) {
    if (!(error instanceof PlanError)) throw error
    throw new SqlError(error.code, text, statement, error.message, error.hint)
  }
}

function refuseRows(result: StatementResult, statement: Statement, text: string, isOfProgram: boolean): void {
  const { kind } = result
  if (result.kind === 'compile plan' && (isOfProgram || !result.execute))
    throw new SqlError(
      'NOT_A_JOB',
      text,
      spanOf(statement),
      'This statement writes a plan, and a job is run each time that it is started',
      `Write it with \`millrace sql -f\`, and EXECUTE PLAN here${isOfProgram ? '' : '; or COMPILE AND EXECUTE PLAN'}.`,
    )
  if (kind === 'insert' || kind === 'compile plan' || kind === 'execute plan' || kind === 'done') return
  throw new SqlError(
    'NOT_A_JOB',
    text,
    spanOf(statement),
    kind === 'copy' ? 'COPY is no job that goes on' : 'This statement answers rows, and a job has nobody who reads them',
    kind === 'query' ? 'Write INSERT INTO a table in front of it, or run the script with `millrace sql -f`.' : 'Run the script with `millrace sql -f`.',
  )
}

function engineOptions(session: SqlSession, isRowByRow: boolean): ReadonlyMap<string, string> {
  const options = new Map<string, string>()
  if (isRowByRow) options.set('millrace.batch.rows-max', '1')
  for (const [key, text] of session.options) {
    if (isSqlOption(key)) continue
    const { key: known, value, note } = parseOption(key, text)
    if (note === undefined) options.set(known, value)
  }
  return options
}
