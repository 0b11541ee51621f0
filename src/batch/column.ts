// One column of a batch: a view on a descriptor in the slab (kernels/column-layout.ts), which stays the single truth, so that kernels and
// JavaScript see the same lengths and null counts. Used by the thread that owns the slab.

import { assert } from '../base/assert.ts'
import { Slab, type SlabUse } from '../base/slab.ts'
import {
  BUFFER_SLACK_BYTES,
  COLUMN_DICTIONARY,
  DESCRIPTOR_BYTES,
  DESCRIPTOR_CHILD_COUNT,
  DESCRIPTOR_CHILDREN,
  DESCRIPTOR_DATA,
  DESCRIPTOR_DATA_CAPACITY,
  DESCRIPTOR_DATA_LENGTH,
  DESCRIPTOR_DICTIONARY,
  DESCRIPTOR_EXTRA,
  DESCRIPTOR_FLAGS,
  DESCRIPTOR_KIND,
  DESCRIPTOR_NULL_COUNT,
  DESCRIPTOR_OFFSETS,
  DESCRIPTOR_ROW_CAPACITY,
  DESCRIPTOR_TYPE,
  DESCRIPTOR_VALIDITY,
  DESCRIPTOR_VALUES,
  PhysicalKind,
  VALUE_BYTES,
} from '../kernels/column-layout.ts'
import { childTypesOf, formatType, physicalKindOf, type LogicalType, typeWordOf } from './types.ts'

/** Data bytes per row that a fresh BYTES column makes room for; it grows by doubling. */
const DATA_BYTES_PER_ROW = 32

/**
 * A column: typed buffers behind a descriptor.
 *
 * Rows are physical: a batch's selection is applied by whoever reads. A column either owns its buffers (made by {@link Column.allocate},
 * given back by {@link free}) or borrows them (made by {@link Column.borrow}, buffers set through the setters: a frame in a ring, a slice).
 */
export class Column implements SlabUse {
  readonly slab: Slab
  readonly type: LogicalType
  readonly kind: PhysicalKind
  /** Byte address of the descriptor. */
  readonly descriptor: number
  readonly children: readonly Column[]
  /** The values of an OBJECT column; empty for every other kind. */
  objects: unknown[] = []
  /** The values that codes point into; null unless dictionary-encoded. */
  dictionary: Column | null = null
  readonly #word: number
  readonly #owned: boolean

