// Which values the groups of a GROUP BY have seen, by numbers: each group that has seen one has a number, and so has each different value of the column, so that a
// pair of both is a number of 64 bits, however long keys and texts are. State has pairs as the canonical bytes of key and value, as those of windows
// (operator/window/distinct-values.ts) are in memory too; that stands in where groups leave memory, with all but their state.

import { BatchKeys } from '../../batch/batch-keys.ts'
import { Column } from '../../batch/column.ts'
import type { RecordBatch } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import { assert } from '../../base/assert.ts'
import { KeyEncoder } from '../../kernels/keys.ts'
import { ENTRY_HASH_OFFSET, KeyForm } from '../../kernels/table-layout.ts'
import type { OperatorContext } from '../../operator/operator.ts'
import { DistinctValues } from '../../operator/window/distinct-values.ts'
import { SegmentTable } from '../../state/segment-table.ts'
import type { KeyedSnapshotWriter } from '../../state/state.ts'
import { TableRestore } from '../../state/table-restore.ts'

/** The pairs of groups and values of one column, and a value area for each. */
export interface DistinctPairs {
  /** Byte offset of the value area in the entry of a pair. */
  readonly valueOffset: number
  /**
   * Finds the pairs of rows int32 rows[n], none of whose values is NULL, or makes them.
   *
   * @param groups Address of the u32 entries of their groups.
   * @returns Address of their u32 entries, valid until the next call.
   */
  find(batch: RecordBatch, groups: number, rows: number, n: number): number
  snapshot(writer: KeyedSnapshotWriter, state: string): void
  /** What puts pairs back, behind all groups: each `add`, then `finish`. */
  restore(): { add(key: Uint8Array, value: Uint8Array): void; finish(): void }
  free(): void
}

/** Where the groups are. */
export interface NumberedGroups {
  readonly table: SegmentTable
  /** Byte offset in an entry of a u32 that is no state: the number of the group, 0 while it has none. */
  readonly numberOffset: number
  /** How many have one. */
  count: number
}

const NO_NAMESPACE = new Uint8Array()
const ROWS_AT_ONCE = 1024

/** Pairs of groups that may leave memory. */
export class PairsByKey implements DistinctPairs {
  readonly #values: DistinctValues
  readonly #pairs: SegmentTable

  constructor(context: OperatorContext, schema: Schema, key: readonly number[], groups: SegmentTable, column: number, valueBytes: number) {
    this.#values = new DistinctValues(context, schema, { kind: 'columns', columns: key }, groups.form, column, valueBytes)
    this.#pairs = this.#values.newTable(0)
  }

  get valueOffset(): number {
    return this.#pairs.valueOffset
  }

  find(batch: RecordBatch, _groups: number, rows: number, n: number): number {
    return this.#values.find(this.#pairs, batch, rows, 0, n)
  }

  snapshot(writer: KeyedSnapshotWriter, state: string): void {
    this.#values.snapshot(writer, state, NO_NAMESPACE, this.#pairs)
  }

  restore(): TableRestore {
    return this.#values.restore(this.#pairs)
  }

  free(): void {
    this.#pairs.free()
    this.#values.free()
  }
}

/** Pairs of groups that stay in memory. */
export class PairsByNumber implements DistinctPairs {
  readonly #context: OperatorContext
  readonly #groups: NumberedGroups
  readonly #valueBytes: number
  readonly #valueKeys: BatchKeys
  /** The different values, each with its number. */
  readonly #values: SegmentTable
  #valueCount = 0
  readonly #pairs: SegmentTable
  readonly #pairKeys: KeyEncoder
  /** Of each row in hand the number of its group, above that of its value. */
  readonly #numbers: Column
  /** Pairs as state has them, a few at a time; and their parts: the columns of the key, and the value. */
  readonly #canonical: SegmentTable
  readonly #parts: readonly Column[]
  readonly #canonicalKeys: KeyEncoder
  readonly #groupKeys: KeyEncoder
  readonly #partKeys: KeyEncoder
  /** Address of two lists of u32[rows]. */
  #lists = 0
  #rows = 0

