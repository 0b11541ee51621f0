// Bindings of the gather kernels, and the walk through nested columns. Used by the thread that owns the slab.

import type { Slab } from '../base/slab.ts'
import { assert } from '../base/assert.ts'
import { PhysicalKind } from './column-layout.ts'

/** Gather kernels: one level of one column. `holes` 1: a selection may name row -1, which is NULL. */
export interface GatherKernels {
  /** Appends the rows at logical positions begin..begin + n - 1 to `target` from its row `row` on; of LIST and MAP the offsets only, of STRUCT the validity. */
  gatherColumn(source: number, target: number, selection: number, begin: number, n: number, row: number, holes: number): void
  /** Bytes of data (BYTES) or rows of children (LIST, MAP) of these rows. */
  gatherLength(source: number, selection: number, begin: number, n: number, holes: number): number
  /** Child rows of these rows of a LIST or MAP: int32 out[gatherLength()]. */
  gatherChildren(source: number, selection: number, begin: number, n: number, holes: number, out: number): void
  /** Dictionary rows behind these rows of a dictionary-encoded column: int32 out[n], -1 for NULL. */
  gatherCodes(source: number, selection: number, begin: number, n: number, holes: number, out: number): void
}

/** A column as the walk sees it: `Column` of the batch folder is one. */
export interface GatherColumn {
  readonly kind: PhysicalKind
  readonly descriptor: number
  readonly children: readonly GatherColumn[]
  readonly dictionary: GatherColumn | null
  /** Address of the validity bits; 0 if the type is NOT NULL. */
  readonly validity: number
  /** Address of int32 offsets; 0 for kinds that have none. */
  readonly offsets: number
  objects: unknown[]
  ensureRows(rows: number): void
  ensureData(bytes: number): void
}

/**
 * Appends rows of `source` to `target`, a column of the same type with `row` rows so far and plain values, making room for them.
 *
 * @param selection Address of int32 physical rows, or 0; the rows at positions `begin..begin + n - 1` are meant.
 * @param holes Whether the selection may hold -1, which is NULL (the target's type must admit it).
 */
export function gatherRows(
  slab: Slab,
  kernels: GatherKernels,
  source: GatherColumn,
  target: GatherColumn,
  selection: number,
  begin: number,
  n: number,
  row: number,
  holes: boolean = false,
): void {
  assert(!holes || target.validity !== 0 || target.kind === PhysicalKind.OBJECT, 'holes in a column that is declared NOT NULL')
  append(slab, kernels, source, target, selection, begin, n, row, holes)
}

function append(
  slab: Slab,
  kernels: GatherKernels,
  source: GatherColumn,
  target: GatherColumn,
  selection: number,
  begin: number,
  n: number,
  row: number,
  holes: boolean,
): void {
  if (n === 0) return
  target.ensureRows(row + n)
  const flag = holes ? 1 : 0
  if (source.kind === PhysicalKind.OBJECT) {
    for (let index = 0; index < n; index++) {
      const from = selection === 0 ? begin + index : slab.i32[(selection >>> 2) + begin + index]
      target.objects[row + index] = from === -1 ? null : source.objects[from]
    }
    return
  }
  if (source.dictionary !== null) {
    assert(target.dictionary === null, 'rows are gathered into plain columns')
    const codes = slab.allocate(n * 4)
    kernels.gatherCodes(source.descriptor, selection, begin, n, flag, codes)
    append(slab, kernels, source.dictionary, target, codes, 0, n, row, true)
    slab.free(codes, n * 4)
    return
  }
  if (source.kind === PhysicalKind.BYTES) target.ensureData(kernels.gatherLength(source.descriptor, selection, begin, n, flag))
  kernels.gatherColumn(source.descriptor, target.descriptor, selection, begin, n, row, flag)
  if (source.kind === PhysicalKind.STRUCT) {
    source.children.forEach((child, index) => append(slab, kernels, child, target.children[index], selection, begin, n, row, holes))
  } else if (source.kind === PhysicalKind.LIST || source.kind === PhysicalKind.MAP) {
    const count = kernels.gatherLength(source.descriptor, selection, begin, n, flag)
    if (count === 0) return
    const rows = slab.allocate(count * 4)
    kernels.gatherChildren(source.descriptor, selection, begin, n, flag, rows)
    const childRow = slab.i32[(target.offsets >>> 2) + row]
    source.children.forEach((child, index) => append(slab, kernels, child, target.children[index], rows, 0, count, childRow, false))
    slab.free(rows, count * 4)
  }
}
