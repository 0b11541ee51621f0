// The state contracts: descriptors that name a state, handles through which functions use it, and the backend that keeps it. Contracts only.
// One suite runs against every backend (test/contract/state-contract.ts).

import { PlanError } from '../base/errors.ts'
import { type OptionKeys, refuseUnknownOptions } from '../base/option-keys.ts'
import type { RecordBatch } from '../batch/record-batch.ts'
import type { DataType, LogicalType } from '../batch/types.ts'
import type { RecordSource } from './record-rooms.ts'

/** How long an entry of a state lives, in processing time; Flink's names. */
export interface StateTtlConfig {
  /** Milliseconds from the last refresh; at least 1. */
  readonly ttlMs: number
  /**
   * What refreshes an entry: creating and writing it, or reading it too. `Disabled`: nothing expires.
   *
   * @default 'OnCreateAndWrite'
   */
  readonly updateType?: 'Disabled' | 'OnCreateAndWrite' | 'OnReadAndWrite'
  /**
   * Whether an entry that has expired is absent at once, or only once it has been cleaned up. Reading does not refresh it.
   *
   * @default 'NeverReturnExpired'
   */
  readonly stateVisibility?: 'NeverReturnExpired' | 'ReturnExpiredIfNotCleanedUp'
  /**
   * Keys that are looked at behind each batch, to remove what has expired there; the most that any state of the operator asks for. 0: none, then
   * only reading, writing and snapshots remove. A full snapshot never holds what has expired.
   *
   * @default 16
   */
  readonly cleanupIncrementally?: number
}

/**
 * How the columns of a ROW follow from those that a snapshot has: needed where the types alone do not say it. Columns are named with those they lie
 * in: `address.zip`. Of lists it is about the elements, of maps about the values. It may stay once it was applied.
 */
export interface StateEvolution {
  /** New names by old ones: `{ amount: 'price' }`. */
  readonly renamed?: Readonly<Record<string, string>>
  /** Columns that are gone for good. Needed only where a new one could be taken for them. */
  readonly dropped?: readonly string[]
  /** Values of columns that are new. @default NULL */
  readonly defaults?: Readonly<Record<string, unknown>>
}

/** What every state may be given. */
export interface StateOptions extends StateEvolution {
  /** Lets entries expire. In a list each element has its own age, in a map each entry. */
  readonly ttl?: StateTtlConfig
}

interface DescriptorBase {
  /** Unique within the operator; it finds the state in a snapshot. */
  readonly name: string
  readonly ttl: StateTtlConfig | undefined
  /** Undefined: what the types say is all there is to say. */
  readonly evolution?: StateEvolution
}

// The type parameters of descriptors that hold no value of them.
declare const stateType: unique symbol

/** One value per key. */
export interface ValueStateDescriptor<T> extends DescriptorBase {
  readonly kind: 'value'
  /** How values are stored; undefined = as they are: any value that structured clone takes comes back as it would give it. */
  readonly type: LogicalType | undefined
  readonly [stateType]?: T
}

/** A list per key. */
export interface ListStateDescriptor<T> extends DescriptorBase {
  readonly kind: 'list'
  readonly type: LogicalType | undefined
  readonly [stateType]?: T
}

/** A map per key. */
export interface MapStateDescriptor<K, V> extends DescriptorBase {
  readonly kind: 'map'
  readonly keyType: LogicalType | undefined
  readonly type: LogicalType | undefined
  readonly [stateType]?: [K, V]
}

/** One value per key into which added values are folded. */
export interface ReducingStateDescriptor<T> extends DescriptorBase {
  readonly kind: 'reducing'
  readonly type: LogicalType | undefined
  readonly reduce: (left: T, right: T) => T
}

/** Folds inputs into an accumulator and takes the result from it. Pure: no state of its own. */
export interface AggregateFunction<IN, ACC, OUT> {
  createAccumulator(): ACC
  /** Returns the accumulator with `value` in it: the given one, changed, or another. */
  add(value: IN, accumulator: ACC): ACC
  getResult(accumulator: ACC): OUT
  /** Joins two accumulators: needed where windows merge. */
  merge?(left: ACC, right: ACC): ACC
}

