// The timers of one time domain. A key's first timer lies in its record (state/key-store.ts draws the slot), further ones in records of their own;
// those are the truth. A hierarchical wheel of nodes says when to look at them. Runs on the worker's thread.
//
// A node may be too early: a timer that was moved to a later time keeps its node, and is sent on when the node comes up. So a timer that moves
// with every record costs a few writes to the key's record. A node whose record does not know of it any more is dropped when it comes up, or when
// there are too many of them.
//
// A backend may take records out of memory with their timers (RecordTimers), whose nodes are stale then. It says up to when timers may fire before some
// of those have to come back.
//
//   time   kept as epoch ms + 2^52, at least 1, so that 0 means none; what lies beyond ±2^52 ms counts as infinite
//   slot   f64 time of the timer, 0 = none | f64 time of the earliest node, 0 = none | f64 sequence: registrations are numbered
//   further timer   u32 the one before of its record's + 1, 0 = free | u32 record | f64 time | f64 sequence | u32 the next one of its record's | u32 0
//   node   u32 next | u32 record, or further timer + 1 | f64 time
//
// The wheel has levels of 1024 slots: a node lies at the highest 10-bit digit in which its time differs from the cursor, so that the slots of
// level 0 hold one millisecond each. Invariant: cursor <= time of every node in the wheel; nodes behind the cursor are in the heap `behind`.

import { assert } from '../base/assert.ts'
import type { Slab, SlabUse } from '../base/slab.ts'
import type { KeyStore, RecordTimers } from '../state/key-store.ts'
import { PairIndex } from '../state/pair-index.ts'
import { RecordPool } from '../state/record-pool.ts'
import type { TimerDomain } from './timer-service.ts'

const BIAS = 2 ** 52
const TIME_MAX = 2 ** 53 - 1
const SLOTS = 1024
const LEVELS = 6
/** A time is split into a high and a low half of three digits each. */
const HALF = 2 ** 30
const HALF_INVERSE = 2 ** -30
const BITMAP_WORDS = SLOTS / 32
const SLOT_QUEUED = 8
const SLOT_SEQUENCE = 16
const NODE_BYTES = 16
const NODES_MIN = 1024
const FURTHER_BYTES = 32
const FURTHER_RECORD = 4
const FURTHER_TIME = 8
const FURTHER_SEQUENCE = 16
const FURTHER_NEXT = 24
/** Stale nodes beyond this many and beyond the live ones are swept out. */
const STALE_MAX = 4096

function toTime(timeMs: number): number {
  assert(timeMs === timeMs, 'a timer needs a time')
  return Math.min(TIME_MAX, Math.max(1, Math.ceil(timeMs) + BIAS))
}

function toMs(time: number): number {
  return time === TIME_MAX ? Infinity : time === 1 ? -Infinity : time - BIAS
}

/** Timers of one time domain: see {@link TimerDomain}. */
export class TimerQueue implements TimerDomain, RecordTimers, SlabUse {
  firedMs = Number.NaN
  firedInNamespace = false
  readonly #store: KeyStore
  readonly #slab: Slab
  readonly #domain: 0 | 1
  readonly #slot: number
  readonly #furtherSlot: number
  readonly #further: RecordPool
  readonly #furtherIndex: PairIndex
  #count = 0
  #sequence = 0
  // The wheel: first and last node of each slot, bits of slots in use.
  readonly #heads = new Uint32Array(LEVELS * SLOTS)
  readonly #tails = new Uint32Array(LEVELS * SLOTS)
  readonly #bits = new Int32Array(LEVELS * BITMAP_WORDS)
  /** Bit l is set while level l holds nodes. */
  #levels = 0
  #cursor = 0
  #cursorHigh = 0
  #cursorLow = 0
  /** Lower bound of the times of all nodes. */
  #next = Infinity
  // Nodes.
  readonly #chunks: { readonly address: number; readonly bytes: number }[] = []
  #freeNode = 0
  #nodeCount = 0
  // A binary heap of node addresses, by time.
  readonly #behind: number[] = []
  // Timers of one time that are due, in their order; handed out one by one.
  readonly #due: number[] = []
  readonly #dueSequences: number[] = []
  #dueCount = 0
  #dueTime = 0
  #dueAt = 0

