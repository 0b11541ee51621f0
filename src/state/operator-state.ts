// State that belongs to a subtask: lists whose elements a restore deals out, and broadcast maps. On the JavaScript heap: it is small and no
// kernel reads it. Values are kept encoded, so that changing what was read changes nothing. Runs on the worker's thread.

import { keyBytesOf, type KeyValue } from '../base/key-bytes.ts'
import {
  BROADCAST_STATE_PREFIX,
  type ElementSnapshotReader,
  type ElementSnapshotWriter,
  type ListState,
  type ListStateDescriptor,
  type MapState,
  type MapStateDescriptor,
  type OperatorStateBackend,
  UNION_STATE_PREFIX,
} from './state.ts'
import { ByteReader, ByteWriter, type ValueCodec, valueCodecOf } from './value-codec.ts'

const LIST_STATE_PREFIX = 'list:'
/** Apart from what operators themselves keep as union state. */
const UNION_LIST_STATE_PREFIX = `${UNION_STATE_PREFIX}list:`
/** Names the operator states of a snapshot. */
const STATE_NAMES = `${UNION_STATE_PREFIX}operator states`

/** Shared scratch of one backend's states. */
interface Scratch {
  readonly writer: ByteWriter
  readonly reader: ByteReader
}

function encoded({ writer }: Scratch, codec: ValueCodec, value: unknown): Uint8Array {
  writer.at = 0
  codec.write(writer, value)
  return writer.copy()
}

function decoded({ reader }: Scratch, codec: ValueCodec, bytes: Uint8Array): unknown {
  return codec.read(reader.load(bytes, 0, bytes.length))
}

class OperatorListState<T> implements ListState<T> {
  elements: Uint8Array[] = []
  readonly #codec: ValueCodec
  readonly #scratch: Scratch

  constructor(codec: ValueCodec, scratch: Scratch) {
    this.#codec = codec
    this.#scratch = scratch
  }

