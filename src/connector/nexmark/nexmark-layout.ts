// The configuration block of the Nexmark kernels, drawn once (kernels/assembly/nexmark.ts mirrors the numbers), the leaves of the event
// table in their numbering, and the fixed words. The block belongs to one generator; kernels keep counts and texts of times in it.

import { defineSchema, type RowOfSchema, type Schema, t } from '../../batch/types.ts'

//   byte  meaning
//     0   f64  time of event 0, epoch ms
//     8   f64  events per second of event time
//    16   f64  number of events; Infinity without end
//    24   f64  events until the open auctions have been replaced once
//    32   u32  persons, auctions (36), all events (40) of one run
//    44   u32  mean bytes of a person, auction (48), bid (52)
//    56   u32  hot ratio of auctions, bidders (60), sellers (64)
//    68   u32  bidder offset
//    72   u32  addresses: letters, letters with spaces (76), channels (80)
//    84   u32  events in a shuffled block; below 2 = in order
//    88   u32  counts of the last selection: persons, auctions, bids
//   128        the last times written: f64 minute and its 17 characters; 160 the same for expiry times
//   192   u64  draw keys by field
//   512        words, slots of 16 bytes
//  1152        pieces of JSON, slots of 64 bytes

export const CONFIG_BYTES = 3136
export const CONFIG_BASE_TIME = 0
export const CONFIG_RATE = 8
export const CONFIG_EVENT_LIMIT = 16
export const CONFIG_HORIZON_EVENTS = 24
export const CONFIG_PERSONS = 32
export const CONFIG_AUCTIONS = 36
export const CONFIG_TOTAL = 40
export const CONFIG_PERSON_SIZE = 44
export const CONFIG_AUCTION_SIZE = 48
export const CONFIG_BID_SIZE = 52
export const CONFIG_HOT_AUCTIONS = 56
export const CONFIG_HOT_BIDDERS = 60
export const CONFIG_HOT_SELLERS = 64
export const CONFIG_BIDDER_OFFSET = 68
export const CONFIG_LETTERS = 72
export const CONFIG_SPACED = 76
export const CONFIG_CHANNELS = 80
export const CONFIG_ORDER_BLOCK = 84
export const CONFIG_COUNTS = 88
export const CONFIG_TIME_CACHE = 128
export const CONFIG_EXPIRES_CACHE = 160
export const CONFIG_KEYS = 192
export const CONFIG_WORDS = 512
export const WORD_BYTES = 16
export const CONFIG_PIECES = 1152
export const PIECE_BYTES = 64

export const LETTERS_BYTES = 1 << 20
export const SPACED_BYTES = 1 << 16
export const CHANNEL_RECORD_BYTES = 96
export const CHANNEL_COUNT = 10_000

/** Leaves of the event table by path. A field's draws use the key of its number; keys 30 and up belong to no field. */
export const LEAVES: readonly string[] = [
  ...['event_type', 'person', 'auction', 'bid', 'dateTime'],
  ...['person.id', 'person.name', 'person.emailAddress', 'person.creditCard', 'person.city', 'person.state', 'person.dateTime', 'person.extra'],
  ...['auction.id', 'auction.itemName', 'auction.description', 'auction.initialBid', 'auction.reserve', 'auction.dateTime', 'auction.expires'],
  ...['auction.seller', 'auction.category', 'auction.extra'],
  ...['bid.auction', 'bid.bidder', 'bid.price', 'bid.channel', 'bid.url', 'bid.dateTime', 'bid.extra'],
]
export const KEY_CARD_REST = 30
export const KEY_LETTERS = 31
export const KEY_SPACED = 32
export const KEY_CHANNELS = 33
export const KEY_ORDER_INNER = 34
export const KEY_ORDER_OUTER = 35
export const KEY_COUNT = 36

