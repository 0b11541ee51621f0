// Makes Nexmark events: straight into columns, or as JSON lines. Every draw is mix64(key of the field + event number * GAMMA), so an event
// depends on seed and number alone. The configuration block is laid out in connector/nexmark/nexmark-layout.ts; its twin is nexmark-event.ts.

import {
  KIND_BYTES,
  KIND_STRUCT,
  columnData,
  columnDataCapacity,
  columnKind,
  columnOffsets,
  columnRowCapacity,
  columnValidity,
  columnValues,
  setColumnDataLength,
  setColumnNullCount,
} from './column'

const GAMMA: u64 = 0x9e3779b97f4a7c15

// The configuration block, in bytes.
const BASE_TIME: usize = 0
const RATE: usize = 8
const EVENT_LIMIT: usize = 16
const HORIZON_EVENTS: usize = 24
const PERSONS: usize = 32
const AUCTIONS: usize = 36
const TOTAL: usize = 40
const PERSON_SIZE: usize = 44
const AUCTION_SIZE: usize = 48
const BID_SIZE: usize = 52
const HOT_AUCTIONS: usize = 56
const HOT_BIDDERS: usize = 60
const HOT_SELLERS: usize = 64
const BIDDER_OFFSET: usize = 68
const LETTERS: usize = 72
const SPACED: usize = 76
const CHANNELS: usize = 80
const ORDER_BLOCK: usize = 84
const COUNTS: usize = 88
const TIME_CACHE: usize = 128
const EXPIRES_CACHE: usize = 160
const KEYS: usize = 192
const WORDS: usize = 512
const PIECES: usize = 1152

const LETTERS_BYTES: u32 = 1 << 20
const SPACED_BYTES: u32 = 1 << 16
const CHANNEL_BYTES: usize = 96
const HOT_CHANNELS: u32 = 4
const CHANNEL_COUNT: u32 = 10_000

// Leaves of the event table; a field's draw key has the same number.
const LEAF_EVENT_TYPE: u32 = 0
const LEAF_PERSON: u32 = 1
const LEAF_AUCTION: u32 = 2
const LEAF_BID: u32 = 3
const LEAF_TIME: u32 = 4
const PERSON_ID: u32 = 5
const PERSON_NAME: u32 = 6
const PERSON_EMAIL: u32 = 7
const PERSON_CARD: u32 = 8
const PERSON_CITY: u32 = 9
const PERSON_STATE: u32 = 10
const PERSON_TIME: u32 = 11
const PERSON_EXTRA: u32 = 12
const AUCTION_ID: u32 = 13
const AUCTION_ITEM: u32 = 14
const AUCTION_DESCRIPTION: u32 = 15
const AUCTION_INITIAL: u32 = 16
const AUCTION_RESERVE: u32 = 17
const AUCTION_TIME: u32 = 18
const AUCTION_EXPIRES: u32 = 19
const AUCTION_SELLER: u32 = 20
const AUCTION_CATEGORY: u32 = 21
const AUCTION_EXTRA: u32 = 22
const BID_AUCTION: u32 = 23
const BID_BIDDER: u32 = 24
const BID_PRICE: u32 = 25
const BID_CHANNEL: u32 = 26
const BID_URL: u32 = 27
const BID_TIME: u32 = 28
const BID_EXTRA: u32 = 29
const LEAF_COUNT: u32 = 30
const KEY_CARD_REST: u32 = 30
const KEY_LETTERS: u32 = 31
const KEY_SPACED: u32 = 32
const KEY_CHANNELS: u32 = 33
const KEY_ORDER_INNER: u32 = 34
const KEY_ORDER_OUTER: u32 = 35

// Words: slots of 16 bytes, the length in the last one.
const FIRST_NAMES: usize = 0
const LAST_NAMES: usize = 11
const CITIES: usize = 20
const STATES: usize = 30

// Pieces of JSON: slots of 64 bytes, the length in the last one.
const PERSON_PIECES: usize = 0
const AUCTION_PIECES: usize = 9
const BID_PIECES: usize = 20
const URL_PIECES: usize = 28

const FIRST_ID: i64 = 1000
const HOT_BLOCK: i64 = 100
const ACTIVE_PERSONS: i64 = 1000
const OPEN_AUCTIONS: i64 = 100
const LEAD: i64 = 10

// @ts-ignore: decorator
@inline function mix64(value: u64): u64 {
  let z = value
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb
  return z ^ (z >> 31)
}
// @ts-ignore: decorator
@inline function keyOf(c: usize, key: u32): u64 { return load<u64>(c + KEYS + (<usize>key << 3)) }
// @ts-ignore: decorator
@inline function draw(c: usize, key: u32, event: u64): u64 { return mix64(keyOf(c, key) + event * GAMMA) }
// @ts-ignore: decorator
@inline function below(bits: u32, bound: u32): u32 { return <u32>((<u64>bits * <u64>bound) >> 32) }
// @ts-ignore: decorator
@inline function low(bits: u64): u32 { return <u32>bits }
// @ts-ignore: decorator
@inline function high(bits: u64): u32 { return <u32>(bits >> 32) }
// @ts-ignore: decorator
@inline function unit(bits: u64): f64 { return <f64>(bits >> 11) * 1.1102230246251565e-16 }

