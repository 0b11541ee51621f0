// Aggregates as users write them: built in, rolling and over windows; what they answer, and what they refuse.
import { describe, expect, test } from 'vitest'
import type { DataStream } from '../../../src/api/datastream/data-stream.ts'
import { StreamExecutionEnvironment } from '../../../src/api/datastream/environment.ts'
import { VirtualClock } from '../../../src/base/clock.ts'
import { Decimal, defineSchema, type RowOfSchema, t } from '../../../src/batch/types.ts'
import { EventTimeSessionWindows, GlobalWindows, TumblingEventTimeWindows, TumblingProcessingTimeWindows } from '../../../src/operator/window/assigners.ts'
import { CountEvictor } from '../../../src/operator/window/evictors.ts'
import { avg, count, countDistinct, first, last, max, min, sum, topN } from '../../../src/operator/window/slice-aggregates.ts'
import { CountTrigger } from '../../../src/operator/window/triggers.ts'
import { planJob } from '../../../src/plan/execution-plan.ts'
import { LocalExecutor } from '../../../src/runtime/local-executor.ts'
import { WatermarkStrategy } from '../../../src/time/watermark-strategy.ts'

const sale = defineSchema({
  shop: t.string(),
  item: t.string().nullable(),
  pieces: t.int().nullable(),
  id: t.bigint(),
  price: t.decimal(8, 2).nullable(),
  at: t.timestamp(3),
})
type Sale = RowOfSchema<typeof sale>

const defaults: Sale = { shop: 'a', item: null, pieces: null, id: 0n, price: null, at: 0 }
const decimal = (text: string): Decimal => Decimal.parse(text)

/** What a stream made of these sales gives. The clock stands. */
function run<T>(sales: readonly Partial<Sale>[], build: (stream: DataStream<Sale>) => DataStream<T>, parallelism: number = 1): unknown[] {
  const env = new StreamExecutionEnvironment()
  const results: unknown[] = []
  const rows = sales.map((fields) => ({ ...defaults, ...fields }))
  const inOrder = WatermarkStrategy.forBoundedOutOfOrderness<Sale>(5).withTimestampAssigner('at')
  build(env.fromCollection(rows, sale).assignTimestampsAndWatermarks(inOrder))
    .forEach((row) => results.push(typeof row === 'object' ? { ...row } : row))
    .setParallelism(1)
  const plan = planJob(env.graph, { jobName: 'aggregates', parallelism, maxParallelism: undefined })
  new LocalExecutor(plan, env.graph, { clock: new VirtualClock(1000), log: () => {}, batchRowsMax: 4 }).runToEnd()
  return results
}

const tens = TumblingEventTimeWindows.of(10)

