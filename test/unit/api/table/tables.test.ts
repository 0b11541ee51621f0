// Tables beside the streams of a job: ways between both, statements, and what is refused.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { DataStream } from '../../../../src/api/datastream/data-stream.ts'
import { Millrace } from '../../../../src/api/datastream/millrace.ts'
import { ChangelogMode } from '../../../../src/api/table/changelog-mode.ts'
import { fn } from '../../../../src/api/table/expression-functions.ts'
import { sql } from '../../../../src/api/table/sql-text.ts'
import { StreamTableEnvironment } from '../../../../src/api/table/stream-table-environment.ts'
import type { RowKind, Table } from '../../../../src/api/table/table.ts'
import { Tumble } from '../../../../src/api/table/windows.ts'
import { Decimal, defineSchema, t } from '../../../../src/batch/types.ts'
import { hasCode, PlanError } from '../../../../src/base/errors.ts'
import { count } from '../../../../src/operator/window/slice-aggregates.ts'
import { TumblingEventTimeWindows } from '../../../../src/operator/window/assigners.ts'
import { SqlError } from '../../../../src/sql/sql-error.ts'
import { WatermarkStrategy } from '../../../../src/time/watermark-strategy.ts'
import * as FUNCTIONS from '../../../fixtures/sql-functions.ts'

async function environments() {
  const env = Millrace.local()
  return { env, tables: await StreamTableEnvironment.create(env) }
}

function errorOf(make: () => unknown): PlanError {
  try {
    make()
  } catch (error) {
    if (error instanceof PlanError) return error
    throw error
  }
  throw new RangeError('nothing was thrown')
}

const WORDS = defineSchema({ word: t.string(), n: t.safeInt(), at: t.timestamp(3) })
const TEXTS = [
  { word: 'to', n: 1, at: 1000 },
  { word: 'be', n: 2, at: 2000 },
  { word: 'to', n: 3, at: 61_000 },
  { word: 'or', n: 4, at: 62_000 },
]

const strategy = WatermarkStrategy.forMonotonousTimestamps<(typeof TEXTS)[number]>().withTimestampAssigner('at')

