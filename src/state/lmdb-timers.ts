// When keys outside of memory have to come back for their timers: (time, key) in the order of times, of any number, most of them on disk. Runs on the
// worker's thread.
//
// What is added is gathered in a heap; a full one is written in order as a run, a chain of leaves in a database. The first time of each run is known, so
// that the earliest of all is. Runs that have become short are gathered again once there are many, so that an entry is written twice on the average, and
// nothing ever stops for a merge of long ones. Entries are not removed: a key that comes back before its time has one more that leads to nothing.
//
//   leaf   entries, one behind the other: f64 time | u32 bytes of the key | the key

import { MinHeap } from '../base/min-heap.ts'
import type { LmdbDatabase, LmdbEnvironment } from './lmdb-environment.ts'

const RUN_ENTRIES = 8192
/** A leaf fills a page or little more. */
const LEAF_BYTES = 4000
const HEAD_BYTES = 12
/** So many runs there may be beside twice as many as entries fill. */
const SPARE_RUNS = 64
/** Leaves are kept in memory for so many runs at most. */
const LEAVES_KEPT = 64

interface Gathered {
  readonly time: number
  readonly key: Uint8Array
}

/** Entries on disk. */
interface Run {
  /** Of the first entry. */
  time: number
  /** The leaf that it is in, and where; the leaf's bytes, if they are at hand. */
  leaf: number
  at: number
  bytes: Uint8Array | undefined
  entryCount: number
}

/** Keys by the time at which they are wanted. */
export class ColdTimers {
  readonly #environment: LmdbEnvironment
  readonly #runEntries: number
  /** Opened when something is written first. */
  #database: LmdbDatabase | undefined
  readonly #gathered = new MinHeap<Gathered>()
  readonly #runs = new MinHeap<Run>()
  /** In runs. */
  #entryCount = 0
  #nextLeaf = 0
  /** Leaves that have been read to their end. */
  #read: number[] = []
  /** Entries up to this time were taken, but for those that were added behind it meanwhile. */
  takenUpTo = -Infinity
  /** Nothing that is left is earlier. */
  #passed = -Infinity

  /** @param runEntries So many are gathered before they are written. */
  constructor(environment: LmdbEnvironment, runEntries: number = RUN_ENTRIES) {
    this.#environment = environment
    this.#runEntries = runEntries
  }

  /** Runs on disk. */
  get runCount(): number {
    return this.#runs.length
  }

