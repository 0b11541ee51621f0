import { expect, test } from 'vitest'
import {
  childTypesOf,
  type DataType,
  Decimal,
  defineSchema,
  formatType,
  isObjectSchema,
  OBJECT_SCHEMA,
  physicalKindOf,
  sameType,
  Schema,
  t,
  typeWordOf,
  withNullability,
} from '../../../src/batch/types.ts'
import { PhysicalKind, TypeCode, VALUE_BYTES } from '../../../src/kernels/column-layout.ts'

const SQL: readonly (readonly [DataType<unknown>, string, PhysicalKind])[] = [
  [t.boolean(), 'BOOLEAN NOT NULL', PhysicalKind.BIT],
  [t.tinyint(), 'TINYINT NOT NULL', PhysicalKind.INT8],
  [t.smallint(), 'SMALLINT NOT NULL', PhysicalKind.INT16],
  [t.int().nullable(), 'INT', PhysicalKind.INT32],
  [t.bigint(), 'BIGINT NOT NULL', PhysicalKind.INT64],
  [t.safeInt(), 'BIGINT NOT NULL', PhysicalKind.INT64],
  [t.float(), 'FLOAT NOT NULL', PhysicalKind.FLOAT32],
  [t.double(), 'DOUBLE NOT NULL', PhysicalKind.FLOAT64],
  [t.decimal(18, 2), 'DECIMAL(18, 2) NOT NULL', PhysicalKind.INT64],
  [t.decimal(19), 'DECIMAL(19, 0) NOT NULL', PhysicalKind.INT128],
  [t.char(3), 'CHAR(3) NOT NULL', PhysicalKind.BYTES],
  [t.varchar(9), 'VARCHAR(9) NOT NULL', PhysicalKind.BYTES],
  [t.string().nullable(), 'STRING', PhysicalKind.BYTES],
  [t.binary(4), 'BINARY(4) NOT NULL', PhysicalKind.BYTES],
  [t.varbinary(4), 'VARBINARY(4) NOT NULL', PhysicalKind.BYTES],
  [t.bytes(), 'BYTES NOT NULL', PhysicalKind.BYTES],
  [t.variant(), 'VARIANT NOT NULL', PhysicalKind.BYTES],
  [t.bitmap(), 'BITMAP NOT NULL', PhysicalKind.BYTES],
  [t.date(), 'DATE NOT NULL', PhysicalKind.INT32],
  [t.time(3), 'TIME(3) NOT NULL', PhysicalKind.INT32],
  [t.timestamp(), 'TIMESTAMP(3) NOT NULL', PhysicalKind.INT64],
  [t.timestamp(6), 'TIMESTAMP(6) NOT NULL', PhysicalKind.INT64],
  [t.timestampLtz(7), 'TIMESTAMP_LTZ(7) NOT NULL', PhysicalKind.TIMESTAMP_NANOS],
  [t.intervalMonths(), 'INTERVAL YEAR TO MONTH NOT NULL', PhysicalKind.INT32],
  [t.intervalMs(), 'INTERVAL DAY TO SECOND(3) NOT NULL', PhysicalKind.INT64],
  [t.array(t.int().nullable()), 'ARRAY<INT> NOT NULL', PhysicalKind.LIST],
  [t.map(t.string(), t.double()), 'MAP<STRING NOT NULL, DOUBLE NOT NULL> NOT NULL', PhysicalKind.MAP],
  [t.multiset(t.int()), 'MULTISET<INT NOT NULL> NOT NULL', PhysicalKind.MAP],
  [
    t.row({ a: t.int().nullable(), 'two words': t.string().nullable(), 'tick`': t.boolean().nullable() }).nullable(),
    'ROW<a INT, `two words` STRING, `tick``` BOOLEAN>',
    PhysicalKind.STRUCT,
  ],
  [t.object(), 'OBJECT', PhysicalKind.OBJECT],
]

test.each(SQL)('formatType() writes %# as SQL does, physicalKindOf() knows its layout', ({ logical }, text, kind) => {
  expect([formatType(logical), physicalKindOf(logical)]).toEqual([text, kind])
})

test('typeWordOf() packs code, precision and scale', () => {
  expect(typeWordOf(t.decimal(10, 2).logical)).toBe(TypeCode.DECIMAL | (10 << 8) | (2 << 16))
  expect(typeWordOf(t.timestamp(9).logical)).toBe(TypeCode.TIMESTAMP | (9 << 8))
  expect(typeWordOf(t.string().logical)).toBe(TypeCode.VARCHAR)
  expect(new Set(SQL.map(([{ logical }]) => typeWordOf(logical) & 0xff)).size).toBe(Object.keys(TypeCode).length)
})