// --- numbers -------------------------------------------------------------------------------------------------------------------------------

// @ts-ignore: decorator
@inline function timeOf(c: usize, event: u64): i64 {
  return <i64>(load<f64>(c, BASE_TIME) + floor<f64>((<f64>event * 1000.0) / load<f64>(c, RATE)))
}
// @ts-ignore: decorator
@inline function epochOf(c: usize, event: u64): i64 { return <i64>floor<f64>(<f64>event / <f64>load<u32>(c, TOTAL)) }

/** The newest person when an auction or a bid is made, counted from 0. */
// @ts-ignore: decorator
@inline function newestPerson(c: usize, event: u64): i64 { return (epochOf(c, event) + 1) * <i64>load<u32>(c, PERSONS) - 1 }
// @ts-ignore: decorator
@inline function anyPerson(newest: i64, bits: u32): i64 {
  const active = min<i64>(newest + 1, ACTIVE_PERSONS)
  return newest + 1 - active + <i64>below(bits, <u32>(active + LEAD))
}
/** 100 * 10^(6u), rounded: 2^x by its whole and fractional part, in operations that every machine rounds alike. */
// @ts-ignore: decorator
@inline function priceOf(bits: u64): i64 {
  const x = unit(bits) * 19.931568569324174
  const whole = floor<f64>(x)
  const y = (x - whole - 0.5) * 0.6931471805599453
  let p = 2.505210838544172e-8
  p = p * y + 2.755731922398589e-7
  p = p * y + 2.7557319223985893e-6
  p = p * y + 2.48015873015873e-5
  p = p * y + 1.984126984126984e-4
  p = p * y + 1.3888888888888889e-3
  p = p * y + 8.333333333333333e-3
  p = p * y + 4.1666666666666664e-2
  p = p * y + 0.16666666666666666
  p = p * y + 0.5
  p = p * y + 1.0
  p = p * y + 1.0
  return <i64>floor<f64>(p * <f64>(1 << <i32>whole) * 141.4213562373095 + 0.5)
}
// @ts-ignore: decorator
@inline function auctionId(c: usize, event: u64, rem: u32): i64 {
  return epochOf(c, event) * <i64>load<u32>(c, AUCTIONS) + <i64>(rem - load<u32>(c, PERSONS)) + FIRST_ID
}
// @ts-ignore: decorator
@inline function personId(c: usize, event: u64, rem: u32): i64 { return epochOf(c, event) * <i64>load<u32>(c, PERSONS) + <i64>rem + FIRST_ID }
// @ts-ignore: decorator
@inline function sellerOf(c: usize, event: u64): i64 {
  const bits = draw(c, AUCTION_SELLER, event)
  const newest = newestPerson(c, event)
  if (below(low(bits), load<u32>(c, HOT_SELLERS)) > 0) return newest - (newest % HOT_BLOCK) + FIRST_ID
  return anyPerson(newest, high(bits)) + FIRST_ID
}
// @ts-ignore: decorator
@inline function bidderOf(c: usize, event: u64): i64 {
  const bits = draw(c, BID_BIDDER, event)
  const newest = newestPerson(c, event)
  const offset = <i64>load<u32>(c, BIDDER_OFFSET)
  if (below(low(bits), load<u32>(c, HOT_BIDDERS)) > 0) return newest - (newest % HOT_BLOCK) + 1 + offset
  return anyPerson(newest, high(bits)) + offset
}
// @ts-ignore: decorator
@inline function bidAuctionOf(c: usize, event: u64): i64 {
  const bits = draw(c, BID_AUCTION, event)
  const newest = (epochOf(c, event) + 1) * <i64>load<u32>(c, AUCTIONS) - 1
  if (below(low(bits), load<u32>(c, HOT_AUCTIONS)) > 0) return newest - (newest % HOT_BLOCK) + FIRST_ID
  const oldest = max<i64>(newest - OPEN_AUCTIONS, 0)
  return oldest + <i64>below(high(bits), <u32>(newest - oldest + 1 + LEAD)) + FIRST_ID
}
// @ts-ignore: decorator
@inline function expiresOf(c: usize, event: u64): i64 {
  const from = timeOf(c, event)
  const future = <i64>(load<f64>(c, BASE_TIME) + floor<f64>(((<f64>event + load<f64>(c, HORIZON_EVENTS)) * 1000.0) / load<f64>(c, RATE)))
  const bound = max<f64>(<f64>(future - from) * 2.0, 1.0)
  return from + 1 + <i64>floor<f64>(unit(draw(c, AUCTION_EXPIRES, event)) * bound)
}

/** The value of any leaf that is stored as int64. */
function numberOf(c: usize, leaf: u32, event: u64, rem: u32): i64 {
  switch (leaf) {
    case PERSON_ID: return personId(c, event, rem)
    case AUCTION_ID: return auctionId(c, event, rem)
    case AUCTION_INITIAL: return priceOf(draw(c, AUCTION_INITIAL, event))
    case AUCTION_RESERVE: return priceOf(draw(c, AUCTION_INITIAL, event)) + priceOf(draw(c, AUCTION_RESERVE, event))
    case AUCTION_EXPIRES: return expiresOf(c, event)
    case AUCTION_SELLER: return sellerOf(c, event)
    case AUCTION_CATEGORY: return 10 + <i64>below(low(draw(c, AUCTION_CATEGORY, event)), 5)
    default: return timeOf(c, event)
  }
}

