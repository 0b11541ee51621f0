// The Table API and SQL make the same plan: EXPLAIN of both is the same text, of pairs that say the same.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { days, hours, minutes, seconds } from '../../../../src/operator/window/duration.ts'
import { Decimal, t } from '../../../../src/batch/types.ts'
import { Millrace } from '../../../../src/api/datastream/millrace.ts'
import type { AnyRow, Columns } from '../../../../src/api/table/expression-types.ts'
import { fn } from '../../../../src/api/table/expression-functions.ts'
import { StreamTableEnvironment } from '../../../../src/api/table/stream-table-environment.ts'
import { Cumulate, Hop, Session, Tumble } from '../../../../src/api/table/windows.ts'

const TABLES = `
CREATE TABLE bids (auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, item ROW<id BIGINT, name STRING>, tags ARRAY<STRING>, points MAP<STRING, BIGINT>, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
WITH ('connector' = 'filesystem', 'path' = '/not/there.json', 'format' = 'json');
CREATE TABLE auctions (id BIGINT, seller BIGINT, category BIGINT, reserve DECIMAL(10, 2), opened TIMESTAMP(3), WATERMARK FOR opened AS opened)
WITH ('connector' = 'filesystem', 'path' = '/not/there.json', 'format' = 'json');
CREATE TABLE people (person BIGINT, name STRING, city STRING) WITH ('connector' = 'filesystem', 'path' = '/not/there.json', 'format' = 'json');
CREATE TABLE rates (currency STRING, rate BIGINT, since TIMESTAMP(3), WATERMARK FOR since AS since, PRIMARY KEY (currency) NOT ENFORCED)
WITH ('connector' = 'filesystem', 'path' = '/not/there.json', 'format' = 'json');
CREATE TABLE cities (person BIGINT, city STRING) WITH ('connector' = 'jdbc', 'url' = 'jdbc:sqlite:/not/there.db', 'table-name' = 'cities');
CREATE TABLE counts (auction BIGINT, n BIGINT, PRIMARY KEY (auction) NOT ENFORCED) WITH ('connector' = 'blackhole');
`

const tables = await StreamTableEnvironment.create(Millrace.local())
tables.executeSql(TABLES)
const [bids, auctions, people, rates, cities] = ['bids', 'auctions', 'people', 'rates', 'cities'].map((name) => tables.from(name))

