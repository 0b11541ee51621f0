// Handles of states of one value: where the value lies in the record of the current key, how it is read and written. One class for each way of
// storing, so that each call site stays monomorphic. Runs on the worker's thread.

import type { Slab } from '../base/slab.ts'
import type { LogicalType } from '../batch/types.ts'
import { writeText } from '../batch/values.ts'
import { StateKind } from '../kernels/snapshot-layout.ts'
import type { BlobHeap } from './blob-heap.ts'
import type { KeyStore, StatePlace } from './key-store.ts'
import type { StateScope, StateSlot } from './state-scope.ts'
import type { AggregateFunction, AggregatingState, ReducingState, StateTtlConfig, ValueState } from './state.ts'
import {
  type ByteReader,
  type ByteWriter,
  checkedBigint,
  checkedNumber,
  checkedText,
  isTextType,
  numberRangeOf,
  type NumberRange,
  refuseValue,
  type ValueCodec,
  valueCodecOf,
} from './value-codec.ts'

/** What a handle is made from. */
export interface HandleOptions {
  readonly name: string
  readonly store: KeyStore
  readonly scope: StateScope
  readonly slot: StateSlot
  /** Whether the state lies in a block of its own. */
  readonly isLate: boolean
  readonly ttl: StateTtlConfig | undefined
  /** Scratch shared by all handles of a backend. */
  readonly writer: ByteWriter
  readonly reader: ByteReader
}

/** What the backend does with every handle, of the current record. */
export interface StoredState {
  readonly scope: StateScope
  clear(): void
  /** Whether the current record holds something that has not expired; what has expired is removed. */
  holds(): boolean
  /** Writes all of it for a snapshot. Only if {@link holds}. */
  save(writer: ByteWriter): void
  /** Reads what {@link save} wrote into the current record. */
  load(reader: ByteReader): void
  /** Where it lies, if kernels can write what {@link save} writes. */
  readonly place: StatePlace | undefined
}

/** Bytes that a TTL adds to a slot. */
export const TTL_BYTES = 8

/** The parts that states of one slot do alike. */
export abstract class SlotState implements StoredState {
  readonly scope: StateScope
  protected readonly name: string
  protected readonly store: KeyStore
  protected readonly slab: Slab
  protected readonly heap: BlobHeap
  protected readonly presence: number
  protected readonly mask: number
  protected readonly offset: number
  protected readonly writer: ByteWriter
  protected readonly reader: ByteReader
  /** Byte offset of the time of the last refresh; used only if `ttlMs` > 0. */
  protected readonly ttlOffset: number
  protected readonly ttlMs: number
  protected readonly refreshOnRead: boolean
  /** Whether what has expired is seen until it is cleaned up. */
  protected readonly returnsExpired: boolean
  readonly place: StatePlace | undefined

  /** @param kind How a value lies in its slot; undefined if kernels cannot write it. */
  constructor(options: HandleOptions, slotBytes: number, kind: StateKind | undefined) {
    this.scope = options.scope
    this.name = options.name
    this.store = options.store
    this.slab = options.store.slab
    this.heap = options.store.heap
    this.presence = options.slot.presence
    this.mask = options.slot.mask
    this.offset = options.slot.offset
    this.ttlOffset = options.slot.offset + slotBytes
    this.ttlMs = options.ttl?.ttlMs ?? 0
    this.refreshOnRead = options.ttl?.updateType === 'OnReadAndWrite'
    this.returnsExpired = options.ttl?.stateVisibility === 'ReturnExpiredIfNotCleanedUp'
    this.writer = options.writer
    this.reader = options.reader
    const { ttlMs } = this
    this.place = kind === undefined || options.isLate ? undefined : { ...options.slot, kind, ttlOffset: ttlMs > 0 ? this.ttlOffset : 0, ttlMs }
  }

  /** The record if it holds a live value, else 0. Counts as reading. */
  protected present(): number {
    const record = this.scope.record
    if (record === 0 || (this.slab.u32[(record + this.presence) >>> 2] & this.mask) === 0) return 0
    if (this.ttlMs > 0) return this.#refreshed(record)
    return record
  }

