// Groups with aggregates of different values, computed in two steps: the rows are those that one step gives, whatever they are of, and which groups are left.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { formatType } from '../../../src/batch/types.ts'
import { runScript } from '../../../src/sql/runtime/run-script.ts'
import { folded } from '../../fixtures/answers.ts'
import { type Outcome, QueryJob, runThrough } from '../../fixtures/query-job.ts'

const folder = mkdtempSync(join(tmpdir(), 'distinct-split-'))
afterAll(() => rmSync(folder, { recursive: true }))

const split = (buckets?: number): string =>
  `SET 'table.optimizer.distinct-agg.split.enabled' = 'true';\n${buckets === undefined ? '' : `SET 'table.optimizer.distinct-agg.split.bucket-num' = '${buckets}';\n`}`

const tableOf = (file: string): string =>
  `CREATE TABLE t (id INT, k STRING, n INT, i INT, l BIGINT, d DECIMAL(12, 2), x DOUBLE, s STRING, b BOOLEAN, ts TIMESTAMP(3), big DECIMAL(30, 2))
WITH ('connector' = 'filesystem', 'path' = '${file}', 'format' = 'json');\n`

/** The tree of what runs. */
function planOf(query: string, settings = split()): string {
  const rows: unknown[] = []
  runScript(`${tableOf('/not/there.json')}${settings}EXPLAIN ${query}`, { columns() {}, change: (_, row) => rows.push(...row) }, { log() {} })
  return (rows[0] as string).split('== Physical Plan ==\n')[1].trim()
}

const isSplit = (query: string, settings?: string): boolean => planOf(query, settings).includes('HASH_CODE')

