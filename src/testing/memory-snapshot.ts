// A snapshot of one operator, or of all subtasks of one, in memory: for tests. Written and read as the file that a checkpoint keeps.

import { keyGroupRangeOf } from '../base/key-groups.ts'
import type { SnapshotReader, SnapshotWriter } from '../operator/operator.ts'
import type { RecordSource } from '../state/record-rooms.ts'
import { SnapshotChain } from '../state/snapshot-chain.ts'
import { SnapshotFile, SnapshotFileWriter } from '../state/snapshot-file.ts'

interface KeyedEntry {
  readonly keyGroup: number
  readonly namespace: Uint8Array
  readonly key: Uint8Array
  readonly value: Uint8Array
}

/** What operators have written. */
export class MemorySnapshot implements SnapshotWriter {
  readonly since = 0
  readonly nextEpoch = 0
  readonly #file = new SnapshotFileWriter()

  keyed(state: string, keyGroup: number, namespace: Uint8Array, key: Uint8Array, value: Uint8Array): void {
    this.#file.keyed(state, keyGroup, namespace, key, value)
  }

  element(state: string, value: Uint8Array): void {
    this.#file.element(state, value)
  }

  changes(state: string): boolean {
    return this.#file.changes(state)
  }

  removed(state: string, keyGroup: number, namespace: Uint8Array, key: Uint8Array): void {
    this.#file.removed(state, keyGroup, namespace, key)
  }

  dropped(state: string, namespace: Uint8Array): void {
    this.#file.dropped(state, namespace)
  }

  records(state: string, source: RecordSource): void {
    this.#file.records(state, source)
  }

  /** Number of entries and elements. */
  get size(): number {
    return this.#file.recordCount
  }

  /** A reader for one subtask: the keyed entries of its key groups in reverse, since their order means nothing, and all elements. */
  reader(subtaskIndex: number = 0, parallelism: number = 1, maxParallelism: number = 128): SnapshotReader {
    const file = SnapshotFile.open(this.#file.finish(), 'a snapshot in memory')
    const reader = new SnapshotChain([file]).reader(keyGroupRangeOf(subtaskIndex, parallelism, maxParallelism))
    return {
      keyed: (state, visit) => {
        const entries: KeyedEntry[] = []
        reader.keyed(state, (keyGroup, namespace, key, value) => entries.push({ keyGroup, namespace, key, value }))
        for (const { keyGroup, namespace, key, value } of entries.toReversed()) visit(keyGroup, namespace, key, value)
      },
      elements: (state, visit) => reader.elements(state, visit),
    }
  }
}