// --- texts: each function writes at an address and returns the length ----------------------------------------------------------------------

// @ts-ignore: decorator
@inline function copyText(at: usize, from: usize, length: u32): void {
  v128.store(at, v128.load(from))
  for (let done: u32 = 16; done < length; done += 16) v128.store(at + done, v128.load(from + done))
}
// @ts-ignore: decorator
@inline function wordAt(c: usize, index: usize): usize { return c + WORDS + (index << 4) }
// @ts-ignore: decorator
@inline function wordLength(c: usize, index: usize): u32 { return load<u8>(wordAt(c, index), 15) }
// @ts-ignore: decorator
@inline function firstName(bits: u64): usize { return FIRST_NAMES + below(low(bits), 11) }
// @ts-ignore: decorator
@inline function lastName(bits: u64): usize { return LAST_NAMES + below(high(bits), 9) }
// @ts-ignore: decorator
@inline function cityOf(c: usize, event: u64): usize { return CITIES + below(low(draw(c, PERSON_CITY, event)), 10) }
// @ts-ignore: decorator
@inline function stateOf(c: usize, event: u64): usize { return STATES + below(low(draw(c, PERSON_STATE, event)), 6) }
// @ts-ignore: decorator
@inline function emailUserLength(bits: u64): u32 { return 3 + below(high(bits) << 16, 4) }
// @ts-ignore: decorator
@inline function emailHostLength(bits: u64): u32 { return 3 + <u32>(bits >> 63) }

// @ts-ignore: decorator
@inline function writeWord(c: usize, at: usize, index: usize): u32 {
  v128.store(at, v128.load(wordAt(c, index)))
  return wordLength(c, index)
}
function writeName(c: usize, at: usize, event: u64): u32 {
  const bits = draw(c, PERSON_NAME, event)
  const first = writeWord(c, at, firstName(bits))
  store<u8>(at + first, 0x20)
  return first + 1 + writeWord(c, at + first + 1, lastName(bits))
}
function writeEmail(c: usize, at: usize, event: u64): u32 {
  const bits = draw(c, PERSON_EMAIL, event)
  const letters = <usize>load<u32>(c, LETTERS) + <usize>below(low(bits), LETTERS_BYTES - 16)
  const user = emailUserLength(bits)
  const host = emailHostLength(bits)
  store<u64>(at, load<u64>(letters))
  store<u8>(at + user, 0x40)
  store<u64>(at + user + 1, load<u64>(letters, 8))
  store<u32>(at + user + 1 + host, 0x6d6f632e)
  return user + host + 5
}
// @ts-ignore: decorator
@inline function writeFourDigits(at: usize, value: u32): void {
  const pairs = value / 100
  const rest = value - pairs * 100
  store<u8>(at, <u8>(0x30 + pairs / 10))
  store<u8>(at, <u8>(0x30 + (pairs % 10)), 1)
  store<u8>(at, <u8>(0x30 + rest / 10), 2)
  store<u8>(at, <u8>(0x30 + (rest % 10)), 3)
}
function writeCard(c: usize, at: usize, event: u64): u32 {
  const first = draw(c, PERSON_CARD, event)
  const rest = draw(c, KEY_CARD_REST, event)
  writeFourDigits(at, below(low(first), 10_000))
  store<u8>(at, 0x20, 4)
  writeFourDigits(at + 5, below(high(first), 10_000))
  store<u8>(at, 0x20, 9)
  writeFourDigits(at + 10, below(low(rest), 10_000))
  store<u8>(at, 0x20, 14)
  writeFourDigits(at + 15, below(high(rest), 10_000))
  return 19
}
/** Where a trimmed slice of the spaced letters starts (low half) and how long it is (high half). */
function spacedSlice(c: usize, bits: u64, bound: u32): u64 {
  const pool = <usize>load<u32>(c, SPACED)
  let start = below(low(bits), SPACED_BYTES - 128)
  let end = start + 3 + below(high(bits), bound - 3)
  while (start < end && load<u8>(pool + start) == 0x20) start++
  while (end > start && load<u8>(pool + end - 1) == 0x20) end--
  return (<u64>(end - start) << 32) | <u64>start
}
function writeSpaced(c: usize, at: usize, bits: u64, bound: u32): u32 {
  const slice = spacedSlice(c, bits, bound)
  copyText(at, <usize>load<u32>(c, SPACED) + <usize>low(slice), high(slice))
  return high(slice)
}
// @ts-ignore: decorator
@inline function extraLength(size: u32, taken: u32, bits: u32): u32 {
  if (taken > size) return 0
  const desired = size - taken
  const delta = <u32>floor<f64>(<f64>desired * 0.2 + 0.5)
  return desired - delta + below(bits, 2 * delta)
}
// @ts-ignore: decorator
@inline function writeLetters(c: usize, at: usize, bits: u32, length: u32): u32 {
  copyText(at, <usize>load<u32>(c, LETTERS) + <usize>below(bits, LETTERS_BYTES - length), length)
  return length
}
function writePersonExtra(c: usize, at: usize, event: u64): u32 {
  const name = draw(c, PERSON_NAME, event)
  const email = draw(c, PERSON_EMAIL, event)
  const texts = wordLength(c, firstName(name)) + 1 + wordLength(c, lastName(name)) + emailUserLength(email) + emailHostLength(email) + 5 + 19
  const taken = 8 + texts + wordLength(c, cityOf(c, event)) + wordLength(c, stateOf(c, event))
  const bits = draw(c, PERSON_EXTRA, event)
  return writeLetters(c, at, low(bits), extraLength(load<u32>(c, PERSON_SIZE), taken, high(bits)))
}
function writeAuctionExtra(c: usize, at: usize, event: u64): u32 {
  const item = high(spacedSlice(c, draw(c, AUCTION_ITEM, event), 20))
  const description = high(spacedSlice(c, draw(c, AUCTION_DESCRIPTION, event), 100))
  const bits = draw(c, AUCTION_EXTRA, event)
  return writeLetters(c, at, low(bits), extraLength(load<u32>(c, AUCTION_SIZE), 48 + item + description, high(bits)))
}
// @ts-ignore: decorator
@inline function writeBidExtra(c: usize, at: usize, event: u64): u32 {
  const bits = draw(c, BID_EXTRA, event)
  return writeLetters(c, at, low(bits), extraLength(load<u32>(c, BID_SIZE), 32, high(bits)))
}
// @ts-ignore: decorator
@inline function channelOf(c: usize, event: u64): usize {
  const bits = draw(c, BID_CHANNEL, event)
  const index = <i32>low(bits) < 0 ? below(high(bits), HOT_CHANNELS) : HOT_CHANNELS + below(high(bits), CHANNEL_COUNT)
  return <usize>load<u32>(c, CHANNELS) + <usize>index * CHANNEL_BYTES
}
// @ts-ignore: decorator
@inline function writeChannel(at: usize, channel: usize): u32 {
  v128.store(at, v128.load(channel, 2))
  return load<u8>(channel)
}
// @ts-ignore: decorator
@inline function writeUrl(at: usize, channel: usize): u32 {
  v128.store(at, v128.load(channel, 16))
  v128.store(at, v128.load(channel, 32), 16)
  v128.store(at, v128.load(channel, 48), 32)
  v128.store(at, v128.load(channel, 64), 48)
  v128.store(at, v128.load(channel, 80), 64)
  return load<u8>(channel, 1)
}

