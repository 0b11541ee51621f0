// The Nexmark generator against its rules: proportions, ids, distributions over 100,000 events of a fixed seed, disorder, lines and columns.
import { beforeAll, describe, expect, test } from 'vitest'
import { Slab } from '../../../src/base/slab.ts'
import { batchToObjects } from '../../../src/batch/batch-rows.ts'
import { Column } from '../../../src/batch/column.ts'
import { RecordBatch, readInt64AsNumber } from '../../../src/batch/record-batch.ts'
import { Schema, t } from '../../../src/batch/types.ts'
import { NexmarkGenerator } from '../../../src/connector/nexmark/nexmark-generator.ts'
import { NEXMARK_AUCTIONS, NEXMARK_BIDS, NEXMARK_EVENTS, NEXMARK_PERSONS, nexmarkSchema } from '../../../src/connector/nexmark/nexmark-layout.ts'
import { nexmarkTableOptions, resolveNexmarkOptions } from '../../../src/connector/nexmark/nexmark-options.ts'
import { type NexmarkBid, type NexmarkEvent, NexmarkReference, nexmarkJsonLine } from '../../../src/connector/nexmark/nexmark-reference.ts'
import { compileKernels, instantiateKernels, type Kernels } from '../../../src/kernels/kernels.ts'

const EVENTS = 100_000
const BASE = Date.UTC(2026, 0, 1)

let slab: Slab
let kernels: Kernels
beforeAll(() => {
  slab = new Slab()
  kernels = instantiateKernels(compileKernels(), slab)
})

const batchOf = (schema: Schema): RecordBatch =>
  new RecordBatch(
    slab,
    schema,
    schema.fields.map(({ type }) => Column.allocate(slab, type, 16)),
  )

/** Rows as plain objects, BIGINTs as numbers. */
function rowsOf(batch: RecordBatch): unknown[] {
  const plain = (value: unknown): unknown =>
    typeof value === 'bigint'
      ? Number(value)
      : value !== null && typeof value === 'object'
        ? Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]))
        : value
  return batchToObjects(batch).map(({ row }) => plain(row))
}

function linesOf(generator: NexmarkGenerator, first: number, count: number): string {
  const bytes = count * generator.lineBytesMax + 64
  const target = slab.allocate(bytes)
  const text = Buffer.from(slab.u8.slice(target, target + generator.generateJsonLines(first, count, target))).toString()
  slab.free(target, bytes)
  return text
}

