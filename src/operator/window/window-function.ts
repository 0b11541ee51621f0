// The functions that windows call. Contracts only; the window operators call them on the worker's thread.

import type { StateStore } from '../../state/state.ts'
import type { Collector, KeyedRuntimeContext, OutputTag, RichFunction } from '../function.ts'
import type { Window } from './window.ts'

/** What a window function learns about the window it is called for. Valid only until the function returns. */
export interface ProcessWindowContext<W extends Window = Window> {
  readonly window: W
  /** Epoch ms; -Infinity before the first watermark. */
  currentWatermark(): number
  currentProcessingTime(): number
  /**
   * State of the current key and window; cleared with the window by {@link ProcessWindowFunction.clear}, which must clear what was put here.
   * Not for windows that merge.
   */
  readonly windowState: StateStore
  /** State of the current key, over all its windows. Never cleared by the engine. */
  readonly globalState: StateStore
  /** Sends a record to a side output. It gets the timestamp of the results: the window's last. */
  output<T>(tag: OutputTag<T>, value: T): void
}

/** Evaluates a window of a key. */
export interface ProcessWindowFunction<IN, OUT, KEY = unknown, W extends Window = Window> extends RichFunction<KeyedRuntimeContext> {
  /**
   * Called at each firing.
   *
   * @param key As the key function returned it or as its column shows it; an array for several columns; null in windowAll.
   * @param elements The records of the window in order of arrival, where windows have merged one's behind another's; after a reduce or an aggregate the one result. The function may keep it.
   */
  process(key: KEY, context: ProcessWindowContext<W>, elements: readonly IN[], out: Collector<OUT>): void
  /** Called when the window is dropped: clears what {@link process} has put into its `windowState`. */
  clear?(context: ProcessWindowContext<W>): void
}
