// Tables of changes in Debezium's JSON: written as a real Flink writes them, and read back.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { rowsOf, runSql } from '../../fixtures/sql-script.ts'

const folder = mkdtempSync(join(tmpdir(), 'debezium-'))
afterAll(() => rmSync(folder, { recursive: true }))

const tableOf = (path: string, columns: string, options = ''): string =>
  `CREATE TABLE t (${columns}) WITH ('connector' = 'filesystem', 'path' = '${join(folder, path)}', 'format' = 'debezium-json'${options});`
const ROW_BY_ROW = "SET 'table.exec.mini-batch.enabled' = 'false';"
const COUNTS = "SELECT k, COUNT(*), CAST(NULL AS TIMESTAMP(3)), MAP['a', 1] FROM (VALUES ('a'), ('b'), ('a')) AS v (k) GROUP BY k"
const COLUMNS = 'k STRING, n BIGINT, ts TIMESTAMP(3), mp MAP<STRING, INT>'

describe('a table of format debezium-json', () => {
  it.each([
    ['', ''],
    [', PRIMARY KEY (k) NOT ENFORCED', 'keyed'],
  ])('takes changes: a row that was is deleted, one that is was created%s', async (key, path) => {
    await runSql(`${ROW_BY_ROW} ${tableOf(`written${path}`, `${COLUMNS.replace('k STRING', 'k STRING NOT NULL')}${key}`)} INSERT INTO t ${COUNTS}`)
    const row = (k: string, n: number): string => `{"k":"${k}","n":${n},"ts":null,"mp":{"a":1}}`
    expect(readFileSync(join(folder, `written${path}`, 'part-0.json'), 'utf8')).toBe(
      [
        `{"before":null,"after":${row('a', 1)},"op":"c"}`,
        `{"before":null,"after":${row('b', 1)},"op":"c"}`,
        `{"before":${row('a', 1)},"after":null,"op":"d"}`,
        `{"before":null,"after":${row('a', 2)},"op":"c"}`,
        '',
      ].join('\n'),
    )
    const back = await runSql(`${tableOf(`written${path}`, COLUMNS)} SELECT k, n FROM t`)
    expect(rowsOf(back)).toEqual(['["a",2]', '["b",1]'])
  })

  it('reads records that have their schema beside them', async () => {
    const records = [
      { schema: { type: 'struct' }, payload: { before: null, after: { k: 'a', n: 1 }, op: 'r' } },
      { schema: { type: 'struct' }, payload: { before: { k: 'a', n: 1 }, after: { k: 'a', n: 5 }, op: 'u' } },
    ]
    writeFileSync(join(folder, 'wrapped.json'), records.map((record) => `${JSON.stringify(record)}\n`).join(''))
    const table = (option: string): string => tableOf('wrapped.json', 'k STRING, n BIGINT', option)
    expect(await runSql(`${table(", 'debezium-json.schema-include' = 'true'")} SELECT * FROM t`)).toEqual([
      ['+I', 'a', 1],
      ['-U', 'a', 1],
      ['+U', 'a', 5],
    ])
    await expect(runSql(`${table('')} SELECT * FROM t`)).rejects.toThrow('Cannot read a change whose "op" is missing')
    writeFileSync(join(folder, 'wrapped.json'), '{"schema":{},"payload":null}\n')
    await expect(runSql(`${table(", 'debezium-json.schema-include' = 'true'")} SELECT * FROM t`)).rejects.toThrow('Cannot read a change whose "op" is missing')
  })

  it.each([
    ["'debezium-json.schema-include' = 'true'", 'schemas are not written'],
    ["'debezium-json.encode.ignore-null-fields' = 'true'", "'debezium-json.encode.ignore-null-fields' is 'true'"],
    ["'debezium-json.map-null-key.mode' = 'DROP'", "'debezium-json.map-null-key.mode' is 'DROP'"],
    ["'debezium-json.ignore-parse-error' = 'true'", "there is no option 'debezium-json.ignore-parse-error'"],
  ])('%s is refused of what is written', async (option, message) => {
    await expect(runSql(`${tableOf('refused', 'n INT', `, ${option}`)} INSERT INTO t VALUES (1)`)).rejects.toThrow(message)
  })

  it('has neither partitions nor metadata', async () => {
    const table = (columns: string, partitionedBy: string): string =>
      `CREATE TABLE t (${columns}) ${partitionedBy} WITH ('connector' = 'filesystem', 'path' = '${folder}/x', 'format' = 'debezium-json');`
    await expect(runSql(`${table('n INT, k INT', 'PARTITIONED BY (k)')} INSERT INTO t VALUES (1, 2)`)).rejects.toThrow('changes are not written by partition')
    await expect(runSql(`${table("n INT, f STRING METADATA FROM 'file.name' VIRTUAL", '')} SELECT * FROM t`)).rejects.toThrow('neither partitions nor metadata')
  })
})