/** One accumulator per key. */
export interface AggregatingStateDescriptor<IN, ACC, OUT> extends DescriptorBase {
  readonly kind: 'aggregating'
  /** How the accumulator is stored. */
  readonly type: LogicalType | undefined
  readonly aggregate: AggregateFunction<IN, ACC, OUT>
}

/** A descriptor of any kind. */
export type StateDescriptor =
  | ValueStateDescriptor<unknown>
  | ListStateDescriptor<unknown>
  | MapStateDescriptor<unknown, unknown>
  | ReducingStateDescriptor<never>
  | AggregatingStateDescriptor<never, never, unknown>

const STATE_KEYS: OptionKeys<StateOptions> = { ttl: true, renamed: true, dropped: true, defaults: true }
const TTL_KEYS: OptionKeys<StateTtlConfig> = { ttlMs: true, updateType: true, stateVisibility: true, cleanupIncrementally: true }

/** What a descriptor takes from its options. */
function checked(name: string, options: StateOptions, type: LogicalType | undefined): Pick<DescriptorBase, 'ttl' | 'evolution'> {
  const ttl = checkedTtl(name, options)
  const { renamed, dropped, defaults } = options
  if (renamed === undefined && dropped === undefined && defaults === undefined) return { ttl }
  const refuse = (reason: string): never => {
    throw new PlanError('INVALID_STATE', `Cannot declare state "${name}": ${reason}`)
  }
  const isDeclared = (path: string): boolean => hasColumn(type, path.split('.'))
  for (const [old, column] of Object.entries(renamed ?? {})) {
    const path = [...old.split('.').slice(0, -1), column].join('.')
    if (!isDeclared(path)) refuse(`"${old}" is renamed to "${column}", and its type has no column "${path}"`)
  }
  for (const column of dropped ?? []) if (isDeclared(column)) refuse(`column "${column}" is said to be dropped, and its type has it`)
  for (const column of Object.keys(defaults ?? {})) if (!isDeclared(column)) refuse(`"${column}" has a default, and its type has no such column`)
  return { ttl, evolution: Object.freeze({ ...(renamed && { renamed }), ...(dropped && { dropped }), ...(defaults && { defaults }) }) }
}

function hasColumn(type: LogicalType | undefined, [name, ...rest]: readonly string[]): boolean {
  if (type?.kind === 'ARRAY') return hasColumn(type.element, [name, ...rest])
  if (type?.kind === 'MAP') return hasColumn(type.value, [name, ...rest])
  const field = type?.kind === 'ROW' ? type.fields.find((candidate) => candidate.name === name) : undefined
  return field !== undefined && (rest.length === 0 || hasColumn(field.type, rest))
}

function checkedTtl(name: string, options: StateOptions): StateTtlConfig | undefined {
  if (name === '') throw new PlanError('INVALID_STATE', 'Cannot declare a state without a name')
  refuseUnknownOptions(`declare state "${name}"`, options, STATE_KEYS)
  const { ttl } = options
  if (ttl !== undefined) refuseUnknownOptions(`let state "${name}" expire`, ttl, TTL_KEYS)
  if (ttl !== undefined && !(ttl.ttlMs >= 1))
    throw new PlanError('INVALID_STATE', `Cannot declare state "${name}": its TTL is ${ttl.ttlMs} ms, it must be at least 1 ms`)
  const { cleanupIncrementally = 0 } = ttl ?? {}
  if (!Number.isInteger(cleanupIncrementally) || cleanupIncrementally < 0)
    throw new PlanError('INVALID_STATE', `Cannot declare state "${name}": cleanupIncrementally is ${cleanupIncrementally}, it must be an integer of 0 or more`)
  return ttl?.updateType === 'Disabled' ? undefined : ttl
}