  /**
   * The record, made if need be and marked as holding a value. Counts as writing. Take the slab's views after this call: it may grow the
   * memory, and a store through an older view beyond its end vanishes without a word.
   */
  protected opened(): number {
    let record = this.scope.record
    if (record === 0) record = this.scope.create()
    const { slab } = this
    const at = (record + this.presence) >>> 2
    slab.u32[at] = slab.u32[at] | this.mask
    if (this.ttlMs > 0) slab.f64[(record + this.ttlOffset) >>> 3] = this.store.nowMs
    return record
  }

  /** Frees what the slot points at and zeroes it. */
  protected abstract release(record: number): void

  holds(): boolean {
    const record = this.scope.record
    if (record === 0 || (this.slab.u32[(record + this.presence) >>> 2] & this.mask) === 0) return false
    return this.ttlMs === 0 || !this.#expired(record)
  }

  clear(): void {
    const record = this.scope.record
    const { u32 } = this.slab
    const at = (record + this.presence) >>> 2
    if (record === 0 || (u32[at] & this.mask) === 0) return
    this.release(record)
    u32[at] = u32[at] & ~this.mask
    this.scope.vacated()
  }

  save(writer: ByteWriter): void {
    const record = this.scope.record
    writer.uint8(this.ttlMs > 0 ? 1 : 0)
    if (this.ttlMs > 0) writer.float64(this.slab.f64[(record + this.ttlOffset) >>> 3])
    this.saveValue(record, writer)
  }

  load(reader: ByteReader): void {
    const refreshedMs = reader.uint8() === 1 ? reader.float64() : this.store.nowMs
    this.loadValue(reader)
    if (this.ttlMs > 0) this.slab.f64[(this.scope.record + this.ttlOffset) >>> 3] = refreshedMs
  }

  protected abstract saveValue(record: number, writer: ByteWriter): void
  protected abstract loadValue(reader: ByteReader): void

  #refreshed(record: number): number {
    if (this.returnsExpired && this.#isOld(record)) return record
    if (this.#expired(record)) return 0
    if (this.refreshOnRead) this.slab.f64[(record + this.ttlOffset) >>> 3] = this.store.nowMs
    return record
  }

  #isOld(record: number): boolean {
    return this.store.nowMs - this.slab.f64[(record + this.ttlOffset) >>> 3] >= this.ttlMs
  }

  /** Removes what has expired. */
  #expired(record: number): boolean {
    if (!this.#isOld(record)) return false
    this.clear()
    return true
  }
}

/** Numbers of a declared type, in place. */
export class NumberState extends SlotState implements ValueState<number> {
  readonly #range: NumberRange
  readonly #type: LogicalType
  /** Every number fits as it is. */
  readonly #anyNumber: boolean

  constructor(options: HandleOptions, type: LogicalType, range: NumberRange) {
    super(options, NUMBER_BYTES, StateKind.WORD)
    this.#type = type
    this.#range = range
    this.#anyNumber = !range.integral && !range.single
  }

  value(): number | null {
    const record = this.present()
    return record === 0 ? null : this.slab.f64[(record + this.offset) >>> 3]
  }

  update(value: number | null): void {
    if (value === null || value === undefined) return this.clear()
    const number = this.#anyNumber && typeof value === 'number' ? value : checkedNumber(value, this.#range, this.#type, this.name)
    const record = this.opened()
    this.slab.f64[(record + this.offset) >>> 3] = number
  }

  protected release(record: number): void {
    this.slab.f64[(record + this.offset) >>> 3] = 0
  }

  protected saveValue(record: number, writer: ByteWriter): void {
    writer.float64(this.slab.f64[(record + this.offset) >>> 3])
  }

  protected loadValue(reader: ByteReader): void {
    this.update(reader.float64())
  }
}

