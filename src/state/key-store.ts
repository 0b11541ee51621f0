// The keys of one keyed operator: which there are, where their records lie, and which one is current. Kernels find a batch's keys in a
// SegmentTable; an entry there holds the address of the key's record, which never moves and so stands for the key (a handle) in timers and
// namespaces too, while entries move when segments split. Runs on the worker's thread. Invariant: a record with state, timers or namespaces is
// never freed, unless a tier has taken all of that out of memory.
//
//   key record        u32 key word, 0 = free | u32 key group | 8 bytes payload, or u32 address of it | u32 timers | u32 its first namespace
//                     | u32 flags, epoch | u32 first late block | u64 hash | timer slots | presence bits | slots
//   namespace record  u32 the one before of its key's + 1, 0 = free | u32 key record | f64 first | u32 timers | u32 the next one of its key's
//                     | u32 flags, epoch | u32 first late block | f64 second | timer slots | presence bits | slots
//   timer slots       for each time domain: f64 time | f64 queued at | f64 sequence; then for each: u32 first further timer (time/timer-queue.ts)
//   late block        u32 next | u32 number of the state | u32 presence | u32 0 | slot

import { assert } from '../base/assert.ts'
import { type KeyGroupRange, keyGroupRangeOf } from '../base/key-groups.ts'
import type { Slab } from '../base/slab.ts'
import type { KeySpec } from '../batch/key-spec.ts'
import type { RecordBatch } from '../batch/record-batch.ts'
import { type LogicalType, physicalKindOf, type Schema } from '../batch/types.ts'
import { PhysicalKind } from '../kernels/column-layout.ts'
import type { Kernels } from '../kernels/kernels.ts'
import { KeyEncoder, type KeyBatch } from '../kernels/keys.ts'
import * as layout from '../kernels/snapshot-layout.ts'
import { ENTRY_FLAGS_OFFSET, ENTRY_HASH_OFFSET, ENTRY_KEY_OFFSET, ENTRY_WORD_OFFSET, KeyForm } from '../kernels/table-layout.ts'
import { BlobHeap } from './blob-heap.ts'
import { keyPartsOf, keyValueOf } from './key-value.ts'
import { PairIndex } from './pair-index.ts'
import { PoolRecords, WaitingRecords } from './pool-records.ts'
import { RecordPool } from './record-pool.ts'
import { EPOCH_END, NO_RECORDS, type RecordPieces, type RecordSource, type RecordTarget } from './record-rooms.ts'
import { CACHE_SEGMENT_ENTRIES, SegmentTable } from './segment-table.ts'
import { INLINE_STATES_MAX, type StateScope, type StateSlot } from './state-scope.ts'

export const KEY_WORD = 0
export const KEY_GROUP = 4
export const KEY_PAYLOAD = 8
const TIMERS = 16
const FIRST_NAMESPACE = 20
const FLAGS = layout.RECORD_FLAGS_OFFSET
const LATE = 28
export const KEY_HASH = 32
const NAMESPACE_KEY = 4
const NAMESPACE_FIRST = 8
const NAMESPACE_NEXT = 20
const NAMESPACE_SECOND = 32
const TIMER_SLOTS = 40
const TIMER_SLOT_BYTES = 24
const FURTHER_TIMERS = TIMER_SLOTS + 2 * TIMER_SLOT_BYTES
const TIMERS_BYTES = FURTHER_TIMERS + 8 - TIMER_SLOTS
const LATE_NEXT = 0
const LATE_NUMBER = 4
const LATE_PRESENCE = 8
const LATE_SLOT = 16
const FLAG_LISTED = 1
const FLAG_NAMESPACE = 2
const FLAG_SAVED = layout.RECORD_FLAG_SAVED
const FLAG_STORED = 8
const FLAGS_MASK = (1 << layout.RECORD_EPOCH_SHIFT) - 1
/** So many removals are remembered at least, and as many as there are records. */
const REMOVALS_MIN = 4096
/** XXH64 of one zero byte: the canonical bytes of NULL. */
const HASH_OF_NULL_LOW = 0xdb052768
export const HASH_OF_NULL_HIGH = 0xe934a84a
const WORD_NULL = 1
const WORD_INT64 = (1 << 24) | 9
/** Longer payloads lie in the heap. */
export const INLINE_PAYLOAD_BYTES = 8

/** Entries that were made and not found again are of none. Only with a cold tier. */
const FIRST_ROUND = 2
/** Entries of a segment of a full cache. */
const CACHE_SEGMENT_ENTRIES_USUAL = CACHE_SEGMENT_ENTRIES * 0.75
/** About what the index of a table takes for an entry. */
const INDEX_BYTES = 24
/** And what that of namespaces does. */
const NAMESPACE_INDEX_BYTES = 8

/** Where keys are that are not in memory: state/lmdb-backend.ts. */
export interface ColdTier {
  /** Whether it tells which keys were used when. */
  readonly hasEpochs: boolean
  /** Up to which size it keeps keys in memory. */
  readonly cacheBytes: number
  /** Fills in the records u32[n] of keys that have just been made. Marks those that it knows with {@link KeyStore.setStored}. */
  load(records: number, n: number): void
  /** Timers that it holds, of a time domain. */
  timerCount(domain: 0 | 1): number
  /** No timer that it holds is earlier, as times are in records; Infinity only if it holds none. */
  nextTimer(domain: 0 | 1): number
  /** Up to where timers in memory may fire: what it holds comes later. */
  timersLoadedUpTo(domain: 0 | 1): number
  /** Brings some keys back whose timers may be due, those with the earliest first. Frees nothing. */
  loadTimers(domain: 0 | 1, upTo: number): void
  /** Visits the timers that it holds: of keys that are not here, or of their namespaces. */
  forEachTimer(domain: 0 | 1, visit: (keyGroup: number, namespace: Uint8Array, key: Uint8Array, timeMs: number, sequence: number) => void): void
}

