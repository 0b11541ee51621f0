// What the backends on LMDB have in common: things in memory that have rows in a file of buckets, put in order and merged into it a bucket at a time, and
// when some of them have to go. Runs on the worker's thread.

import type { KeyGroupRange } from '../base/key-groups.ts'
import { BucketFile } from './lmdb-buckets.ts'
import type { LmdbEnvironment } from './lmdb-environment.ts'

/** What a backend on LMDB is told. */
export interface LmdbOptions {
  /** Folder in which its working folder is made. */
  readonly directory: string
  /** What all backends of the thread keep in memory: bytes of the slab, about. */
  readonly cacheBytes: number
  /** Whether there are checkpoints: then rows keep when they were used, so that checkpoints can hold changes only. @default false */
  readonly isCheckpointed?: boolean
}

/** About so many neighbours are looked at, and written, at a time. */
export const STEP_ENTRIES = 4096
/** Behind one batch it goes on at most so often, and writes at most so many keys beside as many as the batch has brought. */
const STEPS_MAX = 64
const SPARE_WRITES_MAX = 2048
/** What was used in a round, or the one before, stays: behind so many rounds what is left is needed. */
const ROUNDS_MAX = 3
/** While all keys are needed the cache is as large as it has to be; by this part more, and they are looked at again. */
const SLACK_SHARE = 16
/** So few are sorted as they are. */
const FEW_ITEMS = 64
const RADIX_BITS = 11
const RADIX = 1 << RADIX_BITS
const RADIX_MASK = RADIX - 1
const EMPTY: Uint32Array = new Uint32Array(0)

/** What gives room in a cache. */
export interface CacheContents {
  readonly bytesInUse: number
  /** Writes and releases what is not used of the neighbours that come next. Returns how many there were. */
  evictNext(): number
  /** Whether the next ones are the first again. */
  readonly isAround: boolean
  /** Begins a round: what is not used in it, nor in the next one, is not used. */
  beginRound(): void
}

/** Keeps a cache within its limit: a few neighbours at a time, and no more than a batch can wait for. */
export class CacheHand {
  readonly #contents: CacheContents
  #read = 0
  /** Rounds since the cache was within its limit. */
  #rounds = 0
  /** Up to this size all is needed. */
  #bytesNeeded = 0

  constructor(contents: CacheContents) {
    this.#contents = contents
  }

  /** Notes that keys have come. */
  noteRead(n: number): void {
    this.#read += n
  }

  /** Has the cache give room until it is within its limit, or it has taken long enough. */
  run(limitBytes: number): void {
    const contents = this.#contents
    let { bytesInUse } = contents
    let writes = this.#read + SPARE_WRITES_MAX
    this.#read = 0
    if (bytesInUse <= limitBytes || bytesInUse < this.#bytesNeeded) return
    this.#bytesNeeded = 0
    for (let steps = 0; steps < STEPS_MAX && bytesInUse > limitBytes && writes > 0; steps++) {
      writes -= contents.evictNext()
      bytesInUse = contents.bytesInUse
      if (!contents.isAround) continue
      contents.beginRound()
      if (++this.#rounds > ROUNDS_MAX) {
        this.#bytesNeeded = bytesInUse + bytesInUse / SLACK_SHARE
        break
      }
      // What batches use stays, even if that alone is too much: it would come and go with each of them. Of no cache nothing stays.
      if (limitBytes > 0) break
    }
    if (bytesInUse <= limitBytes || this.#bytesNeeded > 0) this.#rounds = 0
  }
}

/** Where keys stand among all of a subtask: by key group, then by hash. */
export class Positions {
  readonly keyGroups: KeyGroupRange
  readonly #groupBits: number

  constructor(keyGroups: KeyGroupRange) {
    this.keyGroups = keyGroups
    this.#groupBits = Math.ceil(Math.log2(this.#groups))
  }

  get #groups(): number {
    return this.keyGroups.end - this.keyGroups.start + 1
  }

  /** The part of all positions that keys may have. */
  get usedShare(): number {
    return this.#groups / 2 ** this.#groupBits
  }

  /** Behind all that keys may have. */
  get end(): number {
    return this.#groupBits === 0 ? 2 ** 32 : this.#groups * 2 ** (32 - this.#groupBits)
  }

  /** @param high The upper half of the key's hash. */
  of(group: number, high: number): number {
    const bits = this.#groupBits
    return bits === 0 ? high : (((group - this.keyGroups.start) << (32 - bits)) | (high >>> bits)) >>> 0
  }

  groupOf(position: number): number {
    const bits = this.#groupBits
    return this.keyGroups.start + (bits === 0 ? 0 : position >>> (32 - bits))
  }
}

/** Items, which are addresses in the slab, and their rows. */
export abstract class LmdbRows {
  protected readonly environment: LmdbEnvironment
  protected readonly places: Positions
  readonly file: BucketFile
  // Scratch: what is being sorted.
  protected positions = EMPTY
  protected items = EMPTY
  /** Indexes of items in the order of their positions. */
  protected order = EMPTY
  #swap = EMPTY
  readonly #counts = new Uint32Array(3 * RADIX)

