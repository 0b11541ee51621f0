// The options that SQL reads itself, beside those of the engine.

import { PlanError } from '../base/errors.ts'
import { editDistance } from '../base/suggest.ts'
import { canonical, type OptionValues } from '../engine/options.ts'

/** Keys that SQL reads, beside the engine's; others below the same names are Flink's, and taken. */
export const SQL_KEYS: readonly string[] = [
  ...['execution.runtime-mode', 'table.local-time-zone', 'table.exec.state.ttl', 'table.exec.sink.upsert-materialize'],
  ...['table.exec.async-lookup.buffer-capacity', 'table.exec.async-lookup.timeout'],
  ...['table.exec.mini-batch.enabled', 'table.exec.mini-batch.allow-latency', 'table.exec.mini-batch.size'],
  ...['table.optimizer.join-reorder-enabled', 'table.optimizer.distinct-agg.split.enabled', 'table.optimizer.distinct-agg.split.bucket-num'],
]
/** The param of a script's job that holds options of SQL, `key=value`, which come before what the script sets. No variable is called so. */
export const SQL_SETTINGS = 'sql.settings'
/** Flink's keys and ours that say how queries run, by what they take: wrong values are refused, also of those that have no effect. */
const TYPED: Readonly<Record<'boolean' | 'duration' | 'memory' | 'integer', readonly string[]>> = {
  boolean: [
    ...['table.dml-sync', 'table.dynamic-table-options.enabled', 'table.plan.force-recompile', 'sql-client.verbose'],
    ...['table.exec.mini-batch.enabled', 'table.exec.deduplicate.mini-batch.compact-changes-enabled'],
    ...['table.exec.deduplicate.insert-update-after-sensitive-enabled', 'table.exec.source.cdc-events-duplicate'],
    ...['table.exec.emit.early-fire.enabled', 'table.exec.emit.late-fire.enabled', 'table.exec.async-lookup.key-ordered-enabled'],
    ...['table.exec.simplify-operator-name-enabled', 'table.exec.spill-compression.enabled', 'table.exec.sort.async-merge-enabled'],
    ...['table.optimizer.join-reorder-enabled', 'table.optimizer.reuse-source-enabled', 'table.optimizer.reuse-sub-plan-enabled'],
    ...['table.optimizer.reuse-sink-enabled', 'table.optimizer.distinct-agg.split.enabled', 'table.optimizer.source.predicate-pushdown-enabled'],
  ],
  duration: [
    ...['table.exec.state.ttl', 'table.exec.mini-batch.allow-latency', 'table.exec.async-lookup.timeout', 'table.exec.source.idle-timeout'],
    ...['table.exec.emit.early-fire.delay', 'table.exec.emit.late-fire.delay', 'table.exec.emit.allow-lateness'],
    'table.exec.interval-join.min-cleanup-interval',
  ],
  memory: [
    ...['table.exec.resource.hash-agg.memory', 'table.exec.resource.hash-join.memory', 'table.exec.resource.sort.memory'],
    ...['table.exec.resource.external-buffer-memory', 'table.exec.spill-compression.block-size'],
  ],
  integer: [
    ...['table.exec.mini-batch.size', 'table.exec.async-lookup.buffer-capacity', 'table.exec.rank.topn-cache-size'],
    ...['table.exec.resource.default-parallelism', 'table.exec.sort.default-limit', 'table.exec.window-agg.buffer-size-limit'],
    ...['table.optimizer.distinct-agg.split.bucket-num', 'sql-client.execution.max-table-result.rows', 'table.display.max-column-width'],
  ],
}
/** The least values of integers that have one. */
const MINIMA: Readonly<Record<string, number>> = {
  ...{ 'table.exec.async-lookup.buffer-capacity': 1, 'table.exec.rank.topn-cache-size': 1, 'table.exec.window-agg.buffer-size-limit': 1 },
  ...{ 'table.optimizer.distinct-agg.split.bucket-num': 1, 'table.display.max-column-width': 1 },
  // Of Flink's default, which says nothing.
  ...{ 'table.exec.mini-batch.size': -1, 'table.exec.resource.default-parallelism': -1, 'table.exec.sort.default-limit': -1 },
}
/** Texts, in whatever case. */
const CHOICES: Readonly<Record<string, readonly string[]>> = {
  'execution.runtime-mode': ['streaming', 'batch', 'automatic'],
  'table.exec.sink.upsert-materialize': ['NONE', 'AUTO', 'FORCE'],
  'table.exec.sink.keyed-shuffle': ['NONE', 'AUTO', 'FORCE'],
  'table.exec.sink.not-null-enforcer': ['ERROR', 'DROP'],
  'table.exec.sink.type-length-enforcer': ['IGNORE', 'TRIM_PAD', 'ERROR'],
  'table.exec.async-lookup.output-mode': ['ORDERED', 'ALLOW_UNORDERED'],
  'table.exec.legacy-cast-behaviour': ['ENABLED', 'DISABLED'],
  'table.exec.uid.generation': ['PLAN_ONLY', 'ALWAYS', 'DISABLED'],
  'table.optimizer.agg-phase-strategy': ['AUTO', 'ONE_PHASE', 'TWO_PHASE'],
  'table.optimizer.non-deterministic-update.strategy': ['TRY_RESOLVE', 'IGNORE'],
  'table.plan.compile.catalog-objects': ['ALL', 'SCHEMA'],
  'sql-client.execution.result-mode': ['TABLE', 'CHANGELOG', 'TABLEAU'],
}
const VALUES: ReadonlyMap<string, OptionValues> = new Map(
  Object.entries(TYPED).flatMap(([type, keys]) =>
    keys.map((key): readonly [string, OptionValues] => [
      key,
      { key, type: type as keyof typeof TYPED, unit: type === 'duration' ? 'ms' : type === 'memory' ? 'bytes' : undefined, min: MINIMA[key] ?? 0 },
    ]),
  ),
)
/** So many letters may be wrong for a key to be a mistyped one. */
const MISTAKES_MAX = 2

