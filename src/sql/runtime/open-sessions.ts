// Sessions that are open, in the slab, each with room for accumulators behind its bounds. An entry of a table of keys refers to one of its key's, the one that
// a row has touched last; from there they are linked in the order of time, so that a row finds its own next to the one before it. Those of a key lie further
// apart than rows of one session do. Owned by one operator, on its thread.
//
//   session          f64 start | f64 end | u32 entry of its key, 0 = it has become part of another | u32 earlier | u32 later | u32 link | accumulators
//   value area       u32 session touched last | u32 first of those that are over and not given away yet, by links
//   of a key

import type { Slab, SlabUse } from '../../base/slab.ts'
import type { KeptRows } from '../../operator/window/kept-rows.ts'
import type { ByteReader, ByteWriter } from '../../state/value-codec.ts'
import { SessionTimers } from './session-timers.ts'

/** Where accumulators lie in a session: in all that is told of entries sessions stand for these. */
export const SESSION_VALUES = 32
/** Of an entry: its value area. */
export const SESSION_KEY_BYTES = 8

const START = 0
const END = 1
const ENTRY = 4
const EARLIER = 5
const LATER = 6
const LINK = 7
/** Of an entry. */
const TOUCHED = 0
const OVER = 1
/** Stands there for an entry that is about to be removed. */
const REMOVED = 1
const BLOCK_SESSIONS_MIN = 64
const BLOCK_SESSIONS_MAX = 16_384

export class OpenSessions implements SlabUse {
  readonly valueOffset = SESSION_VALUES
  readonly #slab: Slab
  readonly #gapMs: number
  readonly #keyOffset: number
  readonly #bytes: number
  readonly #timers: SessionTimers
  readonly #blocks: { readonly address: number; readonly bytes: number }[] = []
  /** Views on all of the slab that sessions and their entries lie in: see {@link reserve}. */
  #u32: Uint32Array
  #f64: Float64Array
  /** Room for sessions: by links, and what no session was in so far. */
  #free = 0
  #freeCount = 0
  #next = 0
  #end = 0
  /** Parts of others whose time has come, by links. */
  #spent = 0
  #count = 0
  /** Of the rows of a call: what has become part of what, u32 each. */
  readonly #targets: number
  readonly #sources: number
  readonly #mergesMax: number
  #mergeCount = 0