describe('streams as tables', () => {
  test('and back keep values of all types, and NULLs', async () => {
    const { env, tables } = await environments()
    const schema = defineSchema({
      boolean: t.boolean().nullable(),
      tiny: t.tinyint(),
      int: t.int().nullable(),
      big: t.bigint(),
      safe: t.safeInt().nullable(),
      float: t.double(),
      decimal: t.decimal(20, 3).nullable(),
      long: t.decimal(38, 2),
      text: t.string().nullable(),
      bytes: t.bytes(),
      bitmap: t.bitmap(),
      date: t.date(),
      time: t.time(),
      at: t.timestamp(3).nullable(),
      exact: t.timestamp(9),
      instant: t.timestampLtz(3),
      list: t.array(t.safeInt().nullable()).nullable(),
      map: t.map(t.string(), t.bigint()),
      row: t.row({ a: t.safeInt(), b: t.string().nullable() }).nullable(),
    })
    const full = {
      ...{
        boolean: true,
        tiny: -1,
        int: 5,
        big: 2n ** 60n,
        safe: 2 ** 50,
        float: 1.5,
        decimal: Decimal.parse('-1.500'),
        long: Decimal.parse('12345678901234567890.12'),
      },
      ...{
        text: 'ä𝄞',
        bytes: new Uint8Array([1, 2]),
        bitmap: new Uint8Array([0x3a, 0x30, 0, 0, 0, 0, 0, 0]),
        date: 3,
        time: 1000,
        at: 5,
        exact: 1_000_000_001n,
        instant: 7,
      },
      ...{ list: [1, null, 3], map: new Map([['a', 1n]]), row: { a: 1, b: null } },
    }
    const empty = { ...full, boolean: null, int: null, safe: null, decimal: null, text: null, at: null, list: null, row: null }
    const table = tables.fromDataStream(env.fromCollection([full, empty], schema))
    expect(table.schema.toString()).toBe(schema.toString())
    const rows = await env.executeAndCollect(table.toDataStream())
    expect(rows).toStrictEqual([full, empty])
    // As columns that are computed with, too.
    const computed = table.where((row) => row.big.gt(0)).select((row) => ({ row: row.row, twice: row.safe.times(2), list: row.list }))
    expect(await env.executeAndCollect(computed.toDataStream())).toStrictEqual([
      { row: full.row, twice: 2 ** 51, list: full.list },
      { row: null, twice: null, list: null },
    ])
  })

  test('keep what a number cannot hold out of columns of safe integers', async () => {
    const { env, tables } = await environments()
    const numbers = tables.fromDataStream(env.fromCollection([{ n: Number.MAX_SAFE_INTEGER }, { n: 1 }], defineSchema({ n: t.safeInt() })))
    const sums = numbers.aggregate((row) => ({ n: row.n.sum() }))
    await expect(env.executeAndCollect(sums.toChangelogStream())).rejects.toSatisfy((error) => hasCode(error, 'VALUE_OUT_OF_TYPE'))
    const exact = numbers.aggregate((row) => ({ n: row.n.cast(t.bigint()).sum() }))
    expect(await env.executeAndCollect(exact.toChangelogStream())).toContainEqual({ rowKind: '+I', n: 2n ** 53n })
  })

  test('have the time of their streams, as a column or beside the columns', async () => {
    const { env, tables } = await environments()
    const stream = env.fromCollection(TEXTS, WORDS).assignTimestampsAndWatermarks(strategy)
    const column = tables.fromDataStream(stream, { rowtime: 'at' })
    const added = tables.fromDataStream(stream.map(({ word, n }) => ({ word, n })).returns({ word: t.string(), n: t.int() }), {
      rowtime: 'ts',
      proctime: 'now',
    })
    expect(added.schema.toString()).toBe('(word STRING NOT NULL, n INT NOT NULL, ts TIMESTAMP_LTZ(3) NOT NULL, now TIMESTAMP_LTZ(3) NOT NULL)')
    const windowsOf = (table: Table<{ readonly n: number }>, time: string) =>
      (table as unknown as Table)
        .window(Tumble.over(60_000).on(time))
        .groupBy('window_start', 'window_end')
        .select((row) => ({ start: row.window_start, n: fn.count() }))
    const expected = [
      { start: 0, n: 2n },
      { start: 60_000, n: 2n },
    ]
    expect(await env.executeAndCollect(windowsOf(column as never, 'at').toDataStream())).toStrictEqual(expected)
    expect(await env.executeAndCollect(windowsOf(added as never, 'ts').toDataStream())).toStrictEqual(expected)
    expect((await env.executeAndCollect(added.select('ts').toDataStream())).map(({ ts }) => ts)).toStrictEqual(TEXTS.map(({ at }) => at))
  })

  test('changes are rows, and rows are changes', async () => {
    const { env, tables } = await environments()
    const words = tables.fromDataStream(env.fromCollection(TEXTS, WORDS))
    tables.executeSql("SET 'table.exec.mini-batch.enabled' = 'false'")
    const counts = words.groupBy('word').select((row) => ({ word: row.word, n: fn.count() }))
    const changes = [
      { rowKind: '+I', word: 'to', n: 1n },
      { rowKind: '+I', word: 'be', n: 1n },
      { rowKind: '-U', word: 'to', n: 1n },
      { rowKind: '+U', word: 'to', n: 2n },
      { rowKind: '+I', word: 'or', n: 1n },
    ]
    const names = { '+I': 'INSERT', '-U': 'UPDATE_BEFORE', '+U': 'UPDATE_AFTER' }
    const log = counts.toChangelog()
    expect(log.schema.toString()).toBe('(op STRING, word STRING NOT NULL, n BIGINT NOT NULL)')
    expect(await env.executeAndCollect(log.toDataStream())).toStrictEqual(
      changes.map(({ rowKind, word, n }) => ({ op: names[rowKind as keyof typeof names], word, n })),
    )
    const kept = counts.toChangelog({ op: 'gone', opMapping: { 'INSERT, UPDATE_AFTER': 'no', DELETE: 'yes' } }).select('word', 'gone')
    expect(await env.executeAndCollect(kept.toDataStream())).toStrictEqual(['to', 'be', 'to', 'or'].map((word) => ({ word, gone: 'no' })))
    expect(await env.executeAndCollect(log.fromChangelog().toChangelogStream())).toStrictEqual(changes)
    const codes = words.fromChangelog({ op: 'word', opMapping: { 'to, be': 'INSERT', x: 'UPDATE_BEFORE', or: 'DELETE' } })
    expect((await env.executeAndCollect(codes.select('n').toChangelogStream())).map(({ rowKind, n }) => [rowKind, n])).toStrictEqual([
      ['+I', 1],
      ['+I', 2],
      ['+I', 3],
      ['-D', 4],
    ])
    await expect(env.executeAndCollect(words.fromChangelog({ op: 'word' }).toChangelogStream())).rejects.toThrow('there is no code "to"')
    const error = errorOf(() => words.toChangelog({ opMapping: { UPSERT: 'u' } }).schema)
    expect(error.message).toContain("There is no change 'UPSERT'")
    expect(error.message).toContain('^')
  })

  test('late records are late in the table too', async () => {
    const { env, tables } = await environments()
    const late = [...TEXTS, { word: 'late', n: 5, at: 1500 }]
    const table = tables.fromDataStream(env.fromCollection(late, WORDS).assignTimestampsAndWatermarks(strategy), { rowtime: 'at' })
    const windows = table
      .window(Tumble.over(60_000).on('at'))
      .groupBy('window_start', 'window_end')
      .aggregate(() => ({ n: fn.count() }))
    expect((await env.executeAndCollect(windows.toDataStream())).map(({ n }) => n)).toStrictEqual([2n, 2n])
    // In batch all rows are there before time passes.
    tables.executeSql("SET 'execution.runtime-mode' = 'batch'")
    expect((await env.executeAndCollect(windows.toDataStream())).map(({ n }) => n)).toStrictEqual([3n, 2n])
  })

  test('rows of tables are records with timestamps and watermarks', async () => {
    const { env, tables } = await environments()
    const table = tables.fromDataStream(env.fromCollection(TEXTS, WORDS).assignTimestampsAndWatermarks(strategy), { rowtime: 'at' })
    const windows = table
      .where((row) => row.n.gt(1))
      .toDataStream()
      .keyBy('word')
      .window(TumblingEventTimeWindows.of(60_000))
      .aggregate({ n: count() })
    const rows = await env.executeAndCollect(windows)
    expect(rows).toHaveLength(3)
    expect(rows).toContainEqual(expect.objectContaining({ word: 'or', n: 1 }))
  })

  test('of side outputs, unions and keyed streams are tables like others', async () => {
    const { env, tables } = await environments()
    const [one, other] = [env.fromCollection(TEXTS, WORDS), env.fromCollection(TEXTS, WORDS)]
    const table = tables.fromDataStream(one.union(other).keyBy((row) => row.n))
    expect(await env.executeAndCollect(table.select('word').toDataStream())).toHaveLength(8)
  })
})

