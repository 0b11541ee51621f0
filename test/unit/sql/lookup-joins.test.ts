// Lookup joins with tables of SQLite and PostgreSQL: Flink's rules, the cache, retries, and what is asked how often.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hasPostgres, postgresServer } from '../../fixtures/postgres.ts'
import { InsertJob, rowsOf, runSql } from '../../fixtures/sql-script.ts'
import { sqliteQuery } from '../../fixtures/sqlite.ts'

const folder = mkdtempSync(join(tmpdir(), 'lookup-'))
afterAll(() => rmSync(folder, { recursive: true }))
const server = postgresServer()

/** What the tests need of a database. */
interface Store {
  readonly options: () => string
  run(sql: string): Promise<unknown>
}

const path = join(folder, 'a.db')
const SQLITE: Store = { options: () => `'url' = 'jdbc:sqlite:${path}'`, run: (sql) => Promise.resolve(sqliteQuery(path, sql)) }
const POSTGRES: Store = {
  options: () => `'url' = 'jdbc:postgresql:///postgres?host=${server.connection.host}', 'username' = 'millrace'`,
  run: (sql) => server.query(sql),
}

const dimOf = (store: Store, name: string, columns: string, options = ''): string =>
  `CREATE TABLE dim (${columns}) WITH ('connector' = 'jdbc', ${store.options()}, 'table-name' = '${name}'${options});`
const ORDERS = `CREATE VIEW orders AS SELECT *, PROCTIME() AS p FROM (VALUES (1, 'a', 10), (2, 'b', 20), (3, CAST(NULL AS STRING), 30), (4, 'z', 40), (5, 'a', 50)) AS t (id, k, v);`
const CITIES = 'k STRING, city STRING, grade INT'