  constructor(context: OperatorContext, schema: Schema, key: readonly number[], groups: NumberedGroups, column: number, valueBytes: number) {
    const { slab, kernels, maxParallelism, tableSeed } = context
    this.#context = context
    this.#groups = groups
    this.#valueBytes = valueBytes
    const shared = { maxParallelism, slotSeed: tableSeed }
    this.#valueKeys = new BatchKeys(slab, kernels, schema, { kind: 'columns', columns: [column] })
    this.#values = new SegmentTable(slab, kernels, { ...shared, form: this.#valueKeys.form, valueBytes: 8 })
    this.#pairs = new SegmentTable(slab, kernels, { ...shared, form: KeyForm.VALUE, valueBytes })
    this.#pairKeys = new KeyEncoder(slab, kernels, KeyForm.VALUE, 1)
    this.#numbers = Column.allocate(slab, { kind: 'BIGINT', nullable: false, safeInteger: false }, ROWS_AT_ONCE)
    this.#canonical = new SegmentTable(slab, kernels, { ...shared, form: KeyForm.BYTES, valueBytes })
    this.#parts = [...key, column].map((part) => Column.allocate(slab, schema.fields[part].type, ROWS_AT_ONCE))
    this.#canonicalKeys = new KeyEncoder(slab, kernels, KeyForm.BYTES, this.#parts.length)
    this.#groupKeys = new KeyEncoder(slab, kernels, groups.table.form, key.length)
    this.#partKeys = new KeyEncoder(slab, kernels, this.#valueKeys.form, 1)
  }

  get valueOffset(): number {
    return this.#pairs.valueOffset
  }

  find(batch: RecordBatch, groups: number, rows: number, n: number): number {
    this.#reserve(n)
    const list = this.#lists
    this.#number(this.#values.findOrInsert(this.#valueKeys.encode(batch, rows, 0, n), list), list, n)
    return this.#pair(groups, list, n)
  }

