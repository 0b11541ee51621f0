// Keyed state that outgrows memory: the backend `lmdb`. Keys are used where the memory backend keeps them (key-store.ts), which is a cache here: what
// a batch needs is read before anybody sees it, and what was not used for the longest is written behind a batch, once there are too many. Runs on the
// worker's thread. User code never runs while LMDB reads or writes.
//
// What is in memory is the truth, whether or not it lies in LMDB as well. So nothing tells what has changed: a bucket has to be read before entries
// can be put into it, and is written only if they differ. A key that has lost its state stays, empty, until LMDB has lost it too. Its timers and
// namespaces leave memory with a key, and come back with it; when it has to come back for a timer is noted aside (lmdb-timers.ts), once for each key as
// long as its earliest timer comes no earlier than that.
//
//   row           key | u32 epoch | image | u32 bytes of the rest | the rest, padded to words. The epoch is that of the last use, and there only if the job
//                 takes checkpoints; the last two only if keys or some state have no fixed width, or keys have timers or namespaces
//   key           int64; or u32 key word (kernels/table-layout.ts) and the payload, padded to words
//   image         presence words and slots of the states that are numbers, beside their key
//   the rest      u32 number of a state, u32 bytes, what it saves for a snapshot; and so on. If it is long it lies in a database of its own, under a
//                 number: then there is u32 bytes with the top bit set, u32 number. Timers and namespaces stand behind the states: u32 ATTACHED, u32 bytes,
//                 attached. If there are some, or a time is noted for the key, the bit below the top one of the first word is set, and behind that word is,
//                 for each time domain, f64 the time that is noted, or 0; then the rest, or its number
//   attached      timers | u32 namespaces | for each of them: f64 first | f64 second | u32 epoch | timers | u32 bytes | as in the rest, its states
//   timers        for each time domain that there is: u32 timers | for each of them: f64 time, as in records | f64 sequence

import { KeyTag } from '../base/key-bytes.ts'
import { type LmdbDatabase, LmdbEnvironment } from './lmdb-environment.ts'
import { ColdTimers } from './lmdb-timers.ts'
import { type CacheContents, CacheHand, type LmdbOptions, LmdbRows, Positions, STEP_ENTRIES } from './lmdb-rows.ts'
import {
  type ColdTier,
  HASH_OF_NULL_HIGH,
  INLINE_PAYLOAD_BYTES,
  KEY_GROUP,
  KEY_HASH,
  KEY_PAYLOAD,
  KEY_WORD,
  type KeyStore,
  type StateLot,
} from './key-store.ts'
import { type Declared, MemoryStateBackend, namespaceBytes } from './memory-backend.ts'
import type { KeyedSnapshotReader, KeyedSnapshotWriter, StateDescriptor, StateScope } from './state.ts'
import { ByteReader, ByteWriter } from './value-codec.ts'
import { isInPlace } from './value-states.ts'

const LONG = 0x80000000
const WITH_TIMES = 0x40000000
const REST_BYTES_MASK = 0x3fffffff
/** Takes the place of a state's number. */
const ATTACHED = 0xffffffff
/** Words of the times that are noted for a key. */
const TIMES_WORDS = 4
/** Keys that come back for their timers at a time. */
const TIMER_KEYS = 1024
/** Beyond this the rest of a row lies in its own database. */
const REST_BYTES_MAX = 2048
/** Entries are released so many at a time. */
const RELEASE_ENTRIES = 4096
/** Words of a row, for a first guess, where rows differ. */
const ROW_WORDS_GUESS = 16
/** Keys restored between two looks at the memory. */
const RESTORE_KEYS = 4096
/** Keys that are visited before they go back. */
const VISIT_KEYS = 1024
/** In front of a state in a rest. */
const REST_HEAD_BYTES = 8
const EMPTY: Uint32Array = new Uint32Array(0)
const NO_BYTES = new Uint8Array(0)
const NO_TIMES: readonly number[] = [0, 0]

/** The state of all keys of one operator: those in use in memory, the others in LMDB. */
export class LmdbStateBackend extends MemoryStateBackend {
  readonly #cold: LmdbTier

  constructor(store: KeyStore, options: LmdbOptions) {
    super(store)
    this.#cold = new LmdbTier(store, options, this.keyStates, this.namespaceStates)
    store.tier = this.#cold
  }

  override settle(): void {
    super.settle()
    if (this.store.onSweep !== null) this.#cold.sweep()
    this.#cold.shrink()
  }

