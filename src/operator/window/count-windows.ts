// Count windows, as Flink makes them: a global window, a count trigger, and (if they slide) an evictor. Pure.

import { GlobalWindows } from './assigners.ts'
import { CountEvictor, type Evictor } from './evictors.ts'
import { CountTrigger, PurgingTrigger, type Trigger } from './triggers.ts'
import type { Window } from './window.ts'

/** The parts of a count window. */
export interface CountWindowParts {
  readonly assigner: GlobalWindows
  readonly trigger: Trigger<unknown, Window>
  readonly evictor?: Evictor<unknown, Window>
}

/**
 * Windows of `size` records of a key; with `slide`, of the last `size` records at every `slide` records.
 *
 * @throws {PlanError} If a count is not a positive integer.
 */
export function countWindows(size: number, slide?: number): CountWindowParts {
  if (slide === undefined) return { assigner: GlobalWindows.create(), trigger: PurgingTrigger.of(CountTrigger.of(size)) }
  return { assigner: GlobalWindows.create(), trigger: CountTrigger.of(slide), evictor: CountEvictor.of(size) }
}
