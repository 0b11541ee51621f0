// What q0 takes of a Nexmark event: its kind, the time of all three kinds, the five bid columns. As a schema for the scanner, and the same by
// hand with JSON.parse.

import type { Slab } from '../src/base/slab.ts'
import type { Column } from '../src/batch/column.ts'
import { readInt64AsNumber, type RecordBatch } from '../src/batch/record-batch.ts'
import { defineSchema, t } from '../src/batch/types.ts'
import { BATCH_ROWS } from './stage.ts'

export const Q0_SCHEMA = defineSchema({
  event_type: t.int().nullable(),
  person: t.row({ dateTime: t.timestamp(3).nullable() }).nullable(),
  auction: t.row({ dateTime: t.timestamp(3).nullable() }).nullable(),
  bid: t
    .row({
      auction: t.bigint().nullable(),
      bidder: t.bigint().nullable(),
      price: t.bigint().nullable(),
      dateTime: t.timestamp(3).nullable(),
      extra: t.string().nullable(),
    })
    .nullable(),
})

/** Sums over the columns: two readers that agree on them have read the same. */
export class Q0Check {
  rows = 0
  bids = 0
  #sums = 0
  #times = 0
  #texts = 0

  add(auction: number, bidder: number, price: number): void {
    this.bids++
    this.#sums = (this.#sums + auction * 31 + bidder * 17 + price) % 9_007_199_254_740
  }

  addTime(timeMs: number): void {
    this.rows++
    this.#times = (this.#times + timeMs * (1 + (this.rows & 7))) % 900_719_925_474
  }

  addText(length: number, first: number, last: number): void {
    this.#texts = (this.#texts * 31 + length * 65_536 + first * 256 + last) % 1_000_000_007
  }

  toString(): string {
    return `${this.rows} rows, ${this.bids} bids, ${this.#sums}, ${this.#times}, ${this.#texts}`
  }
}

interface Q0Columns {
  readonly eventType: Column
  readonly person: Column
  readonly auction: Column
  readonly bid: Column
}

function columnsOf(batch: RecordBatch): Q0Columns {
  const [eventType, person, auction, bid] = batch.columns as [Column, Column, Column, Column]
  return { eventType, person: person.children[0], auction: auction.children[0], bid }
}

/** The computed column `CASE event_type WHEN 0 THEN person.dateTime WHEN 1 THEN auction.dateTime ELSE bid.dateTime END`, to `target`. */
export function projectEventTime(batch: RecordBatch, target: number): void {
  const { eventType, person, auction, bid } = columnsOf(batch)
  const { rowCount } = batch
  // Eight bytes at once: no time of these centuries is the pattern of a NaN, which alone might not be copied as it is.
  const { i32, f64 } = batch.slab
  const kinds = eventType.values >>> 2
  const persons = person.values >>> 3
  const auctions = auction.values >>> 3
  const bids = bid.children[3].values >>> 3
  const times = target >>> 3
  for (let row = 0; row < rowCount; row++) {
    const kind = i32[kinds + row]
    f64[times + row] = f64[(kind === 2 ? bids : kind === 1 ? auctions : persons) + row]!
  }
}

export function checkColumns(batch: RecordBatch, eventTime: number, check: Q0Check): void {
  const slab: Slab = batch.slab
  const { bid } = columnsOf(batch)
  const [auction, bidder, price, , extra] = bid.children as [Column, Column, Column, Column, Column]
  for (let row = 0; row < batch.rowCount; row++) {
    check.addTime(readInt64AsNumber(slab, eventTime + row * 8))
    if (!bid.isValid(row)) continue
    const at = row * 8
    check.add(readInt64AsNumber(slab, auction.values + at), readInt64AsNumber(slab, bidder.values + at), readInt64AsNumber(slab, price.values + at))
    const start = slab.i32[(extra.offsets >>> 2) + row]
    const end = slab.i32[(extra.offsets >>> 2) + row + 1]
    check.addText(end - start, slab.u8[extra.data + start], slab.u8[extra.data + end - 1])
  }
}

interface Event {
  readonly event_type: number
  readonly person: { readonly dateTime: string } | null
  readonly auction: { readonly dateTime: string } | null
  readonly bid: { readonly auction: number; readonly bidder: number; readonly price: number; readonly dateTime: string; readonly extra: string } | null
}

/** The fastest of the variants tried by hand: columns of one batch, used again and again. */
export class HandColumns {
  readonly eventType = new Int32Array(BATCH_ROWS)
  readonly eventTime = new Float64Array(BATCH_ROWS)
  readonly auction = new Float64Array(BATCH_ROWS)
  readonly bidder = new Float64Array(BATCH_ROWS)
  readonly price = new Float64Array(BATCH_ROWS)
  readonly dateTime = new Float64Array(BATCH_ROWS)
  readonly extra: (string | null)[] = Array.from({ length: BATCH_ROWS }, () => null)
  rows = 0
  readonly #times = new TimeReader()

  add(line: string): void {
    const event = JSON.parse(line) as Event
    const { bid } = event
    const row = this.rows++
    this.eventType[row] = event.event_type
    if (bid !== null) {
      const time = this.#times.read(bid.dateTime)
      this.auction[row] = bid.auction
      this.bidder[row] = bid.bidder
      this.price[row] = bid.price
      this.dateTime[row] = time
      this.extra[row] = bid.extra
      this.eventTime[row] = time
    } else {
      this.extra[row] = null
      this.eventTime[row] = this.#times.read((event.auction ?? event.person)!.dateTime)
    }
  }

  check(check: Q0Check): void {
    for (let row = 0; row < this.rows; row++) {
      check.addTime(this.eventTime[row])
      const extra = this.extra[row]!
      if (extra === null) continue
      check.add(this.auction[row], this.bidder[row], this.price[row])
      check.addText(extra.length, extra.charCodeAt(0), extra.charCodeAt(extra.length - 1))
    }
  }
}

/** Reads `YYYY-MM-DD HH:MM:SS.mmm` as epoch ms; remembers the minute, as a careful program would. */
export class TimeReader {
  #minute = ''
  #minuteMs = 0

  read(text: string): number {
    if (!text.startsWith(this.#minute) || this.#minute === '') {
      this.#minute = text.slice(0, 16)
      this.#minuteMs = Date.parse(`${this.#minute.replace(' ', 'T')}:00Z`)
    }
    const digit = (at: number): number => text.charCodeAt(at) - 48
    return this.#minuteMs + (digit(17) * 10 + digit(18)) * 1000 + digit(20) * 100 + digit(21) * 10 + digit(22)
  }
}
