// Nexmark events one at a time, as plain objects: the twin of the kernels and their oracle, and the way to look at a single event. Written
// for reading, with BigInt throughout: some 20 us an event.

import { nexmarkKeys, nexmarkOrderBlock } from './nexmark-generator.ts'
import * as layout from './nexmark-layout.ts'
import { type NexmarkOptions, type NexmarkSettings, resolveNexmarkOptions } from './nexmark-options.ts'

export interface NexmarkPerson {
  readonly id: number
  readonly name: string
  readonly emailAddress: string
  readonly creditCard: string
  readonly city: string
  readonly state: string
  /** Epoch ms. */
  readonly dateTime: number
  readonly extra: string
}

export interface NexmarkAuction {
  readonly id: number
  readonly itemName: string
  readonly description: string
  readonly initialBid: number
  readonly reserve: number
  /** Epoch ms. */
  readonly dateTime: number
  readonly expires: number
  readonly seller: number
  readonly category: number
  readonly extra: string
}

export interface NexmarkBid {
  readonly auction: number
  readonly bidder: number
  readonly price: number
  readonly channel: string
  readonly url: string
  /** Epoch ms. */
  readonly dateTime: number
  readonly extra: string
}

/** One event: the row of its kind is present, the others are null. */
export interface NexmarkEvent {
  readonly event_type: 0 | 1 | 2
  readonly person: NexmarkPerson | null
  readonly auction: NexmarkAuction | null
  readonly bid: NexmarkBid | null
}

const GAMMA = 0x9e3779b97f4a7c15n
const PERSON = 5
const AUCTION = 13
const BID = 23

function mix64(value: bigint): bigint {
  let z = BigInt.asUintN(64, value)
  z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n)
  z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d049bb133111ebn)
  return z ^ (z >> 31n)
}

const low = (bits: bigint): number => Number(bits & 0xffffffffn)
const high = (bits: bigint): number => Number(bits >> 32n)
/** A uniform integer below `bound` from 32 bits. */
const below = (bits: number, bound: number): number => Math.floor((bits * bound) / 2 ** 32)
const unit = (bits: bigint): number => Number(bits >> 11n) * 2 ** -53
const letter = (bits: bigint, part: number): string => String.fromCharCode(0x61 + ((Number((bits >> BigInt(part * 16)) & 0xffffn) * 26) >> 16))

const SERIES = [
  2.505210838544172e-8, 2.755731922398589e-7, 2.7557319223985893e-6, 2.48015873015873e-5, 1.984126984126984e-4, 1.3888888888888889e-3, 8.333333333333333e-3,
]

/** 100 * 10^(6u), rounded, in operations that every machine rounds alike. */
function priceOf(bits: bigint): number {
  const x = unit(bits) * 19.931568569324174
  const whole = Math.floor(x)
  const y = (x - whole - 0.5) * Math.LN2
  const power = [...SERIES.slice(1), 4.1666666666666664e-2, 0.16666666666666666, 0.5, 1, 1].reduce((sum, factor) => sum * y + factor, SERIES[0])
  return Math.floor(power * 2 ** whole * 141.4213562373095 + 0.5)
}

/** The same events as {@link import('./nexmark-generator.ts').NexmarkGenerator} makes. */
export class NexmarkReference {
  readonly settings: NexmarkSettings
  readonly #keys: readonly bigint[]
  readonly #total: number

  /** @throws {PlanError} `INVALID_OPTION` if an option is out of its range. */
  constructor(options: NexmarkOptions = {}) {
    this.settings = resolveNexmarkOptions(options)
    this.#keys = nexmarkKeys(this.settings.seed)
    this.#total = this.settings.personProportion + this.settings.auctionProportion + this.settings.bidProportion
  }

