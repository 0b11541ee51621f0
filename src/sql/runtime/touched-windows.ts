// Windows of groups that a step has touched: each is read once, folded in memory, and written when the step ends or before something looks at it.

import type { KeyedStateBackend, ValueState } from '../../state/state.ts'
import type { Value } from '../value.ts'
import type { Accumulator } from './aggregates/fold.ts'

/** How many rows a window has, its keys, and what is known of its rows. */
export type WindowGroup = readonly [rowCount: number, keys: readonly Value[], accumulators: readonly Accumulator[]]

/** A {@link WindowGroup} that is being changed. */
export interface TouchedWindow {
  readonly startMs: number
  readonly endMs: number
  readonly keys: readonly Value[]
  readonly accumulators: readonly Accumulator[]
  count: number
}

export class TouchedWindows {
  /** By the handles of the groups' keys, which are good until the step ends. */
  readonly #touched = new Map<number, TouchedWindow[]>()

  /** The window of the current key, if the step has touched it. */
  find({ currentKey }: KeyedStateBackend, startMs: number, endMs: number): TouchedWindow | undefined {
    const windows = this.#touched.get(currentKey)
    if (windows !== undefined) for (const window of windows) if (window.startMs === startMs && window.endMs === endMs) return window
    return undefined
  }

  /** Adds a window of the current key. */
  add({ currentKey }: KeyedStateBackend, window: TouchedWindow): void {
    const windows = this.#touched.get(currentKey)
    if (windows === undefined) this.#touched.set(currentKey, [window])
    else windows.push(window)
  }

  /** Writes all, and forgets them. Another key is current afterwards. */
  write(backend: KeyedStateBackend, state: ValueState<WindowGroup>): void {
    for (const [handle, windows] of this.#touched) {
      backend.select(handle)
      for (const { startMs, endMs, count, keys, accumulators } of windows) {
        backend.setNamespace(startMs, endMs)
        state.update([count, keys, accumulators])
      }
    }
    this.#touched.clear()
  }
}