  override forEachKey(descriptor: StateDescriptor, visit: () => void): void {
    super.forEachKey(descriptor, visit)
    const { handle } = this.declare(descriptor, 'key')
    this.#cold.forEachCold((record) => {
      this.store.select(record)
      if (handle.holds()) visit()
    })
    this.store.select(0)
  }

  /** Looks at every key in memory. */
  override get keyCount(): number {
    return this.#cold.keyCount
  }

  protected override snapshotCold(scope: StateScope, writer: KeyedSnapshotWriter, since: number): void {
    const write = ({ schema: { name } }: Declared, keyGroup: number, namespace: Uint8Array, key: Uint8Array, value: Uint8Array | undefined): void => {
      if (value !== undefined) writer.keyed(name, keyGroup, namespace, key, value)
      else if (since > 0) writer.removed(name, keyGroup, namespace, key)
    }
    if (scope === 'key') this.#cold.readCold(since, (state, keyGroup, key, value) => write(state, keyGroup, NO_BYTES, key, value))
    else this.#cold.readNamespaces(since, write)
  }

  override restore(reader: KeyedSnapshotReader): void {
    super.restore(reader)
    this.settle()
  }

  protected override restored(count: number): void {
    if (count % RESTORE_KEYS === 0) this.settle()
  }

  override close(): void {
    this.#cold.close()
    super.close()
  }
}

/** A row whose key is not in memory. */
interface ColdRow {
  /** Canonical bytes. */
  readonly key: Uint8Array
  readonly row: number
  readonly position: number
}

/** Gets what is attached to the key of a row, in order: timers belong to the namespace before them, or to the key itself. */
interface AttachedVisitor {
  timer(domain: 0 | 1, time: number, sequence: number): void
  namespace(first: number, second: number, epoch: number): void
  /** A state of the namespace: `bytes` bytes of the reader, which it reads. */
  state(number: number, reader: ByteReader, bytes: number): void
  /** Behind everything. */
  end?(): void
}

/** The keys that are not in memory. */
class LmdbTier extends LmdbRows implements ColdTier, CacheContents {
  readonly #store: KeyStore
  readonly #states: readonly Declared[]
  readonly #namespaceStates: readonly Declared[]
  readonly #cacheBytes: number
  /** Long rests by number: opened with the first rows. */
  #rests: LmdbDatabase | undefined
  #nextRest = 0
  readonly #freeRests: number[] = []
  // The layout of a row: known with the first key, but for states that are declared later.
  #known = 0
  readonly hasEpochs: boolean
  readonly #epochWords: number
  #keyWords = 0
  #presenceWords = 0
  #presenceMasks = [0, 0]
  /** Byte offsets in records of the words of an image. */
  #imageOffsets = EMPTY
  #image: Declared[] = []
  #rest: { readonly number: number; readonly state: Declared }[] = []
  /** Whether some state expires. */
  #hasAges = false
  /** Whether some key has left memory with timers or namespaces. */
  #hasAttached = false
  /** By time domain: when keys have to come back, and how many timers rows of keys that are not in memory hold. */
  readonly #wanted: readonly [ColdTimers, ColdTimers]
  readonly #timerCounts = [0, 0]
  /** The times that are noted for the key being written. */
  readonly #times = new Float64Array(TIMES_WORDS / 2)
  readonly #timesWords = new Uint32Array(this.#times.buffer)
  #namespaceCount = 0
  protected rowWords = 0
  // Where the sweep for what has expired goes on, and how many keys it may look at.
  #sweptBucket = 0
  #sweepable = 0
  // Which keys are to be written: from where on.
  readonly #hand = new CacheHand(this)
  #route = 0
  readonly #writer = new ByteWriter()
  readonly #reader = new ByteReader()
  readonly #stagedRests: { readonly number: number; readonly bytes: Uint8Array | undefined }[] = []

  constructor(
    store: KeyStore,
    { directory, cacheBytes, isCheckpointed = false }: LmdbOptions,
    states: readonly Declared[],
    namespaceStates: readonly Declared[],
  ) {
    // Behind that of rows one for long rests.
    super(LmdbEnvironment.open(directory), new Positions(store.keyGroups), 1)
    this.#store = store
    this.#states = states
    this.#namespaceStates = namespaceStates
    this.#cacheBytes = cacheBytes
    this.hasEpochs = isCheckpointed
    this.#epochWords = isCheckpointed ? 1 : 0
    this.#wanted = [new ColdTimers(this.environment), new ColdTimers(this.environment)]
  }

  get keyCount(): number {
    const { keyCount } = this.#store
    let stored = 0
    let gone = 0
    this.#store.forEach('key', (record) => {
      if (!this.#store.isStored(record)) return
      stored++
      if (this.#store.isEmpty(record)) gone++
    })
    return keyCount - gone + this.file.entryCount - stored
  }

  load(records: number, n: number): void {
    this.#hand.noteRead(n)
    if (this.file.entryCount === 0) return
    this.#learn()
    const { u32 } = this.#store.slab
    this.gather(n, (index) => u32[(records >>> 2) + index])
    const long: number[] = []
    this.environment.beginRead()
    try {
      this.readRows(n, (record, row) => {
        this.#fill(record, row)
        if (!this.file.hasVariableRows) return
        const number = this.#longRestOf(row)
        if (number >= 0) long.push(record, number)
        else this.#loadRest(record, this.#shortRestOf(row), true)
      })
      // Reading one takes the bucket out of hand.
      for (let index = 0; index < long.length; index += 2) this.#loadRest(long[index], this.#rests!.get(long[index + 1])!, true)
    } finally {
      this.environment.endRead()
    }
  }

