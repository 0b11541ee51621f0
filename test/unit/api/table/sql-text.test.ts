// The sql tag: what is put into a text is a value, a table or a name there, whatever it holds.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Millrace } from '../../../../src/api/datastream/millrace.ts'
import { sql, type SqlText } from '../../../../src/api/table/sql-text.ts'
import { StreamTableEnvironment } from '../../../../src/api/table/stream-table-environment.ts'
import { PlanError } from '../../../../src/base/errors.ts'
import { Decimal, defineSchema, t } from '../../../../src/batch/types.ts'
import type { SqlError } from '../../../../src/sql/sql-error.ts'

const env = Millrace.local()
const tables = await StreamTableEnvironment.create(env)
const words = tables.fromDataStream(env.fromCollection([{ word: 'to' }, { word: 'be' }], defineSchema({ word: t.string() })))

const rowsOf = (text: SqlText): Promise<unknown[]> => env.executeAndCollect(tables.sqlQuery(text).toDataStream())

function errorOf(make: () => unknown): SqlError | PlanError {
  try {
    make()
  } catch (error) {
    if (error instanceof PlanError) return error
    throw error
  }
  throw new RangeError('nothing was thrown')
}

describe('values', () => {
  test.each([
    [1, 'INT NOT NULL', 1],
    [-5, 'INT NOT NULL', -5],
    [2 ** 31, 'BIGINT NOT NULL', 2n ** 31n],
    [1.5, 'DOUBLE NOT NULL', 1.5],
    [1e-7, 'DOUBLE NOT NULL', 1e-7],
    [-1e300, 'DOUBLE NOT NULL', -1e300],
    [7n, 'BIGINT NOT NULL', 7n],
    [-(2n ** 63n), 'BIGINT NOT NULL', -(2n ** 63n)],
    ["it's", 'CHAR(4) NOT NULL', "it's"],
    [true, 'BOOLEAN NOT NULL', true],
    [Decimal.parse('-12.340'), 'DECIMAL(5, 3) NOT NULL', Decimal.parse('-12.340')],
    [new Date(1_700_000_000_123), 'TIMESTAMP_LTZ(3) NOT NULL', 1_700_000_000_123],
    [new Uint8Array([0, 255]), 'BINARY(2) NOT NULL', new Uint8Array([0, 255])],
    [[1, 2], 'ARRAY<INT NOT NULL> NOT NULL', [1, 2]],
  ])('%s is a literal %s', async (value, type, read) => {
    const table = tables.sqlQuery(sql`SELECT ${value} AS v`)
    expect(table.schema.toString()).toBe(`(v ${type})`)
    expect(await rowsOf(sql`SELECT ${value} AS v`)).toStrictEqual([{ v: read }])
  })

  test('a decimal of 38 digits keeps them', async () => {
    const decimal = Decimal.parse('12345678901234567890123456789.123456789')
    expect(await rowsOf(sql`SELECT ${decimal} AS v`)).toStrictEqual([{ v: decimal }])
  })

  test('null is NULL', async () => {
    expect(await rowsOf(sql`SELECT COALESCE(${null}, 1) AS v`)).toStrictEqual([{ v: 1 }])
  })

  test('any text comes out as it is, and never is SQL', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom("'; DROP TABLE t; --", "' OR '1' = '1", '${1}', '`', '\\', '--', '/*')),
        async (text) => {
          if (!text.isWellFormed()) return
          expect(await rowsOf(sql`SELECT ${text} AS v, ${1} AS n`)).toStrictEqual([{ v: text, n: 1 }])
        },
      ),
      { numRuns: 60 },
    )
  })

  test('a text stands wherever a string may be written', async () => {
    const own = await StreamTableEnvironment.create(Millrace.local())
    own.executeSql(sql`CREATE TABLE t (a INT) COMMENT ${"it's"} WITH ('connector' = ${'print'}, 'print-identifier' = ${"a'b"})`)
    const [{ result }] = own.executeSql('SHOW CREATE TABLE t')
    expect(result).toContain(`'print-identifier' = 'a''b'`)
    expect(await rowsOf(sql`SELECT word FROM ${words} WHERE word IN (${'to'}, ${'x'})`)).toStrictEqual([{ word: 'to' }])
  })

  test.each([
    ['an object', {}, 'an object is no value'],
    ['undefined', undefined, 'undefined is no value'],
    ['NaN', Number.NaN, 'NaN is no number that can be written'],
    ['a bigint of more than 64 bits', 2n ** 63n, 'more than 64 bits'],
    ['half a character', '\ud800', 'half of a surrogate pair'],
    ['a function', () => 1, 'a function is no value'],
    ['an empty array', [], 'no type'],
    ['a date that is none', new Date(Number.NaN), 'years 1 to 9999'],
  ])('%s is refused with its place', (_, value, reason) => {
    const error = errorOf(() => sql`SELECT 1,\n ${value}`)
    expect(error).toMatchObject({ code: 'WRONG_VALUE', position: { line: 2, column: 2 } })
    expect(error.message).toContain(reason)
  })

  test('a value inside of quotes or a comment is refused', () => {
    for (const make of [() => sql`SELECT '${1}'`, () => sql`SELECT 1 -- ${1}`, () => sql`SELECT /* ${1} */ 1`, () => sql`SELECT a AS \`${'b'}\``]) {
      const error = errorOf(() => tables.sqlQuery(make()))
      expect(error).toMatchObject({ code: 'WRONG_PLACE' })
    }
  })

  test('a value names no table, and a table is no value', () => {
    expect(errorOf(() => tables.sqlQuery(sql`SELECT * FROM ${'/etc/passwd'}`))).toMatchObject({ code: 'WRONG_PLACE', position: { line: 1, column: 15 } })
    expect(errorOf(() => tables.sqlQuery(sql`SELECT * FROM ${1}`))).toMatchObject({ code: 'WRONG_PLACE' })
    expect(errorOf(() => tables.sqlQuery(sql`SELECT * FROM TABLE(TUMBLE(TABLE ${'x'}, DESCRIPTOR(a), INTERVAL '1' DAY))`))).toMatchObject({
      code: 'WRONG_PLACE',
    })
    expect(errorOf(() => tables.sqlQuery(sql`SELECT ${words} + 1`))).toMatchObject({ code: 'WRONG_PLACE' })
  })
})

