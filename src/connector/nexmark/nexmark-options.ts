// The options of the Nexmark generator: one interface with Flink's defaults, and its reading from the text options of a table. Plain data,
// made once at planning and the same on every thread.

import { PlanError } from '../../base/errors.ts'

/** Every number is checked by {@link resolveNexmarkOptions}. */
export interface NexmarkOptions {
  /** Number of events; 0 = without end. @default 0 */
  readonly eventCount?: number
  /** Events per second of event time, above 0. @default 10000 */
  readonly eventRate?: number
  /** Time of event 0 in epoch ms, 0..253402300799999. @default 2026-01-01 00:00:00 */
  readonly baseTimeMs?: number
  /** An event comes behind another that is at most this many ms of event time newer; 0 = in order of time. @default 0 */
  readonly disorderMs?: number
  /** Decides all that is random; an integer within ±(2^53 - 1). @default 1 */
  readonly seed?: number
  /** Persons, auctions and bids among each run of events. @default 1, 3, 46 */
  readonly personProportion?: number
  readonly auctionProportion?: number
  readonly bidProportion?: number
  /** Mean size of a row in bytes, at most 65,536: `extra` fills up to it. @default 200, 500, 100 */
  readonly personSizeAvg?: number
  readonly auctionSizeAvg?: number
  readonly bidSizeAvg?: number
  /** All but one in this many bids go to the hot auction (to hot bidders; auctions to hot sellers); 1 = none do. @default 2, 4, 4 */
  readonly hotAuctionRatio?: number
  readonly hotBidderRatio?: number
  readonly hotSellerRatio?: number
  /** What a bidder's number is counted from. The Java generator adds its 1000 twice, so that bidders are shifted against persons. @default 2000 */
  readonly bidderOffset?: number
  /** Emit at `eventRate` of wall-clock time instead of as fast as possible. @default false */
  readonly paced?: boolean
  /** Stay open after the last event. @default false */
  readonly keepAlive?: boolean
  /** Wall-clock time in epoch ms at which the source ends; -1 = never. @default -1 */
  readonly stopAtMs?: number
}

/** Options with every default filled in. */
export type NexmarkSettings = Required<NexmarkOptions>

export const NEXMARK_DEFAULTS: NexmarkSettings = Object.freeze({
  eventCount: 0,
  eventRate: 10_000,
  baseTimeMs: Date.UTC(2026, 0, 1),
  disorderMs: 0,
  seed: 1,
  personProportion: 1,
  auctionProportion: 3,
  bidProportion: 46,
  personSizeAvg: 200,
  auctionSizeAvg: 500,
  bidSizeAvg: 100,
  hotAuctionRatio: 2,
  hotBidderRatio: 4,
  hotSellerRatio: 4,
  bidderOffset: 2000,
  paced: false,
  keepAlive: false,
  stopAtMs: -1,
})

/** Events are numbered below this: their times stay exact in doubles. Also the end of a stream without one. */
export const NEXMARK_EVENTS_MAX = 9_000_000_000_000
const PROPORTION_MAX = 1_000_000
const SIZE_MAX = 65_536
const TIME_MAX_MS = 253_402_300_799_999

/**
 * Fills in the defaults.
 *
 * @throws {PlanError} `INVALID_OPTION` if a value is out of its range.
 */