const PAIRS: readonly (readonly [sql: string, table: () => { explain(detail: 'CHANGELOG_MODE'): string }])[] = [
  ['SELECT * FROM bids', () => bids],
  ['SELECT auction, price FROM bids', () => bids.select('auction', 'price')],
  ['SELECT auction AS a, price * 2 + 1 AS p FROM bids', () => bids.select((bid) => ({ a: bid.auction, p: bid.price.times(2).plus(1) }))],
  [
    "SELECT auction FROM bids WHERE price > 100 AND channel LIKE 'a%' AND (bidder = 1 OR NOT bidder <> 2)",
    () =>
      bids
        .where((bid) =>
          bid.price
            .gt(100)
            .and(bid.channel.like('a%'))
            .and(bid.bidder.eq(1).or(bid.bidder.ne(2).not())),
        )
        .select('auction'),
  ],
  [
    'SELECT auction FROM bids WHERE price > 100 AND bidder < 5',
    () =>
      bids
        .where((bid) => bid.price.gt(100))
        .filter((bid) => bid.bidder.lt(5))
        .select('auction'),
  ],
  [
    'SELECT price BETWEEN 1 AND 10 AS b, price NOT IN (1, 2) AS i, channel IS NULL AS n, channel IS NOT NULL AS nn, -price AS m, price - bidder / 3 AS d, MOD(price, 7) AS r FROM bids',
    () =>
      bids.select((bid) => ({
        b: bid.price.between(1, 10),
        i: bid.price.notIn(1, 2),
        n: bid.channel.isNull(),
        nn: bid.channel.isNotNull(),
        m: bid.price.negated(),
        d: bid.price.minus(bid.bidder.dividedBy(3)),
        r: fn.call('MOD', bid.price, 7),
      })),
  ],
  [
    "SELECT UPPER(channel) || 'x' AS u, TRIM(channel) AS t, SUBSTRING(channel FROM 2 FOR 3) AS s, CHAR_LENGTH(channel) AS l, COALESCE(channel, '') AS c FROM bids",
    () =>
      bids.select((bid) => ({
        u: bid.channel.upper().concat('x'),
        t: bid.channel.trim(),
        s: bid.channel.substring(2, 3),
        l: bid.channel.charLength(),
        c: bid.channel.ifNull(''),
      })),
  ],
  [
    'SELECT CAST(price AS STRING) AS s, TRY_CAST(channel AS INT) AS i, item.name AS n, tags[1] AS f, EXTRACT(HOUR FROM ts) AS h, FLOOR(ts TO DAY) AS d FROM bids',
    () =>
      bids.select((bid) => ({
        s: bid.price.cast(t.string()),
        i: bid.channel.tryCast(t.int()),
        n: bid.item.field('name'),
        f: bid.tags.at(1),
        h: bid.ts.extract('HOUR'),
        d: bid.ts.floor('DAY'),
      })),
  ],
  [
    "SELECT CASE WHEN price > 10 THEN 'dear' ELSE 'cheap' END AS c, 0.908 * price AS e, 1.5E0 AS d, TRUE AS b, x'0aff' AS x, ts + INTERVAL '10' SECOND AS l, DATE '2020-02-29' AS d2, TIMESTAMP '2020-01-01 00:00:00.123' AS at2 FROM bids",
    () =>
      bids.select((bid) => ({
        c: fn.ifThenElse(bid.price.gt(10), 'dear', 'cheap'),
        e: fn.lit(Decimal.parse('0.908')).times(bid.price),
        d: 1.5,
        b: true,
        x: new Uint8Array([0x0a, 0xff]),
        l: bid.ts.plus(fn.interval(10_000)),
        d2: fn.lit(Date.UTC(2020, 1, 29) / 86_400_000, t.date()),
        at2: fn.lit(Date.UTC(2020, 0, 1) + 123, t.timestamp(3)),
      })),
  ],
  ['SELECT DISTINCT channel FROM bids', () => bids.select('channel').distinct()],
  [
    'SELECT auction, COUNT(*) AS n, COUNT(DISTINCT bidder) AS d, SUM(price) FILTER (WHERE price > 5) AS s, MAX(price) AS m FROM bids GROUP BY auction',
    () =>
      bids.groupBy('auction').aggregate((bid) => ({
        n: fn.count(),
        d: bid.bidder.count().distinct(),
        s: bid.price.sum().filter(bid.price.gt(5)),
        m: bid.price.max(),
      })),
  ],
  [
    'SELECT UPPER(channel) AS c, AVG(price) AS a FROM bids WHERE bidder > 3 GROUP BY UPPER(channel) HAVING COUNT(*) > 10',
    () =>
      bids
        .where((bid) => bid.bidder.gt(3))
        .groupBy((bid) => ({ c: bid.channel.upper() }))
        .having(() => fn.count().gt(10))
        .aggregate((bid) => ({ a: bid.price.avg() })),
  ],
  ['SELECT COUNT(*) AS n, MIN(price) AS m FROM bids', () => bids.aggregate((bid) => ({ n: fn.count(), m: bid.price.min() }))],
  [
    'SELECT a, n + 1 AS n FROM (SELECT auction AS a, COUNT(*) AS n FROM bids GROUP BY auction) WHERE n > 5',
    () =>
      bids
        .groupBy((bid) => ({ a: bid.auction }))
        .aggregate(() => ({ n: fn.count() }))
        .where((group) => group.n.gt(5))
        .select((group) => ({ a: group.a, n: group.n.plus(1) })),
  ],
  [
    "SELECT window_start, window_end, auction, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' MINUTE)) GROUP BY window_start, window_end, auction",
    () =>
      bids
        .window(Tumble.over(minutes(10)).on('ts'))
        .groupBy('window_start', 'window_end', 'auction')
        .aggregate(() => ({ n: fn.count() })),
  ],
  [
    "SELECT window_end, SUM(price) AS s FROM TABLE(HOP(TABLE bids, DESCRIPTOR(ts), INTERVAL '1' MINUTE, INTERVAL '10' MINUTE, INTERVAL '5' SECOND)) GROUP BY window_start, window_end",
    () =>
      bids
        .window(Hop.over(minutes(10)).every(minutes(1)).offset(seconds(5)).on('ts'))
        .groupBy('window_start', 'window_end')
        .select((bid) => ({ window_end: bid.window_end, s: bid.price.sum() })),
  ],
  [
    "SELECT window_end, COUNT(*) AS n FROM TABLE(CUMULATE(TABLE bids, DESCRIPTOR(ts), INTERVAL '1' HOUR, INTERVAL '1' DAY)) GROUP BY window_start, window_end",
    () =>
      bids
        .window(Cumulate.over(days(1)).every(hours(1)).on('ts'))
        .groupBy('window_start', 'window_end')
        .select((bid) => ({ window_end: bid.window_end, n: fn.count() })),
  ],
  [
    "SELECT bidder, window_start, COUNT(*) AS n FROM TABLE(SESSION(TABLE bids PARTITION BY bidder, DESCRIPTOR(ts), INTERVAL '5' MINUTE)) GROUP BY bidder, window_start, window_end",
    () =>
      bids
        .window(Session.withGap(minutes(5)).on('ts', 'bidder'))
        .groupBy('bidder', 'window_start', 'window_end')
        .select((bid) => ({ bidder: bid.bidder, window_start: bid.window_start, n: fn.count() })),
  ],
  [
    'SELECT b.price AS price, a.category AS c FROM bids AS b JOIN auctions AS a ON b.auction = a.id WHERE b.price > 10',
    () =>
      bids
        .join(auctions, (bid, auction) => bid.auction.eq(auction.id))
        .where((row) => row.price.gt(10))
        .select((row) => ({ price: row.price, c: row.category })),
  ],
  [
    "SELECT b.price AS price, a.category AS c FROM bids AS b LEFT JOIN auctions AS a ON b.auction = a.id AND b.ts BETWEEN a.opened AND a.opened + INTERVAL '1' HOUR",
    () =>
      bids.leftJoin(
        auctions,
        (bid, auction) => bid.auction.eq(auction.id).and(bid.ts.between(auction.opened, auction.opened.plus(fn.interval(hours(1))))),
        (bid, auction) => ({ price: bid.price, c: auction.category }),
      ),
  ],
  [
    'SELECT b.auction, a.seller, p.name FROM bids AS b JOIN auctions AS a ON b.auction = a.id RIGHT JOIN people AS p ON a.seller = p.person',
    () =>
      bids
        .join(auctions, (bid, auction) => bid.auction.eq(auction.id))
        .rightJoin(people, (row, person) => row.seller.eq(person.person))
        .select('auction', 'seller', 'name'),
  ],
  [
    'SELECT l.price AS low, r.price AS high FROM bids AS l FULL JOIN bids AS r ON l.auction = r.auction AND l.price < r.price',
    () =>
      bids.fullJoin(
        bids,
        (left, right) => left.auction.eq(right.auction).and(left.price.lt(right.price)),
        (left, right) => ({ low: left.price, high: right.price }),
      ),
  ],
  [
    'SELECT b.price AS price, r.rate AS rate FROM bids AS b JOIN rates FOR SYSTEM_TIME AS OF b.ts AS r ON b.channel = r.currency',
    () =>
      bids.joinAsOf(
        rates,
        'ts',
        (bid, rate) => bid.channel.eq(rate.currency),
        (bid, rate) => ({ price: bid.price, rate: rate.rate }),
      ),
  ],
  [
    'SELECT b.auction, p.city FROM (SELECT auction, bidder, PROCTIME() AS now FROM bids) AS b LEFT JOIN cities FOR SYSTEM_TIME AS OF b.now AS p ON b.bidder = p.person',
    () =>
      bids
        .select((bid) => ({ auction: bid.auction, bidder: bid.bidder, now: fn.call('PROCTIME') }))
        .leftJoinAsOf(cities, 'now', (bid, city) => bid.bidder.eq(city.person))
        .select('auction', 'city'),
  ],
  [
    'SELECT a.tag AS tag, COUNT(*) AS n FROM (SELECT tag FROM bids CROSS JOIN UNNEST(tags) AS t (tag) WHERE price > 1) AS a GROUP BY a.tag',
    () =>
      bids
        .unnest((bid) => bid.tags, 'tag')
        .where((row) => row.price.gt(1))
        .select('tag')
        .groupBy('tag')
        .select((row) => ({ tag: row.tag, n: fn.count() })),
  ],
  [
    'SELECT auction, k, v FROM (SELECT * FROM bids WHERE price > 1) AS b LEFT JOIN UNNEST(points) AS t (k, v) ON TRUE',
    () =>
      bids
        .where((bid) => bid.price.gt(1))
        .leftUnnest((bid) => bid.points, 'k', 'v')
        .select('auction', 'k', 'v'),
  ],
  ['SELECT auction FROM bids UNION ALL SELECT id FROM auctions', () => bids.select('auction').unionAll(auctions.select('id'))],
  ['SELECT auction FROM bids UNION SELECT id FROM auctions', () => bids.select('auction').union(auctions.select('id'))],
  ['SELECT auction FROM bids INTERSECT ALL SELECT id FROM auctions', () => bids.select('auction').intersectAll(auctions.select('id'))],
  ['SELECT auction FROM bids INTERSECT SELECT id FROM auctions', () => bids.select('auction').intersect(auctions.select('id'))],
  ['SELECT auction FROM bids EXCEPT SELECT id FROM auctions', () => bids.select('auction').minus(auctions.select('id'))],
  ['SELECT auction FROM bids EXCEPT ALL SELECT id FROM auctions', () => bids.select('auction').minusAll(auctions.select('id'))],
  ['SELECT * FROM bids ORDER BY ts', () => bids.orderBy('ts')],
  ['SELECT * FROM bids ORDER BY price DESC NULLS LAST, auction LIMIT 10', () => bids.orderBy((bid) => [bid.price.desc().nullsLast(), bid.auction]).limit(10)],
  ['SELECT * FROM bids ORDER BY price LIMIT 10 OFFSET 5', () => bids.orderBy('price').offset(5).fetch(10)],
  ['SELECT * FROM bids ORDER BY price LIMIT 10 OFFSET 5', () => bids.orderBy('price').limit(10, 5)],
  [
    'SELECT auction, SUM(price) OVER (PARTITION BY bidder, channel ORDER BY ts ROWS BETWEEN 3 PRECEDING AND CURRENT ROW) AS s FROM bids',
    () =>
      bids.select((bid) => ({
        auction: bid.auction,
        s: bid.price.sum().over({ partitionBy: [bid.bidder, bid.channel], orderBy: bid.ts, rows: { preceding: 3 } }),
      })),
  ],
  [
    "SELECT auction, COUNT(*) OVER (ORDER BY ts RANGE BETWEEN INTERVAL '10' SECOND PRECEDING AND CURRENT ROW) AS n, MAX(price) OVER (ORDER BY ts RANGE BETWEEN INTERVAL '10' SECOND PRECEDING AND CURRENT ROW) AS m FROM bids",
    () =>
      bids.select((bid) => ({
        auction: bid.auction,
        n: fn.count().over({ orderBy: bid.ts, range: { preceding: 10_000 } }),
        m: bid.price.max().over({ orderBy: bid.ts, range: { preceding: 10_000 } }),
      })),
  ],
  [
    'SELECT auction, price FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY channel ORDER BY price DESC) AS r FROM bids) WHERE r <= 3',
    () =>
      bids
        .addColumns((bid) => ({ r: fn.rowNumber().over({ partitionBy: bid.channel, orderBy: bid.price.desc() }) }))
        .where((bid) => bid.r.le(3))
        .select('auction', 'price'),
  ],
  ['SELECT *, price * 2 AS twice FROM bids', () => bids.addColumns((bid) => ({ twice: bid.price.times(2) }))],
  ['SELECT id, seller, reserve, opened FROM auctions', () => auctions.dropColumns('category')],
  ['SELECT id AS auction, seller, category AS kind, reserve, opened FROM auctions', () => auctions.rename({ id: 'auction', category: 'kind' })],
  ['SELECT person AS a, name AS b, city AS c FROM people', () => people.as('a', 'b', 'c')],
]