describe('changes', () => {
  const SCHEMA = defineSchema({ rowKind: t.string(), key: t.int(), value: t.string().nullable() })
  type Row = { readonly rowKind: RowKind; readonly key: number; readonly value: string | null }

  test('go through tables as they are', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ key: fc.integer({ min: 0, max: 3 }), value: fc.option(fc.constantFrom('a', 'b')), isDelete: fc.boolean() })),
        async (steps) => {
          const { env, tables } = await environments()
          const held = new Map<number, string | null>()
          const changes = steps.flatMap(({ key, value, isDelete }): Row[] => {
            const old = held.get(key)
            if (isDelete) {
              held.delete(key)
              return old === undefined ? [] : [{ rowKind: '-D', key, value: old }]
            }
            held.set(key, value)
            return old === undefined
              ? [{ rowKind: '+I', key, value }]
              : [
                  { rowKind: '-U', key, value: old },
                  { rowKind: '+U', key, value },
                ]
          })
          const stream = env.fromCollection(changes, SCHEMA) as unknown as DataStream<Row>
          const table = tables.fromChangelogStream(stream)
          expect(await env.executeAndCollect(table.toChangelogStream())).toStrictEqual(changes)
          const counts = table.groupBy('value').aggregate(() => ({ n: fn.count() }))
          const last = new Map<string | null, bigint>()
          for (const { rowKind, value, n } of await env.executeAndCollect(counts.toChangelogStream()))
            if (rowKind === '-D') last.delete(value)
            else if (rowKind !== '-U') last.set(value, n)
          const expected = new Map<string | null, bigint>()
          for (const value of held.values()) expected.set(value, (expected.get(value) ?? 0n) + 1n)
          expect(last).toStrictEqual(expected)
        },
      ),
      { numRuns: 25 },
    )
  })

  test('of a key are told in full, whichever columns are asked for', async () => {
    const { env, tables } = await environments()
    const given: readonly Row[] = [
      { rowKind: '+I', key: 1, value: 'a' },
      { rowKind: '+U', key: 2, value: 'b' },
      { rowKind: '+I', key: 1, value: 'c' },
      { rowKind: '+U', key: 1, value: 'c' },
      { rowKind: '-D', key: 2, value: null },
      { rowKind: '-D', key: 3, value: null },
    ]
    const stream = env.fromCollection(given, SCHEMA) as unknown as DataStream<Row>
    const table = tables.fromChangelogStream(stream, { primaryKey: ['key'], changelogMode: ChangelogMode.UPSERT })
    expect(await env.executeAndCollect(table.toChangelogStream())).toStrictEqual([
      { rowKind: '+I', key: 1, value: 'a' },
      { rowKind: '+I', key: 2, value: 'b' },
      { rowKind: '-U', key: 1, value: 'a' },
      { rowKind: '+U', key: 1, value: 'c' },
      { rowKind: '-D', key: 2, value: 'b' },
    ])
    expect(await env.executeAndCollect(table.select('value').toChangelogStream())).toStrictEqual([
      { rowKind: '+I', value: 'a' },
      { rowKind: '+I', value: 'b' },
      { rowKind: '-U', value: 'a' },
      { rowKind: '+U', value: 'c' },
      { rowKind: '-D', value: 'b' },
    ])
    expect(table.explain('CHANGELOG_MODE')).toContain('ChangelogNormalize(key=[key]')
    expect(errorOf(() => tables.fromChangelogStream(stream, { changelogMode: ChangelogMode.UPSERT }))).toMatchObject({
      code: 'INVALID_TABLE',
      message: expect.stringContaining('nothing says by which columns rows are changed') as string,
    })
    expect(errorOf(() => tables.fromChangelogStream(stream, { changelogMode: 'RETRACT' as never })).message).toContain('changelogMode is one of ALL, UPSERT')
  })

  test('that are none fail the job', async () => {
    const { env, tables } = await environments()
    const stream = env.fromCollection([{ rowKind: '+X', key: 1, value: null }], SCHEMA) as unknown as DataStream<Row>
    await expect(env.executeAndCollect(tables.fromChangelogStream(stream).toChangelogStream())).rejects.toThrow('its rowKind is none of +I, -U, +U, -D')
  })

  test('are no rows: the operator that makes them is named', async () => {
    const { env, tables } = await environments()
    const counts = tables
      .fromDataStream(env.fromCollection(TEXTS, WORDS))
      .groupBy('word')
      .aggregate(() => ({ n: fn.count() }))
    const error = errorOf(() => counts.where((row) => row.n.gt(1)).toDataStream())
    expect(error).toMatchObject({ code: 'TABLE_CHANGES', hint: expect.stringContaining('toChangelogStream()') as string })
    expect(error.message).toContain('GroupAggregate(groupBy=[word]')
    expect(env.graph.transformations).toHaveLength(1)
  })
})

