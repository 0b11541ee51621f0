// The handle of a map: for each key of the stream a hash table of its own, in the heap; entries in insertion order, an index over them once there
// are more than a few. Runs on the worker's thread.
//
//   slot    u32 address of the header | u32 0
//   header  u32 entries in use | u32 entries written | u32 room for entries | u32 address of entries | u32 address of index | u32 index slots
//   entry   u32 hash | u32 key bytes + 1, 0 = removed | f64 key, or u32 address of its bytes | f64 value, or u32 address, u32 length | f64 refreshed at
//   index   u32 number of the entry + 1, 0 = empty; open addressing, at most half full

import type { KeyValue } from '../base/key-bytes.ts'
import { keyBytesOf } from '../base/key-bytes.ts'
import type { LogicalType } from '../batch/types.ts'
import { keyValueOf } from './key-value.ts'
import type { MapState } from './state.ts'
import {
  type ByteReader,
  type ByteWriter,
  checkedNumber,
  checkedText,
  isTextType,
  numberRangeOf,
  refuseValue,
  type ValueCodec,
  valueCodecOf,
} from './value-codec.ts'
import { type HandleOptions, SlotState } from './value-states.ts'

export const MAP_BYTES = 8
const HEADER_BYTES = 24
const USED = 0
const WRITTEN = 1
const ROOM = 2
const ENTRIES = 3
const INDEX = 4
const INDEX_SLOTS = 5
const ENTRY_BYTES = 32
const ENTRY_ROOM_MIN = 4
const SCAN_MAX = 8

/** How map keys become bytes and values again. Numbers of a declared type lie in the entry instead. */
interface MapKeyCodec {
  write(writer: ByteWriter, key: unknown): void
  read(reader: ByteReader, length: number): unknown
}

function keyCodecOf(type: LogicalType | undefined, state: string): MapKeyCodec {
  if (type === undefined || type.kind === 'OBJECT')
    return { write: (writer, key) => writer.raw(keyBytesOf(key as KeyValue)), read: (reader, length) => keyValueOf(reader.raw(length)) }
  if (isTextType(type)) {
    return {
      write(writer, key) {
        if (!writer.text(checkedText(key, type, state))) refuseValue(key, type, state, 'it holds a lone surrogate, which no UTF-8 text can')
      },
      read: (reader, length) => reader.text(length),
    }
  }
  const codec = valueCodecOf(type, state)
  return { write: (writer, key) => codec.write(writer, key), read: (reader) => codec.read(reader) }
}

/** A map per key. */
export class StoredMapState<K, V> extends SlotState implements MapState<K, V> {
  readonly #keyType: LogicalType | undefined
  readonly #keyRange: ReturnType<typeof numberRangeOf>
  readonly #keys: MapKeyCodec
  readonly #values: ValueCodec
  readonly #type: LogicalType | undefined
  readonly #valueRange: ReturnType<typeof numberRangeOf>
  readonly #entryTtlMs: number
  readonly #refreshes: boolean
  readonly #returnsExpired: boolean
  // The key looked for: its number, or bytes 0..#keyLength of the writer; and its hash.
  #number = 0
  #keyLength = 0
  #hash = 0

  constructor(options: HandleOptions, keyType: LogicalType | undefined, type: LogicalType | undefined) {
    // Entries have their own ages; the map as a whole has none.
    super({ ...options, ttl: undefined }, MAP_BYTES, undefined)
    this.#keyType = keyType
    this.#keyRange = keyType === undefined || keyType.nullable ? undefined : numberRangeOf(keyType)
    this.#keys = keyCodecOf(keyType, options.name)
    this.#type = type
    this.#values = valueCodecOf(type, options.name)
    this.#valueRange = type === undefined || type.nullable ? undefined : numberRangeOf(type)
    this.#entryTtlMs = options.ttl?.ttlMs ?? 0
    this.#refreshes = options.ttl?.updateType === 'OnReadAndWrite'
    this.#returnsExpired = options.ttl?.stateVisibility === 'ReturnExpiredIfNotCleanedUp'
  }