/** The timers of one time domain as far as they leave memory with their records: time/timer-queue.ts. */
export interface RecordTimers {
  /** Bytes that they take beside the records. */
  readonly bytesInUse: number
  /** As times are in records: Infinity if there is none. */
  earliestOf(record: number): number
  /** Visits the timers of a record: their times as they are in records, and sequence numbers. */
  forEachOf(record: number, visit: (time: number, sequence: number) => void): void
  /** Gives a record one of its timers back. */
  load(record: number, time: number, sequence: number): void
  /** Forgets the timers of a record that is about to be released. */
  drop(record: number): void
  /** Epoch ms of a time in records. */
  msOf(time: number): number
}

/** What a state is given. */
export interface StateLot {
  readonly scope: StateScope
  readonly slot: StateSlot
  /** Whether it lies in a block of its own, not beside its key. */
  readonly isLate: boolean
}

/** One input of a keyed operator. */
export interface KeyedInput {
  readonly key: KeySpec
  readonly schema: Schema
}

/** What a {@link KeyStore} needs; an operator's context has most of it. */
export interface KeyStoreOptions {
  readonly slab: Slab
  readonly kernels: Kernels
  readonly subtaskIndex: number
  readonly parallelism: number
  readonly maxParallelism: number
  readonly tableSeed: number
  readonly inputs: readonly KeyedInput[]
  /** Whether keys and namespaces may have timers; costs 56 bytes each. */
  readonly timers: boolean
}

/** A record of a key or namespace that is no more. */
export interface RemovedRecord {
  readonly epoch: number
  readonly keyGroup: number
  readonly key: Uint8Array
  /** The namespace; NaN for a key. */
  readonly first: number
  readonly second: number
}

/** Where a state lies that kernels can write. */
export interface StatePlace extends StateSlot {
  readonly kind: layout.StateKind
  /** Byte offset of the time of the last refresh; 0 without TTL. */
  readonly ttlOffset: number
  readonly ttlMs: number
}

/** The scope of keys or of namespaces. */
class RecordScope implements StateScope {
  record = 0
  readonly #kind: 'key' | 'namespace'
  readonly #store: KeyStore
  #states = 0
  #slotBytes = 0
  readonly #presence: number

  constructor(store: KeyStore, kind: 'key' | 'namespace', presence: number) {
    this.#store = store
    this.#kind = kind
    this.#presence = presence
  }

  get states(): number {
    return this.#states
  }

  /** Bytes of a record. */
  get recordBytes(): number {
    return this.#presence + 8 + this.#slotBytes
  }