/** The text of any leaf that is stored as bytes. */
function textOf(c: usize, leaf: u32, at: usize, event: u64): u32 {
  switch (leaf) {
    case PERSON_NAME: return writeName(c, at, event)
    case PERSON_EMAIL: return writeEmail(c, at, event)
    case PERSON_CARD: return writeCard(c, at, event)
    case PERSON_CITY: return writeWord(c, at, cityOf(c, event))
    case PERSON_STATE: return writeWord(c, at, stateOf(c, event))
    case PERSON_EXTRA: return writePersonExtra(c, at, event)
    case AUCTION_ITEM: return writeSpaced(c, at, draw(c, AUCTION_ITEM, event), 20)
    case AUCTION_DESCRIPTION: return writeSpaced(c, at, draw(c, AUCTION_DESCRIPTION, event), 100)
    case AUCTION_EXTRA: return writeAuctionExtra(c, at, event)
    case BID_CHANNEL: return writeChannel(at, channelOf(c, event))
    case BID_URL: return writeUrl(at, channelOf(c, event))
    default: return writeBidExtra(c, at, event)
  }
}

// --- order ---------------------------------------------------------------------------------------------------------------------------------

/** A bijection on [0, size) that `key` picks: rounds on the next power of two, repeated until the result lies inside. */
function permute(index: u32, size: u32, key: u64): u32 {
  const bits = 32 - clz<u32>(size - 1)
  const mask: u32 = size == 1 ? 0 : <u32>0xffffffff >> <u32>(32 - bits)
  const shift = max<u32>(1, (bits + 1) >> 1)
  const add = high(key)
  const first = low(key) | 1
  const second = add | 1
  let x = index
  do {
    x = (x * first + add) & mask
    x ^= x >> shift
    x = (x * second + first) & mask
    x ^= x >> shift
    x = (x * 0x9e3779b1 + add) & mask
    x ^= x >> shift
  } while (x >= size)
  return x
}

/** The event at a position of the stream: two layers of shuffled blocks, the outer shifted by half a block against the inner. */
function shuffledEvent(c: usize, position: u64): u64 {
  const block = load<u32>(c, ORDER_BLOCK)
  const rows = <f64>block
  const limit = load<f64>(c, EVENT_LIMIT)
  const half = <f64>(block >> 1)
  const at = <f64>position
  const outer = floor<f64>((at + half) / rows)
  const outerStart = max<f64>(outer * rows - half, 0)
  const outerEnd = min<f64>(outer * rows - half + rows, limit)
  const moved = outerStart + <f64>permute(<u32>(at - outerStart), <u32>(outerEnd - outerStart), mix64(keyOf(c, KEY_ORDER_OUTER) + <u64>outer * GAMMA))
  const inner = floor<f64>(moved / rows)
  const innerStart = inner * rows
  const innerEnd = min<f64>(innerStart + rows, limit)
  return <u64>(innerStart + <f64>permute(<u32>(moved - innerStart), <u32>(innerEnd - innerStart), mix64(keyOf(c, KEY_ORDER_INNER) + <u64>inner * GAMMA)))
}