export function resolveNexmarkOptions(options: NexmarkOptions = {}): NexmarkSettings {
  const settings: NexmarkSettings = { ...NEXMARK_DEFAULTS, ...options }
  const integers: readonly (readonly [keyof NexmarkSettings, number, number])[] = [
    ['eventCount', 0, NEXMARK_EVENTS_MAX],
    ['baseTimeMs', 0, TIME_MAX_MS],
    ['disorderMs', 0, Number.MAX_SAFE_INTEGER],
    ['seed', Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
    ['personProportion', 1, PROPORTION_MAX],
    ['auctionProportion', 1, PROPORTION_MAX],
    ['bidProportion', 0, PROPORTION_MAX],
    ['personSizeAvg', 0, SIZE_MAX],
    ['auctionSizeAvg', 0, SIZE_MAX],
    ['bidSizeAvg', 0, SIZE_MAX],
    ['hotAuctionRatio', 1, PROPORTION_MAX],
    ['hotBidderRatio', 1, PROPORTION_MAX],
    ['hotSellerRatio', 1, PROPORTION_MAX],
    ['bidderOffset', 0, 0x7fffffff],
    ['stopAtMs', -1, TIME_MAX_MS],
  ]
  for (const [name, min, max] of integers) {
    const value = settings[name] as number
    if (!Number.isSafeInteger(value) || value < min || value > max) refuse(name, value, `it must be an integer in ${min}..${max}`)
  }
  const rate = settings.eventRate
  if (!(rate > 0 && rate <= 1e12)) refuse('eventRate', rate, 'it must be above 0 and at most 1e12 events a second')
  const end = settings.eventCount === 0 ? 0 : settings.baseTimeMs + (settings.eventCount * 1000) / rate
  if (end > TIME_MAX_MS) refuse('eventRate', rate, `the last of ${settings.eventCount} events would lie beyond the year 9999`)
  return Object.freeze(settings)
}

function refuse(name: string, value: unknown, reason: string): never {
  throw new PlanError('INVALID_OPTION', `Cannot generate Nexmark events with ${name} = ${String(value)}: ${reason}`)
}

type Reader = (text: string, key: string) => Partial<NexmarkSettings>

const integer =
  (name: keyof NexmarkSettings): Reader =>
  (text, key) => {
    if (!/^[+-]?\d+$/.test(text.trim())) refuseText(key, text, 'an integer')
    return { [name]: Number(text) }
  }

const positive =
  (name: keyof NexmarkSettings): Reader =>
  (text, key) => {
    const value = Number(text)
    if (text.trim() === '' || Number.isNaN(value)) refuseText(key, text, 'a number')
    return { [name]: value }
  }

const MEMORY_UNITS: Record<string, number> = { '': 1, b: 1, bytes: 1, k: 1024, kb: 1024, kibibytes: 1024 }
const memory =
  (name: keyof NexmarkSettings): Reader =>
  (text, key) => {
    const match = /^(\d+)\s*([a-z]*)$/.exec(text.trim().toLowerCase())
    const unit = match === null ? undefined : MEMORY_UNITS[match[2]]
    if (match === null || unit === undefined) return refuseText(key, text, 'a size like 200b or 1kb')
    return { [name]: Number(match[1]) * unit }
  }

const TIME_UNITS: Record<string, number> = { '': 1, ms: 1, s: 1000, sec: 1000, second: 1000, seconds: 1000, min: 60_000, m: 60_000, h: 3_600_000 }
const duration =
  (name: keyof NexmarkSettings): Reader =>
  (text, key) => {
    const match = /^(\d+)\s*([a-z]*)$/.exec(text.trim().toLowerCase())
    const unit = match === null ? undefined : TIME_UNITS[match[2]]
    if (match === null || unit === undefined) return refuseText(key, text, 'a duration like 3 s')
    return { [name]: Number(match[1]) * unit }
  }

const truth =
  (name: keyof NexmarkSettings, negate = false): Reader =>
  (text, key) => {
    const value = text.trim().toLowerCase()
    if (value !== 'true' && value !== 'false') refuseText(key, text, 'true or false')
    return { [name]: (value === 'true') !== negate }
  }

const instant =
  (name: keyof NexmarkSettings): Reader =>
  (text, key) => {
    if (/^\d+$/.test(text.trim())) return { [name]: Number(text) }
    const match = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d:\d\d(?:\.\d{1,3})?)Z?)?$/.exec(text.trim())
    const value = match === null ? Number.NaN : Date.parse(`${match[1]}T${match[2] ?? '00:00:00'}Z`)
    if (Number.isNaN(value)) refuseText(key, text, 'epoch milliseconds or a time in UTC like 2026-01-01 00:00:00')
    return { [name]: value }
  }

const ignored: Reader = () => ({})

/** Flink's keys of the `nexmark` table connector, and ours. The generator knows no changing rate: what only that needs is read and ignored. */
const TABLE_OPTIONS: Readonly<Record<string, Reader>> = {
  'first-event.rate': positive('eventRate'),
  'next-event.rate': ignored,
  'rate.shape': ignored,
  'rate.period': ignored,
  'rate.limited': ignored,
  'events.num': integer('eventCount'),
  'person.proportion': integer('personProportion'),
  'auction.proportion': integer('auctionProportion'),
  'bid.proportion': integer('bidProportion'),
  'person.avg-size': memory('personSizeAvg'),
  'auction.avg-size': memory('auctionSizeAvg'),
  'bid.avg-size': memory('bidSizeAvg'),
  'bid.hot-ratio.auctions': integer('hotAuctionRatio'),
  'bid.hot-ratio.bidders': integer('hotBidderRatio'),
  'auction.hot-ratio.sellers': integer('hotSellerRatio'),
  'max-emit-speed': truth('paced', true),
  'keep-alive': truth('keepAlive'),
  'stop-at': (text, key) => (text.trim() === '-1' ? { stopAtMs: -1 } : instant('stopAtMs')(text, key)),
  'millrace.seed': integer('seed'),
  'millrace.base-time': instant('baseTimeMs'),
  'millrace.disorder': duration('disorderMs'),
  'millrace.bidder-offset': integer('bidderOffset'),
}

/** The keys {@link nexmarkTableOptions} reads. */
export const NEXMARK_TABLE_OPTIONS: readonly string[] = Object.keys(TABLE_OPTIONS)

/**
 * Reads the options of a table whose connector is `nexmark`; `connector` itself is skipped.
 *
 * @throws {PlanError} `UNKNOWN_OPTION`, `INVALID_OPTION`.
 */
export function nexmarkTableOptions(options: Readonly<Record<string, string>>): NexmarkSettings {
  let settings: NexmarkOptions = {}
  for (const [key, text] of Object.entries(options)) {
    if (key === 'connector') continue
    const read = Object.hasOwn(TABLE_OPTIONS, key) ? TABLE_OPTIONS[key] : undefined
    if (read === undefined)
      throw new PlanError('UNKNOWN_OPTION', `Cannot set "${key}" of a nexmark table: there is no such option`, {
        hint: `Known options: ${NEXMARK_TABLE_OPTIONS.join(', ')}.`,
      })
    settings = { ...settings, ...read(text, key) }
  }
  return resolveNexmarkOptions(settings)
}

function refuseText(key: string, text: string, expected: string): never {
  throw new PlanError('INVALID_OPTION', `Cannot read "${text}" as the option "${key}": expected ${expected}`)
}
