// From rows to keys: the bindings of the key kernels, and the encoder that owns their scratch memory. Used by the thread that owns the slab.

import type { Slab } from '../base/slab.ts'
import { BUFFER_SLACK_BYTES, COLUMN_DICTIONARY, DESCRIPTOR_FLAGS, DESCRIPTOR_KIND, PhysicalKind, TypeCode } from './column-layout.ts'
import { KeyForm } from './table-layout.ts'

/** Key kernels. All take rows by logical position: `begin..begin + n - 1`, through int32 `selection` unless it is 0. */
export interface KeyKernels {
  /** Value form of one fixed-width column: u64 hashes[n], int64 keys[n]. */
  keysFromValues(column: number, selection: number, begin: number, n: number, hashes: number, keys: number): void
  /** One more than the greatest code of a dictionary-encoded column's rows. */
  keysCodeBound(column: number, selection: number, begin: number, n: number): number
  /** Bytes form of one BYTES column, in place. With 16 bytes of `scratch` for each code below `entries`, an entry of a dictionary is hashed once. */
  keysFromBytes(
    column: number,
    selection: number,
    begin: number,
    n: number,
    hashes: number,
    payloads: number,
    words: number,
    scratch: number,
    entries: number,
  ): void
  /** Bytes that keysFromColumns will write. `columns` is the address of u32[columnCount] descriptors. */
  keysMeasure(columns: number, columnCount: number, selection: number, begin: number, n: number): number
  /** Bytes form of any columns; payloads are written to `bytes`. */
  keysFromColumns(
    columns: number,
    columnCount: number,
    selection: number,
    begin: number,
    n: number,
    hashes: number,
    payloads: number,
    words: number,
    bytes: number,
  ): void
  /** Bytes form of canonical bytes at u32 offsets[n + 1] into `data`. */
  keysFromCanonical(offsets: number, data: number, n: number, hashes: number, payloads: number, words: number): void
  /** Bytes form of one BYTES column that holds canonical key bytes. */
  keysFromCanonicalColumn(column: number, selection: number, begin: number, n: number, hashes: number, payloads: number, words: number): void
  /** Bytes form to value form, for keys that have one: int64 keys[n]. */
  keysToValues(payloads: number, words: number, n: number, keys: number): void
}

/** Keys of some rows, as tables take them: addresses of arrays with one element a row. Valid until the next call of whoever made them. */
export interface KeyBatch {
  readonly form: KeyForm
  readonly count: number
  /** u64 hashes. */
  readonly hashes: number
  /** int64 values (value form) or u32 addresses of payloads (bytes form). */
  readonly keys: number
  /** u32 key words (bytes form), else 0. */
  readonly words: number
}

/** The form that keys of these columns have. One column of integers (DECIMAL is none), doubles or booleans goes by value. */
export function keyFormOf(columns: readonly { readonly kind: PhysicalKind; readonly typeCode: number }[]): KeyForm {
  if (columns.length !== 1) return KeyForm.BYTES
  const { kind, typeCode } = columns[0]
  return kind <= PhysicalKind.FLOAT64 && typeCode !== TypeCode.DECIMAL ? KeyForm.VALUE : KeyForm.BYTES
}

const ROWS_MIN = 1024

/**
 * Turns the key columns of batches into {@link KeyBatch}es. One for each operator input: the scratch memory grows to the largest batch and stays.
 */
export class KeyEncoder implements KeyBatch {
  readonly form: KeyForm
  count = 0
  hashes = 0
  keys = 0
  words = 0
  readonly #slab: Slab
  readonly #kernels: KeyKernels
  readonly #columnCount: number
  readonly #columns: number
  #rows = 0
  #bytes = 0
  #bytesCapacity = 0
  #dictionary = 0
  #dictionaryBytes = 0

  constructor(slab: Slab, kernels: KeyKernels, form: KeyForm, columnCount: number) {
    this.#slab = slab
    this.#kernels = kernels
    this.form = form
    this.#columnCount = columnCount
    this.#columns = slab.allocate(Math.max(columnCount, 1) * 4)
  }

