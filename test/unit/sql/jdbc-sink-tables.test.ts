// Tables of SQLite and PostgreSQL that INSERT writes to: upserts by the primary key, appended rows without, each once over a crash.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { hasPostgres, postgresServer } from '../../fixtures/postgres.ts'
import { InsertJob, runSql } from '../../fixtures/sql-script.ts'
import { sqliteQuery } from '../../fixtures/sqlite.ts'

const folder = mkdtempSync(join(tmpdir(), 'jdbc-'))
afterAll(() => rmSync(folder, { recursive: true }))
const server = postgresServer()

/** What the tests need of a database. */
interface Store {
  readonly options: () => string
  run(sql: string): Promise<readonly Record<string, unknown>[]>
}

const path = join(folder, 'a.db')
const SQLITE: Store = { options: () => `'url' = 'jdbc:sqlite:${path}'`, run: async (sql) => sqliteQuery(path, sql) }
const POSTGRES: Store = {
  options: () => `'url' = 'jdbc:postgresql:///postgres?host=${server.connection.host}', 'username' = 'millrace'`,
  run: (sql) => server.query(sql),
}

const tableOf = (store: Store, name: string, columns: string, options = ''): string =>
  `CREATE TABLE target (${columns}) WITH ('connector' = 'jdbc', ${store.options()}, 'table-name' = '${name}'${options});`
const EVENTS = `CREATE VIEW events AS SELECT * FROM (VALUES ('a', 1), ('b', 2), ('a', 3), ('c', 4), ('b', -2)) AS t (k, v);`
const MADE = `CREATE TABLE made (n INT) WITH ('connector' = 'datagen', 'rows-per-second' = '1000000', 'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '300');`