/** BIGINT in place. */
export class BigintState extends SlotState implements ValueState<bigint> {
  readonly #type: LogicalType

  constructor(options: HandleOptions, type: LogicalType) {
    super(options, NUMBER_BYTES, StateKind.WORD)
    this.#type = type
  }

  value(): bigint | null {
    const record = this.present()
    return record === 0 ? null : this.slab.i64[(record + this.offset) >>> 3]
  }

  update(value: bigint | null): void {
    if (value === null || value === undefined) return this.clear()
    const integer = checkedBigint(value, this.#type, this.name)
    const record = this.opened()
    this.slab.i64[(record + this.offset) >>> 3] = integer
  }

  protected release(record: number): void {
    this.slab.i64[(record + this.offset) >>> 3] = 0n
  }

  protected saveValue(record: number, writer: ByteWriter): void {
    writer.int64(this.slab.i64[(record + this.offset) >>> 3])
  }

  protected loadValue(reader: ByteReader): void {
    this.update(reader.int64())
  }
}

/** BOOLEAN in place. */
export class BooleanState extends SlotState implements ValueState<boolean> {
  readonly #type: LogicalType

  constructor(options: HandleOptions, type: LogicalType) {
    super(options, NUMBER_BYTES, StateKind.BOOLEAN)
    this.#type = type
  }

  value(): boolean | null {
    const record = this.present()
    return record === 0 ? null : this.slab.u32[(record + this.offset) >>> 2] === 1
  }

  update(value: boolean | null): void {
    if (value === null || value === undefined) return this.clear()
    if (typeof value !== 'boolean') refuseValue(value, this.#type, this.name, 'expected a boolean')
    const record = this.opened()
    this.slab.u32[(record + this.offset) >>> 2] = value ? 1 : 0
  }

  protected release(record: number): void {
    this.slab.u32[(record + this.offset) >>> 2] = 0
  }

  protected saveValue(record: number, writer: ByteWriter): void {
    writer.uint8(this.slab.u32[(record + this.offset) >>> 2])
  }

  protected loadValue(reader: ByteReader): void {
    this.update(reader.uint8() === 1)
  }
}

/** A value that lies in the heap: u32 address, u32 length (length 0 = no block). */
abstract class BlobState extends SlotState {
  /** Makes the slot point at a block of `length` bytes and returns its address; what was in it may be gone. */
  protected block(length: number): number {
    const record = this.opened()
    const { heap, slab } = this
    const at = (record + this.offset) >>> 2
    const old = slab.u32[at + 1]
    const address = length === 0 ? 0 : heap.resize(slab.u32[at], old, 0, length)
    if (length === 0 && old > 0) heap.free(slab.u32[at], old)
    slab.u32[at] = address
    slab.u32[at + 1] = length
    return address
  }

  protected addressOf(record: number): number {
    return this.slab.u32[(record + this.offset) >>> 2]
  }

  protected lengthOf(record: number): number {
    return this.slab.u32[((record + this.offset) >>> 2) + 1]
  }

  protected release(record: number): void {
    const { u32 } = this.slab
    const at = (record + this.offset) >>> 2
    if (u32[at + 1] > 0) this.heap.free(u32[at], u32[at + 1])
    u32[at] = 0
    u32[at + 1] = 0
  }
}

/** Text: UTF-8 in the heap. */
export class TextState extends BlobState implements ValueState<string> {
  readonly #type: LogicalType

  constructor(options: HandleOptions, type: LogicalType) {
    super(options, NUMBER_BYTES, StateKind.TEXT)
    this.#type = type
  }

  value(): string | null {
    const record = this.present()
    if (record === 0) return null
    const length = this.lengthOf(record)
    return this.reader.load(this.slab.u8, this.addressOf(record), length).text(length)
  }