describe('built-in aggregates', () => {
  test('of BIGINT are bigints: a sum wraps at 64 bits', () => {
    const sales = [{ id: 2n ** 62n }, { id: 2n ** 62n }, { id: 10n }]
    expect(
      run(sales, (stream) =>
        stream
          .keyBy('shop')
          .window(tens)
          .aggregate({ total: sum('id'), most: max('id') }),
      ),
    ).toEqual([{ shop: 'a', windowStart: 0, windowEnd: 10, total: -(2n ** 63n) + 10n, most: 2n ** 62n }])
  })

  test.each([
    ['in columns', tens],
    ['record by record', GlobalWindows.createWithEndOfStreamTrigger()],
  ])('refuse a sum that no number holds, %s', (_, assigner) => {
    const schema = defineSchema({ n: t.safeInt(), at: t.timestamp(3) })
    const env = new StreamExecutionEnvironment()
    env
      .fromCollection(
        [1, 2].map((at) => ({ n: Number.MAX_SAFE_INTEGER, at })),
        schema,
      )
      .assignTimestampsAndWatermarks(WatermarkStrategy.forMonotonousTimestamps<RowOfSchema<typeof schema>>().withTimestampAssigner('at'))
      .windowAll(assigner)
      .aggregate({ total: sum('n') })
      .forEach(() => {})
    const plan = planJob(env.graph, { jobName: 'sums', parallelism: 1, maxParallelism: undefined })
    const executor = new LocalExecutor(plan, env.graph, { clock: new VirtualClock(), log: () => {}, batchRowsMax: 4 })
    expect(() => executor.runToEnd()).toThrow(expect.objectContaining({ code: 'VALUE_OUT_OF_TYPE' }))
  })

  test('take text, booleans and DECIMALs', () => {
    const sales = [
      { item: 'pear', price: decimal('0.05') },
      { item: 'apple', price: decimal('0.05') },
      { item: 'zebra melon of the larger sort', price: decimal('0.10') },
      { item: null, price: null },
    ]
    const aggregates = { least: min('item'), most: max('item'), early: first('item'), late: last('item'), mean: avg('price'), total: sum('price') } as const
    expect(run(sales, (stream) => stream.windowAll(tens).aggregate(aggregates))).toEqual([
      {
        windowStart: 0,
        windowEnd: 10,
        least: 'apple',
        most: 'zebra melon of the larger sort',
        early: 'pear',
        late: 'zebra melon of the larger sort',
        mean: decimal('0.066667'),
        total: decimal('0.20'),
      },
    ])
  })

  test('carry the key that a function has made', () => {
    const sales = [
      { shop: 'a', pieces: 1 },
      { shop: 'b', pieces: 2 },
      { shop: 'a', pieces: 4 },
    ]
    const byFunction = run(sales, (stream) =>
      stream
        .keyBy((row) => [row.shop, row.shop === 'a'])
        .window(tens)
        .aggregate({ total: sum('pieces') }),
    )
    expect(byFunction).toEqual([
      { key: ['a', true], windowStart: 0, windowEnd: 10, total: 5 },
      { key: ['b', false], windowStart: 0, windowEnd: 10, total: 2 },
    ])
    // A declared type makes it a column like others: text here, a bigint; in either operator.
    for (const assigner of [tens, EventTimeSessionWindows.withGap(3)]) {
      const byText = run(sales, (stream) =>
        stream
          .keyBy((row) => row.shop.toUpperCase(), t.string())
          .window(assigner)
          .aggregate({ total: sum('pieces') })
          .keyBy('key')
          .max('total'),
      )
      expect(byText).toMatchObject([
        { key: 'A', total: 5 },
        { key: 'B', total: 2 },
      ])
      const byBigint = run(sales, (stream) =>
        stream
          .keyBy((row) => (row.shop === 'a' ? 1n : 2n), t.bigint())
          .window(assigner)
          .aggregate({ total: sum('pieces') }),
      )
      expect(byBigint).toMatchObject([
        { key: 1n, total: 5 },
        { key: 2n, total: 2 },
      ])
    }
  })

  test('are computed over sessions, which merge', () => {
    const sales = [
      { at: 0, item: 'x', pieces: 1 },
      { at: 8, item: 'y', pieces: 5 },
      { at: 4, item: 'x', pieces: 3 },
      { at: 30, item: 'z', pieces: 9 },
    ]
    const result = run(sales, (stream) =>
      stream
        .keyBy('shop')
        .window(EventTimeSessionWindows.withGap(5))
        .aggregate({ rows: count(), items: countDistinct('item'), mean: avg('pieces'), top: topN(2, 'pieces', { columns: ['item'] }) }),
    )
    expect(result).toEqual([
      { shop: 'a', windowStart: 0, windowEnd: 13, rows: 3, items: 2, mean: 3, top: [{ item: 'y' }, { item: 'x' }] },
      { shop: 'a', windowStart: 30, windowEnd: 35, rows: 1, items: 1, mean: 9, top: [{ item: 'z' }] },
    ])
  })

  test('are computed over counts, evictors, processing time and late records; windows without bounds have none in the result', () => {
    const sales = [1, 2, 3, 4].map((pieces) => ({ pieces, at: 0 }))
    expect(
      run(sales, (stream) =>
        stream
          .keyBy('shop')
          .countWindow(2)
          .aggregate({ total: sum('pieces') }),
      ),
    ).toEqual([
      { shop: 'a', total: 3 },
      { shop: 'a', total: 7 },
    ])
    const evicting = run(sales, (stream) =>
      stream
        .windowAll(GlobalWindows.create())
        .trigger(CountTrigger.of(2))
        .evictor(CountEvictor.of(3))
        .aggregate({ total: sum('pieces'), different: countDistinct('at'), top: topN(1, 'pieces', { columns: ['pieces'] }) }),
    )
    expect(evicting).toEqual([
      { total: 3, different: 1, top: [{ pieces: 2 }] },
      { total: 9, different: 1, top: [{ pieces: 4 }] },
    ])
    expect(
      run(sales, (stream) =>
        stream
          .windowAll(TumblingProcessingTimeWindows.of(100))
          .trigger(CountTrigger.of(4))
          .aggregate({ total: sum('pieces') }),
      ),
    ).toEqual([{ windowStart: 1000, windowEnd: 1100, total: 10 }])
    const late = run([{ at: 1, pieces: 1 }, { at: 20 }, { at: 2, pieces: 5 }, { at: 40 }], (stream) =>
      stream
        .keyBy('shop')
        .window(tens)
        .allowedLateness(10)
        .aggregate({ total: sum('pieces') }),
    )
    expect(late.slice(0, 2)).toEqual([
      { shop: 'a', windowStart: 0, windowEnd: 10, total: 1 },
      { shop: 'a', windowStart: 0, windowEnd: 10, total: 6 },
    ])
  })

  test('refuse columns without such an aggregate', () => {
    const refused = (build: (stream: DataStream<never>) => unknown): void =>
      expect(() => run([], (stream) => (build(stream as unknown as DataStream<never>), stream))).toThrow(/Cannot compute/)
    const windows = (stream: DataStream<never>) => stream.windowAll(tens) as unknown as { aggregate(aggregates: object): unknown }
    refused((stream) => windows(stream).aggregate({ x: sum('item') }))
    refused((stream) => windows(stream).aggregate({ x: avg('at') }))
    expect(() => topN(0, 'item')).toThrow(/Cannot keep the top 0 rows/)
  })
})

