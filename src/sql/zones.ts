// Time zones: how far local clocks are ahead of UTC, by the rules that Java has for hours that are skipped or come twice. What the platform knows of a
// zone is looked up once for each stretch of time and kept, so that a look-up costs a table and a few comparisons.

import { daysOf, MS_PER_DAY } from './times.ts'

/** The offset that holds from an instant on. */
interface Transition {
  readonly fromMs: number
  readonly offsetMs: number
}

/** About 398 days: a zone has few transitions in so long. */
const STRETCH_MS = 2 ** 35
/** No two transitions undo each other within less. */
const STEP_MS = 7 * MS_PER_DAY
/** Beyond what dates can be, offsets are those of their ends. */
const INSTANT_MAX = 8_640_000_000_000_000 - STRETCH_MS
const NAMING_LOCALES = ['en-US', 'en-GB', 'en-AU', 'en-NZ', 'en-IN', 'en-ZA']
const OFFSET = /^(?:(?:UTC|GMT|UT)(?=[+-]))?([+-])(\d{1,2})(?::?(\d{2}))?(?::?(\d{2}))?$/

/** A zone of the IANA's list, or a fixed distance from UTC. */
export class Zone {
  readonly #fixedMs: number | undefined
  readonly #format: Intl.DateTimeFormat | undefined
  readonly #stretches = new Map<number, readonly Transition[]>()

  /** @throws {RangeError} for names of no zone */
  constructor(name: string) {
    this.#fixedMs = fixedOffsetOf(name)
    if (this.#fixedMs !== undefined) return
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      calendar: 'gregory',
      hourCycle: 'h23',
      era: 'short',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
  }

  /** How far local clocks are ahead of UTC at an instant. */
  offsetAt(instantMs: number): number {
    if (this.#fixedMs !== undefined) return this.#fixedMs
    const instant = Math.max(-INSTANT_MAX, Math.min(INSTANT_MAX, instantMs))
    const transitions = this.#stretchOf(Math.floor(instant / STRETCH_MS))
    let at = transitions.length - 1
    while (at > 0 && transitions[at].fromMs > instant) at--
    return transitions[at].offsetMs
  }

  /** What the zone is called at an instant: `CET`, `Central European Standard Time`. */
  nameAt(instantMs: number, isLong: boolean): string {
    if (this.#fixedMs === 0) return isLong ? 'Coordinated Universal Time' : 'UTC'
    const timeZone = this.#format?.resolvedOptions().timeZone ?? 'UTC'
    // English has short names of the zones of its own countries only.
    const names = (this.#fixedMs === undefined ? NAMING_LOCALES : []).map((locale) => {
      const format = new Intl.DateTimeFormat(locale, { timeZone, timeZoneName: isLong ? 'long' : 'short' })
      return format.formatToParts(instantMs).find(({ type }) => type === 'timeZoneName')!.value
    })
    return names.find((name) => !/^(?:GMT|UTC)[+-]/.test(name)) ?? `GMT${offsetText(this.offsetAt(instantMs))}`
  }

  /** The local time of an instant, as if it were UTC. */
  toLocal(instantMs: number): number {
    return instantMs + this.offsetAt(instantMs)
  }

  /**
   * The instant of a local time. One that is skipped moves forward by what is skipped; one that comes twice is the first.
   *
   * @param prefersLater Whether one that comes twice is the second.
   */
  toInstant(localMs: number, prefersLater = false): number {
    if (this.#fixedMs !== undefined) return localMs - this.#fixedMs
    const before = this.offsetAt(localMs - MS_PER_DAY)
    const after = this.offsetAt(localMs + MS_PER_DAY)
    if (before === after) return localMs - before
    const isBefore = this.offsetAt(localMs - before) === before
    const isAfter = this.offsetAt(localMs - after) === after
    return localMs - (isAfter && (prefersLater || !isBefore) ? after : before)
  }

  #stretchOf(index: number): readonly Transition[] {
    const known = this.#stretches.get(index)
    if (known !== undefined) return known
    const end = (index + 1) * STRETCH_MS
    let from = index * STRETCH_MS
    const transitions = [{ fromMs: from, offsetMs: this.#offsetOf(from) }]
    while (from < end) {
      const to = Math.min(from + STEP_MS, end)
      const offsetMs = this.#offsetOf(to)
      if (offsetMs !== transitions.at(-1)!.offsetMs) transitions.push({ fromMs: this.#changeWithin(from, to), offsetMs })
      from = to
    }
    this.#stretches.set(index, transitions)
    return transitions
  }

  /** The first instant with the offset of `to`, to the second. */
  #changeWithin(from: number, to: number): number {
    const offset = this.#offsetOf(from)
    let [before, after] = [Math.floor(from / 1000), Math.ceil(to / 1000)]
    while (after - before > 1) {
      const middle = Math.floor((before + after) / 2)
      if (this.#offsetOf(middle * 1000) === offset) before = middle
      else after = middle
    }
    return after * 1000
  }

  /** Asks the platform, which is slow. */
  #offsetOf(instantMs: number): number {
    const fields: Record<string, number> = {}
    let isBeforeChrist = false
    for (const { type, value } of this.#format!.formatToParts(instantMs)) {
      if (type === 'era') isBeforeChrist = value.startsWith('B')
      else if (type !== 'literal') fields[type] = Number(value)
    }
    const year = isBeforeChrist ? 1 - fields.year : fields.year
    const localMs = daysOf(year, fields.month, fields.day) * MS_PER_DAY + ((fields.hour * 60 + fields.minute) * 60 + fields.second) * 1000
    return localMs - Math.floor(instantMs / 1000) * 1000
  }
}

const zones = new Map<string, Zone>()

/** A zone by its name, as `table.local-time-zone` takes it. @throws {RangeError} for names of no zone */
export function zoneOf(name: string): Zone {
  let zone = zones.get(name)
  if (zone === undefined) {
    zone = new Zone(name)
    zones.set(name, zone)
  }
  return zone
}

/** In milliseconds; undefined: the name is no offset. */
function fixedOffsetOf(name: string): number | undefined {
  if (name === 'UTC' || name === 'GMT' || name === 'Z' || name === 'UT') return 0
  const match = OFFSET.exec(name)
  if (match === null) return undefined
  const [, sign, hours, minutes = '0', seconds = '0'] = match
  return (sign === '-' ? -1 : 1) * ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000
}

/** `+01:30` */
function offsetText(offsetMs: number): string {
  const minutes = Math.floor(Math.abs(offsetMs) / 60_000)
  const [hour, minute] = [Math.floor(minutes / 60), minutes % 60].map((value) => String(value).padStart(2, '0'))
  return `${offsetMs < 0 ? '-' : '+'}${hour}:${minute}`
}