  update(value: string | null): void {
    if (value === null || value === undefined) return this.clear()
    const text = checkedText(value, this.#type, this.name)
    const { writer } = this
    writer.at = 0
    if (isAscii(text)) {
      const address = this.block(text.length)
      writeText(this.slab.u8, address, text)
    } else {
      if (!writer.text(text)) refuseValue(value, this.#type, this.name, 'it holds a lone surrogate, which no UTF-8 text can')
      const address = this.block(writer.at)
      writer.copyTo(this.slab.u8, address)
    }
  }

  protected saveValue(record: number, writer: ByteWriter): void {
    const length = this.lengthOf(record)
    writer.uint32(length)
    writer.raw(this.slab.u8.subarray(this.addressOf(record), this.addressOf(record) + length))
  }

  protected loadValue(reader: ByteReader): void {
    this.update(reader.text(reader.uint32()))
  }
}

function isAscii(text: string): boolean {
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) > 127) return false
  return true
}

/** Values of any other declared type: encoded, in the heap. */
export class EncodedState extends BlobState implements ValueState<unknown> {
  readonly #codec: ValueCodec

  constructor(options: HandleOptions, type: LogicalType | undefined) {
    super(options, NUMBER_BYTES, StateKind.BLOB)
    this.#codec = valueCodecOf(type, options.name)
  }

  value(): unknown {
    const record = this.present()
    return record === 0 ? null : this.#codec.read(this.reader.load(this.slab.u8, this.addressOf(record), this.lengthOf(record)))
  }

  update(value: unknown): void {
    if (value === null || value === undefined) return this.clear()
    const { writer } = this
    writer.at = 0
    this.#codec.write(writer, value)
    const address = this.block(writer.at)
    writer.copyTo(this.slab.u8, address)
  }

  protected saveValue(record: number, writer: ByteWriter): void {
    const address = this.addressOf(record)
    writer.raw(this.slab.u8.subarray(address, address + this.lengthOf(record)))
  }

  protected loadValue(reader: ByteReader): void {
    this.update(this.#codec.read(reader))
  }
}

const AnySlot = { NUMBER: 1, ENCODED: 2 } as const

/** Values without a declared type: u32 tag, u32 length, then the number itself or the address of the encoded value. */
export class AnyState extends SlotState implements ValueState<unknown> {
  readonly #codec: ValueCodec

  constructor(options: HandleOptions) {
    super(options, ANY_BYTES, StateKind.ANY)
    this.#codec = valueCodecOf(undefined, options.name)
  }

  value(): unknown {
    const record = this.present()
    if (record === 0) return null
    const { slab } = this
    const at = (record + this.offset) >>> 2
    if (slab.u32[at] === AnySlot.NUMBER) return slab.f64[(record + this.offset + 8) >>> 3]
    return this.#codec.read(this.reader.load(slab.u8, slab.u32[at + 2], slab.u32[at + 1]))
  }

  update(value: unknown): void {
    if (typeof value === 'number') {
      const record = this.opened()
      const at = (record + this.offset) >>> 2
      if (this.slab.u32[at] === AnySlot.ENCODED) this.release(record)
      this.slab.u32[at] = AnySlot.NUMBER
      this.slab.f64[(record + this.offset + 8) >>> 3] = value
      return
    }
    if (value === null || value === undefined) return this.clear()
    const { writer } = this
    writer.at = 0
    this.#codec.write(writer, value)
    const length = writer.at
    const record = this.opened()
    const { heap } = this
    const at = (record + this.offset) >>> 2
    const old = this.slab.u32[at] === AnySlot.ENCODED ? this.slab.u32[at + 1] : 0
    const address = heap.resize(this.slab.u32[at + 2], old, 0, length)
    const { u8, u32 } = this.slab
    u32[at] = AnySlot.ENCODED
    u32[at + 1] = length
    u32[at + 2] = address
    writer.copyTo(u8, address)
  }

  protected release(record: number): void {
    const { u32 } = this.slab
    const at = (record + this.offset) >>> 2
    if (u32[at] === AnySlot.ENCODED) this.heap.free(u32[at + 2], u32[at + 1])
    this.slab.fill(at * 4, 0, 16)
  }

