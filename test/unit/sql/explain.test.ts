// EXPLAIN: what its plans show, and that what they say of changes holds when the query runs.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { asksForBatch, explainedRows, queryJob, runScript } from '../../../src/sql/runtime/run-script.ts'
import { SqlSession } from '../../../src/sql/session.ts'
import { SqlError } from '../../../src/sql/sql-error.ts'
import { parseScript } from '../../../src/sql/statement-parser.ts'

const TABLES = `
CREATE TABLE bids (bidder BIGINT, price BIGINT, channel STRING, item ROW<id BIGINT, name STRING>, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
WITH ('connector' = 'filesystem', 'path' = '/not/there.json', 'format' = 'json');
CREATE TABLE people (id BIGINT, city STRING, age INT, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'filesystem', 'path' = '/not/there.json', 'format' = 'debezium-json');
CREATE TABLE counts (channel STRING, n BIGINT, PRIMARY KEY (channel) NOT ENFORCED) WITH ('connector' = 'blackhole');
CREATE TABLE changes (channel STRING, n BIGINT) WITH ('connector' = 'blackhole');
CREATE TABLE files (channel STRING) WITH ('connector' = 'filesystem', 'path' = '/not/there/', 'format' = 'json');
`

/** What the last statement answers. */
function answerOf(sql: string, parallelism?: number): string {
  const text = TABLES + sql
  const rows: unknown[] = []
  runScript(text, { columns: ([column]) => expect(column.name).toBe('result'), change: (_, row) => rows.push(...row) }, { log() {}, parallelism })
  expect(rows.length).toBe(1)
  return rows[0] as string
}

/** The trees under a heading. */
function section(answer: string, heading: string): string {
  return answer.split(`== ${heading} ==\n`)[1].split('\n\n==')[0].trim()
}

const physical = (sql: string, details = 'CHANGELOG_MODE'): string => section(answerOf(`EXPLAIN ${details} ${sql}`), 'Physical Plan')

/** The line that begins so. */
function lineOf(sql: string, beginning: string): string {
  return physical(sql)
    .split('\n')
    .find((line) => line.trim().startsWith(`+- ${beginning}`))!
}

