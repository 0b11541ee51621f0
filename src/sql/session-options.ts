// The options that SQL reads itself, beside those of the engine.

import { PlanError } from '../base/errors.ts'
import { editDistance } from '../base/suggest.ts'

/** Keys that SQL reads, beside the engine's; others below the same names are Flink's, and taken. */
export const SQL_KEYS: readonly string[] = [
  ...['execution.runtime-mode', 'table.local-time-zone', 'table.exec.state.ttl', 'table.exec.sink.upsert-materialize'],
  ...['table.exec.async-lookup.buffer-capacity', 'table.exec.async-lookup.timeout'],
  ...['table.exec.mini-batch.enabled', 'table.exec.mini-batch.allow-latency', 'table.exec.mini-batch.size'],
  ...['table.optimizer.join-reorder-enabled', 'table.optimizer.distinct-agg.split.enabled', 'table.optimizer.distinct-agg.split.bucket-num'],
]
/** The param of a script's job that holds options of SQL, `key=value`, which come before what the script sets. No variable is called so. */
export const SQL_SETTINGS = 'sql.settings'
const RUNTIME_MODES = ['streaming', 'batch', 'automatic']
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
  if (key === 'execution.runtime-mode' && !RUNTIME_MODES.includes(value.toLowerCase()))
    throw new PlanError('INVALID_OPTION', `Cannot set "${key}" to "${value}": expected one of ${RUNTIME_MODES.join(', ')}`)
  if (key === TIME_ZONE_KEY) timeZoneOf(value)
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
