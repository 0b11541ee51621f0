// Against a server of its own, where one is installed.
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Decimal, defineSchema, t } from '../../../src/batch/types.ts'
import { postgresSink, type PostgresSinkOptions } from '../../../src/connector/postgres/postgres-sink.ts'
import { Millrace } from '../../../src/index.ts'
import { hasPostgres, postgresServer } from '../../fixtures/postgres.ts'
import { after, before, insert, remove, TableProbe } from './table-probe.ts'

const server = postgresServer()
const COUNT = defineSchema({ page: t.string(), views: t.int().nullable() })
const sinkOf = (table: string, options: Partial<PostgresSinkOptions> = {}) => postgresSink({ connection: server.connection, table, ...options })

describe.skipIf(!hasPostgres)('postgresSink', () => {
  it('writes the values of each type as they are, and NULL', async () => {
    const schema = defineSchema({
      b: t.boolean().nullable(),
      tiny: t.tinyint().nullable(),
      i: t.int().nullable(),
      l: t.bigint().nullable(),
      wide: t.int().nullable(),
      d: t.double().nullable(),
      f: t.float().nullable(),
      m: t.decimal(38, 10).nullable(),
      m2: t.decimal(5, 2).nullable(),
      c: t.string().nullable(),
      j: t.string().nullable(),
      u: t.string().nullable(),
      e: t.string().nullable(),
      x: t.bytes().nullable(),
      day: t.date().nullable(),
      time: t.time(3).nullable(),
      ms: t.timestamp(3).nullable(),
      us: t.timestamp(6).nullable(),
      utc: t.timestampLtz(3).nullable(),
    })
    await server.query("CREATE TYPE mood AS ENUM ('calm', 'it''s {\"loud\"}')")
    const table = await server.createTable(
      'n serial, b boolean, tiny smallint, i integer, l bigint, wide numeric(10, 0), d double precision, f real, m numeric, m2 numeric(7, 3), c varchar(100), ' +
        'j jsonb, u uuid, e mood, x bytea, day date, time time, ms timestamp(3), us timestamp, utc timestamptz',
    )
    const probe = new TableProbe(sinkOf(table), schema)
    const nothing = Object.fromEntries(schema.fields.map(({ name }) => [name, null]))
    await probe.commit(
      insert({
        ...{ b: true, tiny: -128, i: -2147483648, l: -9223372036854775808n, wide: 7, d: -1.5e300, f: 0.5, m2: Decimal.parse('-999.99') },
        ...{ m: Decimal.parse('1234567890123456789012345678.0123456789'), c: 'it\'s {"ünï",NULL} \\ 😀; DROP TABLE v --', j: '{"a": [1, null]}' },
        ...{
          u: '00000000-0000-4000-8000-00000000000a',
          e: 'it\'s {"loud"}',
          x: Uint8Array.of(0, 255, 92),
          day: -1,
          time: 86_399_001,
          ms: -1,
          us: -1000n,
          utc: 0,
        },
      }),
      insert(nothing),
      insert({ ...nothing, d: NaN, f: -Infinity, c: 'NULL', day: -719_529, ms: -62_167_219_200_001, x: new Uint8Array() }),
    )
    probe.close()
    const columns = schema.fields.map(({ name }) => (name === 'utc' ? `(utc AT TIME ZONE 'UTC')::text AS utc` : `${name}::text`)).join(', ')
    const [first, second, third] = await server.query(`SELECT ${columns} FROM ${table} ORDER BY n`)
    expect(first).toEqual({
      ...{ b: 'true', tiny: '-128', i: '-2147483648', l: '-9223372036854775808', wide: '7', d: '-1.5e+300', f: '0.5', m2: '-999.990' },
      ...{ m: '1234567890123456789012345678.0123456789', c: 'it\'s {"ünï",NULL} \\ 😀; DROP TABLE v --', j: '{"a": [1, null]}' },
      ...{ u: '00000000-0000-4000-8000-00000000000a', e: 'it\'s {"loud"}', x: '\\x00ff5c', day: '1969-12-31', time: '23:59:59.001' },
      ...{ ms: '1969-12-31 23:59:59.999', us: '1969-12-31 23:59:59.999999', utc: '1970-01-01 00:00:00' },
    })
    expect(second).toEqual(nothing)
    expect(third).toMatchObject({ d: 'NaN', f: '-Infinity', c: 'NULL', day: '0002-12-31 BC', ms: '0002-12-31 23:59:59.999 BC', x: '\\x' })
  })

  it('replaces and deletes rows by their keys, the last of each in a batch', async () => {
    const table = await server.createTable('note text, views integer, page text, part integer, UNIQUE (part, page)')
    await server.query(`INSERT INTO ${table} VALUES ('mine', 1, 'kept', 0), (NULL, 1, 'gone', 0), (NULL, 1, 'kept', 1)`)
    const schema = defineSchema({ page: t.string(), part: t.int(), views: t.int().nullable() })
    const probe = new TableProbe(sinkOf(table, { keys: ['page', 'part'] }), schema)
    await probe.commit(
      insert({ page: 'a', part: 0, views: 1 }),
      before({ page: 'a', part: 0, views: 1 }),
      after({ page: 'a', part: 0, views: 2 }),
      insert({ page: 'b', part: 0, views: 1 }),
      remove({ page: 'b', part: 0, views: 1 }),
      remove({ page: 'gone', part: 0, views: 1 }),
      remove({ page: 'never there', part: 0, views: 1 }),
      after({ page: 'kept', part: 0, views: null }),
    )
    await probe.commit(remove({ page: 'a', part: 0, views: 2 }), insert({ page: 'a', part: 0, views: 3 }))
    probe.close()
    expect(await server.query(`SELECT page, part, views, note FROM ${table} ORDER BY page, part`)).toEqual([
      { page: 'a', part: 0, views: 3, note: null },
      { page: 'kept', part: 0, views: null, note: 'mine' },
      { page: 'kept', part: 1, views: 1, note: null },
    ])
  })

  it('refuses updates and deletions without keys', async () => {
    const probe = new TableProbe(sinkOf(await server.createTable('page text, views integer')), COUNT)
    await expect(probe.write(remove({ page: 'a', views: 2 }))).rejects.toMatchObject({ code: 'CHANGELOG_NOT_SUPPORTED' })
    probe.close()
  })

  it('takes names as they are, and a schema of the database', async () => {
    await server.query('CREATE SCHEMA "my ""own"" schema"; CREATE TABLE "my ""own"" schema"."the.table" ("a b" integer PRIMARY KEY, "Select" text)')
    const probe = new TableProbe(sinkOf('the.table', { schemaName: 'my "own" schema', keys: ['a b'] }), defineSchema({ 'a b': t.int(), Select: t.string() }))
    await probe.commit(insert({ 'a b': 1, Select: 'x' }))
    await probe.commit(after({ 'a b': 1, Select: 'y' }))
    probe.close()
    expect(await server.query('SELECT * FROM "my ""own"" schema"."the.table"')).toEqual([{ 'a b': 1, Select: 'y' }])
  })

  it.each([
    ['no such column', 'page text', {}, 'no column "views"'],
    ['a narrower type', 'page text, views smallint', {}, 'views" is smallint'],
    ['another type', 'page integer, views integer', {}, 'page" is integer'],
    ['too few digits', 'page text, views numeric(5, 0)', {}, 'room for 10 digits'],
    ['a generated column', 'page text, views integer GENERATED ALWAYS AS (1) STORED', {}, 'is generated'],
    ['a column that the rows lack', 'page text, views integer, more text NOT NULL', {}, '"more" is NOT NULL'],
    ['no constraint on the keys', 'page text, views integer, UNIQUE (page, views)', { keys: ['page'] }, 'no PRIMARY KEY or UNIQUE'],
  ])('says before the first row that there is %s', async (_, columns, options, text) => {
    const probe = new TableProbe(sinkOf(await server.createTable(columns), options), COUNT)
    const error = (await probe.open().catch((thrown: unknown) => thrown)) as Error & { readonly hint: string }
    expect(error).toMatchObject({ code: 'SCHEMA_MISMATCH' })
    expect(`${error.message} ${error.hint}`).toContain(text)
    probe.close()
  })

  it('says that there is no such table, and which there are', async () => {
    const known = await server.createTable('page text')
    const probe = new TableProbe(sinkOf('nothing'), COUNT)
    await expect(probe.open()).rejects.toMatchObject({ code: 'TABLE_NOT_FOUND', hint: expect.stringContaining(known) as string })
    probe.close()
  })

  it('refuses types that it has no place for', () => {
    expect(() => new TableProbe(sinkOf('c'), defineSchema({ at: t.timestamp(9) }))).toThrow(
      expect.objectContaining({ code: 'UNSUPPORTED_TYPE', message: expect.stringContaining('microseconds') as string }),
    )
    expect(() => new TableProbe(sinkOf('c'), defineSchema({ row: t.row({ a: t.int() }) }))).toThrow(expect.objectContaining({ code: 'UNSUPPORTED_TYPE' }))
  })

  it.each([
    [{ table: 'c', connection: 5 }, 'connection'],
    [{ table: 'c', connection: { hostname: 'x' } }, 'hostname'],
    [{ table: '' }, 'table'],
    [{ table: 'c', schema: 'x' }, 'schema'],
  ])('refuses the options %j', (options, text) => {
    expect(() => postgresSink(options as unknown as PostgresSinkOptions)).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringContaining(text) as string }),
    )
  })

  it('lets several writers commit the same epoch at the same time, once', async () => {
    const table = await server.createTable('n serial, page text, views integer')
    const killed = new TableProbe(sinkOf(table), COUNT)
    const epochs = [await killed.epoch({ page: 'a', views: 1 }, { page: 'b', views: 2 }), await killed.epoch({ page: 'a', views: 3 })]
    const snapshot = killed.snapshot()
    killed.close()
    const writers = Array.from({ length: 4 }, () => new TableProbe(sinkOf(table), COUNT, { snapshot }))
    await Promise.all(
      writers.map(async ({ writer }) => {
        for (const epoch of epochs) await writer.commit(epoch)
      }),
    )
    for (const writer of writers) writer.close()
    expect(await server.query(`SELECT page, views FROM ${table} ORDER BY n`)).toEqual([
      { page: 'a', views: 1 },
      { page: 'b', views: 2 },
      { page: 'a', views: 3 },
    ])
  })

  it('shuts out a run that sleeps within its transaction, once the server has ended that', async () => {
    const table = await server.createTable('page text, views integer')
    const asleep = new TableProbe(sinkOf(table), COUNT)
    await asleep.writer.commit(await asleep.epoch({ page: 'a', views: 1 }))
    const snapshot = asleep.snapshot()
    const unknown = await asleep.epoch({ page: 'b', views: 2 })
    const next = await new TableProbe(sinkOf(table), COUNT, { snapshot }).open()
    await next.writer.commit(await next.epoch({ page: 'b', views: 2 }))
    await expect(asleep.writer.commit(unknown)).rejects.toMatchObject({ code: 'SINK_FENCED' })
    asleep.close()
    next.close()
    expect(await server.query(`SELECT page FROM ${table} ORDER BY page`)).toEqual([{ page: 'a' }, { page: 'b' }])
  })

  it('goes on where its connection was lost, between commits and within one', async () => {
    const table = await server.createTable('page text, views integer')
    // A trigger that ends the connection the first time: the transaction is lost in its middle.
    await server.query(`
      CREATE SEQUENCE ${table}_calls;
      CREATE FUNCTION ${table}_lose() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN IF nextval('${table}_calls') = 2 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN NEW; END $$;
      CREATE TRIGGER lose BEFORE INSERT ON ${table} FOR EACH ROW EXECUTE FUNCTION ${table}_lose()`)
    const probe = new TableProbe(sinkOf(table), COUNT)
    await probe.commit(insert({ page: 'a', views: 1 }))
    await probe.commit(insert({ page: 'b', views: 2 }))
    await server.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'millrace'")
    await probe.commit(insert({ page: 'c', views: 3 }))
    probe.close()
    expect(await server.query(`SELECT page FROM ${table} ORDER BY page`)).toEqual([{ page: 'a' }, { page: 'b' }, { page: 'c' }])
  })

  it('waits for a server that comes back', async () => {
    const table = await server.createTable('page text, views integer')
    const probe = new TableProbe(sinkOf(table), COUNT)
    const epoch = await probe.epoch({ page: 'a', views: 1 })
    await server.stop()
    const commit = probe.writer.commit(epoch)
    await server.start()
    await commit
    probe.close()
    expect(await server.query(`SELECT page FROM ${table}`)).toEqual([{ page: 'a' }])
  })

  it('gives up after some tries, and tells no password', async () => {
    for (const connection of [`postgres://ada:s3cret@localhost:1/db?host=${join(server.connection.host, 'nowhere')}`, 'postgres://ada:s3cret@host:port:x/db']) {
      const probe = new TableProbe(sinkOf('c', { connection }), COUNT)
      let error: unknown
      for (let turn = 0; error === undefined; turn++) {
        try {
          probe.writer.hasCapacity()
        } catch (thrown) {
          error = thrown
        }
        await new Promise((resolve) => setImmediate(resolve))
      }
      probe.close()
      expect(error).toMatchObject({ code: 'STORE_FAILED' })
      const { message, hint, stack, cause } = error as Error & { readonly hint?: string }
      expect([message, hint, stack, String(cause)].join()).not.toContain('s3cret')
      expect(postgresSink({ connection, table: 'c' }).describe()).not.toContain('s3cret')
    }
  })

  it('writes the rows of a job without checkpoints, from several subtasks, and leaves no marker', async () => {
    const table = await server.createTable('page text PRIMARY KEY, views integer')
    const env = Millrace.local()
    const rows = Array.from({ length: 3000 }, (_, index) => ({ page: `page ${index}`, views: index }))
    env.fromCollection(rows, COUNT).sinkTo(sinkOf(table, { keys: ['page'] }))
    const [{ n: markers }] = await server.query('SELECT count(*)::int AS n FROM millrace_commits')
    await env.execute()
    expect(await server.query(`SELECT page, views FROM ${table} ORDER BY views`)).toEqual(rows)
    expect(await server.query('SELECT count(*)::int AS n FROM millrace_commits')).toEqual([{ n: markers }])
  })
})
