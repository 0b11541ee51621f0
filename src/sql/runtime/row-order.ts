// The order of rows by some of their columns: what a row says of it as words, so that two rows are compared without looking at their columns, but for texts
// that begin alike. Used by the thread that owns the slab.

import type { Column } from '../../batch/column.ts'
import { physicalKindOf, type Schema } from '../../batch/types.ts'
import { PhysicalKind } from '../../kernels/column-layout.ts'
import type { SortKey } from '../logical-plan.ts'

/** A column that orders rows. */
export type ColumnOrder = Pick<SortKey, 'descending' | 'nullsFirst'> & { readonly column: number }

const ROWS_MIN = 1024
/** The words of a part: whether it is NULL, and the value; of texts its first bytes. */
const WORDS = 3
const WORDS_OF_INT128 = 5
const WORDS_OF_NANOS = 4
/** Bytes of a text that are in its words. */
const PREFIX_BYTES = 8
const SIGN = 0x80000000
/** The first word of a part. */
const VALUE = 1
const NULL_FIRST = 0
const NULL_LAST = 2
const DOUBLE = new Float64Array(1)
const WORDS_OF_DOUBLE = new Uint32Array(DOUBLE.buffer)

interface Part extends ColumnOrder {
  readonly kind: PhysicalKind
  /** Its first word among those of a row, and how many it has. */
  readonly at: number
  readonly words: number
}

/** An order as one by columns; undefined: it is none. */
export function columnOrderOf(order: readonly SortKey[], schema: Schema): readonly ColumnOrder[] | undefined {
  const columns = order.flatMap(({ expression, descending, nullsFirst }) =>
    expression.kind === 'column' && physicalKindOf(schema.fields[expression.index].type) <= PhysicalKind.BYTES
      ? [{ column: expression.index, descending, nullsFirst }]
      : [],
  )
  return columns.length === order.length ? columns : undefined
}

/** An order as a text: two that differ have different ones. */
export function orderText(order: readonly ColumnOrder[], { fields }: Schema): string {
  return order
    .map(({ column, descending, nullsFirst }) => `${fields[column].name}${descending ? ' descending' : ''}${nullsFirst ? ', NULL first' : ''}`)
    .join(', ')
}

/** The order of rows that lie in columns, by their places there. Rows are noted before they are compared. */
export class RowOrder {
  readonly #parts: readonly Part[]
  readonly #width: number
  #words: Uint32Array
  #columns: readonly Column[]