describe('plans', () => {
  const table = 'table=[default_catalog.default_database.t]'

  test('of one kind of values', () => {
    expect(planOf('SELECT k, COUNT(DISTINCT l) AS c, COUNT(*) AS n, MAX(i) AS m FROM t GROUP BY k')).toBe(`Sink: Collect(fields=[k, c, n, m])
+- Calc(select=[$0 AS k, $1 AS c, $2 AS n, $3 AS m], upsertKeys=[k])
   +- GroupAggregate(groupBy=[$0], select=[$0, SUM($1) AS $1, SUM($2) AS $2, MAX($3) AS $3], upsertKeys=[$0])
      +- Exchange(distribution=[hash($0)])
         +- Calc(select=[$0, $1, $2, $3])
            +- GroupAggregate(groupBy=[k, MOD(HASH_CODE(l), 1024)], select=[k AS $0, MOD(HASH_CODE(l), 1024) AS $bucket, COUNT(DISTINCT l) AS $1, COUNT(*) AS $2, MAX(i) AS $3], upsertKeys=[$0, $bucket])
               +- Exchange(distribution=[hash(k, $f1)])
                  +- Calc(select=[k, MOD(HASH_CODE(l), 1024) AS $f1, l, i])
                     +- Source: File(${table}, fields=[k, i, l], from=[/not/there.json as JSON lines, flink])`)
  })

  test('of several kinds', () => {
    expect(planOf('SELECT k, COUNT(DISTINCT l) FILTER (WHERE b) AS c, COUNT(*) AS n, SUM(DISTINCT i) AS m FROM t GROUP BY k'))
      .toBe(`Sink: Collect(fields=[k, c, n, m])
+- Calc(select=[$0 AS k, $1 AS c, $2 AS n, $3 AS m], upsertKeys=[k])
   +- GroupAggregate(groupBy=[$0], select=[$0, SUM($1) AS $1, SUM($2) AS $2, SUM($3) AS $3], upsertKeys=[$0])
      +- Exchange(distribution=[hash($0)])
         +- Calc(select=[$0, $1, $2, $3])
            +- GroupAggregate(groupBy=[k, MOD(COALESCE(HASH_CODE($0), HASH_CODE($2)), 1024)], select=[k AS $0, MOD(COALESCE(HASH_CODE($0), HASH_CODE($2)), 1024) AS $bucket, COUNT(DISTINCT $0) FILTER (WHERE b) AS $1, COUNT($1) AS $2, SUM(DISTINCT $2) AS $3], upsertKeys=[$0, $bucket])
               +- Exchange(distribution=[hash(k, $f1)])
                  +- Calc(select=[k, MOD(COALESCE(HASH_CODE($0), HASH_CODE($2)), 1024) AS $f1, $0, b, $1, $2])
                     +- Expand(sets=[(l, TRUE), (i)])
                        +- Calc(select=[k, i, l, b, TRUE AS $f4])
                           +- Source: File(${table}, fields=[k, i, l, b], from=[/not/there.json as JSON lines, flink])`)
  })

  test('of means, of all rows, and of what is computed', () => {
    expect(planOf('SELECT AVG(i) AS a, COUNT(i) AS c, COUNT(DISTINCT UPPER(s)) AS d FROM t')).toBe(`Sink: Collect(fields=[a, c, d])
+- Calc(select=[$0 AS a, $1 AS c, $2 AS d])
   +- Calc(select=[CAST(($0 / $1) AS INT) AS $0, COALESCE($1, 0) AS $1, COALESCE($2, 0) AS $2])
      +- GroupAggregate(select=[SUM($0) AS $0, SUM($1) AS $1, SUM($2) AS $2])
         +- Exchange(distribution=[single])
            +- Calc(select=[TRUE AS $f0, $0, $1, $2])
               +- GroupAggregate(groupBy=[MOD(HASH_CODE($1), 1024)], select=[MOD(HASH_CODE($1), 1024) AS $bucket, SUM(CAST(i AS BIGINT)) AS $0, COUNT(i) AS $1, COUNT(DISTINCT $1) AS $2], upsertKeys=[$bucket])
                  +- Exchange(distribution=[hash($f0)])
                     +- Calc(select=[MOD(HASH_CODE($1), 1024) AS $f0, CAST(i AS BIGINT) AS $f1, i, $1])
                        +- Calc(select=[i, UPPER(s) AS $1])
                           +- Source: File(${table}, fields=[i, s], from=[/not/there.json as JSON lines, flink])`)
  })
})

test.each([
  ['nothing counts once', 'SELECT k, COUNT(l) FROM t GROUP BY k'],
  ['the extreme of different values is that of all', 'SELECT k, MAX(DISTINCT l) FROM t GROUP BY k'],
  ['an aggregate cannot be put together', 'SELECT k, COUNT(DISTINCT l), LISTAGG(s) FROM t GROUP BY k'],
  ['a list has different values', 'SELECT k, LISTAGG(DISTINCT s) FROM t GROUP BY k'],
  ['sums depend on their order', 'SELECT k, COUNT(DISTINCT l), SUM(x) FROM t GROUP BY k'],
  ['sums may be too large in a part, and not in all', 'SELECT k, COUNT(DISTINCT l), SUM(big) FROM t GROUP BY k'],
  ['values are made of others', 'SELECT k, COUNT(DISTINCT ROW(l, i)) FROM t GROUP BY k'],
  ['groups expire', 'SELECT k, COUNT(DISTINCT l) FROM t GROUP BY k', "SET 'table.exec.state.ttl' = '1 h';\n"],
  ['these groups expire', "SELECT /*+ STATE_TTL('t' = '1 h') */ k, COUNT(DISTINCT l) FROM t GROUP BY k"],
  [
    'groups end with windows',
    "SELECT window_start, COUNT(DISTINCT l) FROM TUMBLE(DATA => (SELECT *, PROCTIME() AS p FROM t), TIMECOL => DESCRIPTOR(p), SIZE => INTERVAL '1' HOUR) GROUP BY window_start, window_end",
  ],
])('groups are left as they are where %s', (_, query, settings = '') => {
  expect(isSplit(query, split() + settings)).toBe(false)
})

