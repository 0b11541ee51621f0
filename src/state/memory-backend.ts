// Keyed state in the slab: the memory backend. Puts the states of a key beside the key (key-store.ts) and hands out their handles. Runs on the
// worker's thread.

import { StateError } from '../base/errors.ts'
import type { RecordBatch } from '../batch/record-batch.ts'
import type { KeyStore, StateLot } from './key-store.ts'
import { LIST_BYTES, StoredListState } from './list-state.ts'
import { MAP_BYTES, StoredMapState } from './map-state.ts'
import {
  type AggregatingState,
  type AggregatingStateDescriptor,
  type KeyedSnapshotReader,
  type KeyedSnapshotWriter,
  type KeyedStateBackend,
  type KeyHandle,
  type ListState,
  type ListStateDescriptor,
  type MapState,
  type MapStateDescriptor,
  type ReducingState,
  type ReducingStateDescriptor,
  type StateDescriptor,
  type StateScope,
  type ValueState,
  type ValueStateDescriptor,
  type StateTtlConfig,
} from './state.ts'
import { decideState, stateRefused } from './state-evolution.ts'
import {
  describeState,
  formatStateSchema,
  KEY_STATE_PREFIX,
  keyedSchemaOf,
  NAMESPACE_STATE_PREFIX,
  readStateSchemas,
  type StateSchema,
} from './state-schema.ts'
import { AggregatedState, FoldedState, type HandleOptions, type StoredState, TTL_BYTES, valueSlotBytes, valueStateOf } from './value-states.ts'
import { ByteReader, ByteWriter } from './value-codec.ts'

const NAMESPACE_BYTES = 16
const CLEANUP_RECORDS_DEFAULT = 16
const NO_NAMESPACE = new Uint8Array(0)

/** A state that has been asked for. */
export interface Declared {
  readonly descriptor: StateDescriptor
  readonly scope: StateScope
  readonly handle: StoredState
  /** Where it lies, and how many bytes of that are its own. */
  readonly lot: StateLot
  readonly slotBytes: number
  /** Under its name in snapshots. */
  readonly schema: StateSchema
}

/** A restored state that nobody has declared yet. */
interface WaitingState {
  readonly schema: StateSchema
  readonly entries: readonly WaitingEntry[]
}

interface WaitingEntry {
  readonly keyGroup: number
  readonly namespace: Uint8Array
  readonly key: Uint8Array
  readonly value: Uint8Array
}

/** The state of all keys of one operator, in memory. */
export class MemoryStateBackend implements KeyedStateBackend {
  readonly store: KeyStore
  /** The states of keys, and those of namespaces, in the order of their declaration. */
  protected readonly keyStates: Declared[] = []
  protected readonly namespaceStates: Declared[] = []
  readonly #declared = new Map<string, Declared>()
  /** By descriptor, for functions that ask with each record. */
  readonly #known = { key: new WeakMap<StateDescriptor, Declared>(), namespace: new WeakMap<StateDescriptor, Declared>() }
  readonly #writer = new ByteWriter()
  readonly #reader = new ByteReader()
  readonly #restored = new ByteReader()
  /** Restored states that have not been declared. */
  readonly #waiting = new Map<string, WaitingState>()

  constructor(store: KeyStore) {
    this.store = store
  }

  getState<T>(descriptor: ValueStateDescriptor<T>, scope?: StateScope): ValueState<T>
  getState<T>(descriptor: ListStateDescriptor<T>, scope?: StateScope): ListState<T>
  getState<K, V>(descriptor: MapStateDescriptor<K, V>, scope?: StateScope): MapState<K, V>
  getState<T>(descriptor: ReducingStateDescriptor<T>, scope?: StateScope): ReducingState<T>
  getState<IN, ACC, OUT>(descriptor: AggregatingStateDescriptor<IN, ACC, OUT>, scope?: StateScope): AggregatingState<IN, OUT>
  getState(descriptor: unknown, scope: StateScope = 'key'): never {
    return this.declare(descriptor as StateDescriptor, scope).handle as never
  }