describe('names of results', () => {
  const refused = (message: string, hint: string): Error => expect.objectContaining({ code: 'DUPLICATE_COLUMN', message, hint }) as Error
  const sessions = EventTimeSessionWindows.withGap(5)

  test.each([tens, sessions])('that the key or a bound of the window has are refused with advice (%s)', (windows) => {
    const counted = (name: string) => (): unknown =>
      run([], (stream) =>
        stream
          .keyBy('shop')
          .window(windows as typeof tens)
          .aggregate({ [name]: count() }),
      )
    expect(counted('shop')).toThrow(
      refused(
        'Cannot name an aggregate "shop": the result has a column of that name for the key',
        'Give the aggregate another name: aggregate({ shopValue: ... }).',
      ),
    )
    expect(counted('windowEnd')).toThrow(
      refused(
        'Cannot name an aggregate "windowEnd": the result has a column of that name for a bound of the window',
        'Give the aggregate another name: aggregate({ windowEndValue: ... }).',
      ),
    )
    expect(() =>
      run([], (stream) =>
        stream
          .keyBy((row) => row.shop)
          .window(windows as typeof tens)
          .aggregate({ key: count() }),
      ),
    ).toThrow('an aggregate "key"')
  })

  test('of a column that a top gives are refused, and the advice helps', () => {
    const top = (name: string): unknown[] =>
      run([{ pieces: 7 }], (stream) =>
        stream
          .map(({ pieces }) => ({ [name]: pieces }))
          .returns({ [name]: t.int().nullable() })
          .windowAll(tens)
          .topN(1, name as never),
      )
    expect(() => top('rank')).toThrow(
      refused(
        'Cannot rank records that have a column "rank": the result has a column of that name for the place in the top',
        'Leave it out with select(...) before the windows, or rename it with map(...).returns(...).',
      ),
    )
    expect(top('place')).toEqual([{ place: 7, rank: 1 }])
  })

  test('of a key column that a bound of the window has are refused; keyed by a function they are not', () => {
    const byBound = (stream: DataStream<Sale>) => stream.keyBy('shop').window(tens).aggregate({ sales: count() })
    expect(() => run([], (stream) => byBound(stream).keyBy('windowStart').window(tens).aggregate({ shops: count() }))).toThrow(
      refused(
        'Cannot aggregate by the key column "windowStart": the result has a column of that name for a bound of its window',
        'Key by a function, whose column is named "key": keyBy((row) => row.windowStart, type).',
      ),
    )
    const rows = run([{ at: 3 }, { at: 4, shop: 'b' }], (stream) =>
      byBound(stream)
        .keyBy((row) => row.windowStart, t.timestamp(3))
        .window(tens)
        .aggregate({ shops: count() }),
    )
    expect(rows).toEqual([{ key: 0, windowStart: 0, windowEnd: 10, shops: 2 }])
  })
})

