// Which windows an instant is in, and when a window ends: those of instants lie as the clocks of the session's zone show them.

import type { WindowSpec } from '../logical-plan.ts'
import { type Zone, zoneOf } from '../zones.ts'

const DAY_MS = 86_400_000

export class WindowClock {
  readonly #spec: WindowSpec
  readonly #zone: Zone | undefined

  constructor(spec: WindowSpec, timeZone: string) {
    this.#spec = spec
    this.#zone = spec.isLocal ? zoneOf(timeZone) : undefined
  }

  /** The time of a row as windows count it. */
  localOf(timeMs: number): number {
    return this.#zone === undefined ? timeMs : this.#zone.toLocal(timeMs)
  }

  /** The windows of a row's time that are no sessions, as pairs of beginning and end in local time; the latest beginning first. */
  windowsOf(timeMs: number): readonly (readonly [startMs: number, endMs: number])[] {
    return this.windowsAt(this.localOf(timeMs))
  }

  /** The same of a local time. */
  windowsAt(localMs: number): readonly (readonly [startMs: number, endMs: number])[] {
    const { kind, sizeMs, stepMs, offsetMs } = this.#spec
    const aligned = (unitMs: number): number => Math.floor((localMs - offsetMs) / unitMs) * unitMs + offsetMs
    switch (kind) {
      case 'CUMULATE': {
        const startMs = aligned(sizeMs)
        const first = Math.floor((localMs - startMs) / stepMs) + 1
        return Array.from({ length: sizeMs / stepMs - first + 1 }, (_, index) => [startMs, startMs + (first + index) * stepMs] as const)
      }
      case 'HOP': {
        const windows: (readonly [number, number])[] = []
        for (let startMs = aligned(stepMs); startMs > localMs - sizeMs; startMs -= stepMs) windows.push([startMs, startMs + sizeMs])
        return windows
      }
      default: {
        const startMs = aligned(sizeMs)
        return [[startMs, startMs + sizeMs]]
      }
    }
  }

  /** The last instant of a window that ends at a local time: as the windows' time attribute. */
  timeOf(endMs: number): number {
    if (this.#zone === undefined) return endMs - 1
    return this.#zone.toInstant(endMs - 1)
  }

  /** At which watermark a window is over: one that ends at a time which comes twice behind the second one, at a time which is skipped at what follows. */
  firesAt(endMs: number): number {
    return this.#zone === undefined ? endMs - 1 : (this.#skippedAt(endMs - 1) ?? this.#zone.toInstant(endMs - 1, true))
  }

  /** The instant at which clocks go forward over a local time; undefined if they show it. */
  #skippedAt(localMs: number): number | undefined {
    const zone = this.#zone!
    if (zone.toLocal(zone.toInstant(localMs)) === localMs) return undefined
    let [before, after] = [localMs - zone.offsetAt(localMs + DAY_MS), localMs - zone.offsetAt(localMs - DAY_MS)]
    const offset = zone.offsetAt(before)
    while (after - before > 1) {
      const middle = Math.floor((before + after) / 2)
      if (zone.offsetAt(middle) === offset) before = middle
      else after = middle
    }
    return after
  }
}
