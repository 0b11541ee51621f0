// The windows in flight of one key, where windows merge: which namespace holds the contents of each. Merging moves no contents but those of the
// windows swallowed: the result keeps the namespace of one of them. Loaded from state and stored back by the operator, key by key.

import { assert } from '../../base/assert.ts'
import type { MergingWindowAssigner } from './assigners.ts'
import type { Window, WindowSerializer } from './window.ts'

/** One window in flight. */
interface Mapping<W extends Window> {
  window: W
  /** The window in whose namespace the contents lie. */
  stateWindow: W
}

/** Told about each merge before the record is added. */
export interface MergeListener<W extends Window> {
  /**
   * @param result The window that `merged` have become.
   * @param stateResult Whose namespace holds the contents of `result`.
   * @param mergedStates Whose contents are to be added there.
   */
  onMerge(result: W, merged: readonly W[], stateResult: W, mergedStates: readonly W[]): void
}

/** The merging windows of the current key. */
export class MergingWindowSet<W extends Window> {
  readonly #assigner: MergingWindowAssigner<never, W>
  readonly #serializer: WindowSerializer<W>
  readonly #mappings: Mapping<W>[] = []
  #changed = false

  constructor(assigner: MergingWindowAssigner<never, W>, serializer: WindowSerializer<W>) {
    this.#assigner = assigner
    this.#serializer = serializer
  }

  /** Whether {@link store} has something new to say. */
  get changed(): boolean {
    return this.#changed
  }

  get size(): number {
    return this.#mappings.length
  }

  /** Takes over what {@link store} wrote; null = no windows. */
  load(stored: readonly number[] | null): void {
    const serializer = this.#serializer
    this.#mappings.length = 0
    this.#changed = false
    if (stored === null) return
    for (let at = 0; at < stored.length; at += 4) {
      const window = serializer.deserialize(stored[at], stored[at + 1])
      const same = stored[at] === stored[at + 2] && stored[at + 1] === stored[at + 3]
      this.#mappings.push({ window, stateWindow: same ? window : serializer.deserialize(stored[at + 2], stored[at + 3]) })
    }
  }

  /** The namespaces of all windows and of their contents, four numbers each; null if there is none. */
  store(): readonly number[] | null {
    const serializer = this.#serializer
    this.#changed = false
    if (this.#mappings.length === 0) return null
    const stored: number[] = []
    for (const { window, stateWindow } of this.#mappings)
      stored.push(serializer.first(window), serializer.second(window), serializer.first(stateWindow), serializer.second(stateWindow))
    return stored
  }

  /** The window in whose namespace the contents of `window` lie, or undefined if it is not in flight. */
  stateWindowOf(window: W): W | undefined {
    return this.#find(window)?.stateWindow
  }

  /** Forgets a window. */
  retire(window: W): void {
    const index = this.#mappings.findIndex((mapping) => this.#same(mapping.window, window))
    if (index === -1) return
    this.#mappings.splice(index, 1)
    this.#changed = true
  }

  /** Adds the window of a record, merging as the assigner says; returns the window that it has become part of. */
  add(newWindow: W, listener: MergeListener<W>): W {
    const known = this.#find(newWindow)
    if (known !== undefined) return known.window
    const windows = this.#mappings.map(({ window }) => window)
    windows.push(newWindow)
    const merges: { readonly merged: readonly W[]; readonly result: W }[] = []
    this.#assigner.mergeWindows(windows, (merged, result) => merges.push({ merged: [...merged], result }))
    let resultWindow = newWindow
    let isNew = true
    for (const { merged, result } of merges) {
      const before = merged.filter((window) => window !== newWindow)
      if (before.length < merged.length) {
        resultWindow = result
        isNew = false
      }
      assert(before.length > 0, 'an assigner merged a window with itself')
      // A window that takes the record without growing is not a merge.
      if (before.length === 1 && this.#same(before[0], result)) continue
      const taken = before.map((window) => this.#take(window))
      const stateResult = taken[0].stateWindow
      this.#mappings.push({ window: result, stateWindow: stateResult })
      this.#changed = true
      listener.onMerge(
        result,
        before,
        stateResult,
        taken.slice(1).map(({ stateWindow }) => stateWindow),
      )
    }
    if (isNew) {
      this.#mappings.push({ window: newWindow, stateWindow: newWindow })
      this.#changed = true
    }
    return resultWindow
  }

  #find(window: W): Mapping<W> | undefined {
    for (const mapping of this.#mappings) if (this.#same(mapping.window, window)) return mapping
    return undefined
  }

  #take(window: W): Mapping<W> {
    const index = this.#mappings.findIndex((mapping) => this.#same(mapping.window, window))
    assert(index !== -1, 'an assigner merged a window that is not in flight')
    return this.#mappings.splice(index, 1)[0]
  }

  #same(left: W, right: W): boolean {
    return this.#serializer.first(left) === this.#serializer.first(right) && this.#serializer.second(left) === this.#serializer.second(right)
  }
}