describe('topN', () => {
  const sales = [
    { shop: 'a', item: 'u', pieces: 3 },
    { shop: 'b', item: 'v', pieces: 9 },
    { shop: 'a', item: 'w', pieces: null },
    { shop: 'a', item: 'x', pieces: 7 },
    { shop: 'a', item: 'y', pieces: 3 },
    { shop: 'a', item: 'z', pieces: 1 },
  ]
  const shown = (rows: unknown[]): string[] => (rows as (Sale & { rank: number })[]).map(({ shop, item, pieces, rank }) => `${shop} ${rank}. ${item} ${pieces}`)

  test('gives the records of each key and window with the greatest values, ranked', () => {
    expect(shown(run(sales, (stream) => stream.keyBy('shop').window(tens).topN(3, 'pieces')))).toEqual(['a 1. x 7', 'a 2. u 3', 'a 3. y 3', 'b 1. v 9'])
    expect(shown(run(sales, (stream) => stream.keyBy('shop').window(tens).topN(1, 'pieces', { order: 'ascending' })))).toEqual(['a 1. z 1', 'b 1. v 9'])
  })

  test.each([1, 2])('ranks all records of a stream at its end, at parallelism %i', (parallelism) => {
    const ranked = (stream: DataStream<Sale>) =>
      stream
        .windowAll(GlobalWindows.createWithEndOfStreamTrigger())
        .topN(2, 'pieces')
        .map((row) => `${row.rank}. ${row.item}`)
    expect(run(sales, ranked, parallelism)).toEqual(['1. v', '2. x'])
  })
})