  /** @param columns What rows lie in, of which the order names some. */
  constructor(order: readonly ColumnOrder[], columns: readonly Column[]) {
    let width = 0
    this.#parts = order.map((part): Part => {
      const { kind } = columns[part.column]
      const words = kind === PhysicalKind.INT128 ? WORDS_OF_INT128 : kind === PhysicalKind.TIMESTAMP_NANOS ? WORDS_OF_NANOS : WORDS
      const at = width
      width += words
      return { ...part, kind, at, words }
    })
    this.#width = width
    this.#columns = columns
    this.#words = new Uint32Array(ROWS_MIN * width)
  }

  /** Notes what rows first..end - 1 say. */
  note(first: number, end: number): void {
    if (end * this.#width > this.#words.length) {
      const words = new Uint32Array(Math.max(end, (first || ROWS_MIN) * 2) * this.#width)
      words.set(this.#words)
      this.#words = words
    }
    for (const part of this.#parts) this.#notePart(part, this.#columns[part.column], first, end)
  }

  /** Negative, zero or positive: of two rows. */
  compare(left: number, right: number): number {
    const words = this.#words
    const one = left * this.#width
    const other = right * this.#width
    for (const { at, words: count, kind, column, descending } of this.#parts) {
      for (let word = at, end = at + count; word < end; word++) {
        const difference = words[one + word] - words[other + word]
        if (difference !== 0) return difference
      }
      // What begins alike may go on in another way.
      if (kind !== PhysicalKind.BYTES || words[one + at] !== VALUE) continue
      const order = compareBytes(this.#columns[column], left, right)
      if (order !== 0) return descending ? -order : order
    }
    return 0
  }

  /** Rows have moved. @param columns What they lie in now. @param places Where the row was that is at each place now. */
  move(columns: readonly Column[], places: Uint32Array): void {
    const width = this.#width
    const old = this.#words
    const words = new Uint32Array(Math.max(places.length * 2, ROWS_MIN) * width)
    for (let row = 0; row < places.length; row++) for (let at = 0, from = places[row] * width; at < width; at++) words[row * width + at] = old[from + at]
    this.#words = words
    this.#columns = columns
  }

  #notePart({ at, words: count, kind, nullsFirst, descending }: Part, column: Column, first: number, end: number): void {
    const { slab, nullCount } = column
    const { u32 } = slab
    const words = this.#words
    const flip = descending ? 0xffffffff : 0
    for (let row = first, word = first * this.#width + at; row < end; row++, word += this.#width) {
      if (nullCount > 0 && !column.isValid(row)) {
        words[word] = nullsFirst ? NULL_FIRST : NULL_LAST
        words.fill(0, word + 1, word + count)
        continue
      }
      words[word] = VALUE
      switch (kind) {
        case PhysicalKind.INT64:
        case PhysicalKind.TIMESTAMP_NANOS: {
          const from = (column.values >>> 2) + row * 2
          words[word + 1] = u32[from + 1] ^ SIGN ^ flip
          words[word + 2] = u32[from] ^ flip
          if (kind === PhysicalKind.TIMESTAMP_NANOS) words[word + 3] = u32[(column.extra >>> 2) + row] ^ flip
          break
        }
        case PhysicalKind.INT128: {
          const from = (column.values >>> 2) + row * 4
          words[word + 1] = u32[from + 3] ^ SIGN ^ flip
          for (let part = 2; part >= 0; part--) words[word + 4 - part] = u32[from + part] ^ flip
          break
        }
        case PhysicalKind.BYTES: {
          const from = slab.i32[(column.offsets >>> 2) + row]
          const length = slab.i32[(column.offsets >>> 2) + row + 1] - from
          words[word + 1] = wordOf(slab.u8, column.data + from, length) ^ flip
          words[word + 2] = wordOf(slab.u8, column.data + from + 4, length - 4) ^ flip
          break
        }
        default: {
          const value = numberAt(column, row)
          if (value !== value) {
            // NaN is the greatest number, whatever its bits are.
            words[word + 1] = words[word + 2] = 0xffffffff ^ flip
            break
          }
          // -0 equals 0.
          DOUBLE[0] = value === 0 ? 0 : value
          const sign = WORDS_OF_DOUBLE[1] >>> 31 === 0 ? SIGN : 0xffffffff
          words[word + 1] = WORDS_OF_DOUBLE[1] ^ sign ^ flip
          words[word + 2] = WORDS_OF_DOUBLE[0] ^ (sign === SIGN ? 0 : sign) ^ flip
        }
      }
    }
  }
}

/** A number of up to 32 bits, or a float. */
function numberAt({ slab, kind, values }: Column, row: number): number {
  switch (kind) {
    case PhysicalKind.BIT:
      return (slab.u8[values + (row >>> 3)] >>> (row & 7)) & 1
    case PhysicalKind.INT8:
      return (slab.u8[values + row] << 24) >> 24
    case PhysicalKind.INT16:
      return ((slab.u8[values + row * 2] | (slab.u8[values + row * 2 + 1] << 8)) << 16) >> 16
    case PhysicalKind.INT32:
      return slab.i32[(values >>> 2) + row]
    case PhysicalKind.FLOAT32:
      return slab.f32[(values >>> 2) + row]
    default:
      return slab.f64[(values >>> 3) + row]
  }
}

/** The first four bytes of so many, as a number; zeros stand for those that are not there. */
function wordOf(u8: Uint8Array, address: number, length: number): number {
  let word = 0
  for (let at = 0; at < 4; at++) word = (word << 8) | (at < length ? u8[address + at] : 0)
  return word
}

function compareBytes({ slab, offsets, data }: Column, left: number, right: number): number {
  const { i32, u8 } = slab
  const [one, other] = [i32[(offsets >>> 2) + left], i32[(offsets >>> 2) + right]]
  const [length, otherLength] = [i32[(offsets >>> 2) + left + 1] - one, i32[(offsets >>> 2) + right + 1] - other]
  for (let at = Math.min(PREFIX_BYTES, length, otherLength), end = Math.min(length, otherLength); at < end; at++) {
    const difference = u8[data + one + at] - u8[data + other + at]
    if (difference !== 0) return difference
  }
  return length - otherLength
}