  constructor(store: KeyStore, domain: 0 | 1) {
    this.#store = store
    this.#slab = store.slab
    this.#domain = domain
    this.#slot = store.timerOffset(domain)
    this.#furtherSlot = store.furtherTimersOffset(domain)
    this.#further = new RecordPool(store.slab, FURTHER_BYTES)
    this.#furtherIndex = new PairIndex(store.slab, { owner: FURTHER_RECORD, first: FURTHER_TIME, second: FURTHER_TIME })
    store.timers[domain] = this
  }

  get count(): number {
    return this.#count + (this.#store.tier?.timerCount(this.#domain) ?? 0)
  }

  /** What a full slab says of the queue. */
  describeUse(): string {
    return `${this.#count} timers`
  }

  get nextMs(): number {
    const { tier } = this.#store
    if (this.#count === 0) return tier === null || tier.timerCount(this.#domain) === 0 ? Infinity : toMs(tier.nextTimer(this.#domain))
    const next = this.#dueAt < this.#dueCount ? Math.min(this.#dueTime, this.#next) : this.#next
    return toMs(tier === null ? next : Math.min(next, tier.nextTimer(this.#domain)))
  }

  register(timeMs: number): void {
    this.#register(this.#store.key.record, toTime(timeMs))
  }

  delete(timeMs: number): void {
    this.#delete(this.#store.key.record, toTime(timeMs))
  }

  registerInNamespace(timeMs: number): void {
    this.#register(this.#store.makeNamespace(), toTime(timeMs))
  }

  deleteInNamespace(timeMs: number): void {
    const record = this.#store.namespace.record
    if (record !== 0) this.#delete(record, toTime(timeMs))
  }

  /** Gives the current key, or its current namespace, a timer of a snapshot back. One that exists stays where it is. */
  restore(timeMs: number, sequence: number): void {
    const { key, namespace } = this.#store
    const record = namespace.record === 0 ? key.record : namespace.record
    const time = toTime(timeMs)
    if (!this.#has(record, time)) this.load(record, time, sequence)
  }

  poll(upToMs: number): boolean {
    const upTo = Math.min(TIME_MAX, Math.max(1, Math.floor(upToMs) + BIAS))
    const { tier } = this.#store
    for (;;) {
      const loadedUpTo = tier === null ? Infinity : tier.timersLoadedUpTo(this.#domain)
      // A timer behind the group's time was registered meanwhile, or left memory: it comes first.
      const isLate = loadedUpTo < this.#dueTime || (this.#behind.length > 0 && this.#timeOf(this.#behind[0]) < this.#dueTime)
      if (this.#dueAt < this.#dueCount && isLate) this.#returnGroup()
      while (this.#dueAt < this.#dueCount) {
        if (this.#dueTime > upTo) return false
        const ref = this.#due[this.#dueAt]
        const sequence = this.#dueSequences[this.#dueAt++]
        if (this.#takeIfDue(ref, sequence)) return true
      }
      if (this.#nextGroup(Math.min(upTo, loadedUpTo))) continue
      if (tier === null || tier.nextTimer(this.#domain) > upTo) return false
      tier.loadTimers(this.#domain, upTo)
    }
  }

  /** Visits the timers that do not lie in the record of their key or namespace: its record, time and sequence number. */
  forEachFurther(visit: (record: number, timeMs: number, sequence: number) => void): void {
    const { f64, u32 } = this.#slab
    this.#further.forEach((timer) => visit(u32[(timer + FURTHER_RECORD) >>> 2], toMs(f64[(timer + FURTHER_TIME) >>> 3]), f64[(timer + FURTHER_SEQUENCE) >>> 3]))
  }

  // ---- timers that leave memory with their records, and come back ----

  get bytesInUse(): number {
    return this.#further.count * FURTHER_BYTES + this.#count * NODE_BYTES
  }

  earliestOf(record: number): number {
    let earliest = Infinity
    this.forEachOf(record, (time) => (earliest = Math.min(earliest, time)))
    return earliest
  }

  forEachOf(record: number, visit: (time: number, sequence: number) => void): void {
    const { f64, u32 } = this.#slab
    const slot = (record + this.#slot) >>> 3
    if (f64[slot] !== 0) visit(f64[slot], f64[slot + SLOT_SEQUENCE / 8])
    for (let timer = u32[(record + this.#furtherSlot) >>> 2]; timer !== 0; timer = u32[(timer + FURTHER_NEXT) >>> 2])
      visit(f64[(timer + FURTHER_TIME) >>> 3], f64[(timer + FURTHER_SEQUENCE) >>> 3])
  }

  load(record: number, time: number, sequence: number): void {
    // Of a restored job: numbers go on behind those that were given.
    this.#sequence = Math.max(this.#sequence, sequence)
    this.#add(record, time, sequence)
  }

  drop(record: number): void {
    const { f64, u32 } = this.#slab
    const slot = (record + this.#slot) >>> 3
    if (f64[slot] !== 0) this.#count--
    f64[slot] = f64[slot + SLOT_QUEUED / 8] = 0
    for (let timer = u32[(record + this.#furtherSlot) >>> 2]; timer !== 0;) {
      const next = u32[(timer + FURTHER_NEXT) >>> 2]
      this.#freeFurther(timer)
      this.#count--
      timer = next
    }
  }

  msOf(time: number): number {
    return toMs(time)
  }

  close(): void {
    for (const { address, bytes } of this.#chunks) this.#slab.free(address, bytes)
    this.#chunks.length = 0
    this.#further.close()
    this.#furtherIndex.close()
    this.#count = 0
  }

  #register(record: number, time: number): void {
    assert(record !== 0, 'a timer was registered without a current key')
    if (!this.#has(record, time)) this.#add(record, time, ++this.#sequence)
  }

  #has(record: number, time: number): boolean {
    if (this.#slab.f64[(record + this.#slot) >>> 3] === time) return true
    return this.#furtherIndex.count > 0 && this.#furtherIndex.find(record, time, time) !== 0
  }

  #add(record: number, time: number, sequence: number): void {
    const { f64 } = this.#slab
    const slot = (record + this.#slot) >>> 3
    this.#count++
    this.#store.countTimers(record, 1)
    if (f64[slot] !== 0) {
      this.#addFurther(record, time, sequence)
      return
    }
    f64[slot] = time
    f64[slot + SLOT_SEQUENCE / 8] = sequence
    const queued = f64[slot + SLOT_QUEUED / 8]
    if (queued !== 0 && queued <= time) return
    f64[slot + SLOT_QUEUED / 8] = time
    this.#push(record, time)
  }

  #addFurther(record: number, time: number, sequence: number): void {
    const timer = this.#further.allocate()
    const { u32, f64 } = this.#slab
    const first = (record + this.#furtherSlot) >>> 2
    const next = u32[first]
    u32[timer >>> 2] = 1
    u32[(timer + FURTHER_NEXT) >>> 2] = next
    if (next !== 0) u32[next >>> 2] = timer + 1
    u32[first] = timer
    u32[(timer + FURTHER_RECORD) >>> 2] = record
    f64[(timer + FURTHER_TIME) >>> 3] = time
    f64[(timer + FURTHER_SEQUENCE) >>> 3] = sequence
    this.#furtherIndex.add(timer)
    this.#push(timer + 1, time)
  }

  #delete(record: number, time: number): void {
    const { f64 } = this.#slab
    const slot = (record + this.#slot) >>> 3
    if (f64[slot] === time) f64[slot] = 0
    else {
      const timer = this.#furtherIndex.count === 0 ? 0 : this.#furtherIndex.find(record, time, time)
      if (timer === 0) return
      this.#freeFurther(timer)
    }
    this.#count--
    this.#store.countTimers(record, -1)
  }

  #freeFurther(timer: number): void {
    const { u32 } = this.#slab
    const next = u32[(timer + FURTHER_NEXT) >>> 2]
    const previous = u32[timer >>> 2] - 1
    if (previous === 0) u32[(u32[(timer + FURTHER_RECORD) >>> 2] + this.#furtherSlot) >>> 2] = next
    else u32[(previous + FURTHER_NEXT) >>> 2] = next
    if (next !== 0) u32[next >>> 2] = previous + 1
    this.#furtherIndex.remove(timer)
    this.#further.free(timer)
  }

  /** Takes a timer of the group out, if it still is the one that was due. */
  #takeIfDue(ref: number, sequence: number): boolean {
    const { u32, f64 } = this.#slab
    let record = ref
    if ((ref & 1) === 0) {
      const slot = (record + this.#slot) >>> 3
      if (f64[slot] !== this.#dueTime || f64[slot + SLOT_SEQUENCE / 8] !== sequence) return false
      // A snapshot may have to know of it yet.
      this.firedInNamespace = this.#store.selectRecord(record)
      f64[slot] = 0
    } else {
      const timer = ref - 1
      if (f64[(timer + FURTHER_TIME) >>> 3] !== this.#dueTime || f64[(timer + FURTHER_SEQUENCE) >>> 3] !== sequence) return false
      record = u32[(timer + FURTHER_RECORD) >>> 2]!
      this.firedInNamespace = this.#store.selectRecord(record)
      this.#freeFurther(timer)
    }
    this.#count--
    this.firedMs = toMs(this.#dueTime)
    this.#store.countTimers(record, -1)
    return true
  }

  /** Puts what is left of the group back into the wheel. */
  #returnGroup(): void {
    const time = this.#dueTime
    while (this.#dueAt < this.#dueCount) {
      const { f64 } = this.#slab
      const ref = this.#due[this.#dueAt]
      const sequence = this.#dueSequences[this.#dueAt++]
      const slot = (ref + this.#slot) >>> 3
      if ((ref & 1) === 0) {
        if (f64[slot] !== time || f64[slot + SLOT_SEQUENCE / 8] !== sequence || f64[slot + SLOT_QUEUED / 8] !== 0) continue
        f64[slot + SLOT_QUEUED / 8] = time
      } else if (f64[(ref - 1 + FURTHER_SEQUENCE) >>> 3] !== sequence) continue
      this.#push(ref, time)
    }
  }

  /** Gathers the timers of the next time at or below `upTo`. False if there are none: the cursor then stands at `upTo`. */
  #nextGroup(upTo: number): boolean {
    for (;;) {
      this.#dueCount = this.#dueAt = 0
      let node: number
      if (this.#behind.length > 0) {
        const time = this.#timeOf(this.#behind[0])
        if (time > upTo) return false
        this.#dueTime = time
        while (this.#behind.length > 0 && this.#timeOf(this.#behind[0]) === time) this.#gather(this.#popBehind())
      } else {
        node = this.#advance(upTo)
        if (node === 0) return false
        this.#dueTime = this.#timeOf(node)
        while (node !== 0) {
          const next = this.#slab.u32[node >>> 2]
          this.#gather(node)
          node = next
        }
      }
      if (this.#dueCount > 0) {
        if (this.#dueCount > 1) this.#orderGroup()
        return true
      }
    }
  }

  /** Frees a node of the time that has come: its timer is due, is sent on to its later time, or is gone. */
  #gather(node: number): void {
    const { u32, f64 } = this.#slab
    const ref = u32[(node + 4) >>> 2]
    const time = f64[(node + 8) >>> 3]
    u32[node >>> 2] = this.#freeNode
    this.#freeNode = node
    this.#nodeCount--
    if ((ref & 1) !== 0) {
      const timer = ref - 1
      if (u32[timer >>> 2] === 0 || f64[(timer + FURTHER_TIME) >>> 3] !== time) return
      this.#addDue(ref, f64[(timer + FURTHER_SEQUENCE) >>> 3])
      return
    }
    const slot = (ref + this.#slot) >>> 3
    if (f64[slot + SLOT_QUEUED / 8] !== time) return
    const own = f64[slot]
    if (own === time) {
      f64[slot + SLOT_QUEUED / 8] = 0
      this.#addDue(ref, f64[slot + SLOT_SEQUENCE / 8])
      return
    }
    f64[slot + SLOT_QUEUED / 8] = own
    if (own !== 0) this.#push(ref, own)
  }

  #addDue(ref: number, sequence: number): void {
    this.#due[this.#dueCount] = ref
    this.#dueSequences[this.#dueCount++] = sequence
  }

  /** Timers of one time come in the order of their registration; mostly they do already. */
  #orderGroup(): void {
    const sequences = this.#dueSequences
    const count = this.#dueCount
    let ordered = true
    for (let index = 1; index < count && ordered; index++) ordered = sequences[index - 1] < sequences[index]
    if (ordered) return
    const group = Array.from({ length: count }, (_, index) => ({ ref: this.#due[index], sequence: sequences[index] }))
    group.sort((left, right) => left.sequence - right.sequence)
    group.forEach(({ ref, sequence }, index) => {
      this.#due[index] = ref
      sequences[index] = sequence
    })
  }

  #timeOf(node: number): number {
    return this.#slab.f64[(node + 8) >>> 3]
  }

  #push(ref: number, time: number): void {
    if (this.#freeNode === 0) this.#makeNodes()
    const node = this.#freeNode
    const { u32, f64 } = this.#slab
    const at = node >>> 2
    this.#freeNode = u32[at]!
    u32[at] = 0
    u32[at + 1] = ref
    f64[(node + 8) >>> 3] = time
    this.#nodeCount++
    if (time < this.#next) this.#next = time
    if (time < this.#cursor) this.#pushBehind(node)
    else this.#place(node, time)
  }

  #place(node: number, time: number): void {
    const high = Math.floor(time * HALF_INVERSE)
    const low = time - high * HALF
    let level: number
    let digit: number
    if (high === this.#cursorHigh) {
      const differing = low ^ this.#cursorLow
      level = differing < SLOTS ? 0 : differing < SLOTS * SLOTS ? 1 : 2
      digit = (low >>> (level * 10)) & 1023
    } else {
      const differing = high ^ this.#cursorHigh
      level = differing < SLOTS ? 3 : differing < SLOTS * SLOTS ? 4 : 5
      digit = (high >>> ((level - 3) * 10)) & 1023
    }
    const slot = level * SLOTS + digit
    const tail = this.#tails[slot]
    this.#tails[slot] = node
    if (this.#heads[slot] !== 0) {
      this.#slab.u32[tail >>> 2] = node
      return
    }
    this.#heads[slot] = node
    this.#bits[slot >>> 5] = this.#bits[slot >>> 5] | (1 << (slot & 31))
    this.#levels |= 1 << level
  }

  /** Moves the cursor to the first slot of level 0 that holds nodes and takes them; 0 if there is none at or below `upTo`. */
  #advance(upTo: number): number {
    if (this.#next > upTo) return 0
    for (;;) {
      if (this.#levels === 0) {
        this.#moveTo(upTo)
        this.#next = Infinity
        return 0
      }
      const level = 31 - Math.clz32(this.#levels & -this.#levels)
      const digit = this.#firstDigit(level)
      const start = this.#startOf(level, digit)
      if (start > upTo) {
        this.#next = start
        this.#moveTo(upTo)
        return 0
      }
      const slot = level * SLOTS + digit
      let node = this.#heads[slot]
      this.#heads[slot] = this.#tails[slot] = 0
      const word = slot >>> 5
      this.#bits[word] = this.#bits[word] & ~(1 << (slot & 31))
      if (this.#bits[word] === 0 && this.#isLevelEmpty(level)) this.#levels &= ~(1 << level)
      this.#moveTo(start)
      if (level === 0) {
        this.#next = start
        return node
      }
      const { u32 } = this.#slab
      while (node !== 0) {
        const next = u32[node >>> 2]
        u32[node >>> 2] = 0
        this.#place(node, this.#timeOf(node))
        node = next
      }
    }
  }

  /** Moves the cursor; never back. No node may lie in a slot that it passes. */
  #moveTo(time: number): void {
    if (time <= this.#cursor) return
    this.#cursor = time
    this.#cursorHigh = Math.floor(time * HALF_INVERSE)
    this.#cursorLow = time - this.#cursorHigh * HALF
  }

  #firstDigit(level: number): number {
    for (let word = level * BITMAP_WORDS; ; word++) {
      const bits = this.#bits[word]
      if (bits !== 0) return (word - level * BITMAP_WORDS) * 32 + 31 - Math.clz32(bits & -bits)
    }
  }

  #isLevelEmpty(level: number): boolean {
    for (let word = level * BITMAP_WORDS; word < (level + 1) * BITMAP_WORDS; word++) if (this.#bits[word] !== 0) return false
    return true
  }

  /** First time of a slot: the cursor's digits above its level, its digit, zeros. */
  #startOf(level: number, digit: number): number {
    if (level < 3) {
      const above = level === 2 ? 0 : (this.#cursorLow >>> ((level + 1) * 10)) << ((level + 1) * 10)
      return this.#cursorHigh * HALF + above + digit * 2 ** (level * 10)
    }
    const shift = (level - 3) * 10
    const above = level === 5 ? 0 : (this.#cursorHigh >>> (shift + 10)) << (shift + 10)
    return (above + digit * 2 ** shift) * HALF
  }

  #makeNodes(): void {
    if (this.#nodeCount > STALE_MAX && this.#nodeCount > this.#count * 2) {
      this.#sweep()
      if (this.#freeNode !== 0) return
    }
    const bytes = Math.max(NODES_MIN, Math.min(this.#nodeCount, 16_384)) * NODE_BYTES
    const address = this.#slab.allocate(bytes, this)
    this.#chunks.push({ address, bytes })
    const { u32 } = this.#slab
    for (let node = address + bytes - NODE_BYTES; node >= address; node -= NODE_BYTES) {
      u32[node >>> 2] = this.#freeNode
      this.#freeNode = node
    }
  }

  /** Drops all stale nodes, and of several that stand for one timer, as where a record is used again, all but one. */
  #sweep(): void {
    const { u32 } = this.#slab
    const kept: number[] = []
    const seen = new Set<number>()
    const look = (node: number): void => {
      const ref = u32[(node + 4) >>> 2]
      if (this.#isStale(node) || seen.has(ref)) {
        u32[node >>> 2] = this.#freeNode
        this.#freeNode = node
        this.#nodeCount--
      } else {
        seen.add(ref)
        kept.push(node)
      }
    }
    for (let slot = 0; slot < LEVELS * SLOTS; slot++) {
      for (let node = this.#heads[slot]; node !== 0;) {
        const next = u32[node >>> 2]
        look(node)
        node = next
      }
    }
    this.#heads.fill(0)
    this.#tails.fill(0)
    this.#bits.fill(0)
    this.#levels = 0
    for (const node of kept) {
      u32[node >>> 2] = 0
      this.#place(node, this.#timeOf(node))
    }
  }

  #isStale(node: number): boolean {
    const { u32, f64 } = this.#slab
    const ref = u32[(node + 4) >>> 2]
    const time = f64[(node + 8) >>> 3]
    if ((ref & 1) === 0) return f64[(ref + this.#slot + SLOT_QUEUED) >>> 3] !== time
    return u32[(ref - 1) >>> 2] === 0 || f64[(ref - 1 + FURTHER_TIME) >>> 3] !== time
  }

  #pushBehind(node: number): void {
    const heap = this.#behind
    let at = heap.push(node) - 1
    const time = this.#timeOf(node)
    while (at > 0) {
      const parent = (at - 1) >>> 1
      if (this.#timeOf(heap[parent]) <= time) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = node
  }

  #popBehind(): number {
    const heap = this.#behind
    const first = heap[0]
    const last = heap.pop()!
    if (heap.length === 0) return first
    const time = this.#timeOf(last)
    let at = 0
    for (;;) {
      let child = at * 2 + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && this.#timeOf(heap[child + 1]) < this.#timeOf(heap[child])) child++
      if (this.#timeOf(heap[child]) >= time) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
    return first
  }
}
