// What aggregates keep of a group beside accumulators, since it grows with the group: values, and a number for each.

import { type LogicalType, t } from '../../../batch/types.ts'
import { type KeyedStateBackend, mapState, type StateTtlConfig } from '../../../state/state.ts'
import { keyOf, type Value } from '../../value.ts'

/** Values of a group, and how often they are there. */
export type Entry = readonly [values: readonly Value[], count: number]

/** What is kept of the current group by keys: what `MapState` is for a key. */
export interface Keyed<K, V> {
  get(key: K): V | null
  put(key: K, value: V): void
  remove(key: K): unknown
  entries(): readonly (readonly [K, V])[]
  clear(): void
}

/** Makes collections of the current group, each by a name of its own. */
export interface CollectionMaker {
  /** By texts that tell values apart. */
  byText(name: string): Keyed<string, Entry>
  /** By numbers, which are faster. */
  byNumber(name: string): Keyed<number, number>
}

class HeapKeyed<K, V> implements Keyed<K, V> {
  readonly #map = new Map<K, V>()

  get(key: K): V | null {
    return this.#map.get(key) ?? null
  }

  put(key: K, value: V): void {
    this.#map.set(key, value)
  }

  remove(key: K): void {
    this.#map.delete(key)
  }

  entries(): readonly (readonly [K, V])[] {
    return [...this.#map]
  }

  clear(): void {
    this.#map.clear()
  }
}

/** Collections that are no state: of what is computed at once. */
export const heapCollections: CollectionMaker = { byText: () => new HeapKeyed(), byNumber: () => new HeapKeyed() }

/** Collections that are state of the current key, or of its current namespace. */
export function stateCollections(backend: KeyedStateBackend, scope: 'key' | 'namespace' = 'key', ttl?: StateTtlConfig): CollectionMaker {
  const options = ttl === undefined ? {} : { ttl }
  return {
    byText: (name) => backend.getState(mapState<string, Entry>(name, t.string(), undefined, options), scope),
    byNumber: (name) => backend.getState(mapState(`${name} by number`, t.double(), t.double(), options), scope),
  }
}

/** Types whose values are numbers of JavaScript, or mostly fit into one. */
const NUMBER_KINDS: ReadonlySet<string> = new Set(['TINYINT', 'SMALLINT', 'INT', 'BIGINT', 'FLOAT', 'DOUBLE', 'DATE'])

/** Lists of values of the current group, with a number for each; of those that are not there it is 0. */
export class Counts {
  readonly #texts: Keyed<string, Entry>
  /** Of lists of one number. */
  readonly #numbers: Keyed<number, number> | undefined
  readonly #isBigint: boolean

  /** @param types Of the values in a list. */
  constructor(types: readonly LogicalType[], name: string, collections: CollectionMaker) {
    this.#texts = collections.byText(name)
    this.#numbers = types.length === 1 && NUMBER_KINDS.has(types[0].kind) ? collections.byNumber(name) : undefined
    this.#isBigint = types.length === 1 && types[0].kind === 'BIGINT'
  }

  get(values: readonly Value[]): number {
    const number = this.#numberOf(values)
    return (number === undefined ? this.#texts.get(textOf(values))?.[1] : this.#numbers!.get(number)) ?? 0
  }

  set(values: readonly Value[], count: number): void {
    const number = this.#numberOf(values)
    if (number === undefined) {
      if (count === 0) this.#texts.remove(textOf(values))
      else this.#texts.put(textOf(values), [values, count])
    } else if (count === 0) this.#numbers!.remove(number)
    else this.#numbers!.put(number, count)
  }

  /** Counts values more or less often. Returns how often they are there now; what was taken out before it came counts below zero. */
  add(values: readonly Value[], change: number): number {
    const left = this.get(values) + change
    this.set(values, left)
    return left
  }

  entries(): readonly Entry[] {
    const texts = this.#texts.entries().map(([, entry]) => entry)
    if (this.#numbers === undefined) return texts
    const numbers = this.#numbers.entries().map(([number, count]) => [[this.#isBigint ? BigInt(number) : number], count] satisfies Entry)
    return texts.length === 0 ? numbers : [...texts, ...numbers]
  }

  clear(): void {
    this.#texts.clear()
    this.#numbers?.clear()
  }

  /** Undefined: it needs a text. */
  #numberOf(values: readonly Value[]): number | undefined {
    if (this.#numbers === undefined) return undefined
    const [value] = values
    if (typeof value === 'bigint') {
      const number = Number(value)
      return Number.isSafeInteger(number) ? number : undefined
    }
    // Zero has one sign, as in texts.
    return typeof value === 'number' ? value + 0 : undefined
  }
}

function textOf(values: readonly Value[]): string {
  return values.length === 1 ? keyOf(values[0]) : values.map(keyOf).join('|')
}
