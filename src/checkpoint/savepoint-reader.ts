// Reads a savepoint or checkpoint without the job that wrote it: what files of state say of themselves is enough. No engine, no threads.

import type { LogicalType } from '../batch/types.ts'
import { PlanError } from '../base/errors.ts'
import { suggest } from '../base/suggest.ts'
import { keyValueOf } from '../state/key-value.ts'
import { entryCodecOf } from '../state/state-entries.ts'
import { decideState, stateRefused } from '../state/state-evolution.ts'
import { formatStateSchema, schemaOf, shownNameOf, type StateKind, type StateSchema } from '../state/state-schema.ts'
import {
  type AggregatingStateDescriptor,
  BROADCAST_STATE_PREFIX,
  type ListStateDescriptor,
  type MapStateDescriptor,
  type ReducingStateDescriptor,
  type StateDescriptor,
  type ValueStateDescriptor,
} from '../state/state.ts'
import { type JobSnapshot, SnapshotParts } from './job-snapshot.ts'
import type { Metadata } from './metadata.ts'
import { formatKeyParts, type KeyPart } from './operator-signature.ts'
import { readSavepoint } from './savepoint.ts'
import { type OperatorSummary, type StateSummary, summarize } from './snapshot-summary.ts'

/** A state of a savepoint. */
export interface SavepointState {
  /** As its descriptor names it; of what an operator keeps for itself the engine's own. */
  readonly name: string
  /** `internal`: what an operator keeps for itself, positions in splits and the like: its values are bytes. */
  readonly kind: StateKind | 'internal'
  /** Whether it is kept by key, by key and namespace (a window, say), or belongs to the operator. */
  readonly scope: 'key' | 'namespace' | 'operator'
  /** In words, with its types: "value state of INT NOT NULL". */
  readonly description: string
  /** Keys that hold something in it; with a namespace, keys and namespaces; of an operator's state, elements over all subtasks. */
  readonly entries: number
  readonly bytes: number
}

/** An operator of a savepoint. */
export interface SavepointOperator {
  readonly uid: string
  readonly name: string
  /** In words: "process function". */
  readonly type: string
  /** In words; undefined for operators without a key. */
  readonly key: string | undefined
  /** Subtasks that it had. */
  readonly parallelism: number
  readonly maxParallelism: number
  readonly states: readonly SavepointState[]
  readonly bytes: number
}

/** What one key, or one key and namespace, holds in a state; of an operator's state one element. */
export interface SavepointEntry<V = unknown> {
  /** As user code sees it: several columns as an object. Of broadcast state the key within it; undefined for elements of lists. */
  readonly key: unknown
  /** The two numbers of a window, say its start and its end; undefined outside of namespaces. */
  readonly namespace: readonly number[] | undefined
  /** A list as an array, a map as a Map, a timer as its time in epoch ms; bytes where nothing is known of it. */
  readonly value: V
}

/** What `valueState`, `listState` and the like return, whatever their types. */
export type AnyStateDescriptor = Pick<StateDescriptor, 'kind' | 'name'>

/** What the entries of a state are read as by its descriptor. */
export type SavepointValueOf<D> =
  D extends ListStateDescriptor<infer T>
    ? readonly T[]
    : D extends MapStateDescriptor<infer K, infer V>
      ? ReadonlyMap<K, V>
      : D extends ValueStateDescriptor<infer T>
        ? T
        : D extends ReducingStateDescriptor<infer T>
          ? T
          : D extends AggregatingStateDescriptor<never, infer ACC, unknown>
            ? ACC
            : unknown

const ALL_KEY_GROUPS = { start: 0, end: Infinity }
const KEYED: Readonly<Record<string, string>> = { 'key:': 'key', 'namespace:': 'namespace' }

/**
 * A savepoint, or a checkpoint, whose every byte has been checked. It is held in memory as it is encoded; entries are decoded one by one.
 *
 * @example
 * const savepoint = await Savepoint.read('savepoints/friday')
 * for (const { uid, states } of savepoint.operators) console.log(uid, states.map(({ name, entries }) => `${name}: ${entries}`))
 * for await (const { key, value } of savepoint.state('counter', valueState('count', t.int()))) console.log(key, value)
 */
