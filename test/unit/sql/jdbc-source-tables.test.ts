// Tables of connector 'jdbc' that are read from one end to the other: values, what the database is asked for, ranges, restores.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { hasPostgres, postgresServer } from '../../fixtures/postgres.ts'
import { InsertJob, rowsOf, runSql } from '../../fixtures/sql-script.ts'
import { sqliteQuery } from '../../fixtures/sqlite.ts'

const folder = mkdtempSync(join(tmpdir(), 'jdbc-source-'))
afterAll(() => rmSync(folder, { recursive: true }))
const server = postgresServer()
const path = join(folder, 'a.db')

interface Store {
  readonly options: () => string
  run(sql: string): Promise<unknown>
  /** A list of literals as rows of a table. */
  readonly numbers: (count: number) => string
}

const SQLITE: Store = {
  options: () => `'url' = 'jdbc:sqlite:${path}'`,
  run: (sql) => Promise.resolve(sqliteQuery(path, sql)),
  numbers: (count) => `WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < ${count}) SELECT n, 'v' || n FROM s`,
}
const POSTGRES: Store = {
  options: () => `'url' = 'jdbc:postgresql:///postgres?host=${server.connection.host}', 'username' = 'millrace'`,
  run: (sql) => server.query(sql),
  numbers: (count) => `SELECT n, 'v' || n FROM generate_series(1, ${count}) AS s (n)`,
}

