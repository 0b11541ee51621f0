// What becomes of a state whose descriptor has changed: it is kept as it is, or its values are migrated, or it is refused with the reason. One
// decision for the diff that is shown before a job starts and for the restore itself. Pure.

import { isDeepStrictEqual } from 'node:util'
import { RestoreError } from '../base/errors.ts'
import { Decimal, formatType, type LogicalType, withNullability } from '../batch/types.ts'
import { entryCodecOf } from './state-entries.ts'
import type { StateEvolution } from './state.ts'
import { formatStateSchema, type StateSchema } from './state-schema.ts'

/** What becomes of a state. */
export type StateDecision =
  | { readonly verdict: 'keep'; readonly reason: string }
  | {
      readonly verdict: 'migrate'
      readonly reason: string
      /** Rewrites an entry; what the state's TTL is new to counts as refreshed at `nowMs`. @throws {BadRecordError} if a default does not fit its column. */
      readonly migrate: (entry: Uint8Array, nowMs: number) => Uint8Array
    }
  | { readonly verdict: 'refuse'; readonly reason: string }

/** How values change with their type: as they are without `convert`. */
interface TypeChange {
  readonly convert?: (value: unknown) => unknown
  readonly notes: readonly string[]
}

/** Why values cannot follow. */
interface Refusal {
  readonly refused: string
}

const NOTHING: TypeChange = { notes: [] }
const INTEGERS: readonly string[] = ['TINYINT', 'SMALLINT', 'INT', 'BIGINT']
const NANOS_PER_MS = 1_000_000n
/** Times of up to so many digits behind the second are numbers of milliseconds in user code, others bigints of nanoseconds. */
const MS_DIGITS = 3

/** Decides about one state: what a snapshot says of it, and what the job declares. */
export function decideState(saved: StateSchema, declared: StateSchema, evolution: StateEvolution | undefined): StateDecision {
  const refuse = (reason: string): StateDecision => ({ verdict: 'refuse', reason })
  if (saved.kind !== declared.kind) return refuse(`it is ${formatStateSchema(saved)} in the snapshot, and ${formatStateSchema(declared)} in the job`)
  if (!isSameType(saved.keyType, declared.keyType))
    return refuse(
      `the keys of the ${saved.kind === 'broadcast' ? 'broadcast ' : ''}map are ${shown(saved.keyType)} in the snapshot, and ${shown(declared.keyType)} in the job`,
    )
  const ttl = ttlNote(saved.ttlMs, declared.ttlMs)
  if (isSameType(saved.type, declared.type)) return { verdict: 'keep', reason: ttl ?? 'as it was' }
  const isSlot = saved.kind === 'value' || saved.kind === 'reducing' || saved.kind === 'aggregating'
  // A value that is NULL is none: whether its type admits it means nothing.
  const [from, to] = [saved.type, declared.type].map((type) => (type === undefined || !isSlot ? type : withNullability(type, true)))
  const change = changeOf(from, to, { evolution, path: '' })
  if ('refused' in change) return refuse(change.refused)
  const [reading, writing] = [entryCodecOf(saved), entryCodecOf(declared)]
  if (reading === undefined || writing === undefined)
    return refuse(`it is ${formatStateSchema(saved)} in the snapshot, and ${formatStateSchema(declared)} in the job`)
  const { convert = (value) => value } = change
  return {
    verdict: 'migrate',
    reason: [...change.notes, ...(ttl === undefined ? [] : [ttl])].join('; ') || `${shown(saved.type)} becomes ${shown(declared.type)}`,
    migrate: (entry, nowMs) =>
      writing.write(
        reading.read(entry).map(({ refreshedMs, key, value }) => ({ refreshedMs, key, value: convert(value) })),
        nowMs,
      ),
  }
}

/** Whether keys of one type are, byte for byte, those of another that holds at least as many. */
export function keyChangeOf(saved: LogicalType, declared: LogicalType): 'same' | 'wider' | 'other' {
  const [from, to] = [withNullability(saved, true), withNullability(declared, true)]
  if (saved.nullable && !declared.nullable) return 'other'
  if (isSameType(from, to)) return isSameType(saved, declared) ? 'same' : 'wider'
  // All integers have one canonical form, and so have all texts of whatever length; a number of BIGINT and its bigint are one key.
  if (INTEGERS.includes(from.kind) && INTEGERS.includes(to.kind)) return INTEGERS.indexOf(from.kind) <= INTEGERS.indexOf(to.kind) ? 'wider' : 'other'
  if (from.kind === 'VARCHAR' && to.kind === 'VARCHAR') return from.length <= to.length ? 'wider' : 'other'
  if (from.kind === 'VARBINARY' && to.kind === 'VARBINARY') return from.length <= to.length ? 'wider' : 'other'
  return 'other'
}

