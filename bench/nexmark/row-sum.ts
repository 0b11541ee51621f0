// A sum over the rows of a result that does not depend on their order: what changes take away is taken away from it again.

import { RowKind } from '../../src/batch/record-batch.ts'
import { Decimal, type Field } from '../../src/batch/types.ts'
import { jsonOf } from '../../src/sql/changelog-format.ts'
import type { Value } from '../../src/sql/value.ts'

const FIRST = 0x9e3779b1
const SECOND = 0x85ebca6b
const bits = new DataView(new ArrayBuffer(8))

/** Number of the rows that are left, and the sums of two hashes of each modulo 2^32. */
export class RowSum {
  /** Rows that are left. */
  rows = 0
  /** Of each column, over the rows that are left: what another engine can say of its rows too. See {@link columnPart}. */
  readonly columnSums: number[]
  changes = 0
  #first = 0
  #second = 0
  readonly #columns: readonly Field[]

  constructor(columns: readonly Field[]) {
    this.#columns = columns
    this.columnSums = columns.map(() => 0)
  }

  add(kind: RowKind, row: readonly Value[]): void {
    const sign = kind === RowKind.INSERT || kind === RowKind.UPDATE_AFTER ? 1 : -1
    let first = FIRST
    let second = SECOND
    for (let index = 0; index < row.length; index++) {
      this.columnSums[index] += sign * columnPart(row[index])
      const value = this.#numberOf(row[index], index)
      first = mixed(first, value, FIRST)
      second = mixed(second, value, SECOND)
    }
    this.changes++
    this.rows += sign
    this.#first = (this.#first + sign * (first >>> 0)) % 2 ** 32
    this.#second = (this.#second + sign * (second >>> 0)) % 2 ** 32
  }

  toString(): string {
    const text = (half: number): string => ((half + 2 ** 32) % 2 ** 32).toString(16).padStart(8, '0')
    return `${this.rows} rows ${text(this.#first)}${text(this.#second)}`
  }

  /** A number that stands for a value: of texts a hash of 53 bits. */
  #numberOf(value: Value, index: number): number {
    if (typeof value === 'number') return value
    if (typeof value === 'bigint') return Number(value)
    const text = typeof value === 'string' ? value : JSON.stringify(jsonOf(value, this.#columns[index].type))
    let low = FIRST
    let high = SECOND
    for (let at = 0; at < text.length; at++) {
      const unit = text.charCodeAt(at)
      low = Math.imul(low ^ unit, 0x01000193)
      high = Math.imul(high ^ unit, 0x5bd1e995)
    }
    return (low >>> 0) * 2 ** 21 + (high >>> 11)
  }
}

/** Sums of more than this would not be exact for all rows that there may be. */
export const PART_MAX = 1_000_003

/** What a value adds to the sum of its column: of a text its length, of a number without its point what is left of a division, of NULL nothing. */
function columnPart(value: Value): number {
  if (value === null) return 0
  if (typeof value === 'string') return value.length
  return Number(value instanceof Decimal ? value.unscaled : value) % PART_MAX
}

function mixed(hash: number, value: number, multiplier: number): number {
  bits.setFloat64(0, value)
  let next = Math.imul(hash ^ bits.getInt32(0), multiplier)
  next = Math.imul((next ^ (next >>> 15)) + bits.getInt32(4), 0xc2b2ae35)
  return next ^ (next >>> 13)
}
