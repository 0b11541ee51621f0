// The sort keys of batches: the columns of an order one behind the other, as bytes that compare as the order does. Owned by one operator, on its thread.

import type { Slab } from '../../base/slab.ts'
import { Column } from '../../batch/column.ts'
import type { RecordBatch } from '../../batch/record-batch.ts'
import type { LogicalType } from '../../batch/types.ts'
import { SORT_KEY_PART_BYTES, type SortKernels } from '../../kernels/sort.ts'
import type { ColumnOrder } from './row-order.ts'

export const SORT_KEY: LogicalType = { kind: 'VARBINARY', length: 2 ** 31 - 1, nullable: false }

export class SortKeys {
  readonly #slab: Slab
  readonly #kernels: SortKernels
  readonly #order: readonly ColumnOrder[]
  readonly #keys: Column

  constructor(slab: Slab, kernels: SortKernels, order: readonly ColumnOrder[], rows: number) {
    this.#slab = slab
    this.#kernels = kernels
    this.#order = order
    this.#keys = Column.allocate(slab, SORT_KEY, rows)
  }

  /** The sort keys of all rows of a batch, as a column that is good until the next call. */
  write({ rowCount, columns }: RecordBatch): Column {
    const keys = this.#keys
    const stride = this.#order.length * SORT_KEY_PART_BYTES
    keys.clear()
    keys.ensureRows(rowCount)
    keys.ensureData(rowCount * stride)
    this.#order.forEach(({ column, descending, nullsFirst }, part) =>
      this.#kernels.sortKeyPart(columns[column].descriptor, Number(descending), Number(nullsFirst), rowCount, keys.data + part * SORT_KEY_PART_BYTES, stride),
    )
    const { u32 } = this.#slab
    for (let row = 0, at = keys.offsets >>> 2; row <= rowCount; row++) u32[at + row] = row * stride
    keys.dataLength = rowCount * stride
    return keys
  }

  free(): void {
    this.#keys.free()
  }
}