  /** The number of the event at a position: the position itself unless there is disorder. */
  eventNumber(position: number): number {
    const rows = nexmarkOrderBlock(this.settings)
    if (rows < 2) return position
    const limit = this.settings.eventCount === 0 ? Infinity : this.settings.eventCount
    const half = Math.floor(rows / 2)
    const shuffle = (at: number, shift: number, key: number): number => {
      const block = Math.floor((at + shift) / rows)
      const start = Math.max(0, block * rows - shift)
      const end = Math.min(limit, block * rows - shift + rows)
      return start + permute(at - start, end - start, this.#draw(key, block))
    }
    return shuffle(shuffle(position, half, layout.KEY_ORDER_OUTER), 0, layout.KEY_ORDER_INNER)
  }

  /** The event at a position. */
  eventAt(position: number): NexmarkEvent {
    return this.event(this.eventNumber(position))
  }

  /** The event of a number. */
  event(number: number): NexmarkEvent {
    const { personProportion, auctionProportion } = this.settings
    const place = number % this.#total
    if (place < personProportion) return { event_type: 0, person: this.#person(number), auction: null, bid: null }
    if (place < personProportion + auctionProportion) return { event_type: 1, person: null, auction: this.#auction(number), bid: null }
    return { event_type: 2, person: null, auction: null, bid: this.#bid(number) }
  }

  /** Event time of an event in epoch ms. */
  timeOf(number: number): number {
    return this.settings.baseTimeMs + Math.floor((number * 1000) / this.settings.eventRate)
  }

  #draw(key: number, number: number): bigint {
    return mix64(this.#keys[key] + BigInt(number) * GAMMA)
  }

  #epoch(number: number): number {
    return Math.floor(number / this.#total)
  }

  #person(number: number): NexmarkPerson {
    const names = this.#draw(PERSON + 1, number)
    const name = `${layout.FIRST_NAMES[below(low(names), 11)]} ${layout.LAST_NAMES[below(high(names), 9)]}`
    const email = this.#draw(PERSON + 2, number)
    const letters = below(low(email), layout.LETTERS_BYTES - 16)
    const user = this.#letters(letters, 3 + below((high(email) << 16) >>> 0, 4))
    const emailAddress = `${user}@${this.#letters(letters + 8, 3 + Number(email >> 63n))}.com`
    const card = [this.#draw(PERSON + 3, number), this.#draw(layout.KEY_CARD_REST, number)].flatMap((bits) => [low(bits), high(bits)])
    const creditCard = card.map((bits) => String(below(bits, 10_000)).padStart(4, '0')).join(' ')
    const city = layout.CITIES[below(low(this.#draw(PERSON + 4, number)), 10)]
    const state = layout.STATES[below(low(this.#draw(PERSON + 5, number)), 6)]
    const taken = 8 + name.length + emailAddress.length + creditCard.length + city.length + state.length
    const id = this.#epoch(number) * this.settings.personProportion + (number % this.#total) + 1000
    const extra = this.#extra(PERSON + 7, number, this.settings.personSizeAvg, taken)
    return { id, name, emailAddress, creditCard, city, state, dateTime: this.timeOf(number), extra }
  }

  #auction(number: number): NexmarkAuction {
    const { personProportion, auctionProportion, hotSellerRatio, eventRate, baseTimeMs } = this.settings
    const itemName = this.#spaced(this.#draw(AUCTION + 1, number), 20)
    const description = this.#spaced(this.#draw(AUCTION + 2, number), 100)
    const initialBid = priceOf(this.#draw(AUCTION + 3, number))
    const dateTime = this.timeOf(number)
    const horizonEvents = Math.floor((100 * this.#total) / auctionProportion)
    const horizon = baseTimeMs + Math.floor(((number + horizonEvents) * 1000) / eventRate) - dateTime
    return {
      id: this.#epoch(number) * auctionProportion + (number % this.#total) - personProportion + 1000,
      itemName,
      description,
      initialBid,
      reserve: initialBid + priceOf(this.#draw(AUCTION + 4, number)),
      dateTime,
      expires: dateTime + 1 + Math.floor(unit(this.#draw(AUCTION + 6, number)) * Math.max(horizon * 2, 1)),
      seller: 1000 + this.#personOf(AUCTION + 7, number, hotSellerRatio, 0),
      category: 10 + below(low(this.#draw(AUCTION + 8, number)), 5),
      extra: this.#extra(AUCTION + 9, number, this.settings.auctionSizeAvg, 48 + itemName.length + description.length),
    }
  }

  #bid(number: number): NexmarkBid {
    const bits = this.#draw(BID, number)
    const newest = (this.#epoch(number) + 1) * this.settings.auctionProportion - 1
    const oldest = Math.max(newest - 100, 0)
    const isHot = below(low(bits), this.settings.hotAuctionRatio) > 0
    const auction = 1000 + (isHot ? newest - (newest % 100) : oldest + below(high(bits), newest - oldest + 11))
    const bidder = this.settings.bidderOffset + this.#personOf(BID + 1, number, this.settings.hotBidderRatio, 1)
    const channelBits = this.#draw(BID + 3, number)
    const channelIndex = low(channelBits) >= 2 ** 31 ? below(high(channelBits), 4) : 4 + below(high(channelBits), layout.CHANNEL_COUNT)
    return {
      auction,
      bidder,
      price: priceOf(this.#draw(BID + 2, number)),
      channel: layout.HOT_CHANNELS[channelIndex] ?? `channel-${channelIndex - 4}`,
      url: this.#url(channelIndex),
      dateTime: this.timeOf(number),
      extra: this.#extra(BID + 6, number, this.settings.bidSizeAvg, 32),
    }
  }

  /** A person counted from 0: a hot one (of this place in the current block of 100), or any of the newest 1000 and ten yet to come. */
  #personOf(key: number, number: number, hotRatio: number, hotPlace: number): number {
    const bits = this.#draw(key, number)
    const newest = (this.#epoch(number) + 1) * this.settings.personProportion - 1
    if (below(low(bits), hotRatio) > 0) return newest - (newest % 100) + hotPlace
    const active = Math.min(newest + 1, 1000)
    return newest + 1 - active + below(high(bits), active + 10)
  }

  #url(channelIndex: number): string {
    const shape = this.#draw(layout.KEY_CHANNELS, channelIndex * 4)
    const parts = [0, 1, 2].map((part) => {
      const bits = this.#draw(layout.KEY_CHANNELS, channelIndex * 4 + 1 + part)
      return Array.from({ length: 3 + Number((shape >> BigInt(part)) & 1n) }, (_, at) => letter(bits, at)).join('')
    })
    const url = layout.URL_PIECES[0] + parts.join('/') + layout.URL_PIECES[1]
    if (channelIndex < 4 || below(high(shape), 10) === 0) return url
    const reversed = Number.parseInt((channelIndex - 4).toString(2).padStart(32, '0').split('').toReversed().join(''), 2) | 0
    return `${url}${layout.URL_PIECES[2]}${Math.abs(reversed)}`
  }

  /** Filling letters that bring a row to its mean size, give or take a fifth. */
  #extra(key: number, number: number, size: number, taken: number): string {
    if (taken > size) return ''
    const bits = this.#draw(key, number)
    const delta = Math.floor((size - taken) * 0.2 + 0.5)
    const length = size - taken - delta + below(high(bits), 2 * delta)
    return this.#letters(below(low(bits), layout.LETTERS_BYTES - length), length)
  }

  /** A slice of the endless letters. */
  #letters(start: number, length: number): string {
    return Array.from({ length }, (_, index) => letter(this.#draw(layout.KEY_LETTERS, (start + index) >>> 2), (start + index) & 3)).join('')
  }

  /** Three letters up to `bound - 1`, every thirteenth a space, trimmed. */
  #spaced(bits: bigint, bound: number): string {
    const start = below(low(bits), layout.SPACED_BYTES - 128)
    return Array.from({ length: 3 + below(high(bits), bound - 3) }, (_, index) => {
      const draw = this.#draw(layout.KEY_SPACED, start + index)
      return below(high(draw), 13) === 0 ? ' ' : letter(draw, 0)
    })
      .join('')
      .trim()
  }
}

/** A bijection on [0, size) that `key` picks: rounds on the next power of two, repeated until the result lies inside. */
function permute(index: number, size: number, key: bigint): number {
  const bits = 32 - Math.clz32(size - 1)
  const mask = size === 1 ? 0 : 0xffffffff >>> (32 - bits)
  const shift = Math.max(1, (bits + 1) >> 1)
  const add = high(key)
  const first = low(key) | 1
  const second = add | 1
  let x = index
  do {
    x = (Math.imul(x, first) + add) & mask
    x ^= x >>> shift
    x = (Math.imul(x, second) + first) & mask
    x ^= x >>> shift
    x = (Math.imul(x, 0x9e3779b1) + add) & mask
    x ^= x >>> shift
  } while (x >= size)
  return x
}

/** The event as the line of JSON that {@link import('./nexmark-generator.ts').NexmarkGenerator.generateJsonLines} writes, without its end. */
export function nexmarkJsonLine(event: NexmarkEvent): string {
  return JSON.stringify(event, (key, value: unknown) =>
    key === 'dateTime' || key === 'expires' ? new Date(value as number).toISOString().replace('T', ' ').replace('Z', '') : value,
  )
}