  private constructor(slab: Slab, type: LogicalType, children: readonly Column[], owned: boolean) {
    this.slab = slab
    this.type = type
    this.kind = physicalKindOf(type)
    this.children = children
    this.#owned = owned
    this.descriptor = slab.allocateZeroed(DESCRIPTOR_BYTES)
    this.#word = this.descriptor >>> 2
    const u32 = slab.u32
    u32[this.#word + DESCRIPTOR_KIND] = this.kind
    u32[this.#word + DESCRIPTOR_TYPE] = typeWordOf(type)
    if (children.length > 0) {
      const list = slab.allocate(children.length * 4)
      children.forEach((child, index) => (slab.u32[(list >>> 2) + index] = child.descriptor))
      slab.u32[this.#word + DESCRIPTOR_CHILDREN] = list
      slab.u32[this.#word + DESCRIPTOR_CHILD_COUNT] = children.length
    }
  }

  /** A column with buffers of its own for `rows` rows; every nullable column gets validity bits. Contents are undefined. */
  static allocate(slab: Slab, type: LogicalType, rows: number): Column {
    const column = new Column(
      slab,
      type,
      childTypesOf(type).map((child) => Column.allocate(slab, child.type, rows)),
      true,
    )
    column.#allocateBuffers(rows)
    return column
  }

  /** A column without buffers: its addresses are set by the caller, its children likewise. */
  static borrow(slab: Slab, type: LogicalType): Column {
    return new Column(
      slab,
      type,
      childTypesOf(type).map((child) => Column.borrow(slab, child.type)),
      false,
    )
  }

  get validity(): number {
    return this.slab.u32[this.#word + DESCRIPTOR_VALIDITY]
  }
  set validity(address: number) {
    this.slab.u32[this.#word + DESCRIPTOR_VALIDITY] = address
  }
  /** Address of the values, the bits (BIT), or the codes of a dictionary-encoded column. */
  get values(): number {
    return this.slab.u32[this.#word + DESCRIPTOR_VALUES]
  }
  set values(address: number) {
    this.slab.u32[this.#word + DESCRIPTOR_VALUES] = address
  }
  get offsets(): number {
    return this.slab.u32[this.#word + DESCRIPTOR_OFFSETS]
  }
  set offsets(address: number) {
    this.slab.u32[this.#word + DESCRIPTOR_OFFSETS] = address
  }
  get data(): number {
    return this.slab.u32[this.#word + DESCRIPTOR_DATA]
  }
  set data(address: number) {
    this.slab.u32[this.#word + DESCRIPTOR_DATA] = address
  }
  get dataCapacity(): number {
    return this.slab.u32[this.#word + DESCRIPTOR_DATA_CAPACITY]
  }
  get dataLength(): number {
    return this.slab.u32[this.#word + DESCRIPTOR_DATA_LENGTH]
  }
  set dataLength(bytes: number) {
    this.slab.u32[this.#word + DESCRIPTOR_DATA_LENGTH] = bytes
  }
  /** Address of the nanoseconds within the millisecond (TIMESTAMP_NANOS). */
  get extra(): number {
    return this.slab.u32[this.#word + DESCRIPTOR_EXTRA]
  }
  set extra(address: number) {
    this.slab.u32[this.#word + DESCRIPTOR_EXTRA] = address
  }
  /** Number of NULL rows; 0 means that the validity bits hold nothing. */
  get nullCount(): number {
    return this.slab.u32[this.#word + DESCRIPTOR_NULL_COUNT]
  }
  set nullCount(count: number) {
    this.slab.u32[this.#word + DESCRIPTOR_NULL_COUNT] = count
  }
  get rowCapacity(): number {
    return this.slab.u32[this.#word + DESCRIPTOR_ROW_CAPACITY]
  }
  set rowCapacity(rows: number) {
    this.slab.u32[this.#word + DESCRIPTOR_ROW_CAPACITY] = rows
  }

  /** Makes the values codes into `dictionary` (null: plain values again). */
  setDictionary(dictionary: Column | null): void {
    this.dictionary = dictionary
    this.slab.u32[this.#word + DESCRIPTOR_FLAGS] = dictionary === null ? 0 : COLUMN_DICTIONARY
    this.slab.u32[this.#word + DESCRIPTOR_DICTIONARY] = dictionary === null ? 0 : dictionary.descriptor
  }

  /** Whether `row` holds a value. */
  isValid(row: number): boolean {
    if (this.kind === PhysicalKind.OBJECT) return this.objects[row] !== null
    return this.nullCount === 0 || (this.slab.u8[this.validity + (row >>> 3)] & (1 << (row & 7))) !== 0
  }

  /** Forgets all rows; buffers stay. Children too. */
  clear(): void {
    this.nullCount = 0
    this.dataLength = 0
    if (this.kind === PhysicalKind.OBJECT) this.objects.length = 0
    if (this.offsets !== 0) this.slab.i32[this.offsets >>> 2] = 0
    for (const child of this.children) child.clear()
  }

  /**
   * Marks `row` NULL. Rows are written in order: `row` is the number of rows written so far, or an earlier one. The value slot of the row
   * keeps what it had; offsets are the writer's duty.
   */
  setNull(row: number): void {
    if (this.kind === PhysicalKind.OBJECT) {
      this.objects[row] = null
      return
    }
    const { validity, slab } = this
    assert(validity !== 0, 'NULL in a column that is declared NOT NULL')
    // The first NULL gives the bits their meaning.
    if (this.nullCount === 0) slab.fill(validity, 0xff, bitBytes(this.rowCapacity))
    const at = validity + (row >>> 3)
    const bit = 1 << (row & 7)
    if ((slab.u8[at] & bit) !== 0) this.nullCount++
    slab.u8[at] = slab.u8[at] & ~bit
  }

  /** Makes room for `bytes` more data bytes, keeping what is there. */
  ensureData(bytes: number): void {
    const needed = this.dataLength + bytes
    if (needed <= this.dataCapacity) return
    assert(this.#owned, 'a borrowed column cannot grow')
    const old = this.data
    const oldBytes = this.dataCapacity + BUFFER_SLACK_BYTES
    this.#allocateData(Math.max(needed, this.dataCapacity * 2))
    this.slab.copy(this.data, old, this.dataLength)
    this.slab.free(old, oldBytes)
  }

  /** Makes room for `rows` rows in all, keeping what is there. Children of lists and maps grow by their own rows. */
  ensureRows(rows: number): void {
    const capacity = this.rowCapacity
    if (rows <= capacity) return
    assert(this.#owned, 'a borrowed column cannot grow')
    const { slab } = this
    const { validity, values, offsets, extra } = this
    const dataKept = { address: this.data, capacity: this.dataCapacity }
    const valueBytes = this.#valuesBytes(capacity)
    this.#allocateFixed(Math.max(rows, capacity * 2))
    const copy = (from: number, to: number, bytes: number): void => {
      if (from === 0) return
      slab.copy(to, from, bytes)
      slab.free(from, bytes + BUFFER_SLACK_BYTES)
    }
    copy(validity, this.validity, bitBytes(capacity))
    if (this.nullCount > 0) slab.fill(this.validity + bitBytes(capacity), 0xff, bitBytes(this.rowCapacity) - bitBytes(capacity))
    copy(values, this.values, valueBytes)
    copy(offsets, this.offsets, (capacity + 1) * 4)
    copy(extra, this.extra, capacity * 4)
    this.data = dataKept.address
    slab.u32[this.#word + DESCRIPTOR_DATA_CAPACITY] = dataKept.capacity
    if (this.kind === PhysicalKind.STRUCT) for (const child of this.children) child.ensureRows(rows)
  }

  /** Gives everything back to the slab. The column must not be used afterwards. */
  free(): void {
    const { slab } = this
    if (this.#owned) {
      const capacity = this.rowCapacity
      if (this.validity !== 0) slab.free(this.validity, bitBytes(capacity) + BUFFER_SLACK_BYTES)
      if (this.values !== 0) slab.free(this.values, this.#valuesBytes(capacity) + BUFFER_SLACK_BYTES)
      if (this.offsets !== 0) slab.free(this.offsets, (capacity + 1) * 4 + BUFFER_SLACK_BYTES)
      if (this.extra !== 0) slab.free(this.extra, capacity * 4 + BUFFER_SLACK_BYTES)
      if (this.data !== 0) slab.free(this.data, this.dataCapacity + BUFFER_SLACK_BYTES)
    }
    const list = slab.u32[this.#word + DESCRIPTOR_CHILDREN]
    if (list !== 0) slab.free(list, this.children.length * 4)
    for (const child of this.children) child.free()
    slab.free(this.descriptor, DESCRIPTOR_BYTES)
  }

  /** What a full slab says of the column. */
  describeUse(): string {
    return `a column ${formatType(this.type)} of ${this.rowCapacity} rows`
  }

  #valuesBytes(rows: number): number {
    return this.kind === PhysicalKind.BIT ? bitBytes(rows) : rows * VALUE_BYTES[this.kind]
  }

  #allocateBuffers(rows: number): void {
    this.#allocateFixed(rows)
    if (this.kind === PhysicalKind.BYTES) this.#allocateData(Math.max(64, rows * DATA_BYTES_PER_ROW))
  }

  #allocateFixed(rows: number): void {
    const { slab } = this
    this.rowCapacity = rows
    if (this.kind === PhysicalKind.OBJECT) return
    if (this.type.nullable) this.validity = slab.allocate(bitBytes(rows) + BUFFER_SLACK_BYTES, this)
    const valueBytes = this.#valuesBytes(rows)
    if (valueBytes > 0) this.values = slab.allocate(valueBytes + BUFFER_SLACK_BYTES, this)
    if (this.kind === PhysicalKind.TIMESTAMP_NANOS) this.extra = slab.allocate(rows * 4 + BUFFER_SLACK_BYTES, this)
    if (this.kind === PhysicalKind.BYTES || this.kind === PhysicalKind.LIST || this.kind === PhysicalKind.MAP) {
      this.offsets = slab.allocate((rows + 1) * 4 + BUFFER_SLACK_BYTES, this)
      slab.i32[this.offsets >>> 2] = 0
    }
  }

  #allocateData(capacity: number): void {
    const block = Slab.blockBytes(capacity + BUFFER_SLACK_BYTES)
    this.data = this.slab.allocate(block, this)
    this.slab.u32[this.#word + DESCRIPTOR_DATA_CAPACITY] = block - BUFFER_SLACK_BYTES
  }
}

/** Bytes of a bitmap for `rows` rows. */
export function bitBytes(rows: number): number {
  return (rows + 7) >>> 3
}
