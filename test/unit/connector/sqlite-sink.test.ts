import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, rmdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { Database } from 'node-sqlite3-wasm'
import { describe, expect, it } from 'vitest'
import { Decimal, defineSchema, t } from '../../../src/batch/types.ts'
import { sqliteSink, type SqliteSinkOptions } from '../../../src/connector/sqlite/sqlite-sink.ts'
import { affinityOf } from '../../../src/connector/sqlite/sqlite-values.ts'
import { Millrace } from '../../../src/index.ts'
import { sqliteQuery } from '../../fixtures/sqlite.ts'
import { scratchFolder } from './file-probe.ts'
import { after, before, insert, remove, TableProbe } from './table-probe.ts'

const folder = scratchFolder()
let databases = 0
/** A new database in which these statements have run. */
function databaseOf(...statements: readonly string[]): string {
  const path = join(folder, `${databases++}.db`)
  for (const statement of statements) sqliteQuery(path, statement)
  return path
}
const rowsOf = (path: string, table: string): object[] => sqliteQuery(path, `SELECT * FROM ${table} ORDER BY 1`)

const COUNT = defineSchema({ page: t.string(), views: t.int().nullable() })

describe('sqliteSink', () => {
  it('writes the values of each type as its table says, and NULL', async () => {
    const schema = defineSchema({
      b: t.boolean().nullable(),
      i: t.int().nullable(),
      l: t.bigint().nullable(),
      s: t.safeInt().nullable(),
      d: t.double().nullable(),
      f: t.float().nullable(),
      m: t.decimal(38, 10).nullable(),
      c: t.string().nullable(),
      x: t.bytes().nullable(),
      day: t.date().nullable(),
      time: t.time(3).nullable(),
      ms: t.timestamp(3).nullable(),
      whole: t.timestamp(0).nullable(),
      ns: t.timestamp(9).nullable(),
      utc: t.timestampLtz(6).nullable(),
    })
    const path = databaseOf(
      'CREATE TABLE v (b BOOLEAN, i INTEGER, l BIGINT, s INTEGER, d REAL, f DOUBLE, m TEXT, c TEXT, x BLOB, day DATE, time TIME, ms TIMESTAMP, whole DATETIME, ns TEXT, utc TEXT)',
    )
    const probe = new TableProbe(sqliteSink({ path, table: 'v' }), schema)
    const nothing = Object.fromEntries(schema.fields.map(({ name }) => [name, null]))
    await probe.commit(
      insert({
        ...{ b: true, i: -2147483648, l: 9223372036854775807n, s: -9007199254740991, d: -1.5e300, f: 0.5 },
        ...{ m: Decimal.parse('1234567890123456789012345678.0123456789'), c: 'it\'s "ünï" 😀; DROP TABLE v --', x: Uint8Array.of(0, 255, 0) },
        ...{ day: -1, time: 86_399_001, ms: -1, whole: 1_000, ns: -1n, utc: 1_700_000_000_123_456_000n },
      }),
      insert(nothing),
    )
    probe.close()
    const [first, second] = sqliteQuery(path, 'SELECT * FROM v ORDER BY rowid')
    expect(first).toEqual({
      ...{ b: 1, i: -2147483648, l: 9223372036854775807n, s: -9007199254740991, d: -1.5e300, f: 0.5 },
      ...{ m: '1234567890123456789012345678.0123456789', c: 'it\'s "ünï" 😀; DROP TABLE v --', x: Uint8Array.of(0, 255, 0) },
      ...{ day: '1969-12-31', time: '23:59:59.001', ms: '1969-12-31 23:59:59.999', whole: '1970-01-01 00:00:01' },
      ...{ ns: '1969-12-31 23:59:59.999999999', utc: '2023-11-14 22:13:20.123456Z' },
    })
    expect(second).toEqual(nothing)
  })

  it.each([
    ['a NaN', { ...{ d: NaN, c: '', day: 0 } }, 'SQLite has no NaN'],
    ['the character U+0000', { d: 0, c: 'a\0b', day: 0 }, 'U+0000'],
    ['a year of five digits', { d: 0, c: '', day: 2_932_897 }, '0000..9999'],
  ])('refuses %s rather than change it', async (_, row, reason) => {
    const path = databaseOf('CREATE TABLE v (d REAL, c TEXT, day DATE)')
    const probe = new TableProbe(sqliteSink({ path, table: 'v' }), defineSchema({ d: t.double(), c: t.string(), day: t.date() }))
    await expect(probe.commit(insert({ d: 1, c: 'kept out too', day: 0 }), insert(row))).rejects.toMatchObject({
      code: 'UNWRITABLE_VALUE',
      message: expect.stringContaining(reason) as string,
    })
    probe.close()
    expect(rowsOf(path, 'v')).toEqual([])
  })

  it('replaces and deletes rows by their keys, in the order in which they come', async () => {
    const path = databaseOf('CREATE TABLE c (views INTEGER, page TEXT PRIMARY KEY, note TEXT)', "INSERT INTO c VALUES (1, 'kept', 'mine'), (1, 'gone', NULL)")
    const probe = new TableProbe(sqliteSink({ path, table: 'c', keys: ['page'] }), COUNT)
    await probe.commit(
      insert({ page: 'a', views: 1 }),
      before({ page: 'a', views: 1 }),
      after({ page: 'a', views: 2 }),
      insert({ page: 'b', views: 1 }),
      remove({ page: 'b', views: 1 }),
      remove({ page: 'gone', views: 1 }),
      remove({ page: 'never there', views: 1 }),
      after({ page: 'kept', views: null }),
    )
    probe.close()
    expect(sqliteQuery(path, 'SELECT page, views, note FROM c ORDER BY page')).toEqual([
      { page: 'a', views: 2, note: null },
      { page: 'kept', views: null, note: 'mine' },
    ])
  })

  it('refuses updates and deletions without keys, and says what to do', async () => {
    const probe = new TableProbe(sqliteSink({ path: databaseOf('CREATE TABLE c (page TEXT, views INTEGER)'), table: 'c' }), COUNT)
    await expect(probe.write(after({ page: 'a', views: 2 }))).rejects.toMatchObject({
      code: 'CHANGELOG_NOT_SUPPORTED',
      hint: expect.stringContaining('keys') as string,
    })
    probe.close()
  })

  it('takes names as they are', async () => {
    const name = 'the "best"; DROP TABLE x'
    const path = databaseOf(`CREATE TABLE "${name.replaceAll('"', '""')}" ("a b" INTEGER PRIMARY KEY, "select" TEXT)`)
    const probe = new TableProbe(sqliteSink({ path, table: name, keys: ['a b'] }), defineSchema({ 'a b': t.int(), select: t.string() }))
    await probe.commit(insert({ 'a b': 1, select: 'x' }), after({ 'a b': 1, select: 'y' }))
    probe.close()
    expect(sqliteQuery(path, `SELECT * FROM "${name.replaceAll('"', '""')}"`)).toEqual([{ 'a b': 1, select: 'y' }])
  })

  it.each([
    ['no such table', 'CREATE TABLE other (page TEXT)', {}, 'TABLE_NOT_FOUND', '"other"'],
    ['no such column', 'CREATE TABLE c (page TEXT)', {}, 'SCHEMA_MISMATCH', 'no column "views"'],
    ['a column that would change values', 'CREATE TABLE c (page NUMERIC, views INTEGER)', {}, 'SCHEMA_MISMATCH', 'would change values of STRING'],
    ['a generated column', 'CREATE TABLE c (page TEXT, views INTEGER AS (1))', {}, 'SCHEMA_MISMATCH', 'is generated'],
    ['a column that the rows lack', 'CREATE TABLE c (page TEXT, views INTEGER, more TEXT NOT NULL)', {}, 'SCHEMA_MISMATCH', '"more" is NOT NULL'],
    ['no constraint on the keys', 'CREATE TABLE c (page TEXT, views INTEGER)', { keys: ['page'] }, 'SCHEMA_MISMATCH', 'no PRIMARY KEY or UNIQUE'],
  ])('says before the first row that there is %s', async (_, statement, options, code, text) => {
    const path = databaseOf(statement)
    const probe = new TableProbe(sqliteSink({ path, table: 'c', ...options }), COUNT)
    const error = await probe.open().catch((thrown: unknown) => thrown as Error & { hint: string })
    expect(error).toMatchObject({ code })
    expect(`${(error as Error).message} ${(error as { hint?: string }).hint}`).toContain(text)
    probe.close()
  })

  it('says that there is no such database, and makes none', async () => {
    const path = join(folder, 'nowhere.db')
    const probe = new TableProbe(sqliteSink({ path, table: 'c' }), COUNT)
    await expect(probe.open()).rejects.toMatchObject({ code: 'STORE_FAILED', message: expect.stringContaining(path) as string })
    probe.close()
    expect(existsSync(path)).toBe(false)
  })

  it.each([
    [{ path: '', table: 'c' }, 'path'],
    [{ path: ':memory:', table: 'c' }, 'memory'],
    [{ path: 'a.db', table: '' }, 'table'],
    [{ path: 'a.db', table: 'c', keys: [] }, 'keys'],
    [{ path: 'a.db', table: 'c', keys: ['a', 'a'] }, 'twice'],
    [{ path: 'a.db', table: 'c', mode: 'upsert' }, 'mode'],
  ])('refuses the options %j', (options, text) => {
    expect(() => sqliteSink(options as SqliteSinkOptions)).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringContaining(text) as string }),
    )
  })

  it('refuses keys that are no columns or may be NULL, and types that it has no place for', () => {
    const sink = (keys: readonly string[]) => sqliteSink({ path: 'a.db', table: 'c', keys })
    expect(() => new TableProbe(sink(['pages']), COUNT)).toThrow(expect.objectContaining({ code: 'UNKNOWN_COLUMN' }))
    expect(() => new TableProbe(sink(['views']), COUNT)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }))
    expect(() => new TableProbe(sqliteSink({ path: 'a.db', table: 'c' }), defineSchema({ list: t.array(t.int()) }))).toThrow(
      expect.objectContaining({ code: 'UNSUPPORTED_TYPE', message: expect.stringContaining('"list"') as string }),
    )
  })

  it('knows affinities as SQLite does', () => {
    const path = databaseOf('CREATE TABLE probe (a)')
    const declared = [
      'INT',
      'BIGINT',
      'CHARINT',
      'VARCHAR(5)',
      'CLOB',
      'TEXT',
      'BLOB',
      '',
      'REAL',
      'FLOAT',
      'DOUBLE PRECISION',
      'FLOATING POINT',
      'DECIMAL(10, 2)',
      'DATE',
      'STRING',
      'BOOLEAN',
    ]
    // Which of these a column leaves as they are tells its affinity.
    const kinds: Record<string, string> = {
      'text,text,blob,integer': 'BLOB',
      'text,text,blob,text': 'TEXT',
      'integer,real,blob,integer': 'INTEGER',
      'real,real,blob,real': 'REAL',
    }
    for (const type of declared) {
      sqliteQuery(path, 'DROP TABLE probe')
      sqliteQuery(path, `CREATE TABLE probe (a ${type})`)
      sqliteQuery(path, "INSERT INTO probe VALUES ('7'), ('0.5'), (x'00'), (7)")
      const seen = sqliteQuery(path, 'SELECT group_concat(typeof(a)) AS seen FROM probe')[0]['seen'] as string
      const affinity = affinityOf(type)
      expect(kinds[seen], type).toBe(affinity === 'NUMERIC' ? 'INTEGER' : affinity)
    }
  })

  it('goes on where a process was killed within a transaction: its half is rolled back', async () => {
    const path = databaseOf('CREATE TABLE c (page TEXT, views INTEGER)')
    const script = `
      const { Database } = require('node-sqlite3-wasm')
      const database = new Database(${JSON.stringify(path)})
      database.exec('PRAGMA cache_size = 5')
      database.exec("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) INSERT INTO c SELECT 'old', i FROM n")
      database.exec('BEGIN')
      database.exec("UPDATE c SET page = 'half done half done half done'")
      process.kill(process.pid, 'SIGKILL')`
    expect(spawnSync(process.execPath, ['-e', script], { cwd: import.meta.dirname }).signal).toBe('SIGKILL')
    expect(existsSync(`${path}-journal`)).toBe(true)
    // The lock of a program that is not ours says nothing of its owner.
    rmdirSync(`${path}.lock`)
    const probe = new TableProbe(sqliteSink({ path, table: 'c' }), COUNT)
    await probe.commit(insert({ page: 'new', views: 0 }))
    probe.close()
    expect(sqliteQuery(path, 'SELECT page, count(*) AS n FROM c GROUP BY page ORDER BY page')).toEqual([
      { page: 'new', n: 1 },
      { page: 'old', n: 5000 },
    ])
    expect(sqliteQuery(path, 'PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }])
  })

  it('breaks the lock of a process that has gone, and waits for one that is there', async () => {
    const path = databaseOf('CREATE TABLE c (page TEXT, views INTEGER)')
    const pid = Number(execFileSync(process.execPath, ['-p', 'process.pid']).toString())
    symlinkSync(`millrace ${pid} 1`, `${path}.lock`)
    const probe = new TableProbe(sqliteSink({ path, table: 'c' }), COUNT)
    await probe.open()
    const other = new Database(path)
    other.exec('BEGIN IMMEDIATE')
    const commit = probe.commit(insert({ page: 'a', views: 1 }))
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
    other.exec("INSERT INTO c VALUES ('first', 0)")
    other.exec('COMMIT')
    other.close()
    await commit
    probe.close()
    expect(sqliteQuery(path, 'SELECT page FROM c ORDER BY rowid')).toEqual([{ page: 'first' }, { page: 'a' }])
    expect(existsSync(`${path}.lock`)).toBe(false)
  })

  it('writes the rows of a job without checkpoints, and leaves no marker', async () => {
    const path = databaseOf('CREATE TABLE c (page TEXT PRIMARY KEY, views INTEGER)')
    const env = Millrace.local()
    const rows = Array.from({ length: 3000 }, (_, index) => ({ page: `page ${index}`, views: index }))
    env.fromCollection(rows, COUNT).sinkTo(sqliteSink({ path, table: 'c', keys: ['page'] }))
    await env.execute()
    expect(sqliteQuery(path, 'SELECT page, views FROM c ORDER BY views')).toEqual(rows)
    expect(rowsOf(path, 'millrace_commits')).toEqual([])
  })

  it('fails the job when a commit fails', async () => {
    const path = databaseOf('CREATE TABLE c (page TEXT, views INTEGER CHECK (views < 10))')
    const env = Millrace.local()
    env.fromCollection([{ page: 'a', views: 10 }], COUNT).sinkTo(sqliteSink({ path, table: 'c' }))
    await expect(env.execute()).rejects.toMatchObject({ code: 'STORE_FAILED', message: expect.stringContaining('CHECK constraint failed') as string })
    expect(rowsOf(path, 'c')).toEqual([])
  })
})
