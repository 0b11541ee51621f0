// The queries of the Nexmark benchmark over three data sets: a real Flink's rows at parallelism 1 and 2, and again when the job is thrown away in
// the middle and goes on from a checkpoint, with as many workers or with another number. q6, q12 and q13, which Flink does not answer here, are held
// against what a few lines compute of the events.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { afterAll, describe, expect, test } from 'vitest'
import { VirtualClock } from '../../src/base/clock.ts'
import { formatType } from '../../src/batch/types.ts'
import { writeNexmarkFile } from '../../src/connector/nexmark/nexmark-file.ts'
import { folded } from '../fixtures/answers.ts'
import { nexmarkVerdict, sum } from '../fixtures/nexmark-answers.ts'
import { type Outcome, QueryJob, runThrough } from '../fixtures/query-job.ts'

const FOLDER = fileURLToPath(new URL('../nexmark', import.meta.url))
const DATA_SETS = ['dense', 'sparse', 'late']
const QUERIES = readdirSync(FOLDER)
  .flatMap((file) => /^(q.*)\.sql$/.exec(file)?.[1] ?? [])
  .sort((left, right) => left.localeCompare(right, 'en', { numeric: true }))
/** Those whose operators keep state. */
const STATEFUL = ['q3', 'q4', 'q5', 'q7', 'q8', 'q9', 'q11', 'q11-legacy', 'q15', 'q16', 'q17', 'q18', 'q19', 'q20']
/** How many workers a job has before its first crash, behind it, and so on. */
const CRASHES = [
  [1, 1, 2],
  [2, 1],
]
/** So many rows are read between two crashes. */
const ROWS_BETWEEN_CRASHES = 700
/** Small, so that a checkpoint finds rows everywhere. */
const BATCH_ROWS = 64
/** Rings with room for a few rows: others wait in front of them. */
const NARROW = new Map([['millrace.channel.memory-max', '4096']])

const scratch = mkdtempSync(join(tmpdir(), 'nexmark-'))
afterAll(() => rmSync(scratch, { recursive: true }))

function textOf(file: string): string {
  return readFileSync(join(FOLDER, file), 'utf8')
}

/** A query over the events of a file. */
function scriptOf(query: string, events: string): string {
  return `${textOf('ddl.sql').replaceAll('${EVENTS}', events)}\n${query}`
}

function eventsOf(dataSet: string): string {
  return join(FOLDER, `${dataSet}.jsonl.gz`)
}

function throughCrashes(script: string, parallelisms: readonly number[]): Outcome {
  return runThrough(script, parallelisms, ROWS_BETWEEN_CRASHES, { batchRowsMax: BATCH_ROWS })
}

// ---- comparing ----

function verdict(name: string, outcome: Outcome): string {
  return nexmarkVerdict(FOLDER, name, outcome)
}

describe.each(DATA_SETS)('%s', (dataSet) => {
  test.each(QUERIES)('%s answers as Flink does, at parallelism 1 and 2', (query) => {
    const script = scriptOf(textOf(`${query}.sql`), eventsOf(dataSet))
    expect([1, 2].map((parallelism) => verdict(`${dataSet}/${query}`, new QueryJob(script, { parallelism }).run()))).toEqual(['', ''])
  })

  test.each(STATEFUL)('%s goes on from checkpoints', (query) => {
    const script = scriptOf(textOf(`${query}.sql`), eventsOf(dataSet))
    expect(CRASHES.map((parallelisms) => verdict(`${dataSet}/${query}`, throughCrashes(script, parallelisms)))).toEqual(CRASHES.map(() => ''))
  })
})

/** Those whose rows do not depend on which of two events that are read side by side comes first. */
const UNORDERED = STATEFUL.filter((query) => query !== 'q18' && query !== 'q19')

