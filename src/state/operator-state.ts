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
  type StateEvolution,
} from './state.ts'
import { decideState, stateRefused } from './state-evolution.ts'
import {
  describeState,
  LIST_STATE_PREFIX,
  readStateSchemas,
  schemaOf,
  shownNameOf,
  type StateKind,
  type StateSchema,
  UNION_LIST_STATE_PREFIX,
} from './state-schema.ts'
import { ByteReader, ByteWriter, type ValueCodec, valueCodecOf } from './value-codec.ts'

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

/** A restored state that has not been declared. */
interface WaitingState {
  readonly schema: StateSchema
  readonly elements: readonly Uint8Array[]
}

interface DeclaredState {
  readonly schema: StateSchema
  readonly evolution: StateEvolution | undefined
  readonly elements: Iterable<Uint8Array>
  restore(bytes: Uint8Array): void
}

const PREFIXES = [LIST_STATE_PREFIX, UNION_LIST_STATE_PREFIX, BROADCAST_STATE_PREFIX]

/** The operator state of one subtask. */
export class HeapOperatorState implements OperatorStateBackend {
  readonly #lists = new Map<string, OperatorListState<never>>()
  readonly #maps = new Map<string, BroadcastMapState<never, never>>()
  /** Both, by name. */
  readonly #declared = new Map<string, DeclaredState>()
  readonly #scratch: Scratch = { writer: new ByteWriter(), reader: new ByteReader() }
  readonly #waiting = new Map<string, WaitingState>()

  getListState<T>(descriptor: ListStateDescriptor<T>): ListState<T> {
    return this.#list(LIST_STATE_PREFIX, 'operator-list', descriptor)
  }

  getUnionListState<T>(descriptor: ListStateDescriptor<T>): ListState<T> {
    return this.#list(UNION_LIST_STATE_PREFIX, 'union-list', descriptor)
  }

  getBroadcastState<K, V>(descriptor: MapStateDescriptor<K, V>): MapState<K, V> {
    const name = BROADCAST_STATE_PREFIX + descriptor.name
    const known = this.#maps.get(name) as BroadcastMapState<K, V> | undefined
    if (known !== undefined) return known
    const { keyType, type, evolution } = descriptor
    const state = new BroadcastMapState<K, V>(descriptor.name, valueCodecOf(keyType, descriptor.name), valueCodecOf(type, descriptor.name), this.#scratch)
    this.#maps.set(name, state as unknown as BroadcastMapState<never, never>)
    const schema = schemaOf(name, 'broadcast', descriptor)
    this.#declare({ schema, evolution, elements: { [Symbol.iterator]: () => state.items.values() }, restore: (bytes) => state.restore(bytes) })
    return state
  }

  snapshot(writer: ElementSnapshotWriter): void {
    for (const { schema, elements } of [...this.#declared.values(), ...this.#waiting.values()]) {
      describeState(writer, schema)
      for (const bytes of elements) writer.element(schema.name, bytes)
    }
  }

  restore(reader: ElementSnapshotReader): void {
    for (const [name, schema] of readStateSchemas(reader)) {
      if (!PREFIXES.some((prefix) => name.startsWith(prefix))) continue
      const elements: Uint8Array[] = []
      reader.elements(name, (bytes) => elements.push(bytes.slice()))
      this.#waiting.set(name, { schema, elements })
    }
    for (const state of this.#declared.values()) this.#restore(state)
  }

  close(): void {
    this.#lists.clear()
    this.#maps.clear()
    this.#declared.clear()
  }

  #list<T>(prefix: string, kind: StateKind, descriptor: ListStateDescriptor<T>): ListState<T> {
    const name = prefix + descriptor.name
    const known = this.#lists.get(name) as OperatorListState<T> | undefined
    if (known !== undefined) return known
    const state = new OperatorListState<T>(valueCodecOf(descriptor.type, descriptor.name), this.#scratch)
    this.#lists.set(name, state as unknown as OperatorListState<never>)
    this.#declare({
      schema: schemaOf(name, kind, descriptor),
      evolution: descriptor.evolution,
      elements: { [Symbol.iterator]: () => state.elements.values() },
      restore: (bytes) => state.elements.push(bytes),
    })
    return state
  }

  #declare(state: DeclaredState): void {
    this.#declared.set(state.schema.name, state)
    this.#restore(state)
  }

  /** Gives a state what was restored of it. @throws {RestoreError} `STATE_CHANGED` if its values cannot follow. */
  #restore({ schema, evolution, restore }: DeclaredState): void {
    const title = shownNameOf(schema.name)
    // Under its name in another role: what a subtask has been dealt of a list is not the list.
    const other = PREFIXES.map((prefix) => this.#waiting.get(prefix + title)).find((state) => state !== undefined && state.schema.name !== schema.name)
    const waiting = this.#waiting.get(schema.name) ?? other
    if (waiting === undefined) return
    const decision = decideState(waiting.schema, schema, evolution)
    if (decision.verdict === 'refuse') throw stateRefused(title, decision.reason)
    this.#waiting.delete(waiting.schema.name)
    for (const bytes of waiting.elements) restore(decision.verdict === 'migrate' ? decision.migrate(bytes, 0) : bytes)
  }
}