  allot(bytes: number): StateSlot {
    const index = this.#states++
    const slot = { presence: this.#presence + (index >>> 5) * 4, mask: 1 << (index & 31), offset: this.#presence + 8 + this.#slotBytes }
    this.#slotBytes += (bytes + 7) & ~7
    return slot
  }

  create(): number {
    assert(this.#kind === 'namespace', 'state was used without a current key')
    return this.#store.makeNamespace()
  }

  vacated(): void {
    this.#store.noteIfEmpty(this.record)
  }
}

/** The scope of one late state: its block in the list of its key or namespace. */
class LateScope implements StateScope {
  record = 0
  readonly parent: StateScope
  readonly #store: KeyStore
  readonly #number: number
  readonly #bytes: number

  constructor(store: KeyStore, parent: StateScope, number: number, slotBytes: number) {
    this.#store = store
    this.parent = parent
    this.#number = number
    this.#bytes = LATE_SLOT + slotBytes
  }

  sync(): void {
    this.record = this.parent.record === 0 ? 0 : this.#find()
  }

  create(): number {
    const parent = this.parent.record === 0 ? this.parent.create() : this.parent.record
    const { slab, heap } = this.#store
    const block = heap.allocate(this.#bytes)
    const { u32 } = slab
    slab.fill(block, 0, this.#bytes)
    u32[(block + LATE_NEXT) >>> 2] = u32[(parent + LATE) >>> 2]!
    u32[(block + LATE_NUMBER) >>> 2] = this.#number
    u32[(parent + LATE) >>> 2] = block
    this.record = block
    return block
  }

  vacated(): void {
    const { u32 } = this.#store.slab
    const parent = this.parent.record
    let link = parent + LATE
    while (u32[link >>> 2] !== this.record) link = u32[link >>> 2] + LATE_NEXT
    u32[link >>> 2] = u32[(this.record + LATE_NEXT) >>> 2]!
    this.#store.heap.free(this.record, this.#bytes)
    this.record = 0
    this.#store.noteIfEmpty(parent)
  }

  #find(): number {
    const { u32 } = this.#store.slab
    let block = u32[(this.parent.record + LATE) >>> 2]
    while (block !== 0 && u32[(block + LATE_NUMBER) >>> 2] !== this.#number) block = u32[(block + LATE_NEXT) >>> 2]!
    return block
  }
}

/** The keys and namespaces of one operator. */
export class KeyStore {
  readonly slab: Slab
  readonly heap: BlobHeap
  /** The current key and the current namespace. */
  readonly key: StateScope
  readonly namespace: StateScope
  readonly keyGroups: KeyGroupRange
  namespaceFirst = Number.NaN
  namespaceSecond = Number.NaN
  /** Grows whenever keys are freed: their records may stand for other keys afterwards. */
  removals = 0
  /** Processing time as TTL sees it. */
  nowMs = 0
  /** Called for a record that TTL clean-up looks at, with it as the current one. */
  onSweep: ((scope: 'key' | 'namespace') => void) | null = null
  /** How many records of each kind TTL clean-up looks at in one {@link settle}. */
  sweepRecords = 0
  /** Of the epoch, where flags have it; 0: nobody will ask which records were used in it. */
  #mark = 0
  /** Records that snapshots may hold and that are no more. */
  #removed: RemovedRecord[] = []
  /** The last epoch of whose removals some are not known. */
  #forgottenEpoch = 0
  /** Set before the first key by a backend that keeps only some of the keys here. */
  tier: ColdTier | null = null
  /** By time domain: set before the first key, if there can be timers. */
  readonly timers: RecordTimers[] = []
  readonly #options: KeyStoreOptions
  readonly #form: KeyForm
  readonly #keyTypes: readonly LogicalType[] | undefined
  readonly #keyScope: RecordScope
  readonly #namespaceScope: RecordScope
  readonly #late: LateScope[] = []
  readonly #presence: number
  #encoders: KeyEncoder[] = []
  #table!: SegmentTable
  #keys!: RecordPool
  #namespaces!: RecordPool
  #index!: PairIndex
  #frozen = false
  #maybeEmpty: number[] = []
  // Scratch: entries (turned into handles) of the batch last resolved, and the key batch of few keys.
  #out = 0
  #outRows = 0
  #few = 0
  #fewBytes = 0
  #gather = 0
  #gatherBytes = 0
  #round = FIRST_ROUND
  #sweptKey = 0
  #sweptNamespace = 0
  /** Keys and namespaces that wait to be written; whether there may be some, and scratch for one of them. */
  readonly #waitingKeys: WaitingRecords
  readonly #waitingNamespaces: WaitingRecords
  #waits = false
  #waiting = 0

  constructor(options: KeyStoreOptions) {
    this.#options = options
    this.slab = options.slab
    this.heap = new BlobHeap(options.slab)
    this.keyGroups = keyGroupRangeOf(options.subtaskIndex, options.parallelism, options.maxParallelism)
    this.#waitingKeys = new WaitingRecords(options.slab, options.kernels)
    this.#waitingNamespaces = new WaitingRecords(options.slab, options.kernels)
    this.#form = formOf(options.inputs)
    this.#keyTypes = keyTypesOf(options.inputs[0])
    this.#presence = TIMER_SLOTS + (options.timers ? TIMERS_BYTES : 0)
    this.key = this.#keyScope = new RecordScope(this, 'key', this.#presence)
    this.namespace = this.#namespaceScope = new RecordScope(this, 'namespace', this.#presence)
  }

  get keyCount(): number {
    return this.#frozen ? this.#keys.count : 0
  }

  get namespaceCount(): number {
    return this.#frozen ? this.#namespaces.count : 0
  }

  /** Offset of the timer slot of a domain (0 event time, 1 processing time) in key and namespace records. */
  timerOffset(domain: 0 | 1): number {
    assert(this.#options.timers, 'this operator keeps no timers')
    return TIMER_SLOTS + domain * TIMER_SLOT_BYTES
  }

  /** Offset of the first timer of a domain that has a record of its own. */
  furtherTimersOffset(domain: 0 | 1): number {
    return FURTHER_TIMERS + domain * 4
  }

  /** A place for a state of `bytes` bytes, beside its key if possible. */
  allot(kind: 'key' | 'namespace', bytes: number): StateLot {
    const scope = kind === 'key' ? this.#keyScope : this.#namespaceScope
    if (!this.#frozen && scope.states < INLINE_STATES_MAX) return { scope, slot: scope.allot(bytes), isLate: false }
    const late = new LateScope(this, scope, this.#late.length, bytes)
    this.#late.push(late)
    late.sync()
    return { scope: late, slot: { presence: LATE_PRESENCE, mask: 1, offset: LATE_SLOT }, isLate: true }
  }

  /** Finds or makes the keys of rows: see KeyedStateBackend.resolve. */
  resolve(batch: RecordBatch, begin: number, end: number, input: number): number {
    this.#freeze()
    const n = end - begin
    if (n > this.#outRows) {
      if (this.#outRows > 0) this.slab.free(this.#out, this.#outRows * 4)
      this.#outRows = Math.max(n, 1024)
      this.#out = this.slab.allocate(this.#outRows * 4)
    }
    if (n > 0) this.#resolve(this.#encode(batch, begin, n, input), this.#out)
    return this.#out
  }

  /** The handle of canonical key bytes. */
  resolveKey(bytes: Uint8Array): number {
    this.#freeze()
    // offsets[2] | out[1] | the bytes, 16-byte aligned
    const scratch = this.#reserveFew(16 + bytes.length + 64)
    const { slab } = this
    slab.u32[scratch >>> 2] = 0
    slab.u32[(scratch >>> 2) + 1] = bytes.length
    slab.u8.set(bytes, scratch + 16)
    this.#resolve(this.#encoders[0].encodeCanonical(scratch, scratch + 16, 1), scratch + 8)
    return this.slab.u32[(scratch >>> 2) + 2]
  }

  /** Finds or makes keys by their canonical bytes. */
  resolveKeys(keys: readonly Uint8Array[]): void {
    this.#freeze()
    this.#withBatch(keys, (batch, out) => this.#resolve(batch, out))
  }

  /** The entries of keys by their canonical bytes, 0 for those that are not here. Makes none. */
  entriesOf(keys: readonly Uint8Array[]): number[] {
    return this.#withBatch(keys, (batch, out) => {
      this.#table.find(batch, out)
      return [...this.slab.u32.subarray(out >>> 2, (out >>> 2) + keys.length)]
    })
  }

  /** @param use Gets the keys and room for a word for each. */
  #withBatch<T>(keys: readonly Uint8Array[], use: (batch: KeyBatch, out: number) => T): T {
    const { slab } = this
    const n = keys.length
    // u32 out[n] | u32 offsets[n + 1] | the bytes
    const bytes = n * 8 + 4 + keys.reduce((sum, { length }) => sum + length, 0) + 64
    const out = slab.allocate(bytes)
    const offsets = out + n * 4
    const data = offsets + (n + 1) * 4
    let at = 0
    keys.forEach((key, index) => {
      slab.u32[(offsets >>> 2) + index] = at
      slab.u8.set(key, data + at)
      at += key.length
    })
    slab.u32[(offsets >>> 2) + n] = at
    const result = use(this.#encoders[0].encodeCanonical(offsets, data, n), out)
    slab.free(out, bytes)
    return result
  }

  /** Makes a key current; the current namespace is none. */
  select(key: number): void {
    if (this.#mark !== 0 && key !== 0) this.#touch(key)
    this.#select(key)
  }

  /** {@link select}, which is no use of the key. */
  show(key: number): void {
    this.#select(key)
  }

  /** {@link selectNamespace}, which is no use of it. */
  showNamespace(record: number): void {
    this.#selectNamespace(record)
  }

  #select(key: number): void {
    this.#keyScope.record = key
    this.#namespaceScope.record = 0
    this.namespaceFirst = Number.NaN
    if (this.#late.length > 0) this.#syncLate()
  }

  setNamespace(first: number, second: number): void {
    this.namespaceFirst = first
    this.namespaceSecond = second
    const record = this.#index.find(this.#keyScope.record, first, second)
    if (this.#mark !== 0 && record !== 0) this.#touch(record)
    this.#namespaceScope.record = record
    if (this.#late.length > 0) this.#syncLate()
  }

  /** Makes the key of a namespace record and that namespace current. */
  selectNamespace(record: number): void {
    if (this.#mark !== 0) {
      this.#touch(record)
      this.#touch(this.slab.u32[(record + NAMESPACE_KEY) >>> 2])
    }
    this.#selectNamespace(record)
  }

  #selectNamespace(record: number): void {
    const { u32, f64 } = this.slab
    this.#keyScope.record = u32[(record + NAMESPACE_KEY) >>> 2]!
    this.namespaceFirst = f64[(record + NAMESPACE_FIRST) >>> 3]!
    this.namespaceSecond = f64[(record + NAMESPACE_SECOND) >>> 3]!
    this.#namespaceScope.record = record
    if (this.#late.length > 0) this.#syncLate()
  }

  /** Makes a record the current one, of whichever kind it is; returns whether it is a namespace's. */
  selectRecord(record: number): boolean {
    const isNamespace = this.#isNamespace(record)
    if (isNamespace) this.selectNamespace(record)
    else this.select(record)
    return isNamespace
  }

  /** {@link selectRecord}, which is no use of it. */
  showRecord(record: number): boolean {
    const isNamespace = this.#isNamespace(record)
    if (isNamespace) this.#selectNamespace(record)
    else this.#select(record)
    return isNamespace
  }

  #isNamespace(record: number): boolean {
    return (this.slab.u32[(record + FLAGS) >>> 2] & FLAG_NAMESPACE) !== 0
  }

  /** The record of the current namespace, made if need be. */
  makeNamespace(): number {
    const scope = this.#namespaceScope
    if (scope.record !== 0) return scope.record
    const key = this.#keyScope.record
    assert(key !== 0, 'a namespace was used without a current key')
    const record = this.#namespaces.allocate()
    const { u32, f64 } = this.slab
    const next = u32[(key + FIRST_NAMESPACE) >>> 2]
    u32[record >>> 2] = 1
    u32[(record + NAMESPACE_NEXT) >>> 2] = next
    if (next !== 0) u32[next >>> 2] = record + 1
    u32[(key + FIRST_NAMESPACE) >>> 2] = record
    u32[(record + NAMESPACE_KEY) >>> 2] = key
    f64[(record + NAMESPACE_FIRST) >>> 3] = this.namespaceFirst
    f64[(record + NAMESPACE_SECOND) >>> 3] = this.namespaceSecond
    u32[(record + FLAGS) >>> 2] = FLAG_NAMESPACE | FLAG_LISTED | this.#mark
    this.#maybeEmpty.push(record)
    this.#index.add(record)
    scope.record = record
    return record
  }

  /** Counts timers of a record up or down. */
  countTimers(record: number, delta: number): void {
    const { u32 } = this.slab
    const at = (record + TIMERS) >>> 2
    u32[at] = u32[at] + delta
    if (delta < 0 && u32[at] === 0) this.noteIfEmpty(record)
  }

  /** Whether there are keys by value: one column of integers. */
  get isByValue(): boolean {
    return this.#form === KeyForm.VALUE
  }

  get maxParallelism(): number {
    return this.#options.maxParallelism
  }

  /** Where the presence bits of states begin in a record: two words. */
  get presenceOffset(): number {
    return this.#presence
  }

  /** How many states lie in key records. */
  get inlineStates(): number {
    return this.#keyScope.states
  }

  /** About how many bytes of the slab the keys, their namespaces and their values take. */
  get bytesInUse(): number {
    // What an empty table keeps nobody can give back.
    if (this.keyCount === 0) return 0
    const perNamespace = this.#namespaceScope.recordBytes + NAMESPACE_INDEX_BYTES
    const timers = this.timers.reduce((sum, { bytesInUse }) => sum + bytesInUse, 0)
    const keys = this.#table.bytes + this.#keys.count * this.#keyScope.recordBytes
    return keys + this.#namespaces.count * perNamespace + timers + this.heap.bytesInUse
  }

  /** A record that stands for no key, for states to be read into. Freed by {@link freeSpare}. */
  makeSpare(): number {
    this.#freeze()
    const record = this.slab.allocateZeroed(this.#keyScope.recordBytes)
    const at = record >>> 2
    this.slab.u32[at] = 1
    // Listed already: it never gets on the list of those to be freed.
    this.slab.u32[at + FLAGS / 4] = FLAG_LISTED
    return record
  }

  freeSpare(record: number): void {
    this.slab.free(record, this.#keyScope.recordBytes)
  }

  /** Where a part of about so many keys ends that begins at a route, in the order of hashes; 0 behind the last one. Only while there are keys. */
  partEnd(from: number, keys: number): number {
    const end = this.#table.partEnd(from, keys)
    return end < this.#table.routeEnd ? end : 0
  }

  /** Lists entries of a part of the keys that were not found again in this round or the one before. */
  takeUnused(from: number, end: number): number[] {
    const unused: number[] = []
    this.#table.forEachOlder(from, end === 0 ? this.#table.routeEnd : end, this.#round - 1, (entries, n) => {
      const { u32 } = this.slab
      for (let at = entries >>> 2; at < (entries >>> 2) + n; at++) unused.push(u32[at])
    })
    return unused
  }

  /** Gives memory back that keys of a part no longer need. */
  trim(from: number, end: number): void {
    this.#table.trim(from, end === 0 ? this.#table.routeEnd : end)
  }

  /** Begins a round: what is not found again in it, nor in the next one, is not used. */
  beginRound(): void {
    this.#table.epoch = ++this.#round
  }

  recordOf(entry: number): number {
    return this.slab.u32[(entry + this.#table.valueOffset) >>> 2]
  }

  /** Removes keys by their entries u32[n], each named once: their states hold nothing in the heap any more, their timers and namespaces were dropped. */
  release(entries: number, n: number): void {
    const { slab } = this
    this.removals++
    for (let index = 0; index < n; index++) {
      const record = this.recordOf(slab.u32[(entries >>> 2) + index])
      this.#freePayload(record)
      this.#keys.free(record)
    }
    this.#table.remove(entries, n)
    // Before they are used again.
    if (this.#maybeEmpty.length > 0) this.#maybeEmpty = this.#maybeEmpty.filter((record) => slab.u32[record >>> 2] !== 0)
  }

  isStored(key: number): boolean {
    return (this.slab.u32[(key + FLAGS) >>> 2] & FLAG_STORED) !== 0
  }

  /**
   * Marks a key that lies in the cold tier too: its record stays, even if it is empty, until the tier knows. Snapshots may hold values of it.
   *
   * @param epoch When it was used last.
   */
  setStored(key: number, epoch: number): void {
    const at = (key + FLAGS) >>> 2
    this.slab.u32[at] = (this.slab.u32[at] & FLAGS_MASK) | (epoch << layout.RECORD_EPOCH_SHIFT) | FLAG_STORED | FLAG_SAVED
  }

  /** The epoch that has begun; 0: nobody will ask for changes. */
  get epoch(): number {
    return this.#mark >>> layout.RECORD_EPOCH_SHIFT
  }

  /** The epoch in which a record was used last. */
  epochOf(record: number): number {
    return this.slab.u32[(record + FLAGS) >>> 2] >>> layout.RECORD_EPOCH_SHIFT
  }

  /** Notes that a key which snapshots may hold is no more. */
  noteRemoved(key: number): void {
    if (this.#mark !== 0) this.#noteRemoved(key, Number.NaN, Number.NaN)
  }

  /** Whether a key has timers or namespaces. */
  hasAttached(key: number): boolean {
    const { u32 } = this.slab
    return u32[(key + TIMERS) >>> 2] !== 0 || u32[(key + FIRST_NAMESPACE) >>> 2] !== 0
  }

  /** The first namespace record of a key; 0 if it has none. */
  firstNamespaceOf(key: number): number {
    return this.slab.u32[(key + FIRST_NAMESPACE) >>> 2]
  }

  /** The next one behind a namespace record; 0 behind the last one. */
  nextNamespaceOf(record: number): number {
    return this.slab.u32[(record + NAMESPACE_NEXT) >>> 2]
  }

  /** Gives the current key a namespace back, which is then the current one. Snapshots may hold values of it. Returns its record. */
  restoreNamespace(first: number, second: number, epoch: number): number {
    this.#namespaceScope.record = 0
    this.namespaceFirst = first
    this.namespaceSecond = second
    const record = this.makeNamespace()
    if (this.#late.length > 0) this.#syncLate()
    const at = (record + FLAGS) >>> 2
    this.slab.u32[at] = (this.slab.u32[at] & FLAGS_MASK) | (epoch << layout.RECORD_EPOCH_SHIFT) | FLAG_SAVED
    return record
  }

  /** Frees the namespaces of a key that is about to be released. Their states hold nothing in the heap any more. */
  dropNamespaces(key: number): void {
    for (let record = this.firstNamespaceOf(key); record !== 0;) {
      const next = this.nextNamespaceOf(record)
      this.#index.remove(record)
      this.#namespaces.free(record)
      record = next
    }
    this.slab.u32[(key + FIRST_NAMESPACE) >>> 2] = 0
  }

  /** Keeps a record that is about to be released off the list of those that may be empty. */
  unlist(record: number): void {
    const at = (record + FLAGS) >>> 2
    this.slab.u32[at] = this.slab.u32[at] | FLAG_LISTED
  }

  /** Whether a record holds nothing. */
  isEmpty(record: number): boolean {
    return this.#isEmpty(record)
  }

  groupOf(key: number): number {
    return this.slab.u32[(key + KEY_GROUP) >>> 2]
  }

  /** Canonical bytes of a key: a copy. */
  bytesOf(key: number): Uint8Array {
    const { u8, u32 } = this.slab
    const word = u32[(key + KEY_WORD) >>> 2]
    const length = word & 0xffffff
    const bytes = new Uint8Array(length)
    const payload = this.#payloadOf(key, length - 1)
    for (let index = 0; index < length - 1; index++) bytes[index] = u8[payload + index]!
    bytes[length - 1] = word >>> 24
    return bytes
  }

  /** A key as user code knows it. */
  valueOf(key: number): unknown {
    const types = this.#keyTypes
    if (types === undefined) return keyValueOf(this.bytesOf(key))
    if (types.length === 1) {
      const type = types[0]
      const { u32, i32 } = this.slab
      if (u32[(key + KEY_WORD) >>> 2] === WORD_INT64 && isNumber(type)) return i32[(key + KEY_PAYLOAD + 4) >>> 2] * 4294967296 + u32[(key + KEY_PAYLOAD) >>> 2]
      return keyValueOf(this.bytesOf(key), type)
    }
    return keyPartsOf(this.bytesOf(key)).map((part, index) => keyValueOf(part, types[index]))
  }

  /** Puts a record that looks empty on the list of those to be freed. */
  noteIfEmpty(record: number): void {
    const { u32 } = this.slab
    const at = record >>> 2
    if (!this.#isEmpty(record) || (u32[at + FLAGS / 4] & FLAG_LISTED) !== 0) return
    u32[at + FLAGS / 4] = u32[at + FLAGS / 4] | FLAG_LISTED
    this.#maybeEmpty.push(record)
  }

  /** Frees what is empty. Handles of {@link resolve} are void afterwards. */
  settle(): void {
    if (this.onSweep !== null && this.#frozen) this.#sweep()
    if (this.#maybeEmpty.length > 0) this.#freeEmpty()
  }

  /** Visits every key record, or every namespace record, as the current one. That alone is no use of it. */
  forEach(kind: 'key' | 'namespace', visit: (record: number) => void): void {
    if (!this.#frozen) return
    const pool = kind === 'key' ? this.#keys : this.#namespaces
    pool.forEach((record) => {
      if (kind === 'key') this.#select(record)
      else this.#selectNamespace(record)
      visit(record)
    })
    this.#select(0)
  }

  /** Begins an epoch: from now on records that are used are told from others; none is current, since it would be used untold. 0 ends that. */
  beginEpoch(epoch: number): void {
    this.#select(0)
    this.#mark = epoch << layout.RECORD_EPOCH_SHIFT
  }

  /** Has a record that waits to be written written: something of it is about to go though nobody uses it. */
  keep(record: number): void {
    if (this.#waits && this.epochOf(record) !== this.epoch) this.#keep(record)
  }

  /** Notes that a record is used. */
  touch(record: number): void {
    if (this.#mark !== 0) this.#touch(record)
  }

  /** Whether a record was used in epoch `since` or later, and, as {@link isSaved} says, whether a snapshot may hold a value of it. */
  isTouched(record: number, since: number): boolean {
    return this.epochOf(record) >= since
  }

  isSaved(record: number): boolean {
    return (this.slab.u32[(record + FLAGS) >>> 2] & FLAG_SAVED) !== 0
  }

  /** Notes that a snapshot holds a value of a record. */
  noteSaved(record: number): void {
    const at = (record + FLAGS) >>> 2
    this.slab.u32[at] = this.slab.u32[at] | FLAG_SAVED
  }

  /** Whether {@link removedSince} knows everything from epoch `since` on. */
  knowsRemovals(since: number): boolean {
    return since > this.#forgottenEpoch
  }

  /** Records that snapshots may hold and that were removed in epoch `since` or later; what is older is forgotten. */
  removedSince(since: number): readonly RemovedRecord[] {
    this.#removed = this.#removed.filter(({ epoch }) => epoch >= since)
    return this.#removed
  }

  /** One state of all keys, or of all namespaces, as records of a snapshot. Some of them may wait: what uses a record says so first, as for epochs. */
  records(kind: 'key' | 'namespace', place: StatePlace): RecordSource {
    return {
      slab: this.slab,
      mayWait: this.tier === null,
      begin: (since, until, target) => this.#beginRecords(kind, place, since, until, target),
    }
  }

  #beginRecords(kind: 'key' | 'namespace', place: StatePlace, since: number, until: number, target: RecordTarget): RecordPieces {
    if (!this.#frozen) return NO_RECORDS
    const isNamespace = kind === 'namespace'
    const { start, end } = this.keyGroups
    const waiting = isNamespace ? this.#waitingNamespaces : this.#waitingKeys
    const records = { ...place, isNamespace, since, until, expiredMs: this.nowMs - place.ttlMs }
    const pool = isNamespace ? this.#namespaces : this.#keys
    if (pool.count === 0) return NO_RECORDS
    const pieces = new PoolRecords(this.slab, this.#options.kernels, pool, start, end - start + 1, records, target, (ended) => {
      waiting.remove(ended)
      this.#noteWaiting()
    })
    if (until < EPOCH_END) {
      waiting.add(pieces)
      this.#noteWaiting()
    }
    return pieces
  }

  #noteWaiting(): void {
    this.#waits = !this.#waitingKeys.isEmpty || !this.#waitingNamespaces.isEmpty
  }

  /** Writes what waits for a snapshot. */
  finishRecords(): void {
    this.#waitingKeys.finish()
    this.#waitingNamespaces.finish()
  }

  #touch(record: number): void {
    const { u32 } = this.slab
    const at = (record + FLAGS) >>> 2
    if (this.#waits && (u32[at] & ~FLAGS_MASK) !== this.#mark) this.#keep(record)
    u32[at] = (u32[at] & FLAGS_MASK) | this.#mark
  }

  /** Has a record that is about to be used written, if it waits for that. */
  #keep(record: number): void {
    const { u32 } = this.slab
    const waiting = this.#isNamespace(record) ? this.#waitingNamespaces : this.#waitingKeys
    if (waiting.isEmpty) return
    if (this.#waiting === 0) this.#waiting = this.slab.allocate(4)
    u32[this.#waiting >>> 2] = record
    waiting.keep(this.#waiting, 1)
  }

  #noteRemoved(key: number, first: number, second: number): void {
    if (this.#removed.length >= Math.max(REMOVALS_MIN, this.keyCount + this.namespaceCount)) {
      this.#forgottenEpoch = this.#mark >>> layout.RECORD_EPOCH_SHIFT
      this.#removed = []
    }
    this.#removed.push({ epoch: this.#mark >>> layout.RECORD_EPOCH_SHIFT, keyGroup: this.groupOf(key), key: this.bytesOf(key), first, second })
  }

  close(): void {
    this.finishRecords()
    this.#waitingKeys.free()
    this.#waitingNamespaces.free()
    if (this.#waiting !== 0) this.slab.free(this.#waiting, 4)
    for (const encoder of this.#encoders) encoder.free()
    if (this.#outRows > 0) this.slab.free(this.#out, this.#outRows * 4)
    if (this.#fewBytes > 0) this.slab.free(this.#few, this.#fewBytes)
    if (this.#gatherBytes > 0) this.slab.free(this.#gather, this.#gatherBytes)
    if (this.#frozen) {
      this.#keys.forEach((key) => this.#freePayload(key))
      this.#table.free()
      this.#keys.close()
      this.#namespaces.close()
      this.#index.close()
    }
    this.heap.close()
  }

  #freeze(): void {
    if (this.#frozen) return
    this.#frozen = true
    const { slab, kernels, inputs, maxParallelism, tableSeed } = this.#options
    this.#encoders = inputs.map(({ key }) => new KeyEncoder(slab, kernels, this.#form, key.kind === 'columns' ? key.columns.length : 1))
    this.#table = new SegmentTable(slab, kernels, {
      form: this.#form,
      valueBytes: 8,
      maxParallelism,
      firstGroup: this.keyGroups.start,
      lastGroup: this.keyGroups.end,
      slotSeed: tableSeed,
      ...(this.tier !== null && { segmentEntriesMax: CACHE_SEGMENT_ENTRIES, depth: this.#depthOf(this.tier.cacheBytes) }),
    })
    if (this.tier !== null) this.#table.epoch = this.#round
    this.#keys = new RecordPool(slab, this.#keyScope.recordBytes)
    this.#namespaces = new RecordPool(slab, this.#namespaceScope.recordBytes)
    this.#index = new PairIndex(slab, { owner: NAMESPACE_KEY, first: NAMESPACE_FIRST, second: NAMESPACE_SECOND })
  }

  /** How deep a table begins that is to hold as many keys as fit. */
  #depthOf(cacheBytes: number): number {
    const entries = cacheBytes / (INDEX_BYTES + this.#keyScope.recordBytes)
    return Math.max(0, Math.ceil(Math.log2(entries / CACHE_SEGMENT_ENTRIES_USUAL)))
  }

  #encode(batch: RecordBatch, begin: number, n: number, input: number): KeyBatch {
    const encoder = this.#encoders[input]
    const { key } = this.#options.inputs[input]
    if (key.kind === 'columns')
      return encoder.encode(
        key.columns.map((column) => batch.columns[column].descriptor),
        batch.selection,
        begin,
        n,
      )
    const column = batch.columns[key.column]
    if (batch.selection === 0) return encoder.encodeCanonical(column.offsets + begin * 4, column.data, n)
    return encoder.encodeCanonical(this.#gatherBytesOf(batch, key.column, begin, n), this.#gather + (n + 1) * 4, n)
  }

  /** Lays the selected rows of a bytes column side by side: u32 offsets[n + 1], then the bytes. */
  #gatherBytesOf(batch: RecordBatch, columnIndex: number, begin: number, n: number): number {
    const column = batch.columns[columnIndex]
    const { slab } = this
    const offsets = column.offsets >>> 2
    let bytes = 0
    for (let position = begin; position < begin + n; position++) {
      const row = batch.physicalRow(position)
      bytes += slab.i32[offsets + row + 1] - slab.i32[offsets + row]
    }
    const needed = (n + 1) * 4 + bytes + 64
    if (needed > this.#gatherBytes) {
      if (this.#gatherBytes > 0) slab.free(this.#gather, this.#gatherBytes)
      this.#gather = slab.allocate(needed)
      this.#gatherBytes = needed
    }
    const { u32, i32 } = slab
    const data = this.#gather + (n + 1) * 4
    let at = 0
    for (let index = 0; index < n; index++) {
      const row = batch.physicalRow(begin + index)
      const from = column.data + i32[offsets + row]
      const length = i32[offsets + row + 1] - i32[offsets + row]
      u32[(this.#gather >>> 2) + index] = at
      slab.copy(data + at, from, length)
      at += length
    }
    u32[(this.#gather >>> 2) + n] = at
    return this.#gather
  }

  /** Entries of keys, then their records in place. */
  #resolve(keys: KeyBatch, out: number): void {
    const table = this.#table
    const inserted = table.findOrInsert(keys, out)
    const value = table.valueOffset
    const fresh = inserted > 0 ? table.listNew(out, keys.count) >>> 2 : 0
    for (let index = 0; index < inserted; index++) this.#makeKey(this.slab.u32[fresh + index])
    const { u32 } = this.slab
    const first = out >>> 2
    const last = first + keys.count
    for (let at = first; at < last; at++) u32[at] = u32[(u32[at] + value) >>> 2]!
    if (!this.#waitingKeys.isEmpty) this.#waitingKeys.keep(out, keys.count)
    if (this.tier === null || inserted === 0) return
    for (let at = fresh; at < fresh + inserted; at++) u32[at] = u32[(u32[at] + value) >>> 2]!
    this.tier.load(fresh * 4, inserted)
  }

  #makeKey(entry: number): void {
    const record = this.#keys.allocate()
    const { slab } = this
    const { u32 } = slab
    const low = u32[(entry + ENTRY_HASH_OFFSET) >>> 2]
    const high = u32[(entry + ENTRY_HASH_OFFSET + 4) >>> 2]
    u32[(entry + ENTRY_FLAGS_OFFSET) >>> 2] = 0
    let word = u32[(entry + ENTRY_WORD_OFFSET) >>> 2]
    let payload = entry + ENTRY_KEY_OFFSET
    let payloadBytes = INLINE_PAYLOAD_BYTES
    if (this.#form === KeyForm.VALUE)
      word = low === HASH_OF_NULL_LOW && high === HASH_OF_NULL_HIGH && u32[payload >>> 2] === 0 && u32[(payload >>> 2) + 1] === 0 ? WORD_NULL : WORD_INT64
    else {
      payloadBytes = (word & 0xffffff) - 1
      if (payloadBytes > this.#table.keyBytes) payload = u32[payload >>> 2]!
    }
    const at = record >>> 2
    u32[at + KEY_WORD / 4] = word
    u32[at + KEY_GROUP / 4] = high % this.#options.maxParallelism
    u32[at + KEY_HASH / 4] = low
    u32[at + KEY_HASH / 4 + 1] = high
    u32[at + FLAGS / 4] = FLAG_LISTED
    u32[(entry + this.#table.valueOffset) >>> 2] = record
    this.#maybeEmpty.push(record)
    if (payloadBytes <= INLINE_PAYLOAD_BYTES) {
      // Both have room for eight, and what is behind the payload in an entry is zero.
      u32[at + KEY_PAYLOAD / 4] = u32[payload >>> 2]!
      u32[at + KEY_PAYLOAD / 4 + 1] = u32[(payload >>> 2) + 1]!
    } else {
      const copy = this.heap.allocate(payloadBytes + 32)
      slab.copy(copy, payload, payloadBytes)
      slab.u32[at + KEY_PAYLOAD / 4] = copy
    }
  }

  #payloadOf(key: number, bytes: number): number {
    return bytes <= INLINE_PAYLOAD_BYTES ? key + KEY_PAYLOAD : this.slab.u32[(key + KEY_PAYLOAD) >>> 2]
  }

  #freePayload(key: number): void {
    const bytes = (this.slab.u32[(key + KEY_WORD) >>> 2] & 0xffffff) - 1
    // The slack is what kernels may read past a payload.
    if (bytes > INLINE_PAYLOAD_BYTES) this.heap.free(this.#payloadOf(key, bytes), bytes + 32)
  }

  #isEmpty(record: number): boolean {
    const { u32 } = this.slab
    const at = record >>> 2
    const presence = this.#presence >>> 2
    if (u32[at + presence] !== 0 || u32[at + presence + 1] !== 0 || u32[at + TIMERS / 4] !== 0 || u32[at + LATE / 4] !== 0) return false
    return u32[at + FIRST_NAMESPACE / 4] === 0 || (u32[at + FLAGS / 4] & FLAG_NAMESPACE) !== 0
  }

  /** Takes a namespace record out of the list of its key's. */
  #unlink(record: number): void {
    const { u32 } = this.slab
    const next = this.nextNamespaceOf(record)
    const previous = u32[record >>> 2] - 1
    if (previous === 0) u32[(u32[(record + NAMESPACE_KEY) >>> 2] + FIRST_NAMESPACE) >>> 2] = next
    else u32[(previous + NAMESPACE_NEXT) >>> 2] = next
    if (next !== 0) u32[next >>> 2] = previous + 1
  }

  #freeEmpty(): void {
    const { slab } = this
    const empty: number[] = []
    // Namespaces first; their keys may follow.
    for (let index = 0; index < this.#maybeEmpty.length; index++) {
      const record = this.#maybeEmpty[index]
      const { u32 } = slab
      const at = record >>> 2
      u32[at + FLAGS / 4] = u32[at + FLAGS / 4] & ~FLAG_LISTED
      if (!this.#isEmpty(record)) continue
      if ((u32[at + FLAGS / 4] & FLAG_NAMESPACE) === 0) {
        if (this.tier === null || (u32[at + FLAGS / 4] & FLAG_STORED) === 0) empty.push(record)
        continue
      }
      const key = u32[at + NAMESPACE_KEY / 4]
      // It may be empty since before a barrier: then an earlier checkpoint holds what is no more.
      this.keep(record)
      if (this.#mark !== 0 && (u32[at + FLAGS / 4] & FLAG_SAVED) !== 0)
        this.#noteRemoved(key, slab.f64[(record + NAMESPACE_FIRST) >>> 3], slab.f64[(record + NAMESPACE_SECOND) >>> 3])
      this.#index.remove(record)
      this.#unlink(record)
      this.#namespaces.free(record)
      this.noteIfEmpty(key)
    }
    this.#maybeEmpty = []
    this.select(0)
    // A key may be on the list twice: once before, once after its last namespace went.
    const keys = [...new Set(empty)].filter((key) => this.#isEmpty(key))
    if (keys.length > 0) this.#removeKeys(keys)
  }

  #removeKeys(keys: readonly number[]): void {
    const n = keys.length
    this.removals++
    // u64 hashes[n] | 8-byte keys[n] | u32 words[n] | u32 out[n]
    const scratch = this.#reserveFew(n * 24)
    const { u32 } = this.slab
    const hashes = scratch >>> 2
    const payloads = hashes + n * 2
    const words = payloads + n * 2
    const isValue = this.#form === KeyForm.VALUE
    keys.forEach((key, index) => {
      const at = key >>> 2
      const word = u32[at + KEY_WORD / 4]
      u32[hashes + index * 2] = u32[at + KEY_HASH / 4]!
      u32[hashes + index * 2 + 1] = u32[at + KEY_HASH / 4 + 1]!
      u32[words + index] = word
      if (isValue) {
        u32[payloads + index * 2] = u32[at + KEY_PAYLOAD / 4]!
        u32[payloads + index * 2 + 1] = u32[at + KEY_PAYLOAD / 4 + 1]!
      } else u32[payloads + index] = this.#payloadOf(key, (word & 0xffffff) - 1)
    })
    const batch = { form: this.#form, count: n, hashes: scratch, keys: payloads * 4, words: isValue ? 0 : words * 4 }
    const out = (words + n) * 4
    this.#table.find(batch, out)
    this.#table.remove(out, n)
    for (const key of keys) {
      this.keep(key)
      if (this.#mark !== 0 && this.isSaved(key)) this.#noteRemoved(key, Number.NaN, Number.NaN)
      this.#freePayload(key)
      this.#keys.free(key)
    }
  }

  #sweep(): void {
    const visit = this.onSweep!
    this.#sweptKey = this.#keys.sweep(this.#sweptKey, this.sweepRecords, (record) => {
      this.keep(record)
      this.#select(record)
      visit('key')
    })
    this.#sweptNamespace = this.#namespaces.sweep(this.#sweptNamespace, this.sweepRecords, (record) => {
      this.keep(record)
      this.#selectNamespace(record)
      visit('namespace')
    })
    this.#select(0)
  }

  #syncLate(): void {
    for (const late of this.#late) late.sync()
  }

  #reserveFew(bytes: number): number {
    if (bytes > this.#fewBytes) {
      if (this.#fewBytes > 0) this.slab.free(this.#few, this.#fewBytes)
      this.#fewBytes = Math.max(bytes, 1024)
      this.#few = this.slab.allocate(this.#fewBytes)
    }
    return this.#few
  }
}

/** One key column of integers goes by value; everything else by its canonical bytes. */
function formOf(inputs: readonly KeyedInput[]): KeyForm {
  const byValue = inputs.every(({ key, schema }) => {
    if (key.kind !== 'columns' || key.columns.length !== 1) return false
    const { type } = schema.fields[key.columns[0]]
    const kind = physicalKindOf(type)
    return type.kind !== 'DECIMAL' && (kind === PhysicalKind.INT8 || kind === PhysicalKind.INT16 || kind === PhysicalKind.INT32 || kind === PhysicalKind.INT64)
  })
  return byValue ? KeyForm.VALUE : KeyForm.BYTES
}

function keyTypesOf({ key, schema }: KeyedInput): readonly LogicalType[] | undefined {
  return key.kind === 'columns' ? key.columns.map((column) => schema.fields[column].type) : undefined
}

/** Whether int64 values of the type are numbers in user code. */
function isNumber(type: LogicalType): boolean {
  if (type.kind === 'BIGINT') return type.safeInteger
  return !((type.kind === 'TIMESTAMP' || type.kind === 'TIMESTAMP_LTZ') && type.precision > 3)
}