describe('plans', () => {
  test('of a query', () => {
    const sql = "SELECT UPPER(channel) AS c, COUNT(*) AS n FROM bids WHERE price > 100 AND channel LIKE 'a%' GROUP BY UPPER(channel)"
    expect(answerOf(`EXPLAIN ${sql}`)).toBe(`== Logical Plan ==
Project(select=[$0 AS c, $1 AS n])
+- Aggregate(groupBy=[UPPER(channel)], select=[UPPER(channel) AS $0, COUNT(*) AS $1])
   +- Filter(where=[((price > 100) AND (channel LIKE 'a%'))])
      +- Scan(table=[default_catalog.default_database.bids], fields=[bidder, price, channel, item, ts])

== Physical Plan ==
Sink: Collect(fields=[c, n])
+- Calc(select=[$0 AS c, $1 AS n], upsertKeys=[c])
   +- GroupAggregate(groupBy=[UPPER(channel)], select=[UPPER(channel) AS $0, COUNT(*) AS $1], upsertKeys=[$0])
      +- Exchange(distribution=[hash($f0)])
         +- LocalGroupAggregate(groupBy=[UPPER(channel)], select=[UPPER(channel) AS $f0, COUNT(*) AS count$0])
            +- Calc(select=[UPPER(channel) AS $f0, 1 AS count$0])
               +- Calc(select=[price, channel, ts], where=[((price > 100) AND (channel LIKE 'a%'))])
                  +- Watermarks(rowtime=[ts], watermark=[(ts - INTERVAL 'PT5S')])
                     +- Source: File(table=[default_catalog.default_database.bids], fields=[price, channel, ts], from=[/not/there.json as JSON lines, flink])
`)
    expect(answerOf(`EXPLAIN PLAN FOR ${sql}`)).toBe(answerOf(`EXPLAIN ${sql}`))
  })

  test('of a statement set: what several read is made once, and a table takes changes as its key allows', () => {
    const insert = (table: string): string => `INSERT INTO ${table} SELECT channel, COUNT(*) FROM bids GROUP BY channel;`
    const answer = answerOf(`EXPLAIN CHANGELOG_MODE STATEMENT SET BEGIN ${insert('counts')} ${insert('changes')} END`)
    expect(section(answer, 'Logical Plan')).toMatch(/^Sink\(table=\[default_catalog\.default_database\.counts\][^]*\n\nSink\(table=\[.*changes\]/)
    expect(section(answer, 'Physical Plan')).toBe(
      `
Sink: Blackhole(table=[default_catalog.default_database.counts], fields=[channel, n], to=[nothing is kept])
+- Write(fields=[channel, n], changelogMode=[I,UA])
   +- Upserts(changelogMode=[I,UA])
      +- Calc(select=[$0 AS channel, $1 AS n], upsertKeys=[channel], changelogMode=[I,UB,UA], reuse_id=[1])
         +- GroupAggregate(groupBy=[channel], select=[channel AS $0, COUNT(*) AS $1], upsertKeys=[$0], changelogMode=[I,UB,UA])
            +- Exchange(distribution=[hash(channel)], changelogMode=[I])
               +- LocalGroupAggregate(groupBy=[channel], select=[channel, COUNT(*) AS count$0], changelogMode=[I])
                  +- Calc(select=[channel, 1 AS count$0], changelogMode=[I])
                     +- Watermarks(rowtime=[ts], watermark=[(ts - INTERVAL 'PT5S')], changelogMode=[I])
                        +- Source: File(table=[default_catalog.default_database.bids], fields=[channel, ts], from=[/not/there.json as JSON lines, flink], changelogMode=[I])

Sink: Blackhole(table=[default_catalog.default_database.changes], fields=[channel, n], to=[nothing is kept])
+- Write(fields=[channel, n], changelogMode=[I,UB,UA])
   +- Reused(reference_id=[1])`.trimStart(),
    )
  })

  test('of a join of a table with itself: columns of one name are told apart', () => {
    expect(physical("SELECT a.price FROM bids a JOIN bids b ON a.bidder = b.bidder AND b.ts BETWEEN a.ts - INTERVAL '1' HOUR AND a.ts", '')).toBe(
      `
Sink: Collect(fields=[price])
+- Calc(select=[price])
   +- IntervalJoin(joinType=[INNER], where=[((bidder = bidder0) AND ((ts0 >= (ts - INTERVAL 'PT1H')) AND (ts0 <= ts)))], bounds=[-1 h to 0 ms around ts], select=[bidder, price, ts, bidder0, ts0])
      :- Exchange(distribution=[hash(bidder)])
      :  +- Watermarks(rowtime=[ts], watermark=[(ts - INTERVAL 'PT5S')], reuse_id=[1])
      :     +- Source: File(table=[default_catalog.default_database.bids], fields=[bidder, price, ts], from=[/not/there.json as JSON lines, flink])
      +- Exchange(distribution=[hash(bidder)])
         +- Calc(select=[bidder, ts])
            +- Reused(reference_id=[1])`.trimStart(),
    )
  })

  test('of a union: its streams stand one below the other', () => {
    expect(physical('SELECT a FROM (VALUES (1), (2)) AS t(a) UNION ALL SELECT CAST(bidder AS INT) FROM bids')).toMatch(
      /Union\(all=\[true\], changelogMode=\[I\]\)\n {3}:- Exchange\(distribution=\[single\][^]* {3}:.* Source: Values\(rows=\[\(1\), \(2\)\][^]*\n {3}\+- Calc/,
    )
  })

  test.each([
    [
      'windows that overlap are made of slices',
      "SELECT window_end, SUM(price) FROM TABLE(HOP(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND, INTERVAL '1' MINUTE)) GROUP BY window_start, window_end",
      'WindowAggregate(',
      'window=[HOP(size=1 min, slide=10 s)], of=[slices], changelogMode=[I])',
    ],
    [
      'the groups of sessions of the same keys are folded with these',
      "SELECT bidder, window_time, MAX(channel) FROM TABLE(SESSION(TABLE bids PARTITION BY bidder, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end, window_time, bidder",
      'WindowAggregate(',
      'window=[SESSION(gap=10 s)], of=[sessions], changelogMode=[I])',
    ],
    [
      'so are those of GROUP BY, also of expressions',
      "SELECT price + 1, COUNT(*) FROM bids GROUP BY price + 1, SESSION(ts, INTERVAL '10' SECOND)",
      'WindowAggregate(',
      'of=[sessions], changelogMode=[I])',
    ],
    [
      'so are those of all rows',
      "SELECT AVG(price) FROM TABLE(SESSION(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end",
      'WindowAggregate(',
      'of=[sessions], changelogMode=[I])',
    ],
    [
      'rows that are left out are of sessions too: groups come behind these',
      "SELECT COUNT(*) FROM (SELECT * FROM TABLE(SESSION(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND)) WHERE price > 1) GROUP BY window_start, window_end",
      'WindowAggregate(',
      'of=[windows], upsertKeys=',
    ],
    [
      'so do groups of different values',
      "SELECT COUNT(DISTINCT price) FROM bids GROUP BY bidder, SESSION(ts, INTERVAL '10' SECOND)",
      'WindowAggregate(',
      'of=[windows], upsertKeys=',
    ],
    [
      'the rows of another order change',
      'SELECT * FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY channel ORDER BY price DESC) AS rn FROM bids) WHERE rn <= 3',
      'Rank(',
      'rankRange=[1 to 3], partitionBy=[channel], orderBy=[price DESC], select=[bidder, price, channel, item, ts, $over0], rows=[only come], changelogMode=[I,UB,UA])',
    ],
    [
      'rows that others of their batch outrank are not sent',
      'SELECT * FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY channel ORDER BY price DESC) AS rn FROM bids) WHERE rn <= 3',
      'LocalRank(',
      'rankRange=[1 to 3], partitionBy=[channel], orderBy=[price DESC], of=[batches], changelogMode=[I])',
    ],
    [
      'rows of a batch that are of one group become one',
      'SELECT channel, AVG(price) FROM bids GROUP BY channel',
      'LocalGroupAggregate(',
      'groupBy=[channel], select=[channel, SUM(price) AS sum$0, COUNT(price) AS count$1], changelogMode=[I])',
    ],
    [
      'so do those of windows',
      "SELECT MAX(price) FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end",
      'LocalWindowAggregate(',
      '(select=[MAX(price) AS max$0], windows=[tumbling, 10000 ms], changelogMode=[I])',
    ],
    [
      'the last row by time is kept',
      'SELECT channel, price FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY channel ORDER BY ts DESC) AS rn FROM bids) WHERE rn = 1',
      'Deduplicate(',
      'keeps=[the last row], upsertKeys=[channel], changelogMode=[I,UB,UA])',
    ],
    ['an outer join takes rows back', 'SELECT * FROM bids a LEFT JOIN bids b ON a.price = b.bidder', 'Join(', 'changelogMode=[I,D])'],
    [
      'of the columns that are read the key is found',
      'SELECT id FROM people WHERE age > 17',
      'Calc(select=[id, ',
      'upsertKeys=[id], changelogMode=[I,UB,UA,D])',
    ],
    [
      'rows whose key is not read are told apart by nothing',
      'SELECT city FROM people ORDER BY city LIMIT 2',
      'Rank(',
      'orderBy=[city ASC], fetch=[2], rows=[change]',
    ],
    [
      'an order with a limit',
      'SELECT price FROM bids ORDER BY price DESC NULLS FIRST LIMIT 3',
      'Rank(',
      'orderBy=[price DESC NULLS FIRST], fetch=[3], rows=[only come], changelogMode=[I,UB,UA,D])',
    ],
    [
      'changes as rows',
      "SELECT * FROM TO_CHANGELOG(input => (SELECT channel, COUNT(*) AS n FROM bids GROUP BY channel), op_mapping => MAP['INSERT, UPDATE_AFTER', 'u', 'DELETE', 'd'])",
      'ToChangelog(',
      'op=[op], codes=[u=+I, u=+U, d=-D], select=[op, channel, n], changelogMode=[I])',
    ],
    [
      'rows as changes',
      "SELECT price FROM FROM_CHANGELOG(input => TABLE bids, op => DESCRIPTOR(channel), op_mapping => MAP['c, r', 'INSERT', 'd', 'DELETE'])",
      'FromChangelog(',
      'op=[channel], codes=[c=+I, r=+I, d=-D], select=[price], changelogMode=[I,UB,UA,D])',
    ],
    [
      'frames of OVER',
      'SELECT SUM(price) OVER (PARTITION BY channel ORDER BY ts ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) FROM bids',
      'OverAggregate(',
      'over=[PARTITION BY channel ORDER BY ts ASC ROWS BETWEEN 2 PRECEDING AND CURRENT ROW], select=[price, channel, ts, SUM(price) AS $over0], changelogMode=[I])',
    ],
    [
      'expressions of all kinds',
      "SELECT -price, NOT price > 1, item.name, channel IS NULL, DATE '2020-01-02', CASE WHEN price = 1 THEN 'a' END, TRY_CAST(channel AS INT), ARRAY[1, 2][1], X'0a', TRUE FROM bids",
      'Calc(',
      "select=[-price AS EXPR$0, NOT (price > 1) AS EXPR$1, item.name AS name, channel IS NULL AS EXPR$3, DATE '2020-01-02' AS EXPR$4, CASE WHEN (price = 1) THEN 'a' ELSE NULL END AS EXPR$5, TRY_CAST(channel AS INT) AS EXPR$6, ARRAY[1, 2][1] AS EXPR$7, x'0a' AS EXPR$8, TRUE AS EXPR$9], changelogMode=[I])",
    ],
  ])('%s', (_, sql, beginning, text) => {
    expect(lineOf(sql, beginning)).toContain(text)
  })
})

test('JSON_EXECUTION_PLAN has the transformations with their parallelism and how rows find their way', () => {
  const answer = answerOf('EXPLAIN JSON_EXECUTION_PLAN INSERT INTO changes SELECT channel, COUNT(*) FROM bids GROUP BY channel', 2)
  const { nodes } = JSON.parse(section(answer, 'Physical Execution Plan')) as { nodes: { type: string }[] }
  expect(nodes.map(({ type }) => type)).toEqual([
    ...['Source: File', 'Watermarks', 'Calc', 'LocalGroupAggregate', 'GroupAggregate', 'Calc', 'Write', 'Sink: Blackhole'],
  ])
  expect(nodes[4]).toEqual({
    id: 4,
    type: 'GroupAggregate',
    pact: 'Operator',
    contents: 'GroupAggregate(groupBy=[channel], select=[channel AS $0, COUNT(*) AS $1], upsertKeys=[$0])',
    parallelism: 2,
    predecessors: [{ id: 3, ship_strategy: 'HASH' }],
  })
  expect(nodes[7]).toMatchObject({ pact: 'Data Sink', parallelism: 2, predecessors: [{ id: 6, ship_strategy: 'FORWARD' }] })
})

describe('PLAN_ADVICE', () => {
  const advised = (sql: string): string => section(answerOf(sql), 'Physical Plan With Advice')
  const OFF = "SET 'table.exec.mini-batch.enabled' = 'false'; "
  const GROUPS = 'SELECT channel, SUM(price) FROM bids GROUP BY channel'

  test('says where changes of groups are told one by one', () => {
    const plan = advised(`${OFF}EXPLAIN PLAN_ADVICE ${GROUPS}`)
    expect(plan).toMatch(/GroupAggregate\(advice=\[1\], groupBy=\[channel\]/)
    expect(plan).toMatch(/\n\nadvice\[1\]: \[ADVICE\] You might want to leave 'table\.exec\.mini-batch\.enabled' out/)
    expect(advised(`EXPLAIN PLAN_ADVICE ${GROUPS}`)).toMatch(/\n\nNo available advice\.\.\.$/)
  })

  test.each([
    [
      'groups of it',
      'SELECT u, SUM(s) FROM (SELECT channel, SUM(price) AS s, UUID() AS u FROM bids GROUP BY channel) GROUP BY u',
      /UUID gives another value each time.*: GroupAggregate/,
    ],
    [
      'a table without a key',
      'INSERT INTO changes SELECT channel, n + RAND_INTEGER(5) FROM (SELECT channel, COUNT(*) AS n FROM bids GROUP BY channel)',
      /RAND_INTEGER gives another value.*: Blackhole/,
    ],
  ])('warns of values that change between an update and what takes it back: %s', (_, sql, warning) => {
    expect(advised(`EXPLAIN PLAN_ADVICE ${sql}`)).toMatch(warning)
  })

  test.each([
    ['a key', 'INSERT INTO counts SELECT channel, n + RAND_INTEGER(5) FROM (SELECT channel, COUNT(*) AS n FROM bids GROUP BY channel)'],
    ['rows that only come', 'SELECT u, COUNT(*) FROM (SELECT UUID() AS u FROM bids) GROUP BY u'],
  ])('does not warn of %s', (_, sql) => {
    expect(advised(`EXPLAIN PLAN_ADVICE ${sql}`)).toMatch(/No available advice/)
  })
})

describe('what is refused', () => {
  test.each([
    ['EXPLAIN ESTIMATED_COST SELECT 1', 'NOT_SUPPORTED', 9, 'EXPLAIN takes CHANGELOG_MODE, JSON_EXECUTION_PLAN and PLAN_ADVICE.'],
    ['EXPLAIN CHANGELOG_MODE, ESTIMATED_COST SELECT 1', 'NOT_SUPPORTED', 25, 'EXPLAIN takes CHANGELOG_MODE, JSON_EXECUTION_PLAN and PLAN_ADVICE.'],
    ['EXPLAIN CHANGELOG_MODE, CHANGELOG_MODE SELECT 1', 'DUPLICATE_DETAIL', 25, undefined],
    ['EXPLAIN CHANGELOG_MODE, SELECT 1', 'SYNTAX_ERROR', 25, undefined],
    ['EXPLAIN DROP TABLE counts', 'NOT_SUPPORTED', 9, undefined],
    ['EXPLAIN SELECT b FROM counts', 'UNKNOWN_COLUMN', 16, 'Did you mean n?'],
  ])('%s', (sql, code, column, hint) => {
    const error = thrown(() => answerOf(sql)) as SqlError
    expect(error).toBeInstanceOf(SqlError)
    expect([error.code, error.position.column, error.hint]).toEqual([code, column, hint])
  })

  test('what could not be planned', () => {
    expect(thrown(() => answerOf('EXPLAIN INSERT INTO files SELECT channel FROM counts GROUP BY channel HAVING COUNT(*) > 1'))).toMatchObject({
      code: 'NOT_A_SOURCE',
    })
    expect(thrown(() => answerOf('EXPLAIN INSERT INTO files SELECT city FROM people'))).toMatchObject({ code: 'SINK_TAKES_NO_CHANGES' })
  })
})

function thrown(run: () => unknown): unknown {
  try {
    return run()
  } catch (error) {
    return error
  }
}

const KINDS = ['I', 'UB', 'UA', 'D']
const GROUPS = ['answers', 'answers-own'].flatMap((folder) =>
  readdirSync(rootOf(folder), { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() && entry.name !== 'data' ? [[folder, entry.name] as const] : [],
  ),
)

function rootOf(folder: string): string {
  return fileURLToPath(new URL(`../../${folder}`, import.meta.url))
}

/** Runs a script's last query. @returns the kinds of changes that it brings though its changelog mode lacks them; undefined for no query */
function otherKinds(sql: string): readonly string[] | undefined {
  const session = new SqlSession()
  if (asksForBatch(sql)) session.options.set('execution.runtime-mode', 'batch')
  const results = parseScript(sql).map((statement) => session.execute(statement, sql))
  const last = results.at(-1)
  if (last?.kind !== 'query' || results.some(({ kind }) => kind === 'insert')) return undefined
  const kinds = new Set<number>()
  const { executor } = queryJob(last.plan, session, (kind) => kinds.add(kind), { log() {} })
  const { rows } = explainedRows({ kind: 'explain', of: last, details: new Set(['CHANGELOG_MODE']) }, session, { log() {} })
  const [, modes] = /Sink: Collect\(.*\n\+- .*changelogMode=\[([A-Z,]*)\]/.exec(rows[0][0] as string)!
  executor.runToEnd()
  return [...kinds].map((kind) => KINDS[kind]).filter((kind) => !modes.split(',').includes(kind))
}

let runs = 0

test.each(GROUPS)('%s/%s: queries bring no changes but those of their changelog mode', (folder, group) => {
  const wrong: string[] = []
  for (const file of readdirSync(join(rootOf(folder), group))) {
    if (!file.endsWith('.sql')) continue
    const sql = readFileSync(join(rootOf(folder), group, file), 'utf8').replaceAll('${DATA}', join(rootOf(folder), 'data'))
    try {
      const kinds = otherKinds(sql)
      if (kinds !== undefined) runs++
      if (kinds !== undefined && kinds.length > 0) wrong.push(`${file}: ${kinds.join(',')}`)
    } catch (error) {
      // Cases that are refused, or fail.
      if (!(error instanceof Error && 'code' in error)) throw error
    }
  }
  expect(wrong).toEqual([])
})

test('most cases are queries that run', () => {
  expect(runs).toBeGreaterThan(350)
})