/**
 * Declares a state of one value per key.
 *
 * @example
 * const count = valueState('count', t.double())
 */
export function valueState<T>(name: string, type?: DataType<T>, options: StateOptions = {}): ValueStateDescriptor<T> {
  return Object.freeze({ kind: 'value', name, type: type?.logical, ...checked(name, options, type?.logical) })
}

/** Declares a state of a list per key; `type` is that of its elements. */
export function listState<T>(name: string, type?: DataType<T>, options: StateOptions = {}): ListStateDescriptor<T> {
  return Object.freeze({ kind: 'list', name, type: type?.logical, ...checked(name, options, type?.logical) })
}

/** Declares a state of a map per key. Map keys are what keys of streams may be; a bigint and an equal number are one key. */
export function mapState<K, V>(name: string, keyType?: DataType<K>, valueType?: DataType<V>, options: StateOptions = {}): MapStateDescriptor<K, V> {
  return Object.freeze({ kind: 'map', name, keyType: keyType?.logical, type: valueType?.logical, ...checked(name, options, valueType?.logical) })
}

/** Declares a state that folds added values with `reduce`. */
export function reducingState<T>(name: string, reduce: (left: T, right: T) => T, type?: DataType<T>, options: StateOptions = {}): ReducingStateDescriptor<T> {
  return Object.freeze({ kind: 'reducing', name, reduce, type: type?.logical, ...checked(name, options, type?.logical) })
}

/** Declares a state that folds added values into an accumulator of type `accumulatorType`. */
export function aggregatingState<IN, ACC, OUT>(
  name: string,
  aggregate: AggregateFunction<IN, ACC, OUT>,
  accumulatorType?: DataType<ACC>,
  options: StateOptions = {},
): AggregatingStateDescriptor<IN, ACC, OUT> {
  return Object.freeze({ kind: 'aggregating', name, aggregate, type: accumulatorType?.logical, ...checked(name, options, accumulatorType?.logical) })
}

/**
 * What all handles share. A handle shows the state of the current key (and, if it was asked for in the scope `namespace`, of the current
 * namespace); the engine sets both before it calls user code. Values are encoded when they are written and decoded when they are read: changing
 * an object that was read changes nothing until it is written again.
 */
interface StateHandle {
  /** Removes the state of the current key. */
  clear(): void
}

/** One value. */
export interface ValueState<T> extends StateHandle {
  /** The value, or null if there is none. */
  value(): T | null
  /**
   * Sets the value; null removes it.
   *
   * @throws {BadRecordError} `VALUE_OUT_OF_TYPE` if it does not fit the declared type.
   * @throws {StateError} `VALUE_NOT_ENCODABLE` if no type is declared and it holds a function, a promise, or an object whose content structured clone does not see.
   */
  update(value: T | null): void
}

/** A list. */
export interface ListState<T> extends StateHandle {
  /** All elements in the order they were added; a fresh array, empty if there are none. */
  get(): readonly T[]
  add(value: T): void
  addAll(values: Iterable<T>): void
  /** Replaces the list. */
  update(values: Iterable<T>): void
}

/** A map. Iteration is in insertion order, over the entries as they were when it was asked for. */
export interface MapState<K, V> extends StateHandle {
  /** The value, or null if there is none. */
  get(key: K): V | null
  put(key: K, value: V): void
  putAll(entries: Iterable<readonly [K, V]>): void
  has(key: K): boolean
  /** Removes an entry; returns whether there was one. */
  remove(key: K): boolean
  entries(): readonly (readonly [K, V])[]
  keys(): readonly K[]
  values(): readonly V[]
  isEmpty(): boolean
}

/** A map that cannot be changed: broadcast state as the keyed side sees it. */
export type ReadOnlyMapState<K, V> = Omit<MapState<K, V>, 'put' | 'putAll' | 'remove' | 'clear'>