describe('statements', () => {
  test('answer rows, and change the catalog and the options of the job', async () => {
    const { env, tables } = await environments()
    expect(
      tables.executeSql(`
        CREATE TABLE t (a INT NOT NULL, b STRING) WITH ('connector' = 'print');
        CREATE VIEW v AS SELECT a + 1 AS c FROM t;
        SET 'parallelism.default' = '3';
        SET 'pipeline.max-parallelism' = '12';
        SHOW TABLES`),
    ).toStrictEqual([{ 'table name': 't' }, { 'table name': 'v' }])
    expect(env.settings.parallelism).toBe(3)
    expect(env.settings.options.get('pipeline.max-parallelism')).toBe('12')
    expect(tables.from('v').schema.toString()).toBe('(c INT NOT NULL)')
    expect(errorOf(() => tables.executeSql("SET 'paralelism.default' = '2'"))).toMatchObject({ code: 'UNKNOWN_OPTION', position: { line: 1, column: 1 } })
    for (const text of ['SELECT 1', 'SUMMARIZE v', "COPY v TO 'v.csv'"]) expect(errorOf(() => tables.executeSql(text))).toMatchObject({ code: 'NOT_A_JOB' })
    expect(errorOf(() => tables.sqlQuery('SHOW TABLES'))).toMatchObject({ code: 'WRONG_ARGUMENTS' })
  })

  test('INSERTs of both APIs are planned together, and read a stream once', async () => {
    const { env, tables } = await environments()
    tables.executeSql(
      "CREATE TABLE counts (word STRING, n BIGINT) WITH ('connector' = 'blackhole'); CREATE TABLE rows1 (word STRING) WITH ('connector' = 'blackhole')",
    )
    tables.createTemporaryView('words', tables.fromDataStream(env.fromCollection(TEXTS, WORDS)))
    tables.executeSql('INSERT INTO counts SELECT word, COUNT(*) FROM words GROUP BY word')
    tables.from('words').select('word').insertInto('rows1')
    env.explain()
    const names = env.graph.transformations.map(({ settings }) => settings.name)
    expect(names.filter((name) => name === 'FromStream')).toHaveLength(1)
    expect(names.filter((name) => name.startsWith('Blackhole of table'))).toHaveLength(2)
    await env.execute()
    // The next execution has what was inserted since.
    expect(errorOf(() => env.explain())).toMatchObject({ code: 'NO_SINK' })
  })

  test('operators have uids of their own, though streams and INSERTs are planned one by one', async () => {
    const { env, tables } = await environments()
    tables.executeSql("CREATE TABLE counts (word STRING, n BIGINT) WITH ('connector' = 'blackhole')")
    const words = env.fromCollection(TEXTS, WORDS).uid('words')
    tables.createTemporaryView('words', tables.fromDataStream(words))
    const query = 'SELECT word, COUNT(*) AS n FROM words GROUP BY word'
    tables.sqlQuery(query).toChangelogStream().print()
    tables.sqlQuery(query).toChangelogStream().uid('changes').print()
    tables.executeSql(`INSERT INTO counts ${query}`)
    env.explain()
    const uids = env.graph.transformations.flatMap(({ settings: { uid } }) => (uid === undefined ? [] : [uid]))
    expect(uids.filter((uid, index) => uids.indexOf(uid) < index)).toEqual([])
    const groups = uids.filter((uid) => uid.startsWith('GroupAggregate:')).map((uid) => uid.replace(/:[0-9a-f]{16}/, ':'))
    expect(groups).toEqual(['GroupAggregate:', 'GroupAggregate:-2', 'GroupAggregate:-3'])
    expect(uids).toEqual(expect.arrayContaining(['words', 'changes', 'sink:counts']))
  })

  test('run no compiled plans', async () => {
    const { tables } = await environments()
    for (const statement of ["EXECUTE PLAN '/not/there.json'", "EXPLAIN EXECUTE PLAN '/not/there.json'"])
      expect(errorOf(() => tables.executeSql(statement))).toMatchObject({ code: 'NOT_A_JOB', hint: expect.stringContaining('millrace run') as string })
  })

  test('what an INSERT cannot do is said where it stands', async () => {
    const { env, tables } = await environments()
    tables.executeSql("CREATE TABLE files (word STRING, n BIGINT) WITH ('connector' = 'filesystem', 'path' = '/not/there', 'format' = 'json')")
    const words = tables.fromDataStream(env.fromCollection(TEXTS, WORDS))
    const error = errorOf(() => words.insertInto('files'))
    expect(error).toMatchObject({ code: 'WRONG_COLUMN_COUNT' })
    expect(errorOf(() => words.select('word').insertInto('flies'))).toMatchObject({ code: 'UNKNOWN_TABLE', hint: 'Did you mean files?' })
    const counts = words.groupBy('word').aggregate(() => ({ n: fn.count() }))
    expect(errorOf(() => counts.insertInto('files', 'word', 'n'))).toMatchObject({ code: 'SINK_TAKES_NO_CHANGES' })
    expect(env.graph.transformations).toHaveLength(1)
  })

  test('take tables of the program', async () => {
    const { env, tables } = await environments()
    const words = tables.fromDataStream(env.fromCollection(TEXTS, WORDS))
    tables.executeSql(sql`
      CREATE TEMPORARY VIEW longer AS SELECT w.word, n FROM ${words} AS w WHERE n > ${2};
      CREATE TABLE copied WITH ('connector' = 'blackhole') AS SELECT word FROM ${words}`)
    expect(await env.executeAndCollect(tables.from('longer').toDataStream())).toStrictEqual([
      { word: 'to', n: 3 },
      { word: 'or', n: 4 },
    ])
    expect(errorOf(() => tables.executeSql('SHOW CREATE VIEW longer'))).toMatchObject({ code: 'NOT_SUPPORTED' })
  })

  test('say how changes are told', async () => {
    const { env, tables } = await environments()
    const changesOf = async (): Promise<number> => {
      const counts = tables
        .fromDataStream(env.fromCollection(TEXTS, WORDS))
        .groupBy('word')
        .aggregate(() => ({ n: fn.count() }))
        .aggregate((row) => ({ most: row.n.max() }))
      return (await env.executeAndCollect(counts.toChangelogStream())).length
    }
    expect(await changesOf()).toBe(1)
    tables.executeSql("SET 'table.exec.mini-batch.enabled' = 'false'")
    expect(await changesOf()).toBe(3)
  })

  test('join versions of rows of a stream', async () => {
    const { env, tables } = await environments()
    const rate = defineSchema({ currency: t.string(), rate: t.int(), since: t.timestamp(3) })
    const rates = tables.fromDataStream(
      env
        .fromCollection(
          [
            { currency: 'EUR', rate: 2, since: 0 },
            { currency: 'EUR', rate: 3, since: 1500 },
          ],
          rate,
        )
        .assignTimestampsAndWatermarks(WatermarkStrategy.forMonotonousTimestamps<{ since: number }>().withTimestampAssigner('since')),
      { rowtime: 'since', primaryKey: ['currency'] },
    )
    const orders = tables.fromDataStream(env.fromCollection(TEXTS, WORDS).assignTimestampsAndWatermarks(strategy), { rowtime: 'at' })
    const joined = tables.sqlQuery(
      sql`SELECT o.n, r.rate FROM (SELECT *, 'EUR' AS c FROM ${orders}) AS o JOIN ${rates} FOR SYSTEM_TIME AS OF o.${sql.id('at')} AS r ON o.c = r.currency WHERE o.n < 3`,
    )
    expect(await env.executeAndCollect(joined.toDataStream())).toStrictEqual([
      { n: 1, rate: 2 },
      { n: 2, rate: 3 },
    ])
  })

  test('EXPLAIN of tables of streams shows where these end', async () => {
    const { env, tables } = await environments()
    const words = tables.fromDataStream(env.fromCollection(TEXTS, WORDS))
    tables.createTemporaryView('words', words)
    const [{ result }] = tables.executeSql('EXPLAIN CHANGELOG_MODE SELECT word FROM words')
    expect(result).toContain('FromStream(table=[default_catalog.default_database.words], fields=[word, n, at], changelogMode=[I])')
    expect(result).toBe(tables.from('words').select('word').explain('CHANGELOG_MODE'))
    expect(tables.executeSql('DESCRIBE words')).toHaveLength(3)
    expect(env.graph.transformations).toHaveLength(1)
  })

  test('a schema is held against the columns of a table', async () => {
    const { tables } = await environments()
    tables.executeSql("CREATE TABLE t (a INT NOT NULL) WITH ('connector' = 'print')")
    expect(tables.from('t', defineSchema({ a: t.int() })).schema.toString()).toBe('(a INT NOT NULL)')
    expect(errorOf(() => tables.from('t', defineSchema({ a: t.int().nullable() })))).toMatchObject({ code: 'SCHEMA_MISMATCH' })
    expect(errorOf(() => tables.sqlQuery('SELECT a FROM t', defineSchema({ b: t.int() })))).toMatchObject({ code: 'SCHEMA_MISMATCH' })
  })
})

