// Makes a savepoint without a job, so that one starts with state that came from elsewhere; or changes one that exists. No engine, no threads: keys are
// hashed and values encoded as the engine does.

import { systemClock } from '../base/clock.ts'
import { PlanError } from '../base/errors.ts'
import { keyGroupOf, MAX_PARALLELISM_DEFAULT, MAX_PARALLELISM_LIMIT } from '../base/key-groups.ts'
import { packageVersion } from '../base/platform.ts'
import type { DataType, LogicalType } from '../batch/types.ts'
import { typedKeyBytes } from '../state/key-value.ts'
import { SnapshotFileWriter } from '../state/snapshot-file.ts'
import { entryCodecOf, type StateItem } from '../state/state-entries.ts'
import {
  describeState,
  EVENT_TIMERS_STATE,
  formatStateSchema,
  KEY_STATE_PREFIX,
  keyedSchemaOf,
  LIST_STATE_PREFIX,
  PROCESSING_TIMERS_STATE,
  schemaOf,
  type StateSchema,
  UNION_LIST_STATE_PREFIX,
} from '../state/state-schema.ts'
import { BROADCAST_STATE_PREFIX, type ListStateDescriptor, type MapStateDescriptor, type StateDescriptor } from '../state/state.ts'
import type { CheckpointOrigin } from './checkpoint-store.ts'
import { type JobSnapshot, partId, type SnapshotOperator } from './job-snapshot.ts'
import type { KeyPart } from './operator-signature.ts'
import { readSavepoint, writeSavepoint } from './savepoint.ts'
import type { AnyStateDescriptor, SavepointValueOf } from './savepoint-reader.ts'

/** What a new operator is told. */
export interface SavepointOperatorOptions {
  /**
   * By what it is keyed: columns by name and type, in the order of `keyBy`; or the type of what a key function returns, `any` if that is not declared.
   * Operators without a key have none.
   */
  readonly key?: Readonly<Record<string, DataType<unknown>>> | DataType<unknown> | 'any'
  /** Shown in messages. @default the uid */
  readonly name?: string
}

/** What a new savepoint is told. */
export interface SavepointWriterOptions {
  /** Key groups of its operators: those of the job that is to start (`pipeline.max-parallelism`). 1 to 32768. @default 128 */
  readonly maxParallelism?: number
  /** Name of the job, for those who read it. @default 'bootstrap' */
  readonly jobName?: string
}

const NO_NAMESPACE = new Uint8Array(0)

/** State of one operator of a process function: filled by hand. */
export class SavepointOperatorWriter {
  readonly uid: string
  readonly #name: string
  readonly #key: readonly KeyPart[] | undefined
  readonly #maxParallelism: number
  readonly #schemas = new Map<string, StateSchema>()
  /** By state, then by key: the last one counts. */
  readonly #keyed = new Map<string, Map<string, { readonly key: Uint8Array; readonly value: Uint8Array }>>()
  readonly #elements = new Map<string, readonly Uint8Array[]>()
  #timers = 0

  /** @internal Made by {@link SavepointWriter.withOperator}. */
  constructor(uid: string, { key, name = uid }: SavepointOperatorOptions, maxParallelism: number) {
    this.uid = uid
    this.#name = name
    this.#key = key === undefined ? undefined : keyPartsOf(key)
    this.#maxParallelism = maxParallelism
  }

  /**
   * Sets what a key holds in a state: a value, an array for a list, a Map for a map, an accumulator for an aggregating state. A second call for the key
   * replaces it.
   *
   * @param key As user code sees it: of several columns an object by their names.
   * @throws {BadRecordError} `VALUE_OUT_OF_TYPE` if the key or the value does not fit its type. {@link PlanError} `INVALID_STATE` if the operator has no
   *   key, or the name was given to another state.
   */
  set<D extends AnyStateDescriptor>(descriptor: D, key: unknown, value: SavepointValueOf<D>): this {
    const schema = this.#declared(keyedSchemaOf(KEY_STATE_PREFIX + descriptor.name, descriptor as unknown as StateDescriptor))
    const bytes = this.#keyBytes(key, descriptor.name)
    const items = itemsOf(schema, value)
    this.#put(schema.name, bytes, '', items.length === 0 ? undefined : entryCodecOf(schema)!.write(items, systemClock.nowMs()))
    return this
  }