test('groups are left as they are unless it is asked for', () => {
  const query = 'SELECT k, COUNT(DISTINCT l) FROM t GROUP BY k'
  expect(isSplit(query, '')).toBe(false)
  expect(isSplit(query)).toBe(true)
})

test('there are as many parts as is said', () => {
  const query = 'SELECT k, COUNT(DISTINCT l) FROM t GROUP BY k'
  expect(planOf(query)).toContain('MOD(HASH_CODE(l), 1024)')
  expect(planOf(query, split(7))).toContain('MOD(HASH_CODE(l), 7)')
  expect(() => planOf(query, split(0))).toThrow('Cannot set table.optimizer.distinct-agg.split.bucket-num to "0": expected at least 1')
})

/** Changes and values of all rows. */
function rowsOf(script: string): unknown[][] {
  const rows: unknown[][] = []
  runScript(script, { columns() {}, change: (_, row) => rows.push([...row]) }, { log() {} })
  return rows
}

test('groups of all rows have a row where there are none', () => {
  const query = 'SELECT COUNT(*), COUNT(DISTINCT l), COUNT(DISTINCT s), SUM(i), AVG(i), MAX(s) FROM t WHERE FALSE'
  const file = join(folder, 'none.jsonl')
  writeFileSync(file, '{"id":1}\n')
  const batch = "SET 'execution.runtime-mode' = 'batch';\n"
  for (const mode of ['', batch]) expect(rowsOf(tableOf(file) + mode + split() + query)).toEqual(rowsOf(tableOf(file) + mode + query))
  expect(rowsOf(tableOf(file) + batch + split() + query)).toEqual([[0n, 0n, 0n, null, null, null]])
})

const rowArbitrary = fc.record({
  k: fc.option(fc.constantFrom('a', 'b', 'ä')),
  n: fc.integer({ min: 0, max: 1 }),
  i: fc.option(fc.oneof(fc.integer({ min: -5, max: 5 }), fc.constantFrom(2147483647, -2147483648))),
  l: fc.option(fc.constantFrom('9223372036854775807', '-3', '0', '12345678901', '-9223372036854775808', '5')),
  d: fc.option(fc.constantFrom('1.25', '-9999999999.99', '0.01', '0.02', '0.00')),
  x: fc.option(fc.integer({ min: -8, max: 8 }).map((half) => half / 2)),
  s: fc.option(fc.constantFrom('', 'x', 'y'.repeat(40), 'ß', 'ßß', '😀')),
  b: fc.option(fc.boolean()),
  ts: fc.option(fc.constantFrom('2026-01-01 00:00:00', '1969-12-31 23:59:59.999')),
})
type Row = typeof rowArbitrary extends fc.Arbitrary<infer R> ? R : never

const DIFFERENT = ['i', 'l', 'd', 'x', 's', 'b', 'ts', 'i + n', 'UPPER(s)', 'l % 3'].map((of) => `COUNT(DISTINCT ${of})`)
const AGGREGATES = [
  ...DIFFERENT,
  ...[
    'SUM(DISTINCT i)',
    'AVG(DISTINCT i)',
    'AVG(DISTINCT l)',
    'SUM(DISTINCT d)',
    'AVG(DISTINCT d)',
    'MAX(DISTINCT s)',
    'COUNT(*)',
    'COUNT(s)',
    'SUM(i)',
    'SUM(l)',
  ],
  ...['SUM(d)', 'AVG(i)', 'AVG(l)', 'AVG(d)', 'MIN(i)', 'MAX(s)', 'MAX(x)', 'MIN(b)', 'MAX(ts)', 'SUM(CAST(i AS TINYINT))', 'AVG(CAST(n AS SMALLINT))'],
]
const filtered = (names: readonly string[]): fc.Arbitrary<string> =>
  fc.tuple(fc.constantFrom(...names), fc.constantFrom('', '', ' FILTER (WHERE b)', ' FILTER (WHERE i > 0)')).map((parts) => parts.join(''))
