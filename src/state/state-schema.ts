// What a file of state says of each state in it: its kind, types and TTL, once a state, as elements of a list of their own. By it a savepoint is read
// without the job that wrote it, and a changed job finds out what has become of its states.

import { formatType, type LogicalType } from '../batch/types.ts'
import {
  type ElementSnapshotReader,
  type ElementSnapshotWriter,
  OWN_STATE_PREFIX,
  type StateDescriptor,
  type StateEvolution,
  type StateScope,
  UNION_STATE_PREFIX,
} from './state.ts'

/** What a state is: the first five are keyed states of functions, the next three operator states, the others an operator's own. */
export type StateKind =
  | 'value'
  | 'list'
  | 'map'
  | 'reducing'
  | 'aggregating'
  | 'operator-list'
  | 'union-list'
  | 'broadcast'
  /** Registered times, by key and namespace. */
  | 'timers'
  /** The accumulators of the slices of aligned windows, by key and start of the slice. */
  | 'slices'
  /** The accumulators of groups, by key. */
  | 'groups'
  /** Open sessions with their accumulators, by key. */
  | 'sessions'
  /** Rows that a join keeps, as batches. */
  | 'rows'
  /** What a countDistinct has seen. */
  | 'distinct'
  /** Records that asynchronous calls are made for. */
  | 'in-flight'

/** A state as files of state describe it. Plain data. */
export interface StateSchema {
  /** Its name in snapshots: that of its descriptor behind a prefix that says whose it is. */
  readonly name: string
  readonly kind: StateKind
  /** Of the keys of maps; undefined: any values. */
  readonly keyType?: LogicalType
  /** Of values, of elements, of accumulators; undefined: any values. */
  readonly type?: LogicalType
  /** Undefined: nothing expires. */
  readonly ttlMs?: number
}

/** Names of states in snapshots: those of keys as they are, those of namespaces behind a prefix that no name of a key state begins with. */
export const KEY_STATE_PREFIX = 'key:'
export const NAMESPACE_STATE_PREFIX = 'namespace:'
/** Operator lists. */
export const LIST_STATE_PREFIX = 'list:'
/** Union lists, apart from what operators themselves keep as union state. */
export const UNION_LIST_STATE_PREFIX = `${UNION_STATE_PREFIX}list:`

/** A state that will be declared. */
export interface StateDeclaration {
  readonly schema: StateSchema
  readonly evolution?: StateEvolution | undefined
}

/** The declaration of a keyed state. */
export function keyedDeclarationOf(descriptor: StateDescriptor, scope: StateScope): StateDeclaration {
  const prefix = scope === 'key' ? KEY_STATE_PREFIX : NAMESPACE_STATE_PREFIX
  return { schema: keyedSchemaOf(prefix + descriptor.name, descriptor), evolution: descriptor.evolution }
}

/** Timers of keys. */
export const EVENT_TIMERS_STATE = 'timers:event'
export const PROCESSING_TIMERS_STATE = 'timers:processing'

/** Holds the schemas. */
export const SCHEMAS_STATE = `${UNION_STATE_PREFIX}schemas`

const PREFIXES = [KEY_STATE_PREFIX, NAMESPACE_STATE_PREFIX, LIST_STATE_PREFIX, UNION_LIST_STATE_PREFIX, 'broadcast:', UNION_STATE_PREFIX, OWN_STATE_PREFIX]

/** The name of a state as its descriptor gives it: without what stands in front of it in snapshots. */
export function shownNameOf(name: string): string {
  const prefix = PREFIXES.find((candidate) => name.startsWith(candidate))
  return prefix === undefined ? name : name.slice(prefix.length)
}

/** The schema of a keyed state. */
export function keyedSchemaOf(name: string, descriptor: StateDescriptor): StateSchema {
  return schemaOf(name, descriptor.kind, descriptor)
}

/** The schema of a state of some kind, as a descriptor declares it. */
export function schemaOf(
  name: string,
  kind: StateKind,
  descriptor: Pick<StateDescriptor, 'type' | 'ttl'> & { readonly keyType?: LogicalType | undefined },
): StateSchema {
  const { keyType, type, ttl } = descriptor
  return { name, kind, ...(keyType && { keyType }), ...(type && { type }), ...(ttl && { ttlMs: ttl.ttlMs }) }
}

/** Writes what a state is; once for each state of a file. */
export function describeState(writer: ElementSnapshotWriter, schema: StateSchema): void {
  writer.element(SCHEMAS_STATE, new TextEncoder().encode(JSON.stringify(schema)))
}

/** Reads what {@link describeState} wrote, of however many parts: by name. */
export function readStateSchemas(reader: ElementSnapshotReader): ReadonlyMap<string, StateSchema> {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  const schemas = new Map<string, StateSchema>()
  reader.elements(SCHEMAS_STATE, (bytes) => {
    const schema = JSON.parse(decoder.decode(bytes.slice())) as StateSchema
    if (!schemas.has(schema.name)) schemas.set(schema.name, schema)
  })
  return schemas
}

/** A state in words: "map state by STRING of INT with a TTL of 1000 ms". */
export function formatStateSchema({ kind, keyType, type, ttlMs }: Omit<StateSchema, 'name'>): string {
  switch (kind) {
    case 'timers':
      return 'timers'
    case 'slices':
      return 'accumulators of windows'
    case 'groups':
      return 'accumulators of groups'
    case 'sessions':
      return 'accumulators of sessions'
    case 'rows':
      return 'rows of a join'
    case 'distinct':
      return `different values${type === undefined ? '' : ` of ${formatType(type)}`}`
    case 'in-flight':
      return `records that calls are made for${type === undefined ? '' : `, of ${formatType(type)}`}`
    default: {
      const what = { 'operator-list': 'operator list state', 'union-list': 'union list state' }[kind as string] ?? `${kind} state`
      const keys = keyType === undefined ? '' : ` by ${formatType(keyType)}`
      return `${what}${keys} of ${type === undefined ? 'any values' : formatType(type)}${ttlMs === undefined ? '' : ` with a TTL of ${ttlMs} ms`}`
    }
  }
}