/** A folded value. */
export interface ReducingState<T> extends StateHandle {
  /** The fold of all added values, or null if there are none. */
  get(): T | null
  add(value: T): void
}

/** A folded accumulator. */
export interface AggregatingState<IN, OUT> extends StateHandle {
  /** The result over all added values, or null if there are none. */
  get(): OUT | null
  add(value: IN): void
}

/** The handle that a descriptor stands for. */
export type StateOf<D> =
  D extends ValueStateDescriptor<infer T>
    ? ValueState<T>
    : D extends ListStateDescriptor<infer T>
      ? ListState<T>
      : D extends MapStateDescriptor<infer K, infer V>
        ? MapState<K, V>
        : D extends ReducingStateDescriptor<infer T>
          ? ReducingState<T>
          : D extends AggregatingStateDescriptor<infer IN, infer _ACC, infer OUT>
            ? AggregatingState<IN, OUT>
            : never

/** Gives handles for descriptors. */
export interface StateStore {
  getState<T>(descriptor: ValueStateDescriptor<T>): ValueState<T>
  getState<T>(descriptor: ListStateDescriptor<T>): ListState<T>
  getState<K, V>(descriptor: MapStateDescriptor<K, V>): MapState<K, V>
  getState<T>(descriptor: ReducingStateDescriptor<T>): ReducingState<T>
  getState<IN, ACC, OUT>(descriptor: AggregatingStateDescriptor<IN, ACC, OUT>): AggregatingState<IN, OUT>
}

/**
 * Where keyed state is written: an entry or a table at a time, and elements that say which states there are. What operators are given fits.
 *
 * A state is written whole, unless {@link changes} says that its changes will do: then what changed in epoch {@link since} or later is written, what
 * was removed, and which namespaces were dropped, whose entries in this snapshot are newer than that. An epoch is the time up to the checkpoint of that
 * number.
 */
export interface KeyedSnapshotWriter extends ElementSnapshotWriter {
  /** Which changes are to be written; 0: everything is. */
  readonly since: number
  /** The epoch that begins behind this snapshot. 0: nobody will ask when an entry changed. */
  readonly nextEpoch: number
  keyed(state: string, keyGroup: number, namespace: Uint8Array, key: Uint8Array, value: Uint8Array): void
  /** Asks, before a state's first record, whether only its changes are to be written. A caller who asks can tell what they are. */
  changes(state: string): boolean
  /** An entry that is no more. Only of states whose changes are written. */
  removed(state: string, keyGroup: number, namespace: Uint8Array, key: Uint8Array): void
  /** A namespace of which nothing is left from before. Only of states whose changes are written. */
  dropped(state: string, namespace: Uint8Array): void
  /** All entries that a source has, or those that changed. They are read until the checkpoint is complete, or the next one begins. */
  records(state: string, source: RecordSource): void
}

/** Where keyed state is read: only entries of the own key groups, in any order. */
export interface KeyedSnapshotReader extends ElementSnapshotReader {
  keyed(state: string, visit: (keyGroup: number, namespace: Uint8Array, key: Uint8Array, value: Uint8Array) => void): void
}

/** Stands for a key while it has state, a timer, or is in the batch last resolved. 0 is none. */
export type KeyHandle = number

/** `key`: one per key. `namespace`: one per key and namespace (a window, say). */
export type StateScope = 'key' | 'namespace'

/**
 * The state of all keys of one keyed operator. Used by the operator, on its thread; user functions see handles only.
 *
 * Turn: {@link resolve} a batch's rows to key handles; {@link select} the row's key, {@link setNamespace} if need be; use handles; {@link settle}
 * once the rows are done, which frees keys that hold nothing any more.
 */
