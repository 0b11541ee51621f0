// What a session has set of how its queries are planned.

import { PlanError } from '../../base/errors.ts'
import { DURATION_EXPECTED, durationMsOf } from '../../engine/options.ts'
import { isFilePath } from '../files/file-name.ts'
import type { InsertPlan } from '../insert-binder.ts'
import type { LogicalPlan } from '../logical-plan.ts'
import { scansOf } from '../plans.ts'
import { timeZoneOf } from '../session-options.ts'
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
  return options.get('table.exec.mini-batch.enabled') === 'false'
}

/** What a session has set of how queries run. @param plans Those that run together. */
export function queryOptions(session: SessionSettings, plans: readonly LogicalPlan[]): QueryOptions {
  const ttl = durationMs(session.options.get('table.exec.state.ttl') ?? '0')
  const inBatch = isBatch(session, plans)
  return {
    session: {
      timeZone: timeZoneOf(session.options.get('table.local-time-zone')),
      currentCatalog: session.catalog.currentCatalog,
      currentDatabase: session.catalog.currentDatabase,
    },
    ttl: ttl === 0 ? undefined : { ttlMs: ttl },
    isFolded: session.options.get('table.exec.mini-batch.enabled') !== 'false',
    materializes: session.options.get('table.exec.sink.upsert-materialize')?.toUpperCase() !== 'NONE',
    isBatch: inBatch,
    ordersJoinsBySize: (session.options.get('table.optimizer.join-reorder-enabled')?.toLowerCase() ?? String(inBatch)) === 'true',
    // A part that has expired would be counted again, by groups that have not.
    distinctBuckets: ttl === 0 || inBatch ? distinctBuckets(session) : undefined,
    foldsDeduplicate:
      session.options.get('table.exec.deduplicate.mini-batch.compact-changes-enabled') === 'true' || !session.options.has('table.exec.mini-batch.enabled'),
    isInMemory: session.options.get('state.backend.type') !== 'lmdb',
    emit: emitOptions(session, ttl),
    lookup: lookupOptions(session),
  }
}

function distinctBuckets({ options }: SessionSettings): number | undefined {
  const buckets = options.get('table.optimizer.distinct-agg.split.bucket-num') ?? '1024'
  if (!/^[1-9]\d{0,8}$/.test(buckets)) throw new PlanError('INVALID_OPTION', `Cannot split groups into "${buckets}" parts: expected a number of at least 1`)
  return options.get('table.optimizer.distinct-agg.split.enabled')?.toLowerCase() === 'true' ? Number(buckets) : undefined
}

function lookupOptions({ options }: SessionSettings): LookupOptions {
  const capacity = options.get('table.exec.async-lookup.buffer-capacity') ?? String(LOOKUP_DEFAULTS.capacity)
  if (!/^[1-9]\d{0,8}$/.test(capacity))
    throw new PlanError('INVALID_OPTION', `Cannot look rows up with a capacity of "${capacity}": expected a number of at least 1`)
  const timeout = options.get('table.exec.async-lookup.timeout')
  return { capacity: Number(capacity), timeoutMs: timeout === undefined ? LOOKUP_DEFAULTS.timeoutMs : durationMs(timeout) }
}

function emitOptions({ options }: SessionSettings, ttlMs: number): EmitOptions {
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
