// What a session has set of how its queries are planned.

import { isFilePath } from '../files/file-name.ts'
import type { InsertPlan } from '../insert-binder.ts'
import type { LogicalPlan } from '../logical-plan.ts'
import { scansOf } from '../plans.ts'
import { sqlOption, timeZoneOf } from '../session-options.ts'
import { LOOKUP_DEFAULTS, type LookupOptions } from './lookup-tables.ts'
import type { QueryOptions, QueryPlanner } from './query-planner.ts'
import type { EmitOptions } from './window-plans.ts'

/** What queries are told of the session that they are planned in. */
export interface SessionSettings {
  readonly options: ReadonlyMap<string, string>
  readonly catalog: { readonly currentCatalog: string; readonly currentDatabase: string }
}

export function plansOf(inserts: readonly InsertPlan[]): readonly LogicalPlan[] {
  return inserts.map(({ plan }) => plan)
}

export function addInserts(planner: QueryPlanner, inserts: readonly InsertPlan[]): void {
  for (const insert of inserts) planner.addInsert(insert)
}

function isBatch({ options }: SessionSettings, plans: readonly LogicalPlan[]): boolean {
  const mode = options.get('execution.runtime-mode')?.toLowerCase() ?? 'automatic'
  return mode === 'automatic' ? readsFilesOnly(plans) : mode === 'batch'
}

/** Whether the queries name files where others name tables, and nothing else that could go on for ever. */
function readsFilesOnly(plans: readonly LogicalPlan[]): boolean {
  const scans = plans.flatMap(scansOf)
  return scans.length > 0 && scans.every(({ table }) => isFilePath(table.path))
}

/** Whether each row is a batch of its own, so that no change of a group is left out: inputs are read by turns then, row by row. */
export function readsRowByRow({ options }: SessionSettings): boolean {
  return sqlOption(options, 'table.exec.mini-batch.enabled') === 'false'
}

/** What a session has set of how queries run. @param plans Those that run together. */
export function queryOptions(session: SessionSettings, plans: readonly LogicalPlan[]): QueryOptions {
  const { options } = session
  const ttl = Number(sqlOption(options, 'table.exec.state.ttl') ?? 0)
  const inBatch = isBatch(session, plans)
  return {
    session: {
      timeZone: timeZoneOf(options.get('table.local-time-zone')),
      currentCatalog: session.catalog.currentCatalog,
      currentDatabase: session.catalog.currentDatabase,
    },
    ttl: ttl === 0 ? undefined : { ttlMs: ttl },
    isFolded: !readsRowByRow(session),
    materializes: sqlOption(options, 'table.exec.sink.upsert-materialize')?.toUpperCase() !== 'NONE',
    isBatch: inBatch,
    ordersJoinsBySize: (sqlOption(options, 'table.optimizer.join-reorder-enabled') ?? String(inBatch)) === 'true',
    // A part that has expired would be counted again, by groups that have not.
    distinctBuckets: ttl === 0 || inBatch ? distinctBuckets(session) : undefined,
    hasTwoPhases: sqlOption(options, 'table.optimizer.agg-phase-strategy')?.toUpperCase() !== 'ONE_PHASE',
    foldsDeduplicate:
      sqlOption(options, 'table.exec.deduplicate.mini-batch.compact-changes-enabled') === 'true' || !options.has('table.exec.mini-batch.enabled'),
    isInMemory: options.get('state.backend.type') !== 'lmdb',
    emit: emitOptions(session, ttl),
    lookup: lookupOptions(session),
  }
}

function distinctBuckets({ options }: SessionSettings): number | undefined {
  const buckets = Number(sqlOption(options, 'table.optimizer.distinct-agg.split.bucket-num') ?? 1024)
  return sqlOption(options, 'table.optimizer.distinct-agg.split.enabled') === 'true' ? buckets : undefined
}

function lookupOptions({ options }: SessionSettings): LookupOptions {
  return {
    capacity: Number(sqlOption(options, 'table.exec.async-lookup.buffer-capacity') ?? LOOKUP_DEFAULTS.capacity),
    timeoutMs: Number(sqlOption(options, 'table.exec.async-lookup.timeout') ?? LOOKUP_DEFAULTS.timeoutMs),
  }
}

function emitOptions({ options }: SessionSettings, ttlMs: number): EmitOptions {
  const delayMs = (when: 'early' | 'late'): number | undefined => {
    if (sqlOption(options, `table.exec.emit.${when}-fire.enabled`) !== 'true') return undefined
    return Number(sqlOption(options, `table.exec.emit.${when}-fire.delay`) ?? Number.NaN)
  }
  return { earlyMs: delayMs('early'), lateMs: delayMs('late'), latenessMs: Number(sqlOption(options, 'table.exec.emit.allow-lateness') ?? ttlMs) }
}