const aggregatesArbitrary = fc.tuple(filtered(DIFFERENT), fc.array(filtered(AGGREGATES), { maxLength: 5 })).map(([first, others]) => [first, ...others])

/** Rows as they are left, in order, below their columns. */
function linesOf({ columns, changelog }: Outcome): readonly string[] {
  const types = columns.map(({ type }) => formatType(type))
  const lines = Array.from(folded(changelog, types), ([line, count]) => `${count} ${line}`).sort()
  return [columns.map(({ name }, index) => `${name} ${types[index]}`).join(), ...lines]
}

/** Rings with room for a few rows: outputs are refused all the time. */
const NARROW = new Map([['millrace.channel.memory-max', '512']])
const LAST = ['i', 'l', 'd', 'x', 's', 'b', 'ts'].map((column) => `LAST_VALUE(${column}) AS ${column}`).join(', ')
/** Rows that only come, the last one of each n and k, and the first two of each n. */
const SOURCES = [
  't',
  `(SELECT k, n, ${LAST} FROM t GROUP BY k, n)`,
  '(SELECT * FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY n ORDER BY i DESC, id) AS r FROM t) WHERE r <= 2)',
]

let files = 0
function check(rows: readonly Row[], query: string, buckets: number, batchRowsMax: number): void {
  const file = join(folder, `${files++}.jsonl`)
  const lines = rows.map((row, id) => JSON.stringify({ id, ...row }).replace(/"(l|d)":"([^"]*)"/g, '"$1":$2'))
  writeFileSync(file, lines.map((line) => `${line}\n`).join(''))
  const plain = tableOf(file) + query
  const inSteps = tableOf(file) + split(buckets) + query
  const expected = linesOf(new QueryJob(plain, { batchRowsMax }).run())
  expect(linesOf(new QueryJob(inSteps, { batchRowsMax }).run())).toEqual(expected)
  expect(linesOf(new QueryJob(inSteps, { batchRowsMax, parallelism: 2, options: NARROW }).run())).toEqual(expected)
  expect(linesOf(new QueryJob(`SET 'table.exec.mini-batch.enabled' = 'false';\n${inSteps}`, { isFolded: false }).run())).toEqual(expected)
  expect(linesOf(new QueryJob(inSteps, { isBatch: true }).run())).toEqual(expected)
  if (rows.length > 20) expect(linesOf(runThrough(inSteps, [1, 2, 1], 5, { batchRowsMax: 3 }))).toEqual(expected)
  rmSync(file)
}

const rowsArbitrary = fc.oneof(
  { weight: 4, arbitrary: fc.array(rowArbitrary, { minLength: 1, maxLength: 20 }) },
  { weight: 1, arbitrary: fc.array(rowArbitrary, { minLength: 30, maxLength: 60 }) },
)

test('rows are those of one step', () => {
  fc.assert(
    fc.property(
      rowsArbitrary,
      fc.constantFrom('', 'k', 'n', 'k, n', 'n + 1, k', 'x', 's', 'i'),
      aggregatesArbitrary,
      fc.constantFrom(...SOURCES),
      fc.constantFrom(1, 2, 1024),
      fc.constantFrom(1, 7, 64),
      (rows, keys, aggregates, from, buckets, batchRowsMax) => {
        const columns = [...(keys === '' ? [] : keys.split(', ')), ...aggregates].map((expression, index) => `${expression} AS c${index}`)
        const query = `SELECT ${columns.join(', ')} FROM ${from}${keys === '' ? '' : ` GROUP BY ${keys}`}`
        expect(isSplit(query)).toBe(true)
        check(rows, query, buckets, batchRowsMax)
      },
    ),
    { numRuns: 40 },
  )
})
