import { expect, test } from 'vitest'
import { Slab } from '../../../src/base/slab.ts'
import { Column } from '../../../src/batch/column.ts'
import { type DataType, Decimal, t } from '../../../src/batch/types.ts'
import { readValue, writeValue } from '../../../src/batch/values.ts'
import { parseVariant } from '../../../src/batch/variant.ts'

const columnOf = (type: DataType<unknown>, rows: number = 8): Column => Column.allocate(new Slab(), type.logical, rows)

function roundTrip(type: DataType<unknown>, values: readonly unknown[]): unknown[] {
  const column = columnOf(type, values.length)
  values.forEach((value, row) => writeValue(column, row, value))
  return values.map((_, row) => readValue(column, row))
}

test.each<[string, DataType<unknown>, readonly unknown[]]>([
  ['BOOLEAN', t.boolean(), [true, false, false, true, true, true, true, true, false, true]],
  ['TINYINT', t.tinyint(), [-128, 127, 0]],
  ['SMALLINT', t.smallint(), [-32768, 32767]],
  ['INT', t.int(), [-2147483648, 2147483647]],
  ['BIGINT', t.bigint(), [-(2n ** 63n), 2n ** 63n - 1n, 0n]],
  ['BIGINT as number', t.safeInt(), [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, -1]],
  ['FLOAT', t.float(), [0.5, -0, NaN, Infinity]],
  ['DOUBLE', t.double(), [0.1, -0, NaN, -Infinity, 5e-324]],
  ['DECIMAL(18)', t.decimal(18, 3), [new Decimal(10n ** 18n - 1n, 3), new Decimal(-1n, 3)]],
  ['DECIMAL(38)', t.decimal(38, 38), [new Decimal(10n ** 38n - 1n, 38), new Decimal(-(10n ** 38n) + 1n, 38), new Decimal(-1n, 38), new Decimal(2n ** 64n, 38)]],
  ['STRING', t.string(), ['', 'plain', 'naïve', '日本語', '😀', 'a'.repeat(1000), '\u0000', 'ü'.repeat(30)]],
  ['STRING with a byte order mark', t.string(), ['\uFEFFtext', '\uFEFF', 'a\uFEFF']],
  ['BYTES', t.bytes(), [new Uint8Array(), new Uint8Array([0, 255])]],
  ['VARIANT', t.variant(), [parseVariant('null'), parseVariant('{"b":[1.50],"a":"x"}')]],
  ['BITMAP', t.bitmap(), [new Uint8Array([0x3a, 0x30, 0, 0, 0, 0, 0, 0])]],
  ['DATE', t.date(), [-719162, 0, 19000]],
  ['TIME', t.time(3), [0, 86_399_999]],
  ['TIMESTAMP(3)', t.timestamp(3), [-1, 0, 1_700_000_000_000, -62135596800000]],
  ['TIMESTAMP(6)', t.timestamp(6), [-1000n, 1_700_000_000_123_456_000n]],
  ['TIMESTAMP(9)', t.timestamp(9), [-1n, 1_700_000_000_123_456_789n, -(2n ** 70n)]],
  ['INTERVAL YEAR TO MONTH', t.intervalMonths(), [-14, 14]],
  ['INTERVAL DAY TO SECOND', t.intervalMs(), [-1, 2 ** 50]],
  ['ARRAY', t.array(t.string().nullable()), [[], ['a', null], ['']]],
  ['ARRAY of ARRAY', t.array(t.array(t.int()).nullable()), [[[1], null, [2, 3]], [], [[]]]],
  [
    'MAP',
    t.map(t.string(), t.array(t.int()).nullable()),
    [
      new Map(),
      new Map<string, number[] | null>([
        ['a', [1]],
        ['b', null],
      ]),
    ],
  ],
  ['MULTISET', t.multiset(t.string()), [new Map([['a', 2]]), new Map()]],
  [
    'ROW',
    t.row({ a: t.int().nullable(), b: t.row({ c: t.string() }).nullable() }).nullable(),
    [{ a: 1, b: { c: 'x' } }, null, { a: null, b: null }, { a: 2, b: { c: '' } }],
  ],
  ['OBJECT', t.object(), [{ any: [1] }, null, 'text', 5n]],
])('%s values come back as they were written', (_name, type, values) => {
  expect(roundTrip(type, values)).toEqual(values)
})

