// Routes rows to the subtask that owns their key group. Keys are encoded and hashed in kernels. Runs on the producer's thread.

import { subtaskOfKeyGroup } from '../base/key-groups.ts'
import type { Slab } from '../base/slab.ts'
import { BatchKeys } from '../batch/batch-keys.ts'
import type { KeySpec } from '../batch/key-spec.ts'
import type { RecordBatch } from '../batch/record-batch.ts'
import type { Schema } from '../batch/types.ts'
import type { KeyKernels } from '../kernels/keys.ts'
import { type Router, SCATTERED } from './partition.ts'

/** Hands each row to the channel of its key group. */
export class HashRouter implements Router {
  readonly #slab: Slab
  readonly #keys: BatchKeys
  readonly #channelOfGroup: Uint16Array
  readonly #maxParallelism: number
  readonly #counts: Int32Array
  readonly #selections: number[]
  #rows = 0

  constructor(slab: Slab, kernels: KeyKernels, schema: Schema, key: KeySpec, channelCount: number, maxParallelism: number) {
    this.#slab = slab
    this.#keys = new BatchKeys(slab, kernels, schema, key)
    this.#maxParallelism = maxParallelism
    this.#channelOfGroup = Uint16Array.from({ length: maxParallelism }, (_, group) => subtaskOfKeyGroup(group, channelCount, maxParallelism))
    this.#counts = new Int32Array(channelCount)
    this.#selections = Array.from({ length: channelCount }, () => 0)
  }

  route(batch: RecordBatch): number {
    const rows = batch.end - batch.begin
    this.#reserve(rows)
    const keys = this.#keys.encode(batch, batch.selection, batch.begin, rows)
    const { u32, i32 } = this.#slab
    const counts = this.#counts.fill(0)
    const selections = this.#selections
    const channelOfGroup = this.#channelOfGroup
    const maxParallelism = this.#maxParallelism
    const high = (keys.hashes >>> 2) + 1
    const selection = batch.selection >>> 2
    for (let index = 0; index < rows; index++) {
      const channel = channelOfGroup[u32[high + index * 2]! % maxParallelism]!
      const row = selection === 0 ? batch.begin + index : i32[selection + batch.begin + index]!
      i32[(selections[channel]! >>> 2) + counts[channel]!++] = row
    }
    return SCATTERED
  }

  selection(channel: number): number {
    return this.#selections[channel]!
  }

  selectedCount(channel: number): number {
    return this.#counts[channel]!
  }

  #reserve(rows: number): void {
    if (rows <= this.#rows) return
    this.#selections.forEach((address, channel) => {
      if (address !== 0) this.#slab.free(address, this.#rows * 4)
      this.#selections[channel] = this.#slab.allocate(rows * 4)
    })
    this.#rows = rows
  }
}