describe('rolling aggregates', () => {
  const column = (rows: unknown[], name: keyof Sale): unknown[] => rows.map((row) => (row as Sale)[name])

  test('sum up DECIMALs and wrap bigints', () => {
    const prices = [{ price: decimal('999999.99') }, { price: null }, { price: decimal('0.01') }]
    expect(
      column(
        run(prices, (stream) => stream.keyBy('shop').sum('price')),
        'price',
      ),
    ).toEqual([decimal('999999.99'), decimal('999999.99'), decimal('1000000.00')])
    expect(
      column(
        run([{ id: 2n ** 63n - 1n }, { id: 2n }], (stream) => stream.keyBy('shop').sum('id')),
        'id',
      ),
    ).toEqual([2n ** 63n - 1n, -(2n ** 63n) + 1n])
    expect(
      column(
        run([{ pieces: 2 ** 31 - 1 }, { pieces: 1 }], (stream) => stream.keyBy('shop').sum('pieces')),
        'pieces',
      ),
    ).toEqual([2 ** 31 - 1, 2 ** 31])
  })

  test('pass NULL over, compare DECIMALs as numbers and text by its bytes', () => {
    const pieces = [null, 5, null, -3].map((value) => ({ pieces: value }))
    expect(
      column(
        run(pieces, (stream) => stream.keyBy('shop').min('pieces')),
        'pieces',
      ),
    ).toEqual([null, 5, 5, -3])
    const prices = ['9.00', '10.00', '-1.00'].map((text) => ({ price: decimal(text) }))
    expect(
      column(
        run(prices, (stream) => stream.keyBy('shop').max('price')),
        'price',
      ),
    ).toEqual(['9.00', '10.00', '10.00'].map(decimal))
    const items = ['\uffff', '\u{1f600}', 'a'].map((item) => ({ item }))
    expect(
      column(
        run(items, (stream) => stream.keyBy('shop').max('item')),
        'item',
      ),
    ).toEqual(['\uffff', '\u{1f600}', '\u{1f600}'])
  })

  test('keep the record of the winner or replace the column of the first', () => {
    const sales = [
      { item: 'x', pieces: 2 },
      { item: 'y', pieces: 5 },
      { item: 'z', pieces: 5 },
    ]
    expect(
      column(
        run(sales, (stream) => stream.keyBy('shop').maxBy('pieces')),
        'item',
      ),
    ).toEqual(['x', 'y', 'y'])
    expect(
      column(
        run(sales, (stream) => stream.keyBy('shop').minBy('pieces')),
        'item',
      ),
    ).toEqual(['x', 'x', 'x'])
    expect(
      column(
        run(sales, (stream) => stream.keyBy('shop').max('pieces')),
        'item',
      ),
    ).toEqual(['x', 'x', 'x'])
  })

  test('work on records that are JavaScript values', () => {
    const sums = run([{ pieces: 1 }, { pieces: 2 }], (stream) =>
      stream
        .map((row) => ({ shop: row.shop, pieces: row.pieces! }))
        .keyBy((row) => row.shop)
        .sum('pieces'),
    )
    expect(sums).toEqual([
      { shop: 'a', pieces: 1 },
      { shop: 'a', pieces: 3 },
    ])
  })

  test('refuse columns without such an aggregate', () => {
    expect(() => run([], (stream) => stream.keyBy('shop').sum('item' as never))).toThrow(/Cannot aggregate column "item": STRING has no such aggregate/)
  })
})

describe('aggregates of windowed streams', () => {
  const sales = [
    { item: 'x', pieces: 2, price: decimal('1.50') },
    { item: 'y', pieces: 5, price: decimal('2.00') },
    { item: 'z', pieces: null, at: 12 },
  ]

  test('give one record per key and window, with the columns of the stream', () => {
    const windows = (stream: DataStream<Sale>) => stream.keyBy('shop').window(tens)
    expect(run(sales, (stream) => windows(stream).sum('pieces'))).toMatchObject([
      { item: 'x', pieces: 7 },
      { item: 'z', pieces: null },
    ])
    expect(run(sales, (stream) => windows(stream).sum('price'))).toMatchObject([
      { item: 'x', price: decimal('3.50') },
      { item: 'z', price: null },
    ])
    expect(run(sales, (stream) => windows(stream).min('pieces'))).toMatchObject([{ item: 'x', pieces: 2 }, { item: 'z' }])
    expect(run(sales, (stream) => windows(stream).max('pieces'))).toMatchObject([{ item: 'x', pieces: 5 }, { item: 'z' }])
    expect(run(sales, (stream) => windows(stream).minBy('pieces'))).toMatchObject([{ item: 'x', pieces: 2 }, { item: 'z' }])
    expect(run(sales, (stream) => windows(stream).maxBy('pieces'))).toMatchObject([{ item: 'y', pieces: 5 }, { item: 'z' }])
    expect(run(sales, (stream) => stream.windowAll(tens).max('item'))).toMatchObject([{ item: 'y', pieces: 2 }, { item: 'z' }])
  })

  test('a reduce keeps the columns, so that the next key is found by name', () => {
    const reduced = run(sales, (stream) =>
      stream
        .keyBy('shop')
        .window(tens)
        .reduce((left, right) => ({ ...right, pieces: (left.pieces ?? 0) + (right.pieces ?? 0) }))
        .keyBy('item')
        .maxBy('pieces'),
    )
    expect(reduced).toMatchObject([
      { item: 'y', pieces: 7 },
      { item: 'z', pieces: null },
    ])
  })
})
