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

  constructor(isInsertOnly: boolean) {
    this.#places = isInsertOnly ? undefined : new Map()
  }

  get count(): number {
    return this.#count
  }

  change(kind: RowKind, row: Row): void {
    if (kind === RowKind.INSERT || kind === RowKind.UPDATE_AFTER) this.#add(row, kind === RowKind.UPDATE_AFTER ? this.#vacated : undefined)
    else this.#remove(row)
  }

  /** The first rows, or all. */
  rows(countMax: number = Infinity): Row[] {
    const rows: Row[] = []
    for (const row of this.#rows) {
      if (rows.length >= countMax) break
      if (row !== undefined) rows.push(row)
    }
    return rows
  }

  #add(row: Row, vacated: number | undefined): void {
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