  /** The time of the earliest entry; Infinity if there is none. */
  get nextTime(): number {
    return Math.min(this.#gathered.first?.time ?? Infinity, this.#runs.first?.time ?? Infinity)
  }

  /** What comes at this time, or earlier, has come back, as far as it was not added behind it: some of that time may still be left. */
  get passedUpTo(): number {
    return Math.max(this.#passed, this.nextTime - 1)
  }

  /** @param time An integer. */
  add(time: number, key: Uint8Array): void {
    this.#passed = Math.min(this.#passed, time - 1)
    this.#gathered.add({ time, key })
  }

  /**
   * Takes the keys of the earliest entries out.
   *
   * @param upTo Those of no later time.
   * @param most How many at most.
   */
  take(upTo: number, most: number): Uint8Array[] {
    const keys: Uint8Array[] = []
    this.#environment.beginRead()
    try {
      while (keys.length < most) {
        const gathered = this.#gathered.first
        const run = this.#runs.first
        const isOfRun = run !== undefined && (gathered === undefined || run.time <= gathered.time)
        const first = isOfRun ? run : gathered
        if (first === undefined || first.time > upTo) break
        this.#passed = first.time
        this.takenUpTo = Math.max(this.takenUpTo, first.time)
        if (isOfRun) keys.push(this.#takeOf(run))
        else {
          keys.push(gathered!.key)
          this.#gathered.removeFirst()
        }
      }
    } finally {
      this.#environment.endRead()
    }
    if (this.#runs.length > LEAVES_KEPT) for (const run of this.#runs.items) run.bytes = undefined
    return keys
  }

  /** Writes what was gathered, if it is much and there is a database for it. Not within a reading transaction. */
  flush(): void {
    if (this.#gathered.length < this.#runEntries || (this.#database === undefined && this.#environment.databasesLeft === 0)) return
    const database = (this.#database ??= this.#environment.openDatabase())
    if (this.#runs.length > SPARE_RUNS + (2 * this.#entryCount) / this.#runEntries) this.#gatherShortest()
    const entries = this.#gathered.items.toSorted((left, right) => left.time - right.time)
    this.#gathered.clear()
    const firstLeaf = this.#nextLeaf
    const leaves = leavesOf(entries)
    const read = this.#read
    this.#environment.commit(() => {
      for (let index = 0; index < leaves.length; index++) database.put(firstLeaf + index, leaves[index])
      for (let index = 0; index < read.length; index++) database.remove(read[index])
    })
    read.length = 0
    this.#nextLeaf += leaves.length
    this.#entryCount += entries.length
    this.#runs.add({ time: entries[0].time, leaf: firstLeaf, at: 0, bytes: undefined, entryCount: entries.length })
  }

  close(): void {
    this.#database?.close()
  }

  /** Takes the key of the first entry of the first run out. Only within a reading transaction. */
  #takeOf(run: Run): Uint8Array {
    let bytes = this.#leafOf(run)
    const from = run.at + HEAD_BYTES
    run.at = from + viewOf(bytes).getUint32(run.at + 8, true)
    const key = bytes.slice(from, run.at)
    this.#entryCount--
    run.entryCount--
    if (run.at === bytes.length) {
      this.#read.push(run.leaf++)
      run.at = 0
      run.bytes = undefined
    }
    if (run.entryCount === 0) this.#runs.removeFirst()
    else {
      bytes = this.#leafOf(run)
      run.time = viewOf(bytes).getFloat64(run.at, true)
      this.#runs.settleFirst()
    }
    return key
  }

  #leafOf(run: Run): Uint8Array {
    return (run.bytes ??= this.#database!.copyOf(run.leaf))
  }

  /** Gathers what is left of the shortest run once more. */
  #gatherShortest(): void {
    const shortest = this.#runs.items.reduce((left, right) => (right.entryCount < left.entryCount ? right : left))
    this.#runs.retain((run) => run !== shortest)
    this.#environment.beginRead()
    try {
      for (let left = shortest.entryCount; left > 0; left--) {
        const bytes = this.#leafOf(shortest)
        const view = viewOf(bytes)
        const from = shortest.at + HEAD_BYTES
        const end = from + view.getUint32(shortest.at + 8, true)
        this.#gathered.add({ time: view.getFloat64(shortest.at, true), key: bytes.slice(from, end) })
        shortest.at = end
        if (end < bytes.length) continue
        this.#read.push(shortest.leaf++)
        shortest.at = 0
        shortest.bytes = undefined
      }
    } finally {
      this.#environment.endRead()
    }
    this.#entryCount -= shortest.entryCount
  }
}

function leavesOf(entries: readonly Gathered[]): Uint8Array[] {
  const leaves: Uint8Array[] = []
  for (let from = 0; from < entries.length;) {
    let length = 0
    let to = from
    do length += HEAD_BYTES + entries[to++].key.length
    while (to < entries.length && length + HEAD_BYTES + entries[to].key.length <= LEAF_BYTES)
    const leaf = new Uint8Array(length)
    const view = viewOf(leaf)
    let at = 0
    for (; from < to; from++) {
      const { time, key } = entries[from]
      view.setFloat64(at, time, true)
      view.setUint32(at + 8, key.length, true)
      leaf.set(key, at + HEAD_BYTES)
      at += HEAD_BYTES + key.length
    }
    leaves.push(leaf)
  }
  return leaves
}

function viewOf({ buffer, byteOffset, length }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, length)
}