// --- columns -------------------------------------------------------------------------------------------------------------------------------

/**
 * Sorts the events at positions first .. first + count - 1 by kind: three lists at `lists`, each of `count` entries of 16 bytes (u64 event,
 * u32 row, u32 place within the 50). The lengths are left in the configuration block.
 */
export function nexmarkSelect(c: usize, first: f64, count: u32, lists: usize): void {
  const persons = load<u32>(c, PERSONS)
  const bidsFrom = persons + load<u32>(c, AUCTIONS)
  const total = load<u32>(c, TOTAL)
  const ordered = load<u32>(c, ORDER_BLOCK) < 2
  const listBytes = <usize>count << 4
  let person = lists
  let auction = lists + listBytes
  let bid = lists + 2 * listBytes
  let event = <u64>first
  let rem = <u32>(event - <u64>epochOf(c, event) * <u64>total)
  for (let row: u32 = 0; row < count; row++) {
    if (!ordered) {
      event = shuffledEvent(c, <u64>first + <u64>row)
      rem = <u32>(event - <u64>epochOf(c, event) * <u64>total)
    }
    let at: usize
    if (rem >= bidsFrom) {
      at = bid
      bid += 16
    } else if (rem < persons) {
      at = person
      person += 16
    } else {
      at = auction
      auction += 16
    }
    store<u64>(at, event)
    store<u32>(at, row, 8)
    store<u32>(at, rem, 12)
    if (ordered) {
      event++
      if (++rem == total) rem = 0
    }
  }
  store<u32>(c, <u32>((person - lists) >> 4), COUNTS)
  store<u32>(c, <u32>((auction - lists - listBytes) >> 4), COUNTS + 4)
  store<u32>(c, <u32>((bid - lists - 2 * listBytes) >> 4), COUNTS + 8)
}

function fillOffsets(from: usize, to: usize, offset: u32): void {
  const lanes = i32x4.splat(offset)
  for (let at = from; at < to; at += 16) v128.store(at, lanes)
}

function fillTexts(c: usize, leaf: u32, column: usize, list: usize, length: u32, rows: u32, dense: bool): void {
  const offsets = columnOffsets(column)
  const data = columnData(column)
  let written: u32 = 0
  let next = offsets
  store<u32>(offsets, 0)
  for (let index: u32 = 0; index < length; index++) {
    const entry = list + (<usize>index << 4)
    const slot = offsets + (<usize>(dense ? index : load<u32>(entry, 8)) << 2)
    if (next < slot) fillOffsets(next + 4, slot + 4, written)
    written += textOf(c, leaf, data + written, load<u64>(entry))
    store<u32>(slot, written, 4)
    next = slot + 4
  }
  fillOffsets(next + 4, offsets + ((<usize>rows + 1) << 2), written)
  assert(written <= columnDataCapacity(column), 'text column has room')
  setColumnDataLength(column, written)
}

function fillNumbers(c: usize, leaf: u32, column: usize, list: usize, length: u32, dense: bool): void {
  const values = columnValues(column)
  for (let index: u32 = 0; index < length; index++) {
    const entry = list + (<usize>index << 4)
    const value = numberOf(c, leaf, load<u64>(entry), load<u32>(entry, 12))
    store<i64>(values + (<usize>(dense ? index : load<u32>(entry, 8)) << 3), value)
  }
}

// The three numbers of a bid have loops of their own: they are most of the work of a numeric stream.
function fillBidNumbers(c: usize, leaf: u32, column: usize, list: usize, length: u32, dense: bool): void {
  const values = columnValues(column)
  if (leaf == BID_AUCTION) {
    for (let index: u32 = 0; index < length; index++) {
      const entry = list + (<usize>index << 4)
      store<i64>(values + (<usize>(dense ? index : load<u32>(entry, 8)) << 3), bidAuctionOf(c, load<u64>(entry)))
    }
  } else if (leaf == BID_BIDDER) {
    for (let index: u32 = 0; index < length; index++) {
      const entry = list + (<usize>index << 4)
      store<i64>(values + (<usize>(dense ? index : load<u32>(entry, 8)) << 3), bidderOf(c, load<u64>(entry)))
    }
  } else if (leaf == BID_PRICE) {
    const key = keyOf(c, BID_PRICE)
    for (let index: u32 = 0; index < length; index++) {
      const entry = list + (<usize>index << 4)
      store<i64>(values + (<usize>(dense ? index : load<u32>(entry, 8)) << 3), priceOf(mix64(key + load<u64>(entry) * GAMMA)))
    }
  } else {
    for (let index: u32 = 0; index < length; index++) {
      const entry = list + (<usize>index << 4)
      store<i64>(values + (<usize>(dense ? index : load<u32>(entry, 8)) << 3), timeOf(c, load<u64>(entry)))
    }
  }
}

