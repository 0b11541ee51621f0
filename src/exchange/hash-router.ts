// Routes rows to the subtask that owns their key group: keys are encoded, hashed and scattered in kernels. Runs on the producer's thread.

import type { Slab } from '../base/slab.ts'
import { BatchKeys } from '../batch/batch-keys.ts'
import type { KeySpec } from '../batch/key-spec.ts'
import type { RecordBatch } from '../batch/record-batch.ts'
import type { Schema } from '../batch/types.ts'
import type { KeyKernels } from '../kernels/keys.ts'
import { Scatterer, type ScatterKernels } from '../kernels/scatter.ts'
import { type Router, SCATTERED } from './partition.ts'

/** Hands each row to the channel of its key group. */
export class HashRouter implements Router {
  readonly #keys: BatchKeys
  readonly #scatterer: Scatterer

  constructor(slab: Slab, kernels: KeyKernels & ScatterKernels, schema: Schema, key: KeySpec, channelCount: number, maxParallelism: number) {
    this.#keys = new BatchKeys(slab, kernels, schema, key)
    this.#scatterer = new Scatterer(slab, kernels, channelCount, maxParallelism)
  }

  route(batch: RecordBatch): number {
    const { selection, begin } = batch
    const rows = batch.end - begin
    this.#scatterer.scatter(this.#keys.encode(batch, selection, begin, rows).hashes, selection, begin, rows)
    return SCATTERED
  }

  selection(channel: number): number {
    return this.#scatterer.rowsOf(channel)
  }

  selectedCount(channel: number): number {
    return this.#scatterer.countOf(channel)
  }
}