test.each(PAIRS)('%s', (query, table) => {
  expect(table().explain('CHANGELOG_MODE')).toBe(tables.sqlQuery(query).explain('CHANGELOG_MODE'))
})

/** An expression in both languages. */
interface Pair {
  readonly text: string
  readonly of: (bid: Columns<AnyRow>) => AnyExpression
}

type AnyExpression = Readonly<Record<string, (...operands: readonly unknown[]) => AnyExpression>>

const expressionOf = (expression: unknown): AnyExpression => expression as AnyExpression
const column = (name: string): Pair => ({ text: name, of: (bid) => expressionOf(bid[name]) })
const joined =
  (operators: Readonly<Record<string, string>>) =>
  ([left, right, symbol]: readonly [Pair, Pair, string]): Pair => ({
    text: `(${left.text}) ${symbol} (${right.text})`,
    of: (bid) => left.of(bid)[operators[symbol]](right.of(bid)),
  })
const SUMS = { '+': 'plus', '-': 'minus', '*': 'times', '/': 'dividedBy' }
const COMPARISONS = { '=': 'eq', '<>': 'ne', '<': 'lt', '<=': 'le', '>': 'gt', '>=': 'ge', 'IS DISTINCT FROM': 'isDistinctFrom' }
const LOGIC = { AND: 'and', OR: 'or' }
const symbolsOf = (operators: Readonly<Record<string, string>>) => fc.constantFrom(...Object.keys(operators))

