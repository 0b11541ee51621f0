// Rows that come too late, as a table of the statement set that holds the operator: the same rows however they are cut into batches and dealt out, and
// those that a few lines compute.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { Random } from '../../../src/base/random.ts'
import { runScript } from '../../../src/sql/runtime/run-script.ts'

const scratch = mkdtempSync(join(tmpdir(), 'late-rows-'))
afterAll(() => rmSync(scratch, { recursive: true }))

interface Event {
  readonly id: number
  readonly k: string
  readonly atMs: number
}

const START_MS = Date.UTC(2024, 0, 1)
const seeded = new Random(7)
const random = (): number => seeded.next()
const events: readonly Event[] = Array.from({ length: 600 }, (_, id) => ({
  id,
  k: `k${Math.floor(random() * 3)}`,
  // Forward by a second a row, now and then far back.
  atMs: START_MS + id * 1000 - (random() < 0.2 ? Math.floor(random() * 60_000) : 0),
}))
const sqlTime = (ms: number): string => new Date(ms).toISOString().slice(0, -1).replace('T', ' ')
writeFileSync(join(scratch, 'events.jsonl'), events.map(({ id, k, atMs }) => `${JSON.stringify({ id, k, ts: sqlTime(atMs) })}\n`).join(''))

const EVENTS = `CREATE TABLE events (id INT, k STRING, ts TIMESTAMP(3), twice AS id * 2, WATERMARK FOR ts AS ts)
  WITH ('connector' = 'filesystem', 'path' = '${join(scratch, 'events.jsonl')}', 'format' = 'json');`
const LATE = '(id INT, k STRING, ts TIMESTAMP(3), twice INT, operator STRING, `watermark` TIMESTAMP(3), lateness BIGINT)'

let tables = 0

/** The rows that a statement set writes into a table of these columns. */
function written(
  columns: string,
  late: string,
  query: string,
  settings = '',
  options: { readonly parallelism?: number } = {},
): readonly Record<string, unknown>[] {
  const folder = join(scratch, `table${tables++}`)
  const script = `${settings}${EVENTS}
    CREATE TABLE late ${columns} WITH ('connector' = 'filesystem', 'path' = '${folder}', 'format' = 'json');
    CREATE TABLE results (a STRING) WITH ('connector' = 'blackhole');
    EXECUTE STATEMENT SET BEGIN INSERT INTO late ${late}; INSERT INTO results ${query}; END;`
  runScript(script, { columns() {}, change() {} }, { log() {}, ...options })
  const lines = readdirSync(folder).flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n').filter(Boolean))
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>).toSorted((left, right) => (left['id'] as number) - (right['id'] as number))
}

/** Rows that are late for what is over at a time of theirs, behind the watermark of the rows in front of them. */
function lateFor(operator: string, doneAt: (event: Event, watermarkMs: number) => number): readonly Record<string, unknown>[] {
  let watermarkMs = 0
  return events.flatMap((event) => {
    const doneMs = doneAt(event, watermarkMs)
    const { id, k, atMs } = event
    const row = { id, k, ts: sqlTime(atMs), twice: id * 2, operator, watermark: sqlTime(watermarkMs), lateness: watermarkMs - doneMs }
    const isLate = doneMs <= watermarkMs
    watermarkMs = Math.max(watermarkMs, atMs)
    return isLate ? [row] : []
  })
}

const windowOf = (table: string, size: string): string =>
  `SELECT CAST(COUNT(*) AS STRING) FROM TABLE(${table}(TABLE events, DESCRIPTOR(ts), ${size})) GROUP BY k, window_start, window_end`
const step = (ms: number, size: number): number => Math.floor(ms / size) * size