test.each(['dense', 'sparse'])('two sources that read half of the events each give the same rows: %s', (dataSet) => {
  const folder = join(scratch, dataSet)
  mkdirSync(folder)
  const lines = gunzipSync(readFileSync(eventsOf(dataSet)))
    .toString()
    .trimEnd()
    .split('\n')
  for (const half of [0, 1])
    writeFileSync(
      join(folder, `${half}.jsonl`),
      lines
        .filter((_, index) => index % 2 === half)
        .map((line) => `${line}\n`)
        .join(''),
    )
  const wrong = UNORDERED.flatMap((query) => {
    const script = scriptOf(textOf(`${query}.sql`), folder)
    const found = verdict(`${dataSet}/${query}`, new QueryJob(script, { parallelism: 2, batchRowsMax: BATCH_ROWS }).run())
    const restored = verdict(`${dataSet}/${query}`, throughCrashes(script, [2, 2]))
    return found === '' && restored === '' ? [] : [`${query}: ${found}; restored: ${restored}`]
  })
  expect(wrong).toEqual([])
})

test.each(QUERIES)('%s gives the same rows from the generator as from the file that it writes', (query) => {
  const path = join(scratch, 'generated.jsonl')
  const options = { eventCount: 2000, eventRate: 100, disorderMs: 6000, seed: 7 }
  if (!existsSync(path)) writeNexmarkFile(path, options)
  const fromFile = scriptOf(textOf(`${query}.sql`), path)
  const table = `'connector' = 'nexmark', 'events.num' = '2000', 'first-event.rate' = '100', 'millrace.disorder' = '6 s', 'millrace.seed' = '7'`
  const generated = fromFile.replace(/WITH \('connector' = 'filesystem'[^)]*\)/, `WITH (${table})`)
  expect(generated).not.toBe(fromFile)
  const expected = linesOf(new QueryJob(fromFile).run())
  expect(expected.length).toBeGreaterThan(0)
  expect(linesOf(new QueryJob(generated).run())).toEqual(expected)
})

// ---- the queries without an answer of Flink ----

interface Auction {
  readonly id: number
  readonly seller: number
  readonly dateTime: string
  readonly expires: string
}

interface Bid {
  readonly auction: number
  readonly bidder: number
  readonly price: number
  readonly dateTime: string
}

/** The events of a data set in their order. */
function readEvents(dataSet: string): { readonly auctions: readonly Auction[]; readonly bids: readonly Bid[] } {
  const lines = gunzipSync(readFileSync(eventsOf(dataSet)))
    .toString()
    .trimEnd()
    .split('\n')
  const events = lines.map((line) => JSON.parse(line) as { readonly auction: Auction | null; readonly bid: Bid | null })
  return { auctions: events.flatMap(({ auction }) => auction ?? []), bids: events.flatMap(({ bid }) => bid ?? []) }
}

/** The rows that changes leave, as lines in the order of their texts. */
function linesOf({ columns, changelog }: Outcome): string[] {
  const rows = folded(
    changelog,
    columns.map(({ type }) => formatType(type)),
  )
  return [...rows].flatMap(([line, times]) => Array.from({ length: times }, () => line)).sort()
}

/** By seller the final prices of its auctions, those that closed first first. */
function finalPrices(dataSet: string): Map<number, number[]> {
  const { auctions, bids } = readEvents(dataSet)
  const prices = new Map<number, number[]>()
  const byClosing = [...auctions].sort((left, right) => (left.expires < right.expires ? -1 : left.expires > right.expires ? 1 : left.id - right.id))
  for (const { id, seller, dateTime, expires } of byClosing) {
    const own = bids.filter((bid) => bid.auction === id && bid.dateTime >= dateTime && bid.dateTime <= expires)
    if (own.length > 0) prices.set(seller, [...(prices.get(seller) ?? []), Math.max(...own.map(({ price }) => price))])
  }
  return prices
}

function meanOfLast(prices: readonly number[]): number {
  const last = prices.slice(-11)
  return Math.trunc(sum(last) / last.length)
}