  /** Writes keys and releases them while they take more than they may. */
  shrink(): void {
    this.#hand.run(this.cacheBytes)
  }

  get cacheBytes(): number {
    return this.#cacheBytes / this.environment.users
  }

  get bytesInUse(): number {
    return this.#store.bytesInUse
  }

  evictNext(): number {
    const end = this.#store.partEnd(this.#route, STEP_ENTRIES)
    const unused = this.#store.takeUnused(this.#route, end)
    this.#evict(unused)
    this.#store.trim(this.#route, end)
    this.#route = end
    return unused.length
  }

  get isAround(): boolean {
    return this.#route === 0
  }

  beginRound(): void {
    this.#store.beginRound()
  }

  timerCount(domain: 0 | 1): number {
    return this.#timerCounts[domain]
  }

  nextTimer(domain: 0 | 1): number {
    return this.#wanted[domain].nextTime
  }

  timersLoadedUpTo(domain: 0 | 1): number {
    return this.#wanted[domain].passedUpTo
  }

  loadTimers(domain: 0 | 1, upTo: number): void {
    const store = this.#store
    const keys = this.#wanted[domain].take(upTo, TIMER_KEYS)
    if (keys.length === 0) return
    const before = store.entriesOf(keys)
    store.resolveKeys(keys)
    // Where the timer that was noted has moved, or is no more, the key goes again: nobody has seen it, and many may be so.
    const idle = new Set<number>()
    store.entriesOf(keys).forEach((entry, index) => {
      if (before[index] === 0 && this.#earliestOf(store.recordOf(entry), domain) > upTo) idle.add(entry)
    })
    this.#evict([...idle])
  }

  /** When a key has its earliest timer, its namespaces counted. */
  #earliestOf(record: number, domain: number): number {
    const store = this.#store
    const timers = store.timers[domain]
    let earliest = timers.earliestOf(record)
    for (let namespace = store.firstNamespaceOf(record); namespace !== 0; namespace = store.nextNamespaceOf(namespace))
      earliest = Math.min(earliest, timers.earliestOf(namespace))
    return earliest
  }

