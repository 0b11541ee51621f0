// COMPILE PLAN and EXECUTE PLAN: the files of compiled plans, and what is to run of them.

import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PlanError } from '../../base/errors.ts'
import { packageVersion } from '../../base/platform.ts'
import { DURATION_EXPECTED, durationMsOf } from '../../engine/options.ts'
import { type CatalogObjects, type CompiledOperator, planText, readPlan } from '../compiled-plan.ts'
import type { InsertPlan } from '../insert-binder.ts'
import { nodeText } from '../plan-text.ts'
import type { SqlSession, StatementResult } from '../session.ts'
import { isSqlOption } from '../session-options.ts'
import { errorAt, SqlError } from '../sql-error.ts'
import { inputsAmong } from './operator-uids.ts'
import { addInserts, plansOf, queryOptions, type SessionSettings } from './query-options.ts'
import { type QueryOptions, QueryPlanner } from './query-planner.ts'

/** INSERTs that run together, and how they are planned. */
export interface InsertJob {
  readonly inserts: readonly InsertPlan[]
  readonly query: QueryOptions
  /** What was set where they were planned. */
  readonly settings: SessionSettings
}

type CompilePlanResult = Extract<StatementResult, { readonly kind: 'compile plan' }>
type ExecutePlanResult = Extract<StatementResult, { readonly kind: 'execute plan' }>

const FORCE_KEY = 'table.plan.force-recompile'
const OBJECTS_KEY = 'table.plan.compile.catalog-objects'
/** Options that say something of plans, not of what is planned. */
const OTHER_OPTIONS = /^(?:sql-client|table\.plan|table\.dynamic-table-options)\./

/**
 * What a statement runs, if it runs INSERTs; a plan that is only compiled is written.
 *
 * @throws {SqlError} `PLAN_EXISTS`, `FILE_NOT_READABLE`, `INVALID_PLAN`, `PLAN_DOES_NOT_FIT`, with the place of the statement.
 */
export function insertJobOf(result: StatementResult, session: SqlSession): InsertJob | undefined {
  switch (result.kind) {
    case 'insert':
      return plannedInserts(result.inserts, session)
    case 'execute plan':
      return executedPlan(result, session)
    case 'compile plan':
      writePlan(result, session)
      return result.execute ? executedPlan(result, session) : undefined
    default:
      return undefined
  }
}

/** The same for a job whose plan is written where it is started, or was when it was started first: none is written. */
export function startedJobOf(result: StatementResult, session: SqlSession): InsertJob | undefined {
  if (result.kind !== 'compile plan') return insertJobOf(result, session)
  return existsSync(pathOf(result)) && !isForced(session) ? executedPlan(result, session) : plannedInserts(result.inserts, session)
}

function plannedInserts(inserts: readonly InsertPlan[], session: SqlSession): InsertJob {
  return { inserts, query: queryOptions(session, plansOf(inserts)), settings: session }
}

/** Writes the plan of a statement, unless it is there and may be. @throws {SqlError} `PLAN_EXISTS`, `FILE_NOT_WRITABLE` */
export function writePlan(result: CompilePlanResult, session: SqlSession): void {
  const path = pathOf(result)
  if (existsSync(path) && !isForced(session)) {
    if (result.ifNotExists || result.execute) return
    throw errorAt(
      result.origin,
      'PLAN_EXISTS',
      `Cannot write the plan "${result.path}": there is one`,
      `Write IF NOT EXISTS, remove the file, or SET '${FORCE_KEY}' = 'true'.`,
    )
  }
  const text = compiledText(result, session)
  try {
    mkdirSync(dirname(path), { recursive: true })
    // Whoever reads it meanwhile sees the old one or the new one.
    const fresh = `${path}.${process.pid}.new`
    writeFileSync(fresh, text)
    renameSync(fresh, path)
  } catch (error) {
    throw errorAt(result.origin, 'FILE_NOT_WRITABLE', `Cannot write the plan "${result.path}": ${(error as Error).message}`)
  }
}