/** Marks the rows of a list valid and all others NULL, in `bits`. */
function fillBits(bits: usize, list: usize, length: u32, rows: u32): void {
  memory.fill(bits, 0, (rows + 7) >> 3)
  for (let index: u32 = 0; index < length; index++) {
    const row = load<u32>(list + (<usize>index << 4), 8)
    const at = bits + (row >> 3)
    store<u8>(at, load<u8>(at) | (<u8>1 << <u8>(row & 7)))
  }
}

/**
 * Fills columns from the lists that {@link nexmarkSelect} left. `leaves` are the descriptors' addresses by leaf, 0 where a leaf is not wanted.
 * With `dense` the columns are those of one kind and row k is entry k of its list; else row k is the event at position k, and the columns of
 * the other two kinds are NULL there. `bits` is room for three bitmaps of `count` rows.
 */
export function nexmarkColumns(c: usize, count: u32, lists: usize, leaves: usize, bits: usize, dense: bool): void {
  const listBytes = <usize>count << 4
  const bitmapBytes = (<usize>count + 7) >> 3
  for (let kind: u32 = 0; kind < 3; kind++) {
    const length = load<u32>(c + (<usize>kind << 2), COUNTS)
    const list = lists + <usize>kind * listBytes
    const bitmap = bits + <usize>kind * bitmapBytes
    let hasBits = false
    const from: u32 = kind == 0 ? PERSON_ID : kind == 1 ? AUCTION_ID : BID_AUCTION
    const to: u32 = kind == 0 ? AUCTION_ID : kind == 1 ? BID_AUCTION : LEAF_COUNT
    for (let leaf: u32 = from - 1; leaf < to; leaf++) {
      // The struct goes first: its leaf has the kind's number.
      const isStruct = leaf == from - 1
      const column = <usize>load<u32>(leaves + (<usize>(isStruct ? LEAF_PERSON + kind : leaf) << 2))
      if (column == 0) continue
      assert(columnRowCapacity(column) >= (dense ? length : count), 'column has room')
      const nulls = dense ? 0 : count - length
      if (nulls > 0 && columnValidity(column) != 0) {
        if (!hasBits) fillBits(bitmap, list, length, count)
        hasBits = true
        memory.copy(columnValidity(column), bitmap, bitmapBytes)
        setColumnNullCount(column, nulls)
      } else setColumnNullCount(column, 0)
      if (columnKind(column) == KIND_STRUCT) continue
      if (columnKind(column) == KIND_BYTES) fillTexts(c, leaf, column, list, length, dense ? length : count, dense)
      else if (kind == 2) fillBidNumbers(c, leaf, column, list, length, dense)
      else fillNumbers(c, leaf, column, list, length, dense)
    }
    if (dense) continue
    const types = <usize>load<u32>(leaves + (LEAF_EVENT_TYPE << 2))
    if (types != 0) {
      setColumnNullCount(types, 0)
      const values = columnValues(types)
      for (let index: u32 = 0; index < length; index++) store<u32>(values + (<usize>load<u32>(list + (<usize>index << 4), 8) << 2), kind)
    }
    const times = <usize>load<u32>(leaves + (LEAF_TIME << 2))
    if (times != 0) {
      setColumnNullCount(times, 0)
      fillNumbers(c, LEAF_TIME, times, list, length, false)
    }
  }
}

// --- JSON lines ----------------------------------------------------------------------------------------------------------------------------

// @ts-ignore: decorator
@inline function writePiece(c: usize, at: usize, index: usize): usize {
  const piece = c + PIECES + (index << 6)
  const length = load<u8>(piece, 63)
  v128.store(at, v128.load(piece))
  if (length > 16) {
    v128.store(at, v128.load(piece, 16), 16)
    v128.store(at, v128.load(piece, 32), 32)
    v128.store(at, v128.load(piece, 48), 48)
  }
  return at + <usize>length
}