test('elements of collections stand beside their rows, under names or by their fields', async () => {
  const { env, tables } = await environments()
  const schema = defineSchema({ id: t.int(), tags: t.array(t.string()).nullable(), lines: t.array(t.row({ product: t.string(), count: t.int() })) })
  const rows = [
    { id: 1, tags: ['a', 'b'], lines: [{ product: 'x', count: 2 }] },
    { id: 2, tags: null, lines: [] },
  ]
  const orders = tables.fromDataStream(env.fromCollection(rows, schema))
  const tagged = orders.unnest((order) => order.tags, 'tag').select('id', 'tag')
  expect(await env.executeAndCollect(tagged.toDataStream())).toEqual([
    { id: 1, tag: 'a' },
    { id: 1, tag: 'b' },
  ])
  const lines = orders.leftUnnest((order) => order.lines).select((line) => ({ id: line.id, product: line.product, twice: line.count.times(2) }))
  expect(await env.executeAndCollect(lines.toDataStream())).toEqual([
    { id: 1, product: 'x', twice: 4 },
    { id: 2, product: null, twice: null },
  ])
})

test('functions of the program have names in SQL and in expressions', async () => {
  const { env, tables } = await environments()
  tables.createTemporaryFunction('capital', FUNCTIONS.initials)
  tables.createTemporarySystemFunction('REVERSE', FUNCTIONS.initials)
  const words = tables.fromDataStream(env.fromCollection(TEXTS, WORDS))
  const query = tables.sqlQuery(sql`SELECT capital(word) AS c, REVERSE(word) AS u FROM ${words} WHERE n = 1`)
  expect(await env.executeAndCollect(query.toDataStream())).toEqual([{ c: 't', u: 't' }])
  const called = words.where((row) => row.n.eq(2)).select((row) => ({ c: fn.call('capital', row.word) }))
  expect(await env.executeAndCollect(called.toDataStream())).toEqual([{ c: 'b' }])
  expect(errorOf(() => tables.createTemporaryFunction('capital', FUNCTIONS.initials))).toMatchObject({ code: 'FUNCTION_EXISTS' })
})