/** Numbers, texts and conditions of any depth. */
const { condition } = fc.letrec<{ number: Pair; text: Pair; condition: Pair }>((tie) => ({
  number: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(column('price'), column('bidder')),
    fc.integer({ min: 0, max: 99 }).map((value): Pair => ({ text: String(value), of: () => expressionOf(fn.lit(value)) })),
    fc.tuple(tie('number'), tie('number'), symbolsOf(SUMS)).map(joined(SUMS)),
    tie('text').map(({ text, of }): Pair => ({ text: `CHAR_LENGTH(${text})`, of: (bid) => of(bid).charLength() })),
    fc.tuple(tie('condition'), tie('number'), tie('number')).map(([when, one, other]): Pair => ({
      text: `CASE WHEN ${when.text} THEN ${one.text} ELSE ${other.text} END`,
      of: (bid) => expressionOf(fn.ifThenElse(when.of(bid) as never, one.of(bid), other.of(bid))),
    })),
  ),
  text: fc.oneof(
    { maxDepth: 3 },
    fc.constant(column('channel')),
    fc.constantFrom("it's", 'a', '').map((value): Pair => ({ text: `'${value.replaceAll("'", "''")}'`, of: () => expressionOf(fn.lit(value)) })),
    fc.tuple(tie('text'), tie('text'), fc.constant('||')).map(joined({ '||': 'concat' })),
    tie('text').map(({ text, of }): Pair => ({ text: `LOWER(${text})`, of: (bid) => of(bid).lower() })),
  ),
  condition: fc.oneof(
    { maxDepth: 4 },
    fc.tuple(tie('number'), tie('number'), symbolsOf(COMPARISONS)).map(joined(COMPARISONS)),
    fc.tuple(tie('text'), tie('text'), symbolsOf(COMPARISONS)).map(joined(COMPARISONS)),
    fc.tuple(tie('condition'), tie('condition'), symbolsOf(LOGIC)).map(joined(LOGIC)),
    tie('condition').map(({ text, of }): Pair => ({ text: `NOT (${text})`, of: (bid) => of(bid).not() })),
    tie('text').map(({ text, of }): Pair => ({ text: `(${text}) IS NULL`, of: (bid) => of(bid).isNull() })),
    fc.tuple(tie('number'), tie('number'), tie('number')).map(([value, low, high]): Pair => ({
      text: `(${value.text}) NOT BETWEEN (${low.text}) AND (${high.text})`,
      of: (bid) => value.of(bid).notBetween(low.of(bid), high.of(bid)),
    })),
  ),
}))

test('any condition', () => {
  fc.assert(
    fc.property(condition, ({ text, of }) => {
      const table = bids.where((bid) => of(bid) as never).select((bid) => ({ holds: of(bid) }))
      expect(table.explain()).toBe(tables.sqlQuery(`SELECT ${text} AS holds FROM bids WHERE ${text}`).explain())
    }),
    { numRuns: 150 },
  )
})