test('NULLs come back in every nullable type', () => {
  const samples: readonly [DataType<unknown>, unknown][] = [
    [t.boolean(), true],
    [t.int(), 5],
    [t.bigint(), 5n],
    [t.decimal(30), new Decimal(5n, 0)],
    [t.timestamp(9), 5n],
    [t.string(), 'x'],
    [t.array(t.int()), [1]],
    [t.map(t.int(), t.int()), new Map([[1, 2]])],
    [t.row({ a: t.string(), b: t.array(t.int()) }), { a: 'x', b: [1, 2] }],
  ]
  for (const [type, value] of samples) {
    const values = [null, value, null, null, value, null]
    expect(roundTrip(type.nullable(), values)).toEqual(values)
  }
})

test('what is written is what is meant: undefined is NULL, a bigint is a DECIMAL of scale 0, numbers are BIGINT', () => {
  expect(roundTrip(t.int().nullable(), [undefined])).toEqual([null])
  expect(roundTrip(t.object(), [undefined])).toEqual([null])
  expect(roundTrip(t.decimal(10, 2), [5n, new Decimal(15n, 1)])).toEqual([new Decimal(500n, 2), new Decimal(150n, 2)])
  expect(roundTrip(t.bigint(), [7])).toEqual([7n])
  expect(roundTrip(t.safeInt(), [7n])).toEqual([7])
})

test.each<[string, DataType<unknown>, readonly unknown[]]>([
  ['NULL in NOT NULL', t.int(), [null, undefined]],
  ['a BOOLEAN', t.boolean(), [1, 'true']],
  ['a TINYINT', t.tinyint(), [128, -129, 1.5, '1', NaN]],
  ['a SMALLINT', t.smallint(), [32768, -32769]],
  ['an INT', t.int(), [2 ** 31, -(2 ** 31) - 1, Infinity]],
  ['a BIGINT', t.bigint(), [2n ** 63n, -(2n ** 63n) - 1n, 2 ** 53, 1.5, '1']],
  ['a safe BIGINT', t.safeInt(), [2n ** 53n, 2 ** 53, -(2n ** 53n)]],
  ['a DOUBLE', t.double(), ['1', 1n]],
  ['a DECIMAL', t.decimal(5, 2), [new Decimal(100000n, 2), new Decimal(1n, 3), 1.5, '1']],
  ['a STRING', t.string(), [5, '\ud800', 'x\udc00y', new Uint8Array()]],
  ['BYTES', t.bytes(), ['text', [1, 2]]],
  ['BITMAP', t.bitmap(), ['{1}', [1, 2]]],
  ['a TIME', t.time(3), [-1, 86_400_000]],
  ['a TIMESTAMP(3)', t.timestamp(3), [5.5, '2020-01-01', 2n ** 60n]],
  ['a TIMESTAMP(6)', t.timestamp(6), [5, 2n ** 80n, -(2n ** 80n)]],
  ['a TIMESTAMP(9)', t.timestamp(9), [5, 2n ** 100n, -(2n ** 100n)]],
  ['a CHAR(2)', t.char(2), ['abc', '😀😀😀', 5]],
  ['a VARCHAR(3)', t.varchar(3), ['abcdef', 'äöüß']],
  ['a BINARY(2)', t.binary(2), [new Uint8Array(3), new Uint8Array(1), 'ab']],
  ['a VARBINARY(2)', t.varbinary(2), [new Uint8Array(3)]],
  ['an ARRAY', t.array(t.int()), ['text', { length: 1 }, [1, null]]],
  ['an ARRAY of VARCHAR(1)', t.array(t.varchar(1)), [['a', 'bc']]],
  ['a MAP', t.map(t.string(), t.int()), [{ a: 1 }, [['a', 1]]]],
  ['a ROW', t.row({ a: t.int() }), ['text', { a: 'x' }, {}]],
])('%s refuses values that do not fit', (_name, type, values) => {
  for (const value of values) expect(() => writeValue(columnOf(type), 0, value)).toThrow(expect.objectContaining({ code: 'VALUE_OUT_OF_TYPE' }) as Error)
})