  get(): readonly T[] {
    return this.elements.map((bytes) => decoded(this.#scratch, this.#codec, bytes) as T)
  }

  add(value: T): void {
    this.elements.push(encoded(this.#scratch, this.#codec, value))
  }

  addAll(values: Iterable<T>): void {
    for (const value of values) this.add(value)
  }

  update(values: Iterable<T>): void {
    const elements = [...values].map((value) => encoded(this.#scratch, this.#codec, value))
    this.elements = elements
  }

  clear(): void {
    this.elements = []
  }
}

class BroadcastMapState<K, V> implements MapState<K, V> {
  /** By the text of the key's bytes: key and value encoded one behind the other. */
  readonly items = new Map<string, Uint8Array>()
  readonly #name: string
  readonly #keys: ValueCodec
  readonly #values: ValueCodec
  readonly #scratch: Scratch

  constructor(name: string, keys: ValueCodec, values: ValueCodec, scratch: Scratch) {
    this.#name = name
    this.#keys = keys
    this.#values = values
    this.#scratch = scratch
  }

  get(key: K): V | null {
    const bytes = this.items.get(this.#idOf(key))
    return bytes === undefined ? null : this.#read(bytes)[1]
  }

  put(key: K, value: V): void {
    const id = this.#idOf(key)
    const { writer } = this.#scratch
    writer.at = 0
    this.#keys.write(writer, key)
    this.#values.write(writer, value)
    this.items.set(id, writer.copy())
  }

  putAll(entries: Iterable<readonly [K, V]>): void {
    for (const [key, value] of entries) this.put(key, value)
  }

  has(key: K): boolean {
    return this.items.has(this.#idOf(key))
  }

  remove(key: K): boolean {
    return this.items.delete(this.#idOf(key))
  }

  entries(): readonly (readonly [K, V])[] {
    return [...this.items.values()].map((bytes) => this.#read(bytes))
  }

  keys(): readonly K[] {
    return this.entries().map(([key]) => key)
  }

  values(): readonly V[] {
    return this.entries().map(([, value]) => value)
  }

  isEmpty(): boolean {
    return this.items.size === 0
  }

  clear(): void {
    this.items.clear()
  }

  restore(bytes: Uint8Array): void {
    const [key, value] = this.#read(bytes)
    this.put(key, value)
  }

  #idOf(key: K): string {
    return this.#name + Buffer.from(keyBytesOf(key as KeyValue)).toString('latin1')
  }

  #read(bytes: Uint8Array): [K, V] {
    const reader = this.#scratch.reader.load(bytes, 0, bytes.length)
    return [this.#keys.read(reader) as K, this.#values.read(reader) as V]
  }
}

/** The operator state of one subtask. */
export class HeapOperatorState implements OperatorStateBackend {
  readonly #lists = new Map<string, OperatorListState<never>>()
  readonly #maps = new Map<string, BroadcastMapState<never, never>>()
  readonly #scratch: Scratch = { writer: new ByteWriter(), reader: new ByteReader() }
  /** Restored states that have not been declared. */
  readonly #waiting = new Map<string, Uint8Array[]>()

  getListState<T>(descriptor: ListStateDescriptor<T>): ListState<T> {
    return this.#list(LIST_STATE_PREFIX, descriptor)
  }

  getUnionListState<T>(descriptor: ListStateDescriptor<T>): ListState<T> {
    return this.#list(UNION_LIST_STATE_PREFIX, descriptor)
  }

  getBroadcastState<K, V>(descriptor: MapStateDescriptor<K, V>): MapState<K, V> {
    const name = BROADCAST_STATE_PREFIX + descriptor.name
    let state = this.#maps.get(name) as BroadcastMapState<K, V> | undefined
    if (state === undefined) {
      state = new BroadcastMapState<K, V>(
        descriptor.name,
        valueCodecOf(descriptor.keyType, descriptor.name),
        valueCodecOf(descriptor.type, descriptor.name),
        this.#scratch,
      )
      this.#maps.set(name, state as unknown as BroadcastMapState<never, never>)
      this.#restoreMap(name, state as unknown as BroadcastMapState<never, never>)
    }
    return state
  }

  snapshot(writer: ElementSnapshotWriter): void {
    const encoder = new TextEncoder()
    for (const name of [...this.#lists.keys(), ...this.#maps.keys(), ...this.#waiting.keys()]) writer.element(STATE_NAMES, encoder.encode(name))
    for (const [name, { elements }] of this.#lists) for (const bytes of elements) writer.element(name, bytes)
    for (const [name, { items }] of this.#maps) for (const bytes of items.values()) writer.element(name, bytes)
    for (const [name, elements] of this.#waiting) for (const bytes of elements) writer.element(name, bytes)
  }

  restore(reader: ElementSnapshotReader): void {
    const decoder = new TextDecoder()
    const names = new Set<string>()
    reader.elements(STATE_NAMES, (bytes) => names.add(decoder.decode(bytes.slice())))
    for (const name of names) {
      const elements: Uint8Array[] = []
      reader.elements(name, (bytes) => elements.push(bytes.slice()))
      this.#waiting.set(name, elements)
    }
    for (const [name, state] of this.#lists) this.#restoreList(name, state)
    for (const [name, state] of this.#maps) this.#restoreMap(name, state)
  }

  close(): void {
    this.#lists.clear()
    this.#maps.clear()
  }

  #list<T>(prefix: string, descriptor: ListStateDescriptor<T>): ListState<T> {
    const name = prefix + descriptor.name
    let state = this.#lists.get(name) as OperatorListState<T> | undefined
    if (state === undefined) {
      state = new OperatorListState<T>(valueCodecOf(descriptor.type, descriptor.name), this.#scratch)
      this.#lists.set(name, state as unknown as OperatorListState<never>)
      this.#restoreList(name, state as unknown as OperatorListState<never>)
    }
    return state
  }

  #restoreList(name: string, state: OperatorListState<never>): void {
    state.elements.push(...this.#taken(name))
  }

  #restoreMap(name: string, state: BroadcastMapState<never, never>): void {
    for (const bytes of this.#taken(name)) state.restore(bytes)
  }

  #taken(name: string): readonly Uint8Array[] {
    const elements = this.#waiting.get(name) ?? []
    this.#waiting.delete(name)
    return elements
  }
}