export const FIRST_NAMES: readonly string[] = ['Peter', 'Paul', 'Luke', 'John', 'Saul', 'Vicky', 'Kate', 'Julie', 'Sarah', 'Deiter', 'Walter']
export const LAST_NAMES: readonly string[] = ['Shultz', 'Abrams', 'Spencer', 'White', 'Bartels', 'Walton', 'Smith', 'Jones', 'Noris']
export const CITIES: readonly string[] = ['Phoenix', 'Los Angeles', 'San Francisco', 'Boise', 'Portland', 'Bend', 'Redmond', 'Seattle', 'Kent', 'Cheyenne']
export const STATES: readonly string[] = ['AZ', 'CA', 'ID', 'OR', 'WA', 'WY']
export const HOT_CHANNELS: readonly string[] = ['Google', 'Facebook', 'Baidu', 'Apple']
export const URL_PIECES: readonly string[] = ['https://www.nexmark.com/', '/item.htm?query=1', '&channel_id=']

/** What stands between the values of a line, in the order the kernel counts them; the last three make urls. */
export const PIECES: readonly string[] = [
  ...['{"event_type":0,"person":{"id":', ',"name":"', '","emailAddress":"', '","creditCard":"', '","city":"', '","state":"', '","dateTime":"'],
  ...['","extra":"', '"},"auction":null,"bid":null}\n'],
  ...['{"event_type":1,"person":null,"auction":{"id":', ',"itemName":"', '","description":"', '","initialBid":', ',"reserve":', ',"dateTime":"'],
  ...['","expires":"', '","seller":', ',"category":', ',"extra":"', '"},"bid":null}\n'],
  ...['{"event_type":2,"person":null,"auction":null,"bid":{"auction":', ',"bidder":', ',"price":', ',"channel":"', '","url":"', '","dateTime":"'],
  ...['","extra":"', '"}}\n'],
  ...URL_PIECES,
]

const person = {
  id: t.bigint().nullable(),
  name: t.string().nullable(),
  emailAddress: t.string().nullable(),
  creditCard: t.string().nullable(),
  city: t.string().nullable(),
  state: t.string().nullable(),
  dateTime: t.timestamp(3).nullable(),
  extra: t.string().nullable(),
}
const auction = {
  id: t.bigint().nullable(),
  itemName: t.string().nullable(),
  description: t.string().nullable(),
  initialBid: t.bigint().nullable(),
  reserve: t.bigint().nullable(),
  dateTime: t.timestamp(3).nullable(),
  expires: t.timestamp(3).nullable(),
  seller: t.bigint().nullable(),
  category: t.bigint().nullable(),
  extra: t.string().nullable(),
}
const bid = {
  auction: t.bigint().nullable(),
  bidder: t.bigint().nullable(),
  price: t.bigint().nullable(),
  channel: t.string().nullable(),
  url: t.string().nullable(),
  dateTime: t.timestamp(3).nullable(),
  extra: t.string().nullable(),
}

/** The event table: two of the three rows are NULL. */
export const NEXMARK_EVENTS = defineSchema({
  event_type: t.int().nullable(),
  person: t.row(person).nullable(),
  auction: t.row(auction).nullable(),
  bid: t.row(bid).nullable(),
})
/** The events of one kind, flat. */
export const NEXMARK_PERSONS = defineSchema(person)
export const NEXMARK_AUCTIONS = defineSchema(auction)
export const NEXMARK_BIDS = defineSchema(bid)

/** A row of the event table in user code. */
export type NexmarkRow = RowOfSchema<typeof NEXMARK_EVENTS>

/** Which rows a generator makes: all events, or those of one kind as flat rows. */
export type NexmarkTable = 'events' | 'person' | 'auction' | 'bid'

/** The schema of each table. */
export interface NexmarkSchemas {
  readonly events: typeof NEXMARK_EVENTS
  readonly person: typeof NEXMARK_PERSONS
  readonly auction: typeof NEXMARK_AUCTIONS
  readonly bid: typeof NEXMARK_BIDS
}

/** The whole schema of a table. */
export function nexmarkSchema(table: NexmarkTable): Schema {
  return { events: NEXMARK_EVENTS, person: NEXMARK_PERSONS, auction: NEXMARK_AUCTIONS, bid: NEXMARK_BIDS }[table]
}