interface Place {
  readonly evolution: StateEvolution | undefined
  /** Names of the columns down to here, each with a dot behind it. */
  readonly path: string
}

function changeOf(from: LogicalType | undefined, to: LogicalType | undefined, place: Place): TypeChange | Refusal {
  if (isSameType(from, to)) return NOTHING
  const refuse = (why?: string): Refusal => ({
    refused: `${placeName(place)} is ${shown(from)} in the snapshot, and ${shown(to)} in the job${why === undefined ? '' : `: ${why}`}`,
  })
  if (from === undefined || to === undefined) return refuse()
  if (from.nullable && !to.nullable) return refuse('there may be NULLs')
  const change = changeOfPresent(from, to, place, refuse)
  if ('refused' in change || change.convert === undefined || !from.nullable) return change
  const { convert, notes } = change
  return { convert: (value) => (value === null || value === undefined ? null : convert(value)), notes }
}

function changeOfPresent(from: LogicalType, to: LogicalType, place: Place, refuse: (why?: string) => Refusal): TypeChange | Refusal {
  const widened: TypeChange = { notes: [`${placeName(place)} is widened from ${shown(from)} to ${shown(to)}`] }
  const narrowed = (): Refusal => refuse('values may be lost')
  if (isSameType(withNullability(from, true), withNullability(to, true))) return { notes: [`${placeName(place)} admits NULL from now on`] }
  if (INTEGERS.includes(from.kind) && INTEGERS.includes(to.kind)) {
    if (INTEGERS.indexOf(from.kind) > INTEGERS.indexOf(to.kind)) return narrowed()
    if (to.kind !== 'BIGINT' || to.safeInteger) return from.kind === 'BIGINT' ? narrowed() : widened
    return { ...widened, convert: (value) => BigInt(value as number | bigint) }
  }
  if (from.kind === 'ROW' && to.kind === 'ROW') return changeOfRow(from, to, place)
  if (from.kind === 'ARRAY' && to.kind === 'ARRAY') {
    const element = changeOf(from.element, to.element, place)
    if ('refused' in element || element.convert === undefined) return element
    const { convert, notes } = element
    return { convert: (value) => (value as readonly unknown[]).map(convert), notes }
  }
  if (from.kind === 'MAP' && to.kind === 'MAP') {
    if (!isSameType(from.key, to.key)) return refuse('keys of maps do not change')
    const item = changeOf(from.value, to.value, place)
    if ('refused' in item || item.convert === undefined) return item
    const { convert, notes } = item
    return { convert: (value) => new Map([...(value as ReadonlyMap<unknown, unknown>)].map(([key, held]) => [key, convert(held)])), notes }
  }
  switch (to.kind) {
    case 'DOUBLE':
      return from.kind === 'FLOAT' ? widened : refuse()
    case 'FLOAT':
      return from.kind === 'DOUBLE' ? narrowed() : refuse()
    case 'DECIMAL':
      if (from.kind !== 'DECIMAL') return refuse()
      if (to.scale < from.scale || to.precision - to.scale < from.precision - from.scale) return narrowed()
      return { ...widened, convert: (value) => new Decimal((value as Decimal).unscaled * 10n ** BigInt(to.scale - from.scale), to.scale) }
    case 'VARCHAR':
      if (from.kind !== 'CHAR' && from.kind !== 'VARCHAR') return refuse()
      return from.length <= to.length ? widened : narrowed()
    case 'VARBINARY':
      if (from.kind !== 'BINARY' && from.kind !== 'VARBINARY') return refuse()
      return from.length <= to.length ? widened : narrowed()
    case 'TIME':
      if (from.kind !== 'TIME') return refuse()
      return from.precision <= to.precision ? widened : narrowed()
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ':
      if (from.kind !== to.kind) return refuse()
      if (from.precision > to.precision) return narrowed()
      return from.precision <= MS_DIGITS && to.precision > MS_DIGITS ? { ...widened, convert: (value) => BigInt(value as number) * NANOS_PER_MS } : widened
    default:
      return refuse()
  }
}