// oxlint-disable-next-line typescript/no-explicit-any -- lines of three shapes
const eventsOf = (text: string): any[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
const timeOf = (text: string): number => Date.parse(`${text.replace(' ', 'T')}Z`)
const share = (values: readonly unknown[], part: (value: never) => boolean): number => values.filter(part as (value: unknown) => boolean).length / values.length
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

describe('the events', () => {
  let events: any[] // oxlint-disable-line typescript/no-explicit-any -- lines of three shapes
  let text: string
  const kind = (name: string): any[] => events.flatMap((event) => event[name] ?? []) // oxlint-disable-line typescript/no-explicit-any -- as above
  beforeAll(() => {
    text = linesOf(new NexmarkGenerator(slab, kernels, { eventRate: 100, seed: 42 }), 0, EVENTS)
    events = eventsOf(text)
  })

  test('come as 1 person, 3 auctions and 46 bids in every 50, in this order', () => {
    expect(events).toHaveLength(EVENTS)
    expect(events.every((event, number) => event.event_type === (number % 50 === 0 ? 0 : number % 50 < 4 ? 1 : 2))).toBe(true)
    expect([kind('person').length, kind('auction').length, kind('bid').length]).toEqual([2000, 6000, 92_000])
  })

  test('number persons and auctions from 1000 on and lie evenly in time', () => {
    expect(kind('person').every((person, index) => person.id === 1000 + index)).toBe(true)
    expect(kind('auction').every((auction, index) => auction.id === 1000 + index)).toBe(true)
    expect(events.every((event, number) => timeOf((event.person ?? event.auction ?? event.bid).dateTime) === BASE + number * 10)).toBe(true)
  })

  test('let half of the bids go to the first auction of the current hundred, the rest to the last hundred and ten to come', () => {
    let hot = 0
    let outside = 0
    events.forEach((event, number) => {
      if (event.bid === null) return
      const newest = (Math.floor(number / 50) + 1) * 3 - 1
      const auction = event.bid.auction - 1000
      if (auction === newest - (newest % 100)) hot++
      else if (auction < Math.max(0, newest - 100) || auction > newest + 10) outside++
    })
    expect(outside).toBe(0)
    expect(hot / 92_000).toBeCloseTo(0.5 + 0.5 / 111, 2)
  })

  test('let three quarters of the bids come from the second person of the current hundred, shifted by 2000', () => {
    let hot = 0
    let outside = 0
    events.forEach((event, number) => {
      if (event.bid === null) return
      const newest = Math.floor(number / 50)
      const person = event.bid.bidder - 2000
      if (person === newest - (newest % 100) + 1) hot++
      else if (person < Math.max(0, newest - 999) || person > newest + 10) outside++
    })
    expect(outside).toBe(0)
    expect(hot / 92_000).toBeCloseTo(0.75, 2)
  })

  test('let three quarters of the auctions come from the first person of the current hundred', () => {
    let hot = 0
    let outside = 0
    events.forEach((event, number) => {
      if (event.auction === null) return
      const newest = Math.floor(number / 50)
      const person = event.auction.seller - 1000
      if (person === newest - (newest % 100)) hot++
      else if (person < Math.max(0, newest - 999) || person > newest + 10) outside++
    })
    expect(outside).toBe(0)
    expect(Math.abs(hot / 6000 - 0.75)).toBeLessThan(0.02)
  })

  test('have prices uniform in the logarithm from 100 to 100,000,000', () => {
    const prices = kind('bid').map(({ price }: NexmarkBid) => price)
    expect(share(prices, (price: number) => price < 10_000)).toBeCloseTo(1 / 3, 2)
    expect(share(prices, (price: number) => price >= 1_000_000)).toBeCloseTo(1 / 3, 2)
    expect(prices.every((price) => Number.isInteger(price) && price >= 100 && price <= 100_000_000)).toBe(true)
    expect(mean(prices.map((price) => Math.log10(price)))).toBeCloseTo(5, 1)
    const auctions = kind('auction')
    expect(auctions.every(({ initialBid, reserve }) => initialBid >= 100 && reserve - initialBid >= 100 && reserve - initialBid <= 100_000_000)).toBe(true)
  })

  test('have half of the bids in four channels with one url each, the rest in 10,000 with one url each', () => {
    const urls = new Map<string, string>()
    for (const { channel, url } of kind('bid')) {
      expect(urls.get(channel) ?? url).toBe(url)
      urls.set(channel, url)
    }
    const isHot = (channel: string): boolean => ['Google', 'Facebook', 'Baidu', 'Apple'].includes(channel)
    expect(share(kind('bid'), ({ channel }: NexmarkBid) => isHot(channel))).toBeCloseTo(0.5, 2)
    expect(urls.size).toBeGreaterThan(9800)
    const cold = [...urls].filter(([channel]) => !isHot(channel))
    expect(cold.every(([channel]) => /^channel-(\d|[1-9]\d{1,3})$/.test(channel))).toBe(true)
    expect(
      [...urls.values()].every((url) => /^https:\/\/www\.nexmark\.com\/[a-z]{3,4}\/[a-z]{3,4}\/[a-z]{3,4}\/item\.htm\?query=1(&channel_id=\d+)?$/.test(url)),
    ).toBe(true)
    expect(share(cold, ([, url]: [string, string]) => url.includes('&channel_id='))).toBeCloseTo(0.9, 1)
    expect(urls.get('channel-3')!.replace(/&channel_id=1073741824$/, '')).toMatch(/query=1$/)
    expect(mean(kind('bid').map(({ url }: NexmarkBid) => url.length))).toBeCloseTo(63, -1)
  })

  test('have texts of the lengths and alphabets of the rules', () => {
    for (const { name, emailAddress, creditCard, city, state, extra } of kind('person')) {
      expect(name).toMatch(/^[A-Z][a-z]{3,5} [A-Z][a-z]{4,6}$/)
      expect(emailAddress).toMatch(/^[a-z]{3,6}@[a-z]{3,4}\.com$/)
      expect(creditCard).toMatch(/^\d{4} \d{4} \d{4} \d{4}$/)
      const room = 200 - 8 - name.length - emailAddress.length - 19 - city.length - state.length
      expect(Math.abs(extra.length - room)).toBeLessThanOrEqual(Math.round(room * 0.2))
    }
    expect(new Set(kind('person').map(({ name }) => name)).size).toBe(99)
    expect(new Set(kind('person').map(({ city }) => city)).size).toBe(10)
    expect(new Set(kind('person').map(({ state }) => state)).size).toBe(6)
    for (const { itemName, description, extra, category } of kind('auction')) {
      expect(itemName).toMatch(/^([a-z]([a-z ]{0,17}[a-z])?)?$/)
      expect(description).toMatch(/^([a-z]([a-z ]{0,97}[a-z])?)?$/)
      const room = 500 - 48 - itemName.length - description.length
      expect(Math.abs(extra.length - room)).toBeLessThanOrEqual(Math.round(room * 0.2))
      expect(category >= 10 && category <= 14).toBe(true)
    }
    const descriptions = kind('auction').map(({ description }) => description as string)
    expect(descriptions.join('').replaceAll(/[^ ]/g, '').length / descriptions.join('').length).toBeCloseTo(1 / 13, 1)
    const extras = kind('bid').map((bid: NexmarkBid) => bid.extra)
    expect(extras.every((extra) => /^[a-z]{54,81}$/.test(extra))).toBe(true)
    expect(new Set(extras.map(({ length }) => length)).size).toBe(28)
  })

  test('let auctions expire within twice the time of 1666 events', () => {
    const open = kind('auction').map(({ dateTime, expires }) => timeOf(expires) - timeOf(dateTime))
    expect(open.every((ms) => ms >= 1 && ms <= 33_320)).toBe(true)
    expect(Math.abs(mean(open) / 16_660 - 1)).toBeLessThan(0.05)
  })

  test('make lines of 327 bytes in the mean, give or take 3 %', () => {
    expect(Math.abs(text.length / EVENTS / 327 - 1)).toBeLessThan(0.03)
  })

  test('are those of the reference, in lines that JSON.stringify would write', () => {
    const reference = new NexmarkReference({ eventRate: 100, seed: 42 })
    const lines = text.split('\n')
    for (let number = 0; number < 2000; number++) expect(lines[number]).toBe(nexmarkJsonLine(reference.event(number)))
    for (const number of [49_950, 49_951, 77_777, EVENTS - 1]) expect(lines[number]).toBe(nexmarkJsonLine(reference.event(number)))
  })

  test('are others for another seed', () => {
    const other = eventsOf(linesOf(new NexmarkGenerator(slab, kernels, { eventRate: 100, seed: 43 }), 0, 1000)) as NexmarkEvent[]
    expect(other.some((event, number) => event.bid !== null && event.bid.extra === events[number].bid.extra)).toBe(false)
    expect(other.filter((event, number) => event.bid?.price === events[number].bid?.price).length).toBeLessThan(100)
  })
})

describe('columns', () => {
  test('hold what the lines say, rows of other kinds NULL', () => {
    const generator = new NexmarkGenerator(slab, kernels, { seed: 7, eventRate: 0.02, eventCount: 5000 })
    const batch = batchOf(NEXMARK_EVENTS)
    expect(generator.generateColumns(1234, 777, batch)).toBe(777)
    const withTimes = eventsOf(linesOf(generator, 1234, 777)).map((event) => {
      for (const row of [event.person, event.auction, event.bid])
        for (const name of ['dateTime', 'expires']) if (row?.[name] !== undefined) row[name] = timeOf(row[name])
      return event
    })
    expect(rowsOf(batch)).toEqual(withTimes)
    const [type, person, auction, bid] = batch.columns
    expect([type.nullCount, person.nullCount + auction.nullCount + bid.nullCount]).toEqual([0, 777 * 2])
    expect(person.children.every((child) => child.nullCount === person.nullCount && !child.isValid(0))).toBe(true)
  })

  test.each(['person', 'auction', 'bid'] as const)('of the flat table %s hold the rows of that kind in the order of the events', (table) => {
    const generator = new NexmarkGenerator(slab, kernels, { disorderMs: 50 })
    const all = batchOf(NEXMARK_EVENTS)
    const flat = batchOf(nexmarkSchema(table))
    generator.generateColumns(100, 2000, all)
    const expected = rowsOf(all).flatMap((row) => (row as Record<string, unknown>)[table] ?? [])
    expect(generator.generateColumns(100, 2000, flat, table)).toBe(expected.length)
    expect(rowsOf(flat)).toEqual(expected)
    expect(flat.timestampOf(expected.length - 1)).toBe((expected.at(-1) as NexmarkBid).dateTime)
  })

  test('of a projection equal those of the whole table, in any order and with the time of every event', () => {
    const generator = new NexmarkGenerator(slab, kernels, { seed: -5 })
    const whole = batchOf(NEXMARK_EVENTS)
    const part = batchOf(
      new Schema([
        { name: 'dateTime', type: t.timestamp(3).logical },
        { name: 'auction', type: t.row({ extra: t.string().nullable(), id: t.bigint().nullable() }).nullable().logical },
        { name: 'person', type: t.row({ extra: t.string().nullable() }).nullable().logical },
        { name: 'event_type', type: t.int().logical },
      ]),
    )
    generator.generateColumns(0, 3000, whole)
    generator.generateColumns(0, 3000, part)
    const expected = (rowsOf(whole) as NexmarkEvent[]).map(({ event_type, person, auction, bid }) => ({
      dateTime: (person ?? auction ?? bid)!.dateTime,
      auction: auction && { extra: auction.extra, id: auction.id },
      person: person && { extra: person.extra },
      event_type,
    }))
    expect(rowsOf(part)).toEqual(expected)
    expect(readInt64AsNumber(slab, part.timestamps)).toBe(BASE)
  })

  test('of every single field of every flat table equal those of the whole table', () => {
    const generator = new NexmarkGenerator(slab, kernels, { seed: 3 })
    for (const [table, schema] of [
      ['person', NEXMARK_PERSONS],
      ['auction', NEXMARK_AUCTIONS],
      ['bid', NEXMARK_BIDS],
    ] as const) {
      const whole = batchOf(schema)
      generator.generateColumns(0, 1000, whole, table)
      for (const field of schema.fields) {
        const part = batchOf(new Schema([field]))
        generator.generateColumns(0, 1000, part, table)
        expect(rowsOf(part)).toEqual(rowsOf(whole).map((row) => ({ [field.name]: (row as Record<string, unknown>)[field.name] })))
      }
    }
  })

  test('refuse a column that Nexmark does not have, one of another type, and a row that cannot be NULL', () => {
    const generator = new NexmarkGenerator(slab, kernels)
    const refuse = (name: string, type: Schema['fields'][number]['type']): void => {
      expect(() => generator.generateColumns(0, 1, batchOf(new Schema([{ name, type }])))).toThrow(expect.objectContaining({ code: 'NOT_NEXMARK' }))
    }
    refuse('price', t.bigint().logical)
    refuse('event_type', t.bigint().logical)
    refuse('bid', t.row({ price: t.int().nullable() }).nullable().logical)
    refuse('bid', t.row({ price: t.bigint() }).logical)
  })
})

describe('disorder', () => {
  const options = { eventRate: 1000, disorderMs: 300, eventCount: 10_000, seed: 9 }

  test('keeps every event, none more than that behind the newest before it', () => {
    const times = eventsOf(linesOf(new NexmarkGenerator(slab, kernels, options), 0, 10_000)).map(
      (event) => timeOf((event.person ?? event.auction ?? event.bid).dateTime) - BASE,
    )
    let newest = 0
    let lag = 0
    for (const time of times) {
      lag = Math.max(lag, newest - time)
      newest = Math.max(newest, time)
    }
    expect(lag).toBeLessThanOrEqual(300)
    expect(lag).toBeGreaterThan(200)
    expect(times.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 10_000 }, (_, number) => number))
    expect(times.filter((time, position) => time === position).length).toBeLessThan(1000)
  })

  test('changes where an event stands, not what it is', () => {
    const shuffled = linesOf(new NexmarkGenerator(slab, kernels, options), 0, 10_000).split('\n')
    const ordered = linesOf(new NexmarkGenerator(slab, kernels, { ...options, disorderMs: 0 }), 0, 10_000).split('\n')
    expect(shuffled).not.toEqual(ordered)
    expect(shuffled.toSorted()).toEqual(ordered.toSorted())
  })

  test('of less than the time between two events leaves them in order', () => {
    expect(linesOf(new NexmarkGenerator(slab, kernels, { eventRate: 10, disorderMs: 99 }), 0, 500)).toBe(
      linesOf(new NexmarkGenerator(slab, kernels, { eventRate: 10 }), 0, 500),
    )
  })
})

