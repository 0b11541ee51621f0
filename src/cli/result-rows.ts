// The rows that the changes of a result leave. A row that replaces another one stands in its place, so that a table that is drawn again keeps its order.

import { RowKind } from '../batch/record-batch.ts'
import { keyOf, type Value } from '../sql/value.ts'

type Row = readonly Value[]

/** Places that have become free may be so many before all rows move together. */
const VACANT_MIN = 64

/** Rows by place. */
export class ResultRows {
  #rows: (Row | undefined)[] = []
  /** Where rows of a key stand; of results that only grow nobody asks. */
  readonly #places: Map<string, number[]> | undefined
  /** The place of a row that is about to be replaced. */
  #vacated: number | undefined
  #count = 0
  readonly #keptMax: number
  /** Behind the first ones, the last ones: by number, modulo how many are kept. */
  readonly #last: Row[] = []

  /** @param keptMax Of rows that are only added so many are kept, of the first and of the last ones each. */
  constructor(isInsertOnly: boolean, keptMax: number = Infinity) {
    this.#places = isInsertOnly ? undefined : new Map()
    this.#keptMax = isInsertOnly ? keptMax : Infinity
  }

  get count(): number {
    return this.#count
  }

  change(kind: RowKind, row: Row): void {
    if (kind === RowKind.INSERT || kind === RowKind.UPDATE_AFTER) this.#add(row, kind === RowKind.UPDATE_AFTER ? this.#vacated : undefined)
    else this.#remove(row)
  }

  /** The first rows, or all that are kept. */
  rows(countMax: number = Infinity): Row[] {
    const rows: Row[] = []
    for (const row of this.#rows) {
      if (rows.length >= countMax) break
      if (row !== undefined) rows.push(row)
    }
    const oldest = this.#last.length < this.#keptMax ? 0 : this.#count % this.#keptMax
    const last = [...this.#last.slice(oldest), ...this.#last.slice(0, oldest)]
    return [...rows, ...last.slice(0, Math.max(0, countMax - rows.length))]
  }

  #add(row: Row, vacated: number | undefined): void {
    if (this.#count >= this.#keptMax) {
      this.#last[this.#count++ % this.#keptMax] = row
      return
    }
    this.#vacated = undefined
    if (vacated === undefined && this.#rows.length > 2 * this.#count + VACANT_MIN) this.#compact()
    const place = vacated ?? this.#rows.length
    this.#rows[place] = row
    this.#count++
    this.#note(row, place)
  }

  #note(row: Row, place: number): void {
    if (this.#places === undefined) return
    const key = keyOf(row)
    const known = this.#places.get(key)
    if (known === undefined) this.#places.set(key, [place])
    else known.push(place)
  }

  #remove(row: Row): void {
    const key = keyOf(row)
    const places = this.#places?.get(key)
    const place = places?.pop()
    if (places === undefined || place === undefined) return
    if (places.length === 0) this.#places!.delete(key)
    this.#rows[place] = undefined
    this.#vacated = place
    this.#count--
  }

  #compact(): void {
    this.#rows = this.rows()
    this.#places?.clear()
    this.#rows.forEach((row, place) => this.#note(row!, place))
  }
}