describe.each([
  ['windows that follow each other', windowOf('TUMBLE', "INTERVAL '10' SECOND"), lateFor('WindowAggregate', ({ atMs }) => step(atMs, 10_000) + 9999)],
  ['windows that overlap', windowOf('HOP', "INTERVAL '5' SECOND, INTERVAL '20' SECOND"), lateFor('WindowAggregate', ({ atMs }) => step(atMs, 5000) + 19_999)],
  [
    'windows that grow',
    windowOf('CUMULATE', "INTERVAL '5' SECOND, INTERVAL '20' SECOND"),
    lateFor('WindowAggregate', ({ atMs }) => step(atMs, 20_000) + 19_999),
  ],
  [
    'windows of GROUP BY',
    "SELECT CAST(COUNT(*) AS STRING) FROM events GROUP BY k, TUMBLE(ts, INTERVAL '10' SECOND)",
    lateFor('WindowAggregate', ({ atMs }) => step(atMs, 10_000) + 9999),
  ],
  ['OVER', 'SELECT CAST(COUNT(*) OVER (PARTITION BY k ORDER BY ts) AS STRING) FROM events', lateFor('OverAggregate', ({ atMs }) => atMs)],
  [
    'the first row of a key',
    'SELECT k FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY id ORDER BY ts) AS n FROM events) WHERE n = 1',
    lateFor('Deduplicate', ({ atMs }) => atMs),
  ],
  [
    'the first rows of windows',
    `SELECT k FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY id) AS n
      FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND))) WHERE n <= 3`,
    lateFor('WindowRank', ({ atMs }) => step(atMs, 10_000) + 9999),
  ],
])('late for %s', (_name, query, expected) => {
  test('are the rows as they came, with the watermark and how late they are', () => {
    expect(expected.length).toBeGreaterThan(5)
    const inMs = (time: unknown): number => Date.parse(`${String(time)}Z`)
    const shown = (rows: readonly Record<string, unknown>[]): unknown[] =>
      rows.map((row) => ({ ...row, ts: inMs(row['ts']), watermark: inMs(row['watermark']) }))
    expect(shown(written(LATE, "SELECT * FROM late_rows('events')", query))).toEqual(shown(expected))
  })

  test('are the same row by row, and on several workers', () => {
    const ids = (settings: string, options = {}): unknown[] =>
      written(LATE, "SELECT * FROM late_rows('events') WHERE id >= 0", query, settings, options).map(({ id, lateness }) => [id, lateness])
    const whole = expected.map(({ id, lateness }) => [id, lateness])
    expect(ids("SET 'table.exec.mini-batch.enabled' = 'false';")).toEqual(whole)
    expect(ids('', { parallelism: 2, options: new Map([['millrace.channel.memory-max', '4096']]) })).toEqual(whole)
  })
})

test('of sessions are those that no session takes', () => {
  // Of each key the watermark that is behind the end of a session which the row would begin or extend.
  const sessions = new Map<string, { startMs: number; endMs: number }[]>()
  let watermarkMs = 0
  const late: number[] = []
  for (const { id, k, atMs } of events) {
    const open = (sessions.get(k) ?? []).filter(({ endMs }) => endMs - 1 > watermarkMs)
    const met = open.filter(({ startMs, endMs }) => startMs <= atMs + 5000 && endMs >= atMs)
    const merged = { startMs: Math.min(atMs, ...met.map(({ startMs }) => startMs)), endMs: Math.max(atMs + 5000, ...met.map(({ endMs }) => endMs)) }
    if (merged.endMs - 1 <= watermarkMs) late.push(id)
    else sessions.set(k, [...open.filter((session) => !met.includes(session)), merged])
    watermarkMs = Math.max(watermarkMs, atMs)
  }
  const query = `SELECT CAST(COUNT(*) AS STRING) FROM TABLE(SESSION(TABLE events PARTITION BY k, DESCRIPTOR(ts), INTERVAL '5' SECOND)) GROUP BY k, window_start, window_end`
  const rows = written(LATE, "SELECT * FROM late_rows('events')", query)
  expect(late.length).toBeGreaterThan(5)
  expect(rows.map(({ id, operator }) => [id, operator])).toEqual(late.map((id) => [id, 'Session']))
})