test.each<[string, DataType<unknown>, readonly unknown[], readonly unknown[]]>([
  ['CHAR is padded with blanks', t.char(3), ['', 'a', 'abc', '😀', 'é!'], ['   ', 'a  ', 'abc', '😀  ', 'é! ']],
  ['VARCHAR counts characters, not units or bytes', t.varchar(3), ['', 'abc', '😀😀😀', '日本語'], ['', 'abc', '😀😀😀', '日本語']],
  ['VARBINARY keeps what is shorter', t.varbinary(2), [new Uint8Array([7])], [new Uint8Array([7])]],
  ['TIME(0) is cut', t.time(0), [86_399_999, 999], [86_399_000, 0]],
  ['TIME(2) is cut', t.time(2), [1_239], [1_230]],
  ['TIMESTAMP(0) is cut towards the past', t.timestamp(0), [1_999, -1, -1_000], [1_000, -1_000, -1_000]],
  ['TIMESTAMP_LTZ(1) is cut', t.timestampLtz(1), [1_299, -1], [1_200, -100]],
  ['TIMESTAMP(4) is cut', t.timestamp(4), [1_299_999n, -1n], [1_200_000n, -100_000n]],
  ['TIMESTAMP(6) is cut', t.timestamp(6), [1_999n, -1n], [1_000n, -1_000n]],
  ['TIMESTAMP(7) is cut', t.timestamp(7), [199n, -1n], [100n, -100n]],
  ['TIMESTAMP(8) is cut', t.timestamp(8), [19n, -1n], [10n, -10n]],
])('%s', (_name, type, values, stored) => {
  expect(roundTrip(type, values)).toEqual(stored)
})

test('a length that does not fit is told with the type and the length', () => {
  expect(() => writeValue(columnOf(t.varchar(3)), 0, 'abcdef')).toThrow('Cannot store "abcdef" as VARCHAR(3) NOT NULL: it has 6 characters')
  expect(() => writeValue(columnOf(t.char(1).nullable()), 0, 'x'.repeat(1000))).toThrow(`Cannot store "${'x'.repeat(40)}…" as CHAR(1): it has 1000 characters`)
  expect(() => writeValue(columnOf(t.binary(2)), 0, new Uint8Array(1))).toThrow('Cannot store bytes as BINARY(2) NOT NULL: it has 1 byte')
})

test('what is no integer is told what the integers of its type are', () => {
  const date = new Date(0)
  expect(() => writeValue(columnOf(t.int()), 0, 'x')).toThrow('expected an integer')
  expect(() => writeValue(columnOf(t.date()), 0, date)).toThrow('expected days since 1970-01-01')
  expect(() => writeValue(columnOf(t.time(3)), 0, '10:00')).toThrow('expected milliseconds of the day')
  expect(() => writeValue(columnOf(t.timestamp(3)), 0, date)).toThrow('expected epoch milliseconds, as getTime() of a Date gives')
  expect(() => writeValue(columnOf(t.timestampLtz(9)), 0, date)).toThrow('expected epoch nanoseconds as a bigint')
})

test('a refused row is overwritten by the next one, NULLs of it are not counted', () => {
  const column = columnOf(t.row({ a: t.int().nullable(), list: t.array(t.string().nullable()), n: t.int() }))
  expect(() => writeValue(column, 0, { a: null, list: ['long text', null, null], n: 'bad' })).toThrow('expected an integer')
  writeValue(column, 0, { a: 1, list: ['b', 'c', 'd'], n: 2 })
  writeValue(column, 1, { a: 3, list: ['e'], n: 4 })
  expect([0, 1].map((row) => readValue(column, row))).toEqual([
    { a: 1, list: ['b', 'c', 'd'], n: 2 },
    { a: 3, list: ['e'], n: 4 },
  ])
  expect([column.children[0].nullCount, column.children[1].children[0].nullCount]).toEqual([0, 0])
})

test('a NULL row that is written again counts as present', () => {
  const column = columnOf(t.int().nullable())
  writeValue(column, 0, null)
  writeValue(column, 0, 5)
  expect([column.nullCount, readValue(column, 0)]).toEqual([0, 5])
})

test('BYTES are a copy', () => {
  const column = columnOf(t.bytes())
  writeValue(column, 0, new Uint8Array([1, 2]))
  const bytes = readValue(column, 0) as Uint8Array
  bytes[0] = 9
  expect([bytes.buffer instanceof ArrayBuffer, readValue(column, 0)]).toEqual([true, new Uint8Array([1, 2])])
})