  /**
   * @param keyOffset Where the value area lies in an entry.
   * @param valueBytes Bytes of the accumulators.
   * @param rowsMax How many rows come in front of {@link settle}.
   */
  constructor(slab: Slab, gapMs: number, keyOffset: number, valueBytes: number, rowsMax: number) {
    this.#slab = slab
    this.#gapMs = gapMs
    this.#keyOffset = keyOffset
    this.#bytes = SESSION_VALUES + ((valueBytes + 7) & ~7)
    this.#targets = slab.allocate(rowsMax * 8)
    this.#sources = this.#targets + rowsMax * 4
    this.#mergesMax = rowsMax
    this.#u32 = slab.u32
    this.#f64 = slab.f64
    this.#timers = new SessionTimers({
      dueMsOf: (session) => this.#f64[(session >>> 3) + END] - 1,
      nextOf: (session) => this.#u32[(session >>> 2) + LINK],
      setNext: (session, next) => (this.#u32[(session >>> 2) + LINK] = next),
    })
  }

  /** No session ends at an earlier watermark. */
  get nextMs(): number {
    return this.#timers.nextMs
  }

  /** How many sessions have become part of others since {@link settle}. */
  get mergeCount(): number {
    return this.#mergeCount
  }

  /** Address of the u32 sessions that others have become part of, in order. */
  get targets(): number {
    return this.#targets
  }

  /** The same of these others. */
  get sources(): number {
    return this.#sources
  }

  describeUse(): string {
    return `${this.#count} open sessions`
  }

  /** Makes room for the sessions that so many rows may begin. Nothing may be allocated that they need between this and {@link place}. */
  reserve(rows: number): void {
    while (this.#freeCount + (this.#end - this.#next) / this.#bytes < rows) this.#addBlock(rows)
    this.#u32 = this.#slab.u32
    this.#f64 = this.#slab.f64
  }

  #addBlock(rows: number): void {
    for (; this.#next < this.#end; this.#next += this.#bytes) this.#give(this.#next)
    const sessions = Math.min(BLOCK_SESSIONS_MAX, Math.max(BLOCK_SESSIONS_MIN, rows, this.#count))
    const bytes = sessions * this.#bytes
    const address = this.#slab.allocate(bytes, this)
    this.#blocks.push({ address, bytes })
    this.#next = address
    this.#end = address + bytes
    this.#u32 = this.#slab.u32
    this.#f64 = this.#slab.f64
  }

  #give(session: number): void {
    this.#u32[(session >>> 2) + ENTRY] = 0
    this.#u32[(session >>> 2) + LINK] = this.#free
    this.#free = session
    this.#freeCount++
  }

  #take(): number {
    this.#count++
    if (this.#free === 0) {
      const session = this.#next
      this.#next += this.#bytes
      return session
    }
    const session = this.#free
    this.#free = this.#u32[(session >>> 2) + LINK]
    this.#freeCount--
    return session
  }

  /**
   * Puts a row into a session of its key, which perhaps begins with it, or makes one of two.
   *
   * @param entry Of its key.
   * @param watermarkMs What the row comes behind. All sessions that end there were taken by {@link poll}.
   * @returns The session; 0: there is none, and one of its own would be over.
   */
  place(entry: number, timeMs: number, watermarkMs: number): number {
    const u32 = this.#u32
    const f64 = this.#f64
    const endMs = timeMs + this.#gapMs
    const session = u32[((entry + this.#keyOffset) >>> 2) + TOUCHED]
    if (session === 0) return this.#begin(entry, 0, 0, timeMs, watermarkMs)
    const at = session >>> 3
    const word = session >>> 2
    const isAfter = endMs > f64[at + END]
    const isBefore = timeMs < f64[at + START]
    // The next one may be reached too.
    if (isAfter ? timeMs > f64[at + END] || u32[word + LATER] !== 0 : isBefore && (endMs < f64[at + START] || u32[word + EARLIER] !== 0))
      return this.#placeFar(entry, session, timeMs, watermarkMs)
    if (isAfter) f64[at + END] = endMs
    if (isBefore) f64[at + START] = timeMs
    return session
  }

  /** The same of a row that may belong to another session than the one that was touched last, or to two. */
  #placeFar(entry: number, touched: number, timeMs: number, watermarkMs: number): number {
    const u32 = this.#u32
    const f64 = this.#f64
    const endMs = timeMs + this.#gapMs
    let before = touched
    let behind = 0
    if (f64[(before >>> 3) + START] > timeMs) {
      do {
        behind = before
        before = u32[(before >>> 2) + EARLIER]
      } while (before !== 0 && f64[(before >>> 3) + START] > timeMs)
    } else {
      behind = u32[(before >>> 2) + LATER]
      while (behind !== 0 && f64[(behind >>> 3) + START] <= timeMs) {
        before = behind
        behind = u32[(before >>> 2) + LATER]
      }
    }
    const isOfFirst = before !== 0 && f64[(before >>> 3) + END] >= timeMs
    const isOfSecond = behind !== 0 && f64[(behind >>> 3) + START] <= endMs
    if (!isOfFirst && !isOfSecond) return this.#begin(entry, before, behind, timeMs, watermarkMs)
    if (isOfFirst && isOfSecond) {
      f64[(before >>> 3) + END] = f64[(behind >>> 3) + END]
      this.#unlink(behind)
      u32[(behind >>> 2) + ENTRY] = 0
      u32[(this.#targets >>> 2) + this.#mergeCount] = before
      u32[(this.#sources >>> 2) + this.#mergeCount++] = behind
    } else if (isOfFirst) f64[(before >>> 3) + END] = Math.max(f64[(before >>> 3) + END], endMs)
    else f64[(behind >>> 3) + START] = timeMs
    const session = isOfFirst ? before : behind
    u32[((entry + this.#keyOffset) >>> 2) + TOUCHED] = session
    return session
  }

  #begin(entry: number, earlier: number, later: number, timeMs: number, watermarkMs: number): number {
    if (timeMs + this.#gapMs - 1 <= watermarkMs) return 0
    const session = this.#take()
    const u32 = this.#u32
    const f64 = this.#f64
    const word = session >>> 2
    for (let at = word + (SESSION_VALUES >>> 2), end = word + (this.#bytes >>> 2); at < end; at++) u32[at] = 0
    f64[(session >>> 3) + START] = timeMs
    f64[(session >>> 3) + END] = timeMs + this.#gapMs
    u32[word + ENTRY] = entry
    u32[word + EARLIER] = earlier
    u32[word + LATER] = later
    if (earlier !== 0) u32[(earlier >>> 2) + LATER] = session
    if (later !== 0) u32[(later >>> 2) + EARLIER] = session
    u32[((entry + this.#keyOffset) >>> 2) + TOUCHED] = session
    this.#timers.add(session)
    return session
  }

  #unlink(session: number): void {
    const u32 = this.#u32
    const word = session >>> 2
    const earlier = u32[word + EARLIER]
    const later = u32[word + LATER]
    if (earlier !== 0) u32[(earlier >>> 2) + LATER] = later
    if (later !== 0) u32[(later >>> 2) + EARLIER] = earlier
    const key = (u32[word + ENTRY] + this.#keyOffset) >>> 2
    if (u32[key + TOUCHED] === session) u32[key + TOUCHED] = later === 0 ? earlier : later
  }

  /** Takes the next session that is over at a watermark, in the order of their ends; 0: there is none. No row comes into it any more. */
  poll(watermarkMs: number): number {
    const u32 = this.#u32
    for (;;) {
      const session = this.#timers.poll(watermarkMs)
      if (session === 0) return 0
      const word = session >>> 2
      if (u32[word + ENTRY] === 0) {
        u32[word + LINK] = this.#spent
        this.#spent = session
        continue
      }
      this.#unlink(session)
      const key = (u32[word + ENTRY] + this.#keyOffset) >>> 2
      u32[word + LINK] = u32[key + OVER]
      u32[key + OVER] = session
      return session
    }
  }

  startOf(session: number): number {
    return this.#f64[(session >>> 3) + START]
  }

  endOf(session: number): number {
    return this.#f64[(session >>> 3) + END]
  }

  /** The entry of its key. */
  entryOf(session: number): number {
    return this.#u32[(session >>> 2) + ENTRY]
  }

  /** The accumulators of sessions that have become one were put together. */
  settle(): void {
    this.#mergeCount = 0
    while (this.#spent !== 0) {
      const session = this.#spent
      this.#spent = this.#u32[(session >>> 2) + LINK]
      this.#count--
      this.#give(session)
    }
  }

  /**
   * Notes that all sessions u32 `sessions[n]` that {@link poll} has given were given away.
   *
   * @param entries Room for u32[n].
   * @returns How many entries it has been filled with: those of keys that have no session any more, each once.
   */
  release(sessions: number, n: number, entries: number): number {
    const { u32 } = this.#slab
    let count = 0
    for (let index = 0; index < n; index++) {
      const session = u32[(sessions >>> 2) + index]
      const entry = u32[(session >>> 2) + ENTRY]
      const key = (entry + this.#keyOffset) >>> 2
      if (u32[key + OVER] !== 0) {
        u32[key + OVER] = 0
        if (u32[key + TOUCHED] === 0) u32[(entries >>> 2) + count++] = entry
      }
      this.#count--
      this.#give(session)
    }
    return count
  }

  /** Moves those of the entries u32[n] to the front that have no session, each once. They are to be removed. Returns how many. */
  listEmpty(entries: number, n: number): number {
    const { u32 } = this.#slab
    let count = 0
    for (let index = 0; index < n; index++) {
      const entry = u32[(entries >>> 2) + index]
      const key = (entry + this.#keyOffset) >>> 2
      if (u32[key + TOUCHED] !== 0 || u32[key + OVER] !== 0) continue
      u32[key + OVER] = REMOVED
      u32[(entries >>> 2) + count++] = entry
    }
    return count
  }

  /** Has the sessions of entries u32[n] know where these lie now. */
  follow(entries: number, n: number): void {
    const { u32 } = this.#slab
    for (let index = 0; index < n; index++) {
      const entry = u32[(entries >>> 2) + index]
      const key = (entry + this.#keyOffset) >>> 2
      const touched = u32[key + TOUCHED]
      for (let session = touched; session !== 0; session = u32[(session >>> 2) + EARLIER]) u32[(session >>> 2) + ENTRY] = entry
      if (touched !== 0)
        for (let session = u32[(touched >>> 2) + LATER]; session !== 0; session = u32[(session >>> 2) + LATER]) u32[(session >>> 2) + ENTRY] = entry
      for (let session = u32[key + OVER]; session !== 0; session = u32[(session >>> 2) + LINK]) u32[(session >>> 2) + ENTRY] = entry
    }
  }

  /** Visits all sessions that have accumulators, in lists of u32 addresses. Behind {@link settle}. */
  forEachEntries(visit: (sessions: number, n: number) => void): void {
    const list = this.#slab.allocate(BLOCK_SESSIONS_MAX * 4)
    for (const { address, bytes } of this.#blocks) {
      const { u32 } = this.#slab
      // Of the last block some were never used.
      const end = this.#end > address && this.#end <= address + bytes ? this.#next : address + bytes
      let count = 0
      for (let session = address; session + this.#bytes <= end; session += this.#bytes)
        if (u32[(session >>> 2) + ENTRY] !== 0) u32[(list >>> 2) + count++] = session
      if (count > 0) visit(list, count)
    }
    this.#slab.free(list, BLOCK_SESSIONS_MAX * 4)
  }

  /** Writes the open sessions of an entry: start, end, accumulators, and what these keep. Between rows. */
  save(entry: number, bytes: ByteWriter, kept: readonly KeptRows[]): void {
    const { u8, u32, f64 } = this.#slab
    let session = u32[((entry + this.#keyOffset) >>> 2) + TOUCHED]
    while (session !== 0 && u32[(session >>> 2) + EARLIER] !== 0) session = u32[(session >>> 2) + EARLIER]
    for (; session !== 0; session = u32[(session >>> 2) + LATER]) {
      bytes.float64(f64[(session >>> 3) + START])
      bytes.float64(f64[(session >>> 3) + END])
      bytes.raw(u8.subarray(session + SESSION_VALUES, session + this.#bytes))
      for (const rows of kept) rows.save(bytes, session, SESSION_VALUES)
    }
  }

  /**
   * Opens what {@link save} has written.
   *
   * @param end Where it ends in `bytes`.
   * @param value Filled with the value area of its entry, which they {@link follow} then.
   * @returns The greatest sequence that the accumulators keep; -1 without any.
   */
  load(bytes: ByteReader, end: number, kept: readonly KeptRows[], value: Uint32Array): number {
    let earlier = 0
    let sequence = -1
    while (bytes.at < end) {
      this.reserve(1)
      const session = this.#take()
      const word = session >>> 2
      this.#f64[(session >>> 3) + START] = bytes.float64()
      this.#f64[(session >>> 3) + END] = bytes.float64()
      this.#u32[word + ENTRY] = 0
      this.#u32[word + EARLIER] = earlier
      this.#u32[word + LATER] = 0
      if (earlier !== 0) this.#u32[(earlier >>> 2) + LATER] = session
      this.#slab.u8.set(bytes.raw(this.#bytes - SESSION_VALUES), session + SESSION_VALUES)
      for (const rows of kept) sequence = Math.max(sequence, rows.load(bytes, this.#slab.u32, (session + SESSION_VALUES) >>> 2))
      this.#timers.add(session)
      earlier = session
    }
    value[TOUCHED] = earlier
    value[OVER] = 0
    return sequence
  }

  free(): void {
    for (const { address, bytes } of this.#blocks) this.#slab.free(address, bytes)
    this.#slab.free(this.#targets, this.#mergesMax * 8)
  }
}
