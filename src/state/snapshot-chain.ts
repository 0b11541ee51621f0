// What one subtask of an operator had at a checkpoint, of the files that hold it: one with everything, and others with what changed since. Used while a
// job restores; never on the data path.

import type { KeyGroupRange } from '../base/key-groups.ts'
import type { SnapshotFile, StateCount } from './snapshot-file.ts'
import type { KeyedSnapshotReader } from './state.ts'

const ALL_KEY_GROUPS: KeyGroupRange = { start: 0, end: Infinity }

/** A file with everything and those with changes since, oldest first. */
export class SnapshotChain {
  readonly #files: readonly SnapshotFile[]

  /** @param files At least one. */
  constructor(files: readonly SnapshotFile[]) {
    this.#files = files
  }

  /** How much there is of each state, all changes applied. */
  *counts(): Generator<StateCount> {
    if (this.#files.length === 1) return yield* this.#files[0].counts()
    const keyed = new Set<string>()
    for (const file of this.#files.slice(0, -1)) for (const { state, keyGroup } of file.counts()) if (keyGroup !== undefined) keyed.add(state)
    for (const count of this.#files.at(-1)!.counts())
      if (count.keyGroup === undefined) yield count
      else keyed.add(count.state)
    for (const state of keyed) {
      let [records, bytes] = [0, 0]
      this.#keyed(state, ALL_KEY_GROUPS, (_keyGroup, namespace, key, value) => {
        records++
        bytes += namespace.length + key.length + value.length
      })
      yield { state, keyGroup: 0, records, bytes }
    }
  }

  /** Calls `visit` with each element of a state: those of the newest file, since lists are always written whole. */
  elements(state: string, visit: (value: Uint8Array) => void): void {
    this.#files.at(-1)!.elements(state, visit)
  }

  /** Reads the elements, and the entries of these key groups. */
  reader(groups: KeyGroupRange): KeyedSnapshotReader {
    return {
      elements: (state, visit) => this.elements(state, visit),
      keyed: (state, visit) => this.#keyed(state, groups, visit),
    }
  }

  #keyed(state: string, groups: KeyGroupRange, visit: Parameters<KeyedSnapshotReader['keyed']>[1]): void {
    const whole = this.#files.findLastIndex((file) => !file.isChange(state))
    if (whole === this.#files.length - 1) {
      this.#files[whole].records(state, groups, (keyGroup, namespace, key, value) => visit(keyGroup, namespace, key, value!))
      return
    }
    // From the newest on: what it says of an entry, or of a whole namespace, holds whatever older ones say.
    const known = new EntrySet()
    const dropped = new Set<string>()
    for (let index = this.#files.length - 1; index >= Math.max(0, whole); index--) {
      const file = this.#files[index]
      const isOldest = index === whole
      const removed: (readonly [namespace: Uint8Array, key: Uint8Array])[] = []
      file.records(state, groups, (keyGroup, namespace, key, value) => {
        if (dropped.size > 0 && dropped.has(textOf(namespace))) return
        if (value === undefined) removed.push([namespace, key])
        else if (isOldest ? !known.has(namespace, key) : known.add(namespace, key)) visit(keyGroup, namespace, key, value)
      })
      // Behind the values: a key may have been removed and have come again.
      for (const [namespace, key] of removed) known.add(namespace, key)
      file.droppedNamespaces(state, (namespace) => dropped.add(textOf(namespace)))
    }
  }
}

/** Entries by namespace and key. Most that it is asked for are not in it, which a look at a table of bits tells. */
class EntrySet {
  readonly #bits = new Int32Array(FILTER_BITS / 32)
  readonly #entries = new Set<string>()

  has(namespace: Uint8Array, key: Uint8Array): boolean {
    const bit = bitOf(namespace, key)
    return (this.#bits[bit >>> 5] & (1 << (bit & 31))) !== 0 && this.#entries.has(entryOf(namespace, key))
  }

  /** Returns false if it was in. */
  add(namespace: Uint8Array, key: Uint8Array): boolean {
    const bit = bitOf(namespace, key)
    this.#bits[bit >>> 5] |= 1 << (bit & 31)
    const { size } = this.#entries
    return this.#entries.add(entryOf(namespace, key)).size > size
  }
}

const FILTER_BITS = 1 << 22

function bitOf(namespace: Uint8Array, key: Uint8Array): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < namespace.length; index++) hash = Math.imul(hash ^ namespace[index], 0x01000193)
  for (let index = 0; index < key.length; index++) hash = Math.imul(hash ^ key[index], 0x01000193)
  return Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 10
}

function entryOf(namespace: Uint8Array, key: Uint8Array): string {
  return `${namespace.length}:${textOf(namespace)}${textOf(key)}`
}

/** Bytes as a text of as many characters. */
function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}