  forEachTimer(domain: 0 | 1, visit: (keyGroup: number, namespace: Uint8Array, key: Uint8Array, timeMs: number, sequence: number) => void): void {
    if (this.#timerCounts[domain] === 0) return
    const timers = this.#store.timers[domain]
    this.#forEachAttached(0, (keyGroup, key) => {
      let namespace: Uint8Array = NO_BYTES
      return {
        timer: (own, time, sequence) => own === domain && visit(keyGroup, namespace, key, timers.msOf(time), sequence),
        namespace: (first, second) => (namespace = namespaceBytes(first, second)),
        state: (_number, reader, bytes) => (reader.at += bytes),
      }
    })
  }

  /**
   * Reads the namespaces of keys that are not in memory, those that were used in epoch `since` or later.
   *
   * @param visit Gets each state of each: what it saves for a snapshot, or undefined if it holds nothing.
   */
  readNamespaces(
    since: number,
    visit: (state: Declared, keyGroup: number, namespace: Uint8Array, key: Uint8Array, value: Uint8Array | undefined) => void,
  ): void {
    if (this.#namespaceCount === 0) return
    const states = this.#namespaceStates
    this.#forEachAttached(since, (keyGroup, key) => {
      let namespace: Uint8Array = NO_BYTES
      let next = states.length
      // What lies between two that hold something holds nothing.
      const tellUpTo = (end: number): void => {
        while (next < end) visit(states[next++], keyGroup, namespace, key, undefined)
      }
      return {
        timer() {},
        namespace(first, second, epoch) {
          tellUpTo(states.length)
          namespace = namespaceBytes(first, second)
          next = epoch >= since ? 0 : states.length
        },
        state(number, reader, bytes) {
          if (next === states.length) {
            reader.at += bytes
            return
          }
          tellUpTo(number)
          visit(states[next++], keyGroup, namespace, key, reader.raw(bytes))
        },
        end: () => tellUpTo(states.length),
      }
    })
  }

  /** Visits what is attached to keys that are not in memory and were used in epoch `since` or later. */
  #forEachAttached(since: number, visitorOf: (keyGroup: number, key: Uint8Array) => AttachedVisitor): void {
    const reader = new ByteReader()
    this.#forEachBucket(() => {
      for (const { row, key, position } of this.#coldRows(since)) {
        if (!this.#hasTimes(row)) continue
        this.#withRest(row, (bytes) => {
          reader.load(bytes, 0, bytes.length)
          while (reader.at < bytes.length) {
            const number = reader.uint32()
            const length = reader.uint32()
            if (number !== ATTACHED) reader.at += length
            else this.#readAttached(reader, visitorOf(this.places.groupOf(position), key))
          }
        })
      }
    }, since)
  }

  #readAttached(reader: ByteReader, visitor: AttachedVisitor): void {
    this.#readTimers(reader, visitor)
    for (let left = reader.uint32(); left > 0; left--) {
      visitor.namespace(reader.float64(), reader.float64(), reader.uint32())
      this.#readTimers(reader, visitor)
      for (const end = reader.uint32() + reader.at; reader.at < end;) visitor.state(reader.uint32(), reader, reader.uint32())
    }
    visitor.end?.()
  }

  #readTimers(reader: ByteReader, visitor: AttachedVisitor): void {
    for (let domain = 0; domain < this.#store.timers.length; domain++)
      for (let left = reader.uint32(); left > 0; left--) visitor.timer(domain as 0 | 1, reader.float64(), reader.float64())
  }

  /** Looks at as many keys outside of memory as clean-up may, on the average, and removes what has expired: a bucket at a time. */
  sweep(): void {
    const store = this.#store
    this.#learn()
    // Of namespaces nothing is looked at outside of memory.
    if (this.file.entryCount === 0 || !this.#hasAges) return
    this.#sweepable += store.sweepRecords
    while (this.#sweepable > 0) {
      this.#sweepable -= 1
      if (!this.takeBucket(this.#sweptBucket)) this.#sweptBucket = 0
      else {
        this.#sweptBucket = this.file.bucketBehind(this.#sweptBucket)
        this.#sweepable -= this.file.count
        const expired = this.#expiredKeys()
        for (const key of expired) store.resolveKey(key)
        if (expired.length > 0) store.settle()
        this.#evict(this.#store.entriesOf(expired).filter((entry) => entry !== 0))
      }
    }
  }

  /** Visits keys that are not in memory. The visitor may change their state. */
  forEachCold(visit: (record: number) => void): void {
    const store = this.#store
    this.#forEachBucket(() => {
      const keys = this.#coldRows().map(({ key }) => key)
      for (let from = 0; from < keys.length; from += VISIT_KEYS) {
        const part = keys.slice(from, from + VISIT_KEYS)
        for (const key of part) visit(store.resolveKey(key))
        store.settle()
        // What was visited goes back: it is not found again in memory, and never in a bucket that is still to come.
        this.#evict(this.#store.entriesOf(part).filter((entry) => entry !== 0))
      }
    })
  }

  /**
   * Reads keys that are not in memory and were used in epoch `since` or later.
   *
   * @param visit Gets each state of each key: what it saves for a snapshot, or undefined if it holds nothing.
   */
  readCold(since: number, visit: (state: Declared, keyGroup: number, key: Uint8Array, value: Uint8Array | undefined) => void): void {
    const store = this.#store
    if (this.file.entryCount === 0) return
    this.#learn()
    const spare = store.makeSpare()
    const writer = new ByteWriter()
    const visitLoaded = (state: Declared, keyGroup: number, key: Uint8Array): void => {
      writer.at = 0
      const holds = state.handle.holds()
      if (holds) state.handle.save(writer)
      visit(state, keyGroup, key, holds ? writer.bytes.subarray(0, writer.at) : undefined)
    }
    const visitRow = ({ row, key, position }: ColdRow): void => {
      const keyGroup = this.places.groupOf(position)
      this.#fill(spare, row)
      store.show(spare)
      for (const state of this.#image) visitLoaded(state, keyGroup, key)
      // As it lies there.
      this.#withRest(row, (bytes) => this.#forEachOfRest(bytes, (state, value) => visit(state, keyGroup, key, value)))
    }
    const visitLoadedRow = ({ key, position }: ColdRow): void => {
      for (const state of this.#states) visitLoaded(state, this.places.groupOf(position), key)
    }
    this.#forEachBucket(() => {
      if (this.#hasAges) this.#forEachColdRow(spare, visitLoadedRow, since)
      else for (const cold of this.#coldRows(since)) visitRow(cold)
    }, since)
    store.select(0)
    store.freeSpare(spare)
  }

  close(): void {
    this.file.close()
    this.#rests?.close()
    for (const wanted of this.#wanted) wanted.close()
    this.environment.close()
  }

  /** Looks at the states again if there are more. */
  #learn(): void {
    const states = this.#states
    if (states.length === this.#known) return
    this.#known = states.length
    const { presenceOffset, inlineStates } = this.#store
    this.#keyWords = this.#store.isByValue ? 2 : 0
    this.#presenceWords = inlineStates > 32 ? 2 : 1
    this.#presenceMasks = [0, 0]
    this.#image = []
    this.#rest = []
    this.#hasAges = states.some(({ descriptor }) => descriptor.ttl !== undefined)
    const offsets: number[] = []
    states.forEach((state, number) => {
      const { descriptor, slotBytes } = state
      const { scope, slot } = state.lot
      if (scope !== this.#store.key || !isInImage(descriptor)) {
        this.#rest.push({ number, state })
        return
      }
      this.#image.push(state)
      this.#presenceMasks[(slot.presence - presenceOffset) >>> 2] |= slot.mask
      for (let offset = slot.offset; offset < slot.offset + slotBytes; offset += 4) offsets.push(offset)
    })
    this.#imageOffsets = Uint32Array.from(offsets)
    this.rowWords =
      this.#store.isByValue && this.#rest.length === 0 && !this.#hasAttached ? this.#keyWords + this.#epochWords + this.#presenceWords + offsets.length : 0
  }

  protected positionOf(record: number): number {
    const { u32 } = this.#store.slab
    return this.places.of(u32[(record + KEY_GROUP) >>> 2], u32[(record + KEY_HASH + 4) >>> 2])
  }

  protected isRowOf(row: number, record: number): boolean {
    const { u32 } = this.#store.slab
    const { words } = this.file
    const payload = (record + KEY_PAYLOAD) >>> 2
    if (this.#keyWords !== 0) return words[row] === u32[payload] && words[row + 1] === u32[payload + 1]
    const word = u32[(record + KEY_WORD) >>> 2]
    if (words[row] !== word) return false
    const bytes = payloadBytesOf(word)
    const at = bytes <= INLINE_PAYLOAD_BYTES ? payload : u32[payload] >>> 2
    const whole = bytes >>> 2
    for (let index = 0; index < whole; index++) if (words[row + 1 + index] !== u32[at + index]) return false
    return (bytes & 3) === 0 || words[row + 1 + whole] === (u32[at + whole] & tailMask(bytes)) >>> 0
  }

  /** Words of the key of a row. */
  #keyWordsOf(row: number): number {
    return this.#keyWords !== 0 ? this.#keyWords : 1 + ((payloadBytesOf(this.file.words[row]) + 3) >>> 2)
  }

  /** Reads the image of a row of the bucket in hand into a fresh record. */
  #fill(record: number, row: number): void {
    const { u32 } = this.#store.slab
    const { words } = this.file
    let at = row + this.#keyWordsOf(row)
    this.#store.setStored(record, this.hasEpochs ? words[at++] : 0)
    const presence = (record + this.#store.presenceOffset) >>> 2
    for (let index = 0; index < this.#presenceWords; index++) u32[presence + index] = words[at++]!
    const offsets = this.#imageOffsets
    for (let index = 0; index < offsets.length; index++) u32[(record + offsets[index]) >>> 2] = words[at++]!
  }

  /** The rest of a row that has no long one. */
  #shortRestOf(row: number): Uint8Array {
    const { words, hasVariableRows } = this.file
    if (!hasVariableRows) return NO_BYTES
    const at = this.#restAt(row)
    const head = words[at]
    return new Uint8Array(words.buffer, words.byteOffset + (at + (head & WITH_TIMES ? 1 + TIMES_WORDS : 1)) * 4, head & REST_BYTES_MASK)
  }

  /** Whether a row has timers or namespaces. */
  #hasTimes(row: number): boolean {
    const { words, hasVariableRows } = this.file
    return hasVariableRows && (words[this.#restAt(row)] & WITH_TIMES) !== 0
  }

  /** The time that is noted for the key of a row that {@link #hasTimes}; 0 if there is none. */
  #timeOf(row: number, domain: number): number {
    const { words } = this.file
    const at = this.#restAt(row) + 1 + domain * 2
    this.#timesWords[0] = words[at]!
    this.#timesWords[1] = words[at + 1]!
    return this.#times[0]
  }

  /** Calls `use` with the rest of a row of a bucket that was taken in hand. */
  #withRest(row: number, use: (bytes: Uint8Array) => void): void {
    const long = this.#longRestOf(row)
    if (long < 0) return use(this.#shortRestOf(row))
    this.environment.beginRead()
    try {
      use(this.#rests!.get(long)!)
    } finally {
      this.environment.endRead()
    }
  }

  /** Visits all states that may lie in a rest; undefined: one holds nothing. */
  #forEachOfRest(bytes: Uint8Array, visit: (state: Declared, value: Uint8Array | undefined) => void): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    let at = 0
    // In the order in which they were saved.
    for (const { number, state } of this.#rest) {
      if (at === bytes.length || view.getUint32(at, true) !== number) {
        visit(state, undefined)
        continue
      }
      const from = at + REST_HEAD_BYTES
      at = from + view.getUint32(at + 4, true)
      visit(state, bytes.subarray(from, at))
    }
  }

  /** Word of the bytes of the rest of a row. */
  #restAt(row: number): number {
    return row + this.#keyWordsOf(row) + this.#epochWords + this.#presenceWords + this.#imageOffsets.length
  }

  /** The number of the rest of a row that has a long one; -1 if it has none. */
  #longRestOf(row: number): number {
    const { words, hasVariableRows } = this.file
    if (!hasVariableRows) return -1
    const at = this.#restAt(row)
    return words[at] >= LONG ? words[at + (words[at] & WITH_TIMES ? 1 + TIMES_WORDS : 1)] : -1
  }

  /** @param withAttached Whether timers and namespaces come back too. */
  #loadRest(record: number, bytes: Uint8Array, withAttached: boolean): void {
    if (bytes.length === 0) return
    const store = this.#store
    const { namespaceFirst, namespaceSecond } = store
    const key = store.key.record
    store.show(record)
    const reader = this.#reader.load(bytes, 0, bytes.length)
    while (reader.at < bytes.length) {
      const number = reader.uint32()
      const length = reader.uint32()
      if (number !== ATTACHED) this.#states[number].handle.load(reader)
      else if (withAttached) this.#readAttached(reader, this.#loading)
      else reader.at += length
    }
    store.show(key)
    if (key !== 0 && namespaceFirst === namespaceFirst) store.setNamespace(namespaceFirst, namespaceSecond)
  }

  /** Gives the current key back what is attached to it. */
  readonly #loading: AttachedVisitor = {
    timer: (domain, time, sequence) => {
      const { key, namespace, timers } = this.#store
      this.#timerCounts[domain]--
      timers[domain].load(namespace.record === 0 ? key.record : namespace.record, time, sequence)
    },
    namespace: (first, second, epoch) => {
      this.#namespaceCount--
      this.#store.restoreNamespace(first, second, epoch)
    },
    state: (number, reader) => this.#namespaceStates[number].handle.load(reader),
  }

  /** Writes keys and releases them, unless there are too many files. No key is current afterwards. */
  #evict(entries: readonly number[]): void {
    const n = entries.length
    if (n === 0 || !this.file.isWritable) return
    const store = this.#store
    const { file } = this
    this.#learn()
    for (let index = 0; index < n && !this.#hasAttached; index++)
      if (store.hasAttached(store.recordOf(entries[index]))) {
        this.#hasAttached = true
        this.rowWords = 0
      }
    file.expect(store.keyCount * (this.rowWords === 0 ? ROW_WORDS_GUESS : this.rowWords + 1))
    this.gather(n, (index) => store.recordOf(entries[index]))
    file.epoch = store.epoch
    this.writeRows(n)
    this.#release(entries)
    for (const wanted of this.#wanted) wanted.flush()
  }

  protected commit(): void {
    const rests = this.#stagedRests
    const database = (this.#rests ??= this.environment.openDatabase())
    this.file.commit(() => {
      for (let index = 0; index < rests.length; index++) {
        const { number, bytes } = rests[index]
        if (bytes === undefined) database.remove(number)
        else database.put(number, bytes)
      }
    })
    for (const { number, bytes } of rests) if (bytes === undefined) this.#freeRests.push(number)
    rests.length = 0
  }

  #release(entries: readonly number[]): void {
    const store = this.#store
    if (this.#rest.length > 0) for (const entry of entries) this.#clearRest(store.recordOf(entry))
    if (this.#hasAttached) for (const entry of entries) this.#dropAttached(store.recordOf(entry))
    store.select(0)
    const { slab } = store
    const list = slab.allocate(RELEASE_ENTRIES * 4)
    for (let from = 0; from < entries.length; from += RELEASE_ENTRIES) {
      const count = Math.min(RELEASE_ENTRIES, entries.length - from)
      for (let index = 0; index < count; index++) slab.u32[(list >>> 2) + index] = entries[from + index]!
      store.release(list, count)
    }
    slab.free(list, RELEASE_ENTRIES * 4)
  }

  protected putRow(position: number, record: number, old: number): boolean {
    const store = this.#store
    const { file } = this
    const oldRow = old < 0 ? -1 : file.rowAt(old)
    const oldRest = oldRow < 0 ? -1 : this.#longRestOf(oldRow)
    store.unlist(record)
    const hasAttached = store.hasAttached(record)
    if (this.#hasAges || this.#rest.length > 0 || hasAttached) this.#saveRest(record, hasAttached)
    const restBytes = this.#rest.length > 0 || hasAttached ? this.#writer.at : 0
    const isLong = restBytes > REST_BYTES_MAX
    if (oldRest >= 0 && !isLong) this.#stagedRests.push({ number: oldRest, bytes: undefined })
    if (store.isEmpty(record)) {
      if (oldRest >= 0 && isLong) this.#stagedRests.push({ number: oldRest, bytes: undefined })
      if (store.isSaved(record)) store.noteRemoved(record)
      return old >= 0
    }
    const { u32 } = store.slab
    const word = u32[(record + KEY_WORD) >>> 2]
    const payloadBytes = payloadBytesOf(word)
    const keyWords = this.#keyWords !== 0 ? this.#keyWords : 1 + ((payloadBytes + 3) >>> 2)
    const begin = file.beginRow(
      position,
      keyWords + this.#epochWords + this.#presenceWords + this.#imageOffsets.length + 2 + TIMES_WORDS + (isLong ? 0 : restBytes >>> 2),
    )
    const { stage } = file
    let at = begin
    const payload = (record + KEY_PAYLOAD) >>> 2
    if (this.#keyWords !== 0) {
      stage[at++] = u32[payload]!
      stage[at++] = u32[payload + 1]!
    } else {
      stage[at++] = word
      const from = payloadBytes <= INLINE_PAYLOAD_BYTES ? payload : u32[payload] >>> 2
      for (let index = 0; index < payloadBytes >>> 2; index++) stage[at++] = u32[from + index]!
      if ((payloadBytes & 3) !== 0) stage[at++] = u32[from + (payloadBytes >>> 2)] & tailMask(payloadBytes)
    }
    if (this.hasEpochs) stage[at++] = store.epochOf(record)
    const presence = (record + store.presenceOffset) >>> 2
    for (let index = 0; index < this.#presenceWords; index++) stage[at++] = u32[presence + index] & this.#presenceMasks[index]
    const offsets = this.#imageOffsets
    for (let index = 0; index < offsets.length; index++) stage[at++] = u32[(record + offsets[index]) >>> 2]!
    if (this.rowWords === 0) {
      const isNoted = this.#hasAttached && this.#noteTimes(record, oldRow)
      at = this.#putRest(at, restBytes, oldRest, hasAttached || isNoted)
    }
    file.endRow(at)
    if (old < 0 || isLong || file.rowEnd(old) - oldRow !== at - begin) return true
    const { words } = file
    for (let index = 0; index < at - begin; index++) if (words[oldRow + index] !== stage[begin + index]) return true
    return false
  }

  /** Sees to it that a key comes back for its earliest timers. Returns whether a time is noted for it. */
  #noteTimes(record: number, oldRow: number): boolean {
    const store = this.#store
    const hasOld = oldRow >= 0 && this.#hasTimes(oldRow)
    const old = hasOld ? [this.#timeOf(oldRow, 0), this.#timeOf(oldRow, 1)] : NO_TIMES
    this.#times.fill(0)
    for (let domain = 0; domain < store.timers.length; domain++) {
      const wanted = this.#wanted[domain]
      const earliest = this.#earliestOf(record, domain)
      // What was noted and has been taken since is noted no more.
      const noted = old[domain] > wanted.takenUpTo ? old[domain] : 0
      if (earliest < (noted === 0 ? Infinity : noted)) {
        wanted.add(earliest, store.bytesOf(record))
        this.#times[domain] = earliest
      } else this.#times[domain] = noted
    }
    return this.#times[0] > 0 || this.#times[1] > 0
  }

  /** Writes what the writer holds behind a row. Returns where the row ends. */
  #putRest(at: number, bytes: number, oldRest: number, withTimes: boolean): number {
    const { stage } = this.file
    const isLong = bytes > REST_BYTES_MAX
    stage[at++] = (bytes | (isLong ? LONG : 0) | (withTimes ? WITH_TIMES : 0)) >>> 0
    if (withTimes) for (let word = 0; word < TIMES_WORDS; word++) stage[at++] = this.#timesWords[word]!
    if (!isLong) {
      const end = at + ((bytes + 3) >>> 2)
      if ((bytes & 3) !== 0) stage[end - 1] = 0
      new Uint8Array(stage.buffer).set(this.#writer.bytes.subarray(0, bytes), at * 4)
      return end
    }
    const number = oldRest >= 0 ? oldRest : (this.#freeRests.pop() ?? this.#nextRest++)
    this.#stagedRests.push({ number, bytes: this.#writer.copy() })
    stage[at++] = number
    return at
  }

  /** Has the writer hold what of a key's state lies in no image, and what is attached to the key; what has expired goes. */
  #saveRest(record: number, withAttached: boolean): void {
    const writer = this.#writer
    writer.at = 0
    this.#store.show(record)
    if (this.#hasAges) for (const { handle } of this.#states) handle.holds()
    for (const { number, state } of this.#rest) saveState(writer, number, state)
    if (!withAttached) return
    writer.uint32(ATTACHED)
    const begin = beginCount(writer)
    this.#saveAttached(record)
    endCount(writer, begin, writer.at - begin - 4)
  }

  #saveAttached(record: number): void {
    const store = this.#store
    const writer = this.#writer
    this.#saveTimers(record)
    const counted = beginCount(writer)
    let namespaces = 0
    for (let namespace = store.firstNamespaceOf(record); namespace !== 0; namespace = store.nextNamespaceOf(namespace)) {
      namespaces++
      store.unlist(namespace)
      store.showNamespace(namespace)
      writer.float64(store.namespaceFirst)
      writer.float64(store.namespaceSecond)
      writer.uint32(store.epochOf(namespace))
      this.#saveTimers(namespace)
      const begin = beginCount(writer)
      this.#namespaceStates.forEach((state, number) => saveState(writer, number, state))
      endCount(writer, begin, writer.at - begin - 4)
    }
    endCount(writer, counted, namespaces)
    this.#namespaceCount += namespaces
  }

  #saveTimers(record: number): void {
    const writer = this.#writer
    this.#store.timers.forEach((timers, domain) => {
      const counted = beginCount(writer)
      let count = 0
      timers.forEachOf(record, (time, sequence) => {
        count++
        writer.float64(time)
        writer.float64(sequence)
      })
      endCount(writer, counted, count)
      this.#timerCounts[domain] += count
    })
  }

  /** Frees the timers and namespaces of a key, and what of their state lies in the heap. */
  #dropAttached(record: number): void {
    const store = this.#store
    if (!store.hasAttached(record)) return
    for (let namespace = store.firstNamespaceOf(record); namespace !== 0; namespace = store.nextNamespaceOf(namespace)) {
      store.showNamespace(namespace)
      for (const { handle } of this.#namespaceStates) handle.clear()
      for (const timers of store.timers) timers.drop(namespace)
    }
    store.dropNamespaces(record)
    for (const timers of store.timers) timers.drop(record)
  }

  /** Frees what of a key's state lies in the heap. */
  #clearRest(record: number): void {
    this.#store.show(record)
    for (const { state } of this.#rest) state.handle.clear()
  }

  /** @param since Only those that were written in this epoch or later. */
  #forEachBucket(visit: () => void, since: number = 0): void {
    const { file } = this
    this.#learn()
    for (let bucket = 0; file.entryCount > 0 && bucket < this.places.end;) {
      const isWanted = file.changeOf(bucket) >= since && this.takeBucket(bucket)
      bucket = file.bucketBehind(bucket)
      if (isWanted && file.count > 0) visit()
    }
  }

  /** The keys of the bucket in hand that are not in memory and have a state that has expired. */
  #expiredKeys(): Uint8Array[] {
    const store = this.#store
    const spare = store.makeSpare()
    const expired: Uint8Array[] = []
    this.#forEachColdRow(spare, ({ key }) => {
      if (this.#states.some(({ descriptor, handle, lot }) => descriptor.ttl !== undefined && isPresent(store, lot) && !handle.holds())) expired.push(key)
    })
    store.select(0)
    store.freeSpare(spare)
    return expired
  }

  /** Reads the rows of the bucket in hand whose keys are not in memory, one after the other, into a record that is then the current key. */
  #forEachColdRow(spare: number, visit: (row: ColdRow) => void, since: number = 0): void {
    const store = this.#store
    for (const cold of this.#coldRows(since)) {
      this.#fill(spare, cold.row)
      this.#withRest(cold.row, (bytes) => this.#loadRest(spare, bytes, false))
      store.show(spare)
      visit(cold)
      this.#clearRest(spare)
    }
  }

  /** The rows of the bucket in hand whose keys are not in memory. */
  #coldRows(since: number = 0): ColdRow[] {
    const { file } = this
    const rows: ColdRow[] = []
    for (let index = 0; index < file.count; index++) {
      const row = file.rowAt(index)
      if (since > 0 && file.words[row + this.#keyWordsOf(row)] < since) continue
      const position = file.positionOf(index)
      rows.push({ key: this.#keyOf(row, position), row, position })
    }
    if (rows.length === 0) return rows
    const entries = this.#store.entriesOf(rows.map(({ key }) => key))
    return rows.filter((_, index) => entries[index] === 0)
  }

  /** The canonical bytes of the key of a row. */
  #keyOf(row: number, position: number): Uint8Array {
    const { words } = this.file
    const bytes = new Uint8Array(words.buffer, words.byteOffset)
    if (this.#keyWords === 0) {
      const word = words[row]
      const length = payloadBytesOf(word)
      const key = bytes.slice((row + 1) * 4, (row + 1) * 4 + length + 1)
      key[length] = word >>> 24
      return key
    }
    if (words[row] === 0 && words[row + 1] === 0 && this.#isNull(position)) return Uint8Array.of(KeyTag.NULL)
    const key = bytes.slice(row * 4, row * 4 + 9)
    key[8] = KeyTag.INT64
    return key
  }

  /** Whether NULL has this position: by value it looks like 0, whose hash is another one. */
  #isNull(position: number): boolean {
    const group = HASH_OF_NULL_HIGH % this.#store.maxParallelism
    const { start, end } = this.#store.keyGroups
    return group >= start && group <= end && this.places.of(group, HASH_OF_NULL_HIGH) === position
  }
}

/** Writes what a state holds, behind its number and the bytes it takes; nothing if it holds nothing. */
function saveState(writer: ByteWriter, number: number, { handle }: Declared): void {
  if (!handle.holds()) return
  writer.uint32(number)
  const begin = beginCount(writer)
  handle.save(writer)
  endCount(writer, begin, writer.at - begin - 4)
}

/** Leaves room for a u32. Returns where. */
function beginCount(writer: ByteWriter): number {
  writer.uint32(0)
  return writer.at - 4
}

function endCount(writer: ByteWriter, begin: number, count: number): void {
  const { at } = writer
  writer.at = begin
  writer.uint32(count)
  writer.at = at
}

/** Whether the current key has something in a state, expired or not. */
function isPresent({ slab }: KeyStore, { scope, slot }: StateLot): boolean {
  return scope.record !== 0 && (slab.u32[(scope.record + slot.presence) >>> 2] & slot.mask) !== 0
}

/** Whether the values of a state are part of a row's image. */
function isInImage(descriptor: StateDescriptor): boolean {
  return descriptor.kind !== 'list' && descriptor.kind !== 'map' && isInPlace(descriptor.type)
}

/** Of a key word. */
function payloadBytesOf(word: number): number {
  return (word & 0xffffff) - 1
}

/** The bytes of the last word that belong to a payload. */
function tailMask(bytes: number): number {
  return (1 << ((bytes & 3) * 8)) - 1
}