describe('options', () => {
  test('of a table are those of Flink, and ours', () => {
    expect(
      nexmarkTableOptions({
        connector: 'nexmark',
        'first-event.rate': '10000000',
        'next-event.rate': '10000000',
        'events.num': '100',
        'person.proportion': '2',
        'auction.proportion': '4',
        'bid.proportion': '50',
        'person.avg-size': '300b',
        'auction.avg-size': '1 kb',
        'bid.avg-size': '150',
        'bid.hot-ratio.auctions': '3',
        'bid.hot-ratio.bidders': '5',
        'auction.hot-ratio.sellers': '6',
        'keep-alive': 'TRUE',
        'stop-at': '-1',
        'max-emit-speed': 'false',
        'millrace.seed': '77',
        'millrace.disorder': '3 s',
        'millrace.base-time': '2015-07-15 00:00:00',
        'millrace.bidder-offset': '1000',
      }),
    ).toEqual({
      eventCount: 100,
      eventRate: 10_000_000,
      baseTimeMs: Date.UTC(2015, 6, 15),
      disorderMs: 3000,
      seed: 77,
      personProportion: 2,
      auctionProportion: 4,
      bidProportion: 50,
      personSizeAvg: 300,
      auctionSizeAvg: 1024,
      bidSizeAvg: 150,
      hotAuctionRatio: 3,
      hotBidderRatio: 5,
      hotSellerRatio: 6,
      bidderOffset: 1000,
      paced: true,
      keepAlive: true,
      stopAtMs: -1,
    })
  })

  test.each([
    [{ 'events.nums': '1' }, 'UNKNOWN_OPTION'],
    [{ constructor: '1' }, 'UNKNOWN_OPTION'],
    [{ 'events.num': 'many' }, 'INVALID_OPTION'],
    [{ 'events.num': '-1' }, 'INVALID_OPTION'],
    [{ 'first-event.rate': '0' }, 'INVALID_OPTION'],
    [{ 'bid.avg-size': '1 parsec' }, 'INVALID_OPTION'],
    [{ 'millrace.disorder': 'late' }, 'INVALID_OPTION'],
    [{ 'millrace.base-time': 'yesterday' }, 'INVALID_OPTION'],
    [{ 'max-emit-speed': 'yes' }, 'INVALID_OPTION'],
    [{ 'person.proportion': '0' }, 'INVALID_OPTION'],
  ])('%o are refused', (options, code) => {
    expect(() => nexmarkTableOptions(options as Record<string, string>)).toThrow(expect.objectContaining({ code }))
  })

  test('refuse events beyond the year 9999, which a line could not show', () => {
    expect(() => resolveNexmarkOptions({ eventRate: 0.000_001, eventCount: 1_000_000 })).toThrow(/year 9999/)
  })
})
