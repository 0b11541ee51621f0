// A snapshot of one operator, or of all subtasks of one, in memory: for tests. Keeps copies, so that nothing written later shows.

import { type KeyGroupRange, keyGroupRangeOf } from '../base/key-groups.ts'
import type { SnapshotReader, SnapshotWriter } from '../operator/operator.ts'

interface KeyedEntry {
  readonly keyGroup: number
  readonly namespace: Uint8Array
  readonly key: Uint8Array
  readonly value: Uint8Array
}

/** What operators have written. */
export class MemorySnapshot implements SnapshotWriter {
  readonly #keyed = new Map<string, KeyedEntry[]>()
  readonly #elements = new Map<string, Uint8Array[]>()

  keyed(state: string, keyGroup: number, namespace: Uint8Array, key: Uint8Array, value: Uint8Array): void {
    listOf(this.#keyed, state).push({ keyGroup, namespace: namespace.slice(), key: key.slice(), value: value.slice() })
  }

  element(state: string, value: Uint8Array): void {
    listOf(this.#elements, state).push(value.slice())
  }

  /** Number of entries and elements. */
  get size(): number {
    let size = 0
    for (const list of this.#keyed.values()) size += list.length
    for (const list of this.#elements.values()) size += list.length
    return size
  }

  /** A reader for one subtask: the keyed entries of its key groups in reverse, since their order means nothing, and all elements. */
  reader(subtaskIndex: number = 0, parallelism: number = 1, maxParallelism: number = 128): SnapshotReader {
    const range: KeyGroupRange = keyGroupRangeOf(subtaskIndex, parallelism, maxParallelism)
    return {
      keyed: (state, visit) => {
        for (const { keyGroup, namespace, key, value } of (this.#keyed.get(state) ?? []).toReversed())
          if (keyGroup >= range.start && keyGroup <= range.end) visit(keyGroup, namespace, key, value)
      },
      elements: (state, visit) => {
        for (const value of this.#elements.get(state) ?? []) visit(value)
      },
    }
  }
}

function listOf<T>(map: Map<string, T[]>, name: string): T[] {
  let list = map.get(name)
  if (list === undefined) map.set(name, (list = []))
  return list
}