test('of windows that may be corrected are those behind their lateness', () => {
  const settings =
    "SET 'table.exec.emit.late-fire.enabled' = 'true'; SET 'table.exec.emit.late-fire.delay' = '0 s'; SET 'table.exec.emit.allow-lateness' = '15 s';"
  const query = "SELECT CAST(COUNT(*) AS STRING) FROM events GROUP BY k, TUMBLE(ts, INTERVAL '10' SECOND)"
  const rows = written('(id INT, lateness BIGINT)', "SELECT id, lateness FROM late_rows('events')", query, settings)
  const late = lateFor('', ({ atMs }) => step(atMs, 10_000) + 24_999)
  expect(late.length).toBeGreaterThan(5)
  expect(rows).toEqual(late.map(({ id, lateness }) => ({ id, lateness })))
})

test('of ORDER BY are those behind what was sent', () => {
  let waiting: number[] = []
  let sentMs = -Infinity
  const late = lateFor('', ({ atMs }, watermarkMs) => {
    const due = waiting.filter((ms) => ms <= watermarkMs)
    waiting = waiting.filter((ms) => ms > watermarkMs)
    sentMs = Math.max(sentMs, ...due)
    if (atMs > sentMs) waiting.push(atMs)
    return atMs > sentMs ? Infinity : atMs
  })
  expect(late.length).toBeGreaterThan(5)
  const query = 'SELECT CAST(id AS STRING) FROM events ORDER BY ts'
  const rows = written('(id INT, lateness BIGINT)', "SELECT CAST(id AS INT), lateness FROM late_rows('events') AS late(id, ts, operator, wm, lateness)", query)
  expect(rows).toEqual(late.map(({ id, lateness }) => ({ id, lateness })))
})

test('of a join of windows come from each side', () => {
  const late = lateFor('WindowJoin', ({ atMs }) => step(atMs, 10_000) + 9999)
  const windows = (table: string): string => `TABLE(TUMBLE(TABLE ${table}, DESCRIPTOR(ts), INTERVAL '10' SECOND))`
  const query = `SELECT l.k FROM ${windows('events')} l JOIN ${windows('events')} r ON l.id = r.id AND l.window_start = r.window_start AND l.window_end = r.window_end`
  const rows = written(
    '(id INT, lateness BIGINT)',
    "SELECT id, lateness FROM late_rows('events', 'WindowJoin')",
    query,
    "SET 'table.exec.mini-batch.enabled' = 'false';",
  )
  expect(rows).toEqual(
    late.flatMap(({ id, lateness }) => [
      { id, lateness },
      { id, lateness },
    ]),
  )
})

/** What a statement set is refused with. */
function refusal(...inserts: readonly string[]): { readonly code: string; readonly message: string; readonly hint: string } {
  const script = `${EVENTS} CREATE TABLE sums (k STRING, n BIGINT) WITH ('connector' = 'blackhole'); CREATE TABLE overs (k STRING, n BIGINT) WITH ('connector' = 'blackhole');
    CREATE TABLE late (k STRING) WITH ('connector' = 'blackhole');
    ${inserts.length === 1 ? inserts[0] : `EXECUTE STATEMENT SET BEGIN ${inserts.map((insert) => `${insert};`).join(' ')} END;`}`
  try {
    runScript(script, { columns() {}, change() {} }, { log() {} })
  } catch (error) {
    const { code, message, hint } = error as { readonly code: string; readonly message: string; readonly hint: string }
    return { code, message: message.split(', line')[0], hint }
  }
  throw new Error('It ran')
}

const SUMS = "INSERT INTO sums SELECT k, COUNT(*) FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY k, window_start, window_end"
const OVERS = 'INSERT INTO overs SELECT k, COUNT(*) OVER (PARTITION BY k ORDER BY ts) FROM (SELECT k, ts FROM events)'