  get(key: K): V | null {
    const header = this.#header()
    if (header === 0) return null
    this.#seek(key)
    const entry = this.#find(header)
    if (entry === 0) return null
    this.#refresh(entry)
    return this.#valueOf(entry) as V
  }

  override holds(): boolean {
    const header = this.#header()
    if (header === 0 || this.#entryTtlMs === 0) return header !== 0
    this.#expireAll(header)
    return this.#header() !== 0
  }

  has(key: K): boolean {
    const header = this.#header()
    if (header === 0) return false
    this.#seek(key)
    const entry = this.#find(header)
    if (entry !== 0) this.#refresh(entry)
    return entry !== 0
  }

  put(key: K, value: V): void {
    const { writer } = this
    this.#seek(key)
    // The value is encoded behind the key, so that one that does not fit changes nothing.
    let number = 0
    if (this.#valueRange !== undefined) number = checkedNumber(value, this.#valueRange, this.#type!, this.name)
    else this.#values.write(writer, value)
    const record = this.opened()
    const slotAt = (record + this.offset) >>> 2
    let header = this.slab.u32[slotAt]
    if (header === 0) {
      header = this.heap.allocate(HEADER_BYTES)
      this.slab.fill(header, 0, HEADER_BYTES)
      this.slab.u32[slotAt] = header
    }
    let entry = this.#find(header)
    if (entry === 0) entry = this.#insert(header)
    else this.#freeValue(entry)
    if (this.#valueRange !== undefined) this.slab.f64[(entry + 16) >>> 3] = number
    else {
      const length = writer.at - this.#keyLength
      const address = length === 0 ? 0 : this.heap.allocate(length)
      const { u8, u32 } = this.slab
      u32[(entry + 16) >>> 2] = address
      u32[(entry + 20) >>> 2] = length
      writer.copyTo(u8, address, this.#keyLength)
    }
    this.slab.f64[(entry + 24) >>> 3] = this.store.nowMs
  }

  putAll(entries: Iterable<readonly [K, V]>): void {
    for (const [key, value] of entries) this.put(key, value)
  }

  remove(key: K): boolean {
    const header = this.#header()
    if (header === 0) return false
    this.#seek(key)
    const entry = this.#find(header)
    if (entry === 0) return false
    this.#removeEntry(header, entry)
    return true
  }

  entries(): readonly (readonly [K, V])[] {
    const list: [K, V][] = []
    this.#forEach((entry) => list.push([this.#keyOf(entry) as K, this.#valueOf(entry) as V]))
    return list
  }

  keys(): readonly K[] {
    const list: K[] = []
    this.#forEach((entry) => list.push(this.#keyOf(entry) as K))
    return list
  }

  values(): readonly V[] {
    const list: V[] = []
    this.#forEach((entry) => list.push(this.#valueOf(entry) as V))
    return list
  }

  isEmpty(): boolean {
    return this.#returnsExpired ? this.#header() === 0 : !this.holds()
  }

  protected release(record: number): void {
    const at = (record + this.offset) >>> 2
    const header = this.slab.u32[at]
    if (header === 0) return
    const { u32 } = this.slab
    const h = header >>> 2
    for (let index = 0; index < u32[h + WRITTEN]; index++) {
      const entry = u32[h + ENTRIES] + index * ENTRY_BYTES
      if (u32[(entry + 4) >>> 2] !== 0) this.#freeEntry(entry)
    }
    if (u32[h + ROOM] > 0) this.heap.free(u32[h + ENTRIES], u32[h + ROOM] * ENTRY_BYTES)
    if (u32[h + INDEX_SLOTS] > 0) this.heap.free(u32[h + INDEX], u32[h + INDEX_SLOTS] * 4)
    this.heap.free(header, HEADER_BYTES)
    this.slab.u32[at] = 0
  }

  protected saveValue(record: number, writer: ByteWriter): void {
    const { u8, u32, f64 } = this.slab
    const h = u32[(record + this.offset) >>> 2] >>> 2
    const timed = this.#entryTtlMs > 0
    writer.uint8(timed ? 1 : 0)
    writer.uint32(u32[h + USED])
    for (let index = 0; index < u32[h + WRITTEN]; index++) {
      const entry = u32[h + ENTRIES] + index * ENTRY_BYTES
      const keyBytes = u32[(entry + 4) >>> 2] - 1
      if (keyBytes === -1) continue
      if (timed) writer.float64(f64[(entry + 24) >>> 3])
      if (this.#keyRange !== undefined) writer.float64(f64[(entry + 8) >>> 3])
      else {
        const address = u32[(entry + 8) >>> 2]
        writer.uint32(keyBytes)
        writer.raw(u8.subarray(address, address + keyBytes))
      }
      if (this.#valueRange !== undefined) writer.float64(f64[(entry + 16) >>> 3])
      else writer.raw(u8.subarray(u32[(entry + 16) >>> 2], u32[(entry + 16) >>> 2] + u32[(entry + 20) >>> 2]))
    }
  }

  protected loadValue(reader: ByteReader): void {
    const timed = reader.uint8() === 1
    const count = reader.uint32()
    for (let index = 0; index < count; index++) {
      const refreshedMs = timed ? reader.float64() : this.store.nowMs
      const key = (this.#keyRange === undefined ? this.#keys.read(reader, reader.uint32()) : reader.float64()) as K
      const value = (this.#valueRange === undefined ? this.#values.read(reader) : reader.float64()) as V
      this.put(key, value)
      this.#seek(key)
      const header = this.slab.u32[(this.scope.record + this.offset) >>> 2]
      this.slab.f64[(this.#locate(header) + 24) >>> 3] = refreshedMs
    }
  }

  /** The header of the current key's map, or 0. */
  #header(): number {
    const record = this.present()
    return record === 0 ? 0 : this.slab.u32[(record + this.offset) >>> 2]
  }

  /** Takes a key to be looked for: its bytes go to the start of the writer. */
  #seek(key: K): void {
    const { writer } = this
    writer.at = 0
    if (this.#keyRange !== undefined) {
      const number = checkedNumber(key, this.#keyRange, this.#keyType!, this.name)
      this.#number = number
      this.#keyLength = 0
      this.#hash = mix(Math.imul(number | 0, 0x9e3779b1) ^ Math.imul((number * 2.3283064365386963e-10) | 0, 0x85ebca6b) ^ fractionOf(number))
      return
    }
    this.#keys.write(writer, key)
    this.#keyLength = writer.at
    let hash = 0x811c9dc5
    for (let index = 0; index < writer.at; index++) hash = Math.imul(hash ^ writer.bytes[index], 0x01000193)
    this.#hash = mix(hash)
  }

  /** The entry of the key that was sought, or 0; an expired one that is not to be seen is removed. */
  #find(header: number): number {
    const entry = this.#locate(header)
    if (entry === 0 || this.#entryTtlMs === 0 || this.#returnsExpired || !this.#isExpired(entry)) return entry
    // Not the last one, or the map would go while `put` holds its header.
    this.#dropEntry(header, entry)
    return 0
  }

  #locate(header: number): number {
    const { u32 } = this.slab
    const h = header >>> 2
    const entries = u32[h + ENTRIES]
    if (u32[h + INDEX_SLOTS] === 0) {
      const end = entries + u32[h + WRITTEN] * ENTRY_BYTES
      for (let entry = entries; entry < end; entry += ENTRY_BYTES) if (this.#matches(entry)) return entry
      return 0
    }
    const index = u32[h + INDEX] >>> 2
    const mask = u32[h + INDEX_SLOTS] - 1
    for (let slot = this.#hash & mask; ; slot = (slot + 1) & mask) {
      const number = u32[index + slot]
      if (number === 0) return 0
      const entry = entries + (number - 1) * ENTRY_BYTES
      if (this.#matches(entry)) return entry
    }
  }

  #matches(entry: number): boolean {
    const { u8, u32, f64 } = this.slab
    const at = entry >>> 2
    if (u32[at] !== this.#hash || u32[at + 1] !== this.#keyLength + 1) return false
    if (this.#keyRange !== undefined) {
      const number = f64[(entry + 8) >>> 3]
      return number === this.#number || (number !== number && this.#number !== this.#number)
    }
    const address = u32[at + 2]
    const { bytes } = this.writer
    for (let index = 0; index < this.#keyLength; index++) if (u8[address + index] !== bytes[index]) return false
    return true
  }

  /** A fresh entry for the key that was sought. */
  #insert(header: number): number {
    const h = header >>> 2
    if (this.slab.u32[h + WRITTEN] === this.slab.u32[h + ROOM]) this.#makeRoom(header)
    const length = this.#keyLength
    const address = this.#keyRange !== undefined || length === 0 ? 0 : this.heap.allocate(length)
    const { u8, u32, f64 } = this.slab
    const number = u32[h + WRITTEN]
    const entry = u32[h + ENTRIES] + number * ENTRY_BYTES
    u32[h + WRITTEN] = number + 1
    u32[h + USED] = u32[h + USED] + 1
    const at = entry >>> 2
    u32[at] = this.#hash
    u32[at + 1] = length + 1
    if (this.#keyRange !== undefined) f64[(entry + 8) >>> 3] = this.#number
    else {
      u32[at + 2] = address
      u32[at + 3] = 0
      const { bytes } = this.writer
      for (let index = 0; index < length; index++) u8[address + index] = bytes[index]!
    }
    u32[at + 4] = u32[at + 5] = 0
    if (u32[h + INDEX_SLOTS] > 0) this.#indexEntry(header, number)
    return entry
  }

  /** Moves the entries in use into new memory with room for more, and indexes them. */
  #makeRoom(header: number): void {
    const { slab, heap } = this
    const h = header >>> 2
    const used = slab.u32[h + USED]
    const oldRoom = slab.u32[h + ROOM]
    const oldEntries = slab.u32[h + ENTRIES]
    const written = slab.u32[h + WRITTEN]
    const room = Math.max(ENTRY_ROOM_MIN, used * 2 > oldRoom ? oldRoom * 2 : oldRoom)
    const entries = heap.allocate(room * ENTRY_BYTES)
    let kept = 0
    for (let index = 0; index < written; index++) {
      const entry = oldEntries + index * ENTRY_BYTES
      if (slab.u32[(entry + 4) >>> 2] === 0) continue
      slab.copy(entries + kept * ENTRY_BYTES, entry, ENTRY_BYTES)
      kept++
    }
    if (oldRoom > 0) heap.free(oldEntries, oldRoom * ENTRY_BYTES)
    const oldSlots = slab.u32[h + INDEX_SLOTS]
    if (oldSlots > 0) heap.free(slab.u32[h + INDEX], oldSlots * 4)
    const slots = room > SCAN_MAX ? room * 2 : 0
    const index = slots > 0 ? heap.allocate(slots * 4) : 0
    const { u32 } = slab
    u32[h + ENTRIES] = entries
    u32[h + ROOM] = room
    u32[h + WRITTEN] = kept
    u32[h + INDEX] = index
    u32[h + INDEX_SLOTS] = slots
    if (slots > 0) slab.fill(index, 0, slots * 4)
    if (slots > 0) for (let number = 0; number < kept; number++) this.#indexEntry(header, number)
  }

  #indexEntry(header: number, number: number): void {
    const { u32 } = this.slab
    const h = header >>> 2
    const index = u32[h + INDEX] >>> 2
    const mask = u32[h + INDEX_SLOTS] - 1
    let slot = u32[(u32[h + ENTRIES] + number * ENTRY_BYTES) >>> 2] & mask
    while (u32[index + slot] !== 0) slot = (slot + 1) & mask
    u32[index + slot] = number + 1
  }

  #removeEntry(header: number, entry: number): void {
    this.#dropEntry(header, entry)
    if (this.slab.u32[(header >>> 2) + USED] === 0) this.clear()
  }

  /** Frees an entry; its place stays until the next move, so that probe sequences and the order hold. */
  #dropEntry(header: number, entry: number): void {
    this.#freeEntry(entry)
    const { u32 } = this.slab
    u32[(entry + 4) >>> 2] = 0
    u32[(header >>> 2) + USED] = u32[(header >>> 2) + USED] - 1
  }

  #freeEntry(entry: number): void {
    const { u32 } = this.slab
    const keyBytes = u32[(entry + 4) >>> 2] - 1
    if (this.#keyRange === undefined && keyBytes > 0) this.heap.free(u32[(entry + 8) >>> 2], keyBytes)
    this.#freeValue(entry)
  }

  #freeValue(entry: number): void {
    const { u32 } = this.slab
    const length = u32[(entry + 20) >>> 2]
    if (this.#valueRange === undefined && length > 0) this.heap.free(u32[(entry + 16) >>> 2], length)
  }

  #isExpired(entry: number): boolean {
    return this.store.nowMs - this.slab.f64[(entry + 24) >>> 3] >= this.#entryTtlMs
  }

  /** What every look at an entry does where reading refreshes. */
  #refresh(entry: number): void {
    if (this.#refreshes && !this.#isExpired(entry)) this.slab.f64[(entry + 24) >>> 3] = this.store.nowMs
  }

  #expireAll(header: number): void {
    const { u32 } = this.slab
    const h = header >>> 2
    for (let index = 0; index < u32[h + WRITTEN]; index++) {
      const entry = u32[h + ENTRIES] + index * ENTRY_BYTES
      if (u32[(entry + 4) >>> 2] !== 0 && this.#isExpired(entry)) this.#dropEntry(header, entry)
    }
    if (u32[h + USED] === 0) this.clear()
  }

  #forEach(visit: (entry: number) => void): void {
    let header = this.#header()
    if (header !== 0 && this.#entryTtlMs > 0 && !this.#returnsExpired) {
      this.#expireAll(header)
      header = this.#header()
    }
    if (header === 0) return
    const { u32 } = this.slab
    const h = header >>> 2
    for (let index = 0; index < u32[h + WRITTEN]; index++) {
      const entry = u32[h + ENTRIES] + index * ENTRY_BYTES
      if (u32[(entry + 4) >>> 2] === 0) continue
      this.#refresh(entry)
      visit(entry)
    }
  }

  #keyOf(entry: number): unknown {
    if (this.#keyRange !== undefined) return this.slab.f64[(entry + 8) >>> 3]
    const length = this.slab.u32[(entry + 4) >>> 2] - 1
    return this.#keys.read(this.reader.load(this.slab.u8, this.slab.u32[(entry + 8) >>> 2], length), length)
  }

  #valueOf(entry: number): unknown {
    if (this.#valueRange !== undefined) return this.slab.f64[(entry + 16) >>> 3]
    const { u8, u32 } = this.slab
    return this.#values.read(this.reader.load(u8, u32[(entry + 16) >>> 2], u32[(entry + 20) >>> 2]))
  }
}

const fractionView = new Float64Array(1)
const fractionWords = new Int32Array(fractionView.buffer)

/** The bits of numbers that are no integers; 0 for integers, whose halves are hashed. */
function fractionOf(number: number): number {
  if (Number.isInteger(number)) return 0
  fractionView[0] = number
  return fractionWords[0] ^ fractionWords[1]
}

function mix(hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39)
  return (hash ^ (hash >>> 15)) >>> 0
}