describe.each([
  ['SQLite', SQLITE, true],
  ['PostgreSQL', POSTGRES, hasPostgres],
] as const)('a lookup join with a table of %s', (_name, store, isThere) => {
  const ask = async (query: string, columns = CITIES, options = '', table = 'cities'): Promise<string[]> =>
    rowsOf(await runSql(`${ORDERS} ${dimOf(store, table, columns, options)} ${query}`))

  beforeAll(async () => {
    if (!isThere) return
    await store.run('CREATE TABLE cities (k VARCHAR(9), city VARCHAR(9), grade INTEGER)')
    for (const row of ["('a', 'Aachen', 1)", "('a', 'Aalen', 2)", "('b', 'Bonn', NULL)", "(NULL, 'Nowhere', 0)"])
      await store.run(`INSERT INTO cities VALUES ${row}`)
  })

  it.skipIf(!isThere)('gives each row beside those of its key', async () => {
    expect(await ask('SELECT o.id, d.city FROM orders AS o JOIN dim FOR SYSTEM_TIME AS OF o.p AS d ON o.k = d.k')).toEqual([
      '[1,"Aachen"]',
      '[1,"Aalen"]',
      '[2,"Bonn"]',
      '[5,"Aachen"]',
      '[5,"Aalen"]',
    ])
  })

  it.skipIf(!isThere)('LEFT keeps rows without partners', async () => {
    expect(await ask('SELECT o.id, d.city, d.grade FROM orders AS o LEFT JOIN dim FOR SYSTEM_TIME AS OF o.p AS d ON o.k = d.k AND d.grade > 1')).toEqual([
      '[1,"Aalen",2]',
      '[2,null,null]',
      '[3,null,null]',
      '[4,null,null]',
      '[5,"Aalen",2]',
    ])
  })

  it.skipIf(!isThere)('takes conditions on either side, and on both', async () => {
    expect(
      await ask('SELECT o.id, d.city FROM orders AS o LEFT JOIN dim FOR SYSTEM_TIME AS OF o.p AS d ON o.k = d.k AND o.v < 50 AND d.grade * 10 = o.v'),
    ).toEqual(['[1,"Aachen"]', '[2,null]', '[3,null]', '[4,null]', '[5,null]'])
  })

  it.skipIf(!isThere)('asks by constants, and by computed values', async () => {
    expect(await ask("SELECT o.id, d.city FROM orders AS o JOIN dim FOR SYSTEM_TIME AS OF o.p AS d ON d.k = 'a' AND d.grade = MOD(o.id, 3)")).toEqual([
      '[1,"Aachen"]',
      '[2,"Aalen"]',
      '[4,"Aachen"]',
      '[5,"Aalen"]',
    ])
  })

  it.skipIf(!isThere)('takes its key from WHERE too', async () => {
    expect(await ask('SELECT o.id, d.city FROM orders AS o, dim FOR SYSTEM_TIME AS OF o.p AS d WHERE o.k = d.k AND d.grade IS NULL')).toEqual(['[2,"Bonn"]'])
  })

  it.skipIf(!isThere)('takes computed columns and views of the table', async () => {
    const columns = `${CITIES}, shown AS UPPER(city) || CAST(grade AS STRING)`
    const view = 'CREATE VIEW shown AS SELECT k AS kk, shown FROM dim WHERE grade > 1;'
    expect(await ask(`${view} SELECT o.id, d.shown FROM orders AS o JOIN shown FOR SYSTEM_TIME AS OF o.p AS d ON o.k = d.kk`, columns)).toEqual([
      '[1,"AALEN2"]',
      '[5,"AALEN2"]',
    ])
  })

  it.skipIf(!isThere)('joins changes as they come', async () => {
    const query = `SELECT t.n, d.city FROM (SELECT k, COUNT(*) AS n, PROCTIME() AS p FROM orders GROUP BY k) AS t
      LEFT JOIN dim FOR SYSTEM_TIME AS OF t.p AS d ON t.k = d.k AND d.grade = 1`
    expect(await ask(query)).toEqual(['[1,null]', '[1,null]', '[1,null]', '[2,"Aachen"]'])
  })

  it.skipIf(!isThere)('joins two tables one behind the other', async () => {
    const query = `SELECT o.id, d.city, e.grade FROM orders AS o
      JOIN dim FOR SYSTEM_TIME AS OF o.p AS d ON o.k = d.k
      LEFT JOIN dim FOR SYSTEM_TIME AS OF o.p AS e ON d.city = e.city AND e.grade = 2`
    expect(await ask(query)).toEqual(['[1,"Aachen",null]', '[1,"Aalen",2]', '[2,"Bonn",null]', '[5,"Aachen",null]', '[5,"Aalen",2]'])
  })

  it.skipIf(!isThere)('reads what the types of its columns say', async () => {
    const isSqlite = store === SQLITE
    const types = isSqlite
      ? 'k TEXT, b BOOLEAN, i INTEGER, l BIGINT, d DOUBLE, f REAL, m TEXT, x BLOB, day DATE, t TIME, ms TIMESTAMP, us TIMESTAMP, utc TIMESTAMP'
      : 'k text, b boolean, i integer, l bigint, d double precision, f real, m numeric(20, 4), x bytea, day date, t time(3), ms timestamp(3), us timestamp, utc timestamptz'
    await store.run(`CREATE TABLE kinds (${types})`)
    const columns =
      'k STRING, b BOOLEAN, i INT, l BIGINT, d DOUBLE, f FLOAT, m DECIMAL(20, 4), x BYTES, `day` DATE, t TIME(3), ms TIMESTAMP(3), us TIMESTAMP(6), utc TIMESTAMP_LTZ(3)'
    // Written by the sink, read by the lookup: what goes in comes out.
    const row = `'a', TRUE, -7, 9223372036854775807, 1.5E300, CAST(0.25 AS FLOAT), 12345.6789, X'00ff', DATE '1969-12-31', TIME '10:20:30.123',
      TIMESTAMP '2026-01-31 10:00:00.120', TIMESTAMP '2026-01-31 10:00:00.123456', TO_TIMESTAMP_LTZ(1500, 3)`
    await runSql(`${dimOf(store, 'kinds', columns)} INSERT INTO dim VALUES (${row})`)
    const all = 'd.b, d.i, d.l, d.d, d.f, d.m, d.x, d.`day`, d.t, d.ms, d.us, d.utc'
    expect(await ask(`SELECT ${all} FROM orders AS o JOIN dim FOR SYSTEM_TIME AS OF o.p AS d ON o.k = d.k AND o.id = 1`, columns, '', 'kinds')).toEqual([
      JSON.stringify([
        ...[true, -7, '9223372036854775807', 1.5e300, 0.25, '12345.6789', "x'00ff'", '1969-12-31', '10:20:30.123'],
        ...['2026-01-31 10:00:00.12', '2026-01-31 10:00:00.123456', '1970-01-01 00:00:01.5Z'],
      ]),
    ])
    const byTime =
      "SELECT d.k FROM orders AS o JOIN dim FOR SYSTEM_TIME AS OF o.p AS d ON d.us = TIMESTAMP '2026-01-31 10:00:00.123456' AND d.l = 9223372036854775807 AND o.id = 1"
    expect(await ask(byTime, columns, '', 'kinds')).toEqual(['["a"]'])
    await expect(ask('SELECT d.m FROM orders AS o JOIN dim FOR SYSTEM_TIME AS OF o.p AS d ON o.k = d.k', 'k STRING, m BOOLEAN', '', 'kinds')).rejects.toThrow(
      /Cannot read column "m" of table .*: "12345.6789" is no BOOLEAN/,
    )
  })

  it.skipIf(!isThere).each([1, 2])('finds every key of many over a crash, with %i subtasks', async (parallelism) => {
    if (parallelism === 1) {
      await store.run('CREATE TABLE squares (n INTEGER PRIMARY KEY, square INTEGER)')
      await store.run(
        `INSERT INTO squares ${store === SQLITE ? 'WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 900) SELECT n, n * n FROM c' : 'SELECT n, n * n FROM generate_series(1, 900) AS n'}`,
      )
    }
    const out = join(folder, `squares-${store === SQLITE ? 's' : 'p'}-${parallelism}`)
    const made = `CREATE TABLE made (n INT, p AS PROCTIME()) WITH ('connector' = 'datagen', 'rows-per-second' = '1000000', 'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '1000');`
    const found = `CREATE TABLE found (n INT, square INT) WITH ('connector' = 'filesystem', 'path' = '${out}', 'format' = 'json');`
    const job = new InsertJob(
      `${made} ${found} ${dimOf(store, 'squares', 'n INT, square INT', ", 'lookup.cache' = 'PARTIAL'")}
       INSERT INTO found SELECT m.n, d.square FROM made AS m LEFT JOIN dim FOR SYSTEM_TIME AS OF m.p AS d ON m.n = d.n`,
      { parallelism },
    )
    await job.finish(await job.crash(20))
    const rows = rowsOf(await runSql(`${found} SELECT * FROM found`))
    expect(rows).toEqual(Array.from({ length: 1000 }, (_, index) => `[${index + 1},${index < 900 ? (index + 1) ** 2 : null}]`).toSorted())
  })

  it.skipIf(!isThere)('says what is wrong with the table that is there', async () => {
    const query = 'SELECT o.id, d.* FROM orders AS o JOIN dim FOR SYSTEM_TIME AS OF o.p AS d ON o.k = d.k'
    await expect(ask(query, 'k STRING, nam STRING')).rejects.toThrow('it has no column "nam"')
    await expect(ask(query, CITIES, '', 'nowhere')).rejects.toThrow(/Cannot read table .*nowhere.*: there is no such table/)
  })

  it.skipIf(!isThere)('asks again for keys without rows, as the hint says', async () => {
    await store.run('CREATE TABLE late (k VARCHAR(9), city VARCHAR(9))')
    const hint =
      "/*+ LOOKUP('table' = 'd', 'retry-predicate' = 'lookup_miss', 'retry-strategy' = 'fixed_delay', 'fixed-delay' = '20 ms', 'max-attempts' = '500') */"
    const query = `SELECT ${hint} o.id, d.city FROM orders AS o JOIN dim FOR SYSTEM_TIME AS OF o.p AS d ON o.k = d.k AND o.id = 1`
    const answer = ask(query, 'k STRING, city STRING', '', 'late')
    await new Promise(setImmediate)
    await store.run("INSERT INTO late VALUES ('a', 'Ahlen')")
    expect(await answer).toEqual(['[1,"Ahlen"]'])
  })
})

