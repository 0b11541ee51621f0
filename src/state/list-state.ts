// The handle of a list: its elements one after another in a heap block that grows by doubling. Runs on the worker's thread.
//
//   slot     u32 address | u32 bytes | u32 elements | u32 0
//   element  with TTL: f64 time of its refresh; the encoded value. Times never fall along the list, so what expires is its front.

import { StateKind } from '../kernels/snapshot-layout.ts'
import type { ListState } from './state.ts'
import { type HandleOptions, SlotState } from './value-states.ts'
import { type ByteReader, type ByteWriter, type ValueCodec, valueCodecOf } from './value-codec.ts'
import type { LogicalType } from '../batch/types.ts'

export const LIST_BYTES = 16

/** A list per key. */
export class StoredListState<T> extends SlotState implements ListState<T> {
  readonly #codec: ValueCodec
  readonly #timed: boolean
  readonly #elementTtlMs: number
  readonly #refreshes: boolean
  readonly #returnsExpired: boolean

  constructor(options: HandleOptions, type: LogicalType | undefined) {
    // Elements have their own ages; the list as a whole has none.
    super({ ...options, ttl: undefined }, LIST_BYTES, options.ttl === undefined ? StateKind.LIST : undefined)
    this.#codec = valueCodecOf(type, options.name)
    this.#timed = options.ttl !== undefined
    this.#elementTtlMs = options.ttl?.ttlMs ?? 0
    this.#refreshes = options.ttl?.updateType === 'OnReadAndWrite'
    this.#returnsExpired = options.ttl?.stateVisibility === 'ReturnExpiredIfNotCleanedUp'
  }

  get(): readonly T[] {
    const record = this.present()
    if (record === 0) return []
    if (this.#timed && !this.#returnsExpired && !this.#expire(record)) return []
    const { slab, reader } = this
    const slot = (record + this.offset) >>> 2
    const address = slab.u32[slot]
    const count = slab.u32[slot + 2]
    reader.load(slab.u8, address, slab.u32[slot + 1])
    const list: T[] = []
    const refreshed: number[] = []
    for (let index = 0; index < count; index++) {
      if (this.#timed) {
        const { at } = reader
        if (this.store.nowMs - reader.float64() < this.#elementTtlMs) refreshed.push(at)
      }
      list.push(this.#codec.read(reader) as T)
    }
    if (this.#refreshes) this.#refresh(address, refreshed)
    return list
  }

  add(value: T): void {
    const { writer } = this
    writer.at = 0
    this.#write(value)
    this.#append(1)
  }

  addAll(values: Iterable<T>): void {
    const { writer } = this
    const list = [...values]
    writer.at = 0
    for (const value of list) this.#write(value)
    if (list.length > 0) this.#append(list.length)
  }

  update(values: Iterable<T>): void {
    const { writer } = this
    const list = [...values]
    writer.at = 0
    for (const value of list) this.#write(value)
    this.clear()
    if (list.length > 0) this.#append(list.length)
  }

  override holds(): boolean {
    if (!super.holds()) return false
    return !this.#timed || this.#expire(this.scope.record)
  }

  protected release(record: number): void {
    const { u32 } = this.slab
    const at = (record + this.offset) >>> 2
    if (u32[at + 1] > 0) this.heap.free(u32[at], u32[at + 1])
    u32[at] = u32[at + 1] = u32[at + 2] = 0
  }

  protected saveValue(record: number, writer: ByteWriter): void {
    const { u8, u32 } = this.slab
    const at = (record + this.offset) >>> 2
    writer.uint8(this.#timed ? 1 : 0)
    writer.uint32(u32[at + 2])
    writer.raw(u8.subarray(u32[at], u32[at] + u32[at + 1]))
  }

  protected loadValue(reader: ByteReader): void {
    const { writer } = this
    const timed = reader.uint8() === 1
    const count = reader.uint32()
    writer.at = 0
    for (let index = 0; index < count; index++) {
      const refreshedMs = timed ? reader.float64() : this.store.nowMs
      if (this.#timed) writer.float64(refreshedMs)
      this.#codec.write(writer, this.#codec.read(reader))
    }
    if (count > 0) this.#append(count)
  }

  #write(value: T): void {
    if (this.#timed) this.writer.float64(this.store.nowMs)
    this.#codec.write(this.writer, value)
  }

  /** Appends what the writer holds: `count` elements. */
  #append(count: number): void {
    const record = this.opened()
    const { slab, writer, heap } = this
    const at = (record + this.offset) >>> 2
    const used = slab.u32[at + 1]
    const address = heap.resize(slab.u32[at], used, used, used + writer.at)
    const { u8, u32 } = slab
    u32[at] = address
    u32[at + 1] = used + writer.at
    u32[at + 2] = u32[at + 2] + count
    writer.copyTo(u8, address + used)
  }

  /** Drops expired elements; returns whether any are left. */
  #expire(record: number): boolean {
    const { slab, reader } = this
    const at = (record + this.offset) >>> 2
    const used = slab.u32[at + 1]
    const count = slab.u32[at + 2]
    // The eldest stands in front.
    if (this.store.nowMs - reader.load(slab.u8, slab.u32[at], 8).float64() < this.#elementTtlMs) return true
    reader.load(slab.u8, slab.u32[at], used)
    let kept = 0
    let dropped = 0
    for (; dropped < count; dropped++) {
      kept = reader.at
      if (this.store.nowMs - reader.float64() < this.#elementTtlMs) break
      this.#codec.read(reader)
    }
    if (dropped === count) {
      this.clear()
      return false
    }
    const address = slab.u32[at]
    slab.copy(address, address + kept, used - kept)
    const moved = this.heap.resize(address, used, used - kept, used - kept)
    slab.u32[at] = moved
    slab.u32[at + 1] = used - kept
    slab.u32[at + 2] = count - dropped
    return true
  }

  #refresh(address: number, positions: readonly number[]): void {
    const { slab, writer } = this
    writer.at = 0
    writer.float64(this.store.nowMs)
    for (const position of positions) writer.copyTo(slab.u8, address + position)
  }
}