  /** {@link getState} without the types. */
  declare(descriptor: StateDescriptor, scope: StateScope): Declared {
    const known = this.#known[scope].get(descriptor)
    if (known !== undefined) return known
    const declared = this.#declare(descriptor, scope)
    this.#known[scope].set(descriptor, declared)
    return declared
  }

  #declare(descriptor: StateDescriptor, scope: StateScope): Declared {
    const snapshotName = (scope === 'key' ? KEY_STATE_PREFIX : NAMESPACE_STATE_PREFIX) + descriptor.name
    const known = this.#declared.get(snapshotName)
    if (known !== undefined) {
      if (formatStateSchema(known.schema) !== formatStateSchema(keyedSchemaOf(snapshotName, descriptor))) refuseChange(descriptor, known.schema)
      return known
    }
    const bytes = slotBytesOf(descriptor) + (descriptor.ttl !== undefined && descriptor.kind !== 'list' && descriptor.kind !== 'map' ? TTL_BYTES : 0)
    const lot = this.store.allot(scope, bytes)
    const options = { name: descriptor.name, store: this.store, ...lot, ttl: descriptor.ttl, writer: this.#writer, reader: this.#reader }
    const declared = { descriptor, scope, handle: handleOf(options, descriptor), lot, slotBytes: bytes, schema: keyedSchemaOf(snapshotName, descriptor) }
    if (scope === 'key') this.keyStates.push(declared)
    else this.namespaceStates.push(declared)
    this.#declared.set(snapshotName, declared)
    if (descriptor.ttl !== undefined && cleanupOf(descriptor.ttl) > 0) {
      this.store.onSweep = this.#sweep
      this.store.sweepRecords = Math.max(this.store.sweepRecords, cleanupOf(descriptor.ttl))
    }
    const waiting = this.#waiting.get(snapshotName)
    if (waiting !== undefined) {
      this.#waiting.delete(snapshotName)
      this.#restoreLate(declared, waiting)
    }
    return declared
  }

  resolve(batch: RecordBatch, begin: number, end: number, input: number = 0): number {
    return this.store.resolve(batch, begin, end, input)
  }

  resolveKey(keyBytes: Uint8Array): KeyHandle {
    return this.store.resolveKey(keyBytes)
  }

  select(key: KeyHandle): void {
    this.store.select(key)
  }

  get currentKey(): KeyHandle {
    return this.store.key.record
  }

  currentKeyBytes(): Uint8Array {
    return this.store.bytesOf(this.store.key.record)
  }

  currentKeyValue(): unknown {
    return this.store.valueOf(this.store.key.record)
  }

  get currentKeyGroup(): number {
    return this.store.groupOf(this.store.key.record)
  }

  setNamespace(first: number, second: number): void {
    this.store.setNamespace(first, second)
  }

  get namespaceFirst(): number {
    return this.store.namespaceFirst
  }

  get namespaceSecond(): number {
    return this.store.namespaceSecond
  }

