// Tables of files with a monitor interval: files that come while the job runs are read, each once, behind a checkpoint too.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { InsertJob, runSql } from '../../fixtures/sql-script.ts'
import { sqliteQuery } from '../../fixtures/sqlite.ts'

const folder = mkdtempSync(join(tmpdir(), 'monitored-'))
afterAll(() => rmSync(folder, { recursive: true }))

function write(path: string, ...values: readonly number[]): void {
  mkdirSync(join(folder, path, '..'), { recursive: true })
  writeFileSync(join(folder, path), values.map((v) => `{"v":${v}}\n`).join(''))
}

/** Rows go to a database, where they are seen as soon as they are committed. */
function script(name: string, columns: string, partitionedBy: string, query: string): string {
  sqliteQuery(join(folder, `${name}.db`), 'CREATE TABLE seen (v TEXT)')
  return `CREATE TABLE t (${columns}) ${partitionedBy} WITH ('connector' = 'filesystem', 'path' = '${join(folder, name)}', 'format' = 'json', 'source.monitor-interval' = '1 ms');
    CREATE TABLE seen (v STRING) WITH ('connector' = 'jdbc', 'url' = 'jdbc:sqlite:${join(folder, `${name}.db`)}', 'table-name' = 'seen', 'sink.buffer-flush.interval' = '1 ms');
    INSERT INTO seen ${query}`
}

const seen = (name: string): readonly unknown[] => sqliteQuery(join(folder, `${name}.db`), 'SELECT v FROM seen ORDER BY v').map(({ v }) => v)

describe('a table of files with a monitor interval', () => {
  it('begins with nothing, and reads files when they come', async () => {
    const job = new InsertJob(script('coming', 'v INT', '', 'SELECT CAST(v AS STRING) FROM t'), { isCheckpointed: false })
    let rounds = 0
    await job.abandon(() => {
      const rows = seen('coming').length
      if (rows === rounds) write(`coming/f${rounds}`, rounds++)
      return Promise.resolve(rounds > 3)
    })
    expect(seen('coming').slice(0, 3)).toEqual(['0', '1', '2'])
  })

  it('reads each file once over crashes, new partitions too', async () => {
    write('once/k=a/f1', 1, 2)
    const job = new InsertJob(
      script('once', "v INT, k STRING, f STRING METADATA FROM 'file.name'", 'PARTITIONED BY (k)', 'SELECT k || f || CAST(v AS STRING) FROM t'),
    )
    const first = await job.crash(200)
    expect(seen('once')).toEqual(['af11', 'af12'])
    write('once/k=a/f2', 3)
    write('once/k=b/f1', 4)
    await job.crash(200, await job.crash(200, first))
    expect(seen('once')).toEqual(['af11', 'af12', 'af23', 'bf14'])
  })

  it('is refused where it means nothing', async () => {
    const table = (interval: string): string =>
      `CREATE TABLE t (v INT) WITH ('connector' = 'filesystem', 'path' = '${folder}/once', 'format' = 'json', 'source.monitor-interval' = '${interval}'); SELECT * FROM t`
    await expect(runSql(table('0 s'))).rejects.toThrow("'source.monitor-interval' is 0")
    await expect(runSql(table('often'))).rejects.toThrow("'source.monitor-interval' is 'often'")
    await expect(runSql(`SET 'execution.runtime-mode' = 'batch'; ${table('1 s')}`)).rejects.toThrow('Table "t" never ends')
    const other = `CREATE TABLE t (v INT) WITH ('connector' = 'filesystem', 'path' = '${folder}/once', 'format' = 'json', 'source.path.regex-pattern' = '.*'); SELECT * FROM t`
    await expect(runSql(other)).rejects.toThrow("there is no option 'source.path.regex-pattern'")
  })
})