describe.each([
  ['SQLite', SQLITE, true],
  ['PostgreSQL', POSTGRES, hasPostgres],
] as const)('a table of %s', (_name, store, isThere) => {
  const tableOf = (columns: string, table: string, options = ''): string =>
    `CREATE TABLE t (${columns}) WITH ('connector' = 'jdbc', ${store.options()}, 'table-name' = '${table}'${options});`
  const ask = async (query: string, options = '', table = 'cities'): Promise<string[]> =>
    rowsOf(await runSql(`${tableOf('k STRING, city STRING, grade INT', table, options)} ${query}`, 2))
  const planOf = async (query: string, options = ''): Promise<string> => (await ask(`EXPLAIN ${query}`, options)).join('\n')

  beforeAll(async () => {
    if (!isThere) return
    await store.run('CREATE TABLE cities (id INTEGER, k TEXT, city TEXT, grade INTEGER)')
    for (const row of ["(1, 'a', 'Aachen', 1)", "(2, 'a', 'Aalen', 2)", "(3, 'b', 'Bonn', NULL)", "(4, NULL, 'Nowhere', 0)"])
      await store.run(`INSERT INTO cities VALUES ${row}`)
    await store.run('CREATE TABLE numbers (n INTEGER, v TEXT)')
    await store.run(`INSERT INTO numbers ${store.numbers(1000)}`)
    await store.run('CREATE VIEW evens AS SELECT n, v FROM numbers WHERE n % 2 = 0')
  })

  it.skipIf(!isThere)('is rows as they are', async () => {
    expect(await ask('SELECT * FROM t')).toEqual(['["a","Aachen",1]', '["a","Aalen",2]', '["b","Bonn",null]', '[null,"Nowhere",0]'].toSorted())
    expect(await ask('SELECT COUNT(*) FROM t')).toEqual(['[4]'])
    expect(await ask('SELECT k, SUM(grade) FROM t GROUP BY k')).toEqual(['["a",3]', '["b",null]', '[null,0]'])
  })

  it.skipIf(!isThere).each([
    ["k = 'a' AND grade > 1", "k = 'a' AND grade > 1", ['["Aalen"]']],
    ['2 <= grade', 'grade >= 2', ['["Aalen"]']],
    ['k IS NULL', 'k IS NULL', ['["Nowhere"]']],
    ['grade IS NOT NULL AND grade <> 1', 'grade IS NOT NULL AND grade <> 1', ['["Aalen"]', '["Nowhere"]']],
    // What the database may see otherwise, or does not know, is looked at here alone.
    ["k > 'a' AND CHAR_LENGTH(city) = 4", "k > 'a'", ['["Bonn"]']],
    ["UPPER(k) = 'B'", undefined, ['["Bonn"]']],
    ["k = 'a' OR grade = 0", undefined, ['["Aachen"]', '["Aalen"]', '["Nowhere"]']],
  ])('is asked for rows of which %s', async (where, asked, rows) => {
    expect(await ask(`SELECT city FROM t WHERE ${where}`)).toEqual(rows)
    const plan = await planOf(`SELECT city FROM t WHERE ${where}`)
    if (asked === undefined) expect(plan).not.toContain(', where ')
    else expect(plan).toContain(`, where ${asked}`)
  })

  it.skipIf(!isThere)('is asked for what several queries ask for', async () => {
    const both = "SELECT city FROM t WHERE k = 'b' UNION ALL SELECT city FROM t WHERE grade = 1"
    expect(await ask(both)).toEqual(['["Aachen"]', '["Bonn"]'])
    expect(await planOf(both)).toContain(", where k = 'b' OR grade = 1")
    expect(await planOf("SELECT city FROM t WHERE k = 'b' UNION ALL SELECT city FROM t")).not.toContain(', where ')
  })

  it.skipIf(!isThere)('is asked for the columns that somebody wants', async () => {
    expect(await ask('SELECT grade FROM t', '', 'cities')).toEqual(['[0]', '[1]', '[2]', '[null]'])
    // A column that is not there is no concern of who does not ask for it.
    const other = `${tableOf('city STRING, nothing STRING', 'cities')} SELECT city FROM t`
    expect(rowsOf(await runSql(other))).toHaveLength(4)
  })

  it.skipIf(!isThere).each([1, 3, 7, 2000])('is read in %i ranges, each row once', async (count) => {
    const partition = `, 'scan.partition.column' = 'n', 'scan.partition.num' = '${count}', 'scan.partition.lower-bound' = '1', 'scan.partition.upper-bound' = '900', 'scan.fetch-size' = '10'`
    const sums = `${tableOf('n INT, v STRING', 'numbers', partition)} SELECT COUNT(*), SUM(n), MIN(n), MAX(n) FROM t`
    expect(rowsOf(await runSql(sums, 2))).toEqual([JSON.stringify([900, 405_450, 1, 900])])
  })

  it.skipIf(!isThere).each(['numbers', 'evens'])('goes on where a checkpoint was: %s', async (name) => {
    const step = name === 'evens' ? 2 : 1
    for (const steps of [4, 30, 90]) {
      const target = join(folder, `${name}-${store === SQLITE ? 's' : 'p'}-${steps}`)
      const files = `CREATE TABLE f (n INT) WITH ('connector' = 'filesystem', 'path' = '${target}', 'format' = 'json');`
      const job = new InsertJob(`${tableOf('n INT', name, ", 'scan.fetch-size' = '50'")} ${files} INSERT INTO f SELECT n FROM t`)
      await job.finish(await job.crash(steps))
      const rows = await runSql(`${files} SELECT n FROM f`)
      expect(rows.map(([, n]) => n as number).toSorted((one, other) => one - other)).toEqual(
        Array.from({ length: 1000 / step }, (_, index) => (index + 1) * step),
      )
    }
  })

  it.skipIf(!isThere).each([
    [", 'scan.partition.column' = 'grade'", "'scan.partition.num' is missing"],
    [rangesOf('city', '2', '1', '2'), "'scan.partition.column' is 'city', which is STRING"],
    [rangesOf('id', '2', '1', '2'), "'scan.partition.column' is 'id', which is no column"],
    [rangesOf('grade', '0', '1', '2'), "'scan.partition.num' is 0"],
    [rangesOf('grade', '2', '3', '2'), "'scan.partition.lower-bound' is 3, beyond"],
    [rangesOf('grade', '2', 'x', '2'), "'scan.partition.lower-bound' is 'x'"],
    [", 'scan.fetch-sise' = '2'", "Did you mean 'scan.fetch-size'?"],
  ])('%s is refused', async (options, message) => {
    const error = await ask('SELECT * FROM t', options).then(
      () => undefined,
      (thrown: Error & { readonly hint?: string }) => thrown,
    )
    expect(`${error?.message} ${error?.hint}`).toContain(message)
  })

  it.skipIf(!isThere)('that is not there, or has other columns, is told', async () => {
    await expect(ask('SELECT * FROM t', '', 'towns')).rejects.toMatchObject({ code: 'TABLE_NOT_FOUND', message: expect.stringContaining('"towns"') as string })
    await expect(ask('SELECT * FROM t', '', 'numbers')).rejects.toMatchObject({ code: 'SCHEMA_MISMATCH' })
    const wrong = `${tableOf('v INT', 'numbers')} SELECT v FROM t`
    await expect(runSql(wrong)).rejects.toMatchObject({ code: 'UNREADABLE_VALUE' })
  })
})

function rangesOf(column: string, count: string, lower: string, upper: string): string {
  const [a, b, c, d] = ['column', 'num', 'lower-bound', 'upper-bound'].map((key) => `'scan.partition.${key}'`)
  return `, ${a} = '${column}', ${b} = '${count}', ${c} = '${lower}', ${d} = '${upper}'`
}

test('a database is read and written by one job', async () => {
  const one = join(folder, 'both.db')
  sqliteQuery(one, 'CREATE TABLE a (n INTEGER PRIMARY KEY, v TEXT)')
  sqliteQuery(one, 'CREATE TABLE b (n INTEGER PRIMARY KEY, v TEXT)')
  sqliteQuery(one, `INSERT INTO a ${SQLITE.numbers(5000)}`)
  const table = (name: string): string =>
    `CREATE TABLE ${name} (n INT, v STRING, PRIMARY KEY (n) NOT ENFORCED) WITH ('connector' = 'jdbc', 'url' = 'jdbc:sqlite:${one}', 'table-name' = '${name}');`
  await runSql(`${table('a')} ${table('b')} INSERT INTO b SELECT n, UPPER(v) FROM a WHERE n > 10`)
  expect(sqliteQuery(one, 'SELECT COUNT(*) AS c, MIN(n) AS l, MAX(v) AS v FROM b')).toEqual([{ c: 4990, l: 11, v: 'V999' }])
})
