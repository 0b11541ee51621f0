// Tables of databases and files on worker threads and on the command line: looked up, written, copied.
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { run, scratchFolder } from '../fixtures/command.ts'
import { sqliteQuery } from '../fixtures/sqlite.ts'

const folder = scratchFolder()
const database = join(folder, 'd.db')
const MADE = `CREATE TABLE made (n INT, p AS PROCTIME()) WITH ('connector' = 'datagen', 'rows-per-second' = '1000000', 'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '5000');`

test('a job on several workers looks rows up, and writes each once', async () => {
  sqliteQuery(database, 'CREATE TABLE names (k INTEGER PRIMARY KEY, name TEXT)')
  sqliteQuery(database, 'CREATE TABLE found (n INTEGER PRIMARY KEY, name TEXT)')
  for (const k of [0, 1, 2]) sqliteQuery(database, 'INSERT INTO names VALUES (?, ?)', [k, `name ${k}`])
  const path = join(folder, 'job.sql')
  const at = (table: string): string => `'connector' = 'jdbc', 'url' = 'jdbc:sqlite:${database}', 'table-name' = '${table}'`
  writeFileSync(
    path,
    `${MADE}
     CREATE TABLE names (k INT, name STRING) WITH (${at('names')}, 'lookup.cache' = 'PARTIAL');
     CREATE TABLE found (n INT, name STRING, PRIMARY KEY (n) NOT ENFORCED) WITH (${at('found')});
     INSERT INTO found SELECT m.n, d.name FROM made AS m LEFT JOIN names FOR SYSTEM_TIME AS OF m.p AS d ON MOD(m.n, 4) = d.k;`,
  )
  const { status, stderr } = await run('run', path, '-p', '2', '--quiet', '--set', `execution.checkpointing.dir=${join(folder, 'cp')}`)
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  expect(sqliteQuery(database, 'SELECT name, COUNT(*) AS c, MIN(n) AS m FROM found GROUP BY name ORDER BY name').map((row) => Object.values(row))).toEqual([
    [null, 1250, 3],
    ['name 0', 1250, 4],
    ['name 1', 1250, 1],
    ['name 2', 1250, 2],
  ])
})

test('COPY writes a Parquet file, which is read as it is', async () => {
  const path = join(folder, 'copied.parquet')
  const copied = await run('sql', '-e', `${MADE} COPY (SELECT n, 'text ' || CAST(n AS STRING) AS t FROM made) TO '${path}'`)
  expect(copied.status).toBe(0)
  const { stdout } = await run('sql', '-e', `SELECT COUNT(*), SUM(n), MAX(t) FROM '${path}'`, '--format', 'csv')
  expect(stdout).toBe('EXPR$0,EXPR$1,EXPR$2\n5000,12502500,text 999\n')
  expect(readdirSync(folder).filter((name) => name.includes('inprogress'))).toEqual([])
})