describe('a lookup join', () => {
  const refused = (query: string, columns = CITIES, options = ''): Promise<unknown> => runSql(`${ORDERS} ${dimOf(SQLITE, 'cities', columns, options)} ${query}`)
  const JOIN = 'FROM orders AS o JOIN dim FOR SYSTEM_TIME AS OF o.p AS d ON o.k = d.k'

  it.each([
    ['SELECT * FROM orders AS o RIGHT JOIN dim FOR SYSTEM_TIME AS OF o.p AS d ON o.k = d.k', 'WRONG_JOIN', 'A join as of a time is INNER or LEFT, not RIGHT'],
    ['SELECT * FROM orders AS o JOIN dim FOR SYSTEM_TIME AS OF o.p AS d ON o.v > d.grade', 'NO_KEY', 'Table "dim" is looked up by no column'],
    ['SELECT * FROM orders AS o JOIN dim FOR SYSTEM_TIME AS OF o.p AS d ON TRUE', 'NO_KEY', 'Table "dim" is looked up by no column'],
    ['SELECT * FROM orders AS o JOIN dim FOR SYSTEM_TIME AS OF o.v AS d ON o.k = d.k', 'WRONG_TYPE', 'takes a time attribute of the left side'],
    ['SELECT * FROM orders AS o JOIN dim FOR SYSTEM_TIME AS OF PROCTIME() AS d ON o.k = d.k', 'WRONG_TYPE', 'takes a time attribute of the left side'],
    [
      "CREATE TABLE f (k STRING) WITH ('connector' = 'filesystem', 'path' = 'f', 'format' = 'json'); SELECT * FROM orders AS o JOIN f FOR SYSTEM_TIME AS OF o.p AS d ON o.k = d.k",
      'WRONG_JOIN',
      "Tables of connector 'filesystem' are not looked up",
    ],
    [
      'CREATE VIEW g AS SELECT k, COUNT(*) AS n FROM dim GROUP BY k; SELECT * FROM orders AS o JOIN g FOR SYSTEM_TIME AS OF o.p AS d ON o.k = d.k',
      'WRONG_JOIN',
      'A view that is looked up is projections and filters of one table',
    ],
    [`SELECT /*+ LOOKUP('async' = 'true') */ * ${JOIN}`, 'INVALID_HINT', 'LOOKUP names no table'],
    [`SELECT /*+ LOOKUP('table' = 'x') */ * ${JOIN}`, 'INVALID_HINT', 'No table "x" is looked up here'],
    [`SELECT /*+ LOOKUP('table' = 'd', 'capacty' = '5') */ * ${JOIN}`, 'INVALID_HINT', "LOOKUP has no option 'capacty'"],
    [`SELECT /*+ LOOKUP('table' = 'd', 'capacity' = '0') */ * ${JOIN}`, 'INVALID_HINT', "'capacity' is '0'"],
    [`SELECT /*+ LOOKUP('table' = 'd', 'timeout' = 'soon') */ * ${JOIN}`, 'INVALID_HINT', "'timeout' is 'soon'"],
    [`SELECT /*+ LOOKUP('table' = 'd', 'output-mode' = 'mixed') */ * ${JOIN}`, 'INVALID_HINT', "'output-mode' is 'mixed'"],
    [`SELECT /*+ LOOKUP('table' = 'd', 'max-attempts' = '3') */ * ${JOIN}`, 'INVALID_HINT', "LOOKUP has 'max-attempts' without the other options of a retry"],
  ])('%s is refused', async (query, code, message) => {
    await expect(refused(query)).rejects.toMatchObject({ code, message: expect.stringContaining(message) as unknown })
  })

  it.each([
    ["'lookup.cache' = 'FULL'", "'lookup.cache' is 'FULL'"],
    ["'lookup.partial-cache.max-rows' = 'few'", "'lookup.partial-cache.max-rows' is 'few'"],
    ["'lookup.max-retrys' = '1'", "there is no option 'lookup.max-retrys'"],
  ])('a table with %s is refused', async (options, message) => {
    await expect(refused(`SELECT * ${JOIN}`, CITIES, `, ${options}`)).rejects.toThrow(message)
  })

  it('takes a hint with all options, and shows in plans by what is asked', async () => {
    const hint =
      "LOOKUP('table' = 'dim', 'async' = 'true', 'output-mode' = 'allow_unordered', 'capacity' = '2', 'timeout' = '10 s', 'retry-predicate' = 'lookup_miss', 'retry-strategy' = 'fixed_delay', 'fixed-delay' = '1 ms', 'max-attempts' = '2')"
    const query = `SELECT /*+ ${hint} */ o.id, d.city ${JOIN}`
    const rows = await runSql(`${ORDERS} ${dimOf(SQLITE, 'cities', CITIES)} ${query}`)
    expect(rowsOf(rows)).toEqual(['[1,"Aachen"]', '[1,"Aalen"]', '[2,"Bonn"]', '[5,"Aachen"]', '[5,"Aalen"]'])
    const [[, text]] = await runSql(`${ORDERS} ${dimOf(SQLITE, 'cities', CITIES)} EXPLAIN ${query}`)
    expect(text).toContain('LookupJoin(table=[default_catalog.default_database.dim], joinType=[INNER]')
    expect(text).toContain('lookup=[k = k]')
  })
})