type RowType = LogicalType & { readonly kind: 'ROW' }

function changeOfRow(from: RowType, to: RowType, { evolution, path }: Place): TypeChange | Refusal {
  const { renamed = {}, dropped = [], defaults = {} } = evolution ?? {}
  const old = new Map(from.fields.map((field) => [field.name, field.type]))
  /** Old names by new ones. A mapping that was applied already, by an earlier restore, finds nothing. */
  const sources = new Map<string, string>()
  for (const { name } of from.fields) {
    const target = Object.hasOwn(renamed, path + name) ? renamed[path + name] : name
    if (sources.has(target) || (target !== name && old.has(target) && !Object.hasOwn(renamed, path + target)))
      return { refused: `column "${path}${name}" cannot be renamed to "${target}": the snapshot has both: take the mapping out if it was applied before` }
    sources.set(target, name)
  }
  const notes: string[] = []
  const makers: { readonly name: string; readonly make: (row: Record<string, unknown>) => unknown }[] = []
  const added: { readonly name: string; readonly type: LogicalType }[] = []
  for (const { name, type } of to.fields) {
    const source = sources.get(name)
    const place = { evolution, path: `${path}${name}.` }
    if (source === undefined) {
      added.push({ name, type })
      const hasDefault = Object.hasOwn(defaults, path + name)
      if (!hasDefault && !type.nullable)
        return {
          refused: `column "${path}${name}" is new and NOT NULL, and nothing says what it is of the old values: let it be nullable, or give defaults: { '${path}${name}': ... }`,
        }
      const value = hasDefault ? defaults[path + name] : null
      notes.push(`column "${path}${name}" is new${hasDefault ? ', with its default' : ': NULL'}`)
      makers.push({ name, make: () => value })
      continue
    }
    sources.delete(name)
    const change = changeOf(old.get(source), type, place)
    if ('refused' in change) return change
    if (source !== name) notes.push(`column "${path}${source}" is renamed to "${name}"`)
    notes.push(...change.notes)
    const { convert } = change
    makers.push({ name, make: convert === undefined ? (row) => row[source] : (row) => convert(row[source]) })
  }
  for (const [target, source] of sources) {
    if (target !== source) return { refused: `column "${path}${source}" is renamed to "${target}", which the job does not declare` }
    const candidate = dropped.includes(path + source)
      ? undefined
      : added.find(({ type }) => !('refused' in changeOf(old.get(source), type, { evolution: undefined, path })))
    if (candidate !== undefined)
      return {
        refused: `column "${path}${source}" has gone and "${path}${candidate.name}" has come, which could hold its values: say renamed: { '${path}${source}': '${candidate.name}' } if it is the same one, dropped: ['${path}${source}'] if not`,
      }
    notes.push(`column "${path}${source}" is dropped`)
  }
  if (notes.length === 0) notes.push(`the columns ${path === '' ? '' : `of "${path.slice(0, -1)}" `}stand in another order`)
  return { convert: (value) => Object.fromEntries(makers.map(({ name, make }) => [name, make(value as Record<string, unknown>)])), notes }
}

function ttlNote(from: number | undefined, to: number | undefined): string | undefined {
  if (from === to) return undefined
  if (from === undefined) return `expires from now on, after ${to} ms; what there is counts as refreshed at the restore`
  return to === undefined ? 'does not expire any more' : `its TTL changes from ${from} ms to ${to} ms`
}

function placeName({ path }: Place): string {
  return path === '' ? 'its type' : `column "${path.slice(0, -1)}"`
}

function shown(type: LogicalType | undefined): string {
  if (type === undefined) return 'any values'
  return type.kind === 'BIGINT' && type.safeInteger ? `${formatType(type)} (as a number)` : formatType(type)
}

/** OBJECT is what values without a type are. */
function isSameType(left: LogicalType | undefined, right: LogicalType | undefined): boolean {
  if (left === undefined || left.kind === 'OBJECT') return right === undefined || right.kind === 'OBJECT'
  return isDeepStrictEqual(left, right)
}

/** The error of a state that cannot be restored. */
export function stateRefused(name: string, reason: string): RestoreError {
  return new RestoreError('STATE_CHANGED', `Cannot restore state "${name}": ${reason}`, {
    hint: 'Declare it as it was, in a way that its values can follow, or under another name.',
  })
}