  clearNamespace(): void {
    if (this.store.namespace.record !== 0) for (const { scope, handle } of this.#declared.values()) if (scope === 'namespace') handle.clear()
  }

  setProcessingTimeMs(nowMs: number): void {
    this.store.nowMs = nowMs
  }

  settle(): void {
    this.store.settle()
  }

  forEachKey(descriptor: StateDescriptor, visit: () => void): void {
    const { handle } = this.declare(descriptor, 'key')
    this.store.forEach('key', (record) => {
      // What has expired goes when it is looked at.
      this.store.keep(record)
      if (!handle.holds()) return
      this.store.touch(record)
      visit()
    })
  }

  get keyCount(): number {
    return this.store.keyCount
  }

  snapshot(writer: KeyedSnapshotWriter): void {
    const { store } = this
    for (const { schema } of [...this.#declared.values(), ...this.#waiting.values()]) describeState(writer, schema)
    for (const [name, { entries }] of this.#waiting)
      for (const { keyGroup, namespace, key, value } of entries) writer.keyed(name, keyGroup, namespace, key, value)
    for (const scope of ['key', 'namespace'] as const) this.#snapshotScope(scope, writer)
    store.beginEpoch(this.#hasEpochs ? writer.nextEpoch : 0)
  }

  get #hasEpochs(): boolean {
    return this.store.tier?.hasEpochs ?? true
  }

  #snapshotScope(scope: StateScope, writer: KeyedSnapshotWriter): void {
    const { store } = this
    const { since } = writer
    const states = [...this.#declared.values()].filter((state) => state.scope === scope)
    const isChange = this.#hasEpochs && since > 0 && store.knowsRemovals(since) && states.every(({ schema }) => writer.changes(schema.name))
    // Kernels write what they can, the rest is written one by one.
    const others: Declared[] = []
    for (const state of states)
      if (state.handle.place === undefined) others.push(state)
      else writer.records(state.schema.name, store.records(scope, state.handle.place))
    this.snapshotCold(scope, writer, isChange ? since : 0)
    if (others.length > 0) {
      const bytes = new ByteWriter()
      store.forEach(scope, (record) => {
        if (isChange && !store.isTouched(record, since)) return
        const key = store.key.record
        const isSaved = isChange && store.isSaved(record)
        let keyBytes: Uint8Array | undefined
        let namespace: Uint8Array = NO_NAMESPACE
        for (const { handle, schema } of others) {
          const holds = handle.holds()
          if (!holds && !isSaved) continue
          if (keyBytes === undefined) {
            keyBytes = store.bytesOf(key)
            if (scope === 'namespace') namespace = namespaceBytes(store.namespaceFirst, store.namespaceSecond)
          }
          if (!holds) {
            writer.removed(schema.name, store.groupOf(key), namespace, keyBytes)
            continue
          }
          store.noteSaved(record)
          bytes.at = 0
          handle.save(bytes)
          writer.keyed(schema.name, store.groupOf(key), namespace, keyBytes, bytes.copy())
        }
      })
    }
    if (!isChange) return
    for (const { keyGroup, key, first, second } of store.removedSince(since)) {
      const isKey = Number.isNaN(first)
      if (isKey !== (scope === 'key')) continue
      const namespace = isKey ? NO_NAMESPACE : namespaceBytes(first, second)
      for (const { schema } of states) writer.removed(schema.name, keyGroup, namespace, key)
    }
  }

  /** Writes keys that are not in memory; those that were used in epoch `since` or later, and what they no longer hold, unless it is 0. */
  protected snapshotCold(_scope: StateScope, _writer: KeyedSnapshotWriter, _since: number): void {}

  restore(reader: KeyedSnapshotReader): void {
    const { start, end } = this.store.keyGroups
    let count = 0
    for (const [name, schema] of readStateSchemas(reader)) {
      if (!name.startsWith(KEY_STATE_PREFIX) && !name.startsWith(NAMESPACE_STATE_PREFIX)) continue
      const declared = this.#declared.get(name)
      const migrate = declared && migrationOf(declared, schema)
      const waiting: WaitingEntry[] = []
      reader.keyed(name, (keyGroup, namespace, key, value) => {
        if (keyGroup < start || keyGroup > end) return
        if (declared !== undefined) {
          this.#restoreEntry(declared, namespace, key, migrate === undefined ? value : migrate(value, this.store.nowMs))
          this.restored(++count)
        } else waiting.push({ keyGroup, namespace: namespace.slice(), key: key.slice(), value: value.slice() })
      })
      if (declared === undefined) this.#waiting.set(name, { schema, entries: waiting })
    }
    this.store.select(0)
  }

  /** Called behind each entry that {@link restore} has read, the count-th. */
  protected restored(_count: number): void {}

  close(): void {
    this.store.finishRecords()
    for (const scope of ['key', 'namespace'] as const) {
      const states = [...this.#declared.values()].filter((state) => state.scope === scope)
      this.store.forEach(scope, () => {
        for (const { handle } of states) handle.clear()
      })
    }
    this.store.close()
  }

  #restoreEntry({ scope, handle }: Declared, namespace: Uint8Array, key: Uint8Array, value: Uint8Array): void {
    const { store } = this
    store.select(store.resolveKey(key))
    if (scope === 'namespace') setNamespaceBytes(store, namespace)
    handle.load(this.#restored.load(value, 0, value.length))
  }

  /** A state may be declared in the middle of a record, whose key then stays the current one. */
  #restoreLate(declared: Declared, { schema, entries }: WaitingState): void {
    const { store } = this
    const migrate = migrationOf(declared, schema)
    const { namespaceFirst, namespaceSecond } = store
    const key = store.key.record
    for (const { namespace, key, value } of entries) {
      this.#restoreEntry(declared, namespace, key, migrate === undefined ? value : migrate(value, store.nowMs))
      // Checkpoints since the restore hold it: if it is removed the next one has to say so.
      store.noteSaved(declared.scope === 'key' ? store.key.record : store.namespace.record)
    }
    store.select(key)
    if (key !== 0 && namespaceFirst === namespaceFirst) store.setNamespace(namespaceFirst, namespaceSecond)
  }

  readonly #sweep = (scope: StateScope): void => {
    for (const { scope: own, handle, descriptor } of this.#declared.values())
      if (own === scope && descriptor.ttl !== undefined && cleanupOf(descriptor.ttl) > 0) handle.holds()
  }
}

/** The 16 bytes that name a namespace in snapshots. */
export function namespaceBytes(first: number, second: number): Uint8Array {
  const bytes = new Uint8Array(NAMESPACE_BYTES)
  const view = new DataView(bytes.buffer)
  view.setFloat64(0, first, true)
  view.setFloat64(8, second, true)
  return bytes
}

/** Makes the namespace of {@link namespaceBytes} the current one. */
export function setNamespaceBytes(store: KeyStore, bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  store.setNamespace(view.getFloat64(0, true), view.getFloat64(8, true))
}

function cleanupOf({ cleanupIncrementally = CLEANUP_RECORDS_DEFAULT }: StateTtlConfig): number {
  return cleanupIncrementally
}

function slotBytesOf(descriptor: StateDescriptor): number {
  if (descriptor.kind === 'list') return LIST_BYTES
  return descriptor.kind === 'map' ? MAP_BYTES : valueSlotBytes(descriptor.type)
}

function handleOf(options: HandleOptions, descriptor: StateDescriptor): StoredState {
  switch (descriptor.kind) {
    case 'value':
      return valueStateOf(options, descriptor.type)
    case 'list':
      return new StoredListState(options, descriptor.type)
    case 'map':
      return new StoredMapState(options, descriptor.keyType, descriptor.type)
    case 'reducing':
      return new FoldedState(valueStateOf(options, descriptor.type), descriptor.reduce)
    case 'aggregating':
      return new AggregatedState(valueStateOf(options, descriptor.type), descriptor.aggregate)
  }
}

function refuseChange(descriptor: StateDescriptor, known: StateSchema): never {
  throw new StateError(
    'STATE_CHANGED',
    `Cannot use state "${descriptor.name}" as ${formatStateSchema(keyedSchemaOf(known.name, descriptor))}: it was declared as ${formatStateSchema(known)}`,
  )
}

/** What rewrites the entries of a state; undefined if they stay as they are. @throws {RestoreError} `STATE_CHANGED` if they cannot follow. */
function migrationOf({ schema, descriptor }: Declared, saved: StateSchema): ((entry: Uint8Array, nowMs: number) => Uint8Array) | undefined {
  const decision = decideState(saved, schema, descriptor.evolution)
  if (decision.verdict === 'refuse') throw stateRefused(descriptor.name, decision.reason)
  return decision.verdict === 'migrate' ? decision.migrate : undefined
}