export interface KeyedStateBackend {
  /**
   * The handle of a state in a scope; the same one each time for one name. Best declared before the first key is seen (in `open`): such states lie
   * beside their key; later ones cost a look-up more.
   *
   * @throws {StateError} `STATE_CHANGED` if the name was declared otherwise before.
   */
  getState<T>(descriptor: ValueStateDescriptor<T>, scope?: StateScope): ValueState<T>
  getState<T>(descriptor: ListStateDescriptor<T>, scope?: StateScope): ListState<T>
  getState<K, V>(descriptor: MapStateDescriptor<K, V>, scope?: StateScope): MapState<K, V>
  getState<T>(descriptor: ReducingStateDescriptor<T>, scope?: StateScope): ReducingState<T>
  getState<IN, ACC, OUT>(descriptor: AggregatingStateDescriptor<IN, ACC, OUT>, scope?: StateScope): AggregatingState<IN, OUT>

  /**
   * Finds the keys of the rows at logical positions `begin..end` of a batch of input `input`, making those that are new.
   *
   * @returns Address of u32[end - begin] key handles, good until {@link settle}.
   */
  resolve(batch: RecordBatch, begin: number, end: number, input?: number): number
  /** The handle of canonical key bytes, made if new. */
  resolveKey(keyBytes: Uint8Array): KeyHandle
  /** Makes a key current. The current namespace is none until set. */
  select(key: KeyHandle): void
  /** The current key; 0 before the first {@link select}. */
  readonly currentKey: KeyHandle
  /** Canonical bytes of the current key: a copy. */
  currentKeyBytes(): Uint8Array
  /** The current key as user code knows it. */
  currentKeyValue(): unknown
  readonly currentKeyGroup: number

  /** Makes a namespace of the current key current: two integral numbers within ±(2^53 - 1), or infinite. Reading makes nothing; writing makes it. */
  setNamespace(first: number, second: number): void
  /** The current namespace. */
  readonly namespaceFirst: number
  readonly namespaceSecond: number
  /** Clears all state of the current namespace. Its timers stay. */
  clearNamespace(): void

  /** Processing time, as TTL sees it from now on. Called once a step. */
  setProcessingTimeMs(nowMs: number): void
  /** Frees keys and namespaces without state and timers, and a few expired entries. Key handles of {@link resolve} are void afterwards. */
  settle(): void
  /** Calls `visit` with each key that holds something in a state as the current one. `visit` may change that key's state only. */
  forEachKey(descriptor: StateDescriptor, visit: () => void): void

  /** Number of keys that are held. */
  readonly keyCount: number
  snapshot(writer: KeyedSnapshotWriter): void
  /** Reads all state. That of descriptors which are not declared yet is kept until they are, through snapshots too. */
  restore(reader: KeyedSnapshotReader): void
  close(): void
}

/** Where operator state is written. What operators are given fits. */
export interface ElementSnapshotWriter {
  element(state: string, value: Uint8Array): void
}

export interface ElementSnapshotReader {
  elements(state: string, visit: (value: Uint8Array) => void): void
}

/** Prefix of the snapshot names of union list states: a restore gives all elements to every subtask. */
export const UNION_STATE_PREFIX = 'union:'
/** Prefix of the snapshot names of what each subtask knows for itself: at its own parallelism a restore gives it that; at another one all elements to all. */
export const OWN_STATE_PREFIX = 'own:'
/** Prefix of the snapshot names of broadcast states: equal in all subtasks; a restore gives one subtask's elements to every subtask. */
export const BROADCAST_STATE_PREFIX = 'broadcast:'

/** State that belongs to the subtask, not to a key. */
export interface OperatorStateBackend {
  /** A list whose elements a restore deals out among the subtasks. */
  getListState<T>(descriptor: ListStateDescriptor<T>): ListState<T>
  /** A list all of whose elements, of all subtasks, a restore gives to each subtask. */
  getUnionListState<T>(descriptor: ListStateDescriptor<T>): ListState<T>
  /** A map that is the same in every subtask, because every subtask sees the same broadcast records. */
  getBroadcastState<K, V>(descriptor: MapStateDescriptor<K, V>): MapState<K, V>
  snapshot(writer: ElementSnapshotWriter): void
  restore(reader: ElementSnapshotReader): void
  close(): void
}