describe('what cannot be a table', () => {
  const cases: readonly (readonly [string, string, (env: Awaited<ReturnType<typeof environments>>) => unknown])[] = [
    ['INVALID_TABLE', 'the records of the stream have no columns', ({ env, tables }) => tables.fromDataStream(env.fromElements(1))],
    ['INVALID_TABLE', 'the stream is of another environment', ({ tables }) => tables.fromDataStream(Millrace.local().fromCollection(TEXTS, WORDS))],
    [
      'INVALID_TABLE',
      'holds any value of JavaScript',
      ({ env, tables }) => tables.fromDataStream(env.fromCollection([{ any: 1 }], defineSchema({ any: t.object() }))),
    ],
    ['INVALID_TABLE', 'no column "rowKind"', ({ env, tables }) => tables.fromChangelogStream(env.fromCollection(TEXTS, WORDS) as never)],
    ['NO_TIMESTAMP', 'have no timestamps', ({ env, tables }) => tables.fromDataStream(env.fromCollection(TEXTS, WORDS), { rowtime: 'at' })],
    [
      'WRONG_TYPE',
      'a time attribute',
      ({ env, tables }) => tables.fromDataStream(env.fromCollection(TEXTS, WORDS).assignTimestampsAndWatermarks(strategy), { rowtime: 'word' }),
    ],
    ['UNKNOWN_COLUMN', 'no column "wort"', ({ env, tables }) => tables.fromDataStream(env.fromCollection(TEXTS, WORDS), { primaryKey: ['wort' as 'word'] })],
    ['DUPLICATE_COLUMN', 'column "n" already', ({ env, tables }) => tables.fromDataStream(env.fromCollection(TEXTS, WORDS), { proctime: 'n' })],
    ['UNKNOWN_TABLE', 'no table "words"', ({ tables }) => tables.from('words')],
  ]

  test.each(cases)('%s: %s', async (code, message, make) => {
    const made = await environments()
    const error = errorOf(() => make(made))
    expect(error.code).toBe(code)
    expect(error.message).toContain(message)
  })

  test('two time attributes are no timestamp', async () => {
    const { env, tables } = await environments()
    const words = tables.fromDataStream(env.fromCollection(TEXTS, WORDS).assignTimestampsAndWatermarks(strategy), { rowtime: 'at' })
    expect(errorOf(() => words.addColumns((row) => ({ again: row.at })).toDataStream())).toMatchObject({ code: 'SEVERAL_TIME_ATTRIBUTES' })
  })
})