  /** Encodes the rows at logical positions `begin..begin + n - 1`. `columns` are the addresses of the key columns' descriptors. */
  encode(columns: readonly number[], selection: number, begin: number, n: number): this {
    this.#reserve(n)
    this.count = n
    const kernels = this.#kernels
    if (this.form === KeyForm.VALUE) kernels.keysFromValues(columns[0], selection, begin, n, this.hashes, this.keys)
    else if (this.#columnCount === 1 && this.#isBytes(columns[0])) this.#encodeBytes(columns[0], selection, begin, n)
    else {
      const list = this.#columns
      for (let index = 0; index < columns.length; index++) this.#slab.u32[(list >>> 2) + index] = columns[index]!
      this.#reserveBytes(kernels.keysMeasure(list, columns.length, selection, begin, n))
      kernels.keysFromColumns(list, columns.length, selection, begin, n, this.hashes, this.keys, this.words, this.#bytes)
    }
    return this
  }

  /** Encodes canonical key bytes at u32 `offsets[n + 1]` into `data`: a restore, or keys that user code returned. */
  encodeCanonical(offsets: number, data: number, n: number): this {
    this.#reserve(n)
    this.count = n
    if (this.form === KeyForm.BYTES) this.#kernels.keysFromCanonical(offsets, data, n, this.hashes, this.keys, this.words)
    else {
      this.#reserveBytes(n * 8)
      const payloads = this.#bytes
      const words = payloads + n * 4
      this.#kernels.keysFromCanonical(offsets, data, n, this.hashes, payloads, words)
      this.#kernels.keysToValues(payloads, words, n, this.keys)
    }
    return this
  }

  /** Encodes the rows at logical positions `begin..begin + n - 1` of a column that holds canonical key bytes. Bytes form only. */
  encodeCanonicalColumn(column: number, selection: number, begin: number, n: number): this {
    this.#reserve(n)
    this.count = n
    this.#kernels.keysFromCanonicalColumn(column, selection, begin, n, this.hashes, this.keys, this.words)
    return this
  }

  /** Gives the scratch memory back. */
  free(): void {
    const slab = this.#slab
    slab.free(this.#columns, Math.max(this.#columnCount, 1) * 4)
    this.#freeRows()
    if (this.#bytesCapacity > 0) slab.free(this.#bytes, this.#bytesCapacity)
    if (this.#dictionaryBytes > 0) slab.free(this.#dictionary, this.#dictionaryBytes)
    this.#bytesCapacity = 0
    this.#dictionaryBytes = 0
  }

  #isBytes(column: number): boolean {
    return this.#slab.u32[(column >>> 2) + DESCRIPTOR_KIND] === PhysicalKind.BYTES
  }

  #encodeBytes(column: number, selection: number, begin: number, n: number): void {
    let entries = 0
    if ((this.#slab.u32[(column >>> 2) + DESCRIPTOR_FLAGS] & COLUMN_DICTIONARY) !== 0) {
      entries = this.#kernels.keysCodeBound(column, selection, begin, n)
      if (entries > n) entries = 0
      else if (entries * 16 > this.#dictionaryBytes) {
        if (this.#dictionaryBytes > 0) this.#slab.free(this.#dictionary, this.#dictionaryBytes)
        this.#dictionaryBytes = entries * 16
        this.#dictionary = this.#slab.allocate(this.#dictionaryBytes)
      }
    }
    this.#kernels.keysFromBytes(column, selection, begin, n, this.hashes, this.keys, this.words, this.#dictionary, entries)
  }

  #reserve(rows: number): void {
    if (rows <= this.#rows) return
    this.#freeRows()
    this.#rows = Math.max(rows, ROWS_MIN)
    this.hashes = this.#slab.allocate(this.#rows * 8)
    this.keys = this.#slab.allocate(this.#rows * 8)
    if (this.form === KeyForm.BYTES) this.words = this.#slab.allocate(this.#rows * 4)
  }

  #freeRows(): void {
    if (this.#rows === 0) return
    this.#slab.free(this.hashes, this.#rows * 8)
    this.#slab.free(this.keys, this.#rows * 8)
    if (this.words !== 0) this.#slab.free(this.words, this.#rows * 4)
    this.#rows = 0
  }

  #reserveBytes(bytes: number): void {
    if (bytes + BUFFER_SLACK_BYTES <= this.#bytesCapacity) return
    if (this.#bytesCapacity > 0) this.#slab.free(this.#bytes, this.#bytesCapacity)
    this.#bytesCapacity = bytes + BUFFER_SLACK_BYTES
    this.#bytes = this.#slab.allocate(this.#bytesCapacity)
  }
}