// @ts-ignore: decorator
@inline function digitCount(value: u32): u32 {
  if (value < 10_000) return value < 100 ? (value < 10 ? 1 : 2) : value < 1000 ? 3 : 4
  if (value < 100_000_000) return value < 1_000_000 ? (value < 100_000 ? 5 : 6) : value < 10_000_000 ? 7 : 8
  return value < 1_000_000_000 ? 9 : 10
}
function writeUnsigned(at: usize, number: u32): usize {
  const end = at + <usize>digitCount(number)
  let value = number
  let to = end
  while (value >= 100) {
    const rest = value / 100
    const pair = value - rest * 100
    const tens = (pair * 103) >> 10
    to -= 2
    store<u16>(to, <u16>(0x3030 + tens + ((pair - tens * 10) << 8)))
    value = rest
  }
  if (value >= 10) {
    const tens = (value * 103) >> 10
    store<u16>(at, <u16>(0x3030 + tens + ((value - tens * 10) << 8)))
  } else store<u8>(at, <u8>(0x30 + value))
  return end
}
function writeInteger(at: usize, value: i64): usize {
  if (<u64>value < 0x100000000) return writeUnsigned(at, <u32>value)
  const upper = <u64>value / 1_000_000_000
  const rest = <u32>(<u64>value - upper * 1_000_000_000)
  let to = writeInteger(at, <i64>upper)
  let unitOfPlace: u32 = 100_000_000
  for (let place = 0; place < 9; place++) {
    store<u8>(to++, <u8>(0x30 + ((rest / unitOfPlace) % 10)))
    unitOfPlace /= 10
  }
  return to
}
// @ts-ignore: decorator
@inline function writeTwo(at: usize, value: u32): void {
  const tens = (value * 103) >> 10
  store<u16>(at, <u16>(0x3030 + tens + ((value - tens * 10) << 8)))
}
/** `yyyy-MM-dd HH:mm:ss.SSS`; the part up to the minute is kept in `cache` (f64 minute, 17 characters) from the call before. */
// @ts-ignore: decorator
@inline function writeTime(at: usize, ms: i64, cache: usize): usize {
  const minute = floor<f64>(<f64>ms / 60_000.0)
  if (load<f64>(cache) != minute) writeMinute(cache, minute)
  v128.store(at, v128.load(cache, 8))
  store<u8>(at, 0x3a, 16)
  const rest = <u32>(<f64>ms - minute * 60_000.0)
  const seconds = rest / 1000
  const thousandths = rest - seconds * 1000
  writeTwo(at + 17, seconds)
  store<u8>(at, 0x2e, 19)
  const hundreds = thousandths / 100
  store<u8>(at, <u8>(0x30 + hundreds), 20)
  writeTwo(at + 21, thousandths - hundreds * 100)
  return at + 23
}
function writeMinute(cache: usize, minute: f64): void {
  store<f64>(cache, minute)
  const day = <i32>floor<f64>(minute / 1440.0)
  const ofDay = <u32>(minute - <f64>day * 1440.0)
  // Days to a civil date, after Howard Hinnant; years 1970 to 9999 only.
  const shifted = <u32>day + 719_468
  const era = shifted / 146_097
  const ofEra = shifted - era * 146_097
  const yearOfEra = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365
  const ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
  const monthIndex = (5 * ofYear + 2) / 153
  const month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
  writeFourDigits(cache + 8, yearOfEra + era * 400 + (month <= 2 ? 1 : 0))
  store<u8>(cache, 0x2d, 12)
  writeTwo(cache + 13, month)
  store<u8>(cache, 0x2d, 15)
  writeTwo(cache + 16, ofYear - (153 * monthIndex + 2) / 5 + 1)
  store<u8>(cache, 0x20, 18)
  writeTwo(cache + 19, ofDay / 60)
  store<u8>(cache, 0x3a, 21)
  writeTwo(cache + 22, ofDay % 60)
}

function writePersonLine(c: usize, start: usize, event: u64, rem: u32): usize {
  let at = writeInteger(writePiece(c, start, PERSON_PIECES), personId(c, event, rem))
  at = writePiece(c, at, PERSON_PIECES + 1)
  at = writePiece(c, at + writeName(c, at, event), PERSON_PIECES + 2)
  at = writePiece(c, at + writeEmail(c, at, event), PERSON_PIECES + 3)
  at = writePiece(c, at + writeCard(c, at, event), PERSON_PIECES + 4)
  at = writePiece(c, at + writeWord(c, at, cityOf(c, event)), PERSON_PIECES + 5)
  at = writePiece(c, at + writeWord(c, at, stateOf(c, event)), PERSON_PIECES + 6)
  at = writePiece(c, writeTime(at, timeOf(c, event), c + TIME_CACHE), PERSON_PIECES + 7)
  return writePiece(c, at + writePersonExtra(c, at, event), PERSON_PIECES + 8)
}

function writeAuctionLine(c: usize, start: usize, event: u64, rem: u32): usize {
  const initialBid = priceOf(draw(c, AUCTION_INITIAL, event))
  let at = writeInteger(writePiece(c, start, AUCTION_PIECES), auctionId(c, event, rem))
  at = writePiece(c, at, AUCTION_PIECES + 1)
  at = writePiece(c, at + writeSpaced(c, at, draw(c, AUCTION_ITEM, event), 20), AUCTION_PIECES + 2)
  at = writePiece(c, at + writeSpaced(c, at, draw(c, AUCTION_DESCRIPTION, event), 100), AUCTION_PIECES + 3)
  at = writePiece(c, writeInteger(at, initialBid), AUCTION_PIECES + 4)
  at = writePiece(c, writeInteger(at, initialBid + priceOf(draw(c, AUCTION_RESERVE, event))), AUCTION_PIECES + 5)
  at = writePiece(c, writeTime(at, timeOf(c, event), c + TIME_CACHE), AUCTION_PIECES + 6)
  at = writePiece(c, writeTime(at, expiresOf(c, event), c + EXPIRES_CACHE), AUCTION_PIECES + 7)
  at = writePiece(c, writeInteger(at, sellerOf(c, event)), AUCTION_PIECES + 8)
  at = writePiece(c, writeInteger(at, 10 + <i64>below(low(draw(c, AUCTION_CATEGORY, event)), 5)), AUCTION_PIECES + 9)
  return writePiece(c, at + writeAuctionExtra(c, at, event), AUCTION_PIECES + 10)
}