  snapshot(writer: KeyedSnapshotWriter, state: string): void {
    const { slab, maxParallelism } = this.#context
    const groups = this.#groups.table
    const values = this.#values
    const canonical = this.#canonical
    const groupOf = entriesByNumber(groups, this.#groups.numberOffset, this.#groups.count)
    const valueOf = entriesByNumber(values, values.valueOffset, this.#valueCount)
    this.#pairs.forEachEntries((entries, count) => {
      for (let first = 0; first < count; first += ROWS_AT_ONCE) {
        const n = Math.min(ROWS_AT_ONCE, count - first)
        const pairs = entries + first * 4
        this.#reserve(n)
        const groupList = this.#lists
        const valueList = groupList + this.#rows * 4
        this.#numbers.clear()
        this.#pairs.keysToColumns(pairs, n, [this.#numbers], 0)
        const numbers = this.#numbers.values >>> 2
        for (let index = 0; index < n; index++) {
          slab.u32[(groupList >>> 2) + index] = groupOf[slab.u32[numbers + index * 2 + 1]]
          slab.u32[(valueList >>> 2) + index] = valueOf[slab.u32[numbers + index * 2]]
        }
        for (const part of this.#parts) part.clear()
        groups.keysToColumns(groupList, n, this.#parts.slice(0, -1), 0)
        values.keysToColumns(valueList, n, this.#parts.slice(-1), 0)
        canonical.findOrInsert(this.#encodeParts(this.#canonicalKeys, 0, this.#parts.length, n), valueList)
        for (let index = 0; index < n; index++) {
          const group = slab.u32[(groupList >>> 2) + index]
          const at = slab.u32[(pairs >>> 2) + index] + this.#pairs.valueOffset
          const keyGroup = slab.u32[(group + ENTRY_HASH_OFFSET + 4) >>> 2] % maxParallelism
          const bytes = canonical.keyBytesOf(slab.u32[(valueList >>> 2) + index])
          writer.keyed(state, keyGroup, NO_NAMESPACE, bytes, slab.u8.subarray(at, at + this.#valueBytes))
        }
        canonical.clear()
      }
    })
  }

  restore(): { add(key: Uint8Array, value: Uint8Array): void; finish(): void } {
    const { slab, kernels } = this.#context
    const canonical = new TableRestore(slab, kernels, this.#canonical, this.#valueBytes)
    let count = 0
    return {
      add: (key, value) => {
        canonical.add(key, value)
        if (++count % ROWS_AT_ONCE > 0) return
        canonical.flush()
        this.#takeCanonical()
      },
      finish: () => {
        canonical.finish()
        this.#takeCanonical()
      },
    }
  }

  free(): void {
    const { slab } = this.#context
    for (const table of [this.#values, this.#pairs, this.#canonical]) table.free()
    for (const keys of [this.#valueKeys, this.#pairKeys, this.#canonicalKeys, this.#groupKeys, this.#partKeys]) keys.free()
    for (const column of [this.#numbers, ...this.#parts]) column.free()
    if (this.#rows > 0) slab.free(this.#lists, this.#rows * 8)
  }

  /** Gives the new ones among some values numbers. */
  #number(inserted: number, entries: number, n: number): void {
    if (inserted === 0) return
    const fresh = this.#values.listNew(entries, n) >>> 2
    const { u32 } = this.#context.slab
    const { valueOffset } = this.#values
    for (let index = 0; index < inserted; index++) u32[(u32[fresh + index] + valueOffset) >>> 2] = ++this.#valueCount
  }

  /** The pairs of groups and values, both u32 entries[n]: u32 entries in the place of the values. */
  #pair(groups: number, values: number, n: number): number {
    const known = this.#groups
    const { numberOffset } = known
    const { valueOffset } = this.#values
    const { u32 } = this.#context.slab
    const numbers = this.#numbers.values >>> 2
    for (let index = 0; index < n; index++) {
      const at = (u32[(groups >>> 2) + index] + numberOffset) >>> 2
      let number = u32[at]
      if (number === 0) number = u32[at] = ++known.count
      u32[numbers + index * 2] = u32[(u32[(values >>> 2) + index] + valueOffset) >>> 2]
      u32[numbers + index * 2 + 1] = number
    }
    this.#pairs.findOrInsert(this.#pairKeys.encode([this.#numbers.descriptor], 0, 0, n), values)
    return values
  }

  /** Takes pairs from where state has been read into. */
  #takeCanonical(): void {
    const { slab } = this.#context
    const canonical = this.#canonical
    const words = this.#valueBytes >>> 2
    canonical.forEachEntries((entries, count) => {
      for (let first = 0; first < count; first += ROWS_AT_ONCE) {
        const n = Math.min(ROWS_AT_ONCE, count - first)
        const source = entries + first * 4
        this.#reserve(n)
        const groupList = this.#lists + this.#rows * 4
        const valueList = this.#lists
        for (const part of this.#parts) part.clear()
        canonical.keysToColumns(source, n, this.#parts, 0)
        this.#groups.table.find(this.#encodeParts(this.#groupKeys, 0, this.#parts.length - 1, n), groupList)
        for (let index = 0; index < n; index++) assert(slab.u32[(groupList >>> 2) + index] !== 0, 'a value that a group has seen, and no group')
        this.#number(this.#values.findOrInsert(this.#encodeParts(this.#partKeys, this.#parts.length - 1, this.#parts.length, n), valueList), valueList, n)
        this.#pair(groupList, valueList, n)
        const { u32 } = slab
        for (let index = 0; index < n; index++) {
          const from = (u32[(source >>> 2) + index] + canonical.valueOffset) >>> 2
          const to = (u32[(valueList >>> 2) + index] + this.#pairs.valueOffset) >>> 2
          for (let word = 0; word < words; word++) u32[to + word] = u32[from + word]
        }
      }
    })
    canonical.clear()
  }

  #encodeParts(keys: KeyEncoder, begin: number, end: number, n: number): KeyEncoder {
    return keys.encode(
      this.#parts.slice(begin, end).map(({ descriptor }) => descriptor),
      0,
      0,
      n,
    )
  }

  #reserve(rows: number): void {
    this.#numbers.ensureRows(rows)
    if (rows <= this.#rows) return
    const { slab } = this.#context
    if (this.#rows > 0) slab.free(this.#lists, this.#rows * 8)
    this.#rows = Math.max(rows, ROWS_AT_ONCE)
    this.#lists = slab.allocate(this.#rows * 8)
  }
}

/** The entries of a table by their numbers, which are u32 so far behind each; 0 where there is none. */
function entriesByNumber(table: SegmentTable, offset: number, count: number): Uint32Array {
  const entries = new Uint32Array(count + 1)
  table.forEachEntries((list, n) => {
    const { u32 } = table.slab
    for (let index = 0; index < n; index++) {
      const entry = u32[(list >>> 2) + index]
      entries[u32[(entry + offset) >>> 2]] = entry
    }
  })
  return entries
}