describe('expressions', async () => {
  const { env, tables } = await environments()
  const words = tables.fromDataStream(env.fromCollection(TEXTS, WORDS))
  const loose = words as unknown as Table
  /** What the compiler would refuse: columns used as values. */
  const asValues = (use: (row: { readonly n: number; readonly word: string }) => unknown): never => use as never

  test.each([
    ['+', 'plus', () => loose.select(asValues((row) => ({ a: row.n + 1 })))],
    ['>', 'gt', () => loose.where(asValues((row) => row.n > 1))],
    ['a template', 'concat', () => loose.select(asValues((row) => ({ a: `${row.word}!` })))],
    ['if with a comparison', 'gt', () => loose.where(asValues((row) => (row.n >= 2 ? row.n : 2)))],
  ])('taken for values in %s name the method %s', (_, method, make) => {
    const error = errorOf(make)
    expect(error.code).toBe('EXPRESSION_AS_VALUE')
    expect(error.message).toContain(`"${make.toString().includes('word') ? 'word' : 'n'}"`)
    expect(error.hint).toContain(method)
  })

  test.each([
    ['&&', () => words.where((row) => row.n.gt(1) && row.word.eq('to'))],
    ['?:', () => words.select((row) => ({ a: row.n.gt(1) ? row.n : 0 }))],
    ['!', () => loose.where(((row: never) => !(row as { n: { gt(value: number): unknown } }).n.gt(1)) as never)],
    [
      'if',
      () =>
        words.where((row) => {
          if (row.n.gt(1)) return row.word.eq('to')
          return row.word.eq('be')
        }),
    ],
  ])('conditions that %s takes for true are found out', (_, make) => {
    const error = errorOf(make)
    expect(['EXPRESSION_UNUSED', 'WRONG_EXPRESSION']).toContain(error.code)
    expect(error.hint).toMatch(/and\(\)|&&/)
  })

  test('and what joins them are no such', async () => {
    const both = words.where((row) => {
      const big = row.n.gt(1)
      const short = row.word.eq('to')
      return big.and(short)
    })
    expect(await env.executeAndCollect(both.select('n').toDataStream())).toStrictEqual([{ n: 3 }])
  })

  test.each([
    ['UNKNOWN_COLUMN', 'There is no column "wrd"', 'Did you mean word?', () => loose.select((row) => ({ a: row.wrd }))],
    ['WRONG_EXPRESSION', 'its function returned true', 'gt', () => loose.where(() => true as never)],
    ['WRONG_EXPRESSION', 'it names each column', 'Return an object', () => loose.select((row) => row.n as never)],
    ['WRONG_EXPRESSION', 'column "a" is undefined', undefined, () => loose.select(() => ({ a: undefined }))],
    ['WRONG_EXPRESSION', 'column "a" is an object', undefined, () => loose.select(() => ({ a: {} }))],
    ['WRONG_ARGUMENTS', 'there are no values', 'one', () => words.where((row) => row.n.in())],
    ['WRONG_ARGUMENTS', 'is no number of rows', undefined, () => words.limit(-1)],
    ['DUPLICATE_COLUMN', 'both tables have a column "word"', 'third function', () => words.join(words, (one, other) => one.n.eq(other.n))],
    ['DUPLICATE_COLUMN', 'a column "n" already', 'select()', () => words.addColumns((row) => ({ n: row.n }))],
    ['WRONG_COLUMN_COUNT', '2 names stand for 3 columns', undefined, () => words.as('a', 'b')],
    ['UNKNOWN_COLUMN', 'no column "wrd"', 'Did you mean word?', () => loose.dropColumns('wrd')],
  ])('%s: %s', (code, message, hint, make) => {
    const error = errorOf(make)
    expect(error.code).toBe(code)
    expect(error.message).toContain(message)
    if (hint !== undefined) expect(error.hint).toContain(hint)
  })

  test('errors of the binder show the step with a caret', () => {
    const error = errorOf(() => loose.where((row) => row.n.gt(1)).select((row) => ({ word: row.word, bad: row.word.plus(row.n.times(2)) })))
    expect(error).toBeInstanceOf(SqlError)
    expect(error.message).toBe('+ does not take STRING, BIGINT, line 3, column 14\n  select(word, word + (n * 2) AS bad)\n               ^^^^^^^^^^^^^^')
    expect(errorOf(() => loose.groupBy('word').select((row) => ({ n: row.n })))).toMatchObject({ code: 'NOT_GROUPED' })
  })
})