// @ts-ignore: decorator
@inline function writeBidLine(c: usize, start: usize, event: u64): usize {
  const channel = channelOf(c, event)
  let at = writePiece(c, writeInteger(writePiece(c, start, BID_PIECES), bidAuctionOf(c, event)), BID_PIECES + 1)
  at = writePiece(c, writeInteger(at, bidderOf(c, event)), BID_PIECES + 2)
  at = writePiece(c, writeInteger(at, priceOf(draw(c, BID_PRICE, event))), BID_PIECES + 3)
  at = writePiece(c, at + writeChannel(at, channel), BID_PIECES + 4)
  at = writePiece(c, at + writeUrl(at, channel), BID_PIECES + 5)
  at = writePiece(c, writeTime(at, timeOf(c, event), c + TIME_CACHE), BID_PIECES + 6)
  return writePiece(c, at + writeBidExtra(c, at, event), BID_PIECES + 7)
}

/** Writes the events at positions first .. first + count - 1 as JSON lines and returns the bytes written. The caller has room for the longest lines. */
export function nexmarkJsonLines(c: usize, first: f64, count: u32, target: usize): u32 {
  const persons = load<u32>(c, PERSONS)
  const bidsFrom = persons + load<u32>(c, AUCTIONS)
  const total = <u64>load<u32>(c, TOTAL)
  const ordered = load<u32>(c, ORDER_BLOCK) < 2
  let at = target
  for (let row: u32 = 0; row < count; row++) {
    const position = <u64>first + <u64>row
    const event = ordered ? position : shuffledEvent(c, position)
    const rem = <u32>(event - <u64>epochOf(c, event) * total)
    if (rem >= bidsFrom) at = writeBidLine(c, at, event)
    else if (rem < persons) at = writePersonLine(c, at, event, rem)
    else at = writeAuctionLine(c, at, event, rem)
  }
  return <u32>(at - target)
}

// --- preparation ---------------------------------------------------------------------------------------------------------------------------

// @ts-ignore: decorator
@inline function letterOf(bits: u32): u8 { return <u8>(0x61 + ((bits * 26) >> 16)) }

/** Fills the two pools of letters and the channel table. Once per generator. */
export function nexmarkPrepare(c: usize): void {
  const letters = <usize>load<u32>(c, LETTERS)
  const lettersKey = keyOf(c, KEY_LETTERS)
  for (let group: u32 = 0; group < LETTERS_BYTES >> 2; group++) {
    const bits = mix64(lettersKey + <u64>group * GAMMA)
    for (let part: u32 = 0; part < 4; part++) store<u8>(letters + (<usize>group << 2) + part, letterOf(<u32>(bits >> (part << 4)) & 0xffff))
  }
  const spaced = <usize>load<u32>(c, SPACED)
  const spacedKey = keyOf(c, KEY_SPACED)
  for (let index: u32 = 0; index < SPACED_BYTES; index++) {
    const bits = mix64(spacedKey + <u64>index * GAMMA)
    store<u8>(spaced + index, below(high(bits), 13) == 0 ? 0x20 : letterOf(low(bits) & 0xffff))
  }
  const channels = <usize>load<u32>(c, CHANNELS)
  for (let index: u32 = 0; index < HOT_CHANNELS + CHANNEL_COUNT; index++) prepareChannel(c, channels + <usize>index * CHANNEL_BYTES, index)
}

/** One channel: u8 length of its name, u8 length of its url, at 2 the name (that of the hot ones is there already), at 16 the url. */
function prepareChannel(c: usize, record: usize, index: u32): void {
  if (index >= HOT_CHANNELS) {
    store<u64>(record, 0x2d6c656e6e616863, 2)
    store<u8>(record, <u8>(writeUnsigned(record + 10, index - HOT_CHANNELS) - record - 2))
  }
  const key = keyOf(c, KEY_CHANNELS)
  const shape = mix64(key + (<u64>index << 2) * GAMMA)
  let at = copyPiece(c, record + 16, URL_PIECES)
  for (let part: u64 = 0; part < 3; part++) {
    const bits = mix64(key + ((<u64>index << 2) + 1 + part) * GAMMA)
    if (part > 0) store<u8>(at++, 0x2f)
    for (let letter: u64 = 0; letter < 4; letter++) store<u8>(at + <usize>letter, letterOf(<u32>(bits >> (letter << 4)) & 0xffff))
    at += 3 + <usize>((shape >> part) & 1)
  }
  at = copyPiece(c, at, URL_PIECES + 1)
  if (index >= HOT_CHANNELS && below(high(shape), 10) > 0) {
    at = copyPiece(c, at, URL_PIECES + 2)
    let reversed: u32 = 0
    for (let bit: u32 = 0; bit < 32; bit++) reversed = (reversed << 1) | (((index - HOT_CHANNELS) >> bit) & 1)
    at = writeUnsigned(at, <i32>reversed < 0 ? 0 - reversed : reversed)
  }
  store<u8>(record, <u8>(at - record - 16), 1)
}
/** Byte by byte: a whole slot would reach into the record behind. */
function copyPiece(c: usize, at: usize, index: usize): usize {
  const piece = c + PIECES + (index << 6)
  const length = <usize>load<u8>(piece, 63)
  for (let byte: usize = 0; byte < length; byte++) store<u8>(at + byte, load<u8>(piece + byte))
  return at + length
}