export class Savepoint {
  /** Name of the job that wrote it. */
  readonly jobName: string
  readonly checkpointId: number
  /** When it was begun: epoch ms. */
  readonly timestampMs: number
  /** Version of the package that wrote it. */
  readonly engineVersion: string
  /** In the order of the job. */
  readonly operators: readonly SavepointOperator[]
  /** Bytes of all state. */
  readonly bytes: number
  readonly #summaries: readonly OperatorSummary[]
  readonly #parts: SnapshotParts

  private constructor(snapshot: JobSnapshot, metadata: Metadata) {
    this.#parts = new SnapshotParts(snapshot)
    this.#summaries = summarize(snapshot, this.#parts)
    this.jobName = metadata.jobName
    this.checkpointId = metadata.checkpointId
    this.timestampMs = metadata.timestampMs
    this.engineVersion = metadata.engineVersion
    this.operators = this.#summaries.map(operatorOf)
    this.bytes = this.#summaries.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /**
   * Reads a folder.
   *
   * @throws {RestoreError} `NO_SAVEPOINT` if there is none, `SNAPSHOT_DAMAGED` if it is not, to the byte, what was written, `SNAPSHOT_VERSION` if
   *   another release wrote it; and what the system throws.
   */
  static async read(folder: string): Promise<Savepoint> {
    const { snapshot, metadata } = await readSavepoint(folder)
    return new Savepoint(snapshot, metadata)
  }

  /**
   * The entries of a state, in the order of key groups where it has keys. Given a descriptor, values come as that declares them, changed as a restore
   * would change them. What has expired is still there.
   *
   * @param uid Of the operator.
   * @param state Its descriptor; or its name, for values as they were written.
   * @throws {PlanError} `UNKNOWN_STATE` if there is no such operator or state. {@link RestoreError} `STATE_CHANGED` if the descriptor does not fit.
   */
  state<D extends AnyStateDescriptor>(uid: string, state: D): AsyncIterable<SavepointEntry<SavepointValueOf<D>>>
  state(uid: string, state: string): AsyncIterable<SavepointEntry>
  state(uid: string, state: string | AnyStateDescriptor): AsyncIterable<SavepointEntry> {
    const name = typeof state === 'string' ? state : state.name
    const operator = this.#operator(uid)
    const summary = stateOf(operator, name)
    const descriptor = typeof state === 'string' ? undefined : (state as StateDescriptor)
    return this.#entries(operator, summary, descriptor && evolvedSchema(summary, descriptor), descriptor)
  }

  #operator(uid: string): OperatorSummary {
    const operator = this.#summaries.find((candidate) => candidate.uid === uid)
    if (operator !== undefined) return operator
    throw unknown(
      `an operator with uid "${uid}"`,
      uid,
      this.#summaries.map((known) => known.uid),
    )
  }

  async *#entries(
    operator: OperatorSummary,
    { name, schema, isKeyed }: StateSummary,
    declared: StateSchema | undefined,
    descriptor: StateDescriptor | undefined,
  ): AsyncGenerator<SavepointEntry> {
    const wanted = declared ?? schema
    const codec = wanted && entryCodecOf(wanted)
    const decision = schema === undefined || declared === undefined ? undefined : decideState(schema, declared, descriptor?.evolution)
    const migrate = decision?.verdict === 'migrate' ? decision.migrate : undefined
    const keyType = keyTypeOf(operator.signature.key)
    const found: SavepointEntry[] = []
    for (const { part } of this.#parts.partsOf(operator)) {
      const reader = part.reader(ALL_KEY_GROUPS)
      // Of a broadcast state every part holds all.
      if (!isKeyed) {
        reader.elements(name, (bytes) => {
          const item = codec?.read(migrate?.(bytes, 0) ?? bytes)[0]
          found.push(
            item === undefined ? { key: undefined, namespace: undefined, value: bytes.slice() } : { key: item.key, namespace: undefined, value: item.value },
          )
        })
        yield* found.splice(0)
        if (name.startsWith(BROADCAST_STATE_PREFIX)) return
        continue
      }
      reader.keyed(name, (_keyGroup, namespace, key, bytes) => {
        const value = codec === undefined ? ownValueOf(schema, bytes) : valueOf(wanted!, codec.read(migrate?.(bytes, 0) ?? bytes))
        // Pairs of a key and a value that was seen have no type of their own.
        found.push({ key: keyValueOf(key.slice(), schema?.kind === 'distinct' ? undefined : keyType), namespace: numbersOf(namespace), value })
      })
      yield* found.splice(0)
    }
  }
}

