// What a lookup has answered, kept for a while: the keys that were asked for last. Flink's partial cache.

/** What is kept, and for how long. */
export interface LookupCacheOptions {
  /** So many keys at most: the one that was not asked for longest goes. */
  readonly keysMax: number
  /** Since it was answered; Infinity: for ever. */
  readonly expireAfterWriteMs: number
  /** Since it was asked for last. */
  readonly expireAfterAccessMs: number
  /** Whether it is kept that a key has no rows. */
  readonly cachesMissing: boolean
}

interface Entry<T> {
  readonly rows: readonly T[]
  readonly writtenMs: number
  accessedMs: number
}

/** Of one subtask. */
export class LookupCache<T> {
  readonly #options: LookupCacheOptions
  /** In the order in which they were asked for. */
  readonly #entries = new Map<string, Entry<T>>()

  constructor(options: LookupCacheOptions) {
    this.#options = options
  }

  /** The rows of a key; undefined if it has to be asked for. */
  get(key: string, nowMs: number): readonly T[] | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    const { expireAfterWriteMs, expireAfterAccessMs } = this.#options
    this.#entries.delete(key)
    if (nowMs - entry.writtenMs >= expireAfterWriteMs || nowMs - entry.accessedMs >= expireAfterAccessMs) return undefined
    entry.accessedMs = nowMs
    this.#entries.set(key, entry)
    return entry.rows
  }

  put(key: string, rows: readonly T[], nowMs: number): void {
    const { keysMax, cachesMissing } = this.#options
    if (rows.length === 0 && !cachesMissing) return
    this.#entries.delete(key)
    this.#entries.set(key, { rows, writtenMs: nowMs, accessedMs: nowMs })
    if (this.#entries.size <= keysMax) return
    const [oldest] = this.#entries.keys()
    this.#entries.delete(oldest)
  }
}
