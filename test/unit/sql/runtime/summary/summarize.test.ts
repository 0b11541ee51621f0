// SUMMARIZE of files, tables and queries, in process.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { Decimal } from '../../../../../src/batch/types.ts'
import { runScript } from '../../../../../src/sql/runtime/run-script.ts'
import { root } from '../../../../fixtures/command.ts'
import { scratchFolder } from '../../../connector/file-probe.ts'

const folder = scratchFolder()

function file(name: string, text: string | Uint8Array): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

/** The rows of an answer, numbers as texts. */
function answerOf(sql: string): { readonly columns: readonly string[]; readonly rows: readonly (readonly (string | null)[])[] } {
  const columns: string[] = []
  const rows: (string | null)[][] = []
  const target = {
    columns: (fields: readonly { readonly name: string }[]) => void columns.push(...fields.map(({ name }) => name)),
    change: (_: unknown, row: readonly unknown[]) =>
      void rows.push(row.map((value) => (value === null ? null : value instanceof Decimal ? value.toString() : String(value as string | bigint)))),
  }
  runScript(sql, target, { log() {} })
  return { columns, rows }
}

const rowsOf = (sql: string): readonly (readonly (string | null)[])[] => answerOf(sql).rows

const NO_NUMBER = [null, null, null, null, null]
/** Deviation and quantiles. */
const SOME = Array.from({ length: 4 }, () => expect.any(String) as string)

test('a file of CSV: a row for each column, as DuckDB has them', () => {
  const path = file('a.csv', 'id,name,price,day,ok\n1,apple,1.5,2024-01-01,true\n2,"pear, green",2.25,2024-01-03,true\n3,,,,false\n4,apple,9.75,,\n')
  expect(answerOf(`SUMMARIZE '${path}'`)).toEqual({
    columns: ['column_name', 'column_type', 'min', 'max', 'approx_unique', 'avg', 'std', 'q25', 'q50', 'q75', 'count', 'null_percentage'],
    rows: [
      ['id', 'BIGINT', '1', '4', '4', '2.5', '1.29099444873581', '2', '3', '3', '4', '0.00'],
      ['name', 'STRING', 'apple', 'pear, green', '2', ...NO_NUMBER, '4', '25.00'],
      ['price', 'DOUBLE', '1.5', '9.75', '3', '4.5', '4.56207189772366', '1.875', '2.25', '6', '4', '25.00'],
      ['day', 'DATE', '2024-01-01', '2024-01-03', '2', '2024-01-02', null, '2024-01-02', '2024-01-02', '2024-01-03', '4', '50.00'],
      ['ok', 'BOOLEAN', 'false', 'true', '2', ...NO_NUMBER, '4', '25.00'],
    ],
  })
})

test('JSON lines in gzip, and several files by a glob', () => {
  file('part-1.jsonl.gz', gzipSync('{"a":1,"at":"2024-01-01 00:00:00.000"}\n'))
  file('part-2.jsonl.gz', gzipSync('{"a":3,"at":"2024-01-01 00:00:01.000"}\n'))
  expect(rowsOf(`SUMMARIZE '${join(folder, 'part-*.jsonl.gz')}'`)).toEqual([
    ['a', 'BIGINT', '1', '3', '2', '2', '1.4142135623731', '2', '2', '3', '2', '0.00'],
    [
      ...['at', 'TIMESTAMP(3)', '2024-01-01 00:00:00.000', '2024-01-01 00:00:01.000', '2', '2024-01-01 00:00:00.500', null],
      ...['2024-01-01 00:00:00.250', '2024-01-01 00:00:00.500', '2024-01-01 00:00:00.750', '2', '0.00'],
    ],
  ])
})

test('Parquet, whose texts are coded by a dictionary', () => {
  const path = join(root, 'test/fixtures/files/parquet/flat-dictionary-v1-snappy.parquet')
  const summary = rowsOf(`SUMMARIZE '${path}'`)
  const compared = summary.filter(([, type, min]) => min !== null && !['DOUBLE', 'FLOAT', 'BOOLEAN'].includes(type!))
  const texts = compared.map(([name]) => `CAST(MIN(\`${name}\`) AS STRING), CAST(MAX(\`${name}\`) AS STRING)`)
  expect(rowsOf(`SELECT ${texts.join(', ')} FROM '${path}'`)).toEqual([compared.flatMap(([, , min, max]) => [min, max])])
  expect(compared.length).toBeGreaterThan(3)
})