test('every physical kind has a width', () => {
  expect(VALUE_BYTES.length).toBe(Object.keys(PhysicalKind).length)
})

test('childTypesOf() lists children in storage order', () => {
  expect(childTypesOf(t.multiset(t.string()).logical).map(({ name, type }) => `${name} ${formatType(type)}`)).toEqual([
    'key STRING NOT NULL',
    'value INT NOT NULL',
  ])
  expect(childTypesOf(t.row({ a: t.int(), b: t.int() }).logical).map(({ name }) => name)).toEqual(['a', 'b'])
  expect(childTypesOf(t.int().logical)).toEqual([])
})

test('sameType() compares structure and nullability', () => {
  expect(sameType(t.array(t.int()).logical, t.array(t.int()).logical)).toBe(true)
  expect(sameType(t.array(t.int()).logical, t.array(t.int().nullable()).logical)).toBe(false)
  expect(sameType(t.decimal(5, 1).logical, t.decimal(5, 2).logical)).toBe(false)
  const int = t.int().logical
  expect(withNullability(int, false)).toBe(int)
  expect(withNullability(int, true)).toEqual({ kind: 'INT', nullable: true })
})

test.each([
  ['a decimal precision of', () => t.decimal(39)],
  ['a decimal precision of', () => t.decimal(0)],
  ['a decimal scale of', () => t.decimal(5, 6)],
  ['a CHAR length of', () => t.char(0)],
  ['a TIME precision of', () => t.time(4)],
  ['a TIMESTAMP precision of', () => t.timestamp(10)],
  ['a VARCHAR length of', () => t.varchar(1.5)],
])('t refuses %s out of range', (message, declare) => {
  expect(declare).toThrow(expect.objectContaining({ code: 'INVALID_TYPE', message: expect.stringContaining(message) as string }) as Error)
})

test.each([
  ['0', 0n, 0],
  ['-12.340', -12340n, 3],
  ['+7', 7n, 0],
  ['7.', 7n, 0],
  ['0.05', 5n, 2],
  ['99999999999999999999999999999999999999', 10n ** 38n - 1n, 0],
])('Decimal.parse() reads %s', (text, unscaled, scale) => {
  expect(Decimal.parse(text)).toEqual(new Decimal(unscaled, scale))
})

test.each(['', '-', '.5', '1e3', '1 ', ' 1', '1.2.3', '0x1', '1,5'])('Decimal.parse() refuses "%s"', (text) => {
  expect(() => Decimal.parse(text)).toThrow(expect.objectContaining({ code: 'INVALID_DECIMAL' }) as Error)
})

test('Decimal writes all digits of its scale', () => {
  expect([new Decimal(1200n, 3), new Decimal(-5n, 2), new Decimal(0n, 2), new Decimal(42n, 0), new Decimal(-42n, 0)].map(String)).toEqual([
    '1.200',
    '-0.05',
    '0.00',
    '42',
    '-42',
  ])
  expect(JSON.stringify({ price: new Decimal(1050n, 2) })).toBe('{"price":"10.50"}')
  expect(new Decimal(-1050n, 2).toNumber()).toBe(-10.5)
})

test('Decimal.compare() compares values whatever their scales', () => {
  expect(new Decimal(10n, 1).compare(new Decimal(1n, 0))).toBe(0)
  expect(new Decimal(-11n, 1).compare(new Decimal(-1n, 0))).toBeLessThan(0)
  expect(new Decimal(10n ** 37n, 0).compare(new Decimal(10n ** 37n - 1n, 0))).toBeGreaterThan(0)
})

test('Schema finds columns by name and prints itself', () => {
  const schema = defineSchema({ a: t.int(), b: t.string().nullable() })
  expect([schema.indexOf('b'), schema.indexOf('c'), schema.requireIndex('a')]).toEqual([1, -1, 0])
  expect(() => schema.requireIndex('c')).toThrow('Cannot find column "c": known columns are "a", "b"')
  expect(String(schema)).toBe('(a INT NOT NULL, b STRING)')
  expect(() => new Schema([...schema.fields, schema.fields[0]])).toThrow(expect.objectContaining({ code: 'DUPLICATE_COLUMN' }) as Error)
})

test('isObjectSchema() knows streams of JavaScript values', () => {
  expect([
    isObjectSchema(OBJECT_SCHEMA),
    isObjectSchema(defineSchema({ value: t.int() })),
    isObjectSchema(defineSchema({ value: t.object(), n: t.int() })),
  ]).toEqual([true, false, false])
})