  protected saveValue(record: number, writer: ByteWriter): void {
    const { u8, u32, f64 } = this.slab
    const at = (record + this.offset) >>> 2
    if (u32[at] === AnySlot.NUMBER) this.#codec.write(writer, f64[(record + this.offset + 8) >>> 3])
    else writer.raw(u8.subarray(u32[at + 2], u32[at + 2] + u32[at + 1]))
  }

  protected loadValue(reader: ByteReader): void {
    this.update(this.#codec.read(reader))
  }
}

const NUMBER_BYTES = 8
const ANY_BYTES = 16

/** Bytes of the slot of a value of this type. */
export function valueSlotBytes(type: LogicalType | undefined): number {
  return type === undefined || type.kind === 'OBJECT' ? ANY_BYTES : NUMBER_BYTES
}

/** Whether values of a type lie in their slot, and nowhere else. */
export function isInPlace(type: LogicalType | undefined): boolean {
  return type !== undefined && (numberRangeOf(type) !== undefined || type.kind === 'BIGINT' || type.kind === 'BOOLEAN')
}

/** A handle of one value. */
export type AnyValueState = SlotState & ValueState<unknown>

/** The handle for values of a type. */
export function valueStateOf(options: HandleOptions, type: LogicalType | undefined): AnyValueState {
  if (type === undefined || type.kind === 'OBJECT') return new AnyState(options)
  const range = numberRangeOf(type)
  if (range !== undefined) return new NumberState(options, type, range)
  if (type.kind === 'BIGINT') return new BigintState(options, type)
  if (type.kind === 'BOOLEAN') return new BooleanState(options, type)
  if (isTextType(type)) return new TextState(options, type)
  return new EncodedState(options, type)
}

/** Folds added values. */
export class FoldedState<T> implements ReducingState<T>, StoredState {
  readonly #value: AnyValueState
  readonly #reduce: (left: T, right: T) => T

  constructor(value: AnyValueState, reduce: (left: T, right: T) => T) {
    this.#value = value
    this.#reduce = reduce
  }

  get scope(): StateScope {
    return this.#value.scope
  }

  get(): T | null {
    return this.#value.value() as T | null
  }

  add(value: T): void {
    const left = this.#value.value() as T | null
    this.#value.update(left === null ? value : this.#reduce(left, value))
  }

  clear(): void {
    this.#value.clear()
  }

  get place(): StatePlace | undefined {
    return this.#value.place
  }

  holds(): boolean {
    return this.#value.holds()
  }

  save(writer: ByteWriter): void {
    this.#value.save(writer)
  }

  load(reader: ByteReader): void {
    this.#value.load(reader)
  }
}

/** Folds inputs into an accumulator. */
export class AggregatedState<IN, ACC, OUT> implements AggregatingState<IN, OUT>, StoredState {
  readonly #value: AnyValueState
  readonly #aggregate: AggregateFunction<IN, ACC, OUT>

  constructor(value: AnyValueState, aggregate: AggregateFunction<IN, ACC, OUT>) {
    this.#value = value
    this.#aggregate = aggregate
  }

  get scope(): StateScope {
    return this.#value.scope
  }

  /** The accumulator itself, or null: for those who merge. */
  get accumulator(): ACC | null {
    return this.#value.value() as ACC | null
  }

  set accumulator(accumulator: ACC | null) {
    this.#value.update(accumulator)
  }

  get(): OUT | null {
    const accumulator = this.accumulator
    return accumulator === null ? null : this.#aggregate.getResult(accumulator)
  }

  add(value: IN): void {
    this.#value.update(this.#aggregate.add(value, this.accumulator ?? this.#aggregate.createAccumulator()))
  }

  clear(): void {
    this.#value.clear()
  }

  get place(): StatePlace | undefined {
    return this.#value.place
  }

  holds(): boolean {
    return this.#value.holds()
  }

  save(writer: ByteWriter): void {
    this.#value.save(writer)
  }

  load(reader: ByteReader): void {
    this.#value.load(reader)
  }
}