test('the last digits of integers and decimals, texts by code points, nested values by their number', () => {
  expect(
    rowsOf(`SUMMARIZE SELECT * FROM (VALUES
      (9007199254740993, CAST(1.10 AS DECIMAL(38, 2)), '\uFFFD', ARRAY[1], MAP['a', 1]),
      (9007199254740992, CAST('99999999999999999999.99' AS DECIMAL(38, 2)), '\u{1F600}', ARRAY[1], MAP['a', 1]),
      (9007199254740992, CAST(NULL AS DECIMAL(38, 2)), 'z', ARRAY[2], MAP['b', 1])) AS t (a, b, c, d, e)`),
  ).toEqual([
    ['a', 'BIGINT', '9007199254740992', '9007199254740993', '2', '9007199254740990', ...SOME, '3', '0.00'],
    ['b', 'DECIMAL(38, 2)', '1.10', '99999999999999999999.99', '2', '50000000000000000000', ...SOME, '3', '33.33'],
    ['c', expect.any(String), 'z', '\u{1F600}', '3', ...NO_NUMBER, '3', '0.00'],
    ['d', 'ARRAY<INT NOT NULL>', null, null, '2', ...NO_NUMBER, '3', '0.00'],
    ['e', expect.stringMatching(/^MAP/), null, null, null, ...NO_NUMBER, '3', '0.00'],
  ])
})

test('a query that changes its rows is summed up by those that stay', () => {
  const path = file('g.csv', 'k,v\na,1\nb,2\na,3\n')
  expect(rowsOf(`CREATE VIEW g AS SELECT k, COUNT(*) AS c FROM '${path}' GROUP BY k; SUMMARIZE g`).map((row) => row.slice(0, 5))).toEqual([
    ['k', 'STRING', 'a', 'b', '2'],
    ['c', 'BIGINT', '1', '2', '2'],
  ])
})

test('means do not drift', () => {
  const path = file('thirds.csv', `n\n${Array.from({ length: 30_000 }, (_, n) => (n % 3 === 0 ? 1e9 + 1 : -0.1)).join('\n')}\n`)
  expect(rowsOf(`SUMMARIZE '${path}'`)[0][5]).toBe('333333333.6')
})

test('no row', () => {
  expect(rowsOf('SUMMARIZE SELECT 1 AS a WHERE FALSE')).toEqual([['a', 'INT', null, null, '0', ...NO_NUMBER, '0', null]])
})

test('all rows of a larger file, in one pass', () => {
  const path = file('large.csv', `n,t\n${Array.from({ length: 50_000 }, (_, n) => `${n},t${n % 100}`).join('\n')}\n`)
  const [n, t] = rowsOf(`SUMMARIZE '${path}'`)
  expect([n[2], n[3], n[5], n[10]]).toEqual(['0', '49999', '24999.5', '50000'])
  expect(Number(n[8])).toBeGreaterThan(24_500)
  expect(Number(n[8])).toBeLessThan(25_500)
  expect(Number(n[4]) / 50_000).toBeCloseTo(1, 1)
  expect([t[2], t[3], t[4]]).toEqual(['t0', 't99', '100'])
})

test.each([
  ['SUMMARIZE', 'Expected a query, a table or a file, found the end'],
  ['SUMMARIZE nothing', 'There is no table "nothing"'],
  ["SUMMARIZE 'nothing.csv'", 'Cannot read "nothing.csv": there is no such file or folder'],
  ['EXPLAIN SUMMARIZE SELECT 1', 'EXPLAIN takes a query, an INSERT, a STATEMENT SET or EXECUTE PLAN'],
])('%s is refused', (sql, message) => expect(() => rowsOf(sql)).toThrow(message))