describe.each([
  ['SQLite', SQLITE, true],
  ['PostgreSQL', POSTGRES, hasPostgres],
] as const)('a table of %s', (_name, store, isThere) => {
  it.skipIf(!isThere)('takes upserts by its primary key', async () => {
    await store.run('CREATE TABLE sums (k VARCHAR(10) PRIMARY KEY, total INTEGER, n BIGINT)')
    await runSql(`${tableOf(store, 'sums', 'k STRING, total INT, n BIGINT, PRIMARY KEY (k) NOT ENFORCED')} ${EVENTS}
      INSERT INTO target SELECT k, SUM(v), COUNT(*) FROM events GROUP BY k HAVING SUM(v) <> 0`)
    expect((await store.run('SELECT k, total, CAST(n AS INTEGER) AS n FROM sums ORDER BY k')).map((row) => Object.values(row))).toEqual([
      ['a', 4, 2],
      ['c', 4, 1],
    ])
  })

  it.skipIf(!isThere)('takes appended rows without one', async () => {
    await store.run('CREATE TABLE log (v INTEGER, k VARCHAR(10))')
    await runSql(`${tableOf(store, 'log', 'k STRING, v INT', ", 'sink.buffer-flush.max-rows' = '2', 'sink.buffer-flush.interval' = '0'")} ${EVENTS}
      INSERT INTO target SELECT k, v FROM events WHERE v > 1`)
    expect((await store.run('SELECT k, v FROM log ORDER BY v')).map((row) => Object.values(row))).toEqual([
      ['b', 2],
      ['a', 3],
      ['c', 4],
    ])
  })

  it.skipIf(!isThere).each([
    ['appended', 'n INT', 'n INTEGER', 1],
    ['upserted', 'n INT, PRIMARY KEY (n) NOT ENFORCED', 'n INTEGER PRIMARY KEY', 2],
  ])('has each row once over a crash: %s', async (kind, columns, own, parallelism) => {
    await store.run(`CREATE TABLE once_${kind} (${own})`)
    const job = new InsertJob(`${MADE} ${tableOf(store, `once_${kind}`, columns)} INSERT INTO target SELECT n FROM made`, { parallelism })
    await job.finish(await job.crash(8))
    const [row] = await store.run(`SELECT COUNT(*) AS c, COUNT(DISTINCT n) AS d, SUM(n) AS s FROM once_${kind}`)
    expect([row['c'], row['d'], row['s']].map(Number)).toEqual([300, 300, 45_150])
  })

  it.skipIf(!isThere).each([
    ['so many wait', "'sink.buffer-flush.max-rows' = '40', 'sink.buffer-flush.interval' = '10 min'", true],
    ['they have waited so long', "'sink.buffer-flush.max-rows' = '0', 'sink.buffer-flush.interval' = '1 ms'", true],
    ['neither', "'sink.buffer-flush.max-rows' = '0', 'sink.buffer-flush.interval' = '10 min'", false],
  ])('commits rows of a job without checkpoints when %s', async (when, options, isSeen) => {
    const name = `flushed_${when.replaceAll(' ', '_')}`
    await store.run(`CREATE TABLE ${name} (n INTEGER)`)
    const endless = "CREATE TABLE made (n INT) WITH ('connector' = 'datagen', 'rows-per-second' = '1000000');"
    const job = new InsertJob(`${endless} ${tableOf(store, name, 'n INT', `, ${options}`)} INSERT INTO target SELECT n FROM made`, { isCheckpointed: false })
    let looks = 0
    let rows = 0
    await job.abandon(async () => {
      rows = await store.run(`SELECT COUNT(*) AS c FROM ${name}`).then(
        ([{ c }]) => Number(c),
        // While rows are committed SQLite has nobody look.
        (error: unknown) => {
          if (!String(error).includes('locked')) throw error
          return 0
        },
      )
      // What must come is waited for.
      return rows > 0 || (!isSeen && ++looks > 8)
    })
    expect(rows > 0).toBe(isSeen)
  })

  it.skipIf(!isThere)('refuses a query that changes rows where it has no key', async () => {
    const script = `${tableOf(store, 'anything', 'k STRING, n BIGINT')} ${EVENTS} INSERT INTO target SELECT k, COUNT(*) FROM events GROUP BY k`
    await expect(runSql(script)).rejects.toMatchObject({
      code: 'SINK_TAKES_NO_CHANGES',
      message: expect.stringContaining('takes inserted rows only, and the query changes rows that it has given') as unknown,
      hint: expect.stringContaining('PRIMARY KEY (...) NOT ENFORCED') as unknown,
    })
  })

  it.skipIf(!isThere)('says what is wrong with the table that is there', async () => {
    await store.run('CREATE TABLE narrow (k VARCHAR(10))')
    const insert = (name: string): Promise<unknown> => runSql(`${tableOf(store, name, 'k STRING, v INT')} ${EVENTS} INSERT INTO target SELECT * FROM events`)
    await expect(insert('narrow')).rejects.toThrow('it has no column "v"')
    await expect(insert('nowhere')).rejects.toThrow('there is no such table')
  })
})

it.each([
  ["'url' = 'jdbc:sqlite:'", 'it names no file'],
  ["'url' = 'jdbc:mysql://h/d'", 'it begins with neither jdbc:sqlite: nor jdbc:postgresql:'],
  ["'url' = 'jdbc:sqlite:x.db', 'username' = 'me'", 'SQLite knows no users'],
  ["'url' = 'jdbc:postgresql://me:secret@h/d'", 'it holds a user in front of the host'],
  ["'url' = 'jdbc:postgresql://h/d?sslmod=require'", 'nothing is known of its parameter sslmod'],
  ["'url' = 'jdbc:postgresql://h/d?sslmode=maybe'", 'its sslmode is maybe'],
  ["'url' = 'jdbc:sqlite:x.db', 'sink.max-retries' = 'many'", "'sink.max-retries' is 'many'"],
  ["'url' = 'jdbc:sqlite:x.db', 'driver' = 'com.mysql.Driver'", "'driver' is 'com.mysql.Driver'"],
  ["'url' = 'jdbc:sqlite:x.db', 'sink.buffer-flush.max-row' = '1'", "there is no option 'sink.buffer-flush.max-row'"],
  ["'driver' = 'org.sqlite.JDBC'", "it has no option 'url'"],
])('%s is refused', async (options, message) => {
  const script = `CREATE TABLE target (v INT) WITH ('connector' = 'jdbc', 'table-name' = 't', ${options}); INSERT INTO target VALUES (1)`
  const error = await runSql(script).then(
    () => undefined,
    (thrown: unknown) => thrown as Error,
  )
  expect(error?.message).toContain(message)
  expect(error?.message).not.toContain('secret')
})
