// Tables of Parquet files, written and read back: every type, NULLs, row groups, partitions, crashes; and each file as another reader sees it.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { afterAll, describe, expect, it } from 'vitest'
import { InsertJob, rowsOf, runSql } from '../../fixtures/sql-script.ts'

const folder = mkdtempSync(join(tmpdir(), 'parquet-'))
afterAll(() => rmSync(folder, { recursive: true }))

const tableOf = (path: string, columns: string, options = '', partitionedBy = ''): string =>
  `CREATE TABLE t (${columns}) ${partitionedBy} WITH ('connector' = 'filesystem', 'path' = '${join(folder, path)}', 'format' = 'parquet'${options});`

/** The parts of a table that others see. */
const partsOf = (path: string): readonly string[] =>
  readdirSync(join(folder, path), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map((entry) => join(entry.parentPath, entry.name))

/** All rows of a table's files, by the package that wrote nothing of them. */
async function readByOthers(path: string): Promise<Record<string, unknown>[]> {
  const files = partsOf(path).map((part) => readFileSync(part))
  const rows = await Promise.all(
    files.map((file) => parquetReadObjects({ file: file.buffer.slice(file.byteOffset, file.byteOffset + file.length), compressors })),
  )
  return rows.flat()
}

const TYPES = [
  'b BOOLEAN, t TINYINT, s SMALLINT, i INT, l BIGINT, f FLOAT, d DOUBLE, m DECIMAL(9, 2), m2 DECIMAL(18, 4), m3 DECIMAL(38, 10), c CHAR(3), v STRING, x BYTES',
  'dy DATE, tm TIME(3), ts TIMESTAMP(3), us TIMESTAMP(6), ns TIMESTAMP(9), utc TIMESTAMP_LTZ(3)',
  'a ARRAY<INT>, aa ARRAY<ARRAY<STRING>>, mp MAP<STRING, DECIMAL(5, 1)>, r ROW<p INT, q ROW<z STRING, w ARRAY<TIMESTAMP(3)>>>',
].join(', ')
const FULL = `TRUE, CAST(-128 AS TINYINT), CAST(-32768 AS SMALLINT), -2147483648, -9223372036854775808, CAST(0.25 AS FLOAT), -1.5E300, CAST(-1234567.89 AS DECIMAL(9, 2)),
  CAST(12345678901234.5678 AS DECIMAL(18, 4)), CAST('-1234567890123456789012345678.0123456789' AS DECIMAL(38, 10)), 'abc', 'üé', X'00ff', DATE '1969-12-31', TIME '23:59:59.999',
  TIMESTAMP '1969-12-31 23:59:59.999', TIMESTAMP '2026-01-31 10:00:00.123456', TIMESTAMP '2026-01-31 10:00:00.123456789', TO_TIMESTAMP_LTZ(-1, 3),
  ARRAY[1, CAST(NULL AS INT), 3], ARRAY[ARRAY['a'], CAST(NULL AS ARRAY<STRING>), ARRAY['b', 'c']], MAP['k', 1.5, 'l', CAST(NULL AS DECIMAL(5, 1))],
  CAST(ROW(7, ROW('z', ARRAY[TIMESTAMP '2026-01-31 10:00:00'])) AS ROW<p INT, q ROW<z STRING, w ARRAY<TIMESTAMP(3)>>>)`
const VALUES = [
  ...[
    true,
    -128,
    -32768,
    -2147483648,
    '-9223372036854775808',
    0.25,
    -1.5e300,
    '-1234567.89',
    '12345678901234.5678',
    '-1234567890123456789012345678.0123456789',
  ],
  ...['abc', 'üé', "x'00ff'", '1969-12-31', '23:59:59.999', '1969-12-31 23:59:59.999', '2026-01-31 10:00:00.123456', '2026-01-31 10:00:00.123456789'],
  ...[
    '1969-12-31 23:59:59.999Z',
    [1, null, 3],
    [['a'], null, ['b', 'c']],
    {
      map: [
        ['k', '1.5'],
        ['l', null],
      ],
    },
    [7, ['z', ['2026-01-31 10:00:00']]],
  ],
]
const NAMES = [...TYPES.matchAll(/(?:^|, )([a-z0-9]+) [A-Z]/g)].map(([, name]) => name).filter((name) => !['p', 'q', 'z', 'w'].includes(name))

describe('a table of format parquet', () => {
  it.each(['', ", 'parquet.compression' = 'GZIP'", ", 'parquet.compression' = 'uncompressed'", ", 'parquet.compression' = 'BROTLI'"])(
    'gives back what was written, in every type%s',
    async (options) => {
      const path = `types${options.length}`
      const table = tableOf(path, TYPES, options)
      await runSql(`${table} INSERT INTO t SELECT ${FULL}; INSERT INTO t (i) VALUES (5)`)
      const found = rowsOf(await runSql(`${table} SELECT * FROM t`))
      expect(found).toEqual([JSON.stringify(NAMES.map((name) => (name === 'i' ? 5 : null))), JSON.stringify(VALUES)])
    },
  )

  it('is read by others', async () => {
    await runSql(`${tableOf('others', TYPES)} INSERT INTO t SELECT ${FULL}`)
    const [row] = await readByOthers('others')
    expect(row).toMatchObject({
      b: true,
      t: -128,
      s: -32768,
      i: -2147483648,
      l: -9223372036854775808n,
      f: 0.25,
      d: -1.5e300,
      c: 'abc',
      v: 'üé',
    })
    expect(row['m']).toBeCloseTo(-1234567.89)
    expect(row['ts']).toEqual(new Date(-1))
    expect(row['dy']).toEqual(new Date('1969-12-31'))
    expect(row['a']).toEqual([1, null, 3])
    expect(row['r']).toEqual({ p: 7, q: { z: 'z', w: [new Date('2026-01-31T10:00:00Z')] } })
  })

  it('has row groups of many rows, and columns that may not be NULL', async () => {
    const made =
      "CREATE TABLE made (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '100000000', 'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '150000');"
    await runSql(`${made} ${tableOf('groups', 'n BIGINT NOT NULL, s STRING NOT NULL')} INSERT INTO t SELECT n, CAST(n AS STRING) FROM made`)
    const [[, count, sum, most]] = (await runSql(`${tableOf('groups', 'n BIGINT, s STRING')} SELECT COUNT(*), SUM(n), MAX(CHAR_LENGTH(s)) FROM t`)).toReversed()
    expect([count, sum, most]).toEqual([150_000, 11_250_075_000, 6])
    expect(partsOf('groups').length).toBe(1)
  })

  it('closes a part when it is as large as is asked for', async () => {
    const made = "CREATE TABLE made (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '100000000', 'number-of-rows' = '140000');"
    await runSql(`${made} ${tableOf('rolled', 'n BIGINT', ", 'sink.rolling-policy.file-size' = '100 kb'")} INSERT INTO t SELECT n FROM made`)
    expect(partsOf('rolled').length).toBe(3)
  })

  it.each([1, 2])('has each row once over a crash, in partitions, with %i subtasks', async (parallelism) => {
    const made =
      "CREATE TABLE made (n INT) WITH ('connector' = 'datagen', 'rows-per-second' = '1000000', 'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '400');"
    const table = tableOf(`once${parallelism}`, 'n INT, k INT', ", 'sink.partition-commit.policy.kind' = 'success-file'", 'PARTITIONED BY (k)')
    const job = new InsertJob(`${made} ${table} INSERT INTO t SELECT n, MOD(n, 3) FROM made`, { parallelism })
    await job.finish(await job.crash(5, await job.crash(5)))
    expect(rowsOf(await runSql(`${table} SELECT n, k FROM t`))).toEqual(
      Array.from({ length: 400 }, (_, index) => `[${index + 1},${(index + 1) % 3}]`).toSorted(),
    )
    const left = readdirSync(join(folder, `once${parallelism}`), { recursive: true }).map(String)
    expect(left.filter((name) => name.includes('inprogress'))).toEqual([])
    expect(left.filter((name) => name.endsWith('_SUCCESS')).length).toBe(3)
  })

  it.each([
    ['n INT', ", 'parquet.compression' = 'LZO'", "'parquet.compression' is 'LZO'"],
    ['n INT', ", 'parquet.write.int64.timestamp' = 'false'", "'parquet.write.int64.timestamp' is 'false'"],
    ['n INT', ", 'parquet.compresion' = 'GZIP'", "there is no option 'parquet.compresion'"],
  ])('%s%s is refused', async (columns, options, message) => {
    await expect(runSql(`${tableOf('refused', columns, options)} INSERT INTO t VALUES (1)`)).rejects.toThrow(message)
  })

  it('takes no changes', async () => {
    await expect(runSql(`${tableOf('changes', 'n BIGINT')} INSERT INTO t SELECT COUNT(*) FROM (VALUES (1), (2)) AS v (a)`)).rejects.toMatchObject({
      code: 'SINK_TAKES_NO_CHANGES',
    })
  })
})
