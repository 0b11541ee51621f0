// Bindings of the scatter kernels, and the scatterer that owns their scratch memory. Used by the thread that owns the slab.

import { subtaskOfKeyGroup } from '../base/key-groups.ts'
import type { Slab } from '../base/slab.ts'

/** Scatter kernels. */
export interface ScatterKernels {
  /** u16 targets[n] = u16 owners[key group of u64 hashes[n]]. */
  scatterTargets(hashes: number, n: number, maxParallelism: number, owners: number, targets: number): void
  /** Groups the rows at logical positions begin..begin + n - 1 by u16 targets[n]: int32 rows[n], those of target t from u32 starts[t] to starts[t + 1]. */
  scatterRows(targets: number, n: number, targetCount: number, selection: number, begin: number, starts: number, rows: number): void
}

/** Groups the rows of batches by the subtask that owns their key group. Results are valid until the next call. */
export class Scatterer {
  readonly targetCount: number
  readonly #slab: Slab
  readonly #kernels: ScatterKernels
  readonly #maxParallelism: number
  readonly #owners: number
  readonly #starts: number
  #targets = 0
  #rows = 0
  #capacity = 0

  constructor(slab: Slab, kernels: ScatterKernels, targetCount: number, maxParallelism: number) {
    this.targetCount = targetCount
    this.#slab = slab
    this.#kernels = kernels
    this.#maxParallelism = maxParallelism
    this.#owners = slab.allocate(maxParallelism * 2)
    for (let group = 0; group < maxParallelism; group++) slab.u16[(this.#owners >>> 1) + group] = subtaskOfKeyGroup(group, targetCount, maxParallelism)
    this.#starts = slab.allocate((targetCount + 1) * 4)
  }

  /** Scatters the rows at logical positions `begin..begin + n - 1` by u64 `hashes[n]`. */
  scatter(hashes: number, selection: number, begin: number, n: number): void {
    if (n > this.#capacity) {
      this.#freeRows()
      this.#capacity = Math.max(n, 1024)
      this.#targets = this.#slab.allocate(this.#capacity * 2)
      this.#rows = this.#slab.allocate(this.#capacity * 4)
    }
    this.#kernels.scatterTargets(hashes, n, this.#maxParallelism, this.#owners, this.#targets)
    this.#kernels.scatterRows(this.#targets, n, this.targetCount, selection, begin, this.#starts, this.#rows)
  }

  /** How many rows the last scatter gave to a target. */
  countOf(target: number): number {
    const at = (this.#starts >>> 2) + target
    return this.#slab.u32[at + 1] - this.#slab.u32[at]
  }

  /** Address of the int32 physical rows of a target, in their order. */
  rowsOf(target: number): number {
    return this.#rows + this.#slab.u32[(this.#starts >>> 2) + target] * 4
  }

  /** Gives all memory back. */
  free(): void {
    this.#slab.free(this.#owners, this.#maxParallelism * 2)
    this.#slab.free(this.#starts, (this.targetCount + 1) * 4)
    this.#freeRows()
  }

  #freeRows(): void {
    if (this.#capacity === 0) return
    this.#slab.free(this.#targets, this.#capacity * 2)
    this.#slab.free(this.#rows, this.#capacity * 4)
    this.#capacity = 0
  }
}
