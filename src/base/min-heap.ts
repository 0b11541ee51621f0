// A binary heap: the least first.

/** Items with the time that they are ordered by, which stays as it is but for the first one's. */
export class MinHeap<T extends { readonly time: number }> {
  readonly #items: T[] = []

  get length(): number {
    return this.#items.length
  }

  /** The one with the least time; undefined if there is none. */
  get first(): T | undefined {
    return this.#items[0]
  }

  /** All of them, in no order. */
  get items(): readonly T[] {
    return this.#items
  }

  add(item: T): void {
    const items = this.#items
    let at = items.push(item) - 1
    while (at > 0) {
      const parent = (at - 1) >>> 1
      if (items[parent].time <= item.time) break
      items[at] = items[parent]!
      at = parent
    }
    items[at] = item
  }

  /** Takes the first one out. */
  removeFirst(): void {
    const items = this.#items
    const last = items.pop()
    if (items.length === 0 || last === undefined) return
    items[0] = last
    this.settleFirst()
  }

  /** Finds the place of the first one, whose time has become later. */
  settleFirst(): void {
    const items = this.#items
    const item = items[0]
    let at = 0
    for (;;) {
      let child = at * 2 + 1
      if (child >= items.length) break
      if (child + 1 < items.length && items[child + 1].time < items[child].time) child++
      if (items[child].time >= item.time) break
      items[at] = items[child]!
      at = child
    }
    items[at] = item
  }

  /** Keeps those that `isKept` says. */
  retain(isKept: (item: T) => boolean): void {
    const kept = this.#items.filter(isKept)
    this.#items.length = 0
    for (const item of kept) this.add(item)
  }

  clear(): void {
    this.#items.length = 0
  }
}