  /** @param databasesForOthers So many databases must be left behind the file's own, or nothing is written. */
  constructor(environment: LmdbEnvironment, places: Positions, databasesForOthers: number = 0) {
    this.environment = environment
    this.places = places
    this.file = new BucketFile(environment, places.usedShare, databasesForOthers)
  }

  protected abstract positionOf(item: number): number

  /** Whether a row of the bucket in hand is the item's. */
  protected abstract isRowOf(row: number, item: number): boolean

  /** Words of each row; 0: they differ. */
  protected abstract readonly rowWords: number

  /**
   * Writes the row of an item, if there is anything to be kept of it.
   *
   * @param old The number of its old row, -1: none.
   * @returns Whether it differs from the old one.
   */
  protected abstract putRow(position: number, item: number, old: number): boolean

  /** Commits what is staged. */
  protected abstract commit(): void

  /** Takes items and puts them into the order of their positions. */
  protected gather(n: number, itemOf: (index: number) => number): void {
    if (n > this.items.length) {
      const room = n + (n >>> 1)
      this.positions = new Uint32Array(room)
      this.items = new Uint32Array(room)
      this.order = new Uint32Array(room)
      this.#swap = new Uint32Array(room)
    }
    for (let index = 0; index < n; index++) {
      const item = itemOf(index)
      this.items[index] = item
      this.positions[index] = this.positionOf(item)
    }
    this.#sort(n)
  }

  /** Reads the rows of the items that were gathered, those that have one. Only within a reading transaction. */
  protected readRows(n: number, visit: (item: number, row: number) => void): void {
    const { file } = this
    let last = -1
    for (let place = 0; place < n; place++) {
      const index = this.order[place]
      const position = this.positions[index]
      const bucket = file.bucketOf(position)
      if (bucket !== last) file.read((last = bucket))
      const found = this.#find(position, this.items[index])
      if (found >= 0) visit(this.items[index], file.rowAt(found))
    }
  }

  /** Writes the rows of the items that were gathered. */
  protected writeRows(n: number): void {
    for (let place = 0; place < n;) {
      this.environment.beginRead()
      try {
        while (place < n && !this.file.isStageFull) place = this.#mergeBucket(place, n)
      } finally {
        this.environment.endRead()
      }
      this.commit()
    }
    this.file.splitFull()
  }

  /** Takes a copy of a bucket in hand. Returns whether there may be keys so far behind. */
  protected takeBucket(bucket: number): boolean {
    if (bucket >= this.places.end) return false
    this.environment.beginRead()
    try {
      if (this.file.read(bucket) > 0) this.file.keep()
    } finally {
      this.environment.endRead()
    }
    return true
  }

  #sort(n: number): void {
    if (n > FEW_ITEMS) this.#sortByDigits(n)
    else this.#sortFew(n)
  }