  /** Registers an event-time timer of a key. @param timeMs Epoch ms. */
  registerEventTimeTimer(key: unknown, timeMs: number): this {
    return this.#timer(EVENT_TIMERS_STATE, key, timeMs)
  }

  /** Registers a processing-time timer of a key. @param timeMs Epoch ms. */
  registerProcessingTimeTimer(key: unknown, timeMs: number): this {
    return this.#timer(PROCESSING_TIMERS_STATE, key, timeMs)
  }

  /** Sets an operator list: its elements are dealt out among the subtasks. */
  setListState<T>(descriptor: ListStateDescriptor<T>, elements: Iterable<T>): this {
    return this.#list(schemaOf(LIST_STATE_PREFIX + descriptor.name, 'operator-list', descriptor), elements)
  }

  /** Sets a union list: each subtask gets all of its elements. */
  setUnionListState<T>(descriptor: ListStateDescriptor<T>, elements: Iterable<T>): this {
    return this.#list(schemaOf(UNION_LIST_STATE_PREFIX + descriptor.name, 'union-list', descriptor), elements)
  }

  /** Sets a broadcast state. */
  setBroadcastState<K, V>(descriptor: MapStateDescriptor<K, V>, entries: Iterable<readonly [K, V]>): this {
    const schema = this.#declared(schemaOf(BROADCAST_STATE_PREFIX + descriptor.name, 'broadcast', descriptor))
    const codec = entryCodecOf(schema)!
    this.#elements.set(
      schema.name,
      [...new Map(entries)].map(([key, value]) => codec.write([{ refreshedMs: undefined, key, value }], 0)),
    )
    return this
  }

  /** @internal */
  finish(): { readonly operator: SnapshotOperator; readonly file: Uint8Array } {
    const writer = new SnapshotFileWriter()
    for (const schema of this.#schemas.values()) describeState(writer, schema)
    for (const [state, entries] of this.#keyed)
      for (const { key, value } of entries.values()) writer.keyed(state, keyGroupOf(key, this.#maxParallelism), NO_NAMESPACE, key, value)
    for (const [state, elements] of this.#elements) for (const element of elements) writer.element(state, element)
    const signature = { type: 'process function', ...(this.#key && { key: this.#key }) }
    return { operator: { uid: this.uid, name: this.#name, parallelism: 1, maxParallelism: this.#maxParallelism, signature }, file: writer.finish() }
  }

  #timer(state: string, key: unknown, timeMs: number): this {
    if (typeof timeMs !== 'number' || Number.isNaN(timeMs)) throw invalid(`register a timer of operator "${this.uid}"`, `its time is ${String(timeMs)}`)
    this.#declared({ name: state, kind: 'timers' })
    const value = new Uint8Array(new Float64Array([timeMs, this.#timers++]).buffer)
    this.#put(state, this.#keyBytes(key, 'timers'), ` ${timeMs}`, value)
    return this
  }

  #list<T>(wanted: StateSchema, elements: Iterable<T>): this {
    const schema = this.#declared(wanted)
    const codec = entryCodecOf(schema)!
    this.#elements.set(
      schema.name,
      [...elements].map((value) => codec.write([{ refreshedMs: undefined, key: undefined, value }], 0)),
    )
    return this
  }

  #put(state: string, key: Uint8Array, detail: string, value: Uint8Array | undefined): void {
    let entries = this.#keyed.get(state)
    if (entries === undefined) this.#keyed.set(state, (entries = new Map()))
    const id = Buffer.from(key).toString('latin1') + detail
    if (value === undefined) entries.delete(id)
    else entries.set(id, { key, value })
  }

  #declared(schema: StateSchema): StateSchema {
    const known = this.#schemas.get(schema.name)
    if (known === undefined) this.#schemas.set(schema.name, schema)
    else if (JSON.stringify(known) !== JSON.stringify(schema))
      throw invalid(`write a state of operator "${this.uid}"`, `it is ${formatStateSchema(known)}, and now ${formatStateSchema(schema)}`)
    return schema
  }

  #keyBytes(key: unknown, state: string): Uint8Array {
    const parts = this.#key
    if (parts === undefined) throw invalid(`write keyed state "${state}" of operator "${this.uid}"`, 'the operator was given no key')
    return typedKeyBytes(key, keyTypeOf(parts), `the keys of operator "${this.uid}"`)
  }
}

/**
 * Writes savepoints by hand, to start a job with state that was made elsewhere (Flink's State Processor API).
 *
 * @example
 * const writer = SavepointWriter.newSavepoint()
 * const counter = writer.withOperator('counter', { key: { user: t.string() } })
 * for (const [user, count] of [['ada', 3], ['bob', 5]] as const) counter.set(valueState('count', t.int()), user, count)
 * await writer.write('savepoints/bootstrap')
 */
export class SavepointWriter {
  readonly #maxParallelism: number
  readonly #jobName: string
  /** What is taken over from another savepoint. */
  readonly #base: JobSnapshot | undefined
  readonly #removed = new Set<string>()
  readonly #operators = new Map<string, SavepointOperatorWriter>()

  private constructor(maxParallelism: number, jobName: string, base: JobSnapshot | undefined) {
    this.#maxParallelism = maxParallelism
    this.#jobName = jobName
    this.#base = base
  }

  /** Begins with nothing. @throws {PlanError} `INVALID_PARALLELISM` */
  static newSavepoint({ maxParallelism = MAX_PARALLELISM_DEFAULT, jobName = 'bootstrap' }: SavepointWriterOptions = {}): SavepointWriter {
    if (!Number.isInteger(maxParallelism) || maxParallelism < 1 || maxParallelism > MAX_PARALLELISM_LIMIT)
      throw new PlanError(
        'INVALID_PARALLELISM',
        `Cannot write a savepoint with a max parallelism of ${maxParallelism}: it must be an integer in 1..${MAX_PARALLELISM_LIMIT}`,
      )
    return new SavepointWriter(maxParallelism, jobName, undefined)
  }

  /**
   * Begins with all that another savepoint holds; operators may be removed, replaced and added.
   *
   * @throws as {@link Savepoint.read}.
   */
  static async fromExistingSavepoint(folder: string): Promise<SavepointWriter> {
    const { snapshot, metadata } = await readSavepoint(folder)
    const keyed = snapshot.operators.find(({ signature }) => signature.key !== undefined) ?? snapshot.operators[0]
    return new SavepointWriter(keyed?.maxParallelism ?? MAX_PARALLELISM_DEFAULT, metadata.jobName, snapshot)
  }

  /**
   * Adds the state of a process function, in the place of what there was under its uid.
   *
   * @throws {PlanError} `DUPLICATE_UID` if it was added before.
   */
  withOperator(uid: string, options: SavepointOperatorOptions = {}): SavepointOperatorWriter {
    if (this.#operators.has(uid)) throw new PlanError('DUPLICATE_UID', `Cannot add an operator with uid "${uid}" to a savepoint: it has one already`)
    const operator = new SavepointOperatorWriter(uid, options, this.#maxParallelism)
    this.#operators.set(uid, operator)
    return operator
  }

  /** Leaves out an operator of the savepoint that this one began with. @throws {PlanError} `UNKNOWN_STATE` if it has none of this uid. */
  removeOperator(uid: string): this {
    if (this.#base?.operators.some((operator) => operator.uid === uid) !== true)
      throw new PlanError('UNKNOWN_STATE', `Cannot remove operator "${uid}" from a savepoint: it has none of this uid`)
    this.#removed.add(uid)
    return this
  }

  /**
   * Writes it. When the promise is settled it survives everything; a job starts from it as from any other.
   *
   * @param folder Must not be there, or be empty.
   * @throws {PlanError} `SAVEPOINT_EXISTS` if it holds something; `INVALID_STATE` if it began with an unaligned checkpoint, and records are on their way to
   *   an operator that was removed or replaced; and what the system throws: nothing is left then.
   */
  async write(folder: string): Promise<void> {
    const base = this.#base
    const kept = (base?.operators ?? []).filter(({ uid }) => !this.#removed.has(uid) && !this.#operators.has(uid))
    const uids = new Set(kept.map(({ uid }) => uid))
    const own = [...this.#operators.values()].map((operator) => operator.finish())
    const parts = kept.flatMap(({ uid, parallelism }) => Array.from({ length: parallelism }, (_, part) => partId(uid, part)))
    // A checkpoint may hold them; a savepoint never does.
    const lost = base?.operators.find(
      ({ uid, parallelism }) => !uids.has(uid) && Array.from({ length: parallelism }, (_, part) => partId(uid, part)).some((id) => base.inFlight.has(id)),
    )
    if (lost !== undefined)
      throw invalid(
        `leave out or replace operator "${lost.uid}"`,
        'the checkpoint holds records that are on their way to it. Begin with a savepoint, which holds none',
      )
    const snapshot: JobSnapshot = {
      checkpointId: base?.checkpointId ?? 1,
      operators: [...kept, ...own.map(({ operator }) => operator)],
      splits: new Map([...(base?.splits ?? [])].filter(([uid]) => uids.has(uid))),
      files: new Map([
        ...parts.flatMap((id) => (base!.files.has(id) ? [[id, base!.files.get(id)!] as const] : [])),
        ...own.map(({ operator, file }) => [partId(operator.uid, 0), [file]] as const),
      ]),
      inFlight: base?.inFlight ?? new Map(),
      ended: new Set(parts.filter((id) => base!.ended.has(id))),
    }
    const origin: CheckpointOrigin = { jobName: this.#jobName, engineVersion: packageVersion(), attempt: 1, timestampMs: systemClock.nowMs() }
    await writeSavepoint(folder, snapshot, origin)
  }
}

function invalid(what: string, reason: string): PlanError {
  return new PlanError('INVALID_STATE', `Cannot ${what}: ${reason}`)
}

function keyPartsOf(key: NonNullable<SavepointOperatorOptions['key']>): readonly KeyPart[] {
  if (key === 'any') return [{}]
  if (isType(key)) return [{ type: key.logical }]
  return Object.entries(key).map(([name, { logical }]) => ({ name, type: logical }))
}

function isType(key: Readonly<Record<string, DataType<unknown>>> | DataType<unknown>): key is DataType<unknown> {
  return typeof (key as Partial<DataType<unknown>>).nullable === 'function'
}

/** Of several columns a ROW. */
function keyTypeOf(parts: readonly KeyPart[]): LogicalType | undefined {
  if (parts.length === 1) return parts[0].type
  return { kind: 'ROW', nullable: false, fields: parts.map(({ name, type }) => ({ name: name!, type: type! })) }
}

function itemsOf({ kind }: StateSchema, value: unknown): readonly StateItem[] {
  const refreshedMs = undefined
  if (kind === 'list') return (value as readonly unknown[]).map((element) => ({ refreshedMs, key: undefined, value: element }))
  if (kind === 'map') return [...(value as ReadonlyMap<unknown, unknown>)].map(([key, held]) => ({ refreshedMs, key, value: held }))
  return value === null || value === undefined ? [] : [{ refreshedMs, key: undefined, value }]
}