function stateOf(operator: OperatorSummary, name: string): StateSummary {
  const { states } = operator
  const state = states.find((candidate) => candidate.name === name) ?? states.find((candidate) => shownNameOf(candidate.name) === name)
  if (state !== undefined) return state
  throw unknown(
    `a state "${name}" of the operator with uid "${operator.uid}"`,
    name,
    states.map((known) => shownNameOf(known.name)),
  )
}

function unknown(what: string, name: string, known: readonly string[]): PlanError {
  const near = suggest(name, known)
  return new PlanError('UNKNOWN_STATE', `Cannot read ${what}: the savepoint has none`, {
    hint: near === undefined ? `It has ${known.length === 0 ? 'none at all' : known.map((each) => `"${each}"`).join(', ')}.` : `Did you mean "${near}"?`,
  })
}

/** A descriptor in the role that the state has in the savepoint. */
function evolvedSchema({ name, schema }: StateSummary, descriptor: StateDescriptor): StateSchema {
  const kinds: Readonly<Record<string, StateKind>> = { 'operator-list': 'list', 'union-list': 'list', broadcast: 'map' }
  const isRole = schema !== undefined && kinds[schema.kind] === descriptor.kind
  const declared = schemaOf(name, isRole ? schema.kind : descriptor.kind, descriptor)
  const decision = schema === undefined ? undefined : decideState(schema, declared, descriptor.evolution)
  if (decision === undefined) throw stateRefused(descriptor.name, 'it is what the operator keeps for itself')
  if (decision.verdict === 'refuse') throw stateRefused(descriptor.name, decision.reason)
  return declared
}

function operatorOf({ uid, name, parallelism, maxParallelism, signature, states, bytes }: OperatorSummary): SavepointOperator {
  const { type, key } = signature
  return { uid, name, type, key: key && formatKeyParts(key), parallelism, maxParallelism, states: states.map(stateText), bytes }
}

function stateText({ name, schema, isKeyed, records, bytes }: StateSummary): SavepointState {
  const prefix = Object.keys(KEYED).find((candidate) => name.startsWith(candidate))
  const scope = !isKeyed ? 'operator' : prefix === undefined || KEYED[prefix] === 'namespace' ? 'namespace' : 'key'
  return {
    name: shownNameOf(name),
    kind: schema?.kind ?? 'internal',
    scope,
    description: schema === undefined ? 'what the operator keeps for itself' : formatStateSchema(schema),
    entries: records,
    bytes,
  }
}

/** The type of a key as {@link keyValueOf} takes it. */
function keyTypeOf(key: readonly KeyPart[] | undefined): LogicalType | undefined {
  if (key === undefined || key.length === 0) return undefined
  if (key.length === 1) return key[0].type
  return { kind: 'ROW', nullable: false, fields: key.map(({ name = '', type }) => ({ name, type: type ?? { kind: 'OBJECT', nullable: true } })) }
}

function valueOf({ kind }: StateSchema, items: readonly { readonly key: unknown; readonly value: unknown }[]): unknown {
  if (kind === 'list') return items.map(({ value }) => value)
  return kind === 'map' ? new Map(items.map(({ key, value }) => [key, value])) : items[0].value
}

function ownValueOf(schema: StateSchema | undefined, bytes: Uint8Array): unknown {
  return schema?.kind === 'timers' ? new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0, true) : bytes.slice()
}

function numbersOf(namespace: Uint8Array): readonly number[] | undefined {
  return namespace.length === 0 ? undefined : [...new Float64Array(namespace.slice().buffer)]
}