function compiledText(result: CompilePlanResult, session: SqlSession): string {
  const { inserts, query } = plannedInserts(result.inserts, session)
  const planner = new QueryPlanner(query)
  addInserts(planner, inserts)
  planner.build()
  const { currentCatalog, currentDatabase } = session.catalog
  return planText(
    {
      inserts: inserts.map((insert, index) => ({ ...insert, plan: planner.optimized[index] })),
      needs: planner.needs,
      configuration: new Map([...session.options].filter(([key]) => isSqlOption(key) && !OTHER_OPTIONS.test(key))),
      currentCatalog,
      currentDatabase,
      operators: operatorsOf(planner),
    },
    packageVersion(),
    objectsOf(result, session),
  )
}

function objectsOf(result: CompilePlanResult, session: SqlSession): CatalogObjects {
  const value = (session.options.get(OBJECTS_KEY) ?? 'ALL').toUpperCase()
  if (value === 'ALL' || value === 'SCHEMA') return value
  throw errorAt(
    result.origin,
    'INVALID_OPTION',
    `Cannot compile with '${OBJECTS_KEY}' = '${value}'`,
    'It is ALL, or SCHEMA, which leaves the options of tables out.',
  )
}

function operatorsOf(planner: QueryPlanner): readonly CompiledOperator[] {
  const { keeping } = planner
  return keeping.map((transformation, id): CompiledOperator => {
    const { kind, attributes, upsertKey } = planner.noteOf(transformation)
    const states = planner.expiringStatesOf(transformation)
    return {
      id,
      uid: transformation.settings.uid!,
      type: kind,
      inputs: inputsAmong(transformation, keeping),
      ...(states.length > 0 && { state: states.map(({ name, ttlMs }, index) => ({ index, ttl: `${ttlMs} ms`, name })) }),
      // Where tables lie is said by their options.
      description: nodeText(kind, { ...attributes(), from: undefined, to: undefined, upsertKeys: upsertKey?.join(', ') }),
    }
  })
}

function executedPlan(result: CompilePlanResult | ExecutePlanResult, session: SqlSession): InsertJob {
  try {
    return readJob(textOf(result), result.path, session)
  } catch (error) {
    if (!(error instanceof PlanError) || error instanceof SqlError) throw error
    throw errorAt(result.origin, error.code, error.message, error.hint)
  }
}

function readJob(text: string, name: string, session: SqlSession): InsertJob {
  const { inserts, needs, configuration, currentCatalog, currentDatabase, operators } = readPlan(text, name, session.catalog)
  const settings: SessionSettings = { options: configuration, catalog: { currentCatalog, currentDatabase } }
  // Where state is kept is said by who runs it.
  const { isInMemory } = queryOptions(session, [])
  const compiled = { name, needs, operators, ttls: ttlsOf(operators, name) }
  return { inserts, settings, query: { ...queryOptions(settings, plansOf(inserts)), isInMemory, compiled } }
}

function ttlsOf(operators: readonly CompiledOperator[], name: string): readonly number[] {
  return operators.flatMap(({ uid, state = [] }) =>
    state.map(({ ttl, name: stateName }) => {
      const ms = durationMsOf(ttl)
      if (Number.isNaN(ms))
        throw new PlanError('INVALID_PLAN', `Cannot run the plan "${name}": state "${stateName}" of operator "${uid}" is kept for "${ttl}"`, {
          hint: `Write ${DURATION_EXPECTED}; 0 ms is for ever.`,
        })
      return ms
    }),
  )
}

function textOf(result: CompilePlanResult | ExecutePlanResult): string {
  const path = pathOf(result)
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const reason = code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a folder' : message
    throw errorAt(
      result.origin,
      'FILE_NOT_READABLE',
      `Cannot read the plan "${result.path}": ${reason}`,
      code === 'ENOENT' ? 'COMPILE PLAN writes it.' : undefined,
    )
  }
}

function pathOf(result: CompilePlanResult | ExecutePlanResult): string {
  const { path } = result
  if (path.startsWith('file:')) return fileURLToPath(path)
  if (/^[a-z][a-z\d+.-]+:\/\//i.test(path))
    throw errorAt(
      result.origin,
      'NOT_SUPPORTED',
      `Cannot find the plan "${path}": plans are files of this machine`,
      'Write its path, or a URL that begins with file:///.',
    )
  return resolve(path)
}

function isForced({ options }: SqlSession): boolean {
  return options.get(FORCE_KEY)?.toLowerCase() === 'true'
}
