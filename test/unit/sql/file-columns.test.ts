// Columns of tables of files that no record holds: partitions, which folders name, and metadata. Answers and refusals are a real Flink's, unless said otherwise.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { InsertJob, rowsOf, runSql } from '../../fixtures/sql-script.ts'

const folder = mkdtempSync(join(tmpdir(), 'columns-'))
afterAll(() => rmSync(folder, { recursive: true }))

function write(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  writeFileSync(join(folder, path), text)
  utimesSync(join(folder, path), new Date('2026-01-02T03:04:05Z'), new Date('2026-01-02T03:04:05Z'))
}

const tableOf = (path: string, columns: string, partitionedBy: string, options = "'format' = 'json'"): string =>
  `CREATE TABLE t (${columns}) ${partitionedBy} WITH ('connector' = 'filesystem', 'path' = '${join(folder, path)}', ${options});`

describe('a table with partitions', () => {
  write('days/d=2026-01-01/f.csv', '1,2\n')
  write('days/d=2026-01-02/f.csv', '3,4\n')
  write('days/d=2026-01-02/sub/g.csv', '5,6\n')
  write('days/d=2026-01-02/_SUCCESS', '')
  write('days/d=2026-01-03/f.csv', 'broken\n')
  const DAYS = tableOf('days', 'a INT, d DATE, b INT', 'PARTITIONED BY (d)', "'format' = 'csv'")

  it('has their values in their places, and reads those alone that are asked for', async () => {
    expect(rowsOf(await runSql(`${DAYS} SELECT * FROM t WHERE d < DATE '2026-01-03' AND a > 1`))).toEqual(['[3,"2026-01-02",4]', '[5,"2026-01-02",6]'])
    expect(
      rowsOf(await runSql(`${DAYS} CREATE VIEW v AS SELECT d AS e, a FROM t; SELECT a FROM v WHERE e = DATE '2026-01-01' OR e = DATE '2026-01-02'`)),
    ).toEqual(['[1]', '[3]', '[5]'])
    expect(await runSql(`${DAYS} SELECT * FROM t WHERE d > DATE '2026-01-03'`)).toEqual([])
    await expect(runSql(`${DAYS} SELECT * FROM t`)).rejects.toThrow('d=2026-01-03/f.csv')
    // Who asks for all of it reads all of it.
    const both = "SELECT a FROM t WHERE d = DATE '2026-01-01' UNION ALL SELECT a FROM t"
    await expect(runSql(`${DAYS} ${both}`)).rejects.toThrow('d=2026-01-03/f.csv')
  })

  it('reads partitions of both sides of a join by their own conditions', async () => {
    const query = "SELECT x.a, y.a FROM t AS x JOIN t AS y ON x.b + 2 = y.b WHERE x.d = DATE '2026-01-01' AND y.d = DATE '2026-01-02'"
    expect(rowsOf(await runSql(`${DAYS} ${query}`))).toEqual(['[1,3]'])
  })

  it('is empty where there is no folder', async () => {
    expect(await runSql(`${tableOf('nowhere', 'v INT, k INT', 'PARTITIONED BY (k)')} SELECT * FROM t`)).toEqual([])
  })

  it.each(['', ", 'partition.default-name' = 'none'"])('is read back as it was written%s', async (name) => {
    const path = `back${name.length}`
    const columns = 'v INT, k STRING, n BIGINT, b BOOLEAN, ts TIMESTAMP(3), m DECIMAL(6, 2), i TIMESTAMP_LTZ(3)'
    const table = tableOf(path, columns, 'PARTITIONED BY (k, n, b, ts, m, i)', `'format' = 'json'${name}`)
    const values = `(1, 'a b/c=%', 7, TRUE, TIMESTAMP '2026-01-02 03:04:05.678', 1.5, TO_TIMESTAMP_LTZ(1500, 3)), (2, CAST(NULL AS STRING), -1, CAST(NULL AS BOOLEAN), TIMESTAMP '1969-12-31 00:00:00', -12.25, TO_TIMESTAMP_LTZ(0, 3)),
      (3, 'ü', 9223372036854775807, FALSE, CAST(NULL AS TIMESTAMP(3)), 0.00, TO_TIMESTAMP_LTZ(-1, 3))`
    await runSql(`${table} INSERT INTO t VALUES ${values}`)
    expect(existsSync(join(folder, path, name === '' ? 'k=__HIVE_DEFAULT_PARTITION__' : 'k=none'))).toBe(true)
    expect(rowsOf(await runSql(`${table} SELECT * FROM t`))).toEqual([
      '[1,"a b/c=%",7,true,"2026-01-02 03:04:05.678","1.50","1970-01-01 00:00:01.5Z"]',
      '[2,null,-1,null,"1969-12-31 00:00:00","-12.25","1970-01-01 00:00:00Z"]',
      '[3,"ü","9223372036854775807",false,null,"0.00","1969-12-31 23:59:59.999Z"]',
    ])
    expect(rowsOf(await runSql(`${table} SELECT v FROM t WHERE k IS NULL`))).toEqual(['[2]'])
    // Columns of folders alone: there is a row for each record all the same.
    expect(rowsOf(await runSql(`${table} SELECT COUNT(*), COUNT(k) FROM t`))).toEqual(['[3,2]'])
  })

  it('INSERT puts rows into a partition that it names, and by columns of the query', async () => {
    const table = tableOf('static', 'v INT, k STRING, j INT', 'PARTITIONED BY (k, j)')
    await runSql(`${table} INSERT INTO t PARTITION (k = 'x') SELECT 1, 2; INSERT INTO t PARTITION (k = 'a', j = 3) SELECT 4`)
    expect(readdirSync(join(folder, 'static')).toSorted()).toEqual(['k=a', 'k=x'])
    expect(readFileSync(join(folder, 'static/k=a/j=3/part-0.json'), 'utf8')).toBe('{"v":4}\n')
    expect(rowsOf(await runSql(`${table} SELECT * FROM t`))).toEqual(['[1,"x",2]', '[4,"a",3]'])
    await expect(runSql(`${table} INSERT OVERWRITE t PARTITION (k = 'a', j = 3) SELECT 5`)).rejects.toThrow('INSERT OVERWRITE of table "t" is not there')
  })

  it('goes on behind a checkpoint with the values of each file', async () => {
    for (const key of [1, 2, 3]) write(`many/k=${key}/f`, Array.from({ length: 100 }, (_, v) => `{"v":${v}}\n`).join(''))
    const out = tableOf('many-out', 'v INT, k INT', '').replace('TABLE t', 'TABLE kept')
    const job = new InsertJob(`${tableOf('many', 'v INT, k INT', 'PARTITIONED BY (k)')} ${out} INSERT INTO kept SELECT v, k FROM t`)
    await job.finish(await job.crash(6))
    const expected = [1, 2, 3].flatMap((key) => Array.from({ length: 100 }, (_, v) => `[${v},${key}]`)).toSorted()
    expect(rowsOf(await runSql(`${out} SELECT v, k FROM kept`))).toEqual(expected)
  })

  write('loose/k=1/f', '{"v":1}\n')
  write('loose/other', '{"v":2}\n')
  write('text/k=x/f', '{"v":1}\n')
  it.each([
    ['loose', 'k INT', 'is no folder "k=..."'],
    ['text', 'k INT', 'Cannot read the partition "k=x": "x" is no INT'],
    ['text', 'k ARRAY<INT>', 'No folder is named after ARRAY<INT>'],
  ])('%s with %s is refused', async (path, column, message) => {
    await expect(runSql(`${tableOf(path, `v INT, ${column}`, 'PARTITIONED BY (k)')} SELECT * FROM t`)).rejects.toThrow(message)
  })
})