const WINNING = `SELECT a.id, a.seller, a.expires, MAX(b.price) AS final
  FROM auction AS a JOIN bid AS b ON a.id = b.auction AND b.\`dateTime\` BETWEEN a.\`dateTime\` AND a.expires
  GROUP BY a.id, a.seller, a.expires`
/** As long as rows come, the last eleven are a rank, since OVER takes no rows that change. */
const Q6 = `SELECT seller, AVG(final) AS avg_final
FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY seller ORDER BY expires DESC, id DESC) AS place FROM (${WINNING}) AS winning) AS ranked
WHERE place <= 11 GROUP BY seller`
const Q6_OVER = `SELECT seller, AVG(final) OVER (PARTITION BY seller ORDER BY expires, id ROWS BETWEEN 10 PRECEDING AND CURRENT ROW) AS avg_final
FROM (${WINNING}) AS winning`

test.each(DATA_SETS)('q6 gives for each seller the mean final price of its last eleven auctions: %s', (dataSet) => {
  const script = scriptOf(Q6, eventsOf(dataSet))
  const expected = [...finalPrices(dataSet)].map(([seller, prices]) => `${seller} | ${meanOfLast(prices)}`).sort()
  expect(expected.length).toBeGreaterThan(5)
  for (const parallelism of [1, 2]) expect(linesOf(new QueryJob(script, { parallelism }).run())).toEqual(expected)
  for (const parallelisms of CRASHES) expect(linesOf(throughCrashes(script, parallelisms))).toEqual(expected)
})

test.each(DATA_SETS)('q6 as OVER in batch mode gives the mean at each auction: %s', (dataSet) => {
  const expected = [...finalPrices(dataSet)].flatMap(([seller, prices]) => prices.map((_, index) => `${seller} | ${meanOfLast(prices.slice(0, index + 1))}`))
  for (const parallelism of [1, 2])
    expect(linesOf(new QueryJob(scriptOf(Q6_OVER, eventsOf(dataSet)), { parallelism, isBatch: true }).run())).toEqual(expected.sort())
})

test.each(DATA_SETS)('q13 gives each bid beside the row of a table of ten thousand: %s', (dataSet) => {
  const path = join(scratch, 'side.csv')
  writeFileSync(path, Array.from({ length: 10_000 }, (_, key) => `${key},value ${key * 7}\n`).join(''))
  const side = `CREATE TABLE side (key BIGINT, \`value\` STRING) WITH ('connector' = 'filesystem', 'path' = '${path}', 'format' = 'csv');`
  const query = 'SELECT b.auction, b.bidder, b.price, s.`value` FROM (SELECT *, MOD(auction, 10000) AS place FROM bid) AS b JOIN side AS s ON b.place = s.key'
  const script = scriptOf(`${side}\n${query}`, eventsOf(dataSet))
  const expected = readEvents(dataSet).bids.map(({ auction, bidder, price }) => `${auction} | ${bidder} | ${price} | "value ${(auction % 10_000) * 7}"`)
  for (const parallelism of [1, 2]) expect(linesOf(new QueryJob(script, { parallelism }).run())).toEqual(expected.sort())
  for (const parallelisms of CRASHES) expect(linesOf(throughCrashes(script, parallelisms))).toEqual(expected.sort())
})

const q12 = (windows: string): string => `CREATE VIEW timed AS SELECT bidder, PROCTIME() AS p FROM bid;
SELECT bidder, COUNT(*) AS bid_count, window_start, window_end
FROM TABLE(${windows})
GROUP BY bidder, window_start, window_end`

const TUMBLE = "TUMBLE(TABLE timed, DESCRIPTOR(p), INTERVAL '10' SECOND)"