  #sortFew(n: number): void {
    const { positions, order } = this
    for (let index = 0; index < n; index++) {
      const position = positions[index]
      let place = index
      for (; place > 0 && positions[order[place - 1]] > position; place--) order[place] = order[place - 1]!
      order[place] = index
    }
  }

  /** The lowest first. */
  #sortByDigits(n: number): void {
    const { positions } = this
    const counts = this.#counts.fill(0)
    for (let index = 0; index < n; index++) {
      const position = positions[index]
      counts[position & RADIX_MASK]++
      counts[RADIX + ((position >>> RADIX_BITS) & RADIX_MASK)]++
      counts[2 * RADIX + (position >>> (2 * RADIX_BITS))]++
      this.order[index] = index
    }
    for (let digit = 0; digit < 3; digit++) {
      let sum = 0
      for (let at = digit * RADIX; at < (digit + 1) * RADIX; at++) {
        const count = counts[at]
        counts[at] = sum
        sum += count
      }
      const [from, to] = [this.order, this.#swap]
      const shift = digit * RADIX_BITS
      for (let place = 0; place < n; place++) {
        const index = from[place]
        to[counts[digit * RADIX + ((positions[index] >>> shift) & RADIX_MASK)]++] = index
      }
      this.order = to
      this.#swap = from
    }
  }

  /** The number of the row of an item in the bucket in hand, or -1. */
  #find(position: number, item: number): number {
    const { file } = this
    for (let index = file.lowerBound(position); index < file.count && file.positionOf(index) === position; index++)
      if (this.isRowOf(file.rowAt(index), item)) return index
    return -1
  }

  /** Puts the items of one bucket among its rows. Returns the place of the first item of the next one. */
  #mergeBucket(place: number, n: number): number {
    const { file, positions, order } = this
    const bucket = file.bucketOf(positions[order[place]])
    const end = file.bucketBehind(bucket)
    let to = place + 1
    while (to < n && positions[order[to]] < end) to++
    const count = file.read(bucket)
    if (this.#patch(bucket, place, to)) return to
    const { wordCount } = file
    file.beginBucket(count + to - place, this.rowWords, true)
    let changed = false
    let old = 0
    while (place < to) {
      const position = positions[order[place]]
      const before = file.lowerBound(position)
      file.copyRows(old, before)
      old = before
      let oldEnd = old
      while (oldEnd < count && file.positionOf(oldEnd) === position) oldEnd++
      let placeEnd = place + 1
      while (placeEnd < to && positions[order[placeEnd]] === position) placeEnd++
      for (let index = old; index < oldEnd; index++) if (this.#itemOf(file.rowAt(index), place, placeEnd) < 0) file.copyRows(index, index + 1)
      for (; place < placeEnd; place++) {
        const item = this.items[order[place]]
        let index = old
        while (index < oldEnd && !this.isRowOf(file.rowAt(index), item)) index++
        if (this.putRow(position, item, index < oldEnd ? index : -1)) changed = true
      }
      old = oldEnd
    }
    file.copyRows(old, count)
    if (changed) file.endBucket(bucket, count, wordCount)
    else file.dropBucket()
    return to
  }

  /** Puts items in the place of their rows, all of which are as long as before. Returns false if not all have one, or will have one. */
  #patch(bucket: number, from: number, to: number): boolean {
    const { file, positions, order } = this
    const { count, wordCount } = file
    const isRegular = count > 0 && this.rowWords !== 0 && file.rowWords === this.rowWords
    if (!isRegular || this.#find(positions[order[from]], this.items[order[from]]) < 0) return false
    file.beginPatch()
    let changed = false
    for (let place = from; place < to; place++) {
      const item = this.items[order[place]]
      const position = positions[order[place]]
      const index = this.#find(position, item)
      if (index >= 0) {
        file.patchRow(index)
        if (this.putRow(position, item, index)) changed = true
      }
      if (index >= 0 && !file.isPatching) continue
      file.dropBucket()
      return false
    }
    if (changed) file.endBucket(bucket, count, wordCount)
    else file.dropBucket()
    return true
  }

  /** The place of the item that a row is of, or -1. */
  #itemOf(row: number, from: number, to: number): number {
    for (let place = from; place < to; place++) if (this.isRowOf(row, this.items[this.order[place]])) return place
    return -1
  }
}