describe('metadata columns', () => {
  write('meta/a.json', '{"v":1}\n')
  write('meta/b.json', '{"v":22}\n{"v":3}\n')
  const COLUMNS =
    "v INT, p STRING NOT NULL METADATA FROM 'file.path' VIRTUAL, `file.name` STRING METADATA VIRTUAL, n INT METADATA FROM 'file.size' VIRTUAL, t TIMESTAMP(3) METADATA FROM 'file.modification-time' VIRTUAL"

  it('say from which file a row is', async () => {
    const path = join(folder, 'meta')
    expect(rowsOf(await runSql(`${tableOf('meta', COLUMNS, '')} SELECT * FROM t`))).toEqual([
      `[1,"${path}/a.json","a.json",8,"2026-01-02 03:04:05"]`,
      `[22,"${path}/b.json","b.json",17,"2026-01-02 03:04:05"]`,
      `[3,"${path}/b.json","b.json",17,"2026-01-02 03:04:05"]`,
    ])
    expect(rowsOf(await runSql(`${tableOf('meta', COLUMNS, '')} SELECT \`file.name\`, COUNT(*) FROM t GROUP BY \`file.name\``))).toEqual([
      '["a.json",1]',
      '["b.json",2]',
    ])
  })

  it('that are virtual are not written', async () => {
    const table = tableOf('virtual', "v INT, f STRING METADATA FROM 'file.name' VIRTUAL", '')
    await runSql(`${table} INSERT INTO t VALUES (1)`)
    expect(rowsOf(await runSql(`${table} SELECT * FROM t`))).toEqual(['[1,"part-0.json"]'])
    await expect(runSql(`${table} INSERT INTO t VALUES (1, 'x')`)).rejects.toThrow('The query has 2 columns, and it is inserted into 1 column (v)')
  })

  it.each([
    ["f STRING METADATA FROM 'file.nam'", 'SELECT v FROM t', 'UNKNOWN_METADATA', 'Tables of files have no metadata "file.nam"'],
    ["f ARRAY<INT> METADATA FROM 'file.path'", 'SELECT * FROM t', 'WRONG_TYPE', 'Metadata "file.path" is STRING NOT NULL, which cannot be cast to ARRAY<INT>'],
    ["f STRING METADATA FROM 'file.path'", "INSERT INTO t VALUES (1, 'x')", 'UNKNOWN_METADATA', 'Metadata "f" cannot be written'],
  ])('%s is refused in %s', async (column, query, code, message) => {
    await expect(runSql(`${tableOf('meta', `v INT, ${column}`, '')} ${query}`)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message) as unknown,
    })
  })

  it('end the job where their values are not of their type', async () => {
    await expect(runSql(`${tableOf('meta', "v INT, f INT METADATA FROM 'file.path'", '')} SELECT * FROM t`)).rejects.toThrow(
      /Cannot read column "f": file.path of ".*a.json" is no INT/,
    )
  })

  it('are refused of other connectors', async () => {
    const table = "CREATE TABLE t (v INT, f STRING METADATA FROM 'file.path') WITH ('connector' = 'datagen', 'number-of-rows' = '1');"
    await expect(runSql(`${table} SELECT * FROM t`)).rejects.toThrow("Tables of connector 'datagen' have no metadata, line 1, column 24")
  })
})
