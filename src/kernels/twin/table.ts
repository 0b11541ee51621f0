// The plain twin of the find-or-insert kernel: a Map from canonical key bytes (as text) to entries, which are numbered as they are made. Oracle of
// the property tests.

/** Entries by key. */
export class TableTwin {
  readonly #entries = new Map<string, number>()
  #made = 0

  /** The entry of each key, and the keys that had none before, each once and in order. */
  findOrInsert(keys: readonly string[]): { readonly entries: number[]; readonly newKeys: string[] } {
    const newKeys: string[] = []
    const entries = keys.map((key) => {
      const found = this.#entries.get(key)
      if (found !== undefined) return found
      newKeys.push(key)
      this.#entries.set(key, this.#made)
      return this.#made++
    })
    return { entries, newKeys }
  }

  remove(key: string): void {
    this.#entries.delete(key)
  }

  clear(): void {
    this.#entries.clear()
  }
}