describe('a name', () => {
  const idsOf = (late: string, others: readonly string[], views = ''): unknown[] => {
    const folder = join(scratch, `table${tables++}`)
    const script = `${EVENTS} CREATE TABLE late (id INT, operator STRING) WITH ('connector' = 'filesystem', 'path' = '${folder}', 'format' = 'json');
      CREATE TABLE sums (k STRING, n BIGINT) WITH ('connector' = 'blackhole'); CREATE TABLE others (k STRING, n BIGINT) WITH ('connector' = 'blackhole'); ${views}
      EXECUTE STATEMENT SET BEGIN ${others.map((insert) => `${insert};`).join(' ')} INSERT INTO late SELECT id, operator FROM ${late}; END;`
    runScript(script, { columns() {}, change() {} }, { log() {} })
    const lines = readdirSync(folder).flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n').filter(Boolean))
    return lines.map((line) => (JSON.parse(line) as { readonly id: number }).id).toSorted((left, right) => left - right)
  }
  const late = lateFor('', ({ atMs }) => step(atMs, 10_000) + 9999).map(({ id }) => id)

  test('is that of a table that is read, or of one that an INSERT writes', () => {
    for (const name of ['events', 'sums', 'default_catalog.default_database.sums', 'default_database.events'])
      expect([name, idsOf(`late_rows('${name}')`, [SUMS])]).toEqual([name, late])
    expect(idsOf("LATE_ROWS('sums', 'WindowAggregate') AS T(id, a, b, c, operator, d, e)", [SUMS])).toEqual(late)
  })

  test('is that of a view, of which rows come or which holds the operator', () => {
    const views = `CREATE VIEW recent AS SELECT id, ts, k FROM events; CREATE VIEW counts AS ${SUMS.replace('INSERT INTO sums ', '').replace('TABLE events', 'TABLE recent').replace('COUNT(*)', 'COUNT(*) AS n')};`
    for (const name of ['recent', 'counts'])
      expect([name, idsOf(`late_rows('${name}')`, ['INSERT INTO sums SELECT k, n FROM counts WHERE n > 1'], views)]).toEqual([name, late])
  })

  test('stands once for what two queries share, and for each of what they do not', () => {
    expect(idsOf("late_rows('events')", [SUMS, SUMS.replace('sums', 'others')])).toEqual(late)
    const rows = idsOf("late_rows('events')", [SUMS, SUMS.replace('sums', 'others').replace('COUNT(*)', 'SUM(CAST(id AS BIGINT))')])
    expect(rows).toEqual(late.flatMap((id) => [id, id]))
  })

  test.each([
    [["INSERT INTO late SELECT k FROM late_rows('events')"], 'WRONG_PLACE', /^late_rows stands in a STATEMENT SET/, /EXECUTE STATEMENT SET/],
    [
      ["INSERT INTO late SELECT k FROM late_rows('evens')", SUMS],
      'UNKNOWN_OPERATOR',
      /^No operator of the other INSERTs finds rows of "evens" late$/,
      /^Did you mean events\?$/,
    ],
    [
      ["INSERT INTO late SELECT k FROM late_rows('x')", SUMS],
      'UNKNOWN_OPERATOR',
      /^No operator/,
      /^There is WindowAggregate of default_catalog\.default_database\.sums, default_catalog\.default_database\.events\.$/,
    ],
    [
      ["INSERT INTO late SELECT k FROM late_rows('events')", 'INSERT INTO sums SELECT k, COUNT(*) FROM events GROUP BY k'],
      'UNKNOWN_OPERATOR',
      /^No operator/,
      /^Windows of event time/,
    ],
    [
      ["INSERT INTO late SELECT k FROM late_rows('events')", SUMS, OVERS],
      'AMBIGUOUS_OPERATOR',
      /^"events" stands for several operators whose inputs have other columns: WindowAggregate of .*; OverAggregate of /,
      /late_rows\('events', 'WindowAggregate'\)/,
    ],
    [
      ["INSERT INTO late SELECT k FROM late_rows('events', 'Sort')", SUMS],
      'UNKNOWN_OPERATOR',
      /^"events" has no operator Sort that finds rows late$/,
      /^There is WindowAggregate/,
    ],
    [['INSERT INTO late SELECT k FROM late_rows(k)', SUMS], 'WRONG_ARGUMENTS', /^late_rows takes the name of a table/, /late_rows\('clicks'\)/],
  ])('%s is refused', (inserts, code, message, hint) => {
    const error = refusal(...inserts)
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) as string, hint: expect.stringMatching(hint) as string })
  })
})