/** Whether an option is SQL's own, not one of the engine. */
export function isSqlOption(key: string): boolean {
  return SQL_KEYS.includes(key) || /^(?:table|sql-client)\./.test(key)
}

/** Checks an option of SQL's own. @throws {PlanError} `UNKNOWN_OPTION`, `INVALID_OPTION` */
export function checkSqlOption(key: string, value: string): void {
  const near = SQL_KEYS.find((known) => known !== key && editDistance(key, known) <= MISTAKES_MAX)
  if (!SQL_KEYS.includes(key) && near !== undefined)
    throw new PlanError('UNKNOWN_OPTION', `Cannot set "${key}": there is no such option`, { hint: `Did you mean "${near}"?` })
  const text = value.trim()
  const choices = CHOICES[key]
  if (choices !== undefined && choices.every((choice) => choice.toLowerCase() !== text.toLowerCase()))
    throw new PlanError('INVALID_OPTION', `Cannot set "${key}" to "${value}": expected one of ${choices.join(', ')}`)
  if (key === TIME_ZONE_KEY) timeZoneOf(value)
  const values = VALUES.get(key)
  if (values !== undefined) canonical(values, text)
}

/** What an option is set to, checked, as {@link canonical} says it: of a duration milliseconds. @throws {PlanError} `INVALID_OPTION` */
export function sqlOption(options: ReadonlyMap<string, string>, key: string): string | undefined {
  const text = options.get(key)?.trim()
  const values = VALUES.get(key)
  return text === undefined || values === undefined ? text : canonical(values, text)
}

const TIME_ZONE_KEY = 'table.local-time-zone'
/** Where nobody has said where the session is. */
const TIME_ZONE_DEFAULT = 'UTC'
/** Zones that the platform knows and Flink does not take: names that say an offset otherwise, and old ones of three letters. */
const OTHER_ZONES = /^(?:[+-].*|(?:UTC|UT|Z)(?:[+-].*)|Z|UCT|[A-Z]ST|[A-Z]{2}T|[A-Z]ST\d*)$/i
const OLD_ZONES: ReadonlySet<string> = new Set(['CET', 'EET', 'MET', 'WET', 'GMT', 'UTC'])

/**
 * The time zone of a session, checked as Flink does: one of the IANA's by its name, an offset from GMT, or UTC.
 *
 * @throws {PlanError} `INVALID_OPTION`
 */
export function timeZoneOf(value: string | undefined): string {
  if (value === undefined || value === 'default') return TIME_ZONE_DEFAULT
  if (isTimeZone(value)) return value
  throw new PlanError('INVALID_OPTION', `Cannot use "${value}" as the time zone of the session, ${TIME_ZONE_KEY}: there is none of that name`, {
    hint: 'Write a name like Europe/Berlin, an offset like GMT+02:00, or UTC.',
  })
}

function isTimeZone(name: string): boolean {
  if (/^GMT[+-](?:0?\d|1[0-8])(?::[0-5]\d)?$/.test(name) || OLD_ZONES.has(name)) return true
  if (OTHER_ZONES.test(name)) return false
  try {
    const { timeZone } = new Intl.DateTimeFormat('en-US', { timeZone: name }).resolvedOptions()
    // The platform takes names in any case.
    return timeZone === name || (timeZone.toLowerCase() !== name.toLowerCase() && /^[A-Z]/.test(name))
  } catch {
    return false
  }
}

/** Reads `key=value`; undefined for an option of the engine. @throws {PlanError} as {@link checkSqlOption}. */
export function parseSqlSetting(setting: string): { readonly key: string; readonly value: string } | undefined {
  const equals = setting.indexOf('=')
  const key = setting.slice(0, Math.max(0, equals)).trim()
  if (!isSqlOption(key)) return undefined
  const value = setting.slice(equals + 1).trim()
  checkSqlOption(key, value)
  return { key, value }
}