/** Runs q12 while the clock goes forward with each step of a subtask, and says how many bids had been taken by then. */
function runOnTheClock(
  dataSet: string,
  timeZone: string,
  parallelism: number,
  windows: string,
): Outcome & { readonly taken: readonly (readonly [nowMs: number, bids: number])[] } {
  const clock = new VirtualClock(Date.parse('2026-01-01T00:00:03Z'))
  const script = scriptOf(`SET 'table.local-time-zone' = '${timeZone}';\n${q12(windows)}`, eventsOf(dataSet))
  const { executor, columns, changelog } = new QueryJob(script, { clock, parallelism, batchRowsMax: BATCH_ROWS, options: NARROW })
  const taken: (readonly [number, number])[] = []
  const subtasks = executor.workers.flatMap((worker) => worker.subtasks)
  while (!executor.hasEnded)
    for (const subtask of subtasks) {
      subtask.step()
      const operators = executor.metrics.read().tasks.flatMap((task) => task.operators)
      taken.push([clock.nowMs(), sum(operators.flatMap(({ name, rowsIn }) => (name === 'WindowAggregate' ? [rowsIn] : [])))])
      clock.advanceMs(900)
    }
  executor.close()
  return { columns, changelog, taken }
}

test.each([
  ['dense', 'UTC', 0],
  ['sparse', 'Asia/Kathmandu', 345],
])('q12 counts the bids of each bidder in ten seconds of the clock: %s, %s', (dataSet, timeZone, offsetMinutes) => {
  const { columns, changelog, taken } = runOnTheClock(dataSet, timeZone, 1, TUMBLE)
  const { bids } = readEvents(dataSet)
  const startOf = (nowMs: number): number => Math.floor(nowMs / 10_000) * 10_000
  const lastMs = startOf(taken.at(-1)![0])
  const counts = new Map<string, number>()
  const textOfTime = (ms: number): string => JSON.stringify(new Date(ms + offsetMinutes * 60_000).toISOString().slice(0, 19).replace('T', ' '))
  let before = 0
  for (const [nowMs, after] of taken) {
    const start = startOf(nowMs)
    const window = `${textOfTime(start)} | ${textOfTime(start + 10_000)}`
    // As in Flink, a window that is open when the input ends is never over.
    const counted = start < lastMs ? bids.slice(before, after) : []
    for (const { bidder } of counted) counts.set(`${bidder} | * | ${window}`, (counts.get(`${bidder} | * | ${window}`) ?? 0) + 1)
    before = after
  }
  expect(before).toBe(bids.length)
  expect(lastMs).toBeGreaterThan(startOf(taken[0][0]) + 20_000)
  const expected = [...counts].map(([line, count]) => line.replace('*', String(count)))
  expect(linesOf({ columns, changelog })).toEqual(expected.sort())
})

test.each([
  [TUMBLE],
  ["HOP(TABLE timed, DESCRIPTOR(p), INTERVAL '5' SECOND, INTERVAL '10' SECOND)"],
  ["CUMULATE(TABLE timed, DESCRIPTOR(p), INTERVAL '5' SECOND, INTERVAL '10' SECOND)"],
])('q12 counts bids that are on their way when a window ends in the next one, so that no bidder has two rows of a window: %s', (windows) => {
  const { changelog } = runOnTheClock('dense', 'UTC', 2, windows)
  const keys = changelog.map((change) => JSON.stringify(change.toSpliced(2, 1)))
  expect(keys.length).toBeGreaterThan(50)
  expect(keys.filter((key, index) => keys.indexOf(key) !== index)).toEqual([])
})

test('changes that come out of one subtask keep their order where UNION ALL brings rows of several along', () => {
  const query = `SELECT v, COUNT(*) AS n
    FROM (SELECT v + 1 AS v FROM (SELECT COUNT(*) AS v FROM bid UNION ALL SELECT auction AS v FROM bid) AS mixed) AS more
    GROUP BY v`
  const script = scriptOf(query, eventsOf('dense'))
  const expected = linesOf(new QueryJob(script).run())
  expect(expected.length).toBeGreaterThan(100)
  expect(linesOf(new QueryJob(script, { parallelism: 2, batchRowsMax: BATCH_ROWS, options: NARROW }).run())).toEqual(expected)
})