describe('tables', () => {
  test('stand wherever a table or a query may', async () => {
    const many = tables.sqlQuery(
      sql`SELECT a.word AS l, b.word AS r FROM ${words} AS a JOIN ${words} b ON a.word <> b.word WHERE a.word IN (${words}) AND EXISTS (${words})`,
    )
    const rows = await env.executeAndCollect(many.toDataStream())
    expect(rows).toHaveLength(2)
    expect(rows).toEqual(
      expect.arrayContaining([
        { l: 'to', r: 'be' },
        { l: 'be', r: 'to' },
      ]),
    )
    expect(await rowsOf(sql`SELECT * FROM ${words} UNION ALL (${words})`)).toHaveLength(4)
    expect(await rowsOf(sql`WITH w AS (SELECT * FROM ${words}) SELECT word FROM w WHERE word = ${'be'}`)).toStrictEqual([{ word: 'be' }])
  })

  test('have the names of their views', async () => {
    tables.createTemporaryView('spoken', words)
    expect(await rowsOf(sql`SELECT spoken.word FROM ${tables.from('spoken')} WHERE spoken.word = 'to'`)).toStrictEqual([{ word: 'to' }])
  })

  test('are windowed', () => {
    const error = errorOf(() => tables.sqlQuery(sql`SELECT * FROM TABLE(TUMBLE(TABLE ${words}, DESCRIPTOR(word), INTERVAL '1' DAY))`))
    expect(error.message).toContain('"word" is no time attribute')
  })
})

describe('names', () => {
  test('any name is one', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ minLength: 1, unit: 'grapheme' }), async (name) => {
        expect(await rowsOf(sql`SELECT word AS ${sql.id(name)} FROM ${words} WHERE word = 'to'`)).toStrictEqual([{ [name]: 'to' }])
      }),
      { numRuns: 40 },
    )
  })

  test('have parts', async () => {
    const own = await StreamTableEnvironment.create(Millrace.local())
    own.executeSql("CREATE TABLE `a b` (x INT) WITH ('connector' = 'print')")
    const [first] = own.executeSql(sql`DESCRIBE ${sql.id('default_catalog', 'default_database', 'a b')}`)
    expect(first).toMatchObject({ name: 'x', type: 'INT' })
  })

  test.each([[''], ['\ud800'], [1 as unknown as string]])('%j is none', (name) => {
    expect(errorOf(() => sql.id(name))).toMatchObject({ code: 'WRONG_VALUE' })
  })
})

test('errors show the text with its parameters', () => {
  const error = errorOf(() => tables.sqlQuery(sql`SELECT word + ${1} FROM ${words}`))
  expect(error.message).toBe('+ does not take STRING, INT, line 1, column 8\n  SELECT word + ${1} FROM ${2}\n         ^^^^^^^^^^^')
})

test('is a tag, not a function', () => {
  expect(errorOf(() => (sql as unknown as (text: string) => unknown)('SELECT 1'))).toMatchObject({ code: 'WRONG_VALUE' })
})
